package store

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

var fromPolis = Alternate{EntityID: "https://saml.boxyhq.com", Path: "/api/oauth/saml"}

// givenTo gives the connection alternate addresses and returns it as it is then.
func givenTo(t *testing.T, s *Store, c Connection, a Alternate) Connection {
	t.Helper()
	scope := s.In(c.OrganizationID)
	ok(t, scope.GiveAlternate(t.Context(), operator, c.ID, c.Version, a))
	return must(scope.Connection(t.Context(), c.ID))
}

func TestAlternateAddressesComeAndGoWithTheOperator(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "corp")
		scope, c := s.In(o.ID), aDraft(t, s, o.ID)
		isError(t, errorOf(scope.Alternate(ctx, c.ID)), ErrNotFound)
		isError(t, scope.WithdrawAlternate(ctx, operator, c.ID, c.Version), ErrNotFound)

		c = givenTo(t, s, c, fromPolis)
		if c.Settings.AlternateEntityID != fromPolis.EntityID || c.Settings.AlternateACS != fromPolis.Path {
			t.Fatalf("it goes by %+v", c.Settings)
		}
		if given := must(scope.Alternate(ctx, c.ID)); given.Issuer != c.Settings.EntityID || given.Path != fromPolis.Path {
			t.Errorf("it was given %+v", given)
		}
		other, _ := anOrganization(t, s, "other")
		isError(t, errorOf(s.In(other.ID).Alternate(ctx, c.ID)), ErrNotFound)
		if found := must(s.ConnectionAt(ctx, ProtocolSAML, fromPolis.Path, c.Settings.EntityID)); found.ID != c.ID {
			t.Errorf("found %s there", found.ID)
		}
		for _, at := range [][3]string{{ProtocolSAML, fromPolis.Path, "https://idp.test/other"}, {ProtocolSAML, "/api/oauth/other", c.Settings.EntityID}, {ProtocolSAML, "", c.Settings.EntityID}, {ProtocolOIDC, fromPolis.Path, ""}} {
			isError(t, errorOf(s.ConnectionAt(ctx, at[0], at[1], at[2])), ErrNotFound)
		}
		again := givenTo(t, s, c, fromPolis)
		if again.Version != c.Version {
			t.Error("giving the same again changes something")
		}

		ok(t, scope.WithdrawAlternate(ctx, operator, c.ID, c.Version))
		now := must(scope.Connection(ctx, c.ID))
		if now.Settings.AlternateEntityID != "" || now.Settings.AlternateACS != "" {
			t.Errorf("taken away, it still goes by %+v", now.Settings)
		}
		isError(t, errorOf(s.ConnectionAt(ctx, ProtocolSAML, fromPolis.Path, c.Settings.EntityID)), ErrNotFound)
		for _, action := range []audit.Action{audit.ConnectionAlternateGiven, audit.ConnectionAlternateWithdrawn} {
			if n := count(t, s, "events WHERE action = ? AND organization_id = ? AND changes LIKE '%/api/oauth/saml%'", action, o.ID); n != 1 {
				t.Errorf("%s is recorded %d times", action, n)
			}
		}
		// A version that named them comes back without them.
		versions := must(scope.ConnectionVersions(ctx, c.ID, 0, 0))
		if versions[0].Settings.AlternateACS != fromPolis.Path {
			t.Fatalf("the versions are %+v", versions)
		}
		changed := changed(t, s, now, func(s *SAMLSettings) { s.ForceAuthn = true })
		ok(t, scope.RestoreConnectionVersion(ctx, operator, c.ID, changed.Version, versions[0].ID))
		if restored := must(scope.Connection(ctx, c.ID)); restored.Settings.ForceAuthn || restored.Settings.AlternateACS != "" {
			t.Errorf("restored: %+v", restored.Settings)
		}
	})
}

