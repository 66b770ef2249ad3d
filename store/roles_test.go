package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// says is what the identity provider says beside who somebody is.
type says struct{ roles, groups []string }

// comesWith lets somebody sign in of whom the identity provider says more, and gives what they are then.
func comesWith(t *testing.T, s *Store, c Connection, subject string, said says) (Member, Login) {
	t.Helper()
	now := s.Now()
	identity, refusal := trust.Decide(
		trust.Policy{ConnectionID: c.ID, OrganizationID: c.OrganizationID, Issuer: "idp", EntityID: "us", ACS: "acs", ConnectionActive: true,
			OrganizationActive: true, PendingRequest: "request", VerifiedDomains: must(s.In(c.OrganizationID).VerifiedDomains(t.Context()))},
		trust.Claim{ConnectionID: c.ID, Issuer: "idp", Audience: []string{"us"}, Recipient: "acs", InResponseTo: "request", AssertionID: "assertion",
			Subject: subject, Email: subject + "@corp.test", Name: "Name of " + subject, IssuedAt: now, NotOnOrAfter: now.Add(time.Minute),
			Attributes: map[string][]string{"roles": said.roles, "groups": said.groups}},
		now)
	if refusal != nil {
		t.Fatalf("the honest claim was refused: %v", refusal)
	}
	flow := secret.NewToken()
	login := begun(t, s, c, flow)
	a := acceptance(login, identity, now)
	ok(t, s.AcceptLogin(t.Context(), a))
	login, identity, err := s.FinishLogin(t.Context(), a.Code, flow)
	ok(t, err)
	found, refusal, err := s.ResolvePerson(t.Context(), operator, identity, login.ID)
	ok(t, err)
	if refusal != nil {
		t.Fatalf("%s was refused: %+v", subject, refusal)
	}
	return found.Member, must(s.In(c.OrganizationID).Login(t.Context(), login.ID))
}

// intends puts settings for roles into force, by the way that people go: draft, preview, confirmation.
func intends(t *testing.T, scope *Scope, settings RoleSettings) {
	t.Helper()
	ok(t, previewOf(t, scope, settings))
	ok(t, scope.ApplyRoles(t.Context(), operator, must(scope.RoleDraft(t.Context())).Version))
}

func previewOf(t *testing.T, scope *Scope, settings RoleSettings) error {
	t.Helper()
	version := must(scope.RoleDraft(t.Context())).Version
	if err := scope.DraftRoles(t.Context(), version, settings); err != nil {
		return err
	}
	return scope.PreviewRoles(t.Context(), version+1)
}

// has ends the test unless the member has exactly these roles: those in the organization, and those in projects by id.
func has(t *testing.T, m Member, want []access.Role, projects map[string][]access.Role) {
	t.Helper()
	if !slices.Equal(m.Roles, want) || len(m.ProjectRoles) != len(projects) {
		t.Fatalf("%s has %v and %v, want %v and %v", m.Email, m.Roles, m.ProjectRoles, want, projects)
	}
	for id, roles := range projects {
		if !slices.Equal(m.ProjectRoles[id], roles) {
			t.Fatalf("%s has %v in project %s, want %v", m.Email, m.ProjectRoles[id], id, roles)
		}
	}
}

func roles(all ...access.Role) []access.Role { return all }

