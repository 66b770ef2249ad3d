package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/gate"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/web"
)

// keyWorld is the routes under /v1/keys/ as they are served, on a database with one key, and all that was logged and counted.
type keyWorld struct {
	testing.TB
	site     http.Handler
	store    *store.Store
	gate     *gate.Gate
	org      store.Organization
	project  store.Project
	key      store.APIKey
	text     string
	clock    *atomic.Int64
	logged   *bytes.Buffer
	registry *prometheus.Registry
}

func newKeyWorld(t testing.TB) *keyWorld {
	t.Helper()
	w := &keyWorld{TB: t, clock: new(atomic.Int64), logged: new(bytes.Buffer), registry: prometheus.NewRegistry()}
	w.clock.Store(time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC).UnixNano())
	now := func() time.Time { return time.Unix(0, w.clock.Load()).UTC() }
	master, err := ourKey()
	w.ok(err)
	w.store, err = store.Open(t.Context(), store.Options{Database: "sqlite:" + installedFile(t), MasterKey: master, Now: now})
	w.ok(err)
	t.Cleanup(func() { w.ok(w.store.Close()) })
	w.fill()

	log := slog.New(slog.NewJSONHandler(w.logged, nil))
	g, err := gate.New(gate.Options{Store: w.store, Catalogue: access.BuiltIn(), Now: now, Registry: w.registry})
	w.ok(err)
	w.gate = g
	following, stop := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		if err := g.Follow(following); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { stop(); <-stopped })
	<-g.Heard()
	routes, err := KeyRoutes(g, now, log)
	w.ok(err)
	w.site = w.in(routes, w.registry)
	return w
}

// in puts in front of a handler what stands in front of all.
func (w *keyWorld) in(next http.Handler, metrics prometheus.Registerer) http.Handler {
	return web.Site{
		URL: &url.URL{Scheme: "http", Host: "localhost:8080"}, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Problem: documentProblem, Log: slog.New(slog.NewJSONHandler(w.logged, nil)), Metrics: metrics,
	}.Handler(next)
}

func (w *keyWorld) fill() {
	w.Helper()
	ctx, actor := w.Context(), audit.Actor{Kind: audit.Operator}
	address, err := trust.ParseAddress("ada@acme.test")
	w.ok(err)
	_, token, err := w.store.Setup(ctx, actor, "Acme", address)
	w.ok(err)
	owner, organization, err := w.store.SpendWelcome(ctx, actor, token, store.Newcomer{Name: "Ada Lovelace", Address: address, PasswordHash: "x"})
	w.ok(err)
	w.org = organization
	w.project, err = w.store.In(w.org.ID).CreateProject(ctx, actor, "Search", access.Serverless, owner.ID)
	w.ok(err)
	expires := w.store.Now().Add(90 * 24 * time.Hour)
	key, text, err := w.store.In(w.org.ID).CreateAPIKey(ctx, actor, store.NewAPIKey{
		ProjectID: w.project.ID, Name: "ci", Roles: []access.Role{access.DataPlaneViewer}, CreatorID: owner.ID, ExpiresAt: &expires})
	w.ok(err)
	w.key, w.text = key, text.Reveal()
}

func (w *keyWorld) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// send asks and decodes the JSON of the answer.
func (w *keyWorld) send(method, target, body string, header http.Header) (*httptest.ResponseRecorder, map[string]any) {
	w.Helper()
	r := httptest.NewRequest(method, "http://localhost:8080"+target, strings.NewReader(body))
	r.RemoteAddr = "203.0.113.7:1234"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, values := range header {
		r.Header[name] = values
		if name == "Remote" {
			r.RemoteAddr = values[0]
		}
	}
	recorder := httptest.NewRecorder()
	w.site.ServeHTTP(recorder, r)
	var answer map[string]any
	if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
		w.Fatalf("%s %s: %d %q is not JSON", method, target, recorder.Code, recorder.Body)
	}
	if kind := recorder.Header().Get("Content-Type"); (recorder.Code < 300) != (kind == "application/json") || (recorder.Code >= 400) != (kind == "application/problem+json") {
		w.Errorf("%s %s: %d of type %s", method, target, recorder.Code, kind)
	}
	return recorder, answer
}

func (w *keyWorld) verify(body string) (int, map[string]any) {
	w.Helper()
	recorder, answer := w.send("POST", "/v1/keys/verify", body, nil)
	return recorder.Code, answer
}

