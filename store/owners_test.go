package store

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
)

// Two owners, in two processes on one database, go for each other a thousand times, in every mixture of ways to end an owner: one of the two
// stays each time, whoever was first.
func TestD14_TwoOwnersRemovingEachOtherAThousandTimesLeaveOne(t *testing.T) {
	eachAddress(t, func(t *testing.T, address string) {
		options := Options{Database: address, MasterKey: masterKey(t)}
		nodes := []*Store{opened(t, options), opened(t, options)}
		for _, node := range nodes {
			if node.dialect == onSQLite {
				behind(t, node, "PRAGMA synchronous = OFF") // three thousand writes, of which none has to outlive a power cut
			}
		}
		ctx := context.WithoutCancel(t.Context())
		o, user := anOrganization(t, nodes[0], "acme")
		owners := []Member{must(nodes[0].In(o.ID).MemberOf(ctx, user.ID)), aMember(t, nodes[0], o.ID, "second@acme.test", access.OrgOwner)}
		before := aPicture(t, nodes[0], o.ID)

		// Each acts on the other, but for those who leave, who act on themselves.
		ways := []struct {
			name   string
			itself bool
			do     func(scope *Scope, s *Store, m Member) error
		}{
			{"remove", false, func(scope *Scope, _ *Store, m Member) error {
				return scope.RemoveMember(ctx, operator, m.ID, m.Version)
			}},
			{"demote", false, func(scope *Scope, _ *Store, m Member) error {
				return scope.SetMemberRoles(ctx, operator, m.ID, m.Version, []access.Role{access.OrgMember})
			}},
			{"suspend", false, func(scope *Scope, _ *Store, m Member) error {
				return scope.SuspendMember(ctx, operator, m.ID, m.Version)
			}},
			{"leave", true, func(scope *Scope, _ *Store, m Member) error {
				return scope.RemoveMember(ctx, operator, m.ID, m.Version)
			}},
			{"end their own password", true, func(_ *Scope, s *Store, m Member) error { return s.EndPassword(ctx, operator, m.UserID) }},
		}
		for round := range 1000 {
			chosen := [2]int{round % len(ways), round / len(ways) % len(ways)}
			errs := atOnce(2, func(i int) error {
				way := ways[chosen[i]]
				victim := owners[1-i]
				if way.itself {
					victim = owners[i]
				}
				return way.do(nodes[i].In(o.ID), nodes[i], victim)
			})
			what := fmt.Sprintf("round %d, %s and %s: %v and %v", round, ways[chosen[0]].name, ways[chosen[1]].name, errs[0], errs[1])
			left := count(t, nodes[0], activeOwners, o.ID)
			// One who removes the other while that one leaves both want the same to go, and the second finds it gone, or changed since.
			for _, err := range errs {
				if err != nil && !errors.Is(err, ErrLastOwner) && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrConflict) {
					t.Fatal(what)
				}
			}
			if left != 1 || errs[0] != nil && errs[1] != nil {
				t.Fatalf("%s: %d owners are left, want 1", what, left)
			}
			before.restore(t, nodes[0])
		}
	})
}

// activeOwners are the owners of an organization who are not suspended and have a password, which is all that these have to sign in with.
const activeOwners = `role_bindings b JOIN users u ON u.id = b.principal_id AND u.suspended_at IS NULL AND u.password_hash <> ''
	JOIN members m ON m.user_id = u.id AND m.organization_id = b.organization_id AND m.suspended_at IS NULL
	WHERE b.organization_id = ? AND b.scope_kind = 'organization' AND b.role = 'OrgOwner'`

// picture is the members of an organization as they were, for putting back by force.
type picture struct {
	members  []memberRow
	bindings []binding
	users    []userRow
}

func aPicture(t *testing.T, s *Store, organization string) picture {
	t.Helper()
	var p picture
	ok(t, errors.Join(s.read(t.Context()).Where("organization_id = ?", organization).Find(&p.members).Error,
		s.read(t.Context()).Where("organization_id = ?", organization).Find(&p.bindings).Error, s.read(t.Context()).Find(&p.users).Error))
	return p
}

func (p picture) restore(t *testing.T, s *Store) {
	t.Helper()
	tx := s.writer.WithContext(t.Context()).Begin()
	ok(t, errors.Join(tx.Exec("DELETE FROM role_bindings").Error, tx.Exec("DELETE FROM members").Error, tx.Create(&p.members).Error, tx.Create(&p.bindings).Error))
	for _, user := range p.users {
		ok(t, tx.Exec("UPDATE users SET password_hash = ?, version = ? WHERE id = ?", user.PasswordHash, user.Version, user.ID).Error)
	}
	ok(t, tx.Commit().Error)
}
