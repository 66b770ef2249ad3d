package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func domainStories() []Story {
	list := DomainsPage{Page: storyConsole("Domains", "Domains"), Action: "/domains"}
	many := list
	verified := DomainState{Kind: ui.Working, Word: "Verified"}
	claimed := DomainState{Kind: ui.Accent, Word: "Not verified"}
	waiting := DomainState{Kind: ui.Accent, Word: "Waiting", NoticeKind: ui.Neutral, Soon: "Verified on 30 November 2026",
		Title:   "The record is there. The domain is verified on 30 November 2026.",
		Meaning: "Another organization had it within the last 90 days, so it waits for seven days, and until then grants nothing. Leave the record where it is."}
	failing := DomainState{Kind: ui.Danger, Word: "Record missing", NoticeKind: ui.Danger, Soon: "Lapses on 28 November 2026",
		Title:   "The record is missing. Put it back before 28 November 2026.",
		Meaning: "No check has found it since 21 November 2026. Until then everything goes on; after that the domain lapses, and nobody new comes in by it."}
	lapsed := DomainState{Kind: ui.Danger, Word: "Lapsed", NoticeKind: ui.Danger, Soon: "No effect from 21 December 2026",
		Title: "The domain lapsed on 21 November 2026. Put the record back, then check.",
		Meaning: "Nobody new comes in or is linked by an address on it, and another organization can verify it. Who is linked goes on signing in, and where single sign-on is required " +
			"it stays required, until 21 December 2026. After that the domain has no effect."}
	ended := DomainState{Kind: ui.Danger, Word: "No effect", NoticeKind: ui.Danger,
		Title:   "The domain has had no effect since 21 November 2026.",
		Meaning: "It lapsed on 22 October 2026 and its record did not come back. Put the record back, then check: it is verified again at once, unless another organization has verified it."}
	many.Rows = []DomainRow{
		{Name: "example.com", Href: "/domains/1", State: verified, Served: "Okta, Microsoft Entra ID of the Copenhagen office", Checked: storyRecent},
		{Name: "example.net", Href: "/domains/2", State: claimed, Checked: storyRecent},
		{Name: "new.example.org", Href: "/domains/3", State: waiting, Checked: storyRecent},
		{Name: "old.example.org", Href: "/domains/4", State: lapsed, Served: "No active connection", Checked: storyRecent},
		{Name: "older.example.org", Href: "/domains/5", State: ended, Checked: storyOlder},
		{Name: "a-very-long-subdomain-of-a-department.another-label.subsidiary.international.example.com", Href: "/domains/6", State: failing, Checked: storyOlder},
	}
	wrong := many
	wrong.Name = "gmail.com"
	wrong.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "name", Message: "gmail.com is a public mail service: its addresses belong to people of many companies. Claim a domain of your own."}}}
	domain := DomainPage{
		Page: storyConsole("example.com", "Domains", ui.Link{Text: "Domains", Href: "/domains"}), Name: "example.com", ID: "dom_01jd9k5a3m8y2v4q6w8r0t2b4r", State: claimed,
		RecordName: "_gatehouse-challenge.example.com", RecordValue: "gatehouse-domain-verification=3q2-7wEBAAHOqzcbV2v9s5hZ0c2t8YxJ4mKp6LrNdQU", Verify: "/verify", Release: "/release",
	}
	in := func(state DomainState, problem string) DomainPage {
		page := domain
		page.State, page.CheckProblem, page.CheckedAt, page.Standing = state, problem, storyRecent, problem == ""
		if page.Verified = state != claimed && state != waiting; page.Verified {
			page.VerifiedAt = storyOlder
		}
		return page
	}
	gone := "There is no TXT record at _gatehouse-challenge.example.com. If you have just added it, try again in some minutes."
	missing := in(claimed, gone)
	missing.State.NoticeKind, missing.State.Title = ui.Danger, "The last check did not find the proof."
	now := in(verified, "")
	now.Connections = DomainConnections{Action: "/connections", Everyone: true, Served: "Served now by Okta, Entra ID (Europe).", Options: []ui.Option{
		{Value: "con_1", Label: "Okta"}, {Value: "con_2", Label: "Entra ID (Europe)"}, {Value: "con_3", Label: storyLongName, Help: "It is not active, and serves nobody until it is."},
	}}
	now.Flash = &Flash{Kind: ui.Working, Text: "example.com is verified."}
	assigned := in(verified, "")
	assigned.Connections = now.Connections
	assigned.Connections.Everyone, assigned.Connections.Served = false, "No active connection serves it now: its people sign in with a password or a passkey, and nobody new comes in."
	assigned.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "connections", Message: "Choose at least one connection, or every active one."}}}
	silent := in(verified, "The DNS of example.com did not answer. Try again in some minutes; if it goes on, ask whoever keeps that DNS.")
	silent.State.NoticeKind, silent.State.Title = ui.Neutral, "Nobody answered the last check."
	silent.State.Meaning = "The domain stays verified: only an answer without the record counts against it. It is checked again within two hours."
	release := ReleaseDomainPage{Page: storyConsole("Release", "Domains", ui.Link{Text: "Domains", Href: "/domains"}), Name: "example.com", Confirm: ui.Confirm{
		Action: "/release", Name: "example.com", Button: "Release domain", Cancel: "/domains",
		Consequences: []string{"New people of example.com can no longer sign in through your identity provider. Those who have signed in before still can.", "Another organization can claim and verify it."},
	}}
	enforced := release
	enforced.Confirm.Problem = &ui.Problem{Fields: []ui.FieldError{{Message: "Single sign-on is required, and this domain says of whom. Stop requiring it on the Sign-in page first, then release the domain."}}}
	return []Story{
		{"domains/empty", "Domains: none yet", Domains(list), http.StatusOK},
		{"domains/many", "Domains: in every state, long", Domains(many), http.StatusOK},
		{"domains/wrong", "Domains: a claim is refused", Domains(wrong), http.StatusUnprocessableEntity},
		{"domain/claimed", "Domain: claimed, with its record", Domain(domain), http.StatusOK},
		{"domain/missing", "Domain: the record was not found", Domain(missing), http.StatusOK},
		{"domain/waiting", "Domain: proved, and another's lately", Domain(in(waiting, "")), http.StatusOK},
		{"domain/verified", "Domain: verified", Domain(now), http.StatusOK},
		{"domain/assigned", "Domain: assigned to one connection, and none was chosen", Domain(assigned), http.StatusUnprocessableEntity},
		{"domain/silent", "Domain: verified, and nobody answered", Domain(silent), http.StatusOK},
		{"domain/failing", "Domain: verified, and the record is missing", Domain(in(failing, gone)), http.StatusOK},
		{"domain/lapsed", "Domain: lapsed, in its grace", Domain(in(lapsed, gone)), http.StatusOK},
		{"domain/ended", "Domain: the grace is over", Domain(in(ended, gone)), http.StatusOK},
		{"domain/release", "Release a domain", ReleaseDomain(release), http.StatusOK},
		{"domain/release-enforced", "Release a domain: not while it is enforced", ReleaseDomain(enforced), http.StatusUnprocessableEntity},
	}
}
