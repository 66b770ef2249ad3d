package mail

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/mailtest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// office is a store, an organization in it, a post and the SMTP server that it sends to.
type office struct {
	*testing.T
	*Post
	server *mailtest.Server
	owner  store.User
	o      store.Organization
	log    *bytes.Buffer
	clock  time.Time
}

// opened has the post talk to the server as the operator's address says.
func opened(t *testing.T, o mailtest.Options, query string) *office {
	t.Helper()
	f := &office{T: t, server: mailtest.Start(t, o), log: &bytes.Buffer{}, clock: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	raw := make([]byte, 32)
	rand.Read(raw)
	master, err := secret.NewMasterKey(raw)
	f.ok(err)
	db, err := store.Open(t.Context(), store.Options{Database: "sqlite:" + filepath.Join(t.TempDir(), "g.db"), MasterKey: master, Now: func() time.Time { return f.clock }})
	f.ok(err)
	t.Cleanup(func() { f.ok(db.Close()) })
	server, wrong := ParseServer(f.server.URL(query))
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	server.Roots = f.server.Roots
	f.Post, err = New(Options{Store: db, Server: server, URL: &url.URL{Scheme: "https", Host: "sso.acme.test"}, Brand: "Acme Search",
		Log: slog.New(slog.NewTextHandler(f.log, nil)), Registry: prometheus.NewRegistry()})
	f.ok(err)
	f.found()
	return f
}

// found makes the organization and its owner, ada@acme.test.
func (f *office) found() {
	f.Helper()
	address := f.address("ada@acme.test")
	o, token, err := f.Store.Setup(f.Context(), operator, "Acme", address)
	f.ok(err)
	f.o = o
	f.owner, _, err = f.Store.SpendWelcome(f.Context(), operator, token, store.Newcomer{Name: "Ada", Address: address, PasswordHash: "hash"})
	f.ok(err)
}

var operator = audit.Actor{Kind: audit.Operator, Name: "Grace Hopper"}

func (f *office) actor() audit.Actor {
	return audit.Actor{Kind: audit.User, ID: f.owner.ID, Name: f.owner.Name}
}

func (f *office) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *office) address(text string) trust.Address {
	f.Helper()
	address, err := trust.ParseAddress(text)
	f.ok(err)
	return address
}

// invite queues the invite of an address.
func (f *office) invite(email string) secret.Token {
	f.Helper()
	_, token, err := f.Store.In(f.o.ID).CreateInvite(f.Context(), f.actor(), store.NewInvite{Address: f.address(email), Roles: []access.Role{access.OrgMember}})
	f.ok(err)
	return token
}

func (f *office) waiting() int64 {
	f.Helper()
	n, err := f.Store.CountMail(f.Context())
	f.ok(err)
	return n
}

func TestPost_SendsOverEveryKindOfConnection(t *testing.T) {
	for name, c := range map[string]struct {
		options mailtest.Options
		query   string
	}{
		"STARTTLS":                 {mailtest.Options{}, ""},
		"STARTTLS with a password": {mailtest.Options{User: "gate", Password: "p@ss/word"}, "&tls=starttls"},
		"TLS from the start":       {mailtest.Options{Implicit: true, User: "gate", Password: "p@ss/word"}, ""},
		"this machine, without":    {mailtest.Options{NoTLS: true}, "&tls=none"},
	} {
		t.Run(name, func(t *testing.T) {
			f := opened(t, c.options, c.query)
			token := f.invite("Grace@guest.test")
			f.ok(f.Empty(t.Context()))
			l := f.server.Letter("Grace@guest.test")
			link, mailed := l.Link(), secret.TokenOf(strings.TrimPrefix(l.Link(), "https://sso.acme.test/welcome/"))
			opened, _, err := f.Store.InviteOf(t.Context(), mailed) // another link than the one that whoever invites is shown
			if err != nil || !opened.Mailed || mailed.Reveal() == token.Reveal() {
				t.Errorf("the link opens %+v: %v", opened, err)
			}
			if l.From != "sso@gatehouse.test" || l.Subject != "Join Acme on Acme Search" || !strings.Contains(l.HTML, link) {
				t.Errorf("%s from %s: %s, %s", l, l.From, l.Link(), l.HTML)
			}
			if from := l.Header.Get("From"); from != `"Acme Search" <sso@gatehouse.test>` || l.Header.Get("Auto-Submitted") != "auto-generated" {
				t.Errorf("From %s, %v", from, l.Header)
			}
			if f.waiting() != 0 || testutil.ToFloat64(f.sent) != 1 || testutil.ToFloat64(f.failed) != 0 || f.queued() != 0 {
				t.Errorf("%d wait", f.waiting())
			}
			if strings.Contains(f.log.String(), token.Reveal()) || strings.Contains(f.log.String(), mailed.Reveal()) || strings.Contains(f.log.String(), "race@") {
				t.Errorf("the log tells of it: %s", f.log)
			}
		})
	}
}

