package idptest

import (
	"bytes"
	"compress/flate"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"time"

	"github.com/beevik/etree"
)

// Logout is a message of the identity provider's about signing out, in all its parts: a LogoutRequest, or a LogoutResponse where InResponseTo is set.
type Logout struct {
	ID, Issuer, Destination string
	NameID                  string
	Format                  string
	SessionIndexes          []string
	IssuedAt, NotOnOrAfter  time.Time
	InResponseTo            string
	Status                  []string // of a response: its codes, the outer one first
	RelayState              string
	Sign                    Signature // of either binding: by HTTP-Redirect its key and method
	Unsigned                bool

	Edit  func(message *etree.Element) // before it is signed
	Forge func(message *etree.Element) // after it is
	Bytes func(message []byte) []byte
	Query func(query string) string // changes the query after it is signed
}

// SignsOut is an honest request to sign the person out, to a service whose address for that is slo.
func (p *IdP) SignsOut(slo string, now time.Time, sessions ...string) Logout {
	return Logout{
		ID: newID(), Issuer: p.EntityID, Destination: slo, NameID: p.Person.Subject, Format: Persistent, SessionIndexes: sessions,
		IssuedAt: now, NotOnOrAfter: now.Add(5 * time.Minute), RelayState: "their handle/+=&", Sign: Signature{Key: p.Keys[0]},
	}
}

// AnswersLogout is an honest answer to a request of the service's.
func (p *IdP) AnswersLogout(slo, request string, now time.Time) Logout {
	return Logout{ID: newID(), Issuer: p.EntityID, Destination: slo, IssuedAt: now, InResponseTo: request,
		Status: []string{"urn:oasis:names:tc:SAML:2.0:status:Success"}, Sign: Signature{Key: p.Keys[0]}}
}

func (l Logout) tree() *etree.Element {
	kind := "samlp:LogoutRequest"
	if l.InResponseTo != "" {
		kind = "samlp:LogoutResponse"
	}
	message := etree.NewElement(kind)
	message.CreateAttr("xmlns:samlp", protocolNamespace)
	message.CreateAttr("xmlns:saml", assertionNamespace)
	stamp := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format("2006-01-02T15:04:05Z")
	}
	for _, a := range [][2]string{{"ID", l.ID}, {"Version", "2.0"}, {"IssueInstant", stamp(l.IssuedAt)}, {"Destination", l.Destination},
		{"NotOnOrAfter", stamp(l.NotOnOrAfter)}, {"InResponseTo", l.InResponseTo}} {
		attribute(message, a[0], a[1])
	}
	message.CreateElement("saml:Issuer").SetText(l.Issuer)
	if l.InResponseTo != "" {
		within := message.CreateElement("samlp:Status")
		for _, code := range l.Status {
			within = within.CreateElement("samlp:StatusCode")
			within.CreateAttr("Value", code)
		}
	} else {
		name := message.CreateElement("saml:NameID")
		attribute(name, "Format", l.Format)
		name.SetText(l.NameID)
		for _, session := range l.SessionIndexes {
			message.CreateElement("samlp:SessionIndex").SetText(session)
		}
	}
	call(l.Edit, message)
	return message
}

func (l Logout) bytesOf(message *etree.Element) []byte {
	call(l.Forge, message)
	raw := bytesOf(message)
	if l.Bytes != nil {
		raw = l.Bytes(raw)
	}
	return raw
}

// Parameter is the name of the parameter or field that the message travels in.
func (l Logout) Parameter() string {
	if l.InResponseTo != "" {
		return "SAMLResponse"
	}
	return "SAMLRequest"
}

// Posted is the message as a form carries it: signed within, in base64.
func (l Logout) Posted() string {
	message := l.tree()
	if !l.Unsigned {
		l.Sign.put(message, "ds")
	}
	return base64.StdEncoding.EncodeToString(l.bytesOf(message))
}

// Redirected is the query that carries the message: deflated, and signed over its octets.
func (l Logout) Redirected() string {
	var deflated bytes.Buffer
	writer := must(flate.NewWriter(&deflated, flate.DefaultCompression))
	_, _ = writer.Write(l.bytesOf(l.tree()))
	_ = writer.Close()
	query := l.Parameter() + "=" + url.QueryEscape(base64.StdEncoding.EncodeToString(deflated.Bytes()))
	if l.RelayState != "" {
		query += "&RelayState=" + url.QueryEscape(l.RelayState)
	}
	if !l.Unsigned {
		query += l.querySignature(query)
	}
	if l.Query != nil {
		query = l.Query(query)
	}
	return query
}

func (l Logout) querySignature(query string) string {
	s := l.Sign.withDefaults()
	query += "&SigAlg=" + url.QueryEscape(s.Method)
	hash := hashOf(s.Method)
	digest := hash.New()
	digest.Write([]byte(query))
	var value []byte
	if ec, ok := s.Key.Private.(*ecdsa.PrivateKey); ok {
		value = must(ecdsa.SignASN1(rand.Reader, ec, digest.Sum(nil)))
	} else {
		value = must(s.Key.Private.Sign(rand.Reader, digest.Sum(nil), hash))
	}
	return "&SigAlg=" + url.QueryEscape(s.Method) + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(value))
}

// OpenIDLogout is a logout token in all its parts.
type OpenIDLogout struct {
	Header, Claims map[string]any
	Sign           OpenIDKey
	Token          func(string) string // changes it after it is signed
}

// LogoutEvent is what makes a token a logout token.
const LogoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// LogoutToken says that the provider has ended a sign-in: of the person who is signed in, and of that session where it is not "". Each change makes
// it another one.
func (p *OpenID) LogoutToken(session string, changes ...func(*OpenIDLogout)) string {
	var l OpenIDLogout
	p.locked(func() {
		now := p.now()
		l = OpenIDLogout{
			Header: map[string]any{"alg": p.Keys[0].algorithm(), "kid": p.Keys[0].ID, "typ": "logout+jwt"}, Sign: p.Keys[0],
			Claims: map[string]any{"iss": p.Issuer, "aud": p.ClientID, "sub": p.person.Subject, "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(),
				"jti": rand.Text(), "events": map[string]any{LogoutEvent: map[string]any{}}},
		}
	})
	if session != "" {
		l.Claims["sid"] = session
	}
	for _, change := range changes {
		change(&l)
	}
	signed := base64.RawURLEncoding.EncodeToString(must(json.Marshal(l.Header))) + "." + base64.RawURLEncoding.EncodeToString(must(json.Marshal(l.Claims)))
	token := signed + "." + base64.RawURLEncoding.EncodeToString(l.Sign.signature(signed))
	if l.Token != nil {
		token = l.Token(token)
	}
	return token
}

// Session names the sessions of whoever signs in from now on.
func (p *OpenID) Session(name string) { p.locked(func() { p.session = name }) }
