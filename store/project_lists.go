package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// ProjectFilter narrows a list of projects. Of is a user or service account: those in which they hold a role. Search is part of a name. Before
// and After are the id of the project to go on before, or after.
type ProjectFilter struct {
	Of, Search    string
	Before, After string
	Limit         int
}

// SomeProjects are the organization's that the filter finds, the newest first, at most Limit (1 to 200; 50 when 0).
func (c *Scope) SomeProjects(ctx context.Context, f ProjectFilter) ([]Project, error) {
	q := c.findProjects(ctx, f).Order("id DESC")
	if f.Before != "" {
		q = q.Where("id < ?", f.Before)
	}
	var all []Project
	if err := q.Find(&all).Error; err != nil {
		return nil, fmt.Errorf("list projects: %w", err)
	}
	return all, nil
}

func (c *Scope) findProjects(ctx context.Context, f ProjectFilter) *gorm.DB {
	q := c.read(ctx).Limit(limited(f.Limit))
	if f.Of != "" {
		q = q.Where("id IN (SELECT scope_id FROM role_bindings WHERE organization_id = ? AND principal_id = ? AND scope_kind = ?)", c.organization, f.Of, scopeProject)
	}
	if search := strings.TrimSpace(f.Search); search != "" {
		q = q.Where(`lower(name) LIKE ? ESCAPE '\'`, containing(search))
	}
	return q
}

// ProjectsByName are the organization's that the filter finds, by name, at most Limit (1 to 200; 50 when 0).
func (c *Scope) ProjectsByName(ctx context.Context, f ProjectFilter) ([]Project, error) {
	q, from := c.findProjects(ctx, f), cmp.Or(f.After, f.Before)
	backwards := f.Before != "" && f.After == ""
	if from != "" {
		var name string // as the database spells it in lower case, which is how it sorts
		if err := c.store.read(ctx).Raw("SELECT lower(name) FROM projects WHERE organization_id = ? AND id = ?", c.organization, from).Scan(&name).Error; err != nil {
			return nil, fmt.Errorf("list projects: %w", err)
		}
		if backwards {
			q = q.Where("(lower(name), id) < (?, ?)", name, from)
		} else {
			q = q.Where("(lower(name), id) > (?, ?)", name, from)
		}
	}
	if backwards {
		q = q.Order("lower(name) DESC, id DESC")
	} else {
		q = q.Order("lower(name), id")
	}
	var all []Project
	if err := q.Find(&all).Error; err != nil {
		return nil, fmt.Errorf("list projects: %w", err)
	}
	if backwards {
		slices.Reverse(all)
	}
	return all, nil
}

// ProjectsByID are those of the organization with these ids, by name.
func (c *Scope) ProjectsByID(ctx context.Context, ids []string) ([]Project, error) {
	var all []Project
	if len(ids) == 0 {
		return nil, nil
	}
	if err := c.read(ctx).Where("id IN ?", ids).Order("lower(name), id").Find(&all).Error; err != nil {
		return nil, fmt.Errorf("read projects: %w", err)
	}
	return all, nil
}
