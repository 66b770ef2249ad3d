package saml

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// Ways to pass what the person typed on to the identity provider, so that they need not type it again.
const (
	HintNone    = ""                 // not at all
	HintSubject = "subject"          // as the Subject of the request (saml-core 3.4.1): AD FS, Keycloak
	HintQuery   = "query:login_hint" // as a query parameter beside the request: Entra, Okta; the name follows the colon
)

// maxRelayState is what saml-bindings-2.0-os 3.4.3 lets us send, in bytes.
const maxRelayState = 80

// Request is one sign-in that we ask an identity provider for.
type Request struct {
	ID          string // from NewRequestID; the response must answer it
	RelayState  string // a handle of ours, at most 80 bytes; may be empty
	LoginHint   string // the address that the person typed, passed on as LoginHintAs says
	LoginHintAs string // HintNone, HintSubject or "query:" and a parameter's name
	IssuedAt    time.Time
}

// Form is a request as the page posts it to the identity provider.
type Form struct{ Action, SAMLRequest, SAMLResponse, RelayState string } // one of the two messages

// NewRequestID is a fresh xs:ID of 160 random bits.
func NewRequestID() string {
	var random [20]byte
	_, _ = rand.Read(random[:]) // never fails: it ends the process instead
	return "_" + hex.EncodeToString(random[:])
}

// RedirectURL is where to send the browser with the request by HTTP-Redirect (saml-bindings-2.0-os 3.4), signed with
// RSA-SHA256 by the first of our keys. The query parameters that the identity provider's address already has are kept in
// front and, as the binding has it, not signed.
func (sp ServiceProvider) RedirectURL(r Request) (string, error) {
	target, err := sp.target(sp.IdP.RedirectURL, r)
	if err != nil {
		return "", fmt.Errorf("ask by redirect: %w", err)
	}
	address, err := sp.signedRedirect(target, "SAMLRequest", sp.authnRequest(r, sp.IdP.RedirectURL), r.RelayState)
	if err != nil {
		return "", fmt.Errorf("ask by redirect: %w", err)
	}
	return address, nil
}

// signedRedirect carries a message of ours to an address by HTTP-Redirect.
func (sp ServiceProvider) signedRedirect(target *url.URL, parameter string, message *etree.Element, relayState string) (string, error) {
	deflated, err := deflate(message)
	if err != nil {
		return "", err
	}
	// The signature covers these octets in this order, whatever encoding another library would choose.
	query := parameter + "=" + url.QueryEscape(base64.StdEncoding.EncodeToString(deflated))
	if relayState != "" {
		query += "&RelayState=" + url.QueryEscape(relayState)
	}
	query += "&SigAlg=" + url.QueryEscape(dsig.RSASHA256SignatureMethod)
	digest := sha256.Sum256([]byte(query))
	signature, err := rsa.SignPKCS1v15(rand.Reader, sp.Keys[0].Key, crypto.SHA256, digest[:])
	if err != nil {
		return "", fmt.Errorf("sign a message: %w", err)
	}
	query += "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature))
	if target.RawQuery != "" {
		query = target.RawQuery + "&" + query
	}
	target.RawQuery, target.ForceQuery = query, false
	return target.String(), nil
}

// PostForm is the request for HTTP-POST (saml-bindings-2.0-os 3.5): an enveloped RSA-SHA256 signature by the first of our
// keys, after the Issuer where the schema wants it.
func (sp ServiceProvider) PostForm(r Request) (Form, error) {
	target, err := sp.target(sp.IdP.PostURL, r)
	if err != nil {
		return Form{}, fmt.Errorf("ask by form: %w", err)
	}
	raw, err := sp.signed(sp.authnRequest(r, sp.IdP.PostURL))
	if err != nil {
		return Form{}, fmt.Errorf("ask by form: %w", err)
	}
	return Form{Action: target.String(), SAMLRequest: base64.StdEncoding.EncodeToString(raw), RelayState: r.RelayState}, nil
}

