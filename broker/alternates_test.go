package broker

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

var fromPolis = store.Alternate{EntityID: "https://saml.boxyhq.com", Path: "/api/oauth/saml"}

// move makes the connection one that came from another product with those addresses, which its identity provider goes on using.
func (w *world) move(a store.Alternate) {
	w.Helper()
	c, err := w.scope().Connection(w.Context(), w.connection.ID)
	w.ok(err)
	w.ok(w.scope().GiveAlternate(w.Context(), operator, c.ID, c.Version, a))
	w.publish()
	if c.Protocol == store.ProtocolSAML {
		w.idp.Serve(w.service(w.connection))
	}
}

// at is the arrival at an alternate path.
func (a Arrival) at(path string) Arrival {
	a.ConnectionID, a.Path = "", path
	return a
}

func TestAConnectionThatMovedSignsInByItsAlternateAddresses(t *testing.T) {
	eachDatabase(t, signsInMoved)
}

func signsInMoved(t *testing.T, w *world) {
	w.move(fromPolis)
	browser := someBrowser()
	landing, err := w.Finish(t.Context(), w.ask(w.begin(browser)).in(browser).at(fromPolis.Path))
	w.ok(err)
	arrived, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: browser})
	w.ok(err)
	if who := w.holder(arrived.Token); who.User.Email != idptest.Ada.Email {
		t.Errorf("signed in as %q", who.User.Email)
	}
	asked := w.idp.Requests()
	if last := asked[len(asked)-1]; last.Issuer != fromPolis.EntityID || last.ACS != "https://gatehouse.test/api/oauth/saml" {
		t.Errorf("the request says it is from %q, for %q", last.Issuer, last.ACS)
	}
	metadata, err := w.Metadata(t.Context(), w.connection.ID)
	w.ok(err)
	if text := string(metadata); !strings.Contains(text, `entityID="`+fromPolis.EntityID+`"`) || !strings.Contains(text, `Location="https://gatehouse.test/api/oauth/saml"`) {
		t.Errorf("the metadata is %s", text)
	}
}

// TestS42_AlternateAddressesAreAsExactAsOurOwn: a connection is known by one entity ID and one ACS, those that it is set to.
func TestS42_AlternateAddressesAreAsExactAsOurOwn(t *testing.T) {
	w := newWorld(t)
	own := w.service(w.connection)
	w.move(fromPolis)
	told := func(change func(*idptest.Answer)) Arrival {
		arrival, answer := w.asked(someBrowser())
		change(&answer)
		arrival.SAMLResponse = answer.Message()
		return arrival.at(fromPolis.Path)
	}
	for name, c := range map[string]struct {
		reason trust.Reason
		change func(*idptest.Answer)
	}{
		"our own entity ID (S-40)":         {trust.ReasonAudience, func(a *idptest.Answer) { a.Audience = []string{own.EntityID} }},
		"the entity ID longer (S-40)":      {trust.ReasonAudience, func(a *idptest.Answer) { a.Audience[0] += "/" }},
		"our own ACS as Recipient":         {trust.ReasonRecipient, func(a *idptest.Answer) { a.Recipient = own.ACS }},
		"our own ACS as Destination":       {trust.ReasonDestination, func(a *idptest.Answer) { a.Destination = own.ACS }},
		"another path as Recipient":        {trust.ReasonRecipient, func(a *idptest.Answer) { a.Recipient = "https://gatehouse.test/api/oauth/other" }},
		"the path on another host":         {trust.ReasonRecipient, func(a *idptest.Answer) { a.Recipient = "https://old.test/api/oauth/saml" }},
		"the path with a slash at its end": {trust.ReasonRecipient, func(a *idptest.Answer) { a.Recipient += "/" }},
	} {
		t.Run(name, func(t *testing.T) {
			w.refuses(c.reason, w.finish(told(c.change)))
			_, err := w.Finish(t.Context(), told(func(*idptest.Answer) {}))
			w.ok(err) // the twin
		})
	}
	elsewhere := told(func(*idptest.Answer) {})
	native := elsewhere
	native.ConnectionID, native.Path = w.connection.ID, ""
	refused := w.refuses(trust.ReasonDestination, w.finish(native))
	if refused.Want != "https://gatehouse.test/api/oauth/saml" || refused.Got != own.ACS {
		t.Errorf("wanted %q, got %q", refused.Want, refused.Got)
	}
	for _, path := range []string{"/api/oauth/other", "/api/oauth/saml/", "/API/oauth/saml", "/"} {
		if _, err := w.Finish(t.Context(), elsewhere.at(path)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("at %s: %v", path, err)
		}
	}
}

