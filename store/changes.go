package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
)

// ChangeKind names what changed.
type ChangeKind string

// The kinds of changes that a node may have to forget something for.
const (
	ChangedAPIKey         ChangeKind = "api_key"
	ChangedImportedKeys   ChangeKind = "imported_keys" // of a project: keys with hashes made elsewhere have come
	ChangedProject        ChangeKind = "project"
	ChangedMember         ChangeKind = "member"
	ChangedServiceAccount ChangeKind = "service_account"
	ChangedOrganization   ChangeKind = "organization"
	ChangedConnection     ChangeKind = "connection"
	ChangedSession        ChangeKind = "session"
	ChangedPolicy         ChangeKind = "sign_in_policy"
	ChangedKeyPolicy      ChangeKind = "key_policy"
	ChangedHost           ChangeKind = "host"
)

// Change says that something which a node may hold in memory is no longer what it was. OrganizationID is empty where it concerns a person
// in every organization.
type Change struct {
	Sequence       int64 `gorm:"primaryKey;autoIncrement"`
	Kind           ChangeKind
	OrganizationID string
	SubjectID      string
	At             time.Time
}

// changesKept is how long a change stays to be followed; a node that was away for longer forgets everything it holds.
const changesKept = 24 * time.Hour

// changesAtOnce is how many changes are read at a time.
const changesAtOnce = 1000

// LastChange is the newest change's number, 0 before the first. Read it before reading what later changes may alter.
func (s *Store) LastChange(ctx context.Context) (int64, error) {
	var last int64
	if err := s.read(ctx).Raw("SELECT COALESCE(MAX(sequence), 0) FROM changes").Scan(&last).Error; err != nil {
		return 0, fmt.Errorf("read the newest change: %w", err)
	}
	return last, nil
}

// ChangesAfter are the changes past the given number, oldest first, at most [changesAtOnce]. What came with imported keys is known here before
// it is told.
func (s *Store) ChangesAfter(ctx context.Context, sequence int64) ([]Change, error) {
	return s.changesAfter(s.read(ctx), sequence)
}

// changesAfter is ChangesAfter on a connection.
func (s *Store) changesAfter(db *gorm.DB, sequence int64) ([]Change, error) {
	var changes []Change
	err := db.Where("sequence > ?", sequence).Order("sequence").Limit(changesAtOnce).Find(&changes).Error
	if err != nil {
		return nil, fmt.Errorf("read changes after %d: %w", sequence, err)
	}
	if slices.ContainsFunc(changes, func(c Change) bool { return c.Kind == ChangedImportedKeys }) {
		if err := s.readPeppers(db.Statement.Context); err != nil {
			return nil, err
		}
	}
	return changes, nil
}
