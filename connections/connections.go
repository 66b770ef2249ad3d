// Package connections turns what is given about an identity provider, in a form or by a program, into the settings of a connection: its
// metadata, its certificates, its addresses.
//
// It saves nothing and judges nobody: the store checks what it is given once more, and the settings bind nobody before that. What is wrong with
// what was given is a *[store.Invalid] whose sentences a person can act on.
package connections

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/signing"
	"github.com/gatehouse-sso/gatehouse/store"
)

// Allow decides whether browsers may be sent to an address.
type Allow func(*url.URL) error

// NewKey is our own key pair for a connection that is being made. The host is what the identity provider's admin reads in the certificate.
func NewKey(host string, now time.Time) (store.NewKey, error) {
	key, err := signing.New(host, now)
	if err != nil {
		return store.NewKey{}, fmt.Errorf("make the key of a connection: %w", err)
	}
	return store.NewKey{CertificatePEM: key.CertificatePEM, KeyPEM: key.KeyPEM}, nil
}

// Fetch is the metadata at an address, through the guard. Why it cannot be had stands in the refusal; cause is for the log, where there is more
// to tell.
func Fetch(ctx context.Context, guard *outbound.Guard, address string) (raw []byte, refusal string, cause error) {
	raw, err := guard.Fetch(ctx, address)
	var refused *outbound.Refused
	switch {
	case err == nil:
		return raw, "", nil
	case errors.As(err, &refused):
		return nil, refused.Why, nil
	case errors.Is(err, outbound.ErrTooLarge):
		return nil, "The document at that address is larger than 1 MiB, the most that is read. It may be a whole federation's: use the address of the one identity provider's own metadata, which most federations offer as well (metadata query, MDQ).", nil
	case errors.Is(err, context.DeadlineExceeded):
		return nil, "The address did not answer within 5 seconds. Check it, or download the metadata and give the file.", nil
	}
	var at *url.Error // its text repeats the address, whose query may hold a secret
	if errors.As(err, &at) {
		err = at.Err
	}
	return nil, "The address cannot be reached. Check it, or download the metadata and give the file.", err
}

// Metadata is a document as it was given.
type Metadata struct {
	Raw      []byte
	From     string // the address that it was fetched at, "" for a document that was handed over
	EntityID string // of the identity provider that is meant, "" where there is only one
	Signer   string // the certificate of whoever must have signed it, as text; "": nobody
}

// Import replaces what the settings say of the identity provider by what its metadata says. Warnings are a sentence each. Of several identity
// providers, when none is named, the one that the settings have already is meant.
func Import(s *store.SAMLSettings, field string, m Metadata, now time.Time, allow Allow) (warnings []string, err error) {
	signer, err := signerOf(m.Signer)
	if err != nil {
		return nil, err
	}
	imported, err := parse(m.Raw, now, saml.MetadataOptions{EntityID: strings.TrimSpace(m.EntityID), Signer: signer, Allow: allow}, s.EntityID)
	if err != nil {
		return nil, about(field, err)
	}
	said := describedBy(imported)
	s.EntityID, s.RedirectURL, s.PostURL, s.Certificates = said.EntityID, said.RedirectURL, said.PostURL, said.Certificates
	s.LogoutRedirectURL, s.LogoutPostURL, s.LogoutResponseURL = imported.Logout.Redirect, imported.Logout.Post, imported.Logout.Answers
	if s.LogoutRedirectURL+s.LogoutPostURL == "" {
		s.Logout = store.LogoutOff
	}
	s.Binding = store.BindingRedirect
	if s.RedirectURL == "" {
		s.Binding = store.BindingPost
	}
	s.MetadataURL, s.MetadataSigner = m.From, ""
	if signer != nil && m.From != "" {
		s.MetadataSigner = textOf(signer)
	}
	return imported.Warnings, nil
}

// parse reads metadata; of several identity providers the one with the known entity ID is meant, where nobody says which.
func parse(raw []byte, now time.Time, o saml.MetadataOptions, known string) (saml.Imported, error) {
	imported, err := saml.ParseMetadata(raw, now, o)
	var found *saml.Problem
	if o.EntityID == "" && errors.As(err, &found) && slices.Contains(found.Choices, known) {
		o.EntityID = known
		imported, err = saml.ParseMetadata(raw, now, o)
	}
	return imported, err
}

