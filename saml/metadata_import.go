package saml

import (
	"bytes"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
)

// MaxMetadata is the largest metadata that is read, in bytes. One identity provider's own is 2 to 80 KB; more is
// a federation's.
const MaxMetadata = 256 << 10

// Imported is what an identity provider's metadata says about it, checked, but believed only once an admin saves it.
type Imported struct {
	IdentityProvider
	NameIDFormats []string
	ValidUntil    time.Time // zero when the metadata does not end
	Warnings      []string  // a sentence each, for the admin
}

type entities struct {
	Entities []entity   `xml:"urn:oasis:names:tc:SAML:2.0:metadata EntityDescriptor"`
	Groups   []entities `xml:"urn:oasis:names:tc:SAML:2.0:metadata EntitiesDescriptor"`
	Until    string     `xml:"validUntil,attr"`
}

type entity struct {
	ID    string     `xml:"entityID,attr"`
	Until string     `xml:"validUntil,attr"`
	IdPs  []idpRole  `xml:"urn:oasis:names:tc:SAML:2.0:metadata IDPSSODescriptor"`
	SPs   []struct{} `xml:"urn:oasis:names:tc:SAML:2.0:metadata SPSSODescriptor"`
}

type idpRole struct {
	Protocols     string          `xml:"protocolSupportEnumeration,attr"`
	Until         string          `xml:"validUntil,attr"`
	Keys          []keyDescriptor `xml:"urn:oasis:names:tc:SAML:2.0:metadata KeyDescriptor"`
	NameIDFormats []string        `xml:"urn:oasis:names:tc:SAML:2.0:metadata NameIDFormat"`
	SignOn        []endpoint      `xml:"urn:oasis:names:tc:SAML:2.0:metadata SingleSignOnService"`
	Logout        []endpoint      `xml:"urn:oasis:names:tc:SAML:2.0:metadata SingleLogoutService"`
}

type keyDescriptor struct {
	Use          string   `xml:"use,attr"`
	Certificates []string `xml:"http://www.w3.org/2000/09/xmldsig# KeyInfo>X509Data>X509Certificate"`
}

type endpoint struct {
	Binding  string `xml:"Binding,attr"`
	Location string `xml:"Location,attr"`
	Answers  string `xml:"ResponseLocation,attr"`
}

// ParseMetadata reads an identity provider's SAML metadata (saml-metadata-2.0-os). Its errors are *Problem. A location
// must be an absolute https URL; allow decides whether one over plain http may pass, as it may on loopback in tests and
// demonstrations (nil: never). A signature on the metadata is not looked at: it came over TLS, or from the admin's hands.
func ParseMetadata(raw []byte, now time.Time, allow func(*url.URL) error) (Imported, error) {
	root, found := metadataRoot(raw)
	if found != nil {
		return Imported{}, found
	}
	one, until, found := oneIdentityProvider(raw, root)
	if found != nil {
		return Imported{}, found
	}
	imported := Imported{IdentityProvider: IdentityProvider{EntityID: one.ID}}
	role := one.IdPs[0]
	if imported.ValidUntil, found = validUntil(now, append(until, one.Until, role.Until)...); found != nil {
		return Imported{}, found
	}
	if len(one.IdPs) > 1 {
		imported.Warnings = append(imported.Warnings, "The metadata describes this identity provider more than once. The first description is used.")
	}
	if found = imported.readEndpoints(role.SignOn, allow); found != nil {
		return Imported{}, found
	}
	imported.readLogout(role.Logout, allow)
	if found = imported.readKeys(role.Keys, now); found != nil {
		return Imported{}, found
	}
	for _, format := range role.NameIDFormats {
		imported.NameIDFormats = append(imported.NameIDFormats, strings.TrimSpace(format))
	}
	return imported, nil
}

// metadataRoot walks the whole document once, so that what is decoded after it is known to be plain XML, and returns its
// root element's name.
func metadataRoot(raw []byte) (xml.Name, *Problem) {
	if len(raw) > MaxMetadata {
		return xml.Name{}, problem(CodeTooLarge, "The metadata is %d KB; one identity provider's is at most %d KB. It may be a whole federation's: export the metadata of the one application instead.", (len(raw)+1023)>>10, MaxMetadata>>10)
	}
	start := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(raw[:min(len(raw), 1024)], []byte("\ufeff"))))
	if len(start) == 0 {
		return xml.Name{}, problem(CodeEmpty, "The metadata is empty. Export it from the identity provider again.")
	}
	if bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.Contains(start, []byte("<html")) {
		return xml.Name{}, problem(CodeHTML, "That is a web page, perhaps a sign-in page, not metadata. Use the address or the file that the identity provider calls “metadata” or “federation metadata”.")
	}
	var root xml.Name
	decoder := newMetadataDecoder(raw)
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) && root.Local != "" {
			return root, nil
		}
		if err != nil {
			return root, problem(CodeNotXML, "That is not well-formed XML: reading stopped at byte %d of %d. Export the metadata again and copy all of it.", decoder.InputOffset(), len(raw))
		}
		switch token := token.(type) {
		case xml.Directive:
			return root, problem(CodeForbiddenXML, "The metadata contains a DOCTYPE or entity declaration, which is not allowed. Export it again without one.")
		case xml.StartElement:
			if root.Local == "" {
				root = token.Name
			}
		}
	}
}

func newMetadataDecoder(raw []byte) *xml.Decoder {
	decoder := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\ufeff"))))
	decoder.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errors.New("not UTF-8") }
	return decoder
}

