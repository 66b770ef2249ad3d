package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
)

// Of whom and of how many a preview speaks: the rest is not read, so that the page comes at once.
const (
	MostCovered  = 5000 // counted; one more says that there are more
	coveredNamed = 200  // and their sessions counted
)

// EnforcementPreview says what requiring single sign-on would do, before anybody does it.
type EnforcementPreview struct {
	Covered       []Member // the newest 200
	CoveredCount  int      // up to [MostCovered]
	CoversOwner   bool     // the acting owner
	Sessions      int      // up to [MostCounted], sessions of those that have no proof by an active connection: they would be barred
	AllSessions   bool     // everybody who is covered is among those; else Sessions is what there is at least
	APIKeys       int      // up to [MostCounted], live keys of the organization: they go on working
	Preconditions []Precondition
}

// Ready reports whether every precondition is met.
func (p EnforcementPreview) Ready() bool { return unmet(p.Preconditions).Err() == nil }

// EnforcementPreview says whom the scope would cover and what still stands in the way of the acting owner.
func (c *Scope) EnforcementPreview(ctx context.Context, scope access.Scope, ownerID string) (EnforcementPreview, error) {
	var preview EnforcementPreview
	var err error
	if preview.Preconditions, err = preconditions(c.store.read(ctx), c.organization, ownerID, c.store.now()); err != nil {
		return EnforcementPreview{}, err
	}
	covered, err := c.coveredBy(ctx, scope)
	if err != nil {
		return EnforcementPreview{}, err
	}
	newest, err := preview.count(ctx, c, covered)
	if err != nil {
		return EnforcementPreview{}, err
	}
	ids, users := make([]string, len(newest)), make([]string, len(newest))
	for i, m := range newest {
		ids[i], users[i] = m.ID, m.UserID
	}
	if preview.Covered, err = c.membersByID(ctx, ids); err != nil {
		return EnforcementPreview{}, err
	}
	if preview.Sessions, err = c.sessionsToBar(ctx, users); err != nil {
		return EnforcementPreview{}, err
	}
	if preview.CoversOwner, err = c.covers(ctx, scope, ownerID); err != nil {
		return EnforcementPreview{}, err
	}
	preview.AllSessions = preview.CoveredCount <= len(users)
	preview.APIKeys, err = c.countLiveKeys(ctx)
	return preview, err
}

// coveredMember is as much of a covered member as it takes to ask further.
type coveredMember struct{ ID, UserID string }

// count counts the covered and gives the newest of them.
func (p *EnforcementPreview) count(ctx context.Context, c *Scope, covered []func() *gorm.DB) (newest []coveredMember, err error) {
	for _, some := range covered {
		count, err := c.store.countTo(ctx, some(), MostCovered-min(p.CoveredCount, MostCovered))
		if err != nil {
			return nil, fmt.Errorf("count whom single sign-on would cover: %w", err)
		}
		p.CoveredCount += int(count)
		var found []coveredMember
		if err := some().Select("id, user_id").Order("id DESC").Limit(coveredNamed).Find(&found).Error; err != nil {
			return nil, fmt.Errorf("list whom single sign-on would cover: %w", err)
		}
		newest = append(newest, found...)
	}
	slices.SortFunc(newest, func(a, b coveredMember) int { return cmp.Compare(b.ID, a.ID) })
	return newest[:min(len(newest), coveredNamed)], nil
}

// coveredBy are queries for the members whom enforcement of the scope covers, as [access.Scope.Covers] has it, nobody in two of them: for each
// domain in effect those on it and, for everyone, those who are linked on the domains between. Each reads one range of an index.
func (c *Scope) coveredBy(ctx context.Context, scope access.Scope) (all []func() *gorm.DB, err error) {
	var domains []string
	err = c.store.read(ctx).Table("domains d").Where("d.organization_id = ?", c.organization).Where(domainInEffect, graceBegan(c.store.now())).Pluck("d.name", &domains).Error
	if err != nil {
		return nil, fmt.Errorf("read domains in effect: %w", err)
	}
	slices.Sort(domains)
	for _, domain := range domains {
		all = append(all, func() *gorm.DB { return c.read(ctx).Table("members").Where("email_domain = ?", domain) })
	}
	if scope != access.EnforceAll {
		return all, nil
	}
	for i := range len(domains) + 1 {
		all = append(all, func() *gorm.DB {
			q := c.read(ctx).Table("members").Where("EXISTS (SELECT 1 FROM identities i WHERE i.organization_id = members.organization_id AND i.user_id = members.user_id)")
			if i > 0 {
				q = q.Where("email_domain > ?", domains[i-1])
			}
			if i < len(domains) {
				q = q.Where("email_domain < ?", domains[i])
			}
			return q
		})
	}
	return all, nil
}

// covers reports whether enforcement of the scope covers this user.
func (c *Scope) covers(ctx context.Context, scope access.Scope, userID string) (bool, error) {
	var is struct{ OnDomain, Linked bool }
	err := c.store.read(ctx).Raw(`SELECT EXISTS (SELECT 1 FROM users u JOIN domains d ON d.name = u.email_domain WHERE u.id = ? AND d.organization_id = ? AND `+domainInEffect+`) AS on_domain,
		EXISTS (SELECT 1 FROM identities WHERE organization_id = ? AND user_id = ?) AS linked`, userID, c.organization, graceBegan(c.store.now()), c.organization, userID).Take(&is).Error
	if err != nil {
		return false, fmt.Errorf("ask whether single sign-on covers user %s: %w", userID, err)
	}
	return scope.Covers(is.OnDomain, is.Linked), nil
}

// sessionsToBar counts the live sessions of these people without a proof by an active connection of this organization that serves them.
func (c *Scope) sessionsToBar(ctx context.Context, users []string) (int, error) {
	if len(users) == 0 {
		return 0, nil
	}
	barred := c.store.read(ctx).Table("sessions").Where("expires_at > ? AND user_id IN ?", c.store.now(), users).
		Where("NOT EXISTS (SELECT 1 FROM session_proofs p JOIN connections c ON c.id = p.connection_id AND c.state = ? JOIN users u ON u.id = sessions.user_id WHERE p.session_id = sessions.id AND p.organization_id = ? AND "+countsForUser+")",
			ConnectionActive, c.organization, graceBegan(c.store.now()))
	count, err := c.store.countTo(ctx, barred, MostCounted)
	if err != nil {
		return 0, fmt.Errorf("count the sessions that would be barred: %w", err)
	}
	return int(count), nil
}
