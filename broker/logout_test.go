package broker

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// byOpenID signs a browser in at the OpenID provider, and is its session's token.
func (w *world) byOpenID() secret.Token {
	w.Helper()
	browser := someBrowser()
	landing, err := w.FinishByOpenID(w.Context(), w.comeBack(w.begin(browser), browser))
	w.ok(err)
	arrived, err := w.Complete(w.Context(), Completion{Code: landing.Code, Browser: browser})
	w.ok(err)
	return arrived.Token
}

func (w *world) live(token secret.Token) bool {
	w.Helper()
	_, _, err := w.store.Session(w.Context(), token)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		w.Fatal(err)
	}
	return err == nil
}

// told counts the organization's events of a kind.
func (w *world) told(action audit.Action) int {
	w.Helper()
	events, err := w.scope().Events(w.Context(), store.EventFilter{Action: string(action)})
	w.ok(err)
	return len(events)
}

func (w *world) refusesLogout(what string, err error, reason trust.Reason) {
	w.Helper()
	var refused *RefusedLogout
	if !errors.As(err, &refused) || refused.Reason != reason || refused.EventID == "" {
		w.Errorf("%s: %v, not refused as %s", what, err, reason)
	}
}

var fromAfar = audit.Request{ID: "request", Address: "198.51.100.7"}

// TestR24_BackChannelLogoutEndsExactlyWhatItNames on every node, once, and whatever comes again ends nothing.
func TestR24_BackChannelLogoutEndsExactlyWhatItNames(t *testing.T) { eachDatabase(t, backChannel) }

func backChannel(t *testing.T, w *world) {
	ctx := t.Context()
	idp := w.connectOpenID()
	first := w.byOpenID()
	idp.Session("another session there")
	second := w.byOpenID()
	idp.SignIn(idptest.Person{Subject: "u-eve", Email: "eve@corp.test", Name: "Eve"})
	eves := w.byOpenID()
	idp.SignIn(idptest.Ada)

	last, err := w.store.LastChange(ctx)
	w.ok(err)
	token := idp.LogoutToken("another session there")
	w.ok(w.EndByToken(ctx, w.connection.ID, token, fromAfar))
	if !w.live(first) || w.live(second) || !w.live(eves) {
		t.Errorf("by session and subject: %v, %v, %v", w.live(first), w.live(second), w.live(eves))
	}
	changes, err := w.store.ChangesAfter(ctx, last)
	w.ok(err)
	if len(changes) == 0 || changes[0].Kind != store.ChangedSession { // which every node follows (W-05)
		t.Errorf("other nodes are told %+v", changes)
	}
	w.refusesLogout("the same token again", w.EndByToken(ctx, w.connection.ID, token, fromAfar), trust.ReasonReplayed)
	w.ok(w.EndByToken(ctx, w.connection.ID, idp.LogoutToken("another session there"), fromAfar)) // what is over can be ended again
	w.refusesLogout("a token of nobody", w.EndByToken(ctx, w.connection.ID, "x", fromAfar), trust.ReasonTokenStructure)
	if !w.live(first) || !w.live(eves) {
		t.Error("a refused token ended a session")
	}
	w.ok(w.EndByToken(ctx, w.connection.ID, idp.LogoutToken(""), fromAfar))
	if w.live(first) || !w.live(eves) {
		t.Errorf("by subject alone: %v, %v", w.live(first), w.live(eves))
	}
	if ended, refused := w.told(audit.LogoutReceived), w.told(audit.LogoutRefused); ended != 3 || refused != 2 {
		t.Errorf("recorded: %d ended, %d refused", ended, refused)
	}
	if err := w.EndByToken(ctx, "con_none", token, fromAfar); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("at no connection: %v", err)
	}
}

// TestR24_ALogoutEndsWhatIsUnderWay: a login that was judged before its identity provider ended it opens nothing afterwards; a later one does.
func TestR24_ALogoutEndsWhatIsUnderWay(t *testing.T) { eachDatabase(t, logoutUnderWay) }

