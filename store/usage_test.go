package store

import (
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
)

func TestUsageByMonth(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		now := time.Date(2026, 1, 2, 0, 30, 0, 0, time.UTC) // what came before the year belongs to another month
		s.now = func() time.Time { return now }
		o, owner := anOrganization(t, s, "acme")
		other, stranger := anOrganization(t, s, "globex")
		aVerifiedDomain(t, s, o.ID, "corp.test")
		c := aConnection(t, s, o.ID)
		key, _ := aKey(t, s, aProject(t, s, o.ID, owner), owner, "a", access.ProjectEditor)
		theirs, _ := aKey(t, s, aProject(t, s, other.ID, stranger), stranger, "b", access.ProjectEditor)
		ok(t, s.RecordKeyUses(ctx, []KeyUse{
			{KeyID: key.ID, Day: "2026-01-02", Requests: 5, Refusals: 1}, {KeyID: key.ID, Day: "2026-01-01", Requests: 7},
			{KeyID: key.ID, Day: "2025-12-31", Requests: 11, Refusals: 11}, {KeyID: key.ID, Day: "2025-10-31", Requests: 1000},
			{KeyID: theirs.ID, Day: "2026-01-02", Requests: 9999},
		}))
		for i, person := range []string{"bob", "ada", "ada"} {
			if now = time.Date(2026, 1, 2, 0, 30, 0, 0, time.UTC); i == 0 {
				now = now.Add(-25 * time.Hour)
			}
			login, identity := arrived(t, s, c, person, person+"@corp.test")
			_, refusal, err := s.ResolvePerson(ctx, operator, identity, login.ID)
			if ok(t, err); refusal != nil {
				t.Fatal(refusal)
			}
		}
		begun(t, s, c, secret.NewToken())

		scope := s.In(o.ID)
		usage := must(scope.Usage(ctx, 3))
		for i, want := range []MonthUsage{
			{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 12, 1, 2, 1},
			{time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC), 11, 11, 1, 1},
			{time.Date(2025, 11, 1, 0, 0, 0, 0, time.UTC), 0, 0, 0, 0},
		} {
			if len(usage) != 3 || usage[i] != want {
				t.Errorf("month %d: %+v, want %+v", i, usage, want)
			}
		}
		if days := must(scope.KeyChecks(ctx, 3)); len(days) != 3 || days[0] != (KeyDay{"2025-12-31", 11, 11}) || days[2] != (KeyDay{"2026-01-02", 5, 1}) {
			t.Errorf("the last days are %+v", days)
		}
		// What was counted stays counted when what it was counted of goes.
		project := must(scope.Project(ctx, key.ProjectID))
		ok(t, scope.DeleteProject(ctx, operator, project.ID, project.Version))
		if after := must(scope.Usage(ctx, 3)); !slices.Equal(after, usage) {
			t.Errorf("with the project went what had been counted: %+v, before %+v", after, usage)
		}
		if days := must(scope.KeyChecks(ctx, 1)); len(days) != 1 || days[0] != (KeyDay{"2026-01-02", 5, 1}) {
			t.Errorf("with the project went the days: %+v", days)
		}
		if got := must(s.In(other.ID).Usage(ctx, 1)); got[0].Checks != 9999 || got[0].Logins != 0 {
			t.Errorf("the other organization has %+v", got)
		}
	})
}
