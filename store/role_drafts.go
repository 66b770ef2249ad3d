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

// PreviewLife is how long after it was made a preview can be confirmed: what people's sign-ins say may have changed since.
const PreviewLife = 15 * time.Minute

// RoleDraft is what an owner intends for the roles. It has no effect before they have seen what it would do, and confirmed it. Version is 0
// where there is none: then it is what is in force.
type RoleDraft struct {
	RoleSettings
	InForce   bool // it says what is so already
	Version   int64
	UpdatedAt time.Time
	Preview   *RolePreview // nil before one was made of this version
}

// RolePreview says what a draft would do to whom, in numbers; [Scope.RoleDifferences] says it member by member.
type RolePreview struct {
	At         time.Time
	Members    int64
	Ownerships int64 // members who become or no longer are an owner
	Changes    int64 // others whose roles change
	Unknowns   int64 // of whom no identity provider has said anything: they keep their roles until they sign in through one
	OwnersLeft int64
	Current    bool // it is young, and the settings that it began from are still so: it can be confirmed
}

// draftRow is a draft with its preview.
type draftRow struct {
	OrganizationID string      `gorm:"primaryKey"`
	Roles          roleColumns `gorm:"embedded"`
	Version        int64
	UpdatedAt      time.Time
	PreviewedAt    *time.Time
	PolicyVersion  int64
	Counts         previewCounts `gorm:"embedded"`
}

type previewCounts struct {
	Members, Ownerships, Changes, Unknowns, OwnersLeft int64
}

func (draftRow) TableName() string { return "role_drafts" }

// RoleDraft is the organization's.
func (c *Scope) RoleDraft(ctx context.Context) (RoleDraft, error) {
	policy, err := c.SignInPolicy(ctx)
	if err != nil {
		return RoleDraft{}, err
	}
	row, err := draftOf(c.store.read(ctx), c.organization)
	if errors.Is(err, ErrNotFound) {
		return RoleDraft{RoleSettings: policy.RoleSettings, InForce: true, UpdatedAt: policy.UpdatedAt}, nil
	}
	if err != nil {
		return RoleDraft{}, err
	}
	draft := RoleDraft{Version: row.Version, UpdatedAt: row.UpdatedAt.UTC()}
	if draft.RoleSettings, err = row.Roles.settings(); err != nil {
		return RoleDraft{}, err
	}
	draft.InForce = draft.Equal(policy.RoleSettings)
	if row.PreviewedAt != nil {
		n := row.Counts
		draft.Preview = &RolePreview{row.PreviewedAt.UTC(), n.Members, n.Ownerships, n.Changes, n.Unknowns, n.OwnersLeft, row.current(policy, c.store.now())}
	}
	return draft, nil
}

// current says whether the preview of the draft is one to decide by.
func (r draftRow) current(policy SignInPolicy, now time.Time) bool {
	return r.PreviewedAt != nil && r.PolicyVersion == policy.Version && now.Sub(*r.PreviewedAt) <= PreviewLife
}

func draftOf(db *gorm.DB, organization string) (draftRow, error) {
	var row draftRow
	row, err := one(row, db.Where("organization_id = ?", organization).Take(&row).Error)
	if err != nil {
		return draftRow{}, fmt.Errorf("read the draft for roles: %w", err)
	}
	return row, nil
}

// DraftRoles keeps what an owner intends, in place of an earlier draft; version is that of the draft they saw. *[Invalid] where it could not be.
// It is no event: nothing is different yet.
func (c *Scope) DraftRoles(ctx context.Context, version int64, intended RoleSettings) error {
	err := c.store.unrecorded(ctx, func(tx *gorm.DB) error {
		w := &write{DB: tx, store: c.store, organization: c.organization, now: c.store.now()}
		if err := w.lockOrganization(c.organization); err != nil {
			return err
		}
		names, err := w.projectNames()
		if err != nil {
			return err
		}
		if intended.Mode == access.IDPRoles {
			if err := w.entitled(access.EntitledSSO); err != nil {
				return err
			}
		}
		if err := intended.check(known(names)); err != nil {
			return err
		}
		row, err := draftOf(tx, c.organization)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if row.Version != version {
			return ErrConflict
		}
		if err := w.forgetPreview(); err != nil {
			return err
		}
		if err := tx.Where("organization_id = ?", c.organization).Delete(&draftRow{}).Error; err != nil {
			return err
		}
		return tx.Create(&draftRow{OrganizationID: c.organization, Roles: intended.columns(), Version: version + 1, UpdatedAt: w.now}).Error
	})
	if err != nil {
		return fmt.Errorf("keep a draft for roles: %w", err)
	}
	return nil
}

// DiscardRoles forgets the draft.
func (c *Scope) DiscardRoles(ctx context.Context) error {
	err := c.store.unrecorded(ctx, func(tx *gorm.DB) error {
		return (&write{DB: tx, store: c.store, organization: c.organization, now: c.store.now()}).endDraft()
	})
	if err != nil {
		return fmt.Errorf("discard the draft for roles: %w", err)
	}
	return nil
}

func (w *write) endDraft() error {
	return errors.Join(w.forgetPreview(), w.Where("organization_id = ?", w.organization).Delete(&draftRow{}).Error)
}

func (w *write) forgetPreview() error {
	return w.Where("organization_id = ?", w.organization).Delete(&differenceRow{}).Error
}

