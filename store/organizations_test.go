package store

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

func TestOrganizations(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		acme, owner := anOrganization(t, s, "acme")
		zeta, err := s.CreateOrganization(t.Context(), actorOf(owner), "  Zeta  ", owner.ID)
		ok(t, err)
		if zeta.Name != "Zeta" || zeta.Plan != "enterprise" || !IsID("org", zeta.ID) {
			t.Errorf("made %+v", zeta)
		}
		mine := must(s.OrganizationsOf(t.Context(), owner.ID))
		if len(mine) != 2 || mine[0].Organization.ID != acme.ID || mine[1].Organization.ID != zeta.ID || !mine[1].Member.IsOwner() {
			t.Errorf("my organizations: %+v", mine)
		}
		if n := count(t, s, "sign_in_policies WHERE organization_id = ? AND enforcement = '' AND default_role = 'OrgMember'", zeta.ID); n != 1 {
			t.Errorf("%d sign-in policies, want 1", n)
		}
		if none := must(s.OrganizationsOf(t.Context(), "usr_nobody")); len(none) != 0 {
			t.Errorf("somebody unknown is a member of %+v", none)
		}
		all := must(s.Organizations(t.Context(), "", 1))
		if next := must(s.Organizations(t.Context(), all[0].ID, 1)); len(next) != 1 || next[0].ID == all[0].ID {
			t.Errorf("pages %+v and %+v", all, next)
		}

		scope := s.In(zeta.ID)
		ok(t, scope.ChangeOrganization(t.Context(), actorOf(owner), 1, OrganizationChange{Name: new("Eta")}))
		if err := scope.ChangeOrganization(t.Context(), operator, 1, OrganizationChange{Name: new("Theta")}); !errors.Is(err, ErrConflict) {
			t.Errorf("the second of two who rename was not told: %v", err)
		}
		if after := must(scope.Organization(t.Context())); after.Name != "Eta" || after.Version != 2 {
			t.Errorf("renamed: %+v", after)
		}
		for _, name := range []string{"", "   ", strings.Repeat("x", 81), "a\x00b", "a\nb", "a\u202eb", "\xff"} {
			var problems *Invalid
			if err := scope.ChangeOrganization(t.Context(), operator, 2, OrganizationChange{Name: new(name)}); !errors.As(err, &problems) || problems.Fields[0].Field != "name" {
				t.Errorf("the name %q: %v", name, err)
			}
		}
	})
}

func TestSuspendedOrganizationLetsNobodyIn(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		session, _ := aSession(t, s, owner, byPassword(t, s, owner))
		for _, step := range []struct {
			do   func() error
			want string
		}{
			{func() error { return nil }, ""},
			{func() error { return s.SuspendOrganization(t.Context(), operator, o.ID) }, access.WhyOrganizationSuspended},
			{func() error { return s.ResumeOrganization(t.Context(), operator, o.ID) }, ""},
			{func() error { return s.ResumeOrganization(t.Context(), operator, o.ID) }, ""}, // twice is once
		} {
			ok(t, step.do())
			entry, _, err := s.Entry(t.Context(), o.ID, Session{UserID: owner.ID})
			ok(t, err)
			if v := access.MayEnter(entry, session.Proofs); v.Why != step.want || v.Allowed != (step.want == "") {
				t.Errorf("got %+v, want %q", v, step.want)
			}
		}
		if n := len(must(s.In(o.ID).Events(t.Context(), EventFilter{Action: string(audit.OrganizationResumed)}))); n != 1 {
			t.Errorf("resumed %d times in the events, want once", n)
		}
	})
}

func TestEntryKnowsWhatDecides(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme") // owner@acme.test
		guest := aMember(t, s, o.ID, "guest@elsewhere.test", access.OrgMember)
		rawConnection(t, s, o.ID, "con_1", "active")
		rawConnection(t, s, o.ID, "con_2", "disabled")
		behind(t, s, "INSERT INTO domains (id, organization_id, name, token, verified_at, created_at, updated_at) VALUES ('dom_1', ?, 'acme.test', 't', ?, ?, ?)", o.ID, s.now(), s.now(), s.now())
		covered := func(userID string) bool {
			entry, _, err := s.Entry(t.Context(), o.ID, Session{UserID: userID})
			ok(t, err)
			if len(entry.ActiveConnections) != 1 || entry.ActiveConnections[0] != "con_1" {
				t.Errorf("active connections %v", entry.ActiveConnections)
			}
			return entry.Covered
		}
		for _, want := range []struct {
			scope                   access.Scope
			linked                  bool
			coversOwner, coverGuest bool
		}{
			{access.NoEnforcement, false, false, false},
			{access.EnforceDomain, false, true, false},
			{access.EnforceAll, false, true, false},
			{access.EnforceAll, true, true, true},
			{access.EnforceDomain, true, true, false},
		} {
			behind(t, s, "UPDATE sign_in_policies SET enforcement = ?", want.scope)
			behind(t, s, "DELETE FROM identities")
			if want.linked {
				rawIdentity(t, s, o.ID, "con_1", "guest", guest.UserID)
			}
			if got := covered(owner.ID); got != want.coversOwner {
				t.Errorf("%q covers the owner: %v", want.scope, got)
			}
			if got := covered(guest.UserID); got != want.coverGuest {
				t.Errorf("%q covers the guest (linked: %v): %v", want.scope, want.linked, got)
			}
		}
	})
}

func TestSetPlan(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		last := must(s.LastChange(ctx))
		ok(t, s.SetPlan(ctx, operator, o.ID, access.Standard))
		ok(t, s.SetPlan(ctx, operator, o.ID, access.Standard)) // as it is
		after := must(s.Organization(ctx, o.ID))
		if after.Plan != access.Standard || !after.Has(access.EntitledSSO) || after.Has(access.EntitledSCIM) || !slices.Equal(told(t, s, last), []string{"organization " + o.ID}) {
			t.Errorf("after it: %+v, told %v", after, told(t, s, last))
		}
		events := lastEvents(t, s, o.ID, audit.OrganizationPlanChanged)
		if want := "The operator Grace changed the plan of the organization “acme” from “enterprise” to “standard”."; len(events) != 1 || events[0].Sentence() != want {
			t.Errorf("events %+v, want %q", events, want)
		}
		hasProblem(t, s.SetPlan(ctx, operator, o.ID, "free"), "plan")
		isError(t, s.SetPlan(ctx, operator, "org_none", access.Starter), ErrNotFound)
	})
}
