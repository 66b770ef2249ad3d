package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// MemberFilter narrows a list of members. Search is a whole address, or the beginnings of words of a name and an address, all of which must be
// found. After goes on behind a member's place, Before goes back before it.
type MemberFilter struct {
	Search        string
	After, Before string
	Limit         int
}

// Members are the organization's members, newest first, or those whom a search finds, by the word it found: at most Limit (1 to 200; 50 when 0).
func (c *Scope) Members(ctx context.Context, f MemberFilter) ([]Member, error) {
	if strings.TrimSpace(f.Search) != "" {
		return c.searchMembers(ctx, f)
	}
	q := c.read(ctx).Limit(limited(f.Limit))
	switch {
	case f.Before != "":
		q = q.Where("members.id > ?", f.Before).Order("members.id")
	case f.After != "":
		q = q.Where("members.id < ?", f.After).Order("members.id DESC")
	default:
		q = q.Order("members.id DESC")
	}
	members, err := membersWhere(c.store.read(ctx), q)
	if f.Before != "" {
		slices.Reverse(members)
	}
	for i := range members {
		members[i].Place = members[i].ID
	}
	return members, err
}

// searchMembers are whom a search finds: the one whose address it is, or else those who have its words, by word.
func (c *Scope) searchMembers(ctx context.Context, f MemberFilter) ([]Member, error) {
	if addressed, err := c.memberAddressed(ctx, f.Search); err != nil || len(addressed) > 0 {
		return addressed, err
	}
	found, err := c.searchWords(ctx, f)
	if err != nil {
		return nil, err
	}
	ids, order := make([]string, len(found)), make(map[string]int, len(found))
	for i, word := range found {
		ids[i], order[word.MemberID] = word.MemberID, i
	}
	members, err := c.membersByID(ctx, ids)
	for i, m := range members {
		members[i].Place = found[order[m.ID]].place()
	}
	slices.SortFunc(members, func(a, b Member) int { return order[a.ID] - order[b.ID] })
	return members, err
}

// memberAddressed is the member whose whole address the search is, if it is anybody's.
func (c *Scope) memberAddressed(ctx context.Context, search string) ([]Member, error) {
	search = strings.ToLower(strings.TrimSpace(search))
	if !isAddress(search) {
		return nil, nil
	}
	return membersWhere(c.store.read(ctx), c.read(ctx).Where("users.canonical_email = ?", search))
}

// MostCounted is how far lists are counted that can be long, and MostFound how far those whom a search finds: a page need not wait for the rest.
// One more than that says that there are more.
const (
	MostCounted = 1000
	MostFound   = 200
)

// CountMembers counts those whom a search finds up to [MostFound], with an empty one all up to [MostCounted].
func (c *Scope) CountMembers(ctx context.Context, search string) (int64, error) {
	found, most := c.read(ctx).Table("members"), MostCounted
	if strings.TrimSpace(search) != "" {
		all := soughtIn(search)
		if addressed, err := c.memberAddressed(ctx, search); err != nil || len(addressed) > 0 || len(all) == 0 {
			return int64(len(addressed)), err
		}
		if err := c.rarestFirst(ctx, all); err != nil {
			return 0, err
		}
		found, most = c.walkWords(ctx, all[0], all[1:]), MostFound
	}
	count, err := c.store.countTo(ctx, found, most)
	if err != nil {
		return 0, fmt.Errorf("count members: %w", err)
	}
	return count, nil
}

// countTo counts what a query finds, and stops at one more than most.
func (s *Store) countTo(ctx context.Context, found *gorm.DB, most int) (count int64, err error) {
	err = s.read(ctx).Raw("SELECT COUNT(*) FROM (?) AS found", found.Select("1").Limit(most+1)).Scan(&count).Error
	return count, err
}

// membersByID are the members with these ids, the newest first.
func (c *Scope) membersByID(ctx context.Context, ids []string) ([]Member, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return membersWhere(c.store.read(ctx), c.read(ctx).Where("members.id IN ?", ids).Order("members.id DESC"))
}
