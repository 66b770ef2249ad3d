package gate

import (
	"bytes"
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/store"
)

// key is an API key as it was read, with what follows from it. It never changes, but for its use and its limiter, which outlive it.
type key struct {
	id, name, project, organization string
	roles                           []access.Role
	expiresAt                       *time.Time
	revoked                         bool
	secrets                         []keySecret
	networks                        []netip.Prefix // none: any
	rights                          *rights
	limiter                         *rate.Limiter // of this node; nil: none
	use                             *use
}

// keySecret is one of a key's texts, as its hash.
type keySecret struct {
	hasher   *hasher
	hash     [32]byte
	endsAt   *time.Time // nil: with the key
	identity []byte     // of a key: who it is and until when, in JSON: the middle of every answer to whoever shows this secret
}

// secretIn is which of the secrets the text is, -1 when it is none. The work depends on nothing but how many peppers there are.
func secretIn(secrets []keySecret, text string) (found int) {
	found = -1
	var sum [32]byte
	for i := range secrets {
		s := &secrets[i]
		if i == 0 || s.hasher != secrets[i-1].hasher {
			sum = s.hasher.sum(text)
		}
		if subtle.ConstantTimeCompare(sum[:], s.hash[:]) == 1 {
			found = i
		}
	}
	return found
}

// keys are the API keys in memory.
type keys struct {
	*memory[key]
	store     *store.Store
	catalogue *access.Catalogue
	hashers   *hashers

	rightsMu sync.Mutex
	rights   map[[4]access.Level]*rights
}

func newKeys(o Options, t *turns, h *hashers) (*keys, error) {
	known, err := newMemory[key](o, t)
	return &keys{memory: known, store: o.Store, catalogue: o.Catalogue, hashers: h, rights: map[[4]access.Level]*rights{}}, err
}

// find is the key of this name, nil when there is none.
func (k *keys) find(ctx context.Context, n name, now time.Time) (*key, error) {
	if found, known := k.recall(n, now); known {
		return found, nil
	}
	return k.learn(ctx, n, k.read)
}

func (k *keys) read(ctx context.Context, start takeoff) (key, [most]subject, error) {
	id := "key_" + start.name.String()
	snapshot, err := k.store.KeyByID(ctx, id)
	if err != nil {
		return key{}, [most]subject{}, fmt.Errorf("read key %s: %w", id, err)
	}
	return k.from(snapshot, k.before(start.name))
}

// from is the key that a snapshot describes, and whose changes concern it. Its counters and what it has used of its limit come from before.
func (k *keys) from(s store.KeySnapshot, before *key) (key, [most]subject, error) {
	made := key{
		id: s.ID, name: s.Name, project: s.ProjectID, organization: s.OrganizationID, roles: s.Roles,
		expiresAt: s.ExpiresAt, revoked: s.RevokedAt != nil, networks: s.Networks, rights: k.rightsOf(s),
	}
	var err error
	if made.secrets, err = k.secretsOf(s.Secrets); err != nil {
		return key{}, [most]subject{}, fmt.Errorf("check key %s: %w", s.ID, err)
	}
	for i := range made.secrets {
		secret := &made.secrets[i]
		secret.identity = made.encode(made.end(secret))
	}
	var limiter *rate.Limiter
	if before != nil {
		made.use, limiter = before.use, before.limiter
	} else {
		made.use = &use{id: s.ID}
	}
	made.limiter = limited(limiter, s.RatePerMinute, k.now())
	creator := store.ChangedMember
	if s.CreatorKind == string(audit.ServiceAccount) {
		creator = store.ChangedServiceAccount
	}
	return made, [most]subject{
		{store.ChangedAPIKey, s.ID}, {store.ChangedProject, s.ProjectID}, {store.ChangedOrganization, s.OrganizationID},
		{creator, s.CreatorID}, {creator, cmp.Or(s.CreatorMemberID, s.CreatorID)},
	}, nil
}

// secretsOf are secrets with what hashes a text for them. One whose pepper is missing can be neither matched nor refused.
func (k *keys) secretsOf(kept []store.KeySecret) ([]keySecret, error) {
	secrets := make([]keySecret, len(kept))
	for i, s := range kept {
		if len(s.Hash) != len(secrets[i].hash) {
			return nil, fmt.Errorf("a hash has %d bytes", len(s.Hash))
		}
		secrets[i] = keySecret{hasher: k.hashers.bare, hash: [32]byte(s.Hash), endsAt: s.EndsAt}
		if s.Scheme == store.SchemeSHA256 {
			continue
		}
		pepper := k.store.Pepper(s.PepperVersion)
		if len(pepper) == 0 {
			return nil, fmt.Errorf("pepper %d is missing", s.PepperVersion)
		}
		secrets[i].hasher = k.hashers.under(s.PepperVersion, pepper)
	}
	return secrets, nil
}

// limited is a limiter that lets so many through in a minute, at once if need be. The one from before goes on with what it has counted.
func limited(before *rate.Limiter, perMinute int, now time.Time) *rate.Limiter {
	limit := rate.Limit(float64(perMinute) / 60)
	switch {
	case perMinute <= 0:
		return nil
	case before == nil:
		return rate.NewLimiter(limit, perMinute)
	case before.Burst() != perMinute:
		before.SetLimitAt(now, limit)
		before.SetBurstAt(now, perMinute)
	}
	return before
}

// rights are what a key may do: shared by all keys with the same.
type rights struct {
	permissions []string // sorted
	encoded     []byte   // the same in JSON
	list        string   // the same, as headers have it
}

var noRights = &rights{permissions: []string{}, encoded: []byte("[]")}

func (r *rights) include(permission string) bool {
	_, found := slices.BinarySearch(r.permissions, permission)
	return found
}

// rightsOf are what the key's roles give, as far as its creator's present roles give it too.
func (k *keys) rightsOf(s store.KeySnapshot) *rights {
	creator := s.CreatorRoles()
	if len(creator) == 0 {
		return noRights
	}
	var levels [4]access.Level
	_, levels[0], levels[1] = access.LevelsOf(s.Roles)
	_, levels[2], levels[3] = access.LevelsOf(creator)
	k.rightsMu.Lock()
	defer k.rightsMu.Unlock()
	known, ok := k.rights[levels]
	if !ok {
		permissions := slices.DeleteFunc(k.catalogue.Permissions(s.Roles), func(p string) bool { return !k.catalogue.Has(creator, p) })
		encoded, _ := json.Marshal(permissions) // strings always encode
		known = &rights{permissions, encoded, strings.Join(permissions, ",")}
		k.rights[levels] = known
	}
	return known
}

// end is when the key ends for whoever has this one of its secrets; nil for never.
func (k *key) end(s *keySecret) *time.Time {
	if k.expiresAt == nil || s.endsAt != nil && s.endsAt.Before(*k.expiresAt) {
		return s.endsAt
	}
	return k.expiresAt
}

// encode is the part of an answer that says who the key is: `,"key_id":…`, to stand within an object.
func (k *key) encode(end *time.Time) []byte {
	text, _ := json.Marshal(struct { // strings and a time always encode
		KeyID        string        `json:"key_id"`
		Name         string        `json:"name"`
		Project      string        `json:"project"`
		Organization string        `json:"organization"`
		Roles        []access.Role `json:"roles"`
		ExpiresAt    *time.Time    `json:"expires_at"`
	}{k.id, k.name, k.project, k.organization, k.roles, end})
	text[0] = ','
	return bytes.TrimSuffix(text, []byte("}"))
}
