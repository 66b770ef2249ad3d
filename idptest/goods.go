package idptest

import (
	"crypto/elliptic"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// Shape is a response as one identity provider makes it, as far as it differs from others' in ways that readers trip over.
type Shape struct {
	Name  string
	Allow Allowed
	Key   func(*IdP) // other keys than usual
	Set   func(*Answer)
}

const claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"

// Shapes must all be accepted, with Ada's subject and address.
func Shapes() []Shape {
	return []Shape{
		{Name: "SimpleSAMLphp", Set: func(a *Answer) {
			bothSigned(a)
			spaced(a)
			a.Style.Declaration, a.Style.Seconds = true, true
			typed(a)
		}},
		{Name: "SimpleSAMLphp, encrypted", Set: func(a *Answer) {
			encrypted(func(e *Encryption) { e.Content = AES128CBC })(a)
			spaced(a)
		}},
		{Name: "Okta", Set: func(a *Answer) {
			bothSigned(a)
			a.Style = Style{Protocol: "saml2p", Assertion: "saml2", Signature: "ds", Declaration: true}
			changeSignature(func(s *Signature) { s.Prefixes = "xs" })(a)
			a.SubjectFormat = Unspecified
			typed(a)
		}},
		{Name: "Okta, encrypted inside an unsigned response", Allow: Allowed{UnsignedAroundEncrypted: true}, Set: func(a *Answer) {
			aroundUnsigned(a)
			a.Style = Style{Protocol: "saml2p", Assertion: "saml2", Signature: "ds"}
			a.Encryption.Content = AES256CBC
		}},
		{Name: "Entra", Set: func(a *Answer) {
			a.Style = Style{Protocol: "samlp", Assertion: "", Signature: ""}
			a.NotOnOrAfter = a.IssuedAt.Add(time.Hour)
			a.SessionNotOnOrAfter = time.Time{}
			renamed(a, map[string]string{"email": claims + "emailaddress", "displayName": claims + "name", "givenName": claims + "givenname", "sn": claims + "surname",
				"groups": "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"})
			a.Edit = func(r *etree.Element) {
				find(r, "Response").CreateAttr("Consent", "urn:oasis:names:tc:SAML:2.0:consent:unspecified")
			}
		}},
		{Name: "Entra, encrypted inside an unsigned response", Allow: Allowed{UnsignedAroundEncrypted: true}, Set: func(a *Answer) {
			aroundUnsigned(a)
			a.Style = Style{Protocol: "samlp", Assertion: "", Signature: ""}
			a.Encryption.Content, a.Encryption.Transport = AES256CBC, OAEP
		}},
		{Name: "Google Workspace", Set: func(a *Answer) {
			responseSigned(a)
			a.Style = Style{Protocol: "saml2p", Assertion: "saml2", Signature: "ds", Declaration: true}
			changeSignature(func(s *Signature) { s.Spaced = true })(a)
			a.SessionNotOnOrAfter = time.Time{}
		}},
		{Name: "Keycloak", Set: func(a *Answer) {
			bothSigned(a)
			a.Style = Style{Protocol: "samlp", Assertion: "saml", Signature: "dsig"}
			a.NoAuthnStatement = true
			a.Attributes = append(a.Attributes, Attribute{Name: "Role", FriendlyName: "r", Format: Basic, Values: []string{"offline"}}, Attribute{Name: "Role", Format: Basic, Values: []string{"admin"}})
			a.Edit = on("Conditions", func(el *etree.Element) { el.AddChild(etree.NewText("")) })
			typed(a)
		}},
		{Name: "AD FS", Set: func(a *Answer) {
			a.Style = Style{Protocol: "samlp", Assertion: "", Signature: "ds"}
			renamed(a, map[string]string{"email": claims + "emailaddress"})
			a.SubjectFormat = ""
			a.AuthnContext = "urn:federation:authentication:windows"
		}},
		{Name: "Casdoor", Allow: Allowed{InclusiveC14N: true}, Set: func(a *Answer) {
			responseSigned(a)
			changeSignature(func(s *Signature) { s.Canonical = Inclusive10 })(a)
			a.Audience = append(a.Audience, a.To.ACS)
		}},
		{Name: "Casdoor, inclusive 1.1, assertion signed", Allow: Allowed{InclusiveC14N: true}, Set: changeSignature(func(s *Signature) { s.Canonical = Inclusive11 })},
		{Name: "OneLogin", Set: func(a *Answer) {
			responseSigned(a)
			renamed(a, map[string]string{"email": "User.email", "givenName": "User.FirstName", "sn": "User.LastName"})
		}},
		{Name: "PingOne", Set: func(a *Answer) { changeSignature(func(s *Signature) { s.NoKeyInfo = true })(a) }},
		{Name: "Auth0", Set: func(a *Answer) {
			a.Style = Style{Protocol: "samlp", Assertion: "saml", Signature: ""}
			renamed(a, map[string]string{"email": claims + "emailaddress"})
		}},
		{Name: "LemonLDAP, valid for 20 hours, once only", Set: func(a *Answer) {
			a.NotOnOrAfter = a.IssuedAt.Add(20 * time.Hour)
			a.Edit = on("Conditions", func(el *etree.Element) { el.CreateElement("saml:OneTimeUse") })
		}},
		{Name: "Shibboleth, the key beside, unsolicited consent to proxying", Set: func(a *Answer) {
			encrypted(func(e *Encryption) { e.KeyBeside, e.Digest = true, SHA1 })(a)
			a.Style = Style{Protocol: "saml2p", Assertion: "saml2", Signature: "ds"}
			a.Edit = on("Conditions", func(el *etree.Element) { el.CreateElement("saml2:ProxyRestriction").CreateAttr("Count", "0") })
			renamed(a, map[string]string{"email": "urn:oid:0.9.2342.19200300.100.1.3"})
		}},
		{Name: "samlp for Node.js, an empty session index", Set: func(a *Answer) {
			a.Edit = on("AuthnStatement", func(el *etree.Element) { el.CreateAttr("SessionIndex", "") })
		}},
		{Name: "indented throughout", Set: func(a *Answer) { a.Style.Indented = true }},
		{Name: "issued two minutes ahead", Set: func(a *Answer) { a.IssuedAt = a.IssuedAt.Add(2 * time.Minute) }},
		{Name: "a response without issuer", Set: func(a *Answer) { a.Edit = func(r *etree.Element) { r.RemoveChild(r.SelectElement("Issuer")) } }},
		{Name: "an unsigned response without destination", Set: func(a *Answer) { a.Destination = "" }},
		{Name: "the second certificate signs", Key: func(p *IdP) { p.Keys = []Key{RSAKey("next", 2048), p.Keys[0]} }, Set: func(a *Answer) {
			changeSignature(func(s *Signature) { s.Key, s.NoKeyInfo = RSAKey("idp", 2048), true })(a)
		}},
		{Name: "an EC key", Key: func(p *IdP) { p.Keys = []Key{ECKey("idp", elliptic.P256())} }, Set: changeSignature(func(s *Signature) { s.Key = ECKey("idp", elliptic.P256()) })},
		{Name: "RSA-SHA512", Set: changeSignature(func(s *Signature) { s.Method, s.Digest = RSASHA512, SHA512 })},
		{Name: "RSA-SHA384", Set: changeSignature(func(s *Signature) { s.Method, s.Digest = RSASHA384, SHA384 })},
		{Name: "AES-128-GCM", Set: encrypted(func(e *Encryption) { e.Content = AES128GCM })},
		{Name: "AES-192-GCM", Set: encrypted(func(e *Encryption) { e.Content = AES192GCM })},
		{Name: "AES-256-GCM", Set: encrypted(nil)},
		{Name: "AES-192-CBC", Set: encrypted(func(e *Encryption) { e.Content = AES192CBC })},
		{Name: "AES-256-CBC", Set: encrypted(func(e *Encryption) { e.Content = AES256CBC })},
		{Name: "OAEP 1.1 with SHA-256", Set: encrypted(func(e *Encryption) { e.Transport, e.Digest, e.MGF = OAEP11, SHA256, MGFSHA256 })},
		{Name: "OAEP 1.1 with SHA-256 over MGF SHA-1", Set: encrypted(func(e *Encryption) { e.Transport, e.Digest, e.MGF = OAEP11, SHA256, MGFSHA1 })},
		{Name: "OAEP with SHA-256", Set: encrypted(func(e *Encryption) { e.Digest = SHA256 })},
		{Name: "encrypted, only the response signed", Set: func(a *Answer) {
			encrypted(nil)(a)
			a.Assertion = nil
		}},
		{Name: "800 groups", Set: func(a *Answer) {
			a.Attributes = append(a.Attributes, Attribute{Name: "memberOf", Values: strings.Split(strings.Repeat("g,", 799)+"g", ",")})
		}},
		{Name: "unsolicited", Allow: Allowed{Unsolicited: true}, Set: func(a *Answer) { a.InResponseTo = "" }},
		{Name: "a subject outside ASCII", Set: func(a *Answer) { a.Attributes[1].Values = []string{"Ada Lövelace & <Söhne> “日本”"} }},
	}
}

func spaced(a *Answer) { changeSignature(func(s *Signature) { s.Spaced = true })(a) }

func typed(a *Answer) {
	a.Attributes = slices.Clone(a.Attributes)
	for i := range a.Attributes {
		a.Attributes[i].Typed = true
	}
}

// renamed sends attributes under another identity provider's names.
func renamed(a *Answer, names map[string]string) {
	for i, attribute := range a.Attributes {
		if name, ok := names[attribute.Name]; ok {
			a.Attributes[i].Name = name
		}
	}
}
