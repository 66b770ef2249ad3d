package broker

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/gatehouse-sso/gatehouse/oidc"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

const (
	keysEvery  = time.Minute // a connection's key set is asked for so often on average, whatever arrives
	keysSaved  = 4           // and what was not asked for is saved up to this: a set may change just after it was read
	keysStale  = time.Hour   // so old, it is asked for again: a key that was withdrawn is not believed much longer
	keysKept   = 24 * time.Hour
	keySetsMax = 20_000
)

// bearer is who has brought a token.
type bearer string

// A token that the identity provider itself gave us for a code is signed by a key of its own, whatever we know: what was saved may be spent on it.
// A message that anybody can send is good for the one fetch of a minute in which there was none, so that no stranger spends what a login will need.
const (
	byThemselves bearer = "the identity provider"
	byAnybody    bearer = "anybody"
	byNobody     bearer = "nobody" // who is heard by the keys that are known, and makes us ask for none
)

// keySets remembers the public keys of OpenID providers. An outage of theirs ends no sign-in while the keys that we have are good.
type keySets struct {
	client *http.Client

	mu  sync.Mutex
	all map[string]*keySet // by connection and address
}

// keySet is one of them. Its lock is held while it is asked for, so that many who wait ask once.
type keySet struct {
	mu      sync.Mutex
	keys    []oidc.Key
	fetched time.Time
	leave   *rate.Limiter
}

// mayAsk says whether the set may be asked for now, and counts that it is.
func (k *keySet) mayAsk(spend bool, now time.Time) bool {
	return (spend || k.leave.TokensAt(now) >= keysSaved) && k.leave.AllowN(now, 1)
}

func newKeySets(client *http.Client) *keySets {
	return &keySets{client: client, all: map[string]*keySet{}}
}

// of are the keys of a connection's identity provider, asked for anew where they are old or lack the one that the token names. A key that is
// signed with from one moment to the next, as when it is swapped in a hurry, so costs no login.
func (k *keySets) of(ctx context.Context, c store.ProtocolConnection, token string, by bearer, now time.Time) ([]oidc.Key, *trust.Refusal) {
	id := oidc.KeyID(token)
	set := k.set(c.ID + " " + c.OIDC.KeysURL)
	set.mu.Lock()
	defer set.mu.Unlock()
	known := id == "" || slices.ContainsFunc(set.keys, func(key oidc.Key) bool { return key.ID == id })
	if old := now.Sub(set.fetched) >= keysStale; (old || !known) && by != byNobody && set.mayAsk(!known && by == byThemselves, now) {
		// One who leaves meanwhile must not cost everybody else the minute; the client has a limit of its own.
		if fetched, err := oidc.FetchKeys(context.WithoutCancel(ctx), k.client, c.OIDC.KeysURL); err == nil {
			set.keys, set.fetched = fetched, now
		}
	}
	if len(set.keys) == 0 || now.Sub(set.fetched) >= keysKept {
		return nil, trust.Refuse(trust.ReasonIDPUnreachable, "the key set of the identity provider", "no answer that can be used, within the last minute")
	}
	return set.keys, nil
}

func (k *keySets) set(name string) *keySet {
	k.mu.Lock()
	defer k.mu.Unlock()
	if set, found := k.all[name]; found {
		return set
	}
	if len(k.all) >= keySetsMax {
		for other := range k.all { // any one: it is only asked for once more
			delete(k.all, other)
			break
		}
	}
	set := &keySet{leave: rate.NewLimiter(rate.Every(keysEvery), keysSaved)}
	k.all[name] = set
	return set
}
