package bench

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	browsers = 8   // at once
	people   = 40  // who sign in, all of them again and again
	logins   = 160 // in one round
)

// login is one person's browser that comes back from the identity provider and has not yet posted what it was given.
type login struct {
	person          string
	response, relay string
	cookies         []*http.Cookie
}

var client = &http.Client{
	Transport:     &http.Transport{MaxIdleConnsPerHost: browsers},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// begin takes a new browser to the identity provider and back, up to the response that it is to post.
func (on installation) begin(g *gatehouse, person int) (*login, error) {
	l := &login{person: fmt.Sprintf("person-%d@corp.test", person)}
	answer, err := l.ask(http.MethodGet, g.url+"/connections/"+on.connection+"/login", nil)
	if err != nil {
		return nil, err
	}
	departure, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || answer.StatusCode != http.StatusSeeOther {
		return nil, fmt.Errorf("a login begins with %s, %v", answer.Status, err)
	}
	l.relay = departure.Query().Get("RelayState")
	l.response, err = on.respond(person, departure.String())
	return l, err
}

// finish posts the response and goes on until the session is there: what is measured.
func (l *login) finish(acs string) error {
	answer, err := l.ask(http.MethodPost, acs, url.Values{"SAMLResponse": {l.response}, "RelayState": {l.relay}})
	if err != nil {
		return err
	}
	finish, err := answer.Request.URL.Parse(answer.Header.Get("Location"))
	if err != nil || answer.StatusCode != http.StatusSeeOther {
		return fmt.Errorf("the ACS answers %s, %v", answer.Status, err)
	}
	before := len(l.cookies)
	answer, err = l.ask(http.MethodGet, finish.String(), nil)
	if err == nil && (answer.StatusCode != http.StatusSeeOther || len(l.cookies) == before) {
		err = fmt.Errorf("the login finishes with %s and %d cookies", answer.Status, len(l.cookies))
	}
	return err
}

// ask makes one request with the browser's cookies and keeps those that come back.
func (l *login) ask(method, address string, form url.Values) (*http.Response, error) {
	answer, _, err := l.read(method, address, form)
	return answer, err
}

func (l *login) read(method, address string, form url.Values) (*http.Response, []byte, error) {
	request, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, nil, err
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, cookie := range l.cookies {
		request.AddCookie(cookie)
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	l.cookies = append(l.cookies, answer.Cookies()...)
	return answer, body, err
}

// signedIn asks for a page that is for nobody else.
func (l *login) signedIn(g *gatehouse) error {
	answer, page, err := l.read(http.MethodGet, g.url+"/account", nil)
	if err == nil && (answer.StatusCode != http.StatusOK || !strings.Contains(string(page), l.person)) {
		err = fmt.Errorf("%s is not signed in: %s", l.person, answer.Status)
	}
	return err
}

// spendTwice does one login, sees that its session is there, and that its response opens nothing more.
func (on installation) spendTwice(g *gatehouse, person int) error {
	l, err := on.begin(g, person)
	if err != nil {
		return err
	}
	again := *l
	if err := l.finish(on.acs(g)); err != nil {
		return err
	}
	if err := l.signedIn(g); err != nil {
		return err
	}
	if again.finish(on.acs(g)) == nil {
		return errors.New("a response is accepted twice")
	}
	return nil
}

// rate prepares logins of people who are known already, and measures how many of them finish in a second.
func (on installation) rate(g *gatehouse) (float64, error) {
	waiting := make(chan *login, logins)
	for i := range logins {
		l, err := on.begin(g, i%people)
		if err != nil {
			return 0, err
		}
		waiting <- l
	}
	close(waiting)
	start := time.Now()
	err := atOnce(func() (err error) {
		for l := range waiting {
			err = errors.Join(err, l.finish(on.acs(g)))
		}
		return err
	})
	return logins / time.Since(start).Seconds(), err
}

// atOnce lets as many browsers do the same at once and returns all that went wrong.
func atOnce(do func() error) error {
	var all sync.WaitGroup
	faults := make([]error, browsers)
	for i := range faults {
		all.Go(func() { faults[i] = do() })
	}
	all.Wait()
	return errors.Join(faults...)
}

func TestLoginsPerSecond(t *testing.T) {
	lite, postgres := onSQLite(t), onPostgreSQL(t)
	onLite, onPostgres := lite.serve(t), postgres.serve(t)
	t.Cleanup(func() { onLite.stop(t); onPostgres.stop(t) })
	known := 1
	if Measuring() {
		known = people
	}
	Comparison{
		Title:   "Whole logins, from the POST to the ACS until the session is there",
		Against: fmt.Sprintf("the shipped binary over HTTP, %d browsers in one Go process, %d people signing in again, databases that keep what they acknowledge", browsers, people),
		Unit:    "/s",
		Same: func() error {
			for person := range known {
				if err := errors.Join(lite.spendTwice(onLite, person), postgres.spendTwice(onPostgres, person)); err != nil {
					return err
				}
			}
			return nil
		},
		Sides: []Side{
			{Name: "SQLite", Run: func() (float64, error) { return lite.rate(onLite) }},
			{Name: "PostgreSQL", Run: func() (float64, error) { return postgres.rate(onPostgres) }},
		},
	}.Table(t)
}
