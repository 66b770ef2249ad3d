package main

import "testing"

// A few revocations and one cut, at a gentle load, so that what measures goes on working.
func TestNodesRefuseWhatIsRevoked(t *testing.T) {
	*revocations, *checks, cuts = 3, 300, 1
	if err := run(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
}
