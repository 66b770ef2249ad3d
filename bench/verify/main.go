// Command verify measures POST /v1/keys/verify and /v1/authorize of the real binary, as shipped with its logs and metrics, against a bare
// net/http handler that reads the same body and answers the same status, headers and bytes. All are processes of their own on this machine,
// and each kind is asked with 10, 100,000 and 1,000,000 keys in its table.
//
// Askers and asked share the processors, as they do wherever a gate and its callers run on one machine. One key, again and again, is asked for by
// one thread of wrk; 100,000 different ones by a generator in this process. Then it tells what memory the keys take that are remembered.
//
// Sides do the same job when one answer of each agrees in status, headers and body, but for the date, the request's id and what is told
// about the key itself.
//
//	go run ./bench/verify
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gatehouse-sso/gatehouse/bench"
)

var (
	seconds = flag.Int("seconds", 2, "of one measurement")
	program = flag.String("program", "", "a binary that is built already")
)

const (
	connections = 64
	remembered  = 100_000 // keys that are live in memory
)

// sizes are how many keys are in the tables.
var sizes = []int{10, remembered, 1_000_000}

func main() {
	bench.Main(func(ctx context.Context, folder string) error {
		return run(ctx, folder, sizes, tellMemory, func(c bench.Comparison) error { return c.Measure(os.Stdout) })
	})
}

// table is a Gatehouse with so many keys.
type table struct {
	*bench.Process
	size int
	keys []string // texts of up to remembered of them
}

// run starts a Gatehouse for each size, takes the comparisons, and in between looks at the largest.
func run(ctx context.Context, folder string, sizes []int, look func(*table) error, take func(bench.Comparison) error) (err error) {
	tables, err := startAll(ctx, folder, sizes)
	defer func() {
		for _, t := range tables {
			err = errors.Join(err, t.Stop())
		}
	}()
	if err != nil {
		return err
	}
	for _, kind := range []kind{verify, authorize} {
		if err := oneKey(ctx, folder, kind, tables, take); err != nil {
			return err
		}
	}
	largest := tables[len(tables)-1]
	if err := look(largest); err != nil {
		return err
	}
	return manyKeys(ctx, folder, tables[0], largest, take)
}

func startAll(ctx context.Context, folder string, sizes []int) (tables []*table, err error) {
	binary := *program
	if binary == "" {
		if binary, err = bench.Build(ctx, folder); err != nil {
			return nil, err
		}
	}
	for _, size := range sizes {
		t := &table{size: size}
		file, masterKey := filepath.Join(folder, fmt.Sprintf("%d.db", size)), bench.NewMasterKey()
		if t.keys, err = bench.LoadKeys(ctx, file, masterKey, size, remembered); err != nil {
			return tables, err
		}
		if t.Process, err = bench.Start(ctx, binary, folder, "sqlite:"+file, masterKey); err != nil {
			return tables, err
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// kind is a way to ask about a key.
type kind struct {
	title string
	ask   func(key string) bench.Question
}

var (
	verify    = kind{"POST /v1/keys/verify", bench.Verify}
	authorize = kind{"GET /v1/authorize", bench.Authorize}
)

// oneKey compares the tables, asked for one key each, with a bare handler.
func oneKey(ctx context.Context, folder string, k kind, tables []*table, take func(bench.Comparison) error) (err error) {
	bare, sample, err := startBare(ctx, folder, k, tables[0])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.Stop()) }()
	hot := k.ask(tables[0].keys[0])
	sides := []bench.LoadSide{{Name: "bare net/http, same body, status and headers", Run: func() (bench.Load, error) {
		return bare.Ask(ctx, folder, hot, connections, *seconds)
	}}}
	for _, t := range tables {
		its := k.ask(t.keys[0])
		sides = append(sides, bench.LoadSide{Name: fmt.Sprintf("%s, %d keys in the table", k.title, t.size), Run: func() (bench.Load, error) {
			return t.Ask(ctx, folder, its, connections, *seconds)
		}})
	}
	return take(bench.Rates(bench.Comparison{
		Title: k.title + ", one key",
		Against: fmt.Sprintf("processes on SQLite asked by one thread of wrk with %d connections for %d s, every answer %d with %d bytes of body", connections, *seconds,
			sample.Status, len(sample.Body)),
		Same: func() error { return sameJob(ctx, k, sample, bare, tables) },
	}, ">= 0.75 of the bare rate", "<= 1.5 of bare", sides...))
}

// startBare starts a bare handler that answers like the table's Gatehouse about its first key.
func startBare(ctx context.Context, folder string, k kind, t *table) (*bench.Process, bench.Answer, error) {
	sample, err := t.Answer(ctx, k.ask(t.keys[0]))
	if err != nil {
		return nil, sample, err
	}
	if sample.Status != 200 {
		return nil, sample, fmt.Errorf("%s answers %d %s", k.title, sample.Status, sample.Body)
	}
	bare, err := bench.StartBare(ctx, folder, t.Host, sample)
	return bare, sample, err
}

// sameJob returns an error unless bare answers like the first table, and each table about its first key as long as the first table does.
func sameJob(ctx context.Context, k kind, sample bench.Answer, bare *bench.Process, tables []*table) error {
	if err := bench.AllLike(ctx, sample, k.ask(tables[0].keys[0]), bare, tables[0].Process); err != nil {
		return err
	}
	for _, t := range tables[1:] {
		answer, err := t.Answer(ctx, k.ask(t.keys[0]))
		if err != nil {
			return err
		}
		if answer.Status != sample.Status || len(answer.Body) != len(sample.Body) || len(answer.Header) != len(sample.Header) {
			return fmt.Errorf("with %d keys in the table the answer is %d %v %s", t.size, answer.Status, answer.Header, answer.Body)
		}
	}
	return nil
}

// manyKeys compares the largest table, asked for many keys in turn that it remembers, with a bare handler asked the same, and with the
// smallest asked for all of its few.
func manyKeys(ctx context.Context, folder string, smallest, largest *table, take func(bench.Comparison) error) (err error) {
	bare, sample, err := startBare(ctx, folder, verify, largest)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.Stop()) }()
	lasting := time.Duration(*seconds) * time.Second
	side := func(name string, asked *bench.Process, keys []string) bench.LoadSide {
		questions := ask(verify, keys)
		return bench.LoadSide{Name: name, Run: func() (bench.Load, error) { return asked.AskAll(ctx, questions, connections, lasting) }}
	}
	return take(bench.Rates(bench.Comparison{
		Title:   fmt.Sprintf("%s, many keys at random", verify.title),
		Against: fmt.Sprintf("processes on SQLite asked by a generator in Go with %d connections for %s", connections, lasting),
		Same:    func() error { return sameJob(ctx, verify, sample, bare, []*table{largest, smallest}) },
	}, ">= 0.75 of the bare rate", "<= 1.5 of bare",
		side("bare net/http, same body, status and headers", bare, largest.keys),
		side(fmt.Sprintf("%d keys of %d", len(smallest.keys), smallest.size), smallest.Process, smallest.keys),
		side(fmt.Sprintf("%d keys of %d", len(largest.keys), largest.size), largest.Process, largest.keys),
	))
}

func ask(k kind, keys []string) []bench.Question {
	var all []bench.Question
	for _, key := range keys {
		all = append(all, k.ask(key))
	}
	return all
}
