package broker

import (
	"context"
	"errors"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// Present is what a browser holds already. The zero value is nothing.
type Present struct {
	Token   secret.Token
	Session store.Session
	User    store.User
}

func (p Present) signedIn() bool { return p.Session.ID != "" }

// takes says whether a proof of that user may be added to the session: it is their own, and not one of break-glass, which ends with the
// next ordinary way in.
func (p Present) takes(userID string) bool {
	return p.signedIn() && p.User.ID == userID && p.Session.LimitedTo == ""
}

// SignIn gives the browser a token that it did not have before (W-02): of the session that it holds, with the proof added, if that is the
// same person's; else of a new session, and the one before is ended. It returns store.ErrNotFound when the user may not sign in.
func (b *Broker) SignIn(ctx context.Context, request audit.Request, present Present, userID string, proof store.Proven) (secret.Token, error) {
	if !present.takes(userID) {
		return b.SignInAnew(ctx, request, present, userID, proof)
	}
	_, token, err := b.store.RotateSession(ctx, present.actor(request), present.Token, &proof)
	if errors.Is(err, store.ErrNotFound) { // it has ended meanwhile, as a password's does when the address is vouched for (D-07)
		return b.SignInAnew(ctx, request, present, userID, proof)
	}
	return token, err
}

// SignInAnew is SignIn into a session that holds this proof and no other.
func (b *Broker) SignInAnew(ctx context.Context, request audit.Request, present Present, userID string, proof store.Proven) (secret.Token, error) {
	_, token, err := b.store.StartSession(ctx, audit.Actor{Kind: audit.User, ID: userID, Request: request}, store.NewSession{
		UserID: userID, Proof: proof, Address: request.Address, UserAgent: request.UserAgent,
	})
	if err != nil || !present.signedIn() {
		return token, err
	}
	if err := b.store.EndSession(ctx, present.actor(request), present.User.ID, present.Session.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
		return secret.Token{}, err
	}
	return token, nil
}

func (p Present) actor(request audit.Request) audit.Actor {
	request.SessionID = p.Session.ID
	return audit.Actor{Kind: audit.User, ID: p.User.ID, Name: p.User.Name, Request: request}
}
