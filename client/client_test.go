package client_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/client"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// world is a Gatehouse with one key, and a client of it whose clock stands until it is moved.
type world struct {
	*testing.T
	*site
	keys  *client.Client
	key   store.APIKey
	text  string
	clock atomic.Int64
}

func newWorld(t *testing.T, change ...func(*client.Options)) *world {
	t.Helper()
	w := &world{T: t}
	var err error
	w.site, err = startSite()
	w.ok(err)
	t.Cleanup(func() { w.ok(w.site.Close()) })
	w.key, w.text, err = w.site.key("ci", nil, access.DataPlaneViewer)
	w.ok(err)
	w.clock.Store(time.Now().UnixNano())
	w.keys = w.client(change...)
	return w
}

func (w *world) client(change ...func(*client.Options)) *client.Client {
	w.Helper()
	options := client.Options{URL: w.URL, Timeout: 20 * time.Second}
	for _, c := range change {
		c(&options)
	}
	keys, err := client.New(options)
	w.ok(err)
	keys.SetClock(func() time.Time { return time.Unix(0, w.clock.Load()) })
	return keys
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) pass(d time.Duration) { w.clock.Add(int64(d)) }

func (w *world) want(name, text, permission string, code client.Code) client.Result {
	w.Helper()
	got, err := w.keys.Check(w.Context(), text, permission)
	if err != nil || got.Code != code || got.Valid != (code == client.Valid) {
		w.Errorf("%s: %s (%v), want %s", name, got.Code, err, code)
	}
	return got
}

// called fails unless this many calls were made since the last time.
func (w *world) called(name string, want int64) {
	w.Helper()
	if got := w.calls.Swap(0); got != want {
		w.Errorf("%s: %d calls, want %d", name, got, want)
	}
}

func TestResultSaysWhatIsKnown(t *testing.T) {
	w := newWorld(t)
	got := w.want("a good key", w.text, "indexes:query", client.Valid)
	if got.KeyID != w.key.ID || got.Name != "ci" || got.Project != w.project.ID || got.Organization != w.key.OrganizationID || !got.ExpiresAt.IsZero() ||
		!slices.Equal(got.Roles, []string{"DataPlaneViewer"}) || len(got.Permissions) != 8 || !got.Has("assistants:chat") || got.Has("indexes:add") {
		t.Errorf("%+v", got)
	}
	lacking := w.want("a permission it lacks", w.text, "indexes:create", client.Forbidden)
	if lacking.MissingPermission != "indexes:create" || lacking.KeyID != w.key.ID || lacking.Has("indexes:query") {
		t.Errorf("%+v", lacking)
	}
	w.want("no permission in particular", w.text, client.AnyPermission, client.Valid)
	w.want("a permission that was forgotten", w.text, "", client.Forbidden)
	w.called("all of them", 1)
	unknown := w.want("an unknown key", secret.NewKeyText("01jd3x8k2mfz9t0v5r7wq4ycna").Reveal(), client.AnyPermission, client.NotFound)
	if unknown.KeyID != "" || unknown.Has(client.AnyPermission) {
		t.Errorf("%+v", unknown)
	}
}

func TestPermissionsAreDecidedAsGatehouseDoes(t *testing.T) {
	w := newWorld(t)
	for _, role := range access.KeyRoles() {
		_, text, err := w.site.key(string(role), nil, role)
		w.ok(err)
		for _, permission := range access.BuiltIn().Permissions([]access.Role{access.ProjectEditor}) {
			code := client.Forbidden
			if access.BuiltIn().Has([]access.Role{role}, permission) {
				code = client.Valid
			}
			w.want(string(role)+" "+permission, text, permission, code)
		}
	}
	w.called("one for each key", int64(len(access.KeyRoles())))
}

