// Command mutation takes away, one at a time, the rules that sign-ins, sessions and keys are judged by, and sees which test misses each.
//
//	go run ./bench/mutation [-only regexp] [-workers n]
//
// A rule is a condition that leads to a refusal (or, the other way round, to an early yes), each operand of it that could be left out, an
// entry of a table of rules, something collected to be judged, or an answer handed on from another rule. Each package is built once, from
// an overlay in which every rule asks a variable of the environment whether it is still there; the tree itself is not touched. Its tests
// then run for every rule that matters to them, up to the first that fails; go test runs nothing of it. Rules that only choose words for
// people are left alone.
//
// It prints a line for every rule: its place, what was taken away, and the test that missed it, or SURVIVED. A survivor is a test that is
// missing, or a second lock on a door that another rule shuts: those are few, and explained.go says of each why it stays. The status is 1
// if any is not explained, or an explanation is no longer needed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// judged are the files that judge; the tests beside them should miss what is taken away.
var judged = []target{
	{folder: "trust", files: []string{"address.go", "decide.go", "identity.go"}},
	{folder: "saml", files: []string{"guard.go", "guard_response.go", "guard_assertion.go", "guard_signature.go", "guard_encryption.go", "guard_words.go",
		"guard_tree.go", "read.go", "verify.go", "decrypt.go", "library.go", "sp.go"}},
	{folder: "broker", files: []string{"finish.go", "handshake.go"}},
	{folder: "access", files: []string{"enter.go", "roles.go", "plans.go", "keyroles.go", "idproles.go"}},
	{folder: "gate", files: []string{"check.go"}, tests: "Key|Right|Caller|Rate|K0|K1"},
	{folder: "store", files: []string{"enforcement.go"}, tests: "Enforcement", postgres: true},
}

// wordsAlone are functions that choose words for people and decide nothing.
var wordsAlone = []string{"clock", "stamp", "drift", "partsOf", "algorithmsOf", "signer"}

type target struct {
	folder string
	files  []string
	tests  string // those that are about these files, where the package has many others; "" for all

	postgres bool // its tests run on PostgreSQL too
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	only := flag.String("only", "", "take away only what matches this regular expression, as in -only 'trust.judgeTimes'")
	workers := flag.Int("workers", runtime.NumCPU(), "how many test binaries run at once")
	flag.Parse()
	wanted, err := regexp.Compile(*only)
	if err == nil {
		err = run(ctx, os.Stdout, wanted, *workers)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, wanted *regexp.Regexp, workers int) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "gatehouse-mutation-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	began, total := time.Now(), tally{reasons: map[string]bool{}}
	for _, t := range judged {
		mutants, overlay, err := prepare(root, filepath.Join(scratch, t.folder), t)
		if err != nil {
			return err
		}
		mutants = matching(mutants, wanted)
		if len(mutants) == 0 {
			continue
		}
		tests, err := build(ctx, root, filepath.Join(scratch, t.folder), overlay, t)
		if err != nil {
			return err
		}
		tests.hunt(ctx, mutants, workers)
		for _, m := range mutants {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case killer := <-m.killer:
				total.add(out, m, killer)
			}
		}
	}
	return total.print(out, time.Since(began), wanted.String() == "")
}

// moduleRoot is the folder with go.mod, here or above.
func moduleRoot() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		if folder == filepath.Dir(folder) {
			return "", errors.New("no go.mod here or above")
		}
	}
}

func matching(mutants []mutant, wanted *regexp.Regexp) []mutant {
	var kept []mutant
	for _, m := range mutants {
		if wanted.MatchString(m.String()) {
			kept = append(kept, m)
		}
	}
	return kept
}

// tally counts what became of the mutants.
type tally struct {
	killed, explained, survived int
	reasons                     map[string]bool // explanations that were needed
}

func (t *tally) add(out io.Writer, m mutant, killer string) {
	verdict := "killed by " + killer
	reason, known := explained[m.String()]
	switch {
	case killer != "":
		t.killed++
	case known:
		t.explained++
		t.reasons[m.String()] = true
		verdict = "SURVIVED, as it may: " + reason
	default:
		t.survived++
		verdict = "SURVIVED"
	}
	fmt.Fprintf(out, "%s\t%s\t%s\n", m.place, m, verdict)
}

func (t *tally) print(out io.Writer, took time.Duration, whole bool) error {
	fmt.Fprintf(out, "\n%d rules taken away one at a time: %d missed by a test, %d not missed and explained, %d not missed; %s on %d cores, %s\n",
		t.killed+t.explained+t.survived, t.killed, t.explained, t.survived, took.Round(time.Second), runtime.NumCPU(), runtime.Version())
	var stale []string
	for name := range explained {
		if whole && !t.reasons[name] {
			stale = append(stale, name)
		}
	}
	if len(stale) > 0 {
		return fmt.Errorf("explained, yet missed by a test or gone: %s", strings.Join(stale, "; "))
	}
	if t.survived > 0 {
		return fmt.Errorf("%d rules can be taken away unnoticed", t.survived)
	}
	return nil
}
