package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/user"
	"strings"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

type setupCommand struct {
	Organization string `required:"" help:"Name of the new organization."`
	Email        string `required:"" help:"Address of its first owner."`
	JSON         bool   `name:"json" help:"Print one JSON object."`
}

// Run makes a further organization and prints the one-time link by which the person with the address becomes its owner within the hour.
func (s *setupCommand) Run(ctx context.Context, settings *settings, out io.Writer) error {
	address, err := trust.ParseAddress(s.Email)
	if err != nil {
		return fmt.Errorf("--email %q: %w", s.Email, err)
	}
	return settings.withStore(ctx, func(c *config, db *store.Store) error {
		o, token, err := db.Setup(ctx, operator(), s.Organization, address)
		if err != nil {
			return err
		}
		link := welcomeLink(c.URL, token)
		if s.JSON {
			return json.NewEncoder(out).Encode(map[string]string{"organization": o.ID, "link": link})
		}
		_, err = fmt.Fprintf(out, "%s (%s) waits for its owner. %s becomes that here, once and within the hour:\n%s\n", o.Name, o.ID, address.Given(), link)
		return err
	})
}

// withDatabase is withStore for a command that is about what is there already: it makes no database.
func (s *settings) withDatabase(ctx context.Context, do func(*config, *store.Store) error) error {
	if path, isSQLite := strings.CutPrefix(s.Database, "sqlite:"); isSQLite {
		if _, err := os.Stat(path); path != "" && errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no database %s: GATEHOUSE_DATABASE names it, serve and setup make one", path)
		}
	}
	return s.withStore(ctx, do)
}

// withStore opens the database for one command beside a running serve, which notices what it changes.
func (s *settings) withStore(ctx context.Context, do func(*config, *store.Store) error) (err error) {
	c, err := s.read()
	if err != nil {
		return err
	}
	db, err := open(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return do(c, db)
}

// operator is who acts in a shell, under the name that the machine knows them by.
func operator() audit.Actor {
	actor := audit.Actor{Kind: audit.Operator}
	if who, err := user.Current(); err == nil {
		actor.Name = who.Username
	}
	return actor
}

// welcomeLink is the address that spends the token.
func welcomeLink(base *url.URL, token secret.Token) string {
	return base.JoinPath("welcome", token.Reveal()).String()
}
