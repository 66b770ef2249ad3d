package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// setupCookie opens a setup link in the browser.
func (b *browser) setUp(token secret.Token) *page {
	b.Helper()
	b.hide(token.Reveal())
	return b.post("/setup/"+token.Reveal()).want(http.StatusOK, "Set up ")
}

// The whole of a setup link in one sitting: an owner makes it, somebody who is nobody sets the connection up, and the owner activates it.
func TestSetupLinkFromOwnerToActivation(t *testing.T) {
	p := newProduct(t)
	o := p.found("acme")
	c := o.draft("Okta")
	domain, err := o.scope.ClaimDomain(t.Context(), o.owner.actor(), "acme-corp.test", "gatehouse.test")
	p.ok(err)
	links := "/organizations/" + o.ID + "/connections/" + c.Connection.ID + "/setup-links"
	form := o.owner.get(links).want(http.StatusOK, "There is none yet.", "acme-corp.test", "1 person in all")
	o.owner.post(links, "once", form.value("once"), "name", "", "email", "x").want(http.StatusUnprocessableEntity)
	made := o.owner.post(links, "once", form.value("once"), "name", "IT of Acme", "domains", domain.ID, "email", "it@acme-corp.test").
		want(http.StatusCreated, "on its way to it@acme-corp.test")
	_, rest, _ := strings.Cut(made.Body, publicURL+"/setup/")
	token, _, _ := strings.Cut(rest, "<")
	p.hide(token)
	o.owner.get(links).want(http.StatusOK, "IT of Acme", "Open", "Not yet").lacks(token)

	it := p.browser()
	for range 3 { // looking opens nothing
		it.get("/setup/"+token).want(http.StatusOK, "Set up single sign-on for acme", "Continue")
	}
	it.get("/setup").want(http.StatusUnauthorized, "Open your setup link")
	it.setUp(secret.TokenOf(token)).want(http.StatusOK, "Set up Okta", "IT of Acme").lacks("Members", "Account of")
	it.get("/setup/connection").want(http.StatusOK, p.options.Broker.ACS(c.Connection.ID), c.Connection.Settings.EntityID)

	c.vouch("u-1", "it@acme-corp.test")
	tested := c.deliver(it, c.ask(it.post("/setup/test")))
	tested.want(http.StatusOK, "The test went well. it@acme-corp.test arrived.", "links nobody", "Back to the setup").
		lacks("were this a real sign-in") // who is a member, and as what, is not the link's to ask
	if n := p.count("identities"); n != 0 {
		t.Errorf("%d are linked by the test", n)
	}
	it.post("/setup/domains/"+domain.ID+"/verify").want(http.StatusOK, "There is no TXT record")
	p.dns.set(domain.RecordName(), domain.RecordValue())
	it.post("/setup/domains/"+domain.ID+"/verify").want(http.StatusOK, "acme-corp.test is verified.")
	it.post("/setup/contacts", "contacts", "it").want(http.StatusUnprocessableEntity, "“it” is no email address")
	it.post("/setup/contacts", "contacts", "it@acme-corp.test\ndesk@msp.test").want(http.StatusOK, "The contacts are saved.", "2 contacts")
	it.post("/setup/done").want(http.StatusOK, "You are done.", "One of them activates")
	if now, err := o.scope.Connection(t.Context(), c.Connection.ID); err != nil || now.State != store.ConnectionDraft {
		t.Errorf("the connection is %s: %v", now.State, err)
	}
	o.owner.get(links).want(http.StatusOK, "Done", "desk@msp.test")
	events := must(o.scope.Events(t.Context(), store.EventFilter{}))
	for _, want := range []audit.Action{audit.SetupLinkUsed, audit.LoginTestSucceeded, audit.DomainVerified, audit.ConnectionContactsChanged, audit.SetupLinkDone} {
		if !anyEvent(events, func(e audit.Event) bool {
			return e.Action == want && e.Actor.Kind == audit.SetupLink && e.Actor.Name == "IT of Acme"
		}) {
			t.Errorf("no %s by the link", want)
		}
	}
	base := "/organizations/" + o.ID + "/connections/" + c.Connection.ID
	o.owner.post(base+"/activate", "version", o.owner.get(base).value("version")).want(http.StatusOK, "The connection is active.")
	it.get("/setup").want(http.StatusOK, "Active")
	it.get("/setup/connection").want(http.StatusOK, "only an owner changes it now").lacks("Import metadata")
	it.post("/setup/connection", "version", "9", "entity_id", "https://evil.test").want(http.StatusUnprocessableEntity, "only an owner changes it now")
	c.reload()
	p.ok(o.scope.DisableConnection(t.Context(), operator, c.Connection.ID, c.Connection.Version))
	c.reload() // it has let people in, so neither its settings nor a test of them are the link's again
	it.post("/setup/connection", "version", formVersion(c.Connection.Version), "entity_id", "https://evil.test", "redirect_url", "https://evil.test/sso").want(http.StatusUnprocessableEntity, "only an owner changes it now")
	it.post("/setup/test").want(http.StatusUnprocessableEntity, "only an owner changes it now")
	it.post("/setup/leave").want(http.StatusOK, "You have left the setup")
	it.get("/setup").want(http.StatusUnauthorized)
}

