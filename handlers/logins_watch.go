package handlers

import (
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/a-h/templ"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/web"
)

const (
	watchFor    = 20 * time.Second // one stream, within what an answer may take; the browser then asks for another
	watchEvery  = time.Second      // how often the database is asked, whichever node the identity provider answers to
	watchedEach = 4                // streams of one session, or of one visit by a setup link
	watchedAll  = 200              // streams of everybody on this node
)

// watchers counts the streams that are open.
type watchers struct {
	mu  sync.Mutex
	of  map[string]int
	all int
}

// enter counts one more of somebody's; false when they, or all together, have as many as there may be. Whoever entered leaves.
func (w *watchers) enter(who string) (leave func(), entered bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of[who] >= watchedEach || w.all >= watchedAll {
		return nil, false
	}
	w.of[who]++
	w.all++
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.all--
		if w.of[who]--; w.of[who] == 0 {
			delete(w.of, who)
		}
	}, true
}

// underWay says whether something can still happen to the login.
func (v *visit) underWay(l store.Login) bool { return l.EndedAt == nil && v.now().Before(l.ExpiresAt) }

// progressOf changes whenever the login's page does.
func (v *visit) progressOf(l store.Login) string {
	return fmt.Sprintf("%s-%d-%t", l.State, len(l.Steps), v.underWay(l))
}

// watchable lets the page of a login that is under way follow it.
func (v *visit) watchable(page *views.LoginRecordPage, l store.Login, here string) {
	if v.underWay(l) {
		page.Reload, page.Watch = here, here+"/progress?"+url.Values{"seen": {v.progressOf(l)}}.Encode()
	}
}

// watched is how a stream reads the login it is about, and draws the part of its page that changes.
type watched struct {
	by   string // whose stream it is
	read func(*visit) (store.Login, error)
	draw func(*visit, store.Login) (views.LoginRecordPage, error)
}

// watchLogin tells a browser how a login goes on.
func (v *visit) watchLogin() error {
	return v.watch(watched{v.session.ID, func(v *visit) (store.Login, error) { return v.scope.Login(v.ctx(), v.id("login")) },
		func(v *visit, l store.Login) (views.LoginRecordPage, error) {
			page, _, err := v.loginRecordPage(l)
			return page, err
		}})
}

// watchSetupTest is the same for whoever runs a test by a setup link.
func (v *visit) watchSetupTest() error {
	return v.watch(watched{v.setup.ID, func(v *visit) (store.Login, error) { return v.scope.LinkTest(v.ctx(), v.setup, v.id("login")) }, (*visit).setupTestPage})
}

// watch sends the login's page anew whenever there is something new, until the login has ended. Before every look the visitor is admitted again,
// as by a request of its own: a stream shows nothing that a reload would not. Whatever else ends it, the browser asks again and is told.
func (v *visit) watch(of watched) error {
	l, err := of.read(v)
	if err != nil {
		return err
	}
	leave, entered := v.watchers.enter(of.by)
	if !entered {
		return &tooMany{int(watchFor.Seconds())}
	}
	defer leave()
	stream, err := web.StartStream(v.w, v.r)
	if err != nil {
		return nil // the browser has gone
	}
	seen := web.LastEvent(v.r)
	if seen == "" {
		seen = v.query("seen")
	}
	end, tick := time.NewTimer(watchFor), time.NewTicker(watchEvery)
	defer end.Stop()
	defer tick.Stop()
	for now := v; ; {
		if seen, err = now.tell(stream, of, l, seen); err != nil || !now.underWay(l) {
			return nil
		}
		select {
		case <-v.ctx().Done():
			return nil
		case <-web.Stopping(v.r):
			return nil
		case <-end.C:
			return nil
		case <-tick.C:
		}
		now = &visit{console: v.console, w: v.w, r: v.r, route: v.route}
		if err = now.admit(); err == nil {
			l, err = of.read(now)
		}
		if err != nil {
			return nil
		}
	}
}

// tell sends what the browser has not seen yet, and after the last of it that there is nothing more to come.
func (v *visit) tell(stream *web.Stream, of watched, l store.Login, seen string) (string, error) {
	if progress := v.progressOf(l); progress != seen {
		page, err := of.draw(v, l)
		if err != nil {
			return seen, err
		}
		if err := stream.Send("progress", progress, views.LoginProgress(page)); err != nil {
			return seen, err
		}
		seen = progress
	}
	if v.underWay(l) {
		return seen, nil
	}
	return seen, stream.Send("over", seen, templ.NopComponent)
}
