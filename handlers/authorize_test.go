package handlers

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/web"
)

// gated is an organization with a project, keys and a host, and what a proxy in front of it asks.
type gated struct {
	*organization
	project  store.Project
	host     store.Host
	viewer   string // a key that reads data
	viewerID string
}

// newGated is one on a product that believes proxies in 10.0.0.0/8.
func newGated(t *testing.T) *gated {
	t.Helper()
	p := newProduct(t)
	p.options.Site.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	p.options.Site.Metrics = prometheus.NewRegistry()
	var err error
	p.handler, err = New(p.options)
	p.ok(err)
	<-p.options.Gate.Heard()
	g := &gated{organization: p.found("acme")}
	ctx, actor := t.Context(), g.owner.actor()
	g.project, err = g.scope.CreateProject(ctx, actor, "Search", access.Serverless, g.owner.User.ID)
	g.ok(err)
	g.host, err = g.scope.RegisterHost(ctx, actor, g.project.ID, "app.example.com", p.options.URL)
	g.ok(err)
	g.viewerID, g.viewer = g.mint("ci", access.DataPlaneViewer)
	return g
}

func (g *gated) mint(name string, roles ...access.Role) (id, text string) {
	g.Helper()
	expires := g.now().Add(time.Hour)
	key, token, err := g.scope.CreateAPIKey(g.Context(), g.owner.actor(), store.NewAPIKey{ProjectID: g.project.ID, Name: name, Roles: roles,
		CreatorID: g.owner.User.ID, ExpiresAt: &expires})
	g.ok(err)
	g.hide(token.Reveal())
	return key.ID, token.Reveal()
}

// ask is what a proxy sends: an address below our own host, and names and values of headers in turn. "Host" names another host.
func (g *gated) ask(method, target string, header ...string) *httptest.ResponseRecorder {
	g.Helper()
	r := httptest.NewRequest(method, publicURL+target, nil)
	r.RemoteAddr = "203.0.113.7:4711"
	for i := 0; i < len(header); i += 2 {
		switch header[i] {
		case "Host":
			r.Host = header[i+1]
		case "From":
			r.RemoteAddr = header[i+1]
		default:
			r.Header.Add(header[i], header[i+1])
		}
	}
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, r)
	for _, name := range fieldNames { // W-21: a proxy that copies them overwrites whatever its client sent
		if values, sent := w.Header()[name]; !sent || len(values) != 1 {
			g.Errorf("%s %s: %s is %q", method, target, name, values)
		}
	}
	if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Cache-Control") != "no-store" {
		g.Errorf("%s %s: without security headers", method, target)
	}
	return w
}

// wants compares an answer's status and reason.
func (g *gated) wants(name string, w *httptest.ResponseRecorder, status int, reason string) *httptest.ResponseRecorder {
	g.Helper()
	if w.Code != status || w.Header().Get("X-Gatehouse-Reason") != reason {
		g.Errorf("%s: %d %s, want %d %s", name, w.Code, w.Header().Get("X-Gatehouse-Reason"), status, reason)
	}
	return w
}

func TestAuthorizeSaysWhoItIs(t *testing.T) {
	g := newGated(t)
	want := map[string]string{
		"X-Gatehouse-Principal": g.viewerID, "X-Gatehouse-Kind": "api_key", "X-Gatehouse-Name": "ci", "X-Gatehouse-Email": "",
		"X-Gatehouse-Organization": g.ID, "X-Gatehouse-Project": g.project.ID, "X-Gatehouse-Roles": "DataPlaneViewer",
		"X-Gatehouse-Permissions": strings.Join(access.BuiltIn().Permissions([]access.Role{access.DataPlaneViewer}), ","),
		"X-Gatehouse-Reason":      "VALID", "X-Gatehouse-Missing-Permission": "", "X-Gatehouse-Login": "",
	}
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} {
		for _, header := range [][]string{{"Api-Key", g.viewer}, {"Authorization", "Bearer " + g.viewer}, {"Authorization", "bearer " + g.viewer}} {
			w := g.wants(method, g.ask(method, "/v1/authorize?permission=indexes:query", header...), 200, "VALID")
			for name, value := range want {
				if got := w.Header().Get(name); got != value {
					t.Errorf("%s %s: %s is %q, want %q", method, header[0], name, got, value)
				}
			}
		}
	}
	refused := g.wants("lacking", g.ask("GET", "/v1/authorize?permission=indexes:create", "Api-Key", g.viewer), 403, "FORBIDDEN")
	if got := refused.Header().Get("X-Gatehouse-Missing-Permission"); got != "indexes:create" {
		t.Errorf("missing is %q", got)
	}
	if body := refused.Body.String(); !strings.Contains(body, `"code":"FORBIDDEN"`) {
		t.Errorf("the body is %s", body)
	}
}

