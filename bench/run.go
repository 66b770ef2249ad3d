package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Main is what a command under bench/ does: it measures in a new folder, which is gone afterwards, until it is done or interrupted.
func Main(measure func(ctx context.Context, folder string) error) {
	if ServeBare() {
		return
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := InFolder(func(folder string) error { return measure(ctx, folder) })
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// InFolder does something in a new folder, which is gone afterwards.
func InFolder(do func(folder string) error) error {
	folder, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return err
	}
	return errors.Join(do(folder), os.RemoveAll(folder))
}
