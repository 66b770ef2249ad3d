package web

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

const host = "sso.example.com"

// house is a Site with a route of every kind, and its log.
type house struct {
	http.Handler
	log      *bytes.Buffer
	registry *prometheus.Registry
	seen     Request     // by the last handler
	header   http.Header // as the last handler got it
}

func newHouse(t *testing.T, base string) *house {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	assets, err := NewAssets(fstest.MapFS{"console.css": {Data: []byte("body{}")}})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{log: &bytes.Buffer{}, registry: prometheus.NewRegistry()}
	problem := func(w http.ResponseWriter, r *http.Request, status int) {
		plain(w, status, "problem "+RequestInfo(r).ID)
	}
	router := NewRouter(problem)
	look := func(w http.ResponseWriter, r *http.Request) {
		h.seen, h.header = RequestInfo(r), r.Header.Clone()
		plain(w, http.StatusOK, "fine")
	}
	router.HandleFunc(Route{Pattern: "GET /{$}"}, look)
	router.HandleFunc(Route{Pattern: "GET /healthz"}, Healthy)
	router.HandleFunc(Route{Pattern: "GET /welcome/{token}"}, look)
	router.HandleFunc(Route{Pattern: "GET /watch"}, func(w http.ResponseWriter, r *http.Request) {
		if _, err := StartStream(w, r); err != nil {
			t.Error(err)
		}
	})
	router.HandleFunc(Route{Pattern: "POST /form"}, look)
	router.HandleFunc(Route{Pattern: "POST /small", BodyLimit: 10}, look)
	router.HandleFunc(Route{Pattern: "POST /json", Body: JSONBody}, look)
	router.HandleFunc(Route{Pattern: "POST /upload", Body: MultipartBody}, look)
	router.HandleFunc(Route{Pattern: "POST /saml/{connection}/acs", CrossOrigin: true}, look)
	router.HandleFunc(Route{Pattern: "GET /panic"}, func(http.ResponseWriter, *http.Request) { panic("secret-of-the-panic") })
	router.HandleFunc(Route{Pattern: "GET /half"}, func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusOK, "half")
		panic("after half an answer")
	})
	router.Handle(Route{Pattern: AssetsPattern}, assets)
	h.Handler = Site{
		URL:            u,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")},
		AnyHost:        HealthPaths,
		Problem:        problem,
		Log:            slog.New(slog.NewJSONHandler(h.log, nil)),
		Metrics:        h.registry,
	}.Handler(router)
	return h
}

func (h *house) ask(r *http.Request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, r)
	return answer
}

