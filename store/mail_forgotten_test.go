package store

import (
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// forgets lets somebody forget the password of the address, and gives what they are mailed.
func forgets(t *testing.T, s *Store, email string) (sent []Mail) {
	t.Helper()
	ok(t, s.AskForPassword(t.Context(), address(email), audit.Request{Address: "203.0.113.7"}))
	for {
		m, err := s.TakeMail(t.Context())
		if errors.Is(err, ErrNotFound) {
			return sent
		}
		ok(t, err)
		if m.Kind == MailForgotten {
			ok(t, s.AnswerForgotten(t.Context(), m))
			continue
		}
		ok(t, s.MailSent(t.Context(), m))
		sent = append(sent, m)
	}
}

// link is the token of a mail about a new password.
func link(t *testing.T, sent []Mail, to string) secret.Token {
	t.Helper()
	m := onlyLetterTo(t, sent, to)
	if m.Kind != MailPassword || m.Letter.Address != "203.0.113.7" {
		t.Fatalf("it is %+v", m)
	}
	return m.Letter.Token()
}

func TestForgotten_TheLinkSetsAPasswordOnceAndEndsSessions(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		user := aUser(t, s, "Grace@guest.test")
		_, session, err := s.StartSession(t.Context(), actorOf(user), NewSession{UserID: user.ID, Proof: ProvenByPassword("hash of Grace@guest.test")})
		ok(t, err)
		first := link(t, forgets(t, s, "grace@GUEST.test"), "Grace@guest.test")
		second := link(t, forgets(t, s, "grace@guest.test"), "Grace@guest.test") // a stranger asks: the first stays good
		_, _, err = s.SpendWelcome(t.Context(), audit.Gatehouse(audit.Request{}), first, Newcomer{PasswordHash: "chosen"})
		ok(t, err)
		if _, hash, err := s.PasswordHash(t.Context(), address("grace@guest.test")); err != nil || hash != "chosen" {
			t.Errorf("the password is %q (%v)", hash, err)
		}
		if _, _, err := s.Session(t.Context(), session); !errors.Is(err, ErrNotFound) {
			t.Errorf("the session from before: %v", err)
		}
		for _, spent := range []secret.Token{first, second} {
			if _, _, err := s.SpendWelcome(t.Context(), audit.Gatehouse(audit.Request{}), spent, Newcomer{PasswordHash: "other"}); !errors.Is(err, ErrNotFound) {
				t.Errorf("a link from before was spent: %v", err)
			}
		}
		if m := onlyLetterTo(t, taken(t, s), "Grace@guest.test"); m.Kind != MailEvents {
			t.Errorf("they are told by %+v", m)
		}
		last := link(t, forgets(t, s, "grace@guest.test"), "Grace@guest.test")
		later(s, WelcomeLife)
		if _, err := s.Welcome(t.Context(), last); !errors.Is(err, ErrNotFound) {
			t.Errorf("after an hour: %v", err)
		}
	})
}

// D-07: whoever made the user before the address was shown to be theirs is out: password, session, passkey and link. A passkey that was added
// since stays.
func TestD07_TheFirstMailedLinkRemovesWhatWasThereBefore(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		user := aUser(t, s, "grace@guest.test")
		aPasskey(t, s, user, "Eve's")
		_, session, err := s.StartSession(t.Context(), actorOf(user), NewSession{UserID: user.ID, Proof: ProvenByPassword("hash of grace@guest.test")})
		ok(t, err)
		set := func(hash string) {
			t.Helper()
			taken(t, s)
			_, _, err := s.SpendWelcome(t.Context(), audit.Gatehouse(audit.Request{}), link(t, forgets(t, s, "grace@guest.test"), "grace@guest.test"), Newcomer{PasswordHash: hash})
			ok(t, err)
		}
		set("chosen")
		now := must(s.User(t.Context(), user.ID))
		if n := count(t, s, "passkeys"); n != 0 || now.EmailVerifiedAt == nil || hashOf(t, s, now) != "chosen" {
			t.Errorf("%d passkeys are left, %+v", n, now)
		}
		_, _, err = s.Session(t.Context(), session)
		isError(t, err, ErrNotFound)
		aPasskey(t, s, user, "Grace's")
		set("another")
		if n := count(t, s, "passkeys"); n != 1 {
			t.Errorf("%d passkeys of whoever has shown that the address is theirs", n)
		}
	})
}

func TestD11_AskingLeavesTheSameForEverybody(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		aUser(t, s, "grace@guest.test")
		events := count(t, s, "events")
		for _, email := range []string{"grace@guest.test", "nobody@guest.test"} {
			ok(t, s.AskForPassword(t.Context(), address(email), audit.Request{Address: "203.0.113.7"}))
		}
		if n := count(t, s, "mails WHERE kind = ? AND organization_id = ''", MailForgotten); n != 2 || count(t, s, "events") != events || count(t, s, "welcomes") != 0 {
			t.Errorf("%d notes, %d events more, %d links", n, count(t, s, "events")-events, count(t, s, "welcomes"))
		}
		if sent := forgets(t, s, "nobody@guest.test"); len(sent) != 1 || sent[0].Letter.To != "grace@guest.test" {
			t.Errorf("mailed %+v", sent)
		}
	})
}

