package access

import (
	"slices"
	"strings"
	"testing"
)

const (
	here      = "prj_01jd9k5a3m8y2v4q6w8r0t2b4p"
	elsewhere = "prj_01jd9k5a3m8y2v4q6w8r0t2b4q"
)

// spelled is a list of grants as a test compares it.
func spelled(grants []Grant) string {
	var all []string
	for _, g := range grants {
		all = append(all, strings.TrimPrefix(g.ProjectID+"/"+string(g.Role)+" by "+string(g.By)+" "+g.Because, "/"))
	}
	return strings.Join(all, "; ")
}

func TestRolesFromWhatAnIdentityProviderSays(t *testing.T) {
	source := RoleSource{
		Rules: []RoleRule{
			{Group: "engineering", Role: OrgManager}, {Group: "engineering", ProjectID: here, Role: ProjectEditor}, {Group: "chiefs", Role: OrgOwner},
			{Group: "gone", ProjectID: elsewhere, Role: ProjectViewer}, {Group: "", Role: OrgBillingAdmin},
		},
		Default: OrgMember, DefaultProjects: []ProjectRole{{here, ProjectViewer}}, Projects: map[string]bool{here: true},
	}
	const byDefault = "OrgMember by default ; " + here + "/ProjectViewer by default "
	for _, row := range []struct {
		name           string
		values, groups []string
		want           string
		unheard        int
	}{
		{"nothing is said", nil, nil, byDefault, 0},
		{"values of other programs", []string{"admin", "gate:OrgManager", "xgatehouse:OrgManager"}, []string{"sales", ""}, byDefault, 0},
		{"a role", []string{"gatehouse:OrgManager"}, nil, "OrgManager by value gatehouse:OrgManager", 0},
		{"a role twice", []string{"gatehouse:OrgManager", "gatehouse:OrgManager"}, []string{"engineering"}, "OrgManager by value gatehouse:OrgManager; " + here + "/ProjectEditor by rule engineering", 0},
		{"two roles, the most powerful first", []string{"gatehouse:OrgBillingAdmin", "gatehouse:OrgManager"}, nil, "OrgManager by value gatehouse:OrgManager; OrgBillingAdmin by value gatehouse:OrgBillingAdmin", 0},
		{"a role in a project, and the default in the organization", []string{"gatehouse:project:" + here + ":ProjectOwner"}, nil,
			"OrgMember by default ; " + here + "/ProjectOwner by value gatehouse:project:" + here + ":ProjectOwner; " + here + "/ProjectViewer by default ", 0},
		{"what is the default as well, once", []string{"gatehouse:project:" + here + ":ProjectViewer"}, nil,
			"OrgMember by default ; " + here + "/ProjectViewer by value gatehouse:project:" + here + ":ProjectViewer", 0},
		{"two roles in a project, the most powerful first", []string{"gatehouse:OrgManager", "gatehouse:project:" + here + ":ProjectViewer", "gatehouse:project:" + here + ":ProjectOwner"}, nil,
			"OrgManager by value gatehouse:OrgManager; " + here + "/ProjectOwner by value gatehouse:project:" + here + ":ProjectOwner; " +
				here + "/ProjectViewer by value gatehouse:project:" + here + ":ProjectViewer", 0},
		{"a rule", nil, []string{"engineering"}, "OrgManager by rule engineering; " + here + "/ProjectEditor by rule engineering", 0},
		{"a group in other letters", nil, []string{"Engineering", " engineering"}, byDefault, 0},
		{"a rule is no value and a value no group", []string{"engineering"}, []string{"gatehouse:OrgManager"}, byDefault, 0},

		{"D-15 ownership by a value", []string{"gatehouse:OrgOwner"}, nil, byDefault, 1},
		{"D-15 ownership by a rule", nil, []string{"chiefs"}, byDefault, 1},
		{"W-18 another organization's project, or one that is gone", []string{"gatehouse:project:" + elsewhere + ":ProjectViewer"}, []string{"gone"}, byDefault, 2},
		{"roles that do not exist", []string{"gatehouse:OrgKing", "gatehouse:ProjectViewer", "gatehouse:project:" + here + ":OrgManager", "gatehouse:project:" + here + ":"}, nil, byDefault, 4},
		{"other spellings", []string{"Gatehouse:OrgManager", "gatehouse:orgmanager", " gatehouse:OrgManager", "gatehouse:OrgManager ", "gatehouse:", "gatehouse::OrgManager",
			"gatehouse:OrgManager:", "gatehouse:OrgManager,gatehouse:OrgBillingAdmin", "gatehouse:project:OrgManager", "gatehouse:Project:" + here + ":ProjectViewer",
			"gatehouse:project:" + here + ":ProjectViewer:x", "gatehouse:project::ProjectViewer", "gatehouse:project::OrgManager"}, nil, byDefault, 13},
	} {
		t.Run(row.name, func(t *testing.T) {
			grants, unheard := source.Grants(Said{row.values, row.groups})
			if got := spelled(grants); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
			if len(unheard) != row.unheard || slices.ContainsFunc(unheard, func(u Unheard) bool { return u.Value == "" || u.Why == "" }) {
				t.Errorf("not heard: %+v", unheard)
			}
		})
	}
}

