package handlers

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

// upload sends a form that carries a file.
func (b *browser) upload(path, field string, file []byte, fields ...string) *page {
	b.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i+1 < len(fields); i += 2 {
		b.ok(form.WriteField(fields[i], fields[i+1]))
	}
	part, err := form.CreateFormFile(field, "metadata.xml")
	b.ok(err)
	_, err = part.Write(file)
	b.ok(err)
	b.ok(form.Close())
	r := httptest.NewRequest(http.MethodPost, publicURL+path, &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Origin", publicURL)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.follow(b.exchange(r))
}

// theirCertificate is one that an identity provider signs with, DER, valid from a day before to so many days after the tests' begin.
func theirCertificate(t *testing.T, key any, days int, change ...func(*x509.Certificate)) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "idp.test"},
		NotBefore: startOfTests.AddDate(0, 0, -1000), NotAfter: startOfTests.AddDate(0, 0, days),
	}
	for _, c := range change {
		c(template)
	}
	var public any
	switch key := key.(type) {
	case *rsa.PrivateKey:
		public = &key.PublicKey
	case *ecdsa.PrivateKey:
		public = &key.PublicKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func newECKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// metadataOf is an identity provider's metadata with these certificates.
func metadataOf(location string, certificates ...[]byte) string {
	keys := ""
	for _, der := range certificates {
		keys += `<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` +
			base64.StdEncoding.EncodeToString(der) + `</X509Certificate></X509Data></KeyInfo></KeyDescriptor>`
	}
	return `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.test/metadata">` +
		`<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` + keys +
		`<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="` + location + `"/>` +
		`</IDPSSODescriptor></EntityDescriptor>`
}

func (o *organization) connections() string {
	return "/organizations/" + o.Organization.ID + "/connections"
}

// choose begins to connect anything that speaks SAML, and gives the path of the connection.
func (o *organization) choose(name string) string {
	o.Helper()
	first := o.owner.post(o.connections(), "kind", "saml", "protocol", "saml", "name", name).want(http.StatusOK, "Register us there")
	return strings.TrimSuffix(first.path(), "/setup/application")
}

// given is a draft of whose identity provider the step about metadata was told these fields.
func (o *organization) given(name string, fields ...string) string {
	o.Helper()
	one := o.choose(name)
	fields = append(fields, "version", "1")
	o.owner.post(one+"/setup/metadata", fields...).want(http.StatusOK, "The identity provider's values are saved.", "Send who people are")
	return one
}

func TestConnectionFromNameToActive(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.owner.get(acme.connections()).want(http.StatusOK, "No identity provider is connected yet")
	acme.owner.get(acme.connections()+"/new").want(http.StatusOK, "Microsoft Entra ID", "Any SAML 2.0 identity provider")
	one := acme.choose("Okta")
	page := acme.owner.get(one).want(http.StatusOK, "Draft", "/saml/con_", "/acs", "/metadata", "Import its metadata", "Our certificate", "Continue setting up").lacks("Test sign-in</button>")
	acme.owner.post(one+"/activate", "version", page.value("version")).want(http.StatusUnprocessableEntity, "entity ID is missing", "There is no signing certificate")
	acme.owner.post(one+"/test").want(http.StatusUnprocessableEntity, "cannot be tested yet")

	metadata := metadataOf("https://idp.test/sso", theirCertificate(t, newECKey(t), 10))
	acme.owner.post(one+"/identity-provider/metadata", "version", page.value("version"), "metadata_xml", metadata).
		want(http.StatusOK, "The metadata is imported.", "https://idp.test/sso", "EC, P-256", "Expires soon")
	page = acme.owner.get(one).want(http.StatusOK, "Test sign-in", "https://idp.test/metadata", "Certificate expires 3 Dec 2026")
	acme.owner.post(one+"/activate", "version", page.value("version")).want(http.StatusOK, "The connection is active.", "Disable connection").lacks("Delete connection</a>")
	acme.owner.post(one+"/activate", "version", page.value("version")).want(http.StatusUnprocessableEntity, "Somebody else changed this")
	acme.owner.get(acme.connections()).want(http.StatusOK, "Okta", "Active", "Certificate expires 3 Dec 2026")
	page = acme.owner.get(one)
	acme.owner.post(one+"/name", "version", page.value("version"), "name", "Okta & friends").want(http.StatusOK, "The name is saved.", "Okta & friends")
	acme.owner.post(one+"/name", "version", page.value("version"), "name", "Late").want(http.StatusUnprocessableEntity, "Somebody else changed this")
	acme.owner.post(one+"/name", "version", "4", "name", "").want(http.StatusUnprocessableEntity, "Enter a name.")
	acme.owner.post(one+"/disable", "version", "4").want(http.StatusOK, "The connection is disabled.", "Disabled")
	acme.owner.get(one+"/delete").want(http.StatusOK, "0 sign-ins linked through it")
	acme.owner.post(one+"/delete", "version", "5", "confirm", "okta").want(http.StatusUnprocessableEntity, "Type the connection's name")
	acme.owner.post(one+"/delete", "version", "4", "confirm", "Okta & friends").want(http.StatusUnprocessableEntity, "in the meantime")
	acme.owner.post(one+"/delete", "version", "5", "confirm", "Okta & friends").want(http.StatusOK, "is deleted", "No identity provider is connected yet")
}

func TestConnectionByURLFileTextAndHand(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	der := theirCertificate(t, newECKey(t), 400)
	metadata := metadataOf("https://idp.test/sso", der)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, metadata) }))
	t.Cleanup(server.Close)

	byURL := acme.given("By URL", "metadata_url", server.URL+"/metadata")
	acme.owner.get(byURL+"/identity-provider").want(http.StatusOK, "Last imported from "+server.URL)
	acme.owner.get(byURL+"/setup/metadata").want(http.StatusOK, "https://idp.test/metadata", "Read from", "Give nothing below to keep them")
	byFile := acme.choose("By file")
	acme.owner.upload(byFile+"/setup/metadata", "metadata_file", []byte(metadata), "version", "1").want(http.StatusOK, "are saved")
	acme.given("By text", "metadata_xml", "\r\n "+metadata+"\r\n")
	base := base64.StdEncoding.EncodeToString(der)
	for name, certificate := range map[string]string{
		"armoured": pemOf(der), "bare": base, "Windows": strings.ReplaceAll(pemOf(der), "\n", "\r\n"), "spaces": "  " + strings.ReplaceAll(pemOf(der), "\n", "\n  "),
		"one line": base[:70] + " " + base[70:],
	} {
		one := acme.given(name, "entity_id", "https://idp.test/metadata", "redirect_url", "https://idp.test/sso", "certificates", certificate)
		acme.owner.get(one+"/identity-provider").want(http.StatusOK, "EC, P-256", "Valid")
	}
	if n := p.count("connections WHERE state = 'draft'"); n != 8 {
		t.Errorf("there are %d drafts, want 8", n)
	}
	list, err := acme.scope.Connections(t.Context())
	p.ok(err)
	for _, c := range list {
		if len(c.Settings.Certificates) != 1 || c.Settings.Location() != "https://idp.test/sso" {
			t.Errorf("%s has %d certificates and the address %q", c.Name, len(c.Settings.Certificates), c.Settings.Location())
		}
	}
}

