package store

import (
	"context"
	"errors"
	"testing"
	"time"
)

// What only concerns how a person is called or signs in makes no node forget an API key.
func TestANewNameOrPasswordIsNoChangeToForgetKeysFor(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		_, ada := anOrganization(t, s, "acme")
		aSession(t, s, ada, byPassword(t, s, ada))
		last := must(s.LastChange(ctx))
		ok(t, s.RenameUser(ctx, actorOf(ada), ada.ID, ada.Version, "Ada Lovelace"))
		ok(t, s.SetPassword(ctx, actorOf(ada), ada.ID, hashOf(t, s, ada), "another hash"))
		if changes := must(s.ChangesAfter(ctx, last)); len(changes) != 1 || changes[0].Kind != ChangedSession {
			t.Errorf("told %+v, want the end of a session alone", changes)
		}
	})
}

func TestFollow(t *testing.T) {
	eachAddress(t, func(t *testing.T, address string) {
		options := Options{Database: address, MasterKey: masterKey(t)}
		writer, reader := opened(t, options), opened(t, options)
		o, _ := anOrganization(t, writer, "acme")
		last := must(reader.LastChange(t.Context()))
		ctx, stop := context.WithCancel(t.Context())
		heard, alive, ended := make(chan []Change, 10), make(chan time.Time, 1000), make(chan error)
		go func() {
			ended <- reader.Follow(ctx, time.Millisecond, last, func(c []Change) { heard <- c }, func(at time.Time) { alive <- at })
		}()
		<-alive
		ok(t, writer.SuspendOrganization(t.Context(), operator, o.ID))
		changes := <-heard
		if len(changes) != 1 || changes[0].Kind != ChangedOrganization || changes[0].SubjectID != o.ID || changes[0].Sequence <= last {
			t.Errorf("heard %+v", changes)
		}
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("following ended with %v", err)
		}
	})
}

func TestFollowAfterLongAbsenceForgetsEverything(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		start := s.now()
		calls := 0
		s.now = func() time.Time { // the first asking of the clock is before the absence, the others after
			if calls++; calls == 1 {
				return start
			}
			return start.Add(changesKept + time.Second)
		}
		ctx, stop := context.WithCancel(t.Context())
		var heard []Change
		err := s.Follow(ctx, time.Hour, 0, func(c []Change) { heard = append(heard, c...) }, func(time.Time) { stop() })
		if !errors.Is(err, context.Canceled) || len(heard) == 0 || heard[0].Kind != ChangedEverything {
			t.Errorf("heard %+v, %v", heard, err)
		}
	})
}

func TestSweep(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		rawConnection(t, s, o.ID, "con_1", "active")
		_, used := aSession(t, s, owner, byPassword(t, s, owner))
		aSession(t, s, owner, byPassword(t, s, owner))
		_, _, err := s.MakeWelcome(t.Context(), operator, Welcome{Kind: WelcomeFirstOwner})
		ok(t, err)
		for id, expiry := range map[string]time.Time{"old": s.now().Add(time.Minute), "new": s.now().Add(72 * time.Hour)} {
			behind(t, s, "INSERT INTO spent_assertions (connection_id, assertion_id, expires_at) VALUES ('con_1', ?, ?)", id, expiry)
		}
		ok(t, s.Sweep(t.Context()))
		for table, want := range map[string]int64{"sessions": 2, "welcomes": 1, "spent_assertions": 2} {
			if n := count(t, s, table); n != want {
				t.Errorf("nothing had run out, but %s has %d rows, want %d", table, n, want)
			}
		}
		later(s, 25*time.Minute)
		_, _, err = s.Session(t.Context(), used)
		ok(t, err)
		later(s, 25*time.Minute)
		ok(t, s.Sweep(t.Context()))
		for table, want := range map[string]int64{"sessions": 1, "spent_assertions": 1, "session_proofs": 1} {
			if n := count(t, s, table); n != want {
				t.Errorf("%s has %d rows, want %d", table, n, want)
			}
		}
		events := count(t, s, "events")
		later(s, 8*24*time.Hour)
		ok(t, s.Sweep(t.Context()))
		for table, want := range map[string]int64{"sessions": 0, "welcomes": 0, "changes": 0, "spent_assertions": 0, "events": events} {
			if n := count(t, s, table); n != want {
				t.Errorf("%s has %d rows, want %d", table, n, want)
			}
		}
	})
}
