package store

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/secret"
)

func openIDSettings() OIDCSettings {
	return OIDCSettings{
		Issuer: "https://idp.test", AuthorizationURL: "https://idp.test/authorize", TokenURL: "https://idp.test/token", KeysURL: "https://idp.test/keys",
		Algorithms: []string{"RS256"}, ClientID: "client",
	}
}

func TestAnOpenIDConnectionLives(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "Acme")
		ctx, scope := t.Context(), s.In(o.ID)
		first := openIDSettings()
		first.ClientID = ""
		c, err := scope.CreateOIDCConnection(ctx, operator, "Keycloak", first, secret.Token{}, NewKey{CertificatePEM: []byte("certificate"), KeyPEM: []byte("key")})
		ok(t, err)
		var incomplete *Invalid
		if err := scope.ActivateConnection(ctx, operator, c.ID, c.Version); !errors.As(err, &incomplete) || len(incomplete.Fields) != 2 {
			t.Fatalf("activated without a client ID and a secret: %v", err)
		}
		c.OIDC.ClientID = "client"
		ok(t, scope.ChangeOIDCSettings(ctx, operator, c.ID, c.Version, c.OIDC, secret.TokenOf("hush, a secret")))
		c, err = scope.Connection(ctx, c.ID)
		ok(t, err)
		ok(t, scope.ActivateConnection(ctx, operator, c.ID, c.Version))
		live, err := s.ConnectionByID(ctx, c.ID)
		ok(t, err)
		if live.ClientSecret.Reveal() != "hush, a secret" || live.Protocol != ProtocolOIDC || live.OIDC.ClientID != "client" || live.IdentityProvider() != "https://idp.test" {
			t.Errorf("it lives as %+v", live.Connection)
		}
		if n := count(t, s, "connection_secrets WHERE sealed = ?", []byte("hush, a secret")); n != 0 {
			t.Error("the secret is kept as it is")
		}
		if n := count(t, s, "events WHERE changes LIKE '%hush%' OR changes LIKE '%csc_%'"); n != 0 {
			t.Error("an event tells the secret")
		}
		versions, err := scope.ConnectionVersions(ctx, c.ID, 0, 0)
		ok(t, err)
		if len(versions) != 2 || versions[0].OIDC.ClientID != "client" || versions[1].OIDC.ClientID != "" || versions[1].OIDC.SecretID != "" {
			t.Errorf("its versions are %+v", versions)
		}
		if err := scope.ChangeConnectionSettings(ctx, operator, c.ID, live.Version, SAMLSettings{}); !errors.Is(err, ErrNotFound) {
			t.Errorf("it takes settings of SAML: %v", err)
		}
	})
}

// TestX06_ASecretGoesNowhereElseUnasked: whoever moves the token endpoint could have the secret sent to themselves, so they must know it.
func TestX06_ASecretGoesNowhereElseUnasked(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "Acme")
		ctx, scope := t.Context(), s.In(o.ID)
		c, err := scope.CreateOIDCConnection(ctx, operator, "Keycloak", openIDSettings(), secret.TokenOf("hush"), NewKey{})
		ok(t, err)
		renamed, moved, elsewhere := c.OIDC, c.OIDC, c.OIDC
		renamed.ClientID = "another"
		moved.TokenURL = "https://evil.test/token"
		elsewhere.Issuer = "https://evil.test"
		ok(t, scope.ChangeOIDCSettings(ctx, operator, c.ID, c.Version, renamed, secret.Token{}))
		for _, away := range []OIDCSettings{moved, elsewhere} {
			var refused *Invalid
			if err := scope.ChangeOIDCSettings(ctx, operator, c.ID, c.Version+1, away, secret.Token{}); !errors.As(err, &refused) || refused.Fields[0].Field != "client_secret" {
				t.Errorf("the secret goes along to %s: %v", away.TokenURL, err)
			}
		}
		ok(t, scope.ChangeOIDCSettings(ctx, operator, c.ID, c.Version+1, elsewhere, secret.TokenOf("another")))
		live, err := s.ConnectionByID(ctx, c.ID)
		ok(t, err)
		if live.ClientSecret.Reveal() != "another" {
			t.Error("the new secret is not the one that is used")
		}
	})
}

