package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm/clause"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// DepartureState says how far somebody who has signed out here has come with signing out at an identity provider too.
type DepartureState string

// The states of a departure. What came back is what the identity provider says; nobody here can know.
const (
	DepartureOffered  DepartureState = "offered"
	DepartureSent     DepartureState = "sent"
	DepartureDone     DepartureState = "done"
	DeparturePartial  DepartureState = "partial" // it signed the person out, and some other service did not follow
	DepartureFailed   DepartureState = "failed"
	DepartureReturned DepartureState = "returned" // the browser came back, which says nothing of what was done (OpenID Connect)
)

// departureLife is how long a browser may go on to sign out elsewhere.
const departureLife = 15 * time.Minute

// LogoutDeparture is one identity provider at which somebody who has signed out here may still be signed in.
type LogoutDeparture struct {
	ConnectionID, OrganizationID string
	UserID                       string
	VouchedBy                    string // the identity provider that proved the session, by its issuer or entity ID: nobody else is told of it
	State                        DepartureState
	RequestID                    string // what its answer must name
	CreatedAt                    time.Time
}

// SignedInThere is what signing out there takes. It is kept sealed.
type SignedInThere struct {
	Named              trust.Named
	SessionIndex, Hint string
}

type departureRow struct {
	FlowHash        []byte `gorm:"primaryKey"`
	LogoutDeparture `gorm:"embedded"`
	Sealed          []byte
	ExpiresAt       time.Time
}

func (departureRow) TableName() string { return "logout_departures" }

func (r departureRow) place() secret.Place {
	return secret.Place{Table: "logout_departures", Column: "sealed", Organization: r.OrganizationID, Row: hex.EncodeToString(r.FlowHash) + " " + r.ConnectionID}
}

// Reachable is the identity provider at which a connection can sign people out now, by its issuer or entity ID, and the id of the request to come.
type Reachable struct{ VouchedBy, RequestID string }

