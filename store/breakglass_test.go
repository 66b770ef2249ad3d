package store

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// aWayIn names the owner for break-glass and makes their recovery codes.
func aWayIn(t *testing.T, s *Store, organization, userID string) []secret.Token {
	t.Helper()
	scope := s.In(organization)
	ok(t, scope.NameBreakGlassOwner(t.Context(), operator, must(scope.MemberOf(t.Context(), userID)).ID))
	return must(scope.MakeRecoveryCodes(t.Context(), operator, userID))
}

// anOwner is a further owner of the organization.
func anOwner(t *testing.T, s *Store, organization, email string) (Member, User) {
	t.Helper()
	m := aMember(t, s, organization, email, access.OrgOwner)
	return m, must(s.User(t.Context(), m.UserID))
}

func enforced(t *testing.T, s *Store, organization string, scope access.Scope) {
	t.Helper()
	behind(t, s, "UPDATE sign_in_policies SET enforcement = ? WHERE organization_id = ?", scope, organization)
}

// recovers tries the code, and gives the session.
func recovers(t *testing.T, s *Store, user User, code secret.Token) (Session, secret.Token, error) {
	t.Helper()
	found, err := s.RecoveryByCode(t.Context(), address(user.Email), code)
	if err != nil {
		return Session{}, secret.Token{}, err
	}
	return s.StartSession(t.Context(), actorOf(user), NewSession{UserID: found.UserID, Proof: found.Proof})
}

func TestBreakGlassOwnersAreNamedAndRemoved(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, olga := anOrganization(t, s, "acme")
		other, _ := anOrganization(t, s, "other")
		scope := s.In(o.ID)
		first := must(scope.MemberOf(ctx, olga.ID))
		manager := aMember(t, s, o.ID, "manager@acme.test", access.OrgManager)
		hasProblem(t, scope.NameBreakGlassOwner(ctx, actorOf(olga), manager.ID), "member")
		isError(t, s.In(other.ID).NameBreakGlassOwner(ctx, operator, first.ID), ErrNotFound)
		isError(t, scope.RemoveBreakGlassOwner(ctx, operator, first.ID), ErrNotFound)
		suspended, _ := anOwner(t, s, o.ID, "suspended@acme.test")
		ok(t, scope.SuspendMember(ctx, operator, suspended.ID, suspended.Version))
		hasProblem(t, scope.NameBreakGlassOwner(ctx, operator, suspended.ID), "member")

		ok(t, scope.NameBreakGlassOwner(ctx, actorOf(olga), first.ID))
		ok(t, scope.NameBreakGlassOwner(ctx, actorOf(olga), first.ID)) // nothing to do
		if e := must(scope.Events(ctx, EventFilter{Limit: 1}))[0]; e.Action != audit.BreakGlassOwnerNamed || e.Severity != audit.High || e.Targets[0].ID != olga.ID {
			t.Errorf("the event: %+v", e)
		}
		named := must(scope.BreakGlassOwners(ctx))
		if len(named) != 1 || named[0].Member.ID != first.ID || named[0].GetsIn() || named[0].CodesMadeAt != nil {
			t.Errorf("named: %+v", named)
		}
		aPasskey(t, s, olga, "Phone")
		if named = must(scope.BreakGlassOwners(ctx)); !named[0].GetsIn() || named[0].Passkeys != 1 {
			t.Errorf("with a passkey: %+v", named)
		}
		if elsewhere := must(s.In(other.ID).BreakGlassOwners(ctx)); len(elsewhere) != 0 {
			t.Errorf("another organization has named %+v", elsewhere)
		}
		ok(t, scope.RemoveBreakGlassOwner(ctx, actorOf(olga), first.ID))
		if named = must(scope.BreakGlassOwners(ctx)); len(named) != 0 || happened(t, s, o.ID, audit.BreakGlassOwnerRemoved) != 1 {
			t.Errorf("still named: %+v", named)
		}
	})
}

