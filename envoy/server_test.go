package envoy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// served starts a server on loopback that ends with the test, and gives a connection to it.
func served(t *testing.T, s Server, by credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	return servedTo(t, s, by, nil)
}

// servedTo is served, where all connections come from that address; nil: from where they do.
func servedTo(t *testing.T, s Server, by credentials.TransportCredentials, from net.Addr) *grpc.ClientConn {
	t.Helper()
	if s.Ready == nil {
		s.Ready = func(context.Context) error { return nil }
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, elsewhere{listener, from}) }()
	connection, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(by))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		if err := connection.Close(); err != nil {
			t.Error(err)
		}
	})
	return connection
}

// elsewhere is a listener whose connections come from another address.
type elsewhere struct {
	net.Listener
	from net.Addr
}

func (l elsewhere) Accept() (net.Conn, error) {
	connection, err := l.Listener.Accept()
	if err != nil || l.from == nil {
		return connection, err
	}
	return arrived{connection, l.from}, nil
}

type arrived struct {
	net.Conn
	from net.Addr
}

func (c arrived) RemoteAddr() net.Addr { return c.from }

// held is what Envoy says about a request, as it says it: names in lower case, HTTP/2's own among them.
func held(method, path string, headers map[string]string, extensions map[string]string) *auth.CheckRequest {
	all := map[string]string{":authority": "app.example.com", ":method": method, ":path": path, ":scheme": "https", "x-request-id": "f0c3"}
	for name, value := range headers {
		all[name] = value
	}
	return &auth.CheckRequest{Attributes: &auth.AttributeContext{
		Source: &auth.AttributeContext_Peer{Address: &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{
			Address: "203.0.113.7", PortSpecifier: &core.SocketAddress_PortValue{PortValue: 51342}}}}},
		Request: &auth.AttributeContext_Request{Http: &auth.AttributeContext_HttpRequest{
			Id: "f0c3", Method: method, Path: path, Host: "app.example.com", Scheme: "https", Protocol: "HTTP/2", Headers: all,
		}},
		ContextExtensions: extensions,
	}}
}

func TestEnvoysQuestionBecomesAProxys(t *testing.T) {
	var got atomic.Pointer[http.Request]
	client := auth.NewAuthorizationClient(served(t, Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.Store(r)
		w.WriteHeader(http.StatusOK)
	})}, insecure.NewCredentials()))
	_, err := client.Check(t.Context(), held("DELETE", "/indexes/a%2fb?x=1&permission=any", map[string]string{
		"api-key": "gate_x", "cookie": "a=b", "x-forwarded-uri": "/query", "x-original-method": "GET", "x-forwarded-method": "GET",
		"x-original-uri": "/query", "x-forwarded-host": "evil.test", "x-forwarded-for": "198.51.100.1",
	}, map[string]string{"permission": "indexes:query", "project": "prj_1"}))
	if err != nil {
		t.Fatal(err)
	}
	r := got.Load()
	if r.Method != "GET" || r.URL.Path != "/v1/authorize" || r.URL.RawQuery != "permission=indexes%3Aquery&project=prj_1" || r.Host != "app.example.com" || r.RemoteAddr != "203.0.113.7:51342" {
		t.Errorf("asked %s %s of %s from %s", r.Method, r.URL, r.Host, r.RemoteAddr)
	}
	for name, want := range map[string]string{
		"X-Original-Method": "DELETE", "X-Original-Uri": "/indexes/a%2fb?x=1&permission=any", "X-Forwarded-Method": "", "X-Forwarded-Uri": "", "X-Forwarded-Host": "",
		"Api-Key": "gate_x", "Cookie": "a=b", "X-Forwarded-For": "198.51.100.1",
	} {
		if values := r.Header.Values(name); strings.Join(values, "|") != want {
			t.Errorf("%s is %q, want %q", name, values, want)
		}
	}
	for name := range r.Header {
		if strings.HasPrefix(name, ":") {
			t.Errorf("%s is no header", name)
		}
	}
	if body, err := io.ReadAll(r.Body); err != nil || len(body) > 0 {
		t.Errorf("the body is %q, %v", body, err)
	}
}

