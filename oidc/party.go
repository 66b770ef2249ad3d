package oidc

import (
	"crypto/rsa"
	"time"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// The ways in which we show at the token endpoint who we are.
const (
	SecretBasic   = "client_secret_basic"
	SecretPost    = "client_secret_post"
	PrivateKeyJWT = "private_key_jwt"
)

// Provider is what an identity provider says of itself: its endpoints, and what it can do.
type Provider struct {
	Issuer                string
	AuthorizationURL      string
	TokenURL              string
	KeysURL               string
	UserinfoURL           string   // may be empty
	EndSessionURL         string   // where people sign out; may be empty
	Algorithms            []string // those of its ID tokens that we take
	AuthMethods           []string // those of ours that it takes
	NamesItselfInCallback bool     // RFC 9207: its answers carry iss
}

// RelyingParty is one connection as this package sees it: us, towards one identity provider.
type RelyingParty struct {
	Provider
	ClientID    string
	RedirectURI string
	AuthMethod  string
	Secret      secret.Token    // for the two methods that send one
	Key         *rsa.PrivateKey // for PrivateKeyJWT

	Scopes       []string // beside openid
	Prompt       string
	AuthnContext []string      // acr values, any of which must have been reached; empty asks for none
	MaxAge       time.Duration // how old a sign-in there may be; 0 does not ask
	HostedDomain string        // Google's hd, which must then come back
	TenantID     string        // Entra's tid, which must then come back

	VerifiedEmailOnly bool // an address counts only where email_verified is true
	Mapping           Mapping
}

// Mapping says which claim means what, by exact name. An empty name means the standard claim, an empty Subject means sub. Own maps names of
// the admin's choice to claims.
type Mapping struct {
	Subject                            string
	Email, Name, GivenName, FamilyName string
	Groups, Roles                      string
	Own                                map[string]string
}

// The verdicts of a step.
const (
	passed  = "passed"
	refused = "refused"
	noted   = "noted"
)

// Step is one check of an answer, in the order in which they are made.
type Step struct{ Name, Verdict, Want, Got string }

// Reading is an answer as it is read: the steps so far, and what was found.
type Reading struct {
	Steps  []Step
	Claim  trust.Claim // evidence once ReadIDToken has returned without a refusal
	claims object
	more   object // what userinfo added
	header object
}

// note records a check and hands its refusal on.
func (r *Reading) note(name, want, got string, refusal *trust.Refusal) *trust.Refusal {
	step := Step{Name: name, Verdict: passed, Want: want, Got: got}
	if refusal != nil {
		step.Verdict, step.Want, step.Got = refused, refusal.Want, refusal.Got
	}
	r.Steps = append(r.Steps, step)
	return refusal
}
