package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
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

// CreateProject makes a project, of which the owner, a member's user or a service account of the organization, becomes [access.ProjectOwner].
func (c *Scope) CreateProject(ctx context.Context, actor audit.Actor, name string, kind access.ProjectKind, ownerID string) (Project, error) {
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
		if err := w.isPrincipal(ownerID); err != nil {
			return err
		}
		p = Project{ID: newID(idProject, w.now), OrganizationID: w.organization, Name: name, Kind: kind, Version: 1, CreatedAt: w.now, UpdatedAt: w.now}
		if err := w.Create(&p).Error; err != nil {
			return takenName(err)
		}
		w.record(audit.Event{Action: audit.ProjectCreated, ProjectID: p.ID, Targets: []audit.Target{p.target()}})
		w.tell(ChangedProject, p.ID)
		return w.bind(ownerID, scopeProject, p.ID, "creation", access.ProjectOwner)
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

// DeleteProject ends it and all that is in it: its API keys, which nobody can use from then on, its hosts, and the roles that people and
// service accounts have there. Version is the one that the form was made from.
func (c *Scope) DeleteProject(ctx context.Context, actor audit.Actor, id string, version int64) error {
	err := c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(w.organization); err != nil {
			return err
		}
		p, err := project(w.DB, w.organization, id)
		if err != nil {
			return err
		}
		if p.Version != version {
			return ErrConflict
		}
		changes, err := w.endProject(id)
		if err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.ProjectDeleted, ProjectID: id, Targets: []audit.Target{p.target()}, Changes: changes})
		w.tell(ChangedProject, id)
		return updated(w.Where("id = ? AND version = ?", id, version).Delete(&Project{}))
	})
	if err != nil {
		return fmt.Errorf("delete project %s: %w", id, err)
	}
	return nil
}

// endProject removes what is in the project and does not go by itself, and gives what is to be told of it.
func (w *write) endProject(id string) ([]audit.Change, error) {
	if err := w.forgetRolesIn(id); err != nil {
		return nil, err
	}
	var hosts []string
	if err := w.Raw("SELECT id FROM hosts WHERE project_id = ?", id).Scan(&hosts).Error; err != nil {
		return nil, fmt.Errorf("read the project's hosts: %w", err)
	}
	for _, host := range hosts {
		w.tell(ChangedHost, host)
	}
	if err := w.Where("organization_id = ? AND scope_id = ?", w.organization, id).Delete(&binding{}).Error; err != nil {
		return nil, fmt.Errorf("unbind the project's roles: %w", err)
	}
	keys := w.Where("organization_id = ? AND project_id = ?", w.organization, id).Delete(&apiKeyRow{})
	if keys.Error != nil {
		return nil, fmt.Errorf("delete the project's API keys: %w", keys.Error)
	}
	return []audit.Change{{Field: "api_keys", Before: strconv.FormatInt(keys.RowsAffected, 10), After: "0"}}, nil
}

// CountProjectMembers counts the members who hold a role in the project, up to [MostCounted].
func (c *Scope) CountProjectMembers(ctx context.Context, projectID string) (int64, error) {
	users := c.store.read(ctx).Table("(?) AS users", c.usersIn(ctx, projectID).Order("principal_id").Limit(MostCounted+1)) // in the order of an index, which is read no further
	count, err := c.store.countTo(ctx, users, MostCounted)
	if err != nil {
		return 0, fmt.Errorf("count the members of project %s: %w", projectID, err)
	}
	return count, nil
}

// usersIn are the ids of those who hold a role in the project.
func (c *Scope) usersIn(ctx context.Context, projectID string) *gorm.DB {
	return c.read(ctx).Table("role_bindings").Distinct("principal_id").
		Where("scope_id = ? AND principal_id > ?", projectID, idUser) // whose ids sort behind those of service accounts
}

// ProjectMembers are the members who hold a role in the project, with those roles, the newest users first: below the user After, or above the user
// Before, at most Limit (1 to 200; 50 when 0). Owners of the organization are owners of every project without one.
func (c *Scope) ProjectMembers(ctx context.Context, projectID string, f MemberFilter) ([]Member, error) {
	q := c.usersIn(ctx, projectID).Limit(limited(f.Limit))
	switch {
	case f.Before != "":
		q = q.Where("principal_id > ?", f.Before).Order("principal_id")
	case f.After != "":
		q = q.Where("principal_id < ?", f.After).Order("principal_id DESC")
	default:
		q = q.Order("principal_id DESC")
	}
	var users []string
	if err := q.Pluck("principal_id", &users).Error; err != nil {
		return nil, fmt.Errorf("list the members of project %s: %w", projectID, err)
	}
	if len(users) == 0 {
		return nil, nil
	}
	members, err := membersWhere(c.store.read(ctx), c.read(ctx).Where("members.user_id IN ?", users).Order("members.user_id DESC"))
	if err != nil {
		return nil, err
	}
	return members, withProjectRoles(c.store.read(ctx), members, projectID)
}

// SetProjectRoles makes these the member's roles in the project; none takes the member out of it.
func (c *Scope) SetProjectRoles(ctx context.Context, actor audit.Actor, projectID, memberID string, roles []access.Role) error {
	return c.ChangeProjectRoles(ctx, actor, projectID, memberID, func([]access.Role) []access.Role { return roles })
}

// ChangeProjectRoles makes of the roles that the member has in the project what change says. Nobody else changes them meanwhile: what change is
// given is so, and of two who each give a role none is lost. Change may run again, and must not keep or alter what it is given.
func (c *Scope) ChangeProjectRoles(ctx context.Context, actor audit.Actor, projectID, memberID string, change func([]access.Role) []access.Role) error {
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
		roles, err := validRoles(change(slices.Clone(before)), access.ProjectRoles())
		if err != nil {
			return err
		}
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
		if policy, err := w.signInPolicy(); err != nil {
			return err
		} else if policy.Mode == access.IDPRoles {
			return ErrRolesFromIDP
		}
		w.tell(ChangedMember, m.ID)
		return w.rebind(m.UserID, scopeProject, projectID, roles)
	})
}

func (w *write) recordBinding(action audit.Action, m Member, p Project, role access.Role) {
	w.record(audit.Event{Action: action, ProjectID: p.ID,
		Targets: []audit.Target{m.target(), {Kind: "role", ID: string(role), Name: role.Title()}, p.target()}})
}
