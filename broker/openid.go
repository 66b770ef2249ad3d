package broker

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/gatehouse-sso/gatehouse/oidc"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/signing"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// stateLife is how long an OpenID provider may take to answer.
const stateLife = 10 * time.Minute

// Callback is where a connection's OpenID provider sends browsers back to; Initiation is where it may begin a login, and KeysURL where our keys
// for it are published.
func (b *Broker) Callback(connectionID string) string {
	return b.openIDAddress(connectionID, "callback")
}

// CallbackOf is where a connection's OpenID provider sends browsers back to in fact, and nowhere else: where it did before the connection moved
// here, if that is in use.
func (b *Broker) CallbackOf(c store.Connection) string {
	return b.orAlternate(c.OIDC.AlternateCallback, b.Callback(c.ID))
}

// Initiation is where an OpenID provider sends a browser that shall begin to sign in.
func (b *Broker) Initiation(connectionID string) string {
	return b.openIDAddress(connectionID, "initiate")
}

// KeysURL is where an OpenID provider finds our public keys.
func (b *Broker) KeysURL(connectionID string) string { return b.openIDAddress(connectionID, "keys") }

func (b *Broker) openIDAddress(connectionID, endpoint string) string {
	return b.base.JoinPath("oidc", connectionID, endpoint).String()
}

// PublicKeys are our keys for a connection as a key set (RFC 7517); store.ErrNotFound when there is no such OpenID Connect connection.
func (b *Broker) PublicKeys(ctx context.Context, connectionID string) ([]byte, error) {
	connection, err := b.openIDConnection(ctx, connectionID)
	if err != nil {
		return nil, err
	}
	keys, err := ourKeys(connection)
	if err != nil {
		return nil, err
	}
	return oidc.KeySet(keys)
}

// openIDConnection is a connection of that protocol: another is not there as far as its addresses go.
func (b *Broker) openIDConnection(ctx context.Context, id string) (store.ProtocolConnection, error) {
	connection, err := b.store.ConnectionByID(ctx, id)
	if err == nil && connection.Protocol != store.ProtocolOIDC {
		err = store.ErrNotFound
	}
	return connection, err
}

func ourKeys(c store.ProtocolConnection) ([]*rsa.PrivateKey, error) {
	var keys []*rsa.PrivateKey
	for _, pair := range c.Keys {
		loaded, err := signing.Load(signing.Pair{KeyPEM: pair.KeyPEM, CertificatePEM: pair.CertificatePEM})
		if err != nil {
			return nil, fmt.Errorf("read a key pair of connection %s: %w", c.ID, err)
		}
		keys = append(keys, loaded.Private)
	}
	return keys, nil
}

// relyingParty is the connection as package oidc sees it.
func (b *Broker) relyingParty(c store.ProtocolConnection) (oidc.RelyingParty, error) {
	s := c.OIDC
	party := oidc.RelyingParty{
		Provider: oidc.Provider{Issuer: s.Issuer, AuthorizationURL: s.AuthorizationURL, TokenURL: s.TokenURL, KeysURL: s.KeysURL, UserinfoURL: s.UserinfoURL,
			EndSessionURL: s.EndSessionURL, Algorithms: s.Algorithms, AuthMethods: s.AuthMethods, NamesItselfInCallback: s.NamesItselfInCallback},
		ClientID: s.ClientID, RedirectURI: b.CallbackOf(c.Connection), AuthMethod: s.AuthMethod, Secret: c.ClientSecret,
		Scopes: s.Scopes, Prompt: s.Prompt, AuthnContext: s.AuthnContext, MaxAge: time.Duration(s.MaxAge) * time.Second,
		HostedDomain: s.HostedDomain, TenantID: s.TenantID, VerifiedEmailOnly: s.VerifiedEmailOnly, Mapping: oidc.Mapping(s.Mapping),
	}
	if s.AuthMethod == store.AuthPrivateKeyJWT {
		keys, err := ourKeys(c)
		if err != nil || len(keys) == 0 {
			return party, errors.Join(err, fmt.Errorf("connection %s signs with a key and has none", c.ID))
		}
		party.Key = keys[0]
	}
	return party, nil
}

// request is what an answer is checked against. It is kept sealed with the pending login.
type request struct{ Nonce, Verifier string }

// requestOf names a login by its state, which itself is kept nowhere.
func requestOf(state secret.Token) string { return base64.RawURLEncoding.EncodeToString(state.Hash()) }

