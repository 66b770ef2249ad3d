package e2e

import "testing"

// TestEnforcementWithAGuest: a guest has no identity provider here. As long as
// single sign-on is required of members on a verified domain, their password
// lets them in; required of everyone, it does too, until they are linked. An
// employee comes in by the identity provider alone.
func TestEnforcementWithAGuest(t *testing.T) {
	c, post := postedCompany(t, signedUpCompany)
	const own = "nine loud paper kettles"
	c.gatehouse.Secret(own)
	letter := c.invite(post, "grace@guest.example", "Organization manager")
	grace := NewPerson(t, "Grace")
	grace.Open(letter.Link())
	grace.Click("button", "Continue")
	grace.Fill("Your name", "Grace Hopper")
	grace.Fill("Password", own)
	grace.Click("button", "Join Acme")
	grace.See("Welcome to Acme.")

	c.enforce()
	grace.Open(c.gatehouse.URL + c.home + "/members")
	grace.See("Grace Hopper") // covered are the people of the domain
	c.owner.Open(c.gatehouse.URL + c.home + "/members")
	c.owner.Click("link", "Continue with Corp") // and the owner is one of them
	c.owner.At(c.home + "/members")

	bob := NewPerson(t, "Bob")
	c.enterEmail(bob, c.idp.Bob.Email) // no password page: straight to the identity provider
	c.atIdentityProvider(bob, c.idp.Bob)
	c.isIn(bob, c.idp.Bob)

	c.goTo("Sign-in")
	c.owner.Click("link", "Change whom it covers")
	c.owner.Click("link", "Everyone")
	c.owner.Screenshot("before requiring it of everyone")
	c.owner.Click("button", "Require single sign-on")
	c.owner.See("Single sign-on is required of everyone")
	grace.Open(c.gatehouse.URL + c.home + "/members")
	grace.See("Grace Hopper")
	grace.Click("button", "Sign out")
	c.enterEmail(grace, "grace@guest.example")
	grace.Fill("Password", own)
	grace.Click("button", "Sign in")
	grace.See("Acme")
	grace.Screenshot("a guest who is linked to nothing")
}
