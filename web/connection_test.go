package web

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// poller is a connection that keeps the deadlines that it is told.
type poller struct {
	net.Conn
	reads, writes []time.Duration // from since; -1: none
	since         time.Time
}

func (c *poller) from(at time.Time) time.Duration {
	if at.IsZero() {
		return -1
	}
	return at.Sub(c.since)
}

func (c *poller) SetReadDeadline(at time.Time) error {
	c.reads = append(c.reads, c.from(at))
	return c.Conn.SetReadDeadline(at)
}

func (c *poller) SetWriteDeadline(at time.Time) error {
	c.writes = append(c.writes, c.from(at))
	return c.Conn.SetWriteDeadline(at)
}

// inPipe runs a test, in which time goes by at once, with a connection whose other end is a pipe's.
func inPipe(t *testing.T, run func(t *testing.T, c *connection, below *poller, other net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ours, other := net.Pipe()
		defer func() { _ = errors.Join(ours.Close(), other.Close()) }()
		below := &poller{Conn: ours, since: time.Now()}
		run(t, &connection{Conn: below}, below, other)
	})
}

func move(t *testing.T, set func(time.Time) error, at time.Time) {
	t.Helper()
	if err := set(at); err != nil {
		t.Fatal(err)
	}
}

func TestADeadlineThatMovesAwayIsToldOnce(t *testing.T) {
	inPipe(t, func(t *testing.T, c *connection, below *poller, _ net.Conn) {
		for i := range 10 {
			move(t, c.SetReadDeadline, below.since.Add(time.Minute+time.Duration(i)*time.Second))
			move(t, c.SetReadDeadline, time.Time{})
			move(t, c.SetWriteDeadline, below.since.Add(time.Hour+time.Duration(i)*time.Second))
		}
		move(t, c.SetReadDeadline, below.since.Add(time.Second))
		if !slices.Equal(below.reads, []time.Duration{ahead, time.Second}) || !slices.Equal(below.writes, []time.Duration{ahead}) {
			t.Errorf("the poller was told %v for reading and %v for writing", below.reads, below.writes)
		}
	})
}

func TestAReadEndsWhenItsLastDeadlineSays(t *testing.T) {
	for name, c := range map[string]struct {
		moves []time.Duration
		want  time.Duration
	}{
		"one":                          {[]time.Duration{time.Second}, time.Second},
		"away":                         {[]time.Duration{time.Second, time.Minute, 3 * time.Second}, 3 * time.Second},
		"away, and nearer than at all": {[]time.Duration{time.Second, time.Minute, time.Millisecond}, time.Millisecond},
		"none, and again one":          {[]time.Duration{time.Second, -1, 5 * time.Second}, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inPipe(t, func(t *testing.T, conn *connection, below *poller, _ net.Conn) {
				for _, after := range c.moves {
					at := below.since.Add(after)
					if after < 0 {
						at = time.Time{}
					}
					move(t, conn.SetReadDeadline, at)
				}
				_, err := conn.Read(make([]byte, 1))
				if took := time.Since(below.since); !errors.Is(err, os.ErrDeadlineExceeded) || took != c.want {
					t.Errorf("%v after %s, want %s", err, took, c.want)
				}
			})
		})
	}
}

// Whoever ends a read by a deadline long ago, as net/http does with the one that it waits in, can read again.
func TestAReadIsEndedAtOnceAndGoesOn(t *testing.T) {
	inPipe(t, func(t *testing.T, c *connection, below *poller, other net.Conn) {
		move(t, c.SetReadDeadline, below.since.Add(time.Minute))
		ended := make(chan error)
		go func() {
			_, err := c.Read(make([]byte, 1))
			ended <- err
		}()
		synctest.Wait() // it reads
		move(t, c.SetReadDeadline, time.Unix(1, 0))
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(below.since) != 0 {
			t.Errorf("%v after %s", err, time.Since(below.since))
		}
		move(t, c.SetReadDeadline, time.Time{})
		go func() {
			time.Sleep(time.Hour) // of the test's own clock
			_, _ = io.WriteString(other, "x")
		}()
		if _, err := c.Read(make([]byte, 1)); err != nil || time.Since(below.since) != time.Hour {
			t.Errorf("the next read: %v after %s", err, time.Since(below.since))
		}
	})
}

func TestAWriteGoesOnWhereADeadlineThatMovedAwayCutIt(t *testing.T) {
	inPipe(t, func(t *testing.T, c *connection, below *poller, other net.Conn) {
		move(t, c.SetWriteDeadline, below.since.Add(time.Second))
		move(t, c.SetWriteDeadline, below.since.Add(time.Minute))
		read := make(chan string)
		go func() {
			half, rest := make([]byte, 3), make([]byte, 3)
			_, _ = io.ReadFull(other, half)
			time.Sleep(2 * time.Second) // of the test's own clock
			_, _ = io.ReadFull(other, rest)
			read <- string(half) + string(rest)
		}()
		n, err := io.WriteString(c, "answer")
		if text := <-read; n != 6 || err != nil || text != "answer" {
			t.Errorf("wrote %d, %v; the other end has %q", n, err, text)
		}
		if _, err := io.WriteString(c, "more"); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(below.since) != time.Minute {
			t.Errorf("nobody reads: %v after %s", err, time.Since(below.since))
		}
	})
}

// The limits hold for whatever comes after the first request on a connection too, whose deadlines are those of the first, put off.
func TestW16_LimitsHoldForTheNextRequest(t *testing.T) {
	for name, sent := range map[string]string{
		"nothing":     "",
		"slow header": "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ",
		"slow body":   "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nslow",
	} {
		t.Run(name, func(t *testing.T) {
			address, _, _ := start(t, brief(), nil, func(w http.ResponseWriter, r *http.Request) {
				if _, err := io.ReadAll(r.Body); err != nil {
					plain(w, http.StatusRequestTimeout, "slow")
					return
				}
				plain(w, http.StatusOK, "whole")
			})
			whole := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nfast"
			text := untilClosed(t, dial(t, address, whole+whole+sent))
			if got := strings.Count(text, "HTTP/1.1 200"); got != 2 {
				t.Errorf("%d of 2 whole requests were answered: %q", got, text)
			}
		})
	}
}
