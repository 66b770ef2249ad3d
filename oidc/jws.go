package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"encoding/base64"
	"errors"
	"math/big"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// algorithm is a way to sign that we take (RFC 7518, section 3). Neither none nor a MAC is one: with those, whoever knows a public key or our
// secret could speak as the identity provider.
type algorithm struct {
	hash  crypto.Hash
	pss   bool
	curve string // of ECDSA; "" for RSA
}

var algorithms = map[string]algorithm{
	"RS256": {hash: crypto.SHA256}, "RS384": {hash: crypto.SHA384}, "RS512": {hash: crypto.SHA512},
	"PS256": {hash: crypto.SHA256, pss: true}, "PS384": {hash: crypto.SHA384, pss: true}, "PS512": {hash: crypto.SHA512, pss: true},
	"ES256": {hash: crypto.SHA256, curve: "P-256"}, "ES384": {hash: crypto.SHA384, curve: "P-384"}, "ES512": {hash: crypto.SHA512, curve: "P-521"},
}

// strictBase64 takes one spelling of each value.
var strictBase64 = base64.RawURLEncoding.Strict()

// token is a signed token in its compact form (RFC 7515, section 7.1), read and not believed.
type token struct {
	algorithm string
	keyID     string
	kind      string // typ
	header    object
	claims    object
	signed    []byte // the bytes that the signature is over
	signature []byte
}

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
	read := token{signed: []byte(parts[0] + "." + parts[1]), signature: decoded[2]}
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

// verify checks the signature by the first of the keys that fits; a key fits by its kind, its stated use and its id.
func (t token) verify(keys []Key, allowed []string) *trust.Refusal {
	if _, known := algorithms[t.algorithm]; !known || !slices.Contains(allowed, t.algorithm) {
		return trust.Refuse(trust.ReasonTokenAlgorithm, strings.Join(allowed, ", "), t.algorithm)
	}
	tried := 0
	for _, key := range keys {
		if t.keyID != "" && key.ID != t.keyID || !key.fits(t.algorithm) {
			continue
		}
		if tried++; key.verifies(t.algorithm, t.signed, t.signature) {
			return nil
		}
	}
	switch {
	case tried > 0:
		return trust.Refuse(trust.ReasonTokenSignature, "a signature by a key of the identity provider", "one that does not hold")
	case t.keyID == "":
		return trust.Refuse(trust.ReasonKeyUnknown, "a key for "+t.algorithm+" in the identity provider's key set", "none")
	}
	return trust.Refuse(trust.ReasonKeyUnknown, "a key of the identity provider's key set", t.keyID)
}

// verifies checks one signature.
func (k Key) verifies(name string, signed, signature []byte) bool {
	how := algorithms[name]
	hash := how.hash.New()
	hash.Write(signed)
	digest := hash.Sum(nil)
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		if how.pss {
			return rsa.VerifyPSS(public, how.hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(public, how.hash, digest, signature) == nil
	case *ecdsa.PublicKey:
		size := (public.Params().BitSize + 7) / 8
		if len(signature) != 2*size {
			return false
		}
		return ecdsa.Verify(public, digest, new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:]))
	}
	return false
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
