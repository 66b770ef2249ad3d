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

// MaxMetadata is the largest metadata that is read, in bytes. One identity provider's own is 2 to 80 KB, a small federation's all of its members'
// some hundreds; a national one's is tens of megabytes.
const MaxMetadata = 1 << 20

// Imported is what an identity provider's metadata says about it, checked, but believed only once an admin saves it.
type Imported struct {
	IdentityProvider
	NameIDFormats []string
	ValidUntil    time.Time     // zero when the metadata does not end
	CacheDuration time.Duration // how long it may be kept, zero where it does not say
	Warnings      []string      // a sentence each, for the admin
}

// Metadata documents are read with this beside the bytes.
type MetadataOptions struct {
	EntityID string               // which of several identity providers; "" where there is only one
	Signer   *x509.Certificate    // who must have signed the document; nil: nobody
	Allow    func(*url.URL) error // whether a location over plain http may pass, as it may on loopback; nil: never
}

type entities struct {
	Entities []entity   `xml:"urn:oasis:names:tc:SAML:2.0:metadata EntityDescriptor"`
	Groups   []entities `xml:"urn:oasis:names:tc:SAML:2.0:metadata EntitiesDescriptor"`
	Until    string     `xml:"validUntil,attr"`
	Cache    string     `xml:"cacheDuration,attr"`
}

type entity struct {
	ID    string     `xml:"entityID,attr"`
	Until string     `xml:"validUntil,attr"`
	Cache string     `xml:"cacheDuration,attr"`
	IdPs  []idpRole  `xml:"urn:oasis:names:tc:SAML:2.0:metadata IDPSSODescriptor"`
	SPs   []struct{} `xml:"urn:oasis:names:tc:SAML:2.0:metadata SPSSODescriptor"`

	ends, caches []string // as stated by it and by every group around it
}

