package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func memberStories() []Story {
	ada := MemberRow{Name: "Ada Lovelace", Email: "ada@acme.example", Href: "/members/1", Roles: "Organization owner", Joined: storyOlder, You: true}
	one := MembersPage{Page: storyConsole("Members", "Members"), Action: "/members", Matrix: "/roles", Rows: []MemberRow{ada}, Count: "1 member"}
	many := one
	many.Waiting = ui.Link{Text: "2 sign-ins wait for you", Href: "/waiting-links"}
	many.Count, many.Pager = "1,000+ members", ui.Pager{Previous: "/members", Next: "/members"}
	many.Rows = []MemberRow{
		{Name: storyLongName, Email: storyLongEmail, Href: "/members/3", Roles: "Organization manager, Billing admin", Joined: storyRecent},
		{Name: "Grace Hopper", Email: "grace@acme.example", Href: "/members/2", Roles: "Organization member", Joined: storyRecent, Suspended: true},
		ada,
	}
	nobody := MembersPage{Page: one.Page, Action: "/members", Search: "grcae", Count: "0 members"}
	roles := []ui.Option{
		{Value: "OrgOwner", Label: "Organization owner", Help: "Manages everything: members, single sign-on, audit log, billing, and every project.", Chosen: true},
		{Value: "OrgManager", Label: "Organization manager", Help: "Creates projects and becomes their owner."},
		{Value: "OrgMember", Label: "Organization member", Help: "Sees the organization and the projects they were given."},
		{Value: "OrgBillingAdmin", Label: "Billing admin", Help: "Sees and manages billing and usage."},
	}
	up := ui.Link{Text: "Members", Href: "/members"}
	managed := MemberPage{
		Page: storyConsole("Grace Hopper", "Members", up), Name: "Grace Hopper", Email: "grace@acme.example", Action: "/members/2",
		ID: "mem_01jd9k2x7k8y2v4q6w8r0t2b5a", UserID: "usr_01jd9k1b2c8y2v4q6w8r0t2b4k", Joined: storyOlder,
		RoleOptions: roles, Version: "2", MayManage: true, OwnCredential: "a password and a passkey",
		Bindings: []MemberBinding{
			{Role: "Project owner", Where: "Search", Origin: "Given by Ada Lovelace", Since: storyRecent},
			{Role: "Organization member", Where: "This organization", Origin: "Invited by Ada Lovelace", Since: storyOlder},
		},
		SignIn: []MemberIdentity{{Connection: "Okta", ConnectionID: "con_01jd9k2x7k8y2v4q6w8r0t2b4m", Subject: "00u1a2b3c4d5e6f7g8h9", Last: storyRecent}},
		Sessions: []MemberSession{
			{ID: "ses_1", Browser: "Firefox on macOS", Address: "203.0.113.7", Proofs: "Okta", Entered: storyOlder, Seen: storyRecent},
			{ID: "ses_2", Browser: "Chrome on Android", Address: "2001:db8:85a3::8a2e:370:7334", Proofs: "Okta, Password", Entered: storyOlder, Seen: storyRecent, Current: true},
		},
		Projects: []OrganizationRow{{Name: "Search", Href: "/projects/1/members", Roles: "Project owner"}},
	}
	lastOwner := managed
	lastOwner.Page = storyConsole(storyLongName, "Members", up)
	lastOwner.Name, lastOwner.Email, lastOwner.You = storyLongName, storyLongEmail, true
	lastOwner.SignIn, lastOwner.Sessions, lastOwner.Projects, lastOwner.Leave = nil, nil, nil, "/leave"
	lastOwner.Problem = &ui.Problem{Fields: []ui.FieldError{{Message: "This is the last owner who can sign in. Make somebody else an owner first."}}}
	noRole := managed
	noRole.Suspended, noRole.MoreProjects = true, true
	noRole.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "roles", Message: "Choose at least one role."}}}
	fromIDP := managed
	fromIDP.FromIDP, fromIDP.Roles, fromIDP.RoleOptions, fromIDP.OtherRoles = "/sign-in/roles", "Organization manager", roles[:1:1], []string{"OrgManager"}
	fromIDP.Bindings = []MemberBinding{
		{Role: "Project editor", Where: "Search", Origin: "Okta: rule for the group “engineering”", Since: storyRecent},
		{Role: "Organization manager", Where: "This organization", Origin: "Okta: it sent the value “gatehouse:OrgManager”", Since: storyOlder},
	}
	seen := managed
	seen.MayManage, seen.Roles = false, "Organization owner"
	own := seen
	own.You, own.Leave = true, "/leave"
	leave := LeavePage{
		Page: storyConsole("Leave Acme Corporation", "Members", up), Organization: "Acme Corporation",
		Confirm: ui.Confirm{
			Action: "/leave", Name: "Acme Corporation", Button: "Leave organization", Cancel: "/members/2",
			Consequences: []string{"You can no longer enter Acme Corporation.", "You lose your roles in 1 project.", "The API keys that you made, 3 live keys, stop within a second."},
		},
	}
	remove := RemoveMemberPage{
		Page: storyConsole("Remove Grace Hopper", "Members", up, ui.Link{Text: "Grace Hopper", Href: "/members/2"}), Name: "Grace Hopper",
		Confirm: ui.Confirm{
			Action: "/members/2/remove", Name: "grace@acme.example", Button: "Remove member", Cancel: "/members/2",
			Consequences: []string{"Grace Hopper can no longer enter Acme Corporation.", "They lose their roles in 1 project.", "The API keys that they made, 3 live keys, stop within a second."},
		},
	}
	unconfirmed := remove
	unconfirmed.Confirm.Value = "grace"
	unconfirmed.Confirm.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "confirm", Message: "Type the address exactly as it is written."}}}
	return []Story{
		{"members/one", "Members: one", Members(one), http.StatusOK},
		{"members/many", "Members: many, long names", Members(many), http.StatusOK},
		{"members/nobody", "Members: the search finds nobody", Members(nobody), http.StatusOK},
		{"member/managed", "Member: an owner looks", Member(managed), http.StatusOK},
		{"member/from-idp", "Member: roles come from the identity provider", Member(fromIDP), http.StatusOK},
		{"member/seen", "Member: a member looks", Member(seen), http.StatusOK},
		{"member/last-owner", "Member: the last owner stays", Member(lastOwner), http.StatusUnprocessableEntity},
		{"member/no-role", "Member: suspended, no role chosen", Member(noRole), http.StatusUnprocessableEntity},
		{"member/own", "Member: a member looks at themselves", Member(own), http.StatusOK},
		{"member/leave", "Leave an organization", Leave(leave), http.StatusOK},
		{"member/remove", "Remove a member", RemoveMember(remove), http.StatusOK},
		{"member/remove-unconfirmed", "Remove a member: not confirmed", RemoveMember(unconfirmed), http.StatusUnprocessableEntity},
	}
}
