package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The protocols of connections.
const (
	ProtocolSAML = "saml"
	ProtocolOIDC = "oidc"
)

// The ways in which we show an OpenID provider who we are.
const (
	AuthSecretBasic   = "client_secret_basic"
	AuthSecretPost    = "client_secret_post"
	AuthPrivateKeyJWT = "private_key_jwt"
)

// googleIssuer is Google's, whose people of every company have one issuer: which of them are meant must be said.
const googleIssuer = "https://accounts.google.com"

const maxMaxAge = 365 * 24 * 60 * 60 // seconds

// OIDCSettings are what we know of an OpenID provider and what we ask of it. They are kept as JSON in versions and hold no secret: SecretID
// names the one that belongs to them. What discovery found is pinned here; nothing reads it again by itself.
type OIDCSettings struct {
	Issuer                string
	AuthorizationURL      string
	TokenURL              string
	KeysURL               string
	UserinfoURL           string   // may be empty
	EndSessionURL         string   // where people sign out there; may be empty
	Algorithms            []string // in which it signs ID tokens, of those that we take
	AuthMethods           []string // which it takes, of ours
	NamesItselfInCallback bool     // its answers carry iss (RFC 9207)

	ClientID   string
	AuthMethod string
	SecretID   string // of the secret, where AuthMethod needs one

	Scopes            []string // beside openid
	Prompt            string   // "", "login" or "select_account"
	AuthnContext      []string // acr values, any of which must have been reached; empty asks for none
	MaxAge            int      // seconds that a sign-in there may be old; 0 does not ask
	HostedDomain      string   // Google's hd; empty takes every one
	TenantID          string   // Entra's tid, from its issuer
	LoginHint         bool     // a typed address is passed on
	VerifiedEmailOnly bool     // an address counts only where email_verified is true
	Logout            string   // LogoutOff, LogoutOffered or LogoutAlways

	AlternateCallback string // the path on our public host that it knew as ours before the connection moved here; "" is our own

	Mapping Mapping
}

// NeedsSecret says whether the way to authenticate uses a client secret.
func (s OIDCSettings) NeedsSecret() bool { return s.AuthMethod != AuthPrivateKeyJWT }

// normal fills in what has a default and trims what people paste.
func (s OIDCSettings) normal() OIDCSettings {
	s.ClientID, s.HostedDomain = strings.TrimSpace(s.ClientID), strings.TrimSpace(s.HostedDomain)
	s.Mapping.trim()
	if s.AuthMethod == "" {
		s.AuthMethod = AuthSecretBasic
	}
	if s.Scopes == nil {
		s.Scopes = []string{"email", "profile"}
	}
	s.Scopes, s.AuthnContext = once(s.Scopes), once(s.AuthnContext)
	return s
}

// check notes what no connection may be saved with, complete or not.
func (s OIDCSettings) check(problems *Invalid) {
	for _, at := range []string{s.Issuer, s.AuthorizationURL, s.TokenURL, s.KeysURL, s.UserinfoURL, s.EndSessionURL} {
		if problem := locationProblem(at); at != "" && problem != "" {
			problems.Add("issuer", problem)
			break
		}
	}
	if len(s.ClientID) > 512 || strings.ContainsFunc(s.ClientID, func(r rune) bool { return r < ' ' || r > '~' }) {
		problems.Add("client_id", "A client ID is one line of at most 512 plain characters.")
	}
	if !slices.Contains([]string{AuthSecretBasic, AuthSecretPost, AuthPrivateKeyJWT}, s.AuthMethod) {
		problems.Add("auth_method", "Choose one of the ways.")
	}
	if !slices.Contains([]string{"", "login", "select_account"}, s.Prompt) {
		problems.Add("prompt", "Choose one of the ways.")
	}
	if s.MaxAge < 0 || s.MaxAge > maxMaxAge {
		problems.Add("max_age", "Enter a number of minutes, at most a year.")
	}
	for _, list := range []struct {
		field string
		words []string
	}{{"scopes", s.Scopes}, {"authn_context", s.AuthnContext}} {
		if len(list.words) > 20 || slices.ContainsFunc(list.words, func(word string) bool { return len(word) > 256 || strings.ContainsAny(word, " \"\\") }) {
			problems.Add(list.field, "Use at most 20 words of at most 256 characters, without quotes.")
		}
	}
	if len(s.HostedDomain) > 253 {
		problems.Add("hosted_domain", "A domain has at most 253 characters.")
	}
	if slices.Contains(passingClaims, s.Mapping.Subject) {
		problems.Add("map_subject", "This claim can change, or be given to somebody else, and then they would be one person here. Leave the field empty for sub; with Microsoft Entra ID, oid is the same for every application.")
	}
	checkLogout(problems, s.Logout, s.EndSessionURL)
	s.Mapping.check(problems, "claim")
}

// passingClaims never say who somebody is: OpenID Connect Core 1.0, section 5.7, and what Microsoft says of its own.
var passingClaims = []string{
	"email", "preferred_username", "name", "given_name", "family_name", "middle_name", "nickname", "phone_number", "upn", "unique_name", "verified_primary_email",
}

// missing notes what an active connection cannot be without: whom to believe, where to send people, and how to say who we are.
func (s OIDCSettings) missing(problems *Invalid, _ time.Time) {
	if s.Issuer == "" || s.AuthorizationURL == "" || s.TokenURL == "" || s.KeysURL == "" || len(s.Algorithms) == 0 {
		problems.Add("issuer", "The identity provider's issuer is missing: enter it, and its endpoints are found.")
	}
	if s.ClientID == "" {
		problems.Add("client_id", "The client ID is missing: the identity provider shows it beside the application that you made for us there.")
	}
	if s.Issuer == googleIssuer && s.HostedDomain == "" {
		problems.Add("hosted_domain", "Google's issuer is the same for everybody who has an account there: enter your company's domain at Google, or anybody could sign in.")
	}
	if s.NeedsSecret() && s.SecretID == "" {
		problems.Add("client_secret", "The client secret is missing: make one at the identity provider and enter it.")
	}
}

func (s OIDCSettings) encoded() string {
	text, _ := json.Marshal(s) // strings, numbers, booleans and lists of strings always encode
	return string(text)
}

func (s OIDCSettings) fields() []setting {
	return append([]setting{
		{"issuer", s.Issuer}, {"authorization_endpoint", s.AuthorizationURL}, {"token_endpoint", s.TokenURL}, {"jwks_uri", s.KeysURL},
		{"userinfo_endpoint", s.UserinfoURL}, {"algorithms", strings.Join(s.Algorithms, " ")}, {"client_id", s.ClientID}, {"auth_method", s.AuthMethod},
		{"scopes", strings.Join(s.Scopes, " ")}, {"prompt", s.Prompt}, {"authn_context", strings.Join(s.AuthnContext, " ")},
		{"max_age", fmt.Sprint(s.MaxAge)}, {"hosted_domain", s.HostedDomain}, {"tenant", s.TenantID}, {"login_hint", fmt.Sprint(s.LoginHint)},
		{"verified_email_only", fmt.Sprint(s.VerifiedEmailOnly)}, {"auth_methods", strings.Join(s.AuthMethods, " ")},
		{"names_itself_in_callback", fmt.Sprint(s.NamesItselfInCallback)}, {"end_session_endpoint", s.EndSessionURL}, {"logout", s.Logout},
		{"alternate_callback", s.AlternateCallback},
	}, s.Mapping.fields()...)
}
