package ui

import (
	"testing"
	"time"
)

func TestMomentOf(t *testing.T) {
	now := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	for want, at := range map[string]time.Time{
		"just now":       now.Add(-59 * time.Second),
		"1 minute ago":   now.Add(-time.Minute),
		"59 minutes ago": now.Add(-time.Hour + time.Second),
		"1 hour ago":     now.Add(-time.Hour),
		"6 days ago":     now.Add(-7*24*time.Hour + time.Second),
		"16 Nov 2026":    now.Add(-7 * 24 * time.Hour),
		"in a moment":    now.Add(time.Second),
		"in 14 minutes":  now.Add(14*time.Minute + 5*time.Second),
		"21 Feb 2027":    now.Add(90 * 24 * time.Hour),
	} {
		if got := MomentOf(at, now).Human; got != want {
			t.Errorf("%v: got %q, want %q", at, got, want)
		}
	}
	elsewhere := MomentOf(now.In(time.FixedZone("", 3600)), now)
	if elsewhere.Machine != "2026-11-23T07:00:00Z" || elsewhere.Exact != "23 Nov 2026, 07:00:00 UTC" {
		t.Errorf("another zone changed the time: %+v", elsewhere)
	}
	if MomentOf(time.Time{}, now) != (Moment{}) {
		t.Error("no time prints as one")
	}
}

func TestProblem_For(t *testing.T) {
	var none *Problem
	if got := none.For("email"); got != "" {
		t.Errorf("no problem says %q", got)
	}
	some := &Problem{Fields: []FieldError{{"", "All of it."}, {"email", "Enter one."}}}
	if some.For("email") != "Enter one." || some.For("name") != "" {
		t.Errorf("email %q, name %q", some.For("email"), some.For("name"))
	}
}
