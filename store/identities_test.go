package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// person is what a row of the decision table starts from: an organization that has proved corp.test and has a connection, another that has
// proved other.test, and somebody who arrives.
type person struct {
	*testing.T
	s              *Store
	o, other       Organization
	c              Connection
	subject, email string
}

func (p *person) do(statement string, values ...any) { behind(p.T, p.s, statement, values...) }

// knows makes the user a member whom the subject stands for.
func (p *person) knows(subject, email string, roles ...access.Role) Member {
	m := p.member(email, roles...)
	p.links(subject, m)
	return m
}

// member makes a member whose address somebody has vouched for.
func (p *person) member(email string, roles ...access.Role) Member {
	if len(roles) == 0 {
		roles = []access.Role{access.OrgMember}
	}
	m := aMember(p.T, p.s, p.o.ID, email, roles...)
	p.do("UPDATE users SET email_verified_at = created_at WHERE id = ?", m.UserID)
	return m
}

func (p *person) links(subject string, m Member) {
	ok(p.T, p.s.writer.Create(&Identity{ConnectionID: p.c.ID, Subject: subject, OrganizationID: p.o.ID, UserID: m.UserID, Email: m.Email,
		LinkedBy: LinkedByLogin, LinkedAt: p.s.Now()}).Error)
}

// traces are what a refused login must leave as it was.
func (p *person) traces() string {
	var all []string
	for _, table := range []string{"users", "members", "identities", "role_bindings", "sessions", "users WHERE password_hash <> ''", "users WHERE suspended_at IS NULL", "members WHERE suspended_at IS NULL"} {
		all = append(all, fmt.Sprint(table, " ", count(p.T, p.s, table)))
	}
	return strings.Join(all, ", ")
}

// forget leaves everybody who is in the database behind, under names that no row uses, so that one database serves a whole table.
func forget(t *testing.T, s *Store) {
	t.Helper()
	behind(t, s, "UPDATE users SET canonical_email = id, email_domain = id")
	behind(t, s, "UPDATE domains SET name = id")
}

