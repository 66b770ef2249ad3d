package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gatehouse-sso/gatehouse/store"
)

type connectionsCommand struct {
	Alternate alternateCommand `cmd:"" help:"Let a connection go by the addresses that its identity provider knew before it moved here, or take them away."`
}

type alternateCommand struct {
	Organization string `required:"" help:"Name or id of the organization."`
	EntityID     string `name:"entity-id" help:"The entity ID by which the identity provider knows us: the Audience of what it sends (SAML)."`
	Path         string `help:"The path on our public host that it sends people to, such as /api/oauth/saml."`
	Remove       bool   `help:"Take the alternate addresses away, at once: our own are used from then on."`
	Connection   string `arg:"" help:"Id of the connection (con_…)."`
}

// Run gives or takes the addresses.
func (a *alternateCommand) Run(ctx context.Context, settings *settings, out io.Writer) error {
	return settings.withDatabase(ctx, func(c *config, db *store.Store) error {
		o, err := organizationCalled(ctx, db, a.Organization)
		if err != nil {
			return err
		}
		scope := db.In(o.ID)
		was, err := scope.Connection(ctx, a.Connection)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%s has no connection %q", o.Name, a.Connection)
		}
		if err != nil {
			return err
		}
		if a.Remove {
			return a.remove(ctx, out, scope, was)
		}
		if own := c.URL.JoinPath("saml").String() + "/"; strings.HasPrefix(a.EntityID, own) {
			return errors.New("--entity-id: this is our own entity ID of some connection")
		}
		if err := scope.GiveAlternate(ctx, operator(), was.ID, was.Version, store.Alternate{EntityID: a.EntityID, Path: a.Path}); err != nil {
			return err
		}
		words := "%s (%s) goes by them from now on, for %s alone.\n"
		if was.State == store.ConnectionActive {
			words = "%s (%s) has them in its draft, for %s alone: its owners test it and publish it.\n"
		}
		_, err = fmt.Fprintf(out, words, was.Name, was.ID, was.IdentityProvider())
		return err
	})
}

func (a *alternateCommand) remove(ctx context.Context, out io.Writer, scope *store.Scope, was store.Connection) error {
	err := scope.WithdrawAlternate(ctx, operator(), was.ID, was.Version)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%s has no alternate addresses", was.Name)
	}
	if err == nil {
		_, err = fmt.Fprintf(out, "%s (%s) is known by our own addresses from now on.\n", was.Name, was.ID)
	}
	return err
}
