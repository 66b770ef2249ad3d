package e2e

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
)

func TestDNS(t *testing.T) {
	server := StartDNS(t)
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Address)
	}}
	lookUp := func() ([]string, error) { return resolver.LookupTXT(t.Context(), "_challenge.door.example.") }

	var failure *net.DNSError
	if _, err := lookUp(); !errors.As(err, &failure) || !failure.IsNotFound {
		t.Errorf("a name that was never set: %v, want not found", err)
	}
	server.Set("_Challenge.door.example", "one", "two")
	if texts, err := lookUp(); err != nil || !slices.Equal(texts, []string{"one", "two"}) {
		t.Errorf("got %q, %v, want one and two", texts, err)
	}
	server.Break("_challenge.door.example")
	if _, err := lookUp(); !errors.As(err, &failure) || failure.IsNotFound {
		t.Errorf("a broken name: %v, want a server failure", err)
	}
	if server.Asked("_challenge.door.example") < 3 {
		t.Error("the server has not counted the questions")
	}
}
