// Package outbound is the guard on calls that Gatehouse makes because somebody typed an address: metadata documents, DNS records, and
// the endpoints that a browser is sent to.
//
// The address that is checked is the one that is connected to, at dial time: what a name resolved to a moment earlier proves nothing.
// Calls go by https, follow no redirect, end after 5 seconds and read at most 1 MiB. Through a proxy of the operator's the policy on
// addresses is the proxy's, so names alone are passed on to it: no IP literals, no single labels.
//
// It never skips the verification of a certificate, keeps no cookie and sends no credential.
//
// Invariant: without an entry in Allow no packet of an HTTP call reaches an address that is not public.
package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

const (
	timeout     = 5 * time.Second
	maxDocument = 1 << 20 // bytes
	maxHeaders  = 64 << 10
)

// ErrTooLarge is what reading an answer of more than 1 MiB ends with.
var ErrTooLarge = errors.New("the answer is larger than 1 MiB")

// Refused is a call or an address that the guard does not allow. Its text is a sentence for the person who typed the address.
type Refused struct{ Why string }

func (r *Refused) Error() string { return r.Why }

func refuse(format string, args ...any) error { return &Refused{Why: fmt.Sprintf(format, args...)} }

// Options say what the operator allows.
type Options struct {
	Allow    []netip.Prefix                   // networks that are not public and may be reached all the same
	Proxy    func(*url.URL) (*url.URL, error) // the proxy for a URL, as httpproxy.Config.ProxyFunc; nil: none
	CABundle []byte                           // PEM certificates trusted beside the system's
	DNS      string                           // host:port that TXT records are asked from; "": the system's resolver
}

// Guard makes the calls. Safe for concurrent use.
type Guard struct {
	allow    []netip.Prefix
	proxy    func(*url.URL) (*url.URL, error)
	resolver *net.Resolver
	client   *http.Client

	direct, loopback, proxied *http.Transport
}

// New reads the options; the error is about the CA bundle.
func New(o Options) (*Guard, error) {
	g := &Guard{allow: o.Allow, proxy: o.Proxy, resolver: resolver(o.DNS)}
	if g.proxy == nil {
		g.proxy = func(*url.URL) (*url.URL, error) { return nil, nil }
	}
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(o.CABundle) > 0 {
		roots, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("read the system's certificates: %w", err)
		}
		if !roots.AppendCertsFromPEM(o.CABundle) {
			return nil, errors.New("the CA bundle holds no PEM certificate")
		}
		settings.RootCAs = roots
	}
	g.direct = transport(settings, g.checkConnected)
	g.loopback = transport(settings, g.checkLoopback)
	g.proxied = transport(settings, nil)
	g.proxied.Proxy = func(r *http.Request) (*url.URL, error) { return g.proxy(r.URL) }
	g.client = &http.Client{Transport: g, Timeout: timeout, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		return refuse("The address answers with a redirect to %s. Redirects are not followed: use the final address.", r.URL.Host)
	}}
	return g, nil
}

func transport(settings *tls.Config, control func(network, address string, _ syscall.RawConn) error) *http.Transport {
	dialer := &net.Dialer{Timeout: timeout, Control: control}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        settings,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    timeout,
		ResponseHeaderTimeout:  timeout,
		MaxResponseHeaderBytes: maxHeaders,
		DisableCompression:     true, // so that a megabyte is a megabyte
		DisableKeepAlives:      true, // calls are rare, and every one is to be checked
	}
}

// Client is the guarded client.
func (g *Guard) Client() *http.Client { return g.client }

// RoundTrip is for Client: one call, checked.
func (g *Guard) RoundTrip(r *http.Request) (*http.Response, error) {
	chosen, err := g.route(r.URL)
	if err != nil {
		return nil, err
	}
	answer, err := chosen.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body = &bounded{ReadCloser: answer.Body, left: maxDocument}
	return answer, nil
}

// route is the transport for a URL: each enforces at dial time what the URL can only promise.
func (g *Guard) route(u *url.URL) (*http.Transport, error) {
	proxy, err := g.proxy(u)
	if err != nil {
		return nil, fmt.Errorf("choose the proxy for %s: %w", u.Host, err)
	}
	switch {
	case u.User != nil:
		return nil, refuse("The address holds a user name or password. Leave it out.")
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return g.loopback, nil
	case u.Scheme != "https":
		return nil, refuse("The address must begin with https://.")
	case proxy == nil:
		return g.direct, nil
	case !isQualified(u.Hostname()):
		return nil, refuse("Calls go through the operator's proxy, which takes full host names only; %s is not one.", u.Hostname())
	}
	return g.proxied, nil
}

// Fetch reads the document at an https address: at most 1 MiB, within 5 seconds, status 200.
func (g *Guard) Fetch(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, refuse("The address cannot be read as a URL.")
	}
	answer, err := g.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", request.URL.Host, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, refuse("The address answers with status %d instead of a document.", answer.StatusCode)
	}
	document, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", request.URL.Host, err)
	}
	return document, nil
}

// bounded ends with ErrTooLarge where a silent cut could pass for a whole document.
type bounded struct {
	io.ReadCloser
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if n > b.left {
		return b.left, ErrTooLarge
	}
	b.left -= n
	return n, err
}
