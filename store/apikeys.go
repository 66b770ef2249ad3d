package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// APIKey lets a program into one project. Its text is shown once, when it is made or rotated, and kept nowhere.
type APIKey struct {
	ID, OrganizationID, ProjectID       string
	Name                                string
	Roles                               []access.Role
	CreatorKind, CreatorID, CreatorName string         // a "user" or "service_account"; the name is empty once they are gone, the id of a key that was imported
	Independent                         bool           // the project answers for it, not its creator
	Networks                            []netip.Prefix // where it may be used from; anywhere when empty
	RatePerMinute                       int            // checks a minute; 0 for any number
	Version                             int64
	CreatedAt, UpdatedAt                time.Time
	ExpiresAt, RotatedAt, RevokedAt     *time.Time
	PreviousEndsAt                      *time.Time // until when the text from before the last rotation is good, if it still is
	UsedAt                              *time.Time // to the minute, and some seconds late
	UsedFrom                            string     // an IP address
	Imported                            bool       // its text was made elsewhere
}

// Live reports whether the key opens anything at that time.
func (k APIKey) Live(now time.Time) bool {
	return k.RevokedAt == nil && (k.ExpiresAt == nil || now.Before(*k.ExpiresAt))
}

// IdleSince is when the key was used last; of one that was not used since, when its present text was made.
func (k APIKey) IdleSince() time.Time {
	since := k.CreatedAt
	for _, later := range []*time.Time{k.RotatedAt, k.UsedAt} {
		if later != nil && later.After(since) {
			since = *later
		}
	}
	return since
}

func (k APIKey) targets(p Project) []audit.Target {
	return []audit.Target{{Kind: "api_key", ID: k.ID, Name: k.Name}, p.target()}
}

// NewAPIKey is a key as it is asked for. ExpiresAt is nil for one that lasts until it is revoked. Who creates it is a member's user or a
// service account of the organization; whether they may make it independent is the caller's to judge.
type NewAPIKey struct {
	ProjectID, Name        string
	Roles                  []access.Role
	ExpiresAt              *time.Time
	CreatorKind, CreatorID string // the kind may be left out: the id says it
	Independent            bool
	Networks               []netip.Prefix
	RatePerMinute          int
}

type apiKeyRow struct {
	ID, OrganizationID, ProjectID   string
	Name, Roles                     string
	CreatorKind, CreatorID          string
	Independent                     bool
	Networks                        string // CIDRs, blanks between
	RatePerMinute                   int
	Version                         int64
	CreatedAt, UpdatedAt            time.Time
	ExpiresAt, RotatedAt, RevokedAt *time.Time
	RevokedBy                       string
}

func (apiKeyRow) TableName() string { return "api_keys" }

func (r apiKeyRow) key() (APIKey, error) {
	key := APIKey{
		ID: r.ID, OrganizationID: r.OrganizationID, ProjectID: r.ProjectID, Name: r.Name, CreatorKind: r.CreatorKind, CreatorID: r.CreatorID,
		Independent: r.Independent, RatePerMinute: r.RatePerMinute, Version: r.Version, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
		ExpiresAt: inUTC(r.ExpiresAt), RotatedAt: inUTC(r.RotatedAt), RevokedAt: inUTC(r.RevokedAt),
	}
	var err error
	if key.Networks, err = readNetworks(r.Networks); err == nil {
		err = json.Unmarshal([]byte(r.Roles), &key.Roles)
	}
	if err != nil {
		return APIKey{}, fmt.Errorf("read API key %s: %w", r.ID, err)
	}
	return key, nil
}

