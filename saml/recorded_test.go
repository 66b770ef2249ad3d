package saml_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/saml"
)

func recorded(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "good", name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// recordedProvider is our side as it was when the responses of a folder were recorded.
func recordedProvider(t *testing.T, folder string) saml.ServiceProvider {
	t.Helper()
	imported, err := saml.ParseMetadata(recorded(t, folder+"/metadata.xml"), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), saml.MetadataOptions{Allow: func(*url.URL) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(recorded(t, folder+"/sp.key"))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	certificates, _, err := saml.ParseCertificates(string(recorded(t, folder+"/sp.crt")))
	if err != nil {
		t.Fatal(err)
	}
	return saml.ServiceProvider{IdP: imported.IdentityProvider, Keys: []saml.KeyPair{{Key: key.(*rsa.PrivateKey), Certificate: certificates[0]}}}
}

var issued = regexp.MustCompile(`IssueInstant="([^"]+)"`)

func TestRecordedResponsesAreAccepted(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*/*.xml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d recordings, %v", len(files), err)
	}
	for _, file := range files {
		folder, name := filepath.Base(filepath.Dir(file)), filepath.Base(file)
		if name == "metadata.xml" {
			continue
		}
		t.Run(folder+"/"+name, func(t *testing.T) {
			sp, raw := recordedProvider(t, folder), recorded(t, folder+"/"+name)
			header, refusal := saml.UnverifiedHeader(raw)
			if refusal != nil {
				t.Fatal(refusal)
			}
			sp.ACS, sp.EntityID = header.Destination, strings.TrimSuffix(header.Destination, "acs")+"metadata"
			now, err := time.Parse(time.RFC3339, string(issued.FindSubmatch(raw)[1]))
			if err != nil {
				t.Fatal(err)
			}
			want := saml.Expectation{RequestID: header.InResponseTo}
			claim, _, refusal := saml.Read(sp, raw, want, now)
			if refusal != nil {
				t.Fatalf("refused: %s, want %q, got %q", refusal.Reason, refusal.Want, refusal.Got)
			}
			if claim.Subject != "alice@corp.example" || claim.Email != "alice@corp.example" || claim.GivenName != "Alice" {
				t.Errorf("read %+v", claim)
			}
			changed := bytes.Replace(raw, []byte("alice@corp.example"), []byte("mallet@corp.exampl"), 1)
			changed = bytes.Replace(changed, []byte("<xenc:CipherValue>"), []byte("<xenc:CipherValue>AAAA"), 1)
			if _, _, refusal := saml.Read(sp, changed, want, now); refusal == nil {
				t.Error("a changed one is accepted")
			}
			if _, _, refusal := saml.Read(sp, raw, want, now.Add(time.Hour)); refusal == nil {
				t.Error("an old one is accepted")
			}
		})
	}
}