func TestAtMostFiveOwnersAreNamedAlsoAtOnce(t *testing.T) {
	eachAddress(t, func(t *testing.T, address string) {
		options := Options{Database: address, MasterKey: masterKey(t)}
		nodes := []*Store{opened(t, options), opened(t, options)}
		o, _ := anOrganization(t, nodes[0], "acme")
		var owners []Member
		for i := range 8 {
			m, _ := anOwner(t, nodes[0], o.ID, fmt.Sprintf("owner%d@acme.test", i))
			owners = append(owners, m)
		}
		refused := 0
		for _, err := range atOnce(len(owners), func(i int) error {
			return nodes[i%2].In(o.ID).NameBreakGlassOwner(t.Context(), operator, owners[i].ID)
		}) {
			var problems *Invalid
			if errors.As(err, &problems) {
				refused++
			} else if err != nil {
				t.Error(err)
			}
		}
		if named := must(nodes[0].In(o.ID).BreakGlassOwners(t.Context())); refused != 3 || len(named) != BreakGlassOwnersMost {
			t.Errorf("%d were refused, %d are named", refused, len(named))
		}
	})
}

// While single sign-on is required, whatever would take the last way in away is refused; with another one left, or without enforcement, it is not.
func TestD13_TheLastWayInStaysWhileEnforced(t *testing.T) {
	undo := map[string]func(s *Store, scope *Scope, m Member, passkey Passkey) error{
		"take them off the list": func(_ *Store, scope *Scope, m Member, _ Passkey) error {
			return scope.RemoveBreakGlassOwner(t.Context(), operator, m.ID)
		},
		"remove the passkey": func(s *Store, _ *Scope, m Member, passkey Passkey) error {
			return s.RemovePasskey(t.Context(), operator, m.UserID, passkey.ID)
		},
		"demote": func(_ *Store, scope *Scope, m Member, _ Passkey) error {
			return scope.SetMemberRoles(t.Context(), operator, m.ID, m.Version, []access.Role{access.OrgManager})
		},
		"suspend": func(_ *Store, scope *Scope, m Member, _ Passkey) error {
			return scope.SuspendMember(t.Context(), operator, m.ID, m.Version)
		},
		"remove": func(_ *Store, scope *Scope, m Member, _ Passkey) error {
			return scope.RemoveMember(t.Context(), operator, m.ID, m.Version)
		},
	}
	eachDatabase(t, func(t *testing.T, s *Store) {
		for name, undo := range undo {
			t.Run(name, func(t *testing.T) {
				forget(t, s)
				o, olga := anOrganization(t, s, "acme")
				scope := s.In(o.ID)
				m, ada := anOwner(t, s, o.ID, "ada@acme.test")
				ok(t, scope.NameBreakGlassOwner(t.Context(), operator, m.ID))
				passkey := aPasskey(t, s, ada, "Phone")
				enforced(t, s, o.ID, access.EnforceAll)
				isError(t, undo(s, scope, m, passkey), ErrLastBreakGlass)
				if named := must(scope.BreakGlassOwners(t.Context())); len(named) != 1 || !named[0].GetsIn() {
					t.Fatalf("refused, and yet: %+v", named)
				}
				aWayIn(t, s, o.ID, olga.ID)
				ok(t, undo(s, scope, m, passkey)) // the honest twin
			})
		}
		t.Run("without enforcement", func(t *testing.T) {
			forget(t, s)
			o, olga := anOrganization(t, s, "acme")
			aWayIn(t, s, o.ID, olga.ID)
			scope := s.In(o.ID)
			ok(t, scope.RemoveBreakGlassOwner(t.Context(), operator, must(scope.MemberOf(t.Context(), olga.ID)).ID))
		})
	})
}

