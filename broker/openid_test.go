package broker

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/oidc"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// connectOpenID makes an active connection to an OpenID provider that runs as a real server; it becomes the world's connection.
func (w *world) connectOpenID(changes ...func(*store.OIDCSettings)) *idptest.OpenID {
	w.Helper()
	idp := idptest.NewOpenID(w.T)
	idp.At(w.time)
	provider, err := oidc.Discover(w.Context(), http.DefaultClient, idp.Issuer, func(*url.URL) error { return nil })
	w.ok(err)
	settings := store.OIDCSettings{
		Issuer: provider.Issuer, AuthorizationURL: provider.AuthorizationURL, TokenURL: provider.TokenURL, KeysURL: provider.KeysURL, UserinfoURL: provider.UserinfoURL,
		Algorithms: provider.Algorithms, AuthMethods: provider.AuthMethods, NamesItselfInCallback: provider.NamesItselfInCallback, ClientID: idp.ClientID,
	}
	for _, change := range changes {
		change(&settings)
	}
	pair, err := ourPair()
	w.ok(err)
	c, err := w.scope().CreateOIDCConnection(w.Context(), operator, "Keycloak", settings, secret.TokenOf(idp.Secret), store.NewKey{CertificatePEM: pair.CertificatePEM, KeyPEM: pair.KeyPEM})
	w.ok(err)
	w.ok(w.scope().ActivateConnection(w.Context(), operator, c.ID, c.Version))
	w.connection, err = w.scope().Connection(w.Context(), c.ID)
	w.ok(err)
	return idp
}

// comeBack goes where a departure leads and is what the identity provider makes the browser bring.
func (w *world) comeBack(d Departure, browser Browser) Return {
	w.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(d.RedirectURL)
	w.ok(err)
	answer.Body.Close()
	back, err := answer.Location()
	w.ok(err)
	return Return{ConnectionID: w.connection.ID, Query: back.Query(), Browser: browser}
}

// refusedAs checks that an answer was refused and recorded, for that reason, and that nobody came in.
func (w *world) refusedAs(err error, reason trust.Reason) *Refused {
	w.Helper()
	var refused *Refused
	if !errors.As(err, &refused) || refused.Reason != reason {
		w.Fatalf("%v, not %s", err, reason)
	}
	login, err := w.scope().Login(w.Context(), refused.LoginID)
	w.ok(err)
	if login.State != store.LoginRefused && login.Reason != reason {
		w.Errorf("recorded as %s %s", login.State, login.Reason)
	}
	return refused
}

func TestALoginByOpenIDEndsInASession(t *testing.T) { eachDatabase(t, aLoginByOpenID) }

func aLoginByOpenID(t *testing.T, w *world) {
	idp := w.connectOpenID()
	browser := someBrowser()
	landing, err := w.FinishByOpenID(t.Context(), w.comeBack(w.begin(browser), browser))
	w.ok(err)
	arrived, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: browser})
	w.ok(err)
	if arrived.Token.Reveal() == "" || arrived.ReturnTo != "/organizations" {
		t.Errorf("arrived: %+v", arrived)
	}
	login, err := w.scope().Login(t.Context(), arrived.LoginID)
	w.ok(err)
	if login.Subject != idptest.Ada.Subject || login.Email != idptest.Ada.Email || login.Outcome != store.OutcomeCreated || len(login.Steps) < 10 {
		t.Errorf("recorded: %+v", login)
	}
	raw, err := w.scope().LoginMessage(t.Context(), login.ID)
	w.ok(err)
	if !strings.Contains(string(raw), `"nonce"`) || strings.Contains(oidc.Redacted(raw), idptest.Ada.Email) {
		t.Errorf("the message is %s", raw)
	}
	for _, hidden := range []string{idp.Secret, "access of"} {
		if strings.Contains(w.log.String(), hidden) || strings.Contains(string(raw), hidden) {
			t.Errorf("%q is kept or logged", hidden)
		}
	}
}

// TestOpenIDLiesLeaveARecordAndNothingElse walks every lie through the broker: refused with its reason, and its twin comes in.
func TestOpenIDLiesLeaveARecordAndNothingElse(t *testing.T) {
	w := newWorld(t)
	for _, lie := range idptest.OpenIDLies() {
		idp := w.connectOpenID(func(s *store.OIDCSettings) {
			s.MaxAge, s.HostedDomain, s.TenantID = int(lie.Asks.MaxAge.Seconds()), lie.Asks.HostedDomain, lie.Asks.TenantID
			if lie.Asks.AuthnContext != "" {
				s.AuthnContext = []string{lie.Asks.AuthnContext}
			}
		})
		idp.Tell(lie.Twin())
		browser := someBrowser()
		if _, err := w.FinishByOpenID(t.Context(), w.comeBack(w.begin(browser), browser)); err != nil {
			t.Fatalf("%s: its honest twin is refused: %v", lie, err)
		}
		idp.Tell(lie)
		landing, err := w.FinishByOpenID(t.Context(), w.comeBack(w.begin(browser), browser))
		refused := w.refusedAs(err, lie.Reason)
		if landing.Code.Reveal() != "" {
			t.Errorf("%s: a code was made", lie)
		}
		if strings.ContainsAny(refused.Got+refused.Want, "<>") {
			t.Errorf("%s: the other side's words are repeated: %q", lie, refused.Got)
		}
	}
}

