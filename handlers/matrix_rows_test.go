package handlers

import (
	"cmp"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/web"
)

var update = flag.Bool("update", false, "write testdata/routes.txt anew")

// routesFile has one line for every route of the product and says what it asks for. It is written by -update and read by people: a route
// without a line fails the build, and whoever makes one easier to reach changes a line that a reviewer sees.
const routesFile = "testdata/routes.txt"

// row is one line of the matrix: a route, and what it asks for.
type row struct {
	to      string // whom it serves
	pattern string
	asks    string // "anyone", "person", or a permission in the organization or project of the path

	fresh, own, recovery bool // of the console
	ifMatch              bool // of the admin API
	body                 bool // the same: it takes one
}

// Whom routes serve. All but the first two judge what they are handed by themselves, and have tests of their own; to all but proxies a session
// is nothing.
const (
	toPeople            = "console"
	toServiceAccounts   = "admin"
	toOperators         = "operator"
	toPrograms          = "programs"
	toIdentityProviders = "idp"
	toAlternates        = "moved" // what identity providers knew before their connections moved here
	toHosts             = "hosts"
	toProxies           = "proxies"
	toAll               = "site"
)

func (r row) method() string { return r.pattern[:strings.IndexAny(r.pattern, " /")] }
func (r row) path() string   { return r.pattern[strings.IndexByte(r.pattern, '/'):] }

func (r row) inOrganization() bool {
	return strings.Contains(r.pattern, "/organizations/{organization}")
}
func (r row) inProject() bool { return strings.Contains(r.pattern, "/projects/{project}") }

// permission is what it asks for, "" if nothing in particular.
func (r row) permission() access.Permission {
	if r.asks == forAnyone || r.asks == forPersons || r.asks == forOperators || r.asks == forSetupLinks {
		return ""
	}
	return cmp.Or(depends[r.pattern], access.Permission(r.asks))
}

const forAnyone, forPersons, forOperators, forSetupLinks = "anyone", "person", "operator-token", "setup-link"

// depends are routes that ask for more than their row says, by what they are asked about: the walk asks about roles in the organization.
var depends = map[string]access.Permission{
	"GET /api/v1/organizations/{organization}/role-bindings":              access.ManageMembers,
	"DELETE /api/v1/organizations/{organization}/role-bindings/{binding}": access.ManageMembers,
}

// String is the row's line in the file.
func (r row) String() string {
	words := []string{fmt.Sprintf("%-8s", r.to), r.pattern, r.asks}
	for i, set := range []bool{r.fresh, r.own, r.recovery, r.ifMatch, r.body} {
		if set {
			words = append(words, []string{"fresh", "own-credential", "recovery", "if-match", "body"}[i])
		}
	}
	return strings.Join(words, " ")
}

// rowsOf are all the routes that the console serves, sorted as in the file.
func rowsOf(c *console, s surface) (all []row) {
	for _, rt := range consoleRoutes() {
		asks := cmp.Or(map[audience]string{anyone: forAnyone, person: forPersons, byLink: forSetupLinks}[rt.audience], string(rt.permission))
		all = append(all, row{to: toPeople, pattern: rt.pattern, asks: asks, fresh: rt.fresh, own: rt.ownCredential, recovery: rt.recovery})
	}
	for _, op := range c.admin.Reference() {
		r := row{to: toServiceAccounts, pattern: op.Method + " " + op.Path, asks: op.Permission, body: len(op.Body) > 0}
		if op.Operator {
			r.to, r.asks = toOperators, forOperators
		}
		for _, parameter := range op.Parameters {
			r.ifMatch = r.ifMatch || parameter.Name == "If-Match"
		}
		all = append(all, r)
	}
	for to, router := range map[string]*web.Router{toAll: s.people, toServiceAccounts: s.admin, toPrograms: s.programs,
		toIdentityProviders: s.identityProviders, toAlternates: s.alternates, toHosts: s.hosts, toProxies: s.proxies} {
		for _, served := range router.Routes() {
			if !slices.ContainsFunc(all, func(r row) bool { return r.pattern == served.Pattern }) {
				all = append(all, row{to: to, pattern: served.Pattern, asks: forAnyone})
			}
		}
	}
	slices.SortFunc(all, func(a, b row) int {
		return cmp.Or(strings.Compare(a.to, b.to), strings.Compare(a.path(), b.path()), strings.Compare(a.pattern, b.pattern))
	})
	return all
}

func TestW18_EveryRouteHasARow(t *testing.T) {
	c, s := newProduct(t).console()
	served := s.patterns()
	var lines []string
	for _, r := range rowsOf(c, s) {
		lines = append(lines, r.String())
		if !slices.Contains(served, r.pattern) {
			t.Errorf("%s is declared and not served", r.pattern)
		}
		if r.to != toOperators && r.inOrganization() != (r.permission() != "") || r.permission() != "" && !canBeHeld(r) {
			t.Errorf("%s asks for %q", r.pattern, r.asks)
		}
	}
	if *update {
		if err := os.WriteFile(routesFile, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(routesFile)
	if err != nil {
		t.Fatal(err)
	}
	written := strings.Split(strings.TrimSpace(string(text)), "\n")
	for _, line := range lines {
		if !slices.Contains(written, line) {
			t.Errorf("no line for\n%s\nif this is what it should ask for: go test ./handlers -run %s -update", line, t.Name())
		}
	}
	for _, line := range written {
		if !slices.Contains(lines, line) {
			t.Errorf("no route, or one that now asks for something else:\n%s", line)
		}
	}
}

// canBeHeld reports whether the route asks for a permission that some role gives where it asks.
func canBeHeld(r row) bool {
	table := access.OrganizationMatrix()
	if r.inProject() {
		table = access.ProjectMatrix()
	}
	return slices.ContainsFunc(table, func(held access.Row) bool { return held.Permission == r.permission() })
}

// writes reports whether the route may change something.
func (r row) writes() bool { return r.method() != http.MethodGet }
