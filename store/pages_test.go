package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// turned walks a list from its beginning to its end by pages, and back, and fails where the way back does not meet the same rows. It returns the
// ids in the order of the way there.
func turned[T any](t *testing.T, size int, id func(T) string, page func(after, before string) []T) []string {
	t.Helper()
	var there, back []string
	for after := ""; ; {
		rows := page(after, "")
		for _, row := range rows {
			there = append(there, id(row))
		}
		if len(rows) < size {
			break
		}
		after = there[len(there)-1]
	}
	for before := there[len(there)-1]; ; before = back[0] {
		rows := page("", before)
		found := make([]string, len(rows))
		for i, row := range rows {
			found[i] = id(row)
		}
		back = slices.Concat(found, back)
		if len(rows) < size {
			break
		}
	}
	if !slices.Equal(append(back, there[len(there)-1]), there) {
		t.Errorf("there by pages: %v\nand back: %v", there, back)
	}
	sorted := slices.Clone(there)
	slices.Sort(sorted)
	if len(slices.Compact(sorted)) != len(there) {
		t.Errorf("a row was on two pages: %v", there)
	}
	return there
}

func TestProjectsByName_PagesMeet(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		other, stranger := anOrganization(t, s, "globex")
		scope := s.In(o.ID)
		ada := aMember(t, s, o.ID, "ada@acme.test", access.OrgMember)
		var hers []string
		// Names that are equal but for their case stand by one another: their ids decide.
		for i, name := range []string{"same", "Zebra", "Same", "SAME", "apple", "100%", "samE", "sAme"} {
			p := must(scope.CreateProject(t.Context(), actorOf(owner), name, access.Serverless, owner.ID))
			if i%2 == 0 {
				ok(t, scope.SetProjectRoles(t.Context(), operator, p.ID, ada.ID, []access.Role{access.ProjectViewer, access.DataPlaneViewer}))
				hers = append(hers, p.ID)
			}
		}
		must(s.In(other.ID).CreateProject(t.Context(), operator, "same", access.Serverless, stranger.ID))
		whole := must(scope.ProjectsByName(t.Context(), ProjectFilter{}))
		var all []string
		for i, p := range whole {
			all = append(all, p.ID)
			if i > 0 && strings.ToLower(whole[i-1].Name) > strings.ToLower(p.Name) {
				t.Errorf("%s stands before %s", whole[i-1].Name, p.Name)
			}
		}
		filters := map[string]struct {
			filter ProjectFilter
			want   int
		}{
			"all": {ProjectFilter{}, 8}, "hers": {ProjectFilter{Of: ada.UserID}, 4}, "same": {ProjectFilter{Search: " SAM"}, 5},
			"hers with same": {ProjectFilter{Of: ada.UserID, Search: "same"}, 3}, "a sign": {ProjectFilter{Search: "%"}, 1}, "the middle": {ProjectFilter{Search: "ppl"}, 1},
		}
		for name, sought := range filters {
			for size := 1; size <= 3; size++ {
				found := turned(t, size, func(p Project) string { return p.ID }, func(after, before string) []Project {
					f := sought.filter
					f.After, f.Before, f.Limit = after, before, size
					return must(scope.ProjectsByName(t.Context(), f))
				})
				inOrder := slices.DeleteFunc(slices.Clone(all), func(id string) bool { return !slices.Contains(found, id) })
				if len(found) != sought.want || !slices.Equal(found, inOrder) {
					t.Errorf("%s by %d: %v, want %d in the order %v", name, size, found, sought.want, all)
				}
				if sought.filter.Of != "" && slices.ContainsFunc(found, func(id string) bool { return !slices.Contains(hers, id) }) {
					t.Errorf("%s by %d: %v, hers are %v", name, size, found, hers)
				}
			}
		}
		if found := must(scope.ProjectsByName(t.Context(), ProjectFilter{Search: "nothing"})); len(found) != 0 {
			t.Errorf("a search for nothing finds %+v", found)
		}
		if found := must(s.In(other.ID).ProjectsByID(t.Context(), all)); len(found) != 0 {
			t.Errorf("by id, another organization's were found: %+v", found)
		}
		if found := must(scope.ProjectsByID(t.Context(), all[2:4])); len(found) != 2 || found[0].ID != all[2] || found[1].ID != all[3] {
			t.Errorf("by id: %+v", found)
		}
	})
}

