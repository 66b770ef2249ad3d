// Package views is what people see: one templ file per noun, and stories.go, one table of
// every page in every state.
//
// A page is a function of one struct, which holds strings and booleans that are ready to
// print; handlers build it, so no view asks a database, a clock or a permission anything.
// Every page struct embeds Page and is drawn inside Console (with the sidebar) or Card (the
// quiet pages of signing in). Text is escaped by templ; no raw sink is used anywhere.
package views

import "github.com/gatehouse-sso/gatehouse/views/ui"

// Page is what every page needs for its frame.
type Page struct {
	Title      string // of the window: "API keys"; the brand's name is added
	Brand      Brand
	Nav        ui.Nav
	Breadcrumb []ui.Link
	Person     string // the name of who is signed in; empty when nobody is
	Flash      *Flash // one message about what just happened
	Limited    bool   // a recovery session: the frame says that it opens sign-in settings alone
	SetupLink  string // the name of the setup link that opened the page: its holder is nobody here; empty on other pages
	AssetURL   func(string) string
}

// Brand is the host product's face, set by the operator.
type Brand struct {
	Name       string // "Gatehouse" when empty
	LogoURL    string // our own mark when empty
	SupportURL string // where people find help; empty hides the links
	BillingURL string // where customers pay; empty hides the links
}

// Flash is a message that is shown once, on the page after the act.
type Flash struct {
	Kind ui.Kind
	Text string
}

func (b Brand) name() string {
	if b.Name == "" {
		return "Gatehouse"
	}
	return b.Name
}

func (p Page) windowTitle() string {
	if p.Title == "" {
		return p.Brand.name()
	}
	return p.Title + " · " + p.Brand.name()
}

// asset is the address of a file of static/, with its hash where AssetURL adds one.
func (p Page) asset(name string) string {
	if p.AssetURL == nil {
		return "/static/" + name
	}
	return p.AssetURL(name)
}
