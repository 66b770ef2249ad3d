package oidc

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

func (s *scene) readLogout(raw string) (LogoutToken, *trust.Refusal) {
	s.Helper()
	keys, err := FetchKeys(s.Context(), http.DefaultClient, s.party.KeysURL)
	if err != nil {
		s.Fatal(err)
	}
	return s.party.ReadLogoutToken(s.Context(), raw, keys, now)
}

// TestR24_ALogoutTokenIsCheckedStrictly changes one thing of an honest token at a time; each honest twin is believed.
func TestR24_ALogoutTokenIsCheckedStrictly(t *testing.T) {
	s := newScene(t)
	stranger := idptest.OpenIDKey{Key: idptest.RSAKey("openid stranger", 2048), ID: "first"}
	claim := func(name string, value any) func(*idptest.OpenIDLogout) {
		return func(l *idptest.OpenIDLogout) {
			if l.Claims[name] = value; value == nil {
				delete(l.Claims, name)
			}
		}
	}
	header := func(name string, value any) func(*idptest.OpenIDLogout) {
		return func(l *idptest.OpenIDLogout) { l.Header[name] = value }
	}
	for _, row := range []struct {
		name   string
		change func(*idptest.OpenIDLogout)
		reason trust.Reason // "" where it is believed
	}{
		{"as it should be", func(*idptest.OpenIDLogout) {}, ""},
		{"typ of before the standard", header("typ", "JWT"), ""},
		{"typ in full", header("typ", "application/logout+jwt"), ""},
		{"no typ", func(l *idptest.OpenIDLogout) { delete(l.Header, "typ") }, ""},
		{"sid alone", claim("sub", nil), ""},
		{"sub alone", claim("sid", nil), ""},
		{"a second event", claim("events", map[string]any{idptest.LogoutEvent: map[string]any{}, "urn:other": map[string]any{}}), ""},
		{"a second event that is no object, as Keycloak adds it", claim("events", map[string]any{idptest.LogoutEvent: map[string]any{}, "revoke_offline_access": true}), ""},
		{"several audiences", claim("aud", []string{idptest.OpenIDClient, "another"}), ""},
		{"typ of an access token", header("typ", "at+jwt"), trust.ReasonTokenType},
		{"alg none", header("alg", "none"), trust.ReasonTokenUnsigned},
		{"alg HS256", header("alg", "HS256"), trust.ReasonTokenAlgorithm},
		{"a key of its own", header("jwk", map[string]any{}), trust.ReasonTokenStructure},
		{"an unknown key", header("kid", "second"), trust.ReasonKeyUnknown},
		{"a stranger's key", func(l *idptest.OpenIDLogout) { l.Sign = stranger }, trust.ReasonTokenSignature},
		{"another issuer", claim("iss", "https://evil.test"), trust.ReasonIssuer},
		{"no issuer", claim("iss", nil), trust.ReasonIssuer},
		{"another audience", claim("aud", "another"), trust.ReasonAudience},
		{"no audience", claim("aud", nil), trust.ReasonAudience},
		{"no iat", claim("iat", nil), trust.ReasonTokenStructure},
		{"iat as a text", claim("iat", "now"), trust.ReasonTokenStructure},
		{"issued long ago", claim("iat", now.Add(-6*time.Minute).Unix()), trust.ReasonResponseExpired},
		{"issued in the future", claim("iat", now.Add(4*time.Minute).Unix()), trust.ReasonNotYetValid},
		{"no exp", claim("exp", nil), trust.ReasonTokenStructure},
		{"over", func(l *idptest.OpenIDLogout) {
			l.Claims["iat"], l.Claims["exp"] = now.Add(-280*time.Second).Unix(), now.Add(-200*time.Second).Unix()
		}, trust.ReasonExpired},
		{"for a year", claim("exp", now.AddDate(1, 0, 0).Unix()), trust.ReasonTokenStructure},
		{"no jti", claim("jti", nil), trust.ReasonTokenStructure},
		{"jti as a number", claim("jti", 7), trust.ReasonTokenStructure},
		{"no events", claim("events", nil), trust.ReasonTokenType},
		{"another event", claim("events", map[string]any{"urn:other": map[string]any{}}), trust.ReasonTokenType},
		{"another event, as Keycloak adds it", claim("events", map[string]any{"revoke_offline_access": true}), trust.ReasonTokenType},
		{"an event that is a text", claim("events", map[string]any{idptest.LogoutEvent: "yes"}), trust.ReasonTokenType},
		{"an event that says something", claim("events", map[string]any{idptest.LogoutEvent: map[string]any{"a": 1}}), trust.ReasonTokenType},
		{"events as a list", claim("events", []string{idptest.LogoutEvent}), trust.ReasonTokenType},
		{"a nonce", claim("nonce", "n"), trust.ReasonTokenType},
		{"a nonce of null", func(l *idptest.OpenIDLogout) { l.Claims["nonce"] = nil }, trust.ReasonTokenType},
		{"neither sub nor sid", func(l *idptest.OpenIDLogout) { delete(l.Claims, "sub"); delete(l.Claims, "sid") }, trust.ReasonSubjectMissing},
		{"sub as a list", claim("sub", []string{"a"}), trust.ReasonTokenStructure},
		{"sid as a number", claim("sid", 7), trust.ReasonTokenStructure},
		{"a name twice", claim("SUB", "eve"), trust.ReasonClaimsTwice},
		{"four parts", func(l *idptest.OpenIDLogout) { l.Token = func(t string) string { return t + ".x" } }, trust.ReasonTokenStructure},
		{"nothing", func(l *idptest.OpenIDLogout) { l.Token = func(string) string { return "" } }, trust.ReasonTokenStructure},
	} {
		token, refusal := s.readLogout(s.idp.LogoutToken("a session there", row.change))
		switch {
		case row.reason == "" && refusal != nil:
			t.Errorf("%s: refused as %s, want %q, got %q", row.name, refusal.Reason, refusal.Want, refusal.Got)
		case row.reason == "" && (token.ID == "" || token.Subject+token.SessionID == "" || !token.SpentUntil.After(now)):
			t.Errorf("%s: read as %+v", row.name, token)
		case row.reason != "" && (refusal == nil || refusal.Reason != row.reason):
			t.Errorf("%s: %v, not refused as %s", row.name, refusal, row.reason)
		case row.reason != "" && token != LogoutToken{}:
			t.Errorf("%s: refused, and left %+v", row.name, token)
		}
	}
}

