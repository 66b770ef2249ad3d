// Package devicetest is a device that keeps passkeys, for tests: it answers what a page asks of navigator.credentials, as an authenticator and
// a browser do together, and lies where a test says so.
//
// It takes the options and gives the JSON of WebAuthn Level 3 §5.1.8 and §5.1.7. It checks nothing: what is wrong with a question or an answer
// is for the product to find.
package devicetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// Device keeps one passkey for one site. What is set between two answers holds from the next one on.
type Device struct {
	Origin, Host string // what its browser says about the page
	Count        uint32 // of its signatures, as it says next; 0 for a device that does not count
	Unverified   bool   // does not ask who holds it
	Synced       bool   // keeps its passkeys with others
	Handle       []byte // for whom it signs

	t      testing.TB
	id     []byte
	secret *ecdsa.PrivateKey
}

// New is a device without a passkey, in a browser that shows a page of origin.
func New(t testing.TB, origin, host string) *Device {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	return &Device{Origin: origin, Host: host, t: t, id: id, secret: private}
}

// Copy is another device with the same passkey.
func (d *Device) Copy() *Device {
	other := *d
	return &other
}

// text is how WebAuthn writes bytes in JSON.
func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Create answers the options for a new passkey.
func (d *Device) Create(options []byte) string {
	d.t.Helper()
	var asked struct {
		Challenge string
		User      struct{ ID string }
	}
	d.read(options, &asked)
	handle, err := base64.RawURLEncoding.DecodeString(asked.User.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	d.Handle = handle
	point, err := d.secret.PublicKey.Bytes()
	if err != nil {
		d.t.Fatal(err)
	}
	key := d.encode(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]}) // COSE: an ES256 key on P-256
	data := d.data(0x40)
	data = append(data, make([]byte, 16)...) // no make of device is named
	data = binary.BigEndian.AppendUint16(data, uint16(len(d.id)))
	data = append(append(data, d.id...), key...)
	return d.answer(map[string]any{
		"clientDataJSON":    text(d.client("webauthn.create", asked.Challenge)),
		"attestationObject": text(d.encode(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})),
	})
}

// Get answers the options for signing in.
func (d *Device) Get(options []byte) string {
	d.t.Helper()
	var asked struct{ Challenge string }
	d.read(options, &asked)
	client, data := d.client("webauthn.get", asked.Challenge), d.data(0)
	hash := sha256.Sum256(client)
	signed := sha256.Sum256(append(data[:len(data):len(data)], hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.secret, signed[:])
	if err != nil {
		d.t.Fatal(err)
	}
	return d.answer(map[string]any{
		"clientDataJSON": text(client), "authenticatorData": text(data), "signature": text(signature), "userHandle": text(d.Handle),
	})
}

// data is the authenticator's own part: for which host, with which flags, the how-manieth signature.
func (d *Device) data(flags byte) []byte {
	flags |= 0x01 // somebody was there
	if !d.Unverified {
		flags |= 0x04
	}
	if d.Synced {
		flags |= 0x18
	}
	host := sha256.Sum256([]byte(d.Host))
	return binary.BigEndian.AppendUint32(append(host[:], flags), d.Count)
}

func (d *Device) client(kind, challenge string) []byte {
	d.t.Helper()
	client, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": d.Origin, "crossOrigin": false})
	if err != nil {
		d.t.Fatal(err)
	}
	return client
}

func (d *Device) answer(response map[string]any) string {
	d.t.Helper()
	answer, err := json.Marshal(map[string]any{
		"id": text(d.id), "rawId": text(d.id), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return string(answer)
}

func (d *Device) read(options []byte, into any) {
	d.t.Helper()
	if err := json.Unmarshal(options, into); err != nil {
		d.t.Fatalf("the options %q: %v", options, err)
	}
}

func (d *Device) encode(value any) []byte {
	d.t.Helper()
	encoded, err := cbor.Marshal(value)
	if err != nil {
		d.t.Fatal(err)
	}
	return encoded
}
