package saml

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/beevik/etree"
)

// lock encrypts as xmlenc says. Its names are what it writes; its hashes what it does.
type lock struct {
	cipher, transport, digest, mask string // names; digest and mask may be left out
	hash, maskHash                  crypto.Hash
	keySize                         int             // bytes
	beside                          bool            // the EncryptedKey stands beside the EncryptedData
	to                              func() identity // somebody else than we
	spoil                           func(key, plaintext []byte) (newKey, padded []byte)
}

func locked(name string, keySize int) *lock {
	space := encryption11Namespace
	if strings.HasSuffix(name, "cbc") {
		space = encryptionNamespace
	}
	return &lock{cipher: space + name, keySize: keySize, transport: encryptionNamespace + "rsa-oaep-mgf1p", hash: crypto.SHA1, maskHash: crypto.SHA1}
}

func gcm() *lock { return locked("aes256-gcm", 32) }
func cbc() *lock { return locked("aes128-cbc", 16) }

func (l lock) encrypt(t testing.TB, to identity, plaintext []byte) *etree.Element {
	t.Helper()
	key := make([]byte, l.keySize)
	rand.Read(key)
	wrapped := key
	if l.to != nil {
		to = l.to()
	}
	if !strings.HasSuffix(l.cipher, "gcm") {
		padding := aes.BlockSize - len(plaintext)%aes.BlockSize
		plaintext = append(plaintext, make([]byte, padding)...)
		plaintext[len(plaintext)-1] = byte(padding)
	}
	if l.spoil != nil {
		wrapped, plaintext = l.spoil(key, plaintext)
	}
	transported, err := rsa.EncryptOAEPWithOptions(rand.Reader, to.certificate.PublicKey.(*rsa.PublicKey), wrapped, &rsa.OAEPOptions{Hash: l.hash, MGFHash: l.maskHash})
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	var data []byte
	if strings.HasSuffix(l.cipher, "gcm") {
		sealer, _ := cipher.NewGCMWithRandomNonce(block)
		data = sealer.Seal(nil, nil, plaintext, nil)
	} else {
		data = make([]byte, aes.BlockSize+len(plaintext))
		rand.Read(data[:aes.BlockSize])
		cipher.NewCBCEncrypter(block, data[:aes.BlockSize]).CryptBlocks(data[aes.BlockSize:], plaintext)
	}
	return l.element(t, transported, data)
}

func (l lock) element(t testing.TB, key, data []byte) *etree.Element {
	method := ""
	if l.digest != "" {
		method += fmt.Sprintf(`<ds:DigestMethod Algorithm="%s"/>`, l.digest)
	}
	if l.mask != "" {
		method += fmt.Sprintf(`<e11:MGF Algorithm="%s"/>`, l.mask)
	}
	encryptedKey := fmt.Sprintf(`<e:EncryptedKey><e:EncryptionMethod Algorithm="%s">%s</e:EncryptionMethod><e:CipherData><e:CipherValue>%s</e:CipherValue></e:CipherData></e:EncryptedKey>`,
		l.transport, method, base64.StdEncoding.EncodeToString(key))
	inside, outside := "<ds:KeyInfo>"+encryptedKey+"</ds:KeyInfo>", ""
	if l.beside {
		inside, outside = "", encryptedKey
	}
	document := etree.NewDocument()
	if err := document.ReadFromString(fmt.Sprintf(`<saml:EncryptedAssertion xmlns:saml="%s" xmlns:e="%s" xmlns:e11="%s" xmlns:ds="%s"><e:EncryptedData Type="%sElement"><e:EncryptionMethod Algorithm="%s"/>%s<e:CipherData><e:CipherValue>%s</e:CipherValue></e:CipherData></e:EncryptedData>%s</saml:EncryptedAssertion>`,
		assertionNamespace, encryptionNamespace, encryption11Namespace, signatureNamespace, encryptionNamespace, l.cipher, inside, base64.StdEncoding.EncodeToString(data), outside)); err != nil {
		t.Fatal(err)
	}
	return document.Root()
}
