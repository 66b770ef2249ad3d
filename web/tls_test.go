package web

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// writePair makes a self-signed pair with a serial number and writes both files.
func writePair(t *testing.T, cert, key string, serial int64) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{host}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	moment := time.Unix(serial, 0) // modification times differ although the files are written within a moment
	for _, name := range []string{cert, key} {
		if err := os.Chtimes(name, moment, moment); err != nil {
			t.Fatal(err)
		}
	}
}

func write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCertificateIsReloadedWhenItsFilesChange(t *testing.T) {
	folder := t.TempDir()
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	writePair(t, cert, key, 1)
	files := &certificateFiles{cert: cert, key: key}
	if err := files.load(); err != nil {
		t.Fatal(err)
	}
	first := files.pair
	now := time.Now()
	if files.current(now) != first {
		t.Error("reloaded although nothing changed")
	}
	writePair(t, cert, key, 2)
	if files.current(now.Add(recheck/2)) != first {
		t.Error("the files were looked at again within a second")
	}
	second := files.current(now.Add(2 * recheck))
	if bytes.Equal(second.Certificate[0], first.Certificate[0]) {
		t.Error("the changed pair is not served")
	}
	write(t, key, []byte("half written"))
	if files.current(now.Add(4*recheck)) != second {
		t.Error("a broken pair took the place of a working one")
	}
}

func TestTLSIsModern(t *testing.T) {
	folder := t.TempDir()
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	writePair(t, cert, key, 1)
	config, err := CertificateFiles(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	address, _, _ := start(t, DefaultLimits(), config, Healthy)
	for name, c := range map[string]struct {
		client *tls.Config
		works  bool
	}{
		"TLS 1.3":                   {&tls.Config{}, true},
		"TLS 1.2":                   {&tls.Config{MaxVersion: tls.VersionTLS12}, true},
		"TLS 1.1":                   {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		"TLS 1.2 with CBC":          {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, false},
		"TLS 1.2 with AEAD, GCM256": {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}}, true},
	} {
		c.client.InsecureSkipVerify = true // the test is about the handshake; its certificate is made on the spot
		connection, err := tls.Dial("tcp", address, c.client)
		if (err == nil) != c.works {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			_ = connection.Close()
		}
	}
}

func TestCertificateFilesThatDoNotFit(t *testing.T) {
	folder := t.TempDir()
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	if _, err := CertificateFiles(cert, key); err == nil {
		t.Error("files that are missing were taken")
	}
	writePair(t, cert, key, 1)
	writePair(t, filepath.Join(folder, "other.pem"), key, 2)
	if _, err := CertificateFiles(cert, key); err == nil {
		t.Error("a key of another certificate was taken")
	}
}
