package handlers

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/web"
)

// TestAuthorizeAllocatesLittle: of what one question costs, this package's part is the verdict and the slices that net/http wants.
func TestAuthorizeAllocatesLittle(t *testing.T) {
	g := newGated(t)
	r := httptest.NewRequest("GET", publicURL+"/v1/authorize?permission=indexes:query&project="+g.project.ID, nil)
	r.Header.Set("Api-Key", g.viewer)
	w := &thrown{header: http.Header{}}
	f := authorizeOf(g)
	f.authorize(w, r)
	if allocations := testing.AllocsPerRun(1000, func() { f.authorize(w, r) }); w.status != http.StatusOK || allocations > 10 {
		t.Errorf("%d with %.0f allocations", w.status, allocations)
	} else {
		t.Logf("%.0f allocations", allocations)
	}
}

// thrown is an answer that nobody reads.
type thrown struct {
	header http.Header
	status int
}

func (w *thrown) Header() http.Header         { return w.header }
func (w *thrown) WriteHeader(status int)      { w.status = status }
func (w *thrown) Write(p []byte) (int, error) { return len(p), nil }

func authorizeOf(g *gated) *forward {
	g.Helper()
	misses, err := web.NewLimiter(g.now, guessesAtKeys)
	g.ok(err)
	return &forward{gate: g.options.Gate, catalogue: access.BuiltIn(), cookies: g.cookies, base: g.options.URL, misses: misses,
		crossed: http.NewCrossOriginProtection(), log: g.options.Log}
}