func TestRolesComeFromTheIdentityProviderAtEveryLogin(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, owner := corp(t, s)
		p := aProject(t, s, c.OrganizationID, owner)
		elsewhere, stranger := anOrganization(t, s, "elsewhere")
		foreign := aProject(t, s, elsewhere.ID, stranger)

		// Before the mode is on, what is said is kept and gives nothing.
		m, _ := comesWith(t, s, c, "ada", says{roles: []string{"gatehouse:OrgManager"}})
		has(t, m, roles(access.OrgMember), nil)

		intends(t, scope, RoleSettings{Mode: access.IDPRoles, Rules: []access.RoleRule{{Group: "eng", Role: access.OrgBillingAdmin}, {Group: "eng", ProjectID: p.ID, Role: access.ProjectEditor}}})
		has(t, must(scope.Member(ctx, m.ID)), roles(access.OrgManager), nil)

		m, login := comesWith(t, s, c, "ada", says{groups: []string{"eng", "other"}, roles: []string{"gatehouse:project:" + p.ID + ":ProjectOwner", "other:thing",
			"gatehouse:OrgOwner", "gatehouse:orgmanager", "gatehouse:project:" + foreign.ID + ":ProjectViewer"}})
		has(t, m, roles(access.OrgBillingAdmin), map[string][]access.Role{p.ID: {access.ProjectOwner, access.ProjectEditor}})
		var noted, given []string
		for _, step := range login.Steps {
			switch {
			case step.Name == "Role" && step.Verdict == StepNoted:
				noted = append(noted, step.Got)
			case step.Name == "Role":
				given = append(given, step.Got)
			}
		}
		if len(noted) != 3 || len(given) != 3 || !strings.Contains(strings.Join(given, "; "), "Billing admin, by the rule for the group eng") ||
			!strings.Contains(strings.Join(noted, "; "), "gatehouse:OrgOwner gives nothing: the identity provider may not make owners here") {
			t.Errorf("the steps are %q and %q", given, noted)
		}
		bindings := must(scope.RoleBindings(ctx, RoleBindingFilter{PrincipalID: m.UserID}))
		var origins []string
		for _, b := range bindings {
			origins = append(origins, b.Origin)
		}
		slices.Sort(origins)
		if want := []string{"idp " + c.ID + " rule eng", "idp " + c.ID + " rule eng", "idp " + c.ID + " value gatehouse:project:" + p.ID + ":ProjectOwner"}; !slices.Equal(origins, want) {
			t.Errorf("the origins are %q, want %q", origins, want)
		}

		// Nothing is said any more: the default role. What gave the others is gone, and so are they.
		m, _ = comesWith(t, s, c, "ada", says{})
		has(t, m, roles(access.OrgMember), nil)
		// A newcomer has what is said at once.
		m, _ = comesWith(t, s, c, "grace", says{groups: []string{"eng"}})
		has(t, m, roles(access.OrgBillingAdmin), map[string][]access.Role{p.ID: {access.ProjectEditor}})
		// Every change is an event of ours, about the person.
		e := must(scope.Events(ctx, EventFilter{Action: string(audit.MemberRolesChanged), Limit: 1}))[0]
		if e.Actor.Kind != audit.System || e.Targets[0].ID != m.UserID {
			t.Errorf("the event is %+v", e)
		}
		ok(t, scope.DeleteProject(ctx, operator, p.ID, p.Version))
		if left := must(scope.SignInPolicy(ctx)).Rules; len(left) != 1 || left[0].ProjectID != "" {
			t.Errorf("rules %+v are left of a project that is gone", left)
		}
		m, _ = comesWith(t, s, c, "grace", says{groups: []string{"eng"}})
		has(t, m, roles(access.OrgBillingAdmin), nil)

		// Back in the console nobody changes, and a login no longer changes anybody.
		intends(t, scope, RoleSettings{Mode: access.ConsoleRoles})
		m, _ = comesWith(t, s, c, "grace", says{})
		has(t, m, roles(access.OrgBillingAdmin), nil)
	})
}

func TestD15_OwnersAreNotTheIdentityProvidersUnlessAnOwnerSaysSo(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, _ := corp(t, s)
		chief, _ := comesWith(t, s, c, "chief", says{})
		ok(t, scope.SetMemberRoles(ctx, operator, chief.ID, chief.Version, roles(access.OrgOwner)))

		hasProblem(t, previewOf(t, scope, RoleSettings{Mode: access.IDPRoles, Rules: []access.RoleRule{{Group: "chiefs", Role: access.OrgOwner}}}), "role")
		intends(t, scope, RoleSettings{Mode: access.IDPRoles})
		// It neither makes nor unmakes one.
		m, _ := comesWith(t, s, c, "ada", says{roles: []string{"gatehouse:OrgOwner"}})
		has(t, m, roles(access.OrgMember), nil)
		chief, _ = comesWith(t, s, c, "chief", says{roles: []string{"gatehouse:OrgBillingAdmin"}})
		has(t, chief, roles(access.OrgOwner, access.OrgBillingAdmin), nil)
		// Owners do, by hand; and nothing else.
		isError(t, scope.SetMemberRoles(ctx, operator, m.ID, m.Version, roles(access.OrgManager)), ErrRolesFromIDP)
		isError(t, scope.SetMemberRoles(ctx, operator, m.ID, m.Version, roles(access.OrgOwner, access.OrgManager)), ErrRolesFromIDP)
		ok(t, scope.SetMemberRoles(ctx, operator, m.ID, m.Version, roles(access.OrgOwner, access.OrgMember)))
		ok(t, scope.SetMemberRoles(ctx, operator, m.ID, m.Version+1, roles(access.OrgMember)))

		// The twin: an owner has allowed it.
		intends(t, scope, RoleSettings{Mode: access.IDPRoles, OwnersFromIDP: true, Rules: []access.RoleRule{{Group: "chiefs", Role: access.OrgOwner}}})
		m, _ = comesWith(t, s, c, "ada", says{groups: []string{"chiefs"}})
		has(t, m, roles(access.OrgOwner), nil)
		chief, _ = comesWith(t, s, c, "chief", says{})
		has(t, chief, roles(access.OrgMember), nil)
		isError(t, scope.SetMemberRoles(ctx, operator, chief.ID, chief.Version, roles(access.OrgOwner, access.OrgMember)), ErrRolesFromIDP)
	})
}

