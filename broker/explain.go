package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// stepsRefusing are the checks that a refusal belongs to where it was not found while the message was read. Every refused login has one check
// that failed; whoever reads how it went sees where it stopped.
var stepsRefusing = map[trust.Reason]string{
	trust.ReasonBadRequest: "transport", trust.ReasonEncoding: "transport", trust.ReasonTooLarge: "transport",
	trust.ReasonNotXML: "structure", trust.ReasonForbiddenXML: "structure", trust.ReasonNotAResponse: "structure",
	trust.ReasonLoginUnknown: "request", trust.ReasonLoginExpired: "request", trust.ReasonSettingsChanged: "request", trust.ReasonOtherBrowser: "request", trust.ReasonUnsolicited: "request",
	trust.ReasonIDPIgnoresRequests: "request", trust.ReasonReplayed: "once", trust.ReasonIDPUnreachable: "keys",
	trust.ReasonTestOnly: "state", trust.ReasonConnectionNotActive: "state", trust.ReasonOrganizationSuspended: "state",
	trust.ReasonEmailMissing: "email", trust.ReasonEmailNotCanonical: "email", trust.ReasonEmailSeveralValues: "email", trust.ReasonAuthnContext: "authn_context",
	trust.ReasonIssuer: "issuer", trust.ReasonSubjectTransient: "name_id_format", trust.ReasonSubjectMissing: "subject",
	trust.ReasonExpired: "times", trust.ReasonNotYetValid: "times", trust.ReasonResponseExpired: "times",
}

// pass notes a check that the broker itself made.
func (a *attempt) pass(name, want, got string) {
	a.steps = append(a.steps, store.LoginStep{Name: name, Verdict: store.StepPassed, Want: want, Got: got})
}

// explained are the steps of a login that was refused, the last of them the one that failed.
func (a attempt) explained(refusal *trust.Refusal) []store.LoginStep {
	if last := len(a.steps) - 1; last >= 0 && a.steps[last].Verdict == store.StepRefused {
		return a.steps
	}
	name, known := stepsRefusing[refusal.Reason]
	if !known {
		name = string(refusal.Reason)
	}
	return append(a.steps[:len(a.steps):len(a.steps)], store.LoginStep{Name: name, Verdict: store.StepRefused, Want: refusal.Want, Got: refusal.Got})
}

// passRequest notes which login the message answers, or that it answers none.
func (a *attempt) passRequest(now time.Time) {
	if a.login == nil {
		a.pass("request", "an answer to a request of ours, or a sign-in from the identity provider's dashboard", "none: it came from the identity provider's dashboard")
		return
	}
	a.pass("request", "an answer to a login that this browser began here", "the login begun at "+a.login.CreatedAt.Format("15:04:05 UTC")+", "+
		seconds(now.Sub(a.login.CreatedAt))+" before")
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.0f s", d.Seconds()) }

// passDomain says whether the address that came may make or match a person here.
func (a *attempt) passDomain(identity trust.Identity) {
	const want = "an address on a verified domain that this connection serves"
	step := store.LoginStep{Name: "domain", Verdict: store.StepNoted, Want: want, Got: "no address came"}
	switch address := identity.Address(); {
	case identity.OnVerifiedDomain():
		step.Verdict, step.Got = store.StepPassed, address.Domain()
	case !address.IsZero():
		step.Got = address.Domain() + " is not one: the address counts for nothing, and only somebody who is linked already can sign in"
	}
	a.steps = append(a.steps, step)
}

// foresee adds to a test what the person would become, were it a real login. That nobody could be found out is told as such and ends no test.
func (b *Broker) foresee(ctx context.Context, identity trust.Identity, seen *attempt) error {
	steps, refusal, err := b.store.Rehearse(ctx, identity)
	if err != nil {
		return fmt.Errorf("foresee whom a test would let in: %w", err)
	}
	if refusal != nil {
		steps = []store.LoginStep{{Name: "would", Verdict: store.StepNoted, Want: refusal.Want, Got: "a real sign-in would be refused: " + refusal.Reason.Sentence()}}
	}
	seen.steps = append(seen.steps, steps...)
	return nil
}