// Whoever sits between could read a link: without TLS that we trust nothing is said, and the honest twins above are.
func TestPost_SaysNothingWithoutTLSThatItTrusts(t *testing.T) {
	for name, spoil := range map[string]func(f *office){
		"no TLS is offered": nil,
		"an authority that we do not know": func(f *office) {
			f.Server.Roots = nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := opened(t, mailtest.Options{NoTLS: spoil == nil, User: "gate", Password: "password-of-the-server"}, "")
			if spoil != nil {
				spoil(f)
			}
			f.invite("grace@guest.test")
			f.ok(f.Empty(t.Context()))
			if letters := f.server.Letters(); len(letters) != 0 || f.waiting() != 1 || testutil.ToFloat64(f.failed) != 1 {
				t.Errorf("sent %v, %d wait", letters, f.waiting())
			}
			if strings.Contains(f.log.String(), "password-of-the-server") || !strings.Contains(f.log.String(), "a mail could not be sent") {
				t.Errorf("log: %s", f.log)
			}
		})
	}
}

func TestPost_TriesAgainLaterAndGivesUpWhatNobodyTakes(t *testing.T) {
	f := opened(t, mailtest.Options{}, "")
	f.invite("grace@guest.test")
	f.server.Refuse(450)
	f.ok(f.Empty(t.Context()))
	if f.waiting() != 1 || len(f.server.Letters()) != 0 {
		t.Fatalf("%d wait", f.waiting())
	}
	f.ok(f.Empty(t.Context())) // not at once
	f.clock = f.clock.Add(2 * time.Minute)
	f.ok(f.Empty(t.Context()))
	f.server.Letter("grace@guest.test")

	f.invite("nobody@guest.test")
	f.server.Refuse(550)
	f.ok(f.Empty(t.Context()))
	events, err := f.Store.In(f.o.ID).Events(t.Context(), store.EventFilter{Action: string(audit.MailGivenUp)})
	f.ok(err)
	if f.waiting() != 0 || len(events) != 1 || !strings.Contains(events[0].Sentence(), "nobody@guest.test") {
		t.Errorf("%d wait, %d events", f.waiting(), len(events))
	}
	if strings.Contains(f.log.String(), "nobody@") {
		t.Errorf("the log names the reader: %s", f.log)
	}
}

func TestPost_WhenTheServerIsAway(t *testing.T) {
	f := opened(t, mailtest.Options{}, "")
	f.Server.Port = 1 // nobody listens there
	f.invite("grace@guest.test")
	f.ok(f.Empty(t.Context()))
	if f.waiting() != 1 || testutil.ToFloat64(f.failed) != 1 || f.queued() != 1 {
		t.Errorf("%d wait", f.waiting())
	}
}

