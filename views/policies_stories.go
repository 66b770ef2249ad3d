package views

import (
	"net/http"
	"strings"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func policyStories() []Story {
	role := func(value, label, help string, chosen bool) ui.Option {
		return ui.Option{Value: value, Label: label, Help: help, Chosen: chosen}
	}
	page := SignInPolicyPage{
		Page: storyConsole("Sign-in", "Sign-in"), Require: "/enforcement", End: "/end", Version: "3", Newcomers: "/newcomers", DefaultRole: "/default-role", Admit: true,
		RoleSource: "/sign-in/roles", RoleWords: "Roles are given here, in the console.",
		Roles: []ui.Option{
			role("OrgManager", "Organization manager", "Creates projects and becomes their owner.", false),
			role("OrgMember", "Organization member", "Sees the organization and the projects they were given.", true),
			role("OrgBillingAdmin", "Billing admin", "Sees and manages billing and usage.", false),
		},
	}
	projects := page
	options := []ui.Option{{Label: "None"}, {Value: "prj_1", Label: "Search", Chosen: true}, {Value: "prj_2", Label: storyLongName}}
	roles := []ui.Option{{Value: "ProjectManager", Label: "Project manager"}, {Value: "ProjectViewer", Label: "Project viewer", Chosen: true}}
	projects.Projects = []ProjectRoleChoice{{Number: "1", Project: options, Roles: roles}, {Number: "2", Project: options[:1], Roles: roles}}
	projects.FromIDP, projects.RoleWords = true, "Roles come from the identity provider, at every sign-in. Owners are made by owners. Whom nothing gives a role in the organization gets the default role, Organization member."
	projects.Enforced, projects.Covered, projects.Since, projects.Admit = true, "members on a verified domain", storyRecent, false
	projects.BreakGlass = BreakGlassSection{
		Owners: []BreakGlassRow{
			{Name: "Ada Lovelace", Email: "ada@example.com", Href: "/members/1", State: ui.Working, StateText: "Gets in", Passkeys: "1 passkey", Codes: "3 recovery codes left", Few: "Running out", Remove: "/remove"},
			{Name: storyLongName, Email: storyLongEmail, Href: "/members/2", State: ui.Danger, StateText: "No way in", Passkeys: "No passkey", Codes: "No recovery codes", Remove: "/remove"},
		},
		Choice: []ui.Option{{Value: "mem_3", Label: "Grace Hopper (grace@example.com)"}}, Name: "/break-glass", Codes: "/recovery-codes", HasCodes: true,
	}
	projects.Connections = []ConnectionNotice{{"Okta", "/connections/1/certificates", "No valid certificate"}, {"Okta", "/connections/1/certificates", "Metadata cannot be used"}}
	page.BreakGlass = BreakGlassSection{Choice: []ui.Option{{Value: "mem_1", Label: "Ada Lovelace (ada@example.com)"}}, Name: "/break-glass"}
	shut := projects
	shut.Page = storyConsole("Sign-in", "Sign-in")
	shut.Page.Limited = true
	shut.BreakGlass = BreakGlassSection{
		Warning: "Single sign-on is required, and nobody gets in when your identity provider fails. Name an owner who has a passkey, or make recovery codes.",
		Owners:  []BreakGlassRow{{Name: "Ada Lovelace", Email: "ada@example.com", State: ui.Danger, StateText: "No way in", Passkeys: "No passkey", Codes: "0 recovery codes left", Few: "Used up"}},
	}
	full := page
	full.BreakGlass.Full, full.BreakGlass.Name = true, ""
	full.BreakGlass.Codes = "/recovery-codes"
	for range 5 {
		full.BreakGlass.Owners = append(full.BreakGlass.Owners, projects.BreakGlass.Owners[0])
	}
	toSignIn := ui.Link{Text: "Sign-in", Href: "/sign-in"}
	newCodes := NewRecoveryCodesPage{Page: storyConsole("Recovery codes", "Sign-in", toSignIn), Action: "/recovery-codes", Cancel: "/sign-in", Once: "x"}
	anew := newCodes
	anew.Made, anew.Left = storyRecent, "7 codes"
	codes := RecoveryCodesPage{Page: storyConsole("Recovery codes", "Sign-in", toSignIn), Where: "https://signin.example.com/login/recovery", Email: "ada@example.com", File: "/file", Done: "/sign-in"}
	for _, digit := range "0123456789" {
		codes.Codes = append(codes.Codes, strings.TrimSuffix(strings.Repeat("3f2"+string(digit)+"-", 8), "-"))
	}
	wrong := page
	wrong.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "default_role", Message: "Choose a role that newcomers may have. Owners are made by owners, one at a time."}}}

	scopes := []ui.Link{{Text: "Members on a verified domain", Href: "/enforcement", Current: true}, {Text: "Everyone", Href: "/enforcement?scope=everyone"}}
	ready := EnforcementPage{
		Page:   storyConsole("Require single sign-on", "Sign-in", ui.Link{Text: "Sign-in", Href: "/sign-in"}),
		Scopes: scopes, Scope: "domain", Action: "/enforcement", Version: "3", Ready: true, Cancel: "/sign-in",
		Preconditions: ui.Timeline{
			{State: ui.StepDone, Title: "A verified domain", Detail: "A domain is verified."},
			{State: ui.StepDone, Title: "An active connection", Detail: "A connection is active."},
			{State: ui.StepDone, Title: "Your own sign-in through it", Detail: "You have just signed in through an active connection."},
			{State: ui.StepDone, Title: "A way in for an emergency", Detail: "A break-glass owner has a passkey or recovery codes."},
		},
		Consequences: []string{
			"3 members can enter through your identity provider alone, from their next click on.",
			"1 session without a sign-in through it no longer opens this organization.",
			"API keys and service accounts are not interactive and go on working: 14 keys at present.",
			"Ada Lovelace can still get in at /login/recovery by break-glass, to mend connections, domains and this setting, and nothing else.",
		},
		Covered: []CoveredRow{
			{Name: "Ada Lovelace", Email: "ada@example.com", Href: "/members/1", SignsIn: "Your identity provider, or break-glass in an emergency"},
			{Name: "Grace Hopper", Email: "grace@example.com", Href: "/members/2", SignsIn: "Your identity provider"},
			{Name: storyLongName, Email: storyLongEmail, Href: "/members/3", SignsIn: "A password, which will no longer open this organization"},
		},
		More: "The newest are shown. There are 641 more members.",
	}
	last := ready
	last.LastWayIn = "Only one way in for an emergency is left: a recovery code of Ada Lovelace. Once it is used or lost, nobody gets in when your identity provider fails. Make new recovery codes, add a passkey, or name another break-glass owner first."
	early := ready
	early.Ready, early.Covered, early.More = false, nil, ""
	early.Preconditions = ui.Timeline{
		{State: ui.StepDone, Title: "A verified domain", Detail: "A domain is verified."},
		{State: ui.StepWaits, Title: "An active connection", Detail: "Activate a connection to your identity provider."},
		{State: ui.StepWaits, Title: "Your own sign-in through it", Detail: "Sign in yourself through an active connection, by its test or for real, within the last 15 minutes."},
		{State: ui.StepDone, Title: "A way in for an emergency", Detail: "A break-glass owner has a passkey or recovery codes."},
	}
	refused := early
	refused.Problem = &ui.Problem{Fields: []ui.FieldError{{Message: "Activate a connection to your identity provider."}, {Message: "Sign in yourself through an active connection, by its test or for real, within the last 15 minutes."}}}
	end := EndEnforcementPage{Page: storyConsole("Stop requiring single sign-on", "Sign-in", ui.Link{Text: "Sign-in", Href: "/sign-in"}), Version: "3", Action: "/end", Cancel: "/sign-in"}
	return []Story{
		{"sign-in/open", "Sign-in: not required, no project", SignInPolicy(page), http.StatusOK},
		{"sign-in/enforced", "Sign-in: required, roles in projects", SignInPolicy(projects), http.StatusOK},
		{"sign-in/shut", "Sign-in: a recovery session, and no way in is left", SignInPolicy(shut), http.StatusOK},
		{"sign-in/break-glass-full", "Sign-in: five break-glass owners", SignInPolicy(full), http.StatusOK},
		{"sign-in/codes-new", "Recovery codes: the first", NewRecoveryCodes(newCodes), http.StatusOK},
		{"sign-in/codes-anew", "Recovery codes: new ones end the old", NewRecoveryCodes(anew), http.StatusOK},
		{"sign-in/codes", "Recovery codes: shown once", RecoveryCodes(codes), http.StatusCreated},
		{"sign-in/wrong", "Sign-in: the default role was refused", SignInPolicy(wrong), http.StatusUnprocessableEntity},
		{"sign-in/enforcement-ready", "Require single sign-on: all is ready", Enforcement(ready), http.StatusOK},
		{"sign-in/enforcement-last-way-in", "Require single sign-on: one way in for an emergency is left", Enforcement(last), http.StatusOK},
		{"sign-in/enforcement-early", "Require single sign-on: two things are missing", Enforcement(early), http.StatusOK},
		{"sign-in/enforcement-refused", "Require single sign-on: refused", Enforcement(refused), http.StatusUnprocessableEntity},
		{"sign-in/end", "Stop requiring single sign-on", EndEnforcement(end), http.StatusOK},
	}
}