// K-13: exactly one credential, wherever it stands. Each has an honest twin without the other.
func TestK13_AuthorizeTakesExactlyOneCredential(t *testing.T) {
	g := newGated(t)
	cookie := g.owner.cookieHeader()
	own := "/v1/authorize?project=" + g.project.ID
	for name, header := range map[string][]string{
		"both headers":       {"Api-Key", g.viewer, "Authorization", "Bearer " + g.viewer},
		"a header twice":     {"Api-Key", g.viewer, "Api-Key", g.viewer},
		"Authorization, too": {"Authorization", "Bearer " + g.viewer, "Authorization", "Bearer " + g.viewer},
		"key and Basic":      {"Api-Key", g.viewer, "Authorization", "Basic YTpi"},
		"key and session":    {"Api-Key", g.viewer, "Cookie", cookie},
		"Bearer and session": {"Authorization", "Bearer " + g.viewer, "Cookie", cookie},
		"Basic and session":  {"Authorization", "Basic YTpi", "Cookie", cookie},
		"empty and session":  {"Api-Key", "", "Cookie", cookie},
		"two sessions":       {"Cookie", cookie + "; " + cookie},
	} {
		g.wants(name, g.ask("GET", own, header...), 401, severalCredentials)
	}
	g.wants("the key alone", g.ask("GET", own, "Api-Key", g.viewer), 200, "VALID")
	g.wants("the session alone", g.ask("GET", own, "Cookie", cookie), 200, "VALID")
	g.wants("a cookie of somebody else's", g.ask("GET", own, "Api-Key", g.viewer, "Cookie", "theme=dark"), 200, "VALID")
	g.wants("nothing", g.ask("GET", own), 401, credentialMissing)
	g.wants("Basic alone", g.ask("GET", own, "Authorization", "Basic YTpi"), 401, "NOT_FOUND")
	if w := g.ask("GET", own); w.Header().Get("Www-Authenticate") != "Bearer" {
		t.Error("a program is not told how to come in")
	}
}

// cookieHeader is what the browser sends to our own site.
func (b *browser) cookieHeader() string {
	cookie := b.jar[b.cookies.Session.Name()]
	return cookie.Name + "=" + cookie.Value
}

func TestAuthorizeTellsReasonsApart(t *testing.T) {
	g := newGated(t)
	expiring, expired := g.mint("short", access.ProjectEditor)
	revokedID, revoked := g.mint("old", access.ProjectEditor)
	g.ok(g.scope.RevokeAPIKey(t.Context(), g.owner.actor(), g.project.ID, revokedID))
	unknown := secret.NewKeyText(strings.TrimPrefix(expiring, "key_")).Reveal()
	other, err := g.scope.CreateProject(t.Context(), g.owner.actor(), "Other", access.Serverless, g.owner.User.ID)
	g.ok(err)
	g.wants("before it expires", g.ask("GET", "/v1/authorize", "Api-Key", expired), 200, "VALID")
	g.pass(2 * time.Hour)
	g.soon(g.options.Gate.Ready)
	g.wants("expired", g.ask("GET", "/v1/authorize", "Api-Key", expired), 401, "EXPIRED")
	_, valid := g.mint("new", access.ProjectEditor)
	g.wants("valid", g.ask("GET", "/v1/authorize", "Api-Key", valid), 200, "VALID")
	g.wants("revoked", g.ask("GET", "/v1/authorize", "Api-Key", revoked), 401, "EXPIRED")
	anonymous := g.wants("another secret", g.ask("GET", "/v1/authorize", "Api-Key", unknown), 401, "NOT_FOUND")
	foreign := g.wants("K-06 another project", g.ask("GET", "/v1/authorize?project="+other.ID, "Api-Key", valid), 401, "NOT_FOUND")
	for _, name := range fieldNames {
		if anonymous.Header().Get(name) != foreign.Header().Get(name) {
			t.Errorf("%s tells a foreign key from none", name)
		}
	}
	g.wants("its own project", g.ask("GET", "/v1/authorize?project="+g.project.ID, "Api-Key", valid), 200, "VALID")
	g.wants("on the host of its project", g.ask("GET", "/v1/authorize", "Api-Key", valid, "Host", "app.example.com"), 200, "VALID")
	_, err = g.scope.RegisterHost(t.Context(), g.owner.actor(), other.ID, "other.example.com", g.options.URL)
	g.ok(err)
	g.soon(func() error {
		w := g.ask("GET", "/v1/authorize", "Api-Key", valid, "Host", "other.example.com")
		return unless(w.Code == 401 && w.Header().Get("X-Gatehouse-Reason") == "NOT_FOUND", "on another project's host: %d", w.Code)
	})
	g.wants("the host against the query", g.ask("GET", "/v1/authorize?project="+g.project.ID, "Api-Key", valid, "Host", "other.example.com"), 403, questionInvalid)
}

