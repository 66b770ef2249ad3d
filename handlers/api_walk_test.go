package handlers

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/api"
	"github.com/gatehouse-sso/gatehouse/store"
)

// ask sends a request to the admin API, with {} as its body where one is taken.
func (b *browser) ask(r row, path string) *page {
	b.Helper()
	body := ""
	if r.body {
		body = "{}"
	}
	request := httptest.NewRequest(r.method(), publicURL+path, strings.NewReader(body))
	if r.body {
		request.Header.Set("Content-Type", "application/json")
	}
	return b.exchange(request)
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

// Without the entitlement nothing is answered but what is missing, and a suspended organization answers nobody.
func TestAdminAPIAsksForItsEntitlement(t *testing.T) {
	p := newProduct(t)
	a := furnish(p.found("a")).withBinding()
	own := a.account("own", "", access.OrgOwner)
	for _, c := range []struct {
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
		a.ok(p.store.SetPlan(t.Context(), operator, a.ID, c.plan))
		shown := own.ask(row{pattern: "GET /"}, api.Base+"/organizations/"+a.ID+c.path)
		if shown.Status != c.status || c.entitlement != "" && !strings.Contains(shown.Body, `"code":"entitlement_required"`) || !strings.Contains(shown.Body, string(c.entitlement)) {
			t.Errorf("%s with %s: %d %s", c.path, c.plan, shown.Status, shown.Body)
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
		shown := p.browser().ask(row{pattern: "GET /"}, path)
		if shown.Status != http.StatusBadRequest || shown.Header.Get("Content-Type") != kind {
			t.Errorf("%s: %d %s", path, shown.Status, shown.Header.Get("Content-Type"))
		}
	}
}
