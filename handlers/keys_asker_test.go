package handlers

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// make makes another key in the project, with what is special about it.
func (w *keyWorld) make(n store.NewAPIKey) (store.APIKey, string) {
	w.Helper()
	expires := w.store.Now().Add(90 * 24 * time.Hour)
	n.ProjectID, n.ExpiresAt, n.CreatorID = w.project.ID, &expires, w.key.CreatorID
	if n.Roles == nil {
		n.Roles = []access.Role{access.DataPlaneViewer}
	}
	key, text, err := w.store.In(w.org.ID).CreateAPIKey(w.Context(), audit.Actor{Kind: audit.Operator}, n)
	w.ok(err)
	return key, text.Reveal()
}

// caller makes a service account and is what it says in its requests' header.
func (w *keyWorld) caller(name string) http.Header {
	w.Helper()
	_, token, err := w.store.In(w.org.ID).CreateServiceAccount(w.Context(), audit.Actor{Kind: audit.Operator}, name, []access.Role{access.OrgMember})
	w.ok(err)
	return http.Header{"Authorization": {"Bearer " + token.Reveal()}}
}

func about(key, more string) string { return fmt.Sprintf(`{"key":%q%s}`, key, more) }

func TestOnlyCallersAreBelievedAboutTheAddress(t *testing.T) {
	w := newKeyWorld(t)
	_, office := w.make(store.NewAPIKey{Name: "office", Networks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8::/32")}})
	caller := w.caller("api")
	from := func(remote string, more http.Header) http.Header {
		header := more.Clone()
		if header == nil {
			header = http.Header{}
		}
		header["Remote"] = []string{remote + ":1234"}
		return header
	}
	for _, row := range []struct {
		name, more string
		header     http.Header
		want       string
	}{
		{"a stranger in the network", ``, from("198.51.100.7", nil), "VALID"},
		{"a stranger elsewhere", ``, from("203.0.113.7", nil), "IP_DENIED"},
		{"a stranger elsewhere who says otherwise", `,"address":"198.51.100.7"`, from("203.0.113.7", nil), "IP_DENIED"},
		{"a stranger in the network who says otherwise", `,"address":"203.0.113.7"`, from("198.51.100.7", nil), "VALID"},
		{"a stranger who forges the way", ``, http.Header{"Remote": {"203.0.113.7:1"}, "X-Forwarded-For": {"198.51.100.7"}}, "IP_DENIED"},
		{"a caller who says so", `,"address":"198.51.100.7"`, from("203.0.113.7", caller), "VALID"},
		{"a caller, mapped", `,"address":"::ffff:198.51.100.7"`, from("203.0.113.7", caller), "VALID"},
		{"a caller, IPv6", `,"address":"2001:db8::7"`, from("203.0.113.7", caller), "VALID"},
		{"a caller who says elsewhere", `,"address":"203.0.113.7"`, from("198.51.100.7", caller), "IP_DENIED"},
		{"a caller who does not know", ``, from("198.51.100.7", caller), "IP_DENIED"},
		{"Authorization of another kind", `,"address":"198.51.100.7"`, from("203.0.113.7", http.Header{"Authorization": {"Basic eDp5"}}), "IP_DENIED"},
		{"the key as its own voucher", `,"address":"198.51.100.7"`, from("203.0.113.7", http.Header{"Authorization": {"Bearer " + office}}), "IP_DENIED"},
	} {
		recorder, answer := w.send("POST", "/v1/keys/verify", about(office, row.more), row.header)
		if recorder.Code != 200 || answer["code"] != row.want {
			t.Errorf("%s: %d %v, want %s", row.name, recorder.Code, answer, row.want)
		}
		if permissions, _ := answer["permissions"].([]any); (len(permissions) > 0) != (row.want == "VALID") {
			t.Errorf("%s: permissions %v", row.name, permissions)
		}
	}
}

func TestK10_CallersAreNotLimited(t *testing.T) {
	w := newKeyWorld(t)
	caller := w.caller("api")
	unknown := secret.NewKeyText("01jd3x8k2mfz9t0v5r7wq4ycna").Reveal()
	for i := range 30 {
		if recorder, answer := w.send("POST", "/v1/keys/verify", about(unknown, ""), caller); recorder.Code != 200 || answer["code"] != "NOT_FOUND" {
			t.Fatalf("miss %d: %d %v", i, recorder.Code, answer)
		}
	}
	if status, _ := w.verify(w.asking("")); status != 200 {
		t.Errorf("a stranger of the same network pays for the caller's misses: %d", status)
	}
	for range 20 {
		w.verify(about(unknown, ""))
	}
	if status, _ := w.verify(w.asking("")); status != 429 {
		t.Errorf("a stranger: %d", status)
	}
	if recorder, answer := w.send("POST", "/v1/keys/verify", w.asking(""), caller); recorder.Code != 200 || answer["valid"] != true {
		t.Errorf("a caller pays for the strangers of its network: %d %v", recorder.Code, answer)
	}
}

func TestK10_TokensOfCallersAreGuessesToo(t *testing.T) {
	w := newKeyWorld(t)
	good := w.caller("api")
	bad := http.Header{"Authorization": {"Bearer " + secret.NewServiceAccountText("01jd3x8k2mfz9t0v5r7wq4ycna").Reveal()}}
	for i := range 20 {
		recorder, answer := w.send("POST", "/v1/keys/verify", w.asking(""), bad)
		if recorder.Code != 401 || answer["code"] != "caller_unknown" || recorder.Header().Get("WWW-Authenticate") == "" || answer["detail"] == nil {
			t.Fatalf("guess %d: %d %v", i, recorder.Code, answer)
		}
	}
	if recorder, _ := w.send("POST", "/v1/keys/verify", w.asking(""), bad); recorder.Code != 429 || recorder.Header().Get("Retry-After") == "" {
		t.Errorf("the 21st: %d", recorder.Code)
	}
	if status, _ := w.verify(w.asking("")); status != 200 {
		t.Errorf("a stranger without a token: %d", status)
	}
	good["Remote"] = []string{"192.0.2.1:1"}
	if recorder, _ := w.send("POST", "/v1/keys/verify", w.asking(""), good); recorder.Code != 200 {
		t.Errorf("the honest twin elsewhere: %d", recorder.Code)
	}
}

func TestK13_TwoCredentialsAreRefused(t *testing.T) {
	w := newKeyWorld(t)
	caller := w.caller("api")["Authorization"][0]
	recorder, answer := w.send("POST", "/v1/keys/verify", w.asking(""), http.Header{"Authorization": {caller, caller}})
	if recorder.Code != 400 || answer["code"] != "several_credentials" {
		t.Errorf("%d %v", recorder.Code, answer)
	}
	w.silent(recorder)
}

func TestBatch(t *testing.T) {
	w := newKeyWorld(t)
	_, office := w.make(store.NewAPIKey{Name: "office", Networks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}})
	_, slow := w.make(store.NewAPIKey{Name: "slow", RatePerMinute: 1})
	checks := []string{
		about(w.text, ""), about(w.text, `,"permission":"indexes:create"`), about("gate_x", ""), about(office, `,"address":"198.51.100.7"`), about(office, `,"address":"192.0.2.1"`),
		about(slow, ""), about(slow, ""), about(w.text, `,"project":"prj_01jd3x8k2mfz9t0v5r7wq4ycna"`),
	}
	want := []string{"VALID", "FORBIDDEN", "NOT_FOUND", "VALID", "IP_DENIED", "VALID", "RATE_LIMITED", "NOT_FOUND"}
	recorder, answer := w.send("POST", "/v1/keys/verify-batch", `{"checks":[`+strings.Join(checks, ",")+`]}`, w.caller("api"))
	results, _ := answer["results"].([]any)
	if recorder.Code != 200 || len(results) != len(want) {
		t.Fatalf("%d %v", recorder.Code, answer)
	}
	for i, result := range results {
		got := result.(map[string]any)
		if got["code"] != want[i] || got["valid"] != (want[i] == "VALID") {
			t.Errorf("check %d: %v, want %s", i, got, want[i])
		}
		one, alone := w.send("POST", "/v1/keys/verify", checks[i], w.caller(fmt.Sprint("api ", i)))
		if want[i] != "RATE_LIMITED" && !strings.Contains(checks[i], slow) && (one.Code != 200 || fmt.Sprint(alone) != fmt.Sprint(got)) {
			t.Errorf("check %d alone is %v, in the batch %v", i, alone, got)
		}
	}
	if results[1].(map[string]any)["missing_permission"] != "indexes:create" {
		t.Errorf("does not say what is missing: %v", results[1])
	}
	w.silent(recorder)
}

func TestBatchTakesOneToAHundredChecks(t *testing.T) {
	w := newKeyWorld(t)
	caller := w.caller("api")
	of := func(n int) string {
		return `{"checks":[` + strings.TrimSuffix(strings.Repeat(about(w.text, "")+" , ", n), " , ") + `]}`
	}
	for body, want := range map[string]int{
		of(1): 200, of(100): 200, of(101): 422, of(0): 422, `{}`: 422, `{"checks":null}`: 422, `{"checks":{}}`: 422, `{"checks":"x"}`: 422,
		`{"checks":["x"]}`: 422, `{"checks":[[]]}`: 422, `{"checks":[null]}`: 422, `{"checks":[{}]}`: 422, `{"checks":[` + about(w.text, "") + `],"checks":[]}`: 422,
		`{"checks":[` + about(w.text, "") + `],"more":1}`: 422, `{"checks":[` + about(w.text, `,"more":1`) + `]}`: 422, `{"checks":[` + about(w.text, `,"project":{"a":[1,"]"]}`) + `]}`: 422,
		`[]`: 400, ``: 400, `{"checks":[}`: 400, strings.Repeat(" ", 65<<10): 413,
	} {
		recorder, answer := w.send("POST", "/v1/keys/verify-batch", body, caller)
		if recorder.Code != want {
			t.Errorf("%.60s: %d %v, want %d", body, recorder.Code, answer, want)
		}
		if want == 422 && answer["errors"] == nil {
			t.Errorf("%.60s: %v", body, answer)
		}
		w.silent(recorder)
	}
	_, answer := w.send("POST", "/v1/keys/verify-batch", `{"checks":[{"key":"a"},{"key":null,"permission":"fly"},{"more":1}]}`, caller)
	if text := fmt.Sprint(answer["errors"]); strings.Count(text, "field") != 4 || !strings.Contains(text, "checks[1].key") || !strings.Contains(text, "checks[1].permission") || !strings.Contains(text, "checks[2].key") {
		t.Errorf("the mistakes are %s", text)
	}
}

func TestK10_ABatchOfGuessesIsCutOff(t *testing.T) {
	w := newKeyWorld(t)
	unknown := about(secret.NewKeyText("01jd3x8k2mfz9t0v5r7wq4ycna").Reveal(), "")
	guesses := `{"checks":[` + strings.Repeat(unknown+",", 20) + about(w.text, "") + `]}`
	before := w.counted()
	recorder, answer := w.send("POST", "/v1/keys/verify-batch", guesses, nil)
	if recorder.Code != 429 || answer["results"] != nil || w.counted() != before+20 {
		t.Errorf("%d %v after %v looks", recorder.Code, answer, w.counted()-before)
	}
	if recorder, _ := w.send("POST", "/v1/keys/verify-batch", guesses, w.caller("api")); recorder.Code != 200 {
		t.Errorf("the honest twin: %d", recorder.Code)
	}
}

func TestReportLeak(t *testing.T) {
	w := newKeyWorld(t)
	report := func(body string) (int, map[string]any) {
		w.Helper()
		recorder, answer := w.send("POST", "/v1/keys/report-leak", body, nil)
		w.silent(recorder)
		return recorder.Code, answer
	}
	for body, want := range map[string]int{
		`{}`: 422, `{"key":null}`: 422, about(w.text, `,"source":7`): 422, about(w.text, `,"source":"the bus"`): 422, about(w.text, `,"source":"javascript:alert(1)"`): 422,
		about(w.text, `,"source":"https://me:secret@example.test/"`): 422, about(w.text, `,"more":"x"`): 422, about(w.text, "") + "x": 400,
		about(w.text, `,"source":"https://example.test/`+strings.Repeat("a", 500)+`"`):                    422,
		about(w.text, `,"source":"https://example.test/?key=`+w.text+`"`):                                 422,
		about(w.text, `,"source":"https://example.test/?key=`+strings.Replace(w.text, "_", "%5f", 1)+`"`): 422,
		about("sk-live-1", `,"source":"https://example.test/?key=sk-live-1"`):                             422,
	} {
		if status, answer := report(body); status != want {
			t.Errorf("%.50s: %d %v, want %d", body, status, answer, want)
		}
	}
	if status, answer := report(about("gate_x", "")); status != 200 || answer["revoked"] != false {
		t.Errorf("what is no key: %d %v", status, answer)
	}
	if _, answer := w.verify(w.asking("")); answer["code"] != "VALID" {
		t.Errorf("before: %v", answer)
	}
	for _, times := range []string{"first", "second"} {
		if status, answer := report(about(w.text, `,"source":"https://example.test/.env"`)); status != 200 || answer["revoked"] != true || len(answer) != 1 {
			t.Errorf("the %s time: %d %v", times, status, answer)
		}
	}
	if _, answer := w.verify(w.asking("")); answer["code"] != "REVOKED" {
		t.Errorf("after: %v", answer)
	}
	events, err := w.store.In(w.org.ID).Events(t.Context(), store.EventFilter{Action: string(audit.APIKeyLeakReported)})
	w.ok(err)
	if len(events) != 1 || events[0].Actor.Request.Address != "203.0.113.7" || events[0].Changes[0].After != "https://example.test/.env" {
		t.Errorf("recorded %+v", events)
	}
}

func TestK10_ReportsOfUnknownKeysAreGuesses(t *testing.T) {
	w := newKeyWorld(t)
	unknown := about(secret.NewKeyText("01jd3x8k2mfz9t0v5r7wq4ycna").Reveal(), "")
	for range 20 {
		if recorder, answer := w.send("POST", "/v1/keys/report-leak", unknown, nil); recorder.Code != 200 || answer["revoked"] != false {
			t.Fatalf("%d %v", recorder.Code, answer)
		}
	}
	if recorder, _ := w.send("POST", "/v1/keys/report-leak", about(w.text, ""), nil); recorder.Code != 429 {
		t.Errorf("the 21st: %d", recorder.Code)
	}
	if recorder, answer := w.send("POST", "/v1/keys/report-leak", about(w.text, ""), http.Header{"Remote": {"192.0.2.1:1"}}); recorder.Code != 200 || answer["revoked"] != true {
		t.Errorf("the honest twin from elsewhere: %d %v", recorder.Code, answer)
	}
}

func TestSelfSaysWhyAKeyMayNot(t *testing.T) {
	w := newKeyWorld(t)
	_, office := w.make(store.NewAPIKey{Name: "office", Networks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}})
	_, slow := w.make(store.NewAPIKey{Name: "slow", RatePerMinute: 4})
	self := func(key, remote string) (int, map[string]any, http.Header) {
		w.Helper()
		recorder, answer := w.send("GET", "/v1/keys/self", "", http.Header{"Api-Key": {key}, "Remote": {remote + ":1"}})
		w.silent(recorder)
		return recorder.Code, answer, recorder.Header()
	}
	if status, answer, _ := self(office, "203.0.113.7"); status != 403 || answer["code"] != "IP_DENIED" || answer["detail"] == nil {
		t.Errorf("elsewhere: %d %v", status, answer)
	}
	if status, answer, _ := self(office, "198.51.100.7"); status != 200 || answer["valid"] != true {
		t.Errorf("the honest twin: %d %v", status, answer)
	}
	for range 4 {
		if status, answer, _ := self(slow, "203.0.113.7"); status != 200 {
			t.Errorf("within its rate: %d %v", status, answer)
		}
	}
	if status, answer, header := self(slow, "203.0.113.7"); status != 429 || answer["code"] != "RATE_LIMITED" || header.Get("Retry-After") != "15" {
		t.Errorf("beyond it: %d %v %v", status, answer, header)
	}
	w.clock.Add(int64(90 * 24 * time.Hour))
	w.awaitFeed()
	if status, answer, header := self(w.text, "203.0.113.7"); status != 401 || answer["code"] != "EXPIRED" || header.Get("WWW-Authenticate") == "" {
		t.Errorf("expired: %d %v", status, answer)
	}
}