// K-06: on a project's host another project's key is unknown, however a client writes the host's name.
func TestK06_AHostIsOneProjectsHoweverItIsWritten(t *testing.T) {
	g := newGated(t)
	globex := g.product.found("globex")
	project, err := globex.scope.CreateProject(t.Context(), globex.owner.actor(), "Theirs", access.Serverless, globex.owner.User.ID)
	g.ok(err)
	_, theirs := (&gated{organization: globex, project: project}).mint("theirs", access.DataPlaneViewer)
	ask := func(key string, header ...string) *httptest.ResponseRecorder {
		return g.ask("GET", "/v1/authorize?permission=indexes:query", append(header, "Api-Key", key)...)
	}
	for _, host := range []string{"app.example.com", "APP.example.com", "app.example.com:443", "app.example.com.", "App.Example.Com.:443"} {
		g.wants(host+", another's", ask(theirs, "Host", host), 401, "NOT_FOUND")
		g.wants(host+", its own", ask(g.viewer, "Host", host), 200, "VALID")
		told := []string{"From", "10.0.0.1:80", "Host", "gatehouse:8080", "X-Forwarded-Host", host}
		g.wants(host+" told, another's", ask(theirs, told...), 401, "NOT_FOUND")
		g.wants(host+" told, its own", ask(g.viewer, told...), 200, "VALID")
	}
	for _, host := range []string{
		"app.example.com:1", "app.example.com.:8443", "app.example.com:0443", "app.example.com:", "app.example.com..", "app..example.com", "app.example.com:443:443", "",
		"app.example.com, evil.test", "app.example.com evil.test", "me@app.example.com", "app%2eexample.com", "\uff41pp.example.com", "[app.example.com]",
	} {
		for whose, key := range map[string]string{"another's": theirs, "its own": g.viewer} {
			g.wants(host+", "+whose, ask(key, "Host", host), 403, requestUnclear)
			g.wants(host+" told, "+whose, ask(key, "From", "10.0.0.1:80", "X-Forwarded-Host", host), 403, requestUnclear)
		}
	}
	g.wants("told twice", ask(theirs, "From", "10.0.0.1:80", "X-Forwarded-Host", "app.example.com", "X-Forwarded-Host", "app.example.com"), 403, requestUnclear)
	for _, host := range []string{"gatehouse.test", "gatehouse:8080", "elsewhere.example", "192.0.2.1:8080", "[2001:db8::1]"} { // for programs of all projects
		w := g.wants(host, ask(theirs, "Host", host), 200, "VALID")
		if got := w.Header().Get("X-Gatehouse-Project"); got != project.ID {
			t.Errorf("%s: the program is told %q", host, got)
		}
	}
}

// K-06: a proxy whose query is its client's names the project in a header, and nothing that a client sends makes more of it.
func TestK06_TheHeaderForAProjectNarrows(t *testing.T) {
	g := newGated(t)
	const other = "prj_00000000000000000000000000"
	for name, row := range map[string]struct {
		header []string
		status int
		reason string
	}{
		"its own":           {[]string{web.AskProject, g.project.ID}, 200, "VALID"},
		"another":           {[]string{web.AskProject, other}, 401, "NOT_FOUND"},
		"two":               {[]string{web.AskProject, g.project.ID, web.AskProject, other}, 403, questionInvalid},
		"one twice":         {[]string{web.AskProject, g.project.ID, web.AskProject, g.project.ID}, 403, questionInvalid},
		"joined":            {[]string{web.AskProject, g.project.ID + "," + other}, 403, questionInvalid},
		"empty":             {[]string{web.AskProject, ""}, 403, questionInvalid},
		"against the host":  {[]string{web.AskProject, other, "Host", "app.example.com"}, 403, questionInvalid},
		"with the host":     {[]string{web.AskProject, g.project.ID, "Host", "app.example.com"}, 200, "VALID"},
		"in other spelling": {[]string{"X_Gatehouse_Ask_Project", other}, 200, "VALID"}, // not heard, as nothing of ours is in that spelling
	} {
		for _, uri := range []string{"/query", "/query?project=" + g.project.ID, "/query?project=" + other} { // the client's query, which asks nothing
			g.wants(name+" "+uri, g.ask("POST", "/v1/authorize"+uri, append(row.header, "Api-Key", g.viewer)...), row.status, row.reason)
		}
	}
	g.wants("with the query", g.ask("GET", "/v1/authorize?project="+g.project.ID, web.AskProject, g.project.ID, "Api-Key", g.viewer), 200, "VALID")
	g.wants("against the query", g.ask("GET", "/v1/authorize?project="+g.project.ID, web.AskProject, other, "Api-Key", g.viewer), 403, questionInvalid)
	w := g.ask("GET", "/v1/authorize/query", web.AskProject, g.project.ID, "Cookie", g.owner.cookieHeader())
	g.wants("a session", w, 403, noRule)
	w = g.ask("POST", "/v1/authorize/query", web.AskProject, g.project.ID, "Cookie", g.owner.cookieHeader())
	g.wants("a session, by a rule", w, 200, "VALID")
}

func unless(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// soon asks until the condition holds: the change feed is heard while the clock of the tests stands.
func (p *product) soon(condition func() error) {
	p.Helper()
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			p.Fatal(err)
		}
		<-tick.C
	}
}

