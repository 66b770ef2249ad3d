package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// ada is the first owner as she fills in the form.
func ada() Newcomer {
	return Newcomer{Name: "Ada", Address: address("Ada@acme.test"), PasswordHash: "hash", OrganizationName: "Acme"}
}

func TestW32_WelcomeIsSpentOnce(t *testing.T) {
	eachAddress(t, func(t *testing.T, database string) {
		options := Options{Database: database, MasterKey: masterKey(t)}
		nodes := []*Store{opened(t, options), opened(t, options)}
		_, token, err := nodes[0].MakeWelcome(t.Context(), operator, Welcome{Kind: WelcomeFirstOwner})
		ok(t, err)
		spent := 0
		for _, err := range atOnce(100, func(i int) error {
			n := ada()
			n.Address = address(fmt.Sprintf("ada%d@acme.test", i))
			_, _, err := nodes[i%2].SpendWelcome(t.Context(), audit.Actor{Kind: audit.SetupLink}, token, n)
			return err
		}) {
			if err == nil {
				spent++
			} else if !errors.Is(err, ErrNotFound) {
				t.Error(err)
			}
		}
		if users, organizations := count(t, nodes[0], "users"), count(t, nodes[0], "organizations"); spent != 1 || users != 1 || organizations != 1 {
			t.Errorf("spent %d times, %d users, %d organizations; want 1 each", spent, users, organizations)
		}
	})
}

func TestFirstOwner(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		_, voided, err := s.MakeWelcome(t.Context(), operator, Welcome{Kind: WelcomeFirstOwner})
		ok(t, err)
		_, token, err := s.MakeWelcome(t.Context(), operator, Welcome{Kind: WelcomeFirstOwner})
		ok(t, err)
		if _, err := s.Welcome(t.Context(), voided); !errors.Is(err, ErrNotFound) {
			t.Errorf("an earlier link still opens: %v", err)
		}
		if exists := must(s.OwnerExists(t.Context())); exists {
			t.Error("there is an owner before the first")
		}
		var problems *Invalid
		if _, _, err := s.SpendWelcome(t.Context(), operator, token, Newcomer{}); !errors.As(err, &problems) || len(problems.Fields) != 3 {
			t.Errorf("an empty form: %v", err)
		}
		user, o, err := s.SpendWelcome(t.Context(), audit.Actor{Kind: audit.SetupLink}, token, ada())
		ok(t, err)
		if user.Email != "Ada@acme.test" || user.CanonicalEmail != "ada@acme.test" || !user.HasPassword || user.EmailVerifiedAt != nil || o.Name != "Acme" {
			t.Errorf("made %+v and %+v", user, o)
		}
		member := must(s.In(o.ID).MemberOf(t.Context(), user.ID))
		if !member.IsOwner() || !must(s.OwnerExists(t.Context())) {
			t.Errorf("no owner: %+v", member)
		}
		for _, e := range must(s.In(o.ID).Events(t.Context(), EventFilter{})) {
			if e.Actor.ID != user.ID || e.Actor.Kind != audit.User {
				t.Errorf("%s was done by %+v", e.Action, e.Actor)
			}
		}
		_, token, err = s.MakeWelcome(t.Context(), operator, Welcome{Kind: WelcomeFirstOwner})
		ok(t, err)
		if _, _, err := s.SpendWelcome(t.Context(), operator, token, Newcomer{Name: "Eve", Address: address("eve@acme.test"), OrganizationName: "Evil"}); !errors.Is(err, ErrNotFound) {
			t.Errorf("a second first owner: %v", err)
		}
	})
}

func TestWelcomesRunOut(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		_, token, err := s.MakeWelcome(t.Context(), operator, Welcome{Kind: WelcomeFirstOwner})
		ok(t, err)
		later(s, WelcomeLife-time.Second)
		if _, err := s.Welcome(t.Context(), token); err != nil {
			t.Errorf("gone before its time: %v", err)
		}
		later(s, time.Second)
		if _, _, err := s.SpendWelcome(t.Context(), operator, token, ada()); !errors.Is(err, ErrNotFound) {
			t.Errorf("spent after its time: %v", err)
		}
		if _, err := s.Welcome(t.Context(), secret.TokenOf("guess")); !errors.Is(err, ErrNotFound) {
			t.Errorf("a guess opens: %v", err)
		}
	})
}

