// Gatehouse is the front door of a business-to-business product: single sign-on for its people, checked keys for its programs.
//
// This package reads the settings, puts the rooms together and serves; each subcommand is a thin file command_<name>.go. It holds no rule
// of the product and nothing imports it.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/gatehouse-sso/gatehouse/gate"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/web"
)

// garbage is how far the heap may grow over what lives, in percent. A check of a key leaves a few KiB behind and little lives: collecting
// five times less often than by default costs some 15 MB and gives back a tenth of the processor. The price grows with what lives: with
// 100,000 keys in memory the heap may reach 700 MB. GOGC, if set, says otherwise, and GOMEMLIMIT bounds it.
const garbage = 500

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := realMain(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gatehouse:", err)
		os.Exit(1)
	}
}

// open opens the database with its master key, making both where there is neither.
func open(ctx context.Context, c *config) (*store.Store, error) {
	key, err := c.Key.wrapper()
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, store.Options{Database: c.Database, MasterKey: key, Previous: c.PreviousKey, Log: c.Log})
}

// serve opens, wires, and answers until ctx ends. It calls ready, with the path of the first owner's link or "", once requests are answered.
func serve(ctx context.Context, c *config, ready func(firstOwner string)) (err error) {
	db, err := open(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	registry := newRegistry()
	product, err := wire(ctx, c, db, registry)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen on GATEHOUSE_LISTEN: %w", err)
	}
	defer keepUses(ctx, product.gate)()
	group, ctx := errgroup.WithContext(ctx)
	if c.MetricsListen != "" {
		metrics, err := net.Listen("tcp", c.MetricsListen)
		if err != nil {
			return errors.Join(fmt.Errorf("listen on GATEHOUSE_METRICS_LISTEN: %w", err), listener.Close())
		}
		group.Go(func() error {
			return web.Server{Handler: metricsHandler(registry), Limits: web.DefaultLimits(), Log: c.Log}.Serve(ctx, metrics)
		})
	}
	group.Go(func() error {
		return web.Server{Handler: product.handler, TLS: c.TLS, Limits: web.DefaultLimits(), Log: c.Log}.Serve(ctx, listener)
	})
	if err := serveEnvoy(ctx, group, c, db, product); err != nil {
		return errors.Join(err, listener.Close())
	}
	group.Go(func() error { return product.gate.Follow(ctx) })
	group.Go(func() error { sweep(ctx, db, c.Log); return nil })
	group.Go(func() error { product.domains.Run(ctx); return nil })
	group.Go(func() error { product.keeper.Run(ctx); return nil })
	group.Go(func() error { product.post.Run(ctx); return nil })
	group.Go(func() error { product.courier.Run(ctx); return nil })
	group.Go(func() error {
		if product.hears(ctx) {
			ready(product.firstRun.Path)
		}
		return nil
	})
	return group.Wait()
}

// keepUses lets the gate write down how keys are used, beyond the end of ctx, until stop, which is called when the last request is answered:
// those that were answered at the end count too.
func keepUses(ctx context.Context, g *gate.Gate) (stop func()) {
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	var keeping sync.WaitGroup
	keeping.Go(func() { g.KeepUses(ctx) })
	return func() { end(); keeping.Wait() }
}