// K-09 and whatever else a proxy's configuration cannot mean.
func TestAuthorizeRefusesQuestionsThatCannotBeAsked(t *testing.T) {
	g := newGated(t)
	for _, query := range []string{
		"permission=indexes:fly", "permission=", "permission=indexes:query&permission=indexes:list", "permission=Any", "project=x", "project=",
		"project=" + g.project.ID + "&project=" + g.project.ID, "api_key=" + g.viewer, "key=" + g.viewer, "x", "%", "permission=%zz", "permission=indexes:query&", "&",
	} {
		w := g.ask("GET", "/v1/authorize?"+query, "Api-Key", g.viewer)
		if query == "permission=indexes:query&" { // an empty rest is nothing
			g.wants(query, w, 200, "VALID")
			continue
		}
		g.wants(query, w, 403, questionInvalid)
	}
	for _, query := range []string{"permission=indexes:query", "permission=indexes%3Aquery", "permission=any", "permission=any&project=" + g.project.ID, ""} {
		g.wants(query, g.ask("GET", "/v1/authorize?"+query, "Api-Key", g.viewer), 200, "VALID")
	}
}

// asProxies are the ways in which proxies tell the request that they hold.
var asProxies = map[string]func(g *gated, method, uri string, header ...string) *httptest.ResponseRecorder{
	"Traefik and Caddy": func(g *gated, method, uri string, header ...string) *httptest.ResponseRecorder {
		return g.ask("GET", "/v1/authorize", append(header, "X-Forwarded-Method", method, "X-Forwarded-Uri", uri)...)
	},
	"nginx": func(g *gated, method, uri string, header ...string) *httptest.ResponseRecorder {
		return g.ask("GET", "/v1/authorize", append(header, "X-Original-Method", method, "X-Original-Uri", uri)...)
	},
	"Envoy": func(g *gated, method, uri string, header ...string) *httptest.ResponseRecorder {
		return g.ask(method, "/v1/authorize"+uri, header...)
	},
}

func TestAuthorizeByTheCataloguesRules(t *testing.T) {
	g := newGated(t)
	for proxy, ask := range asProxies {
		for _, row := range []struct {
			method, uri string
			status      int
			reason      string
		}{
			{"POST", "/query", 200, "VALID"},
			{"POST", "/query?topK=3", 200, "VALID"},
			{"POST", "/query?permission=indexes:list&project=x&api_key=y", 200, "VALID"}, // the client's query asks nothing of us
			{"GET", "/vectors/fetch?ids=1", 200, "VALID"},
			{"HEAD", "/vectors/fetch", 200, "VALID"},
			{"POST", "/vectors/delete", 403, "FORBIDDEN"},
			{"POST", "/vectors/delete?permission=indexes:query", 403, "FORBIDDEN"},
			{"DELETE", "/indexes/movies", 403, "FORBIDDEN"},
			{"GET", "/query", 403, noRule},
			{"GET", "/", 403, noRule},
			{"GET", "/?permission=any", 403, noRule},
			{"BREW", "/query", 403, noRule},
			{"GET", "/nothing/of/the/kind", 403, noRule},
		} {
			g.wants(proxy+" "+row.method+" "+row.uri, ask(g, row.method, row.uri, "Api-Key", g.viewer), row.status, row.reason)
		}
	}
}

// W-22: what one server reads as one path and another as another is refused, and never judged by the weaker rule.
func TestW22_PathTricksChooseNoRule(t *testing.T) {
	g := newGated(t)
	for _, uri := range []string{
		"//query", "/query/", "/./query", "/x/../query", "/vectors/delete/../../query", "/%71uery", "/query%2f", "/query%2f..%2fvectors/delete", "/..%2fquery",
		"/%2e%2e/query", "/query%00", "/query%0a", "/query;x=1", "/query;/../vectors/delete", "/query\\..\\vectors", "/query%5c", "/query%25", "/QUERY", "/query#x", "/query%3fx",
		"/query%c0%af", `/x%2F..%2Fquery"`, `/indexes%2Fa"`, "/x%2F..%2Fquery<", "/indexes%2Fa<", "/x%2F..%2Fquery|", "/indexes%2Fa|", "/\u2215query", "/query%252f",
	} {
		for proxy, ask := range asProxies {
			if proxy == "Envoy" && strings.ContainsAny(uri, "\\#\u2215") {
				continue // cannot stand in a request line
			}
			if w := ask(g, "POST", uri, "Api-Key", g.viewer); w.Code != 403 {
				t.Errorf("%s: %s: %d", proxy, uri, w.Code)
			}
		}
	}
	for name, header := range map[string][]string{
		"two addresses":                       {"X-Forwarded-Method", "POST", "X-Forwarded-Uri", "/query", "X-Original-Uri", "/vectors/delete"},
		"two addresses the other way round":   {"X-Original-Method", "POST", "X-Original-Uri", "/vectors/delete", "X-Forwarded-Uri", "/query"},
		"two methods":                         {"X-Forwarded-Method", "GET", "X-Original-Method", "DELETE", "X-Original-Uri", "/indexes/movies"},
		"an address twice":                    {"X-Forwarded-Method", "POST", "X-Forwarded-Uri", "/query", "X-Forwarded-Uri", "/vectors/delete"},
		"an empty address":                    {"X-Forwarded-Method", "POST", "X-Forwarded-Uri", ""},
		"an address that is whole":            {"X-Forwarded-Method", "POST", "X-Forwarded-Uri", "http://example.com/query"},
		"no method":                           {"X-Original-Uri", "/indexes"},
		"a method that is another's":          {"X-Forwarded-Method", "POST", "X-Forwarded-Uri", "/query", "X-Http-Method-Override", "DELETE"},
		"a method that is another's, IIS":     {"X-Forwarded-Method", "POST", "X-Forwarded-Uri", "/query", "X-Http-Method", "DELETE"},
		"a method that is another's, Symfony": {"X-Forwarded-Method", "POST", "X-Forwarded-Uri", "/query", "X-Method-Override", "DELETE"},
	} {
		g.wants(name, g.ask("GET", "/v1/authorize", append(header, "Api-Key", g.viewer)...), 403, requestUnclear)
	}
	g.wants("Envoy, and the client says otherwise", g.ask("DELETE", "/v1/authorize/indexes/movies", "X-Forwarded-Uri", "/query", "Api-Key", g.viewer), 403, requestUnclear)
	for _, char := range []string{`"`, "<", "|"} { // which make Go write the path anew from what it means, encoded slashes and all
		w := g.ask("DELETE", "/v1/authorize/indexes%2Fa"+char, "Api-Key", g.viewer)
		g.wants("an encoded slash beside "+char, w, 403, requestUnclear)
		w = g.ask("DELETE", "/v1/authorize/indexes/a"+char, "Api-Key", g.viewer)
		g.wants("the honest twin of "+char, w, 403, noRule)
	}
	g.wants("agreeing", g.ask("GET", "/v1/authorize", "X-Forwarded-Method", "POST", "X-Forwarded-Uri", "/query", "X-Original-Method", "POST", "X-Original-Uri", "/query", "Api-Key", g.viewer), 200, "VALID")
}

