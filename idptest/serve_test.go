package idptest_test

import (
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// serving is an identity provider on loopback and us, who read its metadata and whom it knows.
func serving(t *testing.T, encrypt bool) (*idptest.IdP, saml.ServiceProvider) {
	t.Helper()
	idp := idptest.New(t)
	server := httptest.NewServer(idp.Handler())
	t.Cleanup(server.Close)
	imported, err := saml.ParseMetadata([]byte(get(t, server.URL+"/metadata")), time.Now(), saml.MetadataOptions{Allow: func(*url.URL) error { return nil }})
	if err != nil || len(imported.Warnings) != 0 {
		t.Fatalf("%v %q", err, imported.Warnings)
	}
	key := idptest.RSAKey("sp", 2048)
	sp := saml.ServiceProvider{EntityID: "https://sp.test/metadata", ACS: "https://sp.test/acs", IdP: imported.IdentityProvider,
		Keys: []saml.KeyPair{{Key: key.RSA(), Certificate: key.Certificate}}}
	idp.Serve(idptest.Service{EntityID: sp.EntityID, ACS: sp.ACS, Certificate: key.Certificate, Encrypt: encrypt})
	return idp, sp
}

func get(t *testing.T, address string) string {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	return body(t, answer)
}

func body(t *testing.T, answer *http.Response) string {
	t.Helper()
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func field(page, name string) string {
	found := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
	if found == nil {
		return ""
	}
	return html.UnescapeString(found[1])
}

func read(t *testing.T, sp saml.ServiceProvider, page, request string) (trust.Claim, *trust.Refusal) {
	t.Helper()
	raw, refusal := saml.Decode(field(page, "SAMLResponse"))
	if refusal != nil {
		t.Fatalf("%v in %s", refusal, page)
	}
	claim, _, refusal := saml.Read(sp, raw, saml.Expectation{RequestID: request, AllowUnsolicited: request == ""}, time.Now())
	return claim, refusal
}

func TestSignInByRedirectAndByForm(t *testing.T) {
	for _, encrypt := range []bool{false, true} {
		idp, sp := serving(t, encrypt)
		ask := saml.Request{ID: saml.NewRequestID(), RelayState: "handle &+", IssuedAt: time.Now(), LoginHint: "ada@corp.test", LoginHintAs: saml.HintSubject}
		address, err := sp.RedirectURL(ask)
		if err != nil {
			t.Fatal(err)
		}
		form, err := sp.PostForm(ask)
		if err != nil {
			t.Fatal(err)
		}
		posted, err := http.PostForm(form.Action, url.Values{"SAMLRequest": {form.SAMLRequest}, "RelayState": {form.RelayState}})
		if err != nil {
			t.Fatal(err)
		}
		for binding, page := range map[string]string{"redirect": get(t, address), "form": body(t, posted)} {
			claim, refusal := read(t, sp, page, ask.ID)
			if refusal != nil || claim.Subject != idptest.Ada.Subject {
				t.Errorf("%s, encrypted %v: %+v %+v", binding, encrypt, refusal, claim)
			}
			if field(page, "RelayState") != ask.RelayState || !strings.Contains(page, `action="https://sp.test/acs"`) {
				t.Errorf("%s: %s", binding, page)
			}
		}
		for _, asked := range idp.Requests() {
			if asked.ID != ask.ID || asked.LoginHint != "ada@corp.test" {
				t.Errorf("asked %+v", asked)
			}
		}
	}
}

func TestRequestsThatTheServiceDidNotSignAreRefused(t *testing.T) {
	_, sp := serving(t, false)
	ask := saml.Request{ID: saml.NewRequestID(), RelayState: "handle", IssuedAt: time.Now()}
	honest, err := sp.RedirectURL(ask)
	if err != nil {
		t.Fatal(err)
	}
	attacker := idptest.RSAKey("attacker", 2048)
	forged := sp
	forged.Keys = []saml.KeyPair{{Key: attacker.RSA(), Certificate: attacker.Certificate}}
	address, err := forged.RedirectURL(ask)
	if err != nil {
		t.Fatal(err)
	}
	form, err := forged.PostForm(ask)
	if err != nil {
		t.Fatal(err)
	}
	posted, err := http.PostForm(form.Action, url.Values{"SAMLRequest": {form.SAMLRequest}})
	if err != nil {
		t.Fatal(err)
	}
	for name, page := range map[string]string{
		"another key": get(t, address), "another key by form": body(t, posted), "no signature": get(t, honest[:strings.Index(honest, "&Signature=")]),
		"another RelayState": get(t, strings.Replace(honest, "handle", "handled", 1)), "nothing": get(t, sp.IdP.RedirectURL),
	} {
		if field(page, "SAMLResponse") != "" {
			t.Errorf("%s: answered", name)
		}
	}
}

func TestAppTileAndLies(t *testing.T) {
	idp, sp := serving(t, false)
	base := strings.TrimSuffix(sp.IdP.RedirectURL, "/sso")
	if page := get(t, base+"/apps"); !strings.Contains(page, `<a href="/apps/0">https://sp.test/metadata</a>`) {
		t.Errorf("no tile: %s", page)
	}
	page := get(t, base+"/apps/0?RelayState=/deep")
	claim, refusal := read(t, sp, page, "")
	if refusal != nil || !claim.Unsolicited || field(page, "RelayState") != "/deep" {
		t.Errorf("%+v %+v", refusal, claim)
	}
	bob := idptest.Person{Subject: "u-bob", Email: "bob@corp.test"}
	idp.SignIn(bob)
	if claim, refusal = read(t, sp, get(t, base+"/apps/0"), ""); refusal != nil || claim.Subject != "u-bob" || claim.Email != bob.Email {
		t.Errorf("%+v %+v", refusal, claim)
	}
	idp.Tell(idptest.OneLie("S-40", "another audience"))
	if _, refusal = read(t, sp, get(t, base+"/apps/0"), ""); refusal == nil || refusal.Reason != trust.ReasonAudience {
		t.Errorf("%+v", refusal)
	}
	idp.Tell(idptest.Lie{})
	idp.At(func() time.Time { return time.Now().Add(-time.Hour) })
	if _, refusal = read(t, sp, get(t, base+"/apps/0"), ""); refusal == nil || refusal.Reason != trust.ReasonResponseExpired {
		t.Errorf("%+v", refusal)
	}
	if page := get(t, base+"/apps/7"); field(page, "SAMLResponse") != "" {
		t.Error("a tile that does not exist answers")
	}
}
