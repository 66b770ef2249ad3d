package handlers

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
	"github.com/gatehouse-sso/gatehouse/web"
)

// home is the start page: the person's organizations. Before there is an owner it is the first-run page; a recovery session is sent to what
// it may open.
func (v *visit) home() error {
	switch {
	case v.recovering():
		web.Redirect(v.w, v.r, "/organizations/"+v.session.LimitedTo+"/sign-in")
		return nil
	case v.signedIn():
		return v.showOrganizations(http.StatusOK, "", nil)
	}
	exists, err := v.store.OwnerExists(v.ctx())
	if err != nil {
		return err
	}
	if !exists {
		return v.firstRun()
	}
	return errSignIn
}

func (v *visit) showOrganizations(status int, name string, problem *ui.Problem) error {
	memberships, err := v.ownOrganizations()
	if err != nil {
		return err
	}
	mayCreate := v.OpenSignup && access.MayChangeUser(v.session.Proofs)
	page := views.OrganizationsPage{Page: v.page("Your organizations"), MayCreate: mayCreate, Name: name, Problem: problem}
	for _, m := range memberships {
		page.Rows = append(page.Rows, views.OrganizationRow{
			Name: m.Organization.Name, Slug: m.Organization.Slug, Href: "/organizations/" + m.Organization.ID, Roles: roleTitles(m.Member.Roles),
			Suspended: m.Organization.SuspendedAt != nil || m.Member.SuspendedAt != nil,
		})
	}
	return v.render(status, views.Organizations(page))
}

// ownOrganizations are those of the person of which this session may know: with the person's own credential all, else those whose identity
// provider opened it. Another's is not told where else the person is.
func (v *visit) ownOrganizations() ([]store.Membership, error) {
	all, err := v.store.OrganizationsOf(v.ctx(), v.user.ID)
	if access.MayChangeUser(v.session.Proofs) {
		return all, err
	}
	return slices.DeleteFunc(all, func(m store.Membership) bool {
		return !slices.ContainsFunc(v.session.Proofs, func(p access.Proof) bool { return p.OrganizationID == m.Organization.ID })
	}), err
}

