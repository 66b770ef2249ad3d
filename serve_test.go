package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/porttest"
)

// running is one serve, as its operator sees it.
type running struct {
	url, metrics string
	lines        []string // printed until it was ready
	stop         context.CancelFunc
	ended        <-chan error
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := porttest.Address()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// startServe runs serve on a database in folder, and returns once it says that it is ready.
func startServe(t *testing.T, folder string) *running {
	t.Helper()
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	r := &running{url: "http://localhost:" + port, metrics: freeAddress(t)}
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	out, in := io.Pipe()
	ended := make(chan error, 1)
	r.ended = ended
	go func() {
		err := realMain(ctx, []string{"serve", "--url", r.url, "--listen", address, "--metrics-listen", r.metrics,
			"--database", "sqlite:" + filepath.Join(folder, "gatehouse.db"), "--log", "json"}, in)
		_ = in.CloseWithError(io.EOF)
		ended <- err
	}()
	t.Cleanup(cancel)
	printed := bufio.NewScanner(out)
	for printed.Scan() {
		r.lines = append(r.lines, printed.Text())
		if strings.Contains(printed.Text(), "is ready at "+r.url) {
			return r
		}
	}
	t.Fatalf("serve ended before it was ready: %v, having printed %q", <-ended, r.lines)
	return nil
}

func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	if err := <-r.ended; err != nil {
		t.Errorf("serve ended with %v", err)
	}
}

func get(t *testing.T, method, address string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func TestServeStartsIsReadyAndStops(t *testing.T) {
	folder := t.TempDir()
	first := startServe(t, folder)
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/login": 200, "/nowhere": 404} {
		if answer, _ := get(t, "GET", first.url+path); answer.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, answer.StatusCode, want)
		}
	}
	if len(first.lines) != 2 || !strings.Contains(first.lines[0], first.url+"/welcome/") {
		t.Errorf("printed %q, want the first owner's link and that it is ready", first.lines)
	}
	first.end(t)

	second := startServe(t, folder)
	if len(second.lines) != 2 || second.lines[0] == first.lines[0] {
		t.Errorf("printed again: %q", second.lines)
	}
	second.end(t)
}

func TestW24_NoDebugSurfaceOnThePublicListener(t *testing.T) {
	r := startServe(t, t.TempDir())
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/vars", "/debug", "/.git/config", "/.env"} {
		if answer, _ := get(t, "GET", r.url+path); answer.StatusCode != 404 {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
	if answer, body := get(t, "GET", "http://"+r.metrics+"/metrics"); answer.StatusCode != 200 || !strings.Contains(body, "gatehouse_http_requests_total") {
		t.Errorf("metrics on their own listener: %d", answer.StatusCode)
	}
	if answer, _ := get(t, "GET", "http://"+r.metrics+"/login"); answer.StatusCode != 404 {
		t.Errorf("the product on the metrics' listener: %d", answer.StatusCode)
	}
	r.end(t)
}

func TestW08_W10_HeadersOnTheWholeProduct(t *testing.T) {
	r := startServe(t, t.TempDir())
	for _, ask := range []string{"GET /login", "GET /nowhere", "PUT /login", "POST /login/password", "POST /nowhere", "GET /static/nothing.css", "GET /saml/con_x/metadata",
		"PUT /saml/con_x/acs", "POST /v1/keys/verify", "GET /v1/keys/self", "PUT /v1/keys/verify", "GET /organizations/org_x/projects", "GET /welcome/x", "GET /a//b", "TRACE /"} {
		method, path, _ := strings.Cut(ask, " ")
		answer, body := get(t, method, r.url+path)
		for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy",
			"Cross-Origin-Resource-Policy", "Permissions-Policy", "Cache-Control", "X-Request-Id"} {
			if answer.Header.Get(name) == "" {
				t.Errorf("%s (%d): no %s", ask, answer.StatusCode, name)
			}
		}
		if answer.StatusCode == 500 || strings.Contains(body, "goroutine ") {
			t.Errorf("%s: %d %s", ask, answer.StatusCode, body)
		}
	}
	r.end(t)
}

func TestServeSaysWhyItCannotStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	folder := t.TempDir()
	database := "sqlite:" + filepath.Join(folder, "gatehouse.db")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"listener taken": {[]string{"--listen", taken.Addr().String()}, "GATEHOUSE_LISTEN"},
		"metrics taken":  {[]string{"--listen", freeAddress(t), "--metrics-listen", taken.Addr().String()}, "GATEHOUSE_METRICS_LISTEN"},
	} {
		err := realMain(t.Context(), append([]string{"serve", "--database", database}, c.args...), io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestX04_AnotherMasterKeyStopsTheStartAndChangesNothing(t *testing.T) {
	folder := t.TempDir()
	startServe(t, folder).end(t)
	key := filepath.Join(folder, "gatehouse.db.key")
	kept, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, []byte(goodKey), 0o600); err != nil {
		t.Fatal(err)
	}
	database := fmt.Sprint("sqlite:", filepath.Join(folder, "gatehouse.db"))
	if err := realMain(t.Context(), []string{"serve", "--database", database, "--listen", freeAddress(t)}, io.Discard); err == nil || !strings.Contains(err.Error(), "master key") {
		t.Errorf("with another key: %v", err)
	}
	if err := os.WriteFile(key, kept, 0o600); err != nil {
		t.Fatal(err)
	}
	startServe(t, folder).end(t)
}
