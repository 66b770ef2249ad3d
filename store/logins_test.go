package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// arriving is what the connection's identity provider said, believed: a subject with an address, judged with the domains that the
// organization has verified.
func arriving(t *testing.T, s *Store, c Connection, subject, email string) trust.Identity {
	t.Helper()
	now := s.Now()
	identity, refusal := trust.Decide(
		trust.Policy{ConnectionID: c.ID, OrganizationID: c.OrganizationID, Issuer: "idp", EntityID: "us", ACS: "acs", ConnectionActive: true,
			OrganizationActive: true, PendingRequest: "request", VerifiedDomains: must(s.In(c.OrganizationID).VerifiedDomains(t.Context()))},
		trust.Claim{ConnectionID: c.ID, Issuer: "idp", Audience: []string{"us"}, Recipient: "acs", InResponseTo: "request", AssertionID: "assertion",
			Subject: subject, Email: email, Name: "Ada Lovelace", IssuedAt: now, NotOnOrAfter: now.Add(time.Minute)},
		now)
	if refusal != nil {
		t.Fatalf("the honest claim was refused: %v", refusal)
	}
	return identity
}

// begun is a pending login in the browser with this flow.
func begun(t *testing.T, s *Store, c Connection, flow secret.Token, change ...func(*NewLogin)) Login {
	t.Helper()
	n := NewLogin{OrganizationID: c.OrganizationID, ConnectionID: c.ID, VersionID: c.VersionID, Kind: RealLogin, StartedBy: StartedHere,
		RequestID: "request-" + secret.NewToken().Reveal(), Relay: secret.NewToken(), Flow: flow, ReturnTo: "/", Address: "203.0.113.7"}
	for _, f := range change {
		f(&n)
	}
	login, err := s.BeginLogin(t.Context(), n)
	ok(t, err)
	return login
}

// acceptance is a good answer to the login.
func acceptance(login Login, identity trust.Identity, now time.Time) Accepted {
	return Accepted{LoginID: login.ID, AssertionID: "assertion of " + login.ID, SpentUntil: now.Add(time.Hour), Identity: identity,
		Steps: []LoginStep{{Name: "Signature", Verdict: StepPassed}}, Raw: []byte("<raw message/>"), Code: secret.NewToken()}
}

// arrived takes a login as far as its browser's turn, and finishes it there: what is left is to resolve the person.
func arrived(t *testing.T, s *Store, c Connection, subject, email string, change ...func(*NewLogin)) (Login, trust.Identity) {
	t.Helper()
	return arrivedIn(t, s, c, secret.NewToken(), subject, email, change...)
}

// arrivedIn is arrived in the browser with this flow cookie.
func arrivedIn(t *testing.T, s *Store, c Connection, flow secret.Token, subject, email string, change ...func(*NewLogin)) (Login, trust.Identity) {
	t.Helper()
	login := begun(t, s, c, flow, change...)
	a := acceptance(login, arriving(t, s, c, subject, email), s.Now())
	ok(t, s.AcceptLogin(t.Context(), a))
	login, identity, err := s.FinishLogin(t.Context(), a.Code, flow)
	ok(t, err)
	return login, identity
}