func (w *keyWorld) asking(more string) string { return fmt.Sprintf(`{"key":%q%s}`, w.text, more) }

// silent fails when the key's text, or its secret part, is in what was logged, counted or answered.
func (w *keyWorld) silent(recorder *httptest.ResponseRecorder) {
	w.Helper()
	metrics := httptest.NewRecorder()
	promhttp.HandlerFor(w.registry, promhttp.HandlerOpts{}).ServeHTTP(metrics, httptest.NewRequest("GET", "/metrics", nil))
	for where, text := range map[string]string{"the log": w.logged.String(), "the metrics": metrics.Body.String(), "the answer": recorder.Body.String() + fmt.Sprint(recorder.Header())} {
		if strings.Contains(text, w.text[32:75]) {
			w.Errorf("K-09: the key is in %s: %s", where, text)
		}
	}
}

func TestVerify(t *testing.T) {
	w := newKeyWorld(t)
	for _, row := range []struct {
		name, more, code string
	}{
		{"alone", ``, "VALID"},
		{"all optional members", `,"permission":"indexes:query","project":"` + w.project.ID + `","address":"203.0.113.7"`, "VALID"},
		{"an IPv6 address", `,"address":"2001:db8::1"`, "VALID"},
		{"a permission it lacks", `,"permission":"indexes:create"`, "FORBIDDEN"},
		{"another project", `,"project":"prj_01jd3x8k2mfz9t0v5r7wq4ycna"`, "NOT_FOUND"},
	} {
		status, answer := w.verify(w.asking(row.more))
		if status != http.StatusOK || answer["code"] != row.code || answer["valid"] != (row.code == "VALID") {
			t.Errorf("%s: %d %v", row.name, status, answer)
		}
		if row.code == "VALID" && (answer["key_id"] != w.key.ID || answer["project"] != w.project.ID || answer["organization"] != w.org.ID || answer["name"] != "ci") {
			t.Errorf("%s: %v", row.name, answer)
		}
	}
}

func TestW33_StrictJSON(t *testing.T) {
	w := newKeyWorld(t)
	for body, want := range map[string]int{
		`{}`:                                               422,
		`{"key":null}`:                                     422,
		`{"key":["a"]}`:                                    422,
		`{"key":{"key":"a"}}`:                              422,
		`{"key":1}`:                                        422,
		`{"key":true}`:                                     422,
		w.asking(`,"key":"gate_x"`):                        422,
		w.asking(`,"project":null`):                        422,
		w.asking(`,"project":""`):                          422,
		w.asking(`,"project":"' OR 1=1"`):                  422,
		w.asking(`,"permission":[]`):                       422,
		w.asking(`,"permission":""`):                       422,
		w.asking(`,"address":"localhost"`):                 422,
		w.asking(`,"admin":"yes"`):                         422,
		fmt.Sprintf(`{"KEY":%q}`, w.text):                  422,
		fmt.Sprintf(`{"Key":%q,"key":%q}`, w.text, w.text): 422,
		``:                          400,
		`null`:                      400,
		`[]`:                        400,
		`"key"`:                     400,
		`{"key":"a"`:                400,
		`{"key":"a"}}`:              400,
		w.asking(``) + w.asking(``): 400,
		`{"key":"a",}`:              400,
		`{key:"a"}`:                 400,
		"{\"key\":\"\xff\"}":        400,
		"\ufeff" + w.asking(""):     400,
		`{"key":"gate_x"}`:          200,
		w.asking(" "):               200,
	} {
		recorder, answer := w.send("POST", "/v1/keys/verify", body, nil)
		if recorder.Code != want {
			t.Errorf("%s: %d %v, want %d", body, recorder.Code, answer, want)
		}
		if want == 422 && answer["errors"] == nil || want != 200 && answer["code"] == nil {
			t.Errorf("%s: %v", body, answer)
		}
		w.silent(recorder)
	}
}

func TestVerifyNamesEveryMistakeAtOnce(t *testing.T) {
	w := newKeyWorld(t)
	_, answer := w.verify(`{"key":null,"permission":"","project":"x","address":"y","more":1}`)
	if mistakes, _ := answer["errors"].([]any); len(mistakes) != 5 {
		t.Errorf("%v", answer)
	}
}

