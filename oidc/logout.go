package oidc

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// logoutEvent is the one member of events that makes a token a logout token (OpenID Connect Back-Channel Logout 1.0, section 2.4).
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// maxLogoutLife is how far ahead a logout token may end. The standard recommends two minutes; a day is a mistake of whoever made it.
const maxLogoutLife = 24 * time.Hour

// maxTokenID is the longest jti, in bytes: it has to be remembered.
const maxTokenID = 512

// LogoutToken is an identity provider's word that it has ended a sign-in, checked. Subject or SessionID may be empty, not both.
type LogoutToken struct {
	ID, Subject, SessionID string
	SpentUntil             time.Time // how long its id must be remembered
}

// ReadLogoutToken makes one strict pass over a logout token (OpenID Connect Back-Channel Logout 1.0, sections 2.4 to 2.6). It is checked as an
// ID token is, by the same keys, and can never be one: it must have the event of a logout, and must not have a nonce. go-oidc reads
// it too, and must read the same. Whether it was used before is for the caller to ask.
func (p RelyingParty) ReadLogoutToken(ctx context.Context, raw string, keys []Key, now time.Time) (LogoutToken, *trust.Refusal) {
	read, unverified, refusal := p.unverifiedLogout(raw, now)
	if refusal != nil {
		return LogoutToken{}, refusal
	}
	set := &keySet{keys: keys, token: read, allowed: p.Algorithms}
	library, err := p.verifier(set).VerifyLogout(ctx, read.raw)
	if refusal = set.judgement(); refusal != nil {
		return LogoutToken{}, refusal
	}
	if err != nil || library.TokenID != unverified.ID || library.Subject != unverified.Subject || library.SessionID != unverified.SessionID ||
		library.Issuer != p.Issuer || !slices.Equal(library.Audience, read.claims.texts("aud")) {
		return LogoutToken{}, trust.Refuse(trust.ReasonReadingsDisagree, "a token that both our reading and the library's understand alike", "another")
	}
	return unverified, nil
}

// CannotBeLogout is what is wrong with a logout token, whoever signed it: for such a one nobody has to ask for keys. nil says nothing in its favour.
func (p RelyingParty) CannotBeLogout(raw string, now time.Time) *trust.Refusal {
	_, _, refusal := p.unverifiedLogout(raw, now)
	return refusal
}

// unverifiedLogout is everything about a logout token but its signature.
func (p RelyingParty) unverifiedLogout(raw string, now time.Time) (token, LogoutToken, *trust.Refusal) {
	read, refusal := parseToken(raw)
	if refusal != nil {
		return token{}, LogoutToken{}, refusal
	}
	if refusal = read.checkAlgorithm(p.Algorithms); refusal != nil {
		return token{}, LogoutToken{}, refusal
	}
	if refusal = read.checkLogoutKind(); refusal != nil {
		return token{}, LogoutToken{}, refusal
	}
	if refusal = p.checkLogoutParties(read.claims); refusal != nil {
		return token{}, LogoutToken{}, refusal
	}
	until, refusal := checkLogoutTimes(read.claims, now)
	if refusal != nil {
		return token{}, LogoutToken{}, refusal
	}
	unverified := LogoutToken{ID: read.claims.text("jti"), Subject: read.claims.text("sub"), SessionID: read.claims.text("sid"), SpentUntil: until}
	return read, unverified, unverified.check(read.claims)
}

// checkLogoutKind: typ, where it is said, is the logout token's; the event is there, and is an object that says nothing; no nonce, which an ID
// token has. Other events beside it (RFC 8417, section 2.2) are none of our concern: Keycloak says so that it ends offline sessions too.
func (t token) checkLogoutKind() *trust.Refusal {
	const want = "a logout token"
	event, whole := t.claims.inner("events")
	said, empty := event.inner(logoutEvent)
	switch {
	case t.kind != "" && !strings.EqualFold(t.kind, "logout+jwt") && !strings.EqualFold(t.kind, "application/logout+jwt") && !strings.EqualFold(t.kind, "JWT"):
		return trust.Refuse(trust.ReasonTokenType, want, t.kind)
	case !t.claims.has("events"):
		return trust.Refuse(trust.ReasonTokenType, want, "a token without events")
	case !whole || !empty || len(said) != 0:
		return trust.Refuse(trust.ReasonTokenType, "events with "+logoutEvent+" and {}", "others")
	}
	if _, there := t.claims["nonce"]; there {
		return trust.Refuse(trust.ReasonTokenType, "a logout token, which has no nonce", "a token with one")
	}
	return nil
}

