// Command pages measures every page of the console, and every list of the admin API, that shows something of one organization: with 50
// members and 50 projects, with 300 of each, and with 50,000 members and 2,000 projects. What grows with people grows along: logins, events,
// sessions, invites, roles in projects. The pages are the lines of handlers/testdata/routes.txt that only look, so a new one is measured by
// itself.
//
// The real binary answers, a process for each size, asked over one connection by the owner of it all, in turn, five rounds of each. With 50
// of something a page may be shorter than the first page of many: such a page is another job, is marked so, and its ratio is to what 300 fill.
// On a machine that has other work as well, the ratio of the medians says more than that of the slowest answers.
//
//	go run ./bench/pages [-database postgres] [-only regexp]
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"time"

	"github.com/gatehouse-sso/gatehouse/bench"
)

var (
	database = flag.String("database", "sqlite", "or postgres")
	only     = flag.String("only", "", "a regular expression: measure the routes alone that it finds")
	lasting  = flag.Duration("for", 300*time.Millisecond, "how long one page is asked for in a round")
	program  = flag.String("program", "", "a binary that is built already")
	routes   = flag.String("routes", "handlers/testdata/routes.txt", "the list of routes")
)

// bound is how many times as long as with 50 the slowest of a hundred answers may take.
const bound = 1.5

// sizes are how much there is in an organization. The first two fill the first page of a list just so, and several times.
var sizes = []size{{50, 50}, {300, 300}, {50_000, 2_000}}

type size struct{ members, projects int }

func main() {
	bench.Main(func(ctx context.Context, folder string) error {
		text, err := os.ReadFile(*routes)
		if err != nil {
			return err
		}
		return run(ctx, folder, sizes, pagesIn(string(text)), measure)
	})
}

// run starts a Gatehouse for each size and hands every page that all have to take.
func run(ctx context.Context, folder string, sizes []size, pages []page, take func(context.Context, page, []*installation) error) (err error) {
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	var all []*installation
	defer func() {
		for _, i := range all {
			err = errors.Join(err, i.remove())
		}
	}()
	for _, s := range sizes {
		i, err := install(ctx, folder, s)
		if i != nil {
			all = append(all, i)
		}
		if err != nil {
			return fmt.Errorf("install %d members: %w", s.members, err)
		}
	}
	fmt.Printf("\nPages of one organization, on %s; %d cores, %s %s/%s, one connection, median of %d rounds in turn, each %s\n",
		*database, runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH, bench.Rounds, *lasting)
	for _, i := range all {
		fmt.Printf("  %d members, %d projects: ready after %s, database prepared in %s\n", i.members, i.projects, i.Ready.Round(time.Millisecond), i.prepared.Round(time.Second/10))
	}
	fmt.Printf("\n%-88s %8s %8s %8s %8s %8s %7s %9s\n", "99 of 100 answers within, ms; median of the largest; ratio", "50", "300", "50,000", "(median)", "(CPU)", "ratio", "(medians)")
	for _, p := range pages {
		if wanted.MatchString(p.pattern) {
			if err := take(ctx, p, all); err != nil {
				return fmt.Errorf("%s: %w", p.pattern, err)
			}
		}
	}
	return nil
}

// measure asks all for the page, in turn, and prints a line.
func measure(ctx context.Context, p page, all []*installation) error {
	job := make([]shape, len(all))
	for n, i := range all {
		if err := i.stayFresh(ctx); err != nil {
			return err
		}
		answer, err := i.Answer(ctx, i.question(p))
		if err != nil {
			return err
		}
		if answer.Status != 200 {
			fmt.Printf("%-88s not a page here: %d\n", p.pattern, answer.Status)
			return nil
		}
		job[n] = shapeOf(answer.Body)
	}
	p99, half, processor := make([][]float64, len(all)), make([][]float64, len(all)), make([][]float64, len(all))
	for range bench.Rounds {
		for n, i := range all {
			load, err := i.AskAll(ctx, []bench.Question{i.question(p)}, 1, *lasting)
			if err != nil {
				return err
			}
			p99[n], half[n], processor[n] = append(p99[n], ms(load.P99)), append(half[n], ms(load.Half)), append(processor[n], ms(load.Processor))
		}
	}
	last := len(all) - 1
	with, note := 0, ""
	if job[0] != job[last] {
		with, note = 1, fmt.Sprintf("  50 show %d rows, many %d: against 300", job[0].rows, job[last].rows)
	}
	if job[with] != job[last] {
		fmt.Printf("%-88s %8.2f %8.2f %8.2f %8.2f %8.2f %7s  different jobs: %v and %v\n", p.pattern, median(p99[0]), median(p99[1]), median(p99[last]),
			median(half[last]), median(processor[last]), "-", job[with], job[last])
		return nil
	}
	ratio, beyond := median(p99[last])/median(p99[with]), ""
	if ratio > bound {
		beyond = fmt.Sprintf("  BEYOND %.1f", bound)
	}
	fmt.Printf("%-88s %8.2f %8.2f %8.2f %8.2f %8.2f %7.2f %9.2f%s%s\n", p.pattern, median(p99[0]), median(p99[1]), median(p99[last]), median(half[last]), median(processor[last]),
		ratio, median(half[last])/median(half[with]), beyond, note)
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(all []float64) float64 { return slices.Sorted(slices.Values(all))[len(all)/2] }

// shape is what makes two pages the same job: how many rows of tables, entries of lists, options and data they show.
type shape struct{ rows, items, options, data int }

func shapeOf(body []byte) shape {
	count := func(text string) int { return bytes.Count(body, []byte(text)) }
	return shape{count("<tr"), count("<li"), count("<option"), count(`"id":`)}
}
