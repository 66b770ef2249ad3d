package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/audit"
)

// How often metadata is fetched. The identity provider's own cacheDuration counts between the least and the most.
const (
	metadataMost   = 24 * time.Hour
	metadataLeast  = time.Hour
	metadataAgain  = time.Hour // after a failure
	metadataPause  = 10 * time.Minute
	metadataWaited = time.Minute      // the same, where somebody whose login is under way waits for it
	metadataTakes  = 8 * time.Second  // longer than a reading takes: who has found nothing by then has gone
	metadataToldAt = 24 * time.Hour   // of failing, after which owners are told
	metadataFresh  = 10 * time.Minute // how young settings must be for them to be what the metadata said when it was given

	metadataAtOnce  = 20
	metadataNoticed = 200
)

// MetadataPause is how long after a look at a connection's metadata the next may be asked for.
const MetadataPause = metadataPause

// ConnectionMetadata is what is known of the metadata that a connection's settings came from. URL is "" where they came from none.
type ConnectionMetadata struct {
	URL                      string
	TriedAt, ReadAt, DueAt   *time.Time
	ValidUntil, FailingSince *time.Time
	Problem                  string     // a sentence, while it fails
	Found                    *Described // what it says that waits for a person; nil where nothing does
	FoundAt                  *time.Time
}

type metadataRow struct {
	ConnectionID   string `gorm:"primaryKey"`
	OrganizationID string
	VersionID      string
	URL            string
	DueAt          *time.Time
	TriedAt        *time.Time
	ReadAt         *time.Time
	ValidUntil     *time.Time
	FailingSince   *time.Time
	ToldAt         *time.Time
	Problem        string
	Seen, Found    string // JSON, or ""
	Gone           string // keys that the metadata took back, with blanks between
	FoundAt        *time.Time
}

func (metadataRow) TableName() string { return "connection_metadata" }

func (r metadataRow) gone() []string { return strings.Fields(r.Gone) }

func (r metadataRow) goneAfter(seen *Described, found Described, now time.Time) string {
	return strings.Join(goneAfter(r.gone(), seen, found, now), " ")
}

func describedIn(text string) (*Described, error) {
	if text == "" {
		return nil, nil
	}
	var d Described
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return nil, fmt.Errorf("read kept metadata: %w", err)
	}
	return &d, nil
}

func (d Described) encoded() string {
	text, _ := json.Marshal(d) // strings alone always encode
	return string(text)
}

// shown is the row as it concerns these settings: what they agree with waits for nobody.
func (r metadataRow) shown(live SAMLSettings) (ConnectionMetadata, error) {
	shown := ConnectionMetadata{URL: live.MetadataURL}
	if r.URL != live.MetadataURL || r.URL == "" {
		return shown, nil // these are others, and the next round notices
	}
	shown.TriedAt, shown.ReadAt, shown.DueAt, shown.ValidUntil = inUTC(r.TriedAt), inUTC(r.ReadAt), inUTC(r.DueAt), inUTC(r.ValidUntil)
	shown.FailingSince, shown.Problem = inUTC(r.FailingSince), r.Problem
	found, err := describedIn(r.Found)
	if err == nil && found != nil && !found.Agrees(live.Described()) {
		shown.Found, shown.FoundAt = found, inUTC(r.FoundAt)
	}
	return shown, err
}

// MetadataOf is what is known of the metadata of a connection of this organization.
func (c *Scope) MetadataOf(ctx context.Context, connection Connection) (ConnectionMetadata, error) {
	var row metadataRow
	row, err := one(row, c.read(ctx).Where("connection_id = ?", connection.ID).Take(&row).Error)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return ConnectionMetadata{}, fmt.Errorf("read what is known of the metadata of connection %s: %w", connection.ID, err)
	}
	return row.shown(connection.Settings)
}

// MetadataToLookAt is what is known of the metadata of those of these connections where it fails or waits for a person, by their ids.
func (c *Scope) MetadataToLookAt(ctx context.Context, connections []Connection) (map[string]ConnectionMetadata, error) {
	var rows []metadataRow
	if err := c.read(ctx).Where("found <> '' OR failing_since IS NOT NULL").Limit(limited(200)).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("look for metadata to look at: %w", err)
	}
	all := map[string]ConnectionMetadata{}
	for _, row := range rows {
		for _, connection := range connections {
			if connection.ID != row.ConnectionID {
				continue
			}
			shown, err := row.shown(connection.Settings)
			if err != nil {
				return nil, err
			}
			if shown.Found != nil || shown.FailingSince != nil {
				all[connection.ID] = shown
			}
		}
	}
	return all, nil
}

// MetadataTurn is leave to fetch a connection's metadata once. ValidUntil is what was read last said of itself.
type MetadataTurn struct {
	Connection Connection
	ValidUntil *time.Time
}

