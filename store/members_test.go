package store

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

func TestMembers(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		ada := aMember(t, s, o.ID, "ada@acme.test", access.OrgMember, access.OrgBillingAdmin)
		grace := aMember(t, s, o.ID, "100%_grace@acme.test", access.OrgManager)
		if !slices.Equal(ada.Roles, []access.Role{access.OrgMember, access.OrgBillingAdmin}) {
			t.Errorf("roles %v", ada.Roles)
		}

		first := must(scope.Members(t.Context(), MemberFilter{Limit: 2}))
		second := must(scope.Members(t.Context(), MemberFilter{Limit: 2, After: first[1].ID}))
		if len(first) != 2 || first[0].ID != grace.ID || first[1].ID != ada.ID || len(second) != 1 || second[0].UserID != owner.ID || !second[0].IsOwner() {
			t.Errorf("pages: %+v and %+v", first, second)
		}
		if back := must(scope.Members(t.Context(), MemberFilter{Limit: 2, Before: second[0].ID})); len(back) != 2 || back[0].ID != grace.ID {
			t.Errorf("the page before: %+v", back)
		}
		for search, want := range map[string]int64{"": 3, "ADA@": 1, "name of": 3, "nobody": 0} {
			if found := must(scope.Members(t.Context(), MemberFilter{Search: search})); int64(len(found)) != want {
				t.Errorf("%q finds %d, want %d", search, len(found), want)
			}
			if n := must(scope.CountMembers(t.Context(), search)); n != want {
				t.Errorf("%q counts %d, want %d", search, n, want)
			}
		}

		ok(t, scope.SetMemberRoles(t.Context(), actorOf(owner), ada.ID, ada.Version, []access.Role{access.OrgOwner, access.OrgOwner}))
		after := must(scope.Member(t.Context(), ada.ID))
		if !slices.Equal(after.Roles, []access.Role{access.OrgOwner}) || after.Version != 2 {
			t.Errorf("after the change: %+v", after)
		}
		event := must(scope.Events(t.Context(), EventFilter{Limit: 1}))[0]
		want := audit.Change{Field: "roles", Before: "Organization member, Billing admin", After: "Organization owner"}
		if event.Action != audit.MemberRolesChanged || event.Changes[0] != want || event.Actor.ID != owner.ID {
			t.Errorf("the event: %+v", event)
		}
		if err := scope.SetMemberRoles(t.Context(), operator, ada.ID, 1, []access.Role{access.OrgMember}); !errors.Is(err, ErrConflict) {
			t.Errorf("the second of two who edit the same was not told: %v", err)
		}
		for _, roles := range [][]access.Role{nil, {"OrgKing"}, {access.ProjectOwner}} {
			var problems *Invalid
			if err := scope.SetMemberRoles(t.Context(), operator, ada.ID, 2, roles); !errors.As(err, &problems) || problems.Fields[0].Field != "roles" {
				t.Errorf("roles %v: %v", roles, err)
			}
		}
	})
}

func TestD14_LastOwnerStays(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, user := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		owner := must(scope.MemberOf(t.Context(), user.ID))
		aMember(t, s, o.ID, "ada@acme.test", access.OrgManager)
		for what, attempt := range map[string]func(version int64) error{
			"demote": func(v int64) error {
				return scope.SetMemberRoles(t.Context(), operator, owner.ID, v, []access.Role{access.OrgManager})
			},
			"suspend":      func(v int64) error { return scope.SuspendMember(t.Context(), operator, owner.ID, v) },
			"remove":       func(v int64) error { return scope.RemoveMember(t.Context(), operator, owner.ID, v) },
			"end password": func(int64) error { return s.EndPassword(t.Context(), operator, user.ID) },
		} {
			if err := attempt(owner.Version); !errors.Is(err, ErrLastOwner) {
				t.Errorf("%s the last owner: %v", what, err)
			}
		}
		second := aMember(t, s, o.ID, "second@acme.test", access.OrgOwner)
		ok(t, scope.SuspendMember(t.Context(), operator, second.ID, second.Version)) // the honest twin; and a suspended owner is none
		if err := scope.RemoveMember(t.Context(), operator, owner.ID, owner.Version); !errors.Is(err, ErrLastOwner) {
			t.Errorf("removed the last owner who can sign in: %v", err)
		}
	})
}

func TestD14_LastOwnerStaysUnderConcurrency(t *testing.T) {
	eachAddress(t, func(t *testing.T, address string) {
		options := Options{Database: address, MasterKey: masterKey(t)}
		nodes := []*Store{opened(t, options), opened(t, options)} // as two processes
		o, user := anOrganization(t, nodes[0], "acme")
		owners := []Member{must(nodes[0].In(o.ID).MemberOf(t.Context(), user.ID))}
		for i := range 7 {
			owners = append(owners, aMember(t, nodes[0], o.ID, fmt.Sprintf("owner%d@acme.test", i), access.OrgOwner))
		}
		refused := 0
		for _, err := range atOnce(len(owners), func(i int) error {
			scope, m := nodes[i%2].In(o.ID), owners[i]
			switch i % 4 {
			case 0:
				return scope.SetMemberRoles(t.Context(), operator, m.ID, m.Version, []access.Role{access.OrgMember})
			case 1:
				return scope.SuspendMember(t.Context(), operator, m.ID, m.Version)
			case 2:
				return scope.RemoveMember(t.Context(), operator, m.ID, m.Version)
			}
			return nodes[i%2].EndPassword(t.Context(), operator, m.UserID)
		}) {
			if errors.Is(err, ErrLastOwner) {
				refused++
			} else if err != nil {
				t.Error(err)
			}
		}
		if refused != 1 {
			t.Errorf("%d of 8 owners were kept, want exactly 1", refused)
		}
		var left int64
		ok(t, nodes[0].read(t.Context()).Raw(`SELECT COUNT(*) FROM role_bindings b JOIN users u ON u.id = b.principal_id AND u.password_hash <> ''
			JOIN members m ON m.user_id = u.id AND m.suspended_at IS NULL WHERE b.role = 'OrgOwner'`).Scan(&left).Error)
		if left != 1 {
			t.Errorf("%d owners are left who can sign in, want 1", left)
		}
	})
}

