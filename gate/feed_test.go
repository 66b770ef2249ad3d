package gate

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

func TestK07_RevokedAsSoonAsItIsHeard(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.ProjectEditor)
	w.want("before", Request{Key: text}, Valid)
	w.ok(w.store.In(w.org.ID).RevokeAPIKey(w.ctx, operator, w.project.ID, key.ID))
	w.hear()
	w.want("after", Request{Key: text}, Revoked)
	wrong := secret.NewKeyText(text.Reveal()[5:31])
	w.want("revoked, without its secret", Request{Key: wrong}, NotFound)
}

func TestK07_WhatTheFeedMissedIsReadAgainInTheEnd(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.ProjectEditor)
	w.want("before", Request{Key: text}, Valid)
	w.ok(w.store.In(w.org.ID).RevokeAPIKey(w.ctx, operator, w.project.ID, key.ID))
	w.want("not heard yet", Request{Key: text}, Valid)
	w.pass(longest)
	w.gate.alive(w.now())
	w.want("read again", Request{Key: text}, Revoked)
}

func TestK07_CutOffRefusesAfterFiveSeconds(t *testing.T) {
	w := newWorld(t)
	_, text := w.key("ci", nil, access.ProjectEditor)
	w.want("heard", Request{Key: text}, Valid)
	w.pass(silenceLimit)
	w.want("silent for just five seconds", Request{Key: text}, Valid)
	w.pass(time.Nanosecond)
	if _, err := w.gate.Check(w.ctx, Request{Key: text}); !errors.Is(err, ErrCutOff) || !errors.Is(w.gate.Ready(), ErrCutOff) {
		t.Errorf("silent for longer: %v", err)
	}
	w.hear()
	w.want("heard again", Request{Key: text}, Valid)
	<-w.gate.Heard()
	deaf := w.newGate()
	if err := deaf.Ready(); !errors.Is(err, ErrCutOff) {
		t.Errorf("a gate that has heard nothing yet: %v", err)
	}
	select {
	case <-deaf.Heard():
		t.Error("a gate that has heard nothing says that it has")
	default:
	}
}

// A key that is read while its revocation is heard must not be remembered as it was, wherever in between it is heard.
func TestK07_ReadingWhileForgettingRemembersNothing(t *testing.T) {
	w := newWorld(t)
	g := w.gate
	for name, hear := range map[string]func(reading func(), revoke func()){
		"before the reading":           func(reading, revoke func()) { revoke(); w.hear(); reading() },
		"between reading and keeping":  func(reading, revoke func()) { reading(); revoke(); w.hear() },
		"committed, and heard of late": func(reading, revoke func()) { reading(); revoke(); w.hear(); w.hear() },
	} {
		key, text := w.key(name, nil, access.ProjectEditor)
		n := named(strings.TrimPrefix(key.ID, "key_"))
		start := takeoff{n, g.turns.heard.Load()}
		var read store.KeySnapshot
		hear(func() {
			var err error
			read, err = w.store.KeyByID(w.ctx, key.ID)
			w.ok(err)
		}, func() { w.ok(w.store.In(w.org.ID).RevokeAPIKey(w.ctx, operator, w.project.ID, key.ID)) })
		value, subjects, err := g.keys.from(read, nil)
		w.ok(err)
		g.keys.remember(start, value, subjects)
		w.want(name, Request{Key: text}, Revoked)
	}
}

// That there is nothing of a name is not remembered either when something was heard while it was looked for: it may have been made just then.
func TestK07_ReadingWhileSomethingIsMadeRemembersNoAbsence(t *testing.T) {
	w := newWorld(t)
	made := store.Change{Kind: store.ChangedImportedKeys}
	for i, heard := range [][]store.Change{{made}, nil} { // the second is the honest twin
		n := numbered(i)
		value, err := w.gate.imported.load(w.ctx, takeoff{n, w.gate.turns.heard.Load()}, func(context.Context, takeoff) (none name, of [most]subject, err error) {
			if heard != nil {
				w.gate.forget(heard)
			}
			return none, of, store.ErrNotFound
		})
		w.ok(err)
		if _, known := w.gate.imported.recall(n, w.now()); value != nil || known != (heard == nil) {
			t.Errorf("heard %v: %v, known to be none: %v", heard, value, known)
		}
	}
}

// The counter of all changes moves before that of the thing that changed, so that whoever sees the one at rest and the other moved cannot be.
func TestK07_KeptBetweenTheCountersIsOutdated(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.ProjectEditor)
	n := named(strings.TrimPrefix(key.ID, "key_"))
	start := takeoff{n, w.gate.turns.heard.Load()}
	before, err := w.store.KeyByID(w.ctx, key.ID)
	w.ok(err)
	value, subjects, err := w.gate.keys.from(before, nil)
	w.ok(err)
	w.gate.keys.remember(start, value, subjects)
	w.ok(w.store.In(w.org.ID).RevokeAPIKey(w.ctx, operator, w.project.ID, key.ID))
	w.gate.turns.heard.Add(1)
	w.gate.turns.changed(subject{store.ChangedAPIKey, key.ID})
	w.want("after", Request{Key: text}, Revoked)
}