// departByOpenID writes the authorization request of a login and keeps the login, pending.
func (b *Broker) departByOpenID(ctx context.Context, c store.ProtocolConnection, s Start) (Departure, error) {
	party, err := b.relyingParty(c)
	if err != nil {
		return Departure{}, err
	}
	asked := oidc.NewAsked()
	kept, err := json.Marshal(request{asked.Nonce.Reveal(), asked.Verifier.Reveal()})
	if err != nil {
		return Departure{}, fmt.Errorf("keep a request of connection %s: %w", c.ID, err)
	}
	login := newLogin(c, s)
	login.RequestID, login.Request, login.Relay = requestOf(asked.State), kept, asked.State
	hint := s.LoginHint
	if !c.OIDC.LoginHint && s.StartedBy != store.StartedThere {
		hint = ""
	}
	departure := Departure{Connection: c.Name}
	if departure.RedirectURL, err = party.Authorize(asked, hint); err != nil {
		return Departure{}, fmt.Errorf("write a request of connection %s: %w", c.ID, err)
	}
	begun, err := b.store.BeginLogin(ctx, login)
	if err != nil {
		return Departure{}, fmt.Errorf("begin a login at connection %s: %w", c.ID, err)
	}
	departure.LoginID = begun.ID
	return departure, nil
}

// Initiate begins a login because the identity provider sent a browser to do so (OpenID Connect Core 1.0, section 4). It must name itself; what
// it says of the person is a hint and nothing more, and the login is a fresh one of this browser.
func (b *Broker) Initiate(ctx context.Context, issuer string, s Start) (Departure, error) {
	connection, err := b.openIDConnection(ctx, s.ConnectionID)
	if err != nil {
		return Departure{}, err
	}
	if issuer != connection.OIDC.Issuer {
		refusal := trust.Refuse(trust.ReasonIssuer, connection.OIDC.Issuer, issuer)
		return Departure{}, b.refuse(ctx, connection, attempt{browser: s.Browser}, refusal)
	}
	s.StartedBy = store.StartedThere
	return b.Begin(ctx, s)
}

// Return is what an OpenID provider made a browser bring to a connection's callback.
type Return struct {
	ConnectionID string // or, where it came to an alternate path,
	Path         string // that
	Query        url.Values
	Browser      Browser
}

// FinishByOpenID is Finish for OpenID Connect. [oidc.ErrMalformed] when what came is no answer at all.
func (b *Broker) FinishByOpenID(ctx context.Context, a Return) (Landing, error) {
	callback, err := oidc.ReadCallback(a.Query)
	if err != nil {
		return Landing{}, err
	}
	connection, at, err := b.returnedTo(ctx, a)
	if err != nil {
		return Landing{}, err
	}
	seen := attempt{browser: a.Browser, at: at}
	landing, refusal, err := b.judgeOpenID(ctx, connection, callback, &seen)
	if err != nil {
		return Landing{}, err
	}
	if refusal != nil {
		return Landing{}, b.refuse(ctx, connection, seen, refusal)
	}
	return landing, nil
}

// judgeOpenID is the straight line of a login: find what it answers and take that, get the tokens, read, decide, spend.
func (b *Broker) judgeOpenID(ctx context.Context, c store.ProtocolConnection, callback oidc.Callback, seen *attempt) (Landing, *trust.Refusal, error) {
	seen.pass("transport", "one code, or an error, with our state", "an answer by HTTP-Redirect")
	asked, refusal, err := b.expectReturn(ctx, c, callback, seen)
	if refusal != nil || err != nil {
		return Landing{}, refusal, err
	}
	seen.passRequest(b.now())
	if seen.test {
		if c, refusal, err = b.atVersion(ctx, c, seen.login.VersionID); refusal != nil || err != nil {
			return Landing{}, refusal, err
		}
	}
	if refusal := seen.arrived(b.CallbackOf(c.Connection)); refusal != nil {
		return Landing{}, refusal, nil
	}
	party, err := b.relyingParty(c)
	if err != nil {
		return Landing{}, nil, err
	}
	now, reading := b.now(), &oidc.Reading{}
	refusal = b.readReturn(ctx, c, party, callback, asked, reading, now)
	seen.steps, seen.raw = append(seen.steps, stepsOfOpenID(reading.Steps)...), reading.Record(callback)
	seen.claim, seen.signed = reading.Claim, reading.Claim.Issuer != ""
	if refusal != nil {
		return Landing{}, refusal, nil
	}
	seen.claim.ConnectionID = c.ID
	identity, refusal := trust.Decide(b.openIDPolicy(c, asked.Nonce.Reveal(), *seen), seen.claim, now)
	if refusal != nil {
		return Landing{}, refusal, nil
	}
	return b.accept(ctx, identity, *seen)
}

