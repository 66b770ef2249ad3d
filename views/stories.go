package views

import (
	"slices"

	"github.com/a-h/templ"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// Story is one page in one state. The stories are what the HTML tests, the accessibility
// checks and the screenshots walk.
type Story struct {
	ID     string // like a path: "login/wrong-address"
	Name   string // "Sign in: the address was refused"
	Page   templ.Component
	Status int // the answer's status
}

// Stories is every page in every state: empty, one, many, refused, long names, secret shown.
// A noun adds its own list here, from views/<noun>_stories.go.
func Stories() []Story {
	return slices.Concat(
		pieceStories(),
		loginStories(),
		logoutStories(),
		welcomeStories(),
		accountStories(),
		organizationStories(),
		memberStories(),
		waitingLinkStories(),
		inviteStories(),
		setupLinkStories(),
		forgottenStories(),
		projectStories(),
		apiKeyStories(),
		hostStories(),
		serviceAccountStories(),
		webhookStories(),
		catalogueStories(),
		usageStories(),
		connectionStories(),
		certificatesStories(),
		wizardStories(),
		domainStories(),
		policyStories(),
		roleStories(),
		loginRecordStories(),
		doctorStories(),
		errorStories(),
		barredStories(),
		resumeStories(),
		eventStories(),
		apiReferenceStories(),
	)
}

// storyPage is the frame outside the console, for stories.
func storyPage(title string) Page {
	return Page{Title: title, Brand: Brand{SupportURL: "https://help.example.com/"}}
}

// storyConsole is the console's frame as an owner of Acme sees it; current is the Text of the
// sidebar's line, up is the way back (the page itself is added).
func storyConsole(title, current string, up ...ui.Link) Page {
	page := storyPage(title)
	page.Person = "Ada Lovelace"
	page.Nav = storyNav("Acme Corporation", current)
	if len(up) > 0 {
		page.Breadcrumb = append(slices.Clone(up), ui.Link{Text: title})
	}
	return page
}

func storyNav(organization, current string) ui.Nav {
	base := "/organizations/" + storyOrganization
	nav := ui.Nav{
		Organization: organization,
		Organizations: []ui.Link{
			{Text: organization, Href: base, Current: true},
			{Text: "Globex", Href: "/organizations/org_01jd9m3x7k8y2v4q6w8r0t2b4n"},
		},
	}
	for _, line := range []struct{ text, path string }{
		{"Projects", "projects"}, {"Members", "members"}, {"Service accounts", "service-accounts"},
		{"Connections", "connections"}, {"Domains", "domains"}, {"Sign-in", "sign-in"}, {"Logins", "logins"},
		{"Events", "events"}, {"Permissions", "catalogue"}, {"Usage", "usage"}, {"Webhooks", "webhooks"}, {"Settings", "settings"},
	} {
		nav.Items = append(nav.Items, ui.NavItem{
			Link: ui.Link{Text: line.text, Href: base + "/" + line.path, Current: line.text == current},
			Icon: line.path,
		})
	}
	return nav
}

// What stories share: ids that look like ours, and times that never move.
const (
	storyOrganization = "org_01jd9k2x7k8y2v4q6w8r0t2b4m"
	storyProject      = "prj_01jd9k5a3m8y2v4q6w8r0t2b4p"
	storyReference    = "log_01jd9kf7qz8y2v4q6w8r0t2b4s"
	storyLongName     = "Vereinigte Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft of Wien and Budapest"
	storyLongEmail    = "maximiliana.featherstonehaugh-cholmondeley@subsidiary.department.international.example.com"
)

var (
	storyRecent = ui.Moment{Human: "3 minutes ago", Exact: "23 Nov 2026, 06:57:12 UTC", Machine: "2026-11-23T06:57:12Z"}
	storyOlder  = ui.Moment{Human: "12 Nov 2026", Exact: "12 Nov 2026, 18:20:00 UTC", Machine: "2026-11-12T18:20:00Z"}
)
