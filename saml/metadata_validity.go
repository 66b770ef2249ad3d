package saml

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// validUntil is the earliest of the ends stated, which must lie ahead.
func validUntil(now time.Time, stated ...string) (time.Time, *Problem) {
	var earliest time.Time
	for _, text := range stated {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		end, err := time.Parse(time.RFC3339, text)
		if err != nil {
			end, err = time.Parse("2006-01-02T15:04:05", text) // xs:dateTime may leave the zone out
		}
		if err != nil {
			return time.Time{}, problem(CodeValidUntil, "The metadata says it is valid until “%s”, which is not a date. Export it again from the identity provider.", shown(text))
		}
		if earliest.IsZero() || end.Before(earliest) {
			earliest = end.UTC()
		}
	}
	if !earliest.IsZero() && !now.Before(earliest) {
		return time.Time{}, problem(CodeValidUntil, "The metadata was valid until %s and is out of date. Export a fresh one from the identity provider.", earliest.Format(dateForPeople))
	}
	return earliest, nil
}

// duration is an xs:duration of less than a year, as far as anybody writes it for a cache: years and months, which have no length, are none.
var duration = regexp.MustCompile(`^P(?:0+Y)?(?:0+M)?(?:(\d{1,3})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})(?:\.\d+)?S)?)?$`)

// shortest is the least of the durations stated; zero where none can be read: how long to keep something is a wish, not a rule.
func shortest(stated ...string) (least time.Duration) {
	for _, text := range stated {
		parts := duration.FindStringSubmatch(strings.TrimSpace(text))
		if parts == nil {
			continue
		}
		var length time.Duration
		for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
			if count, err := strconv.Atoi(parts[i+1]); err == nil {
				length += time.Duration(count) * unit
			}
		}
		if length > 0 && (least == 0 || length < least) {
			least = length
		}
	}
	return least
}