func TestD12_AStrangerCannotFloodAPerson(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		aUser(t, s, "grace@guest.test")
		for range resetsAnHour {
			link(t, forgets(t, s, "grace@guest.test"), "grace@guest.test")
		}
		if sent := forgets(t, s, "grace@guest.test"); len(sent) != 0 {
			t.Errorf("one more: %+v", sent)
		}
		later(s, time.Hour+time.Second)
		link(t, forgets(t, s, "grace@guest.test"), "grace@guest.test")
	})
}

// The letter that says why there is no link counts as one with a link does.
func TestD12_AStrangerCannotFloodWhoeverSignsInElsewhere(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		aMember(t, s, o.ID, "grace@corp.test", access.OrgMember)
		link(t, forgets(t, s, "grace@corp.test"), "grace@corp.test")
		behind(t, s, "INSERT INTO domains (id, organization_id, name, token, verified_at, created_at, updated_at) VALUES ('dom_1', ?, 'corp.test', 't', ?, ?, ?)", o.ID, s.Now(), s.Now(), s.Now())
		behind(t, s, "UPDATE sign_in_policies SET enforcement = ? WHERE organization_id = ?", access.EnforceDomain, o.ID)
		for range resetsAnHour - 1 {
			if m := onlyLetterTo(t, forgets(t, s, "grace@corp.test"), "grace@corp.test"); m.Kind != MailNoReset {
				t.Errorf("mailed %+v", m)
			}
		}
		if sent := forgets(t, s, "grace@corp.test"); len(sent) != 0 || count(t, s, "mails") != 0 {
			t.Errorf("one more: %+v, %d wait", sent, count(t, s, "mails"))
		}
		later(s, time.Hour+time.Second)
		if m := onlyLetterTo(t, forgets(t, s, "grace@corp.test"), "grace@corp.test"); m.Kind != MailNoReset {
			t.Errorf("an hour later: %+v", m)
		}
	})
}

// Single sign-on is required: no link, by whatever makes it so, and none that was sent before works.
func TestD08_NoPasswordByMailWhereSingleSignOnIsRequired(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		member := aMember(t, s, o.ID, "grace@corp.test", access.OrgMember)
		guest := aMember(t, s, o.ID, "guest@elsewhere.test", access.OrgMember)
		outsider := aUser(t, s, "outsider@corp.test")
		before := map[string]secret.Token{}
		for _, email := range []string{member.Email, guest.Email, outsider.Email} {
			before[email] = link(t, forgets(t, s, email), email)
		}
		behind(t, s, "INSERT INTO domains (id, organization_id, name, token, verified_at, created_at, updated_at) VALUES ('dom_1', ?, 'corp.test', 't', ?, ?, ?)", o.ID, s.Now(), s.Now(), s.Now())
		refused := func(email string, want bool) {
			t.Helper()
			m := onlyLetterTo(t, forgets(t, s, email), email)
			if got := m.Kind == MailNoReset; got != want || want && m.Letter.Token().Reveal() != "" {
				t.Errorf("%s: %+v", email, m)
			}
		}
		refused(member.Email, false) // a domain alone requires nothing
		behind(t, s, "UPDATE sign_in_policies SET enforcement = ? WHERE organization_id = ?", access.EnforceDomain, o.ID)
		refused(member.Email, true)
		refused(outsider.Email, true)
		refused(guest.Email, false)
		for email, want := range map[string]error{member.Email: ErrNotFound, outsider.Email: ErrNotFound, guest.Email: nil} {
			_, _, err := s.SpendWelcome(t.Context(), audit.Gatehouse(audit.Request{}), before[email], Newcomer{PasswordHash: "chosen"})
			if !errors.Is(err, want) {
				t.Errorf("%s spends a link of before: %v", email, err)
			}
		}
		behind(t, s, "UPDATE sign_in_policies SET enforcement = ? WHERE organization_id = ?", access.EnforceAll, o.ID)
		taken(t, s)
		refused(guest.Email, false) // a guest who is not linked is not covered
		// The operator's own link is for exactly this.
		_, token, err := s.MakeWelcome(t.Context(), operator, Welcome{Kind: WelcomePassword, UserID: member.UserID, OrganizationID: o.ID})
		ok(t, err)
		_, _, err = s.SpendWelcome(t.Context(), audit.Gatehouse(audit.Request{}), token, Newcomer{PasswordHash: "by the operator"})
		ok(t, err)
	})
}