// TestR02_AnotherBrowserFinishesNothing: and ends nobody's login with the attempt.
func TestR02_AnotherBrowserFinishesNothing(t *testing.T) {
	w := newWorld(t)
	w.connectOpenID()
	browser := someBrowser()
	back := w.comeBack(w.begin(browser), browser)
	stolen := back
	stolen.Browser = someBrowser()
	_, err := w.FinishByOpenID(t.Context(), stolen)
	w.refusedAs(err, trust.ReasonOtherBrowser)
	invented := Return{ConnectionID: back.ConnectionID, Browser: browser, Query: url.Values{"state": {"invented"}, "code": {"c"}}}
	_, err = w.FinishByOpenID(t.Context(), invented)
	w.refusedAs(err, trust.ReasonLoginUnknown)
	if _, err := w.FinishByOpenID(t.Context(), back); err != nil {
		t.Errorf("its own browser: %v", err)
	}
}

// TestR01_AnAnswerBelongsToItsConnection: a callback of another connection knows nothing of the state, and of another protocol nothing at all;
// a code goes to nobody but the identity provider with which the login began.
func TestR01_AnAnswerBelongsToItsConnection(t *testing.T) {
	w := newWorld(t)
	saml := w.connection
	w.connectOpenID()
	first := w.connection
	browser := someBrowser()
	back := w.comeBack(w.begin(browser), browser)
	idp := w.connectOpenID()
	mixed := back
	mixed.ConnectionID = w.connection.ID
	_, err := w.FinishByOpenID(t.Context(), mixed)
	w.refusedAs(err, trust.ReasonLoginUnknown)
	mixed.ConnectionID = saml.ID
	if _, err := w.FinishByOpenID(t.Context(), mixed); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a SAML connection has a callback: %v", err)
	}
	if _, err := w.Finish(t.Context(), Arrival{ConnectionID: first.ID}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an OpenID Connect connection has an ACS: %v", err)
	}
	if idp.Exchanges() != 0 {
		t.Error("the code went to another identity provider")
	}
	changed, err := w.scope().Connection(t.Context(), first.ID)
	w.ok(err)
	changed.OIDC.Prompt = "login"
	w.ok(w.scope().ChangeOIDCSettings(t.Context(), operator, first.ID, changed.Version, changed.OIDC, secret.Token{}))
	w.connection = first
	w.publish()
	_, err = w.FinishByOpenID(t.Context(), back)
	w.refusedAs(err, trust.ReasonSettingsChanged)
	w.connection, err = w.scope().Connection(t.Context(), first.ID)
	w.ok(err)
	if _, err := w.FinishByOpenID(t.Context(), w.comeBack(w.begin(browser), browser)); err != nil {
		t.Errorf("begun with the new settings: %v", err)
	}
}

// TestR03_StateIsSpentOnce: of a hundred at once one comes in and the code is presented once; ten minutes later nothing does.
func TestR03_StateIsSpentOnce(t *testing.T) { eachDatabase(t, stateIsSpentOnce) }

