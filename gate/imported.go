package gate

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/secret"
)

// imported knows which key goes by which text that was made elsewhere, by the text's SHA-256. That is a way to the key and proves nothing: the
// key's secrets are what the text must match.
type imported struct {
	*memory[name]
	keys *keys
}

func newImported(o Options, t *turns, k *keys) (*imported, error) {
	known, err := newMemory[name](o, t)
	return &imported{known, k}, err
}

// keyOf is the key that a text speaks of, nil when there is none. Our own form names its key; a slip in it costs no look at anything, and no
// hash, because no secret is near. Any other text may be a key that was imported by its hash, as long as there are such keys.
func (g *Gate) keyOf(ctx context.Context, text string, now time.Time) (k *key, err error) {
	suffix, notOurs := secret.ParseKeyText(text)
	switch {
	case notOurs == nil:
		k, err = g.keys.find(ctx, named(suffix), now)
	case text == "" || len(text) > longestKey || strings.HasPrefix(text, "gate_") || !g.store.HasImportedKeys():
		return nil, nil
	default:
		k, err = g.imported.find(ctx, text, now)
	}
	if k == nil {
		g.hashers.nobody.sum(text) // an unknown key takes the work of a known one
	}
	return k, err
}

func (i *imported) find(ctx context.Context, text string, now time.Time) (*key, error) {
	sum := name(i.keys.hashers.bare.sum(text))
	id, known := i.recall(sum, now)
	if !known {
		var err error
		id, err = i.learn(ctx, sum, func(ctx context.Context, start takeoff) (name, [most]subject, error) {
			return i.read(ctx, text, sum, start)
		})
		if err != nil {
			return nil, err
		}
	}
	if id == nil {
		return nil, nil
	}
	return i.keys.find(ctx, *id, now)
}

// read looks for the key by all hashes that an import may have come with, and remembers it on the way.
func (i *imported) read(ctx context.Context, text string, sum name, start takeoff) (name, [most]subject, error) {
	hashes := [][]byte{sum[:]}
	for version, pepper := range i.keys.store.ImportPeppers() {
		under := i.keys.hashers.under(version, pepper).sum(text)
		hashes = append(hashes, under[:])
	}
	snapshot, err := i.keys.store.KeyByImportedHash(ctx, hashes)
	if err != nil {
		return name{}, [most]subject{}, fmt.Errorf("read imported key: %w", err)
	}
	id := named(strings.TrimPrefix(snapshot.ID, "key_"))
	value, subjects, err := i.keys.from(snapshot, i.keys.before(id))
	if err != nil {
		return name{}, [most]subject{}, err
	}
	i.keys.remember(takeoff{id, start.heard}, value, subjects)
	return id, subjects, nil
}