func TestD14_TheLastOwnerStaysWhateverTheIdentityProviderSays(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, user := corp(t, s)
		comesWith(t, s, c, "ada", says{})
		comesWith(t, s, c, "chief", says{roles: []string{"gatehouse:OrgOwner"}})
		intends(t, scope, RoleSettings{Mode: access.IDPRoles, OwnersFromIDP: true})
		ok(t, scope.RemoveMember(ctx, operator, must(scope.MemberOf(ctx, user.ID)).ID, must(scope.MemberOf(ctx, user.ID)).Version))

		for range 2 { // the second time nobody is told again
			m, login := comesWith(t, s, c, "chief", says{roles: []string{"gatehouse:OrgManager"}})
			has(t, m, roles(access.OrgOwner, access.OrgManager), nil)
			if !slices.ContainsFunc(login.Steps, func(step LoginStep) bool { return strings.HasPrefix(step.Got, "stays an owner") }) {
				t.Errorf("the steps are %+v", login.Steps)
			}
			if told := must(scope.Events(ctx, EventFilter{Action: string(audit.MemberOwnerKept)})); len(told) != 1 || told[0].Severity != audit.High {
				t.Errorf("the events are %+v", told)
			}
		}
		// The twin: with another owner they are what the identity provider says.
		comesWith(t, s, c, "ada", says{roles: []string{"gatehouse:OrgOwner"}})
		m, _ := comesWith(t, s, c, "chief", says{roles: []string{"gatehouse:OrgManager"}})
		has(t, m, roles(access.OrgManager), nil)
	})
}

