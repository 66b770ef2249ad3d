package handlers

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// forServiceAccounts answers with an explanation where the organization's plan has no service accounts.
func forServiceAccounts(handle func(*visit) error) func(*visit) error {
	return func(v *visit) error {
		if v.organization.Has(access.EntitledServiceAccounts) {
			return handle(v)
		}
		return v.render(http.StatusForbidden, views.NotInPlan(views.NotInPlanPage{
			Page: v.page("Service accounts"), Heading: "Service accounts", Sentence: views.ServiceAccountsAre,
			Plan: capitalized(string(v.organization.Plan)), Billing: v.billing(),
		}))
	}
}

func (v *visit) serviceAccounts() error {
	accounts, err := v.scope.ServiceAccounts(v.ctx())
	if err != nil {
		return err
	}
	page := views.ServiceAccountsPage{Page: v.page("Service accounts"), Create: v.path("service-accounts/new")}
	for _, a := range accounts {
		row := views.ServiceAccountRow{
			Name: a.Name, ID: a.ID, Href: v.path("service-accounts/" + a.ID), Roles: roleTitles(a.Roles), Creator: accountCreator(a),
			Created: ui.MomentOf(a.CreatedAt, v.now()), Used: v.momentOf(lastTokenUse(a)),
		}
		if n := len(a.ProjectRoles); n > 0 {
			row.Projects = counted(int64(n), "project")
		}
		page.Rows = append(page.Rows, row)
	}
	return v.render(http.StatusOK, views.ServiceAccounts(page))
}

func accountCreator(a store.ServiceAccount) string {
	if a.CreatedByName == "" {
		return "Somebody who is gone"
	}
	return a.CreatedByName
}

// lastTokenUse is when any of its tokens was used last, nil for never.
func lastTokenUse(a store.ServiceAccount) (last *time.Time) {
	for _, token := range a.Tokens {
		if token.UsedAt != nil && (last == nil || token.UsedAt.After(*last)) {
			last = token.UsedAt
		}
	}
	return last
}

// accountPage is the frame of a page about service accounts, with the way back to them and, where there is one, to the account.
func (v *visit) accountPage(title string, account *store.ServiceAccount) views.Page {
	up := []ui.Link{{Text: "Service accounts", Href: v.path("service-accounts")}}
	if account != nil && title != account.Name {
		up = append(up, ui.Link{Text: account.Name, Href: v.accountPath(*account, "")})
	}
	return v.trail(v.page(title), up...)
}

func (v *visit) accountPath(a store.ServiceAccount, rest string) string {
	return v.path(strings.TrimSuffix("service-accounts/"+a.ID+"/"+rest, "/"))
}

func (v *visit) newServiceAccount() error {
	return v.showNewServiceAccount(http.StatusOK, newForm(), "", []access.Role{access.OrgMember}, nil)
}

func (v *visit) showNewServiceAccount(status int, once, name string, chosen []access.Role, problem *ui.Problem) error {
	return v.render(status, views.NewServiceAccount(views.NewServiceAccountPage{
		Page: v.accountPage("New service account", nil), Action: v.path("service-accounts"), Cancel: v.path("service-accounts"), Once: once, Name: name,
		Roles: roleOptions(access.OrganizationRoles(), func(r access.Role) bool { return slices.Contains(chosen, r) }), Problem: problem,
	}))
}

// createServiceAccount makes one and shows its token, in this answer and nowhere else.
func (v *visit) createServiceAccount() error {
	name, roles := v.form().Text("name"), v.sentRoles()
	return v.once(func() (func(*visit) error, error) {
		made, token, err := v.scope.CreateServiceAccount(v.ctx(), v.actor(), name, roles)
		if problem := problemOf(err); problem != nil {
			return nil, v.showNewServiceAccount(http.StatusUnprocessableEntity, v.form().Text("once"), name, roles, problem)
		}
		return func(v *visit) error {
			return v.showToken(http.StatusCreated, "Service account created", made, token, "")
		}, err
	})
}

func (v *visit) showToken(status int, heading string, a store.ServiceAccount, token secret.Token, old string) error {
	return v.render(status, views.ServiceAccountToken(views.ServiceAccountTokenPage{
		Page: v.accountPage(heading, &a), Heading: heading, Name: a.Name, ID: a.ID, Token: token.Reveal(), Old: old, Account: v.accountPath(a, ""),
		Curl: "curl -sS " + v.URL.JoinPath("api/v1/organizations", a.OrganizationID).String() + " -H 'Authorization: Bearer " + token.Reveal() + "'",
	}))
}

