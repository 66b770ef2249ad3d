package bench

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/trust"
)

const (
	pending = "_request"
	acs     = "https://sso.gatehouse.test/saml/con_1/acs"
	entity  = "https://sso.gatehouse.test/saml/con_1/metadata"
)

var arrived = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)

// reader is our side of a connection with one identity provider.
type reader struct {
	idp *idptest.IdP
	sp  saml.ServiceProvider
}

func newReader(t testing.TB) reader {
	idp := idptest.New(t)
	return reader{idp, saml.ServiceProvider{
		EntityID: entity, ACS: acs, IdP: saml.IdentityProvider{EntityID: idp.EntityID, Certificates: idp.Certificates()},
	}}
}

// answer is an honest response of that many groups, with the key in it as most identity providers send it.
func (r reader) answer(groups int) idptest.Answer {
	r.idp.Person.Groups = make([]string, groups)
	for i := range r.idp.Person.Groups {
		r.idp.Person.Groups[i] = fmt.Sprintf("cn=group-%02d,ou=engineering,dc=corp,dc=test", i)
	}
	return r.idp.Answer(idptest.Service{EntityID: entity, ACS: acs}, pending, arrived)
}

// identity is the whole way from the posted field to somebody whom we vouch for.
func (r reader) identity(posted string) (trust.Identity, *trust.Refusal) {
	raw, refusal := saml.Decode(posted)
	if refusal != nil {
		return trust.Identity{}, refusal
	}
	claim, _, refusal := saml.Read(r.sp, raw, saml.Expectation{RequestID: pending}, arrived)
	if refusal != nil {
		return trust.Identity{}, refusal
	}
	claim.ConnectionID = "con_1"
	return trust.Decide(trust.Policy{
		ConnectionID: "con_1", OrganizationID: "org_1", Issuer: r.idp.EntityID, EntityID: entity, ACS: acs, ConnectionActive: true,
		OrganizationActive: true, PendingRequest: pending, VerifiedDomains: []string{"corp.test"},
	}, claim, arrived)
}

// signature is the same key's over the same bytes, and nothing but that.
type signature struct {
	key    *rsa.PublicKey
	raw    []byte
	signed []byte
}

func (s signature) verify(raw []byte) error {
	digest := sha256.Sum256(raw)
	return rsa.VerifyPKCS1v15(s.key, crypto.SHA256, digest[:], s.signed)
}

func TestReadResponse(t *testing.T) {
	r := newReader(t)
	raw := r.answer(16).XML()
	posted := base64.StdEncoding.EncodeToString(raw)
	digest := sha256.Sum256(raw)
	key := r.idp.Keys[0].RSA()
	signed, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	s := signature{&key.PublicKey, raw, signed}

	bare := func() error { return s.verify(raw) }
	guard := func() error {
		_, refusal := saml.UnverifiedHeader(raw)
		return orNil(refusal)
	}
	ours := func() error {
		_, refusal := r.identity(posted)
		return orNil(refusal)
	}
	c := Comparison{
		Title:   "One SAML response, from bytes to trust.Identity",
		Against: fmt.Sprintf("%d bytes, RSA-2048, one goroutine", len(raw)), Unit: "µs",
		Same: func() error { return r.bothRefuseChanges(s) },
		Sides: []Side{
			{Name: "rsa.VerifyPKCS1v15 with digest of the same bytes", Run: microseconds(bare)},
			{Name: "saml.Decode, saml.Read, trust.Decide", Run: microseconds(ours)},
			{Name: "of that the guard's token pass", Run: microseconds(guard)},
		},
	}
	c.Table(t)
	c.Title, c.Unit = "The same, memory allocated", "KB"
	c.Sides[0].Run, c.Sides[1].Run, c.Sides[2].Run = kilobytes(bare), kilobytes(ours), kilobytes(guard)
	c.Table(t)
}

// bothRefuseChanges: both sides check the same bytes by the same key, and one changed byte makes both refuse.
func (r reader) bothRefuseChanges(s signature) error {
	if err := s.verify(s.raw); err != nil {
		return err
	}
	identity, refusal := r.identity(base64.StdEncoding.EncodeToString(s.raw))
	if refusal != nil {
		return refusal
	}
	if identity.Subject() != r.idp.Person.Subject {
		return fmt.Errorf("the identity is of %q", identity.Subject())
	}
	changed := strings.Replace(string(s.raw), r.idp.Person.Subject, "mallory", 1)
	if s.verify([]byte(changed)) == nil {
		return errors.New("the bare verification takes other bytes")
	}
	_, refusal = r.identity(base64.StdEncoding.EncodeToString([]byte(changed)))
	if refusal == nil || refusal.Reason != trust.ReasonSignatureInvalid {
		return fmt.Errorf("what nobody signed comes to %v", refusal)
	}
	return nil
}

// orNil is the refusal as an error, nil when there is none.
func orNil(refusal *trust.Refusal) error {
	if refusal == nil {
		return nil
	}
	return refusal
}

// microseconds measures one call among as many as fit into a third of a second.
func microseconds(job func() error) func() (float64, error) {
	return func() (float64, error) {
		start, count := time.Now(), 0
		for time.Since(start) < time.Second/3 {
			if err := job(); err != nil {
				return 0, err
			}
			count++
		}
		return float64(time.Since(start).Microseconds()) / float64(count), nil
	}
}

// kilobytes measures what one call allocates.
func kilobytes(job func() error) func() (float64, error) {
	return func() (float64, error) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := job()
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc-before.TotalAlloc) / 1024, err
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
