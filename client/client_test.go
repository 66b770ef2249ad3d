package client_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
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

func TestK02_WhatIsNoKeyIsRefusedWithoutACall(t *testing.T) {
	w := newWorld(t)
	last := "0"
	if strings.HasSuffix(w.text, last) {
		last = "1"
	}
	for name, text := range map[string]string{
		"empty": "", "short": "gate_x", "truncated": w.text[:80], "extended": w.text + "0", "wrong checksum": w.text[:80] + last,
		"another case": strings.ToUpper(w.text), "with a blank": " " + w.text, "no UTF-8": w.text[:80] + "\xff", "another make": "pcsk_abc",
		"a service account's": strings.Replace(w.text, "gate_", "gate_sva_", 1), "large": strings.Repeat("a", 1<<20),
	} {
		w.want(name, text, client.AnyPermission, client.NotFound)
	}
	w.called("none", 0)
	w.want("the honest twin", w.text, client.AnyPermission, client.Valid)
	w.called("the twin", 1)

	imported := w.client(func(o *client.Options) { o.ImportedKeys = true })
	for text, calls := range map[string]int64{"pcsk_abc": 1, w.text[:80] + last: 0, "": 0, "\xff": 0, strings.Repeat("a", 1<<20): 0} {
		if got, err := imported.Check(t.Context(), text, client.AnyPermission); err != nil || got.Code != client.NotFound {
			t.Errorf("%.20q: %v %v", text, got, err)
		}
		w.called(fmt.Sprintf("%.20q where there are imported keys", text), calls)
	}
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

func TestOneCallForManyAtOnce(t *testing.T) {
	w := newWorld(t)
	held := newBarrier()
	w.held.Store(held)
	var wait sync.WaitGroup
	leaving, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	wait.Go(func() {
		_, err := w.keys.Check(leaving, w.text, client.AnyPermission)
		left <- err
	})
	<-held.arrived
	for range 50 {
		wait.Go(func() {
			if got, err := w.keys.Check(t.Context(), w.text, "indexes:query"); err != nil || !got.Valid {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
	leave() // the one who asked first leaves, and the others are still told
	var unavailable *client.Unavailable
	if err := <-left; !errors.Is(err, context.Canceled) || !errors.As(err, &unavailable) {
		t.Errorf("who left was told %v", err)
	}
	close(held.open)
	wait.Wait()
	w.called("fifty-one", 1)
}

// An answer that is long under way says what was so when it was asked for; whoever comes later gets a fresh one.
func TestALongCallAnswersNobodyWhoCameTooLate(t *testing.T) {
	w := newWorld(t)
	slow := newBarrier()
	w.held.Store(slow)
	early := make(chan client.Result, 1)
	go func() {
		result, _ := w.keys.Check(context.Background(), w.text, client.AnyPermission)
		early <- result
	}()
	<-slow.arrived
	w.held.Store(nil)
	w.pass(time.Second)
	w.want("a second later", w.text, client.AnyPermission, client.Valid)
	w.called("both", 2)
	close(slow.open)
	if got := <-early; !got.Valid {
		t.Errorf("the early one: %+v", got)
	}
	w.want("now from memory", w.text, client.AnyPermission, client.Valid)
	w.called("none", 0)
}

func TestK07_UnreachableRefusesAfterTheLifetime(t *testing.T) {
	w := newWorld(t)
	w.want("reachable", w.text, "indexes:query", client.Valid)
	w.Server.CloseClientConnections()
	w.Server.Listener.Close()
	w.pass(time.Second - 1)
	w.want("from memory", w.text, "indexes:query", client.Valid)
	w.pass(1)
	got, err := w.keys.Check(t.Context(), w.text, "indexes:query")
	var unavailable *client.Unavailable
	if !errors.As(err, &unavailable) || unavailable.Err == nil || got.Valid || got.Code != "" {
		t.Errorf("after its lifetime: %+v %v", got, err)
	}
	if strings.Contains(err.Error(), w.text[32:75]) {
		t.Errorf("K-09: the key is in %q", err)
	}
	w.want("no key at all is known as such", "gate_x", "indexes:query", client.NotFound)
}

func TestK10_RetryAfterIsHonoured(t *testing.T) {
	w := newWorld(t)
	w.want("a good key, remembered", w.text, client.AnyPermission, client.Valid)
	var err error
	for range 21 {
		unknown := secret.NewKeyText("01jd3x8k2mfz9t0v5r7wq4ycna").Reveal()
		_, err = w.keys.Check(t.Context(), unknown, client.AnyPermission)
	}
	var limited *client.Unavailable
	if !errors.As(err, &limited) || limited.Status != http.StatusTooManyRequests || limited.Code != "too_many_requests" || limited.RetryAfter <= 0 {
		t.Fatalf("the 21st: %v", err)
	}
	w.called("twenty-one, and the good one", 22)
	_, other, err := w.site.key("other", nil, access.ProjectEditor)
	w.ok(err)
	if _, err := w.keys.Check(t.Context(), other, client.AnyPermission); !errors.As(err, &limited) || limited.Status != 0 || limited.RetryAfter <= 0 {
		t.Errorf("while quiet: %v", err)
	}
	w.called("while quiet", 0)
	w.want("the good one is remembered", w.text, client.AnyPermission, client.Valid)
	w.pass(limited.RetryAfter)
	if _, err := w.keys.Check(t.Context(), other, client.AnyPermission); errors.As(err, &limited) && limited.Status == 0 {
		t.Errorf("after it: %v", err)
	}
	w.called("after it", 1)
}

// account makes a service account and gives its token to a client.
func (w *world) account() func(*client.Options) {
	w.Helper()
	_, token, err := w.org.CreateServiceAccount(w.Context(), operator, "api", []access.Role{access.OrgMember})
	w.ok(err)
	return func(o *client.Options) { o.ServiceAccountToken = token.Reveal() }
}

func TestK10_AServiceAccountIsNotLimited(t *testing.T) {
	w := newWorld(t)
	w.keys = w.client(w.account())
	for range 30 {
		w.want("an unknown key", secret.NewKeyText("01jd3x8k2mfz9t0v5r7wq4ycna").Reveal(), client.AnyPermission, client.NotFound)
	}
	w.want("a good one after many", w.text, client.AnyPermission, client.Valid)
	w.called("all", 31)

	w.keys = w.client(func(o *client.Options) { o.ServiceAccountToken = "gate_sva_x" })
	var unavailable *client.Unavailable
	if _, err := w.keys.Check(t.Context(), w.text, client.AnyPermission); !errors.As(err, &unavailable) || unavailable.Code != "caller_unknown" {
		t.Errorf("a token that is nobody's: %v", err)
	}
}

func TestKeysThatAreLimitedToNetworks(t *testing.T) {
	w := newWorld(t)
	limited := func(name, network string) string {
		_, text, err := w.org.CreateAPIKey(t.Context(), operator, store.NewAPIKey{
			ProjectID: w.project.ID, Name: name, Roles: []access.Role{access.ProjectEditor}, CreatorID: w.owner.ID, Networks: []netip.Prefix{netip.MustParsePrefix(network)},
		})
		w.ok(err)
		return text.Reveal()
	}
	there, here := limited("there", "203.0.113.0/24"), limited("here", "127.0.0.0/8")
	w.want("without a token, from where this program is", here, client.AnyPermission, client.Valid)
	w.want("without a token, from elsewhere", there, client.AnyPermission, client.IPDenied)

	w.keys = w.client(w.account())
	w.want("with a token, and no address", here, client.AnyPermission, client.IPDenied)
	protected := w.keys.Middleware("indexes:query")(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for remote, status := range map[string]int{
		"203.0.113.7:1": 200, "[::ffff:203.0.113.8]:1": 200, "203.0.114.7:1": 403, "[2001:db8::1]:1": 403, "127.0.0.1:1": 403,
	} {
		r := httptest.NewRequest("POST", "/query", nil)
		r.RemoteAddr = remote
		r.Header.Set("Api-Key", there)
		answer := httptest.NewRecorder()
		protected.ServeHTTP(answer, r)
		if answer.Code != status {
			t.Errorf("from %s: %d %s, want %d", remote, answer.Code, answer.Body, status)
		}
	}
}

func TestEveryRequestCountsWithoutMemory(t *testing.T) {
	w := newWorld(t, func(o *client.Options) { o.Lifetime = -1 })
	_, text, err := w.org.CreateAPIKey(t.Context(), operator, store.NewAPIKey{
		ProjectID: w.project.ID, Name: "slow", Roles: []access.Role{access.ProjectEditor}, CreatorID: w.owner.ID, RatePerMinute: 2,
	})
	w.ok(err)
	w.want("the first", text.Reveal(), client.AnyPermission, client.Valid)
	w.want("the second", text.Reveal(), client.AnyPermission, client.Valid)
	w.want("the third", text.Reveal(), client.AnyPermission, client.RateLimited)
	r := httptest.NewRequest("POST", "/query", nil)
	r.Header.Set("Api-Key", text.Reveal())
	answer := httptest.NewRecorder()
	w.keys.Middleware("indexes:query")(http.NotFoundHandler()).ServeHTTP(answer, r)
	if answer.Code != 429 || answer.Header().Get("Retry-After") != "1" {
		t.Errorf("%d %v", answer.Code, answer.Header())
	}
	w.problem("the fourth", answer, "RATE_LIMITED")
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

func TestNothingThatIsNoDecisionLetsAnybodyThrough(t *testing.T) {
	w := newWorld(t)
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	good := `{"valid":true,"code":"VALID","key_id":"key_1"}`
	for name, row := range map[string]struct {
		status int
		header http.Header
		text   string
		ok     bool
	}{
		"a page":               {200, nil, "<html>", false},
		"nothing":              {200, nil, "", false},
		"an empty object":      {200, nil, "{}", false},
		"valid and not":        {200, nil, `{"valid":true,"code":"REVOKED","key_id":"key_1"}`, false},
		"not valid and yet":    {200, nil, `{"valid":false,"code":"VALID","key_id":"key_1"}`, false},
		"without a key":        {200, nil, `{"valid":true,"code":"VALID"}`, false},
		"too large":            {200, nil, good[:len(good)-1] + strings.Repeat(" ", 512<<10) + "}", false},
		"cut off":              {200, http.Header{"Content-Length": {"100"}}, good, false},
		"created":              {201, nil, good, false},
		"redirected":           {307, http.Header{"Location": {other.URL}}, good, false},
		"redirected for good":  {308, http.Header{"Location": {other.URL}}, good, false},
		"bad request":          {400, nil, good, false},
		"failed":               {500, nil, good, false},
		"unavailable, a date":  {503, http.Header{"Retry-After": {"Mon, 23 Nov 2099 10:00:00 GMT"}}, good, false},
		"unavailable, no date": {503, http.Header{"Retry-After": {"soon"}}, good, false},
		"the honest twin":      {200, nil, good, true},
	} {
		t.Run(name, func(t *testing.T) {
			lying := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
				for name, values := range row.header {
					answer.Header()[name] = values
				}
				answer.WriteHeader(row.status)
				_, _ = answer.Write([]byte(row.text))
			}))
			defer lying.Close()
			keys := w.client(func(o *client.Options) { o.URL = lying.URL })
			got, err := keys.Check(t.Context(), w.text, client.AnyPermission)
			var unavailable *client.Unavailable
			if got.Valid != row.ok || errors.As(err, &unavailable) == row.ok || strings.Contains(fmt.Sprint(err), w.text[32:75]) {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
	if elsewhere.Load() != 0 {
		t.Error("a redirect was followed with the key")
	}
}

func TestTimeout(t *testing.T) {
	w := newWorld(t, func(o *client.Options) { o.Timeout = 50 * time.Millisecond })
	held := newBarrier()
	w.held.Store(held)
	_, err := w.keys.Check(t.Context(), w.text, client.AnyPermission)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	close(held.open)
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
		"all at once":       {func(o *client.Options) { *o = client.Options{Project: "x", Answers: -1} }, "must look like https://gatehouse.example.com\nProject"},
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

func TestMiddleware(t *testing.T) {
	w := newWorld(t)
	reached := 0
	next := http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		reached++
		if result, ok := client.From(r.Context()); !ok || result.KeyID != w.key.ID {
			t.Errorf("knows %+v", result)
		}
	})
	unknown := secret.NewKeyText("01jd3x8k2mfz9t0v5r7wq4ycna").Reveal()
	for name, row := range map[string]struct {
		header     http.Header
		permission string
		status     int
		code       string
		challenge  string
	}{
		"Bearer":           {http.Header{"Authorization": {"Bearer " + w.text}}, "indexes:query", 200, "", ""},
		"bearer":           {http.Header{"Authorization": {"bearer  " + w.text}}, "indexes:query", 200, "", ""},
		"Api-Key":          {http.Header{"Api-Key": {w.text}}, client.AnyPermission, 200, "", ""},
		"none":             {nil, "indexes:query", 401, "key_missing", "Bearer"},
		"an empty one":     {http.Header{"Api-Key": {""}}, "indexes:query", 401, "key_missing", "Bearer"},
		"Basic":            {http.Header{"Authorization": {"Basic " + w.text}}, "indexes:query", 401, "key_missing", "Bearer"},
		"K-13 in a cookie": {http.Header{"Cookie": {"Api-Key=" + w.text}}, "indexes:query", 401, "key_missing", "Bearer"},
		"both":             {http.Header{"Api-Key": {w.text}, "Authorization": {"Bearer " + w.text}}, "indexes:query", 400, "several_credentials", `Bearer error="invalid_request"`},
		"twice":            {http.Header{"Api-Key": {w.text, w.text}}, "indexes:query", 400, "several_credentials", `Bearer error="invalid_request"`},
		"unknown":          {http.Header{"Api-Key": {unknown}}, "indexes:query", 401, "NOT_FOUND", `Bearer error="invalid_token"`},
		"no key":           {http.Header{"Api-Key": {"x"}}, "indexes:query", 401, "NOT_FOUND", `Bearer error="invalid_token"`},
		"lacks it":         {http.Header{"Api-Key": {w.text}}, "indexes:add", 403, "FORBIDDEN", `Bearer error="insufficient_scope"`},
		"forgotten":        {http.Header{"Api-Key": {w.text}}, "", 403, "FORBIDDEN", `Bearer error="insufficient_scope"`},
	} {
		before := reached
		r := httptest.NewRequest("POST", "/query", nil)
		for name, values := range row.header {
			r.Header[name] = values
		}
		answer := httptest.NewRecorder()
		w.keys.Middleware(row.permission)(next).ServeHTTP(answer, r)
		if answer.Code != row.status || (reached > before) != (row.status == 200) || answer.Header().Get("WWW-Authenticate") != row.challenge {
			t.Errorf("%s: %d %v, reached %v", name, answer.Code, answer.Header(), reached > before)
		}
		if row.status != 200 {
			w.problem(name, answer, row.code)
		}
	}
	w.Server.CloseClientConnections()
	w.Server.Listener.Close()
	w.pass(time.Second)
	r := httptest.NewRequest("POST", "/query", nil)
	r.Header.Set("Api-Key", w.text)
	answer := httptest.NewRecorder()
	w.keys.Middleware("indexes:query")(next).ServeHTTP(answer, r)
	if answer.Code != 503 || answer.Header().Get("Retry-After") != "1" {
		t.Errorf("unreachable: %d %v", answer.Code, answer.Header())
	}
	w.problem("unreachable", answer, "service_unavailable")
}

// problem fails unless the answer is a problem document with this code, which says nothing secret.
func (w *world) problem(name string, answer *httptest.ResponseRecorder, code string) {
	w.Helper()
	var document map[string]any
	w.ok(json.Unmarshal(answer.Body.Bytes(), &document))
	if document["code"] != code || document["status"] != float64(answer.Code) || document["title"] == "" || document["detail"] == "" {
		w.Errorf("%s: %v", name, document)
	}
	if answer.Header().Get("Content-Type") != "application/problem+json" || answer.Header().Get("Cache-Control") != "no-store" {
		w.Errorf("%s: %v", name, answer.Header())
	}
	if all := answer.Body.String() + fmt.Sprint(answer.Header()); strings.Contains(all, w.text[32:75]) || strings.Contains(all, w.Listener.Addr().String()) {
		w.Errorf("%s: says %s", name, all)
	}
}

func TestOutsideOfTheMiddlewareNothingIsKnown(t *testing.T) {
	if result, ok := client.From(t.Context()); ok || result.Valid {
		t.Errorf("%+v", result)
	}
}

// The address is told with a token alone, since it is believed of nobody else; what was said of one address is not used for another.
func TestAddressIsToldWithAToken(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	var said []string
	recording := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		var about map[string]string
		if err := json.NewDecoder(r.Body).Decode(&about); err != nil {
			t.Error(err)
		}
		mu.Lock()
		said = append(said, about["address"]+" "+r.Header.Get("Authorization"))
		mu.Unlock()
		fmt.Fprint(answer, `{"valid":true,"code":"VALID","key_id":"key_1"}`)
	}))
	t.Cleanup(recording.Close)
	ask := func(change func(*client.Options)) []string {
		said = nil
		keys := w.client(func(o *client.Options) { o.URL = recording.URL; change(o) })
		protected := keys.Middleware(client.AnyPermission)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		for _, remote := range []string{"203.0.113.7:1", "203.0.113.7:2", "[::ffff:203.0.113.7]:3", "[2001:db8::1]:4", "nowhere"} {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = remote
			r.Header.Set("Api-Key", w.text)
			protected.ServeHTTP(httptest.NewRecorder(), r)
		}
		return said
	}
	if got := ask(func(*client.Options) {}); !slices.Equal(got, []string{" "}) {
		t.Errorf("without a token: %q", got)
	}
	token := func(o *client.Options) { o.ServiceAccountToken = "gate_sva_x" }
	if got := ask(token); !slices.Equal(got, []string{"203.0.113.7 Bearer gate_sva_x", "2001:db8::1 Bearer gate_sva_x", " Bearer gate_sva_x"}) {
		t.Errorf("with a token: %q", got)
	}
	behind := func(o *client.Options) {
		token(o)
		o.Address = func(*http.Request) netip.Addr { return netip.MustParseAddr("198.51.100.1") }
	}
	if got := ask(behind); !slices.Equal(got, []string{"198.51.100.1 Bearer gate_sva_x"}) {
		t.Errorf("behind a proxy: %q", got)
	}
}

func FuzzK04_KeyText(f *testing.F) {
	good := secret.NewKeyText("01jd3x8k2mfz9t0v5r7wq4ycna").Reveal()
	f.Add(good)
	f.Add(strings.ToUpper(good))
	f.Add("gate_é" + good[7:])
	f.Fuzz(func(t *testing.T, text string) {
		_, err := secret.ParseKeyText(text)
		if client.IsKeyText(text) != (err == nil) {
			t.Errorf("%q: taken %v, by Gatehouse %v", text, client.IsKeyText(text), err)
		}
	})
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
