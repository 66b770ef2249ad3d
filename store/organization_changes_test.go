package store

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

func TestSlugsAreUniqueAndReadable(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		owner := aUser(t, s, "owner@acme.test")
		named := func(name string) Organization { return must(s.CreateOrganization(ctx, operator, name, owner.ID)) }
		for _, c := range []struct{ name, slug string }{
			{"Acme & Söhne, Inc.", "^acme-s-hne-inc$"}, {"株式会社", "^organization$"}, {"X", "^organization-.{8}$"},
			{strings.Repeat("ab-", 20), "^" + strings.Repeat("ab-", 13) + "a$"},
		} {
			if o := named(c.name); !regexp.MustCompile(c.slug).MatchString(o.Slug) || !validSlug(o.Slug) {
				t.Errorf("%q has the slug %q, want %s", c.name, o.Slug, c.slug)
			}
		}
		first := named("Globex")
		errs := atOnce(8, func(int) error { _, err := s.CreateOrganization(ctx, operator, "Globex", owner.ID); return err })
		if err := errors.Join(errs...); err != nil {
			t.Errorf("of many with one name: %v", err)
		}
		if n := count(t, s, "organizations WHERE slug LIKE 'globex%'"); n != 9 {
			t.Errorf("%d organizations begin with globex", n)
		}
		second := named("Initech")
		taken := first.Slug
		hasProblem(t, s.In(second.ID).ChangeOrganization(ctx, operator, 1, OrganizationChange{Slug: &taken}), "slug")
		for _, wrong := range []string{"a", "-ab", "ab-", "Ab", "a b", "a_b", "ä-b", strings.Repeat("a", 41), "a\x00b", ""} {
			hasProblem(t, s.In(second.ID).ChangeOrganization(ctx, operator, 1, OrganizationChange{Slug: &wrong}), "slug")
		}
		slug, name, role := "init-3", "Initech GmbH", access.ProjectViewer
		ok(t, s.In(second.ID).ChangeOrganization(ctx, operator, 1, OrganizationChange{Name: &name, Slug: &slug, DefaultProjectRole: &role}))
		if o := must(s.Organization(ctx, second.ID)); o.Slug != slug || o.Name != name || o.DefaultProjectRole != role || o.Version != 2 {
			t.Errorf("it is %+v", o)
		}
		isError(t, s.In(second.ID).ChangeOrganization(ctx, operator, 1, OrganizationChange{Name: &name}), ErrConflict)
		owning := access.ProjectOwner
		hasProblem(t, s.In(second.ID).ChangeOrganization(ctx, operator, 2, OrganizationChange{DefaultProjectRole: &owning}), "default_project_role")
		if e := must(s.In(second.ID).Events(ctx, EventFilter{Action: string(audit.OrganizationSlugChanged)})); len(e) != 1 || e[0].Changes[0].After != slug {
			t.Errorf("events: %+v", e)
		}
	})
}