// Whoever stops being an owner, or is suspended, stops being named: what they had opened ends, and nothing revives (D-16).
func TestD16_FormerOwnersAreNoBreakGlassOwners(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		for name, change := range map[string]func(scope *Scope, m Member) error{
			"demoted": func(scope *Scope, m Member) error {
				return scope.SetMemberRoles(t.Context(), operator, m.ID, m.Version, []access.Role{access.OrgMember})
			},
			"suspended": func(scope *Scope, m Member) error { return scope.SuspendMember(t.Context(), operator, m.ID, m.Version) },
			"removed":   func(scope *Scope, m Member) error { return scope.RemoveMember(t.Context(), operator, m.ID, m.Version) },
		} {
			t.Run(name, func(t *testing.T) {
				forget(t, s)
				o, _ := anOrganization(t, s, "acme")
				scope := s.In(o.ID)
				m, ada := anOwner(t, s, o.ID, "ada@acme.test")
				codes := aWayIn(t, s, o.ID, ada.ID)
				_, token, err := recovers(t, s, ada, codes[0])
				ok(t, err)
				ok(t, change(scope, m))
				_, _, err = s.Session(t.Context(), token)
				isError(t, err, ErrNotFound)
				_, _, err = recovers(t, s, ada, codes[1])
				isError(t, err, ErrNotFound)
				if name == "suspended" {
					m = must(scope.Member(t.Context(), m.ID))
					ok(t, scope.ResumeMember(t.Context(), operator, m.ID, m.Version))
				}
				_, _, err = recovers(t, s, ada, codes[1])
				isError(t, err, ErrNotFound)
				if happened(t, s, o.ID, audit.BreakGlassOwnerRemoved) != 1 || len(must(scope.BreakGlassOwners(t.Context()))) != 0 {
					t.Error("they are still named, or nobody was told")
				}
			})
		}
	})
}

// Where nothing is left to lose, nothing else is refused.
func TestWithoutAWayInOwnersMayStillChange(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, olga := anOrganization(t, s, "acme")
		m, ada := anOwner(t, s, o.ID, "ada@acme.test")
		aWayIn(t, s, o.ID, olga.ID)
		behind(t, s, "UPDATE recovery_codes SET spent_at = ?", s.now())
		enforced(t, s, o.ID, access.EnforceDomain)
		passkey := aPasskey(t, s, ada, "Phone")
		ok(t, s.RemovePasskey(t.Context(), actorOf(ada), ada.ID, passkey.ID))
		ok(t, s.In(o.ID).RemoveMember(t.Context(), operator, m.ID, m.Version))
	})
}

// All owners hear by mail of who is named and of each use.
func TestD13_OwnersHearOfBreakGlass(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, olga := anOrganization(t, s, "acme")
		_, ada := anOwner(t, s, o.ID, "ada@acme.test")
		codes := aWayIn(t, s, o.ID, ada.ID)
		_, _, err := recovers(t, s, ada, codes[0])
		ok(t, err)
		heard := map[string][]string{}
		for count(t, s, "mails") > 0 {
			m := must(s.TakeMail(t.Context()))
			heard[m.Letter.To] = append(heard[m.Letter.To], m.Letter.Lines...)
			ok(t, s.MailSent(t.Context(), m))
		}
		for _, owner := range []User{olga, ada} {
			for _, line := range []string{
				"The operator Grace named Name of ada@acme.test a break-glass owner.", "The operator Grace made new recovery codes for Name of ada@acme.test.",
				"Name of ada@acme.test signed in by break-glass with a recovery code; codes left: “9”.",
			} {
				if !slices.Contains(heard[owner.Email], line) {
					t.Errorf("%s does not hear %q but %q", owner.Email, line, heard[owner.Email])
				}
			}
		}
	})
}

