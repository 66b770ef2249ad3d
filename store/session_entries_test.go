package store

import (
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// W-07: owners see and end what concerns their organization, and nothing of what a session is elsewhere.
func TestW07_OwnersEndSessionsForTheirOrganizationAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		acme, owner := anOrganization(t, s, "acme")
		globex, _ := anOrganization(t, s, "globex")
		m := aMember(t, s, acme.ID, "ada@guest.test", access.OrgMember)
		ada := must(s.User(ctx, m.UserID))
		ok(t, s.write(ctx, globex.ID, operator, func(w *write) error {
			_, err := w.addMember(ada, "console", access.OrgMember)
			return err
		}))
		there := must(s.In(globex.ID).MemberOf(ctx, ada.ID))
		rawConnection(t, s, acme.ID, "con_1", "active")
		rawIdentity(t, s, acme.ID, "con_1", "ada", ada.ID)
		rawConnection(t, s, globex.ID, "con_2", "active")
		rawIdentity(t, s, globex.ID, "con_2", "ada", ada.ID)

		_, own := aSession(t, s, ada, byPassword(t, s, ada))
		_, both := aSession(t, s, ada, ProvenByIdentity(aLogin(t, s, "con_1", acme.ID, "ada", "ada@guest.test", time.Time{})))
		_, both, err := s.RotateSession(ctx, actorOf(ada), both, new(ProvenByIdentity(aLogin(t, s, "con_2", globex.ID, "ada", "ada@guest.test", time.Time{}))))
		ok(t, err)
		_, theirs := aSession(t, s, ada, ProvenByIdentity(aLogin(t, s, "con_1", acme.ID, "ada", "ada@guest.test", time.Time{})))

		scope := s.In(acme.ID)
		if shown := must(scope.MemberSessions(ctx, m.ID)); len(shown) != 0 {
			t.Errorf("sessions that never came here are shown: %+v", shown)
		}
		in := func(when string, want map[string]string) {
			t.Helper()
			for name, token := range map[string]secret.Token{"own": own, "both": both, "theirs": theirs} {
				for where, organization := range map[string]string{"acme": acme.ID, "globex": globex.ID} {
					if got := enters(t, s, token, organization); got != want[name+" "+where] {
						t.Errorf("%s: %s enters %s: %s, want %s", when, name, where, got, want[name+" "+where])
					}
				}
			}
		}
		open := map[string]string{"own acme": "yes", "own globex": "yes", "both acme": "yes", "both globex": "yes", "theirs acme": "yes", "theirs globex": access.WhyNoProof}
		in("before", open)
		shown := must(scope.MemberSessions(ctx, m.ID))
		if len(shown) != 3 {
			t.Fatalf("%d sessions are shown, want 3", len(shown))
		}
		for _, session := range shown {
			if session.Address != "198.51.100.7" || session.UserAgent != "Browser" || len(session.Proofs) != 1 || session.Proofs[0].OrganizationID == globex.ID {
				t.Errorf("shown %+v", session)
			}
		}
		ownID := must2(s.Session(ctx, own)).ID
		isError(t, s.In(globex.ID).EndMemberSession(ctx, operator, m.ID, ownID), ErrNotFound)
		isError(t, scope.EndMemberSession(ctx, operator, m.ID, must2(s.Session(ctx, both)).ID+"x"), ErrNotFound)
		ok(t, scope.EndMemberSession(ctx, actorOf(owner), m.ID, ownID))
		open["own acme"] = access.WhyNoProof
		in("one has ended", open)
		if shown := must(scope.MemberSessions(ctx, m.ID)); len(shown) != 2 {
			t.Errorf("%d sessions are left, want 2", len(shown))
		}
		if e := lastEvents(t, s, acme.ID, audit.SessionShutOut)[0]; e.Sentence() != owner.Name+" ended a session of "+ada.Name+" for this organization." {
			t.Errorf("%q", e.Sentence())
		}
		if told := count(t, s, "events WHERE organization_id = ? AND action = ?", globex.ID, audit.SessionShutOut); told != 0 {
			t.Error("another organization was told")
		}
		later(s, time.Second)
		_, own, err = s.RotateSession(ctx, actorOf(ada), own, new(byPassword(t, s, ada)))
		ok(t, err)
		open["own acme"] = "yes"
		in("after a new sign-in", open)

		last := must(s.LastChange(ctx))
		later(s, time.Second)
		ok(t, scope.EndMemberSessions(ctx, actorOf(owner), m.ID))
		if kinds := told(t, s, last); len(kinds) != 4 { // each is told, and the one that is left with nothing also that it has ended
			t.Errorf("told %v", kinds)
		}
		in("all have ended", map[string]string{"own acme": access.WhyNoProof, "own globex": "yes", "both acme": access.WhyNoProof, "both globex": "yes", "theirs acme": "no session", "theirs globex": "no session"})
		if shown := must(s.In(globex.ID).MemberSessions(ctx, there.ID)); len(shown) != 2 {
			t.Errorf("the other organization sees %d sessions, want 2", len(shown))
		}
	})
}

