package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

// linkTo is the path of the link that was mailed to the address last. Everything that waited is sent.
func (p *product) linkTo(address string) string {
	p.Helper()
	link := ""
	for _, m := range p.mailed() {
		if m.Letter.To == address && m.Kind == store.MailAddress {
			link = "/account/address/" + m.Letter.Token().Reveal()
		}
	}
	if link == "" {
		p.Fatalf("no link was mailed to %s", address)
	}
	return link
}

func TestD18_AddressChange(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	eve := acme.member("eve@acme.test", access.OrgMember)
	elsewhere := &someone{browser: p.browser(), User: acme.owner.User, organization: acme}
	elsewhere.signInByPassword()
	p.mailed()

	acme.owner.post("/account/address", "email", "nonsense").want(http.StatusUnprocessableEntity, "Enter an email address such as", "nonsense")
	acme.owner.post("/account/address", "email", "Boss@new.test").want(http.StatusOK, "Look into the mail of Boss@new.test.", "Waits for its link", "owner@acme.test")
	link := p.linkTo("Boss@new.test")
	acme.owner.post("/account/address/withdraw").want(http.StatusOK, "Your address stays as it is.").lacks("Waits for its link")
	acme.owner.get(link).want(http.StatusNotFound, "This link no longer works", "owner@acme.test")

	acme.owner.post("/account/address", "email", "Boss@new.test").want(http.StatusOK)
	link = p.linkTo("Boss@new.test")
	// Whoever reads the mail there and is not signed in as who asked changes nothing, and the link is kept nowhere.
	if shown := p.browser().get(link).want(http.StatusOK, "Sign in"); shown.path() != "/login?return_to=%2Faccount" {
		t.Errorf("a stranger is led to %s", shown.path())
	}
	p.browser().post(link).want(http.StatusUnauthorized)
	for _, shown := range []*page{eve.get(link), eve.post(link)} {
		shown.want(http.StatusNotFound, "eve@acme.test").lacks("Boss@new.test")
	}
	p.browser().get(strings.Replace(link, "/account/address/", "/welcome/", 1)).want(http.StatusGone)
	acme.owner.get(link).want(http.StatusOK, "Boss@new.test", "owner@acme.test", "Change address") // looking spends nothing
	before := acme.owner.token().Reveal()
	acme.owner.post(link).want(http.StatusOK, "Your email address is changed.", "Boss@new.test")
	if acme.owner.token().Reveal() == before {
		t.Error("W-02: the session kept its token")
	}
	acme.owner.post(link).want(http.StatusNotFound)
	elsewhere.get("/account").want(http.StatusOK, "Sign in")
	told := p.mailed()
	if len(told) == 0 || told[0].Letter.To != "owner@acme.test" && told[len(told)-1].Letter.To != "owner@acme.test" {
		t.Errorf("the old address is not told: %+v", told)
	}
	p.browser().post("/login/password", "email", "owner@acme.test", "password", goodPassword).want(http.StatusUnprocessableEntity)
	p.browser().post("/login/password", "email", "boss@new.test", "password", goodPassword).want(http.StatusOK, "acme")
	p.ok(p.store.Close())
	acme.owner.post("/account/address", "email", "again@new.test").want(http.StatusInternalServerError)
}

// D-18: a session alone is not enough, neither an old one nor one by an identity provider.
func TestD18_AddressChangeAsksForAFreshSignInOfOnesOwn(t *testing.T) {
	acme, okta := corp(t)
	employee := okta.employee("u-1", "grace@corp.test")
	employee.get("/account").want(http.StatusOK, "To change your address, sign in with your own").lacks("Mail link")
	employee.post("/account/address", "email", "grace@home.test").want(http.StatusForbidden)
	acme.owner.post("/account/address", "email", "boss@new.test").want(http.StatusOK)
	link := acme.linkTo("boss@new.test")
	acme.pass(access.FreshFor + time.Minute)
	acme.owner.post("/account/address", "email", "other@new.test").want(http.StatusUnauthorized, "Sign in again")
	acme.owner.post(link).want(http.StatusUnauthorized)
	if shown := acme.owner.get(link).want(http.StatusOK, "follow the link in your mail once more"); strings.Contains(shown.path(), "address") {
		t.Errorf("the link is kept in %s", shown.path())
	}
	if n := acme.count("users WHERE canonical_email IN ('boss@new.test', 'grace@home.test', 'other@new.test')"); n != 0 {
		t.Errorf("%d addresses changed", n)
	}
	acme.owner.signInByPassword() // the honest twin
	acme.owner.post(link).want(http.StatusOK, "Your email address is changed.")
}

func TestD18_AddressChange_WhereNoMailIsSent(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.owner.get("/account").want(http.StatusOK, "Mail link")
	p.options.SendsMail, p.options.Site.Metrics = false, prometheus.NewRegistry()
	var err error
	p.handler, err = New(p.options)
	p.ok(err)
	mails, links := p.count("mails"), p.count("welcomes")
	acme.owner.get("/account").want(http.StatusOK, "This installation sends no mail", "owner@acme.test").lacks("Mail link")
	acme.owner.post("/account/address", "email", "boss@new.test").want(http.StatusUnprocessableEntity, "sends no mail")
	if p.count("mails") != mails || p.count("welcomes") != links {
		t.Error("a link was made that nobody can get")
	}
}

// D-11: asking answers the same in every byte, whether somebody has the address or not. D-12: not without end.
func TestD11_AskingForAnAddressTellsNobodyApart(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.member("taken@new.test", access.OrgMember)
	want := ""
	for _, address := range []string{"taken@new.test", "free@new.test"} {
		got := strings.ReplaceAll(bytesOf(acme.owner.post("/account/address", "email", address).want(http.StatusOK), address), address, "ADDRESS")
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%s is told apart:\n%s\n%s", address, got, want)
		}
	}
	for range 3 {
		acme.owner.post("/account/address", "email", "free@new.test").want(http.StatusOK)
	}
	acme.owner.post("/account/address", "email", "free@new.test").want(http.StatusTooManyRequests, "5 links to a new address an hour")
}

// D-17: no form and no body of the admin API takes it from whoever sends it that an address is somebody's.
func TestD17_EmailVerifiedIsNotWritable(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	eve := acme.member("eve@acme.test", access.OrgMember)
	p.mailed()
	claims := []string{"email_verified", "true", "emailVerified", "true", "email_verified_at", "2020-01-01T00:00:00Z", "EmailVerifiedAt", "2020-01-01T00:00:00Z", "verified", "true"}
	for _, form := range []struct {
		path   string
		fields []string
	}{
		{"/account/name", []string{"name", "Eve", "version", "1"}},
		{"/account/address", []string{"email", "eve@new.test"}},
		{"/account/password", []string{"current_password", goodPassword, "new_password", "seven otters under a bridge"}},
	} {
		eve.post(form.path, append(form.fields, claims...)...).want(http.StatusOK)
	}
	verified := func() int { return p.count("users WHERE id = ? AND email_verified_at IS NOT NULL", eve.User.ID) }
	if verified() != 0 {
		t.Error("a form makes an address somebody's")
	}
	eve.post("/account/address", "email", "eve@new.test").want(http.StatusOK) // the twin: the mail does
	eve.post(p.linkTo("eve@new.test")).want(http.StatusOK, "Your email address is changed.")
	if verified() != 1 {
		t.Error("the mailed link does not")
	}
}
