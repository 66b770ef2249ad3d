package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/secret"
)

func (w *world) whose(o *organization, headers ...string) *reply {
	w.Helper()
	return w.exchange(http.MethodGet, Base+"/organizations/"+o.Organization.ID, nil, headers...)
}

func TestK13_OneCredentialAndOfOneKind(t *testing.T) {
	o := newWorld(t).found("acme")
	key := secret.NewKeyText("01jd3x8k2mfz9t0v5r7wq4ycna").Reveal()
	o.whose(o, "Authorization", "Bearer "+o.token).want(http.StatusOK)
	o.whose(o, "Authorization", "bearer  "+o.token).want(http.StatusOK)
	none := o.whose(o, "Cookie", "gatehouse=anything")
	if none.problem(http.StatusUnauthorized, "token_missing"); none.Header.Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("headers %v", none.Header)
	}
	o.whose(o, "Authorization", "Basic "+o.token).problem(http.StatusUnauthorized, "token_missing")
	o.whose(o, "Api-Key", o.token).problem(http.StatusUnauthorized, "token_missing")
	o.whose(o, "Authorization", "Bearer "+o.token, "Authorization", "Bearer "+o.token).problem(http.StatusBadRequest, "several_credentials")
	o.whose(o, "Authorization", "Bearer "+o.token, "Api-Key", key).problem(http.StatusBadRequest, "several_credentials")
	o.whose(o, "Authorization", "Bearer "+key).problem(http.StatusForbidden, "api_key_not_accepted")
	o.whose(o, "Api-Key", key).problem(http.StatusForbidden, "api_key_not_accepted")
	o.exchange(http.MethodGet, Base+"/organizations/"+o.Organization.ID+"?token="+o.token, nil).problem(http.StatusBadRequest, "credential_in_query")
	if strings.Contains(o.log.String(), o.token[20:]) || strings.Contains(o.log.String(), key) {
		t.Error("a credential is in the log")
	}
}

// K-10: unknown tokens are refused, and after twenty in a minute nobody of that network is looked at.
func TestK10_GuessingIsLimited(t *testing.T) {
	o := newWorld(t).found("acme")
	suffix := strings.TrimPrefix(o.ServiceAccount.ID, "sva_")
	for range 20 {
		o.whose(o, "Authorization", "Bearer "+secret.NewServiceAccountText(suffix).Reveal()).problem(http.StatusUnauthorized, "token_unknown")
	}
	limited := o.whose(o, "Authorization", "Bearer "+o.token)
	if limited.problem(http.StatusTooManyRequests, "too_many_requests"); limited.Header.Get("Retry-After") == "" {
		t.Errorf("headers %v", limited.Header)
	}
	o.pass(time.Minute)
	o.whose(o, "Authorization", "Bearer "+o.token).want(http.StatusOK)
}

// What a service account may do is read with every request: what was given or taken a moment ago counts.
func TestRolesAreReadWithEveryRequest(t *testing.T) {
	o := newWorld(t).found("acme")
	p := o.project("Search")
	a := o.account("deploy", "OrgMember")
	a.send(http.MethodGet, "/projects/"+p.ID, nil).problem(http.StatusNotFound, "not_found")
	bound := o.send(http.MethodPost, "/role-bindings", object("principal", a.ID, "role", "ProjectViewer", "project", p.ID)).want(http.StatusCreated)
	a.send(http.MethodGet, "/projects/"+p.ID, nil).want(http.StatusOK)
	if denied := a.send(http.MethodGet, "/projects/"+p.ID+"/api-keys", nil).problem(http.StatusForbidden, "permission_missing"); denied.Permission != "project:keys:read" {
		t.Errorf("%+v", denied)
	}
	o.send(http.MethodDelete, "/role-bindings/"+bound.get("id"), nil).want(http.StatusNoContent)
	a.send(http.MethodGet, "/projects/"+p.ID, nil).problem(http.StatusNotFound, "not_found")
	o.send(http.MethodDelete, "/service-accounts/"+a.ID, nil, "If-Match", "*").want(http.StatusNoContent)
	a.send(http.MethodGet, "/projects", nil).problem(http.StatusUnauthorized, "token_unknown")
}
