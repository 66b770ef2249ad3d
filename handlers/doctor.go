package handlers

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// stepTitles are the names of a login's steps in words; a name that is not here is a title already.
var stepTitles = map[string]string{
	"transport": "How it arrived", "request": "The login that it answers", "structure": "Structure of the message", "signature": "Signature", "certificate": "Certificate",
	"decryption": "Encryption", "assertion": "Statements that must be there", "issuer": "Issuer", "destination": "Destination", "recipient": "Recipient",
	"audience": "Audience", "in_response_to": "Request that it names", "times": "Times and clocks", "second_reading": "Cross-check by a second reader", "subject": "Subject",
	"name_id_format": "NameID format", "attributes": "Everything that was sent", "state": "State of the connection", "email": "Email address",
	"authn_context": "Authentication context", "once": "Used once only", "keys": "Keys of the identity provider", "domain": "Domain", "would": "Person and role, were this a real sign-in",
	"callback": "Who answers", "answer": "Answer", "exchange": "Exchange of the code", "token_type": "Kind of token", "nonce": "Request that it names",
	"token_hash": "Access token beside it", "algorithm": "Way of signing", "userinfo": "Userinfo", "remark": "To know",
	"attribute:email": "Email address", "attribute:name": "Full name", "attribute:given_name": "Given name", "attribute:family_name": "Family name",
	"attribute:groups": "Groups", "attribute:roles": "Roles",
}

// samlSteps and openIDSteps are the checks of a login in their order: what comes behind the one that failed was not checked.
var (
	samlSteps = []string{"transport", "request", "structure", "signature", "decryption", "assertion", "issuer", "destination", "recipient", "audience",
		"in_response_to", "times", "second_reading", "subject", "attributes", "domain", "Person"}
	openIDSteps = []string{"transport", "request", "callback", "exchange", "structure", "algorithm", "signature", "token_type", "issuer", "audience", "times",
		"nonce", "subject", "second_reading", "attributes", "domain", "Person"}
)

// loginSteps are the steps as a timeline. Of a refused login those behind the failing one stand there as not checked.
func loginSteps(all []store.LoginStep, openID bool) ui.Timeline {
	var steps ui.Timeline
	failed := false
	for _, s := range all {
		failed = failed || s.Verdict == store.StepRefused
		steps = append(steps, loginStep(s))
	}
	if !failed {
		return steps
	}
	order := samlSteps
	if openID {
		order = openIDSteps
	}
	reached := -1
	for _, s := range all {
		reached = max(reached, slices.Index(order, s.Name))
	}
	for _, name := range order[reached+1:] {
		steps = append(steps, ui.Step{State: ui.StepWaits, Title: cmp.Or(stepTitles[name], name), Detail: "Not checked"})
	}
	return steps
}

func loginStep(s store.LoginStep) ui.Step {
	own, isOwn := strings.CutPrefix(s.Name, "attribute:own:")
	step := ui.Step{State: ui.StepDone, Title: cmp.Or(stepTitles[s.Name], own, s.Name), Detail: s.Got}
	_, mapped := strings.CutPrefix(s.Name, "attribute:")
	switch {
	case s.Verdict == store.StepRefused:
		step.State, step.Detail, step.Want, step.Got = ui.StepFailed, "", s.Want, s.Got
	case s.Verdict == store.StepNoted && mapped && s.Got == "nothing":
		step.State, step.Detail = ui.StepNoted, "Missing: nothing came in "+s.Want
	case s.Verdict == store.StepNoted && mapped:
		step.State, step.Detail = ui.StepNoted, "Several: "+s.Got+", where one is looked for"
	case s.Verdict == store.StepNoted:
		step.State = ui.StepNoted
	case mapped || isOwn:
		step.Detail = "Arrived: " + s.Got
	}
	return step
}

// mendAt says where a refusal is mended: our setting, the identity provider's menu, or what to do where nothing is to be set.
func (v *visit) mendAt(reason trust.Reason, c store.Connection) views.Mend {
	kind := c.Kind
	if kind == store.ProtocolSAML || kind == store.ProtocolOIDC { // nobody said what it is
		kind = connections.KindOf(c.IdentityProvider())
	}
	place := views.PlaceFor(reason, c.Protocol == store.ProtocolOIDC, kind)
	mend := views.Mend{Menu: place.Theirs, MenuOf: cmp.Or(views.IdentityProviderName(kind), "the identity provider"), Otherwise: place.Otherwise}
	if place.Ours != "" {
		mend.Setting = ui.Link{Text: place.Ours, Href: v.path(place.At(c.ID))}
	}
	return mend
}

// runLoginAgain reads the stored message by the settings as they are now, and shows the new verdict above the old one.
func (v *visit) runLoginAgain() error {
	id := v.id("login")
	rerun, err := v.broker.RunAgain(v.ctx(), v.organization.ID, id)
	switch {
	case errors.Is(err, broker.ErrNotAgain):
		return v.showLoginRecord(http.StatusUnprocessableEntity, fieldProblem("", "This answer cannot be judged again: it stopped before its signature was found good, and codes and signatures are not kept. Run a new test."), loginExtras{})
	case errors.Is(err, store.ErrNotFound):
		if _, known := v.scope.Login(v.ctx(), id); known != nil {
			return known
		}
		return v.showLoginRecord(http.StatusUnprocessableEntity, fieldProblem("", "The message is no longer kept: it is for seven days. Run a new test."), loginExtras{})
	case err != nil:
		return err
	}
	verdict := "it would pass"
	if rerun.Refusal != nil {
		verdict = "it would be refused: " + string(rerun.Refusal.Reason)
	}
	if err := v.scope.NoteRunAgain(v.ctx(), v.actor(), id, verdict); err != nil {
		return err
	}
	return v.showLoginRecord(http.StatusOK, nil, loginExtras{rerun: &rerun})
}

// showLoginMessage shows the stored message whole, once, and records that somebody looked.
func (v *visit) showLoginMessage() error {
	raw, err := v.scope.ShowLoginMessage(v.ctx(), v.actor(), v.id("login"))
	if errors.Is(err, store.ErrNotFound) {
		if _, known := v.scope.Login(v.ctx(), v.id("login")); known != nil {
			return known
		}
		return v.showLoginRecord(http.StatusUnprocessableEntity, fieldProblem("", "The message is no longer kept: it is for seven days."), loginExtras{})
	}
	if err != nil {
		return err
	}
	return v.showLoginRecord(http.StatusOK, nil, loginExtras{whole: saml.Text(raw)})
}

// rerunOf is what a login run again comes to, for its page.
func (v *visit) rerunOf(rerun *broker.Rerun, c store.Connection) *views.Rerun {
	if rerun == nil {
		return nil
	}
	by, would := "the present settings", "now"
	if rerun.Draft {
		by, would = "the draft's settings", "once the draft is published"
	}
	shown := &views.Rerun{Kind: ui.Working, Verdict: "It would pass " + would + ". By " + by + ", every check of the stored message goes well.",
		Steps: loginSteps(rerun.Steps, c.Protocol == store.ProtocolOIDC)}
	if rerun.Refusal != nil {
		shown.Kind, shown.Verdict = ui.Danger, "It would be refused "+would+", too. "+rerun.Refusal.Reason.Sentence()
		shown.Fix, shown.Want, shown.Got = rerun.Refusal.Reason.Fix(), rerun.Refusal.Want, rerun.Refusal.Got
		shown.Mend = v.mendAt(rerun.Refusal.Reason, c)
	}
	return shown
}
