package e2e

import (
	"cmp"
	"crypto/x509"
	"encoding/base64"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/views/setup"
)

// TestJourney_WizardsBySAML walks every guide that there is for SAML, and
// TestJourney_WizardsByOpenID every other one: step by step in a browser, from
// the choice of the product to an employee who is signed in. The identity
// provider speaks as that product does; the one of no product is
// SimpleSAMLphp.
func TestJourney_WizardsBySAML(t *testing.T) { walkWizards(t, setup.SAML) }

func TestJourney_WizardsByOpenID(t *testing.T) { walkWizards(t, setup.OIDC) }

func walkWizards(t *testing.T, protocol string) {
	c := newCompany(t, nil)
	c.becomeOwner()
	walked := 0
	for _, product := range setup.Products() {
		if guide := product.Guide(protocol); guide != nil {
			t.Run(product.Kind, func(t *testing.T) {
				w := &wizard{company: c.in(t), product: product, guide: guide, given: map[setup.Value]string{}}
				w.pictures = product.Kind == "okta"
				w.serve(protocol)
				w.walk()
			})
			walked++
		}
	}
	if walked < 5 {
		t.Errorf("%d guides were walked", walked)
	}
}

// wizard is the way through one guide.
type wizard struct {
	*company
	product  setup.Product
	guide    *setup.Guide
	saml     *idptest.IdP    // nil where it is SimpleSAMLphp, or open
	open     *idptest.OpenID // of OpenID Connect
	base     string
	given    map[setup.Value]string // what the steps gave to the other side
	pictures bool
}

// serve starts the identity provider in the product's form.
func (w *wizard) serve(protocol string) {
	w.t.Helper()
	if protocol == setup.OIDC {
		w.open = idptest.NewOpenID(w.t)
		w.gatehouse.Secret(w.open.Secret)
		return
	}
	vendors := idptest.Vendors()
	i := slices.IndexFunc(vendors, func(v idptest.Vendor) bool { return v.Name == w.product.Kind })
	if i < 0 {
		return
	}
	w.saml = idptest.New(w.t)
	w.saml.Speak(vendors[i])
	server := httptest.NewServer(w.saml.Handler())
	w.t.Cleanup(server.Close)
	w.base = server.URL
}

// walk goes from the choice to somebody who is signed in.
func (w *wizard) walk() {
	w.t.Helper()
	w.begin()
	for number, step := range w.guide.Steps {
		w.owner.Has("heading", setup.Plain(step.Title))
		for _, give := range step.Give {
			w.given[give.Value] = w.owner.Copyable(give.Field)
		}
		if w.pictures {
			w.owner.Screenshot("wizard " + step.ID)
		}
		w.take(step)
		if number == 0 { // going back and forth loses nothing
			w.owner.Click("link", "Back")
			w.owner.Has("heading", setup.Plain(step.Title))
			w.take(step)
		}
	}
	w.owner.Click("link", "Back to the setup")
	w.owner.See("The last test went well.")
	if w.pictures {
		w.owner.Screenshot("wizard tested")
	}
	w.owner.Click("button", "Activate connection")
	w.owner.See("The connection is active.")

	employee := Employee{User: w.product.Kind, Email: w.product.Kind + "@" + domain, GivenName: "Grace", FamilyName: "Hopper"}
	if w.saml == nil && w.open == nil {
		employee = w.idp.Bob
	}
	w.becomes(employee)
	grace := NewPerson(w.t, "Grace")
	grace.Open(w.gatehouse.URL + "/connections/" + w.connectionID() + "/login")
	w.arrive(grace, employee)
	w.isIn(grace, employee)
}

// begin chooses the product and leads to its first step.
func (w *wizard) begin() {
	w.t.Helper()
	w.owner.Open(w.gatehouse.URL + w.home + "/connections")
	w.owner.Click("link", "Connect an identity provider")
	w.owner.Click("link", w.product.Name)
	if len(w.product.Protocols()) > 1 {
		w.owner.Choose(map[bool]string{true: "OpenID Connect", false: "SAML"}[w.open != nil])
	}
	w.owner.Fill("Name", w.product.Kind)
	w.owner.Click("button", "Begin")
	w.owner.Has("heading", setup.Plain(w.guide.Steps[0].Title))
	w.connection, _, _ = strings.Cut(w.owner.Address().Path, "/setup")
}

