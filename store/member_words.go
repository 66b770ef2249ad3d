package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// memberWord is a word by which a member is found.
type memberWord struct{ OrganizationID, Word, MemberID string }

// wordsOf are the words of a text as they are kept and looked for, each once: its letters and digits, in lower case and without marks, so that
// "Renée O'Brien-Łuk" has brien, o, renee and łuk.
func wordsOf(text string) []string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		case unicode.Is(unicode.Mn, r):
			return -1
		}
		return ' '
	}, norm.NFKD.String(text))
	words := strings.Fields(plain)
	slices.Sort(words)
	return slices.Compact(words)
}

// relist lists a user, whose name or address has changed, wherever they are a member.
func (w *write) relist(userID string) error {
	var memberships []string
	if err := w.Table("members").Where("user_id = ?", userID).Pluck("id", &memberships).Error; err != nil {
		return fmt.Errorf("read memberships: %w", err)
	}
	if err := w.Where("member_id IN ?", memberships).Delete(&memberWord{}).Error; err != nil {
		return fmt.Errorf("forget members' words: %w", err)
	}
	return listMembers(w.DB, memberships)
}

// listMembers keeps the words of these members, who have none, and the domain of their address beside them. Whoever calls keeps their users as
// they are until the transaction ends.
func listMembers(tx *gorm.DB, ids []string) error {
	var found []struct{ ID, OrganizationID, Name, Email string }
	err := tx.Table("members").Joins("JOIN users ON users.id = members.user_id").Where("members.id IN ?", ids).
		Select("members.id, members.organization_id, users.name, users.canonical_email AS email").Find(&found).Error
	if err != nil {
		return fmt.Errorf("read members to list: %w", err)
	}
	var words []memberWord
	for _, m := range found {
		for _, word := range wordsOf(m.Name + " " + m.Email) {
			words = append(words, memberWord{m.OrganizationID, word, m.ID})
		}
	}
	if err := tx.CreateInBatches(&words, 1000).Error; err != nil {
		return fmt.Errorf("keep members' words: %w", err)
	}
	err = tx.Exec("UPDATE members SET email_domain = (SELECT email_domain FROM users WHERE users.id = members.user_id) WHERE id IN ?", ids).Error
	if err != nil {
		return fmt.Errorf("keep members' domains: %w", err)
	}
	return nil
}

// listsAtOnce bounds how many members one transaction lists.
const listsAtOnce = 500

// listUnlisted lists those whom nobody has: they were members before there were words, or were added by a node that knows none.
func (s *Store) listUnlisted(ctx context.Context) error {
	last := ""
	for listed := listsAtOnce; listed == listsAtOnce; {
		err := s.unrecorded(ctx, func(tx *gorm.DB) error {
			q := tx.Table("members").Where("members.email_domain = '' AND members.id > ?", last).Order("members.id").Limit(listsAtOnce)
			if s.dialect == onPostgreSQL { // another node that does the same meanwhile takes others
				q = q.Joins("JOIN users ON users.id = members.user_id").Clauses(clause.Locking{Strength: "NO KEY UPDATE", Options: "SKIP LOCKED"})
			}
			var ids []string
			if err := q.Pluck("members.id", &ids).Error; err != nil {
				return err
			}
			if listed = len(ids); listed > 0 {
				last = ids[listed-1]
			}
			return listMembers(tx, ids)
		})
		if err != nil {
			return fmt.Errorf("list members by their words: %w", err)
		}
	}
	return nil
}

// sought is what a search looks for: a word of the person begins so. From and To bound those that do, From among them.
type sought struct{ From, To string }

// soughtIn are the words of a search. Where one begins with another, looking for the longer is enough.
func soughtIn(search string) (all []sought) {
	words := wordsOf(search)
	for i, word := range words {
		if i+1 == len(words) || !strings.HasPrefix(words[i+1], word) {
			all = append(all, sought{word, word + string(unicode.MaxRune)})
		}
	}
	return all
}

// foundWord is a member where a search met them: at the first of their words that begins with the one that the search walks.
type foundWord struct{ Word, MemberID string }

// place is where a list goes on after it, or before it.
func (f foundWord) place() string { return f.Word + "." + f.MemberID }

// walkWords is a search for people, each of whose sought words begins one of the person's. It walks the members that have the first of them, by
// word, and looks whether they have the rest.
func (c *Scope) walkWords(ctx context.Context, walked sought, rest []sought) *gorm.DB {
	q := c.store.read(ctx).Table("member_words w").Select("w.word, w.member_id").
		Where("w.organization_id = ? AND w.word >= ? AND w.word < ?", c.organization, walked.From, walked.To).
		Where("NOT EXISTS (SELECT 1 FROM member_words e WHERE e.member_id = w.member_id AND e.word >= ? AND e.word < w.word)", walked.From)
	for _, s := range rest {
		q = q.Where("EXISTS (SELECT 1 FROM member_words o WHERE o.member_id = w.member_id AND o.word >= ? AND o.word < ?)", s.From, s.To)
	}
	return q
}

// rarestFirst puts the word that the fewest have before the others: walking it is the least work. How many have one of the common ones does not
// matter.
func (c *Scope) rarestFirst(ctx context.Context, all []sought) error {
	const enough = 500
	fewest := int64(enough + 1)
	for i := 0; i < len(all) && len(all) > 1; i++ {
		having := c.read(ctx).Table("member_words").Where("word >= ? AND word < ?", all[i].From, all[i].To)
		count, err := c.store.countTo(ctx, having, enough)
		if err != nil {
			return fmt.Errorf("count who has a word: %w", err)
		}
		if count < fewest {
			all[0], all[i], fewest = all[i], all[0], count
		}
	}
	return nil
}

// searchWords finds members by the words that they have, in the order of the word that the search walks, which is the one that the place to go on
// from has.
func (c *Scope) searchWords(ctx context.Context, f MemberFilter) ([]foundWord, error) {
	all := soughtIn(f.Search)
	if len(all) == 0 {
		return nil, nil
	}
	at, isPlace := foundWordAt(f.Before + f.After)
	begins := slices.IndexFunc(all, func(s sought) bool { return isPlace && strings.HasPrefix(at.Word, s.From) })
	if begins >= 0 {
		all[0], all[begins] = all[begins], all[0]
	} else if err := c.rarestFirst(ctx, all); err != nil {
		return nil, err
	}
	q := c.walkWords(ctx, all[0], all[1:]).Limit(limited(f.Limit))
	backwards := begins >= 0 && f.After == ""
	switch {
	case backwards:
		q = q.Where("(w.word, w.member_id) < (?, ?)", at.Word, at.MemberID).Order("w.word DESC, w.member_id DESC")
	case begins >= 0:
		q = q.Where("(w.word, w.member_id) > (?, ?)", at.Word, at.MemberID).Order("w.word, w.member_id")
	default:
		q = q.Order("w.word, w.member_id")
	}
	var found []foundWord
	if err := q.Find(&found).Error; err != nil {
		return nil, fmt.Errorf("search members: %w", err)
	}
	if backwards {
		slices.Reverse(found)
	}
	return found, nil
}

func foundWordAt(place string) (f foundWord, isPlace bool) {
	f.Word, f.MemberID, isPlace = strings.Cut(place, ".")
	return f, isPlace
}
