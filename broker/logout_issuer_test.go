package broker

import (
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// leave signs the session out here, and says what is known of its one connection, in which browser.
func (w *world) leave(token secret.Token) (StillThere, secret.Token) {
	w.Helper()
	session, user, err := w.store.Session(w.Context(), token)
	w.ok(err)
	flow := secret.NewToken()
	there, err := w.Leave(w.Context(), operator, Present{Token: token, Session: session, User: user}, flow)
	w.ok(err)
	if len(there) != 1 || w.live(token) {
		w.Fatalf("left: %+v, the session is live: %v", there, w.live(token))
	}
	return there[0], flow
}

// departsNowhere checks that the browser is led to no identity provider, and is told why.
func (w *world) departsNowhere(flow secret.Token, kept int) {
	w.Helper()
	if d, err := w.DepartToSignOut(w.Context(), w.connection.ID, flow); !errors.Is(err, store.ErrNotFound) {
		w.Errorf("sent to %s%s, %v", d.RedirectURL, d.Form.Action, err)
	}
	there, err := w.Left(w.Context(), flow)
	w.ok(err)
	if len(there) != kept || kept > 0 && !there[0].Moved {
		w.Errorf("the browser is told %+v", there)
	}
}

// TestS59_WhoSignedInIsToldToTheSameIdentityProviderAlone: a connection that has come to listen to another tells that one of nobody whom the one
// before signed in, whether it changed before the person signed out here or after. The session here ends all the same.
func TestS59_WhoSignedInIsToldToTheSameIdentityProviderAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, w *world) {
		entity := w.idp.EntityID
		w.settle(func(s *store.SAMLSettings) {
			s.LogoutRedirectURL, s.Logout = "https://idp.test/slo", store.LogoutOffered
		})
		moves := func(to string) { w.settle(func(s *store.SAMLSettings) { s.EntityID = to }) }

		before := w.signIn(someBrowser()).Token
		between := w.signIn(someBrowser()).Token
		_, open := w.leave(between)
		moves("https://another.test/metadata")
		there, flow := w.leave(before)
		if there.State != "" || !there.Moved {
			t.Errorf("changed before signing out: %+v", there)
		}
		w.departsNowhere(flow, 0)
		w.departsNowhere(open, 1)

		moves(entity) // the honest twin: the identity provider is the same
		there, flow = w.leave(w.signIn(someBrowser()).Token)
		if there.State != store.DepartureOffered || there.Moved {
			t.Errorf("unchanged: %+v", there)
		}
		_, err := w.DepartToSignOut(t.Context(), w.connection.ID, flow)
		w.ok(err)
		_, err = w.DepartToSignOut(t.Context(), w.connection.ID, open)
		w.ok(err)
	})
}

// TestS59_AnIDTokenIsShownToItsIssuerAlone is the same for OpenID Connect, where the hint is a whole ID token, and the other way round: what another
// issuer calls by the same name is not its to end.
func TestS59_AnIDTokenIsShownToItsIssuerAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, w *world) {
		ends := func(s *store.OIDCSettings) { s.EndSessionURL, s.Logout = "https://idp.test/end", store.LogoutAlways }
		w.connectOpenID(ends)
		ours := w.connection
		before, between, stays := w.byOpenID(), w.byOpenID(), w.byOpenID()
		_, open := w.leave(between)
		other := w.connectOpenID(ends) // whose settings the first connection takes over
		settings := w.connection.OIDC
		w.connection = ours
		w.ok(w.scope().ChangeOIDCSettings(t.Context(), operator, ours.ID, ours.Version, settings, secret.TokenOf(other.Secret)))
		w.publish()
		there, flow := w.leave(before)
		if there.State != "" || !there.Moved {
			t.Errorf("changed before signing out: %+v", there)
		}
		w.departsNowhere(flow, 0)
		w.departsNowhere(open, 1)

		w.ok(w.EndByToken(t.Context(), ours.ID, other.LogoutToken(""), fromAfar))
		if !w.live(stays) {
			t.Error("another issuer ended a session of the same sub")
		}
		other.SignIn(idptest.Person{Subject: "u-eve", Email: "eve@corp.test", Name: "Eve"})
		there, flow = w.leave(w.byOpenID())
		if there.State != store.DepartureOffered || there.Moved {
			t.Errorf("unchanged: %+v", there)
		}
		_, err := w.DepartToSignOut(t.Context(), ours.ID, flow)
		w.ok(err)
	})
}

