package saml

import (
	"fmt"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"github.com/gatehouse-sso/gatehouse/trust"
)

const (
	nameID       = `<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">ada</saml:NameID>`
	method       = ` Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"`
	ends         = `NotOnOrAfter="2026-11-23T12:05:00Z"`
	recipient    = ` Recipient="https://gate.test/saml/con_1/acs"`
	answers      = ` InResponseTo="_request"/>`
	answersOuter = ` InResponseTo="_request">`
	confirmation = `<saml:SubjectConfirmation Method="%s"><saml:SubjectConfirmationData NotOnOrAfter="2026-11-23T12:05:00Z" Recipient="%s" InResponseTo="_request"/></saml:SubjectConfirmation>`
	subjectEnd   = "</saml:SubjectConfirmation>\n    </saml:Subject>"
	restriction  = `<saml:AudienceRestriction><saml:Audience>https://gate.test/saml/con_1/metadata</saml:Audience></saml:AudienceRestriction>`
	statement    = `<saml:AttributeStatement>`
	login        = `<saml:AuthnStatement AuthnInstant="2026-11-23T11:58:00Z"`
)

func TestGuardAssertion(t *testing.T) {
	const version = `ID="_assertion" Version="2.0"`
	const issuer = "<saml:Issuer>https://idp.test/metadata</saml:Issuer>\n    <saml:Subject>"
	check(t, map[string]row{
		"version 1.1":                {reason: trust.ReasonStructure, bad: inside(version, `ID="_assertion" Version="1.1"`), twin: inside()},
		"S32 no ID":                  {reason: trust.ReasonStructure, bad: inside(version, `Version="2.0"`), twin: inside()},
		"S32 no IssueInstant":        {reason: trust.ReasonStructure, bad: inside(` IssueInstant="2026-11-23T12:00:01Z"`, ""), twin: inside()},
		"S20 a foreign part":         {reason: trust.ReasonStructure, bad: inside(statement, element("", "")+statement), twin: inside()},
		"S20 Advice":                 {reason: trust.ReasonStructure, bad: inside(statement, "<saml:Advice/>"+statement), twin: inside()},
		"S20 a foreign NameID":       {reason: trust.ReasonStructure, bad: inside(nameID, nameID+`<NameID xmlns="https://x.test">eve</NameID>`), twin: inside()},
		"S20 a foreign Attribute":    {reason: trust.ReasonStructure, bad: inside(statement, statement+`<Attribute xmlns="https://x.test" Name="email"/>`), twin: inside(statement, statement+`<saml:Attribute Name="x"/>`)},
		"S20 a foreign value":        {reason: trust.ReasonStructure, bad: inside(`<saml:AttributeValue>Ada`, `<v xmlns="https://x.test"/><saml:AttributeValue>Ada`), twin: inside()},
		"S20 an encrypted attribute": {reason: trust.ReasonStructure, bad: inside(statement, statement+`<saml:EncryptedAttribute/>`), twin: inside()},
		"S20 an encrypted id":        {reason: trust.ReasonStructure, bad: inside(nameID, nameID+`<saml:EncryptedID/>`), twin: inside()},
		"S40 an unknown condition":   {reason: trust.ReasonStructure, bad: inside(restriction, restriction+"<saml:Condition/>"), twin: inside(restriction, restriction+"<saml:OneTimeUse/><saml:ProxyRestriction/>")},
		"S32 no Issuer":              {reason: trust.ReasonStructure, bad: inside(issuer, "<saml:Subject>"), twin: inside()},
		"S32 Issuer twice":           {reason: trust.ReasonStructure, bad: inside(issuer, "<saml:Issuer>https://idp.test/metadata</saml:Issuer>"+issuer), twin: inside()},
		"issuer":                     {reason: trust.ReasonIssuer, bad: inside(issuer, strings.Replace(issuer, "idp", "evil", 1)), twin: inside()},
		"S32 no Subject":             {reason: trust.ReasonSubjectMissing, bad: inside("<saml:Subject>", "<saml:AuthzDecisionStatement>", "</saml:Subject>", "</saml:AuthzDecisionStatement>"), twin: inside(statement, "<saml:AuthzDecisionStatement/>"+statement)},
		"S32 Subject twice":          {reason: trust.ReasonSubjectMissing, bad: inside("<saml:Subject>", "<saml:Subject/><saml:Subject>"), twin: inside()},
		"S53 no NameID":              {reason: trust.ReasonSubjectMissing, bad: inside(nameID, ""), twin: inside()},
		"S53 NameID twice":           {reason: trust.ReasonSubjectMissing, bad: inside(nameID, nameID+nameID), twin: inside()},
		"S53 an empty NameID":        {reason: trust.ReasonSubjectMissing, bad: inside(">ada<", "><"), twin: inside(">ada<", ">a<")},
		"S21 elements in the NameID": {reason: trust.ReasonSubjectMissing, bad: inside(">ada<", ">ada<saml:x/>.evil<"), twin: inside(">ada<", ">ada.evil<")},
		"S53 blanks around it":       {reason: trust.ReasonSubjectMissing, bad: inside(">ada<", "> ada<"), twin: inside(">ada<", ">a da<")},
		"S53 257 bytes":              {reason: trust.ReasonSubjectMissing, bad: inside(">ada<", ">"+strings.Repeat("a", 257)+"<"), twin: inside(">ada<", ">"+strings.Repeat("a", 256)+"<")},
		"S40 no Conditions":          {reason: trust.ReasonAudience, bad: inside("<saml:Conditions", "<saml:AuthzDecisionStatement", "</saml:Conditions", "</saml:AuthzDecisionStatement"), twin: inside()},
		"S40 Conditions twice":       {reason: trust.ReasonAudience, bad: inside("<saml:Conditions", "<saml:Conditions/><saml:Conditions"), twin: inside()},
		"S40 no restriction":         {reason: trust.ReasonAudience, bad: inside(restriction, ""), twin: inside()},
		"S40 an empty restriction":   {reason: trust.ReasonAudience, bad: inside("<saml:Audience>"+ourEntity+"</saml:Audience>", ""), twin: inside()},
		"S40 two restrictions":       {reason: trust.ReasonAudience, bad: inside(restriction, restriction+strings.Replace(restriction, "con_1", "con_2", 1)), twin: inside("</saml:Audience>", "</saml:Audience><saml:Audience>https://gate.test/saml/con_2/metadata</saml:Audience>")},
		"S40 another audience":       {reason: trust.ReasonAudience, bad: inside(restriction, strings.Replace(restriction, "con_1", "con_2", 1)), twin: inside("<saml:Audience>", "<saml:Audience>https://gate.test/saml/con_2/metadata</saml:Audience><saml:Audience>")},
		"S40 an audience's prefix":   {reason: trust.ReasonAudience, bad: inside("con_1/metadata</saml:Audience>", "con_1/metadata/</saml:Audience>"), twin: inside()},
		"two AuthnStatements":        {reason: trust.ReasonStructure, bad: inside(login, `<saml:AuthnStatement/>`+login), twin: withoutLogin()},
		"S44 an endless session":     {reason: trust.ReasonStructure, bad: inside(`SessionNotOnOrAfter="2026-11-23T20:00:00Z"`, `SessionNotOnOrAfter="never"`), twin: inside(`SessionNotOnOrAfter="2026-11-23T20:00:00Z"`, "")},
		"S44 a login at some time":   {reason: trust.ReasonStructure, bad: inside(login, strings.Replace(login, "2026-11-23T11:58:00Z", "noon", 1)), twin: inside()},
	})
}

