package api

import (
	"net/http"
	"slices"
	"testing"
)

func TestRouting(t *testing.T) {
	w := newWorld(t)
	o, foreign := w.found("acme"), w.found("globex")
	makes := func(p *organization, name string) string {
		t.Helper()
		return p.send(http.MethodPost, "/connections", object("name", name)).want(http.StatusCreated).get("id")
	}
	okta, entra, theirs := makes(o, "Okta"), makes(o, "Entra"), makes(foreign, "Theirs")

	rank := "/connections/" + entra + "/priority"
	o.send(http.MethodPut, rank, object("priority", 2), "If-Match", `"7"`).problem(http.StatusPreconditionFailed, "version_moved")
	o.send(http.MethodPut, rank, object("priority", 0), "If-Match", "*").problem(http.StatusUnprocessableEntity, "invalid")
	var ranked Connection
	o.send(http.MethodPut, rank, object("priority", 2), "If-Match", `"1"`).want(http.StatusOK).read(&ranked)
	if ranked.Priority != 2 || ranked.Version != 2 {
		t.Errorf("%+v", ranked)
	}
	o.send(http.MethodPut, "/connections/"+theirs+"/priority", object("priority", 2), "If-Match", "*").problem(http.StatusNotFound, "not_found")

	domain := "/domains/" + o.send(http.MethodPost, "/domains", object("name", "acme.example")).want(http.StatusCreated).get("id") + "/connections"
	served := func(every bool, want ...string) {
		t.Helper()
		var got DomainConnections
		o.send(http.MethodGet, domain, nil).want(http.StatusOK).read(&got)
		if got.Every != every || !slices.Equal(got.Connections, append([]string{}, want...)) {
			t.Errorf("served by %+v", got)
		}
	}
	served(true)
	for _, wrong := range [][]string{{}, {theirs}, {okta, "con_none"}} {
		o.send(http.MethodPut, domain, object("connections", wrong)).problem(http.StatusUnprocessableEntity, "invalid")
	}
	served(true)
	o.send(http.MethodPut, domain, object("connections", []string{okta})).want(http.StatusOK)
	served(false, okta)
	foreign.send(http.MethodDelete, domain, nil).problem(http.StatusNotFound, "not_found")
	o.send(http.MethodDelete, domain, nil).want(http.StatusNoContent)
	served(true)
}

func TestOrganizationIsChangedAndDeleted(t *testing.T) {
	w := newWorld(t)
	o := w.found("acme")
	w.found("globex")
	changed := o.send(http.MethodPatch, "", object("slug", "acme-corp", "default_project_role", "ProjectViewer"), "If-Match", `"1"`).want(http.StatusOK)
	if changed.get("slug") != "acme-corp" || changed.get("default_project_role") != "ProjectViewer" || changed.get("name") != "acme" {
		t.Errorf("%s", changed.body)
	}
	for field, value := range map[string]string{"slug": "globex", "default_project_role": "ProjectOwner"} {
		o.send(http.MethodPatch, "", object(field, value), "If-Match", "*").problem(http.StatusUnprocessableEntity, "invalid")
	}
	p := o.project("Search")
	o.send(http.MethodDelete, "", nil, "If-Match", "*").problem(http.StatusConflict, "projects_left")
	o.send(http.MethodDelete, "/projects/"+p.ID, nil, "If-Match", "*").want(http.StatusNoContent)
	o.send(http.MethodDelete, "", nil, "If-Match", `"1"`).problem(http.StatusPreconditionFailed, "version_moved")
	o.send(http.MethodDelete, "", nil, "If-Match", `"2"`).want(http.StatusNoContent)
	if r := o.send(http.MethodGet, "", nil); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("the token of a deleted organization is answered %d: %s", r.StatusCode, r.body)
	}
}
