package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/migrations"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// migratedTo brings a new database to an earlier version of the schema and hands it to do.
func migratedTo(t *testing.T, address string, version int64, do func(*gorm.DB)) {
	t.Helper()
	s := &Store{now: clock(nil)}
	ok(t, s.connect(t.Context(), Options{Database: address}))
	defer func() { ok(t, s.Close()) }()
	spoken, folder, all := goose.DialectPostgres, "postgres", fs.FS(migrations.PostgreSQL)
	if s.dialect == onSQLite {
		spoken, folder, all = goose.DialectSQLite3, "sqlite", migrations.SQLite
	}
	provider := must(goose.NewProvider(spoken, must(s.writer.DB()), must(fs.Sub(all, folder))))
	must(provider.UpTo(context.Background(), version))
	do(s.writer.WithContext(t.Context()))
}

// Keys that were made before a key could have two texts go on opening.
func TestKeysFromBeforeGoOn(t *testing.T) {
	eachAddress(t, func(t *testing.T, address string) {
		raw := randomBytes(32)
		master := must(secret.NewMasterKey(raw))
		pepper, made := randomBytes(32), time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
		expires, revoked := made.AddDate(20, 0, 0), made.Add(time.Hour)
		live, ended := "01jd3x8k2mfz9t0v5r7wq4ycna", "01jd3x8k2mfz9t0v5r7wq4ycnb"
		text := secret.NewKeyText(live)
		migratedTo(t, address, 2, func(db *gorm.DB) {
			id, plain := secret.NewDataKey()
			keyring := must(secret.NewKeyring(id, map[string][]byte{id: plain}))
			for _, row := range []struct {
				statement string
				values    []any
			}{
				{"INSERT INTO data_keys VALUES (?, ?, ?, ?)", []any{id, master.ID(), must(master.Wrap(plain)), made}},
				{"INSERT INTO peppers VALUES (?, ?, ?)", []any{1, must(keyring.Seal(placeOfPepper(1), pepper)), made}},
				{"INSERT INTO organizations VALUES ('org_1', 'Acme', 'enterprise', NULL, 1, ?, ?)", []any{made, made}},
				{"INSERT INTO users VALUES ('usr_1', 'Ada', 'ada@acme.test', 'ada@acme.test', 'acme.test', NULL, '', NULL, 1, ?, ?)", []any{made, made}},
				{"INSERT INTO members VALUES ('mem_1', 'org_1', 'usr_1', NULL, NULL, 1, ?, ?)", []any{made, made}},
				{"INSERT INTO projects VALUES ('prj_1', 'org_1', 'Search', 'serverless', 1, ?, ?)", []any{made, made}},
				{"INSERT INTO api_keys VALUES (?, 'org_1', 'prj_1', 'ci', '[\"ProjectEditor\"]', 'usr_1', 1, ?, ?, ?, NULL, '')",
					[]any{"key_" + live, secret.HashKey(pepper, text.Reveal()), made, expires}},
				{"INSERT INTO api_keys VALUES (?, 'org_1', 'prj_1', 'ci', '[\"ProjectEditor\"]', 'usr_1', 1, ?, ?, NULL, ?, 'usr_1')",
					[]any{"key_" + ended, randomBytes(32), made, revoked}},
			} {
				ok(t, db.Exec(row.statement, row.values...).Error)
			}
		})
		s := opened(t, Options{Database: address, MasterKey: must(secret.NewMasterKey(raw))})
		k := must(s.KeyByID(t.Context(), "key_"+live))
		if !opens(t, s, k.ID, text) || k.CreatorGone || k.CreatorMemberID != "mem_1" || k.CreatorKind != "user" || k.Independent || !k.ExpiresAt.Equal(expires) || k.Roles[0] != access.ProjectEditor {
			t.Errorf("the live key reads %+v", k)
		}
		listed, _, err := s.In("org_1").APIKeys(t.Context(), "prj_1", APIKeyFilter{})
		ok(t, err)
		if len(listed) != 2 || listed[0].RevokedAt == nil || !listed[0].UpdatedAt.Equal(revoked) || listed[1].Version != 1 || !listed[1].UpdatedAt.Equal(made) || listed[1].Imported {
			t.Errorf("the list is %+v", listed)
		}
		_, _, err = s.In("org_1").CreateAPIKey(t.Context(), operator, NewAPIKey{ProjectID: "prj_1", Name: "ci", Roles: k.Roles, ExpiresAt: &expires, CreatorID: "usr_1"})
		hasProblem(t, err, "expires")
		year := s.Now().AddDate(0, 0, 365)
		_, _, err = s.In("org_1").CreateAPIKey(t.Context(), operator, NewAPIKey{ProjectID: "prj_1", Name: "ci", Roles: k.Roles, ExpiresAt: &year, CreatorID: "usr_1"})
		hasProblem(t, err, "name")
		_, next, err := s.In("org_1").RotateAPIKey(t.Context(), operator, "prj_1", k.ID, 1, day, nil)
		if err != nil || !opens(t, s, k.ID, text) || !opens(t, s, k.ID, next) {
			t.Errorf("it cannot be rotated: %v", err)
		}
	})
}

// What stops a migration halfway leaves the schema from before, and the same start goes through once it is mended.
func TestAMigrationHappensWholeOrNotAtAll(t *testing.T) {
	eachAddress(t, func(t *testing.T, address string) {
		migratedTo(t, address, 2, func(db *gorm.DB) {
			ok(t, db.Exec("CREATE TABLE service_account_tokens (id TEXT PRIMARY KEY)").Error) // in the way of the last statement
		})
		options := Options{Database: address, MasterKey: masterKey(t)}
		if _, err := Open(t.Context(), options); err == nil || !strings.Contains(err.Error(), "bring the schema up to date") {
			t.Fatalf("got %v", err)
		}
		s := &Store{now: clock(nil)}
		ok(t, s.connect(t.Context(), options))
		var hash []byte
		if err := s.read(t.Context()).Raw("SELECT hash FROM api_keys").Row().Scan(&hash); !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("the keys' table is not the one from before: %v", err)
		}
		ok(t, s.writer.WithContext(t.Context()).Exec("DROP TABLE service_account_tokens").Error)
		ok(t, s.Close())
		opened(t, options)
	})
}
