package store

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// KeyUse is what a node counted of one key on one day. At is when it was last used, zero when it was refused alone.
type KeyUse struct {
	KeyID              string
	At                 time.Time
	Address            netip.Addr
	Day                string // YYYY-MM-DD in UTC
	Requests, Refusals int64
}

// KeyDay is what was counted on one day.
type KeyDay struct {
	Day                string // YYYY-MM-DD in UTC
	Requests, Refusals int64
}

type apiKeyUse struct {
	KeyID   string `gorm:"primaryKey"`
	UsedAt  time.Time
	Address string
}

type apiKeyDay struct {
	KeyID              string `gorm:"primaryKey"`
	Day                string `gorm:"primaryKey"`
	ProjectID          string
	Requests, Refusals int64
}

// usesAtOnce bounds what one transaction counts, so that nobody waits long behind it.
const usesAtOnce = 1000

// RecordKeyUses adds what a node counted since it last did so. Several for the same key and day are one. Keys that are gone are passed over.
// After an error, batches that were written stay written.
func (s *Store) RecordKeyUses(ctx context.Context, uses []KeyUse) error {
	merged := mergedUses(uses)
	for batch := range slices.Chunk(merged, usesAtOnce) {
		if err := s.unrecorded(ctx, func(tx *gorm.DB) error { return s.recordUses(tx, batch) }); err != nil {
			return fmt.Errorf("record uses of API keys: %w", err)
		}
	}
	return nil
}

// mergedUses gives one use for each key and day, in an order that all nodes share: two that count the same keys at once then wait for each
// other instead of locking each other out.
func mergedUses(uses []KeyUse) []KeyUse {
	byDay := map[[2]string]KeyUse{}
	for _, use := range uses {
		kept := byDay[[2]string{use.KeyID, use.Day}]
		use.Requests, use.Refusals = use.Requests+kept.Requests, use.Refusals+kept.Refusals
		if kept.At.After(use.At) {
			use.At, use.Address = kept.At, kept.Address
		}
		byDay[[2]string{use.KeyID, use.Day}] = use
	}
	merged := make([]KeyUse, 0, len(byDay))
	for _, use := range byDay {
		merged = append(merged, use)
	}
	slices.SortFunc(merged, func(a, b KeyUse) int { return cmp.Or(cmp.Compare(a.KeyID, b.KeyID), cmp.Compare(a.Day, b.Day)) })
	return merged
}

// recordUses writes one batch. The keys cannot go meanwhile.
func (s *Store) recordUses(tx *gorm.DB, batch []KeyUse) error {
	projects, err := s.projectsOfKeys(tx, batch)
	if err != nil {
		return err
	}
	var days []apiKeyDay
	var last []apiKeyUse
	for _, use := range batch {
		project, there := projects[use.KeyID]
		if !there {
			continue
		}
		days = append(days, apiKeyDay{use.KeyID, use.Day, project, use.Requests, use.Refusals})
		if use.At.IsZero() {
			continue
		}
		minute := apiKeyUse{use.KeyID, use.At.UTC().Truncate(time.Minute), addressWords(use.Address)}
		if n := len(last); n > 0 && last[n-1].KeyID == use.KeyID {
			last[n-1] = minute // of the later day
			continue
		}
		last = append(last, minute)
	}
	if len(days) == 0 {
		return nil
	}
	err = tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "key_id"}, {Name: "day"}}, DoUpdates: clause.Assignments(columns{
		"requests": gorm.Expr("api_key_days.requests + excluded.requests"), "refusals": gorm.Expr("api_key_days.refusals + excluded.refusals"),
	})}).Create(&days).Error
	if err != nil || len(last) == 0 {
		return err
	}
	return tx.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "key_id"}}, DoUpdates: clause.AssignmentColumns([]string{"used_at", "address"}),
		Where: clause.Where{Exprs: []clause.Expression{gorm.Expr("api_key_uses.used_at <= excluded.used_at")}},
	}).Create(&last).Error
}

// projectsOfKeys are the projects of those keys that are there, and that stay until the transaction ends.
func (s *Store) projectsOfKeys(tx *gorm.DB, batch []KeyUse) (map[string]string, error) {
	ids := make([]string, len(batch))
	for i, use := range batch {
		ids[i] = use.KeyID
	}
	q := tx.Table("api_keys").Select("id, project_id").Where("id IN ?", ids).Order("id")
	if s.dialect == onPostgreSQL {
		q = q.Clauses(clause.Locking{Strength: "KEY SHARE"})
	}
	var found []struct{ ID, ProjectID string }
	if err := q.Find(&found).Error; err != nil {
		return nil, fmt.Errorf("read the keys' projects: %w", err)
	}
	projects := make(map[string]string, len(found))
	for _, key := range found {
		projects[key.ID] = key.ProjectID
	}
	return projects, nil
}

func addressWords(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	return address.Unmap().String()
}

// APIKeyUsage are the counts of the last so many days (1 to 366), today's last, of one key or, with an empty id, of the whole project. Days on
// which nothing was counted are among them.
func (c *Scope) APIKeyUsage(ctx context.Context, projectID, keyID string, days int) ([]KeyDay, error) {
	days = min(max(days, 1), 366)
	first := c.store.now().AddDate(0, 0, 1-days)
	q := c.store.read(ctx).Table("api_key_days").Select("day, SUM(requests) AS requests, SUM(refusals) AS refusals").
		Where("project_id = ? AND day >= ?", projectID, first.Format(time.DateOnly)).
		Where("EXISTS (SELECT 1 FROM projects p WHERE p.id = project_id AND p.organization_id = ?)", c.organization).Group("day")
	if keyID != "" {
		q = q.Where("key_id = ?", keyID)
	}
	var counted []KeyDay
	if err := q.Find(&counted).Error; err != nil {
		return nil, fmt.Errorf("read how API keys were used: %w", err)
	}
	usage := make([]KeyDay, days)
	for i := range usage {
		usage[i].Day = first.AddDate(0, 0, i).Format(time.DateOnly)
		for _, day := range counted {
			if day.Day == usage[i].Day {
				usage[i] = day
			}
		}
	}
	return usage, nil
}
