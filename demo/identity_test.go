package demo

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/gatehouse-sso/gatehouse/saml"
)

const acs = "http://localhost:8080/saml/con_1/acs"

var ada = Person{ID: "tw-1001", GivenName: "Ada", FamilyName: "Lovelace", Email: "ada@tidewater.test", Title: "IT", Groups: []string{"it", "all"}}

// TestGatehouseBelievesTheIdentityProvider: what it says passes the product's
// own reading, asked for by redirect, by a form, and not asked for at all.
func TestGatehouseBelievesTheIdentityProvider(t *testing.T) {
	idp, sp := counterparts(t)
	request := saml.Request{ID: saml.NewRequestID(), RelayState: "handle", IssuedAt: time.Now()}
	address, err := sp.RedirectURL(request)
	if err != nil {
		t.Fatal(err)
	}
	asked, err := sp.PostForm(request)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		start func(*http.Client) (*http.Response, error)
		want  saml.Expectation
		relay string
	}{
		{"by redirect", func(c *http.Client) (*http.Response, error) { return c.Get(address) }, saml.Expectation{RequestID: request.ID}, "handle"},
		{"by form", func(c *http.Client) (*http.Response, error) {
			return c.PostForm(asked.Action, url.Values{"SAMLRequest": {asked.SAMLRequest}, "RelayState": {asked.RelayState}})
		}, saml.Expectation{RequestID: request.ID}, "handle"},
		{"by tile", func(c *http.Client) (*http.Response, error) { return c.Get(idp.base.JoinPath("tile").String()) }, saml.Expectation{AllowUnsolicited: true}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			browser := newBrowser(t)
			signIn := readForm(t)(test.start(browser))
			signIn.fields.Set("person", ada.ID)
			answer := readForm(t)(browser.PostForm(signIn.action, signIn.fields))
			if answer.action != acs || answer.fields.Get("RelayState") != test.relay {
				t.Errorf("posts to %s with RelayState %q", answer.action, answer.fields.Get("RelayState"))
			}
			raw, refusal := saml.Decode(answer.fields.Get("SAMLResponse"))
			if refusal != nil {
				t.Fatal(refusal)
			}
			claim, steps, refusal := saml.Read(sp, raw, test.want, time.Now())
			if refusal != nil {
				t.Fatalf("refused: %v\nsteps %+v\n%s", refusal, steps, raw)
			}
			if claim.Subject != ada.ID || claim.Email != ada.Email || claim.Name != ada.Name() || !slices.Equal(claim.Attributes["groups"], ada.Groups) {
				t.Errorf("the claim is about %+v", claim)
			}

			// The second time nobody has to be asked: this is what makes a tile one click.
			again := readForm(t)(test.start(browser))
			if again.action != acs {
				t.Errorf("signed in, but sent to %s", again.action)
			}
		})
	}
}

func TestIdentityProviderRefusesStrangers(t *testing.T) {
	_, sp := counterparts(t)
	sp.EntityID = "https://stranger.example/metadata"
	address, err := sp.RedirectURL(saml.Request{ID: saml.NewRequestID(), IssuedAt: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	response, err := newBrowser(t).Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("answered %s", response.Status)
	}
}

func TestOwnPath(t *testing.T) {
	for value, want := range map[string]string{
		"/sso?SAMLRequest=x%2By&RelayState=": "/sso?SAMLRequest=x%2By&RelayState=", "": "/", "//evil.example": "/",
		"https://evil.example/": "/", `/\evil.example`: "/", "javascript:alert(1)": "/",
	} {
		if got := ownPath(value); got != want {
			t.Errorf("ownPath(%q) = %q, want %q", value, got, want)
		}
	}
}

// counterparts are the identity provider, serving, and our side of a
// connection that was set up from its metadata.
func counterparts(t *testing.T) (*IdentityProvider, saml.ServiceProvider) {
	t.Helper()
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	idp, err := NewIdentityProvider(base, []Person{ada}, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	handler = idp.Handler()

	response, err := http.Get(idp.MetadataURL())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	metadata, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	imported, err := saml.ParseMetadata(metadata, time.Now(), saml.MetadataOptions{Allow: func(*url.URL) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	sp := serviceProvider(t)
	sp.IdP = imported.IdentityProvider
	ours, err := saml.Metadata(sp)
	if err != nil {
		t.Fatal(err)
	}
	if err := idp.Register(ours); err != nil {
		t.Fatal(err)
	}
	return idp, sp
}

func serviceProvider(t *testing.T) saml.ServiceProvider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return saml.ServiceProvider{
		EntityID: "http://localhost:8080/saml/con_1/metadata", ACS: acs,
		Keys: []saml.KeyPair{{Key: key, Certificate: certificate}},
	}
}

func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

type form struct {
	action string
	fields url.Values
}

// readForm reads the one form of the page that a request brought.
func readForm(t *testing.T) func(*http.Response, error) form {
	return func(response *http.Response, err error) form {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		page, err := html.Parse(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		found := find(page, func(n *html.Node) bool { return n.Data == "form" })
		if found == nil {
			t.Fatalf("%s answered %s without a form", response.Request.URL.Path, response.Status)
		}
		target, err := response.Request.URL.Parse(attr(found, "action"))
		if err != nil {
			t.Fatal(err)
		}
		return form{target.String(), asItStands(found)}
	}
}
