// Package signing makes and reads the key pairs that are our own: the ones a connection signs its requests with and
// decrypts assertions with.
//
// It keeps nothing, fetches nothing and has no clock: the store keeps the sealed PEM, newest first, and the caller brings the
// time. The invariant is that a pair's certificate always belongs to its key, so what we publish is what we sign with.
package signing

import (
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
	"time"
)

const (
	// Bits of our RSA keys. Larger ones cost every login more and are refused by some identity providers.
	Bits = 2048
	// Lifetime of a certificate: identity providers pin it by hand, so a short one would mean outages, not safety.
	Lifetime = 10 * 365 * 24 * time.Hour
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
