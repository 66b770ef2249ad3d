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
)

// sessionEntryRow says that a session entered an organization, and from where. EnteredAt is nil where it did not and an owner has ended it
// beforehand.
type sessionEntryRow struct {
	SessionID          string `gorm:"primaryKey"`
	OrganizationID     string `gorm:"primaryKey"`
	Address, UserAgent string
	EnteredAt, SeenAt  *time.Time
	EndedAt            *time.Time
}

func (sessionEntryRow) TableName() string { return "session_entries" }

// NoteEntry notes that the session has just entered the organization, at most once a minute: its owners see what concerns them, and nothing
// else of the session. Who asks has found that it may ([access.MayEnter]).
func (s *Store) NoteEntry(ctx context.Context, organizationID string, session Session, from audit.Request) error {
	var row sessionEntryRow
	err := s.read(ctx).Where("session_id = ? AND organization_id = ?", session.ID, organizationID).Take(&row).Error
	now := s.now()
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
	case err != nil:
		return fmt.Errorf("read where session %s has been: %w", session.ID, err)
	case row.SeenAt != nil && now.Sub(*row.SeenAt) < seenEvery:
		return nil
	}
	err = s.unrecorded(ctx, func(tx *gorm.DB) error {
		entered := sessionEntryRow{SessionID: session.ID, OrganizationID: organizationID, Address: from.Address, UserAgent: from.UserAgent, EnteredAt: &now, SeenAt: &now}
		if row.EnteredAt != nil {
			entered.EnteredAt = row.EnteredAt
		}
		return tx.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "session_id"}, {Name: "organization_id"}},
			DoUpdates: clause.AssignmentColumns([]string{"address", "user_agent", "entered_at", "seen_at"}),
		}).Create(&entered).Error
	})
	if errors.Is(err, gorm.ErrForeignKeyViolated) {
		return nil // the session has ended a moment ago
	}
	if err != nil {
		return fmt.Errorf("note where session %s has been: %w", session.ID, err)
	}
	return nil
}

// MemberSession is a session of a member as far as it concerns one organization: where it was last seen there, and by which proofs it enters.
type MemberSession struct {
	ID                 string
	Address, UserAgent string
	Proofs             []access.Proof
	EnteredAt, SeenAt  time.Time
}

// MemberSessions are the live sessions by which the member has entered the organization and still may, the one used last first, at most 200.
// What they have proved elsewhere is left out, and so are those that never came here.
func (c *Scope) MemberSessions(ctx context.Context, memberID string) ([]MemberSession, error) {
	m, err := c.Member(ctx, memberID)
	if err != nil {
		return nil, err
	}
	now := c.store.now()
	var rows []struct {
		Session   `gorm:"embedded"`
		From      string // where they were last seen here, and by what
		With      string
		EnteredAt time.Time
		HereAt    time.Time
	}
	err = c.store.read(ctx).Raw(`SELECT s.*, e.address AS "from", e.user_agent AS "with", e.entered_at, e.seen_at AS here_at
		FROM session_entries e JOIN sessions s ON s.id = e.session_id
		WHERE e.organization_id = ? AND e.entered_at IS NOT NULL AND s.user_id = ? AND s.expires_at > ? AND s.seen_at > ?
			AND (s.idle_minutes > ? OR s.seen_at > ?)
			AND EXISTS (SELECT 1 FROM session_proofs p WHERE p.session_id = s.id AND p.expires_at > ? AND (e.ended_at IS NULL OR p.proved_at >= e.ended_at))
		ORDER BY e.seen_at DESC, s.id DESC LIMIT 200`,
		c.organization, m.UserID, now, now.Add(-sessionLongest), sessionPolicyOfNew.IdleMinutes, now.Add(-sessionIdle), now).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list where sessions of member %s have been: %w", memberID, err)
	}
	var sessions []MemberSession
	for _, row := range rows {
		if row.unusedTooLong(now) {
			continue
		}
		if row.Proofs, row.ProofsUntil, err = c.store.proofs(ctx, row.ID, now); err != nil {
			return nil, err
		}
		proofs, err := c.opening(ctx, row.Session)
		if err != nil {
			return nil, err
		}
		if len(proofs) > 0 {
			sessions = append(sessions, MemberSession{row.ID, row.From, row.With, proofs, row.EnteredAt.UTC(), row.HereAt.UTC()})
		}
	}
	return sessions, nil
}

