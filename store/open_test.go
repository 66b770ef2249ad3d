package store

import (
	"context"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/migrations"
	"github.com/gatehouse-sso/gatehouse/pgtest"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// openInChild makes the test binary a process that opens the database at this address and prints the pepper that it found.
const openInChild = "STORE_TEST_OPEN"

func openAsProcess(address string) int {
	raw, err := base64.StdEncoding.DecodeString(os.Getenv("STORE_TEST_KEY"))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	s, err := Open(context.Background(), Options{Database: address, MasterKey: must(secret.NewMasterKey(raw))})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Printf("%x", s.Pepper(1))
	if err := s.Close(); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func TestFourProcessesStartAtOnceOnANewDatabase(t *testing.T) {
	eachAddress(t, func(t *testing.T, address string) {
		raw := randomBytes(32)
		outputs := make([]string, 4)
		for i, err := range atOnce(4, func(i int) error {
			child := exec.CommandContext(t.Context(), os.Args[0])
			child.Env = append(os.Environ(), openInChild+"="+address, "STORE_TEST_KEY="+base64.StdEncoding.EncodeToString(raw))
			output, err := child.CombinedOutput()
			outputs[i] = string(output)
			return err
		}) {
			if err != nil {
				t.Errorf("process %d did not come up: %v: %s", i, err, outputs[i])
			}
		}
		if slices.Sort(outputs); len(outputs[0]) != 64 || outputs[0] != outputs[3] {
			t.Errorf("the processes found different peppers: %q", outputs)
		}
		s := opened(t, Options{Database: address, MasterKey: must(secret.NewMasterKey(raw))})
		if n := count(t, s, "data_keys"); n != 1 {
			t.Errorf("%d data keys were made, want 1", n)
		}
		if broken, err := s.VerifyEvents(t.Context(), ""); err != nil || broken != nil {
			t.Errorf("the chain is broken: %v %v", broken, err)
		}
	})
}

func TestSQLiteFileIsOurs(t *testing.T) {
	path := t.TempDir() + "/gatehouse.db"
	opened(t, Options{Database: "sqlite:" + path, MasterKey: masterKey(t)})
	for _, name := range []string{path, path + "-wal", path + "-shm", path + ".lock"} {
		info, err := os.Stat(name)
		ok(t, err)
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o, want 600", strings.TrimPrefix(name, path), mode)
		}
	}
}

func TestSQLitePathMayHaveAnyCharacters(t *testing.T) {
	folder := t.TempDir()
	s := opened(t, Options{Database: "sqlite:" + folder + "/50% of a?b #1.db", MasterKey: masterKey(t)})
	aUser(t, s, "ada@corp.test")
	for _, entry := range must(os.ReadDir(folder)) {
		if !strings.HasPrefix(entry.Name(), "50% of a?b #1.db") {
			t.Errorf("it made %q beside the database", entry.Name())
		}
	}
}

func TestUnreadableAddressDoesNotRepeatItself(t *testing.T) {
	_, err := Open(t.Context(), Options{Database: "postgres://me:hunter2@[", MasterKey: masterKey(t)})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v, want an error without the password", err)
	}
}

func TestMigrationsHaveTheSameNames(t *testing.T) {
	names := func(files fs.FS, folder string) []string {
		var names []string
		for _, entry := range must(fs.ReadDir(files, folder)) {
			names = append(names, entry.Name())
		}
		return names
	}
	sqlite, postgres := names(migrations.SQLite, "sqlite"), names(migrations.PostgreSQL, "postgres")
	if len(sqlite) == 0 || !slices.Equal(sqlite, postgres) {
		t.Errorf("sqlite has %v, postgres has %v", sqlite, postgres)
	}
}

func TestBothSchemasAgree(t *testing.T) {
	sqlite := opened(t, Options{Database: "sqlite:" + t.TempDir() + "/gatehouse.db", MasterKey: masterKey(t)})
	postgres := opened(t, Options{Database: pgtest.Database(t), MasterKey: masterKey(t)})
	for what, queries := range map[string][2]string{
		"columns": {
			`SELECT m.name || '.' || p.name || ' ' || CASE p.type WHEN 'DATETIME' THEN 'time' WHEN 'BLOB' THEN 'bytes' ELSE lower(p.type) END ||
				CASE WHEN p."notnull" = 1 OR p.pk > 0 THEN ' required' ELSE '' END || COALESCE(' default ' || p.dflt_value, '')
			FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'goose_%'`,
			`SELECT table_name || '.' || column_name || ' ' || CASE data_type WHEN 'timestamp with time zone' THEN 'time' WHEN 'bytea' THEN 'bytes'
				WHEN 'bigint' THEN 'integer' ELSE data_type END ||
				CASE WHEN is_nullable = 'NO' THEN ' required' ELSE '' END || COALESCE(' default ' || replace(column_default, '::text', ''), '')
			FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'goose_%'`,
		},
		"indexes": {
			`SELECT tbl_name || ' ' || name || CASE WHEN sql LIKE 'CREATE UNIQUE%' THEN ' unique' ELSE '' END FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL`,
			`SELECT tablename || ' ' || indexname || CASE WHEN indexdef LIKE 'CREATE UNIQUE%' THEN ' unique' ELSE '' END FROM pg_indexes
			WHERE schemaname = 'public' AND indexname NOT LIKE '%_pkey' AND tablename NOT LIKE 'goose_%'`,
		},
	} {
		var one, other []string
		ok(t, sqlite.read(t.Context()).Raw(queries[0]).Scan(&one).Error)
		ok(t, postgres.read(t.Context()).Raw(queries[1]).Scan(&other).Error)
		for _, line := range only(one, other) {
			t.Errorf("%s: SQLite alone has %s", what, line)
		}
		for _, line := range only(other, one) {
			t.Errorf("%s: PostgreSQL alone has %s", what, line)
		}
		if len(one) < 20 {
			t.Errorf("%s: only %d were compared", what, len(one))
		}
	}
}

// only gives what the one list has and the other has not.
func only(one, other []string) []string {
	return slices.DeleteFunc(slices.Clone(one), func(line string) bool { return slices.Contains(other, line) })
}

func TestEveryForeignKeyHolds(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		err := s.writer.WithContext(t.Context()).Exec("INSERT INTO members (id, organization_id, user_id, version, created_at, updated_at) VALUES ('mem_x', 'org_x', 'usr_x', 1, ?, ?)", s.now(), s.now()).Error
		if err == nil {
			t.Error("a member of an organization that does not exist was kept")
		}
	})
}
