package gate

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

// The words of the product's description, written down once more: what the planes hold, and which role reaches what. Nothing of it is taken
// from the code that it is compared with.
var (
	modelReads = map[string]string{
		"control": "indexes:list indexes:describe backups:list backups:describe collections:list collections:describe assistants:list assistants:describe",
		"data": "indexes:query indexes:fetch indexes:list-ids indexes:stats assistants:list-files assistants:view-files assistants:chat " +
			"assistants:evaluate",
	}
	modelWrites = map[string]string{
		"control": "indexes:create indexes:delete indexes:configure backups:create backups:delete backups:configure " +
			"collections:create collections:delete collections:configure assistants:create assistants:delete assistants:configure",
		"data": "indexes:import indexes:add indexes:update indexes:delete-data assistants:add-files assistants:delete-files inference:embed inference:rerank",
	}
	modelRoles = map[access.Role]string{
		access.ProjectOwner: "control:rw data:rw", access.ProjectManager: "control:rw data:rw", access.ProjectMember: "",
		access.ProjectEditor: "control:rw data:rw", access.ProjectViewer: "control:ro data:ro",
		access.ControlPlaneEditor: "control:rw", access.ControlPlaneViewer: "control:ro",
		access.DataPlaneEditor: "data:rw", access.DataPlaneViewer: "data:ro",
	}
)

func modelRoleGives(role access.Role, permission string) bool {
	for _, plane := range []string{"control", "data"} {
		reads, writes := strings.Fields(modelReads[plane]), strings.Fields(modelWrites[plane])
		reach := strings.Fields(modelRoles[role])
		if slices.Contains(reads, permission) && (slices.Contains(reach, plane+":ro") || slices.Contains(reach, plane+":rw")) {
			return true
		}
		if slices.Contains(writes, permission) && slices.Contains(reach, plane+":rw") {
			return true
		}
	}
	return false
}

func modelAny(roles []access.Role, permission string) bool {
	return slices.ContainsFunc(roles, func(r access.Role) bool { return modelRoleGives(r, permission) })
}

// modelMay: the key's roles and the creator's present rights in the project, unless an owner made the key independent. An owner of the
// organization is owner of every project; a project role needs a role in the organization.
func modelMay(s store.KeySnapshot, permission string) bool {
	if s.OrganizationSuspended || !modelAny(s.Roles, permission) {
		return false
	}
	if s.Independent {
		return true
	}
	if s.CreatorGone || s.CreatorSuspended || len(s.CreatorOrganizationRoles) == 0 {
		return false
	}
	return slices.Contains(s.CreatorOrganizationRoles, access.OrgOwner) || modelAny(s.CreatorProjectRoles, permission)
}

func drawRoles(t *rapid.T, from []access.Role, label string) []access.Role {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 0, 3, func(r access.Role) access.Role { return r }).Draw(t, label)
}

func drawSnapshot(t *rapid.T) store.KeySnapshot {
	return store.KeySnapshot{
		ID: "key_01jd3x8k2mfz9t0v5r7wq4ycna", Roles: drawRoles(t, access.KeyRoles(), "key"),
		Independent: rapid.Bool().Draw(t, "independent"), OrganizationSuspended: rapid.IntRange(0, 9).Draw(t, "suspended") == 0,
		CreatorKind:              rapid.SampledFrom([]string{"user", "service_account"}).Draw(t, "kind"),
		CreatorGone:              rapid.IntRange(0, 9).Draw(t, "gone") == 0,
		CreatorSuspended:         rapid.IntRange(0, 9).Draw(t, "creator suspended") == 0,
		CreatorOrganizationRoles: drawRoles(t, access.OrganizationRoles(), "in the organization"),
		CreatorProjectRoles:      drawRoles(t, access.ProjectRoles(), "in the project"),
	}
}

func TestK05_RightsAreWhatTheWordsSay(t *testing.T) {
	w := newWorld(t)
	var all []string
	for _, plane := range []string{"control", "data"} {
		all = append(all, strings.Fields(modelReads[plane]+" "+modelWrites[plane])...)
	}
	if len(all) != 36 {
		t.Fatalf("the model has %d permissions", len(all))
	}
	rapid.Check(t, func(t *rapid.T) {
		s := drawSnapshot(t)
		k, _, err := w.gate.keys.from(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSorted(k.rights.permissions) {
			t.Fatalf("not sorted: %v", k.rights.permissions)
		}
		for _, permission := range append(all, "indexes:fly", "project:keys:manage", "") {
			want, code := modelMay(s, permission), k.judge(Request{Permission: permission}, &keySecret{}, noAddress, w.now())
			if k.rights.include(permission) != want {
				t.Fatalf("%s is %v, want %v", permission, !want, want)
			}
			if permission != "" && (code == Valid) != want {
				t.Fatalf("%s: %s", permission, code)
			}
		}
	})
}

func TestK05_CreatorsPresentRights(t *testing.T) {
	w := newWorld(t)
	grace, member := w.person("grace@acme.test", access.OrgMember)
	scope := w.store.In(w.org.ID)
	w.ok(scope.SetProjectRoles(w.ctx, operator, w.project.ID, member.ID, []access.Role{access.ProjectEditor}))
	key, text, err := scope.CreateAPIKey(w.ctx, operator, store.NewAPIKey{ProjectID: w.project.ID, Name: "hers", Roles: []access.Role{access.ProjectEditor}, CreatorID: grace.ID})
	w.ok(err)
	write, read := Request{Key: text, Permission: "indexes:add"}, Request{Key: text, Permission: "indexes:query"}
	w.want("an editor's key writes", write, Valid)
	w.ok(scope.SetProjectRoles(w.ctx, operator, w.project.ID, member.ID, []access.Role{access.ProjectViewer}))
	w.hear()
	w.want("a viewer's reads", read, Valid)
	if got := w.want("and no longer writes", write, Forbidden); got.MissingPermission != "indexes:add" || len(got.Permissions) != 16 {
		t.Errorf("says %+v", got)
	}
	w.ok(scope.SetProjectRoles(w.ctx, operator, w.project.ID, member.ID, nil))
	w.hear()
	if got := w.want("without a role in the project", read, Forbidden); len(got.Permissions) != 0 || got.MissingPermission == "" {
		t.Errorf("says %+v", got)
	}
	now, err := scope.APIKey(w.ctx, w.project.ID, key.ID)
	w.ok(err)
	w.ok(scope.HandOverAPIKey(w.ctx, operator, w.project.ID, key.ID, now.Version, true))
	w.hear()
	w.want("handed over to the project", write, Valid)
}
