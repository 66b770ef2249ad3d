package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

func TestSetKeyPolicy(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		p := aProject(t, s, o.ID, owner)
		if policy := must(scope.KeyPolicy(ctx)); policy != (KeyPolicy{LongestDays: 365, PerProject: 500}) {
			t.Fatalf("without a choice the policy is %+v", policy)
		}
		last := must(s.LastChange(ctx))
		ok(t, scope.SetKeyPolicy(ctx, operator, 0, KeyPolicy{LongestDays: 30, PerProject: 2}))
		if kinds := told(t, s, last); !slices.Equal(kinds, []string{"key_policy " + o.ID}) {
			t.Errorf("told %v", kinds)
		}
		if policy := must(scope.KeyPolicy(ctx)); policy != (KeyPolicy{LongestDays: 30, PerProject: 2, Version: 1}) {
			t.Errorf("the policy is %+v", policy)
		}
		isError(t, scope.SetKeyPolicy(ctx, operator, 0, KeyPolicy{LongestDays: 31, PerProject: 2}), ErrConflict)
		hasProblem(t, scope.SetKeyPolicy(ctx, operator, 1, KeyPolicy{LongestDays: 0, PerProject: 2}), "longest_days")
		hasProblem(t, scope.SetKeyPolicy(ctx, operator, 1, KeyPolicy{LongestDays: 3651, PerProject: 2}), "longest_days")
		hasProblem(t, scope.SetKeyPolicy(ctx, operator, 1, KeyPolicy{LongestDays: 30, PerProject: 0}), "keys_per_project")
		hasProblem(t, scope.SetKeyPolicy(ctx, operator, 1, KeyPolicy{LongestDays: 30, PerProject: 100_001}), "keys_per_project")

		month, more := s.Now().AddDate(0, 0, 30), s.Now().AddDate(0, 0, 31)
		n := NewAPIKey{ProjectID: p.ID, Name: "a", Roles: []access.Role{access.ProjectEditor}, CreatorID: owner.ID}
		_, _, err := scope.CreateAPIKey(ctx, operator, n)
		hasProblem(t, err, "expires")
		n.ExpiresAt = &more
		_, _, err = scope.CreateAPIKey(ctx, operator, n)
		hasProblem(t, err, "expires")
		n.ExpiresAt = &month
		key, _, err := scope.CreateAPIKey(ctx, operator, n)
		ok(t, err)
		_, _, err = scope.RotateAPIKey(ctx, operator, p.ID, key.ID, 1, 0, &more)
		hasProblem(t, err, "expires")

		ok(t, scope.SetKeyPolicy(ctx, operator, 1, KeyPolicy{NeverExpires: true, LongestDays: 30, PerProject: 2}))
		n.Name, n.ExpiresAt = "b", nil
		_, _, err = scope.CreateAPIKey(ctx, operator, n)
		ok(t, err)
		n.Name = "c"
		_, _, err = scope.CreateAPIKey(ctx, operator, n)
		hasProblem(t, err, "") // the project is full, whatever the key
		ok(t, scope.RevokeAPIKey(ctx, operator, p.ID, key.ID))
		n.ExpiresAt = &more
		_, _, err = scope.CreateAPIKey(ctx, operator, n)
		ok(t, err)
		if e := lastEvents(t, s, o.ID, audit.KeyPolicyChanged)[1]; e.Sentence() != "The operator Grace changed the rules for API keys." || len(e.Changes) != 2 || e.Changes[0] != (audit.Change{Field: "longest_days", Before: "365", After: "30"}) {
			t.Errorf("%q %+v", e.Sentence(), e.Changes)
		}
		ok(t, scope.SetKeyPolicy(ctx, operator, 2, KeyPolicy{LongestDays: 30, PerProject: 500}))
		if live := must(s.KeyByID(ctx, key.ID)); live.ExpiresAt == nil || !live.ExpiresAt.Equal(month) {
			t.Error("a policy changed a key that was there")
		}
	})
}

