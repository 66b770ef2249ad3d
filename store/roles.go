package store

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

// RoleSettings say where the roles of members come from and, for the identity provider's, what gives which.
type RoleSettings struct {
	Mode          access.RoleMode
	OwnersFromIDP bool // the identity provider makes and unmakes owners; else they stay a matter of owners
	Rules         []access.RoleRule
}

// roleColumns are the settings as tables keep them.
type roleColumns struct {
	RoleMode      access.RoleMode
	OwnersFromIDP bool `gorm:"column:owners_from_idp"`
	RoleRules     string
}

func (r roleColumns) settings() (RoleSettings, error) {
	s := RoleSettings{Mode: r.RoleMode, OwnersFromIDP: r.OwnersFromIDP}
	if err := json.Unmarshal([]byte(r.RoleRules), &s.Rules); err != nil {
		return RoleSettings{}, fmt.Errorf("read the rules for roles: %w", err)
	}
	return s, nil
}

func (s RoleSettings) columns() roleColumns {
	return roleColumns{s.Mode, s.OwnersFromIDP, encodeList(s.Rules)}
}

// Equal says whether two settings do the same.
func (s RoleSettings) Equal(other RoleSettings) bool {
	return s.Mode == other.Mode && s.OwnersFromIDP == other.OwnersFromIDP && slices.Equal(s.Rules, other.Rules)
}

const (
	maxRoleRules = 200
	maxGroup     = 256 // bytes of a group's or a value's name; a longer one gives nothing
)

// check notes what no settings may be saved with. A rule is of this organization's projects alone, and makes owners only where that is allowed.
func (s RoleSettings) check(projects map[string]bool) error {
	problems := &Invalid{}
	if !slices.Contains(access.RoleModes(), s.Mode) {
		problems.Add("mode", "Choose where roles come from.")
	}
	if len(s.Rules) > maxRoleRules {
		problems.Add("rules", fmt.Sprintf("There can be %d rules at most. Group the groups at the identity provider.", maxRoleRules))
	}
	for i, r := range s.Rules {
		if problem := s.problemOf(r, projects); problem.Problem != "" {
			problems.Add(problem.Field, problem.Problem)
			break
		}
		if slices.Contains(s.Rules[:i], r) {
			problems.Add("group", "There is this rule already.")
			break
		}
	}
	return problems.Err()
}

func (s RoleSettings) problemOf(r access.RoleRule, projects map[string]bool) FieldProblem {
	switch {
	case r.Group == "" || len(r.Group) > maxGroup || strings.ContainsAny(r.Group, "\x00\r\n"):
		return FieldProblem{"group", "Enter the group as the identity provider sends it: one line of at most 256 characters."}
	case r.ProjectID != "" && !projects[r.ProjectID]:
		return FieldProblem{"project", "Choose one of this organization's projects."}
	case r.ProjectID != "" && !slices.Contains(access.ProjectRoles(), r.Role):
		return FieldProblem{"role", "Choose a role in the project."}
	case r.ProjectID == "" && !slices.Contains(access.OrganizationRoles(), r.Role):
		return FieldProblem{"role", "Choose a role in the organization."}
	case r.ProjectID == "" && r.Role == access.OrgOwner && !s.OwnersFromIDP:
		return FieldProblem{"role", "A rule makes owners only where the identity provider is allowed to. Allow it first."}
	}
	return FieldProblem{}
}

// words are the mode and the rules as an event tells them.
func (s RoleSettings) words() string {
	if s.Mode == access.IDPRoles {
		return "the identity provider"
	}
	return "the console"
}

// differences are what an event tells of other settings, the source first; projects are their names by id.
func (s RoleSettings) differences(after RoleSettings, projects map[string]string) []audit.Change {
	var changes []audit.Change
	if s.Mode != after.Mode {
		changes = append(changes, audit.Change{Field: "mode", Before: s.words(), After: after.words()})
	}
	if s.OwnersFromIDP != after.OwnersFromIDP {
		changes = append(changes, audit.Change{Field: "owners_from_idp", Before: fmt.Sprint(s.OwnersFromIDP), After: fmt.Sprint(after.OwnersFromIDP)})
	}
	if !slices.Equal(s.Rules, after.Rules) {
		changes = append(changes, audit.Change{Field: "rules", Before: rulesIn(projects, s.Rules), After: rulesIn(projects, after.Rules)})
	}
	return changes
}

