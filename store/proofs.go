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
	IdleSeconds                  int64 // the longest time since for which the session lay unused

	// Of a connection's: what signing out there takes (logouts.go).
	VouchedBy    string // by which identity provider, its issuer or entity ID: a connection may come to listen to another
	SessionIndex string
	Named        trust.Named `gorm:"embedded;embeddedPrefix:named_"`
	SealedHint   []byte
}

func (proofRow) TableName() string { return "session_proofs" }

var errNothingProven = errors.New("a session needs a proof of who somebody is")

// Proven is one way in which somebody has just shown who they are. There are four kinds, and what is of none starts no session.
type Proven struct {
	kind                     access.ProofKind
	organization, connection string
	subject                  string
	until                    time.Time
	hash                     string // of the password that was checked
	code                     string // the hash of the recovery code, which is spent with this

	vouchedBy          string // see [trust.Identity.VouchedBy]
	issuer             string // who gave the subject, see [trust.Identity.Issuer]
	named              trust.Named
	sessionIndex, hint string
	judged             time.Time
}

// ProvenByIdentity is a login through a connection. The zero [trust.Identity] proves nothing.
func ProvenByIdentity(i trust.Identity) Proven {
	if i.IsZero() {
		return Proven{}
	}
	return Proven{kind: access.ByConnection, organization: i.OrganizationID(), connection: i.ConnectionID(), subject: i.Subject(), until: i.ExpiresAt(),
		issuer: i.Issuer(), vouchedBy: i.VouchedBy(), named: i.Named(), sessionIndex: i.SessionIndex(), hint: i.SignOutHint(), judged: i.At()}
}

// ProvenByPassword is the person's own password, just checked against this hash. It proves nothing once they have another, or none: checking
// takes a while.
func ProvenByPassword(hash string) Proven { return Proven{kind: access.ByPassword, hash: hash} }

// A passkey that has just signed proves who somebody is by [Store.UsePasskey], as long as it is one of theirs.

// Break-glass is proved by a recovery code, a passkey or the operator's link: recoverycodes.go.

// prover is the user whom the proof is about, as they are now and stay until the transaction ends: whoever changes or ends their password
// comes before, and the proof is worth nothing, or after, and ends the session with the others.
func (w *write) prover(userID string, p Proven) (User, error) {
	if p.kind == "" {
		return User{}, errNothingProven
	}
	if p.kind == access.ByRecovery { // it may use up the last way in, which nobody counts on meanwhile; organizations are locked before users
		if err := w.lockOrganization(p.organization); err != nil {
			return User{}, err
		}
	}
	if err := w.lockUser(userID); err != nil {
		return User{}, err
	}
	q := w.Where("id = ? AND suspended_at IS NULL", userID)
	switch p.kind {
	case access.ByPassword:
		q = q.Where("password_hash = ? AND password_hash <> ''", p.hash)
	case access.ByPasskey:
		q = q.Where("EXISTS (SELECT 1 FROM passkeys k WHERE k.id = ? AND k.user_id = users.id)", p.subject)
	case access.ByConnection:
		if err := w.notSignedOut(p); err != nil {
			return User{}, err
		}
		q = q.Where("EXISTS (SELECT 1 FROM identities i WHERE i.connection_id = ? AND i.subject = ? AND i.issuer = ? AND i.user_id = users.id)", p.connection, p.subject, p.issuer)
	case access.ByRecovery:
		opens, err := w.recover(userID, p)
		if err != nil {
			return User{}, err
		}
		q = q.Where("EXISTS (?)", opens)
	}
	return userWhere(q)
}

// prove adds the proof to the session, in place of an earlier one of the same kind and connection. It ends with the session, or when the
// identity provider said that it ends. Where an organization that it opens lets sessions last longer, this one does.
func (w *write) prove(session *Session, p Proven) error {
	longest, err := w.longestPolicy(session.UserID, p)
	if err != nil {
		return err
	}
	if end := session.CreatedAt.Add(longest.limits().Absolute); end.After(session.ExpiresAt) || longest.IdleMinutes > session.IdleMinutes {
		if end.After(session.ExpiresAt) {
			session.ExpiresAt = end
		}
		session.IdleMinutes = max(session.IdleMinutes, longest.IdleMinutes)
		err := w.Model(&sessionRow{}).Where("id = ?", session.ID).Updates(columns{"expires_at": session.ExpiresAt, "idle_minutes": session.IdleMinutes}).Error
		if err != nil {
			return fmt.Errorf("let session %s last: %w", session.ID, err)
		}
	}
	row := proofRow{SessionID: session.ID, Kind: p.kind, ConnectionID: p.connection, OrganizationID: p.organization, Subject: p.subject,
		ProvedAt: w.now, ExpiresAt: session.ExpiresAt}
	if !p.until.IsZero() && p.until.Before(row.ExpiresAt) {
		row.ExpiresAt = p.until
	}
	if err := w.nameProof(&row, p); err != nil {
		return err
	}
	if err := w.Clauses(clause.OnConflict{UpdateAll: true, Columns: []clause.Column{{Name: "session_id"}, {Name: "kind"}, {Name: "connection_id"}}}).Create(&row).Error; err != nil {
		return fmt.Errorf("keep the proof: %w", err)
	}
	session.Proofs = slices.DeleteFunc(session.Proofs, func(old access.Proof) bool { return old.Kind == p.kind && old.ConnectionID == p.connection })
	session.Proofs = append(session.Proofs, row.proof())
	return nil
}

func (r proofRow) proof() access.Proof {
	return access.Proof{Kind: r.Kind, ConnectionID: r.ConnectionID, OrganizationID: r.OrganizationID, At: r.ProvedAt,
		Idle: time.Duration(r.IdleSeconds) * time.Second}
}

// recordIn records the event where its readers look: in the organization that the proof opens; for their own
// credential in every organization of the user, and in the installation's chain where there is none. Break-glass is told twice, the second time loudly.
func (w *write) recordIn(user User, p Proven, e audit.Event) error {
	organizations := []string{p.organization}
	if slices.Contains(access.OwnCredentials(), p.kind) {
		var err error
		if organizations, err = w.organizationsOf(user.ID); err != nil {
			return err
		}
	}
	for _, e.OrganizationID = range organizations {
		w.record(e)
	}
	if p.kind == access.ByRecovery {
		return w.tellRecovery(user, p)
	}
	return nil
}

// organizationsOf are the ids of the organizations where the user is a member, or that of the installation where they are none.
func (w *write) organizationsOf(userID string) ([]string, error) {
	var organizations []string
	err := w.Raw("SELECT organization_id FROM members WHERE user_id = ? ORDER BY organization_id", userID).Scan(&organizations).Error
	if err != nil {
		return nil, fmt.Errorf("look for the organizations of user %s: %w", userID, err)
	}
	if len(organizations) == 0 {
		organizations = []string{""}
	}
	return organizations, nil
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

// afterProofs is now or, where another node's clock is before this one's, just after the newest of the proofs that the query finds: whatever ends
// them ends all of them.
func (w *write) afterProofs(which *gorm.DB) (time.Time, error) {
	var newest []proofRow
	if err := which.Order("proved_at DESC").Limit(1).Find(&newest).Error; err != nil {
		return time.Time{}, fmt.Errorf("look for the newest proof: %w", err)
	}
	for _, p := range newest {
		if !p.ProvedAt.Before(w.now) {
			return p.ProvedAt.UTC().Add(time.Microsecond), nil
		}
	}
	return w.now, nil
}
