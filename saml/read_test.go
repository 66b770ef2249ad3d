package saml

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"os"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"
	crewjam "github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// read reads a forgery and, when it is believed, has it judged as well.
func read(t testing.TB, sp ServiceProvider, f forgery, want Expectation) (trust.Claim, []Step, *trust.Refusal) {
	t.Helper()
	claim, steps, refusal := Read(sp, f.make(t), want, noon)
	if refusal == nil {
		policy := policyFor(sp)
		policy.PendingRequest, policy.AllowUnsolicited = want.RequestID, want.AllowUnsolicited
		judged := claim
		judged.ConnectionID = "con_1"
		if identity, refused := trust.Decide(policy, judged, noon); refused != nil || identity.IsZero() {
			t.Errorf("read, but not believed: %+v", refused)
		}
	}
	return claim, steps, refusal
}

func TestReadGoodResponses(t *testing.T) {
	for name, row := range map[string]struct {
		forgery
		change func(*ServiceProvider)
	}{
		"signed assertion":                 {forgery{assertion: true}, nil},
		"signed response":                  {forgery{response: true}, nil},
		"both signed":                      {forgery{assertion: true, response: true}, nil},
		"without KeyInfo":                  {forgery{response: true, withoutCertificate: true}, nil},
		"RSA-SHA512":                       {forgery{response: true, method: dsig.RSASHA512SignatureMethod}, nil},
		"ECDSA in ASN.1":                   {forgery{response: true, by: idpCurve}, func(sp *ServiceProvider) { sp.IdP.Certificates = []*x509.Certificate{idpCurve().certificate} }},
		"encrypted GCM":                    {forgery{response: true, encrypt: gcm()}, nil},
		"encrypted CBC":                    {forgery{response: true, encrypt: cbc()}, nil},
		"encrypted, both signed":           {forgery{response: true, assertion: true, encrypt: gcm()}, nil},
		"encrypted to our older key":       {forgery{response: true, encrypt: gcm()}, func(sp *ServiceProvider) { sp.Keys = []KeyPair{weBefore().pair(), we().pair()} }},
		"encrypted in an unsigned one":     {forgery{assertion: true, encrypt: gcm()}, func(sp *ServiceProvider) { sp.Allow.UnsignedResponseAroundEncrypted = true }},
		"encrypted in an unsigned one CBC": {forgery{assertion: true, encrypt: cbc()}, func(sp *ServiceProvider) { sp.Allow.UnsignedResponseAroundEncrypted = true }},
		"inclusive canonicalization":       {forgery{response: true, canonical: dsig.MakeC14N10RecCanonicalizer()}, func(sp *ServiceProvider) { sp.Allow.InclusiveC14N = true }},
		"prefix list": {forgery{assertion: true, canonical: dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("xs"), signature: []string{
			`<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>`,
			`<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="xs"/></ds:Transform>`}}, nil},
		"declaration and white space": {forgery{response: true, afterwards: []string{"<samlp:Response", "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<samlp:Response", "</samlp:Response>", "</samlp:Response>\n"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sp := goodProvider()
			if row.change != nil {
				row.change(&sp)
			}
			claim, steps, refusal := read(t, sp, row.forgery, goodExpectation)
			if refusal != nil {
				t.Fatalf("refused: %+v", refusal)
			}
			want := trust.Claim{
				Protocol: "saml", Issuer: theirs, Audience: []string{ourEntity}, Recipient: ourACS, Destination: ourACS, InResponseTo: "_request",
				AssertionID: "_assertion", ResponseID: "_response", Subject: "ada", SubjectFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", Named: trust.Named{Value: "ada", Format: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"},
				IssuedAt: noon.Add(time.Second), NotBefore: noon.Add(-30 * time.Second), NotOnOrAfter: noon.Add(5 * time.Minute), AuthnAt: noon.Add(-2 * time.Minute),
				SessionNotOnOrAfter: noon.Add(8 * time.Hour), AuthnContext: "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport", SessionIndex: "_session",
				Email: "Ada@a.test", EmailValues: 1, Name: "Ada Lovelace", Attributes: map[string][]string{"groups": {"engineers", "owners"}},
			}
			if row.encrypt != nil {
				want.OpenedBy = Fingerprint(we().certificate) // and never our older one
			}
			if !reflect.DeepEqual(claim, want) {
				t.Errorf("got  %+v\nwant %+v", claim, want)
			}
			names := ""
			for _, step := range steps {
				names += step.Name + " "
				if step.Verdict != Passed && step.Verdict != Noted {
					t.Errorf("step %+v", step)
				}
			}
			names = strings.ReplaceAll(names, "signature certificate certificate decryption", "signature certificate decryption")
			names = strings.ReplaceAll(names, "decryption certificate", "decryption") // signed within as well
			if !strings.Contains(names, "signature certificate") {
				names = strings.ReplaceAll(names, "signature ", "signature certificate ")
			}
			if names != "structure signature certificate decryption assertion issuer destination recipient audience in_response_to times second_reading subject name_id_format "+
				"attribute:email attribute:name attribute:given_name attribute:family_name attribute:groups attribute:roles attributes " {
				t.Error(names)
			}
		})
	}
}

