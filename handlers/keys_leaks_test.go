package handlers

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

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

// A service account's token ends at once, too, and alone; rotating the account does not bring it back. What was real is no guess.
func TestReportLeakOfAServiceAccountsToken(t *testing.T) {
	w := newKeyWorld(t)
	leaked, other := w.caller("leaked"), w.caller("other")
	text := strings.TrimPrefix(leaked.Get("Authorization"), "Bearer ")
	status := func(caller http.Header) int {
		recorder, _ := w.send("POST", "/v1/keys/verify", w.asking(""), caller)
		return recorder.Code
	}
	if got := status(leaked); got != 200 {
		t.Fatalf("before: %d", got)
	}
	recorder, answer := w.send("POST", "/v1/keys/report-leak", about(text, `,"source":"https://example.test/.env"`), nil)
	if recorder.Code != 200 || answer["revoked"] != true {
		t.Errorf("%d %v", recorder.Code, answer)
	}
	if got := status(leaked); got != 401 {
		t.Errorf("after: %d", got)
	}
	if got := status(other); got != 200 {
		t.Errorf("another account: %d", got)
	}
	events, err := w.store.In(w.org.ID).Events(t.Context(), store.EventFilter{Action: string(audit.ServiceAccountLeakReported)})
	w.ok(err)
	if len(events) != 1 || events[0].Severity != audit.High || events[0].Changes[0].After != "https://example.test/.env" {
		t.Fatalf("recorded %+v", events)
	}
	account, err := w.store.In(w.org.ID).ServiceAccount(t.Context(), events[0].Targets[0].ID)
	w.ok(err)
	_, fresh, err := w.store.In(w.org.ID).RotateServiceAccount(t.Context(), audit.Actor{Kind: audit.Operator}, account.ID, account.Version, 24*time.Hour)
	w.ok(err)
	snapshot, err := w.store.ServiceAccountByID(t.Context(), account.ID)
	w.ok(err)
	if len(snapshot.Secrets) != 1 || fresh.Reveal() == text {
		t.Errorf("after a rotation %d tokens are good", len(snapshot.Secrets))
	}
}

func TestK10_ReportsOfWhatWasRealAreNoGuesses(t *testing.T) {
	w := newKeyWorld(t)
	for i := range 25 {
		text := strings.TrimPrefix(w.caller(fmt.Sprint("leaked ", i)).Get("Authorization"), "Bearer ")
		if recorder, answer := w.send("POST", "/v1/keys/report-leak", about(text, ""), nil); recorder.Code != 200 || answer["revoked"] != true {
			t.Fatalf("%d %v", recorder.Code, answer)
		}
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
