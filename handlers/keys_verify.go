package handlers

import (
	"net/http"
	"strconv"

	"github.com/gatehouse-sso/gatehouse/gate"
)

// verify is POST /v1/keys/verify: may whoever holds this key do that? Every decision is 200; what is not is a mistake in the request.
func (k *keyChecks) verify(w http.ResponseWriter, r *http.Request) {
	a, ok := k.asker(w, r)
	if !ok {
		return
	}
	p := papers.Get().(*paper)
	defer p.giveBack()
	if !p.read(w, r) {
		return
	}
	request, mistakes, err := parseCheck(p.body)
	if refused(w, r, mistakes, err) {
		return
	}
	if result, ok := k.check(w, r, a, request); ok {
		retryAfter(w, result)
		p.answer = result.AppendJSON(p.answer)
		answerJSON(w, p.answer)
	}
}

// retryAfter says when a key that is RateLimited has its next check.
func retryAfter(w http.ResponseWriter, result gate.Result) {
	if result.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(result.RetryAfter.Seconds())))
	}
}

// verifyBatch is POST /v1/keys/verify-batch: the same for up to a hundred keys, answered in their order. All are decided or none.
func (k *keyChecks) verifyBatch(w http.ResponseWriter, r *http.Request) {
	a, ok := k.asker(w, r)
	if !ok {
		return
	}
	p := papers.Get().(*paper)
	defer p.giveBack()
	if !p.read(w, r) {
		return
	}
	requests, mistakes, err := parseBatch(p.body)
	if refused(w, r, mistakes, err) {
		return
	}
	p.answer = append(p.answer, `{"results":[`...)
	for i, request := range requests {
		if !k.listens(w, r, a.misses, a.name) {
			return
		}
		result, ok := k.check(w, r, a, request)
		if !ok {
			return
		}
		if i > 0 {
			p.answer = append(p.answer, ',')
		}
		p.answer = result.AppendJSON(p.answer)
	}
	answerJSON(w, append(p.answer, `]}`...))
}

// check asks the gate. When there is no decision it has answered.
func (k *keyChecks) check(w http.ResponseWriter, r *http.Request, a asker, request gate.Request) (gate.Result, bool) {
	request.Told, request.ToldBy, request.Address = request.Address, a.organization, a.address
	result, err := k.gate.Check(r.Context(), request)
	if err != nil {
		k.undecided(w, r, err)
		return gate.Result{}, false
	}
	if result.Code == gate.NotFound {
		a.missed()
	}
	return result, true
}
