package saml_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/saml"
)

var metadataNow = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)

const (
	redirectBinding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	postBinding     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
)

// described is metadata in the making; its zero value but for keys is what an honest identity provider publishes.
type described struct {
	entityID, attributes, location, more string
	keys                                 []idptest.Key
	use                                  string
}

func (d described) xml() string {
	if d.entityID == "" {
		d.entityID = "https://idp.test/metadata"
	}
	if d.location == "" {
		d.location = "https://idp.test/sso?idpid=C01&amp;x=1"
	}
	if d.use == "" {
		d.use = ` use="signing"`
	}
	var keys strings.Builder
	for _, key := range d.keys {
		fmt.Fprintf(&keys, `<md:KeyDescriptor%s><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>
			%s
		</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`, d.use, bare(key))
	}
	return fmt.Sprintf(`<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="%s"%s><!-- ours -->
	<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">%s
	<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>
	<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP" Location="javascript:ignored"/>
	<md:SingleSignOnService Binding="%s" Location="%s"/><md:SingleSignOnService Binding="%s" Location="https://idp.test/post"/>
	</md:IDPSSODescriptor>%s</md:EntityDescriptor>`, d.entityID, d.attributes, keys.String(), redirectBinding, d.location, postBinding, d.more)
}

func TestMetadataOfAnHonestIdentityProvider(t *testing.T) {
	one, two := idptest.RSAKey("idp", 2048), idptest.RSAKey("next", 2048)
	honest := described{keys: []idptest.Key{one, two}}.xml()
	for name, raw := range map[string]string{
		"plain":                    honest,
		"with a declaration":       "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + honest,
		"with a byte order mark":   "\ufeff" + honest,
		"keys for any use":         strings.ReplaceAll(honest, ` use="signing"`, ""),
		"alone in a group":         `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">` + honest + `</EntitiesDescriptor>`,
		"beside a service":         described{keys: []idptest.Key{one, two}, more: `<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"/>`}.xml(),
		"valid for a day":          described{keys: []idptest.Key{one, two}, attributes: ` validUntil="2026-05-05T10:00:00.123Z"`}.xml(),
		"valid, a zone left out":   described{keys: []idptest.Key{one, two}, attributes: ` validUntil="2026-05-05T10:00:00"`}.xml(),
		"AD FS's role descriptors": described{keys: []idptest.Key{one, two}, more: `<RoleDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" protocolSupportEnumeration="http://docs.oasis-open.org/wsfed/federation/200706"/>`}.xml(),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := saml.ParseMetadata([]byte(raw), metadataNow, saml.MetadataOptions{})
			if err != nil || len(got.Warnings) != 0 {
				t.Fatalf("%v %q", err, got.Warnings)
			}
			if got.EntityID != "https://idp.test/metadata" || got.RedirectURL != "https://idp.test/sso?idpid=C01&x=1" || got.PostURL != "https://idp.test/post" {
				t.Errorf("got %+v", got.IdentityProvider)
			}
			if len(got.Certificates) != 2 || !got.Certificates[0].Equal(one.Certificate) || !got.Certificates[1].Equal(two.Certificate) {
				t.Errorf("got %d certificates", len(got.Certificates))
			}
			if !slices.Equal(got.NameIDFormats, []string{"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"}) {
				t.Errorf("formats %q", got.NameIDFormats)
			}
			if strings.HasPrefix(name, "valid") == got.ValidUntil.IsZero() {
				t.Errorf("valid until %s", got.ValidUntil)
			}
		})
	}
}

