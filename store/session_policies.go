package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

// SessionPolicy is how long a sign-in opens an organization: while its session is used at least this often, and at most. It is asked for every
// request, so that a shorter one holds at once for everybody who is signed in.
type SessionPolicy struct {
	IdleMinutes, AbsoluteMinutes int
	Version                      int64
}

// sessionPolicyOfNew holds where nobody has chosen (W-06).
var sessionPolicyOfNew = SessionPolicy{IdleMinutes: int(sessionIdle / time.Minute), AbsoluteMinutes: int(sessionAbsolute / time.Minute)}

// The bounds of a policy, in minutes.
const (
	leastSessionMinutes = 5
	mostSessionMinutes  = 24 * 60
)

type sessionPolicyRow struct {
	OrganizationID  string `gorm:"primaryKey"`
	IdleMinutes     int
	AbsoluteMinutes int
	Version         int64
	UpdatedAt       time.Time
}

func (sessionPolicyRow) TableName() string { return "session_policies" }

func (p SessionPolicy) limits() access.Limits {
	return access.Limits{Idle: time.Duration(p.IdleMinutes) * time.Minute, Absolute: time.Duration(p.AbsoluteMinutes) * time.Minute}
}

// SessionPolicy is the organization's. Its version is 0 as long as nobody has chosen.
func (c *Scope) SessionPolicy(ctx context.Context) (SessionPolicy, error) {
	return sessionPolicy(c.store.read(ctx), c.organization)
}

func sessionPolicy(db *gorm.DB, organization string) (SessionPolicy, error) {
	var row sessionPolicyRow
	switch err := db.Where("organization_id = ?", organization).Take(&row).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return sessionPolicyOfNew, nil
	case err != nil:
		return SessionPolicy{}, fmt.Errorf("read the limits of sessions: %w", err)
	}
	return SessionPolicy{row.IdleMinutes, row.AbsoluteMinutes, row.Version}, nil
}

// SetSessionPolicy chooses; version is the one that the form was made from, and that in the policy is not looked at. Shorter limits hold for
// those who are signed in. Longer ones bring back nothing that has run out under those that held until now.
func (c *Scope) SetSessionPolicy(ctx context.Context, actor audit.Actor, version int64, to SessionPolicy) error {
	if err := to.problems().Err(); err != nil {
		return err
	}
	err := c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(w.organization); err != nil {
			return err
		}
		was, err := sessionPolicy(w.DB, w.organization)
		if err != nil {
			return err
		}
		if was.Version != version {
			return ErrConflict
		}
		changes := differences(
			audit.Change{Field: "idle_minutes", Before: strconv.Itoa(was.IdleMinutes), After: strconv.Itoa(to.IdleMinutes)},
			audit.Change{Field: "absolute_minutes", Before: strconv.Itoa(was.AbsoluteMinutes), After: strconv.Itoa(to.AbsoluteMinutes)})
		if len(changes) == 0 {
			return errUnchanged
		}
		w.record(audit.Event{Action: audit.SessionPolicyChanged, Changes: changes})
		if to.IdleMinutes > was.IdleMinutes || to.AbsoluteMinutes > was.AbsoluteMinutes {
			if err := w.keepOutlived(was.limits()); err != nil {
				return err
			}
		}
		w.tell(ChangedPolicy, w.organization)
		row := sessionPolicyRow{w.organization, to.IdleMinutes, to.AbsoluteMinutes, version + 1, w.now}
		return w.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error
	})
	if err != nil {
		return fmt.Errorf("set the limits of sessions: %w", err)
	}
	return nil
}

// keepOutlived ends for this organization what has outlived its limits: until now that was asked whenever it was shown.
func (w *write) keepOutlived(limits access.Limits) error {
	var rows []struct {
		SessionID string
		ProvedAt  time.Time
		EndedAt   *time.Time
	}
	err := w.Raw(`SELECT p.session_id, p.proved_at, e.ended_at
		FROM members m JOIN sessions s ON s.user_id = m.user_id JOIN session_proofs p ON p.session_id = s.id
		LEFT JOIN session_entries e ON e.session_id = s.id AND e.organization_id = m.organization_id
		WHERE m.organization_id = ? AND s.expires_at > ? AND (p.proved_at <= ? OR p.idle_seconds >= ? OR s.seen_at <= ?)
		ORDER BY p.session_id, p.proved_at DESC`,
		w.organization, w.now, w.now.Add(-limits.Absolute), int64(limits.Idle/time.Second), w.now.Add(-limits.Idle)).Scan(&rows).Error
	if err != nil {
		return fmt.Errorf("look for sign-ins that have run out: %w", err)
	}
	var ended []sessionEntryRow
	for _, row := range rows { // the newest proof of each session that has run out comes first: older ones have run out as well
		end := row.ProvedAt.UTC().Add(time.Microsecond)
		first := len(ended) == 0 || ended[len(ended)-1].SessionID != row.SessionID
		if first && (row.EndedAt == nil || row.EndedAt.Before(end)) {
			ended = append(ended, sessionEntryRow{SessionID: row.SessionID, OrganizationID: w.organization, EndedAt: &end})
		}
	}
	if len(ended) == 0 {
		return nil
	}
	err = w.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "session_id"}, {Name: "organization_id"}}, DoUpdates: clause.AssignmentColumns([]string{"ended_at"}),
	}).CreateInBatches(&ended, 500).Error
	if err != nil {
		return fmt.Errorf("end sign-ins that have run out: %w", err)
	}
	return nil
}

func (p SessionPolicy) problems() *Invalid {
	problems := &Invalid{}
	if p.AbsoluteMinutes < leastSessionMinutes || p.AbsoluteMinutes > mostSessionMinutes {
		problems.Add("absolute_minutes", "Choose 5 minutes to 24 hours.")
	}
	switch {
	case p.IdleMinutes < leastSessionMinutes || p.IdleMinutes > mostSessionMinutes:
		problems.Add("idle_minutes", "Choose 5 minutes to 24 hours.")
	case p.IdleMinutes > p.AbsoluteMinutes:
		problems.Add("idle_minutes", "Choose no more than a sign-in lasts at most.")
	}
	return problems
}

// longestPolicy is how long a session has to last for every organization that the proof opens: what each of them allows of it is asked at its
// door, and where nobody has chosen longer it is what everybody has.
func (w *write) longestPolicy(userID string, p Proven) (SessionPolicy, error) {
	var longest SessionPolicy
	q := w.Table("session_policies").Select("COALESCE(MAX(idle_minutes), 0) AS idle_minutes, COALESCE(MAX(absolute_minutes), 0) AS absolute_minutes")
	if slices.Contains(access.OwnCredentials(), p.kind) {
		q = q.Where("organization_id IN (SELECT organization_id FROM members WHERE user_id = ?)", userID)
	} else {
		q = q.Where("organization_id = ?", p.organization)
	}
	if err := q.Scan(&longest).Error; err != nil {
		return SessionPolicy{}, fmt.Errorf("read how long sessions of user %s last: %w", userID, err)
	}
	longest.IdleMinutes = max(longest.IdleMinutes, sessionPolicyOfNew.IdleMinutes)
	longest.AbsoluteMinutes = max(longest.AbsoluteMinutes, sessionPolicyOfNew.AbsoluteMinutes)
	return longest, nil
}
