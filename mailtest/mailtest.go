// Package mailtest is an SMTP server for tests: a real one, on loopback, that keeps what it is sent and shows it as a reader sees it. It speaks
// TLS with a certificate of its own, asks for a password where it is told to, and refuses readers on demand.
//
// It knows nothing of Gatehouse, and no product code imports it.
package mailtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// patience is how long a letter may take to arrive.
const patience = 20 * time.Second

// Options say how the server is to be talked to. The zero value takes mail from anybody, with or without TLS.
type Options struct {
	Implicit       bool // TLS from the first byte
	NoTLS          bool // none is offered
	User, Password string
}

// Server is the running server.
type Server struct {
	Address string // host:port
	Roots   *x509.CertPool

	t       testing.TB
	options Options
	pem     []byte
	arrived chan struct{} // something has

	mu      sync.Mutex
	letters []Letter
	refuse  []int // codes for the next readers
}

// Start starts a server that stops when the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{t: t, options: o, arrived: make(chan struct{}, 1)}
	certificate := s.certify()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen for mail: %v", err)
	}
	s.Address = listener.Addr().String()
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{server: s}, nil }))
	server.Domain, server.AllowInsecureAuth, server.ErrorLog = "mail.test", false, quiet{}
	server.ReadTimeout, server.WriteTimeout = patience, patience
	switch {
	case o.Implicit:
		listener = tls.NewListener(listener, config)
	case !o.NoTLS:
		server.TLSConfig = config
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("stop the SMTP server: %v", err)
		}
		<-stopped
	})
	return s
}

// quiet is where the server complains of clients that hang up.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// URL is how an operator names the server; query is what follows "from=…", such as "&tls=none".
func (s *Server) URL(query string) string {
	u := url.URL{Scheme: "smtp", Host: s.Address, RawQuery: "from=sso@gatehouse.test" + query}
	if s.options.Implicit {
		u.Scheme = "smtps"
	}
	if s.options.User != "" {
		u.User = url.UserPassword(s.options.User, s.options.Password)
	}
	return u.String()
}

// CertificateFile is the server's certificate as a PEM file, for SSL_CERT_FILE.
func (s *Server) CertificateFile() string {
	s.t.Helper()
	name := filepath.Join(s.t.TempDir(), "mail.pem")
	if err := os.WriteFile(name, s.pem, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return name
}

// Refuse lets the server refuse the next readers with these codes, one each: 450 for now, 550 for good.
func (s *Server) Refuse(codes ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = append(s.refuse, codes...)
}

// Letters are all that have arrived and were not yet taken.
func (s *Server) Letters() []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.letters)
}

// Letter takes the oldest letter to the address, which it waits for.
func (s *Server) Letter(to string) Letter {
	s.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		if letter, found := s.take(to); found {
			return letter
		}
		select {
		case <-s.arrived:
		case <-late.C:
			s.t.Fatalf("no letter to %s has arrived, but %v", to, s.Letters())
		}
	}
}

func (s *Server) take(to string) (Letter, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.letters, func(l Letter) bool { return l.To == to })
	if i < 0 {
		return Letter{}, false
	}
	letter := s.letters[i]
	s.letters = slices.Delete(s.letters, i, i+1)
	return letter, true
}

func (s *Server) keep(l Letter) {
	s.mu.Lock()
	s.letters = append(s.letters, l)
	s.mu.Unlock()
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

// refusal is the code for the next reader, 0 to take them.
func (s *Server) refusal() (code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.refuse) > 0 {
		code, s.refuse = s.refuse[0], s.refuse[1:]
	}
	return code
}

// certify makes a certificate for loopback that is its own authority.
func (s *Server) certify() tls.Certificate {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	s.Roots = x509.NewCertPool()
	s.Roots.AppendCertsFromPEM(s.pem)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// session is one connection of a client.
type session struct {
	server   *Server
	signedIn bool
	from, to string
}

func (s *session) AuthMechanisms() []string {
	if s.server.options.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.server.options.User || password != s.server.options.Password {
			return errors.New("wrong password")
		}
		s.signedIn = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.options.User != "" && !s.signedIn {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if code := s.server.refusal(); code != 0 {
		return &smtp.SMTPError{Code: code, Message: "not " + to}
	}
	if s.to != "" {
		return &smtp.SMTPError{Code: 452, Message: "one reader a letter"}
	}
	s.to = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	letter, err := read(r)
	if err != nil {
		return err
	}
	letter.From, letter.To = s.from, s.to
	s.server.keep(letter)
	return nil
}

func (s *session) Reset()        { s.from, s.to = "", "" }
func (s *session) Logout() error { return nil }
