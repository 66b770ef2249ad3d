package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// commandLine is everything that can be asked of the program in a shell.
type commandLine struct {
	Settings settings `embed:"" group:"Settings"`

	Serve          serveCommand          `cmd:"" help:"Answer requests until told to stop."`
	Demo           demoCommand           `cmd:"" help:"Show everything at once on localhost, with an identity provider and an API around it."`
	Setup          setupCommand          `cmd:"" help:"Make a further organization and a one-time link for its first owner."`
	BreakGlass     breakGlassCommand     `cmd:"" help:"Make a one-time link by which a member who cannot sign in sets a new password."`
	Connections    connectionsCommand    `cmd:"" help:"Let connections that moved here go by the addresses from before."`
	Organizations  organizationsCommand  `cmd:"" help:"List organizations, suspend and resume them, set their plans."`
	OperatorTokens operatorTokensCommand `cmd:"" help:"Make, list and revoke the tokens by which the operator's programs make organizations."`
	Import         importCommand         `cmd:"" help:"Take in what another program has made."`
	Audit          auditCommand          `cmd:"" help:"See whether the events are what was recorded."`
	Migrate        migrateCommand        `cmd:"" help:"Bring the database's schema up to date and stop."`
	Version        versionCommand        `cmd:"" help:"Say which version this is."`
}

// settingsGroup is what the flags of settings stand under.
const settingsGroup = "Settings"

// realMain runs one command. What it was asked for goes to out; logs go to standard error.
func realMain(ctx context.Context, args []string, out io.Writer) error {
	var line commandLine
	asked := false
	parser, err := kong.New(&line,
		kong.Name("gatehouse"),
		kong.Description("The front door of a business-to-business product: single sign-on for its people, checked keys for its programs."),
		kong.Writers(out, out),
		kong.Exit(func(int) { asked = true }),
		kong.Help(helpOf),
		kong.Resolvers(line.Settings.fromFiles()),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.BindTo(out, (*io.Writer)(nil)),
		kong.Bind(&line.Settings),
	)
	if err != nil {
		return fmt.Errorf("command line: %w", err)
	}
	line.Settings.warnOfUnknown(parser.Model.Flags)
	if len(args) == 0 || len(args) == 1 && args[0] == "help" {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if asked {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w (see gatehouse --help)", err)
	}
	return command.Run()
}

// shellSettings are what the commands beside serve go by: where the data is, how to open it, and what links begin with.
var shellSettings = []string{"url", "database", "master-key", "master-key-previous", "log"}

// helpOf prints what can be asked of the command that was named, and the settings that it goes by: all of them for serve, and where none was named.
func helpOf(options kong.HelpOptions, c *kong.Context) error {
	command := c.Selected()
	if command == nil {
		return kong.DefaultHelpPrinter(options, c)
	}
	hear := shellSettings
	switch name, _, _ := strings.Cut(c.Command(), " "); name {
	case "serve":
		return kong.DefaultHelpPrinter(options, c)
	case "demo", "version":
		hear = nil
	}
	for _, flag := range c.Model.Flags {
		if flag.Group != nil && flag.Group.Key == settingsGroup {
			flag.Hidden = !slices.Contains(hear, flag.Name)
		}
	}
	if len(hear) > 0 {
		command.Detail = "Settings are checked all together, as for serve; gatehouse serve --help lists them."
	}
	return kong.DefaultHelpPrinter(options, c)
}
