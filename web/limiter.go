package web

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

// maxLimited is how many keys a Limiter remembers; the least used are forgotten first, so a flood of keys costs no memory.
const maxLimited = 100_000

// Rate allows Count in Per: a bucket of Count that fills up again within Per.
type Rate struct {
	Count int
	Per   time.Duration
}

// Tries are the rates for guessing at secrets: 5 a minute and 20 an hour.
var Tries = []Rate{{5, time.Minute}, {20, time.Hour}}

// Limiter allows so much for each key, by every one of its rates. Safe for concurrent use.
type Limiter struct {
	rates []Rate
	now   func() time.Time
	cache *otter.Cache[string, *buckets]
}

type buckets struct {
	mu    sync.Mutex
	rates []*rate.Limiter
}

// NewLimiter limits by the given rates. The error is about the rates alone.
func NewLimiter(now func() time.Time, rates ...Rate) (*Limiter, error) {
	var longest time.Duration
	for _, r := range rates {
		if r.Count < 1 || r.Per <= 0 {
			return nil, fmt.Errorf("rate of %d in %s cannot be", r.Count, r.Per)
		}
		longest = max(longest, r.Per)
	}
	cache, err := otter.New(&otter.Options[string, *buckets]{
		MaximumSize:      maxLimited,
		ExpiryCalculator: otter.ExpiryAccessing[string, *buckets](longest),
	})
	if err != nil {
		return nil, fmt.Errorf("make limiter: %w", err)
	}
	return &Limiter{rates: rates, now: now, cache: cache}, nil
}

// Allow counts one for key and reports whether it was within all rates. A refused one is not counted.
func (l *Limiter) Allow(key string) bool { return l.ask(l.bucketsOf(key), true) }

// Allowed reports whether Allow would be true, and counts nothing: for limits on failures, which are counted afterwards.
func (l *Limiter) Allowed(key string) bool {
	b, found := l.cache.GetIfPresent(key)
	return !found || l.ask(b, false)
}

func (l *Limiter) ask(b *buckets, count bool) bool {
	now := l.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, limiter := range b.rates {
		if limiter.TokensAt(now) < 1 {
			return false
		}
	}
	for _, limiter := range b.rates {
		if count {
			limiter.AllowN(now, 1)
		}
	}
	return true
}

// RetryAfter is how many whole seconds to wait until key is allowed again, at least 1.
func (l *Limiter) RetryAfter(key string) int {
	now := l.now()
	b := l.bucketsOf(key)
	b.mu.Lock()
	defer b.mu.Unlock()
	seconds := 1.0
	for _, limiter := range b.rates {
		missing := 1 - limiter.TokensAt(now)
		seconds = max(seconds, math.Ceil(missing/float64(limiter.Limit())))
	}
	return int(seconds)
}

func (l *Limiter) bucketsOf(key string) *buckets {
	b, _ := l.cache.ComputeIfAbsent(key, func() (*buckets, bool) {
		fresh := &buckets{}
		for _, r := range l.rates {
			fresh.rates = append(fresh.rates, rate.NewLimiter(rate.Every(r.Per/time.Duration(r.Count)), r.Count))
		}
		return fresh, false
	})
	return b
}
