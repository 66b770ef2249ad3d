package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestNginx(t *testing.T) { behind(t, (*project).behindNginx) }
func TestCaddy(t *testing.T) { behind(t, (*project).behindCaddy) }

func behind(t *testing.T, start func(*project) *proxied) {
	project := newProject(t, nil)
	p := start(project)
	for _, part := range []struct {
		name string
		test func(*proxied)
	}{
		{"keys", (*proxied).keys}, {"path tricks", (*proxied).pathTricks}, {"headers from outside", (*proxied).headersFromOutside},
		{"revoked while requests flow", (*proxied).revokedInFlight}, {"a person in a browser", (*proxied).person},
	} {
		t.Run(part.name, func(t *testing.T) {
			project.t = t
			defer func(owner *Visitor) { owner.t = project.t }(project.owner)
			project.owner.t = t
			part.test(p)
		})
	}
}

// keys: allowed, refused, missing; 401 told apart from 403.
func (p *proxied) keys() {
	reader := p.mint("reader", "permissions", "planes", "control", "None", "data", "ReadOnly")
	p.want(200, "POST", "/query", "Api-Key", reader)
	p.want(200, "GET", "/vectors/list?prefix=a", "Authorization", "Bearer "+reader)
	p.want(200, "HEAD", "/vectors/list", "Api-Key", reader)
	refused := p.want(403, "POST", "/vectors/upsert", "Api-Key", reader)
	if refused.Header.Get("X-Gatehouse-Reason") != "FORBIDDEN" || refused.Header.Get("X-Gatehouse-Missing-Permission") != "indexes:add" {
		p.t.Errorf("the client is told %v", refused.Header)
	}
	p.want(403, "DELETE", "/indexes/movies", "Api-Key", reader)
	p.want(403, "GET", "/nothing/of/the/kind", "Api-Key", reader)
	p.want(200, "GET", "/app/anything", "Api-Key", reader)
	p.want(401, "POST", "/query")
	p.want(401, "POST", "/query", "Api-Key", reader+"x")
	p.want(401, "POST", "/query", "Api-Key", reader, "Authorization", "Bearer "+reader)
	if strings.Contains(p.want(200, "POST", "/query", "Api-Key", reader).page, reader) {
		p.t.Error("the program sees the key")
	}
}

// W-22: no spelling of a path, and nothing that a client says of it, chooses a
// weaker rule.
func (p *proxied) pathTricks() {
	reader := p.mint("tricks", "permissions", "planes", "control", "None", "data", "ReadOnly")
	for _, path := range []string{"//query", "/./query", "/x/../query", "/%71uery", "/query/", "/query;x", "/query%2f..%2fvectors%2fdelete", "/vectors/delete/..%2f..%2fquery"} {
		p.refuses("POST", path, reader)
	}
	for _, header := range [][]string{
		{"X-Forwarded-Method", "GET", "X-Forwarded-Uri", "/vectors/list"}, {"X-Original-Method", "GET", "X-Original-Uri", "/vectors/list"},
		{"X-Http-Method-Override", "GET"}, {"X-Forwarded-Host", "other.localhost"},
	} {
		p.refuses("DELETE", "/indexes/movies", reader, header...)
	}
	for _, query := range []string{"?permission=any", "?permission=indexes:query", "?project=" + p.id} {
		p.refuses("DELETE", "/indexes/movies"+query, reader)
	}
	p.want(200, "POST", "/query", "Api-Key", reader) // the honest twin of a key of another project
	other := p.beside("Elsewhere")
	stranger := other.mint("stranger")
	for _, query := range []string{"", "?project=" + other.id, "?project=" + p.id, "?permission=any&project=" + other.id} {
		p.refuses("POST", "/query"+query, stranger)
	}
}

// refuses wants any refusal, and nothing at the program.
func (p *proxied) refuses(method, path, key string, header ...string) {
	p.t.Helper()
	before := p.reached.Load()
	got, err := p.ask(p.client(), method, path, append(header, "Api-Key", key)...)
	if err != nil || got.StatusCode < 400 || got.StatusCode >= 500 || p.reached.Load() != before {
		p.t.Errorf("%s %s %v: %v, %v", method, path, header, got.Response, err)
	}
}

// headersFromOutside: W-21, whatever a client sends under our names is not
// what the program reads.
func (p *proxied) headersFromOutside() {
	key := p.mint("headers")
	sent := []string{"Api-Key", key}
	for _, name := range []string{"Principal", "Kind", "Name", "Email", "Organization", "Project", "Roles", "Permissions", "Reason", "Missing-Permission", "Login"} {
		sent = append(sent, "X-Gatehouse-"+name, "evil", "x-gatehouse-"+strings.ToLower(name), "evil", "X_Gatehouse_"+name, "evil")
	}
	page := p.want(200, "POST", "/query", sent...).page
	if strings.Contains(page, "evil") {
		p.t.Errorf("the program is told %s", page)
	}
	_, text, _ := strings.Cut(page, "json>")
	told := map[string][]string{}
	if err := json.Unmarshal([]byte(strings.TrimSuffix(text, "</script>")), &told); err != nil {
		p.t.Fatal(err)
	}
	if principal := told["X-Gatehouse-Principal"]; len(principal) != 1 || !strings.HasPrefix(principal[0], "key_") {
		p.t.Errorf("the program is told %v", told)
	}
	if kind := told["X-Gatehouse-Kind"]; !slices.Equal(kind, []string{"api_key"}) {
		p.t.Errorf("the program is told %v", told)
	}
	if email := told["X-Gatehouse-Email"]; len(email) > 0 && email[0] != "" {
		p.t.Errorf("the program is told %v", told)
	}
}

