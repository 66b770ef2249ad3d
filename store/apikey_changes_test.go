package store

import (
	"context"
	"crypto/hmac"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

const day = 24 * time.Hour

// opens says whether the text is a live one of the key, by what a check reads.
func opens(t testing.TB, s *Store, id string, text secret.Token) bool {
	t.Helper()
	k, err := s.KeyByID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if k.RevokedAt != nil || k.ExpiresAt != nil && !s.Now().Before(*k.ExpiresAt) {
		return false
	}
	return slices.ContainsFunc(k.Secrets, func(one KeySecret) bool {
		return (one.EndsAt == nil || s.Now().Before(*one.EndsAt)) && hmac.Equal(one.Hash, secret.HashKey(s.Pepper(one.PepperVersion), text.Reveal()))
	})
}

// lastEvents are the newest events with this action.
func lastEvents(t *testing.T, s *Store, organization string, action audit.Action) []audit.Event {
	t.Helper()
	return must(s.In(organization).Events(t.Context(), EventFilter{Action: string(action)}))
}

// told are the changes since, without their times and numbers.
func told(t *testing.T, s *Store, since int64) (kinds []string) {
	t.Helper()
	for _, c := range must(s.ChangesAfter(t.Context(), since)) {
		kinds = append(kinds, string(c.Kind)+" "+c.SubjectID)
	}
	return kinds
}

func TestRotateAPIKey(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		p := aProject(t, s, o.ID, owner)
		scope := s.In(o.ID)
		key, first := aKey(t, s, p, owner, "ci", access.ProjectEditor)
		last := must(s.LastChange(ctx))
		rotated, second, err := scope.RotateAPIKey(ctx, actorOf(owner), p.ID, key.ID, key.Version, day, nil)
		ok(t, err)
		if rotated.Version != 2 || rotated.RotatedAt == nil || rotated.PreviousEndsAt == nil || !rotated.PreviousEndsAt.After(s.Now()) || !rotated.ExpiresAt.Equal(*key.ExpiresAt) {
			t.Errorf("the rotated key is %+v", rotated)
		}
		if !opens(t, s, key.ID, first) || !opens(t, s, key.ID, second) || first.Reveal() == second.Reveal() {
			t.Error("both texts do not open during the overlap")
		}
		if kinds := told(t, s, last); !slices.Equal(kinds, []string{"api_key " + key.ID}) {
			t.Errorf("told %v", kinds)
		}
		e := lastEvents(t, s, o.ID, audit.APIKeyRotated)[0]
		if want := "Name of owner@acme.test rotated the API key “ci” in project “Search”."; e.Sentence() != want || e.Changes[0].After != "changed" {
			t.Errorf("%q, want %q; %+v", e.Sentence(), want, e.Changes)
		}
		// A third text ends the first, whose overlap has not passed, and a stranger to the version is told.
		_, _, err = scope.RotateAPIKey(ctx, operator, p.ID, key.ID, 1, 0, nil)
		isError(t, err, ErrConflict)
		_, third, err := scope.RotateAPIKey(ctx, operator, p.ID, key.ID, 2, day, nil)
		ok(t, err)
		if opens(t, s, key.ID, first) || !opens(t, s, key.ID, second) || !opens(t, s, key.ID, third) {
			t.Error("not the newest two texts open")
		}
		rotated, fourth, err := scope.RotateAPIKey(ctx, operator, p.ID, key.ID, 3, 0, nil)
		ok(t, err)
		if opens(t, s, key.ID, third) || !opens(t, s, key.ID, fourth) || rotated.PreviousEndsAt != nil {
			t.Error("without an overlap the text before still opens")
		}
		if n := count(t, s, "api_key_secrets WHERE key_id = ?", key.ID); n != 2 {
			t.Errorf("%d hashes are kept, want 2", n)
		}
		for _, row := range []struct {
			overlap time.Duration
			expiry  time.Duration
			field   string
		}{{-time.Second, 0, "overlap"}, {30*day + 1, 0, "overlap"}, {0, -time.Second, "expires"}, {0, 366 * day, "expires"}} {
			var expires *time.Time
			if at := s.Now().Add(row.expiry); row.expiry != 0 {
				expires = &at
			}
			_, _, err := scope.RotateAPIKey(ctx, operator, p.ID, key.ID, 4, row.overlap, expires)
			hasProblem(t, err, row.field)
		}
		later(s, 91*day)
		_, _, err = scope.RotateAPIKey(ctx, operator, p.ID, key.ID, 4, 0, nil)
		hasProblem(t, err, "expires") // an expired key is not brought back
		ok(t, scope.RevokeAPIKey(ctx, operator, p.ID, key.ID))
		_, _, err = scope.RotateAPIKey(ctx, operator, p.ID, key.ID, 5, 0, nil)
		isError(t, err, ErrConflict)
	})
}

