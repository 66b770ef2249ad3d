package store

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// taken empties the outbox: every mail that is due, in the order in which they were queued.
func taken(t *testing.T, s *Store) (all []Mail) {
	t.Helper()
	for {
		m, err := s.TakeMail(t.Context())
		if errors.Is(err, ErrNotFound) {
			return all
		}
		ok(t, err)
		ok(t, s.MailSent(t.Context(), m))
		all = append(all, m)
	}
}

// onlyLetterTo is the one letter to the address among them.
func onlyLetterTo(t *testing.T, mails []Mail, to string) Mail {
	t.Helper()
	mails = slices.DeleteFunc(slices.Clone(mails), func(m Mail) bool { return m.Letter.To != to })
	if len(mails) != 1 {
		t.Fatalf("%d letters to %s, want 1: %+v", len(mails), to, mails)
	}
	return mails[0]
}

// aMail puts a letter with a link into the outbox.
func aMail(t *testing.T, s *Store, l Letter) {
	t.Helper()
	ok(t, s.write(t.Context(), "", operator, func(w *write) error {
		w.record(audit.Event{Action: audit.UserRenamed})
		return w.mail("", MailInvite, l)
	}))
}

func TestMail_IsSealedUntilItIsSentAndGoneAfterwards(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		aMail(t, s, Letter{To: "grace@acme.test", Organization: "Acme", token: secret.TokenOf("the-token-of-the-link")})
		var row mailRow
		ok(t, s.read(t.Context()).Take(&row).Error)
		for _, text := range []string{"grace@acme.test", "the-token-of-the-link", "Acme"} {
			if strings.Contains(string(row.Sealed), text) {
				t.Errorf("%s stands in the table in the clear", text)
			}
		}
		m, err := s.TakeMail(t.Context())
		ok(t, err)
		if m.Letter.To != "grace@acme.test" || m.Letter.Token().Reveal() != "the-token-of-the-link" || m.Letter.Organization != "Acme" {
			t.Errorf("the letter came out as %+v", m)
		}
		ok(t, s.MailSent(t.Context(), m))
		if n := count(t, s, "mails"); n != 0 {
			t.Errorf("%d mails are left after it was sent", n)
		}
	})
}

func TestMail_GoesToOneNodeAtATime(t *testing.T) {
	eachAddress(t, func(t *testing.T, database string) {
		options := Options{Database: database, MasterKey: masterKey(t)}
		nodes := []*Store{opened(t, options), opened(t, options)}
		for range 10 {
			aMail(t, nodes[0], Letter{To: "grace@acme.test"})
		}
		got := make([]string, 40)
		for i, err := range atOnce(40, func(i int) error {
			m, err := nodes[i%2].TakeMail(t.Context())
			got[i] = m.ID
			return err
		}) {
			if err != nil && !errors.Is(err, ErrNotFound) {
				t.Errorf("%d: %v", i, err)
			}
		}
		got = slices.DeleteFunc(got, func(id string) bool { return id == "" })
		if slices.Sort(got); len(got) == 0 || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("mails were taken twice, or none was: %v", got)
		}
		for len(got) < 10 { // on PostgreSQL one may pass over what another is just taking
			_, err := nodes[0].TakeMail(t.Context())
			ok(t, err)
			got = append(got, "")
		}
	})
}

func TestMail_OfANodeThatDiedIsTakenByAnother(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		aMail(t, s, Letter{To: "grace@acme.test"})
		lost, err := s.TakeMail(t.Context())
		ok(t, err)
		if _, err := s.TakeMail(t.Context()); !errors.Is(err, ErrNotFound) {
			t.Fatalf("it was taken twice: %v", err)
		}
		later(s, mailLease+time.Second)
		again, err := s.TakeMail(t.Context())
		ok(t, err)
		if again.ID != lost.ID || again.Attempts != 2 {
			t.Errorf("taken again: %+v", again)
		}
		ok(t, s.MailSent(t.Context(), lost)) // the first comes back from the dead: it is no longer its own
		if n := count(t, s, "mails"); n != 1 {
			t.Errorf("%d mails, want the one that the other node sends now", n)
		}
	})
}