func TestLoginFromRequestToCode(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		c := aConnection(t, s, o.ID)
		flow := secret.NewToken()
		login := begun(t, s, c, flow)
		if found := must(s.LoginOfRequest(ctx, c.ID, login.RequestID)); found.ID != login.ID || !bytes.Equal(found.FlowHash, flow.Hash()) || found.State != LoginPending {
			t.Fatalf("the pending login is %+v", found)
		}
		isError(t, errorOf(s.LoginOfRequest(ctx, c.ID, "")), ErrNotFound)
		isError(t, errorOf(s.LoginOfRequest(ctx, aConnection(t, s, o.ID).ID, login.RequestID)), ErrNotFound)

		a := acceptance(login, arriving(t, s, c, "ada", "ada@corp.test"), s.Now())
		ok(t, s.AcceptLogin(ctx, a))
		if n := count(t, s, "logins WHERE code_hash = ? OR sealed_identity IS NULL", []byte(a.Code.Reveal())); n != 0 {
			t.Error("the code is kept in clear, or no identity is")
		}
		isError(t, errorOf(s.PeekLogin(ctx, a.Code, secret.NewToken())), ErrNotFound)
		if peeked := must(s.PeekLogin(ctx, a.Code, flow)); peeked.ID != login.ID || peeked.UserID != "" || peeked.Email != "ada@corp.test" {
			t.Errorf("a look without spending shows %+v", peeked)
		}
		for name, tokens := range map[string][2]secret.Token{"other browser": {a.Code, secret.NewToken()}, "no browser": {a.Code, {}}, "other code": {secret.NewToken(), flow}} {
			if _, _, err := s.FinishLogin(ctx, tokens[0], tokens[1]); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: got %v, want ErrNotFound", name, err)
			}
		}
		finished, identity, err := s.FinishLogin(ctx, a.Code, flow)
		ok(t, err)
		if finished.ID != login.ID || identity.Subject() != "ada" || identity.ConnectionID() != c.ID || identity.Address().Given() != "ada@corp.test" {
			t.Errorf("the identity came back as %+v", identity)
		}
		kept := must(s.In(o.ID).Login(ctx, login.ID))
		if kept.State != LoginArrived || len(kept.Steps) != 1 || kept.Steps[0].Name != "Signature" {
			t.Errorf("the record is %+v", kept)
		}
		if raw := must(s.In(o.ID).LoginMessage(ctx, login.ID)); string(raw) != "<raw message/>" {
			t.Errorf("the message came back as %q", raw)
		}
		if n := count(t, s, "login_messages WHERE sealed = ?", []byte("<raw message/>")); n != 0 {
			t.Error("the message is kept in clear")
		}
		later(s, 8*24*time.Hour)
		isError(t, errorOf(s.In(o.ID).LoginMessage(ctx, login.ID)), ErrNotFound)
	})
}

// Two processes on one database, and a third that starts afterwards.
func TestS45_OneOf100AcceptsAResponse(t *testing.T) {
	eachAddress(t, func(t *testing.T, database string) {
		ctx := context.WithoutCancel(t.Context())
		options := Options{Database: database, MasterKey: masterKey(t)}
		s, other := opened(t, options), opened(t, options)
		o, _ := anOrganization(t, s, "acme")
		c := aConnection(t, s, o.ID)
		flow := secret.NewToken()
		login := begun(t, s, c, flow)
		identity := arriving(t, s, c, "ada", "ada@corp.test")
		codes := make([]secret.Token, 100)
		var winner secret.Token
		won := 0
		for i, err := range atOnce(100, func(i int) error {
			a := acceptance(login, identity, s.Now())
			codes[i] = a.Code
			return []*Store{s, other}[i%2].AcceptLogin(ctx, a)
		}) {
			switch {
			case err == nil:
				won, winner = won+1, codes[i]
			case !errors.Is(err, ErrConflict):
				t.Fatal(err)
			}
		}
		if n := count(t, s, "spent_assertions"); won != 1 || n != 1 {
			t.Fatalf("%d succeeded and %d assertions are spent, want 1", won, n)
		}
		// The losers' refusals leave the winner's login alone.
		must(s.RefuseLogin(ctx, Refused{OrganizationID: o.ID, ConnectionID: c.ID, VersionID: c.VersionID, LoginID: login.ID,
			Refusal: *trust.Refuse(trust.ReasonReplayed, "once", "twice"), Address: "203.0.113.7"}))
		restarted := opened(t, options)
		replay := acceptance(begun(t, restarted, c, flow), identity, s.Now())
		replay.AssertionID = "assertion of " + login.ID
		isError(t, restarted.AcceptLogin(ctx, replay), ErrConflict)
		finished := 0
		for _, err := range atOnce(100, func(i int) error {
			_, _, err := []*Store{s, restarted}[i%2].FinishLogin(ctx, winner, flow)
			return err
		}) {
			switch {
			case err == nil:
				finished++
			case !errors.Is(err, ErrNotFound):
				t.Fatal(err)
			}
		}
		if finished != 1 {
			t.Errorf("the code was spent %d times (W-32)", finished)
		}
	})
}

