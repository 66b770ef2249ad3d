package saml

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// row is one rule: a message that breaks it, and its honest twin, which differs as little as can be and must be believed.
type row struct {
	reason    trust.Reason
	bad, twin forgery
	change    func(*ServiceProvider) // of our side, for both
	want      Expectation            // goodExpectation when zero
}

func check(t *testing.T, rows map[string]row) {
	t.Helper()
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sp := goodProvider()
			if row.change != nil {
				row.change(&sp)
			}
			if row.want == (Expectation{}) {
				row.want = goodExpectation
			}
			claim, steps, refusal := read(t, sp, row.bad, row.want)
			if refusal == nil || refusal.Reason != row.reason || claim.Subject != "" {
				t.Errorf("got %+v (want %q, got %q), want %s", refusal, word(refusal, true), word(refusal, false), row.reason)
			}
			if refusal != nil && steps[len(steps)-1].Verdict != Refused {
				t.Errorf("the last step does not refuse: %+v", steps)
			}
			if _, _, refusal := read(t, sp, row.twin, row.want); refusal != nil {
				t.Errorf("the honest twin was refused: %v (want %q, got %q)", refusal, refusal.Want, refusal.Got)
			}
		})
	}
}

func word(r *trust.Refusal, want bool) string {
	switch {
	case r == nil:
		return ""
	case want:
		return r.Want
	}
	return r.Got
}

// outside edits what no signature covers: the Response around a signed Assertion.
func outside(pairs ...string) forgery { return forgery{assertion: true, afterwards: pairs} }

// inside edits before the whole Response is signed, as an identity provider that means it.
func inside(pairs ...string) forgery { return forgery{response: true, edit: pairs} }

const (
	status       = `<samlp:Status>`
	extended     = `<samlp:Extensions>%s</samlp:Extensions><samlp:Status>`
	x            = `<x:y xmlns:x="https://x.test/ns"%s>%s</x:y>`
	responseOpen = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"`
)

// extending puts something into the Response's Extensions, where anything may stand.
func extending(text string) forgery { return outside(status, fmt.Sprintf(extended, text)) }

func element(attributes, content string) string { return fmt.Sprintf(x, attributes, content) }

