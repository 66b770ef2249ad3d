package api

import (
	"net/http"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) organizationOperations() {
	add(a, operation{id: "get-organization", noun: "Organization", method: http.MethodGet, permission: access.ViewOrganization,
		summary: "Get the organization", about: "The organization that the service account belongs to."}, (*call).getOrganization)
	add(a, operation{id: "change-organization", noun: "Organization", method: http.MethodPatch, permission: access.ManageOrganization, versioned: true,
		summary: "Change the organization", about: "Members that are left out stay as they are."}, (*call).changeOrganization)
	add(a, operation{id: "delete-organization", noun: "Organization", method: http.MethodDelete, permission: access.ManageOrganization, versioned: true, conflicts: true, status: http.StatusNoContent,
		summary: "Delete the organization", about: "With its members, connections, domains, webhooks and service accounts, this one too; the events stay. It is refused while there are projects, and cannot be undone. Its owners are told by mail."}, (*call).deleteOrganization)
}

// Organization is a customer: what projects, members, connections and domains belong to.
type Organization struct {
	ID           string               `json:"id" example:"org_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	Name         string               `json:"name"`
	Slug         string               `json:"slug" doc:"A short name that no other organization has, for people. Addresses hold ids."`
	ProjectRole  access.Role          `json:"default_project_role" doc:"What is proposed for somebody who is added to a project."`
	Plan         access.Plan          `json:"plan" doc:"What the organization has bought."`
	Entitlements []access.Entitlement `json:"entitlements" doc:"What the plan includes."`
	CreatedAt    time.Time            `json:"created_at"`
	UpdatedAt    time.Time            `json:"updated_at"`
	Version      int64                `json:"version" doc:"In quotes, the ETag."`
}

func showOrganization(o store.Organization) Organization {
	shown := Organization{ID: o.ID, Name: o.Name, Slug: o.Slug, ProjectRole: o.DefaultProjectRole, Plan: o.Plan, Entitlements: []access.Entitlement{}, CreatedAt: o.CreatedAt.UTC(), UpdatedAt: o.UpdatedAt.UTC(), Version: o.Version}
	for _, e := range access.Entitlements() {
		if o.Has(e) {
			shown.Entitlements = append(shown.Entitlements, e)
		}
	}
	return shown
}

func (c *call) getOrganization(*InOrganization) (*One[Organization], error) {
	return one(c.organization.Version, showOrganization(c.organization))
}

// OrganizationChange is what may be changed about an organization.
type OrganizationChange struct {
	InOrganization
	Versioned
	Body struct {
		Name string      `json:"name,omitempty" minLength:"1" maxLength:"80" example:"Acme Corporation"`
		Slug string      `json:"slug,omitempty" maxLength:"40" example:"acme"`
		Role ProjectRole `json:"default_project_role,omitempty" doc:"Not ProjectOwner."`
	}
}

func (c *call) changeOrganization(in *OrganizationChange) (*One[Organization], error) {
	version, err := in.of(c.organization.Version)
	if err != nil {
		return nil, err
	}
	change := store.OrganizationChange{Name: unlessEmpty(in.Body.Name), Slug: unlessEmpty(in.Body.Slug), DefaultProjectRole: unlessEmpty(access.Role(in.Body.Role))}
	if err := c.scope.ChangeOrganization(c.ctx, c.actor(), version, change); err != nil {
		return nil, err
	}
	if c.organization, err = c.scope.Organization(c.ctx); err != nil {
		return nil, err
	}
	return c.getOrganization(nil)
}

// unlessEmpty is what a member holds, nil where it was left out.
func unlessEmpty[T ~string](value T) *T {
	if value == "" {
		return nil
	}
	return &value
}

func (c *call) deleteOrganization(in *struct {
	InOrganization
	Versioned
},
) (*Done, error) {
	version, err := in.of(c.organization.Version)
	if err != nil {
		return nil, err
	}
	return &Done{}, c.scope.DeleteOrganization(c.ctx, c.actor(), version)
}
