package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
)

// message is a payload as Standard Webhooks has it.
type message struct {
	Type      audit.MessageType `json:"type"`
	Timestamp time.Time         `json:"timestamp"`
	Data      messageData       `json:"data"`
}

// messageData names what the message is about. What does not concern it is absent.
type messageData struct {
	Event        string          `json:"event,omitempty"`
	Organization messageNoun     `json:"organization"`
	Actor        *messageActor   `json:"actor,omitempty"`
	User         *messageNoun    `json:"user,omitempty"`
	Role         *messageNoun    `json:"role,omitempty"`
	Project      *messageNoun    `json:"project,omitempty"`
	APIKey       *messageNoun    `json:"api_key,omitempty"`
	Changes      []messageChange `json:"changes,omitempty"`
}

type messageNoun struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type messageActor struct {
	Kind audit.ActorKind `json:"kind"`
	ID   string          `json:"id"`
	Name string          `json:"name"`
}

type messageChange struct {
	Field  string `json:"field"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// tellWebhooks queues a message about every event of this write for every webhook that is told of such, in the write's own transaction: all of
// it happens or nothing. It runs under the lock of the event chain, so messages are numbered in the order of what they tell.
func (w *write) tellWebhooks() error {
	for _, e := range w.events {
		kind := e.Message()
		if kind == "" {
			continue
		}
		var all []webhookRow
		err := w.Where("organization_id = ? AND disabled_at IS NULL", e.OrganizationID).Order("id").Find(&all).Error
		if err != nil {
			return fmt.Errorf("look for webhooks to tell: %w", err)
		}
		all = slices.DeleteFunc(all, func(h webhookRow) bool { return !slices.Contains(strings.Fields(h.TypeList), string(kind)) })
		if len(all) == 0 {
			continue
		}
		m, err := w.messageAbout(kind, e)
		if err != nil {
			return err
		}
		for _, hook := range all {
			if _, err := w.queueMessage(hook.Webhook, m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *write) messageAbout(kind audit.MessageType, e audit.Event) (message, error) {
	o, err := organization(w.DB, e.OrganizationID)
	if err != nil {
		return message{}, fmt.Errorf("read what a message is about: %w", err)
	}
	m := message{kind, e.At, messageData{Event: e.ID, Organization: messageNoun{o.ID, o.Name}, Actor: &messageActor{e.Actor.Kind, e.Actor.ID, e.Actor.Name}}}
	for _, target := range e.Targets {
		noun := &messageNoun{target.ID, target.Name}
		switch target.Kind {
		case "user":
			m.Data.User = noun
		case "role":
			m.Data.Role = noun
		case "api_key":
			m.Data.APIKey = noun
		case "project":
			m.Data.Project = noun
			p, err := project(w.DB, e.OrganizationID, target.ID) // by its present name
			if err != nil && !errors.Is(err, ErrNotFound) {
				return message{}, fmt.Errorf("read what a message is about: %w", err)
			} else if err == nil {
				noun.Name = p.Name
			}
		}
	}
	for _, change := range e.Changes {
		m.Data.Changes = append(m.Data.Changes, messageChange(change))
	}
	return m, nil
}

func (w *write) queueMessage(hook Webhook, m message) (Delivery, error) {
	payload, err := json.Marshal(m)
	if err != nil {
		return Delivery{}, fmt.Errorf("write a message down: %w", err)
	}
	row := deliveryRow{Delivery: Delivery{ID: newID(idDelivery, w.now), WebhookID: hook.ID, OrganizationID: hook.OrganizationID, Type: m.Type,
		Payload: string(payload), State: DeliveryWaiting, CreatedAt: w.now, DueAt: w.now}}
	if err := w.Create(&row).Error; err != nil {
		return Delivery{}, fmt.Errorf("queue a message: %w", err)
	}
	return row.Delivery, nil
}
