package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// isRefused lets somebody try to sign in, who must be refused, and gives what waits then.
func isRefused(t *testing.T, s *Store, c Connection, flow secret.Token, subject, email string, reason trust.Reason) WaitingLink {
	t.Helper()
	login, identity := arrivedIn(t, s, c, flow, subject, email)
	found, refusal, err := s.ResolvePerson(t.Context(), audit.Gatehouse(audit.Request{}), identity, login.ID)
	ok(t, err)
	if refusal == nil || refusal.Reason != reason {
		t.Fatalf("%s as %s: %v, want %s", email, subject, refusal, reason)
	}
	return found.Waiting
}

func TestS53_ASecondSubjectWaitsForAnOwner(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx, flow := t.Context(), secret.NewToken()
		scope, c, owner := corp(t, s)
		elsewhere, _ := anOrganization(t, s, "elsewhere")
		ada := comes(t, s, c, "ada-7", "ada@corp.test")
		mails := count(t, s, "mails")
		l := isRefused(t, s, c, flow, "ada-8", "ada@corp.test", trust.ReasonAddressTaken)
		if n := count(t, s, "mails"); n != mails+1 {
			t.Errorf("the owner was sent %d mails, want 1", n-mails)
		}
		isRefused(t, s, c, flow, "ada-8", "ada@corp.test", trust.ReasonAddressTaken)
		if links := must(scope.WaitingLinks(ctx, "", 0)); len(links) != 1 || count(t, s, "mails") != mails+1 {
			t.Errorf("%d links wait, and another mail was sent, after one subject came twice", len(links))
		}
		l = must(scope.WaitingLink(ctx, l.ID))
		if l.Count != 2 || l.Name != ada.User.Name || l.MemberID != ada.Member.ID || !slices.Equal(l.Known, []string{"ada-7"}) || l.Subject != "ada-8" || l.ConnectionName != c.Name || l.Kind != WaitsAsSecond {
			t.Errorf("what waits is %+v", l)
		}
		other := s.In(elsewhere.ID)
		if len(must(other.WaitingLinks(ctx, "", 0))) != 0 || must(other.CountWaitingLinks(ctx)) != 0 || must(scope.CountWaitingLinks(ctx)) != 1 {
			t.Error("another organization counts what waits here")
		}
		isError(t, errorOf(other.WaitingLink(ctx, l.ID)), ErrNotFound)
		isError(t, other.ApproveLink(ctx, operator, l.ID), ErrNotFound)
		isError(t, other.RefuseLink(ctx, operator, l.ID), ErrNotFound)

		ok(t, scope.ApproveLink(ctx, actorOf(owner), l.ID))
		isError(t, scope.ApproveLink(ctx, actorOf(owner), l.ID), ErrNotFound)
		for _, subject := range []string{"ada-7", "ada-8"} {
			if found := comes(t, s, c, subject, "ada@corp.test"); found.User.ID != ada.User.ID || found.Linked {
				t.Errorf("%s is %+v", subject, found)
			}
		}
		e := lastEvents(t, s, c.OrganizationID, audit.IdentityLinked)[0]
		if e.Actor.ID != owner.ID || e.Changes[0] != (audit.Change{Field: "subject", Before: "ada-7", After: "ada-8"}) {
			t.Errorf("%q %+v", e.Sentence(), e.Changes)
		}
		if e := lastEvents(t, s, c.OrganizationID, audit.IdentityLinkAsked)[0]; e.Sentence() != "Gatehouse saw an unknown sign-in with the address of "+ada.User.Name+" through the connection “"+c.Name+"”; it waits for an owner." {
			t.Errorf("%q", e.Sentence())
		}
		// The approval is worth nothing at another connection, of whichever organization.
		second := aConnection(t, s, c.OrganizationID)
		comes(t, s, second, "ada-1", "ada@corp.test")
		isRefused(t, s, second, flow, "ada-8", "ada@corp.test", trust.ReasonAddressTaken)
		isRefused(t, s, aConnection(t, s, elsewhere.ID), flow, "ada-8", "ada@corp.test", trust.ReasonDomainNotVerified)
	})
}

