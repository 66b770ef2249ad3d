package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/oidc"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// SLO is where a connection's SAML identity provider sends messages about signing out; BackChannel where an OpenID provider does, and SignedOut
// where it sends browsers back to that have signed out there.
func (b *Broker) SLO(connectionID string) string { return b.address(connectionID, "slo") }

// BackChannel is where an OpenID provider tells us that it has ended a sign-in.
func (b *Broker) BackChannel(connectionID string) string {
	return b.openIDAddress(connectionID, "backchannel-logout")
}

// SignedOut is where an OpenID provider sends browsers back to that have signed out there.
func (b *Broker) SignedOut(connectionID string) string {
	return b.openIDAddress(connectionID, "signed-out")
}

// RefusedLogout is a message about signing out that was not believed, and the reference of its record, "" where too many came to record each.
type RefusedLogout struct {
	*trust.Refusal
	EventID string
}

// Unwrap makes errors.As find the Refusal.
func (r *RefusedLogout) Unwrap() error { return r.Refusal }

// EndByToken ends what a logout token names. It returns *RefusedLogout where the token is not believed or was used before.
func (b *Broker) EndByToken(ctx context.Context, connectionID, raw string, request audit.Request) error {
	connection, err := b.openIDConnection(ctx, connectionID)
	if err != nil {
		return err
	}
	party, err := b.relyingParty(connection)
	if err != nil {
		return err
	}
	token, refusal := b.readLogoutToken(ctx, connection, party, raw, b.now())
	if refusal != nil {
		return b.refuseLogout(ctx, connection, request, refusal)
	}
	message := store.ReceivedLogout{
		OrganizationID: connection.OrganizationID, ConnectionID: connection.ID, MessageID: "jti " + token.ID, SpentUntil: token.SpentUntil,
		Issuer: connection.OIDC.Issuer, Named: trust.Named{Value: token.Subject}, Request: request,
	}
	if token.SessionID != "" {
		message.SessionIndexes = []string{token.SessionID}
	}
	return b.end(ctx, connection, message)
}

// readLogoutToken asks nobody for keys on behalf of a token that cannot be good. A connection that is switched off still ends what it began, so
// that switching it on revives nothing, but only by keys that are known.
func (b *Broker) readLogoutToken(ctx context.Context, c store.ProtocolConnection, party oidc.RelyingParty, raw string, now time.Time) (oidc.LogoutToken, *trust.Refusal) {
	if refusal := party.CannotBeLogout(raw, now); refusal != nil {
		return oidc.LogoutToken{}, refusal
	}
	if c.State == store.ConnectionDraft {
		return oidc.LogoutToken{}, trust.Refuse(trust.ReasonConnectionNotActive, "a connection that people have signed in by", "one that was never active")
	}
	by := byAnybody
	if c.State != store.ConnectionActive {
		by = byNobody
	}
	keys, refusal := b.keys.of(ctx, c, raw, by, now)
	if refusal != nil {
		return oidc.LogoutToken{}, refusal
	}
	return party.ReadLogoutToken(ctx, raw, keys, now)
}

// end ends what a message names; one that was used before is refused.
func (b *Broker) end(ctx context.Context, c store.ProtocolConnection, message store.ReceivedLogout) error {
	_, err := b.store.ReceiveLogout(ctx, message)
	if errors.Is(err, store.ErrConflict) {
		return b.refuseLogout(ctx, c, message.Request, trust.Refuse(trust.ReasonReplayed, "a message that was not used before", "one that was"))
	}
	return err
}

func (b *Broker) refuseLogout(ctx context.Context, c store.ProtocolConnection, request audit.Request, refusal *trust.Refusal) error {
	id, err := b.store.RefuseLogout(ctx, store.RefusedLogout{OrganizationID: c.OrganizationID, ConnectionID: c.ID, Refusal: *refusal, Request: request})
	if err != nil {
		return fmt.Errorf("record a refused logout at connection %s: %w", c.ID, err)
	}
	if refusal.Reason == trust.ReasonReadingsDisagree {
		b.log.ErrorContext(ctx, "two readings of a signed message disagree", "connection", c.ID, "event", id)
	}
	return &RefusedLogout{Refusal: refusal, EventID: id}
}

// TakeLogout takes a SAML message about signing out. A request of the identity provider's is done, whatever browser brings it, and the departure
// leads back there with our answer; nil after its answer to a request of ours. It returns *RefusedLogout where the message is not believed.
func (b *Broker) TakeLogout(ctx context.Context, connectionID string, arrived saml.Arrived, request audit.Request) (*Departure, error) {
	connection, err := b.samlConnection(ctx, connectionID)
	if err != nil {
		return nil, err
	}
	sp, err := b.serviceProvider(connection)
	if err != nil {
		return nil, err
	}
	now := b.now()
	message, refusal := saml.ReadLogout(sp, arrived, now)
	if refusal != nil {
		return nil, b.refuseLogout(ctx, connection, request, refusal)
	}
	if message.Response {
		return nil, b.answered(ctx, connection, message, request)
	}
	err = b.end(ctx, connection, store.ReceivedLogout{
		OrganizationID: connection.OrganizationID, ConnectionID: connection.ID, MessageID: "saml " + message.ID, SpentUntil: message.SpentUntil,
		Named: message.Named, SessionIndexes: message.SessionIndexes, Request: request,
	})
	if err != nil {
		return nil, err
	}
	if sp.IdP.Logout == (saml.LogoutAddresses{}) {
		return nil, nil // it asked, and told nobody where to answer
	}
	departure := &Departure{Connection: connection.Name}
	departure.RedirectURL, departure.Form, err = sp.AnswerLogout(message, saml.NewRequestID(), now)
	if err != nil {
		return nil, fmt.Errorf("answer a logout of connection %s: %w", connection.ID, err)
	}
	return departure, nil
}

// answered records what the identity provider says came of a request of ours, once.
func (b *Broker) answered(ctx context.Context, c store.ProtocolConnection, message saml.LogoutMessage, request audit.Request) error {
	state := store.DepartureFailed
	switch {
	case message.Partial:
		state = store.DeparturePartial
	case message.Done:
		state = store.DepartureDone
	}
	err := b.store.AnswerLogout(ctx, store.AnsweredLogout{ConnectionID: c.ID, RequestID: message.InResponseTo, State: state, Words: message.Status, Request: request})
	if errors.Is(err, store.ErrNotFound) {
		return b.refuseLogout(ctx, c, request, trust.Refuse(trust.ReasonInResponseTo, "an answer to a request of ours that waits for one", message.InResponseTo))
	}
	return err
}
