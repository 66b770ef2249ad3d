package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
)

func TestWordsOf(t *testing.T) {
	for text, want := range map[string]string{
		"Ada Lovelace ada.lovelace@Corp.Test":   "ada corp lovelace test",
		"Renée O'Brien-Łuk":                     "brien o renee łuk",
		"RENE\u0301E ＡＤＡ ﬁ":                     "ada fi renee",
		"İpek 山田 Иван_Ёж 100%":                  "100 ipek иван еж 山田",
		"person-17+tag@corp.test person Person": "17 corp person tag test",
		" \t%_\\ ":                              "",
	} {
		words := strings.Fields(want)
		slices.Sort(words)
		if got := wordsOf(text); !slices.Equal(got, words) {
			t.Errorf("%q has the words %q, want %q", text, got, words)
		}
	}
	for search, want := range map[string]string{"": "", "a ad ada b": "ada b", "lovelace ada": "ada lovelace", "corp.te": "corp te"} {
		var got []string
		for _, s := range soughtIn(search) {
			got = append(got, s.From)
		}
		if !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%q looks for %q, want %q", search, got, want)
		}
	}
}

// named makes a member with that name and address.
func named(t *testing.T, s *Store, organization, name, email string) Member {
	t.Helper()
	m := aMember(t, s, organization, email, access.OrgMember)
	user := must(s.User(t.Context(), m.UserID))
	ok(t, s.RenameUser(t.Context(), operator, user.ID, user.Version, name))
	return must(s.In(organization).Member(t.Context(), m.ID))
}

// searching gives the names that a search finds, in its order.
func searching(t *testing.T, c *Scope, search string) (names []string) {
	t.Helper()
	for _, m := range must(c.Members(t.Context(), MemberFilter{Search: search})) {
		names = append(names, m.Name)
	}
	if n := must(c.CountMembers(t.Context(), search)); n != int64(len(names)) {
		t.Errorf("%q finds %d and counts %d", search, len(names), n)
	}
	return names
}

func TestMembers_SearchFindsTheBeginningsOfWords(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		other, _ := anOrganization(t, s, "globex")
		scope := s.In(o.ID)
		ok(t, s.RenameUser(t.Context(), operator, owner.ID, owner.Version, "Zoë Owner"))
		named(t, s, o.ID, "Ada Lovelace", "ada.lovelace@corp.test")
		named(t, s, o.ID, "Adam Adams", "adam@corp.test")
		named(t, s, o.ID, "Beda Lovell", "beda@corp.test")
		named(t, s, o.ID, "zz", "100%_ab@corp.test")
		named(t, s, other.ID, "Ada Elsewhere", "ada@globex.test")
		for search, want := range map[string][]string{
			"ad":                       {"Ada Lovelace", "Adam Adams"}, // by the word: ada, adam
			"Lov":                      {"Ada Lovelace", "Beda Lovell"},
			"lov AD":                   {"Ada Lovelace"},
			"lov ad zz":                nil,
			"da":                       nil, // the middle of a word is not looked for
			"ZOE":                      {"Zoë Owner"},
			"zoë own":                  {"Zoë Owner"},
			"corp.test b":              {"Beda Lovell"},
			"ada.l":                    {"Ada Lovelace"},
			" Ada.Lovelace@CORP.test ": {"Ada Lovelace"},
			"ada.lovelace@corp.tes":    {"Ada Lovelace"},
			"nobody@corp.test":         nil,
			"100%_":                    {"zz"},
			"1%":                       {"zz"},
			"%":                        nil,
			"_":                        nil,
			"a\x00b\U0010FFFF":         nil,
			"elsewhere":                nil,
		} {
			if got := searching(t, scope, search); !slices.Equal(got, want) {
				t.Errorf("%q finds %q, want %q", search, got, want)
			}
		}
	})
}

func TestMembers_SearchedPagesMeet(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		// Some have one word, some several that begin alike, and some the same.
		for i, name := range []string{"Ann", "Anna Anne", "Ann Annabel", "Anne", "anna ann", "Bert Anders", "Bert", "Annett B"} {
			named(t, s, o.ID, name, fmt.Sprintf("p%d@acme.test", i))
		}
		for search, want := range map[string]int{"an": 7, "ann": 6, "p acme": 8, "ann b": 1, "an be": 1} {
			for size := 1; size <= 4; size++ {
				found := turned(t, size, func(m Member) string { return m.Place }, func(after, before string) []Member {
					return must(scope.Members(t.Context(), MemberFilter{Search: search, After: after, Before: before, Limit: size}))
				})
				if len(found) != want || !slices.IsSorted(found) {
					t.Errorf("%q by %d: %v, want %d by word", search, size, found, want)
				}
			}
		}
		// A place from another list, or from no list at all, begins anew.
		for _, place := range []string{"zebra.mem_1", "mem_1", "."} {
			if found := must(scope.Members(t.Context(), MemberFilter{Search: "bert", After: place})); len(found) != 2 {
				t.Errorf("behind %q: %+v", place, found)
			}
		}
	})
}

