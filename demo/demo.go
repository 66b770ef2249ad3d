package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/gatehouse-sso/gatehouse/store"
)

// Settings are what a Gatehouse in the demonstration is started with; each is
// the environment variable of its name.
type Settings struct {
	URL, Listen, Database, EgressAllow, DNS string
}

// Options are what main hands in: the same serving and opening of the database
// as in production.
type Options struct {
	Serve func(ctx context.Context, s Settings, ready func()) error
	Open  func(ctx context.Context, s Settings) (*store.Store, error)
	Out   io.Writer // where it says what to click
	Log   *slog.Logger
}

// errServedNothing is a Gatehouse that ended in good order, but unasked.
var errServedNothing = errors.New("gatehouse ended before the demonstration did")

// Run starts everything, makes the sample, says what to click, and goes on
// until ctx ends. It keeps all data in a temporary folder that it removes.
func Run(ctx context.Context, o Options) (err error) {
	folder, err := os.MkdirTemp("", "gatehouse-demo")
	if err != nil {
		return fmt.Errorf("make a folder for the demonstration: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()

	reserved, err := listen(8080)
	if err != nil {
		return err
	}
	address, base := reserved.Addr().String(), localURL(reserved)
	around, err := meet(base, people, o.Log)
	if err != nil {
		return errors.Join(err, reserved.Close())
	}
	if err := reserved.Close(); err != nil { // Gatehouse listens there by itself
		around.leave()
		return err
	}
	settings := Settings{
		URL: base.String(), Listen: address, Database: "sqlite:" + filepath.Join(folder, "gatehouse.db"),
		EgressAllow: "127.0.0.0/8,::1/128", DNS: around.streams.Addr().String(),
	}
	group, ctx := errgroup.WithContext(ctx)
	ready := make(chan struct{})
	group.Go(func() error { return around.serve(ctx) })
	group.Go(func() error {
		err := o.Serve(ctx, settings, func() { close(ready) })
		if err == nil && ctx.Err() == nil {
			err = errServedNothing
		}
		return err
	})
	group.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-ready:
			return present(ctx, o, settings, around)
		}
	})
	return group.Wait()
}

// present makes the sample and says what to do with it. A demonstration that
// is told to stop meanwhile is no failure.
func present(ctx context.Context, o Options, settings Settings, around *neighbours) error {
	made, err := makeSample(ctx, o, settings, around)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make the demonstration's sample: %w", err)
	}
	return guide.Execute(o.Out, made)
}