func TestS53_WhatWaitsIsBoundedAndARefusalHolds(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx, flow := t.Context(), secret.NewToken()
		scope, c, _ := corp(t, s)
		comes(t, s, c, "ada-7", "ada@corp.test")
		for i := range waitingOfUser + 2 {
			l := isRefused(t, s, c, flow, fmt.Sprint("new-", i), "ada@corp.test", trust.ReasonAddressTaken)
			if (l.ID != "") != (i < waitingOfUser) {
				t.Errorf("the link of subject %d is %q", i, l.ID)
			}
		}
		l := must(scope.WaitingLinks(ctx, "", 0))[0]
		ok(t, scope.RefuseLink(ctx, operator, l.ID))
		ok(t, scope.RefuseLink(ctx, operator, l.ID))
		again := isRefused(t, s, c, flow, l.Subject, "ada@corp.test", trust.ReasonAddressTaken)
		if again.ID != l.ID || again.RefusedAt == nil || must(scope.CountWaitingLinks(ctx)) != waitingOfUser-1 {
			t.Errorf("after a refusal it waits as %+v", again)
		}
		if n := len(lastEvents(t, s, c.OrganizationID, audit.IdentityLinkRefused)); n != 1 {
			t.Errorf("%d events tell of the refusal", n)
		}
		later(s, waitingLife)
		isError(t, scope.ApproveLink(ctx, operator, l.ID), ErrNotFound)
		if n := len(must(scope.WaitingLinks(ctx, "", 0))); n != 0 {
			t.Errorf("%d links wait after 14 days", n)
		}
		if fresh := isRefused(t, s, c, flow, l.Subject, "ada@corp.test", trust.ReasonAddressTaken); fresh.ID == l.ID || fresh.RefusedAt != nil {
			t.Errorf("after 14 days it waits as %+v", fresh)
		}
		ok(t, s.Sweep(ctx))
		if n := count(t, s, "waiting_links"); n != 1 {
			t.Errorf("%d links are kept", n)
		}
	})
}

// what an owner has refused stays refused, however the subject spells the address and whose it says in between.
func TestR17_ARefusedSubjectDoesNotAskAgainByAnotherAddress(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx, flow := t.Context(), secret.NewToken()
		scope, c, _ := corp(t, s)
		ada := comes(t, s, c, "ada-7", "ada@corp.test").User
		comes(t, s, c, "bob-1", "bob@corp.test")
		l := isRefused(t, s, c, flow, "eve", "ada@corp.test", trust.ReasonAddressTaken)
		if again := isRefused(t, s, c, flow, "eve", "Ada@corp.test", trust.ReasonAddressTaken); again.ID != l.ID || again.Count != 2 {
			t.Errorf("spelled otherwise it waits as %+v", again)
		}
		ok(t, scope.RefuseLink(ctx, operator, l.ID))
		mails := count(t, s, "mails")
		for _, email := range []string{"ADA@corp.test", "bob@corp.test", "ada@corp.test"} {
			if again := isRefused(t, s, c, flow, "eve", email, trust.ReasonAddressTaken); again.ID != "" && (again.ID != l.ID || again.RefusedAt == nil) {
				t.Errorf("as %s it waits anew: %+v", email, again)
			}
		}
		if count(t, s, "mails") != mails || must(scope.CountWaitingLinks(ctx)) != 0 {
			t.Error("the owners were asked again")
		}
		isError(t, scope.ConfirmLink(ctx, actorOf(ada), l.ID, flow), ErrNotFound)
		if honest := isRefused(t, s, c, flow, "bob-2", "bob@corp.test", trust.ReasonAddressTaken); honest.ID == "" {
			t.Error("another subject does not wait")
		}
	})
}

// R-17, S-52: what has changed since is asked when a link is approved.
func TestR17_AnApprovalIsOfWhatWasRefused(t *testing.T) {
	rows := map[string]struct {
		change string // of what was there when the subject was refused
		says   error
	}{
		"nothing":                      {"", nil},
		"another identity provider":    {`UPDATE connection_versions SET settings = REPLACE(settings, 'https://', 'https://evil.')`, &Invalid{}},
		"the address is another's":     {`UPDATE users SET canonical_email = 'x@corp.test' WHERE canonical_email = 'ada@corp.test'`, &Invalid{}},
		"S-52 the user is suspended":   {`UPDATE users SET suspended_at = created_at WHERE canonical_email = 'ada@corp.test'`, &Invalid{}},
		"S-52 the member is suspended": {`UPDATE members SET suspended_at = created_at WHERE user_id = (SELECT id FROM users WHERE canonical_email = 'ada@corp.test')`, &Invalid{}},
		"the domain is gone":           {`UPDATE domains SET verified_at = NULL WHERE name = 'corp.test'`, &Invalid{}},
		"no member any more":           {`DELETE FROM members WHERE user_id = (SELECT id FROM users WHERE canonical_email = 'ada@corp.test')`, &Invalid{}},
		"the subject is linked":        {`UPDATE identities SET subject = 'ada-8'`, ErrConflict},
	}
	eachDatabase(t, func(t *testing.T, s *Store) {
		for name, row := range rows {
			t.Run(name, func(t *testing.T) {
				forget(t, s)
				scope, c, _ := corp(t, s)
				behind(t, s, "DELETE FROM identities")
				ada := comes(t, s, c, "ada-7", "ada@corp.test")
				l := isRefused(t, s, c, secret.NewToken(), "ada-8", "ada@corp.test", trust.ReasonAddressTaken)
				if row.change != "" {
					behind(t, s, row.change)
				}
				err := scope.ApproveLink(t.Context(), operator, l.ID)
				if _, isInvalid := row.says.(*Invalid); isInvalid {
					hasProblem(t, err, "link")
				} else {
					isError(t, err, row.says)
				}
				if n := count(t, s, "identities WHERE subject = 'ada-8' AND linked_by <> ? AND user_id = ?", LinkedByLogin, ada.User.ID); (n == 1) != (row.says == nil) {
					t.Errorf("%d are linked", n)
				}
			})
		}
	})
}

