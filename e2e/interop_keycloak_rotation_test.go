package e2e

import "testing"

const (
	loginsBefore  = 3 * steadyRate // when the identity provider's key is swapped: within seconds of when ours were last read
	loginsRotated = 23 * steadyRate
	regularsThere = 40
)

// TestInterop_KeycloakRotatesItsKey: while people sign in, the realm is given a
// key of a higher priority, with which it signs from that moment on. Nobody
// who signs in meanwhile notices.
func TestInterop_KeycloakRotatesItsKey(t *testing.T) {
	for protocol, connect := range keycloakWays {
		t.Run(protocol, func(t *testing.T) {
			c, realm := keycloakCompany(t)
			connect(c, realm)
			c.keysAreRotated(realm, protocol+", a new signing key under way")
			if protocol == "SAML" {
				c.certificatesSay("Nothing waits")
				c.owner.Open(c.gatehouse.URL + c.home + "/events?about=connection.metadata_taken")
				c.tells(c.owner, "Gatehouse took a change in the metadata of the connection “Corp”: a signing key that was known before stands beside it.")
			}
		})
	}
}

func (c *company) keysAreRotated(realm *Realm, what string) {
	c.t.Helper()
	known := realm.SigningKeys()
	people, err := c.regulars(regularsThere, c.idp.Bob)
	if err != nil {
		c.t.Fatal(err)
	}
	stream := Steadily(c.t, people.Come)
	stream.Await(loginsBefore)
	realm.AddKey()
	if now := realm.SigningKeys(); now != known+1 {
		c.t.Errorf("the realm publishes %d keys to sign with, want %d", now, known+1)
	}
	stream.Await(loginsRotated)
	stream.Finish(what)
	tally(what+", in a new browser", int(people.typed.Load()), "of these, by the password, because no other browser was idle")
}

// TestInterop_KeycloakSwapsEveryKey: the realm takes its keys back and signs by
// another one. Nobody comes in by it; whoever tries has a reference that leads
// an owner to what changed, and from there on everybody comes in as before.
func TestInterop_KeycloakSwapsEveryKey(t *testing.T) {
	c, realm := keycloakCompany(t)
	c.connectRealm(realm)
	c.comesByKeycloak(c.idp.Bob)
	realm.SwapKeys()

	bob := NewPerson(t, "Bob after the swap")
	c.enterEmail(bob, c.idp.Bob.Email)
	bob.Click("button", "Continue with Corp")
	atKeycloak(bob, c.idp.Bob)
	bob.See("a new key that nobody has confirmed here yet")
	bob.Screenshot("keycloak swapped every key")
	found := bob.Copyable("Reference")

	c.owner.Open(c.gatehouse.URL + c.home + "/logins")
	c.owner.Fill("Search logins", found)
	c.owner.Click("button", "Apply filters")
	c.owner.See("every key in it is another one, and waits for an owner")
	c.owner.See("Nobody signs in by the new key before an owner has confirmed it.")
	c.owner.Screenshot("the doctor on a swap of every key")
	c.owner.Within("region", "Where to mend it").Click("link", "Certificates, The metadata has changed")
	c.owner.See("Every key is another one.")
	c.owner.Screenshot("every key at keycloak is another one")
	c.owner.Click("button", "Apply the metadata")
	c.owner.See("The metadata is applied")
	c.owner.DoNotSee("The metadata has changed")
	c.comesByKeycloak(c.idp.Bob)
	tally("SAML, every key swapped: refused until an owner applied the metadata", 2, "before, and after")
}
