package store

import (
	"errors"
	"net/url"
	"slices"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

func TestProjects(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		search := must(scope.CreateProject(t.Context(), actorOf(owner), "search", access.Serverless, owner.ID))
		archive := must(scope.CreateProject(t.Context(), actorOf(owner), "Archive", access.Pod, owner.ID))
		if all := must(scope.ProjectsByName(t.Context(), ProjectFilter{})); len(all) != 2 || all[0] != archive && all[0].ID != archive.ID || all[1].Name != "search" {
			t.Errorf("projects: %+v", all)
		}
		for field, attempt := range map[string]error{
			"name": errorOf(scope.CreateProject(t.Context(), operator, "search", access.Pod, owner.ID)),
			"kind": errorOf(scope.CreateProject(t.Context(), operator, "other", "cluster", owner.ID)),
		} {
			var problems *Invalid
			if !errors.As(attempt, &problems) || problems.Fields[0].Field != field {
				t.Errorf("%s: %v", field, attempt)
			}
		}
		if _, err := scope.CreateProject(t.Context(), operator, "orphan", access.Pod, aUser(t, s, "no@member.test").ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("a project of somebody who is no member: %v", err)
		}
		ok(t, scope.RenameProject(t.Context(), actorOf(owner), search.ID, 1, "Search"))
		if err := scope.RenameProject(t.Context(), actorOf(owner), search.ID, 1, "Find"); !errors.Is(err, ErrConflict) {
			t.Errorf("the second of two who rename was not told: %v", err)
		}
		var problems *Invalid
		if err := scope.RenameProject(t.Context(), actorOf(owner), search.ID, 2, "Archive"); !errors.As(err, &problems) {
			t.Errorf("renamed to a name that is taken: %v", err)
		}
	})
}

func TestProjectRoles(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		p := must(scope.CreateProject(t.Context(), actorOf(owner), "Search", access.Serverless, owner.ID))
		ada := aMember(t, s, o.ID, "ada@acme.test", access.OrgMember)
		for _, roles := range [][]access.Role{{access.ProjectViewer}, {access.ProjectOwner, access.DataPlaneViewer}, {}} {
			ok(t, scope.SetProjectRoles(t.Context(), actorOf(owner), p.ID, ada.ID, roles))
			if got := must(scope.Member(t.Context(), ada.ID)).ProjectRoles[p.ID]; !slices.Equal(got, roles) {
				t.Errorf("roles %v, want %v", got, roles)
			}
			want := 1
			if len(roles) > 0 {
				want = 2
			}
			if members := must(scope.ProjectMembers(t.Context(), p.ID, MemberFilter{})); len(members) != want {
				t.Errorf("%d members of the project, want %d", len(members), want)
			}
		}
		given := must(scope.Events(t.Context(), EventFilter{Action: "role_binding"}))
		if len(given) != 6 || given[5].Action != audit.RoleBindingCreated || given[5].ProjectID != p.ID || given[5].Targets[1].Name != "Project viewer" {
			t.Errorf("events: %+v", given)
		}
		var problems *Invalid
		if err := scope.SetProjectRoles(t.Context(), operator, p.ID, ada.ID, []access.Role{access.OrgOwner}); !errors.As(err, &problems) {
			t.Errorf("a role of organizations was given in a project: %v", err)
		}
	})
}

func TestOrganizationsNeverSeeEachOther(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		acme, owner := anOrganization(t, s, "acme")
		globex, _ := anOrganization(t, s, "globex")
		p := must(s.In(acme.ID).CreateProject(t.Context(), operator, "Search", access.Serverless, owner.ID))
		ada := aMember(t, s, acme.ID, "ada@acme.test", access.OrgMember)
		theirs := aMember(t, s, globex.ID, "eve@globex.test", access.OrgMember)
		before := len(must(s.In(globex.ID).Events(t.Context(), EventFilter{})))

		attempts := func(scope *Scope) map[string]error {
			return map[string]error{
				"Project":           errorOf(scope.Project(t.Context(), p.ID)),
				"RenameProject":     scope.RenameProject(t.Context(), operator, p.ID, 1, "Mine"),
				"Member":            errorOf(scope.Member(t.Context(), ada.ID)),
				"MemberOf":          errorOf(scope.MemberOf(t.Context(), ada.UserID)),
				"SetMemberRoles":    scope.SetMemberRoles(t.Context(), operator, ada.ID, 1, []access.Role{access.OrgManager}),
				"SetProjectRoles":   scope.SetProjectRoles(t.Context(), operator, p.ID, ada.ID, []access.Role{access.ProjectOwner}),
				"their own member":  scope.SetProjectRoles(t.Context(), operator, p.ID, theirs.ID, []access.Role{access.ProjectOwner}),
				"SuspendMember":     scope.SuspendMember(t.Context(), operator, ada.ID, 1),
				"ResumeMember":      scope.ResumeMember(t.Context(), operator, ada.ID, 1),
				"RemoveMember":      scope.RemoveMember(t.Context(), operator, ada.ID, 1),
				"CreateProject for": errorOf(scope.CreateProject(t.Context(), operator, "x", access.Pod, ada.UserID)),
			}
		}
		for what, err := range attempts(s.In(globex.ID)) {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%s of another organization: %v, want %v", what, err, ErrNotFound)
			}
		}
		if all := must(s.In(globex.ID).ProjectsByName(t.Context(), ProjectFilter{})); len(all) != 0 {
			t.Errorf("projects of another organization: %+v", all)
		}
		if members := must(s.In(globex.ID).ProjectMembers(t.Context(), p.ID, MemberFilter{})); len(members) != 0 {
			t.Errorf("members of another organization's project: %+v", members)
		}
		if members := must(s.In(globex.ID).Members(t.Context(), MemberFilter{})); len(members) != 2 {
			t.Errorf("members: %+v", members)
		}
		if after := len(must(s.In(globex.ID).Events(t.Context(), EventFilter{}))); after != before {
			t.Errorf("the attempts left %d events", after-before)
		}
		for what, err := range attempts(s.In(acme.ID)) { // the honest twin
			if err != nil && !errors.Is(err, ErrConflict) && what != "their own member" {
				t.Errorf("%s of one's own organization: %v", what, err)
			}
		}
	})
}

