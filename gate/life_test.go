package gate

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

var noAddress netip.Addr

func TestK11_RotatedTextEndsToTheSecond(t *testing.T) {
	w := newWorld(t)
	key, first := w.key("ci", nil, access.ProjectEditor)
	w.want("before", Request{Key: first}, Valid)
	_, second, err := w.store.In(w.org.ID).RotateAPIKey(w.ctx, operator, w.project.ID, key.ID, key.Version, 3*time.Second, nil)
	w.ok(err)
	w.hear()
	for _, text := range []secret.Token{first, second} {
		if got := w.want("in the overlap", Request{Key: text}, Valid); got.KeyID != key.ID {
			t.Errorf("is %s", got.KeyID)
		}
	}
	w.pass(3*time.Second - time.Microsecond)
	w.want("a moment before its end", Request{Key: first}, Valid)
	w.pass(time.Microsecond)
	w.want("at its end", Request{Key: first}, Expired)
	w.want("the other goes on", Request{Key: second}, Valid)
	w.gate.turns.everything()
	w.want("at its end, read anew", Request{Key: first}, Expired)
	w.want("a stranger's", Request{Key: secret.NewKeyText(strings.TrimPrefix(key.ID, "key_"))}, NotFound)
}

func TestK11_WithoutOverlapTheTextEndsAtOnce(t *testing.T) {
	w := newWorld(t)
	key, first := w.key("ci", nil, access.ProjectEditor)
	_, second, err := w.store.In(w.org.ID).RotateAPIKey(w.ctx, operator, w.project.ID, key.ID, key.Version, 0, nil)
	w.ok(err)
	w.want("the old one", Request{Key: first}, Expired)
	w.want("the new one", Request{Key: second}, Valid)
}

func TestKeysOnlyFromTheirNetworks(t *testing.T) {
	w := newWorld(t)
	_, text, err := w.store.In(w.org.ID).CreateAPIKey(w.ctx, operator, store.NewAPIKey{
		ProjectID: w.project.ID, Name: "office", Roles: []access.Role{access.ProjectEditor}, CreatorID: w.owner.ID,
		Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8:7::/48"), netip.MustParsePrefix("198.51.100.9/32")},
	})
	w.ok(err)
	for address, want := range map[string]Code{
		"203.0.113.7": Valid, "203.0.113.255": Valid, "::ffff:203.0.113.7": Valid, "198.51.100.9": Valid, "2001:db8:7::1": Valid, "2001:db8:7:ffff::1%eth0": Valid,
		"203.0.114.7": IPDenied, "198.51.100.8": IPDenied, "::ffff:198.51.100.8": IPDenied, "2001:db8:8::1": IPDenied, "::203.0.113.7": IPDenied, "127.0.0.1": IPDenied,
	} {
		got := w.want(address, Request{Key: text, Address: netip.MustParseAddr(address)}, want)
		if want == IPDenied && (len(got.Permissions) != 0 || got.KeyID == "") {
			t.Errorf("%s: says %+v", address, got)
		}
	}
	w.want("from where nobody knows", Request{Key: text}, IPDenied)
	_, anywhere := w.key("anywhere", nil, access.ProjectEditor)
	w.want("the honest twin", Request{Key: anywhere, Address: netip.MustParseAddr("192.0.2.1")}, Valid)
	w.want("the honest twin from where nobody knows", Request{Key: anywhere}, Valid)
}

// A service account is believed about where its own organization's keys are used, for better and worse, and about no other's.
func TestKeysWhoseNetworkIsToldByAServiceAccount(t *testing.T) {
	w := newWorld(t)
	_, text, err := w.store.In(w.org.ID).CreateAPIKey(w.ctx, operator, store.NewAPIKey{ProjectID: w.project.ID, Name: "office", Roles: []access.Role{access.ProjectEditor},
		CreatorID: w.owner.ID, Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}})
	w.ok(err)
	office, elsewhere := netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("192.0.2.1")
	w.want("told by its own", Request{Key: text, Address: elsewhere, Told: office, ToldBy: w.org.ID}, Valid)
	w.want("its own tells of elsewhere", Request{Key: text, Address: office, Told: elsewhere, ToldBy: w.org.ID}, IPDenied)
	w.want("told by another's", Request{Key: text, Address: elsewhere, Told: office, ToldBy: "org_another"}, IPDenied)
	w.want("told by nobody", Request{Key: text, Address: elsewhere, Told: office}, IPDenied)
}

