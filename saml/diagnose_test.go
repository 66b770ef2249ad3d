package saml_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gatehouse-sso/gatehouse/saml"
)

func TestRedactedShowsTheShapeAndNotThePerson(t *testing.T) {
	got := saml.Redacted([]byte(`<?xml version="1.0"?><p:Response xmlns:p="urn:p" ID="_1" Destination="https://sp.test/acs" SessionIndex="secret1">
		<a:Issuer>https://idp.test</a:Issuer><a:NameID Format="urn:f">secret2</a:NameID><!-- secret3 -->
		<a:AttributeStatement><a:Attribute Name="email"><a:AttributeValue>secret4</a:AttributeValue></a:Attribute></a:AttributeStatement>
		<p:StatusCode Value="urn:status"/><ds:SignatureValue>secret5</ds:SignatureValue><x:New hidden="secret6">secret7</x:New></p:Response>`))
	for _, want := range []string{`<p:Response xmlns:p="urn:p" ID="_1" Destination="https://sp.test/acs" SessionIndex="[7 characters]">`,
		"\n  <a:Issuer>https://idp.test</a:Issuer>\n", `  <a:NameID Format="urn:f">[7 characters]</a:NameID>`, "\n    <a:Attribute Name=\"email\">\n      <a:AttributeValue>[7 characters]</a:AttributeValue>\n    </a:Attribute>\n", `Value="urn:status"`, "\n</p:Response>"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	if strings.Contains(got, "secret") {
		t.Errorf("a value is shown:\n%s", got)
	}
}

func TestS61_RedactedIsBoundedAndPrintable(t *testing.T) {
	for name, raw := range map[string]string{
		"nothing":       "",
		"words":         "not xml at all",
		"binary":        "\x00\xff\xfe<\x01>",
		"cut off":       `<a b="c`,
		"no end":        strings.Repeat("<a>", 100000),
		"only ends":     strings.Repeat("</a>", 1000),
		"long text":     "<Issuer>" + strings.Repeat("x", 1<<20) + "</Issuer>",
		"markup":        "<Issuer>&lt;script&gt;alert(1)&lt;/script&gt;</Issuer>",
		"right-to-left": "<Issuer>\u202eevil\u0007</Issuer>",
		"attributes":    "<a" + strings.Repeat(` b="c"`, 10000) + "/>",
		"an entity":     `<!DOCTYPE a [<!ENTITY e "v">]><a>&e;</a>`,
	} {
		t.Run(name, func(t *testing.T) {
			got := saml.Redacted([]byte(raw))
			if len(got) > 64<<10 || !utf8.ValidString(got) {
				t.Errorf("%d bytes", len(got))
			}
			if strings.Contains(got, "<script") || strings.ContainsAny(got, "\x00\u202e\u0007") {
				t.Errorf("got %q", got)
			}
		})
	}
}

func FuzzRedacted(f *testing.F) {
	f.Add([]byte(`<a b="c">d<e/></a>`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if got := saml.Redacted(raw); len(got) > 64<<10 || !utf8.ValidString(got) {
			t.Errorf("%d bytes", len(got))
		}
	})
}
