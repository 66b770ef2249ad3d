package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func TestHomeListsMyOrganizations(t *testing.T) {
	p := newProduct(t)
	p.browser().get("/").want(http.StatusOK, "Acme Search is running", "in the output of")
	acme, globex := p.found("acme"), p.found("globex")
	p.browser().get("/").want(http.StatusOK, "Sign in")
	acme.owner.get("/").want(http.StatusOK, "Your organizations", "acme", "Organization owner").lacks("globex")
	p.ok(p.store.SuspendOrganization(t.Context(), operator, globex.Organization.ID))
	globex.owner.get("/").want(http.StatusOK, "globex", "Suspended")
	acme.owner.get("/").lacks("New organization")
	acme.owner.post("/organizations", "name", "Mine").want(http.StatusNotFound)
}

func TestOrganizationPages(t *testing.T) {
	p := newProduct(t)
	acme, globex := p.found("acme"), p.found("globex")
	member := acme.member("ada@acme.test", access.OrgMember)
	path := "/organizations/" + acme.Organization.ID

	acme.owner.get(path).want(http.StatusOK, acme.Organization.ID, "2 members", "Connect your identity provider", "To do")
	member.get(path).want(http.StatusOK, "Organization member").lacks("Connect your identity provider")
	acme.owner.get(path+"/settings").want(http.StatusOK, "Organization name")

	for _, rest := range []string{"", "/settings", "/members", "/projects", "/projects/new"} {
		globex.owner.get(path + rest).want(http.StatusNotFound)
	}
	member.get(path+"/settings").want(http.StatusForbidden, string(access.ManageOrganization))
	member.post(path+"/settings", "name", "Mine", "version", "1").want(http.StatusForbidden)
	p.browser().post(path+"/settings", "name", "Mine").want(http.StatusUnauthorized, "You were signed out")
}

func TestRenameOrganization(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	path := "/organizations/" + acme.Organization.ID + "/settings"
	version := acme.owner.get(path).value("version")
	acme.owner.post(path, "name", "Acme & Söhne", "version", version).want(http.StatusOK, "The name is saved.", "Acme & Söhne")
	second := acme.owner.post(path, "name", "Late", "version", version).want(http.StatusUnprocessableEntity, "Somebody else changed this")
	if second.value("name") != "Late" {
		t.Error("what the second typed is not kept")
	}
	tooLong := strings.Repeat("x", 81)
	refused := acme.owner.post(path, "name", tooLong, "version", "2").want(http.StatusUnprocessableEntity, "Use at most 80 characters.")
	if refused.value("name") != tooLong {
		t.Error("what was typed is not kept")
	}
	p.ok(p.store.Close())
	acme.owner.post(path, "name", "Acme", "version", "2").want(http.StatusInternalServerError).lacks("database is closed")
}

func TestMembers(t *testing.T) {
	p := newProduct(t)
	acme, globex := p.found("acme"), p.found("globex")
	ada := acme.member("ada@acme.test", access.OrgMember)
	path := "/organizations/" + acme.Organization.ID + "/members"

	acme.owner.get(path).want(http.StatusOK, "2 members", "ada@acme.test", "owner@acme.test", "You").lacks("globex")
	ada.get(path+"?q=OWNER@").want(http.StatusOK, "1 member", "owner@acme.test").lacks("ada@acme.test</div>")
	ada.get(path+"?q=nobody").want(http.StatusOK, "Nobody here has “nobody”")

	one := path + "/" + ada.member().ID
	ada.get(one).want(http.StatusOK, "Organization member").lacks("Suspend this member", "Save roles")
	acme.owner.get(one).want(http.StatusOK, "Danger zone", "Save roles", "With a password of their own")
	acme.owner.get(path + "/mem_00000000000000000000000000").want(http.StatusNotFound)
	theirs := "/organizations/" + globex.Organization.ID + "/members/" + ada.member().ID
	globex.owner.get(theirs).want(http.StatusNotFound)
	for _, act := range []string{"/roles", "/suspend", "/resume", "/remove"} {
		ada.post(one+act, "version", "1", "roles", "OrgOwner").want(http.StatusForbidden, string(access.ManageMembers))
		globex.owner.post(theirs+act, "version", "1", "roles", "OrgOwner", "confirm", "ada@acme.test").want(http.StatusNotFound)
		globex.owner.post(one+act, "version", "1", "roles", "OrgOwner", "confirm", "ada@acme.test").want(http.StatusNotFound)
	}
}

func TestManyMembersPage(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	for range membersShown + 5 {
		p.pass(time.Millisecond) // whoever joined last comes first
		p.joins(acme)
	}
	path := "/organizations/" + acme.Organization.ID + "/members"
	first := acme.owner.get(path).want(http.StatusOK, "56 members")
	second := acme.owner.get(first.link(path+"?after=")).want(http.StatusOK, "owner@acme.test")
	if rows := strings.Count(second.Body, `class="row-title"`); rows != 6 {
		t.Errorf("%d members on the second page, want 6", rows)
	}
	if back := acme.owner.get(second.link(path + "?before=")); strings.Count(back.Body, `class="row-title"`) != membersShown {
		t.Errorf("the way back shows %d members", strings.Count(back.Body, `class="row-title"`))
	}
}