func TestAnswersAreUsedForTheirLifetime(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.want("asked", w.text, "indexes:query", client.Valid)
	}
	w.called("the first", 1)
	w.pass(time.Second - 1)
	w.want("just not yet a second", w.text, "indexes:query", client.Valid)
	w.called("remembered", 0)
	w.pass(1)
	w.want("a second", w.text, "indexes:query", client.Valid)
	w.called("asked again", 1)

	w.keys = w.client(func(o *client.Options) { o.Lifetime = -1 })
	for range 3 {
		w.want("without memory", w.text, "indexes:query", client.Valid)
	}
	w.called("each", 3)
}

func TestAnswersAreBounded(t *testing.T) {
	w := newWorld(t, func(o *client.Options) { o.Answers = 4 })
	var texts []string
	for i := range 8 {
		_, text, err := w.site.key(fmt.Sprint(i), nil, access.ProjectEditor)
		w.ok(err)
		texts = append(texts, text)
		w.want("a key", text, client.AnyPermission, client.Valid)
	}
	w.called("all", 8)
	w.want("the last", texts[7], client.AnyPermission, client.Valid)
	w.called("is remembered", 0)
	w.want("the first", texts[0], client.AnyPermission, client.Valid)
	w.called("is not", 1)
}

func TestK07_RevokedWithinASecondAndTheLifetime(t *testing.T) {
	w := newWorld(t)
	w.keys.SetClock(time.Now)
	w.want("before", w.text, "indexes:query", client.Valid)
	w.ok(w.org.RevokeAPIKey(t.Context(), operator, w.project.ID, w.key.ID))
	revoked := time.Now()
	for {
		result, err := w.keys.Check(t.Context(), w.text, "indexes:query")
		w.ok(err)
		if result.Code == client.Revoked {
			break
		}
		if took := time.Since(revoked); took > 5*time.Second {
			t.Fatalf("%s after %v", result.Code, took)
		}
	}
	if took := time.Since(revoked); took > 3*time.Second {
		t.Errorf("refused after %v", took)
	}
}

func TestK11_ExpiryToTheSecondFromMemory(t *testing.T) {
	w := newWorld(t)
	expires := time.Now().Add(time.Hour).Truncate(time.Second)
	_, text, err := w.site.key("short", &expires, access.ProjectEditor)
	w.ok(err)
	w.clock.Store(expires.Add(-time.Second / 2).UnixNano())
	got := w.want("half a second before", text, "indexes:query", client.Valid)
	if !got.ExpiresAt.Equal(expires) {
		t.Errorf("says %v, want %v", got.ExpiresAt, expires)
	}
	w.pass(time.Second/2 - 1)
	w.want("a moment before", text, "indexes:query", client.Valid)
	w.pass(1)
	got = w.want("at that second", text, "indexes:query", client.Expired)
	if got.Has(client.AnyPermission) || len(got.Permissions) != 0 {
		t.Errorf("%+v", got)
	}
	w.called("all from memory but the first", 1)
}

func TestK06_KeysOfOtherProjectsAreUnknown(t *testing.T) {
	w := newWorld(t)
	other, err := w.org.CreateProject(t.Context(), operator, "Other", access.Serverless, w.owner.ID)
	w.ok(err)
	w.keys = w.client(func(o *client.Options) { o.Project = other.ID })
	w.want("from there", w.text, client.AnyPermission, client.NotFound)
	w.keys = w.client(func(o *client.Options) { o.Project = w.project.ID })
	w.want("the honest twin", w.text, client.AnyPermission, client.Valid)
}

func TestRotatedAndImportedKeys(t *testing.T) {
	w := newWorld(t)
	key, err := w.org.APIKey(t.Context(), w.project.ID, w.key.ID)
	w.ok(err)
	_, next, err := w.org.RotateAPIKey(t.Context(), operator, w.project.ID, key.ID, key.Version, time.Hour, nil)
	w.ok(err)
	if a, b := w.want("the old text", w.text, "indexes:query", client.Valid), w.want("the new one", next.Reveal(), "indexes:query", client.Valid); a.KeyID != b.KeyID {
		t.Errorf("%s became %s", a.KeyID, b.KeyID)
	}
	sum := sha256.Sum256([]byte("sk-from-before"))
	_, err = w.org.ImportAPIKeys(t.Context(), operator, w.project.ID, []store.ImportedKey{{
		Name: "old", Hash: hex.EncodeToString(sum[:]), Scheme: "sha256", Roles: []access.Role{access.DataPlaneViewer},
	}}, nil, false)
	w.ok(err)
	w.want("unless it is told of", "sk-from-before", "indexes:query", client.NotFound)
	w.keys = w.client(w.account(), func(o *client.Options) { o.ImportedKeys = true })
	w.eventually("an imported key", "sk-from-before", client.Valid)
}

