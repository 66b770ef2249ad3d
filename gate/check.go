package gate

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// Code is the result of a check.
type Code string

// The results. Expired and Revoked are said only to whoever holds the secret.
const (
	Valid     Code = "VALID"
	NotFound  Code = "NOT_FOUND"
	Expired   Code = "EXPIRED"
	Revoked   Code = "REVOKED"
	Forbidden Code = "FORBIDDEN"
)

// codes lists all results.
func codes() []Code { return []Code{Valid, NotFound, Expired, Revoked, Forbidden} }

// Request is what a program asks about. Permission and Project are optional.
type Request struct {
	Key        secret.Token
	Permission string // "indexes:query"
	Project    string // the project that the caller stands for; a key of another is unknown there
}

// Result is the answer. Of a key that is NotFound nothing else is said. Permissions are what the key may do now, and empty unless it is
// Valid or merely lacks the permission asked for. The slices are shared: do not change them.
type Result struct {
	Valid                     bool
	Code                      Code
	KeyID, Name               string
	ProjectID, OrganizationID string
	Roles                     []access.Role
	Permissions               []string
	ExpiresAt                 *time.Time // nil: never

	encoded []byte
}

// Check decides about a key. An error means that there is no decision: ErrCutOff, or the store failed.
func (g *Gate) Check(ctx context.Context, r Request) (Result, error) {
	if err := g.Ready(); err != nil {
		return Result{}, err
	}
	result, err := g.check(ctx, r)
	if err != nil {
		return Result{}, err
	}
	g.checks[result.Code].Inc()
	return result, nil
}

func (g *Gate) check(ctx context.Context, r Request) (Result, error) {
	text := r.Key.Reveal()
	idSuffix, err := secret.ParseKeyText(text)
	if err != nil {
		return notFound, nil // mistyped: no secret is near, so no work hides anything
	}
	k, err := g.keys.find(ctx, "key_"+idSuffix)
	if err != nil {
		return Result{}, err
	}
	matches, err := g.matches(k, text)
	if err != nil {
		return Result{}, err
	}
	if !matches {
		return notFound, nil
	}
	return k.result(k.judge(r, g.now())), nil
}

// nobody is what an unknown key is compared with, so that it takes the work of a known one.
var nobody = make([]byte, 32)

// matches says whether text is one of the key's. No key matches nothing, after the same HMAC and the same comparison.
func (g *Gate) matches(k *key, text string) (bool, error) {
	if k == nil {
		subtle.ConstantTimeCompare(g.hash(nobody, text), nobody)
		return false, nil
	}
	for _, one := range k.Secrets {
		pepper := g.store.Pepper(one.PepperVersion)
		switch {
		case one.Scheme != store.SchemeGatehouse:
		case len(pepper) == 0:
			return false, fmt.Errorf("check key %s: pepper %d is missing", k.ID, one.PepperVersion)
		case subtle.ConstantTimeCompare(g.hash(pepper, text), one.Hash) == 1:
			return one.EndsAt == nil || g.now().Before(*one.EndsAt), nil
		}
	}
	return false, nil
}

// judge decides about a key whose secret was shown.
func (k *key) judge(r Request, now time.Time) Code {
	switch {
	case r.Project != "" && r.Project != k.ProjectID:
		return NotFound
	case k.ExpiresAt != nil && !now.Before(*k.ExpiresAt):
		return Expired
	case k.RevokedAt != nil:
		return Revoked
	case len(k.permissions) == 0:
		return Forbidden // nothing is left of its creator's rights, or the organization is suspended
	case r.Permission != "" && !k.may(r.Permission):
		return Forbidden
	}
	return Valid
}

func (k *key) may(permission string) bool {
	_, found := slices.BinarySearch(k.permissions, permission)
	return found
}

var notFound = Result{Code: NotFound, encoded: Result{Code: NotFound}.encode()}

// result is the answer with this code.
func (k *key) result(code Code) Result {
	if code == NotFound {
		return notFound
	}
	result := Result{
		Valid: code == Valid, Code: code, KeyID: k.ID, Name: k.Name, ProjectID: k.ProjectID, OrganizationID: k.OrganizationID,
		Roles: k.Roles, Permissions: k.permissions, ExpiresAt: k.ExpiresAt,
	}
	switch code {
	case Valid:
		result.encoded = k.valid
	case Expired, Revoked:
		result.Permissions = []string{}
	}
	return result
}

// JSON is the answer as a document. The most frequent ones are made once and shared: do not change it.
func (r Result) JSON() []byte {
	if r.encoded != nil {
		return r.encoded
	}
	return r.encode()
}

// about is what an answer tells to whoever holds the key.
type about struct {
	KeyID        string        `json:"key_id"`
	Name         string        `json:"name"`
	Project      string        `json:"project"`
	Organization string        `json:"organization"`
	Roles        []access.Role `json:"roles"`
	Permissions  []string      `json:"permissions"`
	ExpiresAt    *time.Time    `json:"expires_at"`
}

func (r Result) encode() []byte {
	answer := struct {
		Valid bool `json:"valid"`
		Code  Code `json:"code"`
		*about
	}{Valid: r.Valid, Code: r.Code}
	if r.Code != NotFound {
		answer.about = &about{r.KeyID, r.Name, r.ProjectID, r.OrganizationID, r.Roles, r.Permissions, r.ExpiresAt}
	}
	text, _ := json.Marshal(answer) // strings and a time always encode
	return text
}
