package handlers

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func TestDefaultRole(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	project, _ := acme.search(access.Serverless)
	path := "/organizations/" + acme.Organization.ID + "/sign-in"
	page := acme.owner.get(path).want(http.StatusOK, "Not required", "Organization member", "Search serverless").lacks(`value="OrgOwner"`, `value="ProjectOwner"`)
	version := page.value("version")
	acme.owner.post(path+"/default-role", "version", version, "default_role", "OrgManager", "project_1", project.ID, "project_role_1", "ProjectViewer").
		want(http.StatusOK, "The default role is saved.")
	policy, err := acme.scope.SignInPolicy(t.Context())
	p.ok(err)
	if policy.DefaultRole != access.OrgManager || !slices.Equal(policy.DefaultProjectRoles, []store.ProjectRole{{ProjectID: project.ID, Role: access.ProjectViewer}}) {
		t.Errorf("the policy is %+v", policy)
	}
	acme.owner.post(path+"/default-role", "version", version, "default_role", "OrgMember").want(http.StatusUnprocessableEntity, "Somebody else changed this")
	acme.owner.get(path).want(http.StatusOK, "Project 2") // another line to fill in

	version = acme.owner.get(path).value("version")
	for name, fields := range map[string][]string{
		"owner":                  {"default_role", "OrgOwner"},
		"nothing":                {"default_role", ""},
		"project owner":          {"default_role", "OrgMember", "project_1", project.ID, "project_role_1", "ProjectOwner"},
		"another's project":      {"default_role", "OrgMember", "project_1", "prj_00000000000000000000000000", "project_role_1", "ProjectViewer"},
		"organization role in a": {"default_role", "OrgMember", "project_1", project.ID, "project_role_1", "OrgOwner"},
	} {
		if refused := acme.owner.post(path+"/default-role", append(fields, "version", version)...); refused.Status != http.StatusUnprocessableEntity {
			t.Errorf("D-15 %s: got %d", name, refused.Status)
		}
	}
}

func TestNewcomers(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	path := "/organizations/" + acme.Organization.ID + "/sign-in"
	version := acme.owner.get(path).value("version")
	acme.owner.post(path+"/newcomers", "version", version).want(http.StatusOK, "The rule for newcomers is saved.")
	if policy, err := acme.scope.SignInPolicy(t.Context()); err != nil || policy.AdmitNewcomers {
		t.Errorf("newcomers are admitted still: %v", err)
	}
	acme.owner.post(path+"/newcomers", "version", version, "admit", "on").want(http.StatusUnprocessableEntity, "Somebody else changed this")
}

func TestEnforcementFromPreviewToEnd(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	guest := acme.member("guest@elsewhere.test", access.OrgMember)
	ada := acme.member("ada@acme.test", access.OrgMember)
	_, keys := acme.search(access.Serverless)
	acme.owner.post(keys, "name", "ci", "permissions", "all", "expires", "90").want(http.StatusCreated)
	path := "/organizations/" + acme.Organization.ID + "/sign-in/enforcement"

	early := acme.owner.get(path).want(http.StatusOK, "Verify a domain", "Activate a connection", "within the last 15 minutes", "Name a break-glass owner", "1 key at present", "Nobody yet")
	acme.owner.post(path, "version", early.value("version"), "scope", "domain").want(http.StatusUnprocessableEntity, "There is a problem", "Verify a domain", "Activate a connection")

	acme.verify("acme.test")
	c := acme.connect("Okta")
	acme.wayIn(acme.owner)
	acme.owner.get(path).want(http.StatusOK, "A break-glass owner has a passkey or recovery codes.", "Name of owner can still get in at /login/recovery", "A domain is verified.", "A connection is active.", "ada@acme.test", "owner@acme.test").lacks("guest@elsewhere.test")
	c.test(acme.owner)
	ready := acme.owner.get(path+"?scope=everyone").want(http.StatusOK, "You have just signed in", "2 members can enter")
	p.pass(16 * time.Minute)
	acme.owner.post(path, "version", ready.value("version"), "scope", "everyone").want(http.StatusUnauthorized, "Sign in again to go on")
	acme.owner.signInByPassword() // fresh, and not by the connection
	acme.owner.post(path, "version", ready.value("version"), "scope", "everyone").want(http.StatusUnprocessableEntity, "within the last 15 minutes")
	c.test(acme.owner)
	acme.owner.post(path, "version", ready.value("version"), "scope", "sometimes").want(http.StatusUnprocessableEntity, "Choose whom it covers.")
	acme.owner.post(path, "version", ready.value("version"), "scope", "domain").want(http.StatusForbidden) // done, and the owner is covered, too
	if policy, err := acme.scope.SignInPolicy(t.Context()); err != nil || policy.Enforcement != access.EnforceDomain {
		t.Fatalf("single sign-on is not required: %v", err)
	}
	ada.get("/organizations/"+acme.Organization.ID).want(http.StatusForbidden, "Continue with Okta")
	guest.get("/organizations/" + acme.Organization.ID).want(http.StatusOK)

	c.signIn(acme.owner.browser, c.loginPath())
	page := acme.owner.get("/organizations/"+acme.Organization.ID+"/sign-in").want(http.StatusOK, "Required", "members on a verified domain")
	acme.owner.get(page.link("/organizations/"+acme.Organization.ID+"/sign-in/enforcement/end")).want(http.StatusOK, "Stop requiring")
	acme.owner.post(path+"/end", "version", "1").want(http.StatusUnprocessableEntity, "Somebody else changed this")
	acme.owner.post(path+"/end", "version", page.value("version")).want(http.StatusOK, "Single sign-on is no longer required.")
	ada.get("/organizations/" + acme.Organization.ID).want(http.StatusOK)
}

