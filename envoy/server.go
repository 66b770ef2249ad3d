package envoy

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

const (
	largestQuestion = 64 << 10 // bytes; Envoy sends headers, and a body only where it is told to
	largestHeaders  = 16 << 10 // of the call itself
	longestAnswer   = 5 * time.Second
	longestStop     = 10 * time.Second
	callsAtOnce     = 1000 // on one connection
	idleConnection  = 5 * time.Minute
)

// Server answers Envoy on a listener of its own.
type Server struct {
	Handler http.Handler                // answers /v1/authorize
	Ready   func(context.Context) error // whether it can; told to whoever asks for health
	TLS     *tls.Config                 // nil: plain HTTP/2, for a network that is Envoy's and ours alone
	Proxies []netip.Prefix              // that are served beside loopback
}

// Serve answers until ctx ends, then takes no new call, lets those under way finish for at most 10 s and returns nil.
func (s Server) Serve(ctx context.Context, listener net.Listener) error {
	server := grpc.NewServer(s.options()...)
	auth.RegisterAuthorizationServer(server, &authorization{handler: s.Handler})
	grpc_health_v1.RegisterHealthServer(server, &health{ready: s.Ready})
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve Envoy on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	cut := time.AfterFunc(longestStop, server.Stop)
	defer cut.Stop()
	server.GracefulStop()
	return nil
}

func (s Server) options() []grpc.ServerOption {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(largestQuestion),
		grpc.MaxHeaderListSize(largestHeaders),
		grpc.MaxConcurrentStreams(callsAtOnce),
		grpc.ConnectionTimeout(longestAnswer),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: idleConnection}),
		grpc.UnaryInterceptor(s.fromProxies),
		grpc.WaitForHandlers(true),
	}
	if s.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(s.TLS)))
	}
	return options
}

// fromProxies refuses calls from anywhere but loopback and the trusted proxies' networks, and bounds how long one takes.
func (s Server) fromProxies(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if !s.trusts(ctx) {
		return nil, status.Error(codes.PermissionDenied, "this address is not among the trusted proxies")
	}
	ctx, cancel := context.WithTimeout(ctx, longestAnswer)
	defer cancel()
	return next(ctx, request)
}

func (s Server) trusts(ctx context.Context) bool {
	from, ok := peer.FromContext(ctx)
	if !ok {
		return false
	}
	at, err := netip.ParseAddrPort(from.Addr.String())
	if err != nil {
		return false
	}
	address := at.Addr().Unmap().WithZone("")
	if address.IsLoopback() {
		return true
	}
	for _, network := range s.Proxies {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// authorization is Envoy's service.
type authorization struct {
	auth.UnimplementedAuthorizationServer
	handler http.Handler
}

// Check answers for one request that Envoy holds. A handler that breaks off has answered nothing that lets anybody through.
func (a *authorization) Check(ctx context.Context, check *auth.CheckRequest) (response *auth.CheckResponse, err error) {
	out := &answer{header: http.Header{}}
	defer func() {
		if recover() != nil {
			out.status = http.StatusServiceUnavailable
		}
		response = out.response()
	}()
	a.handler.ServeHTTP(out, question(ctx, check))
	return nil, nil
}

// health is the usual service for probes.
type health struct {
	grpc_health_v1.UnimplementedHealthServer
	ready func(context.Context) error
}

// Check says whether requests can be decided; there is one service to ask about, whatever its name.
func (h *health) Check(ctx context.Context, _ *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	serving := grpc_health_v1.HealthCheckResponse_SERVING
	if h.ready(ctx) != nil {
		serving = grpc_health_v1.HealthCheckResponse_NOT_SERVING
	}
	return &grpc_health_v1.HealthCheckResponse{Status: serving}, nil
}
