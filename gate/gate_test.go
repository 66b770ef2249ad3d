package gate

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"hash"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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

func TestValidKeySaysWhatItMayDo(t *testing.T) {
	w := newWorld(t)
	expires := w.now().Add(time.Hour)
	key, text := w.key("ci", &expires, access.DataPlaneViewer)
	got := w.want("valid", Request{Key: text, Permission: "indexes:query", Project: w.project.ID}, Valid)
	if got.KeyID != key.ID || got.Name != "ci" || got.ProjectID != w.project.ID || got.OrganizationID != w.org.ID || !got.ExpiresAt.Equal(expires) ||
		!slices.Equal(got.Roles, []access.Role{access.DataPlaneViewer}) || !slices.Equal(got.Permissions, access.BuiltIn().Permissions(got.Roles)) {
		t.Errorf("says %+v", got)
	}
	lacking := w.want("lacks the permission", Request{Key: text, Permission: "indexes:create"}, Forbidden)
	if lacking.KeyID != key.ID || len(lacking.Permissions) != 8 {
		t.Errorf("says %+v", lacking)
	}
	w.want("a permission that does not exist", Request{Key: text, Permission: "indexes:fly"}, Forbidden)
	w.want("no permission asked", Request{Key: text}, Valid)
}

func TestAnswersAsJSON(t *testing.T) {
	w := newWorld(t)
	_, text := w.key(`<b>"ci"</b>`, nil, access.ControlPlaneViewer)
	for _, request := range []Request{{Key: text}, {Key: text, Permission: "indexes:query"}, {Key: text, Permission: `"}<b>`}} {
		var answer map[string]any
		w.ok(json.Unmarshal(w.check(request).AppendJSON(nil), &answer))
		missing, lacks := answer["missing_permission"]
		if len(answer)-len(request.Permission[:min(1, len(request.Permission))]) != 9 || answer["name"] != `<b>"ci"</b>` || answer["expires_at"] != nil || answer["valid"] == lacks ||
			lacks != (request.Permission != "") || lacks && missing != request.Permission {
			t.Errorf("answer %v", answer)
		}
	}
	if got := string(w.check(Request{Key: secret.TokenOf("x")}).AppendJSON(nil)); got != `{"valid":false,"code":"NOT_FOUND"}` {
		t.Errorf("answer %s", got)
	}
	if strings.Contains(string(w.check(Request{Key: text}).AppendJSON(nil)), "<b>") {
		t.Error("K-12: a name is not escaped")
	}
}

func TestK02_WrongChecksumDoesNotTouchTheStore(t *testing.T) {
	w := newWorld(t)
	_, text := w.key("ci", nil, access.ProjectEditor)
	w.ok(w.store.Close()) // whatever asks it now fails
	before := w.hashes.Load()
	last := text.Reveal()[80:]
	other := "0"
	if last == other {
		other = "1"
	}
	w.want("wrong checksum", Request{Key: secret.TokenOf(text.Reveal()[:80] + other)}, NotFound)
	if w.hashes.Load() != before {
		t.Error("a mistyped key was hashed")
	}
	if _, err := w.gate.Check(w.ctx, Request{Key: text}); err == nil {
		t.Error("the honest twin asks the store, which is closed")
	}
}

func TestK03_UnknownIDDoesTheSameWork(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.ProjectEditor)
	wrong := secret.NewKeyText(strings.TrimPrefix(key.ID, "key_"))
	unknown := secret.NewKeyText("7zzzzzzzzzzzzzzzzzzzzzzzzz")
	var answers []string
	for _, token := range []secret.Token{wrong, unknown, unknown} { // the last from memory
		before := w.hashes.Load()
		answers = append(answers, string(w.want("no key", Request{Key: token}, NotFound).AppendJSON(nil)))
		if w.hashes.Load() != before+1 {
			t.Errorf("%d HMACs, want 1", w.hashes.Load()-before)
		}
	}
	if answers[0] != answers[1] || answers[1] != answers[2] {
		t.Errorf("answers differ: %q", answers)
	}
	w.want("the honest twin", Request{Key: text}, Valid)
}

