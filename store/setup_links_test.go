package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// linked is an organization with a draft, a domain, and a setup link for both.
type linked struct {
	*testing.T
	s     *Store
	o     Organization
	owner User
	scope *Scope
	Connection
	domain Domain
	link   SetupLink
	token  secret.Token
}

func aSetupLink(t *testing.T, s *Store) *linked {
	t.Helper()
	l := &linked{T: t, s: s}
	l.o, l.owner = anOrganization(t, s, "acme")
	l.scope = s.In(l.o.ID)
	l.Connection = aDraft(t, s, l.o.ID)
	l.domain = must(l.scope.ClaimDomain(t.Context(), actorOf(l.owner), "acme.test", "gatehouse.test"))
	var err error
	l.link, l.token, err = l.scope.CreateSetupLink(t.Context(), actorOf(l.owner), NewSetupLink{ConnectionID: l.Connection.ID, Name: "IT of Acme", Domains: []string{l.domain.ID}})
	ok(t, err)
	return l
}

// open begins a visit by the link.
func (l *linked) open() secret.Token {
	l.Helper()
	held, err := l.s.OpenSetupLink(l.Context(), audit.Request{Address: "198.51.100.9"}, l.token)
	ok(l.T, err)
	return held
}

// dead fails unless neither the link nor the visit opens anything.
func (l *linked) dead(why string, token, held secret.Token) {
	l.Helper()
	if _, _, err := l.s.SetupLinkOf(l.Context(), token); !errors.Is(err, ErrNotFound) {
		l.Errorf("%s: the link opens: %v", why, err)
	}
	if _, err := l.s.OpenSetupLink(l.Context(), audit.Request{}, token); !errors.Is(err, ErrNotFound) {
		l.Errorf("%s: the link begins a visit: %v", why, err)
	}
	if _, err := l.s.SetupVisit(l.Context(), held); !errors.Is(err, ErrNotFound) {
		l.Errorf("%s: the visit goes on: %v", why, err)
	}
}

func TestSetupLinkOpensOneConnectionAndItsDomains(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		l := aSetupLink(t, s)
		other := must(l.scope.ClaimDomain(t.Context(), actorOf(l.owner), "other.test", "gatehouse.test"))
		if n := count(t, s, "setup_links WHERE token_hash = ?", []byte(l.token.Reveal())); n != 0 {
			t.Error("the token is kept as it is")
		}
		first, second := l.open(), l.open()
		for _, held := range []secret.Token{first, second} {
			visit := must(s.SetupVisit(t.Context(), held))
			if visit.Link.ConnectionID != l.Connection.ID || visit.Organization.ID != l.o.ID {
				t.Errorf("the visit is about %+v", visit)
			}
			if _, reaches := visit.Reaches(l.domain.ID); !reaches {
				t.Error("its own domain is out of reach")
			}
			if _, reaches := visit.Reaches(other.ID); reaches {
				t.Error("another domain is within reach")
			}
		}
		used := lastEvents(t, s, l.o.ID, audit.SetupLinkUsed)
		if len(used) != 2 || used[0].Actor.Kind != audit.SetupLink || used[0].Actor.ID != l.link.ID || used[0].Actor.Request.SessionID == used[1].Actor.Request.SessionID ||
			used[0].Sentence() != "Somebody with the setup link “IT of Acme” opened it to set up the connection “Okta”." {
			t.Errorf("recorded %+v", used)
		}
		if link := must(l.scope.SetupLink(t.Context(), l.Connection.ID, l.link.ID)); link.UsedAt == nil || link.State(s.Now()) != SetupLinkOpen || len(link.Domains) != 1 {
			t.Errorf("the link is %+v", link)
		}
		ok(t, s.EndSetupVisit(t.Context(), first))
		isError(t, errorOf(s.SetupVisit(t.Context(), first)), ErrNotFound)
		must(s.SetupVisit(t.Context(), second))
	})
}

