package handlers

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/setup"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// newConnection asks what to connect and then, with kind in the address, by which protocol and under what name.
func (v *visit) newConnection() error {
	kind := v.query("kind")
	if kind == "" {
		return v.products()
	}
	product, found := setup.Find(kind)
	if !found {
		return store.ErrNotFound
	}
	return v.showNewConnection(http.StatusOK, product, nil)
}

func (v *visit) products() error {
	page := views.ProductsPage{Page: v.trail(v.page("Connect an identity provider"), ui.Link{Text: "Connections", Href: v.path("connections")})}
	for _, p := range setup.Products() {
		link := views.ProductLink{Name: p.Name, About: p.About, Href: v.path("connections/new?kind=" + p.Kind)}
		if p.Kind == store.ProtocolSAML || p.Kind == store.ProtocolOIDC {
			page.Generic = append(page.Generic, link)
		} else {
			page.Products = append(page.Products, link)
		}
	}
	return v.render(http.StatusOK, views.Products(page))
}

func (v *visit) showNewConnection(status int, product setup.Product, problem *ui.Problem) error {
	page := views.NewConnectionPage{
		Page:    v.trail(v.page(product.Name), ui.Link{Text: "Connections", Href: v.path("connections")}, ui.Link{Text: "Connect an identity provider", Href: v.path("connections/new")}),
		Product: product.Name, Admin: capitalized(product.Admin) + ".", Kind: product.Kind, Name: product.Name, Action: v.path("connections"), Cancel: v.path("connections/new"), Problem: problem,
	}
	if product.Kind == store.ProtocolSAML || product.Kind == store.ProtocolOIDC {
		page.Name, page.Product = "", strings.TrimPrefix(product.Name, "Any ")
	}
	if problem != nil {
		page.Name = v.form().Text("name")
	}
	for _, protocol := range product.Protocols() {
		page.Protocols = append(page.Protocols, ui.Option{Value: protocol, Label: protocolWords[protocol], Help: product.Guide(protocol).When})
	}
	choose(page.Protocols, cmp.Or(v.form().Text("protocol"), product.Protocols()[0]))
	return v.render(status, views.NewConnection(page))
}

// createConnection makes a draft of the chosen product, with what is known of everything that it sends, and leads into its first step.
func (v *visit) createConnection() error {
	form := v.form()
	product, found := setup.Find(form.Text("kind"))
	if !found {
		return v.goTo(v.path("connections/new"), "")
	}
	protocol := form.Text("protocol")
	guide := product.Guide(protocol)
	if guide == nil || protocol != store.ProtocolSAML && protocol != store.ProtocolOIDC {
		return v.showNewConnection(http.StatusUnprocessableEntity, product, fieldProblem("protocol", "Choose the protocol."))
	}
	key, err := connections.NewKey(v.URL.Hostname(), v.now())
	if err != nil {
		return err
	}
	m := guide.Mapping
	mapping := store.Mapping{Subject: m.Subject, Email: m.Email, Name: m.Name, GivenName: m.GivenName, FamilyName: m.FamilyName, Groups: m.Groups}
	made, err := v.scope.CreateDraft(v.ctx(), v.actor(), store.NewConnection{
		Name: form.Text("name"), Kind: product.Kind, Protocol: protocol,
		SAML: store.SAMLSettings{Mapping: mapping}, OIDC: store.OIDCSettings{LoginHint: true, Mapping: mapping},
	}, key)
	if problem := problemOf(err); problem != nil {
		return v.showNewConnection(http.StatusUnprocessableEntity, product, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("connections/"+made.ID+"/setup"), "")
}
