package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func TestW03_TheSessionCookie(t *testing.T) {
	acme, c := corp(t)
	b := acme.browser()
	b.post("/login/password", "email", "owner@acme.test", "password", goodPassword)
	session := b.jar["__Host-gatehouse"]
	if session == nil || !session.HttpOnly || !session.Secure || session.SameSite != http.SameSiteLaxMode || session.Path != "/" || session.Domain != "" || session.MaxAge != 0 {
		t.Errorf("the session cookie is %+v", session)
	}
	b.get(c.loginPath())
	flow := b.jar["__Host-gatehouse-flow"]
	if flow == nil || !flow.HttpOnly || !flow.Secure || flow.SameSite != http.SameSiteNoneMode || flow.Path != "/" || flow.Domain != "" || flow.MaxAge != 900 {
		t.Errorf("W-04: the flow cookie is %+v", flow)
	}
	if acme.count("sessions WHERE token_hash = ?", []byte(b.token().Reveal())) != 0 || acme.count("sessions WHERE token_hash = ?", b.token().Hash()) != 1 {
		t.Error("the token is kept in clear, or not at all")
	}
}

func TestW03_ACookieThatWeDidNotSign(t *testing.T) {
	acme := newProduct(t).found("acme")
	for _, value := range []string{"x", acme.owner.token().Reveal(), acme.owner.jar["__Host-gatehouse"].Value + "x"} {
		b := acme.browser()
		b.jar["__Host-gatehouse"] = &http.Cookie{Name: "__Host-gatehouse", Value: value, SameSite: http.SameSiteLaxMode}
		if shown := b.get("/account"); !strings.HasPrefix(shown.path(), "/login") {
			t.Errorf("%d at %s", shown.Status, shown.path())
		}
	}
	acme.owner.get("/account").want(http.StatusOK)
}

// W-02: whatever session was planted in a browser, whoever planted it is not signed in by what happens there.
func TestW02_SessionFixation(t *testing.T) {
	acme, c := corp(t)
	attacker := acme.member("eve@guest.test", access.OrgMember)
	for way, signIn := range map[string]func(b *browser){
		"password": func(b *browser) { b.post("/login/password", "email", "owner@acme.test", "password", goodPassword) },
		"connection": func(b *browser) {
			c.vouch("u-1", "grace@corp.test")
			asked := c.signIn(b, c.loginPath()).want(http.StatusOK, "Switch to another person?")
			b.post("/login/finish", "login", asked.value("login"), "replace", "yes")
		},
	} {
		attacker.signInByPassword()
		victim := acme.browser()
		victim.jar["__Host-gatehouse"] = attacker.jar["__Host-gatehouse"]
		signIn(victim)
		if victim.token().Reveal() == attacker.token().Reveal() {
			t.Errorf("%s: the planted token is the victim's now", way)
		}
		if shown := attacker.get("/account"); !strings.HasPrefix(shown.path(), "/login") {
			t.Errorf("%s: whoever planted it is signed in: %d at %s", way, shown.Status, shown.path())
		}
	}
}

func TestW02_TheTokenRotatesWhenTheSamePersonSignsInAgain(t *testing.T) {
	acme := newProduct(t).found("acme")
	old := acme.browser()
	old.jar["__Host-gatehouse"] = acme.owner.jar["__Host-gatehouse"]
	acme.owner.post("/login/password", "email", "owner@acme.test", "password", goodPassword).want(http.StatusOK)
	if shown := old.get("/account"); !strings.HasPrefix(shown.path(), "/login") {
		t.Errorf("the old token opens %s", shown.path())
	}
	acme.owner.get("/account").want(http.StatusOK)
	if acme.count("sessions WHERE user_id = ?", acme.owner.User.ID) != 1 {
		t.Error("signing in again left another session")
	}
}

func TestW05_LogoutHoldsAtOnceAndEverywhere(t *testing.T) {
	acme, c := corp(t)
	employee := c.employee("u-1", "grace@corp.test")
	copied := acme.browser()
	copied.jar["__Host-gatehouse"] = employee.jar["__Host-gatehouse"]
	copied.get("/account").want(http.StatusOK)
	employee.post("/logout").want(http.StatusOK, "Okta")
	if employee.jar["__Host-gatehouse"] != nil {
		t.Error("the cookie stays")
	}
	if shown := copied.get("/account"); !strings.HasPrefix(shown.path(), "/login") {
		t.Errorf("a copy of the cookie opens %s", shown.path())
	}
	acme.owner.post("/logout").want(http.StatusOK).lacks("Okta")
	acme.browser().post("/logout").want(http.StatusOK)
}

func TestW06_ASessionEndsIdleAfter30MinutesAndAfter12HoursInAnyCase(t *testing.T) {
	acme := newProduct(t).found("acme")
	in := func() bool { return acme.owner.get("/account").path() == "/account" }
	acme.pass(29 * time.Minute)
	if !in() {
		t.Error("29 minutes idle ended it")
	}
	acme.pass(31 * time.Minute)
	if in() {
		t.Error("31 minutes idle did not end it")
	}
	acme.owner.signInByPassword()
	for range 12*60/25 - 1 {
		acme.pass(25 * time.Minute)
		if !in() {
			t.Fatal("it ended before 12 hours although it was used")
		}
	}
	acme.pass(25 * time.Minute)
	acme.pass(20 * time.Minute)
	if in() {
		t.Error("it lives beyond 12 hours")
	}
}

