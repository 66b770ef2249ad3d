package bench

import (
	"os"
	"testing"
)

func TestStartAndSize(t *testing.T) {
	lite, postgres := onSQLite(t), onPostgreSQL(t)
	program, err := binary()
	check(t, err)
	for _, on := range []installation{lite, postgres} { // the first start of a binary reads it from the disk
		start(t, on).stop(t)
	}
	c := Comparison{
		Title:   "Start on an existing database, until /readyz answers 200",
		Against: "the shipped binary, asked every millisecond", Unit: "ms",
		Sides: []Side{
			{Name: "SQLite", Run: func() (float64, error) { return started(t, lite), nil }, Expect: "< 300"},
			{Name: "PostgreSQL", Run: func() (float64, error) { return started(t, postgres), nil }, Expect: "< 300"},
		},
	}
	c.Table(t)
	c.Title, c.Against, c.Unit = "Resident memory once it is ready", "the shipped binary", "MB"
	c.Sides = []Side{
		{Name: "SQLite", Run: func() (float64, error) { return resident(t, lite), nil }, Expect: "< 60"},
		{Name: "PostgreSQL", Run: func() (float64, error) { return resident(t, postgres), nil }, Expect: "< 60"},
	}
	c.Table(t)
	info, err := os.Stat(program)
	check(t, err)
	c.Title, c.Against = "Size of the binary", "CGO_ENABLED=0 go build -trimpath -ldflags '-s -w'"
	c.Sides = []Side{{Name: "gatehouse", Run: func() (float64, error) { return float64(info.Size()) / (1 << 20), nil }}}
	c.Table(t)
}

// started is how many milliseconds a start takes.
func started(t testing.TB, on installation) float64 {
	g := start(t, on)
	g.stop(t)
	return float64(g.Ready.Microseconds()) / 1000
}

// resident is the memory of a program that is ready and has done nothing yet.
func resident(t testing.TB, on installation) float64 {
	g := start(t, on)
	defer g.stop(t)
	return g.resident(t)
}
