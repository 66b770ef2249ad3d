package handlers

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views/setup"
)

// linkedScene is an Okta connection whose customer was sent a setup link for one of two domains.
type linkedScene struct {
	*vendorScene
	it          *browser
	mine, other store.Domain
	owners      string // the connection's page
}

func handOver(p *product) linkedScene {
	p.Helper()
	acme := p.found("acme")
	product, _ := setup.Find("okta")
	first := acme.owner.post(acme.connections(), "kind", "okta", "protocol", "saml", "name", "Work").want(http.StatusOK)
	s := linkedScene{vendorScene: &vendorScene{connection: &connection{organization: acme}, guide: product.SAML}, it: p.browser()}
	s.owners, _, _ = strings.Cut(first.path(), "/setup")
	s.Connection.ID = strings.Split(s.owners, "/")[4]
	s.serve("okta", store.ProtocolSAML)
	var err error
	s.mine, err = acme.scope.ClaimDomain(p.Context(), acme.owner.actor(), "acme.test", "gatehouse.test")
	p.ok(err)
	s.other, err = acme.scope.ClaimDomain(p.Context(), acme.owner.actor(), "secret-project.test", "gatehouse.test")
	p.ok(err)
	s.it.setUp(s.link(s.mine.ID))
	return s
}

// link makes a setup link for these domains.
func (s linkedScene) link(domains ...string) secret.Token {
	s.Helper()
	_, token, err := s.scope.CreateSetupLink(s.Context(), s.owner.actor(), store.NewSetupLink{ConnectionID: s.Connection.ID, Name: "IT of Acme", Domains: domains})
	s.ok(err)
	return token
}

// Whoever holds a setup link is led through the same steps as an owner, in the words of their own product, to a test that went well.
func TestASetupLinkIsLedThroughTheSteps(t *testing.T) {
	p := newProduct(t)
	s := handOver(p)
	it := s.it
	it.get("/setup").want(http.StatusOK, `href="/setup/steps"`, "enter all values on one page")
	for i, step := range s.guide.Steps {
		it.get("/setup/steps").want(http.StatusOK, setup.Plain(step.Title), "Step ")
		path := "/setup/steps/" + step.ID
		shown := it.get(path).want(http.StatusOK, setup.Plain(step.Title), "IT of Acme").lacks("secret-project", s.owners)
		var next *page
		switch step.Take {
		case setup.TakesMetadata:
			it.upload(path, "metadata_file", []byte("<html>"), "version", shown.value("version")).want(http.StatusUnprocessableEntity)
			next = it.upload(path, "metadata_file", s.idp.Metadata(s.base), "version", shown.value("version")).want(http.StatusOK, "values are saved.").lacks("in the draft")
		case setup.TakesDomains:
			shown.want(http.StatusOK, s.mine.RecordValue()).lacks("Claim domain")
			s.dns.set(s.mine.RecordName(), s.mine.RecordValue())
			it.post(path, "verify", s.mine.ID).want(http.StatusOK, "acme.test is verified.")
			next = it.post(path)
		case setup.TakesTest:
			well := s.arrive(it, it.post(path), idptest.Person{Subject: "u-1", Email: "it@acme.test"}).want(http.StatusOK, "The test went well.", "links nobody")
			it.get(well.link("/setup/steps/test")).want(http.StatusOK, "The last test went well.", "Say that you are done").lacks("Activate connection")
			continue
		case setup.TakesMapping:
			next = it.post(path, "version", shown.value("version"), "map_email", shown.value("map_email"), "map_given_name", shown.value("map_given_name"),
				"map_family_name", shown.value("map_family_name"), "map_groups", shown.value("map_groups"), "map_name", shown.value("map_name"), "map_subject", shown.value("map_subject"))
		default:
			next = it.post(path)
		}
		if want := "/setup/steps/" + s.guide.Steps[i+1].ID; next.path() != want {
			t.Fatalf("after %s: %d at %s, want %s\n%s", step.ID, next.Status, next.path(), want, next.text())
		}
	}
	s.owner.get(s.owners+"/setup").want(http.StatusOK, "Test with your own sign-in") // their progress is the connection's
}

