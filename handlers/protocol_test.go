package handlers

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// corp is an organization with a verified domain and an active connection, at which Ada is signed in.
func corp(t *testing.T, changes ...func(*store.SAMLSettings)) (*organization, *connection) {
	t.Helper()
	o := newProduct(t).found("acme")
	o.verify("corp.test")
	return o, o.connect("Okta", changes...)
}

// rows counts what no refusal may add to.
func (p *product) rows() (counts [6]int) {
	p.Helper()
	for i, table := range []string{"sessions", "session_proofs", "users", "identities", "members", "role_bindings"} {
		counts[i] = p.count(table)
	}
	return counts
}

// refuses makes sure that the page tells of a refusal for that reason, that it is recorded, and that nothing else is left behind.
func (o *organization) refuses(reason trust.Reason, do func() *page) *page {
	o.Helper()
	before, refused := o.rows(), o.refused()
	shown := do()
	if shown.Status < 400 || shown.Status > 499 || shown.Header.Get("Location") != "" {
		o.Errorf("a refusal answers %d, leading to %q", shown.Status, shown.Header.Get("Location"))
	}
	login, err := o.scope.Login(o.Context(), reference.FindString(shown.Body))
	o.ok(err)
	if login.State != store.LoginRefused || login.Reason != reason {
		o.Errorf("recorded as %s %q (want %q, got %q), not as refused for %s", login.State, login.Reason, login.Want, login.Got, reason)
	}
	shown.want(shown.Status, reason.Sentence()).lacks(string(reason))
	if after := o.rows(); after != before {
		o.Errorf("a refusal left something behind: %v became %v", before, after)
	}
	if o.refused() != refused+1 || o.count("events WHERE action = 'login.refused' AND reason = ?", reason) == 0 {
		o.Error("a refusal was not counted, or is no event")
	}
	return shown
}

var reference = regexp.MustCompile(`log_[0-9a-z]{26}`)

// refused is how many refusals the records stand for.
func (p *product) refused() (n int) {
	p.Helper()
	p.ok(p.tables.QueryRow("SELECT COALESCE(SUM(count), 0) FROM logins WHERE state = 'refused'").Scan(&n))
	return n
}

func TestEveryPartyIsToldWhoCanMendIt(t *testing.T) {
	acme, c := corp(t)
	told := map[trust.Party]bool{}
	for _, lie := range idptest.Lies() {
		if party := lie.Reason.Party(); !told[party] && lie.Class != "S-43" && lie.Allow == (idptest.Allowed{}) {
			told[party] = true
			c.idp.Tell(lie)
			b := c.browser()
			shown := acme.refuses(lie.Reason, func() *page { return c.signIn(b, c.loginPath()) })
			shown.want(shown.Status, helpWith[party])
			if b.token().Reveal() != "" {
				t.Error("a refusal sets a session")
			}
			c.idp.Tell(idptest.Lie{})
		}
	}
	c.signIn(c.browser(), c.loginPath())
	if login := acme.lastLogin(); login.State != store.LoginFinished {
		t.Errorf("the truth came to %q %q", login.State, login.Reason)
	}
}

