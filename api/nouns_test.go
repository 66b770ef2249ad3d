package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/store"
)

func TestOrganization(t *testing.T) {
	o := newWorld(t).found("acme")
	got := o.send(http.MethodGet, "", nil).want(http.StatusOK)
	if got.get("name") != "acme" || got.get("plan") != "enterprise" {
		t.Errorf("%s", got.body)
	}
	renamed := o.send(http.MethodPatch, "", object("name", "Acme Corporation"), "If-Match", got.Header.Get("ETag")).want(http.StatusOK)
	if renamed.get("name") != "Acme Corporation" || renamed.Header.Get("ETag") == got.Header.Get("ETag") {
		t.Errorf("%s", renamed.body)
	}
	o.send(http.MethodPatch, "", object(), "If-Match", "*").want(http.StatusOK)
	o.send(http.MethodPatch, "", object("name", "x"), "If-Match", `W/"2"`).problem(http.StatusPreconditionFailed, "version_moved")
	o.send(http.MethodPatch, "", object("name", " "), "If-Match", "*").problem(http.StatusUnprocessableEntity, "invalid")
}

func TestAPIKeys(t *testing.T) {
	o := newWorld(t).found("acme")
	path := "/projects/" + o.project("Search").ID + "/api-keys"
	made := o.send(http.MethodPost, path, object("name", "ci", "roles", []string{"DataPlaneViewer"}, "networks", []string{"192.0.2.0/24", "2001:db8::1"}, "rate_per_minute", 60)).want(http.StatusCreated)
	var key APIKey
	made.read(&key)
	if key.ExpiresAt == nil || !key.ExpiresAt.Equal(o.now().AddDate(0, 0, 90)) || !slices.Equal(key.Networks, []string{"192.0.2.0/24", "2001:db8::1/128"}) || key.CreatedBy != o.ServiceAccount.ID {
		t.Errorf("%+v", key)
	}
	one := path + "/" + key.ID
	if got := o.send(http.MethodGet, one, nil).want(http.StatusOK); got.get("key") != "" || strings.Contains(got.body, made.get("key")) {
		t.Errorf("its text is shown again: %s", got.body)
	}
	o.send(http.MethodPatch, one, object("networks", []string{}, "rate_per_minute", 0), "If-Match", `"1"`).want(http.StatusOK).read(&key)
	if len(key.Networks) != 0 || key.RatePerMinute != 0 || key.Name != "ci" {
		t.Errorf("%+v", key)
	}
	o.send(http.MethodPost, one+"/hand-over", object("independent", true), "If-Match", `"2"`).want(http.StatusOK).read(&key)
	if !key.Independent {
		t.Errorf("%+v", key)
	}
	o.send(http.MethodPost, one+"/rotate", object("overlap_seconds", 3600), "If-Match", "*").want(http.StatusOK).read(&key)
	if key.PreviousEndsAt == nil || !key.PreviousEndsAt.Equal(o.now().Add(time.Hour)) {
		t.Errorf("%+v", key)
	}
	o.send(http.MethodDelete, one, nil).want(http.StatusNoContent)
	o.send(http.MethodDelete, one, nil).want(http.StatusNoContent)
	o.send(http.MethodPatch, one, object("name", "x"), "If-Match", "*").problem(http.StatusConflict, "api_key_revoked")
	if ended := o.send(http.MethodGet, path+"?state=ended", nil).want(http.StatusOK); !strings.Contains(ended.body, key.ID) {
		t.Errorf("%s", ended.body)
	}
}

