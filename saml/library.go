package saml

import (
	"crypto"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/beevik/etree"
	crewjam "github.com/crewjam/saml"
	"github.com/crewjam/saml/xmlenc"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// library is the turn of whoever has crewjam/saml read. Its clock is a package variable, so readings take turns, each with a
// time of its own. Only messages whose signature we verified come here, so nobody without an identity provider's key can
// make others wait.
var library struct {
	turn sync.Mutex
	now  atomic.Pointer[time.Time] // nil between turns
}

// The library's variables are set here and nowhere else. Outside a turn its clock is the real one: the demonstration's
// identity provider uses it too.
func init() {
	crewjam.MaxIssueDelay = trust.MaxAge
	crewjam.MaxClockSkew = trust.Skew
	between := crewjam.TimeNow
	crewjam.TimeNow = func() time.Time {
		if now := library.now.Load(); now != nil {
			return *now
		}
		return between()
	}
	for algorithm := range blockCiphers {
		xmlenc.RegisterDecrypter(handed{algorithm: algorithm})
	}
	for _, algorithm := range keyTransports {
		xmlenc.RegisterDecrypter(handed{algorithm: algorithm})
	}
}

// handed stands in for the library's key and for its decrypters: what we opened ourselves, and the guard has passed, is
// handed over in place of a ciphertext. The library never holds a key and decrypts nothing.
type handed struct {
	crypto.Signer // none: the library signs nothing here
	algorithm     string
	plaintext     []byte
}

func (h handed) Algorithm() string { return h.algorithm }

func (h handed) Decrypt(key any, _ *etree.Element) ([]byte, error) {
	switch key := key.(type) {
	case *handed:
		return key.plaintext, nil
	case []byte: // handed over as the content key of an EncryptedKey that stands beside its EncryptedData
		return key, nil
	}
	return nil, fmt.Errorf("nothing was opened for %T", key)
}

// readByLibrary has crewjam/saml read the message, and takes back what it read. It panics on some input that it should
// refuse; the guard keeps such input away, and should it not, a panic is an error like any other.
func (m *message) readByLibrary() (r reading, err error) {
	acs, err := url.Parse(m.sp.ACS)
	if err != nil {
		return reading{}, fmt.Errorf("parse our ACS: %w", err)
	}
	sp := crewjam.ServiceProvider{
		EntityID: m.sp.EntityID, AcsURL: *acs, IDPMetadata: m.metadata(),
		Key: &handed{plaintext: m.plaintext}, AllowIDPInitiated: m.unsolicited, SignatureVerifier: m,
		ValidateAudienceRestriction: m.agreeOnAudience,
	}
	var requests []string
	if !m.unsolicited {
		requests = []string{m.want.RequestID}
	}
	defer func() {
		if fault := recover(); fault != nil {
			r, err = reading{}, fmt.Errorf("the library panicked: %v", fault)
		}
	}()
	library.turn.Lock()
	defer library.turn.Unlock()
	library.now.Store(&m.now)
	defer library.now.Store(nil)
	assertion, err := sp.ParseXMLResponse(m.raw, requests, *acs)
	if err != nil {
		if invalid, ok := err.(*crewjam.InvalidResponseError); ok {
			err = invalid.PrivateErr
		}
		return reading{}, fmt.Errorf("read by the library: %w", err)
	}
	return readingOf(assertion), nil
}

// metadata is the identity provider as the library wants it. It insists on certificates, and leaves verifying to us.
func (m *message) metadata() *crewjam.EntityDescriptor {
	var keys []crewjam.KeyDescriptor
	for _, certificate := range m.sp.IdP.Certificates {
		keys = append(keys, crewjam.KeyDescriptor{Use: "signing", KeyInfo: crewjam.KeyInfo{X509Data: crewjam.X509Data{
			X509Certificates: []crewjam.X509Certificate{{Data: base64.StdEncoding.EncodeToString(certificate.Raw)}},
		}}})
	}
	return &crewjam.EntityDescriptor{EntityID: m.sp.IdP.EntityID, IDPSSODescriptors: []crewjam.IDPSSODescriptor{{
		SSODescriptor: crewjam.SSODescriptor{RoleDescriptor: crewjam.RoleDescriptor{KeyDescriptors: keys}},
	}}}
}

// VerifySignature verifies for the library: it would trust the KeyInfo to choose among certificates, and fail without one.
func (m *message) VerifySignature(_ *dsig.ValidationContext, el *etree.Element) error {
	if _, _, refusal := verify(el, m.sp.IdP.Certificates, m.now); refusal != nil {
		return refusal
	}
	return nil
}

// agreeOnAudience: the library keeps one audience of each restriction; it must be among those that we read.
func (m *message) agreeOnAudience(assertion *crewjam.Assertion) error {
	for _, restriction := range assertion.Conditions.AudienceRestrictions {
		if !slices.Contains(m.audiences(), restriction.Audience.Value) {
			return fmt.Errorf("audience %q was not read by us", restriction.Audience.Value)
		}
	}
	return nil
}

// reading is what must come out the same however a message is read.
type reading struct{ assertion, issuer, nameID, inResponseTo, audience string }

func readingOf(a *crewjam.Assertion) reading {
	r := reading{assertion: a.ID, issuer: a.Issuer.Value}
	if a.Subject != nil && a.Subject.NameID != nil {
		r.nameID = a.Subject.NameID.Value
		for _, confirmation := range a.Subject.SubjectConfirmations {
			if data := confirmation.SubjectConfirmationData; data != nil && confirmation.Method == bearer {
				r.inResponseTo = data.InResponseTo
			}
		}
	}
	if a.Conditions != nil {
		for _, restriction := range a.Conditions.AudienceRestrictions {
			r.audience = restriction.Audience.Value
		}
	}
	return r
}

// readingIn reads the same from a tree of ours: of several audiences the last, as the library does.
func readingIn(assertion *node) reading {
	r := reading{assertion: assertion.attribute("ID"), issuer: assertion.only(assertionNamespace, "Issuer").value()}
	subject := assertion.only(assertionNamespace, "Subject")
	r.nameID = subject.only(assertionNamespace, "NameID").value()
	for _, confirmation := range subject.all(assertionNamespace, "SubjectConfirmation") {
		if data := confirmation.only(assertionNamespace, "SubjectConfirmationData"); data != nil && confirmation.attribute("Method") == bearer {
			r.inResponseTo = data.attribute("InResponseTo")
		}
	}
	restriction := assertion.only(assertionNamespace, "Conditions").only(assertionNamespace, "AudienceRestriction")
	for _, audience := range restriction.all(assertionNamespace, "Audience") {
		r.audience = audience.value()
	}
	return r
}
