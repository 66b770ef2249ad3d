package handlers

import (
	"net/http"
	"strings"
	"testing"

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