func TestGuardTokens(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }
	many := func(n int) string { return strings.Repeat("<a/>", n) }
	attributes := func(n int) string {
		text := ""
		for i := range n {
			text += fmt.Sprintf(` a%d=""`, i)
		}
		return text
	}
	present := 0
	message, _ := parse(extending("").make(t))
	message.walk(func(*node) { present++ })
	check(t, map[string]row{
		"S36 not UTF-8":                 {reason: trust.ReasonNotXML, bad: extending(element("", "\xff")), twin: extending(element("", "ÿ"))},
		"S36 NUL":                       {reason: trust.ReasonNotXML, bad: extending(element("", "\x00")), twin: extending(element("", "\t"))},
		"S36 not UTF-8, declared":       {reason: trust.ReasonNotXML, bad: outside("<samlp:Response", "<?xml version=\"1.0\" x=\"\xff\"?><samlp:Response"), twin: outside("<samlp:Response", "<?xml version=\"1.0\" standalone=\"yes\"?><samlp:Response")},
		"S36 NUL, declared":             {reason: trust.ReasonNotXML, bad: outside("<samlp:Response", "<?xml version=\"1.0\" x=\"\x00\"?><samlp:Response"), twin: outside("<samlp:Response", "<?xml version=\"1.0\" standalone=\"no\"?><samlp:Response")},
		"S36 UTF-16 declared":           {reason: trust.ReasonNotXML, bad: outside("<samlp:Response", `<?xml version="1.0" encoding="UTF-16"?><samlp:Response`), twin: outside("<samlp:Response", `<?xml version="1.0" encoding="UTF-8"?><samlp:Response`)},
		"S36 a second root":             {reason: trust.ReasonNotXML, bad: outside("</samlp:Response>", "</samlp:Response><x/>"), twin: outside("</samlp:Response>", "</samlp:Response>\n")},
		"S36 text after the root":       {reason: trust.ReasonNotXML, bad: outside("</samlp:Response>", "</samlp:Response>x"), twin: outside("</samlp:Response>", "</samlp:Response> ")},
		"S36 text before the root":      {reason: trust.ReasonNotXML, bad: outside("<samlp:Response", "x<samlp:Response"), twin: outside("<samlp:Response", "\n<samlp:Response")},
		"S36 no end":                    {reason: trust.ReasonNotXML, bad: outside("</samlp:Response>", ""), twin: outside("</samlp:Response>", "</samlp:Response>")},
		"S36 crossed tags":              {reason: trust.ReasonNotXML, bad: extending("<a><b></a></b>"), twin: extending("<a><b></b></a>")},
		"S36 an end tag too many":       {reason: trust.ReasonNotXML, bad: extending("<a></b></a>"), twin: extending("<a><b></b></a>")},
		"S36 end tag by another prefix": {reason: trust.ReasonNotXML, bad: extending(`<x:a xmlns:x="https://x.test" xmlns:y="https://x.test"></y:a>`), twin: extending(`<x:a xmlns:x="https://x.test" xmlns:y="https://x.test"></x:a>`)},
		"S17 CDATA":                     {reason: trust.ReasonForbiddenXML, bad: extending(element("", "<![CDATA[x]]>")), twin: extending(element("", "&lt;x]]&gt;"))},
		"S17 two colons":                {reason: trust.ReasonNotXML, bad: extending(`<samlp:a:b/>`), twin: extending(`<samlp:a.b/>`)},
		"S17 a digit first":             {reason: trust.ReasonNotXML, bad: extending(`<samlp:0a/>`), twin: extending(`<samlp:a0/>`)},
		"S17 an attribute's digit":      {reason: trust.ReasonNotXML, bad: extending(`<a xmlns:0="https://x.test"/>`), twin: extending(`<a xmlns:_0="https://x.test"/>`)},
		"S17 a colon first":             {reason: trust.ReasonNotXML, bad: extending(`<:a/>`), twin: extending(`<a/>`)},
		"S17 an attribute's colon":      {reason: trust.ReasonNotXML, bad: extending(`<a :b=""/>`), twin: extending(`<a b=""/>`)},
		"S33 DOCTYPE":                   {reason: trust.ReasonForbiddenXML, bad: outside("<samlp:Response", `<!DOCTYPE x [<!ENTITY e "v">]><samlp:Response`), twin: outside("<samlp:Response", " <samlp:Response")},
		"S33 entity":                    {reason: trust.ReasonNotXML, bad: extending(element("", "&e;")), twin: extending(element("", "&amp;"))},
		"S21 comment":                   {reason: trust.ReasonForbiddenXML, bad: extending(element("", "a<!-- -->b")), twin: extending(element("", "ab"))},
		"S21 comment after the root":    {reason: trust.ReasonForbiddenXML, bad: outside("</samlp:Response>", "</samlp:Response><!-- -->"), twin: outside("</samlp:Response>", "</samlp:Response> ")},
		"S22 processing instruction":    {reason: trust.ReasonForbiddenXML, bad: extending(element("", "<?x y?>")), twin: extending(element("", ""))},
		"S22 a late declaration":        {reason: trust.ReasonForbiddenXML, bad: extending(`<?xml version="1.0"?>`), twin: outside("<samlp:Response", `<?xml version="1.0"?><samlp:Response`)},

		"S34 33 deep":             {reason: trust.ReasonTooLarge, bad: extending(deep(31)), twin: extending(deep(30))},
		"S34 901 elements":        {reason: trust.ReasonTooLarge, bad: extending(many(901 - present)), twin: extending(many(900 - present))},
		"S34 41 attributes":       {reason: trust.ReasonTooLarge, bad: extending("<a" + attributes(41) + "/>"), twin: extending("<a" + attributes(40) + "/>")},
		"S34 a text of 8 KiB":     {reason: trust.ReasonTooLarge, bad: extending(element("", strings.Repeat("a", 8193))), twin: extending(element("", strings.Repeat("a", 8192)))},
		"S34 a text in pieces":    {reason: trust.ReasonTooLarge, bad: extending(element("", strings.Repeat("a", 8192)+"<b/>a")), twin: extending(element("", strings.Repeat("a", 8191)+"<b/>a"))},
		"S34 an attribute of 8 K": {reason: trust.ReasonTooLarge, bad: extending(element(` a="`+strings.Repeat("a", 8193)+`"`, "")), twin: extending(element(` a="`+strings.Repeat("a", 8192)+`"`, ""))},
		"S34 256 KiB":             {reason: trust.ReasonTooLarge, bad: outside("</samlp:Response>", "</samlp:Response>"+strings.Repeat(" ", maxBytes)), twin: outside("</samlp:Response>", "</samlp:Response>"+strings.Repeat(" ", maxBytes-8<<10))},

		"S20 attribute twice":              {reason: trust.ReasonForbiddenXML, bad: extending(element(` a="1" a="2"`, "")), twin: extending(element(` a="1" b="2"`, ""))},
		"S20 attribute twice by namespace": {reason: trust.ReasonForbiddenXML, bad: extending(element(` xmlns:z="https://x.test/ns" x:a="1" z:a="2"`, "")), twin: extending(element(` xmlns:z="https://z.test/ns" x:a="1" z:a="2"`, ""))},
		"S20 prefix declared twice":        {reason: trust.ReasonForbiddenXML, bad: extending(element(` xmlns:z="https://x.test/1" xmlns:z="https://x.test/2"`, "")), twin: extending(element(` xmlns:z="https://x.test/1" xmlns:w="https://x.test/2"`, ""))},
		"S20 prefixed ID":                  {reason: trust.ReasonForbiddenXML, bad: extending(element(` x:ID="_x"`, "")), twin: extending(element(` ID="_x"`, ""))},
		"S20 prefixed Destination":         {reason: trust.ReasonForbiddenXML, bad: outside(responseOpen, responseOpen+` samlp:Destination="https://evil.test"`), twin: outside(responseOpen, responseOpen+` samlp:Consent="x"`)},
		"S03 ID twice":                     {reason: trust.ReasonForbiddenXML, bad: extending(element(` ID="_assertion"`, "")), twin: extending(element(` ID="_assertion2"`, ""))},
		"S03 ID twice by Id":               {reason: trust.ReasonForbiddenXML, bad: extending(element(` Id="_assertion"`, "")), twin: extending(element(` Id="_assertion2"`, ""))},
		"S03 ID twice by xml:id":           {reason: trust.ReasonForbiddenXML, bad: extending(element(` xml:id="_assertion"`, "")), twin: extending(element(` xml:id="_assertion2"`, ""))},
		"S03 a prefix called id":           {reason: trust.ReasonForbiddenXML, bad: extending(`<y xmlns:id="urn:ns" ID="_assertion"/>`), twin: extending(`<y xmlns:id="urn:ns" ID="urn:ns"/>`)},
		"S19 relative namespace":           {reason: trust.ReasonForbiddenXML, bad: extending(`<z:y xmlns:z="ns"/>`), twin: extending(`<z:y xmlns:z="urn:ns"/>`)},
		"S19 a namespace of no scheme":     {reason: trust.ReasonForbiddenXML, bad: extending(`<z:y xmlns:z=":"/>`), twin: extending(`<z:y xmlns:z="z:"/>`)},
		"S19 undeclared default":           {reason: trust.ReasonForbiddenXML, bad: extending(`<y xmlns=""/>`), twin: extending(`<y xmlns="urn:ns"/>`)},
		"S19 xml declared again":           {reason: trust.ReasonForbiddenXML, bad: extending(`<y xmlns:xml="https://x.test"/>`), twin: extending(`<y xml:lang="en"/>`)},
		"S19 xmlns declared":               {reason: trust.ReasonForbiddenXML, bad: extending(`<y xmlns:xmlns="https://x.test"/>`), twin: extending(`<y xmlns:ns="https://x.test"/>`)},
		"S19 xml under another prefix":     {reason: trust.ReasonForbiddenXML, bad: extending(`<y xmlns:z="http://www.w3.org/XML/1998/namespace"/>`), twin: extending(`<y xmlns:z="https://x.test"/>`)},
		"S19 undeclared prefix":            {reason: trust.ReasonNotXML, bad: extending(`<z:y/>`), twin: extending(`<samlp:y/>`)},
		"S19 undeclared attribute prefix":  {reason: trust.ReasonNotXML, bad: extending(`<y z:a=""/>`), twin: extending(`<y samlp:a=""/>`)},
		"S19 a prefix out of scope":        {reason: trust.ReasonNotXML, bad: extending(`<a xmlns:z="https://x.test"/><z:b/>`), twin: extending(`<a xmlns:z="https://x.test"><z:b/></a>`)},
	})
}

