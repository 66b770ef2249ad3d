package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) policyOperations() {
	const single = "/sign-in-policy"
	in := func(op operation) operation {
		op.noun, op.permission, op.entitlement = "Sign-in policy", access.ManageSSO, access.EntitledSSO
		op.versioned = op.method != http.MethodGet
		return op
	}
	add(a, in(operation{id: "get-sign-in-policy", method: http.MethodGet, path: single,
		summary: "Get the sign-in policy", about: "Whether single sign-on is required, and what newcomers get."}), (*call).signInPolicy)
	add(a, in(operation{id: "set-default-role", method: http.MethodPut, path: single + "/default-role",
		summary: "Set what newcomers get", about: "From now on; nobody who is a member already changes. It is never a role that owns something."}), (*call).setDefaultRole)
	add(a, in(operation{id: "set-newcomers", method: http.MethodPut, path: single + "/newcomers",
		summary: "Say whether newcomers are admitted", about: "Whether people on a verified domain become members at their first login, or must be members before."}), (*call).setNewcomers)
	add(a, in(operation{id: "require-single-sign-on", method: http.MethodPut, path: single + "/enforcement",
		summary: "Require single sign-on", about: "It takes effect with the next request of everybody whom it covers. It cannot lock people out: a verified domain, an active connection, a sign-in through it by the owner named in tested_by within the last 15 minutes, and a way in for emergencies must be there; errors names each that is not."}), (*call).requireSingleSignOn)
	add(a, in(operation{id: "end-enforcement", method: http.MethodDelete, path: single + "/enforcement",
		summary: "Stop requiring single sign-on", about: "People choose again how they sign in."}), (*call).endEnforcement)
}

// SignInPolicy is how the organization's people sign in.
type SignInPolicy struct {
	Enforcement         access.Scope         `json:"enforcement" doc:"Of whom single sign-on is required: \"\" (nobody), domain (members on a verified domain) or everyone."`
	EnforcedAt          *time.Time           `json:"enforced_at,omitempty"`
	AdmitNewcomers      bool                 `json:"admit_newcomers"`
	DefaultRole         access.Role          `json:"default_role"`
	DefaultProjectRoles []DefaultProjectRole `json:"default_project_roles"`
	UpdatedAt           time.Time            `json:"updated_at"`
	RoleMode            access.RoleMode      `json:"role_mode" doc:"Where the roles of members come from: console, or idp-roles (the identity provider, at every sign-in)."`
	OwnersFromIDP       bool                 `json:"owners_from_idp" doc:"Whether the identity provider makes and unmakes owners."`
	RoleRules           []RoleRule           `json:"role_rules"`
	Version             int64                `json:"version" doc:"In quotes, the ETag."`
}

// DefaultProjectRole is a role in a project that newcomers get.
type DefaultProjectRole struct {
	Project string      `json:"project" maxLength:"64" example:"prj_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	Role    ProjectRole `json:"role"`
}

// PolicyAt is the policy as it was when it was read.
type PolicyAt struct {
	InOrganization
	Versioned
}

func (c *call) signInPolicy(*InOrganization) (*One[SignInPolicy], error) {
	p, err := c.scope.SignInPolicy(c.ctx)
	if err != nil {
		return nil, err
	}
	shown := SignInPolicy{p.Enforcement, p.EnforcedAt, p.AdmitNewcomers, p.DefaultRole, []DefaultProjectRole{}, p.UpdatedAt, p.Mode, p.OwnersFromIDP, showRules(p.Rules), p.Version}
	for _, project := range p.DefaultProjectRoles {
		shown.DefaultProjectRoles = append(shown.DefaultProjectRoles, DefaultProjectRole{project.ProjectID, ProjectRole(project.Role)})
	}
	return one(p.Version, shown)
}

// changePolicy does it to the version that was read, and shows what is so then.
func (c *call) changePolicy(at PolicyAt, change func(version int64) error) (*One[SignInPolicy], error) {
	p, err := c.scope.SignInPolicy(c.ctx)
	if err != nil {
		return nil, err
	}
	version, err := at.of(p.Version)
	if err == nil {
		err = change(version)
	}
	if err != nil {
		return nil, err
	}
	return c.signInPolicy(nil)
}

// DefaultRoles are what newcomers get.
type DefaultRoles struct {
	PolicyAt
	Body struct {
		DefaultRole         DefaultRole          `json:"default_role"`
		DefaultProjectRoles []DefaultProjectRole `json:"default_project_roles,omitempty" maxItems:"20"`
	}
}

func (c *call) setDefaultRole(in *DefaultRoles) (*One[SignInPolicy], error) {
	var projects []store.ProjectRole
	for _, p := range in.Body.DefaultProjectRoles {
		projects = append(projects, store.ProjectRole{ProjectID: p.Project, Role: access.Role(p.Role)})
	}
	return c.changePolicy(in.PolicyAt, func(version int64) error {
		return c.scope.SetDefaultRole(c.ctx, c.actor(), version, access.Role(in.Body.DefaultRole), projects)
	})
}

// Newcomers says whether they are admitted.
type Newcomers struct {
	PolicyAt
	Body struct {
		Admit bool `json:"admit"`
	}
}

func (c *call) setNewcomers(in *Newcomers) (*One[SignInPolicy], error) {
	return c.changePolicy(in.PolicyAt, func(version int64) error {
		return c.scope.SetAdmitNewcomers(c.ctx, c.actor(), version, in.Body.Admit)
	})
}

// Enforcement says of whom single sign-on is required.
type Enforcement struct {
	PolicyAt
	Body struct {
		Scope    EnforcementScope `json:"scope" doc:"domain: members on a verified domain."`
		TestedBy string           `json:"tested_by" maxLength:"64" doc:"The id of the member, an owner, who has just signed in through an active connection." example:"mem_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	}
}

func (c *call) requireSingleSignOn(in *Enforcement) (*One[SignInPolicy], error) {
	owner, err := c.scope.Member(c.ctx, in.Body.TestedBy)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if !owner.IsOwner() {
		return nil, mistake("tested_by", "is no owner of this organization")
	}
	return c.changePolicy(in.PolicyAt, func(version int64) error {
		return c.scope.TurnOnEnforcement(c.ctx, c.actor(), version, access.Scope(in.Body.Scope), owner.UserID)
	})
}

func (c *call) endEnforcement(in *PolicyAt) (*One[SignInPolicy], error) {
	return c.changePolicy(*in, func(version int64) error { return c.scope.EndEnforcement(c.ctx, c.actor(), version) })
}
