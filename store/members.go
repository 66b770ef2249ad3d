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

// Member is a user in an organization. What is older than ResumedAt, a proof or an API key, opens nothing: whoever was suspended starts anew.
type Member struct {
	ID, OrganizationID, UserID string
	Name, Email                string
	HasPassword, HasPasskey    bool
	Roles                      []access.Role            `gorm:"-"` // the most powerful first
	ProjectRoles               map[string][]access.Role `gorm:"-"` // by project id; read where one member is asked for, or one project's members
	SuspendedAt, ResumedAt     *time.Time
	UserSuspendedAt            *time.Time
	Version                    int64
	CreatedAt                  time.Time
	Place                      string `gorm:"-"` // where a list goes on after the member, or before: [MemberFilter]
}

// memberRow is a member as its own table keeps it.
type memberRow struct {
	ID, OrganizationID, UserID string
	EmailDomain                string // "" until [listMembers]
	SuspendedAt, ResumedAt     *time.Time
	Version                    int64
	CreatedAt, UpdatedAt       time.Time
}

func (memberRow) TableName() string { return "members" }

// IsOwner says whether the member is an owner of the organization.
func (m Member) IsOwner() bool { return slices.Contains(m.Roles, access.OrgOwner) }

func (m Member) target() audit.Target { return audit.Target{Kind: "user", ID: m.UserID, Name: m.Name} }

// Member is the member with this id, or [ErrNotFound].
func (c *Scope) Member(ctx context.Context, id string) (Member, error) {
	return memberWhere(c.store.read(ctx), c.read(ctx).Where("members.id = ?", id))
}

// MemberOf is the member that the user is in this organization, or [ErrNotFound].
func (c *Scope) MemberOf(ctx context.Context, userID string) (Member, error) {
	return memberWhere(c.store.read(ctx), c.read(ctx).Where("user_id = ?", userID))
}

// member reads the member within the transaction, if it has the version that the form was made from.
func (w *write) member(id string, version int64) (Member, error) {
	m, err := memberWhere(w.DB, w.Where("members.organization_id = ? AND members.id = ?", w.organization, id))
	if err == nil && m.Version != version {
		return Member{}, ErrConflict
	}
	return m, err
}

func memberWhere(db, q *gorm.DB) (Member, error) {
	members, err := membersWhere(db, q.Limit(1))
	if err == nil && len(members) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Member{}, err
	}
	return members[0], withProjectRoles(db, members)
}

// membersWhere reads the members that q finds, with their roles in the organization.
func membersWhere(db, q *gorm.DB) ([]Member, error) {
	var members []Member
	err := q.Table("members").Joins("JOIN users ON users.id = members.user_id").
		Select("members.id, organization_id, user_id, users.name, users.email, users.password_hash <> '' AS has_password, " +
			"EXISTS (SELECT 1 FROM passkeys k WHERE k.user_id = users.id) AS has_passkey, " +
			"members.suspended_at, resumed_at, users.suspended_at AS user_suspended_at, members.version, members.created_at").
		Find(&members).Error
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	if len(members) == 0 {
		return nil, nil
	}
	return members, withRoles(db, members)
}

// addMember makes the user a member of this write's organization. Origin is that of a [binding].
func (w *write) addMember(user User, origin string, roles ...access.Role) (Member, error) {
	row := memberRow{ID: newID(idMember, w.now), OrganizationID: w.organization, UserID: user.ID, Version: 1, CreatedAt: w.now, UpdatedAt: w.now}
	err := w.Create(&row).Error
	switch {
	case errors.Is(err, gorm.ErrDuplicatedKey):
		return Member{}, ErrConflict
	case err != nil:
		return Member{}, fmt.Errorf("add member: %w", err)
	}
	if err := w.lockUser(user.ID); err != nil { // nobody renames them meanwhile
		return Member{}, err
	}
	if err := listMembers(w.DB, []string{row.ID}); err != nil {
		return Member{}, err
	}
	if err := w.bind(user.ID, scopeOrganization, w.organization, origin, roles...); err != nil {
		return Member{}, err
	}
	w.record(audit.Event{Action: audit.MemberAdded, Targets: []audit.Target{user.target()},
		Changes: []audit.Change{{Field: "roles", After: titles(roles)}}})
	w.tell(ChangedMember, row.ID)
	return w.member(row.ID, 1)
}

