package demo

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
)

func TestNameServerAnswersOnBothTransports(t *testing.T) {
	streams, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	packets, err := net.ListenPacket("udp", streams.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server := new(NameServer)
	server.Publish("_Challenge.tidewater.test", "one")
	server.Publish("_challenge.tidewater.test.", "two")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, packets, streams) }()

	for _, transport := range []string{"udp", "tcp"} {
		resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, transport, streams.Addr().String())
		}}
		texts, err := resolver.LookupTXT(t.Context(), "_challenge.tidewater.test.")
		if err != nil || !slices.Equal(texts, []string{"one", "two"}) {
			t.Errorf("over %s: %q, %v", transport, texts, err)
		}
		var missing *net.DNSError
		if _, err := resolver.LookupTXT(t.Context(), "_challenge.other.test."); !errors.As(err, &missing) || !missing.IsNotFound {
			t.Errorf("over %s, a name that nobody published: %v", transport, err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("ended with %v", err)
	}
}
