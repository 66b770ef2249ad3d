package views

import (
	"net/http"
	"slices"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

const (
	storyKey    = "key_01jd9k5a3m8y2v4q6w8r0t2b4q"
	storySecret = "gate_01jd9k5a3m8y2v4q6w8r0t2b4q_7hXk2mQ9sWv4yB6nC1zD8fG3jL5pR0tU2wX4yZ6aB8c0d1Efg"
)

func storyKeyFrame(title string) ProjectFrame {
	frame := storyProjectFrame("API keys", "Search")
	frame.Title = title
	return frame
}

func apiKeyStories() []Story {
	return slices.Concat(apiKeyListStories(), newAPIKeyStories(), apiKeyCreatedStories(), oneAPIKeyStories(), rotateAPIKeyStories(), keyPolicyStories())
}

// storyDays are days of use that look like days: busier in the week, with an outage.
func storyDays(scale int64) []ui.ChartDay {
	var days []ui.ChartDay
	for i := range int64(30) {
		day := ui.ChartDay{Name: ui.Number(i+1) + " Nov 2026", Requests: scale * (40 + (i*37)%23 + i*2), Refusals: scale * ((i * 7) % 5)}
		if i%7 > 4 {
			day.Requests /= 4
		}
		if i == 18 {
			day.Refusals = max(0, day.Requests-scale*9)
		}
		days = append(days, day)
	}
	return days
}

func apiKeyListStories() []Story {
	states := []ui.Option{{Label: "Any", Chosen: true}, {Value: "live", Label: "Live"}, {Value: "expiring", Label: "Expiring"}, {Value: "unused", Label: "Unused"}, {Value: "ended", Label: "Ended"}}
	empty := APIKeysPage{ProjectFrame: storyKeyFrame("API keys"), Create: "/new", Action: "/api-keys", States: states}
	reader := empty
	reader.Create = ""
	many := empty
	many.Count = "4 keys"
	many.Usage = ui.Chart{Title: "Checks of this project's keys", Days: storyDays(31)}
	many.Expiring = APIKeyNotice{Sentence: "1 key expires within 14 days. Rotate it before it ends, and its programs go on without a gap.", Keys: []ui.Link{{Text: "indexer", Href: "/1"}}}
	many.Unused = APIKeyNotice{Sentence: "14 keys have not been used for 90 days. Revoke what nobody needs.", Keys: []ui.Link{{Text: "old laptop", Href: "/2"}, {Text: storyLongName[:80], Href: "/3"}, {Text: "ci", Href: "/4"}}, All: "/api-keys?state=unused"}
	many.Rows = []APIKeyRow{
		{Name: "ci", ID: storyKey, Href: "/1", Permissions: "All", Creator: "Ada Lovelace", Created: storyRecent, Never: true, Used: storyRecent, UsedFrom: "203.0.113.7"},
		{Name: storyLongName[:80], ID: storyKey, Href: "/1", Permissions: "Data plane: ReadOnly", Creator: "Grace Hopper", Created: storyOlder, Expires: storyOlder, State: KeyUnused},
		{Name: "indexer", ID: storyKey, Href: "/1", Permissions: "Control plane: ReadWrite · Data plane: ReadOnly", Creator: "terraform", Created: storyOlder, Expires: storyRecent, State: KeyExpiring, Used: storyOlder, UsedFrom: "2001:db8:85a3:1:2:8a2e:370:7334"},
		{Name: "old laptop", ID: storyKey, Href: "/1", Permissions: "All", Creator: "Grace Hopper", Created: storyOlder, Expires: storyOlder, State: KeyExpired},
		{Name: `"><script>alert(1)</script>`, ID: storyKey, Href: "/1", Permissions: "All", Creator: "<b>Eve</b>", Created: storyOlder, Never: true, State: KeyRevoked, Used: storyOlder, UsedFrom: "203.0.113.7"},
	}
	found := many
	found.Unused, found.Expiring, found.Usage = APIKeyNotice{}, APIKeyNotice{}, ui.Chart{Title: "Checks of this project's keys", Days: storyDays(0)}
	found.Search, found.Clear, found.Count = "laptop", "/api-keys", "10,000+ keys"
	found.Rows, found.Pager = many.Rows[3:4], ui.Pager{First: "/api-keys", Next: "/api-keys?after=1"}
	nothing := found
	nothing.Rows, nothing.Pager = nil, ui.Pager{}
	return []Story{
		{"api-keys/empty", "API keys: none yet", APIKeys(empty), http.StatusOK},
		{"api-keys/empty-reader", "API keys: none, and the reader may make none", APIKeys(reader), http.StatusOK},
		{"api-keys/many", "API keys: every state, notices, a long name and a hostile one", APIKeys(many), http.StatusOK},
		{"api-keys/found", "API keys: a page of many that fit a search; no use yet", APIKeys(found), http.StatusOK},
		{"api-keys/found-nothing", "API keys: none fits", APIKeys(nothing), http.StatusOK},
	}
}

// storyGrants are the built-in permissions as one who reads data has them, or all.
func storyGrants(all bool) PermissionTable {
	var t PermissionTable
	add := func(plane, title, resource string, read, write []string) {
		row := PermissionRow{Plane: title, Resource: resource}
		for _, level := range []struct {
			name    string
			actions []string
		}{{"ReadOnly", read}, {"ReadWrite", write}} {
			for _, action := range level.actions {
				grant := PermissionGrant{Permission: resource + ":" + action, Plane: plane, Level: level.name, Given: all || plane == "data" && level.name == "ReadOnly"}
				if grant.Given {
					t.Given++
				}
				row.Actions = append(row.Actions, grant)
			}
		}
		t.Rows = append(t.Rows, row)
	}
	for _, resource := range []string{"indexes", "backups", "collections", "assistants"} {
		add("control", "Control plane", resource, []string{"list", "describe"}, []string{"create", "delete", "configure"})
	}
	add("data", "Data plane", "indexes", []string{"query", "fetch", "list-ids", "stats"}, []string{"import", "add", "update", "delete-data"})
	add("data", "Data plane", "assistants", []string{"list-files", "view-files", "chat", "evaluate"}, []string{"add-files", "delete-files"})
	add("data", "Data plane", "inference", nil, []string{"embed", "rerank"})
	return t
}

var storyExpiries = []ui.Option{{Value: "30", Label: "In 30 days"}, {Value: "90", Label: "In 90 days", Chosen: true}, {Value: "date", Label: "On a date"}}

func newAPIKeyStories() []Story {
	levels := func(chosen string) []ui.Option {
		return []ui.Option{
			{Value: "ReadWrite", Label: "ReadWrite", Chosen: chosen == "ReadWrite"}, {Value: "ReadOnly", Label: "ReadOnly", Chosen: chosen == "ReadOnly"},
			{Value: "None", Label: "None", Chosen: chosen == "None"},
		}
	}
	form := NewAPIKeyPage{
		ProjectFrame: storyKeyFrame("New API key"), Action: "/api-keys", Cancel: "/api-keys", Once: "x", Grants: storyGrants(true),
		Permissions: []ui.Option{{Value: "all", Label: "All", Help: "Everything in both planes, and whatever is added to them.", Chosen: true}, {Value: "planes", Label: "By plane", Help: "A level for the control plane and one for the data plane."}},
		Control:     levels("None"), Data: levels("ReadOnly"), Expires: storyExpiries, ExpiresHelp: "At most 365 days in this organization.",
	}
	planes := form
	planes.Name, planes.Grants, planes.Independent = "indexer", storyGrants(false), true
	planes.Permissions = []ui.Option{{Value: "all", Label: "All", Help: "Everything in both planes, and whatever is added to them."}, {Value: "planes", Label: "By plane", Help: "A level for the control plane and one for the data plane.", Chosen: true}}
	pod, plain, wrong := planes, form, planes
	pod.Data = levels("ReadWrite")[:1]
	pod.PermissionHelp = "A pod project's keys always read and write data."
	plain.Permissions, plain.Control, plain.Data = form.Permissions[:1], nil, nil
	plain.PermissionHelp = "This organization's plan, Starter, has keys with all permissions only."
	wrong.Name, wrong.ExpiresOn, wrong.Networks, wrong.Rate = "ci", "2020-01-01", "203.0.113.0/24\n10.0.0.0/33", "-1"
	wrong.Grants = PermissionTable{Rows: storyGrants(false).Rows[:4]}
	wrong.Problem = &ui.Problem{Fields: []ui.FieldError{
		{Field: "name", Message: "Another key of this project has this name. Revoke that one first, or choose another name."},
		{Field: "permissions", Message: "A key needs at least one permission."}, {Field: "expires_on", Message: "Enter a day in the future, such as 2026-12-23."},
		{Field: "networks", Message: "Line 2: “10.0.0.0/33” is no address or network. Write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32."},
		{Field: "rate", Message: "Enter a whole number from 1 to 1,000,000, or nothing."},
	}}
	return []Story{
		{"api-keys/new", "New API key", NewAPIKey(form), http.StatusOK},
		{"api-keys/new-planes", "New API key by plane, with what it may do", NewAPIKey(planes), http.StatusOK},
		{"api-keys/new-pod", "New API key in a pod project", NewAPIKey(pod), http.StatusOK},
		{"api-keys/new-starter", "New API key without granular keys", NewAPIKey(plain), http.StatusOK},
		{"api-keys/new-wrong", "New API key: several fields refused", NewAPIKey(wrong), http.StatusUnprocessableEntity},
	}
}

func apiKeyCreatedStories() []Story {
	created := APIKeyCreatedPage{
		ProjectFrame: storyKeyFrame("API key created"), Title: "API key created", Name: "ci", ID: storyKey, Secret: storySecret, Expires: "21 Feb 2027, 07:04:05 UTC",
		Curl:        `curl -sS https://gatehouse.example.com/v1/keys/verify -H 'Content-Type: application/json' -d '{"key":"` + storySecret + `"}'`,
		Permissions: []string{"assistants:chat", "assistants:evaluate", "indexes:fetch", "indexes:list-ids", "indexes:query", "indexes:stats"},
		Networks:    "203.0.113.0/24, 2001:db8::/32", Rate: "600 requests a minute", Key: "/key", Done: "/api-keys",
	}
	rotated := created
	rotated.ProjectFrame, rotated.Title = storyKeyFrame("API key rotated"), "API key rotated"
	rotated.Old = "The secret before goes on working until 24 Nov 2026, 07:04:05 UTC."
	return []Story{
		{"api-keys/created", "API key created: shown once", APIKeyCreated(created), http.StatusCreated},
		{"api-keys/rotated", "API key rotated: the new secret, shown once", APIKeyCreated(rotated), http.StatusOK},
	}
}

func keyPolicyStories() []Story {
	settings := OrganizationSettingsPage{
		Page: storyConsole("Settings", "Settings"), Action: "/settings", Name: "Acme Corporation", ID: storyOrganization, Plan: "Enterprise", Created: storyOlder, Version: "3",
		Keys:     KeyPolicyForm{Action: "/settings/api-keys", Version: "1", LongestDays: "4000", PerProject: "500"},
		Sessions: SessionPolicyForm{Action: "/settings/sessions", Version: "1", Idle: "30", Absolute: "12"},
		Problem:  &ui.Problem{Fields: []ui.FieldError{{Field: "longest_days", Message: "Enter a whole number of days from 1 to 3,650."}}},
	}
	return []Story{{"organization/settings-keys-wrong", "Organization: its key policy was refused", OrganizationSettings(settings), http.StatusUnprocessableEntity}}
}
