package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
)

const (
	minRSABits = 2048
	maxRSABits = 8192 // beyond that a signature costs more to check than to send
	maxKeys    = 100
)

// Key is one public key of an identity provider that we may believe.
type Key struct {
	ID        string // kid; may be empty
	algorithm string // the only one that it is for; may be empty
	public    any    // *rsa.PublicKey or *ecdsa.PublicKey
}

// fits says whether the key may check signatures of the algorithm.
func (k Key) fits(name string) bool {
	how := algorithms[name]
	if k.algorithm != "" && k.algorithm != name {
		return false
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return how.curve == ""
	case *ecdsa.PublicKey:
		return how.curve == public.Params().Name
	}
	return false
}

type webKey struct {
	Kind       string   `json:"kty"`
	ID         string   `json:"kid"`
	Use        string   `json:"use,omitempty"`
	Operations []string `json:"key_ops,omitempty"`
	Algorithm  string   `json:"alg,omitempty"`
	Modulus    string   `json:"n,omitempty"`
	Exponent   string   `json:"e,omitempty"`
	Curve      string   `json:"crv,omitempty"`
	X          string   `json:"x,omitempty"`
	Y          string   `json:"y,omitempty"`
}

// ParseKeys reads a key set (RFC 7517). Keys that are not for signatures, of a kind that we do not take, or too weak are left out;
// it is an error when none remains.
func ParseKeys(document []byte) ([]Key, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(document, &set); err != nil {
		return nil, errors.New("the key set is not JSON")
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("the key set has more than %d keys", maxKeys)
	}
	var keys []Key
	for _, raw := range set.Keys {
		var described webKey
		if json.Unmarshal(raw, &described) != nil || !described.signs() {
			continue
		}
		if public := described.public(); public != nil {
			keys = append(keys, Key{ID: described.ID, algorithm: described.Algorithm, public: public})
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set has no RSA key of at least 2048 bits and no EC key that is for signatures")
	}
	return keys, nil
}

func (w webKey) signs() bool {
	return (w.Use == "" || w.Use == "sig") && (len(w.Operations) == 0 || slices.Contains(w.Operations, "verify"))
}

// public is the key itself, nil where it is none that we take.
func (w webKey) public() any {
	number := func(text string) *big.Int {
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			return new(big.Int)
		}
		return new(big.Int).SetBytes(raw)
	}
	switch w.Kind {
	case "RSA":
		key, exponent := &rsa.PublicKey{N: number(w.Modulus)}, number(w.Exponent)
		if exponent.BitLen() > 31 || exponent.Int64() < 3 || exponent.Int64()%2 == 0 || key.N.BitLen() < minRSABits || key.N.BitLen() > maxRSABits {
			return nil
		}
		key.E = int(exponent.Int64())
		return key
	case "EC":
		curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[w.Curve]
		if curve == nil {
			return nil
		}
		size := (curve.Params().BitSize + 7) / 8
		x, y := number(w.X).Bytes(), number(w.Y).Bytes()
		if len(x) > size || len(y) > size {
			return nil
		}
		point := make([]byte, 1+2*size)
		point[0] = 4 // uncompressed
		copy(point[1+size-len(x):], x)
		copy(point[1+2*size-len(y):], y)
		if key, err := ecdsa.ParseUncompressedPublicKey(curve, point); err == nil {
			return key
		}
	}
	return nil
}

// FetchKeys reads the key set at the pinned address.
func FetchKeys(ctx context.Context, client *http.Client, address string) ([]Key, error) {
	document, err := get(ctx, client, address, "")
	if err != nil {
		return nil, err
	}
	return ParseKeys(document.body)
}

// describe is one of our own keys as a key set shows it: the public half.
func describe(public *rsa.PublicKey) webKey {
	described := webKey{
		Kind: "RSA", Use: "sig", Algorithm: "RS256",
		Modulus: base64.RawURLEncoding.EncodeToString(public.N.Bytes()), Exponent: base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}
	// The thumbprint of RFC 7638 names a key by what it is.
	thumb := sha256.Sum256([]byte(`{"e":"` + described.Exponent + `","kty":"RSA","n":"` + described.Modulus + `"}`))
	described.ID = base64.RawURLEncoding.EncodeToString(thumb[:])
	return described
}

// KeySet is our own public keys for a connection, as its identity provider fetches them.
func KeySet(keys []*rsa.PrivateKey) []byte {
	set := struct {
		Keys []webKey `json:"keys"`
	}{Keys: []webKey{}}
	for _, key := range keys {
		set.Keys = append(set.Keys, describe(&key.PublicKey))
	}
	document, _ := json.Marshal(set) // strings always marshal
	return document
}
