package api

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) roleBindingOperations() {
	const list, single = "/role-bindings", "/role-bindings/{binding}"
	const who = " For roles in the organization it asks for `members:manage` or, of service accounts, `service-accounts:manage`; for roles in a project, for `project:members:manage` there."
	in := func(op operation) operation {
		op.noun, op.permission = "Role bindings", access.ViewOrganization
		return op
	}
	add(a, in(operation{id: "list-role-bindings", method: http.MethodGet, path: list,
		summary: "List role bindings", about: "Who holds which role where, and where they have it from, the newest first. Without a project it asks for `members:manage`, with one for `project:members:read` there."}), (*call).roleBindings)
	add(a, in(operation{id: "add-role-binding", method: http.MethodPost, path: list, creates: true, conflicts: true, status: http.StatusCreated,
		summary: "Give a role", about: "To a user or a service account, in the organization or in a project. One that they have already stays as it is. Where roles come from the identity provider, those of users are not given here (409)." + who}), (*call).addRoleBinding)
	add(a, in(operation{id: "remove-role-binding", method: http.MethodDelete, path: single, conflicts: true, status: http.StatusNoContent,
		summary: "Take a role away", about: "At least one role in the organization stays: to take the last, remove the member." + who}), (*call).removeRoleBinding)
}

// RoleBinding says that a user or service account holds a role in the organization, or in one of its projects.
type RoleBinding struct {
	ID        string      `json:"id" example:"rol_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	Principal string      `json:"principal" doc:"The id of a user (usr_…) or service account (sva_…)."`
	Role      access.Role `json:"role"`
	Project   string      `json:"project,omitempty" doc:"Absent: a role in the organization."`
	Origin    string      `json:"origin" doc:"Where they have it from: creation, setup, default_role; invite and its id; console and the id of who gave it; or idp, the connection's id and what gave it: value and the value, rule and the group, default, or kept (the last owner, against what the identity provider says)."`
	CreatedAt time.Time   `json:"created_at"`
}

func showRoleBinding(b store.RoleBinding) RoleBinding {
	return RoleBinding{b.ID, b.PrincipalID, b.Role, b.ProjectID, b.Origin, b.CreatedAt}
}

// NewRoleBinding is the answer with one that was added.
type NewRoleBinding struct{ Body RoleBinding }

func (c *call) roleBindings(in *struct {
	InOrganization
	OnPage
	Principal string `query:"principal" maxLength:"64" doc:"The id of a user or service account."`
	Project   string `query:"project" maxLength:"64" doc:"Roles in this project alone."`
},
) (*Many[RoleBinding], error) {
	before, err := in.after("rol")
	if err != nil {
		return nil, err
	}
	if err := c.mayBind(in.Project, access.ManageMembers, access.ReadProjectMembers); err != nil {
		return nil, err
	}
	rows, err := c.scope.RoleBindings(c.ctx, store.RoleBindingFilter{PrincipalID: in.Principal, ProjectID: in.Project, Before: before, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return page(in.OnPage, rows, func(b store.RoleBinding) string { return b.ID }, showRoleBinding), nil
}

// mayBind refuses who lacks the permission where the role is: in the organization, or in the project. A project that the service account may
// not know of is none.
func (c *call) mayBind(project string, inOrganization, inProject access.Permission) error {
	if project == "" {
		if !c.may.Has(inOrganization) {
			return denied(inOrganization)
		}
		return nil
	}
	_, err := c.scope.Project(c.ctx, project)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	holds := access.Project(c.caller.ProjectRoles[project], c.isOwner())
	switch {
	case err != nil || !holds.Has(access.ViewProject):
		return mistake("project", "is none of this organization that this service account may know of")
	case !holds.Has(inProject):
		return denied(inProject)
	}
	return nil
}

// toBind is the permission that giving or taking a role in the organization asks for.
func toBind(principal string) access.Permission {
	if store.IsID("sva", principal) {
		return access.ManageServiceAccounts
	}
	return access.ManageMembers
}

// RoleToGive is a role as it is asked for.
type RoleToGive struct {
	InOrganization
	Repeatable
	Body struct {
		Principal string  `json:"principal" maxLength:"64" example:"usr_01jd9k5a3m8y2v4q6w8r0t2b4p" doc:"The id of a user (usr_…) or service account (sva_…) of this organization."`
		Role      AnyRole `json:"role"`
		Project   string  `json:"project,omitempty" maxLength:"64" doc:"Where the role is one of a project's."`
	}
}

func (c *call) addRoleBinding(in *RoleToGive) (*NewRoleBinding, error) {
	role, b := access.Role(in.Body.Role), in.Body
	if err := c.mayBind(b.Project, toBind(b.Principal), access.ManageProjectMembers); err != nil {
		return nil, err
	}
	err := c.rebind(b.Principal, b.Project, func(roles []access.Role) []access.Role { return append(slices.Clone(roles), role) })
	if errors.Is(err, store.ErrNotFound) {
		return nil, mistake("principal", "is no member and no service account of this organization")
	}
	if err != nil {
		return nil, err
	}
	rows, err := c.scope.RoleBindings(c.ctx, store.RoleBindingFilter{PrincipalID: b.Principal, ProjectID: b.Project, Limit: 200})
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.Role == role && row.ProjectID == b.Project {
			return &NewRoleBinding{showRoleBinding(row)}, nil
		}
	}
	return nil, store.ErrConflict // somebody took it away at once
}

// rebind changes the roles that a principal has in the organization, or in a project, by the functions that people's pages call.
func (c *call) rebind(principal, project string, change func([]access.Role) []access.Role) error {
	if store.IsID("sva", principal) {
		s, err := c.scope.ServiceAccount(c.ctx, principal)
		switch {
		case err != nil:
			return err
		case project == "":
			return c.scope.ChangeServiceAccount(c.ctx, c.actor(), s.ID, s.Version, s.Name, change(s.Roles))
		}
		return c.scope.SetServiceAccountProjectRoles(c.ctx, c.actor(), project, s.ID, s.Version, change(s.ProjectRoles[project]))
	}
	m, err := c.scope.MemberOf(c.ctx, principal)
	switch {
	case err != nil:
		return err
	case project == "":
		return c.scope.SetMemberRoles(c.ctx, c.actor(), m.ID, m.Version, change(m.Roles))
	}
	return c.scope.ChangeProjectRoles(c.ctx, c.actor(), project, m.ID, change)
}

func (c *call) removeRoleBinding(in *struct {
	InOrganization
	Binding string `path:"binding" doc:"The role binding's id."`
},
) (*Done, error) {
	b, err := c.scope.RoleBinding(c.ctx, in.Binding)
	if err != nil {
		return nil, err
	}
	if err := c.mayBind(b.ProjectID, toBind(b.PrincipalID), access.ManageProjectMembers); err != nil {
		var hidden *store.Invalid
		if errors.As(err, &hidden) {
			err = store.ErrNotFound // in a project that the service account may not know of
		}
		return nil, err
	}
	return &Done{}, c.rebind(b.PrincipalID, b.ProjectID, func(roles []access.Role) []access.Role {
		return slices.DeleteFunc(slices.Clone(roles), func(r access.Role) bool { return r == b.Role })
	})
}
