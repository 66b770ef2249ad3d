package access

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The table as it is promised, written a second time and by hand.
func TestOrganizationTable(t *testing.T) {
	for permission, want := range map[Permission]string{
		"organization:view": "xxxx", "projects:create": "xx--", "billing:view": "x--x", "billing:manage": "x--x", "members:manage": "x---",
		"service-accounts:manage": "x---", "sso:manage": "x---", "audit:read": "x---", "organization:manage": "x---",
	} {
		for i, role := range []Role{OrgOwner, OrgManager, OrgMember, OrgBillingAdmin} {
			if got := Organization([]Role{role}).Has(permission); got != (want[i] == 'x') {
				t.Errorf("%s %s: %v", role, permission, got)
			}
		}
	}
	if len(OrganizationMatrix()) != 9 {
		t.Error("a row of the organization's table has no expectation here")
	}
}

func TestProjectTable(t *testing.T) {
	for permission, want := range map[Permission]string{
		"project:view": "xxxxxxxxx", "project:settings": "x--------", "project:settings:read": "xxx------",
		"project:members:manage": "x--------", "project:members:read": "xxx------", "project:keys:manage": "x--------", "project:keys:read": "xxx------",
		"project:resources:read": "xx-xxxx--", "project:resources:write": "xx-x-x---", "project:data:read": "xx-xx--xx", "project:data:write": "xx-x---x-",
	} {
		for i, role := range ProjectRoles() {
			if got := Project([]Role{role}, false).Has(permission); got != (want[i] == 'x') {
				t.Errorf("%s %s: %v", role, permission, got)
			}
		}
	}
	if len(ProjectMatrix()) != 11 {
		t.Error("a row of the project's table has no expectation here")
	}
}

func TestOrganizationOwnerOwnsEveryProject(t *testing.T) {
	if !slices.Equal(Project(nil, true), Project([]Role{ProjectOwner}, false)) {
		t.Error("an owner of the organization is not an owner of the project")
	}
	if len(Project(nil, false)) != 0 || len(Organization(nil)) != 0 {
		t.Error("no role gives something")
	}
	if len(Organization([]Role{ProjectOwner, "orgowner", ""})) != 0 || len(Project([]Role{OrgOwner, "made up"}, false)) != 0 {
		t.Error("a role of elsewhere gives something")
	}
}

func drawRoles(t *rapid.T, from []Role) []Role {
	return rapid.SliceOfN(rapid.SampledFrom(from), 0, 4).Draw(t, "roles")
}

func TestPermissionsAreTheUnion(t *testing.T) {
	everything := slices.Concat(OrganizationRoles(), ProjectRoles(), []Role{"", "made up"})
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawRoles(t, everything), drawRoles(t, everything)
		both := slices.Concat(a, b)
		for _, row := range OrganizationMatrix() {
			if Organization(both).Has(row.Permission) != (Organization(a).Has(row.Permission) || Organization(b).Has(row.Permission)) {
				t.Fatalf("%s: not the union", row.Permission)
			}
		}
		for _, row := range ProjectMatrix() {
			if Project(both, false).Has(row.Permission) != (Project(a, false).Has(row.Permission) || Project(b, false).Has(row.Permission)) {
				t.Fatalf("%s: not the union", row.Permission)
			}
		}
		for _, permission := range BuiltIn().Permissions(both) {
			if !BuiltIn().Has(a, permission) && !BuiltIn().Has(b, permission) {
				t.Fatalf("%s: from neither", permission)
			}
		}
	})
}

func TestMatrixIsACopy(t *testing.T) {
	OrganizationMatrix()[0].Roles[0] = "changed"
	ProjectMatrix()[0].Permission = "changed"
	if OrganizationMatrix()[0].Roles[0] != OrgOwner || ProjectMatrix()[0].Permission != ViewProject {
		t.Error("a caller can change the table")
	}
}

func TestRolesReadWell(t *testing.T) {
	for _, role := range slices.Concat(OrganizationRoles(), ProjectRoles()) {
		if role.Title() == string(role) || role.Description() == "" {
			t.Errorf("%s has no words", role)
		}
	}
	if Role("made up").Title() != "made up" {
		t.Error("an unknown role shows as it is")
	}
}

func TestD15_NewcomersAreNeverOwners(t *testing.T) {
	if slices.Contains(DefaultRoles(), OrgOwner) || len(DefaultRoles()) != 3 {
		t.Errorf("default roles are %v", DefaultRoles())
	}
}

func TestKeyRolesThereAndBack(t *testing.T) {
	levels := []Level{None, ReadOnly, ReadWrite}
	for _, control := range levels {
		for _, data := range levels {
			roles, err := RolesOf(false, control, data)
			if control == None && data == None {
				if !errors.Is(err, ErrNoKeyRoles) {
					t.Errorf("nothing at all: %v", err)
				}
				continue
			}
			all, gotControl, gotData := LevelsOf(roles)
			if err != nil || all || gotControl != control || gotData != data {
				t.Errorf("%s/%s became %v and came back as %v %s/%s (%v)", control, data, roles, all, gotControl, gotData, err)
			}
			if err := ValidKeyRoles(Serverless, roles); err != nil {
				t.Errorf("%v: %v", roles, err)
			}
			if err := ValidKeyRoles(Pod, roles); (err == nil) != (data == ReadWrite) {
				t.Errorf("pod, %v: %v", roles, err)
			}
		}
	}
	roles, err := RolesOf(true, None, None)
	if all, control, data := LevelsOf(roles); err != nil || !all || control != ReadWrite || data != ReadWrite {
		t.Errorf("All: %v, %v", roles, err)
	}
	if _, err := RolesOf(false, "readwrite", None); err == nil {
		t.Error("an unknown level was taken")
	}
}

func TestK05_KeysHoldNoRoleThatManages(t *testing.T) {
	for _, role := range slices.Concat(OrganizationRoles(), []Role{ProjectOwner, ProjectManager, ProjectMember, "", "projecteditor"}) {
		if ValidKeyRoles(Serverless, []Role{ProjectViewer, role}) == nil {
			t.Errorf("a key may hold %q", role)
		}
	}
	for _, role := range KeyRoles() {
		if err := ValidKeyRoles(Serverless, []Role{role}); err != nil {
			t.Errorf("%s: %v", role, err)
		}
		if may := Project([]Role{role}, false); may.Has(ManageProjectKeys) || may.Has(ReadProjectKeys) || may.Has(ManageProject) || may.Has(ReadProjectSettings) {
			t.Errorf("%s reaches settings or keys", role)
		}
	}
	if !errors.Is(ValidKeyRoles(Serverless, nil), ErrNoKeyRoles) {
		t.Error("a key without roles")
	}
}
