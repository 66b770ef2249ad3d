package handlers

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// scopeWords say whom enforcement covers.
var scopeWords = map[access.Scope]string{access.EnforceDomain: "members on a verified domain", access.EnforceAll: "everyone"}

func (v *visit) signInPolicy() error { return v.showSignInPolicy(http.StatusOK, nil, nil) }

// showSignInPolicy shows the policy as it is kept but for what chosen says instead: a form that came back keeps its values.
func (v *visit) showSignInPolicy(status int, chosen *store.SignInPolicy, problem *ui.Problem) error {
	policy, err := v.scope.SignInPolicy(v.ctx())
	if err != nil {
		return err
	}
	page := views.SignInPolicyPage{
		Page: v.page("Sign-in"), Enforced: policy.Enforcement != access.NoEnforcement, Covered: scopeWords[policy.Enforcement],
		Require: v.path("sign-in/enforcement"), End: v.path("sign-in/enforcement/end"), Version: formVersion(policy.Version),
		Newcomers: v.path("sign-in/newcomers"), DefaultRole: v.path("sign-in/default-role"), Problem: problem,
	}
	page.FromIDP, page.RoleWords = policy.Mode == access.IDPRoles, sourceWords(policy)
	if !v.recovering() {
		page.RoleSource = v.path("sign-in/roles")
	}
	if policy.EnforcedAt != nil {
		page.Since = ui.MomentOf(*policy.EnforcedAt, v.now())
	}
	if chosen != nil {
		policy.DefaultRole, policy.DefaultProjectRoles = chosen.DefaultRole, chosen.DefaultProjectRoles
	}
	if page.Connections, err = v.connectionNotices(); err != nil {
		return err
	}
	page.Admit = policy.AdmitNewcomers
	if page.BreakGlass, err = v.breakGlassSection(policy); err != nil {
		return err
	}
	page.Roles = roleOptions(access.DefaultRoles(), func(r access.Role) bool { return r == policy.DefaultRole })
	if page.Projects, page.Offered, err = v.projectRoleChoices(policy.DefaultProjectRoles); err != nil {
		return err
	}
	return v.render(status, views.SignInPolicy(page))
}

// defaultProjectsShown bounds the lines of default project roles.
const defaultProjectsShown = 20

// projectRoleChoices are the chosen lines and an empty one.
func (v *visit) projectRoleChoices(chosen []store.ProjectRole) ([]views.ProjectRoleChoice, views.ProjectsOffered, error) {
	projects, offered, err := v.offeredProjects(v.path("sign-in"), chosenProjects(chosen)...)
	if err != nil || len(projects) == 0 {
		return nil, offered, err
	}
	var lines []views.ProjectRoleChoice
	for i, p := range append(slices.Clone(chosen), store.ProjectRole{})[:min(len(chosen)+1, defaultProjectsShown)] {
		line := views.ProjectRoleChoice{Number: strconv.Itoa(i + 1), Project: []ui.Option{{Label: "None"}}}
		for _, project := range projects {
			line.Project = append(line.Project, ui.Option{Value: project.ID, Label: project.Name, Chosen: project.ID == p.ProjectID})
		}
		line.Roles = roleOptions(access.ProjectRoles()[1:], func(r access.Role) bool { return r == p.Role })
		lines = append(lines, line)
	}
	return lines, offered, nil
}

func (v *visit) setDefaultRole() error {
	form := v.form()
	chosen := store.SignInPolicy{DefaultRole: access.Role(form.Text("default_role"))}
	for i := range defaultProjectsShown {
		n := strconv.Itoa(i + 1)
		if project := form.Text("project_" + n); project != "" {
			chosen.DefaultProjectRoles = append(chosen.DefaultProjectRoles, store.ProjectRole{ProjectID: project, Role: access.Role(form.Text("project_role_" + n))})
		}
	}
	err := v.scope.SetDefaultRole(v.ctx(), v.actor(), v.version(), chosen.DefaultRole, chosen.DefaultProjectRoles)
	return v.policyChanged(err, &chosen, "default_role", "The default role is saved.")
}

func (v *visit) setNewcomers() error {
	err := v.scope.SetAdmitNewcomers(v.ctx(), v.actor(), v.version(), v.form().Checked("admit"))
	return v.policyChanged(err, nil, "admit", "The rule for newcomers is saved.")
}

