package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/secret"
)

// Options say which database to open and with what.
type Options struct {
	// Database is "sqlite:<path>" or a "postgres://…" address.
	Database string
	// MasterKey wraps the keys that seal secrets. Previous, if set, is the master key from before a rotation.
	MasterKey, Previous secret.KeyWrapper
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	Log *slog.Logger
}

// Store is an open database. It is safe for use by many goroutines.
type Store struct {
	reader, writer *gorm.DB // the same on PostgreSQL; SQLite has one writing connection and several reading ones
	turns          turns    // to write on SQLite
	dialect        dialect
	postgres       *pgx.ConnConfig // nil on SQLite
	bell           bell            // rung after each write that others may have to hear of
	keyring        *secret.Keyring
	peppers        atomic.Pointer[peppers]
	now            func() time.Time
	log            *slog.Logger
	statements     statements
	keysSearched   int // [KeysSearched], or fewer in tests
	close          []func() error
}

// Open opens the database, brings its schema up to date and unwraps the keys that seal its secrets. A master key that does not fit stops
// it, with a sentence for the operator, before anything is written.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.MasterKey == nil {
		return nil, errors.New("a master key is needed to open the database")
	}
	s := &Store{now: clock(o.Now), log: o.Log, keysSearched: KeysSearched}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for _, step := range []func(context.Context, Options) error{s.connect, s.checkMasterKey, s.migrate, s.unlock, s.prepare} {
		if err := step(ctx, o); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	if err := s.listUnlisted(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// clock cuts to microseconds, which is what PostgreSQL keeps.
func clock(now func() time.Time) func() time.Time {
	if now == nil {
		now = time.Now
	}
	return func() time.Time { return now().UTC().Truncate(time.Microsecond) }
}

// Now is the store's clock.
func (s *Store) Now() time.Time { return s.now() }

// Close lets go of the database.
func (s *Store) Close() error {
	var problems []error
	for i := len(s.close) - 1; i >= 0; i-- {
		problems = append(problems, s.close[i]())
	}
	s.close = nil
	return errors.Join(problems...)
}

// Ready says whether the database answers.
func (s *Store) Ready(ctx context.Context) error {
	if err := s.reader.WithContext(ctx).Exec("SELECT 1").Error; err != nil {
		return fmt.Errorf("ask the database: %w", err)
	}
	return nil
}

// In is the store as one organization sees it. It does not check that the organization exists; reads of one that does not find nothing.
func (s *Store) In(organization string) *Scope {
	return &Scope{store: s, organization: organization}
}

// Scope reaches what belongs to one organization, and nothing else.
type Scope struct {
	store        *Store
	organization string
	visit        *SetupVisit // by which alone it writes; nil for everybody but the holder of a setup link
}

// read starts a query.
func (s *Store) read(ctx context.Context) *gorm.DB { return s.reader.WithContext(ctx) }

// read starts a query on a table whose rows carry organization_id, of this organization's rows alone.
func (c *Scope) read(ctx context.Context) *gorm.DB {
	return c.store.read(ctx).Where("organization_id = ?", c.organization)
}

// one turns gorm's words for "no row" into ours.
func one[T any](row T, err error) (T, error) {
	var none T
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return none, ErrNotFound
	case err != nil:
		return none, err
	}
	return row, nil
}