// projectRolesIn words project roles for an event: "Project viewer in Search, Project editor in Mail".
func projectRolesIn(projects map[string]string, roles []ProjectRole) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = r.Role.Title() + " in " + cmp.Or(projects[r.ProjectID], r.ProjectID)
	}
	return strings.Join(words, ", ")
}

// rulesIn words rules for an event: "admins: Organization manager; devs: Project editor in Search".
func rulesIn(projects map[string]string, rules []access.RoleRule) string {
	words := make([]string, len(rules))
	for i, r := range rules {
		words[i] = r.Group + ": " + r.Role.Title()
		if r.ProjectID != "" {
			words[i] += " in " + cmp.Or(projects[r.ProjectID], r.ProjectID)
		}
	}
	return strings.Join(words, "; ")
}

// roleSource is how the settings turn what the identity provider says into roles, with what newcomers get where it says nothing.
func roleSource(policy SignInPolicy, s RoleSettings, projects map[string]bool) access.RoleSource {
	source := access.RoleSource{Rules: s.Rules, Owners: s.OwnersFromIDP, Default: policy.DefaultRole, Projects: projects}
	for _, p := range policy.DefaultProjectRoles {
		source.DefaultProjects = append(source.DefaultProjects, access.ProjectRole(p))
	}
	return source
}

// originFromIDP begins the origin of what the identity provider gave: "idp <connection's id> <value, rule or default> <which>". An owner whom it
// did not make, and who is kept, has "idp <connection's id> kept".
const (
	originFromIDP  = "idp"
	originCreation = "creation"
	keptOwner      = "kept"
)

func grantOrigin(connection string, g access.Grant) string {
	return strings.TrimSpace(strings.Join([]string{originFromIDP, connection, string(g.By), g.Because}, " "))
}

// shift is what becomes of one member's bindings where the identity provider is the source.
type shift struct{ add, renew, remove []binding }

// empty says whether nobody would notice: another origin alone is no other role.
func (s shift) empty() bool { return len(s.add) == 0 && len(s.remove) == 0 }

// shiftTo says what of the bindings stays and goes, and what comes, so that the grants are what the member has. Two things are not the identity
// provider's: owners, unless an owner has said so, and the projects that somebody made who may make projects still.
func (s RoleSettings) shiftTo(organization, userID, connection string, held []binding, grants []access.Grant) shift {
	var out shift
	roles := []access.Role{}
	for _, g := range grants {
		if g.ProjectID == "" {
			roles = append(roles, g.Role)
		}
	}
	ownership := func(b binding) bool {
		return b.ScopeKind == scopeOrganization && b.Role == access.OrgOwner && !s.OwnersFromIDP
	}
	if slices.ContainsFunc(held, ownership) {
		roles = append(roles, access.OrgOwner)
	}
	makes := access.Organization(roles).Has(access.CreateProjects)
	for _, b := range held {
		i := slices.IndexFunc(grants, func(g access.Grant) bool { return g.Role == b.Role && grantScope(organization, g) == b.ScopeID })
		switch {
		case i >= 0 && b.Origin != grantOrigin(connection, grants[i]):
			b.Origin = grantOrigin(connection, grants[i])
			out.renew = append(out.renew, b)
		case i >= 0, ownership(b), b.ScopeKind == scopeProject && b.Origin == originCreation && makes:
		default:
			out.remove = append(out.remove, b)
		}
	}
	for _, g := range grants {
		scope, kind := grantScope(organization, g), scopeProject
		if g.ProjectID == "" {
			kind = scopeOrganization
		}
		if !slices.ContainsFunc(held, func(b binding) bool { return b.Role == g.Role && b.ScopeID == scope }) {
			out.add = append(out.add, binding{OrganizationID: organization, PrincipalKind: principalUser, PrincipalID: userID,
				Role: g.Role, ScopeKind: kind, ScopeID: scope, Origin: grantOrigin(connection, g)})
		}
	}
	return out
}

