package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// aPasskey is one of the user's, whose device has signed seven times.
func aPasskey(t *testing.T, s *Store, user User, name string) Passkey {
	t.Helper()
	return must(s.AddPasskey(t.Context(), actorOf(user), user.ID, name, Credential{
		CredentialID: []byte("credential " + name + user.ID), PublicKey: []byte("key"), SignCount: 7, BackupEligible: true,
	}))
}

// withoutPassword takes the password of a preparation away.
func withoutPassword(t *testing.T, s *Store, user User) {
	t.Helper()
	ok(t, s.EndPassword(t.Context(), operator, user.ID))
}

func TestPasskeys(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		_, ada := anOrganization(t, s, "acme")
		_, bob := anOrganization(t, s, "other")
		made := aPasskey(t, s, ada, "Laptop")
		found, user, err := s.PasskeyByCredential(t.Context(), made.CredentialID)
		ok(t, err)
		if user.ID != ada.ID || found.ID != made.ID || found.SignCount != 7 || !found.BackupEligible || found.BackedUp || string(found.PublicKey) != "key" || found.UsedAt != nil {
			t.Errorf("read back %+v of %s", found, user.Email)
		}
		if _, err := s.AddPasskey(t.Context(), actorOf(bob), bob.ID, "Stolen", made.Credential); err == nil {
			t.Error("one credential belongs to two people")
		}
		for name, err := range map[string]error{
			"rename": s.RenamePasskey(t.Context(), actorOf(bob), bob.ID, made.ID, 1, "Mine"), "remove": s.RemovePasskey(t.Context(), actorOf(bob), bob.ID, made.ID),
		} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("somebody else could %s it: %v", name, err)
			}
		}
		ok(t, s.RenamePasskey(t.Context(), actorOf(ada), ada.ID, made.ID, 1, "Work laptop"))
		if err := s.RenamePasskey(t.Context(), actorOf(ada), ada.ID, made.ID, 1, "Late"); !errors.Is(err, ErrConflict) {
			t.Errorf("a form from before: %v", err)
		}
		if all := must(s.Passkeys(t.Context(), ada.ID)); len(all) != 1 || all[0].Name != "Work laptop" {
			t.Errorf("Ada has %+v", all)
		}
		ok(t, s.RemovePasskey(t.Context(), actorOf(ada), ada.ID, made.ID))
		if _, _, err := s.PasskeyByCredential(t.Context(), made.CredentialID); !errors.Is(err, ErrNotFound) {
			t.Errorf("a removed passkey is found: %v", err)
		}
		for i := range passkeysPerUser {
			aPasskey(t, s, ada, fmt.Sprint(i))
		}
		var problems *Invalid
		if _, err := s.AddPasskey(t.Context(), actorOf(ada), ada.ID, "One more", Credential{CredentialID: []byte("more")}); !errors.As(err, &problems) {
			t.Errorf("one passkey too many: %v", err)
		}
	})
}

// The person hears by mail that a passkey came or went.
func TestPasskeysAreTold(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		_, ada := anOrganization(t, s, "acme")
		before := count(t, s, "mails")
		made := aPasskey(t, s, ada, "Laptop")
		ok(t, s.RemovePasskey(t.Context(), actorOf(ada), ada.ID, made.ID))
		if told := count(t, s, "mails") - before; told != 2 {
			t.Errorf("%d letters about a passkey that came and went", told)
		}
	})
}

