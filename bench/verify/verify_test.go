package main

import (
	"os"
	"testing"

	"github.com/gatehouse-sso/gatehouse/bench"
)

// TestMain is also the bare server, which the tests start as a process of its own.
func TestMain(m *testing.M) {
	if !bench.ServeBare() {
		os.Exit(m.Run())
	}
}

func TestKeyChecksAgainstABareHandler(t *testing.T) {
	look := func(*table) error { return nil }
	if err := run(t.Context(), t.TempDir(), []int{10, 700}, look, func(c bench.Comparison) error { c.Table(t); return nil }); err != nil {
		t.Fatal(err)
	}
}
