package idptest

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"sync"
	"testing"
	"time"
)

// IdP is an identity provider. Its handler says who is signed in, Person, and tells the Lie set by Tell, if any.
type IdP struct {
	EntityID string
	Keys     []Key // the first signs; all stand in the metadata
	Person   Person
	Services []Service // whom it answers, by entity ID

	mu       sync.Mutex
	lie      Lie
	vendor   *Vendor
	requests []Asked
	now      func() time.Time
}

// Service is one service provider that the identity provider knows.
type Service struct {
	EntityID, ACS string
	Certificate   *x509.Certificate // its requests verify with it, and what is encrypted for it opens with its key
	Encrypt       bool
}

// Person is somebody whom the identity provider vouches for.
type Person struct {
	Subject, Email, Name, GivenName, FamilyName string
	Groups                                      []string
	Roles                                       []string // values of the attribute for roles
}

// Ada is the person of most tests.
var Ada = Person{Subject: "u-ada-1815", Email: "ada@corp.test", Name: "Ada Lovelace", GivenName: "Ada", FamilyName: "Lovelace", Groups: []string{"engineering", "admins"}}

// New is an identity provider with one RSA key, at which Ada is signed in.
func New(t testing.TB) *IdP {
	t.Helper()
	return &IdP{EntityID: "https://idp.test/metadata", Keys: []Key{RSAKey("idp", 2048)}, Person: Ada, now: time.Now}
}

// Certificates are those of all keys.
func (p *IdP) Certificates() []*x509.Certificate {
	var all []*x509.Certificate
	for _, key := range p.Keys {
		all = append(all, key.Certificate)
	}
	return all
}

// Answer is an honest answer to that request (empty: unsolicited), at that time: the assertion is signed, and encrypted where
// the service wants it, and then the response is signed too.
func (p *IdP) Answer(to Service, request string, now time.Time) Answer {
	sign := Signature{Key: p.Keys[0]}
	a := Answer{
		Issuer: p.EntityID, ResponseID: newID(), AssertionID: newID(), InResponseTo: request, Destination: to.ACS, Recipient: to.ACS,
		Audience: []string{to.EntityID}, Subject: p.Person.Subject, SubjectFormat: Persistent, Attributes: p.Person.attributes(),
		IssuedAt: now, NotBefore: now.Add(-time.Minute), NotOnOrAfter: now.Add(5 * time.Minute), AuthnAt: now.Add(-time.Minute),
		SessionNotOnOrAfter: now.Add(8 * time.Hour), AuthnContext: Password, SessionIndex: newID(),
		Assertion: &sign, Style: Plain, To: to,
	}
	if to.Encrypt {
		a.Response, a.Encryption = &sign, &Encryption{To: to.Certificate}
	}
	if p.vendor != nil {
		return p.vendor.spell(a, p.Person, p.Keys[0])
	}
	return a
}

func (p Person) attributes() []Attribute {
	all := []Attribute{}
	for _, one := range []struct{ name, value string }{
		{"email", p.Email}, {"displayName", p.Name}, {"givenName", p.GivenName}, {"sn", p.FamilyName},
	} {
		if one.value != "" {
			all = append(all, Attribute{Name: one.name, Format: Basic, Values: []string{one.value}})
		}
	}
	if len(p.Groups) > 0 {
		all = append(all, Attribute{Name: "groups", Format: Basic, Values: p.Groups})
	}
	if len(p.Roles) > 0 {
		all = append(all, Attribute{Name: "roles", Format: Basic, Values: p.Roles})
	}
	return all
}

func newID() string {
	var random [16]byte
	_, _ = rand.Read(random[:])
	return "_" + hex.EncodeToString(random[:])
}
