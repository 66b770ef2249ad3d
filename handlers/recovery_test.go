package handlers

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
)

// recovered is an owner's browser after break-glass, in an organization that requires single sign-on.
func recovered(t *testing.T) (*organization, *browser) {
	t.Helper()
	acme, okta := corp(t)
	acme.enforce(okta, access.EnforceDomain)
	b := acme.browser()
	if landed := b.post("/login/recovery", "email", "owner@acme.test", "password", goodPassword); landed.path() != "/organizations/"+acme.ID+"/sign-in" {
		t.Fatalf("recovery lands at %s with %d", landed.path(), landed.Status)
	}
	return acme, b
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

func TestD13_RecoveryIsForOwnersOfOrganizationsThatRequireSingleSignOn(t *testing.T) {
	acme, okta := corp(t)
	member := acme.member("bob@guest.test", access.OrgMember)
	try := func(email, password string, more ...string) *page {
		t.Helper()
		b := acme.browser()
		before := acme.rows()
		shown := b.post("/login/recovery", append([]string{"email", email, "password", password}, more...)...)
		if shown.Status == http.StatusUnprocessableEntity && (b.token().Reveal() != "" || acme.rows() != before) {
			t.Errorf("%s: refused, and something was made", email)
		}
		return shown
	}
	const no = "This is not the address and password of an owner whose organization requires single sign-on."
	try("owner@acme.test", goodPassword).want(http.StatusUnprocessableEntity, no)
	acme.enforce(okta, access.EnforceDomain)
	try("owner@acme.test", "not it").want(http.StatusUnprocessableEntity, no)
	try("not an address", goodPassword).want(http.StatusUnprocessableEntity, no)
	try(member.User.Email, goodPassword).want(http.StatusUnprocessableEntity, no)
	try("owner@acme.test", goodPassword).want(http.StatusOK)

	// An organization that is not one of theirs is no choice.
	try("owner@acme.test", goodPassword, "organization", "org_00000000000000000000000000").want(http.StatusOK, "acme")
}

func TestD13_AnOwnerOfSeveralChooses(t *testing.T) {
	acme, okta := corp(t)
	acme.enforce(okta, access.EnforceDomain)
	second, err := acme.store.CreateOrganization(t.Context(), acme.owner.actor(), "second", acme.owner.User.ID)
	acme.ok(err)
	other := &organization{product: acme.product, Organization: second, scope: acme.store.In(second.ID), owner: acme.owner}
	other.verify("second.test")
	other.enforce(other.connect("Entra"), access.EnforceDomain)

	b := acme.browser()
	b.post("/login/recovery", "email", "owner@acme.test", "password", goodPassword).want(http.StatusUnprocessableEntity, "Choose which organization to open", "acme", "second")
	b.post("/login/recovery", "email", "owner@acme.test", "password", goodPassword, "organization", "org_00000000000000000000000000").want(http.StatusUnprocessableEntity, "Choose which organization to open")
	b.post("/login/recovery", "email", "owner@acme.test", "password", goodPassword, "organization", second.ID).want(http.StatusOK)
	b.get("/organizations/" + second.ID + "/domains").want(http.StatusOK)
	b.get("/organizations/" + acme.ID + "/domains").want(http.StatusForbidden).lacks("corp.test")
}
