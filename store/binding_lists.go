package store

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
)

// RoleBinding says that a user or service account holds a role in the organization, or in one of its projects, and where they have it from.
type RoleBinding struct {
	ID                         string
	PrincipalKind, PrincipalID string // "user" or "service_account"
	Role                       access.Role
	ProjectID                  string // "" where it is a role in the organization
	Origin                     string
	CreatedAt                  time.Time
}

func (b binding) shown() RoleBinding {
	shown := RoleBinding{ID: b.ID, PrincipalKind: b.PrincipalKind, PrincipalID: b.PrincipalID, Role: b.Role, Origin: b.Origin, CreatedAt: b.CreatedAt.UTC()}
	if b.ScopeKind == scopeProject {
		shown.ProjectID = b.ScopeID
	}
	return shown
}

// RoleBindingFilter narrows a list of role bindings. Before is the id to go on below.
type RoleBindingFilter struct {
	PrincipalID, ProjectID string
	Before                 string
	Limit                  int
}

// RoleBindings are the organization's that the filter finds, the newest first, at most Limit (1 to 200; 50 when 0).
func (c *Scope) RoleBindings(ctx context.Context, f RoleBindingFilter) ([]RoleBinding, error) {
	q := c.read(ctx).Order("id DESC").Limit(limited(f.Limit))
	if f.PrincipalID != "" {
		q = q.Where("principal_id = ?", f.PrincipalID)
	}
	if f.ProjectID != "" {
		q = q.Where("scope_id = ?", f.ProjectID)
	}
	if f.Before != "" {
		q = q.Where("id < ?", f.Before)
	}
	var rows []binding
	if err := q.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list role bindings: %w", err)
	}
	all := make([]RoleBinding, len(rows))
	for i, row := range rows {
		all[i] = row.shown()
	}
	return all, nil
}

// RoleBinding is one of the organization's, or ErrNotFound.
func (c *Scope) RoleBinding(ctx context.Context, id string) (RoleBinding, error) {
	var row binding
	row, err := one(row, c.read(ctx).Where("id = ?", id).Take(&row).Error)
	if err != nil {
		return RoleBinding{}, fmt.Errorf("read role binding %s: %w", id, err)
	}
	return row.shown(), nil
}
