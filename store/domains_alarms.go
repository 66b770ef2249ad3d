package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

// When logins alarm the owners of a domain for which single sign-on is required: fewer than half of at least so many that ended within so long, and
// not twice within the pause.
const (
	alarmedFrom   = 20
	alarmedWithin = 15 * time.Minute
	alarmPause    = time.Hour
)

// loginCount is how logins of a domain ended.
type loginCount struct{ Ended, Succeeded int64 }

func (n loginCount) alarming() bool { return n.Ended >= alarmedFrom && 2*n.Succeeded < n.Ended }

// AlarmLogins tells the owners of domains most of whose logins fail while single sign-on is required, and returns those domains.
func (s *Store) AlarmLogins(ctx context.Context) ([]Domain, error) {
	now := s.now()
	var watched, alarmed []Domain
	err := s.read(ctx).Table("domains d").Joins("JOIN sign_in_policies p ON p.organization_id = d.organization_id AND p.enforcement <> ?", access.NoEnforcement).
		Where(domainInEffect, graceBegan(now)).Where("d.alarmed_at IS NULL OR d.alarmed_at <= ?", now.Add(-alarmPause)).Select("d.*").Find(&watched).Error
	if err != nil {
		return nil, fmt.Errorf("look for domains whose logins to watch: %w", err)
	}
	for _, d := range watched {
		counted, failure := s.lastLogins(ctx, d, now)
		if failure == nil && counted.alarming() {
			failure = s.alarm(ctx, d, counted)
			alarmed = append(alarmed, d)
		}
		err = errors.Join(err, failure)
	}
	return alarmed, err
}

// lastLogins counts the real logins that ended lately, of addresses on the domain and of nobody knows whom; messages that anybody could have
// sent are none. Ids are in the order of time, and a login lives as long as the count looks back.
func (s *Store) lastLogins(ctx context.Context, d Domain, now time.Time) (counted loginCount, err error) {
	err = s.read(ctx).Raw(`SELECT COUNT(*) AS ended, COALESCE(SUM(CASE WHEN state = ? THEN 1 ELSE 0 END), 0) AS succeeded FROM logins
		WHERE organization_id = ? AND id > ? AND kind = ? AND started_by <> ? AND state IN ? AND ended_at > ? AND (email = '' OR lower(email) LIKE ?)`,
		LoginFinished, d.OrganizationID, newID(idLogin, now.Add(-4*alarmedWithin)), RealLogin, StartedElsewhere, []LoginState{LoginFinished, LoginRefused},
		now.Add(-alarmedWithin), "%@"+d.Name).Scan(&counted).Error
	if err != nil {
		return loginCount{}, fmt.Errorf("count the last logins of domain %s: %w", d.Name, err)
	}
	return counted, nil
}

func (s *Store) alarm(ctx context.Context, d Domain, counted loginCount) error {
	err := s.write(ctx, d.OrganizationID, audit.Gatehouse(audit.Request{}), func(w *write) error {
		w.record(audit.Event{Action: audit.DomainLoginsFailing, Severity: audit.High, Targets: d.targets(), Changes: []audit.Change{
			{Field: "logins", After: fmt.Sprintf("%d of %d within 15 minutes", counted.Succeeded, counted.Ended)}}})
		once := updated(w.Model(&Domain{}).Where("id = ? AND (alarmed_at IS NULL OR alarmed_at <= ?)", d.ID, w.now.Add(-alarmPause)).Update("alarmed_at", w.now))
		if errors.Is(once, ErrConflict) {
			return errUnchanged
		}
		return once
	})
	if err != nil {
		return fmt.Errorf("alarm the owners of domain %s: %w", d.Name, err)
	}
	return nil
}
