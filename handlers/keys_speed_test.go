package handlers

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gatehouse-sso/gatehouse/web"
)

// sameAnswer is a response writer that is used again, as the server's is not, so that what is counted is the handler's own.
type sameAnswer struct {
	header http.Header
	body   []byte
	status int
}

func (s *sameAnswer) Header() http.Header { return s.header }
func (s *sameAnswer) WriteHeader(status int) {
	s.status = status
}
func (s *sameAnswer) Write(p []byte) (int, error) {
	s.body = append(s.body[:0], p...)
	return len(p), nil
}

type sameBody struct{ *bytes.Reader }

func (sameBody) Close() error { return nil }

// verifying hands to measure one check over the handler, with what the layers in front of it have found out about its request. It can be
// repeated.
func (w *keyWorld) verifying(measure func(verify func())) {
	w.Helper()
	misses, err := web.NewLimiter(w.store.Now, guessesAtKeys)
	w.ok(err)
	k := &keyChecks{gate: w.gate, misses: misses, tokenMisses: misses, log: slog.New(slog.DiscardHandler)}
	handler := withoutQuery(k.verify)
	content := []byte(w.asking(`,"permission":"indexes:query","project":"` + w.project.ID + `","address":"203.0.113.7"`))
	body, answer := sameBody{bytes.NewReader(content)}, &sameAnswer{header: http.Header{}}
	w.in(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		r.Body = body
		measure(func() {
			body.Reset(content)
			if handler(answer, r); !bytes.HasPrefix(answer.body, []byte(`{"valid":true,"code":"VALID"`)) {
				w.Fatalf("%d %s", answer.status, answer.body)
			}
		})
	}), nil).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "http://localhost:8080/v1/keys/verify", nil))
}

func TestVerifyAllocatesAtMostTen(t *testing.T) {
	w := newKeyWorld(t)
	w.verifying(func(verify func()) {
		allocations := testing.AllocsPerRun(1000, verify)
		t.Logf("%v allocations", allocations)
		if allocations > 10 {
			t.Error("more than ten")
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	w := newKeyWorld(b)
	w.verifying(func(verify func()) {
		b.ReportAllocs()
		for b.Loop() {
			verify()
		}
	})
}
