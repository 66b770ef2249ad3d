package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/http/httpproxy"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/gate"
	"github.com/gatehouse-sso/gatehouse/handlers"
	"github.com/gatehouse-sso/gatehouse/mail"
	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/static"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/web"
	"github.com/gatehouse-sso/gatehouse/webhooks"
)

// product is everything that serve runs.
type product struct {
	handler  http.Handler
	gate     *gate.Gate
	post     *mail.Post
	domains  *domainKeeper
	keeper   *connectionKeeper
	courier  *webhooks.Courier
	firstRun handlers.FirstRun
}

// wire puts the rooms together.
func wire(ctx context.Context, c *config, db *store.Store, metrics prometheus.Registerer) (product, error) {
	checks, err := gate.New(gate.Options{Store: db, Catalogue: c.Catalogue, Now: db.Now, Registry: metrics, Log: c.Log})
	if err != nil {
		return product{}, err
	}
	guard, err := outbound.New(outbound.Options{Allow: c.EgressAllow, Proxy: httpproxy.FromEnvironment().ProxyFunc(), DNS: c.DNS})
	if err != nil {
		return product{}, err
	}
	keys, err := db.CookieKeys(ctx)
	if err != nil {
		return product{}, err
	}
	cookies, err := web.NewCookies(c.URL, keys)
	if err != nil {
		return product{}, err
	}
	assets, err := brandedAssets(c)
	if err != nil {
		return product{}, err
	}
	if err := rememberURL(ctx, c, db); err != nil {
		return product{}, err
	}
	first, err := firstRun(ctx, db)
	if err != nil {
		return product{}, err
	}
	post, err := mail.New(mail.Options{Store: db, Server: c.SMTP, URL: c.URL, Brand: c.Brand.Name, Log: c.Log, Registry: metrics})
	if err != nil {
		return product{}, err
	}
	courier, err := webhooks.New(webhooks.Options{Store: db, Outbound: guard, Log: c.Log, Registry: metrics})
	if err != nil {
		return product{}, err
	}
	keeper, err := keepConnections(db, guard, c.Log, metrics)
	if err != nil {
		return product{}, err
	}
	logins := broker.New(db, c.URL, guard.Client(), c.Log)
	logins.FindKeysBy(keeper)
	handler, err := handlers.New(handlers.Options{
		URL: c.URL, Store: db, Broker: logins, Gate: checks, Catalogue: c.Catalogue,
		Cookies: cookies, Assets: assets, Brand: c.Brand, Outbound: guard, FirstRun: first, OpenSignup: c.OpenSignup, SendsMail: c.SMTP != nil, Log: c.Log,
		Site: web.Site{URL: c.URL, TrustedProxies: c.TrustedProxies, AnyHost: web.HealthPaths, Log: c.Log, Metrics: metrics},
	})
	if err != nil {
		return product{}, err
	}
	domains, err := keepDomains(db, guard, c.Log, metrics)
	return product{handler, checks, post, domains, keeper, courier, first}, err
}

// hears waits until the gate has heard the change feed, before which it refuses every key; false when ctx ends first.
func (p product) hears(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-p.gate.Heard():
		return true
	}
}

// brandedAssets are the embedded files and, where the operator gave one, the host product's logo, which the pages then show.
func brandedAssets(c *config) (*web.Assets, error) {
	assets, err := web.NewAssets(static.Files)
	if err == nil && c.Logo.name != "" {
		assets.Add(c.Logo.name, c.Logo.content)
		c.Brand.LogoURL = assets.URL(c.Logo.name)
	}
	return assets, err
}

// rememberURL warns when the public address is another than at the last start: identity providers and links out there may know the old one.
func rememberURL(ctx context.Context, c *config, db *store.Store) error {
	before, err := db.RememberURL(ctx, c.URL.String())
	if err == nil && before != "" && before != c.URL.String() {
		c.Log.WarnContext(ctx, "GATEHOUSE_URL has changed: identity providers still know the old address", "before", before, "now", c.URL.String())
	}
	return err
}

// firstRun makes the one-time link of an installation without an owner; an earlier one is void.
func firstRun(ctx context.Context, db *store.Store) (handlers.FirstRun, error) {
	exists, err := db.OwnerExists(ctx)
	if err != nil || exists {
		return handlers.FirstRun{}, err
	}
	welcome, token, err := db.MakeWelcome(ctx, audit.Gatehouse(audit.Request{}), store.Welcome{Kind: store.WelcomeFirstOwner})
	if err != nil {
		return handlers.FirstRun{}, err
	}
	return handlers.FirstRun{Path: "/welcome/" + url.PathEscape(token.Reveal()), ExpiresAt: welcome.ExpiresAt}, nil
}

// sweepEvery is how often what has run out is removed.
const sweepEvery = 10 * time.Minute

// sweep removes what has run out, until ctx ends.
func sweep(ctx context.Context, db *store.Store, log *slog.Logger) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := db.Sweep(ctx); err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "sweep", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
