package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

const storyPEM = "-----BEGIN CERTIFICATE-----\nMIIDJjCCAg6gAwIBAgIUQ8Vd0nM1g0m3H7kGQq0n2b0Zc0kwDQYJKoZIhvcNAQEL\nBQAwIDEeMBwGA1UEAwwVZ2F0ZWhvdXNlLmV4YW1wbGUuY29tMB4XDTI2MDEwMTAw\n-----END CERTIFICATE-----\n"

func certificatesStories() []Story {
	active := ConnectionState{ui.Working, "Active"}
	const print = "0d1e 8f3a 21bc 9d04 7e6f 55aa 1032 bb9c 0d1e 8f3a 21bc 9d04 7e6f 55aa 1032 bb9c"
	signs := OurKeyRow{CertificateRow: storyCertificates[1], Does: "Signs", PEM: storyPEM}
	quiet := CertificatesPage{ConnectionFrame: storyConnection("Certificates", active), Theirs: storyCertificates[1:2], Change: "/identity-provider", Read: "/read", Add: "/keys",
		Ours: []OurKeyRow{signs}, OurMetadata: "https://gatehouse.example.com/saml/con_01jd9k5a3m8y2v4q6w8r0t2b4t/metadata",
		Source: &MetadataState{URL: "https://acme.okta.com/app/exk1fcia6d6EMsf331d8/sso/saml/metadata", Read: storyRecent, Next: storyRecent}}
	waits := quiet
	source := *quiet.Source
	source.Waits = true
	waits.Source, waits.Apply, waits.Dismiss, waits.Found, waits.EveryKey, waits.Changes = &source, "/apply", "/dismiss", storyRecent, true, storyDifferences[:2]
	failing := quiet
	failing.Theirs = append(storyCertificates[:3:3], CertificateRow{Name: "next", Fingerprint: print, Key: "RSA, 2048 bits", Expires: storyRecent, State: ConnectionState{ui.Accent, "Not valid yet"}})
	failing.Source = &MetadataState{URL: "https://idp.example.com/federation/metadata?entity=https%3A%2F%2Fidp.example.com%2Fidp%2Fshibboleth", Signer: print, Read: storyOlder, Next: storyRecent,
		ValidUntil: storyOlder, Failing: storyOlder, Problem: "The metadata was valid until 20 November 2026 and is out of date. Export a fresh one from the identity provider."}
	overlap := quiet
	overlap.Add, overlap.Switch, overlap.Source, overlap.Read = "", "/switch", nil, ""
	last := signs
	last.Last, last.Opened = true, storyRecent
	overlap.Ours = []OurKeyRow{last, {CertificateRow: storyCertificates[0], Does: "Next: published, does not sign yet", PEM: storyPEM, Remove: "/remove"}}
	moved := quiet
	moved.Problem = &ui.Problem{Fields: []ui.FieldError{{Message: "Somebody else changed this in the meantime. Check what is saved now, then save again."}}}
	openID := quiet
	openID.OpenID, openID.OurMetadata, openID.Source, openID.Theirs = true, "https://gatehouse.example.com/oidc/con_01jd9k5a3m8y2v4q6w8r0t2b4t/keys", nil, nil
	none := quiet
	none.Source, none.Theirs, none.Read = nil, nil, ""
	return []Story{
		{"certificates/quiet", "Certificates: all is well", Certificates(quiet), http.StatusOK},
		{"certificates/waits", "Certificates: the metadata has changed every key", Certificates(waits), http.StatusOK},
		{"certificates/failing", "Certificates: every state, the metadata is out of date", Certificates(failing), http.StatusOK},
		{"certificates/overlap", "Certificates: two keys of ours", Certificates(overlap), http.StatusOK},
		{"certificates/moved", "Certificates: somebody else was faster", Certificates(moved), http.StatusUnprocessableEntity},
		{"certificates/none", "Certificates: nothing known of the identity provider", Certificates(none), http.StatusOK},
		{"certificates/openid", "Certificates: OpenID Connect", Certificates(openID), http.StatusOK},
		{"certificates/remove", "Remove a key that is still encrypted to", Confirm(storyRemoveKey()), http.StatusOK},
	}
}

func storyRemoveKey() ConfirmPage {
	return ConfirmPage{
		Page:    storyConsole("Remove key", "Connections", ui.Link{Text: "Connections", Href: "/connections"}, ui.Link{Text: "Okta", Href: "/connections/1"}, ui.Link{Text: "Certificates", Href: "/connections/1/certificates"}),
		Heading: "Remove a key of ours", Sentence: "This cannot be undone: a key that is removed is gone.",
		Warning: "Your identity provider still encrypts to this key. As long as it does, nobody can sign in once the key is gone.",
		Confirm: ui.Confirm{Action: "/remove", Button: "Remove key", Cancel: "/connections/1/certificates", Version: "7", Name: "Okta", Consequences: []string{
			"It is published no longer, and what is encrypted to it cannot be read any more.", "The last sign-in that was encrypted to it came 3 minutes ago.",
		}},
	}
}
