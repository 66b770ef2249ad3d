package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func inviteStories() []Story {
	const link = "https://sso.example.com/welcome/Zm9yIHN0b3JpZXMgb25seSwgbm90IGEgcmVhbCB0b2tlbiE"
	members := ui.Link{Text: "Members", Href: "/members"}
	invites := ui.Link{Text: "Invites", Href: "/invites"}
	open := InviteRow{Email: "grace@guest.example", Roles: "Organization member", Projects: "Project viewer in Search", Guest: true, By: "Ada Lovelace", State: "Open", Kind: ui.Accent,
		Sent: storyRecent, Ends: ui.Moment{Human: "30 Nov 2026", Exact: "30 Nov 2026, 06:57:12 UTC", Machine: "2026-11-30T06:57:12Z"}, Resend: "/invites/1/resend", Revoke: "/invites/1/revoke", Version: "1"}
	expired, accepted, revoked := open, open, open
	expired.Email, expired.Guest, expired.State, expired.Kind, expired.Sent, expired.Ends = storyLongEmail, false, "Expired", ui.Neutral, storyOlder, storyOlder
	expired.Revoke = ""
	expired.By, expired.Roles = storyLongName, "Organization manager, Billing admin"
	accepted.Email, accepted.State, accepted.Kind, accepted.Resend, accepted.Revoke, accepted.Ends = "bob@acme.example", "Accepted", ui.Working, "", "", ui.Moment{}
	revoked.Email, revoked.State, revoked.Kind, revoked.Resend, revoked.Revoke, revoked.Ends = "eve@acme.example", "Revoked", ui.Neutral, "", "", ui.Moment{}
	states := []ui.Option{{Label: "Any", Chosen: true}, {Value: "open", Label: "Open"}, {Value: "accepted", Label: "Accepted"}, {Value: "expired", Label: "Expired"}, {Value: "revoked", Label: "Revoked"}}
	none := InvitesPage{Page: storyConsole("Invites", "Members", members), Action: "/invites", Create: "/invites/new", States: states}
	many := none
	many.Rows, many.Count, many.Pager = []InviteRow{open, expired, accepted, revoked}, "4 invites", ui.Pager{Next: "/invites?after=1"}
	nothing := none
	nothing.Search, nothing.Clear = "zoe", "/invites"
	form := NewInvitePage{
		Page: storyConsole("Invite somebody", "Members", members, invites), Action: "/invites", Cancel: "/invites", Mailed: true, Once: "1",
		Roles: []ui.Option{
			{Value: "OrgOwner", Label: "Organization owner", Help: "Manages everything: members, single sign-on, audit log, billing, and every project."},
			{Value: "OrgMember", Label: "Organization member", Help: "Sees the organization and the projects they were given.", Chosen: true},
		},
		Projects: []ProjectRoleChoice{{Number: "1", Project: []ui.Option{{Label: "None"}, {Value: "prj_1", Label: "Search"}}, Roles: []ui.Option{{Value: "ProjectViewer", Label: "Project viewer"}}}},
	}
	wrong := form
	wrong.Email, wrong.Mailed = "grace", false
	wrong.Problem = &ui.Problem{Fields: []ui.FieldError{
		{Field: "email", Message: "Enter an email address such as name@example.com."}, {Field: "roles", Message: "Choose at least one role."},
		{Field: "project_roles", Message: "Choose one of this organization's projects."},
	}}
	manyProjects := form
	manyProjects.Offered = ProjectsOffered{Action: "/invites/new", Words: "The first 100 projects by name are offered below. Find others here before you fill in the form."}
	noProject := form
	noProject.Projects, noProject.Offered = nil, ProjectsOffered{Action: "/invites/new", Search: "zebra", Words: "No project has “zebra” in its name."}
	fromIDP := form
	fromIDP.FromIDP = true
	sent := InviteSentPage{Page: storyConsole("Invite sent", "Members", members, invites), Email: "grace@guest.example", Link: link, Ends: "30 Nov 2026, 06:57 UTC", Mailed: true, Done: "/invites", Another: "/invites/new"}
	handed := sent
	handed.Mailed = false
	return append([]Story{
		{"invites/none", "Invites: none yet", Invites(none), http.StatusOK},
		{"invites/many", "Invites: in every state, long names", Invites(many), http.StatusOK},
		{"invites/nothing", "Invites: nothing matches", Invites(nothing), http.StatusOK},
		{"invites/new", "Invite somebody", NewInvite(form), http.StatusOK},
		{"invites/new-from-idp", "Invite somebody: roles come from the identity provider", NewInvite(fromIDP), http.StatusOK},
		{"invites/new-many-projects", "Invite somebody: more projects than are offered", NewInvite(manyProjects), http.StatusOK},
		{"invites/new-no-project", "Invite somebody: no project is found", NewInvite(noProject), http.StatusOK},
		{"invites/new-wrong", "Invite somebody: refused, and no mail goes out", NewInvite(wrong), http.StatusUnprocessableEntity},
		{"invites/sent", "Invite: the link, shown once", InviteSent(sent), http.StatusCreated},
		{"invites/handed", "Invite: the link where no mail goes out", InviteSent(handed), http.StatusCreated},
	}, acceptanceStories()...)
}

