package store

import (
	"context"
	"log/slog"
	"time"
)

// ChangedEverything stands for changes that can no longer be told one by one: whoever follows forgets all that it holds.
const ChangedEverything ChangeKind = "everything"

// Follow asks for changes past the number last, now and then every so often, until the context ends, which is its only error. Changes go to
// on, oldest first. After each asking that was answered, and whose changes on has taken, alive is told when it was asked: what a node holds
// is then as old as that. A node that was cut off for longer than changes are kept is told [ChangedEverything].
func (s *Store) Follow(ctx context.Context, every time.Duration, last int64, on func([]Change), alive func(time.Time)) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	heard := s.now()
	for {
		asked := s.now()
		changes, err := s.ChangesAfter(ctx, last)
		switch {
		case err != nil:
			if ctx.Err() == nil {
				s.log.WarnContext(ctx, "cannot follow changes", slog.Any("error", err))
			}
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
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
