package handlers

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

func TestSignInThroughAConnection(t *testing.T) {
	acme, c := corp(t)
	c.vouch("u-1", "grace@corp.test")
	b := c.browser()
	choice := b.post("/login", "email", "grace@corp.test", "return_to", "/organizations/"+acme.ID+"/events").want(http.StatusOK, "Continue with Okta", "Use your password")
	leaving := b.post("/login", "email", choice.value("email"), "return_to", choice.value("return_to"), "connection", choice.value("connection"))
	landed := c.deliver(b, c.ask(leaving))
	landed.want(http.StatusForbidden, string(access.ReadAudit)) // a newcomer is a member and reads no events
	if landed.path() != "/organizations/"+acme.ID+"/events" {
		t.Errorf("landed at %s", landed.path())
	}
	if login := acme.lastLogin(); login.State != store.LoginFinished || login.Outcome != store.OutcomeCreated || login.Email != "grace@corp.test" {
		t.Errorf("the record is %+v", login)
	}
}

// The sign-in decision table: what POST /login leads to.
func TestWhereAnAddressLeads(t *testing.T) {
	acme, okta := corp(t)
	acme.member("known@corp.test", access.OrgMember)
	const password, choice, away = "Enter your password", "Choose how to sign in", "Taking you to"
	want := func(situation, first string, elsewhere ...string) {
		t.Helper()
		for _, email := range []string{"known@corp.test", "unknown@corp.test", "Unknown@CORP.test."} {
			acme.browser().post("/login", "email", email).want(http.StatusOK, first)
		}
		for _, email := range append(elsewhere, "owner@acme.test", "unknown@acme.test", "x@sub.corp.test", "x@corp.test.evil.test") {
			acme.browser().post("/login", "email", email).want(http.StatusOK, password).lacks("Okta")
		}
		if t.Failed() {
			t.Fatalf("in the situation: %s", situation)
		}
	}
	_, err := acme.scope.ClaimDomain(t.Context(), acme.owner.actor(), "claimed.test", "gatehouse.test")
	acme.ok(err)
	want("verified, active, not enforced", choice, "x@claimed.test")
	acme.enforce(okta, access.EnforceDomain)
	want("enforced", away, "x@claimed.test")
	entra := acme.connect("Entra")
	want("enforced, two connections", choice)
	for _, chosen := range []*connection{okta, entra} {
		b := acme.browser()
		b.post("/login", "email", "known@corp.test", "connection", chosen.Connection.ID).want(http.StatusOK, away+" "+chosen.Name).lacks("password")
	}
	acme.browser().post("/login", "email", "known@corp.test", "connection", "con_00000000000000000000000000").want(http.StatusOK, choice)
	acme.browser().post("/login", "email", "known@corp.test", "method", "password").want(http.StatusOK, choice).lacks("Use your password")
}

func TestAnAddressThatIsNone(t *testing.T) {
	b := newProduct(t).found("acme").browser()
	for _, email := range []string{"", "ada", "ada@", "@corp.test", "ada@corp", `"ada@evil.test"@corp.test`, "ada@@corp.test", "ädä@corp.test", "ada@corp.test\x01"} {
		shown := b.post("/login", "email", email, "return_to", "/account").want(http.StatusUnprocessableEntity, "Enter an email address such as name@example.com.")
		if shown.value("return_to") != "/account" || shown.value("email") != strings.TrimSpace(email) {
			t.Errorf("%q: what was typed is lost", email)
		}
	}
	b.post("/login", "email", "ada@bücher.test").want(http.StatusOK, "ada@xn--bcher-kva.test")
}

// bytesOf is all that a stranger can tell answers apart by, the address that was typed aside.
func bytesOf(p *page, email string) string {
	header := p.Header.Clone()
	header.Del("X-Request-Id")
	header.Del("Set-Cookie")
	header.Del("Content-Length")
	return fmt.Sprint(p.Status, header, strings.ReplaceAll(p.Body, html.EscapeString(email), "…"))
}

