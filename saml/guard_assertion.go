package saml

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// statements is what must hold of the assertion that was signed, before its words are compared with ours.
var statements = []rule{
	requireAssertionHeader, refuseForeignParts, requireOneIssuer, requireOneNameID, requireConfirmations, requireConditions,
	requireOneLogin,
}

// requireAssertionHeader: version 2.0, an ID, a time of issue (saml-core 2.3.3, S-32).
func requireAssertionHeader(m *message) *trust.Refusal { return requireHeader(m.assertion) }

// allowedParts are the children that saml-core lets the elements of an assertion have and that we understand. What is not
// listed is refused (a Signature went when it was verified): Advice, encrypted ids and attributes, conditions that we do not know (S-20).
var allowedParts = map[string][]string{
	"Assertion":           {"Issuer", "Subject", "Conditions", "AuthnStatement", "AttributeStatement", "AuthzDecisionStatement"},
	"Subject":             {"NameID", "SubjectConfirmation"},
	"Conditions":          {"AudienceRestriction", "OneTimeUse", "ProxyRestriction"},
	"AudienceRestriction": {"Audience"},
	"ProxyRestriction":    {"Audience"},
	"SubjectConfirmation": {"NameID", "SubjectConfirmationData"},
	"AttributeStatement":  {"Attribute"},
	"Attribute":           {"AttributeValue"},
	"AuthnStatement":      {"SubjectLocality", "AuthnContext"},
	"AuthnContext":        {"AuthnContextClassRef", "AuthnContextDecl", "AuthnContextDeclRef", "AuthenticatingAuthority"},
}

// refuseForeignParts: no element of another namespace or of an unknown name where the assertion is read (S-17, S-20).
func refuseForeignParts(m *message) *trust.Refusal {
	return onlyAllowed(m.assertion)
}

func onlyAllowed(n *node) *trust.Refusal {
	allowed, listed := allowedParts[n.name]
	if !listed {
		return nil
	}
	for _, child := range n.children {
		if child.space != assertionNamespace || !slices.Contains(allowed, child.name) {
			return trust.Refuse(trust.ReasonStructure, n.name+" of "+strings.Join(allowed, ", "), child.space+" "+child.name)
		}
		if refusal := onlyAllowed(child); refusal != nil {
			return refusal
		}
	}
	return nil
}

// requireOneIssuer: who speaks is said once, as text (S-32).
func requireOneIssuer(m *message) *trust.Refusal {
	if m.assertion.only(assertionNamespace, "Issuer").value() == "" {
		return trust.Refuse(trust.ReasonStructure, "one Issuer in Assertion", "none, or several")
	}
	return nil
}

// requireOneNameID: one Subject with one NameID: text alone, without blanks around it, 1 to 256 bytes (S-21, S-32, S-53).
func requireOneNameID(m *message) *trust.Refusal {
	id := m.assertion.only(assertionNamespace, "Subject").only(assertionNamespace, "NameID")
	if id == nil {
		return trust.Refuse(trust.ReasonSubjectMissing, "one Subject with one NameID", "none, or several")
	}
	if text := id.value(); text == "" || text != strings.TrimSpace(text) || len(text) > 256 {
		return trust.Refuse(trust.ReasonSubjectMissing, "a NameID of 1 to 256 bytes, text alone, without blanks around it",
			strconv.Quote(text[:min(len(text), 200)]))
	}
	return nil
}

const bearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer"

// requireConfirmations: one at least is of method bearer with data, and none is without, which the library cannot bear
// (saml-profiles 4.1.4.2, S-41). The first that satisfies everything is kept, else the first, so that it can be explained.
func requireConfirmations(m *message) *trust.Refusal {
	for _, confirmation := range m.assertion.only(assertionNamespace, "Subject").all(assertionNamespace, "SubjectConfirmation") {
		data := confirmation.only(assertionNamespace, "SubjectConfirmationData")
		if data == nil {
			return trust.Refuse(trust.ReasonSubjectConfirmation, "one SubjectConfirmationData in SubjectConfirmation", "none, or several")
		}
		if confirmation.attribute("Method") != bearer {
			continue
		}
		if m.confirms(m.confirmation) != nil { // so it is while there is none: that has no Recipient
			m.confirmation = data
		}
	}
	if m.confirmation == nil {
		return trust.Refuse(trust.ReasonSubjectConfirmation, "a SubjectConfirmation of method bearer", "none")
	}
	return nil
}

// requireConditions: one Conditions with one AudienceRestriction of one Audience or more (S-40). Several restrictions would
// have to hold all at once; none would be for everybody. They end: the library takes those that do not say so as over.
func requireConditions(m *message) *trust.Refusal {
	restriction := m.assertion.only(assertionNamespace, "Conditions").only(assertionNamespace, "AudienceRestriction")
	if len(restriction.all(assertionNamespace, "Audience")) == 0 {
		return trust.Refuse(trust.ReasonAudience, m.sp.EntityID, "not one AudienceRestriction")
	}
	if !restriction.parent.has("NotOnOrAfter") {
		return trust.Refuse(trust.ReasonStructure, "Conditions with NotOnOrAfter", "without")
	}
	return nil
}

// requireOneLogin: one AuthnStatement at most, so that context and session are one thing, whose times can be read: one that
// cannot would lift the cap on our session (S-44). Keycloak may leave the statement out.
func requireOneLogin(m *message) *trust.Refusal {
	logins := m.assertion.all(assertionNamespace, "AuthnStatement")
	if len(logins) > 1 {
		return trust.Refuse(trust.ReasonStructure, "one AuthnStatement", "several")
	}
	for _, login := range logins {
		for _, name := range []string{"AuthnInstant", "SessionNotOnOrAfter"} {
			if _, err := instant(login.attribute(name)); err != nil && login.has(name) {
				return trust.Refuse(trust.ReasonStructure, name+" as a time", login.attribute(name))
			}
		}
	}
	return nil
}