func grantScope(organization string, g access.Grant) string {
	if g.ProjectID == "" {
		return organization
	}
	return g.ProjectID
}

// losesOwner says whether the member would no longer be an owner, gainsOwner whether they would become one.
func (s shift) losesOwner() bool { return slices.ContainsFunc(s.remove, binding.isOwner) }
func (s shift) gainsOwner() bool { return slices.ContainsFunc(s.add, binding.isOwner) }

func (b binding) isOwner() bool { return b.ScopeKind == scopeOrganization && b.Role == access.OrgOwner }

// projectNames are the organization's projects by id.
func (w *write) projectNames() (map[string]string, error) {
	var all []Project
	if err := w.Where("organization_id = ?", w.organization).Find(&all).Error; err != nil {
		return nil, fmt.Errorf("read the projects: %w", err)
	}
	names := make(map[string]string, len(all))
	for _, p := range all {
		names[p.ID] = p.Name
	}
	return names, nil
}

func known(names map[string]string) map[string]bool {
	ids := make(map[string]bool, len(names))
	for id := range names {
		ids[id] = true
	}
	return ids
}

// give carries the shift out, and tells of it.
func (w *write) give(m Member, s shift, projects map[string]string) error {
	if s.gainsOwner() || s.losesOwner() {
		w.aboutOwner = true
		if err := w.lockUser(m.UserID); err != nil { // whoever ends their password asks first what they own
			return err
		}
	}
	for _, b := range s.remove {
		if err := w.Where("id = ?", b.ID).Delete(&binding{}).Error; err != nil {
			return fmt.Errorf("take role %s: %w", b.Role, err)
		}
	}
	for _, b := range s.renew {
		if err := w.Model(&binding{}).Where("id = ?", b.ID).Update("origin", b.Origin).Error; err != nil {
			return fmt.Errorf("say where role %s comes from: %w", b.Role, err)
		}
	}
	for i := range s.add {
		s.add[i].ID, s.add[i].CreatedAt = newID(idBinding, w.now), w.now
	}
	if len(s.add) > 0 {
		if err := w.Create(&s.add).Error; err != nil {
			return fmt.Errorf("give roles: %w", err)
		}
	}
	w.recordShift(m, s, projects)
	return nil
}

// recordShift notes one event for the roles in the organization, and one for each in a project.
func (w *write) recordShift(m Member, s shift, projects map[string]string) {
	after := slices.Clone(m.Roles)
	for _, b := range s.remove {
		if b.ScopeKind == scopeOrganization {
			after = slices.DeleteFunc(after, func(r access.Role) bool { return r == b.Role })
			continue
		}
		w.recordBinding(audit.RoleBindingDeleted, m, Project{ID: b.ScopeID, Name: projects[b.ScopeID]}, b.Role)
	}
	for _, b := range s.add {
		if b.ScopeKind == scopeOrganization {
			after = append(after, b.Role)
			continue
		}
		w.recordBinding(audit.RoleBindingCreated, m, Project{ID: b.ScopeID, Name: projects[b.ScopeID]}, b.Role)
	}
	sortRoles(after, access.OrganizationRoles())
	if !slices.Equal(after, m.Roles) {
		w.record(audit.Event{Action: audit.MemberRolesChanged, Targets: []audit.Target{m.target()},
			Changes: []audit.Change{{Field: "roles", Before: titles(m.Roles), After: titles(after)}}})
	}
}

// byHand refuses to change roles by hand where they come from the identity provider. Owners are an exception unless it makes them too; whoever
// would be left with nothing else gets what newcomers get.
func (w *write) byHand(before, after []access.Role) error {
	policy, err := w.signInPolicy()
	if err != nil || policy.Mode != access.IDPRoles {
		return err
	}
	others := func(roles []access.Role) []access.Role {
		return slices.DeleteFunc(slices.Clone(roles), func(r access.Role) bool { return r == access.OrgOwner })
	}
	was, is := others(before), others(after)
	byDefault := len(was) == 0 && slices.Equal(is, []access.Role{policy.DefaultRole})
	if policy.OwnersFromIDP || !byDefault && !slices.Equal(was, is) {
		return ErrRolesFromIDP
	}
	return nil
}
