package oidc

import (
	"errors"
	"net/url"
	"slices"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// Callback is what an identity provider made the browser bring, unverified.
type Callback struct {
	State  secret.Token
	Code   secret.Token // zero where the identity provider said no
	Issuer string       // RFC 9207; "" where it names nobody
	Failed string       // its error code; "" where there is a code
	Words  string       // its own words about the error: to be kept, never to be repeated to anybody
}

const maxParameter = 8 << 10 // an authorization code of Entra has some 1,500 characters

// ErrMalformed is a callback that is none: a parameter is missing, doubled or enormous, or both a code and an error came.
var ErrMalformed = errors.New("not an answer to an authorization request")

// ReadCallback reads the query of a callback (RFC 6749, section 4.1.2). Parameters that it does not know are passed over.
func ReadCallback(query url.Values) (Callback, error) {
	got := map[string]string{}
	for _, name := range []string{"state", "code", "iss", "error", "error_description"} {
		values := query[name]
		if len(values) > 1 || len(values) == 1 && len(values[0]) > maxParameter {
			return Callback{}, ErrMalformed
		}
		if len(values) == 1 {
			got[name] = values[0]
		}
	}
	if got["state"] == "" || (got["code"] == "") == (got["error"] == "") || query.Has("response") {
		return Callback{}, ErrMalformed
	}
	return Callback{
		State: secret.TokenOf(got["state"]), Code: secret.TokenOf(got["code"]), Issuer: got["iss"], Failed: got["error"], Words: got["error_description"],
	}, nil
}

// CheckCallback refuses an answer that another identity provider gave or in which ours says no.
func (p RelyingParty) CheckCallback(r *Reading, c Callback) *trust.Refusal {
	var refusal *trust.Refusal
	switch {
	case c.Issuer == "" && p.NamesItselfInCallback:
		refusal = trust.Refuse(trust.ReasonIssuer, p.Issuer, "an answer that names nobody")
	case c.Issuer != "" && c.Issuer != p.Issuer:
		refusal = trust.Refuse(trust.ReasonIssuer, p.Issuer, c.Issuer)
	}
	if r.note("callback", p.Issuer, c.Issuer, refusal) != nil {
		return refusal
	}
	if c.Failed != "" {
		return r.note("answer", "a code", "", trust.Refuse(trust.ReasonIDPErrorStatus, "a code", known(c.Failed)))
	}
	return nil
}

// knownErrors are the codes of RFC 6749 and OpenID Connect Core 1.0. An error of another name is not repeated: who wrote it is anybody's guess.
var knownErrors = []string{
	"access_denied", "account_selection_required", "consent_required", "interaction_required", "invalid_client", "invalid_grant", "invalid_request",
	"invalid_request_object", "invalid_request_uri", "invalid_scope", "invalid_target", "login_required", "registration_not_supported",
	"request_not_supported", "request_uri_not_supported", "server_error", "temporarily_unavailable", "unauthorized_client",
	"unmet_authentication_requirements", "unsupported_grant_type", "unsupported_response_type",
}

func known(code string) string {
	if slices.Contains(knownErrors, code) {
		return code
	}
	return "an error that no standard names"
}
