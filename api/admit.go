package api

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/web"
)

// call is one request: what is asked for, who asks, and what they may do where they ask it.
type call struct {
	*API
	op     operation
	r      *http.Request
	ctx    context.Context
	token  secret.Token // not judged before the body has come
	caller store.ServiceAccountSnapshot

	operator store.OperatorToken // in place of the caller, on operations that ask for one

	organization store.Organization
	scope        *store.Scope
	may          access.Permissions

	// On operations within a project:
	project   store.Project
	inProject access.Permissions
}

type callKey struct{}

// admit is the door of an operation: nobody gets past it but who may, and nothing in the body is looked at before.
func (a *API) admit(op operation) func(huma.Context, func(huma.Context)) {
	return func(h huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(h)
		c := &call{API: a, op: op, r: r, ctx: r.Context()}
		body, err := c.enter()
		if err == nil {
			err = c.goOn(w, body, func(w http.ResponseWriter) { next(humago.NewContext(h.Operation(), c.request(body), w)) })
		}
		if err != nil {
			c.problemOf(err).answer(w, r)
		}
	}
}

// request is the one that came, to be read again, with the call in its context.
func (c *call) request(body []byte) *http.Request {
	r := c.r.WithContext(context.WithValue(c.ctx, callKey{}, c))
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r
}

