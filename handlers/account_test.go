package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func TestAccountName(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	p.browser().get("/account").want(http.StatusOK, "Sign in")
	version := acme.owner.get("/account").want(http.StatusOK, "owner@acme.test", "This browser").value("version")
	acme.owner.post("/account/name", "name", "Ada Lovelace", "version", version).want(http.StatusOK, "Your name is saved.", "Ada Lovelace")
	acme.owner.post("/account/name", "name", "Late", "version", version).want(http.StatusUnprocessableEntity, "Somebody else changed this")
	acme.owner.post("/account/name", "name", " ", "version", "2").want(http.StatusUnprocessableEntity, "Enter a name.")
	p.ok(p.store.Close())
	acme.owner.post("/account/name", "name", "Ada", "version", "2").want(http.StatusInternalServerError)
}

func TestAccountPassword(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	const another = "seven otters under a bridge"
	old, elsewhere := acme.owner.token(), &someone{browser: p.browser(), User: acme.owner.User, organization: acme}
	elsewhere.signInByPassword()

	acme.owner.post("/account/password", "current_password", "guess", "new_password", another).want(http.StatusUnprocessableEntity, "This is not your present password.")
	for _, weak := range []string{"", "short", "password1234", "owner@acme.test"} {
		p.pass(time.Minute) // or there would be too many attempts
		acme.owner.post("/account/password", "current_password", goodPassword, "new_password", weak).want(http.StatusUnprocessableEntity)
	}
	p.pass(time.Minute)
	elsewhere.get("/account").want(http.StatusOK, "Your account")
	acme.owner.post("/account/password", "current_password", goodPassword, "new_password", another).want(http.StatusOK, "Your password is changed.")
	elsewhere.get("/account").want(http.StatusOK, "Sign in")
	if acme.owner.token().Reveal() == old.Reveal() {
		t.Error("W-02: the session kept its token")
	}
	acme.owner.post("/account/password", "current_password", goodPassword, "new_password", another).want(http.StatusUnprocessableEntity, "This is not your present password.")
}

func TestD12_PresentPasswordIsNotGuessedWithoutLimit(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	guess := func() *page {
		return acme.owner.post("/account/password", "current_password", "guess", "new_password", "seven otters under a bridge")
	}
	for range 5 {
		guess().want(http.StatusUnprocessableEntity)
	}
	guess().want(http.StatusTooManyRequests)
}

func TestSessionByTheIdentityProviderChangesNothingOfTheUser(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.verify("acme.test")
	employee := acme.connect("Okta").employee("e-1", "ada@acme.test")
	employee.get("/account").want(http.StatusOK, "Okta", "You have no password here.").lacks("Save name", "Change password")
	employee.post("/account/name", "name", "Mallory", "version", "1").want(http.StatusForbidden)
	employee.post("/account/password", "current_password", "x", "new_password", "seven otters under a bridge").want(http.StatusForbidden)
	if user, err := p.store.UserByAddress(t.Context(), p.address("ada@acme.test")); err != nil || user.HasPassword || user.Name == "Mallory" {
		t.Errorf("the user is now %+v, %v", user, err)
	}
}

func TestW07_SessionsAreListedAndEnded(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	eve := acme.member("eve@acme.test", access.OrgMember)
	other := &someone{browser: p.browser(), User: acme.owner.User, organization: acme}
	other.signInByPassword()
	sessions, err := p.store.SessionsOf(t.Context(), acme.owner.User.ID)
	p.ok(err)
	var ended store.Session
	for _, s := range sessions {
		if page := acme.owner.get("/account"); strings.Contains(page.Body, "/account/sessions/"+s.ID+"/end") {
			ended = s
		}
	}
	end := "/account/sessions/" + ended.ID + "/end"
	eve.post(end).want(http.StatusNotFound)
	other.get("/account").want(http.StatusOK, "Your account")
	acme.owner.post(end).want(http.StatusOK, "The session has ended.").lacks(ended.ID)
	other.get("/account").want(http.StatusOK, "Sign in")

	other.signInByPassword()
	acme.owner.post("/account/sessions/end-others").want(http.StatusOK, "Your other sessions have ended.")
	other.get("/account").want(http.StatusOK, "Sign in")
	eve.get("/account").want(http.StatusOK, "Your account")
}

func TestBrowserNames(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15":                   "Safari on macOS",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 Edg/124.0.0.0":           "Edge on Windows",
		"Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0":                                                                  "Firefox on Linux",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1": "Safari on iPhone",
		"Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36":                            "Chrome on Android",
		"curl/8.5.0": "curl", "": "Unknown browser", "Something on Windows": "Browser on Windows",
	} {
		if got := browserName(agent); got != want {
			t.Errorf("%q is called %q, want %q", agent, got, want)
		}
	}
}
