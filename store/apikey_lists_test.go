package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gatehouse-sso/gatehouse/access"
)

// manyKeys puts so many keys of the creator into the project, behind the store's back: named "worker 0001" and on, made a second apart.
func manyKeys(t *testing.T, s *Store, p Project, creator string, n int) {
	t.Helper()
	rows, secrets := make([]apiKeyRow, n), make([]apiKeySecret, n)
	version, _ := s.newestPepper()
	for i := range n {
		at := s.now().Add(time.Duration(i-n) * time.Second)
		expires := at.AddDate(1, 0, 0)
		rows[i] = apiKeyRow{ID: newID(idAPIKey, at), OrganizationID: p.OrganizationID, ProjectID: p.ID, Name: fmt.Sprintf("worker %04d", i+1), Roles: `["ProjectEditor"]`,
			CreatorKind: principalUser, CreatorID: creator, Version: 1, CreatedAt: at, UpdatedAt: at, ExpiresAt: &expires}
		secrets[i] = apiKeySecret{KeyID: rows[i].ID, Number: 1, Scheme: SchemeGatehouse, PepperVersion: &version, Hash: randomBytes(32), CreatedAt: at}
	}
	ok(t, s.writer.WithContext(t.Context()).CreateInBatches(rows, 500).Error)
	ok(t, s.writer.WithContext(t.Context()).CreateInBatches(secrets, 500).Error)
}

func TestAPIKeysPageAndSearch(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		p := aProject(t, s, o.ID, owner)
		odd, _ := aKey(t, s, p, owner, `50% of_a\b`, access.ProjectEditor)
		manyKeys(t, s, p, owner.ID, 2500)
		seen, after := []string{}, ""
		for {
			page, next, err := scope.APIKeys(ctx, p.ID, APIKeyFilter{After: after, Limit: 200})
			ok(t, err)
			for _, key := range page {
				seen = append(seen, key.ID)
			}
			if after = next; next == "" {
				break
			}
		}
		if len(seen) != 2501 || seen[0] != odd.ID || !slices.IsSortedFunc(seen, func(a, b string) int { return strings.Compare(b, a) }) {
			t.Fatalf("%d keys on all pages, sorted %v", len(seen), slices.IsSorted(seen))
		}
		for search, want := range map[string]int64{"": 2501, "WORKER 000": 9, "worker": 2500, "0% OF": 1, `_a\B`: 1, "%": 1, "_": 1, "nobody": 0, odd.ID: 1, " " + odd.ID + " ": 1} {
			f := APIKeyFilter{Search: search, Limit: 10}
			page, next, err := scope.APIKeys(ctx, p.ID, f)
			ok(t, err)
			if n := must(scope.CountAPIKeys(ctx, p.ID, f)); n != want || int64(len(page)) != min(want, 10) || (next != "") != (want > 10) {
				t.Errorf("%q finds %d, a page of %d, next %q; want %d", search, n, len(page), next, want)
			}
		}
		if !must(scope.SearchesAllKeys(ctx, p.ID)) {
			t.Error("not all keys are searched")
		}
		s.keysSearched = 2500 // all but the oldest, “worker 0001”
		if n := must(scope.CountAPIKeys(ctx, p.ID, APIKeyFilter{Search: "worker 0"})); n != 998 || must(scope.SearchesAllKeys(ctx, p.ID)) {
			t.Errorf("among the newest %d are found", n)
		}
		if n := must(s.In("org_none").CountAPIKeys(ctx, p.ID, APIKeyFilter{})); n != 0 {
			t.Errorf("another organization counts %d", n)
		}
	})
}

