package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
)

// What an Options leaves open.
const (
	usualLifetime = time.Second
	usualTimeout  = 2 * time.Second
	usualAnswers  = 10_000
	idleCalls     = 64               // connections that are kept open
	idleTime      = 30 * time.Second // for this long: less than Gatehouse keeps them

	longestLifetime = 5 * time.Second
)

// Options say which Gatehouse is asked, and how. Only URL is needed.
type Options struct {
	// URL is Gatehouse's public address, https://gatehouse.example.com. Plain http is for localhost alone.
	URL string

	// ServiceAccountToken (gate_sva_…) makes this program a caller that Gatehouse knows: it is not limited when strangers try keys on it,
	// and believed about the address of whoever presents a key. Without one, twenty unknown keys in a minute stop all checks for a while,
	// and networks that a key is limited to are compared with the address of this program.
	ServiceAccountToken string

	// Project is the project that this program serves (prj_…). Keys of other projects are unknown to it. Empty: any project's keys are good.
	Project string

	// ImportedKeys says that Gatehouse holds keys of another make, imported by their hash. Without it, what does not look like a key of
	// Gatehouse is refused without asking.
	ImportedKeys bool

	// Lifetime is how long an answer is used: a second if zero, at most five. Negative: every check is a call, so that a key's rate limit
	// and its days of use count each request.
	Lifetime time.Duration

	// Answers is how many are kept at most, 10,000 if zero.
	Answers int

	// Timeout is for one call to Gatehouse, two seconds if zero.
	Timeout time.Duration

	// Address is that of whoever sent a request to the middleware. If nil, it is the connection's; a program behind a proxy says here what
	// its proxy tells. It is sent only with a ServiceAccountToken.
	Address func(*http.Request) netip.Addr

	// HTTPClient makes the calls, without its redirects. Nil: one with connections of its own.
	HTTPClient *http.Client
}

// String leaves the token out, so that options may be logged.
func (o Options) String() string { return "client.Options for " + o.URL }

// GoString is String.
func (o Options) GoString() string { return o.String() }

// Client checks API keys. It is safe for concurrent use.
type Client struct {
	options Options
	verify  string // where Gatehouse is asked
	http    http.Client
	now     func() time.Time
	seed    [32]byte

	mu     sync.Mutex
	known  answers
	asking map[identifier]*question
	quiet  time.Time // until then Gatehouse wishes not to be asked
}

// New makes a client. The error names every mistake in the options at once. Gatehouse is not asked yet.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.URL)
	var wrong []error
	switch {
	case err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http":
		wrong = append(wrong, fmt.Errorf("the URL is %q: it must look like https://gatehouse.example.com", o.URL))
	case strings.Trim(base.Path, "/") != "" || base.RawQuery != "" || base.Fragment != "" || base.User != nil:
		wrong = append(wrong, errors.New("the URL must be scheme and host alone"))
	case base.Scheme == "http" && !local(base.Hostname()):
		wrong = append(wrong, errors.New("the URL is plain http: keys would travel in the clear"))
	}
	if o.ServiceAccountToken != "" && !strings.HasPrefix(o.ServiceAccountToken, "gate_sva_") {
		wrong = append(wrong, errors.New("the ServiceAccountToken does not begin with gate_sva_"))
	}
	if o.Project != "" && !strings.HasPrefix(o.Project, "prj_") {
		wrong = append(wrong, fmt.Errorf("the Project is %q: it must be a project's id (prj_…)", o.Project))
	}
	if o.Lifetime > longestLifetime {
		wrong = append(wrong, fmt.Errorf("the Lifetime is %v: more than %v would let revoked keys through for too long", o.Lifetime, longestLifetime))
	}
	if o.Answers < 0 || o.Timeout < 0 {
		wrong = append(wrong, errors.New("neither Answers nor Timeout may be negative"))
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("options of the Gatehouse client: %w", errors.Join(wrong...))
	}
	o.Lifetime, o.Timeout, o.Answers = cmp.Or(o.Lifetime, usualLifetime), cmp.Or(o.Timeout, usualTimeout), cmp.Or(o.Answers, usualAnswers)
	return assemble(o, base), nil
}

// String says which Gatehouse is asked, and nothing of what the client holds.
func (c *Client) String() string { return "client of " + c.options.URL }

// GoString is String.
func (c *Client) GoString() string { return c.String() }

func assemble(o Options, base *url.URL) *Client {
	c := &Client{
		options: o, verify: base.JoinPath("v1/keys/verify").String(), now: time.Now, seed: newSeed(),
		known: answers{most: o.Answers, lifetime: o.Lifetime}, asking: map[identifier]*question{},
	}
	if o.HTTPClient != nil {
		c.http = *o.HTTPClient
	} else if transport, ok := http.DefaultTransport.(*http.Transport); ok {
		transport = transport.Clone()
		transport.MaxIdleConnsPerHost, transport.IdleConnTimeout = idleCalls, idleTime
		c.http.Transport = transport
	}
	// A redirect would send the key on to whoever it names.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

func local(host string) bool {
	address := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || address != nil && address.IsLoopback()
}

// Check decides whether whoever presents the key may do the permission ("indexes:query", or AnyPermission). A refusal is a Result with its
// Code, not an error. An error is always an *Unavailable: there is no decision, and nobody may be let through.
//
// With a ServiceAccountToken a key that is limited to networks is refused here, since it is not said where it came from: use CheckFrom.
func (c *Client) Check(ctx context.Context, key, permission string) (Result, error) {
	return c.CheckFrom(ctx, netip.Addr{}, key, permission)
}

// CheckFrom is Check for a key that came from this address, which a key may be limited to. It counts only with a ServiceAccountToken.
func (c *Client) CheckFrom(ctx context.Context, address netip.Addr, key, permission string) (Result, error) {
	if !c.maybeKey(key) {
		return Result{Code: NotFound}, nil
	}
	if c.options.ServiceAccountToken == "" {
		address = netip.Addr{}
	}
	answer, err := c.answer(ctx, key, address.Unmap())
	if err != nil {
		return Result{}, err
	}
	return answer.judge(permission, c.now()), nil
}
