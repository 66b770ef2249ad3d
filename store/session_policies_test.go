package store

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// enters says whether the session that the token opens enters the organization now, and if not, why.
func enters(t *testing.T, s *Store, token secret.Token, organization string) string {
	t.Helper()
	session, _, err := s.Session(t.Context(), token)
	if errors.Is(err, ErrNotFound) {
		return "no session"
	}
	ok(t, err)
	entry, _, err := s.Entry(t.Context(), organization, session)
	ok(t, err)
	if verdict := access.MayEnter(entry, session.Proofs); !verdict.Allowed {
		return verdict.Why
	}
	ok(t, s.NoteEntry(t.Context(), organization, session, audit.Request{Address: "198.51.100.7", UserAgent: "Browser"}))
	return "yes"
}

func TestSetSessionPolicy(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		if policy := must(scope.SessionPolicy(ctx)); policy != (SessionPolicy{30, 720, 0}) {
			t.Fatalf("without a choice sign-ins last %+v", policy)
		}
		last := must(s.LastChange(ctx))
		ok(t, scope.SetSessionPolicy(ctx, operator, 0, SessionPolicy{IdleMinutes: 10, AbsoluteMinutes: 60}))
		if kinds := told(t, s, last); !slices.Equal(kinds, []string{"sign_in_policy " + o.ID}) {
			t.Errorf("told %v", kinds)
		}
		if policy := must(scope.SessionPolicy(ctx)); policy != (SessionPolicy{10, 60, 1}) {
			t.Errorf("sign-ins last %+v", policy)
		}
		isError(t, scope.SetSessionPolicy(ctx, operator, 0, SessionPolicy{IdleMinutes: 11, AbsoluteMinutes: 60}), ErrConflict)
		hasProblem(t, scope.SetSessionPolicy(ctx, operator, 1, SessionPolicy{IdleMinutes: 4, AbsoluteMinutes: 60}), "idle_minutes")
		hasProblem(t, scope.SetSessionPolicy(ctx, operator, 1, SessionPolicy{IdleMinutes: 61, AbsoluteMinutes: 60}), "idle_minutes")
		hasProblem(t, scope.SetSessionPolicy(ctx, operator, 1, SessionPolicy{IdleMinutes: 10, AbsoluteMinutes: 24*60 + 1}), "absolute_minutes")
		if e := lastEvents(t, s, o.ID, audit.SessionPolicyChanged)[0]; e.Sentence() != "The operator Grace changed how long sign-ins last." || len(e.Changes) != 2 || e.Changes[0] != (audit.Change{Field: "idle_minutes", Before: "30", After: "10"}) {
			t.Errorf("%q %+v", e.Sentence(), e.Changes)
		}
	})
}

// W-06: shorter limits hold at once for whoever is signed in, in the organization that chose them and in no other.
func TestW06_ShorterLimitsHoldForThoseWhoAreSignedIn(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		strict, ada := anOrganization(t, s, "strict")
		lax, err := s.CreateOrganization(t.Context(), operator, "lax", ada.ID)
		ok(t, err)
		_, token := aSession(t, s, ada, byPassword(t, s, ada))
		both := func(when, wantStrict, wantLax string) {
			t.Helper()
			if gotStrict, gotLax := enters(t, s, token, strict.ID), enters(t, s, token, lax.ID); gotStrict != wantStrict || gotLax != wantLax {
				t.Errorf("%s: strict %s, lax %s; want %s, %s", when, gotStrict, gotLax, wantStrict, wantLax)
			}
		}
		later(s, 20*time.Minute)
		both("before anybody chose", "yes", "yes")
		ok(t, s.In(strict.ID).SetSessionPolicy(t.Context(), operator, 0, SessionPolicy{IdleMinutes: 10, AbsoluteMinutes: 60}))
		both("unused for 20 minutes before 10 were chosen", access.WhyOutlived, "yes")
		_, token, err = s.RotateSession(t.Context(), actorOf(ada), token, new(byPassword(t, s, ada)))
		ok(t, err)
		both("after a new sign-in", "yes", "yes")
		later(s, 9*time.Minute)
		both("unused for 9 minutes", "yes", "yes")
		for range 5 {
			later(s, 9*time.Minute)
			both("used every 9 minutes", "yes", "yes")
		}
		later(s, 6*time.Minute)
		both("in use, an hour after the sign-in", access.WhyOutlived, "yes")
		_, token, err = s.RotateSession(t.Context(), actorOf(ada), token, new(byPassword(t, s, ada)))
		ok(t, err)
		later(s, 11*time.Minute)
		if got := enters(t, s, token, lax.ID); got != "yes" {
			t.Errorf("unused for 11 minutes, lax: %s", got)
		}
		both("used elsewhere since, which does not make it new here", access.WhyOutlived, "yes")
	})
}

