package store

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

func aServiceAccount(t *testing.T, s *Store, organization, name string, roles ...access.Role) (ServiceAccount, secret.Token) {
	t.Helper()
	account, text, err := s.In(organization).CreateServiceAccount(t.Context(), operator, name, roles)
	ok(t, err)
	return account, text
}

// lets says whether the text is a live token of the service account, by what a check reads.
func lets(t *testing.T, s *Store, id string, text secret.Token) bool {
	t.Helper()
	a, err := s.ServiceAccountByID(t.Context(), id)
	if errors.Is(err, ErrNotFound) {
		return false
	}
	ok(t, err)
	return slices.ContainsFunc(a.Secrets, func(one KeySecret) bool {
		return hmac.Equal(one.Hash, secret.HashKey(s.Pepper(one.PepperVersion), text.Reveal()))
	})
}

func TestServiceAccountLife(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		p := aProject(t, s, o.ID, owner)
		last := must(s.LastChange(ctx))
		account, first, err := scope.CreateServiceAccount(ctx, actorOf(owner), " deploy ", []access.Role{access.OrgMember, access.OrgManager, access.OrgMember})
		ok(t, err)
		suffix, err := secret.ParseServiceAccountText(first.Reveal())
		if err != nil || "sva_"+suffix != account.ID || account.Name != "deploy" || account.CreatedByName != owner.Name || len(account.Tokens) != 1 ||
			!slices.Equal(account.Roles, []access.Role{access.OrgManager, access.OrgMember}) {
			t.Fatalf("made %+v, %v", account, err)
		}
		ok(t, scope.ChangeServiceAccount(ctx, operator, account.ID, 1, "ship", []access.Role{access.OrgMember}))
		ok(t, scope.ChangeServiceAccount(ctx, operator, account.ID, 2, "ship", []access.Role{access.OrgMember})) // as it is
		ok(t, scope.SetServiceAccountProjectRoles(ctx, operator, p.ID, account.ID, 2, []access.Role{access.ProjectViewer, access.ProjectOwner}))
		a := must(s.ServiceAccountByID(ctx, account.ID))
		slices.Sort(a.ProjectRoles[p.ID])
		if a.Name != "ship" || a.OrganizationID != o.ID || a.OrganizationSuspended || !slices.Equal(a.Roles, []access.Role{access.OrgMember}) ||
			!slices.Equal(a.ProjectRoles[p.ID], []access.Role{access.ProjectOwner, access.ProjectViewer}) || len(a.ProjectRoles) != 1 {
			t.Errorf("a check reads %+v", a)
		}
		rotated, second, err := scope.RotateServiceAccount(ctx, operator, account.ID, 3, time.Hour)
		ok(t, err)
		if len(rotated.Tokens) != 2 || rotated.Tokens[0].EndsAt != nil || rotated.Tokens[1].EndsAt == nil || !lets(t, s, account.ID, first) || !lets(t, s, account.ID, second) {
			t.Errorf("rotated, it is %+v", rotated)
		}
		ok(t, s.RecordTokenUses(ctx, []TokenUse{{account.ID, 2, s.Now()}, {"sva_00000000000000000000000000", 1, s.Now()}}))
		listed := must(scope.ServiceAccounts(ctx))
		if len(listed) != 1 || listed[0].Tokens[0].UsedAt == nil || listed[0].Tokens[1].UsedAt != nil || !slices.Equal(slices.Collect(maps.Keys(listed[0].ProjectRoles)), []string{p.ID}) {
			t.Errorf("the list is %+v", listed)
		}
		later(s, time.Hour)
		if lets(t, s, account.ID, first) || !lets(t, s, account.ID, second) {
			t.Error("after the overlap the first token still opens, or the second does not")
		}
		_, third, err := scope.RotateServiceAccount(ctx, operator, account.ID, 4, 0)
		ok(t, err)
		if lets(t, s, account.ID, second) || !lets(t, s, account.ID, third) {
			t.Error("without an overlap the token before still opens")
		}
		ok(t, s.SuspendOrganization(ctx, operator, o.ID))
		if !must(s.ServiceAccountByID(ctx, account.ID)).OrganizationSuspended {
			t.Error("the organization's suspension does not show")
		}
		ok(t, scope.DeleteServiceAccount(ctx, operator, account.ID, 5))
		if lets(t, s, account.ID, third) || count(t, s, "role_bindings WHERE principal_id = ?", account.ID) != 0 || count(t, s, "service_account_tokens") != 0 {
			t.Error("a deleted service account is not gone")
		}
		want := slices.Repeat([]string{"service_account " + account.ID}, 6)
		if kinds := slices.DeleteFunc(told(t, s, last), func(c string) bool { return strings.HasPrefix(c, "organization") }); !slices.Equal(kinds, want) {
			t.Errorf("told %v", kinds)
		}
		for action, want := range map[audit.Action]string{
			audit.ServiceAccountCreated:             "Name of owner@acme.test created the service account “deploy” as “Organization manager, Organization member”.",
			audit.ServiceAccountChanged:             "The operator Grace changed the service account “deploy”.",
			audit.ServiceAccountProjectRolesChanged: "The operator Grace changed the roles of the service account “ship” in project “Search” to “Project owner, Project viewer”.",
			audit.ServiceAccountRotated:             "The operator Grace rotated the token of the service account “ship”.",
			audit.ServiceAccountDeleted:             "The operator Grace deleted the service account “ship”.",
		} {
			if got := lastEvents(t, s, o.ID, action)[0].Sentence(); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
	})
}

