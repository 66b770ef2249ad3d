package outbound

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func guard(t *testing.T, o Options) *Guard {
	t.Helper()
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// tlsServer answers over TLS on loopback; trusting is the CA bundle that trusts it, calls how many requests it got.
func tlsServer(t *testing.T, handler http.HandlerFunc) (server *httptest.Server, trusting []byte, calls *atomic.Int64) {
	t.Helper()
	calls = &atomic.Int64{}
	server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return server, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), calls
}

func refusal(t *testing.T, err error) string {
	t.Helper()
	var refused *Refused
	if !errors.As(err, &refused) {
		t.Fatalf("error is %v, want a refusal", err)
	}
	return refused.Why
}

func TestW30_ConnectedAddressMustBePublicOrAllowed(t *testing.T) {
	server, bundle, calls := tlsServer(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "document") })
	_, err := guard(t, Options{CABundle: bundle}).Fetch(t.Context(), server.URL)
	if why := refusal(t, err); !strings.Contains(why, "a private address") || strings.Contains(why, "127.0.0.1") || calls.Load() != 0 {
		t.Errorf("refused with %q after %d calls", why, calls.Load())
	}
	document, err := guard(t, Options{CABundle: bundle, Allow: loopback}).Fetch(t.Context(), server.URL)
	if err != nil || string(document) != "document" {
		t.Errorf("allowed: %q, %v", document, err)
	}
}

// A name that resolves to loopback is caught where it is connected to, whatever it is called.
func TestW30_NameThatLeadsInside(t *testing.T) {
	server, bundle, calls := tlsServer(t, func(http.ResponseWriter, *http.Request) {})
	address := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	_, err := guard(t, Options{CABundle: bundle}).Fetch(t.Context(), address)
	if refusal(t, err); calls.Load() != 0 {
		t.Error("the server was called")
	}
}

func TestW30_EveryKindOfAddress(t *testing.T) {
	inside := []string{
		"0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1", "172.31.255.255",
		"192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1",
		"240.0.0.1", "255.255.255.255", "168.63.129.16",
		"::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
		"64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "3fff::1", "fc00::1", "fd00:ec2::254",
		"fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
	}
	g := guard(t, Options{})
	for _, address := range inside {
		if err := g.checkConnected("tcp", netip.AddrPortFrom(netip.MustParseAddr(address), 443).String(), nil); err == nil {
			t.Errorf("%s may be connected to", address)
		}
	}
	for _, address := range []string{"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450::1", "::ffff:1.1.1.1"} {
		if err := g.checkConnected("tcp", netip.AddrPortFrom(netip.MustParseAddr(address), 443).String(), nil); err != nil {
			t.Errorf("%s, which is public: %v", address, err)
		}
	}
	if err := g.checkConnected("tcp", "nonsense", nil); err == nil {
		t.Error("nonsense may be connected to")
	}
	some := guard(t, Options{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}})
	if some.checkConnected("tcp", "10.1.2.3:443", nil) != nil || some.checkConnected("tcp", "[::ffff:10.1.2.3]:443", nil) != nil || some.checkConnected("tcp", "10.2.0.1:443", nil) == nil {
		t.Error("10.1.0.0/16 alone was to be allowed")
	}
}

func TestW30_PlainHTTPOnLoopbackAlone(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "plain") }))
	t.Cleanup(server.Close)
	if document, err := guard(t, Options{Allow: loopback}).Fetch(t.Context(), server.URL); err != nil || string(document) != "plain" {
		t.Errorf("allowed loopback: %q, %v", document, err)
	}
	_, err := guard(t, Options{}).Fetch(t.Context(), server.URL)
	refusal(t, err)
	everything := Options{Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}
	for _, address := range []string{"http://10.0.0.1/", "http://idp.example.com/", "ftp://127.0.0.1/", "file:///etc/passwd", "//127.0.0.1/", "https://user:secret@127.0.0.1/"} {
		_, err := guard(t, everything).Fetch(t.Context(), address)
		refusal(t, err)
	}
	if err := guard(t, everything).checkLoopback("tcp", "10.0.0.1:80", nil); err == nil {
		t.Error("plain http left the machine")
	}
}

func TestW30_RedirectsAreNotFollowed(t *testing.T) {
	inner, _, calls := tlsServer(t, func(http.ResponseWriter, *http.Request) {})
	server, bundle, _ := tlsServer(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, inner.URL, http.StatusFound) })
	_, err := guard(t, Options{CABundle: bundle, Allow: loopback}).Fetch(t.Context(), server.URL)
	if why := refusal(t, err); !strings.Contains(why, "redirect") || calls.Load() != 0 {
		t.Errorf("refused with %q, %d calls", why, calls.Load())
	}
}

func TestW30_AnswersAreBounded(t *testing.T) {
	for size, fits := range map[int]bool{maxDocument: true, maxDocument + 1: false} {
		server, bundle, _ := tlsServer(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", size)) })
		document, err := guard(t, Options{CABundle: bundle, Allow: loopback}).Fetch(t.Context(), server.URL)
		if fits && (err != nil || len(document) != size) || !fits && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%d bytes: %d, %v", size, len(document), err)
		}
	}
}

