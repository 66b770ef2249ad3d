package saml

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// message is one response on its way from bytes to a claim. Before the signature step its trees are what arrived; after it
// they are what was signed, or lie around it.
type message struct {
	sp   ServiceProvider
	want Expectation
	now  time.Time
	raw  []byte

	response, assertion, confirmation      *node
	encrypted, responseSigned, unsolicited bool

	plaintext []byte    // what we decrypted, if anything
	openedBy  string    // the fingerprint of our certificate whose key did
	readings  []reading // of the assertion: as it arrived, and by each signature that covers it

	claim trust.Claim
	also  []Step // what the step that is being taken tells beside its verdict
}

// steps are the checks in their order. Each answers what it wanted and got, and refuses or lets pass; empty words and no
// refusal mean that it did not apply.
var steps = []struct {
	name string
	take func(*message) (want, got string, refusal *trust.Refusal)
}{
	{"structure", (*message).checkStructure},
	{"signature", (*message).checkSignature},
	{"decryption", (*message).checkDecryption},
	{"assertion", (*message).checkStatements},
	{"issuer", (*message).checkIssuer},
	{"destination", (*message).checkDestination},
	{"recipient", (*message).checkRecipient},
	{"audience", (*message).checkAudience},
	{"in_response_to", (*message).checkInResponseTo},
	{"times", (*message).checkTimes},
	{"second_reading", (*message).checkReadings},
	{"subject", (*message).readSubject},
	{"attributes", (*message).readAttributes},
}

// Read turns the bytes of a Response into a claim, or refuses. The steps say what was checked, up to the one that refused;
// they are for admins, for whoever presented the message may learn the reason alone.
//
// A claim's ConnectionID is left empty: the caller knows it. Whether to believe the claim is for trust.Decide.
func Read(sp ServiceProvider, raw []byte, want Expectation, now time.Time) (trust.Claim, []Step, *trust.Refusal) {
	m := &message{sp: sp, raw: raw, want: want, now: now}
	taken := make([]Step, 0, len(steps))
	for _, step := range steps {
		m.also = nil
		want, got, refusal := step.take(m)
		if refusal != nil {
			return trust.Claim{}, append(taken, Step{step.name, Refused, refusal.Want, refusal.Got}), refusal
		}
		verdict := Passed
		if want == "" {
			verdict = Noted
		}
		taken = append(append(taken, Step{step.name, verdict, trust.Printable(want), trust.Printable(got)}), m.also...)
	}
	return m.claim, taken, nil
}

// checkStructure: the guard, before any key is tried.
func (m *message) checkStructure() (want, got string, refusal *trust.Refusal) {
	if m.response, refusal = parse(m.raw); refusal != nil {
		return "", "", refusal
	}
	for _, rule := range shape {
		if refusal := rule(m); refusal != nil {
			return "", "", refusal
		}
	}
	return "one Response with one assertion", m.response.name + " with one " + m.assertion.name, nil
}

// checkSignature verifies each signature that arrived in the clear, and from here on the trees are those that were signed:
// an assertion is read from its own signed bytes, or from those of the Response.
func (m *message) checkSignature() (want, got string, refusal *trust.Refusal) {
	document := etree.NewDocument()
	if err := document.ReadFromBytes(m.raw); err != nil {
		return "", "", trust.Refuse(trust.ReasonNotXML, "well-formed XML", err.Error())
	}
	arrived, at := m.assertion, positionOf(m.response)
	m.readings = []reading{readingIn(arrived)}
	var by []string
	if m.responseSigned {
		signed, certificate, refusal := m.verify(document.Root())
		if refusal != nil {
			return "", "", refusal
		}
		by = append(by, signer(m.response, certificate))
		m.tellCertificate(m.response, certificate)
		m.response = signed
		if m.assertion = positioned(signed, at); m.assertion == nil {
			return "", "", trust.Refuse(trust.ReasonReadingsDisagree, "the assertion in the signed Response", "none")
		}
		m.readings = append(m.readings, readingIn(m.assertion))
	}
	if len(arrived.all(signatureNamespace, "Signature")) > 0 {
		signed, certificate, refusal := m.verify(document.Root().ChildElements()[at])
		if refusal != nil {
			return "", "", refusal
		}
		by = append(by, signer(arrived, certificate))
		m.tellCertificate(arrived, certificate)
		m.assertion = signed
		m.readings = append(m.readings, readingIn(signed))
	}
	if len(by) == 0 {
		return "", "the Response is not signed; the assertion must be, within its encryption", nil
	}
	return "a signature by a certificate of this connection", strings.Join(by, "; "), nil
}

func (m *message) verify(el *etree.Element) (*node, *x509.Certificate, *trust.Refusal) {
	signed, certificate, refusal := verify(el, m.sp.IdP.Certificates, m.now)
	if refusal != nil {
		return nil, nil, refusal
	}
	return treeOf(signed, nil), certificate, nil
}

// positionOf is where the assertion stands in a Response that has one.
func positionOf(response *node) int { return slices.IndexFunc(response.children, isAssertion) }