func TestSessionByPasskey(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, ada := anOrganization(t, s, "acme")
		laptop, phone := aPasskey(t, s, ada, "Laptop"), aPasskey(t, s, ada, "Phone")
		proof := must(s.UsePasskey(t.Context(), operator, laptop.ID, 8, true))
		_, token := aSession(t, s, ada, proof)
		session, _, err := s.Session(t.Context(), token)
		ok(t, err)
		if len(session.Proofs) != 1 || session.Proofs[0].Kind != access.ByPasskey || !access.MayChangeUser(session.Proofs) {
			t.Errorf("the session has %+v", session.Proofs)
		}
		if events := must(s.In(o.ID).Events(t.Context(), EventFilter{Action: string(audit.SessionStarted)})); len(events) != 1 {
			t.Errorf("the organization was told %d times that its member signed in", len(events))
		}
		used := must(s.Passkey(t.Context(), ada.ID, laptop.ID))
		if used.SignCount != 8 || !used.BackedUp || used.UsedAt == nil {
			t.Errorf("the use is noted as %+v", used)
		}
		_, bob := anOrganization(t, s, "other")
		if _, _, err := s.StartSession(t.Context(), actorOf(bob), NewSession{UserID: bob.ID, Proof: proof}); !errors.Is(err, ErrNotFound) {
			t.Errorf("Ada's passkey opens a session of Bob: %v", err)
		}
		ok(t, s.RemovePasskey(t.Context(), actorOf(ada), ada.ID, phone.ID))
		if _, _, err := s.Session(t.Context(), token); err != nil {
			t.Errorf("removing another passkey ends the session: %v", err)
		}
		ok(t, s.RemovePasskey(t.Context(), actorOf(ada), ada.ID, laptop.ID))
		if _, _, err := s.Session(t.Context(), token); !errors.Is(err, ErrNotFound) {
			t.Errorf("the session of a removed passkey lives on: %v", err)
		}
		if _, _, err := s.StartSession(t.Context(), actorOf(ada), NewSession{UserID: ada.ID, Proof: proof}); !errors.Is(err, ErrNotFound) {
			t.Errorf("a passkey that was removed meanwhile opens a session: %v", err)
		}
	})
}

func TestPasskeyWhoseCountDoesNotGrowIsRefusedLoudly(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, ada := anOrganization(t, s, "acme")
		p := aPasskey(t, s, ada, "Laptop")
		loud := func() int64 {
			return count(t, s, "events WHERE organization_id = ? AND action = ? AND severity = 'high' AND outcome = 'refused'", o.ID, audit.UserPasskeyRefused)
		}
		for _, signCount := range []uint32{7, 6, 0} {
			before := loud()
			if _, err := s.UsePasskey(t.Context(), operator, p.ID, signCount, false); !errors.Is(err, ErrCopied) || loud() != before+1 {
				t.Errorf("count %d after 7: %v, told %d times", signCount, err, loud()-before)
			}
		}
		must(s.UsePasskey(t.Context(), operator, p.ID, 8, false))

		uncounted := must(s.AddPasskey(t.Context(), actorOf(ada), ada.ID, "Phone", Credential{CredentialID: []byte("phone"), PublicKey: []byte("key")}))
		for range 3 { // synced passkeys do not count
			must(s.UsePasskey(t.Context(), operator, uncounted.ID, 0, true))
		}
		atOne := aPasskey(t, s, ada, "Key")
		won := 0
		for _, err := range atOnce(8, func(int) error { _, err := s.UsePasskey(t.Context(), operator, atOne.ID, 8, false); return err }) {
			if err == nil {
				won++
			} else if !errors.Is(err, ErrCopied) {
				t.Error(err)
			}
		}
		if won != 1 {
			t.Errorf("one count was believed %d times", won)
		}
	})
}

func TestTheLastWayInStays(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		bob := must(s.User(t.Context(), aMember(t, s, o.ID, "bob@guest.test", access.OrgMember).UserID))
		only := aPasskey(t, s, bob, "Laptop")
		ok(t, s.RemovePassword(t.Context(), actorOf(bob), bob.ID))
		if err := s.RemovePasskey(t.Context(), actorOf(bob), bob.ID, only.ID); !errors.Is(err, ErrLastCredential) {
			t.Errorf("the last way in was removed: %v", err)
		}
		second := aPasskey(t, s, bob, "Phone")
		ok(t, s.RemovePasskey(t.Context(), actorOf(bob), bob.ID, only.ID)) // the honest twin
		ok(t, s.SetPassword(t.Context(), actorOf(bob), bob.ID, "", "another hash"))
		ok(t, s.RemovePasskey(t.Context(), actorOf(bob), bob.ID, second.ID))
		if err := s.RemovePassword(t.Context(), actorOf(bob), bob.ID); !errors.Is(err, ErrLastCredential) {
			t.Errorf("the last password was removed: %v", err)
		}

		// An owner by a passkey is an owner who can sign in, and the last one stays (D-14).
		p := aPasskey(t, s, owner, "Laptop")
		withoutPassword(t, s, owner)
		if err := s.RemovePasskey(t.Context(), actorOf(owner), owner.ID, p.ID); !errors.Is(err, ErrLastOwner) {
			t.Errorf("the last owner has no way in any more: %v", err)
		}
	})
}

