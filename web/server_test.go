package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
)

// start serves handler within limits on a port of its own, until the test ends or stop is called. stopped tells how Serve ended.
func start(t *testing.T, limits Limits, config *tls.Config, handler http.HandlerFunc) (address string, stop func(), stopped <-chan error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- Server{Handler: handler, TLS: config, Limits: limits, Log: slog.New(slog.DiscardHandler)}.Serve(ctx, listener)
	}()
	t.Cleanup(cancel)
	return listener.Addr().String(), cancel, done
}

func dial(t *testing.T, address, send string) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	if _, err := io.WriteString(connection, send); err != nil {
		t.Fatal(err)
	}
	return connection
}

// untilClosed reads until the other side closes, or fails the test after 20 s.
func untilClosed(t *testing.T, connection net.Conn) string {
	t.Helper()
	if err := connection.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(connection)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatalf("the connection was not cut; got %q", text)
	}
	return string(text)
}

// brief are the product's limits with other seconds.
func brief() Limits {
	limits := DefaultLimits()
	limits.Header, limits.Body, limits.Answer, limits.Idle = 50*time.Millisecond, 50*time.Millisecond, 200*time.Millisecond, 50*time.Millisecond
	return limits
}

func TestW16_DefaultLimits(t *testing.T) {
	want := Limits{HeaderBytes: 16384, Header: 5 * time.Second, Body: 15 * time.Second, Answer: 30 * time.Second, Idle: time.Minute, Stop: 10 * time.Second}
	if got := DefaultLimits(); got != want {
		t.Errorf("limits are %+v", got)
	}
}

func TestW16_SlowHeadersAreCutOff(t *testing.T) {
	address, _, _ := start(t, brief(), nil, func(http.ResponseWriter, *http.Request) { t.Error("a request without an end reached the handler") })
	untilClosed(t, dial(t, address, "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "))
}

func TestW16_SlowBodyIsCutOff(t *testing.T) {
	failed := make(chan error, 1)
	address, _, _ := start(t, brief(), nil, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		failed <- err
	})
	untilClosed(t, dial(t, address, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nslow"))
	if err := <-failed; err == nil {
		t.Error("the handler read a body that never came")
	}
}

func TestW16_BodyInTimeLeavesTheAnswerItsTime(t *testing.T) {
	address, _, _ := start(t, brief(), nil, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			t.Error(err)
		}
		// Work that takes longer than the body may: only the answer's own end may end it.
		started := time.Now()
		<-r.Context().Done()
		if took := time.Since(started); took < brief().Body*2 {
			t.Errorf("the request ended after %s", took)
		}
	})
	untilClosed(t, dial(t, address, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nfast"))
}

func TestW16_LongAnswerIsEnded(t *testing.T) {
	ended := make(chan error, 1)
	address, _, _ := start(t, brief(), nil, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		ended <- r.Context().Err()
	})
	untilClosed(t, dial(t, address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the handler's context ended with %v", err)
	}
}

func TestW16_IdleConnectionIsClosed(t *testing.T) {
	address, _, _ := start(t, brief(), nil, Healthy)
	if text := untilClosed(t, dial(t, address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")); !strings.HasPrefix(text, "HTTP/1.1 200") {
		t.Errorf("answer: %q", text)
	}
}

func TestW16_HeadersOver16KiBAreRefused(t *testing.T) {
	address, _, _ := start(t, DefaultLimits(), nil, Healthy)
	for size, want := range map[int]string{15 << 10: "200", 17 << 10: "431"} {
		connection := dial(t, address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Long: "+strings.Repeat("x", size)+"\r\n\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(answer.Status, want) {
			t.Errorf("%d bytes: %s, want %s", size, answer.Status, want)
		}
	}
}

func TestStopLetsRequestsFinish(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	address, stop, stopped := start(t, DefaultLimits(), nil, func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		plain(w, http.StatusOK, "finished")
	})
	connection := dial(t, address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-arrived
	stop()
	for { // the listener closes first; the request is still being answered
		another, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		_ = another.Close()
	}
	close(release)
	if text := untilClosed(t, connection); !strings.HasSuffix(text, "finished") {
		t.Errorf("answer: %q", text)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stopped with %v", err)
	}
}

func TestStopCutsOffWhatDoesNotFinish(t *testing.T) {
	limits := DefaultLimits()
	limits.Stop = 20 * time.Millisecond
	arrived := make(chan struct{})
	address, stop, stopped := start(t, limits, nil, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	})
	connection := dial(t, address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-arrived
	stop()
	if err := <-stopped; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stopped with %v", err)
	}
	untilClosed(t, connection)
}

func TestServeTellsThatTheListenerFailed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := (Server{Limits: DefaultLimits(), Log: slog.New(slog.DiscardHandler)}).Serve(context.Background(), listener); err == nil {
		t.Error("no error")
	}
}

// Whoever answers for long hears that the server stops, and does not hold it up.
func TestAStreamEndsWithTheServer(t *testing.T) {
	address, stop, stopped := start(t, DefaultLimits(), nil, func(w http.ResponseWriter, r *http.Request) {
		stream, err := StartStream(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		if err := stream.Send("step", "1", templ.Raw("<p>\nhere</p>")); err != nil {
			t.Error(err)
		}
		<-Stopping(r)
	})
	connection := dial(t, address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	reader := bufio.NewReader(connection)
	for line := ""; !strings.HasPrefix(line, "data: here</p>"); {
		var err error
		if line, err = reader.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if rest, err := io.ReadAll(reader); err != nil || !strings.HasSuffix(string(rest), "0\r\n\r\n") {
		t.Errorf("the stream was cut off: %q, %v", rest, err)
	}
	if Stopping(&http.Request{}) != nil {
		t.Error("a request that came through no server hears of its end")
	}
}