// rawConnection makes a connection behind the store's back, in the state wanted.
func rawConnection(t *testing.T, s *Store, organization, id, state string) {
	t.Helper()
	behind(t, s, "INSERT INTO connections (id, organization_id, name, protocol, state, live_version, version, created_at, updated_at) VALUES (?, ?, 'IdP', 'saml', ?, '', 1, ?, ?)",
		id, organization, state, s.now(), s.now())
}

// rawIdentity says that the subject at the connection is the user.
func rawIdentity(t *testing.T, s *Store, organization, connection, subject, userID string) {
	t.Helper()
	behind(t, s, "INSERT INTO identities (connection_id, subject, organization_id, user_id, email, linked_by, linked_at) VALUES (?, ?, ?, ?, '', 'test', ?)",
		connection, subject, organization, userID, s.now())
}

func TestD16_SuspendedMemberIsBarredAndResumingRevivesNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		acme, _ := anOrganization(t, s, "acme")
		globex, _ := anOrganization(t, s, "globex")
		ada := aMember(t, s, acme.ID, "ada@acme.test", access.OrgMember)
		user := must(s.User(t.Context(), ada.UserID))
		ok(t, s.write(t.Context(), globex.ID, operator, func(w *write) error {
			_, err := w.addMember(user, "console", access.OrgMember)
			return err
		}))
		rawConnection(t, s, acme.ID, "con_1", "active")
		rawIdentity(t, s, acme.ID, "con_1", "ada", user.ID)
		first, passwordToken := aSession(t, s, user, byPassword(t, s, user))
		_, connectionToken := aSession(t, s, user, ProvenByIdentity(aLogin(t, s, "con_1", acme.ID, "ada", "ada@acme.test", time.Time{})))

		enters := func(organization string, proofs []access.Proof) access.Verdict {
			t.Helper()
			entry, _, err := s.Entry(t.Context(), organization, Session{UserID: user.ID})
			ok(t, err)
			return access.MayEnter(entry, proofs)
		}
		if v := enters(acme.ID, first.Proofs); !v.Allowed {
			t.Fatalf("the honest twin may not enter: %+v", v)
		}
		ok(t, s.In(acme.ID).SuspendMember(t.Context(), operator, ada.ID, 1))
		if v := enters(acme.ID, first.Proofs); v.Why != access.WhyMemberSuspended {
			t.Errorf("suspended, and: %+v", v)
		}
		if _, _, err := s.Session(t.Context(), connectionToken); !errors.Is(err, ErrNotFound) {
			t.Errorf("a session by the connection alone lives on: %v", err)
		}
		later(s, time.Second)
		ok(t, s.In(acme.ID).ResumeMember(t.Context(), operator, ada.ID, 2))
		session, _, err := s.Session(t.Context(), passwordToken)
		ok(t, err)
		if v := enters(acme.ID, session.Proofs); v.Allowed {
			t.Error("resuming revived the old session here")
		}
		if v := enters(globex.ID, session.Proofs); !v.Allowed {
			t.Errorf("suspension in one organization bars from another: %+v", v)
		}
		fresh, _ := aSession(t, s, user, byPassword(t, s, user))
		if v := enters(acme.ID, fresh.Proofs); !v.Allowed {
			t.Errorf("a new sign-in after resuming may not enter: %+v", v)
		}
	})
}

func TestRemovedMemberLeavesNothingBehind(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		p := must(scope.CreateProject(t.Context(), operator, "Search", access.Serverless, owner.ID))
		ada := aMember(t, s, o.ID, "ada@acme.test", access.OrgMember)
		rawConnection(t, s, o.ID, "con_1", "active")
		rawIdentity(t, s, o.ID, "con_1", "ada", ada.UserID)
		ok(t, scope.SetProjectRoles(t.Context(), operator, p.ID, ada.ID, []access.Role{access.ProjectViewer}))
		ok(t, scope.RemoveMember(t.Context(), operator, ada.ID, ada.Version))
		if _, _, err := s.Entry(t.Context(), o.ID, Session{UserID: ada.UserID}); !errors.Is(err, ErrNotFound) {
			t.Errorf("a removed member's entry: %v", err)
		}
		for _, left := range []string{"role_bindings WHERE principal_id = ?", "identities WHERE user_id = ?", "members WHERE user_id = ?"} {
			if n := count(t, s, left, ada.UserID); n != 0 {
				t.Errorf("%d rows left of %s", n, left)
			}
		}
		if _, err := s.User(t.Context(), ada.UserID); err != nil {
			t.Errorf("the user is gone too: %v", err)
		}
	})
}