// revokedInFlight: the first refusal comes within a second of the revocation,
// on another node than the proxy asks, and after it nothing gets through.
func (p *proxied) revokedInFlight() {
	beside := p.gatehouse.Beside()
	f := &flow{proxied: p, key: p.mint("in flight"), stop: make(chan struct{}), failures: make(chan error, 4)}
	var callers sync.WaitGroup
	for range cap(f.failures) {
		callers.Go(f.run)
	}
	f.wait("nothing flows", func() bool { return f.through.Load() > 50 })
	p.revoke(beside, f.key)
	at := time.Now()
	f.revoked.Store(&at)
	f.wait("no refusal", func() bool { return f.refused.Load() != nil })
	f.wait("too few calls after it", func() bool { return time.Since(at) > 2*time.Second })
	close(f.stop)
	callers.Wait()
	close(f.failures)
	for err := range f.failures {
		p.t.Error(err)
	}
	if first := f.refused.Load(); first != nil {
		p.t.Logf("%d got through; the first refusal came %s after the revocation was answered", f.through.Load(), first.Sub(at).Round(time.Millisecond))
	}
}

// flow is requests with one key, one after the other, by several callers.
type flow struct {
	*proxied
	key              string
	revoked, refused atomic.Pointer[time.Time] // when that was answered, and when the first refusal was
	through          atomic.Int64
	stop             chan struct{}
	failures         chan error
}

func (f *flow) run() {
	client := f.client()
	for {
		select {
		case <-f.stop:
			return
		default:
		}
		if err := f.call(client); err != nil {
			f.failures <- err
			return
		}
	}
}

func (f *flow) call(client *http.Client) error {
	asked, refusedBefore, revoked := time.Now(), f.refused.Load() != nil, f.revoked.Load()
	got, err := f.ask(client, "POST", "/query", "Api-Key", f.key)
	answered := time.Now()
	switch {
	case err != nil:
		return err
	case got.StatusCode == http.StatusUnauthorized:
		f.refused.CompareAndSwap(nil, &answered)
	case got.StatusCode != http.StatusOK:
		return fmt.Errorf("answered %d", got.StatusCode)
	case refusedBefore:
		return errors.New("one got through that was sent after a refusal")
	case revoked != nil && asked.Sub(*revoked) > time.Second:
		return fmt.Errorf("one got through that was sent %s after the revocation", asked.Sub(*revoked))
	default:
		f.through.Add(1)
	}
	return nil
}

func (f *flow) wait(what string, holds func() bool) {
	f.t.Helper()
	err := eventually(func() error {
		if holds() || len(f.failures) > 0 {
			return nil
		}
		return errors.New(what)
	})
	if err != nil {
		f.t.Error(err)
	}
}

// revoke reports the key as leaked to this node, which ends it at once.
func (p *project) revoke(node *Gatehouse, key string) {
	p.t.Helper()
	request, err := http.NewRequest(http.MethodPost, "http://"+node.listen+"/v1/keys/report-leak", strings.NewReader(`{"key":"`+key+`"}`))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Host = strings.TrimPrefix(node.URL, "http://")
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		p.t.Fatalf("the report is answered %s", response.Status)
	}
}

// person: signs in, arrives, is let through as themselves, and is out when
// they sign out.
func (p *proxied) person() {
	ada := NewPerson(p.t, "Ada")
	ada.Open("http://" + p.host + "/.gatehouse/start") // nobody has registered the host
	ada.See("There is nothing here")
	p.register()
	if err := p.sendsToSignIn(); err != nil {
		p.t.Error(err)
	}
	ada.Open("http://" + p.host + "/app/board?view=mine")
	ada.Fill("Email address", ownersAddress)
	ada.Click("button", "Continue")
	ada.Fill("Password", p.password)
	ada.Click("button", "Sign in")
	ada.At("/app/board")
	if address := ada.Address(); address.Host != p.host || address.RawQuery != "view=mine" {
		p.t.Errorf("landed at %s", address)
	}
	ada.See("GET /app/board for usr_")
	ada.Open("http://" + p.host + "/vectors/list")
	ada.See("GET /vectors/list for usr_")

	elsewhere := ada.NewTab("Ada at Gatehouse")
	elsewhere.Open(p.gatehouse.URL + "/account")
	elsewhere.Click("button", "Sign out")
	elsewhere.See("You are signed out")
	ada.Open("http://" + p.host + "/app/board")
	ada.See("Sign in")
	ada.Fill("Email address", ownersAddress)
	ada.Click("button", "Continue")
	ada.Fill("Password", p.password)
	ada.Click("button", "Sign in")
	ada.See("GET /app/board for usr_")
	ada.Open("http://" + p.host + "/.gatehouse/sign-out")
	ada.Screenshot("sign out")
	ada.Click("button", "Sign out")
	ada.See("You are signed out")
	elsewhere.Open(p.gatehouse.URL + "/account")
	elsewhere.At("/login")
}

// sendsToSignIn waits until the host is known and a browser without a session
// is sent to where it begins.
func (p *proxied) sendsToSignIn() error {
	return eventually(func() error {
		got, err := p.ask(p.client(), "GET", "/app/", "Accept", "text/html", "Sec-Fetch-Mode", "navigate")
		if err != nil {
			return err
		}
		to := got.Header.Get("Location")
		if strings.Contains(got.page, "/.gatehouse/start?return_to="+url.QueryEscape("/app/")) && got.StatusCode == http.StatusUnauthorized {
			return nil // Caddy hands on the page that goes there
		}
		if got.StatusCode != http.StatusFound || !strings.HasSuffix(to, "/.gatehouse/start?return_to="+url.QueryEscape("/app/")) {
			return fmt.Errorf("a browser is answered %d to %q: %.200s", got.StatusCode, to, got.page)
		}
		return nil
	})
}