// TestResolvePerson is the whole table of "who somebody is". Who arrives is ada-7, ada@corp.test, unless the row says otherwise.
func TestResolvePerson(t *testing.T) {
	rows := []struct {
		name            string
		before          func(*person)
		after           func(*person) // between the judgement and this
		refused         trust.Reason
		created, linked bool
	}{
		{name: "a newcomer on the verified domain is made", created: true, linked: true},
		{name: "spelled in capitals it is the same domain", before: func(p *person) { p.email = "ADA@CORP.test" }, created: true, linked: true},
		{name: "a known subject is its user", before: func(p *person) { p.knows("ada-7", "ada@corp.test") }},
		{name: "a known subject with another address is its user", before: func(p *person) { p.knows("ada-7", "ada@corp.test"); p.email = "lovelace@corp.test" }},
		{name: "a known subject without an address is its user", before: func(p *person) { p.knows("ada-7", "ada@corp.test"); p.email = "" }},
		{name: "a known guest is its user", before: func(p *person) { p.knows("ada-7", "ada@guest.test"); p.email = "ada@guest.test" }},
		{name: "a known subject beats an address of somebody else", before: func(p *person) {
			p.knows("ada-7", "ada@corp.test")
			p.member("bob@corp.test")
			p.email = "bob@corp.test"
		}},
		{name: "a member with the address is linked", before: func(p *person) { p.member("ada@corp.test") }, linked: true},
		{name: "a member with the address in other letters is linked", before: func(p *person) { p.member("ada@corp.test"); p.email = "Ada@Corp.Test" }, linked: true},
		{name: "a member linked at another connection is linked here too", before: func(p *person) {
			c := p.c
			p.c = aConnection(p.T, p.s, p.o.ID)
			p.knows("ada-7", "ada@corp.test")
			p.c = c
		}, linked: true},
		{name: "a user of another organization becomes a member here", before: func(p *person) {
			aMember(p.T, p.s, p.other.ID, "ada@corp.test", access.OrgMember)
		}, created: true, linked: true},

		{name: "S-52 a suspended user is not let in", refused: trust.ReasonUserSuspended, before: func(p *person) {
			m := p.knows("ada-7", "ada@corp.test")
			p.do("UPDATE users SET suspended_at = created_at WHERE id = ?", m.UserID)
		}},
		{name: "S-52 a suspended member is not let in", refused: trust.ReasonMemberSuspended, before: func(p *person) {
			m := p.knows("ada-7", "ada@corp.test")
			p.do("UPDATE members SET suspended_at = created_at WHERE id = ?", m.ID)
		}},
		{name: "S-52 a suspended member is not linked", refused: trust.ReasonMemberSuspended, before: func(p *person) {
			m := p.member("ada@corp.test")
			p.do("UPDATE members SET suspended_at = created_at WHERE id = ?", m.ID)
		}},
		{name: "S-52 a suspended user is not made a member", refused: trust.ReasonUserSuspended, before: func(p *person) {
			m := aMember(p.T, p.s, p.other.ID, "ada@corp.test", access.OrgMember)
			p.do("UPDATE users SET suspended_at = created_at WHERE id = ?", m.UserID)
		}},
		{name: "S-53 another spelling of a known subject is another subject", refused: trust.ReasonAddressTaken, before: func(p *person) {
			p.knows("ada-7", "ada@corp.test")
			p.subject = "ADA-7"
		}},
		{name: "S-53 a reused address is not linked", refused: trust.ReasonAddressTaken, before: func(p *person) {
			p.knows("ada-6", "ada@corp.test")
		}},
		{name: "S-50 an address on another organization's domain makes nobody", refused: trust.ReasonDomainNotVerified, before: func(p *person) { p.email = "ada@other.test" }},
		{name: "S-50 an address on nobody's domain makes nobody", refused: trust.ReasonDomainNotVerified, before: func(p *person) { p.email = "ada@nobody.test" }},
		{name: "S-50 a user of another organization is not matched on its domain", refused: trust.ReasonDomainNotVerified, before: func(p *person) {
			aMember(p.T, p.s, p.other.ID, "ada@other.test", access.OrgOwner)
			p.email = "ada@other.test"
		}},
		{name: "S-50 a guest is not matched by an identity provider's word", refused: trust.ReasonGuestNotLinked, before: func(p *person) {
			p.member("ada@other.test")
			p.email = "ada@other.test"
		}},
		{name: "D-03 a subdomain is not the domain", refused: trust.ReasonDomainNotVerified, before: func(p *person) { p.email = "ada@evil.corp.test" }},
		{name: "D-03 a name that begins alike is not the domain", refused: trust.ReasonDomainNotVerified, before: func(p *person) { p.email = "ada@corp.test.evil.test" }},
		{name: "D-03 a name that ends alike is not the domain", refused: trust.ReasonDomainNotVerified, before: func(p *person) { p.email = "ada@evil-corp.test" }},
		{name: "D-01 a claimed domain is not a verified one", refused: trust.ReasonDomainNotVerified, before: func(p *person) {
			must(p.s.In(p.o.ID).ClaimDomain(p.Context(), operator, "claimed.test", ""))
			p.email = "ada@claimed.test"
		}},
		{name: "a domain released in between is not a verified one", refused: trust.ReasonDomainNotVerified, after: func(p *person) {
			p.do("UPDATE domains SET verified_at = NULL WHERE name = 'corp.test'")
		}},
		{name: "a new subject without an address is nobody", refused: trust.ReasonEmailMissing, before: func(p *person) { p.email = "" }},
		{name: "newcomers are not admitted", refused: trust.ReasonNewcomersNotAdmitted, before: func(p *person) { p.do("UPDATE sign_in_policies SET admit_newcomers = FALSE") }},
		{name: "members are, where newcomers are not", linked: true, before: func(p *person) {
			p.do("UPDATE sign_in_policies SET admit_newcomers = FALSE")
			p.member("ada@corp.test")
		}},
		{name: "S-51 the connection was disabled in between", refused: trust.ReasonConnectionNotActive, after: func(p *person) { p.do("UPDATE connections SET state = 'disabled'") }},
		{name: "S-51 the organization was suspended in between", refused: trust.ReasonOrganizationSuspended, after: func(p *person) {
			p.do("UPDATE organizations SET suspended_at = created_at WHERE id = ?", p.o.ID)
		}},
	}
	eachDatabase(t, func(t *testing.T, s *Store) {
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				forget(t, s)
				p := &person{T: t, s: s, subject: "ada-7", email: "ada@corp.test"}
				p.o, _ = anOrganization(t, s, "acme")
				p.other, _ = anOrganization(t, s, "elsewhere")
				p.c = aConnection(t, s, p.o.ID)
				aVerifiedDomain(t, s, p.o.ID, "corp.test")
				aVerifiedDomain(t, s, p.other.ID, "other.test")
				if row.before != nil {
					row.before(p)
				}
				login, identity := arrived(t, s, p.c, p.subject, p.email)
				if row.after != nil {
					row.after(p)
				}
				was := p.traces()
				found, refusal, err := s.ResolvePerson(t.Context(), operator, identity, login.ID)
				ok(t, err)
				ended := must(s.In(p.o.ID).Login(t.Context(), login.ID))
				if row.refused != "" {
					if refusal == nil || refusal.Reason != row.refused {
						t.Fatalf("got %+v and %v, want %s", found, refusal, row.refused)
					}
					if is := p.traces(); is != was {
						t.Errorf("a refused login left traces: %s, was %s", is, was)
					}
					if ended.State != LoginRefused || ended.Reason != row.refused || ended.UserID != "" {
						t.Errorf("the record is %+v", ended)
					}
					if n := count(t, s, "events WHERE action = 'login.refused' AND organization_id = ? AND reason = ?", p.o.ID, row.refused); n != 1 {
						t.Errorf("%d events tell of it, want 1", n)
					}
					return
				}
				if refusal != nil || found.Created != row.created || found.Linked != row.linked || found.Member.OrganizationID != p.o.ID || found.Member.UserID != found.User.ID {
					t.Fatalf("got %+v and %v", found, refusal)
				}
				if ended.State != LoginFinished || ended.UserID != found.User.ID {
					t.Errorf("the record is %+v", ended)
				}
				if known := must(s.In(p.o.ID).Identities(t.Context(), found.User.ID)); !slices.ContainsFunc(known, func(i Identity) bool {
					return i.Subject == p.subject && i.ConnectionID == p.c.ID && i.LastLoginAt != nil || i.ConnectionID != p.c.ID
				}) {
					t.Errorf("the subject is not linked: %+v", known)
				}
				// Whoever came once comes again, and is nobody new.
				login, identity = arrived(t, s, p.c, p.subject, p.email)
				again, refusal, err := s.ResolvePerson(t.Context(), operator, identity, login.ID)
				ok(t, err)
				if refusal != nil || again.User.ID != found.User.ID || again.Created || again.Linked {
					t.Errorf("the second time: %+v and %v", again, refusal)
				}
			})
		}
	})
}

