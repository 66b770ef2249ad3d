package gate

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
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
	*testing.T
	ctx     context.Context
	store   *store.Store
	gate    *Gate
	clock   *atomic.Int64 // 0: the machine's
	hashes  *atomic.Int64 // HMACs computed
	owner   store.User
	org     store.Organization
	project store.Project
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, ctx: t.Context(), clock: new(atomic.Int64), hashes: new(atomic.Int64)}
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
	g, err := New(Options{Store: w.store, Catalogue: access.BuiltIn(), Now: w.now, Registry: prometheus.NewRegistry()})
	w.ok(err)
	g.hash = func(pepper []byte, text string) []byte {
		w.hashes.Add(1)
		return secret.HashKey(pepper, text)
	}
	return g
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
	var answer map[string]any
	for _, request := range []Request{{Key: text}, {Key: text, Permission: "indexes:query"}} {
		w.ok(json.Unmarshal(w.check(request).JSON(), &answer))
		if len(answer) != 9 || answer["name"] != `<b>"ci"</b>` || answer["expires_at"] != nil || answer["valid"] != (request.Permission == "") {
			t.Errorf("answer %v", answer)
		}
	}
	if got := string(w.check(Request{Key: secret.TokenOf("x")}).JSON()); got != `{"valid":false,"code":"NOT_FOUND"}` {
		t.Errorf("answer %s", got)
	}
	if strings.Contains(string(w.check(Request{Key: text}).JSON()), "<b>") {
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
		answers = append(answers, string(w.want("no key", Request{Key: token}, NotFound).JSON()))
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
	snapshot, err := w.store.KeyByID(w.ctx, "key_"+text.Reveal()[5:31])
	w.ok(err)
	for _, row := range []struct {
		name   string
		change func(*store.KeySnapshot)
		count  int
	}{
		{"as it is", func(*store.KeySnapshot) {}, 36},
		{"no longer an owner", func(s *store.KeySnapshot) { s.CreatorOrganizationRoles = []access.Role{access.OrgMember} }, 36}, // still ProjectOwner
		{"a viewer now", func(s *store.KeySnapshot) {
			s.CreatorOrganizationRoles, s.CreatorProjectRoles = []access.Role{access.OrgMember}, []access.Role{access.ProjectViewer}
		}, 16},
		{"without a role in the project", func(s *store.KeySnapshot) {
			s.CreatorOrganizationRoles, s.CreatorProjectRoles = []access.Role{access.OrgManager}, nil
		}, 0},
		{"no member any more", func(s *store.KeySnapshot) { s.CreatorOrganizationRoles = nil }, 0},
		{"suspended", func(s *store.KeySnapshot) { s.CreatorSuspended = true }, 0},
		{"gone", func(s *store.KeySnapshot) { s.CreatorGone = true }, 0},
		{"organization suspended", func(s *store.KeySnapshot) { s.OrganizationSuspended = true }, 0},
	} {
		changed := snapshot
		row.change(&changed)
		if got := newKey(changed, access.BuiltIn()).permissions; len(got) != row.count {
			t.Errorf("%s: %d permissions, want %d", row.name, len(got), row.count)
		}
	}
}

func TestK06_AnotherProjectIsLikeUnknown(t *testing.T) {
	w := newWorld(t)
	other, err := w.store.In(w.org.ID).CreateProject(w.ctx, operator, "Other", "serverless", w.owner.ID)
	w.ok(err)
	_, text := w.key("ci", nil, access.ProjectEditor)
	got := w.want("another project", Request{Key: text, Project: other.ID}, NotFound)
	if string(got.JSON()) != string(notFound.JSON()) || got.KeyID != "" {
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

func TestK07_WhatTheFeedMissedIsSeenWithinFiveSeconds(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.ProjectEditor)
	w.want("before", Request{Key: text}, Valid)
	w.ok(w.store.In(w.org.ID).RevokeAPIKey(w.ctx, operator, w.project.ID, key.ID))
	w.want("not heard yet", Request{Key: text}, Valid)
	w.pass(memory + time.Millisecond)
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

// A key that is read while its revocation is heard must not be remembered as it was.
func TestK07_ReadingWhileForgettingRemembersNothing(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.ProjectEditor)
	turn := w.gate.keys.now()
	before, err := w.store.KeyByID(w.ctx, key.ID)
	w.ok(err)
	w.ok(w.store.In(w.org.ID).RevokeAPIKey(w.ctx, operator, w.project.ID, key.ID))
	w.hear()
	w.gate.keys.remember(key.ID, newKey(before, access.BuiltIn()), turn)
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

func TestForgettingOneOrganizationKeepsTheOthers(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.ProjectEditor)
	_, elsewhere := w.organization("Other", "bob@other.test")
	remembered := func() bool { _, ok := w.gate.keys.known.GetIfPresent(key.ID); return ok }
	for _, row := range []struct {
		change store.Change
		kept   bool
	}{
		{store.Change{Kind: store.ChangedMember, OrganizationID: elsewhere.ID}, true},
		{store.Change{Kind: store.ChangedSession}, true},
		{store.Change{Kind: store.ChangedConnection, OrganizationID: w.org.ID}, true},
		{store.Change{Kind: store.ChangedAPIKey, OrganizationID: w.org.ID, SubjectID: "key_other"}, true},
		{store.Change{Kind: store.ChangedAPIKey, OrganizationID: w.org.ID, SubjectID: key.ID}, false},
		{store.Change{Kind: store.ChangedMember, OrganizationID: w.org.ID}, false},
		{store.Change{Kind: store.ChangedProject, OrganizationID: w.org.ID}, false},
		{store.Change{Kind: store.ChangedOrganization, OrganizationID: w.org.ID}, false},
		{store.Change{Kind: "of a later version"}, false},
		{store.Change{Kind: "of a later version", OrganizationID: w.org.ID}, false},
	} {
		w.want("valid", Request{Key: text}, Valid)
		w.gate.keys.forget([]store.Change{row.change})
		if remembered() != row.kept {
			t.Errorf("%+v: remembered is %v", row.change, !row.kept)
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
		if _, err := secret.ParseKeyText(text); err == nil {
			return // a well-formed key asks the store
		}
		g := &Gate{hash: secret.HashKey}
		if got, err := g.check(t.Context(), Request{Key: secret.TokenOf(text)}); err != nil || got.Code != NotFound {
			t.Errorf("%q: %s, %v", text, got.Code, err)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	b.ReportAllocs()
	k := newKey(store.KeySnapshot{ID: "key_01jd3x8k2mfz9t0v5r7wq4ycna", Roles: []access.Role{access.DataPlaneViewer}, CreatorOrganizationRoles: []access.Role{access.OrgOwner}}, access.BuiltIn())
	for b.Loop() {
		if k.judge(Request{Permission: "indexes:query"}, time.Time{}) != Valid {
			b.Fatal("not valid")
		}
	}
}
