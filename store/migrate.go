package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/gatehouse-sso/gatehouse/migrations"
)

// migrate brings the schema up to date, under a lock: several processes may start on one new database at once.
func (s *Store) migrate(ctx context.Context, o Options) error {
	var err error
	if s.dialect == onSQLite {
		err = migrateSQLite(ctx, strings.TrimPrefix(o.Database, "sqlite:"))
	} else {
		err = s.migratePostgreSQL(ctx)
	}
	if err != nil {
		return fmt.Errorf("bring the schema up to date: %w", err)
	}
	return nil
}

func (s *Store) migratePostgreSQL(ctx context.Context) error {
	pool, err := s.writer.DB()
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return err
	}
	return up(ctx, goose.DialectPostgres, pool, migrations.PostgreSQL, "postgres", goose.WithSessionLocker(locker))
}

// migrateSQLite holds a file lock beside the database, since goose knows none for SQLite, and works on a connection of its own without
// foreign keys: rebuilding a parent table would cascade its children away. What it leaves is checked instead.
func migrateSQLite(ctx context.Context, path string) (err error) {
	unlock, err := lockFile(path + ".lock")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	pool, err := sql.Open("sqlite", sqliteAddress(path, "&_pragma=foreign_keys(0)"))
	if err != nil {
		return err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	if err := up(ctx, goose.DialectSQLite3, pool, migrations.SQLite, "sqlite"); err != nil {
		return err
	}
	return checkForeignKeys(ctx, pool)
}

func up(ctx context.Context, d goose.Dialect, pool *sql.DB, all fs.FS, folder string, options ...goose.ProviderOption) error {
	steps, err := fs.Sub(all, folder)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(d, pool, steps, options...)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// checkForeignKeys refuses a database in which a row points at nothing.
func checkForeignKeys(ctx context.Context, pool *sql.DB) error {
	var table string
	err := pool.QueryRowContext(ctx, `SELECT "table" FROM pragma_foreign_key_check LIMIT 1`).Scan(&table)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("a row of table %s points at a row that does not exist", table)
}

// lockFile waits for an exclusive lock on the file and returns what lets go of it. The lock dies with the process.
func lockFile(path string) (func() error, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock beside the database: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return f.Close, nil
}
