package store

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-sso/gatehouse/secret"
)

// KeyPair is one of our own for a connection: it signs requests and decrypts assertions. Both parts are PEM; it prints as [redacted].
type KeyPair struct {
	ID, ConnectionID, OrganizationID string
	CertificatePEM, KeyPEM           []byte
	CreatedAt                        time.Time
	OpenedAt                         *time.Time // when a believed message that was encrypted to it last came, to the hour
}

// Format keeps the private key out of logs, whatever the verb.
func (KeyPair) Format(s fmt.State, _ rune) { fmt.Fprint(s, "[redacted]") }

// NewKey is a key pair that a connection is born with.
type NewKey struct{ CertificatePEM, KeyPEM []byte }

// Format keeps the private key out of logs, whatever the verb.
func (NewKey) Format(s fmt.State, _ rune) { fmt.Fprint(s, "[redacted]") }

type connectionKeyRow struct {
	ID, ConnectionID, OrganizationID string
	Certificate                      string
	Sealed                           []byte
	CreatedAt                        time.Time
	SignsSince, OpenedAt             *time.Time
}

// signingFirst is the order of a connection's keys: the one that signs, those that did, the next one.
const signingFirst = "signs_since IS NULL, signs_since DESC, created_at DESC, id DESC"

func (connectionKeyRow) TableName() string { return "connection_keys" }

func (r connectionKeyRow) place() secret.Place {
	return secret.Place{Table: "connection_keys", Column: "sealed", Organization: r.OrganizationID, Row: r.ID}
}

func (s *Store) keyPairs(ctx context.Context, connectionID string) ([]KeyPair, error) {
	var rows []connectionKeyRow
	if err := s.read(ctx).Where("connection_id = ?", connectionID).Order(signingFirst).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read keys of connection %s: %w", connectionID, err)
	}
	pairs := make([]KeyPair, len(rows))
	for i, row := range rows {
		key, err := s.keyring.Open(row.place(), row.Sealed)
		if err != nil {
			return nil, fmt.Errorf("open key %s: %w", row.ID, err)
		}
		pairs[i] = KeyPair{row.ID, row.ConnectionID, row.OrganizationID, []byte(row.Certificate), key, row.CreatedAt.UTC(), inUTC(row.OpenedAt)}
	}
	return pairs, nil
}

// addConnectionKey keeps a pair of ours: the one that signs from now on, or the next one.
func (w *write) addConnectionKey(connectionID string, key NewKey, signs bool) error {
	row := connectionKeyRow{
		ID: newID(idConnectionKey, w.now), ConnectionID: connectionID, OrganizationID: w.organization,
		Certificate: string(key.CertificatePEM), CreatedAt: w.now,
	}
	if signs {
		row.SignsSince = &w.now
	}
	var err error
	if row.Sealed, err = w.store.keyring.Seal(row.place(), key.KeyPEM); err != nil {
		return fmt.Errorf("seal the key of connection %s: %w", connectionID, err)
	}
	return w.Create(&row).Error
}
