package client

import (
	"fmt"
	"slices"
	"time"
)

// Code says why a key is good or not. Codes that are not listed here may come with later versions of Gatehouse; none of them is good.
type Code string

// The codes. Expired and Revoked are said only of keys whose secret was right.
const (
	Valid       Code = "VALID"
	NotFound    Code = "NOT_FOUND"    // no key, none of ours, gone, or of another project
	Expired     Code = "EXPIRED"      //
	Revoked     Code = "REVOKED"      //
	Forbidden   Code = "FORBIDDEN"    // good, and may not do this; or its creator has lost their rights
	IPDenied    Code = "IP_DENIED"    // not from this address
	RateLimited Code = "RATE_LIMITED" // used more often than it may be
)

// AnyPermission asks for a good key and for nothing in particular. The empty permission is nobody's: a route that was forgotten stays shut.
const AnyPermission = "*"

// Result is what is known of a key. Of one that is NotFound there is nothing but the code. The slices are shared: do not change them.
type Result struct {
	Valid                 bool
	Code                  Code
	KeyID, Name           string
	Project, Organization string // their ids
	Roles, Permissions    []string
	ExpiresAt             time.Time     // zero: never
	MissingPermission     string        // the one that was asked for, where the key is good and lacks it
	RetryAfter            time.Duration // until the key may be used again, where it is RateLimited; 0: not said
}

// Has says whether the key is good and may do the permission.
func (r Result) Has(permission string) bool {
	_, found := slices.BinarySearch(r.Permissions, permission)
	return r.Valid && (found || permission == AnyPermission)
}

// judge is the result now and for this permission.
func (r Result) judge(permission string, now time.Time) Result {
	switch {
	case !r.Valid:
	case !r.ExpiresAt.IsZero() && !now.Before(r.ExpiresAt):
		r.Valid, r.Code, r.Permissions = false, Expired, nil
	case !r.Has(permission):
		r.Valid, r.Code, r.MissingPermission = false, Forbidden, permission
	}
	return r
}

// Unavailable says that Gatehouse gave no decision: it cannot be reached, or does not wish to be asked for a while, or understands this
// program's question no more. It never holds a key.
type Unavailable struct {
	Status     int           // of Gatehouse's answer, 0 where there was none
	Code       string        // of its problem document, if any
	RetryAfter time.Duration // 0: not said
	Err        error         // what went wrong on the way, if anything
}

// Error is one line without anything secret in it.
func (u *Unavailable) Error() string {
	switch {
	case u.Err != nil:
		return fmt.Sprintf("gatehouse: check key: %v", u.Err)
	case u.Status == 0:
		return fmt.Sprintf("gatehouse: check key: asked not to be called for another %v", u.RetryAfter.Round(time.Millisecond))
	}
	return fmt.Sprintf("gatehouse: check key: answered %d %s", u.Status, u.Code)
}

// Unwrap is Err: errors.Is finds context.DeadlineExceeded, for example.
func (u *Unavailable) Unwrap() error { return u.Err }
