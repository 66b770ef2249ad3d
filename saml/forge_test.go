package saml

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// The tests forge responses from one good text: words are replaced before or after signing, so that each test shows the one
// thing that it changes.

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const (
	ourEntity = "https://gate.test/saml/con_1/metadata"
	ourACS    = "https://gate.test/saml/con_1/acs"
	theirs    = "https://idp.test/metadata"
)

const goodText = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_response" Version="2.0" IssueInstant="2026-11-23T12:00:00Z" Destination="https://gate.test/saml/con_1/acs" InResponseTo="_request">
  <saml:Issuer>https://idp.test/metadata</saml:Issuer>
  <samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>
  <saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="_assertion" Version="2.0" IssueInstant="2026-11-23T12:00:01Z">
    <saml:Issuer>https://idp.test/metadata</saml:Issuer>
    <saml:Subject>
      <saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">ada</saml:NameID>
      <saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="2026-11-23T12:05:00Z" Recipient="https://gate.test/saml/con_1/acs" InResponseTo="_request"/></saml:SubjectConfirmation>
    </saml:Subject>
    <saml:Conditions NotBefore="2026-11-23T11:59:30Z" NotOnOrAfter="2026-11-23T12:06:00Z"><saml:AudienceRestriction><saml:Audience>https://gate.test/saml/con_1/metadata</saml:Audience></saml:AudienceRestriction></saml:Conditions>
    <saml:AuthnStatement AuthnInstant="2026-11-23T11:58:00Z" SessionIndex="_session" SessionNotOnOrAfter="2026-11-23T20:00:00Z"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>
    <saml:AttributeStatement>
      <saml:Attribute Name="email" FriendlyName="mail"><saml:AttributeValue xsi:type="xs:string">Ada@a.test</saml:AttributeValue></saml:Attribute>
      <saml:Attribute Name="displayName"><saml:AttributeValue>Ada Lovelace</saml:AttributeValue></saml:Attribute>
      <saml:Attribute Name="groups"><saml:AttributeValue>engineers</saml:AttributeValue></saml:Attribute>
      <saml:Attribute Name="groups"><saml:AttributeValue>owners</saml:AttributeValue></saml:Attribute>
    </saml:AttributeStatement>
  </saml:Assertion>