// withoutLogin leaves the AuthnStatement out, as Keycloak may.
func withoutLogin() forgery {
	from, to := strings.Index(goodText, "<saml:AuthnStatement"), strings.Index(goodText, "</saml:AuthnStatement>")+len("</saml:AuthnStatement>")
	return inside(goodText[from:to], "")
}

func TestGuardConfirmation(t *testing.T) {
	const bearerMethod, vouches = "urn:oasis:names:tc:SAML:2.0:cm:bearer", "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"
	second := func(method, recipient string) string { return fmt.Sprintf(confirmation, method, recipient) }
	whole := fmt.Sprintf(confirmation, bearerMethod, ourACS)
	check(t, map[string]row{
		"S41 none":                     {reason: trust.ReasonSubjectConfirmation, bad: inside(whole, ""), twin: inside()},
		"S41 another method":           {reason: trust.ReasonSubjectConfirmation, bad: inside(method, ` Method="`+vouches+`"`), twin: inside(whole, second(vouches, ourACS)+whole)},
		"S32 no data":                  {reason: trust.ReasonSubjectConfirmation, bad: inside(`<saml:SubjectConfirmationData `+ends+recipient+answers, ""), twin: inside()},
		"S32 one without data":         {reason: trust.ReasonSubjectConfirmation, bad: inside(whole, whole+`<saml:SubjectConfirmation Method="`+vouches+`"/>`), twin: inside(whole, whole+second(vouches, ourACS))},
		"S42 another recipient":        {reason: trust.ReasonRecipient, bad: inside(recipient, ` Recipient="https://gate.test/saml/con_2/acs"`), twin: inside()},
		"S42 no recipient":             {reason: trust.ReasonRecipient, bad: inside(recipient, ""), twin: inside()},
		"S41 NotBefore":                {reason: trust.ReasonSubjectConfirmation, bad: inside(ends, ends+` NotBefore="2026-11-23T11:00:00Z"`), twin: inside()},
		"S44 no end":                   {reason: trust.ReasonSubjectConfirmation, bad: inside(ends, ""), twin: inside(ends, ends)},
		"S44 over":                     {reason: trust.ReasonExpired, bad: inside(ends, `NotOnOrAfter="2026-11-23T11:57:00Z"`), twin: inside(ends, `NotOnOrAfter="2026-11-23T11:57:01Z"`)},
		"S44 an end that is no time":   {reason: trust.ReasonExpired, bad: inside(ends, `NotOnOrAfter="later"`), twin: inside(ends, `NotOnOrAfter="2026-11-24T08:00:00Z"`)},
		"S43 another request":          {reason: trust.ReasonInResponseTo, bad: inside(answersOuter, ` InResponseTo="_other">`, answers, ` InResponseTo="_other"/>`), twin: inside()},
		"S43 another, outside alone":   {reason: trust.ReasonInResponseTo, bad: inside(answersOuter, ` InResponseTo="_other">`), twin: inside()},
		"S43 another, inside alone":    {reason: trust.ReasonInResponseTo, bad: inside(answers, ` InResponseTo="_other"/>`), twin: inside()},
		"S43 missing outside":          {reason: trust.ReasonInResponseTo, bad: inside(answersOuter, `>`), twin: inside()},
		"S43 missing inside":           {reason: trust.ReasonInResponseTo, bad: inside(answers, `/>`), twin: inside()},
		"S46 unsolicited, not allowed": {reason: trust.ReasonUnsolicited, bad: inside(answersOuter, `>`, answers, `/>`), twin: inside()},
		"S43 empty, unsolicited allowed": {reason: trust.ReasonInResponseTo, want: Expectation{AllowUnsolicited: true},
			bad: inside(answersOuter, ` InResponseTo="">`, answers, ` InResponseTo=""/>`), twin: inside(answersOuter, `>`, answers, `/>`)},
		"S46 an answer when nothing was asked": {reason: trust.ReasonInResponseTo, want: Expectation{AllowUnsolicited: true},
			bad: inside(), twin: inside(answersOuter, `>`, answers, `/>`)},
		"S46 inside alone names a request": {reason: trust.ReasonInResponseTo, want: Expectation{AllowUnsolicited: true},
			bad: inside(answersOuter, `>`), twin: inside(answersOuter, `>`, answers, `/>`)},
		"S46 unsolicited while another is pending": {reason: trust.ReasonInResponseTo, want: Expectation{RequestID: "_request", AllowUnsolicited: true},
			bad: inside(answersOuter, ` InResponseTo="_other">`), twin: inside(answersOuter, `>`, answers, `/>`)},
	})
}

