package handlers

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/store"
)

func TestRolesPageShowsTheTablesThatDecide(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	page := acme.member("ada@acme.test", access.OrgMember).get("/organizations/"+acme.Organization.ID+"/roles").want(http.StatusOK, "In the organization", "In a project")
	ticks := 0
	for _, row := range append(access.OrganizationMatrix(), access.ProjectMatrix()...) {
		page.want(http.StatusOK, string(row.Permission))
		ticks += len(row.Roles)
	}
	if n := strings.Count(page.Body, ">Yes<"); n != ticks {
		t.Errorf("%d ticks, want %d", n, ticks)
	}
}

// says makes the identity provider vouch for somebody with these values and groups, signs them in, and gives what they are then.
func (c *connection) says(email string, values, groups []string) (*someone, store.Member) {
	c.Helper()
	c.idp.SignIn(idptest.Person{Subject: "subject of " + email, Email: email, Name: "Name of " + email, Roles: values, Groups: groups})
	b := c.browser()
	c.signIn(b, c.loginPath())
	_, user, err := c.store.Session(c.Context(), b.token())
	c.ok(err)
	m, err := c.scope.MemberOf(c.Context(), user.ID)
	c.ok(err)
	return &someone{browser: b, User: user, organization: c.organization}, m
}

func TestRolesFromTheIdentityProviderFromDraftToLogin(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.verify("acme.test")
	okta := acme.connect("Okta")
	project, _ := acme.search(access.Serverless)
	_, ada := okta.says("ada@acme.test", []string{"gatehouse:OrgManager"}, []string{"engineering"})
	guest := acme.member("guest@elsewhere.test", access.OrgMember)
	base := "/organizations/" + acme.Organization.ID
	path := base + "/sign-in/roles"

	acme.owner.get(base+"/sign-in").want(http.StatusOK, "Roles are given here, in the console.")
	version := func() string { return acme.owner.get(path).value("version") }
	acme.owner.post(path, "version", version(), "mode", "idp-roles").want(http.StatusOK, "The draft is saved.", "It has no effect yet")
	acme.owner.post(path+"/rules", "version", version(), "group", "engineering", "project", project.ID, "role", "ProjectEditor").want(http.StatusOK, "The rule is in the draft.", "Project editor")
	acme.owner.post(path+"/rules", "version", version(), "group", "chiefs", "role", "OrgOwner").want(http.StatusUnprocessableEntity, "only where the identity provider is allowed to", `value="chiefs"`)
	acme.owner.post(path+"/rules", "version", version(), "group", "undecided", "role", "").want(http.StatusUnprocessableEntity, "Choose a role in the organization.", `value="undecided"`)
	acme.owner.post(path+"/rules", "version", "1", "group", "a", "role", "OrgMember").want(http.StatusUnprocessableEntity, "Somebody else changed the draft")
	acme.owner.post(path, "version", version(), "mode", "scim").want(http.StatusUnprocessableEntity, "Choose where roles come from")
	acme.owner.post(path+"/rules", "version", version(), "group", "temporary", "role", "OrgMember").want(http.StatusOK, "temporary")
	acme.owner.post(path+"/rules/remove", "version", version(), "group", "temporary", "role", "OrgMember").want(http.StatusOK, "The rule is out of the draft.").lacks("<code class=\"row-title\">temporary")

	preview := acme.owner.post(path+"/preview", "version", version()).want(http.StatusOK, "Other roles change for 1 member.", "For 2 members nothing changes before", "1 owner would be left",
		"Organization manager, Project editor in Search serverless", "Other roles (1)", "Put into force")
	acme.owner.get(path+"/preview?kind=roles").want(http.StatusOK, "ada@acme.test").lacks("guest@elsewhere.test")
	acme.owner.get(path+"/preview?kind=ownership").want(http.StatusOK, "Nobody.")
	if m, err := acme.scope.Member(t.Context(), ada.ID); err != nil || !slices.Equal(m.Roles, []access.Role{access.OrgMember}) {
		t.Fatalf("%v, %v before it is in force", m.Roles, err)
	}
	acme.owner.post(path+"/apply", "version", preview.value("version")).want(http.StatusOK, "It is in force.", "Owners are made by owners")
	acme.owner.get(base+"/members/"+ada.ID).want(http.StatusOK, "Roles come from the identity provider here", "Okta: it sent the value “gatehouse:OrgManager”", "Okta: rule for the group “engineering”").
		lacks(`value="OrgBillingAdmin"`)

	p.pass(time.Minute)
	// Another sign-in, other roles; the page of the login says why, and what gave nothing.
	person, ada := okta.says("ada@acme.test", []string{"gatehouse:OrgBillingAdmin", "gatehouse:OrgOwner", "gatehouse:project:prj_00000000000000000000000000:ProjectOwner"}, nil)
	if !slices.Equal(ada.Roles, []access.Role{access.OrgBillingAdmin}) || len(ada.ProjectRoles) != 0 {
		t.Errorf("after the sign-in %v, %v", ada.Roles, ada.ProjectRoles)
	}
	logins, err := acme.scope.Logins(t.Context(), store.LoginFilter{Limit: 1})
	p.ok(err)
	acme.owner.get(base+"/logins/"+logins[0].ID).want(http.StatusOK, "Billing admin, by the value gatehouse:OrgBillingAdmin", "the identity provider may not make owners here", "this organization has no such project")
	person.get(base + "/sign-in").want(http.StatusForbidden)

	// By hand nobody gives a role but ownership.
	refused := "Roles come from the identity provider in this organization"
	member := base + "/members/" + ada.ID
	formOf := func() string { return acme.owner.get(member).value("version") }
	acme.owner.post(member+"/roles", "version", formOf(), "roles", "OrgManager").want(http.StatusUnprocessableEntity, refused)
	acme.owner.post(base+"/projects/"+project.ID+"/members", "email", guest.User.Email, "roles", "ProjectViewer").want(http.StatusUnprocessableEntity, refused)
	acme.owner.get(base+"/projects/"+project.ID+"/members").want(http.StatusOK, "Nobody gives them here").lacks("Add member")
	acme.owner.get(base+"/invites/new").want(http.StatusOK, "holds until the person signs in through a connection")
	acme.owner.post(member+"/roles", "version", formOf(), "roles", "OrgBillingAdmin", "roles", "OrgOwner").want(http.StatusOK, "The roles are saved.")
	if _, ada = okta.says("ada@acme.test", []string{"gatehouse:OrgManager"}, nil); !slices.Equal(ada.Roles, []access.Role{access.OrgOwner, access.OrgManager}) {
		t.Errorf("an owner made by an owner is %v after a sign-in", ada.Roles)
	}
}

