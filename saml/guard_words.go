package saml

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// What a message says, compared with what we expect. Each of these is one step that the admin sees: want, got, verdict.

// checkIssuer: both Issuers are the connection's; the Response may leave its own out (saml-core 3.2.2). A connection without a name
// matches none: requireOneIssuer sees to that already, and this is its second lock.
func (m *message) checkIssuer() (want, got string, refusal *trust.Refusal) {
	want, got = m.sp.IdP.EntityID, m.assertion.only(assertionNamespace, "Issuer").value()
	for _, issuer := range append(m.response.all(assertionNamespace, "Issuer"), m.assertion.only(assertionNamespace, "Issuer")) {
		if want == "" || issuer.value() != want {
			return want, got, trust.Refuse(trust.ReasonIssuer, want, issuer.value())
		}
	}
	return want, got, nil
}

// checkDestination: our ACS, where it is said, and it is said where the Response is signed (saml-bindings 3.5.5.2, S-42).
func (m *message) checkDestination() (want, got string, refusal *trust.Refusal) {
	want, got = m.sp.ACS, m.response.attribute("Destination")
	if got != want && (m.responseSigned || m.response.has("Destination")) {
		return want, got, trust.Refuse(trust.ReasonDestination, want, got)
	}
	return want, got, nil
}

// checkRecipient: whoever bears the assertion may present it here, and now rather than later (saml-profiles 4.1.4.2, S-42).
func (m *message) checkRecipient() (want, got string, refusal *trust.Refusal) {
	return m.sp.ACS, m.confirmation.attribute("Recipient"), confirmsRecipient(m, m.confirmation)
}

func confirmsRecipient(m *message, data *node) *trust.Refusal {
	if got := data.attribute("Recipient"); m.sp.ACS == "" || got != m.sp.ACS {
		return trust.Refuse(trust.ReasonRecipient, m.sp.ACS, got)
	}
	if data.has("NotBefore") {
		return trust.Refuse(trust.ReasonSubjectConfirmation, "no NotBefore in SubjectConfirmationData", data.attribute("NotBefore"))
	}
	return nil
}

// checkInResponseTo: Response and confirmation both name the one pending login's request; or neither names any, where the
// connection takes unsolicited responses (S-43, S-46).
func (m *message) checkInResponseTo() (want, got string, refusal *trust.Refusal) {
	want, got = m.want.RequestID, m.response.attribute("InResponseTo")
	if m.unsolicited = !m.response.has("InResponseTo") && !m.confirmation.has("InResponseTo"); m.unsolicited {
		if !m.want.AllowUnsolicited {
			return want, "none", trust.Refuse(trust.ReasonUnsolicited, want, "no InResponseTo")
		}
		return "none, or the pending login's", "none", nil
	}
	if want == "" || got != want {
		return want, got, trust.Refuse(trust.ReasonInResponseTo, want, got)
	}
	return want, got, confirmsRequest(m, m.confirmation)
}

func confirmsRequest(m *message, data *node) *trust.Refusal {
	if got := data.attribute("InResponseTo"); got != m.response.attribute("InResponseTo") {
		return trust.Refuse(trust.ReasonInResponseTo, m.want.RequestID, got)
	}
	return nil
}

// confirms reports why a confirmation would not do.
func (m *message) confirms(data *node) *trust.Refusal {
	for _, confirm := range []func(*message, *node) *trust.Refusal{confirmsRecipient, confirmsRequest, confirmsTime} {
		if refusal := confirm(m, data); refusal != nil {
			return refusal
		}
	}
	return nil
}

// checkAudience: our entity ID is among the audiences (S-40). Several are valid; Casdoor sends them.
func (m *message) checkAudience() (want, got string, refusal *trust.Refusal) {
	audiences := m.audiences()
	want, got = m.sp.EntityID, strings.Join(audiences, ", ")
	if want == "" || !slices.Contains(audiences, want) {
		return want, got, trust.Refuse(trust.ReasonAudience, want, got)
	}
	return want, got, nil
}

// checkTimes: issued lately, not in the future, and valid now (S-44). A response that is not signed may say of its own time
// what it likes, so the assertion's counts as well.
func (m *message) checkTimes() (want, got string, refusal *trust.Refusal) {
	want = "issued within 5 minutes of " + stamp(m.now)
	for _, issued := range []*node{m.assertion, m.response} {
		at, _ := instant(issued.attribute("IssueInstant")) // it is one: requireHeader
		got = stamp(at) + ", " + drift(m.now.Sub(at))
		switch age := m.now.Sub(at); {
		case age > trust.MaxAge:
			return want, got, trust.Refuse(trust.ReasonResponseExpired, want, got)
		case age < -trust.Skew:
			return want, got, trust.Refuse(trust.ReasonNotYetValid, want, got)
		}
	}
	if refusal := confirmsTime(m, m.confirmation); refusal != nil {
		return want, got, refusal
	}
	if until, err := instant(m.confirmation.attribute("NotOnOrAfter")); err == nil {
		got += "; valid until " + stamp(until)
	}
	return want, got, m.within(m.assertion.only(assertionNamespace, "Conditions"))
}

// confirmsTime: a confirmation ends, and not before now.
func confirmsTime(m *message, data *node) *trust.Refusal {
	if !data.has("NotOnOrAfter") {
		return trust.Refuse(trust.ReasonSubjectConfirmation, "NotOnOrAfter in SubjectConfirmationData", "none")
	}
	return m.within(data)
}

// within: now is inside the NotBefore and NotOnOrAfter of an element, where it has them, give or take the skew.
func (m *message) within(n *node) *trust.Refusal {
	if n.has("NotBefore") {
		from, err := instant(n.attribute("NotBefore"))
		if err != nil || from.After(m.now.Add(trust.Skew)) {
			return trust.Refuse(trust.ReasonNotYetValid, "valid at "+stamp(m.now), n.name+" not before "+n.attribute("NotBefore"))
		}
	}
	if n.has("NotOnOrAfter") {
		until, _ := instant(n.attribute("NotOnOrAfter")) // what is no time is long over
		if !until.After(m.now.Add(-trust.Skew)) {
			return trust.Refuse(trust.ReasonExpired, "valid at "+stamp(m.now), n.name+" not on or after "+n.attribute("NotOnOrAfter"))
		}
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// drift says how far the other clock, and the way here, are from ours.
func drift(age time.Duration) string {
	if age < 0 {
		return fmt.Sprintf("%.0f s ahead of our clock", -age.Seconds())
	}
	return fmt.Sprintf("%.0f s before it arrived", age.Seconds())
}

// audiences returns what the one AudienceRestriction names.
func (m *message) audiences() []string {
	var names []string
	restriction := m.assertion.only(assertionNamespace, "Conditions").only(assertionNamespace, "AudienceRestriction")
	for _, audience := range restriction.all(assertionNamespace, "Audience") {
		names = append(names, audience.value())
	}
	return names
}
