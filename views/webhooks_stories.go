package views

import (
	"net/http"
	"slices"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func webhookStories() []Story {
	const address, id = "https://hooks.example.com/gatehouse", "whk_01jd9k5a3m8y2v4q6w8r0t2b4v"
	up := ui.Link{Text: "Webhooks", Href: "/webhooks"}
	page := func(title string) Page { return storyConsole(title, "Webhooks", up) }
	none := WebhooksPage{Page: storyConsole("Webhooks", "Webhooks"), Create: "/new"}
	many := none
	many.Rows = []WebhookRow{
		{URL: address, Description: "Our console", Href: "/1", Types: "14 types", State: ui.Working, StateText: "Enabled"},
		{URL: "https://" + storyLongName + ".example.com/hooks/gatehouse", Description: storyLongName, Href: "/2", Types: "1 type", State: ui.Danger, StateText: "Failing"},
		{URL: "https://old.example.com/", Href: "/3", Types: "2 types", State: ui.Neutral, StateText: "Disabled"},
	}
	form := WebhookForm{Action: "/webhooks", Cancel: "/webhooks", Once: "x", Version: "3", URL: address, Description: "Our console", Types: []ui.Option{
		{Value: "member.added", Label: "member.added", Help: "Somebody became a member.", Chosen: true},
		{Value: "api_key.revoked", Label: "api_key.revoked", Help: "An API key was revoked, by a person or because it leaked."},
	}}
	wrong := form
	wrong.URL = "http://hooks.example.com/"
	wrong.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "url", Message: "The address must begin with https://."}, {Field: "types", Message: "Choose at least one of the types of messages."}}}
	made := WebhookSecretPage{Page: page("Webhook created"), Heading: "Webhook created", URL: address, Secret: "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", Webhook: "/1"}
	rotated := made
	rotated.Page, rotated.Heading, rotated.Old = page("Secret rotated"), "Secret rotated", "Until 24 Nov 2026, 07:04:05 UTC messages are signed with the secret before, too."
	empty := WebhookPage{Page: page(address), URL: address, ID: id, State: ui.Working, StateText: "Enabled", Enabled: true, Created: storyOlder, Form: form,
		Test: "/test", Rotate: "/rotate", Enable: "/enable", Disable: "/disable", Delete: "/delete", Replay: "/replay",
		Since: []ui.Option{{Value: "24", Label: "in the last day"}, {Value: "72", Label: "in the last 3 days", Chosen: true}}}
	full := empty
	full.Rows = []DeliveryRow{
		{Type: "member.added", Href: "/d1", ID: "dlv_01jd9k5a3m8y2v4q6w8r0t2b4p", At: storyRecent, State: ui.Neutral, StateText: "Waiting", Attempts: "2 attempts", Answer: "Status 500 Internal Server Error", Next: ui.Moment{Human: "in 4 minutes", Exact: "23 Nov 2026, 07:04:12 UTC", Machine: "2026-11-23T07:04:12Z"}},
		{Type: "project.renamed", Href: "/d2", ID: "dlv_01jd9k5a3m8y2v4q6w8r0t2b4q", At: storyRecent, State: ui.Working, StateText: "Delivered", Attempts: "1 attempt", Answer: "Status 204 No Content"},
		{Type: "webhook.test", Href: "/d3", ID: "dlv_01jd9k5a3m8y2v4q6w8r0t2b4r", At: storyOlder, State: ui.Danger, StateText: "Failed", Attempts: "10 attempts", Answer: "No answer"},
	}
	full.Before, full.Pager = storyRecent, ui.Pager{Next: "/?before=7"}
	full.State, full.StateText, full.Warning = ui.Danger, "Failing", "It has taken no message since 22 Nov 2026, 07:04:05 UTC. After three days it is disabled."
	disabled := full
	disabled.Rows = slices.Clone(full.Rows)
	disabled.Rows[0].State, disabled.Rows[0].StateText, disabled.Rows[0].Next = ui.Danger, "Failed", ui.Moment{}
	disabled.State, disabled.StateText, disabled.Enabled = ui.Neutral, "Disabled", false
	disabled.Warning = "It took no message for three days and was disabled. Enable it once it works, then replay what failed."
	refused := empty
	refused.Form = wrong
	delivery := DeliveryPage{Page: page("member.added"), Row: full.Rows[0], Tried: storyRecent, Replay: "/replay", Excerpt: "Internal Server Error\n",
		Payload: `{"type":"member.added","timestamp":"2026-11-23T09:00:00Z","data":{"event":"evt_01jd9k5a3m8y2v4q6w8r0t2b4p","organization":{"id":"` + storyOrganization + `","name":"Acme Corporation"}}}`}
	unheard := delivery
	unheard.Row, unheard.Excerpt, unheard.Replay = full.Rows[2], "", ""
	unheard.Problem = "It did not answer within 5 seconds."
	remove := ConfirmPage{Page: page("Delete"), Heading: "Delete this webhook", Sentence: "This cannot be undone.", Confirm: ui.Confirm{
		Action: "/delete", Name: address, Button: "Delete webhook", Cancel: "/1", Consequences: []string{"The address is told nothing more, also not what waits for it."}}}
	return []Story{
		{"webhooks/none", "Webhooks: none yet", Webhooks(none), http.StatusOK},
		{"webhooks/many", "Webhooks: several, long names", Webhooks(many), http.StatusOK},
		{"webhooks/new", "Webhooks: a new one", NewWebhook(NewWebhookPage{page("New webhook"), form}), http.StatusOK},
		{"webhooks/new-refused", "Webhooks: a new one, refused", NewWebhook(NewWebhookPage{page("New webhook"), wrong}), http.StatusUnprocessableEntity},
		{"webhooks/secret", "Webhooks: the secret, once", WebhookSecret(made), http.StatusCreated},
		{"webhooks/rotated", "Webhooks: another secret", WebhookSecret(rotated), http.StatusOK},
		{"webhooks/one", "Webhooks: one that was told nothing yet", Webhook(empty), http.StatusOK},
		{"webhooks/one-failing", "Webhooks: one that fails", Webhook(full), http.StatusOK},
		{"webhooks/one-disabled", "Webhooks: one that is disabled", Webhook(disabled), http.StatusOK},
		{"webhooks/one-refused", "Webhooks: a change is refused", Webhook(refused), http.StatusUnprocessableEntity},
		{"webhooks/delivery", "Webhooks: a delivery", Delivery(delivery), http.StatusOK},
		{"webhooks/delivery-unanswered", "Webhooks: a delivery without an answer", Delivery(unheard), http.StatusOK},
		{"webhooks/delete", "Webhooks: delete one", Confirm(remove), http.StatusOK},
	}
}
