package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// ServiceAccount is a program that acts in an organization as a member would: by its roles, through the admin API. It presents a token, whose
// text is shown once, when it is made or rotated.
type ServiceAccount struct {
	ID, OrganizationID       string
	Name                     string
	Roles                    []access.Role            `gorm:"-"` // the most powerful first
	ProjectRoles             map[string][]access.Role `gorm:"-"` // by project id
	CreatedBy, CreatedByName string                   // a user or service account; the name is empty once they are gone
	Version                  int64
	CreatedAt, UpdatedAt     time.Time
	Tokens                   []ServiceAccountToken `gorm:"-"` // at most two, the newest first
}

// ServiceAccountToken is one of its texts. It is good until EndsAt; nil has no end.
type ServiceAccountToken struct {
	Number         int
	CreatedAt      time.Time
	EndsAt, UsedAt *time.Time
}

// serviceAccountRow is a service account as its own table keeps it.
type serviceAccountRow struct {
	ID, OrganizationID   string
	Name, CreatedBy      string
	Version              int64
	CreatedAt, UpdatedAt time.Time
}

func (serviceAccountRow) TableName() string { return "service_accounts" }

func (a ServiceAccount) target() audit.Target {
	return audit.Target{Kind: "service_account", ID: a.ID, Name: a.Name}
}

// NotEntitled says that the organization's plan does not have what was asked for.
type NotEntitled struct{ Entitlement access.Entitlement }

func (e *NotEntitled) Error() string {
	return "this organization's plan does not include " + strings.ReplaceAll(string(e.Entitlement), "_", " ")
}

// entitled is [NotEntitled] where the plan of this write's organization does not have it.
func (w *write) entitled(to access.Entitlement) error {
	o, err := organization(w.DB, w.organization)
	if err == nil && !o.Has(to) {
		err = &NotEntitled{to}
	}
	return err
}

// CreateServiceAccount makes a service account with these roles in the organization, one at least, and returns its token, once. That the actor
// may give those roles is the caller's to judge.
func (c *Scope) CreateServiceAccount(ctx context.Context, actor audit.Actor, name string, roles []access.Role) (ServiceAccount, secret.Token, error) {
	name, roles, err := validServiceAccount(name, roles)
	if err != nil {
		return ServiceAccount{}, secret.Token{}, err
	}
	var id string
	var text secret.Token
	err = c.write(ctx, actor, func(w *write) error {
		if err := w.entitled(access.EntitledServiceAccounts); err != nil {
			return err
		}
		row := serviceAccountRow{ID: newID(idServiceAccount, w.now), OrganizationID: w.organization, Name: name, CreatedBy: actor.ID,
			Version: 1, CreatedAt: w.now, UpdatedAt: w.now}
		if err := w.Create(&row).Error; err != nil {
			return takenAccountName(err)
		}
		if id = row.ID; err != nil {
			return err
		}
		if text, err = w.addToken(id, 1); err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.ServiceAccountCreated, Targets: []audit.Target{{Kind: "service_account", ID: id, Name: name}},
			Changes: []audit.Change{{Field: "roles", After: titles(roles)}}})
		w.tell(ChangedServiceAccount, id)
		return w.bind(id, scopeOrganization, w.organization, "creation", roles...)
	})
	if err != nil {
		return ServiceAccount{}, secret.Token{}, fmt.Errorf("create service account: %w", err)
	}
	made, err := c.ServiceAccount(ctx, id)
	return made, text, err
}

func validServiceAccount(name string, roles []access.Role) (string, []access.Role, error) {
	name, err := validName(name)
	if err != nil {
		return "", nil, err
	}
	if roles, err = validRoles(roles, access.OrganizationRoles()); err != nil {
		return "", nil, err
	}
	if len(roles) == 0 {
		return "", nil, invalid("roles", "Choose at least one role.")
	}
	return name, roles, nil
}

func takenAccountName(err error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return invalid("name", "Another service account of this organization has this name.")
	}
	return err
}

// ServiceAccounts are the organization's, by name, at most 1,000.
func (c *Scope) ServiceAccounts(ctx context.Context) ([]ServiceAccount, error) {
	db := c.store.read(ctx)
	return serviceAccountsWhere(db, db.Where("service_accounts.organization_id = ?", c.organization).Order("lower(service_accounts.name), service_accounts.id").Limit(1000))
}

// ServiceAccount is the one with this id, or [ErrNotFound].
func (c *Scope) ServiceAccount(ctx context.Context, id string) (ServiceAccount, error) {
	return serviceAccount(c.store.read(ctx), c.organization, id)
}

func serviceAccount(db *gorm.DB, organization, id string) (ServiceAccount, error) {
	found, err := serviceAccountsWhere(db, db.Where("service_accounts.organization_id = ? AND service_accounts.id = ?", organization, id))
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return ServiceAccount{}, err
	}
	return found[0], nil
}

