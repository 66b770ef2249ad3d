package store

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// asksFor lets the user ask for the address and gives the link that was mailed there. What else was mailed before is thrown away.
func asksFor(t *testing.T, s *Store, user User, to string) secret.Token {
	t.Helper()
	taken(t, s)
	ok(t, s.AskForAddress(t.Context(), actorOf(user), user.ID, address(to)))
	m := onlyLetterTo(t, taken(t, s), to)
	if m.Kind != MailAddress || m.Letter.Token().Reveal() == "" || m.Letter.From != user.Email || m.Letter.UserID != "" {
		t.Fatalf("%s is mailed %+v", to, m)
	}
	return m.Letter.Token()
}

func sessionError(s *Store, token secret.Token) error {
	_, _, err := s.Session(context.Background(), token)
	return err
}

// addressOf is the user's address, marked where nobody has shown that it is theirs.
func addressOf(t *testing.T, s *Store, user User) string {
	t.Helper()
	now := must(s.User(t.Context(), user.ID))
	if now.EmailVerifiedAt == nil {
		return now.Email + " unverified"
	}
	return now.Email
}

// D-18, D-17: nothing changes before the link that went to the new address is followed by whoever asked; then the address is shown to be
// theirs, other sessions and what was mailed to the old address end, the old address is told, and nothing else is theirs than was.
func TestD18_AnAddressChangesByItsMailedLinkAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		acme, owner := anOrganization(t, s, "acme")
		rawConnection(t, s, acme.ID, "con_1", "active")
		m := aMember(t, s, acme.ID, "ada@home.test", access.OrgMember)
		ada, eve := must(s.User(ctx, m.UserID)), aUser(t, s, "eve@home.test")
		rawIdentity(t, s, acme.ID, "con_1", "ada", ada.ID)
		here, token := aSession(t, s, ada, byPassword(t, s, ada))
		_, elsewhere := aSession(t, s, ada, byPassword(t, s, ada))
		_, eves := aSession(t, s, eve, byPassword(t, s, eve))

		first := asksFor(t, s, ada, "Ada.L@new.test")
		if told := addressOf(t, s, ada); told != "ada@home.test unverified" {
			t.Fatalf("asking alone makes the address %s", told)
		}
		if asked := must(s.AskedAddress(ctx, ada.ID)); asked.Email != "Ada.L@new.test" || asked.ExpiresAt.Sub(asked.CreatedAt) != WelcomeLife {
			t.Errorf("what waits is %+v", asked)
		}
		link := asksFor(t, s, ada, "ada.l@new.test")
		actor := actorOf(ada)
		actor.Request.SessionID = here.ID
		isError(t, s.ChangeAddress(ctx, actor, ada.ID, first), ErrNotFound) // the second link ended it
		isError(t, s.ChangeAddress(ctx, actorOf(eve), eve.ID, link), ErrNotFound)
		isError(t, errorOf(s.AddressLink(ctx, eve.ID, link)), ErrNotFound)
		isError(t, errorOf(s.Welcome(ctx, link)), ErrNotFound) // it lets nobody in
		reset := forgets(t, s, "ada@home.test")
		ok(t, s.ChangeAddress(ctx, actor, ada.ID, link))

		if told := addressOf(t, s, ada); told != "ada.l@new.test" || must(s.UserByAddress(ctx, address("ADA.L@new.test"))).ID != ada.ID {
			t.Errorf("the address is %s", told)
		}
		isError(t, errorOf(s.UserByAddress(ctx, address("ada@home.test"))), ErrNotFound)
		if found := must(s.In(acme.ID).Members(ctx, MemberFilter{Search: "ada.l@new"})); len(found) != 1 {
			t.Errorf("a search finds %d members by the new address", len(found))
		}
		if n := count(t, s, "members WHERE user_id = ? AND email_domain = 'new.test'", ada.ID); n != 1 {
			t.Error("the domain beside the member is the old one")
		}
		isError(t, s.ChangeAddress(ctx, actor, ada.ID, link), ErrNotFound)
		isError(t, errorOf(s.Welcome(ctx, reset[len(reset)-1].Letter.Token())), ErrNotFound) // mailed to the old address
		isError(t, sessionError(s, elsewhere), ErrNotFound)
		session, _, err := s.Session(ctx, token)
		ok(t, err)
		if len(session.Proofs) != 1 || session.Proofs[0].Kind != access.ByPassword || !session.Proofs[0].At.Equal(here.Proofs[0].At) {
			t.Errorf("the session has proved %+v", session.Proofs)
		}
		ok(t, sessionError(s, eves))
		if n := count(t, s, "identities WHERE user_id = ?", ada.ID); n != 1 || count(t, s, "members WHERE user_id = ?", ada.ID) != 1 || count(t, s, "waiting_links") != 0 {
			t.Errorf("%d links of theirs after the change", n)
		}
		mails := taken(t, s)
		if old := onlyLetterTo(t, mails, "ada@home.test"); old.Kind != MailEvents || !strings.Contains(old.Letter.Lines[0], "their email address from “ada@home.test” to “ada.l@new.test”") {
			t.Errorf("the old address is told %+v", old.Letter)
		}
		if len(mails) != 1 {
			t.Errorf("%d mails; no owner hears of a member's address", len(mails))
		}
		e := lastEvents(t, s, acme.ID, audit.UserAddressChanged)[0]
		if e.Actor.ID != ada.ID || e.Severity != audit.Normal || e.Changes[0] != (audit.Change{Field: "email", Before: "ada@home.test", After: "ada.l@new.test"}) {
			t.Errorf("%q %+v", e.Sentence(), e)
		}

		// Of an owner, the other owners hear as well.
		ok(t, s.ChangeAddress(ctx, actorOf(owner), owner.ID, asksFor(t, s, owner, "boss@new.test")))
		if m := onlyLetterTo(t, taken(t, s), "boss@new.test"); m.OrganizationID != acme.ID {
			t.Errorf("the owners are told %+v", m)
		}
	})
}

