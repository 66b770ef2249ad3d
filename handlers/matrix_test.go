package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/web"
)

// visitor is a column of the matrix: somebody with one credential, or none, who asks for what belongs to one organization.
type visitor struct {
	name string
	with credential
	who  *browser

	foreign, suspended bool
	stale              bool // who signed in long ago
	vouchedFor         bool // by an identity provider alone
	in, inProject      access.Permissions
}

type credential int

const (
	noCredential credential = iota
	aSession
	anAPIKey
	aServiceAccount
)

// answer is what a visitor is told.
type answer string

const (
	letThrough   answer = "let through"
	askedWho     answer = "asked to sign in"
	askedAgain   answer = "asked to sign in again"
	askedForOwn  answer = "asked for a credential of their own"
	askedLink    answer = "asked to open their setup link"
	askedToken   answer = "asked for a service account's token"
	askedForOps  answer = "asked for a token of the operator"
	keyRefused   answer = "told that an API key is not accepted"
	shutOut      answer = "told that the organization is shut for them"
	notThere     answer = "told that there is no such thing"
	told         answer = "told which permission is missing"
	likeAnybody  answer = "answered like anybody"
	pastTheDoor         = http.StatusNoContent // what the doors answer to whoever gets through
	afterAPause         = access.FreshFor + time.Minute
	guestAddress        = "guest.test"
)

// answers is the one rule of the whole matrix: what a visitor is told, from what the route asks for and what they hold.
func (r row) answers(v visitor) answer {
	holds := v.in
	if r.inProject() {
		holds = v.inProject
	}
	switch {
	case r.to == toOperators && v.with == anAPIKey:
		return keyRefused
	case r.to == toOperators && v.with == aServiceAccount:
		return askedForOps
	case r.to == toOperators:
		return askedToken
	case r.to != toPeople && r.to != toServiceAccounts, r.to == toServiceAccounts && r.asks == forAnyone:
		return likeAnybody
	case r.to == toServiceAccounts && v.with == anAPIKey:
		return keyRefused
	case r.to == toServiceAccounts && v.with != aServiceAccount:
		return askedToken
	case r.asks == forAnyone:
		return letThrough
	case r.asks == forSetupLinks:
		return askedLink
	case r.to == toPeople && v.with != aSession:
		return askedWho
	case r.inOrganization() && v.foreign:
		return notThere
	case r.inOrganization() && v.suspended:
		return shutOut
	case r.own && v.vouchedFor:
		return askedForOwn
	case r.inProject() && !holds.Has(access.ViewProject):
		return notThere
	case r.inOrganization() && !holds.Has(r.permission()):
		return told
	case r.fresh && v.stale:
		return askedAgain
	}
	return letThrough
}

// heard is what the visitor was told, in the words of the rule; an answer that is none of them is a number.
func (r row) heard(shown *page, path string) answer {
	says := func(status int, text string) bool {
		return shown.Status == status && strings.Contains(shown.Body, text)
	}
	if strings.Contains(r.pattern, "/{token}") {
		path = "/account" // a mailed link is kept nowhere, nor in what leads back
	}
	sent := shown.Status == http.StatusSeeOther && shown.Header.Get("Location") == "/login?return_to="+url.QueryEscape(path)
	noticed := strings.Contains(strings.Join(shown.Header.Values("Set-Cookie"), ";"), "notice")
	switch {
	case says(http.StatusUnauthorized, `"code":"token_missing"`):
		return askedToken
	case says(http.StatusForbidden, `"code":"operator_token_needed"`):
		return askedForOps
	case says(http.StatusForbidden, `"code":"api_key_not_accepted"`):
		return keyRefused
	case says(http.StatusUnauthorized, "Open your setup link"):
		return askedLink
	case sent && !noticed, says(http.StatusUnauthorized, "You were signed out"):
		return askedWho
	case sent, says(http.StatusUnauthorized, "Sign in again to go on"):
		return askedAgain
	case says(http.StatusForbidden, "Sign in with your own password or passkey"):
		return askedForOwn
	case says(http.StatusForbidden, "is not open to you"):
		return shutOut
	case says(http.StatusForbidden, "<code>"+string(r.permission())+"</code>"), says(http.StatusForbidden, `"permission":"`+string(r.permission())+`"`):
		return told
	case shown.Status == http.StatusNotFound:
		return notThere
	case shown.Status < http.StatusBadRequest:
		return letThrough
	case r.to == toServiceAccounts && r.writes() && shown.Status != http.StatusUnauthorized && shown.Status != http.StatusForbidden && shown.Status < http.StatusInternalServerError:
		return letThrough // and then told what is wrong with {}
	}
	return answer(fmt.Sprint(shown.Status))
}

