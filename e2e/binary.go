package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stopLimit is how long a told process may take to end: it gives requests in
// flight ten seconds.
const stopLimit = 15 * time.Second

var built struct {
	once   sync.Once
	folder string
	err    error
}

// Gatehouse is the real program, serving.
type Gatehouse struct {
	URL string // http://localhost:port

	t           testing.TB
	listen      string // 127.0.0.1:port
	logName     string
	program     string
	environment []string
	process     *exec.Cmd
	exited      chan error
	output      recording // standard output of all runs: what is told to the operator
	log         recording // standard error of all runs

	mu      sync.Mutex
	secrets []string
}

// StartGatehouse builds the program once per run, starts it with the settings
// and returns when it is ready. Unless told otherwise it listens on a free
// port of loopback, keeps its data in SQLite in a temporary folder, and may
// reach identity providers on loopback. When the test ends it is stopped, must
// end by itself with code 0, and must not have logged a secret that the test
// named with Secret.
func StartGatehouse(t testing.TB, settings map[string]string) *Gatehouse {
	t.Helper()
	program := binary(t)
	port := freePort(t)
	g := &Gatehouse{t: t, program: program, URL: "http://localhost:" + port, listen: "127.0.0.1:" + port, logName: "gatehouse.log"}
	values := map[string]string{
		"GATEHOUSE_URL":          g.URL,
		"GATEHOUSE_LISTEN":       g.listen,
		"GATEHOUSE_DATABASE":     "sqlite:" + filepath.Join(t.TempDir(), "gatehouse.db"),
		"GATEHOUSE_EGRESS_ALLOW": "127.0.0.0/8,::1/128",
		"GATEHOUSE_LOG":          "json",
	}
	if strings.HasPrefix(settings["GATEHOUSE_DATABASE"], "postgres") {
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails
		values["GATEHOUSE_MASTER_KEY"] = base64.StdEncoding.EncodeToString(key)
	}
	for name, value := range settings {
		values[name] = value
	}
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		values[name] = os.Getenv(name)
	}
	for name, value := range values {
		g.environment = append(g.environment, name+"="+value)
	}
	if key := values["GATEHOUSE_MASTER_KEY"]; key != "" {
		g.Secret(key)
	}
	t.Cleanup(g.finish)
	g.Start()
	return g
}

// Beside starts a second process on the same data and under the same public
// address, as behind a load balancer. A Visitor of it reaches it alone.
func (g *Gatehouse) Beside() *Gatehouse {
	g.t.Helper()
	listen := "127.0.0.1:" + freePort(g.t)
	other := &Gatehouse{
		t: g.t, program: g.program, URL: g.URL, listen: listen, logName: "gatehouse beside.log",
		environment: append(slices.Clone(g.environment), "GATEHOUSE_LISTEN="+listen),
	}
	g.t.Cleanup(other.finish)
	other.Start()
	return other
}

// Start starts the program, again after Stop or Kill, on the same data and at
// the same address.
func (g *Gatehouse) Start() {
	g.t.Helper()
	g.process = exec.Command(g.program, "serve")
	g.process.Env = g.environment
	g.process.Stdout, g.process.Stderr = &g.output, &g.log
	if err := g.process.Start(); err != nil {
		g.t.Fatalf("start gatehouse: %v", err)
	}
	g.exited = make(chan error, 1)
	go func(process *exec.Cmd, exited chan<- error) { exited <- process.Wait() }(g.process, g.exited)
	err := eventually(func() error {
		select {
		case err := <-g.exited:
			g.exited <- err
			g.t.Fatalf("gatehouse ended instead of serving: %v\n%s%s", err, g.output.String(), g.log.String())
		default:
		}
		_, err := get("http://" + g.listen + "/readyz")
		return err
	})
	if err != nil {
		g.t.Fatalf("gatehouse is not ready: %v\n%s%s", err, g.output.String(), g.log.String())
	}
}

