package web

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

type name struct{}

// A deadline behaves as the standard library's does, whether or not somebody waited before it was over.
func TestW16_DeadlineIsAContextLikeAnyOther(t *testing.T) {
	for _, waited := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			parent, cancel := context.WithCancel(context.WithValue(t.Context(), name{}, "ada"))
			defer cancel()
			at := time.Now().Add(time.Second)
			d := &deadline{Context: parent, at: at}
			child, stop := context.WithCancel(context.Background())
			if waited {
				child, stop = context.WithCancel(d)
			}
			defer stop()
			if got, ok := d.Deadline(); !ok || !got.Equal(at) {
				t.Errorf("deadline %v %v", got, ok)
			}
			if d.Err() != nil || child.Err() != nil || d.Value(name{}) != "ada" {
				t.Errorf("before its end: %v, %v, %v", d.Err(), child.Err(), d.Value(name{}))
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if !errors.Is(d.Err(), context.DeadlineExceeded) || waited && !errors.Is(child.Err(), context.DeadlineExceeded) {
				t.Errorf("after its end: %v, %v", d.Err(), child.Err())
			}
			<-d.Done()
			cancel() // too late to change anything
			if !errors.Is(d.Err(), context.DeadlineExceeded) {
				t.Errorf("then: %v", d.Err())
			}
		})
	}
}

func TestW16_DeadlineEndsWithItsParent(t *testing.T) {
	for _, at := range []time.Time{{}, time.Now().Add(time.Hour)} {
		for _, waited := range []bool{false, true} {
			parent, cancel := context.WithCancel(t.Context())
			d := &deadline{Context: parent, at: at}
			if waited {
				d.Done()
			}
			cancel()
			<-d.Done()
			if !errors.Is(d.Err(), context.Canceled) {
				t.Errorf("at %v: %v", at, d.Err())
			}
			if _, ok := d.Deadline(); ok == at.IsZero() {
				t.Errorf("at %v: deadline %v", at, ok)
			}
		}
	}
}

// What waits on contexts made from it is released with the request, and needs no goroutine of its own.
func TestDeadlineIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which ends only when all its goroutines have
		parent, cancel := context.WithCancel(t.Context())
		d := &deadline{Context: parent, at: time.Now().Add(time.Hour)}
		child, stop := context.WithCancel(d)
		defer stop()
		d.end()
		cancel()
		<-child.Done()
	})
}
