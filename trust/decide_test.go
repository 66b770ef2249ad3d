package trust

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func goodPolicy() Policy {
	return Policy{
		ConnectionID: "con_1", OrganizationID: "org_1", Issuer: "https://idp.test/metadata",
		EntityID: "https://gate.test/saml/con_1/metadata", ACS: "https://gate.test/saml/con_1/acs",
		ConnectionActive: true, OrganizationActive: true, PendingRequest: "_request",
		VerifiedDomains: []string{"b.test", "a.test"}, RequiredAuthnContext: []string{"mfa", "smartcard"}, SubjectSource: "nameid",
	}
}

func goodClaim() Claim {
	return Claim{
		Protocol: "saml", ConnectionID: "con_1", Issuer: "https://idp.test/metadata",
		Audience:  []string{"https://other.test", "https://gate.test/saml/con_1/metadata"},
		Recipient: "https://gate.test/saml/con_1/acs", Destination: "https://gate.test/saml/con_1/acs",
		InResponseTo: "_request", AssertionID: "_assertion", ResponseID: "_response",
		Subject: "ada", SubjectFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
		IssuedAt: noon, NotBefore: noon.Add(-time.Minute), NotOnOrAfter: noon.Add(5 * time.Minute), AuthnAt: noon.Add(-time.Hour),
		SessionNotOnOrAfter: noon.Add(8 * time.Hour), AuthnContext: "mfa", SessionIndex: "_session",
		Email: "Ada@A.test", EmailValues: 1, Name: "Ada Lovelace", GivenName: "Ada", FamilyName: "Lovelace",
		Attributes: map[string][]string{"groups": {"engineers", "owners"}},
	}
}

