package handlers

import (
	"net/http"
	"strings"

	"github.com/gatehouse-sso/gatehouse/gate"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// self is GET /v1/keys/self: what am I allowed to do? The key is the credential here, so one that is not good is 401, and one that may do
// nothing, or nothing from here or now, is 403 or 429.
func (k *keyChecks) self(w http.ResponseWriter, r *http.Request) {
	a, ok := k.stranger(w, r)
	if !ok {
		return
	}
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
	result, ok := k.check(w, r, a, gate.Request{Key: key})
	if !ok {
		return
	}
	if result.Valid {
		answerJSON(w, result.AppendJSON(nil))
		return
	}
	d := selfRefusals[result.Code]
	d.Code = string(result.Code)
	if d.Status == http.StatusUnauthorized {
		w.Header()["Www-Authenticate"] = invalidToken
	}
	retryAfter(w, result)
	answerDocument(w, r, d)
}

// selfRefusals are what a key is told that is not let through.
var selfRefusals = map[gate.Code]document{
	gate.NotFound:    {Status: http.StatusUnauthorized, Detail: "This is not a key, or it is gone."},
	gate.Expired:     {Status: http.StatusUnauthorized, Detail: "The key has expired, or was replaced by another."},
	gate.Revoked:     {Status: http.StatusUnauthorized, Detail: "The key has been revoked."},
	gate.Forbidden:   {Status: http.StatusForbidden, Detail: "The key is good and may do nothing: whoever made it has lost their rights in the project, or the organization is suspended."},
	gate.IPDenied:    {Status: http.StatusForbidden, Detail: "The key may not be used from this address."},
	gate.RateLimited: {Status: http.StatusTooManyRequests, Detail: "The key has been used more often than its limit allows. Wait for as many seconds as Retry-After says."},
}

// presentedKey is the key in the headers, empty when there is none; false when there are several credentials.
func presentedKey(header http.Header) (secret.Token, bool) {
	authorization, apiKey := header["Authorization"], header["Api-Key"]
	switch {
	case len(authorization)+len(apiKey) > 1:
		return secret.Token{}, false
	case len(apiKey) == 1:
		return secret.TokenOf(strings.TrimSpace(apiKey[0])), true
	case len(authorization) == 1:
		return secret.TokenOf(bearer(authorization[0])), true
	}
	return secret.Token{}, true
}
