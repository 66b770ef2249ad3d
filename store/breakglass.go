package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

// BreakGlassOwnersMost is how many owners an organization may name for break-glass.
const BreakGlassOwnersMost = 5

// BreakGlassOwner is an owner whom their organization has named for break-glass: when the identity provider does not let anybody in, a passkey
// or a recovery code lets them in, to mend sign-in and nothing else.
type BreakGlassOwner struct {
	Member      Member
	Passkeys    int
	CodesLeft   int
	NamedAt     time.Time
	CodesMadeAt *time.Time // nil before the first
}

// GetsIn says whether they have a way in that works now.
func (b BreakGlassOwner) GetsIn() bool {
	active := b.Member.IsOwner() && b.Member.SuspendedAt == nil && b.Member.UserSuspendedAt == nil
	return active && (b.Passkeys > 0 || b.CodesLeft > 0)
}

type breakGlassRow struct {
	OrganizationID string `gorm:"primaryKey"`
	UserID         string `gorm:"primaryKey"`
	NamedAt        time.Time
	CodesMadeAt    *time.Time
}

func (breakGlassRow) TableName() string { return "break_glass_owners" }

// BreakGlassOwners are those whom the organization has named, in that order.
func (c *Scope) BreakGlassOwners(ctx context.Context) ([]BreakGlassOwner, error) {
	var rows []struct {
		UserID              string
		NamedAt             time.Time
		CodesMadeAt         *time.Time
		Passkeys, CodesLeft int
	}
	db := c.store.read(ctx)
	err := db.Raw(`SELECT n.user_id, n.named_at, n.codes_made_at, (SELECT COUNT(*) FROM passkeys k WHERE k.user_id = n.user_id) AS passkeys,
			(SELECT COUNT(*) FROM recovery_codes r WHERE r.organization_id = n.organization_id AND r.user_id = n.user_id AND r.spent_at IS NULL) AS codes_left
		FROM break_glass_owners n WHERE n.organization_id = ? ORDER BY n.named_at, n.user_id`, c.organization).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list break-glass owners: %w", err)
	}
	var named []BreakGlassOwner
	for _, row := range rows {
		m, err := memberWhere(db, c.read(ctx).Where("user_id = ?", row.UserID))
		if err != nil {
			return nil, fmt.Errorf("read break-glass owner %s: %w", row.UserID, err)
		}
		named = append(named, BreakGlassOwner{Member: m, Passkeys: row.Passkeys, CodesLeft: row.CodesLeft, NamedAt: row.NamedAt.UTC(), CodesMadeAt: inUTC(row.CodesMadeAt)})
	}
	return named, nil
}

// Owners are the organization's owners who are not suspended, by name: the first 200.
func (c *Scope) Owners(ctx context.Context) ([]Member, error) {
	return membersWhere(c.store.read(ctx), c.read(ctx).
		Where("members.suspended_at IS NULL AND users.suspended_at IS NULL").
		Where("members.user_id IN (SELECT principal_id FROM role_bindings WHERE scope_id = ? AND role = ?)", c.organization, access.OrgOwner).
		Order("lower(users.name), members.id").Limit(200))
}

// NameBreakGlassOwner names the member for break-glass: an owner, of at most [BreakGlassOwnersMost]. All owners are told.
func (c *Scope) NameBreakGlassOwner(ctx context.Context, actor audit.Actor, memberID string) error {
	err := c.changeBreakGlass(ctx, actor, memberID, func(w *write, m Member, named bool) error {
		if named {
			return errUnchanged
		}
		if !m.IsOwner() || m.SuspendedAt != nil || m.UserSuspendedAt != nil {
			return invalid("member", "Choose an owner of this organization who is not suspended.")
		}
		var count int64
		if err := w.Model(&breakGlassRow{}).Where("organization_id = ?", w.organization).Count(&count).Error; err != nil {
			return err
		}
		if count >= BreakGlassOwnersMost {
			return invalid("member", fmt.Sprintf("At most %d owners can be named for break-glass. Remove one of them first.", BreakGlassOwnersMost))
		}
		w.record(audit.Event{Action: audit.BreakGlassOwnerNamed, Severity: audit.High, Targets: []audit.Target{m.target()}})
		return w.Create(&breakGlassRow{OrganizationID: w.organization, UserID: m.UserID, NamedAt: w.now}).Error
	})
	if err != nil {
		return fmt.Errorf("name break-glass owner: %w", err)
	}
	return nil
}

// RemoveBreakGlassOwner takes the member off the list again, with their recovery codes. [ErrNotFound] where they are not on it,
// [ErrLastBreakGlass] where single sign-on is required and nobody else on it has a way in.
func (c *Scope) RemoveBreakGlassOwner(ctx context.Context, actor audit.Actor, memberID string) error {
	err := c.changeBreakGlass(ctx, actor, memberID, func(w *write, m Member, named bool) error {
		if !named {
			return ErrNotFound
		}
		return errors.Join(w.unname(w.organization, m.UserID), w.keepOwner(w.organization))
	})
	if err != nil {
		return fmt.Errorf("remove break-glass owner: %w", err)
	}
	return nil
}

// changeBreakGlass does it while nobody else changes who is named, or requires single sign-on; named says whether the member is.
func (c *Scope) changeBreakGlass(ctx context.Context, actor audit.Actor, memberID string, do func(w *write, m Member, named bool) error) error {
	return c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(c.organization); err != nil {
			return err
		}
		m, err := memberWhere(w.DB, w.Where("members.organization_id = ? AND members.id = ?", c.organization, memberID))
		if err != nil {
			return err
		}
		var count int64
		if err := w.Model(&breakGlassRow{}).Where("organization_id = ? AND user_id = ?", c.organization, m.UserID).Count(&count).Error; err != nil {
			return err
		}
		return do(w, m, count > 0)
	})
}

