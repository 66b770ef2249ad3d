package handlers

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestAnOpenIDProviderMayAskByAForm: the browser goes on to the same address by GET, with what the standard names and nothing else, and its cookies
// stay as they are.
func TestAnOpenIDProviderMayAskByAForm(t *testing.T) {
	b := newProduct(t).browser()
	ask := func(path string, fields url.Values) *page {
		r := httptest.NewRequest(http.MethodPost, publicURL+path, strings.NewReader(fields.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Origin", "https://idp.test")
		return b.exchange(r)
	}
	wish := url.Values{"iss": {"https://idp.test"}, "login_hint": {"ada@corp.test"}, "target_link_uri": {"/projects"}}
	fields := url.Values{"code": {"stolen"}, "state": {"s"}}
	for name, values := range wish {
		fields[name] = values
	}
	shown := ask("/oidc/con_1/initiate", fields)
	if location := shown.Header.Get("Location"); shown.Status != http.StatusSeeOther || location != "/oidc/con_1/initiate?"+wish.Encode() {
		t.Errorf("%d to %s", shown.Status, location)
	}
	if cookies := shown.Header.Values("Set-Cookie"); len(cookies) > 0 {
		t.Errorf("it sets %v", cookies)
	}
	if status := ask("/oidc/%2F%2Fevil.test%2F/initiate", fields).Status; status != http.StatusBadRequest {
		t.Errorf("a way off our origin: %d", status)
	}
}
