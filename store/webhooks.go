package store

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// Webhook is an address of the organization's that is told what happens in it. Its secret, with which every message is signed, is shown once.
type Webhook struct {
	ID, OrganizationID   string
	URL, Description     string
	Types                []audit.MessageType `gorm:"-"` // which it is told of, in the order of [audit.MessageTypes]
	BeforeEndsAt         *time.Time          // until then messages are signed with the secret before the present one too
	DisabledAt           *time.Time
	DisabledWhy          DisabledWhy
	FailingSince         *time.Time // no message has been taken since
	Version              int64
	CreatedAt, UpdatedAt time.Time
}

// DisabledWhy says why a webhook is told nothing.
type DisabledWhy string

// Why webhooks are disabled.
const (
	DisabledByOwner DisabledWhy = "owner"
	DisabledFailing DisabledWhy = "failing" // for [webhookPatience]
	DisabledGone    DisabledWhy = "gone"    // it answered 410
)

type webhookRow struct {
	Webhook      `gorm:"embedded"`
	TypeList     string `gorm:"column:types"`
	SealedSecret []byte
	SealedBefore []byte
	TakenUntil   time.Time
	Takes        int64
}

func (webhookRow) TableName() string { return "webhooks" }

// WebhooksPerOrganization is how many an organization may have.
const WebhooksPerOrganization = 5

const (
	webhookOverlap      = 24 * time.Hour // for which a rotated secret still signs
	webhookSecretBytes  = 32
	webhookSecretPrefix = "whsec_"
)

func (w Webhook) target() audit.Target { return audit.Target{Kind: "webhook", ID: w.ID, Name: w.URL} }

func (w Webhook) place(column string) secret.Place {
	return secret.Place{Table: "webhooks", Column: column, Organization: w.OrganizationID, Row: w.ID}
}

// NewWebhook is a webhook as it is asked for.
type NewWebhook struct {
	URL, Description string
	Types            []audit.MessageType
}

// valid is the address, the description and the types as they are kept. Allowed says what may be called at all.
func (n NewWebhook) valid(allowed func(*url.URL) error) (webhookRow, error) {
	var problems Invalid
	row := webhookRow{Webhook: Webhook{URL: strings.TrimSpace(n.URL), Description: strings.TrimSpace(n.Description)}}
	address, err := url.Parse(row.URL)
	switch {
	case err != nil || address.Host == "" || len(row.URL) > 2000:
		problems.Add("url", "This is not an address. It must look like https://hooks.example.com/gatehouse, with at most 2,000 characters.")
	default:
		if err := allowed(address); err != nil {
			problems.Add("url", err.Error())
		}
	}
	if row.Description != "" {
		row.Description = problems.named("description", row.Description)
	}
	for _, known := range audit.MessageTypes() {
		if slices.Contains(n.Types, known) {
			row.Types = append(row.Types, known)
		}
	}
	if len(n.Types) == 0 || slices.ContainsFunc(n.Types, func(t audit.MessageType) bool { return !slices.Contains(row.Types, t) }) {
		problems.Add("types", "Choose at least one of the types of messages.")
	}
	row.TypeList = joinTypes(row.Types)
	return row, problems.Err()
}

func joinTypes(types []audit.MessageType) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return strings.Join(names, " ")
}

// opened is the row as others see it.
func (r webhookRow) opened() Webhook {
	w := r.Webhook
	w.Types = nil
	for _, name := range strings.Fields(r.TypeList) {
		w.Types = append(w.Types, audit.MessageType(name))
	}
	w.CreatedAt, w.UpdatedAt = w.CreatedAt.UTC(), w.UpdatedAt.UTC()
	return w
}

