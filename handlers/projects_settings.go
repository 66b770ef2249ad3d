package handlers

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func (v *visit) projectSettings() error {
	return v.showProjectSettings(http.StatusOK, v.project.Name, nil)
}

func (v *visit) showProjectSettings(status int, name string, problem *ui.Problem) error {
	page := views.ProjectSettingsPage{
		ProjectFrame: v.projectFrame("Settings"), Action: v.projectPath("settings"), NewName: name,
		Version: formVersion(v.project.Version), MayManage: v.inProject.Has(access.ManageProject), Problem: problem, Delete: v.projectPath("delete"),
	}
	if page.MayManage {
		keys, err := v.liveKeys()
		if err != nil {
			return err
		}
		page.DeleteHelp = keys + " stop working within a second. This cannot be undone."
	}
	return v.render(status, views.ProjectSettings(page))
}

// liveKeys is how many API keys die with the project, in words.
func (v *visit) liveKeys() (string, error) {
	count, err := v.scope.CountAPIKeys(v.ctx(), v.project.ID, store.APIKeyFilter{State: store.KeysLive})
	return countedUpTo(count, store.KeysCounted, "live API key"), err
}

func (v *visit) renameProject() error {
	name := v.form().Text("name")
	err := v.scope.RenameProject(v.ctx(), v.actor(), v.project.ID, v.version(), name)
	if problem := editProblem(err, "name"); problem != nil {
		return v.showProjectSettings(http.StatusUnprocessableEntity, name, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.projectPath("settings"), "The name is saved.")
}

func (v *visit) deleteProjectPage() error { return v.showDeleteProject(http.StatusOK, nil) }

// showDeleteProject says in numbers what ends with the project, and asks for its name.
func (v *visit) showDeleteProject(status int, problem *ui.Problem) error {
	keys, err := v.liveKeys()
	if err != nil {
		return err
	}
	members, err := v.scope.CountProjectMembers(v.ctx(), v.project.ID)
	if err != nil {
		return err
	}
	return v.render(status, views.Confirm(views.ConfirmPage{
		Page: v.projectFrame("Delete", ui.Link{Text: "Settings", Href: v.projectPath("settings")}).Page, Heading: "Delete “" + v.project.Name + "”", Sentence: "This cannot be undone.",
		Confirm: ui.Confirm{
			Action: v.projectPath("delete"), Version: formVersion(v.project.Version), Name: v.project.Name, Value: v.form().Text("confirm"),
			Button: "Delete project", Cancel: v.projectPath("settings"), Problem: problem, Consequences: []string{
				keys + " stop working within a second, and their counts of use are gone.",
				countedUpTo(members, store.MostCounted, "member") + " with a role in it lose that role.",
				"Programs and proxies that ask about it are refused.",
			},
		},
	}))
}

func (v *visit) deleteProject() error {
	if v.form().Text("confirm") != v.project.Name {
		return v.showDeleteProject(http.StatusUnprocessableEntity, fieldProblem("confirm", "Type the project's name as it is written above."))
	}
	err := v.scope.DeleteProject(v.ctx(), v.actor(), v.project.ID, v.version())
	if problem := editProblem(err, ""); problem != nil {
		return v.showDeleteProject(http.StatusUnprocessableEntity, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("projects"), "The project “"+v.project.Name+"” is deleted.")
}
