package gate

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/gatehouse-sso/gatehouse/store"
)

const (
	remembered   = 200_000          // entries of one kind; those that are least used go first
	absentees    = 100_000          // names of nothing
	absentFor    = 10 * time.Second // how long it is remembered that there is nothing of a name
	againAfter   = 5 * time.Minute  // an entry in use is read again behind its answers: not because it must, the feed speaks of every change
	againWithin  = 4 * time.Minute  // so long after that, each at its own time
	longest      = 10 * time.Minute // an entry that was not read again is not believed any more
	readLimit    = 5 * time.Second  // of one read, which is shared by all who wait for it
	againQueued  = 1024             // entries that wait to be read again; the others ask again at their next use
	againWorkers = 2
)

// name is what something is looked up by: the suffix of an id, or a hash.
type name [32]byte

func named(suffix string) (n name) {
	copy(n[:], suffix)
	return n
}

// String is the suffix again.
func (n name) String() string { return strings.TrimRight(string(n[:]), "\x00") }

// memory remembers things of one kind by their names, and for a moment that there is nothing of a name. Looking at it takes no lock and
// allocates nothing. It holds nothing that changed: see turns.
type memory[T any] struct {
	now    func() time.Time
	turns  *turns
	known  *otter.Cache[name, *entry[T]]
	absent *otter.Cache[name, struct{}]
	again  chan name

	mu      sync.Mutex
	flights map[takeoff]*flight[T]
}

// entry is what was read, and for how long it counts.
type entry[T any] struct {
	value        T
	moment       moment
	again, until int64 // Unix nanoseconds
	queued       atomic.Bool
}

// takeoff names a flight: whoever asks after a change was heard does not join one that began before.
type takeoff struct {
	name  name
	heard uint64
}

// flight is a read under way, for all who wait for it.
type flight[T any] struct {
	landed chan struct{}
	value  *T
	err    error
}

var errLost = errors.New("the read that was waited for ended without a result")

// newMemory remembers nothing yet.
func newMemory[T any](o Options, t *turns) (*memory[T], error) {
	known, err := otter.New(&otter.Options[name, *entry[T]]{MaximumSize: remembered})
	if err != nil {
		return nil, err
	}
	absent, err := otter.New(&otter.Options[name, struct{}]{
		MaximumSize: absentees, ExpiryCalculator: otter.ExpiryWriting[name, struct{}](absentFor), Clock: clock(o.Now),
	})
	if err != nil {
		return nil, err
	}
	return &memory[T]{now: o.Now, turns: t, known: known, absent: absent, again: make(chan name, againQueued), flights: map[takeoff]*flight[T]{}}, nil
}

// recall is what is remembered of a name: nil when it is known that there is nothing. An entry that was read a while ago asks to be read again.
func (m *memory[T]) recall(n name, now time.Time) (value *T, known bool) {
	at := now.UnixNano()
	if e, ok := m.known.GetIfPresent(n); ok && at < e.until && m.turns.holds(&e.moment) {
		if at > e.again && e.queued.CompareAndSwap(false, true) {
			select {
			case m.again <- n:
			default:
				e.queued.Store(false)
			}
		}
		return &e.value, true
	}
	_, known = m.absent.GetIfPresent(n)
	return nil, known
}

// before is what was remembered last, outdated or not; nil for nothing.
func (m *memory[T]) before(n name) *T {
	e, ok := m.known.GetEntryQuietly(n)
	if !ok {
		return nil
	}
	return &e.Value.value
}

// reading reads what a flight is for, and says whose changes concern it. The error is store.ErrNotFound when there is nothing.
type reading[T any] func(ctx context.Context, start takeoff) (T, [most]subject, error)

// learn reads what is not remembered, or waits for whoever is reading it; nil when there is nothing.
func (m *memory[T]) learn(ctx context.Context, n name, read reading[T]) (*T, error) {
	start := takeoff{n, m.turns.heard.Load()}
	m.mu.Lock()
	f, flying := m.flights[start]
	if !flying {
		f = &flight[T]{landed: make(chan struct{}), err: errLost}
		m.flights[start] = f
	}
	m.mu.Unlock()
	if flying {
		select {
		case <-f.landed:
			return f.value, f.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer func() {
		m.mu.Lock()
		delete(m.flights, start)
		m.mu.Unlock()
		close(f.landed)
	}()
	f.value, f.err = m.load(context.WithoutCancel(ctx), start, read) // others may wait for it: it does not end with the request that began it
	return f.value, f.err
}

// load reads and remembers.
func (m *memory[T]) load(ctx context.Context, start takeoff, read reading[T]) (*T, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	value, subjects, err := read(ctx, start)
	if errors.Is(err, store.ErrNotFound) {
		m.known.Invalidate(start.name)
		m.absent.Set(start.name, struct{}{})
		if m.turns.heard.Load() != start.heard { // it may have been made just now
			m.absent.Invalidate(start.name)
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return m.remember(start, value, subjects), nil
}

// remember keeps what was read since start. When a change was heard since, which might be of just this, it is kept only for what comes after
// it: nobody believes it. An entry that becomes outdated between the question and the keeping does no harm: its moment is older than the change.
func (m *memory[T]) remember(start takeoff, value T, subjects [most]subject) *T {
	at := m.now()
	e := &entry[T]{
		value: value, moment: m.turns.moment(subjects),
		again: at.Add(againAfter + rand.N(againWithin)).UnixNano(), until: at.Add(longest).UnixNano(),
	}
	if m.turns.heard.Load() == start.heard {
		m.known.Set(start.name, e)
	} else {
		e.until = 0
		m.known.SetIfAbsent(start.name, e)
	}
	return &e.value
}

// readAgain reads what asked for it until ctx ends, with which a read under way ends too: nobody waits for it. What could not be read may ask
// once more.
func (m *memory[T]) readAgain(ctx context.Context, read reading[T]) {
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-m.again:
			if _, err := m.load(ctx, takeoff{n, m.turns.heard.Load()}, read); err == nil {
				continue
			}
			if e, ok := m.known.GetEntryQuietly(n); ok {
				e.Value.queued.Store(false)
			}
		}
	}
}

// clock is our time for otter, which then cleans up as it is used and not by a ticker.
type clock func() time.Time

func (c clock) NowNano() int64                      { return c().UnixNano() }
func (c clock) Tick(time.Duration) <-chan time.Time { return nil }
