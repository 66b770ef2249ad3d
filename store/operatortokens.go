package store

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// OperatorToken lets a program of the operator act on organizations as the operator's shell does. Its text is shown once, when it is made. Tokens
// are read whenever one is shown, and kept in no memory: a revoked one opens nothing from then on, on any node.
type OperatorToken struct {
	ID, Name, CreatedBy string
	CreatedAt           time.Time
	UsedAt, RevokedAt   *time.Time
}

type operatorTokenRow struct {
	OperatorToken `gorm:"embedded"`
	PepperVersion int
	Hash          []byte
}

func (operatorTokenRow) TableName() string { return "operator_tokens" }

func (t OperatorToken) target() audit.Target {
	return audit.Target{Kind: "operator_token", ID: t.ID, Name: t.Name}
}

// CreateOperatorToken makes a token and gives its text, once.
func (s *Store) CreateOperatorToken(ctx context.Context, actor audit.Actor, name string) (OperatorToken, secret.Token, error) {
	name, err := validName(name)
	if err != nil {
		return OperatorToken{}, secret.Token{}, err
	}
	var row operatorTokenRow
	var text secret.Token
	err = s.write(ctx, "", actor, func(w *write) error {
		id := newID(idOperatorToken, w.now)
		text = secret.NewOperatorText(strings.TrimPrefix(id, idOperatorToken+"_"))
		version, pepper := s.newestPepper()
		row = operatorTokenRow{OperatorToken{ID: id, Name: name, CreatedBy: actor.Name, CreatedAt: w.now}, version, secret.HashKey(pepper, text.Reveal())}
		w.record(audit.Event{Action: audit.OperatorTokenCreated, Targets: []audit.Target{row.target()}, Severity: audit.High})
		return w.Create(&row).Error
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		err = invalid("name", "Another operator token has this name.")
	}
	if err != nil {
		return OperatorToken{}, secret.Token{}, fmt.Errorf("create operator token: %w", err)
	}
	return row.OperatorToken, text, nil
}

// OperatorTokens are all that there have been, the oldest first.
func (s *Store) OperatorTokens(ctx context.Context) ([]OperatorToken, error) {
	var rows []operatorTokenRow
	if err := s.read(ctx).Order("id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list operator tokens: %w", err)
	}
	all := make([]OperatorToken, len(rows))
	for i, row := range rows {
		all[i] = row.inUTC()
	}
	return all, nil
}

func (r operatorTokenRow) inUTC() OperatorToken {
	t := r.OperatorToken
	t.CreatedAt, t.UsedAt, t.RevokedAt = t.CreatedAt.UTC(), inUTC(t.UsedAt), inUTC(t.RevokedAt)
	return t
}

// OperatorTokenOf is the live token whose text this is, or [ErrNotFound]. That it was used is kept, to the minute.
func (s *Store) OperatorTokenOf(ctx context.Context, text secret.Token) (OperatorToken, error) {
	suffix, err := secret.ParseOperatorText(text.Reveal())
	if err != nil {
		return OperatorToken{}, ErrNotFound
	}
	var row operatorTokenRow
	row, err = one(row, s.read(ctx).Where("id = ? AND revoked_at IS NULL", idOperatorToken+"_"+suffix).Take(&row).Error)
	_, pepper := s.newestPepper() // an unknown id takes as long as a wrong secret (K-03)
	if err == nil {
		pepper = s.Pepper(row.PepperVersion)
	}
	matches := hmac.Equal(row.Hash, secret.HashKey(pepper, text.Reveal()))
	if err != nil {
		return OperatorToken{}, fmt.Errorf("read operator token: %w", err)
	}
	if !matches {
		return OperatorToken{}, ErrNotFound
	}
	minute := s.now().Truncate(time.Minute)
	if row.UsedAt == nil || row.UsedAt.Before(minute) {
		err = s.unrecorded(ctx, func(tx *gorm.DB) error {
			return tx.Model(&operatorTokenRow{}).Where("id = ?", row.ID).Updates(columns{"used_at": minute}).Error
		})
		if err != nil {
			return OperatorToken{}, fmt.Errorf("record the use of operator token %s: %w", row.ID, err)
		}
	}
	return row.inUTC(), nil
}

// RevokeOperatorToken ends the token; one that was revoked before stays as it is. [ErrNotFound] for one that never was.
func (s *Store) RevokeOperatorToken(ctx context.Context, actor audit.Actor, id string) error {
	return s.endOperatorToken(ctx, actor, id, audit.Event{Action: audit.OperatorTokenRevoked})
}

// ReportLeakedOperatorToken ends the token and says where its text was found.
func (s *Store) ReportLeakedOperatorToken(ctx context.Context, actor audit.Actor, id, source string) error {
	e := audit.Event{Action: audit.OperatorTokenLeakReported}
	if source = trust.Printable(strings.TrimSpace(source)); source != "" {
		e.Changes = []audit.Change{{Field: "source", After: source}}
	}
	return s.endOperatorToken(ctx, actor, id, e)
}

func (s *Store) endOperatorToken(ctx context.Context, actor audit.Actor, id string, e audit.Event) error {
	err := s.write(ctx, "", actor, func(w *write) error {
		var row operatorTokenRow
		row, err := one(row, w.Where("id = ?", id).Take(&row).Error)
		if err != nil {
			return err
		}
		if row.RevokedAt != nil {
			return errUnchanged
		}
		e.Targets, e.Severity = []audit.Target{row.target()}, audit.High
		w.record(e)
		return updated(w.Model(&operatorTokenRow{}).Where("id = ? AND revoked_at IS NULL", id).Updates(columns{"revoked_at": w.now}))
	})
	if err != nil {
		return fmt.Errorf("revoke operator token %s: %w", id, err)
	}
	return nil
}
