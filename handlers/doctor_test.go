package handlers

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/views"
)

// draft changes the connection's settings behind its page, in its draft.
func (c *connection) draft(change func(*store.SAMLSettings)) {
	c.Helper()
	c.reload()
	change(&c.Connection.Settings)
	c.ok(c.scope.ChangeConnectionSettings(c.Context(), c.owner.actor(), c.Connection.ID, c.Connection.Version, c.Connection.Settings))
}

// settle does so and puts them live.
func (c *connection) settle(change func(*store.SAMLSettings)) {
	c.Helper()
	c.draft(change)
	c.ok(c.scope.PublishConnection(c.Context(), c.owner.actor(), c.Connection.ID, c.Connection.Version+1, true))
}

func TestADoctorPageLeadsToTheCureAndTheMessagePassesThen(t *testing.T) {
	p := newProduct(t)
	acme, globex := p.found("acme"), p.found("globex")
	acme.verify("acme.test")
	c := acme.connect("Okta")
	c.vouch("ada-7", "ada@acme.test")
	var right string
	c.settle(func(s *store.SAMLSettings) { right, s.EntityID = s.EntityID, s.EntityID+"/" })
	c.signIn(p.browser(), c.loginPath()).want(http.StatusForbidden, "does not know")
	page := "/organizations/" + acme.ID + "/logins/" + acme.lastLogin().ID

	shown := acme.owner.get(page).want(http.StatusOK, "You can mend this here.", "Where to mend it", "Identity provider, Entity ID",
		"/connections/"+c.Connection.ID+"/identity-provider#field-entity_id", "<mark>/</mark>", "Certificate", "valid until", "Not checked", "Would it pass now?")
	if strings.Contains(shown.Body, "ada-7") {
		t.Error("the page names the person, whom nobody has vouched for")
	}
	before := p.everything()
	acme.owner.post(page+"/run-again").want(http.StatusOK, "It would be refused now, too.", "issuer_mismatch")
	if p.everything() == before {
		t.Error("that it was run again is not recorded")
	}
	c.draft(func(s *store.SAMLSettings) { s.NameIDFormat = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress" })
	acme.owner.post(page+"/run-again").want(http.StatusOK, "It would be refused once the draft is published, too.")
	c.draft(func(s *store.SAMLSettings) { s.EntityID = right })
	acme.owner.post(page+"/run-again").want(http.StatusOK, "It would pass once the draft is published.")
	c.settle(func(s *store.SAMLSettings) { s.EntityID, s.ForceAuthn = right, true })
	acme.owner.post(page+"/run-again").want(http.StatusOK, "It would pass now.", "a newcomer, who would become a member with", "Refused. ")
	acme.owner.get("/organizations/"+acme.ID+"/events").want(http.StatusOK, "read the message of the login")

	globex.owner.post("/organizations/" + globex.ID + "/logins/" + acme.lastLogin().ID + "/run-again").want(http.StatusNotFound)
	globex.owner.post("/organizations/" + globex.ID + "/logins/" + acme.lastLogin().ID + "/message").want(http.StatusNotFound)
	p.pass(access.FreshFor + time.Second)
	acme.owner.post(page+"/message").want(http.StatusUnauthorized, "Sign in again to go on").lacks("ada-7")
	acme.owner.signInByPassword()
	acme.owner.post(page+"/message").want(http.StatusOK, "ada-7", "This is the whole message")
	acme.owner.get(page).want(http.StatusOK).lacks("ada-7")
	acme.owner.get("/organizations/"+acme.ID+"/events").want(http.StatusOK, "looked at the whole message of the login")

	p.pass(8 * 24 * time.Hour)
	acme.owner.signInByPassword()
	acme.owner.get(page).want(http.StatusOK).lacks("Would it pass now?")
	acme.owner.post(page+"/run-again").want(http.StatusUnprocessableEntity, "no longer kept")
	acme.owner.post(page+"/message").want(http.StatusUnprocessableEntity, "no longer kept")
}

// TestATestSaysWhomARealSignInWouldMake: with the roles that they would have, and nobody is made.
func TestATestSaysWhomARealSignInWouldMake(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.verify("acme.test")
	c := acme.connect("Okta")
	c.vouch("bob", "bob@acme.test")
	c.deliver(acme.owner.browser, c.ask(acme.owner.post("/organizations/"+acme.ID+"/connections/"+c.Connection.ID+"/test"))).
		want(http.StatusOK, "The test went well.", "Person and role, were this a real sign-in", "a newcomer, who would become a member with", "Arrived: 1 value")
	if p.count("identities") != 0 {
		t.Error("somebody was made by a test")
	}
}

func TestAReferenceIsFoundHoweverItIsPasted(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	c := acme.connect("Okta")
	c.vouch("eve-1", "eve@elsewhere.test")
	c.signIn(p.browser(), c.loginPath()).want(http.StatusForbidden)
	reference := acme.lastLogin().ID
	logins := "/organizations/" + acme.ID + "/logins"
	home := acme.owner.get("/organizations/"+acme.ID).want(http.StatusOK, "Find a login")
	if !strings.Contains(home.Body, `action="`+logins+`"`) {
		t.Error("the organization's page does not ask the logins")
	}
	for _, pasted := range []string{reference, " " + reference + "\n", strings.ToUpper(reference), "Hello, I was refused. Reference: " + reference + ". Please help!",
		reference[:12] + " " + reference[12:], reference[:12] + "\r\n" + reference[12:], "“" + reference + "”"} {
		found := acme.owner.get(logins+"?q="+url.QueryEscape(pasted)).want(http.StatusOK, "Where to mend it")
		if found.path() != logins+"/"+reference {
			t.Errorf("%q leads to %s", pasted, found.path())
		}
	}
	for _, pasted := range []string{reference + "0", "x" + reference, reference[:29]} {
		acme.owner.get(logins+"?q="+url.QueryEscape(pasted)).want(http.StatusOK, "No login fits")
	}
}

// byOpenIDAlone are reasons that a SAML login never meets.
var byOpenIDAlone = []trust.Reason{trust.ReasonIDPUnreachable, trust.ReasonTokenRefused, trust.ReasonTokenAlgorithm, trust.ReasonTenant, trust.ReasonAuthorizedParty, trust.ReasonSignInTooOld}

// TestWhereToMendItIsThere: every setting that a refusal leads to stands on the page that it leads to.
func TestWhereToMendItIsThere(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	c := acme.connect("Okta")
	pair, err := ourPair()
	p.ok(err)
	openID, err := acme.scope.CreateOIDCConnection(t.Context(), acme.owner.actor(), "Keycloak", store.OIDCSettings{}, secret.Token{}, store.NewKey{CertificatePEM: pair.CertificatePEM, KeyPEM: pair.KeyPEM})
	p.ok(err)
	seen := map[string]*page{}
	for _, reason := range trust.Reasons() {
		for protocol, id := range map[bool]string{false: c.Connection.ID, true: openID.ID} {
			place := views.PlaceFor(reason, protocol, "")
			if place.Path == "" || !protocol && slices.Contains(byOpenIDAlone, reason) {
				continue
			}
			path, anchor, _ := strings.Cut(place.At(id), "#")
			if _, known := seen[path]; !known {
				seen[path] = acme.owner.get("/organizations/" + acme.ID + "/" + path).want(http.StatusOK)
			}
			if anchor != "" && !strings.Contains(seen[path].Body, `id="`+anchor+`"`) && !strings.Contains(seen[path].Body, `id="`+anchor+`-`) {
				t.Errorf("%s: there is no %s on %s", reason, anchor, path)
			}
		}
	}
}
