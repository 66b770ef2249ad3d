package broker

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// allow opens the doors of a connection that a message needs.
func (w *world) allow(a idptest.Allowed) {
	w.Helper()
	w.settle(func(s *store.SAMLSettings) {
		s.InclusiveC14N, s.UnsignedResponseAroundEncrypted = a.InclusiveC14N, a.UnsignedAroundEncrypted
		s.Certificates = certificatesOf(w.idp)
	})
}

func TestEveryShapeOfResponseSignsIn(t *testing.T) {
	w := newWorld(t)
	honest := w.idp.Keys
	for _, shape := range idptest.Shapes() {
		if shape.Allow.Unsolicited {
			continue // begins a login and ends none: TestS46
		}
		w.idp.Keys = honest
		if shape.Key != nil {
			shape.Key(w.idp)
		}
		w.allow(shape.Allow)
		arrival, answer := w.asked(someBrowser())
		shape.Set(&answer)
		arrival.SAMLResponse = answer.Message()
		landing, err := w.Finish(t.Context(), arrival)
		if err != nil {
			t.Errorf("%s: %v", shape.Name, err)
			continue
		}
		arrived, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: arrival.Browser})
		if err != nil {
			t.Errorf("%s: %v", shape.Name, err)
			continue
		}
		if who := w.holder(arrived.Token); who.User.Email != "ada@corp.test" || len(who.Session.Proofs) != 1 || who.Session.Proofs[0].ConnectionID != w.connection.ID {
			t.Errorf("%s: signed in as %q with %v", shape.Name, who.User.Email, who.Session.Proofs)
		}
	}
	if people := w.kept()[2]; people != 2 {
		t.Errorf("one person in many shapes, and the owner, became %d users", people)
	}
}

// What a reader of messages refuses is package saml's to test, lie by lie; here one lie for each reason shows that the refusal is recorded
// and that nothing else is.
func TestEveryReasonOfAReaderIsRecordedAndLeavesNothing(t *testing.T) {
	w := newWorld(t)
	honest, told := w.idp.Keys, map[trust.Reason]bool{}
	for _, lie := range idptest.Lies() {
		if told[lie.Reason] || lie.Class == "S-43" { // the pending login is looked for before the message is read
			continue
		}
		told[lie.Reason] = true
		w.idp.Keys = honest
		w.allow(lie.Allow)
		arrival, answer := w.asked(someBrowser())
		arrival.SAMLResponse = lie.Tell(w.idp, answer)
		refused := w.refuses(lie.Reason, w.finish(arrival))
		if raw, err := w.scope().LoginMessage(t.Context(), refused.LoginID); lie.Reason != trust.ReasonEncoding && lie.Reason != trust.ReasonTooLarge && (err != nil || len(raw) == 0) {
			t.Errorf("%s: the message is not kept: %v", lie, err)
		}
		arrival, answer = w.asked(someBrowser())
		arrival.SAMLResponse = lie.Twin(answer)
		if _, err := w.Finish(t.Context(), arrival); err != nil {
			t.Errorf("%s: its honest twin: %v", lie, err)
		}
	}
	if w.log.String() != "" {
		t.Errorf("a refusal is recorded and not logged: %s", w.log)
	}
	if len(told) < 25 {
		t.Errorf("only %d reasons were told", len(told))
	}
}

func TestS43_InResponseToIsTheOnePendingLoginOfThisBrowserAndConnection(t *testing.T) {
	w := newWorld(t)
	one, other := someBrowser(), someBrowser()
	theirs := w.begin(other)
	mine, answer := w.asked(one)

	// The answer to somebody else's request, with my own RelayState and with theirs.
	stolen := w.ask(theirs)
	w.refuses(trust.ReasonOtherBrowser, w.finish(stolen.in(one)))
	stolen.RelayState = mine.RelayState
	w.refuses(trust.ReasonOtherBrowser, w.finish(stolen.in(one)))

	// A request that nobody made.
	unknown := mine
	forged := answer
	forged.InResponseTo = "_nobody-asked"
	unknown.SAMLResponse = forged.Message()
	w.refuses(trust.ReasonLoginUnknown, w.finish(unknown))

	// A request of another connection.
	second := w.connect(w.idp)
	elsewhere := mine
	elsewhere.ConnectionID = second.ID
	w.refuses(trust.ReasonLoginUnknown, w.finish(elsewhere))

	// Response and assertion disagree about the request.
	split, answer := w.asked(someBrowser())
	lie := idptest.OneLie("S-43", "another request in the assertion alone")
	split.SAMLResponse = lie.Tell(w.idp, answer)
	w.refuses(lie.Reason, w.finish(split))

	// None of that ended either login.
	for _, honest := range []Arrival{mine, w.ask(theirs).in(other)} {
		if _, err := w.Finish(t.Context(), honest); err != nil {
			t.Errorf("the honest answer: %v", err)
		}
	}
}

