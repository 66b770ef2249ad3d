package handlers

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
)

func TestDomainFromClaimToRelease(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	domains := "/organizations/" + acme.Organization.ID + "/domains"
	acme.owner.get(domains).want(http.StatusOK, "No domain is claimed yet")
	claimed := acme.owner.post(domains, "name", " Corp.Test. ").want(http.StatusOK, "corp.test", "Not verified", "_gatehouse-challenge.corp.test", "The domain is claimed")
	domain := claimed.path()
	list, err := acme.scope.Domains(t.Context())
	p.ok(err)
	claimed.want(http.StatusOK, list[0].RecordValue())

	acme.owner.post(domain+"/verify").want(http.StatusOK, "There is no TXT record at _gatehouse-challenge.corp.test", "Not verified")
	p.dns.set(list[0].RecordName(), "v=spf1 -all", "gatehouse-domain-verification=somebody-else's")
	acme.owner.post(domain+"/verify").want(http.StatusOK, "holds another value", "Not verified")
	p.dns.set(list[0].RecordName(), `<script>alert(1)</script>`)
	acme.owner.post(domain+"/verify").want(http.StatusOK, "holds another value").lacks("<script>alert")
	p.dns.fail(true)
	acme.owner.post(domain+"/verify").want(http.StatusOK, "did not answer", "Not verified")
	p.dns.fail(false)
	p.dns.set(list[0].RecordName(), "v=spf1 -all", list[0].RecordValue())
	acme.owner.post(domain+"/verify").want(http.StatusOK, "corp.test is verified.", "Verified").lacks("The last check did not find")
	acme.owner.get(domains).want(http.StatusOK, "Verified")

	acme.owner.post(domain+"/release", "confirm", "other.test").want(http.StatusUnprocessableEntity, "Type the domain")
	acme.owner.post(domain+"/release", "confirm", "CORP.test").want(http.StatusOK, "corp.test is released.", "No domain is claimed yet")
}

func TestD02_ClaimFormSaysWhy(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	domains := "/organizations/" + acme.Organization.ID + "/domains"
	for typed, words := range map[string]string{
		"gmail.com": "public mail service", "co.uk": "a suffix", "gatehouse.test": "this service itself", "intranet": "not a domain name",
		"": "not a domain name", "ada@corp.test": "not a domain name", "<b>x</b>": "not a domain name",
	} {
		if refused := acme.owner.post(domains, "name", typed).want(http.StatusUnprocessableEntity, words).lacks("<b>"); refused.value("name") != typed {
			t.Errorf("%q is not kept", typed)
		}
	}
	acme.owner.post(domains, "name", "corp.test").want(http.StatusOK)
	acme.owner.post(domains, "name", "CORP.test").want(http.StatusUnprocessableEntity, "claimed already")
	if n := p.count("domains"); n != 1 {
		t.Errorf("there are %d domains", n)
	}
}

func TestDomainVerifiedElsewhere(t *testing.T) {
	p := newProduct(t)
	acme, globex := p.found("acme"), p.found("globex")
	globex.verify("corp.test")
	domain := acme.owner.post("/organizations/"+acme.Organization.ID+"/domains", "name", "corp.test").want(http.StatusOK).path()
	claimed, err := acme.scope.Domains(t.Context())
	p.ok(err)
	p.dns.set(claimed[0].RecordName(), claimed[0].RecordValue())
	acme.owner.post(domain+"/verify").want(http.StatusOK, "another organization has verified this domain", "Not verified").lacks("globex")
}

func TestDomainIsNotReleasedWhileEnforced(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	domain := acme.verify("acme.test")
	c := acme.connect("Okta")
	acme.enforce(c, access.EnforceDomain)
	c.signIn(acme.owner.browser, c.loginPath())
	path := "/organizations/" + acme.Organization.ID + "/domains/" + domain.ID + "/release"
	acme.owner.post(path, "confirm", "acme.test").want(http.StatusUnprocessableEntity, "Stop requiring it on the Sign-in page first")
	if p.count("domains WHERE verified_at IS NOT NULL") != 1 {
		t.Error("the domain was released")
	}
}

func TestDomainsAskForPermission(t *testing.T) {
	p := newProduct(t)
	acme, globex := p.found("acme"), p.found("globex")
	domain := acme.verify("acme.test")
	member := acme.member("ada@acme.test", access.OrgManager)
	domains := "/organizations/" + acme.Organization.ID + "/domains"
	theirs := "/organizations/" + globex.Organization.ID + "/domains/" + domain.ID
	for _, path := range []string{domains, domains + "/" + domain.ID, domains + "/" + domain.ID + "/release"} {
		member.get(path).want(http.StatusForbidden, string(access.ManageSSO))
		globex.owner.get(path).want(http.StatusNotFound)
	}
	for _, path := range []string{"", "/" + domain.ID + "/verify", "/" + domain.ID + "/release"} {
		member.post(domains+path, "name", "x.test", "confirm", "acme.test").want(http.StatusForbidden)
		globex.owner.post(domains+path, "name", "x.test", "confirm", "acme.test").want(http.StatusNotFound)
	}
	globex.owner.get(theirs).want(http.StatusNotFound)
	globex.owner.post(theirs + "/verify").want(http.StatusNotFound)
	globex.owner.post(theirs+"/release", "confirm", "acme.test").want(http.StatusNotFound)
	if strings.Contains(globex.owner.get("/organizations/"+globex.Organization.ID+"/domains").Body, "acme.test") {
		t.Error("the list shows another organization's domain")
	}
}

func TestDomainsWhenTheStoreFails(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	domains := "/organizations/" + acme.Organization.ID + "/domains"
	p.failing()
	acme.owner.post(domains, "name", "corp.test").failed()
	if n := p.count("domains"); n != 0 {
		t.Errorf("%d domains were half claimed", n)
	}
	p.ok(p.store.Close())
	acme.owner.get(domains).failed()
}