// TestD13_RequiringSingleSignOnWhileTheLastWayInGoes: whoever comes first, the organization is never left requiring single sign-on without a way in
// by break-glass that an owner took away; a last code that is used is told of, loudly.
func TestD13_RequiringSingleSignOnWhileTheLastWayInGoes(t *testing.T) {
	type race struct {
		scope   *Scope
		owner   User
		member  Member
		passkey Passkey
		code    secret.Token
	}
	rows := map[string]struct {
		last string // the one way in that there is: a passkey, or a code
		goes func(s *Store, r race) error
		used bool // it lets its owner in, which nothing refuses
	}{
		"their passkey is removed": {"passkey", func(s *Store, r race) error {
			return s.RemovePasskey(t.Context(), actorOf(r.owner), r.owner.ID, r.passkey.ID)
		}, false},
		"they are taken off the list": {"code", func(_ *Store, r race) error {
			return r.scope.RemoveBreakGlassOwner(t.Context(), actorOf(r.owner), r.member.ID)
		}, false},
		"they are suspended": {"code", func(_ *Store, r race) error {
			return r.scope.SuspendMember(t.Context(), operator, r.member.ID, r.member.Version)
		}, false},
		"they are no owner any more": {"passkey", func(_ *Store, r race) error {
			return r.scope.SetMemberRoles(t.Context(), operator, r.member.ID, r.member.Version, []access.Role{access.OrgManager})
		}, false},
		"their last code is used": {"code", func(s *Store, r race) error {
			_, _, err := recovers(t, s, r.owner, r.code)
			return err
		}, true},
	}
	eachAddress(t, func(t *testing.T, database string) {
		options := Options{Database: database, MasterKey: masterKey(t)}
		nodes := []*Store{opened(t, options), opened(t, options)}
		for name, row := range rows {
			t.Run(name, func(t *testing.T) {
				for range 6 {
					forget(t, nodes[0])
					scope, c, owner := corp(t, nodes[0])
					ok(t, tested(t, nodes[0], c, owner, "olga", "owner@corp.test"))
					ada, user := anOwner(t, nodes[0], c.OrganizationID, "ada@corp.test")
					r := race{scope: nodes[1].In(c.OrganizationID), owner: user, member: ada}
					r.code = aWayIn(t, nodes[0], c.OrganizationID, user.ID)[0]
					behind(t, nodes[0], "UPDATE recovery_codes SET spent_at = ? WHERE hash <> ?", nodes[0].now(), r.code.Hash())
					if row.last == "passkey" {
						r.passkey = aPasskey(t, nodes[0], user, "Phone")
						behind(t, nodes[0], "DELETE FROM recovery_codes")
					}
					r.member = must(scope.MemberOf(t.Context(), user.ID))
					version := must(scope.SignInPolicy(t.Context())).Version
					errs := atOnce(2, func(i int) error {
						if i == 0 {
							return scope.TurnOnEnforcement(t.Context(), actorOf(owner), version, access.EnforceDomain, owner.ID)
						}
						return row.goes(nodes[1], r)
					})
					wentOneAfterTheOther(t, nodes[0], scope, errs, row.used)
				}
			})
		}
	})
}

// wentOneAfterTheOther fails unless what happened is what would have, had one of the two come after the other.
func wentOneAfterTheOther(t *testing.T, s *Store, scope *Scope, errs []error, used bool) {
	t.Helper()
	required, gone := errs[0] == nil, errs[1] == nil
	ways := 0
	for _, b := range must(scope.BreakGlassOwners(t.Context())) {
		if b.GetsIn() {
			ways++
		}
	}
	if enforced := must(scope.SignInPolicy(t.Context())).Enforcement != access.NoEnforcement; enforced != required || (ways == 0) != gone {
		t.Errorf("required %t (%v), gone %t (%v), and yet required %t with %d ways in", required, errs[0], gone, errs[1], enforced, ways)
	}
	switch told := happened(t, s, scope.organization, audit.BreakGlassUsedUp); {
	case used && !gone:
		t.Errorf("a code that was good does not let its owner in: %v", errs[1])
	case used && required != (told == 1):
		t.Errorf("required %t, and %d events tell that no way in is left", required, told)
	case used:
	case required == gone:
		t.Errorf("required %t (%v), the last way in gone %t (%v): want one of the two", required, errs[0], gone, errs[1])
	case required:
		isError(t, errs[1], ErrLastBreakGlass)
	default:
		hasProblem(t, errs[0], "break_glass")
	}
}
