package handlers

import (
	"net/http"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func TestSignInThroughAConnection(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.verify("corp.test")
	c := acme.connect("Okta")
	c.vouch("u-1", "grace@corp.test")
	b := p.browser()
	choice := b.post("/login", "email", "grace@corp.test", "return_to", "/organizations/"+acme.ID+"/events").want(http.StatusOK, "Continue with Okta", "Use your password")
	leaving := b.post("/login", "email", choice.value("email"), "return_to", choice.value("return_to"), "connection", choice.value("connection"))
	landed := c.deliver(b, c.ask(leaving))
	landed.want(http.StatusForbidden, string(access.ReadAudit)) // a newcomer is a member and reads no events
	if landed.path() != "/organizations/"+acme.ID+"/events" {
		t.Errorf("landed at %s", landed.path())
	}
	if login := acme.lastLogin(); login.State != store.LoginFinished || login.Outcome != store.OutcomeCreated || login.Email != "grace@corp.test" {
		t.Errorf("the record is %+v", login)
	}
}

func TestHarnessPeople(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.verify("corp.test")
	c := acme.connect("Okta", func(s *store.SAMLSettings) { s.Binding = store.BindingPost })
	acme.enforce(c, access.EnforceDomain)
	bob := acme.member("bob@acme.test", access.OrgManager)
	bob.get("/organizations/" + acme.ID + "/events").want(http.StatusForbidden)
	acme.owner.get("/organizations/" + acme.ID + "/events").want(http.StatusOK)
	c.employee("u-1", "grace@corp.test").get("/organizations/" + acme.ID + "/events").want(http.StatusForbidden)
}
