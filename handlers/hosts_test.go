package handlers

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
)

const appURL = "https://app.example.com"

// away is a browser on a host behind a proxy that hands /.gatehouse/ to us.
type away struct {
	*browser
	g *gated
}

func (g *gated) away() *away {
	b := g.browser()
	b.leading.Store(publicURL, true)
	b.leading.Store(appURL, true)
	return &away{b, g}
}

// open asks for a path on the host.
func (a *away) open(method, path string) *page {
	a.Helper()
	r := httptest.NewRequest(method, appURL+path, nil)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return a.exchange(r)
}

// through asks for a page behind the proxy, as the proxy asks us.
func (a *away) through(permission string) *httptest.ResponseRecorder {
	a.Helper()
	header := []string{"Host", "app.example.com", "Accept", "text/html", "X-Forwarded-Method", "GET", "X-Forwarded-Uri", "/"}
	for _, cookie := range a.jar {
		header = append(header, "Cookie", cookie.Name+"="+cookie.Value)
	}
	return a.g.ask("GET", "/v1/authorize?permission="+permission, header...)
}

// start begins on the host and gives the address on our own site to which the browser is sent.
func (a *away) start(path string) string {
	a.Helper()
	to, found := strings.CutPrefix(a.open(http.MethodGet, path).want(303).Header.Get("Location"), publicURL)
	if !found {
		a.Fatalf("%s does not lead to our own site", path)
	}
	return to
}

// ticketOf is where the page on our own site leads.
func (a *away) ticketOf(who *someone, enter string) string {
	a.Helper()
	who.leading.Store(appURL, true)
	return strings.TrimPrefix(who.get(enter).want(200, "Taking you to app.example.com").link(appURL+"/.gatehouse/finish?ticket="), appURL)
}

// arrive goes all the way and lands.
func (a *away) arrive(who *someone) *away {
	a.Helper()
	a.open(http.MethodGet, a.ticketOf(who, a.start("/.gatehouse/start"))).want(303)
	return a
}