func TestMemberWordsFollowNames(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		acme, _ := anOrganization(t, s, "acme")
		globex, _ := anOrganization(t, s, "globex")
		ada := named(t, s, acme.ID, "Ada Byron", "ada@acme.test")
		user := must(s.User(t.Context(), ada.UserID))
		var there Member
		ok(t, s.write(t.Context(), globex.ID, operator, func(w *write) (err error) {
			there, err = w.addMember(user, "console", access.OrgMember)
			return err
		}))
		ok(t, s.RenameUser(t.Context(), actorOf(user), user.ID, user.Version, "Ada Lovelace"))
		for _, o := range []string{acme.ID, globex.ID} {
			if searching(t, s.In(o), "byron") != nil || !slices.Equal(searching(t, s.In(o), "love ada acme"), []string{"Ada Lovelace"}) {
				t.Errorf("%s finds her by what she was called", o)
			}
		}
		ok(t, s.In(globex.ID).RemoveMember(t.Context(), operator, there.ID, there.Version))
		if n := count(t, s, "member_words WHERE member_id = ?", there.ID); n != 0 || searching(t, s.In(globex.ID), "ada") != nil {
			t.Errorf("%d words of a former member are left", n)
		}
		if len(searching(t, s.In(acme.ID), "ada")) != 1 {
			t.Error("another organization lost her words")
		}
	})
}

// However a person comes and is renamed at once, they are found by the name that they have.
func TestMemberWords_JoiningAndRenamingAtOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := context.WithoutCancel(t.Context())
		user := aUser(t, s, "ada@acme.test")
		organizations := make([]Organization, 6)
		for i := range organizations {
			organizations[i], _ = anOrganization(t, s, fmt.Sprintf("acme%d", i))
		}
		for _, err := range atOnce(len(organizations)+1, func(i int) error {
			if i == len(organizations) {
				return s.RenameUser(ctx, operator, user.ID, user.Version, "Grace Hopper")
			}
			return s.write(ctx, organizations[i].ID, operator, func(w *write) error {
				_, err := w.addMember(user, "console", access.OrgMember)
				return err
			})
		}) {
			ok(t, err)
		}
		for _, o := range organizations {
			if len(searching(t, s.In(o.ID), "hopper")) != 1 || searching(t, s.In(o.ID), "name") != nil && len(searching(t, s.In(o.ID), "name")) != 1 {
				t.Errorf("in %s she is found by an earlier name", o.Name)
			}
		}
	})
}

// Who was a member before words were kept is found once the store has been opened anew.
func TestMembersFromBeforeWords(t *testing.T) {
	eachAddress(t, func(t *testing.T, address string) {
		raw := randomBytes(32)
		s := opened(t, Options{Database: address, MasterKey: must(secret.NewMasterKey(raw))})
		o, _ := anOrganization(t, s, "acme")
		ada := named(t, s, o.ID, "Ada Lovelace", "ada@corp.test")
		const number = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100) "
		behind(t, s, number+"INSERT INTO users (id, email, canonical_email, email_domain, name, created_at, updated_at, version) SELECT u.id || i, u.email || i, u.canonical_email || i, u.email_domain, 'Copy ' || i, u.created_at, u.updated_at, 1 FROM users u, n WHERE u.id = ?", ada.UserID)
		behind(t, s, number+"INSERT INTO members (id, organization_id, user_id, created_at, updated_at, version) SELECT m.id || i, m.organization_id, m.user_id || i, m.created_at, m.updated_at, 1 FROM members m, n WHERE m.id = ?", ada.ID)
		behind(t, s, "DELETE FROM member_words")
		behind(t, s, "UPDATE members SET email_domain = ''")
		again := opened(t, Options{Database: address, MasterKey: must(secret.NewMasterKey(raw))})
		for search, want := range map[string]int64{"ada love": 1, "copy 1100": 1, "copy": MostFound + 1, "owner": 1} {
			if n := must(again.In(o.ID).CountMembers(t.Context(), search)); n != want {
				t.Errorf("%q counts %d, want %d", search, n, want)
			}
		}
		if n := count(t, again, "members WHERE email_domain <> (SELECT email_domain FROM users u WHERE u.id = members.user_id)"); n != 0 {
			t.Errorf("%d members are kept on another domain than theirs", n)
		}
	})
}
