package e2e

import "testing"

// saysOfLeaving is what our page says once somebody has signed out there too:
// a SAML answer is signed; from an OpenID provider the browser only comes back.
var saysOfLeaving = map[string]string{
	"SAML":           "Corp has signed you out too.",
	"OpenID Connect": "You came back from Corp.",
}

// TestInterop_KeycloakSignsOut: whoever signs out on our side is signed out at
// Keycloak, and whom Keycloak signs out, by its own page or by an
// administrator, is signed out here; another browser of theirs is not, unless
// it is meant.
func TestInterop_KeycloakSignsOut(t *testing.T) {
	for protocol, connect := range keycloakWays {
		t.Run(protocol, func(t *testing.T) {
			c, realm := keycloakCompany(t)
			connect(c, realm)

			here, there, third := c.comesByKeycloak(c.idp.Bob), c.comesByKeycloak(c.idp.Bob), c.comesByKeycloak(c.idp.Bob)
			here.Click("button", "Sign out")
			here.See(saysOfLeaving[protocol])
			here.Screenshot("signed out at keycloak too")
			c.enterEmail(here, c.idp.Bob.Email)
			here.Click("button", "Continue with Corp")
			here.Has("textbox", "Username or email") // it has to ask again
			c.isStillIn(there)

			there.Open(realm.SignOutPage())
			there.Click("button", "Logout")
			there.See("You are logged out")
			c.isShutTo(there)
			c.isStillIn(third)

			if protocol == "OpenID Connect" { // its message then has a second event
				realm.Answer("gatehouse", map[string]string{"backchannel.logout.revoke.offline.tokens": "true"})
			}
			realm.EndSessions(c.idp.Bob)
			c.isShutTo(third)
			c.isStillIn(c.owner)

			c.goTo("Events")
			c.tells(c.owner, "heard of a sign-out of Bob Brown at the identity provider of the connection “Corp”: “one session ended”",
				"heard of a sign-out of Bob Brown at the identity provider of the connection “Corp”: “one session ended”")
			c.owner.DoNotSee("refused a message about signing out")
			c.owner.Screenshot("what keycloak said of signing out")
			tally(protocol+", signing out: here, at Keycloak, by its administrator", 3, "")
		})
	}
}