// namedServiceAccount is the one that the path names.
func (v *visit) namedServiceAccount() (store.ServiceAccount, error) {
	return v.scope.ServiceAccount(v.ctx(), v.id("account"))
}

// accountForm is what was typed on a service account's page.
type accountForm struct {
	name         string
	roles        []access.Role
	project      string
	projectRoles []access.Role
}

func (v *visit) serviceAccount() error {
	a, err := v.namedServiceAccount()
	if err != nil {
		return err
	}
	return v.showServiceAccount(http.StatusOK, a, v.accountForm(a, v.query("project")), nil)
}

// accountForm is the page's form as the account is, the project being the one to change roles in.
func (v *visit) accountForm(a store.ServiceAccount, project string) accountForm {
	return accountForm{name: a.Name, roles: a.Roles, project: project, projectRoles: a.ProjectRoles[project]}
}

func (v *visit) showServiceAccount(status int, a store.ServiceAccount, f accountForm, problem *ui.Problem) error {
	choices, offered, err := v.offeredProjects(v.accountPath(a, ""), f.project)
	if err != nil {
		return err
	}
	projects, err := v.scope.ProjectsByName(v.ctx(), store.ProjectFilter{Of: a.ID, Limit: 200})
	if err != nil {
		return err
	}
	page := views.ServiceAccountPage{
		Page: v.accountPage(a.Name, &a), Name: a.Name, ID: a.ID, Creator: accountCreator(a), Created: ui.MomentOf(a.CreatedAt, v.now()),
		RotateAt: v.accountPath(a, "rotate"), DeleteAt: v.accountPath(a, "delete"), Action: v.accountPath(a, ""), Version: formVersion(a.Version),
		NewName: f.name, Roles: roleOptions(access.OrganizationRoles(), func(r access.Role) bool { return slices.Contains(f.roles, r) }),
		ProjectAction: v.accountPath(a, "projects"), Offered: offered, Problem: problem,
		ProjectRoles: roleOptions(access.ProjectRoles(), func(r access.Role) bool { return slices.Contains(f.projectRoles, r) }),
	}
	for _, token := range a.Tokens {
		if token.EndsAt == nil || token.EndsAt.After(v.now()) {
			page.Tokens = append(page.Tokens, views.ServiceAccountTokenRow{
				Number: strconv.Itoa(token.Number), Created: ui.MomentOf(token.CreatedAt, v.now()), Ends: v.momentOf(token.EndsAt), Used: v.momentOf(token.UsedAt),
			})
		}
	}
	for _, p := range choices {
		page.Choices = append(page.Choices, ui.Option{Value: p.ID, Label: p.Name, Chosen: p.ID == f.project})
	}
	for _, p := range projects {
		if roles := a.ProjectRoles[p.ID]; len(roles) > 0 {
			page.Projects = append(page.Projects, views.ServiceAccountProject{
				Name: p.Name, Roles: roleTitles(roles), Change: v.accountPath(a, "") + "?project=" + p.ID + "#project-roles",
			})
		}
	}
	return v.render(status, views.ServiceAccount(page))
}

