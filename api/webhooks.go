package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) webhookOperations() {
	const list, single = "/webhooks", "/webhooks/{webhook}"
	in := func(op operation) operation {
		op.noun, op.permission = "Webhooks", access.ManageOrganization
		return op
	}
	add(a, in(operation{id: "list-webhooks", method: http.MethodGet, path: list,
		summary: "List webhooks", about: "The oldest first. An organization has at most five."}), (*call).webhooks)
	add(a, in(operation{id: "create-webhook", method: http.MethodPost, path: list, creates: true, status: http.StatusCreated,
		summary: "Create a webhook", about: "The answer holds its secret, once."}), (*call).createWebhook)
	add(a, in(operation{id: "get-webhook", method: http.MethodGet, path: single,
		summary: "Get a webhook", about: "Without its secret."}), (*call).webhook)
	add(a, in(operation{id: "change-webhook", method: http.MethodPatch, path: single, versioned: true,
		summary: "Change a webhook", about: "Members that are left out stay as they are. Disabled, it is told nothing, and what waits for it has failed."}), (*call).changeWebhook)
	add(a, in(operation{id: "rotate-webhook", method: http.MethodPost, path: single + "/rotate", creates: true, versioned: true,
		summary: "Rotate a webhook's secret", about: "The answer holds a new secret, once. The present one signs beside it for 24 hours."}), (*call).rotateWebhook)
	add(a, in(operation{id: "delete-webhook", method: http.MethodDelete, path: single, versioned: true, status: http.StatusNoContent,
		summary: "Delete a webhook", about: "Its secret and its deliveries are forgotten."}), (*call).deleteWebhook)
	add(a, in(operation{id: "test-webhook", method: http.MethodPost, path: single + "/test", creates: true, status: http.StatusCreated,
		summary: "Send a test message", about: "Its delivery tells what became of it."}), (*call).testWebhook)
	add(a, in(operation{id: "list-deliveries", method: http.MethodGet, path: single + "/deliveries",
		summary: "List a webhook's deliveries", about: "Those of the last 30 days, the newest first."}), (*call).deliveries)
	add(a, in(operation{id: "get-delivery", method: http.MethodGet, path: single + "/deliveries/{delivery}",
		summary: "Get a delivery", about: "One message to one webhook."}), (*call).delivery)
	add(a, in(operation{id: "replay-delivery", method: http.MethodPost, path: single + "/deliveries/{delivery}/replay",
		summary: "Replay a delivery", about: "The same message is sent once more, with the same id, whatever became of it."}), (*call).replayDelivery)
	add(a, in(operation{id: "replay-failed-deliveries", method: http.MethodPost, path: single + "/replay",
		summary: "Replay what failed", about: "Whatever was queued since a moment and given up is sent once more."}), (*call).replayFailed)
}

// MessageType is what a webhook can be told of.
type MessageType audit.MessageType

// Schema lists them.
func (MessageType) Schema(huma.Registry) *huma.Schema { return oneOf(audit.MessageTypes()) }

