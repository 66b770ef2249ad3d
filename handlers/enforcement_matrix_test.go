package handlers

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

const (
	corpDomain      = "corp.test"
	enforcementFile = "testdata/enforcement.txt"
)

// kind is what somebody is to the organization.
type kind struct {
	name, domain      string
	role              access.Role
	linked, suspended bool
}

func (k kind) guest() bool { return k.domain == guestAddress }

var (
	kinds = []kind{
		{name: "owner", domain: corpDomain, role: access.OrgOwner},
		{name: "member", domain: corpDomain, role: access.OrgMember},
		{name: "guest", domain: guestAddress, role: access.OrgMember},
		{name: "linked guest", domain: guestAddress, role: access.OrgMember, linked: true},
		{name: "suspended member", domain: corpDomain, role: access.OrgMember, suspended: true},
	}
	scopes = []access.Scope{access.NoEnforcement, access.EnforceDomain, access.EnforceAll}
)

// outcome is how an organization is to somebody who has come through a door, in the words of the table.
type outcome string

const (
	getsIn      outcome = "opens"
	getsLimited outcome = "limited"
	ledToSSO    outcome = "sso"
	keptOut     outcome = "refused"
	nobodyThere outcome = "-"
	unlisted    outcome = ""
)

// cell is a place in the table.
type cell struct {
	door, kind string
	scope      access.Scope
}

// rehearsal is an organization in which everybody has prepared to go through every door.
type rehearsal struct {
	*organization
	okta, side, gone, theirs *connection
	second                   *organization
	made                     int
	last                     string            // the address of whoever was made last
	moved                    map[string]string // from whose address to which
	suspended                []*someone
}

func rehearse(p *product) *rehearsal {
	acme := p.found("acme")
	acme.verify(corpDomain)
	r := &rehearsal{organization: acme, okta: acme.connect("Okta"), side: acme.connect("Side"), gone: acme.connect("Gone"), second: p.found("second"), moved: map[string]string{}}
	r.codes = r.wayIn(r.owner)
	evil := p.found("evil")
	evil.verify("evil.test")
	r.theirs = evil.connect("Evil IdP")
	return r
}

// browser is one from a network of its own, so that nobody waits for another's tries.
func (r *rehearsal) browser() *browser {
	r.made++
	b := r.product.browser()
	b.address = fmt.Sprintf("10.%d.%d.7", r.made/250, r.made%250)
	return b
}

// address is one that nobody has.
func (r *rehearsal) address(k kind) string {
	r.made++
	r.last = fmt.Sprintf("p%d@%s", r.made, k.domain)
	return r.last
}

// person is a member of that kind, signed in by password. Whoever is to be suspended is not yet.
func (r *rehearsal) person(k kind) *someone {
	r.Helper()
	who := r.member(r.address(k), k.role)
	if k.linked {
		r.through(r.okta, who)
		who.signInByPassword()
	}
	if k.suspended {
		r.suspended = append(r.suspended, who)
	}
	return who
}

func (r *rehearsal) subject(who *someone) string { return "subject of " + who.User.Email }

// through is a browser in which the person has signed in at the connection. A guest links it first, in a session of their own.
func (r *rehearsal) through(c *connection, who *someone) *browser {
	r.Helper()
	b := r.browser()
	if strings.HasSuffix(who.User.Email, "@"+guestAddress) {
		own := &someone{browser: r.browser(), User: who.User, organization: r.organization}
		own.signInByPassword()
		c.vouch(r.subject(who), who.User.Email)
		if arrived := c.signIn(own.browser, c.loginPath()); arrived.Status == http.StatusForbidden { // not linked there yet
			own.post(arrived.link("/organizations/" + r.ID + "/links/"))
		}
	}
	c.vouch(r.subject(who), who.User.Email)
	c.signIn(b, c.loginPath())
	return b
}

// join makes the person a member of another organization as well.
func (r *rehearsal) join(o *organization, who *someone) {
	r.Helper()
	_, token, err := r.store.MakeWelcome(r.Context(), operator, store.Welcome{Kind: store.WelcomeSetup, OrganizationID: o.ID, Email: who.User.Email})
	r.ok(err)
	_, _, err = r.store.SpendWelcome(r.Context(), operator, token, store.Newcomer{Address: r.product.address(who.User.Email)})
	r.ok(err)
}

