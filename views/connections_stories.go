package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func connectionStories() []Story {
	active, draft, disabled := ConnectionState{ui.Working, "Active"}, ConnectionState{ui.Accent, "Draft"}, ConnectionState{ui.Neutral, "Disabled"}
	list := ConnectionsPage{Page: storyConsole("Connections", "Connections"), Create: "/connections/new"}
	many := list
	many.Rows = []ConnectionRow{
		{Name: "Okta", Href: "/connections/1", IdentityProvider: "http://www.okta.com/exk1fcia6d6EMsf331d8", State: active, Tested: storyRecent, Warnings: []string{"Certificate expires in 6 days", "Our certificate expires 3 Dec 2026", "Metadata has changed"}},
		{Name: "Microsoft Entra ID", Href: "/connections/2", IdentityProvider: "https://sts.windows.net/1b9e6dc3-7a4e-4a3e-9d0b-2b1f0f6c1c5a/", State: draft, Warnings: []string{"No valid certificate"}},
		{Name: storyLongName, Href: "/connections/3", State: disabled},
		{Name: "AD FS", Href: "/connections/4", IdentityProvider: "http://adfs.example.com/adfs/services/trust", State: ConnectionState{ui.Danger, "Failing"}, Tested: storyOlder},
	}
	ordered := many
	ordered.Order = "/connections/order"
	ordered.Rows = append([]ConnectionRow(nil), many.Rows...)
	for i, rank := range []string{"1", "1", "2", "3"} {
		ordered.Rows[i].ID, ordered.Rows[i].Rank, ordered.Rows[i].Last = "con_"+rank, rank, i == 3
	}
	stories := []Story{
		{"connections/empty", "Connections: none yet", Connections(list), http.StatusOK},
		{"connections/many", "Connections: every state, long names", Connections(many), http.StatusOK},
		{"connections/order", "Connections: in an order", Connections(ordered), http.StatusOK},
	}
	stories = append(stories, connectionPageStories(active, draft, disabled)...)
	stories = append(stories, openIDStories(active, draft)...)
	return append(stories, connectionSettingsStories(active, draft)...)
}

func storyConnection(title string, state ConnectionState) ConnectionFrame {
	base := "/connections/1"
	frame := ConnectionFrame{Page: storyConsole(title, "Connections", ui.Link{Text: "Connections", Href: "/connections"}), Name: "Okta", State: state, Version: "7"}
	for _, tab := range []ui.Link{{Text: "Overview", Href: base}, {Text: "Identity provider", Href: base + "/identity-provider"}, {Text: "Certificates", Href: base + "/certificates"}, {Text: "Attributes", Href: base + "/attributes"}, {Text: "Options", Href: base + "/options"}, {Text: "Versions", Href: base + "/versions"}} {
		tab.Current = tab.Text == title
		frame.Tabs = append(frame.Tabs, tab)
	}
	return frame
}

var storyCertificates = []CertificateRow{
	{Name: "idp.example.com", Fingerprint: "8f3a 21bc 9d04 7e6f 55aa 1032 bb9c 0d1e 8f3a 21bc 9d04 7e6f 55aa 1032 bb9c 0d1e", Key: "RSA, 2048 bits", Expires: storyRecent, State: ConnectionState{ui.Accent, "Expires soon"}, Value: "1"},
	{Name: storyLongName, Fingerprint: "0d1e 8f3a 21bc 9d04 7e6f 55aa 1032 bb9c 0d1e 8f3a 21bc 9d04 7e6f 55aa 1032 bb9c", Key: "EC, P-256", Expires: storyOlder, State: ConnectionState{ui.Working, "Valid"}, Value: "2"},
	{Name: "old", Fingerprint: "21bc 9d04 7e6f 55aa 1032 bb9c 0d1e 8f3a 21bc 9d04 7e6f 55aa 1032 bb9c 0d1e 8f3a", Key: "RSA, 4096 bits", Expires: storyOlder, State: ConnectionState{ui.Danger, "Expired"}, Value: "3"},
}

