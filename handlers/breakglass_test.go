package handlers

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
)

var codeShown = regexp.MustCompile(`[0-9a-f]{4}(?:-[0-9a-f]{4}){7}`)

// codesOn are the recovery codes that a page shows, each once.
func codesOn(p *page) []string {
	codes := codeShown.FindAllString(p.Body, -1)
	slices.Sort(codes)
	return slices.Compact(codes)
}

func TestBreakGlassOwnerFromNameToRemoval(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	second := acme.member("second@acme.test", access.OrgOwner)
	path := acme.organizationPath("sign-in")
	acme.owner.get(path).want(http.StatusOK, "Nobody is named yet", "Name for break-glass").lacks("Make your recovery codes")
	acme.owner.get(path+"/recovery-codes").want(http.StatusOK, "you are not one yet")
	acme.owner.post(path+"/recovery-codes").want(http.StatusOK, "you are not one yet")
	acme.owner.post(path+"/break-glass", "member", "mem_00000000000000000000000000").want(http.StatusUnprocessableEntity, "Choose an owner of this organization.")
	acme.owner.post(path+"/break-glass", "member", acme.owner.member().ID).want(http.StatusOK, "Now make your recovery codes.", "Make ten recovery codes")
	acme.owner.get(path).want(http.StatusOK, "No way in", "Nobody on this list has a way in yet", "Make your recovery codes")

	form := acme.owner.get(path + "/recovery-codes").want(http.StatusOK).lacks("can still be used")
	shown := acme.owner.post(path+"/recovery-codes", "once", form.value("once")).want(http.StatusCreated, "they are not shown again", "https://gatehouse.test/login/recovery", acme.owner.User.Email)
	codes := codesOn(shown)
	if len(codes) != 10 {
		t.Fatalf("%d codes are shown", len(codes))
	}
	if again := codesOn(acme.owner.post(path+"/recovery-codes", "once", form.value("once"))); !slices.Equal(again, codes) {
		t.Error("the same form, sent again, ends the codes that were printed")
	}
	file := acme.owner.post(path+"/recovery-codes/file", "code", codes[0], "code", codes[1]).want(http.StatusOK, codes[0], codes[1], "https://gatehouse.test/login/recovery")
	if file.Header.Get("Content-Type") != "text/plain; charset=utf-8" || !strings.HasPrefix(file.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("the file comes as %v", file.Header)
	}
	acme.owner.post(path+"/recovery-codes/file", "code", "<script>").want(http.StatusNotFound)
	acme.owner.get(path).want(http.StatusOK, "Gets in", "10 recovery codes left").lacks(codes...)
	for range 7 {
		p.browser().post("/login/recovery", "email", acme.owner.User.Email, "code", codes[0]).want(http.StatusOK)
		codes = codes[1:]
		p.pass(time.Minute)
	}
	p.pass(16 * time.Minute)
	acme.owner.signInByPassword()
	acme.owner.get(path).want(http.StatusOK, "3 recovery codes left", "Running out")
	acme.owner.get(path+"/recovery-codes").want(http.StatusOK, "3 codes of them can still be used")

	acme.owner.post(path+"/break-glass", "member", second.member().ID).want(http.StatusOK, "The owner is named for break-glass.")
	remove := path + "/break-glass/" + acme.owner.member().ID + "/remove"
	acme.owner.get(remove).want(http.StatusOK, "3 unused recovery codes of theirs can never be used.")
	acme.owner.post(remove).want(http.StatusOK, "is no longer a break-glass owner.")
	acme.owner.post(remove).want(http.StatusOK, "is not a break-glass owner.")
	p.browser().post("/login/recovery", "email", acme.owner.User.Email, "code", codes[0]).want(http.StatusUnprocessableEntity)
}

// D-13: the last way in stays while single sign-on is required, and every page says what to do instead.
func TestD13_TheLastWayInIsNotRemoved(t *testing.T) {
	acme, okta := corp(t)
	d := acme.device()
	acme.owner.addPasskey(d, "Phone")
	passkey := acme.firstPasskey(acme.owner)
	second := acme.member("second@guest.test", access.OrgOwner)
	acme.ok(acme.scope.NameBreakGlassOwner(t.Context(), acme.owner.actor(), acme.owner.member().ID))
	acme.codes = []string{}
	acme.enforce(okta, access.EnforceDomain)
	const what = "no other break-glass owner gets in when the identity provider fails"
	first := acme.owner.member()
	one := acme.organizationPath("members/" + first.ID)
	acme.owner.signInByPassword()
	second.post(acme.organizationPath("sign-in/break-glass/"+first.ID+"/remove")).want(http.StatusUnprocessableEntity, what)
	second.post(one+"/roles", "version", "1", "roles", "OrgMember").want(http.StatusUnprocessableEntity, what)
	second.post(one+"/suspend", "version", "1").want(http.StatusUnprocessableEntity, what)
	second.post(one+"/remove", "version", "1", "confirm", first.Email).want(http.StatusUnprocessableEntity, what)
	acme.owner.post("/account/passkeys/"+passkey+"/remove").want(http.StatusUnprocessableEntity, "has no other way in for an emergency")

	acme.wayIn(second) // the honest twin
	acme.owner.post("/account/passkeys/"+passkey+"/remove").want(http.StatusOK, "Your passkey is removed.")
	second.post(one+"/roles", "version", "1", "roles", "OrgMember").want(http.StatusOK)
}

// A recovery session names nobody and makes no codes, so that one stolen code is not for ever.
func TestD13_RecoveryDoesNotMakeItselfAtHome(t *testing.T) {
	acme, b := recovered(t)
	path := acme.organizationPath("sign-in")
	b.get(path).want(http.StatusOK, "Gets in", "9 recovery codes left").lacks("Name for break-glass", "Make new recovery codes", "/break-glass/")
	before := acme.rows()
	for _, act := range []string{"/break-glass", "/break-glass/" + acme.owner.member().ID + "/remove", "/recovery-codes", "/recovery-codes/file"} {
		b.post(path+act).want(http.StatusForbidden, "A recovery session opens")
	}
	if acme.rows() != before {
		t.Error("something was changed")
	}
}

// W-07: who is named, and codes, ask for a fresh sign-in.
func TestW07_BreakGlassAsksForAFreshSignIn(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	path := acme.organizationPath("sign-in")
	acme.wayIn(acme.owner)
	p.pass(access.FreshFor + time.Second)
	for _, act := range []string{"/break-glass", "/break-glass/" + acme.owner.member().ID + "/remove", "/recovery-codes"} {
		acme.owner.post(path+act, "member", acme.owner.member().ID).want(http.StatusUnauthorized, "Sign in again to go on")
	}
	acme.owner.signInByPassword()
	acme.owner.post(path + "/recovery-codes").want(http.StatusCreated)
}

func TestBreakGlassWhenTheStoreFails(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	path := acme.organizationPath("sign-in")
	acme.wayIn(acme.owner)
	p.failing()
	acme.owner.post(path + "/recovery-codes").failed()
	if n := p.count("recovery_codes"); n != 10 {
		t.Errorf("%d codes are left", n)
	}
	p.ok(p.store.Close())
	acme.owner.get(path).failed()
	p.browser().post("/login/recovery", "email", acme.owner.User.Email, "code", "0000-0000-0000-0000-0000-0000-0000-0000").failed()
}
