package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// recoveryCodes is how many a break-glass owner is given at a time. RecoveryCodesFew is how many are few: the pages warn from then on.
const (
	recoveryCodes    = 10
	RecoveryCodesFew = 3
)

// recoveryCodeRow is a code that lets one owner recover access to one organization, once.
type recoveryCodeRow struct {
	Hash                   []byte `gorm:"primaryKey"`
	OrganizationID, UserID string
	SpentAt                *time.Time
}

func (recoveryCodeRow) TableName() string { return "recovery_codes" }

// MakeRecoveryCodes gives a break-glass owner of the organization ten codes, which are to be shown once: only their hashes are kept. The codes
// from before open nothing any more, and what they have opened ends. [ErrNotFound] where the user is not named.
func (c *Scope) MakeRecoveryCodes(ctx context.Context, actor audit.Actor, userID string) ([]secret.Token, error) {
	codes := make([]secret.Token, recoveryCodes)
	rows := make([]recoveryCodeRow, recoveryCodes)
	for i := range codes {
		codes[i] = secret.NewRecoveryCode()
		rows[i] = recoveryCodeRow{Hash: codes[i].Hash(), OrganizationID: c.organization, UserID: userID}
	}
	err := c.write(ctx, actor, func(w *write) error {
		if err := errors.Join(w.lockOrganization(c.organization), w.lockUser(userID)); err != nil {
			return err
		}
		user, err := userWhere(w.Where("id = ? AND EXISTS (?)", userID, recoverable(w.DB, userID).Select("1").Where("organizations.id = ?", c.organization)))
		if err != nil {
			return err
		}
		if err := w.Where("organization_id = ? AND user_id = ?", c.organization, userID).Delete(&recoveryCodeRow{}).Error; err != nil {
			return err
		}
		if err := w.Create(&rows).Error; err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.BreakGlassCodesMade, Severity: audit.High, Targets: []audit.Target{user.target()}})
		made := w.Model(&breakGlassRow{}).Where("organization_id = ? AND user_id = ?", c.organization, userID).Update("codes_made_at", w.now)
		return errors.Join(made.Error, w.endRecoveries(c.organization, userID))
	})
	if err != nil {
		return nil, fmt.Errorf("make recovery codes: %w", err)
	}
	return codes, nil
}

// Recovery is a way in by break-glass that somebody has just shown: whose it is, what it opens, and the proof for [Store.StartSession], which
// uses it up.
type Recovery struct {
	UserID, OrganizationID string
	Proof                  Proven
}

// RecoveryByCode is what the code opens to whoever has that address; [ErrNotFound] where it is none of theirs, or spent. The code alone is looked
// for, by its hash, so that the answer takes as long whoever is known here (D-11).
func (s *Store) RecoveryByCode(ctx context.Context, address trust.Address, code secret.Token) (Recovery, error) {
	var row recoveryCodeRow
	row, err := one(row, s.read(ctx).
		Where("hash = ? AND spent_at IS NULL AND EXISTS (SELECT 1 FROM users u WHERE u.id = recovery_codes.user_id AND u.canonical_email = ?)", code.Hash(), address.Canonical()).
		Take(&row).Error)
	if err != nil {
		return Recovery{}, err
	}
	proof := Proven{kind: access.ByRecovery, organization: row.OrganizationID, code: string(row.Hash)}
	return Recovery{UserID: row.UserID, OrganizationID: row.OrganizationID, Proof: proof}, nil
}

// Recovering is the proof by a passkey turned into one by break-glass, into one organization of those that are [Store.Recoverable].
func (p Proven) Recovering(organization string) Proven {
	if p.kind != access.ByPasskey {
		return Proven{}
	}
	return Proven{kind: access.ByRecovery, organization: organization, subject: p.subject}
}

// ProvenByOperator is the password, by its hash, that an owner has just set through the operator's own link: break-glass into the organization
// that the link speaks of, whether they are named there or not.
func ProvenByOperator(organization, hash string) Proven {
	return Proven{kind: access.ByRecovery, organization: organization, hash: hash}
}