func TestMembers_PagesMeet(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		p := must(scope.CreateProject(t.Context(), actorOf(owner), "Search", access.Serverless, owner.ID))
		elsewhere := must(scope.CreateProject(t.Context(), actorOf(owner), "Elsewhere", access.Serverless, owner.ID))
		robot, _, err := scope.CreateServiceAccount(t.Context(), operator, "robot", []access.Role{access.OrgMember})
		ok(t, err)
		ok(t, scope.SetServiceAccountProjectRoles(t.Context(), operator, p.ID, robot.ID, robot.Version, []access.Role{access.ProjectViewer}))
		for i := range 6 {
			m := aMember(t, s, o.ID, fmt.Sprintf("m%d@acme.test", i), access.OrgMember)
			if i != 3 {
				ok(t, scope.SetProjectRoles(t.Context(), operator, p.ID, m.ID, []access.Role{access.ProjectViewer, access.DataPlaneViewer}))
			}
			ok(t, scope.SetProjectRoles(t.Context(), operator, elsewhere.ID, m.ID, []access.Role{access.ProjectOwner}))
		}
		for size := 1; size <= 4; size++ {
			all := turned(t, size, func(m Member) string { return m.ID }, func(after, before string) []Member {
				return must(scope.Members(t.Context(), MemberFilter{After: after, Before: before, Limit: size}))
			})
			if len(all) != 7 {
				t.Errorf("by %d: %d members", size, len(all))
			}
			some := turned(t, size, func(m Member) string { return m.UserID }, func(after, before string) []Member {
				return must(scope.ProjectMembers(t.Context(), p.ID, MemberFilter{After: after, Before: before, Limit: size}))
			})
			if len(some) != 6 {
				t.Errorf("by %d: %d members of the project, people alone, each once", size, len(some))
			}
		}
		for _, m := range must(scope.ProjectMembers(t.Context(), p.ID, MemberFilter{})) {
			if len(m.ProjectRoles) != 1 || len(m.ProjectRoles[p.ID]) == 0 {
				t.Errorf("%s has the roles %v; those of this project were asked for", m.Email, m.ProjectRoles)
			}
		}
		if n := must(scope.CountProjectMembers(t.Context(), p.ID)); n != 6 {
			t.Errorf("the project has %d members", n)
		}
		if n := must(scope.CountProjectsOf(t.Context(), owner.ID)); n != 2 {
			t.Errorf("the owner has roles in %d projects", n)
		}
		stranger, _ := anOrganization(t, s, "globex")
		if n := must(s.In(stranger.ID).CountProjectMembers(t.Context(), p.ID)); n != 0 {
			t.Errorf("another organization counts %d members of the project", n)
		}
		if roles := must(s.In(stranger.ID).ProjectRolesOf(t.Context(), owner.ID, p.ID)); len(roles) != 0 {
			t.Errorf("another organization reads the roles %v", roles)
		}
		if roles := must(scope.ProjectRolesOf(t.Context(), owner.ID, p.ID)); !slices.Equal(roles[p.ID], []access.Role{access.ProjectOwner}) || len(roles) != 1 {
			t.Errorf("the owner's roles in the project: %v", roles)
		}
	})
}

func TestCountsStopAtMostCounted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		scope, c := s.In(o.ID), aConnection(t, s, o.ID)
		ada := aMember(t, s, o.ID, "ada@acme.test", access.OrgMember)
		if n := must(scope.CountMembers(t.Context(), "")); n != 2 {
			t.Errorf("%d members", n)
		}
		// Copies of one row behind the store's back: written one by one through it they would take a minute.
		number := "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100) "
		behind(t, s, number+"INSERT INTO users (id, email, canonical_email, email_domain, name, created_at, updated_at, version) SELECT u.id || i, u.email || i, u.canonical_email || i, u.email_domain, u.name, u.created_at, u.updated_at, 1 FROM users u, n WHERE u.id = ?", ada.UserID)
		behind(t, s, number+"INSERT INTO members (id, organization_id, user_id, created_at, updated_at, version) SELECT m.id || i, m.organization_id, m.user_id || i, m.created_at, m.updated_at, 1 FROM members m, n WHERE m.id = ?", ada.ID)
		ok(t, s.listUnlisted(t.Context()))
		behind(t, s, number+"INSERT INTO identities (connection_id, subject, organization_id, user_id, email, linked_by, linked_at) SELECT c.id, 'subject ' || i, c.organization_id, u.id || i, u.email || i, 'login', u.created_at FROM users u, connections c, n WHERE u.id = ? AND c.id = ?", ada.UserID, c.ID)
		for search, want := range map[string]int64{"": MostCounted + 1, "ada@": MostFound + 1, "ada@acme.test": 1, "ada@acme.test1100": 1, "nobody": 0} {
			if n := must(scope.CountMembers(t.Context(), search)); n != want {
				t.Errorf("%q counts %d members, want %d", search, n, want)
			}
		}
		if n := must(scope.CountIdentities(t.Context(), c.ID)); n != MostCounted+1 {
			t.Errorf("%d identities", n)
		}
		preview := must(scope.EnforcementPreview(t.Context(), access.EnforceAll, ada.UserID))
		if preview.CoveredCount != 1100 || len(preview.Covered) != 200 || preview.AllSessions {
			t.Errorf("the preview counts %d and shows %d", preview.CoveredCount, len(preview.Covered))
		}
	})
}

