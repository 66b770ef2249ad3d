package api

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) roleSourceOperations() {
	const draft = "/sign-in-policy/role-draft"
	in := func(op operation) operation {
		op.noun, op.permission, op.entitlement = "Sign-in policy", access.ManageSSO, access.EntitledSSO
		return op
	}
	add(a, in(operation{id: "get-role-draft", method: http.MethodGet, path: draft,
		summary: "Get what is intended for roles", about: "Where the roles of members are to come from, and what that would change as far as it was worked out. Without a draft it is what is in force, at version 0."}), (*call).roleDraft)
	add(a, in(operation{id: "draft-roles", method: http.MethodPut, path: draft, versioned: true,
		summary: "Say what is intended for roles", about: "It has no effect before it is previewed and applied."}), (*call).draftRoles)
	add(a, in(operation{id: "discard-role-draft", method: http.MethodDelete, path: draft, status: http.StatusNoContent,
		summary: "Discard what is intended for roles", about: "What is in force stays so."}), (*call).discardRoles)
	add(a, in(operation{id: "preview-role-draft", method: http.MethodPost, path: draft + "/preview", versioned: true,
		summary: "Work out what the draft would change", about: "By what was said of each member at their last sign-in through a connection. Nothing changes by it."}), (*call).previewRoles)
	add(a, in(operation{id: "list-role-differences", method: http.MethodGet, path: draft + "/differences",
		summary: "List what the draft would change", about: "Member by member, as the last preview found it, by the members' ids."}), (*call).roleDifferences)
	add(a, in(operation{id: "apply-role-draft", method: http.MethodPost, path: draft + "/apply", versioned: true,
		summary: "Put the draft into force", about: "As its preview, which is at most 15 minutes old, showed it. Roles of members of whom nothing was said stay. At least one owner who can sign in stays, or nothing changes (422)."}), (*call).applyRoles)
}

// RoleMode is where roles come from.
type RoleMode access.RoleMode

// Schema lists them.
func (RoleMode) Schema(huma.Registry) *huma.Schema { return oneOf(access.RoleModes()) }

// RoleRule gives whoever is in a group a role.
type RoleRule struct {
	Group   string  `json:"group" minLength:"1" maxLength:"256" doc:"As the connection's attribute for groups carries it." example:"engineering"`
	Role    AnyRole `json:"role"`
	Project string  `json:"project,omitempty" maxLength:"64" doc:"Where the role is one of a project's."`
}

func showRules(rules []access.RoleRule) []RoleRule {
	shown := make([]RoleRule, len(rules))
	for i, r := range rules {
		shown[i] = RoleRule{r.Group, AnyRole(r.Role), r.ProjectID}
	}
	return shown
}

// RoleDraft is what is intended for roles.
type RoleDraft struct {
	RoleMode      access.RoleMode `json:"role_mode"`
	OwnersFromIDP bool            `json:"owners_from_idp"`
	RoleRules     []RoleRule      `json:"role_rules"`
	InForce       bool            `json:"in_force" doc:"It says what is so already."`
	UpdatedAt     time.Time       `json:"updated_at"`
	Preview       *RolePreview    `json:"preview,omitempty"`
	Version       int64           `json:"version" doc:"In quotes, the ETag."`
}

// RolePreview is what a draft would change, in numbers.
type RolePreview struct {
	At         time.Time `json:"at"`
	Current    bool      `json:"current" doc:"The draft can be applied by it. Else preview it again."`
	Members    int64     `json:"members"`
	Ownerships int64     `json:"ownerships" doc:"Members who would become an owner, or no longer be one."`
	Changes    int64     `json:"changes" doc:"Others whose roles would change."`
	Unknowns   int64     `json:"unknowns" doc:"Members of whom no identity provider has said anything: they keep their roles until they sign in through a connection."`
	OwnersLeft int64     `json:"owners_left"`
}

