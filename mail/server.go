package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// sendLimit is how long handing one mail over may take: less than a mail's lease.
const sendLimit = time.Minute

// errNever says that another try would end like this one.
var errNever = errors.New("this mail can never be sent")

// Server is the operator's SMTP server, and whom mails come from. It prints without its password.
type Server struct {
	Host string
	Port int
	From string // an address, perhaps without a name
	// Roots are the authorities that its certificate is checked against; nil for the system's.
	Roots *x509.CertPool

	name     string // beside From, where the operator gave one
	user     string
	password secret.Token
	secured  secured
}

// secured is how the connection is.
type secured string

const (
	byStartTLS secured = "starttls" // begins in the clear and goes no further so
	implicitly secured = "implicit" // TLS from the first byte
	not        secured = "none"     // to this machine alone
)

// ParseServer reads GATEHOUSE_SMTP_URL:
//
//	smtp://user:password@host:587?from=sso@example.com     STARTTLS, which is insisted on
//	smtps://user:password@host:465?from=sso@example.com    TLS from the start
//	smtp://127.0.0.1:25?from=sso@example.com&tls=none      no TLS, to this machine alone
//
// It returns everything that is wrong, in sentences that do not repeat the value: it holds a password.
func ParseServer(text string) (*Server, []string) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" {
		return nil, []string{"It must look like smtp://user:password@mail.example.com:587?from=sso@example.com, or begin with smtps://. Escape signs such as / and @ in the password as %2F and %40."}
	}
	s := &Server{Host: u.Hostname(), user: u.User.Username()}
	password, _ := u.User.Password()
	s.password = secret.TokenOf(password)
	var wrong []string
	if (s.user == "") != (password == "") {
		wrong = append(wrong, "A user and a password belong together. Give both or neither.")
	}
	if u.Path != "" && u.Path != "/" || u.Fragment != "" {
		wrong = append(wrong, "Nothing may stand between the port and the question mark.")
	}
	wrong = append(wrong, s.readPort(u)...)
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, append(wrong, "What follows the question mark must be name=value pairs, joined by &.")
	}
	for name, values := range query {
		if !slices.Contains([]string{"from", "tls"}, name) || len(values) != 1 {
			wrong = append(wrong, "After the question mark it takes from and tls, once each.")
			break
		}
	}
	wrong = append(wrong, s.readFrom(query.Get("from"))...)
	wrong = append(wrong, s.readTLS(u.Scheme, query.Get("tls"))...)
	if len(wrong) > 0 {
		return nil, wrong
	}
	return s, nil
}

func (s *Server) readPort(u *url.URL) []string {
	s.Port = map[string]int{"smtp": 587, "smtps": 465}[u.Scheme]
	if u.Port() == "" {
		return nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if s.Port = int(port); err != nil || port == 0 {
		return []string{"The port must be a number from 1 to 65535."}
	}
	return nil
}

func (s *Server) readFrom(text string) []string {
	given, err := netmail.ParseAddress(text)
	if err == nil {
		var address trust.Address
		if address, err = trust.ParseAddress(given.Address); err == nil {
			s.name, s.From = oneLine(given.Name), address.Given()
			return nil
		}
	}
	return []string{"It must say whom mails come from: from=sso@example.com."}
}

func (s *Server) readTLS(scheme, text string) []string {
	switch {
	case scheme == "smtps" && (text == "" || text == string(implicitly)):
		s.secured = implicitly
	case scheme == "smtp" && (text == "" || text == string(byStartTLS)):
		s.secured = byStartTLS
	case scheme == "smtp" && text == string(not) && s.onThisMachine():
		s.secured = not
	case scheme == "smtp" && text == string(not):
		return []string{"tls=none is for a server on this machine alone: mails hold links that let people in."}
	case scheme == "smtps":
		return []string{"smtps:// is TLS from the start. Leave tls out, or begin with smtp://."}
	default:
		return []string{"tls must be starttls or none."}
	}
	return nil
}

func (s *Server) onThisMachine() bool {
	address, err := netip.ParseAddr(s.Host)
	return strings.EqualFold(s.Host, "localhost") || err == nil && address.IsLoopback()
}

// String names the server without its user and password.
func (s *Server) String() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// GoString is String, so that no way of printing shows the password.
func (s *Server) GoString() string { return s.String() }

// send hands a letter over. The error wraps errNever where the server will not have the reader.
func (s *Server) send(ctx context.Context, l letter) error {
	message, err := s.message(l)
	if err != nil {
		return fmt.Errorf("%w: %w", errNever, err)
	}
	client, err := s.client(l.host)
	if err != nil {
		return fmt.Errorf("prepare to call the SMTP server: %w", err)
	}
	ctx, stop := context.WithTimeout(ctx, sendLimit)
	defer stop()
	err = client.DialAndSendWithContext(ctx, message)
	var refused *gomail.SendError
	switch {
	case err == nil || message.IsDelivered():
		return nil // that it could not say goodbye loses nothing
	case errors.As(err, &refused) && refused.Reason == gomail.ErrSMTPRcptTo && !refused.IsTemp():
		return fmt.Errorf("%w: the SMTP server refuses its reader with code %d", errNever, refused.ErrorCode())
	case errors.As(err, &refused):
		return fmt.Errorf("the SMTP server %s refused with code %d", s, refused.ErrorCode()) // its words may repeat the address
	}
	return fmt.Errorf("call the SMTP server %s: %w", s, err)
}

func (s *Server) client(host string) (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(s.Port), gomail.WithTimeout(sendLimit / 2), gomail.WithHELO(host), gomail.WithoutNoop(), gomail.WithoutSMTPUTF8(),
		gomail.WithTLSConfig(&tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12, RootCAs: s.Roots}),
	}
	switch s.secured {
	case implicitly:
		options = append(options, gomail.WithSSL())
	case byStartTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case not:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.user != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.user), gomail.WithPassword(s.password.Reveal()))
	}
	return gomail.NewClient(s.Host, options...)
}

// message is the letter as it travels: plain text, and the same as simple HTML.
func (s *Server) message(l letter) (*gomail.Msg, error) {
	name := s.name
	if name == "" {
		name = l.brand
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(&netmail.Address{Name: name, Address: s.From})
	if err := m.To(l.to.Given()); err != nil {
		return nil, fmt.Errorf("address the letter: %w", err)
	}
	m.Subject(l.subject)
	m.SetDate()
	m.SetMessageIDWithValue(l.id + "@" + l.host)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5: no holiday notice answers it
	m.SetBodyString(gomail.TypeTextPlain, l.text)
	m.AddAlternativeString(gomail.TypeTextHTML, l.html)
	return m, nil
}
