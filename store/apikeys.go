package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// APIKey lets a program into one project. Its text is shown once, when it is made, and kept nowhere.
type APIKey struct {
	ID, OrganizationID, ProjectID string
	Name                          string
	Roles                         []access.Role
	CreatorID, CreatorName        string
	CreatedAt                     time.Time
	ExpiresAt, RevokedAt          *time.Time
}

// Live reports whether the key opens anything at that time.
func (k APIKey) Live(now time.Time) bool {
	return k.RevokedAt == nil && (k.ExpiresAt == nil || now.Before(*k.ExpiresAt))
}

func (k APIKey) targets(p Project) []audit.Target {
	return []audit.Target{{Kind: "api_key", ID: k.ID, Name: k.Name}, p.target()}
}

// NewAPIKey is a key as it is asked for. ExpiresAt is nil for one that lasts until it is revoked.
type NewAPIKey struct {
	ProjectID, Name string
	Roles           []access.Role
	ExpiresAt       *time.Time
	CreatorID       string
}

type apiKeyRow struct {
	ID, OrganizationID, ProjectID string
	Name, Roles, CreatorID        string
	PepperVersion                 int
	Hash                          []byte
	CreatedAt                     time.Time
	ExpiresAt, RevokedAt          *time.Time
	RevokedBy                     string
}

func (apiKeyRow) TableName() string { return "api_keys" }

func (r apiKeyRow) key() (APIKey, error) {
	key := APIKey{
		ID: r.ID, OrganizationID: r.OrganizationID, ProjectID: r.ProjectID, Name: r.Name, CreatorID: r.CreatorID,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: inUTC(r.ExpiresAt), RevokedAt: inUTC(r.RevokedAt),
	}
	if err := json.Unmarshal([]byte(r.Roles), &key.Roles); err != nil {
		return APIKey{}, fmt.Errorf("read the roles of API key %s: %w", r.ID, err)
	}
	return key, nil
}

// CreateAPIKey makes a key and returns its text, once. It refuses with *Invalid a name that another live key of the project has, roles that
// a key may not hold in a project of this kind or that the organization's plan does not offer, and an expiry that is not in the future.
func (c *Scope) CreateAPIKey(ctx context.Context, actor audit.Actor, n NewAPIKey) (APIKey, secret.Token, error) {
	var made APIKey
	var text secret.Token
	err := c.write(ctx, actor, func(w *write) error {
		project, err := project(w.DB, c.organization, n.ProjectID)
		if err != nil {
			return err
		}
		if err := w.checkNewKey(&n, project); err != nil {
			return err
		}
		row := apiKeyRow{
			ID: newID(idAPIKey, w.now), OrganizationID: c.organization, ProjectID: project.ID, Name: n.Name, Roles: encodeList(n.Roles),
			CreatorID: n.CreatorID, CreatedAt: w.now, ExpiresAt: n.ExpiresAt, PepperVersion: w.store.newestPepper,
		}
		text = secret.NewKeyText(strings.TrimPrefix(row.ID, idAPIKey+"_"))
		row.Hash = secret.HashKey(w.store.Pepper(row.PepperVersion), text.Reveal())
		if err := w.Create(&row).Error; err != nil {
			return err
		}
		if made, err = row.key(); err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.APIKeyCreated, ProjectID: project.ID, Targets: made.targets(project),
			Changes: []audit.Change{{Field: "roles", After: titles(n.Roles)}, {Field: "expires_at", After: expiryWords(n.ExpiresAt)}}})
		return nil
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		err = invalid("name", "Another key of this project has this name. Revoke that one first, or choose another name.")
	}
	if err != nil {
		return APIKey{}, secret.Token{}, fmt.Errorf("create API key: %w", err)
	}
	return made, text, nil
}

func (w *write) checkNewKey(n *NewAPIKey, p Project) error {
	problems := &Invalid{}
	n.Name = problems.named("name", n.Name)
	if err := access.ValidKeyRoles(p.Kind, n.Roles); err != nil {
		problems.Add("roles", sentence(err))
	} else if err := w.planAllows(n.Roles, problems); err != nil {
		return err
	}
	if n.ExpiresAt != nil {
		at := n.ExpiresAt.UTC().Truncate(time.Microsecond)
		if n.ExpiresAt = &at; !at.After(w.now) {
			problems.Add("expires", "Choose a time in the future.")
		}
	}
	return problems.Err()
}