func TestD18_LinksToAddressesExpireAndEnd(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		ends := map[string]func(User){
			"after an hour": func(User) { later(s, WelcomeLife) },
			"withdrawn":     func(u User) { ok(t, s.WithdrawAddress(ctx, actorOf(u), u.ID)) },
			"another password": func(u User) {
				ok(t, s.SetPassword(ctx, actorOf(u), u.ID, hashOf(t, s, u), "another"))
			},
			"suspended": func(u User) { behind(t, s, "UPDATE users SET suspended_at = ? WHERE id = ?", s.now(), u.ID) },
			"taken":     func(User) { aUser(t, s, "wanted@new.test") },
		}
		for name, end := range ends {
			user := aUser(t, s, strings.ReplaceAll(name, " ", ".")+"@home.test")
			link := asksFor(t, s, user, "wanted@new.test")
			end(user)
			err := s.ChangeAddress(ctx, actorOf(user), user.ID, link)
			var problem *Invalid
			if !errors.Is(err, ErrNotFound) && !(name == "taken" && errors.As(err, &problem)) {
				t.Errorf("%s: %v", name, err)
			}
			if told := addressOf(t, s, user); told != user.Email+" unverified" {
				t.Errorf("%s: the address is %s", name, told)
			}
			behind(t, s, "DELETE FROM users WHERE canonical_email = 'wanted@new.test'")
			later(s, tallyKept)
		}
		twin := aUser(t, s, "twin@home.test")
		link := asksFor(t, s, twin, "wanted@new.test")
		later(s, WelcomeLife-time.Second)
		for _, err := range exceptOne(atOnce(8, func(int) error { return s.ChangeAddress(ctx, actorOf(twin), twin.ID, link) })) {
			isError(t, err, ErrNotFound)
		}
		if told := addressOf(t, s, twin); told != "wanted@new.test" {
			t.Errorf("the address is %s", told)
		}
		ok(t, s.WithdrawAddress(ctx, actorOf(twin), twin.ID)) // nothing waits
	})
}