// createOrganization makes one, where the operator lets people.
func (v *visit) createOrganization() error {
	if !v.OpenSignup {
		return store.ErrNotFound
	}
	name := v.form().Text("name")
	o, err := v.store.CreateOrganization(v.ctx(), v.actor(), name, v.user.ID)
	if often := tooOften(err); often != "" {
		return v.showOrganizations(http.StatusTooManyRequests, name, fieldProblem("", often))
	}
	if problem := problemOf(err); problem != nil {
		return v.showOrganizations(http.StatusUnprocessableEntity, name, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo("/organizations/"+o.ID, "The organization is created.")
}

// projectsHome is how many projects stand on the organization's page.
const projectsHome = 20

// organizationPage says what the organization is and, to owners, what is left to set up.
func (v *visit) organizationPage() error {
	count, err := v.scope.CountMembers(v.ctx(), "")
	if err != nil {
		return err
	}
	page := views.OrganizationPage{
		Page: v.page(v.organization.Name), Name: v.organization.Name, ID: v.organization.ID, Roles: roleTitles(v.member.Roles),
		Members: countedUpTo(count, store.MostCounted, "member"), MembersAt: v.path("members"), ProjectsAt: v.path("projects"),
	}
	if page.Notices, err = v.notices(); err != nil {
		return err
	}
	projects, err := v.ownProjects(store.ProjectFilter{Limit: projectsHome})
	if err != nil {
		return err
	}
	for _, p := range projects {
		page.Projects = append(page.Projects, views.OrganizationRow{Name: p.Name, Href: v.path("projects/" + p.ID), Roles: v.rolesInProject(p.ID)})
	}
	if v.may.Has(access.ManageSSO) {
		page.FindLogin = v.path("logins")
		if page.Tasks, err = v.tasks(); err != nil {
			return err
		}
		if page.Connections, err = v.connectionNotices(); err != nil {
			return err
		}
	}
	return v.render(http.StatusOK, views.Organization(page))
}

// tasks are the steps to single sign-on, and which of them are done.
func (v *visit) tasks() ([]views.OrganizationTask, error) {
	domains, err := v.scope.VerifiedDomains(v.ctx())
	if err != nil {
		return nil, err
	}
	active, err := v.scope.ActiveConnections(v.ctx())
	if err != nil {
		return nil, err
	}
	policy, err := v.scope.SignInPolicy(v.ctx())
	if err != nil {
		return nil, err
	}
	return []views.OrganizationTask{
		{Text: "Connect your identity provider", Help: "Exchange metadata with it, test with a real sign-in, activate.", Href: v.path("connections"), Done: len(active) > 0},
		{Text: "Prove your email domain", Help: "One TXT record in your DNS.", Href: v.path("domains"), Done: len(domains) > 0},
		{Text: "Require single sign-on", Help: "Choose the role that newcomers get, see who is affected, turn it on.", Href: v.path("sign-in"), Done: policy.Enforcement != access.NoEnforcement},
	}, nil
}

func (v *visit) organizationSettings() error {
	return v.showOrganizationSettings(http.StatusOK, v.ownSettings(), nil)
}

// settingsForm is what was typed on the settings page; what is nil was not sent.
type settingsForm struct {
	name, slug string
	role       access.Role // by default in projects
	keys       *views.KeyPolicyForm
	sessions   *views.SessionPolicyForm
}

func (v *visit) showOrganizationSettings(status int, f settingsForm, problem *ui.Problem) error {
	policy, err := v.scope.KeyPolicy(v.ctx())
	if err != nil {
		return err
	}
	sessions, err := v.scope.SessionPolicy(v.ctx())
	if err != nil {
		return err
	}
	o := v.organization
	page := views.OrganizationSettingsPage{
		Page: v.page("Settings"), Action: v.path("settings"), Name: f.name, Slug: f.slug, ID: o.ID, Delete: v.path("settings/delete"), Plan: capitalized(string(o.Plan)),
		Created: ui.MomentOf(o.CreatedAt, v.now()), Version: formVersion(o.Version), Keys: v.keyPolicyForm(policy), Sessions: v.sessionPolicyForm(sessions), Problem: problem,
	}
	for _, role := range store.DefaultProjectRoles() {
		page.Roles = append(page.Roles, ui.Option{Value: string(role), Label: role.Title(), Chosen: role == f.role})
	}
	if f.keys != nil {
		page.Keys = *f.keys
	}
	if f.sessions != nil {
		page.Sessions = *f.sessions
	}
	return v.render(status, views.OrganizationSettings(page))
}

// changeOrganization changes what the form that was sent is about: the name and the slug, or the default project role.
func (v *visit) changeOrganization() error {
	f, field, done := v.ownSettings(), "name", "The name is saved."
	var change store.OrganizationChange
	if v.form().Count("name") > 0 {
		f.name = v.form().Text("name")
		change.Name = &f.name
	}
	if v.form().Count("slug") > 0 {
		f.slug = v.form().Text("slug")
		change.Slug = &f.slug
	}
	if v.form().Count("default_project_role") > 0 {
		f.role, field, done = access.Role(v.form().Text("default_project_role")), "default_project_role", "The default project role is saved."
		change.DefaultProjectRole = &f.role
	}
	err := v.scope.ChangeOrganization(v.ctx(), v.actor(), v.version(), change)
	if problem := editProblem(err, field); problem != nil {
		return v.showOrganizationSettings(http.StatusUnprocessableEntity, f, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("settings"), done)
}

// ownSettings are the settings as they are.
func (v *visit) ownSettings() settingsForm {
	return settingsForm{name: v.organization.Name, slug: v.organization.Slug, role: v.organization.DefaultProjectRole}
}

// version is the version of a record that a form was made from; 0, which no record has, when it is missing.
func (v *visit) version() int64 {
	version, _ := strconv.ParseInt(v.form().Text("version"), 10, 64)
	return version
}

// formVersion is that version as a form carries it.
func formVersion(version int64) string { return strconv.FormatInt(version, 10) }

// editProblem is problemOf for forms that carry a version: the second of two who edit the same is told beside the field, and sees what the
// first saved when opening the page anew.
func editProblem(err error, field string) *ui.Problem {
	if isConflict(err) {
		return fieldProblem(field, "Somebody else changed this in the meantime. Check what is saved now, then save again.")
	}
	return problemOf(err)
}

// roleTitles are roles in words.
func roleTitles(roles []access.Role) string {
	words := make([]string, len(roles))
	for i, role := range roles {
		words[i] = role.Title()
	}
	return strings.Join(words, ", ")
}

// roleOptions are roles to choose from, those that are held being chosen.
func roleOptions(all []access.Role, chosen func(access.Role) bool) []ui.Option {
	options := make([]ui.Option, len(all))
	for i, role := range all {
		options[i] = ui.Option{Value: string(role), Label: role.Title(), Help: role.Description(), Chosen: chosen(role)}
	}
	return options
}

// sentRoles are the roles that a form asks for.
func (v *visit) sentRoles() []access.Role {
	var roles []access.Role
	for _, value := range v.form().All("roles") {
		roles = append(roles, access.Role(value))
	}
	return roles
}

// counted is a number and its noun: "1 member", "14 members".
func counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return ui.Number(n) + " " + noun + "s"
}

func capitalized(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}