// take does what the step asks for, which leads to the next one.
func (w *wizard) take(step setup.Step) {
	w.t.Helper()
	switch step.Take {
	case setup.TakesMetadata:
		address := w.idp.MetadataURL()
		if w.saml != nil {
			address = w.base + "/metadata"
		}
		w.owner.Fill("Metadata address (optional)", address)
		w.owner.Click("button", "Save and continue")
		w.owner.See("The identity provider's values are saved.")
	case setup.TakesClient:
		w.owner.Fill("Issuer", w.open.Issuer)
		w.owner.Fill("Client ID", w.open.ClientID)
		w.owner.Fill("Client secret", w.open.Secret)
		w.owner.Click("button", "Save and continue")
		w.owner.See("The values are saved, and the endpoints are found.")
	case setup.TakesMapping:
		w.owner.Click("button", "Save and continue")
	case setup.TakesDomains:
		w.prove()
	case setup.TakesTest:
		w.introduce() // by now every value has been given
		w.becomes(w.idp.Alice)
		w.owner.Click("button", "Test sign-in")
		w.arrive(w.owner, w.idp.Alice)
		w.owner.See("The test went well. " + w.idp.Alice.Email + " arrived and is linked to you")
	default:
		w.owner.Click("button", "Done, continue")
	}
}

var ourCertificate = regexp.MustCompile(`X509Certificate>([^<]+)<`)

// introduce tells the identity provider of us what the steps said to, and by
// which key our requests are signed.
func (w *wizard) introduce() {
	w.t.Helper()
	switch {
	case w.open != nil:
		return // it knows us by the client
	case w.saml == nil:
		w.register(Answers{SignResponse: true, SignAssertion: true})
		return
	}
	// What the steps give in a text to paste, or have it read from our metadata, is not given by itself.
	entityID := cmp.Or(w.given[setup.EntityID], w.metadataURL())
	acs := cmp.Or(w.given[setup.ACS], w.gatehouse.URL+"/saml/"+w.connectionID()+"/acs")
	raw, err := base64.StdEncoding.DecodeString(ourCertificate.FindStringSubmatch(string(fetch(w.t, w.metadataURL())))[1])
	if err != nil {
		w.t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	w.saml.Serve(idptest.Service{EntityID: entityID, ACS: acs, Certificate: certificate})
}

// prove claims the domain and proves it; for the next connection that is done.
func (w *wizard) prove() {
	w.t.Helper()
	if !strings.Contains(collapse(w.owner.Text()), domain+" Verified") {
		w.owner.Fill("Domain", domain)
		w.owner.Click("button", "Claim domain")
		w.owner.See(domain + " is claimed.")
		w.dns.Set(w.owner.Copyable("TXT record name of "+domain), w.owner.Copyable("TXT record value of "+domain))
		w.owner.Click("button", "Verify "+domain)
		w.owner.See(domain + " is verified.")
	}
	w.owner.Click("button", "Continue")
}

// becomes makes the person the one who is signed in at the identity provider,
// where that does not ask.
func (w *wizard) becomes(as Employee) {
	who := idptest.Person{Subject: "id of " + as.User, Email: as.Email, Name: as.GivenName + " " + as.FamilyName, GivenName: as.GivenName, FamilyName: as.FamilyName, Groups: []string{"navy"}}
	switch {
	case w.saml != nil:
		w.saml.SignIn(who)
	case w.open != nil:
		w.open.SignIn(who)
	}
}

// arrive signs the person in on the identity provider's own page, where there
// is one.
func (w *wizard) arrive(person *Person, as Employee) {
	w.t.Helper()
	if w.saml == nil && w.open == nil {
		w.atIdentityProvider(person, as)
	}
}