// linkTo is the path of the link that was mailed to the address, "" where none was.
func (r *rehearsal) linkTo(email string, kind store.MailKind) (path string) {
	r.Helper()
	for _, m := range r.mailed() {
		if m.Letter.To == email && m.Kind == kind {
			path = "/welcome/" + m.Letter.Token().Reveal()
		}
	}
	return path
}

func (r *rehearsal) mustEnter(b *browser) {
	r.Helper()
	if !b.enters(r.organization) {
		r.Fatalf("%s stays out before anything is required", r.last)
	}
}

// begin turns everything on: who is suspended, which connection is disabled, which serves the domain, and what is required.
func (r *rehearsal) begin(scope access.Scope) {
	r.Helper()
	for _, who := range r.suspended {
		r.ok(r.scope.SuspendMember(r.Context(), r.owner.actor(), who.member().ID, who.member().Version))
	}
	r.gone.reload()
	r.ok(r.scope.DisableConnection(r.Context(), r.owner.actor(), r.gone.Connection.ID, r.gone.Connection.Version))
	domains, err := r.scope.Domains(r.Context())
	r.ok(err)
	r.ok(r.scope.AssignDomain(r.Context(), r.owner.actor(), domains[0].ID, []string{r.okta.Connection.ID}))
	if scope != access.NoEnforcement {
		r.enforce(r.okta, scope)
	}
	r.mailed()
}

// outcome is how the organization is to the browser of whoever has that address; shown is the last that the door said.
func (r *rehearsal) outcome(b *browser, shown *page, email string) outcome {
	r.Helper()
	at := b.get(r.projectsPage())
	says := func(text string) bool { return at.Status == http.StatusForbidden && strings.Contains(at.Body, text) }
	switch {
	case at.Status == http.StatusOK && at.path() == r.projectsPage():
		_, user, err := r.store.Session(r.Context(), b.token())
		r.ok(err)
		if user.Email != email && user.Email != r.moved[email] {
			return outcome("opens for " + user.Email)
		}
		return getsIn
	case says("A recovery session opens"):
		b.get(r.organizationPath("sign-in")).want(http.StatusOK, "This is a recovery session.")
		return getsLimited
	case says(requiresSSO):
		return ledToSSO
	case says("is not open to you"), says("What you have shown so far does not open this organization"), at.Status == http.StatusNotFound:
		return keptOut
	case !strings.HasPrefix(at.path(), "/login"):
		return outcome(fmt.Sprintf("%d at %s", at.Status, at.path()))
	case shown != nil && (strings.Contains(shown.Body, "Taking you to Okta.") || strings.Contains(shown.Body, "Continue with Okta")):
		return ledToSSO
	}
	return keptOut
}

// writes fails where a form works for whom the organization is shut, or does not for whom it is open.
func (r *rehearsal) writes(b *browser, c cell, works bool) {
	r.Helper()
	before := r.count("projects")
	r.made++
	b.post(r.projectsPage(), "name", fmt.Sprint("Project ", r.made), "kind", "serverless")
	if made := r.count("projects") > before; made != works {
		r.Errorf("%+v: a project is made: %t", c, made)
	}
}

// TestD08_Matrix: every way in × whoever may stand before it × what the organization requires.
func TestD08_Matrix(t *testing.T) {
	want := readEnforcement(t)
	for _, scope := range scopes {
		t.Run("sqlite "+nameOf(scope), func(t *testing.T) { walkDoors(t, newProduct(t), scope, want) })
	}
	t.Run("postgres domain", func(t *testing.T) { walkDoors(t, newProductOnPostgreSQL(t), access.EnforceDomain, want) })
}

func nameOf(scope access.Scope) string {
	if scope == access.NoEnforcement {
		return "off"
	}
	return string(scope)
}

func walkDoors(t *testing.T, p *product, scope access.Scope, want map[cell]outcome) {
	r := rehearse(p)
	type attempt struct {
		cell
		email  string
		writes bool
		try    func() (*browser, *page)
	}
	var attempts []attempt
	for _, d := range doors() {
		for _, k := range kinds {
			a := attempt{cell: cell{d.name, k.name, scope}, try: d.prepare(r, k)}
			a.email = r.last
			a.writes = want[a.cell] == getsIn && k.role == access.OrgOwner || d.name == setupLink && want[a.cell] == getsIn
			if a.try == nil && want[a.cell] != nobodyThere {
				t.Errorf("%s, %s: nobody like that stands there, want %q", d.name, k.name, want[a.cell])
			}
			if a.try != nil {
				attempts = append(attempts, a)
			}
		}
	}
	r.begin(scope)
	for _, a := range attempts {
		b, shown := a.try()
		if got := r.outcome(b, shown, a.email); got != want[a.cell] {
			t.Errorf("%s, %s (%s): %s, want %q", a.door, a.kind, nameOf(scope), got, want[a.cell])
		}
		r.writes(b, a.cell, a.writes)
	}
}

