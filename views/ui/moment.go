package ui

import (
	"fmt"
	"time"
)

// Moment is a time for people and for machines. The zero Moment prints as a dash.
type Moment struct {
	Human   string // "3 minutes ago", "23 Nov 2026"
	Exact   string // "23 Nov 2026, 07:04:05 UTC", shown on hover
	Machine string // RFC 3339, UTC
}

// MomentOf describes t as seen at now: relative within a week, a date beyond. A zero t gives
// the zero Moment.
func MomentOf(t, now time.Time) Moment {
	if t.IsZero() {
		return Moment{}
	}
	t = t.UTC()
	return Moment{
		Human:   human(t, now.UTC()),
		Exact:   t.Format("2 Jan 2006, 15:04:05 UTC"),
		Machine: t.Format(time.RFC3339),
	}
}

// ExactMoment describes t to the second, for events and logins.
func ExactMoment(t time.Time) Moment {
	m := MomentOf(t, t)
	m.Human = m.Exact
	return m
}

func human(t, now time.Time) string {
	past, distance := true, now.Sub(t)
	if distance < 0 {
		past, distance = false, -distance
	}
	var words string
	switch {
	case distance < time.Minute && past:
		return "just now"
	case distance < time.Minute:
		return "in a moment"
	case distance < time.Hour:
		words = count(int(distance/time.Minute), "minute")
	case distance < 24*time.Hour:
		words = count(int(distance/time.Hour), "hour")
	case distance < 7*24*time.Hour:
		words = count(int(distance/(24*time.Hour)), "day")
	default:
		return t.Format("2 Jan 2006")
	}
	if past {
		return words + " ago"
	}
	return "in " + words
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