// checkLogoutParties: the connection's identity provider says it, to us; where many share one issuer, the right one of those.
func (p RelyingParty) checkLogoutParties(claims object) *trust.Refusal {
	audience := claims.texts("aud")
	switch issuer, tenant := claims.text("iss"), claims.text("tid"); {
	case issuer == "" || issuer != p.Issuer:
		return trust.Refuse(trust.ReasonIssuer, p.Issuer, issuer)
	case p.TenantID != "" && claims.has("tid") && tenant != p.TenantID:
		return trust.Refuse(trust.ReasonTenant, "tid "+p.TenantID, tenant)
	case !slices.Contains(audience, p.ClientID):
		return trust.Refuse(trust.ReasonAudience, p.ClientID, strings.Join(audience, ", "))
	}
	return nil
}

// checkLogoutTimes: issued just now, and not over. exp may be absent in no token (section 2.4), but bounds nothing that freshness does not.
func checkLogoutTimes(claims object, now time.Time) (time.Time, *trust.Refusal) {
	issued, iat := claims.moment("iat")
	ends, exp := claims.moment("exp")
	from, nbf := claims.moment("nbf")
	switch {
	case !iat || !exp || !nbf || issued.IsZero() || ends.IsZero():
		return time.Time{}, trust.Refuse(trust.ReasonTokenStructure, "iat and exp as numbers of seconds", "one that is missing or something else")
	case issued.After(now.Add(trust.Skew)) || from.After(now.Add(trust.Skew)):
		return time.Time{}, trust.Refuse(trust.ReasonNotYetValid, "issued by "+stamp(now), stamp(issued))
	case now.Sub(issued) > trust.MaxAge:
		return time.Time{}, trust.Refuse(trust.ReasonResponseExpired, "issued at most 5 minutes before "+stamp(now), stamp(issued))
	case !ends.After(now.Add(-trust.Skew)):
		return time.Time{}, trust.Refuse(trust.ReasonExpired, "valid at "+stamp(now), "until "+stamp(ends))
	case !ends.After(issued) || ends.Sub(issued) > maxLogoutLife:
		return time.Time{}, trust.Refuse(trust.ReasonTokenStructure, "an exp after iat and within a day", stamp(ends))
	}
	return issued.Add(trust.MaxAge + trust.Skew), nil
}

// check: it has a name of its own, and names a person, a session or both, each as a text that can be compared.
func (t LogoutToken) check(claims object) *trust.Refusal {
	for _, member := range []struct {
		name, text string
		most       int
	}{{"jti", t.ID, maxTokenID}, {"sub", t.Subject, maxSubject}, {"sid", t.SessionID, maxTokenID}} {
		if claims.has(member.name) && (member.text == "" || len(member.text) > member.most) {
			return trust.Refuse(trust.ReasonTokenStructure, member.name+" as a text of 1 to "+strconv.Itoa(member.most)+" bytes", "something else")
		}
	}
	switch {
	case t.ID == "":
		return trust.Refuse(trust.ReasonTokenStructure, "a jti", "none")
	case t.Subject == "" && t.SessionID == "":
		return trust.Refuse(trust.ReasonSubjectMissing, "a sub, a sid or both", "neither")
	}
	return nil
}

// SignOut is one sign-out that we ask the identity provider for.
type SignOut struct {
	State   secret.Token // comes back in the browser
	Hint    string       // an ID token of the sign-in, "" where none was kept
	Subject string       // what it calls the person, a hint where there is no ID token
	Back    string       // where the browser comes back to
}

// SignOutURL is where the browser goes to sign out there (OpenID Connect RP-Initiated Logout 1.0, section 2).
func (p RelyingParty) SignOutURL(s SignOut) (string, error) {
	if wrong := checkEndpoint(p.EndSessionURL, func(*url.URL) error { return nil }); wrong != nil {
		return "", problem("The identity provider's end_session_endpoint %s.", wrong)
	}
	endpoint, err := url.Parse(p.EndSessionURL)
	if err != nil {
		return "", problem("The identity provider's end_session_endpoint cannot be read.")
	}
	query := endpoint.Query() // an endpoint may have a query of its own, which overrules nothing of ours
	for name, value := range map[string]string{
		"client_id": p.ClientID, "post_logout_redirect_uri": s.Back, "state": s.State.Reveal(), "id_token_hint": s.Hint, "logout_hint": "",
	} {
		if query.Del(name); value != "" {
			query.Set(name, value)
		}
	}
	if s.Hint == "" && s.Subject != "" {
		query.Set("logout_hint", s.Subject)
	}
	endpoint.RawQuery = query.Encode()
	return endpoint.String(), nil
}