func describedBy(imported saml.Imported) store.Described {
	said := store.Described{EntityID: imported.EntityID, RedirectURL: imported.RedirectURL, PostURL: imported.PostURL}
	for _, c := range imported.Certificates {
		said.Certificates = append(said.Certificates, textOf(c))
	}
	return said
}

// signerOf is the certificate in a text, nil for none.
func signerOf(text string) (*x509.Certificate, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	found, _, err := saml.ParseCertificates(text)
	switch {
	case err != nil:
		return nil, about("metadata_signer", err)
	case len(found) != 1:
		return nil, invalid("metadata_signer", "Give one certificate: that of whoever signs the metadata.")
	}
	return found[0], nil
}

// Choices are the entity IDs to choose from, where metadata describes several identity providers and nobody said which is meant.
func Choices(err error) []string {
	var several *SeveralEntities
	if errors.As(err, &several) {
		return several.EntityIDs
	}
	return nil
}

// SeveralEntities is a *[store.Invalid] with what to choose from.
type SeveralEntities struct {
	*store.Invalid
	EntityIDs []string
}

// Unwrap makes errors.As find the Invalid.
func (s *SeveralEntities) Unwrap() error { return s.Invalid }

// CheckAddresses refuses sign-on addresses that people may not be sent to.
func CheckAddresses(s store.SAMLSettings, allow Allow) error {
	problems := &store.Invalid{}
	for _, at := range []struct{ field, location string }{{"redirect_url", s.RedirectURL}, {"post_url", s.PostURL}} {
		if at.location == "" {
			continue
		}
		if found := saml.CheckLocation(at.location, allow); found != nil {
			problems.Add(at.field, found.Sentence)
		}
	}
	for _, at := range []struct{ field, location string }{
		{"logout_redirect_url", s.LogoutRedirectURL}, {"logout_post_url", s.LogoutPostURL}, {"logout_response_url", s.LogoutResponseURL},
	} {
		if found := saml.CheckLocation(at.location, allow); at.location != "" && found != nil {
			problems.Add(at.field, strings.Replace(found.Sentence, "sign-in address", "sign-out address", 1))
		}
	}
	return problems.Err()
}

// AddCertificates adds those in a text to the settings, each once. One that has expired is left out with a warning, and is refused where there is
// no other.
func AddCertificates(s *store.SAMLSettings, text string, now time.Time) (warnings []string, err error) {
	found, warnings, err := saml.ParseCertificates(text)
	if err != nil {
		return nil, about("certificates", err)
	}
	added, expired := 0, ""
	for _, c := range found {
		if problem := saml.CheckValidity(c, now); problem != nil && problem.Code == saml.CodeExpired {
			expired, warnings = problem.Sentence, append(warnings, "One certificate was left out. "+problem.Sentence)
			continue
		}
		added++
		if one := textOf(c); !slices.Contains(s.Certificates, one) {
			s.Certificates = append(s.Certificates, one)
		}
	}
	if added == 0 && expired != "" {
		return nil, invalid("certificates", expired)
	}
	return warnings, nil
}

// RemoveCertificate takes the one with this SHA-256 fingerprint out of the settings, and reports whether it was there.
func RemoveCertificate(s *store.SAMLSettings, fingerprint string) bool {
	before := len(s.Certificates)
	s.Certificates = slices.DeleteFunc(slices.Clone(s.Certificates), func(text string) bool {
		c := Certificate(text)
		return c != nil && saml.Fingerprint(c) == fingerprint
	})
	return len(s.Certificates) < before
}

// Certificate is the one in a text that settings keep, nil where it cannot be read.
func Certificate(text string) *x509.Certificate {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return c
}

// textOf is a certificate as settings keep it.
func textOf(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// about says of a field what saml has found wrong with it.
func about(field string, err error) error {
	var found *saml.Problem
	if !errors.As(err, &found) {
		return err
	}
	wrong := &store.Invalid{Fields: []store.FieldProblem{{Field: field, Problem: found.Sentence}}}
	if len(found.Choices) > 0 {
		return &SeveralEntities{wrong, found.Choices}
	}
	return wrong
}

func invalid(field, sentence string) error {
	return &store.Invalid{Fields: []store.FieldProblem{{Field: field, Problem: sentence}}}
}