func TestX01_KeptIdentityOpensInItsOwnLoginAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		c := aConnection(t, s, o.ID)
		flow := secret.NewToken()
		ada, eve := acceptance(begun(t, s, c, flow), arriving(t, s, c, "ada", "ada@corp.test"), s.Now()), acceptance(begun(t, s, c, flow), arriving(t, s, c, "eve", "eve@corp.test"), s.Now())
		ok(t, s.AcceptLogin(ctx, ada))
		ok(t, s.AcceptLogin(ctx, eve))
		if n := count(t, s, "logins WHERE sealed_identity = ?", ada.Identity.Record()); n != 0 {
			t.Error("the identity is kept in clear")
		}
		behind(t, s, "UPDATE logins SET sealed_identity = (SELECT sealed_identity FROM logins WHERE id = ?) WHERE id = ?", ada.LoginID, eve.LoginID)
		_, identity, err := s.FinishLogin(ctx, eve.Code, flow)
		isError(t, err, secret.ErrSealed)
		if !identity.IsZero() {
			t.Error("somebody else's identity came back")
		}
		behind(t, s, "UPDATE login_messages SET sealed = (SELECT sealed FROM login_messages WHERE login_id = ?) WHERE login_id = ?", ada.LoginID, eve.LoginID)
		isError(t, errorOf(s.In(o.ID).LoginMessage(ctx, eve.LoginID)), secret.ErrSealed)
		_, identity, err = s.FinishLogin(ctx, ada.Code, flow)
		ok(t, err)
		if identity.Subject() != "ada" {
			t.Errorf("%q came back", identity.Subject())
		}
	})
}

func TestS45_AnAssertionIsSpentOnceAcrossLogins(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := context.WithoutCancel(t.Context())
		o, _ := anOrganization(t, s, "acme")
		c := aConnection(t, s, o.ID)
		first, second := begun(t, s, c, secret.NewToken()), begun(t, s, c, secret.NewToken())
		a := acceptance(first, arriving(t, s, c, "ada", "ada@corp.test"), s.Now())
		ok(t, s.AcceptLogin(ctx, a))
		b := acceptance(second, a.Identity, s.Now())
		b.AssertionID = a.AssertionID
		isError(t, s.AcceptLogin(ctx, b), ErrConflict)
		if l := must(s.In(o.ID).Login(ctx, second.ID)); l.State != LoginPending || len(l.Steps) != 0 {
			t.Errorf("a replay left %+v behind", l)
		}
		handshake := func(assertion string) error {
			return errorOf(s.BeginLogin(ctx, NewLogin{OrganizationID: o.ID, ConnectionID: c.ID, VersionID: c.VersionID, Kind: RealLogin,
				StartedBy: StartedByHandshake, RequestID: secret.NewToken().Reveal(), Relay: secret.NewToken(), Flow: secret.NewToken(), ReturnTo: "/",
				Spends: Unsolicited{AssertionID: assertion, SpentUntil: s.Now().Add(time.Hour)}}))
		}
		before := count(t, s, "logins")
		won := 0
		for _, err := range atOnce(100, func(int) error { return handshake("unsolicited") }) {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, ErrConflict):
				t.Fatal(err)
			}
		}
		if won != 1 {
			t.Errorf("an unsolicited assertion was spent %d times", won)
		}
		isError(t, handshake(a.AssertionID), ErrConflict)
		if begun := count(t, s, "logins") - before; begun != 1 {
			t.Errorf("one assertion began %d logins", begun)
		}
	})
}

