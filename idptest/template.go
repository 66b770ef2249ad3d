package idptest

import "github.com/beevik/etree"

// Like makes an answer take the exact form of a recorded response, as far as its elements, prefixes, order and white space
// go; what it says stays its own. So every lie can be told in the accent of a real identity provider.
func (a Answer) Like(recorded []byte) Answer {
	doc := etree.NewDocument()
	must(0, doc.ReadFromBytes(recorded))
	a.template = unsigned(doc.Root())
	a.Style.Seconds = true
	changeSignature(func(s *Signature) { s.Spaced = true })(&a)
	return a
}

// fromTemplate fills the recorded form with what this answer says.
func (a Answer) fromTemplate() *etree.Element {
	response := a.template.Copy()
	assertion := response.SelectElement("Assertion")
	for _, el := range []*etree.Element{response, assertion} {
		put(el, "IssueInstant", a.time(a.IssuedAt))
		el.SelectElement("Issuer").SetText(a.Issuer)
	}
	put(response, "ID", a.ResponseID)
	put(response, "Destination", a.Destination)
	put(response, "InResponseTo", a.InResponseTo)
	put(assertion, "ID", a.AssertionID)
	name := find(assertion, "NameID")
	name.SetText(a.Subject)
	put(name, "Format", a.SubjectFormat)
	put(name, "SPNameQualifier", a.To.EntityID)
	data := find(assertion, "SubjectConfirmationData")
	put(data, "NotOnOrAfter", a.time(a.NotOnOrAfter))
	put(data, "Recipient", a.Recipient)
	put(data, "InResponseTo", a.InResponseTo)
	conditions := assertion.SelectElement("Conditions")
	put(conditions, "NotBefore", a.time(a.NotBefore))
	put(conditions, "NotOnOrAfter", a.time(a.NotOnOrAfter))
	restriction := conditions.SelectElement("AudienceRestriction")
	restriction.Child = nil
	for _, audience := range a.Audience {
		restriction.CreateElement(named(a.Style.Assertion)("Audience")).SetText(audience)
	}
	statement := assertion.SelectElement("AuthnStatement")
	put(statement, "AuthnInstant", a.time(a.AuthnAt))
	put(statement, "SessionNotOnOrAfter", a.time(a.SessionNotOnOrAfter))
	put(statement, "SessionIndex", a.SessionIndex)
	take(assertion.SelectElement("AttributeStatement"))
	typed(&a)
	a.attributeStatement(assertion)
	return response
}

// put sets an attribute where it stood, or takes it away.
func put(el *etree.Element, name, value string) {
	if value == "" {
		el.RemoveAttr(name)
	}
	attribute(el, name, value)
}
