package broker

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// finder keeps for which connections metadata was asked for, and looked at. The first look finds what it is told; all wait for it.
type finder struct {
	mu            sync.Mutex
	asked, looked []string
	finds         func()
}

func (f *finder) Ask(connectionID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, connectionID)
}

func (f *finder) Look(_ context.Context, connectionID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked = append(f.looked, connectionID)
	if f.finds != nil {
		f.finds()
		f.finds = nil
	}
}

// slowFinder never finds anything, and tells who waits.
type slowFinder struct{ began chan struct{} }

func (slowFinder) Ask(string) {}

func (f slowFinder) Look(ctx context.Context, _ string) {
	f.began <- struct{}{}
	<-ctx.Done()
}

// attackersKey is known to nobody, and nextKey is that of [world.withNextKey].
func attackersKey() idptest.Key { return idptest.RSAKey("attacker", 2048) }
func nextKey() idptest.Key      { return idptest.RSAKey("next", 2048) }

// reasonIn is why it was refused, "" where it was not.
func reasonIn(err error) trust.Reason {
	var refused *Refused
	if errors.As(err, &refused) {
		return refused.Reason
	}
	return ""
}

// answers is a login of the browser's, answered by that key.
func (w *world) answers(browser Browser, key idptest.Key) Arrival {
	w.Helper()
	departure := w.begin(browser)
	before := w.idp.Keys
	w.idp.Keys = []idptest.Key{key}
	defer func() { w.idp.Keys = before }()
	return w.ask(departure).in(browser)
}

// S-55: what no known key signed has the metadata asked for, and nothing else does. Nobody waits but for the answer to a login that was begun here:
// not for a stranger's message, nor for one that another browser brings.
func TestS55_AnUnknownKeyHasTheMetadataAskedFor(t *testing.T) {
	w := newWorld(t)
	f := &finder{}
	w.FindKeysBy(f)
	w.signIn(someBrowser())
	w.refuses(trust.ReasonNotXML, w.finish(Arrival{ConnectionID: w.connection.ID, SAMLResponse: "cnViYmlzaA==", ReturnTo: "/"}.in(someBrowser())))
	w.refuses(trust.ReasonOtherBrowser, w.finish(w.answers(someBrowser(), attackersKey()).in(someBrowser())))
	if len(f.asked)+len(f.looked) != 0 {
		t.Fatalf("asked for %v, looked at %v", f.asked, f.looked)
	}
	known := w.idp.Keys
	w.idp.Keys = []idptest.Key{attackersKey()}
	w.settle(func(s *store.SAMLSettings) { s.IDPInitiated = store.IDPInitiatedAccept })
	w.refuses(trust.ReasonSignatureInvalid, w.finish(w.tile().in(someBrowser())))
	w.idp.Keys = known
	if len(f.asked) != 1 || f.asked[0] != w.connection.ID || len(f.looked) != 0 {
		t.Errorf("a stranger's: asked for %v, looked at %v", f.asked, f.looked)
	}
	w.refuses(trust.ReasonSignatureInvalid, w.finish(w.answers(someBrowser(), attackersKey()))) // nothing new was found
	if len(f.asked) != 1 || len(f.looked) != 1 || f.looked[0] != w.connection.ID {
		t.Errorf("an answer's: asked for %v, looked at %v", f.asked, f.looked)
	}
}

// S-54: the identity provider signs by a new key while logins are under way, and none is lost: whoever is the first to bring what it signed has
// its metadata read, and waits for that. What somebody else signed meanwhile stays out.
func TestS54_TheirKeyIsSwappedWhileLoginsRun(t *testing.T) {
	eachDatabase(t, func(t *testing.T, w *world) {
		next := nextKey()
		f := &finder{finds: func() {
			w.settle(func(s *store.SAMLSettings) {
				s.Certificates = append(s.Certificates, certificatesOf(w.withNextKey())...)
			})
		}}
		w.FindKeysBy(f)
		byOld := w.answers(someBrowser(), w.idp.Keys[0])
		forged := w.answers(someBrowser(), attackersKey())
		var byNext [5]Arrival // all made before the first is brought: from then on the connection may change
		for i := range byNext {
			byNext[i] = w.answers(someBrowser(), next)
		}
		var all sync.WaitGroup
		for _, arrival := range byNext {
			all.Go(func() {
				if _, err := w.Finish(w.Context(), arrival); err != nil {
					t.Errorf("signed by the new key: %v", err)
				}
				if _, err := w.Finish(w.Context(), arrival); reasonIn(err) != trust.ReasonReplayed {
					t.Errorf("the same once more: %v", err)
				}
			})
		}
		all.Go(func() {
			if _, err := w.Finish(w.Context(), forged); reasonIn(err) != trust.ReasonSignatureInvalid {
				t.Errorf("signed by an attacker: %v", err)
			}
		})
		all.Wait()
		if _, err := w.Finish(w.Context(), byOld); err != nil {
			t.Errorf("signed by the old key: %v", err)
		}
		if f.finds != nil {
			t.Error("nobody looked")
		}
	})
}

// S-45: one answer that is posted many times while it waits lets one in.
func TestS45_AnAnswerThatWaitedWorksOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, w *world) {
		next := nextKey()
		w.FindKeysBy(&finder{finds: func() {
			w.settle(func(s *store.SAMLSettings) { s.Certificates = certificatesOf(w.withNextKey()) })
		}})
		arrival := w.answers(someBrowser(), next)
		const posts = 10
		results := make(chan error, posts)
		for range posts {
			go func() {
				_, err := w.Finish(t.Context(), arrival)
				results <- err
			}()
		}
		landed := 0
		for range posts {
			switch err := <-results; {
			case err == nil:
				landed++
			case reasonIn(err) != trust.ReasonReplayed:
				t.Errorf("got %v", err)
			}
		}
		if landed != 1 {
			t.Errorf("%d landed", landed)
		}
	})
}