// A form whose session ended while it was open loses nothing but passwords.
func TestAFormOutlivesItsSession(t *testing.T) {
	acme := newProduct(t).found("acme")
	acme.pass(time.Hour)
	kept := acme.owner.post(acme.projectsPage(), "name", `Search "<b>`, "kind", "serverless", "password", "secret words of mine").
		want(http.StatusUnauthorized, "Nothing was changed").lacks("secret words of mine")
	if kept.value("name") != `Search "<b>` || kept.value("kind") != "serverless" || acme.count("projects") != 0 {
		t.Error("what was typed is lost, or something was done")
	}
	acme.owner.signInByPassword()
	acme.owner.post(acme.projectsPage(), "name", kept.value("name"), "kind", kept.value("kind"))
	if acme.count("projects") != 1 {
		t.Error("sending it again does nothing")
	}
	// And a page comes back to where it was asked for.
	shown := acme.browser().get(acme.projectsPage() + "?a=b").want(http.StatusOK)
	if shown.value("return_to") != acme.projectsPage()+"?a=b" {
		t.Errorf("it would return to %s", shown.value("return_to"))
	}
}

// The first single sign-on ends what a password began, also the session that the very browser holds: it goes on with a new one.
func TestD07_FirstSingleSignOnFromASessionByPassword(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.verify("acme.test")
	c := acme.connect("IdP")
	ada := acme.member("ada@acme.test", access.OrgMember)
	before := ada.token()
	c.vouch("ada", "ada@acme.test")
	c.signIn(ada.browser, c.loginPath()).want(http.StatusOK)
	ada.get("/organizations/" + acme.ID).want(http.StatusOK)
	if _, _, err := p.store.Session(t.Context(), before); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the session by password: %v", err)
	}
}

// freshRoutes are what an unattended browser must not do: whatever gives trust, takes people away or makes a credential.
var freshRoutes = []string{
	"leave", "settings/api-keys", "settings/sessions", "settings/delete", "invites", "invites/{invite}/resend", "members/{member}/roles", "members/{member}/remove", "members/{member}/unlink", "waiting-links/{link}/approve", "waiting-links/{link}/refuse", "links/{link}",
	"projects/{project}/delete", "projects/{project}/hosts", "projects/{project}/api-keys", "projects/{project}/api-keys/{key}",
	"projects/{project}/api-keys/{key}/rotate", "projects/{project}/api-keys/{key}/hand-over",
	"service-accounts", "service-accounts/{account}", "service-accounts/{account}/projects", "service-accounts/{account}/rotate", "service-accounts/{account}/delete",
	"connections/order", "connections/{connection}/setup/{step}", "connections/{connection}/setup-links", "connections/{connection}/setup-links/{setup}/reissue",
	"connections/{connection}/sign-out", "connections/{connection}/test", "connections/{connection}/activate", "connections/{connection}/delete", "connections/{connection}/identity-provider",
	"connections/{connection}/identity-provider/metadata", "connections/{connection}/identity-provider/certificates",
	"connections/{connection}/identity-provider/certificates/remove", "connections/{connection}/attributes", "connections/{connection}/options",
	"connections/{connection}/identity-provider/openid", "connections/{connection}/options/openid", "connections/{connection}/options/alternate",
	"connections/{connection}/publish", "connections/{connection}/versions/{version}/restore",
	"connections/{connection}/metadata/apply", "connections/{connection}/metadata/dismiss", "connections/{connection}/keys", "connections/{connection}/keys/switch", "connections/{connection}/keys/{pair}/remove",
	"domains/{domain}/release", "domains/{domain}/connections", "sign-in/break-glass", "sign-in/break-glass/{member}/remove", "sign-in/recovery-codes", "sign-in/enforcement", "sign-in/enforcement/end", "sign-in/roles/apply", "logins/{login}/link", "logins/{login}/message",
	"webhooks", "webhooks/{webhook}", "webhooks/{webhook}/rotate", "webhooks/{webhook}/delete",
}

func TestW07_WhatGivesTrustAsksForAFreshSignIn(t *testing.T) {
	a := furnish(newProduct(t).found("a"))
	for _, rt := range organizationRoutes() {
		method, rest, _ := strings.Cut(rt.pattern, " /organizations/{organization}/")
		if method == http.MethodPost && slices.Contains(freshRoutes, rest) != rt.fresh {
			t.Errorf("%s asks for a fresh sign-in: %t", rt.pattern, rt.fresh)
		}
	}
	a.pass(access.FreshFor + time.Second)
	before := a.everything()
	for _, rt := range organizationRoutes() {
		method, path := a.path(rt, a.ids)
		shown := a.owner.send(method, path, "same-origin", nil)
		kept := shown.Status == http.StatusUnauthorized && strings.Contains(shown.Body, "Sign in again to go on") && strings.Contains(shown.Body, `action="`+path+`"`)
		sent := shown.Status == http.StatusSeeOther && shown.Header.Get("Location") == "/login?return_to="+url.QueryEscape(path)
		if rt.fresh && !(kept && method == http.MethodPost) && !(sent && method == http.MethodGet) {
			t.Errorf("%s: %d to %q", rt.pattern, shown.Status, shown.Header.Get("Location"))
		}
		if rt.fresh && a.everything() != before {
			t.Fatalf("%s changed something by a sign-in of long ago", rt.pattern)
		}
		if !rt.fresh && method == http.MethodPost {
			before = a.everything()
		}
	}
}