// Recoverable are the organizations that the user may open by break-glass, by name: those that they own and that have named them, and in which
// nobody suspended them.
func (s *Store) Recoverable(ctx context.Context, userID string) ([]Organization, error) {
	var organizations []Organization
	if err := recoverable(s.read(ctx), userID).Order("lower(organizations.name), organizations.id").Find(&organizations).Error; err != nil {
		return nil, fmt.Errorf("list the organizations that user %s may recover: %w", userID, err)
	}
	return organizations, nil
}

func recoverable(db *gorm.DB, userID string) *gorm.DB {
	return ownedNow(db, userID).Where("EXISTS (SELECT 1 FROM break_glass_owners n WHERE n.organization_id = organizations.id AND n.user_id = u.id)")
}

// ownedNow are the organizations that the user owns, where neither they nor the organization is suspended.
func ownedNow(db *gorm.DB, userID string) *gorm.DB {
	return db.Model(&Organization{}).
		Joins("JOIN members m ON m.organization_id = organizations.id AND m.user_id = ? AND m.suspended_at IS NULL", userID).
		Joins("JOIN users u ON u.id = m.user_id AND u.suspended_at IS NULL").
		Where("organizations.suspended_at IS NULL AND EXISTS (SELECT 1 FROM role_bindings b WHERE b.organization_id = organizations.id AND b.scope_kind = ? AND b.principal_id = u.id AND b.role = ?)",
			scopeOrganization, access.OrgOwner)
}

// recover uses up the way in by which the user, who is locked, recovers access, and gives the query that finds the organization if it opens
// it. Of many who spend one code at once one does (W-32); the others find [ErrNotFound].
func (w *write) recover(userID string, p Proven) (*gorm.DB, error) {
	opens := recoverable(w.DB, userID)
	switch {
	case p.code != "":
		spent := w.Model(&recoveryCodeRow{}).
			Where("hash = ? AND organization_id = ? AND user_id = ? AND spent_at IS NULL", []byte(p.code), p.organization, userID).Update("spent_at", w.now)
		if spent.Error != nil || spent.RowsAffected == 0 {
			return nil, errors.Join(spent.Error, ErrNotFound)
		}
	case p.subject != "":
		opens = opens.Where("EXISTS (SELECT 1 FROM passkeys k WHERE k.id = ? AND k.user_id = u.id)", p.subject)
	default:
		opens = ownedNow(w.DB, userID).Where("u.password_hash = ? AND u.password_hash <> ''", p.hash)
	}
	return opens.Select("1").Where("organizations.id = ?", p.organization), nil
}

// tellRecovery tells loudly that break-glass was used, how many codes are left, and that nothing is.
func (w *write) tellRecovery(user User, p Proven) error {
	used := audit.Event{Action: audit.BreakGlassUsed, OrganizationID: p.organization, Severity: audit.High, Targets: []audit.Target{user.target()}}
	if p.code != "" {
		var left int64
		err := w.Model(&recoveryCodeRow{}).Where("organization_id = ? AND user_id = ? AND spent_at IS NULL", p.organization, user.ID).Count(&left).Error
		if err != nil {
			return fmt.Errorf("count the recovery codes that are left: %w", err)
		}
		used.Changes = []audit.Change{{Field: "recovery_codes_left", Before: strconv.FormatInt(left+1, 10), After: strconv.FormatInt(left, 10)}}
	}
	w.record(used)
	return w.shoutIfShut(p.organization, user)
}

// endRecoveryCodes lets all codes of the user open nothing any more: whoever made them may be somebody else (D-07).
func (w *write) endRecoveryCodes(user User) error {
	var organizations []string
	err := w.Raw("SELECT DISTINCT organization_id FROM recovery_codes WHERE user_id = ? ORDER BY organization_id", user.ID).Scan(&organizations).Error
	if err != nil {
		return fmt.Errorf("look for recovery codes to end: %w", err)
	}
	if err := w.Where("user_id = ?", user.ID).Delete(&recoveryCodeRow{}).Error; err != nil {
		return fmt.Errorf("end recovery codes: %w", err)
	}
	for _, organization := range organizations {
		w.record(audit.Event{Action: audit.BreakGlassCodesEnded, OrganizationID: organization, Severity: audit.High, Targets: []audit.Target{user.target()}})
		if err := w.endRecoveries(organization, user.ID); err != nil {
			return err
		}
	}
	return nil
}
