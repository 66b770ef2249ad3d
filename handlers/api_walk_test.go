package handlers

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/api"
	"github.com/gatehouse-sso/gatehouse/store"
)

// adminMatrix is every operation of the admin API below an organization, with the permission that it asks for of the service accounts that
// the walk sends, and what is answered to one that holds it and sends {} where a body is taken, and no If-Match.
var adminMatrix = []struct {
	pattern    string
	permission access.Permission
	held       int // 0: not sent, because it would be carried out
}{
	{"GET ", access.ViewOrganization, http.StatusOK},
	{"PATCH ", access.ManageOrganization, http.StatusPreconditionRequired},
	{"GET /projects", access.ViewOrganization, http.StatusOK},
	{"POST /projects", access.CreateProjects, http.StatusUnprocessableEntity},
	{"GET /projects/{project}", access.ViewProject, http.StatusOK},
	{"PATCH /projects/{project}", access.ManageProject, http.StatusPreconditionRequired},
	{"DELETE /projects/{project}", access.ManageProject, http.StatusPreconditionRequired},
	{"GET /projects/{project}/members", access.ReadProjectMembers, http.StatusOK},
	{"PUT /projects/{project}/members/{member}/roles", access.ManageProjectMembers, http.StatusUnprocessableEntity},
	{"GET /projects/{project}/hosts", access.ReadProjectSettings, http.StatusOK},
	{"POST /projects/{project}/hosts", access.ManageProject, http.StatusUnprocessableEntity},
	{"GET /projects/{project}/hosts/{host}", access.ReadProjectSettings, http.StatusOK},
	{"DELETE /projects/{project}/hosts/{host}", access.ManageProject, 0},
	{"GET /projects/{project}/usage", access.ReadProjectKeys, http.StatusOK},
	{"GET /projects/{project}/api-keys", access.ReadProjectKeys, http.StatusOK},
	{"POST /projects/{project}/api-keys", access.ManageProjectKeys, http.StatusUnprocessableEntity},
	{"GET /projects/{project}/api-keys/{key}", access.ReadProjectKeys, http.StatusOK},
	{"PATCH /projects/{project}/api-keys/{key}", access.ManageProjectKeys, http.StatusPreconditionRequired},
	{"POST /projects/{project}/api-keys/{key}/rotate", access.ManageProjectKeys, http.StatusPreconditionRequired},
	{"POST /projects/{project}/api-keys/{key}/hand-over", access.ManageProjectKeys, http.StatusPreconditionRequired},
	{"DELETE /projects/{project}/api-keys/{key}", access.ManageProjectKeys, 0},
	{"GET /projects/{project}/api-keys/{key}/usage", access.ReadProjectKeys, http.StatusOK},
	{"GET /usage", access.ViewBilling, http.StatusOK},
	{"GET /usage/key-checks", access.ViewBilling, http.StatusOK},
	{"GET /key-policy", access.ViewOrganization, http.StatusOK},
	{"PATCH /key-policy", access.ManageOrganization, http.StatusPreconditionRequired},
	{"GET /members", access.ViewOrganization, http.StatusOK},
	{"GET /members/{member}", access.ViewOrganization, http.StatusOK},
	{"PUT /members/{member}/roles", access.ManageMembers, http.StatusPreconditionRequired},
	{"POST /members/{member}/suspend", access.ManageMembers, http.StatusPreconditionRequired},
	{"POST /members/{member}/resume", access.ManageMembers, http.StatusPreconditionRequired},
	{"DELETE /members/{member}", access.ManageMembers, http.StatusPreconditionRequired},
	{"GET /invites", access.ManageMembers, http.StatusOK},
	{"POST /invites", access.ManageMembers, http.StatusUnprocessableEntity},
	{"GET /invites/{invite}", access.ManageMembers, http.StatusOK},
	{"POST /invites/{invite}/resend", access.ManageMembers, http.StatusPreconditionRequired},
	{"DELETE /invites/{invite}", access.ManageMembers, 0},
	{"GET /role-bindings", access.ManageMembers, http.StatusOK},
	{"POST /role-bindings", access.ViewOrganization, http.StatusUnprocessableEntity}, // which role it is decides about the rest
	{"DELETE /role-bindings/{binding}", access.ManageMembers, 0},
	{"GET /service-accounts", access.ManageServiceAccounts, http.StatusOK},
	{"POST /service-accounts", access.ManageServiceAccounts, http.StatusUnprocessableEntity},
	{"GET /service-accounts/{account}", access.ManageServiceAccounts, http.StatusOK},
	{"PATCH /service-accounts/{account}", access.ManageServiceAccounts, http.StatusPreconditionRequired},
	{"POST /service-accounts/{account}/rotate", access.ManageServiceAccounts, http.StatusPreconditionRequired},
	{"DELETE /service-accounts/{account}", access.ManageServiceAccounts, http.StatusPreconditionRequired},
	{"GET /connections", access.ManageSSO, http.StatusOK},
	{"GET /connections/{connection}", access.ManageSSO, http.StatusOK},
	{"POST /connections/{connection}/activate", access.ManageSSO, http.StatusPreconditionRequired},
	{"POST /connections/{connection}/disable", access.ManageSSO, http.StatusPreconditionRequired},
	{"GET /connections/{connection}/versions", access.ManageSSO, http.StatusOK},
	{"GET /domains", access.ManageSSO, http.StatusOK},
	{"POST /domains", access.ManageSSO, http.StatusUnprocessableEntity},
	{"GET /domains/{domain}", access.ManageSSO, http.StatusOK},
	{"POST /domains/{domain}/verify", access.ManageSSO, 0},
	{"DELETE /domains/{domain}", access.ManageSSO, 0},
	{"GET /sign-in-policy", access.ManageSSO, http.StatusOK},
	{"PUT /sign-in-policy/default-role", access.ManageSSO, http.StatusPreconditionRequired},
	{"PUT /sign-in-policy/newcomers", access.ManageSSO, http.StatusPreconditionRequired},
	{"PUT /sign-in-policy/enforcement", access.ManageSSO, http.StatusPreconditionRequired},
	{"DELETE /sign-in-policy/enforcement", access.ManageSSO, http.StatusPreconditionRequired},
	{"GET /webhooks", access.ManageOrganization, http.StatusOK},
	{"POST /webhooks", access.ManageOrganization, http.StatusUnprocessableEntity},
	{"GET /webhooks/{webhook}", access.ManageOrganization, http.StatusOK},
	{"PATCH /webhooks/{webhook}", access.ManageOrganization, http.StatusPreconditionRequired},
	{"POST /webhooks/{webhook}/rotate", access.ManageOrganization, http.StatusPreconditionRequired},
	{"DELETE /webhooks/{webhook}", access.ManageOrganization, http.StatusPreconditionRequired},
	{"POST /webhooks/{webhook}/test", access.ManageOrganization, 0},
	{"GET /webhooks/{webhook}/deliveries", access.ManageOrganization, http.StatusOK},
	{"GET /webhooks/{webhook}/deliveries/{delivery}", access.ManageOrganization, http.StatusOK},
	{"POST /webhooks/{webhook}/deliveries/{delivery}/replay", access.ManageOrganization, 0},
	{"POST /webhooks/{webhook}/replay", access.ManageOrganization, 0},
	{"GET /logins", access.ManageSSO, http.StatusOK},
	{"GET /logins/{login}", access.ManageSSO, http.StatusOK},
	{"GET /events", access.ReadAudit, http.StatusOK},
}