// Outdated says in a sentence why metadata is not used that somebody signed, but longer ago than what was read before: whoever serves it may serve
// an old copy, which lists a key that the identity provider has withdrawn. "" where it is used. Of metadata without a signer, who serves it decides.
func (t MetadataTurn) Outdated(read MetadataRead, now time.Time) string {
	last := t.ValidUntil
	switch {
	case t.Connection.Settings.MetadataSigner == "" || last == nil || !now.Before(*last):
		return ""
	case read.ValidUntil.IsZero():
		return "The signed metadata no longer says how long it is valid. What was read before did: this may be an older copy."
	case read.ValidUntil.Before(*last):
		return "The signed metadata is older than what was read before: it is valid until " + read.ValidUntil.UTC().Format("2 Jan 2006 15:04 UTC") +
			", and that one until " + last.UTC().Format("2 Jan 2006 15:04 UTC") + "."
	}
	return ""
}

// DueMetadata are the connections whose metadata is due, at most a round's worth.
func (s *Store) DueMetadata(ctx context.Context) ([]string, error) {
	if err := s.noticeMetadata(ctx); err != nil {
		return nil, err
	}
	var due []string
	err := s.read(ctx).Raw(`SELECT m.connection_id FROM connection_metadata m JOIN connections c ON c.id = m.connection_id AND c.state <> ?
		JOIN organizations o ON o.id = c.organization_id AND o.suspended_at IS NULL
		WHERE m.due_at <= ? ORDER BY m.due_at LIMIT ?`, ConnectionDisabled, s.now(), metadataAtOnce).Scan(&due).Error
	if err != nil {
		return nil, fmt.Errorf("look for metadata that is due: %w", err)
	}
	return due, nil
}

// noticeMetadata finds the connections whose settings are others than when their metadata was last looked at, whoever changed them and how. With
// 10,000 connections of which none is new it takes some 30 ms, and half a millisecond for each new one.
func (s *Store) noticeMetadata(ctx context.Context) error {
	for further := true; further; {
		var rows []connectionRow
		err := s.read(ctx).Raw(`SELECT c.* FROM connections c LEFT JOIN connection_metadata m ON m.connection_id = c.id
			WHERE c.protocol = ? AND (m.connection_id IS NULL OR m.version_id <> c.live_version) ORDER BY c.id LIMIT ?`, ProtocolSAML, metadataNoticed).Scan(&rows).Error
		if err != nil {
			return fmt.Errorf("look for connections with other settings: %w", err)
		}
		for _, row := range rows {
			connection, err := row.withSettings(s.read(ctx))
			if err == nil {
				err = s.unrecorded(ctx, func(tx *gorm.DB) error { return s.notice(tx, connection) })
			}
			if err != nil {
				return fmt.Errorf("notice the settings of connection %s: %w", row.ID, err)
			}
		}
		further = len(rows) == metadataNoticed
	}
	return nil
}

// notice begins anew where the address is another one. With the same address what is known stays.
func (s *Store) notice(tx *gorm.DB, connection Connection) error {
	var row metadataRow
	row, err := one(row, tx.Where("connection_id = ?", connection.ID).Take(&row).Error)
	switch {
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	case err == nil && row.VersionID == connection.VersionID:
		return nil
	case err == nil && row.URL == connection.Settings.MetadataURL:
		return tx.Model(&metadataRow{}).Where("connection_id = ?", connection.ID).Update("version_id", connection.VersionID).Error
	}
	now := s.now()
	row = metadataRow{ConnectionID: connection.ID, OrganizationID: connection.OrganizationID, VersionID: connection.VersionID, URL: connection.Settings.MetadataURL}
	if row.URL != "" {
		due := now.Add(metadataIn(metadataMost))
		row.DueAt = &due
		if now.Sub(connection.UpdatedAt) < metadataFresh {
			row.Seen, row.ReadAt = connection.Settings.Described().encoded(), &connection.UpdatedAt
		}
	}
	return errors.Join(tx.Where("connection_id = ?", connection.ID).Delete(&metadataRow{}).Error, tx.Create(&row).Error)
}

// metadataIn is when to look again: after that time within the bounds, less up to a sixth of it, so that not all are due at once.
func metadataIn(wanted time.Duration) time.Duration {
	wanted = min(max(wanted, metadataLeast), metadataMost)
	return wanted - time.Duration(rand.Int64N(int64(wanted/6)))
}

// TakeMetadata gives leave to fetch a connection's metadata now, to one node alone and not twice within [MetadataPause] (S-55): whoever asks may
// be a stranger. ErrNotFound where there is no leave: it has none from an address, is disabled, or was looked at just now.
func (s *Store) TakeMetadata(ctx context.Context, connectionID string) (MetadataTurn, error) {
	return s.takeMetadata(ctx, connectionID, metadataPause)
}

