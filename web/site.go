package web

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Problem writes the page (or document) for an error status. It must not fail and says nothing about the cause.
type Problem func(w http.ResponseWriter, r *http.Request, status int)

// Site is what all answers of one public address have in common.
type Site struct {
	URL            *url.URL       // public base, https or http on localhost; nothing in a request chooses another
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	AnyHost        []string       // paths that are answered under any Host, because probes ask by address
	// Elsewhere says which requests are answered whatever their host and path: what stands in front of other hosts sends them. Nil: none.
	Elsewhere func(*http.Request) bool
	Problem   Problem // for errors before a router was reached
	Log       *slog.Logger
	Metrics   prometheus.Registerer // nil: not counted
}

// Handler puts everything that is common in front of next.
func (s Site) Handler(next http.Handler) http.Handler {
	count := newCounters(s.Metrics)
	https := s.URL.Scheme == "https"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		state := &state{problem: s.Problem, log: s.Log, info: Request{
			ID:        rand.Text(),
			Address:   clientAddress(r, s.TrustedProxies),
			Host:      askedHost(r, s.TrustedProxies),
			UserAgent: printable(r.UserAgent(), maxUserAgent),
			Forwarded: forwarded(r.Header),
		}}
		dropForeignHeaders(r.Header)
		r = withState(r, state)
		out := &answer{ResponseWriter: w}
		setSecurityHeaders(out.Header(), https)
		out.Header()["X-Request-Id"] = []string{state.info.ID}
		defer func() {
			took := time.Since(started)
			count.observe(state.info.Route, out.status, took)
			s.logAccess(r, state.info, out, took)
		}()
		s.guarded(out, r, next)
	})
}

// guarded turns a panic of next into a 500.
func (s Site) guarded(out *answer, r *http.Request, next http.Handler) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(cause)
		}
		s.Log.ErrorContext(r.Context(), "panic", "request", RequestInfo(r).ID, "route", RequestInfo(r).Route, "cause", cause, "stack", string(debug.Stack()))
		if out.status != 0 {
			panic(http.ErrAbortHandler) // half an answer is out: cut the connection, so that nobody takes it for a whole one
		}
		Fail(out, r, http.StatusInternalServerError)
	}()
	s.admit(out, r, next)
}

// admit lets a request with our Host and a plain path through, and what is asked from elsewhere.
func (s Site) admit(w http.ResponseWriter, r *http.Request, next http.Handler) {
	switch {
	case s.Elsewhere != nil && s.Elsewhere(r):
		next.ServeHTTP(w, r)
	case !plainPath(r.URL):
		Fail(w, r, http.StatusBadRequest)
	case sameHost(r.Host, s.URL) || slices.Contains(s.AnyHost, r.URL.Path):
		next.ServeHTTP(w, r)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		target := url.URL{Scheme: s.URL.Scheme, Host: s.URL.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, target.String(), http.StatusPermanentRedirect)
	default:
		Fail(w, r, http.StatusMisdirectedRequest)
	}
}

// logAccess writes one line with the route's pattern. The path and the query are left out: they may hold a token.
func (s Site) logAccess(r *http.Request, info Request, out *answer, took time.Duration) {
	s.Log.LogAttrs(r.Context(), slog.LevelInfo, "request",
		slog.String("request", info.ID),
		slog.String("method", r.Method),
		slog.String("route", info.Route),
		slog.Int("status", out.status),
		slog.Int64("bytes", out.bytes),
		slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.String("address", info.Address.String()),
	)
}

// answer remembers what was answered.
type answer struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}
