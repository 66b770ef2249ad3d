package e2e

import "testing"

// TestJourney_TwoConnectionsForOneDomain: Bob chooses between two identity providers once, and his browser remembers; the owner then puts them
// into an order, and assigns the domain to one.
func TestJourney_TwoConnectionsForOneDomain(t *testing.T) {
	c := signedUpCompany(t, nil)
	c.connect("Corp Europe")
	c.activate()
	c.goTo("Connections")
	c.owner.Screenshot("two connections")

	bob := NewPerson(t, "Bob")
	c.enterEmail(bob, c.idp.Bob.Email)
	bob.See("Choose how to sign in")
	bob.Has("button", "Continue with Corp")
	bob.Screenshot("the choice")
	bob.Click("button", "Continue with Corp Europe")
	c.atIdentityProvider(bob, c.idp.Bob)
	c.isIn(bob, c.idp.Bob)
	bob.Click("button", "Sign out")

	bob.Open(c.gatehouse.URL + "/login")
	bob.Has("link", "Use another way than last time")
	c.enterEmail(bob, c.idp.Bob.Email)
	bob.Has("button", "Continue with Corp Europe")
	bob.See("Use another way")
	bob.Lacks("button", "Continue with Corp") // behind “Use another way”
	bob.Screenshot("the choice, remembered")
	bob.Open(c.gatehouse.URL + "/login")
	bob.Click("link", "Use another way than last time")
	bob.Fill("Email address", c.idp.Bob.Email)
	bob.Click("button", "Continue")
	bob.Has("button", "Continue with Corp")

	c.goTo("Domains")
	c.owner.Click("link", domain)
	c.owner.See("Served now by Corp, Corp Europe.")
	c.owner.Click("radio", "These alone")
	c.owner.Click("checkbox", "Corp")
	c.owner.Click("button", "Save connections")
	c.owner.See("Served now by Corp.")
	c.owner.Screenshot("assigned")
	c.enterEmail(bob, c.idp.Bob.Email)
	bob.Has("button", "Continue with Corp")
	bob.DoNotSee("Corp Europe")
}
