package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
)

// KeySnapshot is everything that a check of a key needs to know, as it was when it was read.
type KeySnapshot struct {
	ID, Name, ProjectID, OrganizationID string
	ProjectKind                         access.ProjectKind
	Roles                               []access.Role
	Secrets                             []KeySecret // the current one and the one before it, whether it has ended or not; the newest first
	ExpiresAt, RevokedAt                *time.Time
	Networks                            []netip.Prefix // anywhere when empty; IPv4 is never mapped
	RatePerMinute                       int            // 0: any number
	Independent, OrganizationSuspended  bool
	CreatorKind, CreatorID              string
	CreatorMemberID                     string // of a user who is a member
	CreatorGone, CreatorSuspended       bool   // no longer there, or a member who was away since; user or member suspended
	CreatorOrganizationRoles            []access.Role
	CreatorProjectRoles                 []access.Role
}

// CreatorRoles are the roles beyond which the key's own give nothing now: those that its creator has in its project, for whom a role there
// counts with one in the organization alone. An independent key is bounded by its own; one of a suspended organization has none.
func (k KeySnapshot) CreatorRoles() []access.Role {
	switch {
	case k.OrganizationSuspended:
		return nil
	case k.Independent:
		return k.Roles
	case k.CreatorGone, k.CreatorSuspended, len(k.CreatorOrganizationRoles) == 0:
		return nil
	}
	return slices.Concat(k.CreatorOrganizationRoles, k.CreatorProjectRoles)
}

// KeySecret is one text of a key, or of a service account, as it is kept. It is good until EndsAt, exclusively; nil has no end of its own.
type KeySecret struct {
	Number        int // counts an owner's texts from 1
	Scheme        string
	PepperVersion int // 0 where the scheme has none
	Hash          []byte
	EndsAt        *time.Time
}

// keySnapshotQuery reads indexes alone and gives one row for each of the key's texts. A key that is older than its creator's return, from a
// suspension or a removal, is nobody's (D-16).
const keySnapshotQuery = `SELECT s.number, s.scheme, COALESCE(s.pepper_version, 0), s.hash, s.ends_at,
	k.name, k.project_id, k.organization_id, p.kind, k.roles, k.expires_at, k.revoked_at, k.networks, k.rate_per_minute, k.independent,
	o.suspended_at IS NOT NULL, k.creator_kind, k.creator_id, COALESCE(m.id, ''),
	CASE WHEN k.creator_kind = 'service_account' THEN a.id IS NULL
		ELSE m.id IS NULL OR m.created_at > k.created_at OR COALESCE(m.resumed_at > k.created_at, FALSE) END,
	COALESCE(u.suspended_at IS NOT NULL, FALSE) OR COALESCE(m.suspended_at IS NOT NULL, FALSE),
	COALESCE((SELECT string_agg(b.role, ' ') FROM role_bindings b WHERE b.principal_id = k.creator_id AND b.scope_id = k.organization_id), ''),
	COALESCE((SELECT string_agg(b.role, ' ') FROM role_bindings b WHERE b.principal_id = k.creator_id AND b.scope_id = k.project_id), '')
FROM api_keys k
JOIN api_key_secrets s ON s.key_id = k.id
JOIN projects p ON p.id = k.project_id
JOIN organizations o ON o.id = k.organization_id
LEFT JOIN members m ON m.organization_id = k.organization_id AND m.user_id = k.creator_id
LEFT JOIN users u ON u.id = k.creator_id
LEFT JOIN service_accounts a ON a.id = k.creator_id
WHERE k.id = $1 ORDER BY s.number DESC`

// statements are those that are run at speed.
type statements struct {
	key, serviceAccount *sql.Stmt
}

// prepare keeps them.
func (s *Store) prepare(ctx context.Context, _ Options) error {
	pool, err := s.reader.DB()
	if err != nil {
		return err
	}
	for query, kept := range map[string]**sql.Stmt{keySnapshotQuery: &s.statements.key, serviceAccountSnapshotQuery: &s.statements.serviceAccount} {
		if *kept, err = pool.PrepareContext(ctx, query); err != nil {
			return fmt.Errorf("prepare what checks read: %w", err)
		}
		s.close = append(s.close, (*kept).Close)
	}
	return nil
}

// KeyByID is the key with this id, of whatever organization, or ErrNotFound: the key's text names it and nothing else.
func (s *Store) KeyByID(ctx context.Context, id string) (k KeySnapshot, err error) {
	rows, err := s.statements.key.QueryContext(ctx, id)
	if err != nil {
		return KeySnapshot{}, fmt.Errorf("read API key %s: %w", id, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := k.scan(rows); err != nil {
			return KeySnapshot{}, fmt.Errorf("read API key %s: %w", id, err)
		}
		k.ID = id
	}
	if err := rows.Err(); err != nil {
		return KeySnapshot{}, fmt.Errorf("read API key %s: %w", id, err)
	}
	if k.ID == "" {
		return KeySnapshot{}, ErrNotFound
	}
	return k, nil
}

// scan reads one row; those of one key differ in the secret alone.
func (k *KeySnapshot) scan(rows *sql.Rows) error {
	var one KeySecret
	var roles, networks, inOrganization, inProject string
	err := rows.Scan(&one.Number, &one.Scheme, &one.PepperVersion, &one.Hash, &one.EndsAt,
		&k.Name, &k.ProjectID, &k.OrganizationID, &k.ProjectKind, &roles, &k.ExpiresAt, &k.RevokedAt, &networks, &k.RatePerMinute, &k.Independent,
		&k.OrganizationSuspended, &k.CreatorKind, &k.CreatorID, &k.CreatorMemberID, &k.CreatorGone, &k.CreatorSuspended, &inOrganization, &inProject)
	if err != nil {
		return err
	}
	one.EndsAt = inUTC(one.EndsAt)
	k.Secrets = append(k.Secrets, one)
	if err := json.Unmarshal([]byte(roles), &k.Roles); err != nil {
		return fmt.Errorf("read its roles: %w", err)
	}
	k.ExpiresAt, k.RevokedAt = inUTC(k.ExpiresAt), inUTC(k.RevokedAt)
	k.CreatorOrganizationRoles, k.CreatorProjectRoles = rolesOf(inOrganization), rolesOf(inProject)
	k.Networks, err = readNetworks(networks)
	return err
}

// KeyByImportedHash is the key one of whose texts, made elsewhere, has one of these hashes, or ErrNotFound.
func (s *Store) KeyByImportedHash(ctx context.Context, hashes [][]byte) (KeySnapshot, error) {
	var id string
	err := s.read(ctx).Raw("SELECT key_id FROM api_key_secrets WHERE hash IN ? AND scheme <> 'gatehouse' ORDER BY key_id LIMIT 1", hashes).Scan(&id).Error
	switch {
	case err != nil:
		return KeySnapshot{}, fmt.Errorf("look for an imported API key: %w", err)
	case id == "":
		return KeySnapshot{}, ErrNotFound
	}
	return s.KeyByID(ctx, id)
}

func rolesOf(words string) []access.Role {
	var roles []access.Role
	for _, word := range strings.Fields(words) {
		roles = append(roles, access.Role(word))
	}
	return roles
}