func TestS43_SeveralTabsAtOnce(t *testing.T) {
	w := newWorld(t)
	browser := someBrowser()
	first, second := w.begin(browser), w.begin(browser)
	for _, departure := range []Departure{second, first} {
		landing, err := w.Finish(t.Context(), w.ask(departure).in(browser))
		w.ok(err)
		if _, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: browser}); err != nil {
			t.Errorf("a second tab: %v", err)
		}
	}
}

func TestS44_APendingLoginLives15Minutes(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		after time.Duration
		fits  bool
	}{{15*time.Minute - time.Second, true}, {15 * time.Minute, false}} {
		browser := someBrowser()
		departure := w.begin(browser)
		w.pass(c.after)
		arrival := w.ask(departure).in(browser)
		if !c.fits {
			w.refuses(trust.ReasonLoginExpired, w.finish(arrival))
		} else if _, err := w.Finish(t.Context(), arrival); err != nil {
			t.Errorf("after %s: %v", c.after, err)
		}
	}
}

func TestS47_AResponsePostedFromAnotherBrowser(t *testing.T) {
	w := newWorld(t)
	browser := someBrowser()
	arrival := w.ask(w.begin(browser))
	none := someBrowser()
	none.Flow = secret.Token{}
	for name, other := range map[string]Browser{"no flow cookie": none, "another's flow cookie": someBrowser()} {
		w.Log(name)
		w.refuses(trust.ReasonOtherBrowser, w.finish(arrival.in(other)))
	}
	landing, err := w.Finish(t.Context(), arrival.in(browser))
	w.ok(err)
	for _, other := range []Browser{none, someBrowser()} {
		before := w.kept()
		if _, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: other}); !errors.Is(err, store.ErrNotFound) || w.kept() != before {
			t.Errorf("another browser finishes: %v", err)
		}
	}
	if _, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: browser}); err != nil {
		t.Errorf("the browser that began it: %v", err)
	}
}

func TestS48_RelayStateIsOurHandle(t *testing.T) {
	w := newWorld(t)
	browser := someBrowser()
	honest := w.ask(w.begin(browser)).in(browser)
	for _, relay := range []string{"", "/", "https://evil.test/", honest.RelayState + "x", strings.ToUpper(honest.RelayState)} {
		altered := honest
		altered.RelayState = relay
		w.refuses(trust.ReasonOtherBrowser, w.finish(altered))
	}
	if _, err := w.Finish(t.Context(), honest); err != nil {
		t.Errorf("the handle that we sent: %v", err)
	}
}

func TestS61_WhatIsClaimedIsKeptShortAndPrintable(t *testing.T) {
	w := newWorld(t)
	arrival, answer := w.asked(someBrowser())
	answer.Issuer = "https://evil.test/" + strings.Repeat("<script>", 100)
	arrival.SAMLResponse = answer.Message()
	refused := w.refuses(trust.ReasonIssuer, w.finish(arrival))
	if n := len([]rune(refused.Got)); n == 0 || n > 256 {
		t.Errorf("%d characters of a claim are kept", n)
	}
}

// asked is what comes back to the browser after a login was begun in it, and the same answer in the making.
func (w *world) asked(browser Browser) (Arrival, idptest.Answer) {
	w.Helper()
	arrival := w.ask(w.begin(browser)).in(browser)
	requests := w.idp.Requests()
	return arrival, w.idp.Answer(w.service(w.connection), requests[len(requests)-1].ID, w.time())
}