// exceptOne leaves out the one that went well.
func exceptOne(errs []error) (others []error) {
	for _, err := range errs {
		if err != nil {
			others = append(others, err)
		}
	}
	if len(others) != len(errs)-1 {
		return []error{errors.New("not exactly one went well")}
	}
	return others
}

// D-18, D-08: who may have which address.
func TestD18_AnAddressIsNoWayRoundAnOrganization(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		corp, boss := anOrganization(t, s, "corp")
		aVerifiedDomain(t, s, corp.ID, "corp.test")
		aVerifiedDomain(t, s, corp.ID, "corp.example")
		person := func(email string, joins bool) User {
			if joins {
				return must(s.User(ctx, aMember(t, s, corp.ID, email, access.OrgMember).UserID))
			}
			return aUser(t, s, email)
		}
		rows := []struct {
			name     string
			user     User
			scope    access.Scope
			to       string
			refused  string
			linked   bool
			suspends bool
		}{
			{name: "outsider to the domain", user: person("eve@a.test", false), to: "eve@corp.test", refused: "Only its members"},
			{name: "outsider elsewhere", user: person("eve@b.test", false), to: "eve@c.test"},
			{name: "suspended member to the domain", user: person("eve@d.test", true), suspends: true, to: "eve.d@corp.test", refused: "Only its members"},
			{name: "guest to the domain", user: person("guest@e.test", true), to: "guest@corp.test"},
			{name: "guest to the domain, enforced", user: person("guest@f.test", true), scope: access.EnforceDomain, to: "guest.f@corp.test", refused: "signs in through the organization"},
			{name: "guest elsewhere, enforced", user: person("guest@g.test", true), scope: access.EnforceDomain, to: "guest@h.test"},
			{name: "linked guest elsewhere, enforced for all", user: person("guest@i.test", true), linked: true, scope: access.EnforceAll, to: "guest@j.test", refused: "looks after your address"},
			{name: "guest elsewhere, enforced for all", user: person("guest@k.test", true), scope: access.EnforceAll, to: "guest@l.test"},
			{name: "member away", user: person("ada@corp.test", true), to: "ada@m.test", refused: "You are a member of corp"},
			{name: "member to the other domain", user: person("bob@corp.test", true), to: "bob@corp.example"},
			{name: "member within, enforced", user: person("cleo@corp.test", true), scope: access.EnforceDomain, to: "cleo@corp.example", refused: "looks after your address"},
			{name: "owner away, enforced", user: boss, scope: access.EnforceDomain, to: "boss@n.test", refused: "looks after your address"},
			{name: "suspended member away", user: person("gil@corp.test", true), suspends: true, to: "gil@r.test", refused: "You are a member of corp"},
			{name: "suspended guest elsewhere", user: person("guest@s.test", true), suspends: true, to: "guest@t.test"},
			{name: "former member away", user: person("dan@corp.test", false), to: "dan@o.test"},
			{name: "former member away, enforced", user: person("eli@corp.test", false), scope: access.EnforceDomain, to: "eli@p.test", refused: "looks after your address"},
			{name: "the same address", user: person("fay@q.test", false), to: "FAY@q.test", refused: "another address"},
		}
		rawConnection(t, s, corp.ID, "con_1", "active")
		for _, row := range rows {
			if row.linked {
				rawIdentity(t, s, corp.ID, "con_1", row.name, row.user.ID)
			}
			if row.suspends {
				member := must(s.In(corp.ID).MemberOf(ctx, row.user.ID))
				ok(t, s.In(corp.ID).SuspendMember(ctx, operator, member.ID, member.Version))
			}
			enforced(t, s, corp.ID, row.scope)
			err := s.AskForAddress(ctx, actorOf(row.user), row.user.ID, address(row.to))
			var problem *Invalid
			switch errors.As(err, &problem); {
			case row.refused == "" && err != nil, row.refused != "" && (problem == nil || !strings.Contains(problem.Fields[0].Problem, row.refused)):
				t.Errorf("%s: %v, want %q", row.name, err, row.refused)
			}
			enforced(t, s, corp.ID, access.NoEnforcement)
		}

		// It is asked again when the link is followed, and a refusal spends nothing.
		guest := person("zoe@home.test", true)
		link := asksFor(t, s, guest, "zoe@corp.test")
		enforced(t, s, corp.ID, access.EnforceDomain)
		var problem *Invalid
		if err := s.ChangeAddress(ctx, actorOf(guest), guest.ID, link); !errors.As(err, &problem) || addressOf(t, s, guest) != "zoe@home.test unverified" {
			t.Errorf("required in between: %v", err)
		}
		enforced(t, s, corp.ID, access.NoEnforcement)
		ok(t, s.ChangeAddress(ctx, actorOf(guest), guest.ID, link))
	})
}