func TestS45_LateOrForeignAnswersAreNotAccepted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		c, other := aConnection(t, s, o.ID), aConnection(t, s, o.ID)
		login := begun(t, s, c, secret.NewToken())
		if err := s.AcceptLogin(ctx, acceptance(login, arriving(t, s, other, "ada", "ada@corp.test"), s.Now())); err == nil {
			t.Error("an identity of another connection was accepted")
		}
		if err := s.AcceptLogin(ctx, acceptance(login, trust.Identity{}, s.Now())); err == nil {
			t.Error("nobody was accepted")
		}
		identity := arriving(t, s, c, "ada", "ada@corp.test")
		later(s, 15*time.Minute)
		isError(t, s.AcceptLogin(ctx, acceptance(login, identity, s.Now())), ErrConflict)

		flow := secret.NewToken()
		fresh := begun(t, s, c, flow)
		a := acceptance(fresh, identity, s.Now())
		ok(t, s.AcceptLogin(ctx, a))
		later(s, 5*time.Minute)
		_, _, err := s.FinishLogin(ctx, a.Code, flow)
		isError(t, err, ErrNotFound)
	})
}

func TestS51_StateIsReadAgainWhenAResponseIsAccepted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		for name, row := range map[string]struct {
			kind   LoginKind
			change string
			want   trust.Reason
		}{
			"honest":              {RealLogin, "UPDATE connections SET name = 'x' WHERE id = ?", ""},
			"disabled":            {RealLogin, "UPDATE connections SET state = 'disabled' WHERE id = ?", trust.ReasonConnectionNotActive},
			"a draft again":       {RealLogin, "UPDATE connections SET state = 'draft' WHERE id = ?", trust.ReasonTestOnly},
			"suspended":           {RealLogin, "UPDATE organizations SET suspended_at = created_at WHERE id = (SELECT organization_id FROM connections WHERE id = ?)", trust.ReasonOrganizationSuspended},
			"test of a draft":     {TestLogin, "UPDATE connections SET state = 'draft' WHERE id = ?", ""},
			"test, disabled":      {TestLogin, "UPDATE connections SET state = 'disabled' WHERE id = ?", trust.ReasonConnectionNotActive},
			"test, all suspended": {TestLogin, "UPDATE organizations SET suspended_at = created_at WHERE id = (SELECT organization_id FROM connections WHERE id = ?)", trust.ReasonOrganizationSuspended},
		} {
			o, _ := anOrganization(t, s, strings.NewReplacer(" ", "-", ",", "").Replace(name))
			c := aConnection(t, s, o.ID)
			login := begun(t, s, c, secret.NewToken(), func(n *NewLogin) { n.Kind = row.kind })
			identity := arriving(t, s, c, "ada", "ada@corp.test")
			behind(t, s, row.change, c.ID)
			err := s.AcceptLogin(ctx, acceptance(login, identity, s.Now()))
			var refusal *trust.Refusal
			switch {
			case row.want == "":
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			case !errors.As(err, &refusal) || refusal.Reason != row.want:
				t.Errorf("%s: got %v, want %s", name, err, row.want)
			default:
				if n := count(t, s, "spent_assertions WHERE connection_id = ?", c.ID); n != 0 {
					t.Errorf("%s: the assertion was spent all the same", name)
				}
			}
		}
		o, _ := anOrganization(t, s, "deleted")
		c := aConnection(t, s, o.ID)
		identity := arriving(t, s, c, "ada", "ada@corp.test")
		login := begun(t, s, c, secret.NewToken())
		behind(t, s, "DELETE FROM connections WHERE id = ?", c.ID)
		isError(t, s.AcceptLogin(ctx, acceptance(login, identity, s.Now())), ErrNotFound)
	})
}

