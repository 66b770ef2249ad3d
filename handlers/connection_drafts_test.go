package handlers

import (
	"net/http"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

// A draft is shown with what it changes, tested, published, and taken back by a version before it.
func TestADraftFromItsFirstChangeToItsRestoration(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.verify("acme.test")
	c := acme.connect("Okta")
	one := acme.connections() + "/" + c.Connection.ID
	options := func(forced string) []string {
		return []string{"version", acme.owner.get(one + "/options").value("version"), "idp_initiated", "handshake", "binding", "redirect", "name_id_format", "", "authn_context", "", "login_hint", "", forced, "on"}
	}
	acme.owner.get(one+"/options").want(http.StatusOK, "What you save here goes to a draft first").lacks("See what differs")
	acme.owner.post(one+"/options", options("force_authn")...).want(http.StatusOK, "The options are saved. It is in the draft", "See what differs")
	acme.owner.get(one).want(http.StatusOK, "What the draft changes", "Ask for credentials every time", "Off", "On", "Not tested", "Active", "Version 2, last changed by")
	if c.reload(); c.Settings.ForceAuthn || c.DraftID == "" {
		t.Fatalf("the live settings have changed: %+v", c.Connection)
	}
	acme.owner.get(one+"/publish").want(http.StatusOK, "No test sign-in has gone well", "Nobody has signed in through this connection yet.", "Publish untested draft").lacks("to publish it untested")
	c.vouch("owner-1", "owner@acme.test")
	leaving := acme.owner.post(one+"/test").want(http.StatusOK, "Okta")
	c.deliver(acme.owner.browser, c.ask(leaving)).want(http.StatusOK, "The test of the draft went well: owner@acme.test arrived", "Nobody is linked by a draft", "were this a real sign-in").lacks("is linked to you")
	if asked := c.idp.Requests(); !asked[len(asked)-1].ForceAuthn {
		t.Error("the test did not ask as the draft does")
	}
	acme.owner.get(one).want(http.StatusOK, "Tested")
	page := acme.owner.get(one+"/publish").want(http.StatusOK, "Nobody has signed in through this connection yet.").lacks("No test sign-in")
	acme.owner.post(one+"/publish", "version", page.value("version")).want(http.StatusOK, "The draft is published", "Tested with a real sign-in").lacks("What the draft changes")
	acme.owner.get(one+"/publish").want(http.StatusOK, "There is no draft any more.")
	acme.owner.post(one+"/publish", "version", "4").want(http.StatusOK, "There is no draft any more.")

	acme.owner.get(one+"/versions").want(http.StatusOK, "Version 2", "Live", "Ask for credentials every time", "Version 1", "Was live", "The first settings")
	versions := must(acme.scope.ConnectionVersions(t.Context(), c.Connection.ID, 0, 0))
	first := one + "/versions/" + versions[1].ID
	old := acme.owner.get(first).want(http.StatusOK, "Against the live version", "Restore version 1", "Its settings become the draft")
	acme.owner.get(one+"/versions/"+versions[0].ID).want(http.StatusOK, "What it changed").lacks("Restore version", "Against the live version")
	acme.owner.post(first+"/restore", "version", "1").want(http.StatusUnprocessableEntity, "Somebody else changed this")
	draft := acme.owner.post(first+"/restore", "version", old.value("version")).want(http.StatusOK, "The version is restored. It is in the draft", "Repeats version 1.")
	acme.owner.post(one+"/draft/discard", "version", "1").want(http.StatusUnprocessableEntity, "Somebody else changed this")
	acme.owner.post(one+"/draft/discard", "version", draft.value("version")).want(http.StatusOK, "The draft is discarded.").lacks("What the draft changes")
	acme.owner.get(one+"/versions").want(http.StatusOK, "Version 3", "Never live")
	acme.owner.get(one + "/versions/" + "ver_00000000000000000000000000").want(http.StatusNotFound)
	acme.owner.get(one+"/versions?below=2").want(http.StatusOK, "Version 1").lacks("Version 2")
}

// Where single sign-on is required, an untested draft is not published by a slip.
func TestPublishingUntestedAsksForTheNameWhereSingleSignOnIsRequired(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.verify("acme.test")
	c := acme.connect("Okta")
	acme.enforce(c, access.EnforceDomain)
	c.signIn(acme.owner.browser, c.loginPath())
	settings := c.Settings
	settings.EntityID = "urn:moved"
	c.reload()
	p.ok(acme.scope.ChangeConnectionSettings(t.Context(), operator, c.Connection.ID, c.Connection.Version, settings))
	one := acme.connections() + "/" + c.Connection.ID
	page := acme.owner.get(one+"/publish").want(http.StatusOK, "Type “Okta” to publish it untested", "Single sign-on is required", "What people are known by changes", "urn:moved")
	for _, typed := range []string{"", "okta"} {
		acme.owner.post(one+"/publish", "version", page.value("version"), "untested", "1", "confirm", typed).want(http.StatusUnprocessableEntity, "Type the connection's name as it is written above.")
	}
	acme.owner.post(one+"/publish", "version", page.value("version"), "confirm", "Okta").want(http.StatusUnprocessableEntity, "No test sign-in has gone well with this draft.")
	if c.reload(); c.DraftID == "" {
		t.Fatal("it was published by a slip")
	}
	acme.owner.post(one+"/publish", "version", page.value("version"), "untested", "1", "confirm", "Okta").want(http.StatusOK, "The draft is published")
	if c.reload(); c.Settings.EntityID != "urn:moved" || c.State != store.ConnectionActive {
		t.Errorf("published, the connection is %+v", c.Connection)
	}
}
