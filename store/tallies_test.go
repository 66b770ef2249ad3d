package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

// tallied counts beforehand what would take long to do.
func tallied(t *testing.T, s *Store, l limit, whose string, times int64) {
	t.Helper()
	for range times {
		behind(t, s, "INSERT INTO tallies (kind, whose, at) VALUES (?, ?, ?)", l.kind, whose, s.Now())
	}
}

// Whoever may make organizations does not mail whom they like: the person who invites and the address that is invited are counted everywhere.
func TestInvites_AreCountedAcrossOrganizations(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		i := anInvite(t, s) // one by the owner, one to grace
		second := must(s.CreateOrganization(t.Context(), operator, "second", i.owner.ID))
		invite := func(organization string, actor audit.Actor, email string) error {
			_, _, err := s.In(organization).CreateInvite(t.Context(), actor, NewInvite{Address: address(email), Roles: i.Roles})
			return err
		}
		tallied(t, s, invitesByUser, i.owner.ID, invitesByUser.count-2)
		ok(t, invite(second.ID, actorOf(i.owner), "hundredth@guest.test"))
		isError(t, invite(second.ID, actorOf(i.owner), "late@guest.test"), ErrTooManyInvitesByOne)
		isError(t, invite(i.o.ID, actorOf(i.owner), "late@guest.test"), ErrTooManyInvitesByOne)
		account, _, err := s.In(second.ID).CreateServiceAccount(t.Context(), operator, "hr", []access.Role{access.OrgOwner})
		ok(t, err)
		ok(t, invite(second.ID, audit.Actor{Kind: audit.ServiceAccount, ID: account.ID}, "late@guest.test"))
		if n := count(t, s, "mails WHERE kind = ?", MailInvite); n != 3 {
			t.Errorf("%d invites are mailed", n)
		}
		later(s, time.Hour)
		ok(t, invite(i.o.ID, actorOf(i.owner), "late@guest.test"))

		tallied(t, s, invitesToAddress, "grace@guest.test", invitesToAddress.count-2)
		ok(t, invite(second.ID, actorOf(i.owner), "GRACE@guest.test"))
		again := must(s.In(second.ID).Invites(t.Context(), InviteFilter{Search: "grace"}))[0]
		_, _, err = s.In(second.ID).ResendInvite(t.Context(), actorOf(i.owner), again.ID, again.Version)
		isError(t, err, ErrTooManyInvitesToOne)
		later(s, 24*time.Hour)
		_, _, err = s.In(second.ID).ResendInvite(t.Context(), actorOf(i.owner), again.ID, again.Version)
		ok(t, err)
	})
}

func TestOrganizations_OnePersonMakesTenADay(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ada, grace := aUser(t, s, "ada@guest.test"), aUser(t, s, "grace@guest.test")
		create := func(u User, n int64) error {
			return errorOf(s.CreateOrganization(t.Context(), actorOf(u), fmt.Sprint("organization ", n), u.ID))
		}
		var made, refused int64
		for _, err := range atOnce(int(organizationsByUser.count+5), func(n int) error { return create(ada, int64(n)) }) {
			if err == nil {
				made++
				continue
			}
			isError(t, err, ErrTooManyOrganizations)
			refused++
		}
		if made != organizationsByUser.count || refused != 5 || count(t, s, "organizations") != made {
			t.Errorf("%d are made, %d refused", made, refused)
		}
		ok(t, create(grace, 0))
		ok(t, errorOf(s.CreateOrganization(t.Context(), operator, "by the operator", ada.ID)))
		later(s, 24*time.Hour)
		ok(t, create(ada, 99))
		ok(t, s.Sweep(t.Context()))
		if n := count(t, s, "tallies"); n != 1 {
			t.Errorf("%d are counted a day later", n)
		}
	})
}
