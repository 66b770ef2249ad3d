package store

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

func aSession(t *testing.T, s *Store, user User, proof Proven) (Session, secret.Token) {
	t.Helper()
	session, token, err := s.StartSession(t.Context(), actorOf(user), NewSession{UserID: user.ID, Proof: proof, Address: "192.0.2.1", UserAgent: "Test"})
	ok(t, err)
	return session, token
}

// byPassword is the user's own password, which they have just shown.
func byPassword(t *testing.T, s *Store, user User) Proven {
	t.Helper()
	return ProvenByPassword(hashOf(t, s, user))
}

func hashOf(t *testing.T, s *Store, user User) (hash string) {
	t.Helper()
	ok(t, s.read(t.Context()).Raw("SELECT password_hash FROM users WHERE id = ?", user.ID).Scan(&hash).Error)
	return hash
}

func TestSessions(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, ada := anOrganization(t, s, "acme")
		started, token := aSession(t, s, ada, byPassword(t, s, ada))
		session, user, err := s.Session(t.Context(), token)
		ok(t, err)
		if session.ID != started.ID || user.ID != ada.ID || user.Email != ada.Email || !user.HasPassword || user.Version != 1 || len(session.Proofs) != 1 || session.Proofs[0].Kind != access.ByPassword {
			t.Errorf("read back %+v of %+v", session, user)
		}
		if !session.ExpiresAt.Equal(started.ExpiresAt) || session.LimitedTo != "" {
			t.Errorf("read back %+v, started %+v", session, started)
		}
		var kept []byte
		ok(t, s.read(t.Context()).Raw("SELECT token_hash FROM sessions").Row().Scan(&kept))
		if string(kept) != string(token.Hash()) {
			t.Error("what is kept is not the token's hash")
		}
		for _, wrong := range []string{"", token.Reveal() + "x", token.Reveal()[1:], started.ID} {
			if _, _, err := s.Session(t.Context(), secret.TokenOf(wrong)); !errors.Is(err, ErrNotFound) {
				t.Errorf("the token %q opens: %v", wrong, err)
			}
		}
		if events := must(s.In(o.ID).Events(t.Context(), EventFilter{Action: string(audit.SessionStarted)})); len(events) != 1 {
			t.Errorf("the organization was told %d times that its member signed in", len(events))
		}
	})
}

func TestW06_SessionsRunOut(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		_, ada := anOrganization(t, s, "acme")
		_, unused := aSession(t, s, ada, byPassword(t, s, ada))
		_, used := aSession(t, s, ada, byPassword(t, s, ada))
		for passed := 20 * time.Minute; passed < sessionAbsolute; passed += 20 * time.Minute {
			later(s, 20*time.Minute)
			if _, _, err := s.Session(t.Context(), used); err != nil {
				t.Fatalf("a session in use ended after %v: %v", passed, err)
			}
		}
		if _, _, err := s.Session(t.Context(), unused); !errors.Is(err, ErrNotFound) {
			t.Errorf("an unused session lives on: %v", err)
		}
		if live := must(s.SessionsOf(t.Context(), ada.ID)); len(live) != 1 {
			t.Errorf("%d sessions are listed, want 1", len(live))
		}
		later(s, 20*time.Minute)
		if _, _, err := s.Session(t.Context(), used); !errors.Is(err, ErrNotFound) {
			t.Errorf("a session lives longer than %v: %v", sessionAbsolute, err)
		}
	})
}

func TestS44_IdentityProviderEndsTheProof(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, ada := anOrganization(t, s, "acme")
		rawConnection(t, s, o.ID, "con_1", "active")
		rawIdentity(t, s, o.ID, "con_1", "ada", ada.ID)
		identity := aLogin(t, s, "con_1", o.ID, "ada", "ada@acme.test", s.Now().Add(10*time.Minute))
		session, token := aSession(t, s, ada, ProvenByIdentity(identity))
		if len(session.Proofs) != 1 || session.Proofs[0].ConnectionID != "con_1" || session.Proofs[0].OrganizationID != o.ID {
			t.Errorf("proofs %+v", session.Proofs)
		}
		later(s, 10*time.Minute)
		session, _, err := s.Session(t.Context(), token)
		if err != nil || len(session.Proofs) != 0 {
			t.Errorf("after the identity provider's end: %+v, %v; want a session without proof", session.Proofs, err)
		}
	})
}

