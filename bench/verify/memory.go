package main

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-sso/gatehouse/bench"
)

// collections is how often garbage must have been collected since for what lives to be known.
const collections = 2

// tellMemory lets a Gatehouse remember all the keys whose texts are known, and prints what they take.
func tellMemory(t *table) error {
	before, err := t.measured()
	if err != nil {
		return err
	}
	misses, err := t.AskEach(ask(verify, t.keys), connections)
	if err != nil {
		return err
	}
	after, err := t.measured()
	if err != nil {
		return err
	}
	fmt.Printf("\nMemory of one Gatehouse with %d keys in the table\n", t.size)
	fmt.Printf("  %-48s %9.0f MB resident, %5.1f MB of it live\n", "asked for one key alone", before.resident, before.live/(1<<20))
	fmt.Printf("  %-48s %9.0f MB resident, %5.1f MB of it live\n", fmt.Sprintf("with %d keys in memory", len(t.keys)), after.resident, after.live/(1<<20))
	fmt.Printf("  %-48s %9.0f bytes\n", "for each key", (after.live-before.live)/float64(len(t.keys)))
	fmt.Printf("  %-48s %9.0f a second, 99 of 100 within %.1f ms\n", "checks of keys not yet in memory", misses.Rate, float64(misses.P99.Microseconds())/1000)
	return nil
}

type memory struct{ resident, live float64 } // MB, bytes

// measured asks for one key until garbage has been collected, and then reads what is left. What lives is what the collector's next goal was
// made of: so much and GOGC hundredths more.
func (t *table) measured() (m memory, err error) {
	began, err := t.Metric("go_gc_duration_seconds_count")
	if err != nil {
		return m, err
	}
	for count := began; count < began+collections; {
		if _, err := t.AskAll(context.Background(), []bench.Question{verify.ask(t.keys[0])}, connections, time.Second/4); err != nil {
			return m, err
		}
		if count, err = t.Metric("go_gc_duration_seconds_count"); err != nil {
			return m, err
		}
	}
	goal, err := t.Metric("go_memstats_next_gc_bytes")
	if err != nil {
		return m, err
	}
	percent, err := t.Metric("go_gc_gogc_percent")
	if err != nil {
		return m, err
	}
	m.live = goal / (1 + percent/100)
	m.resident, err = t.Resident()
	return m, err
}