func TestRateOfAKey(t *testing.T) {
	w := newWorld(t)
	scope := w.store.In(w.org.ID)
	key, text, err := scope.CreateAPIKey(w.ctx, operator, store.NewAPIKey{
		ProjectID: w.project.ID, Name: "slow", Roles: []access.Role{access.DataPlaneViewer}, CreatorID: w.owner.ID, RatePerMinute: 3,
	})
	w.ok(err)
	r := Request{Key: text}
	for range 3 {
		w.want("within the rate", r, Valid)
	}
	got := w.want("beyond it", r, RateLimited)
	if got.RetryAfter != 20*time.Second || len(got.Permissions) != 0 || got.KeyID != key.ID {
		t.Errorf("says %+v", got)
	}
	w.want("what it may not do costs nothing", Request{Key: text, Permission: "indexes:create"}, Forbidden)
	w.gate.turns.everything()
	w.want("read anew, it still is", r, RateLimited)
	w.pass(20 * time.Second)
	w.gate.alive(w.now())
	w.want("a third of a minute later", r, Valid)
	w.want("but just once", r, RateLimited)
	w.ok(scope.ChangeAPIKey(w.ctx, operator, w.project.ID, key.ID, key.Version, store.APIKeyChange{Name: "slow", RatePerMinute: 60}))
	w.hear()
	w.want("a higher rate gives nothing back", r, RateLimited)
	w.pass(time.Second)
	w.want("but soon", r, Valid)
	w.want("just once again", r, RateLimited)
	w.ok(scope.ChangeAPIKey(w.ctx, operator, w.project.ID, key.ID, key.Version+1, store.APIKeyChange{Name: "slow"}))
	w.hear()
	for range 10 {
		w.want("without a rate", r, Valid)
	}
}

// What a key has used of its rate is not forgotten when something was heard while it was read.
func TestRateOfAKeyReadWhileSomethingIsHeard(t *testing.T) {
	w := newWorld(t)
	key, _ := w.key("slow", nil, access.DataPlaneViewer)
	snapshot, err := w.store.KeyByID(w.ctx, key.ID)
	w.ok(err)
	snapshot.RatePerMinute = 1
	read, subjects, err := w.gate.keys.from(snapshot, nil)
	w.ok(err)
	n := named(strings.TrimPrefix(key.ID, "key_"))
	start := takeoff{n, w.gate.turns.heard.Load()}
	w.gate.turns.count(nil)
	w.gate.keys.remember(start, read, subjects)
	if _, known := w.gate.keys.recall(n, w.now()); known {
		t.Error("it is believed")
	}
	if before := w.gate.keys.before(n); before == nil || before.limiter != read.limiter || before.use != read.use {
		t.Error("its counters are lost")
	}
}

func TestImportedKeys(t *testing.T) {
	w := newWorld(t)
	plain, keyed, pepper := "sk-live-5f2b9c1e7d", "tok_91b2c7", []byte("the other program's own pepper, 32")
	reads := w.hashes.Load()
	w.want("before any import it costs no look", Request{Key: secret.TokenOf(plain)}, NotFound)
	if w.hashes.Load() != reads {
		t.Error("a text that cannot be a key was hashed")
	}
	w.importKeys("sha256", nil, "plain", sum(plain))
	w.hear()
	got := w.want("by its SHA-256", Request{Key: secret.TokenOf(plain), Permission: "indexes:query", Project: w.project.ID}, Valid)
	w.want("once more, from memory", Request{Key: secret.TokenOf(plain)}, Valid)
	w.importKeys("hmac-sha256", pepper, "keyed", mac(pepper, keyed))
	w.hear()
	w.want("by its HMAC", Request{Key: secret.TokenOf(keyed)}, Valid)
	w.want("the same, from memory", Request{Key: secret.TokenOf(keyed)}, Valid)
	for _, wrong := range []string{plain + "x", "SK-live-5f2b9c1e7d", keyed[1:], "", strings.Repeat("a", 600), sum(plain)} {
		w.want("not "+wrong, Request{Key: secret.TokenOf(wrong)}, NotFound)
	}
	w.ok(w.store.In(w.org.ID).RevokeAPIKey(w.ctx, operator, w.project.ID, got.KeyID))
	w.hear()
	w.want("revoked", Request{Key: secret.TokenOf(plain)}, Revoked)
	w.want("the other goes on", Request{Key: secret.TokenOf(keyed)}, Valid)
}

func TestImportedKeyRotatesIntoOurForm(t *testing.T) {
	w := newWorld(t)
	w.importKeys("sha256", nil, "old", sum("sk-live-1"))
	w.hear()
	old := Request{Key: secret.TokenOf("sk-live-1")}
	id := w.want("as it came", old, Valid).KeyID
	_, text, err := w.store.In(w.org.ID).RotateAPIKey(w.ctx, operator, w.project.ID, id, 1, time.Hour, nil)
	w.ok(err)
	w.hear()
	w.want("in the overlap", old, Valid)
	if got := w.want("in our form", Request{Key: text}, Valid); got.KeyID != id {
		t.Errorf("is %s", got.KeyID)
	}
	w.pass(time.Hour)
	w.gate.alive(w.now())
	w.want("after it", old, Expired)
	w.want("in our form still", Request{Key: text}, Valid)
}

