package bench

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/porttest"
)

// patience is how long a process may take to be ready or to end.
const patience = 30 * time.Second

// gatehouse is the binary as it ships, serving.
type gatehouse struct {
	url     string
	ready   time.Duration // from the start of the process to the first good answer of /readyz
	process *exec.Cmd
	log     *os.File
}

var built string // the folder that binary made

// binary builds the program as it ships, once in a run.
var binary = sync.OnceValues(func() (path string, err error) {
	if built, err = os.MkdirTemp("", "gatehouse-bench"); err != nil {
		return "", err
	}
	path = filepath.Join(built, "gatehouse")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return path, fmt.Errorf("build gatehouse: %w\n%s", err, output)
	}
	return path, nil
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
	address := freeAddress(t)
	_, port, err := net.SplitHostPort(address)
	check(t, err)
	g := &gatehouse{url: "http://localhost:" + port, process: exec.Command(program, "serve")}
	g.log, err = os.CreateTemp(t.TempDir(), "log")
	check(t, err)
	g.process.Stdout, g.process.Stderr = g.log, g.log
	g.process.Env = append(os.Environ(), "GATEHOUSE_LOG=json", "GATEHOUSE_URL="+g.url, "GATEHOUSE_LISTEN="+address,
		"GATEHOUSE_METRICS_LISTEN="+freeAddress(t), "GATEHOUSE_DATABASE="+on.database,
		"GATEHOUSE_MASTER_KEY="+base64.StdEncoding.EncodeToString(on.masterKey))
	began := time.Now()
	check(t, g.process.Start())
	for !g.isReady() {
		if time.Since(began) > patience {
			g.stop(t)
			t.Fatalf("gatehouse is not ready: %s", g.said())
		}
		time.Sleep(time.Millisecond)
	}
	g.ready = time.Since(began)
	return g
}

func (g *gatehouse) isReady() bool {
	answer, err := http.Get(g.url + "/readyz")
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err == nil && answer.StatusCode == http.StatusOK
}

// stop ends it, which must go well.
func (g *gatehouse) stop(t testing.TB) {
	t.Helper()
	check(t, g.process.Process.Signal(syscall.SIGTERM))
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	context.AfterFunc(ctx, func() {
		if ctx.Err() == context.DeadlineExceeded {
			_ = g.process.Process.Kill()
		}
	})
	if err := g.process.Wait(); err != nil {
		t.Errorf("gatehouse ended with %v: %s", err, g.said())
	}
}

func (g *gatehouse) said() string {
	text, err := os.ReadFile(g.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// resident is how much memory it has, in MB of 2^20 bytes.
func (g *gatehouse) resident(t testing.TB) float64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.process.Process.Pid))
	check(t, err)
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kilobytes float64
	_, err = fmt.Sscan(rest, &kilobytes)
	check(t, err)
	return kilobytes / 1024
}

// freeAddress is an address of loopback on which nobody listened when it was asked for.
func freeAddress(t testing.TB) string {
	t.Helper()
	address, err := porttest.Address()
	check(t, err)
	return address
}
