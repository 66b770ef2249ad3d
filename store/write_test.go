package store

import (
	"errors"
	"fmt"
	"testing"

	"github.com/gatehouse-sso/gatehouse/audit"
)

func TestWriteWithoutEventIsUndone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		err := s.write(t.Context(), o.ID, operator, func(w *write) error {
			return w.change(&Organization{}, o.ID, 1, columns{"name": "Quiet"})
		})
		if !errors.Is(err, errSilentWrite) {
			t.Errorf("got %v, want %v", err, errSilentWrite)
		}
		if after := must(s.Organization(t.Context(), o.ID)); after.Name != "acme" || after.Version != 1 {
			t.Errorf("a write without an event stayed: %+v", after)
		}
	})
}

func TestBrokenWriteLeavesNothingHalfWritten(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		owner := aUser(t, s, "ada@acme.test")
		tables := []string{"organizations", "sign_in_policies", "members", "role_bindings", "events", "changes"}
		before := map[string]int64{}
		for _, table := range tables {
			before[table] = count(t, s, table)
		}

		behind(t, s, "ALTER TABLE changes RENAME TO elsewhere") // the last thing that a write writes now fails
		if _, err := s.CreateOrganization(t.Context(), operator, "Acme", owner.ID); err == nil {
			t.Fatal("a write without its changes was acknowledged")
		}
		behind(t, s, "ALTER TABLE elsewhere RENAME TO changes")

		for _, table := range tables {
			if after := count(t, s, table); after != before[table] {
				t.Errorf("%s has %d rows, want %d as before", table, after, before[table])
			}
		}
		_, err := s.CreateOrganization(t.Context(), operator, "Acme", owner.ID) // the honest twin
		ok(t, err)
	})
}

func TestX10_ChainHoldsUnderConcurrency(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		for _, err := range atOnce(20, func(i int) error {
			_, err := s.In(o.ID).CreateProject(t.Context(), operator, fmt.Sprint("project ", i), "serverless", must(s.UserByAddress(t.Context(), address("owner@acme.test"))).ID)
			return err
		}) {
			ok(t, err)
		}
		if broken := must(s.VerifyEvents(t.Context(), o.ID)); broken != nil {
			t.Errorf("the chain is broken: %+v", broken)
		}
		if events := must(s.In(o.ID).Events(t.Context(), EventFilter{Limit: 200})); len(events) != 22 || events[0].Sequence != 22 {
			t.Errorf("%d events, the last with number %d; want 22", len(events), events[0].Sequence)
		}
	})
}

// unlocked takes the triggers away that keep events from changing: what somebody with the database's password could do.
func unlocked(t *testing.T, s *Store) {
	t.Helper()
	if s.dialect == onPostgreSQL {
		behind(t, s, "ALTER TABLE events DISABLE TRIGGER USER")
		return
	}
	behind(t, s, "DROP TRIGGER events_never_change")
	behind(t, s, "DROP TRIGGER events_never_go")
}

func TestX10_TamperedEventIsNamed(t *testing.T) {
	for _, tampering := range []struct {
		name, statement string
		broken          int64 // the sequence number that the verifier names, 0 for none
	}{
		{"honest twin", "UPDATE events SET reason = reason WHERE sequence = 2", 0},
		{"actor", "UPDATE events SET actor_name = 'Mallory' WHERE sequence = 2", 2},
		{"targets", "UPDATE events SET targets = '[]' WHERE sequence = 2", 2},
		{"not JSON", "UPDATE events SET changes = 'x' WHERE sequence = 2", 2},
		{"hash", "UPDATE events SET hash = previous_hash WHERE sequence = 2", 2},
		{"gone", "DELETE FROM events WHERE sequence = 2", 3},
		{"first gone", "DELETE FROM events WHERE sequence = 1", 2},
	} {
		t.Run(tampering.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *Store) {
				o, _ := anOrganization(t, s, "acme")
				ok(t, s.In(o.ID).ChangeOrganization(t.Context(), operator, 1, OrganizationChange{Name: new("Acme")}))
				unlocked(t, s)
				behind(t, s, tampering.statement+" AND organization_id = ?", o.ID)
				broken, err := s.VerifyEvents(t.Context(), o.ID)
				ok(t, err)
				switch {
				case tampering.broken == 0 && broken != nil:
					t.Errorf("an untouched chain is broken: %+v", broken)
				case tampering.broken != 0 && (broken == nil || broken.Sequence != tampering.broken):
					t.Errorf("got %+v, want event %d", broken, tampering.broken)
				}
			})
		})
	}
}

func TestX10_EventsAreAppendOnly(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		statements := []string{"UPDATE events SET reason = 'x'", "DELETE FROM events"}
		if s.dialect == onPostgreSQL {
			statements = append(statements, "TRUNCATE events")
		}
		for _, statement := range statements {
			if err := s.writer.WithContext(t.Context()).Exec(statement).Error; err == nil {
				t.Errorf("%s was let through", statement)
			}
		}
		ok(t, s.In(o.ID).ChangeOrganization(t.Context(), operator, 1, OrganizationChange{Name: new("Acme")})) // the honest twin: adding is allowed
	})
}

func TestEventsPageAndFilter(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		for i := range 5 {
			ok(t, scope.ChangeOrganization(t.Context(), actorOf(owner), int64(i+1), OrganizationChange{Name: new(fmt.Sprint("Acme ", i))}))
		}
		first := must(scope.Events(t.Context(), EventFilter{Limit: 3}))
		second := must(scope.Events(t.Context(), EventFilter{Limit: 3, Before: first[2].Sequence}))
		back := must(scope.Events(t.Context(), EventFilter{Limit: 3, After: second[0].Sequence}))
		if first[0].Sequence != 7 || second[0].Sequence != 4 || back[0].Sequence != 7 || back[2].Sequence != 5 {
			t.Errorf("pages begin at %d and %d, back at %d to %d", first[0].Sequence, second[0].Sequence, back[0].Sequence, back[2].Sequence)
		}
		for want, f := range map[int]EventFilter{
			5: {Action: "organization.renamed"},
			6: {Action: "organization"},
			1: {Action: "member"},
			2: {ActorID: "", Until: s.Now().Add(1), Action: "organization.renamed", Limit: 2},
			0: {Action: "organ"},
		} {
			if got := must(scope.Events(t.Context(), f)); len(got) != want {
				t.Errorf("%+v finds %d events, want %d", f, len(got), want)
			}
		}
		if got := must(scope.Events(t.Context(), EventFilter{ActorID: owner.ID})); len(got) != 5 || got[0].Actor.Name != owner.Name || got[0].Changes[0].Before != "Acme 3" {
			t.Errorf("the owner's events: %+v", got)
		}
		if got := must(scope.Events(t.Context(), EventFilter{Outcome: string(audit.Refused)})); len(got) != 0 {
			t.Errorf("refused events: %+v", got)
		}
	})
}
