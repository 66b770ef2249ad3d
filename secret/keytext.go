package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"hash/crc32"
	"math/big"
	"strings"
)

// The parts of a key's text: prefix, 26 characters of the id that it belongs to, 43 base62 characters
// that hold 256 random bits, 6 base62 characters of CRC-32 over all before.
const (
	keyPrefix            = "gate_"
	serviceAccountPrefix = "gate_sva_"
	operatorPrefix       = "gate_opr_"
	keyIDLength          = 26
	keySecretChars       = 43
	keyCheckChars        = 6

	base62   = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	idBase32 = "0123456789abcdefghjkmnpqrstvwxyz"
)

// ErrKeyText says that a text is not of the kind that was asked about: its form or its checksum is wrong.
var ErrKeyText = errors.New("not the text of an API key or a service account's token")

// LeakPattern finds the texts of keys and of the tokens of service accounts and operators in whatever a secret scanner reads; it is published in docs/api.md.
// What it finds has the form of one: the last six characters, the CRC-32 of all before, tell most other texts apart.
const LeakPattern = `gate_(?:(?:sva|opr)_)?[0-7][0-9a-hjkmnp-tv-z]{25}_[0-9A-Za-z]{49}`

// NewKeyText makes the text of a new API key: the suffix of the key's id, a fresh secret and the checksum. It is shown once.
func NewKeyText(idSuffix string) Token { return newText(keyPrefix, idSuffix) }

// NewServiceAccountText makes the text of a new token of the service account whose id has the suffix. It is shown once.
func NewServiceAccountText(idSuffix string) Token { return newText(serviceAccountPrefix, idSuffix) }

func newText(prefix, idSuffix string) Token {
	body := prefix + idSuffix + "_" + padBase62(new(big.Int).SetBytes(randomBytes(32)), keySecretChars)
	check := checksum(body)
	return TokenOf(body + string(check[:]))
}

// NewOperatorText makes the text of a new token of the operator, whose id has the suffix. It is shown once.
func NewOperatorText(idSuffix string) Token { return newText(operatorPrefix, idSuffix) }

// ParseKeyText gives the suffix of the id that an API key speaks of, or ErrKeyText. It decides by form and checksum
// alone, so that a mistyped key costs no look at the store.
func ParseKeyText(text string) (idSuffix string, err error) { return parseText(keyPrefix, text) }

// ParseServiceAccountText is [ParseKeyText] for the tokens of service accounts. No text is both.
func ParseServiceAccountText(text string) (idSuffix string, err error) {
	return parseText(serviceAccountPrefix, text)
}

// ParseOperatorText is [ParseKeyText] for the tokens of the operator.
func ParseOperatorText(text string) (idSuffix string, err error) {
	return parseText(operatorPrefix, text)
}

func parseText(prefix, text string) (idSuffix string, err error) {
	rest, found := strings.CutPrefix(text, prefix)
	if !found || len(rest) != keyIDLength+1+keySecretChars+keyCheckChars {
		return "", ErrKeyText
	}
	idSuffix = rest[:keyIDLength]
	body, check := text[:len(text)-keyCheckChars], text[len(text)-keyCheckChars:]
	// The first of 26 base32 characters carries three bits of the 128.
	wellFormed := rest[keyIDLength] == '_' && idSuffix[0] <= '7' &&
		idCharacters.spell(idSuffix) && secretCharacters.spell(rest[keyIDLength+1:])
	if !wellFormed {
		return "", ErrKeyText
	}
	if sum := checksum(body); string(sum[:]) != check {
		return "", ErrKeyText
	}
	return idSuffix, nil
}

// HashKey returns HMAC-SHA-256 of a key's whole text under pepper: what the database keeps. The
// id is part of the text, so that a hash moved to another row fits no key.
func HashKey(pepper []byte, text string) []byte {
	mac := hmac.New(sha256.New, pepper)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// characters are those that a part of a text may have.
type characters [256]bool

var idCharacters, secretCharacters = charactersOf(idBase32), charactersOf(base62)

func charactersOf(alphabet string) *characters {
	c := new(characters)
	for i := range len(alphabet) {
		c[alphabet[i]] = true
	}
	return c
}

func (c *characters) spell(s string) bool {
	for i := range len(s) {
		if !c[s[i]] {
			return false
		}
	}
	return true
}

// checksum spells CRC-32/IEEE of body in six base62 characters. It goes through the table itself: the standard library's functions take bytes,
// and every check of a key would leave a copy of it behind.
func checksum(body string) (out [keyCheckChars]byte) {
	sum := ^uint32(0)
	for i := range len(body) {
		sum = crc32.IEEETable[byte(sum)^body[i]] ^ sum>>8
	}
	sum = ^sum
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = base62[sum%62]
		sum /= 62
	}
	return out
}

// padBase62 spells n in exactly width base62 characters, zeros on the left.
func padBase62(n *big.Int, width int) string {
	out := make([]byte, width)
	radix, digit := big.NewInt(62), new(big.Int)
	for i := width - 1; i >= 0; i-- {
		n.DivMod(n, radix, digit)
		out[i] = base62[digit.Int64()]
	}
	return string(out)
}
