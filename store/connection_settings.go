package store

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
)

// The modes of sign-in from the identity provider's own dashboard.
const (
	IDPInitiatedOff       = "off"
	IDPInitiatedHandshake = "handshake"
	IDPInitiatedAccept    = "accept"
)

// The ways to send our request.
const (
	BindingRedirect = "redirect"
	BindingPost     = "post"
)

// maxCertificates is how many a connection keeps, and as many can be read from one paste or one metadata document.
const maxCertificates = 20

// SAMLSettings are what we know of a SAML identity provider and what we ask of it. They are kept as JSON in versions.
type SAMLSettings struct {
	EntityID     string   // the identity provider's, which its messages give as Issuer
	RedirectURL  string   // where requests go by HTTP-Redirect
	PostURL      string   // where requests go by HTTP-POST
	Binding      string   // BindingRedirect or BindingPost
	Certificates []string // PEM: whoever holds one of their keys is believed
	MetadataURL  string   // where these came from, if from a URL

	MetadataSigner string // PEM: who must have signed the metadata there; empty asks for no signature

	NameIDFormat string // asked for in requests; empty asks for none
	ForceAuthn   bool
	AuthnContext []string // any of them must have been reached; empty asks for none
	IDPInitiated string   // IDPInitiatedOff, IDPInitiatedHandshake or IDPInitiatedAccept
	LoginHintAs  string   // how a typed address is passed on: "" (not at all), "subject" or "query:" and a parameter's name

	LogoutRedirectURL string // where people sign out there by HTTP-Redirect; may be empty
	LogoutPostURL     string // the same by HTTP-POST
	LogoutResponseURL string // where our answers to its own logout requests go; empty: to the address of the binding
	Logout            string // LogoutOff, LogoutOffered or LogoutAlways

	AlternateEntityID string // ours, as this identity provider knew it before the connection moved here; "" is our own
	AlternateACS      string // the path on our public host at which it did; "" is our own

	InclusiveC14N                   bool // also take inclusive canonicalization
	UnsignedResponseAroundEncrypted bool // also take a signed, encrypted assertion in a response that is not signed

	Mapping Mapping
}

// Location is where requests go by the chosen binding.
func (s SAMLSettings) Location() string {
	if s.Binding == BindingPost {
		return s.PostURL
	}
	return s.RedirectURL
}

// normal fills in what has a default and trims what people paste.
func (s SAMLSettings) normal() SAMLSettings {
	for _, field := range []*string{&s.EntityID, &s.RedirectURL, &s.PostURL, &s.MetadataURL, &s.NameIDFormat, &s.LogoutRedirectURL, &s.LogoutPostURL, &s.LogoutResponseURL} {
		*field = strings.TrimSpace(*field)
	}
	s.Mapping.trim()
	if s.Binding == "" {
		s.Binding = BindingRedirect
		if s.RedirectURL == "" && s.PostURL != "" {
			s.Binding = BindingPost
		}
	}
	if s.IDPInitiated == "" {
		s.IDPInitiated = IDPInitiatedHandshake
	}
	s.Certificates = once(s.Certificates)
	return s
}

// once is the list without repetitions, in its order.
func once(list []string) []string {
	var kept []string
	for _, text := range list {
		if !slices.Contains(kept, text) {
			kept = append(kept, text)
		}
	}
	return kept
}

