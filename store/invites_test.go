package store

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// invited is an organization whose owner has invited grace@guest.test.
type invited struct {
	*testing.T
	s     *Store
	o     Organization
	owner User
	Invite
	token secret.Token
}

func anInvite(t *testing.T, s *Store, roles ...access.Role) invited {
	t.Helper()
	i := invited{T: t, s: s}
	i.o, i.owner = anOrganization(t, s, "acme")
	if len(roles) == 0 {
		roles = []access.Role{access.OrgMember}
	}
	i.Invite, i.token = i.send("Grace@guest.test", roles...)
	return i
}

func (i invited) scope() *Scope { return i.s.In(i.o.ID) }

func (i invited) send(email string, roles ...access.Role) (Invite, secret.Token) {
	i.Helper()
	invite, token, err := i.scope().CreateInvite(i.Context(), actorOf(i.owner), NewInvite{Address: address(email), Roles: roles})
	ok(i.T, err)
	return invite, token
}

// grace is who accepts as somebody new.
var grace = Acceptance{Name: "Grace", PasswordHash: "hash"}

func (i invited) spend(token secret.Token) error {
	_, _, err := i.s.SpendInvite(i.Context(), audit.Gatehouse(audit.Request{}), token, grace)
	return err
}

// void fails unless the link opens nothing, and unless what is not void stays as it is.
func (i invited) void(why string) {
	i.Helper()
	if _, _, err := i.s.InviteOf(i.Context(), i.token); !errors.Is(err, ErrNotFound) {
		i.Errorf("%s: the link still opens: %v", why, err)
	}
	if err := i.spend(i.token); !errors.Is(err, ErrNotFound) {
		i.Errorf("%s: the link was spent: %v", why, err)
	}
	if n := count(i.T, i.s, "users WHERE canonical_email = 'grace@guest.test'"); n != 0 {
		i.Errorf("%s: a user was made", why)
	}
}

func TestD09_InviteMakesAMemberWithItsRolesAndNoMore(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		p, err := scope.CreateProject(t.Context(), actorOf(owner), "Search", access.Serverless, owner.ID)
		ok(t, err)
		invite, token, err := scope.CreateInvite(t.Context(), actorOf(owner), NewInvite{Address: address("Grace@guest.test"),
			Roles: []access.Role{access.OrgMember, access.OrgBillingAdmin}, ProjectRoles: []ProjectRole{{p.ID, access.ProjectViewer}}})
		ok(t, err)
		if n := count(t, s, "invites WHERE token_hash = ?", []byte(token.Reveal())); n != 0 || invite.State(s.Now()) != InviteOpen {
			t.Errorf("%d invites keep their token, state %s", n, invite.State(s.Now()))
		}
		m := onlyLetterTo(t, taken(t, s), "Grace@guest.test")
		if m.Kind != MailInvite || m.Letter.Token().Reveal() == token.Reveal() || m.Letter.Inviter != owner.Name || m.Letter.Organization != "acme" {
			t.Errorf("the mail: %+v", m)
		}
		user, joined, err := s.SpendInvite(t.Context(), audit.Gatehouse(audit.Request{}), token, grace)
		ok(t, err)
		member, err := scope.MemberOf(t.Context(), user.ID)
		ok(t, err)
		if joined.ID != o.ID || user.Name != "Grace" || user.Email != "Grace@guest.test" || user.EmailVerifiedAt != nil ||
			!slices.Equal(member.Roles, []access.Role{access.OrgMember, access.OrgBillingAdmin}) || !slices.Equal(member.ProjectRoles[p.ID], []access.Role{access.ProjectViewer}) {
			t.Errorf("joined as %+v, %+v", user, member)
		}
		bindings := must(scope.RoleBindings(t.Context(), RoleBindingFilter{PrincipalID: user.ID}))
		for _, b := range bindings {
			if b.Origin != "invite "+invite.ID {
				t.Errorf("%s comes from %q", b.Role, b.Origin)
			}
		}
		after := must(scope.Invite(t.Context(), invite.ID))
		if after.State(s.Now()) != InviteAccepted || after.AcceptedBy != user.ID || len(bindings) != 3 {
			t.Errorf("afterwards %+v, %d bindings", after, len(bindings))
		}
	})
}

