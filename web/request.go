package web

import (
	"context"
	"log/slog"
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
	UserAgent string     // printable, at most 256 characters
	Forwarded bool       // a proxy handed it on, or somebody says so: it came with Forwarded, Via, X-Real-IP or an X-Forwarded header
	Route     string     // the pattern that matched ("GET /login"), "" before a router matched; the path itself may hold a token
}

// RequestInfo is what the Site found out about r; the zero value for a request that did not come through a Site.
func RequestInfo(r *http.Request) Request { return stateOf(r).info }

// ClientAddress is RequestInfo(r).Address.
func ClientAddress(r *http.Request) netip.Addr { return stateOf(r).info.Address }

// Fail answers with the error page of whoever serves r: the router that matched it, else the Site.
// It is for errors that need no words of their own (404, 403, 500).
func Fail(w http.ResponseWriter, r *http.Request, status int) {
	state := stateOf(r)
	if state.problem == nil || state.failing {
		// The error page itself failed. Nothing is left but the bare status.
		http.Error(w, http.StatusText(status), status)
		return
	}
	state.failing = true
	state.problem(w, r, status)
	state.failing = false
}

// state travels with one request from the Site inwards. One goroutine has it at a time.
type state struct {
	info    Request
	problem Problem
	failing bool // inside problem
	form    Fields
	log     *slog.Logger
}

type stateKey struct{}

func withState(r *http.Request, s *state) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), stateKey{}, s))
}

func stateOf(r *http.Request) *state {
	if s, ok := r.Context().Value(stateKey{}).(*state); ok {
		return s
	}
	return &state{log: slog.Default()}
}

func printable(s string, limit int) string {
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
