package idptest

import (
	"encoding/base64"
	"fmt"
	"time"

	"github.com/beevik/etree"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

const (
	protocolNamespace  = "urn:oasis:names:tc:SAML:2.0:protocol"
	assertionNamespace = "urn:oasis:names:tc:SAML:2.0:assertion"

	StatusSuccess = "urn:oasis:names:tc:SAML:2.0:status:Success"
	Bearer        = "urn:oasis:names:tc:SAML:2.0:cm:bearer"

	Persistent   = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	Transient    = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
	EmailAddress = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	Unspecified  = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
	Basic        = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
	URIName      = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
	Password     = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
)

// Attribute is one SAML attribute; several of the same Name are several elements.
type Attribute struct {
	Name, FriendlyName, Format string
	Values                     []string
	Typed                      bool // xsi:type="xs:string" on each value
}

// Style is how an identity provider spells its XML: prefixes (empty: the default namespace) and white space.
type Style struct {
	Protocol, Assertion, Signature string
	Indented                       bool
	Declaration                    bool
	Seconds                        bool // times without milliseconds
}

// Plain is the style of most.
var Plain = Style{Protocol: "samlp", Assertion: "saml", Signature: "ds"}

// Answer is one response in the making: what it says, and how it is signed, encrypted and spelled. IdP.Answer makes an
// honest one.
type Answer struct {
	To                                                                    Service
	Issuer, ResponseID, AssertionID, InResponseTo, Destination, Recipient string
	Audience                                                              []string
	Subject, SubjectFormat                                                string
	Attributes                                                            []Attribute

	IssuedAt, NotBefore, NotOnOrAfter, AuthnAt, SessionNotOnOrAfter time.Time // zero: left out
	AuthnContext, SessionIndex                                      string
	NoAuthnStatement                                                bool

	Response, Assertion *Signature // nil: not signed
	Encryption          *Encryption
	Style               Style

	Edit  func(response *etree.Element) // before anything is signed
	Inner func(response *etree.Element) // after the assertion is signed, before it is encrypted and the response signed
	Forge func(response *etree.Element) // after everything is signed
	Bytes func(message []byte) []byte

	template *etree.Element
}

// XML is the message. Each call signs and encrypts anew.
func (a Answer) XML() []byte {
	response := a.tree()
	if a.template != nil {
		response = a.fromTemplate()
	}
	call(a.Edit, response)
	assertion := response.SelectElement("Assertion")
	if a.Assertion != nil && assertion != nil {
		a.Assertion.put(assertion, a.Style.Signature)
	}
	call(a.Inner, response)
	if assertion = response.SelectElement("Assertion"); a.Encryption != nil && assertion != nil {
		encrypted := a.Encryption.seal(assertion, a.Style.Assertion)
		response.InsertChildAt(assertion.Index(), encrypted)
		response.RemoveChild(assertion)
	}
	if a.Response != nil {
		a.Response.put(response, a.Style.Signature)
	}
	call(a.Forge, response)
	message := bytesOf(response)
	if a.Style.Declaration {
		message = append([]byte("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"), message...)
	}
	if a.Bytes != nil {
		message = a.Bytes(message)
	}
	return message
}

// Message is the SAMLResponse parameter as a browser posts it.
func (a Answer) Message() string { return base64.StdEncoding.EncodeToString(a.XML()) }

func (a Answer) tree() *etree.Element {
	p, s := named(a.Style.Protocol), named(a.Style.Assertion)
	response := etree.NewElement(p("Response"))
	declare(response, a.Style.Protocol, protocolNamespace)
	attribute(response, "ID", a.ResponseID)
	attribute(response, "Version", "2.0")
	attribute(response, "IssueInstant", a.time(a.IssuedAt))
	attribute(response, "Destination", a.Destination)
	attribute(response, "InResponseTo", a.InResponseTo)
	issuer := response.CreateElement(s("Issuer"))
	declare(issuer, a.Style.Assertion, assertionNamespace)
	issuer.SetText(a.Issuer)
	response.CreateElement(p("Status")).CreateElement(p("StatusCode")).CreateAttr("Value", StatusSuccess)
	response.AddChild(a.assertion())
	if a.Style.Indented {
		indent(response, 1)
	}
	return response
}

func (a Answer) assertion() *etree.Element {
	s := named(a.Style.Assertion)
	assertion := etree.NewElement(s("Assertion"))
	declare(assertion, a.Style.Assertion, assertionNamespace)
	attribute(assertion, "ID", a.AssertionID)
	attribute(assertion, "Version", "2.0")
	attribute(assertion, "IssueInstant", a.time(a.IssuedAt))
	assertion.CreateElement(s("Issuer")).SetText(a.Issuer)
	subject := assertion.CreateElement(s("Subject"))
	name := subject.CreateElement(s("NameID"))
	attribute(name, "Format", a.SubjectFormat)
	name.SetText(a.Subject)
	confirmation := subject.CreateElement(s("SubjectConfirmation"))
	attribute(confirmation, "Method", Bearer)
	data := confirmation.CreateElement(s("SubjectConfirmationData"))
	attribute(data, "InResponseTo", a.InResponseTo)
	attribute(data, "NotOnOrAfter", a.time(a.NotOnOrAfter))
	attribute(data, "Recipient", a.Recipient)
	conditions := assertion.CreateElement(s("Conditions"))
	attribute(conditions, "NotBefore", a.time(a.NotBefore))
	attribute(conditions, "NotOnOrAfter", a.time(a.NotOnOrAfter))
	restriction := conditions.CreateElement(s("AudienceRestriction"))
	for _, audience := range a.Audience {
		restriction.CreateElement(s("Audience")).SetText(audience)
	}
	a.authnStatement(assertion)
	a.attributeStatement(assertion)
	return assertion
}

func (a Answer) authnStatement(assertion *etree.Element) {
	if a.NoAuthnStatement {
		return
	}
	s := named(a.Style.Assertion)
	statement := assertion.CreateElement(s("AuthnStatement"))
	attribute(statement, "AuthnInstant", a.time(a.AuthnAt))
	attribute(statement, "SessionIndex", a.SessionIndex)
	attribute(statement, "SessionNotOnOrAfter", a.time(a.SessionNotOnOrAfter))
	statement.CreateElement(s("AuthnContext")).CreateElement(s("AuthnContextClassRef")).SetText(a.AuthnContext)
}

func (a Answer) attributeStatement(assertion *etree.Element) {
	if len(a.Attributes) == 0 {
		return
	}
	s := named(a.Style.Assertion)
	statement := assertion.CreateElement(s("AttributeStatement"))
	for _, each := range a.Attributes {
		el := statement.CreateElement(s("Attribute"))
		attribute(el, "Name", each.Name)
		attribute(el, "NameFormat", each.Format)
		attribute(el, "FriendlyName", each.FriendlyName)
		for _, value := range each.Values {
			v := el.CreateElement(s("AttributeValue"))
			if each.Typed {
				v.CreateAttr("xmlns:xs", "http://www.w3.org/2001/XMLSchema")
				v.CreateAttr("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
				v.CreateAttr("xsi:type", "xs:string")
			}
			v.SetText(value)
		}
	}
}

func (a Answer) time(at time.Time) string {
	switch {
	case at.IsZero():
		return ""
	case a.Style.Seconds:
		return at.UTC().Format("2006-01-02T15:04:05Z")
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}

// attribute leaves an empty one out.
func attribute(el *etree.Element, name, value string) {
	if value != "" {
		el.CreateAttr(name, value)
	}
}

func indent(el *etree.Element, depth int) {
	children := el.ChildElements()
	for i := len(children) - 1; i >= 0; i-- {
		indent(children[i], depth+1)
		el.InsertChildAt(children[i].Index(), etree.NewText(fmt.Sprintf("\n%*s", 2*depth, "")))
	}
	if len(children) > 0 {
		el.AddChild(etree.NewText(fmt.Sprintf("\n%*s", 2*depth-2, "")))
	}
}

func bytesOf(el *etree.Element) []byte {
	return must(etree.NewDocumentWithRoot(el.Copy()).WriteToBytes())
}

// aloneBytes is an element as a document of its own, with the namespaces that surrounded it.
func aloneBytes(el *etree.Element) []byte {
	return bytesOf(must(etreeutils.NSDetatch(must(etreeutils.NSBuildParentContext(el)), el)))
}

func call(change func(*etree.Element), el *etree.Element) {
	if change != nil {
		change(el)
	}
}