func TestSessionsNeedAProofOfTheirUser(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, ada := anOrganization(t, s, "acme")
		eve := aUser(t, s, "eve@acme.test")
		gone := aUser(t, s, "gone@acme.test")
		behind(t, s, "UPDATE users SET suspended_at = ? WHERE id = ?", s.now(), gone.ID)
		rawConnection(t, s, o.ID, "con_1", "active")
		rawIdentity(t, s, o.ID, "con_1", "ada", ada.ID)
		identity := aLogin(t, s, "con_1", o.ID, "ada", "ada@acme.test", time.Time{})
		for what, n := range map[string]NewSession{
			"nothing":            {UserID: ada.ID},
			"nobody":             {UserID: ada.ID, Proof: ProvenByIdentity(trust.Identity{})},
			"somebody else":      {UserID: eve.ID, Proof: ProvenByIdentity(identity)},
			"another subject":    {UserID: ada.ID, Proof: ProvenByIdentity(aLogin(t, s, "con_1", o.ID, "ADA", "ada@acme.test", time.Time{}))},
			"another connection": {UserID: ada.ID, Proof: ProvenByIdentity(aLogin(t, s, "con_2", o.ID, "ada", "ada@acme.test", time.Time{}))},
			"a suspended user":   {UserID: gone.ID, Proof: byPassword(t, s, gone)},
			"no user":            {UserID: "usr_none", Proof: byPassword(t, s, ada)},
		} {
			if _, _, err := s.StartSession(t.Context(), operator, n); err == nil {
				t.Errorf("a session began with %s", what)
			}
		}
		if n := count(t, s, "sessions"); n != 0 {
			t.Errorf("%d sessions were left", n)
		}
		aSession(t, s, ada, ProvenByIdentity(identity)) // the honest twin
	})
}

func TestW02_RotationEndsTheOldToken(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, ada := anOrganization(t, s, "acme")
		rawConnection(t, s, o.ID, "con_1", "active")
		rawIdentity(t, s, o.ID, "con_1", "ada", ada.ID)
		session, first := aSession(t, s, ada, byPassword(t, s, ada))
		byConnection := ProvenByIdentity(aLogin(t, s, "con_1", o.ID, "ada", "ada@acme.test", time.Time{}))
		rotated, second, err := s.RotateSession(t.Context(), actorOf(ada), first, &byConnection)
		ok(t, err)
		if rotated.ID != session.ID || len(rotated.Proofs) != 2 {
			t.Errorf("rotated to %+v", rotated)
		}
		if _, _, err := s.Session(t.Context(), first); !errors.Is(err, ErrNotFound) {
			t.Errorf("the old token still opens: %v", err)
		}
		_, third, err := s.RotateSession(t.Context(), actorOf(ada), second, &byConnection)
		ok(t, err)
		_, fourth, err := s.RotateSession(t.Context(), actorOf(ada), third, nil)
		ok(t, err)
		read, _, err := s.Session(t.Context(), fourth)
		if err != nil || len(read.Proofs) != 2 {
			t.Errorf("after four rotations: %+v, %v", read.Proofs, err)
		}
		if _, _, err := s.RotateSession(t.Context(), actorOf(ada), first, nil); !errors.Is(err, ErrNotFound) {
			t.Errorf("a spent token rotates: %v", err)
		}
		eve := aUser(t, s, "eve@acme.test")
		_, eves := aSession(t, s, eve, byPassword(t, s, eve))
		if _, _, err := s.RotateSession(t.Context(), actorOf(eve), eves, &byConnection); !errors.Is(err, ErrNotFound) {
			t.Errorf("Ada's identity was added to Eve's session: %v", err)
		}
		if read, _, err := s.Session(t.Context(), eves); err != nil || len(read.Proofs) != 1 {
			t.Errorf("Eve's session after that: %+v, %v", read, err)
		}
	})
}

