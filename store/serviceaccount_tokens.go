package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// serviceAccountToken is the hash of one text of a service account. The current one has no end; the one before it may have one that is still to come.
type serviceAccountToken struct {
	ServiceAccountID string `gorm:"primaryKey"`
	Number           int    `gorm:"primaryKey;autoIncrement:false"`
	PepperVersion    int
	Hash             []byte
	CreatedAt        time.Time
	EndsAt, UsedAt   *time.Time
}

func readAccountTokens(db *gorm.DB, ids []string, place map[string]*ServiceAccount) error {
	var rows []serviceAccountToken
	if err := db.Where("service_account_id IN ?", ids).Order("service_account_id, number DESC").Find(&rows).Error; err != nil {
		return fmt.Errorf("read the tokens of service accounts: %w", err)
	}
	for _, row := range rows {
		a := place[row.ServiceAccountID]
		a.Tokens = append(a.Tokens, ServiceAccountToken{Number: row.Number, CreatedAt: row.CreatedAt.UTC(), EndsAt: inUTC(row.EndsAt), UsedAt: inUTC(row.UsedAt)})
	}
	return nil
}

// addToken makes a new text for the service account and keeps its hash under that number.
func (w *write) addToken(id string, number int) (secret.Token, error) {
	text := secret.NewServiceAccountText(strings.TrimPrefix(id, idServiceAccount+"_"))
	version, pepper := w.store.newestPepper()
	row := serviceAccountToken{ServiceAccountID: id, Number: number, PepperVersion: version, Hash: secret.HashKey(pepper, text.Reveal()), CreatedAt: w.now}
	if err := w.Create(&row).Error; err != nil {
		return secret.Token{}, fmt.Errorf("keep the hash of a service account's token: %w", err)
	}
	return text, nil
}

// RotateServiceAccount gives it another token, once. The one that it had goes on for the overlap, 0 to 30 days; one from before that ends now.
func (c *Scope) RotateServiceAccount(ctx context.Context, actor audit.Actor, id string, version int64, overlap time.Duration) (ServiceAccount, secret.Token, error) {
	problems := &Invalid{}
	if problems.overlap(overlap); problems.Err() != nil {
		return ServiceAccount{}, secret.Token{}, problems
	}
	var text secret.Token
	err := c.changeServiceAccount(ctx, actor, id, version, func(w *write, was ServiceAccount) error {
		if err := w.change(&serviceAccountRow{}, id, version, columns{}); err != nil {
			return err
		}
		current, ends := was.Tokens[0].Number, endOfOverlap(w.now, overlap, nil)
		err := errors.Join(
			w.Where("service_account_id = ? AND number < ?", id, current).Delete(&serviceAccountToken{}).Error,
			w.Model(&serviceAccountToken{}).Where("service_account_id = ? AND number = ? AND ends_at IS NULL", id, current).Updates(columns{"ends_at": ends}).Error) // one that leaked has ended
		if err != nil {
			return fmt.Errorf("end the token before: %w", err)
		}
		if text, err = w.addToken(id, current+1); err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.ServiceAccountRotated, Targets: []audit.Target{was.target()}, Changes: []audit.Change{
			{Field: "token", Before: "changed", After: "changed"}, {Field: "previous_ends_at", After: ends.Format(time.RFC3339)}}})
		return nil
	})
	if err != nil {
		return ServiceAccount{}, secret.Token{}, fmt.Errorf("rotate the token of service account %s: %w", id, err)
	}
	rotated, err := c.ServiceAccount(ctx, id)
	return rotated, text, err
}

// ReportLeakedToken ends the token of that number, which somebody has found where it should not be, and says so with high severity, as
// [Store.ReportLeakedKey] does of keys. ErrConflict when it had ended before.
func (s *Store) ReportLeakedToken(ctx context.Context, actor audit.Actor, id string, number int, source string) error {
	snapshot, err := s.ServiceAccountByID(ctx, id)
	if err != nil {
		return err
	}
	err = s.write(ctx, snapshot.OrganizationID, actor, func(w *write) error {
		if err := w.lockOrganization(w.organization); err != nil {
			return err
		}
		was, err := serviceAccount(w.DB, w.organization, id)
		if err != nil {
			return err
		}
		e := audit.Event{Action: audit.ServiceAccountLeakReported, Targets: []audit.Target{was.target()}, Severity: audit.High}
		if source = trust.Printable(strings.TrimSpace(source)); source != "" {
			e.Changes = []audit.Change{{Field: "source", After: source}}
		}
		w.record(e)
		w.tell(ChangedServiceAccount, id)
		return updated(w.Model(&serviceAccountToken{}).
			Where("service_account_id = ? AND number = ? AND (ends_at IS NULL OR ends_at > ?)", id, number, w.now).Updates(columns{"ends_at": w.now}))
	})
	if err != nil {
		return fmt.Errorf("end a leaked token of service account %s: %w", id, err)
	}
	return nil
}