// What the identity provider unmakes is no longer named for break-glass; what cannot be unmade keeps the naming, and the codes.
func TestD13_ALoginTakesNoLastWayIn(t *testing.T) {
	allowed := RoleSettings{Mode: access.IDPRoles, OwnersFromIDP: true}
	owner, manager := says{roles: []string{"gatehouse:OrgOwner"}}, says{roles: []string{"gatehouse:OrgManager"}}
	eachDatabase(t, func(t *testing.T, s *Store) {
		stillIn := func(t *testing.T, scope *Scope, m Member, why string) {
			t.Helper()
			has(t, m, roles(access.OrgOwner, access.OrgManager), nil)
			named := must(scope.BreakGlassOwners(t.Context()))
			if !slices.ContainsFunc(named, func(n BreakGlassOwner) bool { return n.Member.ID == m.ID && n.CodesLeft == 10 }) {
				t.Errorf("named are %+v", named)
			}
			if kept := must(scope.Events(t.Context(), EventFilter{Action: string(audit.MemberOwnerKept)})); len(kept) != 1 || kept[0].Reason != why {
				t.Errorf("the events are %+v, want one for %s", kept, why)
			}
			if n := happened(t, s, scope.organization, audit.BreakGlassOwnerRemoved); n != 0 {
				t.Errorf("%d times somebody was taken off the list", n)
			}
		}
		t.Run("of the only owner", func(t *testing.T) {
			forget(t, s)
			scope, c, founder := corp(t, s)
			comesWith(t, s, c, "owner", owner) // the founder, recognized by their address
			aWayIn(t, s, c.OrganizationID, founder.ID)
			intends(t, scope, allowed)
			for range 2 { // again: nothing wears off
				m, _ := comesWith(t, s, c, "owner", manager)
				stillIn(t, scope, m, "last_owner")
			}
		})
		t.Run("of the only one who gets in by break-glass, while enforced", func(t *testing.T) {
			forget(t, s)
			scope, c, founder := corp(t, s) // another owner, with a password
			ada, _ := comesWith(t, s, c, "ada", owner)
			intends(t, scope, allowed)
			codes := aWayIn(t, s, c.OrganizationID, ada.UserID)
			enforced(t, s, c.OrganizationID, access.EnforceAll)
			ada, _ = comesWith(t, s, c, "ada", manager)
			stillIn(t, scope, ada, "last_break_glass")

			// The twin: with another way in they are what the identity provider says, and named no longer.
			aWayIn(t, s, c.OrganizationID, founder.ID)
			ada, _ = comesWith(t, s, c, "ada", manager)
			has(t, ada, roles(access.OrgManager), nil)
			if named := must(scope.BreakGlassOwners(t.Context())); len(named) != 1 || named[0].Member.UserID != founder.ID {
				t.Errorf("named are %+v", named)
			}
			_, _, err := recovers(t, s, must(s.User(t.Context(), ada.UserID)), codes[0])
			isError(t, err, ErrNotFound)
		})
		t.Run("without enforcement", func(t *testing.T) {
			forget(t, s)
			scope, c, _ := corp(t, s)
			ada, _ := comesWith(t, s, c, "ada", owner)
			intends(t, scope, allowed)
			aWayIn(t, s, c.OrganizationID, ada.UserID)
			ada, _ = comesWith(t, s, c, "ada", manager)
			has(t, ada, roles(access.OrgManager), nil)
			if named := must(scope.BreakGlassOwners(t.Context())); len(named) != 0 {
				t.Errorf("named are %+v", named)
			}
		})
		t.Run("where none was left before, a login is not refused", func(t *testing.T) {
			forget(t, s)
			scope, c, _ := corp(t, s)
			ada, _ := comesWith(t, s, c, "ada", owner)
			intends(t, scope, allowed)
			ok(t, scope.NameBreakGlassOwner(t.Context(), operator, ada.ID)) // without a passkey or codes
			enforced(t, s, c.OrganizationID, access.EnforceAll)
			ada, _ = comesWith(t, s, c, "ada", manager)
			has(t, ada, roles(access.OrgManager), nil)
		})
	})
}

func TestD13_AChangeOfRolesThatLeavesNoWayInIsRefused(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, founder := corp(t, s)
		ada, _ := comesWith(t, s, c, "ada", says{})
		ok(t, scope.SetMemberRoles(ctx, operator, ada.ID, ada.Version, roles(access.OrgOwner)))
		aWayIn(t, s, c.OrganizationID, ada.UserID)
		enforced(t, s, c.OrganizationID, access.EnforceAll)
		settings := RoleSettings{Mode: access.IDPRoles, OwnersFromIDP: true}
		ok(t, previewOf(t, scope, settings))
		draft := must(scope.RoleDraft(ctx))
		hasProblem(t, scope.ApplyRoles(ctx, operator, draft.Version), "owners")
		if named := must(scope.BreakGlassOwners(ctx)); len(named) != 1 || !named[0].GetsIn() || must(scope.SignInPolicy(ctx)).Mode != access.ConsoleRoles {
			t.Errorf("refused, and yet named are %+v", named)
		}
		// The twin: with another way in it takes effect, and whoever is no owner is named no longer.
		aWayIn(t, s, c.OrganizationID, founder.ID)
		ok(t, scope.ApplyRoles(ctx, operator, draft.Version))
		has(t, must(scope.Member(ctx, ada.ID)), roles(access.OrgMember), nil)
		if named := must(scope.BreakGlassOwners(ctx)); len(named) != 1 || named[0].Member.UserID != founder.ID {
			t.Errorf("named are %+v", named)
		}
	})
}