func TestAPIKeysByStateAndNotices(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		p := aProject(t, s, o.ID, owner)
		make := func(name string, lasts time.Duration) APIKey {
			expires := s.Now().Add(lasts)
			key, _, err := scope.CreateAPIKey(ctx, operator, NewAPIKey{ProjectID: p.ID, Name: name, Roles: []access.Role{access.ProjectEditor}, ExpiresAt: &expires, CreatorID: owner.ID})
			ok(t, err)
			return key
		}
		make("idle", 300*day)
		used, expired, revoked := make("used", 300*day), make("expired", 10*day), make("revoked", 300*day)
		make("idle and expiring", 91*day+13*day)
		ok(t, scope.RevokeAPIKey(ctx, operator, p.ID, revoked.ID))
		later(s, 50*day)
		ok(t, s.RecordKeyUses(ctx, []KeyUse{{KeyID: used.ID, At: s.Now(), Address: netip.MustParseAddr("::ffff:203.0.113.7"), Day: "2026-11-23", Requests: 1}}))
		later(s, 41*day)
		make("new", 15*day)
		make("new and expiring", 14*day)
		for state, want := range map[string][]string{
			"":           {"new and expiring", "new", "idle and expiring", "revoked", "expired", "used", "idle"},
			KeysLive:     {"new and expiring", "new", "idle and expiring", "used", "idle"},
			KeysExpiring: {"new and expiring", "idle and expiring"},
			KeysUnused:   {"idle and expiring", "idle"},
			KeysEnded:    {"revoked", "expired"},
		} {
			page, _, err := scope.APIKeys(ctx, p.ID, APIKeyFilter{State: state})
			ok(t, err)
			var names []string
			for _, key := range page {
				names = append(names, key.Name)
			}
			if slices.Sort(names); !slices.Equal(names, slices.Sorted(slices.Values(want))) || must(scope.CountAPIKeys(ctx, p.ID, APIKeyFilter{State: state})) != int64(len(want)) {
				t.Errorf("%q: %v, want %v", state, names, want)
			}
		}
		if unused, expiring := must(scope.KeyNotice(ctx, p.ID, KeysUnused)), must(scope.KeyNotice(ctx, p.ID, KeysExpiring)); len(unused.Keys) != 2 || unused.Count != 2 ||
			len(expiring.Keys) != 2 || expiring.Count != 2 || expiring.Keys[0].Name != "new and expiring" {
			t.Errorf("the notices are %+v and %+v", unused, expiring)
		}
		if k := must(scope.APIKey(ctx, p.ID, used.ID)); k.UsedFrom != "203.0.113.7" || k.UsedAt == nil || k.UsedAt.Second() != 0 {
			t.Errorf("the used key is %+v", k)
		}
		if expired.Live(s.Now()) {
			t.Error("an expired key lives")
		}
		manyKeys(t, s, p, owner.ID, 60)
		later(s, 352*day)
		for _, state := range []string{KeysUnused, KeysExpiring} {
			if notice := must(scope.KeyNotice(ctx, p.ID, state)); len(notice.Keys) != keysNoticed || notice.Count != 60 {
				t.Errorf("%d of %d %s", len(notice.Keys), notice.Count, state)
			}
		}
	})
}

// asked records the statements of a store's reads, values and all.
type asked struct {
	logger.Interface
	statements []string
}

func (a *asked) Trace(_ context.Context, _ time.Time, statement func() (string, int64), _ error) {
	text, _ := statement()
	a.statements = append(a.statements, text)
}

