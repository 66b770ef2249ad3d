package views

import (
	"net/http"
	"strings"

	"github.com/gatehouse-sso/gatehouse/views/setup"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func wizardStories() []Story {
	connections := ui.Link{Text: "Connections", Href: "/connections"}
	choice := ProductsPage{Page: storyConsole("Connect an identity provider", "Connections", connections)}
	for _, p := range setup.Products() {
		link := ProductLink{Name: p.Name, About: p.About, Href: "/connections/new?kind=" + p.Kind}
		if strings.HasPrefix(p.Name, "Any") {
			choice.Generic = append(choice.Generic, link)
		} else {
			choice.Products = append(choice.Products, link)
		}
	}
	okta, _ := setup.Find("okta")
	begin := NewConnectionPage{
		Page: storyConsole("Okta", "Connections", connections), Product: "Okta", Admin: "An Okta administrator who may add applications.", Kind: "okta", Name: "Okta", Action: "/connections", Cancel: "/connections/new",
		Protocols: []ui.Option{{Value: "saml", Label: "SAML", Help: okta.SAML.When, Chosen: true}, {Value: "oidc", Label: "OpenID Connect", Help: okta.OIDC.When}},
	}
	unnamed := begin
	unnamed.Name, unnamed.Problem = "", &ui.Problem{Fields: []ui.FieldError{{Field: "name", Message: "Enter a name."}}}
	one := begin
	one.Product, one.Name, one.Protocols = "JumpCloud", "JumpCloud", []ui.Option{{Value: "saml"}}
	return append([]Story{
		{"connections/products", "Connect: the choice of the product", Products(choice), http.StatusOK},
		{"connections/begin", "Connect: a product with two protocols", NewConnection(begin), http.StatusOK},
		{"connections/begin-one", "Connect: a product with one protocol", NewConnection(one), http.StatusOK},
		{"connections/begin-wrong", "Connect: without a name", NewConnection(unnamed), http.StatusUnprocessableEntity},
	}, wizardStepStories()...)
}

// storyStep is a step of a product's guide, as an owner of Acme meets it; so many steps are done.
func storyStep(kind, protocol, id string, done int) WizardPage {
	product, _ := setup.Find(kind)
	guide := product.Guide(protocol)
	step, number := guide.Step(id)
	const at = "https://gatehouse.example.com/saml/con_01jd9k5a3m8y2v4q6w8r0t2b4t/"
	ours := map[setup.Value]string{
		setup.EntityID: at + "metadata", setup.Metadata: at + "metadata", setup.ACS: at + "acs", setup.ACSPattern: `^https:\/\/gatehouse\.example\.com\/saml\/con_01jd9k5a3m8y2v4q6w8r0t2b4t\/acs$`,
		setup.StartURL: "https://gatehouse.example.com/connections/con_01jd9k5a3m8y2v4q6w8r0t2b4t/login", setup.Callback: "https://gatehouse.example.com/oidc/con_01jd9k5a3m8y2v4q6w8r0t2b4t/callback",
	}
	page := WizardPage{
		Page:       storyConsole("Set up", "Connections", ui.Link{Text: "Connections", Href: "/connections"}, ui.Link{Text: product.Name, Href: "/connections/1"}),
		Connection: product.Name, Product: product.Name, Step: step, Number: number + 1, Version: "3", Action: "/setup/" + id, Leave: "/connections/1",
		Code: strings.NewReplacer("{entity_id}", ours[setup.EntityID], "{acs}", ours[setup.ACS]).Replace(step.Code), Mapping: guide.Mapping,
	}
	if number > 0 {
		page.Back = "/setup/" + guide.Steps[number-1].ID
	}
	for i, one := range guide.Steps {
		page.Steps = append(page.Steps, WizardStep{Link: ui.Link{Text: one.Title, Href: "/setup/" + one.ID, Current: i == number}, Done: i < done})
	}
	for _, give := range step.Give {
		page.Give = append(page.Give, Found{give.Field, ours[give.Value]})
	}
	return page
}

func wizardStepStories() []Story {
	known, wrong := storyStep("entra", "saml", "metadata", 4), storyStep("google", "saml", "metadata", 1)
	known.Known = []Found{
		{"Entity ID", "https://sts.windows.net/1b9e6dc3-7a4e-4a3e-9d0b-2b1f0f6c1c5a/"}, {"Sign-on address", "https://login.microsoftonline.com/1b9e6dc3-7a4e-4a3e-9d0b-2b1f0f6c1c5a/saml2"},
		{"Certificate", "Microsoft Azure Federated SSO Certificate, valid, until 23 Nov 2029"},
	}
	wrong.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "metadata_file", Message: "That is a web page, perhaps a sign-in page, not metadata. Use the address or the file that the identity provider calls “metadata” or “federation metadata”."}}}
	wrong.Source.Problem = wrong.Problem

	methods := []ui.Option{
		{Value: "secret", Label: "By a client secret", Help: "One that the identity provider made. Many expire: note when.", Chosen: true},
		{Value: "statement", Label: "By our own key", Help: "private_key_jwt: nothing to renew. The identity provider reads our keys' address, on this connection's page."},
	}
	client, bare := storyStep("entra", "oidc", "client", 1), storyStep("google", "oidc", "client", 2)
	client.OpenID = OpenIDValues{Methods: methods, NotGoogle: true}
	bare.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "client_id", Message: "Enter the client ID that the identity provider gave us."}, {Field: "client_secret", Message: "Enter the client secret that the identity provider gave us, or choose our own key."}}}
	bare.OpenID = OpenIDValues{Issuer: "https://accounts.google.com", Methods: methods, Problem: bare.Problem}
	return append([]Story{
		{"wizard/application", "Wizard: the first step", Wizard(storyStep("okta", "saml", "application", 0)), http.StatusOK},
		{"wizard/values", "Wizard: our values", Wizard(storyStep("onelogin", "saml", "values", 1)), http.StatusOK},
		{"wizard/attributes", "Wizard: attributes, long names", Wizard(storyStep("entra", "saml", "attributes", 2)), http.StatusOK},
		{"wizard/attributes-short", "Wizard: attributes", Wizard(storyStep("okta", "saml", "attributes", 2)), http.StatusOK},
		{"wizard/code", "Wizard: a text to paste there", Wizard(storyStep("auth0", "saml", "values", 1)), http.StatusOK},
		{"wizard/metadata", "Wizard: metadata", Wizard(storyStep("okta", "saml", "metadata", 3)), http.StatusOK},
		{"wizard/metadata-known", "Wizard: metadata is there", Wizard(known), http.StatusOK},
		{"wizard/metadata-wrong", "Wizard: metadata is a web page", Wizard(wrong), http.StatusUnprocessableEntity},
		{"wizard/client", "Wizard: issuer and client", Wizard(client), http.StatusOK},
		{"wizard/client-wrong", "Wizard: issuer and client, fields missing", Wizard(bare), http.StatusUnprocessableEntity},
	}, wizardEndStories()...)
}

