package web

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// What the layers of this package cost a program's request: the whole stack, over a real connection, beside a bare handler that reads the
// same body and answers the same bytes.
//
//	go test -run=- -bench=. -benchmem ./web

var (
	asked = `{"key":"gate_01k0000000000000000000000_` + strings.Repeat("a", 49) + `","permission":"indexes:query"}`
	told  = []byte(`{"valid":true,"code":"VALID","about":"` + strings.Repeat("a", 450) + `"}`)
)

// checkNothing stands for a handler that is done in no time.
func checkNothing(w http.ResponseWriter, r *http.Request) {
	if _, err := io.ReadAll(r.Body); err != nil {
		Fail(w, r, http.StatusBadRequest)
		return
	}
	w.Header()["Content-Type"] = []string{"application/json"}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(told)
}

func stack(b *testing.B, log io.Writer) http.Handler {
	b.Helper()
	base, err := url.Parse("http://localhost:8080")
	if err != nil {
		b.Fatal(err)
	}
	problem := func(w http.ResponseWriter, _ *http.Request, status int) { plain(w, status, "problem") }
	router := NewRouter(problem)
	for _, noun := range []string{"self", "report-leak", "verify-batch"} {
		router.HandleFunc(Route{Pattern: "POST /v1/keys/" + noun, Body: JSONBody}, checkNothing)
	}
	router.HandleFunc(Route{Pattern: "POST /v1/keys/verify", Body: JSONBody, BodyLimit: 8 << 10}, checkNothing)
	return Site{URL: base, AnyHost: HealthPaths, Problem: problem, Log: slog.New(NewLog(log)), Metrics: prometheus.NewRegistry()}.Handler(router)
}

// BenchmarkLayers is what the layers and the handler cost without a network.
func BenchmarkLayers(b *testing.B) {
	layers := within(DefaultLimits(), nil, stack(b, io.Discard))
	body := strings.NewReader("")
	r := httptest.NewRequest("POST", "http://localhost:8080/v1/keys/verify", body)
	r.Header = http.Header{"Content-Type": {"application/json"}}
	r.ContentLength = int64(len(asked))
	w := &nowhere{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		body.Reset(asked)
		layers.ServeHTTP(w, r)
	}
}

// nowhere is a connection's answer that goes nowhere.
type nowhere struct{ header http.Header }

func (w *nowhere) Header() http.Header             { return w.header }
func (w *nowhere) WriteHeader(int)                 {}
func (w *nowhere) Write(p []byte) (int, error)     { return len(p), nil }
func (w *nowhere) SetReadDeadline(time.Time) error { return nil }

func BenchmarkRequest(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		headers := http.Header{}
		setSecurityHeaders(headers, false)
		headers.Set("X-Request-Id", strings.Repeat("A", 26))
		headers.Set("Content-Type", "application/json")
		served(b, func(l net.Listener) {
			_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := io.ReadAll(r.Body); err != nil {
					w.WriteHeader(http.StatusBadRequest)
					return
				}
				maps.Copy(w.Header(), headers)
				w.WriteHeader(http.StatusOK)
				_, _ = w.Write(told)
			}))
		})
	})
	b.Run("stack", func(b *testing.B) {
		served(b, func(l net.Listener) {
			_ = Server{Handler: stack(b, io.Discard), Limits: DefaultLimits(), Log: slog.New(slog.DiscardHandler)}.Serve(b.Context(), l)
		})
	})
}

// served asks whatever serve puts behind a listener, on one connection for each processor.
func served(b *testing.B, serve func(net.Listener)) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	go serve(listener)
	whole := []byte("POST /v1/keys/verify HTTP/1.1\r\nHost: localhost:8080\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(asked)) + "\r\n\r\n" + asked)
	b.ReportAllocs()
	b.SetParallelism(4)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		connection, err := new(net.Dialer).DialContext(context.Background(), "tcp", listener.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer connection.Close()
		reader, length := bufio.NewReader(connection), 0
		for pb.Next() {
			if _, err := connection.Write(whole); err != nil {
				b.Error(err)
				return
			}
			if length, err = answerLength(reader, length); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// answerLength reads one answer of a length that, once known, is that of all.
func answerLength(reader *bufio.Reader, known int) (int, error) {
	if known == 0 {
		head, err := reader.ReadSlice('\n')
		for n := len(head); ; n += len(head) {
			if err != nil {
				return 0, err
			}
			if len(head) == 2 {
				_, err := reader.Discard(len(told))
				return n + len(told), err
			}
			head, err = reader.ReadSlice('\n')
		}
	}
	return reader.Discard(known)
}
