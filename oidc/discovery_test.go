package oidc

import (
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/outbound"
)

func httpsOnly(u *url.URL) error {
	if u.Scheme != "https" {
		return errors.New("not https")
	}
	return nil
}

// TestR18_DiscoveryTakesWhatIsWholeAndSafe changes one thing of a good document at a time.
func TestR18_DiscoveryTakesWhatIsWholeAndSafe(t *testing.T) {
	const issuer = "https://idp.test"
	good := (&idptest.OpenID{Issuer: issuer}).Discovery()
	for name, c := range map[string]struct {
		member string
		value  any
		says   string // "": it is taken
	}{
		"as it is":                     {"", nil, ""},
		"without userinfo":             {"userinfo_endpoint", nil, ""},
		"without lists of its ways":    {"token_endpoint_auth_methods_supported", nil, ""},
		"another issuer":               {"issuer", "https://evil.test", "another issuer"},
		"no issuer":                    {"issuer", nil, "not a discovery document"},
		"no token endpoint":            {"token_endpoint", nil, "token_endpoint is missing"},
		"no keys":                      {"jwks_uri", nil, "jwks_uri is missing"},
		"a plain http endpoint":        {"authorization_endpoint", "http://idp.test/authorize", "must begin with https://"},
		"a script as endpoint":         {"authorization_endpoint", "javascript:alert(1)", "https://"},
		"quotes in an endpoint":        {"authorization_endpoint", `https://idp.test/"onload="`, "plain address"},
		"a password in an endpoint":    {"token_endpoint", "https://a:b@idp.test/token", "user name or password"},
		"userinfo by plain http":       {"userinfo_endpoint", "http://idp.test/userinfo", "must begin with https://"},
		"the implicit flow alone":      {"response_types_supported", []string{"id_token"}, "authorization code flow"},
		"PKCE by plain alone":          {"code_challenge_methods_supported", []string{"plain"}, "PKCE"},
		"ID tokens by HS256 and none":  {"id_token_signing_alg_values_supported", []string{"HS256", "none"}, "none of the ways"},
		"ID tokens by HS256 and ES256": {"id_token_signing_alg_values_supported", []string{"HS256", "ES256"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			document := maps.Clone(good)
			if document[c.member] = c.value; c.value == nil {
				delete(document, c.member)
			}
			raw, _ := json.Marshal(document)
			provider, err := parseDiscovery(issuer, raw, httpsOnly)
			var found *Problem
			switch {
			case c.says == "" && err != nil:
				t.Fatal(err)
			case c.says == "" && (provider.Issuer != issuer || provider.TokenURL != issuer+"/token"):
				t.Errorf("read as %+v", provider)
			case c.says != "" && (!errors.As(err, &found) || !strings.Contains(found.Sentence, c.says)):
				t.Errorf("says %v, not %q", err, c.says)
			}
		})
	}
}

// TestR18_CallsAreGuarded: the client that the product hands in follows no redirect and reaches no private address; the twin without a
// redirect, where the operator allows this machine, is read.
func TestR18_CallsAreGuarded(t *testing.T) {
	idp := idptest.NewOpenID(t)
	away := httptest.NewServer(http.RedirectHandler(idp.Issuer+wellKnown, http.StatusFound))
	t.Cleanup(away.Close)
	closed, err := outbound.New(outbound.Options{})
	if err != nil {
		t.Fatal(err)
	}
	open, err := outbound.New(outbound.Options{Allow: loopback})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Discover(t.Context(), open.Client(), idp.Issuer, anywhere); err != nil {
		t.Errorf("an honest issuer: %v", err)
	}
	if _, err := Discover(t.Context(), open.Client(), away.URL, anywhere); err == nil {
		t.Error("a redirect is followed")
	}
	if _, err := Discover(t.Context(), closed.Client(), idp.Issuer, anywhere); err == nil {
		t.Error("a private address is reached")
	}
	if _, err := Discover(t.Context(), open.Client(), idp.Issuer, httpsOnly); err == nil {
		t.Error("an issuer by plain http is asked although browsers may not be sent there")
	}
}