func TestRefusalEndsTheSteps(t *testing.T) {
	_, steps, refusal := read(t, goodProvider(), forgery{response: true, edit: []string{"<saml:Audience>" + ourEntity, "<saml:Audience>https://other.test"}}, goodExpectation)
	last := steps[len(steps)-1]
	if refusal == nil || last != (Step{"audience", Refused, ourEntity, "https://other.test"}) || steps[1].Name != "signature" || steps[1].Verdict != Passed ||
		!strings.Contains(steps[1].Got, "Response by rsa-sha256 of "+SpacedFingerprint(idp().certificate)) {
		t.Errorf("%+v, %+v", steps, refusal)
	}
}

// ECDSA values as XML Signature writes them: two halves (RFC 4051 2.3.6).
func TestReadECDSAInHalves(t *testing.T) {
	document := etree.NewDocument()
	if err := document.ReadFromBytes(forgery{response: true, by: idpCurve}.make(t)); err != nil {
		t.Fatal(err)
	}
	value := document.FindElement("./Response/Signature/SignatureValue")
	encoded, _ := base64.StdEncoding.DecodeString(value.Text())
	var halves struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(encoded, &halves); err != nil {
		t.Fatal(err)
	}
	raw := append(halves.R.FillBytes(make([]byte, 32)), halves.S.FillBytes(make([]byte, 32))...)
	value.SetText(base64.StdEncoding.EncodeToString(raw))
	text, _ := document.WriteToBytes()
	sp := goodProvider()
	sp.IdP.Certificates = []*x509.Certificate{idpCurve().certificate}
	if _, _, refusal := Read(sp, text, goodExpectation, noon); refusal != nil {
		t.Errorf("refused: %+v", refusal)
	}
}

// The floor below which goxmldsig verifies the wrong reference (CVE-2026-33487); a build must not fall back to what crewjam pins.
func TestGoxmldsigIsAtLeast160(t *testing.T) {
	required, err := os.ReadFile("../go.mod") // test binaries carry no build information
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`russellhaering/goxmldsig v(\d+)\.(\d+)`).FindStringSubmatch(string(required))
	if found == nil || found[1] == "0" || found[1] == "1" && (found[2] < "6" && len(found[2]) == 1) {
		t.Errorf("goxmldsig %q", found)
	}
}

// Many readings at many times at once: the library's clock is a package variable, and each reading has its own.
func TestEachReadingHasItsOwnTime(t *testing.T) {
	raw := forgery{response: true}.make(t)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			now, good := noon, true
			if i%2 == 1 {
				now, good = noon.Add(time.Duration(i)*time.Hour), false
			}
			if _, _, refusal := Read(goodProvider(), raw, goodExpectation, now); (refusal == nil) != good {
				t.Errorf("at %v: %+v", now, refusal)
			}
		})
	}
	all.Wait()
	if drift := time.Since(crewjam.TimeNow()); drift > time.Minute || drift < -time.Minute {
		t.Error("outside a reading the library's clock is not the real one")
	}
}

// A library that panics is an error like any other, and leaves its turn to the next. The message is one on which it does;
// the guard would never let it through.
func TestALibraryThatPanicsIsAnError(t *testing.T) {
	m := &message{sp: goodProvider(), want: goodExpectation, now: noon,
		raw: forgery{response: true, edit: []string{`<saml:SubjectConfirmationData NotOnOrAfter="2026-11-23T12:05:00Z" Recipient="https://gate.test/saml/con_1/acs" InResponseTo="_request"/>`, ""}}.make(t)}
	if _, err := m.readByLibrary(); err == nil || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("%v", err)
	}
	m.raw = forgery{response: true}.make(t)
	m.response, _ = parse(m.raw)
	m.assertion = m.response.children[positionOf(m.response)]
	if _, err := m.readByLibrary(); err != nil {
		t.Errorf("after a panic, an honest message: %v", err)
	}
}

