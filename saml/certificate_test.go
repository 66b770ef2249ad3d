package saml_test

import (
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/saml"
)

func armoured(key idptest.Key) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: key.Certificate.Raw}))
}

func bare(key idptest.Key) string { return base64.StdEncoding.EncodeToString(key.Certificate.Raw) }

func TestCertificatesInEveryShapeThatPeoplePaste(t *testing.T) {
	one, two := idptest.RSAKey("idp", 2048), idptest.RSAKey("next", 2048)
	for name, c := range map[string]struct {
		text string
		want []idptest.Key
	}{
		"with BEGIN and END":           {armoured(one), []idptest.Key{one}},
		"without":                      {bare(one), []idptest.Key{one}},
		"Windows line ends":            {strings.ReplaceAll(armoured(one), "\n", "\r\n"), []idptest.Key{one}},
		"old Mac line ends":            {strings.ReplaceAll(armoured(one), "\n", "\r"), []idptest.Key{one}},
		"indented":                     {"   " + strings.ReplaceAll(armoured(one), "\n", "\n\t  "), []idptest.Key{one}},
		"on one line with spaces":      {strings.ReplaceAll(armoured(one), "\n", " "), []idptest.Key{one}},
		"words around":                 {"Bag Attributes\n  friendlyName: idp\n" + armoured(one) + "thanks", []idptest.Key{one}},
		"two":                          {armoured(one) + armoured(two), []idptest.Key{one, two}},
		"the same twice":               {armoured(one) + armoured(one), []idptest.Key{one}},
		"two without, a blank between": {bare(one) + "\r\n \r\n" + bare(two), []idptest.Key{one, two}},
		"EC P-256":                     {armoured(idptest.ECKey("ec", elliptic.P256())), []idptest.Key{idptest.ECKey("ec", elliptic.P256())}},
	} {
		t.Run(name, func(t *testing.T) {
			got, warnings, err := saml.ParseCertificates(c.text)
			if err != nil || len(warnings) != 0 || len(got) != len(c.want) {
				t.Fatalf("got %d certificates, %q, %v", len(got), warnings, err)
			}
			for i := range got {
				if !got[i].Equal(c.want[i].Certificate) {
					t.Errorf("certificate %d is another", i)
				}
			}
		})
	}
}

func TestCertificatesThatCannotBeUsed(t *testing.T) {
	good := idptest.RSAKey("idp", 2048)
	der, err := x509.MarshalPKCS8PrivateKey(good.Private)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(good.Private.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text string
		code saml.Code
		says string
	}{
		"nothing":             {" \n", saml.CodeEmpty, "no certificate"},
		"words":               {"see attachment", saml.CodeNotCertificate, "MII"},
		"cut off":             {bare(good)[:400], saml.CodeNotCertificate, "complete"},
		"XML":                 {"<EntityDescriptor/>", saml.CodeNotCertificate, "metadata field"},
		"a public key":        {string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})), saml.CodeNotCertificate, "public key"},
		"a private key":       {string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), saml.CodePrivateKey, "private key"},
		"a bare private key":  {base64.StdEncoding.EncodeToString(der), saml.CodePrivateKey, "private key"},
		"both halves":         {armoured(good) + string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: der})), saml.CodePrivateKey, "private key"},
		"RSA-1024":            {armoured(idptest.RSAKey("weak", 1024)), saml.CodeWeakKey, "1024 bits"},
		"EC P-224":            {armoured(idptest.ECKey("weak", elliptic.P224())), saml.CodeWeakKey, "224 bits"},
		"signed with SHA-1":   {armoured(good.SHA1()), saml.CodeWeakSignature, "SHA-1 or SHA1"},
		"megabytes":           {strings.Repeat("A", 1<<20), saml.CodeTooLarge, "1024 KB"},
		"more than we try":    {manyCertificates(), saml.CodeTooManyKeys, "at most 20"},
		"null bytes":          {"\x00\x00", saml.CodeNotCertificate, "not a certificate"},
		"empty between lines": {"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", saml.CodeNotCertificate, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := saml.ParseCertificates(c.text)
			found, ok := err.(*saml.Problem)
			if !ok || len(got) != 0 {
				t.Fatalf("got %d certificates and %v", len(got), err)
			}
			if found.Code != c.code {
				t.Errorf("code %s, want %s", found.Code, c.code)
			}
			if !containsOne(found.Sentence, c.says) {
				t.Errorf("says %q, want something with %q", found.Sentence, c.says)
			}
			if strings.Contains(found.Sentence, "MIIE") {
				t.Errorf("echoes the key: %q", found.Sentence)
			}
		})
	}
}

func containsOne(text, words string) bool {
	for _, word := range strings.Split(words, " or ") {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

func manyCertificates() string {
	var all strings.Builder
	for i := range 21 {
		key := idptest.ECKey("many", elliptic.P256())
		key = key.Valid(key.Certificate.NotBefore.AddDate(0, 0, i+1), key.Certificate.NotAfter)
		all.WriteString(armoured(key))
	}
	return all.String()
}

func TestOneUsableCertificateIsEnough(t *testing.T) {
	good, weak := idptest.RSAKey("idp", 2048), idptest.RSAKey("weak", 1024)
	got, warnings, err := saml.ParseCertificates(armoured(weak) + armoured(good))
	if err != nil || len(got) != 1 || !got[0].Equal(good.Certificate) {
		t.Fatalf("got %d certificates and %v", len(got), err)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "1024 bits") {
		t.Errorf("warnings: %q", warnings)
	}
}

func TestFingerprint(t *testing.T) {
	if got := saml.Fingerprint(idptest.RSAKey("idp", 2048).Certificate); len(got) != 64 || got != strings.ToLower(got) {
		t.Errorf("fingerprint %q", got)
	}
	spaced := saml.SpacedFingerprint(idptest.RSAKey("idp", 2048).Certificate)
	if parts := strings.Fields(spaced); len(parts) != 16 || len(spaced) != 79 || strings.Join(parts, "") != saml.Fingerprint(idptest.RSAKey("idp", 2048).Certificate) {
		t.Errorf("spaced %q", spaced)
	}
}