func TestMetadataThatCannotBeUsed(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	key := newECKey(t)
	strong := must(rsa.GenerateKey(rand.Reader, 2048))
	good, expired := theirCertificate(t, key, 400), theirCertificate(t, key, -2)
	sha1 := theirCertificate(t, strong, 400, func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA256WithRSA })
	sha1 = bytes.ReplaceAll(sha1, []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b}, []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05})
	weak := theirCertificate(t, must(rsa.GenerateKey(rand.Reader, 1024)), 400)
	whole := metadataOf("https://idp.test/sso", good)
	several := `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">` + whole + strings.ReplaceAll(whole, "idp.test/metadata", "other.test/metadata") + `</EntitiesDescriptor>`
	step := acme.choose("Okta") + "/setup/metadata"
	for name, row := range map[string]struct{ metadata, words string }{
		"not XML":        {"hello", "not well-formed XML"},
		"HTML":           {"<!DOCTYPE html><html><body>Sign in</body></html>", "That is a web page"},
		"no signing key": {metadataOf("https://idp.test/sso"), "has no signing certificate"},
		"only expired":   {metadataOf("https://idp.test/sso", expired), "expired on"},
		"SHA-1":          {metadataOf("https://idp.test/sso", sha1), "SHA1"},
		"RSA 1024":       {metadataOf("https://idp.test/sso", weak), "RSA key of 1024 bits"},
		"javascript":     {metadataOf("javascript:alert(1)", good), "https://"},
		"plain http":     {metadataOf("http://idp.test/sso", good), "https://"},
		"several":        {several, "describes 2 identity providers"},
		"entity":         {`<!DOCTYPE x [<!ENTITY a "b">]>` + whole, "DOCTYPE"},
	} {
		if acme.owner.upload(step, "none", nil, "version", "1", "metadata_xml", row.metadata).want(http.StatusUnprocessableEntity, row.words); t.Failed() {
			t.Fatal(name)
		}
		acme.owner.upload(step, "metadata_file", []byte(row.metadata), "version", "1").want(http.StatusUnprocessableEntity, row.words)
	}
	if n := p.count("connection_versions"); n != 1 {
		t.Fatalf("refused metadata made %d versions", n-1)
	}
	// The honest twins: one valid key beside others is accepted, with a warning; 300 KB are read; plain http is on loopback that the operator allows.
	acme.owner.post(acme.choose("Mixed")+"/setup/metadata", "version", "1", "metadata_xml", metadataOf("https://idp.test/sso", good, expired, weak)).
		want(http.StatusOK, "One certificate was left out.")
	acme.given("A small federation's", "metadata_xml", strings.Replace(whole, "<IDPSSO", "<!--"+strings.Repeat("x", 300<<10)+"--><IDPSSO", 1))
	acme.given("Loopback", "metadata_xml", metadataOf("http://127.0.0.1:9/sso", good))
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestMetadataAddressIsGuarded(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	asked := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = true
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/metadata", http.StatusFound)
		case "/gone":
			http.NotFound(w, r)
		default:
			_, _ = w.Write(bytes.Repeat([]byte(" "), 2<<20))
		}
	}))
	t.Cleanup(server.Close)
	step := acme.choose("Okta") + "/setup/metadata"
	for address, words := range map[string]string{
		"http://idp.test/metadata": "must begin with https://", "https://10.0.0.1/metadata": "not", "https://169.254.169.254/latest": "not",
		"https://[::1]:1/": "not", "file:///etc/passwd": "https://", "gopher://x": "https://", "not an address": "http",
		server.URL + "/moved": "redirect", server.URL + "/gone": "status 404", server.URL + "/large": "larger than 1 MiB",
	} {
		refused := acme.owner.post(step, "version", "1", "metadata_url", address).want(http.StatusUnprocessableEntity, words)
		if refused.value("metadata_url") != address {
			t.Errorf("%s is not kept", address)
		}
	}
	if !asked {
		t.Error("the honest server was never asked")
	}
	acme.owner.post(step, "version", "1", "metadata_url", "https://idp.test/m", "metadata_xml", "<x/>").want(http.StatusUnprocessableEntity, "in one way")
	if n := p.count("connection_versions"); n != 1 {
		t.Errorf("%d versions were made", n-1)
	}
}