// D-11: every page of the password path is the same in every byte for people we know and for people we do not.
func TestD11_NobodyLearnsWhoIsKnown(t *testing.T) {
	acme, c := corp(t)
	acme.member("password@guest.test", access.OrgMember)
	without := acme.member("linked@guest.test", access.OrgMember)
	acme.ok(acme.store.EndPassword(t.Context(), without.actor(), without.User.ID))
	c.employee("u-1", "employee@corp.test")
	acme.wayIn(acme.owner)
	wrong := func(path string) func(b *browser, email string) *page {
		return func(b *browser, email string) *page { return b.post(path, "email", email, "password", "not it") }
	}
	for _, step := range []struct {
		name string
		do   func(b *browser, email string) *page
	}{
		{"address", func(b *browser, email string) *page { return b.post("/login", "email", email) }},
		{"wrong password", wrong("/login/password")},
		{"recovery page", func(b *browser, _ string) *page { return b.get("/login/recovery") }},
		{"recovery", func(b *browser, email string) *page {
			return b.post("/login/recovery", "email", email, "code", secret.NewRecoveryCode().Reveal())
		}},
		{"recovery by what is no code", func(b *browser, email string) *page {
			return b.post("/login/recovery", "email", email, "code", "not it")
		}},
		{"too often", func(b *browser, email string) *page {
			for range 3 {
				wrong("/login/password")(b, email)
			}
			return wrong("/login/password")(b, email).want(http.StatusTooManyRequests)
		}},
	} {
		for _, people := range [][]string{
			{"nobody@guest.test", "password@guest.test", "linked@guest.test", acme.owner.User.Email},
			{"nobody@corp.test", "employee@corp.test"},
		} {
			want := ""
			for i, email := range people {
				b := acme.browser()
				b.address = fmt.Sprintf("198.51.%d.7", i)
				got := bytesOf(step.do(b, email), email)
				if want == "" {
					want = got
				}
				if got != want {
					t.Errorf("%s: %s is told apart from a stranger\n%s\n%s", step.name, email, got, want)
				}
			}
		}
	}
}

// allocated is how much memory do asked for in all: one argon2id hash takes 19 MiB, and nothing else here comes near.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestD11_TheSameWorkIsDoneForEverybody(t *testing.T) {
	acme := newProduct(t).found("acme")
	const hash = 18 << 20
	for _, email := range []string{"owner@acme.test", "nobody@acme.test"} {
		b := acme.browser()
		if work := allocated(func() {
			b.post("/login/password", "email", email, "password", "not it").want(http.StatusUnprocessableEntity)
		}); work < hash {
			t.Errorf("%s: no hash was computed", email)
		}
	}
	b := acme.browser()
	for range 4 {
		b.post("/login/password", "email", "owner@acme.test", "password", "not it")
	}
	if work := allocated(func() {
		b.post("/login/password", "email", "owner@acme.test", "password", "not it").want(http.StatusTooManyRequests)
	}); work > hash {
		t.Error("a try beyond the limit is worked on")
	}
}

func TestD12_FiveTriesAMinuteForOnePersonFromOnePlace(t *testing.T) {
	acme := newProduct(t).found("acme")
	try := func(b *browser, path, email, password string) int {
		return b.send(http.MethodPost, path, "same-origin", pairs([]string{"email", email, "password", password, "code", "0000-0000-0000-0000-0000-0000-0000-0000"})).Status
	}
	stranger, home := acme.browser(), acme.browser()
	stranger.address, home.address = "198.51.100.1", "203.0.113.9"
	spellings := []string{"owner@acme.test", "OWNER@acme.test", "owner@ACME.TEST", "owner@acme.test.", " Owner@Acme.Test "}
	for i, email := range spellings {
		if got := try(stranger, []string{"/login/password", "/login/recovery"}[i%2], email, "not it"); got != http.StatusUnprocessableEntity {
			t.Errorf("try %d: %d", i+1, got)
		}
	}
	stranger.address = "198.51.100.77" // the same network
	refused := stranger.post("/login/password", "email", "owner@acme.test", "password", goodPassword).want(http.StatusTooManyRequests)
	if refused.Header.Get("Retry-After") == "" {
		t.Error("it is not said when to come back")
	}
	if got := try(stranger, "/login/password", "somebody@acme.test", "not it"); got != http.StatusUnprocessableEntity {
		t.Errorf("another person from the same place: %d", got)
	}
	if got := try(home, "/login/password", "owner@acme.test", goodPassword); got != http.StatusSeeOther {
		t.Errorf("the person at home is locked out by a stranger: %d", got)
	}
	acme.pass(time.Minute)
	if got := try(stranger, "/login/password", "owner@acme.test", goodPassword); got != http.StatusSeeOther {
		t.Errorf("after a minute: %d", got)
	}
}

