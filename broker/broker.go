// Package broker runs the life of one login: begin sends a browser to its identity provider, finish judges what comes back, complete turns
// the judgement into a session. Each is recorded, whether it went well or not.
//
//	Methods   an address's domain → the ways in that it leaves                 methods.go
//	Begin     pending login → AuthnRequest                                     begin.go
//	Finish    bytes → saml.Read → trust.Decide → one short transaction → code  finish.go
//	Initiate, FinishByOpenID  the same for OpenID Connect                      openid.go
//	Complete  code + flow cookie → Identity → person                           complete.go
//	EndByToken, TakeLogout  the identity provider's word that a sign-in is over  logout.go
//	Leave, DepartToSignOut  signing out here, and there                          logout_departures.go
//	SignIn    proof → session, under a token that nobody had before            signin.go
//
// It never reads a session while a message is judged, never sends a browser anywhere but to the connection's own endpoints or our own
// origin, and mints nothing without a [trust.Identity]. The slow work (XML, signatures) is done outside any transaction; the transaction
// reads the connection's and the organization's state again.
package broker

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/signing"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// Broker takes people through their logins. It is safe for use by many goroutines.
type Broker struct {
	store *store.Store
	base  *url.URL
	calls *http.Client
	keys  *keySets
	now   func() time.Time
	log   *slog.Logger

	finder   KeyFinder
	waiting  waiting
	patience time.Duration // of an answer that waits for the finder
}

// New makes a broker whose endpoints are under the public base address. calls is the guarded client: by it alone identity providers are asked.
func New(s *store.Store, base *url.URL, calls *http.Client, log *slog.Logger) *Broker {
	return &Broker{store: s, base: base, calls: calls, keys: newKeySets(calls), now: s.Now, log: log, patience: lookPatience}
}

// Refused is a login that was refused: the judgement, and the reference under which it is recorded.
type Refused struct {
	*trust.Refusal
	LoginID        string
	OrganizationID string
	Test           bool              // a test login of an owner, who may see everything about it
	ByLink         bool              // a test that was begun by a setup link, whose holder may
	Waiting        store.WaitingLink // what waits for an owner, or the person, to decide; zero where nobody can
}

// Unwrap makes errors.As find the Refusal.
func (r *Refused) Unwrap() error { return r.Refusal }

// EntityID is how a connection names us to its identity provider: the address of its metadata.
func (b *Broker) EntityID(connectionID string) string { return b.address(connectionID, "metadata") }

// ACS is where a connection's identity provider posts its responses.
func (b *Broker) ACS(connectionID string) string { return b.address(connectionID, "acs") }

// EntityIDOf is how a connection names us in fact: by the entity ID that its identity provider knew before it moved here, where that is in use.
func (b *Broker) EntityIDOf(c store.Connection) string {
	return cmp.Or(c.Settings.AlternateEntityID, b.EntityID(c.ID))
}

// ACSOf is where a connection's identity provider sends its responses in fact, and nowhere else.
func (b *Broker) ACSOf(c store.Connection) string {
	return b.orAlternate(c.Settings.AlternateACS, b.ACS(c.ID))
}

// orAlternate is the address of a path of ours that came with a connection, or else our own.
func (b *Broker) orAlternate(path, own string) string {
	if path == "" {
		return own
	}
	return b.base.JoinPath(path).String()
}

func (b *Broker) address(connectionID, endpoint string) string {
	return b.base.JoinPath("saml", connectionID, endpoint).String()
}

// Metadata is what a connection's identity provider imports to know us; store.ErrNotFound when there is no such connection.
func (b *Broker) Metadata(ctx context.Context, connectionID string) ([]byte, error) {
	connection, err := b.samlConnection(ctx, connectionID)
	if err != nil {
		return nil, err
	}
	sp, err := b.serviceProvider(connection)
	if err != nil {
		return nil, err
	}
	return saml.Metadata(sp)
}

// samlConnection is a connection of that protocol: another is not there as far as its addresses go.
func (b *Broker) samlConnection(ctx context.Context, id string) (store.ProtocolConnection, error) {
	connection, err := b.store.ConnectionByID(ctx, id)
	if err == nil && connection.Protocol != store.ProtocolSAML {
		err = store.ErrNotFound
	}
	return connection, err
}

// serviceProvider is the connection as package saml sees it.
func (b *Broker) serviceProvider(c store.ProtocolConnection) (saml.ServiceProvider, error) {
	s := c.Settings
	sp := saml.ServiceProvider{
		EntityID:     b.EntityIDOf(c.Connection),
		ACS:          b.ACSOf(c.Connection),
		SLO:          b.SLO(c.ID),
		NameIDFormat: s.NameIDFormat,
		ForceAuthn:   s.ForceAuthn,
		AuthnContext: s.AuthnContext,
		IdP: saml.IdentityProvider{EntityID: s.EntityID, RedirectURL: s.RedirectURL, PostURL: s.PostURL,
			Logout: saml.LogoutAddresses{Redirect: s.LogoutRedirectURL, Post: s.LogoutPostURL, Answers: s.LogoutResponseURL}},
		Allow:   saml.Switches{InclusiveC14N: s.InclusiveC14N, UnsignedResponseAroundEncrypted: s.UnsignedResponseAroundEncrypted},
		Mapping: saml.Mapping(s.Mapping),
	}
	for _, text := range s.Certificates {
		certificates, _, err := saml.ParseCertificates(text)
		if err != nil {
			return sp, fmt.Errorf("read a kept certificate of connection %s: %w", c.ID, err)
		}
		sp.IdP.Certificates = append(sp.IdP.Certificates, certificates...)
	}
	for _, pair := range c.Keys {
		key, err := signing.Load(signing.Pair{KeyPEM: pair.KeyPEM, CertificatePEM: pair.CertificatePEM})
		if err != nil {
			return sp, fmt.Errorf("read a key pair of connection %s: %w", c.ID, err)
		}
		sp.Keys = append(sp.Keys, saml.KeyPair{Key: key.Private, Certificate: key.Certificate})
	}
	return sp, nil
}

// noteOpened keeps which of our keys the identity provider encrypts to. That it could not be kept is no reason to refuse anybody.
func (b *Broker) noteOpened(ctx context.Context, c store.ProtocolConnection, fingerprint string) {
	if fingerprint == "" {
		return
	}
	for _, pair := range c.Keys {
		key, err := signing.Load(signing.Pair{KeyPEM: pair.KeyPEM, CertificatePEM: pair.CertificatePEM})
		if err != nil || saml.Fingerprint(key.Certificate) != fingerprint {
			continue
		}
		if err := b.store.NoteOpened(ctx, c.Keys, pair.ID); err != nil {
			b.log.WarnContext(ctx, "which key a message was encrypted to is not kept", "connection", c.ID, "error", err)
		}
	}
}