// enter refuses whoever may not, then what cannot be read. A body may take its time: who may what is judged once its last byte has come, so that
// nobody acts with what was taken from them while they sent it. Whoever shows no credential has no body read.
func (c *call) enter() ([]byte, error) {
	if err := c.present(); err != nil {
		return nil, err
	}
	body, err := c.readBody()
	if err != nil {
		return nil, err
	}
	steps := []func() error{c.recognize, c.enterOrganization, c.hold, c.checkForm}
	if c.op.operator {
		steps = []func() error{c.recognizeOperator, c.checkForm}
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return body, nil
}

// readBody reads all of it, within the limits of the route in bytes and of the server in time.
func (c *call) readBody() ([]byte, error) {
	body, err := io.ReadAll(c.r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, problem(http.StatusRequestEntityTooLarge, "", "")
	case err != nil:
		return nil, problem(http.StatusBadRequest, "", "The body did not arrive whole.")
	}
	return body, nil
}

// present looks for the one credential, and asks nobody whose it is. A cookie is no credential here, nor is an API key. Too many unknown ones
// from this address prefix lately, and none is looked at.
func (c *call) present() error {
	if strings.Contains(c.r.URL.RawQuery, "gate_") {
		return problem(http.StatusBadRequest, "credential_in_query", "There is a credential in the query string. Revoke or rotate it: it may have been logged on the way.")
	}
	credentials := append(c.r.Header.Values("Authorization"), c.r.Header.Values("Api-Key")...)
	if len(credentials) > 1 {
		return problem(http.StatusBadRequest, "several_credentials", "Send exactly one credential.")
	}
	scheme, text, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if text = strings.TrimSpace(text); !strings.EqualFold(scheme, "Bearer") {
		text = strings.TrimSpace(c.r.Header.Get("Api-Key"))
	}
	if _, err := secret.ParseKeyText(text); err == nil {
		return problem(http.StatusForbidden, "api_key_not_accepted", "An API key cannot call the admin API. Send a service account's token: Authorization: Bearer gate_sva_….")
	}
	if len(c.r.Header.Values("Api-Key")) > 0 || text == "" {
		return unauthorized("token_missing", "Send a service account's token: Authorization: Bearer gate_sva_….", "Bearer")
	}
	c.token = secret.TokenOf(text)
	if prefix := c.prefix(); !c.guesses.Allowed(prefix) {
		return problem(http.StatusTooManyRequests, "", "Too many unknown tokens came from this network.").after(c.guesses.RetryAfter(prefix))
	}
	return nil
}

func (c *call) prefix() string { return web.ClientPrefix(c.r) }

// recognize asks the gate who the token's service account is.
func (c *call) recognize() error {
	caller, known, err := c.Gate.Caller(c.ctx, c.token)
	if err != nil {
		return err
	}
	if !known {
		if operators, err := c.isOperators(); err != nil || operators {
			return cmp.Or(err, error(problem(http.StatusForbidden, "service_account_needed", "An operator token makes, lists and suspends organizations, and opens none. Send the token of one of its service accounts.")))
		}
		c.guesses.Allow(c.prefix())
		return errUnknownToken()
	}
	// Whose token it is comes from memory; what they may do is read, so that what was given or taken a moment ago counts.
	c.caller, err = c.Store.ServiceAccountByID(c.ctx, caller.ID)
	if errors.Is(err, store.ErrNotFound) {
		return errUnknownToken()
	}
	return err
}

func errUnknownToken() error {
	return unauthorized("token_unknown", "This token is no service account's, or no longer.", `Bearer error="invalid_token"`)
}

func unauthorized(code, detail, challenge string) error {
	p := problem(http.StatusUnauthorized, code, detail)
	p.header = http.Header{"Www-Authenticate": {challenge}}
	return p
}

// enterOrganization finds the organization of the path: the service account's own, and no other exists for it.
func (c *call) enterOrganization() error {
	if c.r.PathValue("organization") != c.caller.OrganizationID {
		return store.ErrNotFound
	}
	c.scope = c.Store.In(c.caller.OrganizationID)
	if c.caller.OrganizationSuspended {
		return errUnknownToken() // suspended since the gate, which knows such tokens no more, said whose it is
	}
	var err error
	if c.organization, err = c.scope.Organization(c.ctx); err != nil {
		return err
	}
	for _, entitlement := range []access.Entitlement{access.EntitledServiceAccounts, c.op.entitlement} {
		if entitlement != "" && !c.organization.Has(entitlement) {
			return notEntitled(entitlement)
		}
	}
	c.may = access.Organization(c.caller.Roles)
	return nil
}

// hold refuses who lacks the permission that the operation asks for. A project in which the service account has no role looks like none.
func (c *call) hold() error {
	holds := c.may
	if c.op.inProject {
		project, err := c.scope.Project(c.ctx, c.r.PathValue("project"))
		if err != nil {
			return err
		}
		c.project, c.inProject = project, access.Project(c.caller.ProjectRoles[project.ID], c.isOwner())
		if holds = c.inProject; !holds.Has(access.ViewProject) {
			return store.ErrNotFound
		}
	}
	if !holds.Has(c.op.permission) {
		return denied(c.op.permission)
	}
	return nil
}

// checkForm refuses, before anything is done, what the form of this operation does not have.
func (c *call) checkForm() error {
	for name, values := range c.r.URL.Query() {
		for _, text := range append(values, name) {
			if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				return mistake("", "the query string is not text in UTF-8")
			}
		}
		if len(values) > 1 {
			return mistake(name, "stands more than once")
		}
	}
	if c.op.versioned && len(c.r.Header.Values("If-Match")) == 0 {
		return problem(http.StatusPreconditionRequired, "if_match_missing", "Send If-Match with the ETag that you read, so that nobody's change is lost; * for whatever is there.")
	}
	return nil
}

// isOwner reports whether the service account owns the organization, and every project with it.
func (c *call) isOwner() bool { return slices.Contains(c.caller.Roles, access.OrgOwner) }

// actor is who is recorded for what this call changes.
func (c *call) actor() audit.Actor {
	info := web.RequestInfo(c.r)
	if c.op.operator {
		return audit.Actor{Kind: audit.Operator, ID: c.operator.ID, Name: c.operator.Name,
			Request: audit.Request{ID: info.ID, Address: info.Address.String(), UserAgent: info.UserAgent}}
	}
	return audit.Actor{Kind: audit.ServiceAccount, ID: c.caller.ID, Name: c.caller.Name,
		Request: audit.Request{ID: info.ID, Address: info.Address.String(), UserAgent: info.UserAgent}}
}
