package idptest

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"strings"

	"github.com/beevik/etree"
)

// Encryption algorithms by the names that stand in a message.
const (
	AES128GCM = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
	AES192GCM = "http://www.w3.org/2009/xmlenc11#aes192-gcm"
	AES256GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
	AES128CBC = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"
	AES192CBC = "http://www.w3.org/2001/04/xmlenc#aes192-cbc"
	AES256CBC = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
	TripleDES = "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"

	OAEP   = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
	OAEP11 = "http://www.w3.org/2009/xmlenc11#rsa-oaep"
	RSA15  = "http://www.w3.org/2001/04/xmlenc#rsa-1_5"

	MGFSHA1   = "http://www.w3.org/2009/xmlenc11#mgf1sha1"
	MGFSHA256 = "http://www.w3.org/2009/xmlenc11#mgf1sha256"

	encryptionNamespace = "http://www.w3.org/2001/04/xmlenc#"
)

// Encryption is how an assertion is encrypted. Its zero value but for To is AES-256-GCM under RSA-OAEP with SHA-1, the
// EncryptedKey inside the EncryptedData's KeyInfo.
type Encryption struct {
	To          *x509.Certificate
	Content     string
	Transport   string
	Digest, MGF string // of OAEP; left out of the message when empty
	KeyBeside   bool   // EncryptedKey beside EncryptedData, found by RetrievalMethod
	Edit        func(encrypted *etree.Element)
	Plain       func([]byte) []byte // changes what is encrypted
}

func (e Encryption) seal(assertion *etree.Element, prefix string) *etree.Element {
	if e.Content == "" {
		e.Content = AES256GCM
	}
	if e.Transport == "" {
		e.Transport = OAEP
	}
	plain := aloneBytes(assertion)
	if e.Plain != nil {
		plain = e.Plain(plain)
	}
	key := make([]byte, keySize(e.Content))
	_, _ = rand.Read(key)
	encrypted := etree.NewElement(named(prefix)("EncryptedAssertion"))
	declare(encrypted, prefix, assertionNamespace)
	data := encrypted.CreateElement("xenc:EncryptedData")
	data.CreateAttr("xmlns:xenc", encryptionNamespace)
	data.CreateAttr("Type", encryptionNamespace+"Element")
	data.CreateElement("xenc:EncryptionMethod").CreateAttr("Algorithm", e.Content)
	info := data.CreateElement("ds:KeyInfo")
	info.CreateAttr("xmlns:ds", "http://www.w3.org/2000/09/xmldsig#")
	if e.KeyBeside {
		info.CreateElement("ds:RetrievalMethod").CreateAttr("Type", encryptionNamespace+"EncryptedKey")
		info.SelectElement("RetrievalMethod").CreateAttr("URI", "#_key")
		e.wrapKey(encrypted, key).CreateAttr("Id", "_key")
	} else {
		e.wrapKey(info, key)
	}
	setCipher(data, encryptContent(e.Content, key, plain))
	if e.Edit != nil {
		e.Edit(encrypted)
	}
	return encrypted
}

func (e Encryption) wrapKey(parent *etree.Element, key []byte) *etree.Element {
	wrapped := parent.CreateElement("xenc:EncryptedKey")
	wrapped.CreateAttr("xmlns:xenc", encryptionNamespace)
	method := wrapped.CreateElement("xenc:EncryptionMethod")
	method.CreateAttr("Algorithm", e.Transport)
	if e.Digest != "" {
		digest := method.CreateElement("ds:DigestMethod")
		digest.CreateAttr("xmlns:ds", "http://www.w3.org/2000/09/xmldsig#")
		digest.CreateAttr("Algorithm", e.Digest)
	}
	if e.MGF != "" {
		mgf := method.CreateElement("xenc11:MGF")
		mgf.CreateAttr("xmlns:xenc11", "http://www.w3.org/2009/xmlenc11#")
		mgf.CreateAttr("Algorithm", e.MGF)
	}
	to := e.To.PublicKey.(*rsa.PublicKey)
	if e.Transport == RSA15 {
		//lint:ignore SA1019 some identity providers still encrypt so, and are refused
		setCipher(wrapped, must(rsa.EncryptPKCS1v15(rand.Reader, to, key)))
		return wrapped
	}
	setCipher(wrapped, must(rsa.EncryptOAEPWithOptions(rand.Reader, to, key, &rsa.OAEPOptions{Hash: e.hash(), MGFHash: e.mgf()})))
	return wrapped
}

func (e Encryption) hash() crypto.Hash {
	if e.Digest == "" {
		return crypto.SHA1
	}
	return hashOf(e.Digest)
}

func (e Encryption) mgf() crypto.Hash {
	if e.Transport == OAEP || e.MGF == "" {
		return crypto.SHA1 // xmlenc-core1 5.5.2: MGF1 with SHA-1, whatever the digest
	}
	return hashOf(e.MGF)
}

func setCipher(el *etree.Element, value []byte) {
	el.CreateElement("xenc:CipherData").CreateElement("xenc:CipherValue").SetText(base64.StdEncoding.EncodeToString(value))
}

func keySize(content string) int {
	switch {
	case strings.Contains(content, "128"):
		return 16
	case strings.Contains(content, "192"), content == TripleDES:
		return 24
	}
	return 32
}

func encryptContent(algorithm string, key, plain []byte) []byte {
	if strings.HasSuffix(algorithm, "-gcm") {
		aead := must(cipher.NewGCM(must(aes.NewCipher(key))))
		nonce := make([]byte, aead.NonceSize())
		_, _ = rand.Read(nonce)
		return aead.Seal(nonce, nonce, plain, nil)
	}
	block := must(aes.NewCipher(key))
	if algorithm == TripleDES {
		block = must(des.NewTripleDESCipher(key))
	}
	size := block.BlockSize()
	padding := size - len(plain)%size
	padded := append(append([]byte{}, plain...), make([]byte, padding)...)
	padded[len(padded)-1] = byte(padding) // xmlenc-core1 5.2: only the last byte of the padding counts
	out := make([]byte, size+len(padded))
	_, _ = rand.Read(out[:size])
	cipher.NewCBCEncrypter(block, out[:size]).CryptBlocks(out[size:], padded)
	return out
}