// Stop tells the program to end and waits until it has, with code 0.
func (g *Gatehouse) Stop() {
	g.t.Helper()
	if g.process == nil {
		return
	}
	process := g.process
	g.process = nil
	_ = process.Process.Signal(syscall.SIGTERM) // an error shows in how it ended
	select {
	case err := <-g.exited:
		if err != nil {
			g.t.Errorf("gatehouse ended with %v, want code 0\n%s", err, g.log.String())
		}
	case <-time.After(stopLimit):
		_ = process.Process.Kill()
		g.t.Errorf("gatehouse did not end within %s of SIGTERM", stopLimit)
	}
}

// Kill ends the program without warning, as a power failure would.
func (g *Gatehouse) Kill() {
	g.t.Helper()
	if err := g.process.Process.Kill(); err != nil {
		g.t.Fatalf("kill gatehouse: %v", err)
	}
	<-g.exited
	g.process = nil
}

// Run runs another command of the program on the same settings and returns
// what it printed. It must end with code 0.
func (g *Gatehouse) Run(arguments ...string) string {
	g.t.Helper()
	command := exec.Command(g.program, arguments...)
	command.Env = g.environment
	output, err := command.Output()
	if err != nil {
		var exit *exec.ExitError
		errors.As(err, &exit)
		g.t.Fatalf("gatehouse %s: %v\n%s%s", strings.Join(arguments, " "), err, output, exit.Stderr)
	}
	return string(output)
}

// Secret names texts (passwords, keys, tokens, codes, assertions) that may
// stand in no log line. Empty ones are ignored.
func (g *Gatehouse) Secret(texts ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, text := range texts {
		if text != "" {
			g.secrets = append(g.secrets, text)
		}
	}
}

// Log returns what has been logged so far.
func (g *Gatehouse) Log() string { return g.log.String() }

// firstRunLink is where the first owner begins, as serve prints it.
var firstRunLink = regexp.MustCompile(`(http://localhost:\d+/welcome/\S+)`)

// Printed waits until the program has printed something that matches to its
// standard output and returns the first group of the newest match.
func (g *Gatehouse) Printed(pattern *regexp.Regexp) (found string) {
	g.t.Helper()
	err := eventually(func() error {
		matches := pattern.FindAllStringSubmatch(g.output.String(), -1)
		if len(matches) == 0 {
			return fmt.Errorf("gatehouse printed nothing like %s", pattern)
		}
		found = matches[len(matches)-1][1]
		return nil
	})
	if err != nil {
		g.t.Fatalf("%v but:\n%s", err, g.output.String())
	}
	return found
}

// finish stops the program, keeps its log, and looks for secrets in it.
func (g *Gatehouse) finish() {
	g.Stop()
	log := g.log.String()
	if err := os.WriteFile(artefact(g.t, g.logName), []byte(log), 0o644); err != nil {
		g.t.Error(err)
	}
	for _, line := range spilled(log, g.secrets) {
		g.t.Errorf("a secret is in the log: %s", line)
	}
}

// spilled returns the lines that hold one of the secrets, in clear or in the
// base64 in which browsers post it.
func spilled(log string, secrets []string) (lines []string) {
	for line := range strings.Lines(log) {
		for _, secret := range secrets {
			if strings.Contains(line, secret) || strings.Contains(line, base64.StdEncoding.EncodeToString([]byte(secret))) {
				lines = append(lines, line)
				break
			}
		}
	}
	return lines
}

// binary builds the program, once per run, without C as it is released: under the race detector, too, what a build or a check before
// has compiled is used.
func binary(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.folder, built.err = os.MkdirTemp("", "gatehouse-e2e"); built.err != nil {
			return
		}
		build := exec.Command("go", "build", "-o", filepath.Join(built.folder, "gatehouse"), ".")
		build.Dir = filepath.Dir(sourceFolder())
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if output, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w\n%s", err, output)
		}
	})
	if built.err != nil {
		t.Fatalf("build gatehouse: %v", built.err)
	}
	return filepath.Join(built.folder, "gatehouse")
}

func removeBinary() {
	if built.folder != "" {
		_ = os.RemoveAll(built.folder)
	}
}

// recording keeps what a process writes while others read it.
type recording struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *recording) Write(text []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(text)
}

func (r *recording) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}