// ServiceAccountSnapshot is everything that a check of a service account's token needs to know, as it was when it was read.
type ServiceAccountSnapshot struct {
	ID, Name, OrganizationID string
	OrganizationSuspended    bool
	Secrets                  []KeySecret // those that have not ended, at most two, the newest first
	Roles                    []access.Role
	ProjectRoles             map[string][]access.Role
}

// serviceAccountSnapshotQuery reads indexes alone and gives one row for each token.
const serviceAccountSnapshotQuery = `SELECT t.number, t.pepper_version, t.hash, t.ends_at, a.name, a.organization_id, o.suspended_at IS NOT NULL,
	COALESCE((SELECT string_agg(b.scope_id || ' ' || b.role, ' ') FROM role_bindings b WHERE b.principal_id = a.id AND b.organization_id = a.organization_id), '')
FROM service_accounts a
JOIN service_account_tokens t ON t.service_account_id = a.id
JOIN organizations o ON o.id = a.organization_id
WHERE a.id = $1 ORDER BY t.number DESC`

// ServiceAccountByID is the service account with this id, of whatever organization, or ErrNotFound: the token's text names it and nothing else.
func (s *Store) ServiceAccountByID(ctx context.Context, id string) (a ServiceAccountSnapshot, err error) {
	rows, err := s.statements.serviceAccount.QueryContext(ctx, id)
	if err != nil {
		return ServiceAccountSnapshot{}, fmt.Errorf("read service account %s: %w", id, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	now := s.now()
	var bindings string
	for rows.Next() {
		one := KeySecret{Scheme: SchemeGatehouse}
		if err := rows.Scan(&one.Number, &one.PepperVersion, &one.Hash, &one.EndsAt, &a.Name, &a.OrganizationID, &a.OrganizationSuspended, &bindings); err != nil {
			return ServiceAccountSnapshot{}, fmt.Errorf("read service account %s: %w", id, err)
		}
		if one.EndsAt = inUTC(one.EndsAt); one.EndsAt == nil || now.Before(*one.EndsAt) {
			a.Secrets = append(a.Secrets, one)
		}
		a.ID = id
	}
	if err := rows.Err(); err != nil {
		return ServiceAccountSnapshot{}, fmt.Errorf("read service account %s: %w", id, err)
	}
	if a.ID == "" {
		return ServiceAccountSnapshot{}, ErrNotFound
	}
	a.bind(strings.Fields(bindings))
	return a, nil
}

// bind takes pairs of a scope's id and a role.
func (a *ServiceAccountSnapshot) bind(pairs []string) {
	a.ProjectRoles = map[string][]access.Role{}
	for i := 0; i+1 < len(pairs); i += 2 {
		scope, role := pairs[i], access.Role(pairs[i+1])
		if scope == a.OrganizationID {
			a.Roles = append(a.Roles, role)
		} else {
			a.ProjectRoles[scope] = append(a.ProjectRoles[scope], role)
		}
	}
}

// TokenUse is when a service account last showed one of its tokens.
type TokenUse struct {
	ServiceAccountID string
	Number           int
	At               time.Time
}

// RecordTokenUses keeps, to the minute, when tokens were last used. Those that are gone are passed over.
func (s *Store) RecordTokenUses(ctx context.Context, uses []TokenUse) error {
	err := s.unrecorded(ctx, func(tx *gorm.DB) error {
		for _, use := range uses {
			at := use.At.UTC().Truncate(time.Minute)
			err := tx.Model(&serviceAccountToken{}).
				Where("service_account_id = ? AND number = ? AND (used_at IS NULL OR used_at < ?)", use.ServiceAccountID, use.Number, at).
				Updates(columns{"used_at": at}).Error
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record uses of service accounts' tokens: %w", err)
	}
	return nil
}
