package gate

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

func numbered(i int) (n name) {
	binary.BigEndian.PutUint64(n[:], uint64(i)+1)
	return n
}

func newNumbers(t *testing.T) (*memory[int], *turns) {
	t.Helper()
	changes := newTurns()
	m, err := newMemory[int](Options{Now: time.Now}, changes)
	if err != nil {
		t.Fatal(err)
	}
	return m, changes
}

// asked reads a number and counts how often it is asked to, waiting for until if that is not nil.
func asked(times *atomic.Int64, until chan struct{}) reading[int] {
	return func(ctx context.Context, start takeoff) (int, [most]subject, error) {
		times.Add(1)
		if until != nil {
			<-until
		}
		return 7, [most]subject{{store.ChangedAPIKey, "key_7"}}, ctx.Err()
	}
}

func TestManyWhoAskForTheSameShareOneRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _ := newNumbers(t)
		var times atomic.Int64
		until := make(chan struct{})
		impatient, leave := context.WithCancel(t.Context())
		var together sync.WaitGroup
		var left atomic.Int64
		for i := range 50 {
			ctx := t.Context()
			if i%10 == 0 {
				ctx = impatient
			}
			together.Go(func() {
				value, err := m.learn(ctx, numbered(0), asked(&times, until))
				switch {
				case errors.Is(err, context.Canceled):
					left.Add(1)
				case err != nil || *value != 7:
					t.Errorf("%v, %v", value, err)
				}
			})
		}
		synctest.Wait() // one reads, the others wait for it
		leave()
		synctest.Wait()
		close(until)
		together.Wait()
		if times.Load() != 1 || left.Load() > 5 {
			t.Errorf("%d reads, %d left", times.Load(), left.Load())
		}
		if value, known := m.recall(numbered(0), time.Now()); !known || *value != 7 {
			t.Error("it is not remembered")
		}
	})
}

// TestK07_WhoAsksAfterAChangeDoesNotJoinAReadFromBefore: what that one brings may be from before the change.
func TestK07_WhoAsksAfterAChangeDoesNotJoinAReadFromBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, changes := newNumbers(t)
		var times atomic.Int64
		until := make(chan struct{})
		var together sync.WaitGroup
		read := func() {
			if _, err := m.learn(t.Context(), numbered(0), asked(&times, until)); err != nil {
				t.Error(err)
			}
		}
		together.Go(read)
		synctest.Wait()
		changes.count([]store.Change{{Kind: store.ChangedAPIKey, SubjectID: "key_7"}})
		together.Go(read)
		synctest.Wait()
		if times.Load() != 2 {
			t.Errorf("%d reads", times.Load())
		}
		close(until)
		together.Wait()
		if _, known := m.recall(numbered(0), time.Now()); !known {
			t.Error("what was read after the change is not remembered")
		}
	})
}

func TestAReadThatFailsOrPanicsHoldsNobody(t *testing.T) {
	m, _ := newNumbers(t)
	broken := errors.New("broken")
	if _, err := m.learn(t.Context(), numbered(0), func(context.Context, takeoff) (int, [most]subject, error) { return 0, [most]subject{}, broken }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = m.learn(t.Context(), numbered(0), func(context.Context, takeoff) (int, [most]subject, error) { panic(broken) })
	}()
	if len(m.flights) != 0 {
		t.Error("a flight is still in the air")
	}
	var times atomic.Int64
	if value, err := m.learn(t.Context(), numbered(0), asked(&times, nil)); err != nil || *value != 7 {
		t.Errorf("the honest twin: %v", err)
	}
}

// Nobody waits for a reading behind the answers, so that a stop does not either.
func TestReadingAgainEndsWithTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _ := newNumbers(t)
		m.again <- numbered(0)
		ctx, stop := context.WithCancel(t.Context())
		began := time.Now()
		var together sync.WaitGroup
		together.Go(func() {
			m.readAgain(ctx, func(ctx context.Context, _ takeoff) (int, [most]subject, error) {
				<-ctx.Done() // a database that does not answer
				return 0, [most]subject{}, ctx.Err()
			})
		})
		synctest.Wait()
		stop()
		together.Wait()
		if took := time.Since(began); took > 0 {
			t.Errorf("the stop took %s", took)
		}
	})
}