// check notes what no connection may be saved with, complete or not.
func (s SAMLSettings) check(problems *Invalid) {
	for _, at := range []struct{ field, location string }{{"redirect_url", s.RedirectURL}, {"post_url", s.PostURL}, {"metadata_url", s.MetadataURL},
		{"logout_redirect_url", s.LogoutRedirectURL}, {"logout_post_url", s.LogoutPostURL}, {"logout_response_url", s.LogoutResponseURL}} {
		if problem := locationProblem(at.location); at.location != "" && problem != "" {
			problems.Add(at.field, problem)
		}
	}
	if len(s.EntityID) > 1024 || strings.ContainsAny(s.EntityID, "\r\n\t\x00") {
		problems.Add("entity_id", "An entity ID is one line of at most 1,024 characters.")
	}
	if s.Binding != BindingRedirect && s.Binding != BindingPost {
		problems.Add("binding", "Choose HTTP-Redirect or HTTP-POST.")
	}
	if !slices.Contains([]string{IDPInitiatedOff, IDPInitiatedHandshake, IDPInitiatedAccept}, s.IDPInitiated) {
		problems.Add("idp_initiated", "Choose one of the modes.")
	}
	if s.IDPInitiated == IDPInitiatedAccept && s.ForceAuthn {
		problems.Add("idp_initiated", "A message that nobody asked for cannot have asked for credentials. Choose another mode, or stop asking for credentials every time.")
	}
	if len(s.Certificates) > maxCertificates {
		problems.Add("certificates", fmt.Sprintf("A connection keeps at most %d certificates: remove those that no longer sign.", maxCertificates))
	}
	for _, text := range s.Certificates {
		if _, err := certificateOf(text); err != nil {
			problems.Add("certificates", "One of the certificates cannot be read as X.509 in PEM.")
			break
		}
	}
	if _, err := certificateOf(s.MetadataSigner); s.MetadataSigner != "" && err != nil {
		problems.Add("metadata_signer", "The certificate of whoever signs the metadata cannot be read as X.509 in PEM.")
	}
	if !slices.Contains(NameIDFormats(), s.NameIDFormat) {
		problems.Add("name_id_format", "Choose one of the formats. A transient one would name nobody twice alike.")
	}
	if len(s.AuthnContext) > 10 || slices.ContainsFunc(s.AuthnContext, func(c string) bool { return c == "" || len(c) > 256 }) {
		problems.Add("authn_context", "Use at most 10 contexts of at most 256 characters.")
	}
	if parameter, byQuery := strings.CutPrefix(s.LoginHintAs, "query:"); byQuery && !parameterName.MatchString(parameter) || !byQuery && s.LoginHintAs != "" && s.LoginHintAs != "subject" {
		problems.Add("login_hint", "Choose none, subject, or query: and the parameter's name, such as query:login_hint.")
	}
	checkLogout(problems, s.Logout, s.LogoutRedirectURL+s.LogoutPostURL)
	s.Mapping.check(problems, "attribute")
}

// The ways to go about the identity provider when somebody signs out here: leave the person signed in there and say so, offer to sign out there
// as well, or do so at once.
const (
	LogoutOff     = ""
	LogoutOffered = "offered"
	LogoutAlways  = "always"
)

func checkLogout(problems *Invalid, mode, location string) {
	switch {
	case !slices.Contains([]string{LogoutOff, LogoutOffered, LogoutAlways}, mode):
		problems.Add("logout", "Choose one of the ways.")
	case mode != LogoutOff && location == "":
		problems.Add("logout", "There is no address to sign out at. Enter it first, or leave people signed in there.")
	}
}

// NameIDFormats are those that may be asked for; "" asks for none. A transient one would name nobody twice alike.
func NameIDFormats() []string {
	return []string{"", "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
		"urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"}
}

