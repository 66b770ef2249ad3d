package envoy

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strconv"

	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
)

// authorizePath is where the handler answers proxies.
const authorizePath = "/v1/authorize"

// told are the headers in which proxies tell the original request. Envoy tells it otherwise, so these are the client's words.
var told = []string{"X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-Host", "X-Original-Method", "X-Original-Uri"}

// question is the request of a proxy that asks what Envoy asks. The context extensions, which only Envoy's configuration sets, are its query:
// permission and project.
func question(ctx context.Context, check *auth.CheckRequest) *http.Request {
	attributes := check.GetAttributes()
	held := attributes.GetRequest().GetHttp()
	query := url.Values{}
	for name, value := range attributes.GetContextExtensions() {
		query.Set(name, value)
	}
	header := headersOf(held)
	for _, name := range told {
		header.Del(name)
	}
	header["X-Original-Method"], header["X-Original-Uri"] = []string{held.GetMethod()}, []string{held.GetPath()}
	r := &http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: authorizePath, RawQuery: query.Encode()}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: http.NoBody, Host: held.GetHost(), RemoteAddr: addressOf(attributes.GetSource()),
	}
	return r.WithContext(ctx)
}

// headersOf are the headers of the request that Envoy holds, without those that HTTP/2 begins with a colon. Envoy joins repeated ones by a
// comma, which makes of two keys none.
func headersOf(held *auth.AttributeContext_HttpRequest) http.Header {
	header := http.Header{}
	add := func(name, value string) {
		if name != "" && name[0] != ':' {
			header.Add(name, value)
		}
	}
	for name, value := range held.GetHeaders() {
		add(name, value)
	}
	for _, raw := range held.GetHeaderMap().GetHeaders() { // where Envoy is told to send them raw
		if value := string(raw.GetRawValue()); value != "" {
			add(raw.GetKey(), value)
		} else {
			add(raw.GetKey(), raw.GetValue())
		}
	}
	return header
}

// addressOf is the client's address as Envoy knows it, "" if it is not one of the internet.
func addressOf(source *auth.AttributeContext_Peer) string {
	socket := source.GetAddress().GetSocketAddress()
	if socket.GetAddress() == "" {
		return ""
	}
	return net.JoinHostPort(socket.GetAddress(), strconv.FormatUint(uint64(socket.GetPortValue()), 10))
}
