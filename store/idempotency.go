package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/secret"
)

// answersKept is how long a request may be repeated under its Idempotency-Key.
const answersKept = 24 * time.Hour

var (
	// ErrKeyReused says that an Idempotency-Key came with another request before.
	ErrKeyReused = errors.New("the Idempotency-Key belongs to another request")
	// ErrUnderWay says that the same request is being carried out, or was and its answer is lost.
	ErrUnderWay = errors.New("the same request was carried out and its answer is not known yet")
)

// Repeatable is a request that a service account may send twice and means once.
type Repeatable struct {
	OrganizationID, ServiceAccountID string
	Key                              string // of the service account's choice; kept as a hash
	Request                          []byte // SHA-256 of all that makes it this request

	taken bool // its row is written
}

type idempotencyRow struct {
	ServiceAccountID     string
	KeyHash              []byte
	OrganizationID       string
	RequestHash          []byte
	SealedAnswer         []byte
	CreatedAt, ExpiresAt time.Time
}

func (idempotencyRow) TableName() string { return "idempotency_keys" }

func (r idempotencyRow) place() secret.Place {
	return secret.Place{Table: "idempotency_keys", Column: "sealed_answer", Organization: r.OrganizationID, Row: r.ServiceAccountID + " " + hex.EncodeToString(r.KeyHash)}
}

func (r *Repeatable) row(now time.Time) idempotencyRow {
	hash := sha256.Sum256([]byte(r.Key))
	return idempotencyRow{ServiceAccountID: r.ServiceAccountID, KeyHash: hash[:], OrganizationID: r.OrganizationID, RequestHash: r.Request,
		CreatedAt: now, ExpiresAt: now.Add(answersKept)}
}

// mine are the rows of this request's key: one at most.
func (r idempotencyRow) mine(db *gorm.DB) *gorm.DB {
	return db.Where("service_account_id = ? AND key_hash = ?", r.ServiceAccountID, r.KeyHash)
}

type repeatableKey struct{}

// Once makes the first write under the returned context write down, in its own transaction, that the request was carried out. Of twins at the
// same moment one writes and the others get [ErrUnderWay], whatever they do.
func Once(ctx context.Context, r *Repeatable) context.Context {
	return context.WithValue(ctx, repeatableKey{}, r)
}

// once carries out a write that may be repeatable.
func (w *write) once(r *Repeatable) error {
	if r == nil || r.taken {
		return nil
	}
	row := r.row(w.now)
	if err := row.mine(w.DB).Where("expires_at <= ?", w.now).Delete(&idempotencyRow{}).Error; err != nil {
		return fmt.Errorf("forget an old answer: %w", err)
	}
	err := w.Create(&row).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return ErrUnderWay
	}
	if err != nil {
		return fmt.Errorf("write down that a request is carried out: %w", err)
	}
	return nil
}

// Answer is what the request was answered before. [ErrNotFound] when it comes for the first time; [ErrKeyReused] when its key came with
// another request; [ErrUnderWay] when it was carried out and no answer is kept.
func (s *Store) Answer(ctx context.Context, r *Repeatable) ([]byte, error) {
	row := r.row(s.now())
	row, err := one(row, row.mine(s.read(ctx)).Where("expires_at > ?", s.now()).Take(&row).Error)
	switch {
	case err != nil:
		return nil, fmt.Errorf("look for an answer: %w", err)
	case string(row.RequestHash) != string(r.Request):
		return nil, ErrKeyReused
	case row.SealedAnswer == nil:
		return nil, ErrUnderWay
	}
	answer, err := s.keyring.Open(row.place(), row.SealedAnswer)
	if err != nil {
		return nil, fmt.Errorf("open an answer: %w", err)
	}
	return answer, nil
}

// KeepAnswer keeps the answer to a request that was carried out, sealed, for 24 hours. There is nothing to keep where nothing was written.
func (s *Store) KeepAnswer(ctx context.Context, r *Repeatable, answer []byte) error {
	row := r.row(s.now())
	sealed, err := s.keyring.Seal(row.place(), answer)
	if err != nil {
		return fmt.Errorf("seal an answer: %w", err)
	}
	err = s.unrecorded(ctx, func(tx *gorm.DB) error {
		return row.mine(tx.Model(&idempotencyRow{})).Where("request_hash = ?", r.Request).Updates(columns{"sealed_answer": sealed}).Error
	})
	if err != nil {
		return fmt.Errorf("keep an answer: %w", err)
	}
	return nil
}
