package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

const (
	invitesShown   = 50 // on a page
	inviteProjects = 3  // lines of project roles in the form
)

// invites lists whom the organization has asked in. What is asked for stands in the address: q, state, and after or before an invite's id.
func (v *visit) invites() error {
	filter := store.InviteFilter{Search: v.query("q"), State: store.InviteState(v.query("state")), After: v.query("after"), Before: v.query("before"), Limit: invitesShown + 1}
	found, err := v.scope.Invites(v.ctx(), filter)
	if err != nil {
		return err
	}
	count, err := v.scope.CountInvites(v.ctx(), filter)
	if err != nil {
		return err
	}
	domains, err := v.scope.VerifiedDomains(v.ctx())
	if err != nil {
		return err
	}
	page := views.InvitesPage{
		Page: v.trail(v.page("Invites"), ui.Link{Text: "Members", Href: v.path("members")}), Action: v.path("invites"), Create: v.path("invites/new"),
		Search: filter.Search, Count: countedUpTo(count, store.MostCounted, "invite"), States: v.inviteStates(),
	}
	if v.filtered("q", "state") {
		page.Clear = page.Action
	}
	found, page.Pager = paged(found, invitesShown, filter.After, filter.Before, func(direction string, i store.Invite) string { return v.invitesFrom(direction, i.ID) })
	var projects []string
	for _, i := range found {
		projects = append(projects, chosenProjects(i.ProjectRoles)...)
	}
	names, err := v.projectNames(projects)
	if err != nil {
		return err
	}
	for _, i := range found {
		page.Rows = append(page.Rows, v.inviteRow(i, domains, names))
	}
	return v.render(http.StatusOK, views.Invites(page))
}

func (v *visit) inviteStates() []ui.Option {
	var options []ui.Option
	for _, state := range store.InviteStates() {
		options = append(options, ui.Option{Value: string(state), Label: capitalized(string(state))})
	}
	return v.choices("state", ui.Option{Label: "Any"}, options)
}

func (v *visit) invitesFrom(direction, id string) string {
	query := url.Values{direction: {id}}
	for _, name := range []string{"q", "state"} {
		if value := v.query(name); value != "" {
			query.Set(name, value)
		}
	}
	return v.path("invites") + "?" + query.Encode()
}

// projectNames are the names of these projects by id.
func (v *visit) projectNames(ids []string) (map[string]string, error) {
	projects, err := v.scope.ProjectsByID(v.ctx(), ids)
	names := make(map[string]string, len(projects))
	for _, p := range projects {
		names[p.ID] = p.Name
	}
	return names, err
}

var inviteKinds = map[store.InviteState]ui.Kind{store.InviteOpen: ui.Accent, store.InviteAccepted: ui.Working}

func (v *visit) inviteRow(i store.Invite, domains []string, names map[string]string) views.InviteRow {
	state := i.State(v.now())
	row := views.InviteRow{
		Email: i.Email, Roles: roleTitles(i.Roles), By: i.InviterName, State: capitalized(string(state)), Kind: inviteKinds[state],
		Sent: ui.MomentOf(i.UpdatedAt, v.now()), Version: formVersion(i.Version), Guest: isGuest(i.Email, domains),
	}
	if row.Kind == "" {
		row.Kind = ui.Neutral
	}
	var projects []string
	for _, p := range i.ProjectRoles {
		if name := names[p.ProjectID]; name != "" {
			projects = append(projects, p.Role.Title()+" in "+name)
		}
	}
	row.Projects = strings.Join(projects, ", ")
	path := v.path("invites/" + i.ID)
	switch state {
	case store.InviteOpen:
		row.Resend, row.Revoke, row.Ends = path+"/resend", path+"/revoke", ui.MomentOf(i.ExpiresAt, v.now())
	case store.InviteExpired:
		row.Resend, row.Ends = path+"/resend", ui.MomentOf(i.ExpiresAt, v.now())
	}
	return row
}

// isGuest says whether the address is on none of the domains.
func isGuest(email string, domains []string) bool {
	address, err := trust.ParseAddress(email)
	return err == nil && !slices.Contains(domains, address.Domain())
}

func (v *visit) newInvite() error {
	return v.showNewInvite(http.StatusOK, newForm(), []access.Role{access.OrgMember}, nil, nil)
}

