package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// overlapping runs two writes of two processes on one database so that the second begins when the first has done everything but commit, and
// gives their errors. On PostgreSQL that is exact: a write ends with waiting for the end of the event chain, which is held here meanwhile. On
// SQLite, which has one writer, they begin at once.
func overlapping(t *testing.T, s *Store, first, second func() error) (error, error) {
	t.Helper()
	if s.dialect == onSQLite {
		errs := atOnce(2, func(i int) error { return []func() error{first, second}[i]() })
		return errs[0], errs[1]
	}
	ended := []chan error{make(chan error, 1), make(chan error, 1)}
	ok(t, s.writer.WithContext(t.Context()).Transaction(func(tx *gorm.DB) error {
		ok(t, (&write{DB: tx, store: s}).lock(lockChain))
		for i, do := range []func() error{first, second} {
			go func() { ended[i] <- do() }()
			untilWaiting(t, s, i+1, ended[i])
		}
		return nil
	}))
	return <-ended[0], <-ended[1]
}

// untilWaiting returns when so many statements in the database wait for a lock, or when the last of those who began has ended without.
func untilWaiting(t *testing.T, s *Store, want int, ended chan error) {
	t.Helper()
	for waiting := 0; waiting < want && len(ended) == 0; {
		ok(t, s.read(t.Context()).Raw("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting).Error)
	}
}

// eachOrder runs the test with two processes on one database of each kind, and with either of two writes as the first; both gives their
// errors in the order in which they were given to it.
func eachOrder(t *testing.T, test func(t *testing.T, nodes [2]*Store, both func(a, b func() error) (error, error))) {
	t.Helper()
	databases := map[string]func(t *testing.T) string{
		"sqlite":   migratedFile,
		"postgres": func(t *testing.T) string { return migrated.Database(t) },
	}
	for name, database := range databases {
		for _, turned := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/turned=%v", name, turned), func(t *testing.T) {
				options := Options{Database: database(t), MasterKey: masterKey(t)}
				nodes := [2]*Store{opened(t, options), opened(t, options)}
				test(t, nodes, func(a, b func() error) (error, error) {
					if turned {
						b, a := overlapping(t, nodes[0], b, a)
						return a, b
					}
					return overlapping(t, nodes[0], a, b)
				})
			})
		}
	}
}

// Whatever takes a precondition of single sign-on away, while somebody requires it: one of the two is told no.
func TestD13_EnforcementAndWhatWouldUndoItNeverBothHappen(t *testing.T) {
	for name, undo := range map[string]func(ctx context.Context, s *Store, scope *Scope, c Connection, d Domain, owner Member) error{
		"release the domain": func(ctx context.Context, _ *Store, scope *Scope, _ Connection, d Domain, _ Member) error {
			return scope.ReleaseDomain(ctx, operator, d.ID)
		},
		"disable the connection": func(ctx context.Context, _ *Store, scope *Scope, c Connection, _ Domain, _ Member) error {
			return scope.DisableConnection(ctx, operator, c.ID, c.Version)
		},
		"remove the break-glass owner": func(ctx context.Context, _ *Store, scope *Scope, _ Connection, _ Domain, owner Member) error {
			return scope.RemoveMember(ctx, operator, owner.ID, owner.Version)
		},
		"make the break-glass owner a member": func(ctx context.Context, _ *Store, scope *Scope, _ Connection, _ Domain, owner Member) error {
			return scope.SetMemberRoles(ctx, operator, owner.ID, owner.Version, []access.Role{access.OrgMember})
		},
		"suspend the break-glass owner": func(ctx context.Context, _ *Store, scope *Scope, _ Connection, _ Domain, owner Member) error {
			return scope.SuspendMember(ctx, operator, owner.ID, owner.Version)
		},
		"take them off the list": func(ctx context.Context, _ *Store, scope *Scope, _ Connection, _ Domain, owner Member) error {
			return scope.RemoveBreakGlassOwner(ctx, operator, owner.ID)
		},
		"remove their only passkey": func(ctx context.Context, s *Store, _ *Scope, _ Connection, _ Domain, owner Member) error {
			all, err := s.Passkeys(ctx, owner.UserID)
			if err != nil || len(all) != 1 {
				return fmt.Errorf("%d passkeys: %w", len(all), err)
			}
			return s.RemovePasskey(ctx, operator, owner.UserID, all[0].ID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachOrder(t, func(t *testing.T, nodes [2]*Store, both func(a, b func() error) (error, error)) {
				ctx := context.WithoutCancel(t.Context())
				s := nodes[0]
				scope, c, user := enforceable(t, s)
				owner := must(scope.MemberOf(ctx, user.ID))
				aPasskey(t, s, user, "Phone")
				behind(t, s, "DELETE FROM recovery_codes") // the passkey is the way in
				other := anOwnerWithoutPassword(t, s, c)
				d := must(scope.Domains(ctx))[0]
				c = must(scope.Connection(ctx, c.ID))
				policy := must(scope.SignInPolicy(ctx))
				required, undone := both(
					func() error {
						return scope.TurnOnEnforcement(ctx, operator, policy.Version, access.EnforceAll, other.ID)
					},
					func() error { return undo(ctx, nodes[1], nodes[1].In(c.OrganizationID), c, d, owner) },
				)
				if (required == nil) == (undone == nil) {
					t.Errorf("both or neither: requiring single sign-on said %v, undoing it %v", required, undone)
				}
				if enforced := must(scope.SignInPolicy(ctx)).Enforcement != access.NoEnforcement; enforced != (required == nil) {
					t.Errorf("enforced is %v after %v", enforced, required)
				}
				if required == nil {
					held := must(preconditions(s.read(ctx), c.OrganizationID, other.ID, s.now()))
					ok(t, unmet(held).Err())
				}
			})
		})
	}
}

