package idptest

import (
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// bindingLies: said by another, to another, in answer to something else (S-40 to S-43).
func bindingLies() []Lie {
	lies := []Lie{
		{Class: "S-40", Name: "another audience", Reason: trust.ReasonAudience, Says: func(a *Answer) { a.Audience = []string{"https://other.test/metadata"} }},
		{Class: "S-40", Name: "an audience that begins like ours", Reason: trust.ReasonAudience, Says: func(a *Answer) { a.Audience[0] += "/x" }},
		{Class: "S-40", Name: "an audience in other case", Reason: trust.ReasonAudience, Says: func(a *Answer) { a.Audience[0] = strings.ToUpper(a.Audience[0]) }},
		{Class: "S-40", Name: "an audience with blanks", Reason: trust.ReasonAudience, Says: func(a *Answer) { a.Audience[0] = " " + a.Audience[0] }},
		{Class: "S-40", Name: "an empty audience", Reason: trust.ReasonAudience, Says: func(a *Answer) { a.Audience = []string{""} }},
		{Class: "S-40", Name: "no audience", Reason: trust.ReasonAudience, Says: func(a *Answer) { a.Audience = nil }},
		{Class: "S-40", Name: "two restrictions, one of them ours", Reason: trust.ReasonAudience, Edit: on("AudienceRestriction", func(el *etree.Element) {
			other := el.Copy()
			text("Audience", "https://other.test")(other)
			after(el, other)
		})},
		{Class: "S-40", Name: "a condition nobody knows", Reason: trust.ReasonStructure, Edit: condition("saml:Condition")},
		{Class: "S-40", Name: "a foreign condition", Reason: trust.ReasonStructure, Edit: condition("x:Condition")},
		{Class: "S-40", Name: "another issuer in the assertion", Reason: trust.ReasonIssuer, Edit: func(r *etree.Element) { text("Issuer", "https://other.test")(find(r, "Assertion")) }},
		{Class: "S-40", Name: "another issuer in the response", Reason: trust.ReasonIssuer, Edit: text("Issuer", "https://other.test")},
		{Class: "S-40", Name: "the issuer with a slash more", Reason: trust.ReasonIssuer, Says: func(a *Answer) { a.Issuer += "/" }},
		{Class: "S-40", Name: "Advice", Reason: trust.ReasonStructure, Edit: func(r *etree.Element) {
			after(find(r, "Conditions"), etree.NewElement("saml:Advice"))
		}},
		{Class: "S-42", Name: "another recipient", Reason: trust.ReasonRecipient, Says: func(a *Answer) { a.Recipient = "https://other.test/acs" }},
		{Class: "S-42", Name: "no recipient", Reason: trust.ReasonRecipient, Says: func(a *Answer) { a.Recipient = "" }},
		{Class: "S-42", Name: "a recipient that begins like ours", Reason: trust.ReasonRecipient, Says: func(a *Answer) { a.Recipient += ".attacker.test" }},
		{Class: "S-42", Name: "another destination", Reason: trust.ReasonDestination, Says: func(a *Answer) { a.Destination = "https://other.test/acs" }},
		{Class: "S-42", Name: "another destination, signed", Reason: trust.ReasonDestination, Given: responseSigned, Says: func(a *Answer) { a.Destination = "https://other.test/acs" }},
		{Class: "S-42", Name: "no destination in a signed response", Reason: trust.ReasonDestination, Given: responseSigned, Says: func(a *Answer) { a.Destination = "" }},
		{Class: "S-42", Name: "an empty destination in a signed response", Reason: trust.ReasonDestination, Given: responseSigned, Edit: func(r *etree.Element) { r.CreateAttr("Destination", "") }},
		{Class: "S-43", Name: "in answer to another request", Reason: trust.ReasonInResponseTo, Says: func(a *Answer) { a.InResponseTo = "_other" }},
		{Class: "S-43", Name: "another request in the response alone", Reason: trust.ReasonInResponseTo, Edit: func(r *etree.Element) { r.CreateAttr("InResponseTo", "_other") }},
		{Class: "S-43", Name: "another request in the assertion alone", Reason: trust.ReasonInResponseTo, Edit: set("SubjectConfirmationData", "InResponseTo", "_other")},
		{Class: "S-43", Name: "no request in the assertion", Reason: trust.ReasonInResponseTo, Edit: unset("SubjectConfirmationData", "InResponseTo")},
		{Class: "S-43", Name: "no request in the response", Reason: trust.ReasonInResponseTo, Edit: func(r *etree.Element) { r.RemoveAttr("InResponseTo") }},
		{Class: "S-43", Name: "an empty request", Reason: trust.ReasonInResponseTo, Edit: func(r *etree.Element) {
			r.CreateAttr("InResponseTo", "")
			set("SubjectConfirmationData", "InResponseTo", "")(r)
		}},
		{Class: "S-43", Name: "in answer to nothing", Reason: trust.ReasonUnsolicited, Says: func(a *Answer) { a.InResponseTo = "" }},
		{Class: "S-43", Name: "unsolicited in the response, bound in the assertion", Reason: trust.ReasonInResponseTo, Allow: Allowed{Unsolicited: true},
			Edit: func(r *etree.Element) { r.RemoveAttr("InResponseTo") }},
		{Class: "S-43", Name: "bound in the response, unsolicited in the assertion", Reason: trust.ReasonInResponseTo, Allow: Allowed{Unsolicited: true},
			Edit: unset("SubjectConfirmationData", "InResponseTo")},
		{Class: "S-43", Name: "another request where unsolicited is allowed", Reason: trust.ReasonInResponseTo, Allow: Allowed{Unsolicited: true}, Says: func(a *Answer) { a.InResponseTo = "_other" }},
	}
	return append(lies, confirmationLies()...)
}

func confirmationLies() []Lie {
	var lies []Lie
	for _, method := range []string{"urn:oasis:names:tc:SAML:2.0:cm:holder-of-key", "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches", "urn:oasis:names:tc:SAML:1.0:cm:bearer", "bearer", ""} {
		lies = append(lies, Lie{Class: "S-41", Name: "method “" + method + "”", Reason: trust.ReasonSubjectConfirmation, Edit: set("SubjectConfirmation", "Method", method)})
	}
	return append(lies,
		Lie{Class: "S-41", Name: "no method", Reason: trust.ReasonSubjectConfirmation, Edit: unset("SubjectConfirmation", "Method")},
		Lie{Class: "S-41", Name: "no end", Reason: trust.ReasonSubjectConfirmation, Edit: unset("SubjectConfirmationData", "NotOnOrAfter")},
		Lie{Class: "S-41", Name: "a beginning", Reason: trust.ReasonSubjectConfirmation, Edit: set("SubjectConfirmationData", "NotBefore", "2020-01-01T00:00:00Z")},
		Lie{Class: "S-41", Name: "right in two halves", Reason: trust.ReasonInResponseTo, Edit: on("SubjectConfirmation", func(el *etree.Element) {
			second := el.Copy()
			unset("SubjectConfirmationData", "Recipient")(el)
			set("SubjectConfirmationData", "InResponseTo", "_other")(second)
			after(el, second)
		})},
		Lie{Class: "S-41", Name: "data of another namespace", Reason: trust.ReasonStructure, Edit: set("SubjectConfirmationData", "xmlns:saml", "urn:x")})
}

func condition(tag string) func(*etree.Element) {
	return on("Conditions", func(el *etree.Element) {
		extra := el.CreateElement(tag)
		extra.CreateAttr("xmlns:x", "urn:x")
	})
}

// timeLies: too late, too early, no time at all (S-44).
func timeLies() []Lie {
	shift := func(by time.Duration) func(*Answer) {
		return func(a *Answer) { a.IssuedAt = a.IssuedAt.Add(by) }
	}
	return []Lie{
		{Class: "S-44", Name: "issued in four minutes", Reason: trust.ReasonNotYetValid, Says: shift(4 * time.Minute), Given: shift(2 * time.Minute)},
		{Class: "S-44", Name: "issued six minutes ago", Reason: trust.ReasonResponseExpired, Says: shift(-2 * time.Minute), Given: shift(-4 * time.Minute)},
		{Class: "S-44", Name: "issued a year ago", Reason: trust.ReasonResponseExpired, Says: shift(-365 * 24 * time.Hour)},
		{Class: "S-44", Name: "assertion issued in four minutes", Reason: trust.ReasonNotYetValid, Edit: shiftTime("Assertion", "IssueInstant", 4*time.Minute)},
		{Class: "S-44", Name: "expired", Reason: trust.ReasonExpired, Says: func(a *Answer) { a.NotOnOrAfter = a.IssuedAt.Add(-4 * time.Minute) }},
		{Class: "S-44", Name: "conditions expired alone", Reason: trust.ReasonExpired, Edit: shiftTime("Conditions", "NotOnOrAfter", -10*time.Minute)},
		{Class: "S-44", Name: "confirmation expired alone", Reason: trust.ReasonExpired, Edit: shiftTime("SubjectConfirmationData", "NotOnOrAfter", -10*time.Minute)},
		{Class: "S-44", Name: "not yet valid", Reason: trust.ReasonNotYetValid, Says: func(a *Answer) { a.NotBefore = a.IssuedAt.Add(4 * time.Minute) }},
		{Class: "S-44", Name: "session ended", Reason: trust.ReasonExpired, Says: func(a *Answer) { a.SessionNotOnOrAfter = a.IssuedAt.Add(-4 * time.Minute) }},
		{Class: "S-44", Name: "a beginning that is no time", Reason: trust.ReasonNotYetValid, Edit: set("Conditions", "NotBefore", "soon")},
		{Class: "S-44", Name: "an end that is no time", Reason: trust.ReasonExpired, Edit: set("Conditions", "NotOnOrAfter", "99999-01-01")},
		{Class: "S-44", Name: "a session's end that is no time", Reason: trust.ReasonStructure, Edit: set("AuthnStatement", "SessionNotOnOrAfter", "never")},
	}
}

func shiftTime(tag, name string, by time.Duration) func(*etree.Element) {
	return on(tag, func(el *etree.Element) {
		at := must(time.Parse(time.RFC3339, el.SelectAttrValue(name, "")))
		el.CreateAttr(name, at.Add(by).Format(time.RFC3339))
	})
}

// subjectLies: who it is about (S-53), and by which name attributes go (S-58, S-61).
func subjectLies() []Lie {
	return []Lie{
		{Class: "S-53", Name: "transient", Reason: trust.ReasonSubjectTransient, Says: func(a *Answer) { a.SubjectFormat = Transient }},
		{Class: "S-53", Name: "empty", Reason: trust.ReasonSubjectMissing, Says: func(a *Answer) { a.Subject = "" }},
		{Class: "S-53", Name: "blank", Reason: trust.ReasonSubjectMissing, Says: func(a *Answer) { a.Subject = " \t" }},
		{Class: "S-53", Name: "a blank before", Reason: trust.ReasonSubjectMissing, Says: func(a *Answer) { a.Subject = " " + a.Subject }},
		{Class: "S-53", Name: "a line end behind", Reason: trust.ReasonSubjectMissing, Says: func(a *Answer) { a.Subject += "\n" }},
		{Class: "S-53", Name: "257 characters", Reason: trust.ReasonSubjectMissing, Says: func(a *Answer) { a.Subject = strings.Repeat("x", 257) }, Given: func(a *Answer) { a.Subject = strings.Repeat("x", 256) }},
		{Class: "S-53", Name: "an encrypted NameID", Reason: trust.ReasonStructure, Edit: on("NameID", func(el *etree.Element) { el.Tag = "EncryptedID" })},
		{Class: "S-53", Name: "a BaseID", Reason: trust.ReasonStructure, Edit: on("NameID", func(el *etree.Element) { el.Tag = "BaseID" })},
		{Class: "S-58", Name: "two addresses", Reason: trust.ReasonEmailSeveralValues, Says: func(a *Answer) {
			a.Attributes = append(a.Attributes, Attribute{Name: "email", Values: []string{"mallory@corp.test"}})
		}},
		{Class: "S-58", Name: "two addresses in one attribute", Reason: trust.ReasonEmailSeveralValues, Says: func(a *Answer) { a.Attributes[0].Values = []string{"ada@corp.test", "mallory@corp.test"} }},
		{Class: "S-61", Name: "markup and more than 256 characters in what is shown", Reason: trust.ReasonAudience, Says: func(a *Answer) {
			a.Audience = []string{"<script>alert(1)</script>\u202e" + strings.Repeat("é", 300)}
		}},
		{Class: "S-61", Name: "control characters in an issuer", Reason: trust.ReasonIssuer, Says: func(a *Answer) { a.Issuer = "https://idp.test/\u009b31m\u2028" + strings.Repeat("x", 300) }},
	}
}
