package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

const (
	rememberedKeys = 100_000
	absentKeys     = 10_000          // ids that do not exist
	memory         = 4 * time.Second // less than a revocation may take, should the feed ever miss one
)

// key is an API key as it was read, with what follows from it.
type key struct {
	store.KeySnapshot
	permissions []string // what it may do: its roles', as far as its creator has them too; sorted
	valid       []byte   // the JSON of a VALID answer
}

func newKey(s store.KeySnapshot, catalogue *access.Catalogue) *key {
	k := &key{KeySnapshot: s, permissions: []string{}}
	if creator := creatorRoles(s); !s.OrganizationSuspended && len(creator) > 0 {
		its := catalogue.Permissions(s.Roles)
		k.permissions = slices.DeleteFunc(its, func(p string) bool { return !catalogue.Has(creator, p) })
	}
	k.valid = k.result(Valid).encode()
	return k
}

// creatorRoles are the roles that the key's creator has in its project now. Without a role in the organization there are none.
func creatorRoles(s store.KeySnapshot) []access.Role {
	if s.CreatorGone || s.CreatorSuspended || len(s.CreatorOrganizationRoles) == 0 {
		return nil
	}
	return slices.Concat(s.CreatorOrganizationRoles, s.CreatorProjectRoles)
}

// keys remembers keys, and for a moment ids that do not exist.
type keys struct {
	store     *store.Store
	catalogue *access.Catalogue
	known     *otter.Cache[string, *key]
	absent    *otter.Cache[string, struct{}]

	mu   sync.Mutex
	turn int64 // counts the times that something was forgotten
}

func newKeys(o Options) (*keys, error) {
	known, err := otter.New(&otter.Options[string, *key]{
		MaximumSize: rememberedKeys, ExpiryCalculator: otter.ExpiryWriting[string, *key](memory), Clock: clock(o.Now),
	})
	if err != nil {
		return nil, err
	}
	absent, err := otter.New(&otter.Options[string, struct{}]{
		MaximumSize: absentKeys, ExpiryCalculator: otter.ExpiryWriting[string, struct{}](memory), Clock: clock(o.Now),
	})
	if err != nil {
		return nil, err
	}
	return &keys{store: o.Store, catalogue: o.Catalogue, known: known, absent: absent}, nil
}

// find is the key with this id, nil when there is none.
func (k *keys) find(ctx context.Context, id string) (*key, error) {
	if found, ok := k.known.GetIfPresent(id); ok {
		return found, nil
	}
	if _, ok := k.absent.GetIfPresent(id); ok {
		return nil, nil
	}
	turn := k.now()
	snapshot, err := k.store.KeyByID(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		k.absent.Set(id, struct{}{})
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", id, err)
	}
	found := newKey(snapshot, k.catalogue)
	k.remember(id, found, turn)
	return found, nil
}

func (k *keys) now() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.turn
}

// remember keeps what was read, unless something was forgotten since the reading began: it might be just this.
func (k *keys) remember(id string, found *key, turn int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.turn == turn {
		k.known.Set(id, found)
	}
}

// forget drops what the changes may have altered: one key, or all keys of an organization. A change outside any organization that we do not
// know may concern every key.
func (k *keys) forget(changes []store.Change) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.turn++
	organizations := map[string]bool{}
	for _, change := range changes {
		switch change.Kind {
		case store.ChangedAPIKey:
			k.known.Invalidate(change.SubjectID)
			k.absent.Invalidate(change.SubjectID)
		case store.ChangedSession, store.ChangedConnection, store.ChangedPolicy:
			// No key depends on how people sign in.
		default:
			organizations[change.OrganizationID] = true
		}
	}
	if len(organizations) == 0 {
		return
	}
	for id, found := range k.known.All() {
		if organizations[""] || organizations[found.OrganizationID] {
			k.known.Invalidate(id)
		}
	}
}

func (k *keys) forgetAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.turn++
	k.known.InvalidateAll()
	k.absent.InvalidateAll()
}

// clock is our time for otter, which then cleans up as it is used and not by a ticker.
type clock func() time.Time

func (c clock) NowNano() int64                      { return c().UnixNano() }
func (c clock) Tick(time.Duration) <-chan time.Time { return nil }