func TestValuesByHandThatCannotBeUsed(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	der := theirCertificate(t, newECKey(t), 400)
	step := acme.choose("Okta") + "/setup/metadata"
	good := []string{"version", "1", "entity_id", "https://idp.test/metadata", "redirect_url", "https://idp.test/sso", "certificates", pemOf(der)}
	for name, row := range map[string]struct{ field, value, words string }{
		"no entity ID":       {"entity_id", " ", "Enter its entity ID."},
		"no address":         {"redirect_url", " ", "Enter its sign-on address."},
		"no certificate":     {"certificates", " ", "Add a signing certificate"},
		"long entity ID":     {"entity_id", strings.Repeat("x", 1100), "1,024 characters"},
		"javascript":         {"redirect_url", "javascript:alert(1)", "https://"},
		"plain http":         {"redirect_url", "http://idp.test/sso", "https://"},
		"quotes":             {"redirect_url", `https://idp.test/"><script>`, "not"},
		"not a certificate":  {"certificates", "hello", "not a certificate"},
		"XML as certificate": {"certificates", "<xml/>", "That is XML"},
		"a private key":      {"certificates", "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "That is a private key"},
		"expired":            {"certificates", pemOf(theirCertificate(t, newECKey(t), -3)), "expired on"},
	} {
		fields := append([]string{}, good...)
		for i := 0; i < len(fields); i += 2 {
			if fields[i] == row.field {
				fields[i+1] = row.value
			}
		}
		refused := acme.owner.post(step, fields...)
		if refused.Status != http.StatusUnprocessableEntity || !strings.Contains(refused.text(), row.words) {
			t.Errorf("%s: got %d\n%s", name, refused.Status, refused.text())
		}
		refused.lacks("<script>")
	}
	acme.owner.post(step, append([]string{"metadata_xml", "<x/>"}, good...)...).want(http.StatusUnprocessableEntity, "either metadata or the values by hand")
	if n := p.count("connection_versions"); n != 1 {
		t.Fatalf("refused values made %d versions", n-1)
	}
	acme.owner.post(step, good...).want(http.StatusOK, "are saved")
	for name, words := range map[string]string{" ": "Enter a name.", strings.Repeat("x", 81): "80 characters"} {
		acme.owner.post(acme.connections(), "kind", "saml", "protocol", "saml", "name", name).want(http.StatusUnprocessableEntity, words)
	}
}

func TestCertificatesOfAConnection(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	first, second := theirCertificate(t, newECKey(t), 400), theirCertificate(t, newECKey(t), 800)
	one := acme.given("Okta", "metadata_xml", metadataOf("https://idp.test/sso", first))
	provider := one + "/identity-provider"
	shown := acme.owner.get(provider).want(http.StatusOK, "Remove")
	both := acme.owner.post(provider+"/certificates", "version", shown.value("version"), "certificates", pemOf(second)).want(http.StatusOK, "The certificates are added.")
	weak := pemOf(theirCertificate(t, must(rsa.GenerateKey(rand.Reader, 1024)), 400)) + pemOf(theirCertificate(t, newECKey(t), -2))
	both = acme.owner.post(provider+"/certificates", "version", both.value("version"), "certificates", pemOf(first)+weak).
		want(http.StatusOK, "One certificate was left out.", "RSA key of 1024 bits", "(1 more warning.)")
	c, err := acme.scope.Connections(t.Context())
	p.ok(err)
	if len(c[0].Settings.Certificates) != 2 {
		t.Fatalf("there are %d certificates, want 2", len(c[0].Settings.Certificates))
	}
	acme.owner.post(provider+"/certificates", "version", both.value("version"), "certificates", "hello!").want(http.StatusUnprocessableEntity, "not a certificate", "hello!")
	acme.owner.post(provider+"/certificates/remove", "version", shown.value("version"), "certificate", both.value("certificate")).want(http.StatusUnprocessableEntity, "Somebody else changed this")
	acme.owner.post(provider+"/certificates/remove", "version", both.value("version"), "certificate", both.value("certificate")).want(http.StatusOK, "The certificate is removed.")
	active := acme.owner.get(one)
	acme.owner.post(one+"/activate", "version", active.value("version")).want(http.StatusOK)
	last := acme.owner.get(provider)
	acme.owner.post(provider+"/certificates/remove", "version", last.value("version"), "certificate", last.value("certificate")).
		want(http.StatusOK, "The certificate is removed. It is in the draft", "There is none")
	draft := acme.owner.get(one).want(http.StatusOK, "The draft is not complete.", "Add a signing certificate", "Active").lacks("Test draft")
	acme.owner.post(one+"/publish", "version", draft.value("version"), "untested", "1").
		want(http.StatusUnprocessableEntity, "There is no signing certificate that is valid today")
}

func TestAttributesAndOptions(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	one := acme.given("Okta", "metadata_xml", metadataOf("https://idp.test/sso", theirCertificate(t, newECKey(t), 400)))
	acme.owner.post(one+"/attributes", "version", "2", "map_subject", "uid", "map_email", "mail", "map_own", "team = urn:team\r\n\r\nsite=urn:site").
		want(http.StatusOK, "The attributes are saved.", "team = urn:team", "site = urn:site")
	for words, fields := range map[string][]string{
		"Begin each line with a name": {"map_own", "Team = x"}, "attribute's Name is missing": {"map_own", "team ="}, "two lines for": {"map_own", "a = b\na = c"},
		"at most 256 characters": {"map_email", strings.Repeat("m", 257)}, "Somebody else changed this": {"version", "1"},
	} {
		fields = append(fields, "version", "3")
		acme.owner.post(one+"/attributes", fields...).want(http.StatusUnprocessableEntity, words)
	}
	acme.owner.post(one+"/options", "version", "3", "idp_initiated", "off", "binding", "redirect", "name_id_format", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
		"force_authn", "on", "authn_context", "urn:a\r\nurn:b", "login_hint", "query", "hint_parameter", "login_hint", "inclusive_c14n", "on").want(http.StatusOK, "The options are saved.")
	c := must(acme.scope.Connections(t.Context()))[0].Settings
	if c.IDPInitiated != "off" || !c.ForceAuthn || len(c.AuthnContext) != 2 || c.LoginHintAs != "query:login_hint" || !c.InclusiveC14N || c.UnsignedResponseAroundEncrypted || c.Mapping.Own["site"] != "urn:site" {
		t.Errorf("the settings are %+v", c)
	}
	acme.owner.get(one+"/attributes").want(http.StatusOK, "team = urn:team").lacks("known here by an email address")
	for words, field := range map[string][2]string{
		"Choose one of the modes": {"idp_initiated", "always"}, "no sign-on address": {"binding", "post"}, "Choose one of the formats": {"name_id_format", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"},
		"Enter the parameter's name": {"hint_parameter", "a b"}, "at most 256 characters": {"authn_context", strings.Repeat("u", 257)}, "Choose how the address": {"login_hint", "loudly"},
	} {
		fields := []string{"version", "4"}
		for _, good := range [][2]string{{"idp_initiated", "off"}, {"binding", "redirect"}, {"name_id_format", ""}, {"login_hint", "query"}, {"hint_parameter", "hint"}, {"authn_context", ""}} {
			if good[0] == field[0] {
				good = field
			}
			fields = append(fields, good[0], good[1])
		}
		acme.owner.post(one+"/options", fields...).want(http.StatusUnprocessableEntity, words)
	}
}

func TestTestSignInTellsWhatArrived(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	c := acme.draft("Okta")
	one := acme.connections() + "/" + c.Connection.ID
	c.vouch("owner-1", "owner@acme.test")
	leaving := acme.owner.post(one+"/test").want(http.StatusOK, "Okta")
	arrived := c.deliver(acme.owner.browser, c.ask(leaving))
	arrived.want(http.StatusOK, "The test went well.", "owner@acme.test", "Show connection", "Person")
	page := acme.owner.get(one).want(http.StatusOK, "Tested with a real sign-in", "Draft")
	acme.owner.post(one+"/activate", "version", page.value("version")).want(http.StatusOK, "The connection is active.")

	// A refused test tells the owner everything at once.
	c.vouch("owner-2", "")
	c.idp.EntityID = "https://somebody-else.test"
	refused := c.deliver(acme.owner.browser, c.ask(acme.owner.post(one+"/test")))
	refused.want(http.StatusOK, "Refused.", "issuer_mismatch", "https://somebody-else.test")
}

func TestRecoveringOwnerTestsWhatTheyMend(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.verify("acme.test")
	c := acme.connect("Okta")
	acme.enforce(c, access.EnforceDomain)
	recovering := acme.recovers()
	c.vouch("subject of owner@acme.test", "owner@acme.test")
	leaving := recovering.post(acme.connections() + "/" + c.Connection.ID + "/test").want(http.StatusOK)
	c.deliver(recovering, c.ask(leaving)).want(http.StatusOK, "The test went well.")
	recovering.get("/organizations/" + acme.Organization.ID + "/logins").want(http.StatusForbidden)
}

func TestLastConnectionIsNotDisabledWhileEnforced(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.verify("acme.test")
	c := acme.connect("Okta")
	acme.enforce(c, access.EnforceDomain)
	c.signIn(acme.owner.browser, c.loginPath())
	one := acme.connections() + "/" + c.Connection.ID
	acme.owner.post(one+"/disable", "version", acme.owner.get(one).value("version")).want(http.StatusUnprocessableEntity, "this is the last active connection")
	if c.reload(); c.State != store.ConnectionActive {
		t.Error("the connection was disabled")
	}
}

func TestConnectionsAskForPermission(t *testing.T) {
	p := newProduct(t)
	acme, globex := p.found("acme"), p.found("globex")
	c := acme.draft("Okta")
	member := acme.member("ada@acme.test", access.OrgManager)
	pair := c.nextKey().ID
	id, version := "/"+c.Connection.ID, c.Connection.VersionID
	theirs := globex.connections() + id
	for _, path := range []string{"", "/new", "/new?kind=okta", id, id + "/setup", id + "/setup/metadata", id + "/delete", id + "/identity-provider", id + "/attributes", id + "/options",
		id + "/publish", id + "/versions", id + "/versions/" + version, id + "/certificates", id + "/keys/" + pair + "/remove"} {
		member.get(acme.connections()+path).want(http.StatusForbidden, string(access.ManageSSO))
		globex.owner.get(acme.connections() + path).want(http.StatusNotFound)
	}
	globex.owner.get(theirs).want(http.StatusNotFound)
	for _, act := range []string{"/name", "/test", "/activate", "/disable", "/delete", "/identity-provider", "/identity-provider/metadata",
		"/identity-provider/certificates", "/identity-provider/certificates/remove", "/attributes", "/options", "/setup/metadata", "/setup/test",
		"/publish", "/draft/discard", "/versions/" + version + "/restore",
		"/metadata/read", "/metadata/apply", "/metadata/dismiss", "/keys", "/keys/switch", "/keys/" + pair + "/remove"} {
		fields := []string{"version", "1", "name", "Mine", "confirm", "Okta"}
		member.post(acme.connections()+id+act, fields...).want(http.StatusForbidden, string(access.ManageSSO))
		globex.owner.post(acme.connections()+id+act, fields...).want(http.StatusNotFound)
		globex.owner.post(theirs+act, fields...).want(http.StatusNotFound)
	}
	member.post(acme.connections(), "name", "Mine").want(http.StatusForbidden)
	before := c.Connection.Version
	if c.reload(); c.Version != before || p.count("connections") != 1 {
		t.Error("somebody changed the connection")
	}
}

func TestConnectionsWhenTheStoreFails(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	p.failing()
	acme.owner.post(acme.connections(), "kind", "okta", "protocol", "saml", "name", "Okta").failed()
	for _, table := range []string{"connections", "connection_versions", "connection_keys"} {
		if n := p.count(table); n != 0 {
			t.Errorf("%d rows of %s were half written", n, table)
		}
	}
	p.ok(p.store.Close())
	acme.owner.get(acme.connections()).failed()
}
