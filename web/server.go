package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Limits bounds what one connection may cost. A zero value of any field means no bound: start from DefaultLimits.
type Limits struct {
	HeaderBytes int           // request line and headers together
	Header      time.Duration // from the first byte until the headers are whole
	Body        time.Duration // from then until the body is whole
	Answer      time.Duration // from then until the answer is written; the request's context ends with it
	Idle        time.Duration // between two requests
	Stop        time.Duration // how long requests in flight may go on after a stop
}

// DefaultLimits are the product's: 16 KiB of headers within 5 s, a body within 15 s, an answer within 30 s, 60 s idle, 10 s to stop.
func DefaultLimits() Limits {
	return Limits{
		HeaderBytes: 16 << 10,
		Header:      5 * time.Second,
		Body:        15 * time.Second,
		Answer:      30 * time.Second,
		Idle:        60 * time.Second,
		Stop:        10 * time.Second,
	}
}

// Server answers on one listener, within limits.
type Server struct {
	Handler http.Handler
	TLS     *tls.Config // nil: plain HTTP
	Limits  Limits
	Log     *slog.Logger
}

// Serve answers until ctx ends, then takes no new connection, lets requests in flight finish within Limits.Stop and returns nil. When it
// returns, a Log that holds lines back has written them.
// It returns an error when the listener fails, or when requests had to be cut off at the end.
func (s Server) Serve(ctx context.Context, listener net.Listener) error {
	server, listener := s.httpServer(ctx.Done()), patient{listener}
	defer flush(s.Log)
	failed := make(chan error, 1)
	go func() {
		if s.TLS != nil {
			failed <- server.ServeTLS(listener, "", "")
		} else {
			failed <- server.Serve(listener)
		}
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Limits.Stop)
	defer cancel()
	if err := server.Shutdown(stopping); err != nil {
		return errors.Join(fmt.Errorf("stop serving on %s: %w", listener.Addr(), err), server.Close())
	}
	return nil
}

// netHTTPSlop is what net/http reads beyond MaxHeaderBytes before it answers 431.
const netHTTPSlop = 4096

func (s Server) httpServer(stopping <-chan struct{}) *http.Server {
	return &http.Server{
		Handler:           within(s.Limits, stopping, s.Handler),
		TLSConfig:         s.TLS,
		MaxHeaderBytes:    max(s.Limits.HeaderBytes-netHTTPSlop, 0),
		ReadHeaderTimeout: s.Limits.Header,
		WriteTimeout:      s.Limits.Answer,
		IdleTimeout:       s.Limits.Idle,
		ConnContext:       withPeer,
		// Broken handshakes and cut connections are strangers' doing and strangers choose their number.
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
}

// within bounds the time for the body and for the answer.
//
// http.Server.ReadTimeout is not used: it also ends the context of a request whose body has long been read.
func within(limits Limits, stopping <-chan struct{}, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, r := enter(r)
		x.began = time.Now()
		x.at = x.began.Add(limits.Answer)
		x.stopping = stopping
		defer x.end()
		if r.ContentLength != 0 && limits.Body > 0 {
			x.body = timedBody{r.Body, *http.NewResponseController(w)}
			if err := x.body.connection.SetReadDeadline(x.began.Add(limits.Body)); err == nil {
				r.Body = &x.body
			}
		}
		next.ServeHTTP(w, r)
	})
}

// timedBody lifts the connection's read deadline once the body is whole.
type timedBody struct {
	io.ReadCloser
	connection http.ResponseController
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		// The deadline is lifted for net/http's sake, which watches the idle connection; failing to is no harm to this request.
		_ = b.connection.SetReadDeadline(time.Time{})
	}
	return n, err
}