func TestPost_WithoutAServerWhatMailsTellStandsInTheConsole(t *testing.T) {
	f := opened(t, mailtest.Options{}, "")
	f.Server = nil
	f.invite("grace@guest.test")
	domain, err := f.Store.In(f.o.ID).ClaimDomain(t.Context(), f.actor(), "acme.example", "gatehouse.test")
	f.ok(err)
	_, err = f.Store.In(f.o.ID).RecordDomainCheck(t.Context(), operator, domain.ID, store.Finding{Proved: true})
	f.ok(err)
	second, err := f.Store.In(f.o.ID).ClaimDomain(t.Context(), f.actor(), "acme.test", "gatehouse.test")
	f.ok(err)
	_, err = f.Store.In(f.o.ID).RecordDomainCheck(t.Context(), f.actor(), second.ID, store.Finding{Proved: true}) // what they did themselves is no news
	f.ok(err)
	f.ok(f.Empty(t.Context()))
	notices, unread, err := f.Store.In(f.o.ID).Notices(t.Context(), f.owner.ID, false)
	f.ok(err)
	if f.waiting() != 0 || unread != 1 || notices[0].Sentence != "The operator Grace Hopper verified the domain acme.example." {
		t.Errorf("%d wait, notices %+v", f.waiting(), notices)
	}
}

func TestPost_ForgottenPasswordIsAnsweredToWhoeverHasOne(t *testing.T) {
	f := opened(t, mailtest.Options{}, "")
	for _, email := range []string{"nobody@acme.test", "ADA@acme.test"} {
		f.ok(f.Store.AskForPassword(t.Context(), f.address(email), audit.Request{Address: "203.0.113.7"}))
	}
	f.ok(f.Empty(t.Context()))
	l := f.server.Letter("ada@acme.test")
	if !strings.HasPrefix(l.Link(), "https://sso.acme.test/welcome/") || !strings.Contains(l.Text, "from the network address 203.0.113.7") || len(f.server.Letters()) != 0 {
		t.Errorf("%s, and %v", l, f.server.Letters())
	}
}

func TestPost_RunStopsWhenToldTo(t *testing.T) {
	f := opened(t, mailtest.Options{}, "")
	f.invite("grace@guest.test")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); f.Post.Run(ctx) }()
	f.server.Letter("grace@guest.test")
	stop()
	<-ended
}

// Names are people's own text. None becomes a header, a second reader or markup, and the honest ones stay as they are.
func TestLetters_NoNameBecomesAHeader(t *testing.T) {
	f := opened(t, mailtest.Options{}, "")
	evil := "Acme\r\nBcc: eve@evil.test\r\n\r\n<script>alert(1)</script>"
	f.Brand = evil
	for kind, l := range map[store.MailKind]store.Letter{
		store.MailInvite: {Organization: evil, Inviter: evil},
		store.MailEvents: {Organization: evil, Lines: []string{evil, evil}, Address: evil},
		store.MailKeys:   {Organization: evil, Lines: []string{evil}},
	} {
		l.To = "grace@guest.test"
		letter, err := f.write(store.Mail{ID: "mai_1", Kind: kind, Letter: l})
		f.ok(err)
		f.ok(f.Server.send(t.Context(), letter))
		got := f.server.Letter("grace@guest.test")
		if got.Header.Get("Bcc") != "" || len(got.Header["To"]) != 1 || strings.ContainsAny(got.Subject, "\r\n") || strings.Contains(got.HTML, "<script") {
			t.Errorf("%s: %v\n%s", kind, got.Header, got.HTML)
		}
	}
	if letters := f.server.Letters(); len(letters) != 0 {
		t.Errorf("others got letters too: %v", letters)
	}
}

func TestLetters_NoAddressThatIsNotOne(t *testing.T) {
	f := opened(t, mailtest.Options{}, "")
	for _, to := range []string{"", "grace", "a@b.test, eve@evil.test", "a@b.test\r\nBcc: eve@evil.test", `"a b"@c.test`, "<a@b.test>", "ä@b.test", "a@b.test>"} {
		if letter, err := f.write(store.Mail{Kind: store.MailInvite, Letter: store.Letter{To: to}}); err == nil {
			t.Errorf("%q was taken: %+v", to, letter)
		}
	}
	err := f.send(t.Context(), store.Mail{Kind: "poem", Letter: store.Letter{To: "grace@guest.test"}})
	if !errors.Is(err, errNever) {
		t.Errorf("a kind without words: %v", err)
	}
}