// ApplyRoles puts the draft into force, as its preview showed: the roles of every member of whom an identity provider has said something become
// what it says, the others keep theirs. It returns *[Invalid] where there is no young preview of this version, or no owner would be left, or none
// who gets in by break-glass while single sign-on is required; nothing has changed then. The mode of the console changes nobody.
func (c *Scope) ApplyRoles(ctx context.Context, actor audit.Actor, version int64) error {
	err := c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(c.organization); err != nil {
			return err
		}
		policy, err := w.signInPolicy()
		if err != nil {
			return err
		}
		row, err := draftOf(w.DB, c.organization)
		if errors.Is(err, ErrNotFound) || err == nil && row.Version != version {
			return ErrConflict
		}
		if err != nil {
			return err
		}
		if !row.current(policy, w.now) {
			return invalid("preview", "Look at what would change first: the preview is missing, older than 15 minutes, or of other settings.")
		}
		intended, err := row.Roles.settings()
		if err != nil {
			return err
		}
		return w.applyRoles(policy, intended)
	})
	if errors.Is(err, ErrLastBreakGlass) {
		return invalid("owners", "Single sign-on is required, and this would leave no break-glass owner who gets in when the identity provider fails, so nothing was changed. Let the identity provider name such an owner, or keep owners a matter of this console.")
	}
	if errors.Is(err, ErrLastOwner) {
		return invalid("owners", "This would leave the organization without an owner who can sign in, so nothing was changed. Let the identity provider name an owner, or keep owners a matter of this console.")
	}
	if err != nil {
		return fmt.Errorf("put the draft for roles into force: %w", err)
	}
	return nil
}

func (w *write) applyRoles(policy SignInPolicy, intended RoleSettings) error {
	names, err := w.projectNames()
	if err != nil {
		return err
	}
	differences := policy.differences(intended, names)
	if len(differences) == 0 {
		return invalid("mode", "This is in force already.")
	}
	if intended.Mode == access.IDPRoles {
		if err := w.entitled(access.EntitledSSO); err != nil {
			return err
		}
	}
	w.record(audit.Event{Action: audit.SignInPolicyRolesChanged, Severity: audit.High, Changes: differences})
	r := intended.columns()
	err = updated(w.Model(&policyRow{}).Where("organization_id = ? AND version = ?", w.organization, policy.Version).Updates(columns{
		"role_mode": r.RoleMode, "owners_from_idp": r.OwnersFromIDP, "role_rules": r.RoleRules, "version": policy.Version + 1, "updated_at": w.now}))
	if err != nil {
		return err
	}
	w.tell(ChangedPolicy, w.organization)
	if err := w.endDraft(); err != nil {
		return err
	}
	if intended.Mode != access.IDPRoles {
		return nil
	}
	return w.followAll(policy, intended)
}

// followAll makes everybody's roles what their identity provider last said.
func (w *write) followAll(policy SignInPolicy, intended RoleSettings) error {
	names, err := w.projectNames()
	if err != nil {
		return err
	}
	all, err := w.store.shifts(w.DB, w.organization, policy, intended, known(names))
	if err != nil {
		return err
	}
	owners := false
	for _, one := range all {
		if !one.told || one.empty() && len(one.renew) == 0 {
			continue
		}
		owners = owners || one.losesOwner()
		if err := w.give(one.member, one.shift, names); err != nil {
			return err
		}
		if err := w.voidInvites(audit.User, one.member.UserID, one.member.Roles); err != nil {
			return err
		}
	}
	w.tell(ChangedMember, "") // all of them
	if !owners {
		return nil
	}
	return w.keepOwner(w.organization)
}

// memberShift is what would become of a member's roles. Told says whether an identity provider has said anything of them.
type memberShift struct {
	member Member
	told   bool
	saidAt time.Time
	shift
}

// shifts are what would become of every member's roles, by id.
func (s *Store) shifts(db *gorm.DB, organization string, policy SignInPolicy, intended RoleSettings, projects map[string]bool) ([]memberShift, error) {
	said, err := s.lastSaid(db, organization)
	if err != nil {
		return nil, err
	}
	var bindings []binding
	if err := db.Where("organization_id = ? AND principal_kind = ?", organization, principalUser).Order("id").Find(&bindings).Error; err != nil {
		return nil, fmt.Errorf("read role bindings: %w", err)
	}
	held := map[string][]binding{}
	for _, b := range bindings {
		held[b.PrincipalID] = append(held[b.PrincipalID], b)
	}
	var members []Member
	err = db.Table("members").Joins("JOIN users ON users.id = members.user_id").Where("members.organization_id = ?", organization).
		Select("members.id, organization_id, user_id, users.name").Order("members.id").Find(&members).Error
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	source := roleSource(policy, intended, projects)
	all := make([]memberShift, len(members))
	for i, m := range members {
		for _, b := range held[m.UserID] {
			if b.ScopeKind == scopeOrganization {
				m.Roles = append(m.Roles, b.Role)
			}
		}
		sortRoles(m.Roles, access.OrganizationRoles())
		last, told := said[m.UserID]
		all[i] = memberShift{member: m, told: told, saidAt: last.At}
		if told {
			grants, _ := source.Grants(last.Said)
			all[i].shift = intended.shiftTo(organization, m.UserID, last.Connection, held[m.UserID], grants)
		}
	}
	return all, nil
}

// ownsAfter says whether the member would be an owner.
func (m memberShift) ownsAfter() bool {
	return m.gainsOwner() || slices.Contains(m.member.Roles, access.OrgOwner) && !m.losesOwner()
}
