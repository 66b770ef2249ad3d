package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// zone is a DNS whose answers a test sets: texts by name, and names about which nobody answers.
type zone struct {
	texts  map[string][]string
	silent map[string]bool
}

func (z zone) lookUp(_ context.Context, name string) ([]string, error) {
	if z.silent[name] {
		return nil, errors.New("SERVFAIL")
	}
	return z.texts[name], nil
}

func (z zone) publish(d Domain) {
	z.texts[d.RecordName()] = append(z.texts[d.RecordName()], d.RecordValue())
}

func newZone() zone { return zone{map[string][]string{}, map[string]bool{}} }

// onward lets so many days pass with a round of looks every hour of them that matters, and says how the domain stands then.
func onward(t *testing.T, s *Store, z zone, d Domain, days int) DomainState {
	t.Helper()
	for range days * 2 {
		later(s, day/2)
		_, err := s.CheckDomains(t.Context(), z.lookUp)
		ok(t, err)
	}
	return must(s.In(d.OrganizationID).Domain(t.Context(), d.ID)).StateAt(s.Now())
}

func happened(t *testing.T, s *Store, organization string, action audit.Action) int64 {
	t.Helper()
	return count(t, s, "events WHERE organization_id = ? AND action = ?", organization, action)
}

func TestD05_ADomainIsLookedUpDailyAndLapsesAfterSevenDaysWithoutItsRecord(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		d, z := aVerifiedDomain(t, s, o.ID, "corp.test"), newZone()
		z.publish(d)
		if state := onward(t, s, z, d, 10); state != DomainVerified {
			t.Fatalf("with its record the domain is %s", state)
		}
		if n := happened(t, s, o.ID, audit.DomainVerified); n != 1 {
			t.Errorf("it was verified %d times in ten days", n)
		}
		clear(z.texts)
		if state := onward(t, s, z, d, 2); state != DomainFailing {
			t.Errorf("after two days without its record the domain is %s", state)
		}
		if state := onward(t, s, z, d, 5); state != DomainFailing {
			t.Errorf("before seven days without its record the domain is %s", state)
		}
		if state := onward(t, s, z, d, 3); state != DomainLapsed {
			t.Errorf("after seven days without its record the domain is %s", state)
		}
		if state := onward(t, s, z, d, 27); state != DomainLapsed {
			t.Errorf("within its grace the domain is %s", state)
		}
		if state := onward(t, s, z, d, 4); state != DomainEnded {
			t.Errorf("after its grace the domain is %s", state)
		}
		for _, action := range []audit.Action{audit.DomainFailing, audit.DomainLapsed, audit.DomainGraceEnded} {
			if n := happened(t, s, o.ID, action); n != 1 {
				t.Errorf("%s happened %d times", action, n)
			}
		}
		if n := count(t, s, "mails WHERE organization_id = ?", o.ID) + count(t, s, "notices WHERE organization_id = ?", o.ID); n < 3 {
			t.Errorf("owners were told %d times", n)
		}
	})
}

func TestD05_SilenceNeverLapses(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		d, z := aVerifiedDomain(t, s, o.ID, "corp.test"), newZone()
		z.silent[d.RecordName()] = true
		if state := onward(t, s, z, d, 40); state != DomainVerified {
			t.Errorf("after forty days of SERVFAIL the domain is %s", state)
		}
		if must(s.In(o.ID).Domain(t.Context(), d.ID)).CheckProblem == "" {
			t.Error("the page would not say that nobody answers")
		}
	})
}

func TestDomainRecovers(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		d, z := aVerifiedDomain(t, s, o.ID, "corp.test"), newZone()
		onward(t, s, z, d, 3)
		z.publish(d)
		if state := onward(t, s, z, d, 2); state != DomainVerified {
			t.Errorf("a failing domain whose record is back is %s", state)
		}
		clear(z.texts)
		if state := onward(t, s, z, d, 20); state != DomainLapsed {
			t.Fatalf("the domain is %s", state)
		}
		z.publish(d)
		if state := onward(t, s, z, d, 2); state != DomainVerified {
			t.Errorf("a lapsed domain whose record is back is %s", state)
		}
		if n := happened(t, s, o.ID, audit.DomainRecovered); n != 2 {
			t.Errorf("it recovered %d times", n)
		}
		if n := happened(t, s, o.ID, audit.DomainVerified); n != 1 {
			t.Errorf("owners heard %d times that it was verified", n)
		}
	})
}

// aLapsedDomain is a verified one whose record was missing for so long.
func aLapsedDomain(t *testing.T, s *Store, organization, name string) Domain {
	t.Helper()
	d := aVerifiedDomain(t, s, organization, name)
	for range 2 {
		must(s.In(organization).RecordDomainCheck(t.Context(), operator, d.ID, Finding{Problem: "no record"}))
		later(s, lapseAfter)
	}
	d = must(s.In(organization).Domain(t.Context(), d.ID))
	if d.StateAt(s.Now()) != DomainLapsed {
		t.Fatalf("the domain is %s", d.StateAt(s.Now()))
	}
	return d
}

