package secret

import (
	"encoding/hex"
	"strings"
)

const (
	recoveryCodeBytes = 16 // 128 random bits
	recoveryCodeGroup = 4  // digits that stand together, for the eye
)

// NewRecoveryCode returns 128 random bits as eight groups of four hexadecimal digits, for somebody to print and to type:
// "3f2a-91bc-…".
func NewRecoveryCode() Token {
	return recoveryCode(hex.EncodeToString(randomBytes(recoveryCodeBytes)))
}

// ReadRecoveryCode reads a code as people type it: in either case, with any blanks and dashes or none, a letter O for the digit 0, an I or L
// for the digit 1. It is false for what is no code.
func ReadRecoveryCode(typed string) (Token, bool) {
	digits := strings.Map(func(r rune) rune {
		switch r {
		case 'o':
			return '0'
		case 'i', 'l':
			return '1'
		case ' ', '\t', '\r', '\n', '-', '‐', '‑', '–', '—', '\u00a0':
			return -1
		}
		return r
	}, strings.ToLower(typed))
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != recoveryCodeBytes {
		return Token{}, false
	}
	return recoveryCode(digits), true
}

func recoveryCode(digits string) Token {
	var groups []string
	for ; digits != ""; digits = digits[recoveryCodeGroup:] {
		groups = append(groups, digits[:recoveryCodeGroup])
	}
	return TokenOf(strings.Join(groups, "-"))
}
