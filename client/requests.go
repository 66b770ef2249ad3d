package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Middleware lets only requests through whose key may do the permission (or AnyPermission). The key is the one in Authorization: Bearer or in
// Api-Key. Others are answered with a problem document (RFC 9457): 400 for several credentials, 401 for no good key, 403 for a good one that
// may not, 429 for one that is used too often, 503 when there is no decision.
func (c *Client) Middleware(permission string) func(http.Handler) http.Handler {
	return c.MiddlewareFunc(func(*http.Request) string { return permission })
}

// MiddlewareFunc is Middleware with a permission that depends on the request. A request whose permission is empty is refused.
func (c *Client) MiddlewareFunc(permission func(*http.Request) string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			key, several := presented(r.Header)
			if several {
				problem{Status: http.StatusBadRequest, Code: "several_credentials", Detail: "Send exactly one credential."}.answer(w, `Bearer error="invalid_request"`)
				return
			}
			if key == "" {
				problem{
					Status: http.StatusUnauthorized, Code: "key_missing", Detail: "Send an API key as Authorization: Bearer, or in the header Api-Key.",
				}.answer(w, "Bearer")
				return
			}
			result, err := c.CheckFrom(r.Context(), c.addressOf(r), key, permission(r))
			switch {
			case err != nil:
				unavailable(w, err)
			case !result.Valid:
				refuse(w, result)
			default:
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), resultKey{}, result)))
			}
		})
	}
}

type resultKey struct{}

// From is what is known of the key that a request was let through with; false outside of a Middleware.
func From(ctx context.Context) (Result, bool) {
	result, ok := ctx.Value(resultKey{}).(Result)
	return result, ok
}

// presented is the key in the headers, "" when there is none, or that there are several credentials.
func presented(header http.Header) (key string, several bool) {
	authorization, apiKey := header.Values("Authorization"), header.Values("Api-Key")
	switch {
	case len(authorization)+len(apiKey) > 1:
		return "", true
	case len(apiKey) == 1:
		return strings.TrimSpace(apiKey[0]), false
	}
	scheme, key, _ := strings.Cut(header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return strings.TrimSpace(key), false
}

func (c *Client) addressOf(r *http.Request) netip.Addr {
	if c.options.Address != nil {
		return c.options.Address(r)
	}
	from, _ := netip.ParseAddrPort(r.RemoteAddr) // another transport than TCP has no address
	return from.Addr()
}

// problem is a problem document with a stable code.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`

	MissingPermission string `json:"missing_permission,omitempty"`
}

// answer sends it, with a challenge (RFC 6750, section 3) unless that is empty.
func (p problem) answer(w http.ResponseWriter, challenge string) {
	p.Title = http.StatusText(p.Status)
	text, _ := json.Marshal(p) // strings and a number always encode
	header := w.Header()
	if challenge != "" {
		header.Set("WWW-Authenticate", challenge)
	}
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_, _ = w.Write(text) // the caller has gone: nothing to do
}

func refuse(w http.ResponseWriter, result Result) {
	p := problem{
		Status: http.StatusUnauthorized, Code: string(result.Code), Detail: "This API key is not accepted.", MissingPermission: result.MissingPermission,
	}
	challenge := `Bearer error="invalid_token"`
	switch result.Code {
	case Expired:
		p.Detail = "This API key has expired."
	case Revoked:
		p.Detail = "This API key was revoked."
	case Forbidden, IPDenied:
		p.Status, challenge = http.StatusForbidden, `Bearer error="insufficient_scope"`
		p.Detail = "This API key may not be used from here."
		if result.Code == Forbidden {
			p.Detail = "This API key may not do this."
		}
		if result.MissingPermission != "" {
			p.Detail = fmt.Sprintf("This API key may not do %s.", result.MissingPermission)
		}
	case RateLimited:
		p.Status, challenge = http.StatusTooManyRequests, ""
		p.Detail = "This API key is used more often than it may be."
		sayRetryAfter(w, result.RetryAfter)
	}
	p.answer(w, challenge)
}

func unavailable(w http.ResponseWriter, err error) {
	u := new(Unavailable)
	errors.As(err, &u)
	sayRetryAfter(w, u.RetryAfter)
	problem{Status: http.StatusServiceUnavailable, Code: "service_unavailable", Detail: "The API key could not be checked. Try again in a moment."}.answer(w, "")
}

// sayRetryAfter asks to wait, for a second at least.
func sayRetryAfter(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(max(wait, time.Second).Seconds()))))
}
