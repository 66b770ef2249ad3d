package broker

import (
	"testing"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// testIn starts a test login of the owner's in that browser.
func (w *world) testIn(browser Browser, present Present) Departure {
	w.Helper()
	d, err := w.Begin(w.Context(), Start{ConnectionID: w.connection.ID, Browser: browser, ReturnTo: "/", TestOwnerID: w.owner.ID, TestSessionID: present.Session.ID})
	w.ok(err)
	return d
}

// withNextKey is an identity provider like the world's own that signs with another key.
func (w *world) withNextKey() *idptest.IdP {
	next := idptest.New(w.T)
	next.Keys = []idptest.Key{idptest.RSAKey("next", 2048)}
	next.At(w.time)
	next.Serve(w.service(w.connection))
	return next
}

func force(s *store.SAMLSettings) { s.ForceAuthn = !s.ForceAuthn }

// A draft that believes the wrong key refuses its test, and nobody else's sign-in is any the wiser: neither an ordinary one, nor a response that
// nobody asked for, nor what comes a second time.
func TestS54_ADraftWithAWrongCertificateTouchesNoLiveLogin(t *testing.T) {
	eachDatabase(t, func(t *testing.T, w *world) {
		owner, browser, tester := w.byPassword(w.owner), someBrowser(), someBrowser()
		begunBefore := w.ask(w.begin(browser)).in(browser)
		w.draft(func(s *store.SAMLSettings) { s.Certificates = certificatesOf(w.withNextKey()) })
		refused := w.refusedAs(w.finish(w.ask(w.testIn(tester, owner)).in(tester))(), trust.ReasonSignatureInvalid)
		if login, err := w.scope().Login(t.Context(), refused.LoginID); err != nil || login.VersionID == w.connection.VersionID || login.Kind != store.TestLogin {
			t.Errorf("recorded as %s of version %s: %v", login.Kind, login.VersionID, err)
		}
		if _, err := w.Finish(t.Context(), begunBefore); err != nil {
			t.Errorf("a login begun before the draft: %v", err)
		}
		w.refusedAs(w.finish(begunBefore)(), trust.ReasonReplayed)
		w.signIn(someBrowser())
		if landing, err := w.Finish(t.Context(), w.tile().in(someBrowser())); err != nil || landing.Departure == nil {
			t.Errorf("an unsolicited response: %v", err)
		}
		w.draft(func(s *store.SAMLSettings) { s.Certificates, s.ForceAuthn = certificatesOf(w.idp), true }) // mended
		w.vouch("olga", "owner@acme.test")
		landing, err := w.Finish(t.Context(), w.ask(w.testIn(tester, owner)).in(tester))
		w.ok(err)
		arrived, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: tester, Present: owner})
		w.ok(err)
		if c, err := w.scope().Connection(t.Context(), w.connection.ID); err != nil || !arrived.Test || c.DraftTestedAt == nil || c.TestedAt != nil {
			t.Errorf("the mended draft's test counts for %+v: %v", c, err)
		}
	})
}

// And the reverse: a draft that believes a new key opens nothing for whoever holds that key.
func TestS54_ADraftsKeySignsNobodyIn(t *testing.T) {
	w := newWorld(t)
	owner, tester := w.byPassword(w.owner), someBrowser()
	next := w.withNextKey()
	next.SignIn(idptest.Person{Subject: "olga", Email: "owner@acme.test"})
	w.draft(func(s *store.SAMLSettings) { s.Certificates = certificatesOf(next) })
	present := w.idp
	w.idp = next
	browser := someBrowser()
	w.refuses(trust.ReasonSignatureInvalid, w.finish(w.ask(w.begin(browser)).in(browser)))
	w.refuses(trust.ReasonSignatureInvalid, w.finish(w.tile().in(someBrowser())))
	if _, err := w.Finish(t.Context(), w.ask(w.testIn(tester, owner)).in(tester)); err != nil {
		t.Errorf("the draft's own test: %v", err)
	}
	w.idp = present
	w.signIn(someBrowser())
	w.publish()
	w.refuses(trust.ReasonSignatureInvalid, w.finish(w.ask(w.begin(browser)).in(browser)))
	w.idp = next
	next.SignIn(idptest.Ada)
	w.signIn(someBrowser())
}