// anOwnerWithoutPassword has just signed in through the connection.
func anOwnerWithoutPassword(t *testing.T, s *Store, c Connection) User {
	t.Helper()
	found := comes(t, s, c, "bea", "bea@corp.test")
	ok(t, s.In(c.OrganizationID).SetMemberRoles(t.Context(), operator, found.Member.ID, found.Member.Version, []access.Role{access.OrgOwner}))
	return found.User
}

// A session that begins by a link while an owner removes that link does not outlive it.
func TestD16_NoSessionOutlivesTheLinkThatBeganIt(t *testing.T) {
	eachOrder(t, func(t *testing.T, nodes [2]*Store, both func(a, b func() error) (error, error)) {
		ctx := context.WithoutCancel(t.Context())
		s := nodes[0]
		_, c, _ := corp(t, s)
		ada := comes(t, s, c, "ada-7", "ada@corp.test")
		proof := ProvenByIdentity(aLogin(t, s, c.ID, c.OrganizationID, "ada-7", "ada@corp.test", time.Time{}))
		began, removed := both(
			func() error {
				_, _, err := s.StartSession(ctx, actorOf(ada.User), NewSession{UserID: ada.User.ID, Proof: proof})
				return err
			},
			func() error { return nodes[1].In(c.OrganizationID).Unlink(ctx, operator, ada.Member.ID, c.ID, "ada-7") },
		)
		ok(t, removed)
		if began != nil {
			isError(t, began, ErrNotFound)
		}
		if n := count(t, s, "session_proofs WHERE connection_id = ?", c.ID); n != 0 {
			t.Errorf("%d proofs by the link are left", n)
		}
	})
}

// The last code of one break-glass owner is spent while another is taken off the list: either the second is told no, or everybody hears that no
// way in is left.
func TestD13_TheLastWaysInDoNotGoUnheard(t *testing.T) {
	eachOrder(t, func(t *testing.T, nodes [2]*Store, both func(a, b func() error) (error, error)) {
		ctx := context.WithoutCancel(t.Context())
		s := nodes[0]
		o, ada := anOrganization(t, s, "acme")
		codes := aWayIn(t, s, o.ID, ada.ID)
		bea := aMember(t, s, o.ID, "bea@corp.test", access.OrgOwner)
		aPasskey(t, s, must(s.User(ctx, bea.UserID)), "Phone")
		ok(t, s.In(o.ID).NameBreakGlassOwner(ctx, operator, bea.ID))
		for _, code := range codes[1:] {
			_, _, err := recovers(t, s, ada, code)
			ok(t, err)
		}
		enforced(t, s, o.ID, access.EnforceAll)
		found := must(s.RecoveryByCode(ctx, address(ada.Email), codes[0]))
		spent, removed := both(
			func() error {
				_, _, err := s.StartSession(ctx, actorOf(ada), NewSession{UserID: ada.ID, Proof: found.Proof})
				return err
			},
			func() error { return nodes[1].In(o.ID).RemoveBreakGlassOwner(ctx, operator, bea.ID) },
		)
		ok(t, spent)
		if removed != nil {
			isError(t, removed, ErrLastBreakGlass)
		}
		if shouted := happened(t, s, o.ID, audit.BreakGlassUsedUp) == 1; shouted != (removed == nil) {
			t.Errorf("removing the other ended with %v, and it was shouted: %t", removed, shouted)
		}
	})
}

