package handlers

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// leavePage says what leaving means, in numbers, and asks once more.
func (v *visit) leavePage() error { return v.showLeave(http.StatusOK, nil) }

func (v *visit) showLeave(status int, problem *ui.Problem) error {
	keys, err := v.scope.CountAPIKeysOf(v.ctx(), v.user.ID)
	if err != nil {
		return err
	}
	projects, err := v.scope.CountProjectsOf(v.ctx(), v.user.ID)
	if err != nil {
		return err
	}
	path := v.path("members/" + v.member.ID)
	return v.render(status, views.Leave(views.LeavePage{
		Page:         v.trail(v.page("Leave "+v.organization.Name), ui.Link{Text: "Members", Href: v.path("members")}, ui.Link{Text: v.member.Name, Href: path}),
		Organization: v.organization.Name,
		Confirm: ui.Confirm{
			Action: v.path("leave"), Name: v.organization.Name, Value: v.form().Text("confirm"), Button: "Leave organization", Cancel: path, Problem: problem,
			Consequences: []string{
				"You can no longer enter " + v.organization.Name + ".",
				"You lose your roles in " + counted(projects, "project") + ".",
				"The API keys that you made, " + counted(keys, "live key") + ", stop within a second.",
			},
		},
	}))
}

// leave takes the visitor out of the organization. The last owner stays (D-14).
func (v *visit) leave() error {
	if v.form().Text("confirm") != v.organization.Name {
		return v.showLeave(http.StatusUnprocessableEntity, fieldProblem("confirm", "Type the name exactly as it is written."))
	}
	err := v.scope.RemoveMember(v.ctx(), v.actor(), v.member.ID, v.member.Version)
	if problem := memberProblem(err); problem != nil {
		return v.showLeave(http.StatusUnprocessableEntity, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo("/", "You left "+v.organization.Name+".")
}