// W-22: a proxy that asks different things for different locations may have found the location by another reading of the path than the program
// behind it. Whatever is asked, such a path is refused.
func TestW22_PathTricksChooseNoLocation(t *testing.T) {
	g := newGated(t)
	for name, credential := range map[string][]string{"a key": {"Api-Key", g.viewer}, "a session": {"Cookie", g.owner.cookieHeader()}} {
		for _, asked := range []string{"any", "indexes:query"} {
			for _, names := range [][]string{{"X-Forwarded-Method", "X-Forwarded-Uri"}, {"X-Original-Method", "X-Original-Uri"}} {
				ask := func(path string) *httptest.ResponseRecorder {
					header := append([]string{names[0], "GET", names[1], path}, credential...)
					return g.ask("GET", "/v1/authorize?permission="+asked+"&project="+g.project.ID, header...)
				}
				for _, path := range []string{
					"/indexes/movies/..%2f..%2fapp/x", "//app/x", "/app//x", "/app/../indexes", "/app/./x", "/app/..", "/app/%2e%2e/x", "/app/.%2E/x", "/app%2Fx", `/app%2Fx"`,
					`/app\..\x`, "/app%5cx", "/app%5Cx", "/app;/x", "/app/x;y=z", "/app%00", "/app/\x00", "/app%0a", "/app%c0%af", "/app/\xff", "/app%zz", "/app/x#y",
				} {
					g.wants(name+", "+asked+", "+path, ask(path), 403, requestUnclear)
				}
				for _, path := range []string{
					"/", "/app/x", "/app/", "/app/a%20b", "/app/%C3%A4", "/app/\u00e4", "/app/.well-known/x", "/app/a.b..c", "/app/x?a=../..//;%2f%2e", "/app/100%25",
				} {
					g.wants(name+", "+asked+", "+path+", honest", ask(path), 200, "VALID")
				}
			}
		}
	}
	g.wants("a fixed permission needs no path", g.ask("GET", "/v1/authorize?permission=indexes:query", "Api-Key", g.viewer), 200, "VALID")
}

// Caddy hands the client's query on where its configuration names none.
func TestAuthorizeIsAskedByTheProxyAlone(t *testing.T) {
	g := newGated(t)
	for query, reason := range map[string]string{
		"permission=any": questionInvalid, "permission=indexes:query": questionInvalid, "%70ermission=any": questionInvalid, "project=x&y": questionInvalid,
		"a=permission": "FORBIDDEN", // the client's own, which asks for nothing: the rule counts
	} {
		w := g.ask("GET", "/v1/authorize?"+query, "X-Forwarded-Method", "POST", "X-Forwarded-Uri", "/vectors/delete?"+query, "Api-Key", g.viewer)
		g.wants(query, w, 403, reason)
	}
	repeated := "permission=indexes:delete" // by a client, who would be asked for what the rule says instead
	w := g.ask("GET", "/v1/authorize?"+repeated, "X-Forwarded-Method", "POST", "X-Forwarded-Uri", "/query?"+repeated, "Api-Key", g.viewer)
	g.wants("the proxy's, repeated", w, 403, questionInvalid)
	g.wants("the proxy's own", g.ask("GET", "/v1/authorize?permission=any", "X-Forwarded-Method", "POST", "X-Forwarded-Uri", "/vectors/delete?x=y", "Api-Key", g.viewer), 200, "VALID")
}