func TestATestOfSomebodyWhoIsRemovedLinksNobody(t *testing.T) {
	eachOrder(t, func(t *testing.T, nodes [2]*Store, both func(a, b func() error) (error, error)) {
		ctx := context.WithoutCancel(t.Context())
		scope, c, _ := corp(t, nodes[0])
		m := aMember(t, nodes[0], c.OrganizationID, "second@corp.test", access.OrgOwner)
		login, identity := arrived(t, nodes[0], c, "second", "second@corp.test", func(n *NewLogin) { n.Kind, n.OwnerID, n.OwnerSession = TestLogin, m.UserID, "ses_x" })
		linked, removed := both(
			func() error { return nodes[1].LinkOwner(ctx, operator, identity, login, nil) },
			func() error { return scope.RemoveMember(ctx, operator, m.ID, m.Version) },
		)
		ok(t, removed)
		var refusal *trust.Refusal
		if linked != nil && (!errors.As(linked, &refusal) || refusal.Reason != trust.ReasonTestOwner) {
			t.Errorf("the test ended with %v", linked)
		}
		if n := count(t, nodes[0], "identities WHERE user_id = ?", m.UserID); n != 0 {
			t.Error("a subject is linked to somebody who was removed")
		}
	})
}

func TestD01_AFailingCheckLeavesTheProofThatCameMeanwhile(t *testing.T) {
	eachOrder(t, func(t *testing.T, nodes [2]*Store, both func(a, b func() error) (error, error)) {
		ctx := context.WithoutCancel(t.Context())
		o, _ := anOrganization(t, nodes[0], "corp")
		scope := nodes[0].In(o.ID)
		d := must(scope.ClaimDomain(ctx, operator, "corp.test", ""))
		check := func(s *Store, proved bool) func() error {
			return func() error {
				return errorOf(s.In(o.ID).RecordDomainCheck(ctx, operator, d.ID, Finding{Proved: proved, Problem: "no record"}))
			}
		}
		proved, failed := both(check(nodes[0], true), check(nodes[1], false))
		ok(t, errors.Join(proved, failed))
		if must(scope.Domain(ctx, d.ID)).VerifiedAt == nil {
			t.Error("a failing check took the proof away")
		}
	})
}

func TestD07_NoSessionSurvivesThePasswordThatBeganIt(t *testing.T) {
	for name, change := range map[string]func(ctx context.Context, s *Store, user User, hash string) error{
		"another password": func(ctx context.Context, s *Store, user User, hash string) error {
			return s.SetPassword(ctx, operator, user.ID, hash, "another hash")
		},
		"none": func(ctx context.Context, s *Store, user User, _ string) error {
			return s.EndPassword(ctx, operator, user.ID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachOrder(t, func(t *testing.T, nodes [2]*Store, both func(a, b func() error) (error, error)) {
				ctx := context.WithoutCancel(t.Context())
				ada := aUser(t, nodes[0], "ada@acme.test")
				hash := hashOf(t, nodes[0], ada)
				_, changed := both(
					func() error {
						_, _, err := nodes[0].StartSession(ctx, actorOf(ada), NewSession{UserID: ada.ID, Proof: ProvenByPassword(hash)})
						return err
					},
					func() error { return change(ctx, nodes[1], ada, hash) },
				)
				ok(t, changed)
				if n := count(t, nodes[0], "sessions"); n != 0 {
					t.Error("a session lives on")
				}
			})
		})
	}
}