func TestArrivingAtAHost(t *testing.T) {
	g := newGated(t)
	a := g.away()
	enter := a.start("/.gatehouse/start?return_to=" + url.QueryEscape("/app?x=1&y=2"))
	finish := a.ticketOf(g.owner, enter)
	landed := a.open(http.MethodGet, finish).want(303)
	if got := landed.Header.Get("Location"); got != "/app?x=1&y=2" {
		t.Errorf("lands at %q", got)
	}
	cookie := a.jar[g.cookies.Visit.Name()]
	if cookie == nil || !strings.HasPrefix(cookie.Name, "__Host-") || !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Domain != "" || cookie.Path != "/" {
		t.Errorf("W-03: the cookie is %+v", cookie)
	}
	w := g.wants("on the host", a.through("indexes:query"), 200, "VALID")
	if w.Header().Get("X-Gatehouse-Principal") != g.owner.User.ID || w.Header().Get("X-Gatehouse-Project") != g.project.ID {
		t.Errorf("on the host it is %v", w.Header())
	}
	if g.count("events WHERE action = 'host.entered' AND organization_id = ?", g.ID) != 1 {
		t.Error("the organization was not told")
	}
	// The cookie is nothing anywhere else, and our own is nothing there.
	for name, header := range map[string][]string{
		"on our own host": {"Cookie", cookie.Name + "=" + cookie.Value},
		"as our session":  {"Cookie", g.cookies.Session.Name() + "=" + cookie.Value},
		"on another host": {"Cookie", cookie.Name + "=" + cookie.Value, "Host", "elsewhere.example"},
		"our own there":   {"Cookie", g.owner.cookieHeader(), "Host", "app.example.com"},
		"our own renamed": {"Cookie", cookie.Name + "=" + g.owner.jar[g.cookies.Session.Name()].Value, "Host", "app.example.com"},
	} {
		if w := g.ask("GET", "/v1/authorize?permission=any&project="+g.project.ID, header...); w.Code != 401 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

// W-32 and S-47 for tickets: in the browser that asked, on the host it is for, once, within a minute.
func TestW32_TicketsAtHosts(t *testing.T) {
	g := newGated(t)
	a := g.away()
	refused := func(name string, p *page) {
		t.Helper()
		p.want(403, "This way in was used already")
		if strings.Contains(p.Body, `"/static/`) {
			t.Errorf("%s: the page's files are not on this host", name)
		}
	}
	shown := a.ticketOf(g.owner, a.start("/.gatehouse/start"))
	refused("another browser", g.away().open(http.MethodGet, shown))
	refused("after another browser", a.open(http.MethodGet, shown)) // used up wherever it is shown
	thief := g.away()
	thief.start("/.gatehouse/start")
	refused("another browser that asked, too", thief.open(http.MethodGet, a.ticketOf(g.owner, a.start("/.gatehouse/start"))))
	if thief.jar[g.cookies.Visit.Name()] != nil {
		t.Error("a thief has a visit")
	}
	finish := a.ticketOf(g.owner, a.start("/.gatehouse/start"))
	a.open(http.MethodGet, finish).want(303) // the honest twin
	refused("again", a.open(http.MethodGet, finish))
	late := a.ticketOf(g.owner, a.start("/.gatehouse/start"))
	g.pass(time.Minute)
	refused("late", a.open(http.MethodGet, late))
	refused("none", a.open(http.MethodGet, "/.gatehouse/finish"))
	two, one := a.ticketOf(g.owner, a.start("/.gatehouse/start")), a.ticketOf(g.owner, a.start("/.gatehouse/start"))
	a.open(http.MethodGet, one).want(303) // several tabs at once
	a.open(http.MethodGet, two).want(303)
}

// W-12: where a visit leads is a path on the host, written anew.
func TestW12_VisitsLandOnTheHost(t *testing.T) {
	g := newGated(t)
	for given, want := range map[string]string{
		"/a?b=c": "/a?b=c", "//evil.test": "/", "/\\evil.test": "/", "https://evil.test/": "/", "javascript:alert(1)": "/", "": "/", "/../x": "/", "/a\r\nb": "/",
		strings.Repeat("/a", 2000): "/",
	} {
		a := g.away()
		enter := a.start("/.gatehouse/start?return_to=" + url.QueryEscape(given))
		if got := a.open(http.MethodGet, a.ticketOf(g.owner, enter)).want(303).Header.Get("Location"); got != want {
			t.Errorf("%.40q leads to %q, want %q", given, got, want)
		}
		parsed, err := url.Parse(enter)
		g.ok(err)
		query := parsed.Query()
		query.Set("return_to", given) // somebody edits it on our own site
		if got := a.open(http.MethodGet, a.ticketOf(g.owner, parsed.Path+"?"+query.Encode())).want(303).Header.Get("Location"); got != want {
			t.Errorf("%.40q on our own site leads to %q, want %q", given, got, want)
		}
	}
}

func TestOnlyMembersOfTheProjectArrive(t *testing.T) {
	g := newGated(t)
	a := g.away()
	enter := a.start("/.gatehouse/start?return_to=/app")
	nobody, stranger := g.member("nobody@guest.test", access.OrgManager), g.product.found("globex").owner
	for name, who := range map[string]*someone{"without a role in the project": nobody, "of another organization": stranger} {
		if shown := who.get(enter); shown.Status != 403 || strings.Contains(shown.Body, "ticket") {
			t.Errorf("%s: %d", name, shown.Status)
		}
	}
	if shown := g.browser().send(http.MethodGet, enter, "same-origin", nil); shown.Header.Get("Location") != "/login?return_to="+url.QueryEscape(enter) {
		t.Errorf("nobody is sent to %q", shown.Header.Get("Location"))
	}
	g.owner.header.Set("Sec-Fetch-Dest", "iframe")
	g.owner.get(enter).want(400)
	g.owner.header.Set("Sec-Fetch-Dest", "document")
	g.owner.get("/hosts/" + g.host.ID + "/enter").want(400)
	g.owner.get("/hosts/" + g.host.ID + "/enter?arrival=eA").want(400)
	g.owner.get(strings.Replace(enter, g.host.ID, "hst_00000000000000000000000000", 1)).want(404)
	if n := g.count("host_tickets"); n != 0 {
		t.Errorf("%d tickets were made", n)
	}
	g.ok(g.scope.SetProjectRoles(t.Context(), g.owner.actor(), g.project.ID, nobody.member().ID, []access.Role{access.ProjectViewer}))
	a.open(http.MethodGet, a.ticketOf(nobody, enter)).want(303) // the honest twin
	g.wants("with a role", a.through("indexes:query"), 200, "VALID")
}

// W-32: what a page loads by itself begins no visit, also not one that would be refused later.
func TestW32_NoPageBeginsAVisit(t *testing.T) {
	g := newGated(t)
	start := func(dest string) *page {
		r := httptest.NewRequest(http.MethodGet, appURL+"/.gatehouse/start", nil)
		if dest != "" {
			r.Header.Set("Sec-Fetch-Dest", dest)
		}
		return g.away().exchange(r)
	}
	for _, dest := range []string{"iframe", "image", "script", "empty"} {
		if shown := start(dest); shown.Status != 403 || len(shown.Header["Set-Cookie"]) > 0 {
			t.Errorf("%s: %d %v", dest, shown.Status, shown.Header["Set-Cookie"])
		}
	}
	for _, dest := range []string{"document", ""} { // the honest twins; some browsers do not say
		start(dest).want(303)
	}
}

// D-13: a break-glass session that lost the mark of its own is told by its proof.
func TestD13_RecoveryEntersNoHost(t *testing.T) {
	acme, b := recovered(t)
	project, err := acme.scope.CreateProject(t.Context(), acme.owner.actor(), "Search", access.Serverless, acme.owner.User.ID)
	acme.ok(err)
	host, err := acme.scope.RegisterHost(t.Context(), acme.owner.actor(), project.ID, "app.example.com", acme.options.URL)
	acme.ok(err)
	acme.soon(func() error {
		_, found, err := acme.options.Gate.HostByID(t.Context(), host.ID)
		return unless(found && err == nil, "the host is not heard of: %v", err)
	})
	enter := "/hosts/" + host.ID + "/enter?arrival=" + base64.RawURLEncoding.EncodeToString(secret.NewToken().Hash())
	for _, mark := range []string{"limited_to", "''"} {
		acme.behind("UPDATE sessions SET limited_to = " + mark)
		b.get(enter).want(403, "A recovery session opens connections, domains and sign-in settings.").lacks("ticket")
	}
	if n := acme.count("host_tickets"); n != 0 {
		t.Errorf("%d tickets were made", n)
	}
}

// What ends the session, or its right to be there, ends the visit.
func TestVisitsEndWithTheirSession(t *testing.T) {
	for name, end := range map[string]func(g *gated, who *someone, a *away){
		"signing out on our site": func(g *gated, who *someone, _ *away) { who.post("/logout").want(200) },
		"signing out on the host": func(g *gated, _ *someone, a *away) {
			a.open(http.MethodGet, "/.gatehouse/sign-out").want(200, "Sign out of app.example.com?")
			a.open(http.MethodPost, "/.gatehouse/sign-out").want(200, "You are signed out")
		},
		"the session ended elsewhere": func(g *gated, who *someone, _ *away) {
			g.ok(g.store.EndSessionsOf(g.Context(), who.actor(), who.User.ID, ""))
		},
		"suspension": func(g *gated, who *someone, _ *away) {
			g.ok(g.scope.SuspendMember(g.Context(), g.owner.actor(), who.member().ID, who.member().Version))
		},
		"removal": func(g *gated, who *someone, _ *away) {
			g.ok(g.scope.RemoveMember(g.Context(), g.owner.actor(), who.member().ID, who.member().Version))
		},
		"loss of the role": func(g *gated, who *someone, _ *away) {
			g.ok(g.scope.SetProjectRoles(g.Context(), g.owner.actor(), g.project.ID, who.member().ID, nil))
		},
		"suspension of the organization": func(g *gated, _ *someone, _ *away) {
			g.ok(g.store.SuspendOrganization(g.Context(), operator, g.ID))
		},
		"release of the host": func(g *gated, _ *someone, _ *away) {
			g.ok(g.scope.ReleaseHost(g.Context(), g.owner.actor(), g.project.ID, g.host.ID))
		},
		"idleness": func(g *gated, _ *someone, _ *away) { g.pass(31 * time.Minute); g.soon(g.options.Gate.Ready) },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGated(t)
			who := g.member("ada@guest.test", access.OrgMember)
			g.ok(g.scope.SetProjectRoles(t.Context(), g.owner.actor(), g.project.ID, who.member().ID, []access.Role{access.ProjectViewer}))
			a := g.away().arrive(who)
			g.wants("before", a.through("indexes:query"), 200, "VALID")
			visit := *a.jar[g.cookies.Visit.Name()]
			end(g, who, a)
			a.jar[visit.Name] = &visit
			g.soon(func() error {
				w := a.through("indexes:query")
				return unless(w.Code == 401 || w.Code == 403, "%d %s", w.Code, w.Header().Get("X-Gatehouse-Reason"))
			})
		})
	}
}