// newWebhookSecret is a text to be shown once, in the form of Standard Webhooks, and as the webhook keeps it.
func (s *Store) newWebhookSecret(w Webhook) (secret.Token, []byte, error) {
	raw := make([]byte, webhookSecretBytes)
	rand.Read(raw) // never fails since Go 1.24
	text := webhookSecretPrefix + base64.StdEncoding.EncodeToString(raw)
	sealed, err := s.keyring.Seal(w.place("sealed_secret"), []byte(text))
	if err != nil {
		return secret.Token{}, nil, fmt.Errorf("seal a webhook's secret: %w", err)
	}
	return secret.TokenOf(text), sealed, nil
}

// CreateWebhook registers an address of the organization's, five at most, and returns its secret, once. Allowed says whether an address may
// be called at all; its error is a sentence for whoever typed it.
func (c *Scope) CreateWebhook(ctx context.Context, actor audit.Actor, asked NewWebhook, allowed func(*url.URL) error) (Webhook, secret.Token, error) {
	row, err := asked.valid(allowed)
	if err != nil {
		return Webhook{}, secret.Token{}, err
	}
	var text secret.Token
	err = c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(w.organization); err != nil {
			return err
		}
		var count int64
		if err := w.Model(&webhookRow{}).Where("organization_id = ?", w.organization).Count(&count).Error; err != nil {
			return err
		}
		if count >= WebhooksPerOrganization {
			return invalid("url", fmt.Sprintf("An organization has at most %d webhooks.", WebhooksPerOrganization))
		}
		row.ID, row.OrganizationID, row.Version = newID(idWebhook, w.now), w.organization, 1
		row.CreatedAt, row.UpdatedAt, row.TakenUntil = w.now, w.now, w.now
		if text, row.SealedSecret, err = w.store.newWebhookSecret(row.Webhook); err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.WebhookCreated, Targets: []audit.Target{row.target()}, Changes: differences(audit.Change{Field: "types", After: row.TypeList})})
		return w.Create(&row).Error
	})
	if err != nil {
		return Webhook{}, secret.Token{}, fmt.Errorf("create webhook: %w", err)
	}
	return row.opened(), text, nil
}

// Webhooks are the organization's, the oldest first.
func (c *Scope) Webhooks(ctx context.Context) ([]Webhook, error) {
	var rows []webhookRow
	if err := c.read(ctx).Order("id").Limit(WebhooksPerOrganization).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	all := make([]Webhook, len(rows))
	for i, row := range rows {
		all[i] = row.opened()
	}
	return all, nil
}

// Webhook is the one with this id, or [ErrNotFound].
func (c *Scope) Webhook(ctx context.Context, id string) (Webhook, error) {
	row, err := webhookWhere(c.read(ctx).Where("id = ?", id))
	if err != nil {
		return Webhook{}, err
	}
	return row.opened(), nil
}

func webhookWhere(q *gorm.DB) (webhookRow, error) {
	var row webhookRow
	return one(row, q.Take(&row).Error)
}

// ChangeWebhook changes its address, description and types; version is the one that the form was made from.
func (c *Scope) ChangeWebhook(ctx context.Context, actor audit.Actor, id string, version int64, asked NewWebhook, allowed func(*url.URL) error) error {
	row, err := asked.valid(allowed)
	if err != nil {
		return err
	}
	return c.changeWebhook(ctx, actor, id, version, func(w *write, was webhookRow) error {
		changes := differences(audit.Change{Field: "url", Before: was.URL, After: row.URL},
			audit.Change{Field: "description", Before: was.Description, After: row.Description},
			audit.Change{Field: "types", Before: was.TypeList, After: row.TypeList})
		if len(changes) == 0 {
			return errUnchanged
		}
		w.record(audit.Event{Action: audit.WebhookChanged, Targets: []audit.Target{was.target()}, Changes: changes})
		return w.change(&webhookRow{}, id, version, columns{"url": row.URL, "description": row.Description, "types": row.TypeList})
	})
}

