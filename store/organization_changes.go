package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

// ErrProjectsLeft says that an organization still has projects: they are deleted first, one by one, so that nobody deletes API keys unawares.
var ErrProjectsLeft = errors.New("the organization has projects")

// OrganizationChange is what is to change about an organization. What is nil stays.
type OrganizationChange struct {
	Name, Slug         *string
	DefaultProjectRole *access.Role
}

// ChangeOrganization changes its name, its slug and what somebody gets who is added to a project; version is the one that the form was made from.
func (c *Scope) ChangeOrganization(ctx context.Context, actor audit.Actor, version int64, change OrganizationChange) error {
	change, err := change.valid()
	if err != nil {
		return err
	}
	err = c.write(ctx, actor, func(w *write) error {
		if err := w.lock(lockSlugs); err != nil {
			return fmt.Errorf("wait for the slugs: %w", err)
		}
		was, err := organization(w.DB, w.organization)
		if err != nil {
			return err
		}
		set := columns{}
		note := func(action audit.Action, field, before string, after string) {
			if before != after {
				set[field] = after
				w.record(audit.Event{Action: action, Targets: []audit.Target{was.target()}, Changes: []audit.Change{{Field: field, Before: before, After: after}}})
			}
		}
		if change.Name != nil {
			note(audit.OrganizationRenamed, "name", was.Name, *change.Name)
		}
		if change.Slug != nil {
			note(audit.OrganizationSlugChanged, "slug", was.Slug, *change.Slug)
		}
		if change.DefaultProjectRole != nil {
			note(audit.OrganizationDefaultProjectRoleChanged, "default_project_role", string(was.DefaultProjectRole), string(*change.DefaultProjectRole))
		}
		if was.Version != version {
			return ErrConflict
		}
		if len(set) == 0 {
			return errUnchanged
		}
		w.tell(ChangedOrganization, w.organization)
		return w.change(&Organization{}, w.organization, version, set)
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return invalid("slug", "Another organization has this slug. Choose another one.")
	}
	if err != nil {
		return fmt.Errorf("change organization: %w", err)
	}
	return nil
}

// valid is the change as it is kept.
func (o OrganizationChange) valid() (OrganizationChange, error) {
	problems := &Invalid{}
	if o.Name != nil {
		name := problems.named("name", *o.Name)
		o.Name = &name
	}
	if o.Slug != nil {
		slug := strings.TrimSpace(*o.Slug)
		if !validSlug(slug) {
			problems.Add("slug", "Use 2 to 40 small letters a to z, digits and hyphens, with a letter or digit at both ends.")
		}
		o.Slug = &slug
	}
	if o.DefaultProjectRole != nil && !slices.Contains(DefaultProjectRoles(), *o.DefaultProjectRole) {
		problems.Add("default_project_role", "Choose a role that people may have by default. Project owners are made one at a time.")
	}
	return o, problems.Err()
}

func validSlug(slug string) bool {
	return len(slug) >= 2 && len(slug) <= slugLimit && slug[0] != '-' && slug[len(slug)-1] != '-' &&
		!strings.ContainsFunc(slug, func(r rune) bool { return r != '-' && !isSlugSign(r) })
}

// DefaultProjectRoles are the roles that an organization's default project role may be.
func DefaultProjectRoles() []access.Role {
	return slices.DeleteFunc(slices.Clone(access.ProjectRoles()), func(r access.Role) bool { return r == access.ProjectOwner })
}

// Leftovers are what ends with an organization; projects and members are counted up to [MostCounted].
type Leftovers struct{ Projects, Members, Connections, Domains, ServiceAccounts, Webhooks int64 }

// Leftovers counts them.
func (c *Scope) Leftovers(ctx context.Context) (Leftovers, error) {
	var left Leftovers
	err := c.store.read(ctx).Raw(`SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM projects WHERE organization_id = ? LIMIT ?) AS counted) AS projects,
			(SELECT COUNT(*) FROM (SELECT 1 FROM members WHERE organization_id = ? LIMIT ?) AS counted) AS members, (SELECT COUNT(*) FROM connections WHERE organization_id = o.id) AS connections,
			(SELECT COUNT(*) FROM domains WHERE organization_id = o.id) AS domains, (SELECT COUNT(*) FROM service_accounts WHERE organization_id = o.id) AS service_accounts,
			(SELECT COUNT(*) FROM webhooks WHERE organization_id = o.id) AS webhooks
		FROM organizations o WHERE o.id = ?`, c.organization, MostCounted+1, c.organization, MostCounted+1, c.organization).Scan(&left).Error
	if err != nil {
		return Leftovers{}, fmt.Errorf("count what ends with organization %s: %w", c.organization, err)
	}
	return left, nil
}

// DeleteOrganization ends it and all that is in it: memberships, connections and who is linked through them, domains, invites, service accounts,
// webhooks, and the sessions that opened nothing else. The people stay, and so does the log, which nobody changes. Version is the one that was seen;
// [ErrProjectsLeft] while it has projects. Its owners are told by mail, the installation in its own chain.
func (c *Scope) DeleteOrganization(ctx context.Context, actor audit.Actor, version int64) error {
	err := c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(w.organization); err != nil {
			return err
		}
		o, err := organization(w.DB, w.organization)
		if err != nil {
			return err
		}
		if o.Version != version {
			return ErrConflict
		}
		var projects int64
		if err := w.Model(&Project{}).Where("organization_id = ?", o.ID).Count(&projects).Error; err != nil {
			return fmt.Errorf("count the projects that are left: %w", err)
		}
		if projects > 0 {
			return ErrProjectsLeft
		}
		deleted := audit.Event{Action: audit.OrganizationDeleted, Severity: audit.High, Targets: []audit.Target{o.target()}}
		if err := w.mailLastOwners(o, deleted); err != nil {
			return err
		}
		if err := w.endOrganization(); err != nil {
			return err
		}
		w.record(deleted)
		w.recordForInstallation()
		w.tell(ChangedOrganization, o.ID)
		return updated(w.Where("id = ? AND version = ?", o.ID, version).Delete(&Organization{}))
	})
	if err != nil {
		return fmt.Errorf("delete organization %s: %w", c.organization, err)
	}
	return nil
}