type idpRole struct {
	Protocols     string          `xml:"protocolSupportEnumeration,attr"`
	Until         string          `xml:"validUntil,attr"`
	Cache         string          `xml:"cacheDuration,attr"`
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

// ParseMetadata reads an identity provider's SAML metadata (saml-metadata-2.0-os), alone or among others. Its errors are *Problem, of which
// [CodeSeveralEntities] lists those to choose from. A location must be an absolute https URL. With a signer only what they signed is read; without
// one a signature is not looked at: the document came over TLS, or from the admin's hands.
//
// A document may describe one identity provider more than once (several IDPSSODescriptors). The first description that is complete is used.
func ParseMetadata(raw []byte, now time.Time, o MetadataOptions) (Imported, error) {
	root, found := metadataRoot(raw)
	if found != nil {
		return Imported{}, found
	}
	if o.Signer != nil {
		if raw, found = signedMetadata(raw, o.Signer, now); found != nil {
			return Imported{}, found
		}
	}
	one, found := oneIdentityProvider(raw, root, o.EntityID)
	if found != nil {
		return Imported{}, found
	}
	var first *Problem
	for _, role := range one.IdPs {
		imported, found := one.described(role, now, o.Allow)
		if found == nil {
			return imported, nil
		}
		if first == nil {
			first = found
		}
	}
	return Imported{}, first
}

// described is the identity provider by one of its descriptions.
func (e entity) described(role idpRole, now time.Time, allow func(*url.URL) error) (imported Imported, found *Problem) {
	imported.EntityID = e.ID
	if imported.ValidUntil, found = validUntil(now, append(e.ends[:len(e.ends):len(e.ends)], role.Until)...); found != nil {
		return Imported{}, found
	}
	imported.CacheDuration = shortest(append(e.caches[:len(e.caches):len(e.caches)], role.Cache)...)
	if len(e.IdPs) > 1 {
		imported.Warnings = append(imported.Warnings, "The metadata describes this identity provider more than once. The first complete description is used.")
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
		return xml.Name{}, problem(CodeTooLarge, "The metadata is %d KB, and at most %d KB are read. It may be a whole federation's: "+oneOfFederation, (len(raw)+1023)>>10, MaxMetadata>>10)
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

// oneOfFederation is what to do about a file that is too large.
const oneOfFederation = "use the address of the one identity provider's own metadata, which most federations offer as well (metadata query, MDQ)."

// oneIdentityProvider finds the identity provider that is asked for, or the only one described.
func oneIdentityProvider(raw []byte, root xml.Name, wanted string) (entity, *Problem) {
	var all []entity
	switch {
	case root.Space == metadataNamespace && root.Local == "EntityDescriptor":
		var one entity
		if err := newMetadataDecoder(raw).Decode(&one); err != nil {
			return entity{}, problem(CodeNotXML, "The metadata cannot be read. Export it again and copy all of it.")
		}
		all = entities{Entities: []entity{one}}.flatten(nil, nil)
	case root.Space == metadataNamespace && root.Local == "EntitiesDescriptor":
		var group entities
		if err := newMetadataDecoder(raw).Decode(&group); err != nil {
			return entity{}, problem(CodeNotXML, "The metadata cannot be read. Export it again and copy all of it.")
		}
		all = group.flatten(nil, nil)
	default:
		return entity{}, problem(CodeNotMetadata, "That is XML, but not SAML 2.0 metadata: it begins with <%s>, not <EntityDescriptor>. Export the metadata from the identity provider.", shown(root.Local))
	}
	return theIdentityProvider(all, wanted)
}

// maxOffered is how many identity providers of a federation are offered to choose from.
const maxOffered = 200

func theIdentityProvider(all []entity, wanted string) (entity, *Problem) {
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
	if wanted != "" && len(idps) > 0 {
		found := slices.DeleteFunc(slices.Clone(idps), func(e entity) bool { return e.ID != wanted })
		switch len(found) {
		case 0:
			return entity{}, choice(idps, "The metadata describes no identity provider “%s”, but %d others.", shown(wanted), len(idps))
		case 1:
			return found[0].named()
		}
		return entity{}, problem(CodeSeveralEntities, "The metadata describes “%s” %d times. Ask whoever publishes it to describe it once.", shown(wanted), len(found))
	}
	switch {
	case len(idps) > 1:
		return entity{}, choice(idps, "The metadata describes %d identity providers, among them “%s” and “%s”. Choose the one that your people sign in to.", len(idps), shown(idps[0].ID), shown(idps[1].ID))
	case len(idps) == 0 && services > 0:
		return entity{}, problem(CodeServiceProvider, "That is the metadata of a service provider (an application like ours), not of an identity provider. Export the identity provider's.")
	case len(idps) == 0:
		return entity{}, problem(CodeNoIdP, "The metadata describes no SAML 2.0 identity provider (IDPSSODescriptor). Export the identity provider's SAML 2.0 metadata.")
	}
	return idps[0].named()
}

// choice is a problem that lists those to choose from.
func choice(idps []entity, format string, arguments ...any) *Problem {
	p := problem(CodeSeveralEntities, format, arguments...)
	for _, e := range idps {
		if _, found := e.named(); found == nil && len(p.Choices) < maxOffered {
			p.Choices = append(p.Choices, e.ID)
		}
	}
	slices.Sort(p.Choices)
	return p
}

func (e entity) named() (entity, *Problem) {
	if strings.TrimSpace(e.ID) == "" || len(e.ID) > 1024 {
		return entity{}, problem(CodeNoEntityID, "The metadata has no usable entityID. Export it again from the identity provider.")
	}
	return e, nil
}

// flatten is every entity in a group and the groups within, each with what is stated around it.
func (g entities) flatten(ends, caches []string) (all []entity) {
	ends, caches = append(ends[:len(ends):len(ends)], g.Until), append(caches[:len(caches):len(caches)], g.Cache)
	for _, e := range g.Entities {
		e.ends, e.caches = append(ends[:len(ends):len(ends)], e.Until), append(caches[:len(caches):len(caches)], e.Cache)
		all = append(all, e)
	}
	for _, group := range g.Groups {
		all = append(all, group.flatten(ends, caches)...)
	}
	return all
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