// Written out once more, so that none can be dropped from the guard's own list unnoticed.
func TestS20_NothingThatDecidesHidesBehindAPrefix(t *testing.T) {
	for _, name := range strings.Fields(`ID InResponseTo Destination Recipient NotBefore NotOnOrAfter IssueInstant Version Algorithm URI Name FriendlyName
		Format Method Value SessionNotOnOrAfter AuthnInstant SessionIndex`) {
		if _, refusal := parse([]byte(`<y xmlns:x="https://x.test" x:` + name + `=""/>`)); refusal == nil || refusal.Reason != trust.ReasonForbiddenXML {
			t.Errorf("x:%s: %+v", name, refusal)
		}
		if _, refusal := parse([]byte(`<y xmlns:x="https://x.test" x:` + name + `2="" ` + name + `=""/>`)); refusal != nil {
			t.Errorf("the honest twin of x:%s was refused: %+v", name, refusal)
		}
	}
}

func TestGuardResponse(t *testing.T) {
	const (
		success   = `<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>`
		responder = `urn:oasis:names:tc:SAML:2.0:status:Responder`
		issuer    = "<saml:Issuer>https://idp.test/metadata</saml:Issuer>\n  <samlp"
		issued    = `IssueInstant="2026-11-23T12:00:00Z"`
		to        = ` Destination="https://gate.test/saml/con_1/acs"`
	)
	check(t, map[string]row{
		"S16 another message":          {reason: trust.ReasonNotAResponse, bad: outside("<samlp:Response", "<samlp:LogoutResponse", "</samlp:Response", "</samlp:LogoutResponse"), twin: outside("<samlp:Response", "<samlp:Response")},
		"S16 another namespace":        {reason: trust.ReasonNotAResponse, bad: outside(`samlp="urn:oasis:names:tc:SAML:2.0:protocol"`, `samlp="urn:oasis:names:tc:SAML:1.1:protocol"`), twin: inside()},
		"version 2.1":                  {reason: trust.ReasonStructure, bad: inside(`Version="2.0"`, `Version="2.1"`), twin: inside()},
		"S32 no ID":                    {reason: trust.ReasonStructure, bad: outside(` ID="_response"`, ""), twin: outside("_response", "_other")},
		"S32 no IssueInstant":          {reason: trust.ReasonStructure, bad: inside(issued, ""), twin: inside(issued, `IssueInstant="2026-11-23T12:00:00.123Z"`)},
		"S32 an IssueInstant of text":  {reason: trust.ReasonStructure, bad: inside(issued, `IssueInstant="today"`), twin: inside(issued, `IssueInstant="2026-11-23T12:00:00"`)},
		"S12 an unknown part":          {reason: trust.ReasonStructure, bad: inside(status, `<samlp:Status2/><samlp:Status>`), twin: inside(status, `<samlp:Extensions/><samlp:Status>`)},
		"S12 Issuer twice":             {reason: trust.ReasonStructure, bad: outside(issuer, "<saml:Issuer>x</saml:Issuer>"+issuer), twin: outside(issuer, "<samlp")},
		"S15 error status":             {reason: trust.ReasonIDPErrorStatus, bad: inside("status:Success", "status:Responder"), twin: inside()},
		"S15 status within success":    {reason: trust.ReasonIDPErrorStatus, bad: inside(success, `<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"><samlp:StatusCode Value="`+responder+`"/></samlp:StatusCode>`), twin: inside()},
		"S15 something in the success": {reason: trust.ReasonIDPErrorStatus, bad: inside(success, strings.Replace(success, "/>", "><x/></samlp:StatusCode>", 1)), twin: inside(success, strings.Replace(success, "/>", "></samlp:StatusCode>", 1))},
		"S15 two status codes":         {reason: trust.ReasonStructure, bad: inside(success, success+`<samlp:StatusCode Value="`+responder+`"/>`), twin: inside(success, success+`<samlp:StatusMessage>well</samlp:StatusMessage>`)},
		"S15 no status":                {reason: trust.ReasonStructure, bad: inside(`<samlp:Status>`+success+`</samlp:Status>`, ""), twin: inside()},
		"issuer":                       {reason: trust.ReasonIssuer, bad: inside(issuer, strings.Replace(issuer, "idp", "evil", 1)), twin: inside(issuer, issuer)},
		"S42 destination":              {reason: trust.ReasonDestination, bad: outside(to, ` Destination="https://gate.test/saml/con_2/acs"`), twin: outside(to, "")},
		"S42 signed, no destination":   {reason: trust.ReasonDestination, bad: inside(to, ""), twin: outside(to, "")},
		"S42 empty destination":        {reason: trust.ReasonDestination, bad: outside(to, ` Destination=""`), twin: outside(to, to)},
		"S44 response 301 s old":       {reason: trust.ReasonResponseExpired, bad: inside(issued, `IssueInstant="2026-11-23T11:54:59Z"`), twin: inside(issued, `IssueInstant="2026-11-23T11:55:00Z"`)},
		"S44 response 181 s ahead":     {reason: trust.ReasonNotYetValid, bad: inside(issued, `IssueInstant="2026-11-23T12:03:01Z"`), twin: inside(issued, `IssueInstant="2026-11-23T12:03:00Z"`)},
	})
}