func TestPendingLoginsOfABrowserAreBounded(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		c := aConnection(t, s, o.ID)
		flow := secret.NewToken()
		another := begun(t, s, c, secret.NewToken())
		var last Login
		for range 60 {
			last = begun(t, s, c, flow)
		}
		if n := count(t, s, "logins WHERE flow_hash = ?", flow.Hash()); n != 50 {
			t.Errorf("one browser has %d pending logins, want 50", n)
		}
		for _, login := range []Login{another, last} {
			must(s.LoginOfRequest(t.Context(), c.ID, login.RequestID))
		}
	})
}

func TestS46_AHandshakeIsRememberedForItsBrowserAndConnection(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		c, other := aConnection(t, s, o.ID), aConnection(t, s, o.ID)
		flow, since := secret.NewToken(), s.Now()
		begun(t, s, c, flow)
		if must(s.RecentHandshake(ctx, c.ID, flow, since)) {
			t.Error("a login of ours counts as a handshake")
		}
		begun(t, s, c, flow, func(n *NewLogin) {
			n.StartedBy, n.Spends = StartedByHandshake, Unsolicited{AssertionID: "unsolicited", SpentUntil: s.Now().Add(time.Hour)}
		})
		if !must(s.RecentHandshake(ctx, c.ID, flow, since)) {
			t.Error("the handshake is forgotten")
		}
		if must(s.RecentHandshake(ctx, other.ID, flow, since)) || must(s.RecentHandshake(ctx, c.ID, secret.NewToken(), since)) ||
			must(s.RecentHandshake(ctx, c.ID, flow, s.Now().Add(time.Second))) {
			t.Error("another connection, browser or time has the handshake")
		}
	})
}

// refusalOf is a refused message at the connection that belongs to no login.
func refusalOf(c Connection, reason trust.Reason, address string) Refused {
	return Refused{OrganizationID: c.OrganizationID, ConnectionID: c.ID, VersionID: c.VersionID, Refusal: *trust.Refuse(reason, "want", "got"),
		Steps: []LoginStep{{Name: "Signature", Verdict: StepRefused, Want: "want", Got: "got"}}, Raw: []byte("<forged/>"), Address: address}
}

func TestRefusedLoginIsRecorded(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		other, _ := anOrganization(t, s, "evil")
		c := aConnection(t, s, o.ID)
		pending := begun(t, s, c, secret.NewToken())
		r := refusalOf(c, trust.ReasonAudience, "203.0.113.7")
		r.LoginID, r.Email = pending.ID, "Ada@corp.test\n"
		if id := must(s.RefuseLogin(ctx, r)); id != pending.ID {
			t.Errorf("the refusal has the reference %s, want the login's own", id)
		}
		for _, search := range []string{pending.ID, " ada@CORP ", "corp.test"} {
			list := must(s.In(o.ID).Logins(ctx, LoginFilter{Search: search}))
			if len(list) != 1 || list[0].ID != pending.ID || list[0].State != LoginRefused || list[0].Reason != trust.ReasonAudience {
				t.Errorf("a search for %q finds %+v", search, list)
			}
		}
		login := must(s.In(o.ID).Login(ctx, pending.ID))
		if login.Want != "want" || login.Got != "got" || len(login.Steps) != 1 || login.EndedAt == nil || strings.Contains(login.Email, "\n") {
			t.Errorf("the record is %+v", login)
		}
		if raw := must(s.In(o.ID).LoginMessage(ctx, pending.ID)); string(raw) != "<forged/>" {
			t.Errorf("the message is %q", raw)
		}
		events := must(s.In(o.ID).Events(ctx, EventFilter{Action: string(audit.LoginRefused)}))
		if len(events) != 1 || events[0].Reason != "audience_mismatch" || events[0].Outcome != audit.Refused || events[0].Targets[0].ID != c.ID {
			t.Errorf("the events are %+v", events)
		}
		isError(t, s.AcceptLogin(ctx, acceptance(pending, arriving(t, s, c, "ada", "ada@corp.test"), s.Now())), ErrConflict)
		for what, err := range map[string]error{"login": errorOf(s.In(other.ID).Login(ctx, pending.ID)), "message": errorOf(s.In(other.ID).LoginMessage(ctx, pending.ID))} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("another organization's %s: got %v", what, err)
			}
		}
		if len(must(s.In(other.ID).Logins(ctx, LoginFilter{}))) != 0 {
			t.Error("the list shows another organization's login")
		}
	})
}

