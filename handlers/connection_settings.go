package handlers

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
	"github.com/gatehouse-sso/gatehouse/web"
)

// metadataFields are the fields of which one gives metadata.
var metadataFields = []string{"metadata_url", "metadata_file", "metadata_xml"}

// metadataSource keeps what was typed.
func (v *visit) metadataSource(problem *ui.Problem) views.MetadataSource {
	return views.MetadataSource{URL: v.form().Text("metadata_url"), XML: v.form().Text("metadata_xml"), Problem: problem}
}

// metadataGiven reports whether the form carries metadata in one of its fields.
func (v *visit) metadataGiven() bool {
	return len(v.form().File("metadata_file")) > 0 || v.form().Checked("metadata_url") || v.form().Checked("metadata_xml")
}

// importMetadata reads what the form gives into the settings and returns the warnings as one text.
func (v *visit) importMetadata(settings *store.SAMLSettings) (warnings string, problem *ui.Problem) {
	field, raw, problem := v.metadata()
	if problem != nil {
		return "", problem
	}
	imported, err := saml.ParseMetadata(raw, v.now(), v.Outbound.CheckURL)
	var found *saml.Problem
	if errors.As(err, &found) {
		return "", fieldProblem(field, found.Sentence)
	}
	settings.EntityID, settings.RedirectURL, settings.PostURL = imported.EntityID, imported.RedirectURL, imported.PostURL
	settings.Binding = store.BindingRedirect
	if settings.RedirectURL == "" {
		settings.Binding = store.BindingPost
	}
	settings.Certificates, settings.MetadataURL = nil, v.form().Text("metadata_url")
	for _, c := range imported.Certificates {
		settings.Certificates = append(settings.Certificates, pemText(c))
	}
	return strings.Join(imported.Warnings, " "), nil
}

// metadata is the one document that the form gives, and the field that gave it.
func (v *visit) metadata() (field string, raw []byte, problem *ui.Problem) {
	form := v.form()
	given := map[string]bool{"metadata_url": form.Checked("metadata_url"), "metadata_file": len(form.File("metadata_file")) > 0, "metadata_xml": form.Checked("metadata_xml")}
	for _, name := range metadataFields {
		switch {
		case !given[name]:
		case field != "":
			return "", nil, fieldProblem(name, "Give the metadata in one way: as an address, a file or text.")
		default:
			field = name
		}
	}
	switch field {
	case "metadata_file":
		return field, form.File(field), nil
	case "metadata_xml":
		return field, []byte(form.Text(field)), nil
	case "metadata_url":
		raw, sentence := v.fetch(form.Text(field))
		if sentence != "" {
			return field, nil, fieldProblem(field, sentence)
		}
		return field, raw, nil
	}
	return "", nil, fieldProblem("metadata_url", "Give the metadata's address, its file or its text.")
}

// fetch reads the document at an address through the outbound guard, or says in a sentence why not.
func (v *visit) fetch(address string) ([]byte, string) {
	if !v.lookups.Allow(v.organization.ID) {
		return nil, "That is many addresses in a short time. Wait a minute, then try again."
	}
	raw, err := v.Outbound.Fetch(v.ctx(), address)
	var refused *outbound.Refused
	switch {
	case err == nil:
		return raw, ""
	case errors.As(err, &refused):
		return nil, refused.Why
	case errors.Is(err, outbound.ErrTooLarge):
		return nil, "The document at that address is larger than 1 MiB. One identity provider's metadata is far smaller."
	case errors.Is(err, context.DeadlineExceeded):
		return nil, "The address did not answer within 5 seconds. Check it, or download the metadata and give the file."
	}
	v.Log.WarnContext(v.ctx(), "metadata not fetched", "request", web.RequestInfo(v.r).ID, "error", err)
	return nil, "The address cannot be reached. Check it, or download the metadata and give the file."
}

// readValues takes the identity provider's values as typed by hand.
func (v *visit) readValues(settings *store.SAMLSettings) *ui.Problem {
	form := v.form()
	settings.EntityID, settings.RedirectURL, settings.PostURL = form.Text("entity_id"), form.Text("redirect_url"), form.Text("post_url")
	settings.Binding = store.BindingRedirect
	if settings.RedirectURL == "" && settings.PostURL != "" {
		settings.Binding = store.BindingPost
	}
	problem := &ui.Problem{}
	for _, location := range []ui.FieldError{{Field: "redirect_url", Message: settings.RedirectURL}, {Field: "post_url", Message: settings.PostURL}} {
		if location.Message == "" {
			continue
		}
		if found := saml.CheckLocation(location.Message, v.Outbound.CheckURL); found != nil {
			problem.Fields = append(problem.Fields, ui.FieldError{Field: location.Field, Message: found.Sentence})
		}
	}
	if len(problem.Fields) == 0 {
		return nil
	}
	return problem
}

