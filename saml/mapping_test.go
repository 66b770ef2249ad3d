package saml

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/trust"
)

func attribute(name string, values ...string) string {
	text := `<saml:Attribute Name="` + name + `">`
	for _, value := range values {
		text += "<saml:AttributeValue>" + value + "</saml:AttributeValue>"
	}
	return text + "</saml:Attribute>"
}

// saying replaces what goodText says of Ada.
func saying(attributes ...string) forgery {
	from, to := strings.Index(goodText, statement), strings.Index(goodText, "</saml:AttributeStatement>")+len("</saml:AttributeStatement>")
	return inside(goodText[from:to], statement+strings.Join(attributes, "")+"</saml:AttributeStatement>")
}

func TestMappingFindsWhatIdentityProvidersSend(t *testing.T) {
	for name, row := range map[string]struct {
		mapping Mapping
		forgery
		want trust.Claim // of what is mapped
	}{
		"nothing": {Mapping{}, saying(attribute("uid", "x")), trust.Claim{}},
		"Keycloak, Shibboleth": {Mapping{}, saying(attribute("urn:oid:0.9.2342.19200300.100.1.3", "a@a.test"), attribute("urn:oid:2.5.4.42", "Ada"), attribute("urn:oid:2.5.4.4", "Lovelace"), attribute("Role", "x"), attribute("Role", "y")),
			trust.Claim{Email: "a@a.test", EmailValues: 1, GivenName: "Ada", FamilyName: "Lovelace", Attributes: map[string][]string{"groups": {"x", "y"}}}},
		"Entra": {Mapping{}, saying(attribute("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "a@a.test"), attribute("http://schemas.microsoft.com/identity/claims/displayname", "Ada L")),
			trust.Claim{Email: "a@a.test", EmailValues: 1, Name: "Ada L"}},
		"several addresses":               {Mapping{}, saying(attribute("mail", "a@a.test", "b@a.test")), trust.Claim{Email: "a@a.test", EmailValues: 2}},
		"S58 mapped by Name":              {Mapping{Email: "work"}, saying(attribute("mail", "b@a.test"), attribute("work", "a@a.test")), trust.Claim{Email: "a@a.test", EmailValues: 1}},
		"S58 by nothing else":             {Mapping{Email: "work"}, saying(attribute("Work", "a@a.test"), `<saml:Attribute Name="x" FriendlyName="work"><saml:AttributeValue>b@a.test</saml:AttributeValue></saml:Attribute>`), trust.Claim{}},
		"blanks around":                   {Mapping{Name: "n"}, saying(attribute("email", "\n a@a.test\t"), attribute("n", " Ada "), attribute("sn", "  ")), trust.Claim{Email: "a@a.test", EmailValues: 1, Name: "Ada"}},
		"groups, own":                     {Mapping{Groups: "teams", Own: map[string]string{"department": "dep", "none": "x"}}, saying(attribute("teams", "a", "b"), attribute("groups", "c"), attribute("dep", "R&amp;D")), trust.Claim{Attributes: map[string][]string{"groups": {"a", "b"}, "department": {"R&D"}}}},
		"roles, as Entra has them":        {Mapping{}, saying(attribute("http://schemas.microsoft.com/ws/2008/06/identity/claims/role", "gatehouse:OrgManager")), trust.Claim{Attributes: map[string][]string{"roles": {"gatehouse:OrgManager"}}}},
		"roles, mapped":                   {Mapping{Roles: "duties"}, saying(attribute("duties", "a", "b"), attribute("roles", "c")), trust.Claim{Attributes: map[string][]string{"roles": {"a", "b"}}}},
		"D15 roles by no other attribute": {Mapping{}, saying(attribute("title", "gatehouse:OrgOwner"), attribute("Roles", "gatehouse:OrgOwner")), trust.Claim{}},
		"a value that nests":              {Mapping{Own: map[string]string{"eptid": "urn:oid:1.3.6.1.4.1.5923.1.1.1.10"}}, saying(attribute("urn:oid:1.3.6.1.4.1.5923.1.1.1.10", "<saml:NameID>abc</saml:NameID>")), trust.Claim{Attributes: map[string][]string{"eptid": {"abc"}}}},
		"S61 a long name":                 {Mapping{}, saying(attribute("displayName", strings.Repeat("a", 300)+"\x7f")), trust.Claim{Name: strings.Repeat("a", 256)}},
		"two statements":                  {Mapping{}, inside(statement, statement+attribute("mail", "a@a.test")+"</saml:AttributeStatement>"+statement), trust.Claim{Email: "Ada@a.test", EmailValues: 1, Name: "Ada Lovelace", Attributes: map[string][]string{"groups": {"engineers", "owners"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			sp := goodProvider()
			sp.Mapping = row.mapping
			claim, _, refusal := Read(sp, row.make(t), goodExpectation, noon)
			if refusal != nil {
				t.Fatalf("%+v", refusal)
			}
			got := trust.Claim{Email: claim.Email, EmailValues: claim.EmailValues, Name: claim.Name, GivenName: claim.GivenName, FamilyName: claim.FamilyName, Attributes: maps.Clone(claim.Attributes)}
			if len(got.Attributes) == 0 {
				got.Attributes = nil
			}
			if !reflect.DeepEqual(got, row.want) {
				t.Errorf("got  %+v\nwant %+v", got, row.want)
			}
		})
	}
}

func TestMappingTheNameID(t *testing.T) {
	address := []string{nameID, `<saml:NameID Format="` + emailFormat + `">ada@a.test</saml:NameID>`}
	for name, row := range map[string]struct {
		email, want string
		f           forgery
	}{
		"by its format":                {"", "ada@a.test", inside(address...)},
		"by the mapping":               {FromNameID, "ada", inside()},
		"not where one is mapped":      {"email", "Ada@a.test", inside(address...)},
		"not in an unspecified format": {"", "Ada@a.test", inside(nameID, `<saml:NameID>ada@a.test</saml:NameID>`)},
	} {
		sp := goodProvider()
		sp.Mapping.Email = row.email
		if claim, _, refusal := Read(sp, row.f.make(t), goodExpectation, noon); refusal != nil || claim.Email != row.want || claim.EmailValues != 1 {
			t.Errorf("%s: %q, %+v", name, claim.Email, refusal)
		}
	}
}

func TestS53_TheSubjectIsByteExact(t *testing.T) {
	sp := goodProvider()
	sp.Mapping.Subject = "uid"
	uid := func(values ...string) forgery { return inside(statement, statement+attribute("uid", values...)) }
	check(t, map[string]row{
		"no value":   {reason: trust.ReasonSubjectMissing, bad: inside(), twin: uid("x"), change: func(sp *ServiceProvider) { sp.Mapping.Subject = "uid" }},
		"two values": {reason: trust.ReasonSubjectMissing, bad: uid("x", "y"), twin: uid("x"), change: func(sp *ServiceProvider) { sp.Mapping.Subject = "uid" }},
		"two Names":  {reason: trust.ReasonStructure, bad: inside(statement, statement+attribute("given", "x", "y")), twin: inside(statement, statement+attribute("given", "x")), change: func(sp *ServiceProvider) { sp.Mapping.GivenName = "given" }},
	})
	transient := []string{"nameid-format:persistent", "nameid-format:transient"}
	if claim, _, _ := Read(sp, inside(append(transient, statement, statement+attribute("uid", "Ада 1"))...).make(t), goodExpectation, noon); claim.Subject != "Ада 1" || claim.SubjectTransient {
		t.Errorf("by attribute: %+v", claim)
	}
	sp.Mapping.Subject = FromNameID
	claim, _, _ := Read(sp, inside(transient...).make(t), goodExpectation, noon)
	claim.ConnectionID = "con_1"
	if _, refusal := trust.Decide(policyFor(sp), claim, noon); refusal == nil || refusal.Reason != trust.ReasonSubjectTransient {
		t.Errorf("transient: %+v", refusal)
	}
}
