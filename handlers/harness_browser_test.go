package handlers

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/secret"
)

// browser is one person's: it keeps cookies, sends them as their SameSite says, says where a request comes from, and follows redirects on
// our origin.
type browser struct {
	*product
	jar     map[string]*http.Cookie
	address string      // of the computer that it runs on
	header  http.Header // sent along with every request
}

// browser is a new one without cookies.
func (p *product) browser() *browser {
	return &browser{product: p, jar: map[string]*http.Cookie{}, address: "203.0.113.7", header: http.Header{"User-Agent": {"Testbrowser/1.0"}}}
}

// page is what the browser shows.
type page struct {
	*product
	request *http.Request // the last one, after redirects
	Status  int
	Header  http.Header
	Body    string
	away    string // where it redirects to, off our origin; "" when it does not
}

// get opens a path.
func (b *browser) get(path string) *page {
	b.Helper()
	return b.follow(b.send(http.MethodGet, path, "same-origin", nil))
}

// post sends a form of ours: names and values in turn.
func (b *browser) post(path string, fields ...string) *page {
	b.Helper()
	return b.follow(b.send(http.MethodPost, path, "same-origin", pairs(fields)))
}

func pairs(fields []string) url.Values {
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return form
}

// send makes one request and follows nothing. From is the origin of the page that makes it, or "same-origin".
func (b *browser) send(method, path, from string, form url.Values) *page {
	b.Helper()
	r := httptest.NewRequest(method, publicURL+path, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		r.ContentLength = 0
	}
	site := "same-origin"
	if from != "same-origin" {
		site = "cross-site"
		r.Header.Set("Origin", from)
	} else if method == http.MethodPost {
		r.Header.Set("Origin", publicURL)
	}
	r.Header.Set("Sec-Fetch-Site", site)
	for _, name := range []string{"password", "current_password", "new_password", "SAMLResponse"} {
		b.hide(form[name]...)
	}
	return b.exchange(r)
}

// exchange sends a request as it is, with the cookies that a browser would send along, and keeps those that come back.
func (b *browser) exchange(r *http.Request) *page {
	b.Helper()
	b.dress(r)
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	answer := w.Result()
	b.keep(answer.Cookies())
	p := &page{product: b.product, request: r, Status: answer.StatusCode, Header: answer.Header, Body: w.Body.String()}
	p.checkHeaders()
	p.checkLocation()
	return p
}

// dress gives the request what this browser sends along.
func (b *browser) dress(r *http.Request) {
	r.RemoteAddr = b.address + ":4711"
	for name, values := range b.header {
		r.Header[name] = values
	}
	crossSite := r.Header.Get("Sec-Fetch-Site") == "cross-site"
	for _, cookie := range b.jar {
		if !crossSite || cookie.SameSite == http.SameSiteNoneMode || cookie.SameSite == http.SameSiteLaxMode && r.Method == http.MethodGet {
			r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
		}
	}
}

func (b *browser) keep(cookies []*http.Cookie) {
	for _, cookie := range cookies {
		b.hide(cookie.Value)
		if cookie.MaxAge < 0 {
			delete(b.jar, cookie.Name)
			continue
		}
		b.jar[cookie.Name] = cookie
		r := &http.Request{Header: http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}}}
		if token, ok := b.cookies.Session.Read(r); ok {
			b.hide(token.Reveal())
		}
	}
}

// holds gives the browser a session.
func (b *browser) holds(token secret.Token) {
	b.Helper()
	w := httptest.NewRecorder()
	b.ok(b.cookies.Session.Write(w, token))
	b.keep(w.Result().Cookies())
}

// token is that of the browser's session cookie, zero when it has none.
func (b *browser) token() secret.Token {
	r := &http.Request{Header: http.Header{}}
	if cookie := b.jar[b.cookies.Session.Name()]; cookie != nil {
		r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
	}
	token, _ := b.cookies.Session.Read(r)
	return token
}

// follow goes where redirects on our own origin lead.
func (b *browser) follow(p *page) *page {
	b.Helper()
	for range 10 {
		location := p.Header.Get("Location")
		if location == "" || p.away != "" {
			return p
		}
		from := "same-origin" // a redirect comes from wherever the request before it came from
		if p.request.Header.Get("Sec-Fetch-Site") == "cross-site" {
			from = p.request.Header.Get("Origin")
		}
		p = b.send(http.MethodGet, location, from, nil)
	}
	b.Fatal("redirected in circles")
	return nil
}

