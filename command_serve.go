package main

import (
	"context"
	"fmt"
	"io"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/store"
)

type serveCommand struct {
	Check bool `help:"Report every mistake in the settings and stop."`
}

// Run serves until ctx ends.
func (s *serveCommand) Run(ctx context.Context, settings *settings, out io.Writer) error {
	config, err := settings.read()
	if err != nil {
		return err
	}
	if s.Check {
		_, err := fmt.Fprintln(out, "The settings are in order.")
		return err
	}
	return serve(ctx, config, func(ctx context.Context, db *store.Store) error {
		if err := inviteFirstOwner(ctx, config, db, out); err != nil {
			return err
		}
		_, err := fmt.Fprintf(out, "Gatehouse is ready at %s\n", config.URL)
		return err
	})
}

// inviteFirstOwner prints, as long as there is no owner, the one-time link by which whoever reads it becomes one.
func inviteFirstOwner(ctx context.Context, c *config, db *store.Store, out io.Writer) error {
	exists, err := db.OwnerExists(ctx)
	if err != nil || exists {
		return err
	}
	actor := audit.Actor{Kind: audit.System, Name: "Gatehouse"}
	_, token, err := db.MakeWelcome(ctx, actor, store.Welcome{Kind: store.WelcomeFirstOwner})
	if err != nil {
		return err
	}
	link := c.URL.JoinPath("welcome", token.Reveal())
	_, err = fmt.Fprintf(out, "Nobody owns this installation yet. Become its owner here, within the hour: %s\n", link)
	return err
}
