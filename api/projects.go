package api

import (
	"net/http"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) projectOperations() {
	const list, single = "/projects", "/projects/{project}"
	add(a, operation{id: "list-projects", noun: "Projects", method: http.MethodGet, path: list, permission: access.ViewOrganization,
		summary: "List projects", about: "Those in which the service account has a role, the newest first; for an owner of the organization all."}, (*call).projects)
	add(a, operation{id: "create-project", noun: "Projects", method: http.MethodPost, path: list, permission: access.CreateProjects, creates: true, status: http.StatusCreated,
		summary: "Create a project", about: "The service account becomes its ProjectOwner."}, (*call).createProject)
	add(a, operation{id: "get-project", noun: "Projects", method: http.MethodGet, path: single, permission: access.ViewProject, inProject: true,
		summary: "Get a project", about: "One of the projects in which the service account has a role."}, (*call).getProject)
	add(a, operation{id: "change-project", noun: "Projects", method: http.MethodPatch, path: single, permission: access.ManageProject, inProject: true, versioned: true,
		summary: "Rename a project", about: "Members that are left out stay as they are. The kind of a project cannot be changed."}, (*call).changeProject)
	add(a, operation{id: "delete-project", noun: "Projects", method: http.MethodDelete, path: single, permission: access.ManageProject, inProject: true, versioned: true, status: http.StatusNoContent,
		summary: "Delete a project", about: "Its API keys stop within a second; with them go its roles and the counts of its keys' uses. It cannot be brought back."}, (*call).deleteProject)
}

// Project is what API keys belong to.
type Project struct {
	ID        string      `json:"id" example:"prj_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	Name      string      `json:"name"`
	Kind      ProjectKind `json:"kind"`
	CreatedAt time.Time   `json:"created_at"`
	UpdatedAt time.Time   `json:"updated_at"`
	Version   int64       `json:"version" doc:"In quotes, the ETag."`
}

func showProject(p store.Project) Project {
	return Project{p.ID, p.Name, ProjectKind(p.Kind), p.CreatedAt.UTC(), p.UpdatedAt.UTC(), p.Version}
}

func (c *call) projects(in *struct {
	InOrganization
	OnPage
},
) (*Many[Project], error) {
	before, err := in.after("prj")
	if err != nil {
		return nil, err
	}
	filter := store.ProjectFilter{Before: before, Limit: in.Limit}
	if !c.isOwner() {
		filter.Of = c.caller.ID
	}
	rows, err := c.scope.SomeProjects(c.ctx, filter)
	if err != nil {
		return nil, err
	}
	return page(in.OnPage, rows, func(p store.Project) string { return p.ID }, showProject), nil
}

// NewProject is a project as it is asked for.
type NewProject struct {
	InOrganization
	Repeatable
	Body struct {
		Name string      `json:"name" minLength:"1" maxLength:"80" example:"Search" doc:"Unique in the organization."`
		Kind ProjectKind `json:"kind,omitempty" doc:"serverless unless given. Keys of a pod project always read and write data."`
	}
}

func (c *call) createProject(in *NewProject) (*Made[Project], error) {
	kind := access.ProjectKind(in.Body.Kind)
	if kind == "" {
		kind = access.Serverless
	}
	p, err := c.scope.CreateProject(c.ctx, c.actor(), in.Body.Name, kind, c.caller.ID)
	if err != nil {
		return nil, err
	}
	return made(c, "/projects/"+p.ID, p.Version, showProject(p)), nil
}

func (c *call) getProject(*InProject) (*One[Project], error) {
	return one(c.project.Version, showProject(c.project))
}

// ProjectChange is what may be changed about a project.
type ProjectChange struct {
	InProject
	Versioned
	Body struct {
		Name string `json:"name,omitempty" minLength:"1" maxLength:"80" example:"Search"`
	}
}

func (c *call) changeProject(in *ProjectChange) (*One[Project], error) {
	version, err := in.of(c.project.Version)
	if err != nil {
		return nil, err
	}
	if in.Body.Name != "" {
		if err := c.scope.RenameProject(c.ctx, c.actor(), c.project.ID, version, in.Body.Name); err != nil {
			return nil, err
		}
	}
	if c.project, err = c.scope.Project(c.ctx, c.project.ID); err != nil {
		return nil, err
	}
	return c.getProject(nil)
}

func (c *call) deleteProject(in *struct {
	InProject
	Versioned
},
) (*Done, error) {
	version, err := in.of(c.project.Version)
	if err != nil {
		return nil, err
	}
	return &Done{}, c.scope.DeleteProject(c.ctx, c.actor(), c.project.ID, version)
}
