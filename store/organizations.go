package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

// Organization is a customer: what members, projects, connections and domains belong to.
type Organization struct {
	ID, Name             string
	Slug                 string // a short name of its own, for lists; in no address
	DefaultProjectRole   access.Role
	Plan                 access.Plan
	SuspendedAt          *time.Time
	Version              int64
	CreatedAt, UpdatedAt time.Time
}

// planOfNew is the plan of an organization that nobody chose one for.
const planOfNew = access.Enterprise

// Has says whether the organization's plan has the entitlement.
func (o Organization) Has(entitlement access.Entitlement) bool {
	return access.Entitled(o.Plan, entitlement)
}

// Membership is one organization of a user, with what they are in it.
type Membership struct {
	Organization Organization
	Member       Member
}

func (o Organization) target() audit.Target {
	return audit.Target{Kind: "organization", ID: o.ID, Name: o.Name}
}

// CreateOrganization makes an organization and makes the user its owner. *[TooMany] where the actor is a person who has made many today.
func (s *Store) CreateOrganization(ctx context.Context, actor audit.Actor, name, ownerID string) (Organization, error) {
	name, err := validName(name)
	if err != nil {
		return Organization{}, err
	}
	var organization Organization
	id := newID(idOrganization, s.now())
	err = s.write(ctx, id, actor, func(w *write) error {
		if actor.Kind == audit.User {
			if err := w.tally(organizationsByUser, actor.ID); err != nil {
				return err
			}
		}
		owner, err := w.user(ownerID)
		if err != nil {
			return err
		}
		if organization, err = w.createOrganization(name); err != nil {
			return err
		}
		_, err = w.addMember(owner, "creation", access.OrgOwner)
		return err
	})
	if err != nil {
		return Organization{}, fmt.Errorf("create organization: %w", err)
	}
	return organization, nil
}

// createOrganization makes the organization that this write is about, with a sign-in policy that requires nothing and admits newcomers.
func (w *write) createOrganization(name string) (Organization, error) {
	slug, err := w.freeSlug(name)
	if err != nil {
		return Organization{}, err
	}
	o := Organization{ID: w.organization, Name: name, Slug: slug, DefaultProjectRole: defaultProjectRole, Plan: planOfNew, Version: 1, CreatedAt: w.now, UpdatedAt: w.now}
	if err := w.Create(&o).Error; err != nil {
		return Organization{}, err
	}
	w.record(audit.Event{Action: audit.OrganizationCreated, Targets: []audit.Target{o.target()}})
	err = w.Exec("INSERT INTO sign_in_policies (organization_id, enforcement, admit_newcomers, default_role, version, updated_at) VALUES (?, ?, ?, ?, 1, ?)",
		o.ID, access.NoEnforcement, true, access.OrgMember, w.now).Error
	if err != nil {
		return Organization{}, fmt.Errorf("make its sign-in policy: %w", err)
	}
	return o, nil
}

// Organization is the organization with this id, or [ErrNotFound].
func (s *Store) Organization(ctx context.Context, id string) (Organization, error) {
	return organization(s.read(ctx), id)
}

// Organization is the organization of this scope.
func (c *Scope) Organization(ctx context.Context) (Organization, error) {
	return c.store.Organization(ctx, c.organization)
}

func organization(db *gorm.DB, id string) (Organization, error) {
	var o Organization
	err := db.Where("id = ?", id).Take(&o).Error
	return one(o, err)
}

// Organizations lists all organizations for the operator, by id, after the given one.
func (s *Store) Organizations(ctx context.Context, after string, limit int) ([]Organization, error) {
	var all []Organization
	if err := s.read(ctx).Where("id > ?", after).Order("id").Limit(limited(limit)).Find(&all).Error; err != nil {
		return nil, fmt.Errorf("list organizations: %w", err)
	}
	return all, nil
}

// OrganizationsOf are the organizations that the user is a member of, by name, suspended ones too.
func (s *Store) OrganizationsOf(ctx context.Context, userID string) ([]Membership, error) {
	members, err := membersWhere(s.read(ctx), s.read(ctx).Where("members.user_id = ?", userID).Order("members.id"))
	if err != nil {
		return nil, fmt.Errorf("list organizations of user %s: %w", userID, err)
	}
	roles := map[string]Member{}
	ids := make([]string, len(members))
	for i, m := range members {
		roles[m.OrganizationID], ids[i] = m, m.OrganizationID
	}
	var organizations []Organization
	if err := s.read(ctx).Where("id IN ?", ids).Order("lower(name), id").Find(&organizations).Error; err != nil {
		return nil, fmt.Errorf("list organizations of user %s: %w", userID, err)
	}
	all := make([]Membership, len(organizations))
	for i, o := range organizations {
		all[i] = Membership{o, roles[o.ID]}
	}
	return all, nil
}

// SuspendOrganization bars everybody and every API key from the organization.
func (s *Store) SuspendOrganization(ctx context.Context, actor audit.Actor, id string) error {
	return s.suspendOrganization(ctx, actor, id, true)
}

// ResumeOrganization ends the suspension.
func (s *Store) ResumeOrganization(ctx context.Context, actor audit.Actor, id string) error {
	return s.suspendOrganization(ctx, actor, id, false)
}

func (s *Store) suspendOrganization(ctx context.Context, actor audit.Actor, id string, suspend bool) error {
	return s.write(ctx, id, actor, func(w *write) error {
		o, err := organization(w.DB, id)
		if err != nil {
			return err
		}
		if (o.SuspendedAt != nil) == suspend {
			return errUnchanged
		}
		action, at := audit.OrganizationResumed, (*time.Time)(nil)
		if suspend {
			action, at = audit.OrganizationSuspended, &w.now
		}
		if err := w.change(&Organization{}, id, o.Version, columns{"suspended_at": at}); err != nil {
			return fmt.Errorf("suspend or resume organization %s: %w", id, err)
		}
		w.record(audit.Event{Action: action, Targets: []audit.Target{o.target()}})
		w.tell(ChangedOrganization, id)
		return nil
	})
}

// SetPlan gives the organization another plan: what it includes holds from now on, and what was made under the one before stays.
func (s *Store) SetPlan(ctx context.Context, actor audit.Actor, id string, plan access.Plan) error {
	if !slices.Contains(access.Plans(), plan) {
		return invalid("plan", fmt.Sprintf("There is no plan %q.", plan))
	}
	return s.write(ctx, id, actor, func(w *write) error {
		o, err := organization(w.DB, id)
		if err != nil {
			return err
		}
		if o.Plan == plan {
			return errUnchanged
		}
		if err := w.change(&Organization{}, id, o.Version, columns{"plan": plan}); err != nil {
			return fmt.Errorf("set the plan of organization %s: %w", id, err)
		}
		w.record(audit.Event{Action: audit.OrganizationPlanChanged, Targets: []audit.Target{o.target()},
			Changes: []audit.Change{{Field: "plan", Before: string(o.Plan), After: string(plan)}}})
		w.tell(ChangedOrganization, id)
		return nil
	})
}