func TestS37_OnlyOneFormFieldInStandardBase64(t *testing.T) {
	_, c := corp(t)
	b := c.browser()
	honest := c.ask(b.get(c.loginPath()))
	raw, err := base64.StdEncoding.DecodeString(honest.message)
	c.ok(err)
	form := func(values url.Values) func() *page {
		return func() *page { return b.send(http.MethodPost, c.acs(), c.base, values) }
	}
	both := url.Values{"SAMLResponse": {honest.message}, "RelayState": {honest.relay}}
	for name, attack := range map[string]struct {
		status int
		do     func() *page
	}{
		"two responses":         {400, form(url.Values{"SAMLResponse": {honest.message, honest.message}, "RelayState": {honest.relay}})},
		"two relay states":      {400, form(url.Values{"SAMLResponse": {honest.message}, "RelayState": {honest.relay, "/"}})},
		"no response":           {400, form(url.Values{"RelayState": {honest.relay}})},
		"S-57 an artifact":      {400, form(url.Values{"SAMLart": {"AAQAAMFbLinlXaCM"}, "RelayState": {honest.relay}})},
		"an artifact beside":    {400, form(url.Values{"SAMLart": {"AAQAAMFbLinlXaCM"}, "SAMLResponse": {honest.message}, "RelayState": {honest.relay}})},
		"artifact in the query": {400, func() *page { return b.send(http.MethodPost, c.acs()+"?SAMLart=AAQAAMFbLinlXaCM", c.base, both) }},
		"get":                   {405, func() *page { return b.send(http.MethodGet, c.acs()+"?"+both.Encode(), c.base, nil) }},
		"multipart":             {415, func() *page { return multipartOf(b, c, both) }},
		"URL-safe base64": {400, form(url.Values{"RelayState": {honest.relay}, "SAMLResponse": {
			strings.NewReplacer("+", "-", "/", "_").Replace(base64.StdEncoding.EncodeToString(append([]byte("<\xff\xfe?>"), raw...)))}})},
		"too large": {413, form(url.Values{"SAMLResponse": {strings.Repeat("A", 520<<10)}})},
	} {
		before := c.rows()
		if shown := attack.do(); shown.Status != attack.status || shown.Header.Get("Location") != "" || c.rows() != before {
			t.Errorf("%s: got %d, want %d", name, shown.Status, attack.status)
		}
	}
	if c.deliver(b, honest); b.token().Reveal() == "" {
		t.Error("the honest response does not sign in")
	}
}

