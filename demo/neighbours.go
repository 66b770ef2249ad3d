package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	portTries  = 20               // ports that are tried from the preferred one on, before any free one
	lastAnswer = 2 * time.Second  // for requests in flight at the end
	headerWait = 10 * time.Second // for a request's headers
)

// neighbours are what stands around Gatehouse, each listening already.
type neighbours struct {
	idp   *IdentityProvider
	api   *API
	names *NameServer

	idpListener, apiListener net.Listener
	packets                  net.PacketConn
	streams                  net.Listener
}

// meet makes the neighbours of the Gatehouse at the address, which need not be
// there yet, and has them listen on loopback.
func meet(gatehouse *url.URL, people []Person, log *slog.Logger) (n *neighbours, err error) {
	n = &neighbours{names: new(NameServer)}
	defer func() {
		if err != nil {
			n.leave()
		}
	}()
	if n.api, err = NewAPI(gatehouse.String()); err != nil {
		return nil, err
	}
	if n.idpListener, err = listen(8081); err != nil {
		return nil, err
	}
	if n.apiListener, err = listen(8082); err != nil {
		return nil, err
	}
	if err = n.listenForNames(); err != nil {
		return nil, err
	}
	if n.idp, err = NewIdentityProvider(localURL(n.idpListener), people, log); err != nil {
		return nil, err
	}
	return n, nil
}

// listenForNames takes one port for both of DNS's transports.
func (n *neighbours) listenForNames() (err error) {
	for range portTries {
		if n.streams, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return fmt.Errorf("listen for DNS: %w", err)
		}
		if n.packets, err = net.ListenPacket("udp", n.streams.Addr().String()); err == nil {
			return nil
		}
		n.streams.Close()
	}
	return fmt.Errorf("listen for DNS: %w", err)
}

// serve answers for all of them until ctx ends, and closes what meet opened.
func (n *neighbours) serve(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return serveHTTP(ctx, n.idpListener, n.idp.Handler()) })
	group.Go(func() error { return serveHTTP(ctx, n.apiListener, n.api.Handler()) })
	group.Go(func() error { return n.names.Serve(ctx, n.packets, n.streams) })
	return group.Wait()
}

// leave closes what is open; for neighbours that never came to serve.
func (n *neighbours) leave() {
	for _, listener := range []net.Listener{n.idpListener, n.apiListener, n.streams} {
		if listener != nil {
			listener.Close()
		}
	}
	if n.packets != nil {
		n.packets.Close()
	}
}

func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerWait}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastAnswer)
		defer cancel()
		if err := server.Shutdown(ending); err != nil {
			stopped <- server.Close()
			return
		}
		stopped <- nil
	})
	err := server.Serve(listener)
	if stop() { // it ended before it was told to
		return err
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, <-stopped)
}

// listen takes the preferred port of loopback, or the next free one.
func listen(preferred int) (net.Listener, error) {
	for port := preferred; port < preferred+portTries; port++ {
		if takenOnIPv6(port) {
			continue
		}
		if listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return listener, nil
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	return listener, nil
}

// takenOnIPv6 says whether somebody answers for localhost over IPv6, which
// browsers try first, so that 127.0.0.1 would never be reached by that name.
func takenOnIPv6(port int) bool {
	connection, err := net.DialTimeout("tcp", net.JoinHostPort("::1", strconv.Itoa(port)), time.Second)
	if err != nil {
		return false
	}
	connection.Close()
	return true
}

// localURL is the listener's address as people and browsers use it.
func localURL(listener net.Listener) *url.URL {
	_, port, _ := net.SplitHostPort(listener.Addr().String()) // a listener's own address has a port
	return &url.URL{Scheme: "http", Host: net.JoinHostPort("localhost", port)}
}