// planAllows notes when the plan has no granular keys and the roles are other than All.
func (w *write) planAllows(roles []access.Role, problems *Invalid) error {
	organization, err := organization(w.DB, w.organization)
	if err != nil {
		return err
	}
	if !organization.HasGranularKeys() && !slices.Equal(roles, []access.Role{access.ProjectEditor}) {
		problems.Add("roles", "This organization's plan has keys with all permissions only. Choose All.")
	}
	return nil
}

// HasGranularKeys says whether the organization's plan offers keys with less than all permissions: every plan but the first does.
func (o Organization) HasGranularKeys() bool { return o.Plan != "starter" }

// sentence makes an error's words a sentence.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func expiryWords(at *time.Time) string {
	if at == nil {
		return "never"
	}
	return at.Format(time.RFC3339)
}

// APIKeys are a project's, the newest first: live ones and those that have ended, at most 1,000.
func (c *Scope) APIKeys(ctx context.Context, projectID string) ([]APIKey, error) {
	return c.apiKeysWhere(ctx, func(q *gorm.DB) *gorm.DB { return q.Where("project_id = ?", projectID) })
}

// APIKey is one of a project's, or ErrNotFound.
func (c *Scope) APIKey(ctx context.Context, projectID, id string) (APIKey, error) {
	keys, err := c.apiKeysWhere(ctx, func(q *gorm.DB) *gorm.DB { return q.Where("project_id = ? AND id = ?", projectID, id) })
	if err == nil && len(keys) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return APIKey{}, err
	}
	return keys[0], nil
}

func (c *Scope) apiKeysWhere(ctx context.Context, which func(*gorm.DB) *gorm.DB) ([]APIKey, error) {
	var rows []apiKeyRow
	if err := which(c.read(ctx)).Order("id DESC").Limit(1000).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	creators := make([]string, len(rows))
	for i, row := range rows {
		creators[i] = row.CreatorID
	}
	var users []User
	if err := c.store.read(ctx).Where("id IN ?", creators).Find(&users).Error; err != nil {
		return nil, fmt.Errorf("read who made API keys: %w", err)
	}
	keys := make([]APIKey, len(rows))
	for i, row := range rows {
		var err error
		if keys[i], err = row.key(); err != nil {
			return nil, err
		}
		for _, user := range users {
			if user.ID == row.CreatorID {
				keys[i].CreatorName = user.Name
			}
		}
	}
	return keys, nil
}

func (c *Scope) countLiveKeys(ctx context.Context) (int, error) {
	var count int64
	err := c.read(ctx).Model(&apiKeyRow{}).Where("revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)", c.store.now()).Count(&count).Error
	if err != nil {
		return 0, fmt.Errorf("count API keys: %w", err)
	}
	return int(count), nil
}

// CountAPIKeysOf counts the live keys that the user answers for.
func (c *Scope) CountAPIKeysOf(ctx context.Context, userID string) (int64, error) {
	var count int64
	err := c.read(ctx).Model(&apiKeyRow{}).Where("creator_id = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)", userID, c.store.now()).Count(&count).Error
	if err != nil {
		return 0, fmt.Errorf("count API keys of user %s: %w", userID, err)
	}
	return count, nil
}

// RevokeAPIKey ends a key for good, on every node within a second. ErrConflict when it was revoked before.
func (c *Scope) RevokeAPIKey(ctx context.Context, actor audit.Actor, projectID, id string) error {
	err := c.write(ctx, actor, func(w *write) error {
		project, err := project(w.DB, c.organization, projectID)
		if err != nil {
			return err
		}
		var row apiKeyRow
		row, err = one(row, w.Where("organization_id = ? AND project_id = ? AND id = ?", c.organization, projectID, id).Take(&row).Error)
		if err != nil {
			return err
		}
		key, err := row.key()
		if err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.APIKeyRevoked, ProjectID: projectID, Targets: key.targets(project)})
		w.tell(ChangedAPIKey, id)
		return updated(w.Model(&apiKeyRow{}).Where("id = ? AND revoked_at IS NULL", id).
			Updates(columns{"revoked_at": w.now, "revoked_by": actor.ID}))
	})
	if err != nil {
		return fmt.Errorf("revoke API key %s: %w", id, err)
	}
	return nil
}
