package main

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/mail"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/web"
)

// config is the settings, read and found in order.
type config struct {
	URL            *url.URL
	Listen         string
	MetricsListen  string // "": no metrics
	ExtAuthzListen string // "": no gRPC for Envoy
	TLS            *tls.Config
	Database       string
	Key            keySource
	PreviousKey    secret.KeyWrapper // nil: none
	TrustedProxies []netip.Prefix
	EgressAllow    []netip.Prefix
	DNS            string
	SMTP           *mail.Server // nil: no mail is sent
	Catalogue      *access.Catalogue
	OpenSignup     bool
	Brand          views.Brand
	Logo           logo
	Log            *slog.Logger
}

// read makes a config of the settings. It changes nothing on disk; the error is mistakes, all of them.
func (s *settings) read() (*config, error) {
	wrong := s.mistakes
	c := &config{
		URL:            wrong.base(s.URL),
		Listen:         wrong.hostPort("GATEHOUSE_LISTEN", s.Listen, ""),
		Database:       wrong.database(s.Database),
		PreviousKey:    wrong.masterKey("GATEHOUSE_MASTER_KEY_PREVIOUS", s.MasterKeyPrevious),
		TrustedProxies: wrong.networks("GATEHOUSE_TRUSTED_PROXIES", s.TrustedProxies),
		EgressAllow:    wrong.networks("GATEHOUSE_EGRESS_ALLOW", s.EgressAllow),
		SMTP:           wrong.smtp(s.SMTPURL),
		Catalogue:      wrong.catalogue(s.Catalog),
		Log:            wrong.logger(s.Log),
	}
	if s.MetricsListen != "" {
		c.MetricsListen = wrong.hostPort("GATEHOUSE_METRICS_LISTEN", s.MetricsListen, "")
	}
	if s.ExtAuthzListen != "" {
		c.ExtAuthzListen = wrong.hostPort("GATEHOUSE_EXT_AUTHZ_LISTEN", s.ExtAuthzListen, "")
	}
	if s.DNS != "" {
		c.DNS = wrong.hostPort("GATEHOUSE_DNS", s.DNS, "53")
	}
	switch s.Signup {
	case "open", "closed", "":
		c.OpenSignup = s.Signup == "open"
	default:
		wrong.add("GATEHOUSE_SIGNUP is %q. It must be open or closed.", s.Signup)
	}
	c.Key = wrong.keySource(s.MasterKey, c.Database)
	c.TLS = wrong.certificate(s.TLSCert, s.TLSKey, c.URL)
	c.Brand, c.Logo = wrong.brand(s)
	if len(wrong) > 0 {
		return nil, wrong
	}
	for _, warning := range s.warnings {
		c.Log.Warn("settings: " + warning)
	}
	return c, nil
}

// base reads the public address: an origin and nothing more.
func (m *mistakes) base(value string) *url.URL {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		m.add("GATEHOUSE_URL is %q. It must look like https://sso.example.com.", value)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		m.add("GATEHOUSE_URL is %q. It must be scheme and host alone, without path, query or user.", value)
	case u.Scheme == "http" && !strings.EqualFold(u.Hostname(), "localhost"):
		m.add("GATEHOUSE_URL is %q. Plain http is for localhost alone; use https.", value)
	default:
		return &url.URL{Scheme: u.Scheme, Host: web.NormalHost(u.Host, u.Scheme)}
	}
	return nil
}

// hostPort reads an address to listen on or to call; a port may be left out where there is a usual one.
func (m *mistakes) hostPort(name, value, usualPort string) string {
	if _, _, err := net.SplitHostPort(value); err != nil && usualPort != "" {
		value = net.JoinHostPort(strings.Trim(value, "[]"), usualPort)
	}
	_, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		m.add("%s is %q. It must be host:port, such as 127.0.0.1:8080.", name, value)
	}
	return value
}

// database checks the address's shape. The value is not repeated: it may hold a password.
func (m *mistakes) database(value string) string {
	path, isSQLite := strings.CutPrefix(value, "sqlite:")
	u, err := url.Parse(value)
	switch {
	case isSQLite && path != "" && !strings.HasPrefix(path, ":"):
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			m.add("GATEHOUSE_DATABASE: the folder %s: %s", filepath.Dir(path), fileProblem(err))
		}
	case err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql"):
	default:
		m.add("GATEHOUSE_DATABASE must be sqlite:<path> or a postgres://… address.")
	}
	return value
}

// networks reads CIDRs and single addresses, separated by commas or blanks.
func (m *mistakes) networks(name, value string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range strings.FieldsFunc(value, func(c rune) bool { return c == ',' || c == ' ' }) {
		network, err := netip.ParsePrefix(text)
		if address, notOne := netip.ParseAddr(text); notOne == nil {
			network, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err != nil {
			m.add("%s holds %q, which is not a network. Networks look like 10.0.0.0/8 or fd00::/8, separated by commas.", name, text)
			continue
		}
		all = append(all, network.Masked())
	}
	return all
}

// smtp reads the server that sends mail; nil where there is none. The value is not repeated: it may hold a password.
func (m *mistakes) smtp(value string) *mail.Server {
	if value == "" {
		return nil
	}
	server, wrong := mail.ParseServer(value)
	for _, sentence := range wrong {
		m.add("GATEHOUSE_SMTP_URL: %s", sentence)
	}
	return server
}

func (m *mistakes) catalogue(path string) *access.Catalogue {
	if path == "" {
		return access.BuiltIn()
	}
	file, err := os.Open(path)
	if err != nil {
		m.add("GATEHOUSE_CATALOG: %s", fileProblem(err))
		return nil
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 1<<20)) // more than a catalogue may have
	if err != nil {
		m.add("GATEHOUSE_CATALOG: %s", fileProblem(err))
		return nil
	}
	catalogue, err := access.LoadCatalogue(text)
	if err != nil {
		m.add("GATEHOUSE_CATALOG: %s", strings.ReplaceAll(err.Error(), "\n", "\n    "))
	}
	return catalogue
}

// certificate reads the pair of files; nil where there is none and plain HTTP is served.
func (m *mistakes) certificate(cert, key string, base *url.URL) *tls.Config {
	switch {
	case cert == "" && key == "":
		return nil
	case cert == "" || key == "":
		m.add("GATEHOUSE_TLS_CERT and GATEHOUSE_TLS_KEY belong together. Set both or neither.")
		return nil
	case base != nil && base.Scheme == "http":
		m.add("GATEHOUSE_TLS_CERT is set but GATEHOUSE_URL begins with http://. Change it to https://.")
	}
	config, err := web.CertificateFiles(cert, key)
	if err != nil {
		m.add("GATEHOUSE_TLS_CERT and GATEHOUSE_TLS_KEY: %s.", err)
	}
	return config
}

// logger writes to standard error: text for a person at a terminal, else one JSON object a line.
func (m *mistakes) logger(format string) *slog.Logger {
	if format == "" {
		format = "json"
		if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			format = "text"
		}
	}
	switch format {
	case "json":
		return slog.New(web.NewLog(os.Stderr))
	case "text":
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	m.add("GATEHOUSE_LOG is %q. It must be text or json.", format)
	return nil
}
