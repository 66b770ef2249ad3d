package api

import (
	"net/http"
	"strings"
	"testing"
)

func TestOperatorTokens(t *testing.T) {
	w := newWorld(t)
	o := w.found("acme")
	made, text, err := w.store.CreateOperatorToken(t.Context(), operator, "provisioning")
	w.ok(err)
	const all = Base + "/organizations"
	ask := func(token, method, path string, body any) *reply {
		t.Helper()
		return w.exchange(method, all+path, body, "Authorization", "Bearer "+token)
	}
	created := ask(text.Reveal(), http.MethodPost, "", object("name", "Beta", "email", "ada@beta.test")).want(http.StatusCreated)
	again := ask(text.Reveal(), http.MethodPost, "", object("name", "Beta", "email", "ada@beta.test")).want(http.StatusCreated)
	if !strings.HasPrefix(created.get("link"), publicURL+"/welcome/") || again.get("id") != created.get("id") || again.get("link") == created.get("link") {
		t.Errorf("%s\n%s", created.body, again.body)
	}
	one := "/" + created.get("id")
	if got := ask(text.Reveal(), http.MethodPost, one+"/suspend", nil).want(http.StatusOK); got.get("suspended_at") == "" {
		t.Errorf("%s", got.body)
	}
	if got := ask(text.Reveal(), http.MethodPost, one+"/resume", nil).want(http.StatusOK); got.get("suspended_at") != "" {
		t.Errorf("%s", got.body)
	}
	if got := ask(text.Reveal(), http.MethodPut, one+"/plan", object("plan", "starter")).want(http.StatusOK); got.get("plan") != "starter" {
		t.Errorf("%s", got.body)
	}
	first := ask(text.Reveal(), http.MethodGet, "?limit=1", nil).want(http.StatusOK)
	second := ask(text.Reveal(), http.MethodGet, "?limit=1&cursor="+first.get("next"), nil).want(http.StatusOK)
	for _, id := range []string{o.Organization.ID, created.get("id")} { // made in the same millisecond: either may come first
		if strings.Contains(first.body, id) == strings.Contains(second.body, id) {
			t.Errorf("%s is not on one of two pages:\n%s\n%s", id, first.body, second.body)
		}
	}
	for field, body := range map[string]map[string]any{"name": object("name", "\t", "email", "ada@beta.test"), "email": object("name", "x", "email", "nobody")} {
		p := ask(text.Reveal(), http.MethodPost, "", body).problem(http.StatusUnprocessableEntity, "invalid")
		if len(p.Errors) != 1 || p.Errors[0].Field != field {
			t.Errorf("%s: %+v", field, p.Errors)
		}
	}
	ask(text.Reveal(), http.MethodPut, one+"/plan", object("plan", "golden")).problem(http.StatusUnprocessableEntity, "invalid")
	ask(text.Reveal(), http.MethodPost, "/org_00000000000000000000000000/suspend", nil).problem(http.StatusNotFound, "not_found")
	// Each token opens what is its own.
	ask(text.Reveal(), http.MethodGet, "/"+o.Organization.ID, nil).problem(http.StatusForbidden, "service_account_needed")
	ask(o.token, http.MethodGet, "", nil).problem(http.StatusForbidden, "operator_token_needed")
	ask(o.token, http.MethodPost, "/"+o.Organization.ID+"/suspend", nil).problem(http.StatusForbidden, "operator_token_needed")
	w.ok(w.store.RevokeOperatorToken(t.Context(), operator, made.ID))
	ask(text.Reveal(), http.MethodGet, "", nil).problem(http.StatusUnauthorized, "token_unknown")
	ask(text.Reveal(), http.MethodGet, "/"+o.Organization.ID, nil).problem(http.StatusUnauthorized, "token_unknown")
}