// signed is a message of ours with its signature, which comes after the Issuer.
func (sp ServiceProvider) signed(message *etree.Element) ([]byte, error) {
	signing, err := dsig.NewSigningContext(sp.Keys[0].Key, [][]byte{sp.Keys[0].Certificate.Raw})
	if err != nil {
		return nil, fmt.Errorf("sign a message: %w", err)
	}
	signing.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if err := signing.SetSignatureMethod(dsig.RSASHA256SignatureMethod); err != nil {
		return nil, fmt.Errorf("sign a message: %w", err)
	}
	signature, err := signing.ConstructSignature(message.Copy(), true)
	if err != nil {
		return nil, fmt.Errorf("sign a message: %w", err)
	}
	message.InsertChildAt(1, signature)
	return serialize(message)
}

// target checks the identity provider's address once more, at use: what was saved may have been saved by an older version.
func (sp ServiceProvider) target(location string, r Request) (*url.URL, error) {
	if len(r.RelayState) > maxRelayState {
		return nil, fmt.Errorf("RelayState has %d bytes, more than %d", len(r.RelayState), maxRelayState)
	}
	target, err := sp.endpoint(location, r.ID, r.IssuedAt)
	if err != nil {
		return nil, err
	}
	if parameter, ok := strings.CutPrefix(r.LoginHintAs, "query:"); ok && parameter != "" && r.LoginHint != "" {
		hint := url.QueryEscape(parameter) + "=" + url.QueryEscape(r.LoginHint)
		target.RawQuery = strings.TrimPrefix(target.RawQuery+"&"+hint, "&")
	}
	return target, nil
}

// endpoint is an address of the identity provider for a message of ours that can be signed.
func (sp ServiceProvider) endpoint(location, id string, at time.Time) (*url.URL, error) {
	switch {
	case len(sp.Keys) == 0:
		return nil, errors.New("there is no key to sign with")
	case id == "" || at.IsZero():
		return nil, errors.New("the message has no ID or time")
	case location == "":
		return nil, errors.New("the identity provider has no address for this binding")
	}
	if found := CheckLocation(location, onLoopback); found != nil {
		return nil, found
	}
	target, err := url.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("read the identity provider's address: %w", err)
	}
	return target, nil
}

// authnRequest is the message itself (saml-core-2.0-os 3.4.1), children in the schema's order.
func (sp ServiceProvider) authnRequest(r Request, destination string) *etree.Element {
	request := etree.NewElement("samlp:AuthnRequest")
	request.CreateAttr("xmlns:samlp", protocolNamespace)
	request.CreateAttr("xmlns:saml", assertionNamespace)
	request.CreateAttr("ID", r.ID)
	request.CreateAttr("Version", "2.0")
	request.CreateAttr("IssueInstant", r.IssuedAt.UTC().Format("2006-01-02T15:04:05.000Z"))
	request.CreateAttr("Destination", destination)
	if sp.ForceAuthn {
		request.CreateAttr("ForceAuthn", "true")
	}
	request.CreateAttr("AssertionConsumerServiceURL", sp.ACS)
	request.CreateAttr("ProtocolBinding", bindingPost)
	request.CreateElement("saml:Issuer").SetText(sp.EntityID)
	if r.LoginHintAs == HintSubject && r.LoginHint != "" {
		hint := request.CreateElement("saml:Subject").CreateElement("saml:NameID")
		hint.CreateAttr("Format", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress")
		hint.SetText(r.LoginHint)
	}
	policy := request.CreateElement("samlp:NameIDPolicy")
	if sp.NameIDFormat != "" {
		policy.CreateAttr("Format", sp.NameIDFormat)
	}
	policy.CreateAttr("AllowCreate", "true")
	if len(sp.AuthnContext) > 0 {
		wanted := request.CreateElement("samlp:RequestedAuthnContext")
		wanted.CreateAttr("Comparison", "exact")
		for _, class := range sp.AuthnContext {
			wanted.CreateElement("saml:AuthnContextClassRef").SetText(class)
		}
	}
	return request
}

func deflate(message *etree.Element) ([]byte, error) {
	raw, err := serialize(message)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	writer, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if _, err := writer.Write(raw); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return out.Bytes(), nil
}

func serialize(element *etree.Element) ([]byte, error) {
	doc := etree.NewDocumentWithRoot(element)
	doc.WriteSettings = etree.WriteSettings{CanonicalText: true, CanonicalAttrVal: true, CanonicalEndTags: true}
	raw, err := doc.WriteToBytes()
	if err != nil {
		return nil, fmt.Errorf("write XML: %w", err)
	}
	return raw, nil
}
