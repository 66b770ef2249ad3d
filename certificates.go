package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

const (
	metadataEvery     = time.Minute      // between two rounds
	metadataHold      = 10 * time.Minute // how long a node that has gone keeps the others from it: longer than a round of silent addresses
	certificatesEvery = time.Hour        // between two looks at when certificates end
	metadataAsked     = 64               // connections that wait to be read after an unknown key; more are forgotten, and asked for again
	certificatesShown = 500              // connections in the metrics: those that end first
	lookAtMost        = 8 * time.Second  // the outbound guard ends a call after five
	lookAgain         = 100 * time.Millisecond
)

// connectionKeeper reads the metadata of connections day by day, on one node for all, and on every node what is asked for when an unknown key
// signs. It watches when certificates end.
type connectionKeeper struct {
	db     *store.Store
	guard  *outbound.Guard
	log    *slog.Logger
	holder string // names this process, and nobody needs to know it
	reads  *prometheus.CounterVec
	ends   *certificateEnds
	asked  chan string
	looks  singleflight.Group // by connection
	looked time.Time          // when the days were last counted; of turn alone
}

func keepConnections(db *store.Store, guard *outbound.Guard, log *slog.Logger, metrics prometheus.Registerer) (*connectionKeeper, error) {
	reads := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_metadata_reads_total", Help: "Readings of the metadata of connections, by what has happened.",
	}, []string{"happened"})
	ends := &certificateEnds{now: db.Now}
	if err := errors.Join(metrics.Register(reads), metrics.Register(ends)); err != nil {
		return nil, fmt.Errorf("register the metrics of connections: %w", err)
	}
	return &connectionKeeper{db: db, guard: guard, log: log, holder: secret.NewToken().Reveal(), reads: reads, ends: ends, asked: make(chan string, metadataAsked)}, nil
}

// Ask has the metadata of a connection read soon. It returns at once and may be called by anybody: how often it is read is the store's to say.
func (k *connectionKeeper) Ask(connectionID string) {
	select {
	case k.asked <- connectionID:
	default:
	}
}

// Look has it read now, where somebody's login waits for it and it may be read, and returns when it was, or when ctx ends. Whoever looks meanwhile,
// on any node, waits for the same reading.
func (k *connectionKeeper) Look(ctx context.Context, connectionID string) {
	looked := k.looks.DoChan(connectionID, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookAtMost) // one who leaves does not cost everybody else the reading
		defer cancel()
		if !k.count(ctx, connectionID, connections.RefreshForLogin) {
			k.awaitOther(ctx, connectionID)
		}
		return nil, nil
	})
	select {
	case <-looked:
	case <-ctx.Done():
	}
}

// awaitOther waits while another node reads it.
func (k *connectionKeeper) awaitOther(ctx context.Context, connectionID string) {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		reads, err := k.db.MetadataUnderWay(ctx, connectionID)
		if err != nil && ctx.Err() == nil {
			k.log.ErrorContext(ctx, "wait for metadata", "connection", connectionID, "error", err)
		}
		if err != nil || !reads {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Run does a round a minute, where no other node does, and what is asked for between, until ctx ends.
func (k *connectionKeeper) Run(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() { k.answer(ctx) })
	both.Go(func() { k.rounds(ctx) })
	both.Wait()
}

func (k *connectionKeeper) answer(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-k.asked:
			k.read(ctx, id)
		}
	}
}

