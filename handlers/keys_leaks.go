package handlers

import (
	"fmt"
	"net/http"
)

// reportLeak is POST /v1/keys/report-leak: this key was found where it should not be. Whoever holds it may say so, and it is revoked at once.
// Unknown keys count as guesses.
func (k *keyChecks) reportLeak(w http.ResponseWriter, r *http.Request) {
	a, ok := k.stranger(w, r)
	if !ok {
		return
	}
	p := papers.Get().(*paper)
	defer p.giveBack()
	if !p.read(w, r) {
		return
	}
	key, source, mistakes, err := parseLeak(p.body)
	if refused(w, r, mistakes, err) {
		return
	}
	revoked, real, err := k.gate.ReportLeak(r.Context(), requestOf(r), key, source)
	if err != nil {
		k.undecided(w, r, err)
		return
	}
	if !real {
		a.missed()
	}
	answerJSON(w, fmt.Appendf(nil, `{"revoked":%t}`, revoked))
}
