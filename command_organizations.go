package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

type organizationsCommand struct {
	List    listOrganizationsCommand   `cmd:"" help:"List all organizations."`
	Suspend suspendOrganizationCommand `cmd:"" help:"Bar everybody and every API key from an organization."`
	Resume  resumeOrganizationCommand  `cmd:"" help:"End an organization's suspension."`
	Plan    planOrganizationCommand    `cmd:"" help:"Give an organization another plan."`
}

// organizationLine is an organization as these commands print it.
type organizationLine struct {
	ID          string      `json:"id"`
	Name        string      `json:"name"`
	Plan        access.Plan `json:"plan"`
	SuspendedAt *time.Time  `json:"suspended_at"`
	CreatedAt   time.Time   `json:"created_at"`
}

func lineOf(o store.Organization) organizationLine {
	return organizationLine{o.ID, o.Name, o.Plan, o.SuspendedAt, o.CreatedAt.UTC()}
}

type listOrganizationsCommand struct {
	JSON bool `name:"json" help:"Print one JSON object a line."`
}

// Run prints the organizations, the oldest first.
func (l *listOrganizationsCommand) Run(ctx context.Context, settings *settings, out io.Writer) error {
	return settings.withDatabase(ctx, func(_ *config, db *store.Store) error {
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		if !l.JSON {
			fmt.Fprintln(table, "ID\tPLAN\tSTATE\tNAME")
		}
		err := eachOrganization(ctx, db, func(o store.Organization) error {
			if l.JSON {
				return json.NewEncoder(out).Encode(lineOf(o))
			}
			state := "active"
			if o.SuspendedAt != nil {
				state = "suspended"
			}
			_, err := fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", o.ID, o.Plan, state, o.Name)
			return err
		})
		return errors.Join(err, table.Flush())
	})
}

// eachOrganization calls do with every organization, a page at a time.
func eachOrganization(ctx context.Context, db *store.Store, do func(store.Organization) error) error {
	after := ""
	for {
		page, err := db.Organizations(ctx, after, 200)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, o := range page {
			if err := do(o); err != nil {
				return err
			}
		}
		after = page[len(page)-1].ID
	}
}

// organizationCalled is the organization with this id or, if it is the only one, with this name.
func organizationCalled(ctx context.Context, db *store.Store, called string) (store.Organization, error) {
	o, err := db.Organization(ctx, called)
	if !errors.Is(err, store.ErrNotFound) {
		return o, err
	}
	var found []store.Organization
	err = eachOrganization(ctx, db, func(o store.Organization) error {
		if o.Name == called {
			found = append(found, o)
		}
		return nil
	})
	switch {
	case err != nil:
		return store.Organization{}, err
	case len(found) == 0:
		return store.Organization{}, unknownOrganization(fmt.Sprintf("there is no organization %q", called))
	case len(found) > 1:
		return store.Organization{}, unknownOrganization(fmt.Sprintf("%d organizations are called %q: give the id of one (org_…)", len(found), called))
	}
	return found[0], nil
}

// unknownOrganization says that a name is no organization's, or several'.
type unknownOrganization string

func (u unknownOrganization) Error() string { return string(u) }

// organizationArgument names the organization that a command is about.
type organizationArgument struct {
	Organization string `arg:"" help:"Name or id of the organization."`
	JSON         bool   `name:"json" help:"Print one JSON object."`
}

// change does something to the organization and prints what it is then: said is a sentence about it, its name in it.
func (a *organizationArgument) change(ctx context.Context, settings *settings, out io.Writer, said string, do func(*store.Store, string) error) error {
	return settings.withDatabase(ctx, func(_ *config, db *store.Store) error {
		o, err := organizationCalled(ctx, db, a.Organization)
		if err != nil {
			return err
		}
		if err := do(db, o.ID); err != nil {
			return err
		}
		if !a.JSON {
			_, err = fmt.Fprintf(out, said+"\n", fmt.Sprintf("%s (%s)", o.Name, o.ID))
			return err
		}
		if o, err = db.Organization(ctx, o.ID); err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(lineOf(o))
	})
}

type suspendOrganizationCommand struct{ organizationArgument }

// Run bars everybody, and every API key, from the organization within a second on every node.
func (s *suspendOrganizationCommand) Run(ctx context.Context, settings *settings, out io.Writer) error {
	return s.change(ctx, settings, out, "%s is suspended: nobody enters it, and its API keys are refused.", func(db *store.Store, id string) error {
		return db.SuspendOrganization(ctx, operator(), id)
	})
}

type resumeOrganizationCommand struct{ organizationArgument }

// Run ends the suspension.
func (r *resumeOrganizationCommand) Run(ctx context.Context, settings *settings, out io.Writer) error {
	return r.change(ctx, settings, out, "%s is open again.", func(db *store.Store, id string) error {
		return db.ResumeOrganization(ctx, operator(), id)
	})
}

type planOrganizationCommand struct {
	organizationArgument
	Plan string `arg:"" enum:"starter,standard,enterprise" help:"starter, standard or enterprise."`
}

// Run sets the plan, which decides what the organization may use.
func (p *planOrganizationCommand) Run(ctx context.Context, settings *settings, out io.Writer) error {
	return p.change(ctx, settings, out, "%s now has the plan "+p.Plan+".", func(db *store.Store, id string) error {
		return db.SetPlan(ctx, operator(), id, access.Plan(p.Plan))
	})
}
