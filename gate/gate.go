// Package gate checks what a program presents, at speed: is this API key one of ours, is it still good, and may it do what it asks for, from
// where it asks?
//
// A check is one look into memory, one HMAC and one comparison; a key that was not asked for lately costs one read of the database more. What
// is remembered counts for nothing as soon as the store's change feed has spoken of anything that it depends on: the key, whoever made it,
// its project, its organization. When the feed has been silent for five seconds every check is refused with [ErrCutOff], because a key may
// have been revoked where we cannot hear it.
//
// The package never logs or returns the text of a key, never writes while it checks (uses are kept in between, see [Gate.KeepUses]), and never
// says whether an id exists to whoever does not hold its secret: an unknown id and a wrong secret do the same work and get the same answer.
package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

const (
	listenEvery  = 200 * time.Millisecond // between two looks at the change feed
	silenceLimit = 5 * time.Second        // of the feed, after which nothing is let through
)

// ErrCutOff says that changes cannot be heard at present, so that no answer would be safe.
var ErrCutOff = errors.New("the change feed has been silent for too long")

// Options are what a gate stands on. All are needed but the last two.
type Options struct {
	Store     *store.Store
	Catalogue *access.Catalogue
	Now       func() time.Time
	Registry  prometheus.Registerer // nil: not counted
	Log       *slog.Logger          // nil: the default
}

// Gate decides about API keys and tokens of service accounts. It is safe for concurrent use.
type Gate struct {
	store    *store.Store
	now      func() time.Time
	log      *slog.Logger
	turns    *turns
	hashers  *hashers
	keys     *keys
	imported *imported
	accounts *memory[account]
	uses     *uses
	hosts    *hosts
	sessions *sessions

	heard atomic.Int64  // when the change feed last answered, in Unix nanoseconds
	first chan struct{} // closed when it answered for the first time
	once  sync.Once

	checks map[Code]prometheus.Counter
}

// New makes a gate, which refuses everything until Follow has heard the change feed.
func New(o Options) (*Gate, error) { return newGate(o, newHashers(hmacSHA256)) }

func newGate(o Options, h *hashers) (*Gate, error) {
	g := &Gate{
		store: o.Store, now: o.Now, log: cmp.Or(o.Log, slog.Default()), turns: newTurns(), hashers: h, uses: new(uses),
		hosts: &hosts{store: o.Store}, first: make(chan struct{}), checks: map[Code]prometheus.Counter{},
	}
	var failures [4]error
	g.keys, failures[0] = newKeys(o, g.turns, h)
	g.imported, failures[1] = newImported(o, g.turns, g.keys)
	g.accounts, failures[2] = newMemory[account](o, g.turns)
	g.sessions, failures[3] = newSessions(o)
	if err := errors.Join(failures[:]...); err != nil {
		return nil, fmt.Errorf("make the gate's memory: %w", err)
	}
	return g, g.countChecks(o.Registry)
}

func (g *Gate) countChecks(registry prometheus.Registerer) error {
	checks := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_key_checks_total",
		Help: "Checks of API keys by their result.",
	}, []string{"code"})
	for _, code := range codes() {
		g.checks[code] = checks.WithLabelValues(string(code))
	}
	if registry == nil {
		return nil
	}
	if err := registry.Register(checks); err != nil {
		return fmt.Errorf("count key checks: %w", err)
	}
	return nil
}

// Follow listens to the change feed until ctx ends, and returns nil then. It fails only when the database cannot be read at the start.
func (g *Gate) Follow(ctx context.Context) error {
	began := g.now()
	last, err := g.store.LastChange(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	g.turns.everything()
	g.hosts.forgetAll()
	g.sessions.forgetAll()
	g.alive(began)
	var reading sync.WaitGroup
	defer reading.Wait()
	for range againWorkers {
		reading.Go(func() { g.keys.readAgain(ctx, g.keys.read) })
	}
	reading.Go(func() { g.accounts.readAgain(ctx, g.readAccount) })
	err = g.store.Follow(ctx, listenEvery, last, g.forget, g.alive)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// forget takes in what has changed: whatever depends on it is read anew.
func (g *Gate) forget(changes []store.Change) {
	g.turns.count(changes)
	if slices.ContainsFunc(changes, func(c store.Change) bool { return c.Kind == store.ChangedImportedKeys }) {
		g.imported.absent.InvalidateAll()
	}
	g.hosts.forget(changes)
	g.sessions.forget(changes)
}

// alive notes that everything which was committed at that time has been heard.
func (g *Gate) alive(at time.Time) {
	g.heard.Store(at.UnixNano())
	g.once.Do(func() { close(g.first) })
}

// Heard is closed once the change feed has been heard for the first time: from then on the gate decides.
func (g *Gate) Heard() <-chan struct{} { return g.first }

// Ready is nil while changes are heard, else ErrCutOff.
func (g *Gate) Ready() error {
	if g.silent(g.now()) {
		return ErrCutOff
	}
	return nil
}

func (g *Gate) silent(now time.Time) bool { return now.UnixNano()-g.heard.Load() > int64(silenceLimit) }