// TestR24_NobodyIsAskedForKeysByATokenThatCannotBeGood: whatever a stranger sends that is wrong whoever signed it, and whatever reaches a connection
// that lets nobody in, makes no call. The honest twin makes one.
func TestR24_NobodyIsAskedForKeysByATokenThatCannotBeGood(t *testing.T) {
	w := newWorld(t)
	idp := w.connectOpenID()
	later := func() { w.pass(2 * time.Hour) } // whatever keys are known are old
	says := func(name string, value any) string {
		return idp.LogoutToken("a session there", func(l *idptest.OpenIDLogout) { l.Claims[name] = value })
	}
	head := func(name string, value any) string {
		return idp.LogoutToken("a session there", func(l *idptest.OpenIDLogout) { l.Header[name] = value })
	}
	w.byOpenID()
	for what, row := range map[string]struct {
		token  func() string
		reason trust.Reason
	}{
		"no token":         {func() string { return "x" }, trust.ReasonTokenStructure},
		"alg HS256":        {func() string { return head("alg", "HS256") }, trust.ReasonTokenAlgorithm},
		"alg none":         {func() string { return head("alg", "none") }, trust.ReasonTokenUnsigned},
		"another issuer":   {func() string { return says("iss", "https://evil.test") }, trust.ReasonIssuer},
		"another audience": {func() string { return says("aud", "another") }, trust.ReasonAudience},
		"long ago":         {func() string { return says("iat", w.time().Add(-time.Hour).Unix()) }, trust.ReasonResponseExpired},
		"no event":         {func() string { return says("events", map[string]any{}) }, trust.ReasonTokenType},
	} {
		later()
		asked := idp.KeyFetches()
		w.refusesLogout(what, w.EndByToken(t.Context(), w.connection.ID, row.token(), fromAfar), row.reason)
		if n := idp.KeyFetches() - asked; n != 0 {
			t.Errorf("%s: the identity provider was asked for keys %d times", what, n)
		}
	}
	later()
	asked := idp.KeyFetches()
	w.ok(w.EndByToken(t.Context(), w.connection.ID, idp.LogoutToken("a session there"), fromAfar))
	if n := idp.KeyFetches() - asked; n != 1 {
		t.Errorf("an honest token asked %d times", n)
	}

	// Switched off, it ends what it began by the keys that are known, and asks for none.
	token := w.byOpenID()
	now, err := w.scope().Connection(t.Context(), w.connection.ID)
	w.ok(err)
	w.ok(w.scope().DisableConnection(t.Context(), operator, now.ID, now.Version))
	later()
	asked = idp.KeyFetches()
	w.ok(w.EndByToken(t.Context(), w.connection.ID, idp.LogoutToken("a session there"), fromAfar))
	w.pass(25 * time.Hour)
	w.refusesLogout("switched off, by keys of long ago", w.EndByToken(t.Context(), w.connection.ID, idp.LogoutToken("a session there"), fromAfar), trust.ReasonIDPUnreachable)
	if idp.KeyFetches() != asked || w.live(token) {
		t.Errorf("switched off: asked %d times, the session is live: %v", idp.KeyFetches()-asked, w.live(token))
	}
}

// TestS59_AFloodOfRefusedLogoutsIsCounted: what anybody can send fills no log, and what happens beside it is still recorded.
func TestS59_AFloodOfRefusedLogoutsIsCounted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, w *world) {
		w.connectOpenID()
		refuse := func(token string) string {
			var refused *RefusedLogout
			if err := w.EndByToken(t.Context(), w.connection.ID, token, fromAfar); !errors.As(err, &refused) || refused.EventID == "" {
				t.Fatalf("not refused, or under no reference: %v", err)
			}
			return refused.EventID
		}
		first := refuse("x")
		for range 98 {
			refuse("x")
		}
		if last := refuse("x"); last == first {
			t.Error("the hundredth has no event of its own")
		}
		events, err := w.scope().Events(t.Context(), store.EventFilter{Action: string(audit.LogoutRefused)})
		w.ok(err)
		told := 0
		for _, e := range events {
			told += e.Count
		}
		if len(events) != 3 || told != 100 {
			t.Errorf("%d events tell of %d refusals, want 3 of 100", len(events), told)
		}
		w.pass(61 * time.Minute)
		refuse("x")
		if n := w.told(audit.LogoutRefused); n != 4 {
			t.Errorf("an hour later %d events, want one more", n)
		}
	})
}