func TestVisitsInUseGoOn(t *testing.T) {
	g := newGated(t)
	a := g.away().arrive(g.owner)
	for range 6 {
		g.pass(20 * time.Minute)
		g.soon(g.options.Gate.Ready)
		g.wants("in use", a.through("indexes:query"), 200, "VALID")
	}
	g.owner.get("/account").want(200) // the session itself was in use
}

// Enforcement holds on hosts as it does in the console: a password is not enough, and the browser is sent to where another proof is.
func TestEnforcementHoldsOnHosts(t *testing.T) {
	g := newGated(t)
	g.verify("acme-corp.test")
	c := g.connect("Okta")
	c.vouch("u-1", "employee@acme-corp.test")
	who := g.member("employee@acme-corp.test", access.OrgMember)
	g.ok(g.scope.SetProjectRoles(t.Context(), g.owner.actor(), g.project.ID, who.member().ID, []access.Role{access.ProjectViewer}))
	a := g.away().arrive(who)
	g.wants("before", a.through("indexes:query"), 200, "VALID")
	g.enforce(c, access.EnforceDomain)
	g.soon(func() error {
		w := a.through("indexes:query")
		return unless(w.Code == 401 && w.Header().Get("X-Gatehouse-Reason") == "SIGN_IN_REQUIRED" && w.Header().Get("X-Gatehouse-Login") == "/.gatehouse/start",
			"%d %s %q", w.Code, w.Header().Get("X-Gatehouse-Reason"), w.Header().Get("X-Gatehouse-Login"))
	})
	who.get(a.start("/.gatehouse/start")).want(403, "Continue with Okta")
}

