package main

import (
	"os"
	"testing"

	"github.com/gatehouse-sso/gatehouse/bench"
)

// TestMain is also the bare servers, which the tests start as processes of their own.
func TestMain(m *testing.M) {
	if !bench.ServeBare() {
		os.Exit(m.Run())
	}
}

func TestNginxWithAndWithoutAuthRequest(t *testing.T) {
	if err := run(t.Context(), t.TempDir(), func(c bench.Comparison) error { c.Table(t); return nil }); err != nil {
		t.Fatal(err)
	}
}