func TestAPIKeysThatMayNotBe(t *testing.T) {
	o := newWorld(t).found("acme")
	path := "/projects/" + o.project("Search").ID + "/api-keys"
	roles := []string{"ProjectEditor"}
	for field, body := range map[string]map[string]any{
		"expires_at":    object("name", "a", "roles", roles, "expires_at", "2020-01-01T00:00:00Z"),
		"never_expires": object("name", "a", "roles", roles, "never_expires", true, "expires_at", "2027-01-01T00:00:00Z"),
		"networks":      object("name", "a", "roles", roles, "networks", []string{"everywhere"}),
		"roles[0]":      object("name", "a", "roles", []string{"ProjectOwner"}),
		"roles":         object("name", "a", "roles", []string{}),
		"name":          object("name", "\t", "roles", roles),
	} {
		p := o.send(http.MethodPost, path, body).problem(http.StatusUnprocessableEntity, "invalid")
		if len(p.Errors) != 1 || p.Errors[0].Field != field {
			t.Errorf("%s: %+v", field, p.Errors)
		}
	}
	never := object("name", "a", "roles", roles, "never_expires", true)
	o.send(http.MethodPost, path, never).problem(http.StatusUnprocessableEntity, "invalid")
	o.send(http.MethodPatch, "/key-policy", object("never_expires", true), "If-Match", `"0"`).want(http.StatusOK)
	o.send(http.MethodPost, path, object("name", "b", "roles", roles, "expires_at", "9999-12-31T23:59:59-01:00")).problem(http.StatusUnprocessableEntity, "invalid")
	if made := o.send(http.MethodPost, path, never).want(http.StatusCreated); made.get("expires_at") != "" {
		t.Errorf("%s", made.body)
	}
}

func TestMembers(t *testing.T) {
	o := newWorld(t).found("acme")
	var page Page[Member]
	o.send(http.MethodGet, "/members", nil).want(http.StatusOK).read(&page)
	owner := "/members/" + page.Data[0].ID
	o.send(http.MethodPost, owner+"/suspend", nil, "If-Match", "*").problem(http.StatusConflict, "last_owner")
	o.send(http.MethodPut, owner+"/roles", object("roles", []string{"OrgMember"}), "If-Match", "*").problem(http.StatusConflict, "last_owner")
	o.send(http.MethodDelete, owner, nil, "If-Match", "*").problem(http.StatusConflict, "last_owner")
	more := o.send(http.MethodPut, owner+"/roles", object("roles", []string{"OrgOwner", "OrgBillingAdmin"}), "If-Match", "*").want(http.StatusOK)
	if !strings.Contains(more.body, "OrgBillingAdmin") {
		t.Errorf("%s", more.body)
	}
}

func TestRoleBindings(t *testing.T) {
	o := newWorld(t).found("acme")
	p := o.project("Search")
	give := func(who *program, principal, role, project string) *reply {
		body := object("principal", principal, "role", role)
		if project != "" {
			body["project"] = project
		}
		return who.send(http.MethodPost, "/role-bindings", body)
	}
	bound := give(o.program, o.owner.ID, "OrgBillingAdmin", "").want(http.StatusCreated)
	if again := give(o.program, o.owner.ID, "OrgBillingAdmin", "").want(http.StatusCreated); again.body != bound.body {
		t.Errorf("given twice: %s, %s", bound.body, again.body)
	}
	if listed := o.send(http.MethodGet, "/role-bindings?principal="+o.owner.ID, nil).want(http.StatusOK); !strings.Contains(listed.body, bound.get("id")) {
		t.Errorf("%s", listed.body)
	}
	o.send(http.MethodDelete, "/role-bindings/"+bound.get("id"), nil).want(http.StatusNoContent)
	o.send(http.MethodDelete, "/role-bindings/"+bound.get("id"), nil).problem(http.StatusNotFound, "not_found")
	give(o.program, "usr_none", "OrgMember", "").problem(http.StatusUnprocessableEntity, "invalid")
	give(o.program, o.owner.ID, "ProjectViewer", "").problem(http.StatusUnprocessableEntity, "invalid")
	give(o.program, o.owner.ID, "ProjectViewer", "prj_none").problem(http.StatusUnprocessableEntity, "invalid")

	// Without the rights of an owner: roles in one's own projects alone, and no others' exist.
	manager := o.account("manager", "OrgManager")
	if denied := give(manager, manager.ID, "OrgOwner", "").problem(http.StatusForbidden, "permission_missing"); denied.Permission != "service-accounts:manage" {
		t.Errorf("%+v", denied)
	}
	give(manager, manager.ID, "ProjectOwner", p.ID).problem(http.StatusUnprocessableEntity, "invalid")
	own := manager.send(http.MethodPost, "/projects", object("name", "Own")).want(http.StatusCreated).get("id")
	give(manager, o.owner.ID, "ProjectViewer", own).want(http.StatusCreated)
	manager.send(http.MethodGet, "/role-bindings", nil).problem(http.StatusForbidden, "permission_missing")
	manager.send(http.MethodGet, "/role-bindings?project="+own, nil).want(http.StatusOK)
}

