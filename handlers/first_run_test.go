package handlers

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/web"
)

// firstRunAt asks an installation without an owner for its start page, as it stands at that address, from a browser at this one.
func (p *product) firstRunAt(base, from string, headers ...string) *httptest.ResponseRecorder {
	p.Helper()
	at, err := url.Parse(base)
	p.ok(err)
	o := p.options
	o.URL, o.Site = at, web.Site{URL: at, Log: o.Log}
	o.FirstRun = FirstRun{Path: "/welcome/the-one-link", ExpiresAt: startOfTests.Add(time.Hour)}
	handler, err := New(o)
	p.ok(err)
	r := httptest.NewRequest(http.MethodGet, base+"/login", nil)
	r.RemoteAddr = from
	for _, name := range headers {
		r.Header.Set(name, "203.0.113.7")
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// The link makes whoever finds it the owner: it is shown to somebody who sits at the machine itself, and to nobody else.
func TestTheFirstRunLinkIsForWhoeverSitsAtTheMachine(t *testing.T) {
	p := newProduct(t)
	shows := func(base, from string, headers ...string) bool {
		t.Helper()
		w := p.firstRunAt(base, from, headers...)
		shown := &page{product: p, request: httptest.NewRequest(http.MethodGet, base+"/login", nil), Status: w.Code, Header: w.Header(), Body: w.Body.String()}
		for _, link := range shown.want(http.StatusOK).links() {
			if link == base+"/welcome/the-one-link" {
				return true
			}
		}
		shown.lacks("the-one-link")
		return false
	}
	if !shows("http://localhost:8080", "127.0.0.1:4711") || !shows("http://localhost:8080", "[::1]:4711") {
		t.Error("somebody at the machine itself does not see the link")
	}
	if shows("http://localhost:8080", "203.0.113.7:4711") {
		t.Error("another machine sees the link")
	}
	if shows("https://gatehouse.test", "127.0.0.1:4711") {
		t.Error("a public installation behind a proxy on the same machine shows the link")
	}
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Anything", "X-Real-IP", "Via"} {
		if shows("http://localhost:8080", "127.0.0.1:4711", header) {
			t.Errorf("somebody behind a proxy on the machine (%s) sees the link", header)
		}
	}
	p.pass(time.Hour)
	if shows("http://localhost:8080", "127.0.0.1:4711") {
		t.Error("a link that has run out is shown")
	}
	p.found("acme")
	if shows("http://localhost:8080", "127.0.0.1:4711") {
		t.Error("an installation with an owner shows the link")
	}
}