// The tally of logins by month says what counting the finished ones says, and goes on saying it when records of logins go.
func TestLoginMonthsAgreeWithLogins(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		now := time.Date(2026, 1, 31, 23, 58, 0, 0, time.UTC)
		s.now = func() time.Time { return now }
		o, _ := anOrganization(t, s, "acme")
		other, _ := anOrganization(t, s, "globex")
		aVerifiedDomain(t, s, o.ID, "corp.test")
		c, second := aConnection(t, s, o.ID), aConnection(t, s, o.ID)
		logIn := func(c Connection, person string, later time.Duration) {
			t.Helper()
			login, identity := arrived(t, s, c, person, person+"@corp.test")
			now = now.Add(later)
			_, refusal, err := s.ResolvePerson(ctx, operator, identity, login.ID)
			if ok(t, err); refusal != nil {
				t.Fatal(refusal)
			}
			_, _, err = s.ResolvePerson(ctx, operator, identity, login.ID) // nobody finishes a login twice
			isError(t, err, ErrConflict)
		}
		agree := func(when string) {
			t.Helper()
			month := "substr(ended_at, 1, 7)"
			if s.dialect == onPostgreSQL {
				month = "to_char(ended_at AT TIME ZONE 'UTC', 'YYYY-MM')"
			}
			for _, u := range must(s.In(o.ID).Usage(ctx, 2)) {
				where := "FROM logins WHERE organization_id = ? AND kind = ? AND state = ? AND " + month + " = ?"
				var logins, people int64
				ok(t, s.read(ctx).Raw("SELECT COUNT(*) "+where, o.ID, RealLogin, LoginFinished, monthOf(u.Month)).Scan(&logins).Error)
				ok(t, s.read(ctx).Raw("SELECT COUNT(DISTINCT user_id) "+where, o.ID, RealLogin, LoginFinished, monthOf(u.Month)).Scan(&people).Error)
				if u.Logins != logins || u.People != people || logins == 0 {
					t.Errorf("%s, %s: the tally has %d of %d people, the logins are %d of %d", when, monthOf(u.Month), u.Logins, u.People, logins, people)
				}
			}
		}
		logIn(c, "ada", 0)
		logIn(c, "ada", 0)
		logIn(c, "bob", 3*time.Minute) // begun in January, in in February
		logIn(second, "cy", 0)
		logIn(second, "ada", 0)
		agree("after logins")

		// What is no login of a person counts nowhere: one under way, one refused, one that only tests.
		begun(t, s, c, secret.NewToken())
		refusedLogin, stranger := arrived(t, s, c, "eve", "eve@elsewhere.test")
		_, refusal, err := s.ResolvePerson(ctx, operator, stranger, refusedLogin.ID)
		if ok(t, err); refusal == nil {
			t.Error("a stranger came in")
		}
		agree("after what is no login")

		now = now.Add(time.Hour)
		ok(t, s.Sweep(ctx))
		agree("after a sweep of what nobody answered")

		before := must(s.In(o.ID).Usage(ctx, 2))
		bob := must(s.In(o.ID).Members(ctx, MemberFilter{Search: "bob@corp.test"}))[0]
		ok(t, s.In(o.ID).RemoveMember(ctx, operator, bob.ID, bob.Version))
		agree("after a person left")
		behind(t, s, "DELETE FROM logins WHERE connection_id = ?", second.ID) // as they go with their connection
		if after := must(s.In(o.ID).Usage(ctx, 2)); !slices.Equal(before, after) {
			t.Errorf("with the records went what had been counted: %+v, before %+v", after, before)
		}
		if got := must(s.In(other.ID).Usage(ctx, 1)); got[0].Logins != 0 {
			t.Errorf("the other organization has %+v", got)
		}

		now = now.AddDate(0, 0, 390) // the first of the two months is over long enough, the second is not
		ok(t, s.Sweep(ctx))
		if n := count(t, s, "login_months WHERE month = '2026-02'"); n == 0 {
			t.Error("a month went too soon")
		}
		now = now.AddDate(0, 0, 60)
		ok(t, s.Sweep(ctx))
		if n := count(t, s, "login_months"); n != 0 {
			t.Errorf("%d counts are kept longer than the logins", n)
		}
	})
}
