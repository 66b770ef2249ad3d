package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func loginRecordStories() []Story {
	list := LoginsPage{
		Page: storyConsole("Logins", "Logins"), Action: "/logins",
		Connections: []ui.Option{{Label: "Any", Chosen: true}, {Value: "con_1", Label: "Okta"}},
		States:      []ui.Option{{Label: "Any", Chosen: true}, {Value: "finished", Label: "Signed in"}, {Value: "refused", Label: "Refused"}},
	}
	none, many := list, list
	none.Clear, none.Search = "/logins", storyReference
	part := none
	part.Search, part.AmongNewest = "grcae", true
	many.Rows = []LoginRow{
		{Reference: storyReference, Href: "/logins/1", Who: "grace@example.com", Connection: "Okta", At: storyRecent, State: "Refused", Kind: ui.Danger, Reason: "The sign-in message was meant for another service.", Times: "12 times"},
		{Reference: storyReference, Href: "/logins/2", Who: "ada@example.com", Connection: "Okta", At: storyRecent, State: "Signed in", Kind: ui.Working},
		{Reference: storyReference, Href: "/logins/3", Who: "ada@example.com", Connection: "Okta", At: storyOlder, State: "Test passed", Kind: ui.Working, Test: true},
		{Reference: storyReference, Href: "/logins/4", Who: storyLongEmail, Connection: storyLongName, At: storyOlder, State: "Under way", Kind: ui.Accent},
		{Reference: storyReference, Href: "/logins/5", Who: "Not named yet", Connection: "Okta", At: storyOlder, State: "Not finished", Kind: ui.Neutral},
	}
	many.Pager = ui.Pager{Next: "/logins?before=1", Summary: "Newest first"}
	refused := LoginRecordPage{
		Page: storyConsole("Login", "Logins", ui.Link{Text: "Logins", Href: "/logins"}), Reference: storyReference, Kind: ui.Danger, Refused: true,
		Verdict: "Refused. The sign-in message was meant for another service.", Who: "The administrator of the identity provider can mend this.",
		Fix:    "Set the audience (Entity ID, Identifier, Audience URI) at the identity provider to exactly the one shown under Wanted.",
		Reason: "audience_mismatch", Want: "https://gatehouse.example.com/saml/con_01jd9k5a3m8y2v4q6w8r0t2b4t/metadata", Got: "https://gatehouse.example.com/saml/con_01jd9k5a3m8y2v4q6w8r0t2b4u/metadata",
		Next:  []ui.Button{{Text: "Show connection", Href: "/connections/1"}},
		Facts: []LoginFact{{"Connection", "Okta"}, {"Begun", "23 Nov 2026, 06:57:12 UTC"}, {"Begun by", "Our sign-in page"}, {"Email address", storyLongEmail}, {"Network address", "203.0.113.7"}, {"Browser", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}},
		Steps: ui.Timeline{
			{State: ui.StepDone, Title: "Shape of the message"}, {State: ui.StepDone, Title: "Signature", Detail: "RSA with SHA-256, by certificate 8f3a…"},
			{State: ui.StepFailed, Title: "Audience", Want: "https://gatehouse.example.com/saml/con_01jd9k5a3m8y2v4q6w8r0t2b4t/metadata", Got: "https://gatehouse.example.com/saml/con_01jd9k5a3m8y2v4q6w8r0t2b4u/metadata"},
			{State: ui.StepWaits, Title: "Person"},
		},
		Raw: "<samlp:Response ID=\"_1\" Version=\"2.0\">\n  <saml:Issuer>https://idp.example.com/metadata</saml:Issuer>\n  <saml:NameID>[17 characters]</saml:NameID>\n</samlp:Response>\n",
	}
	signedIn := refused
	signedIn.Kind, signedIn.Refused, signedIn.Want, signedIn.Got, signedIn.Reason, signedIn.Raw = ui.Working, false, "", "", "", ""
	signedIn.Verdict = "ada@example.com signed in for the first time and became a member."
	signedIn.Steps = ui.Timeline{{State: ui.StepDone, Title: "Shape of the message"}, {State: ui.StepDone, Title: "Signature"}, {State: ui.StepDone, Title: "Audience"}, {State: ui.StepDone, Title: "Person", Detail: "a newcomer, now a member"}}
	waiting := signedIn
	waiting.Kind, waiting.Steps, waiting.Verdict = ui.Accent, nil, "The browser was sent to the identity provider, which has not answered yet."
	waiting.Watch, waiting.Reload = "/logins/1/progress?seen=pending-0-true", "/logins/1"
	waiting.Facts = waiting.Facts[:3]
	arrived := waiting
	arrived.Steps, arrived.Verdict = signedIn.Steps[:3], "The identity provider's answer was accepted, but the browser has not come back to finish."
	byLink := waiting
	byLink.Page = storyPage("Test sign-in")
	byLink.Page.SetupLink, byLink.Page.Breadcrumb = "IT of Acme", []ui.Link{{Text: "Set up Okta", Href: "/setup"}, {Text: "Test sign-in"}}
	byLink.Next = []ui.Button{{Text: "Back to the setup", Href: "/setup"}}
	byLinkRefused := byLink
	byLinkRefused.Watch, byLinkRefused.Reload, byLinkRefused.Kind, byLinkRefused.Refused, byLinkRefused.Verdict = "", "", ui.Danger, true, refused.Verdict
	byLinkRefused.Who, byLinkRefused.Fix, byLinkRefused.Reason, byLinkRefused.Want, byLinkRefused.Got, byLinkRefused.Steps = refused.Who, refused.Fix, refused.Reason, refused.Want, refused.Got, refused.Steps
	byLinkRefused.Mend = Mend{Menu: storyMend(trust.ReasonAudience, false, "okta").Menu, MenuOf: "Okta"}
	unlinked := signedIn
	unlinked.Page = storyConsole("Test sign-in", "Logins", ui.Link{Text: "Logins", Href: "/logins"})
	unlinked.Verdict = "The test went well. " + storyLongEmail + " arrived and is linked to nobody."
	unlinked.Link, unlinked.Subject, unlinked.Email = "/logins/1/link", storyLongEmail, storyLongEmail
	late := unlinked
	late.Email, late.Problem = "", &ui.Problem{Fields: []ui.FieldError{{Message: "This test is more than 15 minutes old. Run it again."}}}
	return []Story{
		{"logins/empty", "Logins: none yet", Logins(list), http.StatusOK},
		{"logins/no-match", "Logins: none fits the search", Logins(none), http.StatusOK},
		{"logins/no-match-part", "Logins: part of an address that no recent one has", Logins(part), http.StatusOK},
		{"logins/many", "Logins: every state, long names", Logins(many), http.StatusOK},
		{"logins/refused", "Login record: refused, want and got", LoginRecord(refused), http.StatusOK},
		{"logins/signed-in", "Login record: a newcomer signed in", LoginRecord(signedIn), http.StatusOK},
		{"logins/waiting", "Login record: not answered yet, followed as it goes on", LoginRecord(waiting), http.StatusOK},
		{"logins/arrived", "Login record: answered, not finished yet", LoginRecord(arrived), http.StatusOK},
		{"setup/test-waiting", "Setting up by a link: a test that is under way", LoginRecord(byLink), http.StatusOK},
		{"setup/test-refused", "Setting up by a link: a test that was refused", LoginRecord(byLinkRefused), http.StatusOK},
		{"logins/test-unlinked", "Login record: a test that asks whether this is you", LoginRecord(unlinked), http.StatusOK},
		{"logins/test-too-old", "Login record: a test too old to be linked", LoginRecord(late), http.StatusUnprocessableEntity},
	}
}