func TestW30_SlowServersAreLeft(t *testing.T) {
	release := make(chan struct{})
	server, bundle, _ := tlsServer(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	g := guard(t, Options{CABundle: bundle, Allow: loopback})
	if g.Client().Timeout != timeout || timeout.Seconds() != 5 {
		t.Errorf("the client waits %s", g.Client().Timeout)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Fetch(ctx, server.URL); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func TestW30_StatusOtherThan200IsNoDocument(t *testing.T) {
	server, bundle, _ := tlsServer(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusNotFound) })
	_, err := guard(t, Options{CABundle: bundle, Allow: loopback}).Fetch(t.Context(), server.URL)
	if why := refusal(t, err); !strings.Contains(why, "404") {
		t.Errorf("refused with %q", why)
	}
}

func TestR23_UnknownCertificatesAreRefused(t *testing.T) {
	server, _, calls := tlsServer(t, func(http.ResponseWriter, *http.Request) {})
	if _, err := guard(t, Options{Allow: loopback}).Fetch(t.Context(), server.URL); err == nil || calls.Load() != 0 {
		t.Errorf("error is %v after %d calls", err, calls.Load())
	}
	if _, err := New(Options{CABundle: []byte("not PEM")}); err == nil {
		t.Error("a CA bundle without a certificate was taken")
	}
}

// Through a proxy full names alone are passed on; the proxy itself may stand inside, the operator named it.
func TestW30_ThroughAProxy(t *testing.T) {
	var asked atomic.Value
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Method + " " + r.Host)
		http.Error(w, "policy", http.StatusForbidden)
	}))
	t.Cleanup(proxy.Close)
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	g := guard(t, Options{Proxy: func(*url.URL) (*url.URL, error) { return address, nil }})
	for _, host := range []string{"10.0.0.1", "1.1.1.1", "[2606:4700::1]", "intranet", "intranet.", "0x7f.1", "2130706433", "127.1"} {
		_, err := g.Fetch(t.Context(), "https://"+host+"/metadata")
		if refusal(t, err); asked.Load() != nil {
			t.Errorf("%s: the proxy was asked for %v", host, asked.Load())
		}
	}
	if _, err := g.Fetch(t.Context(), "https://idp.example.com/metadata"); err == nil || asked.Load() != "CONNECT idp.example.com:443" {
		t.Errorf("the proxy was asked for %v (%v)", asked.Load(), err)
	}
	broken := guard(t, Options{Proxy: func(*url.URL) (*url.URL, error) { return nil, errors.New("no such proxy") }})
	if _, err := broken.Fetch(t.Context(), "https://idp.example.com/"); err == nil {
		t.Error("went on without the proxy")
	}
}

func TestS49_BrowserEndpoints(t *testing.T) {
	g, some := guard(t, Options{}), guard(t, Options{Allow: append(loopback, netip.MustParsePrefix("10.0.0.0/8"))})
	for address, want := range map[string]struct{ anywhere, inside bool }{
		"https://idp.example.com/sso":                 {true, true},
		"https://idp.example.com:8443/sso?x=y&z=a%20": {true, true},
		"https://intranet/sso":                        {true, true},
		"https://1.1.1.1/sso":                         {true, true},
		"https://10.0.0.1/sso":                        {false, true},
		"https://[::ffff:10.0.0.1]/sso":               {false, true},
		"https://localhost/sso":                       {false, true},
		"https://idp.localhost/sso":                   {false, true},
		"http://localhost:8000/sso":                   {false, true},
		"http://127.0.0.1:8000/sso":                   {false, true},
		"http://[::1]:8000/sso":                       {false, true},
		"https://192.168.0.1/sso":                     {false, false},
		"http://10.0.0.1/sso":                         {false, false},
		"http://idp.example.com/sso":                  {false, false},
		"http://localhost.evil.test/sso":              {false, false},
		"javascript:alert(1)":                         {false, false},
		"JavaScript://idp.example.com/%0aalert(1)":    {false, false},
		"data:text/html,x":                            {false, false},
		"//idp.example.com/sso":                       {false, false},
		"/sso":                                        {false, false},
		"https:idp.example.com":                       {false, false},
		"https:///sso":                                {false, false},
		"https://user@idp.example.com/":               {false, false},
		"https://idp.example.com/#part":               {false, false},
		`https://idp.example.com/"onload="x`:          {false, false},
		"https://idp.example.com/%22onload=":          {false, false},
		"https://idp.example.com/?a='":                {false, false},
		"https://idp.example.com/?a=%27":              {false, false},
		"https://idp.example.com/?a=<x>":              {false, false},
		"https://idp.example.com/?a=%3Cx":             {false, false},
		"https://idp.example.com/?a=%0d%0a":           {false, false},
		`https://idp.example.com\@evil.test/`:         {false, false},
		"https://2130706433/sso":                      {false, false},
		"https://0x7f.1/sso":                          {false, false},
		"https://127.1/sso":                           {false, false},
	} {
		u, err := url.Parse(address)
		anywhere, inside := err == nil && g.CheckURL(u) == nil, err == nil && some.CheckURL(u) == nil
		if anywhere != want.anywhere || inside != want.inside {
			t.Errorf("%s: %v, with networks allowed %v; want %+v", address, anywhere, inside, want)
		}
	}
}

func TestW30_NoPacketReachesARefusedAddress(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan struct{}, 1)
	go func() {
		if _, err := listener.Accept(); err == nil {
			accepted <- struct{}{}
		}
	}()
	_, err = guard(t, Options{}).Fetch(t.Context(), "https://"+listener.Addr().String())
	refusal(t, err)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-accepted:
		t.Error("a connection was opened")
	default:
	}
}