func TestS55_MetadataThatCannotBeUsed(t *testing.T) {
	good := []idptest.Key{idptest.RSAKey("idp", 2048)}
	expired := []idptest.Key{good[0].Valid(metadataNow.AddDate(-2, 0, 0), metadataNow.AddDate(0, 0, -1))}
	honest := described{keys: good}.xml()
	for name, c := range map[string]struct {
		raw  string
		code saml.Code
		says string
	}{
		"empty":                   {"  ", saml.CodeEmpty, "empty"},
		"words":                   {"please see attached", saml.CodeNotXML, "not well-formed"},
		"cut off":                 {honest[:len(honest)-9], saml.CodeNotXML, "byte"},
		"another encoding":        {`<?xml version="1.0" encoding="ISO-8859-1"?>` + honest, saml.CodeNotXML, "not well-formed"},
		"a web page":              {"<!DOCTYPE html><html><title>Sign in</title></html>", saml.CodeHTML, "web page"},
		"a web page in capitals":  {"\n<HTML><p>", saml.CodeHTML, "web page"},
		"other XML":               {"<rss/>", saml.CodeNotMetadata, "<rss>"},
		"an older SAML":           {strings.ReplaceAll(honest, "SAML:2.0:protocol", "SAML:1.1:protocol"), saml.CodeNoIdP, "SAML 2.0"},
		"another namespace":       {strings.ReplaceAll(honest, "SAML:2.0:metadata", "SAML:9.0:metadata"), saml.CodeNotMetadata, "not SAML 2.0 metadata"},
		"a service provider's":    {strings.ReplaceAll(honest, "IDPSSO", "SPSSO"), saml.CodeServiceProvider, "service provider"},
		"no role":                 {`<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="x"/>`, saml.CodeNoIdP, "no SAML 2.0 identity provider"},
		"a federation":            {`<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"><EntitiesDescriptor>` + honest + `</EntitiesDescriptor>` + described{keys: good, entityID: "https://b.test"}.xml() + `</EntitiesDescriptor>`, saml.CodeSeveralEntities, "2 identity providers"},
		"an empty federation":     {`<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"/>`, saml.CodeNoIdP, "no SAML 2.0 identity provider"},
		"no entity id":            {described{keys: good, entityID: " "}.xml(), saml.CodeNoEntityID, "entityID"},
		"no key":                  {described{}.xml(), saml.CodeNoSigningKey, "no signing certificate"},
		"only a key to encrypt":   {described{keys: good, use: ` use="encryption"`}.xml(), saml.CodeNoSigningKey, "no signing certificate"},
		"only expired keys":       {described{keys: expired}.xml(), saml.CodeExpired, "expired on 3 May 2026"},
		"RSA-1024":                {described{keys: []idptest.Key{idptest.RSAKey("weak", 1024)}}.xml(), saml.CodeWeakKey, "1024 bits"},
		"SHA-1":                   {described{keys: []idptest.Key{good[0].SHA1()}}.xml(), saml.CodeWeakSignature, "SHA-256"},
		"a broken certificate":    {strings.Replace(honest, "MII", "MIX", 1), saml.CodeNotCertificate, "certificate"},
		"out of date":             {described{keys: good, attributes: ` validUntil="2026-05-04T10:00:00Z"`}.xml(), saml.CodeValidUntil, "4 May 2026"},
		"a date that is none":     {described{keys: good, attributes: ` validUntil="tomorrow"`}.xml(), saml.CodeValidUntil, "tomorrow"},
		"a group out of date":     {`<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" validUntil="2020-01-01T00:00:00Z">` + honest + `</EntitiesDescriptor>`, saml.CodeValidUntil, "1 January 2020"},
		"no endpoint":             {strings.NewReplacer(redirectBinding, "x", postBinding, "y").Replace(honest), saml.CodeNoEndpoint, "HTTP-Redirect or HTTP-POST"},
		"a whole federation":      {honest + strings.Repeat(" ", 1<<20), saml.CodeTooLarge, "metadata query"},
		"a DOCTYPE":               {`<!DOCTYPE x [<!ENTITY e "v">]>` + honest, saml.CodeForbiddenXML, "DOCTYPE"},
		"an entity of its own":    {strings.Replace(honest, "entityID=\"", "entityID=\"&e;", 1), saml.CodeNotXML, "not well-formed"},
		"a deep one":              {strings.Repeat("<a>", 60000), saml.CodeNotXML, "not well-formed"},
		"a NUL":                   {"\x00" + honest, saml.CodeNotXML, "not well-formed"},
		"UTF-16 without a header": {"\xfe\xff\x00<\x00a\x00/\x00>", saml.CodeNotXML, "not well-formed"},
	} {
		t.Run(name, func(t *testing.T) { refusedMetadata(t, c.raw, nil, c.code, c.says) })
	}
}

func refusedMetadata(t *testing.T, raw string, allow func(*url.URL) error, code saml.Code, says string) {
	t.Helper()
	got, err := saml.ParseMetadata([]byte(raw), metadataNow, saml.MetadataOptions{Allow: allow})
	found, ok := err.(*saml.Problem)
	if !ok {
		t.Fatalf("accepted: %+v %v", got, err)
	}
	if found.Code != code || !containsOne(found.Sentence, says) {
		t.Errorf("%s: %q, want %s with %q", found.Code, found.Sentence, code, says)
	}
	if got.EntityID != "" || len(got.Certificates) != 0 {
		t.Errorf("something was returned beside the error: %+v", got)
	}
}

