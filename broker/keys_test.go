package broker

import (
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/signing"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

var nextPair = sync.OnceValues(func() (signing.Pair, error) { return signing.New("gatehouse.test", started.AddDate(-1, 0, 0)) })

// S-54: our keys are swapped while logins are under way, and none is lost: what the identity provider encrypted to either opens.
func TestS54_OurKeysAreSwappedWhileLoginsRun(t *testing.T) {
	eachDatabase(t, func(t *testing.T, w *world) {
		pair, err := nextPair()
		w.ok(err)
		next, err := signing.Load(pair)
		w.ok(err)
		knows := func(certificate idptest.Service) { w.idp.Services = []idptest.Service{certificate} }
		before := w.service(w.connection)
		before.Encrypt = true
		after := before
		after.Certificate = next.Certificate
		version := func() int64 {
			c, err := w.scope().Connection(w.Context(), w.connection.ID)
			w.ok(err)
			return c.Version
		}
		// under has a login under way, its answer given already, while something is done.
		under := func(do func()) {
			browser := someBrowser()
			arrival := w.ask(w.begin(browser)).in(browser)
			do()
			_, err := w.Finish(w.Context(), arrival)
			w.ok(err)
		}
		last := func(want string) {
			t.Helper()
			keys, err := w.scope().OurKeys(w.Context(), w.connection.ID)
			w.ok(err)
			for _, key := range keys {
				if key.LastEncrypted != (key.Certificate == want) {
					t.Errorf("the key in state %s counts as last encrypted to: %t", key.State, key.LastEncrypted)
				}
			}
		}
		old, err := ourPair()
		w.ok(err)

		knows(before)
		under(func() {
			w.ok(w.scope().AddKey(w.Context(), operator, w.connection.ID, version(), store.NewKey{CertificatePEM: pair.CertificatePEM, KeyPEM: pair.KeyPEM}))
		})
		w.signIn(someBrowser()) // requests are still signed by the one that it knows
		last(string(old.CertificatePEM))
		w.pass(time.Minute)
		under(func() {
			w.ok(w.scope().SwitchKey(w.Context(), operator, w.connection.ID, version()))
			knows(after)
		})
		last(string(old.CertificatePEM))
		w.pass(time.Minute)
		keys, err := w.scope().OurKeys(w.Context(), w.connection.ID)
		w.ok(err)
		w.signIn(someBrowser()) // signed by the new one, which is the only one that it takes now
		last(string(pair.CertificatePEM))
		under(func() {
			w.ok(w.scope().RemoveKey(w.Context(), operator, w.connection.ID, version(), keys[1].ID, false))
		})
	})
}

// S-54: a key that is gone opens nothing any more, and says nothing about which key was last encrypted to.
func TestS54_AKeyThatWasRemovedOpensNothing(t *testing.T) {
	w := newWorld(t)
	pair, err := nextPair()
	w.ok(err)
	w.ok(w.scope().AddKey(w.Context(), operator, w.connection.ID, w.connection.Version, store.NewKey{CertificatePEM: pair.CertificatePEM, KeyPEM: pair.KeyPEM}))
	w.pass(time.Minute)
	w.ok(w.scope().SwitchKey(w.Context(), operator, w.connection.ID, w.connection.Version+1))
	next, err := signing.Load(pair)
	w.ok(err)
	service := w.service(w.connection)
	toOld := service.Certificate
	service.Encrypt, service.Certificate = true, next.Certificate
	w.idp.Services = []idptest.Service{service}
	browser := someBrowser()
	departure := w.begin(browser)
	arrival := w.ask(departure).in(browser)
	keys, err := w.scope().OurKeys(w.Context(), w.connection.ID)
	w.ok(err)
	w.ok(w.scope().RemoveKey(w.Context(), operator, w.connection.ID, w.connection.Version+2, keys[1].ID, false))
	if _, err := w.Finish(w.Context(), arrival); err != nil {
		t.Fatalf("the twin, encrypted to the key that stays: %v", err)
	}
	service.Certificate = toOld
	answer := w.idp.Answer(service, "", w.time())
	w.refuses(trust.ReasonDecryptionFailed, w.finish(Arrival{ConnectionID: w.connection.ID, SAMLResponse: answer.Message(), ReturnTo: "/"}.in(someBrowser())))
	if keys, err := w.scope().OurKeys(w.Context(), w.connection.ID); err != nil || len(keys) != 1 || !keys[0].LastEncrypted {
		t.Errorf("%+v %v", keys, err)
	}
}