// K-09: a misspelled member is named; what may be a key is not repeated.
func TestK09_AnUnknownMemberIsNamedWhereThatIsHarmless(t *testing.T) {
	w := newKeyWorld(t)
	for name, named := range map[string]bool{
		"permision": true, "KEY": true, "_": true, w.text: false, "gate_x": false, "GATE_x": false, "a-b": false, "4fz": false, strings.Repeat("a", 33): false,
	} {
		code, answer := w.verify(fmt.Sprintf(`{"key":%q,%q:"x"}`, w.text, name))
		if code != 422 || strings.Contains(fmt.Sprint(answer["errors"]), name) != named {
			t.Errorf("%s: %d %v", name, code, answer)
		}
	}
}

func TestVerifyTakesOnlySmallJSON(t *testing.T) {
	w := newKeyWorld(t)
	for name, row := range map[string]struct {
		body   string
		header http.Header
		want   int
	}{
		"a form":       {w.asking(""), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, 415},
		"text":         {w.asking(""), http.Header{"Content-Type": {"text/plain"}}, 415},
		"no type":      {w.asking(""), http.Header{"Content-Type": {""}}, 415},
		"with charset": {w.asking(""), http.Header{"Content-Type": {"application/json; charset=utf-8"}}, 200},
		"9 KiB":        {w.asking(strings.Repeat(" ", 9<<10)), nil, 413},
		"7 KiB":        {w.asking(strings.Repeat(" ", 7<<10)), nil, 200},
		"cross-origin": {w.asking(""), http.Header{"Origin": {"https://evil.test"}, "Sec-Fetch-Site": {"cross-site"}}, 403},
	} {
		recorder, answer := w.send("POST", "/v1/keys/verify", row.body, row.header)
		if recorder.Code != row.want {
			t.Errorf("%s: %d %v, want %d", name, recorder.Code, answer, row.want)
		}
		w.silent(recorder)
	}
	for method, want := range map[string]int{"GET": 405, "PUT": 405, "DELETE": 405} {
		if recorder, _ := w.send(method, "/v1/keys/verify", "", nil); recorder.Code != want {
			t.Errorf("%s: %d", method, recorder.Code)
		}
	}
	if recorder, _ := w.send("GET", "/v1/keys/unknown", "", nil); recorder.Code != 404 {
		t.Errorf("unknown: %d", recorder.Code)
	}
}

func TestK09_KeyInTheQueryIsRefusedAndNotLogged(t *testing.T) {
	w := newKeyWorld(t)
	for _, ask := range []struct{ method, target, body string }{
		{"POST", "/v1/keys/verify?key=" + w.text, w.asking("")},
		{"POST", "/v1/keys/verify?" + w.text, w.asking("")},
		{"POST", "/v1/keys/verify?", w.asking("")},
		{"GET", "/v1/keys/self?key=" + w.text, ""},
	} {
		recorder, answer := w.send(ask.method, ask.target, ask.body, http.Header{"Api-Key": {w.text}})
		if recorder.Code != http.StatusBadRequest || answer["code"] != "query_not_allowed" {
			t.Errorf("%s %s: %d %v", ask.method, ask.target[:17], recorder.Code, answer)
		}
		w.silent(recorder)
	}
	recorder, _ := w.send("GET", "/v1/keys/"+w.text, "", nil)
	w.silent(recorder)
	recorder, answer := w.send("POST", "/v1/keys/verify", w.asking(""), nil)
	if recorder.Code != 200 || answer["valid"] != true {
		t.Errorf("the honest twin: %d %v", recorder.Code, answer)
	}
	w.silent(recorder)
}