func TestFloodsOfRefusedMessagesAreCounted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		c := aConnection(t, s, o.ID)
		var first string
		for i := range 100 {
			id := must(s.RefuseLogin(ctx, refusalOf(c, trust.ReasonSignatureInvalid, fmt.Sprintf("203.0.113.%d", i))))
			if first = wordsOr(first, id); id != first {
				t.Fatal("the same refusal has two records within a minute")
			}
		}
		if login := must(s.In(o.ID).Login(ctx, first)); login.Count != 100 || len(login.Steps) != 1 {
			t.Errorf("the record stands for %d, want 100", login.Count)
		}
		told := 0
		events := must(s.In(o.ID).Events(ctx, EventFilter{Action: string(audit.LoginRefused)}))
		for _, e := range events {
			told += e.Count
		}
		if len(events) != 3 || told != 100 {
			t.Errorf("%d events tell of %d refusals, want 3 of 100", len(events), told)
		}
		// Another reason and another network are records of their own, up to 30 a minute.
		if id := must(s.RefuseLogin(ctx, refusalOf(c, trust.ReasonExpired, "203.0.113.1"))); id == first {
			t.Error("another reason is counted with the first")
		}
		for i := range 200 {
			must(s.RefuseLogin(ctx, refusalOf(c, trust.ReasonSignatureInvalid, fmt.Sprintf("10.0.%d.1", i))))
			must(s.RefuseLogin(ctx, refusalOf(c, trust.ReasonSignatureInvalid, fmt.Sprintf("2001:db8:0:%x00::1", i))))
		}
		if n := count(t, s, "logins"); n != 30 {
			t.Errorf("a flood left %d records, want 30", n)
		}
		if n := count(t, s, "login_messages"); n > 30 {
			t.Errorf("a flood left %d messages", n)
		}
		later(s, 2*time.Minute)
		if id := must(s.RefuseLogin(ctx, refusalOf(c, trust.ReasonSignatureInvalid, "203.0.113.1"))); id == first {
			t.Error("what happens two minutes later has no record of its own")
		}
		isError(t, must(nothing(s.VerifyEvents(ctx, o.ID))), nil)
	})
}

// Anybody may begin logins and answer them with rubbish, each in a browser of its own.
func TestFloodsOfAnswersWithoutASignatureAreCounted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		c := aConnection(t, s, o.ID)
		refuse := func(i int, change func(*Refused)) string {
			r := refusalOf(c, trust.ReasonSignatureInvalid, fmt.Sprintf("10.0.%d.1", i))
			r.LoginID = begun(t, s, c, secret.NewToken()).ID
			change(&r)
			return must(s.RefuseLogin(ctx, r))
		}
		for i := range 100 {
			refuse(i, func(*Refused) {})
		}
		counted := 0
		for _, login := range must(s.In(o.ID).Logins(ctx, LoginFilter{Limit: 200})) {
			counted += login.Count
		}
		logins, events, messages := count(t, s, "logins"), count(t, s, "events WHERE action = ?", audit.LoginRefused), count(t, s, "login_messages")
		if logins != 30 || messages != 30 || events > 32 || counted != 100 {
			t.Errorf("a flood left %d records, %d messages and %d events of %d refusals", logins, messages, events, counted)
		}
		if pending := count(t, s, "logins WHERE state = ?", LoginPending); pending != 0 {
			t.Errorf("%d answered logins are pending", pending)
		}
		// The honest twins: what the identity provider signed, and what an owner tests, has a record and a message of its own meanwhile.
		for i, honest := range []func(*Refused){func(r *Refused) { r.Signed = true }, func(r *Refused) { r.Test = true }} {
			id := refuse(i, honest)
			if raw := must(s.In(o.ID).LoginMessage(ctx, id)); len(raw) == 0 || must(s.In(o.ID).Login(ctx, id)).Count != 1 {
				t.Errorf("honest login %d has no record of its own", i)
			}
		}
		later(s, 31*24*time.Hour)
		ok(t, s.Sweep(ctx))
		if n := count(t, s, "logins"); n != 2 {
			t.Errorf("%d logins are left after a month, want the two honest ones", n)
		}
		later(s, 370*24*time.Hour)
		ok(t, s.Sweep(ctx))
		if n := count(t, s, "logins"); n != 0 {
			t.Errorf("%d logins are left after 401 days", n)
		}
	})
}

