package store

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
)

func TestRecordKeyUses(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		p := aProject(t, s, o.ID, owner)
		a, _ := aKey(t, s, p, owner, "a", access.ProjectEditor)
		b, _ := aKey(t, s, p, owner, "b", access.ProjectEditor)
		now := s.Now().Truncate(day).Add(10*time.Hour + 30*time.Second)
		s.now = func() time.Time { return now }
		today, yesterday := now.Format(time.DateOnly), now.AddDate(0, 0, -1).Format(time.DateOnly)
		here, there := netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8::7")
		events := count(t, s, "events")
		for _, batch := range [][]KeyUse{
			nil,
			{{KeyID: a.ID, Day: today, Refusals: 2}}, // refused alone: it was not used
			{
				{KeyID: a.ID, Day: today, At: now, Address: here, Requests: 3, Refusals: 1},
				{KeyID: a.ID, Day: today, At: now.Add(-time.Hour), Address: there, Requests: 4}, // the same key and day, an older use
				{KeyID: a.ID, Day: yesterday, At: now.Add(-11 * time.Hour), Address: there, Requests: 5},
				{KeyID: "key_00000000000000000000000000", Day: today, At: now, Address: here, Requests: 9}, // gone
				{KeyID: b.ID, Day: today, At: now.Add(-time.Minute), Requests: 1},
			},
			{{KeyID: a.ID, Day: today, At: now.Add(-2 * time.Hour), Address: there, Requests: 10}}, // another node, that tells late
		} {
			ok(t, s.RecordKeyUses(ctx, batch))
		}
		used := must(scope.APIKey(ctx, p.ID, a.ID))
		if used.UsedAt == nil || !used.UsedAt.Equal(now.Truncate(time.Minute)) || used.UsedFrom != "203.0.113.7" {
			t.Errorf("a was used at %v from %q", used.UsedAt, used.UsedFrom)
		}
		if other := must(scope.APIKey(ctx, p.ID, b.ID)); other.UsedAt == nil || other.UsedFrom != "" {
			t.Errorf("b was used at %v from %q", other.UsedAt, other.UsedFrom)
		}
		for _, row := range []struct {
			key  string
			days int
			want []KeyDay
		}{
			{a.ID, 2, []KeyDay{{yesterday, 5, 0}, {today, 17, 3}}},
			{b.ID, 3, []KeyDay{{now.AddDate(0, 0, -2).Format(time.DateOnly), 0, 0}, {yesterday, 0, 0}, {today, 1, 0}}},
			{"", 1, []KeyDay{{today, 18, 3}}},
			{"", 0, []KeyDay{{today, 18, 3}}},
		} {
			if got := must(scope.APIKeyUsage(ctx, p.ID, row.key, row.days)); !slices.Equal(got, row.want) {
				t.Errorf("%q over %d days: %+v, want %+v", row.key, row.days, got, row.want)
			}
		}
		if got := must(s.In("org_none").APIKeyUsage(ctx, p.ID, "", 1)); got[0].Requests != 0 {
			t.Errorf("another organization sees %+v", got)
		}
		if after := count(t, s, "events"); after != events {
			t.Errorf("uses left %d events", after-events)
		}
		later(s, 801*day)
		ok(t, s.Sweep(ctx))
		if n := count(t, s, "api_key_days"); n != 0 {
			t.Errorf("%d counts are left after two years and some", n)
		}
	})
}

// Nodes that count the same keys at once, each in its own order and more than one transaction holds, lose nothing and do not lock each other out.
func TestNodesCountAtOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := context.WithoutCancel(t.Context())
		o, owner := anOrganization(t, s, "acme")
		p := aProject(t, s, o.ID, owner)
		manyKeys(t, s, p, owner.ID, 1200)
		var ids []string
		ok(t, s.read(ctx).Raw("SELECT id FROM api_keys").Scan(&ids).Error)
		today := s.Now().Format(time.DateOnly)
		for i, err := range atOnce(6, func(node int) error {
			uses := make([]KeyUse, len(ids))
			for i := range ids {
				n := (i*7 + node*199) % len(ids)
				if node%2 == 1 {
					n = len(ids) - 1 - n
				}
				uses[i] = KeyUse{KeyID: ids[n], Day: today, At: s.Now(), Requests: 1}
			}
			return s.RecordKeyUses(ctx, uses)
		}) {
			if err != nil {
				t.Errorf("node %d: %v", i, err)
			}
		}
		if got := must(s.In(o.ID).APIKeyUsage(ctx, p.ID, "", 1)); got[0].Requests != 7200 {
			t.Errorf("%d requests are counted, want 7200", got[0].Requests)
		}
		if n := count(t, s, "api_key_uses"); n != 1200 {
			t.Errorf("%d keys were used, want 1200", n)
		}
	})
}

// A project that ends while its keys are counted takes the counts with it, or is waited for.
func TestCountingAndDeletingAtOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := context.WithoutCancel(t.Context())
		o, owner := anOrganization(t, s, "acme")
		for round := range 10 {
			p := must(s.In(o.ID).CreateProject(ctx, operator, fmt.Sprint("project ", round), access.Serverless, owner.ID))
			key, _ := aKey(t, s, p, owner, "ci", access.ProjectEditor)
			for i, err := range atOnce(5, func(i int) error {
				if i == 0 {
					return s.In(o.ID).DeleteProject(ctx, operator, p.ID, p.Version)
				}
				return s.RecordKeyUses(ctx, []KeyUse{{KeyID: key.ID, Day: "2026-11-23", At: s.Now(), Requests: 1}})
			}) {
				if err != nil {
					t.Errorf("round %d, %d: %v", round, i, err)
				}
			}
		}
		if n := count(t, s, "api_key_days") + count(t, s, "api_key_uses") + count(t, s, "api_key_secrets"); n != 0 {
			t.Errorf("%d rows are left of keys that are gone", n)
		}
	})
}
