package client

import (
	"hash/crc32"
	"strings"
	"unicode/utf8"
)

// The parts of a key's text: prefix, 26 characters of the key's id, an underscore, 43 characters of secret, and 6 of checksum over all before.
const (
	keyPrefix  = "gate_"
	keyIDChars = 26
	keyTail    = 43
	checkChars = 6
	keyChars   = len(keyPrefix) + keyIDChars + 1 + keyTail + checkChars

	longestImported = 512 // bytes

	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	base32 = "0123456789abcdefghjkmnpqrstvwxyz"
)

// maybeKey says whether it is worth asking about the text: it has the form and the checksum of a key, or may be an imported one.
func (c *Client) maybeKey(text string) bool {
	if strings.HasPrefix(text, keyPrefix) || !c.options.ImportedKeys {
		return isKeyText(text)
	}
	return text != "" && len(text) <= longestImported && utf8.ValidString(text)
}

func isKeyText(text string) bool {
	if len(text) != keyChars || !strings.HasPrefix(text, keyPrefix) {
		return false
	}
	body := text[:keyChars-checkChars]
	id, tail := body[len(keyPrefix):len(keyPrefix)+keyIDChars], body[len(keyPrefix)+keyIDChars:]
	// The first of 26 base32 characters carries three bits of the 128.
	return id[0] <= '7' && only(base32, id) && tail[0] == '_' && only(base62, tail[1:]) && checksum(body) == [checkChars]byte([]byte(text[len(body):]))
}

// checksum is CRC-32/IEEE of the body in six base62 digits.
func checksum(body string) (digits [checkChars]byte) {
	sum := crc32.ChecksumIEEE([]byte(body))
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = base62[sum%62]
		sum /= 62
	}
	return digits
}

func only(alphabet, text string) bool {
	for i := range len(text) {
		if strings.IndexByte(alphabet, text[i]) < 0 {
			return false
		}
	}
	return true
}
