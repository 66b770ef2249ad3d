package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/trust"
)

const (
	repeatWithin     = time.Minute
	refusedPerMinute = 30 // records of refused messages that anybody could have sent, for one connection
	messagesPerHour  = 30 // of those, how many keep their message
)

// Refused is a login that was refused. LoginID is the pending login that the message belongs to, "" when it belongs to none. Signed says that a
// signature of the identity provider's was found good on the message.
type Refused struct {
	OrganizationID, ConnectionID, VersionID string
	LoginID                                 string
	Test, Signed                            bool
	Refusal                                 trust.Refusal
	Steps                                   []LoginStep
	Raw                                     []byte
	Email, Subject                          string // as claimed; nobody vouches for them
	RequestID, Address, UserAgent           string
}

// RefuseLogin records a refusal in a transaction of its own and returns the reference under which it stands. A pending login ends with it.
// A message that belongs to no pending login gets a record of its own; its like within a minute (same connection, reason and network)
// are counted there, and so is everything beyond 30 records a minute, also answers without a good signature to logins, which anybody may
// begin: a flood leaves a number and not a table.
func (s *Store) RefuseLogin(ctx context.Context, r Refused) (string, error) {
	id, err := s.refuseLogin(ctx, r, LoginPending)
	if err != nil {
		return "", fmt.Errorf("record a refused login of connection %s: %w", r.ConnectionID, err)
	}
	return id, nil
}

// refuseLogin ends the login if it is in the given state.
func (s *Store) refuseLogin(ctx context.Context, r Refused, from LoginState) (string, error) {
	if r.LoginID != "" && !r.fromAnybody() {
		err := s.write(ctx, r.OrganizationID, r.actor(), func(w *write) error { return w.endRefused(r, from) })
		if !errors.Is(err, ErrConflict) {
			return r.LoginID, err
		}
		r.LoginID = "" // it has ended before: the message belongs to no login any more
	}
	var id string
	err := s.write(ctx, r.OrganizationID, r.actor(), func(w *write) error {
		if err := w.lockRefusals(r.ConnectionID); err != nil {
			return err
		}
		err := w.countOrEnd(&id, r, from)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		r.LoginID = ""
		return w.countOrEnd(&id, r, from)
	})
	return id, err
}

// lockRefusals keeps others from looking for a record that this transaction is about to make: of many at once one makes it, the others are counted.
func (w *write) lockRefusals(connectionID string) error {
	if w.store.dialect == onSQLite {
		return nil
	}
	return w.Exec("SELECT pg_advisory_xact_lock(?, hashtext(?))", lockRefusals, connectionID).Error
}

// countOrEnd counts the refusal with those that it repeats, or else records it, and says under which reference it stands; [ErrConflict] when the
// login that the message belongs to has ended meanwhile.
func (w *write) countOrEnd(id *string, r Refused, from LoginState) error {
	repeated, err := w.countRepeat(r)
	if err != nil {
		return err
	}
	*id = repeated.ID
	switch {
	case repeated.ID == "" && r.LoginID == "":
		return w.addRefused(id, r)
	case repeated.ID == "":
		*id = r.LoginID
		return w.endRefused(r, from)
	case everyTenfold(repeated.Count):
		w.recordRefusal(r, repeated.Count-repeated.Count/10)
	default:
		w.counted = true
	}
	return nil
}

// everyTenfold is true at 10, 100, 1000 …: when the event chain hears again of what goes on.
func everyTenfold(n int) bool {
	for n >= 10 && n%10 == 0 {
		n /= 10
	}
	return n == 1
}

// endRefused ends the login that the message belongs to; ErrConflict when it is in another state than from.
func (w *write) endRefused(r Refused, from LoginState) error {
	err := updated(w.Model(&loginRow{}).Where("id = ? AND connection_id = ? AND state = ?", r.LoginID, r.ConnectionID, from).Updates(r.columns(w.now)))
	if err != nil {
		return err
	}
	w.recordRefusal(r, 1)
	if err := w.tellOwner(r); err != nil {
		return err
	}
	if err := addSteps(w.DB, r.LoginID, r.Steps, w.now); err != nil {
		return err
	}
	if from != LoginPending {
		return nil // the message came in with the acceptance
	}
	return w.keepMessage(r, r.LoginID)
}

// fromAnybody says that nothing shows the message to come from the identity provider, or to be wanted by an owner: what it leaves is bounded.
func (r Refused) fromAnybody() bool { return r.LoginID == "" || !r.Signed && !r.Test }

// keepMessage keeps the message of a refused login: of those from anybody, 30 an hour for one connection.
func (w *write) keepMessage(r Refused, loginID string) error {
	if r.fromAnybody() {
		var kept int64
		err := w.Table("login_messages").Joins("JOIN logins ON logins.id = login_messages.login_id").
			Where("logins.connection_id = ? AND logins.repeat_key <> '' AND login_messages.created_at > ?", r.ConnectionID, w.now.Add(-time.Hour)).
			Count(&kept).Error
		if err != nil || kept >= messagesPerHour {
			return err
		}
	}
	return w.store.addMessage(w.DB, r.OrganizationID, loginID, r.Raw, w.now)
}

