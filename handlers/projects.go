package handlers

import (
	"net/http"
	"slices"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// projectsShown is how many projects stand on a page.
const projectsShown = 50

// ownProjects are some of the projects in which the visitor may do something, for owners of the organization of all, with what they are there.
func (v *visit) ownProjects(f store.ProjectFilter) ([]store.Project, error) {
	if !v.isOwner() {
		f.Of = v.user.ID
	}
	found, err := v.scope.ProjectsByName(v.ctx(), f)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(found))
	for i, p := range found {
		ids[i] = p.ID
	}
	v.member.ProjectRoles, err = v.scope.ProjectRolesOf(v.ctx(), v.user.ID, ids...)
	return found, err
}

// rolesInProject are the visitor's own, in words.
func (v *visit) rolesInProject(id string) string {
	if roles := v.member.ProjectRoles[id]; len(roles) > 0 {
		return roleTitles(roles)
	}
	if v.isOwner() {
		return access.OrgOwner.Title()
	}
	return ""
}

// projects lists them by name; the address holds the search (q) and where to go on (after or before a project's id).
func (v *visit) projects() error {
	filter := store.ProjectFilter{Search: v.query("q"), After: v.query("after"), Before: v.query("before"), Limit: projectsShown + 1}
	found, err := v.ownProjects(filter)
	if err != nil {
		return err
	}
	if len(found) == 0 && v.filtered("after", "before") {
		return v.goToBeginning(v.path("projects"))
	}
	page := views.ProjectsPage{Page: v.page("Projects"), Action: v.path("projects"), Search: filter.Search}
	if v.may.Has(access.CreateProjects) {
		page.Create = v.path("projects/new")
	}
	found, page.Pager = paged(found, projectsShown, filter.After, filter.Before, func(direction string, p store.Project) string {
		return v.goOnFrom(v.path("projects"), direction, p.ID)
	})
	for _, p := range found {
		page.Rows = append(page.Rows, views.ProjectRow{
			Name: p.Name, ID: p.ID, Href: v.path("projects/" + p.ID), Kind: kindTitle(p.Kind), Roles: v.rolesInProject(p.ID),
			Created: ui.MomentOf(p.CreatedAt, v.now()),
		})
	}
	return v.render(http.StatusOK, views.Projects(page))
}

func kindTitle(kind access.ProjectKind) string { return capitalized(string(kind)) }

func (v *visit) newProject() error {
	return v.showNewProject(http.StatusOK, projectForm{once: newForm(), kind: access.Serverless}, nil)
}

// projectForm is the form for a new project as it was sent.
type projectForm struct {
	once, name string
	kind       access.ProjectKind
	key        bool // a first API key is wanted
}

func (v *visit) showNewProject(status int, f projectForm, problem *ui.Problem) error {
	return v.render(status, views.NewProject(views.NewProjectPage{
		Page:   v.trail(v.page("New project"), ui.Link{Text: "Projects", Href: v.path("projects")}),
		Action: v.path("projects"), Cancel: v.path("projects"), Once: f.once, Name: f.name, Key: f.key, Problem: problem,
		Kinds: []ui.Option{
			{Value: string(access.Serverless), Label: "Serverless", Help: "API keys take any permissions: read and write, or read only, for each plane.", Chosen: f.kind == access.Serverless},
			{Value: string(access.Pod), Label: "Pod", Help: "API keys always read and write data.", Chosen: f.kind == access.Pod},
		},
	}))
}

// createProject makes a project and, where it is wanted, its first API key, which asks for a fresh sign-in as every key does.
func (v *visit) createProject() error {
	f := projectForm{once: v.form().Text("once"), name: v.form().Text("name"), kind: access.ProjectKind(v.form().Text("kind")), key: v.form().Checked("key")}
	if f.key && !v.fresh() {
		return errSignInAgain
	}
	return v.once(func() (func(*visit) error, error) {
		p, err := v.scope.CreateProject(v.ctx(), v.actor(), f.name, f.kind, v.user.ID)
		if problem := problemOf(err); problem != nil {
			return nil, v.showNewProject(http.StatusUnprocessableEntity, f, problem)
		}
		if err != nil {
			return nil, err
		}
		if f.key {
			return v.createFirstKey(p)
		}
		return func(v *visit) error { return v.goTo(v.path("projects/"+p.ID), "The project is created.") }, nil
	})
}

// createFirstKey makes the key that was asked for together with a new project: of all permissions, and as lasting as keys are by default.
func (v *visit) createFirstKey(p store.Project) (func(*visit) error, error) {
	policy, err := v.scope.KeyPolicy(v.ctx())
	if err != nil {
		return nil, err
	}
	expires := v.now().AddDate(0, 0, min(store.UsualDays, policy.LongestDays))
	key, text, err := v.scope.CreateAPIKey(v.ctx(), v.actor(), store.NewAPIKey{
		ProjectID: p.ID, Name: "default", Roles: []access.Role{access.ProjectEditor}, ExpiresAt: &expires, CreatorID: v.user.ID,
	})
	return func(v *visit) error {
		v.project, v.inProject = p, access.Project([]access.Role{access.ProjectOwner}, v.isOwner())
		return v.showAPIKeyText(http.StatusCreated, "Project and API key created", key, text, "")
	}, err
}

// projectPath is a path under the present project.
func (v *visit) projectPath(rest string) string {
	path := v.path("projects/" + v.project.ID)
	if rest != "" {
		path += "/" + rest
	}
	return path
}

// projectFrame is the frame of a project's page: the way back, and the tabs that the visitor may open.
func (v *visit) projectFrame(title string, up ...ui.Link) views.ProjectFrame {
	frame := views.ProjectFrame{Name: v.project.Name}
	trail := append([]ui.Link{{Text: "Projects", Href: v.path("projects")}}, up...)
	if title != v.project.Name {
		trail = slices.Insert(trail, 1, ui.Link{Text: v.project.Name, Href: v.projectPath("")})
	}
	frame.Page = v.trail(v.page(title), trail...)
	for _, tab := range []struct {
		text, path string
		permission access.Permission
	}{
		{"Overview", "", access.ViewProject},
		{"API keys", "api-keys", access.ReadProjectKeys},
		{"Hosts", "hosts", access.ReadProjectSettings},
		{"Members", "members", access.ReadProjectMembers},
		{"Settings", "settings", access.ReadProjectSettings},
	} {
		if v.inProject.Has(tab.permission) {
			href := v.projectPath(tab.path)
			frame.Tabs = append(frame.Tabs, ui.Link{Text: tab.text, Href: href, Current: v.r.URL.Path == href})
		}
	}
	return frame
}

func (v *visit) projectPage() error {
	page := views.ProjectPage{
		ProjectFrame: v.projectFrame(v.project.Name), ID: v.project.ID, Kind: kindTitle(v.project.Kind),
		Roles: v.rolesInProject(v.project.ID), Created: ui.MomentOf(v.project.CreatedAt, v.now()),
	}
	for _, row := range access.ProjectMatrix() {
		if v.inProject.Has(row.Permission) {
			page.Permissions = append(page.Permissions, row.Description)
		}
	}
	return v.render(http.StatusOK, views.Project(page))
}
