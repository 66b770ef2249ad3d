package handlers

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func (v *visit) projectMembers() error {
	return v.showProjectMembers(http.StatusOK, nil)
}

func (v *visit) showProjectMembers(status int, problem *ui.Problem) error {
	filter := store.MemberFilter{After: v.query("after"), Before: v.query("before"), Limit: membersShown + 1}
	members, err := v.scope.ProjectMembers(v.ctx(), v.project.ID, filter)
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
