package bench

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/pgtest"
)

func TestMain(m *testing.M) {
	pgtest.Durable() // SQLite keeps what it acknowledges, so PostgreSQL must too: else there would be no ratio
	code := pgtest.Main(m)
	removeBinary()
	os.Exit(code)
}

func TestTablePrintsMediansAndRatiosOfOneJobAlone(t *testing.T) {
	c := Comparison{Title: "Speed", Unit: "/s", Same: func() error { return nil }, Sides: []Side{
		{Name: "theirs", Run: oneByOne(9, 1, 2, 4, 200, 9, 1, 2, 4, 200)},
		{Name: "ours", Run: oneByOne(3, 6, 12, 5, 7, 3, 6, 12, 5, 7), Expect: "much"},
	}}
	for _, want := range []string{"ours 6.00 /s 3.00 12.0 1.50 much\n", "ours 6.00 /s 3.00 12.0 much\n"} {
		var out bytes.Buffer
		check(t, c.Measure(&out))
		if text := strings.Join(strings.FieldsFunc(out.String(), func(r rune) bool { return r == ' ' }), " "); !strings.HasSuffix(text, want) {
			t.Errorf("printed %q, want %q at its end", text, want)
		}
		c.Same = nil
	}
}

func TestTwoDifferentJobsHaveNoRatio(t *testing.T) {
	c := Comparison{Same: func() error { return errors.New("one answers 200, the other 404") }, Sides: []Side{{Run: func() (float64, error) {
		t.Error("measured")
		return 0, nil
	}}}}
	var out bytes.Buffer
	if err := c.Measure(&out); err == nil || out.Len() > 0 {
		t.Errorf("%v, printed %q", err, out.String())
	}
}

func oneByOne(figures ...float64) func() (float64, error) {
	return func() (float64, error) {
		next := figures[0]
		figures = figures[1:]
		return next, nil
	}
}
