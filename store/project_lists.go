package store

import (
	"context"
	"fmt"
)

// ProjectFilter narrows a list of projects. Of is a user or service account: those in which they hold a role. Before is the id to go on below.
type ProjectFilter struct {
	Of, Before string
	Limit      int
}

// SomeProjects are the organization's that the filter finds, the newest first, at most Limit (1 to 200; 50 when 0).
func (c *Scope) SomeProjects(ctx context.Context, f ProjectFilter) ([]Project, error) {
	q := c.read(ctx).Order("id DESC").Limit(limited(f.Limit))
	if f.Of != "" {
		q = q.Where("id IN (SELECT scope_id FROM role_bindings WHERE organization_id = ? AND principal_id = ? AND scope_kind = ?)", c.organization, f.Of, scopeProject)
	}
	if f.Before != "" {
		q = q.Where("id < ?", f.Before)
	}
	var all []Project
	if err := q.Find(&all).Error; err != nil {
		return nil, fmt.Errorf("list projects: %w", err)
	}
	return all, nil
}
