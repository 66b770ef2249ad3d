package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func projectStories() []Story {
	page := storyConsole("Projects", "Projects")
	many := ProjectsPage{Page: page, Create: "/projects/new", Rows: []ProjectRow{
		{Name: "Search", ID: storyProject, Href: "/projects/1", Kind: "Serverless", Roles: "Project owner", Created: storyOlder},
		{Name: storyLongName, ID: "prj_01jd9k5a3m8y2v4q6w8r0t2b4r", Href: "/projects/2", Kind: "Pod", Roles: "Organization owner", Created: storyRecent},
	}}
	many.Action = "/projects"
	found := many
	found.Search, found.Pager = "ear", ui.Pager{Previous: "/projects?q=ear&before=1", Next: "/projects?q=ear&after=2"}
	unknown := ProjectsPage{Page: page, Create: "/projects/new", Action: "/projects", Search: "serach"}
	up := ui.Link{Text: "Projects", Href: "/projects"}
	kinds := []ui.Option{
		{Value: "serverless", Label: "Serverless", Help: "API keys take any permissions: read and write, or read only, for each plane.", Chosen: true},
		{Value: "pod", Label: "Pod", Help: "API keys always read and write data."},
	}
	create := NewProjectPage{Page: storyConsole("New project", "Projects", up), Action: "/projects", Cancel: "/projects", Kinds: kinds}
	taken := create
	taken.Name, taken.Problem = "Search", &ui.Problem{Fields: []ui.FieldError{{Field: "name", Message: "Another project of this organization has this name."}}}
	roles := []ui.Option{
		{Value: "ProjectOwner", Label: "Project owner", Help: "Everything in the project: resources, data, settings, members and keys.", Chosen: true},
		{Value: "ProjectViewer", Label: "Project viewer", Help: "Reads all resources and data; no settings."},
	}
	members := ProjectMembersPage{
		ProjectFrame: storyProjectFrame("Members", "Search"), MayManage: true, Action: "/members", Roles: roles,
		Rows: []ProjectMemberRow{
			{Name: "Ada Lovelace", Email: "ada@acme.example", Roles: "Project owner", Href: "/members/1"},
			{Name: storyLongName, Email: storyLongEmail, Roles: "Control plane viewer, Data plane editor", Href: "/members/2"},
		},
	}
	stranger := members
	stranger.Email, stranger.Problem = "eve@acme.example", &ui.Problem{Fields: []ui.FieldError{{Field: "email", Message: "No member of this organization has this address."}}}
	fromIDP := members
	fromIDP.FromIDP, fromIDP.MayManage = true, false
	further := members
	further.Pager = ui.Pager{Previous: "/members?before=1", Next: "/members?after=2"}
	nobody := ProjectMembersPage{ProjectFrame: storyProjectFrame("Members", storyLongName)}
	return []Story{
		{"projects/none", "Projects: none yet", Projects(ProjectsPage{Page: page, Create: "/projects/new"}), http.StatusOK},
		{"projects/no-role", "Projects: none for this member", Projects(ProjectsPage{Page: page}), http.StatusOK},
		{"projects/many", "Projects: several, long names", Projects(many), http.StatusOK},
		{"projects/found", "Projects: found by a search, more before and behind", Projects(found), http.StatusOK},
		{"projects/no-match", "Projects: none has that in its name", Projects(unknown), http.StatusOK},
		{"projects/new", "New project", NewProject(create), http.StatusOK},
		{"projects/taken", "New project: the name is taken", NewProject(taken), http.StatusUnprocessableEntity},
		{"project/overview", "Project", Project(ProjectPage{
			ProjectFrame: storyProjectFrame("Overview", "Search"), ID: storyProject, Kind: "Serverless", Roles: "Project member", Created: storyOlder,
			Permissions: []string{"View project", "Read settings", "See members", "See API keys"},
		}), http.StatusOK},
		{"project/members", "Project: its members", ProjectMembers(members), http.StatusOK},
		{"project/members-further", "Project: its members, more before and behind", ProjectMembers(further), http.StatusOK},
		{"project/members-nobody", "Project: nobody, seen without the right to add", ProjectMembers(nobody), http.StatusOK},
		{"project/members-from-idp", "Project: its members, whose roles come from the identity provider", ProjectMembers(fromIDP), http.StatusOK},
		{"project/members-stranger", "Project: a stranger was refused", ProjectMembers(stranger), http.StatusUnprocessableEntity},
		{"project/member", "Project: one member's roles", ProjectMember(ProjectMemberPage{
			ProjectFrame: storyProjectFrame("Members", "Search"), Action: "/members/1", Cancel: "/members", Member: "Grace Hopper", Email: "grace@acme.example", Roles: roles,
		}), http.StatusOK},
		{"project/settings", "Project: its settings", ProjectSettings(ProjectSettingsPage{
			ProjectFrame: storyProjectFrame("Settings", "Search"), Action: "/settings", NewName: "Search", Version: "1", MayManage: true, Delete: "/delete", DeleteHelp: "Its 14 live API keys stop working within a second. This cannot be undone.",
		}), http.StatusOK},
		{"project/delete", "Project: asked once more before it is deleted", Confirm(ConfirmPage{
			Page: storyProjectFrame("Settings", "Search").Page, Heading: "Delete “Search”", Sentence: "This cannot be undone.", Warning: "Its keys were used 3 minutes ago.",
			Confirm: ui.Confirm{
				Action: "/delete", Version: "1", Name: "Search", Button: "Delete project", Cancel: "/settings",
				Consequences: []string{"14 live API keys stop working within a second.", "3 members lose their roles in it."},
			},
		}), http.StatusOK},
		{"project/settings-seen", "Project: its settings, seen only", ProjectSettings(ProjectSettingsPage{ProjectFrame: storyProjectFrame("Settings", "Search")}), http.StatusOK},
	}
}

// storyProjectFrame is the frame of a project's page under the tab of that name.
func storyProjectFrame(tab, name string) ProjectFrame {
	base := "/organizations/" + storyOrganization + "/projects/" + storyProject
	frame := ProjectFrame{Page: storyConsole(name, "Projects", ui.Link{Text: "Projects", Href: "/projects"}), Name: name}
	if tab != "Overview" {
		frame.Page = storyConsole(tab, "Projects", ui.Link{Text: "Projects", Href: "/projects"}, ui.Link{Text: name, Href: base})
	}
	for _, t := range []struct{ text, path string }{{"Overview", ""}, {"API keys", "/api-keys"}, {"Hosts", "/hosts"}, {"Members", "/members"}, {"Settings", "/settings"}} {
		frame.Tabs = append(frame.Tabs, ui.Link{Text: t.text, Href: base + t.path, Current: t.text == tab})
	}
	return frame
}
