package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func setupLinkStories() []Story {
	const link = "https://sso.example.com/setup/Zm9yIHN0b3JpZXMgb25seSwgbm90IGEgcmVhbCB0b2tlbiE"
	page := storyConsole("Setup links", "Connections", ui.Link{Text: "Connections", Href: "/connections"}, ui.Link{Text: "Okta", Href: "/connections/1"})
	frame := ConnectionFrame{Page: page, Name: "Okta", State: ConnectionState{Kind: ui.Accent, Text: "Draft"}, Version: "1", Tabs: []ui.Link{
		{Text: "Overview", Href: "/connections/1"}, {Text: "Identity provider", Href: "/connections/1/identity-provider"}, {Text: "Setup links", Href: "/connections/1/setup-links", Current: true}}}
	ends := ui.Moment{Human: "7 Dec 2026", Exact: "7 Dec 2026, 06:57:12 UTC", Machine: "2026-12-07T06:57:12Z"}
	open := SetupLinkRow{Name: "IT of Acme", Domains: "acme.example", By: "Ada Lovelace", State: ConnectionState{Kind: ui.Accent, Text: "Open"}, Made: storyRecent, Ends: ends, Reissue: "/reissue", Revoke: "/revoke", Version: "1"}
	done, expired, revoked := open, open, open
	done.Name, done.State, done.Used = storyLongName, ConnectionState{Kind: ui.Working, Text: "Done"}, storyRecent
	done.Domains, done.By = "acme.example, a-rather-long-name-of-a-subsidiary.acme.example", storyLongName
	expired.Name, expired.State, expired.Used, expired.Ends = "Service desk", ConnectionState{Kind: ui.Neutral, Text: "Expired"}, storyOlder, storyOlder
	revoked.Name, revoked.State, revoked.Ends, revoked.Reissue, revoked.Revoke = "Consultant", ConnectionState{Kind: ui.Neutral, Text: "Revoked"}, ui.Moment{}, "", ""
	none := SetupLinksPage{ConnectionFrame: frame, Action: "/setup-links", Mailed: true, Once: "1",
		Domains:  []ui.Option{{Value: "dom_1", Label: "acme.example", Help: "Claimed", Chosen: true}, {Value: "dom_2", Label: "acme.test", Help: "Verified"}},
		Contacts: ContactsForm{Action: "/contacts", Told: "2 people", Most: "20"}}
	many := none
	many.Rows, many.Contacts.Addresses, many.Mailed, many.Domains = []SetupLinkRow{open, done, expired, revoked}, "it@acme.example\n"+storyLongEmail, false, nil
	wrong := none
	wrong.Email, wrong.Contacts.Addresses = "it", "it"
	wrong.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "name", Message: "Enter a name."}, {Field: "email", Message: "Enter an email address such as name@example.com."},
		{Field: "contacts", Message: "“it” is no email address. Enter one on each line."}}}
	wrong.Contacts.Problem = wrong.Problem
	made := SetupLinkMadePage{Page: storyConsole("Setup link", "Connections", ui.Link{Text: "Connections", Href: "/connections"}), Name: "IT of Acme", Connection: "Okta", Link: link, Ends: "7 Dec 2026, 06:57 UTC", Mailed: "it@acme.example", Done: "/setup-links"}
	handed := made
	handed.Mailed = ""
	return append([]Story{
		{"setup-links/none", "Setup links: none yet", SetupLinks(none), http.StatusOK},
		{"setup-links/many", "Setup links: in every state, no mail goes out", SetupLinks(many), http.StatusOK},
		{"setup-links/wrong", "Setup links: refused", SetupLinks(wrong), http.StatusUnprocessableEntity},
		{"setup-links/mailed", "Setup link: shown once, and mailed", SetupLinkMade(made), http.StatusCreated},
		{"setup-links/handed", "Setup link: shown once", SetupLinkMade(handed), http.StatusCreated},
	}, setupVisitStories()...)
}

