package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
)

// KeySnapshot is everything that a check of a key needs to know, as it was when it was read.
type KeySnapshot struct {
	ID, Name, ProjectID, OrganizationID string
	ProjectKind                         access.ProjectKind
	Roles                               []access.Role
	PepperVersion                       int
	Hash                                []byte // HMAC-SHA-256 of the key's text under the pepper
	ExpiresAt, RevokedAt                *time.Time
	OrganizationSuspended               bool
	CreatorGone, CreatorSuspended       bool // no member any more, or one who was away since; user or member suspended
	CreatorOrganizationRoles            []access.Role
	CreatorProjectRoles                 []access.Role
}

// keySnapshotQuery is one read of indexes alone. A key that is older than its creator's return, from a suspension or a removal, is nobody's (D-16).
const keySnapshotQuery = `SELECT k.name, k.project_id, k.organization_id, p.kind, k.roles, k.pepper_version, k.hash, k.expires_at, k.revoked_at,
	o.suspended_at IS NOT NULL,
	m.id IS NULL OR m.created_at > k.created_at OR COALESCE(m.resumed_at > k.created_at, FALSE),
	u.suspended_at IS NOT NULL OR COALESCE(m.suspended_at IS NOT NULL, FALSE),
	COALESCE((SELECT string_agg(b.role, ' ') FROM role_bindings b WHERE b.principal_id = k.creator_id AND b.scope_id = k.organization_id), ''),
	COALESCE((SELECT string_agg(b.role, ' ') FROM role_bindings b WHERE b.principal_id = k.creator_id AND b.scope_id = k.project_id), '')
FROM api_keys k
JOIN projects p ON p.id = k.project_id
JOIN organizations o ON o.id = k.organization_id
JOIN users u ON u.id = k.creator_id
LEFT JOIN members m ON m.organization_id = k.organization_id AND m.user_id = k.creator_id
WHERE k.id = $1`

// prepare keeps the one statement that is run at speed.
func (s *Store) prepare(ctx context.Context, _ Options) error {
	pool, err := s.reader.DB()
	if err != nil {
		return err
	}
	if s.keyRead, err = pool.PrepareContext(ctx, keySnapshotQuery); err != nil {
		return fmt.Errorf("prepare the reading of API keys: %w", err)
	}
	s.close = append(s.close, s.keyRead.Close)
	return nil
}

// KeyByID is the key with this id, of whatever organization, or ErrNotFound: the key's text names it and nothing else.
func (s *Store) KeyByID(ctx context.Context, id string) (KeySnapshot, error) {
	k := KeySnapshot{ID: id}
	var roles, inOrganization, inProject string
	err := s.keyRead.QueryRowContext(ctx, id).Scan(&k.Name, &k.ProjectID, &k.OrganizationID, &k.ProjectKind, &roles, &k.PepperVersion, &k.Hash,
		&k.ExpiresAt, &k.RevokedAt, &k.OrganizationSuspended, &k.CreatorGone, &k.CreatorSuspended, &inOrganization, &inProject)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return KeySnapshot{}, ErrNotFound
	case err != nil:
		return KeySnapshot{}, fmt.Errorf("read API key %s: %w", id, err)
	}
	if err := json.Unmarshal([]byte(roles), &k.Roles); err != nil {
		return KeySnapshot{}, fmt.Errorf("read the roles of API key %s: %w", id, err)
	}
	k.ExpiresAt, k.RevokedAt = inUTC(k.ExpiresAt), inUTC(k.RevokedAt)
	k.CreatorOrganizationRoles, k.CreatorProjectRoles = rolesOf(inOrganization), rolesOf(inProject)
	return k, nil
}

func rolesOf(words string) []access.Role {
	var roles []access.Role
	for _, word := range strings.Fields(words) {
		roles = append(roles, access.Role(word))
	}
	return roles
}
