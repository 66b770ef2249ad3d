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

// What another organization's identity provider says of a shared user shows and ends nothing that it did not open.
func TestS50_AnIdentityProviderReachesNoSessionThatItDidNotOpen(t *testing.T) {
	acme, okta := corp(t)
	evil := acme.product.found("evil")
	evil.verify("evil.test")
	theirs := evil.connect("Evil IdP")
	bob := acme.member("bob@guest.test", access.OrgOwner)
	theirs.share(bob)
	okta.test(bob)
	atWork := acme.browser()
	okta.signIn(atWork, okta.loginPath())

	theirs.vouch("subject of bob@guest.test", "bob@guest.test")
	attacker, second := acme.browser(), acme.browser()
	theirs.signIn(attacker, theirs.loginPath())
	theirs.signIn(second, theirs.loginPath())
	attacker.get("/").want(http.StatusOK, "evil").lacks("acme<", acme.ID)
	attacker.get(evil.projectsPage()).want(http.StatusOK).lacks(acme.ID)
	if shown := attacker.get("/account").want(http.StatusOK, "Evil IdP").lacks("Okta"); strings.Count(shown.Body, `class="row-title"`) != 2 {
		t.Errorf("it sees %s", shown.text())
	}
	session, _, err := acme.store.Session(t.Context(), atWork.token())
	acme.ok(err)
	attacker.post("/account/sessions/" + session.ID + "/end").want(http.StatusNotFound)
	attacker.post("/account/sessions/end-others").want(http.StatusOK, "Your other sessions have ended.")
	atWork.get(acme.projectsPage()).want(http.StatusOK)
	bob.get(acme.projectsPage()).want(http.StatusOK)
	if shown := second.get("/account"); !strings.HasPrefix(shown.path(), "/login") {
		t.Error("nor does it end its own")
	}

	// The honest twin: by his own password Bob sees all of it, and ends it.
	bob.get("/account").want(http.StatusOK, "Okta", "Evil IdP")
	bob.get("/").want(http.StatusOK, "acme", "evil")
	bob.post("/account/sessions/end-others").want(http.StatusOK)
	if shown := attacker.get("/account"); !strings.HasPrefix(shown.path(), "/login") {
		t.Error("a password ends no session of an identity provider")
	}
}

func TestWhatBelongsToThePersonAsksForTheirOwnCredential(t *testing.T) {
	acme, okta := corp(t)
	acme.options.OpenSignup, acme.options.Site.Metrics = true, nil
	var err error
	acme.handler, err = New(acme.options)
	acme.ok(err)
	grace := okta.employee("u-1", "grace@corp.test")
	for _, path := range []string{"/account/name", "/account/password", "/organizations"} {
		grace.post(path, "name", "Eve").want(http.StatusForbidden, "Sign in with your own password or passkey to change this").lacks("can give you a role")
	}
	grace.get("/").want(http.StatusOK).lacks("New organization")
	acme.owner.get("/").want(http.StatusOK, "New organization") // the honest twin
	acme.owner.post("/organizations", "name", "Second").want(http.StatusOK, "The organization is created.")
	for range 9 {
		acme.owner.post("/organizations", "name", "Another").want(http.StatusOK)
	}
	acme.owner.post("/organizations", "name", "Eleventh").want(http.StatusTooManyRequests, "One person creates at most 10 organizations a day.", "Eleventh")
	if n := acme.count("organizations"); n != 11 {
		t.Errorf("%d organizations", n)
	}
}
