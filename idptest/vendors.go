package idptest

import (
	"embed"
	"encoding/base64"
	"strings"

	"github.com/beevik/etree"
)

//go:embed testdata/good
var shapes embed.FS

// Vendor is how a product speaks SAML: the form of its metadata and responses, what it signs, and under what names it says who somebody is.
type Vendor struct {
	Name                                         string // of its folder in testdata/good
	EntityID                                     string
	Subject                                      string // what the NameID is: "subject" or "email"
	SubjectFormat                                string
	SignsResponse, SignsAssertion                bool
	ID, Email, FullName, Given, Family, GroupsAs string // the Names of attributes; "" is not sent
	NameFormat                                   string
}

const claimsOf = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"

// Vendors are the products, set up as their guides say.
func Vendors() []Vendor {
	return []Vendor{
		{Name: "okta", EntityID: "http://www.okta.com/exk1fcia6d6EMsf331d8", Subject: "email", SubjectFormat: EmailAddress, SignsResponse: true, SignsAssertion: true,
			ID: "id", Email: "email", Given: "firstName", Family: "lastName", GroupsAs: "groups", NameFormat: "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified"},
		{Name: "entra", EntityID: "https://sts.windows.net/1b9e6dc3-7a4e-4a3e-9d0b-2b1f0f6c1c5a/", SubjectFormat: Persistent, SignsAssertion: true,
			Email: claimsOf + "emailaddress", FullName: "http://schemas.microsoft.com/identity/claims/displayname", Given: claimsOf + "givenname", Family: claimsOf + "surname",
			GroupsAs: "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"},
		{Name: "google", EntityID: "https://accounts.google.com/o/saml2?idpid=C01abcdef", Subject: "email", SubjectFormat: EmailAddress, SignsResponse: true,
			Email: "email", Given: "firstName", Family: "lastName", GroupsAs: "groups"},
		{Name: "onelogin", EntityID: "https://app.onelogin.com/saml/metadata/7d1f2a3b-4c5d-6e7f-8091-a2b3c4d5e6f7", Subject: "email", SubjectFormat: EmailAddress, SignsResponse: true, SignsAssertion: true,
			ID: "id", Email: "email", Given: "firstName", Family: "lastName", GroupsAs: "groups", NameFormat: Basic},
		{Name: "pingone", EntityID: "https://auth.pingone.com/2f1d3c4b-5a69-4788-96a5-b4c3d2e1f0a9", SubjectFormat: Persistent, SignsAssertion: true,
			Email: "email", Given: "firstName", Family: "lastName", GroupsAs: "groups", NameFormat: Basic},
		{Name: "jumpcloud", EntityID: "JumpCloud-Gatehouse", Subject: "email", SubjectFormat: EmailAddress, SignsAssertion: true,
			Email: "email", Given: "firstName", Family: "lastName", GroupsAs: "groups", NameFormat: "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified"},
		{Name: "adfs", EntityID: "http://adfs.corp.test/adfs/services/trust", SignsAssertion: true,
			Email: claimsOf + "emailaddress", FullName: claimsOf + "name", Given: claimsOf + "givenname", Family: claimsOf + "surname", GroupsAs: "http://schemas.xmlsoap.org/claims/Group"},
		{Name: "auth0", EntityID: "urn:corp.eu.auth0.com", SubjectFormat: Persistent, SignsAssertion: true,
			ID: claimsOf + "nameidentifier", Email: claimsOf + "emailaddress", FullName: claimsOf + "name", Given: claimsOf + "givenname", Family: claimsOf + "surname", NameFormat: URIName},
		{Name: "keycloak", EntityID: "https://keycloak.corp.test/realms/corp", SubjectFormat: Persistent, SignsResponse: true,
			Email: "email", Given: "firstName", Family: "lastName", GroupsAs: "groups", NameFormat: Basic},
	}
}

// Speak makes the identity provider that product from now on.
func (p *IdP) Speak(v Vendor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.EntityID, p.vendor = v.EntityID, &v
}

// metadata is the product's, with our key and addresses in it.
func (v Vendor) metadata(base string, key Key) []byte {
	text := string(must(shapes.ReadFile("testdata/good/" + v.Name + "/metadata.xml")))
	certificate := base64.StdEncoding.EncodeToString(key.Certificate.Raw)
	return []byte(strings.NewReplacer("{base}", base, "{certificate}", certificate, "{entity}", v.EntityID).Replace(text))
}

// spell gives an honest answer the product's form.
func (v Vendor) spell(a Answer, who Person, key Key) Answer {
	recorded := must(shapes.ReadFile("testdata/good/" + v.Name + "/response.xml"))
	doc := etree.NewDocument()
	must(0, doc.ReadFromBytes(recorded))
	a.Style.Protocol, a.Style.Assertion = doc.Root().Space, doc.Root().SelectElement("Assertion").Space
	a.Attributes, a.SubjectFormat = v.attributes(who), v.SubjectFormat
	if v.Subject == "email" {
		a.Subject = who.Email
	}
	a.Assertion, a.Response = nil, nil
	if v.SignsAssertion {
		a.Assertion = &Signature{Key: key}
	}
	if v.SignsResponse {
		a.Response = &Signature{Key: key}
	}
	return a.Like(recorded)
}

func (v Vendor) attributes(who Person) []Attribute {
	var all []Attribute
	for _, one := range []struct {
		name   string
		values []string
	}{{v.ID, []string{who.Subject}}, {v.Email, []string{who.Email}}, {v.FullName, []string{who.Name}}, {v.Given, []string{who.GivenName}}, {v.Family, []string{who.FamilyName}}, {v.GroupsAs, who.Groups}} {
		if one.name != "" && len(one.values) > 0 && one.values[0] != "" {
			all = append(all, Attribute{Name: one.name, Format: v.NameFormat, Values: one.values})
		}
	}
	return all
}