// Two owners whom the identity provider unmakes in two logins at once: one of them stays.
func TestD14_TwoLoginsAtOnceLeaveAnOwner(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := context.WithoutCancel(t.Context())
		scope, c, user := corp(t, s)
		for _, who := range []string{"ada", "grace"} {
			comesWith(t, s, c, who, says{roles: []string{"gatehouse:OrgOwner"}})
		}
		intends(t, scope, RoleSettings{Mode: access.IDPRoles, OwnersFromIDP: true})
		founder := must(scope.MemberOf(ctx, user.ID))
		ok(t, scope.RemoveMember(ctx, operator, founder.ID, founder.Version))
		logins := map[int]Login{}
		identities := map[int]trust.Identity{}
		for i, who := range []string{"ada", "grace"} {
			logins[i], identities[i] = arrived(t, s, c, who, who+"@corp.test")
		}
		for _, err := range atOnce(2, func(i int) error {
			_, refusal, err := s.ResolvePerson(ctx, operator, identities[i], logins[i].ID)
			if refusal != nil {
				return refusal
			}
			return err
		}) {
			ok(t, err)
		}
		if n := count(t, s, "role_bindings WHERE role = 'OrgOwner' AND organization_id = ?", c.OrganizationID); n != 1 {
			t.Errorf("%d owners are left, want 1", n)
		}
	})
}

func TestRolesAreNotGivenByHandWhereTheIdentityProviderGivesThem(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, owner := corp(t, s)
		p := aProject(t, s, c.OrganizationID, owner)
		m, _ := comesWith(t, s, c, "ada", says{roles: []string{"gatehouse:OrgManager"}})
		guest := aMember(t, s, c.OrganizationID, "guest@elsewhere.test", access.OrgMember)
		ok(t, scope.SetProjectRoles(ctx, operator, p.ID, guest.ID, roles(access.ProjectViewer))) // the twin
		intends(t, scope, RoleSettings{Mode: access.IDPRoles})
		m = must(scope.Member(ctx, m.ID))

		isError(t, scope.SetMemberRoles(ctx, operator, m.ID, m.Version, roles(access.OrgMember)), ErrRolesFromIDP)
		isError(t, scope.SetMemberRoles(ctx, operator, guest.ID, guest.Version, roles(access.OrgManager)), ErrRolesFromIDP)
		isError(t, scope.SetProjectRoles(ctx, operator, p.ID, m.ID, roles(access.ProjectViewer)), ErrRolesFromIDP)
		isError(t, scope.SetProjectRoles(ctx, operator, p.ID, guest.ID, nil), ErrRolesFromIDP)
		has(t, must(scope.Member(ctx, guest.ID)), roles(access.OrgMember), map[string][]access.Role{p.ID: {access.ProjectViewer}})

		// Whoever may make projects owns those that they make, as long as the identity provider says that they may.
		own := must(scope.CreateProject(ctx, operator, "Own", access.Serverless, m.UserID))
		m, _ = comesWith(t, s, c, "ada", says{roles: []string{"gatehouse:OrgManager"}})
		has(t, m, roles(access.OrgManager), map[string][]access.Role{own.ID: {access.ProjectOwner}})
		m, _ = comesWith(t, s, c, "ada", says{})
		has(t, m, roles(access.OrgMember), nil)
		// To suspend and to remove is still by hand.
		ok(t, scope.SuspendMember(ctx, operator, guest.ID, guest.Version))
		ok(t, scope.RemoveMember(ctx, operator, m.ID, m.Version))
	})
}