func TestServiceAccountsRefuse(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		other, _ := anOrganization(t, s, "evil")
		scope, foreign := s.In(o.ID), s.In(other.ID)
		p := aProject(t, s, o.ID, owner)
		account, _ := aServiceAccount(t, s, o.ID, "deploy", access.OrgMember)
		member := []access.Role{access.OrgMember}
		for field, err := range map[string]error{
			"name":    errorsOf(scope.CreateServiceAccount(ctx, operator, " ", member)),
			"roles":   errorsOf(scope.CreateServiceAccount(ctx, operator, "x", nil)),
			"roles ":  errorsOf(scope.CreateServiceAccount(ctx, operator, "x", []access.Role{access.ProjectOwner})),
			"name ":   errorsOf(scope.CreateServiceAccount(ctx, operator, "deploy", member)),
			"overlap": errorsOf(scope.RotateServiceAccount(ctx, operator, account.ID, 1, 31*day)),
			"roles  ": scope.SetServiceAccountProjectRoles(ctx, operator, p.ID, account.ID, 1, []access.Role{access.OrgOwner}),
		} {
			hasProblem(t, err, strings.TrimSpace(field))
		}
		aServiceAccount(t, s, other.ID, "deploy", access.OrgMember) // names are each organization's own
		for name, err := range map[string]error{
			"read":    errorOf(foreign.ServiceAccount(ctx, account.ID)),
			"change":  foreign.ChangeServiceAccount(ctx, operator, account.ID, 1, "x", member),
			"rotate":  errorsOf(foreign.RotateServiceAccount(ctx, operator, account.ID, 1, 0)),
			"project": foreign.SetServiceAccountProjectRoles(ctx, operator, p.ID, account.ID, 1, nil),
			"delete":  foreign.DeleteServiceAccount(ctx, operator, account.ID, 1),
			"by id":   errorOf(s.ServiceAccountByID(ctx, "sva_00000000000000000000000000")),
			"foreign project": func() error {
				mine, _ := aServiceAccount(t, s, other.ID, "x", access.OrgMember)
				return foreign.SetServiceAccountProjectRoles(ctx, operator, p.ID, mine.ID, 1, []access.Role{access.ProjectOwner})
			}(),
		} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: got %v, want ErrNotFound", name, err)
			}
		}
		for name, err := range map[string]error{
			"change":  scope.ChangeServiceAccount(ctx, operator, account.ID, 2, "x", member),
			"rotate":  errorsOf(scope.RotateServiceAccount(ctx, operator, account.ID, 2, 0)),
			"project": scope.SetServiceAccountProjectRoles(ctx, operator, p.ID, account.ID, 2, nil),
			"delete":  scope.DeleteServiceAccount(ctx, operator, account.ID, 2),
		} {
			if !errors.Is(err, ErrConflict) {
				t.Errorf("%s of another version: got %v, want ErrConflict", name, err)
			}
		}
		ok(t, s.SetPlan(ctx, operator, o.ID, access.Starter))
		var not *NotEntitled
		if err := errorsOf(scope.CreateServiceAccount(ctx, operator, "y", member)); !errors.As(err, &not) || not.Entitlement != access.EntitledServiceAccounts {
			t.Errorf("a plan without service accounts: %v", err)
		}
	})
}

