package e2e

import (
	"crypto/rand"
	"testing"
)

// TestJourney_OpenIDConnect connects a provider that nobody here wrote, by its
// issuer: first with a client secret, then with our own key. Bob comes in by
// both; Mallory, whom the provider vouches for at an address that the
// organization never proved, by neither.
func TestJourney_OpenIDConnect(t *testing.T) {
	c := newCompany(t, nil)
	mallory := Employee{User: "mallory", Email: "mallory@elsewhere.example", GivenName: "Mallory", FamilyName: "Moss"}
	provider := NewOpenIDProvider(t, c.idp.Alice, c.idp.Bob, mallory)
	c.becomeOwner()
	c.proveDomain()

	c.goTo("Connections")
	c.choose("Any OpenID Connect provider", "Corp")

	secret := rand.Text()
	c.gatehouse.Secret(secret)
	redirect, keys := c.owner.Copyable("Redirect URI (Callback URL, Reply URL)"), c.owner.Copyable("JWKS address of our keys (for private_key_jwt)")
	provider.Register(map[string]any{"client_id": "by secret", "client_secret": secret, "redirect_uris": []string{redirect}})
	provider.Register(map[string]any{"client_id": "by-key", "redirect_uris": []string{redirect}, "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": keys})
	provider.Start(t)

	c.connectOpenID(provider, "by secret", secret)
	c.owner.See("client_secret_basic")
	c.beginTest()
	atOpenIDProvider(c.owner, c.idp.Alice)
	c.seeTestWent()
	c.activate()
	c.comesByOpenID(c.idp.Bob)
	c.isRefusedByOpenID(mallory)

	c.connectOpenID(provider, "by-key", "")
	c.owner.See("private_key_jwt")
	c.testDraft()
	c.owner.Click("button", "Continue") // she is signed in there already
	c.owner.See("The test of the draft went well: " + c.idp.Alice.Email + " arrived")
	c.comesByOpenID(c.idp.Bob) // by the secret still
	c.publish("Publish draft")
	c.comesByOpenID(c.idp.Bob)
	c.isRefusedByOpenID(mallory)

	c.goTo("Logins")
	c.owner.See(mallory.Email)
	c.owner.Screenshot("logins")
	c.goTo("Events")
	c.tells(c.owner, "created the connection “Corp”", "activated the connection “Corp”")
}

// connectOpenID tells the connection who the provider is, and who we are there:
// by the secret, or by our own key where there is none.
func (c *company) connectOpenID(provider *OpenIDProvider, client, secret string) {
	c.t.Helper()
	c.owner.Open(c.gatehouse.URL + c.connection + "/identity-provider")
	c.owner.Fill("Issuer", provider.Issuer)
	c.owner.Fill("Client ID", client)
	if secret == "" {
		c.owner.Click("radio", "By our own key")
	} else {
		c.owner.Fill("Client secret", secret)
	}
	c.owner.Click("button", "Save and find endpoints")
	c.owner.See("The values are saved, and the endpoints are found.")
	c.owner.See(provider.Issuer + "/jwks")
}

func (c *company) beginTest() {
	c.t.Helper()
	c.owner.Open(c.gatehouse.URL + c.connection)
	c.owner.Click("button", "Test sign-in")
}

func (c *company) seeTestWent() {
	c.t.Helper()
	c.owner.See("The test went well. " + c.idp.Alice.Email + " arrived and is linked to you")
}

// atOpenIDProvider signs the person in on the provider's own pages, and lets
// it tell us who they are.
func atOpenIDProvider(person *Person, as Employee) {
	person.t.Helper()
	person.Fill("Enter any login", as.User)
	person.Fill("and password", "whatever")
	person.Click("button", "Sign-in")
	person.Click("button", "Continue")
}

// leavesByOpenID types an address of the domain and ends up at the provider, in
// a browser that has been nowhere.
func (c *company) leavesByOpenID(as Employee) *Person {
	c.t.Helper()
	person := NewPerson(c.t, as.GivenName)
	c.enterEmail(person, "somebody@"+domain)
	person.Click("button", "Continue with Corp")
	atOpenIDProvider(person, as)
	return person
}

func (c *company) comesByOpenID(as Employee) {
	c.t.Helper()
	c.isIn(c.leavesByOpenID(as), as)
}

func (c *company) isRefusedByOpenID(as Employee) {
	c.t.Helper()
	person := c.leavesByOpenID(as)
	person.See("Your email address is not on a domain that this organization has proved.")
}
