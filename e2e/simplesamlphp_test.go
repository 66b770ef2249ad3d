package e2e

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/beevik/etree"
)

const (
	doorEntityID = "https://door.example/metadata"
	doorACS      = "https://door.example/acs"
)

// TestSimpleSAMLphpAnswers shows that the identity provider which the journeys
// rely on does what each journey asks of it.
func TestSimpleSAMLphpAnswers(t *testing.T) {
	idp := StartSimpleSAMLphp(t, "localhost", "corp.example")
	tests := []struct {
		name                string
		answers             Answers
		response, assertion bool // where a signature is expected
		encrypted           bool
	}{
		{"signed response", Answers{SignResponse: true}, true, false, false},
		{"signed assertion", Answers{SignAssertion: true}, false, true, false},
		{"both signed", Answers{SignResponse: true, SignAssertion: true}, true, true, false},
		{"encrypted", Answers{SignResponse: true, SignAssertion: true, Encrypt: true}, true, false, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			idp.Register(t, doorMetadata(t), test.answers)
			answer := idp.Respond(t, idp.Tile(doorEntityID, "/projects"), idp.Alice)
			if answer.ACS != doorACS || answer.RelayState != "/projects" {
				t.Errorf("posts to %s with RelayState %q", answer.ACS, answer.RelayState)
			}
			document := etree.NewDocument()
			if err := document.ReadFromBytes(answer.XML); err != nil {
				t.Fatal(err)
			}
			root := document.Root()
			if got := root.SelectElement("Signature") != nil; got != test.response {
				t.Errorf("response signed: %t, want %t", got, test.response)
			}
			if got := root.FindElement("Assertion/Signature") != nil; got != test.assertion {
				t.Errorf("assertion signed: %t, want %t", got, test.assertion)
			}
			if got := root.SelectElement("EncryptedAssertion") != nil; got != test.encrypted {
				t.Errorf("assertion encrypted: %t, want %t", got, test.encrypted)
			}
			if clear := bytes.Contains(answer.XML, []byte("alice@corp.example")); clear == test.encrypted {
				t.Errorf("the address is readable: %t", clear)
			}
		})
	}
}

func TestSimpleSAMLphpIsReachableByBothNames(t *testing.T) {
	idp := StartSimpleSAMLphp(t, "127.0.0.1", "corp.example")
	if metadata := idp.Metadata(t); !bytes.Contains(metadata, []byte(`Location="`+idp.Base)) {
		t.Errorf("the metadata does not speak of %s: %s", idp.Base, metadata)
	}
}

func doorMetadata(t *testing.T) []byte { return doorMetadataAt(t, doorACS) }

// doorMetadataAt is a service provider as an administrator would paste it.
func doorMetadataAt(t *testing.T, acs string) []byte {
	t.Helper()
	_, certificate := newKeyPair(t, "door")
	lines := strings.Split(strings.TrimSpace(string(certificate)), "\n")
	return fmt.Appendf(nil, `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="%s">
  <md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:KeyDescriptor use="encryption"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>
      <ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
    <md:AssertionConsumerService index="0" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="%s"/>
  </md:SPSSODescriptor>
</md:EntityDescriptor>`, doorEntityID, strings.Join(lines[1:len(lines)-1], ""), acs)
}
