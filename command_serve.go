package main

import (
	"context"
	"fmt"
	"io"
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
	return serve(ctx, config, func(firstOwner string) {
		if firstOwner != "" {
			fmt.Fprintf(out, "Nobody owns this installation yet. Become its owner here, within the hour: %s\n", config.URL.JoinPath(firstOwner))
		}
		fmt.Fprintf(out, "Gatehouse is ready at %s\n", config.URL)
	})
}