// corp is an organization that has proved corp.test and has a connection.
func corp(t *testing.T, s *Store) (*Scope, Connection, User) {
	t.Helper()
	o, owner := anOrganization(t, s, "corp")
	aVerifiedDomain(t, s, o.ID, "corp.test")
	return s.In(o.ID), aConnection(t, s, o.ID), owner
}

// comes lets somebody sign in for real, who must be let in.
func comes(t *testing.T, s *Store, c Connection, subject, email string) Resolution {
	t.Helper()
	login, identity := arrived(t, s, c, subject, email)
	found, refusal, err := s.ResolvePerson(t.Context(), operator, identity, login.ID)
	ok(t, err)
	if refusal != nil {
		t.Fatalf("%s was refused: %+v", email, refusal)
	}
	return found
}

func TestNewcomerGetsTheDefaultRole(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, owner := corp(t, s)
		p := aProject(t, s, c.OrganizationID, owner)
		policy := must(scope.SignInPolicy(ctx))
		ok(t, scope.SetDefaultRole(ctx, operator, policy.Version, access.OrgManager, []ProjectRole{{p.ID, access.ProjectViewer}}))
		said := lastEvents(t, s, c.OrganizationID, audit.SignInPolicyDefaultRoleChanged)[0].Changes
		if want := (audit.Change{Field: "default_project_roles", After: "Project viewer in " + p.Name}); len(said) != 2 || said[1] != want {
			t.Errorf("the event tells %+v", said)
		}
		found := comes(t, s, c, "ada-7", "Ada@corp.test")
		if !slices.Equal(found.Member.Roles, []access.Role{access.OrgManager}) || !slices.Equal(found.Member.ProjectRoles[p.ID], []access.Role{access.ProjectViewer}) {
			t.Errorf("the newcomer is %+v", found.Member)
		}
		if found.User.Name != "Ada Lovelace" || found.User.Email != "Ada@corp.test" || found.User.EmailVerifiedAt == nil || found.User.HasPassword {
			t.Errorf("the user is %+v", found.User)
		}
		ok(t, scope.SetDefaultRole(ctx, operator, policy.Version+1, access.OrgBillingAdmin, nil))
		if again := comes(t, s, c, "ada-7", "ada@corp.test"); !slices.Equal(again.Member.Roles, []access.Role{access.OrgManager}) {
			t.Errorf("a change of the default role changed a member: %v", again.Member.Roles)
		}
		var story []string
		for _, e := range must(scope.Events(ctx, EventFilter{ActorID: found.User.ID})) {
			story = append(story, string(e.Action))
		}
		if !slices.Contains(story, "login.succeeded") {
			t.Errorf("the events with the person as actor are %v", story)
		}
	})
}