func TestDeleteProject(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		p, kept := aProject(t, s, o.ID, owner), must(scope.CreateProject(ctx, operator, "Kept", access.Serverless, owner.ID))
		key, _ := aKey(t, s, p, owner, "ci", access.ProjectEditor)
		revoked, _ := aKey(t, s, p, owner, "old", access.ProjectEditor)
		ok(t, scope.RevokeAPIKey(ctx, operator, p.ID, revoked.ID))
		honest, _ := aKey(t, s, kept, owner, "ci", access.ProjectEditor)
		ok(t, s.RecordKeyUses(ctx, []KeyUse{{KeyID: key.ID, At: s.Now(), Day: "2026-11-23", Requests: 1}}))
		ada := aMember(t, s, o.ID, "ada@acme.test", access.OrgMember)
		ok(t, scope.SetProjectRoles(ctx, operator, p.ID, ada.ID, []access.Role{access.ProjectViewer}))
		ok(t, scope.SetDefaultRole(ctx, operator, 1, access.OrgMember, []ProjectRole{{p.ID, access.ProjectViewer}, {kept.ID, access.ProjectViewer}}))
		must(scope.RegisterHost(ctx, operator, p.ID, "app.acme.test", must(url.Parse("https://gatehouse.example"))))

		isError(t, scope.DeleteProject(ctx, operator, p.ID, 2), ErrConflict)
		isError(t, s.In("org_none").DeleteProject(ctx, operator, p.ID, 1), ErrNotFound)
		last := must(s.LastChange(ctx))
		ok(t, scope.DeleteProject(ctx, actorOf(owner), p.ID, 1))
		isError(t, errorOf(s.KeyByID(ctx, key.ID)), ErrNotFound) // K-08
		isError(t, errorOf(scope.Project(ctx, p.ID)), ErrNotFound)
		isError(t, scope.DeleteProject(ctx, operator, p.ID, 1), ErrNotFound)
		for _, table := range []string{"api_keys WHERE project_id = ?", "api_key_days WHERE project_id = ?", "role_bindings WHERE scope_id = ?", "hosts WHERE project_id = ?"} {
			if n := count(t, s, table, p.ID); n != 0 {
				t.Errorf("%d rows are left in %s", n, table)
			}
		}
		if n := count(t, s, "api_key_uses") + count(t, s, "api_key_secrets"); n != 1 {
			t.Errorf("%d rows about keys are left, want the hash of the honest one", n)
		}
		if defaults := must(scope.SignInPolicy(ctx)).DefaultProjectRoles; !slices.Equal(defaults, []ProjectRole{{kept.ID, access.ProjectViewer}}) {
			t.Errorf("newcomers get %+v", defaults)
		}
		kinds := told(t, s, last)
		if !slices.Contains(kinds, "project "+p.ID) || !slices.Contains(kinds, "sign_in_policy "+o.ID) || len(kinds) != 3 {
			t.Errorf("told %v", kinds)
		}
		if e := lastEvents(t, s, o.ID, audit.ProjectDeleted)[0]; e.Sentence() != "Name of owner@acme.test deleted the project “Search” with its API keys." || e.Changes[0].Before != "2" {
			t.Errorf("%q %+v", e.Sentence(), e.Changes)
		}
		if must(s.KeyByID(ctx, honest.ID)).ProjectID != kept.ID {
			t.Error("a key of another project has gone")
		}
	})
}
