package bench

import (
	"bytes"
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
	c := Comparison{Title: "Speed", Unit: "/s", Same: func() error { return nil }, Sides: []Side{{Name: "theirs"}, {Name: "ours", Expect: "much"}}}
	figures := [][]float64{{9, 1, 2, 4, 200}, {3, 6, 12, 5, 7}}
	for _, want := range []string{"ours 6.00 /s 3.00 12.0 1.50 much\n", "ours 6.00 /s 3.00 12.0 much\n"} {
		var out bytes.Buffer
		c.print(&out, figures)
		if text := strings.Join(strings.FieldsFunc(out.String(), func(r rune) bool { return r == ' ' }), " "); !strings.HasSuffix(text, want) {
			t.Errorf("printed %q, want %q at its end", text, want)
		}
		c.Same = nil
	}
}
