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

// EnforcementPreview says what requiring single sign-on would do, before anybody does it.
type EnforcementPreview struct {
	Covered       []Member // the newest 200
	CoveredCount  int      // up to MostCounted, as the other numbers
	Sessions      int      // sessions of those who were counted that have no proof by an active connection: they would be barred
	APIKeys       int      // live keys of the organization: they go on working
	Preconditions []Precondition
}

// Ready reports whether every precondition is met.
func (p EnforcementPreview) Ready() bool { return unmet(p.Preconditions).Err() == nil }

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

// EnforcementPreview says whom the scope would cover and what still stands in the way of the acting owner.
func (c *Scope) EnforcementPreview(ctx context.Context, scope access.Scope, ownerID string) (EnforcementPreview, error) {
	var preview EnforcementPreview
	var err error
	if preview.Preconditions, err = preconditions(c.store.read(ctx), c.organization, ownerID, c.store.now()); err != nil {
		return EnforcementPreview{}, err
	}
	covered := c.coveredBy(ctx, scope).Order("members.id DESC")
	var found []struct{ ID, UserID string }
	if err := covered.Select("members.id, members.user_id").Limit(MostCounted).Find(&found).Error; err != nil {
		return EnforcementPreview{}, fmt.Errorf("list whom single sign-on would cover: %w", err)
	}
	ids, users := make([]string, len(found)), make([]string, len(found))
	for i, m := range found {
		ids[i], users[i] = m.ID, m.UserID
	}
	preview.CoveredCount = len(found)
	if preview.Covered, err = c.membersByID(ctx, ids[:min(len(ids), 200)]); err != nil {
		return EnforcementPreview{}, err
	}
	if preview.Sessions, err = c.sessionsToBar(ctx, users); err != nil {
		return EnforcementPreview{}, err
	}
	preview.APIKeys, err = c.countLiveKeys(ctx)
	return preview, err
}

// coveredBy are the members whom enforcement of the scope covers, as access.Scope.Covers has it: those on a verified domain and, for everyone,
// those who are linked.
func (c *Scope) coveredBy(ctx context.Context, scope access.Scope) *gorm.DB {
	return c.store.read(ctx).Table("members").Joins("JOIN users ON users.id = members.user_id").
		Where("members.organization_id = ?", c.organization).
		Where(`(EXISTS (SELECT 1 FROM domains d WHERE d.organization_id = members.organization_id AND d.name = users.email_domain AND `+domainInEffect+`)
			OR (? AND EXISTS (SELECT 1 FROM identities i WHERE i.organization_id = members.organization_id AND i.user_id = members.user_id)))`,
			graceBegan(c.store.now()), scope == access.EnforceAll)
}

// sessionsToBar counts the live sessions of these people without a proof by an active connection of this organization that serves them, up to
// MostCounted.
func (c *Scope) sessionsToBar(ctx context.Context, users []string) (int, error) {
	if len(users) == 0 {
		return 0, nil
	}
	barred := c.store.read(ctx).Table("sessions").Select("1").Where("expires_at > ? AND user_id IN ?", c.store.now(), users).
		Where("NOT EXISTS (SELECT 1 FROM session_proofs p JOIN connections c ON c.id = p.connection_id AND c.state = ? JOIN users u ON u.id = sessions.user_id WHERE p.session_id = sessions.id AND p.organization_id = ? AND "+countsForUser+")",
			ConnectionActive, c.organization, graceBegan(c.store.now())).Limit(MostCounted)
	var count int
	if err := c.store.read(ctx).Raw("SELECT COUNT(*) FROM (?) AS found", barred).Scan(&count).Error; err != nil {
		return 0, fmt.Errorf("count the sessions that would be barred: %w", err)
	}
	return count, nil
}

// membersByID are the members with these ids, the newest first.
func (c *Scope) membersByID(ctx context.Context, ids []string) ([]Member, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return membersWhere(c.store.read(ctx), c.read(ctx).Where("members.id IN ?", ids).Order("members.id DESC"))
}
