package e2e

import (
	"testing"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// TestEnvoy asks the real program over gRPC as Envoy does; Envoy itself is not
// to be had here.
func TestEnvoy(t *testing.T) {
	listen := "127.0.0.1:" + freePort(t)
	p := newProject(t, map[string]string{"GATEHOUSE_EXT_AUTHZ_LISTEN": listen})
	reader := p.mint("reader", "permissions", "planes", "control", "None", "data", "ReadOnly")
	connection, err := grpc.NewClient(listen, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	health, err := grpc_health_v1.NewHealthClient(connection).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil || health.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Fatalf("health is %v, %v", health, err)
	}
	envoy := auth.NewAuthorizationClient(connection)
	for _, row := range []struct {
		name, method, path string
		headers            map[string]string
		extensions         map[string]string
		denied             int32 // 0: allowed
	}{
		{"by rule", "POST", "/query?topK=3", map[string]string{"api-key": reader}, nil, 0},
		{"by rule, its bearer", "POST", "/query", map[string]string{"authorization": "Bearer " + reader}, nil, 0},
		{"lacking", "DELETE", "/indexes/movies", map[string]string{"api-key": reader}, nil, 403},
		{"lacking, and the client says otherwise", "DELETE", "/indexes/movies?permission=any", map[string]string{"api-key": reader, "x-forwarded-uri": "/query", "x-original-method": "POST"}, nil, 403},
		{"path trick", "POST", "/x/../query", map[string]string{"api-key": reader}, nil, 403},
		{"a fixed permission", "DELETE", "/whatever/it/is", map[string]string{"api-key": reader}, map[string]string{"permission": "indexes:query", "project": p.id}, 0},
		{"a fixed permission, and a path trick", "DELETE", "/whatever/..%2fit//is", map[string]string{"api-key": reader}, map[string]string{"permission": "indexes:query", "project": p.id}, 403},
		{"another project", "POST", "/query", map[string]string{"api-key": reader}, map[string]string{"project": "prj_00000000000000000000000000"}, 401},
		{"misspelled", "POST", "/query", map[string]string{"api-key": reader}, map[string]string{"perm": "any"}, 403},
		{"none", "POST", "/query", nil, nil, 401},
		{"unknown", "POST", "/query", map[string]string{"api-key": reader + "x"}, nil, 401},
		{"two, as Envoy joins them", "POST", "/query", map[string]string{"api-key": reader + "," + reader}, nil, 401},
		{"two", "POST", "/query", map[string]string{"api-key": reader, "authorization": "Bearer " + reader}, nil, 401},
	} {
		response, err := envoy.Check(t.Context(), checkRequest(row.method, row.path, row.headers, row.extensions))
		if err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		if got := int32(response.GetDeniedResponse().GetStatus().GetCode()); got != row.denied || (response.GetOkResponse() != nil) != (row.denied == 0) {
			t.Errorf("%s: %v", row.name, response)
		}
		if row.denied == 0 && !sets(response.GetOkResponse(), "x-gatehouse-kind", "api_key") {
			t.Errorf("%s: the program is told %v", row.name, response)
		}
	}
}

func checkRequest(method, path string, headers, extensions map[string]string) *auth.CheckRequest {
	all := map[string]string{":authority": "app.example.com", ":method": method, ":path": path, ":scheme": "https", "x-gatehouse-kind": "evil"}
	for name, value := range headers {
		all[name] = value
	}
	return &auth.CheckRequest{Attributes: &auth.AttributeContext{
		Source: &auth.AttributeContext_Peer{Address: &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{
			Address: "203.0.113.7", PortSpecifier: &core.SocketAddress_PortValue{PortValue: 51342}}}}},
		Request:           &auth.AttributeContext_Request{Http: &auth.AttributeContext_HttpRequest{Method: method, Path: path, Host: "app.example.com", Scheme: "https", Protocol: "HTTP/2", Headers: all}},
		ContextExtensions: extensions,
	}}
}

// sets reports whether the request that goes on has the header with the value,
// whatever its client sent.
func sets(ok *auth.OkHttpResponse, name, value string) bool {
	for _, h := range ok.GetHeaders() {
		if h.GetHeader().GetKey() == name && h.GetAppendAction() == core.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
			return h.GetHeader().GetValue() == value
		}
	}
	return false
}
