package store

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
)

// The states by which a list of keys is narrowed.
const (
	KeysLive     = "live"
	KeysExpiring = "expiring" // live, and expire within 14 days
	KeysUnused   = "unused"   // live, and not used for 90 days
	KeysEnded    = "ended"    // revoked or expired
)

const (
	keysExpiringWithin = 14 * 24 * time.Hour
	keysUnusedFor      = 90 * 24 * time.Hour
	keysCounted        = 10_000 // further ones are not counted
	keysNoticed        = 20
)

// APIKeyFilter narrows a list of keys; the zero value does not. Search is part of a name, or a whole id. After is the cursor that the page
// before gave.
type APIKeyFilter struct {
	Search, State string
	After         string
	Limit         int
}

// apiKeyFound is a key with what other tables tell about it.
type apiKeyFound struct {
	Key            apiKeyRow `gorm:"embedded"`
	CreatorName    string
	Scheme         string
	PreviousEndsAt *time.Time
	UsedAt         *time.Time
	UsedFrom       string
}

func (f apiKeyFound) found(now time.Time) (APIKey, error) {
	key, err := f.Key.key()
	key.CreatorName, key.Imported, key.UsedAt, key.UsedFrom = f.CreatorName, f.Scheme != SchemeGatehouse, inUTC(f.UsedAt), f.UsedFrom
	if f.PreviousEndsAt != nil && f.PreviousEndsAt.After(now) {
		key.PreviousEndsAt = inUTC(f.PreviousEndsAt)
	}
	return key, err
}

// pastAllKeys sorts after every key's id. With it SQLite reads the first page, too, in the order of the index, even where one project has nearly
// all keys and it would else sort them.
const pastAllKeys = "kez"

// APIKeys are a project's, the newest first, at most Limit (1 to 200; 50 when 0), and the cursor of the next page, "" for none.
func (c *Scope) APIKeys(ctx context.Context, projectID string, f APIKeyFilter) (page []APIKey, next string, err error) {
	limit := limited(f.Limit)
	q := c.someKeys(ctx, projectID, f).Where("api_keys.id < ?", cmp.Or(f.After, pastAllKeys)).Order("api_keys.id DESC").Limit(limit + 1)
	if page, err = c.apiKeysWhere(q); err != nil {
		return nil, "", err
	}
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].ID
	}
	return page, next, nil
}

// CountAPIKeys counts those that the filter finds, up to 10,000.
func (c *Scope) CountAPIKeys(ctx context.Context, projectID string, f APIKeyFilter) (int64, error) {
	var count int64
	found := c.someKeys(ctx, projectID, f).Select("1").Limit(keysCounted)
	if err := c.store.read(ctx).Raw("SELECT COUNT(*) FROM (?) AS found", found).Scan(&count).Error; err != nil {
		return 0, fmt.Errorf("count API keys: %w", err)
	}
	return count, nil
}

// APIKey is one of a project's, or ErrNotFound.
func (c *Scope) APIKey(ctx context.Context, projectID, id string) (APIKey, error) {
	keys, err := c.apiKeysWhere(c.someKeys(ctx, projectID, APIKeyFilter{}).Where("api_keys.id = ?", id))
	if err == nil && len(keys) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return APIKey{}, err
	}
	return keys[0], nil
}

