package e2e

import (
	"strings"
	"testing"
)

// TestJourney_SetupLink hands a connection to somebody who has no user here.
// Ivan, whose company it is, follows the same steps as an owner would, proves
// the domain, tests and says that he is done; the owner activates. What else
// there is stays shut for him, whatever he types into the address bar.
func TestJourney_SetupLink(t *testing.T) {
	c := newCompany(t, nil)
	c.becomeOwner()
	c.makeProject("Search")
	c.claimDomain()
	record := c.owner.Copyable("Name")
	domainPage := c.owner.Address().Path
	c.goTo("Connections")
	c.choose("Any SAML 2.0 identity provider", "Corp")
	link := c.makeSetupLink()

	ivan := NewPerson(t, "Ivan")
	ivan.Open(link)
	ivan.See("Set up single sign-on for Acme")
	ivan.Screenshot("setup link")
	ivan.Click("button", "Continue")
	ivan.See("Set up Corp")
	ivan.Screenshot("setup begun")

	ivan.Click("link", "Connect your identity provider")
	ivan.See("Register us there")
	ivan.Screenshot("setup first step")
	ivan.Click("button", "Done, continue")
	ivan.Fill("Metadata address (optional)", c.gatehouse.URL+"/login")
	ivan.Click("button", "Save and continue")
	ivan.See("There is a problem")
	ivan.Screenshot("setup metadata refused")
	ivan.Fill("Metadata address (optional)", c.idp.MetadataURL())
	ivan.Click("button", "Save and continue")
	ivan.See("The identity provider's values are saved.")
	c.register(bothSigned)
	ivan.Click("button", "Save and continue")
	c.ivanProves(ivan, record)
	c.ivanTests(ivan)

	ivan.Click("link", "Say that you are done")
	ivan.Click("link", "Name who renews certificates")
	ivan.Fill("Email addresses (optional)", "it@"+domain)
	ivan.Screenshot("setup contacts")
	ivan.Click("button", "Save contacts")
	ivan.See("1 contact")
	ivan.Click("button", "I am done")
	ivan.See("You are done.")
	ivan.Screenshot("setup done")
	c.ivanSeesNothingElse(ivan, domainPage)

	c.owner.Open(c.gatehouse.URL + c.connection + "/setup-links")
	c.owner.Within("row", "IT of Acme").Has("cell", "Done")
	c.owner.Screenshot("setup links done")
	c.activate()
	bob := NewPerson(t, "Bob")
	c.enterEmail(bob, c.idp.Bob.Email)
	bob.Click("button", "Continue with Corp")
	c.atIdentityProvider(bob, c.idp.Bob)
	c.isIn(bob, c.idp.Bob)
	ivan.Open(c.gatehouse.URL + "/setup")
	ivan.See("The connection is active")
	ivan.Screenshot("setup active")
	c.goTo("Events")
	c.tells(c.owner, "IT of Acme", "Alice Adams activated the connection “Corp”.")

	c.owner.Open(c.gatehouse.URL + c.connection + "/setup-links")
	c.owner.Click("button", "Revoke the link of IT of Acme")
	ivan.Open(c.gatehouse.URL + "/setup")
	ivan.See("Open your setup link")
	ivan.Open(link)
	ivan.See("This link no longer works")
	ivan.Screenshot("setup link revoked")
}

// makeSetupLink makes one for the domain that is claimed.
func (c *company) makeSetupLink() (link string) {
	c.t.Helper()
	c.owner.Open(c.gatehouse.URL + c.connection + "/setup-links")
	c.owner.Screenshot("no setup link yet")
	c.owner.Fill("Whom is it for?", "IT of Acme")
	c.owner.Click("button", "Make link")
	c.owner.See("It is shown this once.")
	link = c.owner.Copyable("Link for IT of Acme")
	c.gatehouse.Secret(link[strings.LastIndex(link, "/")+1:])
	c.owner.Screenshot("setup link made")
	c.owner.Click("link", "Done")
	return link
}

// ivanProves puts the record into the DNS, after he was told that it is not
// there.
func (c *company) ivanProves(ivan *Person, record string) {
	c.t.Helper()
	ivan.See("Prove your email domains")
	ivan.Lacks("button", "Claim domain")
	ivan.Click("button", "Verify "+domain)
	ivan.See("There is no TXT record at " + record)
	ivan.Screenshot("setup domain without its record")
	c.dns.Set(ivan.Copyable("TXT record name of "+domain), ivan.Copyable("TXT record value of "+domain))
	ivan.Click("button", "Verify "+domain)
	ivan.See(domain + " is verified.")
	ivan.Click("button", "Continue")
}

// ivanTests signs in as Bob, as whom he has no user here either, while another
// tab of his follows how that goes on.
func (c *company) ivanTests(ivan *Person) {
	c.t.Helper()
	ivan.See("Test with your own sign-in")
	ivan.Click("button", "Test sign-in")
	ivan.Has("textbox", "Username")
	beside := ivan.NewTab("Ivan beside")
	beside.Open(c.gatehouse.URL + "/setup/steps/test")
	beside.Click("link", "Follow it step by step")
	beside.See("which has not answered yet")
	beside.See("What happens next appears here by itself.")
	beside.Screenshot("setup test under way")
	c.atIdentityProvider(ivan, c.idp.Bob)
	ivan.See("The test went well. " + c.idp.Bob.Email + " arrived. It was run by a setup link, which links nobody.")
	beside.See("The test went well.") // nobody reloaded it
	ivan.Screenshot("setup test")
	ivan.Click("link", "Back to the setup")
	ivan.See("The last test went well.")
	ivan.Screenshot("setup tested")
}

// ivanSeesNothingElse types addresses by hand.
func (c *company) ivanSeesNothingElse(ivan *Person, domainPage string) {
	c.t.Helper()
	for _, path := range []string{
		c.home, c.home + "/members", c.home + "/logins", c.home + "/events", c.connection, c.connection + "/setup", c.connection + "/setup-links",
		domainPage, c.project, "/account",
	} {
		ivan.Open(c.gatehouse.URL + path)
		ivan.At("/login")
		ivan.DoNotSee("Corp")
	}
	ivan.Open(c.gatehouse.URL + "/setup/domains/" + domainPage[strings.LastIndex(domainPage, "/")+1:])
	ivan.See("Prove " + domain) // the one that is his
	ivan.Open(c.gatehouse.URL + "/setup/tests/log_00000000000000000000000000")
	ivan.See("There is nothing here")
}
