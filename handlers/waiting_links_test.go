package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

// The whole way of a second subject: refused and told, seen and approved by an owner, let in.
func TestS53_ASecondSubjectIsApprovedByAnOwner(t *testing.T) {
	acme, okta := corp(t)
	okta.employee("ada-7", "ada@corp.test")
	b := acme.browser()
	okta.vouch("ada-8", "ada@corp.test")
	okta.signIn(b, okta.loginPath()).want(http.StatusForbidden, "This sign-in waits for approval", "An owner of the organization has been told", acme.lastLogin().ID, "Sign in as before")
	b.get(acme.projectsPage()).want(http.StatusOK, "Use your work email address")

	list := acme.owner.get("/organizations/"+acme.ID+"/members").want(http.StatusOK, "1 sign-in waits for you")
	list = acme.owner.get(list.link("/organizations/" + acme.ID + "/waiting-links"))
	one := list.want(http.StatusOK, "Name of ada-7", "ada@corp.test", "ada-8").link("/organizations/" + acme.ID + "/waiting-links/")
	acme.owner.get(one).want(http.StatusOK, "Is this the same person?", "ada-7", "ada-8", "in acme alone", "Approve sign-in", "Refuse sign-in")
	acme.pass(access.FreshFor + time.Second)
	acme.owner.post(one+"/approve").want(http.StatusUnauthorized, "Sign in again to go on")
	acme.owner.signInByPassword()
	acme.owner.post(one+"/approve").want(http.StatusOK, "The sign-in is approved.", "No sign-in waits for you.")
	okta.signIn(b, okta.loginPath())
	b.get(acme.projectsPage()).want(http.StatusOK)

	okta.vouch("ada-9", "ada@corp.test")
	okta.signIn(acme.browser(), okta.loginPath()).want(http.StatusForbidden)
	one = acme.owner.get("/organizations/" + acme.ID + "/waiting-links").link("/organizations/" + acme.ID + "/waiting-links/")
	acme.owner.post(one+"/refuse").want(http.StatusOK, "The sign-in is refused.", "Refused")
	okta.signIn(acme.browser(), okta.loginPath()).want(http.StatusForbidden, "This sign-in was not approved").lacks("Sign in as before")
	acme.owner.get("/organizations/" + acme.ID + "/members").want(http.StatusOK).lacks("waits for you")
}

// whoever signs in as before, in the browser that was refused, links the new subject by themselves; nobody else does.
func TestR17_ASecondSubjectIsConfirmedByThePerson(t *testing.T) {
	acme, okta := corp(t)
	okta.employee("ada-7", "ada@corp.test")
	b := acme.browser()
	okta.vouch("ada-8", "ada@corp.test")
	confirm := okta.signIn(b, okta.loginPath()).want(http.StatusForbidden).link("/organizations/" + acme.ID + "/links/")
	b.get(confirm).want(http.StatusOK, "Use your work email address")
	other := okta.employee("bob-1", "bob@corp.test")
	other.get(confirm).want(http.StatusNotFound)
	other.post(confirm).want(http.StatusNotFound)
	old := okta.employee("ada-7", "ada@corp.test") // she herself, in another browser
	old.get(confirm).want(http.StatusNotFound)
	okta.vouch("ada-7", "ada@corp.test")
	okta.signIn(b, okta.loginPath())
	b.get(confirm).want(http.StatusOK, "Link your new sign-in?", "ada-7", "ada-8")
	b.post(confirm).want(http.StatusOK, "Your new sign-in is linked.")
	b.post(confirm).want(http.StatusNotFound)
	fresh := okta.employee("ada-8", "ada@corp.test")
	fresh.get(acme.projectsPage()).want(http.StatusOK)
	if fresh.User.ID != old.User.ID {
		t.Error("the linked subject is somebody else")
	}
}

// A guest links their subject by their own credential, and not by what an identity provider says.
func TestS50_AGuestLinksByTheirOwnCredential(t *testing.T) {
	acme, okta := corp(t)
	guest := acme.member("grace@guest.test", access.OrgMember)
	okta.vouch("grace-1", "grace@guest.test")
	confirm := okta.signIn(guest.browser, okta.loginPath()).want(http.StatusForbidden, "Show that this is you", "Sign in and link").link("/organizations/" + acme.ID + "/links/")
	acme.owner.get("/organizations/" + acme.ID + "/members").want(http.StatusOK).lacks("waits for you")
	acme.owner.get("/organizations/" + acme.ID + "/waiting-links/" + confirm[strings.LastIndex(confirm, "/")+1:]).want(http.StatusNotFound)
	guest.post(confirm).want(http.StatusOK, "Your new sign-in is linked.")
	okta.vouch("grace-1", "grace@guest.test")
	okta.signIn(acme.browser(), okta.loginPath())
	linked := okta.employee("grace-1", "grace@guest.test")
	if linked.User.ID != guest.User.ID {
		t.Error("the guest is somebody else")
	}
	// By the identity provider alone a further subject is not hers to link.
	okta.vouch("grace-2", "grace@guest.test")
	again := okta.signIn(linked.browser, okta.loginPath()).want(http.StatusForbidden).link("/organizations/" + acme.ID + "/links/")
	linked.post(again).want(http.StatusForbidden, "Sign in with your own password or passkey")
}

