package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

type breakGlassCommand struct {
	Organization string `required:"" help:"Name or id of the organization."`
	Email        string `required:"" help:"Address of the member who cannot sign in."`
}

// Run prints the one-time link by which a member sets a new password. Where the organization requires single sign-on, it lets an owner past
// the identity provider, to mend sign-in and nothing else, whether they are named for break-glass or not.
// The organization's log tells it with high severity.
func (b *breakGlassCommand) Run(ctx context.Context, settings *settings, out io.Writer) error {
	address, err := trust.ParseAddress(b.Email)
	if err != nil {
		return fmt.Errorf("--email %q: %w", b.Email, err)
	}
	return settings.withDatabase(ctx, func(c *config, db *store.Store) error {
		person, err := b.find(ctx, db, address)
		if err != nil {
			return err
		}
		_, token, err := db.MakeWelcome(ctx, operator(), store.Welcome{Kind: store.WelcomePassword, UserID: person.Member.UserID, OrganizationID: person.Organization.ID})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s sets a new password here, once and within the hour:\n%s\n", person.Member.Name, welcomeLink(c.URL, token))
		if err == nil && person.Member.IsOwner() {
			_, err = fmt.Fprintf(out, "If %s requires single sign-on, the link opens its connections, domains and sign-in settings.\n", person.Organization.Name)
		}
		return err
	})
}

// find is what the person with the address is in the organization.
func (b *breakGlassCommand) find(ctx context.Context, db *store.Store, address trust.Address) (store.Membership, error) {
	user, err := db.UserByAddress(ctx, address)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Membership{}, err
	}
	memberships, err := db.OrganizationsOf(ctx, user.ID)
	if err != nil {
		return store.Membership{}, err
	}
	var found []store.Membership
	for _, m := range memberships {
		if m.Organization.ID == b.Organization || m.Organization.Name == b.Organization {
			found = append(found, m)
		}
	}
	switch len(found) {
	case 0:
		return store.Membership{}, fmt.Errorf("%s is no member of an organization %q", address.Given(), b.Organization)
	case 1:
		return found[0], nil
	}
	return store.Membership{}, fmt.Errorf("%s is a member of %d organizations called %q: give the id of one (org_…)", address.Given(), len(found), b.Organization)
}
