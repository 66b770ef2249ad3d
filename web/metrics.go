package web

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// counters count answers by route pattern. A pattern, a known method and a status are few; a path or a method that a stranger made up
// would let him grow our memory.
type counters struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
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
			Help:    "Time from the request's headers to the end of the answer, by route pattern.",
			Buckets: []float64{.001, .005, .025, .1, .5, 1, 5},
		}, []string{"route"}),
	}
	registry.MustRegister(c.requests, c.seconds)
	return c
}

func (c *counters) observe(route string, status int, took time.Duration) {
	if c == nil {
		return
	}
	if route == "" {
		route = "none"
	}
	c.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	c.seconds.WithLabelValues(route).Observe(took.Seconds())
}
