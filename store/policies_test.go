package store

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

// enforceable is an organization that meets every precondition of requiring single sign-on.
func enforceable(t *testing.T, s *Store) (*Scope, Connection, User) {
	t.Helper()
	scope, c, owner := corp(t, s)
	ok(t, tested(t, s, c, owner, "olga", "owner@corp.test"))
	aWayIn(t, s, c.OrganizationID, owner.ID)
	return scope, c, owner
}

func TestEnforcementNeedsEachPrecondition(t *testing.T) {
	rows := []struct {
		name, unmet string
		change      func(t *testing.T, s *Store, c Connection, owner User)
	}{
		{"all met", "", func(*testing.T, *Store, Connection, User) {}},
		{"a test with the last settings, 14 minutes ago", "", func(t *testing.T, s *Store, _ Connection, _ User) { later(s, 14*time.Minute) }},
		{"no verified domain", "domain", func(t *testing.T, s *Store, _ Connection, _ User) {
			behind(t, s, "UPDATE domains SET verified_at = NULL")
		}},
		{"no active connection", "connection", func(t *testing.T, s *Store, _ Connection, _ User) {
			behind(t, s, "UPDATE connections SET state = 'disabled'")
		}},
		{"a test 16 minutes ago", "test", func(t *testing.T, s *Store, _ Connection, _ User) { later(s, 16*time.Minute) }},
		{"no test", "test", func(t *testing.T, s *Store, _ Connection, _ User) { behind(t, s, "DELETE FROM logins") }},
		{"another owner's test", "test", func(t *testing.T, s *Store, c Connection, _ User) {
			m := aMember(t, s, c.OrganizationID, "second@corp.test", access.OrgOwner)
			behind(t, s, "UPDATE logins SET user_id = ?", m.UserID)
		}},
		{"a subject that is no longer linked", "test", func(t *testing.T, s *Store, _ Connection, _ User) { behind(t, s, "DELETE FROM identities") }},
		{"settings changed since the test", "test", func(t *testing.T, s *Store, c Connection, _ User) {
			now := must(s.In(c.OrganizationID).Connection(t.Context(), c.ID))
			settings := now.Settings
			settings.ForceAuthn = true
			ok(t, s.In(c.OrganizationID).ChangeConnectionSettings(t.Context(), operator, c.ID, now.Version, settings))
			ok(t, s.In(c.OrganizationID).PublishConnection(t.Context(), operator, c.ID, now.Version+1, true))
		}},
		{"a draft since the test", "", func(t *testing.T, s *Store, c Connection, _ User) {
			now := must(s.In(c.OrganizationID).Connection(t.Context(), c.ID))
			settings := now.Settings
			settings.ForceAuthn = true
			ok(t, s.In(c.OrganizationID).ChangeConnectionSettings(t.Context(), operator, c.ID, now.Version, settings))
		}},
		{"a refused test", "test", func(t *testing.T, s *Store, _ Connection, _ User) {
			behind(t, s, "UPDATE logins SET state = 'refused'")
		}},
		{"a passkey instead of codes", "", func(t *testing.T, s *Store, _ Connection, owner User) {
			aPasskey(t, s, owner, "Phone")
			behind(t, s, "DELETE FROM recovery_codes")
		}},
		{"one code left", "", func(t *testing.T, s *Store, _ Connection, _ User) {
			behind(t, s, "UPDATE recovery_codes SET spent_at = ? WHERE hash <> (SELECT hash FROM recovery_codes ORDER BY hash LIMIT 1)", s.now())
		}},
		{"nobody named, whatever passkeys and passwords there are", "break_glass", func(t *testing.T, s *Store, _ Connection, owner User) {
			aPasskey(t, s, owner, "Phone")
			behind(t, s, "DELETE FROM break_glass_owners")
		}},
		{"named, with nothing but a password", "break_glass", func(t *testing.T, s *Store, _ Connection, _ User) { behind(t, s, "DELETE FROM recovery_codes") }},
		{"all codes spent", "break_glass", func(t *testing.T, s *Store, _ Connection, _ User) {
			behind(t, s, "UPDATE recovery_codes SET spent_at = ?", s.now())
		}},
		{"the break-glass owner is suspended", "break_glass", func(t *testing.T, s *Store, _ Connection, _ User) {
			behind(t, s, "UPDATE members SET suspended_at = created_at")
		}},
		{"the break-glass owner is suspended everywhere", "break_glass", func(t *testing.T, s *Store, _ Connection, _ User) {
			behind(t, s, "UPDATE users SET suspended_at = created_at")
		}},
		{"the break-glass owner is no owner any more", "break_glass", func(t *testing.T, s *Store, _ Connection, _ User) {
			behind(t, s, "DELETE FROM role_bindings")
		}},
	}
	eachDatabase(t, func(t *testing.T, s *Store) {
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				forget(t, s)
				ctx := t.Context()
				scope, c, owner := enforceable(t, s)
				row.change(t, s, c, owner)
				version := must(scope.SignInPolicy(ctx)).Version
				preview := must(scope.EnforcementPreview(ctx, access.EnforceDomain, owner.ID))
				var unmet []string
				for _, p := range preview.Preconditions {
					if !p.Met {
						unmet = append(unmet, p.Name)
					}
				}
				err := scope.TurnOnEnforcement(ctx, actorOf(owner), version, access.EnforceDomain, owner.ID)
				policy := must(scope.SignInPolicy(ctx))
				if row.unmet == "" {
					ok(t, err)
					if !preview.Ready() || policy.Enforcement != access.EnforceDomain || policy.EnforcedAt == nil {
						t.Errorf("the policy is %+v after %+v", policy, preview)
					}
					return
				}
				hasProblem(t, err, row.unmet)
				if !slices.Contains(unmet, row.unmet) || preview.Ready() || policy.Enforcement != access.NoEnforcement {
					t.Errorf("the preview shows %v as unmet and the policy is %+v", unmet, policy)
				}
				var problems *Invalid
				errors.As(err, &problems)
				if len(problems.Fields) != len(unmet) {
					t.Errorf("the refusal names %v, the preview %v", problems.Fields, unmet)
				}
			})
		}
	})
}

