package handlers

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
	"github.com/gatehouse-sso/gatehouse/web"
)

// fail is where an error of a console handler becomes a status and words. What nobody foresaw is logged, here and once, and told to the
// visitor as a request id.
func (v *visit) fail(err error) {
	var (
		missing *denied
		bar     *barred
		refused *broker.Refused
		limit   *tooMany
		plan    *store.NotEntitled
	)
	switch {
	case errors.Is(err, errSignIn):
		v.askToSignIn()
	case errors.Is(err, errSignInAgain):
		v.askToSignInAgain()
	case errors.Is(err, errNoSetupLink):
		web.Render(v.w, v.r, http.StatusUnauthorized, views.SetupClosed(views.SetupClosedPage{Page: v.card("Open your setup link")}))
	case errors.Is(err, store.ErrNotFound):
		v.failWith(views.ErrorPage{Status: http.StatusNotFound})
	case errors.Is(err, store.ErrConflict):
		v.failWith(views.ErrorPage{Status: http.StatusConflict})
	case errors.As(err, &missing):
		v.failWith(views.ErrorPage{Status: http.StatusForbidden, Permission: string(missing.permission)})
	case errors.Is(err, errRecovering):
		v.failWith(views.ErrorPage{Status: http.StatusForbidden, Sentence: "A recovery session opens connections, domains and sign-in settings. For anything else, sign in as usual."})
	case errors.Is(err, errNotOpen):
		v.failWith(views.ErrorPage{Status: http.StatusForbidden, Sentence: "You are signed in, and have no part in what is behind this address. Ask whoever sent you there."})
	case errors.Is(err, errOwnCredential):
		v.failWith(views.ErrorPage{Status: http.StatusForbidden, Sentence: "Sign in with your own password or passkey to change this: what a company's identity provider says is not enough."})
	case errors.As(err, &plan):
		v.failWith(views.ErrorPage{Status: http.StatusForbidden, Sentence: capitalized(plan.Error()) + "."})
	case errors.As(err, &bar):
		v.bar(bar)
	case errors.As(err, &refused):
		v.refuse(refused)
	case errors.As(err, &limit):
		v.failWith(limit.page(v.w, v.page("")))
	default:
		v.Log.ErrorContext(v.ctx(), "request failed", "request", web.RequestInfo(v.r).ID, "route", web.RequestInfo(v.r).Route, "error", err)
		v.failWith(views.ErrorPage{Status: http.StatusInternalServerError, RequestID: web.RequestInfo(v.r).ID})
	}
}

// failWith answers with an error page in the frame that the visitor was in.
func (v *visit) failWith(p views.ErrorPage) {
	p.Page = v.page("")
	web.Render(v.w, v.r, p.Status, views.Error(p))
}

// problem answers for everything that goes wrong before or around a handler: no such page, a body too large, a broken template.
func (c *console) problem(w http.ResponseWriter, r *http.Request, status int) {
	page := views.ErrorPage{Page: c.card(""), Status: status}
	if status >= http.StatusInternalServerError {
		page.RequestID = web.RequestInfo(r).ID
	}
	web.Render(w, r, status, views.Error(page))
}

// refuse tells a person that their login was refused: one sentence, and the reference under which an admin finds the rest. An owner who
// runs a test goes to the whole story at once.
func (v *visit) refuse(refused *broker.Refused) {
	if refused.Test && (v.signedIn() || refused.ByLink) {
		web.Redirect(v.w, v.r, testPath(refused))
		return
	}
	if refused.Waiting.ID != "" {
		v.showWaiting(refused)
		return
	}
	web.Render(v.w, v.r, refusalStatus(refused), views.Problem(refusal(v.card("Sign-in refused"), refused)))
}

// testPath is the page about a refused test, for whoever runs it.
func testPath(refused *broker.Refused) string {
	if refused.ByLink {
		return setupTestPath(refused.LoginID)
	}
	return loginRecordPath(refused.OrganizationID, refused.LoginID)
}

