package saml_test

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/saml"
)

func requestingProvider() saml.ServiceProvider {
	one, two := idptest.RSAKey("sp", 2048), idptest.RSAKey("sp-old", 2048)
	return saml.ServiceProvider{
		EntityID: "https://gatehouse.test/saml/con_1/metadata", ACS: "https://gatehouse.test/saml/con_1/acs",
		IdP:          saml.IdentityProvider{EntityID: "https://idp.test/metadata", RedirectURL: "https://idp.test/sso?idpid=C01&x=a%20b", PostURL: "https://idp.test/post"},
		Keys:         []saml.KeyPair{{Key: one.RSA(), Certificate: one.Certificate}, {Key: two.RSA(), Certificate: two.Certificate}},
		NameIDFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
	}
}

func request() saml.Request {
	return saml.Request{ID: "_abc", RelayState: "handle/+=&é", IssuedAt: time.Date(2026, 5, 4, 12, 0, 0, 5e6, time.FixedZone("", 7200))}
}

// sent is what an identity provider reads in our request.
type sent struct {
	XMLName      xml.Name `xml:"urn:oasis:names:tc:SAML:2.0:protocol AuthnRequest"`
	ID           string   `xml:"ID,attr"`
	Version      string   `xml:"Version,attr"`
	IssueInstant string   `xml:"IssueInstant,attr"`
	Destination  string   `xml:"Destination,attr"`
	ForceAuthn   string   `xml:"ForceAuthn,attr"`
	ACS          string   `xml:"AssertionConsumerServiceURL,attr"`
	Binding      string   `xml:"ProtocolBinding,attr"`
	Issuer       string   `xml:"urn:oasis:names:tc:SAML:2.0:assertion Issuer"`
	Subject      string   `xml:"urn:oasis:names:tc:SAML:2.0:assertion Subject>NameID"`
	Policy       struct {
		Format      string `xml:"Format,attr"`
		AllowCreate string `xml:"AllowCreate,attr"`
	} `xml:"urn:oasis:names:tc:SAML:2.0:protocol NameIDPolicy"`
	Context []string `xml:"RequestedAuthnContext>AuthnContextClassRef"`
}

