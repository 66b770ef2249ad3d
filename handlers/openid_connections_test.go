package handlers

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// openIDConnection is a connection to an OpenID provider that runs as a real server, set up by the form as an owner does it, and active.
func (o *organization) openIDConnection() (*connection, *idptest.OpenID) {
	o.Helper()
	idp := idptest.NewOpenID(o.T)
	idp.At(o.now)
	o.leading.Store(idp.Issuer, true)
	o.hide(idp.Secret)
	c := &connection{organization: o}
	pair, err := ourPair()
	o.ok(err)
	c.Connection, err = o.scope.CreateOIDCConnection(o.Context(), o.owner.actor(), "Keycloak", store.OIDCSettings{}, secret.Token{}, store.NewKey{CertificatePEM: pair.CertificatePEM, KeyPEM: pair.KeyPEM})
	o.ok(err)
	c.save("/identity-provider", "issuer", idp.Issuer, "client_id", idp.ClientID, "client_secret", idp.Secret, "auth_method", "secret").
		want(http.StatusOK, "The values are saved, and the endpoints are found.", idp.Issuer).lacks(idp.Secret)
	c.reload()
	o.ok(o.scope.ActivateConnection(o.Context(), o.owner.actor(), c.Connection.ID, c.Connection.Version))
	c.reload()
	return c, idp
}

// save posts one of the forms of OpenID Connect, as the owner, with the version that its page shows.
func (c *connection) save(page string, fields ...string) *page {
	c.Helper()
	at := c.connections() + "/" + c.Connection.ID + page
	return c.owner.post(at+"/openid", append([]string{"version", c.owner.get(at).want(http.StatusOK).value("version")}, fields...)...)
}

// TestR18_TheFormTakesAnIssuerAsAWhole: what cannot be discovered, or leads inside, is said beside its field, the values stay as typed, and nothing
// is saved; a secret goes nowhere else unasked and comes back on no page.
func TestR18_TheFormTakesAnIssuerAsAWhole(t *testing.T) {
	acme := newProduct(t).found("acme")
	c, idp := acme.openIDConnection()
	before := c.Connection.OIDC
	other := idptest.NewOpenID(t)
	for _, row := range []struct {
		name   string
		says   string
		fields []string
	}{
		{"an address inside", "", []string{"issuer", "https://10.0.0.1", "client_id", "typed", "auth_method", "secret"}},
		{"no TLS", "", []string{"issuer", "http://idp.test", "client_id", "typed", "auth_method", "secret"}},
		{"a script", "", []string{"issuer", "javascript:alert(1)", "client_id", "typed", "auth_method", "secret"}},
		{"another issuer, the same secret", "secret", []string{"issuer", other.Issuer, "client_id", "typed", "auth_method", "secret"}},
	} {
		shown := c.save("/identity-provider", row.fields...).want(http.StatusUnprocessableEntity, row.says).lacks(idp.Secret)
		if !strings.Contains(shown.Body, `value="typed"`) || !strings.Contains(shown.Body, `aria-invalid="true"`) {
			t.Errorf("%s: what was typed is gone, or no field is marked", row.name)
		}
	}
	if c.reload(); c.Connection.OIDC.Issuer != before.Issuer || c.Connection.OIDC.ClientID != before.ClientID || c.Connection.DraftID != "" {
		t.Errorf("it was saved: %+v", c.Connection.OIDC)
	}
	stranger := acme.found("other")
	stranger.owner.post("/organizations/"+stranger.Organization.ID+"/connections/"+c.Connection.ID+"/identity-provider/openid", "version", "1", "issuer", idp.Issuer).want(http.StatusNotFound)
	c.save("/identity-provider", "issuer", idp.Issuer, "client_id", idp.ClientID, "auth_method", "statement").want(http.StatusOK, "private_key_jwt")
}

// TestR25_TheFormSaysWhatIsAskedOfASignIn: options are saved as chosen, and what is none is said beside its field.
func TestR25_TheFormSaysWhatIsAskedOfASignIn(t *testing.T) {
	acme := newProduct(t).found("acme")
	c, _ := acme.openIDConnection()
	for _, wrong := range [][]string{
		{"max_age", "soon"}, {"max_age", "0"}, {"max_age", "-5"}, {"max_age", "9999999999"}, {"prompt", "create"}, {"authn_context", strings.Repeat("x", 257)},
	} {
		shown := c.save("/options", append([]string{"scopes", "email"}, wrong...)...)
		if shown.Status != http.StatusUnprocessableEntity || !strings.Contains(shown.Body, `aria-invalid="true"`) {
			t.Errorf("%q: %d", wrong, shown.Status)
		}
	}
	c.save("/options", "scopes", "email groups", "prompt", "login", "max_age", "15", "authn_context", "urn:mfa\nurn:hwk", "login_hint", "on", "verified_email_only", "on").
		want(http.StatusOK, "urn:hwk", `value="15"`)
	edited, err := acme.scope.EditedConnection(t.Context(), c.Connection.ID)
	acme.ok(err)
	if s := edited.OIDC; s.MaxAge != 900 || len(s.AuthnContext) != 2 || s.Prompt != "login" || len(s.Scopes) != 2 || !s.LoginHint || !s.VerifiedEmailOnly || s.Issuer == "" {
		t.Errorf("saved: %+v", s)
	}
}

// TestR22_AnErrorsWordsAreNotReflected: whatever stands in the address that a browser is sent back to is repeated on no page, believed or not.
func TestR22_AnErrorsWordsAreNotReflected(t *testing.T) {
	acme := newProduct(t).found("acme")
	c, idp := acme.openIDConnection()
	for code, says := range map[string]string{"access_denied": "log_", "<img src=x onerror=alert(1)>": "log_", "Call +1 555 0100": "log_"} {
		b := acme.browser()
		leaves, err := url.Parse(b.get(c.loginPath()).Header.Get("Location"))
		acme.ok(err)
		answer := url.Values{"state": {leaves.Query().Get("state")}, "iss": {idp.Issuer}, "error": {code},
			"error_description": {"Your password has expired, send it to evil@evil.test"}, "error_uri": {"https://evil.test/help"}}
		shown := b.send(http.MethodGet, "/oidc/"+c.Connection.ID+"/callback?"+answer.Encode(), idp.Issuer, nil)
		for _, word := range []string{"evil", "password has expired", "555 0100", "onerror"} {
			if strings.Contains(shown.Body, word) {
				t.Errorf("error=%s: the page repeats %q", code, word)
			}
		}
		if shown.want(http.StatusForbidden, says); code != "access_denied" && strings.Contains(shown.Body, code) {
			t.Errorf("the page repeats the code %q", code)
		}
	}
}
