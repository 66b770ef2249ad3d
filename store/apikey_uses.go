package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
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

// organizationDay is what was counted of all of an organization's keys on one day. It stays when a key or a project goes.
type organizationDay struct {
	OrganizationID     string `gorm:"primaryKey"`
	Day                string `gorm:"primaryKey"`
	Requests, Refusals int64
}

// recordUses writes one batch. The keys cannot go meanwhile.
func (s *Store) recordUses(tx *gorm.DB, batch []KeyUse) error {
	keys, err := s.placesOfKeys(tx, batch)
	if err != nil {
		return err
	}
	var days []apiKeyDay
	var last []apiKeyUse
	ofAll := map[[2]string]organizationDay{}
	for _, use := range batch {
		key, there := keys[use.KeyID]
		if !there {
			continue
		}
		days = append(days, apiKeyDay{use.KeyID, use.Day, key.ProjectID, use.Requests, use.Refusals})
		at := [2]string{key.OrganizationID, use.Day}
		ofAll[at] = organizationDay{key.OrganizationID, use.Day, ofAll[at].Requests + use.Requests, ofAll[at].Refusals + use.Refusals}
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
	if err != nil {
		return err
	}
	if len(last) > 0 {
		err = tx.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "key_id"}}, DoUpdates: clause.AssignmentColumns([]string{"used_at", "address"}),
			Where: clause.Where{Exprs: []clause.Expression{gorm.Expr("api_key_uses.used_at <= excluded.used_at")}},
		}).Create(&last).Error
		if err != nil {
			return err
		}
	}
	return addDays(tx, ofAll)
}

// addDays adds to what was counted of organizations, in the order that all nodes share, and last: what all wait for is held for the shortest time.
func addDays(tx *gorm.DB, counted map[[2]string]organizationDay) error {
	days := slices.SortedFunc(maps.Values(counted), func(a, b organizationDay) int {
		return cmp.Or(cmp.Compare(a.OrganizationID, b.OrganizationID), cmp.Compare(a.Day, b.Day))
	})
	return tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "organization_id"}, {Name: "day"}}, DoUpdates: clause.Assignments(columns{
		"requests": gorm.Expr("organization_days.requests + excluded.requests"), "refusals": gorm.Expr("organization_days.refusals + excluded.refusals"),
	})}).Create(&days).Error
}

// placeOfKey is where a key belongs.
type placeOfKey struct{ ID, ProjectID, OrganizationID string }

// placesOfKeys are those of the keys that are there, and that stay until the transaction ends. Organizations are locked before their keys, as
// whoever deletes has it: what is counted of all of an organization's keys needs it to stay as well.
func (s *Store) placesOfKeys(tx *gorm.DB, batch []KeyUse) (map[string]placeOfKey, error) {
	ids := make([]string, len(batch))
	for i, use := range batch {
		ids[i] = use.KeyID
	}
	q := tx.Table("api_keys").Select("id, project_id, organization_id").Where("id IN ?", ids).Order("id")
	if s.dialect == onPostgreSQL {
		const stay = "SELECT id FROM organizations WHERE id IN (SELECT organization_id FROM api_keys WHERE id IN ?) ORDER BY id FOR KEY SHARE"
		if err := tx.Exec(stay, ids).Error; err != nil {
			return nil, fmt.Errorf("lock the keys' organizations: %w", err)
		}
		q = q.Clauses(clause.Locking{Strength: "KEY SHARE"})
	}
	var found []placeOfKey
	if err := q.Find(&found).Error; err != nil {
		return nil, fmt.Errorf("read the keys' projects: %w", err)
	}
	places := make(map[string]placeOfKey, len(found))
	for _, key := range found {
		places[key.ID] = key
	}
	return places, nil
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
	return everyDay(first, days, counted), nil
}

// everyDay are so many days from the first one on, with what was counted on them.
func everyDay(first time.Time, days int, counted []KeyDay) []KeyDay {
	all := make([]KeyDay, days)
	for i := range all {
		all[i].Day = first.AddDate(0, 0, i).Format(time.DateOnly)
		if found := slices.IndexFunc(counted, func(day KeyDay) bool { return day.Day == all[i].Day }); found >= 0 {
			all[i] = counted[found]
		}
	}
	return all
}
