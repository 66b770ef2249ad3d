package e2e

import "testing"

// TestJourney_TheDoctor follows a refused sign-in from the sentence that the
// person reads to the setting that was wrong: the reference that they pass on
// is searched, the page says who mends it and where, and the stored message
// says whether what was changed is enough. A second owner does the same
// without scripts.
func TestJourney_TheDoctor(t *testing.T) {
	c := signedUpCompany(t, nil)
	c.attribute("nobody-sends-this")
	c.owner.See("It is in the draft")
	c.publish("Publish untested draft")

	bob := NewPerson(t, "Bob")
	c.enterEmail(bob, c.idp.Bob.Email)
	bob.Click("button", "Continue with Corp")
	c.atIdentityProvider(bob, c.idp.Bob)
	bob.See("Your email address did not come with the sign-in message.")
	bob.Screenshot("refused")
	found := reference.FindString(bob.Text())
	if found == "" {
		t.Fatalf("Bob has no reference to pass on:\n%s", bob.Text())
	}

	c.consult(found)
	plain := c.owner.NewTab("Alice without scripts")
	plain.WithoutScripts()
	scripted := c.owner
	c.owner = plain
	c.consult(found)
	c.owner = scripted

	c.attribute("")
	c.testDraft()
	c.owner.See("The test of the draft went well")
	c.publish("Publish draft")
	c.comes(NewPerson(t, "Bob again"))
}

// attribute names the attribute that addresses are read from.
func (c *company) attribute(name string) {
	c.t.Helper()
	c.owner.Open(c.gatehouse.URL + c.connection + "/attributes")
	c.owner.Fill("Email address (optional)", name)
	c.owner.Click("button", "Save attributes")
}

// consult searches the reference and follows what the page says, until it says
// that the same message would pass.
func (c *company) consult(found string) {
	c.t.Helper()
	c.owner.Open(c.gatehouse.URL + c.home + "/logins")
	c.owner.Fill("Search logins", "Hello, it says "+found+". Can you help?")
	c.owner.Click("button", "Apply filters")
	c.owner.See("Refused.")
	c.owner.See("You can mend this here.")
	c.owner.See("email_missing")
	c.owner.See("nobody-sends-this")
	c.owner.Screenshot("doctor")
	page := c.owner.Address().String()
	c.owner.Click("button", "Would it pass now?")
	c.owner.See("It would be refused")
	c.owner.Screenshot("doctor would not pass")

	c.owner.Within("region", "Where to mend it").Click("link", "Attributes, Email address")
	c.owner.Fill("Email address (optional)", "") // under one of the usual names
	c.owner.Click("button", "Save attributes")
	c.owner.See("The attributes are saved.")
	c.owner.Open(page)
	c.owner.Click("button", "Would it pass now?")
	c.owner.See("It would pass once the draft is published.")
	c.owner.Screenshot("doctor would pass")

	c.owner.Open(c.gatehouse.URL + c.connection) // and as it was, for whoever comes next
	c.owner.Click("button", "Discard draft")
	c.owner.See("The draft is discarded")
}
