package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrSealed says that a sealed value does not authenticate: another place, another key, or
// changed bytes.
var ErrSealed = errors.New("sealed value does not open here")

// Place is where a sealed value lives. It is bound into the seal, so that a value copied to
// another row, column or organization does not open there.
type Place struct{ Table, Column, Organization, Row string }

// Keyring holds the data keys, by id. New values are sealed under the current one; all of them
// open. It is safe for concurrent use.
type Keyring struct {
	current string
	keys    map[string]cipher.AEAD
}

// NewDataKey returns a fresh 256-bit data key and its id.
func NewDataKey() (id string, key []byte) {
	return "dk_" + hex.EncodeToString(randomBytes(8)), randomBytes(32)
}

// NewKeyring builds a ring from 32-byte data keys. Current must be among them.
func NewKeyring(current string, keys map[string][]byte) (*Keyring, error) {
	ring := &Keyring{current: current, keys: make(map[string]cipher.AEAD, len(keys))}
	for id, key := range keys {
		if id == "" || len(id) > 255 {
			return nil, fmt.Errorf("data key id %q: must be 1 to 255 bytes", id)
		}
		aead, err := newAEAD(key)
		if err != nil {
			return nil, fmt.Errorf("data key %s: %w", id, err)
		}
		ring.keys[id] = aead
	}
	if _, ok := ring.keys[current]; !ok {
		return nil, fmt.Errorf("current data key %q is not in the keyring", current)
	}
	return ring, nil
}

// Seal encrypts plain for p under the current data key. The result is one byte with the length
// of the key's id, the id, a random nonce, the ciphertext and its tag.
func (k *Keyring) Seal(p Place, plain []byte) ([]byte, error) {
	aead := k.keys[k.current]
	out := make([]byte, 0, 1+len(k.current)+aead.Overhead()+len(plain))
	out = append(out, byte(len(k.current)))
	out = append(out, k.current...)
	return aead.Seal(out, nil, plain, p.bound(k.current)), nil
}

// Open returns what Seal was given, or ErrSealed.
func (k *Keyring) Open(p Place, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || len(sealed) < 1+int(sealed[0]) {
		return nil, ErrSealed
	}
	id, body := string(sealed[1:1+sealed[0]]), sealed[1+sealed[0]:]
	aead, ok := k.keys[id]
	if !ok {
		return nil, fmt.Errorf("%w: data key %q is unknown", ErrSealed, id)
	}
	plain, err := aead.Open(nil, nil, body, p.bound(id))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// bound is the additional data: each part with its length before it, so that no two places
// spell the same bytes.
func (p Place) bound(keyID string) []byte {
	var out []byte
	for _, part := range [...]string{"gatehouse sealed", keyID, p.Table, p.Column, p.Organization, p.Row} {
		out = binary.BigEndian.AppendUint32(out, uint32(len(part)))
		out = append(out, part...)
	}
	return out
}

// newAEAD is AES-256-GCM with a random nonce in front of each ciphertext.
func newAEAD(key []byte) (cipher.AEAD, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("must be 32 bytes, is %d", len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