// Two passkeys that are removed at once leave one, for the person and for the organization that they own.
func TestD14_PasskeysRemovedAtOnceLeaveAWayIn(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		_, owner := anOrganization(t, s, "acme")
		both := []Passkey{aPasskey(t, s, owner, "Laptop"), aPasskey(t, s, owner, "Phone")}
		withoutPassword(t, s, owner)
		gone := 0
		for _, err := range atOnce(2, func(i int) error { return s.RemovePasskey(t.Context(), actorOf(owner), owner.ID, both[i].ID) }) {
			if err == nil {
				gone++
			} else if !errors.Is(err, ErrLastOwner) {
				t.Error(err)
			}
		}
		if left := must(s.Passkeys(t.Context(), owner.ID)); gone != 1 || len(left) != 1 {
			t.Errorf("%d were removed, %d are left", gone, len(left))
		}
	})
}

// What somebody left behind who never showed that the address is theirs goes with the rest, and enforcement ends passkeys as it ends passwords.
func TestD07_PasskeysAreLeftoversToo(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		scope, c, owner := enforceable(t, s)
		squatter := must(s.User(t.Context(), aMember(t, s, c.OrganizationID, "bob@corp.test", access.OrgMember).UserID))
		_, token := aSession(t, s, squatter, must(s.UsePasskey(t.Context(), operator, aPasskey(t, s, squatter, "Squatter").ID, 8, false)))
		comes(t, s, c, "bob-1", "bob@corp.test")
		if left := must(s.Passkeys(t.Context(), squatter.ID)); len(left) != 0 {
			t.Errorf("the squatter keeps %+v", left)
		}
		_, _, err := s.Session(t.Context(), token)
		isError(t, err, ErrNotFound)

		// Whose address was vouched for before keeps them, as long as nothing requires otherwise.
		vouched := func(email string) User {
			m := aMember(t, s, c.OrganizationID, email, access.OrgMember)
			behind(t, s, "UPDATE users SET email_verified_at = created_at WHERE id = ?", m.UserID)
			return must(s.User(t.Context(), m.UserID))
		}
		ada, eve := vouched("ada@corp.test"), vouched("eve@corp.test")
		aPasskey(t, s, ada, "Laptop")
		aPasskey(t, s, eve, "Laptop")
		comes(t, s, c, "ada-1", "ada@corp.test")
		ok(t, scope.TurnOnEnforcement(t.Context(), operator, must(scope.SignInPolicy(t.Context())).Version, access.EnforceDomain, owner.ID))
		comes(t, s, c, "eve-1", "eve@corp.test")
		if a, e := must(s.Passkeys(t.Context(), ada.ID)), must(s.Passkeys(t.Context(), eve.ID)); len(a) != 1 || len(e) != 0 {
			t.Errorf("without enforcement Ada keeps %d, with it Eve keeps %d", len(a), len(e))
		}
	})
}

func TestW32_AChallengeIsSpentOnceByItsHolder(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		_, ada := anOrganization(t, s, "acme")
		holder := secret.NewToken()
		kept := func(userID string) secret.Token {
			challenge := secret.NewToken()
			ok(t, s.KeepChallenge(t.Context(), challenge, holder, userID))
			return challenge
		}
		c := kept("")
		for name, err := range map[string]error{
			"another browser":              s.SpendChallenge(t.Context(), c, secret.NewToken(), ""),
			"to register":                  s.SpendChallenge(t.Context(), c, holder, ada.ID),
			"another challenge":            s.SpendChallenge(t.Context(), secret.NewToken(), holder, ""),
			"a registration's, for nobody": s.SpendChallenge(t.Context(), kept(ada.ID), holder, ""),
		} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		won := 0
		for _, err := range atOnce(100, func(int) error { return s.SpendChallenge(t.Context(), c, holder, "") }) {
			if err == nil {
				won++
			} else if !errors.Is(err, ErrNotFound) {
				t.Error(err)
			}
		}
		if won != 1 {
			t.Errorf("spent %d times", won)
		}
		late := kept(ada.ID)
		later(s, challengeLife)
		if err := s.SpendChallenge(t.Context(), late, holder, ada.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("after five minutes: %v", err)
		}
		later(s, time.Second)
		ok(t, s.Sweep(t.Context()))
		if n := count(t, s, "passkey_challenges"); n != 0 {
			t.Errorf("%d challenges are left", n)
		}
	})
}