func TestS46_UnsolicitedIsSaidInTheClaim(t *testing.T) {
	claim, _, refusal := read(t, goodProvider(), inside(answersOuter, `>`, answers, `/>`), Expectation{AllowUnsolicited: true})
	if refusal != nil || !claim.Unsolicited || claim.InResponseTo != "" {
		t.Errorf("%+v, %+v", claim, refusal)
	}
	claim, _, _ = read(t, goodProvider(), inside(), Expectation{RequestID: "_request", AllowUnsolicited: true})
	if claim.Unsolicited || claim.InResponseTo != "_request" {
		t.Errorf("%+v", claim)
	}
}

// The better of two bearer confirmations is the one that counts; the library is stricter, and then we say so.
func TestS41_TheConfirmationThatHoldsCounts(t *testing.T) {
	good := fmt.Sprintf(confirmation, bearer, ourACS)
	for _, worse := range []string{
		strings.Replace(good, ourACS, "https://other.test/acs", 1), strings.Replace(good, "_request", "_other", 1), strings.Replace(good, "12:05", "11:05", 1),
	} {
		m := &message{sp: goodProvider(), want: goodExpectation, now: noon}
		m.response, _ = parse(inside(`<saml:SubjectConfirmation`, worse+`<saml:SubjectConfirmation`).make(t))
		m.assertion = m.response.children[positionOf(m.response)]
		refusal := requireConfirmations(m)
		kept := m.confirmation
		if refusal != nil || kept.attribute("Recipient") != ourACS || kept.attribute("InResponseTo") != "_request" || kept.attribute("NotOnOrAfter") != "2026-11-23T12:05:00Z" {
			t.Errorf("kept %+v, %v", kept, refusal)
		}
	}
}

