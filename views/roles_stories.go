package views

import (
	"net/http"
	"strings"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func roleStories() []Story {
	matrices := RolesPage{Page: storyConsole("Roles", "Members", ui.Link{Text: "Members", Href: "/members"}), Matrices: []RoleMatrix{
		storyMatrix("In the organization", "Everybody in it has one of these at least.", []RoleWords{
			{"Organization owner", "OrgOwner", "Manages everything: members, single sign-on, audit log, billing, and every project."},
			{"Organization manager", "OrgManager", "Creates projects and becomes their owner."},
			{"Organization member", "OrgMember", "Sees the organization and the projects they were given."},
			{"Billing admin", "OrgBillingAdmin", "Sees and manages billing and usage."},
		}, [3]string{"View organization (name, members, own projects)", "organization:view", "xxxx"}, [3]string{"Create projects", "projects:create", "xx.."}, [3]string{"Manage billing", "billing:manage", "x..x"}),
		storyMatrix("In a project", "A role in a project needs one in the organization.", []RoleWords{
			{"Project owner", "ProjectOwner", "Everything in the project."}, {"Project manager", "ProjectManager", "All resources and data."}, {"Project member", "ProjectMember", "Sees settings."},
			{"Project editor", "ProjectEditor", "Reads and writes."}, {"Project viewer", "ProjectViewer", "Reads."}, {"Control plane editor", "ControlPlaneEditor", "No data."},
			{"Control plane viewer", "ControlPlaneViewer", "No data."}, {"Data plane editor", "DataPlaneEditor", "No resources."}, {"Data plane viewer", "DataPlaneViewer", "No resources."},
		}, [3]string{"View project", "project:view", "xxxxxxxxx"}, [3]string{"Read settings", "project:settings:read", "xxx......"}, [3]string{"Write data", "project:data:write", "xx.x...x."}),
	}}

	roles := []ui.Option{{Value: "OrgManager", Label: "Organization manager"}, {Value: "ProjectEditor", Label: "Project editor"}}
	console := RoleSourcePage{
		Page: storyConsole("Roles", "Sign-in", ui.Link{Text: "Sign-in", Href: "/sign-in"}), Action: "/sign-in/roles", Version: "0", Matrix: "/roles",
		Sentence: "Roles are given here, in the console.",
		Modes: []ui.Option{
			{Value: "console", Label: "This console", Help: "Owners give roles; newcomers get the default role.", Chosen: true},
			{Value: "idp-roles", Label: "The identity provider", Help: "At every sign-in through a connection, by the rules and values below."},
		},
		Projects: []ui.Option{{Label: "This organization"}, {Value: "prj_1", Label: "Search"}, {Value: "prj_2", Label: storyLongName}}, Roles: roles,
	}
	draft := console
	draft.Draft, draft.Version, draft.Owners = true, "3", true
	draft.Modes = []ui.Option{console.Modes[0], console.Modes[1]}
	draft.Modes[0].Chosen, draft.Modes[1].Chosen = false, true
	draft.Rules = []RoleRuleRow{
		{"engineering", "Organization manager", "This organization", "OrgManager", ""},
		{"engineering", "Project editor", "Search", "ProjectEditor", "prj_1"},
		{"CN=" + storyLongName + ",OU=Groups,DC=example,DC=com", "Data plane viewer", storyLongName, "DataPlaneViewer", "prj_2"},
	}
	force := draft
	force.Draft, force.FromIDP, force.Sentence = false, true, "Roles come from the identity provider, at every sign-in. Whom nothing gives a role in the organization gets the default role, Organization member."
	wrong := draft
	wrong.Group = "chiefs"
	wrong.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "role", Message: "A rule makes owners only where the identity provider is allowed to. Allow it first."}}}

	preview := RolePreviewPage{
		Page: storyConsole("What would change", "Sign-in", ui.Link{Text: "Sign-in", Href: "/sign-in"}, ui.Link{Text: "Roles", Href: "/sign-in/roles"}), Action: "/sign-in/roles", Version: "3", At: storyRecent,
		Consequences: []string{
			"1 of 1,204 members becomes or no longer is an owner.", "37 others get or lose roles.",
			"212 members keep what they have for now: no identity provider has said anything of them yet.",
			"2 owners are left.", "From then on nobody gives roles by hand here, and every sign-in through a connection sets them anew.",
		},
		Kinds: []ui.Link{{Text: "All", Href: "?", Current: true}, {Text: "Ownership (1)", Href: "?kind=ownership"}, {Text: "Roles (37)", Href: "?kind=roles"}, {Text: "Not known yet (212)", Href: "?kind=unknown"}},
		Rows: []RoleDifferenceRow{
			{Name: "Ada Lovelace", Email: "ada@example.com", Href: "/members/1", Gains: "Organization member", Loses: "Organization owner", Said: storyRecent},
			{Name: "Grace Hopper", Email: "grace@example.com", Href: "/members/2", Gains: "Project editor in Search", Said: storyOlder},
			{Name: storyLongName, Email: storyLongEmail, Href: "/members/3", Unknown: true},
		},
		Pager: ui.Pager{Next: "?after=mem_3"}, Current: true, Back: "/sign-in/roles",
	}
	locked := preview
	locked.Warnings = []string{"No owner would be left, so this cannot be put into force. Let the identity provider name an owner first, or keep owners a matter of this console.", "You yourself would no longer be an owner."}
	locked.Problem = &ui.Problem{Fields: []ui.FieldError{{Message: "This would leave the organization without an owner who can sign in, so nothing was changed."}}}
	stale := preview
	stale.Current, stale.Rows, stale.Pager = false, nil, ui.Pager{}
	return []Story{
		{"roles/matrix", "What roles may do", Roles(matrices), http.StatusOK},
		{"roles/console", "Where roles come from: the console", RoleSource(console), http.StatusOK},
		{"roles/draft", "Where roles come from: a draft", RoleSource(draft), http.StatusOK},
		{"roles/in-force", "Where roles come from: the identity provider", RoleSource(force), http.StatusOK},
		{"roles/wrong", "Where roles come from: a rule was refused", RoleSource(wrong), http.StatusUnprocessableEntity},
		{"roles/preview", "What would change", RolePreview(preview), http.StatusOK},
		{"roles/preview-refused", "What would change: no owner would be left", RolePreview(locked), http.StatusUnprocessableEntity},
		{"roles/preview-stale", "What would change: too old", RolePreview(stale), http.StatusOK},
	}
}

// storyMatrix is a table; a permission is its words, its name, and an x for each role that has it.
func storyMatrix(name, help string, roles []RoleWords, permissions ...[3]string) RoleMatrix {
	matrix := RoleMatrix{Name: name, Help: help, In: strings.ToLower(name), Roles: roles}
	for _, p := range permissions {
		row := RoleRow{Permission: p[0], Name: p[1]}
		for _, given := range p[2] {
			row.Given = append(row.Given, given == 'x')
		}
		matrix.Rows = append(matrix.Rows, row)
	}
	return matrix
}