// someKeys are the project's keys that the filter finds, with their last uses.
func (c *Scope) someKeys(ctx context.Context, projectID string, f APIKeyFilter) *gorm.DB {
	now := c.store.now()
	q := c.store.read(ctx).Table("api_keys").Joins("LEFT JOIN api_key_uses uses ON uses.key_id = api_keys.id").
		Where("api_keys.organization_id = ? AND api_keys.project_id = ?", c.organization, projectID)
	if search := strings.TrimSpace(f.Search); search != "" {
		q = q.Where(`(lower(api_keys.name) LIKE ? ESCAPE '\' OR api_keys.id = ?)`, containing(search), search)
	}
	switch f.State {
	case KeysLive:
		q = q.Where("api_keys.revoked_at IS NULL AND (api_keys.expires_at IS NULL OR api_keys.expires_at > ?)", now)
	case KeysExpiring:
		q = q.Where("api_keys.revoked_at IS NULL AND api_keys.expires_at > ? AND api_keys.expires_at <= ?", now, now.Add(keysExpiringWithin))
	case KeysUnused:
		q = q.Where("api_keys.revoked_at IS NULL AND (api_keys.expires_at IS NULL OR api_keys.expires_at > ?)", now).
			Where("api_keys.created_at < ? AND (uses.used_at IS NULL OR uses.used_at < ?)", now.Add(-keysUnusedFor), now.Add(-keysUnusedFor))
	case KeysEnded:
		q = q.Where("(api_keys.revoked_at IS NOT NULL OR api_keys.expires_at <= ?)", now)
	}
	return q
}

// containing is the LIKE pattern for texts that have search in them, in whatever case.
func containing(search string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(search)) + "%"
}

func (c *Scope) apiKeysWhere(q *gorm.DB) ([]APIKey, error) {
	var rows []apiKeyFound
	err := q.Joins("JOIN api_key_secrets current ON current.key_id = api_keys.id AND current.ends_at IS NULL").
		Joins("LEFT JOIN api_key_secrets previous ON previous.key_id = api_keys.id AND previous.ends_at IS NOT NULL").
		Joins("LEFT JOIN users ON users.id = api_keys.creator_id").
		Joins("LEFT JOIN service_accounts ON service_accounts.id = api_keys.creator_id").
		Select("api_keys.*, COALESCE(users.name, service_accounts.name, '') AS creator_name, current.scheme, previous.ends_at AS previous_ends_at, " +
			"uses.used_at, uses.address AS used_from").
		Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	keys := make([]APIKey, len(rows))
	for i, row := range rows {
		if keys[i], err = row.found(c.store.now()); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// KeyNotices are what a project's people should look at: live keys that nobody has used for 90 days, and those that expire within 14 days,
// each at most 20, with how many there are, counted up to 10,000.
type KeyNotices struct {
	Unused, Expiring           []APIKey
	UnusedCount, ExpiringCount int64
}

// KeyNotices are the project's.
func (c *Scope) KeyNotices(ctx context.Context, projectID string) (KeyNotices, error) {
	var notices KeyNotices
	for state, into := range map[string]struct {
		keys  *[]APIKey
		count *int64
	}{KeysUnused: {&notices.Unused, &notices.UnusedCount}, KeysExpiring: {&notices.Expiring, &notices.ExpiringCount}} {
		f := APIKeyFilter{State: state, Limit: keysNoticed}
		var err error
		if *into.keys, _, err = c.APIKeys(ctx, projectID, f); err != nil {
			return KeyNotices{}, err
		}
		if *into.count, err = c.CountAPIKeys(ctx, projectID, f); err != nil {
			return KeyNotices{}, err
		}
	}
	return notices, nil
}

func (c *Scope) countLiveKeys(ctx context.Context) (int, error) {
	var count int64
	err := c.read(ctx).Model(&apiKeyRow{}).Where("revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)", c.store.now()).Count(&count).Error
	if err != nil {
		return 0, fmt.Errorf("count API keys: %w", err)
	}
	return int(count), nil
}

// CountAPIKeysOf counts the live keys that the user or service account answers for.
func (c *Scope) CountAPIKeysOf(ctx context.Context, creatorID string) (int64, error) {
	var count int64
	err := c.read(ctx).Model(&apiKeyRow{}).Where("creator_id = ? AND NOT independent AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)", creatorID, c.store.now()).Count(&count).Error
	if err != nil {
		return 0, fmt.Errorf("count API keys of %s: %w", creatorID, err)
	}
	return count, nil
}
