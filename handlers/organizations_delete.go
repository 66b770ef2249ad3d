package handlers

import (
	"errors"
	"net/http"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func (v *visit) deleteOrganizationPage() error { return v.showDeleteOrganization(http.StatusOK, nil) }

// showDeleteOrganization says in numbers what ends with the organization and asks for its name, or says what is in the way.
func (v *visit) showDeleteOrganization(status int, problem *ui.Problem) error {
	left, err := v.scope.Leftovers(v.ctx())
	if err != nil {
		return err
	}
	page := views.DeleteOrganizationPage{
		Page: v.trail(v.page("Delete"), ui.Link{Text: "Settings", Href: v.path("settings")}), Name: v.organization.Name,
		Confirm: ui.Confirm{
			Action: v.path("settings/delete"), Version: formVersion(v.organization.Version), Name: v.organization.Name, Value: v.form().Text("confirm"),
			Button: "Delete organization", Cancel: v.path("settings"), Problem: problem, Consequences: []string{
				countedUpTo(left.Members, store.MostCounted, "member") + " lose their way in within a second, you among them. The people stay, with what they have elsewhere.",
				counted(left.Connections, "connection") + " with everybody linked through them, their settings and their logins, and " + counted(left.Domains, "domain") + ". Another organization can verify the domains after a week.",
				counted(left.ServiceAccounts, "service account") + " with their tokens, " + counted(left.Webhooks, "webhook") + ", and all invites.",
				"The events stay with whoever runs this service. Every owner is told by mail.",
			},
		},
	}
	if left.Projects > 0 {
		page.Projects, page.ProjectsAt = countedUpTo(left.Projects, store.MostCounted, "project"), v.path("projects")
	}
	return v.render(status, views.DeleteOrganization(page))
}

func (v *visit) deleteOrganization() error {
	if v.form().Text("confirm") != v.organization.Name {
		return v.showDeleteOrganization(http.StatusUnprocessableEntity, fieldProblem("confirm", "Type the organization's name as it is written above."))
	}
	err := v.scope.DeleteOrganization(v.ctx(), v.actor(), v.version())
	if errors.Is(err, store.ErrProjectsLeft) {
		return v.showDeleteOrganization(http.StatusUnprocessableEntity, nil)
	}
	if problem := editProblem(err, ""); problem != nil {
		return v.showDeleteOrganization(http.StatusUnprocessableEntity, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo("/", "The organization “"+v.organization.Name+"” is deleted.")
}