// opening are those of the session's proofs that open this organization, each by itself.
func (c *Scope) opening(ctx context.Context, session Session) ([]access.Proof, error) {
	entry, _, err := c.store.Entry(ctx, c.organization, session)
	if err != nil {
		return nil, err
	}
	var opening []access.Proof
	for _, p := range session.Proofs {
		if access.MayEnter(entry, []access.Proof{p}).Allowed {
			opening = append(opening, p)
		}
	}
	return opening, nil
}

// EndMemberSession makes one of the member's sessions worth nothing in this organization: what its connections have proved ends, and what the
// person's own credential has proved opens other organizations alone. A new sign-in opens this one again. A session that never came here is
// [ErrNotFound], like one that does not exist.
func (c *Scope) EndMemberSession(ctx context.Context, actor audit.Actor, memberID, id string) error {
	shown, err := c.MemberSessions(ctx, memberID)
	if err == nil && !slices.ContainsFunc(shown, func(s MemberSession) bool { return s.ID == id }) {
		err = ErrNotFound
	}
	if err == nil {
		err = c.endMemberSessions(ctx, actor, memberID, func(*write, Member) ([]string, error) { return []string{id}, nil })
	}
	if err != nil {
		return fmt.Errorf("end session %s of member %s: %w", id, memberID, err)
	}
	return nil
}

// EndMemberSessions does so with all of them, also with those that have not come here yet.
func (c *Scope) EndMemberSessions(ctx context.Context, actor audit.Actor, memberID string) error {
	err := c.endMemberSessions(ctx, actor, memberID, func(w *write, m Member) (ids []string, err error) {
		err = w.Raw("SELECT id FROM sessions WHERE user_id = ? AND expires_at > ? ORDER BY id", m.UserID, w.now).Scan(&ids).Error
		return ids, err
	})
	if err != nil {
		return fmt.Errorf("end the sessions of member %s: %w", memberID, err)
	}
	return nil
}

func (c *Scope) endMemberSessions(ctx context.Context, actor audit.Actor, memberID string, find func(*write, Member) ([]string, error)) error {
	return c.write(ctx, actor, func(w *write) error {
		m, err := memberWhere(w.DB, w.Where("members.organization_id = ? AND members.id = ?", w.organization, memberID))
		if err != nil {
			return err
		}
		if err := w.lockUser(m.UserID); err != nil { // nobody starts or adds to a session meanwhile
			return err
		}
		ids, err := find(w, m)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return errUnchanged
		}
		for _, id := range ids {
			if err := w.shut(id); err != nil {
				return err
			}
		}
		if err := w.recordShut(m, ids); err != nil {
			return err
		}
		return w.endProofs(m.UserID, w.Where("organization_id = ? AND session_id IN ?", w.organization, ids))
	})
}

// shut notes that what the session has proved so far opens this organization no more.
func (w *write) shut(sessionID string) error {
	end, err := w.afterProofs(w.Where("session_id = ?", sessionID))
	if err != nil {
		return err
	}
	err = w.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "session_id"}, {Name: "organization_id"}}, DoUpdates: clause.AssignmentColumns([]string{"ended_at"}),
	}).Create(&sessionEntryRow{SessionID: sessionID, OrganizationID: w.organization, EndedAt: &end}).Error
	if err != nil {
		return fmt.Errorf("shut session %s out: %w", sessionID, err)
	}
	w.tell(ChangedSession, sessionID)
	return nil
}

// recordShut names the sessions that came here. How many others the person has is not this organization's to know.
func (w *write) recordShut(m Member, sessions []string) error {
	var here []string
	err := w.Raw("SELECT session_id FROM session_entries WHERE organization_id = ? AND entered_at IS NOT NULL AND session_id IN ? ORDER BY session_id", w.organization, sessions).Scan(&here).Error
	if err != nil {
		return fmt.Errorf("ask which sessions have been here: %w", err)
	}
	for _, id := range here {
		w.record(audit.Event{Action: audit.SessionShutOut, Targets: []audit.Target{m.target(), {Kind: "session", ID: id}}})
	}
	if len(here) == 0 {
		w.record(audit.Event{Action: audit.SessionShutOut, Targets: []audit.Target{m.target()}})
	}
	return nil
}
