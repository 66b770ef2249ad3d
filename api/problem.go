package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/gate"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/web"
)

// Problem is what is answered when something is wrong (RFC 9457).
type Problem struct {
	Title       string    `json:"title" doc:"The status in words."`
	Status      int       `json:"status"`
	Code        string    `json:"code" doc:"What is wrong, for programs; stable."`
	Detail      string    `json:"detail,omitempty" doc:"What is wrong and what to do about it, for people."`
	Permission  string    `json:"permission,omitempty" doc:"The permission that is missing (403)."`
	Entitlement string    `json:"entitlement,omitempty" doc:"What the organization's plan does not have (403)."`
	Request     string    `json:"request,omitempty" doc:"The request's id, also in the header X-Request-Id: say it when you ask for help."`
	Errors      []Mistake `json:"errors,omitempty" nullable:"false" doc:"Everything that is wrong with the request, all at once (422)."`

	header http.Header
}

// Mistake is what is wrong with one part of a request.
type Mistake struct {
	Field  string `json:"field" doc:"The member of the body, the parameter or the header; empty for the request as a whole."`
	Detail string `json:"detail"`
}

func (p *Problem) Error() string { return p.Code }

// GetStatus, GetHeaders and ContentType are what huma asks of an error.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are sent with it.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType is RFC 9457's.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// problem makes one; what is empty follows from the status.
func problem(status int, code, detail string) *Problem {
	title := http.StatusText(status)
	return &Problem{Title: title, Status: status, Code: cmp.Or(code, strings.ReplaceAll(strings.ToLower(title), " ", "_")), Detail: detail}
}

// after asks to come back later.
func (p *Problem) after(seconds int) *Problem {
	p.header = http.Header{"Retry-After": {strconv.Itoa(seconds)}}
	return p
}

// answer writes it.
func (p *Problem) answer(w http.ResponseWriter, r *http.Request) {
	p.Request = web.RequestInfo(r).ID
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	text, _ := json.Marshal(p) // strings and numbers always encode
	_, _ = w.Write(text)
}

// answerProblem is the [web.Problem] of these routes.
func answerProblem(w http.ResponseWriter, r *http.Request, status int) {
	problem(status, "", "").answer(w, r)
}

// denied says which permission is missing.
func denied(permission access.Permission) *Problem {
	p := problem(http.StatusForbidden, "permission_missing", "This service account lacks the permission "+string(permission)+".")
	p.Permission = string(permission)
	return p
}

// notEntitled says what the organization's plan lacks.
func notEntitled(entitlement access.Entitlement) *Problem {
	p := problem(http.StatusForbidden, "entitlement_required", "The plan of this organization does not include this.")
	p.Entitlement = string(entitlement)
	return p
}

// words are the errors of the store that have words of their own here.
var words = []struct {
	err    error
	status int
	code   string
	detail string
}{
	{store.ErrNotFound, http.StatusNotFound, "not_found", "There is nothing here, or nothing that this service account may know of."},
	{store.ErrLastOwner, http.StatusConflict, "last_owner", "This is the last owner who can sign in. Make somebody else an owner first."},
	{store.ErrLastBreakGlass, http.StatusConflict, "last_break_glass", "Single sign-on is required, and no other break-glass owner gets in when the identity provider fails. Name another owner who has a passkey or recovery codes first, or stop requiring single sign-on."},
	{store.ErrRolesFromIDP, http.StatusConflict, "roles_from_identity_provider", "Roles come from the identity provider in this organization, at every sign-in. Change them there, or by the rules of the sign-in policy."},
	{store.ErrEnforced, http.StatusConflict, "sign_in_enforced", "Single sign-on is required, and this is part of the way in. Stop requiring it first."},
	{store.ErrProjectsLeft, http.StatusConflict, "projects_left", "The organization still has projects. Delete them first."},
	{store.ErrDomainTaken, http.StatusConflict, "domain_taken", "Another organization has verified this domain."},
	{store.ErrKeyReused, http.StatusUnprocessableEntity, "idempotency_key_reused", "This Idempotency-Key came with another request in the last 24 hours. Choose a new one for each request."},
}

