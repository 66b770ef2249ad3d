package web

import (
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// counters count answers by route pattern. A pattern, a known method and a status are few; a path or a method that a stranger made up
// would let him grow our memory.
type counters struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec

	known  atomic.Pointer[map[answered]counted] // as far as they were met; replaced, never written to
	adding sync.Mutex
}

// answered is what is counted together.
type answered struct {
	route  string
	status int
}

type counted struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
}

func newCounters(registry prometheus.Registerer) *counters {
	if registry == nil {
		return nil
	}
	c := &counters{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_http_requests_total",
			Help: "Answers by route pattern and status.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "gatehouse_http_request_seconds",
			Help:    "Time from the request's headers to the end of the answer, by route pattern; streams are not timed.",
			Buckets: []float64{.001, .005, .025, .1, .5, 1, 5},
		}, []string{"route"}),
	}
	c.known.Store(&map[answered]counted{})
	registry.MustRegister(c.requests, c.seconds)
	return c
}

// observe counts an answer. How long a stream took says how long somebody watched, not how fast we are: it is counted and not timed.
func (c *counters) observe(route string, status int, took time.Duration, streams bool) {
	if c == nil {
		return
	}
	if route == "" {
		route = "none"
	}
	counted, met := (*c.known.Load())[answered{route, status}]
	if !met {
		counted = c.meet(answered{route, status})
	}
	counted.requests.Inc()
	if !streams {
		counted.seconds.Observe(took.Seconds())
	}
}

// meet finds the counters once, so that no request has to compare labels.
func (c *counters) meet(a answered) counted {
	c.adding.Lock()
	defer c.adding.Unlock()
	known := maps.Clone(*c.known.Load())
	known[a] = counted{c.requests.WithLabelValues(a.route, strconv.Itoa(a.status)), c.seconds.WithLabelValues(a.route)}
	c.known.Store(&known)
	return known[a]
}