func TestSetup(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		var problems *Invalid
		if _, _, err := s.Setup(t.Context(), operator, " ", address("ada@acme.test")); !errors.As(err, &problems) {
			t.Errorf("an organization without a name: %v", err)
		}
		o, token, err := s.Setup(t.Context(), operator, "Acme", address("ada@acme.test"))
		ok(t, err)
		n := ada()
		n.Address = address("eve@evil.test") // the link is bound to the address
		user, owned, err := s.SpendWelcome(t.Context(), operator, token, n)
		ok(t, err)
		if owned.ID != o.ID || user.Email != "ada@acme.test" || !must(s.In(o.ID).MemberOf(t.Context(), user.ID)).IsOwner() {
			t.Errorf("%+v owns %+v", user, owned)
		}

		globex, token, err := s.Setup(t.Context(), operator, "Globex", address("ADA@acme.test"))
		ok(t, err)
		again, _, err := s.SpendWelcome(t.Context(), operator, token, Newcomer{Name: "Mallory"})
		ok(t, err)
		_, hash, err := s.PasswordHash(t.Context(), address("ada@acme.test"))
		if err != nil || again.ID != user.ID || again.Name != "Ada" || hash != "hash" {
			t.Errorf("a second organization's link changed the user: %+v, %v", again, err)
		}
		if mine := must(s.OrganizationsOf(t.Context(), user.ID)); len(mine) != 2 || mine[1].Organization.ID != globex.ID || mine[1].Member.Roles[0] != access.OrgOwner {
			t.Errorf("organizations: %+v", mine)
		}
	})
}

func TestPasswordWelcome(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		_, user := anOrganization(t, s, "acme")
		aSession(t, s, user, byPassword(t, s, user))
		if _, _, err := s.MakeWelcome(t.Context(), operator, Welcome{Kind: WelcomePassword, UserID: "usr_none"}); !errors.Is(err, ErrNotFound) {
			t.Errorf("a link for nobody: %v", err)
		}
		welcome, token, err := s.MakeWelcome(t.Context(), operator, Welcome{Kind: WelcomePassword, UserID: user.ID})
		ok(t, err)
		if welcome.Email != user.Email {
			t.Errorf("the link is for %q", welcome.Email)
		}
		again, o, err := s.SpendWelcome(t.Context(), operator, token, Newcomer{PasswordHash: "new"})
		ok(t, err)
		_, hash, err := s.PasswordHash(t.Context(), address(user.Email))
		if err != nil || hash != "new" || again.ID != user.ID || o.ID != "" {
			t.Errorf("password %q of %+v, %v", hash, again, err)
		}
		if left := must(s.SessionsOf(t.Context(), user.ID)); len(left) != 0 {
			t.Errorf("sessions live on: %+v", left)
		}
	})
}

// An owner who signs in by single sign-on alone is an owner, and one who has gone was one: neither opens the installation to whoever comes first.
func TestOnceOwnedIsNeverUpForTaking(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		taken := func(why string) {
			t.Helper()
			if !must(s.OwnerExists(t.Context())) {
				t.Errorf("%s: nobody owns it", why)
			}
			_, token, err := s.MakeWelcome(t.Context(), operator, Welcome{Kind: WelcomeFirstOwner})
			ok(t, err)
			if _, _, err := s.SpendWelcome(t.Context(), operator, token, Newcomer{Name: "Eve", Address: address("eve@evil.test"), OrganizationName: "Evil"}); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: a first owner, again: %v", why, err)
			}
		}
		_, token, err := s.MakeWelcome(t.Context(), operator, Welcome{Kind: WelcomeFirstOwner})
		ok(t, err)
		_, _, err = s.SpendWelcome(t.Context(), operator, token, ada()) // the honest twin
		ok(t, err)
		behind(t, s, "UPDATE users SET password_hash = ''")
		taken("without a password")
		behind(t, s, "UPDATE users SET password_hash = 'x', suspended_at = created_at")
		taken("suspended")
		behind(t, s, "DELETE FROM installation WHERE name = 'owned'")
		taken("remembered by the binding alone")
		ok(t, s.write(t.Context(), "", operator, func(w *write) error {
			w.record(audit.Event{Action: audit.WelcomeLinkSpent})
			return w.rememberOwner()
		}))
		behind(t, s, "DELETE FROM role_bindings")
		taken("gone")
	})
}

