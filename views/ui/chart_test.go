package ui

import (
	"bytes"
	"strings"
	"testing"
)

func TestNumber(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 12345: "12,345", 1234567: "1,234,567", -12: "-12", -1000: "-1,000"} {
		if got := Number(n); got != want {
			t.Errorf("%d reads %q, want %q", n, got, want)
		}
	}
}

func TestChart(t *testing.T) {
	c := Chart{Title: "Checks", Tall: true, Days: []ChartDay{{"1 Nov", 0, 0}, {"2 Nov", 1000, 1}, {"3 Nov", 500, 500}}}
	if got, want := c.words(), "Checks, 3 days: 1,500 requests, 501 refused; most on 2 Nov, 1,000."; got != want {
		t.Errorf("who does not see it hears %q, want %q", got, want)
	}
	for _, row := range []struct {
		day             int
		n, below        int64
		y, height, name string
	}{
		{0, 0, 0, "100", "0", "nothing"},
		{1, 1, 0, "98", "2", "one in a thousand is seen"},
		{1, 999, 1, "2", "98", "the busiest day reaches the top"},
		{2, 500, 0, "51", "49", "half of it"},
	} {
		if b := c.part(row.day, row.n, row.below); b.Y != row.y || b.Height != row.height {
			t.Errorf("%s: %+v", row.name, b)
		}
	}
	var drawing bytes.Buffer
	if err := c.Render(t.Context(), &drawing); err != nil {
		t.Fatal(err)
	}
	if bars := strings.Count(drawing.String(), `class="chart-requests"`); bars != 1 || strings.Count(drawing.String(), `class="chart-refusals"`) != 2 {
		t.Errorf("%d bars of requests: %s", bars, drawing.String())
	}
	if empty := (Chart{Title: "Checks", Tall: true}); empty.tall() || empty.words() != "Checks, 0 days: 0 requests, 0 refused." {
		t.Errorf("an empty chart is tall or says %q", empty.words())
	}
}
