package handlers

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// expirySoon is how long before its end a certificate is warned about.
const expirySoon = 30 * 24 * time.Hour

const warnNoCertificate = "No valid certificate"

// certificateWarning is what is the matter with the identity provider's certificates, "" when nothing is.
func (v *visit) certificateWarning(c store.Connection) string {
	if c.Protocol == store.ProtocolOIDC {
		return "" // its keys are read from its key set
	}
	var last time.Time
	for _, text := range c.Settings.Certificates {
		if one := connections.Certificate(text); one != nil && saml.CheckStrength(one) == nil && saml.CheckValidity(one, v.now()) == nil && one.NotAfter.After(last) {
			last = one.NotAfter
		}
	}
	switch left := last.Sub(v.now()); {
	case last.IsZero():
		return warnNoCertificate
	case left < expirySoon:
		return "Certificate expires " + ui.MomentOf(last, v.now()).Human
	}
	return ""
}

func (v *visit) certificateRows(certificates []string) []views.CertificateRow {
	var rows []views.CertificateRow
	for _, text := range certificates {
		c := connections.Certificate(text)
		if c == nil {
			continue
		}
		row := views.CertificateRow{
			Name: c.Subject.CommonName, Fingerprint: spaced(saml.Fingerprint(c)), Key: keyWords(c), Expires: ui.MomentOf(c.NotAfter, v.now()),
			Value: saml.Fingerprint(c), State: views.ConnectionState{Kind: ui.Working, Text: "Valid"},
		}
		if row.Name == "" {
			row.Name = "Certificate without a name"
		}
		switch {
		case !v.now().Before(c.NotAfter):
			row.State = views.ConnectionState{Kind: ui.Danger, Text: "Expired"}
		case v.now().Before(c.NotBefore):
			row.State = views.ConnectionState{Kind: ui.Accent, Text: "Not valid yet"}
		case c.NotAfter.Sub(v.now()) < expirySoon:
			row.State = views.ConnectionState{Kind: ui.Accent, Text: "Expires soon"}
		}
		rows = append(rows, row)
	}
	return rows
}

// spaced puts a blank after every four characters, for eyes and for line breaks.
func spaced(text string) string {
	var parts []string
	for ; len(text) > 4; text = text[4:] {
		parts = append(parts, text[:4])
	}
	return strings.Join(append(parts, text), " ")
}

func keyWords(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA, %d bits", key.N.BitLen())
	case *ecdsa.PublicKey:
		return "EC, " + key.Curve.Params().Name
	}
	return c.PublicKeyAlgorithm.String()
}
