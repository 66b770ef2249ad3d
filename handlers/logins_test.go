package handlers

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

func TestLoginIsFoundByItsReference(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.verify("acme.test")
	c := acme.connect("Okta")
	logins := "/organizations/" + acme.Organization.ID + "/logins"
	acme.owner.get(logins).want(http.StatusOK, "Nobody has signed in through a connection yet")
	c.employee("ada-7", "ada@acme.test")
	c.vouch("eve-1", "eve@elsewhere.test")
	refused := c.signIn(p.browser(), c.loginPath())
	reference := acme.lastLogin().ID
	refused.want(http.StatusForbidden, reference)

	list := acme.owner.get(logins).want(http.StatusOK, "ada@acme.test", "Signed in", "eve@elsewhere.test", "Refused")
	acme.owner.get(logins+"?q="+reference).want(http.StatusOK, "eve@elsewhere.test").lacks("ada@acme.test")
	acme.owner.get(logins+"?q=ADA%40").want(http.StatusOK, "ada@acme.test").lacks("eve@elsewhere.test")
	acme.owner.get(logins+"?state=refused&connection="+c.Connection.ID).want(http.StatusOK, "eve@elsewhere.test").lacks("ada@acme.test")
	acme.owner.get(logins+"?q=nobody").want(http.StatusOK, "No login fits these filters.")

	record := acme.owner.get(list.link(logins+"/"+reference)).want(http.StatusOK, "not on a domain that this organization has proved",
		"You can mend this here.", "Verify the address’s domain", "Wanted", "acme.test", "Got", "elsewhere.test", "domain_not_verified", "Person", "Show the message")
	_, message, _ := strings.Cut(record.Body, "Message of the identity provider")
	message, _, _ = strings.Cut(message, "</pre>")
	if !strings.Contains(message, "Response") || strings.Contains(message, "eve") {
		t.Errorf("the message shows %s", message)
	}
}

func TestLoginsPage(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	c := acme.connect("Okta")
	for i := range 52 {
		_, err := p.store.RefuseLogin(t.Context(), store.Refused{
			OrganizationID: acme.Organization.ID, ConnectionID: c.Connection.ID, Refusal: *trust.Refuse(trust.ReasonExpired, "now", `<img src=x onerror=alert(1)>`),
			Email: fmt.Sprintf("user%02d@acme.test", i), Address: fmt.Sprintf("10.%d.0.1", i),
		})
		p.ok(err)
		p.pass(3e9)
	}
	logins := "/organizations/" + acme.Organization.ID + "/logins"
	first := acme.owner.get(logins).want(http.StatusOK, "user51@acme.test", "Next").lacks("user01@acme.test")
	acme.owner.get(first.link(logins+"?before=")).want(http.StatusOK, "user01@acme.test", "user00@acme.test").lacks("user51@acme.test")
	acme.owner.get(first.link(logins+"/log_")).want(http.StatusOK, "<img src=x").lacks("<img src=x") // S-61: shown as text
}

func TestLoginsAskForPermission(t *testing.T) {
	p := newProduct(t)
	acme, globex := p.found("acme"), p.found("globex")
	c := acme.connect("Okta")
	acme.verify("acme.test")
	c.employee("ada-7", "ada@acme.test")
	member := acme.member("bob@acme.test", access.OrgManager)
	logins, reference := "/organizations/"+acme.Organization.ID+"/logins", acme.lastLogin().ID
	for _, path := range []string{logins, logins + "/" + reference} {
		member.get(path).want(http.StatusForbidden, string(access.ManageSSO))
		globex.owner.get(path).want(http.StatusNotFound)
	}
	theirs := "/organizations/" + globex.Organization.ID + "/logins"
	globex.owner.get(theirs + "/" + reference).want(http.StatusNotFound)
	globex.owner.get(theirs+"?q="+reference).want(http.StatusOK, "No login fits").lacks("ada@acme.test")
	acme.owner.get(logins + "/log_00000000000000000000000000").want(http.StatusNotFound)
	p.ok(p.store.Close())
	acme.owner.get(logins).failed()
}

// A test in which somebody else's address arrives links nobody unasked: the owner is asked, and only a fresh sign-in of theirs answers.
func TestATestAsksWhetherItWasTheOwner(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme") // no verified domain yet, as in the wizard
	c := acme.connect("Okta")
	connection := "/organizations/" + acme.ID + "/connections/" + c.Connection.ID
	c.vouch("bob", "bob@acme-mail.test")
	asked := c.deliver(acme.owner.browser, c.ask(acme.owner.post(connection+"/test"))).
		want(http.StatusOK, "The test went well.", "is linked to nobody", "Is this you?", "bob@acme-mail.test")
	link := asked.path() + "/link"
	c.signIn(p.browser(), c.loginPath()).want(http.StatusForbidden, "not on a domain that this organization has proved") // Bob is nobody's
	acme.member("second@acme.test", access.OrgOwner).post(link).want(http.StatusNotFound)

	p.pass(access.FreshFor + time.Second)
	acme.owner.get(asked.path()).want(http.StatusOK).lacks("Is this you?")
	acme.owner.post(connection+"/test").want(http.StatusUnauthorized, "Sign in again to go on", "Nothing was changed")
	acme.owner.post(link).want(http.StatusUnauthorized, "Sign in again to go on")
	acme.owner.signInByPassword()
	acme.owner.post(link).want(http.StatusUnprocessableEntity, "more than 15 minutes old")
	if p.count("identities") != 0 {
		t.Error("somebody was linked unasked")
	}

	asked = c.deliver(acme.owner.browser, c.ask(acme.owner.post(connection+"/test"))).want(http.StatusOK, "Is this you?")
	acme.owner.post(asked.path()+"/link").want(http.StatusOK, "You are linked.", "is linked to you").lacks("Is this you?")
	c.signIn(p.browser(), c.loginPath()).want(http.StatusOK)
}