// TestK11_ATextEndsToTheSecond: at the last microsecond it opens, at its end it does not, by expiry and by the end of an overlap.
func TestK11_ATextEndsToTheSecond(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		start := s.Now().Truncate(time.Second)
		at := func(d time.Duration) { s.now = func() time.Time { return start.Add(d) } }
		at(0)
		o, owner := anOrganization(t, s, "acme")
		p := aProject(t, s, o.ID, owner)
		key, first := aKey(t, s, p, owner, "ci", access.ProjectEditor) // for 90 days
		_, second, err := s.In(o.ID).RotateAPIKey(ctx, operator, p.ID, key.ID, 1, time.Hour, nil)
		ok(t, err)
		for _, row := range []struct {
			at            time.Duration
			first, second bool
		}{
			{0, true, true}, {time.Hour - time.Microsecond, true, true}, {time.Hour, false, true}, {time.Hour + time.Second, false, true},
			{90*day - time.Microsecond, false, true}, {90 * day, false, false},
		} {
			at(row.at)
			if a, b := opens(t, s, key.ID, first), opens(t, s, key.ID, second); a != row.first || b != row.second {
				t.Errorf("after %v: the first opens %v, the second %v; want %v, %v", row.at, a, b, row.first, row.second)
			}
		}
	})
}

// TestRotationNeverOutlivesTheOldExpiry: whatever is rotated when, no text opens at or after the expiry that it was given with, at most two open
// at once, and the newest does while its key lasts.
func TestRotationNeverOutlivesTheOldExpiry(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		p := aProject(t, s, o.ID, owner)
		scope := s.In(o.ID)
		ok(t, scope.SetKeyPolicy(t.Context(), operator, 0, KeyPolicy{NeverExpires: true, LongestDays: 365, PerProject: 100_000}))
		start, made := s.Now(), 0
		rapid.Check(t, func(rt *rapid.T) {
			now := start
			s.now = func() time.Time { return now }
			seconds := func(what string, from, to time.Duration) time.Duration {
				return time.Duration(rapid.Int64Range(int64(from/time.Second), int64(to/time.Second)).Draw(rt, what)) * time.Second
			}
			expiry := func(what string) *time.Time {
				if rapid.Bool().Draw(rt, what+" stays") {
					return nil
				}
				at := now.Add(seconds(what, time.Second, 60*day))
				return &at
			}
			made++
			key, text, err := scope.CreateAPIKey(t.Context(), operator, NewAPIKey{ProjectID: p.ID, Name: "key " + time.Duration(made).String(),
				Roles: []access.Role{access.ProjectEditor}, CreatorID: owner.ID, ExpiresAt: expiry("first expiry")})
			if err != nil {
				rt.Fatal(err)
			}
			type given struct {
				text  secret.Token
				until *time.Time
			}
			texts := []given{{text, key.ExpiresAt}}
			for range rapid.IntRange(1, 5).Draw(rt, "rotations") {
				now = now.Add(seconds("time passes", 0, 40*day))
				overlap, asked := seconds("overlap", 0, 30*day), expiry("new expiry")
				rotated, text, err := scope.RotateAPIKey(t.Context(), operator, p.ID, key.ID, key.Version, overlap, asked)
				if alive := key.Live(now); (err == nil) != alive {
					rt.Fatalf("alive %v, rotating said %v", alive, err)
				}
				if err == nil {
					texts, key = append(texts, given{text, rotated.ExpiresAt}), rotated
				}
				turn := now
				for _, after := range []time.Duration{0, overlap - time.Second, overlap, seconds("a look", 0, 70*day)} {
					now = turn.Add(max(after, 0))
					opening := 0
					for i, one := range texts {
						open := opens(t, s, key.ID, one.text)
						if open && one.until != nil && !now.Before(*one.until) {
							rt.Fatalf("text %d opens at %v, past the expiry it was given with, %v", i, now, *one.until)
						}
						if open {
							opening++
						}
					}
					if newest := opens(t, s, key.ID, texts[len(texts)-1].text); opening > 2 || newest != key.Live(now) {
						rt.Fatalf("%d texts open, the newest %v, of a key that is live: %v", opening, newest, key.Live(now))
					}
				}
				now = turn
			}
		})
	})
}

