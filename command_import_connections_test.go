package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/store"
)

// plainCertificate is an identity provider's as both products keep it: base64 without armour.
func plainCertificate() string {
	return base64.StdEncoding.EncodeToString(idptest.RSAKey("idp", 2048).Certificate.Raw)
}

// polisAnswer is what Polis says of four connections: one that can come, its double, one of a tenant that is not here, and one of nothing.
func polisAnswer(openID string) string {
	certificate := plainCertificate()
	connection := func(more map[string]any) map[string]any {
		all := map[string]any{"defaultRedirectUrl": "https://app.example.com/", "redirectUrl": []string{"https://app.example.com/*"}, "tenant": "Acme", "product": "crm",
			"name": "Okta of Acme", "label": "", "description": "", "clientSecret": "hush-of-polis", "deactivated": false}
		for name, value := range more {
			all[name] = value
		}
		return all
	}
	saml := map[string]any{"entityID": "http://www.okta.com/exk1", "loginType": "idp", "provider": "okta.com", "friendlyProviderName": nil, "thumbprint": "00",
		"publicKey": certificate, "sso": map[string]string{"redirectUrl": "https://acme.okta.com/sso", "postUrl": "https://acme.okta.com/sso"}, "slo": map[string]string{}}
	all := []any{
		connection(map[string]any{"clientID": "one", "idpMetadata": saml, "forceAuthn": "true"}),
		connection(map[string]any{"clientID": "two", "idpMetadata": saml, "product": "wiki", "deactivated": true}),
		connection(map[string]any{"clientID": "three", "idpMetadata": saml, "tenant": "nobody.test"}),
		connection(map[string]any{"clientID": "four"}),
	}
	if openID != "" {
		all = append(all, connection(map[string]any{"clientID": "five", "name": "Keycloak of Acme", "oidcProvider": map[string]any{"provider": "Unknown", "friendlyProviderName": nil,
			"discoveryUrl": openID + "/.well-known/openid-configuration", "clientId": "gatehouse", "clientSecret": "hush-of-the-idp"}}))
	}
	text, _ := json.Marshal(all)
	return string(text)
}

// run asks the program for anything.
func (w *importWorld) run(args ...string) (string, error) {
	w.Helper()
	return ask(w.T, w.folder, args...)
}

// connections are Acme's.
func (w *importWorld) connections() (all []store.Connection) {
	w.Helper()
	w.with(func(db *store.Store) error {
		o, err := organizationCalled(w.Context(), db, "Acme")
		if err == nil {
			all, err = db.In(o.ID).Connections(w.Context())
		}
		return err
	})
	return all
}