func wizardEndStories() []Story {
	none, domains := storyStep("okta", "saml", "domains", 5), storyStep("okta", "saml", "domains", 5)
	none.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "name", Message: "Everybody can have an address there: it cannot be yours alone."}}}
	none.Domain = "gmail.com"
	domains.Domains = []WizardDomain{
		{ID: "dom_1", Name: "acme.example", State: DomainState{Kind: ui.Working, Word: "Verified"}, Verified: true},
		{ID: "dom_2", Name: "acme-research.example", State: DomainState{Kind: ui.Accent, Word: "Claimed"}, RecordName: "_gatehouse-challenge.acme-research.example", RecordValue: "gatehouse-verification=4c1f0ab2c3d4e5f60718293a4b5c6d7e",
			CheckProblem: "There is no TXT record at _gatehouse-challenge.acme-research.example yet."},
	}
	early, ready, tested, refused, asked := storyStep("okta", "saml", "test", 3), storyStep("okta", "saml", "test", 6), storyStep("okta", "saml", "test", 7), storyStep("okta", "saml", "test", 6), storyStep("okta", "saml", "test", 7)
	early.Test = WizardTest{Missing: "Import its metadata, or enter its entity ID and sign-on address.", Activate: "/activate"}
	ready.Test = WizardTest{Activate: "/activate"}
	tested.Test = WizardTest{Tested: true, Verdict: "The last test went well.", At: storyRecent, Login: "/logins/1", Activate: "/activate", Arrived: []Found{{"Subject", "00u1fcia6d6EMsf331d8"}, {"Email address", "ada@acme.example"}}}
	refused.Test = WizardTest{Verdict: "The last test was refused. The response is meant for somebody else than us.", Failed: true, At: storyRecent, Login: "/logins/1", Activate: "/activate"}
	for _, page := range []*WizardPage{&none, &domains} {
		page.Claims = true
	}
	running, draft, drafted := ready, early, tested
	running.Test.Running = "/logins/1"
	draft.Editing = Editing{Words: "People sign in through this connection. What you save here goes to a draft first: test it, then publish it."}
	draft.Test = WizardTest{Active: true}
	drafted.Editing = Editing{Draft: true, Words: "You see and change the draft. People sign in by the live settings until you publish it.", Href: "/connections/1"}
	drafted.Test.Activate, drafted.Test.Active, drafted.Test.Draft, drafted.Test.Publish = "", true, true, "/connections/1"
	asked.Test, asked.Leave = tested.Test, "/setup"
	asked.Test.Activate, asked.Test.Login, asked.Test.Finish = "", "/setup/tests/1", "/setup"
	theirs := storyStep("okta", "saml", "domains", 5)
	theirs.Domains, theirs.Leave = domains.Domains[1:], "/setup"
	values := storyStep("entra", "saml", "metadata", 3)
	values.Leave = "/setup"
	for _, page := range []*WizardPage{&asked, &theirs, &values} {
		page.Page = storyPage(page.Step.Title)
		page.Page.SetupLink, page.Page.Breadcrumb = "IT of Acme", []ui.Link{{Text: "Set up Okta", Href: "/setup"}, {Text: "Steps"}}
	}
	return []Story{
		{"wizard/domains", "Wizard: domains", Wizard(domains), http.StatusOK},
		{"wizard/domains-wrong", "Wizard: a domain that is everybody's", Wizard(none), http.StatusUnprocessableEntity},
		{"wizard/test-early", "Wizard: nothing to test yet", Wizard(early), http.StatusOK},
		{"wizard/test", "Wizard: to be tested", Wizard(ready), http.StatusOK},
		{"wizard/test-well", "Wizard: tested, to be activated", Wizard(tested), http.StatusOK},
		{"wizard/test-refused", "Wizard: the test was refused", Wizard(refused), http.StatusOK},
		{"wizard/test-asked", "Wizard: tested by somebody who may not activate", Wizard(asked), http.StatusOK},
		{"wizard/test-running", "Wizard: a test is under way", Wizard(running), http.StatusOK},
		{"wizard/test-active", "Wizard: the test of an active connection", Wizard(draft), http.StatusOK},
		{"wizard/test-draft", "Wizard: the draft is tested, to be published", Wizard(drafted), http.StatusOK},
		{"wizard/by-link", "Wizard: metadata, by a setup link", Wizard(values), http.StatusOK},
		{"wizard/domains-by-link", "Wizard: the domains of a setup link", Wizard(theirs), http.StatusOK},
	}
}
