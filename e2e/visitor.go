package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Visitor is somebody who sends what no page of ours would: a program that
// keeps cookies, follows no redirects and runs no scripts.
type Visitor struct {
	t      testing.TB
	base   string
	client *http.Client
}

// Answer is what a Visitor was answered.
type Answer struct {
	Status   int
	Location string // of a redirect
	Page     string // the body as it came
	form     form
}

// Visitor is a new one, without cookies, who reaches this process whatever the
// address says.
func (g *Gatehouse) Visitor(t testing.TB) *Visitor {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, g.listen)
	}
	transport := &http.Transport{DialContext: dial}
	t.Cleanup(transport.CloseIdleConnections)
	return &Visitor{t: t, base: g.URL, client: &http.Client{
		Transport: transport, Jar: &jar{cookies: map[string]*http.Cookie{}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Get asks for a page.
func (v *Visitor) Get(path string) Answer {
	v.t.Helper()
	return v.ask(v.client.Get(v.address(path)))
}

// Post sends a form.
func (v *Visitor) Post(path string, fields url.Values) Answer {
	v.t.Helper()
	return v.ask(v.client.PostForm(v.address(path), fields))
}

// Submit sends the first form of a page that was answered, these of its fields
// changed: names and values in turn.
func (v *Visitor) Submit(page Answer, changes ...string) Answer {
	v.t.Helper()
	if page.form.action == "" {
		v.t.Fatalf("there is no form in: %.600s", page.Page)
	}
	for i := 0; i < len(changes); i += 2 {
		page.form.fields.Set(changes[i], changes[i+1])
	}
	return v.Post(page.form.action, page.form.fields)
}

func (v *Visitor) address(path string) string {
	if strings.HasPrefix(path, "/") {
		return v.base + path
	}
	return path
}

func (v *Visitor) ask(response *http.Response, err error) Answer {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatalf("read %s: %v", response.Request.URL.Redacted(), err)
	}
	answer := Answer{Status: response.StatusCode, Location: response.Header.Get("Location"), Page: string(body)}
	answer.form, _ = firstForm(response.Request.URL, body) // a page without one has none to submit
	return answer
}

// Want fails the test when the answer has another status.
func (a Answer) Want(t testing.TB, status int) Answer {
	t.Helper()
	if a.Status != status {
		t.Fatalf("answered %d to %q, want %d: %.600s", a.Status, a.Location, status, a.Page)
	}
	return a
}

// String is the answer for a message.
func (a Answer) String() string { return fmt.Sprintf("%d %s %.600s", a.Status, a.Location, a.Page) }

// jar keeps one site's cookies. Unlike the standard one it sends Secure ones
// over http, as browsers do to localhost.
type jar struct {
	mu      sync.Mutex
	cookies map[string]*http.Cookie
}

func (j *jar) SetCookies(_ *url.URL, cookies []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, cookie := range cookies {
		if delete(j.cookies, cookie.Name); cookie.MaxAge >= 0 {
			j.cookies[cookie.Name] = cookie
		}
	}
}

func (j *jar) Cookies(*url.URL) (all []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, cookie := range j.cookies {
		all = append(all, cookie)
	}
	return all
}