func TestW07_AnOwnerEndsAMembersSessionsAndLinks(t *testing.T) {
	acme, okta := corp(t)
	ada := okta.employee("ada-7", "ada@corp.test")
	ada.get(acme.projectsPage()).want(http.StatusOK)
	member, err := acme.scope.MemberOf(t.Context(), ada.User.ID)
	acme.ok(err)
	at := "/organizations/" + acme.ID + "/members/" + member.ID
	session, _, err := acme.store.Session(t.Context(), ada.token())
	acme.ok(err)
	acme.owner.get(at).want(http.StatusOK, "Browsers in which they have entered this organization", "Okta", session.ID, "ada-7")
	acme.owner.post(at + "/sessions/" + session.ID + "x/end").want(http.StatusNotFound)
	ada.get(acme.projectsPage()).want(http.StatusOK)
	acme.owner.post(at+"/sessions/"+session.ID+"/end").want(http.StatusOK, "The session has ended for this organization.", "They are not signed in to this organization.")
	ada.get(acme.projectsPage()).want(http.StatusOK, "Use your work email address")

	guest := acme.member("grace@guest.test", access.OrgMember)
	guest.get(acme.projectsPage()).want(http.StatusOK)
	acme.pass(time.Second)
	acme.owner.post("/organizations/"+acme.ID+"/members/"+guest.member().ID+"/sessions/end").want(http.StatusOK, "Their sessions have ended for this organization.")
	guest.get(acme.projectsPage()).want(http.StatusForbidden, "What you have shown so far does not open this organization")
	guest.get("/account").want(http.StatusOK)

	ada = okta.employee("ada-7", "ada@corp.test")
	acme.owner.post(at+"/unlink", "connection", okta.Connection.ID, "subject", "nobody").want(http.StatusNotFound)
	acme.owner.post(at+"/unlink", "connection", okta.Connection.ID, "subject", "ada-7").want(http.StatusOK, "The link is removed")
	ada.get(acme.projectsPage()).want(http.StatusOK, "Use your work email address")
}

// W-06: what an organization chooses holds with the next request, and a form that comes too late is kept.
func TestW06_SessionLimitsHoldAtOnce(t *testing.T) {
	acme, okta := corp(t)
	ada := okta.employee("ada-7", "ada@corp.test")
	acme.pass(20 * time.Minute)
	ada.get(acme.projectsPage()).want(http.StatusOK)
	settings := "/organizations/" + acme.ID + "/settings"
	acme.owner.signInByPassword()
	acme.owner.get(settings).want(http.StatusOK, "Ends when unused for")
	acme.owner.post(settings+"/sessions", "version", "0", "idle_minutes", "30", "absolute_hours", "25").want(http.StatusUnprocessableEntity, "Choose 1 to 24 hours.")
	acme.owner.post(settings+"/sessions", "version", "0", "idle_minutes", "90", "absolute_hours", "1").want(http.StatusUnprocessableEntity, "Choose no more than a sign-in lasts at most.")
	acme.owner.post(settings+"/sessions", "version", "0", "idle_minutes", "10", "absolute_hours", "1").want(http.StatusOK, "The session limits are saved.")
	acme.owner.post(settings+"/sessions", "version", "0", "idle_minutes", "11", "absolute_hours", "1").want(http.StatusUnprocessableEntity, "Somebody else changed this")
	ada.get(acme.projectsPage()).want(http.StatusForbidden, "asks for a new sign-in", "Continue with Okta")
	ada.post(acme.projectsPage(), "name", "Kept words").want(http.StatusUnauthorized, "acme asks for a new sign-in", "Kept words")
	okta.signIn(ada.browser, okta.loginPath())
	ada.get(acme.projectsPage()).want(http.StatusOK)
	if policy, err := acme.scope.SessionPolicy(t.Context()); err != nil || policy != (store.SessionPolicy{IdleMinutes: 10, AbsoluteMinutes: 60, Version: 1}) {
		t.Errorf("%+v, %v", policy, err)
	}
}