</samlp:Response>`

// identity is a key with a certificate, of whichever side.
type identity struct {
	key         crypto.Signer
	certificate *x509.Certificate
}

func (i identity) pair() KeyPair { return KeyPair{i.key.(*rsa.PrivateKey), i.certificate} }

var (
	idp, idpNext, stranger = rsaIdentity(2048), rsaIdentity(2048), rsaIdentity(2048)
	we, weBefore           = rsaIdentity(2048), rsaIdentity(2048)
	idpWeak, idpCurve      = rsaIdentity(1024), ecIdentity(elliptic.P256)
	idpShort               = ecIdentity(elliptic.P224)
	idpPast                = lazily(func() identity { return certified(idp().key, noon.AddDate(-2, 0, 0), noon.AddDate(0, 0, -1)) })
	idpFuture              = lazily(func() identity { return certified(idp().key, noon.AddDate(0, 0, 1), noon.AddDate(2, 0, 0)) })
)

func lazily(make func() identity) func() identity { return sync.OnceValue(make) }

func rsaIdentity(bits int) func() identity {
	return lazily(func() identity {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			panic(err)
		}
		return certified(key, noon.AddDate(-1, 0, 0), noon.AddDate(1, 0, 0))
	})
}

func ecIdentity(curve func() elliptic.Curve) func() identity {
	return lazily(func() identity {
		key, err := ecdsa.GenerateKey(curve(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return certified(key, noon.AddDate(-1, 0, 0), noon.AddDate(1, 0, 0))
	})
}

func certified(key crypto.Signer, from, until time.Time) identity {
	template := &x509.Certificate{SerialNumber: big.NewInt(from.Unix()), Subject: pkix.Name{CommonName: "idp.test"}, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return identity{key, certificate}
}

// forgery says how a response is made of goodText.
type forgery struct {
	edit               []string // old, new, old, new… before signing
	response           bool     // sign the Response
	assertion          bool     // sign the Assertion
	by                 func() identity
	method             string // signature method, with SHA-256 when empty
	canonical          dsig.Canonicalizer
	encrypt            *lock    // encrypt the Assertion, to us
	editPlaintext      []string // old, new… in what is encrypted, after it was signed
	editSealed         []string // old, new… in the EncryptedAssertion, before the Response is signed
	afterwards         []string // old, new… in the final text
	signature          []string // old, new… within each Signature, its SignedInfo signed again
	withoutCertificate bool
	moved              string // put the Signature right before this text, in place of after the Issuer
	spoilInner         bool   // change the Assertion between its signature and the Response's
}

// replaced replaces each old by its new once, and insists that it is there: a test that changes nothing tests nothing.
func replaced(t testing.TB, text string, pairs []string) string {
	t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%q is not in the message:\n%s", pairs[i], text)
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

func (f forgery) make(t testing.TB) []byte {
	t.Helper()
	document := etree.NewDocument()
	if err := document.ReadFromString(replaced(t, goodText, f.edit)); err != nil {
		t.Fatal(err)
	}
	root := document.Root()
	assertion := root.FindElement("./Assertion")
	if f.assertion {
		f.sign(t, assertion)
	}
	if f.spoilInner {
		root.FindElement("./Assertion/Subject/NameID").SetText("eve")
	}
	if f.encrypt != nil {
		plain := etree.NewDocument()
		root.RemoveChild(assertion)
		plain.SetRoot(assertion)
		text, _ := plain.WriteToString()
		sealed := etree.NewDocument()
		sealed.SetRoot(f.encrypt.encrypt(t, we(), []byte(replaced(t, text, f.editPlaintext))))
		text, _ = sealed.WriteToString()
		edited := etree.NewDocument()
		if err := edited.ReadFromString(replaced(t, text, f.editSealed)); err != nil {
			t.Fatal(err)
		}
		root.AddChild(edited.Root())
	}
	if f.response {
		f.sign(t, root)
	}
	text, err := document.WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	if f.moved != "" {
		start, end := strings.Index(text, "<ds:Signature "), strings.Index(text, "</ds:Signature>")+len("</ds:Signature>")
		signature := text[start:end]
		text = replaced(t, text[:start]+text[end:], []string{f.moved, signature + f.moved})
	}
	return []byte(replaced(t, text, f.afterwards))
}

// sign puts an enveloped signature after the element's Issuer. Its SignedInfo may be edited and is then signed as edited.
func (f forgery) sign(t testing.TB, el *etree.Element) {
	t.Helper()
	by := idp()
	if f.by != nil {
		by = f.by()
	}
	signing := dsig.NewDefaultSigningContext(dsig.TLSCertKeyStore(tls.Certificate{Certificate: [][]byte{by.certificate.Raw}, PrivateKey: by.key}))
	if _, curve := by.key.(*ecdsa.PrivateKey); curve {
		signing, _ = dsig.NewSigningContext(by.key, [][]byte{by.certificate.Raw})
		if f.method == "" {
			f.method = dsig.ECDSASHA256SignatureMethod
		}
	}
	signing.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if f.canonical != nil {
		signing.Canonicalizer = f.canonical
	}
	if f.method == "" {
		f.method = dsig.RSASHA256SignatureMethod
	}
	if err := signing.SetSignatureMethod(f.method); err != nil {
		t.Fatal(err)
	}
	signature, err := signing.ConstructSignature(el.Copy(), true)
	if err != nil {
		t.Fatal(err)
	}
	if f.withoutCertificate {
		signature.RemoveChild(signature.FindElement("./KeyInfo"))
	}
	if len(f.signature) > 0 {
		signature = f.resigned(t, signature, signing)
	}
	at := 0
	if issuer := el.FindElement("./Issuer"); issuer != nil {
		at = issuer.Index() + 1
	}
	el.InsertChildAt(at, signature)
}

// resigned edits a Signature and signs its SignedInfo as it then is, so that only the rule about the edit can refuse it.
func (f forgery) resigned(t testing.TB, signature *etree.Element, signing *dsig.SigningContext) *etree.Element {
	t.Helper()
	document := etree.NewDocument()
	document.SetRoot(signature)
	text, _ := document.WriteToString()
	again := etree.NewDocument()
	if err := again.ReadFromString(replaced(t, text, f.signature)); err != nil {
		t.Fatal(err)
	}
	info := again.Root().FindElement("./SignedInfo").Copy()
	info.CreateAttr("xmlns:ds", signatureNamespace)
	canonical, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(info)
	if err != nil {
		t.Fatal(err)
	}
	value, err := signing.SignString(string(canonical))
	if err != nil {
		t.Fatal(err)
	}
	again.Root().FindElement("./SignatureValue").SetText(base64.StdEncoding.EncodeToString(value))
	return again.Root()
}

// goodProvider is our side, as it believes goodText.
func goodProvider() ServiceProvider {
	return ServiceProvider{
		EntityID: ourEntity, ACS: ourACS, Keys: []KeyPair{we().pair()},
		IdP: IdentityProvider{EntityID: theirs, Certificates: []*x509.Certificate{idp().certificate}},
	}
}

var goodExpectation = Expectation{RequestID: "_request"}

// policyFor lets trust.Decide judge what Read believed.
func policyFor(sp ServiceProvider) trust.Policy {
	return trust.Policy{
		ConnectionID: "con_1", OrganizationID: "org_1", Issuer: sp.IdP.EntityID, EntityID: sp.EntityID, ACS: sp.ACS,
		ConnectionActive: true, OrganizationActive: true, PendingRequest: goodExpectation.RequestID, VerifiedDomains: []string{"a.test"},
	}
}
