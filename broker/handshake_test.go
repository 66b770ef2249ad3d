package broker

import (
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

func TestS46_AnUnsolicitedResponseOnlyBeginsAFreshLogin(t *testing.T) {
	w := newWorld(t)
	browser := someBrowser()
	before := w.kept()
	tile := w.tile().in(browser)
	tile.ReturnTo = "/organizations"
	landing, err := w.Finish(t.Context(), tile)
	w.ok(err)
	if landing.Departure == nil || landing.Code.Reveal() != "" || landing.Flow.Reveal() != browser.Flow.Reveal() {
		t.Fatalf("an unsolicited response landed as %+v", landing)
	}
	if w.kept() != before {
		t.Error("an unsolicited response made something by itself")
	}
	landing, err = w.Finish(t.Context(), w.ask(*landing.Departure).in(browser))
	w.ok(err)
	arrived, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: browser})
	w.ok(err)
	if who := w.holder(arrived.Token).User.Email; who != "ada@corp.test" || arrived.ReturnTo != "/organizations" {
		t.Errorf("%s arrived at %s", who, arrived.ReturnTo)
	}
	login, err := w.scope().Login(t.Context(), arrived.LoginID)
	w.ok(err)
	if login.StartedBy != store.StartedByHandshake {
		t.Errorf("recorded as started by %q", login.StartedBy)
	}
}

func TestS46_OffRefuses(t *testing.T) {
	w := newWorld(t, func(s *store.SAMLSettings) { s.IDPInitiated = store.IDPInitiatedOff })
	w.refuses(trust.ReasonUnsolicited, w.finish(w.tile().in(someBrowser())))
	w.signIn(someBrowser())
}

func TestS46_ASecondUnsolicitedResponseWithin60SecondsGoesRoundInCircles(t *testing.T) {
	w := newWorld(t)
	browser := someBrowser()
	_, err := w.Finish(t.Context(), w.tile().in(browser))
	w.ok(err)
	w.pass(59 * time.Second)
	w.refuses(trust.ReasonIDPIgnoresRequests, w.finish(w.tile().in(browser)))
	if _, err := w.Finish(t.Context(), w.tile().in(someBrowser())); err != nil {
		t.Errorf("another browser at the same time: %v", err)
	}
	w.pass(2 * time.Second)
	if _, err := w.Finish(t.Context(), w.tile().in(browser)); err != nil {
		t.Errorf("the same browser after 61 seconds: %v", err)
	}
}

func TestS46_ABrowserWithoutAFlowCookieGetsOne(t *testing.T) {
	w := newWorld(t)
	browser := someBrowser()
	browser.Flow = secret.Token{}
	landing, err := w.Finish(t.Context(), w.tile().in(browser))
	w.ok(err)
	arrival := w.ask(*landing.Departure)
	w.refuses(trust.ReasonOtherBrowser, w.finish(arrival.in(browser)))
	browser.Flow = landing.Flow
	if _, err := w.Finish(t.Context(), arrival.in(browser)); err != nil {
		t.Errorf("with the cookie that it was given: %v", err)
	}
}

func TestS46_AnUnsolicitedResponseIsSpent(t *testing.T) {
	w := newWorld(t)
	tile := w.tile()
	_, err := w.Finish(t.Context(), tile.in(someBrowser()))
	w.ok(err)
	w.refuses(trust.ReasonReplayed, w.finish(tile.in(someBrowser())))

	// Nor does the assertion that began a login end one.
	arrival, answer := w.asked(someBrowser())
	unsolicited := w.idp.Answer(w.service(w.connection), "", w.time())
	first := arrival
	first.SAMLResponse = unsolicited.Message()
	_, err = w.Finish(t.Context(), first.in(someBrowser()))
	w.ok(err)
	answer.AssertionID = unsolicited.AssertionID
	arrival.SAMLResponse = answer.Message()
	w.refuses(trust.ReasonReplayed, w.finish(arrival))
}

// What is wrong with an unsolicited response is refused like anything else: it does not even begin a login.
func TestS46_AForgedUnsolicitedResponseBeginsNothing(t *testing.T) {
	w := newWorld(t)
	arrival := w.tile().in(someBrowser())
	answer := w.idp.Answer(w.service(w.connection), "", w.time())
	for _, lie := range []idptest.Lie{firstLie(t, trust.ReasonAudience), firstLie(t, trust.ReasonSignatureMissing)} {
		arrival.SAMLResponse = lie.Tell(w.idp, answer)
		w.refuses(lie.Reason, w.finish(arrival))
	}
	half := idptest.OneLie("S-43", "no request in the response") // but one in the assertion: a solicited answer in disguise
	arrival.SAMLResponse = half.Tell(w.idp, w.idp.Answer(w.service(w.connection), "_asked", w.time()))
	w.refuses(half.Reason, w.finish(arrival))
	if _, err := w.Finish(t.Context(), w.tile().in(arrival.Browser)); err != nil {
		t.Errorf("an honest one afterwards: %v", err)
	}
}

// A draft takes test logins alone, and an unsolicited response tests nothing.
func TestS46_ADraftTakesNoUnsolicitedResponse(t *testing.T) {
	w := newWorld(t)
	pair, err := ourPair()
	w.ok(err)
	live, err := w.scope().Connection(t.Context(), w.connection.ID)
	w.ok(err)
	w.connection, err = w.scope().CreateConnection(t.Context(), operator, "Draft", live.Settings, store.NewKey{CertificatePEM: pair.CertificatePEM, KeyPEM: pair.KeyPEM})
	w.ok(err)
	arrival := w.tile().in(someBrowser())
	arrival.SAMLResponse = w.idp.Answer(w.service(w.connection), "", w.time()).Message()
	arrival.ConnectionID = w.connection.ID
	w.refuses(trust.ReasonTestOnly, w.finish(arrival))
	w.refuses(trust.ReasonTestOnly, func() error {
		_, err := w.Begin(t.Context(), Start{ConnectionID: w.connection.ID, Browser: someBrowser()})
		return err
	})
}

func firstLie(t *testing.T, reason trust.Reason) idptest.Lie {
	t.Helper()
	for _, lie := range idptest.Lies() {
		if lie.Reason == reason && lie.Allow == (idptest.Allowed{}) {
			return lie
		}
	}
	t.Fatalf("no lie for %s", reason)
	return idptest.Lie{}
}

func TestNobodyBeginsWhereThereIsNoConnection(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Begin(t.Context(), Start{ConnectionID: "con_00000000000000000000000000", Browser: someBrowser()}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if _, err := w.Finish(t.Context(), Arrival{ConnectionID: "con_00000000000000000000000000"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if _, err := w.Metadata(t.Context(), "con_00000000000000000000000000"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
