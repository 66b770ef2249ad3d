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
		{Name: "Acme Corporation", Href: "/organizations/" + storyOrganization, Roles: "Organization owner"},
		{Name: storyLongName, Href: "/organizations/2", Roles: "Organization member, Billing admin"},
		{Name: "Initech", Href: "/organizations/3", Roles: "Organization member", Suspended: true},
	}}
	wrong := many
	wrong.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "name", Message: "Enter a name."}}}
	first := OrganizationPage{
		Page: storyConsole("Acme Corporation", ""), Name: "Acme Corporation", ID: storyOrganization, Roles: "Organization owner",
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
	settings := OrganizationSettingsPage{
		Page: storyConsole("Settings", "Settings"), Action: "/settings", Name: "Acme Corporation", ID: storyOrganization,
		Plan: "Enterprise", Created: storyOlder, Version: "3",
		Keys: KeyPolicyForm{Action: "/settings/api-keys", Version: "1", LongestDays: "365", PerProject: "500"},
	}
	conflict := settings
	conflict.Name = "Acme"
	conflict.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "name", Message: "Somebody else changed this in the meantime. Check what is saved now, then save again."}}}
	return []Story{
		{"organizations/none", "Start: no organization", Organizations(none), http.StatusOK},
		{"organizations/many", "Start: several organizations", Organizations(many), http.StatusOK},
		{"organizations/wrong", "Start: the name was refused", Organizations(wrong), http.StatusUnprocessableEntity},
		{"organization/owner", "Organization: an owner sets it up", Organization(first), http.StatusOK},
		{"organization/member", "Organization: a member, long names", Organization(member), http.StatusOK},
		{"organization/notices", "Organization: what no mail could tell", Organization(told), http.StatusOK},
		{"organization/settings", "Organization settings", OrganizationSettings(settings), http.StatusOK},
		{"organization/settings-conflict", "Organization settings: two edit the same", OrganizationSettings(conflict), http.StatusUnprocessableEntity},
	}
}
