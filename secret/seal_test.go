package secret

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"testing"
)

func newRing(t *testing.T) (*Keyring, map[string][]byte, string) {
	t.Helper()
	id, key := NewDataKey()
	keys := map[string][]byte{id: key}
	ring, err := NewKeyring(id, keys)
	if err != nil {
		t.Fatal(err)
	}
	return ring, keys, id
}

func TestX01_SealedOpensOnlyAtItsPlace(t *testing.T) {
	ring, keys, old := newRing(t)
	place := Place{"connections", "key", "org_1", "con_1"}
	sealed, err := ring.Seal(place, []byte("private"))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := ring.Open(place, sealed); err != nil || string(plain) != "private" {
		t.Fatalf("the honest twin: %q, %v", plain, err)
	}
	if bytes.Contains(sealed, []byte("private")) {
		t.Error("sealed shows its text")
	}
	for _, other := range []Place{
		{}, {"connection", "key", "org_1", "con_1"}, {"connections", "keys", "org_1", "con_1"}, {"connections", "key", "org_2", "con_1"},
		{"connections", "key", "org_1", "con_2"}, {"connectionsk", "ey", "org_1", "con_1"},
	} {
		if _, err := ring.Open(other, sealed); !errors.Is(err, ErrSealed) {
			t.Errorf("%v: opened, %v", other, err)
		}
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := ring.Open(place, changed); !errors.Is(err, ErrSealed) {
			t.Errorf("byte %d changed: opened, %v", i, err)
		}
		if _, err := ring.Open(place, sealed[:i]); !errors.Is(err, ErrSealed) {
			t.Errorf("cut at %d: opened, %v", i, err)
		}
	}
	// A second data key: new values use it, older ones still open, and one key's seal under the other's id does not.
	fresh, key := NewDataKey()
	keys[fresh] = key
	rotated, err := NewKeyring(fresh, keys)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rotated.Open(place, sealed); err != nil {
		t.Errorf("a value from before the rotation does not open: %v", err)
	}
	renamed := append([]byte{byte(len(fresh))}, fresh...)
	renamed = append(renamed, sealed[1+len(old):]...)
	if _, err := rotated.Open(place, renamed); !errors.Is(err, ErrSealed) {
		t.Errorf("a seal under another key's id opened: %v", err)
	}
}

func TestKeyringRefuses(t *testing.T) {
	if _, err := NewKeyring("a", map[string][]byte{"b": make([]byte, 32)}); err == nil {
		t.Error("a ring without its current key")
	}
	if _, err := NewKeyring("a", map[string][]byte{"a": make([]byte, 31)}); err == nil {
		t.Error("a short key")
	}
}

func TestX04_AnotherMasterKeyUnwrapsNothing(t *testing.T) {
	_, dataKey := NewDataKey()
	one, other := newMaster(t), newMaster(t)
	wrapped, err := one.Wrap(dataKey)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := one.Unwrap(wrapped); err != nil || !bytes.Equal(got, dataKey) {
		t.Fatalf("the honest twin: %v", err)
	}
	if _, err := other.Unwrap(wrapped); !errors.Is(err, ErrSealed) || one.ID() == other.ID() {
		t.Errorf("another master key: %v", err)
	}
}

func newMaster(t *testing.T) *MasterKey {
	t.Helper()
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	key, err := NewMasterKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestX07_ExampleKeysAreRefused(t *testing.T) {
	steps, twos := make([]byte, 32), make([]byte, 32)
	for i := range steps {
		steps[i], twos[i] = byte(i), byte(255-2*i)
	}
	example, err := base64.StdEncoding.DecodeString("Y2hhbmdlLW1lLWNoYW5nZS1tZS1jaGFuZ2UtbWUtMTI=")
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string][]byte{
		"none": nil, "short": []byte("abc"), "long": make([]byte, 33), "zeros": make([]byte, 32), "steps": steps, "steps down": twos, "text": example,
		"one byte": bytes.Repeat([]byte{0x9f}, 32), "repeated": bytes.Repeat([]byte{1, 200, 3, 77, 5, 250, 7, 8}, 4),
	} {
		if _, err := NewMasterKey(raw); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
	for range 100 {
		newMaster(t) // honest twins
	}
}
