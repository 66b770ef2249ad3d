package gate

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// usage is what is kept of a key: requests and refusals by day, and when and from where it was last used.
func (w *world) usage(id string) (days map[string][2]int64, last *time.Time, from string) {
	w.Helper()
	scope := w.store.In(w.org.ID)
	counted, err := scope.APIKeyUsage(w.ctx, w.project.ID, id, 3)
	w.ok(err)
	days = map[string][2]int64{}
	for _, day := range counted {
		if day.Requests+day.Refusals > 0 {
			days[day.Day] = [2]int64{day.Requests, day.Refusals}
		}
	}
	key, err := scope.APIKey(w.ctx, w.project.ID, id)
	w.ok(err)
	return days, key.UsedAt, key.UsedFrom
}

func TestUsesAreKeptByDay(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.DataPlaneViewer)
	minute := w.now().Truncate(time.Minute)
	ada := netip.MustParseAddr("::ffff:203.0.113.7")
	for range 3 {
		w.want("a use", Request{Key: text, Address: ada}, Valid)
	}
	w.want("a refusal", Request{Key: text, Permission: "indexes:create", Address: netip.MustParseAddr("192.0.2.1")}, Forbidden)
	w.want("not of this project", Request{Key: text, Project: "prj_01jd3x8k2mfz9t0v5r7wq4ycna"}, NotFound)
	w.want("not the key", Request{Key: secret.NewKeyText(key.ID[4:])}, NotFound)
	if days, last, _ := w.usage(key.ID); len(days) > 0 || last != nil {
		t.Error("a check has written")
	}
	w.gate.keepUses(w.ctx)
	today := w.now().Format(time.DateOnly)
	if days, last, from := w.usage(key.ID); days[today] != [2]int64{4, 1} || len(days) != 1 || !last.Equal(minute) || from != "203.0.113.7" {
		t.Errorf("kept %v, %v from %s", days, last, from)
	}
	w.gate.keepUses(w.ctx) // nothing new
	w.want("a refusal alone", Request{Key: text, Permission: "indexes:create"}, Forbidden)
	w.pass(16*time.Hour + 59*time.Minute + 59*time.Second)
	w.gate.alive(w.now())
	w.want("the day's last second", Request{Key: text, Address: netip.MustParseAddr("2001:db8::1")}, Valid)
	midnight := w.now().Truncate(time.Minute)
	w.pass(2 * time.Second)
	w.gate.keepUses(w.ctx)
	if days, last, from := w.usage(key.ID); days[today] != [2]int64{6, 2} || len(days) != 1 || !last.Equal(midnight) || from != "2001:db8::1" {
		t.Errorf("kept %v, %v from %s", days, last, from)
	}
	w.gate.turns.everything()
	w.want("read anew, on the next day", Request{Key: text, Address: ada}, Valid)
	w.gate.keepUses(w.ctx)
	if days, _, from := w.usage(key.ID); days[w.now().Format(time.DateOnly)] != [2]int64{1, 0} || len(days) != 2 || from != "203.0.113.7" {
		t.Errorf("kept %v, from %s", days, from)
	}
}

func TestUsesThatCannotBeKeptAreNotLost(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.DataPlaneViewer)
	w.want("a use", Request{Key: text, Address: netip.MustParseAddr("203.0.113.7")}, Valid)
	broken, cancel := context.WithCancel(w.ctx)
	cancel()
	w.gate.keepUses(broken)
	w.want("another", Request{Key: text, Permission: "indexes:create"}, Forbidden)
	w.gate.keepUses(w.ctx)
	if days, last, from := w.usage(key.ID); days[w.now().Format(time.DateOnly)] != [2]int64{2, 1} || last == nil || from != "203.0.113.7" {
		t.Errorf("kept %v, %v from %s", days, last, from)
	}
}

// TestUsesAreKeptAtTheEnd: KeepUses writes once more when it is told to stop.
func TestUsesAreKeptAtTheEnd(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.DataPlaneViewer)
	w.want("a use", Request{Key: text}, Valid)
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	w.gate.KeepUses(ctx)
	if days, last, from := w.usage(key.ID); days[w.now().Format(time.DateOnly)] != [2]int64{1, 0} || last == nil || from != "" {
		t.Errorf("kept %v, %v from %q", days, last, from)
	}
}

func TestUsesOfManyAreCountedTogether(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.DataPlaneViewer)
	ctx, cancel := context.WithCancel(w.ctx)
	var keeping, together sync.WaitGroup
	keeping.Go(func() {
		for ctx.Err() == nil {
			w.gate.keepUses(w.ctx)
		}
	})
	for range 4 {
		together.Go(func() {
			for i := range 500 {
				if i%100 == 0 {
					w.gate.turns.everything()
				}
				if _, err := w.gate.Check(w.ctx, Request{Key: text}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	together.Wait()
	cancel()
	keeping.Wait()
	w.gate.keepUses(w.ctx)
	if days, _, _ := w.usage(key.ID); days[w.now().Format(time.DateOnly)] != [2]int64{2000, 0} {
		t.Errorf("kept %v", days)
	}
}

func TestUsesOfKeysThatAreGonePassByTheOthers(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.DataPlaneViewer)
	w.gate.uses.count(&use{id: "key_01jd3x8k2mfz9t0v5r7wq4ycna"}, w.now(), noAddress, true)
	w.want("a use", Request{Key: text}, Valid)
	w.gate.keepUses(w.ctx)
	if days, _, _ := w.usage(key.ID); len(days) != 1 {
		t.Errorf("kept %v", days)
	}
	if w.gate.uses.dirty.Load() != nil {
		t.Error("there is something left")
	}
}

// What cannot be kept for long stays bounded, and a key beyond that is counted on with its next use.
func TestUsesThatCannotBeKeptAreBounded(t *testing.T) {
	var us uses
	var last *use
	for range remembered + 10 {
		last = &use{id: "key"}
		us.count(last, time.Unix(0, 0), noAddress, false)
	}
	us.giveBack(nil, reversed(us.dirty.Swap(nil)))
	if got := chained(us.dirty.Load()); got != remembered {
		t.Errorf("%d are held", got)
	}
	us.count(last, time.Unix(0, 0), noAddress, false)
	if got := us.dirty.Load(); got != last || got.days[0].requests.Load() != 2 {
		t.Error("one that was let go does not come back")
	}
	some, left := take(us.dirty.Swap(nil), time.Unix(0, 0))
	if len(some) > usesAtOnce || len(some) < usesAtOnce-1 || some[0].row.Refusals != 2 || chained(left) != remembered+1-len(some) {
		t.Errorf("%d rows at once, the first %+v, and %d are left", len(some), some[0].row, chained(left))
	}
	us.giveBack(some, left)
	if got := chained(us.dirty.Load()); got != remembered {
		t.Errorf("%d are held after some could not be kept", got)
	}
}

func chained(u *use) (count int) {
	for ; u != nil; u = u.next {
		count++
	}
	return count
}

// reversed lets the first that was used come first.
func reversed(u *use) (first *use) {
	for u != nil {
		first, u, u.next = u, u.next, first
	}
	return first
}
