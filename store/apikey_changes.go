package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// RotateAPIKey gives the key another text, once, and returns it. The text that it had goes on for the overlap, 0 to 30 days, but never beyond
// the expiry that it was given with; one from before that ends now. A new expiry is for the key from now on; nil keeps the present one.
func (c *Scope) RotateAPIKey(ctx context.Context, actor audit.Actor, projectID, id string, version int64, overlap time.Duration, expiresAt *time.Time) (APIKey, secret.Token, error) {
	var text secret.Token
	key, err := c.changeAPIKey(ctx, actor, projectID, id, version, func(w *write, was keyInProject) (columns, error) {
		problems := &Invalid{}
		problems.overlap(overlap)
		if !was.Live(w.now) {
			problems.Add("expires", "This key has expired. Create another one.")
		}
		expiry, err := w.newExpiry(was, expiresAt, problems)
		if err == nil {
			err = problems.Err()
		}
		if err != nil {
			return nil, err
		}
		ends := endOfOverlap(w.now, overlap, was.ExpiresAt)
		if text, err = w.replaceSecret(id, ends); err != nil {
			return nil, err
		}
		w.recordKey(audit.APIKeyRotated, was, audit.Change{Field: "secret", Before: "changed", After: "changed"},
			audit.Change{Field: "previous_ends_at", After: ends.Format(time.RFC3339)},
			audit.Change{Field: "expires_at", Before: expiryWords(was.ExpiresAt), After: expiryWords(expiry)})
		return columns{"expires_at": expiry, "rotated_at": w.now}, nil
	})
	if err != nil {
		return APIKey{}, secret.Token{}, fmt.Errorf("rotate API key %s: %w", id, err)
	}
	return key, text, nil
}

// newExpiry is the one that was asked for, if the policy allows it, or that which the key has.
func (w *write) newExpiry(was keyInProject, asked *time.Time, problems *Invalid) (*time.Time, error) {
	if asked == nil {
		return was.ExpiresAt, nil
	}
	policy, err := keyPolicy(w.DB, w.organization)
	return problems.expiry(asked, policy, w.now), err
}

// APIKeyChange is what may be changed about a key that exists, all of it at once. Its roles may not: programs have been told what it can do.
type APIKeyChange struct {
	Name          string
	Networks      []netip.Prefix
	RatePerMinute int
}

// ChangeAPIKey changes a key's name and limits; version is the one that the form was made from.
func (c *Scope) ChangeAPIKey(ctx context.Context, actor audit.Actor, projectID, id string, version int64, to APIKeyChange) error {
	problems := &Invalid{}
	to.Name, to.Networks = problems.named("name", to.Name), problems.networks(to.Networks)
	problems.rate(to.RatePerMinute)
	if err := problems.Err(); err != nil {
		return err
	}
	_, err := c.changeAPIKey(ctx, actor, projectID, id, version, func(w *write, was keyInProject) (columns, error) {
		changes := differences(
			audit.Change{Field: "name", Before: was.Name, After: to.Name},
			audit.Change{Field: "networks", Before: networkWords(was.Networks), After: networkWords(to.Networks)},
			audit.Change{Field: "rate_per_minute", Before: rateWords(was.RatePerMinute), After: rateWords(to.RatePerMinute)})
		if len(changes) == 0 {
			return nil, errUnchanged
		}
		w.recordKey(audit.APIKeyChanged, was, changes...)
		return columns{"name": to.Name, "networks": networkWords(to.Networks), "rate_per_minute": to.RatePerMinute}, nil
	})
	if err != nil {
		return fmt.Errorf("change API key %s: %w", id, takenKeyName(err))
	}
	return nil
}

// differences leaves out the fields that stay.
func differences(all ...audit.Change) []audit.Change {
	return slices.DeleteFunc(all, func(c audit.Change) bool { return c.Before == c.After })
}

// HandOverAPIKey makes the key independent of its creator, so that its project answers for it, or its creator's again, who must be there.
// That the actor is an owner is the caller's to judge.
func (c *Scope) HandOverAPIKey(ctx context.Context, actor audit.Actor, projectID, id string, version int64, independent bool) error {
	_, err := c.changeAPIKey(ctx, actor, projectID, id, version, func(w *write, was keyInProject) (columns, error) {
		if was.Independent == independent {
			return nil, errUnchanged
		}
		action := audit.APIKeyHandedOver
		if !independent {
			action = audit.APIKeyHandedBack
			if err := w.isPrincipal(was.CreatorID); errors.Is(err, ErrNotFound) {
				return nil, invalid("independent", "Whoever made this key is no longer there to answer for it.")
			} else if err != nil {
				return nil, err
			}
		}
		w.recordKey(action, was)
		return columns{"independent": independent}, nil
	})
	if err != nil {
		return fmt.Errorf("hand over API key %s: %w", id, err)
	}
	return nil
}