// S-52, D-18: nobody who is suspended leaves their address behind to come back by it as a newcomer.
func TestS52_ASuspendedMemberDoesNotComeAnewByMovingAway(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, _ := corp(t, s)
		invited := func(email string) Member { return aMember(t, s, scope.organization, email, access.OrgMember) } // whom the connection does not know
		leaves := func(m Member, to string) error {
			user := must(s.User(ctx, m.UserID))
			if err := s.AskForAddress(ctx, actorOf(user), user.ID, address(to)); err != nil {
				return err
			}
			return s.ChangeAddress(ctx, actorOf(user), user.ID, onlyLetterTo(t, taken(t, s), to).Letter.Token())
		}
		eve, ada := invited("eve@corp.test"), invited("ada@corp.test")
		ok(t, scope.SuspendMember(ctx, operator, eve.ID, eve.Version))
		var problem *Invalid
		if err := leaves(eve, "eve@home.test"); !errors.As(err, &problem) {
			t.Errorf("the suspended member leaves: %v", err)
		}
		login, identity := arrived(t, s, c, "eve-1", "eve@corp.test")
		if _, refusal, err := s.ResolvePerson(ctx, operator, identity, login.ID); err != nil || refusal == nil || refusal.Reason != trust.ReasonMemberSuspended {
			t.Errorf("the suspended member comes back: %v, %v", refusal, err)
		}

		// The twin: who was removed is free to go, and whoever has the address then is somebody new.
		ok(t, scope.RemoveMember(ctx, operator, ada.ID, ada.Version))
		ok(t, leaves(ada, "ada@home.test"))
		if found := comes(t, s, c, "ada-1", "ada@corp.test"); !found.Created || found.User.ID == ada.UserID {
			t.Errorf("the newcomer is %+v", found)
		}
	})
}

// D-11: whoever asks does not learn whether somebody has the address; whoever has it is told, without a link.
func TestD11_AskingForAnAddressTellsNobodyWhoseItIs(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		eve := aUser(t, s, "eve@home.test")
		aUser(t, s, "ada@new.test")
		ok(t, s.AskForAddress(ctx, actorOf(eve), eve.ID, address("ADA@new.test")))
		if asked := must(s.AskedAddress(ctx, eve.ID)); asked.Email != "ADA@new.test" {
			t.Errorf("what waits is %+v", asked)
		}
		if m := onlyLetterTo(t, taken(t, s), "ADA@new.test"); m.Kind != MailAddressTaken || m.Letter.Token().Reveal() != "" || m.Letter.From != "" {
			t.Errorf("Ada is mailed %+v", m)
		}
	})
}

// D-12: nobody's mailbox is filled by it.
func TestD12_LinksToAddressesAreLimited(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		eve := aUser(t, s, "eve@home.test")
		for range addressesAskedByUser.count {
			ok(t, s.AskForAddress(ctx, actorOf(eve), eve.ID, address("victim@new.test")))
		}
		isError(t, s.AskForAddress(ctx, actorOf(eve), eve.ID, address("other@new.test")), ErrTooManyAddresses)
		ok(t, s.AskForAddress(ctx, operator, aUser(t, s, "mal@home.test").ID, address("other@new.test")))
		isError(t, s.AskForAddress(ctx, operator, aUser(t, s, "zoe@home.test").ID, address("VICTIM@new.test")), ErrTooManyToAddress)
		later(s, time.Hour)
		ok(t, s.AskForAddress(ctx, actorOf(eve), eve.ID, address("other@new.test")))
	})
}

