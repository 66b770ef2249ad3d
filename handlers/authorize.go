package handlers

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/gate"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/web"
)

// authorizePath is where proxies ask. What stands behind it is the path of the request that they hold.
const authorizePath = "/v1/authorize"

// asksToAuthorize reports whether a path is answered by forward, whatever follows.
func asksToAuthorize(path string) bool {
	rest, found := strings.CutPrefix(path, authorizePath)
	return found && (rest == "" || rest[0] == '/')
}

// forward answers proxies about the requests that they hold: may this one pass, and who is it? It answers 200, 401 or 403, and 503 where
// nothing can be decided, which every proxy takes for a refusal. It changes nothing, whatever the method.
type forward struct {
	frame
	gate      *gate.Gate
	catalogue *access.Catalogue
	cookies   *web.Cookies
	base      *url.URL
	misses    *web.Limiter
	crossed   *http.CrossOriginProtection
	log       *slog.Logger
}

// forwardRoutes are /v1/authorize and what lies below. No mux leads to it: muxes mend paths, and a path that needs mending is refused here.
func (c *console) forwardRoutes() (*web.Router, http.Handler, error) {
	misses, err := web.NewLimiter(c.now, guessesAtKeys)
	if err != nil {
		return nil, nil, err
	}
	f := &forward{frame: c.frame, gate: c.Gate, catalogue: c.Catalogue, cookies: c.Cookies, base: c.URL, misses: misses,
		crossed: http.NewCrossOriginProtection(), log: c.Log}
	routes := web.NewRouter(documentProblem)
	exact := routes.Direct(web.Route{Pattern: authorizePath}, f.authorize)
	below := routes.Direct(web.Route{Pattern: authorizePath + "/{path...}"}, f.authorize)
	return routes, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == authorizePath {
			exact.ServeHTTP(w, r)
			return
		}
		below.ServeHTTP(w, r)
	}), nil
}

func (f *forward) authorize(w http.ResponseWriter, r *http.Request) {
	v := f.decide(r)
	v.writeTo(w.Header())
	switch {
	case v.status == http.StatusOK:
		w.WriteHeader(http.StatusOK)
	case v.status == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
		documentProblem(w, r, v.status)
	case v.values[loginField] != "":
		// Where a proxy hands this to the browser, it goes on by itself.
		web.Render(w, r, v.status, views.GoOn(views.GoOnPage{Page: f.cardAt(v.elsewhere), Sentence: "Taking you to sign in.", URL: v.values[loginField]}))
	default:
		if v.status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		answerDocument(w, r, document{Status: v.status, Code: v.values[reasonField]})
	}
}

// cardAt is the frame of a page on our own site or elsewhere, where our files are below /.gatehouse/.
func (f frame) cardAt(elsewhere bool) views.Page {
	page := f.card("Sign in")
	if elsewhere {
		page.AssetURL = func(name string) string { return hostPath + f.assets.URL(name) }
		page.Brand.LogoURL = strings.Replace(page.Brand.LogoURL, "/static/", hostPath+"/static/", 1)
	}
	return page
}

// decide is the whole decision about a request that a proxy holds.
func (f *forward) decide(r *http.Request) *verdict {
	q, v := f.question(r)
	if v != nil {
		return v
	}
	key, several := apiKeyOf(r.Header)
	cookie, cookies := f.cookieOf(r, q)
	switch {
	case several || cookies > 1 || cookies == 1 && key != "":
		return refuse(http.StatusUnauthorized, severalCredentials)
	case key != "":
		return f.byKey(r, q, secret.TokenOf(key))
	case cookies == 1:
		if token, found := cookie.Read(r); found {
			return f.bySession(r, q, token)
		}
	}
	return f.askToSignIn(r, q, refuse(http.StatusUnauthorized, credentialMissing))
}

