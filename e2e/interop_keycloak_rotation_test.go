package e2e

import "testing"

// How many logins there are before Keycloak's key is swapped, and in all: the
// key is swapped within seconds of when ours were last read.
const (
	loginsBefore  = 3 * steadyRate
	loginsRotated = 23 * steadyRate
)

// TestInterop_KeycloakRotatesItsKey: while people sign in, the realm is given a
// key of a higher priority, with which it signs from that moment on. Nobody
// who signs in meanwhile notices.
func TestInterop_KeycloakRotatesItsKey(t *testing.T) {
	c, realm := keycloakCompany(t)
	c.connectRealmByOpenID(realm, false)
	c.keysAreRotated(realm, "OpenID Connect, a new signing key under way")
}

func (c *company) keysAreRotated(realm *Realm, what string) {
	c.t.Helper()
	known := realm.SigningKeys()
	if err := c.comesWithoutBrowser(c.idp.Bob); err != nil { // he is known from here on
		c.t.Fatal(err)
	}
	stream := Steadily(c.t, func() error { return c.comesWithoutBrowser(c.idp.Bob) })
	stream.Await(loginsBefore)
	realm.AddKey()
	if now := realm.SigningKeys(); now != known+1 {
		c.t.Errorf("the realm publishes %d keys to sign with, want %d", now, known+1)
	}
	stream.Await(loginsRotated)
	stream.Finish(what)
}
