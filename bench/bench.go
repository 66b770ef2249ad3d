// Package bench measures Gatehouse against what it could at best be, and prints tables.
//
//	go test -v ./bench/... -args -measure
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

// Side is one of the things compared. Run does the job for a while and returns the figure.
type Side struct {
	Name   string
	Run    func() (float64, error)
	Expect string // of the figure, in words; "" where nothing is
}

// Comparison is one table.
type Comparison struct {
	Title   string
	Against string       // what it runs against, and what makes the load
	Unit    string       // of the figures
	Same    func() error // says why the sides do not do the same job; nil where the figures are of different things, and then there is no ratio
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

// Measure checks, measures the sides in turn, and prints the table.
func (c Comparison) Measure(out io.Writer) error {
	if err := c.Check(); err != nil {
		return err
	}
	figures := make([][]float64, len(c.Sides))
	for range Rounds {
		for i, side := range c.Sides {
			figure, err := side.Run()
			if err != nil {
				return fmt.Errorf("%s, %s: %w", c.Title, side.Name, err)
			}
			figures[i] = append(figures[i], figure)
		}
	}
	c.print(out, figures)
	return nil
}

func (c Comparison) print(out io.Writer, figures [][]float64) {
	fmt.Fprintf(out, "\n%s\n%s; %d cores, %s %s/%s, median of %d rounds in turn\n",
		c.Title, c.Against, runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH, Rounds)
	line := func(name, median, lowest, highest, ratio, expected string) {
		fmt.Fprintln(out, strings.TrimRight(fmt.Sprintf("  %-48s %12s %9s %9s %8s  %s", name, median, lowest, highest, ratio, expected), " "))
	}
	line("", "median", "lowest", "highest", "ratio", "")
	first := median(figures[0])
	for i, side := range c.Sides {
		ratio, middle := "", median(figures[i])
		if c.Same != nil {
			ratio = readable(middle / first)
		}
		line(side.Name, readable(middle)+" "+c.Unit, readable(slices.Min(figures[i])), readable(slices.Max(figures[i])), ratio, side.Expect)
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