// unname takes the user off the organization's list. Their recovery codes go with that, and what they have opened ends.
func (w *write) unname(organization, userID string) error {
	if err := w.lockUser(userID); err != nil { // nobody recovers meanwhile
		return err
	}
	user, err := w.user(userID)
	if err != nil {
		return err
	}
	if err := w.Where("organization_id = ? AND user_id = ?", organization, userID).Delete(&breakGlassRow{}).Error; err != nil {
		return fmt.Errorf("take user %s off the break-glass owners: %w", userID, err)
	}
	w.fewerWaysIn = true
	w.record(audit.Event{Action: audit.BreakGlassOwnerRemoved, OrganizationID: organization, Severity: audit.High, Targets: []audit.Target{user.target()}})
	return w.endRecoveries(organization, userID)
}

// losesWayIn notes that the user loses a passkey, or their codes, where an organization has named them.
func (w *write) losesWayIn(userID string) error {
	var count int64
	if err := w.Model(&breakGlassRow{}).Where("user_id = ?", userID).Count(&count).Error; err != nil {
		return fmt.Errorf("look for organizations that have named user %s: %w", userID, err)
	}
	w.fewerWaysIn = w.fewerWaysIn || count > 0
	return nil
}

// endRecoveries ends what the user has opened in the organization by break-glass.
func (w *write) endRecoveries(organization, userID string) error {
	return w.endProofs(userID, w.Where("organization_id = ? AND kind = ?", organization, access.ByRecovery))
}

// unnameFormerOwners takes those off the organization's list who are no owners any more, or suspended: whatever they become later, they are to
// be named anew (D-16).
func (w *write) unnameFormerOwners(organization string) error {
	var former []string
	err := w.Raw(`SELECT n.user_id FROM break_glass_owners n WHERE n.organization_id = ? AND NOT EXISTS (
			SELECT 1 FROM role_bindings b
			JOIN users u ON u.id = b.principal_id AND u.suspended_at IS NULL
			JOIN members m ON m.user_id = u.id AND m.organization_id = b.organization_id AND m.suspended_at IS NULL
			WHERE b.organization_id = n.organization_id AND b.scope_kind = ? AND b.principal_id = n.user_id AND b.role = ?)
		ORDER BY n.user_id`, organization, scopeOrganization, access.OrgOwner).Scan(&former).Error
	if err != nil {
		return fmt.Errorf("look for break-glass owners who are no owners: %w", err)
	}
	for _, userID := range former {
		if err := w.unname(organization, userID); err != nil {
			return err
		}
	}
	return nil
}

// breakGlassWays are the named owners of the organization who get in without any identity provider.
func breakGlassWays(db *gorm.DB, organization string) *gorm.DB {
	return db.Table("break_glass_owners n").
		Joins("JOIN users u ON u.id = n.user_id AND u.suspended_at IS NULL").
		Joins("JOIN members m ON m.user_id = n.user_id AND m.organization_id = n.organization_id AND m.suspended_at IS NULL").
		Where("n.organization_id = ? AND EXISTS (SELECT 1 FROM role_bindings b WHERE b.organization_id = n.organization_id AND b.scope_kind = ? AND b.principal_id = n.user_id AND b.role = ?)",
			organization, scopeOrganization, access.OrgOwner).
		Where(`(EXISTS (SELECT 1 FROM passkeys k WHERE k.user_id = n.user_id)
			OR EXISTS (SELECT 1 FROM recovery_codes r WHERE r.organization_id = n.organization_id AND r.user_id = n.user_id AND r.spent_at IS NULL))`)
}

// keepBreakGlass refuses to end a transaction that takes away the last way in by break-glass where single sign-on is required. Where there was
// none before, nothing is refused: the last code may be spent, and whatever comes next must not be stopped by that.
func (w *write) keepBreakGlass(organization string) error {
	if !w.fewerWaysIn {
		return nil
	}
	shut, err := w.isShut(organization, "")
	if err == nil && shut {
		err = ErrLastBreakGlass
	}
	return err
}

// isShut says whether the organization requires single sign-on and has no way in by break-glass, other than this user's ("" for whosever it is).
func (w *write) isShut(organization, otherThan string) (bool, error) {
	policy, err := signInPolicy(w.DB, organization)
	if err != nil || policy.Enforcement == access.NoEnforcement {
		return false, err
	}
	var ways int64
	if err := breakGlassWays(w.DB, organization).Where("n.user_id <> ?", otherThan).Count(&ways).Error; err != nil {
		return false, fmt.Errorf("count the ways in by break-glass: %w", err)
	}
	return ways == 0, nil
}

// shoutWhereShut is shoutIfShut for every organization that has named the user.
func (w *write) shoutWhereShut(user User) error {
	var organizations []string
	err := w.Raw("SELECT organization_id FROM break_glass_owners WHERE user_id = ? ORDER BY organization_id", user.ID).Scan(&organizations).Error
	if err != nil {
		return fmt.Errorf("look for organizations that have named user %s: %w", user.ID, err)
	}
	for _, organization := range organizations {
		if err := w.shoutIfShut(organization, user); err != nil {
			return err
		}
	}
	return nil
}

// shoutIfShut tells the organization's owners that no way in by break-glass is left, where that is so.
func (w *write) shoutIfShut(organization string, user User) error {
	shut, err := w.isShut(organization, "")
	if err == nil && shut {
		w.record(audit.Event{Action: audit.BreakGlassUsedUp, OrganizationID: organization, Severity: audit.High, Targets: []audit.Target{user.target()}})
	}
	return err
}
