package handlers

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (c *connection) slo() string { return "/saml/" + c.Connection.ID + "/slo" }

// signsOutAt gives an identity provider addresses for signing out, beside the one for signing in.
func signsOutAt(mode string) func(*store.SAMLSettings) {
	return func(s *store.SAMLSettings) {
		base := strings.TrimSuffix(s.RedirectURL, "/sso")
		s.LogoutRedirectURL, s.LogoutPostURL, s.Logout = base+"/slo", base+"/slo-post", mode
	}
}

// fromThere is a message of the identity provider's that a browser brings from its site.
func (c *connection) fromThere(b *browser, l idptest.Logout, byPost bool) *page {
	c.Helper()
	if !byPost {
		return b.follow(b.send(http.MethodGet, c.slo()+"?"+l.Redirected(), c.base, nil))
	}
	return b.follow(b.send(http.MethodPost, c.slo(), c.base, url.Values{l.Parameter(): {l.Posted()}, "RelayState": {l.RelayState}}))
}

// TestS59_SignedOutThereIsSignedOutHere in every browser of the session, whichever browser brings the message; and what is not believed changes
// nothing and says so.
func TestS59_SignedOutThereIsSignedOutHere(t *testing.T) {
	acme, c := corp(t, signsOutAt(""))
	for _, byPost := range []bool{false, true} {
		employee := c.employee("u-1", "grace@corp.test")
		lie := c.idp.SignsOut(publicURL+c.slo(), acme.now())
		lie.Unsigned = true
		c.fromThere(acme.browser(), lie, byPost).want(http.StatusBadRequest, "Nobody was signed out", "evt_")
		employee.get("/account").want(http.StatusOK)
		shown := c.fromThere(acme.browser(), c.idp.SignsOut(publicURL+c.slo(), acme.now()), byPost)
		if byPost {
			shown.want(http.StatusOK, `action="`+c.base+`/slo-post"`, `name="SAMLResponse"`, "their handle")
		} else if to := shown.Header.Get("Location"); shown.Status != http.StatusSeeOther || !strings.HasPrefix(to, c.base+"/slo?SAMLResponse=") {
			t.Errorf("answered %d to %s", shown.Status, to)
		}
		if shown := employee.get("/account"); !strings.HasPrefix(shown.path(), "/login") {
			t.Errorf("the session opens %s", shown.path())
		}
	}
	for _, query := range []string{"", "?", "?SAMLRequest=x&SAMLRequest=y"} {
		acme.browser().get(c.slo() + query).want(http.StatusBadRequest)
	}
}

