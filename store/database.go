package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	gormsqlite "gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

type dialect string

const (
	onSQLite     dialect = "sqlite"
	onPostgreSQL dialect = "postgres"
)

// connect opens the pools: on SQLite one connection that writes and several that read, so that a reader never waits for a writer.
func (s *Store) connect(ctx context.Context, o Options) error {
	path, isSQLite := strings.CutPrefix(o.Database, "sqlite:")
	if !isSQLite {
		return s.connectPostgreSQL(ctx, o.Database)
	}
	s.dialect = onSQLite
	err := touch(path)
	if err != nil {
		return err
	}
	s.turns = newTurns()
	if s.writer, err = s.openSQLite(path, 1, ""); err != nil {
		return err
	}
	s.reader, err = s.openSQLite(path, 8, "&_pragma=query_only(1)")
	return err
}

// touch makes a new database file that nobody else on the machine may read; SQLite gives the files beside it the same mode.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open SQLite database: %w", err)
	}
	return f.Close()
}

// sqliteAddress is the driver's address of a file, whatever characters its path has, with further options.
func sqliteAddress(path, options string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(10000)&_time_format=sqlite" + options
}

// openSQLite opens a pool on the file. synchronous=FULL: a write that was acknowledged is never lost. Transactions take the write lock at
// once, so two that read before they write cannot deadlock.
func (s *Store) openSQLite(path string, connections int, extra string) (*gorm.DB, error) {
	pool, err := sql.Open("sqlite", sqliteAddress(path, "&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_txlock=immediate"+extra))
	if err != nil {
		return nil, fmt.Errorf("open SQLite database %s: %w", path, err)
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	s.close = append(s.close, pool.Close)
	return s.openGORM(sqliteDialector{gormsqlite.Dialector{Conn: pool}})
}

func (s *Store) connectPostgreSQL(ctx context.Context, address string) error {
	s.dialect = onPostgreSQL
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return errors.New("the database address cannot be read: it is neither sqlite:<path> nor a postgres://… address") // pgx's words would repeat the password
	}
	s.postgres = config
	pool := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(setUp))
	pool.SetMaxOpenConns(20)
	pool.SetMaxIdleConns(20)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	s.close = append(s.close, pool.Close)
	if err := pool.PingContext(ctx); err != nil {
		return fmt.Errorf("reach PostgreSQL at %s: %w", config.Host, err)
	}
	s.writer, err = s.openGORM(postgres.New(postgres.Config{Conn: pool}))
	s.reader = s.writer
	return err
}

// setUp makes pgx hand times back in UTC, not in the machine's zone, and PostgreSQL plan each query for what it asks: for a statement that it has
// met a few times it would take one plan for whatever is asked, and what suits an organization of fifty reads all there is of one of 50,000.
func setUp(ctx context.Context, c *pgx.Conn) error {
	c.TypeMap().RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC}})
	if _, err := c.Exec(ctx, "SET plan_cache_mode = force_custom_plan"); err != nil {
		return fmt.Errorf("ask for plans: %w", err)
	}
	return nil
}

func (s *Store) openGORM(d gorm.Dialector) (*gorm.DB, error) {
	db, err := gorm.Open(d, &gorm.Config{
		NowFunc:                func() time.Time { return s.now() },
		TranslateError:         true,
		SkipDefaultTransaction: true,
		PrepareStmt:            s.dialect == onSQLite, // pgx keeps statements itself; gorm's, first met in a transaction, are prepared anew in each
		PrepareStmtMaxSize:     500,
		Logger:                 logger.Discard, // errors are returned, and logged once where they end
	})
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return db, nil
}

// sqliteDialector tells gorm what this driver's errors mean; gorm's own reading knows another driver's only.
type sqliteDialector struct{ gormsqlite.Dialector }

// Translate implements gorm.ErrorTranslator.
func (d sqliteDialector) Translate(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return gorm.ErrDuplicatedKey
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return gorm.ErrForeignKeyViolated
	}
	return err
}
