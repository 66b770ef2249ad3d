package handlers

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/views"
)

// catalogue shows what API keys can be allowed to do, by plane and role, and which requests ask for it.
func (v *visit) catalogue() error {
	page := views.CataloguePage{Page: v.page("Permissions")}
	control, data := v.Catalogue.Planes()
	page.Planes = []views.CataloguePlane{
		cataloguePlane(v.Catalogue, "Control plane", "What there is: indexes, backups and the like are listed, described, made and deleted.", control, access.ControlPlaneEditor, access.ControlPlaneViewer),
		cataloguePlane(v.Catalogue, "Data plane", "What is in them: data is read, asked for and written.", data, access.DataPlaneEditor, access.DataPlaneViewer),
	}
	for _, rule := range v.Catalogue.Routes() {
		page.Rules = append(page.Rules, views.RouteRuleRow{Methods: strings.Join(rule.Methods, ", "), Path: rule.Path, Permission: rule.Permission})
	}
	return v.render(http.StatusOK, views.Catalogue(page))
}

// cataloguePlane is one plane's table: its permissions, and which of the roles that reach into it give each.
func cataloguePlane(catalogue *access.Catalogue, name, help string, resources []access.Resource, own ...access.Role) views.CataloguePlane {
	roles := append([]access.Role{access.ProjectEditor, access.ProjectViewer}, own...)
	plane := views.CataloguePlane{Name: name, Help: help}
	for _, role := range roles {
		plane.Roles = append(plane.Roles, role.Title())
	}
	for _, resource := range resources {
		for _, action := range slices.Concat(resource.Read, resource.Write) {
			row := views.CatalogueRow{Permission: resource.Name + ":" + action}
			for _, role := range roles {
				row.Given = append(row.Given, catalogue.Has([]access.Role{role}, row.Permission))
			}
			plane.Rows = append(plane.Rows, row)
		}
	}
	return plane
}
