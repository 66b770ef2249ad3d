package store

import (
	"testing"

	"github.com/gatehouse-sso/gatehouse/audit"
)

// TestR17_ATestLinksByTheSettingsThatItWasOf: whoever holds a setup link could point the connection at an identity provider of theirs while an owner
// tests, and back at the real one, where the subject that was linked is their own.
func TestR17_ATestLinksByTheSettingsThatItWasOf(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *Store, *SAMLSettings){
		"another entity ID":        func(_ *testing.T, _ *Store, s *SAMLSettings) { s.EntityID = "https://real.test" },
		"a key less":               func(_ *testing.T, _ *Store, s *SAMLSettings) { s.Certificates = s.Certificates[:1] },
		"another subject":          func(_ *testing.T, _ *Store, s *SAMLSettings) { s.Mapping.Subject = "uid" },
		"the address read as said": func(_ *testing.T, _ *Store, s *SAMLSettings) { s.Mapping.Email = "" },
		"another sign-on address":  func(_ *testing.T, _ *Store, s *SAMLSettings) { s.RedirectURL = "https://real.test/sso" },
	} {
		t.Run(name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *Store) {
				ctx := t.Context()
				l := aSetupLink(t, s)
				visit := must(s.SetupVisit(ctx, l.open()))
				link := func(to func(*SAMLSettings)) error { return l.settle(s.During(visit), visit.Actor(audit.Request{}), to) }
				ok(t, link(func(s *SAMLSettings) {
					s.EntityID, s.RedirectURL, s.Mapping.Email = "https://mallory.test", "https://mallory.test/sso", "nickname"
					s.Certificates = append(s.Certificates, aCertificate(t, l.s.now()))
				}))
				ok(t, tested(t, s, must(l.scope.Connection(ctx, l.Connection.ID)), l.owner, "mallory's own", "owner@acme.test"))
				if links := must(l.scope.Identities(ctx, l.owner.ID)); len(links) != 1 {
					t.Fatalf("the test has linked %+v", links)
				}
				ok(t, link(func(settings *SAMLSettings) { change(t, s, settings) }))
				if links := must(l.scope.Identities(ctx, l.owner.ID)); len(links) != 0 {
					t.Errorf("still linked: %+v", links)
				}
				ended := must(l.scope.Events(ctx, EventFilter{Action: string(audit.IdentityUnlinked)}))
				if len(ended) != 1 || ended[0].Actor.Kind != audit.SetupLink || ended[0].Changes[0].Before != "mallory's own" {
					t.Errorf("the events are %+v", ended)
				}

				// The honest twin: tested by the settings that stay, the link outlives the activation.
				now := must(l.scope.Connection(ctx, l.Connection.ID))
				ok(t, tested(t, s, now, l.owner, "olga", "owner@acme.test"))
				ok(t, l.scope.RenameConnection(ctx, actorOf(l.owner), now.ID, now.Version, "Okta EU"))
				ok(t, l.scope.ActivateConnection(ctx, actorOf(l.owner), now.ID, now.Version+1))
				changed(t, s, now, entityID("https://moved.test")) // a draft from here on
				if links := must(l.scope.Identities(ctx, l.owner.ID)); len(links) != 1 || links[0].Subject != "olga" {
					t.Errorf("the links are %+v", links)
				}
			})
		})
	}
}

// TestR17_NobodyCallsASubjectTheirOwnByOtherSettings than those that named it, also where the owner says so afterwards.
func TestR17_NobodyCallsASubjectTheirOwnByOtherSettings(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		l := aSetupLink(t, s)
		test := func() string {
			login, identity := arrived(t, s, must(l.scope.Connection(ctx, l.Connection.ID)), "olga", "olga@elsewhere.test", func(n *NewLogin) {
				n.Kind, n.OwnerID, n.OwnerSession = TestLogin, l.owner.ID, "ses_x"
			})
			ok(t, s.LinkOwner(ctx, actorOf(l.owner), identity, login, nil))
			return login.ID
		}
		before := test()
		ok(t, l.settle(l.scope, operator, entityID("https://real.test")))
		hasProblem(t, l.scope.LinkSubject(ctx, actorOf(l.owner), before), "link")
		if n := count(t, s, "identities"); n != 0 {
			t.Errorf("%d are linked", n)
		}
		ok(t, l.scope.LinkSubject(ctx, actorOf(l.owner), test()))
	})
}
