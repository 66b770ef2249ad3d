package connections

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// What Ory Polis is known by unless it was set up otherwise: SAML_AUDIENCE, and the paths of its public address that identity providers send to.
const (
	PolisEntityID = "https://saml.boxyhq.com"
	polisACS      = "/api/oauth/saml"
	polisCallback = "/api/oauth/oidc"
)

// polisConnection is a connection as GET /api/v1/sso answers it: with idpMetadata of SAML, with oidcProvider of OpenID Connect.
type polisConnection struct {
	ClientID    string `json:"clientID"`
	Tenant      string `json:"tenant"`
	Product     string `json:"product"`
	Name        string `json:"name"`
	Label       string `json:"label"`
	Deactivated flag   `json:"deactivated"`
	ForceAuthn  flag   `json:"forceAuthn"`
	Format      string `json:"identifierFormat"`
	MetadataURL string `json:"metadataUrl"`
	ACS         string `json:"acsUrlOverride"`
	Audience    string `json:"samlAudienceOverride"`
	SAML        *struct {
		EntityID  string         `json:"entityID"`
		Provider  string         `json:"provider"`
		Friendly  string         `json:"friendlyProviderName"`
		PublicKey string         `json:"publicKey"`
		SSO       polisAddresses `json:"sso"`
		SLO       polisAddresses `json:"slo"`
	} `json:"idpMetadata"`
	OpenID *struct {
		Provider     string `json:"provider"`
		Friendly     string `json:"friendlyProviderName"`
		Discovery    string `json:"discoveryUrl"`
		ClientID     string `json:"clientId"`
		ClientSecret string `json:"clientSecret"`
	} `json:"oidcProvider"`
}

type polisAddresses struct {
	Redirect string `json:"redirectUrl"`
	Post     string `json:"postUrl"`
}

// ReadPolis reads what Ory Polis's SSO API answers: a list of connections. entityID is what Polis was set to call itself, "" for what it does by
// itself. The error says that it is no such answer.
func ReadPolis(raw []byte, entityID string, from From) ([]Moved, error) {
	var all []polisConnection
	if data := bytes.TrimSpace(raw); bytes.HasPrefix(data, []byte("{")) { // /api/v1/sso/product has the list within
		var page struct {
			Data  []polisConnection `json:"data"`
			Error *struct {
				Message string `json:"message"`
			} `json:"error"`
		}
		switch err := json.Unmarshal(data, &page); {
		case err != nil:
			return nil, errors.New("this is not what Polis answers: " + err.Error())
		case page.Error != nil:
			return nil, errors.New("polis answered with an error: " + page.Error.Message)
		case page.Data == nil:
			return nil, errors.New("this is not what Polis answers: it has no list of connections")
		}
		all = page.Data
	} else if err := json.Unmarshal(data, &all); err != nil {
		return nil, errors.New("this is not what Polis answers: " + err.Error())
	}
	moved := make([]Moved, len(all))
	for i, c := range all {
		moved[i] = c.moved(cmp.Or(entityID, PolisEntityID), from)
	}
	return moved, nil
}

func (c polisConnection) moved(entityID string, from From) Moved {
	m := Moved{Called: strings.Join([]string{c.Tenant, c.Product, cmp.Or(c.Name, c.Label, c.ClientID)}, " / "), Organization: c.Tenant}
	m.Draft.Source = "polis " + c.ClientID
	switch {
	case c.ClientID == "":
		m.cannot("It has no clientID, by which it would be known when it is imported again.")
	case c.SAML != nil:
		c.movedSAML(&m, entityID, from)
	case c.OpenID != nil:
		c.movedOpenID(&m, from)
	default:
		m.cannot("It has neither idpMetadata nor oidcProvider.")
	}
	if c.Deactivated {
		m.note("It was deactivated there.")
	}
	return m
}

func (c polisConnection) movedSAML(m *Moved, entityID string, from From) {
	idp := c.SAML
	m.Draft.Protocol = store.ProtocolSAML
	m.name(c.Name, c.Label, idp.Friendly, known(idp.Provider), "SAML")
	s := &m.Draft.SAML
	s.EntityID, s.RedirectURL, s.PostURL = idp.EntityID, idp.SSO.Redirect, idp.SSO.Post
	s.LogoutRedirectURL, s.LogoutPostURL = idp.SLO.Redirect, idp.SLO.Post
	s.ForceAuthn, s.MetadataURL = bool(c.ForceAuthn), c.MetadataURL
	m.kind(idp.EntityID)
	m.format(cmp.Or(c.Format, "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"))
	if idp.EntityID == "" {
		m.cannot("The entity ID of its identity provider is missing.")
	}
	m.certificates(idp.PublicKey, from.Now)
	m.Draft.Alternate = store.Alternate{EntityID: cmp.Or(c.Audience, entityID), Path: polisACS}
	if c.ACS != "" {
		m.Draft.Alternate.Path = m.pathOn(from.Host, c.ACS)
	} else if from.Host == nil {
		m.Draft.Alternate.Path = ""
	}
}

func (c polisConnection) movedOpenID(m *Moved, from From) {
	idp := c.OpenID
	m.Draft.Protocol = store.ProtocolOIDC
	m.name(c.Name, c.Label, idp.Friendly, known(idp.Provider), "OpenID Connect")
	m.Draft.OIDC.ClientID, m.Draft.OIDC.LoginHint = idp.ClientID, true
	m.secret(idp.ClientSecret)
	if m.Discover = idp.Discovery; m.Discover == "" {
		m.cannot("It has no discoveryUrl: without one, its issuer is not known. Make the connection by hand.")
	}
	m.kind(idp.Discovery)
	if from.Host != nil {
		m.Draft.Alternate.Path = polisCallback
	}
}

// known is a name, unless it says that there is none.
func known(name string) string {
	if name == "Unknown" {
		return ""
	}
	return name
}

// secret takes a client secret, unless it is one that was made unreadable.
func (m *Moved) secret(text string) {
	switch {
	case text == "":
		m.note("There is no client secret in it: enter it before the connection is activated.")
	case strings.Trim(text, "*") == "":
		m.note("Its client secret is masked (%s): enter it before the connection is activated. A full export of the realm has it.", text)
	case strings.HasPrefix(text, "${"):
		m.note("Its client secret is kept elsewhere (%s): enter it before the connection is activated.", text)
	default:
		m.Draft.ClientSecret = secret.TokenOf(text)
	}
}

// pathOn is the path of an address, if that is on the host that becomes ours; "" with a note if not.
func (m *Moved) pathOn(host *url.URL, address string) string {
	u, err := url.Parse(address)
	if err != nil || host == nil || !strings.EqualFold(u.Host, host.Host) || u.RawQuery != "" {
		m.note("Its identity provider sends to %s, which does not come here: enter our own ACS address there.", address)
		return ""
	}
	return u.Path
}
