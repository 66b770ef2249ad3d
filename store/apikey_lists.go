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

// When a list, a page or a mail speaks of keys, and of how many.
const (
	KeysExpireSoon = 14 * 24 * time.Hour
	KeysUnusedFor  = 90 * 24 * time.Hour
	KeysCounted    = 10_000  // further ones are not counted
	KeysSearched   = 100_000 // the newest ones; older ones are found by their ids alone
	keysNoticed    = 5
)

// APIKeyFilter narrows a list of keys; the zero value does not. Search is part of a name, among the newest 100,000 of the project, or a whole id.
// After is the cursor that the page before gave.
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

// CountAPIKeys counts those that the filter finds, up to [KeysCounted]. One more than that says that there are more.
func (c *Scope) CountAPIKeys(ctx context.Context, projectID string, f APIKeyFilter) (int64, error) {
	count, err := c.store.countTo(ctx, c.someKeys(ctx, projectID, f), KeysCounted)
	if err != nil {
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

// someKeys are the project's keys that the filter finds, with their last uses. Each is read by an index on what it asks for, but for those that
// are not used: there is none that knows it, so that a list of them walks all live ones until it is full.
func (c *Scope) someKeys(ctx context.Context, projectID string, f APIKeyFilter) *gorm.DB {
	now := c.store.now()
	q := c.store.read(ctx).Table("api_keys")
	if f.State == KeysEnded {
		q = c.store.read(ctx).Table("(?) AS ended CROSS JOIN api_keys", c.endedKeys(ctx, projectID)).Where("api_keys.id = ended.id")
	}
	q = q.Joins("LEFT JOIN api_key_uses uses ON uses.key_id = api_keys.id").
		Where("api_keys.organization_id = ? AND api_keys.project_id = ?", c.organization, projectID)
	if search := strings.TrimSpace(f.Search); IsID(idAPIKey, search) {
		q = q.Where("api_keys.id = ?", search)
	} else if search != "" {
		q = q.Where("api_keys.id >= COALESCE((?), '')", c.lastSearched(ctx, projectID)).Where(`lower(api_keys.name) LIKE ? ESCAPE '\'`, containing(search))
	}
	switch f.State {
	case KeysLive:
		q = q.Where("api_keys.revoked_at IS NULL AND (api_keys.expires_at IS NULL OR api_keys.expires_at > ?)", now)
	case KeysExpiring:
		q = q.Where("api_keys.revoked_at IS NULL AND api_keys.expires_at > ? AND api_keys.expires_at <= ?", now, now.Add(KeysExpireSoon))
	case KeysUnused:
		q = unusedKeys(q.Where("api_keys.revoked_at IS NULL AND (api_keys.expires_at IS NULL OR api_keys.expires_at > ?)", now), now)
	}
	return q
}

// unusedKeys narrows keys, beside their uses, to those whose [APIKey.IdleSince] is long ago.
func unusedKeys(keys *gorm.DB, now time.Time) *gorm.DB {
	since := now.Add(-KeysUnusedFor)
	return keys.Where("COALESCE(api_keys.rotated_at, api_keys.created_at) <= ? AND (uses.used_at IS NULL OR uses.used_at <= ?)", since, since)
}

// endedKeys are the ids of the project's keys that are revoked, and of those that are not and have expired: an index for each. That they are
// few is known to us alone, so they are read first: in a cross join SQLite keeps the order. What is not a bare id is not walked by id.
func (c *Scope) endedKeys(ctx context.Context, projectID string) *gorm.DB {
	return c.store.read(ctx).Raw(`SELECT id FROM api_keys WHERE project_id = ? AND revoked_at IS NOT NULL
		UNION ALL SELECT id || '' FROM api_keys WHERE project_id = ? AND revoked_at IS NULL AND expires_at <= ?`, projectID, projectID, c.store.now())
}

// lastSearched is the id of the oldest key whose name is looked at; there is none where all are.
func (c *Scope) lastSearched(ctx context.Context, projectID string) *gorm.DB {
	return c.store.read(ctx).Table("api_keys").Select("id").Where("project_id = ?", projectID).Order("id DESC").Limit(1).Offset(c.store.keysSearched - 1)
}

// SearchesAllKeys reports whether a search by name looks at all of the project's keys: there are not more than [KeysSearched].
func (c *Scope) SearchesAllKeys(ctx context.Context, projectID string) (bool, error) {
	var further []string
	if err := c.lastSearched(ctx, projectID).Offset(c.store.keysSearched).Find(&further).Error; err != nil {
		return false, fmt.Errorf("look for keys beyond those that are searched: %w", err)
	}
	return len(further) == 0, nil
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

// KeyNotice is what a project's people should look at: some keys in one of the states, the newest of them by name, at most 5, with how many
// there are, counted up to [KeysCounted].
type KeyNotice struct {
	Keys  []KeyName
	Count int64
}

// KeyName is a key by its name.
type KeyName struct{ ID, Name string }

// KeyNotice reads both at once. That keys are unused takes a walk over all live ones where few are: a second or more for a million.
func (c *Scope) KeyNotice(ctx context.Context, projectID, state string) (KeyNotice, error) {
	found := c.someKeys(ctx, projectID, APIKeyFilter{State: state}).Where("api_keys.id < ?", pastAllKeys).
		Select("api_keys.id, api_keys.name").Order("api_keys.id DESC").Limit(KeysCounted + 1)
	var rows []struct {
		KeyName
		Count int64
	}
	err := c.store.read(ctx).Raw("SELECT id, name, COUNT(*) OVER () AS count FROM (?) AS found ORDER BY id DESC LIMIT ?", found, keysNoticed).Scan(&rows).Error
	if err != nil {
		return KeyNotice{}, fmt.Errorf("look for keys (%s): %w", state, err)
	}
	var notice KeyNotice
	for _, row := range rows {
		notice.Keys, notice.Count = append(notice.Keys, row.KeyName), row.Count
	}
	return notice, nil
}

// countLiveKeys counts up to MostCounted.
func (c *Scope) countLiveKeys(ctx context.Context) (int, error) {
	live := c.read(ctx).Model(&apiKeyRow{}).Where("revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)", c.store.now())
	count, err := c.store.countTo(ctx, live, MostCounted)
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
