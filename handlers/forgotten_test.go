package handlers

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

// mailed empties the outbox and gives what it held, forgotten passwords answered.
func (p *product) mailed() (all []store.Mail) {
	p.Helper()
	for {
		m, err := p.store.TakeMail(p.Context())
		if errors.Is(err, store.ErrNotFound) {
			return all
		}
		p.ok(err)
		p.hide(m.Letter.Token().Reveal())
		if m.Kind == store.MailForgotten {
			p.ok(p.store.AnswerForgotten(p.Context(), m))
			continue
		}
		p.ok(p.store.MailSent(p.Context(), m))
		all = append(all, m)
	}
}

func TestForgottenPassword(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	p.mailed()
	b := p.browser()
	b.post("/login", "email", "owner@acme.test").link("/login/forgotten")
	b.get("/login/forgotten").want(http.StatusOK, "Forgotten password")
	b.post("/login/forgotten", "email", "owner").want(http.StatusUnprocessableEntity, "Enter an email address")
	b.post("/login/forgotten", "email", "OWNER@acme.test").want(http.StatusOK, "Look into your mail")
	mails := p.mailed()
	if len(mails) != 1 || mails[0].Letter.To != "owner@acme.test" {
		t.Fatalf("mailed %+v", mails)
	}
	const chosen = "nine loud paper kettles"
	link := "/welcome/" + mails[0].Letter.Token().Reveal()
	b.get(link).want(http.StatusOK, "Set a new password")
	b.post(link).want(http.StatusOK, "Choose a new password", "owner@acme.test")
	b.post(link, "password", chosen).want(http.StatusOK, "Your new password is saved.")
	acme.owner.get("/account").want(http.StatusOK, "Sign in") // the sessions from before have ended
	p.browser().post("/login/password", "email", "owner@acme.test", "password", goodPassword).want(http.StatusUnprocessableEntity)
	p.browser().post("/login/password", "email", "owner@acme.test", "password", chosen).want(http.StatusOK, "acme")
	p.browser().get(link).want(http.StatusGone)
	if told := p.mailed(); len(told) != 1 || told[0].Kind != store.MailEvents {
		t.Errorf("they are told by %+v", told)
	}
}

// D-11: known, unknown and suspended people, and those of whom single sign-on is required, get the same answer in every byte.
func TestD11_ForgottenPasswordTellsNobodyApart(t *testing.T) {
	acme, okta := corp(t)
	acme.member("bob@corp.test", access.OrgMember)
	acme.enforce(okta, access.EnforceDomain)
	acme.mailed()
	want := ""
	for _, email := range []string{"owner@acme.test", "nobody@acme.test", "bob@corp.test", "nobody@corp.test"} {
		got := bytesOf(acme.browser().post("/login/forgotten", "email", email).want(http.StatusOK), email)
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%s is told apart:\n%s\n%s", email, got, want)
		}
	}
	kinds := map[string]store.MailKind{}
	for _, m := range acme.mailed() {
		kinds[m.Letter.To] = m.Kind
	}
	if len(kinds) != 2 || kinds["owner@acme.test"] != store.MailPassword || kinds["bob@corp.test"] != store.MailNoReset {
		t.Errorf("mailed %v", kinds)
	}
}

func TestD12_ForgottenPasswordIsLimited(t *testing.T) {
	p := newProduct(t)
	p.found("acme")
	for _, email := range []string{"owner@acme.test", "nobody@acme.test"} {
		for i, spelled := range []string{email, strings.ToUpper(email), email, email, email} {
			if shown := p.browser().post("/login/forgotten", "email", spelled); shown.Status != http.StatusOK {
				t.Errorf("%s, try %d: %d", email, i, shown.Status)
			}
		}
		if shown := p.browser().post("/login/forgotten", "email", email); shown.Status != http.StatusTooManyRequests || shown.Header.Get("Retry-After") == "" {
			t.Errorf("%s, one more: %d", email, shown.Status)
		}
		elsewhere := p.browser()
		elsewhere.address = "198.51.100.9" // a stranger's tries bar nobody at home
		elsewhere.post("/login/forgotten", "email", email).want(http.StatusOK)
	}
	// Asking takes nothing from signing in.
	p.browser().post("/login/password", "email", "owner@acme.test", "password", goodPassword).want(http.StatusOK, "acme")
}

func TestForgottenPassword_WhereNoMailIsSent(t *testing.T) {
	p := newProduct(t)
	p.found("acme")
	before := p.count("mails")
	p.options.SendsMail, p.options.Site.Metrics = false, prometheus.NewRegistry()
	var err error
	p.handler, err = New(p.options)
	p.ok(err)
	p.browser().get("/login/forgotten").want(http.StatusOK, "sends no mail", "gatehouse break-glass")
	p.browser().post("/login/forgotten", "email", "owner@acme.test").want(http.StatusOK, "sends no mail")
	if n := p.count("mails"); n != before {
		t.Errorf("%d mails more", n-before)
	}
}
