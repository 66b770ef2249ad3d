package handlers

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/store"
)

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
	verify := func(key string) http.Header {
		recorder, answer := w.send("POST", "/v1/keys/verify", about(key, ""), nil)
		if recorder.Code != 200 {
			t.Errorf("verify: %d %v", recorder.Code, answer)
		}
		return recorder.Header()
	}
	if header := verify(slow); header.Get("Retry-After") != "15" {
		t.Errorf("verified beyond it: %v", header)
	}
	if header := verify(w.text); header.Get("Retry-After") != "" {
		t.Errorf("the honest twin, verified: %v", header)
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
