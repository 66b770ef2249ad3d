package store

import "testing"

func TestRememberURL(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		for _, step := range []struct{ url, before string }{
			{"https://a.test", ""}, {"https://a.test", "https://a.test"}, {"https://b.test", "https://a.test"}, {"https://b.test", "https://b.test"},
		} {
			if before, err := s.RememberURL(t.Context(), step.url); err != nil || before != step.before {
				t.Errorf("%s: before %q, %v; want %q", step.url, before, err, step.before)
			}
		}
		if n := len(must(s.In("").Events(t.Context(), EventFilter{Action: "installation.url_changed"}))); n != 2 {
			t.Errorf("told %d times, want 2", n)
		}
	})
}
