package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// Completion asks to turn a believed login into a session.
type Completion struct {
	Code    secret.Token
	Browser Browser
	Request audit.Request

	// The session that the browser has already, if any.
	Token   secret.Token
	Session store.Session
	Replace bool // the person has agreed to end another person's session in this browser
}

// Arrived is a completed login.
type Arrived struct {
	LoginID, OrganizationID string
	Test                    bool
	Token                   secret.Token // of the session, new or rotated; zero after a test
	ReturnTo                string
	Created                 bool // the person is new here
}

// OtherPerson says that the browser holds somebody else's session, which is not replaced unasked. The code is still good.
type OtherPerson struct{ Arriving string }

func (o *OtherPerson) Error() string { return "the browser is signed in as somebody else" }

// Complete spends the code, which only the browser with the right flow cookie can, finds out who the Identity is, and gives the browser a
// session. It returns *Refused, *OtherPerson, or store.ErrNotFound for a code that is unknown, spent, too old or of another browser.
func (b *Broker) Complete(ctx context.Context, c Completion) (Arrived, error) {
	if c.Session.ID != "" && !c.Replace {
		if err := b.askBeforeReplacing(ctx, c); err != nil {
			return Arrived{}, err
		}
	}
	login, identity, err := b.store.FinishLogin(ctx, c.Code, c.Browser.Flow)
	if err != nil {
		return Arrived{}, err
	}
	if login.Kind == store.TestLogin {
		return b.completeTest(ctx, c, login, identity)
	}
	actor := audit.Actor{Kind: audit.System, Name: "Gatehouse", Request: c.Request}
	resolution, refusal, err := b.store.ResolvePerson(ctx, actor, identity, login.ID)
	if err != nil {
		return Arrived{}, fmt.Errorf("resolve the person of login %s: %w", login.ID, err)
	}
	if refusal != nil {
		return Arrived{}, &Refused{Refusal: refusal, LoginID: login.ID, OrganizationID: login.OrganizationID}
	}
	token, err := b.session(ctx, c, resolution.User, identity)
	if err != nil {
		return Arrived{}, err
	}
	return Arrived{LoginID: login.ID, OrganizationID: login.OrganizationID, Token: token, ReturnTo: login.ReturnTo, Created: resolution.Created}, nil
}

// askBeforeReplacing looks at who is arriving without spending the code.
func (b *Broker) askBeforeReplacing(ctx context.Context, c Completion) error {
	arriving, err := b.store.PeekLogin(ctx, c.Code, c.Browser.Flow)
	if err != nil {
		return err
	}
	if arriving.Kind == store.TestLogin || arriving.UserID == c.Session.UserID {
		return nil
	}
	return &OtherPerson{Arriving: arriving.Email}
}

// completeTest links the arriving subject to the owner who runs the test, in the session in which they began it. The Identity opens nothing.
func (b *Broker) completeTest(ctx context.Context, c Completion, login store.Login, identity trust.Identity) (Arrived, error) {
	arrived := Arrived{LoginID: login.ID, OrganizationID: login.OrganizationID, Test: true}
	refusal := (*trust.Refusal)(nil)
	if c.Session.ID == "" || c.Session.UserID != login.OwnerID {
		refusal = trust.Refuse(trust.ReasonTestOwner, "the session in which the test was begun", "another one")
	}
	actor := audit.Actor{Kind: audit.User, ID: login.OwnerID, Request: c.Request}
	if err := b.store.LinkOwner(ctx, actor, identity, login, refusal); err != nil {
		if errors.As(err, &refusal) {
			return Arrived{}, &Refused{Refusal: refusal, LoginID: login.ID, OrganizationID: login.OrganizationID, Test: true}
		}
		return Arrived{}, fmt.Errorf("link the owner of test login %s: %w", login.ID, err)
	}
	return arrived, nil
}

// session adds the proof to the browser's session if that is the same person's, under a new token, and starts a new session otherwise.
func (b *Broker) session(ctx context.Context, c Completion, user store.User, identity trust.Identity) (secret.Token, error) {
	actor := audit.Actor{Kind: audit.User, ID: user.ID, Name: user.Name, Request: c.Request}
	proof := store.ProvenByIdentity(identity)
	if c.Session.ID != "" && c.Session.UserID == user.ID {
		_, token, err := b.store.RotateSession(ctx, actor, c.Token, &proof)
		return token, err
	}
	if c.Session.ID != "" {
		if err := b.store.EndSession(ctx, actor, c.Session.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
			return secret.Token{}, err
		}
	}
	_, token, err := b.store.StartSession(ctx, actor, store.NewSession{
		UserID: user.ID, Proof: proof, Address: c.Request.Address, UserAgent: c.Request.UserAgent,
	})
	return token, err
}
