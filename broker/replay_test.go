package broker

import (
	"errors"
	"sync"
	"testing"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

func TestS45_OneOf100PostsOfOneResponseSucceeds(t *testing.T) {
	w := newWorld(t)
	browser := someBrowser()
	arrival := w.ask(w.begin(browser)).in(browser)
	var landings []Landing
	var reasons []trust.Reason
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			landing, err := w.Finish(t.Context(), arrival)
			mu.Lock()
			defer mu.Unlock()
			var refused *Refused
			switch {
			case err == nil:
				landings = append(landings, landing)
			case errors.As(err, &refused):
				reasons = append(reasons, refused.Reason)
			default:
				t.Errorf("neither a landing nor a refusal: %v", err)
			}
		})
	}
	all.Wait()
	if len(landings) != 1 || len(reasons) != 99 {
		t.Fatalf("%d landings and %d refusals", len(landings), len(reasons))
	}
	for _, reason := range reasons {
		if reason != trust.ReasonReplayed {
			t.Errorf("refused for %s", reason)
		}
	}
	if _, err := w.Complete(t.Context(), Completion{Code: landings[0].Code, Browser: browser}); err != nil {
		t.Errorf("the one that succeeded does not finish: %v", err)
	}
	logins, err := w.scope().Logins(t.Context(), store.LoginFilter{State: store.LoginRefused})
	w.ok(err)
	count := 0
	for _, login := range logins {
		count += login.Count
	}
	if count != 99 || len(logins) > 30 {
		t.Errorf("99 replays left %d records that stand for %d", len(logins), count)
	}
}

func TestS45_AReplayIsRefusedAfterARestart(t *testing.T) {
	w := newWorld(t)
	browser := someBrowser()
	arrival := w.ask(w.begin(browser)).in(browser)
	_, err := w.Finish(t.Context(), arrival)
	w.ok(err)
	w.ok(w.store.Close())
	w.open()
	w.refuses(trust.ReasonReplayed, w.finish(arrival))
}

// What answers a login that has ended is not even read: whatever is wrong with it, it comes too late.
func TestS45_AnEndedLoginTakesNoFurtherMessage(t *testing.T) {
	w := newWorld(t)
	arrival, answer := w.asked(someBrowser())
	forged := arrival
	forged.SAMLResponse = firstLie(t, trust.ReasonSignatureMissing).Tell(w.idp, answer)
	w.refuses(trust.ReasonSignatureMissing, w.finish(forged))
	w.refuses(trust.ReasonReplayed, w.finish(forged))
	w.refuses(trust.ReasonReplayed, w.finish(arrival))
}

// The same assertion in answer to a fresh login: its id alone gives it away.
func TestS45_AnAssertionIsSpentWhateverLoginItAnswers(t *testing.T) {
	w := newWorld(t)
	first, answer := w.asked(someBrowser())
	first.SAMLResponse = answer.Message()
	_, err := w.Finish(t.Context(), first)
	w.ok(err)
	for _, id := range []string{answer.AssertionID, "_a-fresh-one"} {
		next, answer := w.asked(someBrowser())
		answer.AssertionID = id
		next.SAMLResponse = answer.Message()
		if id != "_a-fresh-one" {
			refused := w.refuses(trust.ReasonReplayed, w.finish(next))
			if login, err := w.scope().Login(t.Context(), refused.LoginID); err != nil || login.Email != "ada@corp.test" || login.Subject != "u-ada-1815" {
				t.Errorf("what it claimed is kept as %q, %q: %v", login.Email, login.Subject, err)
			}
		} else if _, err := w.Finish(t.Context(), next); err != nil {
			t.Errorf("an assertion with an id of its own: %v", err)
		}
	}
}

func TestS45_WithoutTheDatabaseNothingIsJudgedOrSpent(t *testing.T) {
	w := newWorld(t)
	browser := someBrowser()
	arrival := w.ask(w.begin(browser)).in(browser)
	w.ok(w.store.Close())
	_, err := w.Finish(t.Context(), arrival)
	var refused *Refused
	if err == nil || errors.As(err, &refused) || errors.Is(err, store.ErrNotFound) {
		t.Fatalf("without a database: %v", err)
	}
	w.open()
	if _, err = w.Finish(t.Context(), arrival); err != nil {
		t.Errorf("the same response, once the database is back: %v", err)
	}
}