func TestS49_LocationsThatAreRefused(t *testing.T) {
	loopback := func(u *url.URL) error {
		if u.Hostname() == "127.0.0.1" || u.Scheme == "https" && u.Hostname() == "idp.test" {
			return nil
		}
		return errors.New("not allowed")
	}
	good := []idptest.Key{idptest.RSAKey("idp", 2048)}
	for location, allow := range map[string]func(*url.URL) error{
		"javascript:alert(1)": loopback, "data:text/html,x": loopback, "//idp.test/sso": loopback, "/sso": loopback, "https:idp.test": loopback,
		"http://idp.test/sso": loopback, "http://127.0.0.1:8080/sso": nil, "https://user@idp.test/": nil, "https://user:pass@idp.test/": nil,
		"https://idp.test/#top": nil, "https://idp.test/#": nil, "https://idp.test/&quot;onload=x": nil, "https://idp.test/'x": nil, "https://idp.test/&lt;x&gt;": nil,
		"https://idp.test/a b": nil, "https://idp.test/&#10;x": nil, "https:///sso": nil, "https://idp.tést/": nil, "https://[::1": nil, "https://idp.test/\\x": nil,
		"https://idp.test/" + strings.Repeat("a", 2048): nil, "JaVaScRiPt:x": nil, " https://x y": nil, "ftp://idp.test/": loopback, "https://10.0.0.1/sso": loopback,
	} {
		t.Run(location[:min(len(location), 40)], func(t *testing.T) {
			refusedMetadata(t, described{keys: good, location: location}.xml(), allow, saml.CodeLocation, "sign-in address")
		})
	}
	for _, location := range []string{"http://127.0.0.1:8080/sso", "https://idp.test/sso", "HTTPS://idp.test:8443/a%20b?c=d%22"} {
		t.Run("twin "+location, func(t *testing.T) {
			got, err := saml.ParseMetadata([]byte(described{keys: good, location: location}.xml()), metadataNow, saml.MetadataOptions{Allow: loopback})
			if err != nil || got.RedirectURL != location {
				t.Errorf("%q %v", got.RedirectURL, err)
			}
		})
	}
}

func TestSomeUsableKeyIsAcceptedWithAWarning(t *testing.T) {
	good := idptest.RSAKey("idp", 2048)
	soon := idptest.RSAKey("next", 2048).Valid(metadataNow.AddDate(0, 1, 0), metadataNow.AddDate(2, 0, 0))
	all := []idptest.Key{idptest.RSAKey("weak", 1024), good.Valid(metadataNow.AddDate(-2, 0, 0), metadataNow.AddDate(0, 0, -1)), good, soon}
	got, err := saml.ParseMetadata([]byte(described{keys: all}.xml()), metadataNow, saml.MetadataOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Certificates) != 2 || !got.Certificates[0].Equal(good.Certificate) || !got.Certificates[1].Equal(soon.Certificate) {
		t.Errorf("got %d certificates", len(got.Certificates))
	}
	said := strings.Join(got.Warnings, " ")
	if len(got.Warnings) != 3 || !strings.Contains(said, "1024 bits") || !strings.Contains(said, "expired on") || !strings.Contains(said, "valid only from 4 June 2026") {
		t.Errorf("warnings: %q", got.Warnings)
	}
}

func TestOurMetadata(t *testing.T) {
	sp := requestingProvider()
	raw, err := saml.Metadata(sp)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		XMLName xml.Name `xml:"urn:oasis:names:tc:SAML:2.0:metadata EntityDescriptor"`
		ID      string   `xml:"entityID,attr"`
		Role    struct {
			RequestsSigned   bool `xml:"AuthnRequestsSigned,attr"`
			AssertionsSigned bool `xml:"WantAssertionsSigned,attr"`
			Keys             []struct {
				Use         string     `xml:"use,attr"`
				Certificate string     `xml:"http://www.w3.org/2000/09/xmldsig# KeyInfo>X509Data>X509Certificate"`
				Methods     []struct{} `xml:"EncryptionMethod"`
			} `xml:"KeyDescriptor"`
			Format string `xml:"NameIDFormat"`
			ACS    []struct {
				Binding  string `xml:"Binding,attr"`
				Location string `xml:"Location,attr"`
			} `xml:"AssertionConsumerService"`
		} `xml:"SPSSODescriptor"`
	}
	if err := xml.Unmarshal(raw, &got); err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	if got.ID != sp.EntityID || !got.Role.RequestsSigned || !got.Role.AssertionsSigned || got.Role.Format != sp.NameIDFormat {
		t.Errorf("got %+v", got)
	}
	if len(got.Role.ACS) != 1 || got.Role.ACS[0].Binding != postBinding || got.Role.ACS[0].Location != sp.ACS {
		t.Errorf("ACS %+v", got.Role.ACS)
	}
	var uses []string
	for i, key := range got.Role.Keys {
		uses = append(uses, key.Use)
		if key.Certificate != bare(idptest.Key{Certificate: sp.Keys[i%2].Certificate}) {
			t.Errorf("key %d is another", i)
		}
		if (key.Use == "encryption") != (len(key.Methods) > 0) {
			t.Errorf("key %d for %s names %d methods", i, key.Use, len(key.Methods))
		}
	}
	if !slices.Equal(uses, []string{"signing", "signing", "encryption", "encryption"}) {
		t.Errorf("uses %q", uses)
	}
	if _, err := saml.Metadata(saml.ServiceProvider{}); err == nil {
		t.Error("metadata without a key was written")
	}
}