func TestAnOrganizationIsDeletedWithAllThatIsInIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, owner := corp(t, s)
		o := must(scope.Organization(ctx))
		elsewhere, _ := anOrganization(t, s, "globex")
		c2 := aConnection(t, s, elsewhere.ID)
		ada := comes(t, s, c, "ada", "ada@corp.test")
		shared := aMember(t, s, o.ID, "shared@else.test", access.OrgMember)
		ok(t, s.write(ctx, elsewhere.ID, operator, func(w *write) error {
			user, err := w.user(shared.UserID)
			if err == nil {
				_, err = w.addMember(user, "console", access.OrgMember)
			}
			return err
		}))
		_, _, err := scope.CreateServiceAccount(ctx, operator, "ci", []access.Role{access.OrgOwner})
		ok(t, err)
		p := aProject(t, s, o.ID, owner)
		session := func(user string, proof Proven) string {
			t.Helper()
			made, _, err := s.StartSession(ctx, operator, NewSession{UserID: user, Proof: proof})
			ok(t, err)
			return made.ID
		}
		byConnection := session(ada.User.ID, Proven{kind: access.ByConnection, connection: c.ID, organization: o.ID, subject: "ada"})
		byPassword := session(shared.UserID, ProvenByPassword("hash of shared@else.test"))

		isError(t, scope.DeleteOrganization(ctx, operator, o.Version), ErrProjectsLeft)
		ok(t, scope.DeleteProject(ctx, operator, p.ID, p.Version))
		isError(t, scope.DeleteOrganization(ctx, operator, o.Version+1), ErrConflict)
		if left := must(scope.Leftovers(ctx)); left.Members != 3 || left.Connections != 1 || left.Domains != 1 || left.ServiceAccounts != 1 || left.Projects != 0 {
			t.Errorf("left: %+v", left)
		}
		before := must(s.LastChange(ctx))
		taken(t, s) // what was told until now
		ok(t, scope.DeleteOrganization(ctx, actorOf(owner), o.Version))

		isError(t, errorOf(s.Organization(ctx, o.ID)), ErrNotFound)
		for _, user := range []string{owner.ID, ada.User.ID, shared.UserID} {
			if _, _, err := s.Entry(ctx, o.ID, Session{UserID: user}); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s may still ask to enter: %v", user, err)
			}
		}
		isError(t, errorOf(s.ConnectionByID(ctx, c.ID)), ErrNotFound)
		if n := count(t, s, "sessions WHERE id = ?", byConnection); n != 0 {
			t.Error("a session that opened nothing else is left")
		}
		if n := count(t, s, "sessions WHERE id = ?", byPassword); n != 1 {
			t.Error("a session by the person's own credential is gone")
		}
		if n := count(t, s, "users WHERE id IN ?", []string{owner.ID, ada.User.ID, shared.UserID}); n != 3 {
			t.Errorf("%d of 3 people are left", n)
		}
		// Elsewhere nothing has changed, and the domain waits for whoever is next.
		if _, _, err := s.Entry(ctx, elsewhere.ID, Session{UserID: shared.UserID}); err != nil {
			t.Errorf("the other organization: %v", err)
		}
		must(s.ConnectionByID(ctx, c2.ID))
		next := must(s.In(elsewhere.ID).ClaimDomain(ctx, operator, "corp.test", "gatehouse.test"))
		if d := must(s.In(elsewhere.ID).RecordDomainCheck(ctx, operator, next.ID, Finding{Proved: true})); d.StateAt(s.Now()) != DomainWaiting {
			t.Errorf("the domain is %s", d.StateAt(s.Now()))
		}
		// It is told: to every node, to the owner, in both chains.
		told := slices.ContainsFunc(must(s.ChangesAfter(ctx, before)), func(c Change) bool { return c.Kind == ChangedOrganization && c.SubjectID == o.ID })
		if !told {
			t.Error("no node hears of it")
		}
		m := onlyLetterTo(t, taken(t, s), "owner@corp.test")
		if len(m.Letter.Lines) != 1 || !strings.Contains(m.Letter.Lines[0], "deleted the organization “corp”") {
			t.Errorf("the owner reads %+v", m.Letter)
		}
		for _, chain := range []string{o.ID, ""} {
			if n := count(t, s, "events WHERE organization_id = ? AND action = ?", chain, audit.OrganizationDeleted); n != 1 {
				t.Errorf("the chain %q has %d events of it", chain, n)
			}
		}
		isError(t, scope.DeleteOrganization(ctx, operator, o.Version), ErrNotFound)
	})
}

// Whatever hangs on an organization goes with it: a new table that points at organizations has a line in endOrganization, or is emptied by another
// table's.
func TestDeletingAnOrganizationKnowsEveryTable(t *testing.T) {
	s := opened(t, Options{Database: migratedFile(t), MasterKey: masterKey(t)})
	var tables []struct{ Name, SQL string }
	ok(t, s.read(t.Context()).Raw("SELECT name, sql FROM sqlite_master WHERE type = 'table'").Scan(&tables).Error)
	points := regexp.MustCompile(`REFERENCES organizations`)
	goesWith := regexp.MustCompile(`REFERENCES (organizations|connections|projects|domains|service_accounts|webhooks) \(id\) ON DELETE CASCADE`)
	source := string(must(os.ReadFile("organization_changes.go")))
	seen := 0
	for _, table := range tables {
		if !points.MatchString(table.SQL) || goesWith.MatchString(table.SQL) || table.Name == "projects" || table.Name == "api_keys" {
			continue // projects are deleted before, with their keys
		}
		seen++
		if !strings.Contains(source, "DELETE FROM "+table.Name+" WHERE") {
			t.Errorf("%s is not emptied", table.Name)
		}
	}
	if seen < 8 {
		t.Errorf("only %d tables were seen", seen)
	}
}