// adminPattern is a row's whole pattern.
func adminPattern(row string) string {
	method, path, _ := strings.Cut(row, " ")
	return method + " " + api.Base + "/organizations/{organization}" + path
}

// adminRoutes are the patterns of the matrix.
func adminRoutes() (all []string) {
	for _, row := range adminMatrix {
		all = append(all, adminPattern(row.pattern))
	}
	return all
}

// ask sends a request to the admin API, with {} as its body where one is taken.
func (b *browser) ask(pattern, path string) *page {
	b.Helper()
	method, _, _ := strings.Cut(pattern, " ")
	body, takes := "", method == http.MethodPut || method == http.MethodPatch || method == http.MethodPost
	for _, none := range []string{"/suspend", "/resume", "/resend", "/activate", "/disable", "/verify", "/{webhook}/rotate", "/test", "/{delivery}/replay"} {
		takes = takes && !strings.HasSuffix(pattern, none)
	}
	if takes {
		body = "{}"
	}
	r := httptest.NewRequest(method, publicURL+path, strings.NewReader(body))
	if takes {
		r.Header.Set("Content-Type", "application/json")
	}
	return b.exchange(r)
}

// sending is a program that sends a token with every request.
func (p *product) sending(token string) *browser {
	b := p.browser()
	p.hide(token)
	b.header.Set("Authorization", "Bearer "+token)
	return b
}

