package handlers

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

// order writes ranked connections as "A=1 B=2".
func order(all []store.Ranked) string {
	var words []string
	for _, r := range all {
		words = append(words, fmt.Sprintf("%s=%d", r.ID, r.Priority))
	}
	return strings.Join(words, " ")
}

func TestAConnectionMovesHalfAPlaceAtATime(t *testing.T) {
	given := func(priorities ...int) (all []store.Ranked) {
		for i, p := range priorities {
			all = append(all, store.Ranked{ID: string(rune('A' + i)), Priority: p})
		}
		return all
	}
	for _, row := range []struct {
		all  []store.Ranked
		id   string
		up   bool
		want string
	}{
		{given(1, 1, 1), "C", true, "C=1 A=2 B=2"},
		{given(1, 1, 1), "A", false, "B=1 C=1 A=2"},
		{given(1, 2, 3), "C", true, "A=1 B=2 C=2"},
		{given(1, 2, 3), "A", false, "B=1 A=1 C=2"},
		{given(1, 2, 2), "C", true, "A=1 C=2 B=3"},
		{given(3, 70, 900), "B", true, "A=1 B=1 C=2"},
		{given(1, 2), "A", true, "A=1 B=2"},
		{given(1, 2), "B", false, "A=1 B=2"},
		{given(1), "A", true, "A=1"},
	} {
		if got := order(moved(row.all, row.id, row.up)); got != row.want {
			t.Errorf("%s, %s up %v: %s, want %s", order(row.all), row.id, row.up, got, row.want)
		}
	}
}

func TestConnectionsAreOrderedByUpAndDown(t *testing.T) {
	p := newProduct(t)
	acme, globex := p.found("acme"), p.found("globex")
	okta := acme.connect("Okta")
	acme.owner.get(acme.connections()).want(http.StatusOK, "Okta").lacks("Order")
	entra := acme.connect("Entra")
	foreign := globex.connect("Foreign")
	page := acme.owner.get(acme.connections()).want(http.StatusOK, "Order", "Entra", "Okta")
	page.lacks("Foreign")
	acme.owner.post(acme.connections()+"/order", "connection", okta.Connection.ID, "move", "up").want(http.StatusOK, "Okta")
	okta.reload()
	entra.reload()
	if okta.Priority != 1 || entra.Priority != 2 {
		t.Errorf("Okta has %d, Entra %d", okta.Priority, entra.Priority)
	}
	acme.owner.post(acme.connections()+"/order", "connection", foreign.Connection.ID, "move", "down").want(http.StatusNotFound)
	acme.owner.post(acme.connections()+"/order", "connection", "con_00000000000000000000000000", "move", "down").want(http.StatusNotFound)
	foreign.reload()
	if foreign.Priority != 1 {
		t.Error("another organization's connection has moved")
	}
	acme.member("ada@acme.test", access.OrgManager).post(acme.connections()+"/order", "connection", okta.Connection.ID, "move", "down").want(http.StatusForbidden)
}