func TestRawHeadersAreRead(t *testing.T) {
	request := question(t.Context(), &auth.CheckRequest{Attributes: &auth.AttributeContext{Request: &auth.AttributeContext_Request{Http: &auth.AttributeContext_HttpRequest{
		HeaderMap: &core.HeaderMap{Headers: []*core.HeaderValue{{Key: ":path", RawValue: []byte("/x")}, {Key: "api-key", RawValue: []byte("one")}, {Key: "api-key", Value: "two"}}},
	}}}})
	if keys := request.Header.Values("Api-Key"); !slices.Equal(keys, []string{"one", "two"}) {
		t.Errorf("keys are %q", keys) // and two are refused
	}
}

func TestAnswersInEnvoysWords(t *testing.T) {
	for _, row := range []struct {
		name    string
		status  int
		code    codes.Code
		denied  int32 // 0: allowed
		handler http.HandlerFunc
	}{
		{"allowed", 200, codes.OK, 0, nil}, {"401", 401, codes.Unauthenticated, 401, nil}, {"403", 403, codes.PermissionDenied, 403, nil},
		{"503", 503, codes.Unavailable, 503, nil}, {"404", 404, codes.PermissionDenied, 403, nil}, {"308", 308, codes.PermissionDenied, 403, nil},
		{"204", 204, codes.PermissionDenied, 403, nil}, {"500", 500, codes.PermissionDenied, 403, nil},
		{"nothing", 0, codes.PermissionDenied, 403, func(http.ResponseWriter, *http.Request) {}},
		{"broken off", 0, codes.Unavailable, 503, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			panic(http.ErrAbortHandler)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			handler := row.handler
			if handler == nil {
				handler = func(w http.ResponseWriter, _ *http.Request) {
					w.Header()["X-Gatehouse-Principal"], w.Header()["X-Gatehouse-Email"] = []string{"key_1"}, []string{""}
					w.Header().Set("Www-Authenticate", "Bearer")
					w.Header().Set("Content-Length", "4")
					w.WriteHeader(row.status)
					_, _ = w.Write([]byte("text"))
				}
			}
			response, err := auth.NewAuthorizationClient(served(t, Server{Handler: handler}, insecure.NewCredentials())).Check(t.Context(), held("GET", "/x", nil, nil))
			if err != nil {
				t.Fatal(err)
			}
			if got := codes.Code(response.GetStatus().GetCode()); got != row.code || int32(response.GetDeniedResponse().GetStatus().GetCode()) != row.denied {
				t.Fatalf("answered %v %v", got, response)
			}
			if row.denied == 0 {
				checkAllowed(t, response.GetOkResponse())
			} else if row.handler == nil {
				checkDenied(t, response.GetDeniedResponse())
			}
		})
	}
}

// W-21: what has a value is overwritten, what has none is taken away.
func checkAllowed(t *testing.T, ok *auth.OkHttpResponse) {
	t.Helper()
	if len(ok.GetHeaders()) != 1 || ok.GetHeaders()[0].GetHeader().GetKey() != "x-gatehouse-principal" || ok.GetHeaders()[0].GetHeader().GetValue() != "key_1" ||
		ok.GetHeaders()[0].GetAppendAction() != core.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
		t.Errorf("set are %v", ok.GetHeaders())
	}
	if !slices.Equal(ok.GetHeadersToRemove(), []string{"x-gatehouse-email"}) {
		t.Errorf("taken away are %v", ok.GetHeadersToRemove())
	}
}

func checkDenied(t *testing.T, no *auth.DeniedHttpResponse) {
	t.Helper()
	var names []string
	for _, h := range no.GetHeaders() {
		names = append(names, h.GetHeader().GetKey())
	}
	slices.Sort(names)
	if no.GetBody() != "text" || !slices.Equal(names, []string{"www-authenticate", "x-gatehouse-principal"}) {
		t.Errorf("the client gets %q with %v", no.GetBody(), names)
	}
}

func TestCallsWithoutARequestAreDenied(t *testing.T) {
	client := auth.NewAuthorizationClient(served(t, Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.RemoteAddr != "" || r.Header.Get("X-Original-Uri") != "" {
			t.Errorf("made up %q %v", r.RemoteAddr, r.Header)
		}
		w.WriteHeader(http.StatusForbidden)
	})}, insecure.NewCredentials()))
	for _, check := range []*auth.CheckRequest{{}, {Attributes: &auth.AttributeContext{}}, {Attributes: &auth.AttributeContext{Request: &auth.AttributeContext_Request{}}}} {
		if response, err := client.Check(t.Context(), check); err != nil || response.GetDeniedResponse() == nil {
			t.Errorf("answered %v, %v", response, err)
		}
	}
}