// addPasted adds the certificates in a text.
func (v *visit) addPasted(settings *store.SAMLSettings, text string) *ui.Problem {
	certificates, _, err := saml.ParseCertificates(text)
	var found *saml.Problem
	if errors.As(err, &found) {
		return fieldProblem("certificates", found.Sentence)
	}
	for _, c := range certificates {
		if expired := saml.CheckValidity(c, v.now()); expired != nil && expired.Code == saml.CodeExpired {
			return fieldProblem("certificates", expired.Sentence)
		}
		if one := pemText(c); !slices.Contains(settings.Certificates, one) {
			settings.Certificates = append(settings.Certificates, one)
		}
	}
	return nil
}

func pemText(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// identityProvider is the page about the other side.
func (v *visit) identityProvider() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	return v.showIdentityProvider(http.StatusOK, c, nil)
}

func (v *visit) showIdentityProvider(status int, c store.Connection, problem *ui.Problem) error {
	base := v.path("connections/" + c.ID + "/identity-provider")
	page := views.IdentityProviderPage{
		ConnectionFrame: v.connectionFrame(c, "Identity provider", problem),
		Import:          base + "/metadata", Save: base, Add: base + "/certificates", Remove: base + "/certificates/remove",
		Source: v.metadataSource(problem), MetadataURL: c.Settings.MetadataURL, Certificates: v.certificateRows(c.Settings.Certificates), Pasted: v.form().Text("certificates"),
		Values: views.IdentityProviderValues{EntityID: c.Settings.EntityID, RedirectURL: c.Settings.RedirectURL, PostURL: c.Settings.PostURL, Problem: problem},
	}
	return v.render(status, views.IdentityProvider(page))
}

// importIntoConnection replaces the other side's values by those of its metadata.
func (v *visit) importIntoConnection() error {
	warnings := ""
	return v.changeSettings("/identity-provider", func(s *store.SAMLSettings) (problem *ui.Problem) {
		warnings, problem = v.importMetadata(s)
		return problem
	}, func() string { return strings.TrimSpace("The metadata is imported. " + warnings) }, v.showIdentityProvider)
}

func (v *visit) saveIdentityProvider() error {
	return v.changeSettings("/identity-provider", v.readValues, saved("The values are saved."), v.showIdentityProvider)
}

func (v *visit) addCertificates() error {
	return v.changeSettings("/identity-provider", func(s *store.SAMLSettings) *ui.Problem {
		return v.addPasted(s, v.form().Text("certificates"))
	}, saved("The certificates are added."), v.showIdentityProvider)
}

func (v *visit) removeCertificate() error {
	return v.changeSettings("/identity-provider", func(s *store.SAMLSettings) *ui.Problem {
		s.Certificates = slices.DeleteFunc(slices.Clone(s.Certificates), func(text string) bool {
			c := certificateIn(text)
			return c != nil && saml.Fingerprint(c) == v.form().Text("certificate")
		})
		return nil
	}, saved("The certificate is removed."), v.showIdentityProvider)
}

func saved(notice string) func() string { return func() string { return notice } }

// changeSettings makes the next version of the settings from the present one and what the form changes in it.
func (v *visit) changeSettings(page string, change func(*store.SAMLSettings) *ui.Problem, done func() string,
	again func(status int, c store.Connection, problem *ui.Problem) error) error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	changed := c
	changed.Settings.Certificates = slices.Clone(c.Settings.Certificates)
	changed.Settings.Mapping.Own = maps.Clone(c.Settings.Mapping.Own)
	problem := change(&changed.Settings)
	if problem == nil {
		err = v.scope.ChangeConnectionSettings(v.ctx(), v.actor(), c.ID, v.version(), changed.Settings)
		problem = editProblem(err, "")
	}
	if problem != nil {
		changed.Settings.Certificates, changed.Settings.MetadataURL = c.Settings.Certificates, c.Settings.MetadataURL
		return again(http.StatusUnprocessableEntity, changed, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("connections/"+c.ID+page), done())
}

func certificateIn(text string) *x509.Certificate {
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

// expirySoon is how long before its end a certificate is warned about.
const expirySoon = 30 * 24 * time.Hour

const warnNoCertificate = "No valid certificate"

// certificateWarning is what is the matter with the identity provider's certificates, "" when nothing is.
func (v *visit) certificateWarning(c store.Connection) string {
	var last time.Time
	for _, text := range c.Settings.Certificates {
		if one := certificateIn(text); one != nil && saml.CheckStrength(one) == nil && saml.CheckValidity(one, v.now()) == nil && one.NotAfter.After(last) {
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
		c := certificateIn(text)
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