func TestSignInPolicyAsksForPermission(t *testing.T) {
	p := newProduct(t)
	acme, globex := p.found("acme"), p.found("globex")
	member := acme.member("ada@acme.test", access.OrgManager)
	path := "/organizations/" + acme.Organization.ID + "/sign-in"
	for _, page := range []string{"", "/enforcement", "/enforcement/end"} {
		member.get(path+page).want(http.StatusForbidden, string(access.ManageSSO))
		globex.owner.get(path + page).want(http.StatusNotFound)
	}
	for _, act := range []string{"/default-role", "/newcomers", "/enforcement", "/enforcement/end"} {
		member.post(path+act, "version", "1").want(http.StatusForbidden, string(access.ManageSSO))
		globex.owner.post(path+act, "version", "1").want(http.StatusNotFound)
	}
	if policy, err := acme.scope.SignInPolicy(t.Context()); err != nil || policy.Version != 1 {
		t.Errorf("somebody changed the policy: %+v %v", policy, err)
	}
}

func TestSignInPolicyWhenTheStoreFails(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	path := "/organizations/" + acme.Organization.ID + "/sign-in"
	version := acme.owner.get(path).value("version")
	p.failing()
	acme.owner.post(path+"/newcomers", "version", version).failed()
	if n := p.count("sign_in_policies WHERE admit_newcomers"); n != 1 {
		t.Error("the policy was half changed")
	}
	p.ok(p.store.Close())
	acme.owner.get(path).failed()
}

// D-13: a single code or passkey is enough to require single sign-on, and gone with the first emergency: that is said before the click.
func TestD13_TheLastWayInIsSaidBeforeSingleSignOnIsRequired(t *testing.T) {
	acme, _ := corp(t)
	acme.wayIn(acme.owner)
	const warning = "Only one way in for an emergency is left"
	page := acme.organizationPath("sign-in/enforcement")
	acme.owner.get(page).want(http.StatusOK, "A break-glass owner has a passkey or recovery codes.").lacks(warning)
	acme.behind("UPDATE recovery_codes SET spent_at = ? WHERE hash <> (SELECT min(hash) FROM recovery_codes)", acme.now())
	acme.owner.get(page).want(http.StatusOK, warning+": a recovery code of "+acme.owner.User.Name, "Make new recovery codes")
	acme.owner.addPasskey(acme.device(), "Phone")
	acme.owner.get(page).want(http.StatusOK).lacks(warning)
	acme.behind("DELETE FROM recovery_codes")
	acme.owner.get(page).want(http.StatusOK, warning+": a passkey of "+acme.owner.User.Name)
	acme.behind("DELETE FROM passkeys")
	acme.owner.get(page).want(http.StatusOK, "Name a break-glass owner").lacks(warning) // none at all is a precondition, and said there
}
