package handlers

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/gate"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/web"
)

// verifyLimit is how large the body of a check may be.
const verifyLimit = 8 << 10

// guessesAtKeys is how many unknown keys an address prefix may present before it is not listened to for a while.
var guessesAtKeys = web.Rate{Count: 20, Per: time.Minute}

// keyChecks answers programs about API keys. It reads no cookie: holding the key is the authority.
type keyChecks struct {
	gate   *gate.Gate
	misses *web.Limiter
	log    *slog.Logger
}

// KeyRoutes are the routes under /v1/keys/.
func KeyRoutes(g *gate.Gate, now func() time.Time, log *slog.Logger) (*web.Router, error) {
	misses, err := web.NewLimiter(now, guessesAtKeys)
	if err != nil {
		return nil, err
	}
	k := &keyChecks{gate: g, misses: misses, log: log}
	router := web.NewRouter(documentProblem)
	router.HandleFunc(web.Route{Pattern: "POST /v1/keys/verify", Body: web.JSONBody, BodyLimit: verifyLimit}, withoutQuery(k.verify))
	router.HandleFunc(web.Route{Pattern: "GET /v1/keys/self", Body: web.NoBody}, withoutQuery(k.self))
	return router, nil
}

// withoutQuery refuses a query string: a key in one would be in every log between the program and us.
func withoutQuery(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" || r.URL.ForceQuery {
			answerDocument(w, r, document{Status: http.StatusBadRequest, Code: "query_not_allowed",
				Detail: "This address takes no query string. If there was a key in it, revoke that key: it may have been logged on the way."})
			return
		}
		next(w, r)
	}
}

// verify is POST /v1/keys/verify: may whoever holds this key do that? Every decision is 200; what is not is a mistake in the request.
func (k *keyChecks) verify(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		documentProblem(w, r, http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		documentProblem(w, r, http.StatusBadRequest)
		return
	}
	request, mistakes, err := parseVerify(body)
	switch {
	case err != nil:
		answerDocument(w, r, document{Status: http.StatusBadRequest, Code: "not_json", Detail: "The body is not one JSON object."})
	case len(mistakes) > 0:
		answerDocument(w, r, document{Status: http.StatusUnprocessableEntity, Code: "invalid", Errors: mistakes})
	default:
		if result, ok := k.check(w, r, request); ok {
			answerResult(w, http.StatusOK, result)
		}
	}
}

// self is GET /v1/keys/self: what am I allowed to do? The key is the credential here, so one that is not good is 401.
func (k *keyChecks) self(w http.ResponseWriter, r *http.Request) {
	key, ok := presentedKey(r.Header)
	if !ok {
		answerDocument(w, r, document{Status: http.StatusBadRequest, Code: "several_credentials", Detail: "Send exactly one credential."})
		return
	}
	if key.Reveal() == "" {
		w.Header().Set("WWW-Authenticate", "Bearer")
		answerDocument(w, r, document{Status: http.StatusUnauthorized, Code: "key_missing",
			Detail: "Send the key as Authorization: Bearer, or in the header Api-Key."})
		return
	}
	result, ok := k.check(w, r, gate.Request{Key: key})
	switch {
	case !ok:
	case result.Valid:
		answerResult(w, http.StatusOK, result)
	case result.Code == gate.Forbidden:
		answerDocument(w, r, document{Status: http.StatusForbidden, Code: string(result.Code)})
	default:
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		answerDocument(w, r, document{Status: http.StatusUnauthorized, Code: string(result.Code)})
	}
}

// presentedKey is the key in the headers, empty when there is none; false when there are several credentials.
func presentedKey(header http.Header) (secret.Token, bool) {
	authorization, apiKey := header.Values("Authorization"), header.Values("Api-Key")
	if len(authorization)+len(apiKey) > 1 {
		return secret.Token{}, false
	}
	if len(apiKey) == 1 {
		return secret.TokenOf(strings.TrimSpace(apiKey[0])), true
	}
	scheme, text, _ := strings.Cut(header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return secret.Token{}, true
	}
	return secret.TokenOf(strings.TrimSpace(text)), true
}

// check asks the gate, unless too many unknown keys came from this address prefix lately. When there is no decision it has answered.
func (k *keyChecks) check(w http.ResponseWriter, r *http.Request, request gate.Request) (gate.Result, bool) {
	prefix := web.AddressPrefix(web.ClientAddress(r))
	if !k.misses.Allowed(prefix) {
		w.Header().Set("Retry-After", strconv.Itoa(k.misses.RetryAfter(prefix)))
		documentProblem(w, r, http.StatusTooManyRequests)
		return gate.Result{}, false
	}
	result, err := k.gate.Check(r.Context(), request)
	if err != nil {
		k.log.ErrorContext(r.Context(), "key not checked", "request", web.RequestInfo(r).ID, "error", err)
		w.Header().Set("Retry-After", "1")
		documentProblem(w, r, http.StatusServiceUnavailable)
		return gate.Result{}, false
	}
	if result.Code == gate.NotFound {
		k.misses.Allow(prefix)
	}
	return result, true
}

func answerResult(w http.ResponseWriter, status int, result gate.Result) {
	w.Header()["Content-Type"] = jsonContent
	w.WriteHeader(status)
	_, _ = w.Write(result.JSON())
}

// jsonContent is shared between answers, which never write into it.
var jsonContent = []string{"application/json"}
