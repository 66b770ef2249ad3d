package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) eventOperations() {
	add(a, operation{id: "list-events", noun: "Events", method: http.MethodGet, path: "/events", permission: access.ReadAudit, entitlement: access.EntitledAuditLog,
		summary: "List events", about: "What the audit log remembers, the newest first."}, (*call).events)
}

// Event is what the audit log remembers of one act.
type Event struct {
	ID           string         `json:"id" example:"evt_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	Sequence     int64          `json:"sequence" doc:"Counts the organization's events from 1 without a gap."`
	At           time.Time      `json:"at"`
	Sentence     string         `json:"sentence" doc:"The event as people read it."`
	Project      string         `json:"project,omitempty"`
	Actor        EventActor     `json:"actor"`
	Action       audit.Action   `json:"action" example:"api_key.revoked"`
	Targets      []EventTarget  `json:"targets"`
	Outcome      audit.Outcome  `json:"outcome" doc:"succeeded or refused."`
	Reason       string         `json:"reason,omitempty"`
	Severity     audit.Severity `json:"severity" doc:"normal, or high: what owners are told about at once."`
	Count        int            `json:"count" doc:"How many alike it stands for."`
	Changes      []EventChange  `json:"changes"`
	PreviousHash []byte         `json:"previous_hash,omitempty" doc:"Of the event before it in the chain."`
	Hash         []byte         `json:"hash"`
}

// EventActor is who did it, with their name as it was then, and where it came from.
type EventActor struct {
	Kind      audit.ActorKind `json:"kind" doc:"user, api_key, service_account, setup_link, system or operator."`
	ID        string          `json:"id,omitempty"`
	Name      string          `json:"name,omitempty"`
	Address   string          `json:"address,omitempty"`
	UserAgent string          `json:"user_agent,omitempty"`
	Request   string          `json:"request,omitempty"`
	Session   string          `json:"session,omitempty"`
	Proofs    []string        `json:"proofs,omitempty" nullable:"false" doc:"Of the session, at that time."`
}

// EventTarget is what was acted upon, with its name as it was then.
type EventTarget struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

// EventChange is one field before and after; of a secret both are "changed".
type EventChange struct {
	Field  string `json:"field"`
	Before string `json:"before"`
	After  string `json:"after"`
}

func showEvent(e audit.Event) Event {
	from := e.Actor.Request
	shown := Event{ID: e.ID, Sequence: e.Sequence, At: e.At, Sentence: e.Sentence(), Project: e.ProjectID,
		Actor:  EventActor{Kind: e.Actor.Kind, ID: e.Actor.ID, Name: e.Actor.Name, Address: from.Address, UserAgent: from.UserAgent, Request: from.ID, Session: from.SessionID, Proofs: from.Proofs},
		Action: e.Action, Targets: []EventTarget{}, Outcome: e.Outcome, Reason: e.Reason, Severity: e.Severity, Count: e.Count, Changes: []EventChange{},
		PreviousHash: e.PreviousHash, Hash: e.Hash}
	for _, t := range e.Targets {
		shown.Targets = append(shown.Targets, EventTarget(t))
	}
	for _, change := range e.Changes {
		shown.Changes = append(shown.Changes, EventChange(change))
	}
	return shown
}

func (c *call) events(in *struct {
	InOrganization
	OnPage
	Action  string    `query:"action" maxLength:"64" doc:"An action (api_key.revoked), or a noun (api_key) for all that happens to it."`
	Actor   string    `query:"actor" maxLength:"64" doc:"The id of who did it."`
	Outcome string    `query:"outcome" enum:"succeeded,refused"`
	From    time.Time `query:"from" doc:"Not before this moment (RFC 3339)."`
	Until   time.Time `query:"until" doc:"Before this moment (RFC 3339)."`
},
) (*Many[Event], error) {
	before, err := in.number()
	if err != nil {
		return nil, err
	}
	rows, err := c.scope.Events(c.ctx, store.EventFilter{Action: in.Action, ActorID: in.Actor, Outcome: in.Outcome, From: in.From.UTC(), Until: in.Until.UTC(), Before: before, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return page(in.OnPage, rows, func(e audit.Event) string { return strconv.FormatInt(e.Sequence, 10) }, showEvent), nil
}