// matrix is every row, and the one organization that all columns ask for.
type matrix struct {
	walked
	rows  []row
	doors http.Handler // the console's routes behind their real doors, where whoever gets through is only told so
}

func newMatrix(a walked) matrix {
	a.Helper()
	c, s := a.console()
	router := web.NewRouter(c.problem)
	for _, rt := range consoleRoutes() {
		rt.handle = func(v *visit) error { v.w.WriteHeader(pastTheDoor); return nil }
		router.Handle(web.Route{Pattern: rt.pattern, Body: rt.body}, c.handler(rt))
	}
	site := a.options.Site
	site.Metrics = prometheus.NewRegistry()
	return matrix{a, rowsOf(c, s), site.Handler(router)}
}

// behind reports whether only the door is asked: what is behind it would be carried out, or has another answer for each visitor.
func (r row) behind() bool {
	ofOnePerson := strings.HasSuffix(r.pattern, "/links/{link}") // to everybody else it is like none
	return r.to == toPeople && (r.writes() || !r.inOrganization() || ofOnePerson)
}

// ask lets a visitor ask for what the row is about.
func (m matrix) ask(r row, v visitor, want answer) (shown *page, path string) {
	m.Helper()
	ids := m.ids
	names := parameter.FindAllStringSubmatch(r.pattern, -1)
	if r.to == toServiceAccounts && r.writes() && want == letThrough && len(names) > 0 && names[len(names)-1][1] != "project" {
		ids = with(m.ids, absent(m.ids), names[len(names)-1][1]) // nothing is carried out on what is not there
	}
	_, path = m.path(route{pattern: r.pattern}, ids)
	if r.to == toPeople {
		real := m.handler
		if want == letThrough && r.behind() {
			m.product.handler = m.doors
		}
		shown = v.who.send(r.method(), path, "same-origin", nil)
		m.product.handler = real
		return shown, path
	}
	return v.who.ask(r, path), path
}

// walk sends a visitor to every row for which the rule says one of these answers, or, with none given, to all.
func (m matrix) walk(v visitor, rows func(row, answer) bool) {
	m.Helper()
	for _, r := range m.rows {
		want := r.answers(v)
		if !rows(r, want) {
			continue
		}
		shown, path := m.ask(r, v, want)
		got := r.heard(shown, path)
		if want == letThrough && r.behind() && shown.Status != pastTheDoor {
			got = answer(fmt.Sprint(shown.Status))
		}
		if want == letThrough && got == notThere && path != m.pathOf(r) {
			got = letThrough // past the door, to what is not there
		}
		if got != want {
			m.Errorf("%s\n%s is %s (%d to %q), want %s", r, v.name, got, shown.Status, shown.Header.Get("Location"), want)
		}
	}
}

func (m matrix) pathOf(r row) string {
	_, path := m.path(route{pattern: r.pattern}, m.ids)
	return path
}

func TestW18_Matrix(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { walkMatrix(t, newProduct(t), access.OrganizationRoles(), access.ProjectRoles()) })
	// Which role gives what is no matter of the database: here those who own everything and those who have nothing but one project.
	t.Run("postgres", func(t *testing.T) {
		walkMatrix(t, newProductOnPostgreSQL(t), []access.Role{access.OrgOwner, access.OrgMember}, []access.Role{access.ProjectViewer})
	})
}

// walkMatrix sends everybody everywhere: first to be refused or to look, which changes nothing; then to be let through with a form; and, when
// time has passed, to be asked to sign in again.
func walkMatrix(t *testing.T, p *product, inOrganization, inProjects []access.Role) {
	a, b := furnish(p.found("a")).withBinding(), furnish(p.found("b"))
	m := newMatrix(a)
	visitors := m.visitors(b, inOrganization, inProjects)
	looks := func(r row, want answer) bool { return want != likeAnybody && (want != letThrough || !r.writes()) }
	acts := func(r row, want answer) bool { return want == letThrough && r.writes() }
	before := p.everything()
	for _, v := range visitors {
		m.walk(v, looks)
		m.walk(v, func(r row, want answer) bool { return acts(r, want) && r.behind() })
	}
	if after := p.everything(); after != before {
		t.Errorf("somebody who was refused, or only looked, changed something:\n%s\n%s", before, after)
	}
	for _, v := range visitors {
		m.walk(v, func(r row, want answer) bool { return acts(r, want) && !r.behind() })
	}
	m.likeAnybody(visitors)
	p.pass(afterAPause)
	before = p.everything()
	m.walk(visitor{name: "an owner who signed in long ago", with: aSession, who: a.owner.browser, stale: true, in: access.Organization([]access.Role{access.OrgOwner}),
		inProject: access.Project(nil, true)}, func(r row, want answer) bool { return looks(r, want) || r.behind() })
	if after := p.everything(); after != before {
		t.Errorf("a sign-in of long ago changed something:\n%s\n%s", before, after)
	}
}

