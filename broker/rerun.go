package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-sso/gatehouse/oidc"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// ErrNotAgain is a login whose answer cannot be judged a second time: what it stopped at needs a browser, or a signature that is not kept.
var ErrNotAgain = errors.New("this answer cannot be judged again")

// Rerun is what a stored message comes to when it is read once more: words for an admin, and nothing that anybody could sign in with. Refusal is
// nil where it would pass.
type Rerun struct {
	Steps   []store.LoginStep
	Refusal *trust.Refusal
	Draft   bool // by settings that are not published yet
}

// RunAgain reads the stored message of one of the organization's logins by its connection's draft or, where there is none, by the live settings, by
// the same code as when it arrived and as at that time. Nothing is spent, nothing is written, nobody is called, and whoever it names comes to nothing: the Identity that
// [trust.Decide] may return ends here. It returns store.ErrNotFound where there is no such login, or its message is no longer kept, and
// [ErrNotAgain].
func (b *Broker) RunAgain(ctx context.Context, organization, loginID string) (Rerun, error) {
	scope := b.store.In(organization)
	login, err := scope.Login(ctx, loginID)
	if err != nil {
		return Rerun{}, err
	}
	raw, at, err := scope.LoginArrival(ctx, loginID)
	if err != nil {
		return Rerun{}, err
	}
	connection, err := b.store.ConnectionByID(ctx, login.ConnectionID)
	if err != nil {
		return Rerun{}, err
	}
	if connection.DraftID != "" {
		if connection, err = b.store.AtVersion(ctx, connection, connection.DraftID); err != nil {
			return Rerun{}, err
		}
	}
	rerun, err := b.runAgain(ctx, connection, login, raw, at)
	rerun.Draft = connection.IsDraft()
	return rerun, err
}

func (b *Broker) runAgain(ctx context.Context, c store.ProtocolConnection, login store.Login, raw []byte, at time.Time) (Rerun, error) {
	seen := attempt{login: &login, test: login.Kind == store.TestLogin, raw: raw}
	read := b.readAgain
	if c.Protocol == store.ProtocolOIDC {
		read = b.readAgainByOpenID
	}
	policy, refusal, err := read(c, &seen, at)
	if err != nil {
		return Rerun{}, err
	}
	policy.TestOnly = c.State == store.ConnectionDraft // a draft of an active connection is asked about as if it were published
	var identity trust.Identity
	if refusal == nil {
		seen.claim.ConnectionID = c.ID
		identity, refusal = trust.Decide(policy, seen.claim, at)
	}
	if refusal != nil {
		return Rerun{Steps: seen.explained(refusal), Refusal: refusal}, nil
	}
	seen.passDomain(identity)
	if seen.test {
		err := b.foresee(ctx, identity, &seen)
		return Rerun{Steps: seen.steps}, err
	}
	steps, refusal, err := b.store.Rehearse(ctx, identity)
	if err != nil {
		return Rerun{}, fmt.Errorf("run login %s again: %w", login.ID, err)
	}
	if refusal != nil {
		steps = []store.LoginStep{{Name: "would", Verdict: store.StepRefused, Want: refusal.Want, Got: refusal.Got}}
	}
	return Rerun{Steps: append(seen.steps, steps...), Refusal: refusal}, nil
}

// readAgain reads a SAML response. Which browser brought it, and whether it was used, is not asked again.
func (b *Broker) readAgain(c store.ProtocolConnection, seen *attempt, at time.Time) (trust.Policy, *trust.Refusal, error) {
	header, refusal := saml.UnverifiedHeader(seen.raw)
	if refusal != nil {
		return trust.Policy{}, refusal, nil
	}
	want := saml.Expectation{RequestID: header.InResponseTo}
	switch {
	case header.InResponseTo == "" && c.Settings.IDPInitiated == store.IDPInitiatedOff:
		return trust.Policy{}, trust.Refuse(trust.ReasonUnsolicited, "an answer to a request of ours", "a response without InResponseTo"), nil
	case header.InResponseTo == "":
		want.AllowUnsolicited = true
	case seen.login.RequestID != "":
		want.RequestID = seen.login.RequestID
	}
	sp, err := b.serviceProvider(c)
	if err != nil {
		return trust.Policy{}, nil, err
	}
	claim, steps, refusal := saml.Read(sp, seen.raw, want, at)
	seen.claim, seen.steps = claim, append(seen.steps, stepsOf(steps)...)
	return b.policy(c, want, *seen), refusal, nil
}

// readAgainByOpenID reads the kept claims of an ID token. Its signature is not kept: it must have been good when the token came.
func (b *Broker) readAgainByOpenID(c store.ProtocolConnection, seen *attempt, at time.Time) (trust.Policy, *trust.Refusal, error) {
	party, err := b.relyingParty(c)
	if err != nil {
		return trust.Policy{}, nil, err
	}
	signed := slices.ContainsFunc(seen.login.Steps, func(s store.LoginStep) bool { return s.Name == "signature" && s.Verdict == store.StepPassed })
	reading, refusal, err := party.Reread(seen.raw, at)
	switch {
	case errors.Is(err, oidc.ErrNothingKept), err == nil && !signed && (refusal == nil || refusal.Reason != trust.ReasonIDPErrorStatus):
		return trust.Policy{}, nil, ErrNotAgain
	case err != nil:
		return trust.Policy{}, nil, fmt.Errorf("read the answer of login %s again: %w", seen.login.ID, err)
	}
	seen.claim, seen.steps = reading.Claim, append(seen.steps, stepsOfOpenID(reading.Steps)...)
	return b.openIDPolicy(c, reading.Claim.InResponseTo, *seen), refusal, nil
}
