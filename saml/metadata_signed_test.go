package saml_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/saml"
)

// group is a federation's document around these.
func group(attributes string, members ...string) string {
	return `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"` + attributes + `>` + strings.Join(members, "") + `</EntitiesDescriptor>`
}

func TestS16_OnlyWhatTheSignerSignedIsRead(t *testing.T) {
	key, signer, other := []idptest.Key{idptest.RSAKey("idp", 2048)}, idptest.RSAKey("federation", 2048), idptest.RSAKey("other", 2048)
	honest := described{keys: key, attributes: ` ID="_1"`}.xml()
	evil := described{keys: []idptest.Key{other}, entityID: "https://evil.test", attributes: ` ID="_2"`}.xml()
	by := func(k idptest.Key) idptest.Signature { return idptest.Signature{Key: k} }
	good := by(signer).Document(honest)
	for name, raw := range map[string]string{"the identity provider's own": good, "spaced": idptest.Signature{Key: signer, Spaced: true}.Document(honest),
		"a federation's":             by(signer).Document(group(` ID="_g"`, honest)),
		"inclusive canonicalization": idptest.Signature{Key: signer, Canonical: idptest.Inclusive10}.Document(honest)} {
		t.Run("twin "+name, func(t *testing.T) {
			got, err := saml.ParseMetadata([]byte(raw), metadataNow, saml.MetadataOptions{Signer: signer.Certificate})
			if err != nil || got.EntityID != "https://idp.test/metadata" || len(got.Certificates) != 1 || !got.Certificates[0].Equal(key[0].Certificate) {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
	for name, raw := range map[string]string{
		"not signed":                         honest,
		"by another key":                     by(other).Document(honest),
		"changed since":                      strings.Replace(good, "https://idp.test/post", "https://evil.test/post", 1),
		"signed within, beside another":      group("", evil, good),
		"signed within, alone":               group("", good),
		"signed within, the group has an ID": group(` ID="_g"`, good, evil),
		"SHA-1":                              idptest.Signature{Key: signer, Method: idptest.RSASHA1, Digest: idptest.SHA1}.Document(honest),
		"MAC with the public certificate":    idptest.Signature{Key: signer, Method: idptest.HMACSHA256, Secret: signer.Certificate.Raw}.Document(honest),
		"two signatures":                     by(other).Document(good),
		"its own key announced":              idptest.Signature{Key: other, Announce: signer.Certificate}.Document(honest),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := saml.ParseMetadata([]byte(raw), metadataNow, saml.MetadataOptions{Signer: signer.Certificate})
			found, ok := err.(*saml.Problem)
			if !ok || found.Code != saml.CodeUnsigned || got.EntityID != "" {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
	t.Run("the signer's certificate has ended", func(t *testing.T) {
		ended := signer.Valid(metadataNow.AddDate(-2, 0, 0), metadataNow.AddDate(-1, 0, 0))
		_, err := saml.ParseMetadata([]byte(by(ended).Document(honest)), metadataNow, saml.MetadataOptions{Signer: ended.Certificate})
		if found, ok := err.(*saml.Problem); !ok || found.Code != saml.CodeUnsigned || !strings.Contains(found.Sentence, "expired on") {
			t.Errorf("%v", err)
		}
	})
}

func TestS55_OneOfAFederation(t *testing.T) {
	mine, theirs := []idptest.Key{idptest.RSAKey("idp", 2048)}, []idptest.Key{idptest.RSAKey("other", 2048)}
	federation := group(` validUntil="2026-05-08T10:00:00Z" cacheDuration="PT6H"`, described{keys: theirs, entityID: "https://b.test"}.xml(),
		group(` validUntil="2026-05-06T10:00:00Z"`, described{keys: mine, entityID: "https://a.test", attributes: ` validUntil="2026-05-07T10:00:00Z" cacheDuration="P1DT1H"`}.xml()),
		group(` validUntil="2020-01-01T00:00:00Z"`, described{keys: theirs, entityID: "https://old.test"}.xml()))
	_, err := saml.ParseMetadata([]byte(federation), metadataNow, saml.MetadataOptions{})
	if found, ok := err.(*saml.Problem); !ok || found.Code != saml.CodeSeveralEntities || !slices.Equal(found.Choices, []string{"https://a.test", "https://b.test", "https://old.test"}) {
		t.Fatalf("%v", err)
	}
	got, err := saml.ParseMetadata([]byte(federation), metadataNow, saml.MetadataOptions{EntityID: "https://a.test"})
	if err != nil || got.EntityID != "https://a.test" || !got.Certificates[0].Equal(mine[0].Certificate) || !got.ValidUntil.Equal(time.Date(2026, 5, 6, 10, 0, 0, 0, time.UTC)) || got.CacheDuration != 6*time.Hour {
		t.Errorf("%+v %v", got, err)
	}
	for entityID, code := range map[string]saml.Code{"https://old.test": saml.CodeValidUntil, "https://c.test": saml.CodeSeveralEntities} {
		if _, err := saml.ParseMetadata([]byte(federation), metadataNow, saml.MetadataOptions{EntityID: entityID}); err == nil || err.(*saml.Problem).Code != code {
			t.Errorf("%s: %v", entityID, err)
		}
	}
	twice := group("", described{keys: mine}.xml(), described{keys: theirs}.xml())
	if _, err := saml.ParseMetadata([]byte(twice), metadataNow, saml.MetadataOptions{EntityID: "https://idp.test/metadata"}); err == nil || err.(*saml.Problem).Code != saml.CodeSeveralEntities {
		t.Errorf("one entity ID, two descriptions of different keys: %v", err)
	}
}

func TestS55_TheFirstCompleteDescriptionIsUsed(t *testing.T) {
	keys := []idptest.Key{idptest.RSAKey("idp", 2048)}
	with := func(role string) string {
		return strings.Replace(described{keys: keys}.xml(), "<md:IDPSSODescriptor", role+"<md:IDPSSODescriptor", 1)
	}
	for name, raw := range map[string]string{
		"SAML 1.1 before":    with(`<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol"/>`),
		"without an address": with(`<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"/>`),
		"out of date":        with(`<md:IDPSSODescriptor validUntil="2020-01-01T00:00:00Z" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"/>`),
	} {
		got, err := saml.ParseMetadata([]byte(raw), metadataNow, saml.MetadataOptions{})
		if err != nil || got.PostURL != "https://idp.test/post" || len(got.Certificates) != 1 {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

func TestCacheDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"PT6H": 6 * time.Hour, "P7D": 168 * time.Hour, "P0Y0M0DT6H0M0.000S": 6 * time.Hour, "PT604800S": 168 * time.Hour, "PT1H30M0.5S": 90 * time.Minute, "P": 0, "often": 0, "-PT1H": 0, "P1M": 0, "PT0S": 0} {
		got, err := saml.ParseMetadata([]byte(described{keys: []idptest.Key{idptest.RSAKey("idp", 2048)}, attributes: ` cacheDuration="` + text + `"`}.xml()), metadataNow, saml.MetadataOptions{})
		if err != nil || got.CacheDuration != want {
			t.Errorf("%s: %v %v, want %v", text, got.CacheDuration, err, want)
		}
	}
}