// Of a host that is not registered, and of everything but /.gatehouse/, nothing is answered under another name.
func TestW11_HostsReachTheirOwnPathAlone(t *testing.T) {
	g := newGated(t)
	for _, row := range []struct {
		target, location string
		header           []string
		status           int
	}{
		{"https://app.example.com/login", publicURL + "/login", nil, 308},
		{"https://app.example.com/.gatehouse", publicURL + "/.gatehouse", nil, 308},
		{"https://app.example.com/.gatehouse/../login", "", nil, 400},
		{"https://app.example.com/.gatehouse/nothing", "", nil, 404},
		{"https://elsewhere.example/.gatehouse/start", publicURL + "/.gatehouse/start", nil, 308},
		{"https://elsewhere.example/.gatehouse/start", publicURL + "/.gatehouse/start", []string{"X-Forwarded-Host", "app.example.com"}, 308},
		{publicURL + "/.gatehouse/start", "", nil, 404},
		{publicURL + "/.gatehouse/sign-out", "", nil, 404},
	} {
		r := httptest.NewRequest(http.MethodGet, row.target, nil)
		r.RemoteAddr = "203.0.113.7:1"
		if len(row.header) > 0 {
			r.Header.Set(row.header[0], row.header[1])
		}
		w := httptest.NewRecorder()
		g.handler.ServeHTTP(w, r)
		if w.Code != row.status || w.Header().Get("Location") != row.location {
			t.Errorf("%s: %d to %q, want %d to %q", row.target, w.Code, w.Header().Get("Location"), row.status, row.location)
		}
	}
	trusted := httptest.NewRequest(http.MethodGet, "https://gatehouse:8080/.gatehouse/start", nil)
	trusted.RemoteAddr = "10.0.0.1:1"
	trusted.Header.Set("X-Forwarded-Host", "app.example.com")
	w := httptest.NewRecorder()
	if g.handler.ServeHTTP(w, trusted); w.Code != 303 {
		t.Errorf("by a proxy that we believe: %d", w.Code)
	}
	crossed := httptest.NewRequest(http.MethodPost, appURL+"/.gatehouse/sign-out", nil)
	crossed.Header.Set("Sec-Fetch-Site", "cross-site")
	w = httptest.NewRecorder()
	if g.handler.ServeHTTP(w, crossed); w.Code != 403 {
		t.Errorf("W-01: another site signs people out: %d", w.Code)
	}
	asset := g.away().open(http.MethodGet, "/.gatehouse"+g.options.Assets.URL("console.css")).want(200)
	if !strings.Contains(asset.Header.Get("Content-Type"), "text/css") {
		t.Errorf("the pages' style is %s", asset.Header.Get("Content-Type"))
	}
}

// The console's pages: registered, refused, released.
func TestHostsInTheConsole(t *testing.T) {
	g := newGated(t)
	path := "/organizations/" + g.ID + "/projects/" + g.project.ID + "/hosts"
	g.owner.get(path).want(200, "app.example.com", "Register a host")
	g.owner.post(path, "name", "new.example.com").want(200, "new.example.com is registered.")
	for _, typed := range []string{"gatehouse.test", "", "new.example.com", "not a host"} {
		g.owner.post(path, "name", typed).want(422)
	}
	viewer := g.member("viewer@guest.test", access.OrgMember)
	g.ok(g.scope.SetProjectRoles(t.Context(), g.owner.actor(), g.project.ID, viewer.member().ID, []access.Role{access.ProjectMember}))
	viewer.get(path).want(200, "app.example.com").lacks("Register a host", "/release")
	viewer.post(path, "name", "evil.example.com").want(403)
	release := path + "/" + g.host.ID + "/release"
	g.owner.get(release).want(200, "Type “app.example.com” to confirm")
	g.owner.post(release, "confirm", "app").want(422)
	g.owner.post(release, "confirm", "App.Example.com").want(200, "app.example.com is released.")
	if g.count("hosts WHERE id = ?", g.host.ID) != 0 {
		t.Error("it is still there")
	}
	w := httptest.NewRecorder()
	g.soon(func() error {
		w = g.ask("GET", "/v1/authorize", "Host", "app.example.com", "Accept", "text/html")
		return unless(w.Header().Get("X-Gatehouse-Login") == "", "the host is still known")
	})
}
