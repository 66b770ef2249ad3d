package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// proofRow is a proof as its table keeps it.
type proofRow struct {
	SessionID                    string `gorm:"primaryKey"`
	Kind                         access.ProofKind
	ConnectionID, OrganizationID string
	Subject                      string
	ProvedAt, ExpiresAt          time.Time
}

func (proofRow) TableName() string { return "session_proofs" }

var errNothingProven = errors.New("a session needs a proof of who somebody is")

// Proven is one way in which somebody has just shown who they are. There are four, and what is none of them starts no session.
type Proven struct {
	kind                     access.ProofKind
	organization, connection string
	subject                  string
	until                    time.Time
	hash                     string // of the password that was checked
}

// ProvenByIdentity is a login through a connection. The zero [trust.Identity] proves nothing.
func ProvenByIdentity(i trust.Identity) Proven {
	if i.IsZero() {
		return Proven{}
	}
	return Proven{kind: access.ByConnection, organization: i.OrganizationID(), connection: i.ConnectionID(), subject: i.Subject(), until: i.ExpiresAt()}
}

// ProvenByPassword is the person's own password, just checked against this hash. It proves nothing once they have another, or none: checking
// takes a while.
func ProvenByPassword(hash string) Proven { return Proven{kind: access.ByPassword, hash: hash} }

// A passkey that has just signed proves who somebody is by [Store.UsePasskey], as long as it is one of theirs.

// ProvenByRecovery is an owner's password, checked against this hash, used for break-glass into one organization, which must be one of those
// that are [Store.Recoverable].
func ProvenByRecovery(organization, hash string) Proven {
	return Proven{kind: access.ByRecovery, organization: organization, hash: hash}
}

// Recoverable are the organizations that the user's password opens by break-glass, by name: those that they own, that require single
// sign-on, and in which nobody suspended them.
func (s *Store) Recoverable(ctx context.Context, userID string) ([]Organization, error) {
	var organizations []Organization
	if err := recoverable(s.read(ctx), userID).Order("lower(organizations.name), organizations.id").Find(&organizations).Error; err != nil {
		return nil, fmt.Errorf("list the organizations that user %s may recover: %w", userID, err)
	}
	return organizations, nil
}

func recoverable(db *gorm.DB, userID string) *gorm.DB {
	return db.Model(&Organization{}).
		Joins("JOIN sign_in_policies p ON p.organization_id = organizations.id AND p.enforcement <> ?", access.NoEnforcement).
		Joins("JOIN members m ON m.organization_id = organizations.id AND m.user_id = ? AND m.suspended_at IS NULL", userID).
		Joins("JOIN users u ON u.id = m.user_id AND u.suspended_at IS NULL AND u.password_hash <> ''").
		Joins("JOIN role_bindings b ON b.organization_id = organizations.id AND b.scope_kind = ? AND b.principal_id = u.id AND b.role = ?", scopeOrganization, access.OrgOwner).
		Where("organizations.suspended_at IS NULL")
}

// prover is the user whom the proof is about, as they are now and stay until the transaction ends: whoever changes or ends their password
// comes before, and the proof is worth nothing, or after, and ends the session with the others.
func (w *write) prover(userID string, p Proven) (User, error) {
	if p.kind == "" {
		return User{}, errNothingProven
	}
	if err := w.lockUser(userID); err != nil {
		return User{}, err
	}
	q := w.Where("id = ? AND suspended_at IS NULL", userID)
	if p.kind == access.ByPassword || p.kind == access.ByRecovery {
		q = q.Where("password_hash = ? AND password_hash <> ''", p.hash)
	}
	switch p.kind {
	case access.ByPasskey:
		q = q.Where("EXISTS (SELECT 1 FROM passkeys k WHERE k.id = ? AND k.user_id = users.id)", p.subject)
	case access.ByConnection:
		q = q.Where("EXISTS (SELECT 1 FROM identities i WHERE i.connection_id = ? AND i.subject = ? AND i.user_id = users.id)", p.connection, p.subject)
	case access.ByRecovery:
		q = q.Where("EXISTS (?)", recoverable(w.DB, userID).Select("1").Where("organizations.id = ?", p.organization))
	}
	return userWhere(q)
}