// the proof of the old sign-in is the person's, in the browser that was refused, soon, and once.
func TestR17_ThePersonConfirmsInTheSameBrowserOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx, flow := context.WithoutCancel(t.Context()), secret.NewToken()
		scope, c, owner := corp(t, s)
		ada := comes(t, s, c, "ada-7", "ada@corp.test").User
		bob := comes(t, s, c, "bob-1", "bob@corp.test").User
		elsewhere, _ := anOrganization(t, s, "elsewhere")
		l := isRefused(t, s, c, flow, "ada-8", "ada@corp.test", trust.ReasonAddressTaken)
		refuse := func(when string, scope *Scope, who User, flow secret.Token) {
			t.Helper()
			if err := errorOf(scope.OwnWaitingLink(ctx, l.ID, who.ID, flow)); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: shown, %v", when, err)
			}
			if err := scope.ConfirmLink(ctx, actorOf(who), l.ID, flow); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: confirmed, %v", when, err)
			}
		}
		refuse("somebody else", scope, bob, flow)
		refuse("an owner", scope, owner, flow)
		refuse("another browser", scope, ada, secret.NewToken())
		refuse("no browser", scope, ada, secret.Token{})
		refuse("another organization", s.In(elsewhere.ID), ada, flow)
		later(s, ConfirmWithin)
		refuse("too late", scope, ada, flow)
		l = isRefused(t, s, c, flow, "ada-8", "ada@corp.test", trust.ReasonAddressTaken)
		won := 0
		for _, err := range atOnce(6, func(int) error { return scope.ConfirmLink(ctx, actorOf(ada), l.ID, flow) }) {
			if err == nil {
				won++
			}
		}
		if won != 1 {
			t.Errorf("%d confirmed, want 1", won)
		}
		refuse("again", scope, ada, flow)
		if found := comes(t, s, c, "ada-8", "ada@corp.test"); found.User.ID != ada.ID {
			t.Errorf("ada-8 is %+v", found.User)
		}
		l = isRefused(t, s, c, flow, "bob-2", "bob@corp.test", trust.ReasonAddressTaken)
		ok(t, scope.RefuseLink(ctx, operator, l.ID))
		refuse("after an owner refused", scope, bob, flow)
	})
}