func TestServiceAccounts(t *testing.T) {
	o := newWorld(t).found("acme")
	made := o.send(http.MethodPost, "/service-accounts", object("name", "deploy", "roles", []string{"OrgMember"})).want(http.StatusCreated)
	path := "/service-accounts/" + made.get("id")
	deploy := &program{world: o.world, organization: o.Organization.ID, token: made.get("token")}
	deploy.send(http.MethodGet, "", nil).want(http.StatusOK)
	if got := o.send(http.MethodGet, path, nil).want(http.StatusOK); strings.Contains(got.body, "gate_sva_") {
		t.Errorf("a token is shown again: %s", got.body)
	}
	o.send(http.MethodPatch, path, object("name", "ship"), "If-Match", `"1"`).want(http.StatusOK)
	rotated := o.send(http.MethodPost, path+"/rotate", object("overlap_seconds", 3600), "If-Match", `"2"`).want(http.StatusOK)
	deploy.send(http.MethodGet, "", nil).want(http.StatusOK)
	deploy.token = rotated.get("token")
	deploy.send(http.MethodGet, "", nil).want(http.StatusOK)
	o.send(http.MethodPost, "/service-accounts", object("name", "ship", "roles", []string{"OrgMember"})).problem(http.StatusUnprocessableEntity, "invalid")
}

func TestDomainsAndPolicy(t *testing.T) {
	o := newWorld(t).found("acme")
	made := o.send(http.MethodPost, "/domains", object("name", "Acme.Example.")).want(http.StatusCreated)
	if made.get("name") != "acme.example" || made.get("record_name") != "_gatehouse-challenge.acme.example." || made.get("verified_at") != "" {
		t.Errorf("%s", made.body)
	}
	o.send(http.MethodPost, "/domains", object("name", "gatehouse.test")).problem(http.StatusUnprocessableEntity, "invalid")
	policy := o.send(http.MethodGet, "/sign-in-policy", nil).want(http.StatusOK)
	o.send(http.MethodPut, "/sign-in-policy/newcomers", object("admit", false), "If-Match", policy.Header.Get("ETag")).want(http.StatusOK)
	o.send(http.MethodPut, "/sign-in-policy/default-role", object("default_role", "OrgOwner"), "If-Match", "*").problem(http.StatusUnprocessableEntity, "invalid")
	o.send(http.MethodPut, "/sign-in-policy/default-role", object("default_role", "OrgManager"), "If-Match", "*").want(http.StatusOK)
	var page Page[Member]
	o.send(http.MethodGet, "/members", nil).want(http.StatusOK).read(&page)
	unmet := o.send(http.MethodPut, "/sign-in-policy/enforcement", object("scope", "domain", "tested_by", page.Data[0].ID), "If-Match", "*").problem(http.StatusUnprocessableEntity, "invalid")
	if len(unmet.Errors) < 3 {
		t.Errorf("the preconditions that are not met: %+v", unmet.Errors)
	}
	o.send(http.MethodPut, "/sign-in-policy/enforcement", object("scope", "domain", "tested_by", "mem_none"), "If-Match", "*").problem(http.StatusUnprocessableEntity, "invalid")
	o.send(http.MethodDelete, "/domains/"+made.get("id"), nil).want(http.StatusNoContent)
}

func TestBreakGlassOwners(t *testing.T) {
	o := newWorld(t).found("acme")
	owner, err := o.scope.MemberOf(o.Context(), o.owner.ID)
	o.ok(err)
	one := "/break-glass-owners/" + owner.ID
	o.send(http.MethodDelete, one, nil).problem(http.StatusNotFound, "not_found")
	o.send(http.MethodPut, "/break-glass-owners/mem_00000000000000000000000000", nil).problem(http.StatusNotFound, "not_found")
	var named BreakGlassOwner
	if o.send(http.MethodPut, one, nil).want(http.StatusOK).read(&named); named.MemberID != owner.ID || named.GetsIn {
		t.Errorf("%+v", named)
	}
	o.send(http.MethodPut, one, nil).want(http.StatusOK) // nothing to do
	_, err = o.scope.MakeRecoveryCodes(o.Context(), operator, o.owner.ID)
	o.ok(err)
	var page Page[BreakGlassOwner]
	if o.send(http.MethodGet, "/break-glass-owners", nil).want(http.StatusOK).read(&page); len(page.Data) != 1 || !page.Data[0].GetsIn || page.Data[0].CodesLeft != 10 {
		t.Errorf("%+v", page.Data)
	}
	o.send(http.MethodDelete, one, nil).want(http.StatusNoContent)
	o.send(http.MethodGet, "/break-glass-owners", nil).want(http.StatusOK).read(&page)
	if len(page.Data) != 0 {
		t.Errorf("%+v", page.Data)
	}
}

