package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func domainStories() []Story {
	list := DomainsPage{Page: storyConsole("Domains", "Domains"), Action: "/domains"}
	many := list
	many.Rows = []DomainRow{
		{Name: "example.com", Href: "/domains/1", Verified: true, Checked: storyRecent},
		{Name: "example.net", Href: "/domains/2", Checked: storyRecent, Failing: true},
		{Name: "new.example.org", Href: "/domains/3"},
		{Name: "a-very-long-subdomain-of-a-department.another-label.subsidiary.international.example.com", Href: "/domains/4", Verified: true, Failing: true, Checked: storyOlder},
	}
	wrong := many
	wrong.Name = "gmail.com"
	wrong.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "name", Message: "gmail.com is a public mail service: its addresses belong to people of many companies. Claim a domain of your own."}}}
	claimed := DomainPage{
		Page: storyConsole("example.com", "Domains", ui.Link{Text: "Domains", Href: "/domains"}), Name: "example.com", ID: "dom_01jd9k5a3m8y2v4q6w8r0t2b4r",
		RecordName: "_gatehouse-challenge.example.com", RecordValue: "gatehouse-domain-verification=3q2-7wEBAAHOqzcbV2v9s5hZ0c2t8YxJ4mKp6LrNdQU", Verify: "/verify", Release: "/release",
	}
	missing, verified, lost := claimed, claimed, claimed
	missing.CheckedAt, missing.CheckProblem = storyRecent, "There is no TXT record at _gatehouse-challenge.example.com. If you have just added it, try again in some minutes."
	verified.Verified, verified.VerifiedAt, verified.CheckedAt = true, storyOlder, storyRecent
	verified.Flash = &Flash{Kind: ui.Working, Text: "example.com is verified."}
	lost.Verified, lost.VerifiedAt, lost.CheckedAt, lost.CheckProblem = true, storyOlder, storyRecent, "The DNS of example.com did not answer. Try again in some minutes; if it goes on, ask whoever keeps that DNS."
	release := ReleaseDomainPage{Page: storyConsole("Release", "Domains", ui.Link{Text: "Domains", Href: "/domains"}), Name: "example.com", Confirm: ui.Confirm{
		Action: "/release", Name: "example.com", Button: "Release domain", Cancel: "/domains",
		Consequences: []string{"New people of example.com can no longer sign in through your identity provider. Those who have signed in before still can.", "Another organization can claim and verify it."},
	}}
	enforced := release
	enforced.Confirm.Problem = &ui.Problem{Fields: []ui.FieldError{{Message: "Single sign-on is required, and this domain says of whom. Stop requiring it on the Sign-in page first, then release the domain."}}}
	return []Story{
		{"domains/empty", "Domains: none yet", Domains(list), http.StatusOK},
		{"domains/many", "Domains: verified, not yet, record lost, long", Domains(many), http.StatusOK},
		{"domains/wrong", "Domains: a claim is refused", Domains(wrong), http.StatusUnprocessableEntity},
		{"domain/claimed", "Domain: claimed, with its record", Domain(claimed), http.StatusOK},
		{"domain/missing", "Domain: the record was not found", Domain(missing), http.StatusOK},
		{"domain/verified", "Domain: verified", Domain(verified), http.StatusOK},
		{"domain/lost", "Domain: verified, and the last check failed", Domain(lost), http.StatusOK},
		{"domain/release", "Release a domain", ReleaseDomain(release), http.StatusOK},
		{"domain/release-enforced", "Release a domain: not while it is enforced", ReleaseDomain(enforced), http.StatusUnprocessableEntity},
	}
}
