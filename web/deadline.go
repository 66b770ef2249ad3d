package web

import (
	"context"
	"sync/atomic"
	"time"
)

// deadline is a context that ends at a time, if its parent does not end before. It sets a timer only when somebody waits for its end: most
// requests are answered in microseconds, and nobody does.
type deadline struct {
	context.Context
	at    time.Time // zero: it ends with its parent
	timer atomic.Pointer[timer]
}

// timer is the same context as the standard library makes it.
type timer struct {
	context.Context
	stop context.CancelFunc
}

func (d *deadline) Deadline() (time.Time, bool) {
	at, ok := d.Context.Deadline()
	if d.at.IsZero() || ok && at.Before(d.at) {
		return at, ok
	}
	return d.at, true
}

func (d *deadline) Done() <-chan struct{} {
	if d.at.IsZero() {
		return d.Context.Done()
	}
	if d.timer.Load() == nil {
		made := &timer{}
		made.Context, made.stop = context.WithDeadline(d.Context, d.at)
		if !d.timer.CompareAndSwap(nil, made) {
			made.stop()
		}
	}
	return d.timer.Load().Done()
}

func (d *deadline) Err() error {
	if t := d.timer.Load(); t != nil {
		return t.Err()
	}
	if err := d.Context.Err(); err != nil || d.at.IsZero() || time.Now().Before(d.at) {
		return err
	}
	return context.DeadlineExceeded
}

// Value asks the timer, where there is one: contexts made from this one find in it, without a goroutine, what ends them.
func (d *deadline) Value(key any) any {
	if t := d.timer.Load(); t != nil {
		return t.Value(key)
	}
	return d.Context.Value(key)
}

// end releases the timer. The parent, which ends after its request, ends whoever still waits.
func (d *deadline) end() {
	if t := d.timer.Load(); t != nil {
		t.stop()
	}
}