// A test is judged by the settings with which it began, or not at all.
func TestS51_ATestEndsWithItsDraft(t *testing.T) {
	w := newWorld(t)
	owner, tester := w.byPassword(w.owner), someBrowser()
	w.draft(force)
	replaced := w.ask(w.testIn(tester, owner)).in(tester)
	w.draft(func(s *store.SAMLSettings) { s.InclusiveC14N = true })
	w.refuses(trust.ReasonSettingsChanged, w.finish(replaced))
	discarded := w.ask(w.testIn(tester, owner)).in(tester)
	c, err := w.scope().Connection(t.Context(), w.connection.ID)
	w.ok(err)
	w.ok(w.scope().DiscardConnectionDraft(t.Context(), operator, c.ID, c.Version))
	w.refuses(trust.ReasonSettingsChanged, w.finish(discarded))
	ofLive := w.ask(w.testIn(tester, owner)).in(tester)
	w.draft(force)
	if _, err := w.Finish(t.Context(), ofLive); err != nil {
		t.Errorf("a test of the live settings, with a draft made meanwhile: %v", err)
	}
	published := w.ask(w.testIn(tester, owner)).in(tester)
	w.publish()
	if _, err := w.Finish(t.Context(), published); err != nil {
		t.Errorf("a test whose draft was published meanwhile: %v", err)
	}
	w.draft(force)
	disabled := w.ask(w.testIn(tester, owner)).in(tester)
	c, err = w.scope().Connection(t.Context(), w.connection.ID)
	w.ok(err)
	w.ok(w.scope().DisableConnection(t.Context(), operator, c.ID, c.Version))
	w.refuses(trust.ReasonConnectionNotActive, w.finish(disabled))
}

func TestR01_ADraftOfOpenIDConnectMeetsItsOwnProviderAlone(t *testing.T) {
	w := newWorld(t)
	live := w.connectOpenID()
	at := w.connection
	next := w.connectOpenID() // another one, whose settings become the draft of the first
	nextSettings := w.connection.OIDC
	w.connection = at
	owner, browser, tester := w.byPassword(w.owner), someBrowser(), someBrowser()
	begunBefore := w.comeBack(w.begin(browser), browser)
	w.ok(w.scope().ChangeOIDCSettings(t.Context(), operator, at.ID, at.Version, nextSettings, secret.TokenOf("not its secret")))
	w.refusedAs(errorOf(w.FinishByOpenID(t.Context(), w.comeBack(w.testIn(tester, owner), tester))), trust.ReasonTokenRefused)
	refused := next.Exchanges()
	if _, err := w.FinishByOpenID(t.Context(), begunBefore); err != nil || next.Exchanges() != refused || live.Exchanges() != 1 {
		t.Errorf("a login begun before the draft: %v", err)
	}
	edited, err := w.scope().EditedConnection(t.Context(), at.ID)
	w.ok(err)
	w.ok(w.scope().ChangeOIDCSettings(t.Context(), operator, at.ID, edited.Version, edited.OIDC, secret.TokenOf(next.Secret)))
	next.SignIn(idptest.Person{Subject: "olga", Email: "owner@acme.test"})
	landing, err := w.FinishByOpenID(t.Context(), w.comeBack(w.testIn(tester, owner), tester))
	w.ok(err)
	if live.Exchanges() != 1 || next.Exchanges() != refused+1 {
		t.Error("the draft's code went to the live identity provider")
	}
	if _, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: tester, Present: owner}); err != nil {
		t.Errorf("the draft's own test: %v", err)
	}
	if _, err := w.FinishByOpenID(t.Context(), w.comeBack(w.begin(browser), browser)); err != nil {
		t.Errorf("an ordinary login beside the draft: %v", err)
	}
	test := w.comeBack(w.testIn(tester, owner), tester)
	edited, err = w.scope().EditedConnection(t.Context(), at.ID)
	w.ok(err)
	edited.OIDC.Prompt = "login"
	w.ok(w.scope().ChangeOIDCSettings(t.Context(), operator, at.ID, edited.Version, edited.OIDC, secret.Token{}))
	w.refusedAs(errorOf(w.FinishByOpenID(t.Context(), test)), trust.ReasonSettingsChanged)
}

func errorOf[T any](_ T, err error) error { return err }