func multipartOf(b *browser, c *connection, form url.Values) *page {
	b.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, values := range form {
		b.ok(w.WriteField(name, values[0]))
	}
	b.ok(w.Close())
	r := httptest.NewRequest(http.MethodPost, publicURL+c.acs(), &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Origin", c.base)
	return b.exchange(r)
}

func TestS47_TheBrowserThatBeganMustPostAndFinish(t *testing.T) {
	acme, c := corp(t)
	b, other := c.browser(), c.browser()
	answer := c.ask(b.get(c.loginPath()))
	acme.refuses(trust.ReasonOtherBrowser, func() *page { return c.deliver(other, answer) })
	other.get(c.loginPath()) // has a flow cookie of its own now
	acme.refuses(trust.ReasonOtherBrowser, func() *page { return c.deliver(other, answer) })

	finish := c.post(b, answer).want(http.StatusSeeOther).Header.Get("Location")
	before := c.rows()
	other.get(finish).want(http.StatusForbidden, "began in another browser")
	if c.rows() != before || other.token().Reveal() != "" {
		t.Error("another browser finished a login with its code")
	}
	b.get(finish)
	if b.token().Reveal() == "" {
		t.Error("the browser that began is not signed in")
	}
	b.get(finish).want(http.StatusForbidden, "was finished already")
}

func TestS48_RelayStateLeadsNowhereElse(t *testing.T) {
	acme, c := corp(t)
	b := c.browser()
	answer := c.ask(b.get(c.loginPath()))
	for _, relay := range []string{"", "https://evil.test/", answer.relay + "."} {
		acme.refuses(trust.ReasonOtherBrowser, func() *page { return c.deliver(b, response{answer.message, relay}) })
	}
	c.deliver(b, answer)

	for relay, lands := range map[string]string{
		"/organizations/" + acme.ID + "/events?about=login": "/organizations/" + acme.ID + "/events?about=login",
		"https://evil.test/x":                               "/",
		"//evil.test/x":                                     "/",
		"/\\evil.test":                                      "/",
		"javascript:alert(1)":                               "/",
		"/%2f%2fevil.test":                                  "/",
		"":                                                  "/",
	} {
		b := c.browser()
		landed := c.deliver(b, c.ask(c.deliver(b, c.tile(relay))))
		if b.token().Reveal() == "" || landed.path() != lands {
			t.Errorf("RelayState %q landed at %q, want %q", relay, landed.path(), lands)
		}
	}
}

func TestS46_FromTheTileWithoutTyping(t *testing.T) {
	acme, c := corp(t)
	b := c.browser()
	leaving := c.deliver(b, c.tile(""))
	if b.token().Reveal() != "" {
		t.Fatal("an unsolicited response signs in by itself")
	}
	acme.refuses(trust.ReasonIDPIgnoresRequests, func() *page { return c.deliver(b, c.tile("")) })
	c.pass(61 * time.Second)
	c.deliver(b, c.ask(c.deliver(b, c.tile(""))))
	if b.token().Reveal() == "" {
		t.Error("after a minute the tile does not sign in")
	}
	if leaving.want(http.StatusOK, "Taking you to Okta.").away != "" {
		t.Error("a form of the identity provider's is redirected back to it")
	}
}

// W-04: the ACS neither reads nor sets the session, whoever's cookie comes along.
func TestW04_TheACSNeverTouchesTheSession(t *testing.T) {
	acme, c := corp(t)
	b := acme.owner.browser
	c.pass(2 * time.Minute) // so that a use of the session would be noted
	answer := c.ask(acme.owner.get(c.loginPath()))
	c.pass(2 * time.Minute)
	session := *b.jar[c.cookies.Session.Name()]
	session.SameSite = http.SameSiteNoneMode // as if a browser sent it all the same
	b.jar[session.Name] = &session
	seen := acme.seen(acme.owner)
	arrived := c.post(b, answer).want(http.StatusSeeOther)
	for _, cookie := range (&http.Response{Header: arrived.Header}).Cookies() {
		t.Errorf("the ACS sets %s", cookie.Name)
	}
	if acme.seen(acme.owner) != seen {
		t.Error("the ACS read the session")
	}
	b.get(arrived.Header.Get("Location")).want(http.StatusOK, "Switch to another person?")
	if acme.seen(acme.owner) == seen {
		t.Error("finishing, on our own origin, does read it")
	}
}

// seen is when the person's newest session was used last.
func (o *organization) seen(who *someone) (at string) {
	o.Helper()
	o.ok(o.tables.QueryRow("SELECT CAST(MAX(seen_at) AS TEXT) FROM sessions WHERE user_id = ?", who.User.ID).Scan(&at))
	return at
}

func TestW09_TheFormPageAloneHasAWiderFormAction(t *testing.T) {
	_, c := corp(t, func(s *store.SAMLSettings) { s.Binding = store.BindingPost })
	b := c.browser()
	leaving := b.get(c.loginPath()).want(http.StatusOK, "Taking you to Okta.")
	if policy := leaving.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' "+c.base+";") {
		t.Errorf("the form page's policy is %s", policy)
	}
	if landed := c.deliver(b, c.ask(leaving)); !strings.Contains(landed.Header.Get("Content-Security-Policy"), "form-action 'self';") || b.token().Reveal() == "" {
		t.Error("the login by form does not land, or the page afterwards has a wider policy")
	}
}

// S-49: an address that the operator allows no longer is not used any longer, and one with a quote in the query is.
func TestS49_AnEndpointIsCheckedWhenItIsUsed(t *testing.T) {
	for _, binding := range []string{store.BindingRedirect, store.BindingPost} {
		acme, c := corp(t, func(s *store.SAMLSettings) { s.Binding, s.LoginHintAs = binding, "query:login_hint" })
		acme.browser().post("/login", "email", "o'brien@corp.test", "connection", c.Connection.ID).want(http.StatusOK, "Taking you to Okta.")
		narrow, err := outbound.New(outbound.Options{})
		acme.ok(err)
		acme.options.Outbound, acme.options.Site.Metrics = narrow, nil
		acme.handler, err = New(acme.options)
		acme.ok(err)
		acme.browser().get(c.loginPath()).want(http.StatusInternalServerError).lacks(c.base)
		acme.browser().post("/login", "email", "ada@corp.test", "connection", c.Connection.ID).want(http.StatusInternalServerError).lacks(c.base)
	}
}