func (c *call) roleDraft(*InOrganization) (*One[RoleDraft], error) {
	d, err := c.scope.RoleDraft(c.ctx)
	if err != nil {
		return nil, err
	}
	shown := RoleDraft{RoleMode: d.Mode, OwnersFromIDP: d.OwnersFromIDP, RoleRules: showRules(d.Rules), InForce: d.InForce, UpdatedAt: d.UpdatedAt, Version: d.Version}
	if p := d.Preview; p != nil {
		shown.Preview = &RolePreview{p.At, p.Current, p.Members, p.Ownerships, p.Changes, p.Unknowns, p.OwnersLeft}
	}
	return one(d.Version, shown)
}

// changeDraft does it to the version that was read, and shows what is intended then.
func (c *call) changeDraft(at PolicyAt, change func(version int64) error) (*One[RoleDraft], error) {
	d, err := c.scope.RoleDraft(c.ctx)
	if err != nil {
		return nil, err
	}
	version, err := at.of(d.Version)
	if err == nil {
		err = change(version)
	}
	if err != nil {
		return nil, err
	}
	return c.roleDraft(nil)
}

// IntendedRoles are the settings of a draft.
type IntendedRoles struct {
	PolicyAt
	Body struct {
		RoleMode      RoleMode   `json:"role_mode"`
		OwnersFromIDP bool       `json:"owners_from_idp,omitempty" doc:"Lets whoever administers the identity provider decide who owns the organization. Without it owners are made by owners alone."`
		RoleRules     []RoleRule `json:"role_rules,omitempty" maxItems:"200"`
	}
}

func (c *call) draftRoles(in *IntendedRoles) (*One[RoleDraft], error) {
	intended := store.RoleSettings{Mode: access.RoleMode(in.Body.RoleMode), OwnersFromIDP: in.Body.OwnersFromIDP}
	for _, r := range in.Body.RoleRules {
		intended.Rules = append(intended.Rules, access.RoleRule{Group: r.Group, ProjectID: r.Project, Role: access.Role(r.Role)})
	}
	return c.changeDraft(in.PolicyAt, func(version int64) error { return c.scope.DraftRoles(c.ctx, version, intended) })
}

func (c *call) discardRoles(*InOrganization) (*Done, error) {
	return &Done{}, c.scope.DiscardRoles(c.ctx)
}

func (c *call) previewRoles(in *PolicyAt) (*One[RoleDraft], error) {
	return c.changeDraft(*in, func(version int64) error { return c.scope.PreviewRoles(c.ctx, version) })
}

func (c *call) applyRoles(in *PolicyAt) (*One[RoleDraft], error) {
	return c.changeDraft(*in, func(version int64) error { return c.scope.ApplyRoles(c.ctx, c.actor(), version) })
}

// RoleDifference is what a draft would do to one member.
type RoleDifference struct {
	Member string     `json:"member" doc:"The member's id."`
	User   string     `json:"user"`
	Email  string     `json:"email"`
	Kind   string     `json:"kind" enum:"ownership,roles,unknown"`
	Gains  []RoleIn   `json:"gains"`
	Loses  []RoleIn   `json:"loses"`
	SaidAt *time.Time `json:"said_at,omitempty" doc:"When an identity provider last said something of them."`
}

// RoleIn is a role in the organization, or in a project.
type RoleIn struct {
	Role    access.Role `json:"role"`
	Project string      `json:"project,omitempty" doc:"Absent: a role in the organization."`
}

func showRolesIn(roles []store.ProjectRole) []RoleIn {
	shown := make([]RoleIn, len(roles))
	for i, r := range roles {
		shown[i] = RoleIn{r.Role, r.ProjectID}
	}
	return shown
}

func (c *call) roleDifferences(in *struct {
	InOrganization
	OnPage
	Kind string `query:"kind" enum:"ownership,roles,unknown" doc:"Of this kind alone."`
},
) (*Many[RoleDifference], error) {
	after, err := in.after("mem")
	if err != nil {
		return nil, err
	}
	rows, err := c.scope.RoleDifferences(c.ctx, store.DifferenceFilter{Kind: store.DifferenceKind(in.Kind), After: after, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return page(in.OnPage, rows, func(d store.RoleDifference) string { return d.Member.ID }, func(d store.RoleDifference) RoleDifference {
		return RoleDifference{d.Member.ID, d.Member.UserID, d.Member.Email, string(d.Kind), showRolesIn(d.Gains), showRolesIn(d.Loses), d.SaidAt}
	}), nil
}