// A client that repeats what its proxy asks for is never asked for less, whichever way the proxy tells the query.
func TestAuthorizeWhereTheClientRepeatsTheQuery(t *testing.T) {
	g := newGated(t)
	asks := map[string]func(proxys, clients string) *httptest.ResponseRecorder{
		"Traefik and Caddy": func(proxys, clients string) *httptest.ResponseRecorder {
			return g.ask("GET", "/v1/authorize?"+proxys, "X-Forwarded-Method", "POST", "X-Forwarded-Uri", "/query?"+clients, "Api-Key", g.viewer)
		},
		"nginx": func(proxys, clients string) *httptest.ResponseRecorder {
			return g.ask("GET", "/v1/authorize?"+proxys, "X-Original-Method", "POST", "X-Original-Uri", "/query?"+clients, "Api-Key", g.viewer)
		},
		"Envoy over gRPC": func(proxys, clients string) *httptest.ResponseRecorder { // which writes the query of its context extensions
			parsed, err := url.ParseQuery(proxys)
			g.ok(err)
			return g.ask("GET", "/v1/authorize?"+parsed.Encode(), "X-Original-Method", "POST", "X-Original-Uri", "/query?"+clients, "Api-Key", g.viewer)
		},
	}
	const more = "permission=indexes:delete" // than the key may
	for proxy, ask := range asks {
		for _, proxys := range []string{more, more + "&project=" + g.project.ID} {
			for _, clients := range []string{proxys, strings.Replace(proxys, ":", "%3A", 1), strings.Replace(proxys, ":", "%3a", 1), proxys + "&x=y", "permission=any", "x=y", ""} {
				if w := ask(proxys, clients); w.Code != 403 {
					t.Errorf("%s asks for %s, the client says %s: %d %s", proxy, proxys, clients, w.Code, w.Header().Get("X-Gatehouse-Reason"))
				}
			}
		}
		g.wants(proxy+", the honest twin", ask("permission=indexes:query", "x=y"), 200, "VALID")
	}
	for _, clients := range []string{more, "permission=any", "permission=indexes%3Aquery"} { // Envoy over HTTP has no query of its own
		g.wants("Envoy over HTTP, "+clients, g.ask("DELETE", "/v1/authorize/indexes/movies?"+clients, "Api-Key", g.viewer), 403, "FORBIDDEN")
		g.wants("Envoy over HTTP, honest, "+clients, g.ask("POST", "/v1/authorize/query?"+clients, "Api-Key", g.viewer), 200, "VALID")
	}
}

func TestAuthorizeReadsNoBody(t *testing.T) {
	g := newGated(t)
	r := httptest.NewRequest("POST", publicURL+"/v1/authorize", endless{g})
	r.Header.Set("Api-Key", g.viewer)
	r.Header.Set("Content-Type", "application/octet-stream")
	r.ContentLength = 1 << 40
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, r)
	g.wants("a large body", w, 200, "VALID")
}

// endless is a body that nobody should read.
type endless struct{ *gated }

func (e endless) Read([]byte) (int, error) {
	e.Error("the body was read")
	return 0, http.ErrBodyReadAfterClose
}

