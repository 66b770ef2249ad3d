package bench

import (
	"context"
	"os"
	"sync"
	"testing"
)

// gatehouse is the program as it ships, serving one test.
type gatehouse struct {
	*Process
	url string
}

var built string // the folder that binary made

// binary builds the program once in a run.
var binary = sync.OnceValues(func() (path string, err error) {
	if built, err = os.MkdirTemp("", "gatehouse-bench"); err != nil {
		return "", err
	}
	return Build(context.Background(), built)
})

// removeBinary removes what binary built, if it was asked for.
func removeBinary() {
	if built != "" {
		_ = os.RemoveAll(built)
	}
}

// start starts the program on an installation and returns once it is ready.
func start(t testing.TB, on installation) *gatehouse {
	t.Helper()
	program, err := binary()
	check(t, err)
	process, err := Start(t.Context(), program, t.TempDir(), on.database, on.masterKey)
	check(t, err)
	return &gatehouse{process, "http://" + process.Host}
}

func (g *gatehouse) stop(t testing.TB) {
	t.Helper()
	check(t, g.Stop())
}

func (g *gatehouse) resident(t testing.TB) float64 {
	t.Helper()
	megabytes, err := g.Resident()
	check(t, err)
	return megabytes
}