func stateIsSpentOnce(t *testing.T, w *world) {
	idp := w.connectOpenID()
	browser := someBrowser()
	back := w.comeBack(w.begin(browser), browser)
	var in, replayed atomic.Int32
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			_, err := w.FinishByOpenID(t.Context(), back)
			var refused *Refused
			switch {
			case err == nil:
				in.Add(1)
			case errors.As(err, &refused) && refused.Reason == trust.ReasonReplayed:
				replayed.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 || replayed.Load() != 99 || idp.Exchanges() != 1 {
		t.Errorf("%d came in, %d were refused, the code was presented %d times", in.Load(), replayed.Load(), idp.Exchanges())
	}
	onTime, late := w.comeBack(w.begin(browser), browser), w.comeBack(w.begin(browser), browser)
	w.pass(4 * time.Minute) // a code lives no longer
	if _, err := w.FinishByOpenID(t.Context(), onTime); err != nil {
		t.Errorf("after four minutes: %v", err)
	}
	w.pass(6 * time.Minute)
	_, err := w.FinishByOpenID(t.Context(), late)
	w.refusedAs(err, trust.ReasonLoginExpired)
}

// TestR19_KeysAreAskedForOnceAMinute on average, whatever arrives; and cached keys outlive an outage, for a while.
func TestR19_KeysAreAskedForOnceAMinute(t *testing.T) {
	w := newWorld(t)
	idp := w.connectOpenID()
	signIn := w.signsInByOpenID
	w.ok(signIn())
	first := idp.Keys[0]
	idp.Tell(idptest.OpenIDLie{Says: func(a *idptest.OpenIDAnswer) { a.Header["kid"] = "unknown" }})
	for range 10 {
		w.refusedAs(signIn(), trust.ReasonKeyUnknown)
	}
	if n := idp.KeyFetches(); n != keysSaved {
		t.Errorf("%d fetches within a minute, not %d", n, keysSaved)
	}
	w.pass(time.Minute)
	for range 10 {
		w.refusedAs(signIn(), trust.ReasonKeyUnknown)
	}
	idp.Tell(idptest.OpenIDLie{})
	if n := idp.KeyFetches(); n != keysSaved+1 {
		t.Errorf("%d fetches after another minute, not %d", n, keysSaved+1)
	}
	next := idptest.OpenIDKey{Key: idptest.RSAKey("openid next", 2048), ID: "next"}
	idp.Rotate(next, first)
	w.refusedAs(signIn(), trust.ReasonKeyUnknown) // nothing is left of what was saved
	w.pass(time.Minute)
	w.ok(signIn())
	idp.BreakKeys(true)
	w.pass(2 * time.Hour)
	before := idp.KeyFetches()
	for range 10 {
		w.ok(signIn())
	}
	if n := idp.KeyFetches() - before; n != 1 {
		t.Errorf("%d fetches within a minute of an outage", n)
	}
	w.pass(24 * time.Hour)
	w.refusedAs(signIn(), trust.ReasonIDPUnreachable)
	idp.BreakKeys(false)
	w.pass(time.Minute)
	w.ok(signIn())
}

// signsInByOpenID is a login from its beginning to the identity provider's answer, in a browser of its own.
func (w *world) signsInByOpenID() error {
	browser := someBrowser()
	_, err := w.FinishByOpenID(w.Context(), w.comeBack(w.begin(browser), browser))
	return err
}

// TestR19_AKeyThatIsSwappedCostsNoLogin, though the keys were read a moment ago; and no stranger's message can make it cost one.
func TestR19_AKeyThatIsSwappedCostsNoLogin(t *testing.T) {
	w := newWorld(t)
	idp := w.connectOpenID()
	w.ok(w.signsInByOpenID())
	w.pass(2 * time.Minute)
	forged := idp.LogoutToken("a session there", func(l *idptest.OpenIDLogout) { l.Header["kid"] = "made up" })
	for range 10 {
		w.refusesLogout("by a key that is none", w.EndByToken(w.Context(), w.connection.ID, forged, fromAfar), trust.ReasonKeyUnknown)
	}
	if n := idp.KeyFetches(); n != 2 {
		t.Errorf("%d fetches, not 2: strangers have one a minute", n)
	}
	for _, name := range []string{"second", "third", "fourth"} {
		idp.Rotate(idptest.OpenIDKey{Key: idptest.RSAKey("openid "+name, 2048), ID: name})
		w.ok(w.signsInByOpenID())
	}
	w.ok(w.EndByToken(w.Context(), w.connection.ID, idp.LogoutToken("a session there"), fromAfar)) // by a key that a login brought
}

// TestR19_WhoeverLeavesTakesNoKeysAway: a person who closes the page while the keys are asked for is not why nobody signs in for a minute.
func TestR19_WhoeverLeavesTakesNoKeysAway(t *testing.T) {
	w := newWorld(t)
	idp := w.connectOpenID()
	c, err := w.store.ConnectionByID(t.Context(), w.connection.ID)
	w.ok(err)
	left, leave := context.WithCancel(t.Context())
	leave()
	_, _ = w.keys.of(left, c, "", byThemselves, w.time()) // what becomes of their own login is nobody's concern
	browser := someBrowser()
	_, err = w.FinishByOpenID(t.Context(), w.comeBack(w.begin(browser), browser))
	w.ok(err)
	if n := idp.KeyFetches(); n != 1 {
		t.Errorf("%d fetches, not 1", n)
	}
}

var logins = flag.Int("logins", 200, "how many come back at once in TestR26_ManyAtOnceAreNotMixedUp")

// TestR26_ManyAtOnceAreNotMixedUp: each login ends in the browser that began it, and in no other, as the person who signed in there in it.
func TestR26_ManyAtOnceAreNotMixedUp(t *testing.T) {
	w := newWorld(t)
	idp := w.connectOpenID()
	people := *logins
	returns := make([]Return, people)
	for i := range people {
		browser := someBrowser()
		idp.SignIn(idptest.Person{Subject: fmt.Sprint("u-", i), Email: fmt.Sprintf("p%d@corp.test", i), Name: fmt.Sprint("Person ", i)})
		returns[i] = w.comeBack(w.begin(browser), browser)
	}
	bySubject := sync.Map{}
	var all sync.WaitGroup
	for i, back := range returns {
		all.Go(func() {
			landing, err := w.FinishByOpenID(t.Context(), back)
			if err != nil {
				t.Error(err)
				return
			}
			other := returns[(i+1)%people].Browser
			if _, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: other}); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("another browser finishes it: %v", err)
			}
			arrived, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: back.Browser})
			if err != nil {
				t.Error(err)
				return
			}
			if _, twice := bySubject.LoadOrStore(arrived.LoginID, i); twice {
				t.Error("two browsers share a login")
			}
			if _, user, err := w.store.Session(t.Context(), arrived.Token); err != nil || user.Email != fmt.Sprintf("p%d@corp.test", i) {
				t.Errorf("person %d arrives as %q, %v", i, user.Email, err)
			}
		})
	}
	all.Wait()
}

