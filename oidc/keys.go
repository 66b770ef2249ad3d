package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-jose/go-jose/v4"
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
	if k.algorithm != "" && k.algorithm != name {
		return false
	}
	curve := algorithms[name]
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return curve == ""
	case *ecdsa.PublicKey:
		return curve == public.Params().Name
	}
	return false
}

// ParseKeys reads a key set (RFC 7517). Keys that are not for signatures, of a kind that we do not take, or too weak are left out;
// it is an error when none remains.
func ParseKeys(document []byte) ([]Key, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"` // one by one: a single key that cannot be read must not cost us the others
	}
	if err := json.Unmarshal(document, &set); err != nil {
		return nil, errors.New("the key set is not JSON")
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("the key set has more than %d keys", maxKeys)
	}
	var keys []Key
	for _, raw := range set.Keys {
		var found jose.JSONWebKey
		if json.Unmarshal(raw, &found) == nil && found.Valid() && strong(found.Key) && signs(found, raw) {
			keys = append(keys, Key{ID: found.KeyID, algorithm: found.Algorithm, public: found.Key})
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set has no RSA key of at least 2048 bits and no EC key that is for signatures")
	}
	return keys, nil
}

// signs reports whether a key is there to check signatures; the library passes over what it is for.
func signs(key jose.JSONWebKey, raw []byte) bool {
	var stated struct {
		Operations []string `json:"key_ops"`
	}
	_ = json.Unmarshal(raw, &stated) // it was read as JSON already; what is no list of words states nothing
	return (key.Use == "" || key.Use == "sig") && (len(stated.Operations) == 0 || slices.Contains(stated.Operations, "verify"))
}

// strong reports whether it is a public key that we take: private and symmetric ones are not.
func strong(key any) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= minRSABits && key.N.BitLen() <= maxRSABits && key.E >= 3 && key.E%2 == 1
	case *ecdsa.PublicKey:
		return true // the library knows P-256 and longer curves alone
	}
	return false
}

// FetchKeys reads the key set at the pinned address.
func FetchKeys(ctx context.Context, client *http.Client, address string) ([]Key, error) {
	document, err := get(ctx, client, address, "")
	if err != nil {
		return nil, err
	}
	return ParseKeys(document.body)
}

// describe is one of our own keys, named by what it is (RFC 7638).
func describe(key *rsa.PrivateKey) (jose.JSONWebKey, error) {
	described := jose.JSONWebKey{Key: key, Use: "sig", Algorithm: string(jose.RS256)}
	thumb, err := described.Thumbprint(crypto.SHA256)
	if err != nil {
		return described, fmt.Errorf("name a key of ours: %w", err)
	}
	described.KeyID = base64.RawURLEncoding.EncodeToString(thumb)
	return described, nil
}

// KeySet is our own public keys for a connection, as its identity provider fetches them.
func KeySet(keys []*rsa.PrivateKey) ([]byte, error) {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, key := range keys {
		described, err := describe(key)
		if err != nil {
			return nil, err
		}
		set.Keys = append(set.Keys, described.Public())
	}
	document, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("write our key set: %w", err)
	}
	return document, nil
}
