package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/client"
	"github.com/gatehouse-sso/gatehouse/secret"
)

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
