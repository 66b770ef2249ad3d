package ui

import (
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Chart is requests and refusals per day as bars, drawn on the server. Whoever does not see it
// hears its sums and its busiest day; every number stands in [ChartTable].
type Chart struct {
	Title string     // what is counted: "Checks of this project's keys"
	Days  []ChartDay // the oldest first, none left out
	Tall  bool       // the page's main thing, not a line beside a list
}

// ChartDay is one day of it. Requests counts the refused ones as well.
type ChartDay struct {
	Name               string // "23 Nov 2026"
	Requests, Refusals int64
}

// Render makes a Chart a component.
func (c Chart) Render(ctx context.Context, w io.Writer) error { return c.view().Render(ctx, w) }

// Number is n as people write it: "12,345".
func Number(n int64) string {
	text := strconv.FormatInt(n, 10)
	var groups []string
	for len(text) > 3 && text[len(text)-4] != '-' {
		groups = append(groups, text[len(text)-3:])
		text = text[:len(text)-3]
	}
	groups = append(groups, text)
	slices.Reverse(groups)
	return strings.Join(groups, ",")
}

// Units of the drawing, which is stretched to the width that there is.
const (
	dayWidth = 10
	barWidth = 8
	barsHigh = 100
)

// bar is one rectangle of the drawing.
type bar struct{ X, Y, Width, Height string }

// part is a day's bar for n counts that stands on others, as high as the busiest day allows; what was counted is seen, however small.
func (c Chart) part(day int, n, below int64) bar {
	low, high := c.height(below), c.height(below+n)
	if n > 0 && high-low < 2 {
		high = low + 2
	}
	return bar{strconv.Itoa(day*dayWidth + (dayWidth-barWidth)/2), strconv.Itoa(barsHigh - high), strconv.Itoa(barWidth), strconv.Itoa(high - low)}
}

func (c Chart) height(n int64) int {
	most := c.most().Requests
	if most == 0 {
		return 0
	}
	return int(float64(n) / float64(most) * (barsHigh - 2))
}

// most is the busiest day, zero when there was none.
func (c Chart) most() (busiest ChartDay) {
	for _, day := range c.Days {
		if day.Requests > busiest.Requests {
			busiest = day
		}
	}
	return busiest
}

// tall: there is nothing to look at where nothing was counted.
func (c Chart) tall() bool { return c.Tall && c.most().Requests > 0 }

func (c Chart) sums() (requests, refusals int64) {
	for _, day := range c.Days {
		requests, refusals = requests+day.Requests, refusals+day.Refusals
	}
	return requests, refusals
}

func (c Chart) requests() string {
	requests, _ := c.sums()
	return counted(requests, "request")
}

func (c Chart) refused() string {
	_, refusals := c.sums()
	return Number(refusals) + " refused"
}

// words are the chart for whoever does not see it.
func (c Chart) words() string {
	text := c.Title + ", " + strconv.Itoa(len(c.Days)) + " days: " + c.requests() + ", " + c.refused()
	if busiest := c.most(); busiest.Requests > 0 {
		text += "; most on " + busiest.Name + ", " + Number(busiest.Requests)
	}
	return text + "."
}

func (d ChartDay) words() string {
	return d.Name + ": " + counted(d.Requests, "request") + ", " + Number(d.Refusals) + " refused"
}

func (c Chart) box() string {
	return "0 0 " + strconv.Itoa(max(1, len(c.Days))*dayWidth) + " " + strconv.Itoa(barsHigh)
}

func (c Chart) first() string {
	if len(c.Days) == 0 {
		return ""
	}
	return c.Days[0].Name
}

func counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Number(n) + " " + noun + "s"
}
