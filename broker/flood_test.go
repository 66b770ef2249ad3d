package broker

import (
	"errors"
	"testing"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// What carries no good signature may come from anybody, so a flood of it leaves a number and not a table; what an identity provider has
// signed is recorded each time.
func TestS34_OnlySignedAnswersAreRecordedWithoutBound(t *testing.T) {
	const answers, bound = 35, 30
	for reason, signed := range map[trust.Reason]bool{trust.ReasonSignatureMissing: false, trust.ReasonAudience: true} {
		w := newWorld(t)
		references := map[string]bool{}
		for range answers {
			arrival, answer := w.asked(someBrowser())
			arrival.SAMLResponse = firstLie(t, reason).Tell(w.idp, answer)
			var refused *Refused
			if err := w.finish(arrival)(); !errors.As(err, &refused) || refused.Reason != reason {
				t.Fatalf("%s: %v", reason, err)
			}
			references[refused.LoginID] = true
		}
		if signed && len(references) != answers {
			t.Errorf("%d answers that were signed left %d records", answers, len(references))
		}
		if !signed && len(references) > bound+1 {
			t.Errorf("%d answers that nobody signed left %d records, more than %d and the one that counts", answers, len(references), bound)
		}
	}
}