func TestW32_InviteIsSpentOnce(t *testing.T) {
	eachAddress(t, func(t *testing.T, database string) {
		options := Options{Database: database, MasterKey: masterKey(t)}
		nodes := []*Store{opened(t, options), opened(t, options)}
		i := anInvite(t, nodes[0])
		spent := 0
		for _, err := range atOnce(100, func(n int) error {
			_, _, err := nodes[n%2].SpendInvite(t.Context(), audit.Gatehouse(audit.Request{}), i.token, grace)
			return err
		}) {
			if err == nil {
				spent++
			} else if !errors.Is(err, ErrNotFound) {
				t.Error(err)
			}
		}
		if members := count(t, nodes[0], "members"); spent != 1 || members != 2 {
			t.Errorf("spent %d times, %d members with the owner", spent, members)
		}
	})
}

func TestD09_InviteIsVoid(t *testing.T) {
	const day = 24 * time.Hour
	change := func(i invited, do func(Member) error) {
		member := must(i.scope().MemberOf(i.Context(), i.owner.ID))
		ok(i.T, do(member))
	}
	for why, end := range map[string]func(i invited){
		"after seven days": func(i invited) { later(i.s, 7*day) },
		"revoked":          func(i invited) { ok(i.T, i.scope().RevokeInvite(i.Context(), actorOf(i.owner), i.ID)) },
		"sent again": func(i invited) {
			_, _, err := i.scope().ResendInvite(i.Context(), actorOf(i.owner), i.ID, i.Version)
			ok(i.T, err)
		},
		"the inviter is no owner now": func(i invited) {
			change(i, func(m Member) error {
				return i.scope().SetMemberRoles(i.Context(), operator, m.ID, m.Version, []access.Role{access.OrgManager})
			})
		},
		"the inviter lost the right for a while": func(i invited) {
			change(i, func(m Member) error {
				return i.scope().SetMemberRoles(i.Context(), operator, m.ID, m.Version, []access.Role{access.OrgManager})
			})
			change(i, func(m Member) error {
				return i.scope().SetMemberRoles(i.Context(), operator, m.ID, m.Version, []access.Role{access.OrgOwner})
			})
		},
		"the inviter left": func(i invited) {
			change(i, func(m Member) error { return i.scope().RemoveMember(i.Context(), operator, m.ID, m.Version) })
		},
		"the inviter is suspended": func(i invited) {
			change(i, func(m Member) error { return i.scope().SuspendMember(i.Context(), operator, m.ID, m.Version) })
		},
		"the inviter was suspended and is back": func(i invited) {
			change(i, func(m Member) error { return i.scope().SuspendMember(i.Context(), operator, m.ID, m.Version) })
			later(i.s, time.Second)
			change(i, func(m Member) error { return i.scope().ResumeMember(i.Context(), operator, m.ID, m.Version) })
		},
		"the inviter is suspended everywhere": func(i invited) {
			behind(i.T, i.s, "UPDATE users SET suspended_at = ? WHERE id = ?", i.s.Now(), i.owner.ID)
		},
		"the organization is suspended": func(i invited) { ok(i.T, i.s.SuspendOrganization(i.Context(), operator, i.o.ID)) },
	} {
		t.Run(why, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *Store) {
				i := anInvite(t, s)
				aMember(t, s, i.o.ID, "second@acme.test", access.OrgOwner)
				if _, _, err := s.InviteOf(t.Context(), i.token); err != nil {
					t.Fatalf("the honest twin: %v", err)
				}
				end(i)
				i.void(why)
			})
		})
	}
}

