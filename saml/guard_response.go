package saml

import (
	"time"

	"github.com/gatehouse-sso/gatehouse/trust"
)

const statusSuccess = "urn:oasis:names:tc:SAML:2.0:status:Success"

// rule is one thing that must hold of a message: nil, or why it does not.
type rule func(*message) *trust.Refusal

// shape is what must hold of a response as it arrived, before a key is tried on anything.
var shape = []rule{
	refuseOtherMessages, requireResponseHeader, refuseUnknownParts, requireSuccess, requireOneAssertion,
	requirePlacedSignatures, requireSoundSignatures, requireCoveringSignature, requireSoundEncryption,
}

// refuseOtherMessages: the root is a Response; a signed document of another kind carries nothing (S-16).
func refuseOtherMessages(m *message) *trust.Refusal {
	if !m.response.is(protocolNamespace, "Response") {
		return trust.Refuse(trust.ReasonNotAResponse, "samlp:Response", m.response.space+" "+m.response.name)
	}
	return nil
}

// requireResponseHeader: version 2.0, an ID, a time of issue (saml-core 3.2.2, S-32).
func requireResponseHeader(m *message) *trust.Refusal {
	return requireHeader(m.response)
}

func requireHeader(n *node) *trust.Refusal {
	if version := n.attribute("Version"); version != "2.0" {
		return trust.Refuse(trust.ReasonStructure, n.name+" of Version 2.0", version)
	}
	if n.attribute("ID") == "" {
		return trust.Refuse(trust.ReasonStructure, n.name+" with an ID", "none")
	}
	if _, err := instant(n.attribute("IssueInstant")); err != nil {
		return trust.Refuse(trust.ReasonStructure, n.name+" with an IssueInstant", n.attribute("IssueInstant"))
	}
	return nil
}

// instant reads a time as SAML writes it (saml-core 1.3.3): UTC, with or without its Z.
func instant(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	return time.Parse("2006-01-02T15:04:05", text) // takes fractions too
}

// refuseUnknownParts: the Response holds what saml-core 3.2.2 lists, each at most once, but for assertions, which have a
// rule of their own: nothing beside them can carry a second tree (S-12 to S-14).
func refuseUnknownParts(m *message) *trust.Refusal {
	seen := map[string]bool{}
	for _, child := range m.response.children {
		switch {
		case isAssertion(child):
		case child.is(assertionNamespace, "Issuer") || child.is(signatureNamespace, "Signature") ||
			child.is(protocolNamespace, "Extensions") || child.is(protocolNamespace, "Status"):
			if seen[child.name] && child.name != "Signature" { // a second Signature is the placement rule's
				return trust.Refuse(trust.ReasonStructure, "one "+child.name+" in Response", "several")
			}
			seen[child.name] = true
		default:
			return trust.Refuse(trust.ReasonStructure, "nothing else in Response", child.space+" "+child.name)
		}
	}
	return nil
}

// requireSuccess: one Status with one StatusCode, Success, and no code below it (S-15).
func requireSuccess(m *message) *trust.Refusal {
	status := m.response.only(protocolNamespace, "Status")
	code := status.only(protocolNamespace, "StatusCode")
	if code == nil {
		return trust.Refuse(trust.ReasonStructure, "one Status with one StatusCode", "none, or several")
	}
	got := code.attribute("Value")
	for inner := code.only(protocolNamespace, "StatusCode"); inner != nil; inner = inner.only(protocolNamespace, "StatusCode") {
		got += ", " + inner.attribute("Value")
	}
	if text := status.only(protocolNamespace, "StatusMessage").value(); text != "" && got != statusSuccess {
		got += ": " + text
	}
	if got != statusSuccess || len(code.children) > 0 {
		return trust.Refuse(trust.ReasonIDPErrorStatus, statusSuccess, got)
	}
	return nil
}

// isAssertion goes by the local name alone, so that no namespace hides one.
func isAssertion(n *node) bool { return n.name == "Assertion" || n.name == "EncryptedAssertion" }

// requireOneAssertion: exactly one Assertion or EncryptedAssertion in the whole document, a direct child of the Response, in
// the SAML namespace; and no second Response (S-04 to S-14).
func requireOneAssertion(m *message) *trust.Refusal {
	var found []*node
	responses := 0
	m.response.walk(func(n *node) {
		if isAssertion(n) {
			found = append(found, n)
		}
		if n.name == "Response" {
			responses++
		}
	})
	switch {
	case len(found) == 0:
		return trust.Refuse(trust.ReasonNoAssertion, "one Assertion", "none")
	case len(found) > 1:
		return trust.Refuse(trust.ReasonSeveralAssertions, "one Assertion", "several")
	case found[0].parent != m.response || found[0].space != assertionNamespace:
		return trust.Refuse(trust.ReasonStructure, "saml:Assertion directly in Response", found[0].space+" in "+found[0].parent.name)
	case responses > 1:
		return trust.Refuse(trust.ReasonStructure, "one Response", "several")
	}
	m.assertion, m.encrypted = found[0], found[0].name == "EncryptedAssertion"
	return nil
}