func (k *connectionKeeper) rounds(ctx context.Context) {
	tick := time.NewTicker(metadataEvery)
	defer tick.Stop()
	for {
		if err := k.turn(ctx); err != nil && ctx.Err() == nil {
			k.log.ErrorContext(ctx, "look after connections", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// turn is what there is to do once a minute. Every node counts the days for its metrics; one alone tells of them, and reads what is due.
func (k *connectionKeeper) turn(ctx context.Context) error {
	ours, err := k.db.TakeJob(ctx, "connections", k.holder, metadataHold)
	if now := k.db.Now(); err == nil && now.Sub(k.looked) >= certificatesEvery {
		k.looked = now
		err = k.look(ctx, ours)
	}
	if err == nil && ours {
		err = k.round(ctx)
	}
	return err
}

// look counts the days of every active connection, and has whoever looks after it told of them.
func (k *connectionKeeper) look(ctx context.Context, tell bool) error {
	if err := k.ends.read(ctx, k.db); err != nil || !tell {
		return err
	}
	return k.db.TellOfCertificates(ctx)
}

func (k *connectionKeeper) round(ctx context.Context) error {
	due, err := k.db.DueMetadata(ctx)
	for _, id := range due {
		if ctx.Err() != nil {
			break
		}
		k.read(ctx, id)
	}
	return err
}

func (k *connectionKeeper) read(ctx context.Context, id string) {
	k.count(ctx, id, connections.Refresh)
}

// refresher is [connections.Refresh], or the same for a login.
type refresher func(context.Context, *store.Store, *outbound.Guard, *slog.Logger, string) (connections.Refreshed, error)

// count reads and counts what has happened; false where it might not be read now.
func (k *connectionKeeper) count(ctx context.Context, id string, refresh refresher) bool {
	did, err := refresh(ctx, k.db, k.guard, k.log, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return false
	case err != nil && ctx.Err() == nil:
		k.log.ErrorContext(ctx, "read metadata", "connection", id, "error", err)
		did.Happened = "error"
	case did.Happened == "":
		did.Happened = "nothing"
	default:
		k.log.InfoContext(ctx, "metadata read", "connection", id, "happened", did.Happened, "problem", did.Problem)
	}
	k.reads.WithLabelValues(did.Happened).Inc()
	return true
}

// certificateEnds are when the certificates of active connections end, for the metrics: of those that end first, so that there are never too many.
type certificateEnds struct {
	now func() time.Time

	mu  sync.Mutex
	all []certificateEndOf
}

type certificateEndOf struct {
	connection, of string // of: theirs or ours
	at             time.Time
}

var (
	endsInSeconds = prometheus.NewDesc("gatehouse_connection_certificate_ends_in_seconds", "Seconds until the last certificate of an active connection ends, negative when it has: the identity provider's (of=\"theirs\") and that which we sign with (of=\"ours\"). Of the 500 that end first.", []string{"connection", "of"}, nil)
	endsInDays    = prometheus.NewDesc("gatehouse_connection_certificate_ends_in_days", "The same in days.", []string{"connection", "of"}, nil)
)

func (e *certificateEnds) read(ctx context.Context, db *store.Store) error {
	var all []certificateEndOf
	err := db.CertificateEnds(ctx, func(some []store.CertificateEnd) error {
		for _, one := range some {
			if one.Theirs != nil {
				all = append(all, certificateEndOf{one.ConnectionID, "theirs", one.Theirs.NotAfter})
			}
			if one.Ours != nil {
				all = append(all, certificateEndOf{one.ConnectionID, "ours", one.Ours.NotAfter})
			}
		}
		slices.SortStableFunc(all, func(a, b certificateEndOf) int { return a.at.Compare(b.at) })
		all = all[:min(len(all), certificatesShown)]
		return nil
	})
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = all
	return nil
}

// Describe is for the registry.
func (e *certificateEnds) Describe(into chan<- *prometheus.Desc) {
	into <- endsInSeconds
	into <- endsInDays
}

// Collect is for the registry.
func (e *certificateEnds) Collect(into chan<- prometheus.Metric) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, one := range e.all {
		left := one.at.Sub(e.now()).Seconds()
		into <- prometheus.MustNewConstMetric(endsInSeconds, prometheus.GaugeValue, left, one.connection, one.of)
		into <- prometheus.MustNewConstMetric(endsInDays, prometheus.GaugeValue, left/(24*60*60), one.connection, one.of)
	}
}
