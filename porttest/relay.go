package porttest

import (
	"net"
	"sync"
)

// Relay hands a server's TCP connections on from an address of its own, until it is cut: then nothing passes any more, on old connections
// or new ones, and nobody is told, as when a network fails.
type Relay struct {
	listener net.Listener
	server   string

	mu          sync.Mutex
	open        *sync.Cond // not cut, or closed
	cut, closed bool
	connections []net.Conn
}

// NewRelay is a relay to the server's address, host:port.
func NewRelay(server string) (*Relay, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Relay{listener: listener, server: server}
	r.open = sync.NewCond(&r.mu)
	go r.accept()
	return r, nil
}

// Address is where the relay listens, host:port.
func (r *Relay) Address() string { return r.listener.Addr().String() }

// Cut lets nothing pass until Mend.
func (r *Relay) Cut() { r.set(func() { r.cut = true }) }

// Mend lets everything pass again, what was held up first.
func (r *Relay) Mend() { r.set(func() { r.cut = false }) }

// Close ends all connections, and takes no more.
func (r *Relay) Close() error {
	r.set(func() {
		r.closed = true
		for _, c := range r.connections {
			_ = c.Close() // it may have been closed by its own end
		}
	})
	return r.listener.Close()
}

func (r *Relay) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	r.open.Broadcast()
}

func (r *Relay) accept() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		go r.join(near)
	}
}

func (r *Relay) join(near net.Conn) {
	if !r.passable(near) {
		return
	}
	far, err := net.Dial("tcp", r.server)
	if err != nil {
		_ = near.Close()
		return
	}
	if r.passable(far) {
		go r.pass(far, near)
		r.pass(near, far)
	}
}

// passable waits while the relay is cut. It takes note of new connections, to be closed at the end; after the end it closes them and is false.
func (r *Relay) passable(made ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.connections = append(r.connections, made...)
	for r.cut && !r.closed {
		r.open.Wait()
	}
	if r.closed {
		for _, c := range made {
			_ = c.Close()
		}
	}
	return !r.closed
}

// pass hands on what one side says until it says no more.
func (r *Relay) pass(from, to net.Conn) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if !r.passable() {
			return
		}
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			_ = from.Close()
			return
		}
	}
}