// SetMemberRoles makes these the member's roles in the organization: one at least. [ErrLastOwner] where no owner would be left, [ErrRolesFromIDP]
// where the identity provider is the source and more than ownership changes.
func (c *Scope) SetMemberRoles(ctx context.Context, actor audit.Actor, id string, version int64, roles []access.Role) error {
	roles, err := validRoles(roles, access.OrganizationRoles())
	if err != nil {
		return err
	}
	if len(roles) == 0 {
		return invalid("roles", "Choose at least one role.")
	}
	return c.changeMember(ctx, actor, id, version, func(w *write, m Member) error {
		if slices.Equal(m.Roles, roles) {
			return errUnchanged
		}
		if err := w.byHand(m.Roles, roles); err != nil {
			return err
		}
		if err := w.change(&memberRow{}, id, version, columns{}); err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.MemberRolesChanged, Targets: []audit.Target{m.target()},
			Changes: []audit.Change{{Field: "roles", Before: titles(m.Roles), After: titles(roles)}}})
		return w.rebind(m.UserID, scopeOrganization, w.organization, roles)
	})
}

// SuspendMember bars the member from this organization until [Scope.ResumeMember]: their proofs for it end, the keys they answer for stop.
func (c *Scope) SuspendMember(ctx context.Context, actor audit.Actor, id string, version int64) error {
	return c.changeMember(ctx, actor, id, version, func(w *write, m Member) error {
		if m.SuspendedAt != nil {
			return errUnchanged
		}
		if err := w.change(&memberRow{}, id, version, columns{"suspended_at": w.now}); err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.MemberSuspended, Targets: []audit.Target{m.target()}})
		return w.endProofs(m.UserID, w.Where("organization_id = ?", w.organization))
	})
}

// ResumeMember lets a suspended member in again, by a new sign-in: nothing from before revives (D-16).
func (c *Scope) ResumeMember(ctx context.Context, actor audit.Actor, id string, version int64) error {
	return c.changeMember(ctx, actor, id, version, func(w *write, m Member) error {
		if m.SuspendedAt == nil {
			return errUnchanged
		}
		anew, err := w.startsAnew(m)
		if err != nil {
			return err
		}
		if err := w.change(&memberRow{}, id, version, columns{"suspended_at": nil, "resumed_at": anew}); err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.MemberResumed, Targets: []audit.Target{m.target()}})
		return nil
	})
}

// startsAnew is now or, where other nodes' clocks are before this one's, just after whatever the member has proved or made so far.
func (w *write) startsAnew(m Member) (time.Time, error) {
	if err := w.lockUser(m.UserID); err != nil { // nobody begins a session of theirs meanwhile
		return time.Time{}, err
	}
	anew, err := w.afterProofs(w.Where("session_id IN (SELECT id FROM sessions WHERE user_id = ?)", m.UserID))
	if err != nil {
		return time.Time{}, err
	}
	var made []time.Time
	err = w.Table("api_keys").Where("organization_id = ? AND creator_id = ? AND created_at >= ?", w.organization, m.UserID, anew).
		Order("created_at DESC").Limit(1).Pluck("created_at", &made).Error
	if err != nil {
		return time.Time{}, fmt.Errorf("look for the newest API key: %w", err)
	}
	for _, at := range made {
		anew = at.UTC().Add(time.Microsecond)
	}
	return anew, nil
}

// RemoveMember takes the user out of the organization: roles, links to its connections and proofs for it go, the user stays.
func (c *Scope) RemoveMember(ctx context.Context, actor audit.Actor, id string, version int64) error {
	return c.changeMember(ctx, actor, id, version, func(w *write, m Member) error {
		for _, statement := range []string{
			"DELETE FROM role_bindings WHERE organization_id = ? AND principal_id = ?",
			"DELETE FROM identities WHERE organization_id = ? AND user_id = ?",
			"DELETE FROM waiting_links WHERE organization_id = ? AND user_id = ?",
			"DELETE FROM members WHERE organization_id = ? AND user_id = ?",
		} {
			if err := w.Exec(statement, w.organization, m.UserID).Error; err != nil {
				return fmt.Errorf("take the member's traces out: %w", err)
			}
		}
		w.record(audit.Event{Action: audit.MemberRemoved, Targets: []audit.Target{m.target()}})
		return w.endProofs(m.UserID, w.Where("organization_id = ?", w.organization))
	})
}

// changeMember changes one member while nobody else changes any of this organization, and keeps an owner.
func (c *Scope) changeMember(ctx context.Context, actor audit.Actor, id string, version int64, do func(*write, Member) error) error {
	return c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(w.organization); err != nil {
			return err
		}
		m, err := w.member(id, version)
		if err != nil {
			return err
		}
		if err := do(w, m); err != nil {
			return fmt.Errorf("change member %s: %w", id, err)
		}
		w.tell(ChangedMember, id)
		if err := w.voidInvites(audit.User, m.UserID, m.Roles); err != nil || !m.IsOwner() {
			return err
		}
		w.aboutOwner = true
		return w.keepOwner(w.organization)
	})
}