func request(method, target, body string, header ...string) *http.Request {
	r := httptest.NewRequest(method, "https://"+host+target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

const formType = "application/x-www-form-urlencoded"

func TestW08_W09_W10_W15_HeadersOnEveryAnswer(t *testing.T) {
	elsewhere := request("GET", "/", "")
	elsewhere.Host = "evil.test"
	elsewherePost := request("POST", "/form", "")
	elsewherePost.Host = "evil.test"
	asked := map[int]*http.Request{
		200: request("GET", "/", ""),
		400: request("GET", "/a/../b", ""),
		403: request("POST", "/form", "a=b", "Content-Type", formType, "Sec-Fetch-Site", "cross-site"),
		404: request("GET", "/nowhere", ""),
		405: request("DELETE", "/form", ""),
		413: request("POST", "/small", "a=bcdefghijkl", "Content-Type", formType),
		415: request("POST", "/form", "<a/>", "Content-Type", "text/xml"),
		500: request("GET", "/panic", ""),
		308: elsewhere,
		421: elsewherePost,
	}
	for status, r := range asked {
		answer := newHouse(t, "https://"+host).ask(r)
		if answer.Code != status {
			t.Errorf("%s %s: %d, want %d", r.Method, r.URL, answer.Code, status)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy":      contentSecurityPolicy,
			"Strict-Transport-Security":    "max-age=31536000",
			"X-Content-Type-Options":       "nosniff",
			"X-Frame-Options":              "DENY",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Cache-Control":                "no-store",
		} {
			if got := answer.Header().Get(name); got != want {
				t.Errorf("%d: %s is %q, want %q", status, name, got, want)
			}
		}
		if answer.Header().Get("Permissions-Policy") == "" {
			t.Errorf("%d: no Permissions-Policy", status)
		}
	}
}

func TestW09_PolicyIsOneLineWithoutUnsafe(t *testing.T) {
	if strings.Contains(contentSecurityPolicy, "unsafe") || strings.Contains(contentSecurityPolicy, "\n") || strings.Contains(contentSecurityPolicy, "*") {
		t.Errorf("policy is %q", contentSecurityPolicy)
	}
}

func TestW09_FormActionIsWidenedByOneOriginOnOneAnswer(t *testing.T) {
	h := newHouse(t, "https://"+host)
	for endpoint, want := range map[string]string{
		"https://idp.example.com/sso?x=y": "form-action 'self' https://idp.example.com;",
		"https://a;script-src/sso":        "form-action 'self';",
	} {
		answer := httptest.NewRecorder()
		setSecurityHeaders(answer.Header(), true)
		WidenFormAction(answer, &url.URL{Scheme: "https", Host: strings.Split(strings.TrimPrefix(endpoint, "https://"), "/")[0]})
		if got := answer.Header().Get("Content-Security-Policy"); !strings.Contains(got, want) {
			t.Errorf("%s: policy is %q, want %q in it", endpoint, got, want)
		}
	}
	if got := h.ask(request("GET", "/", "")).Header().Get("Content-Security-Policy"); got != contentSecurityPolicy {
		t.Errorf("the next answer's policy is %q", got)
	}
}

func TestW10_NoHSTSOverPlainHTTP(t *testing.T) {
	r := request("GET", "/", "")
	r.Host = "localhost:8080"
	answer := newHouse(t, "http://localhost:8080").ask(r)
	if answer.Code != 200 || answer.Header().Get("Strict-Transport-Security") != "" {
		t.Errorf("status %d, HSTS %q", answer.Code, answer.Header().Get("Strict-Transport-Security"))
	}
}

func TestW15_AssetsAloneAreKept(t *testing.T) {
	h := newHouse(t, "https://"+host)
	assets, err := NewAssets(fstest.MapFS{"console.css": {Data: []byte("body{}")}})
	if err != nil {
		t.Fatal(err)
	}
	answer := h.ask(request("GET", assets.URL("console.css"), ""))
	if answer.Code != 200 || !strings.Contains(answer.Header().Get("Cache-Control"), "immutable") || !strings.HasPrefix(answer.Header().Get("Content-Type"), "text/css") {
		t.Errorf("%d %v", answer.Code, answer.Header())
	}
	for _, name := range []string{"console.css", "nothing.css"} {
		answer := h.ask(request("GET", "/static/"+name, ""))
		if answer.Code != 404 || answer.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %q", name, answer.Code, answer.Header().Get("Cache-Control"))
		}
	}
}

func TestW25_PanicSaysNothingButTheRequestID(t *testing.T) {
	h := newHouse(t, "https://"+host)
	answer := h.ask(request("GET", "/panic", ""))
	id := answer.Header().Get("X-Request-Id")
	if got := answer.Body.String(); got != "problem "+id || len(id) < 20 {
		t.Errorf("answer is %q, id %q", got, id)
	}
	if !strings.Contains(h.log.String(), "secret-of-the-panic") || !strings.Contains(h.log.String(), id) {
		t.Errorf("log does not tell the cause with the id: %s", h.log)
	}
}

func TestW25_PanicAfterHalfAnAnswerCutsTheConnection(t *testing.T) {
	h := newHouse(t, "https://"+host)
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("the half answer was ended as if it were whole")
		}
	}()
	h.ask(request("GET", "/half", ""))
}

