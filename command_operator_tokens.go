package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/gatehouse-sso/gatehouse/store"
)

type operatorTokensCommand struct {
	Create createOperatorTokenCommand `cmd:"" help:"Make a token and print it, once."`
	List   listOperatorTokensCommand  `cmd:"" help:"List all tokens, without their text."`
	Revoke revokeOperatorTokenCommand `cmd:"" help:"End a token."`
}

// operatorTokenLine is a token as these commands print it.
type operatorTokenLine struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	CreatedBy string     `json:"created_by"`
	CreatedAt time.Time  `json:"created_at"`
	UsedAt    *time.Time `json:"used_at"`
	RevokedAt *time.Time `json:"revoked_at"`
	Token     string     `json:"token,omitempty"`
}

func lineOfToken(t store.OperatorToken) operatorTokenLine {
	return operatorTokenLine{ID: t.ID, Name: t.Name, CreatedBy: t.CreatedBy, CreatedAt: t.CreatedAt, UsedAt: t.UsedAt, RevokedAt: t.RevokedAt}
}

type createOperatorTokenCommand struct {
	Name string `arg:"" help:"What it is for, such as provisioning."`
	JSON bool   `name:"json" help:"Print one JSON object."`
}

// Run makes a token for a program of the operator's and prints its text.
func (c *createOperatorTokenCommand) Run(ctx context.Context, settings *settings, out io.Writer) error {
	return settings.withDatabase(ctx, func(_ *config, db *store.Store) error {
		made, text, err := db.CreateOperatorToken(ctx, operator(), c.Name)
		if err != nil {
			return err
		}
		if c.JSON {
			line := lineOfToken(made)
			line.Token = text.Reveal()
			return json.NewEncoder(out).Encode(line)
		}
		_, err = fmt.Fprintf(out, "%s (%s) may make, list and suspend organizations. Its text is shown here and nowhere else:\n%s\n", made.Name, made.ID, text.Reveal())
		return err
	})
}

type listOperatorTokensCommand struct {
	JSON bool `name:"json" help:"Print one JSON object a line."`
}

// Run prints the tokens, the oldest first.
func (l *listOperatorTokensCommand) Run(ctx context.Context, settings *settings, out io.Writer) error {
	return settings.withDatabase(ctx, func(_ *config, db *store.Store) error {
		all, err := db.OperatorTokens(ctx)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		if !l.JSON {
			fmt.Fprintln(table, "ID\tSTATE\tUSED\tNAME")
		}
		for _, t := range all {
			if l.JSON {
				err = errors.Join(err, json.NewEncoder(out).Encode(lineOfToken(t)))
				continue
			}
			state, used := "live", "never"
			if t.RevokedAt != nil {
				state = "revoked"
			}
			if t.UsedAt != nil {
				used = t.UsedAt.Format("2006-01-02 15:04 UTC")
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", t.ID, state, used, t.Name)
		}
		return errors.Join(err, table.Flush())
	})
}

type revokeOperatorTokenCommand struct {
	ID string `arg:"" help:"Id of the token (opr_…)."`
}

// Run ends the token: it opens nothing from now on, on any node.
func (r *revokeOperatorTokenCommand) Run(ctx context.Context, settings *settings, out io.Writer) error {
	return settings.withDatabase(ctx, func(_ *config, db *store.Store) error {
		err := db.RevokeOperatorToken(ctx, operator(), r.ID)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("there is no operator token %q: gatehouse operator-tokens list shows all", r.ID)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s is revoked: it opens nothing any more.\n", r.ID)
		return err
	})
}
