package handlers

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
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

// connectionWarning is something to look after about a connection: in a few words, and what to do about it.
type connectionWarning struct{ words, advice string }

// connectionWarnings are those of connections, by their ids: certificates of either side that end or have ended, and metadata that waits for somebody
// or cannot be used.
func (v *visit) connectionWarnings(all []store.Connection) (map[string][]connectionWarning, error) {
	ours, err := v.scope.SigningCertificates(v.ctx(), all)
	if err != nil {
		return nil, err
	}
	metadata, err := v.scope.MetadataToLookAt(v.ctx(), all)
	if err != nil {
		return nil, err
	}
	found := map[string][]connectionWarning{}
	for _, c := range all {
		var warnings []connectionWarning
		if words := v.certificateWarning(c); words != "" {
			warnings = append(warnings, connectionWarning{words, "Add the certificate that your identity provider signs with, under Identity provider."})
		}
		if words := v.ownCertificateWarning(c, ours[c.ID]); words != "" {
			warnings = append(warnings, connectionWarning{words, "Add our next key under Certificates, and give it to your identity provider."})
		}
		switch known := metadata[c.ID]; {
		case known.Found != nil:
			warnings = append(warnings, connectionWarning{"Metadata has changed", "Nothing of it has been taken. Look at the change under Certificates, and apply or dismiss it."})
		case known.FailingSince != nil:
			warnings = append(warnings, connectionWarning{"Metadata cannot be used", "People sign in by what was read before. Certificates says why."})
		}
		found[c.ID] = warnings
	}
	return found, nil
}

// ownCertificateWarning is what is the matter with the certificate that we sign with. OpenID Connect goes by the key alone.
func (v *visit) ownCertificateWarning(c store.Connection, ours string) string {
	certificate := connections.Certificate(ours)
	switch {
	case c.Protocol != store.ProtocolSAML || certificate == nil || certificate.NotAfter.Sub(v.now()) >= expirySoon:
		return ""
	case !v.now().Before(certificate.NotAfter):
		return "Our certificate has expired"
	}
	return "Our certificate expires " + ui.MomentOf(certificate.NotAfter, v.now()).Human
}

// connectionNotices are the warnings of the connections that people sign in through, for the pages where somebody passes by.
func (v *visit) connectionNotices() (notices []views.ConnectionNotice, err error) {
	active, err := v.scope.ActiveConnections(v.ctx())
	if err != nil {
		return nil, err
	}
	warnings, err := v.connectionWarnings(active)
	for _, c := range active {
		for _, warning := range warnings[c.ID] {
			notices = append(notices, views.ConnectionNotice{Name: c.Name, Href: v.path("connections/" + c.ID + "/certificates"), Words: warning.words})
		}
	}
	return notices, err
}

func (v *visit) certificateRows(certificates []string) []views.CertificateRow {
	var rows []views.CertificateRow
	for _, text := range certificates {
		c := connections.Certificate(text)
		if c == nil {
			continue
		}
		row := views.CertificateRow{
			Name: c.Subject.CommonName, Fingerprint: saml.SpacedFingerprint(c), Key: keyWords(c), Expires: ui.MomentOf(c.NotAfter, v.now()),
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

func keyWords(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA, %d bits", key.N.BitLen())
	case *ecdsa.PublicKey:
		return "EC, " + key.Curve.Params().Name
	}
	return c.PublicKeyAlgorithm.String()
}