func TestW17_LogLinesAreJSONWithThePatternAndNotThePath(t *testing.T) {
	h := newHouse(t, "https://"+host)
	h.ask(request("GET", "/welcome/hunter2?also=hunter3", "", "User-Agent", "a\nb", "X-Request-Id", "theirs"))
	h.ask(request("GET", "/nowhere/hunter4", ""))
	lines := strings.Split(strings.TrimSpace(h.log.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines: %s", len(lines), h.log)
	}
	for _, line := range lines {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("line is not one JSON object: %s", line)
		}
	}
	if strings.Contains(h.log.String(), "hunter") || !strings.Contains(lines[0], `"GET /welcome/{token}"`) {
		t.Errorf("log: %s", h.log)
	}
}

func TestRequestIDIsOursAlone(t *testing.T) {
	h := newHouse(t, "https://"+host)
	first := h.ask(request("GET", "/", "", "X-Request-Id", "theirs")).Header().Get("X-Request-Id")
	second := h.ask(request("GET", "/", "")).Header().Get("X-Request-Id")
	if first == "theirs" || first == second || h.seen.ID != second || len(first) != 26 {
		t.Errorf("ids %q, %q; the handler saw %q", first, second, h.seen.ID)
	}
}

func TestUserAgentIsPrintableAndShort(t *testing.T) {
	h := newHouse(t, "https://"+host)
	h.ask(request("GET", "/", "", "User-Agent", "Mozilla\x01é\xff"+strings.Repeat("x", 5000)))
	if got := h.seen.UserAgent; len([]rune(got)) != 256 || !strings.HasPrefix(got, "Mozillaéx") {
		t.Errorf("user agent is %q", got)
	}
}

func TestMetricsCountByPattern(t *testing.T) {
	h := newHouse(t, "https://"+host)
	for _, path := range []string{"/welcome/a", "/welcome/b", "/nowhere/c", "/nowhere/d", "/e/../f"} {
		h.ask(request("GET", path, ""))
	}
	want := `
		# HELP gatehouse_http_requests_total Answers by route pattern and status.
		# TYPE gatehouse_http_requests_total counter
		gatehouse_http_requests_total{route="GET /welcome/{token}",status="200"} 2
		gatehouse_http_requests_total{route="none",status="400"} 1
		gatehouse_http_requests_total{route="none",status="404"} 2
	`
	if err := testutil.GatherAndCompare(h.registry, strings.NewReader(want), "gatehouse_http_requests_total"); err != nil {
		t.Error(err)
	}
}

// TestMetricsDoNotTimeStreams: one watched for twenty seconds is no slow answer. The page beside it is timed.
func TestMetricsDoNotTimeStreams(t *testing.T) {
	h := newHouse(t, "https://"+host)
	for _, path := range []string{"/watch", "/watch", "/welcome/a"} {
		h.ask(request("GET", path, ""))
	}
	families, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	timed, counted := map[string]uint64{}, map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			switch route := m.GetLabel()[0].GetValue(); family.GetName() {
			case "gatehouse_http_request_seconds":
				timed[route] = m.GetHistogram().GetSampleCount()
			case "gatehouse_http_requests_total":
				counted[route] = m.GetCounter().GetValue()
			}
		}
	}
	if counted["GET /watch"] != 2 || timed["GET /watch"] != 0 || timed["GET /welcome/{token}"] != 1 {
		t.Errorf("counted %v, timed %v", counted, timed)
	}
}

func TestFailingProblemPageEndsInABareStatus(t *testing.T) {
	x, r := enter(request("GET", "/", ""))
	x.problem = func(w http.ResponseWriter, r *http.Request, status int) { Fail(w, r, status) }
	answer := httptest.NewRecorder()
	Fail(answer, r, 500)
	if body, _ := io.ReadAll(answer.Body); answer.Code != 500 || strings.TrimSpace(string(body)) != "Internal Server Error" {
		t.Errorf("%d %q", answer.Code, body)
	}
}