func TestMail_IsTriedLaterEachTimeAndGivenUpAfterThreeDays(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		ok(t, s.write(t.Context(), o.ID, operator, func(w *write) error {
			w.record(audit.Event{Action: audit.OrganizationRenamed})
			return w.mail(o.ID, MailEvents, Letter{To: owner.Email, UserID: owner.ID, Lines: []string{"Ada did this.", "And that."}})
		}))
		began := s.Now()
		tries := 0
		for givenUp := false; !givenUp; tries++ {
			m, err := s.TakeMail(t.Context())
			ok(t, err)
			givenUp, err = s.MailFailed(t.Context(), m, false)
			ok(t, err)
			if !givenUp {
				if _, err := s.TakeMail(t.Context()); !errors.Is(err, ErrNotFound) {
					t.Fatalf("try %d: it is due again at once", tries)
				}
				later(s, min(mailFirst<<min(m.Attempts-1, 10), mailLast))
			}
		}
		if after := s.Now().Sub(began); after < mailKept || after > mailKept+mailLast || tries < 10 || tries > 40 {
			t.Errorf("given up after %s and %d tries", after, tries)
		}
		events := must(s.In(o.ID).Events(t.Context(), EventFilter{Action: string(audit.MailGivenUp)}))
		if len(events) != 1 || count(t, s, "mails") != 0 {
			t.Errorf("%d events, %d mails left", len(events), count(t, s, "mails"))
		}
		notices, unread, err := s.In(o.ID).Notices(t.Context(), owner.ID, false)
		ok(t, err)
		if unread != 1 || notices[0].Sentence != "Ada did this. And that." {
			t.Errorf("what it told is lost: %+v", notices)
		}
	})
}

func TestMail_ThatNeverCanBeSentIsGivenUpAtOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		aMail(t, s, Letter{To: "nobody@acme.test"})
		m, err := s.TakeMail(t.Context())
		ok(t, err)
		givenUp, err := s.MailFailed(t.Context(), m, true)
		ok(t, err)
		if !givenUp || count(t, s, "events WHERE action = ?", audit.MailGivenUp) != 1 || count(t, s, "notices") != 0 {
			t.Errorf("given up: %t; an invite leaves no notice", givenUp)
		}
	})
}

func TestMail_NoticesAreTheReadersAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		other, stranger := anOrganization(t, s, "globex")
		for _, organization := range []string{o.ID, ""} {
			ok(t, s.write(t.Context(), organization, operator, func(w *write) error {
				w.record(audit.Event{Action: audit.UserRenamed})
				return w.mail(organization, MailEvents, Letter{To: owner.Email, UserID: owner.ID, Lines: []string{"About “" + organization + "”."}})
			}))
		}
		for {
			m, err := s.TakeMail(t.Context())
			if errors.Is(err, ErrNotFound) {
				break
			}
			ok(t, err)
			ok(t, s.MailToConsole(t.Context(), m))
		}
		for _, c := range []struct {
			organization, user string
			own                bool
			want               int64
		}{{o.ID, owner.ID, false, 1}, {o.ID, owner.ID, true, 2}, {other.ID, owner.ID, false, 0}, {other.ID, owner.ID, true, 1}, {o.ID, stranger.ID, true, 0}} {
			notices, unread, err := s.In(c.organization).Notices(t.Context(), c.user, c.own)
			ok(t, err)
			if unread != c.want || int64(len(notices)) != c.want {
				t.Errorf("%+v: %d unread, %d shown", c, unread, len(notices))
			}
		}
		all, _, err := s.In(o.ID).Notices(t.Context(), owner.ID, true)
		ok(t, err)
		ids := []string{all[0].ID, all[1].ID}
		ok(t, s.In(o.ID).ReadNotices(t.Context(), stranger.ID, true, ids))
		ok(t, s.In(other.ID).ReadNotices(t.Context(), owner.ID, false, ids))
		if n := count(t, s, "notices WHERE read_at IS NULL"); n != 2 {
			t.Errorf("%d are unread after others read them", n)
		}
		ok(t, s.In(o.ID).ReadNotices(t.Context(), owner.ID, true, ids))
		if n := count(t, s, "notices WHERE read_at IS NULL"); n != 0 {
			t.Errorf("%d are unread after their reader read them", n)
		}
	})
}

