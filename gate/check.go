package gate

import (
	"context"
	"net/netip"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// Code is the result of a check.
type Code string

// The results. What a key is, and why it is refused, is said only to whoever shows its secret.
const (
	Valid       Code = "VALID"
	NotFound    Code = "NOT_FOUND"    // no key, gone, or of another project
	Expired     Code = "EXPIRED"      // the key, or its text that was replaced by another
	Revoked     Code = "REVOKED"      //
	Forbidden   Code = "FORBIDDEN"    // lacks the permission, or all of them
	IPDenied    Code = "IP_DENIED"    // used from an address outside its networks, or from one that is not known
	RateLimited Code = "RATE_LIMITED" // more checks in a minute than the key may have
)

// codes lists all results.
func codes() []Code {
	return []Code{Valid, NotFound, Expired, Revoked, Forbidden, IPDenied, RateLimited}
}

// Request is what a program asks about. All but Key is optional.
type Request struct {
	Key        secret.Token
	Permission string     // "indexes:query"
	Project    string     // the project that the caller stands for; a key of another is unknown there
	Address    netip.Addr // of the program that uses the key; zero: not known
	// Where a service account asks, Address is the account's own, and Told is what it says. It is believed about the keys of its organization alone.
	Told   netip.Addr
	ToldBy string // its organization; "": nobody's word is taken
}

// from is the address that counts for the key.
func (r Request) from(k *key) netip.Addr {
	if r.ToldBy != "" && r.ToldBy == k.organization {
		return r.Told.Unmap().WithZone("")
	}
	return r.Address.Unmap().WithZone("")
}

// Result is the answer. Of a key that is NotFound nothing else is said. Permissions are what the key may do now, and empty unless it is
// Valid or merely lacks MissingPermission. The slices are shared: do not change them.
type Result struct {
	Valid                     bool
	Code                      Code
	KeyID, Name               string
	ProjectID, OrganizationID string
	Roles                     []access.Role
	Permissions               []string
	PermissionList            string        // Permissions as a header has them: "a,b"
	MissingPermission         string        // the permission that was asked for and is not there
	ExpiresAt                 *time.Time    // of the text that was shown: a rotated one may end before the key; nil: never
	RetryAfter                time.Duration // whole seconds until the key has its next check, when it is RateLimited

	identity, permissions []byte // parts of the answer in JSON
}

// Check decides about a key. An error means that there is no decision: ErrCutOff, or the store failed.
func (g *Gate) Check(ctx context.Context, r Request) (Result, error) {
	now := g.now()
	k, s, err := g.holds(ctx, r.Key, now)
	if err != nil {
		return Result{}, err
	}
	code := NotFound
	if k != nil {
		address := r.from(k)
		if code = k.judge(r, s, address, now); code != NotFound {
			g.uses.count(k.use, now, address, code == Valid)
		}
	}
	g.checks[code].Inc()
	return k.result(s, code, r.Permission), nil
}

// holds is the key whose text this is, and which of its secrets; nil when it is none's. An unknown key takes the work of a known one.
func (g *Gate) holds(ctx context.Context, token secret.Token, now time.Time) (*key, *keySecret, error) {
	if g.silent(now) {
		return nil, nil, ErrCutOff
	}
	text := token.Reveal()
	k, err := g.keyOf(ctx, text, now)
	if err != nil || k == nil {
		return nil, nil, err
	}
	if i := secretIn(k.secrets, text); i >= 0 {
		return k, &k.secrets[i], nil
	}
	return nil, nil, nil
}

// judge decides about a key one of whose secrets was shown.
func (k *key) judge(r Request, s *keySecret, address netip.Addr, now time.Time) Code {
	switch {
	case r.Project != "" && r.Project != k.project:
		return NotFound
	case over(k.end(s), now):
		return Expired
	case k.revoked:
		return Revoked
	case !k.mayComeFrom(address):
		return IPDenied
	case len(k.rights.permissions) == 0:
		return Forbidden // nothing is left of its creator's rights, or the organization is suspended
	case r.Permission != "" && !k.rights.include(r.Permission):
		return Forbidden
	case k.limiter != nil && !k.limiter.AllowN(now, 1):
		return RateLimited
	}
	return Valid
}

// over reports whether an end has come; there may be none.
func over(end *time.Time, now time.Time) bool { return end != nil && !now.Before(*end) }

// mayComeFrom reports whether the key may be used from there. Where it may not be used from everywhere, an unknown address is none of its.
func (k *key) mayComeFrom(address netip.Addr) bool {
	for _, network := range k.networks {
		if network.Contains(address) {
			return true
		}
	}
	return len(k.networks) == 0
}

// result is what is said about the key under this code, to whoever showed this one of its secrets.
func (k *key) result(s *keySecret, code Code, asked string) Result {
	if code == NotFound {
		return Result{Code: NotFound}
	}
	r := Result{
		Valid: code == Valid, Code: code, KeyID: k.id, Name: k.name, ProjectID: k.project, OrganizationID: k.organization,
		Roles: k.roles, ExpiresAt: k.end(s), identity: s.identity,
	}
	shown := noRights
	switch code {
	case Valid:
		shown = k.rights
	case Forbidden:
		shown, r.MissingPermission = k.rights, asked
	case RateLimited:
		r.RetryAfter = (time.Minute/time.Duration(k.limiter.Burst()) + time.Second - 1).Truncate(time.Second)
	}
	r.Permissions, r.permissions, r.PermissionList = shown.permissions, shown.encoded, shown.list
	return r
}
