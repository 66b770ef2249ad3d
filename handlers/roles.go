package handlers

import (
	"net/http"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// roles shows what each role may do, from the tables that decide it.
func (v *visit) roles() error {
	page := views.RolesPage{Page: v.trail(v.page("Roles"), ui.Link{Text: "Members", Href: v.path("members")})}
	page.Matrices = []views.RoleMatrix{
		roleMatrix("In the organization", "Everybody in it has one of these at least. There is always an owner who can sign in.", access.OrganizationRoles(), access.OrganizationMatrix()),
		roleMatrix("In a project", "A role in a project needs one in the organization, whose owners are owners of every project. API keys may hold the last six.", access.ProjectRoles(), access.ProjectMatrix()),
	}
	return v.render(http.StatusOK, views.Roles(page))
}

func roleMatrix(name, help string, roles []access.Role, rows []access.Row) views.RoleMatrix {
	matrix := views.RoleMatrix{Name: name, Help: help, In: strings.ToLower(name)}
	for _, role := range roles {
		matrix.Roles = append(matrix.Roles, views.RoleWords{Title: role.Title(), Name: string(role), For: role.Description()})
	}
	for _, row := range rows {
		shown := views.RoleRow{Permission: row.Description, Name: string(row.Permission)}
		for _, role := range roles {
			shown.Given = append(shown.Given, row.Has(role))
		}
		matrix.Rows = append(matrix.Rows, shown)
	}
	return matrix
}