func anyEvent(events []audit.Event, is func(audit.Event) bool) bool {
	for _, e := range events {
		if is(e) {
			return true
		}
	}
	return false
}

// A setup link sets values and is refused like an owner; a test that is refused shows its page to whoever ran it.
func TestSetupLinkSetsValues(t *testing.T) {
	p := newProduct(t)
	a := furnish(p.found("a"))
	draft := a.draft("Draft")
	_, token, err := a.scope.CreateSetupLink(t.Context(), a.owner.actor(), store.NewSetupLink{ConnectionID: draft.Connection.ID, Name: "IT"})
	p.ok(err)
	it := p.browser()
	it.setUp(token)
	version := it.get("/setup/connection").value("version")
	it.post("/setup/connection", "version", version, "entity_id", "x", "redirect_url", "javascript:alert(1)").want(http.StatusUnprocessableEntity)
	it.post("/setup/connection/metadata", "version", version).want(http.StatusUnprocessableEntity, "Give the metadata")
	it.post("/setup/connection/openid", "version", version, "issuer", "x").want(http.StatusNotFound)
	draft.vouch("u-1", "it@a-corp.test")
	draft.idp.EntityID = "https://another.test/metadata"
	refused := draft.deliver(it, draft.ask(it.post("/setup/test")))
	refused.want(http.StatusOK, "Refused.", "Where to mend it", "Back to the setup").lacks("/organizations/")
	if !strings.HasPrefix(refused.path(), "/setup/tests/") {
		t.Errorf("the refused test leads to %s", refused.path())
	}
	settings := draft.Connection.Settings
	it.post("/setup/connection", "version", version, "entity_id", settings.EntityID, "redirect_url", settings.RedirectURL).want(http.StatusOK, "The values are saved.")
	it.post("/setup/connection", "version", version, "entity_id", settings.EntityID).want(http.StatusUnprocessableEntity)
}

// A setup link cannot see or touch anything else: on every route but its own, whoever holds one is nobody, byte for byte.
func TestW18_ASetupLinkOpensNothingElse(t *testing.T) {
	p := newProduct(t)
	a, b := furnish(p.found("a")).withBinding(), furnish(p.found("b")).withBinding()
	nobody, it := p.browser(), p.browser()
	it.setUp(a.setup)
	// What these answer is random, and leaves a row whoever asks: they are held to their status.
	random := []string{"GET /connections/{connection}/login", "POST /login/passkey/challenge", "POST /login/recovery/challenge"}
	walk := func(only bool) (walked int) {
		for _, r := range newMatrix(a).rows {
			own := r.asks == forSetupLinks || strings.HasSuffix(r.pattern, " /setup/{token}") || strings.HasSuffix(r.pattern, " /setup/leave")
			if own || slices.Contains(random, r.pattern) != only {
				continue
			}
			for whose, ids := range map[string]map[string]string{"its own": a.ids, "another's": b.ids} {
				method, path := a.path(route{pattern: r.pattern}, ids)
				got, want := it.send(method, path, "same-origin", nil), nobody.send(method, path, "same-origin", nil)
				walked++
				if got.Status != want.Status || !only && adminBytes(got) != adminBytes(want) {
					t.Errorf("%s of %s organization: %d, nobody gets %d\n%s", r, whose, got.Status, want.Status, got.text())
				}
			}
		}
		return walked
	}
	walk(true)
	before := p.everything()
	if walked, after := walk(false), p.everything(); after != before || walked < 400 {
		t.Errorf("%d walked, and something changed:\n%s\n%s", walked, before, after)
	}
}

