package store

import "context"

// turns are the order in which transactions get to the one connection that writes to SQLite: that in which they asked. Of those who wait for a
// connection, database/sql serves any one; when there are more writes than the machine can do for a while, some would wait many times as
// long as the others. PostgreSQL has connections enough, and nil turns keep nobody waiting.
type turns chan struct{}

func newTurns() turns { return make(turns, 1) }

// take waits for its turn, which must be given back. The error is that of ctx.
func (t turns) take(ctx context.Context) error {
	if t == nil {
		return nil
	}
	select {
	case t <- struct{}{}: // whoever waits to send is served in order
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turns) giveBack() {
	if t != nil {
		<-t
	}
}