// joins makes one more member, without a browser or a password.
func (p *product) joins(o *organization) {
	p.Helper()
	email := "somebody" + strings.ToLower(o.Name) + string(rune('a'+p.count("users")%26)) + string(rune('a'+p.count("users")/26)) + "@acme.test"
	_, token, err := p.store.MakeWelcome(p.Context(), operator, store.Welcome{Kind: store.WelcomeSetup, OrganizationID: o.Organization.ID, Email: email})
	p.ok(err)
	_, _, err = p.store.SpendWelcome(p.Context(), operator, token, store.Newcomer{Name: "Somebody", PasswordHash: "x"})
	p.ok(err)
}

func TestChangeMember(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	ada := acme.member("ada@acme.test", access.OrgMember)
	path := "/organizations/" + acme.Organization.ID
	one := path + "/members/" + ada.member().ID
	version := func() string { return acme.owner.get(one).value("version") }

	acme.owner.post(one+"/roles", "version", version()).want(http.StatusUnprocessableEntity, "Choose at least one role.")
	acme.owner.post(one+"/roles", "version", version(), "roles", "OrgKing").want(http.StatusUnprocessableEntity)
	acme.owner.post(one+"/roles", "version", version(), "roles", "OrgManager", "roles", "OrgBillingAdmin").want(http.StatusOK, "The roles are saved.")
	ada.get(path+"/projects/new").want(http.StatusOK, "New project")
	acme.owner.post(one+"/roles", "version", "1", "roles", "OrgMember").want(http.StatusUnprocessableEntity, "Somebody else changed this member")

	acme.owner.post(one+"/suspend", "version", version()).want(http.StatusOK, "The member is suspended.", "Resume member")
	ada.get(path).want(http.StatusForbidden, "suspended")
	p.pass(time.Second)
	acme.owner.post(one+"/resume", "version", version()).want(http.StatusOK, "The member can enter again.")
	ada.get(path).want(http.StatusForbidden)
	ada.signInByPassword()
	ada.get(path).want(http.StatusOK)

	acme.owner.get(one+"/remove").want(http.StatusOK, "can no longer enter", "Type “ada@acme.test” to confirm")
	acme.owner.post(one+"/remove", "confirm", "ada").want(http.StatusUnprocessableEntity, "Type the address exactly")
	acme.owner.post(one+"/remove", "confirm", "ADA@acme.test").want(http.StatusOK, "is no longer a member.")
	ada.get(path).want(http.StatusNotFound)
	acme.owner.get(one).want(http.StatusNotFound)
}

func TestD14_LastOwnerIsToldWhy(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	one := "/organizations/" + acme.Organization.ID + "/members/" + acme.owner.member().ID
	const why = "This is the last owner who can sign in."
	acme.owner.post(one+"/roles", "version", acme.owner.get(one).value("version"), "roles", "OrgMember").want(http.StatusUnprocessableEntity, why)
	acme.owner.post(one+"/suspend", "version", acme.owner.get(one).value("version")).want(http.StatusUnprocessableEntity, why)
	acme.owner.post(one+"/remove", "confirm", "owner@acme.test").want(http.StatusUnprocessableEntity, why)
	acme.member("second@acme.test", access.OrgOwner) // the honest twin
	acme.owner.post(one+"/remove", "confirm", "owner@acme.test").want(http.StatusOK, "You left acme.")
}

func TestW07_DangerousActsAskForAFreshSignIn(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	ada := acme.member("ada@acme.test", access.OrgMember)
	remove := "/organizations/" + acme.Organization.ID + "/members/" + ada.member().ID + "/remove"
	p.pass(10 * time.Minute)
	acme.owner.get(remove).want(http.StatusOK, "Remove Name of ada")
	p.pass(5*time.Minute + time.Second)
	kept := acme.owner.post(remove, "confirm", "ada@acme.test").want(http.StatusUnauthorized, "Sign in again to go on", "Nothing was changed")
	if kept.value("confirm") != "ada@acme.test" {
		t.Error("what was typed is lost")
	}
	signIn := acme.owner.get(remove).want(http.StatusOK, "Sign in again to go on.")
	if back := signIn.value("return_to"); back != remove {
		t.Errorf("signing in leads back to %q", back)
	}
	password := acme.owner.post("/login", "email", "owner@acme.test", "return_to", remove)
	acme.owner.post("/login/password", "email", "owner@acme.test", "password", goodPassword, "return_to", password.value("return_to")).
		want(http.StatusOK, "Remove Name of ada")
	acme.owner.post(remove, "confirm", "ada@acme.test").want(http.StatusOK, "is no longer a member.")
}

func TestPagesOnABrokenStore(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	_, project := acme.project("Vectors")
	path := "/organizations/" + acme.Organization.ID
	p.ok(p.store.Close())
	for _, page := range []string{"/", "/account", path, path + "/settings", path + "/members", path + "/members/" + "mem_x", path + "/projects", project, project + "/members", project + "/settings"} {
		acme.owner.get(page).want(http.StatusInternalServerError, "Request ID").lacks("sql:", "closed")
	}
	for _, act := range []string{"/account/sessions/end-others", path + "/members/mem_x/suspend", path + "/projects", project + "/members"} {
		acme.owner.post(act).want(http.StatusInternalServerError).lacks("sql:", "closed")
	}
}