// changeAPIKey changes a key that is not revoked and gives it as it is then; what do returns goes into its row.
func (c *Scope) changeAPIKey(ctx context.Context, actor audit.Actor, projectID, id string, version int64, do func(*write, keyInProject) (columns, error)) (APIKey, error) {
	err := c.write(ctx, actor, func(w *write) error {
		was, err := w.apiKey(projectID, id)
		if err != nil {
			return err
		}
		if was.Version != version || was.RevokedAt != nil {
			return ErrConflict
		}
		set, err := do(w, was)
		if err != nil {
			return err
		}
		w.tell(ChangedAPIKey, id)
		return w.change(&apiKeyRow{}, id, version, set)
	})
	if err != nil {
		return APIKey{}, err
	}
	return c.APIKey(ctx, projectID, id)
}

// keyInProject is a key, without what other tables tell about it, and the project that it belongs to.
type keyInProject struct {
	APIKey
	project Project
}

// apiKey reads the key and keeps everybody else from changing it until the transaction ends.
func (w *write) apiKey(projectID, id string) (keyInProject, error) {
	if w.store.dialect == onPostgreSQL {
		if err := w.Exec("SELECT id FROM api_keys WHERE id = ? FOR NO KEY UPDATE", id).Error; err != nil {
			return keyInProject{}, fmt.Errorf("lock API key %s: %w", id, err)
		}
	}
	var row apiKeyRow
	row, err := one(row, w.Where("organization_id = ? AND project_id = ? AND id = ?", w.organization, projectID, id).Take(&row).Error)
	if err != nil {
		return keyInProject{}, err
	}
	var k keyInProject
	if k.project, err = project(w.DB, w.organization, projectID); err == nil {
		k.APIKey, err = row.key()
	}
	return k, err
}

// recordKey records what was done to the key.
func (w *write) recordKey(action audit.Action, k keyInProject, changes ...audit.Change) {
	w.record(audit.Event{Action: action, ProjectID: k.ProjectID, Targets: k.targets(k.project), Changes: changes})
}

// RevokeAPIKey ends a key for good, on every node within a second. ErrConflict when it was revoked before.
func (c *Scope) RevokeAPIKey(ctx context.Context, actor audit.Actor, projectID, id string) error {
	err := c.write(ctx, actor, func(w *write) error {
		key, err := w.apiKey(projectID, id)
		if err != nil {
			return err
		}
		w.recordKey(audit.APIKeyRevoked, key)
		return w.revoke(key)
	})
	if err != nil {
		return fmt.Errorf("revoke API key %s: %w", id, err)
	}
	return nil
}

// ReportLeakedKey revokes a key whose text somebody has found where it should not be, and says so with high severity. That the reporter holds
// the text is the caller's to know. Source is where it was found, in a stranger's words, of which 256 characters are kept. ErrConflict when the key was revoked before.
func (s *Store) ReportLeakedKey(ctx context.Context, actor audit.Actor, id, source string) error {
	snapshot, err := s.KeyByID(ctx, id)
	if err != nil {
		return err
	}
	err = s.write(ctx, snapshot.OrganizationID, actor, func(w *write) error {
		key, err := w.apiKey(snapshot.ProjectID, id)
		if err != nil {
			return err
		}
		e := audit.Event{Action: audit.APIKeyLeakReported, ProjectID: key.ProjectID, Targets: key.targets(key.project), Severity: audit.High}
		if source = trust.Printable(strings.TrimSpace(source)); source != "" {
			e.Changes = []audit.Change{{Field: "source", After: source}}
		}
		w.record(e)
		return w.revoke(key)
	})
	if err != nil {
		return fmt.Errorf("revoke leaked API key %s: %w", id, err)
	}
	return nil
}

func (w *write) revoke(k keyInProject) error {
	w.tell(ChangedAPIKey, k.ID)
	return updated(w.Model(&apiKeyRow{}).Where("id = ? AND revoked_at IS NULL", k.ID).
		Updates(columns{"revoked_at": w.now, "revoked_by": w.actor.ID, "version": k.Version + 1, "updated_at": w.now}))
}
