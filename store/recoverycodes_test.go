package store

import (
	"errors"
	"slices"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

func TestD10_RecoveryCodesAreMadeAnewAndSpent(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, ada := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		_, err := scope.MakeRecoveryCodes(ctx, actorOf(ada), ada.ID)
		isError(t, err, ErrNotFound) // not named
		old := aWayIn(t, s, o.ID, ada.ID)
		_, token, err := recovers(t, s, ada, old[0])
		ok(t, err)
		codes := must(scope.MakeRecoveryCodes(ctx, actorOf(ada), ada.ID))
		if len(codes) != 10 || len(slices.CompactFunc(codes, func(a, b secret.Token) bool { return a.Reveal() == b.Reveal() })) != 10 {
			t.Errorf("%d codes", len(codes))
		}
		if n := count(t, s, "recovery_codes"); n != 10 {
			t.Errorf("%d codes are kept", n)
		}
		_, _, err = s.Session(ctx, token) // opened with an old code
		isError(t, err, ErrNotFound)
		_, _, err = recovers(t, s, ada, old[1])
		isError(t, err, ErrNotFound)

		session, token, err := recovers(t, s, ada, codes[0])
		ok(t, err)
		read, _, err := s.Session(ctx, token)
		ok(t, err)
		if session.LimitedTo != o.ID || read.LimitedTo != o.ID {
			t.Errorf("limited to %q, read back %q", session.LimitedTo, read.LimitedTo)
		}
		entry, _, err := s.Entry(ctx, o.ID, Session{UserID: ada.ID})
		ok(t, err)
		if v := access.MayEnter(entry, read.Proofs); !v.Allowed || !v.Limited {
			t.Errorf("verdict %+v", v)
		}
		e := must(scope.Events(ctx, EventFilter{Limit: 1}))[0]
		if want := (audit.Change{Field: "recovery_codes_left", Before: "10", After: "9"}); e.Action != audit.BreakGlassUsed || e.Severity != audit.High || e.Changes[0] != want {
			t.Errorf("the event: %+v", e)
		}
		_, _, err = recovers(t, s, ada, codes[0])
		isError(t, err, ErrNotFound)
		if named := must(scope.BreakGlassOwners(ctx)); named[0].CodesLeft != 9 || named[0].CodesMadeAt == nil {
			t.Errorf("%+v", named[0])
		}
	})
}

func TestW32_OfManyWhoSpendOneCodeOneGetsIn(t *testing.T) {
	eachAddress(t, func(t *testing.T, database string) {
		options := Options{Database: database, MasterKey: masterKey(t)}
		nodes := []*Store{opened(t, options), opened(t, options)}
		o, ada := anOrganization(t, nodes[0], "acme")
		code := aWayIn(t, nodes[0], o.ID, ada.ID)[0]
		found := must(nodes[0].RecoveryByCode(t.Context(), address(ada.Email), code)) // all have looked before any spends
		won := 0
		for _, err := range atOnce(100, func(i int) error {
			_, _, err := nodes[i%2].StartSession(t.Context(), actorOf(ada), NewSession{UserID: ada.ID, Proof: found.Proof})
			return err
		}) {
			if err == nil {
				won++
			} else if !errors.Is(err, ErrNotFound) {
				t.Error(err)
			}
		}
		if won != 1 || count(t, nodes[0], "sessions") != 1 || count(t, nodes[0], "recovery_codes WHERE spent_at IS NOT NULL") != 1 {
			t.Errorf("%d of 100 got in, there are %d sessions", won, count(t, nodes[0], "sessions"))
		}
	})
}

// The last code lets its owner in like any other, and everybody hears that it was the last.
func TestD13_TheLastCodeIsSpentAndShouts(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, ada := anOrganization(t, s, "acme")
		codes := aWayIn(t, s, o.ID, ada.ID)
		enforced(t, s, o.ID, access.EnforceAll)
		for i, code := range codes {
			_, _, err := recovers(t, s, ada, code)
			ok(t, err)
			if shouted, last := happened(t, s, o.ID, audit.BreakGlassUsedUp), i == len(codes)-1; (shouted == 1) != last {
				t.Errorf("after code %d it was shouted %d times", i+1, shouted)
			}
		}
		aPasskey(t, s, ada, "Phone")
		_, _, err := recovers(t, s, ada, must(s.In(o.ID).MakeRecoveryCodes(t.Context(), operator, ada.ID))[0])
		ok(t, err)
		if happened(t, s, o.ID, audit.BreakGlassUsedUp) != 1 {
			t.Error("it was shouted although a way in is left")
		}
	})
}