// K-10: proxies are never answered 429, and X-Forwarded-For is believed from them alone.
func TestK10_GuessesAreLimited(t *testing.T) {
	g := newGated(t)
	for i := range 20 {
		unknown := secret.NewKeyText("01jd3x8k2mfz9t0v5r7wq4ycna").Reveal()
		g.wants("a miss", g.ask("GET", "/v1/authorize", "Api-Key", unknown, "From", "10.0.0.1:80", "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i)), 401, "NOT_FOUND")
	}
	g.wants("limited", g.ask("GET", "/v1/authorize", "Api-Key", g.viewer, "From", "10.0.0.1:80", "X-Forwarded-For", "198.51.100.99"), 401, tooManyGuesses)
	g.wants("another client of the proxy", g.ask("GET", "/v1/authorize", "Api-Key", g.viewer, "From", "10.0.0.1:80", "X-Forwarded-For", "192.0.2.1"), 200, "VALID")
	g.wants("forged from elsewhere", g.ask("GET", "/v1/authorize", "Api-Key", g.viewer, "From", "192.0.2.1:80", "X-Forwarded-For", "198.51.100.99"), 200, "VALID")
	g.pass(3 * time.Second)
	g.wants("after waiting", g.ask("GET", "/v1/authorize", "Api-Key", g.viewer, "From", "10.0.0.1:80", "X-Forwarded-For", "198.51.100.99"), 200, "VALID")
	for range 30 {
		g.wants("from this machine", g.ask("GET", "/v1/authorize", "Api-Key", "x", "From", "127.0.0.1:80"), 401, "NOT_FOUND")
	}
	g.wants("from this machine", g.ask("GET", "/v1/authorize", "Api-Key", g.viewer, "From", "127.0.0.1:80"), 200, "VALID")
}

func TestK07_AuthorizeCannotDecideWithoutTheDatabase(t *testing.T) {
	g := newGated(t)
	g.ask("GET", "/v1/authorize", "Api-Key", g.viewer)
	g.ok(g.store.Close())
	g.wants("from memory", g.ask("GET", "/v1/authorize", "Api-Key", g.viewer), 200, "VALID")
	g.clock.Add(int64(6 * time.Second))
	for _, header := range [][]string{{"Api-Key", g.viewer}, {"Cookie", g.owner.cookieHeader()}} {
		w := g.wants("cut off", g.ask("GET", "/v1/authorize?project="+g.project.ID, header...), 503, undecided)
		if w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "feed") {
			t.Errorf("%v %s", w.Header(), w.Body)
		}
	}
}

// W-21: what comes in under our names goes nowhere.
func TestW21_HeadersFromOutsideAreNotAnswered(t *testing.T) {
	g := newGated(t)
	for _, header := range [][]string{{}, {"Api-Key", g.viewer}} {
		w := g.ask("GET", "/v1/authorize", append(header, "X-Gatehouse-Principal", "usr_evil", "X-Gatehouse-Email", "evil@evil.test", "X-GATEHOUSE-ROLES", "OrgOwner")...)
		for _, name := range fieldNames {
			if strings.Contains(w.Header().Get(name), "vil") || strings.Contains(w.Header().Get(name), "OrgOwner") {
				t.Errorf("%s is %q", name, w.Header().Get(name))
			}
		}
	}
}

func TestHeaderTextIsSafe(t *testing.T) {
	for text, want := range map[string]string{
		"ci": "ci", "René": "Ren%C3%A9", "100 %": "100 %25", "a\r\nX-Evil: 1": "a%0D%0AX-Evil: 1", "\x00": "%00", "": "", "a, \"b\"": "a, \"b\"", "日": "%E6%97%A5",
	} {
		if got := headerText(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// Every member of a project gets through with their own roles, on our own host where the proxy names the project.
func TestAuthorizeSessionsOnOurOwnHost(t *testing.T) {
	g := newGated(t)
	viewer := g.member("viewer@guest.test", access.OrgMember)
	g.ok(g.scope.SetProjectRoles(t.Context(), g.owner.actor(), g.project.ID, viewer.member().ID, []access.Role{access.DataPlaneViewer}))
	nobody := g.member("nobody@guest.test", access.OrgManager)
	stranger := g.product.found("globex").owner
	asking := "/v1/authorize?permission=indexes:query&project=" + g.project.ID
	w := g.wants("a viewer", g.ask("GET", asking, "Cookie", viewer.cookieHeader()), 200, "VALID")
	for name, value := range map[string]string{
		"X-Gatehouse-Principal": viewer.User.ID, "X-Gatehouse-Kind": "user", "X-Gatehouse-Name": "Name of viewer", "X-Gatehouse-Email": "viewer@guest.test",
		"X-Gatehouse-Organization": g.ID, "X-Gatehouse-Project": g.project.ID, "X-Gatehouse-Roles": "DataPlaneViewer",
	} {
		if got := w.Header().Get(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	missing := g.wants("more than a viewer may", g.ask("GET", "/v1/authorize?permission=indexes:create&project="+g.project.ID, "Cookie", viewer.cookieHeader()), 403, "FORBIDDEN")
	if got := missing.Header().Get("X-Gatehouse-Missing-Permission"); got != "indexes:create" {
		t.Errorf("missing is %q", got)
	}
	if w := g.wants("the owner", g.ask("GET", asking, "Cookie", g.owner.cookieHeader()), 200, "VALID"); w.Header().Get("X-Gatehouse-Roles") != "ProjectOwner,OrgOwner" {
		t.Errorf("the owner's roles are %q", w.Header().Get("X-Gatehouse-Roles"))
	}
	for name, who := range map[string]*someone{"without a role": nobody, "of another organization": stranger} {
		w := g.wants(name, g.ask("GET", asking, "Cookie", who.cookieHeader()), 403, "FORBIDDEN")
		if w.Header().Get("X-Gatehouse-Organization") != "" || w.Header().Get("X-Gatehouse-Permissions") != "" {
			t.Errorf("%s is told %v", name, w.Header())
		}
	}
	g.wants("without a project", g.ask("GET", "/v1/authorize?permission=indexes:query", "Cookie", viewer.cookieHeader()), 403, projectMissing)
	g.wants("on a host that is not ours", g.ask("GET", asking, "Cookie", viewer.cookieHeader(), "Host", "elsewhere.example"), 401, credentialMissing)
	g.wants("on a host of the project", g.ask("GET", asking, "Cookie", viewer.cookieHeader(), "Host", "app.example.com"), 401, credentialMissing)
	ended := func(name string, end func()) {
		cookie := viewer.cookieHeader()
		g.wants("until "+name, g.ask("GET", asking, "Cookie", cookie), 200, "VALID")
		end()
		g.soon(func() error {
			w := g.ask("GET", asking, "Cookie", cookie)
			return unless(w.Code != 200, "%s: %d", name, w.Code)
		})
	}
	ended("signed out", func() { viewer.post("/logout").want(200) })
	viewer.signInByPassword()
	ended("suspended", func() {
		g.ok(g.scope.SuspendMember(t.Context(), g.owner.actor(), viewer.member().ID, viewer.member().Version))
	})
}

// W-01: no other site makes a browser write with a session through a proxy.
func TestW01_AnotherSiteDoesNotWriteThroughAProxy(t *testing.T) {
	g := newGated(t)
	target := "/v1/authorize?permission=any&project=" + g.project.ID
	ask := func(method, site, origin string) *httptest.ResponseRecorder {
		return g.ask("GET", target, "Cookie", g.owner.cookieHeader(), "X-Forwarded-Method", method, "X-Forwarded-Uri", "/x", "Sec-Fetch-Site", site, "Origin", origin)
	}
	g.wants("a form of another site", ask("POST", "cross-site", "https://evil.test"), 403, crossOrigin)
	g.wants("a form of a sister site", ask("DELETE", "same-site", "https://evil.gatehouse.test"), 403, crossOrigin)
	g.wants("the site's own form", ask("POST", "same-origin", publicURL), 200, "VALID")
	g.wants("a link from another site", ask("GET", "cross-site", "https://evil.test"), 200, "VALID")
	w := g.ask("GET", target, "Api-Key", g.viewer, "X-Forwarded-Method", "POST", "X-Forwarded-Uri", "/x", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test")
	g.wants("a program in a browser, by its key", w, 200, "VALID")
}

// What the visitor is told is for browsers that show a page, and leads nowhere but to where they are.
func TestAuthorizeSendsBrowsersToSignIn(t *testing.T) {
	g := newGated(t)
	navigating := []string{"Accept", "text/html,*/*", "Sec-Fetch-Mode", "navigate", "X-Forwarded-Method", "GET"}
	for _, row := range []struct{ host, uri, login string }{
		{"gatehouse.test", "/app?x=1", "/login?return_to=%2Fapp%3Fx%3D1"},
		{"app.example.com", "/app?x=1", "/.gatehouse/start?return_to=%2Fapp%3Fx%3D1"},
		{"APP.example.com:443", "/", "/.gatehouse/start"},
		{"elsewhere.example", "/app", ""},
	} {
		w := g.ask("GET", "/v1/authorize?permission=any", append(navigating, "Host", row.host, "X-Forwarded-Uri", row.uri)...)
		g.wants(row.host+row.uri, w, 401, credentialMissing)
		if got := w.Header().Get("X-Gatehouse-Login"); got != row.login {
			t.Errorf("%s%s: sign in at %q, want %q", row.host, row.uri, got, row.login)
		}
		if row.login != "" && (!strings.Contains(w.Body.String(), "http-equiv=\"refresh\"") || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html")) {
			t.Errorf("%s%s: the page does not go on: %s", row.host, row.uri, w.Body)
		}
	}
	for _, uri := range []string{"//evil.test/x", "/\\evil.test"} {
		w := g.wants(uri, g.ask("GET", "/v1/authorize?permission=any", append(navigating, "Host", "app.example.com", "X-Forwarded-Uri", uri)...), 403, requestUnclear)
		if got := w.Header().Get("X-Gatehouse-Login"); got != "" {
			t.Errorf("%s: sign in at %q", uri, got)
		}
	}
	for name, header := range map[string][]string{
		"a script":  {"Accept", "*/*", "Sec-Fetch-Mode", "cors"},
		"a picture": {"Accept", "text/html", "Sec-Fetch-Mode", "no-cors"},
		"curl":      {"Accept", "*/*"},
		"a form":    {"Accept", "text/html", "X-Forwarded-Method", "POST"},
	} {
		w := g.wants(name, g.ask("GET", "/v1/authorize?permission=any", append(header, "Host", "app.example.com")...), 401, credentialMissing)
		if got := w.Header().Get("X-Gatehouse-Login"); got != "" {
			t.Errorf("%s is sent to %q", name, got)
		}
	}
	g.wants("by a proxy that we do not know", g.ask("GET", "/v1/authorize?permission=any", append(navigating, "X-Forwarded-Host", "app.example.com", "X-Forwarded-Uri", "/")...), 401, credentialMissing)
	known := g.ask("GET", "/v1/authorize?permission=any", append(navigating, "From", "10.0.0.1:80", "Host", "gatehouse:8080", "X-Forwarded-Host", "app.example.com", "X-Forwarded-Uri", "/")...)
	if got := known.Header().Get("X-Gatehouse-Login"); got != "/.gatehouse/start" {
		t.Errorf("by a proxy that we know: %q", got)
	}
	several := g.ask("GET", "/v1/authorize?permission=any", append(navigating, "From", "10.0.0.1:80", "X-Forwarded-Host", "app.example.com, evil.test", "X-Forwarded-Uri", "/")...)
	if got := several.Header().Get("X-Gatehouse-Login"); got != "" {
		t.Errorf("several hosts: %q", got)
	}
}