// serviceAccountsWhere reads those of one organization that q finds, with their roles and tokens.
func serviceAccountsWhere(db, q *gorm.DB) ([]ServiceAccount, error) {
	var found []ServiceAccount
	err := q.Table("service_accounts").Joins("LEFT JOIN users ON users.id = service_accounts.created_by").
		Joins("LEFT JOIN service_accounts makers ON makers.id = service_accounts.created_by").
		Select("service_accounts.*, COALESCE(users.name, makers.name, '') AS created_by_name").Find(&found).Error
	if err != nil {
		return nil, fmt.Errorf("read service accounts: %w", err)
	}
	place := map[string]*ServiceAccount{}
	ids := make([]string, len(found))
	for i := range found {
		found[i].CreatedAt, found[i].UpdatedAt = found[i].CreatedAt.UTC(), found[i].UpdatedAt.UTC()
		ids[i], place[found[i].ID] = found[i].ID, &found[i]
	}
	if len(found) == 0 {
		return nil, nil
	}
	return found, errors.Join(readAccountRoles(db, found[0].OrganizationID, ids, place), readAccountTokens(db, ids, place))
}

func readAccountRoles(db *gorm.DB, organization string, ids []string, place map[string]*ServiceAccount) error {
	var bindings []binding
	err := db.Where("organization_id = ? AND principal_id IN ?", organization, ids).Find(&bindings).Error
	if err != nil {
		return fmt.Errorf("read the roles of service accounts: %w", err)
	}
	for _, b := range bindings {
		a := place[b.PrincipalID]
		switch {
		case b.ScopeKind == scopeOrganization:
			a.Roles = append(a.Roles, b.Role)
		default:
			if a.ProjectRoles == nil {
				a.ProjectRoles = map[string][]access.Role{}
			}
			a.ProjectRoles[b.ScopeID] = append(a.ProjectRoles[b.ScopeID], b.Role)
		}
	}
	for _, a := range place {
		sortRoles(a.Roles, access.OrganizationRoles())
		for _, roles := range a.ProjectRoles {
			sortRoles(roles, access.ProjectRoles())
		}
	}
	return nil
}

// ChangeServiceAccount changes its name and its roles in the organization; version is the one that the form was made from.
func (c *Scope) ChangeServiceAccount(ctx context.Context, actor audit.Actor, id string, version int64, name string, roles []access.Role) error {
	name, roles, err := validServiceAccount(name, roles)
	if err != nil {
		return err
	}
	err = c.changeServiceAccount(ctx, actor, id, version, func(w *write, was ServiceAccount) error {
		changes := differences(audit.Change{Field: "name", Before: was.Name, After: name}, audit.Change{Field: "roles", Before: titles(was.Roles), After: titles(roles)})
		if len(changes) == 0 {
			return errUnchanged
		}
		if err := w.change(&serviceAccountRow{}, id, version, columns{"name": name}); err != nil {
			return takenAccountName(err)
		}
		w.record(audit.Event{Action: audit.ServiceAccountChanged, Targets: []audit.Target{was.target()}, Changes: changes})
		return w.rebind(id, scopeOrganization, w.organization, roles)
	})
	if err != nil {
		return fmt.Errorf("change service account %s: %w", id, err)
	}
	return nil
}

// SetServiceAccountProjectRoles makes these its roles in the project; none takes it out of the project.
func (c *Scope) SetServiceAccountProjectRoles(ctx context.Context, actor audit.Actor, projectID, id string, version int64, roles []access.Role) error {
	roles, err := validRoles(roles, access.ProjectRoles())
	if err != nil {
		return err
	}
	err = c.changeServiceAccount(ctx, actor, id, version, func(w *write, was ServiceAccount) error {
		p, err := project(w.DB, w.organization, projectID)
		if err != nil {
			return err
		}
		before := was.ProjectRoles[projectID]
		if slices.Equal(before, roles) {
			return errUnchanged
		}
		if err := w.change(&serviceAccountRow{}, id, version, columns{}); err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.ServiceAccountProjectRolesChanged, ProjectID: projectID, Targets: []audit.Target{was.target(), p.target()},
			Changes: []audit.Change{{Field: "roles", Before: titles(before), After: titles(roles)}}})
		return w.rebind(id, scopeProject, projectID, roles)
	})
	if err != nil {
		return fmt.Errorf("set project roles of service account %s: %w", id, err)
	}
	return nil
}

// DeleteServiceAccount ends it: its tokens, its roles, and every key that it answers for.
func (c *Scope) DeleteServiceAccount(ctx context.Context, actor audit.Actor, id string, version int64) error {
	err := c.changeServiceAccount(ctx, actor, id, version, func(w *write, was ServiceAccount) error {
		w.record(audit.Event{Action: audit.ServiceAccountDeleted, Targets: []audit.Target{was.target()}})
		if err := w.Where("organization_id = ? AND principal_id = ?", w.organization, id).Delete(&binding{}).Error; err != nil {
			return fmt.Errorf("unbind its roles: %w", err)
		}
		return updated(w.Where("organization_id = ? AND id = ? AND version = ?", w.organization, id, version).Delete(&serviceAccountRow{}))
	})
	if err != nil {
		return fmt.Errorf("delete service account %s: %w", id, err)
	}
	return nil
}

// changeServiceAccount changes one that has the version which the form was made from, while nobody else changes who may what here. Its invites
// end with its right to send them.
func (c *Scope) changeServiceAccount(ctx context.Context, actor audit.Actor, id string, version int64, do func(*write, ServiceAccount) error) error {
	return c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(w.organization); err != nil {
			return err
		}
		was, err := serviceAccount(w.DB, w.organization, id)
		if err != nil {
			return err
		}
		if was.Version != version {
			return ErrConflict
		}
		w.tell(ChangedServiceAccount, id)
		if err := do(w, was); err != nil {
			return err
		}
		return w.voidInvites(audit.ServiceAccount, id, was.Roles)
	})
}
