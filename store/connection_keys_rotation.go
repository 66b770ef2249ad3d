package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/audit"
)

// ErrKeyInUse says that the identity provider last encrypted to the key that is to go.
var ErrKeyInUse = errors.New("the identity provider still encrypts to this key")

// KeyState is what one of our keys of a connection does. All of them are published, and all decrypt.
type KeyState string

// The states of a key, in their order.
const (
	KeyNext  KeyState = "next"  // published, so that the identity provider learns it
	KeySigns KeyState = "signs" // the one that signs requests
	KeyOld   KeyState = "old"   // signed before
)

// OurKey is one of our own keys of a connection without its private half.
type OurKey struct {
	ID            string
	Certificate   string // PEM
	State         KeyState
	CreatedAt     time.Time
	SignsSince    *time.Time
	OpenedAt      *time.Time // when a believed message that was encrypted to it last came, to the hour
	LastEncrypted bool       // it is the one that the last such message was encrypted to
}

// OurKeys are ours of a connection of this organization: the one that signs, those that did, the next one.
func (c *Scope) OurKeys(ctx context.Context, connectionID string) ([]OurKey, error) {
	return ourKeys(c.read(ctx), connectionID)
}

func ourKeys(db *gorm.DB, connectionID string) ([]OurKey, error) {
	var rows []connectionKeyRow
	if err := db.Where("connection_id = ?", connectionID).Order(signingFirst).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list our keys of connection %s: %w", connectionID, err)
	}
	keys, last := make([]OurKey, len(rows)), -1
	for i, row := range rows {
		keys[i] = OurKey{ID: row.ID, Certificate: row.Certificate, State: KeyOld, CreatedAt: row.CreatedAt.UTC(), SignsSince: inUTC(row.SignsSince),
			OpenedAt: inUTC(row.OpenedAt)}
		switch {
		case row.SignsSince == nil:
			keys[i].State = KeyNext
		case i == 0:
			keys[i].State = KeySigns
		}
		if row.OpenedAt != nil && (last < 0 || row.OpenedAt.After(*rows[last].OpenedAt)) {
			last = i
		}
	}
	if last >= 0 {
		keys[last].LastEncrypted = true
	}
	return keys, nil
}

// AddKey gives a connection its next key: it is published beside the present one and decrypts, and the present one goes on signing until
// [Scope.SwitchKey]. ErrConflict while there are two already, or the connection has moved since version.
func (c *Scope) AddKey(ctx context.Context, actor audit.Actor, id string, version int64, key NewKey) error {
	return c.changeKeys(ctx, actor, id, version, "add a key to", func(w *write, was connectionRow, keys []OurKey) error {
		if len(keys) > 1 {
			return ErrConflict
		}
		w.record(audit.Event{Action: audit.ConnectionKeyAdded, Targets: was.targets(), Changes: []audit.Change{{Field: "certificate", After: fingerprints([]string{string(key.CertificatePEM)})}}})
		return w.addConnectionKey(id, key, false)
	})
}

// SwitchKey has requests signed with the next key from now on. ErrNotFound where there is none.
func (c *Scope) SwitchKey(ctx context.Context, actor audit.Actor, id string, version int64) error {
	return c.changeKeys(ctx, actor, id, version, "switch the key of", func(w *write, was connectionRow, keys []OurKey) error {
		next := keyIn(keys, KeyNext)
		if next == nil {
			return ErrNotFound
		}
		w.record(audit.Event{Action: audit.ConnectionKeySwitched, Targets: was.targets(),
			Changes: []audit.Change{{Field: "certificate", Before: fingerprints([]string{keys[0].Certificate}), After: fingerprints([]string{next.Certificate})}}})
		return w.Model(&connectionKeyRow{}).Where("id = ?", next.ID).Update("signs_since", w.now).Error
	})
}

// RemoveKey ends the overlap: the old key is published no longer and decrypts no more; or it takes a next key back that never signed. ErrConflict
// for the one that signs, and [ErrKeyInUse] where the identity provider last encrypted to it, unless that is wanted all the same.
func (c *Scope) RemoveKey(ctx context.Context, actor audit.Actor, id string, version int64, keyID string, allTheSame bool) error {
	return c.changeKeys(ctx, actor, id, version, "remove a key of", func(w *write, was connectionRow, keys []OurKey) error {
		for _, key := range keys {
			switch {
			case key.ID != keyID:
				continue
			case key.State == KeySigns:
				return ErrConflict
			case key.LastEncrypted && !allTheSame:
				return ErrKeyInUse
			}
			w.record(audit.Event{Action: audit.ConnectionKeyRemoved, Targets: was.targets(), Changes: []audit.Change{{Field: "certificate", Before: fingerprints([]string{key.Certificate})}}})
			return updated(w.Where("id = ? AND connection_id = ?", key.ID, id).Delete(&connectionKeyRow{}))
		}
		return ErrNotFound
	})
}

func keyIn(keys []OurKey, state KeyState) *OurKey {
	for i := range keys {
		if keys[i].State == state {
			return &keys[i]
		}
	}
	return nil
}

func (c *Scope) changeKeys(ctx context.Context, actor audit.Actor, id string, version int64, verb string, change func(*write, connectionRow, []OurKey) error) error {
	return c.changeConnection(ctx, actor, id, version, verb, func(w *write, was connectionRow) error {
		keys, err := ourKeys(w.DB, id)
		if err != nil {
			return err
		}
		if err := change(w, was, keys); err != nil {
			return err
		}
		return w.updateConnection(was, columns{})
	})
}

// openedNoted is how exactly it is kept when a key last opened something: a busy connection writes once in so long.
const openedNoted = time.Hour

// NoteOpened notes that a message that was believed had been encrypted to this key.
func (s *Store) NoteOpened(ctx context.Context, keys []KeyPair, keyID string) error {
	now := s.now()
	for _, key := range keys {
		if key.ID == keyID && key.OpenedAt != nil && now.Sub(*key.OpenedAt) < openedNoted && !openedLater(keys, *key.OpenedAt) {
			return nil
		}
	}
	err := s.unrecorded(ctx, func(tx *gorm.DB) error {
		return tx.Model(&connectionKeyRow{}).Where("id = ?", keyID).Update("opened_at", now).Error
	})
	if err != nil {
		return fmt.Errorf("note that key %s opened a message: %w", keyID, err)
	}
	return nil
}

func openedLater(keys []KeyPair, than time.Time) bool {
	for _, key := range keys {
		if key.OpenedAt != nil && key.OpenedAt.After(than) {
			return true
		}
	}
	return false
}
