package web

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"sync"
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
	count, lines := newCounters(s.Metrics), accessLog(s.Log)
	https := s.URL.Scheme == "https"
	var warned sync.Once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, r := enter(r)
		if x.began.IsZero() {
			x.began = time.Now()
		}
		x.peer = peerOf(r)
		if untoldProxy(r, x.peer.address, s.TrustedProxies) {
			warned.Do(func() {
				s.Log.Warn("a proxy on this machine says whom it speaks for and is not believed: name it in GATEHOUSE_TRUSTED_PROXIES, or nobody behind it is limited by address",
					"peer", r.RemoteAddr)
			})
		}
		s.receive(x, r)
		setSecurityHeaders(w.Header(), https)
		w.Header()["X-Request-Id"] = x.id[:]
		x.answer = answer{ResponseWriter: w}
		defer func() {
			took := time.Since(x.began)
			count.observe(x.info.Route, x.answer.status, took, x.streams)
			lines.add(x.began.Add(took), r.Method, x, took)
		}()
		s.guarded(&x.answer, r, next)
	})
}

// receive finds out about a request, and takes from its headers what is nobody's business further in.
func (s Site) receive(x *exchange, r *http.Request) {
	x.problem, x.log = s.Problem, s.Log
	x.info = Request{
		ID:        newRequestID(),
		Address:   clientAddress(r, x.peer.address, s.TrustedProxies),
		Host:      askedHost(r, x.peer.address, s.TrustedProxies),
		UserAgent: printable(r.UserAgent(), maxUserAgent),
	}
	x.info.Forwarded = dropForeignHeaders(r.Header)
	x.id[0] = x.info.ID
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
