// Package gate checks what a program presents, at speed: is this API key one of ours, is it still good, and may it do what it asks for?
//
// A check is one look into memory, one HMAC and one comparison; a key that was not asked for lately costs one read of the database more.
// What is remembered is dropped as soon as the store's change feed speaks of it, and in any case after four seconds; when the feed has
// been silent for five, every check is refused with [ErrCutOff], because a key may have been revoked where we cannot hear it.
//
// The package never writes, never logs or returns the text of a key, and never says whether an id exists to whoever does not hold its
// secret: an unknown id and a wrong secret do the same work and get the same answer.
package gate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

const (
	listenEvery  = 200 * time.Millisecond // between two looks at the change feed
	silenceLimit = 5 * time.Second        // of the feed, after which nothing is let through
)

// ErrCutOff says that changes cannot be heard at present, so that no answer would be safe.
var ErrCutOff = errors.New("the change feed has been silent for too long")

// Options are what a gate stands on. All are needed but Registry.
type Options struct {
	Store     *store.Store
	Catalogue *access.Catalogue
	Now       func() time.Time
	Registry  prometheus.Registerer // nil: not counted
}

// Gate decides about API keys. It is safe for concurrent use.
type Gate struct {
	store    *store.Store
	now      func() time.Time
	keys     *keys
	hosts    *hosts
	sessions *sessions
	heard    atomic.Int64  // when the change feed last answered, in Unix nanoseconds
	first    chan struct{} // closed when it answered for the first time
	once     sync.Once
	hash     func(pepper []byte, text string) []byte

	checks map[Code]prometheus.Counter
}

// New makes a gate, which refuses everything until Follow has heard the change feed.
func New(o Options) (*Gate, error) {
	known, err := newKeys(o)
	if err != nil {
		return nil, fmt.Errorf("make the gate's memory: %w", err)
	}
	passes, err := newSessions(o)
	if err != nil {
		return nil, err
	}
	g := &Gate{store: o.Store, now: o.Now, keys: known, hosts: &hosts{store: o.Store}, sessions: passes, first: make(chan struct{}), hash: secret.HashKey, checks: map[Code]prometheus.Counter{}}
	checks := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_key_checks_total",
		Help: "Checks of API keys by their result.",
	}, []string{"code"})
	for _, code := range codes() {
		g.checks[code] = checks.WithLabelValues(string(code))
	}
	if o.Registry != nil {
		if err := o.Registry.Register(checks); err != nil {
			return nil, fmt.Errorf("count key checks: %w", err)
		}
	}
	return g, nil
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
	g.keys.forgetAll()
	g.hosts.forgetAll()
	g.sessions.forgetAll()
	g.alive(began)
	err = g.store.Follow(ctx, listenEvery, last, g.forget, g.alive)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// forget drops what the changes may have altered.
func (g *Gate) forget(changes []store.Change) {
	g.keys.forget(changes)
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
	if g.now().Sub(time.Unix(0, g.heard.Load())) > silenceLimit {
		return ErrCutOff
	}
	return nil
}