// What owners are mailed about, and the honest twins that nobody is.
func TestMail_TellsOwnersAndWhomItIsAbout(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		if sent := taken(t, s); len(sent) != 0 {
			t.Fatalf("the beginning of an organization tells nobody: %+v", sent)
		}
		grace := aMember(t, s, o.ID, "grace@acme.test", access.OrgMember)
		hopper := aMember(t, s, o.ID, "hopper@acme.test", access.OrgMember)
		actor := actorOf(owner)
		scope := s.In(o.ID)
		ok(t, scope.SetMemberRoles(t.Context(), actor, hopper.ID, hopper.Version, []access.Role{access.OrgManager}))
		ok(t, scope.ChangeOrganization(t.Context(), actor, o.Version, OrganizationChange{Name: new("Acme Corporation")}))
		if sent := taken(t, s); len(sent) != 0 {
			t.Errorf("these tell nobody: %+v", sent)
		}

		ok(t, scope.SetMemberRoles(t.Context(), actor, grace.ID, grace.Version, []access.Role{access.OrgOwner}))
		sent := taken(t, s)
		for _, to := range []string{owner.Email, grace.Email} {
			m := onlyLetterTo(t, sent, to)
			if m.Kind != MailEvents || m.Letter.Organization != "Acme Corporation" || len(m.Letter.Lines) != 1 ||
				m.Letter.Lines[0] != owner.Name+" changed the roles of "+grace.Name+" from “Organization member” to “Organization owner”." {
				t.Errorf("to %s: %+v", to, m)
			}
		}
		if len(sent) != 2 {
			t.Errorf("%d letters", len(sent))
		}

		grace = must(scope.Member(t.Context(), grace.ID))
		ok(t, scope.RemoveMember(t.Context(), actor, grace.ID, grace.Version))
		if sent := taken(t, s); len(sent) != 2 {
			t.Errorf("the owner who is gone and the one who stays hear of it: %+v", sent)
		}

		domain, err := scope.ClaimDomain(t.Context(), actor, "acme.example", "gatehouse.test")
		ok(t, err)
		if sent := taken(t, s); len(sent) != 0 {
			t.Errorf("a claim grants nothing and tells nobody: %+v", sent)
		}
		_, err = scope.RecordDomainCheck(t.Context(), actor, domain.ID, Finding{Proved: true})
		ok(t, err)
		if m := onlyLetterTo(t, taken(t, s), owner.Email); !strings.Contains(m.Letter.Lines[0], "verified the domain acme.example") {
			t.Errorf("a verified domain: %+v", m)
		}
		ok(t, s.SetPassword(t.Context(), actor, owner.ID, "hash of "+owner.Email, "another"))
		if m := onlyLetterTo(t, taken(t, s), owner.Email); m.OrganizationID != "" || !strings.Contains(m.Letter.Lines[0], "set a password") {
			t.Errorf("a new password: %+v", m)
		}
	})
}

func TestMail_OfWhatIsUndoneIsNotSent(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		_, owner := anOrganization(t, s, "acme")
		broken := errors.New("broken")
		err := s.write(t.Context(), "", operator, func(w *write) error {
			if err := w.setPassword(owner, "another", ""); err != nil {
				return err
			}
			if err := w.tellPeople(); err != nil {
				return err
			}
			return broken
		})
		if !errors.Is(err, broken) || count(t, s, "mails") != 0 {
			t.Errorf("%v, and %d mails", err, count(t, s, "mails"))
		}
	})
}
