package access

import (
	"slices"
	"strings"
)

// RoleMode says where the roles of an organization's members come from.
type RoleMode string

// The modes. In IDPRoles the identity provider is the source, at every login through a connection.
const (
	ConsoleRoles RoleMode = "console"
	IDPRoles     RoleMode = "idp-roles"
)

// RoleModes lists them.
func RoleModes() []RoleMode { return []RoleMode{ConsoleRoles, IDPRoles} }

// ProjectRole is a role in a project.
type ProjectRole struct {
	ProjectID string
	Role      Role
}

// RoleRule gives whoever is in a group of the identity provider's a role: in the organization, or in a project.
type RoleRule struct {
	Group     string // as the identity provider sends it, byte for byte
	ProjectID string // "" for a role in the organization
	Role      Role
}

// Said is what an identity provider said of somebody that can give roles: the values of the attribute for roles, and their groups.
type Said struct{ Values, Groups []string }

// Grant is a role that somebody gets, and why.
type Grant struct {
	ProjectID string // "" for a role in the organization
	Role      Role
	By        GrantedBy
	Because   string // the value, or the group of the rule; "" of a default
}

// GrantedBy is the kind of reason for a grant.
type GrantedBy string

// The reasons. A default is what somebody gets whom nothing gives a role in the organization.
const (
	ByValue   GrantedBy = "value"
	ByRule    GrantedBy = "rule"
	ByDefault GrantedBy = "default"
)

// Unheard is a value or a rule that gave nothing, and why not.
type Unheard struct{ Value, Why string }

// RoleSource is how an organization turns what its identity provider says into roles. Its zero value gives nothing but the role of a member.
type RoleSource struct {
	Rules           []RoleRule
	Owners          bool // an owner has allowed the identity provider to make owners
	Default         Role
	DefaultProjects []ProjectRole
	Projects        map[string]bool // the ids of the organization's own projects
}

const (
	valuePrefix   = "gatehouse:"
	projectWord   = "project"
	misspelled    = "not spelled as it must be: gatehouse:<role> or gatehouse:project:<project id>:<role>"
	noSuchProject = "this organization has no such project"
	noSuchRole    = "there is no such role"
	noOwners      = "the identity provider may not make owners here"
)

// Grants is what somebody is by what was said of them, each role once and the most powerful first, and what was not heard. Values that are
// other programs' are passed over in silence. At least one grant is a role in the organization.
func (s RoleSource) Grants(said Said) ([]Grant, []Unheard) {
	var grants []Grant
	var unheard []Unheard
	hear := func(g Grant, text string) {
		if why := s.refuses(g); why != "" {
			unheard = append(unheard, Unheard{text, why})
		} else if !slices.ContainsFunc(grants, func(other Grant) bool { return other.ProjectID == g.ProjectID && other.Role == g.Role }) {
			grants = append(grants, g)
		}
	}
	for _, value := range said.Values {
		if !ours(value) {
			continue
		}
		g, why := parseValue(value)
		if why != "" {
			unheard = append(unheard, Unheard{value, why})
			continue
		}
		hear(g, value)
	}
	for _, rule := range s.Rules {
		if rule.Group != "" && slices.Contains(said.Groups, rule.Group) {
			hear(Grant{rule.ProjectID, rule.Role, ByRule, rule.Group}, "rule for the group "+rule.Group)
		}
	}
	if !slices.ContainsFunc(grants, func(g Grant) bool { return g.ProjectID == "" }) {
		grants = s.withDefaults(grants)
	}
	return ordered(grants), unheard
}

// withDefaults adds what newcomers get: never ownership, whatever is configured (D-15).
func (s RoleSource) withDefaults(grants []Grant) []Grant {
	role := s.Default
	if !slices.Contains(DefaultRoles(), role) {
		role = OrgMember
	}
	grants = append(grants, Grant{"", role, ByDefault, ""})
	for _, p := range s.DefaultProjects {
		known := slices.ContainsFunc(grants, func(g Grant) bool { return g.ProjectID == p.ProjectID && g.Role == p.Role })
		if !known && p.Role != ProjectOwner && slices.Contains(ProjectRoles(), p.Role) && s.Projects[p.ProjectID] {
			grants = append(grants, Grant{p.ProjectID, p.Role, ByDefault, ""})
		}
	}
	return grants
}

// refuses says why a grant gives nothing here, or "".
func (s RoleSource) refuses(g Grant) string {
	switch {
	case g.ProjectID == "" && !slices.Contains(OrganizationRoles(), g.Role), g.ProjectID != "" && !slices.Contains(ProjectRoles(), g.Role):
		return noSuchRole
	case g.ProjectID != "" && !s.Projects[g.ProjectID]:
		return noSuchProject
	case g.ProjectID == "" && g.Role == OrgOwner && !s.Owners:
		return noOwners
	}
	return ""
}

// ours says whether a value is meant for us, well spelled or not.
func ours(value string) bool {
	value = strings.TrimSpace(value)
	return len(value) >= len(valuePrefix) && strings.EqualFold(value[:len(valuePrefix)], valuePrefix)
}

// parseValue reads a value byte for byte: no other case, no blanks.
func parseValue(value string) (g Grant, why string) {
	rest, prefixed := strings.CutPrefix(value, valuePrefix)
	parts := strings.Split(rest, ":")
	switch {
	case prefixed && len(parts) == 1 && parts[0] != "":
		g = Grant{"", Role(parts[0]), ByValue, value}
	case prefixed && len(parts) == 3 && parts[0] == projectWord && parts[1] != "" && parts[2] != "":
		g = Grant{parts[1], Role(parts[2]), ByValue, value}
	default:
		return Grant{}, misspelled
	}
	return g, ""
}

// ordered puts the organization first, then the projects by id, in each the most powerful role first.
func ordered(grants []Grant) []Grant {
	all := append(OrganizationRoles(), ProjectRoles()...)
	slices.SortStableFunc(grants, func(a, b Grant) int {
		if c := strings.Compare(a.ProjectID, b.ProjectID); c != 0 {
			return c
		}
		return slices.Index(all, a.Role) - slices.Index(all, b.Role)
	})
	return grants
}
