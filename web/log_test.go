package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pieces is an io.Writer that remembers what each Write brought.
type pieces struct {
	mu  sync.Mutex
	all []string
}

func (w *pieces) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, string(p))
	return len(p), nil
}

func (w *pieces) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.all)
}

func (w *pieces) lines() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Split(strings.TrimSuffix(strings.Join(w.all, ""), "\n"), "\n")
}

func accessed(method, route string, address netip.Addr) *exchange {
	x, _ := enter(request("GET", "/", ""))
	x.info = Request{ID: newRequestID(), Route: route, Address: address}
	x.answer.status, x.answer.bytes = 200, 391
	return x
}

// An access line says the same in the same order whichever way it is written.
func TestW17_AccessLineIsWhatSlogWouldWrite(t *testing.T) {
	for name, c := range map[string]struct {
		method, route string
		address       netip.Addr
		took          time.Duration
	}{
		"plain":         {"POST", "POST /v1/keys/verify", netip.MustParseAddr("203.0.113.7"), 1234567 * time.Nanosecond},
		"whole ms":      {"GET", "", netip.MustParseAddr("2001:db8::1"), 3 * time.Millisecond},
		"no time":       {"GET", "", netip.Addr{}, 0},
		"long":          {"GET", strings.Repeat("x", 2000), netip.Addr{}, time.Hour},
		"nothing plain": {"a\"\\\n\x00é\xff", "<&>\u2028", netip.MustParseAddr("fe80::1%eth0"), time.Second},
	} {
		x := accessed(c.method, c.route, c.address)
		var fast, slow bytes.Buffer
		log := NewLog(&fast)
		accessLog(slog.New(log)).add(time.Now(), c.method, x, c.took)
		if err := log.Flush(); err != nil {
			t.Fatal(err)
		}
		accessLog(slog.New(slog.NewJSONHandler(&slow, nil))).add(time.Now(), c.method, x, c.took)
		got, want := decoded(t, fast.String()), decoded(t, slow.String())
		delete(got, "time")
		delete(want, "time")
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		if strings.Count(fast.String(), "\n") != 1 {
			t.Errorf("%s: not one line: %q", name, fast.String())
		}
	}
}

func decoded(t *testing.T, line string) map[string]any {
	t.Helper()
	var entry map[string]any
	if err := json.Unmarshal([]byte(line), &entry); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if _, err := time.Parse(time.RFC3339Nano, entry["time"].(string)); err != nil {
		t.Error(err)
	}
	return entry
}

func TestAccessLinesWaitATenthOfASecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &pieces{}
		log := slog.New(NewLog(out))
		lines := accessLog(log)
		for range 3 {
			lines.add(time.Now(), "GET", accessed("GET", "GET /", netip.Addr{}), 0)
		}
		if out.count() != 0 {
			t.Errorf("written at once: %q", out.lines())
		}
		time.Sleep(heldFor)
		synctest.Wait()
		if out.count() != 1 || len(out.lines()) != 3 {
			t.Errorf("written in %d pieces: %q", out.count(), out.lines())
		}
		lines.add(time.Now(), "GET", accessed("GET", "GET /", netip.Addr{}), 0)
		log.Info("news") // and with it what waited, in order
		if out.count() != 2 || !strings.Contains(out.lines()[3], "request") || !strings.Contains(out.lines()[4], "news") {
			t.Errorf("written in %d pieces: %q", out.count(), out.lines())
		}
		log.With("a", 1).WithGroup("g").Info("news", "b", 2)
		if last := out.lines()[5]; !strings.Contains(last, `"a":1,"g":{"b":2}`) {
			t.Errorf("attributes: %s", last)
		}
	})
}

func TestNoLineIsLostAndNoneIsTorn(t *testing.T) {
	out := &pieces{}
	log := NewLog(out)
	lines := accessLog(slog.New(log))
	const writers, each = 8, 500 // more than may wait
	var wait sync.WaitGroup
	for range writers {
		wait.Go(func() {
			x := accessed("GET", "GET /organizations/{organization}/projects", netip.MustParseAddr("203.0.113.7"))
			for range each {
				lines.add(time.Now(), "GET", x, time.Millisecond)
			}
		})
	}
	wait.Wait()
	if err := log.Flush(); err != nil {
		t.Fatal(err)
	}
	all := out.lines()
	if len(all) != writers*each {
		t.Errorf("%d lines, want %d", len(all), writers*each)
	}
	for _, line := range all {
		decoded(t, line)
	}
	if out.count() > writers*each/100 {
		t.Errorf("written in %d pieces", out.count())
	}
}

func TestServeWritesAccessLinesBeforeItReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where no time passes by itself
		out := &pieces{}
		log := slog.New(NewLog(out))
		accessLog(log).add(time.Now(), "GET", accessed("GET", "GET /", netip.Addr{}), 0)
		if err := (Server{Limits: DefaultLimits(), Log: log}).Serve(t.Context(), closedListener{}); err == nil {
			t.Error("served on nothing")
		}
		if !strings.Contains(out.lines()[0], `"route":"GET /"`) {
			t.Errorf("written: %q", out.lines())
		}
	})
}

type closedListener struct{ net.Listener }

func (closedListener) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (closedListener) Addr() net.Addr            { return &net.TCPAddr{} }
func (closedListener) Close() error              { return nil }

func TestALogThatCannotBeWrittenStopsNobody(t *testing.T) {
	log := NewLog(broken{})
	accessLog(slog.New(log)).add(time.Now(), "GET", accessed("GET", "", netip.Addr{}), 0)
	if err := log.Flush(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("flush: %v", err)
	}
	slog.New(log).Info("still here")
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