func TestD15_ANewcomerNeverOwns(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, owner := corp(t, s)
		p := aProject(t, s, c.OrganizationID, owner)
		elsewhere, stranger := anOrganization(t, s, "elsewhere")
		foreign := aProject(t, s, elsewhere.ID, stranger)
		version := must(scope.SignInPolicy(ctx)).Version
		hasProblem(t, scope.SetDefaultRole(ctx, operator, version, access.OrgOwner, nil), "default_role")
		hasProblem(t, scope.SetDefaultRole(ctx, operator, version, access.ProjectOwner, nil), "default_role")
		hasProblem(t, scope.SetDefaultRole(ctx, operator, version, "Emperor", nil), "default_role")
		hasProblem(t, scope.SetDefaultRole(ctx, operator, version, access.OrgMember, []ProjectRole{{p.ID, access.ProjectOwner}}), "project_roles")
		hasProblem(t, scope.SetDefaultRole(ctx, operator, version, access.OrgMember, []ProjectRole{{p.ID, access.OrgOwner}}), "project_roles")
		hasProblem(t, scope.SetDefaultRole(ctx, operator, version, access.OrgMember, []ProjectRole{{foreign.ID, access.ProjectViewer}}), "project_roles")
		ok(t, scope.SetDefaultRole(ctx, operator, version, access.OrgMember, []ProjectRole{{p.ID, access.ProjectViewer}}))
		// Nor where somebody has written it behind our back.
		behind(t, s, "UPDATE sign_in_policies SET default_role = 'OrgOwner', default_project_roles = ?", `[{"ProjectID":"`+p.ID+`","Role":"ProjectOwner"}]`)
		if found := comes(t, s, c, "ada-7", "ada@corp.test"); found.Member.IsOwner() || len(found.Member.ProjectRoles[p.ID]) != 0 {
			t.Errorf("the newcomer is %+v", found.Member)
		}
	})
}

