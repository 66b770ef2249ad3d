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

// membersShown is how many members stand on a page.
const membersShown = 50

// members lists who belongs to the organization; the address holds the search (q) and where to go on (after or before a member's id).
func (v *visit) members() error {
	filter := store.MemberFilter{Search: v.query("q"), After: v.query("after"), Before: v.query("before"), Limit: membersShown + 1}
	found, err := v.scope.Members(v.ctx(), filter)
	if err != nil {
		return err
	}
	if len(found) == 0 && v.filtered("after", "before") {
		return v.goToBeginning(v.path("members"))
	}
	count := int64(len(found)) // of a search that a page shows whole, these
	most := int64(store.MostCounted)
	if filter.Search != "" {
		most = store.MostFound
	}
	if filter.Search == "" || filter.After != "" || filter.Before != "" || len(found) > membersShown {
		if count, err = v.scope.CountMembers(v.ctx(), filter.Search); err != nil {
			return err
		}
	}
	page := views.MembersPage{Page: v.page("Members"), Action: v.path("members"), Search: filter.Search, Count: countedUpTo(count, most, "member"), Matrix: v.path("roles")}
	if v.may.Has(access.ManageMembers) {
		page.Invites, page.Invite = v.path("invites"), v.path("invites/new")
		waiting, err := v.scope.CountWaitingLinks(v.ctx())
		if err != nil {
			return err
		}
		if waiting > 0 {
			page.Waiting = ui.Link{Text: waitingWords(waiting), Href: v.path("waiting-links")}
		}
	}
	found, page.Pager = paged(found, membersShown, filter.After, filter.Before, func(direction string, m store.Member) string {
		return v.goOnFrom(v.path("members"), direction, m.Place)
	})
	for _, m := range found {
		page.Rows = append(page.Rows, views.MemberRow{
			Name: m.Name, Email: m.Email, Href: v.path("members/" + m.ID), Roles: roleTitles(m.Roles),
			Joined: ui.MomentOf(m.CreatedAt, v.now()), You: m.UserID == v.user.ID, Suspended: m.SuspendedAt != nil,
		})
	}
	return v.render(http.StatusOK, views.Members(page))
}

// memberPage is one member; who may manage members can change them here.
func (v *visit) memberPage() error {
	m, err := v.scope.Member(v.ctx(), v.id("member"))
	if err != nil {
		return err
	}
	return v.showMember(http.StatusOK, m, m.Roles, nil)
}

func (v *visit) showMember(status int, m store.Member, chosen []access.Role, problem *ui.Problem) error {
	page := views.MemberPage{
		Page: v.trail(v.page(m.Name), ui.Link{Text: "Members", Href: v.path("members")}),
		Name: m.Name, Email: m.Email, ID: m.ID, UserID: m.UserID, Action: v.path("members/" + m.ID),
		Joined: ui.MomentOf(m.CreatedAt, v.now()), Suspended: m.SuspendedAt != nil, You: m.UserID == v.user.ID,
		Roles: roleTitles(m.Roles), Version: formVersion(m.Version), OwnCredential: ownCredentialOf(m),
		MayManage: v.may.Has(access.ManageMembers), Problem: problem,
	}
	if page.You {
		page.Leave = v.path("leave")
	}
	if page.MayManage {
		if err := errors.Join(v.memberRoles(&page, m, chosen), v.memberIdentities(&page, m), v.memberSessions(&page, m), v.memberProjects(&page, m), v.memberBindings(&page, m)); err != nil {
			return err
		}
	}
	return v.render(status, views.Member(page))
}

// memberRoles are the roles to choose from: all, or ownership alone where the others come from the identity provider, or none.
func (v *visit) memberRoles(page *views.MemberPage, m store.Member, chosen []access.Role) error {
	policy, err := v.scope.SignInPolicy(v.ctx())
	if err != nil {
		return err
	}
	given := access.OrganizationRoles()
	if policy.Mode == access.IDPRoles {
		page.FromIDP, given = v.path("sign-in/roles"), nil
		if !policy.OwnersFromIDP {
			given, page.OtherRoles = []access.Role{access.OrgOwner}, otherRoles(m.Roles, policy.DefaultRole)
		}
	}
	page.RoleOptions = roleOptions(given, func(r access.Role) bool { return slices.Contains(chosen, r) })
	return nil
}

// otherRoles are what a member is beside an owner, or what newcomers are where they are nothing else.
func otherRoles(roles []access.Role, byDefault access.Role) []string {
	var others []string
	for _, r := range roles {
		if r != access.OrgOwner {
			others = append(others, string(r))
		}
	}
	if len(others) == 0 {
		others = []string{string(byDefault)}
	}
	return others
}

func (v *visit) memberIdentities(page *views.MemberPage, m store.Member) error {
	identities, err := v.scope.Identities(v.ctx(), m.UserID)
	if err != nil {
		return err
	}
	for _, i := range identities {
		connection, err := v.scope.Connection(v.ctx(), i.ConnectionID)
		if err != nil {
			return err
		}
		row := views.MemberIdentity{Connection: connection.Name, ConnectionID: i.ConnectionID, Subject: i.Subject}
		if i.LastLoginAt != nil {
			row.Last = ui.MomentOf(*i.LastLoginAt, v.now())
		}
		page.SignIn = append(page.SignIn, row)
	}
	return nil
}