// An invite of a service account ends with its right to invite, for good, as a member's does.
func TestD09_InvitesOfAServiceAccountEndWithItsRight(t *testing.T) {
	change := func(roles ...access.Role) func(i invited, a ServiceAccount) error {
		return func(i invited, a ServiceAccount) error {
			return i.scope().ChangeServiceAccount(i.Context(), operator, a.ID, a.Version, a.Name, roles)
		}
	}
	for name, row := range map[string]struct {
		do   []func(i invited, a ServiceAccount) error
		void bool
	}{
		"renamed":            {[]func(i invited, a ServiceAccount) error{change(access.OrgOwner, access.OrgMember)}, false},
		"no owner":           {[]func(i invited, a ServiceAccount) error{change(access.OrgMember)}, true},
		"no owner, and back": {[]func(i invited, a ServiceAccount) error{change(access.OrgMember), change(access.OrgOwner)}, true},
		"deleted": {[]func(i invited, a ServiceAccount) error{func(i invited, a ServiceAccount) error {
			return i.scope().DeleteServiceAccount(i.Context(), operator, a.ID, a.Version)
		}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *Store) {
				i := anInvite(t, s)
				account, _, err := i.scope().CreateServiceAccount(t.Context(), operator, "hr", []access.Role{access.OrgOwner})
				ok(t, err)
				i.Invite, i.token, err = i.scope().CreateInvite(t.Context(), audit.Actor{Kind: audit.ServiceAccount, ID: account.ID, Name: "hr"},
					NewInvite{Address: address("new@guest.test"), Roles: i.Roles})
				ok(t, err)
				for _, do := range row.do {
					ok(t, do(i, must(i.scope().ServiceAccount(t.Context(), account.ID))))
				}
				now := must(i.scope().Invite(t.Context(), i.ID))
				if (now.State(s.Now()) == InviteRevoked) != row.void {
					t.Errorf("the invite is %s", now.State(s.Now()))
				}
				if row.void {
					i.void(name)
				} else {
					ok(t, i.spend(i.token))
				}
			})
		})
	}
}

// The link that went by mail shows that the address is its reader's; the one that was shown to whoever invites does not. Either is spent with the
// other.
func TestD07_OnlyTheMailedLinkVerifiesTheAddress(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		i := anInvite(t, s)
		first := onlyLetterTo(t, taken(t, s), "Grace@guest.test").Letter.Token()
		ok(t, s.MailInvite(t.Context(), i.token))
		mailed := onlyLetterTo(t, taken(t, s), "Grace@guest.test").Letter.Token()
		isError(t, i.spend(first), ErrNotFound)
		for token, want := range map[secret.Token]bool{mailed: true, i.token: false} {
			if found, _, err := s.InviteOf(t.Context(), token); err != nil || found.Mailed != want {
				t.Errorf("mailed: %v (%v), want %v", found.Mailed, err, want)
			}
		}
		user, _, err := s.SpendInvite(t.Context(), audit.Gatehouse(audit.Request{}), mailed, grace)
		if ok(t, err); user.EmailVerifiedAt == nil {
			t.Error("the mailed link did not verify the address")
		}
		isError(t, i.spend(i.token), ErrNotFound)
		isError(t, s.MailInvite(t.Context(), i.token), ErrNotFound)
		_, copied := i.send("bob@guest.test", access.OrgMember)
		user, _, err = s.SpendInvite(t.Context(), audit.Gatehouse(audit.Request{}), copied, grace)
		if ok(t, err); user.EmailVerifiedAt != nil {
			t.Error("the link that the inviter saw verified the address")
		}
		tallied(t, s, invitesToAddress, "eve@guest.test", invitesToAddress.count-1)
		_, eves := i.send("eve@guest.test", access.OrgMember)
		isError(t, s.MailInvite(t.Context(), eves), ErrTooManyInvitesToOne)
	})
}

// Whoever is suspended, here or everywhere, joins nothing by an invite, and their invite stays unspent.
func TestD16_TheSuspendedAcceptNoInvite(t *testing.T) {
	for name, row := range map[string]struct {
		statement string
		refused   bool
	}{
		"here":       {"UPDATE members SET suspended_at = created_at WHERE user_id = ?", true},
		"everywhere": {"UPDATE users SET suspended_at = created_at WHERE id = ?", true},
		"nowhere":    {"UPDATE users SET updated_at = created_at WHERE id = ?", false},
	} {
		t.Run(name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *Store) {
				i := anInvite(t, s, access.OrgManager)
				known := aMember(t, s, i.o.ID, "grace@guest.test", access.OrgMember)
				behind(t, s, row.statement, known.UserID)
				_, _, err := s.SpendInvite(t.Context(), audit.Gatehouse(audit.Request{}), i.token, Acceptance{UserID: known.UserID})
				invite := must(i.scope().Invite(t.Context(), i.ID))
				manages := slices.Contains(must(i.scope().Member(t.Context(), known.ID)).Roles, access.OrgManager)
				if !row.refused {
					if ok(t, err); !manages || invite.AcceptedAt == nil {
						t.Errorf("the honest twin: %+v", invite)
					}
					return
				}
				if isError(t, err, ErrNotFound); manages || invite.AcceptedAt != nil {
					t.Errorf("manages: %v, %+v", manages, invite)
				}
			})
		})
	}
}