func TestK05_RightsAreTheKeysAndItsCreators(t *testing.T) {
	w := newWorld(t)
	_, text := w.key("ci", nil, access.ProjectEditor)
	w.want("an owner's key", Request{Key: text, Permission: "indexes:add"}, Valid)
}

func TestK06_AnotherProjectIsLikeUnknown(t *testing.T) {
	w := newWorld(t)
	other, err := w.store.In(w.org.ID).CreateProject(w.ctx, operator, "Other", "serverless", w.owner.ID)
	w.ok(err)
	_, text := w.key("ci", nil, access.ProjectEditor)
	got := w.want("another project", Request{Key: text, Project: other.ID}, NotFound)
	if string(got.AppendJSON(nil)) != `{"valid":false,"code":"NOT_FOUND"}` || got.KeyID != "" {
		t.Errorf("says %+v", got)
	}
	w.want("the honest twin", Request{Key: text, Project: w.project.ID}, Valid)
}

func TestK11_ExpiryToTheSecond(t *testing.T) {
	w := newWorld(t)
	expires := w.now().Add(2 * time.Second)
	_, text := w.key("ci", &expires, access.ProjectEditor)
	w.pass(2*time.Second - time.Microsecond)
	w.want("a moment before", Request{Key: text}, Valid)
	w.pass(time.Microsecond)
	got := w.want("at that second", Request{Key: text}, Expired)
	if len(got.Permissions) != 0 || got.Name != "ci" {
		t.Errorf("says %+v", got)
	}
	wrong := secret.NewKeyText(text.Reveal()[5:31])
	w.want("expired, without its secret", Request{Key: wrong}, NotFound)
}

func TestK07_RevokedAsSoonAsItIsHeard(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.ProjectEditor)
	w.want("before", Request{Key: text}, Valid)
	w.ok(w.store.In(w.org.ID).RevokeAPIKey(w.ctx, operator, w.project.ID, key.ID))
	w.hear()
	w.want("after", Request{Key: text}, Revoked)
	wrong := secret.NewKeyText(text.Reveal()[5:31])
	w.want("revoked, without its secret", Request{Key: wrong}, NotFound)
}

func TestK07_WhatTheFeedMissedIsReadAgainInTheEnd(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.ProjectEditor)
	w.want("before", Request{Key: text}, Valid)
	w.ok(w.store.In(w.org.ID).RevokeAPIKey(w.ctx, operator, w.project.ID, key.ID))
	w.want("not heard yet", Request{Key: text}, Valid)
	w.pass(longest)
	w.gate.alive(w.now())
	w.want("read again", Request{Key: text}, Revoked)
}

func TestK07_CutOffRefusesAfterFiveSeconds(t *testing.T) {
	w := newWorld(t)
	_, text := w.key("ci", nil, access.ProjectEditor)
	w.want("heard", Request{Key: text}, Valid)
	w.pass(silenceLimit)
	w.want("silent for just five seconds", Request{Key: text}, Valid)
	w.pass(time.Nanosecond)
	if _, err := w.gate.Check(w.ctx, Request{Key: text}); !errors.Is(err, ErrCutOff) || !errors.Is(w.gate.Ready(), ErrCutOff) {
		t.Errorf("silent for longer: %v", err)
	}
	w.hear()
	w.want("heard again", Request{Key: text}, Valid)
	<-w.gate.Heard()
	deaf := w.newGate()
	if err := deaf.Ready(); !errors.Is(err, ErrCutOff) {
		t.Errorf("a gate that has heard nothing yet: %v", err)
	}
	select {
	case <-deaf.Heard():
		t.Error("a gate that has heard nothing says that it has")
	default:
	}
}

