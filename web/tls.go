package web

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// recheck is how long a loaded certificate is used before its files are looked at again.
const recheck = time.Second

// CertificateFiles serves TLS 1.2 and newer with the pair in two PEM files. When the files change, new connections get the new pair; as
// long as the new files do not fit together (half written), they get the old one.
func CertificateFiles(cert, key string) (*tls.Config, error) {
	files := &certificateFiles{cert: cert, key: key}
	if err := files.load(); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		CipherSuites:   authenticatedSuites(),
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return files.current(time.Now()), nil },
	}, nil
}

// authenticatedSuites are the TLS 1.2 suites with an AEAD and forward secrecy; TLS 1.3 has no others.
func authenticatedSuites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

type certificateFiles struct {
	cert, key string

	mu     sync.Mutex
	pair   *tls.Certificate
	stamp  string    // of the files that pair was made of
	looked time.Time // at the files
}

func (f *certificateFiles) current(now time.Time) *tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.looked) >= recheck {
		f.looked = now
		if stamp, err := f.readStamp(); err == nil && stamp != f.stamp {
			_ = f.load() // the old pair stays in use until the new one can be loaded
		}
	}
	return f.pair
}

func (f *certificateFiles) load() error {
	stamp, err := f.readStamp()
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return fmt.Errorf("load certificate: %w", err)
	}
	f.pair, f.stamp = &pair, stamp
	return nil
}

func (f *certificateFiles) readStamp() (string, error) {
	cert, certErr := os.Stat(f.cert)
	key, keyErr := os.Stat(f.key)
	if err := errors.Join(certErr, keyErr); err != nil {
		return "", fmt.Errorf("find certificate: %w", err)
	}
	return fmt.Sprint(cert.ModTime(), cert.Size(), key.ModTime(), key.Size()), nil
}
