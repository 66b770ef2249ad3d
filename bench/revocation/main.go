// Command revocation measures how long after a key was revoked every node refuses it: three nodes of the real binary on one PostgreSQL that
// keeps what it acknowledges, checking 5,000 keys a second in all meanwhile. A delay ends with the first answer of a node, asked without a
// pause, that the key is revoked; it begins when the revocation was committed.
//
// Then one node is cut off from the database, by a relay that lets nothing pass and tells nobody, and it is measured until when that node
// still lets the key through, which was revoked on another node meanwhile, and from when after the end of the cut it decides again.
//
//	go run ./bench/revocation
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"runtime"

	"github.com/gatehouse-sso/gatehouse/bench"
	"github.com/gatehouse-sso/gatehouse/pgtest"
	"github.com/gatehouse-sso/gatehouse/porttest"
)

var (
	program     = flag.String("program", "", "a binary that is built already")
	revocations = flag.Int("revocations", 200, "to measure")
	checks      = flag.Int("checks", 5000, "a second, on all nodes together")

	cuts = 5
)

const (
	nodes = 3
	live  = 100 // keys that are checked and not revoked
)

func main() {
	bench.Main(run)
}

func run(ctx context.Context, folder string) (err error) {
	i, err := install(ctx, folder)
	defer func() { err = errors.Join(err, i.remove()) }()
	if err != nil {
		return err
	}
	fmt.Printf("\nRevocation on %d nodes; PostgreSQL with fsync, %d cores, %s %s/%s\n", nodes, runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if err := i.revokeUnderLoad(ctx); err != nil {
		return err
	}
	return i.cutOff(ctx)
}

// installation is a database and the nodes on it. The last one reaches it through the relay.
type installation struct {
	owner *bench.Owner
	relay *porttest.Relay
	nodes []*bench.Process
	stops []func() error // the latest first
}

func (i *installation) remove() error {
	var problems []error
	for at := len(i.stops) - 1; at >= 0; at-- {
		problems = append(problems, i.stops[at]())
	}
	return errors.Join(problems...)
}

func install(ctx context.Context, folder string) (i *installation, err error) {
	i = &installation{}
	binary := *program
	if binary == "" {
		if binary, err = bench.Build(ctx, folder); err != nil {
			return i, err
		}
	}
	pgtest.Durable()
	database, stop, err := pgtest.Serve()
	if err != nil {
		return i, err
	}
	i.stops = append(i.stops, stop)
	relayed, err := url.Parse(database)
	if err != nil {
		return i, err
	}
	if i.relay, err = porttest.NewRelay(relayed.Host); err != nil {
		return i, err
	}
	i.stops = append(i.stops, i.relay.Close)
	relayed.Host = i.relay.Address()
	masterKey := bench.NewMasterKey()
	if i.owner, err = bench.Prepare(ctx, database, masterKey); err != nil {
		return i, err
	}
	i.stops = append(i.stops, i.owner.Store.Close)
	for n := range nodes {
		address := database
		if n == nodes-1 {
			address = relayed.String()
		}
		node, err := bench.Start(ctx, binary, folder, address, masterKey)
		if err != nil {
			return i, fmt.Errorf("node %d: %w", n+1, err)
		}
		i.nodes = append(i.nodes, node)
		i.stops = append(i.stops, node.Stop)
	}
	return i, nil
}

// asked is a key and the question about it.
type asked struct {
	id       string
	question bench.Question
}

func (i *installation) newKeys(ctx context.Context, name string, count int) (keys []asked, err error) {
	for n := range count {
		key, text, err := i.owner.Key(ctx, fmt.Sprintf("%s %d", name, n))
		if err != nil {
			return nil, err
		}
		keys = append(keys, asked{key.ID, bench.Verify(text.Reveal())})
	}
	return keys, nil
}

func line(format string, arguments ...any) { fmt.Fprintf(os.Stdout, "  "+format+"\n", arguments...) }