// prove adds the proof to the session, in place of an earlier one of the same kind and connection. It ends with the session, or when the
// identity provider said that it ends.
func (w *write) prove(session *Session, p Proven) error {
	row := proofRow{SessionID: session.ID, Kind: p.kind, ConnectionID: p.connection, OrganizationID: p.organization, Subject: p.subject,
		ProvedAt: w.now, ExpiresAt: session.ExpiresAt}
	if !p.until.IsZero() && p.until.Before(row.ExpiresAt) {
		row.ExpiresAt = p.until
	}
	if err := w.Clauses(clause.OnConflict{UpdateAll: true, Columns: []clause.Column{{Name: "session_id"}, {Name: "kind"}, {Name: "connection_id"}}}).Create(&row).Error; err != nil {
		return fmt.Errorf("keep the proof: %w", err)
	}
	session.Proofs = slices.DeleteFunc(session.Proofs, func(old access.Proof) bool { return old.Kind == p.kind && old.ConnectionID == p.connection })
	session.Proofs = append(session.Proofs, row.proof())
	return nil
}

func (r proofRow) proof() access.Proof {
	return access.Proof{Kind: r.Kind, ConnectionID: r.ConnectionID, OrganizationID: r.OrganizationID, At: r.ProvedAt}
}

// recordIn records the event where its readers look: in the organization that the proof opens; for their own
// credential in every organization of the user, and in the installation's chain where there is none. Break-glass is told twice, the second time loudly.
func (w *write) recordIn(user User, p Proven, e audit.Event) error {
	organizations := []string{p.organization}
	if slices.Contains(access.OwnCredentials(), p.kind) {
		err := w.Raw("SELECT organization_id FROM members WHERE user_id = ? ORDER BY organization_id", user.ID).Scan(&organizations).Error
		if err != nil {
			return fmt.Errorf("look for the user's organizations: %w", err)
		}
		if len(organizations) == 0 {
			organizations = []string{""}
		}
	}
	for _, e.OrganizationID = range organizations {
		w.record(e)
	}
	if p.kind == access.ByRecovery {
		w.record(audit.Event{Action: audit.BreakGlassUsed, OrganizationID: p.organization, Severity: audit.High, Targets: []audit.Target{user.target()}})
	}
	return nil
}

// proofs are those of a session that have not run out, and when the first of them does; the zero time where there is none.
func (s *Store) proofs(ctx context.Context, sessionID string, now time.Time) (proofs []access.Proof, until time.Time, err error) {
	var rows []proofRow
	if err := s.read(ctx).Where("session_id = ? AND expires_at > ?", sessionID, now).Order("proved_at").Find(&rows).Error; err != nil {
		return nil, until, fmt.Errorf("read the proofs of session %s: %w", sessionID, err)
	}
	proofs = make([]access.Proof, len(rows))
	for i, row := range rows {
		proofs[i] = row.proof()
		if until.IsZero() || row.ExpiresAt.Before(until) {
			until = row.ExpiresAt
		}
	}
	return proofs, until, nil
}

// endProofs takes the proofs that the query finds from the user's sessions. A session that is left without any ends.
func (w *write) endProofs(userID string, which *gorm.DB) error {
	err := which.Where("session_id IN (SELECT id FROM sessions WHERE user_id = ?)", userID).Delete(&proofRow{}).Error
	if err != nil {
		return fmt.Errorf("end proofs: %w", err)
	}
	return w.endSessions(w.Where("user_id = ? AND NOT EXISTS (SELECT 1 FROM session_proofs p WHERE p.session_id = sessions.id)", userID))
}
