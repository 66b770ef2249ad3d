package views

import "net/http"

func catalogueStories() []Story {
	plane := func(name, help, editor string, permissions ...string) CataloguePlane {
		p := CataloguePlane{Name: name, Help: help, Roles: []string{"Project editor", "Project viewer", editor + " editor", editor + " viewer"}}
		for i, permission := range permissions {
			p.Rows = append(p.Rows, CatalogueRow{permission, []bool{true, i%3 != 2, true, i%3 != 2}})
		}
		return p
	}
	full := CataloguePage{
		Page: storyConsole("Permissions", "Permissions"),
		Planes: []CataloguePlane{
			plane("Control plane", "Resources: what there is.", "Control plane", "indexes:list", "indexes:describe", "indexes:create", "backups:list", "backups:describe", "backups:delete"),
			plane("Data plane", "What is in them.", "Data plane", "indexes:query", "indexes:fetch", "indexes:delete-data", "assistants:chat", "assistants:evaluate", "inference:embed"),
		},
		Rules: []RouteRuleRow{
			{"GET", "/indexes", "indexes:list"}, {"POST", "/indexes/{index}/query", "indexes:query"}, {"GET, HEAD", "/assistants/{assistant}/files/…", "assistants:view-files"},
		},
	}
	plain := full
	plain.Rules = nil
	return []Story{
		{"catalogue/all", "Permissions and route rules", Catalogue(full), http.StatusOK},
		{"catalogue/no-rules", "Permissions without route rules", Catalogue(plain), http.StatusOK},
	}
}