// eventually checks again and again until the key has this code, for five seconds at most: changes are heard a little later.
func (w *world) eventually(name, text string, code client.Code) {
	w.Helper()
	for began := time.Now(); ; w.pass(time.Second) {
		got, err := w.keys.Check(w.Context(), text, client.AnyPermission)
		w.ok(err)
		if got.Code == code {
			return
		}
		if time.Since(began) > 5*time.Second {
			w.Fatalf("%s: %s, want %s", name, got.Code, code)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*client.Options)
		wrong  string
	}{
		"nothing":           {func(o *client.Options) { o.URL = "" }, "must look like"},
		"no scheme":         {func(o *client.Options) { o.URL = "gatehouse.test" }, "must look like"},
		"another scheme":    {func(o *client.Options) { o.URL = "ftp://gatehouse.test" }, "must look like"},
		"a path":            {func(o *client.Options) { o.URL = "https://gatehouse.test/v1" }, "scheme and host alone"},
		"a user":            {func(o *client.Options) { o.URL = "https://a:b@gatehouse.test" }, "scheme and host alone"},
		"in the clear":      {func(o *client.Options) { o.URL = "http://gatehouse.test" }, "in the clear"},
		"nearly local":      {func(o *client.Options) { o.URL = "http://localhost.test" }, "in the clear"},
		"localhost":         {func(o *client.Options) { o.URL = "http://localhost:8080/" }, ""},
		"loopback":          {func(o *client.Options) { o.URL = "http://[::1]:8080" }, ""},
		"a key as a token":  {func(o *client.Options) { o.ServiceAccountToken = "gate_x" }, "gate_sva_"},
		"a project's name":  {func(o *client.Options) { o.Project = "Search" }, "prj_"},
		"too long a memory": {func(o *client.Options) { o.Lifetime = time.Minute }, "revoked keys"},
		"five seconds":      {func(o *client.Options) { o.Lifetime = 5 * time.Second }, ""},
		"negative":          {func(o *client.Options) { o.Answers, o.Timeout = -1, -1 }, "negative"},
		"all at once":       {func(o *client.Options) { *o = client.Options{Project: "x", Answers: -1} }, "must look like https://gatehouse.example.com\nthe Project"},
	} {
		o := client.Options{URL: "https://gatehouse.test"}
		row.change(&o)
		_, err := client.New(o)
		if (err == nil) != (row.wrong == "") || err != nil && !strings.Contains(err.Error(), row.wrong) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && o.ServiceAccountToken != "" && strings.Contains(err.Error(), o.ServiceAccountToken) {
			t.Errorf("%s: the token is in %q", name, err)
		}
	}
}

func TestK09_NoTokenIsPrinted(t *testing.T) {
	o := client.Options{URL: "https://gatehouse.test", ServiceAccountToken: "gate_sva_hush"}
	keys, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if printed := fmt.Sprintf(format+format+format, o, &o, keys); strings.Contains(printed, "hush") || !strings.Contains(printed, "gatehouse.test") {
			t.Errorf("%s: %s", format, printed)
		}
	}
}

func BenchmarkCheckFromMemory(b *testing.B) {
	s, err := startSite()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	_, text, err := s.key("ci", nil, access.ProjectEditor)
	if err != nil {
		b.Fatal(err)
	}
	keys, err := client.New(client.Options{URL: s.URL, Lifetime: 5 * time.Second})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if result, err := keys.Check(context.Background(), text, "indexes:query"); err != nil || !result.Valid {
				b.Error(result, err)
			}
		}
	})
}