func acceptanceStories() []Story {
	page := storyPage("Join Acme Corporation")
	invite := InvitePage{Page: page, Action: "/welcome/t", Organization: "Acme Corporation", By: "Ada Lovelace", Email: "grace@guest.example", Roles: "Organization member"}
	here, other := invite, invite
	here.Here = true
	other.Other, other.By, other.Email = storyLongEmail, storyLongName, storyLongEmail
	newcomer := InviteFormPage{Page: page, Action: "/welcome/t", Organization: "Acme Corporation", Email: "grace@acme.example", Connections: []ui.Link{{Text: "Continue with Okta", Href: "/connections/c/login"}}}
	wrong := newcomer
	wrong.Connections = nil
	wrong.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "name", Message: "Enter your name."}, {Field: "password", Message: "Choose a password with at least 12 characters."}}}
	known := InviteFormPage{Page: page, Action: "/welcome/t", Organization: "Acme Corporation", Email: "grace@guest.example", Known: true}
	copied := known
	copied.Mail = true
	elsewhere := InviteElsewherePage{Page: page, Organization: "Acme Corporation", Email: "grace@acme.example", Connections: []ui.Link{{Text: "Continue with Okta", Href: "/connections/c/login"}, {Text: "Continue with Entra", Href: "/connections/d/login"}}}
	accepts := elsewhere
	accepts.Accepts = true
	without := InviteElsewherePage{Page: page, Organization: "Acme Corporation", Email: "grace@guest.example", Passkey: "/login/passkey", Forgotten: "/login/forgotten"}
	return []Story{
		{"invite/button", "An invite: the button", Invite(invite), http.StatusOK},
		{"invite/here", "An invite: its reader is signed in", Invite(here), http.StatusOK},
		{"invite/other", "An invite: somebody else is signed in", Invite(other), http.StatusOK},
		{"invite/new", "An invite: somebody new", InviteForm(newcomer), http.StatusOK},
		{"invite/new-wrong", "An invite: somebody new, refused", InviteForm(wrong), http.StatusUnprocessableEntity},
		{"invite/known", "An invite: somebody known", InviteForm(known), http.StatusOK},
		{"invite/copied", "An invite: by the link that the inviter saw", InviteForm(copied), http.StatusOK},
		{"invite/mailed", "An invite: somebody new goes on by mail", InviteMailed(InviteMailedPage{Page: page, Email: "grace@guest.example"}), http.StatusOK},
		{"invite/accepts", "An invite: single sign-on is required", InviteElsewhere(accepts), http.StatusOK},
		{"invite/elsewhere", "An invite: another company's single sign-on is required", InviteElsewhere(elsewhere), http.StatusOK},
		{"invite/without-password", "An invite: somebody known without a password", InviteElsewhere(without), http.StatusOK},
	}
}