func TestAnOwnerMayGoOverToOurOwnAddressesAndBack(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, _ := corp(t, s)
		c = givenTo(t, s, c, fromPolis)
		if c.Settings.AlternateACS != "" || c.DraftID == "" {
			t.Fatalf("people sign in through it, and what was given is not in a draft first: %+v", c)
		}
		ok(t, scope.PublishConnection(ctx, operator, c.ID, c.Version, true))
		c = must(scope.Connection(ctx, c.ID))
		if c.Settings.AlternateACS != fromPolis.Path {
			t.Fatalf("published, it goes by %+v", c.Settings)
		}
		c = changed(t, s, c, func(s *SAMLSettings) { s.AlternateEntityID, s.AlternateACS = "", "" })
		draft := must(scope.ConnectionDraft(ctx, c.ID))
		if changes := draft.ChangesFrom(must(scope.LiveConnectionVersion(ctx, c.ID))); len(changes) != 2 || changes[0].Field != "alternate_entity_id" || changes[1].Before != fromPolis.Path {
			t.Errorf("the draft differs by %+v", changes)
		}
		c = changed(t, s, c, func(s *SAMLSettings) { s.AlternateEntityID, s.AlternateACS = fromPolis.EntityID, fromPolis.Path })
		if c.DraftID != "" {
			t.Error("back at what is live, there is a draft")
		}
	})
}

// TestS50_NobodyTakesAddressesThatWereNotGiven: an owner who writes another identity provider, or other addresses, into the settings could have
// people of somebody else sent here, with messages that are meant for another organization.
func TestS50_NobodyTakesAddressesThatWereNotGiven(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, _ := corp(t, s)
		save := func(c Connection, change func(*SAMLSettings)) error {
			edited := must(scope.EditedConnection(ctx, c.ID))
			change(&edited.Settings)
			return scope.ChangeConnectionSettings(ctx, operator, c.ID, edited.Version, edited.Settings)
		}
		hasProblem(t, save(c, func(s *SAMLSettings) { s.AlternateACS = fromPolis.Path }), "entity_id")
		c = givenTo(t, s, c, fromPolis)
		hasProblem(t, save(c, func(s *SAMLSettings) { s.EntityID = "https://idp.victim.test" }), "entity_id")
		hasProblem(t, save(c, func(s *SAMLSettings) { s.AlternateEntityID = "https://saml.other.test" }), "alternate")
		hasProblem(t, save(c, func(s *SAMLSettings) { s.AlternateACS = "/api/oauth/other" }), "alternate")
		ok(t, save(c, func(s *SAMLSettings) { s.ForceAuthn = true })) // the twin
		ok(t, save(c, func(s *SAMLSettings) {
			s.EntityID, s.AlternateEntityID, s.AlternateACS = "https://idp.victim.test", "", ""
		}))

		// A draft that is made through the API or the console brings none.
		made := must(scope.CreateDraft(ctx, operator, NewConnection{Name: "Okta", Protocol: ProtocolSAML, SAML: SAMLSettings{EntityID: "https://idp.two.test",
			AlternateEntityID: fromPolis.EntityID, AlternateACS: fromPolis.Path}}, ourKey))
		if made.Settings.AlternateEntityID != "" || made.Settings.AlternateACS != "" {
			t.Errorf("a new draft goes by %+v", made.Settings)
		}

		oidc := openIDSettings()
		moved := must(scope.CreateDraft(ctx, operator, NewConnection{Name: "Keycloak", Protocol: ProtocolOIDC, OIDC: oidc, ClientSecret: secret.TokenOf("hush"),
			Alternate: Alternate{Path: "/api/oauth/oidc"}}, ourKey))
		change := func(issuer, path string) error {
			edited := must(scope.EditedConnection(ctx, moved.ID))
			edited.OIDC.Issuer, edited.OIDC.AlternateCallback = issuer, path
			return scope.ChangeOIDCSettings(ctx, operator, moved.ID, edited.Version, edited.OIDC, secret.TokenOf("hush"))
		}
		hasProblem(t, change("https://idp.victim.test", "/api/oauth/oidc"), "issuer")
		hasProblem(t, change(oidc.Issuer, "/api/oauth/other"), "alternate")
		ok(t, change(oidc.Issuer, ""))
		ok(t, change(oidc.Issuer, "/api/oauth/oidc"))
	})
}

