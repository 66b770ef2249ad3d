package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

// Project is what API keys belong to. Its kind decides which permissions they may have.
type Project struct {
	ID, OrganizationID   string
	Name                 string
	Kind                 access.ProjectKind
	Version              int64
	CreatedAt, UpdatedAt time.Time
}

func (p Project) target() audit.Target { return audit.Target{Kind: "project", ID: p.ID, Name: p.Name} }

// CreateProject makes a project, of which the member whom that user is becomes owner.
func (c *Scope) CreateProject(ctx context.Context, actor audit.Actor, name string, kind access.ProjectKind, ownerUserID string) (Project, error) {
	var problems Invalid
	name = problems.named("name", name)
	if kind != access.Serverless && kind != access.Pod {
		problems.Add("kind", "Choose the kind of project.")
	}
	if err := problems.Err(); err != nil {
		return Project{}, err
	}
	var p Project
	err := c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(w.organization); err != nil {
			return err
		}
		owner, err := memberWhere(w.DB, w.Where("members.organization_id = ? AND user_id = ?", w.organization, ownerUserID))
		if err != nil {
			return err
		}
		p = Project{ID: newID(idProject, w.now), OrganizationID: w.organization, Name: name, Kind: kind, Version: 1, CreatedAt: w.now, UpdatedAt: w.now}
		if err := w.Create(&p).Error; err != nil {
			return takenName(err)
		}
		w.record(audit.Event{Action: audit.ProjectCreated, ProjectID: p.ID, Targets: []audit.Target{p.target()}})
		w.tell(ChangedProject, p.ID)
		return w.bind(owner.UserID, scopeProject, p.ID, "creation", access.ProjectOwner)
	})
	if err != nil {
		return Project{}, fmt.Errorf("create project: %w", err)
	}
	return p, nil
}

func takenName(err error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return invalid("name", "Another project of this organization has this name.")
	}
	return err
}

// Projects are the organization's projects, by name, at most 1,000.
func (c *Scope) Projects(ctx context.Context) ([]Project, error) {
	var all []Project
	if err := c.read(ctx).Order("lower(name), id").Limit(1000).Find(&all).Error; err != nil {
		return nil, fmt.Errorf("list projects: %w", err)
	}
	return all, nil
}

// Project is the project with this id, or [ErrNotFound].
func (c *Scope) Project(ctx context.Context, id string) (Project, error) {
	return project(c.store.read(ctx), c.organization, id)
}

func project(db *gorm.DB, organization, id string) (Project, error) {
	var p Project
	err := db.Where("organization_id = ? AND id = ?", organization, id).Take(&p).Error
	return one(p, err)
}

// RenameProject gives it another name; version is the one that the form was made from.
func (c *Scope) RenameProject(ctx context.Context, actor audit.Actor, id string, version int64, name string) error {
	name, err := validName(name)
	if err != nil {
		return err
	}
	return c.write(ctx, actor, func(w *write) error {
		before, err := project(w.DB, w.organization, id)
		if err != nil {
			return err
		}
		if before.Name == name && before.Version == version {
			return errUnchanged
		}
		if err := w.change(&Project{}, id, version, columns{"name": name}); err != nil {
			return fmt.Errorf("rename project: %w", takenName(err))
		}
		w.record(audit.Event{Action: audit.ProjectRenamed, ProjectID: id, Targets: []audit.Target{before.target()},
			Changes: []audit.Change{{Field: "name", Before: before.Name, After: name}}})
		w.tell(ChangedProject, id)
		return nil
	})
}

// ProjectMembers are the members who hold a role in the project, newest first, at most 200. Owners of the organization are owners of
// every project without one.
func (c *Scope) ProjectMembers(ctx context.Context, projectID string) ([]Member, error) {
	q := c.read(ctx).Where("EXISTS (SELECT 1 FROM role_bindings b WHERE b.organization_id = members.organization_id AND b.principal_id = members.user_id AND b.scope_id = ?)", projectID)
	return membersWhere(c.store.read(ctx), q.Order("members.id DESC").Limit(200))
}

// SetProjectRoles makes these the member's roles in the project; none takes the member out of it.
func (c *Scope) SetProjectRoles(ctx context.Context, actor audit.Actor, projectID, memberID string, roles []access.Role) error {
	roles, err := validRoles(roles, access.ProjectRoles())
	if err != nil {
		return err
	}
	return c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(w.organization); err != nil {
			return err
		}
		p, err := project(w.DB, w.organization, projectID)
		if err != nil {
			return err
		}
		m, err := memberWhere(w.DB, w.Where("members.organization_id = ? AND members.id = ?", w.organization, memberID))
		if err != nil {
			return err
		}
		before := m.ProjectRoles[projectID]
		for _, role := range roles {
			if !slices.Contains(before, role) {
				w.recordBinding(audit.RoleBindingCreated, m, p, role)
			}
		}
		for _, role := range before {
			if !slices.Contains(roles, role) {
				w.recordBinding(audit.RoleBindingDeleted, m, p, role)
			}
		}
		if len(w.events) == 0 {
			return errUnchanged
		}
		w.tell(ChangedMember, m.ID)
		return w.rebind(m.UserID, scopeProject, projectID, roles)
	})
}

func (w *write) recordBinding(action audit.Action, m Member, p Project, role access.Role) {
	w.record(audit.Event{Action: action, ProjectID: p.ID,
		Targets: []audit.Target{m.target(), {Kind: "role", ID: string(role), Name: role.Title()}, p.target()}})
}
