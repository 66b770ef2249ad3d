// Package handlers is the product over HTTP: one file for each noun, every URL with its permission in routes.go, and one place, errors.go,
// where an error becomes a status and words.
//
// There are two audiences, and two structs. The console serves people with a session: [console.admit] asks on every request who they are,
// whether their proofs open the organization that the path names (access.MayEnter) and whether they hold the route's permission, before a
// handler runs. The protocol serves identity providers and programs; it holds no store, so it cannot reach past the broker and the gate.
//
// A handler reads a form, calls one function of the store or the broker, and answers one page. It decides nothing about trust, writes no
// SQL and never shows err.Error() to anyone.
package handlers

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/api"
	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/gate"
	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/passkeys"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/web"
)

// Options are what the product's HTTP side stands on.
type Options struct {
	URL       *url.URL // public base; every link that we write begins with it
	Store     *store.Store
	Broker    *broker.Broker
	Gate      *gate.Gate
	Catalogue *access.Catalogue
	Cookies   *web.Cookies
	Assets    *web.Assets
	Brand     views.Brand
	Outbound  *outbound.Guard
	FirstRun  FirstRun
	// OpenSignup lets everybody who is signed in make organizations; otherwise the operator alone does.
	OpenSignup bool
	// SendsMail says whether the operator has named an SMTP server. Without one a forgotten password is the operator's to mend.
	SendsMail bool
	Site      web.Site // Problem and Elsewhere are filled in here
	Log       *slog.Logger
}

// console is what people with a browser reach.
type console struct {
	Options
	frame
	store    *store.Store
	broker   *broker.Broker
	passkeys *passkeys.Party
	admin    *api.API
	now      func() time.Time

	guesses *web.Limiter // at one person's password from one address prefix
	crowd   *web.Limiter // at anybody's from one address prefix
	logins  *web.Limiter // begun, and answered, from one address prefix: each leaves a row
	lookups *web.Limiter // in the outside world, for one domain or organization

	sent     *sentForms
	watchers *watchers
}

// New is the whole product as one handler.
func New(o Options) (http.Handler, error) {
	c := &console{Options: o, frame: frame{o.Brand, o.Assets}, store: o.Store, broker: o.Broker, now: o.Store.Now}
	c.sent = &sentForms{now: c.now, forms: map[string]*sentForm{}}
	c.watchers = &watchers{of: map[string]int{}}
	var err error
	if c.passkeys, err = passkeys.New(o.URL, cmp.Or(o.Brand.Name, "Gatehouse")); err != nil {
		return nil, err
	}
	if c.guesses, err = web.NewLimiter(c.now, web.Tries...); err != nil {
		return nil, err
	}
	if c.crowd, err = web.NewLimiter(c.now, web.Rate{Count: 60, Per: time.Minute}, web.Rate{Count: 600, Per: time.Hour}); err != nil {
		return nil, err
	}
	if c.logins, err = web.NewLimiter(c.now, web.Rate{Count: 600, Per: time.Minute}); err != nil {
		return nil, err
	}
	if c.lookups, err = web.NewLimiter(c.now, web.Rate{Count: 20, Per: time.Minute}); err != nil {
		return nil, err
	}
	all, err := c.surface()
	if err != nil {
		return nil, err
	}
	o.Site.Problem, o.Site.Elsewhere = c.unroutedProblem, c.askedElsewhere
	return o.Site.Handler(all.handler()), nil
}

// visit is one request of a person: what was asked, who asks, and what they may do where they ask it.
type visit struct {
	*console
	w     http.ResponseWriter
	r     *http.Request
	route route // what was asked for

	token   secret.Token
	session store.Session // zero when nobody is signed in
	user    store.User

	setup store.SetupVisit // on routes of a setup link; zero elsewhere

	entities []string // of metadata that was given and describes several identity providers

	// On routes within an organization, or of a setup link:
	scope        *store.Scope
	entry        access.Entry // what decides whether the session's proofs open it
	limited      bool         // they do by break-glass alone
	organization store.Organization
	memberships  []store.Membership // every organization of the person, for the switcher
	member       store.Member
	may          access.Permissions // in the organization

	// On routes within a project:
	project   store.Project
	inProject access.Permissions
}

// signedIn reports whether somebody is.
func (v *visit) signedIn() bool { return v.session.ID != "" }

func (v *visit) ctx() context.Context { return v.r.Context() }

// id is a part of the path: v.id("project") of /organizations/{organization}/projects/{project}.
func (v *visit) id(name string) string { return v.r.PathValue(name) }

// query is a query parameter, without what no database takes as text.
func (v *visit) query(name string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(v.r.URL.Query().Get(name), ""), "\x00", "")
}

func (v *visit) form() web.Fields { return web.Form(v.r) }

// organizationPath is a path under the present organization: v.path("projects").
func (v *visit) path(rest string) string {
	path := "/organizations/" + v.id("organization")
	if rest != "" {
		path += "/" + rest
	}
	return path
}

// render answers with a page.
func (v *visit) render(status int, page templ.Component) error {
	web.Render(v.w, v.r, status, page)
	return nil
}

// goTo answers 303 to a path of ours, with one notice for the page there ("" for none).
func (v *visit) goTo(path, notice string) error {
	if notice != "" {
		if err := v.Cookies.Notice(v.w, notice); err != nil {
			return err
		}
	}
	web.Redirect(v.w, v.r, path)
	return nil
}