func TestWhatAChangeOfRolesWouldDoIsShownMemberByMember(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, owner := corp(t, s)
		p := aProject(t, s, c.OrganizationID, owner)
		ada, _ := comesWith(t, s, c, "ada", says{groups: []string{"eng"}})
		grace, _ := comesWith(t, s, c, "grace", says{roles: []string{"gatehouse:OrgOwner"}})
		same, _ := comesWith(t, s, c, "same", says{})
		ok(t, scope.SetProjectRoles(ctx, operator, p.ID, ada.ID, roles(access.ProjectViewer)))
		settings := RoleSettings{Mode: access.IDPRoles, OwnersFromIDP: true, Rules: []access.RoleRule{{Group: "eng", Role: access.OrgManager}}}
		ok(t, previewOf(t, scope, settings))

		draft := must(scope.RoleDraft(ctx))
		want := RolePreview{At: draft.Preview.At, Members: 4, Ownerships: 1, Changes: 1, Unknowns: 1, OwnersLeft: 2, Current: true}
		if *draft.Preview != want || draft.InForce {
			t.Errorf("the counts are %+v, want %+v", *draft.Preview, want)
		}
		found := map[string]RoleDifference{}
		for _, d := range must(scope.RoleDifferences(ctx, DifferenceFilter{})) {
			found[d.Member.ID] = d
		}
		inOrganization := func(r access.Role) []ProjectRole { return []ProjectRole{{"", r}} }
		switch a, g := found[ada.ID], found[grace.ID]; {
		case len(found) != 3, a.Kind != RolesDiffer, g.Kind != OwnershipDiffers, a.SaidAt == nil || s.Now().Sub(*a.SaidAt) > time.Minute:
			t.Errorf("found %+v", found)
		case !slices.Equal(a.Gains, inOrganization(access.OrgManager)), !slices.Equal(a.Loses, append(inOrganization(access.OrgMember), ProjectRole{p.ID, access.ProjectViewer})),
			!slices.Equal(g.Gains, inOrganization(access.OrgOwner)):
			t.Errorf("ada %+v, grace %+v", a, g)
		}
		if unknown := found[must(scope.MemberOf(ctx, owner.ID)).ID]; unknown.Kind != NothingKnown || unknown.SaidAt != nil || len(unknown.Loses) != 0 {
			t.Errorf("the owner, of whom nothing is known, is %+v", unknown)
		}
		one := must(scope.RoleDifferences(ctx, DifferenceFilter{Limit: 1}))
		if rest := must(scope.RoleDifferences(ctx, DifferenceFilter{After: one[0].Member.ID})); len(rest) != 2 {
			t.Errorf("behind the first there are %d, want 2", len(rest))
		}
		if only := must(scope.RoleDifferences(ctx, DifferenceFilter{Kind: OwnershipDiffers})); len(only) != 1 || only[0].Member.ID != grace.ID {
			t.Errorf("of ownership there are %+v", only)
		}

		// Nothing has happened yet; then it has, to those who were shown.
		has(t, must(scope.Member(ctx, ada.ID)), roles(access.OrgMember), map[string][]access.Role{p.ID: {access.ProjectViewer}})
		ok(t, scope.ApplyRoles(ctx, operator, draft.Version))
		has(t, must(scope.Member(ctx, ada.ID)), roles(access.OrgManager), nil)
		has(t, must(scope.Member(ctx, grace.ID)), roles(access.OrgOwner), nil)
		has(t, must(scope.Member(ctx, same.ID)), roles(access.OrgMember), nil)
		has(t, must(scope.MemberOf(ctx, owner.ID)), roles(access.OrgOwner), map[string][]access.Role{p.ID: {access.ProjectOwner}})
		e := must(scope.Events(ctx, EventFilter{Action: string(audit.SignInPolicyRolesChanged)}))[0]
		if e.Severity != audit.High || e.Changes[0] != (audit.Change{Field: "mode", Before: "the console", After: "the identity provider"}) {
			t.Errorf("the event is %+v", e)
		}
		if after := must(scope.RoleDraft(ctx)); !after.InForce || after.Version != 0 || !after.Equal(settings) {
			t.Errorf("the draft afterwards is %+v", after)
		}
		if n := count(t, s, "role_differences"); n != 0 {
			t.Errorf("%d differences are left", n)
		}
	})
}

func TestRolesTakeEffectByWhatWasShownAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, _, _ := corp(t, s)
		settings := RoleSettings{Mode: access.IDPRoles}
		isError(t, scope.ApplyRoles(ctx, operator, 1), ErrConflict) // there is none
		ok(t, scope.DraftRoles(ctx, 0, settings))
		isError(t, scope.DraftRoles(ctx, 0, settings), ErrConflict) // somebody else's
		hasProblem(t, scope.ApplyRoles(ctx, operator, 1), "preview")
		isError(t, scope.PreviewRoles(ctx, 2), ErrConflict)
		ok(t, scope.PreviewRoles(ctx, 1))
		settings.OwnersFromIDP = true
		ok(t, scope.DraftRoles(ctx, 1, settings)) // changed since it was shown
		hasProblem(t, scope.ApplyRoles(ctx, operator, 2), "preview")
		ok(t, scope.PreviewRoles(ctx, 2))
		policy := must(scope.SignInPolicy(ctx))
		ok(t, scope.SetDefaultRole(ctx, operator, policy.Version, access.OrgBillingAdmin, nil)) // what it was worked out from
		hasProblem(t, scope.ApplyRoles(ctx, operator, 2), "preview")
		ok(t, scope.PreviewRoles(ctx, 2))
		now := s.now
		later(s, PreviewLife+time.Second)
		hasProblem(t, scope.ApplyRoles(ctx, operator, 2), "preview")
		s.now = now
		isError(t, scope.ApplyRoles(ctx, operator, 1), ErrConflict)
		ok(t, scope.ApplyRoles(ctx, operator, 2)) // the twin
		ok(t, previewOf(t, scope, settings))
		hasProblem(t, scope.ApplyRoles(ctx, operator, 1), "mode") // nothing would change
		ok(t, scope.DiscardRoles(ctx))
		if draft := must(scope.RoleDraft(ctx)); draft.Version != 0 || !draft.InForce {
			t.Errorf("the draft afterwards is %+v", draft)
		}
	})
}

func TestD14_AChangeOfRolesThatLeavesNoOwnerIsRefused(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, user := corp(t, s)
		comesWith(t, s, c, "owner", says{}) // the founder, recognized by their address
		settings := RoleSettings{Mode: access.IDPRoles, OwnersFromIDP: true}
		ok(t, previewOf(t, scope, settings))
		draft := must(scope.RoleDraft(ctx))
		if draft.Preview.OwnersLeft != 0 {
			t.Errorf("the preview is %+v", draft.Preview)
		}
		events := count(t, s, "events")
		hasProblem(t, scope.ApplyRoles(ctx, operator, draft.Version), "owners")
		has(t, must(scope.MemberOf(ctx, user.ID)), roles(access.OrgOwner), nil)
		if n := count(t, s, "events"); n != events || must(scope.SignInPolicy(ctx)).Mode != access.ConsoleRoles {
			t.Error("something has changed")
		}
		// The twin: the identity provider names one.
		comesWith(t, s, c, "owner", says{roles: []string{"gatehouse:OrgOwner"}})
		intends(t, scope, settings)
		has(t, must(scope.MemberOf(ctx, user.ID)), roles(access.OrgOwner), nil)
	})
}

func TestRulesThatCannotBe(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		scope, c, owner := corp(t, s)
		p := aProject(t, s, c.OrganizationID, owner)
		elsewhere, stranger := anOrganization(t, s, "elsewhere")
		foreign := aProject(t, s, elsewhere.ID, stranger)
		many := make([]access.RoleRule, maxRoleRules+1)
		for i := range many {
			many[i] = access.RoleRule{Group: fmt.Sprint("g", i), Role: access.OrgMember}
		}
		rule := func(group, project string, role access.Role) []access.RoleRule {
			return []access.RoleRule{{Group: group, ProjectID: project, Role: role}}
		}
		for field, rules := range map[string][][]access.RoleRule{
			"group":   {rule("", "", access.OrgMember), rule(strings.Repeat("g", 257), "", access.OrgMember), rule("a\nb", "", access.OrgMember), append(many[:1:1], many[0])},
			"project": {rule("g", foreign.ID, access.ProjectViewer), rule("g", "prj_x", access.ProjectViewer)},
			"role":    {rule("g", p.ID, access.OrgMember), rule("g", "", access.ProjectViewer), rule("g", "", access.OrgOwner), rule("g", "", "Emperor")},
			"rules":   {many},
		} {
			for _, these := range rules {
				hasProblem(t, scope.DraftRoles(t.Context(), 0, RoleSettings{Mode: access.IDPRoles, Rules: these}), field)
			}
		}
		hasProblem(t, scope.DraftRoles(t.Context(), 0, RoleSettings{Mode: "scim"}), "mode")
		ok(t, scope.DraftRoles(t.Context(), 0, RoleSettings{Mode: access.IDPRoles, Rules: append(many[:maxRoleRules-1:maxRoleRules-1], rule("g", p.ID, access.ProjectOwner)...)})) // the twin
	})
}
