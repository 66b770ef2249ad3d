package broker

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

func TestS51_StateChangesBetweenRequestAndResponse(t *testing.T) {
	disable := func(w *world) {
		c, err := w.scope().Connection(w.Context(), w.connection.ID)
		w.ok(err)
		w.ok(w.scope().DisableConnection(w.Context(), operator, c.ID, c.Version))
	}
	for name, change := range map[string]struct {
		reason trust.Reason
		do     func(*world)
	}{
		"connection disabled":    {trust.ReasonConnectionNotActive, disable},
		"organization suspended": {trust.ReasonOrganizationSuspended, func(w *world) { w.ok(w.store.SuspendOrganization(w.Context(), operator, w.organization.ID)) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			early, late, unsolicited := someBrowser(), someBrowser(), someBrowser()
			arrival := w.ask(w.begin(early)).in(early)
			code := w.arrive(late)
			tile := w.tile().in(unsolicited)
			change.do(w)
			w.refuses(change.reason, w.finish(arrival))
			w.refuses(change.reason, w.finish(tile))
			w.refuses(change.reason, w.complete(Completion{Code: code, Browser: late}))
			w.refuses(change.reason, func() error {
				_, err := w.Begin(w.Context(), Start{ConnectionID: w.connection.ID, Browser: someBrowser()})
				return err
			})
		})
	}
	t.Run("connection deleted", func(t *testing.T) {
		w := newWorld(t)
		browser := someBrowser()
		arrival := w.ask(w.begin(browser)).in(browser)
		disable(w)
		c, err := w.scope().Connection(t.Context(), w.connection.ID)
		w.ok(err)
		w.ok(w.scope().DeleteConnection(t.Context(), operator, c.ID, c.Version))
		if _, err := w.Finish(t.Context(), arrival); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v, want no such connection", err)
		}
	})
}

// The transaction that spends a response reads the states again: what changes while the message is judged counts.
func TestS51_StateChangesWhileAResponseIsJudged(t *testing.T) {
	for name, arrive := range map[string]func(*world, Browser) Arrival{
		"an answer":   func(w *world, browser Browser) Arrival { return w.ask(w.begin(browser)).in(browser) },
		"unsolicited": func(w *world, browser Browser) Arrival { return w.tile().in(browser) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			arrival := arrive(w, someBrowser())
			clock := w.now
			w.now = sync.OnceValue(func() time.Time { // asked for once the connection is read
				w.ok(w.store.SuspendOrganization(t.Context(), operator, w.organization.ID))
				return clock()
			})
			w.refuses(trust.ReasonOrganizationSuspended, w.finish(arrival))
			w.ok(w.store.ResumeOrganization(t.Context(), operator, w.organization.ID))
			w.now = clock
			if _, err := w.Finish(t.Context(), arrive(w, someBrowser())); err != nil {
				t.Errorf("once it is resumed: %v", err)
			}
		})
	}
}

func TestS54_ARemovedCertificateIsRefusedAtOnce(t *testing.T) {
	w := newWorld(t)
	old, next := w.idp.Keys[0], idptest.RSAKey("next", 2048)
	w.idp.Keys = []idptest.Key{old, next}
	w.allow(idptest.Allowed{})
	w.signIn(someBrowser())
	w.idp.Keys = []idptest.Key{next}
	w.allow(idptest.Allowed{})
	w.idp.Keys = []idptest.Key{old}
	arrival, _ := w.asked(someBrowser())
	w.refuses(trust.ReasonSignatureInvalid, w.finish(arrival))
	w.idp.Keys = []idptest.Key{next}
	w.signIn(someBrowser())
}

func TestS54_AnExpiredCertificateIsRefused(t *testing.T) {
	w := newWorld(t)
	w.idp.Keys = []idptest.Key{idptest.RSAKey("idp", 2048).Valid(started.Add(-time.Hour), started.Add(time.Hour))}
	w.allow(idptest.Allowed{})
	w.signIn(someBrowser())
	w.pass(2 * time.Hour)
	arrival, _ := w.asked(someBrowser())
	w.refuses(trust.ReasonCertificateExpired, w.finish(arrival))
}