// S-55: however slow an identity provider is, so many wait for it and no more, each no longer than it may.
func TestS55_FewWaitAndNotForLong(t *testing.T) {
	w := newWorld(t)
	slow := slowFinder{began: make(chan struct{}, waitingOfOne+1)}
	w.FindKeysBy(slow)
	w.patience = time.Minute
	ctx, hangUp := context.WithCancel(t.Context())
	results := make(chan error, waitingOfOne)
	for range waitingOfOne {
		arrival := w.answers(someBrowser(), attackersKey())
		go func() {
			_, err := w.Finish(ctx, arrival)
			results <- err
		}()
	}
	for range waitingOfOne {
		<-slow.began
	}
	w.refuses(trust.ReasonSignatureInvalid, w.finish(w.answers(someBrowser(), attackersKey())))
	if len(slow.began) != 0 {
		t.Error("one more waits")
	}
	if !w.waiting.enter("con_other") {
		t.Error("another connection's answers find no room")
	}
	w.waiting.leave("con_other")
	hangUp()
	for range waitingOfOne {
		if err := <-results; reasonIn(err) != trust.ReasonSignatureInvalid { // recorded, though nobody waits for it
			t.Errorf("got %v", err)
		}
	}
	w.patience = time.Millisecond
	w.refuses(trust.ReasonSignatureInvalid, w.finish(w.answers(someBrowser(), attackersKey())))
	if len(slow.began) != 1 || w.waiting.all != 0 || len(w.waiting.of) != 0 {
		t.Errorf("%d waited again, %d of %d wait still", len(slow.began), w.waiting.all, len(w.waiting.of))
	}
}

// S-55: nobody comes in by a key that waits for a person, and the refusal says which key it was; of any other key it says nothing of the sort. When
// an owner has applied the metadata, it is as good as another.
func TestS55_AKeyThatWaitsIsSaidToWait(t *testing.T) {
	w := newWorld(t, func(s *store.SAMLSettings) { s.MetadataURL = "https://idp.test/metadata" })
	next := nextKey()
	says := w.connection.Settings.Described()
	says.Certificates = certificatesOf(w.withNextKey())
	w.FindKeysBy(&finder{finds: func() {
		turn, err := w.store.TakeMetadataForLogin(t.Context(), w.connection.ID)
		w.ok(err)
		_, err = w.store.MetadataFetched(t.Context(), turn, store.MetadataRead{Described: says})
		w.ok(err)
	}})
	for range 2 {
		refused := w.refuses(trust.ReasonKeyNotConfirmed, w.finish(w.answers(someBrowser(), next)))
		login, err := w.scope().Login(t.Context(), refused.LoginID)
		w.ok(err)
		if last := login.Steps[len(login.Steps)-1]; last.Name != "signature" || !strings.Contains(last.Got, "every key in it is another one") {
			t.Errorf("it stopped at %+v", last)
		}
	}
	w.refuses(trust.ReasonSignatureInvalid, w.finish(w.answers(someBrowser(), attackersKey())))
	w.signIn(someBrowser()) // by the old key

	c, err := w.scope().Connection(t.Context(), w.connection.ID)
	w.ok(err)
	w.ok(w.scope().ApplyMetadata(t.Context(), operator, c.ID, c.Version))
	if _, err := w.Finish(t.Context(), w.answers(someBrowser(), next)); err != nil {
		t.Errorf("when it is applied: %v", err)
	}
	w.refuses(trust.ReasonSignatureInvalid, w.finish(w.answers(someBrowser(), w.idp.Keys[0])))
}

// S-30: for a key that waits nothing is decrypted: whether what is inside can be opened, and read then, makes no difference to what is said.
func TestS30_NothingIsDecryptedForAKeyThatWaits(t *testing.T) {
	w := newWorld(t, func(s *store.SAMLSettings) { s.MetadataURL = "https://idp.test/metadata" })
	says := w.connection.Settings.Described()
	says.Certificates = certificatesOf(w.withNextKey())
	w.FindKeysBy(&finder{finds: func() {
		turn, err := w.store.TakeMetadataForLogin(t.Context(), w.connection.ID)
		w.ok(err)
		_, err = w.store.MetadataFetched(t.Context(), turn, store.MetadataRead{Described: says})
		w.ok(err)
	}})
	// sealed is the answer to a login, with an assertion encrypted to us in a Response that is signed by the key.
	sealed := func(key idptest.Key, plain func([]byte) []byte) Arrival {
		before := w.idp.Keys
		w.idp.Keys = []idptest.Key{key}
		arrival, answer := w.asked(someBrowser())
		w.idp.Keys = before
		if answer.Response == nil {
			answer.Response = answer.Assertion
		}
		answer.Encryption = &idptest.Encryption{To: w.service(w.connection).Certificate, Plain: plain}
		arrival.SAMLResponse = answer.Message()
		return arrival
	}
	for name, plain := range map[string]func([]byte) []byte{"as it should be": nil, "rubbish": func([]byte) []byte { return []byte("rubbish") }} {
		refused := w.refuses(trust.ReasonKeyNotConfirmed, w.finish(sealed(nextKey(), plain)))
		login, err := w.scope().Login(t.Context(), refused.LoginID)
		w.ok(err)
		if last := login.Steps[len(login.Steps)-1]; last.Name != "signature" {
			t.Errorf("%s: it stopped at %+v", name, last)
		}
	}
	if _, err := w.Finish(t.Context(), sealed(w.idp.Keys[0], nil)); err != nil { // the honest twin: by the known key it is opened
		t.Errorf("by the known key: %v", err)
	}
}