// awaitFeed waits until the gate has heard the feed at the time to which the clock was moved.
func (w *keyWorld) awaitFeed() {
	w.Helper()
	for deadline := time.Now().Add(10 * time.Second); w.gate.Ready() != nil; {
		if time.Now().After(deadline) {
			w.Fatal("the gate hears nothing")
		}
		<-time.After(5 * time.Millisecond)
	}
}

func TestProblemsAreSentences(t *testing.T) {
	w := newKeyWorld(t)
	for name, ask := range map[string]func() (int, map[string]any){
		"404": func() (int, map[string]any) { r, a := w.send("GET", "/v1/keys/x", "", nil); return r.Code, a },
		"405": func() (int, map[string]any) { r, a := w.send("GET", "/v1/keys/verify", "", nil); return r.Code, a },
		"413": func() (int, map[string]any) { return w.verify(w.asking(strings.Repeat(" ", 9<<10))) },
		"400": func() (int, map[string]any) { return w.verify("[]") },
		"422": func() (int, map[string]any) { return w.verify("{}") },
		"415": func() (int, map[string]any) {
			r, a := w.send("POST", "/v1/keys/verify", "{}", http.Header{"Content-Type": {"text/plain"}})
			return r.Code, a
		},
	} {
		status, answer := ask()
		detail, _ := answer["detail"].(string)
		if fmt.Sprint(status) != name || answer["title"] == "" || answer["code"] == "" || answer["request"] == "" || !strings.HasSuffix(detail, ".") || !strings.Contains(detail, " ") {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
}
