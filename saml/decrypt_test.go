package saml

import (
	"crypto"
	"crypto/aes"
	"reflect"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// sealedInside encrypts within a signed Response, edited in the EncryptedAssertion before that was signed.
func sealedInside(l *lock, pairs ...string) forgery {
	return forgery{response: true, encrypt: l, editSealed: pairs}
}

func TestDecryptionTakesTheAlgorithmsOfTheList(t *testing.T) {
	for name, size := range map[string]int{"aes128-gcm": 16, "aes192-gcm": 24, "aes256-gcm": 32, "aes128-cbc": 16, "aes192-cbc": 24, "aes256-cbc": 32} {
		for transport, change := range map[string]func(*lock){
			"mgf1p":            func(*lock) {},
			"mgf1p, SHA-256":   func(l *lock) { l.digest, l.hash = encryptionNamespace+"sha256", crypto.SHA256 },
			"xmlenc11 default": func(l *lock) { l.transport = encryption11Namespace + "rsa-oaep" },
			"xmlenc11, SHA-256": func(l *lock) {
				l.transport, l.digest, l.hash, l.mask, l.maskHash = encryption11Namespace+"rsa-oaep", encryptionNamespace+"sha256", crypto.SHA256, encryption11Namespace+"mgf1sha256", crypto.SHA256
			},
			"xmlenc11, SHA-512": func(l *lock) {
				l.transport, l.digest, l.hash, l.mask, l.maskHash = encryption11Namespace+"rsa-oaep", encryptionNamespace+"sha512", crypto.SHA512, encryption11Namespace+"mgf1sha512", crypto.SHA512
			},
			"a key beside it":    func(l *lock) { l.beside = true },
			"mgf1p names a mask": func(l *lock) { l.mask = encryption11Namespace + "mgf1sha256" }, // which it has not; SHA-1 it is
		} {
			t.Run(name+" "+transport, func(t *testing.T) {
				t.Parallel()
				l := locked(name, size)
				change(l)
				if _, _, refusal := read(t, goodProvider(), sealedInside(l), goodExpectation); refusal != nil {
					t.Errorf("refused: %v (want %q, got %q)", refusal, refusal.Want, refusal.Got)
				}
			})
		}
	}
}

func TestGuardEncryption(t *testing.T) {
	with := func(change func(*lock)) *lock { l := gcm(); change(l); return l }
	const (
		key    = "<e:EncryptedKey>"
		method = `<e:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes256-gcm"/>`
		kind   = ` Type="http://www.w3.org/2001/04/xmlenc#Element"`
	)
	check(t, map[string]row{
		"S29 an unsigned Response":      {reason: trust.ReasonEncryptionRequiresOuterSignature, bad: forgery{assertion: true, encrypt: gcm()}, twin: forgery{assertion: true, response: true, encrypt: gcm()}},
		"S30 a Response signed wrongly": {reason: trust.ReasonSignatureInvalid, bad: forgery{response: true, by: stranger, encrypt: with(func(l *lock) { l.spoil = badPadding })}, twin: sealedInside(gcm())},
		"S31 RSA 1.5":                   {reason: trust.ReasonEncryptionAlgorithm, bad: sealedInside(with(func(l *lock) { l.transport = encryptionNamespace + "rsa-1_5" })), twin: sealedInside(gcm())},
		"S31 Triple DES":                {reason: trust.ReasonEncryptionAlgorithm, bad: sealedInside(gcm(), method, `<e:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#tripledes-cbc"/>`), twin: sealedInside(gcm())},
		"S31 no method":                 {reason: trust.ReasonEncryptionAlgorithm, bad: sealedInside(gcm(), method, ""), twin: sealedInside(gcm())},
		"S31 an MD5 digest":             {reason: trust.ReasonEncryptionAlgorithm, bad: sealedInside(with(func(l *lock) { l.digest = "http://www.w3.org/2001/04/xmldsig-more#md5" })), twin: sealedInside(gcm())},
		"S31 an unknown mask":           {reason: trust.ReasonEncryptionAlgorithm, bad: sealedInside(with(func(l *lock) { l.mask = encryption11Namespace + "mgf1md5" })), twin: sealedInside(gcm())},
		"S31 OAEP parameters":           {reason: trust.ReasonEncryptionAlgorithm, bad: sealedInside(gcm(), "rsa-oaep-mgf1p\"/>", "rsa-oaep-mgf1p\"><e:OAEPparams>eA==</e:OAEPparams></e:EncryptionMethod>"), twin: sealedInside(gcm())},
		"S31 no EncryptedKey":           {reason: trust.ReasonStructure, bad: sealedInside(gcm(), key, "<e:Other>", "</e:EncryptedKey>", "</e:Other>"), twin: sealedInside(gcm())},
		"S31 two EncryptedKeys":         {reason: trust.ReasonStructure, bad: sealedInside(gcm(), key, "<e:EncryptedKey/>"+key), twin: sealedInside(gcm())},
		"S31 two EncryptedData":         {reason: trust.ReasonStructure, bad: sealedInside(gcm(), "</e:EncryptedData>", "</e:EncryptedData><e:EncryptedData/>"), twin: sealedInside(gcm())},
		"S31 something beside":          {reason: trust.ReasonStructure, bad: sealedInside(gcm(), "</e:EncryptedData>", "</e:EncryptedData><e:Other/>"), twin: sealedInside(gcm())},
		"S31 encrypted content":         {reason: trust.ReasonStructure, bad: sealedInside(gcm(), "xmlenc#Element", "xmlenc#Content"), twin: sealedInside(gcm(), kind, "")},
		"S31 a ciphertext elsewhere":    {reason: trust.ReasonStructure, bad: sealedInside(gcm(), "<e:CipherValue>", `<e:CipherReference URI="https://evil.test"/><e:Other>`, "</e:CipherValue>", "</e:Other>"), twin: sealedInside(gcm())},
		"S31 the data not base64":       {reason: trust.ReasonStructure, bad: sealedInside(gcm(), "</ds:KeyInfo><e:CipherData><e:CipherValue>", "</ds:KeyInfo><e:CipherData><e:CipherValue>!"), twin: sealedInside(gcm(), "</ds:KeyInfo><e:CipherData>", "</ds:KeyInfo>\n<e:CipherData>")},
		"S31 no EncryptedData":          {reason: trust.ReasonStructure, bad: sealedInside(with(func(l *lock) { l.beside = true }), "<e:EncryptedData ", "<e:Other ", "</e:EncryptedData>", "</e:Other>"), twin: sealedInside(with(func(l *lock) { l.beside = true }))},
		"S31 not base64 to the end":     {reason: trust.ReasonStructure, bad: sealedInside(gcm(), "</e:CipherValue>", "!</e:CipherValue>"), twin: sealedInside(gcm(), "</e:CipherValue>", "\n</e:CipherValue>")},
		"S31 not base64":                {reason: trust.ReasonStructure, bad: sealedInside(gcm(), "<e:CipherValue>", "<e:CipherValue>!"), twin: sealedInside(gcm(), "<e:CipherValue>", "<e:CipherValue>\n ")},

		"S31 a key of another length": {reason: trust.ReasonDecryptionFailed, bad: sealedInside(with(func(l *lock) { l.spoil = func(key, plain []byte) ([]byte, []byte) { return key[:16], plain } })), twin: sealedInside(gcm())},
		"S31 a key too short":         {reason: trust.ReasonDecryptionFailed, bad: sealedInside(with(func(l *lock) { l.keySize = 16 })), twin: sealedInside(gcm())},
		"S31 another key": {reason: trust.ReasonDecryptionFailed, bad: sealedInside(with(func(l *lock) {
			l.spoil = func(key, plain []byte) ([]byte, []byte) { return make([]byte, len(key)), plain }
		})), twin: sealedInside(gcm())},
		"S31 an empty key":           {reason: trust.ReasonDecryptionFailed, bad: sealedInside(with(func(l *lock) { l.spoil = func(key, plain []byte) ([]byte, []byte) { return nil, plain } })), twin: sealedInside(gcm())},
		"S31 padding of 17":          {reason: trust.ReasonDecryptionFailed, bad: sealedInside(spoiled(badPadding)), twin: sealedInside(cbc())},
		"S31 padding of 0":           {reason: trust.ReasonDecryptionFailed, bad: sealedInside(spoiled(noPadding)), twin: sealedInside(cbc())},
		"S31 nothing but padding":    {reason: trust.ReasonNotXML, bad: sealedInside(spoiled(onlyPadding)), twin: sealedInside(cbc())},
		"encrypted to somebody else": {reason: trust.ReasonDecryptionFailed, bad: sealedInside(with(func(l *lock) { l.to = stranger })), twin: sealedInside(gcm())},
	})
}

// What cannot be opened soundly is refused on the shape of it, before a key is tried on anything.
func TestS31_UnsoundEncryptionIsRefusedBeforeAnyKeyIsTried(t *testing.T) {
	old := gcm()
	old.transport = encryptionNamespace + "rsa-1_5"
	for step, l := range map[string]*lock{"structure": old, "attributes": gcm()} {
		_, steps, refusal := read(t, goodProvider(), sealedInside(l), goodExpectation)
		if steps[len(steps)-1].Name != step || (refusal == nil) != (step == "attributes") {
			t.Errorf("%+v, %+v", steps, refusal)
		}
	}
}

func TestDecryptedTextPassesTheGuardAgain(t *testing.T) {
	const issuer = "<saml:Issuer>https://idp.test/metadata</saml:Issuer>"
	within := func(pairs ...string) forgery { return forgery{response: true, encrypt: gcm(), editPlaintext: pairs} }
	signedWithin := func(pairs ...string) forgery {
		return forgery{response: true, assertion: true, encrypt: gcm(), editPlaintext: pairs}
	}
	check(t, map[string]row{
		"S21 a comment":             {reason: trust.ReasonForbiddenXML, bad: within(">ada<", ">a<!-- -->da<"), twin: within(">ada<", ">ada2<")},
		"S33 a DOCTYPE":             {reason: trust.ReasonForbiddenXML, bad: within("<saml:Assertion", "<!DOCTYPE x><saml:Assertion"), twin: within("<saml:Assertion", " <saml:Assertion")},
		"S16 not an Assertion":      {reason: trust.ReasonStructure, bad: within("<saml:Assertion", "<saml:Advice", "</saml:Assertion", "</saml:Advice"), twin: within()},
		"S12 an Assertion within":   {reason: trust.ReasonSeveralAssertions, bad: within("<saml:AttributeStatement>", "<saml:Assertion/><saml:AttributeStatement>"), twin: within()},
		"S03 an ID of the outside":  {reason: trust.ReasonForbiddenXML, bad: within(`ID="_assertion"`, `ID="_response"`), twin: within(`ID="_assertion"`, `ID="_assertion2"`)},
		"S03 a Signature elsewhere": {reason: trust.ReasonSignaturePlacement, bad: within("<saml:AudienceRestriction>", `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/><saml:AudienceRestriction>`), twin: within()},
		"S03 before the Issuer":     {reason: trust.ReasonSignaturePlacement, bad: signedWithin(issuer+"<ds:Signature", "<ds:Signature", "</ds:Signature>", "</ds:Signature>"+issuer), twin: signedWithin()},
		"S27 a SHA-1 inner one":     {reason: trust.ReasonSignatureAlgorithm, bad: signedWithin("xmldsig-more#rsa-sha256", "xmldsig#rsa-sha1"), twin: signedWithin()},
		"S01 an inner one broken":   {reason: trust.ReasonSignatureInvalid, bad: signedWithin(">ada<", ">eve<"), twin: signedWithin()},
		"S34 too deep within":       {reason: trust.ReasonTooLarge, bad: within("<saml:AttributeStatement>", strings.Repeat("<saml:x>", 32)+strings.Repeat("</saml:x>", 32)+"<saml:AttributeStatement>"), twin: within()},
		"S40 an audience elsewhere": {reason: trust.ReasonAudience, bad: within("<saml:Audience>", "<saml:Audience>x"), twin: within()},
	})
}

// Around an encrypted assertion that nobody signed on the outside, whatever is wrong up to the inner signature is one answer.
func TestS30_OneAnswerForAllThatIsWrongWithACiphertext(t *testing.T) {
	sp := goodProvider()
	sp.Allow.UnsignedResponseAroundEncrypted = true
	for _, make := range []func() *lock{gcm, cbc} {
		with := func(change func(*lock)) *lock { l := make(); change(l); return l }
		var first *trust.Refusal
		for name, f := range map[string]forgery{
			"no inner signature":     {encrypt: make()},
			"a stranger's":           {assertion: true, by: stranger, encrypt: make()},
			"a broken inner one":     {assertion: true, encrypt: make(), editPlaintext: []string{">ada<", ">eve<"}},
			"an inner SHA-1":         {assertion: true, encrypt: make(), editPlaintext: []string{"xmldsig-more#rsa-sha256", "xmldsig#rsa-sha1"}},
			"not XML":                {assertion: true, encrypt: make(), editPlaintext: []string{"</saml:Assertion>", ""}},
			"a comment":              {assertion: true, encrypt: make(), editPlaintext: []string{">ada<", "><!-- -->ada<"}},
			"several":                {assertion: true, encrypt: make(), editPlaintext: []string{"<saml:AttributeStatement>", "<saml:Assertion/><saml:AttributeStatement>"}},
			"somebody else's key":    {assertion: true, encrypt: with(func(l *lock) { l.to = stranger })},
			"a key of another size":  {assertion: true, encrypt: with(func(l *lock) { l.spoil = func(key, plain []byte) ([]byte, []byte) { return key[1:], plain } })},
			"a padding that is none": {assertion: true, encrypt: with(func(l *lock) { l.spoil = badPadding })},
		} {
			_, steps, refusal := read(t, sp, f, goodExpectation)
			switch {
			case refusal == nil || refusal.Reason != trust.ReasonDecryptionFailed:
				t.Errorf("%s: %+v", name, refusal)
			case first == nil:
				first = refusal
			case !reflect.DeepEqual(first, refusal) || len(steps) != 3:
				t.Errorf("%s is told apart: %+v, %+v", name, refusal, steps)
			}
		}
		if _, _, refusal := read(t, sp, forgery{assertion: true, encrypt: make()}, goodExpectation); refusal != nil {
			t.Errorf("the honest twin was refused: %+v", refusal)
		}
	}
}

func TestS31_NoLengthOfCiphertextPanics(t *testing.T) {
	for length := range 100 {
		for cipher := range blockCiphers {
			box := sealed{cipher: blockCiphers[cipher], digest: crypto.SHA1, mask: crypto.SHA1, key: make([]byte, length), data: make([]byte, length)}
			if _, _, opened := box.open([]KeyPair{we().pair()}); opened {
				t.Errorf("%d bytes of nothing were opened", length)
			}
			block, err := aes.NewCipher(make([]byte, box.cipher.keySize))
			if err != nil {
				t.Fatal(err)
			}
			unsealCBC(block, box.data)
			unsealGCM(block, box.data)
		}
	}
}

func spoiled(spoil func(key, plaintext []byte) ([]byte, []byte)) *lock {
	l := cbc()
	l.spoil = spoil
	return l
}

func badPadding(key, plaintext []byte) ([]byte, []byte) {
	plaintext[len(plaintext)-1] = 17
	return key, plaintext
}

func noPadding(key, plaintext []byte) ([]byte, []byte) {
	plaintext[len(plaintext)-1] = 0
	return key, plaintext
}

func onlyPadding(key, _ []byte) ([]byte, []byte) {
	return key, append(make([]byte, 15), 16)
}
