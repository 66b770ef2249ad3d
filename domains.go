package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

const (
	domainsEvery = time.Minute      // between two rounds
	domainsHold  = 10 * time.Minute // how long a node that has gone keeps the others from it: longer than a round of silent names
)

// domainKeeper has verified domains looked up day by day and watches over the logins of their people, on one node for all.
type domainKeeper struct {
	db     *store.Store
	guard  *outbound.Guard
	log    *slog.Logger
	holder string // names this process, and nobody needs to know it
	checks *prometheus.CounterVec
	alarms prometheus.Counter
}

func keepDomains(db *store.Store, guard *outbound.Guard, log *slog.Logger, metrics prometheus.Registerer) (*domainKeeper, error) {
	checks := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_domain_checks_total", Help: "Domains that were looked up or whose grace ended, by what has happened to them.",
	}, []string{"happened"})
	alarms := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "gatehouse_login_alarms_total", Help: "Domains with required single sign-on of whose last logins fewer than half succeeded, told at most once an hour each.",
	})
	if err := errors.Join(metrics.Register(checks), metrics.Register(alarms)); err != nil {
		return nil, fmt.Errorf("register the metrics of domains: %w", err)
	}
	return &domainKeeper{db: db, guard: guard, log: log, holder: secret.NewToken().Reveal(), checks: checks, alarms: alarms}, nil
}

// Run does a round a minute, where no other node does, until ctx ends.
func (k *domainKeeper) Run(ctx context.Context) {
	tick := time.NewTicker(domainsEvery)
	defer tick.Stop()
	for {
		if err := k.round(ctx); err != nil && ctx.Err() == nil {
			k.log.ErrorContext(ctx, "check domains", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (k *domainKeeper) round(ctx context.Context) error {
	if ours, err := k.db.TakeJob(ctx, "domains", k.holder, domainsHold); err != nil || !ours {
		return err
	}
	done, err := k.db.CheckDomains(ctx, k.guard.TXT)
	for _, check := range done {
		happened := string(check.Did)
		if happened == "" {
			happened = "nothing"
		} else {
			k.log.InfoContext(ctx, "domain checked", "domain", check.Domain.Name, "organization", check.Domain.OrganizationID, "happened", happened)
		}
		k.checks.WithLabelValues(happened).Inc()
	}
	alarmed, failure := k.db.AlarmLogins(ctx)
	for _, d := range alarmed {
		k.log.WarnContext(ctx, "most logins of a domain fail", "domain", d.Name, "organization", d.OrganizationID)
		k.alarms.Inc()
	}
	return errors.Join(err, failure)
}