// columns are what a refusal makes of a login. A code that was made for it dies.
func (r Refused) columns(now time.Time) columns {
	set := columns{
		"state": LoginRefused, "reason": r.Refusal.Reason, "want": r.Refusal.Want, "got": r.Refusal.Got, "ended_at": now,
		"code_hash": nil, "sealed_identity": nil, "sealed_request": nil,
	}
	if r.fromAnybody() {
		set["repeat_key"] = r.repeatKey()
	}
	if r.Email != "" || r.Subject != "" {
		set["email"], set["subject"] = trust.Printable(r.Email), trust.Printable(r.Subject)
	}
	return set
}

// repeatKey is the same for refusals that one record can stand for.
func (r Refused) repeatKey() string {
	network := r.Address
	if address, err := netip.ParseAddr(r.Address); err == nil {
		bits := 24
		if address = address.Unmap(); address.Is6() {
			bits = 56
		}
		prefix, _ := address.Prefix(bits)
		network = prefix.String()
	}
	return string(r.Refusal.Reason) + " " + trust.Printable(network)
}

// countRepeat adds to the record of the last minute that this refusal repeats, or to the last of too many, if there is one. The login that
// the message belongs to, if any, is forgotten then.
func (w *write) countRepeat(r Refused) (Login, error) {
	recent := func() *gorm.DB {
		// A login is refused within its life: created_at, which has the index, bounds the search.
		return w.Where("connection_id = ? AND state = ? AND repeat_key <> '' AND ended_at > ? AND created_at > ?",
			r.ConnectionID, LoginRefused, w.now.Add(-repeatWithin), w.now.Add(-repeatWithin-loginLife)).Order("ended_at DESC, id DESC")
	}
	like, err := loginWhere(recent().Where("started_by = ? AND repeat_key = ?", StartedElsewhere, r.repeatKey()))
	if errors.Is(err, ErrNotFound) || r.LoginID != "" {
		like, err = loginWhere(recent().Offset(refusedPerMinute - 1))
	}
	if errors.Is(err, ErrNotFound) {
		return Login{}, nil
	}
	if err != nil {
		return Login{}, err
	}
	if r.LoginID != "" {
		if err := w.Where("id = ? AND state = ?", r.LoginID, LoginPending).Delete(&loginRow{}).Error; err != nil {
			return Login{}, err
		}
	}
	if err := w.Model(&loginRow{}).Where("id = ?", like.ID).Update("count", gorm.Expr("count + 1")).Error; err != nil {
		return Login{}, err
	}
	return loginWhere(w.Where("id = ?", like.ID))
}

// addRefused makes a record for a message that belongs to no login.
func (w *write) addRefused(id *string, r Refused) error {
	*id = newID(idLogin, w.now)
	row := loginRow{RepeatKey: r.repeatKey(), Login: Login{
		ID: *id, OrganizationID: r.OrganizationID, ConnectionID: r.ConnectionID, VersionID: r.VersionID, Kind: RealLogin,
		StartedBy: StartedElsewhere, State: LoginRefused, Reason: r.Refusal.Reason, Want: r.Refusal.Want, Got: r.Refusal.Got,
		Email: trust.Printable(r.Email), Subject: trust.Printable(r.Subject), Count: 1, ReturnTo: "/",
		Address: trust.Printable(r.Address), UserAgent: trust.Printable(r.UserAgent), CreatedAt: w.now, ExpiresAt: w.now, EndedAt: &w.now,
	}}
	if r.Test {
		row.Kind = TestLogin
	}
	if err := w.Create(&row).Error; err != nil {
		return err
	}
	w.recordRefusal(r, 1)
	if err := w.tellOwner(r); err != nil {
		return err
	}
	if err := addSteps(w.DB, *id, r.Steps, w.now); err != nil {
		return err
	}
	return w.keepMessage(r, *id)
}

// actor is whoever wanted to sign in, of whom nothing is known but what they claim.
func (r Refused) actor() audit.Actor {
	return audit.Actor{Kind: audit.User, Name: trust.Printable(r.Email),
		Request: audit.Request{ID: r.RequestID, Address: r.Address, UserAgent: trust.Printable(r.UserAgent)}}
}

func (w *write) recordRefusal(r Refused, count int) {
	action := audit.LoginRefused
	if r.Test {
		action = audit.LoginTestRefused
	}
	event := audit.Event{Action: action, Outcome: audit.Refused, Reason: string(r.Refusal.Reason), Count: count}
	var connection connectionRow
	if err := w.Where("id = ?", r.ConnectionID).Take(&connection).Error; err == nil {
		event.Targets = connection.targets()
	}
	w.record(event)
}

// tellOwner records the refusal also with the organization that has proved the domain of the address, when an identity provider of another
// organization asserted it (S-50).
func (w *write) tellOwner(r Refused) error {
	address, err := trust.ParseAddress(r.Email)
	if err != nil || r.Refusal.Reason != trust.ReasonDomainNotVerified && r.Refusal.Reason != trust.ReasonGuestNotLinked {
		return nil
	}
	owner, err := domainOwner(w.DB, address.Domain(), w.now)
	if errors.Is(err, ErrNotFound) || owner == r.OrganizationID {
		return nil
	}
	if err != nil {
		return err
	}
	w.record(audit.Event{
		OrganizationID: owner, Action: audit.LoginRefused, Outcome: audit.Refused, Severity: audit.High, Reason: "asserted_by_another_organization",
		Targets: []audit.Target{{Kind: "domain", Name: address.Domain()}},
	})
	return nil
}
