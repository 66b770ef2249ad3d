package e2e

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"testing"
)

// TestJourney_ADraftTouchesNoLiveLogin changes an active connection as it must
// not be changed: the certificate is another's. The test of the draft says so
// and names the certificate that it went by; meanwhile people sign in. Mended, it is tested,
// published, and taken back by restoring the version before.
func TestJourney_ADraftTouchesNoLiveLogin(t *testing.T) {
	c := signedUpCompany(t, nil)
	_, wrong := newKeyPair(t, "wrong.example")
	right := c.signsWith()

	c.owner.Open(c.gatehouse.URL + c.connection + "/identity-provider")
	c.owner.See("What you save here goes to a draft first")
	c.owner.Fill("Add certificates", string(wrong))
	c.owner.Click("button", "Add certificates")
	c.owner.See("The certificates are added.")
	c.owner.Click("button", "Remove certificate "+right.Subject.CommonName)
	c.owner.See("The certificate is removed.")
	c.owner.Open(c.gatehouse.URL + c.connection)
	c.owner.See("wrong.example")
	c.owner.Screenshot("draft")

	c.testDraft() // Alice is signed in there already
	c.owner.See("Refused. The signature of the sign-in message could not be confirmed.")
	block, _ := pem.Decode(wrong)
	print := sha256.Sum256(block.Bytes)
	c.owner.See(fmt.Sprintf("signed by %x %x", print[:2], print[2:4]))
	c.owner.Within("region", "Where to mend it").Has("link", "Identity provider, Signing certificates")
	c.owner.Screenshot("draft refused")
	bob := NewPerson(t, "Bob")
	c.comes(bob)
	c.owner.Open(c.gatehouse.URL + c.connection + "/publish")
	c.owner.See("No test sign-in has gone well with this draft.")
	c.owner.Screenshot("publish untested")

	c.owner.Open(c.gatehouse.URL + c.connection + "/identity-provider")
	c.owner.Fill("Add certificates", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: right.Raw})))
	c.owner.Click("button", "Add certificates")
	c.owner.See("The certificates are added.")
	c.testDraft()
	c.owner.See("The test of the draft went well: " + c.idp.Alice.Email + " arrived.")
	c.owner.Screenshot("draft tested")
	c.publish("Publish draft")
	c.comes(NewPerson(t, "Bob after publishing"))

	c.owner.Click("link", "Versions")
	c.owner.Screenshot("versions")
	c.restoreFirst()
	c.comes(NewPerson(t, "Bob after restoring"))
	c.goTo("Events")
	const changed, published = "Alice Adams changed the draft of the connection “Corp”", "Alice Adams published the draft of the connection “Corp”"
	c.tells(c.owner, changed, published, changed, published) // restoring is a change of the draft
}

// restoreFirst makes the version that was live at first the draft, and
// publishes it.
func (c *company) restoreFirst() {
	c.t.Helper()
	c.owner.See("Was live")
	c.owner.Click("link", "Version 2") // with the metadata
	c.owner.See("Against the live version")
	c.owner.See("wrong.example")
	c.owner.Screenshot("version")
	c.owner.Click("button", "Restore version 2")
	c.testDraft()
	c.owner.See("The test of the draft went well")
	c.publish("Publish draft")
}

// signsWith is the certificate by which the identity provider signs.
func (c *company) signsWith() *x509.Certificate {
	c.t.Helper()
	raw, err := base64.StdEncoding.DecodeString(ourCertificate.FindStringSubmatch(string(c.idp.Metadata(c.t)))[1])
	if err != nil {
		c.t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		c.t.Fatal(err)
	}
	return certificate
}

// comes signs Bob in by the live settings.
func (c *company) comes(bob *Person) {
	c.t.Helper()
	c.enterEmail(bob, c.idp.Bob.Email)
	bob.Click("button", "Continue with Corp")
	c.atIdentityProvider(bob, c.idp.Bob)
	c.isIn(bob, c.idp.Bob)
}

// testDraft begins a test sign-in by what is not published yet.
func (c *company) testDraft() {
	c.t.Helper()
	c.owner.Open(c.gatehouse.URL + c.connection)
	c.owner.Click("button", "Test draft")
}

// publish puts the draft live by the button of the page that asks once more.
func (c *company) publish(button string) {
	c.t.Helper()
	c.owner.Open(c.gatehouse.URL + c.connection)
	c.owner.Click("link", "Publish draft")
	c.owner.Screenshot("publish")
	c.owner.Click("button", button)
	c.owner.See("The draft is published")
}