// TestKeysAreReadByIndexes: with any number of keys in the table, a read looks at those that it is about.
func TestKeysAreReadByIndexes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		p := aProject(t, s, o.ID, owner)
		for i := range 3 { // neighbours, so that a project is a part of the table
			other, stranger := anOrganization(t, s, fmt.Sprint("other", i))
			manyKeys(t, s, aProject(t, s, other.ID, stranger), stranger.ID, 1000)
		}
		manyKeys(t, s, p, owner.ID, 200)
		key, _ := aKey(t, s, p, owner, "ci", access.ProjectEditor)
		account, _, err := scope.CreateServiceAccount(ctx, operator, "deploy", []access.Role{access.OrgMember})
		ok(t, err)
		var ids []string
		ok(t, s.read(ctx).Raw("SELECT id FROM api_keys").Scan(&ids).Error)
		var uses []KeyUse
		for _, id := range ids {
			for days := range 3 {
				uses = append(uses, KeyUse{KeyID: id, At: s.Now(), Day: s.Now().AddDate(0, 0, -days).Format(time.DateOnly), Requests: 1})
			}
		}
		ok(t, s.RecordKeyUses(ctx, uses))
		behind(t, s, "ANALYZE")
		recorder := &asked{Interface: logger.Discard}
		s.reader = s.reader.Session(&gorm.Session{Logger: recorder})
		for _, state := range []string{"", KeysLive, KeysExpiring, KeysUnused, KeysEnded} {
			_, _, err := scope.APIKeys(ctx, p.ID, APIKeyFilter{State: state, Search: "work", After: key.ID})
			ok(t, err)
			must(scope.CountAPIKeys(ctx, p.ID, APIKeyFilter{State: state}))
			_, _, err = scope.APIKeys(ctx, p.ID, APIKeyFilter{State: state})
			ok(t, err)
		}
		for _, state := range []string{KeysUnused, KeysExpiring} {
			must(scope.KeyNotice(ctx, p.ID, state))
		}
		must(scope.SearchesAllKeys(ctx, p.ID))
		for _, about := range warnings {
			must(s.agingKeys(ctx, about, key.ID))
		}
		must(scope.APIKey(ctx, p.ID, key.ID))
		must(scope.APIKeyUsage(ctx, p.ID, "", 30))
		must(scope.APIKeyUsage(ctx, p.ID, key.ID, 30))
		must(scope.CountAPIKeysOf(ctx, owner.ID))
		must(scope.countLiveKeys(ctx))
		must(scope.KeyPolicy(ctx))
		must(scope.ServiceAccount(ctx, account.ID))
		_, err = s.KeyByImportedHash(ctx, [][]byte{randomBytes(32), randomBytes(32)})
		isError(t, err, ErrNotFound)
		recorder.statements = append(recorder.statements,
			strings.Replace(keySnapshotQuery, "$1", "'"+key.ID+"'", 1), strings.Replace(serviceAccountSnapshotQuery, "$1", "'"+account.ID+"'", 1))
		if len(recorder.statements) < 22 {
			t.Errorf("only %d reads were looked at", len(recorder.statements))
		}
		for _, statement := range recorder.statements {
			if plan := planOf(t, s, statement); scans(plan) {
				t.Errorf("%s\nreads a whole table:\n%s", statement, plan)
			}
		}
		if plan := planOf(t, s, "SELECT id FROM api_keys WHERE rate_per_minute = 7"); !scans(plan) {
			t.Errorf("a plan that reads a whole table is not recognised:\n%s", plan)
		}
	})
}

// planOf is how the database would run a read, one step a line.
func planOf(t *testing.T, s *Store, statement string) string {
	t.Helper()
	statement = strings.ReplaceAll(statement, "'<binary>'", "''")
	var steps []string
	if s.dialect == onSQLite {
		var rows []struct{ Detail string }
		ok(t, s.writer.WithContext(t.Context()).Raw("EXPLAIN QUERY PLAN "+statement).Scan(&rows).Error)
		for _, row := range rows {
			steps = append(steps, row.Detail)
		}
		return strings.Join(steps, "\n")
	}
	ok(t, s.writer.WithContext(t.Context()).Transaction(func(tx *gorm.DB) error { // of a small table PostgreSQL reads all, unless it is told to avoid it
		return errors.Join(tx.Exec("SET LOCAL enable_seqscan = off").Error, tx.Raw("EXPLAIN "+statement).Scan(&steps).Error)
	}))
	return strings.Join(steps, "\n")
}

// scans says whether a step of the plan reads one of the tables that grow with an installation's keys from end to end.
func scans(plan string) bool {
	for step := range strings.Lines(plan) {
		for _, table := range []string{"api_keys", "api_key_secrets", "api_key_uses", "api_key_days"} {
			if strings.Contains(step, "Seq Scan on "+table) || strings.HasPrefix(step, "SCAN "+table) {
				return true
			}
		}
	}
	return false
}
