package main

import (
	"context"
	"fmt"
	"io"

	"github.com/gatehouse-sso/gatehouse/store"
)

type auditCommand struct {
	Verify verifyAuditCommand `cmd:"" help:"Walk the chains of events and name the first link that is not what was recorded."`
}

type verifyAuditCommand struct{}

// Run walks the installation's chain of events and then that of each organization. The first broken link ends it, as an error: whoever runs
// this by the clock hears of it by the status.
func (verifyAuditCommand) Run(ctx context.Context, settings *settings, out io.Writer) error {
	return settings.withDatabase(ctx, func(_ *config, db *store.Store) error {
		chains, err := db.EventChains(ctx)
		if err != nil {
			return err
		}
		for _, organization := range chains {
			broken, err := db.VerifyEvents(ctx, organization)
			if err != nil {
				return err
			}
			if broken != nil {
				return brokenChain(broken)
			}
		}
		_, err = fmt.Fprintf(out, "Every event is what was recorded, and none is missing between the first and the last of its chain. Chains: %d.\n", len(chains))
		return err
	})
}

func brokenChain(b *store.BrokenLink) error {
	whose := "organization " + b.OrganizationID
	if b.OrganizationID == "" {
		whose = "the installation"
	}
	return fmt.Errorf("the events of %s are not what was recorded: the first broken link is %s, number %d: %s", whose, b.EventID, b.Sequence, b.Problem)
}
