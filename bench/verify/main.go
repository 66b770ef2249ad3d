// Command verify measures POST /v1/keys/verify of the real binary, as shipped with its logs and metrics, against a bare net/http handler
// that reads the same body and answers the same status, headers and bytes. Both are processes of their own on this machine, wrk asks
// both, five times in turn, and the medians and their ratio are printed.
//
// It prints no ratio before it has seen that both do the same job: one answer of each must agree in status, headers and body, but for
// the date and the request's id.
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
	"runtime"
	"slices"
	"strings"
)

const (
	rounds      = 5
	seconds     = 5 // of one measurement
	connections = 32
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if len(os.Args) == 3 && os.Args[1] == "bare" {
		err = serveBare(os.Args[2], os.Stdin)
	} else {
		err = run(ctx, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
		os.Exit(1)
	}
}

// run starts both servers, compares one answer of each, measures and prints.
func run(ctx context.Context, out io.Writer) (err error) {
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
	other, err := bare.ask(ctx)
	if err != nil {
		return err
	}
	if difference := sample.differsFrom(other); difference != "" {
		return fmt.Errorf("these are two different jobs, so there is no ratio: %s", difference)
	}
	script, err := gatehouse.wrkScript(folder)
	if err != nil {
		return err
	}
	return measure(ctx, out, script, sample, gatehouse, bare)
}

// measure asks both in turn.
func measure(ctx context.Context, out io.Writer, script string, sample answer, gatehouse, bare *server) error {
	fmt.Fprintf(out, "%d cores, %s, wrk with %d connections for %d s, %d rounds in turn; every answer %d with %d bytes\n",
		runtime.NumCPU(), runtime.Version(), connections, seconds, rounds, sample.Status, len(sample.Body))
	var ours, theirs []float64
	for round := range rounds {
		for _, each := range []struct {
			server *server
			rates  *[]float64
		}{{gatehouse, &ours}, {bare, &theirs}} {
			rate, err := each.server.load(ctx, script)
			if err != nil {
				return err
			}
			*each.rates = append(*each.rates, rate)
		}
		fmt.Fprintf(out, "round %d: %8.0f /s  %8.0f /s\n", round+1, ours[round], theirs[round])
	}
	fmt.Fprintf(out, "\n%-44s %12s %7s\n", "", "median", "ratio")
	fmt.Fprintf(out, "%-44s %10.0f/s %7.2f\n", "POST /v1/keys/verify, as shipped", median(ours), median(ours)/median(theirs))
	fmt.Fprintf(out, "%-44s %10.0f/s %7.2f\n", "bare net/http, same body, status and headers", median(theirs), 1.0)
	return nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
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
	command := exec.CommandContext(ctx, "go", "build", "-o", binary, ".")
	command.Dir, command.Stderr = strings.TrimSpace(string(root)), os.Stderr
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("build gatehouse: %w", err)
	}
	return binary, nil
}