func TestS45_WithoutTheDatabaseTheAnswerIs503(t *testing.T) {
	_, c := corp(t)
	b := c.browser()
	answer := c.ask(b.get(c.loginPath()))
	c.ok(c.store.Close())
	c.post(b, answer).want(http.StatusServiceUnavailable, "Nothing was changed").lacks("sql", "database is closed")
	if !strings.Contains(c.log.String(), "login not judged") {
		t.Error("the failure is not logged")
	}
}

func TestS61_WhatIsClaimedIsShownAsTextAndShort(t *testing.T) {
	acme, c := corp(t)
	b := c.browser()
	answer := c.ask(b.get(c.loginPath()))
	evil := `"><script>alert(1)</script>` + strings.Repeat("x", 400)
	said := c.idp.Answer(c.service(), "", c.now())
	said.Issuer = evil
	acme.refuses(trust.ReasonIssuer, func() *page {
		return c.deliver(b, response{said.Message(), answer.relay})
	}).lacks("<script>alert", strings.Repeat("x", 300))
	login := acme.lastLogin()
	if len([]rune(login.Got)) > 256 || !strings.HasPrefix(login.Got, `"><script>`) {
		t.Errorf("kept as %q", login.Got)
	}
	for _, path := range []string{"/logins", "/logins/" + login.ID, "/events"} {
		acme.owner.get("/organizations/"+acme.ID+path).want(http.StatusOK).lacks("<script>alert", strings.Repeat("x", 300))
	}
	acme.owner.get("/organizations/"+acme.ID+"/logins/"+login.ID).want(http.StatusOK, `"><script>alert(1)</script>xxx`, trust.ReasonIssuer.Fix())
}

func TestMetadataTellsIdentityProvidersWhoWeAre(t *testing.T) {
	_, c := corp(t)
	b := c.browser()
	shown := b.get("/saml/"+c.Connection.ID+"/metadata").want(http.StatusOK, fmt.Sprintf("entityID=\"%s/saml/%s/metadata\"", publicURL, c.Connection.ID), publicURL+c.acs())
	if kind := shown.Header.Get("Content-Type"); kind != "application/samlmetadata+xml" {
		t.Errorf("served as %s", kind)
	}
	b.get("/saml/con_00000000000000000000000000/metadata").want(http.StatusNotFound)
	b.send(http.MethodPost, "/saml/con_00000000000000000000000000/acs", c.base, url.Values{"SAMLResponse": {"AAAA"}}).want(http.StatusNotFound)
}

// what a stranger may begin and answer without bound would fill the database.
func TestR04_LoginsFromOneNetworkAreLimited(t *testing.T) {
	for name, once := range map[string]func(c *connection, b *browser) *page{
		"begun": func(c *connection, b *browser) *page {
			return b.get("/connections/con_00000000000000000000000000/login")
		}, // counts like any other, and writes nothing
		"answered": func(c *connection, b *browser) *page {
			return b.send(http.MethodPost, c.acs(), "https://idp.test", url.Values{"SAMLResponse": {"!"}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, c := corp(t)
			b := c.browser()
			for range 600 {
				if page := once(c, b); page.Status == http.StatusTooManyRequests {
					t.Fatal("an office was limited")
				}
			}
			if page := once(c, b).want(http.StatusTooManyRequests); page.Header.Get("Retry-After") == "" {
				t.Error("nothing says when to come again")
			}
			other := c.browser()
			other.address = "198.51.100.7"
			if page := once(c, other); page.Status == http.StatusTooManyRequests {
				t.Error("another network is limited with it")
			}
			c.pass(time.Minute)
			if page := once(c, b); page.Status == http.StatusTooManyRequests {
				t.Error("a minute later it is still limited")
			}
		})
	}
}