// TestS42_AConnectionThatDidNotMoveIsNotFoundElsewhere: without alternate addresses, or when they are taken away, our own alone count.
func TestS42_AConnectionThatDidNotMoveIsNotFoundElsewhere(t *testing.T) {
	w := newWorld(t)
	arrival, _ := w.asked(someBrowser())
	if _, err := w.Finish(t.Context(), arrival.at(fromPolis.Path)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("before: %v", err)
	}
	_, err := w.Finish(t.Context(), arrival)
	w.ok(err)
	w.move(fromPolis)
	arrival, _ = w.asked(someBrowser())
	w.ok(w.scope().WithdrawAlternate(t.Context(), operator, w.connection.ID, w.connection.Version))
	if _, err := w.Finish(t.Context(), arrival.at(fromPolis.Path)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("afterwards: %v", err)
	}
	w.connection, err = w.scope().Connection(t.Context(), w.connection.ID)
	w.ok(err)
	w.idp.Serve(w.service(w.connection))
	w.signIn(someBrowser())
}

// TestS50_ASharedPathGivesEachConnectionItsOwnMessages: two organizations came from one path and one entity ID. What one's identity provider says
// reaches that one's connection, is judged by its rules and stays in its records, whoever began the login.
func TestS50_ASharedPathGivesEachConnectionItsOwnMessages(t *testing.T) {
	w := newWorld(t)
	w.move(fromPolis)
	victim, victims := w.organization, w.connection
	theirs := w.idp

	mallory := idptest.New(t)
	mallory.At(w.time)
	mallory.EntityID, mallory.Keys = "https://idp.mallory.test", []idptest.Key{idptest.RSAKey("mallory", 2048)}
	owner, err := trust.ParseAddress("owner@mallory.test")
	w.ok(err)
	_, token, err := w.store.Setup(t.Context(), operator, "Mallory", owner)
	w.ok(err)
	_, attackers, err := w.store.SpendWelcome(t.Context(), operator, token, store.Newcomer{Name: "Mallory", Address: owner, PasswordHash: "hash"})
	w.ok(err)
	w.organization, w.idp = attackers, mallory
	w.connection = w.connect(mallory)
	w.move(fromPolis)
	w.verify("mallory.test")

	// Mallory begins a login here, and sends the browser to the victim's identity provider with it: the request looks the same.
	browser := someBrowser()
	arrival, _ := w.asked(browser)
	requests := mallory.Requests()
	stolen := theirs.Answer(w.service(victims), requests[len(requests)-1].ID, w.time())
	arrival.SAMLResponse = stolen.Message()
	w.organization = victim
	refused := w.refuses(trust.ReasonLoginUnknown, w.finish(arrival.at(fromPolis.Path)))
	if refused.OrganizationID != victim.ID {
		t.Errorf("the message was kept by %s", refused.OrganizationID)
	}
	w.organization = attackers
	if _, err := w.scope().Login(t.Context(), refused.LoginID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the other organization reads it: %v", err)
	}
	// Posted to Mallory's own address, it is not for Mallory's connection either.
	native := arrival
	native.ConnectionID, native.Path = w.connection.ID, ""
	w.refuses(trust.ReasonDestination, w.finish(native))

	// A message that names Mallory outside and the victim's identity provider within is judged by Mallory's rules, and is a lie there.
	arrival, answer := w.asked(someBrowser())
	answer.Issuer = theirs.EntityID
	twoFaced := strings.Replace(string(answer.XML()), theirs.EntityID, mallory.EntityID, 1)
	if issuer, refusal := saml.UnverifiedIssuer([]byte(twoFaced)); refusal != nil || issuer != mallory.EntityID {
		t.Fatalf("it names %q (%v)", issuer, refusal)
	}
	answer.Bytes = func([]byte) []byte { return []byte(twoFaced) }
	arrival.SAMLResponse = answer.Message()
	w.refuses(trust.ReasonIssuer, w.finish(arrival.at(fromPolis.Path)))

	// The twins: both organizations' people sign in at the one path.
	for _, one := range []struct {
		of  store.Organization
		at  store.Connection
		idp *idptest.IdP
	}{{victim, victims, theirs}, {attackers, w.connection, mallory}} {
		w.organization, w.connection, w.idp = one.of, one.at, one.idp
		browser := someBrowser()
		if _, err := w.Finish(t.Context(), w.ask(w.begin(browser)).in(browser).at(fromPolis.Path)); err != nil {
			t.Errorf("%s: %v", one.of.Name, err)
		}
	}
}