// RotateWebhook gives it another secret and returns it, once. The present one signs beside it for 24 hours; one from before that no longer.
func (c *Scope) RotateWebhook(ctx context.Context, actor audit.Actor, id string, version int64) (Webhook, secret.Token, error) {
	var text secret.Token
	err := c.changeWebhook(ctx, actor, id, version, func(w *write, was webhookRow) error {
		present, err := w.store.keyring.Open(was.place("sealed_secret"), was.SealedSecret)
		if err != nil {
			return fmt.Errorf("open its secret: %w", err)
		}
		before, err := w.store.keyring.Seal(was.place("sealed_before"), present)
		if err != nil {
			return fmt.Errorf("seal its secret: %w", err)
		}
		var sealed []byte
		if text, sealed, err = w.store.newWebhookSecret(was.Webhook); err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.WebhookRotated, Targets: []audit.Target{was.target()}, Changes: []audit.Change{{Field: "secret", Before: "changed", After: "changed"}}})
		return w.change(&webhookRow{}, id, version, columns{"sealed_secret": sealed, "sealed_before": before, "before_ends_at": w.now.Add(webhookOverlap)})
	})
	if err != nil {
		return Webhook{}, secret.Token{}, err
	}
	rotated, err := c.Webhook(ctx, id)
	return rotated, text, err
}

// SetWebhookDisabled stops it, or lets it go on. While it is disabled nothing is queued for it, and what waits has failed.
func (c *Scope) SetWebhookDisabled(ctx context.Context, actor audit.Actor, id string, version int64, disabled bool) error {
	return c.changeWebhook(ctx, actor, id, version, func(w *write, was webhookRow) error {
		switch {
		case disabled == (was.DisabledAt != nil):
			return errUnchanged
		case disabled:
			return w.disableWebhook(was, DisabledByOwner)
		}
		w.record(audit.Event{Action: audit.WebhookEnabled, Targets: []audit.Target{was.target()}})
		return w.change(&webhookRow{}, id, version, columns{"disabled_at": nil, "disabled_why": "", "failing_since": nil})
	})
}

// disableWebhook stops it. Owners hear of it where it was not one of them.
func (w *write) disableWebhook(was webhookRow, why DisabledWhy) error {
	e := audit.Event{Action: audit.WebhookDisabled, Targets: []audit.Target{was.target()}}
	if why != DisabledByOwner {
		e.Severity, e.Reason = audit.High, string(why)
	}
	w.record(e)
	err := w.Model(&deliveryRow{}).Where("webhook_id = ? AND state = ?", was.ID, DeliveryWaiting).
		Updates(columns{"state": DeliveryFailed, "problem": "The webhook was disabled."}).Error
	if err != nil {
		return fmt.Errorf("give up what waits: %w", err)
	}
	return w.change(&webhookRow{}, was.ID, was.Version, columns{"disabled_at": w.now, "disabled_why": why})
}

// DeleteWebhook forgets it and everything that it was told.
func (c *Scope) DeleteWebhook(ctx context.Context, actor audit.Actor, id string, version int64) error {
	return c.changeWebhook(ctx, actor, id, version, func(w *write, was webhookRow) error {
		w.record(audit.Event{Action: audit.WebhookDeleted, Targets: []audit.Target{was.target()}})
		return updated(w.Where("id = ? AND version = ?", id, version).Delete(&webhookRow{}))
	})
}

// changeWebhook changes one that has the version which the form was made from.
func (c *Scope) changeWebhook(ctx context.Context, actor audit.Actor, id string, version int64, do func(*write, webhookRow) error) error {
	err := c.write(ctx, actor, func(w *write) error {
		was, err := webhookWhere(w.Where("organization_id = ? AND id = ?", w.organization, id))
		if err != nil {
			return err
		}
		if was.Version != version {
			return ErrConflict
		}
		return do(w, was)
	})
	if err != nil {
		return fmt.Errorf("change webhook %s: %w", id, err)
	}
	return nil
}
