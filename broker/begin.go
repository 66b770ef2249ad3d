package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// Browser is where a request came from, as far as a login remembers it.
type Browser struct {
	Flow    secret.Token // the flow cookie: binds a login to the browser that began it
	Request audit.Request
}

// Start is a wish to sign in at a connection.
type Start struct {
	ConnectionID string
	Browser      Browser
	ReturnTo     string // a path on our origin (web.ReturnTo)
	LoginHint    string // the address that the person typed, "" when none

	StartedBy store.LoginStart // who began it; empty means our page

	// Of a test login: the owner, or setup link, who runs it and the session, or visit, in which they do.
	TestOwnerID, TestSessionID string

	unsolicited store.Unsolicited // what begins it, of a handshake
}

// Departure is how the browser gets to the identity provider: by the redirect address or, if that is empty, by the form.
type Departure struct {
	LoginID     string
	Connection  string // its name, for the page that leads there
	RedirectURL string
	Form        saml.Form
}

// Begin records a pending login, which lives 15 minutes, and makes the request for it. It returns *Refused when the connection takes no
// logins, and store.ErrNotFound when there is no such connection.
func (b *Broker) Begin(ctx context.Context, s Start) (Departure, error) {
	connection, err := b.store.ConnectionByID(ctx, s.ConnectionID)
	if err != nil {
		return Departure{}, err
	}
	if refusal := mayBegin(connection, s); refusal != nil {
		return Departure{}, b.refuse(ctx, connection, attempt{browser: s.Browser, test: s.TestOwnerID != ""}, refusal)
	}
	if s.TestOwnerID != "" && connection.DraftID != "" {
		live := connection
		var refusal *trust.Refusal
		if connection, refusal, err = b.atVersion(ctx, live, live.DraftID); refusal != nil {
			return Departure{}, b.refuse(ctx, live, attempt{browser: s.Browser, test: true}, refusal)
		}
		if err != nil {
			return Departure{}, err
		}
	}
	return b.depart(ctx, connection, s)
}

// atVersion is the connection as a test login meets it: with the settings that it began with, live or draft. Where they are neither any more the
// test is refused rather than judged by settings that nobody can use, or by others than those that it was to try.
func (b *Broker) atVersion(ctx context.Context, c store.ProtocolConnection, versionID string) (store.ProtocolConnection, *trust.Refusal, error) {
	at, err := b.store.AtVersion(ctx, c, versionID)
	if errors.Is(err, store.ErrConflict) {
		return c, trust.Refuse(trust.ReasonSettingsChanged, "the settings with which the test began", "others: they were changed in the meantime"), nil
	}
	return at, nil, err
}

// answersTestsOnly says whether the settings at hand are ones that nobody signs in by: a draft's, of a connection or of an active one's settings.
func answersTestsOnly(c store.ProtocolConnection) bool {
	return c.State == store.ConnectionDraft || c.State == store.ConnectionActive && c.IsDraft()
}

// mayBegin spares the person the way to the identity provider where Finish would refuse them in any case.
func mayBegin(c store.ProtocolConnection, s Start) *trust.Refusal {
	test := s.TestOwnerID != ""
	switch {
	case c.OrganizationSuspended:
		return trust.Refuse(trust.ReasonOrganizationSuspended, "an active organization", "a suspended one")
	case c.State == store.ConnectionDraft && !test:
		return trust.Refuse(trust.ReasonTestOnly, "a test login", "an ordinary login")
	case c.State == store.ConnectionDisabled:
		return trust.Refuse(trust.ReasonConnectionNotActive, "an active connection", "one that is "+string(c.State))
	}
	return nil
}

// newLogin is the login that such a start begins, of either protocol.
func newLogin(c store.ProtocolConnection, s Start) store.NewLogin {
	login := store.NewLogin{
		OrganizationID: c.OrganizationID, ConnectionID: c.ID, VersionID: c.VersionID,
		Kind: store.RealLogin, StartedBy: cmp.Or(s.StartedBy, store.StartedHere), Flow: s.Browser.Flow, ReturnTo: s.ReturnTo,
		OwnerID: s.TestOwnerID, OwnerSession: s.TestSessionID,
		Address: s.Browser.Request.Address, UserAgent: s.Browser.Request.UserAgent,
	}
	if s.TestOwnerID != "" {
		login.Kind = store.TestLogin
	}
	return login
}

// depart writes the request of a login and keeps the login, pending.
func (b *Broker) depart(ctx context.Context, c store.ProtocolConnection, s Start) (Departure, error) {
	if c.Protocol == store.ProtocolOIDC {
		return b.departByOpenID(ctx, c, s)
	}
	sp, err := b.serviceProvider(c)
	if err != nil {
		return Departure{}, err
	}
	relay, login := secret.NewToken(), newLogin(c, s)
	login.RequestID, login.Relay = saml.NewRequestID(), relay
	if s.unsolicited.AssertionID != "" {
		login.StartedBy, login.Spends = store.StartedByHandshake, s.unsolicited
	}
	request := saml.Request{
		ID: login.RequestID, RelayState: relay.Reveal(), IssuedAt: b.now(),
		LoginHint: s.LoginHint, LoginHintAs: c.Settings.LoginHintAs,
	}
	departure := Departure{Connection: c.Name}
	if c.Settings.Binding == store.BindingPost {
		departure.Form, err = sp.PostForm(request)
	} else {
		departure.RedirectURL, err = sp.RedirectURL(request)
	}
	if err != nil {
		return Departure{}, fmt.Errorf("write a request of connection %s: %w", c.ID, err)
	}
	kept, err := b.store.BeginLogin(ctx, login)
	if err != nil {
		return Departure{}, fmt.Errorf("begin a login at connection %s: %w", c.ID, err)
	}
	departure.LoginID = kept.ID
	return departure, nil
}
