package connections

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/signing"
	"github.com/gatehouse-sso/gatehouse/store"
)

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func anywhere(*url.URL) error { return nil }

// certificate is one that was made then, as settings keep it.
func certificate(t *testing.T, made time.Time) string {
	t.Helper()
	pair, err := signing.New("idp.test", made)
	if err != nil {
		t.Fatal(err)
	}
	return textOf(Certificate(string(pair.CertificatePEM)))
}

// metadata is an identity provider's, with these addresses for either binding; "" leaves one out.
func metadata(t *testing.T, redirect, post string) []byte {
	t.Helper()
	var at strings.Builder
	for binding, location := range map[string]string{"HTTP-Redirect": redirect, "HTTP-POST": post} {
		if location != "" {
			fmt.Fprintf(&at, `<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:%s" Location="%s"/>`, binding, location)
		}
	}
	key := base64.StdEncoding.EncodeToString(Certificate(certificate(t, now)).Raw)
	return fmt.Appendf(nil, `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.test/metadata">
<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#">
<X509Data><X509Certificate>%s</X509Certificate></X509Data></KeyInfo></KeyDescriptor>%s</IDPSSODescriptor></EntityDescriptor>`, key, at.String())
}

// problem is what is wrong with a field, "" where err is not about it.
func problem(err error, field string) string {
	var wrong *store.Invalid
	if errors.As(err, &wrong) {
		for _, f := range wrong.Fields {
			if f.Field == field {
				return f.Problem
			}
		}
	}
	return ""
}

func TestImportReplacesWhatTheIdentityProviderSaysOfItself(t *testing.T) {
	for _, row := range []struct {
		name, redirect, post string
		binding              string
	}{
		{"both", "https://idp.test/redirect", "https://idp.test/post", store.BindingRedirect},
		{"redirect alone", "https://idp.test/redirect", "", store.BindingRedirect},
		{"POST alone", "", "https://idp.test/post", store.BindingPost},
	} {
		s := store.SAMLSettings{EntityID: "before", PostURL: "https://before.test", Certificates: []string{certificate(t, now)}, ForceAuthn: true}
		before := s.Certificates[0]
		if _, err := Import(&s, "metadata", Metadata{Raw: metadata(t, row.redirect, row.post), From: "https://idp.test/metadata"}, now, anywhere); err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		if s.EntityID != "https://idp.test/metadata" || s.RedirectURL != row.redirect || s.PostURL != row.post || s.Binding != row.binding || s.MetadataURL != "https://idp.test/metadata" {
			t.Errorf("%s: %+v", row.name, s)
		}
		if len(s.Certificates) != 1 || s.Certificates[0] == before || !s.ForceAuthn {
			t.Errorf("%s: the certificates are replaced, and what is the admin's choice is not: %+v", row.name, s)
		}
	}
}

func TestWhatCannotBeImportedLeavesTheSettings(t *testing.T) {
	s := store.SAMLSettings{EntityID: "before"}
	_, err := Import(&s, "metadata", Metadata{Raw: []byte("<html/>")}, now, anywhere)
	if problem(err, "metadata") == "" || s.EntityID != "before" {
		t.Errorf("%v, and the settings are %+v", err, s)
	}
}

// S-49: an address that browsers may not be sent to is refused where it is given.
func TestS49_CheckAddresses(t *testing.T) {
	good := store.SAMLSettings{RedirectURL: "https://idp.test/sso"}
	if err := CheckAddresses(good, anywhere); err != nil {
		t.Error(err)
	}
	bad := store.SAMLSettings{RedirectURL: "javascript:alert(1)", PostURL: "https://idp.test/sso"}
	if err := CheckAddresses(bad, anywhere); problem(err, "redirect_url") == "" || problem(err, "post_url") != "" {
		t.Errorf("%v", err)
	}
	if err := CheckAddresses(good, func(*url.URL) error { return errors.New("not there") }); problem(err, "redirect_url") == "" {
		t.Errorf("an address that the installation does not allow: %v", err)
	}
}

func TestCertificatesAreAddedOnceAndTakenOutByTheirFingerprint(t *testing.T) {
	first, second, old := certificate(t, now), certificate(t, now), certificate(t, now.AddDate(-40, 0, 0))
	s := store.SAMLSettings{Certificates: []string{first}}
	warnings, err := AddCertificates(&s, first+second+old, now)
	if err != nil || len(s.Certificates) != 2 || len(warnings) != 1 || !strings.HasPrefix(warnings[0], "One certificate was left out.") {
		t.Fatalf("%d certificates, %q, %v", len(s.Certificates), warnings, err)
	}
	if _, err := AddCertificates(&s, old, now); problem(err, "certificates") == "" || len(s.Certificates) != 2 {
		t.Errorf("one that has expired, alone: %v", err)
	}
	if _, err := AddCertificates(&s, "not one", now); problem(err, "certificates") == "" {
		t.Errorf("what is none: %v", err)
	}
	kept := s.Certificates
	if RemoveCertificate(&s, "00") || len(s.Certificates) != 2 {
		t.Error("one that is not there was taken out")
	}
	if !RemoveCertificate(&s, saml.Fingerprint(Certificate(first))) || len(s.Certificates) != 1 || s.Certificates[0] != second {
		t.Errorf("left are %d", len(s.Certificates))
	}
	if kept[0] != first {
		t.Error("taking one out changes the slice that others hold")
	}
}

// W-30: what the guard refuses is told in its words, and an address that does not answer never repeats its query, which may hold a secret.
func TestW30_FetchSaysWhyAndKeepsTheAddress(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "https://" + silent.Addr().String() + "/metadata?token=hidden"
	if err := silent.Close(); err != nil {
		t.Fatal(err)
	}
	strict, err := outbound.New(outbound.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, refusal, cause := Fetch(t.Context(), strict, address); refusal == "" || cause != nil || strings.Contains(refusal, "hidden") {
		t.Errorf("loopback: %q, %v", refusal, cause)
	}
	open, err := outbound.New(outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	if _, refusal, cause := Fetch(t.Context(), open, address); !strings.Contains(refusal, "cannot be reached") || cause == nil || strings.Contains(cause.Error(), "hidden") {
		t.Errorf("nobody listens: %q, %v", refusal, cause)
	}
	late, stop := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer stop()
	if _, refusal, _ := Fetch(late, open, address); !strings.Contains(refusal, "did not answer") {
		t.Errorf("too late: %q", refusal)
	}
}