// No message is known that two readers of ours read differently; should there be one, nobody is believed (S-17): not if what arrived or
// was opened says something else, nor what a signature covers, nor what the library reads.
func TestS17_ReadingsThatDisagreeAreRefused(t *testing.T) {
	for _, c := range []struct {
		f        forgery
		readings int
	}{{forgery{assertion: true, response: true}, 3}, {forgery{assertion: true, response: true, encrypt: gcm()}, 2}} {
		for other := -1; other <= c.readings; other++ {
			m := &message{sp: goodProvider(), want: goodExpectation, now: noon, raw: c.f.make(t)}
			for _, step := range steps[:10] {
				if _, _, refusal := step.take(m); refusal != nil {
					t.Fatal(step.name, refusal)
				}
			}
			switch {
			case len(m.readings) != c.readings:
				t.Fatalf("%d readings", len(m.readings))
			case other == c.readings:
				m.raw = forgery{assertion: true, edit: []string{">ada<", ">eve<"}}.make(t) // for the library
			case other >= 0:
				m.readings[other].nameID = "eve"
			}
			if _, _, refusal := m.checkReadings(); (refusal == nil) != (other < 0) {
				t.Errorf("%d: %+v", other, refusal)
			}
		}
	}
}

func TestTheStepsSayWhoSignedWhat(t *testing.T) {
	_, steps, _ := read(t, goodProvider(), forgery{assertion: true, response: true}, goodExpectation)
	by := " by rsa-sha256 of " + SpacedFingerprint(idp().certificate)
	if got := steps[1].Got; got != "Response"+by+"; Assertion"+by {
		t.Error(got)
	}
}

// The library asks us whether a signature holds and an audience is ours, and is told the truth.
func TestTheLibraryIsToldTheTruth(t *testing.T) {
	for who, by := range map[string]func() identity{"": idp, "a stranger": stranger} {
		m := &message{sp: goodProvider(), now: noon}
		document := etree.NewDocument()
		if err := document.ReadFromBytes(forgery{response: true, by: by}.make(t)); err != nil {
			t.Fatal(err)
		}
		if err := m.VerifySignature(nil, document.Root()); (err == nil) != (who == "") {
			t.Errorf("%q: %v", who, err)
		}
	}
	m := &message{}
	response, _ := parse(forgery{}.make(t))
	m.assertion = response.children[positionOf(response)]
	for audience, ours := range map[string]bool{ourEntity: true, "https://other.test": false} {
		said := crewjam.Assertion{Conditions: &crewjam.Conditions{AudienceRestrictions: []crewjam.AudienceRestriction{{Audience: crewjam.Audience{Value: audience}}}}}
		if err := m.agreeOnAudience(&said); (err == nil) != ours {
			t.Errorf("%s: %v", audience, err)
		}
	}
}

// TestTheStepsSayWhatArrived: which certificate verified which signature, how the NameID is called, and each mapped value as arrived, missing or
// several.
func TestTheStepsSayWhatArrived(t *testing.T) {
	sp := goodProvider()
	sp.Mapping = Mapping{Name: "groups", GivenName: "nowhere", Own: map[string]string{"team": "groups"}}
	m := &message{sp: sp, want: goodExpectation, now: noon, raw: forgery{assertion: true}.make(t)}
	for _, step := range steps[:12] {
		if _, _, refusal := step.take(m); refusal != nil {
			t.Fatal(step.name, refusal)
		}
	}
	told := map[string]Step{}
	for _, step := range m.also {
		told[step.Name] = step
	}
	for name, verdict := range map[string]string{
		"certificate": Passed, "name_id_format": Passed, "attribute:email": Passed, "attribute:name": Noted, "attribute:given_name": Noted, "attribute:own:team": Passed,
	} {
		if told[name].Verdict != verdict {
			t.Errorf("%s: %+v", name, told[name])
		}
	}
	if got := told["certificate"].Got; !strings.Contains(got, SpacedFingerprint(idp().certificate)) || !strings.HasPrefix(got, "Assertion signed by ") || !strings.Contains(got, "valid until ") {
		t.Error(got)
	}
	if got := told["attribute:name"].Got; got != "2 values, from groups" {
		t.Error(got)
	}
	if got := told["attribute:given_name"]; got.Want != "nowhere" || got.Got != "nothing" {
		t.Error(got)
	}
}