func TestD07_WhatAnUnverifiedUserLeftBehindDies(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		_, c, _ := corp(t, s)
		// Somebody else has made a user with Ada's address, with a password, a session and a link to set another password.
		squatter := aUser(t, s, "ada@corp.test")
		squat := must(s.CreateOrganization(ctx, operator, "squat", squatter.ID))
		aMember(t, s, squat.ID, "other@squat.test", access.OrgOwner)
		_, token, err := s.StartSession(ctx, actorOf(squatter), NewSession{UserID: squatter.ID, Proof: byPassword(t, s, squatter)})
		ok(t, err)
		_, link, err := s.MakeWelcome(ctx, operator, Welcome{Kind: WelcomePassword, UserID: squatter.ID})
		ok(t, err)

		found := comes(t, s, c, "ada-7", "ada@corp.test")
		if found.User.ID != squatter.ID || found.User.HasPassword || found.User.EmailVerifiedAt == nil {
			t.Errorf("the user is %+v", found.User)
		}
		_, _, err = s.Session(ctx, token)
		isError(t, err, ErrNotFound)
		isError(t, errorOf(s.Welcome(ctx, link)), ErrNotFound)
		if _, hash, err := s.PasswordHash(ctx, address("ada@corp.test")); hash != "" || err != nil {
			t.Error("the password lives on")
		}
		if n := count(t, s, "events WHERE action = ?", audit.UserLeftoversRemoved); n != 1 {
			t.Errorf("%d events tell of it", n)
		}
		// The honest twin: whose address was vouched for before keeps their password, as long as nothing requires otherwise.
		honest := aMember(t, s, c.OrganizationID, "bob@corp.test", access.OrgMember)
		behind(t, s, "UPDATE users SET email_verified_at = created_at WHERE id = ?", honest.UserID)
		if found := comes(t, s, c, "bob-1", "bob@corp.test"); !found.User.HasPassword {
			t.Error("a verified user lost their password")
		}
	})
}

// Whoever runs an organization's identity provider, and has proved a domain, must not lock another organization out.
func TestD14_ForeignIdentityProviderTakesNoLastOwner(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		acme, ada := anOrganization(t, s, "acme")
		evil := must(s.CreateOrganization(ctx, operator, "evil", aUser(t, s, "eve@evil.test").ID))
		aVerifiedDomain(t, s, evil.ID, "acme.test")
		c := aConnection(t, s, evil.ID)
		aSession(t, s, ada, byPassword(t, s, ada))

		login, identity := arrived(t, s, c, "whoever", "owner@acme.test")
		_, refusal, err := s.ResolvePerson(ctx, operator, identity, login.ID)
		ok(t, err)
		if refusal == nil || refusal.Reason != trust.ReasonAddressTaken {
			t.Errorf("refused with %v", refusal)
		}
		if hashOf(t, s, ada) == "" || len(must(s.SessionsOf(ctx, ada.ID))) != 1 {
			t.Error("the last owner lost what lets them in")
		}
		if n := count(t, s, "identities") + count(t, s, "members WHERE organization_id = ? AND user_id = ?", evil.ID, ada.ID); n != 0 {
			t.Error("the refused became somebody")
		}
		for organization, want := range map[string]int64{acme.ID: 1, evil.ID: 0} {
			if n := count(t, s, "events WHERE organization_id = ? AND severity = ? AND reason = 'asserted_by_another_organization'", organization, audit.High); n != want {
				t.Errorf("%d loud events in %s, want %d", n, organization, want)
			}
		}
		// The honest twin: acme has another owner who can sign in.
		aMember(t, s, acme.ID, "second@acme.test", access.OrgOwner)
		if found := comes(t, s, c, "whoever", "owner@acme.test"); found.User.ID != ada.ID || found.User.HasPassword {
			t.Errorf("let in as %+v", found.User)
		}
	})
}

func TestPasswordOfTheCoveredEndsWhenLinked(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		_, c, _ := corp(t, s)
		verified := func(email string, roles ...access.Role) Member {
			m := aMember(t, s, c.OrganizationID, email, roles...)
			behind(t, s, "UPDATE users SET email_verified_at = created_at WHERE id = ?", m.UserID)
			return m
		}
		behind(t, s, "UPDATE sign_in_policies SET enforcement = ?", access.EnforceDomain)
		verified("ada@corp.test", access.OrgMember)
		if comes(t, s, c, "ada-7", "ada@corp.test").User.HasPassword {
			t.Error("an employee keeps the password although single sign-on is required")
		}
		verified("olga@corp.test", access.OrgOwner)
		if !comes(t, s, c, "olga-1", "olga@corp.test").User.HasPassword {
			t.Error("an owner has lost the way in for an emergency")
		}
		elsewhere := verified("eve@corp.test", access.OrgMember)
		must(s.CreateOrganization(t.Context(), operator, "eves", elsewhere.UserID))
		if !comes(t, s, c, "eve-1", "eve@corp.test").User.HasPassword {
			t.Error("the only owner of another organization has lost their way in there")
		}
	})
}