func errorsOf[A, B any](_ A, _ B, err error) error { return err }

// TestD14_AServiceAccountIsNoLastOwner: it may hold the role, but an owner is a person who can sign in.
func TestD14_AServiceAccountIsNoLastOwner(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		aServiceAccount(t, s, o.ID, "deploy", access.OrgOwner)
		m := must(s.In(o.ID).MemberOf(t.Context(), owner.ID))
		isError(t, s.In(o.ID).RemoveMember(t.Context(), operator, m.ID, m.Version), ErrLastOwner)
		isError(t, s.In(o.ID).SetMemberRoles(t.Context(), operator, m.ID, m.Version, []access.Role{access.OrgMember}), ErrLastOwner)
	})
}

// TestD16_KeysOfAServiceAccountThatIsGoneStop: those that it answers for, and no independent ones.
func TestD16_KeysOfAServiceAccountThatIsGoneStop(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		account, _ := aServiceAccount(t, s, o.ID, "deploy", access.OrgManager)
		p, err := scope.CreateProject(ctx, operator, "Search", access.Serverless, account.ID)
		ok(t, err)
		own, _ := aKey(t, s, p, User{ID: account.ID}, "own", access.ProjectEditor)
		handed, _ := aKey(t, s, p, User{ID: account.ID}, "handed over", access.ProjectEditor)
		ok(t, scope.HandOverAPIKey(ctx, operator, p.ID, handed.ID, 1, true))
		k := must(s.KeyByID(ctx, own.ID))
		if k.CreatorKind != "service_account" || k.CreatorID != account.ID || k.CreatorMemberID != "" || k.CreatorGone || k.CreatorSuspended ||
			!slices.Equal(k.CreatorOrganizationRoles, []access.Role{access.OrgManager}) || !slices.Equal(k.CreatorProjectRoles, []access.Role{access.ProjectOwner}) {
			t.Fatalf("a check reads %+v", k)
		}
		if listed := must(scope.APIKey(ctx, p.ID, own.ID)); listed.CreatorName != "deploy" || listed.CreatorKind != "service_account" {
			t.Errorf("the list shows %+v", listed)
		}
		if n := must(scope.CountAPIKeysOf(ctx, account.ID)); n != 1 {
			t.Errorf("it answers for %d keys, want 1", n)
		}
		ok(t, scope.SetServiceAccountProjectRoles(ctx, operator, p.ID, account.ID, 1, []access.Role{access.ProjectViewer}))
		if k = must(s.KeyByID(ctx, own.ID)); !slices.Equal(k.CreatorProjectRoles, []access.Role{access.ProjectViewer}) {
			t.Errorf("a role taken away is still there: %+v", k)
		}
		ok(t, scope.DeleteServiceAccount(ctx, operator, account.ID, 2))
		if k = must(s.KeyByID(ctx, own.ID)); !k.CreatorGone || k.Independent || len(k.CreatorOrganizationRoles)+len(k.CreatorProjectRoles) != 0 {
			t.Errorf("after its creator has gone a check reads %+v", k)
		}
		if k = must(s.KeyByID(ctx, handed.ID)); !k.CreatorGone || !k.Independent {
			t.Errorf("a key that was handed over reads %+v", k)
		}
		hasProblem(t, scope.HandOverAPIKey(ctx, operator, p.ID, handed.ID, 2, false), "independent")
		// Nobody makes a key for whoever is not there: gone, of another organization, a stranger.
		other, stranger := anOrganization(t, s, "evil")
		foreign, _ := aServiceAccount(t, s, other.ID, "deploy", access.OrgOwner)
		expires := s.Now().AddDate(0, 0, 1)
		for _, creator := range []string{account.ID, foreign.ID, stranger.ID, "", "nobody"} {
			_, _, err := scope.CreateAPIKey(ctx, operator, NewAPIKey{ProjectID: p.ID, Name: "for " + creator, Roles: []access.Role{access.ProjectEditor}, ExpiresAt: &expires, CreatorID: creator})
			isError(t, err, ErrNotFound)
			_, err = scope.CreateProject(ctx, operator, "of "+creator, access.Serverless, creator)
			isError(t, err, ErrNotFound)
		}
		aKey(t, s, p, owner, "the honest twin", access.ProjectEditor)
	})
}

