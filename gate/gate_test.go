package gate

import (
	"context"
	"crypto/rand"
	"hash"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

var operator = audit.Actor{Kind: audit.Operator}

// world is a database with an organization, its owner and a project, and a gate on it whose clock stands until it is moved.
type world struct {
	testing.TB
	ctx     context.Context
	store   *store.Store
	gate    *Gate
	clock   *atomic.Int64 // 0: the machine's
	hashes  *atomic.Int64 // HMACs computed
	owner   store.User
	org     store.Organization
	project store.Project
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, ctx: t.Context(), clock: new(atomic.Int64), hashes: new(atomic.Int64)}
	w.clock.Store(time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC).UnixNano())
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	master, err := secret.NewMasterKey(raw)
	w.ok(err)
	w.store, err = store.Open(w.ctx, store.Options{Database: "sqlite:" + filepath.Join(t.TempDir(), "gatehouse.db"), MasterKey: master, Now: w.now})
	w.ok(err)
	t.Cleanup(func() { w.ok(w.store.Close()) })
	w.owner, w.org = w.organization("Acme", "ada@acme.test")
	w.project, err = w.store.In(w.org.ID).CreateProject(w.ctx, operator, "Search", "serverless", w.owner.ID)
	w.ok(err)
	w.gate = w.newGate()
	w.hear()
	return w
}

func (w *world) newGate() *Gate {
	counted := newHashers(func(pepper []byte) hash.Hash { return countedHash{hmacSHA256(pepper), w.hashes} })
	g, err := newGate(Options{Store: w.store, Catalogue: access.BuiltIn(), Now: w.now, Registry: prometheus.NewRegistry()}, counted)
	w.ok(err)
	return g
}

// countedHash counts how often it is computed.
type countedHash struct {
	hash.Hash
	times *atomic.Int64
}

func (c countedHash) Sum(b []byte) []byte {
	c.times.Add(1)
	return c.Hash.Sum(b)
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) now() time.Time {
	if at := w.clock.Load(); at != 0 {
		return time.Unix(0, at).UTC()
	}
	return time.Now()
}

func (w *world) pass(d time.Duration) { w.clock.Add(int64(d)) }

// hear brings what the gate has heard up to now, as one poll of the feed does.
func (w *world) hear() {
	w.Helper()
	changes, err := w.store.ChangesAfter(w.ctx, 0)
	w.ok(err)
	w.gate.forget(changes)
	w.gate.alive(w.now())
}

// organization makes one with an owner of its own.
func (w *world) organization(name, address string) (store.User, store.Organization) {
	w.Helper()
	parsed, err := trust.ParseAddress(address)
	w.ok(err)
	_, token, err := w.store.Setup(w.ctx, operator, name, parsed)
	w.ok(err)
	user, organization, err := w.store.SpendWelcome(w.ctx, operator, token, store.Newcomer{Name: "Ada Lovelace", Address: parsed, PasswordHash: "x"})
	w.ok(err)
	w.ok(w.store.In(organization.ID).SetKeyPolicy(w.ctx, operator, 0, store.KeyPolicy{NeverExpires: true, LongestDays: 365, PerProject: 500}))
	return user, organization
}

func (w *world) key(name string, expires *time.Time, roles ...access.Role) (store.APIKey, secret.Token) {
	w.Helper()
	key, text, err := w.store.In(w.org.ID).CreateAPIKey(w.ctx, operator, store.NewAPIKey{
		ProjectID: w.project.ID, Name: name, Roles: roles, ExpiresAt: expires, CreatorID: w.owner.ID,
	})
	w.ok(err)
	return key, text
}

// person invites somebody with these roles and lets them come.
func (w *world) person(address string, roles ...access.Role) (store.User, store.Member) {
	w.Helper()
	parsed, err := trust.ParseAddress(address)
	w.ok(err)
	owner := audit.Actor{Kind: audit.User, ID: w.owner.ID, Name: w.owner.Name}
	_, token, err := w.store.In(w.org.ID).CreateInvite(w.ctx, owner, store.NewInvite{Address: parsed, Roles: roles})
	w.ok(err)
	user, _, err := w.store.SpendInvite(w.ctx, operator, token, store.Acceptance{Name: "Grace Hopper", PasswordHash: "x"})
	w.ok(err)
	member, err := w.store.In(w.org.ID).MemberOf(w.ctx, user.ID)
	w.ok(err)
	return user, member
}

func (w *world) check(r Request) Result {
	w.Helper()
	result, err := w.gate.Check(w.ctx, r)
	w.ok(err)
	return result
}

func (w *world) want(name string, r Request, code Code) Result {
	w.Helper()
	got := w.check(r)
	if got.Code != code || got.Valid != (code == Valid) {
		w.Errorf("%s: %s, want %s", name, got.Code, code)
	}
	return got
}

// until asks until it is so, at most ten seconds.
func (w *world) until(what string, so func() bool) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
	defer cancel()
	for tick := time.NewTicker(5 * time.Millisecond); !so(); {
		select {
		case <-ctx.Done():
			w.Fatalf("%s: not within ten seconds", what)
		case <-tick.C:
		}
	}
}