var columnGap = regexp.MustCompile(` {2,}`)

// readEnforcement reads the table, and fails where it is not one of these doors, kinds and scopes.
func readEnforcement(t *testing.T) map[cell]outcome {
	t.Helper()
	text, err := os.ReadFile(enforcementFile)
	if err != nil {
		t.Fatal(err)
	}
	table, at, named := map[cell]outcome{}, "", []string(nil)
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
			continue
		case !strings.HasPrefix(line, " "):
			at, named = line, append(named, line)
			continue
		}
		columns := columnGap.Split(strings.TrimSpace(line), -1)
		if len(columns) != 1+len(scopes) {
			t.Fatalf("%s: %q has %d columns", enforcementFile, line, len(columns))
		}
		for i, scope := range scopes {
			table[cell{at, columns[0], scope}] = outcome(columns[1+i])
		}
	}
	var tried []string
	for _, d := range doors() {
		tried = append(tried, d.name)
	}
	if !slices.Equal(tried, named) {
		t.Fatalf("%s and the doors of the test differ:\n%q\n%q", enforcementFile, named, tried)
	}
	if len(table) != len(tried)*len(kinds)*len(scopes) {
		t.Fatalf("%s has %d cells, want one for each of %d doors × %d kinds × %d scopes", enforcementFile, len(table), len(tried), len(kinds), len(scopes))
	}
	for _, d := range tried {
		for _, k := range kinds {
			if table[cell{d, k.name, access.EnforceDomain}] == unlisted {
				t.Fatalf("%s: %s: no row for %s", enforcementFile, d, k.name)
			}
		}
	}
	return table
}

// TestD08_EveryWayInHasARow: a new kind of proof, or a route that newly gives a browser a session, belongs into the table.
func TestD08_EveryWayInHasARow(t *testing.T) {
	shown, used := map[string]bool{}, map[string]bool{}
	for _, d := range doors() {
		for _, kind := range d.shows {
			shown[string(kind)] = true
		}
		for _, pattern := range d.routes {
			used[pattern] = true
		}
	}
	if declared := proofKinds(t); !maps.Equal(declared, shown) {
		t.Errorf("access knows the proofs %v, the doors show %v", declared, shown)
	}
	calls := callsOfThisPackage(t)
	giving := map[string]bool{}
	for _, rt := range consoleRoutes() {
		name := runtime.FuncForPC(reflect.ValueOf(rt.handle).Pointer()).Name()
		if givesSession(calls, name[strings.LastIndex(name, ".")+1:], map[string]bool{}) {
			giving[rt.pattern] = true
		}
	}
	if !maps.Equal(giving, used) {
		t.Errorf("routes that give a browser a session: %v\nroutes by which the doors get one: %v", giving, used)
	}
}

// proofKinds are the kinds of proofs that access declares.
func proofKinds(t *testing.T) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "access", "enter.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if of, named := spec.Type.(*ast.Ident); named && of.Name == "ProofKind" {
			found[strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`)] = true
		}
		return true
	})
	return found
}

// sessionGiven is how a handler gives a browser a session.
const sessionGiven = "Session.Write"

// callsOfThisPackage is what each function of the package mentions: names of functions and methods, and [sessionGiven].
func callsOfThisPackage(t *testing.T) map[string][]string {
	t.Helper()
	calls := map[string][]string{}
	files, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				selector, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				calls[f.Name.Name] = append(calls[f.Name.Name], selector.Sel.Name)
				if on, ok := selector.X.(*ast.SelectorExpr); ok && on.Sel.Name+"."+selector.Sel.Name == sessionGiven {
					calls[f.Name.Name] = append(calls[f.Name.Name], sessionGiven)
				}
				return true
			})
		}
	}
	return calls
}

// givesSession follows what a function mentions.
func givesSession(calls map[string][]string, name string, seen map[string]bool) bool {
	if name == sessionGiven {
		return true
	}
	if seen[name] {
		return false
	}
	seen[name] = true
	return slices.ContainsFunc(calls[name], func(next string) bool { return givesSession(calls, next, seen) })
}
