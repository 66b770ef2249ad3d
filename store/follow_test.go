package store

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/porttest"
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

// follower follows one store and hands out what it hears.
type follower struct {
	heard chan []Change
	alive chan time.Time
	ended chan error
	stop  context.CancelFunc
}

// follow begins to follow from here on, and returns once it does.
func follow(t *testing.T, s *Store, every time.Duration) follower {
	t.Helper()
	last := must(s.LastChange(t.Context()))
	ctx, stop := context.WithCancel(t.Context())
	f := follower{heard: make(chan []Change, 100), alive: make(chan time.Time, 100_000), ended: make(chan error, 1), stop: stop}
	go func() {
		f.ended <- s.Follow(ctx, every, last, func(c []Change) { f.heard <- c }, func(at time.Time) { f.alive <- at })
	}()
	<-f.alive
	t.Cleanup(func() {
		stop()
		if err := <-f.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("following ended with %v", err)
		}
	})
	return f
}

// hears waits for one change, of that subject.
func (f follower) hears(t *testing.T, subject string) {
	t.Helper()
	if changes := <-f.heard; len(changes) != 1 || changes[0].SubjectID != subject || changes[0].Sequence == 0 {
		t.Errorf("heard %+v, want %s", changes, subject)
	}
}

// Writes of another process are heard by asking now and then, and on PostgreSQL at once.
func TestFollowHearsOtherProcesses(t *testing.T) {
	eachAddress(t, func(t *testing.T, address string) {
		options := Options{Database: address, MasterKey: masterKey(t)}
		writer, reader := opened(t, options), opened(t, options)
		o, _ := anOrganization(t, writer, "acme")
		every := time.Millisecond
		if reader.dialect == onPostgreSQL {
			every = time.Hour
		}
		f := follow(t, reader, every)
		for range 10 {
			ok(t, writer.SuspendOrganization(t.Context(), operator, o.ID))
			f.hears(t, o.ID)
			ok(t, writer.ResumeOrganization(t.Context(), operator, o.ID))
			f.hears(t, o.ID)
		}
	})
}

// Writes of this process are heard at once, by all who follow.
func TestFollowHearsThisProcessAtOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		one, another := follow(t, s, time.Hour), follow(t, s, time.Hour)
		ok(t, s.SuspendOrganization(t.Context(), operator, o.ID))
		one.hears(t, o.ID)
		another.hears(t, o.ID)
	})
}

// A change of which no notification arrives, as behind some poolers, is heard by asking.
func TestFollowNeedsNoNotification(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		f := follow(t, s, time.Millisecond)
		behind(t, s, "INSERT INTO changes (kind, organization_id, subject_id, at) VALUES ('organization', 'org_1', 'org_1', ?)", s.now())
		f.hears(t, "org_1")
	})
}

// A follower whose connection is taken away makes another, on which it listens again.
func TestFollowListensAgainAfterItsConnectionBroke(t *testing.T) {
	s := opened(t, Options{Database: migrated.Database(t), MasterKey: masterKey(t)})
	o, _ := anOrganization(t, s, "acme")
	f := follow(t, s, 10*time.Millisecond)
	behind(t, s, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%changes%'")
	from := time.Now()
	for at := range f.alive {
		if at.After(from) {
			break
		}
	}
	ok(t, s.SuspendOrganization(t.Context(), operator, o.ID))
	f.hears(t, o.ID)
}

// While the database does not answer there is no sign of life, whatever the notifications did before; afterwards there is at once.
func TestK07_OnlyAnAnswerIsASignOfLife(t *testing.T) {
	address := must(url.Parse(migrated.Database(t)))
	relay := must(porttest.NewRelay(address.Host))
	t.Cleanup(func() { ok(t, relay.Close()) })
	direct := opened(t, Options{Database: address.String(), MasterKey: masterKey(t)})
	o, _ := anOrganization(t, direct, "acme")
	address.Host = relay.Address()
	far := &Store{now: direct.now, log: slog.New(slog.DiscardHandler)}
	ok(t, far.connect(t.Context(), Options{Database: address.String()}))
	t.Cleanup(func() { ok(t, far.Close()) })

	f := follow(t, far, time.Millisecond)
	relay.Cut()
	ok(t, direct.SuspendOrganization(t.Context(), operator, o.ID))
	cut := direct.now()
	silence := time.After(askLimit / 2)
	for quiet := false; !quiet; {
		select {
		case at := <-f.alive:
			if at.After(cut) {
				t.Fatalf("alive at %s, cut at %s", at, cut)
			}
		case changes := <-f.heard:
			t.Fatalf("heard %+v through a cut", changes)
		case <-silence:
			quiet = true
		}
	}
	relay.Mend()
	f.hears(t, o.ID)
	for at := range f.alive {
		if at.After(cut) {
			break
		}
	}
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