// W-07: the log of an organization names no session that never came there.
func TestW07_EndingAllSessionsTellsNothingOfThoseElsewhere(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		m := aMember(t, s, o.ID, "ada@guest.test", access.OrgMember)
		ada := must(s.User(t.Context(), m.UserID))
		ends := func() (named []string) {
			t.Helper()
			before := len(lastEvents(t, s, o.ID, audit.SessionShutOut))
			ok(t, s.In(o.ID).EndMemberSessions(t.Context(), actorOf(owner), m.ID))
			events := lastEvents(t, s, o.ID, audit.SessionShutOut)
			if len(events) != before+1 {
				t.Fatalf("%d events, want one", len(events)-before)
			}
			for _, target := range events[0].Targets {
				if target.Kind == "session" {
					named = append(named, target.ID)
				}
			}
			return named
		}
		_, elsewhere := aSession(t, s, ada, byPassword(t, s, ada))
		aSession(t, s, ada, byPassword(t, s, ada))
		if named := ends(); len(named) != 0 {
			t.Errorf("of sessions that never came, %v are named", named)
		}
		later(s, time.Second)
		here, token := aSession(t, s, ada, byPassword(t, s, ada))
		if got := enters(t, s, token, o.ID); got != "yes" {
			t.Fatal(got)
		}
		if named := ends(); len(named) != 1 || named[0] != here.ID {
			t.Errorf("%v are named, want %s", named, here.ID)
		}
		for _, token := range []secret.Token{elsewhere, token} {
			if got := enters(t, s, token, o.ID); got != access.WhyNoProof {
				t.Errorf("afterwards: %s", got)
			}
		}
	})
}

// must2 is must for a call that gives two values.
// W-07: of somebody with many sessions, those that came here are shown, however long ago.
func TestW07_SessionsElsewhereHideNone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		m := aMember(t, s, o.ID, "ada@acme.test", access.OrgMember)
		ada := must(s.User(t.Context(), m.UserID))
		here, token := aSession(t, s, ada, byPassword(t, s, ada))
		if got := enters(t, s, token, o.ID); got != "yes" {
			t.Fatal(got)
		}
		later(s, time.Minute)
		for range 201 {
			aSession(t, s, ada, byPassword(t, s, ada))
		}
		shown := must(s.In(o.ID).MemberSessions(t.Context(), m.ID))
		if len(shown) != 1 || shown[0].ID != here.ID || shown[0].Address != "198.51.100.7" || shown[0].UserAgent != "Browser" || shown[0].EnteredAt.IsZero() {
			t.Errorf("shown %+v", shown)
		}
	})
}

func must2[T, U any](value T, _ U, err error) T { return must(value, err) }
