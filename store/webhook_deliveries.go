package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// Delivery is one message to one webhook. Its id is the same at every try, also when it is replayed, so that a receiver knows it again.
type Delivery struct {
	Sequence                      int64 `gorm:"primaryKey;autoIncrement"`
	ID, WebhookID, OrganizationID string
	Type                          audit.MessageType
	Payload                       string // JSON
	State                         DeliveryState
	Attempts                      int // all tries
	Tries                         int // those since it was queued or last replayed
	Status                        int // HTTP, of the last answer; 0: there was none
	Problem                       string
	Excerpt                       string // of the last answer's body, at most 1 KiB
	CreatedAt, DueAt              time.Time
	TriedAt                       *time.Time
}

type deliveryRow struct {
	Delivery `gorm:"embedded"`
}

func (deliveryRow) TableName() string { return "webhook_deliveries" }

// DeliveryState is what has become of a delivery.
type DeliveryState string

// The states of deliveries.
const (
	DeliveryWaiting   DeliveryState = "waiting" // for its first try or the next
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryFailed    DeliveryState = "failed" // given up
)

const (
	webhookLease    = time.Minute    // for one try: longer than any takes
	webhookPatience = 72 * time.Hour // of failing, after which a webhook is disabled
	// triesInOrder is how often a delivery is tried before those after it go ahead of it.
	triesInOrder = 3
)

// retries are the waits after each failed try. A tenth more at most is added, so that what failed together is not tried together.
var retries = []time.Duration{5 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 8 * time.Hour, 24 * time.Hour, 24 * time.Hour, 24 * time.Hour}

// Dispatch is a delivery that its taker is to try now.
type Dispatch struct {
	Delivery
	URL     string
	Secrets []secret.Token // to sign with, the present one first
	takes   int64
}

// Answer is how a try ended. Problem is a sentence where there was no answer.
type Answer struct {
	Status           int
	Problem, Excerpt string
}

func (a Answer) taken() bool { return a.Status >= 200 && a.Status <= 299 }

