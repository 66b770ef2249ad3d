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
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

const (
	// maxSessionIndex and maxHint are the longest, in bytes, that are kept with a proof. Without the one, a person is signed out by name; without
	// the other, their identity provider asks them once more.
	maxSessionIndex = 512
	maxHint         = 8 << 10

	// loginFinishes is how long a login that was judged may wait for its browser: for so long what was ended must not come back by it.
	loginFinishes = loginLife
)

// ReceivedLogout is an identity provider's word that it has ended a sign-in, checked and found to be its own.
type ReceivedLogout struct {
	OrganizationID, ConnectionID string
	MessageID                    string // spent with this
	SpentUntil                   time.Time
	Issuer                       string      // who says so, where another's names may be somebody else's ([trust.Identity.Issuer])
	Named                        trust.Named // whose; an empty Value leaves it to the session index
	SessionIndexes               []string    // which; none means all of theirs
	Request                      audit.Request
}

type logoutRow struct {
	ConnectionID, MessageID, SessionIndex, NamedValue string
	At, ExpiresAt                                     time.Time
}

func (logoutRow) TableName() string { return "logouts" }

// ReceiveLogout ends exactly what the identity provider names: the proofs by this connection of that person and session, and a session where
// nothing else is left. Other nodes hear of it within a second. It returns how many proofs ended; ErrConflict where the message was used before.
func (s *Store) ReceiveLogout(ctx context.Context, r ReceivedLogout) (int, error) {
	ended := 0
	err := s.write(ctx, r.OrganizationID, audit.Gatehouse(r.Request), func(w *write) error {
		if err := w.alone(r.ConnectionID); err != nil {
			return err
		}
		if err := w.spendLogout(r); err != nil {
			return err
		}
		proofs, err := w.proofsNamed(r)
		if err != nil {
			return err
		}
		ended = len(proofs)
		return w.endNamed(r, proofs)
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return 0, ErrConflict
	}
	if err != nil {
		return 0, fmt.Errorf("end what connection %s says is over: %w", r.ConnectionID, err)
	}
	return ended, nil
}

// alone waits until no proof by the connection is being made, and keeps others from making one: it would not be seen, and not be told.
func (w *write) alone(connectionID string) error {
	if w.store.dialect == onSQLite {
		return nil
	}
	return w.Exec("SELECT pg_advisory_xact_lock(?, hashtext(?))", lockLogouts, connectionID).Error
}

// notSignedOut refuses to prove by a login that was judged before its identity provider ended it.
func (w *write) notSignedOut(p Proven) error {
	if w.store.dialect == onPostgreSQL {
		if err := w.Exec("SELECT pg_advisory_xact_lock_shared(?, hashtext(?))", lockLogouts, p.connection).Error; err != nil {
			return fmt.Errorf("wait for whoever signs out at connection %s: %w", p.connection, err)
		}
	}
	var over int64
	err := w.Model(&logoutRow{}).Where("connection_id = ? AND at > ?", p.connection, p.judged).
		Where("(named_value = '' OR named_value = ?) AND (session_index = '' OR session_index = ? OR ? = '' AND named_value <> '')",
			p.named.Value, p.sessionIndex, p.sessionIndex).Count(&over).Error
	switch {
	case err != nil:
		return fmt.Errorf("ask whether connection %s has ended the sign-in: %w", p.connection, err)
	case over > 0:
		return ErrNotFound
	}
	return nil
}

// spendLogout keeps the message's id, and what it ends for logins that are under way.
func (w *write) spendLogout(r ReceivedLogout) error {
	indexes := r.SessionIndexes
	if len(indexes) == 0 {
		indexes = []string{""}
	}
	until := w.now.Add(loginFinishes)
	if r.SpentUntil.After(until) {
		until = r.SpentUntil
	}
	var rows []logoutRow
	for _, index := range indexes {
		rows = append(rows, logoutRow{r.ConnectionID, r.MessageID, index, r.Named.Value, w.now, until})
	}
	var before int64
	if err := w.Model(&logoutRow{}).Where("connection_id = ? AND message_id = ?", r.ConnectionID, r.MessageID).Count(&before).Error; err != nil {
		return fmt.Errorf("ask whether a message was used: %w", err)
	}
	if before > 0 {
		return ErrConflict
	}
	return w.Create(&rows).Error
}

// proofsNamed are those that the message is about. One whose session the identity provider gave no name goes by the person's alone.
func (w *write) proofsNamed(r ReceivedLogout) ([]proofRow, error) {
	q := w.Where("kind = ? AND connection_id = ?", access.ByConnection, r.ConnectionID)
	if r.Named.Value != "" {
		q = q.Where("named_value = ?", r.Named.Value)
	}
	if r.Issuer != "" {
		q = q.Where("vouched_by IN ?", []string{r.Issuer, ""}) // "" is from before that was kept
	}
	if len(r.SessionIndexes) > 0 {
		q = q.Where("session_index IN ? OR session_index = '' AND named_value <> '' AND ? <> ''", r.SessionIndexes, r.Named.Value)
	}
	if r.Named.Value == "" && len(r.SessionIndexes) == 0 {
		return nil, errors.New("a sign-out names nobody")
	}
	var rows []proofRow
	if err := q.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("look for what has ended: %w", err)
	}
	return slices.DeleteFunc(rows, func(p proofRow) bool { return r.Named.Value != "" && !alike(p.Named, r.Named) }), nil
}

// alike compares two names as SAML has it (saml-core 3.3.4): what both of them say must be the same. OpenID Connect says the value alone.
func alike(kept, said trust.Named) bool {
	agree := func(a, b string) bool { return a == "" || b == "" || a == b }
	return kept.Value == said.Value && agree(kept.Format, said.Format) && agree(kept.NameQualifier, said.NameQualifier) &&
		agree(kept.SPNameQualifier, said.SPNameQualifier)
}