// TestS50_TwoConnectionsAreNeverFoundAtOnePlace: what an identity provider sends to a path belongs to one connection of the installation, and a
// path of OpenID Connect to one whatever answers there.
func TestS50_TwoConnectionsAreNeverFoundAtOnePlace(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		one, _ := anOrganization(t, s, "one")
		two, _ := anOrganization(t, s, "two")
		first := givenTo(t, s, aDraft(t, s, one.ID), fromPolis)
		second := aDraft(t, s, two.ID) // at the same identity provider
		give := func(a Alternate) error {
			return s.In(two.ID).GiveAlternate(ctx, operator, second.ID, second.Version, a)
		}
		hasProblem(t, give(fromPolis), "alternate_path")
		if n := count(t, s, "connection_alternates WHERE organization_id = ?", two.ID); n != 0 {
			t.Error("what was refused is kept")
		}
		ok(t, give(Alternate{EntityID: fromPolis.EntityID})) // the path tells them apart
		third := must(s.In(two.ID).CreateConnection(ctx, operator, "Entra", SAMLSettings{EntityID: "https://idp.two.test", RedirectURL: "https://idp.two.test/sso"}, ourKey))
		ok(t, s.In(two.ID).GiveAlternate(ctx, operator, third.ID, third.Version, fromPolis)) // and so does the identity provider
		if found := must(s.ConnectionAt(ctx, ProtocolSAML, fromPolis.Path, first.Settings.EntityID)); found.ID != first.ID {
			t.Errorf("found %s", found.ID)
		}

		openID := func(organization, issuer string) (Connection, error) {
			settings := openIDSettings()
			settings.Issuer = issuer
			return s.In(organization).CreateDraft(ctx, operator, NewConnection{Name: "Keycloak", Protocol: ProtocolOIDC, OIDC: settings,
				Alternate: Alternate{Path: "/api/oauth/oidc"}}, ourKey)
		}
		kept := must(openID(one.ID, "https://idp.one.test"))
		hasProblem(t, errorOf(openID(two.ID, "https://idp.two.test")), "alternate_path")
		if found := must(s.ConnectionAt(ctx, ProtocolOIDC, "/api/oauth/oidc", "")); found.ID != kept.ID {
			t.Errorf("found %s", found.ID)
		}
		ok(t, s.In(one.ID).DeleteConnection(ctx, operator, kept.ID, kept.Version))
		must(openID(two.ID, "https://idp.two.test"))
	})
}

// TestS50_OneOfManyAtOnceGetsTheAddresses: the rule holds when it is asked by many at once.
func TestS50_OneOfManyAtOnceGetsTheAddresses(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		var drafts []Connection
		for i := range 8 {
			o, _ := anOrganization(t, s, fmt.Sprint("corp", i))
			drafts = append(drafts, aDraft(t, s, o.ID))
		}
		var got atomic.Int32
		var all sync.WaitGroup
		for _, c := range drafts {
			all.Go(func() {
				err := s.In(c.OrganizationID).GiveAlternate(t.Context(), operator, c.ID, c.Version, fromPolis)
				var taken *Invalid
				switch {
				case err == nil:
					got.Add(1)
				case !errors.As(err, &taken):
					t.Errorf("refused with %v", err)
				}
			})
		}
		all.Wait()
		if got.Load() != 1 || count(t, s, "connection_alternates") != 1 {
			t.Errorf("%d were given them", got.Load())
		}
	})
}

func TestWhatCannotBeAnAlternateAddress(t *testing.T) {
	good := Alternate{Issuer: "https://idp.test", EntityID: "urn:amazon:cognito:sp:eu", Path: "/realms/acme/broker/okta/endpoint"}
	for _, path := range []string{good.Path, "", "/api/oauth/saml", "/sso/acs.php", "/Shibboleth.sso/SAML2/POST", "/__/auth/handler"} {
		a := good
		a.Path = path
		if err := a.check(ProtocolSAML); err != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
	for _, path := range []string{
		"/", "api/oauth", "//api/oauth", "/api/../login", "/a/./b", "/a/.hidden", "/a/", "/a?b=c", "/a#b", "/a%2fb", "/a b", "/a\\b", "/a{b}", "/ä", "/" + strings.Repeat("a", 255),
		"/login", "/login/callback", "/saml/con_1/acs", "/SAML/x", "/oidc/x", "/api/v1/organizations", "/api/v2", "/api", "/setup", "/.well-known/x", "/.gatehouse/enter", "/oauth2/token", "/scim/x", "/static/x", "/healthz",
	} {
		a := good
		a.Path = path
		hasProblem(t, a.check(ProtocolSAML), "alternate_path")
	}
	for _, entity := range []string{"https://saml boxyhq.com", "https://saml.test\n", strings.Repeat("a", 1025)} {
		hasProblem(t, Alternate{Issuer: "https://idp.test", EntityID: entity}.check(ProtocolSAML), "alternate_entity_id")
	}
	hasProblem(t, good.check(ProtocolOIDC), "alternate_entity_id")
	hasProblem(t, Alternate{Issuer: "https://idp.test"}.check(ProtocolSAML), "alternate")
	hasProblem(t, Alternate{Path: "/api/oauth/saml"}.check(ProtocolSAML), "alternate")
}