// TakeDelivery hands out the delivery that has waited longest; no other node delivers to its webhook for the next minute. A webhook gets its
// messages in order, but not behind one that has failed [triesInOrder] times. [ErrNotFound] where none is due.
func (s *Store) TakeDelivery(ctx context.Context) (Dispatch, error) {
	const due = `SELECT d.webhook_id, d.sequence FROM webhook_deliveries d JOIN webhooks h ON h.id = d.webhook_id
		WHERE d.state = 'waiting' AND d.due_at <= ? AND h.disabled_at IS NULL AND h.taken_until <= ?
		AND NOT EXISTS (SELECT 1 FROM webhook_deliveries b WHERE b.webhook_id = d.webhook_id AND b.state = 'waiting' AND b.sequence < d.sequence AND b.tries < ?)
		ORDER BY d.due_at, d.sequence LIMIT 1`
	var found []deliveryRow
	now := s.now()
	if err := s.read(ctx).Raw(due, now, now, triesInOrder).Scan(&found).Error; err != nil {
		return Dispatch{}, fmt.Errorf("look for deliveries that are due: %w", err)
	}
	if len(found) == 0 { // looked up without writing: mostly there is none
		return Dispatch{}, ErrNotFound
	}
	var d Dispatch
	err := s.unrecorded(ctx, func(tx *gorm.DB) (err error) {
		d, err = s.takeDelivery(tx, found[0], now)
		return err
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Dispatch{}, fmt.Errorf("take a delivery: %w", err)
	}
	return d, err
}

// takeDelivery takes the webhook and then the delivery, if both still are as they were found.
func (s *Store) takeDelivery(tx *gorm.DB, found deliveryRow, now time.Time) (Dispatch, error) {
	var hooks []webhookRow
	err := tx.Raw("UPDATE webhooks SET taken_until = ?, takes = takes + 1 WHERE id = ? AND taken_until <= ? AND disabled_at IS NULL RETURNING *",
		now.Add(webhookLease), found.WebhookID, now).Scan(&hooks).Error
	if err != nil || len(hooks) == 0 {
		return Dispatch{}, errors.Join(err, ErrNotFound)
	}
	var rows []deliveryRow
	err = tx.Raw("UPDATE webhook_deliveries SET attempts = attempts + 1, tries = tries + 1, tried_at = ?, due_at = ? WHERE sequence = ? AND state = 'waiting' AND due_at <= ? RETURNING *",
		now, now.Add(webhookLease), found.Sequence, now).Scan(&rows).Error
	if err != nil || len(rows) == 0 {
		return Dispatch{}, errors.Join(err, ErrNotFound)
	}
	secrets, err := s.webhookSecrets(hooks[0], now)
	return Dispatch{rows[0].Delivery, hooks[0].URL, secrets, hooks[0].Takes}, err
}

// webhookSecrets are those that sign now, the present one first.
func (s *Store) webhookSecrets(hook webhookRow, now time.Time) ([]secret.Token, error) {
	present, err := s.keyring.Open(hook.place("sealed_secret"), hook.SealedSecret)
	if err != nil {
		return nil, fmt.Errorf("open the secret of webhook %s: %w", hook.ID, err)
	}
	secrets := []secret.Token{secret.TokenOf(string(present))}
	if hook.BeforeEndsAt == nil || !hook.BeforeEndsAt.After(now) {
		return secrets, nil
	}
	before, err := s.keyring.Open(hook.place("sealed_before"), hook.SealedBefore)
	if err != nil {
		return nil, fmt.Errorf("open the former secret of webhook %s: %w", hook.ID, err)
	}
	return append(secrets, secret.TokenOf(string(before))), nil
}

// DeliveryTried notes how a try ended. What was not taken is tried again, later each time, and given up after the last; a webhook that has
// taken nothing for three days, or says that it is gone, is disabled, of which owners hear. A taker who was too slow has lost its say.
func (s *Store) DeliveryTried(ctx context.Context, d Dispatch, a Answer) error {
	var disable DisabledWhy
	err := s.unrecorded(ctx, func(tx *gorm.DB) (err error) {
		disable, err = s.noteTry(tx, d, a)
		return err
	})
	if err == nil && disable != "" {
		err = s.write(ctx, d.OrganizationID, audit.Gatehouse(audit.Request{}), func(w *write) error {
			hook, err := webhookWhere(w.Where("id = ?", d.WebhookID))
			if errors.Is(err, ErrNotFound) || err == nil && hook.DisabledAt != nil {
				return errUnchanged
			}
			if err != nil {
				return err
			}
			return w.disableWebhook(hook, disable)
		})
	}
	if err != nil {
		return fmt.Errorf("note how delivery %s went: %w", d.ID, err)
	}
	return nil
}

// noteTry writes down how it ended, gives the webhook back, and says why it is to be disabled, if it is.
func (s *Store) noteTry(tx *gorm.DB, d Dispatch, a Answer) (DisabledWhy, error) {
	now := s.now()
	values := columns{"status": a.Status, "problem": a.Problem, "excerpt": a.Excerpt}
	switch {
	case a.taken():
		values["state"] = DeliveryDelivered
	case d.Tries > len(retries):
		values["state"] = DeliveryFailed
	default:
		wait := retries[d.Tries-1]
		values["due_at"] = now.Add(wait + rand.N(wait/10))
	}
	mine := tx.Model(&deliveryRow{}).Where("sequence = ? AND attempts = ?", d.Sequence, d.Attempts)
	if !a.taken() {
		mine = mine.Where("state = ?", DeliveryWaiting)
	}
	noted := mine.Updates(values)
	if noted.Error != nil {
		return "", noted.Error
	}
	var hooks []webhookRow
	const back = "UPDATE webhooks SET taken_until = ?, failing_since = CASE WHEN ? THEN NULL ELSE COALESCE(failing_since, ?) END WHERE id = ? AND takes = ? RETURNING *"
	if err := tx.Raw(back, now, a.taken(), now, d.WebhookID, d.takes).Scan(&hooks).Error; err != nil {
		return "", err
	}
	switch {
	case len(hooks) == 0 || noted.RowsAffected == 0 || a.taken():
		return "", nil
	case a.Status == http.StatusGone:
		return DisabledGone, nil
	case now.Sub(*hooks[0].FailingSince) >= webhookPatience:
		return DisabledFailing, nil
	}
	return "", nil
}

// CountDeliveries counts what waits to be delivered.
func (s *Store) CountDeliveries(ctx context.Context) (int64, error) {
	var waiting int64
	if err := s.read(ctx).Model(&deliveryRow{}).Where("state = ?", DeliveryWaiting).Count(&waiting).Error; err != nil {
		return 0, fmt.Errorf("count deliveries: %w", err)
	}
	return waiting, nil
}

// DeliveryFilter narrows a list of deliveries. Before is the sequence to go on below.
type DeliveryFilter struct {
	State  DeliveryState
	Before int64
	Limit  int
}

// Deliveries are the webhook's, the newest first, at most Limit (1 to 200; 50 when 0).
func (c *Scope) Deliveries(ctx context.Context, webhookID string, f DeliveryFilter) ([]Delivery, error) {
	q := c.read(ctx).Where("webhook_id = ?", webhookID).Order("sequence DESC").Limit(limited(f.Limit))
	if f.State != "" {
		q = q.Where("state = ?", f.State)
	}
	if f.Before > 0 {
		q = q.Where("sequence < ?", f.Before)
	}
	var rows []deliveryRow
	if err := q.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	all := make([]Delivery, len(rows))
	for i, row := range rows {
		all[i] = row.Delivery
	}
	return all, nil
}

// Delivery is one of the webhook's, or [ErrNotFound].
func (c *Scope) Delivery(ctx context.Context, webhookID, id string) (Delivery, error) {
	var row deliveryRow
	row, err := one(row, c.read(ctx).Where("webhook_id = ? AND id = ?", webhookID, id).Take(&row).Error)
	return row.Delivery, err
}

// TestWebhook queues a test message for it.
func (c *Scope) TestWebhook(ctx context.Context, actor audit.Actor, id string) (Delivery, error) {
	var made Delivery
	err := c.onWebhook(ctx, actor, id, func(w *write, hook webhookRow) error {
		o, err := organization(w.DB, w.organization)
		if err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.WebhookTested, Targets: []audit.Target{hook.target()}})
		made, err = w.queueMessage(hook.Webhook, message{audit.TestMessage, w.now, messageData{Organization: messageNoun{o.ID, o.Name}}})
		return err
	})
	if err != nil {
		return Delivery{}, fmt.Errorf("test webhook %s: %w", id, err)
	}
	return made, nil
}

