package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/audit"
)

// eventRow is an event as the table keeps it. Rows are only ever added: the database itself refuses anything else.
type eventRow struct {
	ID, OrganizationID       string
	Sequence                 int64
	At                       time.Time
	ProjectID                string
	Action, Outcome, Reason  string
	Severity                 string
	Count                    int
	ActorKind, ActorID       string
	ActorName                string
	RequestID, Address       string
	UserAgent, SessionID     string
	Proofs, Targets, Changes string
	PreviousHash, Hash       []byte
}

func (eventRow) TableName() string { return "events" }

// appendEvent gives the event the next number of its organization's chain and the hash of the one before it.
func (w *write) appendEvent(e audit.Event) error {
	var last eventRow
	err := w.Select("sequence", "hash").Where("organization_id = ?", e.OrganizationID).Order("sequence DESC").Take(&last).Error
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return err
	}
	e.Sequence, e.PreviousHash = last.Sequence+1, last.Hash
	e.Hash = e.Digest(e.PreviousHash)
	row := rowOfEvent(e)
	return w.Create(&row).Error
}

func rowOfEvent(e audit.Event) eventRow {
	return eventRow{
		ID: e.ID, OrganizationID: e.OrganizationID, Sequence: e.Sequence, At: e.At, ProjectID: e.ProjectID,
		Action: string(e.Action), Outcome: string(e.Outcome), Reason: e.Reason, Severity: string(e.Severity), Count: e.Count,
		ActorKind: string(e.Actor.Kind), ActorID: e.Actor.ID, ActorName: e.Actor.Name,
		RequestID: e.Actor.Request.ID, Address: e.Actor.Request.Address, UserAgent: e.Actor.Request.UserAgent,
		SessionID: e.Actor.Request.SessionID, Proofs: encodeList(e.Actor.Request.Proofs),
		Targets: encodeList(e.Targets), Changes: encodeList(e.Changes),
		PreviousHash: append([]byte{}, e.PreviousHash...), Hash: e.Hash,
	}
}

func (r eventRow) event() (audit.Event, error) {
	e := audit.Event{
		ID: r.ID, OrganizationID: r.OrganizationID, Sequence: r.Sequence, At: r.At.UTC(), ProjectID: r.ProjectID,
		Action: audit.Action(r.Action), Outcome: audit.Outcome(r.Outcome), Reason: r.Reason, Severity: audit.Severity(r.Severity), Count: r.Count,
		Actor: audit.Actor{Kind: audit.ActorKind(r.ActorKind), ID: r.ActorID, Name: r.ActorName,
			Request: audit.Request{ID: r.RequestID, Address: r.Address, UserAgent: r.UserAgent, SessionID: r.SessionID}},
		PreviousHash: r.PreviousHash, Hash: r.Hash,
	}
	err := errors.Join(
		json.Unmarshal([]byte(r.Proofs), &e.Actor.Request.Proofs),
		json.Unmarshal([]byte(r.Targets), &e.Targets),
		json.Unmarshal([]byte(r.Changes), &e.Changes),
	)
	if err != nil {
		return audit.Event{}, fmt.Errorf("read event %s: %w", r.ID, err)
	}
	return e, nil
}

// encodeList writes a list as JSON; a list of our own plain structs always encodes.
func encodeList[T any](list []T) string {
	if len(list) == 0 {
		return "[]"
	}
	text, _ := json.Marshal(list)
	return string(text)
}

// EventFilter narrows a page of events; empty fields do not. Before is the sequence number to go on below.
type EventFilter struct {
	Action  string // an action, or a noun: "api_key" finds api_key.created and api_key.revoked
	ActorID string
	Outcome string
	From    time.Time
	Until   time.Time
	Before  int64
	After   int64
	Limit   int
}

// Events are the organization's events, newest first, at most Limit (1 to 200; 50 when 0).
func (c *Scope) Events(ctx context.Context, f EventFilter) ([]audit.Event, error) {
	q := c.read(ctx).Limit(limited(f.Limit))
	switch {
	case strings.Contains(f.Action, "."):
		q = q.Where("action = ?", f.Action)
	case f.Action != "":
		q = q.Where("action >= ? AND action < ?", f.Action+".", f.Action+"/") // a slash is the character after a dot
	}
	if f.ActorID != "" {
		q = q.Where("actor_id = ?", f.ActorID)
	}
	if f.Outcome != "" {
		q = q.Where("outcome = ?", f.Outcome)
	}
	if !f.From.IsZero() {
		q = q.Where("at >= ?", f.From)
	}
	if !f.Until.IsZero() {
		q = q.Where("at < ?", f.Until)
	}
	return f.page(q)
}

// page reads one page below Before or, upwards, above After; either way it comes newest first.
func (f EventFilter) page(q *gorm.DB) ([]audit.Event, error) {
	upwards := f.After > 0 && f.Before == 0
	switch {
	case upwards:
		q = q.Where("sequence > ?", f.After).Order("sequence")
	case f.Before > 0:
		q = q.Where("sequence < ?", f.Before).Order("sequence DESC")
	default:
		q = q.Order("sequence DESC")
	}
	var rows []eventRow
	if err := q.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	events := make([]audit.Event, len(rows))
	for i, row := range rows {
		e, err := row.event()
		if err != nil {
			return nil, err
		}
		events[i] = e
	}
	if upwards {
		slices.Reverse(events)
	}
	return events, nil
}

// BrokenLink is the first event of a chain that is not what was once written.
type BrokenLink struct {
	OrganizationID, EventID string
	Sequence                int64
	Problem                 string
}

// EventChains names the chains of events that there are: "" is the installation's, the others are called by their organizations, be they there
// still or not.
func (s *Store) EventChains(ctx context.Context) (organizations []string, err error) {
	if err := s.read(ctx).Table("events").Distinct("organization_id").Order("organization_id").Pluck("organization_id", &organizations).Error; err != nil {
		return nil, fmt.Errorf("list the chains of events: %w", err)
	}
	return organizations, nil
}

// VerifyEvents walks the chain of one organization ("" for the installation's) and returns its first broken link, or nil.
func (s *Store) VerifyEvents(ctx context.Context, organization string) (*BrokenLink, error) {
	var previous []byte
	for next := int64(1); ; {
		var rows []eventRow
		err := s.read(ctx).Where("organization_id = ? AND sequence >= ?", organization, next).Order("sequence").Limit(500).Find(&rows).Error
		if err != nil {
			return nil, fmt.Errorf("read the event chain: %w", err)
		}
		for _, row := range rows {
			e, err := row.event()
			broken := &BrokenLink{OrganizationID: organization, EventID: row.ID, Sequence: row.Sequence}
			switch {
			case err != nil:
				broken.Problem = "the event cannot be read"
			case row.Sequence != next:
				broken.Problem = fmt.Sprintf("event %d is missing before it", next)
			case !bytes.Equal(row.PreviousHash, previous):
				broken.Problem = "it does not follow the event before it"
			case !bytes.Equal(row.Hash, e.Digest(row.PreviousHash)):
				broken.Problem = "its content is not what was recorded"
			default:
				previous, next = row.Hash, next+1
				continue
			}
			return broken, nil
		}
		if len(rows) < 500 {
			return nil, nil
		}
	}
}

// limited keeps a page's size within 1 and 200, 50 when it is not given.
func limited(limit int) int {
	if limit <= 0 {
		return 50
	}
	return min(limit, 200)
}