// On its own routes, what a setup link does not reach is like what does not exist: of another organization, of another connection, of the same
// organization but not the link's.
func TestW18_WhatASetupLinkDoesNotReachIsNotThere(t *testing.T) {
	p := newProduct(t)
	a, b := furnish(p.found("a")), furnish(p.found("b"))
	it := p.browser()
	it.setUp(a.setup)
	other := a.verify("other.test")
	second := a.draft("Second")
	session, _, err := p.store.Session(t.Context(), a.owner.token())
	p.ok(err)
	owners := second.beginTest(a.owner, session.ID).LoginID
	same := a.connection.beginTest(a.owner, session.ID).LoginID
	before := p.everything()
	for _, r := range newMatrix(a).rows {
		if r.asks != forSetupLinks {
			continue
		}
		for _, name := range parameter.FindAllStringSubmatch(r.pattern, -1) {
			if name[1] == "step" { // steps are words, the same for everybody
				continue
			}
			foreign := map[string][]string{"domain": {b.ids["domain"], other.ID}, "login": {a.ids["login"], b.ids["login"], owners, same}}[name[1]]
			if len(foreign) == 0 {
				t.Fatalf("%s: the walk knows nothing that is out of reach", r)
			}
			method, none := a.path(route{pattern: r.pattern}, absent(a.ids))
			want := it.send(method, none, "same-origin", nil)
			for _, id := range foreign {
				_, path := a.path(route{pattern: r.pattern}, with(a.ids, map[string]string{name[1]: id}, name[1]))
				if got := it.send(method, path, "same-origin", nil); got.Status != http.StatusNotFound || adminBytes(got) != adminBytes(want) {
					t.Errorf("%s with %s: %d, told apart from what does not exist (%d)", r, id, got.Status, want.Status)
				}
			}
		}
	}
	if after := p.everything(); after != before {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}
	it.get("/setup/domains/"+a.ids["domain"]).want(http.StatusOK, "TXT record") // the honest twin
}

// W-03, W-05: a visit ends with its link, on every node at once, and is no session: neither opens what the other does.
func TestW05_SetupVisitEndsWithItsLink(t *testing.T) {
	ways := map[string]func(walked) error{
		"revoked": func(w walked) error {
			return w.scope.RevokeSetupLink(w.Context(), w.owner.actor(), w.ids["connection"], w.ids["setup"])
		},
		"suspended": func(w walked) error { return w.store.SuspendOrganization(w.Context(), operator, w.ID) },
		"unused":    func(w walked) error { w.pass(30 * time.Minute); return nil },
		"too old":   func(w walked) error { w.pass(store.SetupLinkLife); return nil },
	}
	for name, end := range ways {
		t.Run(name, func(t *testing.T) {
			p := newProduct(t)
			w := furnish(p.found("a"))
			it := p.browser()
			it.setUp(w.setup)
			it.get("/setup").want(http.StatusOK)
			p.ok(end(w))
			for _, path := range []string{"/setup", "/setup/connection", "/setup/contacts", "/setup/domains/" + w.ids["domain"]} {
				it.get(path).want(http.StatusUnauthorized, "Open your setup link")
			}
			it.post("/setup/contacts", "contacts", "eve@evil.test").want(http.StatusUnauthorized)
			if name != "unused" {
				it.get("/setup/"+w.setup.Reveal()).want(http.StatusGone, "This link no longer works")
				it.post("/setup/" + w.setup.Reveal()).want(http.StatusGone)
			}
		})
	}
}

func TestW03_SetupCookieStandsBesideASession(t *testing.T) {
	p := newProduct(t)
	w := furnish(p.found("a"))
	session := w.owner.token()
	w.owner.setUp(w.setup)
	if w.owner.token() != session && w.owner.token().Reveal() != session.Reveal() {
		t.Error("the session changed")
	}
	cookie := w.owner.jar[p.cookies.Setup.Name()]
	if cookie == nil || !strings.HasPrefix(cookie.Name, "__Host-") || !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" {
		t.Errorf("the cookie is %+v", cookie)
	}
	w.owner.get("/organizations/"+w.ID+"/members").want(http.StatusOK, "Members")
	w.owner.post("/setup/contacts", "contacts", "desk@msp.test").want(http.StatusOK)
	events := must(w.scope.Events(t.Context(), store.EventFilter{}))
	if e := events[0]; e.Action != audit.ConnectionContactsChanged || e.Actor.Kind != audit.SetupLink {
		t.Errorf("recorded %s by %s", e.Action, e.Actor.Kind)
	}
	w.owner.post("/setup/leave").want(http.StatusOK)
	w.owner.get("/organizations/"+w.ID+"/members").want(http.StatusOK, "Members")
	// A session's token is no visit's, and the other way round.
	for from, to := range map[string]string{p.cookies.Session.Name(): p.cookies.Setup.Name()} {
		thief := p.browser()
		stolen := *w.owner.jar[from]
		stolen.Name = to
		thief.keep([]*http.Cookie{&stolen})
		thief.get("/setup").want(http.StatusUnauthorized)
	}
}

func TestSetupLinksAreGuessedAtSlowly(t *testing.T) {
	p := newProduct(t)
	b := p.browser()
	last := &page{}
	for i := range 61 {
		last = b.send(http.MethodGet, fmt.Sprintf("/setup/guess%d", i), "same-origin", url.Values{})
	}
	last.want(http.StatusTooManyRequests)
}
