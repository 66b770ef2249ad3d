package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// steadyRate is how many logins a second begin while something is changed.
const steadyRate = 20

// Stream is people who sign in at a steady pace, each in a browser that has
// been nowhere and runs no scripts, whatever happens meanwhile.
type Stream struct {
	t     testing.TB
	login func() error
	start time.Time
	end   chan struct{}
	done  chan struct{}

	mu      sync.Mutex
	went    int
	lost    []error
	slowest time.Duration
}

// Steadily begins logins until Finish, at steadyRate.
func Steadily(t testing.TB, login func() error) *Stream {
	s := &Stream{t: t, login: login, start: time.Now(), end: make(chan struct{}), done: make(chan struct{})}
	go s.run()
	return s
}

func (s *Stream) run() {
	defer close(s.done)
	var under sync.WaitGroup
	defer under.Wait()
	tick := time.NewTicker(time.Second / steadyRate)
	defer tick.Stop()
	for {
		select {
		case <-s.end:
			return
		case <-tick.C:
			under.Go(s.one)
		}
	}
}

func (s *Stream) one() {
	begun := time.Now()
	err := s.login()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slowest = max(s.slowest, time.Since(begun))
	if err != nil {
		s.lost = append(s.lost, fmt.Errorf("%.1f s after the first: %w", begun.Sub(s.start).Seconds(), err))
		return
	}
	s.went++
}

// Await waits until so many logins have ended, well or not.
func (s *Stream) Await(count int) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		s.mu.Lock()
		ended := s.went + len(s.lost)
		s.mu.Unlock()
		if ended >= count {
			return
		}
		<-tick.C
	}
}

// Finish lets those end that are under way, and fails the test when one was lost.
func (s *Stream) Finish(what string) {
	s.t.Helper()
	close(s.end)
	<-s.done
	took := time.Since(s.start).Seconds()
	count := s.went + len(s.lost)
	tally(what, s.went, fmt.Sprintf("%.1f a second for %.0f s, %d lost, the slowest %d ms", float64(count)/took, took, len(s.lost), s.slowest.Milliseconds()))
	if len(s.lost) > 0 {
		s.t.Errorf("%d of %d logins were lost, the first of them %v", len(s.lost), count, errors.Join(s.lost[:min(len(s.lost), 5)]...))
	}
}

// signInThere signs the person in from the address on, at Keycloak's own form,
// and sees that they are in.
func (g *Gatehouse) signInThere(address string, as Employee) error {
	browser, err := g.scriptless()
	if err != nil {
		return err
	}
	defer browser.CloseIdleConnections()
	there, err := readForm(browser.Get(address))
	if err != nil {
		return fmt.Errorf("the way to the identity provider: %w", err)
	}
	if !there.fields.Has("password") {
		return fmt.Errorf("there is no form for a password, but one to %s", there.action)
	}
	there.fields.Set("username", as.User)
	there.fields.Set("password", as.Password)
	page, err := readPage(browser.PostForm(there.action, there.fields))
	if err != nil {
		return fmt.Errorf("the way back: %w", err)
	}
	if answer, err := firstForm(page.address, page.body); err == nil && answer.fields.Has("SAMLResponse") {
		if page, err = readPage(browser.PostForm(answer.action, answer.fields)); err != nil {
			return fmt.Errorf("the answer: %w", err)
		}
	}
	if account, err := readPage(browser.Get(g.URL + "/account")); err != nil || !strings.Contains(string(account.body), as.Email) {
		return fmt.Errorf("%s is not signed in (%v), the last page was %s: %.2000s", as.Email, err, page.address.Redacted(), collapse(string(page.body)))
	}
	return nil
}

// scriptless is a browser's cookies and redirects without the rest of it.
func (g *Gatehouse) scriptless() (*http.Client, error) {
	kept, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &http.Client{Jar: loopbackJar{kept}, Transport: &http.Transport{}, Timeout: time.Minute}, nil
}

// loopbackJar sends Secure cookies over http, as browsers do on loopback.
type loopbackJar struct{ kept http.CookieJar }

func (j loopbackJar) SetCookies(address *url.URL, cookies []*http.Cookie) {
	for _, cookie := range cookies {
		cookie.Secure = false
	}
	j.kept.SetCookies(address, cookies)
}

func (j loopbackJar) Cookies(address *url.URL) []*http.Cookie { return j.kept.Cookies(address) }

type shownPage struct {
	address *url.URL
	body    []byte
}

func readPage(response *http.Response, err error) (shownPage, error) {
	if err != nil {
		return shownPage{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return shownPage{response.Request.URL, body}, err
}

// tallied is what a run with real identity providers has done, told at its end.
var tallied struct {
	mu   sync.Mutex
	rows [][3]string
}

func tally(what string, logins int, remark string) {
	tallied.mu.Lock()
	defer tallied.mu.Unlock()
	tallied.rows = append(tallied.rows, [3]string{what, fmt.Sprint(logins), remark})
}

func printTally() {
	if len(tallied.rows) == 0 {
		return
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "what was done\tlogins that went well\t")
	for _, row := range tallied.rows {
		fmt.Fprintf(table, "%s\t%s\t%s\n", row[0], row[1], row[2])
	}
	table.Flush()
}
