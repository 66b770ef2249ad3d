package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

// testedWithin is how recent the acting owner's own login through a connection must be when they require single sign-on of everybody.
const testedWithin = 15 * time.Minute

// Precondition is one of the things that must hold before single sign-on can be required, so that nobody is locked out.
type Precondition struct {
	Name  string // "domain", "connection", "test" or "break_glass"
	Met   bool
	Words string // what holds, or what to do so that it does
}

func unmet(preconditions []Precondition) *Invalid {
	problems := &Invalid{}
	for _, p := range preconditions {
		if !p.Met {
			problems.Add(p.Name, p.Words)
		}
	}
	return problems
}

// TurnOnEnforcement requires single sign-on: of members on a verified domain, or of everyone. Owner is the acting owner. It returns *Invalid
// with one field for each precondition that does not hold, and takes effect with the next request of everybody whom it covers.
func (c *Scope) TurnOnEnforcement(ctx context.Context, actor audit.Actor, version int64, scope access.Scope, ownerID string) error {
	if scope != access.EnforceDomain && scope != access.EnforceAll {
		return invalid("scope", "Choose whom it covers.")
	}
	err := c.changePolicy(ctx, actor, version, func(w *write, was SignInPolicy) (columns, error) {
		if was.Enforcement == scope {
			return nil, errUnchanged
		}
		if err := w.entitled(access.EntitledSSO); err != nil {
			return nil, err
		}
		held, err := preconditions(w.DB, c.organization, ownerID, w.now)
		if err != nil {
			return nil, err
		}
		if err := unmet(held).Err(); err != nil {
			return nil, err
		}
		w.record(audit.Event{Action: audit.SignInPolicyEnforcementTurnedOn, Severity: audit.High,
			Changes: []audit.Change{{Field: "enforcement", Before: scopeWords(was.Enforcement), After: scopeWords(scope)}}})
		return columns{"enforcement": scope, "enforced_at": w.now}, nil
	})
	if err != nil {
		return fmt.Errorf("require single sign-on: %w", err)
	}
	return nil
}

// EndEnforcement lets people choose again how they sign in.
func (c *Scope) EndEnforcement(ctx context.Context, actor audit.Actor, version int64) error {
	err := c.changePolicy(ctx, actor, version, func(w *write, was SignInPolicy) (columns, error) {
		if was.Enforcement == access.NoEnforcement {
			return nil, errUnchanged
		}
		w.record(audit.Event{Action: audit.SignInPolicyEnforcementEnded, Severity: audit.High,
			Changes: []audit.Change{{Field: "enforcement", Before: scopeWords(was.Enforcement), After: scopeWords(access.NoEnforcement)}}})
		return columns{"enforcement": access.NoEnforcement, "enforced_at": nil}, nil
	})
	if err != nil {
		return fmt.Errorf("end requiring single sign-on: %w", err)
	}
	return nil
}

func scopeWords(scope access.Scope) string {
	switch scope {
	case access.EnforceDomain:
		return "members on a verified domain"
	case access.EnforceAll:
		return "everyone"
	}
	return "nobody"
}

// preconditions are the four, in the order in which an admin meets them.
func preconditions(db *gorm.DB, organization, ownerID string, now time.Time) ([]Precondition, error) {
	all := []Precondition{
		{Name: "domain", Words: "Verify a domain of your people's addresses."},
		{Name: "connection", Words: "Activate a connection to your identity provider, and one for each domain that is assigned."},
		{Name: "test", Words: "Sign in yourself through an active connection, by its test or for real, within the last 15 minutes."},
		{Name: "break_glass", Words: "Name a break-glass owner on the Sign-in page who has a passkey or recovery codes, so that somebody gets in when the identity provider does not answer."},
	}
	met := []string{"A domain is verified.", "A connection is active.", "You have just signed in through an active connection.", "A break-glass owner has a passkey or recovery codes."}
	queries := []func() *gorm.DB{
		func() *gorm.DB {
			return db.Table("domains d").Where("d.organization_id = ?", organization).Where(domainVerified)
		},
		func() *gorm.DB {
			return db.Table("connections").Where("organization_id = ? AND state = ?", organization, ConnectionActive).
				Where("NOT EXISTS (SELECT 1 FROM domains d WHERE d.organization_id = connections.organization_id AND "+unservedDomain+")", "")
		},
		func() *gorm.DB { return ownLogins(db, organization, ownerID, now) },
		func() *gorm.DB { return breakGlassWays(db, organization) },
	}
	for i, query := range queries {
		var count int64
		if err := query().Count(&count).Error; err != nil {
			return nil, fmt.Errorf("check precondition %s: %w", all[i].Name, err)
		}
		if all[i].Met = count > 0; all[i].Met {
			all[i].Words = met[i]
		}
	}
	return all, nil
}

// ownLogins are the owner's logins through an active connection that finished a short while ago, with the settings that it has now, by a subject
// that is linked to them. The connection is one that would let them in.
func ownLogins(db *gorm.DB, organization, ownerID string, now time.Time) *gorm.DB {
	return db.Table("logins").
		Joins("JOIN connections c ON c.id = logins.connection_id AND c.live_version = logins.version_id AND c.state = ?", ConnectionActive).
		Joins("JOIN users u ON u.id = logins.user_id").Where(countsForUser, graceBegan(now)).
		Joins("JOIN identities ON identities.connection_id = logins.connection_id AND identities.subject = logins.subject AND identities.user_id = logins.user_id").
		Where("logins.organization_id = ? AND logins.user_id = ? AND logins.state = ? AND logins.ended_at >= ?", organization, ownerID, LoginFinished, now.Add(-testedWithin))
}
