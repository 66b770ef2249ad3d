package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"
)

// steadyRate is how many logins a second begin while something is changed.
const steadyRate = 20

// Stream is people who sign in at a steady pace, in browsers that run no
// scripts, whatever happens meanwhile.
type Stream struct {
	t     testing.TB
	login func() error
	start time.Time
	end   chan struct{}
	done  chan struct{}

	mu   sync.Mutex
	took []time.Duration // of those that went well
	lost []error
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
	if err != nil {
		s.lost = append(s.lost, fmt.Errorf("%.1f s after the first: %w", begun.Sub(s.start).Seconds(), err))
		return
	}
	s.took = append(s.took, time.Since(begun))
}

// Await waits until so many logins have ended, well or not.
func (s *Stream) Await(count int) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		s.mu.Lock()
		ended := len(s.took) + len(s.lost)
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
	count := len(s.took) + len(s.lost)
	tally(what, len(s.took), fmt.Sprintf("%.1f a second for %.0f s, %d lost; half within %d ms, 99 of 100 within %d, the slowest %d", float64(count)/took, took, len(s.lost),
		s.within(50), s.within(99), s.within(100)))
	if len(s.lost) > 0 {
		s.t.Errorf("%d of %d logins were lost, the first of them %v", len(s.lost), count, errors.Join(s.lost[:min(len(s.lost), 5)]...))
	}
}

// within is how many milliseconds so many of a hundred took at most.
func (s *Stream) within(percent int) int64 {
	if len(s.took) == 0 {
		return 0
	}
	slices.Sort(s.took)
	return s.took[(len(s.took)-1)*percent/100].Milliseconds()
}

// Regulars are browsers that are signed in at the identity provider already, as
// those of most people are in the course of a day: of a login there they cost
// the redirects, and no password is hashed. Here they are strangers each time.
type Regulars struct {
	g    *Gatehouse
	as   Employee
	from string // where a login begins
	idle chan http.CookieJar

	typed atomic.Int64 // logins for which no such browser was idle: in a new one, by the password
}

// Regulars are so many, each signed in once.
func (g *Gatehouse) Regulars(count int, from string, as Employee) (*Regulars, error) {
	r := &Regulars{g: g, as: as, from: from, idle: make(chan http.CookieJar, 10*count)}
	for range count {
		if err := r.comeByPassword(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Come signs in once more, and sees that they are in.
func (r *Regulars) Come() error {
	select {
	case there := <-r.idle:
		return r.come(there)
	default:
		r.typed.Add(1)
		return r.comeByPassword()
	}
}

func (r *Regulars) comeByPassword() error {
	there, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	return r.come(there)
}

func (r *Regulars) come(there http.CookieJar) error {
	here, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	browser := scriptless(twoJars{r.g.listen, here, there})
	defer browser.CloseIdleConnections()
	if err := r.g.signInThere(browser, r.from, r.as); err != nil {
		return err
	}
	select {
	case r.idle <- there:
	default: // there are enough
	}
	return nil
}

// twoJars keep the cookies of this site apart from those of all others.
type twoJars struct {
	ours        string // host and port
	here, there http.CookieJar
}

func (j twoJars) of(address *url.URL) http.CookieJar {
	if address.Port() == portOf(j.ours) {
		return j.here
	}
	return j.there
}

func (j twoJars) SetCookies(address *url.URL, cookies []*http.Cookie) {
	j.of(address).SetCookies(address, cookies)
}

func (j twoJars) Cookies(address *url.URL) []*http.Cookie { return j.of(address).Cookies(address) }

func portOf(listen string) string {
	_, port, _ := net.SplitHostPort(listen)
	return port
}

// signInThere signs the person in from the address on, at Keycloak's own form
// where it shows one, and sees that they are in.
func (g *Gatehouse) signInThere(browser *http.Client, address string, as Employee) error {
	page, err := readPage(browser.Get(address))
	if err != nil {
		return fmt.Errorf("the way to the identity provider: %w", err)
	}
	if there, err := firstForm(page.address, page.body); err == nil && there.fields.Has("password") {
		there.fields.Set("username", as.User)
		there.fields.Set("password", as.Password)
		if page, err = readPage(browser.PostForm(there.action, there.fields)); err != nil {
			return fmt.Errorf("the way back: %w", err)
		}
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
func scriptless(jar http.CookieJar) *http.Client {
	return &http.Client{Jar: loopbackJar{jar}, Transport: &http.Transport{}, Timeout: time.Minute}
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
