package e2e

import (
	"bytes"
	"html"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// lie is an answer of SimpleSAMLphp that must be refused: one that it was
// configured to give, or an honest one that was changed on its way.
type lie struct {
	name    string
	answers Answers // both signed when it signs nothing and has no more settings
	change  func(t *testing.T, message []byte) []byte
	reason  trust.Reason
	late    bool // refused by what is known here of the person, once the answer is believed
}

var bothSigned = Answers{SignResponse: true, SignAssertion: true}

// with are honest answers but for one setting of the identity provider.
func with(setting string, value any) Answers {
	answers := bothSigned
	answers.More = map[string]any{setting: value}
	return answers
}

func lies() []lie {
	return []lie{
		{name: "S-01 unsigned", answers: Answers{More: map[string]any{}}, reason: trust.ReasonSignatureMissing},
		{name: "S-01 signatures taken away", change: edited(removeSignatures), reason: trust.ReasonSignatureMissing},
		{name: "S-07 another assertion around the signed one", change: edited(wrapAssertion), reason: trust.ReasonSeveralAssertions},
		{name: "S-12 another assertion before the signed one", change: edited(addAssertion), reason: trust.ReasonSeveralAssertions},
		{name: "another person after signing", change: replaced("bob", "eve"), reason: trust.ReasonSignatureInvalid},
		{name: "S-21 a comment in the subject", change: replaced(">bob<", ">bo<!-- -->b<"), reason: trust.ReasonForbiddenXML},
		{name: "S-27 SHA-1", answers: with("signature.algorithm", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"), reason: trust.ReasonSignatureAlgorithm},
		{name: "S-29 encrypted inside an unsigned response", answers: Answers{SignAssertion: true, Encrypt: true}, reason: trust.ReasonEncryptionRequiresOuterSignature},
		{name: "S-33 a document type", change: replaced("<samlp:Response ", "<!DOCTYPE r [<!ENTITY e \"bob\">]><samlp:Response "), reason: trust.ReasonForbiddenXML},
		{name: "S-53 a transient subject", answers: with("NameIDFormat", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"), reason: trust.ReasonSubjectTransient},
		{name: "D-01 no address", answers: with("simplesaml.attributes", false), reason: trust.ReasonEmailMissing, late: true},
	}
}

// TestRefusals posts what no honest browser would. Nobody gets in, the person
// reads one sentence, and the owner finds the reason by the reference.
func TestRefusals(t *testing.T) {
	c := signedUpCompany(t, nil)
	owner := c.ownersVisitor()
	for _, lie := range lies() {
		t.Run(lie.name, func(t *testing.T) {
			c := c.in(t)
			if c.register(bothSigned); lie.answers.More != nil || lie.answers.SignAssertion {
				c.register(lie.answers)
			}
			bob := c.gatehouse.Visitor(c.t)
			response := c.response(bob)
			if lie.change != nil {
				response.XML = lie.change(t, response.XML)
			}
			answer := bob.Post(response.ACS, response.Form())
			if lie.late {
				answer = bob.Get(answer.Want(t, http.StatusSeeOther).Location)
			}
			c.refused(bob, owner, answer, lie.reason)
		})
	}
	c.register(bothSigned)
	t.Run("S-47 from another browser", func(t *testing.T) {
		c, stranger := c.in(t), c.gatehouse.Visitor(t)
		response := c.response(c.gatehouse.Visitor(t))
		c.refused(stranger, owner, stranger.Post(response.ACS, response.Form()), trust.ReasonOtherBrowser)
	})
	t.Run("S-42 meant for another connection", func(t *testing.T) { c.in(t).meantForAnotherConnection(owner) })
	t.Run("S-46 an identity provider that ignores requests", func(t *testing.T) { c.in(t).ignoredRequests(owner) })
	t.Run("S-51 disabled in between", func(t *testing.T) { c.in(t).disabledInBetween(owner) })
	t.Run("S-37 no message at all", func(t *testing.T) { c.in(t).noMessage() })
	t.Run("nothing is left behind", func(t *testing.T) {
		if members := owner.Get(c.home+"/members").Want(t, http.StatusOK); strings.Contains(members.Page, c.idp.Bob.Email) {
			t.Error("a refused answer made a member")
		}
	})
	t.Run("S-45 the honest answer, once", func(t *testing.T) { c.in(t).honestAnswerOnce(owner) })
}

// response is SimpleSAMLphp's answer to a login that the visitor begins on our
// side.
func (c *company) response(visitor *Visitor) Response {
	c.t.Helper()
	begun := visitor.Get("/connections/"+c.connectionID()+"/login").Want(c.t, http.StatusSeeOther)
	response := c.idp.Respond(c.t, begun.Location, c.idp.Bob)
	c.gatehouse.Secret(string(response.XML))
	return response
}

var reference = regexp.MustCompile(`log_[0-9a-z]{26}`)

// refused sees that the answer refuses, with the reason for the owner and its
// sentence for the person, and that nobody is signed in.
func (c *company) refused(visitor, owner *Visitor, a Answer, reason trust.Reason) {
	c.t.Helper()
	a.Want(c.t, http.StatusForbidden)
	if !strings.Contains(a.Page, html.EscapeString(reason.Sentence())) {
		c.t.Errorf("the person does not read “%s” in: %s", reason.Sentence(), a.Page)
	}
	record := owner.Get(c.home+"/logins/"+reference.FindString(a.Page)).Want(c.t, http.StatusOK)
	if !strings.Contains(record.Page, ">"+string(reason)+"<") {
		c.t.Errorf("the owner does not find %s in: %s", reason, record.Page)
	}
	if account := visitor.Get("/account"); account.Status != http.StatusSeeOther {
		c.t.Errorf("a refused person is signed in: %s", account)
	}
}

// ownersVisitor is signed in as the owner.
func (c *company) ownersVisitor() *Visitor {
	c.t.Helper()
	return c.byPassword(c.gatehouse.Visitor(c.t), c.idp.Alice.Email, c.password)
}

// byPassword signs a visitor in where the address may choose.
func (c *company) byPassword(visitor *Visitor, email, password string) *Visitor {
	c.t.Helper()
	page := visitor.Submit(visitor.Get("/login"), "email", email, "method", "password")
	visitor.Submit(page, "password", password).Want(c.t, http.StatusSeeOther)
	return visitor
}

// meantForAnotherConnection posts an unsolicited answer at a draft of the same
// organization with the same identity provider.
func (c *company) meantForAnotherConnection(owner *Visitor) {
	c.t.Helper()
	form := url.Values{"name": {"Other"}, "kind": {"saml"}, "protocol": {"saml"}}
	made := owner.Post(c.home+"/connections", form).Want(c.t, http.StatusSeeOther)
	other := path.Base(strings.TrimSuffix(made.Location, "/setup"))
	metadata := url.Values{"version": {"1"}, "metadata_url": {c.idp.MetadataURL()}}
	owner.Post(c.home+"/connections/"+other+"/identity-provider/metadata", metadata).Want(c.t, http.StatusSeeOther)
	bob := c.gatehouse.Visitor(c.t)
	response := c.idp.Respond(c.t, c.idp.Tile(c.metadataURL(), ""), c.idp.Bob)
	c.refused(bob, owner, bob.Post("/saml/"+other+"/acs", response.Form()), trust.ReasonDestination)
}

// ignoredRequests: after an unsolicited answer we ask for one of our own. What
// comes unsolicited again would go on for ever, and what comes twice is spent.
func (c *company) ignoredRequests(owner *Visitor) {
	c.t.Helper()
	bob := c.gatehouse.Visitor(c.t)
	first, second := c.idp.Respond(c.t, c.idp.Tile(c.metadataURL(), ""), c.idp.Bob), c.idp.Respond(c.t, c.idp.Tile(c.metadataURL(), ""), c.idp.Bob)
	c.leadsToIdentityProvider(bob.Post(first.ACS, first.Form()).Want(c.t, http.StatusOK))
	c.refused(bob, owner, bob.Post(second.ACS, second.Form()), trust.ReasonIDPIgnoresRequests)
	stranger := c.gatehouse.Visitor(c.t)
	c.refused(stranger, owner, stranger.Post(first.ACS, first.Form()), trust.ReasonReplayed)
}

var formVersion = regexp.MustCompile(`name="version" value="([^"]+)"`)

// disabledInBetween: what counts is the connection as it is when the answer
// arrives.
func (c *company) disabledInBetween(owner *Visitor) {
	c.t.Helper()
	change := func(act string) {
		c.t.Helper()
		page := owner.Get(c.connection).Want(c.t, http.StatusOK)
		version := formVersion.FindStringSubmatch(page.Page)
		owner.Post(c.connection+"/"+act, url.Values{"version": version[1:]}).Want(c.t, http.StatusSeeOther)
	}
	bob := c.gatehouse.Visitor(c.t)
	response := c.response(bob)
	change("disable")
	defer change("activate")
	c.refused(bob, owner, bob.Post(response.ACS, response.Form()), trust.ReasonConnectionNotActive)
}

// noMessage is what is refused before anything is read.
func (c *company) noMessage() {
	c.t.Helper()
	bob := c.gatehouse.Visitor(c.t)
	response := c.response(bob)
	acs := "/saml/" + c.connectionID() + "/acs"
	twice := response.Form()
	twice.Add("SAMLResponse", twice.Get("SAMLResponse"))
	artifact := response.Form()
	artifact.Set("SAMLart", "AAQAAMh48")
	for name, got := range map[string]Answer{
		"nothing": bob.Post(acs, nil), "two responses": bob.Post(acs, twice), "an artifact": bob.Post(acs, artifact),
		"a query": bob.Post(acs+"?x=1", response.Form()),
	} {
		if got.Status != http.StatusBadRequest {
			c.t.Errorf("%s: %s", name, got)
		}
	}
	bob.Get(acs+"?"+response.Form().Encode()).Want(c.t, http.StatusMethodNotAllowed)
}

// honestAnswerOnce gets in, and does not get in twice.
func (c *company) honestAnswerOnce(owner *Visitor) {
	c.t.Helper()
	bob := c.gatehouse.Visitor(c.t)
	response := c.response(bob)
	landing := bob.Post(response.ACS, response.Form()).Want(c.t, http.StatusSeeOther)
	bob.Get(landing.Location).Want(c.t, http.StatusSeeOther)
	if account := bob.Get("/account").Want(c.t, http.StatusOK); !strings.Contains(account.Page, c.idp.Bob.Email) {
		c.t.Errorf("somebody else is signed in: %s", account)
	}
	again := bob.Post(response.ACS, response.Form()).Want(c.t, http.StatusForbidden)
	if !strings.Contains(again.Page, html.EscapeString(trust.ReasonReplayed.Sentence())) {
		c.t.Errorf("the second time: %s", again)
	}
	bob.Get(landing.Location).Want(c.t, http.StatusForbidden)
}

// edited changes the message as a tree.
func edited(change func(response *etree.Element)) func(*testing.T, []byte) []byte {
	return func(t *testing.T, message []byte) []byte {
		t.Helper()
		document := etree.NewDocument()
		if err := document.ReadFromBytes(message); err != nil {
			t.Fatal(err)
		}
		change(document.Root())
		changed, err := document.WriteToBytes()
		if err != nil {
			t.Fatal(err)
		}
		return changed
	}
}

// replaced changes the message as bytes.
func replaced(old, new string) func(*testing.T, []byte) []byte {
	return func(t *testing.T, message []byte) []byte {
		t.Helper()
		if !bytes.Contains(message, []byte(old)) {
			t.Fatalf("there is no %q in %s", old, message)
		}
		return bytes.ReplaceAll(message, []byte(old), []byte(new))
	}
}

func removeSignatures(response *etree.Element) {
	for _, element := range []*etree.Element{response, response.SelectElement("Assertion")} {
		element.RemoveChild(element.SelectElement("Signature"))
	}
}

// evesAssertion is a copy of the signed one that speaks of somebody else.
func evesAssertion(signed *etree.Element) *etree.Element {
	evil := signed.Copy()
	evil.CreateAttr("ID", "_eve")
	evil.RemoveChild(evil.SelectElement("Signature"))
	evil.FindElement("Subject/NameID").SetText("eve")
	return evil
}

// addAssertion puts Eve's before the signed one, for readers that take the
// first. The response's own signature, which covers both, has to go.
func addAssertion(response *etree.Element) {
	response.RemoveChild(response.SelectElement("Signature"))
	signed := response.SelectElement("Assertion")
	response.InsertChildAt(signed.Index(), evesAssertion(signed))
}

// wrapAssertion hides the signed one in an extension of Eve's.
func wrapAssertion(response *etree.Element) {
	response.RemoveChild(response.SelectElement("Signature"))
	signed := response.SelectElement("Assertion")
	evil := evesAssertion(signed)
	response.InsertChildAt(signed.Index(), evil)
	response.RemoveChild(signed)
	evil.CreateElement("Advice").AddChild(signed)
}
