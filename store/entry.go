package store

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
)

// Entry is everything that [access.MayEnter] needs to know of the session's user and the organization, as it stands now, and the member whom the
// user is there, without their roles in projects. It is read for every request. [ErrNotFound] for whoever is no member and where there is no such
// organization.
func (s *Store) Entry(ctx context.Context, organizationID string, session Session) (access.Entry, Member, error) {
	userID := session.UserID
	member, err := s.memberToEnter(ctx, organizationID, userID)
	if err != nil {
		return access.Entry{}, Member{}, err
	}
	var row struct {
		SuspendedAt                  *time.Time
		Enforcement                  access.Scope
		OnVerifiedDomain, Linked     bool
		IdleMinutes, AbsoluteMinutes *int
		EndedAt                      *time.Time
	}
	err = s.read(ctx).Raw(`SELECT o.suspended_at, p.enforcement,
			EXISTS (SELECT 1 FROM users u JOIN domains d ON d.name = u.email_domain WHERE u.id = ? AND d.organization_id = o.id AND `+domainInEffect+`) AS on_verified_domain,
			EXISTS (SELECT 1 FROM identities i WHERE i.organization_id = o.id AND i.user_id = ?) AS linked,
			l.idle_minutes, l.absolute_minutes, e.ended_at
		FROM organizations o JOIN sign_in_policies p ON p.organization_id = o.id
		LEFT JOIN session_policies l ON l.organization_id = o.id
		LEFT JOIN session_entries e ON e.organization_id = o.id AND e.session_id = ?
		WHERE o.id = ?`, userID, graceBegan(s.now()), userID, session.ID, organizationID).Take(&row).Error
	if err != nil {
		return access.Entry{}, Member{}, fmt.Errorf("read what decides about entering organization %s: %w", organizationID, err)
	}
	entry := access.Entry{
		OrganizationID: organizationID, Suspended: row.SuspendedAt != nil,
		Enforcement: row.Enforcement, Covered: row.Enforcement.Covers(row.OnVerifiedDomain, row.Linked),
		Limits: sessionPolicyOfNew.limits(), Now: s.now(),
		MemberSuspended: member.SuspendedAt != nil, UserSuspended: member.UserSuspendedAt != nil,
	}
	if row.IdleMinutes != nil && row.AbsoluteMinutes != nil {
		entry.Limits = SessionPolicy{IdleMinutes: *row.IdleMinutes, AbsoluteMinutes: *row.AbsoluteMinutes}.limits()
	}
	for _, after := range []*time.Time{member.ResumedAt, row.EndedAt} {
		if after != nil && after.After(entry.ProofsAfter) {
			entry.ProofsAfter = *after
		}
	}
	required := entry.Enforcement != access.NoEnforcement && entry.Covered
	if entry.ActiveConnections, err = countingConnections(s.read(ctx), organizationID, userID, required, s.now()); err != nil {
		return access.Entry{}, Member{}, err
	}
	return entry, member, nil
}

func (s *Store) memberToEnter(ctx context.Context, organizationID, userID string) (Member, error) {
	members, err := membersWhere(s.read(ctx), s.In(organizationID).read(ctx).Where("user_id = ?", userID).Limit(1))
	if err == nil && len(members) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Member{}, err
	}
	return members[0], nil
}