// The twin of the refusals: where an owner has allowed it, both ways make an owner.
func TestD15_OwnersFromTheIdentityProviderWhereAnOwnerAllowsIt(t *testing.T) {
	source := RoleSource{Owners: true, Rules: []RoleRule{{Group: "chiefs", Role: OrgOwner}}}
	for _, said := range []Said{{Values: []string{"gatehouse:OrgOwner"}}, {Groups: []string{"chiefs"}}} {
		if grants, unheard := source.Grants(said); len(grants) != 1 || grants[0].Role != OrgOwner || len(unheard) != 0 {
			t.Errorf("%+v gives %+v, not heard %+v", said, grants, unheard)
		}
	}
}

func TestD15_ADefaultNeverGivesOwnership(t *testing.T) {
	source := RoleSource{Owners: true, Default: OrgOwner, DefaultProjects: []ProjectRole{{here, ProjectOwner}, {elsewhere, ProjectViewer}, {here, ProjectViewer}}, Projects: map[string]bool{here: true}}
	grants, _ := source.Grants(Said{})
	if got, want := spelled(grants), "OrgMember by default ; "+here+"/ProjectViewer by default "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOneRoleInTwoProjectsIsTwoGrants(t *testing.T) {
	source := RoleSource{DefaultProjects: []ProjectRole{{elsewhere, ProjectViewer}, {here, OrgManager}}, Projects: map[string]bool{here: true, elsewhere: true}}
	value := func(project string, role Role) string { return "gatehouse:project:" + project + ":" + string(role) }
	for name, row := range map[string]struct {
		values []string
		want   string
	}{
		"both said":                 {[]string{value(elsewhere, ProjectEditor), value(here, ProjectEditor), "gatehouse:OrgMember"}, "/OrgMember; here/ProjectEditor; elsewhere/ProjectEditor"},
		"one said, one the default": {[]string{value(here, ProjectViewer)}, "/OrgMember; here/ProjectViewer; elsewhere/ProjectViewer"},
		"by project, then by power": {[]string{value(elsewhere, ProjectOwner), value(here, ProjectViewer), "gatehouse:OrgMember"}, "/OrgMember; here/ProjectViewer; elsewhere/ProjectOwner"},
	} {
		grants, unheard := source.Grants(Said{Values: row.values})
		var got []string
		for _, g := range grants {
			got = append(got, map[string]string{here: "here", elsewhere: "elsewhere"}[g.ProjectID]+"/"+string(g.Role))
		}
		if strings.Join(got, "; ") != row.want || len(unheard) != 0 {
			t.Errorf("%s: %v, not heard %v", name, got, unheard)
		}
	}
}

func TestWhyAValueIsNotHeard(t *testing.T) {
	source := RoleSource{Projects: map[string]bool{here: true}}
	for value, want := range map[string]string{
		"gatehouse:":                                        misspelled,
		"Gatehouse:OrgManager":                              misspelled,
		"gatehouse:OrgManager:":                             misspelled,
		"gatehouse:project:" + here + ":":                   misspelled,
		"gatehouse:project::ProjectViewer":                  misspelled,
		"gatehouse:orgmanager":                              noSuchRole,
		"gatehouse:project:" + here + ":OrgManager":         noSuchRole,
		"gatehouse:project:" + elsewhere + ":ProjectViewer": noSuchProject,
		"gatehouse:OrgOwner":                                noOwners,
	} {
		if _, unheard := source.Grants(Said{Values: []string{value}}); len(unheard) != 1 || unheard[0] != (Unheard{value, want}) {
			t.Errorf("%q: %+v, want %s", value, unheard, want)
		}
	}
	for _, value := range []string{"OrgManager", "project:" + here + ":ProjectViewer"} {
		if g, why := parseValue(value); why != misspelled {
			t.Errorf("%q gives %+v without its prefix", value, g)
		}
	}
}

func TestRoleModes(t *testing.T) {
	if got := RoleModes(); !slices.Equal(got, []RoleMode{"console", "idp-roles"}) {
		t.Errorf("the modes are %v", got)
	}
}

func FuzzGrants(f *testing.F) {
	for _, value := range []string{"gatehouse:OrgOwner", "gatehouse:project:" + here + ":ProjectOwner", "gatehouse:project:::", "gatehouse:", "\xff"} {
		f.Add(value, value)
	}
	f.Fuzz(func(t *testing.T, value, group string) {
		source := RoleSource{Rules: []RoleRule{{Group: group, Role: OrgOwner}}, Default: OrgOwner, Projects: map[string]bool{here: true}}
		grants, _ := source.Grants(Said{[]string{value}, []string{group}})
		inOrganization := false
		for _, g := range grants {
			inOrganization = inOrganization || g.ProjectID == ""
			if g.Role == OrgOwner || g.ProjectID != "" && g.ProjectID != here || source.refuses(g) != "" {
				t.Errorf("%q gives %+v", value, g)
			}
		}
		if !inOrganization {
			t.Errorf("%q gives no role in the organization", value)
		}
	})
}
