package idptest

import (
	"bytes"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// OpenIDLie is one way of an OpenID provider not to tell the truth. What Given sets up is shared with the honest twin; Says is the lie.
type OpenIDLie struct {
	Class  string // its id in docs/security.md, "R-09"
	Name   string
	Reason trust.Reason // with which it must be refused
	Asks   OpenIDAsks   // what the connection asks for, of both
	Given  func(*OpenIDAnswer)
	Says   func(*OpenIDAnswer)
}

// OpenIDAsks are what a connection may ask for beyond the ordinary.
type OpenIDAsks struct {
	MaxAge       time.Duration
	AuthnContext string
	HostedDomain string
	TenantID     string
}

// String names a lie as subtests do.
func (l OpenIDLie) String() string { return l.Class + " " + l.Name }

// Twin is the same without the lie: it must be accepted.
func (l OpenIDLie) Twin() OpenIDLie { l.Says = nil; return l }

// claim is the lie to give a claim another value; nil leaves it out.
func claim(name string, value any) func(*OpenIDAnswer) {
	return func(a *OpenIDAnswer) { putMember(a.Claims, name, value) }
}

func header(name string, value any) func(*OpenIDAnswer) {
	return func(a *OpenIDAnswer) { putMember(a.Header, name, value) }
}

func putMember(members map[string]any, name string, value any) {
	if value == nil {
		delete(members, name)
		return
	}
	members[name] = value
}

// later moves a time of the token by that much.
func later(name string, by time.Duration) func(*OpenIDAnswer) {
	return func(a *OpenIDAnswer) { a.Claims[name] = a.Claims["iat"].(int64) + int64(by.Seconds()) }
}

// claimTwice repeats a claim in the claims' bytes, under that spelling.
func claimTwice(spelling string) func(*OpenIDAnswer) {
	return func(a *OpenIDAnswer) {
		a.Payload = func(raw []byte) []byte {
			return append([]byte(`{"`+spelling+`":"u-eve",`), bytes.TrimPrefix(raw, []byte("{"))...)
		}
	}
}

// resigned signs the token anew, by whatever sign makes of the bytes.
func resigned(algorithm string, sign func([]byte) []byte) func(*OpenIDAnswer) {
	return func(a *OpenIDAnswer) {
		a.Header["alg"] = algorithm
		a.Token = func(token string) string {
			signed := token[:strings.LastIndexByte(token, '.')]
			return signed + "." + base64.RawURLEncoding.EncodeToString(sign([]byte(signed)))
		}
	}
}

func mac(key []byte) func([]byte) []byte {
	return func(signed []byte) []byte {
		h := hmac.New(sha256.New, key)
		h.Write(signed)
		return h.Sum(nil)
	}
}

// stranger is a key that is not in the key set.
func stranger() OpenIDKey { return OpenIDKey{Key: RSAKey("openid stranger", 2048), ID: "stranger"} }

func tokenBy(key OpenIDKey, id string) func(*OpenIDAnswer) {
	return func(a *OpenIDAnswer) {
		a.Sign = key
		a.Header["alg"] = key.algorithm()
		putMember(a.Header, "kid", nil)
		if id != "" {
			a.Header["kid"] = id
		}
	}
}

func together(says ...func(*OpenIDAnswer)) func(*OpenIDAnswer) {
	return func(a *OpenIDAnswer) {
		for _, say := range says {
			say(a)
		}
	}
}

// OpenIDLies are the lies, by class.
func OpenIDLies() []OpenIDLie {
	return append(append(openIDTokenLies(), openIDClaimLies()...), openIDAnswerLies()...)
}

func openIDTokenLies() []OpenIDLie {
	public := must(json.Marshal(OpenIDKey{Key: RSAKey("openid", 2048), ID: "first"}.described()))
	foreign := stranger()
	return []OpenIDLie{
		{Class: "R-06", Name: "alg none", Reason: trust.ReasonTokenUnsigned, Says: resigned("none", func([]byte) []byte { return nil })},
		{Class: "R-06", Name: "alg None with a signature left on", Reason: trust.ReasonTokenAlgorithm, Says: header("alg", "None")},
		{Class: "R-06", Name: "signature cut off", Reason: trust.ReasonTokenUnsigned, Says: func(a *OpenIDAnswer) {
			a.Token = func(t string) string { return t[:strings.LastIndexByte(t, '.')+1] }
		}},
		{Class: "R-06", Name: "HS256 keyed with the public key", Reason: trust.ReasonTokenAlgorithm, Says: resigned("HS256", mac(public))},
		{Class: "R-06", Name: "HS256 keyed with the client secret", Reason: trust.ReasonTokenAlgorithm, Says: resigned("HS256", mac([]byte("a secret/with + signs")))},
		{Class: "R-06", Name: "crit", Reason: trust.ReasonTokenStructure, Says: header("crit", []string{"exp"})},
		{Class: "R-06", Name: "b64", Reason: trust.ReasonTokenStructure, Says: header("b64", false)},
		{Class: "R-06", Name: "an algorithm that discovery does not name", Reason: trust.ReasonTokenAlgorithm, Says: header("alg", "PS256")},
		{Class: "R-07", Name: "its own key in jwk", Reason: trust.ReasonTokenStructure, Says: together(tokenBy(foreign, "stranger"), header("jwk", foreign.described()))},
		{Class: "R-07", Name: "its own key set in jku", Reason: trust.ReasonTokenStructure, Says: together(tokenBy(foreign, "stranger"), header("jku", "https://evil.test/keys"))},
		{Class: "R-07", Name: "its own certificate in x5u", Reason: trust.ReasonTokenStructure, Says: together(tokenBy(foreign, "stranger"), header("x5u", "https://evil.test/cert"))},
		{Class: "R-07", Name: "its own certificate in x5c", Reason: trust.ReasonKeyUnknown,
			Given: header("x5c", []string{base64.StdEncoding.EncodeToString(foreign.Certificate.Raw)}), Says: tokenBy(foreign, "stranger")},
		{Class: "R-07", Name: "a strange key under a known kid", Reason: trust.ReasonTokenSignature, Says: tokenBy(foreign, "first")},
		{Class: "R-07", Name: "a strange key without kid", Reason: trust.ReasonTokenSignature, Given: header("kid", nil), Says: tokenBy(foreign, "")},
		{Class: "R-07", Name: "a path as kid", Reason: trust.ReasonKeyUnknown, Says: header("kid", "../../dev/null")},
		{Class: "R-07", Name: "a list as kid", Reason: trust.ReasonTokenStructure, Says: header("kid", []string{"first"})},
		{Class: "R-07", Name: "a key of another kind under a known kid", Reason: trust.ReasonKeyUnknown,
			Says: tokenBy(OpenIDKey{Key: ECKey("openid stranger", elliptic.P256()), ID: "first"}, "first")},
		{Class: "R-12", Name: "sub twice", Reason: trust.ReasonClaimsTwice, Says: claimTwice("sub")},
		{Class: "R-12", Name: "SUB beside sub", Reason: trust.ReasonClaimsTwice, Says: claimTwice("SUB")},
		{Class: "R-12", Name: "a long s in sub", Reason: trust.ReasonClaimsTwice, Says: claimTwice("ſub")},
		{Class: "R-12", Name: "escaped twin", Reason: trust.ReasonClaimsTwice, Says: claimTwice(`\u0073ub`)},
		{Class: "R-12", Name: "EMAIL beside email", Reason: trust.ReasonClaimsTwice, Says: claimTwice("EMAIL")},
		{Class: "R-12", Name: "something after the claims", Reason: trust.ReasonTokenStructure, Says: func(a *OpenIDAnswer) {
			a.Payload = func(raw []byte) []byte { return append(raw, `{"sub":"u-eve"}`...) }
		}},
		{Class: "R-12", Name: "a list of claims", Reason: trust.ReasonTokenStructure, Says: func(a *OpenIDAnswer) {
			a.Payload = func(raw []byte) []byte { return []byte("[" + string(raw) + "]") }
		}},
		{Class: "R-06", Name: "claims changed after signing", Reason: trust.ReasonTokenSignature, Says: func(a *OpenIDAnswer) {
			eve := maps.Clone(a.Claims)
			eve["sub"] = "u-eve"
			a.Token = func(t string) string {
				parts := strings.Split(t, ".")
				return parts[0] + "." + base64.RawURLEncoding.EncodeToString(must(json.Marshal(eve))) + "." + parts[2]
			}
		}},
		{Class: "R-06", Name: "a line break in the token", Reason: trust.ReasonTokenStructure, Says: func(a *OpenIDAnswer) {
			a.Token = func(t string) string { return t[:10] + "\n" + t[10:] }
		}},
		{Class: "R-13", Name: "a logout token by typ", Reason: trust.ReasonTokenType, Says: header("typ", "logout+jwt")},
		{Class: "R-13", Name: "an access token by typ", Reason: trust.ReasonTokenType, Given: header("typ", nil), Says: header("typ", "at+jwt")},
		{Class: "R-13", Name: "a logout token by events", Reason: trust.ReasonTokenType,
			Says: claim("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}})},
		{Class: "R-13", Name: "Keycloak's access token", Reason: trust.ReasonTokenType, Given: claim("typ", "ID"), Says: claim("typ", "Bearer")},
	}
}

func openIDClaimLies() []OpenIDLie {
	mfa := OpenIDAsks{AuthnContext: "urn:mfa"}
	hour := OpenIDAsks{MaxAge: time.Hour}
	return []OpenIDLie{
		{Class: "R-05", Name: "another nonce", Reason: trust.ReasonNonce, Says: claim("nonce", "another")},
		{Class: "R-05", Name: "no nonce", Reason: trust.ReasonNonce, Says: claim("nonce", nil)},
		{Class: "R-05", Name: "a list as nonce", Reason: trust.ReasonNonce, Says: func(a *OpenIDAnswer) { a.Claims["nonce"] = []any{a.Claims["nonce"]} }},
		{Class: "R-08", Name: "another issuer", Reason: trust.ReasonIssuer, Says: claim("iss", "https://evil.test")},
		{Class: "R-08", Name: "a slash after the issuer", Reason: trust.ReasonIssuer, Says: func(a *OpenIDAnswer) { a.Claims["iss"] = a.Claims["iss"].(string) + "/" }},
		{Class: "R-08", Name: "no issuer", Reason: trust.ReasonIssuer, Says: claim("iss", nil)},
		{Class: "R-08", Name: "another tenant", Reason: trust.ReasonTenant, Asks: OpenIDAsks{TenantID: "t-1"}, Given: claim("tid", "t-1"), Says: claim("tid", "t-2")},
		{Class: "R-08", Name: "no tenant", Reason: trust.ReasonTenant, Asks: OpenIDAsks{TenantID: "t-1"}, Given: claim("tid", "t-1"), Says: claim("tid", nil)},
		{Class: "R-08", Name: "another hosted domain", Reason: trust.ReasonTenant, Asks: OpenIDAsks{HostedDomain: "corp.test"}, Given: claim("hd", "corp.test"), Says: claim("hd", "evil.test")},
		{Class: "R-08", Name: "no hosted domain", Reason: trust.ReasonTenant, Asks: OpenIDAsks{HostedDomain: "corp.test"}, Given: claim("hd", "corp.test"), Says: claim("hd", nil)},
		{Class: "R-09", Name: "another audience", Reason: trust.ReasonAudience, Given: claim("aud", []string{OpenIDClient}), Says: claim("aud", "another")},
		{Class: "R-09", Name: "no audience", Reason: trust.ReasonAudience, Says: claim("aud", nil)},
		{Class: "R-09", Name: "an object as audience", Reason: trust.ReasonAudience, Says: claim("aud", map[string]any{OpenIDClient: 1})},
		{Class: "R-09", Name: "several audiences without azp", Reason: trust.ReasonAuthorizedParty,
			Given: together(claim("aud", []string{OpenIDClient, "another"}), claim("azp", OpenIDClient)), Says: claim("azp", nil)},
		{Class: "R-09", Name: "given to another", Reason: trust.ReasonAuthorizedParty, Given: claim("azp", OpenIDClient), Says: claim("azp", "another")},
		{Class: "R-09", Name: "azp of another type", Reason: trust.ReasonAuthorizedParty, Given: claim("azp", OpenIDClient), Says: claim("azp", []string{OpenIDClient})},
		{Class: "R-10", Name: "no iat", Reason: trust.ReasonTokenStructure, Says: claim("iat", nil)},
		{Class: "R-10", Name: "no exp", Reason: trust.ReasonTokenStructure, Says: claim("exp", nil)},
		{Class: "R-10", Name: "exp as text", Reason: trust.ReasonTokenStructure, Says: claim("exp", "4102444800")},
		{Class: "R-10", Name: "exp beyond all calendars", Reason: trust.ReasonTokenStructure, Says: claim("exp", 1e300)},
		{Class: "R-10", Name: "exp in a year", Reason: trust.ReasonTokenStructure, Given: later("exp", 24*time.Hour), Says: later("exp", 365*24*time.Hour)},
		{Class: "R-10", Name: "expired", Reason: trust.ReasonExpired, Given: together(later("iat", -4*time.Minute), later("exp", 2*time.Minute)), Says: later("exp", 10*time.Second)},
		{Class: "R-10", Name: "issued before this sign-in", Reason: trust.ReasonResponseExpired, Given: later("iat", -4*time.Minute), Says: later("iat", -2*time.Minute)},
		{Class: "R-10", Name: "issued in the future", Reason: trust.ReasonNotYetValid, Given: later("iat", 2*time.Minute), Says: later("iat", 2*time.Minute)},
		{Class: "R-10", Name: "valid from later on", Reason: trust.ReasonNotYetValid, Given: later("nbf", 2*time.Minute), Says: later("nbf", 4*time.Minute)},
		{Class: "R-10", Name: "no auth_time, though max_age was asked for", Reason: trust.ReasonSignInTooOld, Asks: hour, Says: claim("auth_time", nil)},
		{Class: "R-10", Name: "signed in before max_age", Reason: trust.ReasonSignInTooOld, Asks: hour, Given: later("auth_time", -59*time.Minute), Says: later("auth_time", -64*time.Minute)},
		{Class: "R-11", Name: "no sub", Reason: trust.ReasonSubjectMissing, Says: claim("sub", nil)},
		{Class: "R-11", Name: "an empty sub", Reason: trust.ReasonSubjectMissing, Says: claim("sub", "")},
		{Class: "R-11", Name: "a sub of 256 bytes", Reason: trust.ReasonSubjectMissing, Given: longSubject(255), Says: longSubject(256)},
		{Class: "R-11", Name: "a number as sub", Reason: trust.ReasonSubjectMissing, Says: claim("sub", 7)},
		{Class: "R-11", Name: "a sub with a blank after it", Reason: trust.ReasonSubjectMissing, Given: claim("sub", "u ada"), Says: claim("sub", "u-ada ")},
		{Class: "R-12", Name: "SUB instead of sub", Reason: trust.ReasonSubjectMissing, Says: together(claim("sub", nil), claim("SUB", "u-ada-1815"))},
		{Class: "R-25", Name: "a lesser acr", Reason: trust.ReasonAuthnContext, Asks: mfa, Says: claim("acr", "urn:password")},
		{Class: "R-25", Name: "no acr", Reason: trust.ReasonAuthnContext, Asks: mfa, Says: claim("acr", nil)},
	}
}

func longSubject(bytes int) func(*OpenIDAnswer) {
	return func(a *OpenIDAnswer) {
		a.Claims["sub"], a.Userinfo["sub"] = strings.Repeat("u", bytes), strings.Repeat("u", bytes)
	}
}

func openIDAnswerLies() []OpenIDLie {
	callback := func(name, value string) func(*OpenIDAnswer) {
		return func(a *OpenIDAnswer) {
			if a.Callback.Del(name); value != "" {
				a.Callback.Set(name, value)
			}
		}
	}
	noEmail := claim("email", nil)
	return []OpenIDLie{
		{Class: "R-01", Name: "the answer names another issuer", Reason: trust.ReasonIssuer, Says: callback("iss", "https://evil.test")},
		{Class: "R-01", Name: "the answer names nobody", Reason: trust.ReasonIssuer, Says: callback("iss", "")},
		{Class: "R-22", Name: "an error", Reason: trust.ReasonIDPErrorStatus, Says: callback("error", "access_denied")},
		{Class: "R-22", Name: "an invented error", Reason: trust.ReasonIDPErrorStatus,
			Says: together(callback("error", "<img src=x>"), callback("error_description", "Call +1 555 0100 and tell them your password"))},
		{Class: "R-13", Name: "no ID token", Reason: trust.ReasonTokenStructure, Says: func(a *OpenIDAnswer) { a.Token = func(string) string { return "" } }},
		{Class: "R-13", Name: "an encrypted token", Reason: trust.ReasonTokenStructure, Says: func(a *OpenIDAnswer) { a.Token = func(t string) string { return t + ".AA.AA" } }},
		{Class: "R-13", Name: "the hash of another access token", Reason: trust.ReasonTokenHash, Says: claim("at_hash", "c2hvcnQ")},
		{Class: "R-13", Name: "another access token", Reason: trust.ReasonTokenHash, Says: func(a *OpenIDAnswer) { a.Answer["access_token"] = "another" }},
		{Class: "R-13", Name: "a token that is no bearer's", Reason: trust.ReasonTokenStructure, Says: func(a *OpenIDAnswer) { a.Answer["token_type"] = "MAC" }},
		{Class: "R-22", Name: "the token endpoint refuses", Reason: trust.ReasonTokenRefused, Says: func(a *OpenIDAnswer) {
			a.Status, a.Answer = 400, map[string]any{"error": "<script>", "error_description": "secret words"}
		}},
		{Class: "R-14", Name: "userinfo of somebody else", Reason: trust.ReasonUserinfo, Given: noEmail, Says: func(a *OpenIDAnswer) { a.Userinfo["sub"] = "u-eve" }},
		{Class: "R-14", Name: "userinfo of nobody", Reason: trust.ReasonUserinfo, Given: noEmail, Says: func(a *OpenIDAnswer) { delete(a.Userinfo, "sub") }},
		{Class: "R-14", Name: "userinfo of SUB", Reason: trust.ReasonUserinfo, Given: noEmail, Says: func(a *OpenIDAnswer) { a.Userinfo["SUB"] = "u-eve" }},
	}
}
