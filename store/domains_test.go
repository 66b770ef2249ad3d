package store

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
)

// aVerifiedDomain claims a domain and proves it.
func aVerifiedDomain(t *testing.T, s *Store, organization, name string) Domain {
	t.Helper()
	d, err := s.In(organization).ClaimDomain(t.Context(), operator, name, "")
	ok(t, err)
	d, err = s.In(organization).RecordDomainCheck(t.Context(), operator, d.ID, Finding{Proved: true})
	ok(t, err)
	return d
}

func TestD02_PublicDomainsSuffixesAndOurOwnAreRefused(t *testing.T) {
	for typed, want := range map[string]string{
		"example.com": "example.com", "a.test": "a.test", " Example.COM. ": "example.com", "sub.example.co.uk": "sub.example.co.uk",
		"bücher.example": "xn--bcher-kva.example",
		"gmail.com":      "", "mail.gmail.com": "", "GMAIL.com": "", "outlook.com": "", "co.uk": "", "com": "", "github.io": "", "localhost": "",
		"login.acme.test": "", "LOGIN.acme.test.": "", "intranet": "", "192.168.0.1": "", "": "", "ada@example.com": "", "https://example.com": "",
	} {
		name, problem := domainName(typed, "login.acme.test")
		if name != want || (problem == "") != (want != "") {
			t.Errorf("%q: got %q and %q, want %q", typed, name, problem, want)
		}
	}
}

func TestD03_DomainsHaveOneSpelling(t *testing.T) {
	for _, typed := range []string{"b.test..", ".b.test", "b..test", "b_c.test", "b.test\x00", "b.test\r\nx", "-b.test", "b .test", "b.test/"} {
		if name, problem := domainName(typed, ""); problem == "" {
			t.Errorf("%q became %q", typed, name)
		}
	}
	// What looks like another letter becomes what it is: full-width folds to ASCII, a Cyrillic а does not.
	if name, _ := domainName("ｂ.test", ""); name != "b.test" {
		t.Errorf("full-width b became %q", name)
	}
	if name, _ := domainName("а.test", ""); !strings.HasPrefix(name, "xn--") {
		t.Errorf("Cyrillic а became %q", name)
	}
}

func TestD01_AClaimGrantsNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		one, _ := anOrganization(t, s, "one")
		two, _ := anOrganization(t, s, "two")
		first, err := s.In(one.ID).ClaimDomain(ctx, operator, "Corp.Test", "")
		ok(t, err)
		second, err := s.In(two.ID).ClaimDomain(ctx, operator, "corp.test", "")
		ok(t, err) // a claim is not exclusive
		if first.Token == second.Token || first.RecordName() != "_gatehouse-challenge.corp.test." {
			t.Errorf("the records are %s %s and %s", first.RecordName(), first.RecordValue(), second.RecordValue())
		}
		hasProblem(t, errorOf(s.In(one.ID).ClaimDomain(ctx, operator, "corp.test", "")), "name")
		isError(t, errorOf(s.DomainOwner(ctx, "corp.test")), ErrNotFound)

		failed, err := s.In(one.ID).RecordDomainCheck(ctx, operator, first.ID, Finding{Problem: "No TXT record was found."})
		ok(t, err)
		if failed.VerifiedAt != nil || failed.CheckProblem == "" || failed.CheckedAt == nil {
			t.Errorf("after a check without proof the domain is %+v", failed)
		}
		verified := must(s.In(one.ID).RecordDomainCheck(ctx, operator, first.ID, Finding{Proved: true}))
		if verified.StateAt(s.Now()) != DomainVerified || must(s.DomainOwner(ctx, "corp.test")) != one.ID {
			t.Errorf("after the proof the domain is %+v", verified)
		}
		_, err = s.In(two.ID).RecordDomainCheck(ctx, operator, second.ID, Finding{Proved: true})
		isError(t, err, ErrDomainTaken)
		if d := must(s.In(two.ID).Domain(ctx, second.ID)); d.VerifiedAt != nil || d.CheckProblem == "" {
			t.Errorf("the second organization's domain is %+v", d)
		}
		// A later check that fails takes nothing away.
		if d := must(s.In(one.ID).RecordDomainCheck(ctx, operator, first.ID, Finding{Problem: "SERVFAIL"})); !d.StateAt(s.Now()).InEffect() {
			t.Error("one failed check ended a verified domain")
		}
		ok(t, s.In(one.ID).ReleaseDomain(ctx, operator, first.ID))
		must(s.In(two.ID).RecordDomainCheck(ctx, operator, second.ID, Finding{Proved: true}))
		later(s, domainTransfer)
		must(s.In(two.ID).RecordDomainCheck(ctx, operator, second.ID, Finding{Proved: true}))
		if must(s.DomainOwner(ctx, "corp.test")) != two.ID {
			t.Error("a released domain cannot be verified by another organization")
		}
	})
}

func TestD01_OneOfManyVerifiesADomain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := context.WithoutCancel(t.Context())
		scopes, domains := make([]*Scope, 8), make([]Domain, 8)
		for i := range scopes {
			o, _ := anOrganization(t, s, string(rune('a'+i))+"x")
			scopes[i] = s.In(o.ID)
			domains[i] = must(scopes[i].ClaimDomain(ctx, operator, "corp.test", ""))
		}
		won := 0
		for _, err := range atOnce(8, func(i int) error {
			return errorOf(scopes[i].RecordDomainCheck(ctx, operator, domains[i].ID, Finding{Proved: true}))
		}) {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, ErrDomainTaken):
				t.Error(err)
			}
		}
		if verified := count(t, s, "domains WHERE verified_at IS NOT NULL"); won != 1 || verified != 1 {
			t.Errorf("%d were told that they won and %d did, want 1", won, verified)
		}
	})
}

func TestDomainIsNotReleasedWhileEnforced(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		verified := aVerifiedDomain(t, s, o.ID, "corp.test")
		claimed := must(scope.ClaimDomain(ctx, operator, "other.test", ""))
		behind(t, s, "UPDATE sign_in_policies SET enforcement = ?", access.EnforceDomain)
		isError(t, scope.ReleaseDomain(ctx, operator, verified.ID), ErrEnforced)
		ok(t, scope.ReleaseDomain(ctx, operator, claimed.ID))
		behind(t, s, "UPDATE sign_in_policies SET enforcement = ''")
		ok(t, scope.ReleaseDomain(ctx, operator, verified.ID))
	})
}

func TestDomainOfAnotherOrganizationDoesNotExist(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		other, _ := anOrganization(t, s, "evil")
		d := aVerifiedDomain(t, s, o.ID, "corp.test")
		theirs := s.In(other.ID)
		isError(t, errorOf(theirs.Domain(ctx, d.ID)), ErrNotFound)
		isError(t, errorOf(theirs.RecordDomainCheck(ctx, operator, d.ID, Finding{Proved: true})), ErrNotFound)
		isError(t, theirs.ReleaseDomain(ctx, operator, d.ID), ErrNotFound)
		if len(must(theirs.Domains(ctx))) != 0 || len(must(theirs.VerifiedDomains(ctx))) != 0 {
			t.Error("the list shows another organization's domain")
		}
		isError(t, errorOf(s.In(o.ID).Domain(ctx, d.ID)), nil)
	})
}