func TestSetupLinkDiesAtOnceWithWhatItIsFor(t *testing.T) {
	ways := map[string]func(*linked) error{
		"revoked": func(l *linked) error {
			return l.scope.RevokeSetupLink(l.Context(), actorOf(l.owner), l.Connection.ID, l.link.ID)
		},
		"issued again": func(l *linked) error {
			_, _, err := l.scope.ReissueSetupLink(l.Context(), actorOf(l.owner), l.Connection.ID, l.link.ID, l.link.Version, trust.Address{})
			return err
		},
		"too old": func(l *linked) error { later(l.s, SetupLinkLife); return nil },
		"the organization suspended": func(l *linked) error {
			return l.s.SuspendOrganization(l.Context(), operator, l.o.ID)
		},
		"the plan without single sign-on": func(l *linked) error {
			return l.s.SetPlan(l.Context(), operator, l.o.ID, access.Starter)
		},
		"the connection deleted": func(l *linked) error {
			return l.scope.DeleteConnection(l.Context(), actorOf(l.owner), l.Connection.ID, l.Connection.Version)
		},
	}
	for name, end := range ways {
		eachDatabase(t, func(t *testing.T, s *Store) {
			l := aSetupLink(t, s)
			held := l.open()
			must(s.SetupVisit(t.Context(), held))
			ok(t, end(l))
			l.dead(name, l.token, held)
		})
	}
}

func TestSetupLinkIssuedAgainKeepsWhatItIsAbout(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		l := aSetupLink(t, s)
		later(s, SetupLinkLife+time.Hour)
		again, token, err := l.scope.ReissueSetupLink(t.Context(), actorOf(l.owner), l.Connection.ID, l.link.ID, l.link.Version, address("it@acme.test"))
		ok(t, err)
		opened, _, err := s.SetupLinkOf(t.Context(), token)
		ok(t, err)
		if opened.ID != l.link.ID || len(opened.Domains) != 1 || len(again.Domains) != 1 || s.Now().Add(SetupLinkLife).Sub(again.ExpiresAt) > time.Minute {
			t.Errorf("issued again it is %+v", opened)
		}
		m := onlyLetterTo(t, taken(t, s), "it@acme.test")
		if m.Kind != MailSetupLink || m.Letter.Token().Reveal() != token.Reveal() || m.Letter.Organization != "acme" || m.Letter.Inviter != l.owner.Name {
			t.Errorf("the mail: %+v", m)
		}
		_, _, err = l.scope.ReissueSetupLink(t.Context(), actorOf(l.owner), l.Connection.ID, l.link.ID, l.link.Version, trust.Address{})
		isError(t, err, ErrConflict)
		ok(t, l.scope.RevokeSetupLink(t.Context(), actorOf(l.owner), l.Connection.ID, l.link.ID))
		ok(t, l.scope.RevokeSetupLink(t.Context(), actorOf(l.owner), l.Connection.ID, l.link.ID))
		_, _, err = l.scope.ReissueSetupLink(t.Context(), actorOf(l.owner), l.Connection.ID, l.link.ID, again.Version+1, trust.Address{})
		isError(t, err, ErrConflict)
	})
}

func TestSetupVisitEndsUnusedAndAtLast(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		l := aSetupLink(t, s)
		held := l.open()
		for range int(setupVisitLife / (20 * time.Minute)) {
			must(s.SetupVisit(t.Context(), held))
			later(s, 20*time.Minute)
		}
		isError(t, errorOf(s.SetupVisit(t.Context(), held)), ErrNotFound)
		held = l.open()
		later(s, setupVisitIdle)
		isError(t, errorOf(s.SetupVisit(t.Context(), held)), ErrNotFound)
		later(s, setupVisitLife)
		ok(t, s.Sweep(t.Context()))
		if n := count(t, s, "setup_visits"); n != 0 {
			t.Errorf("%d visits are left that are over", n)
		}
	})
}

