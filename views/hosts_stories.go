package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func hostStories() []Story {
	frame := storyProjectFrame("Hosts", "Search")
	some := HostsPage{ProjectFrame: frame, Action: "/hosts", Rows: []HostRow{
		{Name: "app.example.com", Href: "https://app.example.com", ID: "hst_01jd9k5a3m8y2v4q6w8r0t2b4q", Created: storyOlder, Release: "/hosts/1/release"},
		{Name: "a-very-long-name-of-a-host-that-somebody-thought-of.internal.engineering.example.com:8443", Href: "https://app.example.com",
			ID: "hst_01jd9k5a3m8y2v4q6w8r0t2b4r", Created: storyRecent, Release: "/hosts/2/release"},
	}}
	taken := some
	taken.Name, taken.Problem = "app.example.org", &ui.Problem{Fields: []ui.FieldError{{Field: "name", Message: "app.example.org is on a domain that another organization has verified."}}}
	seen := HostsPage{ProjectFrame: frame, Rows: []HostRow{some.Rows[0]}}
	seen.Rows[0].Release = ""
	return []Story{
		{"hosts/none", "Hosts: none yet", Hosts(HostsPage{ProjectFrame: frame, Action: "/hosts"}), http.StatusOK},
		{"hosts/none-seen", "Hosts: none, seen without the right to register", Hosts(HostsPage{ProjectFrame: frame}), http.StatusOK},
		{"hosts/many", "Hosts: several, a long name", Hosts(some), http.StatusOK},
		{"hosts/seen", "Hosts: seen without the right to register", Hosts(seen), http.StatusOK},
		{"hosts/taken", "Hosts: the name is refused", Hosts(taken), http.StatusUnprocessableEntity},
		{"hosts/sign-out", "On a host: sign out?", HostSignOut(HostSignOutPage{Page: storyPage("Sign out"), Host: "app.example.com", Action: "/.gatehouse/sign-out"}), http.StatusOK},
		{"hosts/signed-out", "On a host: signed out", HostSignedOut(HostSignedOutPage{Page: storyPage("Signed out"), Host: "app.example.com"}), http.StatusOK},
	}
}