// LeaveSession ends one session of the user, as EndSession does, and keeps for this browser what signing out takes at those identity providers
// of its connections that are reachable and are those that proved the session. It returns what was kept, and the connections that listen to
// another one by now. A session that has ended meanwhile is [ErrNotFound].
func (s *Store) LeaveSession(ctx context.Context, actor audit.Actor, userID, id string, flow secret.Token, reachable map[string]Reachable) (kept, moved []string, err error) {
	err = s.write(ctx, "", actor, func(w *write) error {
		var proofs []proofRow
		if err := w.Where("session_id = ? AND kind = ?", id, access.ByConnection).Order("proved_at, connection_id").Find(&proofs).Error; err != nil {
			return fmt.Errorf("read the proofs of session %s: %w", id, err)
		}
		if err := w.endSessions(w.Where("id = ? AND user_id = ?", id, userID)); err != nil {
			return err
		}
		if len(w.events) == 0 {
			return ErrNotFound
		}
		kept, moved = nil, nil
		for _, proof := range proofs {
			there := reachable[proof.ConnectionID]
			switch {
			case there.RequestID == "" || proof.Named.Value == "":
				continue
			case proof.VouchedBy == "" || proof.VouchedBy != there.VouchedBy:
				moved = append(moved, proof.ConnectionID)
				continue
			}
			if err := w.keepDeparture(proof, userID, flow, there.RequestID); err != nil {
				return err
			}
			kept = append(kept, proof.ConnectionID)
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("leave session %s: %w", id, err)
	}
	return kept, moved, nil
}

func (w *write) keepDeparture(proof proofRow, userID string, flow secret.Token, request string) error {
	there := SignedInThere{Named: proof.Named, SessionIndex: proof.SessionIndex}
	if proof.SealedHint != nil {
		hint, err := w.store.keyring.Open(proof.place(), proof.SealedHint)
		if err != nil {
			return fmt.Errorf("open what signing out at connection %s takes: %w", proof.ConnectionID, err)
		}
		there.Hint = string(hint)
	}
	text, err := json.Marshal(there)
	if err != nil {
		return fmt.Errorf("write what signing out at connection %s takes: %w", proof.ConnectionID, err)
	}
	row := departureRow{FlowHash: flow.Hash(), ExpiresAt: w.now.Add(departureLife), LogoutDeparture: LogoutDeparture{
		ConnectionID: proof.ConnectionID, OrganizationID: proof.OrganizationID, UserID: userID, VouchedBy: proof.VouchedBy, State: DepartureOffered, RequestID: request, CreatedAt: w.now}}
	if row.Sealed, err = w.store.keyring.Seal(row.place(), text); err != nil {
		return fmt.Errorf("seal what signing out at connection %s takes: %w", proof.ConnectionID, err)
	}
	return w.Clauses(clause.OnConflict{UpdateAll: true, Columns: []clause.Column{{Name: "flow_hash"}, {Name: "connection_id"}}}).Create(&row).Error
}

// LogoutDepartures are those of the browser that are not over, in the order in which they came about.
func (s *Store) LogoutDepartures(ctx context.Context, flow secret.Token) ([]LogoutDeparture, error) {
	if flow.Reveal() == "" {
		return nil, nil
	}
	var rows []departureRow
	if err := s.read(ctx).Where("flow_hash = ? AND expires_at > ?", flow.Hash(), s.now()).Order("created_at, connection_id").Limit(50).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list where a browser may sign out: %w", err)
	}
	all := make([]LogoutDeparture, len(rows))
	for i, row := range rows {
		all[i] = row.LogoutDeparture
	}
	return all, nil
}

// SendLogout takes what a departure to that identity provider needs, whether for the first time or again under another request's id. ErrNotFound
// for a departure of another browser, to another identity provider, one that has been answered, or is over.
func (s *Store) SendLogout(ctx context.Context, flow secret.Token, connectionID string, to Reachable) (SignedInThere, error) {
	if flow.Reveal() == "" || to.VouchedBy == "" {
		return SignedInThere{}, ErrNotFound
	}
	var row departureRow
	open := s.writer.WithContext(ctx).Where("flow_hash = ? AND connection_id = ? AND expires_at > ? AND vouched_by = ? AND state IN ?",
		flow.Hash(), connectionID, s.now(), to.VouchedBy, []DepartureState{DepartureOffered, DepartureSent, DepartureReturned, DepartureFailed})
	row, err := one(row, open.Take(&row).Error)
	if err != nil {
		return SignedInThere{}, fmt.Errorf("read where a browser signs out: %w", err)
	}
	text, err := s.keyring.Open(row.place(), row.Sealed)
	if err != nil {
		return SignedInThere{}, fmt.Errorf("open what signing out at connection %s takes: %w", connectionID, err)
	}
	var there SignedInThere
	if err := json.Unmarshal(text, &there); err != nil {
		return SignedInThere{}, fmt.Errorf("read what signing out at connection %s takes: %w", connectionID, err)
	}
	err = updated(s.writer.WithContext(ctx).Model(&departureRow{}).Where("flow_hash = ? AND connection_id = ? AND expires_at > ?", flow.Hash(), connectionID, s.now()).
		Updates(columns{"state": DepartureSent, "request_id": to.RequestID}))
	if err != nil {
		return SignedInThere{}, fmt.Errorf("note where a browser signs out: %w", err)
	}
	return there, nil
}

// AnsweredLogout is what an identity provider says came of a request of ours.
type AnsweredLogout struct {
	ConnectionID, RequestID string
	State                   DepartureState
	Words                   string // its status codes, "" where it says nothing
	Request                 audit.Request
}

// answers are the words of the event for each state.
var answers = map[DepartureState]string{
	DepartureDone:     "the person is signed out there",
	DeparturePartial:  "the person is signed out there, but not at every other service",
	DepartureFailed:   "the person is not signed out there",
	DepartureReturned: "the person came back from there",
}

// AnswerLogout records what came of a request that is waiting for its answer. ErrNotFound where none of that id waits: an answer counts once.
func (s *Store) AnswerLogout(ctx context.Context, a AnsweredLogout) error {
	if a.RequestID == "" || !slices.Contains([]DepartureState{DepartureDone, DeparturePartial, DepartureFailed, DepartureReturned}, a.State) {
		return ErrNotFound
	}
	var row departureRow
	row, err := one(row, s.read(ctx).Where("connection_id = ? AND request_id = ? AND state = ? AND expires_at > ?", a.ConnectionID, a.RequestID, DepartureSent, s.now()).Take(&row).Error)
	if err != nil {
		return fmt.Errorf("look for the request to sign out that was answered: %w", err)
	}
	err = s.write(ctx, row.OrganizationID, audit.Gatehouse(a.Request), func(w *write) error {
		err := updated(w.Model(&departureRow{}).Where("flow_hash = ? AND connection_id = ? AND request_id = ? AND state = ?",
			row.FlowHash, a.ConnectionID, a.RequestID, DepartureSent).Update("state", a.State))
		if errors.Is(err, ErrConflict) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		user, err := w.user(row.UserID)
		if err != nil {
			return err
		}
		event := audit.Event{Action: audit.LogoutAnswered, Changes: []audit.Change{{Field: "answer", After: answers[a.State]}},
			Targets: []audit.Target{user.target(), {Kind: "connection", ID: a.ConnectionID, Name: w.connectionName(a.ConnectionID)}}}
		if a.State == DepartureFailed {
			event.Outcome, event.Reason = audit.Refused, trust.Printable(a.Words)
		}
		w.record(event)
		return nil
	})
	if err != nil {
		return fmt.Errorf("record what came of signing out at connection %s: %w", a.ConnectionID, err)
	}
	return nil
}