// TestW05_SigningOutHereMayGoOnThere: offered by a button, or at once, and the page says what has become of it.
func TestW05_SigningOutHereMayGoOnThere(t *testing.T) {
	acme, c := corp(t, signsOutAt(store.LogoutOffered))
	employee := c.employee("u-1", "grace@corp.test")
	employee.post("/logout").want(http.StatusOK, "You are still signed in at Okta", "Sign out at Okta")
	if departure := employee.jar["__Host-gatehouse-departure"]; departure == nil || departure.SameSite != http.SameSiteLaxMode || departure.MaxAge != 900 {
		t.Errorf("signing out there is bound to the browser by %+v", departure)
	}
	planted := acme.browser() // the handle of a login is none of a departure
	planted.jar["__Host-gatehouse-departure"] = &http.Cookie{Name: "__Host-gatehouse-departure", Value: employee.jar["__Host-gatehouse-flow"].Value}
	planted.post("/logout/continue", "connection", c.Connection.ID).want(http.StatusOK).lacks("Okta")
	if !strings.HasPrefix(employee.get("/account").path(), "/login") {
		t.Error("the session goes on")
	}
	stranger := acme.browser()
	stranger.post("/logout/continue", "connection", c.Connection.ID).want(http.StatusOK).lacks("Okta")
	employee.post("/logout/continue", "connection", c.Connection.ID).want(http.StatusOK, c.base+"/slo?SAMLRequest=", "Continue")
	employee.get("/logout/finish").want(http.StatusOK, "has not been heard of since")
	var request string
	acme.ok(acme.tables.QueryRow("SELECT request_id FROM logout_departures").Scan(&request))
	shown := c.fromThere(employee.browser, c.idp.AnswersLogout(publicURL+c.slo(), request, acme.now()), false)
	if shown.path() != "/logout/finish" {
		t.Fatalf("the answer leads to %s", shown.path())
	}
	shown.want(http.StatusOK, "Okta has signed you out too").lacks("Sign out at Okta")

	// A person who signs out in the same browser later is not told of the one before, and cannot go on for them.
	c.vouch("u-2", "ada@corp.test")
	c.signIn(employee.browser, c.loginPath())
	before := employee.jar["__Host-gatehouse-departure"].Value
	employee.post("/logout").want(http.StatusOK, "Sign out at Okta")
	if employee.jar["__Host-gatehouse-departure"].Value == before {
		t.Error("two people leave by one handle")
	}

	// Nobody is sent to another identity provider than the one that signed them in, and is told so (S-59).
	moved := c.employee("u-3", "eve@corp.test")
	c.reload()
	elsewhere := c.Connection.Settings
	elsewhere.EntityID = "https://another.test/metadata"
	acme.ok(acme.scope.ChangeConnectionSettings(t.Context(), acme.owner.actor(), c.Connection.ID, c.Connection.Version, elsewhere))
	acme.ok(acme.scope.PublishConnection(t.Context(), acme.owner.actor(), c.Connection.ID, c.Connection.Version+1, true))
	moved.post("/logout").want(http.StatusOK, "has changed to another identity provider since you signed in").lacks("Sign out at Okta")
	c.reload()
	elsewhere.EntityID = c.idp.EntityID
	acme.ok(acme.scope.ChangeConnectionSettings(t.Context(), acme.owner.actor(), c.Connection.ID, c.Connection.Version, elsewhere))
	acme.ok(acme.scope.PublishConnection(t.Context(), acme.owner.actor(), c.Connection.ID, c.Connection.Version+1, true))

	c.reload()
	always := c.Connection.Settings
	always.Logout = store.LogoutAlways
	acme.ok(acme.scope.ChangeConnectionSettings(t.Context(), acme.owner.actor(), c.Connection.ID, c.Connection.Version, always))
	acme.ok(acme.scope.PublishConnection(t.Context(), acme.owner.actor(), c.Connection.ID, c.Connection.Version+1, true))
	c.employee("u-4", "bea@corp.test").post("/logout").want(http.StatusOK, c.base+"/slo?SAMLRequest=")
}

// TestOwnersSayWhatSigningOutDoes: an address is asked for where the browser shall go on, and kept to https (S-49).
func TestOwnersSayWhatSigningOutDoes(t *testing.T) {
	acme, c := corp(t)
	path := "/organizations/" + acme.ID + "/connections/" + c.Connection.ID + "/sign-out"
	save := func(fields ...string) *page {
		return acme.owner.post(path, append([]string{"version", acme.owner.get(path).want(http.StatusOK, publicURL+c.slo()).value("version")}, fields...)...)
	}
	save("logout", "always").want(http.StatusUnprocessableEntity, "There is no address to sign out at")
	save("logout", "sometimes").want(http.StatusUnprocessableEntity)
	save("logout", "offered", "logout_redirect_url", "javascript:alert(1)").want(http.StatusUnprocessableEntity)
	save("logout", "offered", "logout_redirect_url", "https://idp.test/slo").want(http.StatusOK, "is saved", "https://idp.test/slo")
}

// TestR24_BackChannelAnswersAsTheStandardSays: JSON of OAuth on refusal, never anything that a browser or proxy would keep.
func TestR24_BackChannelAnswersAsTheStandardSays(t *testing.T) {
	acme, c := corp(t)
	program := acme.browser()
	for what, path := range map[string]string{"no connection": "/oidc/con_none/backchannel-logout", "a SAML connection": "/oidc/" + c.Connection.ID + "/backchannel-logout"} {
		shown := program.post(path, "logout_token", "x")
		if shown.Status != http.StatusNotFound || shown.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d", what, shown.Status)
		}
	}
	shown := program.post("/oidc/" + c.Connection.ID + "/backchannel-logout")
	if shown.Status != http.StatusBadRequest || !strings.Contains(shown.Body, `"error":"invalid_request"`) || shown.Header.Get("Content-Type") != "application/json" {
		t.Errorf("no token: %d %s", shown.Status, shown.Body)
	}
}
