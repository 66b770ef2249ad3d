package web

import (
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strings"
	"unicode"
)

// maxUserAgent is how many characters of a User-Agent are kept.
const maxUserAgent = 256

// Request is what is known about a request before anyone looks at what it wants.
type Request struct {
	ID        string     // ours, 26 characters; never taken from outside
	Address   netip.Addr // the client's, see Site.TrustedProxies; the zero value when the listener has no addresses
	Host      string     // that the client asked for, as sent, see Site.TrustedProxies; "" where a proxy named several
	UserAgent string     // printable, at most 256 characters
	Forwarded bool       // a proxy handed it on, or somebody says so: it came with Forwarded, Via, X-Real-IP or an X-Forwarded header
	Route     string     // the pattern that matched ("GET /login"), "" before a router matched; the path itself may hold a token
}

// RequestInfo is what the Site found out about r; the zero value for a request that did not come through a Site.
func RequestInfo(r *http.Request) Request { return exchangeOf(r).info }

// ClientAddress is RequestInfo(r).Address.
func ClientAddress(r *http.Request) netip.Addr { return exchangeOf(r).info.Address }

// Fail answers with the error page of whoever serves r: the router that matched it, else the Site.
// It is for errors that need no words of their own (404, 403, 500).
func Fail(w http.ResponseWriter, r *http.Request, status int) {
	x := exchangeOf(r)
	if x.problem == nil || x.failing {
		// The error page itself failed. Nothing is left but the bare status.
		http.Error(w, http.StatusText(status), status)
		return
	}
	x.failing = true
	x.problem(w, r, status)
	x.failing = false
}

// alphabet is base32's.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// newRequestID is a text of 130 random bits, so that there are no two alike. Nothing is proved by knowing one.
func newRequestID() string {
	var id [26]byte
	var bits uint64
	for i := range id {
		if i%12 == 0 {
			bits = rand.Uint64()
		}
		id[i] = alphabet[bits%32]
		bits /= 32
	}
	return string(id[:])
}

// printable is what can be read of s, cut to a number of characters.
func printable(s string, limit int) string {
	if len(s) <= limit && !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' }) {
		return s
	}
	var out strings.Builder
	for _, c := range s {
		if limit == 0 {
			break
		}
		if unicode.IsPrint(c) && c != unicode.ReplacementChar {
			out.WriteRune(c)
			limit--
		}
	}
	return out.String()
}
