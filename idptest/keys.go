package idptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"sync"
	"time"
)

// Key signs or decrypts. Its certificate is valid from 2020 to 2050 unless made by Valid.
type Key struct {
	Private     crypto.Signer
	Certificate *x509.Certificate
}

// RSA is the key as an RSA key; it panics, as a test would fail, when it is of another kind.
func (k Key) RSA() *rsa.PrivateKey { return k.Private.(*rsa.PrivateKey) }

var (
	keysMu sync.Mutex
	keys   = map[string]Key{}

	validFrom  = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	validUntil = time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC)
)

// RSAKey is the RSA key of that name and size, made once in a test run: making one is slow.
func RSAKey(name string, bits int) Key {
	return once(fmt.Sprintf("%s/rsa%d", name, bits), func() Key {
		private, err := rsa.GenerateKey(rand.Reader, bits)
		return must(certify(name, private, x509.SHA256WithRSA, validFrom, validUntil, err))
	})
}

// ECKey is the EC key of that name on that curve.
func ECKey(name string, curve elliptic.Curve) Key {
	return once(name+"/"+curve.Params().Name, func() Key {
		private, err := ecdsa.GenerateKey(curve, rand.Reader)
		return must(certify(name, private, x509.ECDSAWithSHA256, validFrom, validUntil, err))
	})
}

// Valid is the same key with a certificate for those times.
func (k Key) Valid(from, until time.Time) Key {
	return must(certify(k.Certificate.Subject.CommonName, k.Private, k.Certificate.SignatureAlgorithm, from, until, nil))
}

// SHA1 is the same RSA key with a certificate that is signed with SHA-1.
func (k Key) SHA1() Key {
	return must(certify(k.Certificate.Subject.CommonName, k.Private, x509.SHA1WithRSA, validFrom, validUntil, nil))
}

func certify(name string, private crypto.Signer, algorithm x509.SignatureAlgorithm, from, until time.Time, err error) (Key, error) {
	if err != nil {
		return Key{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(from.Unix()), Subject: pkix.Name{CommonName: name},
		NotBefore: from, NotAfter: until, SignatureAlgorithm: algorithm,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return Key{}, err
	}
	certificate, err := x509.ParseCertificate(der)
	return Key{Private: private, Certificate: certificate}, err
}

func once(name string, make func() Key) Key {
	keysMu.Lock()
	defer keysMu.Unlock()
	if k, ok := keys[name]; ok {
		return k
	}
	keys[name] = make()
	return keys[name]
}

// must ends a test run whose fixtures cannot be made; there is nothing to test without them.
func must[T any](value T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("idptest: %v", err))
	}
	return value
}
