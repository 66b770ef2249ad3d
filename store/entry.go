package store

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
)

// Entry is everything that [access.MayEnter] needs to know of the user and the organization, as it stands now, and the member whom the user
// is there. It is read for every request. [ErrNotFound] for whoever is no member and where there is no such organization.
func (s *Store) Entry(ctx context.Context, organizationID, userID string) (access.Entry, Member, error) {
	member, err := s.In(organizationID).MemberOf(ctx, userID)
	if err != nil {
		return access.Entry{}, Member{}, err
	}
	var row struct {
		SuspendedAt              *time.Time
		Enforcement              access.Scope
		OnVerifiedDomain, Linked bool
	}
	err = s.read(ctx).Raw(`SELECT o.suspended_at, p.enforcement,
			EXISTS (SELECT 1 FROM users u JOIN domains d ON d.name = u.email_domain WHERE u.id = ? AND d.organization_id = o.id AND `+domainInEffect+`) AS on_verified_domain,
			EXISTS (SELECT 1 FROM identities i WHERE i.organization_id = o.id AND i.user_id = ?) AS linked
		FROM organizations o JOIN sign_in_policies p ON p.organization_id = o.id WHERE o.id = ?`, userID, graceBegan(s.now()), userID, organizationID).Take(&row).Error
	if err != nil {
		return access.Entry{}, Member{}, fmt.Errorf("read what decides about entering organization %s: %w", organizationID, err)
	}
	entry := access.Entry{
		OrganizationID: organizationID, Suspended: row.SuspendedAt != nil,
		Enforcement: row.Enforcement, Covered: row.Enforcement.Covers(row.OnVerifiedDomain, row.Linked),
		MemberSuspended: member.SuspendedAt != nil, UserSuspended: member.UserSuspendedAt != nil,
	}
	if member.ResumedAt != nil {
		entry.ProofsAfter = *member.ResumedAt
	}
	required := entry.Enforcement != access.NoEnforcement && entry.Covered
	if entry.ActiveConnections, err = countingConnections(s.read(ctx), organizationID, userID, required, s.now()); err != nil {
		return access.Entry{}, Member{}, err
	}
	return entry, member, nil
}
