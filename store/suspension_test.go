package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// TestD16_WhatASuspensionEnds holds everything by which an owner gets, or lets others, into an organization against their suspension: it is worth
// nothing while they are suspended nor after they are resumed, and another owner's, who is not suspended, is worth what it was.
func TestD16_WhatASuspensionEnds(t *testing.T) {
	// holds hands something out to an owner, and gives what says whether it still opens.
	type holds func(t *testing.T, s *Store, c Connection, owner User) (opens func() bool)
	entering := func(t *testing.T, s *Store, c Connection, token secret.Token) func() bool {
		return func() bool {
			session, _, err := s.Session(t.Context(), token)
			if err != nil {
				return false
			}
			entry, _, err := s.Entry(t.Context(), c.OrganizationID, session)
			ok(t, err)
			return access.MayEnter(entry, session.Proofs).Allowed
		}
	}
	rows := map[string]holds{
		"a session by their password": func(t *testing.T, s *Store, c Connection, owner User) func() bool {
			_, token := aSession(t, s, owner, byPassword(t, s, owner))
			return entering(t, s, c, token)
		},
		"a session through the connection": func(t *testing.T, s *Store, c Connection, owner User) func() bool {
			rawIdentity(t, s, c.OrganizationID, c.ID, owner.ID, owner.ID)
			_, token := aSession(t, s, owner, ProvenByIdentity(aLogin(t, s, c.ID, c.OrganizationID, owner.ID, owner.Email, time.Time{})))
			return entering(t, s, c, token)
		},
		"a session by break-glass": func(t *testing.T, s *Store, c Connection, owner User) func() bool {
			_, token, err := recovers(t, s, owner, aWayIn(t, s, c.OrganizationID, owner.ID)[0])
			ok(t, err)
			return entering(t, s, c, token)
		},
		"a recovery code": func(t *testing.T, s *Store, c Connection, owner User) func() bool {
			code := aWayIn(t, s, c.OrganizationID, owner.ID)[0]
			return func() bool {
				_, err := s.RecoveryByCode(t.Context(), address(owner.Email), code)
				return err == nil
			}
		},
		"a login that has arrived": func(t *testing.T, s *Store, c Connection, owner User) func() bool {
			rawIdentity(t, s, c.OrganizationID, c.ID, owner.ID, owner.ID)
			var logins []Login // looking finishes one
			_, identity := arrived(t, s, c, owner.ID, owner.Email)
			for range 2 {
				login, _ := arrived(t, s, c, owner.ID, owner.Email)
				logins = append(logins, login)
			}
			return func() bool {
				login := logins[0]
				logins = logins[1:]
				_, refusal, err := s.ResolvePerson(t.Context(), audit.Gatehouse(audit.Request{}), identity, login.ID)
				return err == nil && refusal == nil
			}
		},
		"an invite that they sent": func(t *testing.T, s *Store, c Connection, owner User) func() bool {
			_, token, err := s.In(c.OrganizationID).CreateInvite(t.Context(), actorOf(owner), NewInvite{Address: address("to." + owner.Email), Roles: []access.Role{access.OrgMember}})
			ok(t, err)
			return func() bool {
				_, _, err := s.InviteOf(t.Context(), token)
				return err == nil
			}
		},
		"an API key that they answer for": func(t *testing.T, s *Store, c Connection, owner User) func() bool {
			project := must(s.In(c.OrganizationID).CreateProject(t.Context(), operator, "Of "+owner.Email, access.Serverless, owner.ID))
			key, _ := aKey(t, s, project, owner, "ci", access.DataPlaneViewer)
			return func() bool { return len(must(s.KeyByID(t.Context(), key.ID)).CreatorRoles()) > 0 }
		},
	}
	eachDatabase(t, func(t *testing.T, s *Store) {
		number := 0
		for name, hold := range rows {
			t.Run(name, func(t *testing.T) {
				number++
				domain := fmt.Sprintf("corp%d.test", number)
				o, _ := anOrganization(t, s, strings.TrimSuffix(domain, ".test"))
				aVerifiedDomain(t, s, o.ID, domain)
				scope, c := s.In(o.ID), aConnection(t, s, o.ID)
				m, ada := anOwner(t, s, o.ID, "ada@"+domain)
				_, bob := anOwner(t, s, o.ID, "bob@"+domain)
				adas, bobs := hold(t, s, c, ada), hold(t, s, c, bob)
				if name != "a login that has arrived" && !adas() { // another owner's shows that
					t.Fatal("it opens nothing to begin with")
				}
				m = must(scope.Member(t.Context(), m.ID))
				ok(t, scope.SuspendMember(t.Context(), operator, m.ID, m.Version))
				if adas() {
					t.Error("it opens although its owner is suspended")
				}
				later(s, time.Second)
				m = must(scope.Member(t.Context(), m.ID))
				ok(t, scope.ResumeMember(t.Context(), operator, m.ID, m.Version))
				later(s, time.Second)
				if adas() {
					t.Error("resuming its owner revives it")
				}
				if !bobs() {
					t.Error("another owner's opens no more")
				}
			})
		}
	})
}

// D-16: a node whose clock is behind ends and resumes as well as any other.
func TestD16_ASlowClockLeavesNothingAlive(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		scope, m := s.In(o.ID), aMember(t, s, o.ID, "ada@acme.test", access.OrgOwner)
		ada := must(s.User(ctx, m.UserID))
		key, _ := aKey(t, s, aProject(t, s, o.ID, owner), ada, "ci", access.DataPlaneViewer)
		shut, token := aSession(t, s, ada, byPassword(t, s, ada))
		_, other := aSession(t, s, ada, byPassword(t, s, ada))
		if enters(t, s, token, o.ID) != "yes" || enters(t, s, other, o.ID) != "yes" {
			t.Fatal("the honest twin may not enter")
		}
		later(s, -2*time.Minute)
		ok(t, scope.EndMemberSession(ctx, operator, m.ID, shut.ID))
		later(s, 2*time.Minute)
		if enters(t, s, token, o.ID) != access.WhyNoProof || enters(t, s, other, o.ID) != "yes" {
			t.Errorf("ended by a slow clock: %s, and the other: %s", enters(t, s, token, o.ID), enters(t, s, other, o.ID))
		}
		later(s, -2*time.Minute)
		ok(t, scope.SuspendMember(ctx, operator, m.ID, m.Version))
		ok(t, scope.ResumeMember(ctx, operator, m.ID, m.Version+1))
		later(s, 2*time.Minute)
		if got := enters(t, s, other, o.ID); got != access.WhyNoProof {
			t.Errorf("resumed by a slow clock, the old session: %s", got)
		}
		if len(must(s.KeyByID(ctx, key.ID)).CreatorRoles()) != 0 {
			t.Error("resumed by a slow clock, the old key lives")
		}
		_, anew := aSession(t, s, ada, byPassword(t, s, ada))
		if got := enters(t, s, anew, o.ID); got != "yes" {
			t.Errorf("a new sign-in: %s", got)
		}
	})
}