// TakeMetadataForLogin is the same for the answer to a login that is under way, which waits for what is found: not twice within a minute, as
// often as the keys of an OpenID provider may be asked for.
func (s *Store) TakeMetadataForLogin(ctx context.Context, connectionID string) (MetadataTurn, error) {
	return s.takeMetadata(ctx, connectionID, metadataWaited)
}

func (s *Store) takeMetadata(ctx context.Context, connectionID string, pause time.Duration) (MetadataTurn, error) {
	connection, err := s.withMetadata(ctx, connectionID, pause)
	if err != nil {
		return MetadataTurn{}, fmt.Errorf("take the metadata of connection %s: %w", connectionID, err)
	}
	var row metadataRow
	err = s.unrecorded(ctx, func(tx *gorm.DB) error {
		if err := s.notice(tx, connection); err != nil {
			return err
		}
		if err := tx.Where("connection_id = ?", connectionID).Take(&row).Error; err != nil {
			return err
		}
		now := s.now()
		again := now.Add(metadataIn(metadataAgain)) // should this node not live to say what it found
		return updated(tx.Model(&metadataRow{}).Where("connection_id = ? AND (tried_at IS NULL OR tried_at <= ?)", connectionID, now.Add(-pause)).
			Updates(columns{"tried_at": now, "due_at": again}))
	})
	if errors.Is(err, ErrConflict) {
		err = ErrNotFound // another node was faster
	}
	return MetadataTurn{connection, inUTC(row.ValidUntil)}, err
}

// withMetadata is a connection that is in use and has metadata from an address which was not looked at just now; else ErrNotFound.
func (s *Store) withMetadata(ctx context.Context, connectionID string, pause time.Duration) (Connection, error) {
	var row connectionRow
	row, err := one(row, s.read(ctx).Raw(`SELECT c.* FROM connections c JOIN organizations o ON o.id = c.organization_id AND o.suspended_at IS NULL
		LEFT JOIN connection_metadata m ON m.connection_id = c.id
		WHERE c.id = ? AND c.state <> ? AND c.protocol = ? AND (m.tried_at IS NULL OR m.tried_at <= ?) LIMIT 1`,
		connectionID, ConnectionDisabled, ProtocolSAML, s.now().Add(-pause)).Take(&row).Error)
	if err != nil {
		return Connection{}, err
	}
	connection, err := row.withSettings(s.read(ctx))
	if err == nil && connection.Settings.MetadataURL == "" {
		err = ErrNotFound
	}
	return connection, err
}

// MetadataUnderWay says whether some node reads the connection's metadata at this moment and has found nothing yet. For metadata that could not be
// had the last time nobody should wait.
func (s *Store) MetadataUnderWay(ctx context.Context, connectionID string) (bool, error) {
	var count int64
	err := s.read(ctx).Model(&metadataRow{}).Where("connection_id = ? AND tried_at > ? AND failing_since IS NULL AND (read_at IS NULL OR read_at < tried_at)", connectionID, s.now().Add(-metadataTakes)).Count(&count).Error
	if err != nil {
		return false, fmt.Errorf("ask whether the metadata of connection %s is read: %w", connectionID, err)
	}
	return count > 0, nil
}

// MetadataFailed notes why the metadata could not be had or is not used. The owners are told once when it has been so for a day.
func (s *Store) MetadataFailed(ctx context.Context, turn MetadataTurn, problem string) error {
	c := turn.Connection
	now := s.now()
	err := s.unrecorded(ctx, func(tx *gorm.DB) error {
		return tx.Model(&metadataRow{}).Where("connection_id = ? AND url = ?", c.ID, c.Settings.MetadataURL).
			Updates(columns{"problem": problem, "failing_since": gorm.Expr("COALESCE(failing_since, ?)", now)}).Error
	})
	if err == nil {
		err = s.write(ctx, c.OrganizationID, audit.Gatehouse(audit.Request{}), func(w *write) error {
			told := updated(w.Model(&metadataRow{}).Where("connection_id = ? AND failing_since <= ? AND told_at IS NULL", c.ID, now.Add(-metadataToldAt)).Update("told_at", now))
			if errors.Is(told, ErrConflict) {
				return errUnchanged
			}
			w.record(audit.Event{Action: audit.ConnectionMetadataFailing, Targets: c.targets(), Changes: []audit.Change{{Field: "problem", After: problem}}})
			return told
		})
	}
	if err != nil {
		return fmt.Errorf("note that the metadata of connection %s fails: %w", c.ID, err)
	}
	return nil
}

func (c Connection) targets() []audit.Target {
	return []audit.Target{{Kind: "connection", ID: c.ID, Name: c.Name}}
}