func logoutUnderWay(t *testing.T, w *world) {
	idp := w.connectOpenID()
	w.byOpenID()
	browser := someBrowser()
	landing, err := w.FinishByOpenID(t.Context(), w.comeBack(w.begin(browser), browser))
	w.ok(err)
	w.pass(time.Second)
	w.ok(w.EndByToken(t.Context(), w.connection.ID, idp.LogoutToken("a session there"), fromAfar))
	if arrived, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: browser}); err == nil {
		t.Errorf("it opens a session: %+v", arrived)
	}
	w.pass(time.Second)
	if !w.live(w.byOpenID()) {
		t.Error("a new sign-in opens nothing")
	}
}

// TestR24_ALogoutEndsTheProofAlone: a session that holds another proof goes on by that.
func TestR24_ALogoutEndsTheProofAlone(t *testing.T) {
	w := newWorld(t)
	idp := w.connectOpenID()
	token := w.byOpenID()
	session, user, err := w.store.Session(t.Context(), token)
	w.ok(err)
	w.connection = w.connect(w.idp)
	w.idp.Person.Subject, w.idp.Person.Email = "u-ada-elsewhere", idptest.Ada.Email
	browser := someBrowser()
	landing, err := w.Finish(t.Context(), w.ask(w.begin(browser)).in(browser))
	w.ok(err)
	arrived, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: browser, Present: Present{Token: token, Session: session, User: user}})
	w.ok(err)
	w.connection, err = w.scope().Connection(t.Context(), session.Proofs[0].ConnectionID)
	w.ok(err)
	w.ok(w.EndByToken(t.Context(), w.connection.ID, idp.LogoutToken("a session there"), fromAfar))
	left, _, err := w.store.Session(t.Context(), arrived.Token)
	if err != nil || len(left.Proofs) != 1 || left.Proofs[0].ConnectionID == w.connection.ID {
		t.Errorf("left: %+v, %v", left.Proofs, err)
	}
}

// TestS59_AnIdentityProviderSignsOut by either binding, without the browser's session: it ends what the message names and gets a signed answer.
func TestS59_AnIdentityProviderSignsOut(t *testing.T) { eachDatabase(t, identityProviderSignsOut) }

func identityProviderSignsOut(t *testing.T, w *world) {
	ctx := t.Context()
	w.settle(func(s *store.SAMLSettings) {
		s.LogoutRedirectURL, s.LogoutPostURL = "https://idp.test/slo", "https://idp.test/slo-post"
	})
	for _, byPost := range []bool{false, true} {
		ada := w.signIn(someBrowser()).Token
		w.idp.Person = idptest.Person{Subject: "u-eve", Email: "eve@corp.test", Name: "Eve"}
		eves := w.signIn(someBrowser()).Token
		w.idp.Person = idptest.Ada
		carry := func(l idptest.Logout) saml.Arrived {
			if byPost {
				return saml.Arrived{Request: l.Posted(), RelayState: l.RelayState}
			}
			return saml.Arrived{Query: l.Redirected()}
		}
		slo := w.SLO(w.connection.ID)
		_, err := w.TakeLogout(ctx, w.connection.ID, carry(w.idp.SignsOut(slo, w.time(), "no session of theirs")), fromAfar)
		w.ok(err)
		other := w.idp.SignsOut(slo, w.time())
		other.Format = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
		_, err = w.TakeLogout(ctx, w.connection.ID, carry(other), fromAfar)
		w.ok(err)
		unsigned := w.idp.SignsOut(slo, w.time())
		unsigned.Unsigned = true
		_, err = w.TakeLogout(ctx, w.connection.ID, carry(unsigned), fromAfar)
		w.refusesLogout("unsigned", err, trust.ReasonSignatureMissing)
		if !w.live(ada) || !w.live(eves) {
			t.Error("what names another session, or person, or is not believed, ended one")
		}
		request := w.idp.SignsOut(slo, w.time())
		departure, err := w.TakeLogout(ctx, w.connection.ID, carry(request), fromAfar)
		w.ok(err)
		if w.live(ada) || !w.live(eves) {
			t.Errorf("Ada %v, Eve %v", w.live(ada), w.live(eves))
		}
		if departure == nil || byPost != (departure.Form.SAMLResponse != "") || !byPost && !strings.HasPrefix(departure.RedirectURL, "https://idp.test/slo?SAMLResponse=") {
			t.Errorf("the answer goes by %+v", departure)
		}
		_, err = w.TakeLogout(ctx, w.connection.ID, carry(request), fromAfar)
		w.refusesLogout("the same again", err, trust.ReasonReplayed)
		w.pass(time.Minute)
	}
}

