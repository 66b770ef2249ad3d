package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// MostContacts is how many contacts a connection has at most.
const MostContacts = 20

// contactRow is somebody who is told of a connection's certificates and need not be a user.
type contactRow struct {
	ConnectionID, OrganizationID string
	Email, CanonicalEmail        string
	CreatedAt                    time.Time
}

func (contactRow) TableName() string { return "connection_contacts" }

// Contacts are the addresses, beside the owners', that are told of the connection's certificates.
func (c *Scope) Contacts(ctx context.Context, connectionID string) ([]string, error) {
	return contacts(c.read(ctx), connectionID)
}

func contacts(q *gorm.DB, connectionID string) (addresses []string, err error) {
	err = q.Model(&contactRow{}).Where("connection_id = ?", connectionID).Order("canonical_email").Pluck("email", &addresses).Error
	if err != nil {
		return nil, fmt.Errorf("read the contacts of connection %s: %w", connectionID, err)
	}
	return addresses, nil
}

// SetContacts replaces the connection's contacts: at most [MostContacts], each address once. [ErrNotFound] where the connection is not the
// organization's.
func (c *Scope) SetContacts(ctx context.Context, actor audit.Actor, connectionID string, addresses []trust.Address) error {
	rows := make([]contactRow, 0, len(addresses))
	for _, a := range addresses {
		same := func(r contactRow) bool { return r.CanonicalEmail == a.Canonical() }
		if !slices.ContainsFunc(rows, same) {
			rows = append(rows, contactRow{ConnectionID: connectionID, OrganizationID: c.organization, Email: a.Given(), CanonicalEmail: a.Canonical()})
		}
	}
	if len(rows) > MostContacts {
		return invalid("contacts", fmt.Sprintf("Name at most %d contacts.", MostContacts))
	}
	slices.SortFunc(rows, func(a, b contactRow) int { return strings.Compare(a.CanonicalEmail, b.CanonicalEmail) })
	err := c.write(ctx, actor, func(w *write) error {
		if err := c.stillVisiting(w, func(reached connectionRow, _ SetupLink) bool { return reached.ID == connectionID }); err != nil {
			return err
		}
		return w.setContacts(connectionID, rows)
	})
	if err != nil {
		return fmt.Errorf("set the contacts of connection %s: %w", connectionID, err)
	}
	return nil
}

func (w *write) setContacts(connectionID string, rows []contactRow) error {
	if err := w.lockOrganization(w.organization); err != nil {
		return err
	}
	connection, err := w.ownConnection(connectionID)
	if err != nil {
		return err
	}
	before, err := contacts(w.DB, connectionID)
	if err != nil {
		return err
	}
	var after []string
	for i := range rows {
		rows[i].CreatedAt = w.now
		after = append(after, rows[i].Email)
	}
	if slices.Equal(before, after) {
		return errUnchanged
	}
	if err := w.Where("connection_id = ?", connectionID).Delete(&contactRow{}).Error; err != nil {
		return err
	}
	if len(rows) > 0 {
		if err := w.Create(&rows).Error; err != nil {
			return err
		}
	}
	w.record(audit.Event{Action: audit.ConnectionContactsChanged, Targets: connection.targets(),
		Changes: []audit.Change{{Field: "contacts", Before: strings.Join(before, ", "), After: strings.Join(after, ", ")}}})
	return nil
}

// certificateReaders are who is told of a connection's certificates: the organization's owners, and the connection's contacts, who may be nobody
// here. Nobody is among them twice.
func certificateReaders(db *gorm.DB, organization, connectionID string) ([]reader, error) {
	readers, err := owners(db, organization)
	if err != nil {
		return nil, err
	}
	addresses, err := contacts(db, connectionID)
	if err != nil {
		return nil, err
	}
	for _, address := range addresses {
		same := func(r reader) bool { return strings.EqualFold(r.Email, address) }
		if !slices.ContainsFunc(readers, same) {
			readers = append(readers, reader{Email: address})
		}
	}
	return readers, nil
}

// CountCertificateReaders counts who is told of the connection's certificates, the owners among them.
func (c *Scope) CountCertificateReaders(ctx context.Context, connectionID string) (int, error) {
	readers, err := certificateReaders(c.store.read(ctx), c.organization, connectionID)
	return len(readers), err
}

// owners are the organization's who can be told anything.
func owners(db *gorm.DB, organization string) (all []reader, err error) {
	err = db.Raw(`SELECT u.id AS user_id, u.email FROM role_bindings b
		JOIN users u ON u.id = b.principal_id AND u.suspended_at IS NULL
		JOIN members m ON m.user_id = u.id AND m.organization_id = b.organization_id AND m.suspended_at IS NULL
		WHERE b.scope_id = ? AND b.role = ? ORDER BY u.id`, organization, access.OrgOwner).Scan(&all).Error
	if err != nil {
		return nil, fmt.Errorf("look for the owners to tell: %w", err)
	}
	return all, nil
}
