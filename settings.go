package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// settings are what an operator may say, as said: nothing is read into them yet, so that every mistake can be told at once.
// Each is a flag, an environment variable NAME, or a file named by NAME_FILE.
type settings struct {
	URL               string `name:"url" env:"GATEHOUSE_URL" default:"http://localhost:8080" help:"Public base address. https, or http for localhost alone."`
	Listen            string `env:"GATEHOUSE_LISTEN" default:"127.0.0.1:8080" help:"Address to listen on, host:port."`
	Database          string `env:"GATEHOUSE_DATABASE" default:"sqlite:gatehouse.db" help:"sqlite:<path> or postgres://…"`
	MasterKey         string `env:"GATEHOUSE_MASTER_KEY" help:"32 random bytes in base64. On SQLite a first serve makes a key file beside the database."`
	MasterKeyPrevious string `env:"GATEHOUSE_MASTER_KEY_PREVIOUS" help:"The master key from before a rotation."`
	TLSCert           string `name:"tls-cert" env:"GATEHOUSE_TLS_CERT" help:"PEM file of the certificate chain, read again when it changes."`
	TLSKey            string `name:"tls-key" env:"GATEHOUSE_TLS_KEY" help:"PEM file of its private key."`
	TrustedProxies    string `env:"GATEHOUSE_TRUSTED_PROXIES" help:"Networks of the proxies in front, whose X-Forwarded-For is believed: 10.0.0.0/8,…"`
	EgressAllow       string `env:"GATEHOUSE_EGRESS_ALLOW" help:"Private networks that outbound calls and identity providers' addresses may be in."`
	DNS               string `name:"dns" env:"GATEHOUSE_DNS" help:"Resolver asked for domain proofs, host:port."`
	SMTPURL           string `name:"smtp-url" env:"GATEHOUSE_SMTP_URL" help:"SMTP server that sends mail: smtp://user:password@host:587?from=sso@example.com, or smtps://… Without one, notices stand in the console."`
	MetricsListen     string `env:"GATEHOUSE_METRICS_LISTEN" help:"Address of the metrics' own listener, host:port."`
	ExtAuthzListen    string `env:"GATEHOUSE_EXT_AUTHZ_LISTEN" help:"Address of the listener for Envoy's external authorization over gRPC, host:port."`
	Catalog           string `env:"GATEHOUSE_CATALOG" help:"YAML file of what API keys may be allowed to do, in place of the built-in one."`
	Signup            string `env:"GATEHOUSE_SIGNUP" default:"closed" help:"open lets everybody who is signed in make organizations; closed leaves it to the setup command."`
	BrandName         string `env:"GATEHOUSE_BRAND_NAME" help:"Name of the host product, shown on every page."`
	BrandLogo         string `env:"GATEHOUSE_BRAND_LOGO" help:"SVG or PNG file of its logo, at most 64 KiB."`
	BillingURL        string `name:"billing-url" env:"GATEHOUSE_BILLING_URL" help:"The host product's billing page, https://…, which the usage page leads to."`
	SupportURL        string `name:"support-url" env:"GATEHOUSE_SUPPORT_URL" help:"Where people get help: https://… or mailto:…"`
	Log               string `env:"GATEHOUSE_LOG" help:"text or json; by default text on a terminal and json elsewhere."`

	mistakes mistakes // from reading NAME_FILE
	warnings []string // what is odd and stops nothing
}

// namesFile are the settings whose value is itself the path of a file, so that NAME_FILE says no more than NAME.
var namesFile = map[string]bool{"GATEHOUSE_TLS_CERT": true, "GATEHOUSE_TLS_KEY": true, "GATEHOUSE_CATALOG": true, "GATEHOUSE_BRAND_LOGO": true}

// mistakes collects sentences about settings.
type mistakes []string

func (m *mistakes) add(format string, args ...any) { *m = append(*m, fmt.Sprintf(format, args...)) }

// Error lists them, one a line.
func (m mistakes) Error() string {
	return "the settings need correcting:\n  " + strings.Join(m, "\n  ")
}

// fromFiles is the kong resolver for NAME_FILE. It notes its mistakes and goes on.
func (s *settings) fromFiles() kong.Resolver {
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		for _, name := range flag.Envs {
			path := os.Getenv(name + "_FILE")
			if path == "" {
				continue
			}
			if os.Getenv(name) != "" {
				s.mistakes.add("%s and %s_FILE are both set. Keep one of them.", name, name)
				return nil, nil
			}
			if namesFile[name] {
				return path, nil
			}
			return s.fromFile(name, path), nil
		}
		return nil, nil
	})
}

// fromFile is the value of NAME_FILE; nil with a mistake noted.
func (s *settings) fromFile(name, path string) any {
	value, err := os.ReadFile(path)
	if err != nil {
		s.mistakes.add("%s_FILE: %s", name, fileProblem(err))
		return nil
	}
	// A file that somebody mounted has the mode that they could give it, so this is no more than a warning.
	if info, err := os.Stat(path); err == nil && (strings.Contains(name, "KEY") || name == "GATEHOUSE_SMTP_URL") && info.Mode().Perm()&0o077 != 0 {
		s.warnings = append(s.warnings, fmt.Sprintf("%s_FILE may be read by others (mode %04o)", name, info.Mode().Perm()))
	}
	return strings.TrimSpace(string(value))
}

// warnOfUnknown warns of variables that look like settings and are none: a misspelled one would otherwise be missed in silence.
func (s *settings) warnOfUnknown(flags []*kong.Flag) {
	known := map[string]bool{}
	for _, flag := range flags {
		for _, name := range flag.Envs {
			known[name], known[name+"_FILE"] = true, true
		}
	}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "GATEHOUSE_") && !known[name] {
			s.warnings = append(s.warnings, name+" is not a setting of this version")
		}
	}
}

// fileProblem says of a file error what an operator can act upon.
func fileProblem(err error) string {
	switch {
	case os.IsNotExist(err):
		return "the file does not exist."
	case os.IsPermission(err):
		return "the file may not be read by the user that Gatehouse runs as."
	default:
		return err.Error() + "."
	}
}