// openIDPolicy is what the connection allows the login that sent the nonce.
func (b *Broker) openIDPolicy(c store.ProtocolConnection, nonce string, seen attempt) trust.Policy {
	return trust.Policy{
		ConnectionID: c.ID, OrganizationID: c.OrganizationID, Issuer: c.OIDC.Issuer, EntityID: c.OIDC.ClientID, ACS: b.CallbackOf(c.Connection),
		ConnectionActive: c.State == store.ConnectionActive, OrganizationActive: !c.OrganizationSuspended,
		TestOnly: answersTestsOnly(c), TestLogin: seen.test, PendingRequest: nonce,
		VerifiedDomains: c.VerifiedDomains, RequiredAuthnContext: c.OIDC.AuthnContext, SubjectSource: c.OIDC.Mapping.Subject,
	}
}

// expectReturn finds the one pending login of this browser that the answer's state belongs to, and takes what its answer is checked against:
// from here on no other answer can be.
func (b *Broker) expectReturn(ctx context.Context, c store.ProtocolConnection, callback oidc.Callback, seen *attempt) (oidc.Asked, *trust.Refusal, error) {
	login, err := b.store.LoginOfRequest(ctx, c.ID, requestOf(callback.State))
	if errors.Is(err, store.ErrNotFound) {
		return oidc.Asked{}, trust.Refuse(trust.ReasonLoginUnknown, "an answer to a request of ours", "a state that we did not send"), nil
	}
	if err != nil {
		return oidc.Asked{}, nil, err
	}
	test := login.Kind == store.TestLogin
	// From another browser's answer not even the record of the login is touched.
	switch {
	case !matches(login.FlowHash, seen.browser.Flow):
		return oidc.Asked{}, trust.Refuse(trust.ReasonOtherBrowser, "the browser that began this login", "another one"), nil
	case login.State != store.LoginPending:
		return oidc.Asked{}, trust.Refuse(trust.ReasonReplayed, "a login that is under way", "one that has ended"), nil
	}
	seen.test = test
	if age := b.now().Sub(login.CreatedAt); age >= stateLife {
		seen.login = &login
		return oidc.Asked{}, trust.Refuse(trust.ReasonLoginExpired, "an answer within 10 minutes", "begun at "+login.CreatedAt.Format("15:04:05 UTC")), nil
	}
	kept, err := b.store.TakeRequest(ctx, login.ID)
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		return oidc.Asked{}, trust.Refuse(trust.ReasonReplayed, "the first answer to this login", "another one"), nil
	}
	if err != nil {
		return oidc.Asked{}, nil, err
	}
	seen.login = &login
	var sent request
	if err := json.Unmarshal(kept, &sent); err != nil {
		return oidc.Asked{}, nil, fmt.Errorf("read the request of login %s: %w", login.ID, err)
	}
	if refusal := mayBegin(c, Start{TestOwnerID: login.OwnerID}); refusal != nil {
		return oidc.Asked{}, refusal, nil
	}
	if !test && login.VersionID != c.VersionID { // a code of one identity provider goes to no other
		return oidc.Asked{}, trust.Refuse(trust.ReasonSettingsChanged, "the settings with which the login began", "others: they were changed in the meantime"), nil
	}
	return oidc.Asked{State: callback.State, Nonce: secret.TokenOf(sent.Nonce), Verifier: secret.TokenOf(sent.Verifier)}, nil, nil
}

// readReturn gets the tokens and reads what they say. All calls go through the guarded client, outside any transaction.
func (b *Broker) readReturn(ctx context.Context, c store.ProtocolConnection, party oidc.RelyingParty, callback oidc.Callback, asked oidc.Asked, r *oidc.Reading, now time.Time) *trust.Refusal {
	if refusal := party.CheckCallback(r, callback); refusal != nil {
		return refusal
	}
	tokens, refusal := party.Exchange(ctx, b.calls, r, callback, asked, now)
	if refusal != nil {
		return refusal
	}
	keys, refusal := b.keys.of(ctx, c, tokens.ID, byThemselves, now)
	if refusal != nil {
		return refusal
	}
	if refusal := party.ReadIDToken(ctx, r, tokens, keys, asked, now); refusal != nil {
		return refusal
	}
	if party.UserinfoURL != "" && party.Lacks(r) {
		if refusal := party.AddUserinfo(ctx, b.calls, r, tokens); refusal != nil {
			return refusal
		}
	}
	if logoutMode(c) != store.LogoutOff { // kept for that alone: who has it can show who signed in when, and no more
		r.Claim.SignOutHint = tokens.ID
	}
	party.Remark(r)
	return nil
}

func stepsOfOpenID(steps []oidc.Step) []store.LoginStep {
	kept := make([]store.LoginStep, len(steps))
	for i, s := range steps {
		kept[i] = store.LoginStep{Number: i + 1, Name: s.Name, Verdict: s.Verdict, Want: s.Want, Got: s.Got}
	}
	return kept
}
