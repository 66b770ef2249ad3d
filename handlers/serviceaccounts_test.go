package handlers

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
)

var accountText = regexp.MustCompile(`gate_sva_[0-9a-z]{26}_[0-9A-Za-z]{49}`)

func TestServiceAccountFromFormToDeletion(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	project, _ := acme.search(access.Serverless)
	accounts := "/organizations/" + acme.Organization.ID + "/service-accounts"
	acme.owner.get(accounts).want(http.StatusOK, "There is no service account yet.")
	once := acme.owner.get(accounts+"/new").want(http.StatusOK, "Organization member").value("once")
	acme.owner.post(accounts, "once", once, "name", " ").want(http.StatusUnprocessableEntity, "Enter a name.")
	acme.owner.post(accounts, "once", once, "name", "deploy").want(http.StatusUnprocessableEntity, "Choose at least one role.")
	fields := []string{"once", once, "name", "deploy", "roles", "OrgManager"}
	made := acme.owner.post(accounts, fields...).want(http.StatusCreated, "curl -sS "+publicURL+"/api/v1/organizations/")
	token := accountText.FindString(made.Body)
	if p.hide(token); token == "" || accountText.FindString(acme.owner.post(accounts, fields...).want(http.StatusCreated).Body) != token || p.count("service_accounts") != 1 {
		t.Fatal("the form that came twice made two service accounts, or showed the token once")
	}
	acme.owner.post(accounts, "name", "deploy", "roles", "OrgMember").want(http.StatusUnprocessableEntity, "Another service account of this organization has this name.")
	one := acme.owner.get(accounts).want(http.StatusOK, "deploy", "Organization manager", "Never used").lacks(token).link(accounts + "/sva_")

	shown := acme.owner.get(one).want(http.StatusOK, "Token 1", "When it is rotated").lacks(token)
	version := shown.value("version")
	acme.owner.post(one, "version", version, "name", "deploy").want(http.StatusUnprocessableEntity, "Choose at least one role.")
	acme.owner.post(one, "version", version, "name", "deployer", "roles", "OrgMember").want(http.StatusOK, "The service account is saved.", "deployer")
	acme.owner.post(one, "version", version, "name", "late", "roles", "OrgMember").want(http.StatusUnprocessableEntity, "Somebody else changed this")
	again := acme.owner.get(one)
	if version = again.value("version"); strings.Count(again.Body, `name="version" value="`+version+`"`) != 2 {
		t.Error("not both forms carry the version")
	}
	acme.owner.post(one+"/projects", "version", version, "project", "prj_00000000000000000000000000", "roles", "ProjectViewer").want(http.StatusNotFound)
	acme.owner.post(one+"/projects", "version", version, "project", project.ID, "roles", "OrgOwner").want(http.StatusUnprocessableEntity)
	acme.owner.post(one+"/projects", "version", version, "project", project.ID, "roles", "ProjectViewer").want(http.StatusOK, "The roles in the project are saved.", "Project viewer")
	chosen := acme.owner.get(one + "?project=" + project.ID).want(http.StatusOK)
	if !strings.Contains(chosen.Body, `value="ProjectViewer" checked`) {
		t.Error("the roles that it holds are not chosen")
	}

	form := acme.owner.get(one+"/rotate").want(http.StatusOK, "The present token goes on working")
	acme.owner.post(one+"/rotate", "version", form.value("version")).want(http.StatusUnprocessableEntity, "Choose how long the present token goes on working.")
	rotated := acme.owner.post(one+"/rotate", "version", form.value("version"), "overlap", "1h").want(http.StatusOK, "The token before goes on working until 23 Nov 2026, 10:00:00 UTC.")
	next := accountText.FindString(rotated.Body)
	if p.hide(next); next == token || next == "" {
		t.Error("the token is the same")
	}
	acme.owner.get(one).want(http.StatusOK, "Token 1", "Token 2")
	p.pass(time.Hour)
	acme.owner.signInByPassword()
	acme.owner.get(one).want(http.StatusOK, "Token 2").lacks("Token 1")

	asked := acme.owner.get(one+"/delete").want(http.StatusOK, "in 1 project", "0 live keys")
	acme.owner.post(one+"/delete", "version", asked.value("version"), "confirm", "deploy").want(http.StatusUnprocessableEntity, "Type the service account")
	acme.owner.post(one+"/delete", "version", "1", "confirm", "deployer").want(http.StatusUnprocessableEntity, "Somebody else changed this")
	acme.owner.post(one+"/delete", "version", asked.value("version"), "confirm", "deployer").want(http.StatusOK, "The service account “deployer” is deleted.")
	acme.owner.get(one).want(http.StatusNotFound)
	if n := p.count("service_account_tokens"); n != 0 {
		t.Errorf("%d tokens are left", n)
	}
}

func TestServiceAccountsAskForThePlan(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	accounts := "/organizations/" + acme.Organization.ID + "/service-accounts"
	p.behind("UPDATE organizations SET plan = 'starter'")
	for _, path := range []string{accounts, accounts + "/new"} {
		acme.owner.get(path).want(http.StatusForbidden, "not part of this organization's plan, Starter.")
	}
	acme.owner.post(accounts, "name", "deploy", "roles", "OrgMember").want(http.StatusForbidden, "not part of this organization's plan")
	p.behind("UPDATE organizations SET plan = 'standard'")
	acme.owner.get(accounts).want(http.StatusOK, "There is no service account yet.")
}

func TestServiceAccountsWhenTheStoreFails(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	accounts := "/organizations/" + acme.Organization.ID + "/service-accounts"
	p.failing()
	acme.owner.post(accounts, "name", "deploy", "roles", "OrgMember").failed()
	if n := p.count("service_accounts") + p.count("service_account_tokens"); n != 0 {
		t.Errorf("%d rows were half made", n)
	}
	p.ok(p.store.Close())
	acme.owner.get(accounts).failed()
}