// Webhook is an address that is told what happens in the organization.
type Webhook struct {
	ID             string              `json:"id" example:"whk_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	URL            string              `json:"url"`
	Description    string              `json:"description"`
	Types          []audit.MessageType `json:"types" doc:"What it is told of."`
	Enabled        bool                `json:"enabled"`
	DisabledAt     *time.Time          `json:"disabled_at,omitempty"`
	DisabledReason store.DisabledWhy   `json:"disabled_reason,omitempty" doc:"owner; failing, for three days; or gone, which status 410 says."`
	FailingSince   *time.Time          `json:"failing_since,omitempty" doc:"No message has been taken since."`
	PreviousEndsAt *time.Time          `json:"previous_ends_at,omitempty" doc:"Until then messages are signed with the secret before the present one, too."`
	CreatedAt      time.Time           `json:"created_at"`
	UpdatedAt      time.Time           `json:"updated_at"`
	Version        int64               `json:"version" doc:"In quotes, the ETag."`
}

// NewWebhookSecret is a webhook with its newest secret.
type NewWebhookSecret struct {
	Webhook
	Secret string `json:"secret" doc:"What messages are signed with. It is shown in this answer and nowhere else." example:"whsec_…"`
}

func showWebhook(h store.Webhook) Webhook {
	return Webhook{ID: h.ID, URL: h.URL, Description: h.Description, Types: append([]audit.MessageType{}, h.Types...), Enabled: h.DisabledAt == nil, DisabledAt: h.DisabledAt,
		DisabledReason: h.DisabledWhy, FailingSince: h.FailingSince, PreviousEndsAt: h.BeforeEndsAt, CreatedAt: h.CreatedAt, UpdatedAt: h.UpdatedAt, Version: h.Version}
}

// InWebhook is the path of one webhook.
type InWebhook struct {
	InOrganization
	Webhook string `path:"webhook" doc:"The webhook's id."`
}

func (c *call) webhooks(in *struct {
	InOrganization
	OnPage
},
) (*Many[Webhook], error) {
	all, err := c.scope.Webhooks(c.ctx)
	if err != nil {
		return nil, err
	}
	return pageOf(in.OnPage, "whk", all, func(h store.Webhook) string { return h.ID }, showWebhook)
}

func (c *call) webhook(in *InWebhook) (*One[Webhook], error) {
	h, err := c.scope.Webhook(c.ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	return one(h.Version, showWebhook(h))
}

// NewWebhook is one as it is asked for.
type NewWebhook struct {
	InOrganization
	Repeatable
	Body struct {
		URL         string        `json:"url" minLength:"1" maxLength:"2000" example:"https://hooks.example.com/gatehouse"`
		Description string        `json:"description,omitempty" maxLength:"80"`
		Types       []MessageType `json:"types" minItems:"1" maxItems:"50"`
	}
}

func (c *call) createWebhook(in *NewWebhook) (*Made[NewWebhookSecret], error) {
	asked := store.NewWebhook{URL: in.Body.URL, Description: in.Body.Description, Types: as[audit.MessageType](in.Body.Types)}
	h, text, err := c.scope.CreateWebhook(c.ctx, c.actor(), asked, c.Outbound.CheckURL)
	if err != nil {
		return nil, err
	}
	return made(c, "/webhooks/"+h.ID, h.Version, NewWebhookSecret{showWebhook(h), text.Reveal()}), nil
}

// webhookAt is a webhook and the version to change.
func (c *call) webhookAt(id string, condition Versioned) (store.Webhook, int64, error) {
	h, err := c.scope.Webhook(c.ctx, id)
	if err != nil {
		return store.Webhook{}, 0, err
	}
	version, err := condition.of(h.Version)
	return h, version, err
}

// WebhookChange is what may be changed about one.
type WebhookChange struct {
	InWebhook
	Versioned
	Body struct {
		URL         *string       `json:"url,omitempty" minLength:"1" maxLength:"2000" example:"https://hooks.example.com/gatehouse"`
		Description *string       `json:"description,omitempty" maxLength:"80"`
		Types       []MessageType `json:"types,omitempty" minItems:"1" maxItems:"50"`
		Enabled     *bool         `json:"enabled,omitempty" doc:"Alone: beside other members it is refused."`
	}
}

func (c *call) changeWebhook(in *WebhookChange) (*One[Webhook], error) {
	h, version, err := c.webhookAt(in.Webhook, in.Versioned)
	if err != nil {
		return nil, err
	}
	b := in.Body
	switch {
	case b.Enabled != nil && (b.URL != nil || b.Description != nil || len(b.Types) > 0):
		return nil, mistake("enabled", "stands alone: send the other members in a request of their own")
	case b.Enabled != nil:
		err = c.scope.SetWebhookDisabled(c.ctx, c.actor(), h.ID, version, !*b.Enabled)
	default:
		asked := store.NewWebhook{URL: given(b.URL, h.URL), Description: given(b.Description, h.Description), Types: h.Types}
		if len(b.Types) > 0 {
			asked.Types = as[audit.MessageType](b.Types)
		}
		err = c.scope.ChangeWebhook(c.ctx, c.actor(), h.ID, version, asked, c.Outbound.CheckURL)
	}
	if err != nil {
		return nil, err
	}
	return c.webhook(&in.InWebhook)
}

func (c *call) rotateWebhook(in *struct {
	InWebhook
	Versioned
	Repeatable
},
) (*One[NewWebhookSecret], error) {
	h, version, err := c.webhookAt(in.Webhook, in.Versioned)
	if err != nil {
		return nil, err
	}
	h, text, err := c.scope.RotateWebhook(c.ctx, c.actor(), h.ID, version)
	if err != nil {
		return nil, err
	}
	return one(h.Version, NewWebhookSecret{showWebhook(h), text.Reveal()})
}

func (c *call) deleteWebhook(in *struct {
	InWebhook
	Versioned
},
) (*Done, error) {
	h, version, err := c.webhookAt(in.Webhook, in.Versioned)
	if err != nil {
		return nil, err
	}
	return &Done{}, c.scope.DeleteWebhook(c.ctx, c.actor(), h.ID, version)
}

// Delivery is one message to one webhook.
type Delivery struct {
	ID            string              `json:"id" example:"dlv_01jd9k5a3m8y2v4q6w8r0t2b4p" doc:"The webhook-id of the message, the same at every attempt."`
	Type          audit.MessageType   `json:"type"`
	State         store.DeliveryState `json:"state" doc:"waiting, delivered or failed."`
	Attempts      int                 `json:"attempts"`
	Status        int                 `json:"status,omitempty" doc:"HTTP, of the last answer; absent: there was none."`
	Problem       string              `json:"problem,omitempty"`
	Excerpt       string              `json:"excerpt,omitempty" doc:"Of the last answer's body, at most 1 KiB."`
	Payload       string              `json:"payload" doc:"What is sent, to the byte: JSON."`
	CreatedAt     time.Time           `json:"created_at"`
	LastAttemptAt *time.Time          `json:"last_attempt_at,omitempty"`
	NextAttemptAt *time.Time          `json:"next_attempt_at,omitempty" doc:"Of one that waits."`
}

func showDelivery(d store.Delivery) Delivery {
	shown := Delivery{ID: d.ID, Type: d.Type, State: d.State, Attempts: d.Attempts, Status: d.Status, Problem: d.Problem, Excerpt: d.Excerpt, Payload: d.Payload,
		CreatedAt: d.CreatedAt.UTC(), LastAttemptAt: d.TriedAt}
	if d.State == store.DeliveryWaiting {
		shown.NextAttemptAt = &d.DueAt
	}
	return shown
}

// InDelivery is the path of one delivery.
type InDelivery struct {
	InWebhook
	Delivery string `path:"delivery" doc:"The delivery's id."`
}

func (c *call) testWebhook(in *struct {
	InWebhook
	Repeatable
},
) (*Made[Delivery], error) {
	d, err := c.scope.TestWebhook(c.ctx, c.actor(), in.Webhook)
	if err != nil {
		return nil, err
	}
	return made(c, "/webhooks/"+in.Webhook+"/deliveries/"+d.ID, 1, showDelivery(d)), nil
}

func (c *call) deliveries(in *struct {
	InWebhook
	OnPage
	State string `query:"state" enum:"waiting,delivered,failed"`
},
) (*Many[Delivery], error) {
	before, err := in.number()
	if err != nil {
		return nil, err
	}
	if _, err := c.scope.Webhook(c.ctx, in.Webhook); err != nil {
		return nil, err
	}
	rows, err := c.scope.Deliveries(c.ctx, in.Webhook, store.DeliveryFilter{State: store.DeliveryState(in.State), Before: before, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return page(in.OnPage, rows, func(d store.Delivery) string { return strconv.FormatInt(d.Sequence, 10) }, showDelivery), nil
}

func (c *call) delivery(in *InDelivery) (*One[Delivery], error) {
	d, err := c.scope.Delivery(c.ctx, in.Webhook, in.Delivery)
	if err != nil {
		return nil, err
	}
	return one(int64(d.Attempts), showDelivery(d))
}

func (c *call) replayDelivery(in *InDelivery) (*One[Delivery], error) {
	if err := c.scope.ReplayDelivery(c.ctx, c.actor(), in.Webhook, in.Delivery); err != nil {
		return nil, err
	}
	return c.delivery(in)
}

// Replayed says how many deliveries are sent once more.
type Replayed struct {
	Replayed int64 `json:"replayed"`
}

func (c *call) replayFailed(in *struct {
	InWebhook
	Body struct {
		Since *time.Time `json:"since,omitempty" doc:"Queued at this moment (RFC 3339) or later; left out, in the last three days."`
	}
},
) (*struct{ Body Replayed }, error) {
	n, err := c.scope.ReplayFailed(c.ctx, c.actor(), in.Webhook, given(in.Body.Since, c.API.now().Add(-72*time.Hour)).UTC())
	if err != nil {
		return nil, err
	}
	return &struct{ Body Replayed }{Replayed{n}}, nil
}