func TestEndingSessions(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		_, ada := anOrganization(t, s, "acme")
		eve := aUser(t, s, "eve@acme.test")
		mine, _ := aSession(t, s, ada, byPassword(t, s, ada))
		other, otherToken := aSession(t, s, ada, byPassword(t, s, ada))
		third, _ := aSession(t, s, ada, byPassword(t, s, ada))
		for _, actor := range []audit.Actor{actorOf(eve), operator} {
			if err := s.EndSession(t.Context(), actor, eve.ID, other.ID); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s ended Ada's session as one of Eve's: %v", actor.Name, err)
			}
		}
		ok(t, s.EndSession(t.Context(), actorOf(ada), ada.ID, other.ID))
		if _, _, err := s.Session(t.Context(), otherToken); !errors.Is(err, ErrNotFound) {
			t.Errorf("an ended session opens: %v", err)
		}
		ok(t, s.EndSessionsOf(t.Context(), actorOf(ada), ada.ID, mine.ID))
		if left := must(s.SessionsOf(t.Context(), ada.ID)); len(left) != 1 || left[0].ID != mine.ID {
			t.Errorf("left: %+v; %s should have ended", left, third.ID)
		}
		ok(t, s.EndSessionsOf(t.Context(), actorOf(ada), ada.ID, mine.ID)) // nothing left to end is well
	})
}

func TestPasswordChangesEndOtherSessions(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		_, ada := anOrganization(t, s, "acme")
		mine, _ := aSession(t, s, ada, byPassword(t, s, ada))
		aSession(t, s, ada, byPassword(t, s, ada))
		actor := actorOf(ada)
		actor.Request.SessionID = mine.ID
		ok(t, s.SetPassword(t.Context(), actor, ada.ID, hashOf(t, s, ada), "another hash"))
		if left := must(s.SessionsOf(t.Context(), ada.ID)); len(left) != 1 || left[0].ID != mine.ID {
			t.Errorf("left: %+v", left)
		}
		id, hash, err := s.PasswordHash(t.Context(), address("OWNER@acme.test"))
		if err != nil || id != ada.ID || hash != "another hash" {
			t.Errorf("the password is now %q of %s: %v", hash, id, err)
		}
		id, hash, err = s.PasswordHash(t.Context(), address("nobody@acme.test"))
		if err != nil || id != "" || hash != "" {
			t.Errorf("nobody has a password: %q %q %v", id, hash, err)
		}
	})
}

// Checking a password takes a while, in which it may become another or none.
func TestD07_APasswordThatIsNoMoreProvesNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		ada := must(s.User(ctx, aMember(t, s, o.ID, "ada@acme.test", access.OrgOwner).UserID))
		starts := func(hash string) (found []bool) {
			t.Helper()
			for _, proof := range []Proven{ProvenByPassword(hash), ProvenByOperator(o.ID, hash)} {
				_, _, err := s.StartSession(ctx, actorOf(ada), NewSession{UserID: ada.ID, Proof: proof})
				if err != nil {
					isError(t, err, ErrNotFound)
				}
				found = append(found, err == nil)
			}
			return found
		}
		checked := hashOf(t, s, ada)
		if !slices.Equal(starts(checked), []bool{true, true}) {
			t.Error("a password that was just checked starts no session")
		}
		ok(t, s.SetPassword(ctx, operator, ada.ID, checked, "another hash"))
		isError(t, s.SetPassword(ctx, operator, ada.ID, checked, "a third"), ErrConflict)
		if slices.Contains(starts(checked), true) || slices.Contains(starts(hashOf(t, s, owner)), true) {
			t.Error("a password that was replaced, or somebody else's, starts a session")
		}
		if !slices.Equal(starts("another hash"), []bool{true, true}) {
			t.Error("the new password starts no session")
		}
		ok(t, s.EndPassword(ctx, operator, ada.ID))
		if slices.Contains(starts("another hash"), true) || slices.Contains(starts(""), true) {
			t.Error("a password that has ended, or none, starts a session")
		}
	})
}