func TestD12_AConnectionCannotBeLockedFromOutside(t *testing.T) {
	_, c := corp(t)
	b := c.browser()
	for range 70 {
		b.post("/login", "email", "ada@corp.test", "connection", c.Connection.ID).want(http.StatusOK, "Taking you to Okta.")
	}
	if c.deliver(b, c.ask(b.get(c.loginPath()))); b.token().Reveal() == "" {
		t.Error("too many beginnings end sign-in")
	}
}

// W-12: after signing in the browser goes to a path of ours, whatever was asked for.
func TestW12_ReturnToIsAPathOfOurs(t *testing.T) {
	acme, c := corp(t)
	for asked, lands := range map[string]string{
		"/account":                      "/account",
		"/account?x=1&y=%2F":            "/account?x=1&y=%2F",
		"https://evil.test/":            "/",
		"//evil.test/":                  "/",
		"/\\evil.test/":                 "/",
		"/%5cevil.test":                 "/",
		"/./account":                    "/",
		"account":                       "/",
		"javascript:alert(1)":           "/",
		"/account\r\nX-Evil: yes":       "/",
		"/" + strings.Repeat("a", 3000): "/",
	} {
		b := acme.browser()
		if got := c.signIn(b, c.loginPath()+"?return_to="+url.QueryEscape(asked)).path(); got != lands {
			t.Errorf("%q through a connection lands at %q, want %q", asked, got, lands)
		}
		if form := acme.browser().get("/login?return_to=" + url.QueryEscape(asked)); lands == "/" {
			form.lacks("return_to")
		} else if form.value("return_to") != lands {
			t.Errorf("%q is carried along as %q", asked, form.value("return_to"))
		}
	}
	for asked, lands := range map[string]string{"/account": "/account", "//evil.test/": "/", "https://evil.test/": "/"} {
		if got := acme.browser().post("/login/password", "email", "owner@acme.test", "password", goodPassword, "return_to", asked).path(); got != lands {
			t.Errorf("%q by password lands at %q, want %q", asked, got, lands)
		}
	}
}

func TestABrowserOfSomebodyElseIsAskedFirst(t *testing.T) {
	acme, c := corp(t)
	owner := acme.owner
	before := owner.token().Reveal()
	c.vouch("u-1", "grace@corp.test")
	asked := c.signIn(owner.browser, c.loginPath()).want(http.StatusOK, "Switch to another person?", "owner@acme.test", "grace@corp.test")
	if owner.token().Reveal() != before {
		t.Fatal("the browser changed hands unasked")
	}
	stayed := owner.post("/login/finish", "login", asked.value("login"), "replace", "no")
	if stayed.path() != "/" || owner.token().Reveal() != before {
		t.Errorf("“Stay signed in” led to %s", stayed.path())
	}
	owner.post("/login/finish", "login", asked.value("login"), "replace", "yes").want(http.StatusOK)
	if _, user, err := acme.store.Session(t.Context(), owner.token()); err != nil || user.Email != "grace@corp.test" {
		t.Errorf("“Continue” signed in %q: %v", user.Email, err)
	}
	if shown := owner.post("/login/finish", "login", asked.value("login"), "replace", "yes"); shown.Status != http.StatusForbidden {
		t.Errorf("the page sent again: %d", shown.Status)
	}
}