// Where a domain is served by several connections, the person chooses once, the browser remembers, and there is a way back to the choice.
func TestABrowserRemembersTheConnectionThatItUsed(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.verify("corp.test")
	okta, _ := acme.connect("Okta"), acme.connect("Entra")
	okta.vouch("ada", "ada@corp.test")
	acme.enforce(okta, access.EnforceDomain)

	b := p.browser()
	b.get("/login").lacks("Use another way")
	b.post("/login", "email", "ada@corp.test").want(http.StatusOK, "Choose how to sign in", "Continue with Okta", "Continue with Entra").lacks("Use your password", "Use another way")
	okta.deliver(b, okta.ask(b.post("/login", "email", "ada@corp.test", "connection", okta.Connection.ID)))
	var kept string
	for _, cookie := range b.jar {
		if strings.HasSuffix(cookie.Name, "gatehouse-used") {
			kept = cookie.Value
			if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || !strings.HasPrefix(cookie.Name, "__Host-") || !cookie.Secure || cookie.Path != "/" {
				t.Errorf("the cookie is %+v", cookie)
			}
		}
	}
	if kept == "" {
		t.Fatal("the browser remembers nothing")
	}
	b.post("/logout")
	b.post("/login", "email", "somebody@corp.test").want(http.StatusOK, okta.base).lacks("Choose how to sign in") // whoever it is: the browser is what remembers
	b.get("/login").want(http.StatusOK, "Use another way than last time", "/login?choose=yes")
	b.get("/login?choose=yes&return_to=/account").want(http.StatusOK, `name="choose"`, "/account")
	b.post("/login", "email", "ada@corp.test", "choose", "yes").want(http.StatusOK, "Continue with Okta", "Continue with Entra")

	// A stranger's browser with the same cookie but another signature remembers nothing, and what it remembers offers nothing.
	other := p.browser()
	other.keep([]*http.Cookie{{Name: "__Host-gatehouse-used", Value: kept + "x"}})
	other.post("/login", "email", "ada@corp.test").want(http.StatusOK, "Choose how to sign in")
	globex := p.found("globex")
	globex.verify("globex.test")
	globex.connect("Globex IdP")
	b.post("/login", "email", "x@globex.test").want(http.StatusOK, "Continue with Globex IdP").lacks("Okta")

	// Without enforcement the choice is decided as well, and the others stand behind it.
	policy := acme.policy()
	p.ok(acme.scope.EndEnforcement(t.Context(), acme.owner.actor(), policy.Version))
	b.post("/login", "email", "ada@corp.test").want(http.StatusOK, "Continue with Okta", "Use another way", "Continue with Entra", "Use your password")
	// The one that was used is gone: nothing of it is left.
	okta.reload()
	p.ok(acme.scope.DisableConnection(t.Context(), acme.owner.actor(), okta.Connection.ID, okta.Connection.Version))
	b.post("/login", "email", "ada@corp.test").want(http.StatusOK, "Continue with Entra").lacks("Okta", "Use another way")
}

// Whatever a browser remembers, known and unknown people get the same answers in it.
func TestD11_ARememberedChoiceTellsNothingOfPeople(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.verify("corp.test")
	okta, _ := acme.connect("Okta"), acme.connect("Entra")
	okta.vouch("ada", "ada@corp.test")
	b := p.browser()
	okta.signIn(b, okta.loginPath())
	b.post("/logout")
	known := b.post("/login", "email", "ada@corp.test").want(http.StatusOK, "Continue with Okta")
	unknown := b.post("/login", "email", "bob@corp.test").want(http.StatusOK, "Continue with Okta")
	if bytesOf(known, "ada@corp.test") != bytesOf(unknown, "bob@corp.test") {
		t.Error("the answers differ")
	}
}

// UPN differs from mail: the address that is typed says where to sign in, and the mapped attribute who arrives.
func TestAnAliasOfTheAddressSignsIn(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.verify("corp.test")
	acme.verify("upn.test")
	okta := acme.connect("Okta")
	okta.vouch("ada@upn.test", "ada.lovelace@corp.test")
	signIn := func() store.Member {
		t.Helper()
		b := p.browser()
		okta.deliver(b, okta.ask(b.post("/login", "email", "ada@upn.test", "connection", okta.Connection.ID)))
		session, user, err := p.store.Session(t.Context(), b.token())
		p.ok(err)
		member, err := acme.scope.MemberOf(t.Context(), session.UserID)
		p.ok(err)
		if user.CanonicalEmail != "ada.lovelace@corp.test" {
			t.Errorf("signed in as %s", user.CanonicalEmail)
		}
		return member
	}
	first := signIn()
	okta.vouch("ada@upn.test", "ada.king@corp.test") // the mail has changed, the subject has not
	if again := signIn(); again.ID != first.ID {
		t.Errorf("signed in as %s, then as %s", first.ID, again.ID)
	}
}

