package saml

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// FromNameID as a mapping's Subject or Email means the NameID itself.
const FromNameID = "nameid"

// Mapping says which attribute means what, by exact Name (S-58). An empty name means the defaults below; an empty Subject
// means the NameID. Own maps names of the admin's choice to attribute Names.
type Mapping struct {
	Subject                            string
	Email, Name, GivenName, FamilyName string
	Groups, Roles                      string
	Own                                map[string]string
}

// The Names under which identity providers are known to send what nobody mapped, the first that is present counts: OIDs of
// the standard attributes (Shibboleth, Keycloak), plain names (Okta, Google, JumpCloud, SimpleSAMLphp), WS-Federation claims
// (Entra, AD FS, Auth0) and OneLogin's own.
var (
	emailNames = []string{"urn:oid:0.9.2342.19200300.100.1.3", "email", "mail", "Email", "emailAddress", "User.email",
		"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"}
	displayNames = []string{"urn:oid:2.16.840.1.113730.3.1.241", "displayName", "name", "http://schemas.microsoft.com/identity/claims/displayname",
		"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"}
	givenNames = []string{"urn:oid:2.5.4.42", "givenName", "firstName", "FirstName", "User.FirstName",
		"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname"}
	familyNames = []string{"urn:oid:2.5.4.4", "sn", "surname", "lastName", "LastName", "User.LastName",
		"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname"}
	roleNames  = []string{"gatehouse", "roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"}
	groupNames = []string{"groups", "memberOf", "Role", "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"}
)

const emailFormat = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"

// readSubject fills in who the message is about and everything that Decide judges.
func (m *message) readSubject() (want, got string, refusal *trust.Refusal) {
	id := m.assertion.only(assertionNamespace, "Subject").only(assertionNamespace, "NameID")
	m.claim = trust.Claim{
		OpenedBy: m.openedBy,
		Protocol: "saml", Issuer: m.assertion.only(assertionNamespace, "Issuer").value(), Audience: m.audiences(),
		Recipient: m.confirmation.attribute("Recipient"), Destination: m.response.attribute("Destination"),
		InResponseTo: m.confirmation.attribute("InResponseTo"), Unsolicited: m.unsolicited,
		AssertionID: m.assertion.attribute("ID"), ResponseID: m.response.attribute("ID"),
		Subject: id.value(), SubjectFormat: id.attribute("Format"), Named: namedBy(id),
	}
	if source := m.sp.Mapping.Subject; source != "" && source != FromNameID {
		values := m.attributes()[source]
		if len(values) != 1 {
			return "", "", trust.Refuse(trust.ReasonSubjectMissing, "one value of "+source, fmt.Sprintf("%d values", len(values)))
		}
		m.claim.Subject, m.claim.SubjectFormat = values[0], ""
	}
	m.claim.SubjectTransient = strings.HasSuffix(m.claim.SubjectFormat, ":transient")
	m.readMoments()
	m.tellFormat()
	m.tellMapped()
	return "a subject", m.claim.Subject, nil
}

// readMoments fills in the times; those that are there have been read before. Of two ends the earlier counts.
func (m *message) readMoments() {
	conditions := m.assertion.only(assertionNamespace, "Conditions")
	login := m.assertion.only(assertionNamespace, "AuthnStatement")
	m.claim.IssuedAt, _ = instant(m.assertion.attribute("IssueInstant"))
	m.claim.NotBefore, _ = instant(conditions.attribute("NotBefore"))
	m.claim.NotOnOrAfter, _ = instant(m.confirmation.attribute("NotOnOrAfter"))
	if until, err := instant(conditions.attribute("NotOnOrAfter")); err == nil && until.Before(m.claim.NotOnOrAfter) {
		m.claim.NotOnOrAfter = until
	}
	m.claim.AuthnAt, _ = instant(login.attribute("AuthnInstant"))
	m.claim.SessionNotOnOrAfter, _ = instant(login.attribute("SessionNotOnOrAfter"))
	m.claim.SessionIndex = login.attribute("SessionIndex")
	m.claim.AuthnContext = login.only(assertionNamespace, "AuthnContext").only(assertionNamespace, "AuthnContextClassRef").value()
}

// readAttributes maps what the message says of the person. One that is mapped to a single thing may have one value only; the
// email address is left for Decide to refuse.
func (m *message) readAttributes() (want, got string, refusal *trust.Refusal) {
	mapping, values := m.sp.Mapping, m.attributes()
	m.readEmail(values)
	for _, single := range []struct {
		into   *string
		mapped string
		names  []string
	}{
		{&m.claim.Name, mapping.Name, displayNames}, {&m.claim.GivenName, mapping.GivenName, givenNames}, {&m.claim.FamilyName, mapping.FamilyName, familyNames},
	} {
		found := first(values, single.mapped, single.names)
		if single.mapped != "" && len(found) > 1 {
			return "", "", trust.Refuse(trust.ReasonStructure, "one value of "+single.mapped, fmt.Sprintf("%d values", len(found)))
		}
		if len(found) > 0 {
			*single.into = trust.Printable(strings.TrimSpace(found[0]))
		}
	}
	m.claim.Attributes = map[string][]string{}
	for own, name := range mapping.Own {
		if found := values[name]; len(found) > 0 {
			m.claim.Attributes[own] = found
		}
	}
	if groups := first(values, mapping.Groups, groupNames); len(groups) > 0 {
		m.claim.Attributes["groups"] = groups
	}
	if roles := first(values, mapping.Roles, roleNames); len(roles) > 0 {
		m.claim.Attributes["roles"] = roles
	}
	return "", strings.Join(slices.Sorted(maps.Keys(values)), ", "), nil
}

// readEmail: the mapped attribute; else the NameID where its format says that it is an address; else the well-known names.
func (m *message) readEmail(values map[string][]string) {
	mapped := m.sp.Mapping.Email
	id := m.assertion.only(assertionNamespace, "Subject").only(assertionNamespace, "NameID")
	if mapped == FromNameID || mapped == "" && id.attribute("Format") == emailFormat {
		m.claim.Email, m.claim.EmailValues = id.value(), 1
		return
	}
	if found := first(values, mapped, emailNames); len(found) > 0 {
		m.claim.Email, m.claim.EmailValues = strings.TrimSpace(found[0]), len(found)
	}
}

// first returns the values of the mapped Name, or where none is mapped of the first default that is present.
func first(values map[string][]string, mapped string, defaults []string) []string {
	if mapped != "" {
		return values[mapped]
	}
	for _, name := range defaults {
		if found := values[name]; len(found) > 0 {
			return found
		}
	}
	return nil
}

// attributes collects the values by exact Name; a Name that comes twice has the values of both (Keycloak repeats Role). An
// empty value says nothing. A NameID within a value (eduPersonTargetedID) counts as its text.
func (m *message) attributes() map[string][]string {
	values := map[string][]string{}
	for _, statement := range m.assertion.all(assertionNamespace, "AttributeStatement") {
		for _, attribute := range statement.children {
			name := attribute.attribute("Name")
			for _, value := range attribute.children {
				text := value.value()
				if id := value.only(assertionNamespace, "NameID"); id != nil && len(value.children) == 1 {
					text = id.value()
				}
				if strings.TrimSpace(text) != "" && name != "" {
					values[name] = append(values[name], text)
				}
			}
		}
	}
	return values
}
