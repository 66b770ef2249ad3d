package handlers

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/web"
)

// authorizing hands to measure one question of a proxy over the handler, with what the layers in front of it have found out about its request.
// It can be repeated.
func (w *keyWorld) authorizing(measure func(authorize func())) {
	w.Helper()
	misses, err := web.NewLimiter(w.store.Now, guessesAtKeys)
	w.ok(err)
	f := &forward{gate: w.gate, catalogue: access.BuiltIn(), base: &url.URL{Scheme: "http", Host: "localhost:8080"}, misses: misses,
		crossed: http.NewCrossOriginProtection(), log: slog.New(slog.DiscardHandler)}
	r := httptest.NewRequest("GET", "http://app.localhost:8088/v1/authorize?permission=indexes:query&project="+w.project.ID, nil)
	r.Header["Api-Key"] = []string{w.text}
	r.Header["X-Original-Method"], r.Header["X-Original-Uri"] = []string{"POST"}, []string{"/indexes/movies?topK=3"}
	answer := &sameAnswer{header: http.Header{}}
	site := web.Site{URL: f.base, Elsewhere: func(*http.Request) bool { return true }, Problem: documentProblem, Log: f.log}
	site.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		measure(func() {
			if f.authorize(answer, r); answer.status != http.StatusOK {
				w.Fatalf("%d %v", answer.status, answer.header)
			}
		})
	})).ServeHTTP(httptest.NewRecorder(), r)
}

// TestAuthorizeAllocatesLittle: of what one question costs, this package's part is the verdict and the slices that net/http wants.
func TestAuthorizeAllocatesLittle(t *testing.T) {
	newKeyWorld(t).authorizing(func(authorize func()) {
		allocations := testing.AllocsPerRun(1000, authorize)
		t.Logf("%v allocations", allocations)
		if allocations > 10 {
			t.Error("more than ten")
		}
	})
}

func BenchmarkAuthorize(b *testing.B) {
	newKeyWorld(b).authorizing(func(authorize func()) {
		b.ReportAllocs()
		for b.Loop() {
			authorize()
		}
	})
}