func TestD09_InviteIsForItsAddressAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		i := anInvite(t, s)
		eve := aUser(t, s, "eve@guest.test")
		if _, _, err := s.SpendInvite(t.Context(), actorOf(eve), i.token, Acceptance{UserID: eve.ID}); !errors.Is(err, ErrNotFound) {
			t.Errorf("another user accepted: %v", err)
		}
		known := aUser(t, s, "GRACE@guest.test")
		if err := i.spend(i.token); !errors.Is(err, ErrConflict) {
			t.Errorf("a password for somebody who is known: %v", err)
		}
		user, _, err := s.SpendInvite(t.Context(), actorOf(known), i.token, Acceptance{UserID: known.ID})
		ok(t, err)
		if user.ID != known.ID || count(t, s, "users WHERE password_hash = ? AND id = ?", "hash of GRACE@guest.test", known.ID) != 1 {
			t.Errorf("accepted by %+v, or the password is another", user)
		}
	})
}

func TestD15_WhoMayInviteWhom(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		other, stranger := anOrganization(t, s, "globex")
		foreign, err := s.In(other.ID).CreateProject(t.Context(), actorOf(stranger), "Search", access.Serverless, stranger.ID)
		ok(t, err)
		manager := aMember(t, s, o.ID, "manager@acme.test", access.OrgManager)
		asked := func(actor audit.Actor, n NewInvite) error {
			if n.Address.IsZero() {
				n.Address = address("grace@guest.test")
			}
			_, _, err := s.In(o.ID).CreateInvite(t.Context(), actor, n)
			return err
		}
		member := []access.Role{access.OrgMember}
		for who, actor := range map[string]audit.Actor{
			"a manager": {Kind: audit.User, ID: manager.UserID}, "an owner of another organization": actorOf(stranger),
			"a service account that is none": {Kind: audit.ServiceAccount, ID: owner.ID}, "nobody": {},
		} {
			if err := asked(actor, NewInvite{Roles: member}); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s invited: %v", who, err)
			}
		}
		for what, n := range map[string]NewInvite{
			"no role":                {},
			"a role of projects":     {Roles: []access.Role{access.ProjectOwner}},
			"no role at all":         {Roles: []access.Role{"Emperor"}},
			"another's project":      {Roles: member, ProjectRoles: []ProjectRole{{foreign.ID, access.ProjectViewer}}},
			"an organization's role": {Roles: member, ProjectRoles: []ProjectRole{{foreign.ID, access.OrgOwner}}},
			"a member":               {Roles: member, Address: address("Manager@acme.test")},
		} {
			var problems *Invalid
			if err := asked(actorOf(owner), n); !errors.As(err, &problems) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if n := count(t, s, "invites"); n != 0 {
			t.Fatalf("%d invites", n)
		}
		ok(t, asked(actorOf(owner), NewInvite{Roles: []access.Role{access.OrgOwner}})) // the honest twin
		var problems *Invalid
		if err := asked(actorOf(owner), NewInvite{Roles: member}); !errors.As(err, &problems) {
			t.Errorf("invited twice: %v", err)
		}
		_, err = trust.ParseAddress("a@b@c.test")
		if err == nil {
			t.Error("an address that is none")
		}
	})
}