// CreateAPIKey makes a key and returns its text, once. It refuses with *Invalid a name that another live key of the project has, roles that
// a key may not hold in a project of this kind or that the organization's plan does not offer, an expiry that is not in the future or later
// than the organization's [KeyPolicy] allows, and one key more than that allows.
func (c *Scope) CreateAPIKey(ctx context.Context, actor audit.Actor, n NewAPIKey) (APIKey, secret.Token, error) {
	var made APIKey
	var text secret.Token
	err := c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(w.organization); err != nil {
			return err
		}
		project, err := project(w.DB, c.organization, n.ProjectID)
		if err != nil {
			return err
		}
		if err := w.checkNewKey(&n, project); err != nil {
			return err
		}
		row := apiKeyRow{
			ID: newID(idAPIKey, w.now), OrganizationID: c.organization, ProjectID: project.ID, Name: n.Name, Roles: encodeList(n.Roles),
			CreatorKind: principalKind(n.CreatorID), CreatorID: n.CreatorID, Independent: n.Independent, Networks: networkWords(n.Networks),
			RatePerMinute: n.RatePerMinute, Version: 1, CreatedAt: w.now, UpdatedAt: w.now, ExpiresAt: n.ExpiresAt,
		}
		if err := w.Create(&row).Error; err != nil {
			return takenKeyName(err)
		}
		if text, err = w.addSecret(row.ID, 1); err != nil {
			return err
		}
		if made, err = row.key(); err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.APIKeyCreated, ProjectID: project.ID, Targets: made.targets(project), Changes: beginnings(made)})
		return nil
	})
	if err != nil {
		return APIKey{}, secret.Token{}, fmt.Errorf("create API key: %w", err)
	}
	return made, text, nil
}

// beginnings are what an event tells of a new key.
func beginnings(k APIKey) []audit.Change {
	told := []audit.Change{{Field: "roles", After: titles(k.Roles)}, {Field: "expires_at", After: expiryWords(k.ExpiresAt)}}
	if k.Independent {
		told = append(told, audit.Change{Field: "independent", After: "yes"})
	}
	if len(k.Networks) > 0 {
		told = append(told, audit.Change{Field: "networks", After: networkWords(k.Networks)})
	}
	if k.RatePerMinute > 0 {
		told = append(told, audit.Change{Field: "rate_per_minute", After: rateWords(k.RatePerMinute)})
	}
	return told
}

func takenKeyName(err error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return invalid("name", "Another key of this project has this name. Revoke that one first, or choose another name.")
	}
	return err
}

func (w *write) checkNewKey(n *NewAPIKey, p Project) error {
	problems := &Invalid{}
	n.Name = problems.named("name", n.Name)
	n.Networks = problems.networks(n.Networks)
	problems.rate(n.RatePerMinute)
	if err := access.ValidKeyRoles(p.Kind, n.Roles); err != nil {
		problems.Add("roles", sentence(err))
	} else if err := w.planAllows(n.Roles, problems); err != nil {
		return err
	}
	policy, err := keyPolicy(w.DB, w.organization)
	if err != nil {
		return err
	}
	n.ExpiresAt = problems.expiry(n.ExpiresAt, policy, w.now)
	if err := w.roomForKeys(p.ID, policy, problems); err != nil {
		return err
	}
	if err := w.isPrincipal(n.CreatorID); err != nil {
		return fmt.Errorf("look for the key's creator: %w", err)
	}
	return problems.Err()
}

// isPrincipal is [ErrNotFound] unless the id is that of a member's user, or of a service account, of this organization.
func (w *write) isPrincipal(id string) error {
	var count int64
	err := w.Raw("SELECT (SELECT COUNT(*) FROM members WHERE organization_id = ? AND user_id = ?) + (SELECT COUNT(*) FROM service_accounts WHERE organization_id = ? AND id = ?)",
		w.organization, id, w.organization, id).Scan(&count).Error
	if err == nil && count == 0 {
		err = ErrNotFound
	}
	return err
}

// planAllows notes when the plan has no granular keys and the roles are other than All.
func (w *write) planAllows(roles []access.Role, problems *Invalid) error {
	organization, err := organization(w.DB, w.organization)
	if err == nil {
		problems.granular(organization.HasGranularKeys(), roles)
	}
	return err
}

// granular notes when there are no granular keys and the roles are other than All.
func (i *Invalid) granular(has bool, roles []access.Role) {
	if !has && !slices.Equal(roles, []access.Role{access.ProjectEditor}) {
		i.Add("roles", "This organization's plan has keys with all permissions only. Choose All.")
	}
}

// HasGranularKeys says whether the organization's plan offers keys with less than all permissions.
func (o Organization) HasGranularKeys() bool { return o.Has(access.EntitledGranularKeys) }

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
