package oidc

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// algorithms are the ways to sign that we take (RFC 7518, section 3), each with the curve of its keys, "" for RSA. Neither none nor a MAC is
// one: with those, whoever knows a public key or our secret could speak as the identity provider.
var algorithms = map[string]string{
	"RS256": "", "RS384": "", "RS512": "", "PS256": "", "PS384": "", "PS512": "", "ES256": "P-256", "ES384": "P-384", "ES512": "P-521",
}

// strictBase64 takes one spelling of each value.
var strictBase64 = base64.RawURLEncoding.Strict()

// token is a signed token in its compact form (RFC 7515, section 7.1), read and not believed.
type token struct {
	raw       string
	algorithm string
	keyID     string
	kind      string // typ
	header    object
	claims    object
	signature []byte
}

// signed is what the signature is over. Tokens that differ in their signature alone are one.
func (t token) signed() string { return t.raw[:strings.LastIndexByte(t.raw, '.')] }

// parseToken reads a token that can be read in one way only.
func parseToken(raw string) (token, *trust.Refusal) {
	refuse := func(got string) (token, *trust.Refusal) {
		return token{}, trust.Refuse(trust.ReasonTokenStructure, "a signed token in three parts", got)
	}
	if len(raw) > maxToken {
		return token{}, trust.Refuse(trust.ReasonTooLarge, "an ID token of at most 64 KiB", "a larger one")
	}
	parts := strings.Split(raw, ".")
	switch {
	case raw == "":
		return refuse("no ID token")
	case len(parts) == 5:
		return refuse("an encrypted token")
	case len(parts) != 3:
		return refuse("something else")
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		// The decoder passes over line breaks, which would make two tokens of one.
		if decoded[i], err = strictBase64.DecodeString(part); err != nil || strings.ContainsAny(part, "\r\n") {
			return refuse("a part that is not base64url")
		}
	}
	read := token{raw: raw, signature: decoded[2]}
	for _, part := range []struct {
		into *object
		raw  []byte
	}{{&read.header, decoded[0]}, {&read.claims, decoded[1]}} {
		var err error
		if *part.into, err = parseObject(part.raw); errors.Is(err, errTwice) {
			return token{}, trust.Refuse(trust.ReasonClaimsTwice, "each claim once", "one that comes twice, perhaps in capital letters")
		} else if err != nil {
			return refuse("a part that is not a plain JSON object")
		}
	}
	read.algorithm, read.keyID, read.kind = read.header.text("alg"), read.header.text("kid"), read.header.text("typ")
	return read, read.checkHeader()
}

// foreignKeys are header members by which a token would bring or choose its own key, or change how it is to be read.
var foreignKeys = []string{"jwk", "jku", "x5u", "crit", "b64"}

func (t token) checkHeader() *trust.Refusal {
	for _, name := range foreignKeys {
		if _, there := t.header[name]; there {
			return trust.Refuse(trust.ReasonTokenStructure, "a header without "+name, name)
		}
	}
	if t.header.has("kid") && t.keyID == "" {
		return trust.Refuse(trust.ReasonTokenStructure, "a kid that is a text", "something else")
	}
	if t.algorithm == "none" || t.algorithm == "" || len(t.signature) == 0 {
		return trust.Refuse(trust.ReasonTokenUnsigned, "a signed ID token", "one without a signature")
	}
	return nil
}

// keySet is the keys that may have signed one token, in the form in which the library asks for them. It says why none did.
type keySet struct {
	keys    []Key
	token   token
	allowed []string
	holds   bool
	refusal *trust.Refusal
}

// judgement is nil where a key was found to verify the token, and nowhere else: the library may stop before it asks for one.
func (k *keySet) judgement() *trust.Refusal {
	if k.holds || k.refusal != nil {
		return k.refusal
	}
	return trust.Refuse(trust.ReasonTokenStructure, "a signed token with a header as the standard asks", "another header")
}

// VerifySignature checks the signature by the first of the keys that fits; a key fits by its kind, its stated use and its id.
func (k *keySet) VerifySignature(_ context.Context, raw string) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(raw, joseAlgorithms(k.allowed))
	if err != nil {
		return nil, fmt.Errorf("read a signed token: %w", err)
	}
	tried := 0
	for _, key := range k.keys {
		if k.token.keyID != "" && key.ID != k.token.keyID || !key.fits(k.token.algorithm) {
			continue
		}
		tried++
		if payload, err := signed.Verify(key.public); err == nil {
			k.holds = true
			return payload, nil
		}
	}
	switch {
	case tried > 0:
		k.refusal = trust.Refuse(trust.ReasonTokenSignature, "a signature by a key of the identity provider", "one that does not hold")
	case k.token.keyID == "":
		k.refusal = trust.Refuse(trust.ReasonKeyUnknown, "a key for "+k.token.algorithm+" in the identity provider's key set", "none")
	default:
		k.refusal = trust.Refuse(trust.ReasonKeyUnknown, "a key of the identity provider's key set", k.token.keyID)
	}
	return nil, errors.New("no key verifies the token")
}

func joseAlgorithms(names []string) []jose.SignatureAlgorithm {
	all := make([]jose.SignatureAlgorithm, len(names))
	for i, name := range names {
		all[i] = jose.SignatureAlgorithm(name)
	}
	return all
}

// checkAlgorithm refuses a token that is signed in a way that was not agreed on with the identity provider.
func (t token) checkAlgorithm(allowed []string) *trust.Refusal {
	if _, known := algorithms[t.algorithm]; !known || !slices.Contains(allowed, t.algorithm) {
		return trust.Refuse(trust.ReasonTokenAlgorithm, strings.Join(allowed, ", "), t.algorithm)
	}
	return nil
}

// verifier is the library's own check of a token of this identity provider: the signature, its issuer, and that it is meant for us. Times are
// judged by trust.Decide, with one skew for both protocols; go-oidc has a skew for nbf alone.
func (p RelyingParty) verifier(keys *keySet) *oidc.IDTokenVerifier {
	return oidc.NewVerifier(p.Issuer, keys, &oidc.Config{ClientID: p.ClientID, SupportedSigningAlgs: keys.allowed, SkipExpiryCheck: true})
}

// KeyID is the key that a token says it is signed with; nothing has been checked.
func KeyID(raw string) string {
	head, _, _ := strings.Cut(raw[:min(len(raw), maxToken)], ".")
	decoded, err := strictBase64.DecodeString(head)
	if err != nil {
		return ""
	}
	header, err := parseObject(decoded)
	if err != nil {
		return ""
	}
	return header.text("kid")
}