func connectionPageStories(active, draft, disabled ConnectionState) []Story {
	const origin = "https://gatehouse.example.com/"
	page := ConnectionPage{
		ConnectionFrame: storyConnection("Overview", draft), ID: "con_01jd9k5a3m8y2v4q6w8r0t2b4t",
		EntityID: origin + "saml/con_01jd9k5a3m8y2v4q6w8r0t2b4t/metadata", ACS: origin + "saml/con_01jd9k5a3m8y2v4q6w8r0t2b4t/acs",
		Metadata: origin + "saml/con_01jd9k5a3m8y2v4q6w8r0t2b4t/metadata", SignOn: origin + "connections/con_01jd9k5a3m8y2v4q6w8r0t2b4t/login",
		SLO:          origin + "saml/con_01jd9k5a3m8y2v4q6w8r0t2b4t/slo",
		Certificates: storyCertificates[1:2], Rename: "/name", Activate: "/activate", Delete: "/delete",
		Progress: ui.Timeline{
			{State: ui.StepWaits, Title: "Give our values to your identity provider", Detail: "They stand below."},
			{State: ui.StepWaits, Title: "Take your identity provider's values", Detail: "Import its metadata, or enter its entity ID and sign-on address."},
			{State: ui.StepWaits, Title: "Test it with your own sign-in", Detail: "Shows what arrives, check by check."},
			{State: ui.StepWaits, Title: "Activate it", Detail: "From then on your people can sign in with it."},
		},
	}
	page.Setup = "/setup"
	ready, live, off := page, page, page
	done := func(title, detail string) ui.Step { return ui.Step{State: ui.StepDone, Title: title, Detail: detail} }
	ready.Progress = ui.Timeline{done("Give our values to your identity provider", "They stand below."), done("Take your identity provider's values", "http://www.okta.com/exk1fcia6d6EMsf331d8"), {State: ui.StepDone, Title: "Tested with a real sign-in", At: storyRecent}, page.Progress[3]}
	ready.Tested, ready.Test = true, "/test"
	live.ConnectionFrame, live.Activate, live.Delete, live.Disable, live.Test = storyConnection("Overview", active), "", "", "/disable", "/test"
	live.Setup = ""
	live.Progress = append(append(ui.Timeline{}, ready.Progress[:3]...), done("Active", "Your people can sign in with it."))
	live.Warnings = []string{"Certificate expires in 6 days. Add the certificate that your identity provider signs with, under Identity provider."}
	off.ConnectionFrame, off.Progress = storyConnection("Overview", disabled), ready.Progress
	last := live
	last.Problem = &ui.Problem{Fields: []ui.FieldError{{Message: "Single sign-on is required, and this is the last active connection. Activate another one, or stop requiring single sign-on on the Sign-in page first."}}}
	remove := DeleteConnectionPage{
		Page: storyConsole("Delete", "Connections", ui.Link{Text: "Connections", Href: "/connections"}), Name: "Okta", Version: "7", Action: "/delete", Cancel: "/connections/1",
		Consequences: []string{"1,204 sign-ins linked through it will no longer be known.", "Its settings, our keys for it and the records of its logins are deleted. The events that tell of them stay."},
	}
	mistyped := remove
	mistyped.Typed = "okta"
	mistyped.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "confirm", Message: "Type the connection's name as it is written above."}}}
	return append([]Story{
		{"connection/draft", "Connection: a draft with a name alone", Connection(page), http.StatusOK},
		{"connection/ready", "Connection: tested, not yet active", Connection(ready), http.StatusOK},
		{"connection/active", "Connection: active, a certificate expires", Connection(live), http.StatusOK},
		{"connection/disabled", "Connection: disabled", Connection(off), http.StatusOK},
		{"connection/last", "Connection: the last one is not disabled", Connection(last), http.StatusUnprocessableEntity},
		{"connection/delete", "Delete a connection", DeleteConnection(remove), http.StatusOK},
		{"connection/delete-wrong", "Delete a connection: another name typed", DeleteConnection(mistyped), http.StatusUnprocessableEntity},
	}, connectionDraftStories(live, active)...)
}

