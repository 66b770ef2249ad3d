package idptest

import (
	"bytes"
	"encoding/base64"

	"github.com/beevik/etree"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// encrypted sets up an encrypted assertion inside a signed response.
func encrypted(change func(*Encryption)) func(*Answer) {
	return func(a *Answer) {
		bothSigned(a)
		e := Encryption{To: a.To.Certificate}
		if a.Encryption != nil {
			e = *a.Encryption
		}
		if change != nil {
			change(&e)
		}
		a.Encryption = &e
	}
}

// aroundUnsigned sets up a signed and encrypted assertion inside an unsigned response.
func aroundUnsigned(a *Answer) {
	encrypted(nil)(a)
	a.Response = nil
}

func editEncrypted(change func(*etree.Element)) func(*Answer) {
	return encrypted(func(e *Encryption) { e.Edit = change })
}

func editPlain(change func([]byte) []byte) func(*Answer) {
	return encrypted(func(e *Encryption) { e.Plain = change })
}

// encryptionLies: who may encrypt, with what, and what malformed ciphertext does (S-29 to S-31).
func encryptionLies() []Lie {
	open := Allowed{UnsignedAroundEncrypted: true}
	lies := []Lie{
		{Class: "S-29", Name: "unsigned response around a signed one", Reason: trust.ReasonEncryptionRequiresOuterSignature, Given: encrypted(nil), Says: func(a *Answer) { a.Response = nil }},
		{Class: "S-29", Name: "nothing signed at all", Reason: trust.ReasonEncryptionRequiresOuterSignature, Given: encrypted(nil), Says: func(a *Answer) { a.Response, a.Assertion = nil, nil }},
		{Class: "S-29", Name: "nothing signed at all, switch on", Reason: trust.ReasonDecryptionFailed, Allow: open, Given: aroundUnsigned, Says: func(a *Answer) { a.Assertion = nil }},
		{Class: "S-29", Name: "signed by the attacker within, switch on", Reason: trust.ReasonDecryptionFailed, Allow: open, Given: aroundUnsigned, Says: func(a *Answer) { a.Assertion = &Signature{Key: RSAKey("attacker", 2048)} }},
		{Class: "S-30", Name: "a bit of the ciphertext, outer signature broken", Reason: trust.ReasonSignatureInvalid, Given: encrypted(nil), Forge: flipCipher},
		{Class: "S-30", Name: "a bit of CBC ciphertext, outer signature broken", Reason: trust.ReasonSignatureInvalid, Given: encrypted(func(e *Encryption) { e.Content = AES256CBC }), Forge: flipCipher},
		{Class: "S-30", Name: "a bit of the ciphertext, switch on", Reason: trust.ReasonDecryptionFailed, Allow: open, Given: aroundUnsigned, Forge: flipCipher},
		{Class: "S-30", Name: "a bit of the wrapped key, switch on", Reason: trust.ReasonDecryptionFailed, Allow: open, Given: aroundUnsigned, Forge: func(r *etree.Element) {
			flip(find(find(r, "EncryptedKey"), "CipherValue"))
		}},
		{Class: "S-30", Name: "plaintext that is no XML, switch on", Reason: trust.ReasonDecryptionFailed, Allow: open, Given: aroundUnsigned, Says: changePlain(func([]byte) []byte { return []byte("<") })},
		{Class: "S-30", Name: "CBC padding, switch on", Reason: trust.ReasonDecryptionFailed, Allow: open, Given: func(a *Answer) {
			aroundUnsigned(a)
			a.Encryption.Content = AES128CBC
		}, Forge: flipCipher},
		{Class: "S-30", Name: "for another's key", Reason: trust.ReasonDecryptionFailed, Given: encrypted(nil), Says: encrypted(func(e *Encryption) { e.To = RSAKey("attacker", 2048).Certificate })},
	}
	for name, set := range map[string]func(*Encryption){
		"RSA 1.5":                  func(e *Encryption) { e.Transport = RSA15 },
		"RSA 1.5 with CBC":         func(e *Encryption) { e.Transport, e.Content = RSA15, AES128CBC },
		"triple DES":               func(e *Encryption) { e.Content = TripleDES },
		"OAEP with MD5":            func(e *Encryption) { e.Digest = MD5 },
		"a transport nobody knows": func(e *Encryption) { e.Transport = "urn:none#rsa-oaep" },
		"a cipher nobody knows":    func(e *Encryption) { e.Content = "urn:none#aes256-gcm" },
	} {
		lies = append(lies, Lie{Class: "S-31", Name: name, Reason: trust.ReasonEncryptionAlgorithm, Given: encrypted(nil), Says: encrypted(set)})
	}
	return append(append(lies, malformedLies()...), innerLies()...)
}

// malformedLies are properly signed around ciphertext that is broken; each has made some library panic (S-31).
func malformedLies() []Lie {
	lies := []Lie{
		{Name: "no CipherData", Reason: trust.ReasonStructure, Says: editEncrypted(remove("CipherData"))},
		{Name: "no CipherValue", Reason: trust.ReasonStructure, Says: editEncrypted(remove("CipherValue"))},
		{Name: "no EncryptedData", Reason: trust.ReasonStructure, Says: editEncrypted(remove("EncryptedData"))},
		{Name: "no EncryptedKey", Reason: trust.ReasonStructure, Says: editEncrypted(remove("EncryptedKey"))},
		{Name: "no KeyInfo", Reason: trust.ReasonStructure, Says: editEncrypted(remove("KeyInfo"))},
		{Name: "EncryptedData twice", Reason: trust.ReasonStructure, Says: editEncrypted(twice("EncryptedData"))},
		{Name: "CipherValue twice", Reason: trust.ReasonStructure, Says: editEncrypted(twice("CipherValue"))},
		{Name: "no EncryptionMethod", Reason: trust.ReasonEncryptionAlgorithm, Says: editEncrypted(remove("EncryptionMethod"))},
		{Name: "nothing within", Reason: trust.ReasonStructure, Says: editEncrypted(func(el *etree.Element) { el.Child = nil })},
		{Name: "ciphertext to be fetched", Reason: trust.ReasonStructure, Says: editEncrypted(on("CipherValue", func(el *etree.Element) {
			el.Tag = "CipherReference"
			el.Child = nil
			el.CreateAttr("URI", "http://169.254.169.254/")
		}))},
	}
	for _, content := range []string{AES256GCM, AES128CBC} {
		for name, value := range map[string]string{"empty": "", "not base64": "!!!", "one byte": "AA==", "twelve bytes": "AAAAAAAAAAAAAAAA", "seventeen bytes": "AAAAAAAAAAAAAAAAAAAAAAA=", "one block": "AAAAAAAAAAAAAAAAAAAAAA=="} {
			lies = append(lies, Lie{Name: tail(content) + ", ciphertext " + name, Reason: unreadable(value), Given: encrypted(func(e *Encryption) { e.Content = content }), Says: editEncrypted(func(el *etree.Element) {
				values := all(el, "CipherValue")
				values[len(values)-1].SetText(value)
			})})
		}
	}
	for name, value := range map[string]string{"empty": "", "short": "AAAA", "long": string(bytes.Repeat([]byte("A"), 4096)), "not base64": "?"} {
		lies = append(lies, Lie{Name: "wrapped key " + name, Reason: unreadable(value), Says: editEncrypted(func(el *etree.Element) { find(find(el, "EncryptedKey"), "CipherValue").SetText(value) })})
	}
	for i := range lies {
		lies[i].Class = "S-31"
		if lies[i].Given == nil {
			lies[i].Given = encrypted(nil)
		}
	}
	return lies
}

// unreadable is why a ciphertext is refused: what is not even base64 never reaches a key.
func unreadable(value string) trust.Reason {
	if _, err := base64.StdEncoding.DecodeString(value); err != nil || value == "" {
		return trust.ReasonStructure
	}
	return trust.ReasonDecryptionFailed
}

// innerLies are properly encrypted: the same rules hold for what comes out.
func innerLies() []Lie {
	wrap := func(before, after string) func([]byte) []byte {
		return func(raw []byte) []byte { return append(append([]byte(before), raw...), after...) }
	}
	lies := []Lie{
		{Name: "nothing", Says: editPlain(func([]byte) []byte { return nil }), Reason: trust.ReasonNotXML},
		{Name: "no XML", Says: editPlain(func([]byte) []byte { return []byte("hello") }), Reason: trust.ReasonNotXML},
		{Name: "two assertions", Says: editPlain(func(raw []byte) []byte { return append(raw, raw...) }), Reason: trust.ReasonNotXML},
		{Name: "a response", Says: editPlain(wrap(`<samlp:Response xmlns:samlp="`+protocolNamespace+`">`, "</samlp:Response>")), Reason: trust.ReasonStructure},
		{Name: "a DOCTYPE", Says: editPlain(wrap("<!DOCTYPE a>", "")), Reason: trust.ReasonForbiddenXML},
		{Name: "a comment in the NameID", Says: editPlain(replace("</saml:NameID>", "<!-- --></saml:NameID>")), Reason: trust.ReasonForbiddenXML},
		{Name: "an assertion within", Says: editPlain(func(raw []byte) []byte {
			inner := bytes.Replace(raw, []byte(` ID="`), []byte(` ID="_x`), 1)
			return bytes.Replace(raw, []byte("</saml:Assertion>"), append(inner, "</saml:Assertion>"...), 1)
		}), Reason: trust.ReasonSeveralAssertions},
		{Name: "a wrong audience", Says: func(a *Answer) { a.Audience = []string{"https://other.test"} }, Reason: trust.ReasonAudience},
		{Name: "a prefix declared outside", Says: editPlain(replace(` xmlns:saml="`+assertionNamespace+`"`, "")), Reason: trust.ReasonNotXML},
	}
	for i := range lies {
		lies[i].Class, lies[i].Name, lies[i].Given = "S-31", "encrypted: "+lies[i].Name, encrypted(nil)
	}
	return lies
}

func changePlain(change func([]byte) []byte) func(*Answer) {
	return func(a *Answer) {
		e := *a.Encryption
		e.Plain = change
		a.Encryption = &e
	}
}

func flipCipher(r *etree.Element) {
	values := all(r, "CipherValue")
	flip(values[len(values)-1])
}

// flip changes one character of base64.
func flip(el *etree.Element) {
	value := []byte(el.Text())
	at := len(value) / 2
	if value[at] != 'A' {
		value[at] = 'A'
	} else {
		value[at] = 'B'
	}
	el.SetText(string(value))
}