// wantedHeaders are on every answer, whatever it is (W-08, W-09, W-10, W-15).
var wantedHeaders = map[string]string{
	"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin", "Permissions-Policy": "camera=()", "Strict-Transport-Security": "max-age=31536000",
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; ", "Cache-Control": "", "X-Request-Id": "",
}

func (p *page) checkHeaders() {
	p.Helper()
	for name, part := range wantedHeaders {
		if value := p.Header.Get(name); value == "" || !strings.Contains(value, part) {
			p.Errorf("%s %s: %s is %q", p.request.Method, p.request.URL.Path, name, value)
		}
	}
	if strings.Contains(p.Header.Get("Content-Security-Policy"), "unsafe") {
		p.Errorf("%s %s: an unsafe policy", p.request.Method, p.request.URL.Path)
	}
}

// checkLocation makes sure that a redirect goes to our own origin or to an identity provider that the test set up.
func (p *page) checkLocation() {
	p.Helper()
	location := p.Header.Get("Location")
	if _, code, found := strings.Cut(location, "?code="); found {
		p.hide(code)
	}
	if location == "" || strings.HasPrefix(location, "/") && !strings.HasPrefix(location, "//") {
		return
	}
	to, err := url.Parse(location)
	p.ok(err)
	if _, known := p.leading.Load(to.Scheme + "://" + to.Host); !known {
		p.Errorf("%s %s redirects to %s", p.request.Method, p.request.URL.Path, location)
	}
	p.away = location
}

// path is the page's address without our origin.
func (p *page) path() string { return p.request.URL.RequestURI() }

// want ends the test unless the answer has this status and all these texts.
func (p *page) want(status int, texts ...string) *page {
	p.Helper()
	if p.Status != status {
		p.Fatalf("%s %s: got %d, want %d\n%s", p.request.Method, p.path(), p.Status, status, p.text())
	}
	for _, text := range texts {
		if !strings.Contains(p.Body, text) && !strings.Contains(p.text(), text) {
			p.Fatalf("%s %s: %q is missing\n%s", p.request.Method, p.path(), text, p.text())
		}
	}
	return p
}

// lacks fails the test where the page has one of the texts.
func (p *page) lacks(texts ...string) *page {
	p.Helper()
	for _, text := range texts {
		if strings.Contains(p.Body, text) {
			p.Errorf("%s %s: the page has %q", p.request.Method, p.path(), text)
		}
	}
	return p
}

var (
	tags    = regexp.MustCompile(`(?s)<script.*?</script>|<svg.*?</svg>|<[^>]*>`)
	blanks  = regexp.MustCompile(`\s+`)
	inputs  = regexp.MustCompile(`<(?:input|button|textarea|select)\b[^>]*>`)
	attribs = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
	links   = regexp.MustCompile(`href="([^"]*)"`)
)

// text is the page as a person reads it.
func (p *page) text() string {
	return strings.TrimSpace(blanks.ReplaceAllString(html.UnescapeString(tags.ReplaceAllString(p.Body, " ")), " "))
}

// value is that of the first field with the name; it ends the test where there is none.
func (p *page) value(name string) string {
	p.Helper()
	for _, input := range inputs.FindAllString(p.Body, -1) {
		found := map[string]string{}
		for _, a := range attribs.FindAllStringSubmatch(input, -1) {
			found[a[1]] = html.UnescapeString(a[2])
		}
		if found["name"] == name {
			return found["value"]
		}
	}
	p.Fatalf("%s %s has no field %q\n%s", p.request.Method, p.path(), name, p.text())
	return ""
}

// links are where the page leads.
func (p *page) links() []string {
	var all []string
	for _, link := range links.FindAllStringSubmatch(p.Body, -1) {
		all = append(all, html.UnescapeString(link[1]))
	}
	return all
}

// link is the first one that begins so; it ends the test where there is none.
func (p *page) link(prefix string) string {
	p.Helper()
	all := p.links()
	i := slices.IndexFunc(all, func(link string) bool { return strings.HasPrefix(link, prefix) })
	if i < 0 {
		p.Fatalf("%s %s leads nowhere like %q\n%s", p.request.Method, p.path(), prefix, p.text())
	}
	return all[i]
}