func (v *visit) memberProjects(page *views.MemberPage, m store.Member) error {
	projects, err := v.scope.ProjectsByName(v.ctx(), store.ProjectFilter{Of: m.UserID, Limit: projectsShown})
	if err != nil {
		return err
	}
	page.MoreProjects = len(projects) < len(m.ProjectRoles)
	for _, p := range projects {
		page.Projects = append(page.Projects, views.OrganizationRow{Name: p.Name, Href: v.path("projects/" + p.ID + "/members"), Roles: roleTitles(m.ProjectRoles[p.ID])})
	}
	return nil
}

func (v *visit) setMemberRoles() error {
	return v.changeMember("The roles are saved.", func(m store.Member) error {
		return v.scope.SetMemberRoles(v.ctx(), v.actor(), m.ID, v.version(), v.sentRoles())
	})
}

func (v *visit) suspendMember() error {
	return v.changeMember("The member is suspended.", func(m store.Member) error {
		return v.scope.SuspendMember(v.ctx(), v.actor(), m.ID, v.version())
	})
}

func (v *visit) resumeMember() error {
	return v.changeMember("The member can enter again.", func(m store.Member) error {
		return v.scope.ResumeMember(v.ctx(), v.actor(), m.ID, v.version())
	})
}

// changeMember does it and shows the member again, with what was wrong or with the notice that it is done.
func (v *visit) changeMember(done string, change func(store.Member) error) error {
	m, err := v.scope.Member(v.ctx(), v.id("member"))
	if err != nil {
		return err
	}
	err = change(m)
	if problem := memberProblem(err); problem != nil {
		chosen := m.Roles
		if sent := v.sentRoles(); len(sent) > 0 {
			chosen = sent
		}
		return v.showMember(http.StatusUnprocessableEntity, m, chosen, problem)
	}
	if err != nil {
		return err
	}
	if m.UserID == v.user.ID && strings.HasSuffix(v.r.URL.Path, "/suspend") {
		return v.goTo("/", done)
	}
	return v.goTo(v.path("members/"+m.ID), done)
}

// memberProblem puts the rules about owners into words.
func memberProblem(err error) *ui.Problem {
	switch {
	case errors.Is(err, store.ErrLastOwner):
		return &ui.Problem{Fields: []ui.FieldError{{Message: "This is the last owner who can sign in. Make somebody else an owner first."}}}
	case errors.Is(err, store.ErrLastBreakGlass):
		return &ui.Problem{Fields: []ui.FieldError{{Message: lastBreakGlass}}}
	case isConflict(err):
		return &ui.Problem{Fields: []ui.FieldError{{Message: "Somebody else changed this member in the meantime. What you see now is what is saved."}}}
	}
	return problemOf(err)
}

func isConflict(err error) bool { return errors.Is(err, store.ErrConflict) }

// removeMemberPage says what removing means, in numbers, and asks once more.
func (v *visit) removeMemberPage() error {
	m, err := v.scope.Member(v.ctx(), v.id("member"))
	if err != nil {
		return err
	}
	return v.showRemoveMember(http.StatusOK, m, nil)
}

func (v *visit) showRemoveMember(status int, m store.Member, problem *ui.Problem) error {
	keys, err := v.scope.CountAPIKeysOf(v.ctx(), m.UserID)
	if err != nil {
		return err
	}
	path := v.path("members/" + m.ID)
	page := views.RemoveMemberPage{
		Page:    v.trail(v.page("Remove "+m.Name), ui.Link{Text: "Members", Href: v.path("members")}, ui.Link{Text: m.Name, Href: path}),
		Name:    m.Name,
		Confirm: ui.Confirm{Action: path + "/remove", Name: m.Email, Value: v.form().Text("confirm"), Button: "Remove member", Cancel: path, Problem: problem},
	}
	page.Confirm.Consequences = []string{
		m.Name + " can no longer enter " + v.organization.Name + ".",
		"They lose their roles in " + counted(int64(len(m.ProjectRoles)), "project") + ".",
		"The API keys that they made, " + counted(keys, "live key") + ", stop within a second.",
	}
	if m.UserID == v.user.ID {
		page.Confirm.Consequences[0] = "You can no longer enter " + v.organization.Name + "."
	}
	return v.render(status, views.RemoveMember(page))
}

func (v *visit) removeMember() error {
	m, err := v.scope.Member(v.ctx(), v.id("member"))
	if err != nil {
		return err
	}
	if !strings.EqualFold(v.form().Text("confirm"), m.Email) {
		return v.showRemoveMember(http.StatusUnprocessableEntity, m, fieldProblem("confirm", "Type the address exactly as it is written."))
	}
	err = v.scope.RemoveMember(v.ctx(), v.actor(), m.ID, m.Version)
	if problem := memberProblem(err); problem != nil {
		return v.showRemoveMember(http.StatusUnprocessableEntity, m, problem)
	}
	if err != nil {
		return err
	}
	if m.UserID == v.user.ID {
		return v.goTo("/", "You left "+v.organization.Name+".")
	}
	return v.goTo(v.path("members"), m.Name+" is no longer a member.")
}

// ownCredentialOf says what a member may show of their own, "" where they have nothing.
func ownCredentialOf(m store.Member) string {
	switch {
	case m.HasPassword && m.HasPasskey:
		return "a password and a passkey"
	case m.HasPasskey:
		return "a passkey"
	case m.HasPassword:
		return "a password"
	}
	return ""
}
