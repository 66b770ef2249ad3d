package oidc

import (
	"context"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// longest is how far ahead an ID token may say that it ends. Identity providers are generous here; beyond a month it is a mistake.
const longest = 31 * 24 * time.Hour

// maxSubject is the longest sub that the standard allows, in bytes.
const maxSubject = 255

// ReadIDToken makes one strict pass over an ID token (OpenID Connect Core 1.0, section 3.1.3.7, and what it leaves open): everything that
// only this protocol has is checked here, the rest by trust.Decide. The Claim is complete then, but for its ConnectionID and for what
// AddUserinfo may add.
//
// go-oidc checks the same token, and must read the same in it: what two readers take for two things is refused.
func (p RelyingParty) ReadIDToken(ctx context.Context, r *Reading, tokens Tokens, keys []Key, a Asked, now time.Time) *trust.Refusal {
	read, refusal := parseToken(tokens.ID)
	if r.note("structure", "a signed token in three parts", "a signed token in three parts", refusal) != nil {
		return refusal
	}
	r.header, r.claims = read.header, read.claims
	if refusal = r.note("algorithm", strings.Join(p.Algorithms, ", "), read.algorithm, read.checkAlgorithm(p.Algorithms)); refusal != nil {
		return refusal
	}
	set := &keySet{keys: keys, token: read, allowed: p.Algorithms}
	library, err := p.verifier(set).Verify(ctx, read.raw)
	if refusal = r.note("signature", "a signature by a key of the identity provider", "the ID token, signed "+read.signedHow(), set.judgement()); refusal != nil {
		return refusal
	}
	nonce := tokenCheck{"nonce", func() (string, string, *trust.Refusal) { return checkNonce(read.claims, a) }}
	for _, check := range append(p.tokenChecks(read, now), nonce) {
		want, got, refusal := check.run()
		if r.note(check.name, want, got, refusal) != nil {
			return refusal
		}
	}
	if refusal = p.readSubject(r, read, a); refusal != nil {
		return refusal
	}
	if _, _, refusal = read.agrees(library, err); r.note("second_reading", bothRead, bothRead, refusal) != nil {
		return refusal
	}
	return r.note("token_hash", "at_hash of the access token beside it, or none", or(library.AccessTokenHash, "none"), checkHash(library, tokens))
}

// bothRead is what two readers of a token must come to.
const bothRead = "two readers find the same issuer, person, audience and nonce"

// signedHow words how a token is signed, and by which key.
func (t token) signedHow() string {
	if t.keyID == "" {
		return t.algorithm
	}
	return t.algorithm + " by the key " + t.keyID
}

// otherKinds are what Keycloak writes in the claim typ of tokens that are no ID tokens.
var otherKinds = []string{"Bearer", "Refresh", "Offline", "Logout"}

// checkKind: no other token that the same key signs passes for an ID token.
func (t token) checkKind() (want, got string, refusal *trust.Refusal) {
	kind := t.claims.text("typ")
	switch {
	case t.kind != "" && !strings.EqualFold(t.kind, "JWT"):
		refusal = trust.Refuse(trust.ReasonTokenType, "an ID token", t.kind)
	case t.claims.has("events"):
		refusal = trust.Refuse(trust.ReasonTokenType, "an ID token", "a logout token or another security event")
	case slices.Contains(otherKinds, kind):
		refusal = trust.Refuse(trust.ReasonTokenType, "an ID token", "a token of type "+kind)
	}
	return "an ID token", t.kind, refusal
}

// checkIssuer: the connection's identity provider says it, letter for letter, and where many share one issuer, the right one of those.
func (p RelyingParty) checkIssuer(claims object) (want, got string, refusal *trust.Refusal) {
	issuer, tenant, domain := claims.text("iss"), claims.text("tid"), claims.text("hd")
	switch {
	case issuer == "" || issuer != p.Issuer:
		return "", "", trust.Refuse(trust.ReasonIssuer, p.Issuer, issuer)
	case p.TenantID != "" && tenant != p.TenantID:
		return "", "", trust.Refuse(trust.ReasonTenant, "tid "+p.TenantID, or(tenant, "no tid"))
	case p.HostedDomain != "" && domain != p.HostedDomain:
		return "", "", trust.Refuse(trust.ReasonTenant, "hd "+p.HostedDomain, or(domain, "no hd"))
	}
	return p.Issuer, issuer, nil
}

// checkAudience: it is meant for us, and where for others too, given to us.
func (p RelyingParty) checkAudience(claims object) (want, got string, refusal *trust.Refusal) {
	audience, party := claims.texts("aud"), claims.text("azp")
	got = strings.Join(audience, ", ")
	switch {
	case !slices.Contains(audience, p.ClientID):
		refusal = trust.Refuse(trust.ReasonAudience, p.ClientID, got)
	case claims.has("azp") && party != p.ClientID:
		refusal = trust.Refuse(trust.ReasonAuthorizedParty, p.ClientID, or(party, "something else"))
	case len(audience) > 1 && !claims.has("azp"):
		refusal = trust.Refuse(trust.ReasonAuthorizedParty, "azp "+p.ClientID+", since there are several audiences", "no azp")
	}
	return p.ClientID, got, refusal
}

// checkTimes: every time is one, and none is beyond reason. Whether now lies within them is Decide's to judge.
func (p RelyingParty) checkTimes(claims object, now time.Time) (want, got string, refusal *trust.Refusal) {
	at := map[string]time.Time{}
	for _, name := range []string{"iat", "exp", "nbf", "auth_time"} {
		moment, ok := claims.moment(name)
		if !ok {
			return "", "", trust.Refuse(trust.ReasonTokenStructure, name+" as a number of seconds", "something else")
		}
		at[name] = moment
	}
	issued, ends, signedIn := at["iat"], at["exp"], at["auth_time"]
	switch {
	case issued.IsZero() || ends.IsZero():
		refusal = trust.Refuse(trust.ReasonTokenStructure, "iat and exp", "one is missing")
	case !ends.After(issued) || ends.Sub(now) > longest:
		refusal = trust.Refuse(trust.ReasonTokenStructure, "an exp after iat and within 31 days", stamp(ends))
	case p.MaxAge > 0 && signedIn.IsZero():
		refusal = trust.Refuse(trust.ReasonSignInTooOld, "an auth_time, since max_age was asked for", "none")
	case p.MaxAge > 0 && now.Sub(signedIn) > p.MaxAge+trust.Skew:
		refusal = trust.Refuse(trust.ReasonSignInTooOld, fmt.Sprintf("a sign-in there within %s", p.MaxAge), stamp(signedIn))
	}
	return "issued within 5 minutes of " + stamp(now), "issued " + stamp(issued) + ", " + drift(now.Sub(issued)) + "; valid until " + stamp(ends), refusal
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// checkNonce: it answers the one request of this browser. Neither nonce is repeated.
func checkNonce(claims object, a Asked) (want, got string, refusal *trust.Refusal) {
	nonce := a.Nonce.Reveal()
	if nonce == "" || subtle.ConstantTimeCompare([]byte(claims.text("nonce")), []byte(nonce)) != 1 {
		came := "another one"
		if !claims.has("nonce") {
			came = "none"
		}
		refusal = trust.Refuse(trust.ReasonNonce, "the nonce of this sign-in", came)
	}
	return "the nonce of this sign-in", "the same", refusal
}

// agrees: the library has found nothing to object to, and read in the token what we have.
func (t token) agrees(library *oidc.IDToken, err error) (want, got string, refusal *trust.Refusal) {
	const both = "a token that both our reading and the library's understand alike"
	switch {
	case err != nil:
		return "", "", trust.Refuse(trust.ReasonReadingsDisagree, both, "one that the library refuses")
	case library.Issuer != t.claims.text("iss") || library.Subject != t.claims.text("sub") || library.Nonce != t.claims.text("nonce") ||
		!slices.Equal(library.Audience, t.claims.texts("aud")):
		return "", "", trust.Refuse(trust.ReasonReadingsDisagree, both, "another issuer, subject, audience or nonce")
	}
	return "", "", nil
}

// checkHash: the access token that came beside it is the one that it speaks of.
func checkHash(library *oidc.IDToken, tokens Tokens) *trust.Refusal {
	if library.AccessTokenHash == "" || library.VerifyAccessToken(tokens.Access.Reveal()) == nil {
		return nil
	}
	return trust.Refuse(trust.ReasonTokenHash, "at_hash of the access token beside it", "that of another one")
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