func wantsWords(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, want := range words {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
}

func TestImportPolis(t *testing.T) {
	w := newImportWorld(t)
	t.Setenv("GATEHOUSE_EGRESS_ALLOW", "127.0.0.0/8")
	file := w.file("polis.json", polisAnswer(idptest.NewOpenID(t).Issuer))
	said, err := w.run("import", "polis", file)
	if err == nil || !strings.Contains(err.Error(), "2 of 5") {
		t.Errorf("two cannot come: %v", err)
	}
	wantsWords(t, said, `Acme / crm / Okta of Acme: would be made in Acme, the draft "Okta of Acme"`, "https://saml.boxyhq.com, at /api/oauth/saml", "Two could not be told apart there",
		`there is no organization "nobody.test"`, "neither idpMetadata nor oidcProvider", "It was deactivated there.", "at /api/oauth/oidc", "Nothing was changed.")
	if made := w.connections(); len(made) != 0 {
		t.Fatalf("a dry run made %+v", made)
	}
	said, _ = w.run("import", "polis", "--write", file)
	wantsWords(t, said, "Made: 3, already there: 0, cannot be taken in: 2.")
	made := w.connections()
	if len(made) != 3 {
		t.Fatalf("made are %+v", made)
	}
	for _, c := range made {
		moved := c.Settings.AlternateACS + c.OIDC.AlternateCallback
		switch {
		case c.State != store.ConnectionDraft:
			t.Errorf("%s is %s", c.Name, c.State)
		case c.Source == "polis one" && (c.Kind != "okta" || c.Settings.AlternateEntityID != "https://saml.boxyhq.com" || moved != "/api/oauth/saml" || !c.Settings.ForceAuthn ||
			len(c.Settings.Certificates) != 1 || !strings.HasSuffix(c.Settings.NameIDFormat, ":emailAddress")):
			t.Errorf("the first is %+v", c)
		case c.Source == "polis two" && moved != "":
			t.Errorf("the double is found at %s", moved)
		case c.Source == "polis five" && (c.OIDC.SecretID == "" || moved != "/api/oauth/oidc" || c.OIDC.TokenURL == ""):
			t.Errorf("the one of OpenID Connect is %+v", c)
		}
	}
	raw, err := os.ReadFile(w.folder + "/gatehouse.db")
	if err != nil || bytes.Contains(raw, []byte("hush-of")) {
		t.Errorf("a secret stands in the database as it is (%v)", err)
	}
	said, _ = w.run("import", "polis", "--write", file)
	wantsWords(t, said, "Made: 0, already there: 3, cannot be taken in: 2.")
	if again := w.connections(); len(again) != 3 {
		t.Errorf("the second run made %d", len(again)-3)
	}
}

const keycloakFile = `{"id":"acme","realm":"acme","enabled":true,
"organizations":[{"id":"o1","name":"Acme","alias":"acme","enabled":true,"domains":[{"name":"acme.example","verified":true}],"identityProviders":[{"alias":"adfs"}]}],
"identityProviders":[
 {"alias":"adfs","displayName":"AD FS","internalId":"u-1","providerId":"saml","enabled":true,"config":{"idpEntityId":"http://adfs.acme.example/adfs/services/trust","entityId":"https://sso.acme.example/sp",
  "singleSignOnServiceUrl":"https://adfs.acme.example/adfs/ls/","postBindingAuthnRequest":"true","nameIDPolicyFormat":"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent","signingCertificate":"CERTIFICATE",
  "validateSignature":"false","wantAssertionsEncrypted":"true","principalType":"SUBJECT","loginHint":"true"}},
 {"alias":"github","internalId":"u-2","providerId":"github","enabled":true,"config":{"clientId":"x","clientSecret":"**********"}},
 {"alias":"nameless","internalId":"u-3","providerId":"saml","enabled":false,"config":{"singleSignOnServiceUrl":"https://idp.acme.example/sso"}},
 {"alias":"other","internalId":"u-4","providerId":"keycloak-oidc","enabled":true,"config":{"issuer":"ISSUER","clientId":"gatehouse","clientSecret":"**********","defaultScope":"openid email"}}],
"identityProviderMappers":[
 {"name":"mail","identityProviderAlias":"adfs","identityProviderMapper":"saml-user-attribute-idp-mapper","config":{"attribute.name":"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress","user.attribute":"email"}},
 {"name":"site","identityProviderAlias":"adfs","identityProviderMapper":"saml-user-attribute-idp-mapper","config":{"attribute.name":"urn:site","user.attribute":"Work-Site"}},
 {"name":"odd","identityProviderAlias":"adfs","identityProviderMapper":"saml-user-attribute-idp-mapper","config":{"attribute.name":"urn:odd","user.attribute":"1st/choice"}},
 {"name":"admins","identityProviderAlias":"adfs","identityProviderMapper":"saml-role-idp-mapper","config":{}}]}`

func TestImportKeycloak(t *testing.T) {
	w := newImportWorld(t)
	t.Setenv("GATEHOUSE_EGRESS_ALLOW", "127.0.0.0/8")
	file := w.file("realm.json", strings.NewReplacer("CERTIFICATE", plainCertificate(), "ISSUER", idptest.NewOpenID(t).Issuer).Replace(keycloakFile))
	said, err := w.run("import", "keycloak", file)
	if err == nil {
		t.Error("two cannot come, and it is no error")
	}
	wantsWords(t, said, "acme / adfs: would be made in Acme", "https://sso.acme.example/sp, at /realms/acme/broker/adfs/endpoint", "none is taken without a good one", "encrypted with Keycloak's key",
		`The mapper "admins"`, `The mapper "odd", which put "urn:odd" into "1st/choice", is left out`, "The domain acme.example would be claimed.", `login by "github"`, "(idpEntityId)", "Nothing says which organization it belongs to")
	said, _ = w.run("import", "keycloak", "--organization", "Acme", "--write", file)
	wantsWords(t, said, "Made: 2, already there: 0, cannot be taken in: 2.", "The domain acme.example is claimed", "is masked (**********)")
	for _, c := range w.connections() {
		switch {
		case c.Source == "keycloak u-1" && (c.Kind != "adfs" || c.Settings.PostURL == "" || c.Settings.Binding != store.BindingPost || c.Settings.LoginHintAs != "subject" ||
			c.Settings.AlternateACS != "/realms/acme/broker/adfs/endpoint" || c.Settings.Mapping.Own["work_site"] != "urn:site" || !strings.HasSuffix(c.Settings.Mapping.Email, "/emailaddress")):
			t.Errorf("AD FS is %+v", c)
		case c.Source == "keycloak u-4" && (c.OIDC.SecretID != "" || c.OIDC.AlternateCallback != "/realms/acme/broker/other/endpoint"):
			t.Errorf("the one of OpenID Connect is %+v", c)
		}
	}
	said, _ = w.run("import", "keycloak", "--organization", "Acme", "--write", file)
	wantsWords(t, said, "Made: 0, already there: 2, cannot be taken in: 2.")
	if _, err := w.run("import", "keycloak", "--old-url", "https://elsewhere.test/auth", file); err == nil || !strings.Contains(err.Error(), "--old-url") {
		t.Errorf("addresses of another host: %v", err)
	}
	for name, text := range map[string]string{"no JSON": "<xml/>", "no realm": "{}", "nothing in it": `{"realm":"acme"}`} {
		if _, err := w.run("import", "keycloak", w.file("wrong.json", text)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestAlternateAddressesAreGivenInTheShell(t *testing.T) {
	w := newImportWorld(t)
	if _, err := w.run("import", "polis", "--write", w.file("polis.json", polisAnswer(""))); err == nil {
		t.Error("two cannot come, and it is no error")
	}
	var double store.Connection
	for _, c := range w.connections() {
		if c.Source == "polis two" {
			double = c
		}
	}
	give := func(more ...string) (string, error) {
		return w.run(append([]string{"connections", "alternate", "--organization", "Acme", double.ID}, more...)...)
	}
	if _, err := give("--path", "/api/oauth/saml"); err == nil || !strings.Contains(err.Error(), "could not be told apart") {
		t.Errorf("given twice: %v", err)
	}
	said, err := give("--path", "/api/oauth/saml-two", "--entity-id", "https://saml.boxyhq.com")
	if err != nil || !strings.Contains(said, "for http://www.okta.com/exk1 alone") {
		t.Errorf("%q, %v", said, err)
	}
	if said, err = give("--remove"); err != nil || !strings.Contains(said, "our own addresses") {
		t.Errorf("%q, %v", said, err)
	}
	if _, err = give("--remove"); err == nil {
		t.Error("taken away twice")
	}
	if block, _ := pem.Decode([]byte(double.Settings.Certificates[0])); block == nil {
		t.Error("the certificate is not kept as PEM")
	}
}
