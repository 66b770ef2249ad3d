package api

import (
	"net/http"
	"testing"
)

func TestProjects(t *testing.T) {
	o := newWorld(t).found("acme")
	made := o.send(http.MethodPost, "/projects", object("name", "Search")).want(http.StatusCreated)
	id := made.get("id")
	if made.Header.Get("Location") != Base+"/organizations/"+o.Organization.ID+"/projects/"+id || made.Header.Get("ETag") != `"1"` || made.get("kind") != "serverless" {
		t.Errorf("made %v %s", made.Header, made.body)
	}
	o.send(http.MethodGet, "/projects/"+id, nil).want(http.StatusOK)
	o.send(http.MethodPost, "/projects", object("name", "Search")).problem(http.StatusUnprocessableEntity, "invalid")
	o.send(http.MethodPatch, "/projects/"+id, object("name", "Find"), "If-Match", `"1"`).want(http.StatusOK)
	o.send(http.MethodPatch, "/projects/"+id, object("name", "Seek"), "If-Match", `"1"`).problem(http.StatusPreconditionFailed, "version_moved")
	o.send(http.MethodPatch, "/projects/"+id, object("name", "Seek")).problem(http.StatusPreconditionRequired, "if_match_missing")
	o.send(http.MethodDelete, "/projects/"+id, nil, "If-Match", "*").want(http.StatusNoContent)
	o.send(http.MethodGet, "/projects/"+id, nil).problem(http.StatusNotFound, "not_found")
}