// W-11: whatever a request said, a link begins with the operator's address.
func TestW11_EveryLinkIsOurs(t *testing.T) {
	f := opened(t, mailtest.Options{}, "")
	for kind := range kinds {
		letter, err := f.write(store.Mail{ID: "mai_1", Kind: kind, Letter: store.Letter{To: "grace@guest.test", UserID: "usr_1", Organization: "Acme", Lines: []string{"Ada did it."}, Path: "/organizations/org_1"}})
		f.ok(err)
		f.ok(f.Server.send(t.Context(), letter))
		links := f.server.Letter("grace@guest.test").Links()
		if len(links) < 2 || slices.ContainsFunc(links, func(l string) bool { return !strings.HasPrefix(l, "https://sso.acme.test/") }) {
			t.Errorf("%s: %v", kind, links)
		}
	}
}

func TestParseServer(t *testing.T) {
	for text, want := range map[string]string{
		"smtp://u:p@mail.example.com?from=sso@example.com":                          "mail.example.com:587 starttls sso@example.com ",
		"smtp://mail.example.com:25?from=Acme%20%3Csso@example.com%3E&tls=starttls": "mail.example.com:25 starttls sso@example.com Acme",
		"smtps://u:p%40%2F@mail.example.com?from=sso@example.com":                   "mail.example.com:465 implicit sso@example.com ",
		"smtp://127.0.0.1:25?from=sso@example.com&tls=none":                         "127.0.0.1:25 none sso@example.com ",
		"smtp://[::1]:25?from=sso@example.com&tls=none":                             "[::1]:25 none sso@example.com ",
		"smtp://localhost:25/?from=sso@example.com&tls=none":                        "localhost:25 none sso@example.com ",
	} {
		s, wrong := ParseServer(text)
		if len(wrong) > 0 {
			t.Errorf("%s: %v", text, wrong)
			continue
		}
		if got := fmt.Sprintf("%s %s %s %s", s, s.secured, s.From, s.name); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	for text, mistakes := range map[string]int{
		"": 1, "mail.example.com:587": 1, "http://mail.example.com?from=a@b.test": 1, "smtp://?from=a@b.test": 1, "smtp://u:p/w@mail.example.com?from=a@b.test": 1,
		"smtp://mail.example.com":                                 1,
		"smtp://mail.example.com?from=nobody":                     1,
		"smtp://mail.example.com?from=a@b.test,c@d.test":          1,
		"smtp://mail.example.com?from=a@b.test&from=c@d.test":     1,
		"smtp://mail.example.com?from=a@b.test&tls=none":          1,
		"smtp://10.0.0.1?from=a@b.test&tls=none":                  1,
		"smtp://mail.example.com?from=a@b.test&tls=opportunistic": 1,
		"smtps://mail.example.com?from=a@b.test&tls=none":         1,
		"smtp://mail.example.com?from=a@b.test&insecure=1":        1,
		"smtp://mail.example.com:99999?from=a@b.test":             1,
		"smtp://user@mail.example.com/path?tls=none":              4,
	} {
		s, wrong := ParseServer(text)
		if s != nil || len(wrong) != mistakes {
			t.Errorf("%s: %d mistakes, want %d: %q", text, len(wrong), mistakes, wrong)
		}
	}
}

func TestServer_PrintsWithoutItsPassword(t *testing.T) {
	s, wrong := ParseServer("smtp://the-user:the-password@mail.example.com?from=sso@example.com")
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	_, wrong = ParseServer("smtp://the-user:the-password@mail.example.com:99999?tls=x")
	for _, printed := range append(wrong, fmt.Sprintf("%s %v %+v %#v", s, s, s, s)) {
		if strings.Contains(printed, "the-password") || strings.Contains(printed, "the-user") {
			t.Errorf("%s", printed)
		}
	}
}