// D-06: an approval makes the person a member of the organization that has the domain now, and touches nothing that they have elsewhere.
func TestD06_AnApprovalReachesThisOrganizationAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx, flow := t.Context(), secret.NewToken()
		one, _ := anOrganization(t, s, "one")
		two, owner := anOrganization(t, s, "two")
		ours, theirs := aConnection(t, s, one.ID), aConnection(t, s, two.ID)
		d := aVerifiedDomain(t, s, one.ID, "corp.test")
		squatter := aMember(t, s, one.ID, "ada@corp.test", access.OrgMember) // with a password, and an address that nobody has vouched for
		ok(t, s.In(one.ID).ReleaseDomain(ctx, operator, d.ID))
		second := aVerifiedDomain(t, s, two.ID, "corp.test")
		later(s, domainTransfer)
		_, token := aSession(t, s, must(s.User(ctx, squatter.UserID)), ProvenByPassword("hash of ada@corp.test"))
		must(s.In(two.ID).RecordDomainCheck(ctx, operator, second.ID, Finding{Proved: true}))
		behind(t, s, "UPDATE sign_in_policies SET enforcement = ? WHERE organization_id = ?", access.EnforceDomain, two.ID)
		l := isRefused(t, s, theirs, flow, "ada-8", "ada@corp.test", trust.ReasonAddressTaken)
		if l.Kind != WaitsAsMoved || must(s.In(two.ID).WaitingLink(ctx, l.ID)).Name != "" {
			t.Errorf("it waits as %+v, with a name of elsewhere", l)
		}
		isError(t, s.In(one.ID).ApproveLink(ctx, operator, l.ID), ErrNotFound)
		ok(t, s.In(two.ID).ApproveLink(ctx, actorOf(owner), l.ID))
		found := comes(t, s, theirs, "ada-8", "ada@corp.test")
		if found.User.ID != squatter.UserID || found.Member.OrganizationID != two.ID || !slices.Equal(found.Member.Roles, []access.Role{access.OrgMember}) {
			t.Errorf("let in as %+v", found.Member)
		}
		_, through, err := s.StartSession(ctx, actorOf(found.User), NewSession{UserID: found.User.ID, Proof: ProvenByIdentity(aLogin(t, s, theirs.ID, two.ID, "ada-8", "ada@corp.test", time.Time{}))})
		ok(t, err)
		if here, there := enters(t, s, through, two.ID), enters(t, s, through, one.ID); here != "yes" || there != access.WhyNoProof {
			t.Errorf("by the new sign-in: here %s, in the organization that had the domain %s", here, there)
		}
		if !found.User.HasPassword || found.User.EmailVerifiedAt != nil || enters(t, s, token, one.ID) != "yes" || len(must(s.In(one.ID).Identities(ctx, found.User.ID))) != 0 {
			t.Errorf("what the person has elsewhere has changed: %+v", found.User)
		}
		isRefused(t, s, ours, flow, "ada-8", "ada@corp.test", trust.ReasonGuestNotLinked)
	})
}

// A guest is linked by their own word alone, and keeps what opens other organizations.
func TestS50_AGuestLinksTheirOwnSubject(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx, flow := t.Context(), secret.NewToken()
		scope, c, owner := corp(t, s)
		behind(t, s, "UPDATE sign_in_policies SET enforcement = ? WHERE organization_id = ?", access.EnforceAll, c.OrganizationID)
		guest := aMember(t, s, c.OrganizationID, "grace@guest.test", access.OrgMember)
		grace := must(s.User(ctx, guest.UserID))
		mails := count(t, s, "mails")
		l := isRefused(t, s, c, flow, "grace-1", "grace@guest.test", trust.ReasonGuestNotLinked)
		if l.Kind != WaitsAsGuest || len(must(scope.WaitingLinks(ctx, "", 0))) != 0 || count(t, s, "mails") != mails {
			t.Errorf("it waits as %+v, for owners", l)
		}
		isError(t, errorOf(scope.WaitingLink(ctx, l.ID)), ErrNotFound)
		isError(t, scope.ApproveLink(ctx, actorOf(owner), l.ID), ErrNotFound)
		isError(t, scope.RefuseLink(ctx, actorOf(owner), l.ID), ErrNotFound)
		ok(t, scope.ConfirmLink(ctx, actorOf(grace), l.ID, flow))
		if found := comes(t, s, c, "grace-1", "grace@guest.test"); found.User.ID != grace.ID || !found.User.HasPassword || found.User.EmailVerifiedAt != nil {
			t.Errorf("the guest is %+v", found.User)
		}
		// A stranger's address leaves nothing behind, nor does a suspended guest's.
		if l := isRefused(t, s, c, flow, "eve", "eve@nowhere.test", trust.ReasonDomainNotVerified); l.ID != "" {
			t.Error("a stranger waits")
		}
		hal := aMember(t, s, c.OrganizationID, "hal@guest.test", access.OrgMember)
		ok(t, scope.SuspendMember(ctx, operator, hal.ID, hal.Version))
		if l := isRefused(t, s, c, flow, "hal-1", "hal@guest.test", trust.ReasonGuestNotLinked); l.ID != "" {
			t.Error("a suspended guest waits")
		}
	})
}

