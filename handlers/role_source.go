package handlers

import (
	"cmp"
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

// roleSource says where roles come from, and shows the draft of what an owner intends.
func (v *visit) roleSource() error {
	draft, err := v.scope.RoleDraft(v.ctx())
	if err != nil {
		return err
	}
	return v.showRoleSource(http.StatusOK, draft, nil)
}

func (v *visit) showRoleSource(status int, draft store.RoleDraft, problem *ui.Problem) error {
	policy, err := v.scope.SignInPolicy(v.ctx())
	if err != nil {
		return err
	}
	chosen := []string{v.form().Text("project")}
	for _, r := range draft.Rules {
		chosen = append(chosen, r.ProjectID) // its name has to be known, however far behind it stands
	}
	projects, offered, err := v.offeredProjects(v.path("sign-in/roles"), chosen...)
	if err != nil {
		return err
	}
	page := views.RoleSourcePage{
		Page: v.trail(v.page("Roles"), ui.Link{Text: "Sign-in", Href: v.path("sign-in")}), Action: v.path("sign-in/roles"), Version: formVersion(draft.Version),
		FromIDP: policy.Mode == access.IDPRoles, Sentence: sourceWords(policy), Draft: !draft.Equal(policy.RoleSettings), Owners: draft.OwnersFromIDP,
		Modes: []ui.Option{
			{Value: string(access.ConsoleRoles), Label: "This console", Help: "Owners give roles; newcomers get the default role."},
			{Value: string(access.IDPRoles), Label: "The identity provider", Help: "At every sign-in through a connection, by the rules and values below. Nobody gives roles by hand then."},
		},
		Group: v.form().Text("group"), Matrix: v.path("roles"), Offered: offered, Problem: problem,
		Roles: []ui.Option{{Label: "Choose a role"}}, // the first of them is the owner's, which nobody should give by not choosing
	}
	page.Roles = append(page.Roles, roleOptions(slices.Concat(access.OrganizationRoles(), access.ProjectRoles()), func(r access.Role) bool { return string(r) == v.form().Text("role") })...)
	choose(page.Modes, string(draft.Mode))
	page.Projects = []ui.Option{{Label: "This organization"}}
	names := map[string]string{"": "This organization"}
	for _, p := range projects {
		names[p.ID] = p.Name
		page.Projects = append(page.Projects, ui.Option{Value: p.ID, Label: p.Name, Chosen: p.ID == v.form().Text("project")})
	}
	for _, r := range draft.Rules {
		page.Rules = append(page.Rules, views.RoleRuleRow{Group: r.Group, Role: r.Role.Title(), Where: cmp.Or(names[r.ProjectID], "A project that is gone"), RoleValue: string(r.Role), ProjectID: r.ProjectID})
	}
	return v.render(status, views.RoleSource(page))
}

// sourceWords say where roles come from.
func sourceWords(p store.SignInPolicy) string {
	switch {
	case p.Mode != access.IDPRoles:
		return "Roles are given here, in the console."
	case p.OwnersFromIDP:
		return "Roles come from the identity provider, at every sign-in, those of owners too. Whom nothing gives a role in the organization gets the default role, " + p.DefaultRole.Title() + "."
	}
	return "Roles come from the identity provider, at every sign-in. Owners are made by owners. Whom nothing gives a role in the organization gets the default role, " + p.DefaultRole.Title() + "."
}

// draftRoles keeps another source.
func (v *visit) draftRoles() error {
	return v.changeDraft(func(s *store.RoleSettings) {
		s.Mode, s.OwnersFromIDP = access.RoleMode(v.form().Text("mode")), v.form().Checked("owners")
	}, "The draft is saved.")
}

// sentRule is the rule that a form names.
func (v *visit) sentRule() access.RoleRule {
	return access.RoleRule{Group: v.form().Text("group"), ProjectID: v.form().Text("project"), Role: access.Role(v.form().Text("role"))}
}

func (v *visit) addRoleRule() error {
	return v.changeDraft(func(s *store.RoleSettings) { s.Rules = append(slices.Clone(s.Rules), v.sentRule()) }, "The rule is in the draft.")
}

func (v *visit) removeRoleRule() error {
	return v.changeDraft(func(s *store.RoleSettings) {
		s.Rules = slices.DeleteFunc(slices.Clone(s.Rules), func(r access.RoleRule) bool { return r == v.sentRule() })
	}, "The rule is out of the draft.")
}

// changeDraft makes the draft what change makes of it, or shows it again with what was wrong.
func (v *visit) changeDraft(change func(*store.RoleSettings), done string) error {
	draft, err := v.scope.RoleDraft(v.ctx())
	if err != nil {
		return err
	}
	intended := draft
	change(&intended.RoleSettings)
	err = v.scope.DraftRoles(v.ctx(), v.version(), intended.RoleSettings)
	if isConflict(err) {
		return v.showRoleSource(http.StatusUnprocessableEntity, draft, fieldProblem("", "Somebody else changed the draft in the meantime. What you see now is what is saved."))
	}
	if problem := problemOf(err); problem != nil {
		kept := draft
		if problem.For("owners") != "" || problem.For("mode") != "" {
			kept.Mode, kept.OwnersFromIDP = intended.Mode, intended.OwnersFromIDP
		}
		return v.showRoleSource(http.StatusUnprocessableEntity, kept, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("sign-in/roles"), done)
}

// previewRoles works out what the draft would change, and leads to it.
func (v *visit) previewRoles() error {
	err := v.scope.PreviewRoles(v.ctx(), v.version())
	if isConflict(err) {
		return v.goTo(v.path("sign-in/roles"), "The draft has changed in the meantime. This is what it says now.")
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("sign-in/roles/preview"), "")
}

func (v *visit) discardRoles() error {
	if err := v.scope.DiscardRoles(v.ctx()); err != nil {
		return err
	}
	return v.goTo(v.path("sign-in/roles"), "The draft is discarded.")
}

// differencesShown is how many members stand on a page of a preview.
const differencesShown = 50

// rolePreview shows what was worked out: ?kind= narrows it, ?after= goes on behind a member's id.
func (v *visit) rolePreview() error { return v.showRolePreview(http.StatusOK, nil) }

func (v *visit) showRolePreview(status int, problem *ui.Problem) error {
	draft, err := v.scope.RoleDraft(v.ctx())
	if err != nil {
		return err
	}
	if draft.Preview == nil {
		return v.goTo(v.path("sign-in/roles"), "See first what the draft would change.")
	}
	kind := store.DifferenceKind(v.query("kind"))
	page := views.RolePreviewPage{
		Page:   v.trail(v.page("What would change"), ui.Link{Text: "Sign-in", Href: v.path("sign-in")}, ui.Link{Text: "Roles", Href: v.path("sign-in/roles")}),
		Action: v.path("sign-in/roles"), Version: formVersion(draft.Version), At: ui.MomentOf(draft.Preview.At, v.now()), Consequences: previewWords(draft),
		Kinds: v.differenceKinds(*draft.Preview, kind), Current: draft.Preview.Current, Back: v.path("sign-in/roles"), Problem: problem,
	}
	if page.Warnings, err = v.previewWarnings(draft); err != nil {
		return err
	}
	found, err := v.scope.RoleDifferences(v.ctx(), store.DifferenceFilter{Kind: kind, After: v.query("after"), Limit: differencesShown + 1})
	if err != nil {
		return err
	}
	if len(found) > differencesShown {
		found = found[:differencesShown]
		page.Pager.Next = v.previewPath(kind, found[differencesShown-1].Member.ID)
	}
	if v.query("after") != "" {
		page.Pager.First = v.previewPath(kind, "")
	}
	var projects []string
	for _, d := range found {
		projects = append(projects, chosenProjects(slices.Concat(d.Gains, d.Loses))...)
	}
	names, err := v.projectNames(projects)
	if err != nil {
		return err
	}
	for _, d := range found {
		row := views.RoleDifferenceRow{Name: d.Member.Name, Email: d.Member.Email, Href: v.path("members/" + d.Member.ID),
			Gains: rolesInWords(d.Gains, names), Loses: rolesInWords(d.Loses, names), Unknown: d.Kind == store.NothingKnown}
		if d.SaidAt != nil {
			row.Said = ui.MomentOf(*d.SaidAt, v.now())
		}
		page.Rows = append(page.Rows, row)
	}
	return v.render(status, views.RolePreview(page))
}

func (v *visit) previewPath(kind store.DifferenceKind, after string) string {
	query := url.Values{}
	if kind != "" {
		query.Set("kind", string(kind))
	}
	if after != "" {
		query.Set("after", after)
	}
	if len(query) == 0 {
		return v.path("sign-in/roles/preview")
	}
	return v.path("sign-in/roles/preview") + "?" + query.Encode()
}

func (v *visit) differenceKinds(p store.RolePreview, chosen store.DifferenceKind) []ui.Link {
	links := []ui.Link{{Text: "All", Href: v.previewPath("", ""), Current: chosen == ""}}
	for _, kind := range []struct {
		kind  store.DifferenceKind
		words string
		count int64
	}{{store.OwnershipDiffers, "Ownership", p.Ownerships}, {store.RolesDiffer, "Other roles", p.Changes}, {store.NothingKnown, "Not known yet", p.Unknowns}} {
		links = append(links, ui.Link{Text: kind.words + " (" + ui.Number(kind.count) + ")", Href: v.previewPath(kind.kind, ""), Current: kind.kind == chosen})
	}
	return links
}

// previewWords are what would happen, in numbers.
func previewWords(d store.RoleDraft) []string {
	p := d.Preview
	if d.Mode != access.IDPRoles {
		return []string{"Nobody's roles change: all " + counted(p.Members, "member") + " keep those that they have.", "From then on owners give roles by hand, and a sign-in changes none."}
	}
	return []string{
		"Ownership changes for " + ui.Number(p.Ownerships) + " of " + counted(p.Members, "member") + ".",
		"Other roles change for " + counted(p.Changes, "member") + ".",
		"For " + counted(p.Unknowns, "member") + " nothing changes before their next sign-in through a connection: no identity provider has said anything of them yet.",
		counted(p.OwnersLeft, "owner") + " would be left.",
		"From then on every sign-in through a connection sets the person's roles anew, and nobody gives them by hand.",
	}
}

func (v *visit) previewWarnings(d store.RoleDraft) ([]string, error) {
	var warnings []string
	if d.Preview.OwnersLeft == 0 {
		warnings = append(warnings, "No owner would be left, so this cannot be put into force. Let the identity provider name an owner first, or keep owners a matter of this console.")
	}
	own, err := v.scope.RoleDifferenceOf(v.ctx(), v.member.ID)
	if errors.Is(err, store.ErrNotFound) {
		return warnings, nil
	}
	if err == nil && slices.Contains(own.Loses, store.ProjectRole{Role: access.OrgOwner}) {
		warnings = append(warnings, "You yourself would no longer be an owner, and could not take this back.")
	}
	return warnings, err
}

func rolesInWords(roles []store.ProjectRole, names map[string]string) string {
	var words []string
	for _, r := range roles {
		text := r.Role.Title()
		if r.ProjectID != "" {
			text += " in " + cmp.Or(names[r.ProjectID], "a project that is gone")
		}
		words = append(words, text)
	}
	return strings.Join(words, ", ")
}

// applyRoles puts the draft into force, as it was shown.
func (v *visit) applyRoles() error {
	err := v.scope.ApplyRoles(v.ctx(), v.actor(), v.version())
	if isConflict(err) {
		return v.goTo(v.path("sign-in/roles"), "The draft has changed in the meantime. See again what it would change.")
	}
	if problem := problemOf(err); problem != nil {
		for i := range problem.Fields {
			problem.Fields[i].Field = "" // these are no fields of this form
		}
		return v.showRolePreview(http.StatusUnprocessableEntity, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("sign-in/roles"), "It is in force.")
}
