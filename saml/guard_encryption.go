package saml

import (
	"crypto"
	_ "crypto/sha1" // OAEP's default digest (xmlenc 5.5.2), where collisions do not matter
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// blockCipher is how an assertion may be encrypted. CBC does not authenticate: see Read for what surrounds it.
type blockCipher struct {
	keySize int // bytes
	gcm     bool
}

var (
	blockCiphers = map[string]blockCipher{
		encryption11Namespace + "aes128-gcm": {16, true}, encryption11Namespace + "aes192-gcm": {24, true}, encryption11Namespace + "aes256-gcm": {32, true},
		encryptionNamespace + "aes128-cbc": {16, false}, encryptionNamespace + "aes192-cbc": {24, false}, encryptionNamespace + "aes256-cbc": {32, false},
	}
	// RSA-OAEP by its two names: the older fixes the mask's digest to SHA-1, the newer names it (xmlenc1-1 5.5.2).
	keyTransports = []string{encryptionNamespace + "rsa-oaep-mgf1p", encryption11Namespace + "rsa-oaep"}
	oaepDigests   = map[string]crypto.Hash{
		"": crypto.SHA1, "http://www.w3.org/2000/09/xmldsig#sha1": crypto.SHA1, encryptionNamespace + "sha256": crypto.SHA256,
		"http://www.w3.org/2001/04/xmldsig-more#sha384": crypto.SHA384, encryptionNamespace + "sha512": crypto.SHA512,
	}
	oaepMasks = map[string]crypto.Hash{
		"": crypto.SHA1, encryption11Namespace + "mgf1sha1": crypto.SHA1, encryption11Namespace + "mgf1sha256": crypto.SHA256,
		encryption11Namespace + "mgf1sha384": crypto.SHA384, encryption11Namespace + "mgf1sha512": crypto.SHA512,
	}
)

// sealed is an EncryptedAssertion taken apart.
type sealed struct {
	cipher             blockCipher
	digest, mask       crypto.Hash
	key, data          []byte
	algorithm, keyedBy string // as named, for the steps
}

// requireSoundEncryption: an encrypted assertion is built so that opening it can only fail in one way (S-31).
func requireSoundEncryption(m *message) *trust.Refusal {
	if !m.encrypted {
		return nil
	}
	_, refusal := readSealed(m.assertion)
	return refusal
}

// readSealed takes an EncryptedAssertion apart: one EncryptedData, one EncryptedKey within its KeyInfo or beside it, inline
// ciphertexts, algorithms from the lists: never RSA 1.5, never Triple DES (S-31).
func readSealed(encrypted *node) (sealed, *trust.Refusal) {
	malformed := func(want string) (sealed, *trust.Refusal) {
		return sealed{}, trust.Refuse(trust.ReasonStructure, want, "something else")
	}
	data := encrypted.only(encryptionNamespace, "EncryptedData")
	keys := append(data.only(signatureNamespace, "KeyInfo").all(encryptionNamespace, "EncryptedKey"), encrypted.all(encryptionNamespace, "EncryptedKey")...)
	if data == nil || len(keys) != 1 || len(encrypted.children) != 1+len(encrypted.all(encryptionNamespace, "EncryptedKey")) {
		return malformed("one EncryptedData with one EncryptedKey")
	}
	if kind := data.attribute("Type"); kind != "" && kind != encryptionNamespace+"Element" {
		return malformed("EncryptedData of an Element")
	}
	var s sealed
	if refusal := s.readAlgorithms(data, keys[0]); refusal != nil {
		return sealed{}, refusal
	}
	var inline [2]bool
	s.key, inline[0] = cipherValue(keys[0])
	s.data, inline[1] = cipherValue(data)
	if !inline[0] || !inline[1] {
		return malformed("CipherData with a CipherValue in base64")
	}
	return s, nil
}

func (s *sealed) readAlgorithms(data, key *node) *trust.Refusal {
	s.algorithm = data.only(encryptionNamespace, "EncryptionMethod").attribute("Algorithm")
	method := key.only(encryptionNamespace, "EncryptionMethod")
	s.keyedBy = method.attribute("Algorithm")
	var known [3]bool
	s.cipher, known[0] = blockCiphers[s.algorithm]
	s.digest, known[1] = oaepDigests[method.only(signatureNamespace, "DigestMethod").attribute("Algorithm")]
	s.mask, known[2] = oaepMasks[method.only(encryption11Namespace, "MGF").attribute("Algorithm")]
	switch {
	case !known[0]:
		return trust.Refuse(trust.ReasonEncryptionAlgorithm, "AES-GCM or AES-CBC", s.algorithm)
	case s.keyedBy != keyTransports[0] && s.keyedBy != keyTransports[1]:
		return trust.Refuse(trust.ReasonEncryptionAlgorithm, "RSA-OAEP", s.keyedBy)
	case !known[1] || !known[2] || len(method.all(encryptionNamespace, "OAEPparams")) > 0:
		return trust.Refuse(trust.ReasonEncryptionAlgorithm, "RSA-OAEP with SHA-1 or SHA-2 and without parameters", algorithmsOf(method))
	}
	if s.keyedBy == keyTransports[0] {
		s.mask = crypto.SHA1
	}
	return nil
}

func cipherValue(n *node) ([]byte, bool) {
	text := n.only(encryptionNamespace, "CipherData").only(encryptionNamespace, "CipherValue").value()
	raw, err := base64.StdEncoding.DecodeString(withoutBlanks(text))
	return raw, err == nil && len(raw) > 0
}
