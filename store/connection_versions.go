package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/audit"
)

// ConnectionVersion is what a connection's settings were from one change to the next.
type ConnectionVersion struct {
	ID           string
	Number       int
	Protocol     string
	Settings     SAMLSettings // of a SAML connection
	OIDC         OIDCSettings // of an OpenID Connect one
	CreatedBy    Maker
	CreatedAt    time.Time
	PublishedBy  Maker      // who put it live; zero where nobody has
	PublishedAt  *time.Time // when that was; nil for a draft, and for one that never came to be more
	RestoredFrom int        // the number of the version that it repeats, or 0
	Live, Draft  bool
}

// Maker is who made or published a version. Name is what they are called now, "" of who is neither a person nor a service account.
type Maker struct{ ID, Name string }

func (v ConnectionVersion) settings() settings {
	if v.Protocol == ProtocolOIDC {
		return v.OIDC
	}
	return v.Settings
}

// ChangesFrom are the fields in which the version differs from another of its connection, as an event tells them.
func (v ConnectionVersion) ChangesFrom(other ConnectionVersion) []audit.Change {
	return settingsChanges(other.settings(), v.settings())
}

// ConnectionVersions are a connection's, the newest first, below the given number (0: from the newest on), at most limit (1 to 200; 50 when 0);
// ErrNotFound when there is no such connection.
func (c *Scope) ConnectionVersions(ctx context.Context, id string, below, limit int) ([]ConnectionVersion, error) {
	q := c.read(ctx).Order("number DESC").Limit(limited(limit))
	if below > 0 {
		q = q.Where("number < ?", below)
	}
	return c.connectionVersions(ctx, id, q)
}

// ConnectionVersion is one of them, or ErrNotFound.
func (c *Scope) ConnectionVersion(ctx context.Context, id, versionID string) (ConnectionVersion, error) {
	return oneVersion(c.connectionVersions(ctx, id, c.read(ctx).Where("id = ?", versionID)))
}

// LiveConnectionVersion is the one that people sign in by, or ErrNotFound when there is no such connection.
func (c *Scope) LiveConnectionVersion(ctx context.Context, id string) (ConnectionVersion, error) {
	live := c.store.read(ctx).Model(&connectionRow{}).Select("live_version").Where("id = ?", id)
	return oneVersion(c.connectionVersions(ctx, id, c.read(ctx).Where("id = (?)", live)))
}

// ConnectionDraft is the one that waits to be published, or ErrNotFound where there is none.
func (c *Scope) ConnectionDraft(ctx context.Context, id string) (ConnectionVersion, error) {
	draft := c.store.read(ctx).Model(&connectionRow{}).Select("draft_version").Where("id = ?", id)
	return oneVersion(c.connectionVersions(ctx, id, c.read(ctx).Where("id = (?)", draft)))
}

func oneVersion(versions []ConnectionVersion, err error) (ConnectionVersion, error) {
	if err == nil && len(versions) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return ConnectionVersion{}, err
	}
	return versions[0], nil
}

// connectionVersions are those of a connection that q finds.
func (c *Scope) connectionVersions(ctx context.Context, id string, q *gorm.DB) ([]ConnectionVersion, error) {
	var connection connectionRow
	connection, err := one(connection, c.read(ctx).Where("id = ?", id).Take(&connection).Error)
	if err != nil {
		return nil, fmt.Errorf("read connection %s: %w", id, err)
	}
	var rows []versionRow
	if err := q.Where("connection_id = ?", id).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read versions of connection %s: %w", id, err)
	}
	names, err := c.makers(ctx, rows)
	if err != nil {
		return nil, err
	}
	all := make([]ConnectionVersion, len(rows))
	for i, row := range rows {
		if all[i], err = row.version(connection); err != nil {
			return nil, err
		}
		all[i].CreatedBy.Name, all[i].PublishedBy.Name = names[row.CreatedBy], names[row.PublishedBy]
	}
	return all, nil
}

// makers are the names of those who made or published the versions, by their ids.
func (c *Scope) makers(ctx context.Context, rows []versionRow) (map[string]string, error) {
	var ids []string
	for _, row := range rows {
		ids = append(ids, row.CreatedBy, row.PublishedBy)
	}
	var found []Maker
	err := c.store.read(ctx).Raw(`SELECT id, name FROM users WHERE id IN (?)
		UNION ALL SELECT id, name FROM service_accounts WHERE organization_id = ? AND id IN (?)`, once(ids), c.organization, once(ids)).Scan(&found).Error
	if err != nil {
		return nil, fmt.Errorf("read who made versions: %w", err)
	}
	names := map[string]string{}
	for _, maker := range found {
		names[maker.ID] = maker.Name
	}
	return names, nil
}

func (r versionRow) version(of connectionRow) (ConnectionVersion, error) {
	v := ConnectionVersion{
		ID: r.ID, Number: r.Number, Protocol: of.Protocol, CreatedBy: Maker{ID: r.CreatedBy}, CreatedAt: r.CreatedAt.UTC(),
		PublishedBy: Maker{ID: r.PublishedBy}, PublishedAt: inUTC(r.PublishedAt), RestoredFrom: r.RestoredFrom,
		Live: r.ID == of.LiveVersion, Draft: r.ID == of.DraftVersion,
	}
	if err := r.decode(of.Protocol, &v.Settings, &v.OIDC); err != nil {
		return ConnectionVersion{}, fmt.Errorf("read version %s of connection %s: %w", r.ID, of.ID, err)
	}
	return v, nil
}

// addVersion keeps settings under the connection's next number. Nothing that was kept before is overwritten.
func (w *write) addVersion(connectionID string, settings settings, restoredFrom int) (versionRow, error) {
	var last int
	err := w.Model(&versionRow{}).Where("connection_id = ?", connectionID).Select("COALESCE(MAX(number), 0)").Scan(&last).Error
	if err != nil {
		return versionRow{}, fmt.Errorf("read the last version of connection %s: %w", connectionID, err)
	}
	row := versionRow{
		ID: newID(idVersion, w.now), ConnectionID: connectionID, OrganizationID: w.organization, Number: last + 1,
		Settings: settings.encoded(), CreatedBy: w.actor.ID, CreatedAt: w.now, RestoredFrom: restoredFrom,
	}
	return row, w.Create(&row).Error
}

// addFirstVersion is the first version of a connection that is being made.
func (w *write) addFirstVersion(connection connectionRow, settings settings) error {
	return w.Create(&versionRow{
		ID: connection.LiveVersion, ConnectionID: connection.ID, OrganizationID: w.organization, Number: 1,
		Settings: settings.encoded(), CreatedBy: w.actor.ID, CreatedAt: w.now, PublishedAt: &w.now, PublishedBy: w.actor.ID,
	}).Error
}

// published notes when a version became what people sign in by, and by whom.
func (w *write) published(versionID string) error {
	return updated(w.Model(&versionRow{}).Where("id = ?", versionID).Updates(columns{"published_at": w.now, "published_by": w.actor.ID}))
}

// sameSettings says whether two versions of a protocol say the same. An empty list and none at all do.
func sameSettings(a, b settings) bool {
	plain := strings.NewReplacer(`:null`, `:[]`, `:{}`, `:[]`)
	return plain.Replace(a.encoded()) == plain.Replace(b.encoded())
}
