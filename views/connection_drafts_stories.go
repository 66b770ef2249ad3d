package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

const storyFingerprint = "SHA-256 8f3a 21bc 9d04 7e6f 55aa 1032 bb9c 0d1e 8f3a 21bc 9d04 7e6f 55aa 1032 bb9c 0d1e"

var storyDifferences = []Difference{
	{Name: "Entity ID", Before: []string{"http://www.okta.com/exk1fcia6d6EMsf331d8"}, After: []string{"https://sts.windows.net/1b9e6dc3-7a4e-4a3e-9d0b-2b1f0f6c1c5a/"}},
	{Name: "Signing certificates", Before: []string{"idp.example.com, expires 3 December 2026, 09:00 UTC, " + storyFingerprint},
		After: []string{"idp.example.com, expires 3 December 2026, 09:00 UTC, " + storyFingerprint, storyLongName + ", expired 3 March 2026, 09:00 UTC, " + storyFingerprint}},
	{Name: "Ask for credentials every time", Before: []string{"Off"}, After: []string{"On"}},
	{Name: "Metadata address", Before: []string{"https://idp.example.com/metadata"}},
	{Name: "Client secret", Changed: true},
}

func connectionDraftStories(page ConnectionPage, active ConnectionState) []Story {
	draft := ConnectionDraft{Number: "7", By: "Ada Lovelace", At: storyRecent, Differences: storyDifferences, Test: "/test", Publish: "/publish", Discard: "/discard"}
	with := func(change func(*ConnectionDraft)) ConnectionPage {
		page := page
		page.Test, page.Draft = "", draft
		change(&page.Draft)
		return page
	}
	options := OptionsPage{ConnectionFrame: storyConnection("Options", active), Action: "/options"}
	options.Editing = Editing{Draft: true, Words: "You see and change the draft. People sign in by the live settings until you publish it.", Href: "/connections/1"}
	first := options
	first.Editing = Editing{Words: "People sign in through this connection. What you save here goes to a draft first: test it, then publish it."}

	publish := PublishConnectionPage{
		Page: storyConsole("Publish", "Connections", ui.Link{Text: "Connections", Href: "/connections"}, ui.Link{Text: "Okta", Href: "/connections/1"}),
		Name: "Okta", Differences: storyDifferences,
		Confirm: ui.Confirm{Action: "/publish", Cancel: "/connections/1", Version: "7", Mild: true, Consequences: []string{
			"It concerns 1,204 sign-ins that are linked through this connection, from the next one on. Sessions that are open stay open.",
			"What people are known by changes. Who then arrives under another name than before is not recognized, and waits for an owner to say who it is.",
		}},
	}
	untested := publish
	untested.Untested, untested.Confirm.Mild, untested.Confirm.Name, untested.Confirm.Value = true, false, "Okta", "okta"
	untested.Confirm.Consequences = append(untested.Confirm.Consequences[:2:2], "Single sign-on is required: if the new settings are wrong, everybody whom it covers is locked out until you restore a version. Break-glass owners get in.")
	untested.Confirm.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "confirm", Message: "Type the connection's name as it is written above."}}}
	return append([]Story{
		{"connection/with-draft", "Connection: a draft beside the live settings", Connection(with(func(*ConnectionDraft) {})), http.StatusOK},
		{"connection/with-draft-tested", "Connection: the draft is tested", Connection(with(func(d *ConnectionDraft) { d.Tested, d.RestoredFrom = storyRecent, "Repeats version 4." })), http.StatusOK},
		{"connection/with-draft-incomplete", "Connection: the draft is not complete", Connection(with(func(d *ConnectionDraft) { d.Missing, d.Test = "Add a signing certificate that is valid today.", "" })), http.StatusOK},
		{"connection/draft-options", "Options of a draft", Options(options), http.StatusOK},
		{"connection/active-options", "Options of an active connection", Options(first), http.StatusOK},
		{"connection/publish", "Publish a draft", PublishConnection(publish), http.StatusOK},
		{"connection/publish-untested", "Publish an untested draft where single sign-on is required: the name is wrong", PublishConnection(untested), http.StatusUnprocessableEntity},
	}, connectionVersionStories(active)...)
}

func connectionVersionStories(active ConnectionState) []Story {
	list := ConnectionVersionsPage{ConnectionFrame: storyConnection("Versions", active), Pager: ui.Pager{Next: "/versions?below=4", Summary: "Newest first"}, Rows: []ConnectionVersionRow{
		{Number: "7", Href: "/versions/7", State: ConnectionState{ui.Accent, "Draft"}, By: "Ada Lovelace", At: storyRecent, Changes: "Entity ID, Signing certificates, Ask for credentials every time, Metadata address"},
		{Number: "6", Href: "/versions/6", State: ConnectionState{ui.Neutral, "Never live"}, By: storyLongName, At: storyRecent, Changes: "Client secret"},
		{Number: "5", Href: "/versions/5", State: ConnectionState{ui.Working, "Live"}, By: "Ada Lovelace", At: storyOlder, Changes: "Signing certificates", RestoredFrom: "Repeats version 3."},
		{Number: "4", Href: "/versions/4", State: ConnectionState{ui.Neutral, "Was live"}, By: "The operator or Gatehouse", At: storyOlder, Changes: "The first settings"},
	}}
	one := ConnectionVersionPage{
		Page:   storyConsole("Version 4", "Connections", ui.Link{Text: "Connections", Href: "/connections"}, ui.Link{Text: "Okta", Href: "/connections/1"}, ui.Link{Text: "Versions", Href: "/versions"}),
		Number: "4", PreviousNumber: "3", LiveNumber: "5", State: ConnectionState{ui.Neutral, "Was live"}, By: "Ada Lovelace", At: storyOlder, PublishedBy: "Grace Hopper", PublishedAt: storyOlder,
		FromPrevious: storyDifferences[1:3], FromLive: storyDifferences, Restore: "/restore", RestoresAsDraft: true, Version: "7",
	}
	never := one
	never.PublishedBy, never.State, never.FromLive, never.RestoresAsDraft, never.RestoredFrom = "", ConnectionState{ui.Neutral, "Never live"}, nil, false, "Repeats version 2."
	return []Story{
		{"connection/versions", "Versions of a connection", ConnectionVersions(list), http.StatusOK},
		{"connection/version", "A version beside the one before it and the live one", ConnectionVersion(one), http.StatusOK},
		{"connection/version-never-live", "A version that was never live, of a connection that nobody signs in through", ConnectionVersion(never), http.StatusOK},
	}
}