func TestD05_WhatALapsedDomainStillDoes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		c := aConnection(t, s, o.ID)
		aVerifiedDomain(t, s, o.ID, "corp.test")
		arrive := func(subject, email string) (Resolution, *trust.Refusal) {
			t.Helper()
			login, identity := arrived(t, s, c, subject, email)
			found, refusal, err := s.ResolvePerson(ctx, operator, identity, login.ID)
			ok(t, err)
			return found, refusal
		}
		known, _ := arrive("ada", "ada@corp.test")
		behind(t, s, "UPDATE sign_in_policies SET enforcement = ?", access.EnforceDomain)
		covered := func() bool {
			entry, _, err := s.Entry(ctx, o.ID, Session{UserID: known.User.ID})
			ok(t, err)
			return entry.Covered
		}
		for _, at := range []struct {
			lapsed    time.Duration
			state     DomainState
			newcomers bool
			effect    bool
		}{{-1, DomainVerified, true, true}, {0, DomainLapsed, false, true}, {29 * day, DomainLapsed, false, true}, {31 * day, DomainEnded, false, false}} {
			if at.lapsed >= 0 {
				behind(t, s, "UPDATE domains SET lapsed_at = ?", s.Now().Add(-at.lapsed))
			}
			d := must(s.In(o.ID).Domains(ctx))[0]
			if d.StateAt(s.Now()) != at.state || d.StateAt(s.Now()).InEffect() != at.effect {
				t.Errorf("lapsed for %v the domain is %s", at.lapsed, d.StateAt(s.Now()))
			}
			if covered() != at.effect {
				t.Errorf("%s: enforcement covers its people: %v", at.state, !at.effect)
			}
			if names := must(s.In(o.ID).VerifiedDomains(ctx)); (len(names) == 1) != at.newcomers {
				t.Errorf("%s: a connection may vouch for %v", at.state, names)
			}
			if _, err := s.DomainOwner(ctx, "corp.test"); (err == nil) != at.effect {
				t.Errorf("%s: the sign-in page is told %v", at.state, err)
			}
			if _, refusal := arrive("ada", "ada@corp.test"); refusal != nil {
				t.Errorf("%s: somebody who is linked is refused: %v", at.state, refusal)
			}
			_, refusal := arrive("new "+string(at.state)+at.lapsed.String(), "new"+at.lapsed.String()+"@corp.test")
			if (refusal == nil) != at.newcomers {
				t.Errorf("%s: a newcomer meets %v", at.state, refusal)
			}
			held := must(s.In(o.ID).EnforcementPreview(ctx, access.EnforceDomain, owner.ID)).Preconditions[0]
			if held.Met != at.newcomers {
				t.Errorf("%s: enforcement could be turned on: %v", at.state, held.Met)
			}
		}
	})
}

func TestD01_ALapsedDomainMovesAfterSevenDays(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		one, _ := anOrganization(t, s, "one")
		two, _ := anOrganization(t, s, "two")
		first := aVerifiedDomain(t, s, one.ID, "corp.test")
		z := newZone()
		second := must(s.In(two.ID).ClaimDomain(ctx, operator, "corp.test", ""))
		z.publish(second)
		isError(t, errorOf(s.In(two.ID).RecordDomainCheck(ctx, operator, second.ID, Finding{Proved: true})), ErrDomainTaken)
		onward(t, s, z, first, 9)
		waiting := must(s.In(two.ID).RecordDomainCheck(ctx, operator, second.ID, Finding{Proved: true}))
		if waiting.StateAt(s.Now()) != DomainWaiting || must(s.DomainOwner(ctx, "corp.test")) != one.ID {
			t.Fatalf("proved by another within the grace, the domain is %s", waiting.StateAt(s.Now()))
		}
		if state := onward(t, s, z, second, 6); state != DomainWaiting {
			t.Errorf("after six days it is %s", state)
		}
		if state := onward(t, s, z, second, 3); state != DomainVerified || must(s.DomainOwner(ctx, "corp.test")) != two.ID {
			t.Errorf("after nine days it is %s", state)
		}
		if d := must(s.In(one.ID).Domain(ctx, first.ID)); d.StateAt(s.Now()) != DomainClaimed || happened(t, s, one.ID, audit.DomainLost) != 1 {
			t.Errorf("for who had it, it is %s", d.StateAt(s.Now()))
		}
		isError(t, errorOf(s.In(one.ID).RecordDomainCheck(ctx, operator, first.ID, Finding{Proved: true})), ErrDomainTaken)
	})
}

