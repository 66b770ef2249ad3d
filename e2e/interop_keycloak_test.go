package e2e

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"
)

// keycloakCompany is a company whose people are in a realm of Keycloak, too.
func keycloakCompany(t *testing.T) (*company, *Realm) {
	t.Helper()
	requireKeycloak(t) // before anything else is started in vain
	c := newCompany(t, nil)
	realm := NewRealm(t, c.idp.Alice, c.idp.Bob)
	c.becomeOwner()
	c.proveDomain()
	c.goTo("Connections")
	return c, realm
}

// connectRealm makes a SAML connection and tells each side of the other by its
// metadata. Keycloak checks our signatures, and signs both the response and
// the assertion.
func (c *company) connectRealm(realm *Realm) {
	c.t.Helper()
	c.choose("Any SAML 2.0 identity provider", "Corp")
	c.owner.Click("button", "Done, continue")
	c.owner.Fill("Metadata address (optional)", realm.MetadataURL())
	c.owner.Click("button", "Save and continue")
	c.owner.See("The identity provider's values are saved.")
	realm.ImportSAML(fetch(c.t, c.metadataURL()), map[string]string{
		"saml.server.signature": "true", "saml.assertion.signature": "true", "saml.client.signature": "true",
		"saml_name_id_format": "persistent", "saml_force_name_id_format": "true", "saml_idp_initiated_sso_url_name": "gatehouse",
	})
	c.beginTest()
	atKeycloak(c.owner, c.idp.Alice)
	c.seeTestWent()
	c.owner.Screenshot("tested with keycloak")
	c.activate()
}

// atKeycloak signs the person in on Keycloak's own page.
func atKeycloak(person *Person, as Employee) {
	person.t.Helper()
	person.Fill("Username or email", as.User)
	person.Fill("Password", as.Password)
	person.Click("button", "Sign In")
}

// comesByKeycloak begins on our own page in a browser that has been nowhere.
func (c *company) comesByKeycloak(as Employee) *Person {
	c.t.Helper()
	person := NewPerson(c.t, as.GivenName)
	c.enterEmail(person, as.Email)
	person.Click("button", "Continue with Corp")
	atKeycloak(person, as)
	c.isIn(person, as)
	return person
}

// comesWithoutBrowser is the same by a program that follows redirects.
func (c *company) comesWithoutBrowser(as Employee) error {
	return c.gatehouse.signInThere(c.gatehouse.URL+"/connections/"+c.connectionID()+"/login", as)
}

// TestInterop_KeycloakSAML signs people in through a browser, from our side and
// from Keycloak's, and takes every combination of signatures and encryption
// that a client's settings there offer.
func TestInterop_KeycloakSAML(t *testing.T) {
	c, realm := keycloakCompany(t)
	c.connectRealm(realm)
	c.comesByKeycloak(c.idp.Bob)

	tile := NewPerson(t, "Bob at Keycloak's own address")
	tile.Open(realm.Tile("gatehouse", c.home+"/members"))
	atKeycloak(tile, c.idp.Bob)
	c.isIn(tile, c.idp.Bob) // by our own request, which he need not type for
	tile.At(c.home + "/members")
	tally("SAML, in a browser: a test, from our page, from Keycloak's", 3, "AuthnRequest signed and checked there")

	for name, settings := range map[string][3]string{ // response signed, assertion signed, assertion encrypted
		"response signed":            {"true", "false", "false"},
		"assertion signed":           {"false", "true", "false"},
		"both signed":                {"true", "true", "false"},
		"both signed, encrypted":     {"true", "true", "true"},
		"response signed, encrypted": {"true", "false", "true"},
	} {
		t.Run(name, func(t *testing.T) {
			realm.Answer(c.metadataURL(), map[string]string{
				"saml.server.signature": settings[0], "saml.assertion.signature": settings[1], "saml.encrypt": settings[2],
			})
			if err := c.comesWithoutBrowser(c.idp.Bob); err != nil {
				t.Fatal(err)
			}
			tally("SAML, "+name, 1, "")
		})
	}
}

// TestInterop_KeycloakOpenID signs people in by each way in which a client can
// show Keycloak who it is.
func TestInterop_KeycloakOpenID(t *testing.T) {
	for _, method := range []string{"client_secret_basic", "private_key_jwt"} {
		t.Run(method, func(t *testing.T) {
			c, realm := keycloakCompany(t)
			c.connectRealmByOpenID(realm, method == "private_key_jwt")
			c.owner.Open(c.gatehouse.URL + c.connection + "/identity-provider")
			c.owner.See(method)
			c.comesByKeycloak(c.idp.Bob)
			c.goTo("Logins")
			c.owner.See(c.idp.Bob.Email)
			tally("OpenID Connect, in a browser, "+method, 2, "a test, and from our page")
		})
	}
}

// connectRealmByOpenID makes an OpenID Connect connection to a client of the
// realm, by a secret or by our own key.
func (c *company) connectRealmByOpenID(realm *Realm, byKey bool) {
	c.t.Helper()
	c.choose("Any OpenID Connect provider", "Corp")
	redirect, keys := c.owner.Copyable("Redirect URI (Callback URL, Reply URL)"), c.owner.Copyable("JWKS address of our keys (for private_key_jwt)")
	secret, client := rand.Text(), map[string]any{}
	c.gatehouse.Secret(secret)
	if byKey {
		client["clientAuthenticatorType"] = "client-jwt"
		client["attributes"] = map[string]string{"use.jwks.url": "true", "jwks.url": keys, "token.endpoint.auth.signing.alg": "RS256"}
	} else {
		client["secret"] = secret
	}
	realm.RegisterOpenID("gatehouse", redirect, client)
	c.owner.Open(c.gatehouse.URL + c.connection + "/identity-provider")
	c.owner.Fill("Issuer", realm.Issuer)
	c.owner.Fill("Client ID", "gatehouse")
	if byKey {
		c.owner.Click("radio", "By our own key")
	} else {
		c.owner.Fill("Client secret", secret)
	}
	c.owner.Click("button", "Save and find endpoints")
	c.owner.See("The values are saved, and the endpoints are found.")
	c.beginTest()
	atKeycloak(c.owner, c.idp.Alice)
	c.seeTestWent()
	c.activate()
}

// TestInterop_KeycloakRotatesItsKey: while people sign in, the realm is given a
// key with which it signs from then on. Its key set was last read more than a
// minute ago, as that of a provider is which does not rotate every minute, so
// it is read again at the first signature by the new key.
func TestInterop_KeycloakRotatesItsKey(t *testing.T) {
	const before, after = 70 * time.Second, 20 * time.Second
	c, realm := keycloakCompany(t)
	c.connectRealmByOpenID(realm, false)
	known := realm.SigningKeys()
	if err := c.comesWithoutBrowser(c.idp.Bob); err != nil { // he is known from here on
		t.Fatal(err)
	}
	stream := Steadily(t, func() error { return c.comesWithoutBrowser(c.idp.Bob) })
	stream.Await(int(before.Seconds()) * steadyRate)
	realm.AddKey()
	if now := realm.SigningKeys(); now != known+1 {
		t.Errorf("the realm publishes %d keys to sign with, want %d", now, known+1)
	}
	stream.Await(int((before + after).Seconds()) * steadyRate)
	stream.Finish(fmt.Sprintf("OpenID Connect, a new signing key after %.0f s", before.Seconds()))
}
