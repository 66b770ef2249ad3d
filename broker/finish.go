package broker

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// Arrival is what an identity provider made a browser post to a connection's ACS.
type Arrival struct {
	ConnectionID string // or, where it came to an alternate path,
	Path         string // that
	SAMLResponse string // as posted: base64
	RelayState   string
	ReturnTo     string // where RelayState of an unsolicited response asks to land, already reduced to a path on our origin
	Browser      Browser
}

// Landing is how a believed response goes on: a one-time code for /login/finish or, after an unsolicited response that is not accepted by itself,
// the departure of a fresh login at the same identity provider.
type Landing struct {
	Code      secret.Token
	Departure *Departure
	Flow      secret.Token // for the flow cookie, after an unsolicited response: the browser may not have had one
}

// attempt collects what is known of a login while it is judged, for the record.
type attempt struct {
	browser Browser
	at      string       // the address of ours that the message came to
	login   *store.Login // the pending login that the message answers, once found
	test    bool
	raw     []byte
	steps   []store.LoginStep
	signed  bool        // a good signature was found
	claim   trust.Claim // once its signature is checked
}

// Finish judges a response. It returns *Refused, recorded, when the answer is no; store.ErrNotFound when there is no such connection; and
// any other error when we could not judge (then nothing was spent, and the same response may come again).
func (b *Broker) Finish(ctx context.Context, a Arrival) (Landing, error) {
	connection, at, err := b.postedTo(ctx, a)
	if err != nil {
		return Landing{}, err
	}
	seen := attempt{browser: a.Browser, at: at}
	landing, refusal, err := b.judge(ctx, connection, a, &seen)
	if err == nil && refusal != nil && slices.Contains(ofAnotherKey, refusal.Reason) {
		landing, refusal, err = b.judgeByNewKeys(ctx, &connection, a, &seen, refusal)
	}
	if err != nil {
		return Landing{}, err
	}
	if refusal != nil {
		return Landing{}, b.refuse(ctx, connection, seen, refusal)
	}
	return landing, nil
}

// judge is the straight line of a login: decode, find what it answers, read, decide, spend.
func (b *Broker) judge(ctx context.Context, c store.ProtocolConnection, a Arrival, seen *attempt) (Landing, *trust.Refusal, error) {
	var refusal *trust.Refusal
	if seen.raw, refusal = saml.Decode(a.SAMLResponse); refusal != nil {
		return Landing{}, refusal, nil
	}
	seen.pass("transport", "one SAMLResponse in base64, by HTTP-POST", fmt.Sprintf("one SAMLResponse of %d bytes, by HTTP-POST", len(seen.raw)))
	header, refusal := saml.UnverifiedHeader(seen.raw)
	if refusal != nil {
		return Landing{}, refusal, nil
	}
	want, refusal, err := b.expect(ctx, c, a, header.InResponseTo, seen)
	if refusal != nil || err != nil {
		return Landing{}, refusal, err
	}
	seen.passRequest(b.now())
	if seen.test { // and nothing else: whatever answers no test that is under way is judged by the live settings
		if c, refusal, err = b.atVersion(ctx, c, seen.login.VersionID); refusal != nil || err != nil {
			return Landing{}, refusal, err
		}
	}
	if refusal := seen.arrived(b.ACSOf(c.Connection)); refusal != nil {
		return Landing{}, refusal, nil
	}
	sp, err := b.serviceProvider(c)
	if err != nil {
		return Landing{}, nil, err
	}
	now := b.now()
	var steps []saml.Step
	seen.claim, steps, refusal = saml.Read(sp, seen.raw, want, now)
	seen.signed = signedWell(steps)
	if seen.steps = append(seen.steps, stepsOf(steps)...); refusal != nil {
		return Landing{}, refusal, nil
	}
	seen.claim.ConnectionID = c.ID
	identity, refusal := trust.Decide(b.policy(c, want, *seen), seen.claim, now)
	if refusal != nil {
		return Landing{}, refusal, nil
	}
	b.noteOpened(ctx, c, seen.claim.OpenedBy)
	switch {
	case seen.login != nil:
	case c.Settings.IDPInitiated == store.IDPInitiatedAccept:
		return b.acceptUnasked(ctx, c, a, identity, *seen)
	default:
		return b.handshake(ctx, c, a, *seen)
	}
	return b.accept(ctx, identity, *seen)
}

// expect finds the one pending login of this browser that the response says it answers, or says that an unsolicited one is welcome.
func (b *Broker) expect(ctx context.Context, c store.ProtocolConnection, a Arrival, inResponseTo string, seen *attempt) (saml.Expectation, *trust.Refusal, error) {
	if inResponseTo == "" {
		refusal, err := b.mayArriveUnasked(ctx, c, a)
		return saml.Expectation{AllowUnsolicited: true}, refusal, err
	}
	login, err := b.store.LoginOfRequest(ctx, c.ID, inResponseTo)
	if errors.Is(err, store.ErrNotFound) {
		return saml.Expectation{}, trust.Refuse(trust.ReasonLoginUnknown, "an answer to a request of ours", inResponseTo), nil
	}
	if err != nil {
		return saml.Expectation{}, nil, err
	}
	// From another browser's message not even the record of the login is touched: a stranger who holds a request's id ends nobody's login.
	switch {
	case !matches(login.FlowHash, a.Browser.Flow):
		return saml.Expectation{}, trust.Refuse(trust.ReasonOtherBrowser, "the browser that began this login", "another one"), nil
	case !matches(login.RelayHash, secret.TokenOf(a.RelayState)):
		return saml.Expectation{}, trust.Refuse(trust.ReasonOtherBrowser, "the RelayState that we sent", "another one, or none"), nil
	case login.State != store.LoginPending:
		return saml.Expectation{}, trust.Refuse(trust.ReasonReplayed, "a login that is under way", "one that has ended"), nil
	case !b.now().Before(login.ExpiresAt):
		seen.login, seen.test = &login, login.Kind == store.TestLogin
		return saml.Expectation{}, trust.Refuse(trust.ReasonLoginExpired, "an answer within 15 minutes", "begun at "+login.CreatedAt.Format("15:04:05 UTC")), nil
	}
	seen.login, seen.test = &login, login.Kind == store.TestLogin
	return saml.Expectation{RequestID: login.RequestID}, nil, nil
}

