package handlers

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

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