func redirected(t *testing.T, address string) (sent, string) {
	t.Helper()
	_, query, _ := strings.Cut(address, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	deflated, err := base64.StdEncoding.DecodeString(values.Get("SAMLRequest"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(flate.NewReader(bytes.NewReader(deflated)))
	if err != nil {
		t.Fatal(err)
	}
	var got sent
	if err := xml.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	return got, query
}

// verifyQuery checks the signature as saml-bindings-2.0-os 3.4.4.1 says, over the octets as they stand in the address.
func verifyQuery(query string, certificate *x509.Certificate) error {
	_, signed, _ := strings.Cut("&"+query, "&SAMLRequest=")
	signed, signature, _ := strings.Cut("SAMLRequest="+signed, "&Signature=")
	text, err := url.QueryUnescape(signature)
	if err != nil {
		return err
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(signed))
	return rsa.VerifyPKCS1v15(certificate.PublicKey.(*rsa.PublicKey), crypto.SHA256, digest[:], raw)
}

func TestS60_RedirectIsSignedWithRSASHA256(t *testing.T) {
	sp := requestingProvider()
	address, err := sp.RedirectURL(request())
	if err != nil {
		t.Fatal(err)
	}
	got, query := redirected(t, address)
	if err := verifyQuery(query, sp.Keys[0].Certificate); err != nil {
		t.Errorf("signature: %v", err)
	}
	values, _ := url.ParseQuery(query)
	if values.Get("SigAlg") != "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" || values.Get("RelayState") != request().RelayState {
		t.Errorf("SigAlg %q, RelayState %q", values.Get("SigAlg"), values.Get("RelayState"))
	}
	if !strings.HasPrefix(address, "https://idp.test/sso?idpid=C01&x=a%20b&SAMLRequest=") {
		t.Errorf("the identity provider's own query was not kept: %s", address)
	}
	if got.ID != "_abc" || got.Version != "2.0" || got.IssueInstant != "2026-05-04T10:00:00.005Z" || got.Destination != sp.IdP.RedirectURL ||
		got.ACS != sp.ACS || got.Binding != postBinding || got.Issuer != sp.EntityID || got.Policy.Format != sp.NameIDFormat || got.Policy.AllowCreate != "true" ||
		got.ForceAuthn != "" || got.Subject != "" || len(got.Context) != 0 {
		t.Errorf("sent %+v", got)
	}
	for name, changed := range map[string]string{
		"another RelayState": strings.Replace(query, "RelayState=h", "RelayState=x", 1),
		"no RelayState":      strings.Replace(query, "&RelayState="+url.QueryEscape(request().RelayState), "", 1),
		"another algorithm":  strings.Replace(query, "sha256", "sha512", 1),
	} {
		if verifyQuery(changed, sp.Keys[0].Certificate) == nil {
			t.Errorf("%s: the signature still holds", name)
		}
	}
	if verifyQuery(query, sp.Keys[1].Certificate) == nil {
		t.Error("the second key verifies too")
	}
}

func TestS60_PostIsSignedWithRSASHA256(t *testing.T) {
	sp := requestingProvider()
	sp.ForceAuthn, sp.AuthnContext = true, []string{"urn:a&b", "urn:c"}
	form, err := sp.PostForm(request())
	if err != nil {
		t.Fatal(err)
	}
	if form.Action != sp.IdP.PostURL || form.RelayState != request().RelayState {
		t.Errorf("form %+v", form)
	}
	raw, err := base64.StdEncoding.DecodeString(form.SAMLRequest)
	if err != nil {
		t.Fatal(err)
	}
	verified, err := verifyEnveloped(raw, sp.Keys[0].Certificate)
	if err != nil {
		t.Fatalf("signature: %v", err)
	}
	if verified.SelectAttrValue("ID", "") != "_abc" {
		t.Error("another element is signed")
	}
	var got sent
	if err := xml.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if got.ForceAuthn != "true" || !slices.Equal(got.Context, sp.AuthnContext) || got.Destination != sp.IdP.PostURL {
		t.Errorf("sent %+v", got)
	}
	if !strings.Contains(string(raw), "rsa-sha256") || strings.Contains(string(raw), "sha1") {
		t.Errorf("algorithms in %s", raw)
	}
	changed := bytes.Replace(raw, []byte("ForceAuthn=\"true\""), []byte("ForceAuthn=\"fals\""), 1)
	if _, err := verifyEnveloped(changed, sp.Keys[0].Certificate); err == nil {
		t.Error("a changed request still verifies")
	}
}

func verifyEnveloped(raw []byte, certificate *x509.Certificate) (*etree.Element, error) {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(raw); err != nil {
		return nil, err
	}
	return dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{certificate}}).Validate(doc.Root())
}

func TestLoginHint(t *testing.T) {
	sp := requestingProvider()
	for as, want := range map[string]struct{ subject, parameter string }{
		saml.HintNone: {"", ""}, saml.HintSubject: {"ada@x.test", ""}, saml.HintQuery: {"", "ada@x.test"}, "query:": {"", ""}, "other": {"", ""},
	} {
		t.Run(as, func(t *testing.T) {
			r := request()
			r.LoginHint, r.LoginHintAs = "ada@x.test", as
			address, err := sp.RedirectURL(r)
			if err != nil {
				t.Fatal(err)
			}
			got, query := redirected(t, address)
			values, _ := url.ParseQuery(query)
			if got.Subject != want.subject || values.Get("login_hint") != want.parameter || values.Get("idpid") != "C01" {
				t.Errorf("subject %q, query %q", got.Subject, query)
			}
			if err := verifyQuery(query, sp.Keys[0].Certificate); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestS49_LocationsAreRefusedOnUse(t *testing.T) {
	for _, location := range []string{"javascript:alert(1)", "http://idp.test/sso", "https://idp.test/\"x", "https://u@idp.test/", "https://idp.test/#f", "", "https://idp.test.\r\nX: y"} {
		sp := requestingProvider()
		sp.IdP.RedirectURL, sp.IdP.PostURL = location, location
		if address, err := sp.RedirectURL(request()); err == nil || address != "" {
			t.Errorf("%q: redirects to %q", location, address)
		}
		if form, err := sp.PostForm(request()); err == nil || form != (saml.Form{}) {
			t.Errorf("%q: posts to %q", location, form.Action)
		}
	}
	sp := requestingProvider()
	sp.IdP.RedirectURL = "http://127.0.0.1:8080/sso"
	if _, err := sp.RedirectURL(request()); err != nil {
		t.Errorf("twin: %v", err)
	}
}

func TestRequestsThatCannotBeMade(t *testing.T) {
	for name, change := range map[string]func(*saml.ServiceProvider, *saml.Request){
		"no key":                   func(sp *saml.ServiceProvider, _ *saml.Request) { sp.Keys = nil },
		"no id":                    func(_ *saml.ServiceProvider, r *saml.Request) { r.ID = "" },
		"no time":                  func(_ *saml.ServiceProvider, r *saml.Request) { r.IssuedAt = time.Time{} },
		"a RelayState of 81 bytes": func(_ *saml.ServiceProvider, r *saml.Request) { r.RelayState = strings.Repeat("x", 81) },
	} {
		sp, r := requestingProvider(), request()
		change(&sp, &r)
		if _, err := sp.RedirectURL(r); err == nil {
			t.Errorf("%s: redirected", name)
		}
		if _, err := sp.PostForm(r); err == nil {
			t.Errorf("%s: posted", name)
		}
	}
}

func TestRequestIDsAreNew(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := saml.NewRequestID()
		if seen[id] || len(id) != 41 || id[0] != '_' {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
}