// TestR08_EntraHasAnIssuerForEachTenant.
func TestR08_EntraHasAnIssuerForEachTenant(t *testing.T) {
	const tenant = "https://login.microsoftonline.com/1b9e6dc3-7a4e-4a3e-9d0b-2b1f0f6c1c5a/v2.0"
	for _, c := range []struct{ asked, found, says string }{
		{tenant, tenant, ""},
		{"https://login.microsoftonline.com/common/v2.0", "https://login.microsoftonline.com/{tenantid}/v2.0", "your own tenant"},
		{"https://login.microsoftonline.com/contoso.onmicrosoft.com/v2.0", tenant, tenant},
		{"https://acme.auth0.test", "https://acme.auth0.test/", ""},
		{"https://acme.auth0.test", "https://acme.auth0.test/tenant", "exactly so"},
	} {
		found := checkIssuer(c.asked, c.found)
		if c.says == "" && found != nil || c.says != "" && (found == nil || !strings.Contains(found.Sentence, c.says)) {
			t.Errorf("%s, where %s is found: %v", c.asked, c.found, found)
		}
	}
	if got := TenantOf(tenant); got != "1b9e6dc3-7a4e-4a3e-9d0b-2b1f0f6c1c5a" || TenantOf("https://idp.test/x/v2.0") != "" {
		t.Errorf("the tenant is %q", got)
	}
	if IssuerOf(" "+tenant+wellKnown+"\n") != tenant {
		t.Error("the address of the discovery document is not taken for the issuer")
	}
}

// TestR20_KeysThatMayNotSignAreLeftOut.
func TestR20_KeysThatMayNotSignAreLeftOut(t *testing.T) {
	good := idptest.OpenIDKey{Key: idptest.RSAKey("openid", 2048), ID: "good"}
	for name, c := range map[string]struct {
		key  idptest.OpenIDKey
		kept bool
	}{
		"RSA 2048":               {good, true},
		"EC P-256":               {idptest.OpenIDKey{Key: idptest.ECKey("openid", elliptic.P256()), ID: "ec"}, true},
		"EC P-521":               {idptest.OpenIDKey{Key: idptest.ECKey("openid", elliptic.P521()), ID: "ec5"}, true},
		"RSA 1024":               {idptest.OpenIDKey{Key: idptest.RSAKey("openid weak", 1024), ID: "weak"}, false},
		"for encryption":         {idptest.OpenIDKey{Key: good.Key, ID: "enc", Members: map[string]any{"use": "enc"}}, false},
		"for signing, not us":    {idptest.OpenIDKey{Key: good.Key, ID: "ops", Members: map[string]any{"key_ops": []string{"encrypt"}}}, false},
		"for verifying":          {idptest.OpenIDKey{Key: good.Key, ID: "ops", Members: map[string]any{"key_ops": []string{"verify"}}}, true},
		"an exponent of 1":       {idptest.OpenIDKey{Key: good.Key, ID: "e", Members: map[string]any{"e": "AQ"}}, false},
		"a point off the curve":  {idptest.OpenIDKey{Key: idptest.ECKey("openid", elliptic.P256()), ID: "off", Members: map[string]any{"y": "AQ"}}, false},
		"a symmetric one":        {idptest.OpenIDKey{Key: good.Key, ID: "oct", Members: map[string]any{"kty": "oct", "k": "AAAA"}}, false},
		"a kid that is a number": {idptest.OpenIDKey{Key: good.Key, ID: "n", Members: map[string]any{"kid": 7}}, false},
	} {
		idp := idptest.NewOpenID(t)
		idp.Rotate(c.key)
		keys, err := FetchKeys(t.Context(), http.DefaultClient, idp.Issuer+"/keys")
		if (err == nil) != c.kept || c.kept && (len(keys) != 1 || keys[0].ID != c.key.ID) {
			t.Errorf("%s: %d keys, %v", name, len(keys), err)
		}
		idp.Rotate(good, c.key)
		if keys, err := FetchKeys(t.Context(), http.DefaultClient, idp.Issuer+"/keys"); err != nil || keys[0].ID != "good" {
			t.Errorf("%s spoils the good key beside it: %v", name, err)
		}
	}
}