func TestK07_FollowHearsAnotherProcess(t *testing.T) {
	w := newWorld(t)
	w.clock.Store(0)
	key, text := w.key("ci", nil, access.ProjectEditor)
	ctx, cancel := context.WithCancel(w.ctx)
	var following sync.WaitGroup
	following.Go(func() {
		if err := w.gate.Follow(ctx); err != nil {
			t.Error(err)
		}
	})
	defer following.Wait()
	defer cancel()
	w.until("the gate is ready", func() bool { return w.gate.Ready() == nil })
	w.want("before", Request{Key: text}, Valid)
	w.ok(w.store.In(w.org.ID).RevokeAPIKey(w.ctx, operator, w.project.ID, key.ID))
	began := time.Now()
	w.until("the key is revoked", func() bool { return w.check(Request{Key: text}).Code == Revoked })
	t.Logf("revoked after %s", time.Since(began).Round(time.Millisecond))
}

func TestK08_SuspendedOrganizationAndCreator(t *testing.T) {
	w := newWorld(t)
	_, text := w.key("ci", nil, access.ProjectEditor)
	w.want("before", Request{Key: text}, Valid)
	w.ok(w.store.SuspendOrganization(w.ctx, operator, w.org.ID))
	w.hear()
	w.want("organization suspended", Request{Key: text}, Forbidden)
	w.ok(w.store.ResumeOrganization(w.ctx, operator, w.org.ID))
	w.hear()
	w.want("organization resumed", Request{Key: text}, Valid)
}

func TestK07_WhatIsForgottenForWhichChange(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.ProjectEditor)
	_, elsewhere := w.organization("Other", "bob@other.test")
	snapshot, err := w.store.KeyByID(w.ctx, key.ID)
	w.ok(err)
	n := named(strings.TrimPrefix(key.ID, "key_"))
	for _, row := range []struct {
		change store.Change
		kept   bool
	}{
		{store.Change{Kind: store.ChangedMember, OrganizationID: elsewhere.ID}, true},
		{store.Change{Kind: store.ChangedMember, OrganizationID: w.org.ID, SubjectID: "mem_other"}, true},
		{store.Change{Kind: store.ChangedMember, SubjectID: "usr_other"}, true},
		{store.Change{Kind: store.ChangedProject, OrganizationID: w.org.ID, SubjectID: "prj_other"}, true},
		{store.Change{Kind: store.ChangedOrganization, OrganizationID: elsewhere.ID}, true},
		{store.Change{Kind: store.ChangedServiceAccount, OrganizationID: w.org.ID, SubjectID: "sva_other"}, true},
		{store.Change{Kind: store.ChangedSession, SubjectID: "ses_other"}, true},
		{store.Change{Kind: store.ChangedHost, SubjectID: "hst_other"}, true},
		{store.Change{Kind: store.ChangedConnection, OrganizationID: w.org.ID, SubjectID: "con_other"}, true},
		{store.Change{Kind: store.ChangedPolicy, OrganizationID: w.org.ID, SubjectID: w.org.ID}, true},
		{store.Change{Kind: store.ChangedKeyPolicy, OrganizationID: w.org.ID, SubjectID: w.org.ID}, true},
		{store.Change{Kind: store.ChangedAPIKey, OrganizationID: w.org.ID, SubjectID: "key_other"}, true},
		{store.Change{Kind: store.ChangedAPIKey, OrganizationID: w.org.ID, SubjectID: key.ID}, false},
		{store.Change{Kind: store.ChangedMember, OrganizationID: w.org.ID, SubjectID: snapshot.CreatorMemberID}, false},
		{store.Change{Kind: store.ChangedMember, SubjectID: w.owner.ID}, false},
		{store.Change{Kind: store.ChangedMember, OrganizationID: w.org.ID}, false},
		{store.Change{Kind: store.ChangedProject, OrganizationID: w.org.ID, SubjectID: w.project.ID}, false},
		{store.Change{Kind: store.ChangedOrganization, OrganizationID: w.org.ID, SubjectID: w.org.ID}, false},
		{store.Change{Kind: "of a later version", OrganizationID: w.org.ID}, false},
		{store.Change{Kind: "of a later version"}, false},
		{store.Change{Kind: store.ChangedEverything}, false},
	} {
		w.want("valid", Request{Key: text}, Valid)
		w.gate.forget([]store.Change{row.change})
		if _, known := w.gate.keys.recall(n, w.now()); known != row.kept {
			t.Errorf("%+v: remembered is %v", row.change, known)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.ProjectEditor)
	var together sync.WaitGroup
	var revoked atomic.Bool
	for range 8 {
		together.Go(func() {
			for range 200 {
				heard := revoked.Load()
				result, err := w.gate.Check(w.ctx, Request{Key: text})
				if err != nil || heard && result.Valid {
					t.Errorf("%s, %v, although its revocation was heard: %v", result.Code, err, heard)
					return
				}
			}
		})
	}
	w.ok(w.store.In(w.org.ID).RevokeAPIKey(w.ctx, operator, w.project.ID, key.ID))
	w.hear()
	revoked.Store(true)
	together.Wait()
	w.want("in the end", Request{Key: text}, Revoked)
}