// TestS59_WeSignOutThere: what we ask for names what arrived, and its answer counts once, for the request that it answers.
func TestS59_WeSignOutThere(t *testing.T) { eachDatabase(t, weSignOutThere) }

func weSignOutThere(t *testing.T, w *world) {
	ctx := t.Context()
	w.settle(func(s *store.SAMLSettings) {
		s.LogoutRedirectURL, s.Logout = "https://idp.test/slo", store.LogoutOffered
	})
	token := w.signIn(someBrowser()).Token
	session, user, err := w.store.Session(ctx, token)
	w.ok(err)
	flow := secret.NewToken()
	there, err := w.Leave(ctx, operator, Present{Token: token, Session: session, User: user}, flow)
	w.ok(err)
	if w.live(token) || len(there) != 1 || there[0].State != store.DepartureOffered || there[0].Mode != store.LogoutOffered {
		t.Fatalf("left: %+v", there)
	}
	if _, err := w.DepartToSignOut(ctx, w.connection.ID, secret.NewToken()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another browser signs out there: %v", err)
	}
	now, err := w.scope().Connection(ctx, w.connection.ID)
	w.ok(err)
	w.ok(w.scope().DisableConnection(ctx, operator, now.ID, now.Version))
	if _, err := w.DepartToSignOut(ctx, w.connection.ID, flow); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("somebody is sent where nobody signs in now: %v", err)
	}
	w.ok(w.scope().ActivateConnection(ctx, operator, now.ID, now.Version+1))
	departure, err := w.DepartToSignOut(ctx, w.connection.ID, flow)
	w.ok(err)
	sent, err := url.Parse(departure.RedirectURL)
	w.ok(err)
	ours, _, err := w.store.Session(ctx, token)
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("still: %+v", ours)
	}
	c, err := w.store.ConnectionByID(ctx, w.connection.ID)
	w.ok(err)
	sp, err := w.serviceProvider(c)
	w.ok(err)
	idp := saml.ServiceProvider{SLO: "https://idp.test/slo", IdP: saml.IdentityProvider{EntityID: sp.EntityID}}
	idp.IdP.Certificates = append(idp.IdP.Certificates, sp.Keys[0].Certificate)
	read, refusal := saml.ReadLogout(idp, saml.Arrived{Query: sent.RawQuery}, w.time())
	if refusal != nil || read.Named.Value != idptest.Ada.Subject || len(read.SessionIndexes) != 1 {
		t.Fatalf("they read %+v, %v", read, refusal)
	}
	answer := func(request string, status ...string) error {
		l := w.idp.AnswersLogout(w.SLO(c.ID), request, w.time())
		if len(status) > 0 {
			l.Status = status
		}
		_, err := w.TakeLogout(ctx, c.ID, saml.Arrived{Query: l.Redirected()}, fromAfar)
		return err
	}
	w.refusesLogout("an answer to another request", answer("_another"), trust.ReasonInResponseTo)
	w.ok(answer(read.ID, "urn:oasis:names:tc:SAML:2.0:status:Success", "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"))
	w.refusesLogout("a second answer", answer(read.ID), trust.ReasonInResponseTo)
	there, err = w.Left(ctx, flow)
	if err != nil || len(there) != 1 || there[0].State != store.DeparturePartial {
		t.Errorf("the browser is told %+v, %v", there, err)
	}
	if n := w.told(audit.LogoutAnswered); n != 1 {
		t.Errorf("%d answers recorded", n)
	}
}