func TestInvites_AHundredAnHour(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		i := anInvite(t, s)
		for n := range invitesAnHour - 2 {
			i.send(fmt.Sprintf("p%d@guest.test", n), access.OrgMember)
		}
		again, _, err := i.scope().ResendInvite(t.Context(), actorOf(i.owner), i.ID, i.Version)
		ok(t, err)
		if _, _, err := i.scope().CreateInvite(t.Context(), actorOf(i.owner), NewInvite{Address: address("late@guest.test"), Roles: i.Roles}); !errors.Is(err, ErrTooManyInvites) {
			t.Errorf("the 101st: %v", err)
		}
		if _, _, err := i.scope().ResendInvite(t.Context(), actorOf(i.owner), i.ID, again.Version); !errors.Is(err, ErrTooManyInvites) {
			t.Errorf("the 101st, sent again: %v", err)
		}
		later(s, time.Hour+time.Second)
		i.send("late@guest.test", access.OrgMember)
		page, err := i.scope().Invites(t.Context(), InviteFilter{Search: "p1", Limit: 5})
		ok(t, err)
		if found := must(i.scope().CountInvites(t.Context(), InviteFilter{Search: "p1", State: InviteOpen})); len(page) != 5 || found != 11 {
			t.Errorf("%d shown of %d whom the search finds", len(page), found)
		}
		next, err := i.scope().Invites(t.Context(), InviteFilter{Search: "p1", Limit: 5, After: page[4].ID})
		ok(t, err)
		back, err := i.scope().Invites(t.Context(), InviteFilter{Search: "p1", Limit: 5, Before: next[0].ID})
		ok(t, err)
		if next[0].ID >= page[4].ID || back[0].ID != page[0].ID || back[4].ID != page[4].ID {
			t.Error("the pages do not follow each other")
		}
	})
}

func TestInvite_SentAgainIsAnothersWordAndAnotherLink(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		i := anInvite(t, s)
		second := aMember(t, s, i.o.ID, "second@acme.test", access.OrgOwner)
		taken(t, s)
		later(s, 8*24*time.Hour) // it has expired
		_, token, err := i.scope().ResendInvite(t.Context(), audit.Actor{Kind: audit.User, ID: second.UserID, Name: "Second"}, i.ID, i.Version)
		ok(t, err)
		if m := onlyLetterTo(t, taken(t, s), i.Email); m.Letter.Inviter != "Second" || m.Letter.Token().Reveal() == token.Reveal() {
			t.Errorf("the mail: %+v", m)
		}
		if _, _, err := i.scope().ResendInvite(t.Context(), actorOf(i.owner), i.ID, i.Version); !errors.Is(err, ErrConflict) {
			t.Errorf("from a page of before: %v", err)
		}
		i.void("the link of before")
		ok(t, i.spend(token))
		if err := i.scope().RevokeInvite(t.Context(), actorOf(i.owner), i.ID); !errors.Is(err, ErrConflict) {
			t.Errorf("revoked after it was accepted: %v", err)
		}
	})
}

// A member who became one in between gets the roles on top; a suspended one gets nothing (S-52).
func TestInvite_OfAMember(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		i := anInvite(t, s, access.OrgBillingAdmin)
		member := aMember(t, s, i.o.ID, "grace@guest.test", access.OrgMember)
		user := must(s.User(t.Context(), member.UserID))
		ok(t, i.scope().SuspendMember(t.Context(), actorOf(i.owner), member.ID, member.Version))
		if _, _, err := s.SpendInvite(t.Context(), actorOf(user), i.token, Acceptance{UserID: user.ID}); !errors.Is(err, ErrNotFound) {
			t.Errorf("a suspended member accepted: %v", err)
		}
		ok(t, i.scope().ResumeMember(t.Context(), actorOf(i.owner), member.ID, member.Version+1))
		_, _, err := s.SpendInvite(t.Context(), actorOf(user), i.token, Acceptance{UserID: user.ID})
		ok(t, err)
		member = must(i.scope().MemberOf(t.Context(), user.ID))
		if !slices.Equal(member.Roles, []access.Role{access.OrgMember, access.OrgBillingAdmin}) {
			t.Errorf("roles %v", member.Roles)
		}
	})
}

// Changing roles keeps where the others come from.
func TestRoleBindings_KeepTheirOrigin(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		i := anInvite(t, s)
		ok(t, i.spend(i.token))
		user := must(s.UserByAddress(t.Context(), address("grace@guest.test")))
		member := must(i.scope().MemberOf(t.Context(), user.ID))
		ok(t, i.scope().SetMemberRoles(t.Context(), actorOf(i.owner), member.ID, member.Version, []access.Role{access.OrgManager, access.OrgMember}))
		origins := map[access.Role]string{}
		for _, b := range must(i.scope().RoleBindings(t.Context(), RoleBindingFilter{PrincipalID: user.ID})) {
			origins[b.Role] = b.Origin
		}
		if len(origins) != 2 || origins[access.OrgMember] != "invite "+i.ID || origins[access.OrgManager] != "console "+i.owner.ID {
			t.Errorf("origins %v", origins)
		}
	})
}
