package store

import (
	"context"
	"log/slog"
	"time"
)

// ChangedEverything stands for changes that can no longer be told one by one: whoever follows forgets all that it holds.
const ChangedEverything ChangeKind = "everything"

// askLimit is how long a follower waits for an answer of the database.
const askLimit = 2 * time.Second

// feed is where a follower learns of changes.
type feed interface {
	// ask reads the changes past a number from the table, as ChangesAfter does.
	ask(ctx context.Context, last int64) ([]Change, error)
	// wait returns once there may be another change than those last asked for, and after every at the latest.
	wait(ctx context.Context, every time.Duration)
	close() error
}

func (s *Store) feed() feed {
	if s.dialect == onPostgreSQL {
		return newListener(s)
	}
	return &neighbour{store: s}
}

// Follow asks for changes past the number last, as soon as it hears that there are some and in any case every so often, until the context
// ends, which is its only error. Changes go to on, oldest first. After each asking that was answered, and whose changes on has taken, alive
// is told when it was asked: what a node holds is then as old as that, and nothing but an answer counts as a sign of life. A node that was
// cut off for longer than changes are kept is told [ChangedEverything].
//
// On PostgreSQL it hears from every node, by NOTIFY on a connection of its own; where that does not arrive, as through a pooler that hands
// out connections by the transaction, it learns of a change by asking. On SQLite it hears from this Store alone and asks for what other
// processes do.
func (s *Store) Follow(ctx context.Context, every time.Duration, last int64, on func([]Change), alive func(time.Time)) error {
	feed := s.feed()
	defer feed.close()
	heard, lost := s.now(), false
	for {
		asked := s.now()
		changes, err := feed.ask(ctx, last)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.logFeed(ctx, &lost, err)
		switch {
		case err != nil:
		case asked.Sub(heard) > changesKept:
			on([]Change{{Kind: ChangedEverything, At: asked}})
			heard = asked
			continue
		case len(changes) > 0:
			last = changes[len(changes)-1].Sequence
			on(changes)
			if len(changes) == changesAtOnce {
				continue
			}
			fallthrough
		default:
			heard = asked
			alive(asked)
		}
		feed.wait(ctx, every)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// logFeed tells when changes can no longer be heard, and when they can again.
func (s *Store) logFeed(ctx context.Context, lost *bool, err error) {
	if (err != nil) == *lost {
		return
	}
	*lost = err != nil
	if *lost {
		s.log.WarnContext(ctx, "cannot follow changes", slog.Any("error", err))
	} else {
		s.log.InfoContext(ctx, "following changes again")
	}
}

// neighbour is the feed of a SQLite database. It hears of the writes of its own Store.
type neighbour struct {
	store *Store
	rung  <-chan struct{}
}

func (n *neighbour) ask(ctx context.Context, last int64) ([]Change, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	n.rung = n.store.bell.next() // before asking: whatever is written from here on rings it
	return n.store.ChangesAfter(ctx, last)
}

func (n *neighbour) wait(ctx context.Context, every time.Duration) {
	select {
	case <-ctx.Done():
	case <-n.rung:
	case <-time.After(every):
	}
}

func (n *neighbour) close() error { return nil }