// A test login ends at its record, in the session in which it was begun, and opens nothing anywhere.
func TestATestLoginOpensNothing(t *testing.T) {
	acme := newProduct(t).found("acme")
	c := acme.draft("Okta")
	c.vouch("the owner", "owner@acme.test")
	session, _, err := acme.store.Session(t.Context(), acme.owner.token())
	acme.ok(err)

	// Carried into a browser that nobody is signed in in, flow cookie and all.
	departure := c.beginTest(acme.owner, session.ID)
	thief := acme.browser()
	thief.jar[acme.cookies.Flow.Name()] = acme.owner.jar[acme.cookies.Flow.Name()]
	before := acme.rows()
	c.deliver(thief, c.answer(departure)).want(http.StatusForbidden, "You are not signed in")
	if thief.token().Reveal() != "" || acme.rows() != before {
		t.Error("a test login opened something in another browser")
	}

	departure = c.beginTest(acme.owner, session.ID)
	token := acme.owner.token().Reveal()
	if landed := c.deliver(acme.owner.browser, c.answer(departure)); landed.path() != loginRecordPath(acme.ID, departure.LoginID) {
		t.Errorf("a test ends at %s", landed.path())
	}
	if login := acme.lastLogin(); login.Outcome != store.OutcomeTested || acme.owner.token().Reveal() != token {
		t.Errorf("the test came to %q %q", login.State, login.Reason)
	}

	// A refused test shows the owner its record, and a draft lets nobody in.
	acme.member("colleague@acme.test", access.OrgMember)
	c.vouch("the colleague", "colleague@acme.test")
	departure = c.beginTest(acme.owner, session.ID)
	landed := c.deliver(acme.owner.browser, c.answer(departure))
	if login := acme.lastLogin(); landed.path() != loginRecordPath(acme.ID, departure.LoginID) || login.Reason != trust.ReasonTestOwner {
		t.Errorf("a refused test ends at %s as %q", landed.path(), login.Reason)
	}
	acme.refuses(trust.ReasonTestOnly, func() *page { return acme.browser().get(c.loginPath()) })
}

// A page elsewhere must not begin logins in its visitor's name by what it loads.
func TestALoginBeginsByALinkAlone(t *testing.T) {
	acme, okta := corp(t)
	b := acme.browser()
	for _, dest := range []string{"image", "iframe", "script", "empty", "Document"} {
		b.header.Set("Sec-Fetch-Dest", dest)
		b.get(okta.loginPath()).want(http.StatusForbidden, "Sign-in begins when you follow a link here")
	}
	if acme.count("logins") != 0 || len(b.jar) != 0 {
		t.Error("a login was begun, or a cookie set")
	}
	for _, dest := range []string{"document", ""} { // the honest twins: a navigation, and a browser that does not say
		b.header.Del("Sec-Fetch-Dest")
		if dest != "" {
			b.header.Set("Sec-Fetch-Dest", dest)
		}
		if away := b.get(okta.loginPath()).away; away == "" {
			t.Errorf("%q begins no login", dest)
		}
	}
}

// Signing out names the identity provider at which the person is still signed in, whatever became of a later one.
func TestSigningOutForgetsNoIdentityProvider(t *testing.T) {
	acme, okta := corp(t)
	entra := acme.connect("Entra")
	okta.test(acme.owner)
	entra.test(acme.owner)
	okta.signIn(acme.owner.browser, okta.loginPath())
	acme.pass(time.Second)
	entra.signIn(acme.owner.browser, entra.loginPath())
	acme.behind("UPDATE session_proofs SET connection_id = 'con_00000000000000000000000000' WHERE connection_id = ?", entra.Connection.ID)
	acme.owner.post("/logout").want(http.StatusOK, "Okta")
}
