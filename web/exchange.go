package web

import (
	"log/slog"
	"net/http"
	"time"
)

// exchange is one request and its answer on their way through this package, and the request's context: all that the layers have to keep, in
// one piece of memory, because programs ask often. One goroutine has it at a time, except as a context.
type exchange struct {
	deadline
	body      timedBody
	answer    answer
	unmatched unmatched

	began   time.Time
	peer    *peer
	info    Request
	id      [1]string // the value of the header X-Request-Id
	form    Fields
	problem Problem
	failing bool // inside problem
	streams bool // the answer goes on for as long as its handler likes
	log     *slog.Logger

	stopping <-chan struct{} // closed once the server takes no new connection; nil outside a Server
}

type exchangeKey struct{}

// enter makes an exchange the context of r. Where an outer layer has done so already, both stay as they are.
func enter(r *http.Request) (*exchange, *http.Request) {
	if x, ok := r.Context().(*exchange); ok {
		return x, r
	}
	x := &exchange{deadline: deadline{Context: r.Context()}, log: slog.Default()}
	return x, r.WithContext(x)
}

// exchangeOf is the exchange that r belongs to. A request that came through neither Server nor Site gets a new one, which nobody else sees.
func exchangeOf(r *http.Request) *exchange {
	if x, ok := r.Context().Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	x, _ := enter(r)
	return x
}

func (x *exchange) Value(key any) any {
	if key == (exchangeKey{}) {
		return x
	}
	return x.deadline.Value(key)
}

// answer is what goes out, and remembers what did.
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
