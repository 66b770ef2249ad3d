package store

import (
	"fmt"

	"github.com/gatehouse-sso/gatehouse/access"
)

// keepOwners is keepOwner for each of them.
func (w *write) keepOwners(organizations []string) error {
	for _, organization := range organizations {
		if err := w.keepOwner(organization); err != nil {
			return err
		}
	}
	return nil
}

// keepOwner refuses to end a transaction that leaves the organization without an owner who can sign in: by a credential of their own, or
// through one of its active connections. While single sign-on is required, a way in by break-glass is kept as well. The organization must be
// locked (D-14).
func (w *write) keepOwner(organization string) error {
	if err := w.unnameFormerOwners(organization); err != nil {
		return err
	}
	owned, err := w.isOwned(organization, "")
	if err == nil && !owned {
		err = ErrLastOwner
	}
	if err != nil {
		return err
	}
	return w.keepBreakGlass(organization)
}

// isOwned says whether the organization has an owner who can sign in, other than this user ("" for whoever it is).
func (w *write) isOwned(organization, otherThan string) (bool, error) {
	var owners int64
	err := w.Raw(`SELECT COUNT(*) FROM role_bindings b
		JOIN users u ON u.id = b.principal_id AND u.suspended_at IS NULL
		JOIN members m ON m.user_id = u.id AND m.organization_id = b.organization_id AND m.suspended_at IS NULL
		WHERE b.scope_id = ? AND b.role = ? AND u.id <> ? AND (u.password_hash <> '' OR EXISTS (SELECT 1 FROM passkeys k WHERE k.user_id = u.id) OR EXISTS (
			SELECT 1 FROM identities i JOIN connections c ON c.id = i.connection_id AND c.state = 'active'
			WHERE i.organization_id = b.organization_id AND i.user_id = u.id))`,
		organization, access.OrgOwner, otherThan).Scan(&owners).Error
	if err != nil {
		return false, fmt.Errorf("count the owners who are left: %w", err)
	}
	return owners > 0, nil
}