func (v *visit) policyChanged(err error, chosen *store.SignInPolicy, field, notice string) error {
	if problem := editProblem(err, field); problem != nil {
		return v.showSignInPolicy(http.StatusUnprocessableEntity, chosen, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("sign-in"), notice)
}

// enforcementPage says what requiring single sign-on would do; ?scope= chooses whom it covers.
func (v *visit) enforcementPage() error {
	scope := access.Scope(v.query("scope"))
	if scope != access.EnforceAll {
		scope = access.EnforceDomain
	}
	return v.showEnforcement(http.StatusOK, scope, nil)
}

func (v *visit) showEnforcement(status int, scope access.Scope, problem *ui.Problem) error {
	preview, err := v.scope.EnforcementPreview(v.ctx(), scope, v.user.ID)
	if err != nil {
		return err
	}
	policy, err := v.scope.SignInPolicy(v.ctx())
	if err != nil {
		return err
	}
	named, err := v.scope.BreakGlassOwners(v.ctx())
	if err != nil {
		return err
	}
	page := views.EnforcementPage{
		Page:  v.trail(v.page("Require single sign-on"), ui.Link{Text: "Sign-in", Href: v.path("sign-in")}),
		Scope: string(scope), Action: v.path("sign-in/enforcement"), Version: formVersion(policy.Version), Ready: preview.Ready(),
		Present: policy.Enforcement == scope, Cancel: v.path("sign-in"), Problem: problem, Consequences: v.consequences(preview, named), LastWayIn: lastWayIn(named),
		Scopes: []ui.Link{
			{Text: "Members on a verified domain", Href: v.path("sign-in/enforcement"), Current: scope == access.EnforceDomain},
			{Text: "Everyone", Href: v.path("sign-in/enforcement?scope=everyone"), Current: scope == access.EnforceAll},
		},
	}
	for _, p := range preview.Preconditions {
		page.Preconditions = append(page.Preconditions, preconditionStep(p))
	}
	for _, m := range preview.Covered {
		page.Covered = append(page.Covered, views.CoveredRow{Name: m.Name, Email: m.Email, Href: v.path("members/" + m.ID), SignsIn: signsInWith(m, named)})
	}
	if preview.CoveredCount > len(preview.Covered) {
		page.More = "The newest " + strconv.Itoa(len(preview.Covered)) + " of " + countedUpTo(int64(preview.CoveredCount), store.MostCovered, "member") + " are shown."
	}
	return v.render(status, views.Enforcement(page))
}

var preconditionTitles = map[string]string{
	"domain": "A verified domain", "connection": "An active connection", "test": "Your own sign-in through it", "break_glass": "A way in for an emergency",
}

func preconditionStep(p store.Precondition) ui.Step {
	step := ui.Step{State: ui.StepWaits, Title: preconditionTitles[p.Name], Detail: p.Words}
	if p.Met {
		step.State = ui.StepDone
	}
	return step
}

// signsInWith says what a covered person would notice.
func signsInWith(m store.Member, named []store.BreakGlassOwner) string {
	if slices.ContainsFunc(named, func(b store.BreakGlassOwner) bool { return b.Member.ID == m.ID && b.GetsIn() }) {
		return "Your identity provider, or break-glass in an emergency"
	}
	own := ownCredentialOf(m)
	if own == "" {
		return "Your identity provider"
	}
	return capitalized(own) + ", which will no longer open this organization"
}

// sessionsBarred counts the sessions that lose the organization: where not everybody who is covered was looked at, those are at least so many.
func sessionsBarred(p store.EnforcementPreview) string {
	if !p.AllSessions && p.Sessions <= store.MostCounted {
		return "At least " + counted(int64(p.Sessions), "session")
	}
	return countedUpTo(int64(p.Sessions), store.MostCounted, "session")
}

func (v *visit) consequences(p store.EnforcementPreview, named []store.BreakGlassOwner) []string {
	lines := []string{
		countedUpTo(int64(p.CoveredCount), store.MostCovered, "member") + " can enter through your identity provider alone, from their next click on.",
		sessionsBarred(p) + " without a sign-in through it no longer " + opens(p.Sessions) + " this organization.",
		"API keys and service accounts are not interactive and go on working: " + countedUpTo(int64(p.APIKeys), store.MostCounted, "key") + " at present.",
	}
	for _, b := range named {
		if b.GetsIn() {
			lines = append(lines, b.Member.Name+" can still get in at /login/recovery by break-glass, to mend connections, domains and this setting, and nothing else.")
		}
	}
	if v.wouldBeBarred(p) {
		lines = slices.Insert(lines, 2, "Your own session is one of them: the next page asks you to sign in through your identity provider.")
	}
	return lines
}

// lastWayIn warns where nobody gets in by break-glass but by one code or one passkey: it is enough to require single sign-on, and gone with the
// first emergency.
func lastWayIn(named []store.BreakGlassOwner) string {
	ways, last := 0, ""
	for _, b := range named {
		if !b.GetsIn() {
			continue
		}
		ways += b.Passkeys + b.CodesLeft
		last = "a recovery code of " + b.Member.Name
		if b.Passkeys > 0 {
			last = "a passkey of " + b.Member.Name
		}
	}
	if ways != 1 {
		return ""
	}
	return "Only one way in for an emergency is left: " + last + ". Once it is used or lost, nobody gets in when your identity provider fails. " +
		"Make new recovery codes, add a passkey, or name another break-glass owner first."
}

// wouldBeBarred reports whether the visitor is covered, and came by another way than a connection of this organization.
func (v *visit) wouldBeBarred(p store.EnforcementPreview) bool {
	return p.CoversOwner && !slices.ContainsFunc(v.session.Proofs, func(proof access.Proof) bool {
		return proof.Kind == access.ByConnection && proof.OrganizationID == v.organization.ID
	})
}

func opens(n int) string {
	if n == 1 {
		return "opens"
	}
	return "open"
}

func (v *visit) requireSingleSignOn() error {
	scope := access.Scope(v.form().Text("scope"))
	err := v.scope.TurnOnEnforcement(v.ctx(), v.actor(), v.version(), scope, v.user.ID)
	if problem := editProblem(err, ""); problem != nil {
		for i := range problem.Fields {
			problem.Fields[i].Field = "" // these are no fields of this form
		}
		return v.showEnforcement(http.StatusUnprocessableEntity, scope, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("sign-in"), "Single sign-on is required of "+scopeWords[scope]+".")
}

func (v *visit) endEnforcementPage() error {
	policy, err := v.scope.SignInPolicy(v.ctx())
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, views.EndEnforcement(views.EndEnforcementPage{
		Page:    v.trail(v.page("Stop requiring single sign-on"), ui.Link{Text: "Sign-in", Href: v.path("sign-in")}),
		Version: formVersion(policy.Version), Action: v.path("sign-in/enforcement/end"), Cancel: v.path("sign-in"),
	}))
}

func (v *visit) endEnforcement() error {
	err := v.scope.EndEnforcement(v.ctx(), v.actor(), v.version())
	return v.policyChanged(err, nil, "", "Single sign-on is no longer required.")
}