func TestMessagesAreBounded(t *testing.T) {
	client := auth.NewAuthorizationClient(served(t, Server{Handler: http.NotFoundHandler()}, insecure.NewCredentials()))
	large := held("GET", "/x", map[string]string{"x-large": strings.Repeat("x", largestQuestion)}, nil)
	if _, err := client.Check(t.Context(), large); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a large message: %v", err)
	}
	if _, err := client.Check(t.Context(), held("GET", "/x", map[string]string{"x-large": strings.Repeat("x", largestQuestion-1000)}, nil)); err != nil {
		t.Errorf("the honest twin: %v", err)
	}
}

func TestOnlyProxiesAreServed(t *testing.T) {
	s := Server{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "[::1]:1": true, "10.1.2.3:1": true, "[::ffff:10.1.2.3]:1": true, "192.0.2.1:1": false, "[2001:db8::1]:1": false, "@": false,
	} {
		ctx := peer.NewContext(t.Context(), &peer.Peer{Addr: named(address)})
		if got := s.trusts(ctx); got != want {
			t.Errorf("%s: %t", address, got)
		}
	}
	if s.trusts(t.Context()) {
		t.Error("nobody is trusted")
	}
}

// W-20: whoever asks says from which address a key is used, so that nobody but a proxy may.
func TestW20_CallsFromElsewhereAreRefused(t *testing.T) {
	asked := new(atomic.Int32)
	server := Server{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusOK)
	})}
	check := func(from string) error {
		client := auth.NewAuthorizationClient(servedTo(t, server, insecure.NewCredentials(), named(from)))
		_, err := client.Check(t.Context(), held("GET", "/x", nil, nil))
		return err
	}
	for _, from := range []string{"192.0.2.1:1", "[2001:db8::1]:1"} {
		if err := check(from); status.Code(err) != codes.PermissionDenied || asked.Load() != 0 {
			t.Errorf("%s: %v, after %d questions", from, err, asked.Load())
		}
	}
	if err := check("10.1.2.3:1"); err != nil || asked.Load() != 1 {
		t.Errorf("the honest twin: %v, after %d questions", err, asked.Load())
	}
}

// named is an address by its text alone.
type named string

func (named) Network() string  { return "tcp" }
func (n named) String() string { return string(n) }

func TestHealth(t *testing.T) {
	var broken atomic.Bool
	client := grpc_health_v1.NewHealthClient(served(t, Server{Handler: http.NotFoundHandler(), Ready: func(context.Context) error {
		if broken.Load() {
			return errors.New("cut off")
		}
		return nil
	}}, insecure.NewCredentials()))
	for _, want := range []grpc_health_v1.HealthCheckResponse_ServingStatus{grpc_health_v1.HealthCheckResponse_SERVING, grpc_health_v1.HealthCheckResponse_NOT_SERVING} {
		response, err := client.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		if err != nil || response.GetStatus() != want {
			t.Errorf("health is %v, %v, want %v", response, err, want)
		}
		broken.Store(true)
	}
}

func TestOverTLS(t *testing.T) {
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	t.Cleanup(certified.Close)
	pool := certified.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	connection := served(t, Server{Handler: handler, TLS: &tls.Config{Certificates: certified.TLS.Certificates}}, credentials.NewTLS(&tls.Config{RootCAs: pool, ServerName: "example.com"}))
	if response, err := auth.NewAuthorizationClient(connection).Check(t.Context(), held("GET", "/x", nil, nil)); err != nil || response.GetOkResponse() == nil {
		t.Errorf("answered %v, %v", response, err)
	}
}

// A call that is under way when the server is told to stop is answered.
func TestStopsAfterTheLastCall(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	server := Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-goOn
		w.WriteHeader(http.StatusOK)
	}), Ready: func(context.Context) error { return nil }}
	go func() { ended <- server.Serve(ctx, listener) }()
	connection, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	answered := make(chan error, 1)
	go func() {
		response, err := auth.NewAuthorizationClient(connection).Check(t.Context(), held("GET", "/x", nil, nil))
		if err == nil && response.GetOkResponse() == nil {
			err = errors.New("denied")
		}
		answered <- err
	}()
	<-begun
	stop()
	close(goOn)
	if err := <-answered; err != nil {
		t.Errorf("the call under way: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
}