var parameterName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,39}$`)

// missing notes what an active connection cannot be without: whom to believe, where to send people, and a key that is valid now (S-01).
func (s SAMLSettings) missing(problems *Invalid, now time.Time) {
	if s.EntityID == "" {
		problems.Add("entity_id", "The identity provider's entity ID is missing: add it from its metadata.")
	}
	if s.Location() == "" {
		field, name := "redirect_url", "HTTP-Redirect"
		if s.Binding == BindingPost {
			field, name = "post_url", "HTTP-POST"
		}
		problems.Add(field, "The identity provider's sign-on address for "+name+" is missing: add it from its metadata.")
	}
	if !slices.ContainsFunc(s.Certificates, func(text string) bool { return signsNow(text, now) }) {
		problems.Add("certificates", "There is no signing certificate that is valid today: add the one that your identity provider signs with.")
	}
}

// locationProblem says why a browser may not be sent to a location, or "". Which http addresses the operator allows is judged outside;
// here plain http is kept to this machine, whatever anybody allows (S-49).
func locationProblem(location string) string {
	u, err := url.Parse(location)
	switch {
	case err != nil || u.Host == "" || u.User != nil || len(location) > 2048 || strings.ContainsAny(location, "\"'<>\\ \t\r\n"):
		return "This is not an address that a browser can be sent to."
	case u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()):
		return ""
	}
	return "The address must begin with https://."
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.Unmap().IsLoopback()
}

func certificateOf(text string) (*x509.Certificate, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("not one certificate in PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

// signsNow says whether the certificate is valid now and its key strong enough to be believed (S-28).
func signsNow(text string, now time.Time) bool {
	certificate, err := certificateOf(text)
	if err != nil || now.Before(certificate.NotBefore) || !now.Before(certificate.NotAfter) {
		return false
	}
	return strongKey(certificate)
}

func strongKey(certificate *x509.Certificate) bool {
	switch key := certificate.PublicKey.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= 2048
	case *ecdsa.PublicKey:
		return key.Params().BitSize >= 256
	}
	return false
}

// encoded is the settings as they are kept; strings, booleans and lists of strings always encode.
func (s SAMLSettings) encoded() string {
	text, _ := json.Marshal(s)
	return string(text)
}

// settings are what a version holds, of either protocol.
type settings interface {
	check(*Invalid)
	missing(*Invalid, time.Time)
	encoded() string
	fields() []setting
	alternate() Alternate
	using(Alternate) settings
}

// setting is one of them, as an event tells it.
type setting struct{ name, value string }

// settingsChanges are the fields that changed, for the event; both are of one protocol. A certificate is told by the beginning of its SHA-256
// fingerprint, a client secret as changed.
func settingsChanges(before, after settings) []audit.Change {
	was, is := before.fields(), after.fields()
	all := make([]audit.Change, len(was))
	for i, f := range was {
		all[i] = audit.Change{Field: f.name, Before: f.value, After: is[i].value}
	}
	all = differences(all...)
	if oidc, is := after.(OIDCSettings); is && oidc.SecretID != before.(OIDCSettings).SecretID {
		all = append(all, audit.Change{Field: "client_secret", After: "changed"})
	}
	return all
}

func (s SAMLSettings) fields() []setting {
	return append([]setting{
		{"entity_id", s.EntityID}, {"redirect_url", s.RedirectURL}, {"post_url", s.PostURL}, {"binding", s.Binding},
		{"certificates", fingerprints(s.Certificates)}, {"metadata_url", s.MetadataURL},
		{"metadata_signer", fingerprints([]string{s.MetadataSigner})},
		{"name_id_format", s.NameIDFormat}, {"force_authn", fmt.Sprint(s.ForceAuthn)}, {"authn_context", strings.Join(s.AuthnContext, " ")},
		{"idp_initiated", s.IDPInitiated}, {"login_hint_as", s.LoginHintAs}, {"inclusive_c14n", fmt.Sprint(s.InclusiveC14N)},
		{"unsigned_response_around_encrypted", fmt.Sprint(s.UnsignedResponseAroundEncrypted)},
		{"alternate_entity_id", s.AlternateEntityID}, {"alternate_acs", s.AlternateACS},
		{"logout_redirect_url", s.LogoutRedirectURL}, {"logout_post_url", s.LogoutPostURL}, {"logout_response_url", s.LogoutResponseURL}, {"logout", s.Logout},
	}, s.Mapping.fields()...)
}

func fingerprints(certificates []string) string {
	var all []string
	for _, text := range certificates {
		if certificate, err := certificateOf(text); err == nil {
			sum := sha256.Sum256(certificate.Raw)
			all = append(all, hex.EncodeToString(sum[:8]))
		}
	}
	return strings.Join(all, " ")
}
