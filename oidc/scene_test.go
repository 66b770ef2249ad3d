package oidc

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

const redirectURI = "https://gatehouse.test/oidc/con_1/callback"

func anywhere(*url.URL) error { return nil }

// scene is a connection to an OpenID provider that runs as a real server.
type scene struct {
	*testing.T
	idp   *idptest.OpenID
	party RelyingParty
}

func newScene(t *testing.T) *scene {
	t.Helper()
	idp := idptest.NewOpenID(t)
	idp.At(func() time.Time { return now })
	provider, err := Discover(t.Context(), http.DefaultClient, idp.Issuer, anywhere)
	if err != nil {
		t.Fatal(err)
	}
	return &scene{t, idp, RelyingParty{
		Provider: provider, ClientID: idp.ClientID, RedirectURI: redirectURI, AuthMethod: SecretBasic, Secret: secret.TokenOf(idp.Secret),
		Scopes: []string{"email", "profile"},
	}}
}

// comeBack goes to the identity provider in a browser and brings its answer.
func (s *scene) comeBack(a Asked, hint string) url.Values {
	s.Helper()
	address, err := s.party.Authorize(a, hint)
	if err != nil {
		s.Fatal(err)
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := browser.Get(address)
	if err != nil {
		s.Fatal(err)
	}
	answer.Body.Close()
	back, err := answer.Location()
	if err != nil {
		s.Fatalf("the identity provider answers %d to %s", answer.StatusCode, address)
	}
	return back.Query()
}

// signIn is a whole sign-in, from the request to the judgement.
func (s *scene) signIn() (trust.Identity, *Reading, *trust.Refusal) {
	s.Helper()
	a := NewAsked()
	return s.judge(a, s.comeBack(a, ""))
}

func (s *scene) judge(a Asked, query url.Values) (trust.Identity, *Reading, *trust.Refusal) {
	s.Helper()
	r := &Reading{}
	c, err := ReadCallback(query)
	if err != nil {
		s.Fatal(err)
	}
	if refusal := s.party.CheckCallback(r, c); refusal != nil {
		return trust.Identity{}, r, refusal
	}
	tokens, refusal := s.party.Exchange(s.Context(), http.DefaultClient, r, c, a, now)
	if refusal != nil {
		return trust.Identity{}, r, refusal
	}
	keys, err := FetchKeys(s.Context(), http.DefaultClient, s.party.KeysURL)
	if err != nil {
		s.Fatal(err)
	}
	if refusal := s.party.ReadIDToken(s.Context(), r, tokens, keys, a, now); refusal != nil {
		return trust.Identity{}, r, refusal
	}
	if s.party.UserinfoURL != "" && s.party.Lacks(r) {
		if refusal := s.party.AddUserinfo(s.Context(), http.DefaultClient, r, tokens); refusal != nil {
			return trust.Identity{}, r, refusal
		}
	}
	s.party.Remark(r)
	r.Claim.ConnectionID = "con_1"
	identity, refusal := trust.Decide(trust.Policy{
		ConnectionID: "con_1", OrganizationID: "org_1", Issuer: s.party.Issuer, EntityID: s.party.ClientID, ACS: redirectURI,
		ConnectionActive: true, OrganizationActive: true, PendingRequest: a.Nonce.Reveal(), VerifiedDomains: []string{"corp.test"},
		RequiredAuthnContext: s.party.AuthnContext,
	}, r.Claim, now)
	return identity, r, refusal
}

// ask makes the connection ask for what a lie is about.
func (s *scene) ask(asks idptest.OpenIDAsks) {
	s.party.MaxAge, s.party.HostedDomain, s.party.TenantID = asks.MaxAge, asks.HostedDomain, asks.TenantID
	if asks.AuthnContext != "" {
		s.party.AuthnContext = []string{asks.AuthnContext}
	}
}
