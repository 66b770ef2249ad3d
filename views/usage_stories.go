package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func usageStories() []Story {
	busy := UsagePage{
		Page: storyConsole("Usage", "Usage"), Plan: "Enterprise", Billing: "https://billing.example.com/acme",
		Recent: ui.Chart{Title: "Key checks", Days: storyDays(2300), Tall: true},
		Months: []UsageMonth{
			{Name: "November 2026", Checks: "2,714,600", Refused: "13,800", Logins: "9,120", People: "412", Running: true},
			{Name: "October 2026", Checks: "3,021,118", Refused: "9,004", Logins: "11,930", People: "420"},
		},
	}
	idle := UsagePage{
		Page: storyConsole("Usage", "Usage"), Plan: "Starter", Recent: ui.Chart{Title: "Key checks", Days: storyDays(0), Tall: true},
		Months: []UsageMonth{{Name: "November 2026", Checks: "0", Refused: "0", Logins: "0", People: "0", Running: true}},
	}
	return []Story{
		{"usage/busy", "Usage: two months, with a way to billing", Usage(busy), http.StatusOK},
		{"usage/idle", "Usage: nothing yet", Usage(idle), http.StatusOK},
	}
}