func TestSweepForgetsLoginsThatNobodyFinished(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		_, c, _ := corp(t, s)
		begun(t, s, c, secret.NewToken())
		ok(t, s.AcceptLogin(ctx, acceptance(begun(t, s, c, secret.NewToken()), arriving(t, s, c, "ada", "ada@corp.test"), s.Now())))
		left := func(pending, sealed int64) {
			t.Helper()
			ok(t, s.Sweep(ctx))
			if p, i := count(t, s, "logins WHERE state = ?", LoginPending), count(t, s, "logins WHERE sealed_identity IS NOT NULL"); p != pending || i != sealed {
				t.Errorf("%d pending logins and %d identities are left, want %d and %d", p, i, pending, sealed)
			}
		}
		left(1, 1)
		later(s, codeLife+time.Second)
		left(1, 0)
		later(s, loginLife-codeLife)
		left(0, 0)
	})
}

// nothing turns a broken link into an error.
func nothing(link *BrokenLink, err error) (error, error) {
	if link != nil {
		return fmt.Errorf("%+v", *link), err
	}
	return nil, err
}

func TestLoginsPageAndFilter(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		c, other := aConnection(t, s, o.ID), aConnection(t, s, o.ID)
		var ids []string
		for range 5 {
			ids = append(ids, begun(t, s, c, secret.NewToken()).ID)
			later(s, time.Millisecond)
		}
		begun(t, s, other, secret.NewToken())
		page := must(s.In(o.ID).Logins(ctx, LoginFilter{ConnectionID: c.ID, State: LoginPending, Limit: 2}))
		next := must(s.In(o.ID).Logins(ctx, LoginFilter{ConnectionID: c.ID, Before: page[1].ID}))
		if len(page) != 2 || page[0].ID != ids[4] || len(next) != 3 || next[2].ID != ids[0] {
			t.Errorf("the pages are %d and %d long", len(page), len(next))
		}
		for _, search := range []string{"%", "_", `\`, "'", "log_"} {
			if found := must(s.In(o.ID).Logins(ctx, LoginFilter{Search: search})); len(found) != 0 {
				t.Errorf("a search for %q finds %d logins", search, len(found))
			}
		}
	})
}

func TestANewcomerIsTheActorOfWhatTheirSignInMade(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		scope, c, _ := corp(t, s)
		before := len(must(scope.Events(t.Context(), EventFilter{Limit: 100})))
		comes(t, s, c, "ada", "ada@corp.test")
		events := must(scope.Events(t.Context(), EventFilter{Limit: 100}))
		made := events[:len(events)-before]
		if len(made) < 4 {
			t.Fatalf("only %d events", len(made))
		}
		for _, e := range made {
			if e.Actor.Kind != audit.User || e.Actor.Name != "Ada Lovelace" {
				t.Errorf("%q", e.Sentence())
			}
		}
	})
}