// The library takes a message by the worst of its confirmations; then we say that it read none.
func TestS41_TheLibraryIsStricter(t *testing.T) {
	other := fmt.Sprintf(confirmation, bearer, "https://other.test/acs")
	_, _, refusal := read(t, goodProvider(), inside(`<saml:SubjectConfirmation`, other+`<saml:SubjectConfirmation`), goodExpectation)
	if refusal == nil || refusal.Reason != trust.ReasonReadingsDisagree || refusal.Want != "a second reading" || !strings.HasPrefix(refusal.Got, "read by the library") {
		t.Errorf("%+v", refusal)
	}
}

// What was signed is read without attributes of any prefix, and without declarations.
func TestS20_TreesHaveOnlyAttributesWithoutPrefix(t *testing.T) {
	el := etree.NewElement("a")
	el.CreateAttr("xmlns", "urn:a")
	el.CreateAttr("xmlns:x", "urn:x")
	el.CreateAttr("x:Recipient", "https://evil.test")
	el.CreateAttr("Version", "2.0")
	if tree := treeOf(el, nil); len(tree.attributes) != 1 || tree.attribute("Version") != "2.0" {
		t.Errorf("%v", tree.attributes)
	}
}

func TestS44_TimesOfTheAssertion(t *testing.T) {
	const issued, from, until = `IssueInstant="2026-11-23T12:00:01Z"`, `NotBefore="2026-11-23T11:59:30Z"`, `NotOnOrAfter="2026-11-23T12:06:00Z"`
	check(t, map[string]row{
		"301 s old":                   {reason: trust.ReasonResponseExpired, bad: inside(issued, `IssueInstant="2026-11-23T11:54:59Z"`), twin: inside(issued, `IssueInstant="2026-11-23T11:55:00Z"`)},
		"181 s ahead":                 {reason: trust.ReasonNotYetValid, bad: inside(issued, `IssueInstant="2026-11-23T12:03:01Z"`), twin: inside(issued, `IssueInstant="2026-11-23T12:03:00Z"`)},
		"another zone":                {reason: trust.ReasonResponseExpired, bad: inside(issued, `IssueInstant="2026-11-23T12:00:01+01:00"`), twin: inside(issued, `IssueInstant="2026-11-23T13:00:01+01:00"`)},
		"not before":                  {reason: trust.ReasonNotYetValid, bad: inside(from, `NotBefore="2026-11-23T12:03:01Z"`), twin: inside(from, `NotBefore="2026-11-23T12:03:00Z"`)},
		"not before a word":           {reason: trust.ReasonNotYetValid, bad: inside(from, `NotBefore="later"`), twin: inside(from, "")},
		"not on or after":             {reason: trust.ReasonExpired, bad: inside(until, `NotOnOrAfter="2026-11-23T11:57:00Z"`), twin: inside(until, `NotOnOrAfter="2026-11-23T11:57:01Z"`)},
		"not after a word":            {reason: trust.ReasonExpired, bad: inside(until, `NotOnOrAfter="later"`), twin: inside(until, `NotOnOrAfter="2026-11-24T08:00:00Z"`)},
		"no end":                      {reason: trust.ReasonStructure, bad: inside(until, ""), twin: inside(from, "")},
		"an old one, renewed outside": {reason: trust.ReasonResponseExpired, bad: forgery{assertion: true, edit: []string{issued, `IssueInstant="2026-11-23T11:50:00Z"`}}, twin: forgery{assertion: true}},
	})
}