func TestEnforcementTurnsOnAndOff(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, _, owner := enforceable(t, s)
		version := must(scope.SignInPolicy(ctx)).Version
		hasProblem(t, scope.TurnOnEnforcement(ctx, operator, version, "sometimes", owner.ID), "scope")
		ok(t, scope.TurnOnEnforcement(ctx, operator, version, access.EnforceDomain, owner.ID))
		isError(t, scope.EndEnforcement(ctx, operator, version), ErrConflict)
		ok(t, scope.TurnOnEnforcement(ctx, operator, version+1, access.EnforceDomain, owner.ID)) // nothing to do
		ok(t, scope.TurnOnEnforcement(ctx, operator, version+1, access.EnforceAll, owner.ID))
		ok(t, scope.EndEnforcement(ctx, operator, version+2))
		ok(t, scope.EndEnforcement(ctx, operator, version+3)) // nothing to do
		if policy := must(scope.SignInPolicy(ctx)); policy.Enforcement != access.NoEnforcement || policy.EnforcedAt != nil || policy.Version != version+3 {
			t.Errorf("the policy is %+v", policy)
		}
		const nobody, some, everyone = "nobody", "members on a verified domain", "everyone"
		var told [][]audit.Change
		for _, e := range must(scope.Events(ctx, EventFilter{Action: "sign_in_policy"})) {
			told = append(told, e.Changes)
			if e.Severity != audit.High {
				t.Errorf("%s is of severity %s", e.Action, e.Severity)
			}
		}
		if want := [][]audit.Change{{{Field: "enforcement", Before: everyone, After: nobody}}, {{Field: "enforcement", Before: some, After: everyone}},
			{{Field: "enforcement", Before: nobody, After: some}}}; !reflect.DeepEqual(told, want) {
			t.Errorf("the events tell %+v", told)
		}
	})
}

// What cannot be read does not count as met, nor as something for the owner to mend.
func TestEnforcementIsNotTurnedOnUnread(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, _, owner := enforceable(t, s)
		version := must(scope.SignInPolicy(ctx)).Version
		turnOn := func() error {
			return scope.TurnOnEnforcement(ctx, operator, version, access.EnforceDomain, owner.ID)
		}
		behind(t, s, "ALTER TABLE recovery_codes RENAME TO elsewhere")
		if err, problems := turnOn(), (*Invalid)(nil); err == nil || errors.As(err, &problems) {
			t.Errorf("unread preconditions: %v", err)
		}
		behind(t, s, "ALTER TABLE elsewhere RENAME TO recovery_codes")
		ok(t, s.SetPlan(ctx, operator, scope.organization, access.Starter))
		if err, refused := turnOn(), (*NotEntitled)(nil); !errors.As(err, &refused) || refused.Entitlement != access.EntitledSSO {
			t.Errorf("on a plan without single sign-on: %v", err)
		}
		if policy := must(scope.SignInPolicy(ctx)); policy.Enforcement != access.NoEnforcement || policy.Version != version {
			t.Errorf("the policy is %+v", policy)
		}
		ok(t, s.SetPlan(ctx, operator, scope.organization, access.Enterprise))
		ok(t, turnOn())
	})
}