func TestOpenIDSettingsSayWhatIsWrong(t *testing.T) {
	for field, change := range map[string]func(*OIDCSettings){
		"issuer":        func(s *OIDCSettings) { s.TokenURL = "http://idp.test/token" },
		"client_id":     func(s *OIDCSettings) { s.ClientID = "a\nb" },
		"auth_method":   func(s *OIDCSettings) { s.AuthMethod = "none" },
		"prompt":        func(s *OIDCSettings) { s.Prompt = "create" },
		"max_age":       func(s *OIDCSettings) { s.MaxAge = -1 },
		"scopes":        func(s *OIDCSettings) { s.Scopes = []string{"a b"} },
		"authn_context": func(s *OIDCSettings) { s.AuthnContext = []string{strings.Repeat("x", 257)} },
		"map_email":     func(s *OIDCSettings) { s.Mapping.Email = strings.Repeat("x", 257) },
	} {
		good := openIDSettings()
		problems := &Invalid{}
		good.normal().check(problems)
		ok(t, problems.Err())
		change(&good)
		if good.normal().check(problems); len(problems.Fields) != 1 || problems.Fields[0].Field != field {
			t.Errorf("%s: %v", field, problems)
		}
	}
}

// a claim that people may change themselves, or that is given to others after them, is nobody's name.
func TestR15_AnAddressIsNeverTheSubject(t *testing.T) {
	for name, taken := range map[string]bool{"email": false, " email ": false, "preferred_username": false, "upn": false, "": true, "sub": true, "oid": true, "employee.id": true} {
		s := openIDSettings()
		s.Mapping.Subject = name
		problems := &Invalid{}
		if s.normal().check(problems); (problems.Err() == nil) != taken || !taken && problems.Fields[0].Field != "map_subject" {
			t.Errorf("%q: %v", name, problems)
		}
	}
}

// TestR03_ARequestIsTakenOnce: of many answers at once one is checked, and a stranger's change of the row does not open it.
func TestR03_ARequestIsTakenOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "Acme")
		c, err := s.In(o.ID).CreateOIDCConnection(t.Context(), operator, "Keycloak", openIDSettings(), secret.TokenOf("hush"), NewKey{})
		ok(t, err)
		begin := func(id string) Login {
			login, err := s.BeginLogin(t.Context(), NewLogin{OrganizationID: o.ID, ConnectionID: c.ID, VersionID: c.VersionID, Kind: TestLogin,
				StartedBy: StartedHere, RequestID: id, Request: []byte("nonce and verifier"), Relay: secret.NewToken(), Flow: secret.NewToken()})
			ok(t, err)
			return login
		}
		login := begin("one")
		if n := count(t, s, "logins WHERE sealed_request = ?", []byte("nonce and verifier")); n != 0 {
			t.Error("it is kept as it is")
		}
		var taken, conflicts atomic.Int32
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				switch got, err := s.TakeRequest(t.Context(), login.ID); {
				case err == nil && string(got) == "nonce and verifier":
					taken.Add(1)
				case errors.Is(err, ErrConflict):
					conflicts.Add(1)
				default:
					t.Errorf("got %q, %v", got, err)
				}
			})
		}
		all.Wait()
		if taken.Load() != 1 || conflicts.Load() != 49 {
			t.Errorf("taken %d times, refused %d times", taken.Load(), conflicts.Load())
		}
		late := begin("two")
		later(s, loginLife+time.Second)
		if _, err := s.TakeRequest(t.Context(), late.ID); !errors.Is(err, ErrConflict) {
			t.Errorf("taken after its time: %v", err)
		}
	})
}