// TestR13_NeitherTokenPassesForTheOther: a logout token is no ID token, and an ID token ends nobody's session.
func TestR13_NeitherTokenPassesForTheOther(t *testing.T) {
	s := newScene(t)
	a := NewAsked()
	callback, err := ReadCallback(s.comeBack(a, ""))
	if err != nil {
		t.Fatal(err)
	}
	tokens, refusal := s.party.Exchange(t.Context(), http.DefaultClient, &Reading{}, callback, a, now)
	if refusal != nil {
		t.Fatal(refusal)
	}
	if _, refusal := s.readLogout(tokens.ID); refusal == nil || refusal.Reason != trust.ReasonTokenType {
		t.Errorf("an ID token as a logout token: %v", refusal)
	}
	logout := s.idp.LogoutToken("a session there", func(l *idptest.OpenIDLogout) {
		l.Header["typ"] = "JWT" // as those write it who came before the standard
		l.Claims["email"], l.Claims["auth_time"] = "ada@corp.test", now.Unix()
	})
	if _, refusal := s.readLogout(logout); refusal != nil {
		t.Errorf("its honest twin is refused: %v", refusal)
	}
	keys, err := FetchKeys(t.Context(), http.DefaultClient, s.party.KeysURL)
	if err != nil {
		t.Fatal(err)
	}
	if refusal := s.party.ReadIDToken(t.Context(), &Reading{}, Tokens{ID: logout}, keys, a, now); refusal == nil || refusal.Reason != trust.ReasonTokenType {
		t.Errorf("a logout token as an ID token: %v", refusal)
	}
}

func TestSignOutURL(t *testing.T) {
	party := RelyingParty{Provider: Provider{EndSessionURL: "https://idp.test/end?tenant=7&state=theirs"}, ClientID: "us"}
	state := secret.NewToken()
	for _, row := range []struct{ hint, wantHint, wantName string }{{"the.id.token", "the.id.token", ""}, {"", "", "ada"}} {
		address, err := party.SignOutURL(SignOut{State: state, Hint: row.hint, Subject: "ada", Back: "https://gatehouse.test/oidc/con_1/signed-out"})
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"tenant": "7", "state": state.Reveal(), "client_id": "us", "id_token_hint": row.wantHint, "logout_hint": row.wantName,
			"post_logout_redirect_uri": "https://gatehouse.test/oidc/con_1/signed-out"} {
			if got := u.Query()[name]; strings.Join(got, "|") != want {
				t.Errorf("%s is %q, not %q", name, got, want)
			}
		}
	}
	for _, wrong := range []string{"", "javascript:alert(1)", "https://idp.test/\"", "https://ada:pw@idp.test/"} {
		party.EndSessionURL = wrong
		if address, err := party.SignOutURL(SignOut{State: state}); err == nil {
			t.Errorf("to %q it leads to %q", wrong, address)
		}
	}
}
