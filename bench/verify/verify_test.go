package main

import (
	"os"
	"testing"

	"github.com/gatehouse-sso/gatehouse/bench"
)

// TestMain is also the bare server, which the tests start as a process of its own.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "bare" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestKeyChecksAgainstABareHandler(t *testing.T) {
	if err := run(t.Context(), func(c bench.Comparison) error { c.Table(t); return nil }); err != nil {
		t.Fatal(err)
	}
}