func TestADomainIsAssignedOnItsPage(t *testing.T) {
	p := newProduct(t)
	acme, globex := p.found("acme"), p.found("globex")
	domain := acme.verify("corp.test")
	path := "/organizations/" + acme.Organization.ID + "/domains/" + domain.ID
	acme.owner.get(path).want(http.StatusOK).lacks("Which connections serve")
	okta, foreign := acme.connect("Okta"), globex.connect("Foreign")
	acme.connect("Entra")
	acme.owner.get(path).want(http.StatusOK, "Served now by Entra, Okta.").lacks("Foreign")
	list := "/organizations/" + acme.Organization.ID + "/domains"
	acme.owner.get(list).want(http.StatusOK, "Served by", "Entra, Okta").lacks("Foreign", "No active connection")
	acme.owner.post(path+"/connections", "served_by", "chosen").want(http.StatusUnprocessableEntity, "Choose at least one connection")
	acme.owner.post(path+"/connections", "served_by", "chosen", "connections", foreign.Connection.ID).want(http.StatusUnprocessableEntity, "Choose among this organization")
	acme.owner.post(path+"/connections", "served_by", "chosen", "connections", okta.Connection.ID).want(http.StatusOK, "The connections are saved.", "Served now by Okta.")
	acme.owner.get(list).want(http.StatusOK, "Okta").lacks("Entra")
	p.browser().post("/login", "email", "x@corp.test").want(http.StatusOK, "Continue with Okta").lacks("Entra")

	acme.enforce(okta, access.EnforceDomain)
	draft := acme.draft("Draft")
	acme.owner.post(path+"/connections", "served_by", "chosen", "connections", draft.Connection.ID).want(http.StatusUnprocessableEntity, "none of these connections is active")
	okta.reload()
	acme.owner.post(acme.connections()+"/"+okta.Connection.ID+"/disable", "version", formVersion(okta.Connection.Version)).want(http.StatusUnprocessableEntity, "the last one that a domain is assigned to")
	acme.owner.post(path+"/connections", "served_by", "every").want(http.StatusOK, "The connections are saved.", "Served now by Entra, Okta.")
	acme.owner.post(acme.connections()+"/"+okta.Connection.ID+"/disable", "version", formVersion(okta.Connection.Version)).want(http.StatusOK, "The connection is disabled.")

	globex.owner.post("/organizations/"+globex.Organization.ID+"/domains/"+domain.ID+"/connections", "served_by", "every").want(http.StatusNotFound)
	if got, err := acme.scope.Assignments(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("assigned: %v, %v", got, err)
	}
}

// Whoever is let in by a connection that does not serve their domain is shown those that do.
func TestD08_AConnectionOfAnotherDomainOpensNothingWhereItIsRequired(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	domain := acme.verify("corp.test")
	okta, entra := acme.connect("Okta"), acme.connect("Entra")
	ada := entra.employee("ada", "ada@corp.test")
	if !ada.enters(acme) {
		t.Fatal("Ada cannot enter before")
	}
	acme.enforce(okta, access.EnforceDomain)
	if !ada.enters(acme) {
		t.Fatal("Ada cannot enter by a connection that serves every domain")
	}
	p.ok(acme.scope.AssignDomain(t.Context(), acme.owner.actor(), domain.ID, []string{okta.Connection.ID}))
	if ada.enters(acme) {
		t.Error("Ada enters by a connection that does not serve her domain")
	}
	ada.get(acme.projectsPage()).want(http.StatusForbidden, "Continue with Okta").lacks("Entra")
	okta.vouch("ada-okta", "ada@corp.test")
	okta.signIn(ada.browser, okta.loginPath())
	if !ada.enters(acme) {
		t.Error("Ada cannot enter by the connection of her domain")
	}
}
