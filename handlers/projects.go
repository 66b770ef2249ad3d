package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

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

// projectsToChoose are those that a form offers: the first by name, and those that are chosen already.
func (v *visit) projectsToChoose(chosen ...string) ([]store.Project, error) {
	all, err := v.scope.Projects(v.ctx())
	if err != nil {
		return nil, err
	}
	chosen = slices.DeleteFunc(chosen, func(id string) bool {
		return id == "" || slices.ContainsFunc(all, func(p store.Project) bool { return p.ID == id })
	})
	more, err := v.scope.ProjectsByID(v.ctx(), chosen)
	return append(all, more...), err
}

// chosenProjects are the ids in the lines.
func chosenProjects(lines []store.ProjectRole) []string {
	var ids []string
	for _, line := range lines {
		ids = append(ids, line.ProjectID)
	}
	return ids
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

// paged cuts a list, of which one more was read than is shown, and says where it goes on: link leads "before" or "after" a row.
func paged[T any](found []T, shown int, after, before string, link func(direction string, row T) string) ([]T, ui.Pager) {
	upwards, further := before != "" && after == "", len(found) > shown
	if further && upwards {
		found = found[1:]
	} else if further {
		found = found[:shown]
	}
	var pager ui.Pager
	if len(found) > 0 && (after != "" || upwards && further) {
		pager.Previous = link("before", found[0])
	}
	if len(found) > 0 && (upwards || further) {
		pager.Next = link("after", found[len(found)-1])
	}
	return found, pager
}

// goToBeginning leads whoever went on where nothing follows, for what was there is gone meanwhile, to the beginning of the list.
func (v *visit) goToBeginning(path string) error {
	if search := v.query("q"); search != "" {
		path += "?" + url.Values{"q": {search}}.Encode()
	}
	return v.goTo(path, "")
}

// goOnFrom is where a list goes on, its search with it.
func (v *visit) goOnFrom(path, direction, id string) string {
	query := url.Values{direction: {id}}
	if search := v.query("q"); search != "" {
		query.Set("q", search)
	}
	return path + "?" + query.Encode()
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
	expires := v.now().AddDate(0, 0, min(defaultDays, policy.LongestDays))
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

func (v *visit) projectMembers() error {
	return v.showProjectMembers(http.StatusOK, nil)
}

func (v *visit) showProjectMembers(status int, problem *ui.Problem) error {
	filter := store.MemberFilter{After: v.query("after"), Before: v.query("before"), Limit: membersShown + 1}
	members, err := v.scope.SomeProjectMembers(v.ctx(), v.project.ID, filter)
	if err != nil {
		return err
	}
	if len(members) == 0 && v.filtered("after", "before") {
		return v.goToBeginning(v.projectPath("members"))
	}
	page := views.ProjectMembersPage{
		ProjectFrame: v.projectFrame("Members"), MayManage: v.inProject.Has(access.ManageProjectMembers),
		Action: v.projectPath("members"), Email: v.form().Text("email"), Problem: problem,
		Roles: roleOptions(access.ProjectRoles(), func(r access.Role) bool {
			if v.r.Method == http.MethodGet {
				return r == v.organization.DefaultProjectRole
			}
			return slices.Contains(v.sentRoles(), r)
		}),
	}
	if policy, err := v.scope.SignInPolicy(v.ctx()); err != nil {
		return err
	} else if policy.Mode == access.IDPRoles {
		page.FromIDP, page.MayManage = true, false
	}
	members, page.Pager = paged(members, membersShown, filter.After, filter.Before, func(direction string, m store.Member) string {
		return v.goOnFrom(v.projectPath("members"), direction, m.UserID)
	})
	for _, m := range members {
		row := views.ProjectMemberRow{Name: m.Name, Email: m.Email, Roles: roleTitles(m.ProjectRoles[v.project.ID])}
		if page.MayManage {
			row.Href = v.projectPath("members/" + m.ID)
		}
		page.Rows = append(page.Rows, row)
	}
	return v.render(status, views.ProjectMembers(page))
}

// addProjectMember gives roles to a member of the organization who is named by address.
func (v *visit) addProjectMember() error {
	m, err := v.memberByAddress(v.form().Text("email"))
	if errors.Is(err, store.ErrNotFound) {
		return v.showProjectMembers(http.StatusUnprocessableEntity, fieldProblem("email", "No member of this organization has this address. People become members when they first sign in through a connection."))
	}
	if err != nil {
		return err
	}
	if len(v.sentRoles()) == 0 {
		return v.showProjectMembers(http.StatusUnprocessableEntity, fieldProblem("roles", "Choose at least one role."))
	}
	err = v.scope.ChangeProjectRoles(v.ctx(), v.actor(), v.project.ID, m.ID, func(has []access.Role) []access.Role { return append(has, v.sentRoles()...) })
	if problem := problemOf(err); problem != nil {
		return v.showProjectMembers(http.StatusUnprocessableEntity, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.projectPath("members"), m.Name+" is a member of this project.")
}

// memberByAddress is the member of this organization with the address; whoever is none is not found, known elsewhere or not.
func (v *visit) memberByAddress(typed string) (store.Member, error) {
	address, err := typedAddress(typed)
	if err != nil {
		return store.Member{}, store.ErrNotFound
	}
	user, err := v.store.UserByAddress(v.ctx(), address)
	if err != nil {
		return store.Member{}, err
	}
	return v.scope.MemberOf(v.ctx(), user.ID)
}

func (v *visit) projectMember() error {
	m, err := v.scope.Member(v.ctx(), v.id("member"))
	if err != nil {
		return err
	}
	return v.showProjectMember(http.StatusOK, m, m.ProjectRoles[v.project.ID], nil)
}

func (v *visit) showProjectMember(status int, m store.Member, chosen []access.Role, problem *ui.Problem) error {
	return v.render(status, views.ProjectMember(views.ProjectMemberPage{
		ProjectFrame: v.projectFrame(m.Name, ui.Link{Text: "Members", Href: v.projectPath("members")}),
		Action:       v.projectPath("members/" + m.ID), Cancel: v.projectPath("members"), Member: m.Name, Email: m.Email, Problem: problem,
		Had:   joinRoles(m.ProjectRoles[v.project.ID]),
		Roles: roleOptions(access.ProjectRoles(), func(r access.Role) bool { return slices.Contains(chosen, r) }),
	}))
}

func (v *visit) setProjectRoles() error {
	m, err := v.scope.Member(v.ctx(), v.id("member"))
	if err != nil {
		return err
	}
	stale := false
	err = v.scope.ChangeProjectRoles(v.ctx(), v.actor(), v.project.ID, m.ID, func(has []access.Role) []access.Role {
		if stale = joinRoles(has) != v.form().Text("had"); stale {
			return has
		}
		return v.sentRoles()
	})
	if stale {
		return v.showProjectMember(http.StatusUnprocessableEntity, m, m.ProjectRoles[v.project.ID],
			fieldProblem("roles", "Somebody else changed these roles in the meantime. What is saved now is shown: change it, then save again."))
	}
	if problem := problemOf(err); problem != nil {
		return v.showProjectMember(http.StatusUnprocessableEntity, m, v.sentRoles(), problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.projectPath("members"), "The roles are saved.")
}

// joinRoles are the roles that a form was made from, as it carries them.
func joinRoles(roles []access.Role) string {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	return strings.Join(names, " ")
}
