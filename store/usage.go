package store

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// MonthUsage is what an organization used in one month, in UTC.
type MonthUsage struct {
	Month            time.Time // its first instant
	Checks, Refusals int64     // of API keys; refused ones are among the checks
	Logins           int64     // through connections, that ended in a session; kept for 400 days
	People           int64     // who so signed in
}

// KeyChecks are the counts of all the organization's API keys over the last so many days (1 to 366), today's last.
func (c *Scope) KeyChecks(ctx context.Context, days int) ([]KeyDay, error) {
	days = min(max(days, 1), 366)
	first := c.store.now().AddDate(0, 0, 1-days)
	var counted []KeyDay
	if err := c.read(ctx).Table("organization_days").Where("day >= ?", first.Format(time.DateOnly)).Find(&counted).Error; err != nil {
		return nil, fmt.Errorf("read how API keys were used: %w", err)
	}
	return everyDay(first, days, counted), nil
}

// Usage is what the organization used in the last so many months (1 to 24), the present one first.
func (c *Scope) Usage(ctx context.Context, months int) ([]MonthUsage, error) {
	months = min(max(months, 1), 24)
	now := c.store.now()
	usage := make([]MonthUsage, months)
	for i := range usage {
		usage[i].Month = time.Date(now.Year(), now.Month()-time.Month(i), 1, 0, 0, 0, 0, time.UTC)
	}
	if err := c.checksByMonth(ctx, usage); err != nil {
		return nil, err
	}
	return usage, c.loginsByMonth(ctx, usage)
}

func (c *Scope) loginsByMonth(ctx context.Context, usage []MonthUsage) error {
	var counted []struct {
		Month          string
		Logins, People int64
	}
	err := c.store.read(ctx).Table("login_months").Where("organization_id = ? AND user_id = '' AND month >= ?", c.organization, monthOf(usage[len(usage)-1].Month)).Find(&counted).Error
	if err != nil {
		return fmt.Errorf("read logins by month: %w", err)
	}
	for _, found := range counted {
		if i := monthIn(usage, found.Month); i >= 0 {
			usage[i].Logins, usage[i].People = found.Logins, found.People
		}
	}
	return nil
}

// monthIn is the place of a month ("2026-11"), -1 for none.
func monthIn(usage []MonthUsage, month string) int {
	return slices.IndexFunc(usage, func(u MonthUsage) bool { return monthOf(u.Month) == month })
}

func monthOf(t time.Time) string { return t.UTC().Format("2006-01") }

func (c *Scope) checksByMonth(ctx context.Context, usage []MonthUsage) error {
	var counted []struct {
		Month              string
		Requests, Refusals int64
	}
	err := c.read(ctx).Table("organization_days").Select("substr(day, 1, 7) AS month, SUM(requests) AS requests, SUM(refusals) AS refusals").
		Where("day >= ?", usage[len(usage)-1].Month.Format(time.DateOnly)).
		Group("substr(day, 1, 7)").Find(&counted).Error
	if err != nil {
		return fmt.Errorf("count key checks by month: %w", err)
	}
	for _, month := range counted {
		if i := monthIn(usage, month.Month); i >= 0 {
			usage[i].Checks, usage[i].Refusals = month.Requests, month.Refusals
		}
	}
	return nil
}

// countLogin counts a login of the person, which ends well now. What is counted once need not be counted again for each page that tells of it:
// the row without a user is the sum of the others. It stays counted when the record of the login goes.
func (w *write) countLogin(userID string) error {
	const add = `INSERT INTO login_months (organization_id, month, user_id, logins, people) VALUES (?, ?, ?, 1, ?)
		ON CONFLICT (organization_id, month, user_id) DO UPDATE SET logins = login_months.logins + 1, people = login_months.people + excluded.people RETURNING logins`
	var logins, all, people int64
	err := w.Raw(add, w.organization, monthOf(w.now), userID, 0).Scan(&logins).Error
	if logins == 1 {
		people = 1 // whose first it is
	}
	if err == nil {
		err = w.Raw(add, w.organization, monthOf(w.now), "", people).Scan(&all).Error
	}
	if err != nil {
		return fmt.Errorf("count the login of user %s: %w", userID, err)
	}
	return nil
}