func TestSelf(t *testing.T) {
	w := newKeyWorld(t)
	bad := secret.NewKeyText(strings.TrimPrefix(w.key.ID, "key_"))
	for name, row := range map[string]struct {
		header http.Header
		want   int
		code   string
	}{
		"Bearer":             {http.Header{"Authorization": {"Bearer " + w.text}}, 200, "VALID"},
		"bearer, lower case": {http.Header{"Authorization": {"bearer " + w.text}}, 200, "VALID"},
		"Api-Key":            {http.Header{"Api-Key": {w.text}}, 200, "VALID"},
		"none":               {nil, 401, "key_missing"},
		"Basic":              {http.Header{"Authorization": {"Basic " + w.text}}, 401, "key_missing"},
		"wrong secret":       {http.Header{"Api-Key": {bad.Reveal()}}, 401, "NOT_FOUND"},
		"both":               {http.Header{"Api-Key": {w.text}, "Authorization": {"Bearer " + w.text}}, 400, "several_credentials"},
		"twice":              {http.Header{"Api-Key": {w.text, w.text}}, 400, "several_credentials"},
		"K-13 in a cookie":   {http.Header{"Cookie": {"gatehouse=" + w.text + "; Api-Key=" + w.text}}, 401, "key_missing"},
	} {
		recorder, answer := w.send("GET", "/v1/keys/self", "", row.header)
		if recorder.Code != row.want || answer["code"] != row.code {
			t.Errorf("%s: %d %v", name, recorder.Code, answer)
		}
		if (recorder.Code == 401) != (recorder.Header().Get("WWW-Authenticate") != "") {
			t.Errorf("%s: WWW-Authenticate is %q", name, recorder.Header().Get("WWW-Authenticate"))
		}
		if cookies := recorder.Header().Values("Set-Cookie"); len(cookies) > 0 {
			t.Errorf("%s: sets %q", name, cookies)
		}
		w.silent(recorder)
	}
}

func TestK13_CookiesAreNeverRead(t *testing.T) {
	w := newKeyWorld(t)
	plain, _ := w.send("POST", "/v1/keys/verify", `{"key":"gate_x"}`, nil)
	with, _ := w.send("POST", "/v1/keys/verify", `{"key":"gate_x"}`, http.Header{"Cookie": {"__Host-gatehouse=" + w.text + "; gatehouse=" + w.text}})
	if plain.Code != 200 || with.Code != plain.Code || with.Body.String() != plain.Body.String() {
		t.Errorf("%d %s became %d %s", plain.Code, plain.Body, with.Code, with.Body)
	}
}

func TestK10_TwentyMissesThenNoLook(t *testing.T) {
	w := newKeyWorld(t)
	from := func(address, forwarded string) http.Header {
		header := http.Header{"Remote": {address}}
		if forwarded != "" {
			header.Set("X-Forwarded-For", forwarded)
		}
		return header
	}
	for i := range 20 {
		unknown := secret.NewKeyText("01jd3x8k2mfz9t0v5r7wq4ycna")
		// From the same /24, and under ever new X-Forwarded-For, which nobody asked a stranger for.
		header := from(fmt.Sprintf("203.0.113.%d:80", i), fmt.Sprintf("198.51.100.%d", i))
		if recorder, answer := w.send("POST", "/v1/keys/verify", fmt.Sprintf(`{"key":%q}`, unknown.Reveal()), header); recorder.Code != 200 || answer["code"] != "NOT_FOUND" {
			t.Fatalf("miss %d: %d %v", i, recorder.Code, answer)
		}
	}
	checks := w.counted()
	recorder, answer := w.send("POST", "/v1/keys/verify", w.asking(""), from("203.0.113.99:80", "192.0.2.1"))
	if recorder.Code != 429 || recorder.Header().Get("Retry-After") != "3" || answer["code"] != "too_many_requests" {
		t.Errorf("the 21st: %d %v %v", recorder.Code, recorder.Header(), answer)
	}
	if recorder, _ := w.send("GET", "/v1/keys/self", "", http.Header{"Remote": {"203.0.113.99:80"}, "Api-Key": {w.text}}); recorder.Code != 429 {
		t.Errorf("self: %d", recorder.Code)
	}
	if w.counted() != checks {
		t.Error("a limited caller's key was looked at")
	}
	if recorder, _ := w.send("POST", "/v1/keys/verify", w.asking(""), from("203.0.114.1:80", "")); recorder.Code != 200 {
		t.Errorf("the honest twin from elsewhere: %d", recorder.Code)
	}
	if recorder, _ := w.send("POST", "/v1/keys/verify", w.asking(""), from("10.0.0.1:80", "198.51.100.77")); recorder.Code != 200 {
		t.Errorf("the honest twin through our proxy: %d", recorder.Code)
	}
	w.clock.Add(int64(3 * time.Second))
	if recorder, _ := w.send("POST", "/v1/keys/verify", w.asking(""), from("203.0.113.99:80", "")); recorder.Code != 200 {
		t.Errorf("after waiting: %d", recorder.Code)
	}
}

func TestGoodChecksAreNotLimited(t *testing.T) {
	w := newKeyWorld(t)
	for range 100 {
		if status, answer := w.verify(w.asking(`,"permission":"indexes:create"`)); status != 200 || answer["code"] != "FORBIDDEN" {
			t.Fatalf("%d %v", status, answer)
		}
	}
}

