package broker

import (
	"context"
	"errors"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// Completion asks to turn a believed login into a session.
type Completion struct {
	Code    secret.Token
	Browser Browser
	Present Present
	Setup   store.SetupVisit // by a setup link that the browser has opened; zero for none
	Replace bool             // the person has agreed to end another person's session in this browser
}

// Arrived is a completed login.
type Arrived struct {
	LoginID, OrganizationID, ConnectionID string

	Test     bool
	ByLink   bool         // a test that was begun by a setup link
	Token    secret.Token // of the session, new or rotated; zero after a test
	ReturnTo string
}

// OtherPerson says that the browser holds somebody else's session, which is not replaced unasked. The code is still good.
type OtherPerson struct{ Arriving string }

func (o *OtherPerson) Error() string { return "the browser is signed in as somebody else" }

// Complete spends the code, which only the browser with the right flow cookie can, finds out who the Identity is, and gives the browser a
// session. It returns *Refused, *OtherPerson, or store.ErrNotFound for a code that is unknown, spent, too old or of another browser.
func (b *Broker) Complete(ctx context.Context, c Completion) (Arrived, error) {
	if c.Present.signedIn() && !c.Replace {
		if err := b.askBeforeReplacing(ctx, c); err != nil {
			return Arrived{}, err
		}
	}
	login, identity, err := b.store.FinishLogin(ctx, c.Code, c.Browser.Flow)
	if err != nil {
		return Arrived{}, err
	}
	arrived := Arrived{LoginID: login.ID, OrganizationID: login.OrganizationID, ConnectionID: login.ConnectionID, Test: login.Kind == store.TestLogin, ByLink: login.ByLink(), ReturnTo: login.ReturnTo}
	if arrived.Test {
		return arrived, b.completeTest(ctx, c, login, identity)
	}
	actor := audit.Gatehouse(c.Browser.Request)
	resolution, refusal, err := b.store.ResolvePerson(ctx, actor, identity, login.ID)
	if err != nil {
		return Arrived{}, err
	}
	if refusal != nil {
		return Arrived{}, &Refused{Refusal: refusal, LoginID: login.ID, OrganizationID: login.OrganizationID, Waiting: resolution.Waiting}
	}
	arrived.Token, err = b.SignIn(ctx, c.Browser.Request, c.Present, resolution.User.ID, store.ProvenByIdentity(identity))
	return arrived, err
}

// askBeforeReplacing looks at who is arriving without spending the code.
func (b *Broker) askBeforeReplacing(ctx context.Context, c Completion) error {
	arriving, err := b.store.PeekLogin(ctx, c.Code, c.Browser.Flow)
	if err != nil {
		return err
	}
	if arriving.Kind == store.TestLogin || arriving.UserID == c.Present.User.ID {
		return nil
	}
	return &OtherPerson{Arriving: arriving.Email}
}

// completeTest tells whoever runs the test what arrived. That is the holder of a setup link in the browser that has opened it, or the owner, in the very session in which they began it and while their sign-in is fresh, who arrived,
// and links them if that is plainly they themselves. The Identity opens nothing.
func (b *Broker) completeTest(ctx context.Context, c Completion, login store.Login, identity trust.Identity) error {
	if login.ByLink() {
		err := b.store.EndLinkTest(ctx, c.Browser.Request, identity, login, c.Setup)
		var refusal *trust.Refusal
		if errors.As(err, &refusal) {
			return &Refused{Refusal: refusal, LoginID: login.ID, OrganizationID: login.OrganizationID, Test: true, ByLink: true}
		}
		return err
	}
	refusal, err := b.mayTest(ctx, c.Present, login)
	if err != nil {
		return err
	}
	actor := audit.Actor{Kind: audit.User, ID: login.OwnerID, Request: c.Browser.Request}
	err = b.store.LinkOwner(ctx, actor, identity, login, refusal)
	if errors.As(err, &refusal) {
		return &Refused{Refusal: refusal, LoginID: login.ID, OrganizationID: login.OrganizationID, Test: true}
	}
	return err
}

// mayTest refuses to end a test but in the session in which it was begun, by a sign-in that is fresh still: what a test links signs in as the
// owner from then on.
func (b *Broker) mayTest(ctx context.Context, present Present, login store.Login) (*trust.Refusal, error) {
	if !present.signedIn() || present.Session.ID != login.OwnerSession || present.User.ID != login.OwnerID {
		return trust.Refuse(trust.ReasonTestOwner, "the session in which the test was begun", "another one, or none"), nil
	}
	entry, _, err := b.store.Entry(ctx, login.OrganizationID, present.Session)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if err != nil || !access.MayEnter(entry, access.Fresh(present.Session.Proofs, b.now())).Allowed {
		return trust.Refuse(trust.ReasonTestOwner, "a sign-in here within the last 15 minutes", "an older one"), nil
	}
	return nil, nil
}
