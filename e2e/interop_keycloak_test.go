package e2e

import (
	"crypto/rand"
	"strings"
	"testing"
)

// keycloakCompany is a company whose people are in a realm of Keycloak, too.
func keycloakCompany(t *testing.T) (*company, *Realm) {
	t.Helper()
	requireKeycloak(t) // before anything else is started in vain
	c := newCompany(t, nil)
	c.idp.Bob.Roles = []string{"gatehouse:OrgBillingAdmin"}
	realm := NewRealm(t, c.idp.Alice, c.idp.Bob)
	c.becomeOwner()
	c.proveDomain()
	return c, realm
}

// keycloakWays are the wizard's two ways to Keycloak.
var keycloakWays = map[string]func(*company, *Realm){
	"SAML":           (*company).connectRealm,
	"OpenID Connect": func(c *company, realm *Realm) { c.connectRealmByOpenID(realm, false) },
}

// beginWizard chooses Keycloak and the protocol, which leads to the first step.
func (c *company) beginWizard(protocol string) {
	c.t.Helper()
	c.goTo("Connections")
	c.owner.Click("link", "Connect an identity provider")
	c.owner.Click("link", "Keycloak")
	c.owner.Choose(protocol)
	c.owner.Fill("Name", "Corp")
	c.owner.Click("button", "Begin")
	c.connection, _, _ = strings.Cut(c.owner.Address().Path, "/setup")
	c.owner.At(c.connection + "/setup/application")
}

// next goes on to the wizard's next step by the button.
func (c *company) next(button, step string) {
	c.t.Helper()
	c.owner.Click("button", button)
	c.owner.At(c.connection + "/setup/" + step)
}

// connectRealm walks the wizard for Keycloak by SAML, and does there what each
// step says, with the values that it shows. The realm's key signs both the
// response and the assertion.
func (c *company) connectRealm(realm *Realm) {
	c.t.Helper()
	c.beginWizard("SAML")
	attributes := map[string]string{
		"saml_name_id_format": "persistent", "saml.force.post.binding": "true", "saml.signature.algorithm": "RSA_SHA256",
		"saml.server.signature": "true", "saml.assertion.signature": "true", "saml.client.signature": "false",
		"saml_idp_initiated_sso_url_name": "gatehouse",
	}
	client := map[string]any{"clientId": c.owner.Copyable("Client ID"), "attributes": attributes, "frontchannelLogout": false}
	c.next("Done, continue", "values")
	client["baseUrl"], client["adminUrl"] = c.owner.Copyable("Home URL"), c.owner.Copyable("Master SAML Processing URL")
	client["redirectUris"] = []string{c.owner.Copyable("Valid redirect URIs")}
	c.next("Done, continue", "logout")
	attributes["saml_single_logout_service_url_post"] = c.owner.Copyable("Logout Service POST Binding URL")
	attributes["saml_single_logout_service_url_redirect"] = c.owner.Copyable("Logout Service Redirect Binding URL")
	c.owner.Screenshot("where keycloak sends sign-outs")
	c.next("Done, continue", "attributes")
	realm.RegisterSAML(client)
	c.next("Save and continue", "metadata")
	c.owner.Fill("Metadata address (optional)", realm.MetadataURL())
	c.next("Save and continue", "domains")
	c.finishWizard()
}

