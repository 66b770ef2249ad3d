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

// mayHandshake says whether an unsolicited response is worth reading at all.
func (b *Broker) mayHandshake(ctx context.Context, c store.ProtocolConnection, a Arrival) (*trust.Refusal, error) {
	if c.Settings.IDPInitiated != store.IDPInitiatedHandshake {
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
