package handlers

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/devicetest"
	"github.com/gatehouse-sso/gatehouse/store"
)

// recovered is an owner's browser after break-glass, in an organization that requires single sign-on.
func recovered(t *testing.T) (*organization, *browser) {
	t.Helper()
	acme, okta := corp(t)
	acme.enforce(okta, access.EnforceDomain)
	return acme, acme.recovers()
}

func TestD13_RecoveryOpensSignInSettingsAlone(t *testing.T) {
	acme, b := recovered(t)
	open := 0
	for _, rt := range consoleRoutes() {
		method, path, _ := strings.Cut(rt.pattern, " ")
		if rt.audience == anyone {
			continue
		}
		path = strings.NewReplacer("{organization}", acme.ID, "{", "", "}", "").Replace(path)
		shown := b.send(method, path, "same-origin", nil)
		if rt.audience == byLink { // opened by a setup link's own cookie, and by no session of whatever kind
			if shown.Status != http.StatusUnauthorized {
				t.Errorf("%s answers a recovery session with %d", rt.pattern, shown.Status)
			}
			continue
		}
		limited := strings.Contains(shown.text(), "A recovery session opens connections, domains and sign-in settings.")
		if limited == rt.recovery || limited && shown.Status != http.StatusForbidden {
			t.Errorf("%s: open to a recovery session: %t, and it answers %d", rt.pattern, rt.recovery, shown.Status)
		}
		if rt.recovery {
			open++
			part := strings.Split(path, "/")[3]
			verdict := strings.Contains(rt.pattern, "/logins/{login}") // where a test of a connection ends
			if !recoveryPages[part] && !verdict {
				t.Errorf("%s is open to a recovery session", rt.pattern)
			}
		}
	}
	if open == 0 {
		t.Error("a recovery session opens nothing at all")
	}
}

func TestD13_RecoveryIsLoud(t *testing.T) {
	acme, b := recovered(t)
	if acme.count("events WHERE organization_id = ? AND action = 'break_glass.used' AND severity = 'high'", acme.ID) != 1 {
		t.Error("break-glass is no event of high severity")
	}
	b.get("/organizations/"+acme.ID+"/connections").want(http.StatusOK, "Okta").lacks(`href="/organizations/`+acme.ID+`/members"`, `href="/organizations/`+acme.ID+`/events"`)
}

// The way back from break-glass is an ordinary sign-in, which ends the recovery session.
func TestD13_AnOrdinarySignInEndsRecovery(t *testing.T) {
	acme, b := recovered(t)
	before := b.token()
	b.post("/login/password", "email", "owner@acme.test", "password", goodPassword)
	b.get(acme.projectsPage()).want(http.StatusOK)
	again := acme.browser()
	again.holds(before)
	if shown := again.get("/account"); !strings.HasPrefix(shown.path(), "/login") {
		t.Errorf("the recovery session lives on: %d at %s", shown.Status, shown.path())
	}
}

func TestD13_RecoveryIsForBreakGlassOwners(t *testing.T) {
	acme, okta := corp(t)
	member, second := acme.member("bob@guest.test", access.OrgMember), acme.member("second@acme.test", access.OrgOwner)
	acme.enforce(okta, access.EnforceDomain)
	try := func(email, code string) *page {
		t.Helper()
		b := acme.browser()
		before := acme.rows()
		shown := b.post("/login/recovery", "email", email, "code", code, "password", goodPassword)
		if shown.Status == http.StatusUnprocessableEntity && (b.token().Reveal() != "" || acme.rows() != before) {
			t.Errorf("%s: refused, and something was made", email)
		}
		return shown
	}
	const no = "This is not the address of a break-glass owner with a recovery code that is still good."
	code := acme.codes[0]
	for email, typed := range map[string]string{
		"owner@acme.test": "not it", "not an address": code, member.User.Email: code, second.User.Email: code, "nobody@acme.test": code, "OWNER@acme.test": code[:len(code)-1] + "?",
	} {
		try(email, typed).want(http.StatusUnprocessableEntity, no)
	}
	try("owner@acme.test", " "+strings.ToUpper(strings.ReplaceAll(code, "-", ""))+" ").want(http.StatusOK, "Sign-in", "9 recovery codes left")
	try("owner@acme.test", code).want(http.StatusUnprocessableEntity, no)
}

