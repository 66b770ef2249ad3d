package client_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/client"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

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
	if first := w.want("the first", text.Reveal(), client.AnyPermission, client.Valid); first.RetryAfter != 0 {
		t.Errorf("the first is to wait %s", first.RetryAfter)
	}
	w.want("the second", text.Reveal(), client.AnyPermission, client.Valid)
	w.want("the third", text.Reveal(), client.AnyPermission, client.RateLimited)
	r := httptest.NewRequest("POST", "/query", nil)
	r.Header.Set("Api-Key", text.Reveal())
	answer := httptest.NewRecorder()
	w.keys.Middleware("indexes:query")(http.NotFoundHandler()).ServeHTTP(answer, r)
	if answer.Code != 429 || answer.Header().Get("Retry-After") != "30" {
		t.Errorf("%d %v", answer.Code, answer.Header())
	}
	w.problem("the fourth", answer, "RATE_LIMITED")
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