// TestS46_ATileOfBeforeTheMoveStillWorks: an unsolicited response at the alternate path begins a fresh login, by the same addresses.
func TestS46_ATileOfBeforeTheMoveStillWorks(t *testing.T) {
	w := newWorld(t)
	w.move(fromPolis)
	arrival := w.answered(httptest.NewRequest(http.MethodGet, "https://idp.test/apps/1", nil)).in(someBrowser()).at(fromPolis.Path)
	landing, err := w.Finish(t.Context(), arrival)
	w.ok(err)
	if landing.Departure == nil || landing.Flow.Reveal() == "" {
		t.Fatalf("landed at %+v", landing)
	}
	browser := someBrowser()
	browser.Flow = landing.Flow
	_, err = w.Finish(t.Context(), w.ask(*landing.Departure).in(browser).at(fromPolis.Path))
	w.ok(err)
}

// TestATestOfTheDraftComesToTheDraftsAddress: going over to our own addresses is tried before it is published, while people go on as before.
func TestATestOfTheDraftComesToTheDraftsAddress(t *testing.T) {
	w := newWorld(t)
	w.move(fromPolis)
	w.draft(func(s *store.SAMLSettings) { s.AlternateEntityID, s.AlternateACS = "", "" })
	edited, err := w.scope().EditedConnection(t.Context(), w.connection.ID)
	w.ok(err)
	w.idp.Serve(w.service(w.connection))
	w.idp.Serve(w.service(edited))
	test := func() (Arrival, Browser) {
		browser := someBrowser()
		d, err := w.Begin(t.Context(), Start{ConnectionID: w.connection.ID, Browser: browser, ReturnTo: "/", TestOwnerID: w.owner.ID, TestSessionID: "ses_00000000000000000000000000"})
		w.ok(err)
		return w.ask(d).in(browser), browser
	}
	arrival, _ := test()
	if _, err := w.Finish(t.Context(), arrival); err != nil {
		t.Errorf("the draft's own address: %v", err)
	}
	arrival, _ = test()
	w.refuses(trust.ReasonDestination, w.finish(arrival.at(fromPolis.Path)))
	browser := someBrowser()
	if _, err := w.Finish(t.Context(), w.ask(w.begin(browser)).in(browser).at(fromPolis.Path)); err != nil {
		t.Errorf("a real login meanwhile: %v", err)
	}
}

// TestR01_AnAlternateCallbackIsOneConnections: an answer at the alternate callback is for the connection that has it, and a code that came to
// another address than it was asked for is not exchanged.
func TestR01_AnAlternateCallbackIsOneConnections(t *testing.T) {
	w := newWorld(t)
	w.connectOpenID()
	w.move(store.Alternate{Path: "/api/oauth/oidc"})
	at := func(r Return, path string) Return {
		r.ConnectionID, r.Path = "", path
		return r
	}
	browser := someBrowser()
	departure := w.begin(browser)
	if !strings.Contains(departure.RedirectURL, "redirect_uri=https%3A%2F%2Fgatehouse.test%2Fapi%2Foauth%2Foidc&") {
		t.Errorf("the request leads back to %s", departure.RedirectURL)
	}
	landing, err := w.FinishByOpenID(t.Context(), at(w.comeBack(departure, browser), "/api/oauth/oidc"))
	w.ok(err)
	_, err = w.Complete(t.Context(), Completion{Code: landing.Code, Browser: browser})
	w.ok(err)

	_, err = w.FinishByOpenID(t.Context(), w.comeBack(w.begin(browser), browser))
	w.refusedAs(err, trust.ReasonDestination)
	if _, err = w.FinishByOpenID(t.Context(), at(w.comeBack(w.begin(browser), browser), "/api/oauth/other")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("at another path: %v", err)
	}
}