// TestQuotaHoldsUnder100AtOnce: so many keys as the policy allows are made, in whatever order, and those that come too late are told so.
func TestQuotaHoldsUnder100AtOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := context.WithoutCancel(t.Context())
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		p := aProject(t, s, o.ID, owner)
		ok(t, scope.SetKeyPolicy(ctx, operator, 0, KeyPolicy{LongestDays: 365, PerProject: 10}))
		for i := range 7 {
			aKey(t, s, p, owner, fmt.Sprint("before ", i), access.ProjectEditor)
		}
		expires, made := s.Now().AddDate(0, 0, 90), 0
		for _, err := range atOnce(100, func(i int) error {
			_, _, err := scope.CreateAPIKey(ctx, operator, NewAPIKey{ProjectID: p.ID, Name: fmt.Sprint("key ", i), Roles: []access.Role{access.ProjectEditor}, ExpiresAt: &expires, CreatorID: owner.ID})
			return err
		}) {
			var full *Invalid
			switch {
			case err == nil:
				made++
			case !errors.As(err, &full) || !strings.Contains(full.Fields[0].Problem, "as many as this organization allows"):
				t.Error(err)
			}
		}
		if n := count(t, s, "api_keys WHERE project_id = ? AND revoked_at IS NULL", p.ID); made != 3 || n != 10 {
			t.Errorf("%d keys were made of 3 that fit, %d are there", made, n)
		}
	})
}

// The last place, asked for by two at once: without the organization's lock both would find it free. The same for the same name, for a key and
// the policy that leaves no place for it, and for a key in a project that ends.
func TestWhatAKeyIsMadeUnderHoldsWhenItIsThere(t *testing.T) {
	for name, test := range map[string]func(ctx context.Context, other *Scope, p Project, create func() error) error{
		"the last place": func(ctx context.Context, other *Scope, p Project, create func() error) error { return create() },
		"a smaller quota": func(ctx context.Context, other *Scope, _ Project, _ func() error) error {
			return other.SetKeyPolicy(ctx, operator, 1, KeyPolicy{LongestDays: 365, PerProject: 1})
		},
		"the project ends": func(ctx context.Context, other *Scope, p Project, _ func() error) error {
			return other.DeleteProject(ctx, operator, p.ID, p.Version)
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachOrder(t, func(t *testing.T, nodes [2]*Store, both func(a, b func() error) (error, error)) {
				ctx := context.WithoutCancel(t.Context())
				s := nodes[0]
				o, owner := anOrganization(t, s, "acme")
				p := aProject(t, s, o.ID, owner)
				ok(t, s.In(o.ID).SetKeyPolicy(ctx, operator, 0, KeyPolicy{LongestDays: 365, PerProject: 2}))
				aKey(t, s, p, owner, "first", access.ProjectEditor)
				expires := s.Now().AddDate(0, 0, 90)
				create := func(node int) func() error {
					return func() error {
						_, _, err := nodes[node].In(o.ID).CreateAPIKey(ctx, operator, NewAPIKey{ProjectID: p.ID, Name: fmt.Sprint("key ", node), Roles: []access.Role{access.ProjectEditor}, ExpiresAt: &expires, CreatorID: owner.ID})
						return err
					}
				}
				created, second := both(create(0), func() error { return test(ctx, nodes[1].In(o.ID), p, create(1)) })
				live := count(t, s, "api_keys WHERE project_id = ?", p.ID)
				switch name {
				case "the last place":
					if (created == nil) == (second == nil) || live != 2 {
						t.Errorf("%v and %v; %d keys, want 2", created, second, live)
					}
				case "a smaller quota":
					ok(t, second)
					if (created == nil) != (live == 2) {
						t.Errorf("%v; %d keys", created, live)
					}
				default:
					ok(t, second)
					if created != nil && !errors.Is(created, ErrNotFound) || live != 0 {
						t.Errorf("%v; %d keys outlive their project", created, live)
					}
				}
			})
		})
	}
}

// Two who choose at once: the second is told, also where nobody has chosen before.
func TestChoosingAKeyPolicyIsOneAtATime(t *testing.T) {
	eachOrder(t, func(t *testing.T, nodes [2]*Store, both func(a, b func() error) (error, error)) {
		ctx := context.WithoutCancel(t.Context())
		o, _ := anOrganization(t, nodes[0], "acme")
		for version := range int64(2) {
			choose := func(node, days int) func() error {
				return func() error {
					return nodes[node].In(o.ID).SetKeyPolicy(ctx, operator, version, KeyPolicy{LongestDays: days + int(version), PerProject: 500})
				}
			}
			a, b := both(choose(0, 10), choose(1, 20))
			if (a == nil) == (b == nil) || a != nil && !errors.Is(a, ErrConflict) || b != nil && !errors.Is(b, ErrConflict) {
				t.Fatalf("from version %d: %v and %v", version, a, b)
			}
			if after := must(nodes[0].In(o.ID).KeyPolicy(ctx)); (after.LongestDays < 20) != (a == nil) || after.Version != version+1 {
				t.Errorf("from version %d: %+v after %v and %v", version, after, a, b)
			}
		}
	})
}