func TestD13_OnlyWhatMayBeRecoveredIs(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, ada := anOrganization(t, s, "acme")
		other, eve := anOrganization(t, s, "evil")
		codes := aWayIn(t, s, o.ID, ada.ID)
		aWayIn(t, s, other.ID, eve.ID)
		passkey, hers := aPasskey(t, s, ada, "Phone"), aPasskey(t, s, eve, "Phone")
		signs := func(p Passkey) Proven {
			p = must(s.Passkey(ctx, p.UserID, p.ID))
			return must(s.UsePasskey(ctx, operator, p.ID, p.SignCount+1, false))
		}
		opens := func(what string, want bool) {
			t.Helper()
			listed := slices.ContainsFunc(must(s.Recoverable(ctx, ada.ID)), func(found Organization) bool { return found.ID == o.ID })
			_, _, byPasskey := s.StartSession(ctx, actorOf(ada), NewSession{UserID: ada.ID, Proof: signs(passkey).Recovering(o.ID)})
			_, _, byCode := recovers(t, s, ada, codes[0])
			if byCode == nil {
				codes = codes[1:]
			}
			if listed != want || (byPasskey == nil) != want || (byCode == nil) != want || !want && (!errors.Is(byPasskey, ErrNotFound) || !errors.Is(byCode, ErrNotFound)) {
				t.Errorf("%s: listed %t, by a passkey %v, by a code %v", what, listed, byPasskey, byCode)
			}
		}
		opens("a break-glass owner", true)
		for _, way := range []struct{ what, table, column, off, on string }{
			{"a suspended member", "members", "suspended_at", "CURRENT_TIMESTAMP", "NULL"},
			{"a suspended user", "users", "suspended_at", "CURRENT_TIMESTAMP", "NULL"},
			{"a suspended organization", "organizations", "suspended_at", "CURRENT_TIMESTAMP", "NULL"},
			{"somebody who is no owner", "role_bindings", "role", "'OrgManager'", "'OrgOwner'"},
		} {
			behind(t, s, "UPDATE "+way.table+" SET "+way.column+" = "+way.off)
			opens(way.what, false)
			behind(t, s, "UPDATE "+way.table+" SET "+way.column+" = "+way.on)
			opens("after "+way.what, true)
		}
		refused := func(what string, userID string, proof Proven) {
			t.Helper()
			if _, _, err := s.StartSession(ctx, operator, NewSession{UserID: userID, Proof: proof}); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v", what, err)
			}
		}
		found := must(s.RecoveryByCode(ctx, address(ada.Email), codes[0]))
		refused("another's code", eve.ID, found.Proof)
		refused("a code of another organization", ada.ID, Proven{kind: access.ByRecovery, organization: other.ID, code: found.Proof.code})
		refused("another's passkey", ada.ID, signs(hers).Recovering(o.ID))
		refused("a passkey into another organization", ada.ID, signs(passkey).Recovering(other.ID))
		refused("a password", ada.ID, ProvenByOperator(o.ID, "not the hash"))
		refused("an operator's link into another organization", ada.ID, ProvenByOperator(other.ID, hashOf(t, s, ada)))
		_, err := s.RecoveryByCode(ctx, address(eve.Email), codes[0])
		isError(t, err, ErrNotFound)
		if proof := byPassword(t, s, ada).Recovering(o.ID); proof.kind != "" {
			t.Error("a password turns into a recovery")
		}
		_, _, err = s.StartSession(ctx, operator, NewSession{UserID: ada.ID, Proof: found.Proof}) // the honest twin: no refusal spent it
		ok(t, err)
	})
}

// A passkey that is removed ends what it opened by break-glass, too.
func TestD10_ARemovedPasskeyEndsItsRecovery(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, ada := anOrganization(t, s, "acme")
		aWayIn(t, s, o.ID, ada.ID)
		p := aPasskey(t, s, ada, "Phone")
		_, token := aSession(t, s, ada, must(s.UsePasskey(t.Context(), operator, p.ID, 8, false)).Recovering(o.ID))
		ok(t, s.RemovePasskey(t.Context(), actorOf(ada), ada.ID, p.ID))
		_, _, err := s.Session(t.Context(), token)
		isError(t, err, ErrNotFound)
	})
}

// D-07: codes that somebody made who never showed that the address is theirs go with the rest.
func TestD07_RecoveryCodesAreLeftoversToo(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, ada := anOrganization(t, s, "acme")
		anOwner(t, s, o.ID, "bea@acme.test")
		codes := aWayIn(t, s, o.ID, ada.ID)
		_, session, err := recovers(t, s, ada, codes[0])
		ok(t, err)
		_, link, err := s.MakeWelcome(t.Context(), operator, Welcome{Kind: WelcomeForgotten, UserID: ada.ID})
		ok(t, err)
		_, _, err = s.SpendWelcome(t.Context(), operator, link, Newcomer{PasswordHash: "her own"})
		ok(t, err)
		_, _, err = s.Session(t.Context(), session)
		isError(t, err, ErrNotFound)
		_, _, err = recovers(t, s, ada, codes[1])
		isError(t, err, ErrNotFound)
		if happened(t, s, o.ID, audit.BreakGlassCodesEnded) != 1 {
			t.Error("nobody was told")
		}

		// Whose address was verified before keeps them.
		codes = must(s.In(o.ID).MakeRecoveryCodes(t.Context(), operator, ada.ID))
		_, link, err = s.MakeWelcome(t.Context(), operator, Welcome{Kind: WelcomeForgotten, UserID: ada.ID})
		ok(t, err)
		_, _, err = s.SpendWelcome(t.Context(), operator, link, Newcomer{PasswordHash: "another"})
		ok(t, err)
		_, _, err = recovers(t, s, ada, codes[0])
		ok(t, err)
	})
}
