// Package pgtest gives tests a real PostgreSQL: a private cluster in a
// temporary folder, started from the machine's own binaries on the first use
// and gone when the test binary ends.
//
// A package that wants it has
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
//
// and each test asks for a database of its own with Database(t). Where the
// machine has no PostgreSQL the test says so and is not counted as passed;
// where CI=true that is a failure, so that a build server cannot quietly
// test half of the product.
//
// It is never a mock, never touches a server that it did not start, and
// trades durability for speed, unless told Durable: what it holds is worth
// nothing.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrMissing says that the machine has no PostgreSQL server binaries.
var ErrMissing = errors.New("no PostgreSQL on this machine: looked for initdb and postgres in /usr/lib/postgresql/*/bin and on PATH")

var shared struct {
	managed bool // Main is running the tests and will stop the cluster
	durable bool
	start   sync.Once
	cluster *cluster
	err     error
	count   atomic.Int64
}

// Main runs the tests, then stops the cluster if any test started it. It
// returns the exit code for os.Exit.
func Main(m *testing.M) int { return Around(m.Run) }

// Around is Main for a TestMain that runs its tests in a way of its own.
func Around(run func() int) int {
	shared.managed = true
	code := run()
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		return max(code, 1)
	}
	return code
}

// Durable makes the cluster keep what it has acknowledged, as in production and
// at its price: for measurements. It is called before Main.
func Durable() { shared.durable = true }

// Serve starts a cluster for a program that is no test and makes an empty
// database in it. The program calls stop before it ends.
func Serve() (address string, stop func() error, err error) {
	c, err := startCluster()
	if err != nil {
		return "", nil, err
	}
	if err := c.execute("CREATE DATABASE measured"); err != nil {
		return "", nil, errors.Join(err, c.stop())
	}
	return c.address("measured"), c.stop, nil
}

// Database makes an empty database and returns its address as
// postgres://user@127.0.0.1:port/name?sslmode=disable. It goes with the
// cluster: dropping each one costs a checkpoint.
func Database(t testing.TB) string {
	t.Helper()
	return create(t, "template1")
}

// A Template is a database that is prepared once in a test binary and then
// copied, which is a good deal quicker than preparing each.
type Template struct {
	Prepare func(address string) error // leaves no connection open
	once    sync.Once
	err     error
}

// Database makes a copy of the prepared database. It is otherwise like
// [Database].
func (p *Template) Database(t testing.TB) string {
	t.Helper()
	start(t)
	name := fmt.Sprintf("template_%p", p)
	p.once.Do(func() {
		if p.err = shared.cluster.execute("CREATE DATABASE " + name); p.err == nil {
			p.err = p.Prepare(shared.cluster.address(name))
		}
	})
	if p.err != nil {
		t.Fatalf("pgtest: prepare a database: %v", p.err)
	}
	return create(t, name)
}

// start starts the cluster if no test has done so yet.
func start(t testing.TB) {
	t.Helper()
	if !shared.managed {
		t.Fatal("pgtest: TestMain of this package must call pgtest.Main, so that the cluster is stopped")
	}
	shared.start.Do(func() { shared.cluster, shared.err = startCluster() })
	if shared.err != nil {
		Refuse(t, shared.err)
	}
}

func create(t testing.TB, template string) string {
	t.Helper()
	start(t)
	name := fmt.Sprintf("test_%d", shared.count.Add(1))
	if err := shared.cluster.execute("CREATE DATABASE " + name + " TEMPLATE " + template); err != nil {
		t.Fatalf("pgtest: make database: %v", err)
	}
	return shared.cluster.address(name)
}

// Refuse ends a test for which there is no cluster: a machine without PostgreSQL
// is excused outside CI, a PostgreSQL that does not start never is.
func Refuse(t testing.TB, err error) {
	t.Helper()
	if !errors.Is(err, ErrMissing) || os.Getenv("CI") == "true" {
		t.Fatalf("pgtest: %v", err)
	}
	fmt.Fprintf(os.Stderr, "\n*** NOT TESTED ON POSTGRESQL: %s: %v\n\n", t.Name(), err)
	t.Skip("NOT TESTED ON POSTGRESQL: ", err)
}

func stop() error {
	if shared.cluster == nil {
		return nil
	}
	return shared.cluster.stop()
}

func (c *cluster) address(database string) string {
	address := url.URL{
		Scheme: "postgres", User: url.User(owner), Host: c.host, Path: "/" + database,
		RawQuery: "sslmode=disable",
	}
	return address.String()
}

// execute runs one statement in the maintenance database.
func (c *cluster) execute(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	connection, err := pgx.Connect(ctx, c.address("postgres"))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer connection.Close(ctx)
	_, err = connection.Exec(ctx, statement)
	return err
}