// Two who rotate at once, and one who rotates while another revokes: one of them is told, and whoever was given a text can use it.
func TestRotatingIsOneAtATime(t *testing.T) {
	eachOrder(t, func(t *testing.T, nodes [2]*Store, both func(a, b func() error) (error, error)) {
		ctx := context.WithoutCancel(t.Context())
		s := nodes[0]
		o, owner := anOrganization(t, s, "acme")
		p := aProject(t, s, o.ID, owner)
		key, _ := aKey(t, s, p, owner, "ci", access.ProjectEditor)
		var texts [2]secret.Token
		rotate := func(i int, version int64) func() error {
			return func() (err error) {
				_, texts[i], err = nodes[i].In(o.ID).RotateAPIKey(ctx, operator, p.ID, key.ID, version, day, nil)
				return err
			}
		}
		a, b := both(rotate(0, 1), rotate(1, 1))
		if (a == nil) == (b == nil) || a != nil && !errors.Is(a, ErrConflict) || b != nil && !errors.Is(b, ErrConflict) {
			t.Fatalf("rotating said %v and %v: one has to win, the other to be told", a, b)
		}
		winner := texts[0]
		if a != nil {
			winner = texts[1]
		}
		if !opens(t, s, key.ID, winner) {
			t.Error("the text that was given does not open")
		}
		rotated, revoked := both(rotate(0, 2), func() error { return nodes[1].In(o.ID).RevokeAPIKey(ctx, operator, p.ID, key.ID) })
		ok(t, revoked)
		if k := must(s.KeyByID(ctx, key.ID)); k.RevokedAt == nil {
			t.Errorf("after a rotation at once (%v) the key is not revoked", rotated)
		}
		if n := len(lastEvents(t, s, o.ID, audit.APIKeyRotated)); (n == 2) != (rotated == nil) {
			t.Errorf("%d rotations are told, the second said %v", n, rotated)
		}
	})
}

func TestChangeAPIKey(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		p := aProject(t, s, o.ID, owner)
		scope := s.In(o.ID)
		key, _ := aKey(t, s, p, owner, "ci", access.ProjectEditor)
		aKey(t, s, p, owner, "taken", access.ProjectEditor)
		networks := []netip.Prefix{netip.MustParsePrefix("192.0.2.77/24"), netip.MustParsePrefix("::ffff:192.0.2.0/120"), netip.MustParsePrefix("2001:db8::1/32"), netip.MustParsePrefix("::ffff:0:0/96")}
		last := must(s.LastChange(ctx))
		ok(t, scope.ChangeAPIKey(ctx, operator, p.ID, key.ID, 1, APIKeyChange{Name: " build ", Networks: networks, RatePerMinute: 60}))
		if kinds := told(t, s, last); !slices.Equal(kinds, []string{"api_key " + key.ID}) {
			t.Errorf("told %v", kinds)
		}
		kept := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("0.0.0.0/0")}
		after := must(scope.APIKey(ctx, p.ID, key.ID))
		if after.Name != "build" || !slices.Equal(after.Networks, kept) || after.RatePerMinute != 60 || after.Version != 2 {
			t.Errorf("the changed key is %+v", after)
		}
		if k := must(s.KeyByID(ctx, key.ID)); k.Name != "build" || !slices.Equal(k.Networks, kept) || k.RatePerMinute != 60 {
			t.Errorf("a check reads %+v", k)
		}
		e := lastEvents(t, s, o.ID, audit.APIKeyChanged)[0]
		if len(e.Changes) != 3 || e.Changes[1].After != "192.0.2.0/24 2001:db8::/32 0.0.0.0/0" || e.Changes[2] != (audit.Change{Field: "rate_per_minute", Before: "no limit", After: "60 a minute"}) {
			t.Errorf("told %+v", e.Changes)
		}
		same := APIKeyChange{Name: "build", Networks: kept, RatePerMinute: 60}
		ok(t, scope.ChangeAPIKey(ctx, operator, p.ID, key.ID, 2, same))
		if must(scope.APIKey(ctx, p.ID, key.ID)).Version != 2 {
			t.Error("what changes nothing makes a version")
		}
		isError(t, scope.ChangeAPIKey(ctx, operator, p.ID, key.ID, 1, same), ErrConflict)
		hasProblem(t, scope.ChangeAPIKey(ctx, operator, p.ID, key.ID, 2, APIKeyChange{Name: "taken"}), "name")
		hasProblem(t, scope.ChangeAPIKey(ctx, operator, p.ID, key.ID, 2, APIKeyChange{Name: "x", RatePerMinute: -1}), "rate_per_minute")
		ok(t, scope.ChangeAPIKey(ctx, operator, p.ID, key.ID, 2, APIKeyChange{Name: "build"})) // anywhere, any number
		if k := must(s.KeyByID(ctx, key.ID)); len(k.Networks) != 0 || k.RatePerMinute != 0 {
			t.Errorf("without limits a check reads %+v", k)
		}
		ok(t, scope.RevokeAPIKey(ctx, operator, p.ID, key.ID))
		isError(t, scope.ChangeAPIKey(ctx, operator, p.ID, key.ID, 4, APIKeyChange{Name: "again"}), ErrConflict)
		isError(t, s.In("org_none").ChangeAPIKey(ctx, operator, p.ID, key.ID, 4, same), ErrNotFound)
	})
}

