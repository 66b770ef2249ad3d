package api

import (
	"net/http"
	"slices"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) projectMemberOperations() {
	const list = "/projects/{project}/members"
	add(a, operation{id: "list-project-members", noun: "Project members", method: http.MethodGet, path: list, permission: access.ReadProjectMembers, inProject: true,
		summary: "List a project's members", about: "Members who hold a role in the project, the newest users first. Owners of the organization own every project and are not listed for that."}, (*call).projectMembers)
	add(a, operation{id: "set-project-member-roles", noun: "Project members", method: http.MethodPut, path: list + "/{member}/roles", permission: access.ManageProjectMembers, inProject: true,
		summary: "Set a member's roles in a project", about: "All of them; none takes the member out of the project. A single role is given and taken by role bindings, as are those of service accounts."}, (*call).setProjectMemberRoles)
}

// ProjectMember is a member with the roles that they hold in one project.
type ProjectMember struct {
	ID     string        `json:"id" example:"mem_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	UserID string        `json:"user_id" example:"usr_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	Name   string        `json:"name"`
	Email  string        `json:"email"`
	Roles  []access.Role `json:"roles" doc:"In the project."`
}

func (c *call) showProjectMember(m store.Member) ProjectMember {
	return ProjectMember{m.ID, m.UserID, m.Name, m.Email, append([]access.Role{}, m.ProjectRoles[c.project.ID]...)}
}

func (c *call) projectMembers(in *struct {
	InProject
	OnPage
},
) (*Many[ProjectMember], error) {
	after, err := in.after("usr")
	if err != nil {
		return nil, err
	}
	rows, err := c.scope.ProjectMembers(c.ctx, c.project.ID, store.MemberFilter{After: after, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return page(in.OnPage, rows, func(m store.Member) string { return m.UserID }, c.showProjectMember), nil
}

// ProjectMemberRoles are a member's in a project from now on. They have no version: what is sent is all of it.
type ProjectMemberRoles struct {
	InProject
	Member string `path:"member" doc:"The member's id."`
	Body   struct {
		Roles []ProjectRole `json:"roles" maxItems:"9"`
	}
}

// OneProjectMember is the answer with one of them.
type OneProjectMember struct{ Body ProjectMember }

func (c *call) setProjectMemberRoles(in *ProjectMemberRoles) (*OneProjectMember, error) {
	roles := as[access.Role](in.Body.Roles)
	err := c.scope.ChangeProjectRoles(c.ctx, c.actor(), c.project.ID, in.Member, func([]access.Role) []access.Role { return slices.Clone(roles) })
	if err != nil {
		return nil, err
	}
	m, err := c.scope.Member(c.ctx, in.Member)
	if err != nil {
		return nil, err
	}
	return &OneProjectMember{c.showProjectMember(m)}, nil
}