// Two who change one service account at once: one is told, and nothing is half done.
func TestChangingAServiceAccountIsOneAtATime(t *testing.T) {
	for name, second := range map[string]func(ctx context.Context, c *Scope, id string) error{
		"rotate": func(ctx context.Context, c *Scope, id string) error {
			return errorsOf(c.RotateServiceAccount(ctx, operator, id, 1, day))
		},
		"change": func(ctx context.Context, c *Scope, id string) error {
			return c.ChangeServiceAccount(ctx, operator, id, 1, "other", []access.Role{access.OrgOwner})
		},
		"delete": func(ctx context.Context, c *Scope, id string) error {
			return c.DeleteServiceAccount(ctx, operator, id, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachOrder(t, func(t *testing.T, nodes [2]*Store, both func(a, b func() error) (error, error)) {
				ctx := context.WithoutCancel(t.Context())
				s := nodes[0]
				o, _ := anOrganization(t, s, "acme")
				account, _ := aServiceAccount(t, s, o.ID, "deploy", access.OrgMember)
				a, b := both(
					func() error { return errorsOf(s.In(o.ID).RotateServiceAccount(ctx, operator, account.ID, 1, day)) },
					func() error { return second(ctx, nodes[1].In(o.ID), account.ID) })
				if (a == nil) == (b == nil) {
					t.Fatalf("rotating said %v, the other %v: one has to win", a, b)
				}
				for _, err := range []error{a, b} {
					if err != nil && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound) {
						t.Error(err)
					}
				}
				if bindings := count(t, s, "role_bindings WHERE principal_id = ?", account.ID); fmt.Sprint(name, b) == "delete<nil>" && bindings != 0 {
					t.Errorf("%d roles of nobody are left", bindings)
				}
			})
		})
	}
}

// Roles in a project that ends at the same time end with it.
func TestNoRolesAreLeftInAProjectThatEnds(t *testing.T) {
	eachOrder(t, func(t *testing.T, nodes [2]*Store, both func(a, b func() error) (error, error)) {
		ctx := context.WithoutCancel(t.Context())
		s := nodes[0]
		o, owner := anOrganization(t, s, "acme")
		p := aProject(t, s, o.ID, owner)
		account, _ := aServiceAccount(t, s, o.ID, "deploy", access.OrgMember)
		given, deleted := both(
			func() error {
				return s.In(o.ID).SetServiceAccountProjectRoles(ctx, operator, p.ID, account.ID, 1, []access.Role{access.ProjectViewer})
			},
			func() error { return nodes[1].In(o.ID).DeleteProject(ctx, operator, p.ID, p.Version) })
		ok(t, deleted)
		if given != nil && !errors.Is(given, ErrNotFound) {
			t.Error(given)
		}
		if n := count(t, s, "role_bindings WHERE scope_id = ?", p.ID); n != 0 {
			t.Errorf("%d roles in a project that has ended", n)
		}
	})
}