func connectionSettingsStories(active, draft ConnectionState) []Story {
	provider := IdentityProviderPage{
		ConnectionFrame: storyConnection("Identity provider", active), Import: "/import", Save: "/save", Add: "/add", Remove: "/remove",
		Values:      IdentityProviderValues{EntityID: "http://www.okta.com/exk1fcia6d6EMsf331d8", RedirectURL: "https://acme.okta.com/app/acme_gatehouse_1/exk1fcia6d6EMsf331d8/sso/saml"},
		MetadataURL: "https://acme.okta.com/app/exk1fcia6d6EMsf331d8/sso/saml/metadata", Certificates: storyCertificates,
	}
	bare, wrong := provider, provider
	bare.ConnectionFrame = storyConnection("Identity provider", draft)
	bare.Values, bare.MetadataURL, bare.Certificates = IdentityProviderValues{}, "", nil
	wrong.Problem = &ui.Problem{Fields: []ui.FieldError{
		{Field: "metadata_url", Message: "The address answers with status 404 instead of a document."}, {Field: "entity_id", Message: "An entity ID is one line of at most 1,024 characters."},
		{Field: "certificates", Message: "That is a private key. It must never leave the identity provider: replace it there, then paste the certificate (the public half) instead. We have not kept it."},
	}}
	wrong.Source, wrong.Values.Problem = MetadataSource{URL: "https://idp.example.com/gone", Problem: wrong.Problem}, wrong.Problem
	attributes := AttributesPage{ConnectionFrame: storyConnection("Attributes", active), Action: "/attributes", Email: "mail", Own: "department = urn:oid:2.16.840.1.113730.3.1.2\n"}
	address := attributes
	address.SubjectIsAddress = true
	address.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "map_own", Message: "After “department =” the attribute's Name is missing, or has more than 256 characters."}}}
	options := OptionsPage{
		ConnectionFrame: storyConnection("Options", active), Action: "/options",
		IDPInitiated:  []ui.Option{{Value: "handshake", Label: "On, checked by a fresh sign-in", Help: "A tile there works: its message is used once, as a hint to ask the identity provider anew. People type nothing.", Chosen: true}, {Value: "accept", Label: "On, taken as it comes", Help: "For identity providers that answer every request with a message that nobody asked for. It gives up the protection against a planted sign-in: somebody can make another person's browser sign in as themselves, and see what that person then does or enters. What is left of it: a message works once, and a browser in which somebody else is signed in asks before it changes hands."}, {Value: "off", Label: "Off", Help: "Messages that nobody asked for are refused."}},
		Bindings:      []ui.Option{{Value: "redirect", Label: "HTTP-Redirect", Help: "By the browser's address. Uses the sign-on address for HTTP-Redirect.", Chosen: true}, {Value: "post", Label: "HTTP-POST", Help: "By a form. Uses the sign-on address for HTTP-POST."}},
		NameIDFormats: []ui.Option{{Label: "None: the identity provider chooses", Chosen: true}, {Value: "p", Label: "Persistent"}},
		LoginHints:    []ui.Option{{Label: "No", Chosen: true}, {Value: "subject", Label: "As the Subject of the request", Help: "Microsoft Entra ID, AD FS and Okta take it."}, {Value: "query", Label: "As a query parameter", Help: "Such as login_hint or username. Needs a sign-on address for HTTP-Redirect."}},
	}
	moved := options
	moved.Alternate = storyAlternate()
	refused := options
	refused.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "binding", Message: "There is no sign-on address for this way. Add it under Identity provider first."}, {Message: "Somebody else changed this in the meantime. Check what is saved now, then save again."}}}
	return []Story{
		{"connection/identity-provider", "Connection: the identity provider's values", IdentityProvider(provider), http.StatusOK},
		{"connection/identity-provider-empty", "Connection: nothing known of the identity provider", IdentityProvider(bare), http.StatusOK},
		{"connection/identity-provider-wrong", "Connection: every field refused", IdentityProvider(wrong), http.StatusUnprocessableEntity},
		{"connection/attributes", "Connection: attributes", Attributes(attributes), http.StatusOK},
		{"connection/attributes-wrong", "Connection: attributes refused, the subject is an address", Attributes(address), http.StatusUnprocessableEntity},
		{"connection/options", "Connection: options", Options(options), http.StatusOK},
		{"connection/options-moved", "Connection: options of one that came from another product", Options(moved), http.StatusOK},
		{"connection/options-wrong", "Connection: options refused", Options(refused), http.StatusUnprocessableEntity},
	}
}
