package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func waitingLinkStories() []Story {
	told := WaitingPage{Page: storyPage("Sign-in waits"), Organization: "Acme Corporation", Connection: "Okta", Email: "grace@acme.example", Reference: storyReference, Confirm: "/links/1"}
	guest := told
	guest.Guest, guest.Email = true, "grace@guest.example"
	refused := told
	refused.Refused, refused.Email = true, storyLongEmail
	up := []ui.Link{{Text: "Members", Href: "/members"}, {Text: "Waiting sign-ins", Href: "/waiting-links"}}
	none := WaitingLinksPage{Page: storyConsole("Waiting sign-ins", "Members", up[0])}
	many := none
	many.Next = "/waiting-links?after=wtl_1"
	many.Rows = []WaitingLinkRow{
		{Name: "Grace Hopper", Email: "grace@acme.example", Href: "/waiting-links/1", Connection: "Okta", Subject: "00u9z8y7x6w5v4u3t2s1", Since: storyRecent, Times: "once"},
		{Email: storyLongEmail, Href: "/waiting-links/2", Connection: storyLongName, Subject: "8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60", Since: storyOlder, Times: "14 times", Refused: true},
	}
	one := WaitingLinkPage{
		Page: storyConsole("Waiting sign-in", "Members", up...), Organization: "Acme Corporation", Action: "/waiting-links/1", Name: "Grace Hopper", Email: "grace@acme.example", MemberAt: "/members/2",
		Connection: "Okta", Subject: "00u9z8y7x6w5v4u3t2s1", Known: []string{"00u1a2b3c4d5e6f7g8h9"}, Role: "Organization member", Since: storyOlder, Last: storyRecent, Until: storyRecent, Times: "3 times",
		Reference: storyReference, ReferenceAt: "/logins/1",
	}
	moved := one
	moved.Moved, moved.Name, moved.MemberAt, moved.Known, moved.Refused = true, "", "", nil, true
	changed := one
	changed.Problem = &ui.Problem{Fields: []ui.FieldError{{Message: "The connection is to another identity provider by now. Nothing is linked."}}}
	own := OwnLinkPage{
		Page: storyConsole("Link your new sign-in", ""), Organization: "Acme Corporation", Connection: "Okta", Action: "/links/1",
		Known: one.Known, Subject: one.Subject, Email: one.Email,
	}
	return []Story{
		{"waiting/told", "A second subject waits for an owner", Waiting(told), http.StatusForbidden},
		{"waiting/guest", "A guest is asked to link their sign-in", Waiting(guest), http.StatusForbidden},
		{"waiting/refused", "An owner did not approve", Waiting(refused), http.StatusForbidden},
		{"waiting/own", "A person is asked whether a new sign-in is theirs", OwnLink(own), http.StatusOK},
		{"waiting-links/none", "Waiting sign-ins: none", WaitingLinks(none), http.StatusOK},
		{"waiting-links/many", "Waiting sign-ins: many, long names", WaitingLinks(many), http.StatusOK},
		{"waiting-link/second", "Waiting sign-in: a second subject", WaitingLink(one), http.StatusOK},
		{"waiting-link/moved", "Waiting sign-in: the domain has moved, refused", WaitingLink(moved), http.StatusOK},
		{"waiting-link/changed", "Waiting sign-in: something has changed since", WaitingLink(changed), http.StatusUnprocessableEntity},
	}
}
