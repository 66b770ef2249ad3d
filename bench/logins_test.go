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

// login is one person's browser that comes back from the identity provider and has not yet brought what it was given.
type login struct {
	person  string
	method  string // with which it comes to address, with form
	address string
	form    url.Values
	cookies []*http.Cookie
}

// begins takes a new browser to an identity provider and back, up to what it is to bring.
type begins func(g *gatehouse, person int) (*login, error)

var client = &http.Client{
	Transport:     &http.Transport{MaxIdleConnsPerHost: browsers},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// begin is by SAML: the browser is to post a response.
func (on installation) begin(g *gatehouse, person int) (*login, error) {
	l := &login{person: fmt.Sprintf("person-%d@corp.test", person), method: http.MethodPost, address: on.acs(g)}
	departure, err := l.depart(g, on.connection)
	if err != nil {
		return nil, err
	}
	response, err := on.respond(l.person, departure.String())
	l.form = url.Values{"SAMLResponse": {response}, "RelayState": {departure.Query().Get("RelayState")}}
	return l, err
}

// beginOpenID is by OpenID Connect: the browser is to bring a code, for which Gatehouse then asks the provider for the tokens.
func (on installation) beginOpenID(g *gatehouse, person int) (*login, error) {
	l := &login{person: fmt.Sprintf("open-%d@corp.test", person), method: http.MethodGet}
	departure, err := l.depart(g, on.openIDConnection)
	if err != nil {
		return nil, err
	}
	on.openID.SignIn(somebody(l.person))
	answer, err := client.Get(departure.String())
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	back, err := answer.Location()
	if err != nil {
		return nil, fmt.Errorf("the OpenID provider answers %s: %w", answer.Status, err)
	}
	l.address = back.String()
	return l, nil
}

// depart begins a login and returns where the browser is sent.
func (l *login) depart(g *gatehouse, connection string) (*url.URL, error) {
	answer, err := l.ask(http.MethodGet, g.url+"/connections/"+connection+"/login", nil)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusSeeOther {
		return nil, fmt.Errorf("a login begins with %s", answer.Status)
	}
	return answer.Location()
}

// finish brings what the identity provider gave and goes on until the session is there: what is measured.
func (l *login) finish() error {
	answer, err := l.ask(l.method, l.address, l.form)
	if err != nil {
		return err
	}
	finish, err := answer.Location()
	if err != nil || answer.StatusCode != http.StatusSeeOther {
		return fmt.Errorf("what comes back is answered %s, %v", answer.Status, err)
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

// spendTwice does one login, sees that its session is there, and that what it brought opens nothing more.
func spendTwice(g *gatehouse, begin begins, person int) error {
	l, err := begin(g, person)
	if err != nil {
		return err
	}
	again := *l
	if err := l.finish(); err != nil {
		return err
	}
	if err := l.signedIn(g); err != nil {
		return err
	}
	if again.finish() == nil {
		return errors.New("what an identity provider gave is accepted twice")
	}
	return nil
}

// rate prepares logins of people who are known already, and measures how many of them finish in a second.
func rate(g *gatehouse, begin begins) (float64, error) {
	waiting := make(chan *login, logins)
	for i := range logins {
		l, err := begin(g, i%people)
		if err != nil {
			return 0, err
		}
		waiting <- l
	}
	close(waiting)
	start := time.Now()
	err := atOnce(func() (err error) {
		for l := range waiting {
			err = errors.Join(err, l.finish())
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

// known is how many people sign in once before anything is measured.
func known() int {
	if Measuring() {
		return people
	}
	return 1
}

func TestLoginsPerSecond(t *testing.T) {
	lite, postgres := onSQLite(t), onPostgreSQL(t)
	onLite, onPostgres := lite.serve(t), postgres.serve(t)
	t.Cleanup(func() { onLite.stop(t); onPostgres.stop(t) })
	Comparison{
		Title:   "Whole logins, from the POST to the ACS until the session is there",
		Against: fmt.Sprintf("the shipped binary over HTTP, %d browsers in one Go process, %d people signing in again, databases that keep what they acknowledge", browsers, people),
		Unit:    "/s",
		Same: func() error {
			for person := range known() {
				if err := errors.Join(spendTwice(onLite, lite.begin, person), spendTwice(onPostgres, postgres.begin, person)); err != nil {
					return err
				}
			}
			return nil
		},
		Sides: []Side{
			{Name: "SQLite", Run: func() (float64, error) { return rate(onLite, lite.begin) }},
			{Name: "PostgreSQL", Run: func() (float64, error) { return rate(onPostgres, postgres.begin) }},
		},
	}.Table(t)
}

// By OpenID Connect a login takes one call more, to the provider's token endpoint, which this process answers and signs for.
func TestLoginsPerSecondByProtocol(t *testing.T) {
	on := onSQLite(t)
	g := on.serve(t)
	t.Cleanup(func() { g.stop(t) })
	Comparison{
		Title:   "Whole logins, from what the browser brings back until the session is there",
		Against: fmt.Sprintf("the shipped binary over HTTP on SQLite, %d browsers and both identity providers in one Go process, %d people each signing in again", browsers, people),
		Unit:    "/s",
		Same: func() error {
			for person := range known() {
				if err := errors.Join(spendTwice(g, on.begin, person), spendTwice(g, on.beginOpenID, person)); err != nil {
					return err
				}
			}
			return nil
		},
		Sides: []Side{
			{Name: "SAML", Run: func() (float64, error) { return rate(g, on.begin) }},
			{Name: "OpenID Connect, with its call for the tokens", Run: func() (float64, error) { return rate(g, on.beginOpenID) }},
		},
	}.Table(t)
}