// likeAnybody: where a route judges what it is handed by itself, being signed in to the console makes no difference; proxies alone ask about
// sessions.
func (m matrix) likeAnybody(visitors []visitor) {
	m.Helper()
	for _, r := range m.rows {
		for _, v := range visitors {
			if r.answers(v) != likeAnybody {
				continue
			}
			shown, _ := m.ask(r, v, likeAnybody)
			anybody, _ := m.ask(r, visitor{who: m.browser()}, likeAnybody)
			if shown.Status >= http.StatusInternalServerError || v.with == aSession && r.to != toProxies && shown.Status != anybody.Status {
				m.Errorf("%s\n%s is answered %d, anybody %d", r, v.name, shown.Status, anybody.Status)
			}
		}
	}
}

// visitors are the columns: no credential, and each kind of credential × each role × our own or another's.
func (m matrix) visitors(b walked, inOrganization, inProjects []access.Role) []visitor {
	m.Helper()
	owners, none := []access.Role{access.OrgOwner}, access.Permissions(nil)
	all := []visitor{
		{name: "nobody", who: m.browser()},
		{name: "K-13 an API key of ours", with: anAPIKey, who: m.sending(m.ids["text"])},
		{name: "K-13 an API key of ours, in its own header", with: anAPIKey, who: m.keyed(m.ids["text"])},
		{name: "K-13 an API key of another's", with: anAPIKey, who: m.sending(b.ids["text"])},
		{name: "another's owner", with: aSession, who: b.owner.browser, foreign: true, in: access.Organization(owners), inProject: access.Project(nil, true)},
		{name: "another's member", with: aSession, who: b.member("member@"+guestAddress, access.OrgMember).browser, foreign: true},
		{name: "another's service account", with: aServiceAccount, who: b.account("theirs", "", access.OrgOwner), foreign: true},
	}
	for _, role := range inOrganization {
		roles := []access.Role{role}
		may, inProject := access.Organization(roles), access.Project(nil, role == access.OrgOwner)
		who := m.member(strings.ToLower(string(role))+"@"+guestAddress, role)
		all = append(all, visitor{name: string(role), with: aSession, who: who.browser, in: may, inProject: inProject},
			visitor{name: "a service account, " + string(role), with: aServiceAccount, who: m.account(string(role), "", role), in: may, inProject: inProject})
	}
	member := access.Organization([]access.Role{access.OrgMember})
	for _, role := range inProjects {
		who, inProject := m.member(strings.ToLower(string(role))+"@"+guestAddress, access.OrgMember), access.Project([]access.Role{role}, false)
		m.ok(m.scope.SetProjectRoles(m.Context(), m.owner.actor(), m.ids["project"], who.member().ID, []access.Role{role}))
		all = append(all, visitor{name: string(role), with: aSession, who: who.browser, in: member, inProject: inProject},
			visitor{name: "a service account, " + string(role), with: aServiceAccount, who: m.account(string(role), role, access.OrgMember), in: member, inProject: inProject})
	}
	employee := m.connection.employee("u-2", "boss@"+m.Name+"-corp.test")
	m.ok(m.scope.SetMemberRoles(m.Context(), m.owner.actor(), employee.member().ID, employee.member().Version, owners))
	suspended := m.member("suspended@"+guestAddress, access.OrgOwner)
	m.ok(m.scope.SuspendMember(m.Context(), m.owner.actor(), suspended.member().ID, suspended.member().Version))
	return append(all,
		visitor{name: "an owner by their identity provider", with: aSession, who: employee.browser, vouchedFor: true, in: access.Organization(owners), inProject: access.Project(nil, true)},
		visitor{name: "a suspended owner", with: aSession, who: suspended.browser, suspended: true, in: none, inProject: none})
}