func TestSetupLinksOfOthersAreNotThere(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		l := aSetupLink(t, s)
		o, stranger := anOrganization(t, s, "globex")
		theirs, foreign := aDraft(t, s, o.ID), s.In(o.ID)
		ctx, by := t.Context(), actorOf(stranger)
		isError(t, errorOf(foreign.SetupLink(ctx, l.Connection.ID, l.link.ID)), ErrNotFound)
		isError(t, errorOf(foreign.SetupLink(ctx, theirs.ID, l.link.ID)), ErrNotFound)
		if links := must(foreign.SetupLinks(ctx, l.Connection.ID)); len(links) != 0 {
			t.Errorf("others see %+v", links)
		}
		isError(t, foreign.RevokeSetupLink(ctx, by, theirs.ID, l.link.ID), ErrNotFound)
		isError(t, foreign.RevokeSetupLink(ctx, by, l.Connection.ID, l.link.ID), ErrNotFound)
		_, _, err := foreign.ReissueSetupLink(ctx, by, theirs.ID, l.link.ID, 1, trust.Address{})
		isError(t, err, ErrNotFound)
		_, _, err = foreign.CreateSetupLink(ctx, by, NewSetupLink{ConnectionID: l.Connection.ID, Name: "x"})
		isError(t, err, ErrNotFound)
		var wrong *Invalid
		_, _, err = foreign.CreateSetupLink(ctx, by, NewSetupLink{ConnectionID: theirs.ID, Name: "x", Domains: []string{l.domain.ID}})
		if !errors.As(err, &wrong) || wrong.Fields[0].Field != "domains" {
			t.Errorf("another's domain: %v", err)
		}
		isError(t, foreign.SetContacts(ctx, by, l.Connection.ID, nil), ErrNotFound)
		must(s.SetupVisit(ctx, l.open()))
	})
}

func TestSetupIsDoneOnceAndOwnersHear(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		l := aSetupLink(t, s)
		visit := must(s.SetupVisit(t.Context(), l.open()))
		taken(t, s)
		ok(t, l.scope.FinishSetup(t.Context(), visit, audit.Request{}))
		ok(t, l.scope.FinishSetup(t.Context(), visit, audit.Request{}))
		m := onlyLetterTo(t, taken(t, s), l.owner.Email)
		want := "Somebody with the setup link “IT of Acme” said that the connection “Okta” is set up; an owner can activate it."
		if m.Letter.Path != "/organizations/"+l.o.ID+"/connections/"+l.Connection.ID || !slices.Equal(m.Letter.Lines, []string{want}) {
			t.Errorf("the owner hears %q at %s", m.Letter.Lines, m.Letter.Path)
		}
		if link := must(l.scope.SetupLink(t.Context(), l.Connection.ID, l.link.ID)); link.State(s.Now()) != SetupLinkDone {
			t.Errorf("it is %s", link.State(s.Now()))
		}
		ok(t, l.scope.RevokeSetupLink(t.Context(), actorOf(l.owner), l.Connection.ID, l.link.ID))
		isError(t, l.scope.FinishSetup(t.Context(), visit, audit.Request{}), ErrNotFound)
	})
}

// A test by a setup link shows that the connection works, and links nobody: not even an owner whose address arrives.
func TestSetupLinkTestsAndLinksNobody(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		l := aSetupLink(t, s)
		visit, other := must(s.SetupVisit(t.Context(), l.open())), must(s.SetupVisit(t.Context(), l.open()))
		begin := func(by SetupVisit) (Login, trust.Identity) {
			t.Helper()
			return arrivedTest(t, s, l.Connection, by.Link.ID, by.ID, "u-1", l.owner.Email)
		}
		login, identity := begin(visit)
		ok(t, s.EndLinkTest(t.Context(), audit.Request{}, identity, login, visit))
		tested := must(l.scope.LinkTest(t.Context(), visit, login.ID))
		if tested.Outcome != OutcomeTestedByLink || tested.State != LoginFinished || tested.UserID != "" {
			t.Errorf("it came to %+v", tested)
		}
		if n := count(t, s, "identities"); n != 0 {
			t.Errorf("%d are linked", n)
		}
		if c := must(l.scope.Connection(t.Context(), l.Connection.ID)); c.TestedAt == nil {
			t.Error("it counts as untested")
		}
		if e := lastEvents(t, s, l.o.ID, audit.LoginTestSucceeded)[0]; e.Actor.Kind != audit.SetupLink || e.Actor.ID != l.link.ID {
			t.Errorf("recorded %+v", e.Actor)
		}
		isError(t, l.scope.LinkSubject(t.Context(), actorOf(l.owner), login.ID), ErrNotFound)
		for name, ends := range map[string]SetupVisit{"another browser": other, "none": {}} {
			login, identity := begin(visit)
			var refused *trust.Refusal
			if err := s.EndLinkTest(t.Context(), audit.Request{}, identity, login, ends); !errors.As(err, &refused) || refused.Reason != trust.ReasonTestOwner {
				t.Errorf("ended in %s: %v", name, err)
			}
		}
		login, identity = begin(visit)
		ok(t, l.scope.RevokeSetupLink(t.Context(), actorOf(l.owner), l.Connection.ID, l.link.ID))
		var refused *trust.Refusal
		if err := s.EndLinkTest(t.Context(), audit.Request{}, identity, login, visit); !errors.As(err, &refused) || refused.Reason != trust.ReasonTestOwner {
			t.Errorf("ended after the link: %v", err)
		}
	})
}

func TestSetupLinkReadsItsOwnTestsAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		l := aSetupLink(t, s)
		visit := must(s.SetupVisit(t.Context(), l.open()))
		second, token, err := l.scope.CreateSetupLink(t.Context(), actorOf(l.owner), NewSetupLink{ConnectionID: l.Connection.ID, Name: "Second"})
		ok(t, err)
		held, err := s.OpenSetupLink(t.Context(), audit.Request{}, token)
		ok(t, err)
		theirs, _ := arrivedTest(t, s, l.Connection, second.ID, must(s.SetupVisit(t.Context(), held)).ID, "u-1", "x@acme.test")
		owners, _ := arrivedTest(t, s, l.Connection, l.owner.ID, "ses_1", "u-2", l.owner.Email)
		own, _ := arrivedTest(t, s, l.Connection, l.link.ID, visit.ID, "u-3", "y@acme.test")
		for name, login := range map[string]Login{"another link's": theirs, "an owner's": owners} {
			if _, err := l.scope.LinkTest(t.Context(), visit, login.ID); !errors.Is(err, ErrNotFound) {
				t.Errorf("it reads %s test: %v", name, err)
			}
		}
		must(l.scope.LinkTest(t.Context(), visit, own.ID))
	})
}

// arrivedTest is a test login of whoever runs it there, believed and not yet ended.
func arrivedTest(t *testing.T, s *Store, c Connection, by, in, subject, email string) (Login, trust.Identity) {
	t.Helper()
	return arrivedIn(t, s, c, secret.NewToken(), subject, email, func(n *NewLogin) { n.Kind, n.OwnerID, n.OwnerSession = TestLogin, by, in })
}

func TestContactsAreToldBesideTheOwners(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		l := aSetupLink(t, s)
		scope, by := l.scope, l.link.Actor(audit.Request{})
		ok(t, scope.SetContacts(t.Context(), by, l.Connection.ID, []trust.Address{address("IT@acme.test"), address("it@acme.test"), address(strings.ToUpper(l.owner.Email[:1]) + l.owner.Email[1:]), address("desk@msp.test")}))
		ok(t, scope.SetContacts(t.Context(), by, l.Connection.ID, []trust.Address{address("IT@acme.test"), address(strings.ToUpper(l.owner.Email[:1]) + l.owner.Email[1:]), address("desk@msp.test")}))
		if n := len(lastEvents(t, s, l.o.ID, audit.ConnectionContactsChanged)); n != 1 {
			t.Errorf("%d events of one change", n)
		}
		readers := must(certificateReaders(s.read(t.Context()), l.o.ID, l.Connection.ID))
		want := []reader{{l.owner.ID, l.owner.Email}, {"", "desk@msp.test"}, {"", "IT@acme.test"}}
		if !slices.Equal(readers, want) || must(scope.CountCertificateReaders(t.Context(), l.Connection.ID)) != 3 {
			t.Errorf("told are %+v, want %+v", readers, want)
		}
		var many []trust.Address
		for i := range MostContacts + 1 {
			many = append(many, address(fmt.Sprintf("n%d@acme.test", i)))
		}
		var wrong *Invalid
		if err := scope.SetContacts(t.Context(), by, l.Connection.ID, many); !errors.As(err, &wrong) {
			t.Errorf("%d contacts: %v", len(many), err)
		}
		ok(t, scope.SetContacts(t.Context(), by, l.Connection.ID, many[1:]))
		ok(t, scope.SetContacts(t.Context(), by, l.Connection.ID, nil))
		if left := must(scope.Contacts(t.Context(), l.Connection.ID)); len(left) != 0 {
			t.Errorf("left are %v", left)
		}
	})
}
