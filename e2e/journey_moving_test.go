package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beevik/etree"
)

// What the broker was called, and where it took responses, before Gatehouse came in its place.
const (
	oldEntityID = "https://saml.boxyhq.com"
	oldACS      = "/api/oauth/saml"
)

// TestAnIdentityProviderGoesOnAsBefore: SimpleSAMLphp knows a service provider of old, by its entity ID and its ACS, and nobody changes anything there.
// The operator imports what the old broker answers, the owner tests and activates it, and employees sign in from our page and from the tile.
func TestAnIdentityProviderGoesOnAsBefore(t *testing.T) {
	c := newCompany(t, nil)
	c.idp.Register(t, fmt.Appendf(nil, `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="%s">
  <md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:AssertionConsumerService index="0" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="%s%s"/>
  </md:SPSSODescriptor>
</md:EntityDescriptor>`, oldEntityID, c.gatehouse.URL, oldACS), Answers{SignResponse: true, SignAssertion: true})
	c.becomeOwner()
	c.proveDomain()

	answer := c.polisAnswer()
	c.gatehouse.Run("import", "polis", answer)
	c.gatehouse.Run("import", "polis", "--write", answer)
	if said := c.gatehouse.Run("import", "polis", "--write", answer); !strings.Contains(said, "Made: 0, already there: 1") {
		t.Errorf("imported once more: %s", said)
	}
	c.goTo("Connections")
	c.owner.Click("link", "Corp")
	c.connection = c.owner.Address().Path
	c.owner.See("came here from another product")
	c.owner.Screenshot("a connection that was imported")
	c.testConnection()
	c.activate()
	c.owner.Open(c.gatehouse.URL + c.connection + "/options")
	c.owner.See("Addresses from before the move")
	c.owner.Screenshot("addresses from before the move")

	bob := NewPerson(t, "Bob")
	c.enterEmail(bob, c.idp.Bob.Email)
	bob.Click("button", "Continue with Corp")
	c.atIdentityProvider(bob, c.idp.Bob)
	c.isIn(bob, c.idp.Bob)
	tile := NewPerson(t, "Bob at his dashboard")
	tile.Open(c.idp.Tile(oldEntityID, ""))
	c.atIdentityProvider(tile, c.idp.Bob)
	c.isIn(tile, c.idp.Bob)
}

// polisAnswer is a file with what the old broker knows of the identity provider.
func (c *company) polisAnswer() string {
	c.t.Helper()
	metadata := etree.NewDocument()
	if err := metadata.ReadFromBytes(c.idp.Metadata(c.t)); err != nil {
		c.t.Fatal(err)
	}
	root := metadata.Root()
	sso := root.FindElement("//SingleSignOnService").SelectAttrValue("Location", "")
	text, err := json.Marshal([]any{map[string]any{
		"tenant": "Acme", "product": "crm", "name": "Corp", "clientID": "9c5d0b1e", "clientSecret": "of-the-broker", "redirectUrl": []string{"https://app.example/*"},
		"identifierFormat": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
		"idpMetadata": map[string]any{
			"entityID": root.SelectAttrValue("entityID", ""), "provider": "Unknown", "sso": map[string]string{"redirectUrl": sso},
			"publicKey": root.FindElement("//X509Certificate").Text(),
		},
	}})
	if err != nil {
		c.t.Fatal(err)
	}
	file := filepath.Join(c.t.TempDir(), "polis.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		c.t.Fatal(err)
	}
	return file
}
