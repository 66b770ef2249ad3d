// Package e2e tests Gatehouse the way people and programs meet it: the real
// binary, a real browser, an identity provider that nobody here wrote, real
// DNS, real PostgreSQL.
//
// It finds things on a page by role and name, as a screen reader does, and
// never by CSS class. It waits for conditions, never for time to pass. It
// holds no mock of our own code and reaches into no table: what it knows it
// has seen on a page, in an HTTP answer or in the log.
//
// Where the machine lacks a component the tests that need it say so and are
// not counted as passed; where CI=true they fail. Pictures and logs of a run
// are left in artefacts/, which git ignores.
package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/pgtest"
	"github.com/gatehouse-sso/gatehouse/porttest"
)

const (
	patience = 20 * time.Second // how long a condition may take to come true
	interval = 25 * time.Millisecond
)

// Main runs the tests of a package that uses the harness and stops what they
// share: the browser, Keycloak and the PostgreSQL cluster. It returns the exit code.
func Main(m *testing.M) int {
	defer removeBinary()
	defer printTally()
	defer stopKeycloak()
	defer stopBrowser()
	return pgtest.Main(m)
}

// eventually asks until the condition holds or patience ends, and returns the
// last reason why it does not hold.
func eventually(condition func() error) error {
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		err := condition()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		<-tick.C
	}
}

// requireProgram finds a program of the machine, or ends the test: excused
// where it is missing, unless CI=true.
func requireProgram(t testing.TB, component string, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, component, strings.Join(names, " or "))
	return ""
}

// missing ends the test because a real component is not on this machine.
func missing(t testing.TB, component, looked string) {
	t.Helper()
	text := fmt.Sprintf("NOT TESTED WITH %s: looked for %s", strings.ToUpper(component), looked)
	if os.Getenv("CI") == "true" {
		t.Fatal(text)
	}
	fmt.Fprintf(os.Stderr, "\n*** %s: %s\n\n", t.Name(), text)
	t.Skip(text)
}

// freePort returns a TCP port of 127.0.0.1 that was free when it was asked for.
func freePort(t testing.TB) string {
	t.Helper()
	address, err := porttest.Address()
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// emptied are the tests from whose folders this run has removed what an
// earlier one left: an old picture of a failure would mislead.
var emptied sync.Map

// artefact returns the path, in a folder of its own per test, of something
// that the run leaves behind for people to look at.
func artefact(t testing.TB, name string) string {
	t.Helper()
	all := filepath.Join(sourceFolder(), "artefacts")
	test, _, _ := strings.Cut(t.Name(), "/")
	if _, found := emptied.LoadOrStore(test, true); !found {
		if err := os.RemoveAll(filepath.Join(all, test)); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(all, filepath.FromSlash(t.Name()), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// sourceFolder is where this package's source is: e2e/ of the module in which
// the tests run, whatever flags they were built with.
var sourceFolder = sync.OnceValue(func() string {
	start, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	for folder := start; ; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return filepath.Join(folder, "e2e")
		}
		if folder == filepath.Dir(folder) {
			panic("there is no go.mod above " + start)
		}
	}
})
