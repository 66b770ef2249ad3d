// Package signing makes and orders the key pairs that are our own: the ones a connection signs its requests with and
// decrypts assertions with.
//
// It decides which pair signs now, which pairs are still published and tried, and when a new one is due. It keeps
// nothing, fetches nothing and has no clock: the store keeps the sealed PEM, the caller brings the time. The invariant is
// that a pair's certificate always belongs to its key, so what we publish is what we sign with.
package signing

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"time"
)

const (
	// Bits of our RSA keys. Larger ones cost every login more and are refused by some identity providers.
	Bits = 2048
	// Lifetime of a certificate: identity providers pin it by hand, so a short one would mean outages, not safety.
	Lifetime = 10 * 365 * 24 * time.Hour
	// RenewBefore is how long before its end a pair asks for a successor.
	RenewBefore = 90 * 24 * time.Hour
	// backdate lets an identity provider whose clock is a little behind accept a certificate made just now.
	backdate = 10 * time.Minute
)

// Pair is a private key (PKCS #8) and its self-signed certificate, both PEM, as they are kept: the key is sealed by the
// store. It prints as [redacted].
type Pair struct{ KeyPEM, CertificatePEM []byte }

// Format keeps the private key out of logs, whatever the verb.
func (Pair) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[redacted]") }

// Key is a loaded pair.
type Key struct {
	Private     *rsa.PrivateKey
	Certificate *x509.Certificate
}

// Format prints the fingerprint of the certificate and never the key.
func (k Key) Format(s fmt.State, _ rune) {
	if k.Certificate == nil {
		_, _ = io.WriteString(s, "[no key]")
		return
	}
	sum := sha256.Sum256(k.Certificate.Raw)
	_, _ = fmt.Fprintf(s, "[key %s]", hex.EncodeToString(sum[:8]))
}

// New makes an RSA-2048 pair whose self-signed SHA-256 certificate is valid from shortly before now for ten years. The
// common name, usually a connection's id, is what an identity provider's admin sees in a list of certificates.
func New(commonName string, now time.Time) (Pair, error) {
	private, err := rsa.GenerateKey(rand.Reader, Bits)
	if err != nil {
		return Pair{}, fmt.Errorf("make an RSA key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return Pair{}, fmt.Errorf("make a serial number: %w", err)
	}
	certificate := &x509.Certificate{
		SerialNumber:          serial.Add(serial, big.NewInt(1)),
		Subject:               pkix.Name{CommonName: commonName},
		NotBefore:             now.UTC().Add(-backdate),
		NotAfter:              now.UTC().Add(Lifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		SignatureAlgorithm:    x509.SHA256WithRSA,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, certificate, certificate, &private.PublicKey, private)
	if err != nil {
		return Pair{}, fmt.Errorf("make a certificate: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return Pair{}, fmt.Errorf("write the key: %w", err)
	}
	return Pair{
		KeyPEM:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
		CertificatePEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
	}, nil
}

// Load reads a pair back and makes sure that its halves belong together. Its errors never quote what was read.
func Load(p Pair) (Key, error) {
	keyBlock, _ := pem.Decode(p.KeyPEM)
	certificateBlock, _ := pem.Decode(p.CertificatePEM)
	if keyBlock == nil || certificateBlock == nil {
		return Key{}, errors.New("load a key pair: not PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return Key{}, errors.New("load a key pair: the key is not PKCS #8")
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok || private.N.BitLen() < Bits {
		return Key{}, fmt.Errorf("load a key pair: not an RSA key of %d bits or more", Bits)
	}
	certificate, err := x509.ParseCertificate(certificateBlock.Bytes)
	if err != nil {
		return Key{}, fmt.Errorf("load a key pair: %w", err)
	}
	if !private.PublicKey.Equal(certificate.PublicKey) {
		return Key{}, errors.New("load a key pair: the certificate belongs to another key")
	}
	return Key{Private: private, Certificate: certificate}, nil
}

// Published are the pairs whose certificate is valid now, newest first: all of them stand in our metadata and are tried
// when decrypting, so that an identity provider may move to a new one on any day of the overlap.
func Published(keys []Key, now time.Time) []Key {
	valid := slices.DeleteFunc(slices.Clone(keys), func(k Key) bool {
		return now.Before(k.Certificate.NotBefore) || !now.Before(k.Certificate.NotAfter)
	})
	slices.SortStableFunc(valid, func(a, b Key) int {
		return cmp.Or(b.Certificate.NotBefore.Compare(a.Certificate.NotBefore), b.Certificate.SerialNumber.Cmp(a.Certificate.SerialNumber))
	})
	return valid
}

// Current is the pair that signs now: the newest that has been published for at least overlap, so that every identity
// provider had that long to learn of it; when none is that old, the oldest. It reports false when no pair is valid.
func Current(keys []Key, now time.Time, overlap time.Duration) (Key, bool) {
	published := Published(keys, now)
	for _, k := range published {
		if !now.Before(k.Certificate.NotBefore.Add(backdate + overlap)) {
			return k, true
		}
	}
	if len(published) == 0 {
		return Key{}, false
	}
	return published[len(published)-1], true
}

// Due reports whether a successor should be made: no pair stays valid for longer than RenewBefore.
func Due(keys []Key, now time.Time) bool { return len(Published(keys, now.Add(RenewBefore))) == 0 }