// problemOf is where an error becomes a status and words. What nobody foresaw is logged, here and once.
func (c *call) problemOf(err error) *Problem {
	var known *Problem
	var invalid *store.Invalid
	var plan *store.NotEntitled
	var often *store.TooMany
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &plan):
		return notEntitled(plan.Entitlement)
	case errors.As(err, &often):
		return problem(http.StatusTooManyRequests, "limit_reached", often.Error())
	case errors.As(err, &invalid):
		return invalidFields(invalid)
	case errors.Is(err, store.ErrConflict) && c.op.versioned:
		return problem(http.StatusPreconditionFailed, "version_moved", "It has changed since it was read. Read it again and decide anew.")
	case errors.Is(err, store.ErrConflict):
		return problem(http.StatusConflict, "conflict", "It is not in a state in which this can be done.")
	case errors.Is(err, store.ErrUnderWay):
		return problem(http.StatusConflict, "idempotency_under_way", "The same request is being carried out. If this goes on, it was carried out and its answer is lost: look at the list.").after(1)
	case errors.Is(err, gate.ErrCutOff):
		return problem(http.StatusServiceUnavailable, "", "It cannot be told at present which tokens are good.").after(1)
	}
	for _, w := range words {
		if errors.Is(err, w.err) {
			return problem(w.status, w.code, w.detail)
		}
	}
	info := web.RequestInfo(c.r)
	c.Log.ErrorContext(c.ctx, "request failed", "request", info.ID, "route", info.Route, "error", err)
	return problem(http.StatusInternalServerError, "", "Something went wrong on our side. Say the request's id when you ask for help.")
}

func invalidFields(invalid *store.Invalid) *Problem {
	p := problem(http.StatusUnprocessableEntity, "invalid", "The request is not as it must be: see errors.")
	for _, f := range invalid.Fields {
		p.Errors = append(p.Errors, Mistake{f.Field, f.Problem})
	}
	return p
}

// mistake is a problem with one field.
func mistake(field, detail string) error {
	return &store.Invalid{Fields: []store.FieldProblem{{Field: field, Problem: detail}}}
}

// init gives what huma itself finds wrong the same form. This is the only room that uses huma, whose settings of this kind are global.
func init() {
	huma.ValidateStrictCasing = true
	huma.DefaultArrayNullable = false
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError { return foundByHuma(status, errs) }
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		r, _ := humago.Unwrap(ctx)
		p := foundByHuma(status, errs)
		p.Request = web.RequestInfo(r).ID
		return p
	}
}

// foundByHuma never repeats the value that is wrong: it may be a secret in the wrong place.
func foundByHuma(status int, errs []error) *Problem {
	p := problem(status, "", "")
	switch status {
	case http.StatusUnprocessableEntity:
		p.Code, p.Detail = "invalid", "The request is not as it must be: see errors."
	case http.StatusBadRequest:
		p.Code, p.Detail = "not_json", "Send one JSON object, in UTF-8, whose members stand once each."
	}
	for _, err := range errs {
		var detail *huma.ErrorDetail
		if errors.As(err, &detail) {
			p.Errors = append(p.Errors, mistakeOf(detail))
		}
	}
	slices.SortStableFunc(p.Errors, func(a, b Mistake) int { return cmp.Compare(a.Field, b.Field) })
	return p
}

// maxFieldName is how much of the name of a member that we do not know is repeated.
const maxFieldName = 80

// mistakeOf names the field as the caller knows it.
func mistakeOf(d *huma.ErrorDetail) Mistake {
	_, field, _ := strings.Cut(d.Location, ".")
	detail := d.Message
	if missing, found := strings.CutPrefix(detail, "expected required property "); found {
		field, detail = strings.TrimPrefix(field+"."+strings.TrimSuffix(missing, " to be present"), "."), "is missing"
	}
	if len(field) > maxFieldName {
		field = strings.ToValidUTF8(field[:maxFieldName], "") + "…"
	}
	if strings.HasPrefix(detail, "json: ") {
		detail = "cannot be read"
	}
	return Mistake{field, detail}
}