func setupVisitStories() []Story {
	card := storyPage("Set up single sign-on")
	inside := func(title string) Page {
		page := storyPage(title)
		page.SetupLink = "IT of Acme"
		if title != "Set up Okta" {
			page.Breadcrumb = []ui.Link{{Text: "Set up Okta", Href: "/setup"}, {Text: title}}
		}
		return page
	}
	record := SetupTask{Title: "Prove acme.example", Detail: "One TXT record in its DNS.", Href: "/setup/domains/1", State: "Claimed", Kind: ui.Accent}
	begin := SetupPage{Page: inside("Set up Okta"), Organization: "Acme Corporation", Connection: "Okta", Ends: "7 December 2026, 06:57 UTC", Values: "/setup/connection", Tasks: []SetupTask{
		{Title: "Connect your identity provider", Detail: "Import its metadata, or enter its entity ID and sign-on address.", Href: "/setup/steps", State: "To do", Kind: ui.Accent},
		{Title: "Test it with your own sign-in", Detail: "Once your identity provider is connected.", State: "Waits", Kind: ui.Quiet}, record,
		{Title: "Name who renews certificates", Detail: "They are mailed before a certificate expires.", Href: "/setup/contacts", State: "Optional", Kind: ui.Quiet},
	}}
	end := begin
	end.Done = true
	end.Tasks = []SetupTask{
		{Title: "Connect your identity provider", Detail: "https://idp.example.com/metadata", Href: "/setup/connection", State: "Done", Kind: ui.Working},
		{Title: "Test it with your own sign-in", Detail: "It opens nothing and links nobody.", Act: "/setup/test", Button: "Test again", State: "Passed", Kind: ui.Working},
		{Title: "Prove acme.example", Detail: "One TXT record in its DNS.", Href: "/setup/domains/1", State: "Verified", Kind: ui.Working},
		{Title: "Name who renews certificates", Detail: "They are mailed before a certificate expires.", Href: "/setup/contacts", State: "2 contacts", Kind: ui.Working},
	}
	active := end
	active.Active, active.Values = true, ""
	active.Tasks = append([]SetupTask{{Title: "Connect your identity provider", Href: "/setup/connection", State: "Active", Kind: ui.Working}}, end.Tasks[2:]...)
	saml := SetupConnectionPage{Page: inside("Connect your identity provider"), Version: "1", SignOn: "https://sso.example.com/connections/con_1/login",
		EntityID: "https://sso.example.com/saml/con_01jd9m3x7k8y2v4q6w8r0t2b4n/metadata", ACS: "https://sso.example.com/saml/con_01jd9m3x7k8y2v4q6w8r0t2b4n/acs"}
	wrong := saml
	wrong.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "metadata_url", Message: "The address cannot be reached. Check it, or download the metadata and give the file."}}}
	wrong.Source = MetadataSource{URL: "https://idp.example.com/metadata", Problem: wrong.Problem}
	wrong.Certificates = []CertificateRow{{Name: "idp.example.com", Fingerprint: "AB:CD:EF", Key: "RSA, 2048 bits", Expires: storyRecent, State: ConnectionState{Kind: ui.Working, Text: "Valid"}}}
	openID := SetupConnectionPage{Page: inside("Connect your identity provider"), Version: "1", SignOn: saml.SignOn, Callback: "https://sso.example.com/oidc/con_1/callback",
		Initiation: "https://sso.example.com/oidc/con_1/initiate", KeysURL: "https://sso.example.com/oidc/con_1/keys",
		OpenID: OpenIDValues{Issuer: "https://acme.okta.com", Methods: []ui.Option{{Value: "secret", Label: "By a client secret", Chosen: true}, {Value: "statement", Label: "By our own key"}}}}
	live := saml
	live.Active = true
	domain := SetupDomainPage{Page: inside("Prove acme.example"), Name: "acme.example", State: DomainState{Kind: ui.Accent, Word: "Claimed"}, RecordName: "_gatehouse-challenge.acme.example",
		RecordValue: "gatehouse-domain-verification=Zm9yIHN0b3JpZXMgb25seQ", Verify: "/setup/domains/1/verify"}
	missing, proved := domain, domain
	missing.CheckProblem, missing.CheckedAt = "There is no TXT record at _gatehouse-challenge.acme.example. If you have just added it, try again in some minutes.", storyRecent
	proved.State, proved.Standing, proved.CheckedAt = DomainState{Kind: ui.Working, Word: "Verified"}, true, storyRecent
	contacts := SetupContactsPage{Page: inside("Who renews certificates"), Contacts: ContactsForm{Action: "/setup/contacts", Addresses: "it@acme.example\n" + storyLongEmail, Told: "3 people", Most: "20"}}
	refused := contacts
	refused.Contacts.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "contacts", Message: "“it” is no email address. Enter one on each line."}}}
	return []Story{
		{"setup/link", "A setup link: the button", SetupLink(SetupLinkPage{Page: card, Action: "/setup/t", Organization: "Acme Corporation", By: "Ada Lovelace", Connection: "Okta", Ends: "7 December 2026, 06:57 UTC"}), http.StatusOK},
		{"setup/dead", "A setup link that opens nothing", SetupLinkDead(SetupLinkDeadPage{Page: storyPage("This link no longer works")}), http.StatusGone},
		{"setup/closed", "A setup link's page without the link", SetupClosed(SetupClosedPage{Page: storyPage("Open your setup link")}), http.StatusUnauthorized},
		{"setup/left", "A setup link: left", SetupLeft(SetupLeftPage{Page: storyPage("You have left")}), http.StatusOK},
		{"setup/begin", "Setting up by a link: nothing is done", Setup(begin), http.StatusOK},
		{"setup/done", "Setting up by a link: everything is done", Setup(end), http.StatusOK},
		{"setup/active", "Setting up by a link: the connection is active", Setup(active), http.StatusOK},
		{"setup/saml", "Setting up by a link: SAML", SetupConnection(saml), http.StatusOK},
		{"setup/saml-wrong", "Setting up by a link: SAML, refused", SetupConnection(wrong), http.StatusUnprocessableEntity},
		{"setup/openid", "Setting up by a link: OpenID Connect", SetupConnection(openID), http.StatusOK},
		{"setup/live", "Setting up by a link: an owner's to change", SetupConnection(live), http.StatusOK},
		{"setup/domain", "Setting up by a link: a domain to prove", SetupDomain(domain), http.StatusOK},
		{"setup/domain-missing", "Setting up by a link: no record", SetupDomain(missing), http.StatusOK},
		{"setup/domain-proved", "Setting up by a link: a domain that is proved", SetupDomain(proved), http.StatusOK},
		{"setup/contacts", "Setting up by a link: contacts", SetupContacts(contacts), http.StatusOK},
		{"setup/contacts-wrong", "Setting up by a link: contacts, refused", SetupContacts(refused), http.StatusUnprocessableEntity},
	}
}