func TestHandOverAPIKey(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		p := aProject(t, s, o.ID, owner)
		scope := s.In(o.ID)
		dev := aMember(t, s, o.ID, "dev@acme.test", access.OrgMember)
		key, _ := aKey(t, s, p, User{ID: dev.UserID}, "ci", access.ProjectEditor)
		ok(t, scope.HandOverAPIKey(ctx, operator, p.ID, key.ID, 1, true))
		ok(t, scope.HandOverAPIKey(ctx, operator, p.ID, key.ID, 2, true)) // as it is
		if k := must(s.KeyByID(ctx, key.ID)); !k.Independent || must(scope.CountAPIKeysOf(ctx, dev.UserID)) != 0 {
			t.Errorf("handed over, a check reads %+v", k)
		}
		ok(t, scope.HandOverAPIKey(ctx, operator, p.ID, key.ID, 2, false))
		if k := must(s.KeyByID(ctx, key.ID)); k.Independent {
			t.Error("handed back, it is still independent")
		}
		isError(t, scope.HandOverAPIKey(ctx, operator, p.ID, key.ID, 2, true), ErrConflict)
		ok(t, scope.HandOverAPIKey(ctx, operator, p.ID, key.ID, 3, true))
		ok(t, scope.RemoveMember(ctx, operator, dev.ID, dev.Version))
		hasProblem(t, scope.HandOverAPIKey(ctx, operator, p.ID, key.ID, 4, false), "independent")
		for action, want := range map[audit.Action]string{
			audit.APIKeyHandedOver: "The operator Grace handed over the API key “ci” to the project “Search”.",
			audit.APIKeyHandedBack: "The operator Grace handed back the API key “ci” in project “Search” to its creator.",
		} {
			if got := lastEvents(t, s, o.ID, action)[0].Sentence(); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
	})
}

func TestReportLeakedKey(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		p := aProject(t, s, o.ID, owner)
		key, text := aKey(t, s, p, owner, "ci", access.ProjectEditor)
		last := must(s.LastChange(ctx))
		reporter := audit.Actor{Kind: audit.APIKey, ID: key.ID, Name: key.Name}
		ok(t, s.ReportLeakedKey(ctx, reporter, key.ID, "https://example.test/\x07"+strings.Repeat("x", 400)))
		if opens(t, s, key.ID, text) || !slices.Equal(told(t, s, last), []string{"api_key " + key.ID}) {
			t.Errorf("the key still opens, or nobody was told: %v", told(t, s, last))
		}
		e := lastEvents(t, s, o.ID, audit.APIKeyLeakReported)[0]
		if found := e.Changes[0].After; e.Severity != audit.High || e.ProjectID != p.ID || len([]rune(found)) != 256 || strings.Contains(found, "\x07") {
			t.Errorf("the event is %+v", e)
		}
		if want := "The API key “ci” reported that the API key “ci” in project “Search” has leaked, found at “https://example.test/"; !strings.HasPrefix(e.Sentence(), want) {
			t.Errorf("%q, want %q", e.Sentence(), want)
		}
		isError(t, s.ReportLeakedKey(ctx, reporter, key.ID, ""), ErrConflict)
		isError(t, s.ReportLeakedKey(ctx, reporter, "key_00000000000000000000000000", ""), ErrNotFound)
	})
}