func TestGuardOneAssertion(t *testing.T) {
	plain := goodText[strings.Index(goodText, "<saml:Assertion"):strings.Index(goodText, "</samlp:Response>")]
	second := strings.ReplaceAll(plain, `"_assertion"`, `"_second"`)
	check(t, map[string]row{
		"S01 no assertion":           {reason: trust.ReasonNoAssertion, bad: forgery{response: true, edit: []string{plain, ""}}, twin: inside()},
		"S12 a second after":         {reason: trust.ReasonSeveralAssertions, bad: outside("</samlp:Response>", second+"</samlp:Response>"), twin: outside("</samlp:Response>", "</samlp:Response>")},
		"S12 a second before":        {reason: trust.ReasonSeveralAssertions, bad: outside(status, second+status), twin: outside(status, status)},
		"S13 a second, encrypted":    {reason: trust.ReasonSeveralAssertions, bad: outside("</samlp:Response>", "<saml:EncryptedAssertion/></samlp:Response>"), twin: inside()},
		"S14 hidden in Extensions":   {reason: trust.ReasonSeveralAssertions, bad: extending(second), twin: extending("<a/>")},
		"S14 another namespace":      {reason: trust.ReasonSeveralAssertions, bad: extending(`<x:Assertion xmlns:x="https://x.test"/>`), twin: extending(`<x:Assertions xmlns:x="https://x.test"/>`)},
		"S14 only in Extensions":     {reason: trust.ReasonStructure, bad: outside("<saml:Assertion", "<samlp:Extensions><saml:Assertion", "</saml:Assertion>", "</saml:Assertion></samlp:Extensions>"), twin: inside()},
		"S20 assertion elsewhere":    {reason: trust.ReasonStructure, bad: outside(`xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:xs`, `xmlns:saml="urn:oasis:names:tc:SAML:1.0:assertion" xmlns:xs`), twin: inside()},
		"S04 a Response within":      {reason: trust.ReasonStructure, bad: extending("<samlp:Response/>"), twin: extending("<samlp:Responses/>")},
		"S06 moved into a Signature": {reason: trust.ReasonSeveralAssertions, bad: outside("</ds:KeyInfo>", second+"</ds:KeyInfo>"), twin: outside("</ds:KeyInfo>", "<ds:KeyName>x</ds:KeyName></ds:KeyInfo>")},
	})
}