func TestS50_ForeignAssertionIsToldToTheDomainsOwner(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		victim, _, _ := corp(t, s)
		o, _ := anOrganization(t, s, "evil")
		c := aConnection(t, s, o.ID)
		login, identity := arrived(t, s, c, "ada-7", "ada@corp.test")
		_, refusal, err := s.ResolvePerson(ctx, operator, identity, login.ID)
		ok(t, err)
		if refusal == nil || refusal.Reason != trust.ReasonDomainNotVerified {
			t.Fatalf("got %v", refusal)
		}
		for name, scope := range map[string]*Scope{"who asserted": s.In(o.ID), "whose domain it is": victim} {
			if events := must(scope.Events(ctx, EventFilter{Action: string(audit.LoginRefused)})); len(events) != 1 {
				t.Errorf("%s: %d events, want 1", name, len(events))
			}
		}
	})
}

func TestOneOfManyNewSubjectsGetsTheAddress(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := context.WithoutCancel(t.Context())
		_, c, _ := corp(t, s)
		logins, identities := make([]Login, 8), make([]trust.Identity, 8)
		for i := range logins {
			logins[i], identities[i] = arrived(t, s, c, fmt.Sprint("ada-", i), "ada@corp.test")
		}
		made := 0
		for i, err := range atOnce(8, func(i int) error {
			_, refusal, err := s.ResolvePerson(ctx, operator, identities[i], logins[i].ID)
			if refusal != nil {
				return refusal
			}
			return err
		}) {
			var refusal *trust.Refusal
			switch {
			case err == nil:
				made++
			case !errors.As(err, &refusal) || refusal.Reason != trust.ReasonAddressTaken:
				t.Errorf("login %d: %v", i, err)
			}
		}
		if n := count(t, s, "identities"); made != 1 || n != 1 {
			t.Errorf("%d were let in and %d subjects linked, want 1", made, n)
		}
		// The same subject many times at once is one person.
		for i := range logins {
			logins[i], identities[i] = arrived(t, s, c, "bob", "bob@corp.test")
		}
		for _, err := range atOnce(8, func(i int) error {
			_, refusal, err := s.ResolvePerson(ctx, operator, identities[i], logins[i].ID)
			if refusal != nil {
				return refusal
			}
			return err
		}) {
			ok(t, err)
		}
		if n := count(t, s, "users WHERE canonical_email = 'bob@corp.test'"); n != 1 {
			t.Errorf("one person became %d users", n)
		}
	})
}

func TestALoginEndsOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		_, c, _ := corp(t, s)
		login, identity := arrived(t, s, c, "ada-7", "ada@corp.test")
		_, refusal, err := s.ResolvePerson(t.Context(), operator, identity, login.ID)
		ok(t, err)
		if refusal != nil {
			t.Fatal(refusal)
		}
		_, _, err = s.ResolvePerson(t.Context(), operator, identity, login.ID)
		isError(t, err, ErrConflict)
		if _, _, err := s.ResolvePerson(t.Context(), operator, trust.Identity{}, login.ID); err == nil {
			t.Error("nobody was resolved")
		}
	})
}

// tested takes a test login of the owner's to its end.
func tested(t *testing.T, s *Store, c Connection, owner User, subject, email string) error {
	t.Helper()
	login, identity := arrived(t, s, c, subject, email, func(n *NewLogin) {
		n.Kind, n.OwnerID, n.OwnerSession = TestLogin, owner.ID, "ses_x"
	})
	return s.LinkOwner(t.Context(), actorOf(owner), identity, login, nil)
}