// account is a service account of the organization with these roles in it, and in its project if any is given.
func (w walked) account(name string, inProject access.Role, roles ...access.Role) *browser {
	w.Helper()
	account, token, err := w.scope.CreateServiceAccount(w.Context(), operator, name, roles)
	w.ok(err)
	if inProject != "" {
		w.ok(w.scope.SetServiceAccountProjectRoles(w.Context(), operator, w.ids["project"], account.ID, account.Version, []access.Role{inProject}))
	}
	return w.sending(token.Reveal())
}

// withBinding adds what only the admin API names.
func (w walked) withBinding() walked {
	w.Helper()
	member, err := w.scope.Member(w.Context(), w.ids["member"])
	w.ok(err)
	bindings, err := w.scope.RoleBindings(w.Context(), store.RoleBindingFilter{PrincipalID: member.UserID})
	w.ok(err)
	w.ids["binding"] = bindings[0].ID
	return w
}

func TestW18_AdminAPIForEveryoneWhoMayNot(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { walkAdminForStrangers(t, newProduct(t)) })
	t.Run("postgres", func(t *testing.T) { walkAdminForStrangers(t, newProductOnPostgreSQL(t)) })
}

func walkAdminForStrangers(t *testing.T, p *product) {
	a, b := furnish(p.found("a")).withBinding(), furnish(p.found("b")).withBinding()
	own, foreign := a.account("own", "", access.OrgOwner), b.account("foreign", "", access.OrgOwner)
	before := p.everything()
	for _, row := range adminMatrix {
		rt := route{pattern: adminPattern(row.pattern)}
		_, path := a.path(rt, a.ids)
		for _, stranger := range []struct {
			kind   string
			who    *browser
			status int
			code   string
		}{
			{"nobody", p.browser(), http.StatusUnauthorized, "token_missing"},
			{"K-13 an owner's cookie", a.owner.browser, http.StatusUnauthorized, "token_missing"},
			{"K-05 an API key", p.sending(a.ids["text"]), http.StatusForbidden, "api_key_not_accepted"},
			{"K-05 an API key in its own header", p.keyed(a.ids["text"]), http.StatusForbidden, "api_key_not_accepted"},
			{"a foreign service account", foreign, http.StatusNotFound, "not_found"},
		} {
			shown := stranger.who.ask(row.pattern, path)
			if shown.Status != stranger.status || !strings.Contains(shown.Body, `"code":"`+stranger.code+`"`) {
				t.Errorf("%s, %s: %d %s", row.pattern, stranger.kind, shown.Status, shown.Body)
			}
		}
		none := nothing(a.ids)
		for _, name := range parameter.FindAllStringSubmatch(rt.pattern, -1) {
			_, foreignPath := a.path(rt, with(a.ids, b.ids, name[1]))
			_, absentPath := a.path(rt, with(a.ids, none, name[1]))
			if (row.held == http.StatusPreconditionRequired || row.held == http.StatusUnprocessableEntity) && name[1] != "organization" && name[1] != "project" {
				continue // without a condition, or what is to be done, what it is about is not looked for
			}
			got, want := own.ask(row.pattern, foreignPath), own.ask(row.pattern, absentPath)
			if got.Status != http.StatusNotFound || adminBytes(got) != adminBytes(want) {
				t.Errorf("%s, another's %s: %d %s\n%s", row.pattern, name[1], got.Status, got.Body, want.Body)
			}
		}
	}
	if after := p.everything(); after != before {
		t.Errorf("strangers changed something:\n%s\n%s", before, after)
	}
}

// keyed sends an API key where the checks of keys take it.
func (p *product) keyed(key string) *browser {
	b := p.browser()
	b.header.Set("Api-Key", key)
	return b
}

// adminBytes is all of an answer but the request's id.
func adminBytes(p *page) string {
	same := *p
	same.Body = strings.ReplaceAll(p.Body, p.Header.Get("X-Request-Id"), "")
	return bytesOf(&same, "")
}

