package handlers

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/web"
)

// hostPath is the one path of a registered host that its proxy hands to us.
const hostPath = "/.gatehouse"

// A person arrives at a host in four steps: start, on the host, gives the browser a random handle and sends it to our own site; there enter
// finds out who it is and hands out a ticket, bound to the hash of that handle; finish, on the host again, spends the ticket for the host's own
// cookie. Whoever stole the ticket on its way lacks the handle, and whoever was given a stranger's ticket has another.
func (c *console) hostRoutes() *web.Router {
	routes := web.NewRouter(c.hostProblem)
	for _, rt := range []struct {
		pattern string
		body    web.Body
		handle  func(*guest) error
	}{
		{"GET " + hostPath + "/start", web.NoBody, (*guest).start},
		{"GET " + hostPath + "/finish", web.NoBody, (*guest).finish},
		{"GET " + hostPath + "/sign-out", web.NoBody, (*guest).signOutPage},
		{"POST " + hostPath + "/sign-out", web.FormBody, (*guest).signOut},
		{"GET " + hostPath + "/static/{file...}", web.NoBody, (*guest).asset},
	} {
		routes.HandleFunc(web.Route{Pattern: rt.pattern, Body: rt.body}, c.onHost(rt.handle))
	}
	return routes
}

// askedElsewhere reports whether a request comes from in front of another host and is for us all the same.
func (c *console) askedElsewhere(r *http.Request) bool {
	if asksToAuthorize(r.URL.Path) {
		return true
	}
	if !strings.HasPrefix(r.URL.Path, hostPath+"/") || path.Clean(r.URL.Path) != r.URL.Path {
		return false
	}
	_, found, err := c.hostOf(r)
	return found || err != nil // what cannot be said now is said by whoever answers
}

// hostOf is the registered host that r is for.
func (c *console) hostOf(r *http.Request) (store.Host, bool, error) {
	_, host, _ := web.ReadHost(web.RequestInfo(r).Host, c.URL.Scheme)
	return c.Gate.Host(r.Context(), host)
}

// guest is one request on a registered host.
type guest struct {
	*console
	w    http.ResponseWriter
	r    *http.Request
	host store.Host
}

func (c *console) onHost(handle func(*guest) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		host, found, err := c.hostOf(r)
		switch {
		case err != nil:
		case !found:
			web.Fail(w, r, http.StatusNotFound)
			return
		default:
			err = handle(&guest{c, w, r, host})
		}
		if err != nil {
			c.Log.ErrorContext(r.Context(), "request failed", "request", web.RequestInfo(r).ID, "route", web.RequestInfo(r).Route, "error", err)
			web.Fail(w, r, http.StatusInternalServerError)
		}
	}
}

// hostProblem is an error page on a host; where there is none, on our own site.
func (c *console) hostProblem(w http.ResponseWriter, r *http.Request, status int) {
	if _, found, _ := c.hostOf(r); !found {
		c.problem(w, r, status)
		return
	}
	page := views.ErrorPage{Page: c.cardAt(true), Status: status}
	if status >= http.StatusInternalServerError {
		page.RequestID = web.RequestInfo(r).ID
	}
	web.Render(w, r, status, views.Error(page))
}

// start sends the browser to our own site. Nothing that a page loads by itself begins a visit.
func (g *guest) start() error {
	if loadedByAPage(g.r) {
		web.Fail(g.w, g.r, http.StatusForbidden)
		return nil
	}
	arrival, found := g.Cookies.Arrival.Read(g.r)
	if !found {
		arrival = secret.NewToken()
	}
	if err := g.Cookies.Arrival.Write(g.w, arrival); err != nil {
		return err
	}
	query := url.Values{"arrival": {base64.RawURLEncoding.EncodeToString(arrival.Hash())}}
	if back := web.ReturnTo(g.r.URL.Query().Get("return_to")); back != "/" {
		query.Set("return_to", back)
	}
	http.Redirect(g.w, g.r, g.URL.JoinPath("hosts", g.host.ID, "enter").String()+"?"+query.Encode(), http.StatusSeeOther)
	return nil
}

// loadedByAPage reports whether the browser says that a page made the request, and not its user.
func loadedByAPage(r *http.Request) bool {
	dest := r.Header.Get("Sec-Fetch-Dest")
	return dest != "" && dest != "document"
}