// oneIdentityProvider finds the only identity provider described, and the ends of validity stated around it.
func oneIdentityProvider(raw []byte, root xml.Name) (entity, []string, *Problem) {
	var all []entity
	var until []string
	switch {
	case root.Space == metadataNamespace && root.Local == "EntityDescriptor":
		var one entity
		if err := newMetadataDecoder(raw).Decode(&one); err != nil {
			return entity{}, nil, problem(CodeNotXML, "The metadata cannot be read. Export it again and copy all of it.")
		}
		all = []entity{one}
	case root.Space == metadataNamespace && root.Local == "EntitiesDescriptor":
		var group entities
		if err := newMetadataDecoder(raw).Decode(&group); err != nil {
			return entity{}, nil, problem(CodeNotXML, "The metadata cannot be read. Export it again and copy all of it.")
		}
		all, until = group.flatten()
	default:
		return entity{}, nil, problem(CodeNotMetadata, "That is XML, but not SAML 2.0 metadata: it begins with <%s>, not <EntityDescriptor>. Export the metadata from the identity provider.", shown(root.Local))
	}
	return theIdentityProvider(all, until)
}

func theIdentityProvider(all []entity, until []string) (entity, []string, *Problem) {
	var idps []entity
	services := 0
	for _, e := range all {
		services += len(e.SPs)
		e.IdPs = slices.DeleteFunc(e.IdPs, func(r idpRole) bool {
			return !slices.Contains(strings.Fields(r.Protocols), protocolNamespace)
		})
		if len(e.IdPs) > 0 {
			idps = append(idps, e)
		}
	}
	switch {
	case len(idps) > 1:
		return entity{}, nil, problem(CodeSeveralEntities, "The metadata describes %d identity providers, among them “%s” and “%s”. Export that of the one your people sign in to.", len(idps), shown(idps[0].ID), shown(idps[1].ID))
	case len(idps) == 0 && services > 0:
		return entity{}, nil, problem(CodeServiceProvider, "That is the metadata of a service provider (an application like ours), not of an identity provider. Export the identity provider's.")
	case len(idps) == 0:
		return entity{}, nil, problem(CodeNoIdP, "The metadata describes no SAML 2.0 identity provider (IDPSSODescriptor). Export the identity provider's SAML 2.0 metadata.")
	case strings.TrimSpace(idps[0].ID) == "" || len(idps[0].ID) > 1024:
		return entity{}, nil, problem(CodeNoEntityID, "The metadata has no usable entityID. Export it again from the identity provider.")
	}
	return idps[0], until, nil
}

func (g entities) flatten() (all []entity, until []string) {
	all, until = g.Entities, []string{g.Until}
	for _, group := range g.Groups {
		inner, ends := group.flatten()
		all, until = append(all, inner...), append(until, ends...)
	}
	return all, until
}

// validUntil is the earliest of the ends stated, which must lie ahead.
func validUntil(now time.Time, stated ...string) (time.Time, *Problem) {
	var earliest time.Time
	for _, text := range stated {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		end, err := time.Parse(time.RFC3339, text)
		if err != nil {
			end, err = time.Parse("2006-01-02T15:04:05", text) // xs:dateTime may leave the zone out
		}
		if err != nil {
			return time.Time{}, problem(CodeValidUntil, "The metadata says it is valid until “%s”, which is not a date. Export it again from the identity provider.", shown(text))
		}
		if earliest.IsZero() || end.Before(earliest) {
			earliest = end.UTC()
		}
	}
	if !earliest.IsZero() && !now.Before(earliest) {
		return time.Time{}, problem(CodeValidUntil, "The metadata was valid until %s and is out of date. Export a fresh one from the identity provider.", earliest.Format(dateForPeople))
	}
	return earliest, nil
}

func (m *Imported) readEndpoints(all []endpoint, allow func(*url.URL) error) *Problem {
	for _, e := range all {
		var into *string
		switch e.Binding {
		case bindingRedirect:
			into = &m.IdentityProvider.RedirectURL
		case bindingPost:
			into = &m.IdentityProvider.PostURL
		}
		if into == nil || *into != "" {
			continue
		}
		location := strings.TrimSpace(e.Location)
		if found := CheckLocation(location, allow); found != nil {
			return found
		}
		*into = location
	}
	if m.IdentityProvider.RedirectURL == "" && m.PostURL == "" {
		return problem(CodeNoEndpoint, "The metadata names no sign-in address for HTTP-Redirect or HTTP-POST. Turn one of them on in the identity provider and export again.")
	}
	return nil
}

// readKeys keeps the signing certificates that can be used now or soon, and warns of the others.
func (m *Imported) readKeys(descriptors []keyDescriptor, now time.Time) *Problem {
	var keep keeper
	for _, descriptor := range descriptors {
		if descriptor.Use == "encryption" {
			continue // the key that we would encrypt to, which we never do
		}
		for _, text := range descriptor.Certificates {
			keep.add(decodeCertificates(text))
		}
	}
	keep.usable = slices.DeleteFunc(keep.usable, func(c *x509.Certificate) bool {
		found := CheckValidity(c, now)
		if found == nil {
			return false
		}
		if found.Code == CodeNotYetValid {
			m.Warnings = append(m.Warnings, found.Sentence)
			return false
		}
		keep.refuse(found)
		return true
	})
	switch {
	case len(keep.usable) > maxCertificates:
		return problem(CodeTooManyKeys, "The metadata has %d signing certificates, more than %d. Remove the old ones in the identity provider and export again.", len(keep.usable), maxCertificates)
	case len(keep.usable) > 0:
		m.Certificates, m.Warnings = keep.usable, append(m.Warnings, keep.warnings...)
		return nil
	case keep.first != nil:
		return problem(keep.first.Code, "The metadata has no signing certificate that can be used. %s", keep.first.Sentence)
	}
	return problem(CodeNoSigningKey, "The metadata has no signing certificate, so its sign-ins could not be checked. Turn signing on in the identity provider and export again.")
}
