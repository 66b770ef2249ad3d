package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

// SignInPolicy is how an organization's people sign in: whether single sign-on is required of them, what newcomers get, and where roles come from.
type SignInPolicy struct {
	OrganizationID      string
	Enforcement         access.Scope
	EnforcedAt          *time.Time
	AdmitNewcomers      bool
	DefaultRole         access.Role
	DefaultProjectRoles []ProjectRole
	RoleSettings
	Version   int64
	UpdatedAt time.Time
}

// ProjectRole is a role in a project.
type ProjectRole struct {
	ProjectID string
	Role      access.Role
}

type policyRow struct {
	OrganizationID      string `gorm:"primaryKey"`
	Enforcement         access.Scope
	EnforcedAt          *time.Time
	AdmitNewcomers      bool
	DefaultRole         access.Role
	DefaultProjectRoles string
	Roles               roleColumns `gorm:"embedded"`
	Version             int64
	UpdatedAt           time.Time
}

func (policyRow) TableName() string { return "sign_in_policies" }

// SignInPolicy is the organization's.
func (c *Scope) SignInPolicy(ctx context.Context) (SignInPolicy, error) {
	return signInPolicy(c.store.read(ctx), c.organization)
}

func (w *write) signInPolicy() (SignInPolicy, error) { return signInPolicy(w.DB, w.organization) }

func signInPolicy(db *gorm.DB, organization string) (SignInPolicy, error) {
	var row policyRow
	row, err := one(row, db.Where("organization_id = ?", organization).Take(&row).Error)
	if err != nil {
		return SignInPolicy{}, fmt.Errorf("read the sign-in policy: %w", err)
	}
	policy := SignInPolicy{
		OrganizationID: row.OrganizationID, Enforcement: row.Enforcement, EnforcedAt: inUTC(row.EnforcedAt),
		AdmitNewcomers: row.AdmitNewcomers, DefaultRole: row.DefaultRole, Version: row.Version, UpdatedAt: row.UpdatedAt.UTC(),
	}
	if err := json.Unmarshal([]byte(row.DefaultProjectRoles), &policy.DefaultProjectRoles); err != nil {
		return SignInPolicy{}, fmt.Errorf("read the default project roles: %w", err)
	}
	policy.RoleSettings, err = row.Roles.settings()
	return policy, err
}

// SetDefaultRole chooses what newcomers get from now on; nobody who is a member already changes. It is never OrgOwner, nor a role that
// would hand a project over (D-15).
func (c *Scope) SetDefaultRole(ctx context.Context, actor audit.Actor, version int64, role access.Role, projects []ProjectRole) error {
	err := c.changePolicy(ctx, actor, version, func(w *write, was SignInPolicy) (columns, error) {
		if err := w.checkDefaults(role, projects); err != nil {
			return nil, err
		}
		var changes []audit.Change
		if was.DefaultRole != role {
			changes = append(changes, audit.Change{Field: "default_role", Before: was.DefaultRole.Title(), After: role.Title()})
		}
		if !slices.Equal(was.DefaultProjectRoles, projects) {
			names, err := w.projectNames()
			if err != nil {
				return nil, err
			}
			changes = append(changes, audit.Change{Field: "default_project_roles", Before: projectRolesIn(names, was.DefaultProjectRoles), After: projectRolesIn(names, projects)})
		}
		if len(changes) == 0 {
			return nil, errUnchanged
		}
		w.record(audit.Event{Action: audit.SignInPolicyDefaultRoleChanged, Changes: changes})
		return columns{"default_role": role, "default_project_roles": encodeList(projects)}, nil
	})
	if err != nil {
		return fmt.Errorf("set the default role: %w", err)
	}
	return nil
}

func (w *write) checkDefaults(role access.Role, projects []ProjectRole) error {
	problems := &Invalid{}
	if !slices.Contains(access.DefaultRoles(), role) {
		problems.Add("default_role", "Choose a role that newcomers may have. Owners are made by owners, one at a time.")
	}
	for _, p := range projects {
		if !slices.Contains(access.ProjectRoles(), p.Role) || p.Role == access.ProjectOwner {
			problems.Add("project_roles", "Choose a role that newcomers may have. Project owners are made one at a time.")
		}
		var count int64
		err := w.Table("projects").Where("organization_id = ? AND id = ?", w.organization, p.ProjectID).Count(&count).Error
		if err != nil {
			return err
		}
		if count == 0 {
			problems.Add("project_roles", "Choose one of this organization's projects.")
		}
	}
	return problems.Err()
}

// forgetRolesIn takes a project that ends out of what newcomers get, and out of the rules for roles.
func (w *write) forgetRolesIn(projectID string) error {
	was, err := w.signInPolicy()
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(was.DefaultProjectRoles), func(p ProjectRole) bool { return p.ProjectID == projectID })
	rules := slices.DeleteFunc(slices.Clone(was.Rules), func(r access.RoleRule) bool { return r.ProjectID == projectID })
	if len(left) == len(was.DefaultProjectRoles) && len(rules) == len(was.Rules) {
		return nil
	}
	names, err := w.projectNames()
	if err != nil {
		return err
	}
	if len(left) < len(was.DefaultProjectRoles) {
		w.record(audit.Event{Action: audit.SignInPolicyDefaultRoleChanged,
			Changes: []audit.Change{{Field: "default_project_roles", Before: projectRolesIn(names, was.DefaultProjectRoles), After: projectRolesIn(names, left)}}})
	}
	if len(rules) < len(was.Rules) {
		w.record(audit.Event{Action: audit.SignInPolicyRolesChanged, Changes: was.RoleSettings.differences(RoleSettings{was.Mode, was.OwnersFromIDP, rules}, names)})
	}
	w.tell(ChangedPolicy, w.organization)
	return updated(w.Model(&policyRow{}).Where("organization_id = ? AND version = ?", w.organization, was.Version).
		Updates(columns{"default_project_roles": encodeList(left), "role_rules": encodeList(rules), "version": was.Version + 1, "updated_at": w.now}))
}

// SetAdmitNewcomers says whether people on a verified domain become members at their first login, or must be members before.
func (c *Scope) SetAdmitNewcomers(ctx context.Context, actor audit.Actor, version int64, admit bool) error {
	words := map[bool]string{true: "admitted", false: "not admitted"}
	err := c.changePolicy(ctx, actor, version, func(w *write, was SignInPolicy) (columns, error) {
		if was.AdmitNewcomers == admit {
			return nil, errUnchanged
		}
		w.record(audit.Event{Action: audit.SignInPolicyNewcomersChanged,
			Changes: []audit.Change{{Field: "admit_newcomers", Before: words[was.AdmitNewcomers], After: words[admit]}}})
		return columns{"admit_newcomers": admit}, nil
	})
	if err != nil {
		return fmt.Errorf("set whether newcomers are admitted: %w", err)
	}
	return nil
}

// changePolicy reads the policy as it is, refuses another version than the one the actor saw, and writes what change returns.
func (c *Scope) changePolicy(ctx context.Context, actor audit.Actor, version int64, change func(*write, SignInPolicy) (columns, error)) error {
	return c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(c.organization); err != nil {
			return err
		}
		was, err := w.signInPolicy()
		if err != nil {
			return err
		}
		if was.Version != version {
			return ErrConflict
		}
		set, err := change(w, was)
		if err != nil {
			return err
		}
		set["version"], set["updated_at"] = version+1, w.now
		w.tell(ChangedPolicy, c.organization)
		return updated(w.Model(&policyRow{}).Where("organization_id = ? AND version = ?", c.organization, version).Updates(map[string]any(set)))
	})
}
