package handlers

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/store"
)

// W-22: an alternate path is never one of ours, so that nobody is given one that shadows a route.
func TestW22_NoRouteOfOursCanBeAnAlternatePath(t *testing.T) {
	all := newProduct(t).surface()
	for _, route := range all.routes() {
		_, path, _ := strings.Cut(route.Pattern, "/")
		path = strings.TrimSuffix("/"+path, "{$}")
		if path == "/{alternate...}" {
			continue
		}
		if !store.IsOwnPath(path) {
			t.Errorf("%s could be given away as an alternate path", route.Pattern)
		}
		if all.of(path) == http.Handler(all.alternates) {
			t.Errorf("%s is led to alternate paths", route.Pattern)
		}
	}
	for _, path := range []string{"/api/oauth/saml", "/realms/acme/broker/okta/endpoint", "/sso/acs"} {
		if store.IsOwnPath(path) || all.of(path) != http.Handler(all.alternates) {
			t.Errorf("%s is not led to alternate paths", path)
		}
	}
}

// What comes to a path that is nobody's is not there, whatever it is.
func TestWhatIsForNoConnectionIsNotThere(t *testing.T) {
	b := newProduct(t).found("a").browser()
	for _, path := range []string{"/api/oauth/saml", "/nothing/at/all"} {
		for name, values := range map[string]url.Values{
			"no message": {"a": {"b"}}, "no base64": {"SAMLResponse": {"%"}}, "no XML": {"SAMLResponse": {"YWJj"}},
			"no issuer": {"SAMLResponse": {"PHNhbWxwOlJlc3BvbnNlIHhtbG5zOnNhbWxwPSJ1cm46b2FzaXM6bmFtZXM6dGM6U0FNTDoyLjA6cHJvdG9jb2wiLz4="}},
		} {
			if shown := b.send(http.MethodPost, path, "cross-site", values); shown.Status != http.StatusNotFound {
				t.Errorf("%s with %s: %d", path, name, shown.Status)
			}
		}
		for _, query := range []string{"", "?state=x&code=y"} {
			if shown := b.send(http.MethodGet, path+query, "cross-site", nil); shown.Status != http.StatusNotFound {
				t.Errorf("%s%s: %d", path, query, shown.Status)
			}
		}
	}
}

// An owner sees what the connection brought along, and goes over to our own addresses and back.
func TestAnOwnerGoesOverFromTheAlternateAddresses(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	c, err := acme.scope.CreateDraft(t.Context(), operator, store.NewConnection{Name: "Okta", Protocol: store.ProtocolSAML,
		SAML: store.SAMLSettings{EntityID: "https://idp.acme.test"}, Alternate: store.Alternate{EntityID: "https://saml.boxyhq.com", Path: "/api/oauth/saml"}}, store.NewKey{})
	p.ok(err)
	one := "/organizations/" + acme.ID + "/connections/" + c.ID
	acme.owner.get(one).want(http.StatusOK, "https://saml.boxyhq.com", publicURL+"/api/oauth/saml", "came here from another product")
	page := acme.owner.get(one+"/options").want(http.StatusOK, "Addresses from before the move", "https://idp.acme.test")
	acme.owner.post(one+"/options/alternate", "version", page.value("version"), "alternate", "neither").want(http.StatusUnprocessableEntity, "Choose one of the two.")
	acme.owner.post(one+"/options/alternate", "version", page.value("version"), "alternate", "own").want(http.StatusOK, "Which addresses are used is saved.")
	now, err := acme.scope.Connection(t.Context(), c.ID)
	p.ok(err)
	if now.Settings.AlternateEntityID+now.Settings.AlternateACS != "" {
		t.Errorf("it goes by %+v", now.Settings)
	}
	page = acme.owner.get(one + "/options")
	acme.owner.post(one+"/options/alternate", "version", page.value("version"), "alternate", "alternate").want(http.StatusOK, "Which addresses are used is saved.")
	now, err = acme.scope.Connection(t.Context(), c.ID)
	p.ok(err)
	if now.Settings.AlternateACS != "/api/oauth/saml" {
		t.Errorf("it goes by %+v", now.Settings)
	}
}