// recordWithin is how long a refusal may take to be recorded when nobody waits for it any more.
const recordWithin = 10 * time.Second

// matches compares a token with the hash that was kept of it; what was not kept matches nothing.
func matches(hash []byte, token secret.Token) bool {
	return token.Reveal() != "" && subtle.ConstantTimeCompare(hash, token.Hash()) == 1
}

// policy is what the connection allows this login.
func (b *Broker) policy(c store.ProtocolConnection, want saml.Expectation, seen attempt) trust.Policy {
	return trust.Policy{
		ConnectionID: c.ID, OrganizationID: c.OrganizationID,
		Issuer: c.Settings.EntityID, EntityID: b.EntityIDOf(c.Connection), ACS: b.ACSOf(c.Connection),
		ConnectionActive:     c.State == store.ConnectionActive,
		OrganizationActive:   !c.OrganizationSuspended,
		TestOnly:             answersTestsOnly(c),
		TestLogin:            seen.test,
		PendingRequest:       want.RequestID,
		AllowUnsolicited:     want.AllowUnsolicited,
		VerifiedDomains:      c.VerifiedDomains,
		RequiredAuthnContext: c.Settings.AuthnContext,
		SubjectSource:        c.Settings.Mapping.Subject,
	}
}

// accept spends the login and the assertion, keeps the Identity, and makes the code that finishes it, all in one transaction.
func (b *Broker) accept(ctx context.Context, identity trust.Identity, seen attempt) (Landing, *trust.Refusal, error) {
	seen.passDomain(identity)
	if seen.test && !seen.login.ByLink() { // who is a member, and with which roles, is not for whoever holds a link
		if err := b.foresee(ctx, identity, &seen); err != nil {
			return Landing{}, nil, err
		}
	}
	code := secret.NewToken()
	err := b.store.AcceptLogin(ctx, store.Accepted{
		LoginID: seen.login.ID, AssertionID: seen.claim.AssertionID, SpentUntil: seen.claim.SpentUntil(),
		Identity: identity, Steps: seen.steps, Raw: seen.raw, Code: code,
	})
	if refusal, err := refusalIn(err); refusal != nil || err != nil {
		return Landing{}, refusal, err
	}
	return Landing{Code: code}, nil, nil
}

// refusalIn tells the judgements of the store (a response that was used before, a connection that takes no logins any more) from its
// failures.
func refusalIn(err error) (*trust.Refusal, error) {
	var refusal *trust.Refusal
	switch {
	case errors.As(err, &refusal):
		return refusal, nil
	case errors.Is(err, store.ErrConflict):
		return trust.Refuse(trust.ReasonReplayed, "a response that was not used before", "one that was"), nil
	}
	return nil, err
}

// refuse records the refusal, in a transaction of its own, and returns it with its reference. It does so also when the browser hung up
// meanwhile, which often is why the call that failed did: what is not recorded, nobody can look up.
func (b *Broker) refuse(ctx context.Context, c store.ProtocolConnection, seen attempt, refusal *trust.Refusal) error {
	record := store.Refused{
		OrganizationID: c.OrganizationID, ConnectionID: c.ID, VersionID: c.VersionID,
		Refusal: *refusal, Steps: seen.explained(refusal), Raw: bytes.Clone(seen.raw), Test: seen.test, Signed: seen.signed,
		Email: seen.claim.Email, Subject: seen.claim.Subject,
		RequestID: seen.browser.Request.ID, Address: seen.browser.Request.Address, UserAgent: seen.browser.Request.UserAgent,
	}
	if seen.login != nil {
		record.LoginID = seen.login.ID
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	id, err := b.store.RefuseLogin(ctx, record)
	if err != nil {
		return fmt.Errorf("record a refused login at connection %s: %w", c.ID, err)
	}
	if refusal.Reason == trust.ReasonReadingsDisagree {
		// Somebody holds a message that two readers take for two things: an attack on the readers, or a mistake in one of them.
		b.log.ErrorContext(ctx, "two readings of a signed response disagree", "connection", c.ID, "login", id)
	}
	return &Refused{Refusal: refusal, LoginID: id, OrganizationID: c.OrganizationID, Test: seen.test, ByLink: seen.login != nil && seen.login.ByLink()}
}

func stepsOf(steps []saml.Step) []store.LoginStep {
	kept := make([]store.LoginStep, len(steps))
	for i, s := range steps {
		kept[i] = store.LoginStep{Number: i + 1, Name: s.Name, Verdict: s.Verdict, Want: s.Want, Got: s.Got}
	}
	return kept
}
