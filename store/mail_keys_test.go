package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
)

func TestTellOfKeys(t *testing.T) {
	const day = 24 * time.Hour
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		member := aMember(t, s, o.ID, "dev@acme.test", access.OrgManager)
		dev := must(s.User(t.Context(), member.UserID))
		p, err := scope.CreateProject(t.Context(), actorOf(owner), "Search", access.Serverless, owner.ID)
		ok(t, err)
		ok(t, scope.SetProjectRoles(t.Context(), actorOf(owner), p.ID, member.ID, []access.Role{access.ProjectOwner}))
		ends := func(in time.Duration) *time.Time { at := s.Now().Add(in); return &at }
		create := func(name string, creator User, independent bool, expires *time.Time) {
			_, _, err := scope.CreateAPIKey(t.Context(), actorOf(creator), NewAPIKey{ProjectID: p.ID, Name: name, Roles: []access.Role{access.ProjectEditor},
				CreatorKind: principalUser, CreatorID: creator.ID, Independent: independent, ExpiresAt: expires})
			ok(t, err)
		}
		create("long", dev, false, ends(100*day))
		create("short", dev, false, ends(10*day)) // made for no longer: 14 days before is no news
		create("project's", owner, true, ends(100*day))
		told := func(want ...string) {
			t.Helper()
			for range 2 { // once each
				ok(t, s.TellOfKeys(t.Context()))
			}
			sent := taken(t, s)
			var got []string
			for _, m := range sent {
				if m.Kind == MailKeys {
					for _, line := range m.Letter.Lines {
						got = append(got, m.Letter.To+": "+line)
					}
				}
			}
			for _, part := range want {
				found := false
				for i, line := range got {
					to, words, _ := strings.Cut(part, "|")
					if strings.HasPrefix(line, to+": ") && strings.Contains(line, words) {
						got, found = append(got[:i:i], got[i+1:]...), true
						break
					}
				}
				if !found {
					t.Errorf("nobody was told %s", part)
				}
			}
			if len(got) > 0 {
				t.Errorf("beyond what is wanted: %q", got)
			}
		}
		taken(t, s)
		told()
		later(s, 4*day) // 6 days of “short” left
		told("dev@acme.test|“short” in the project “Search” expires on")
		later(s, 5*day+time.Hour) // less than a day of it
		told("dev@acme.test|“short”")
		later(s, 5*day)
		told()
		later(s, 73*day) // 12.9 days of the others left; unused for more than 90 in 3
		told("dev@acme.test|“long” in the project “Search” expires on", "dev@acme.test|“project's” in the project “Search” expires on", "owner@acme.test|“project's”")
		later(s, 4*day)
		told("dev@acme.test|“long” in the project “Search” has not been used", "dev@acme.test|“project's” in the project “Search” has not been used", "owner@acme.test|“project's”")
		ok(t, scope.SuspendMember(t.Context(), actorOf(owner), member.ID, must(scope.Member(t.Context(), member.ID)).Version))
		taken(t, s)
		later(s, 3*day)
		told("owner@acme.test|“long”", "owner@acme.test|“project's”")
		ok(t, s.SuspendOrganization(t.Context(), operator, o.ID))
		later(s, 5*day+12*time.Hour)
		told()
	})
}

// Every key is told of once, however many there are, and of those that another node has told of meanwhile nothing is said.
func TestTellOfManyKeys(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		p := aProject(t, s, o.ID, owner)
		manyKeys(t, s, p, owner.ID, 2*keysToldAtOnce+1)
		later(s, 91*24*time.Hour)
		about := warnings[len(warnings)-1]
		first := must(s.agingKeys(t.Context(), about, ""))
		ok(t, s.unrecorded(t.Context(), func(tx *gorm.DB) error {
			return (&write{DB: tx, store: s, now: s.now()}).warn(about, first)
		}))
		taken(t, s)
		ok(t, s.unrecorded(t.Context(), func(tx *gorm.DB) error { // read before the other node wrote
			return (&write{DB: tx, store: s, now: s.now()}).warn(about, first)
		}))
		ok(t, s.TellOfKeys(t.Context()))
		ok(t, s.TellOfKeys(t.Context()))
		said := 0
		for _, m := range taken(t, s) {
			if m.Kind != MailKeys {
				continue
			}
			if said += len(m.Letter.Lines); len(m.Letter.Lines) > linesALetter {
				var more int
				must(fmt.Sscanf(m.Letter.Lines[linesALetter], "So it is with %d more.", &more))
				said += more - 1
			}
		}
		if said != keysToldAtOnce+1 {
			t.Errorf("%d keys were told of, want %d", said, keysToldAtOnce+1)
		}
	})
}