// connectRealmByOpenID walks the wizard for Keycloak by OpenID Connect to a
// client that shows who it is by a secret, or by our own key.
func (c *company) connectRealmByOpenID(realm *Realm, byKey bool) {
	c.t.Helper()
	c.beginWizard("OpenID Connect")
	c.next("Done, continue", "values")
	attributes := map[string]string{"backchannel.logout.session.required": "true"}
	client := map[string]any{
		"clientId": "gatehouse", "attributes": attributes,
		"baseUrl": c.owner.Copyable("Home URL"), "redirectUris": []string{c.owner.Copyable("Valid redirect URIs")},
	}
	attributes["post.logout.redirect.uris"] = c.owner.Copyable("Valid post logout redirect URIs")
	c.next("Done, continue", "logout")
	attributes["backchannel.logout.url"] = c.owner.Copyable("Backchannel logout URL")
	c.owner.Screenshot("where keycloak tells of sign-outs")
	c.next("Done, continue", "client")
	c.owner.Fill("Issuer", realm.Issuer)
	c.owner.Fill("Client ID", "gatehouse")
	if byKey {
		c.owner.Click("radio", "By our own key")
		client["clientAuthenticatorType"] = "client-jwt"
		attributes["use.jwks.url"], attributes["token.endpoint.auth.signing.alg"] = "true", "RS256"
		attributes["jwks.url"] = c.gatehouse.URL + "/oidc/" + c.connectionID() + "/keys"
	} else {
		secret := rand.Text()
		c.gatehouse.Secret(secret)
		client["secret"] = secret
		c.owner.Fill("Client secret", secret)
	}
	realm.RegisterOpenID(client)
	c.next("Save and continue", "attributes")
	c.owner.Fill("Groups", "groups")
	c.next("Save and continue", "domains")
	c.finishWizard()
}

// finishWizard has people signed out there too, tests, and activates.
func (c *company) finishWizard() {
	c.t.Helper()
	c.owner.Open(c.gatehouse.URL + c.connection + "/sign-out")
	c.owner.Choose("Always sign out there too")
	c.owner.Click("button", "Save")
	c.owner.See("What signing out does is saved.")
	c.owner.Open(c.gatehouse.URL + c.connection + "/setup/domains")
	c.owner.See(domain)
	c.next("Continue", "test")
	c.owner.Click("button", "Test sign-in")
	atKeycloak(c.owner, c.idp.Alice)
	c.seeTestWent()
	c.owner.Screenshot("tested with keycloak")
	c.owner.Open(c.gatehouse.URL + c.connection + "/setup/test")
	c.owner.See("The last test went well.")
	c.owner.Click("button", "Activate connection")
	c.owner.See("The connection is active.")
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
	_, err := c.regulars(1, as)
	return err
}

// regulars are so many browsers in which that was done.
func (c *company) regulars(count int, as Employee) (*Regulars, error) {
	return c.gatehouse.Regulars(count, c.gatehouse.URL+"/connections/"+c.connectionID()+"/login", as)
}

// rolesFromKeycloak hands roles over to the identity provider: what the realm
// says of Bob's groups and roles decides what he may do.
func (c *company) rolesFromKeycloak() {
	c.t.Helper()
	c.makeProject("Search")
	c.draftRoles("The identity provider")
	c.addRule("sales", "Search", "Project editor")
	c.putIntoForce()
	c.comesByKeycloak(c.idp.Bob)
	c.memberHas(c.idp.Bob, "Billing admin", "Corp: it sent the value “gatehouse:OrgBillingAdmin”")
	c.memberHas(c.idp.Bob, "Project editor", "Corp: rule for the group “sales”")
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
	tally("SAML, by the wizard, in a browser: a test, from our page, from Keycloak's", 3, "")

	realm.ImportKeys(c.metadataURL(), fetch(t, c.metadataURL()))
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
			tally("SAML, "+name, 1, "our request's signature was checked there")
		})
	}
	c.rolesFromKeycloak()
	tally("SAML, roles by groups and by values", 1, "")
}

// TestInterop_KeycloakOpenID signs people in by each way in which a client can
// show Keycloak who it is.
func TestInterop_KeycloakOpenID(t *testing.T) {
	for _, method := range []string{"client_secret_basic", "private_key_jwt"} {
		t.Run(method, func(t *testing.T) {
			c, realm := keycloakCompany(t)
			byKey := method == "private_key_jwt"
			c.connectRealmByOpenID(realm, byKey)
			c.owner.Open(c.gatehouse.URL + c.connection + "/identity-provider")
			c.owner.See(method)
			c.comesByKeycloak(c.idp.Bob)
			c.goTo("Logins")
			c.owner.See(c.idp.Bob.Email)
			tally("OpenID Connect, by the wizard, in a browser, "+method, 2, "a test, and from our page")
			if byKey {
				return
			}
			c.rolesFromKeycloak()
			tally("OpenID Connect, roles by groups and by values", 1, "")
		})
	}
}
