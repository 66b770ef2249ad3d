package handlers

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/web"
)

// guessesAtKeys is how many unknown keys an address prefix may present before it is not listened to for a while. Tokens of service accounts
// are counted apart, so that who guesses at keys does not shut out a neighbour who has no need to guess.
var guessesAtKeys = web.Rate{Count: 20, Per: time.Minute}

// guessesOfCallers is how many unknown keys a service account may present: it hands on what strangers present to it.
var guessesOfCallers = web.Rate{Count: 600, Per: time.Minute}

// asker is who asks about a key.
type asker struct {
	misses       *web.Limiter // where its unknown keys are counted
	name         string       // under which they are: the prefix of its address, or the service account's id
	address      netip.Addr   // of the connection
	organization string       // a service account's: about keys of that one, what it says of the address is taken for true
}

// stranger is whoever asks, by their address. When too many unknown keys came from its prefix lately it has been answered.
func (k *keyChecks) stranger(w http.ResponseWriter, r *http.Request) (asker, bool) {
	a := asker{misses: k.misses, name: web.ClientPrefix(r), address: web.ClientAddress(r)}
	return a, k.listens(w, r, a.misses, a.name)
}

// asker is who asks: a service account, when its token is there, else a stranger. What else stands in Authorization is none of ours. When
// the token is not good it has been answered.
func (k *keyChecks) asker(w http.ResponseWriter, r *http.Request) (asker, bool) {
	authorization := r.Header["Authorization"]
	if len(authorization) == 0 {
		return k.stranger(w, r)
	}
	if len(authorization) > 1 {
		answerDocument(w, r, document{Status: http.StatusBadRequest, Code: "several_credentials", Detail: "Send one Authorization header at most."})
		return asker{}, false
	}
	token := bearer(authorization[0])
	if !strings.HasPrefix(token, "gate_sva_") {
		return k.stranger(w, r)
	}
	prefix := web.ClientPrefix(r)
	if !k.listens(w, r, k.tokenMisses, prefix) {
		return asker{}, false
	}
	caller, known, err := k.gate.Caller(r.Context(), secret.TokenOf(token))
	switch {
	case err != nil:
		k.undecided(w, r, err)
		return asker{}, false
	case !known:
		k.tokenMisses.Allow(prefix)
		w.Header()["Www-Authenticate"] = invalidToken
		answerDocument(w, r, document{Status: http.StatusUnauthorized, Code: "caller_unknown",
			Detail: "The token in Authorization is not a service account's, or no longer. Send a good one, or none."})
		return asker{}, false
	}
	return asker{k.callerMisses, caller.ID, web.ClientAddress(r), caller.OrganizationID}, k.listens(w, r, k.callerMisses, caller.ID)
}

// listens reports whether whoever is counted under the name may still be wrong. If not, they have been answered.
func (k *keyChecks) listens(w http.ResponseWriter, r *http.Request, misses *web.Limiter, name string) bool {
	if misses.Allowed(name) {
		return true
	}
	w.Header().Set("Retry-After", strconv.Itoa(misses.RetryAfter(name)))
	documentProblem(w, r, http.StatusTooManyRequests)
	return false
}

// missed counts an unknown key.
func (a asker) missed() { a.misses.Allow(a.name) }

// bearer is the token in an Authorization header, "" when it holds something else.
func bearer(authorization string) string {
	scheme, text, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(text)
}

// invalidToken is shared between answers, which never write into it.
var invalidToken = []string{`Bearer error="invalid_token"`}