func TestRolesOfSomebodyWhoIsRemovedMeanwhileGo(t *testing.T) {
	for name, give := range map[string]func(ctx context.Context, scope *Scope, p Project, m Member) error{
		"a role in a project": func(ctx context.Context, scope *Scope, p Project, m Member) error {
			return scope.SetProjectRoles(ctx, operator, p.ID, m.ID, []access.Role{access.ProjectOwner})
		},
		"a project of their own": func(ctx context.Context, scope *Scope, _ Project, m Member) error {
			return errorOf(scope.CreateProject(ctx, operator, "Own", access.Serverless, m.UserID))
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachOrder(t, func(t *testing.T, nodes [2]*Store, both func(a, b func() error) (error, error)) {
				ctx := context.WithoutCancel(t.Context())
				o, owner := anOrganization(t, nodes[0], "corp")
				p := aProject(t, nodes[0], o.ID, owner)
				m := aMember(t, nodes[0], o.ID, "ada@corp.test", access.OrgMember)
				given, removed := both(
					func() error { return give(ctx, nodes[0].In(o.ID), p, m) },
					func() error { return nodes[1].In(o.ID).RemoveMember(ctx, operator, m.ID, m.Version) },
				)
				ok(t, removed)
				if given != nil {
					isError(t, given, ErrNotFound)
				}
				if n := count(t, nodes[0], "role_bindings WHERE principal_id = ?", m.UserID); n != 0 {
					t.Errorf("somebody who was removed holds %d roles", n)
				}
			})
		})
	}
}

// Of two who give or take one role each at the same moment, neither undoes what the other did.
func TestRolesInAProjectThatTwoChangeAtOnceAreBothChanged(t *testing.T) {
	eachOrder(t, func(t *testing.T, nodes [2]*Store, both func(a, b func() error) (error, error)) {
		ctx := context.WithoutCancel(t.Context())
		o, owner := anOrganization(t, nodes[0], "corp")
		p := aProject(t, nodes[0], o.ID, owner)
		m := aMember(t, nodes[0], o.ID, "ada@corp.test", access.OrgMember)
		ok(t, nodes[0].In(o.ID).SetProjectRoles(ctx, operator, p.ID, m.ID, []access.Role{access.ProjectOwner}))
		given, taken := both(
			func() error {
				return nodes[0].In(o.ID).ChangeProjectRoles(ctx, operator, p.ID, m.ID, func(has []access.Role) []access.Role { return append(has, access.ProjectViewer) })
			},
			func() error {
				return nodes[1].In(o.ID).ChangeProjectRoles(ctx, operator, p.ID, m.ID, func(has []access.Role) []access.Role {
					return slices.DeleteFunc(has, func(r access.Role) bool { return r == access.ProjectOwner })
				})
			},
		)
		ok(t, errors.Join(given, taken))
		if got := must(nodes[0].In(o.ID).Member(ctx, m.ID)).ProjectRoles[p.ID]; !slices.Equal(got, []access.Role{access.ProjectViewer}) {
			t.Errorf("roles %v", got)
		}
	})
}

// Two refusals that one record can stand for, at once: one makes it, the other is counted there.
func TestS45_RefusalsAtOnceShareARecord(t *testing.T) {
	eachOrder(t, func(t *testing.T, nodes [2]*Store, both func(a, b func() error) (error, error)) {
		ctx := context.WithoutCancel(t.Context())
		o, _ := anOrganization(t, nodes[0], "acme")
		c := aConnection(t, nodes[0], o.ID)
		ids := [3]string{}
		refuse := func(i int, address string) func() error {
			return func() (err error) {
				ids[i], err = nodes[i%2].RefuseLogin(ctx, refusalOf(c, trust.ReasonReplayed, address))
				return err
			}
		}
		a, b := both(refuse(0, "203.0.113.1"), refuse(1, "203.0.113.2"))
		ok(t, errors.Join(a, b, refuse(2, "198.51.100.1")()))
		if login := must(nodes[0].In(o.ID).Login(ctx, ids[0])); ids[0] != ids[1] || login.Count != 2 {
			t.Errorf("records %s and %s, the first of %d refusals", ids[0], ids[1], login.Count)
		}
		if ids[2] == ids[0] { // the honest twin: another network
			t.Error("another network's refusal is counted there too")
		}
	})
}
