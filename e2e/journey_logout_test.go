package e2e

import (
	"crypto/rand"
	"testing"
)

// TestJourney_SigningOutAtAnOpenIDProvider: whoever signs out here is led to
// the identity provider, which nobody here wrote, and back; whoever signs out
// there is signed out here by its own message, in the browser where they were
// signed in by it and in no other.
func TestJourney_SigningOutAtAnOpenIDProvider(t *testing.T) {
	c := newCompany(t, nil)
	provider := NewOpenIDProvider(t, c.idp.Alice, c.idp.Bob)
	c.becomeOwner()
	c.proveDomain()
	c.goTo("Connections")
	c.choose("Any OpenID Connect provider", "Corp")
	secret := rand.Text()
	c.gatehouse.Secret(secret)
	client := map[string]any{
		"client_id": "gatehouse", "client_secret": secret, "backchannel_logout_session_required": true,
		"redirect_uris": []string{c.owner.Copyable("Redirect URI (Callback URL, Reply URL)")},
	}
	c.owner.Open(c.gatehouse.URL + c.connection + "/sign-out")
	client["backchannel_logout_uri"] = c.owner.Copyable("Back-channel logout URI")
	client["post_logout_redirect_uris"] = []string{c.owner.Copyable("Post-logout redirect URI (Sign-out redirect URI)")}
	provider.Register(client)
	provider.Start(t)
	c.connectOpenID(provider, "gatehouse", secret)
	c.owner.Open(c.gatehouse.URL + c.connection + "/sign-out")
	c.owner.Choose("Always sign out there too")
	c.owner.Click("button", "Save")
	c.owner.See("What signing out does is saved.")
	c.beginTest()
	atOpenIDProvider(c.owner, c.idp.Alice)
	c.seeTestWent()
	c.activate()

	here, there := c.leavesByOpenID(c.idp.Bob), c.leavesByOpenID(c.idp.Bob)
	c.isIn(here, c.idp.Bob)
	c.isIn(there, c.idp.Bob)
	here.Click("button", "Sign out")
	here.Click("button", "Yes, sign me out")
	here.See("You came back from Corp.")
	here.Screenshot("back from signing out there")
	c.isShutTo(here)
	c.isStillIn(there)

	there.Open(provider.SignOutPage())
	there.Click("button", "Yes, sign me out")
	there.See("Sign-out Success")
	c.isShutTo(there)
	c.isStillIn(c.owner)
	c.goTo("Events")
	c.tells(c.owner,
		"what came of signing out there: “the person came back from there”",
		"heard of a sign-out of Bob Brown at the identity provider of the connection “Corp”: “one session ended”")
	c.owner.DoNotSee("refused a message about signing out")
}

// isStillIn: a page of the organization opens.
func (c *company) isStillIn(person *Person) {
	c.t.Helper()
	c.open(person, "projects")
	person.At(c.home + "/projects")
}
