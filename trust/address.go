package trust

import (
	"errors"
	"strings"
)

// ErrAddress and ErrDomain say that text is not an email address or DNS name in the one form that we compare.
var (
	ErrAddress = errors.New("not a plain email address")
	ErrDomain  = errors.New("not a DNS name of at least two labels in ASCII")
)

// Address is an email address in the one form that may decide anything: an ASCII local part without quotes at a
// lower-case A-label domain. The zero value is no address.
type Address struct{ local, domain string }

// ParseAddress accepts RFC 5321 dot-atom local parts up to 64 bytes and domains that ParseDomain accepts, 254 bytes in all.
// Everything that two programs may read differently is refused with ErrAddress: a second @, quotes, comments, blanks,
// control and non-ASCII characters, trailing dots (D-03, D-04).
func ParseAddress(s string) (Address, error) {
	local, host, _ := strings.Cut(s, "@") // without one there is no domain, which ParseDomain refuses
	if len(s) > 254 || len(local) > 64 {
		return Address{}, ErrAddress
	}
	for _, atom := range strings.Split(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, notAtom) {
			return Address{}, ErrAddress
		}
	}
	domain, err := ParseDomain(host)
	if err != nil {
		return Address{}, ErrAddress
	}
	return Address{local: local, domain: domain}, nil
}

func notAtom(r rune) bool {
	return !isLetterOrDigit(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

func isLetterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// Given is the address with its local part as it was written: for display and for mail.
func (a Address) Given() string {
	if a.IsZero() {
		return ""
	}
	return a.local + "@" + a.domain
}

// Canonical is the address with ASCII case folded: what is compared and looked up.
func (a Address) Canonical() string { return lower(a.Given()) }

// Domain is the lower-case A-label domain.
func (a Address) Domain() string { return a.domain }

// IsZero reports whether there is no address.
func (a Address) IsZero() bool { return a.domain == "" }

// ParseDomain returns the lower-case form of a DNS name of ASCII labels (RFC 1123), two or more, 253 bytes at most.
// A trailing dot, an IP address and anything not ASCII is refused with ErrDomain: callers convert what people type.
func ParseDomain(s string) (string, error) {
	labels := strings.Split(lower(s), ".")
	if len(s) > 253 || len(labels) < 2 {
		return "", ErrDomain
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.ContainsFunc(label, func(r rune) bool { return r != '-' && !isLetterOrDigit(r) }) {
			return "", ErrDomain
		}
	}
	// No top-level domain begins with a digit, but every spelling of an IPv4 address does in its last part.
	if last := labels[len(labels)-1]; last[0] >= '0' && last[0] <= '9' {
		return "", ErrDomain
	}
	return strings.Join(labels, "."), nil
}

// lower folds ASCII alone: strings.ToLower would turn the Kelvin sign into a k.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
