package handlers

import (
	"net/http"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

// invited makes a welcome link and gives its path.
func (p *product) invited(w store.Welcome) string {
	p.Helper()
	_, token, err := p.store.MakeWelcome(p.Context(), operator, w)
	p.ok(err)
	p.hide(token.Reveal())
	return "/welcome/" + token.Reveal()
}

func TestFirstOwnerIsWelcome(t *testing.T) {
	p := newProduct(t)
	link, b := p.invited(store.Welcome{Kind: store.WelcomeFirstOwner}), p.browser()
	for range 3 { // looking spends nothing
		b.get(link).want(http.StatusOK, "You are about to become the first owner.")
	}
	b.post(link).want(http.StatusOK, "Tell us who you are")
	wrong := b.post(link, "name", "", "email", "ada", "password", "short", "organization", "")
	wrong.want(http.StatusUnprocessableEntity, "Enter your name.", "Enter an email address such as", "Enter the name of your company")
	if wrong.value("email") != "ada" {
		t.Error("what was typed is not kept")
	}
	wrong.lacks("short")
	b.post(link, "name", "Ada", "email", "ada@acme.test", "password", "ada@acme.test", "organization", "Acme").want(http.StatusUnprocessableEntity)
	b.post(link, "name", "Ada", "email", "ada@acme.test", "password", goodPassword, "organization", "Acme").
		want(http.StatusOK, "Welcome, Ada.", "Acme", "Organization owner", "Connect your identity provider")
	b.get("/account").want(http.StatusOK, "ada@acme.test")

	for _, spent := range []string{link, "/welcome/guess"} {
		p.browser().get(spent).want(http.StatusGone, "This link no longer works")
		p.browser().post(spent, "name", "Eve", "email", "eve@acme.test", "password", goodPassword, "organization", "Evil").want(http.StatusGone)
	}
	if n := p.count("users"); n != 1 {
		t.Errorf("%d users, want 1", n)
	}
}

func TestSetupLinkIsBoundToItsAddress(t *testing.T) {
	p := newProduct(t)
	o, token, err := p.store.Setup(t.Context(), operator, "Acme", p.address("ada@acme.test"))
	p.ok(err)
	link, b := "/welcome/"+token.Reveal(), p.browser()
	p.hide(token.Reveal())
	b.get(link).want(http.StatusOK, "Join Acme", "asks for your name")
	if email := b.post(link).value("email"); email != "ada@acme.test" {
		t.Errorf("the form is for %q", email)
	}
	b.post(link, "name", "Ada", "email", "eve@evil.test", "password", goodPassword).want(http.StatusOK, "Welcome, Ada.")
	b.get("/organizations/"+o.ID+"/members").want(http.StatusOK, "ada@acme.test").lacks("eve@evil.test")
}

func TestSetupLinkOfSomebodyKnownSignsNobodyIn(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	o, token, err := p.store.Setup(t.Context(), operator, "Globex", p.address("owner@acme.test"))
	p.ok(err)
	link, b := "/welcome/"+token.Reveal(), p.browser()
	b.get(link).want(http.StatusOK, "Join Globex", "sign in the way you do already")
	b.post(link, "name", "Mallory", "password", "seven otters under a bridge").want(http.StatusOK, "Sign in")
	b.get("/organizations/"+o.ID).want(http.StatusOK, "Sign in")
	acme.owner.get("/").want(http.StatusOK, "acme", "Globex")
}

func TestNewPasswordByBreakGlass(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	link := p.invited(store.Welcome{Kind: store.WelcomePassword, UserID: acme.owner.User.ID, OrganizationID: acme.Organization.ID})
	b := p.browser()
	b.get(link).want(http.StatusOK, "Set a new password")
	b.post(link).want(http.StatusOK, "Choose a new password", "owner@acme.test")
	b.post(link, "password", "owner@acme.test").want(http.StatusUnprocessableEntity)
	b.post(link, "password", "seven otters under a bridge").want(http.StatusOK, "Your new password is saved.", "acme")
	acme.owner.get("/").want(http.StatusOK, "Sign in") // the old session has ended
	b.get("/organizations/"+acme.Organization.ID+"/events").want(http.StatusOK, "break-glass link", "High severity")
	b.get(link).want(http.StatusGone)
}

func TestWelcomeOnABrokenStore(t *testing.T) {
	p := newProduct(t)
	link := p.invited(store.Welcome{Kind: store.WelcomeFirstOwner})
	p.ok(p.store.Close())
	p.browser().get(link).want(http.StatusInternalServerError)
	p.browser().post(link, "name", "Ada", "email", "ada@acme.test", "password", goodPassword, "organization", "Acme").want(http.StatusInternalServerError)
}

// Whoever makes or holds a setup link must not become, by it, the person whose address it names.
func TestSetupLinkTakesNobodyOverWhoSignsInBySingleSignOn(t *testing.T) {
	acme, okta := corp(t)
	victim := okta.employee("u-1", "grace@corp.test")
	evil, token, err := acme.store.Setup(t.Context(), operator, "Evil", acme.address("grace@corp.test"))
	acme.ok(err)
	mallory, link := acme.browser(), "/welcome/"+token.Reveal()
	mallory.get(link).want(http.StatusOK, "Join Evil", "sign in the way you do already")
	mallory.post(link, "name", "Mallory", "password", "seven otters under a bridge").
		want(http.StatusOK, "You own Evil", "gatehouse break-glass --organization "+evil.ID+" --email grace@corp.test")
	if mallory.token().Reveal() != "" || acme.count("users WHERE id = ? AND password_hash <> ''", victim.User.ID) != 0 {
		t.Error("the link signs in, or sets a password")
	}
	mallory.get(acme.projectsPage()).want(http.StatusOK, "Sign in")
	victim.get(acme.projectsPage()).want(http.StatusOK)
	if acme.count("role_bindings WHERE principal_id = ? AND organization_id = ? AND role = 'OrgOwner'", victim.User.ID, evil.ID) != 1 {
		t.Error("the person whose link it was owns nothing")
	}
}

// The same after the form was opened while nobody had the address yet.
func TestSetupLinkOfSomebodyWhoCameInTheMeantime(t *testing.T) {
	acme, okta := corp(t)
	_, token, err := acme.store.Setup(t.Context(), operator, "Evil", acme.address("grace@corp.test"))
	acme.ok(err)
	link := "/welcome/" + token.Reveal()
	mallory := acme.browser()
	mallory.post(link).want(http.StatusOK, "Tell us who you are")
	okta.employee("u-1", "grace@corp.test")
	mallory.post(link, "name", "Mallory", "password", goodPassword).want(http.StatusOK, "You own Evil", "Ask whoever runs this server")
	if mallory.token().Reveal() != "" {
		t.Error("signed in as somebody else")
	}
}

// The last owner with a password goes; the owner who is left signs in by single sign-on. That is no first run.
func TestAnOwnerWithoutAPasswordEndsTheFirstRun(t *testing.T) {
	acme, okta := corp(t)
	grace := okta.employee("u-1", "grace@corp.test").member()
	acme.ok(acme.scope.SetMemberRoles(t.Context(), operator, grace.ID, grace.Version, []access.Role{access.OrgOwner}))
	owner := acme.owner.member()
	acme.ok(acme.scope.RemoveMember(t.Context(), operator, owner.ID, owner.Version))
	acme.browser().get("/login").want(http.StatusOK, "Email address").lacks("Nobody owns it yet")
}