// endNamed ends them, tells every node and records whom it was.
func (w *write) endNamed(r ReceivedLogout, proofs []proofRow) error {
	event := audit.Event{Action: audit.LogoutReceived, Changes: []audit.Change{{Field: "sessions", After: sentenceOfEnded(len(proofs))}}}
	connection := audit.Target{Kind: "connection", ID: r.ConnectionID, Name: w.connectionName(r.ConnectionID)}
	var sessions []string
	people := map[string]bool{}
	for _, p := range proofs {
		var userID string
		if err := w.Raw("SELECT user_id FROM sessions WHERE id = ?", p.SessionID).Scan(&userID).Error; err != nil {
			return fmt.Errorf("read whose session %s is: %w", p.SessionID, err)
		}
		if err := w.Where("session_id = ? AND kind = ? AND connection_id = ?", p.SessionID, p.Kind, p.ConnectionID).Delete(&proofRow{}).Error; err != nil {
			return fmt.Errorf("end a proof of session %s: %w", p.SessionID, err)
		}
		w.tell(ChangedSession, p.SessionID)
		sessions = append(sessions, p.SessionID)
		if people[userID] {
			continue
		}
		people[userID] = true
		user, err := w.user(userID)
		if err != nil {
			return err
		}
		event.Targets = []audit.Target{user.target(), connection}
		w.record(event)
	}
	if len(proofs) == 0 {
		event.Targets = []audit.Target{connection}
		w.record(event)
		return nil
	}
	return w.endSessions(w.Where("id IN ? AND NOT EXISTS (SELECT 1 FROM session_proofs p WHERE p.session_id = sessions.id)", sessions))
}

func sentenceOfEnded(n int) string {
	switch n {
	case 0:
		return "nobody was signed in by it any more"
	case 1:
		return "one session ended"
	}
	return fmt.Sprintf("%d sessions ended", n)
}

// RefusedLogout is a message about signing out that was not believed.
type RefusedLogout struct {
	OrganizationID, ConnectionID string
	Refusal                      trust.Refusal
	Request                      audit.Request
}

// refusalsWithin is how long one event stands for messages about signing out that are refused for the same reason at one connection.
const refusalsWithin = time.Hour

type logoutRefusalRow struct {
	ConnectionID string `gorm:"primaryKey"`
	Reason       string `gorm:"primaryKey"`
	EventID      string
	Count        int
	Since        time.Time
}

func (logoutRefusalRow) TableName() string { return "logout_refusals" }

// RefuseLogout records a refusal in a transaction of its own and returns the reference under which it stands. Anybody can send such messages:
// the first of a reason within an hour is an event, then the 10th, the 100th and so on, which say how many they stand for. A flood leaves a
// number and not a log.
func (s *Store) RefuseLogout(ctx context.Context, r RefusedLogout) (string, error) {
	id := ""
	err := s.write(ctx, r.OrganizationID, audit.Gatehouse(r.Request), func(w *write) error {
		if err := w.lockRefusals(r.ConnectionID); err != nil {
			return err
		}
		row := logoutRefusalRow{ConnectionID: r.ConnectionID, Reason: string(r.Refusal.Reason)}
		err := w.Where("connection_id = ? AND reason = ? AND since > ?", row.ConnectionID, row.Reason, w.now.Add(-refusalsWithin)).Limit(1).Find(&row).Error
		if err != nil {
			return fmt.Errorf("look for its like: %w", err)
		}
		if row.Count++; row.Count == 1 {
			row.Since = w.now
		}
		if row.Count > 1 && !everyTenfold(row.Count) {
			w.counted = true
		} else {
			row.EventID = w.recordRefusedLogout(r, row.Count-row.Count/10)
		}
		id = row.EventID
		return w.Clauses(clause.OnConflict{UpdateAll: true, Columns: []clause.Column{{Name: "connection_id"}, {Name: "reason"}}}).Create(&row).Error
	})
	if err != nil {
		return "", fmt.Errorf("record a refused logout of connection %s: %w", r.ConnectionID, err)
	}
	return id, nil
}

func (w *write) recordRefusedLogout(r RefusedLogout, count int) string {
	w.record(audit.Event{Action: audit.LogoutRefused, Outcome: audit.Refused, Reason: string(r.Refusal.Reason), Count: count,
		Targets: []audit.Target{{Kind: "connection", ID: r.ConnectionID, Name: w.connectionName(r.ConnectionID)}},
		Changes: []audit.Change{{Field: "message", After: "wanted " + r.Refusal.Want + ", got " + r.Refusal.Got}}})
	return w.events[len(w.events)-1].ID
}

// nameProof keeps with a proof what signing out takes.
func (w *write) nameProof(row *proofRow, p Proven) error {
	if p.kind != access.ByConnection {
		return nil
	}
	row.Named, row.VouchedBy = p.named, p.vouchedBy
	if len(p.sessionIndex) <= maxSessionIndex {
		row.SessionIndex = p.sessionIndex
	}
	if p.hint == "" || len(p.hint) > maxHint {
		return nil
	}
	var err error
	if row.SealedHint, err = w.store.keyring.Seal(row.place(), []byte(p.hint)); err != nil {
		return fmt.Errorf("seal what signing out at connection %s takes: %w", p.connection, err)
	}
	return nil
}

func (r proofRow) place() secret.Place {
	return secret.Place{Table: "session_proofs", Column: "sealed_hint", Organization: r.OrganizationID, Row: r.SessionID + " " + r.ConnectionID}
}
