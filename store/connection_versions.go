package store

import (
	"context"
	"fmt"
	"time"
)

// ConnectionVersion is what a connection's settings were from one change to the next.
type ConnectionVersion struct {
	ID        string
	Number    int
	Protocol  string
	Settings  SAMLSettings // of a SAML connection
	OIDC      OIDCSettings // of an OpenID Connect one
	CreatedBy string       // the id of who made it
	CreatedAt time.Time
	Live      bool
}

// ConnectionVersions are a connection's, the newest first, below the given number (0: from the newest on), at most limit (1 to 200; 50 when 0);
// ErrNotFound when there is no such connection.
func (c *Scope) ConnectionVersions(ctx context.Context, id string, below, limit int) ([]ConnectionVersion, error) {
	connection, err := c.Connection(ctx, id)
	if err != nil {
		return nil, err
	}
	q := c.read(ctx).Where("connection_id = ?", id).Order("number DESC").Limit(limited(limit))
	if below > 0 {
		q = q.Where("number < ?", below)
	}
	var rows []versionRow
	if err := q.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list versions of connection %s: %w", id, err)
	}
	all := make([]ConnectionVersion, len(rows))
	for i, row := range rows {
		all[i] = ConnectionVersion{ID: row.ID, Number: row.Number, Protocol: connection.Protocol, CreatedBy: row.CreatedBy, CreatedAt: row.CreatedAt.UTC(), Live: row.ID == connection.VersionID}
		if err := row.decode(connection.Protocol, &all[i].Settings, &all[i].OIDC); err != nil {
			return nil, fmt.Errorf("read version %s of connection %s: %w", row.ID, id, err)
		}
	}
	return all, nil
}
