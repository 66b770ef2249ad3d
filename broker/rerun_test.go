package broker

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// everything is how many rows each table has that a login or its refusal writes to.
func (w *world) everything() (counts string) {
	w.Helper()
	for _, table := range []string{"sessions", "session_proofs", "users", "identities", "members", "role_bindings", "logins", "login_steps", "login_messages",
		"spent_assertions", "events", "changes", "waiting_links", "invites"} {
		var n int
		w.ok(w.tables.QueryRow("SELECT COUNT(*) FROM " + table).Scan(&n))
		counts += fmt.Sprint(table, " ", n, " ")
	}
	return counts
}

// again runs a login again and makes sure that nothing is left of it.
func (w *world) again(id string) Rerun {
	w.Helper()
	before := w.everything()
	rerun, err := w.RunAgain(w.Context(), w.organization.ID, id)
	w.ok(err)
	if after := w.everything(); after != before {
		w.Errorf("running it again left something behind: %s became %s", before, after)
	}
	return rerun
}

func TestARefusedResponsePassesOnceTheSettingIsRight(t *testing.T) {
	w := newWorld(t)
	var right string
	w.settle(func(s *store.SAMLSettings) { right, s.EntityID = s.EntityID, "https://other.test" })
	browser := someBrowser()
	refused := w.refuses(trust.ReasonIssuer, w.finish(w.ask(w.begin(browser)).in(browser)))
	w.pass(48 * time.Hour)
	if rerun := w.again(refused.LoginID); rerun.Refusal == nil || rerun.Refusal.Reason != trust.ReasonIssuer {
		t.Errorf("by the same settings: %+v", rerun.Refusal)
	}
	w.settle(func(s *store.SAMLSettings) { s.EntityID = right })
	rerun := w.again(refused.LoginID)
	if rerun.Refusal != nil || rerun.Steps[len(rerun.Steps)-1].Name != "would" {
		t.Errorf("by the right setting: %+v, %+v", rerun.Refusal, rerun.Steps)
	}
	if _, err := w.RunAgain(t.Context(), "org_00000000000000000000000000", refused.LoginID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another organization runs it again: %v", err)
	}
	w.vouch("eve-1", "eve@elsewhere.test")
	stranger := w.refuses(trust.ReasonDomainNotVerified, w.complete(Completion{Code: w.arrive(browser), Browser: browser}))
	if rerun := w.again(stranger.LoginID); rerun.Refusal == nil || rerun.Refusal.Reason != trust.ReasonDomainNotVerified {
		t.Errorf("a stranger: %+v", rerun.Refusal)
	}
	w.verify("elsewhere.test")
	if rerun := w.again(stranger.LoginID); rerun.Refusal != nil {
		t.Errorf("whose domain is verified now: %+v", rerun.Refusal)
	}
	w.pass(8 * 24 * time.Hour)
	if _, err := w.RunAgain(t.Context(), w.organization.ID, refused.LoginID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after seven days: %v", err)
	}
}

func TestAnOpenIDAnswerIsRunAgain(t *testing.T) {
	w := newWorld(t)
	w.connectOpenID(func(s *store.OIDCSettings) { s.AuthnContext = []string{"phrh"} })
	browser := someBrowser()
	_, err := w.FinishByOpenID(t.Context(), w.comeBack(w.begin(browser), browser))
	refused := w.refusedAs(err, trust.ReasonAuthnContext)
	w.calls = &http.Client{Transport: noCalls{t}}
	if rerun := w.again(refused.LoginID); rerun.Refusal == nil || rerun.Refusal.Reason != trust.ReasonAuthnContext {
		t.Errorf("by the same settings: %+v", rerun.Refusal)
	}
	c, err := w.scope().Connection(t.Context(), w.connection.ID)
	w.ok(err)
	c.OIDC.AuthnContext = nil
	w.ok(w.scope().ChangeOIDCSettings(t.Context(), operator, c.ID, c.Version, c.OIDC, secret.Token{}))
	if rerun := w.again(refused.LoginID); rerun.Refusal != nil {
		t.Errorf("by the right setting: %+v", rerun.Refusal)
	}
}

// noCalls fails the test when anybody is called.
type noCalls struct{ *testing.T }

func (n noCalls) RoundTrip(r *http.Request) (*http.Response, error) {
	n.Errorf("%s is called", r.URL)
	return nil, errors.New("no calls")
}

// TestATokenWithoutAGoodSignatureIsNotRunAgain: its signature is not kept, so nothing could refuse it a second time.
func TestATokenWithoutAGoodSignatureIsNotRunAgain(t *testing.T) {
	w := newWorld(t)
	for _, lie := range idptest.OpenIDLies() {
		if lie.Reason != trust.ReasonTokenSignature {
			continue
		}
		idp := w.connectOpenID()
		idp.Tell(lie)
		browser := someBrowser()
		_, err := w.FinishByOpenID(t.Context(), w.comeBack(w.begin(browser), browser))
		refused := w.refusedAs(err, lie.Reason)
		if rerun, err := w.RunAgain(t.Context(), w.organization.ID, refused.LoginID); !errors.Is(err, ErrNotAgain) {
			t.Errorf("%s is run again: %+v, %v", lie, rerun, err)
		}
		idp.Tell(lie.Twin())
		landing, err := w.FinishByOpenID(t.Context(), w.comeBack(w.begin(browser), browser))
		w.ok(err)
		arrived, err := w.Complete(t.Context(), Completion{Code: landing.Code, Browser: browser})
		w.ok(err)
		if rerun := w.again(arrived.LoginID); rerun.Refusal != nil {
			t.Errorf("the honest twin: %+v", rerun.Refusal)
		}
	}
}

// TestARerunHoldsWordsAlone: what comes out of running a login again can sign nobody in, because it holds nothing that does.
func TestARerunHoldsWordsAlone(t *testing.T) {
	kind := reflect.TypeFor[Rerun]()
	for i := range kind.NumField() {
		switch field := kind.Field(i); field.Type {
		case reflect.TypeFor[[]store.LoginStep](), reflect.TypeFor[*trust.Refusal](), reflect.TypeFor[bool]():
		default:
			t.Errorf("%s is a %s", field.Name, field.Type)
		}
	}
}