// A request that is given up must not take the others' answer with it.
func TestAReadOutlivesTheRequestThatBeganIt(t *testing.T) {
	m, _ := newNumbers(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var times atomic.Int64
	if value, err := m.learn(ctx, numbered(0), asked(&times, nil)); err != nil || *value != 7 {
		t.Errorf("%v", err)
	}
}

func TestUnknownIDsCostOneReadEachAndBoundedMemory(t *testing.T) {
	w := newWorld(t)
	_, text := w.key("ci", nil, access.ProjectEditor)
	unknown := secret.NewKeyText("7zzzzzzzzzzzzzzzzzzzzzzzzz")
	w.want("unknown", Request{Key: unknown}, NotFound)
	w.want("known", Request{Key: text}, Valid)
	w.ok(w.store.Close())
	w.want("the same again, without the store", Request{Key: unknown}, NotFound)
	w.want("the honest twin", Request{Key: text}, Valid)
	w.pass(absentFor)
	w.gate.alive(w.now())
	if _, err := w.gate.Check(w.ctx, Request{Key: unknown}); err == nil {
		t.Error("what does not exist is remembered for ever")
	}
	absent := w.gate.keys.absent
	for i := range absentees + absentees/2 {
		absent.Set(numbered(i), struct{}{})
	}
	if absent.CleanUp(); absent.EstimatedSize() > absentees {
		t.Errorf("%d absent ids are remembered", absent.EstimatedSize())
	}
}

func TestEntriesAreReadAgainBehindTheirAnswers(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.ProjectEditor)
	w.want("before", Request{Key: text}, Valid)
	n := named(strings.TrimPrefix(key.ID, "key_"))
	entry, _ := w.gate.keys.known.GetIfPresent(n)
	if span := time.Duration(entry.again - w.now().UnixNano()); span < againAfter || span >= againAfter+againWithin || againAfter+againWithin >= longest {
		t.Errorf("read again after %s", span)
	}
	w.ok(w.store.In(w.org.ID).RevokeAPIKey(w.ctx, operator, w.project.ID, key.ID)) // and the feed loses it
	w.pass(againAfter + againWithin)
	w.gate.alive(w.now())
	w.want("answered at once", Request{Key: text}, Valid)
	w.want("and asked for once", Request{Key: text}, Valid)
	if queued := len(w.gate.keys.again); queued != 1 {
		t.Errorf("%d entries wait to be read", queued)
	}
	ctx, cancel := context.WithCancel(w.ctx)
	var reading sync.WaitGroup
	reading.Go(func() { w.gate.keys.readAgain(ctx, w.gate.keys.read) })
	w.until("it was read again", func() bool { return w.check(Request{Key: text}).Code == Revoked })
	cancel()
	reading.Wait()
}

func TestEntriesThatCannotBeReadAgainEnd(t *testing.T) {
	w := newWorld(t)
	_, text := w.key("ci", nil, access.ProjectEditor)
	w.want("before", Request{Key: text}, Valid)
	w.ok(w.store.Close())
	w.pass(longest - time.Nanosecond)
	w.gate.alive(w.now())
	w.want("from memory", Request{Key: text}, Valid)
	w.pass(time.Nanosecond)
	w.gate.alive(w.now())
	if _, err := w.gate.Check(w.ctx, Request{Key: text}); err == nil {
		t.Error("believed for ever")
	}
}

// fill remembers so many keys of one organization, as if they had been read.
func (w *world) fill(count int) {
	w.Helper()
	start := takeoff{heard: w.gate.turns.heard.Load()}
	hash := make([]byte, 32)
	for i := range count {
		start.name = named(fmt.Sprintf("%026d", i))
		k, subjects, err := w.gate.keys.from(store.KeySnapshot{
			ID: fmt.Sprintf("key_%026d", i), Name: fmt.Sprintf("key number %d", i), ProjectID: fmt.Sprintf("prj_%026d", i/100), OrganizationID: w.org.ID,
			Roles: []access.Role{access.ProjectEditor}, Secrets: []store.KeySecret{{Scheme: store.SchemeGatehouse, PepperVersion: 1, Hash: hash}},
			CreatorKind: "user", CreatorID: w.owner.ID, CreatorMemberID: "mem_01jd3x8k2mfz9t0v5r7wq4ycna", CreatorOrganizationRoles: []access.Role{access.OrgOwner},
		}, nil)
		w.ok(err)
		w.gate.keys.remember(start, k, subjects)
	}
	w.gate.keys.known.CleanUp()
}

// TestAHundredThousandLiveKeysStay, and what one takes, and that one change of their organization is one addition.
func TestAHundredThousandLiveKeysStay(t *testing.T) {
	const live = 100_000
	w := newWorld(t)
	used := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := used()
	w.fill(live)
	each := (used() - before) / live
	t.Logf("%d bytes for each key", each)
	if each > 2<<10 {
		t.Error("more than 2 KiB")
	}
	there := func() (count int) {
		for i := range live {
			if _, known := w.gate.keys.recall(named(fmt.Sprintf("%026d", i)), w.now()); known {
				count++
			}
		}
		return count
	}
	if count := there(); count != live {
		t.Errorf("%d of %d are remembered", count, live)
	}
	w.gate.forget([]store.Change{{Kind: store.ChangedAPIKey, SubjectID: "key_00000000000000000000000007"}})
	if count := there(); count < live-live/1000 || count == live {
		t.Errorf("after one key has changed %d are remembered", count)
	}
	began := time.Now()
	w.gate.forget([]store.Change{{Kind: store.ChangedOrganization, OrganizationID: w.org.ID, SubjectID: w.org.ID}})
	t.Logf("forgotten in %s", time.Since(began))
	if count := there(); count != 0 {
		t.Errorf("after their organization has changed %d are remembered", count)
	}
}
