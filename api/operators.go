package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// operatorToken stands where the operations of organizations name a permission.
const operatorToken access.Permission = "operator token"

func (a *API) operatorOperations() {
	const single = "/{organization}"
	in := func(op operation) operation {
		op.noun, op.permission, op.operator = "Organizations", operatorToken, true
		return op
	}
	add(a, in(operation{id: "list-organizations", method: http.MethodGet,
		summary: "List organizations", about: "All of the installation, the oldest first."}), (*call).organizations)
	add(a, in(operation{id: "create-organization", method: http.MethodPost, status: http.StatusCreated,
		summary: "Create an organization", about: "With a one-time link by which the person with the address becomes its first owner, within the hour. Sent again before anybody followed the link, the answer holds another link to the same organization."}), (*call).createOrganization)
	add(a, in(operation{id: "suspend-organization", method: http.MethodPost, path: single + "/suspend",
		summary: "Suspend an organization", about: "Within a second everybody, every API key and every service account of it is refused. It may be repeated."}), (*call).suspendOrganization)
	add(a, in(operation{id: "resume-organization", method: http.MethodPost, path: single + "/resume",
		summary: "End an organization's suspension", about: "It may be repeated."}), (*call).resumeOrganization)
	add(a, in(operation{id: "set-plan", method: http.MethodPut, path: single + "/plan",
		summary: "Set an organization's plan", about: "What the plan includes holds from now on; what was made under the one before stays."}), (*call).setPlan)
}

// OperatedOrganization is an organization as the operator sees it.
type OperatedOrganization struct {
	ID          string      `json:"id" example:"org_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	Name        string      `json:"name"`
	Plan        access.Plan `json:"plan"`
	SuspendedAt *time.Time  `json:"suspended_at,omitempty"`
	CreatedAt   time.Time   `json:"created_at"`
}

// OneOrganization is the answer with one of them.
type OneOrganization struct{ Body OperatedOrganization }

func showOperated(o store.Organization) OperatedOrganization {
	return OperatedOrganization{o.ID, o.Name, o.Plan, utc(o.SuspendedAt), o.CreatedAt.UTC()}
}

// recognizeOperator finds out whose operator token it is. A service account's token is good, but not for this.
func (c *call) recognizeOperator() error {
	var err error
	if c.operator, err = c.Store.OperatorTokenOf(c.ctx, c.token); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	_, known, err := c.Gate.Caller(c.ctx, c.token)
	switch {
	case err != nil:
		return err
	case known:
		return problem(http.StatusForbidden, "operator_token_needed", "This asks for an operator token, gate_opr_…, which is made in the operator's shell: gatehouse operator-tokens create.")
	}
	c.guesses.Allow(c.prefix())
	return errUnknownToken()
}

// isOperators says whether the token is a live operator's, which opens no organization.
func (c *call) isOperators() (bool, error) {
	if _, err := secret.ParseOperatorText(c.token.Reveal()); err != nil {
		return false, nil
	}
	_, err := c.Store.OperatorTokenOf(c.ctx, c.token)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (c *call) organizations(in *OnPage) (*Many[OperatedOrganization], error) {
	after, err := in.after("org")
	if err != nil {
		return nil, err
	}
	rows, err := c.Store.Organizations(c.ctx, after, in.Limit)
	if err != nil {
		return nil, err
	}
	return page(*in, rows, func(o store.Organization) string { return o.ID }, showOperated), nil
}

// NewOrganization is an organization as it is asked for.
type NewOrganization struct {
	Body struct {
		Name  string `json:"name" minLength:"1" maxLength:"80" example:"Acme Corporation"`
		Email string `json:"email" minLength:"3" maxLength:"254" example:"ada@example.com" doc:"Of its first owner."`
	}
}

// NewOrganizationLink is the answer with an organization that waits for its owner.
type NewOrganizationLink struct {
	Location string `header:"Location" doc:"Where it is, for its own service accounts."`
	Body     struct {
		OperatedOrganization
		Link string `json:"link" doc:"Where its first owner comes in, once and within the hour. It is shown in this answer and nowhere else."`
	}
}

func (c *call) createOrganization(in *NewOrganization) (*NewOrganizationLink, error) {
	address, _ := trust.ParseAddress(in.Body.Email) // what is none is refused with the rest
	o, token, err := c.Store.Setup(c.ctx, c.actor(), in.Body.Name, address)
	if err != nil {
		return nil, renamed(err, func(field string) string { return map[string]string{"organization": "name"}[field] })
	}
	out := &NewOrganizationLink{Location: Base + "/organizations/" + o.ID}
	out.Body.OperatedOrganization, out.Body.Link = showOperated(o), c.URL.JoinPath("welcome", token.Reveal()).String()
	return out, nil
}

func (c *call) operated(id string, do func(id string) error) (*OneOrganization, error) {
	if err := do(id); err != nil {
		return nil, err
	}
	o, err := c.Store.Organization(c.ctx, id)
	if err != nil {
		return nil, err
	}
	return &OneOrganization{showOperated(o)}, nil
}

// AnyOrganization is the path of one of the installation's organizations.
type AnyOrganization struct {
	Organization string `path:"organization" doc:"The organization's id." example:"org_01jd9k5a3m8y2v4q6w8r0t2b4p"`
}

func (c *call) suspendOrganization(in *AnyOrganization) (*OneOrganization, error) {
	return c.operated(in.Organization, func(id string) error { return c.Store.SuspendOrganization(c.ctx, c.actor(), id) })
}

func (c *call) resumeOrganization(in *AnyOrganization) (*OneOrganization, error) {
	return c.operated(in.Organization, func(id string) error { return c.Store.ResumeOrganization(c.ctx, c.actor(), id) })
}

// Plan is what an organization can buy.
type Plan access.Plan

// Schema lists them.
func (Plan) Schema(huma.Registry) *huma.Schema { return oneOf(access.Plans()) }

func (c *call) setPlan(in *struct {
	AnyOrganization
	Body struct {
		Plan Plan `json:"plan"`
	}
},
) (*OneOrganization, error) {
	return c.operated(in.Organization, func(id string) error {
		return c.Store.SetPlan(c.ctx, c.actor(), id, access.Plan(in.Body.Plan))
	})
}