func TestEnforcementPreviewCountsWhomItCovers(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, owner := enforceable(t, s)
		employee := comes(t, s, c, "ada", "ada@corp.test").User
		aMember(t, s, c.OrganizationID, "guest@guest.test", access.OrgMember)
		link := func(m Member) {
			ok(t, s.writer.Create(&Identity{ConnectionID: c.ID, Subject: m.ID, OrganizationID: c.OrganizationID, UserID: m.UserID, LinkedBy: "login", LinkedAt: s.Now()}).Error)
		}
		link(aMember(t, s, c.OrganizationID, "linked@guest.test", access.OrgMember))
		// A domain of ours between those of guests, in the order of the alphabet.
		aVerifiedDomain(t, s, c.OrganizationID, "house.test")
		link(aMember(t, s, c.OrganizationID, "bob@house.test", access.OrgMember))
		aMember(t, s, c.OrganizationID, "eve@house.test", access.OrgMember)
		for _, domain := range []string{"away.test", "zoo.test"} {
			link(aMember(t, s, c.OrganizationID, "a@"+domain, access.OrgMember))
			aMember(t, s, c.OrganizationID, "b@"+domain, access.OrgMember)
		}
		elsewhere, _ := anOrganization(t, s, "elsewhere")
		aMember(t, s, elsewhere.ID, "spy@corp.test", access.OrgMember)
		p := aProject(t, s, c.OrganizationID, owner)
		aKey(t, s, p, owner, "live", access.ProjectEditor)
		ended, _ := aKey(t, s, p, owner, "ended", access.ProjectEditor)
		ok(t, scope.RevokeAPIKey(ctx, operator, p.ID, ended.ID))
		_, _, err := s.StartSession(ctx, actorOf(owner), NewSession{UserID: owner.ID, Proof: byPassword(t, s, owner)})
		ok(t, err)
		_, _, err = s.StartSession(ctx, actorOf(employee), NewSession{UserID: employee.ID, Proof: ProvenByIdentity(arriving(t, s, c, "ada", "ada@corp.test"))})
		ok(t, err)
		for policy, want := range map[access.Scope][]string{
			access.EnforceDomain: {"ada@corp.test", "bob@house.test", "eve@house.test", "owner@corp.test"},
			access.EnforceAll:    {"a@away.test", "a@zoo.test", "ada@corp.test", "bob@house.test", "eve@house.test", "linked@guest.test", "owner@corp.test"},
		} {
			preview := must(scope.EnforcementPreview(ctx, policy, owner.ID))
			var covered []string
			for _, m := range preview.Covered {
				covered = append(covered, m.Email)
			}
			newest := slices.IsSortedFunc(preview.Covered, func(a, b Member) int { return strings.Compare(b.ID, a.ID) })
			slices.Sort(covered)
			if !slices.Equal(covered, want) || preview.CoveredCount != len(want) || !preview.CoversOwner || !preview.AllSessions || !newest || preview.APIKeys != 1 || preview.Sessions != 1 {
				t.Errorf("%s covers %v, bars %d sessions, spares %d keys", policy, covered, preview.Sessions, preview.APIKeys)
			}
			behind(t, s, "UPDATE sign_in_policies SET enforcement = ?", policy)
			for _, m := range must(scope.Members(ctx, MemberFilter{})) {
				entry, _, err := s.Entry(ctx, c.OrganizationID, Session{UserID: m.UserID})
				ok(t, err)
				if entry.Covered != slices.Contains(want, m.Email) {
					t.Errorf("%s: the preview and the door disagree about %s", policy, m.Email)
				}
			}
		}
	})
}

func TestPolicyChangesConflict(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := context.WithoutCancel(t.Context())
		scope, _, _ := corp(t, s)
		version := must(scope.SignInPolicy(ctx)).Version
		won := 0
		for _, err := range atOnce(10, func(i int) error {
			if i%2 == 0 {
				return scope.SetAdmitNewcomers(ctx, operator, version, false)
			}
			return scope.SetDefaultRole(ctx, operator, version, access.OrgManager, nil)
		}) {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, ErrConflict):
				t.Error(err)
			}
		}
		if policy := must(scope.SignInPolicy(ctx)); won != 1 || policy.Version != version+1 {
			t.Errorf("%d of two kinds of change at once won, the version is %d", won, policy.Version)
		}
		elsewhere, _ := anOrganization(t, s, "elsewhere")
		if policy := must(s.In(elsewhere.ID).SignInPolicy(ctx)); policy.Version != 1 || !policy.AdmitNewcomers {
			t.Errorf("another organization's policy is %+v", policy)
		}
	})
}
