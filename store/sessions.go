package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// How long a session lasts: unused, and at most, where no organization has chosen longer (W-06).
const (
	sessionIdle     = 30 * time.Minute
	sessionAbsolute = 12 * time.Hour
	// sessionLongest is the most that an organization may choose.
	sessionLongest = mostSessionMinutes * time.Minute
	// seenEvery is how exactly the last use is noted, so that reading does not always write.
	seenEvery = time.Minute
)

// Session is what a browser holds: whose it is, and by which proofs. A session of break-glass has the organization that it is limited to.
type Session struct {
	ID, UserID         string
	LimitedTo          string
	Address, UserAgent string
	Proofs             []access.Proof `gorm:"-"`
	CreatedAt, SeenAt  time.Time
	ExpiresAt          time.Time
	IdleMinutes        int       // how long it may lie unused
	ProofsUntil        time.Time `gorm:"-"` // when the first of the proofs runs out; ExpiresAt if none does before
}

// sessionRow is a session with the hash of its token; the token itself is in the browser's cookie alone.
type sessionRow struct {
	Session   `gorm:"embedded"`
	TokenHash []byte
}

func (sessionRow) TableName() string { return "sessions" }

// NewSession is what a session begins with.
type NewSession struct {
	UserID             string
	Proof              Proven
	Address, UserAgent string
}

// StartSession begins a session. The actor of its event is the person who signs in, whatever kind the request's was. [ErrNotFound] where the user does not exist, is suspended, or is
// not who the proof is about.
func (s *Store) StartSession(ctx context.Context, actor audit.Actor, n NewSession) (Session, secret.Token, error) {
	token := secret.NewToken()
	row := sessionRow{TokenHash: token.Hash()}
	err := s.write(ctx, "", actor, func(w *write) error {
		row.Session = Session{ID: newID(idSession, w.now), UserID: n.UserID, Address: n.Address, UserAgent: n.UserAgent,
			CreatedAt: w.now, SeenAt: w.now, ExpiresAt: w.now.Add(sessionAbsolute), IdleMinutes: sessionPolicyOfNew.IdleMinutes}
		if n.Proof.kind == access.ByRecovery {
			row.LimitedTo = n.Proof.organization
		}
		user, err := w.prover(n.UserID, n.Proof)
		if err != nil {
			return err
		}
		if err := w.Create(&row).Error; err != nil {
			return err
		}
		if err := w.prove(&row.Session, n.Proof); err != nil {
			return err
		}
		w.tell(ChangedSession, row.ID)
		w.actor.Request.SessionID = row.ID
		w.actAs(user)
		return w.recordIn(user, n.Proof, audit.Event{Action: audit.SessionStarted, Targets: []audit.Target{user.target()}})
	})
	if err != nil {
		return Session{}, secret.Token{}, fmt.Errorf("start session: %w", err)
	}
	return row.Session, token, nil
}

// RotateSession gives a session another token, which ends the old one, and adds a proof if there is one. [ErrNotFound] where the old token
// opens nothing any more or the proof is about somebody else.
func (s *Store) RotateSession(ctx context.Context, actor audit.Actor, old secret.Token, add *Proven) (Session, secret.Token, error) {
	session, user, err := s.Session(ctx, old)
	if err != nil {
		return Session{}, secret.Token{}, err
	}
	token := secret.NewToken()
	rotate := func(db *gorm.DB) error {
		changed := db.Model(&sessionRow{}).Where("token_hash = ?", old.Hash()).Updates(columns{"token_hash": token.Hash(), "seen_at": s.now()})
		if changed.Error == nil && changed.RowsAffected == 0 {
			return ErrNotFound
		}
		return changed.Error
	}
	if add == nil {
		err = s.unrecorded(ctx, func(tx *gorm.DB) error {
			w := &write{DB: tx, store: s, now: s.now()}
			w.tell(ChangedSession, session.ID) // whoever remembers what the old token opened
			return errors.Join(rotate(tx), w.append())
		})
	} else {
		err = s.write(ctx, "", actor, func(w *write) error {
			if _, err := w.prover(user.ID, *add); err != nil {
				return err
			}
			if err := errors.Join(rotate(w.DB), w.prove(&session, *add)); err != nil {
				return err
			}
			w.tell(ChangedSession, session.ID)
			return w.recordIn(user, *add, audit.Event{Action: audit.SessionProofAdded, Targets: []audit.Target{user.target()}})
		})
	}
	if err != nil {
		return Session{}, secret.Token{}, fmt.Errorf("rotate session: %w", err)
	}
	return session, token, nil
}

// Session is the session that the token opens, and its user: [ErrNotFound] once it has run out, unused or at last, or the user is suspended.
// Its proofs are those that have not run out. It notes the use, at most once a minute.
func (s *Store) Session(ctx context.Context, token secret.Token) (Session, User, error) {
	return s.session(ctx, liveSession+"s.token_hash = ?", token.Hash())
}

// liveSession begins a statement that looks for one session that is not over.
const liveSession = `SELECT s.*, u.name AS user_name, u.email AS user_email, u.canonical_email AS user_canonical_email, u.email_domain AS user_email_domain,
		u.email_verified_at AS user_email_verified_at, u.password_hash AS user_password_hash, u.version AS user_version,
		u.created_at AS user_created_at, u.updated_at AS user_updated_at
	FROM sessions s JOIN users u ON u.id = s.user_id
	WHERE s.expires_at > ? AND s.seen_at > ? AND u.suspended_at IS NULL AND `

