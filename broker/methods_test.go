package broker

import (
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// The sign-in decision table: by the address's domain, whether or not anybody has the address.
func TestMethodsFollowTheDomain(t *testing.T) {
	w := newWorld(t)
	ask := func(email string) Methods {
		t.Helper()
		address, err := trust.ParseAddress(email)
		w.ok(err)
		methods, err := w.Methods(t.Context(), address, nil)
		w.ok(err)
		return methods
	}
	want := func(situation string, connections int, password bool) {
		t.Helper()
		for _, email := range []string{"ada@corp.test", "nobody@corp.test", "NOBODY@CORP.TEST"} {
			if m := ask(email); len(m.Connections()) != connections || m.Password != password {
				t.Errorf("%s, %s: %+v", situation, email, m)
			}
		}
		for _, email := range []string{"owner@acme.test", "nobody@sub.corp.test", "nobody@corp.test.evil.test", "nobody@evil-corp.test"} {
			if m := ask(email); len(m.Connections()) != 0 || !m.Password {
				t.Errorf("%s, %s: %+v", situation, email, m)
			}
		}
	}
	w.signIn(someBrowser()) // ada is known
	want("one connection", 1, true)

	second := w.connect(idptest.New(t))
	want("two connections", 2, true)
	if m := ask("ada@corp.test"); true {
		if _, found := m.Connection(second.ID); !found {
			t.Error("the second connection is not offered")
		}
		if _, found := m.Connection("con_00000000000000000000000000"); found {
			t.Error("a connection that does not exist is offered")
		}
	}

	w.enforce()
	want("two connections, enforced", 2, false)
	w.ok(w.scope().DisableConnection(t.Context(), operator, second.ID, second.Version))
	want("one connection, enforced", 1, false)

	policy, err := w.scope().SignInPolicy(t.Context())
	w.ok(err)
	w.ok(w.scope().EndEnforcement(t.Context(), operator, policy.Version))
	c, err := w.scope().Connection(t.Context(), w.connection.ID)
	w.ok(err)
	w.ok(w.scope().DisableConnection(t.Context(), operator, c.ID, c.Version))
	want("no active connection", 0, true)
}

func TestADomainThatIsOnlyClaimedDecidesNothing(t *testing.T) {
	w := newWorld(t)
	_, err := w.scope().ClaimDomain(t.Context(), operator, "claimed.test", "gatehouse.test")
	w.ok(err)
	address, err := trust.ParseAddress("ada@claimed.test")
	w.ok(err)
	if m, err := w.Methods(t.Context(), address, nil); err != nil || len(m.Connections()) != 0 || !m.Password {
		t.Errorf("%+v, %v", m, err)
	}
}

// enforce requires single sign-on of the verified domain, after a test login of the owner.
func (w *world) enforce() {
	w.Helper()
	w.vouch("the owner", "owner@acme.test")
	browser, mine := someBrowser(), w.byPassword(w.owner)
	_, err := w.Complete(w.Context(), Completion{Code: w.test(browser, mine.Session), Browser: browser, Present: mine})
	w.ok(err)
	owner, err := w.scope().MemberOf(w.Context(), w.owner.ID)
	w.ok(err)
	w.ok(w.scope().NameBreakGlassOwner(w.Context(), operator, owner.ID))
	_, err = w.scope().MakeRecoveryCodes(w.Context(), operator, w.owner.ID)
	w.ok(err)
	policy, err := w.scope().SignInPolicy(w.Context())
	w.ok(err)
	w.ok(w.scope().TurnOnEnforcement(w.Context(), operator, policy.Version, access.EnforceDomain, w.owner.ID))
}
