package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

const storyKey = "key_01jd9k5a3m8y2v4q6w8r0t2b4q"

func apiKeyStories() []Story {
	frame := func(title string) ProjectFrame {
		frame := storyProjectFrame("API keys", "Search")
		frame.Title = title
		return frame
	}
	empty := APIKeysPage{ProjectFrame: frame("API keys"), Create: "/new"}
	reader := APIKeysPage{ProjectFrame: frame("API keys")}
	many := empty
	many.Rows = []APIKeyRow{
		{Name: "ci", ID: storyKey, Permissions: "All", Creator: "Ada Lovelace", Created: storyRecent, Never: true, Live: true, Revoke: "/revoke"},
		{Name: storyLongName[:80], ID: storyKey, Permissions: "Control plane: None · Data plane: ReadOnly", Creator: "Grace Hopper", Created: storyOlder, Expires: storyOlder, Live: true, Revoke: "/revoke"},
		{Name: "indexer", ID: storyKey, Permissions: "Control plane: ReadWrite · Data plane: None", Creator: "Grace Hopper", Created: storyOlder, Expires: storyOlder},
		{Name: "old laptop", ID: storyKey, Permissions: "All", Creator: "Grace Hopper", Created: storyOlder, Never: true, Revoked: true},
	}
	levels := func(read, write, chosen string) []ui.Option {
		return []ui.Option{
			{Value: "ReadWrite", Label: "ReadWrite", Help: write, Chosen: chosen == "ReadWrite"}, {Value: "ReadOnly", Label: "ReadOnly", Help: read, Chosen: chosen == "ReadOnly"},
			{Value: "None", Label: "None", Help: "Nothing in this plane.", Chosen: chosen == "None"},
		}
	}
	form := NewAPIKeyPage{
		ProjectFrame: frame("New API key"), Action: "/api-keys", Cancel: "/api-keys",
		Permissions: []ui.Option{{Value: "all", Label: "All", Help: "Everything in both planes, and whatever is added to them.", Chosen: true}, {Value: "planes", Label: "By plane", Help: "What you choose below for the control plane and the data plane."}},
		Control:     levels("indexes: list, describe · backups: list, describe", "indexes: list, describe, create, delete, configure · backups: list, describe, create, delete, configure", "None"),
		Data:        levels("indexes: query, fetch, list-ids, stats · assistants: list-files, view-files, chat, evaluate", "indexes: query, fetch, list-ids, stats, import, add, update, delete-data · inference: embed, rerank", "ReadOnly"),
		Expires:     []ui.Option{{Value: "30", Label: "In 30 days"}, {Value: "90", Label: "In 90 days", Chosen: true}, {Value: "date", Label: "On a date"}, {Value: "never", Label: "Never"}},
	}
	pod, plain, wrong := form, form, form
	pod.Data = form.Data[:1]
	plain.Permissions, plain.Control, plain.Data = form.Permissions[:1], nil, nil
	wrong.Name, wrong.ExpiresOn = "ci", "2020-01-01"
	wrong.Problem = &ui.Problem{Fields: []ui.FieldError{
		{Field: "name", Message: "Another key of this project has this name. Revoke that one first, or choose another name."},
		{Field: "permissions", Message: "A key needs at least one permission."}, {Field: "expires_on", Message: "Enter a day in the future, such as 2026-12-23."},
	}}
	const secret = "gate_01jd9k5a3m8y2v4q6w8r0t2b4q_7hXk2mQ9sWv4yB6nC1zD8fG3jL5pR0tU2wX4yZ6aB8c0d1Efg"
	created := APIKeyCreatedPage{
		ProjectFrame: frame("API key created"), Name: "ci", ID: storyKey, Secret: secret, Expires: "21 Feb 2027, 07:04:05 UTC", Done: "/api-keys",
		Curl:        `curl -sS https://gatehouse.example.com/v1/keys/verify -H 'Content-Type: application/json' -d '{"key":"` + secret + `"}'`,
		Permissions: []string{"assistants:chat", "assistants:evaluate", "indexes:fetch", "indexes:list-ids", "indexes:query", "indexes:stats"},
	}
	revoke := RevokeAPIKeyPage{ProjectFrame: frame("Revoke"), Name: "ci", Confirm: ui.Confirm{
		Action: "/revoke", Name: "ci", Button: "Revoke API key", Cancel: "/api-keys",
		Consequences: []string{"Every program that uses this key is refused within a second.", "The key cannot be brought back. Its name is free for another one."},
	}}
	mistyped := revoke
	mistyped.Confirm.Value = "cj"
	mistyped.Confirm.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "confirm", Message: "Type the key's name as it is written above."}}}
	return []Story{
		{"api-keys/empty", "API keys: none yet", APIKeys(empty), http.StatusOK},
		{"api-keys/empty-reader", "API keys: none, and the reader may make none", APIKeys(reader), http.StatusOK},
		{"api-keys/many", "API keys: live, expired, revoked, a long name", APIKeys(many), http.StatusOK},
		{"api-keys/new", "New API key", NewAPIKey(form), http.StatusOK},
		{"api-keys/new-pod", "New API key in a pod project", NewAPIKey(pod), http.StatusOK},
		{"api-keys/new-starter", "New API key without granular keys", NewAPIKey(plain), http.StatusOK},
		{"api-keys/new-wrong", "New API key: several fields refused", NewAPIKey(wrong), http.StatusUnprocessableEntity},
		{"api-keys/created", "API key created: shown once", APIKeyCreated(created), http.StatusCreated},
		{"api-keys/revoke", "Revoke an API key", RevokeAPIKey(revoke), http.StatusOK},
		{"api-keys/revoke-wrong", "Revoke an API key: another name typed", RevokeAPIKey(mistyped), http.StatusUnprocessableEntity},
	}
}
