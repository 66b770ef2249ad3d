package gate

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gatehouse-sso/gatehouse/store"
)

// hosts are all hosts of the installation, read again as soon as one has changed. They are few, and strangers choose the names that we are
// asked for: what is not here costs no look into the database.
type hosts struct {
	store *store.Store
	turn  atomic.Int64 // counts the times that something may have changed
	known atomic.Pointer[knownHosts]
	mu    sync.Mutex // held while they are read
}

type knownHosts struct {
	turn   int64
	byName map[string]store.Host
	byID   map[string]store.Host
	names  map[string]bool // without ports
}

func (h *hosts) forget(changes []store.Change) {
	for _, change := range changes {
		switch change.Kind {
		case store.ChangedHost, store.ChangedProject, store.ChangedEverything:
			h.forgetAll()
			return
		}
	}
}

func (h *hosts) forgetAll() { h.turn.Add(1) }

// all are the hosts as they are now.
func (h *hosts) all(ctx context.Context) (*knownHosts, error) {
	if known := h.known.Load(); known != nil && known.turn == h.turn.Load() {
		return known, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	turn := h.turn.Load()
	if known := h.known.Load(); known != nil && known.turn == turn {
		return known, nil
	}
	list, err := h.store.AllHosts(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the hosts: %w", err)
	}
	known := &knownHosts{turn: turn, byName: make(map[string]store.Host, len(list)), byID: make(map[string]store.Host, len(list)), names: make(map[string]bool, len(list))}
	for _, host := range list {
		name, _, _ := strings.Cut(host.Name, ":")
		known.names[name] = true
		known.byName[host.Name], known.byID[host.ID] = host, host
	}
	h.known.Store(known)
	return known, nil
}

// Host is the registered host of that name, as a request's Host header has it in the scheme of our own address; false where there is none.
func (g *Gate) Host(ctx context.Context, name string) (store.Host, bool, error) {
	known, err := g.hosts.all(ctx)
	if err != nil {
		return store.Host{}, false, err
	}
	host, found := known.byName[strings.ToLower(name)]
	return host, found, nil
}

// NamesHost reports whether a host is registered under that name, without a port, on whichever port.
func (g *Gate) NamesHost(ctx context.Context, name string) (bool, error) {
	known, err := g.hosts.all(ctx)
	if err != nil {
		return false, err
	}
	return known.names[strings.ToLower(name)], nil
}

// HostByID is the registered host with that id; false where there is none.
func (g *Gate) HostByID(ctx context.Context, id string) (store.Host, bool, error) {
	known, err := g.hosts.all(ctx)
	if err != nil {
		return store.Host{}, false, err
	}
	host, found := known.byID[id]
	return host, found, nil
}
