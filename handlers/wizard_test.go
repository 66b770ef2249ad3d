package handlers

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/views/setup"
)

// vendorScene is a connection that is being set up, and the identity provider it is with.
type vendorScene struct {
	*connection
	guide *setup.Guide
	open  *idptest.OpenID // of OpenID Connect; else idp answers
}

// TestEveryWizardEndsInASignIn walks every product's steps, by each protocol, against an identity provider that speaks in its form: from the choice
// to somebody who signs in and is known by the right names.
func TestEveryWizardEndsInASignIn(t *testing.T) {
	for _, product := range setup.Products() {
		for _, protocol := range product.Protocols() {
			t.Run(product.Kind+" by "+protocol, func(t *testing.T) {
				walkWizard(newProduct(t), product, protocol)
			})
		}
	}
}

func walkWizard(p *product, product setup.Product, protocol string) {
	name := product.Kind + protocol
	acme := p.found(name)
	s := &vendorScene{connection: &connection{organization: acme}, guide: product.Guide(protocol)}
	acme.owner.get(acme.connections()+"/new").want(http.StatusOK, product.Name)
	acme.owner.get(acme.connections()+"/new?kind="+product.Kind).want(http.StatusOK, "Begin")
	at := acme.owner.post(acme.connections(), "kind", product.Kind, "protocol", protocol, "name", "Work")
	base := strings.TrimSuffix(at.path(), "/"+s.guide.Steps[0].ID)
	s.Connection.ID = strings.Split(base, "/")[4]
	s.serve(product.Kind, protocol)
	for i, step := range s.guide.Steps {
		acme.owner.get(base).want(http.StatusOK, step.Title, "Step ") // leaving and coming back
		shown := acme.owner.get(base+"/"+step.ID).want(http.StatusOK, setup.Plain(step.Title))
		for _, give := range step.Give {
			shown.want(http.StatusOK, give.Field)
		}
		if step.Take != setup.TakesTest {
			next := s.take(shown, step, base+"/"+step.ID, name+".test")
			if want := base + "/" + s.guide.Steps[i+1].ID; next.Status != http.StatusOK || next.path() != want {
				p.Fatalf("after %s: %d at %s, want %s\n%s", step.ID, next.Status, next.path(), want, next.text())
			}
			continue
		}
		s.arrive(acme.owner.browser, acme.owner.post(base+"/"+step.ID), idptest.Person{Subject: "u-1", Email: "owner@" + name + ".test", Name: "Olga Owner"}).
			want(http.StatusOK, "The test went well.")
	}
	tested := acme.owner.get(base+"/test").want(http.StatusOK, "The last test went well.", "owner@"+name+".test", "Activate connection")
	one := strings.TrimSuffix(base, "/setup")
	acme.owner.post(one+"/activate", "version", tested.value("version")).want(http.StatusOK, "The connection is active.")
	grace := p.browser()
	s.arrive(grace, grace.get(s.loginPath()), idptest.Person{Subject: "u-2", Email: "grace@" + name + ".test", Name: "Grace Hopper", GivenName: "Grace", FamilyName: "Hopper", Groups: []string{"navy"}}).want(http.StatusOK)
	_, user, err := p.store.Session(p.Context(), grace.token())
	p.ok(err)
	if user.Name != "Grace Hopper" {
		p.Errorf("she is known as %q", user.Name)
	}
	s.reload()
	if s.Connection.Kind != product.Kind || s.Connection.State != store.ConnectionActive || len(s.Connection.SetupDone) < len(s.guide.Steps)-1 {
		p.Errorf("%s is %s, and of its steps %v are done", s.Connection.Kind, s.Connection.State, s.Connection.SetupDone)
	}
}

// serve starts the identity provider. One of SAML checks our requests by the connection's own key.
func (s *vendorScene) serve(kind, protocol string) {
	s.Helper()
	if protocol == store.ProtocolOIDC {
		s.open = idptest.NewOpenID(s.T)
		s.open.At(s.now)
		s.leading.Store(s.open.Issuer, true)
		s.hide(s.open.Secret)
		return
	}
	s.idp = idptest.New(s.T)
	s.idp.At(s.now)
	server := httptest.NewServer(s.idp.Handler())
	s.Cleanup(server.Close)
	s.base = server.URL
	s.leading.Store(s.base, true)
	if i := slices.IndexFunc(idptest.Vendors(), func(v idptest.Vendor) bool { return v.Name == kind }); i >= 0 {
		s.idp.Speak(idptest.Vendors()[i])
	} else if kind != "saml" {
		s.Fatalf("nobody speaks as %s does", kind)
	}
	service := s.service()
	ours, err := s.scope.Certificates(s.Context(), s.Connection.ID)
	s.ok(err)
	service.Certificate = connections.Certificate(ours[0])
	s.idp.Serve(service)
}

