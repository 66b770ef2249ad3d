package api

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/web"
)

func (a *API) domainOperations() {
	const list, single = "/domains", "/domains/{domain}"
	in := func(op operation) operation {
		op.noun, op.permission, op.entitlement = "Domains", access.ManageSSO, access.EntitledSSO
		return op
	}
	add(a, in(operation{id: "list-domains", method: http.MethodGet, path: list,
		summary: "List domains", about: "The oldest first."}), (*call).domains)
	add(a, in(operation{id: "claim-domain", method: http.MethodPost, path: list, creates: true, status: http.StatusCreated,
		summary: "Claim a domain", about: "A claim grants nothing. The answer says which TXT record proves it."}), (*call).claimDomain)
	add(a, in(operation{id: "get-domain", method: http.MethodGet, path: single,
		summary: "Get a domain", about: "With the record that proves it, its state, and until when something is to be done."}), (*call).domain)
	add(a, in(operation{id: "verify-domain", method: http.MethodPost, path: single + "/verify", conflicts: true,
		summary: "Verify a domain", about: "Looks the record up now, at most 20 times a minute. That it is not there yet is no error: state and check_problem say what was found. A domain that another organization had within the last 90 days waits for 7 days, until verified_from."}), (*call).verifyDomain)
	add(a, in(operation{id: "release-domain", method: http.MethodDelete, path: single, conflicts: true, status: http.StatusNoContent,
		summary: "Release a domain", about: "New people of it can no longer sign in through a connection, and another organization can verify it. It is refused for a verified domain while single sign-on is required."}), (*call).releaseDomain)
}

// DomainState is what a claim is worth now.
type DomainState store.DomainState

// Schema lists them.
func (DomainState) Schema(huma.Registry) *huma.Schema { return oneOf(store.DomainStates()) }

// Domain is a DNS name that the organization says is its own.
type Domain struct {
	ID           string      `json:"id" example:"dom_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	Name         string      `json:"name" doc:"In lower case; international ones in A-labels."`
	RecordName   string      `json:"record_name" doc:"Where the TXT record must stand."`
	RecordValue  string      `json:"record_value" doc:"What it must hold."`
	State        DomainState `json:"state" doc:"claimed; waiting: proved, and another organization had it lately; verified; failing: verified, and the record is missing; lapsed: nobody new comes in by it; ended: it has no effect."`
	VerifiedAt   *time.Time  `json:"verified_at,omitempty" doc:"Absent as long as it is only claimed."`
	VerifiedFrom *time.Time  `json:"verified_from,omitempty" doc:"Of one that is waiting: when it is verified, if the record stays."`
	LapsesAt     *time.Time  `json:"lapses_at,omitempty" doc:"Of one that is failing: when it lapses, unless the record comes back."`
	EndsAt       *time.Time  `json:"ends_at,omitempty" doc:"Of one that lapsed: from when on it has no effect, also in the past."`
	CheckedAt    *time.Time  `json:"checked_at,omitempty"`
	CheckAt      *time.Time  `json:"check_at,omitempty" doc:"When it is looked up again; absent where nobody waits for it."`
	CheckProblem string      `json:"check_problem,omitempty" doc:"What the last check found instead of the proof."`
	CreatedAt    time.Time   `json:"created_at"`
}

func (c *call) showDomain(d store.Domain) Domain {
	state := d.StateAt(c.now())
	shown := Domain{ID: d.ID, Name: d.Name, RecordName: d.RecordName(), RecordValue: d.RecordValue(), State: DomainState(state), VerifiedAt: utc(d.VerifiedAt),
		CheckedAt: utc(d.CheckedAt), CheckAt: utc(d.CheckAt), CheckProblem: d.CheckProblem, CreatedAt: d.CreatedAt.UTC()}
	switch state {
	case store.DomainWaiting:
		shown.VerifiedFrom = moment(d.VerifiedFrom())
	case store.DomainFailing:
		shown.LapsesAt = moment(d.LapsesAt())
	case store.DomainLapsed, store.DomainEnded:
		shown.EndsAt = moment(d.GraceEndsAt())
	}
	return shown
}

// moment is a time that is told, in UTC.
func moment(at time.Time) *time.Time { return utc(&at) }

// utc is the same moment in UTC.
func utc(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	in := at.UTC()
	return &in
}

// OneDomain is the answer with one domain; it has no version.
type OneDomain struct{ Body Domain }

// NewDomain is the answer with one that was claimed.
type NewDomain struct {
	Location string `header:"Location" doc:"Where it is."`
	Body     Domain
}

// InDomain is the path of one domain.
type InDomain struct {
	InOrganization
	Domain string `path:"domain" doc:"The domain's id."`
}

func (c *call) domains(in *struct {
	InOrganization
	OnPage
},
) (*Many[Domain], error) {
	all, err := c.scope.Domains(c.ctx)
	if err != nil {
		return nil, err
	}
	return pageOf(in.OnPage, "dom", all, func(d store.Domain) string { return d.ID }, c.showDomain)
}

// DomainClaim is a domain as it is asked for.
type DomainClaim struct {
	InOrganization
	Repeatable
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"253" example:"example.com"`
	}
}

func (c *call) claimDomain(in *DomainClaim) (*NewDomain, error) {
	d, err := c.scope.ClaimDomain(c.ctx, c.actor(), in.Body.Name, c.URL.Hostname())
	if err != nil {
		return nil, err
	}
	return &NewDomain{Location: Base + "/organizations/" + c.organization.ID + "/domains/" + d.ID, Body: c.showDomain(d)}, nil
}

func (c *call) domain(in *InDomain) (*OneDomain, error) {
	d, err := c.scope.Domain(c.ctx, in.Domain)
	if err != nil {
		return nil, err
	}
	return &OneDomain{c.showDomain(d)}, nil
}

func (c *call) verifyDomain(in *InDomain) (*OneDomain, error) {
	d, err := c.scope.Domain(c.ctx, in.Domain)
	if err != nil {
		return nil, err
	}
	if !c.lookups.Allow(d.ID) {
		return nil, problem(http.StatusTooManyRequests, "", "This domain was looked up often lately.").after(c.lookups.RetryAfter(d.ID))
	}
	texts, failure := c.Outbound.TXT(c.ctx, d.RecordName())
	if failure != nil {
		c.Log.WarnContext(c.ctx, "domain check failed", "domain", d.Name, "request", web.RequestInfo(c.r).ID, "error", failure)
	}
	if d, err = c.scope.RecordDomainCheck(c.ctx, c.actor(), d.ID, d.Proof(texts, failure)); err != nil {
		return nil, err
	}
	return &OneDomain{c.showDomain(d)}, nil
}

func (c *call) releaseDomain(in *InDomain) (*Done, error) {
	return &Done{}, c.scope.ReleaseDomain(c.ctx, c.actor(), in.Domain)
}