// enterHost is on our own site: whoever may enter the host's project gets a ticket, and goes on by themselves, because they may come here from
// a form, which leads nowhere else.
func (v *visit) enterHost() error {
	host, found, err := v.Gate.HostByID(v.ctx(), v.id("host"))
	if err != nil {
		return err
	}
	if !found {
		return store.ErrNotFound
	}
	arrival, err := base64.RawURLEncoding.DecodeString(v.query("arrival"))
	if err != nil || len(arrival) != len(secret.Token{}.Hash()) || loadedByAPage(v.r) {
		v.failWith(views.ErrorPage{Status: http.StatusBadRequest})
		return nil
	}
	if err := v.mayEnterHost(host); err != nil {
		return err
	}
	ticket, err := v.store.MakeTicket(v.ctx(), store.Ticket{
		HostID: host.ID, SessionID: v.session.ID, ArrivalHash: arrival, ReturnTo: web.ReturnTo(v.query("return_to")),
	})
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, views.GoOn(views.GoOnPage{
		Page: v.card("Signing in"), Sentence: "Taking you to " + host.Name + ".",
		URL: v.originOf(host) + hostPath + "/finish?ticket=" + url.QueryEscape(ticket.Reveal()),
	}))
}

// errNotOpen refuses a host to somebody who has no part in what is behind it.
var errNotOpen = errors.New("the host is not open to this person")

// mayEnterHost asks what each request on the host will be asked again: do the proofs open the organization, and is there a role in the project?
func (v *visit) mayEnterHost(host store.Host) error {
	v.r.SetPathValue("organization", host.OrganizationID)
	err := v.enter()
	if errors.Is(err, store.ErrNotFound) {
		return errNotOpen
	}
	if err != nil {
		return err
	}
	if v.recovering() {
		return errRecovering
	}
	roles, err := v.scope.ProjectRolesOf(v.ctx(), v.user.ID, host.ProjectID)
	if err != nil {
		return err
	}
	if len(roles) == 0 && !v.isOwner() {
		return errNotOpen
	}
	return nil
}

// finish spends the ticket.
func (g *guest) finish() error {
	arrival, _ := g.Cookies.Arrival.Read(g.r)
	ticket := secret.TokenOf(g.r.URL.Query().Get("ticket"))
	token, back, err := g.store.SpendTicket(g.r.Context(), audit.Gatehouse(requestOf(g.r)), g.host, ticket, arrival)
	if errors.Is(err, store.ErrNotFound) {
		web.Render(g.w, g.r, http.StatusForbidden, views.Error(views.ErrorPage{Page: g.cardAt(true), Status: http.StatusForbidden,
			Sentence: "This way in was used already, took longer than a minute, or began in another browser. Start again from the start page."}))
		return nil
	}
	if err != nil {
		return err
	}
	if err := g.Cookies.Visit.Write(g.w, token); err != nil {
		return err
	}
	web.Redirect(g.w, g.r, back)
	return nil
}

func (g *guest) signOutPage() error {
	page := g.cardAt(true)
	page.Title = "Sign out"
	web.Render(g.w, g.r, http.StatusOK, views.HostSignOut(views.HostSignOutPage{Page: page, Host: g.host.Name, Action: hostPath + "/sign-out"}))
	return nil
}

// signOut ends the person's session, of which the visit is a part: ended here alone, the next click would begin it again.
func (g *guest) signOut() error {
	if token, found := g.Cookies.Visit.Read(g.r); found {
		session, user, err := g.store.Visit(g.r.Context(), g.host.ID, token)
		if err == nil {
			request := requestOf(g.r)
			request.SessionID = session.ID
			err = g.store.EndSession(g.r.Context(), audit.Actor{Kind: audit.User, ID: user.ID, Name: user.Name, Request: request}, user.ID, session.ID)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	g.Cookies.Visit.Clear(g.w)
	page := g.cardAt(true)
	page.Title = "Signed out"
	web.Render(g.w, g.r, http.StatusOK, views.HostSignedOut(views.HostSignedOutPage{Page: page, Host: g.host.Name}))
	return nil
}

func (g *guest) asset() error {
	g.Assets.ServeHTTP(g.w, g.r)
	return nil
}