// D-18: what an identity provider calls somebody's address changes their user no more than it matches another.
func TestD18_NoIdentityProviderChangesAnAddress(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		_, c, _ := corp(t, s)
		bob := comes(t, s, c, "bob-1", "bob@corp.test").User
		ada := comes(t, s, c, "ada-1", "ada@corp.test").User
		for _, said := range []string{"new@corp.test", "bob@corp.test", "ada@elsewhere.test"} {
			if found := comes(t, s, c, "ada-1", said); found.User.ID != ada.ID || found.User.Email != "ada@corp.test" || found.Linked {
				t.Errorf("as %s they are %+v", said, found.User)
			}
		}
		if told := addressOf(t, s, bob); told != "bob@corp.test" {
			t.Errorf("the other's address is %s", told)
		}
		// The twin: an address that nobody has is a newcomer's, by another subject.
		if found := comes(t, s, c, "new-1", "new@corp.test"); !found.Created || found.User.ID == ada.ID {
			t.Errorf("the newcomer is %+v", found)
		}
	})
}

// D-17: that an address is somebody's is noted by what has shown it, and by nothing that people or identity providers say.
func TestD17_WhoseAnAddressIsMustBeShown(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		_, c, _ := corp(t, s)
		unshown := map[string]func(User) error{
			"renaming": func(u User) error { return s.RenameUser(ctx, actorOf(u), u.ID, u.Version, "email_verified=true") },
			"another password": func(u User) error {
				return s.SetPassword(ctx, actorOf(u), u.ID, hashOf(t, s, u), "another")
			},
			"asking for an address": func(u User) error { return s.AskForAddress(ctx, actorOf(u), u.ID, address(u.Email+".example")) },
			"the word of an identity provider on another domain": func(u User) error {
				rawIdentity(t, s, c.OrganizationID, c.ID, "sub "+u.ID, u.ID)
				ok(t, s.write(ctx, c.OrganizationID, operator, func(w *write) error {
					_, err := w.addMember(u, "console", access.OrgMember)
					return err
				}))
				comes(t, s, c, "sub "+u.ID, u.Email)
				return nil
			},
		}
		for name, does := range unshown {
			user := aUser(t, s, strings.ReplaceAll(name, " ", ".")+"@guest.test")
			ok(t, does(user))
			if told := addressOf(t, s, user); told != user.Email+" unverified" {
				t.Errorf("%s: %s", name, told)
			}
		}
		shown := map[string]func(User) error{
			"a mailed link for a password": func(u User) error {
				taken(t, s)
				_, _, err := s.SpendWelcome(ctx, audit.Gatehouse(audit.Request{}), link(t, forgets(t, s, u.Email), u.Email), Newcomer{PasswordHash: "chosen"})
				return err
			},
			"a mailed link to the address": func(u User) error {
				return s.ChangeAddress(ctx, actorOf(u), u.ID, asksFor(t, s, u, "new."+u.Email))
			},
		}
		for name, does := range shown {
			user := aUser(t, s, strings.ReplaceAll(name, " ", ".")+"@guest.test")
			ok(t, does(user))
			if told := addressOf(t, s, user); strings.HasSuffix(told, "unverified") {
				t.Errorf("%s: %s", name, told)
			}
		}
		if found := comes(t, s, c, "eli-1", "eli@corp.test"); addressOf(t, s, found.User) != "eli@corp.test" {
			t.Error("an identity provider does not vouch for its own domain")
		}
		isRefused(t, s, c, secret.NewToken(), "eve-1", "eve@elsewhere.test", trust.ReasonDomainNotVerified)
	})
}
