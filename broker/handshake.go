package broker

import (
	"context"
	"time"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// ignoredWithin is how soon a second unsolicited response on the same browser and connection shows that the identity provider answers our
// request with another unsolicited response: going on would send the browser round in circles.
const ignoredWithin = 60 * time.Second

// mayArriveUnasked says whether an unsolicited response is worth reading at all.
func (b *Broker) mayArriveUnasked(ctx context.Context, c store.ProtocolConnection, a Arrival) (*trust.Refusal, error) {
	switch c.Settings.IDPInitiated {
	case store.IDPInitiatedAccept:
		return nil, nil
	case store.IDPInitiatedHandshake:
	default:
		return trust.Refuse(trust.ReasonUnsolicited, "an answer to a request of ours", "a response without InResponseTo"), nil
	}
	if a.Browser.Flow.Reveal() == "" {
		return nil, nil
	}
	again, err := b.store.RecentHandshake(ctx, c.ID, a.Browser.Flow, b.now().Add(-ignoredWithin))
	if err != nil {
		return nil, err
	}
	if again {
		return trust.Refuse(trust.ReasonIDPIgnoresRequests, "an answer to the request that we have just sent", "another response without InResponseTo"), nil
	}
	return nil, nil
}

// handshake spends an unsolicited response that was found in order and uses it as a hint only: with that it begins a fresh login at the same
// identity provider, which knows the person and asks them nothing. What an attacker could gain by planting a response in somebody else's
// browser is gone with that: the session comes from an answer to a request of this very browser.
func (b *Broker) handshake(ctx context.Context, c store.ProtocolConnection, a Arrival, seen attempt) (Landing, *trust.Refusal, error) {
	if seen.browser.Flow.Reveal() == "" {
		seen.browser.Flow = secret.NewToken()
	}
	departure, err := b.depart(ctx, c, Start{
		ConnectionID: c.ID, Browser: seen.browser, ReturnTo: a.ReturnTo,
		unsolicited: store.Unsolicited{AssertionID: seen.claim.AssertionID, SpentUntil: seen.claim.SpentUntil()},
	})
	if refusal, err := refusalIn(err); refusal != nil || err != nil {
		return Landing{}, refusal, err
	}
	return Landing{Departure: &departure, Flow: seen.browser.Flow}, nil, nil
}

// acceptUnasked takes an unsolicited response for what it says (S-46): the login begins with it, in the browser that posted it, and goes on as any
// other does, by a code that works in that browser alone. Its assertion is spent, so it works once on all nodes. What the handshake would prevent
// is left to the connection's owner: whoever holds a fresh response of their own can make somebody else's browser post it, which is then signed in
// as them (login CSRF). Against that stands only that a browser in which somebody else is signed in asks before it changes hands.
func (b *Broker) acceptUnasked(ctx context.Context, c store.ProtocolConnection, a Arrival, identity trust.Identity, seen attempt) (Landing, *trust.Refusal, error) {
	if seen.browser.Flow.Reveal() == "" {
		seen.browser.Flow = secret.NewToken()
	}
	seen.passDomain(identity)
	login := newLogin(c, Start{ConnectionID: c.ID, Browser: seen.browser, ReturnTo: a.ReturnTo, StartedBy: store.StartedThere})
	login.Relay = secret.NewToken() // no answer is waited for
	code := secret.NewToken()
	err := b.store.AcceptUnsolicited(ctx, login, store.Accepted{
		AssertionID: seen.claim.AssertionID, SpentUntil: seen.claim.SpentUntil(), Identity: identity, Steps: seen.steps, Raw: seen.raw, Code: code,
	})
	if refusal, err := refusalIn(err); refusal != nil || err != nil {
		return Landing{}, refusal, err
	}
	return Landing{Code: code, Flow: seen.browser.Flow}, nil, nil
}
