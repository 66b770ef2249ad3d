package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// TestAnswers signs in with each way of answering that an identity provider
// has, begun on our page and begun on its own.
func TestAnswers(t *testing.T) {
	c := signedUpCompany(t, nil)
	for _, test := range []struct {
		name    string
		answers Answers
	}{
		{"signed assertion", Answers{SignAssertion: true}},
		{"signed response", Answers{SignResponse: true}},
		{"both signed", Answers{SignResponse: true, SignAssertion: true}},
		{"encrypted", Answers{SignResponse: true, SignAssertion: true, Encrypt: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := c.in(t)
			c.register(test.answers)

			bob := NewPerson(t, "Bob")
			c.enterEmail(bob, c.idp.Bob.Email)
			bob.See("Choose how to sign in")
			bob.Click("button", "Continue with Corp")
			c.atIdentityProvider(bob, c.idp.Bob)
			c.isIn(bob, c.idp.Bob)

			alice := NewPerson(t, "Alice by the tile")
			alice.Open(c.idp.Tile(c.metadataURL(), "/account"))
			c.atIdentityProvider(alice, c.idp.Alice)
			c.isIn(alice, c.idp.Alice)
			alice.At("/account")
		})
	}
	t.Run("without scripts", func(t *testing.T) { c.in(t).withoutScripts() })
	t.Run("the tile taken as it comes", func(t *testing.T) { c.in(t).tileTakenAsItComes() })
	t.Run("the tile switched off", func(t *testing.T) { c.in(t).tileSwitchedOff() })
}

// withoutScripts presses the buttons that scripts would press. Our own pages
// go on by themselves even so.
func (c *company) withoutScripts() {
	bob := NewPerson(c.t, "Bob without scripts")
	bob.WithoutScripts()
	c.enterEmail(bob, c.idp.Bob.Email)
	bob.Click("button", "Continue with Corp")
	c.atIdentityProvider(bob, c.idp.Bob)
	bob.Click("button", "Submit")
	c.isIn(bob, c.idp.Bob)
}

// tileTakenAsItComes: then the unsolicited response signs in by itself, without another way round by the identity provider, and once.
func (c *company) tileTakenAsItComes() {
	c.owner.Open(c.gatehouse.URL + c.connection + "/options")
	c.owner.Within("group", "own dashboard").Choose("On, taken as it comes")
	c.owner.Screenshot("options")
	c.owner.Click("button", "Save options")
	c.owner.See("saved")
	c.publish("Publish untested draft")
	bob := NewPerson(c.t, "Bob by the tile")
	bob.Open(c.idp.Tile(c.metadataURL(), "/account"))
	c.atIdentityProvider(bob, c.idp.Bob)
	c.isIn(bob, c.idp.Bob)
	bob.At("/account")

	response := c.idp.Respond(c.t, c.idp.Tile(c.metadataURL(), ""), c.idp.Alice)
	first, second := c.gatehouse.Visitor(c.t), c.gatehouse.Visitor(c.t)
	if landed := first.Post(response.ACS, response.Form()).Want(c.t, http.StatusSeeOther).Location; !strings.Contains(landed, "/login/finish?code=") {
		c.t.Errorf("it leads to %s", landed)
	}
	if again := second.Post(response.ACS, response.Form()); !strings.Contains(again.Page, trust.ReasonReplayed.Sentence()) {
		c.t.Errorf("posted again: %s", again)
	}
}

// tileSwitchedOff: then the unsolicited response is refused, in a sentence.
func (c *company) tileSwitchedOff() {
	c.owner.Open(c.gatehouse.URL + c.connection + "/options")
	c.owner.Within("group", "own dashboard").Choose("Off")
	c.owner.Click("button", "Save options")
	c.owner.See("saved")
	c.publish("Publish untested draft")
	bob := NewPerson(c.t, "Bob by the tile")
	bob.Open(c.idp.Tile(c.metadataURL(), ""))
	c.atIdentityProvider(bob, c.idp.Bob)
	bob.See("You are not signed in")
	bob.Screenshot("refused")
	c.open(c.owner, "logins")
	c.owner.Fill("Search logins", bob.Copyable("Reference"))
	c.owner.Click("button", "Apply filters") // a reference leads to its login
	c.owner.See("unsolicited_not_allowed")
	c.owner.Screenshot("login refused")
}