// K-02 stays when keys were imported: our own form with a slip in it is nobody's, without a look at anything.
func TestK02_OurFormIsNeverLookedUpByHash(t *testing.T) {
	w := newWorld(t)
	slip := secret.NewKeyText("01jd3x8k2mfz9t0v5r7wq4ycna").Reveal()[:80] + "!"
	w.importKeys("sha256", nil, "other", sum("sk-live-1"))
	w.hear()
	w.want("the honest twin", Request{Key: secret.TokenOf("sk-live-1")}, Valid)
	w.ok(w.store.Close())
	before := w.hashes.Load()
	w.want("a slip", Request{Key: secret.TokenOf(slip)}, NotFound)
	w.want("our prefix alone", Request{Key: secret.TokenOf("gate_")}, NotFound)
	w.want("another token of ours", Request{Key: secret.NewServiceAccountText("01jd3x8k2mfz9t0v5r7wq4ycna")}, NotFound)
	if w.hashes.Load() != before {
		t.Error("it was hashed")
	}
	if _, err := w.gate.Check(w.ctx, Request{Key: secret.TokenOf("sk-live-2")}); err == nil {
		t.Error("the honest twin of another's form does not ask the store")
	}
}

func TestK08_ProjectGone(t *testing.T) {
	w := newWorld(t)
	_, text := w.key("ci", nil, access.ProjectEditor)
	w.want("before", Request{Key: text}, Valid)
	w.ok(w.store.In(w.org.ID).DeleteProject(w.ctx, operator, w.project.ID, w.project.Version))
	w.hear()
	w.want("gone with its project", Request{Key: text}, NotFound)
}

func TestK08_CreatorGoneOrSuspended(t *testing.T) {
	for name, end := range map[string]func(*store.Scope, *world, store.Member) error{
		"suspended": func(s *store.Scope, w *world, m store.Member) error {
			return s.SuspendMember(w.ctx, operator, m.ID, m.Version)
		},
		"removed": func(s *store.Scope, w *world, m store.Member) error {
			return s.RemoveMember(w.ctx, operator, m.ID, m.Version)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			grace, member := w.person("grace@acme.test", access.OrgOwner)
			scope := w.store.In(w.org.ID)
			_, text, err := scope.CreateAPIKey(w.ctx, operator, store.NewAPIKey{ProjectID: w.project.ID, Name: "hers", Roles: []access.Role{access.ProjectEditor}, CreatorID: grace.ID})
			w.ok(err)
			_, other := w.key("his", nil, access.ProjectEditor)
			w.want("before", Request{Key: text}, Valid)
			w.want("another's before", Request{Key: other}, Valid)
			w.ok(end(scope, w, member))
			w.hear()
			w.want("after", Request{Key: text}, Forbidden)
			w.want("the honest twin, another's", Request{Key: other}, Valid)
		})
	}
}

func TestK08_ServiceAccountGone(t *testing.T) {
	w := newWorld(t)
	scope := w.store.In(w.org.ID)
	account, _, err := scope.CreateServiceAccount(w.ctx, operator, "deploy", []access.Role{access.OrgManager})
	w.ok(err)
	w.ok(scope.SetServiceAccountProjectRoles(w.ctx, operator, w.project.ID, account.ID, account.Version, []access.Role{access.ProjectOwner}))
	_, text, err := scope.CreateAPIKey(w.ctx, operator, store.NewAPIKey{ProjectID: w.project.ID, Name: "its", Roles: []access.Role{access.DataPlaneViewer}, CreatorID: account.ID})
	w.ok(err)
	w.want("before", Request{Key: text, Permission: "indexes:query"}, Valid)
	now, err := scope.ServiceAccount(w.ctx, account.ID)
	w.ok(err)
	w.ok(scope.DeleteServiceAccount(w.ctx, operator, account.ID, now.Version))
	w.hear()
	w.want("after", Request{Key: text}, Forbidden)
}

func (w *world) importKeys(scheme string, key []byte, name, hash string) {
	w.Helper()
	_, err := w.store.In(w.org.ID).ImportAPIKeys(w.ctx, operator, w.project.ID, []store.ImportedKey{
		{Name: name, Hash: hash, Scheme: scheme, Roles: []access.Role{access.DataPlaneViewer}},
	}, key, false)
	w.ok(err)
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

func mac(key []byte, text string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}