// recordForInstallation records the last event in the installation's chain as well: nobody reads that of an organization that is gone.
func (w *write) recordForInstallation() {
	again := w.events[len(w.events)-1]
	again.ID, again.OrganizationID = newID(idEvent, w.now), ""
	w.events = append(w.events, again)
}

// mailLastOwners tells the owners while it is known who they are.
func (w *write) mailLastOwners(o Organization, e audit.Event) error {
	e.OrganizationID, e.Actor, e.Outcome = o.ID, w.actor, audit.Succeeded
	told := letters{lines: map[letterTo][]string{}}
	if err := w.tellOwners(&told, e); err != nil {
		return err
	}
	for _, to := range told.order {
		err := w.mail("", MailEvents, Letter{To: to.reader.Email, UserID: to.reader.UserID, Organization: o.Name, Path: "/", Lines: told.lines[to],
			At: w.now, By: w.actor.ID, Address: w.actor.Request.Address})
		if err != nil {
			return err
		}
	}
	return nil
}

// endOrganization removes all that is in the organization but its events. A domain that was verified is remembered as its own: whoever verifies it
// next waits.
func (w *write) endOrganization() error {
	var domains []Domain
	if err := w.Table("domains d").Where("d.organization_id = ?", w.organization).Where(domainVerified).Select("d.*").Find(&domains).Error; err != nil {
		return fmt.Errorf("read verified domains: %w", err)
	}
	for _, d := range domains {
		if err := w.rememberHolder(d); err != nil {
			return err
		}
	}
	err := w.endSessions(w.Where(`limited_to = ? OR EXISTS (SELECT 1 FROM session_proofs p WHERE p.session_id = sessions.id AND p.organization_id = ?)
		AND NOT EXISTS (SELECT 1 FROM session_proofs p WHERE p.session_id = sessions.id AND p.organization_id <> ?)`, w.organization, w.organization, w.organization))
	if err != nil {
		return err
	}
	for _, statement := range []string{
		"DELETE FROM session_proofs WHERE organization_id = ?",
		"DELETE FROM role_bindings WHERE organization_id = ?",
		"DELETE FROM break_glass_owners WHERE organization_id = ?", // and by it their recovery codes
		"DELETE FROM members WHERE organization_id = ?",
		"DELETE FROM invites WHERE organization_id = ?",
		"DELETE FROM welcomes WHERE organization_id = ?",
		"DELETE FROM connections WHERE organization_id = ?", // and by it settings, keys, links of people, logins
		"DELETE FROM domains WHERE organization_id = ?",
		"DELETE FROM service_accounts WHERE organization_id = ?",
		"DELETE FROM webhooks WHERE organization_id = ?",
		"DELETE FROM notices WHERE organization_id = ?",
		"DELETE FROM key_policies WHERE organization_id = ?",
		"DELETE FROM sign_in_policies WHERE organization_id = ?",
	} {
		if err := w.Exec(statement, w.organization).Error; err != nil {
			return fmt.Errorf("remove what is in the organization: %w", err)
		}
	}
	return nil
}
