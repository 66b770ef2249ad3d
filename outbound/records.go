package outbound

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
)

// resolver asks the server at address, or the system's when address is empty.
func resolver(address string) *net.Resolver {
	if address == "" {
		return &net.Resolver{PreferGo: true}
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		dialer := net.Dialer{Timeout: timeout}
		return dialer.DialContext(ctx, network, address)
	}}
}

// TXT are the TXT records of a name, within 5 seconds. The name is looked up from the root, so no search domain is put behind it. A
// name or a record that does not exist is no record and no error; an error means that nobody knows (SERVFAIL, no answer).
func (g *Guard) TXT(ctx context.Context, name string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	records, err := g.resolver.LookupTXT(ctx, strings.TrimSuffix(name, ".")+".")
	var failure *net.DNSError
	if errors.As(err, &failure) && failure.IsNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up TXT records of %s: %w", name, err)
	}
	return records, nil
}