// A key that is read while its revocation is heard must not be remembered as it was, wherever in between it is heard.
func TestK07_ReadingWhileForgettingRemembersNothing(t *testing.T) {
	w := newWorld(t)
	g := w.gate
	for name, hear := range map[string]func(reading func(), revoke func()){
		"before the reading":           func(reading, revoke func()) { revoke(); w.hear(); reading() },
		"between reading and keeping":  func(reading, revoke func()) { reading(); revoke(); w.hear() },
		"committed, and heard of late": func(reading, revoke func()) { reading(); revoke(); w.hear(); w.hear() },
	} {
		key, text := w.key(name, nil, access.ProjectEditor)
		n := named(strings.TrimPrefix(key.ID, "key_"))
		start := takeoff{n, g.turns.heard.Load()}
		var read store.KeySnapshot
		hear(func() {
			var err error
			read, err = w.store.KeyByID(w.ctx, key.ID)
			w.ok(err)
		}, func() { w.ok(w.store.In(w.org.ID).RevokeAPIKey(w.ctx, operator, w.project.ID, key.ID)) })
		value, subjects, err := g.keys.from(read, nil)
		w.ok(err)
		g.keys.remember(start, value, subjects)
		w.want(name, Request{Key: text}, Revoked)
	}
}

// The counter of all changes moves before that of the thing that changed, so that whoever sees the one at rest and the other moved cannot be.
func TestK07_KeptBetweenTheCountersIsOutdated(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.ProjectEditor)
	n := named(strings.TrimPrefix(key.ID, "key_"))
	start := takeoff{n, w.gate.turns.heard.Load()}
	before, err := w.store.KeyByID(w.ctx, key.ID)
	w.ok(err)
	value, subjects, err := w.gate.keys.from(before, nil)
	w.ok(err)
	w.gate.keys.remember(start, value, subjects)
	w.ok(w.store.In(w.org.ID).RevokeAPIKey(w.ctx, operator, w.project.ID, key.ID))
	w.gate.turns.heard.Add(1)
	w.gate.turns.changed(subject{store.ChangedAPIKey, key.ID})
	w.want("after", Request{Key: text}, Revoked)
}