// TestSigningOutAtAnOpenIDProvider shows it the ID token of the sign-in, which is kept for that alone and where it is wanted.
func TestSigningOutAtAnOpenIDProvider(t *testing.T) { eachDatabase(t, signOutAtOpenID) }

func signOutAtOpenID(t *testing.T, w *world) {
	ctx := t.Context()
	w.connectOpenID(func(s *store.OIDCSettings) {
		s.EndSessionURL, s.Logout = "https://idp.test/end?x=1", store.LogoutAlways
	})
	token := w.byOpenID()
	session, user, err := w.store.Session(ctx, token)
	w.ok(err)
	flow := secret.NewToken()
	there, err := w.Leave(ctx, operator, Present{Token: token, Session: session, User: user}, flow)
	w.ok(err)
	if len(there) != 1 || there[0].Mode != store.LogoutAlways {
		t.Fatalf("left: %+v", there)
	}
	departure, err := w.DepartToSignOut(ctx, w.connection.ID, flow)
	w.ok(err)
	u, err := url.Parse(departure.RedirectURL)
	w.ok(err)
	query := u.Query()
	if u.Host != "idp.test" || query.Get("post_logout_redirect_uri") != w.SignedOut(w.connection.ID) || query.Get("state") == "" || strings.Count(query.Get("id_token_hint"), ".") != 2 {
		t.Errorf("it leads to %s", departure.RedirectURL)
	}
	w.ok(w.Returned(ctx, w.connection.ID, secret.NewToken(), fromAfar)) // whatever else comes back is passed over
	if there, _ = w.Left(ctx, flow); there[0].State != store.DepartureSent {
		t.Errorf("a stranger's return counts: %+v", there)
	}
	w.ok(w.Returned(ctx, w.connection.ID, secret.TokenOf(query.Get("state")), fromAfar))
	if there, _ = w.Left(ctx, flow); there[0].State != store.DepartureReturned {
		t.Errorf("the return does not count: %+v", there)
	}
	if there, _ = w.Left(ctx, secret.NewToken()); there != nil {
		t.Errorf("another browser is told %+v", there)
	}
	w.pass(16 * time.Minute)
	if _, err := w.DepartToSignOut(ctx, w.connection.ID, flow); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after 16 minutes: %v", err)
	}
}

// TestR17_ALinkIsToItsIssuer: where a connection comes to listen to another issuer, that one's subjects are strangers, whatever they are called.
func TestR17_ALinkIsToItsIssuer(t *testing.T) { eachDatabase(t, linkedToIssuer) }

func linkedToIssuer(t *testing.T, w *world) {
	w.connectOpenID()
	ada, _, err := w.store.Session(t.Context(), w.byOpenID())
	w.ok(err)
	before := w.connection
	other := w.connectOpenID() // another issuer, whose settings the first connection takes over
	other.SignIn(idptest.Person{Subject: idptest.Ada.Subject, Email: "eve@corp.test", Name: "Eve"})
	settings := w.connection.OIDC
	w.connection = before
	w.ok(w.scope().ChangeOIDCSettings(t.Context(), operator, before.ID, before.Version, settings, secret.TokenOf(other.Secret)))
	w.ok(w.scope().PublishConnection(t.Context(), operator, before.ID, before.Version+1, true))
	eve, user, err := w.store.Session(t.Context(), w.byOpenID())
	w.ok(err)
	if eve.UserID == ada.UserID || user.Email != "eve@corp.test" {
		t.Errorf("the other issuer's subject comes in as %s", user.Email)
	}
	again, _, err := w.store.Session(t.Context(), w.byOpenID()) // the honest twin: the same issuer's is known
	w.ok(err)
	if again.UserID != eve.UserID {
		t.Errorf("known as %s, then as %s", eve.UserID, again.UserID)
	}
}
