package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/oidc"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// StillThere is an identity provider at which a person who has signed out here may be signed in still.
type StillThere struct {
	ConnectionID, Name string
	Mode               string               // store.LogoutOff, LogoutOffered or LogoutAlways
	State              store.DepartureState // empty where they cannot sign out there from here
	Moved              bool                 // the connection listens to another identity provider than the one that signed them in
}

// Leave ends the session and keeps, for this browser, what signing out at its identity providers takes where a connection is set to do so.
func (b *Broker) Leave(ctx context.Context, actor audit.Actor, present Present, flow secret.Token) ([]StillThere, error) {
	var there []StillThere
	reachable := map[string]store.Reachable{}
	for _, proof := range present.Session.Proofs {
		if proof.ConnectionID == "" {
			continue
		}
		connection, err := b.store.ConnectionByID(ctx, proof.ConnectionID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		still := StillThere{ConnectionID: connection.ID, Name: connection.Name, Mode: logoutMode(connection)}
		if still.Mode != store.LogoutOff {
			reachable[connection.ID] = store.Reachable{VouchedBy: identityProvider(connection), RequestID: saml.NewRequestID()}
		}
		there = append(there, still)
	}
	kept, moved, err := b.store.LeaveSession(ctx, actor, present.User.ID, present.Session.ID, flow, reachable)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	for i := range there {
		if slices.Contains(kept, there[i].ConnectionID) {
			there[i].State = store.DepartureOffered
		}
		there[i].Moved = slices.Contains(moved, there[i].ConnectionID)
	}
	return there, nil
}

// identityProvider is the one that a connection listens to, by the name by which it vouches for people.
func identityProvider(c store.ProtocolConnection) string {
	if c.Protocol == store.ProtocolOIDC {
		return c.OIDC.Issuer
	}
	return c.Settings.EntityID
}

// logoutMode is what signing out here does about the connection's identity provider. The addresses of one that nobody signs in through now are
// nobody's to be sent to.
func logoutMode(c store.ProtocolConnection) string {
	switch {
	case c.State != store.ConnectionActive:
		return store.LogoutOff
	case c.Protocol == store.ProtocolOIDC && c.OIDC.EndSessionURL != "":
		return c.OIDC.Logout
	case c.Protocol == store.ProtocolSAML && c.Settings.LogoutRedirectURL+c.Settings.LogoutPostURL != "":
		return c.Settings.Logout
	}
	return store.LogoutOff
}

// Left is what has become of signing out elsewhere, as this browser knows it.
func (b *Broker) Left(ctx context.Context, flow secret.Token) ([]StillThere, error) {
	departures, err := b.store.LogoutDepartures(ctx, flow)
	if err != nil {
		return nil, err
	}
	var there []StillThere
	for _, d := range departures {
		connection, err := b.store.ConnectionByID(ctx, d.ConnectionID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		still := StillThere{ConnectionID: d.ConnectionID, Name: connection.Name, Mode: logoutMode(connection), State: d.State}
		still.Moved = d.VouchedBy != identityProvider(connection)
		there = append(there, still)
	}
	return there, nil
}

// DepartToSignOut leads this browser to an identity provider at which it is to sign out too; store.ErrNotFound where there is nothing to do.
func (b *Broker) DepartToSignOut(ctx context.Context, connectionID string, flow secret.Token) (Departure, error) {
	connection, err := b.store.ConnectionByID(ctx, connectionID)
	if err == nil && logoutMode(connection) == store.LogoutOff {
		err = store.ErrNotFound
	}
	if err != nil {
		return Departure{}, err
	}
	departure := Departure{Connection: connection.Name}
	if connection.Protocol == store.ProtocolOIDC {
		departure.RedirectURL, err = b.signOutByOpenID(ctx, connection, flow)
	} else {
		departure.RedirectURL, departure.Form, err = b.signOutBySAML(ctx, connection, flow)
	}
	if err != nil {
		return Departure{}, fmt.Errorf("sign out at connection %s: %w", connectionID, err)
	}
	return departure, nil
}

func (b *Broker) signOutByOpenID(ctx context.Context, c store.ProtocolConnection, flow secret.Token) (string, error) {
	party, err := b.relyingParty(c)
	if err != nil {
		return "", err
	}
	state := secret.NewToken()
	there, err := b.store.SendLogout(ctx, flow, c.ID, store.Reachable{VouchedBy: identityProvider(c), RequestID: requestOf(state)})
	if err != nil {
		return "", err
	}
	return party.SignOutURL(oidc.SignOut{State: state, Hint: there.Hint, Subject: there.Named.Value, Back: b.SignedOut(c.ID)})
}

func (b *Broker) signOutBySAML(ctx context.Context, c store.ProtocolConnection, flow secret.Token) (string, saml.Form, error) {
	sp, err := b.serviceProvider(c)
	if err != nil {
		return "", saml.Form{}, err
	}
	id := saml.NewRequestID()
	there, err := b.store.SendLogout(ctx, flow, c.ID, store.Reachable{VouchedBy: identityProvider(c), RequestID: id})
	if err != nil {
		return "", saml.Form{}, err
	}
	return sp.SignOut(saml.LogoutRequest{ID: id, Named: there.Named, SessionIndex: there.SessionIndex, IssuedAt: b.now()})
}

// Returned notes that a browser came back from signing out at an OpenID provider, which says no more than that. What belongs to no request of
// ours is passed over: nothing depends on it.
func (b *Broker) Returned(ctx context.Context, connectionID string, state secret.Token, request audit.Request) error {
	if _, err := b.openIDConnection(ctx, connectionID); err != nil {
		return err
	}
	err := b.store.AnswerLogout(ctx, store.AnsweredLogout{ConnectionID: connectionID, RequestID: requestOf(state), State: store.DepartureReturned, Request: request})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
