package handlers

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// W-01: no other site makes a browser write anything, whoever is signed in in it.
func TestW01_NoOtherSiteWrites(t *testing.T) {
	p := newProduct(t)
	a := furnish(p.found("a")).withBinding()
	before := p.everything()
	for _, pattern := range p.surface().patterns() {
		if strings.HasPrefix(pattern, authorizePath) {
			continue // changes nothing, whatever the method; that it tells of nobody's writes is TestW01_AnotherSiteDoesNotWriteThroughAProxy
		}
		method, path := a.path(route{pattern: pattern}, a.ids)
		if method == http.MethodGet {
			continue
		}
		for kind, header := range map[string]http.Header{
			"another site":             {"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.test"}},
			"a sister site":            {"Sec-Fetch-Site": {"same-site"}, "Origin": {"https://evil.gatehouse.test"}},
			"an older browser":         {"Origin": {"https://evil.test"}},
			"an origin that hides":     {"Origin": {"null"}},
			"our host by another port": {"Origin": {publicURL + ":8443"}},
			"our host without TLS":     {"Sec-Fetch-Site": {"cross-site"}, "Origin": {"http://gatehouse.test"}},
		} {
			r := httptest.NewRequest(method, publicURL+path, strings.NewReader("SAMLResponse=x"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			maps.Copy(r.Header, header)
			for _, cookie := range a.owner.jar { // even if a browser sent them
				r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
			}
			shown := p.browser().exchange(r)
			exempt := slices.Contains(openToOtherSites, pattern)
			if refused := shown.Status == http.StatusForbidden; refused == exempt {
				t.Errorf("%s from %s: %d", pattern, kind, shown.Status)
			}
		}
	}
	if after := p.everything(); strings.Split(after, "logins")[0] != strings.Split(before, "logins")[0] {
		t.Errorf("another site changed something:\n%s\n%s", before, after)
	}
	for _, route := range p.surface().routes() {
		if route.CrossOrigin != slices.Contains(openToOtherSites, route.Pattern) {
			t.Errorf("%s: open to other sites: %t", route.Pattern, route.CrossOrigin)
		}
	}
}

// W-10 and W-25: what goes wrong before a route is reached is answered with all headers, too, and says nothing. That all other answers have
// the headers is checked with every request of these tests.
func TestW10_HeadersAreOnEveryAnswer(t *testing.T) {
	b := newProduct(t).found("a").browser()
	for path, status := range map[string]int{"/nothing": 404, "/saml/": 404, "/saml/x/nothing": 404, "/v1/nothing": 404, "/%2e%2e/x": 400, "/static/nothing.css": 404, "/healthz": 200, "/logout": 405} {
		if shown := b.send(http.MethodGet, path, "same-origin", nil); shown.Status != status {
			t.Errorf("%s: %d, want %d", path, shown.Status, status)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "https://evil.test/login", nil)
	b.leading.Store(publicURL, true)
	if shown := b.exchange(r); shown.Status != http.StatusPermanentRedirect || shown.Header.Get("Location") != publicURL+"/login" {
		t.Errorf("another host: %d to %s", shown.Status, shown.Header.Get("Location"))
	}
	r = httptest.NewRequest(http.MethodPost, "https://evil.test/login", nil)
	if shown := b.exchange(r); shown.Status != http.StatusMisdirectedRequest {
		t.Errorf("a form for another host: %d", shown.Status)
	}
}
