// Package bench measures Gatehouse against what it could at best be, and prints tables.
//
//	go test -v ./bench -args -measure    logins, connections, reading, bombs, starting
//	go run ./bench/verify                checks of keys, by programs and for proxies
//	go run ./bench/nginx                 nginx that asks before it passes a request on
//	go run ./bench/revocation            how soon every node refuses, and one that is cut off
//
// A Comparison measures its sides in turn, five rounds of each, and prints the medians, the spread and the ratio to the first side. It
// prints no ratio before it has seen that all sides do the same job, and a figure that is expected to stay below a bound is printed
// beside that bound; time is never a reason for a test to fail. Without -measure the tests see in a moment that the jobs are the same,
// and take no time.
package bench

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Rounds is how often each side is measured, in turn with the others.
const Rounds = 5

var measuring = flag.Bool("measure", false, "measure and print tables")

// Measuring reports whether figures are asked for.
func Measuring() bool { return *measuring }

// Side is one of the things compared. Run does the job for a while and returns the figure; Also then returns further ones of the same run.
type Side struct {
	Name   string
	Run    func() (float64, error)
	Expect string // of the figure, in words; "" where nothing is
	Also   func() []float64
}

// Figure is what else a run tells.
type Figure struct {
	Name, Unit string
	Expect     string // of all sides but the first
}

// Comparison is one table.
type Comparison struct {
	Title   string
	Against string       // what it runs against, and what makes the load
	Unit    string       // of the figures
	Same    func() error // says why the sides do not do the same job; nil where the figures are of different things, and then there is no ratio
	Also    []Figure     // a table each, of the sides' further figures
	Sides   []Side       // ratios are to the first
}

// Table checks that the sides do the same job and, where figures are asked for, measures and prints.
func (c Comparison) Table(t testing.TB) {
	t.Helper()
	measure := c.Check
	if Measuring() {
		measure = func() error { return c.Measure(os.Stdout) }
	}
	if err := measure(); err != nil {
		t.Fatal(err)
	}
}

// Check returns an error when the sides do not do the same job.
func (c Comparison) Check() error {
	if c.Same == nil {
		return nil
	}
	if err := c.Same(); err != nil {
		return fmt.Errorf("%s: these are two different jobs, so there is no ratio: %w", c.Title, err)
	}
	return nil
}

// Measure checks, measures the sides in turn, and prints the table, or tables.
func (c Comparison) Measure(out io.Writer) error {
	if err := c.Check(); err != nil {
		return err
	}
	figures := make([][][]float64, 1+len(c.Also)) // by table, side and round
	for table := range figures {
		figures[table] = make([][]float64, len(c.Sides))
	}
	for range Rounds {
		for i, side := range c.Sides {
			figure, err := side.Run()
			if err != nil {
				return fmt.Errorf("%s, %s: %w", c.Title, side.Name, err)
			}
			figures[0][i] = append(figures[0][i], figure)
			for also := range c.Also {
				figures[1+also][i] = append(figures[1+also][i], side.Also()[also])
			}
		}
	}
	c.print(out, figures)
	return nil
}

func (c Comparison) print(out io.Writer, figures [][][]float64) {
	fmt.Fprintf(out, "\n%s\n%s; %d cores, %s %s/%s, median of %d rounds in turn\n",
		c.Title, c.Against, runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH, Rounds)
	expected := func(side int) string { return c.Sides[side].Expect }
	c.printTable(out, "", c.Unit, figures[0], expected)
	for i, figure := range c.Also {
		c.printTable(out, figure.Name, figure.Unit, figures[1+i], func(side int) string {
			if side == 0 {
				return ""
			}
			return figure.Expect
		})
	}
}

func (c Comparison) printTable(out io.Writer, name, unit string, figures [][]float64, expected func(side int) string) {
	line := func(name, median, lowest, highest, ratio, expected string) {
		fmt.Fprintln(out, strings.TrimRight(fmt.Sprintf("  %-48s %12s %9s %9s %8s  %s", name, median, lowest, highest, ratio, expected), " "))
	}
	line(name, "median", "lowest", "highest", "ratio", "")
	first := median(figures[0])
	for i, side := range c.Sides {
		ratio, middle := "", median(figures[i])
		if c.Same != nil {
			ratio = readable(middle / first)
		}
		line(side.Name, readable(middle)+" "+unit, readable(slices.Min(figures[i])), readable(slices.Max(figures[i])), ratio, expected(i))
	}
}

// median is the middle figure.
func median(figures []float64) float64 {
	return slices.Sorted(slices.Values(figures))[len(figures)/2]
}

// readable is a figure with three digits that count.
func readable(figure float64) string {
	switch {
	case figure >= 100:
		return fmt.Sprintf("%.0f", figure)
	case figure >= 10:
		return fmt.Sprintf("%.1f", figure)
	}
	return fmt.Sprintf("%.2f", figure)
}
