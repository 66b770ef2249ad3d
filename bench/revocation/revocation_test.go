package main

import (
	"errors"
	"testing"

	"github.com/gatehouse-sso/gatehouse/pgtest"
)

// A few revocations and one cut, at a gentle load, so that what measures goes on working.
func TestNodesRefuseWhatIsRevoked(t *testing.T) {
	*revocations, *checks, cuts = 3, 300, 1
	err := run(t.Context(), t.TempDir())
	if errors.Is(err, pgtest.ErrMissing) {
		pgtest.Refuse(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
}
