package web

import (
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestD12_FiveAMinuteAndTwentyAnHour(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	limiter, err := NewLimiter(func() time.Time { return now }, Tries...)
	if err != nil {
		t.Fatal(err)
	}
	allowed := func() (n int) {
		for range 100 {
			if limiter.Allow("ada") {
				n++
			}
		}
		return n
	}
	if got := allowed(); got != 5 {
		t.Errorf("at once: %d, want 5", got)
	}
	if limiter.Allowed("ada") || limiter.RetryAfter("ada") != 12 {
		t.Errorf("retry after %d s, want 12", limiter.RetryAfter("ada"))
	}
	if !limiter.Allow("grace") {
		t.Error("another key was refused")
	}
	total := 5
	for range 59 {
		now = now.Add(time.Minute)
		total += allowed()
	}
	if total > 40 || total < 20 {
		t.Errorf("within an hour of guessing: %d, want 20 and what an hour refills", total)
	}
	now = now.Add(time.Hour)
	if got := allowed(); got != 5 {
		t.Errorf("an hour later: %d, want 5", got)
	}
}

func TestAllowedCountsNothing(t *testing.T) {
	now := time.Now()
	limiter, err := NewLimiter(func() time.Time { return now }, Rate{1, time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if !limiter.Allowed("a") {
			t.Fatal("asking used it up")
		}
	}
	if !limiter.Allow("a") || limiter.Allowed("a") {
		t.Error("one was to be allowed, and then none")
	}
}

func TestLimiterHoldsUnderConcurrency(t *testing.T) {
	now := time.Now()
	limiter, err := NewLimiter(func() time.Time { return now }, Tries...)
	if err != nil {
		t.Fatal(err)
	}
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if limiter.Allow("ada") {
				allowed.Add(1)
			}
		})
	}
	all.Wait()
	if allowed.Load() != 5 {
		t.Errorf("%d of 100 at once, want 5", allowed.Load())
	}
}

func TestLimiterRefusesRatesThatCannotBe(t *testing.T) {
	for _, r := range []Rate{{0, time.Minute}, {1, 0}} {
		if _, err := NewLimiter(time.Now, r); err == nil {
			t.Errorf("%v was taken", r)
		}
	}
}

// a million starts from as many networks, none of which comes back, cost the memory of those that are remembered and no more; whoever was
// limited before the flood is forgotten in their favour, and those who come now are limited as ever.
func TestR04_AMillionStartsLeaveMemoryFlat(t *testing.T) {
	now := time.Now()
	limiter, err := NewLimiter(func() time.Time { return now }, Rate{5, time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	heap := func() int64 {
		limiter.cache.CleanUp()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	flood := func(from, to int) {
		for i := from; i < to; i++ {
			limiter.Allow("begun " + strconv.Itoa(i))
		}
	}
	flood(0, 2*maxLimited)
	full := heap()
	flood(2*maxLimited, 1_000_000)
	if grown := heap() - full; grown > 20<<20 {
		t.Errorf("a million starts cost %d MiB more than the first %d", grown>>20, 2*maxLimited)
	}
	if n := limiter.cache.EstimatedSize(); n > maxLimited {
		t.Errorf("%d networks are remembered", n)
	}
	for i := range 6 {
		if allowed := limiter.Allow("somebody"); allowed != (i < 5) {
			t.Errorf("start %d of one network: %v", i, allowed)
		}
	}
}
