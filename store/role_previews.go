package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
)

// DifferenceKind says what a preview says of a member.
type DifferenceKind string

// The kinds of differences, in the order of their weight.
const (
	OwnershipDiffers DifferenceKind = "ownership" // they become an owner, or no longer are one
	RolesDiffer      DifferenceKind = "roles"
	NothingKnown     DifferenceKind = "unknown" // no identity provider has said anything of them yet: nothing changes until it does
)

// RoleDifference is what a draft would do to one member.
type RoleDifference struct {
	Member       Member
	Kind         DifferenceKind
	Gains, Loses []ProjectRole // without a project: in the organization
	SaidAt       *time.Time    // when the identity provider last spoke of them
}

type differenceRow struct {
	OrganizationID, MemberID string
	Kind                     DifferenceKind
	Gains, Loses             string
	SaidAt                   *time.Time
}

func (differenceRow) TableName() string { return "role_differences" }

// PreviewRoles works out what the draft would do, member by member, and keeps it for [Scope.RoleDifferences]. [ErrConflict] where there is no
// draft of this version.
func (c *Scope) PreviewRoles(ctx context.Context, version int64) error {
	policy, err := c.SignInPolicy(ctx)
	if err != nil {
		return err
	}
	row, err := draftOf(c.store.read(ctx), c.organization)
	if errors.Is(err, ErrNotFound) || err == nil && row.Version != version {
		return ErrConflict
	}
	if err != nil {
		return err
	}
	intended, err := row.Roles.settings()
	if err != nil {
		return err
	}
	rows, counts, err := c.previewed(ctx, policy, intended)
	if err != nil {
		return err
	}
	err = c.store.unrecorded(ctx, func(tx *gorm.DB) error {
		w := &write{DB: tx, store: c.store, organization: c.organization, now: c.store.now()}
		if err := errors.Join(w.lockOrganization(c.organization), w.forgetPreview()); err != nil {
			return err
		}
		if len(rows) > 0 {
			if err := tx.CreateInBatches(rows, 500).Error; err != nil {
				return err
			}
		}
		return updated(tx.Model(&draftRow{}).Where("organization_id = ? AND version = ?", c.organization, version).Updates(columns{
			"previewed_at": w.now, "policy_version": policy.Version, "members": counts.Members, "ownerships": counts.Ownerships,
			"changes": counts.Changes, "unknowns": counts.Unknowns, "owners_left": counts.OwnersLeft}))
	})
	if err != nil {
		return fmt.Errorf("preview the draft for roles: %w", err)
	}
	return nil
}

func (c *Scope) previewed(ctx context.Context, policy SignInPolicy, intended RoleSettings) ([]differenceRow, previewCounts, error) {
	db := c.store.read(ctx)
	var ids []string
	if err := db.Table("projects").Where("organization_id = ?", c.organization).Pluck("id", &ids).Error; err != nil {
		return nil, previewCounts{}, fmt.Errorf("read the projects: %w", err)
	}
	projects := make(map[string]bool, len(ids))
	for _, id := range ids {
		projects[id] = true
	}
	all, err := c.store.shifts(db, c.organization, policy, intended, projects)
	if err != nil {
		return nil, previewCounts{}, err
	}
	var rows []differenceRow
	counts := previewCounts{Members: int64(len(all))}
	for _, one := range all {
		if intended.Mode != access.IDPRoles {
			one.shift, one.told = shift{}, true // by hand from then on; nobody changes by that
		}
		if one.ownsAfter() {
			counts.OwnersLeft++
		}
		kind := one.kind(&counts)
		if kind == "" {
			continue
		}
		row := differenceRow{c.organization, one.member.ID, kind, rolesIn(one.add), rolesIn(one.remove), nil}
		if one.told {
			row.SaidAt = &one.saidAt
		}
		rows = append(rows, row)
	}
	return rows, counts, nil
}

// kind says what the preview says of the member, "" for nothing, and counts them.
func (m memberShift) kind(counts *previewCounts) DifferenceKind {
	switch {
	case !m.told:
		counts.Unknowns++
		return NothingKnown
	case m.empty():
		return ""
	case m.gainsOwner() || m.losesOwner():
		counts.Ownerships++
		return OwnershipDiffers
	}
	counts.Changes++
	return RolesDiffer
}

func rolesIn(bindings []binding) string {
	var all []ProjectRole
	for _, b := range bindings {
		in := ProjectRole{Role: b.Role}
		if b.ScopeKind == scopeProject {
			in.ProjectID = b.ScopeID
		}
		all = append(all, in)
	}
	return encodeList(all)
}

// DifferenceFilter narrows the differences of a preview to a kind, "" for all. After is the member's id to go on behind.
type DifferenceFilter struct {
	Kind  DifferenceKind
	After string
	Limit int
}

// RoleDifferences are those that the last preview found, by the members' ids, at most Limit (1 to 200; 50 when 0).
func (c *Scope) RoleDifferences(ctx context.Context, f DifferenceFilter) ([]RoleDifference, error) {
	q := c.read(ctx).Where("member_id > ?", f.After).Order("member_id").Limit(limited(f.Limit))
	if f.Kind != "" {
		q = q.Where("kind = ?", f.Kind)
	}
	var rows []differenceRow
	if err := q.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list what would change: %w", err)
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.MemberID
	}
	members, err := c.membersByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	byID := map[string]Member{}
	for _, m := range members {
		byID[m.ID] = m
	}
	differences := make([]RoleDifference, 0, len(rows))
	for _, row := range rows {
		d, err := row.difference()
		if err != nil {
			return nil, err
		}
		if d.Member = byID[row.MemberID]; d.Member.ID != "" {
			differences = append(differences, d)
		}
	}
	return differences, nil
}

func (r differenceRow) difference() (RoleDifference, error) {
	d := RoleDifference{Kind: r.Kind, SaidAt: inUTC(r.SaidAt)}
	if err := errors.Join(json.Unmarshal([]byte(r.Gains), &d.Gains), json.Unmarshal([]byte(r.Loses), &d.Loses)); err != nil {
		return RoleDifference{}, fmt.Errorf("read what would change: %w", err)
	}
	return d, nil
}

// RoleDifferenceOf is what the last preview found for one member; [ErrNotFound] where nothing.
func (c *Scope) RoleDifferenceOf(ctx context.Context, memberID string) (RoleDifference, error) {
	var row differenceRow
	row, err := one(row, c.read(ctx).Where("member_id = ?", memberID).Take(&row).Error)
	if err != nil {
		return RoleDifference{}, err
	}
	d, err := row.difference()
	if err != nil {
		return RoleDifference{}, err
	}
	d.Member, err = c.Member(ctx, memberID)
	return d, err
}
