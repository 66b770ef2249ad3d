package saml

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// KeyPair is a key of ours with its self-signed certificate: it signs requests and opens what is encrypted to us.
type KeyPair struct {
	Key         *rsa.PrivateKey
	Certificate *x509.Certificate
}

// IdentityProvider is the other side, as an admin entered it: the only certificates that are believed.
type IdentityProvider struct {
	EntityID             string
	RedirectURL, PostURL string // where requests go, by binding; either may be empty
	Logout               LogoutAddresses
	Certificates         []*x509.Certificate
}

// Switches weaken one rule each for one connection; all are off in the zero value.
type Switches struct {
	// InclusiveC14N takes signatures with inclusive canonicalization 1.0 and 1.1 without comments, as Casdoor makes them.
	InclusiveC14N bool
	// UnsignedResponseAroundEncrypted takes an encrypted assertion that is signed within, inside an unsigned Response, as Entra
	// with token encryption and Okta make them. Whatever fails between its ciphertext and its signature is one answer.
	UnsignedResponseAroundEncrypted bool
}

// ServiceProvider is our side of one connection.
type ServiceProvider struct {
	EntityID, ACS string
	SLO           string // where messages about signing out reach us; may be empty, then none do
	IdP           IdentityProvider
	Keys          []KeyPair // newest first; all of them decrypt
	NameIDFormat  string    // asked for in requests, empty for none
	ForceAuthn    bool
	AuthnContext  []string // asked for in requests
	Allow         Switches
	Mapping       Mapping
}

// Expectation is what the browser that brings a response waits for.
type Expectation struct {
	RequestID        string // of the one pending login, empty when there is none
	AllowUnsolicited bool   // a response that answers no request is of use
}

// Verdicts of a Step.
const (
	Passed  = "passed"
	Refused = "refused"
	Noted   = "noted"
)

// Step is one check on the way from bytes to a claim, for the person who must find out what was wrong. Want and Got are
// printable and at most 256 characters.
type Step struct{ Name, Verdict, Want, Got string }

// Header is what the outside of a response says of itself. Nobody has checked it: it may look up a pending login, no more.
type Header struct{ ID, InResponseTo, Issuer, Destination string }

// Decode reads the SAMLResponse form field: standard base64 with any line breaks, at most 256 KiB decoded (S-37).
func Decode(samlResponse string) ([]byte, *trust.Refusal) {
	if len(samlResponse) > 2*maxBytes {
		return nil, trust.Refuse(trust.ReasonTooLarge, "at most 256 KiB", fmt.Sprintf("%d characters", len(samlResponse)))
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(withoutBlanks(samlResponse))
	switch {
	case err != nil || len(raw) == 0:
		return nil, trust.Refuse(trust.ReasonEncoding, "standard base64", samlResponse[:min(len(samlResponse), 64)])
	case len(raw) > maxBytes:
		return nil, trust.Refuse(trust.ReasonTooLarge, "at most 256 KiB", fmt.Sprintf("%d bytes", len(raw)))
	}
	return raw, nil
}

func withoutBlanks(text string) string { return strings.Join(strings.Fields(text), "") }

// UnverifiedIssuer is who a response says that it is from, behind the same token pass as Read: on its outside or, where that names nobody, in the
// assertion, if that can be read; "" where neither says so, or several differ. It may choose whose rules judge the response, no more.
func UnverifiedIssuer(raw []byte) (string, *trust.Refusal) {
	response, refusal := parse(raw)
	if refusal != nil {
		return "", refusal
	}
	if refusal := refuseOtherMessages(&message{response: response}); refusal != nil {
		return "", refusal
	}
	outside := response.only(assertionNamespace, "Issuer").value()
	if outside != "" || len(response.all(assertionNamespace, "Issuer")) > 0 {
		return outside, nil
	}
	return response.only(assertionNamespace, "Assertion").only(assertionNamespace, "Issuer").value(), nil
}

// UnverifiedHeader reads the outside of a response, behind the same token pass as Read.
func UnverifiedHeader(raw []byte) (Header, *trust.Refusal) {
	response, refusal := parse(raw)
	if refusal != nil {
		return Header{}, refusal
	}
	if refusal := refuseOtherMessages(&message{response: response}); refusal != nil {
		return Header{}, refusal
	}
	return Header{
		ID: response.attribute("ID"), InResponseTo: response.attribute("InResponseTo"),
		Issuer:      response.only(assertionNamespace, "Issuer").value(),
		Destination: response.attribute("Destination"),
	}, nil
}