// TestAnOpenIDProviderMayBeginALogin: only the connection's own, by its name, and what it says is a hint.
func TestAnOpenIDProviderMayBeginALogin(t *testing.T) {
	w := newWorld(t)
	idp := w.connectOpenID()
	browser := someBrowser()
	start := Start{ConnectionID: w.connection.ID, Browser: browser, LoginHint: "ada@corp.test", ReturnTo: "/account"}
	_, err := w.Initiate(t.Context(), "https://evil.test", start)
	w.refusedAs(err, trust.ReasonIssuer)
	departure, err := w.Initiate(t.Context(), idp.Issuer, start)
	w.ok(err)
	landing, err := w.FinishByOpenID(t.Context(), w.comeBack(departure, browser))
	w.ok(err)
	if hint := idp.Asked()[0].Query.Get("login_hint"); hint != "ada@corp.test" {
		t.Errorf("the hint is %q", hint)
	}
	arrived, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: browser})
	w.ok(err)
	login, err := w.scope().Login(t.Context(), arrived.LoginID)
	w.ok(err)
	if login.StartedBy != store.StartedThere || arrived.ReturnTo != "/account" {
		t.Errorf("begun by %s, back to %s", login.StartedBy, arrived.ReturnTo)
	}
}

// TestR21_OurKeysArePublished: an OpenID provider that reads them believes what we sign.
func TestR21_OurKeysArePublished(t *testing.T) {
	w := newWorld(t)
	saml := w.connection
	idp := w.connectOpenID(func(s *store.OIDCSettings) { s.AuthMethod = store.AuthPrivateKeyJWT })
	live, err := w.store.ConnectionByID(t.Context(), w.connection.ID)
	w.ok(err)
	keys, err := ourKeys(live)
	w.ok(err)
	idp.ClientKey = &keys[0].PublicKey
	document, err := w.PublicKeys(t.Context(), w.connection.ID)
	w.ok(err)
	if published, err := oidc.ParseKeys(document); err != nil || len(published) != 1 || strings.Contains(string(document), `"d"`) {
		t.Errorf("published: %s, %v", document, err)
	}
	browser := someBrowser()
	_, err = w.FinishByOpenID(t.Context(), w.comeBack(w.begin(browser), browser))
	w.ok(err)
	if _, err := w.PublicKeys(t.Context(), saml.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a SAML connection publishes a key set: %v", err)
	}
}

// hangUp is a browser that goes away while we call its identity provider.
type hangUp struct{ leave context.CancelFunc }

func (h hangUp) RoundTrip(r *http.Request) (*http.Response, error) {
	h.leave()
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestABrowserThatHangsUpLeavesARecord: its login was taken, so that nobody can bring the answer again; the refusal says so.
func TestABrowserThatHangsUpLeavesARecord(t *testing.T) {
	w := newWorld(t)
	w.connectOpenID()
	browser := someBrowser()
	back := w.comeBack(w.begin(browser), browser)
	ctx, leave := context.WithCancel(t.Context())
	honest := w.calls
	w.calls = &http.Client{Transport: hangUp{leave}}
	_, err := w.FinishByOpenID(ctx, back)
	w.refusedAs(err, trust.ReasonIDPUnreachable)
	w.calls = honest
	if _, err := w.FinishByOpenID(t.Context(), w.comeBack(w.begin(browser), browser)); err != nil {
		t.Errorf("a browser that stays: %v", err)
	}
}