// session is the one that the statement finds, see [Store.Session].
func (s *Store) session(ctx context.Context, statement string, values ...any) (Session, User, error) {
	now := s.now()
	var row struct {
		Session `gorm:"embedded"`
		User    userRow `gorm:"embedded;embeddedPrefix:user_"`
	}
	err := s.read(ctx).Raw(statement, append([]any{now, now.Add(-sessionLongest)}, values...)...).Take(&row).Error
	if err != nil {
		_, err = one(row, err)
		return Session{}, User{}, err
	}
	unused := now.Sub(row.SeenAt)
	if row.unusedTooLong(now) {
		return Session{}, User{}, ErrNotFound
	}
	row.User.ID = row.UserID
	if row.Proofs, row.ProofsUntil, err = s.proofs(ctx, row.ID, now); err != nil {
		return Session{}, User{}, err
	}
	for i := range row.Proofs {
		row.Proofs[i].Idle = max(row.Proofs[i].Idle, unused)
	}
	if unused >= seenEvery {
		if err := s.noteUse(ctx, row.ID, now, unused); err != nil {
			return Session{}, User{}, fmt.Errorf("note the use of session %s: %w", row.ID, err)
		}
		row.SeenAt = now
	}
	return row.Session, row.User.user(), nil
}

// noteUse remembers with the session's proofs for how long it had lain unused, where an organization could mind: being used elsewhere must not
// make it new to one that allows less.
func (s *Store) noteUse(ctx context.Context, id string, now time.Time, unused time.Duration) error {
	return s.unrecorded(ctx, func(tx *gorm.DB) error {
		if unused >= leastSessionMinutes*time.Minute {
			seconds := int64(unused / time.Second)
			if err := tx.Exec("UPDATE session_proofs SET idle_seconds = ? WHERE session_id = ? AND idle_seconds < ?", seconds, id, seconds).Error; err != nil {
				return err
			}
		}
		return tx.Exec("UPDATE sessions SET seen_at = ? WHERE id = ? AND seen_at < ?", now, id, now).Error
	})
}

// unusedTooLong says whether the session is over because nobody used it.
func (s Session) unusedTooLong(now time.Time) bool {
	return now.Sub(s.SeenAt) >= time.Duration(s.IdleMinutes)*time.Minute
}

// SessionsOf are the user's live sessions, the one used last first.
func (s *Store) SessionsOf(ctx context.Context, userID string) ([]Session, error) {
	now := s.now()
	var rows []sessionRow
	err := s.read(ctx).Where("user_id = ? AND expires_at > ? AND seen_at > ?", userID, now, now.Add(-sessionLongest)).Order("seen_at DESC, id DESC").Limit(200).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list sessions of user %s: %w", userID, err)
	}
	var sessions []Session
	for _, row := range rows {
		if row.unusedTooLong(now) {
			continue
		}
		if row.Proofs, row.ProofsUntil, err = s.proofs(ctx, row.ID, now); err != nil {
			return nil, err
		}
		sessions = append(sessions, row.Session)
	}
	return sessions, nil
}

// EndSession ends one session of the user; another's is [ErrNotFound].
func (s *Store) EndSession(ctx context.Context, actor audit.Actor, userID, id string) error {
	return s.write(ctx, "", actor, func(w *write) error {
		if err := w.endSessions(w.Where("id = ? AND user_id = ?", id, userID)); err != nil {
			return err
		}
		if len(w.events) == 0 {
			return ErrNotFound
		}
		return nil
	})
}

// EndSessionsOf ends all sessions of the user but the one that is excepted ("" excepts none).
func (s *Store) EndSessionsOf(ctx context.Context, actor audit.Actor, userID, except string) error {
	return s.write(ctx, "", actor, func(w *write) error {
		if err := w.endSessions(w.Where("user_id = ? AND id <> ?", userID, except)); err != nil {
			return err
		}
		if len(w.events) == 0 {
			return errUnchanged
		}
		return nil
	})
}

// endSessions ends the sessions that the query finds, with an event for each.
func (w *write) endSessions(which *gorm.DB) error {
	var rows []sessionRow
	if err := which.Find(&rows).Error; err != nil {
		return fmt.Errorf("look for sessions to end: %w", err)
	}
	for _, row := range rows {
		user, err := w.user(row.UserID)
		if err != nil {
			return err
		}
		readers, err := w.readersOf(row)
		if err != nil {
			return err
		}
		if err := w.Where("id = ?", row.ID).Delete(&sessionRow{}).Error; err != nil {
			return fmt.Errorf("end session %s: %w", row.ID, err)
		}
		for _, organization := range readers {
			w.record(audit.Event{Action: audit.SessionEnded, OrganizationID: organization, Targets: []audit.Target{user.target(), {Kind: "session", ID: row.ID}}})
		}
		w.tell(ChangedSession, row.ID)
	}
	return nil
}

// readersOf are the organizations whose log tells that the session has ended: where that is an organization's own act, it alone; else those
// that the session's proofs open, as its start was told there; the installation where there is none.
func (w *write) readersOf(row sessionRow) ([]string, error) {
	if w.organization != "" {
		return []string{w.organization}, nil
	}
	var organizations []string
	err := w.Raw(`SELECT organization_id FROM session_proofs WHERE session_id = ? AND organization_id <> ''
		UNION SELECT organization_id FROM members WHERE user_id = ?
			AND EXISTS (SELECT 1 FROM session_proofs WHERE session_id = ? AND kind IN ?)`,
		row.ID, row.UserID, row.ID, access.OwnCredentials()).Scan(&organizations).Error
	if err != nil {
		return nil, fmt.Errorf("look for the organizations of session %s: %w", row.ID, err)
	}
	if len(organizations) == 0 {
		organizations = []string{""}
	}
	return organizations, nil
}