// By a passkey, too: of one whom several organizations have named they choose, and sign again.
func TestD13_RecoveryByPasskey(t *testing.T) {
	acme, okta := corp(t)
	hers, elsewhere := acme.device(), acme.device()
	acme.owner.addPasskey(hers, "Phone")
	acme.member("bob@guest.test", access.OrgOwner).addPasskey(elsewhere, "Phone")
	acme.enforce(okta, access.EnforceDomain)
	sign := func(b *browser, d *devicetest.Device, fields ...string) *page {
		t.Helper()
		asked := b.post("/login/recovery/challenge").want(http.StatusOK)
		return b.post("/login/recovery", append(fields, "answer", d.Get([]byte(asked.Body)))...)
	}
	const no = "This passkey does not recover access to anything here"
	stranger := acme.browser()
	sign(stranger, acme.device()).want(http.StatusUnprocessableEntity, no)
	sign(stranger, elsewhere).want(http.StatusUnprocessableEntity, no) // an owner, and not named
	if stranger.token().Reveal() != "" {
		t.Error("a session was opened")
	}
	b := acme.browser()
	if landed := sign(b, hers); landed.path() != "/organizations/"+acme.ID+"/sign-in" {
		t.Fatalf("lands at %s with %d", landed.path(), landed.Status)
	}
	b.get(acme.projectsPage()).want(http.StatusForbidden, "A recovery session opens")

	second, err := acme.store.CreateOrganization(t.Context(), acme.owner.actor(), "second", acme.owner.User.ID)
	acme.ok(err)
	other := &organization{product: acme.product, Organization: second, scope: acme.store.In(second.ID), owner: acme.owner}
	other.wayIn(acme.owner)
	b = acme.browser()
	sign(b, hers).want(http.StatusUnprocessableEntity, "Choose which organization to open", "acme", "second")
	sign(b, hers, "organization", "org_00000000000000000000000000").want(http.StatusUnprocessableEntity, "Choose which organization to open")
	sign(b, hers, "organization", second.ID).want(http.StatusOK)
	b.get("/organizations/" + second.ID + "/domains").want(http.StatusOK)
	b.get("/organizations/" + acme.ID + "/domains").want(http.StatusForbidden).lacks("corp.test")
}

// The operator's link to a new password lets an owner past the identity provider, named or not; nobody else, and whom the password alone lets in
// gets in as always.
func TestD13_TheOperatorsLinkBreaksTheGlass(t *testing.T) {
	acme, okta := corp(t)
	boss, bob := acme.member("boss@corp.test", access.OrgOwner), acme.member("bob@corp.test", access.OrgMember)
	spend := func(who *someone) *browser {
		t.Helper()
		_, token, err := acme.store.MakeWelcome(t.Context(), acme.owner.actor(), store.Welcome{Kind: store.WelcomePassword, UserID: who.User.ID, OrganizationID: acme.ID})
		acme.ok(err)
		acme.hide(token.Reveal())
		b := acme.browser()
		b.post("/welcome/"+token.Reveal(), "password", "nine loud paper kettles")
		return b
	}
	spend(boss).get(acme.projectsPage()).want(http.StatusOK) // nothing is required yet
	acme.enforce(okta, access.EnforceDomain)
	b := spend(boss)
	b.get("/organizations/"+acme.ID+"/sign-in").want(http.StatusOK, "This is a recovery session.")
	b.get(acme.projectsPage()).want(http.StatusForbidden, "A recovery session opens")
	if acme.count("events WHERE organization_id = ? AND action = 'break_glass.used' AND severity = 'high'", acme.ID) != 1 {
		t.Error("the operator's link is no event of high severity")
	}
	spend(bob).get("/organizations/"+acme.ID+"/sign-in").want(http.StatusForbidden, requiresSSO)
}
