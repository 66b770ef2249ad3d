package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"
)

// changesChannel is where nodes notify each other that there are new changes. What they are is in the table alone.
const changesChannel = "gatehouse_changes"

// listener is the feed of a PostgreSQL database: one connection, on which it both listens and asks. A connection that fails, or does not
// answer in time, is given up and dialled anew, so a node that was cut off is back within moments of being able to be.
type listener struct {
	store *Store
	pool  *sql.DB   // of that one connection
	conn  *sql.Conn // nil while there is none
	told  bool      // a notification came after the last asking began
}

func newListener(s *Store) *listener {
	l := &listener{store: s}
	config := s.postgres.Copy()
	config.OnNotification = func(*pgconn.PgConn, *pgconn.Notification) { l.told = true } // called by whoever reads from the connection: us
	l.pool = stdlib.OpenDB(*config, stdlib.OptionAfterConnect(setUp))
	l.pool.SetMaxOpenConns(1)
	return l
}

func (l *listener) ask(ctx context.Context, last int64) ([]Change, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	if err := l.connect(ctx); err != nil {
		return nil, err
	}
	l.told = false // a notification that came earlier was sent by a write that this asking sees
	db := l.store.reader.Session(&gorm.Session{NewDB: true, Context: ctx})
	db.Statement.ConnPool = l.conn
	changes, err := l.store.changesAfter(db, last)
	if err != nil {
		l.hangUp()
	}
	return changes, err
}

// connect dials and listens, unless it does already.
func (l *listener) connect(ctx context.Context) (err error) {
	if l.conn != nil {
		return nil
	}
	if l.conn, err = l.pool.Conn(ctx); err != nil {
		return fmt.Errorf("connect to follow changes: %w", err)
	}
	if _, err = l.conn.ExecContext(ctx, "LISTEN "+changesChannel); err != nil {
		l.hangUp()
		return fmt.Errorf("listen to changes: %w", err)
	}
	return nil
}

func (l *listener) wait(ctx context.Context, every time.Duration) {
	if l.told {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, every)
	defer cancel()
	if l.conn == nil {
		<-ctx.Done()
		return
	}
	err := l.conn.Raw(func(its any) error {
		return its.(*stdlib.Conn).Conn().PgConn().WaitForNotification(ctx)
	})
	if err != nil && ctx.Err() == nil { // the connection broke: ask anew, but not at once and for ever
		l.hangUp()
		<-ctx.Done()
	}
}

// hangUp gives the connection up.
func (l *listener) hangUp() {
	_ = l.conn.Raw(func(any) error { return driver.ErrBadConn }) // closes it: it may be half dead
	_ = l.conn.Close()
	l.conn = nil
}

func (l *listener) close() error { return l.pool.Close() }