func TestUnlink(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, _ := corp(t, s)
		elsewhere, _ := anOrganization(t, s, "elsewhere")
		ada := comes(t, s, c, "ada-7", "ada@corp.test")
		_, token := aSession(t, s, ada.User, ProvenByIdentity(aLogin(t, s, c.ID, c.OrganizationID, "ada-7", "ada@corp.test", time.Time{})))
		isError(t, s.In(elsewhere.ID).Unlink(ctx, operator, ada.Member.ID, c.ID, "ada-7"), ErrNotFound)
		isError(t, scope.Unlink(ctx, operator, ada.Member.ID, c.ID, "ADA-7"), ErrNotFound)
		if got := enters(t, s, token, c.OrganizationID); got != "yes" {
			t.Fatal(got)
		}
		ok(t, scope.Unlink(ctx, operator, ada.Member.ID, c.ID, "ada-7"))
		if got := enters(t, s, token, c.OrganizationID); got != "no session" {
			t.Errorf("a session by the link that is gone: %s", got)
		}
		if found := comes(t, s, c, "ada-9", "ada@corp.test"); !found.Linked || found.User.ID != ada.User.ID {
			t.Errorf("the next subject is %+v", found)
		}
		only := comes(t, s, c, "olga-1", "olga@corp.test")
		behind(t, s, "UPDATE role_bindings SET role = ? WHERE principal_id = ?", access.OrgOwner, only.User.ID)
		behind(t, s, "UPDATE users SET password_hash = ''")
		isError(t, scope.Unlink(ctx, operator, only.Member.ID, c.ID, "olga-1"), ErrLastOwner)
	})
}

// a subject that says another's address each time makes owners no mail each time.
func TestR17_OwnersAreMailedOncePerSubjectAndDay(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		flow := secret.NewToken()
		scope, c, _ := corp(t, s)
		comes(t, s, c, "ada-7", "ada@corp.test")
		comes(t, s, c, "bob-1", "bob@corp.test")
		mails := count(t, s, "mails")
		asks := func(subject string, want int64) {
			t.Helper()
			for range 3 {
				isRefused(t, s, c, flow, subject, "ada@corp.test", trust.ReasonAddressTaken)
				isRefused(t, s, c, flow, subject, "bob@corp.test", trust.ReasonAddressTaken)
			}
			if sent := count(t, s, "mails") - mails; sent != want {
				t.Errorf("%s: %d mails, want %d", subject, sent, want)
			}
		}
		asks("eve-1", 1)
		asks("eve-2", 2) // the twin: another subject is another matter
		later(s, tallyKept+time.Second)
		asks("eve-1", 3)
		if n := len(must(scope.WaitingLinks(t.Context(), "", 0))); n != 2 {
			t.Errorf("%d links wait", n)
		}
	})
}

// Guests wait beside those about whom owners decide, and take none of their places.
func TestS53_GuestsTakeNoPlaceFromOthers(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		flow := secret.NewToken()
		_, c, _ := corp(t, s)
		comes(t, s, c, "ada-7", "ada@corp.test")
		grace := aMember(t, s, c.OrganizationID, "grace@guest.test", access.OrgMember)
		fill := func(kind WaitingKind) {
			for i := range waitingOfWhole {
				behind(t, s, `INSERT INTO waiting_links (id, organization_id, connection_id, issuer, subject, user_id, kind, email, login_id, count, created_at, last_at, expires_at)
					VALUES (?, ?, ?, 'idp', ?, ?, ?, '', '', 1, ?, ?, ?)`, fmt.Sprint("wtl_", kind, i), c.OrganizationID, c.ID, fmt.Sprint(kind, i),
					aFiller, kind, s.now(), s.now(), s.now().Add(time.Hour))
			}
		}
		behind(t, s, "INSERT INTO users (id, name, email, canonical_email, email_domain, version, created_at, updated_at) VALUES (?, '', '', 'filler', '', 1, ?, ?)", aFiller, s.now(), s.now())
		fill(WaitsAsGuest)
		if l := isRefused(t, s, c, flow, "grace-1", grace.Email, trust.ReasonGuestNotLinked); l.ID != "" {
			t.Error("more guests wait than may")
		}
		if l := isRefused(t, s, c, flow, "ada-8", "ada@corp.test", trust.ReasonAddressTaken); l.ID == "" {
			t.Error("guests have filled the places of others")
		}
		behind(t, s, "DELETE FROM waiting_links")
		fill(WaitsAsSecond)
		if l := isRefused(t, s, c, flow, "grace-1", grace.Email, trust.ReasonGuestNotLinked); l.ID == "" {
			t.Error("others have filled the places of guests")
		}
		if l := isRefused(t, s, c, flow, "ada-8", "ada@corp.test", trust.ReasonAddressTaken); l.ID != "" {
			t.Error("more wait than may")
		}
	})
}

// aFiller is the user of links that only take places.
const aFiller = "usr_filler"
