package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func organizationStories() []Story {
	start := storyPage("Your organizations")
	start.Person = "Ada Lovelace"
	none := OrganizationsPage{Page: start}
	many := OrganizationsPage{Page: start, MayCreate: true, Rows: []OrganizationRow{
		{Name: "Acme Corporation", Slug: "acme-corporation", Href: "/organizations/" + storyOrganization, Roles: "Organization owner"},
		{Name: storyLongName, Href: "/organizations/2", Roles: "Organization member, Billing admin"},
		{Name: "Initech", Href: "/organizations/3", Roles: "Organization member", Suspended: true},
	}}
	wrong := many
	wrong.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "name", Message: "Enter a name."}}}
	first := OrganizationPage{
		FindLogin: "/logins",
		Page:      storyConsole("Acme Corporation", ""), Name: "Acme Corporation", ID: storyOrganization, Roles: "Organization owner",
		Members: "1 member", MembersAt: "/members", ProjectsAt: "/projects",
		Tasks: []OrganizationTask{
			{Text: "Connect your identity provider", Help: "Exchange metadata with it, test with a real sign-in, activate.", Href: "/connections", Done: true},
			{Text: "Prove your email domain", Help: "One TXT record in your DNS.", Href: "/domains"},
			{Text: "Require single sign-on", Help: "Choose the role that newcomers get, see who is affected, turn it on.", Href: "/sign-in"},
		},
	}
	member := first
	member.Page = storyConsole(storyLongName, "")
	member.Page.Nav = storyNav(storyLongName, "")
	member.Name, member.Tasks, member.Roles, member.Members = storyLongName, nil, "Organization member", "1204 members"
	member.Projects = []OrganizationRow{{Name: "Search", Href: "/projects/1", Roles: "Project viewer"}, {Name: storyLongName, Href: "/projects/2", Roles: "Control plane editor, Data plane viewer"}}
	told := first
	told.Notices = Notices{Action: "/notices", More: "3 older notices follow when you have read these.", Rows: []NoticeRow{
		{ID: "ntc_1", Sentence: "Ada Lovelace activated the connection “Okta”.", At: storyRecent},
		{ID: "ntc_2", Sentence: storyLongName + " signed in by break-glass.", At: storyOlder},
	}}
	told.Connections = []ConnectionNotice{{"Okta", "/connections/1/certificates", "Certificate expires in 6 days"}, {storyLongName, "/connections/2/certificates", "Metadata has changed"}}
	settings := OrganizationSettingsPage{
		Page: storyConsole("Settings", "Settings"), Action: "/settings", Name: "Acme Corporation", ID: storyOrganization,
		Plan: "Enterprise", Created: storyOlder, Version: "3", Slug: "acme-corporation", Delete: "/settings/delete",
		Roles:    []ui.Option{{Value: "ProjectMember", Label: "Project member", Chosen: true}, {Value: "ProjectViewer", Label: "Project viewer"}},
		Keys:     KeyPolicyForm{Action: "/settings/api-keys", Version: "1", LongestDays: "365", PerProject: "500"},
		Sessions: SessionPolicyForm{Action: "/settings/sessions", Version: "1", Idle: "30", Absolute: "12"},
	}
	taken := settings
	taken.Slug = "globex"
	taken.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "slug", Message: "Another organization has this slug. Choose another one."}}}
	ending := DeleteOrganizationPage{
		Page: storyConsole("Delete", "Settings", ui.Link{Text: "Settings", Href: "/settings"}), Name: "Acme Corporation",
		Confirm: ui.Confirm{Action: "/settings/delete", Version: "3", Name: "Acme Corporation", Button: "Delete organization", Cancel: "/settings", Consequences: []string{
			"1204 members lose their way in within a second, you among them. The people stay, with what they have elsewhere.",
			"2 connections with everybody linked through them, their settings and their logins, and 3 domains. Another organization can verify the domains after a week.",
			"1 service account with their tokens, 0 webhooks, and all invites.",
			"The events stay with whoever runs this service. Every owner is told by mail.",
		}},
	}
	early := ending
	early.Projects, early.ProjectsAt = "14 projects", "/projects"
	conflict := settings
	conflict.Name = "Acme"
	conflict.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "name", Message: "Somebody else changed this in the meantime. Check what is saved now, then save again."}}}
	limits := settings
	limits.Sessions = SessionPolicyForm{Action: "/settings/sessions", Version: "1", Idle: "90", Absolute: "36"}
	limits.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "absolute_hours", Message: "Choose 1 to 24 hours."}}}
	return []Story{
		{"organization/settings-sessions-wrong", "Organization: its session limits were refused", OrganizationSettings(limits), http.StatusUnprocessableEntity},
		{"organizations/none", "Start: no organization", Organizations(none), http.StatusOK},
		{"organizations/many", "Start: several organizations", Organizations(many), http.StatusOK},
		{"organizations/wrong", "Start: the name was refused", Organizations(wrong), http.StatusUnprocessableEntity},
		{"organization/owner", "Organization: an owner sets it up", Organization(first), http.StatusOK},
		{"organization/member", "Organization: a member, long names", Organization(member), http.StatusOK},
		{"organization/notices", "Organization: what no mail could tell", Organization(told), http.StatusOK},
		{"organization/settings", "Organization settings", OrganizationSettings(settings), http.StatusOK},
		{"organization/settings-slug-taken", "Organization settings: another has the slug", OrganizationSettings(taken), http.StatusUnprocessableEntity},
		{"organization/delete", "Delete an organization", DeleteOrganization(ending), http.StatusOK},
		{"organization/delete-projects", "Delete an organization: not while it has projects", DeleteOrganization(early), http.StatusOK},
		{"organization/settings-conflict", "Organization settings: two edit the same", OrganizationSettings(conflict), http.StatusUnprocessableEntity},
	}
}
