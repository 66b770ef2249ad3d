package broker

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

func accepting(s *store.SAMLSettings) { s.IDPInitiated = store.IDPInitiatedAccept }

// The same response at three connections that differ in the mode alone: refused, a fresh login, a session.
func TestS46_OneResponseInEachOfTheModes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, w *world) {
		for _, mode := range []string{store.IDPInitiatedOff, store.IDPInitiatedHandshake, store.IDPInitiatedAccept} {
			w.settle(func(s *store.SAMLSettings) { s.IDPInitiated = mode })
			browser := someBrowser()
			tile := w.tile().in(browser)
			tile.ReturnTo = "/organizations"
			landing, err := w.Finish(t.Context(), tile)
			switch mode {
			case store.IDPInitiatedOff:
				w.refusedAs(err, trust.ReasonUnsolicited)
			case store.IDPInitiatedHandshake:
				if w.ok(err); landing.Departure == nil || landing.Code.Reveal() != "" {
					t.Errorf("the handshake lands as %+v", landing)
				}
			case store.IDPInitiatedAccept:
				if w.ok(err); landing.Departure != nil || landing.Flow.Reveal() != browser.Flow.Reveal() {
					t.Errorf("it lands as %+v", landing)
				}
				arrived, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: browser})
				w.ok(err)
				if who := w.holder(arrived.Token).User.Email; who != "ada@corp.test" || arrived.ReturnTo != "/organizations" {
					t.Errorf("%s arrived at %s", who, arrived.ReturnTo)
				}
			}
			w.signIn(someBrowser()) // what we ask for is answered in every mode
		}
	})
}

// What an owner reads of it, and what the event says, is what every other sign-in leaves.
func TestS46_AnAcceptedResponseIsRecordedLikeAnyLogin(t *testing.T) {
	w := newWorld(t, accepting)
	browser := someBrowser()
	landing, err := w.Finish(t.Context(), w.tile().in(browser))
	w.ok(err)
	before := w.told(audit.LoginSucceeded)
	arrived, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: browser})
	w.ok(err)
	login, err := w.scope().Login(t.Context(), arrived.LoginID)
	w.ok(err)
	if login.StartedBy != store.StartedThere || login.State != store.LoginFinished || login.Email != "ada@corp.test" || login.Address != "203.0.113.7" {
		t.Errorf("recorded as %+v", login)
	}
	for _, name := range []string{"transport", "signature", "domain"} {
		if !slices.ContainsFunc(login.Steps, func(s store.LoginStep) bool { return s.Name == name && s.Verdict == store.StepPassed }) {
			t.Errorf("no step %q among %+v", name, login.Steps)
		}
	}
	if w.told(audit.LoginSucceeded) != before+1 {
		t.Error("there is no event of it")
	}
	if _, _, err := w.scope().LoginArrival(t.Context(), login.ID); err != nil {
		t.Errorf("its message is not kept: %v", err)
	}
	if again := w.again(login.ID); again.Refusal != nil {
		t.Errorf("run again it is refused: %+v", again.Refusal)
	}
}

// secondNode is another process on the world's database.
func (w *world) secondNode() *Broker {
	w.Helper()
	opened, err := store.Open(w.Context(), w.options)
	w.ok(err)
	w.Cleanup(func() { w.ok(opened.Close()) })
	return New(opened, w.base, http.DefaultClient, w.Broker.log)
}

// TestS45_AnAcceptedResponseWorksOnceOnAllNodes: of many posts at once, at two nodes and from as many browsers, one is let in.
func TestS45_AnAcceptedResponseWorksOnceOnAllNodes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, w *world) {
		w.settle(accepting)
		nodes := []*Broker{w.Broker, w.secondNode()}
		tile := w.tile()
		const posts = 20
		results := make(chan error, posts)
		for i := range posts {
			go func() {
				_, err := nodes[i%2].Finish(t.Context(), tile.in(someBrowser()))
				results <- err
			}()
		}
		landed := 0
		for range posts {
			var refused *Refused
			switch err := <-results; {
			case err == nil:
				landed++
			case !errors.As(err, &refused) || refused.Reason != trust.ReasonReplayed:
				t.Errorf("got %v", err)
			}
		}
		if landed != 1 {
			t.Errorf("one response was taken %d times", landed)
		}
		for i, node := range nodes {
			_, err := node.Finish(t.Context(), tile.in(someBrowser()))
			w.refusedAs(err, trust.ReasonReplayed)
			if _, err := nodes[1-i].Finish(t.Context(), w.tile().in(someBrowser())); err != nil {
				t.Errorf("another response at the other node: %v", err)
			}
		}
	})
}

// An assertion counts once, whatever it came as: as an answer to us, as a hint, or by itself.
func TestS45_AnAssertionIsSpentInEveryMode(t *testing.T) {
	w := newWorld(t)
	tile := w.tile()
	_, err := w.Finish(t.Context(), tile.in(someBrowser()))
	w.ok(err)
	w.settle(accepting)
	w.refuses(trust.ReasonReplayed, w.finish(tile.in(someBrowser())))
	_, err = w.Finish(t.Context(), w.tile().in(someBrowser()))
	w.ok(err)

	browser := someBrowser()
	arrival, answer := w.asked(browser)
	unsolicited := w.idp.Answer(w.service(w.connection), "", w.time())
	first := arrival
	first.SAMLResponse = unsolicited.Message()
	_, err = w.Finish(t.Context(), first.in(someBrowser()))
	w.ok(err)
	answer.AssertionID = unsolicited.AssertionID
	arrival.SAMLResponse = answer.Message()
	w.refuses(trust.ReasonReplayed, w.finish(arrival))
	w.signIn(browser)
}

