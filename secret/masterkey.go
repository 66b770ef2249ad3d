package secret

import (
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// KeyWrapper keeps data keys: it encrypts them for the database and gives them back. A master
// key in a file is one; a key service would be another.
type KeyWrapper interface {
	// ID names the wrapping key without telling anything about it.
	ID() string
	Wrap(dataKey []byte) ([]byte, error)
	// Unwrap returns ErrSealed for what another key wrapped.
	Unwrap(wrapped []byte) ([]byte, error)
}

// MasterKey wraps data keys with AES-256-GCM under 32 bytes that live outside the database.
type MasterKey struct {
	id   string
	aead cipher.AEAD
}

var wrapping = []byte("gatehouse data key")

// NewMasterKey takes 32 random bytes. It refuses what cannot be random: zeros, a pattern, or
// text, such as the example in somebody's documentation.
func NewMasterKey(raw []byte) (*MasterKey, error) {
	if len(raw) != 32 {
		return nil, fmt.Errorf("master key must be 32 bytes, is %d", len(raw))
	}
	if looksMade(raw) {
		return nil, errors.New("master key is an example or a pattern, not random; make one with: openssl rand -base64 32")
	}
	aead, err := newAEAD(raw)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	sum := sha256.Sum256(append([]byte("gatehouse master key id"), raw...))
	return &MasterKey{id: "mk_" + hex.EncodeToString(sum[:8]), aead: aead}, nil
}

// ID is a short digest of the key: the same key has the same id on every node.
func (m *MasterKey) ID() string { return m.id }

// Wrap encrypts a data key for the database.
func (m *MasterKey) Wrap(dataKey []byte) ([]byte, error) {
	return m.aead.Seal(nil, nil, dataKey, wrapping), nil
}

// Unwrap returns the data key, or ErrSealed when another master key wrapped it.
func (m *MasterKey) Unwrap(wrapped []byte) ([]byte, error) {
	dataKey, err := m.aead.Open(nil, nil, wrapped, wrapping)
	if err != nil {
		return nil, fmt.Errorf("unwrap data key with master key %s: %w", m.id, ErrSealed)
	}
	return dataKey, nil
}

// looksMade is true for keys that chance makes less often than once in 10^12: 32 printable
// characters, bytes in steps, or fewer than 16 different bytes.
func looksMade(raw []byte) bool {
	printable, steps := true, true
	seen := map[byte]bool{}
	for i, b := range raw {
		seen[b] = true
		printable = printable && b >= ' ' && b <= '~'
		steps = steps && (i < 2 || b-raw[i-1] == raw[1]-raw[0])
	}
	return printable || steps || len(seen) < 16
}
