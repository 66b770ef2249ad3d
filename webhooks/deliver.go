package webhooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/store"
)

const (
	lookEvery   = time.Second     // how often the queue is looked into
	tryLimit    = 5 * time.Second // for one try: less than a delivery's lease
	atOnce      = 8               // tries of this node, each to another webhook
	excerptSize = 1 << 10         // bytes of an answer that are read
)

// Options are what the courier stands on.
type Options struct {
	Store    *store.Store
	Outbound *outbound.Guard
	Log      *slog.Logger
	Registry prometheus.Registerer // nil: not counted
}

// Courier delivers what is queued.
type Courier struct {
	Options
	client            *http.Client
	delivered, failed prometheus.Counter
}

// New makes a courier; nothing is sent before [Courier.Run].
func New(o Options) (*Courier, error) {
	c := &Courier{Options: o,
		client: &http.Client{Transport: o.Outbound, Timeout: tryLimit, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a redirect is an answer like any other that is not 2xx
		}},
		delivered: prometheus.NewCounter(prometheus.CounterOpts{Name: "gatehouse_webhooks_delivered_total", Help: "Messages that a webhook has taken."}),
		failed:    prometheus.NewCounter(prometheus.CounterOpts{Name: "gatehouse_webhooks_failed_total", Help: "Tries to deliver a message to a webhook that failed."}),
	}
	if o.Registry == nil {
		return c, nil
	}
	queued := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatehouse_webhooks_queued", Help: "Messages that wait to be delivered to webhooks."}, c.queued)
	for _, metric := range []prometheus.Collector{queued, c.delivered, c.failed} {
		if err := o.Registry.Register(metric); err != nil {
			return nil, fmt.Errorf("count deliveries: %w", err)
		}
	}
	return c, nil
}

// queued is asked by whoever reads the metrics; what cannot be counted is not known, which -1 says.
func (c *Courier) queued() float64 {
	ctx, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	waiting, err := c.Store.CountDeliveries(ctx)
	if err != nil {
		return -1
	}
	return float64(waiting)
}

// Run delivers what is due, again and again, until ctx ends and what was under way has ended.
func (c *Courier) Run(ctx context.Context) {
	var couriers sync.WaitGroup
	for range atOnce {
		couriers.Go(func() { c.run(ctx) })
	}
	couriers.Wait()
}

func (c *Courier) run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := c.Empty(ctx); err != nil && ctx.Err() == nil {
			c.Log.ErrorContext(ctx, "deliver to webhooks", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Empty tries everything that is due. It returns an error where the store fails; that a message is not taken is none.
func (c *Courier) Empty(ctx context.Context) error {
	for ctx.Err() == nil {
		d, err := c.Store.TakeDelivery(ctx)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			err = c.try(ctx, d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// try delivers once and notes how it went, even when we are told to stop meanwhile.
func (c *Courier) try(ctx context.Context, d store.Dispatch) error {
	ctx = context.WithoutCancel(ctx)
	answer, err := c.send(ctx, d)
	if err == nil && answer.Status/100 == 2 {
		c.delivered.Inc()
	} else {
		c.failed.Inc()
		c.Log.WarnContext(ctx, "a webhook did not take a message", "webhook", d.WebhookID, "delivery", d.ID, "type", d.Type, "attempt", d.Attempts, "status", answer.Status)
	}
	if err != nil {
		answer = store.Answer{Problem: problem(err)}
	}
	return c.Store.DeliveryTried(ctx, d, answer)
}

// send makes the call. What its answer says beyond the first KiB is not read.
func (c *Courier) send(ctx context.Context, d store.Dispatch) (store.Answer, error) {
	at := c.Store.Now()
	signature, err := Sign(d.ID, at, []byte(d.Payload), d.Secrets)
	if err != nil {
		return store.Answer{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, strings.NewReader(d.Payload))
	if err != nil {
		return store.Answer{}, fmt.Errorf("address the message: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Gatehouse")
	request.Header.Set(HeaderID, d.ID)
	request.Header.Set(HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	request.Header.Set(HeaderSignature, signature)
	answer, err := c.client.Do(request)
	if err != nil {
		return store.Answer{}, fmt.Errorf("call the webhook: %w", err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, excerptSize)) // what was read is enough; the status has been said
	return store.Answer{Status: answer.StatusCode, Excerpt: readable(body)}, nil
}

// readable is text without what a page or a database could stumble over.
func readable(body []byte) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(body), ""))
}

// problem says to owners why there was no answer, without what a name or a network on the inside looks like.
func problem(err error) string {
	var refused *outbound.Refused
	var slow interface{ Timeout() bool }
	switch {
	case errors.As(err, &refused):
		return refused.Why
	case errors.As(err, &slow) && slow.Timeout():
		return "It did not answer within 5 seconds."
	}
	return "It could not be reached: its name is not known, the connection is refused, or its certificate is not trusted."
}