func TestConnections(t *testing.T) {
	o := newWorld(t).found("acme")
	c, err := o.scope.CreateConnection(o.Context(), operator, "Okta", store.SAMLSettings{EntityID: "https://idp.example"}, store.NewKey{CertificatePEM: []byte("c"), KeyPEM: []byte("private")})
	o.ok(err)
	got := o.send(http.MethodGet, "/connections/"+c.ID, nil).want(http.StatusOK)
	if got.get("our_acs_url") != publicURL+"/saml/"+c.ID+"/acs" || got.get("state") != "draft" || strings.Contains(got.body, "private") {
		t.Errorf("X-06: %s", got.body)
	}
	o.send(http.MethodPost, "/connections/"+c.ID+"/activate", nil, "If-Match", "*").problem(http.StatusUnprocessableEntity, "invalid")
	o.send(http.MethodPost, "/connections/"+c.ID+"/disable", nil, "If-Match", `"1"`).problem(http.StatusConflict, "connection_not_active")
	o.ok(o.scope.ChangeConnectionSettings(o.Context(), operator, c.ID, c.Version, store.SAMLSettings{EntityID: "https://other.example"}))
	var versions Page[ConnectionVersion]
	o.send(http.MethodGet, "/connections/"+c.ID+"/versions?limit=1", nil).want(http.StatusOK).read(&versions)
	if len(versions.Data) != 1 || !versions.Data[0].Live || versions.Data[0].Number != 2 {
		t.Errorf("%+v", versions)
	}
	o.send(http.MethodGet, "/connections/"+c.ID+"/versions?limit=1&cursor="+versions.Next, nil).want(http.StatusOK).read(&versions)
	if len(versions.Data) != 1 || versions.Data[0].Live || versions.Data[0].Settings.EntityID != "https://idp.example" {
		t.Errorf("%+v", versions)
	}
}

// Pages follow each other without a gap or a repetition, whatever is added meanwhile.
func TestPages(t *testing.T) {
	o := newWorld(t).found("acme")
	for i := range 7 {
		o.project(fmt.Sprint("Project ", i))
		o.account(fmt.Sprint("account ", i), "OrgMember")
	}
	for _, path := range []string{"/projects", "/service-accounts", "/events", "/role-bindings"} {
		seen, query := map[string]bool{}, "?limit=3"
		for pages := 0; query != ""; pages++ {
			var page Page[struct {
				ID string `json:"id"`
			}]
			o.send(http.MethodGet, path+query, nil).want(http.StatusOK).read(&page)
			for _, row := range page.Data {
				if seen[row.ID] {
					t.Errorf("%s: %s stands twice", path, row.ID)
				}
				seen[row.ID] = true
			}
			if query = ""; page.Next != "" {
				query = "?limit=3&cursor=" + page.Next
			}
			if pages == 0 {
				o.project("Meanwhile " + path[1:])
			}
			if pages > 100 {
				t.Fatalf("%s has no end", path)
			}
		}
		if len(seen) < 7 {
			t.Errorf("%s: %d were seen", path, len(seen))
		}
	}
}

// Every change names the service account in its event, with the request's id.
func TestChangesAreRecordedAsTheServiceAccounts(t *testing.T) {
	o := newWorld(t).found("acme")
	made := o.send(http.MethodPost, "/projects", object("name", "Search"), "User-Agent", "terraform/1").want(http.StatusCreated)
	events, err := o.scope.Events(t.Context(), store.EventFilter{Action: "project.created"})
	o.ok(err)
	actor := events[0].Actor
	if actor.Kind != audit.ServiceAccount || actor.ID != o.ServiceAccount.ID || actor.Name != "owner" || actor.Request.ID != made.Header.Get("X-Request-Id") || actor.Request.Address != "203.0.113.7" {
		t.Errorf("%+v", actor)
	}
	if got := o.send(http.MethodGet, "/events?action=project&outcome=succeeded", nil).want(http.StatusOK); !strings.Contains(got.body, "created the project “Search”") {
		t.Errorf("%s", got.body)
	}
}