// W-18: the steps of a setup link show and touch what the link names, and nothing else of the organization; what people sign in by is not theirs.
func TestW18_TheStepsOfASetupLinkReachNothingElse(t *testing.T) {
	p := newProduct(t)
	s := handOver(p)
	it := s.it
	globex := p.found("globex")
	theirs := globex.verify("globex.test")
	const domains = "/setup/steps/domains"
	for _, foreign := range []string{s.other.ID, theirs.ID, "dom_00000000000000000000000000"} {
		it.post(domains, "verify", foreign).want(http.StatusNotFound)
	}
	before := p.count("domains")
	it.post(domains, "name", "mine-now.test", "claim", "yes").want(http.StatusOK).lacks("mine-now.test")
	if after := p.count("domains"); after != before {
		t.Error("a link claimed a domain")
	}
	it.get("/setup/steps/none").want(http.StatusNotFound)
	it.post("/setup/steps/none").want(http.StatusNotFound)

	// An owner's test is not told to the link, nor another link's.
	file := s.owner.get(s.owners + "/setup/metadata")
	s.owner.upload(s.owners+"/setup/metadata", "metadata_file", s.idp.Metadata(s.base), "version", file.value("version")).want(http.StatusOK)
	s.arrive(s.owner.browser, s.owner.post(s.owners+"/setup/test"), idptest.Person{Subject: "u-1", Email: "owner@acme.test"}).want(http.StatusOK, "The test went well.")
	it.get("/setup/steps/test").want(http.StatusOK).lacks("The last test", "owner@acme.test")
	s.owner.get(s.owners+"/setup/test").want(http.StatusOK, "The last test went well.", "owner@acme.test")
	second := p.browser()
	second.setUp(s.link())
	second.get(domains).want(http.StatusNotFound) // it names none: there is no such step
	s.arrive(second, second.post("/setup/steps/test"), idptest.Person{Subject: "u-2", Email: "second@acme.test"}).want(http.StatusOK, "The test went well.")
	it.get("/setup/steps/test").want(http.StatusOK).lacks("second@acme.test")
	second.get("/setup/steps/test").want(http.StatusOK, "second@acme.test")

	// Once people sign in by it, the steps are an owner's.
	s.owner.post(s.owners+"/activate", "version", s.owner.get(s.owners).value("version")).want(http.StatusOK, "The connection is active.")
	if at := it.get("/setup/steps/metadata"); at.path() != "/setup/connection" || !strings.Contains(at.Body, "only an owner changes it now") {
		t.Errorf("the steps of an active connection are at %s", at.path())
	}
	it.post("/setup/steps/metadata", "entity_id", "https://evil.test").want(http.StatusUnprocessableEntity, "only an owner changes it now")
	it.post("/setup/steps/test").want(http.StatusUnprocessableEntity, "only an owner changes it now")

	// To an owner the same steps now say that saving goes to the draft.
	page := s.owner.get(s.owners+"/setup/metadata").want(http.StatusOK, "What you save here goes to a draft first")
	s.owner.post(s.owners+"/setup/metadata", "version", page.value("version"), "entity_id", s.idp.EntityID, "redirect_url", s.base+"/sso?tenant=2").want(http.StatusOK, "It is in the draft: test it, then publish it.", "You see and change the draft")
	s.owner.get(s.owners+"/setup/test").want(http.StatusOK, "The test runs against the draft").lacks("Activate connection", "Go on to publish")
	s.arrive(s.owner.browser, s.owner.post(s.owners+"/setup/test"), idptest.Person{Subject: "u-1", Email: "owner@acme.test"}).want(http.StatusOK, "The test of the draft went well")
	s.owner.get(s.owners+"/setup/test").want(http.StatusOK, "Go on to publish")
}