// Whoever holds a setup link must not become, by it, somebody who is known already.
func TestSetupLinkGivesNobodyKnownAPassword(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		_, c, _ := corp(t, s)
		evil, token, err := s.Setup(t.Context(), operator, "Evil", address("victim@corp.test"))
		ok(t, err)
		victim := comes(t, s, c, "victim", "victim@corp.test").User // after the link was made
		if _, _, err := s.SpendWelcome(t.Context(), operator, token, Newcomer{Name: "Mallory", PasswordHash: "mallory's"}); !errors.Is(err, ErrConflict) {
			t.Errorf("a password for somebody who is known: %v", err)
		}
		joined, _, err := s.SpendWelcome(t.Context(), operator, token, Newcomer{Name: "Mallory"}) // the honest twin
		ok(t, err)
		if joined.ID != victim.ID || joined.Name != victim.Name || joined.HasPassword || !must(s.In(evil.ID).MemberOf(t.Context(), victim.ID)).IsOwner() {
			t.Errorf("the link made %+v of %+v", joined, victim)
		}
	})
}

// A setup link from before the address was vouched for dies with what else was left behind, however the address was spelled.
func TestD07_SetupLinksFromBeforeAnAddressWasVouchedForDie(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		_, c, _ := corp(t, s)
		aUser(t, s, "ada@corp.test")
		_, old, err := s.Setup(t.Context(), operator, "Evil", address("ADA@corp.test"))
		ok(t, err)
		_, other, err := s.Setup(t.Context(), operator, "Globex", address("bob@corp.test"))
		ok(t, err)
		comes(t, s, c, "ada-7", "ada@corp.test")
		isError(t, errorOf(s.Welcome(t.Context(), old)), ErrNotFound)
		_, err = s.Welcome(t.Context(), other) // the honest twin
		ok(t, err)
	})
}

func TestALaterLinkVoidsTheEarlierOne(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ada := address("ada@acme.test")
		first, one, err := s.Setup(t.Context(), operator, "Acme", ada)
		ok(t, err)
		again, two, err := s.Setup(t.Context(), operator, "Acme", ada)
		ok(t, err)
		if again.ID != first.ID {
			t.Errorf("asked again while nobody had followed the link: a second organization %s beside %s", again.ID, first.ID)
		}
		if _, err := s.Welcome(t.Context(), one); !errors.Is(err, ErrNotFound) {
			t.Errorf("the earlier link: %v, want ErrNotFound", err)
		}
		user, _, err := s.SpendWelcome(t.Context(), operator, two, Newcomer{Name: "Ada", Address: ada, PasswordHash: "one"})
		ok(t, err)
		if next, _, err := s.Setup(t.Context(), operator, "Acme", ada); err != nil || next.ID == first.ID {
			t.Errorf("an organization that has its owner was handed out again: %v", err)
		}

		// A password that is set ends every other way to set it.
		older := must(tokenOf(s.MakeWelcome(t.Context(), operator, Welcome{Kind: WelcomePassword, OrganizationID: first.ID, UserID: user.ID})))
		newer := must(tokenOf(s.MakeWelcome(t.Context(), operator, Welcome{Kind: WelcomePassword, OrganizationID: first.ID, UserID: user.ID})))
		if _, err := s.Welcome(t.Context(), older); !errors.Is(err, ErrNotFound) {
			t.Errorf("the earlier password link: %v, want ErrNotFound", err)
		}
		ok(t, s.SetPassword(t.Context(), operator, user.ID, "one", "two"))
		if _, err := s.Welcome(t.Context(), newer); !errors.Is(err, ErrNotFound) {
			t.Errorf("a password link after the password was set: %v, want ErrNotFound", err)
		}
	})
}

func tokenOf(_ Welcome, token secret.Token, err error) (secret.Token, error) { return token, err }
