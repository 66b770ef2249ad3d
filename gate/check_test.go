package gate

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

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
}

func TestK12_NamesAreEscaped(t *testing.T) {
	w := newWorld(t)
	_, text := w.key(`</script><b>"ci"&`, nil, access.ControlPlaneViewer)
	answer := string(w.check(Request{Key: text, Permission: `</script>"&`}).AppendJSON(nil))
	if strings.ContainsAny(answer, "<>&") || !json.Valid([]byte(answer)) {
		t.Errorf("answer %s", answer)
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

func TestK01_MissingPepperIsNoDecision(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.ProjectEditor)
	snapshot, err := w.store.KeyByID(w.ctx, key.ID)
	w.ok(err)
	for name, change := range map[string]func(*store.KeySecret){
		"no such pepper": func(s *store.KeySecret) { s.PepperVersion = 99 },
		"no pepper":      func(s *store.KeySecret) { s.PepperVersion = 0 },
		"half a hash":    func(s *store.KeySecret) { s.Hash = s.Hash[:16] },
		"no hash":        func(s *store.KeySecret) { s.Hash = nil },
	} {
		broken := snapshot
		broken.Secrets = slices.Clone(snapshot.Secrets)
		change(&broken.Secrets[0])
		if _, _, err := w.gate.keys.from(broken, nil); err == nil {
			t.Errorf("%s: the key could be checked", name)
		}
	}
	w.want("the honest twin", Request{Key: text}, Valid)
}

func TestK06_AnotherOrganizationIsLikeUnknown(t *testing.T) {
	w := newWorld(t)
	_, text := w.key("ci", nil, access.ProjectEditor)
	bob, other := w.organization("Other", "bob@other.test")
	theirs, err := w.store.In(other.ID).CreateProject(w.ctx, operator, "Theirs", "serverless", bob.ID)
	w.ok(err)
	if got := w.want("their project", Request{Key: text, Project: theirs.ID}, NotFound); got.KeyID != "" || got.OrganizationID != "" || len(got.Roles) > 0 {
		t.Errorf("says %+v", got)
	}
	w.want("the honest twin", Request{Key: text, Project: w.project.ID}, Valid)
}

// A cache outside keeps an answer until its end: it must be that of the text that was shown.
func TestK11_TheEndThatIsToldIsTheTextsOwn(t *testing.T) {
	w := newWorld(t)
	scope := w.store.In(w.org.ID)
	rules, err := scope.KeyPolicy(w.ctx)
	w.ok(err)
	rules.NeverExpires = true
	w.ok(scope.SetKeyPolicy(w.ctx, operator, rules.Version, rules))
	ends := w.now().Add(time.Hour).Truncate(time.Second)
	for name, c := range map[string]struct {
		expires *time.Time
		overlap time.Duration
		old     time.Time
	}{
		"before the key's": {&ends, 10 * time.Minute, w.now().Add(10 * time.Minute)},
		"with the key":     {&ends, 24 * time.Hour, ends},
		"of one for ever":  {nil, 10 * time.Minute, w.now().Add(10 * time.Minute)},
	} {
		key, old := w.key(name, c.expires, access.ProjectEditor)
		_, young, err := scope.RotateAPIKey(w.ctx, operator, w.project.ID, key.ID, key.Version, c.overlap, nil)
		w.ok(err)
		w.hear()
		got := w.want(name, Request{Key: old}, Valid)
		if told := endIn(t, got); got.ExpiresAt == nil || !got.ExpiresAt.Equal(c.old) || told == nil || !told.Equal(c.old) {
			t.Errorf("%s: the old text ends at %v and is said to at %v, want %v", name, got.ExpiresAt, told, c.old)
		}
		got = w.want(name, Request{Key: young}, Valid)
		if told := endIn(t, got); !sameEnd(got.ExpiresAt, c.expires) || !sameEnd(told, c.expires) {
			t.Errorf("%s, the honest twin: ends at %v and is said to at %v, want %v", name, got.ExpiresAt, told, c.expires)
		}
	}
}

// endIn is when an answer says that the key ends.
func endIn(t *testing.T, r Result) *time.Time {
	t.Helper()
	var said struct {
		ExpiresAt *time.Time `json:"expires_at"`
	}
	if err := json.Unmarshal(r.AppendJSON(nil), &said); err != nil {
		t.Fatal(err)
	}
	return said.ExpiresAt
}

func sameEnd(a, b *time.Time) bool { return a == b || a != nil && b != nil && a.Equal(*b) }