func TestDecideVouchesForAGoodClaim(t *testing.T) {
	i, refusal := Decide(goodPolicy(), goodClaim(), noon)
	if refusal != nil {
		t.Fatalf("refused: %+v", refusal)
	}
	got := []any{i.IsZero(), i.ConnectionID(), i.OrganizationID(), i.Subject(), i.SubjectFormat(), i.Address().Given(), i.Address().Canonical(),
		i.OnVerifiedDomain(), i.Name(), i.GivenName(), i.FamilyName(), i.At(), i.AuthnAt(), i.ExpiresAt(), i.AuthnContext(), i.SessionIndex(), i.Attributes()["groups"]}
	want := []any{false, "con_1", "org_1", "ada", "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", "Ada@a.test", "ada@a.test",
		true, "Ada Lovelace", "Ada", "Lovelace", noon, noon.Add(-time.Hour), noon.Add(8 * time.Hour), "mfa", "_session", []string{"engineers", "owners"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// Each row changes one thing of the good case. The twin changes the same thing in a way that must stay good.
func TestDecideRefuses(t *testing.T) {
	none := func(*Policy, *Claim) {}
	for name, row := range map[string]struct {
		reason    Reason
		bad, twin func(*Policy, *Claim)
	}{
		"organization suspended": {ReasonOrganizationSuspended, func(p *Policy, _ *Claim) { p.OrganizationActive = false }, none},
		"no organization":        {ReasonOrganizationSuspended, func(p *Policy, _ *Claim) { p.OrganizationID = "" }, none},
		"connection not active": {ReasonConnectionNotActive, func(p *Policy, _ *Claim) { p.ConnectionActive = false },
			func(p *Policy, _ *Claim) { p.ConnectionActive, p.TestOnly, p.TestLogin = false, true, true }},
		"a test login of a connection that is off": {ReasonConnectionNotActive, func(p *Policy, _ *Claim) { p.ConnectionActive, p.TestLogin = false, true },
			func(p *Policy, _ *Claim) { p.TestLogin = true }},
		"draft": {ReasonTestOnly, func(p *Policy, _ *Claim) { p.TestOnly = true },
			func(p *Policy, _ *Claim) { p.TestOnly, p.TestLogin = true, true }},
		"another connection": {ReasonConnectionNotActive, func(_ *Policy, c *Claim) { c.ConnectionID = "con_2" }, none},
		"no connection":      {ReasonConnectionNotActive, func(p *Policy, c *Claim) { p.ConnectionID, c.ConnectionID = "", "" }, none},

		"issuer":           {ReasonIssuer, func(_ *Policy, c *Claim) { c.Issuer = "https://evil.test" }, none},
		"issuer by prefix": {ReasonIssuer, func(_ *Policy, c *Claim) { c.Issuer += "/" }, none},
		"no issuer":        {ReasonIssuer, func(p *Policy, c *Claim) { p.Issuer, c.Issuer = "", "" }, none},
		"S40 audience": {ReasonAudience, func(_ *Policy, c *Claim) { c.Audience = []string{"https://other.test"} },
			func(p *Policy, c *Claim) { c.Audience = []string{p.EntityID} }},
		"S40 no audience":    {ReasonAudience, func(_ *Policy, c *Claim) { c.Audience = nil }, none},
		"S40 empty audience": {ReasonAudience, func(p *Policy, c *Claim) { p.EntityID, c.Audience = "", []string{""} }, none},
		"S42 recipient":      {ReasonRecipient, func(_ *Policy, c *Claim) { c.Recipient = "https://gate.test/saml/con_2/acs" }, none},
		"S42 no recipient":   {ReasonRecipient, func(p *Policy, c *Claim) { p.ACS, c.Recipient, c.Destination = "", "", "" }, none},
		"S42 destination": {ReasonDestination, func(_ *Policy, c *Claim) { c.Destination = "https://gate.test/saml/con_2/acs" },
			func(_ *Policy, c *Claim) { c.Destination = "" }},
		"no assertion id": {ReasonStructure, func(_ *Policy, c *Claim) { c.AssertionID = "" }, none},

		"S43 another request":         {ReasonInResponseTo, func(_ *Policy, c *Claim) { c.InResponseTo = "_other" }, none},
		"S43 nothing pending":         {ReasonInResponseTo, func(p *Policy, c *Claim) { p.PendingRequest, c.InResponseTo = "", "" }, none},
		"S43 a request, none pending": {ReasonInResponseTo, func(p *Policy, _ *Claim) { p.PendingRequest = "" }, none},
		"S46 unsolicited": {ReasonUnsolicited, func(_ *Policy, c *Claim) { c.Unsolicited, c.InResponseTo = true, "" },
			func(p *Policy, c *Claim) { c.Unsolicited, c.InResponseTo, p.AllowUnsolicited = true, "", true }},
		"S46 unsolicited with a request": {ReasonInResponseTo, func(p *Policy, c *Claim) { c.Unsolicited, p.AllowUnsolicited = true, true }, none},
		"S46 allowed, yet another's":     {ReasonInResponseTo, func(p *Policy, c *Claim) { c.InResponseTo, p.AllowUnsolicited = "_other", true }, func(p *Policy, _ *Claim) { p.AllowUnsolicited = true }},

		"S44 never issued":    {ReasonStructure, func(_ *Policy, c *Claim) { c.IssuedAt = time.Time{} }, none},
		"S44 endless":         {ReasonStructure, func(_ *Policy, c *Claim) { c.NotOnOrAfter = time.Time{} }, none},
		"S44 issued ahead":    {ReasonNotYetValid, func(_ *Policy, c *Claim) { c.IssuedAt = noon.Add(181 * time.Second) }, func(_ *Policy, c *Claim) { c.IssuedAt = noon.Add(180 * time.Second) }},
		"S44 issued long ago": {ReasonResponseExpired, func(_ *Policy, c *Claim) { c.IssuedAt = noon.Add(-301 * time.Second) }, func(_ *Policy, c *Claim) { c.IssuedAt = noon.Add(-300 * time.Second) }},
		"S44 not yet valid":   {ReasonNotYetValid, func(_ *Policy, c *Claim) { c.NotBefore = noon.Add(181 * time.Second) }, func(_ *Policy, c *Claim) { c.NotBefore = noon.Add(180 * time.Second) }},
		"S44 no NotBefore":    {ReasonExpired, func(_ *Policy, c *Claim) { c.NotOnOrAfter = noon.Add(-180 * time.Second) }, func(_ *Policy, c *Claim) { c.NotBefore = time.Time{} }},
		"S44 expired":         {ReasonExpired, func(_ *Policy, c *Claim) { c.NotOnOrAfter = noon.Add(-180 * time.Second) }, func(_ *Policy, c *Claim) { c.NotOnOrAfter = noon.Add(-179 * time.Second) }},
		"S44 signed in ahead": {ReasonNotYetValid, func(_ *Policy, c *Claim) { c.AuthnAt = noon.Add(181 * time.Second) }, func(_ *Policy, c *Claim) { c.AuthnAt = time.Time{} }},
		"S44 session over":    {ReasonExpired, func(_ *Policy, c *Claim) { c.SessionNotOnOrAfter = noon }, func(_ *Policy, c *Claim) { c.SessionNotOnOrAfter = noon.Add(time.Second) }},
		"S53 no subject":      {ReasonSubjectMissing, func(_ *Policy, c *Claim) { c.Subject = "" }, none},
		"S53 blanks":          {ReasonSubjectMissing, func(_ *Policy, c *Claim) { c.Subject = "ada " }, func(_ *Policy, c *Claim) { c.Subject = "ada l" }},
		"S53 control":         {ReasonSubjectMissing, func(_ *Policy, c *Claim) { c.Subject = "a\x00da" }, func(_ *Policy, c *Claim) { c.Subject = "адa" }},
		"S53 not UTF-8":       {ReasonSubjectMissing, func(_ *Policy, c *Claim) { c.Subject = "a\xffda" }, none},
		"S53 257 bytes":       {ReasonSubjectMissing, func(_ *Policy, c *Claim) { c.Subject = strings.Repeat("a", 257) }, func(_ *Policy, c *Claim) { c.Subject = strings.Repeat("a", 256) }},
		"S53 transient":       {ReasonSubjectTransient, func(_ *Policy, c *Claim) { c.SubjectTransient = true }, none},
		"S53 transient format": {ReasonSubjectTransient, func(_ *Policy, c *Claim) { c.SubjectFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient" }, func(p *Policy, c *Claim) {
			c.SubjectFormat, p.SubjectSource = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient", "uid"
		}},
		"S53 transient default": {ReasonSubjectTransient, func(p *Policy, c *Claim) {
			c.SubjectFormat, p.SubjectSource = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient", ""
		}, func(p *Policy, _ *Claim) { p.SubjectSource = "" }},

		"weaker context": {ReasonAuthnContext, func(_ *Policy, c *Claim) { c.AuthnContext = "password" }, func(p *Policy, c *Claim) { c.AuthnContext, p.RequiredAuthnContext = "password", nil }},
		"no context":     {ReasonAuthnContext, func(p *Policy, c *Claim) { c.AuthnContext, p.RequiredAuthnContext = "", []string{""} }, func(_ *Policy, c *Claim) { c.AuthnContext = "smartcard" }},

		"several addresses": {ReasonEmailSeveralValues, func(_ *Policy, c *Claim) { c.EmailValues = 2 }, func(_ *Policy, c *Claim) { c.EmailValues = 0 }},
		"D03 two at signs":  {ReasonEmailNotCanonical, func(_ *Policy, c *Claim) { c.Email = "x@evil@a.test" }, func(_ *Policy, c *Claim) { c.Email = "x+evil@a.test" }},
	} {
		t.Run(name, func(t *testing.T) {
			p, c := goodPolicy(), goodClaim()
			row.bad(&p, &c)
			identity, refusal := Decide(p, c, noon)
			if refusal == nil || refusal.Reason != row.reason || !identity.IsZero() {
				t.Errorf("got %+v, want %s", refusal, row.reason)
			}
			p, c = goodPolicy(), goodClaim()
			row.twin(&p, &c)
			if identity, refusal := Decide(p, c, noon); refusal != nil || identity.IsZero() {
				t.Errorf("the honest twin was refused: %+v", refusal)
			}
		})
	}
}

func TestTheZeroPolicyAllowsNobody(t *testing.T) {
	for name, claim := range map[string]Claim{"good": goodClaim(), "zero": {}} {
		if identity, refusal := Decide(Policy{}, claim, noon); refusal == nil || !identity.IsZero() {
			t.Errorf("%s: allowed", name)
		}
	}
	// Emptying any one name of a good policy allows nobody, even if the claim leaves the same out.
	for i := range reflect.TypeFor[Policy]().NumField() {
		p, c := goodPolicy(), goodClaim()
		field := reflect.TypeFor[Policy]().Field(i)
		if field.Type.Kind() != reflect.String || field.Name == "SubjectSource" {
			continue
		}
		reflect.ValueOf(&p).Elem().Field(i).SetString("")
		if match := reflect.ValueOf(&c).Elem().FieldByName(field.Name); match.IsValid() {
			match.SetString("")
		}
		if _, refusal := Decide(p, c, noon); refusal == nil {
			t.Errorf("a policy without %s allowed somebody", field.Name)
		}
	}
}

func TestS50_AnAddressOnNoVerifiedDomainIsToldApart(t *testing.T) {
	for address, verified := range map[string]bool{
		"ada@a.test": true, "ada@B.TEST": true, "ada@c.test": false, "ada@sub.a.test": false, "ada@a.test.evil.test": false, "": false,
	} {
		c := goodClaim()
		c.Email = address
		identity, refusal := Decide(goodPolicy(), c, noon)
		if refusal != nil || identity.OnVerifiedDomain() != verified {
			t.Errorf("%q: verified %v, refusal %v", address, identity.OnVerifiedDomain(), refusal)
		}
		if identity.Address().IsZero() != (address == "") {
			t.Errorf("%q became %q", address, identity.Address().Given())
		}
	}
	p := goodPolicy()
	p.VerifiedDomains = []string{""}
	c := goodClaim()
	c.Email = ""
	if identity, _ := Decide(p, c, noon); identity.OnVerifiedDomain() {
		t.Error("no address is on the domain without a name")
	}
}

func TestSpentUntilOutlivesEveryUseOfTheAssertion(t *testing.T) {
	c := goodClaim()
	if got := c.SpentUntil(); got != noon.Add(5*time.Minute+Skew) {
		t.Error("short assertion:", got)
	}
	c.NotOnOrAfter = noon.Add(20 * time.Hour) // LemonLDAP
	if got := c.SpentUntil(); got != noon.Add(MaxLife+Skew) {
		t.Error("long assertion:", got)
	}
	if _, refusal := Decide(goodPolicy(), c, c.SpentUntil()); refusal == nil {
		t.Error("an assertion is of use after its id was forgotten")
	}
}

func TestRecallRebuildsWhatDecideMade(t *testing.T) {
	made, _ := Decide(goodPolicy(), goodClaim(), noon)
	again, err := Recall(made.Record())
	if err != nil || !reflect.DeepEqual(made, again) {
		t.Errorf("%v: %+v, want %+v", err, again, made)
	}
	for _, field := range []string{"Connection", "Organization", "Subject", "At"} {
		var facts map[string]any
		if err := json.Unmarshal(made.Record(), &facts); err != nil {
			t.Fatal(err)
		}
		delete(facts, field)
		record, _ := json.Marshal(facts)
		if identity, err := Recall(record); err == nil || !identity.IsZero() {
			t.Errorf("a record without %s was recalled", field)
		}
	}
	misread := strings.Replace(string(made.Record()), `"Name":"Ada Lovelace"`, `"Name":1`, 1) // all the rest of it can be read
	for _, record := range []string{"", "null", "{}", "[]", misread, string(Identity{}.Record())} {
		if identity, err := Recall([]byte(record)); err == nil || !identity.IsZero() {
			t.Errorf("%q was recalled", record)
		}
	}
}

func TestEveryReasonHasWordsForEverybody(t *testing.T) {
	parties := []Party{PartyOurAdmin, PartyTheirAdmin, PartyPerson, PartyUs}
	seen, sentences := map[Reason]bool{}, map[string]Reason{}
	for _, reason := range Reasons() {
		sentence, fix := reason.Sentence(), reason.Fix()
		if seen[reason] || reason == "" || strings.ContainsFunc(string(reason), func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') }) {
			t.Errorf("%q comes twice or is not snake_case", reason)
		}
		seen[reason] = true
		if !slices.Contains(parties, reason.Party()) {
			t.Errorf("%s: party %q", reason, reason.Party())
		}
		if !strings.HasSuffix(sentence, ".") || strings.Count(sentence, ".") != 1 || len(sentence) > 140 {
			t.Errorf("%s: not one plain sentence: %q", reason, sentence)
		}
		for _, jargon := range []string{"SAML", "assertion", "XML", "IdP", "ACS", "NameID"} {
			if strings.Contains(sentence, jargon) {
				t.Errorf("%s: the person does not know the word %s", reason, jargon)
			}
		}
		if !strings.HasSuffix(fix, ".") || len(fix) < 25 {
			t.Errorf("%s: fix %q", reason, fix)
		}
		if other, twice := sentences[sentence]; twice && other != ReasonDestination {
			t.Errorf("%s and %s say the same", reason, other)
		}
		sentences[sentence] = reason
	}
	if Reason("invented").Sentence() != "" || len(slices.Collect(maps.Keys(seen))) != 69 {
		t.Errorf("the list is closed and has 69 entries, got %d", len(seen))
	}
}

func TestS61_RefusalsAreShortAndPrintable(t *testing.T) {
	refusal := Refuse(ReasonIssuer, strings.Repeat("é", 400), "a\x1b[31m\u202e\xff\n<b>")
	if len([]rune(refusal.Want)) != 256 || refusal.Got != "a\uFFFD[31m\uFFFD\uFFFD\uFFFD<b>" {
		t.Errorf("%q", refusal.Got)
	}
	if refusal.Error() != "refused: issuer_mismatch" {
		t.Error(refusal.Error())
	}
}

func FuzzDecide(f *testing.F) {
	good := goodClaim()
	f.Add(good.Issuer, good.Audience[1], good.Recipient, good.InResponseTo, good.Subject, good.Email, int64(0), int64(300), false, false)
	f.Add("", "", "", "", "", "", int64(-400), int64(-200), true, true)
	f.Fuzz(func(t *testing.T, issuer, audience, recipient, request, subject, email string, issued, until int64, unsolicited, allow bool) {
		p, c := goodPolicy(), goodClaim()
		c.Issuer, c.Audience, c.Recipient, c.InResponseTo, c.Subject, c.Email = issuer, []string{audience}, recipient, request, subject, email
		c.IssuedAt, c.NotOnOrAfter = noon.Add(time.Duration(issued%1e6)*time.Second), noon.Add(time.Duration(until%1e6)*time.Second)
		c.Unsolicited, p.AllowUnsolicited = unsolicited, allow
		identity, refusal := Decide(p, c, noon)
		if (refusal == nil) == identity.IsZero() {
			t.Fatal("neither an identity nor a refusal, or both")
		}
		if refusal != nil {
			if refusal.Reason.Sentence() == "" || len([]rune(refusal.Got)) > 256 {
				t.Fatalf("%+v", refusal)
			}
			return
		}
		solicited := request == p.PendingRequest && !unsolicited
		if issuer != p.Issuer || audience != p.EntityID || recipient != p.ACS || subject == "" || !solicited && !(allow && unsolicited && request == "") {
			t.Fatalf("believed %+v", c)
		}
		if again, err := Recall(identity.Record()); err != nil || !reflect.DeepEqual(again, identity) {
			t.Fatalf("recalled %+v, %v", again, err)
		}
	})
}
