package handlers

import (
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
)

func TestAnOrganizationIsDeletedProjectsFirst(t *testing.T) {
	p := newProduct(t)
	acme, globex := p.found("acme"), p.found("globex")
	ada := acme.member("ada@acme.test", access.OrgManager)
	settings := "/organizations/" + acme.Organization.ID + "/settings"
	project, err := acme.scope.CreateProject(t.Context(), acme.owner.actor(), "Search", access.Serverless, acme.owner.User.ID)
	p.ok(err)
	acme.owner.get(settings).want(http.StatusOK, "Delete organization")
	acme.owner.get(settings+"/delete").want(http.StatusOK, "still has 1 project", "Go to projects").lacks("to confirm")
	version := formVersion(acme.Organization.Version)
	acme.owner.post(settings+"/delete", "version", version, "confirm", "acme").want(http.StatusUnprocessableEntity, "still has 1 project")
	p.ok(acme.scope.DeleteProject(t.Context(), acme.owner.actor(), project.ID, project.Version))

	acme.owner.get(settings+"/delete").want(http.StatusOK, "2 members lose their way in", "to confirm")
	acme.owner.post(settings+"/delete", "version", version, "confirm", "Acme").want(http.StatusUnprocessableEntity, "Type the organization")
	acme.owner.post(settings+"/delete", "version", "7", "confirm", "acme").want(http.StatusUnprocessableEntity, "Somebody else changed this")
	ada.get(settings + "/delete").want(http.StatusForbidden)
	ada.post(settings+"/delete", "version", version, "confirm", "acme").want(http.StatusForbidden)
	globex.owner.post(settings+"/delete", "version", version, "confirm", "acme").want(http.StatusNotFound)
	if !ada.enters(acme) {
		t.Fatal("a refused deletion shut somebody out")
	}
	p.pass(access.FreshFor + time.Second)
	acme.owner.post(settings+"/delete", "version", version, "confirm", "acme")
	if !ada.enters(acme) {
		t.Fatal("it was deleted by a sign-in of long ago")
	}
	acme.owner.signInByPassword()
	acme.owner.post(settings+"/delete", "version", version, "confirm", "acme").want(http.StatusOK, "The organization “acme” is deleted.", "Your organizations")
	if ada.enters(acme) {
		t.Error("a member still enters")
	}
	ada.get(acme.projectsPage()).want(http.StatusNotFound)
	if !globex.owner.enters(globex) {
		t.Error("another organization is shut")
	}
}

func TestOrganizationSettingsAreSavedSectionBySection(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	p.found("globex")
	path := "/organizations/" + acme.Organization.ID
	acme.owner.get(path+"/settings").want(http.StatusOK, `value="acme"`)
	acme.owner.post(path+"/settings", "version", "1", "name", "Acme", "slug", "globex").want(http.StatusUnprocessableEntity, "Another organization has this slug")
	acme.owner.post(path+"/settings", "version", "1", "name", "Acme", "slug", "acme-corp").want(http.StatusOK, "The name is saved.", "acme-corp")
	acme.owner.post(path+"/settings", "version", "2", "default_project_role", "ProjectOwner").want(http.StatusUnprocessableEntity, "made one at a time")
	acme.owner.post(path+"/settings", "version", "2", "default_project_role", "ProjectViewer").want(http.StatusOK, "The default project role is saved.")
	acme.owner.post(path+"/settings", "version", "2", "name", "Late").want(http.StatusUnprocessableEntity, "Somebody else changed this")
	acme.owner.get("/").want(http.StatusOK, "acme-corp")
	project, err := acme.scope.CreateProject(t.Context(), acme.owner.actor(), "Search", access.Serverless, acme.owner.User.ID)
	p.ok(err)
	if chosen := acme.owner.get(path + "/projects/" + project.ID + "/members").want(http.StatusOK).value("roles"); chosen == "" {
		t.Error("no role is proposed")
	}
	acme.owner.get(path+"/projects/"+project.ID+"/members").want(http.StatusOK, `value="ProjectViewer" checked`)
}
