package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

const storyServiceAccount = "sva_01jd9k5a3m8y2v4q6w8r0t2b4v"

func serviceAccountStories() []Story {
	up := ui.Link{Text: "Service accounts", Href: "/service-accounts"}
	page := func(title string) Page { return storyConsole(title, "Service accounts", up) }
	none := ServiceAccountsPage{Page: storyConsole("Service accounts", "Service accounts"), Create: "/new"}
	many := none
	many.Rows = []ServiceAccountRow{
		{Name: "terraform", ID: storyServiceAccount, Href: "/1", Roles: "Organization manager", Projects: "2 projects", Creator: "Ada Lovelace", Created: storyOlder, Used: storyRecent},
		{Name: storyLongName, ID: storyServiceAccount, Href: "/2", Roles: "Organization member, Billing admin", Creator: storyLongName, Created: storyRecent},
	}
	roles := []ui.Option{
		{Value: "OrgOwner", Label: "Organization owner", Help: "Manages everything: members, single sign-on, audit log, billing, and every project."},
		{Value: "OrgManager", Label: "Organization manager", Help: "Creates projects and becomes their owner.", Chosen: true},
		{Value: "OrgMember", Label: "Organization member", Help: "Sees the organization and the projects they were given."},
	}
	form := NewServiceAccountPage{Page: page("New service account"), Action: "/service-accounts", Cancel: "/service-accounts", Once: "x", Roles: roles}
	taken := form
	taken.Name = "terraform"
	taken.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "name", Message: "Another service account of this organization has this name."}, {Field: "roles", Message: "Choose at least one role."}}}
	const token = "gate_sva_01jd9k5a3m8y2v4q6w8r0t2b4v_7hXk2mQ9sWv4yB6nC1zD8fG3jL5pR0tU2wX4yZ6aB8c0d1Efg"
	made := ServiceAccountTokenPage{
		Page: page("Service account created"), Heading: "Service account created", Name: "terraform", ID: storyServiceAccount, Token: token, Account: "/1",
		Curl: "curl -sS https://gatehouse.example.com/api/v1/organizations/" + storyOrganization + " -H 'Authorization: Bearer " + token + "'",
	}
	rotated := made
	rotated.Page, rotated.Heading, rotated.Old = page("Token rotated"), "Token rotated", "The token before goes on working until 24 Nov 2026, 07:04:05 UTC."
	one := ServiceAccountPage{
		Page: page("terraform"), Name: "terraform", ID: storyServiceAccount, Creator: "Ada Lovelace", Created: storyOlder, RotateAt: "/rotate", DeleteAt: "/delete",
		Tokens: []ServiceAccountTokenRow{{Number: "2", Created: storyRecent}, {Number: "1", Created: storyOlder, Used: storyRecent, Ends: storyRecent}},
		Action: "/1", Version: "3", NewName: "terraform", Roles: roles, ProjectAction: "/1/projects",
		Projects: []ServiceAccountProject{{Name: "Search", Roles: "Project owner", Change: "/1?project=1"}, {Name: storyLongName, Roles: "Control plane editor, Data plane viewer", Change: "/1?project=2"}},
		Choices:  []ui.Option{{Value: storyProject, Label: "Search", Chosen: true}, {Value: "prj_2", Label: storyLongName}},
		ProjectRoles: []ui.Option{
			{Value: "ProjectOwner", Label: "Project owner", Help: "Everything in the project: resources, data, settings, members and keys.", Chosen: true},
			{Value: "ProjectViewer", Label: "Project viewer", Help: "Reads all resources and data; no settings."},
		},
	}
	fresh := one
	fresh.Tokens, fresh.Projects, fresh.Choices = one.Tokens[:1], nil, nil
	wrong := one
	wrong.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "roles", Message: "Choose at least one role."}}}
	rotate := RotateServiceAccountPage{Page: page("Rotate"), Name: "terraform", Action: "/rotate", Cancel: "/1", Version: "3", Once: "x", Overlaps: storyOverlaps}
	unrotated := rotate
	unrotated.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "overlap", Message: "Choose how long the present token goes on working."}}}
	remove := ConfirmPage{Page: page("Delete"), Heading: "Delete “terraform”", Sentence: "This cannot be undone.", Warning: "It was used 3 minutes ago.", Confirm: ui.Confirm{
		Action: "/delete", Name: "terraform", Button: "Delete service account", Cancel: "/1",
		Consequences: []string{"Its 2 live tokens stop within a second.", "It loses its roles in 2 projects."},
	}}
	return []Story{
		{"service-accounts/none", "Service accounts: none yet", ServiceAccounts(none), http.StatusOK},
		{"service-accounts/many", "Service accounts: several, long names", ServiceAccounts(many), http.StatusOK},
		{"service-accounts/not-in-plan", "Service accounts: not part of the plan", NotInPlan(NotInPlanPage{
			Page: none.Page, Heading: "Service accounts", Sentence: ServiceAccountsAre, Plan: "Starter", Billing: "https://billing.example.com/",
		}), http.StatusForbidden},
		{"service-accounts/new", "New service account", NewServiceAccount(form), http.StatusOK},
		{"service-accounts/new-wrong", "New service account: refused", NewServiceAccount(taken), http.StatusUnprocessableEntity},
		{"service-accounts/created", "Service account created: its token, shown once", ServiceAccountToken(made), http.StatusCreated},
		{"service-accounts/rotated", "Token rotated: shown once", ServiceAccountToken(rotated), http.StatusOK},
		{"service-account/one", "Service account: two tokens, roles in projects", ServiceAccount(one), http.StatusOK},
		{"service-account/fresh", "Service account: never used, no project", ServiceAccount(fresh), http.StatusOK},
		{"service-account/wrong", "Service account: no role chosen", ServiceAccount(wrong), http.StatusUnprocessableEntity},
		{"service-account/rotate", "Rotate a service account's token", RotateServiceAccount(rotate), http.StatusOK},
		{"service-account/rotate-wrong", "Rotate a service account's token: no overlap chosen", RotateServiceAccount(unrotated), http.StatusUnprocessableEntity},
		{"service-account/delete", "Delete a service account", Confirm(remove), http.StatusOK},
	}
}