func TestD01_WhoHadALapsedDomainGetsItBackFromWhoeverWaits(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		one, _ := anOrganization(t, s, "one")
		two, _ := anOrganization(t, s, "two")
		first := aLapsedDomain(t, s, one.ID, "corp.test")
		second := must(s.In(two.ID).ClaimDomain(ctx, operator, "corp.test", ""))
		must(s.In(two.ID).RecordDomainCheck(ctx, operator, second.ID, Finding{Proved: true}))
		must(s.In(one.ID).RecordDomainCheck(ctx, operator, first.ID, Finding{Proved: true}))
		later(s, domainTransfer)
		isError(t, errorOf(s.In(two.ID).RecordDomainCheck(ctx, operator, second.ID, Finding{Proved: true})), ErrDomainTaken)
	})
}

func TestD01_OnlyAnothersDomainWaitsAndOnlyLately(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		one, _ := anOrganization(t, s, "one")
		two, _ := anOrganization(t, s, "two")
		ok(t, s.In(one.ID).ReleaseDomain(ctx, operator, aVerifiedDomain(t, s, one.ID, "corp.test").ID))
		again := aVerifiedDomain(t, s, one.ID, "corp.test")
		if again.StateAt(s.Now()) != DomainVerified {
			t.Errorf("who released it and comes back finds it %s", again.StateAt(s.Now()))
		}
		ok(t, s.In(one.ID).ReleaseDomain(ctx, operator, again.ID))
		later(s, domainLately+time.Second)
		if d := aVerifiedDomain(t, s, two.ID, "corp.test"); d.StateAt(s.Now()) != DomainVerified {
			t.Errorf("after ninety days another finds it %s", d.StateAt(s.Now()))
		}
	})
}

func TestD06_AMovedDomainDoesNotMovePeople(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		one, _ := anOrganization(t, s, "one")
		two, _ := anOrganization(t, s, "two")
		ours, theirs := aConnection(t, s, one.ID), aConnection(t, s, two.ID)
		d := aVerifiedDomain(t, s, one.ID, "corp.test")
		arrive := func(c Connection, subject, email string) (Resolution, *trust.Refusal) {
			t.Helper()
			login, identity := arrived(t, s, c, subject, email)
			found, refusal, err := s.ResolvePerson(ctx, operator, identity, login.ID)
			ok(t, err)
			return found, refusal
		}
		ada, _ := arrive(ours, "ada", "ada@corp.test")
		ok(t, s.In(one.ID).ReleaseDomain(ctx, operator, d.ID))
		second := aVerifiedDomain(t, s, two.ID, "corp.test")
		later(s, domainTransfer)
		must(s.In(two.ID).RecordDomainCheck(ctx, operator, second.ID, Finding{Proved: true}))

		if found, refusal := arrive(theirs, "another ada", "ada@corp.test"); refusal == nil || refusal.Reason != trust.ReasonAddressTaken {
			t.Errorf("by her address Ada became %+v of the new organization", found.User)
		}
		if found, refusal := arrive(theirs, "bea", "bea@corp.test"); refusal != nil || !found.Created {
			t.Errorf("somebody new is refused: %v", refusal)
		}
		if found, refusal := arrive(ours, "ada", "ada@corp.test"); refusal != nil || found.User.ID != ada.User.ID {
			t.Errorf("at home Ada meets %v", refusal)
		}
	})
}

func TestActivationHasDomainsLookedUp(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		d, z := aVerifiedDomain(t, s, o.ID, "corp.test"), newZone()
		z.publish(d)
		if done := must(s.CheckDomains(t.Context(), z.lookUp)); len(done) != 0 {
			t.Errorf("a domain that was just verified is looked up: %v", done)
		}
		aConnection(t, s, o.ID)
		if done := must(s.CheckDomains(t.Context(), z.lookUp)); len(done) != 1 {
			t.Errorf("after the activation %d domains are looked up", len(done))
		}
	})
}

func TestJobIsDoneByOneNode(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := context.WithoutCancel(t.Context())
		holders := []string{"a", "b", "c", "d"}
		won := make([]bool, len(holders))
		for _, err := range atOnce(len(holders), func(i int) (err error) {
			won[i], err = s.TakeJob(ctx, "domains", holders[i], time.Minute)
			return err
		}) {
			ok(t, err)
		}
		var holder, other string
		taken := 0
		for i := range won {
			if other = holders[i]; won[i] {
				holder, taken = holders[i], taken+1
			}
		}
		if taken != 1 {
			t.Fatalf("%d nodes took the job", taken)
		}
		if other == holder {
			other = "a"
		}
		if !must(s.TakeJob(ctx, "domains", holder, time.Minute)) || must(s.TakeJob(ctx, "domains", other, time.Minute)) {
			t.Error("the job changed hands before its time")
		}
		later(s, time.Minute)
		if !must(s.TakeJob(ctx, "domains", other, time.Minute)) || must(s.TakeJob(ctx, "domains", holder, time.Minute)) {
			t.Error("the job of a node that is gone stays with it")
		}
	})
}