func TestK07_FollowHearsAnotherProcess(t *testing.T) {
	w := newWorld(t)
	w.clock.Store(0)
	key, text := w.key("ci", nil, access.ProjectEditor)
	ctx, cancel := context.WithCancel(w.ctx)
	var following sync.WaitGroup
	following.Go(func() {
		if err := w.gate.Follow(ctx); err != nil {
			t.Error(err)
		}
	})
	defer following.Wait()
	defer cancel()
	w.until("the gate is ready", func() bool { return w.gate.Ready() == nil })
	w.want("before", Request{Key: text}, Valid)
	w.ok(w.store.In(w.org.ID).RevokeAPIKey(w.ctx, operator, w.project.ID, key.ID))
	began := time.Now()
	w.until("the key is revoked", func() bool { return w.check(Request{Key: text}).Code == Revoked })
	t.Logf("revoked after %s", time.Since(began).Round(time.Millisecond))
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

func TestK08_SuspendedOrganizationAndCreator(t *testing.T) {
	w := newWorld(t)
	_, text := w.key("ci", nil, access.ProjectEditor)
	w.want("before", Request{Key: text}, Valid)
	w.ok(w.store.SuspendOrganization(w.ctx, operator, w.org.ID))
	w.hear()
	w.want("organization suspended", Request{Key: text}, Forbidden)
	w.ok(w.store.ResumeOrganization(w.ctx, operator, w.org.ID))
	w.hear()
	w.want("organization resumed", Request{Key: text}, Valid)
}

func TestK07_WhatIsForgottenForWhichChange(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.ProjectEditor)
	_, elsewhere := w.organization("Other", "bob@other.test")
	snapshot, err := w.store.KeyByID(w.ctx, key.ID)
	w.ok(err)
	n := named(strings.TrimPrefix(key.ID, "key_"))
	for _, row := range []struct {
		change store.Change
		kept   bool
	}{
		{store.Change{Kind: store.ChangedMember, OrganizationID: elsewhere.ID}, true},
		{store.Change{Kind: store.ChangedMember, OrganizationID: w.org.ID, SubjectID: "mem_other"}, true},
		{store.Change{Kind: store.ChangedMember, SubjectID: "usr_other"}, true},
		{store.Change{Kind: store.ChangedProject, OrganizationID: w.org.ID, SubjectID: "prj_other"}, true},
		{store.Change{Kind: store.ChangedOrganization, OrganizationID: elsewhere.ID}, true},
		{store.Change{Kind: store.ChangedServiceAccount, OrganizationID: w.org.ID, SubjectID: "sva_other"}, true},
		{store.Change{Kind: store.ChangedSession, SubjectID: "ses_other"}, true},
		{store.Change{Kind: store.ChangedHost, SubjectID: "hst_other"}, true},
		{store.Change{Kind: store.ChangedConnection, OrganizationID: w.org.ID, SubjectID: "con_other"}, true},
		{store.Change{Kind: store.ChangedPolicy, OrganizationID: w.org.ID, SubjectID: w.org.ID}, true},
		{store.Change{Kind: store.ChangedKeyPolicy, OrganizationID: w.org.ID, SubjectID: w.org.ID}, true},
		{store.Change{Kind: store.ChangedAPIKey, OrganizationID: w.org.ID, SubjectID: "key_other"}, true},
		{store.Change{Kind: store.ChangedAPIKey, OrganizationID: w.org.ID, SubjectID: key.ID}, false},
		{store.Change{Kind: store.ChangedMember, OrganizationID: w.org.ID, SubjectID: snapshot.CreatorMemberID}, false},
		{store.Change{Kind: store.ChangedMember, SubjectID: w.owner.ID}, false},
		{store.Change{Kind: store.ChangedMember, OrganizationID: w.org.ID}, false},
		{store.Change{Kind: store.ChangedProject, OrganizationID: w.org.ID, SubjectID: w.project.ID}, false},
		{store.Change{Kind: store.ChangedOrganization, OrganizationID: w.org.ID, SubjectID: w.org.ID}, false},
		{store.Change{Kind: "of a later version", OrganizationID: w.org.ID}, false},
		{store.Change{Kind: "of a later version"}, false},
		{store.Change{Kind: store.ChangedEverything}, false},
	} {
		w.want("valid", Request{Key: text}, Valid)
		w.gate.forget([]store.Change{row.change})
		if _, known := w.gate.keys.recall(n, w.now()); known != row.kept {
			t.Errorf("%+v: remembered is %v", row.change, known)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.ProjectEditor)
	var together sync.WaitGroup
	var revoked atomic.Bool
	for range 8 {
		together.Go(func() {
			for range 200 {
				heard := revoked.Load()
				result, err := w.gate.Check(w.ctx, Request{Key: text})
				if err != nil || heard && result.Valid {
					t.Errorf("%s, %v, although its revocation was heard: %v", result.Code, err, heard)
					return
				}
			}
		})
	}
	w.ok(w.store.In(w.org.ID).RevokeAPIKey(w.ctx, operator, w.project.ID, key.ID))
	w.hear()
	revoked.Store(true)
	together.Wait()
	w.want("in the end", Request{Key: text}, Revoked)
}

func FuzzK04_Check(f *testing.F) {
	f.Add("gate_01jd3x8k2mfz9t0v5r7wq4ycna_")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := secret.ParseKeyText(text); err == nil || !strings.HasPrefix(text, "gate_") {
			return // a well-formed key asks the store, and so may a text of another's make
		}
		g := new(Gate)
		if k, err := g.keyOf(t.Context(), text, time.Time{}); err != nil || k != nil {
			t.Errorf("%q: %v, %v", text, k, err)
		}
	})
}
