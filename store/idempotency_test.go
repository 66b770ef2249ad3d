package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
)

// sentBy is a request of the service account with that key and body, as it comes in anew each time.
func sentBy(a ServiceAccount, key, body string) *Repeatable {
	sum := sha256.Sum256([]byte(body))
	return &Repeatable{OrganizationID: a.OrganizationID, ServiceAccountID: a.ID, Key: key, Request: sum[:]}
}

// carryOut makes a project as the answer to a repeatable request.
func carryOut(ctx context.Context, s *Store, r *Repeatable, name string) error {
	_, err := s.In(r.OrganizationID).CreateProject(Once(ctx, r), operator, name, access.Serverless, r.ServiceAccountID)
	return err
}

func TestK14_TheSameAnswerForADay(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		account, _ := aServiceAccount(t, s, o.ID, "deploy", access.OrgManager)
		other, _ := aServiceAccount(t, s, o.ID, "other", access.OrgManager)
		answer := []byte(`{"key":"gate_…"}`)
		wants := func(what string, r *Repeatable, want error) {
			t.Helper()
			got, err := s.Answer(ctx, r)
			if !errors.Is(err, want) || want == nil && !bytes.Equal(got, answer) {
				t.Errorf("%s: %q, %v, want %v", what, got, err, want)
			}
		}
		wants("before", sentBy(account, "k", "body"), ErrNotFound)
		r := sentBy(account, "k", "body")
		ok(t, carryOut(ctx, s, r, "Search"))
		wants("carried out, not answered yet", sentBy(account, "k", "body"), ErrUnderWay)
		ok(t, s.KeepAnswer(ctx, r, answer))
		wants("the same", sentBy(account, "k", "body"), nil)
		wants("another body", sentBy(account, "k", "another"), ErrKeyReused)
		wants("another key", sentBy(account, "K", "body"), ErrNotFound)
		wants("another service account", sentBy(other, "k", "body"), ErrNotFound)
		var row idempotencyRow
		ok(t, s.reader.Take(&row).Error)
		if bytes.Contains(row.SealedAnswer, answer) || len(row.KeyHash) != sha256.Size {
			t.Error("the answer or the key is kept in the clear")
		}
		later(s, 24*time.Hour)
		wants("a day later", sentBy(account, "k", "body"), ErrNotFound)
		ok(t, carryOut(ctx, s, sentBy(account, "k", "body"), "Again"))
		later(s, 25*time.Hour)
		ok(t, s.Sweep(ctx))
		var left int64
		ok(t, s.reader.Model(&idempotencyRow{}).Count(&left).Error)
		if left != 0 {
			t.Errorf("%d rows are left after a day", left)
		}
	})
}

func TestK14_WhatFailsMayBeTriedAgain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		account, _ := aServiceAccount(t, s, o.ID, "deploy", access.OrgManager)
		ok(t, carryOut(ctx, s, sentBy(account, "first", "body"), "Search"))
		var taken *Invalid
		if err := carryOut(ctx, s, sentBy(account, "second", "body"), "Search"); !errors.As(err, &taken) {
			t.Fatalf("a name that is taken: %v", err)
		}
		if _, err := s.Answer(ctx, sentBy(account, "second", "body")); !errors.Is(err, ErrNotFound) {
			t.Errorf("after the failure: %v", err)
		}
		ok(t, carryOut(ctx, s, sentBy(account, "second", "body"), "Find"))
	})
}

// Of twins at the same moment one makes the thing, whatever their names say.
func TestK14_TwinsMakeOneThing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		account, _ := aServiceAccount(t, s, o.ID, "deploy", access.OrgManager)
		results := atOnce(20, func(i int) error {
			return carryOut(ctx, s, sentBy(account, "k", "body"), "Search "+string(rune('a'+i)))
		})
		made := 0
		for _, err := range results {
			switch {
			case err == nil:
				made++
			case !errors.Is(err, ErrUnderWay):
				t.Errorf("a twin: %v", err)
			}
		}
		projects := must(s.In(o.ID).ProjectsByName(ctx, ProjectFilter{}))
		if made != 1 || len(projects) != 1 {
			t.Errorf("%d twins were told that they made it, and there are %d", made, len(projects))
		}
	})
}

// A service account that is gone leaves no answers behind.
func TestK14_AnswersGoWithTheirServiceAccount(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		account, _ := aServiceAccount(t, s, o.ID, "deploy", access.OrgManager)
		ok(t, carryOut(ctx, s, sentBy(account, "k", "body"), "Search"))
		ok(t, s.In(o.ID).DeleteServiceAccount(ctx, operator, account.ID, account.Version))
		var left int64
		ok(t, s.reader.Model(&idempotencyRow{}).Count(&left).Error)
		if left != 0 {
			t.Errorf("%d rows are left", left)
		}
	})
}

func TestListsForPrograms(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		account, _ := aServiceAccount(t, s, o.ID, "deploy", access.OrgMember)
		first := must(scope.CreateProject(ctx, operator, "First", access.Serverless, owner.ID))
		second := must(scope.CreateProject(ctx, operator, "Second", access.Serverless, account.ID))
		for _, row := range []struct {
			name   string
			filter ProjectFilter
			want   []string
		}{
			{"all", ProjectFilter{}, []string{second.ID, first.ID}},
			{"a page", ProjectFilter{Limit: 1}, []string{second.ID}},
			{"the next", ProjectFilter{Limit: 1, Before: second.ID}, []string{first.ID}},
			{"its own", ProjectFilter{Of: account.ID}, []string{second.ID}},
			{"nobody's", ProjectFilter{Of: "sva_none"}, nil},
		} {
			got := must(scope.SomeProjects(ctx, row.filter))
			if len(got) != len(row.want) {
				t.Errorf("%s: %v", row.name, got)
				continue
			}
			for i, p := range got {
				if p.ID != row.want[i] {
					t.Errorf("%s: %v", row.name, got)
				}
			}
		}
		bindings := must(scope.RoleBindings(ctx, RoleBindingFilter{PrincipalID: account.ID}))
		if len(bindings) != 2 || bindings[0].ProjectID != second.ID || bindings[0].Role != access.ProjectOwner || bindings[1].ProjectID != "" || bindings[1].Origin != "creation" {
			t.Errorf("role bindings %+v", bindings)
		}
		one := must(scope.RoleBinding(ctx, bindings[0].ID))
		if one != bindings[0] {
			t.Errorf("%+v is not %+v", one, bindings[0])
		}
		stranger, _ := anOrganization(t, s, "other")
		if _, err := s.In(stranger.ID).RoleBinding(ctx, one.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("another organization's binding: %v", err)
		}
	})
}