// changeServiceAccount saves its name and its roles in the organization.
func (v *visit) changeServiceAccount() error {
	a, err := v.namedServiceAccount()
	if err != nil {
		return err
	}
	f := accountForm{name: v.form().Text("name"), roles: v.sentRoles()}
	err = v.scope.ChangeServiceAccount(v.ctx(), v.actor(), a.ID, v.version(), f.name, f.roles)
	if problem := editProblem(err, "name"); problem != nil {
		return v.showServiceAccount(http.StatusUnprocessableEntity, a, f, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.accountPath(a, ""), "The service account is saved.")
}

// setServiceAccountProject makes the chosen roles those that it has in a project.
func (v *visit) setServiceAccountProject() error {
	a, err := v.namedServiceAccount()
	if err != nil {
		return err
	}
	f := v.accountForm(a, v.form().Text("project"))
	f.projectRoles = v.sentRoles()
	err = v.scope.SetServiceAccountProjectRoles(v.ctx(), v.actor(), f.project, a.ID, v.version(), f.projectRoles)
	if problem := renamed(editProblem(err, "project"), map[string]string{"roles": "project_roles"}); problem != nil {
		return v.showServiceAccount(http.StatusUnprocessableEntity, a, f, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.accountPath(a, ""), "The roles in the project are saved.")
}

func (v *visit) rotateServiceAccountPage() error {
	a, err := v.namedServiceAccount()
	if err != nil {
		return err
	}
	return v.showRotateServiceAccount(http.StatusOK, a, newForm(), "24h", nil)
}

func (v *visit) showRotateServiceAccount(status int, a store.ServiceAccount, once, overlap string, problem *ui.Problem) error {
	return v.render(status, views.RotateServiceAccount(views.RotateServiceAccountPage{
		Page: v.accountPage("Rotate", &a), Name: a.Name, Action: v.accountPath(a, "rotate"), Cancel: v.accountPath(a, ""), Version: formVersion(a.Version),
		Once: once, Overlaps: overlapOptions(overlap), Problem: problem,
	}))
}

// rotateServiceAccount gives it another token and shows it, in this answer and nowhere else.
func (v *visit) rotateServiceAccount() error {
	a, err := v.namedServiceAccount()
	if err != nil {
		return err
	}
	return v.once(func() (func(*visit) error, error) {
		refuse := func(problem *ui.Problem) error {
			return v.showRotateServiceAccount(http.StatusUnprocessableEntity, a, v.form().Text("once"), v.form().Text("overlap"), problem)
		}
		overlap, chosen := v.sentOverlap()
		if !chosen {
			return nil, refuse(fieldProblem("overlap", "Choose how long the present token goes on working."))
		}
		rotated, token, err := v.scope.RotateServiceAccount(v.ctx(), v.actor(), a.ID, v.version(), overlap)
		if problem := editProblem(err, ""); problem != nil {
			return nil, refuse(problem)
		}
		return func(v *visit) error {
			return v.showToken(http.StatusOK, "Token rotated", rotated, token, v.oldToken(rotated))
		}, err
	})
}

// oldToken says what becomes of the token before.
func (v *visit) oldToken(a store.ServiceAccount) string {
	for _, token := range a.Tokens {
		if token.EndsAt != nil && token.EndsAt.After(v.now()) {
			return "The token before goes on working until " + ui.ExactMoment(*token.EndsAt).Human + "."
		}
	}
	return "The token before no longer works."
}

func (v *visit) deleteServiceAccountPage() error {
	a, err := v.namedServiceAccount()
	if err != nil {
		return err
	}
	return v.showDeleteServiceAccount(http.StatusOK, a, nil)
}

func (v *visit) showDeleteServiceAccount(status int, a store.ServiceAccount, problem *ui.Problem) error {
	keys, err := v.scope.CountAPIKeysOf(v.ctx(), a.ID)
	if err != nil {
		return err
	}
	page := views.ConfirmPage{
		Page: v.accountPage("Delete", &a), Heading: "Delete “" + a.Name + "”", Sentence: "This cannot be undone.",
		Confirm: ui.Confirm{
			Action: v.accountPath(a, "delete"), Version: formVersion(a.Version), Name: a.Name, Value: v.form().Text("confirm"), Button: "Delete service account",
			Cancel: v.accountPath(a, ""), Problem: problem, Consequences: []string{
				"Programs that present its tokens are refused within a second.",
				"It loses its roles here and in " + counted(int64(len(a.ProjectRoles)), "project") + ".",
				"The API keys that it made and still answers for, " + counted(keys, "live key") + ", stop within a second.",
			},
		},
	}
	if used := lastTokenUse(a); used != nil && v.now().Sub(*used) < usedRecently {
		page.Warning = "It was used " + ui.MomentOf(*used, v.now()).Human + "."
	}
	return v.render(status, views.Confirm(page))
}

func (v *visit) deleteServiceAccount() error {
	a, err := v.namedServiceAccount()
	if err != nil {
		return err
	}
	if v.form().Text("confirm") != a.Name {
		return v.showDeleteServiceAccount(http.StatusUnprocessableEntity, a, fieldProblem("confirm", "Type the service account's name as it is written above."))
	}
	err = v.scope.DeleteServiceAccount(v.ctx(), v.actor(), a.ID, v.version())
	if problem := editProblem(err, ""); problem != nil {
		return v.showDeleteServiceAccount(http.StatusUnprocessableEntity, a, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("service-accounts"), "The service account “"+a.Name+"” is deleted.")
}