// counted is how many keys the gate has decided about.
func (w *keyWorld) counted() (sum float64) {
	w.Helper()
	families, err := w.registry.Gather()
	w.ok(err)
	for _, family := range families {
		if family.GetName() != "gatehouse_key_checks_total" {
			continue
		}
		for _, metric := range family.GetMetric() {
			sum += metric.GetCounter().GetValue()
		}
	}
	return sum
}

func TestK07_WithoutTheDatabaseIsUnavailable(t *testing.T) {
	w := newKeyWorld(t)
	unknown := secret.NewKeyText("01jd3x8k2mfz9t0v5r7wq4ycna")
	w.ok(w.store.Close())
	recorder, answer := w.send("POST", "/v1/keys/verify", fmt.Sprintf(`{"key":%q}`, unknown.Reveal()), nil)
	if recorder.Code != 503 || answer["code"] != "service_unavailable" || recorder.Header().Get("Retry-After") == "" {
		t.Errorf("the store is gone: %d %v", recorder.Code, answer)
	}
	w.clock.Add(int64(6 * time.Second))
	recorder, answer = w.send("GET", "/v1/keys/self", "", http.Header{"Api-Key": {w.text}})
	if recorder.Code != 503 || strings.Contains(fmt.Sprint(answer), "feed") {
		t.Errorf("cut off: %d %v", recorder.Code, answer)
	}
	w.silent(recorder)
}

func FuzzParseCheck(f *testing.F) {
	f.Add([]byte(`{"key":"gate_x","permission":"indexes:query"}`))
	f.Add([]byte(`{"key":null,"KEY":"a","key":"b"}`))
	f.Add([]byte(`{"checks":[{"key":"a"},[{"key":["]"]}],null,{"key":"b"}]}`))
	f.Add([]byte(`{"key":"\u0061","source":"https://example.test/"}`))
	for _, value := range []string{
		`-0.5e+7`, `01`, `1.`, `+1`, `nul`, `null`, `true x`, `[1,]`, `[,1]`, `{"a":1,}`, `{"a" 1}`, `{1:2}`, `[1}`, `"\x"`, `"\ud800"`, "\"\n\"", "\x00", `"`, ``,
		strings.Repeat("[", deepest-1) + strings.Repeat("]", deepest-1), strings.Repeat("[", deepest) + strings.Repeat("]", deepest),
	} {
		f.Add([]byte(` { "more" : ` + value + ` } `))
		f.Add([]byte(`{"key":` + value))
		f.Add([]byte(`{"checks":[{"key":` + value + `}]}x`))
	}
	for _, body := range []string{``, ` `, `[]`, `null`, "{}\x00", `{}{}`, `{}]`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var loose struct {
			Key, Source any
			Checks      []map[string]any
		}
		decoded := json.Unmarshal(body, &loose)
		object := utf8.Valid(body) && json.Valid(body) && bytes.TrimLeft(body, " \t\r\n")[0] == '{'
		request, mistakes, err := parseCheck(body)
		if (err == nil) != object {
			t.Errorf("%q: %v", body, err)
		}
		if err == nil && len(mistakes) == 0 && (decoded != nil || loose.Key != request.Key.Reveal()) {
			t.Errorf("%q was taken and is %v (%v)", body, loose.Key, decoded)
		}
		requests, mistakes, err := parseBatch(body)
		if (err == nil) != object {
			t.Errorf("%q: as a batch %v", body, err)
		}
		if err == nil && len(mistakes) == 0 {
			if decoded != nil || len(requests) != len(loose.Checks) {
				t.Fatalf("%q was taken for %d checks (%v)", body, len(requests), decoded)
			}
			for i, one := range requests {
				if loose.Checks[i]["key"] != one.Key.Reveal() {
					t.Errorf("%q was taken, and check %d is %v", body, i, loose.Checks[i])
				}
			}
		}
		key, source, mistakes, err := parseLeak(body)
		if (err == nil) != object {
			t.Errorf("%q: as a leak %v", body, err)
		}
		if err == nil && len(mistakes) == 0 && (decoded != nil || loose.Key != key.Reveal() || source != "" && loose.Source != source) {
			t.Errorf("%q was taken and is %v (%v)", body, loose, decoded)
		}
	})
}