func TestW07_RolesTakeEffectAfterAFreshSignInAndAYoungPreview(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	path := "/organizations/" + acme.Organization.ID + "/sign-in/roles"
	acme.owner.post(path, "version", "0", "mode", "idp-roles").want(http.StatusOK, "The draft is saved.")
	acme.owner.post(path+"/apply", "version", "1").want(http.StatusOK, "See first what the draft would change.", "It has no effect yet")
	acme.owner.post(path+"/preview", "version", "1").want(http.StatusOK, "Put into force")
	p.pass(16 * time.Minute)
	acme.owner.get(path+"/preview").want(http.StatusOK, "Look again").lacks("Put into force")
	acme.owner.post(path+"/apply", "version", "1").want(http.StatusUnauthorized)
	if policy, err := acme.scope.SignInPolicy(t.Context()); err != nil || policy.Mode != access.ConsoleRoles {
		t.Fatalf("the mode is %q, %v", policy.Mode, err)
	}
	acme.owner.post(path+"/discard").want(http.StatusOK, "The draft is discarded.").lacks("It has no effect yet")
}

func TestD14_ADraftThatLeavesNoOwnerIsSaidAndRefused(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.verify("acme.test")
	okta := acme.connect("Okta")
	okta.test(acme.owner)
	path := "/organizations/" + acme.Organization.ID + "/sign-in/roles"
	acme.owner.post(path, "version", "0", "mode", "idp-roles", "owners", "on").want(http.StatusOK)
	acme.owner.post(path+"/preview", "version", "1").want(http.StatusOK, "No owner would be left", "You yourself would no longer be an owner", "0 owners would be left")
	acme.owner.post(path+"/apply", "version", "1").want(http.StatusUnprocessableEntity, "without an owner who can sign in")
	acme.owner.get(path).want(http.StatusOK, "Roles are given here")
}

func TestRoleRulesNameProjectsFarBehind(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	for i := range projectsOffered {
		acme.project(fmt.Sprintf("Project %03d", i))
	}
	last, _ := acme.project("The last of all")
	path := "/organizations/" + acme.Organization.ID + "/sign-in/roles"
	acme.owner.get(path).want(http.StatusOK, "Project 099").lacks("The last of all")
	acme.owner.post(path+"/rules", "version", acme.owner.get(path).value("version"), "group", "engineering", "project", last.ID, "role", "ProjectEditor").
		want(http.StatusOK, "The rule is in the draft.", "The last of all").lacks("A project that is gone")
}
