package broker

import (
	"context"
	"errors"

	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// A connection that moved here from another product may be known by addresses that it had there (docs/decisions/0019-alternate-addresses.md). Many
// connections may have come from one path: whom a message is for is said by the path and by the issuer that it names, together, and by nothing
// else. What it says is believed no more for that: everything is judged as if it had come to the connection's own address.

// postedTo is the connection that a response is for, and the address of ours that it came to. [store.ErrNotFound] where it is for none.
func (b *Broker) postedTo(ctx context.Context, a Arrival) (store.ProtocolConnection, string, error) {
	if a.Path == "" {
		c, err := b.samlConnection(ctx, a.ConnectionID)
		return c, b.ACS(a.ConnectionID), err
	}
	raw, refusal := saml.Decode(a.SAMLResponse)
	if refusal != nil {
		return store.ProtocolConnection{}, "", store.ErrNotFound
	}
	issuer, refusal := saml.UnverifiedIssuer(raw)
	if refusal != nil || issuer == "" {
		return store.ProtocolConnection{}, "", store.ErrNotFound
	}
	c, err := b.store.ConnectionAt(ctx, store.ProtocolSAML, a.Path, issuer)
	if errors.Is(err, store.ErrNotFound) { // seen while customers move, one after the other
		b.log.WarnContext(ctx, "a SAML response at a path of another product is for no connection here", "path", a.Path, "issuer", issuer[:min(len(issuer), 256)])
	}
	return c, b.base.JoinPath(a.Path).String(), err
}

// returnedTo is the same for what an OpenID provider makes a browser bring: the path is one connection's.
func (b *Broker) returnedTo(ctx context.Context, a Return) (store.ProtocolConnection, string, error) {
	if a.Path == "" {
		c, err := b.openIDConnection(ctx, a.ConnectionID)
		return c, b.Callback(a.ConnectionID), err
	}
	c, err := b.store.ConnectionAt(ctx, store.ProtocolOIDC, a.Path, "")
	return c, b.base.JoinPath(a.Path).String(), err
}

// arrived refuses what came to another address than the settings that judge it are known by, before anything is done with it: a code that was
// issued for one address is exchanged for none else (S-42, R-01).
func (t *attempt) arrived(want string) *trust.Refusal {
	if t.at != want {
		return trust.Refuse(trust.ReasonDestination, want, t.at)
	}
	return nil
}
