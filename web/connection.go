package web

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"
)

// patient is a listener whose connections put off their deadlines.
type patient struct{ net.Listener }

func (l patient) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &connection{Conn: c}, nil
}

// connection is one that a client has made to us. Its deadlines are put off at no price: within [Limits], net/http moves them several times
// for each request, and nearly always further away.
type connection struct {
	net.Conn
	read, write deadlineSet
}

// Read is that of net.Conn.
func (c *connection) Read(p []byte) (n int, err error) {
	for {
		n, err = c.Conn.Read(p)
		if n > 0 || !c.read.early(err, c.Conn.SetReadDeadline) {
			return n, err
		}
	}
}

// Write is that of net.Conn.
func (c *connection) Write(p []byte) (n int, err error) {
	for {
		written, err := c.Conn.Write(p[n:])
		n += written
		if !c.write.early(err, c.Conn.SetWriteDeadline) {
			return n, err
		}
	}
}

// SetReadDeadline is that of net.Conn.
func (c *connection) SetReadDeadline(at time.Time) error {
	return c.read.move(at, c.Conn.SetReadDeadline)
}

// SetWriteDeadline is that of net.Conn.
func (c *connection) SetWriteDeadline(at time.Time) error {
	return c.write.move(at, c.Conn.SetWriteDeadline)
}

// SetDeadline is that of net.Conn.
func (c *connection) SetDeadline(at time.Time) error {
	return errors.Join(c.SetReadDeadline(at), c.SetWriteDeadline(at))
}

// CloseWrite ends our half. net/http does so before it closes a connection on which a client may still be sending.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// deadlineSet is a deadline that is wanted, and the one that the operating system's poller knows of, which is not later. Whatever ends by the
// latter looks at the former.
type deadlineSet struct {
	mu            sync.Mutex
	wanted, known time.Time // zero: none
}

// ahead is how far the poller is told at first. None of [DefaultLimits] is shorter, so that while requests come it is told once for each of them.
const ahead = 5 * time.Second

// longAgo is before any time of ours: net/http's way to end a read at once.
var longAgo = time.Unix(1, 0)

// move wants the deadline to be at a time. The poller is told only where it knows of none that is earlier, or of one long past.
func (d *deadlineSet) move(at time.Time, tell func(time.Time) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = at
	if at.IsZero() || d.known.After(longAgo) && !at.Before(d.known) {
		return nil
	}
	d.known = at
	if soon := time.Now().Add(ahead); soon.Before(at) {
		d.known = soon
	}
	return tell(d.known)
}

// early reports whether err is the end of time for what has time left, and tells the poller how much.
func (d *deadlineSet) early(err error, tell func(time.Time) error) bool {
	if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.wanted.IsZero() && !time.Now().Before(d.wanted) {
		return false
	}
	d.known = d.wanted
	return tell(d.wanted) == nil
}

// peer is who is at the other end of a connection.
type peer struct {
	address netip.Addr // zero: the listener has no addresses
	prefix  string     // AddressPrefix(address)
}

func newPeer(address netip.Addr) *peer {
	address = address.Unmap().WithZone("")
	return &peer{address, AddressPrefix(address)}
}

type peerKey struct{}

// withPeer is the context of a connection of a Server's, in clear or within TLS.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	var address netip.Addr
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		address = tcp.AddrPort().Addr()
	}
	return context.WithValue(ctx, peerKey{}, newPeer(address))
}

// peerOf is who sent r: found out once for a connection, where a Server has it.
func peerOf(r *http.Request) *peer {
	if known, ok := r.Context().Value(peerKey{}).(*peer); ok {
		return known
	}
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	return newPeer(from.Addr())
}
