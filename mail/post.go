// Package mail sends what the store has put into its outbox: it finds the words of each letter and hands them to the operator's SMTP server.
//
// One node at a time has a mail ([store.Store.TakeMail]). What cannot be sent is tried again, later each time, and given up after three days,
// which is an event; what a security letter told then waits in its reader's console. Where the operator has named no server it waits there
// from the start. Nothing is lost in silence.
//
// A link always begins with the public address that the operator set, whatever a request said its host was (W-11). An address is one that
// package trust has parsed and every header is free of line breaks, so that nobody's name or address becomes a header or a second recipient.
// No mail is logged: not its words, not its link, not its reader.
package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse-sso/gatehouse/store"
)

const (
	lookEvery = 2 * time.Second // how often the outbox is looked into
	keysEvery = 24 * time.Hour  // how often we look for API keys that somebody should look after
)

// Options are what the post stands on.
type Options struct {
	Store    *store.Store
	Server   *Server  // nil: no mail is sent, and what mails would tell waits in the console
	URL      *url.URL // public base; every link begins with it
	Brand    string   // of the host product; "" for Gatehouse
	Log      *slog.Logger
	Registry prometheus.Registerer // nil: not counted
}

// Post empties the outbox.
type Post struct {
	Options
	sent, failed prometheus.Counter
}

// New makes a post; nothing is sent before [Post.Run].
func New(o Options) (*Post, error) {
	if o.Brand == "" {
		o.Brand = "Gatehouse"
	}
	p := &Post{Options: o,
		sent:   prometheus.NewCounter(prometheus.CounterOpts{Name: "gatehouse_mail_sent_total", Help: "Mails that the SMTP server has taken."}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{Name: "gatehouse_mail_failed_total", Help: "Tries to send a mail that failed."}),
	}
	if o.Registry == nil {
		return p, nil
	}
	queued := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatehouse_mail_queued", Help: "Mails that wait to be sent."}, p.queued)
	for _, metric := range []prometheus.Collector{queued, p.sent, p.failed} {
		if err := o.Registry.Register(metric); err != nil {
			return nil, fmt.Errorf("count mails: %w", err)
		}
	}
	return p, nil
}

// queued is asked by whoever reads the metrics; what cannot be counted is not known, which -1 says.
func (p *Post) queued() float64 {
	ctx, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	waiting, err := p.Store.CountMail(ctx)
	if err != nil {
		return -1
	}
	return float64(waiting)
}

// Run empties the outbox again and again until ctx ends.
func (p *Post) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var keysAt time.Time
	for {
		if now := p.Store.Now(); now.Sub(keysAt) >= keysEvery {
			keysAt = now
			if err := p.Store.TellOfKeys(ctx); err != nil && ctx.Err() == nil {
				p.Log.ErrorContext(ctx, "tell of API keys", "error", err)
			}
		}
		if err := p.Empty(ctx); err != nil && ctx.Err() == nil {
			p.Log.ErrorContext(ctx, "empty the outbox", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Empty sends everything that is due. It returns an error where the store fails; that a mail cannot be sent is none.
func (p *Post) Empty(ctx context.Context) error {
	for ctx.Err() == nil {
		m, err := p.Store.TakeMail(ctx)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			err = p.deliver(ctx, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *Post) deliver(ctx context.Context, m store.Mail) error {
	switch {
	case p.Server == nil:
		return p.Store.MailToConsole(ctx, m)
	case m.Kind == store.MailForgotten:
		return p.Store.AnswerForgotten(ctx, m)
	}
	err := p.send(ctx, m)
	if err == nil {
		p.sent.Inc()
		return p.Store.MailSent(ctx, m)
	}
	if ctx.Err() != nil {
		return nil // we are told to stop; another try begins when this one's time is over
	}
	p.failed.Inc()
	never := errors.Is(err, errNever)
	givenUp, kept := p.Store.MailFailed(ctx, m, never)
	p.Log.WarnContext(ctx, "a mail could not be sent", "mail", m.ID, "kind", m.Kind, "attempt", m.Attempts, "given_up", givenUp, "error", err)
	return kept
}

func (p *Post) send(ctx context.Context, m store.Mail) error {
	letter, err := p.write(m)
	if err != nil {
		return fmt.Errorf("%w: %w", errNever, err)
	}
	return p.Server.send(ctx, letter)
}