// Within their own organization a missing permission is 403 and named, for every role and every operation; in a project without a role, 404.
func TestW18_AdminAPIForEveryRole(t *testing.T) {
	p := newProduct(t)
	a := furnish(p.found("a")).withBinding()
	check := func(kind string, who *browser, in, inProject access.Permissions) {
		t.Helper()
		before := p.everything()
		for _, row := range adminMatrix {
			holds, hidden := in, false
			if strings.Contains(row.pattern, "/projects/{project}") {
				holds, hidden = inProject, !inProject.Has(access.ViewProject)
			}
			if holds.Has(row.permission) && row.held == 0 {
				continue
			}
			_, path := a.path(route{pattern: adminPattern(row.pattern)}, a.ids)
			shown := who.ask(row.pattern, path)
			switch {
			case hidden && shown.Status != http.StatusNotFound, holds.Has(row.permission) && shown.Status != row.held:
				t.Errorf("%s, %s: %d %s", row.pattern, kind, shown.Status, shown.Body)
			case !hidden && !holds.Has(row.permission) && (shown.Status != http.StatusForbidden || !strings.Contains(shown.Body, `"permission":"`+string(row.permission)+`"`)):
				t.Errorf("%s, %s lacks %s: %d %s", row.pattern, kind, row.permission, shown.Status, shown.Body)
			}
		}
		if after := p.everything(); after != before {
			t.Errorf("%s changed something:\n%s\n%s", kind, before, after)
		}
	}
	for _, role := range access.OrganizationRoles() {
		roles := []access.Role{role}
		check(string(role), a.account(string(role), "", role), access.Organization(roles), access.Project(nil, slices.Contains(roles, access.OrgOwner)))
	}
	for _, role := range access.ProjectRoles() {
		check(string(role), a.account(string(role), role, access.OrgMember), access.Organization([]access.Role{access.OrgMember}), access.Project([]access.Role{role}, false))
	}
}

// Without the entitlement nothing is answered but what is missing, and a suspended organization answers nobody.
func TestAdminAPIAsksForItsEntitlement(t *testing.T) {
	p := newProduct(t)
	a := furnish(p.found("a")).withBinding()
	own := a.account("own", "", access.OrgOwner)
	for _, row := range []struct {
		plan        access.Plan
		path        string
		status      int
		entitlement access.Entitlement
	}{
		{access.Starter, "/projects", http.StatusForbidden, access.EntitledServiceAccounts},
		{access.Standard, "/projects", http.StatusOK, ""},
		{access.Standard, "/connections", http.StatusOK, ""},
		{access.Standard, "/events", http.StatusForbidden, access.EntitledAuditLog},
		{access.Enterprise, "/events", http.StatusOK, ""},
	} {
		a.ok(p.store.SetPlan(t.Context(), operator, a.ID, row.plan))
		shown := own.ask("GET", api.Base+"/organizations/"+a.ID+row.path)
		if shown.Status != row.status || row.entitlement != "" && !strings.Contains(shown.Body, `"code":"entitlement_required"`) || !strings.Contains(shown.Body, string(row.entitlement)) {
			t.Errorf("%s with %s: %d %s", row.path, row.plan, shown.Status, shown.Body)
		}
	}
}

func TestAPIReferencePage(t *testing.T) {
	p := newProduct(t)
	p.browser().get(api.Base).want(http.StatusOK, "Create an API key", "project:keys:manage", "Idempotency-Key", "curl -sS "+publicURL+api.Base)
	p.browser().get(api.Base+"?q=rotate").want(http.StatusOK, "Rotate an API key").lacks("List members")
	p.browser().get(api.Base+"?q=teapot").want(http.StatusOK, "No operation fits this search.")
	a := p.found("a")
	a.owner.get(api.Base).want(http.StatusOK, "Create an API key", "Sign out")
}

// What no router sees, such as a path with a control character, is told to programs in a document as well.
func TestProgramsGetDocumentsBeforeARouter(t *testing.T) {
	p := newProduct(t)
	for path, kind := range map[string]string{
		api.Base + "/organizations/%01": "application/problem+json", "/v1/keys/%01": "application/problem+json", "/login/%01": "text/html; charset=utf-8",
	} {
		shown := p.browser().ask("GET", path)
		if shown.Status != http.StatusBadRequest || shown.Header.Get("Content-Type") != kind {
			t.Errorf("%s: %d %s", path, shown.Status, shown.Header.Get("Content-Type"))
		}
	}
}