func TestTestLoginLinksItsOwner(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		c := aDraft(t, s, o.ID)
		ok(t, tested(t, s, c, owner, "olga", "owner@acme.test"))
		if links := must(s.In(o.ID).Identities(ctx, owner.ID)); len(links) != 1 || links[0].Subject != "olga" || links[0].LinkedBy != LinkedByTest {
			t.Errorf("the links are %+v", links)
		}
		if must(s.In(o.ID).Connection(ctx, c.ID)).TestedAt == nil {
			t.Error("the connection does not count as tested")
		}
		ok(t, tested(t, s, c, owner, "olga", "owner@acme.test")) // again, and she is linked already
		if user := must(s.User(ctx, owner.ID)); !user.HasPassword {
			t.Error("the owner has lost the password")
		}
		if n := count(t, s, "sessions"); n != 0 {
			t.Error("a test opened a session")
		}
	})
}

func TestTestLoginOfSomebodyElseIsRefused(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, owner := corp(t, s) // the owner is owner@corp.test, on the verified domain
		comes(t, s, c, "bob-1", "bob@corp.test")
		member := aMember(t, s, c.OrganizationID, "carol@guest.test", access.OrgMember)
		for name, row := range map[string]struct {
			owner          User
			subject, email string
		}{
			"somebody else's subject":          {owner, "bob-1", "owner@corp.test"},
			"a colleague's address":            {owner, "new-1", "carol@guest.test"},
			"a test by somebody who is member": {User{ID: member.UserID}, "new-3", "carol@guest.test"},
			"a test by a stranger":             {User{ID: "usr_00000000000000000000000000"}, "new-4", "owner@corp.test"},
		} {
			var refusal *trust.Refusal
			if err := tested(t, s, c, row.owner, row.subject, row.email); !errors.As(err, &refusal) || refusal.Reason != trust.ReasonTestOwner {
				t.Errorf("%s: got %v, want %s", name, err, trust.ReasonTestOwner)
			}
		}
		if n := count(t, s, "identities WHERE user_id = ?", owner.ID); n != 0 || must(scope.Connection(ctx, c.ID)).TestedAt != nil {
			t.Error("a refused test linked somebody")
		}
		if n := count(t, s, "events WHERE action = ?", audit.LoginTestRefused); n != 4 {
			t.Errorf("%d events tell of refused tests, want 4", n)
		}
		// The caller's own judgement is recorded as well.
		login, identity := arrived(t, s, c, "olga", "owner@corp.test", func(n *NewLogin) { n.Kind, n.OwnerID = TestLogin, owner.ID })
		if err := s.LinkOwner(ctx, actorOf(owner), identity, login, trust.Refuse(trust.ReasonTestOwner, "a", "b")); err == nil {
			t.Error("the caller's refusal was overruled")
		}
		// A real login's identity links nobody by this way.
		login, identity = arrived(t, s, c, "olga", "owner@corp.test")
		if err := s.LinkOwner(ctx, actorOf(owner), identity, login, nil); err == nil {
			t.Error("a real login counted as a test")
		}
		ok(t, tested(t, s, c, owner, "olga", "owner@corp.test"))
	})
}