func (v *visit) showNewInvite(status int, once string, roles []access.Role, projects []store.ProjectRole, problem *ui.Problem) error {
	page := views.NewInvitePage{
		Page:   v.trail(v.page("Invite somebody"), ui.Link{Text: "Members", Href: v.path("members")}, ui.Link{Text: "Invites", Href: v.path("invites")}),
		Action: v.path("invites"), Cancel: v.path("members"), Email: v.form().Text("email"), Mailed: v.SendsMail, Once: once, Problem: problem,
		Roles: roleOptions(access.OrganizationRoles(), func(r access.Role) bool { return slices.Contains(roles, r) }),
	}
	policy, err := v.scope.SignInPolicy(v.ctx())
	if err != nil {
		return err
	}
	page.FromIDP = policy.Mode == access.IDPRoles
	var all []store.Project
	if all, page.Offered, err = v.offeredProjects(v.path("invites/new"), chosenProjects(projects)...); err != nil {
		return err
	}
	for n := range inviteProjects {
		if len(all) == 0 {
			break
		}
		chosen := store.ProjectRole{Role: access.ProjectMember} // the least: whoever overlooks the field gives nothing away
		if n < len(projects) {
			chosen = projects[n]
		}
		line := views.ProjectRoleChoice{Number: strconv.Itoa(n + 1), Project: []ui.Option{{Label: "None"}},
			Roles: roleOptions(access.ProjectRoles(), func(r access.Role) bool { return r == chosen.Role })}
		for _, p := range all {
			line.Project = append(line.Project, ui.Option{Value: p.ID, Label: p.Name, Chosen: p.ID == chosen.ProjectID})
		}
		page.Projects = append(page.Projects, line)
	}
	return v.render(status, views.NewInvite(page))
}

// createInvite asks somebody in and shows the link, this once.
func (v *visit) createInvite() error {
	form := v.form()
	n := store.NewInvite{Roles: v.sentRoles()}
	for i := range inviteProjects {
		line := strconv.Itoa(i + 1)
		if project := form.Text("project_" + line); project != "" {
			n.ProjectRoles = append(n.ProjectRoles, store.ProjectRole{ProjectID: project, Role: access.Role(form.Text("project_role_" + line))})
		}
	}
	n.Address, _ = typedAddress(form.Text("email")) // what is none is refused with the rest
	return v.once(func() (func(*visit) error, error) {
		invite, token, err := v.scope.CreateInvite(v.ctx(), v.actor(), n)
		if problem := inviteProblem(err); problem != nil {
			return nil, v.showNewInvite(inviteStatus(err), form.Text("once"), n.Roles, n.ProjectRoles, problem)
		}
		if err != nil {
			return nil, err
		}
		return func(v *visit) error { return v.showInvite(invite, token) }, nil
	})
}

func inviteProblem(err error) *ui.Problem {
	if often := tooOften(err); often != "" {
		return fieldProblem("", often)
	}
	return problemOf(err)
}

func inviteStatus(err error) int {
	if tooOften(err) != "" {
		return http.StatusTooManyRequests
	}
	return http.StatusUnprocessableEntity
}

// tooOften is the sentence for somebody who has done something as often as they may for now, "" for any other error.
func tooOften(err error) string {
	var often *store.TooMany
	if errors.As(err, &often) {
		return often.Error()
	}
	return ""
}

// showInvite is the one page that shows the link.
func (v *visit) showInvite(i store.Invite, token secret.Token) error {
	return v.render(http.StatusCreated, views.InviteSent(views.InviteSentPage{
		Page:  v.trail(v.page("Invite sent"), ui.Link{Text: "Members", Href: v.path("members")}, ui.Link{Text: "Invites", Href: v.path("invites")}),
		Email: i.Email, Link: v.URL.JoinPath("welcome", token.Reveal()).String(), Ends: i.ExpiresAt.Format("2 Jan 2006, 15:04 UTC"),
		Mailed: v.SendsMail, Done: v.path("invites"), Another: v.path("invites/new"),
	}))
}

// resendInvite sends another link; the one from before is void.
func (v *visit) resendInvite() error {
	invite, token, err := v.scope.ResendInvite(v.ctx(), v.actor(), v.id("invite"), v.version())
	switch {
	case tooOften(err) != "":
		return v.goTo(v.path("invites"), tooOften(err))
	case isConflict(err):
		return v.goTo(v.path("invites"), "This invite has changed in the meantime. See what has become of it.")
	case err != nil:
		return err
	}
	return v.showInvite(invite, token)
}

func (v *visit) revokeInvite() error {
	err := v.scope.RevokeInvite(v.ctx(), v.actor(), v.id("invite"))
	if isConflict(err) {
		return v.goTo(v.path("invites"), "This invite was accepted in the meantime. Remove the member instead.")
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("invites"), "The invite is revoked. Its link no longer works.")
}