// W-06: an organization may let sessions last longer, and lengthens nobody else's.
func TestW06_LongerLimitsAreTheOrganizationsOwn(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		long, ada := anOrganization(t, s, "long")
		usual, err := s.CreateOrganization(t.Context(), operator, "usual", ada.ID)
		ok(t, err)
		_, before := aSession(t, s, ada, byPassword(t, s, ada))
		ok(t, s.In(long.ID).SetSessionPolicy(t.Context(), operator, 0, SessionPolicy{IdleMinutes: 120, AbsoluteMinutes: 24 * 60}))
		_, token := aSession(t, s, ada, byPassword(t, s, ada))
		eve := aMember(t, s, usual.ID, "eve@usual.test", access.OrgMember)
		_, others := aSession(t, s, must(s.User(t.Context(), eve.UserID)), ProvenByPassword("hash of eve@usual.test"))
		later(s, 100*time.Minute)
		for what, row := range map[string]struct {
			token              secret.Token
			organization, want string
		}{
			"where it was chosen":                     {token, long.ID, "yes"},
			"where it was not":                        {token, usual.ID, access.WhyOutlived},
			"a session from before":                   {before, long.ID, "no session"},
			"somebody who is not in the organization": {others, usual.ID, "no session"},
		} {
			if got := enters(t, s, row.token, row.organization); got != row.want {
				t.Errorf("unused for 100 minutes, %s: %s", what, got)
			}
		}
		for passed := 100 * time.Minute; passed < 23*time.Hour; passed += 100 * time.Minute {
			later(s, 100*time.Minute)
			if got := enters(t, s, token, long.ID); got != "yes" {
				t.Fatalf("in use after %v: %s", passed, got)
			}
		}
		later(s, 100*time.Minute)
		if got := enters(t, s, token, long.ID); got != "no session" {
			t.Errorf("after more than 24 hours: %s", got)
		}
	})
}

// W-06: what has run out under the limits that held does not come back with longer ones.
func TestW06_RaisedLimitsReviveNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		for name, raised := range map[string]SessionPolicy{"idle": {IdleMinutes: 60, AbsoluteMinutes: 60}, "absolute": {IdleMinutes: 10, AbsoluteMinutes: 600}, "both": {IdleMinutes: 120, AbsoluteMinutes: 600}} {
			o, owner := anOrganization(t, s, name)
			ok(t, s.In(o.ID).SetSessionPolicy(ctx, operator, 0, SessionPolicy{IdleMinutes: 10, AbsoluteMinutes: 60}))
			_, old := aSession(t, s, owner, byPassword(t, s, owner))
			for range 9 {
				later(s, 5*time.Minute)
				ok(t, sessionError(s, old))
			}
			switch name {
			case "absolute":
				for range 4 {
					later(s, 5*time.Minute)
					ok(t, sessionError(s, old))
				}
			default:
				later(s, 12*time.Minute)
			}
			_, young := aSession(t, s, owner, byPassword(t, s, owner))
			if got := enters(t, s, old, o.ID); got != access.WhyOutlived {
				t.Fatalf("%s: before, the old one: %s", name, got)
			}
			ok(t, s.In(o.ID).SetSessionPolicy(ctx, operator, 1, raised))
			if got := enters(t, s, old, o.ID); got == "yes" {
				t.Errorf("%s: it lives again", name)
			}
			if got := enters(t, s, young, o.ID); got != "yes" {
				t.Errorf("%s: one that had not run out: %s", name, got)
			}
			_, old, err := s.RotateSession(ctx, actorOf(owner), old, new(byPassword(t, s, owner)))
			ok(t, err)
			if got := enters(t, s, old, o.ID); got != "yes" {
				t.Errorf("%s: after a new sign-in: %s", name, got)
			}
		}
	})
}
