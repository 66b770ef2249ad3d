package saml

import (
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// What a step of a reading tells beside its own verdict, for the admin who reads how a login went.

// tell adds a line behind the step that is being taken.
func (m *message) tell(name, verdict, want, got string) {
	m.also = append(m.also, Step{name, verdict, trust.Printable(want), trust.Printable(got)})
}

// tellCertificate says by which certificate one signature was found good.
func (m *message) tellCertificate(signed *node, certificate *x509.Certificate) {
	m.tell("certificate", Passed, "a certificate of this connection, valid on that day", fmt.Sprintf("%s signed by %s, SHA-256 %s, valid until %s",
		signed.name, shown(certificate.Subject.String()), SpacedFingerprint(certificate), certificate.NotAfter.UTC().Format(time.DateOnly)))
}

// tellFormat says how the identity provider calls the NameID.
func (m *message) tellFormat() {
	format := m.claim.SubjectFormat
	if format == "" {
		format = "none is said, which counts as unspecified"
	}
	m.tell("name_id_format", Passed, "a format that lasts", format)
}

// tellMapped says of every value that the connection looks for whether it came.
func (m *message) tellMapped() {
	mapping, values := m.sp.Mapping, m.attributes()
	for _, field := range []struct {
		name, mapped string
		usual        []string
	}{
		{"email", mapping.Email, emailNames}, {"name", mapping.Name, displayNames}, {"given_name", mapping.GivenName, givenNames},
		{"family_name", mapping.FamilyName, familyNames}, {"groups", mapping.Groups, groupNames}, {"roles", mapping.Roles, roleNames},
	} {
		id := m.assertion.only(assertionNamespace, "Subject").only(assertionNamespace, "NameID")
		if field.name == "email" && (field.mapped == FromNameID || field.mapped == "" && id.attribute("Format") == emailFormat) {
			m.tell("attribute:email", Passed, "the NameID", "1 value, from the NameID")
			continue
		}
		m.tellArrived("attribute:"+field.name, field.mapped, field.usual, values, field.name == "groups" || field.name == "roles")
	}
	for _, own := range slices.Sorted(maps.Keys(mapping.Own)) {
		m.tellArrived("attribute:own:"+own, mapping.Own[own], nil, values, true)
	}
}

func (m *message) tellArrived(name, mapped string, usual []string, values map[string][]string, several bool) {
	wanted := mapped
	from := mapped
	if mapped == "" {
		wanted = "one of the usual names"
		for _, at := range usual {
			if len(values[at]) > 0 {
				from = at
				break
			}
		}
	}
	switch count := len(values[from]); {
	case count == 0:
		m.tell(name, Noted, wanted, "nothing")
	case count == 1:
		m.tell(name, Passed, wanted, "1 value, from "+from)
	case several:
		m.tell(name, Passed, wanted, fmt.Sprintf("%d values, from %s", count, from))
	default:
		m.tell(name, Noted, wanted, fmt.Sprintf("%d values, from %s", count, from))
	}
}