// Whoever arrives by another address than the owner's may be a colleague at the owner's computer: only the owner's own word links them.
func TestATestByAnotherAddressLinksNobodyUntilTheOwnerSays(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, owner := corp(t, s)
		second := aMember(t, s, c.OrganizationID, "second@corp.test", access.OrgOwner)
		run := func(subject, email string) (login string) {
			t.Helper()
			ok(t, tested(t, s, c, owner, subject, email))
			return must(scope.Logins(ctx, LoginFilter{}))[0].ID
		}
		links := func() int64 { return count(t, s, "identities") }
		precondition := func() bool {
			return must(scope.EnforcementPreview(ctx, access.EnforceDomain, owner.ID)).Preconditions[2].Met
		}
		login := run("olga-2", "olga@other.test")
		if got := must(scope.Login(ctx, login)); got.Outcome != OutcomeTestedUnlinked || links() != 0 || precondition() || must(scope.Connection(ctx, c.ID)).TestedAt == nil {
			t.Errorf("the test came to %q with %d links", got.Outcome, links())
		}
		// Nobody else's word counts, nor does it for another login or in another organization.
		isError(t, scope.LinkSubject(ctx, audit.Actor{Kind: audit.User, ID: second.UserID}, login), ErrNotFound)
		isError(t, s.In("org_00000000000000000000000000").LinkSubject(ctx, actorOf(owner), login), ErrNotFound)
		real, _ := arrived(t, s, c, "olga-3", "olga@other.test")
		isError(t, scope.LinkSubject(ctx, actorOf(owner), real.ID), ErrNotFound)

		var refused *Invalid
		later(s, LinkWithin+time.Second)
		if err := scope.LinkSubject(ctx, actorOf(owner), login); !errors.As(err, &refused) || links() != 0 {
			t.Errorf("a test of long ago: %v", err)
		}
		login = run("olga-2", "")
		later(s, LinkWithin-time.Minute)
		ok(t, scope.LinkSubject(ctx, actorOf(owner), login)) // the honest twin
		if got := must(scope.Identities(ctx, owner.ID)); len(got) != 1 || got[0].Subject != "olga-2" || got[0].LinkedBy != LinkedByTest || !precondition() {
			t.Errorf("the owner's word made %+v", got)
		}
		isError(t, scope.LinkSubject(ctx, actorOf(owner), login), ErrNotFound) // once
		if got := must(scope.Login(ctx, login)); got.Outcome != OutcomeTested || count(t, s, "logins WHERE id = ? AND sealed_identity IS NOT NULL", login) != 0 {
			t.Errorf("the test is %q", got.Outcome)
		}
	})
}

func TestNobodyCallsASubjectTheirOwnThatHasBecomeAnothers(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, owner := corp(t, s)
		var refused *Invalid
		for _, row := range []struct {
			subject string
			happens func()
		}{
			{"dora", func() { comes(t, s, c, "dora", "dora@corp.test") }},
			{"elsa", func() { aMember(t, s, c.OrganizationID, "elsa@corp.test", access.OrgMember) }},
			{"fred", func() { // whom the owner might be, if they were one still
				aMember(t, s, c.OrganizationID, "second@corp.test", access.OrgOwner)
				m := must(scope.MemberOf(ctx, owner.ID))
				ok(t, scope.SetMemberRoles(ctx, operator, m.ID, m.Version, []access.Role{access.OrgMember}))
			}},
		} {
			ok(t, tested(t, s, c, owner, row.subject, row.subject+"@corp.test"))
			login := must(scope.Logins(ctx, LoginFilter{}))[0].ID
			row.happens()
			if err := scope.LinkSubject(ctx, actorOf(owner), login); !errors.As(err, &refused) {
				t.Errorf("%s: %v", row.subject, err)
			}
		}
		if n := count(t, s, "identities WHERE user_id = ?", owner.ID); n != 0 {
			t.Errorf("%d subjects were linked", n)
		}
	})
}

func TestPeekLoginKnowsWhoArrives(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		_, c, _ := corp(t, s)
		bob := comes(t, s, c, "bob-1", "bob@corp.test")
		member := aMember(t, s, c.OrganizationID, "carol@corp.test", access.OrgMember)
		for email, row := range map[string]struct{ subject, user string }{
			"bob@corp.test": {"bob-1", bob.User.ID}, "carol@corp.test": {"carol-1", member.UserID}, "dora@corp.test": {"dora-1", ""}, "owner@corp.test.evil.test": {"x", ""},
		} {
			flow := secret.NewToken()
			a := acceptance(begun(t, s, c, flow), arriving(t, s, c, row.subject, email), s.Now())
			ok(t, s.AcceptLogin(t.Context(), a))
			if login := must(s.PeekLogin(t.Context(), a.Code, flow)); login.UserID != row.user {
				t.Errorf("%s: %q arrives, want %q", email, login.UserID, row.user)
			}
		}
		later(s, time.Second)
	})
}