func TestTheEarlierEndCounts(t *testing.T) {
	claim, _, _ := read(t, goodProvider(), inside(`NotOnOrAfter="2026-11-23T12:06:00Z"`, `NotOnOrAfter="2026-11-23T12:02:00Z"`), goodExpectation)
	if claim.NotOnOrAfter != noon.Add(2*60e9) {
		t.Error(claim.NotOnOrAfter)
	}
}

// A name left out on our side matches nothing, not even a message that leaves the same out.
func TestAProviderWithoutANameBelievesNobody(t *testing.T) {
	for reason, one := range map[trust.Reason]struct {
		f      forgery
		change func(*ServiceProvider)
	}{
		trust.ReasonAudience:  {inside("<saml:Audience>"+ourEntity, "<saml:Audience>"), func(sp *ServiceProvider) { sp.EntityID = "" }},
		trust.ReasonRecipient: {forgery{assertion: true, edit: []string{` Destination="` + ourACS + `"`, "", recipient, ""}}, func(sp *ServiceProvider) { sp.ACS = "" }},
		trust.ReasonIssuer:    {inside(), func(sp *ServiceProvider) { sp.IdP.EntityID = "" }},
	} {
		sp := goodProvider()
		one.change(&sp)
		if _, _, refusal := read(t, sp, one.f, goodExpectation); refusal == nil || refusal.Reason != reason {
			t.Errorf("got %+v, want %s", refusal, reason)
		}
	}
}

// An admin is told which part is missing, and not merely that something is.
func TestAMissingPartIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		f         forgery
		want, got string
	}{
		"no NameID":               {inside(nameID, ""), "one Subject with one NameID", "none, or several"},
		"an empty NameID":         {inside(">ada<", "><"), "a NameID of 1 to 256 bytes, text alone, without blanks around it", `""`},
		"a status without a word": {inside("status:Success", "status:Responder"), statusSuccess, "urn:oasis:names:tc:SAML:2.0:status:Responder"},
		"a status with one": {inside("status:Success\"/>", "status:Responder\"/><samlp:StatusMessage>not assigned</samlp:StatusMessage>"),
			statusSuccess, "urn:oasis:names:tc:SAML:2.0:status:Responder: not assigned"},
	} {
		if _, _, refusal := read(t, goodProvider(), c.f, goodExpectation); refusal == nil || refusal.Want != c.want || refusal.Got != c.got {
			t.Errorf("%s: %+v", name, refusal)
		}
	}
}
