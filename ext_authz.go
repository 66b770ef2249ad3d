package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sync/errgroup"

	"github.com/gatehouse-sso/gatehouse/envoy"
	"github.com/gatehouse-sso/gatehouse/store"
)

// serveEnvoy serves Envoy on its own listener, where one is wanted. The certificate is that of the product, and so is the handler.
func serveEnvoy(ctx context.Context, group *errgroup.Group, c *config, db *store.Store, p product) error {
	if c.ExtAuthzListen == "" {
		return nil
	}
	listener, err := net.Listen("tcp", c.ExtAuthzListen)
	if err != nil {
		return fmt.Errorf("listen on GATEHOUSE_EXT_AUTHZ_LISTEN: %w", err)
	}
	ready := func(ctx context.Context) error { return errors.Join(db.Ready(ctx), p.gate.Ready()) }
	group.Go(func() error {
		return envoy.Server{Handler: p.handler, Ready: ready, TLS: c.TLS, Proxies: c.TrustedProxies}.Serve(ctx, listener)
	})
	return nil
}