// take does what the step asks for, and gives the page that follows.
func (s *vendorScene) take(shown *page, step setup.Step, path, domain string) *page {
	s.Helper()
	var version []string
	if strings.Contains(shown.Body, `name="version"`) {
		version = []string{"version", shown.value("version")}
	}
	switch step.Take {
	case setup.TakesMetadata:
		s.owner.post(path, version...).want(http.StatusUnprocessableEntity, "or the values by hand")
		return s.owner.upload(path, "metadata_file", s.idp.Metadata(s.base), version...)
	case setup.TakesClient:
		s.owner.post(path, append(version, "issuer", s.open.Issuer)...).want(http.StatusUnprocessableEntity, "Enter the client ID", "Enter the client secret")
		return s.owner.post(path, append(version, "issuer", s.open.Issuer, "client_id", s.open.ClientID, "client_secret", s.open.Secret, "auth_method", "secret")...)
	case setup.TakesMapping:
		for _, field := range []string{"map_subject", "map_email", "map_name", "map_given_name", "map_family_name", "map_groups"} {
			version = append(version, field, shown.value(field))
		}
		return s.owner.post(path, version...)
	case setup.TakesDomains:
		s.owner.post(path, "name", "localhost").want(http.StatusUnprocessableEntity, "domain")
		claimed := s.owner.post(path, "name", domain, "claim", "yes").want(http.StatusOK, domain+" is claimed.")
		id := toVerify.FindStringSubmatch(claimed.Body)[1]
		d, err := s.scope.Domain(s.Context(), id)
		s.ok(err)
		s.owner.post(path, "verify", id).want(http.StatusOK, "There is no TXT record")
		s.dns.set(d.RecordName(), d.RecordValue())
		s.owner.post(path, "verify", id).want(http.StatusOK, domain+" is verified.")
		return s.owner.post(path)
	}
	return s.owner.post(path)
}

var toVerify = regexp.MustCompile(`name="verify" value="([^"]+)"`)

// arrive signs the person in at the identity provider that the page leads to, and comes back.
func (s *vendorScene) arrive(b *browser, leaving *page, who idptest.Person) *page {
	s.Helper()
	if s.open == nil {
		s.idp.SignIn(who)
		return s.deliver(b, s.ask(leaving))
	}
	s.open.SignIn(who)
	to := leaving.away
	if to == "" {
		to = leaving.want(http.StatusOK).link(s.open.Issuer)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(to)
	s.ok(err)
	s.ok(answer.Body.Close())
	back, err := url.Parse(answer.Header.Get("Location"))
	s.ok(err)
	return b.follow(b.send(http.MethodGet, back.RequestURI(), s.open.Issuer, nil))
}

// TestTheWizardsKindsAreTheStores: a product without words, or words without a product, would lead nowhere.
func TestTheWizardsKindsAreTheStores(t *testing.T) {
	var kinds []string
	for _, p := range setup.Products() {
		kinds = append(kinds, p.Kind)
		for _, protocol := range p.Protocols() {
			if protocolWords[protocol] == "" {
				t.Errorf("%s by %s", p.Kind, protocol)
			}
		}
	}
	if slices.Sort(kinds); !slices.Equal(kinds, store.ConnectionKinds()) {
		t.Errorf("the wizard has words for %v, the store knows %v", kinds, store.ConnectionKinds())
	}
}

var endsWith = regexp.MustCompile(`The test ends with ([a-z_]+)(?: or ([a-z_]+))?`)

// TestTroublesNameReasonsThatThereAre: whoever looks one up finds it on the page of the test.
func TestTroublesNameReasonsThatThereAre(t *testing.T) {
	found := 0
	for _, p := range setup.Products() {
		for _, protocol := range p.Protocols() {
			for _, step := range p.Guide(protocol).Steps {
				for _, trouble := range step.Wrong {
					for _, named := range endsWith.FindAllStringSubmatch(trouble.Sign, -1) {
						for _, reason := range named[1:] {
							if found++; reason != "" && trust.Reason(reason).Sentence() == "" {
								t.Errorf("%s, %s: there is no reason %q", p.Kind, step.ID, reason)
							}
						}
					}
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("%d reasons were looked at", found)
	}
	if trust.Reason("no_such_reason").Sentence() != "" {
		t.Error("a reason that is none has a sentence, so this test sees nothing")
	}
}

// TestTheWizardKeepsToItsSteps: what is not a step, a product or the organization's own is not there, and saving the same again leaves the test.
func TestTheWizardKeepsToItsSteps(t *testing.T) {
	p := newProduct(t)
	acme, globex := p.found("acme"), p.found("globex")
	one := acme.choose("Work")
	theirs := strings.Replace(one, acme.connections(), globex.connections(), 1)
	for _, path := range []string{"/setup", "/setup/metadata", "/setup/test"} {
		globex.owner.get(theirs + path).want(http.StatusNotFound)
	}
	acme.owner.get(one + "/setup/client").want(http.StatusNotFound)
	acme.owner.post(one + "/setup/client").want(http.StatusNotFound)
	acme.owner.get(acme.connections() + "/new?kind=none").want(http.StatusNotFound)
	acme.owner.post(acme.connections(), "kind", "jumpcloud", "protocol", "oidc", "name", "x").want(http.StatusUnprocessableEntity, "Choose the protocol.")
	acme.owner.post(acme.connections(), "kind", "none", "name", "x").want(http.StatusOK, "Which one do your people sign in with?")
	acme.owner.post(one+"/setup/test").want(http.StatusUnprocessableEntity, "cannot be tested yet")
	acme.owner.post(one+"/setup/metadata", "version", "7", "metadata_xml", metadataOf("https://idp.test/sso", theirCertificate(t, newECKey(t), 400))).
		want(http.StatusUnprocessableEntity, "Somebody else changed this")
	foreign := globex.verify("globex.test")
	acme.owner.post(one+"/setup/domains", "verify", foreign.ID).want(http.StatusNotFound)
}
