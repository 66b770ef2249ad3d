package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// TakeJob says whether the holder may do a job of which there is one for all nodes, for so long from now on; a holder that asks again before
// keeps it. It falls to another when the time is over: what a node that stands still began may then be going on beside it.
func (s *Store) TakeJob(ctx context.Context, name, holder string, hold time.Duration) (taken bool, err error) {
	err = s.unrecorded(ctx, func(tx *gorm.DB) error {
		now := s.now()
		result := tx.Exec(`INSERT INTO jobs (name, holder, held_until) VALUES (?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until WHERE jobs.holder = excluded.holder OR jobs.held_until <= ?`,
			name, holder, now.Add(hold), now)
		taken = result.RowsAffected == 1
		return result.Error
	})
	if err != nil {
		return false, fmt.Errorf("take the job %s: %w", name, err)
	}
	return taken, nil
}