// TestS46_APlantedResponseTakesNoSessionOver: whoever makes another's browser post a response of their own (login CSRF) neither ends nor joins the
// session that the browser holds. It asks, and until the person agrees nothing has changed.
func TestS46_APlantedResponseTakesNoSessionOver(t *testing.T) {
	w := newWorld(t, accepting)
	victim, browser := w.byPassword(w.owner), someBrowser()
	w.vouch("u-mallory", "mallory@corp.test")
	landing, err := w.Finish(t.Context(), w.tile().in(browser))
	w.ok(err)
	before := w.kept()
	posted := Completion{Code: landing.Code, Browser: browser, Present: victim}
	var other *OtherPerson
	if _, err := w.Complete(t.Context(), posted); !errors.As(err, &other) || other.Arriving != "mallory@corp.test" {
		t.Fatalf("got %v", err)
	}
	if w.kept() != before || len(w.holder(victim.Token).Session.Proofs) != 1 {
		t.Error("the planted response has left something behind")
	}
	if _, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: someBrowser()}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the code opens another browser: %v", err)
	}
	posted.Replace = true // the honest twin: somebody at a shared computer, who agrees
	arrived, err := w.Complete(t.Context(), posted)
	w.ok(err)
	if w.holder(arrived.Token).User.Email != "mallory@corp.test" {
		t.Error("whoever agreed is not signed in")
	}

	browser = someBrowser() // and the same person is not asked: their session goes on with a proof
	w.vouch("u-ada-1815", "ada@corp.test")
	ada := w.holder(w.signIn(browser).Token)
	landing, err = w.Finish(t.Context(), w.tile().in(browser))
	w.ok(err)
	arrived, err = w.Complete(t.Context(), Completion{Code: landing.Code, Browser: browser, Present: ada})
	w.ok(err)
	if again := w.holder(arrived.Token); again.Session.ID != ada.Session.ID || again.Token.Reveal() == ada.Token.Reveal() {
		t.Error("the same person's session does not go on under another token")
	}
}

// The browser that posted it, and none else, finishes it: with the cookie that it has or is given.
func TestS47_AnAcceptedResponseFinishesWhereItWasPosted(t *testing.T) {
	w := newWorld(t, accepting)
	browser := someBrowser()
	browser.Flow = secret.Token{}
	landing, err := w.Finish(t.Context(), w.tile().in(browser))
	w.ok(err)
	before := w.kept()
	for _, elsewhere := range []Browser{browser, someBrowser()} {
		if _, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: elsewhere}); !errors.Is(err, store.ErrNotFound) || w.kept() != before {
			t.Errorf("finished in another browser: %v", err)
		}
	}
	browser.Flow = landing.Flow
	if _, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: browser}); err != nil {
		t.Errorf("with the cookie that it was given: %v", err)
	}
}

// Where responses are taken by themselves, each is judged as sharply as an answer; what names a request of ours is held to it.
func TestS46_AForgedResponseIsNotAccepted(t *testing.T) {
	w := newWorld(t, accepting)
	arrival := w.tile().in(someBrowser())
	answer := w.idp.Answer(w.service(w.connection), "", w.time())
	for _, reason := range []trust.Reason{trust.ReasonAudience, trust.ReasonSignatureMissing, trust.ReasonRecipient, trust.ReasonExpired} {
		lie := firstLie(t, reason)
		arrival.SAMLResponse = lie.Tell(w.idp, answer)
		w.refuses(reason, w.finish(arrival))
	}
	half := idptest.OneLie("S-43", "no request in the response")
	arrival.SAMLResponse = half.Tell(w.idp, w.idp.Answer(w.service(w.connection), "_asked", w.time()))
	w.refuses(half.Reason, w.finish(arrival))
	arrival.SAMLResponse = w.idp.Answer(w.service(w.connection), "_never-asked", w.time()).Message()
	w.refuses(trust.ReasonLoginUnknown, w.finish(arrival))
	if _, err := w.Finish(t.Context(), w.tile().in(arrival.Browser)); err != nil {
		t.Errorf("an honest one afterwards: %v", err)
	}
}

// TestS51_NothingIsAcceptedOnceTheConnectionIsOff also where it was switched off while the response was being read, which is what the store asks
// again.
func TestS51_NothingIsAcceptedOnceTheConnectionIsOff(t *testing.T) {
	w := newWorld(t, accepting)
	tile := w.tile().in(someBrowser())
	read, err := w.store.ConnectionByID(t.Context(), w.connection.ID)
	w.ok(err)
	w.ok(w.scope().DisableConnection(t.Context(), operator, w.connection.ID, w.connection.Version))
	w.refuses(trust.ReasonConnectionNotActive, func() error {
		seen := attempt{browser: tile.Browser, at: w.ACSOf(read.Connection)}
		_, refusal, err := w.judge(t.Context(), read, tile, &seen)
		w.ok(err)
		return w.refuse(t.Context(), read, seen, refusal)
	})
	w.connection, err = w.scope().Connection(t.Context(), w.connection.ID)
	w.ok(err)
	w.ok(w.scope().ActivateConnection(t.Context(), operator, w.connection.ID, w.connection.Version))
	if _, err := w.Finish(t.Context(), tile); err != nil {
		t.Errorf("switched on again: what was refused had spent it: %v", err)
	}
}