// refusalStatus is 400 for what is no message at all, and 403 for a message that was refused.
func refusalStatus(refused *broker.Refused) int {
	switch refused.Reason {
	case trust.ReasonEncoding, trust.ReasonNotXML:
		return http.StatusBadRequest
	case trust.ReasonTooLarge:
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusForbidden
}

// refusal is the page about a refused login, the same wherever it was refused.
func refusal(page views.Page, refused *broker.Refused) views.ProblemPage {
	return views.ProblemPage{Page: page, Sentence: refused.Reason.Sentence(), Help: helpWith[refused.Reason.Party()], Reference: refused.LoginID}
}

// helpWith says who can do something about a refusal.
var helpWith = map[trust.Party]string{
	trust.PartyOurAdmin:   "Your organization's administrator can mend this here. Send them this reference.",
	trust.PartyTheirAdmin: "Your company's IT team can mend this in their identity provider. Send them this reference.",
	trust.PartyPerson:     "If it happens again, send this reference to your organization's administrator.",
	trust.PartyUs:         "Try again in a moment. If it happens again, send this reference to support.",
}

// bar tells a member why the organization stays shut, and which way leads in.
func (v *visit) bar(b *barred) {
	page := views.BarredPage{Page: v.page("Sign in to continue")} // with the notice of the act that shut it, if it was the visitor's own
	scope := v.store.In(b.organization)
	organization, err := scope.Organization(v.ctx())
	if err != nil {
		v.fail(err)
		return
	}
	if b.verdict.Why == access.WhyOutlived && !v.reads() {
		v.resume(views.ResumePage{Page: v.card("Sign in again"), For: organization.Name, SignIn: "/login"})
		return
	}
	page.Organization, page.SignIn, page.Outlived = organization.Name, v.signInPath(), b.verdict.Why == access.WhyOutlived
	page.Required = b.verdict.Why == access.WhySSORequired
	page.Suspended = !page.Required && !page.Outlived && b.verdict.Why != access.WhyNoProof
	connections, err := scope.ActiveConnections(v.ctx())
	if err != nil {
		v.fail(err)
		return
	}
	for _, c := range connections {
		if !slices.Contains(b.connections, c.ID) {
			continue
		}
		page.Connections = append(page.Connections, ui.Link{Text: "Continue with " + c.Name, Href: loginPath(c.ID, v.back())})
	}
	web.Render(v.w, v.r, http.StatusForbidden, views.Barred(page))
}

// tooMany asks to come back later.
type tooMany struct{ seconds int }

func (t *tooMany) Error() string { return "too many tries" }

// page says so to the person, and to programs in a header.
func (t *tooMany) page(w http.ResponseWriter, page views.Page) views.ErrorPage {
	w.Header().Set("Retry-After", strconv.Itoa(t.seconds))
	return views.ErrorPage{Page: page, Status: http.StatusTooManyRequests, RetryAfter: strconv.Itoa(t.seconds) + " seconds"}
}

// problemOf turns what the store found wrong with a form into words beside its fields; nil when err is something else.
func problemOf(err error) *ui.Problem {
	if errors.Is(err, store.ErrRolesFromIDP) {
		return &ui.Problem{Fields: []ui.FieldError{{Message: "Roles come from the identity provider in this organization, at every sign-in. Change them there, or by the rules under Sign-in, Roles. Somebody whom it does not know can be removed and invited with other roles."}}}
	}
	var invalid *store.Invalid
	if !errors.As(err, &invalid) {
		var found *saml.Problem
		if errors.As(err, &found) {
			return &ui.Problem{Fields: []ui.FieldError{{Message: found.Sentence}}}
		}
		return nil
	}
	problem := &ui.Problem{}
	for _, f := range invalid.Fields {
		problem.Fields = append(problem.Fields, ui.FieldError{Field: f.Field, Message: f.Problem})
	}
	return problem
}

// fieldProblem is a problem with one field.
func fieldProblem(field, sentence string) *ui.Problem {
	return &ui.Problem{Fields: []ui.FieldError{{Field: field, Message: sentence}}}
}