// positioned is the assertion of a signed Response, which loses one child: the Signature before it.
func positioned(response *node, at int) *node {
	if again := positionOf(response); again == at-1 {
		return response.children[again]
	}
	return nil
}

// signer words who signed what, and how.
func signer(n *node, certificate *x509.Certificate) string {
	method := n.only(signatureNamespace, "Signature").only(signatureNamespace, "SignedInfo").only(signatureNamespace, "SignatureMethod").attribute("Algorithm")
	return fmt.Sprintf("%s by %s of %s", n.name, method[strings.LastIndexByte(method, '#')+1:], SpacedFingerprint(certificate))
}

// checkDecryption opens an encrypted assertion and passes the plaintext through the same guard. Inside a Response that we
// verified, faults are told apart. Around it nobody signed, and so everything up to the inner signature is one refusal:
// otherwise whoever holds a ciphertext could have it decrypted by asking often enough (S-29, S-30).
func (m *message) checkDecryption() (want, got string, refusal *trust.Refusal) {
	if !m.encrypted {
		return "", "not encrypted", nil
	}
	box, refusal := readSealed(m.assertion) // which requireSoundEncryption took apart before, as it arrived
	if refusal != nil {
		return "", "", refusal
	}
	got = box.algorithm + ", " + box.keyedBy
	by, refusal := m.open(box)
	if refusal != nil {
		if !m.responseSigned {
			refusal = refuseSealed()
		}
		return "", "", refusal
	}
	return "an assertion encrypted to one of our certificates", got + by, nil
}

func (m *message) open(box sealed) (by string, refusal *trust.Refusal) {
	plaintext, key, opened := box.open(m.sp.Keys)
	assertion, refusal := parse(plaintext)
	if !opened {
		return "", refuseSealed()
	}
	if refusal != nil {
		return "", refusal
	}
	if refusal := m.refusePlaintext(assertion); refusal != nil {
		return "", refusal
	}
	document := etree.NewDocument()
	if err := document.ReadFromBytes(plaintext); err != nil {
		return "", refuseSealed()
	}
	m.plaintext, m.assertion, m.readings, m.openedBy = plaintext, assertion, []reading{readingIn(assertion)}, Fingerprint(key)
	if len(signatures(assertion)) == 0 {
		return "", nil
	}
	signed, certificate, refusal := m.verify(document.Root())
	if refusal != nil {
		return "", refusal
	}
	m.assertion, m.readings = signed, append(m.readings, readingIn(signed))
	m.tellCertificate(assertion, certificate)
	return "; " + signer(assertion, certificate), nil
}

// refusePlaintext: what was encrypted is one SAML Assertion, no other inside, no ID of the outside again, its signatures
// placed and sound; and signed, where the Response is not (S-29).
func (m *message) refusePlaintext(assertion *node) *trust.Refusal {
	found, outside := 0, map[string]bool{}
	m.response.walk(func(n *node) { outside[n.attribute("ID")] = n.has("ID") })
	again := false
	assertion.walk(func(n *node) {
		if isAssertion(n) {
			found++
		}
		again = again || outside[n.attribute("ID")]
	})
	switch {
	case !assertion.is(assertionNamespace, "Assertion"):
		return trust.Refuse(trust.ReasonStructure, "an encrypted saml:Assertion", assertion.space+" "+assertion.name)
	case found > 1:
		return trust.Refuse(trust.ReasonSeveralAssertions, "one Assertion", "several")
	case again:
		return trust.Refuse(trust.ReasonForbiddenXML, "every ID once", "an ID of the Response in the Assertion")
	}
	if refusal := placed(assertion, assertion); refusal != nil {
		return refusal
	}
	for _, signature := range signatures(assertion) {
		if refusal := sound(signature, m.sp.Allow); refusal != nil {
			return refusal
		}
	}
	if !m.responseSigned && len(signatures(assertion)) == 0 {
		return trust.Refuse(trust.ReasonSignatureMissing, "a signed Assertion within", "no signature")
	}
	return nil
}

// checkStatements: the rules about the assertion that was signed.
func (m *message) checkStatements() (want, got string, refusal *trust.Refusal) {
	for _, rule := range statements {
		if refusal := rule(m); refusal != nil {
			return "", "", refusal
		}
	}
	return "one subject, one audience restriction, one confirmation for the bearer", "one subject, one audience restriction, one confirmation for the bearer", nil
}

// checkReadings: what arrived, what was signed and what crewjam/saml reads say the same (S-17, S-18).
func (m *message) checkReadings() (want, got string, refusal *trust.Refusal) {
	library, err := m.readByLibrary()
	if err != nil {
		return "", "", trust.Refuse(trust.ReasonReadingsDisagree, "a second reading", err.Error())
	}
	for _, other := range append(m.readings, library) {
		if mine := readingIn(m.assertion); other != mine {
			return "", "", trust.Refuse(trust.ReasonReadingsDisagree, fmt.Sprintf("%+v", mine), fmt.Sprintf("%+v", other))
		}
	}
	return "two readers find the same issuer, person, audience and request", "two readers find the same issuer, person, audience and request", nil
}