// ReplayDelivery delivers it once more, whatever became of it; one that waits is tried now.
func (c *Scope) ReplayDelivery(ctx context.Context, actor audit.Actor, webhookID, id string) error {
	err := c.onWebhook(ctx, actor, webhookID, func(w *write, hook webhookRow) error {
		replayed, err := w.replay(w.Where("webhook_id = ? AND id = ?", webhookID, id))
		if err == nil && replayed == 0 {
			err = ErrNotFound
		}
		w.record(audit.Event{Action: audit.WebhookReplayed, Targets: []audit.Target{hook.target()}, Count: 1})
		return err
	})
	if err != nil {
		return fmt.Errorf("replay delivery %s: %w", id, err)
	}
	return nil
}

// ReplayFailed delivers once more whatever was given up since a moment, and says how many those are.
func (c *Scope) ReplayFailed(ctx context.Context, actor audit.Actor, webhookID string, since time.Time) (replayed int64, err error) {
	err = c.onWebhook(ctx, actor, webhookID, func(w *write, hook webhookRow) (err error) {
		replayed, err = w.replay(w.Where("webhook_id = ? AND state = ? AND created_at >= ?", webhookID, DeliveryFailed, since))
		if err == nil && replayed == 0 {
			err = errUnchanged
		}
		w.record(audit.Event{Action: audit.WebhookReplayed, Targets: []audit.Target{hook.target()}, Count: int(replayed)})
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("replay what failed: %w", err)
	}
	return replayed, nil
}

func (w *write) replay(which *gorm.DB) (int64, error) {
	result := which.Model(&deliveryRow{}).Updates(columns{"state": DeliveryWaiting, "tries": 0, "due_at": w.now})
	return result.RowsAffected, result.Error
}

// onWebhook acts with one that is enabled.
func (c *Scope) onWebhook(ctx context.Context, actor audit.Actor, id string, do func(*write, webhookRow) error) error {
	return c.write(ctx, actor, func(w *write) error {
		hook, err := webhookWhere(w.Where("organization_id = ? AND id = ?", w.organization, id))
		if err != nil {
			return err
		}
		if hook.DisabledAt != nil {
			return invalid("webhook", "The webhook is disabled. Enable it first.")
		}
		return do(w, hook)
	})
}