// apiKeyOf is the one credential in the headers, "" if there is none. Every Authorization is one, of whatever scheme: what stands behind the
// proxy may believe it.
func apiKeyOf(header http.Header) (key string, several bool) {
	authorization, apiKey := header["Authorization"], header["Api-Key"]
	switch {
	case len(authorization)+len(apiKey) > 1:
		return "", true
	case len(apiKey) == 1:
		return orSomething(strings.TrimSpace(apiKey[0])), false
	case len(authorization) == 1:
		scheme, text, _ := strings.Cut(authorization[0], " ")
		if !strings.EqualFold(scheme, "Bearer") {
			text = ""
		}
		return orSomething(strings.TrimSpace(text)), false
	}
	return "", false
}

// orSomething is the text, and for an empty one a text that is no key: it was there, and opens nothing.
func orSomething(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// cookieOf is the cookie that counts where the question is about, and how often it was sent: our own site's session, or the host's visit.
func (f *forward) cookieOf(r *http.Request, q question) (*web.Cookie, int) {
	if len(r.Header["Cookie"]) == 0 {
		return nil, 0
	}
	switch {
	case q.host.ID != "":
		return f.cookies.Visit, len(r.CookiesNamed(f.cookies.Visit.Name()))
	case q.own:
		return f.cookies.Session, len(r.CookiesNamed(f.cookies.Session.Name()))
	}
	return nil, 0
}

// byKey decides about an API key. Whoever presents many unknown ones is not listened to for a while.
func (f *forward) byKey(r *http.Request, q question, key secret.Token) *verdict {
	address := web.ClientAddress(r)
	prefix := ""
	if !address.IsLoopback() { // this machine, or a proxy on it that we were not told to trust, behind which is everybody
		prefix = web.AddressPrefix(address)
		if !f.misses.Allowed(prefix) {
			return refuse(http.StatusUnauthorized, tooManyGuesses)
		}
	}
	result, err := f.gate.Check(r.Context(), gate.Request{Key: key, Permission: q.permission, Project: q.project, Address: address})
	if err != nil {
		return f.undecided(r, err)
	}
	if result.Code == gate.NotFound && prefix != "" {
		f.misses.Allow(prefix)
	}
	return ofKey(result)
}

// bySession decides about a browser.
func (f *forward) bySession(r *http.Request, q question, token secret.Token) *verdict {
	if q.project == "" {
		return refuse(http.StatusForbidden, projectMissing)
	}
	if f.crossed.Check(&http.Request{Method: q.method, Header: r.Header, Host: web.RequestInfo(r).Host}) != nil {
		return refuse(http.StatusForbidden, crossOrigin)
	}
	pass, err := f.gate.CheckSession(r.Context(), gate.SessionRequest{Token: token, HostID: q.host.ID, Project: q.project, Permission: q.permission})
	if err != nil {
		return f.undecided(r, err)
	}
	v := ofSession(pass)
	if v.status == http.StatusUnauthorized {
		return f.askToSignIn(r, q, v)
	}
	return v
}

// undecided is for what nobody can say now.
func (f *forward) undecided(r *http.Request, err error) *verdict {
	f.log.ErrorContext(r.Context(), "request not decided", "request", web.RequestInfo(r).ID, "error", err)
	return refuse(http.StatusServiceUnavailable, undecided)
}

// askToSignIn adds where a browser can sign in, if it is one that shows a page.
func (f *forward) askToSignIn(r *http.Request, q question, v *verdict) *verdict {
	if q.host.ID == "" && !q.own || !showsPages(r.Header, q.method) {
		return v
	}
	v.elsewhere = !q.own
	v.values[loginField] = "/login"
	if v.elsewhere {
		v.values[loginField] = hostPath + "/start"
	}
	if back := web.ReturnTo(q.uri); back != "/" {
		v.values[loginField] += "?return_to=" + url.QueryEscape(back)
	}
	return v
}

// showsPages reports whether a request is made by a browser that shows its user what it gets.
func showsPages(header http.Header, method string) bool {
	if method != http.MethodGet && method != http.MethodHead {
		return false
	}
	if mode := header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(header.Get("Accept"), "text/html")
}
