package saml

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// refuseSealed is the one answer to everything that can go wrong with a ciphertext (S-30).
func refuseSealed() *trust.Refusal {
	return trust.Refuse(trust.ReasonDecryptionFailed, "an assertion encrypted to one of our certificates", "something that does not open")
}

// open decrypts with each of our keys in turn, and says whose it was. It never says what failed, and every length is checked before use (S-31).
// What CBC did not open is answered as well, so that a bad padding can take the way of a good one: nobody may use it.
func (s sealed) open(keys []KeyPair) (plaintext []byte, by *x509.Certificate, opened bool) {
	for _, pair := range keys {
		key, err := pair.Key.Decrypt(nil, s.key, &rsa.OAEPOptions{Hash: s.digest, MGFHash: s.mask})
		if err != nil || len(key) != s.cipher.keySize {
			continue
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			continue
		}
		unseal := unsealCBC
		if s.cipher.gcm {
			unseal = unsealGCM
		}
		if plaintext, opened = unseal(block, s.data); opened {
			return plaintext, pair.Certificate, true
		}
	}
	return plaintext, nil, false
}

// unsealGCM opens nonce, ciphertext and tag (xmlenc1-1 5.2.4).
func unsealGCM(block cipher.Block, data []byte) ([]byte, bool) {
	gcm, err := cipher.NewGCM(block)
	if err != nil || len(data) < gcm.NonceSize()+gcm.Overhead() {
		return nil, false
	}
	plaintext, err := gcm.Open(nil, data[:gcm.NonceSize()], data[gcm.NonceSize():], nil)
	return plaintext, err == nil
}

// unsealCBC opens IV and ciphertext and takes off the padding, of which only the last byte says anything (xmlenc 5.2). A bad
// padding takes the time of a good one.
func unsealCBC(block cipher.Block, data []byte) ([]byte, bool) {
	size := block.BlockSize()
	if len(data) < 2*size || len(data)%size != 0 {
		return nil, false
	}
	plaintext := make([]byte, len(data)-size)
	cipher.NewCBCDecrypter(block, data[:size]).CryptBlocks(plaintext, data[size:])
	padding := int(plaintext[len(plaintext)-1])
	good := subtle.ConstantTimeLessOrEq(1, padding) & subtle.ConstantTimeLessOrEq(padding, size)
	return plaintext[:len(plaintext)-subtle.ConstantTimeSelect(good, padding, 0)], good == 1
}
