package store

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// ticketLife is how long a person may take from our own address to the host.
const ticketLife = time.Minute

// Ticket takes a session over to a host. Arrival is the hash of what the browser was given there before it came: whoever else has the ticket's
// token has nothing.
type Ticket struct {
	HostID, SessionID string
	ArrivalHash       []byte
	ReturnTo          string // path on the host
}

type ticketRow struct {
	TokenHash []byte `gorm:"primaryKey"`
	Ticket    `gorm:"embedded"`
	ExpiresAt time.Time
}

func (ticketRow) TableName() string { return "host_tickets" }

// visitRow is what a session's browser holds on a host. It goes with the session and with the host.
type visitRow struct {
	HostID    string `gorm:"primaryKey"`
	SessionID string `gorm:"primaryKey"`
	TokenHash []byte
	CreatedAt time.Time
}

func (visitRow) TableName() string { return "host_visits" }

// MakeTicket makes a ticket of one minute. The token is in the person's browser alone.
func (s *Store) MakeTicket(ctx context.Context, t Ticket) (secret.Token, error) {
	token := secret.NewToken()
	row := ticketRow{TokenHash: token.Hash(), Ticket: t, ExpiresAt: s.now().Add(ticketLife)}
	err := s.unrecorded(ctx, func(tx *gorm.DB) error { return tx.Create(&row).Error })
	if errors.Is(err, gorm.ErrForeignKeyViolated) {
		return secret.Token{}, ErrNotFound // the session has ended, or the host was released, a moment ago
	}
	if err != nil {
		return secret.Token{}, fmt.Errorf("make a ticket to host %s: %w", t.HostID, err)
	}
	return token, nil
}

// SpendTicket begins a visit of the ticket's session on the host, in place of an earlier one, and says where on the host it leads. The visit's
// token is the browser's. Showing a ticket uses it up, also at another host or in another browser: whoever got hold of it does not try on.
// [ErrNotFound] for a ticket that was used up, is too old, is for another host or came in another browser, and once its session is over.
func (s *Store) SpendTicket(ctx context.Context, actor audit.Actor, host Host, ticket, arrival secret.Token) (visit secret.Token, returnTo string, err error) {
	t, err := s.takeTicket(ctx, ticket)
	if err == nil && (t.HostID != host.ID || subtle.ConstantTimeCompare(t.ArrivalHash, arrival.Hash()) == 0 || !t.ExpiresAt.After(s.now())) {
		err = ErrNotFound
	}
	if err == nil {
		visit, err = s.beginVisit(ctx, actor, host, t.Ticket)
	}
	if err != nil {
		return secret.Token{}, "", fmt.Errorf("spend a ticket to host %s: %w", host.Name, err)
	}
	return visit, t.ReturnTo, nil
}

// takeTicket removes the ticket, whatever becomes of it then: of many who show it one gets it.
func (s *Store) takeTicket(ctx context.Context, ticket secret.Token) (row ticketRow, err error) {
	err = s.unrecorded(ctx, func(tx *gorm.DB) error {
		taken := tx.Clauses(clause.Returning{}).Where("token_hash = ?", ticket.Hash()).Delete(&row)
		if taken.Error == nil && taken.RowsAffected == 0 {
			return ErrNotFound
		}
		return taken.Error
	})
	return row, err
}

// beginVisit puts a visit of the ticket's session in the place of an earlier one, if the session is not over.
func (s *Store) beginVisit(ctx context.Context, actor audit.Actor, host Host, t Ticket) (secret.Token, error) {
	visit := secret.NewToken()
	err := s.write(ctx, host.OrganizationID, actor, func(w *write) error {
		var session sessionRow
		session, err := one(session, w.Where("id = ? AND expires_at > ?", t.SessionID, w.now).Take(&session).Error)
		if err == nil && session.unusedTooLong(w.now) {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		user, err := userWhere(w.Where("suspended_at IS NULL AND id = ?", session.UserID))
		if err != nil {
			return err
		}
		w.actor.Request.SessionID = t.SessionID
		w.record(audit.Event{Action: audit.HostEntered, ProjectID: host.ProjectID, Targets: []audit.Target{host.target()}})
		w.actAs(user)
		w.tell(ChangedSession, t.SessionID)
		return w.Clauses(clause.OnConflict{UpdateAll: true, Columns: []clause.Column{{Name: "host_id"}, {Name: "session_id"}}}).
			Create(&visitRow{HostID: host.ID, SessionID: t.SessionID, TokenHash: visit.Hash(), CreatedAt: w.now}).Error
	})
	return visit, err
}

// Visit is the session that a visit's token opens on the host, and its user, as [Store.Session] is: use of the host is use of the session.
func (s *Store) Visit(ctx context.Context, hostID string, token secret.Token) (Session, User, error) {
	return s.session(ctx, liveSession+"s.id = (SELECT v.session_id FROM host_visits v WHERE v.token_hash = ? AND v.host_id = ?)", token.Hash(), hostID)
}

// ProjectOrganization is the organization of a project that a proxy named, or [ErrNotFound].
func (s *Store) ProjectOrganization(ctx context.Context, projectID string) (string, error) {
	var organization string
	err := s.read(ctx).Raw("SELECT organization_id FROM projects WHERE id = ?", projectID).Take(&organization).Error
	return one(organization, err)
}
