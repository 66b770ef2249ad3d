package main

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/gatehouse-sso/gatehouse/demo"
	"github.com/gatehouse-sso/gatehouse/store"
)

type demoCommand struct{}

// Run shows everything at once on localhost until ctx ends. It looks at no settings: nobody's data but its own is touched.
func (demoCommand) Run(ctx context.Context, out io.Writer) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	configure := func(s demo.Settings) (*config, error) {
		c, err := (&settings{URL: s.URL, Listen: s.Listen, Database: s.Database, EgressAllow: s.EgressAllow, DNS: s.DNS}).read()
		if err == nil {
			c.Log = log
		}
		return c, err
	}
	return demo.Run(ctx, demo.Options{
		Out: out, Log: log,
		Serve: func(ctx context.Context, s demo.Settings, ready func()) error {
			c, err := configure(s)
			if err != nil {
				return err
			}
			return serve(ctx, c, func(string) { ready() })
		},
		Open: func(ctx context.Context, s demo.Settings) (*store.Store, error) {
			c, err := configure(s)
			if err != nil {
				return nil, err
			}
			return open(ctx, c)
		},
	})
}
