package gate

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-sso/gatehouse/store"
)

const (
	keepUsesEvery = 15 * time.Second // at the least
	keepUsesShare = 20               // of the time, at most one part in so many is spent with it
	usesAtOnce    = 1000             // rows of one write
	lastKeeping   = 10 * time.Second // of the last time, when we stop
)

// use counts how a key is used until that is kept. Counting takes no lock that anybody waits for and writes nothing.
type use struct {
	id    string
	days  [2]counts // of even and odd days: those of yesterday stay apart until they are kept
	dirty atomic.Bool
	next  *use // of those that are dirty

	mu      sync.Mutex
	at      int64 // minute of the last use, in Unix minutes; 0: none since it was kept
	address netip.Addr
}

// counts are of one day.
type counts struct{ requests, refusals atomic.Int64 }

// uses are those that have something to keep. Keys leave the memory before their counts do, so that none is lost.
type uses struct {
	dirty atomic.Pointer[use] // a stack

	mu     sync.Mutex
	tokens []*tokenUse // that were used in a minute that is not kept yet
}

// tokenUse is when a token of a service account was last used.
type tokenUse struct {
	account string
	number  int
	at      atomic.Int64 // Unix minutes
}

// token notes that a token is used. Once a minute that takes a lock.
func (us *uses) token(u *tokenUse, now time.Time) {
	minute, before := now.Unix()/60, u.at.Load()
	if before < minute && u.at.CompareAndSwap(before, minute) {
		us.mu.Lock()
		us.tokens = append(us.tokens, u)
		us.mu.Unlock()
	}
}

func (us *uses) takeTokens() []store.TokenUse {
	us.mu.Lock()
	used := us.tokens
	us.tokens = nil
	us.mu.Unlock()
	rows := make([]store.TokenUse, len(used))
	for i, u := range used {
		rows[i] = store.TokenUse{ServiceAccountID: u.account, Number: u.number, At: time.Unix(u.at.Load()*60, 0).UTC()}
	}
	return rows
}

func day(at time.Time) int64 { return at.Unix() / (24 * 60 * 60) }

// count notes a check of the key: a use from an address when it was let through, else a refusal.
func (us *uses) count(u *use, now time.Time, address netip.Addr, through bool) {
	today := &u.days[day(now)&1]
	today.requests.Add(1)
	if !through {
		today.refusals.Add(1)
	} else if u.mu.TryLock() { // who finds it locked is used at this very moment by another, which will do
		u.at, u.address = now.Unix()/60, address
		u.mu.Unlock()
	}
	us.mark(u)
}

func (us *uses) mark(u *use) {
	if !u.dirty.Load() && u.dirty.CompareAndSwap(false, true) {
		us.push(u)
	}
}

func (us *uses) push(u *use) {
	for {
		top := us.dirty.Load()
		u.next = top
		if us.dirty.CompareAndSwap(top, u) {
			return
		}
	}
}

// taking is what was counted out of a use's counters for one day.
type taking struct {
	use    *use
	counts *counts
	row    store.KeyUse
}

// take counts out the first of those that are dirty, in at most usesAtOnce rows, and gives the others.
func take(dirty *use, now time.Time) (some []taking, left *use) {
	some = make([]taking, 0, usesAtOnce)
	today := day(now)
	var names [2]string // of today and yesterday
	for i := range names {
		names[(today-int64(i))&1] = now.AddDate(0, 0, -i).UTC().Format(time.DateOnly)
	}
	for left = dirty; left != nil && len(some)+len(names) <= usesAtOnce; {
		u := left
		left = u.next
		u.dirty.Store(false) // before counting out: what comes later marks it anew
		some = u.take(some, today, names)
	}
	return some, left
}

// take adds a row for each day on which something was counted. The first has the last use.
func (u *use) take(rows []taking, today int64, names [2]string) []taking {
	u.mu.Lock()
	at, address := u.at, u.address
	u.at = 0
	u.mu.Unlock()
	first := len(rows)
	for _, which := range [2]int64{today & 1, (today - 1) & 1} {
		c := &u.days[which]
		requests, refusals := c.requests.Swap(0), c.refusals.Swap(0)
		if requests+refusals > 0 || at != 0 && which == today&1 {
			rows = append(rows, taking{u, c, store.KeyUse{KeyID: u.id, Day: names[which], Requests: requests, Refusals: refusals}})
		}
	}
	if at != 0 {
		rows[first].row.At, rows[first].row.Address = time.Unix(at*60, 0).UTC(), address
	}
	return rows
}

// giveBack counts again what could not be kept, and holds those that were not counted out yet, as many as keys are remembered at most. Of the
// others, what was counted waits for their next use.
func (us *uses) giveBack(some []taking, left *use) {
	for _, t := range some {
		t.counts.requests.Add(t.row.Requests)
		t.counts.refusals.Add(t.row.Refusals)
		t.use.mu.Lock()
		if minute := t.row.At.Unix() / 60; !t.row.At.IsZero() && t.use.at < minute {
			t.use.at, t.use.address = minute, t.row.Address
		}
		t.use.mu.Unlock()
		us.mark(t.use)
	}
	for held := len(some); left != nil; held++ {
		u := left
		left = u.next
		if held < remembered {
			us.push(u)
		} else {
			u.dirty.Store(false)
		}
	}
}

// KeepUses writes down now and then how keys were used, until ctx ends, and then once more: end it when nothing is checked any more.
func (g *Gate) KeepUses(ctx context.Context) {
	timer := time.NewTimer(keepUsesEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastKeeping)
			defer cancel()
			g.keepUses(last)
			return
		case began := <-timer.C:
			g.keepUses(ctx)
			timer.Reset(max(keepUsesEvery, keepUsesShare*time.Since(began)))
		}
	}
}

// keepUses writes down what was counted since the last time. What cannot be written is tried again the next time.
func (g *Gate) keepUses(ctx context.Context) {
	if rows := g.uses.takeTokens(); len(rows) > 0 {
		if err := g.store.RecordTokenUses(ctx, rows); err != nil {
			g.log.WarnContext(ctx, "uses of service accounts not kept", "error", err) // the next ones will be
		}
	}
	for left := g.uses.dirty.Swap(nil); left != nil; {
		var some []taking
		some, left = take(left, g.now())
		rows := make([]store.KeyUse, len(some))
		for i, t := range some {
			rows[i] = t.row
		}
		if err := g.store.RecordKeyUses(ctx, rows); err != nil {
			g.uses.giveBack(some, left)
			g.log.WarnContext(ctx, "uses of API keys not kept yet", "error", err)
			return
		}
	}
}
