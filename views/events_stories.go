package views

import (
	"net/http"
	"strings"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func eventStories() []Story {
	page := func(rows []EventRow, change ...func(*EventsPage)) EventsPage {
		p := EventsPage{
			Page:   storyConsole("Events", "Events"),
			Action: "/organizations/" + storyOrganization + "/events",
			Nouns: []ui.Option{
				{Value: "", Label: "Everything", Chosen: true}, {Value: "api_key", Label: "API keys"}, {Value: "connection", Label: "Connections"},
			},
			Outcomes: []ui.Option{{Value: "", Label: "Any", Chosen: true}, {Value: "succeeded", Label: "Succeeded"}, {Value: "refused", Label: "Refused"}},
			People:   []ui.Option{{Value: "", Label: "Anybody", Chosen: true}, {Value: "usr_1", Label: "Ada Lovelace"}},
			Rows:     rows,
		}
		for _, c := range change {
			c(&p)
		}
		return p
	}
	details := []EventDetail{
		{"Event", "evt_01jd9kf7qz8y2v4q6w8r0t2b4s"}, {"Address", "203.0.113.7"}, {"Browser", "Firefox on macOS"},
		{"Request", "HV4XJ2K5QWERTY7ZXCVBNMASDF"}, {"default role", "“OrgMember” → “OrgManager”"},
	}
	some := []EventRow{
		{Sequence: "14", Sentence: "Ada Lovelace revoked the API key “ci” in project “Search”.", At: storyRecent, Details: details},
		{Sequence: "13", Sentence: "Grace Hopper tried to activate the connection “Okta” and was refused: no valid certificate.", At: storyRecent, Refused: true, Details: details},
		{Sequence: "12", Sentence: "Ada Lovelace used break-glass.", At: storyOlder, High: true, Details: details},
	}
	long := []EventRow{{Sequence: "9", Sentence: storyLongName + " renamed the organization to “" + strings.Repeat("Donaudampfschifffahrt", 8) + "”.", At: storyOlder, Details: details}}
	filtered := func(p *EventsPage) { p.Clear, p.From = p.Action, "2026-11-01" }
	paged := func(p *EventsPage) {
		p.Pager = ui.Pager{Previous: p.Action, Next: p.Action, Summary: "Events 51 to 53"}
	}
	wrong := func(p *EventsPage) {
		p.Clear, p.From, p.DateError = p.Action, "soon", "Enter a date such as 2026-11-23."
	}
	return []Story{
		{"events/empty", "Events: none yet", Events(page(nil)), http.StatusOK},
		{"events/many", "Events: some, between two pages", Events(page(some, paged)), http.StatusOK},
		{"events/no-match", "Events: none fits the filters", Events(page(nil, filtered)), http.StatusOK},
		{"events/wrong-date", "Events: a filter cannot be read", Events(page(nil, wrong)), http.StatusUnprocessableEntity},
		{"events/long", "Events: long names", Events(page(long)), http.StatusOK},
	}
}
