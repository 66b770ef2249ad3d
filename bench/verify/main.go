// Command verify measures POST /v1/keys/verify of the real binary, as shipped with its logs and metrics, against a bare net/http handler
// that reads the same body and answers the same status, headers and bytes. Both are processes of their own on this machine, and wrk asks
// both.
//
// They do the same job when one answer of each agrees in status, headers and body, but for the date and the request's id.
//
//	go run ./bench/verify
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/bench"
)

const (
	seconds     = 5 // of one measurement
	connections = 32
)

func main() {
	var err error
	if len(os.Args) == 3 && os.Args[1] == "bare" {
		err = serveBare(os.Args[2], os.Stdin) // until it is interrupted
	} else {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		err = run(ctx, func(c bench.Comparison) error { return c.Measure(os.Stdout) })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
		os.Exit(1)
	}
}

// run starts both servers and takes the comparison of them.
func run(ctx context.Context, take func(bench.Comparison) error) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	folder, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	gatehouse, err := startGatehouse(ctx, folder)
	if err != nil {
		return err
	}
	defer gatehouse.stop()
	sample, err := gatehouse.ask(ctx)
	if err != nil {
		return err
	}
	bare, err := startBare(ctx, gatehouse, sample)
	if err != nil {
		return err
	}
	defer bare.stop()
	script, err := gatehouse.wrkScript(folder)
	if err != nil {
		return err
	}
	return take(bench.Comparison{
		Title:   "Checks of an API key",
		Against: fmt.Sprintf("two processes asked by wrk with %d connections for %d s, every answer %d with %d bytes", connections, seconds, sample.Status, len(sample.Body)),
		Unit:    "/s",
		Same:    func() error { return bare.answersLike(ctx, sample) },
		Sides: []bench.Side{
			{Name: "bare net/http, same body, status and headers", Run: func() (float64, error) { return bare.load(ctx, script) }},
			{Name: "POST /v1/keys/verify, as shipped", Run: func() (float64, error) { return gatehouse.load(ctx, script) }, Expect: ">= 0.6 of the bare rate"},
		},
	})
}

// answersLike returns an error when the server's answer differs from the sample in anything that counts.
func (s *server) answersLike(ctx context.Context, sample answer) error {
	other, err := s.ask(ctx)
	if err != nil {
		return err
	}
	if difference := sample.differsFrom(other); difference != "" {
		return errors.New(difference)
	}
	return nil
}

// answer is what a server said.
type answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// differsFrom says in what two answers differ, "" when in nothing that counts.
func (a answer) differsFrom(b answer) string {
	varies := func(name string, _ []string) bool { return name == "Date" || name == "X-Request-Id" }
	ours, theirs := a.Header.Clone(), b.Header.Clone()
	for _, name := range []string{"Date", "X-Request-Id"} {
		if len(a.Header.Get(name)) != len(b.Header.Get(name)) {
			return name + " is longer in one"
		}
	}
	maps.DeleteFunc(ours, varies)
	maps.DeleteFunc(theirs, varies)
	switch {
	case a.Status != b.Status:
		return fmt.Sprintf("status %d and %d", a.Status, b.Status)
	case !bytes.Equal(a.Body, b.Body):
		return fmt.Sprintf("bodies %q and %q", a.Body, b.Body)
	case !maps.EqualFunc(ours, theirs, slices.Equal):
		return fmt.Sprintf("headers %v and %v", ours, theirs)
	}
	return ""
}

// serveBare is the other side of the comparison: it reads the body and answers what it was told on standard input.
func serveBare(address string, told io.Reader) error {
	var same answer
	if err := json.NewDecoder(told).Decode(&same); err != nil {
		return err
	}
	for _, name := range []string{"Date", "Content-Length"} {
		same.Header.Del(name) // net/http writes them
	}
	return http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		maps.Copy(w.Header(), same.Header)
		w.WriteHeader(same.Status)
		_, _ = w.Write(same.Body)
	}))
}

// build makes the binary that is measured.
func build(ctx context.Context, folder string) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	binary := filepath.Join(folder, "gatehouse")
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	command.Dir, command.Stderr = strings.TrimSpace(string(root)), os.Stderr
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("build gatehouse: %w", err)
	}
	return binary, nil
}
