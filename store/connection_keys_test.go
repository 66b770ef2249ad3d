package store

import (
	"testing"
	"time"
)

// S-54: our keys overlap: both are there until the old one is ended by name, and not by mistake while it is the one that is encrypted to.
func TestS54_OurKeysOverlap(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		other, _ := anOrganization(t, s, "other")
		scope := s.In(o.ID)
		c := aConnection(t, s, o.ID)
		version := func() int64 { return must(scope.Connection(ctx, c.ID)).Version }
		live := func() []KeyPair { return must(s.ConnectionByID(ctx, c.ID)).Keys }
		first := live()[0]
		isError(t, scope.SwitchKey(ctx, operator, c.ID, version()), ErrNotFound)
		isError(t, s.In(other.ID).AddKey(ctx, operator, c.ID, version(), ourKey), ErrNotFound)
		later(s, time.Minute)
		ok(t, scope.AddKey(ctx, operator, c.ID, version(), NewKey{CertificatePEM: []byte("the next certificate"), KeyPEM: []byte("the next key")}))
		isError(t, scope.AddKey(ctx, operator, c.ID, version(), ourKey), ErrConflict)
		if keys := live(); len(keys) != 2 || keys[0].ID != first.ID {
			t.Fatalf("before the switch the old one signs: %d keys", len(keys))
		}
		ok(t, s.NoteOpened(ctx, live(), first.ID))
		later(s, time.Minute)
		ok(t, scope.SwitchKey(ctx, operator, c.ID, version()))
		keys := must(scope.OurKeys(ctx, c.ID))
		if keys[0].ID == first.ID || keys[0].State != KeySigns || keys[1].State != KeyOld || !keys[1].LastEncrypted || keys[0].LastEncrypted || string(live()[0].KeyPEM) != "the next key" {
			t.Fatalf("after the switch: %+v", keys)
		}
		isError(t, scope.RemoveKey(ctx, operator, c.ID, version(), keys[0].ID, true), ErrConflict)
		isError(t, scope.RemoveKey(ctx, operator, c.ID, version(), first.ID, false), ErrKeyInUse)
		later(s, time.Minute)
		ok(t, s.NoteOpened(ctx, live(), keys[0].ID))
		if keys := must(scope.OurKeys(ctx, c.ID)); !keys[0].LastEncrypted || keys[1].LastEncrypted {
			t.Errorf("the identity provider went over to the new one: %+v", keys)
		}
		ok(t, scope.RemoveKey(ctx, operator, c.ID, version(), first.ID, false))
		if keys := live(); len(keys) != 1 || keys[0].ID == first.ID {
			t.Errorf("after the end %d keys", len(keys))
		}
		for _, action := range []string{"connection.key_added", "connection.key_switched", "connection.key_removed"} {
			if n := count(t, s, "events WHERE action = ?", action); n != 1 {
				t.Errorf("%s was told %d times", action, n)
			}
		}
	})
}

func TestAKeyThatIsStillInUseEndsWhenThatIsWanted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		c := aConnection(t, s, o.ID)
		first := must(scope.OurKeys(ctx, c.ID))[0]
		later(s, time.Minute)
		ok(t, scope.AddKey(ctx, operator, c.ID, c.Version, ourKey))
		ok(t, scope.SwitchKey(ctx, operator, c.ID, c.Version+1))
		ok(t, s.NoteOpened(ctx, must(s.ConnectionByID(ctx, c.ID)).Keys, first.ID))
		ok(t, scope.RemoveKey(ctx, operator, c.ID, c.Version+2, first.ID, true))
	})
}
