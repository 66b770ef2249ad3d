package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
)

// binding says that a principal holds a role in a scope: the organization itself, or one of its projects. Origin says where it came from:
// "creation", "setup", "default_role", "invite <invite's id>" or "console <id of who gave it>".
type binding struct {
	ID, OrganizationID         string
	PrincipalKind, PrincipalID string
	Role                       access.Role
	ScopeKind, ScopeID         string
	Origin                     string
	CreatedAt                  time.Time
}

func (binding) TableName() string { return "role_bindings" }

const (
	principalUser           = "user"
	principalServiceAccount = "service_account"
	scopeOrganization       = "organization"
	scopeProject            = "project"
)

// principalKind says what kind of principal has this id.
func principalKind(id string) string {
	if IsID(idServiceAccount, id) {
		return principalServiceAccount
	}
	return principalUser
}

// bind gives the principal the roles in the scope: this organization's own id, or a project of it. A role that they have already stays.
func (w *write) bind(principalID, scopeKind, scopeID, origin string, roles ...access.Role) error {
	if slices.Contains(roles, access.OrgOwner) {
		w.aboutOwner = true
		if err := w.lockUser(principalID); err != nil { // whoever ends their password asks first what they own
			return err
		}
	}
	for _, role := range roles {
		b := binding{ID: newID(idBinding, w.now), OrganizationID: w.organization, PrincipalKind: principalKind(principalID), PrincipalID: principalID,
			Role: role, ScopeKind: scopeKind, ScopeID: scopeID, Origin: origin, CreatedAt: w.now}
		var count int64
		err := w.Model(&binding{}).Where("scope_id = ? AND principal_id = ? AND role = ?", scopeID, principalID, role).Count(&count).Error
		if err == nil && count == 0 {
			err = w.Create(&b).Error
		}
		if err != nil {
			return fmt.Errorf("bind role %s: %w", role, err)
		}
	}
	return nil
}

// rebind makes these the only roles that the principal has in the scope. Those that they had keep their origin.
func (w *write) rebind(principalID, scopeKind, scopeID string, roles []access.Role) error {
	others := w.Where("organization_id = ? AND scope_id = ? AND principal_id = ?", w.organization, scopeID, principalID)
	if len(roles) > 0 {
		others = others.Where("role NOT IN ?", roles)
	}
	if err := others.Delete(&binding{}).Error; err != nil {
		return fmt.Errorf("unbind roles: %w", err)
	}
	return w.bind(principalID, scopeKind, scopeID, strings.TrimSpace("console "+w.actor.ID), roles...)
}

// withRoles reads what each of the members is in their organization.
func withRoles(db *gorm.DB, members []Member) error {
	organizations, users := ofMembers(members)
	var bindings []binding
	if err := db.Where("scope_id IN ? AND principal_id IN ?", organizations, users).Find(&bindings).Error; err != nil {
		return fmt.Errorf("read role bindings: %w", err)
	}
	give(members, bindings)
	return nil
}

// withProjectRoles reads what each of the members is in these projects; with none given, in all of their organization: thousands, maybe.
func withProjectRoles(db *gorm.DB, members []Member, projects ...string) error {
	organizations, users := ofMembers(members)
	q := db.Where("organization_id IN ? AND principal_id IN ? AND scope_kind = ?", organizations, users, scopeProject)
	if len(projects) > 0 {
		q = db.Where("scope_id IN ? AND principal_id IN ?", projects, users)
	}
	var bindings []binding
	if err := q.Find(&bindings).Error; err != nil {
		return fmt.Errorf("read role bindings in projects: %w", err)
	}
	give(members, bindings)
	return nil
}

func ofMembers(members []Member) (organizations, users []string) {
	for _, m := range members {
		if !slices.Contains(organizations, m.OrganizationID) {
			organizations = append(organizations, m.OrganizationID)
		}
		users = append(users, m.UserID)
	}
	return organizations, users
}

// give adds to each member the roles that the bindings say.
func give(members []Member, bindings []binding) {
	place := map[[2]string]*Member{}
	for i := range members {
		place[[2]string{members[i].OrganizationID, members[i].UserID}] = &members[i]
	}
	for _, b := range bindings {
		m := place[[2]string{b.OrganizationID, b.PrincipalID}]
		switch {
		case m == nil:
		case b.ScopeKind == scopeOrganization:
			m.Roles = append(m.Roles, b.Role)
		default:
			if m.ProjectRoles == nil {
				m.ProjectRoles = map[string][]access.Role{}
			}
			m.ProjectRoles[b.ScopeID] = append(m.ProjectRoles[b.ScopeID], b.Role)
		}
	}
	for _, m := range place {
		sortRoles(m.Roles, access.OrganizationRoles())
		for _, roles := range m.ProjectRoles {
			sortRoles(roles, access.ProjectRoles())
		}
	}
}

// ProjectRolesOf are the user's roles in these projects, by project; no others are read.
func (c *Scope) ProjectRolesOf(ctx context.Context, userID string, projects ...string) (map[string][]access.Role, error) {
	one := []Member{{OrganizationID: c.organization, UserID: userID}}
	if len(projects) == 0 {
		return nil, nil
	}
	err := withProjectRoles(c.store.read(ctx), one, projects...)
	return one[0].ProjectRoles, err
}

// CountProjectsOf counts the projects in which the user has a role.
func (c *Scope) CountProjectsOf(ctx context.Context, userID string) (int64, error) {
	var count int64
	err := c.store.read(ctx).Raw("SELECT COUNT(DISTINCT scope_id) FROM role_bindings WHERE organization_id = ? AND principal_id = ? AND scope_kind = ?",
		c.organization, userID, scopeProject).Scan(&count).Error
	if err != nil {
		return 0, fmt.Errorf("count the projects of user %s: %w", userID, err)
	}
	return count, nil
}

// sortRoles puts the most powerful first.
func sortRoles(roles, order []access.Role) {
	slices.SortFunc(roles, func(a, b access.Role) int { return cmp.Compare(slices.Index(order, a), slices.Index(order, b)) })
}

// validRoles gives the roles once each, the most powerful first; every one must be among those that the scope knows.
func validRoles(roles, known []access.Role) ([]access.Role, error) {
	var once []access.Role
	for _, role := range roles {
		if !slices.Contains(known, role) {
			return nil, invalid("roles", fmt.Sprintf("There is no role %q here.", role))
		}
		if !slices.Contains(once, role) {
			once = append(once, role)
		}
	}
	sortRoles(once, known)
	return once, nil
}

// titles are roles as events and pages spell them.
func titles(roles []access.Role) string {
	words := make([]string, len(roles))
	for i, role := range roles {
		words[i] = role.Title()
	}
	return strings.Join(words, ", ")
}
