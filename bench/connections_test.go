package bench

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// customers are how many organizations, each with a connection and a domain, there are beside the one that is asked: few, and many.
func customers() [2]int {
	if Measuring() {
		return [2]int{8, 9_998} // 10 and 10,000 connections with our own two
	}
	return [2]int{1, 3}
}

// However many customers connect their identity providers, people of one of them notice nothing.
func TestManyConnections(t *testing.T) {
	for name, install := range map[string]func(testing.TB, ...int) installation{"SQLite": onSQLite, "PostgreSQL": onPostgreSQL} {
		t.Run(name, func(t *testing.T) {
			few, many := withCustomers(t, install, customers()[0]), withCustomers(t, install, customers()[1])
			compare := func(title string, same func() error, once func(*crowd) (time.Duration, error)) {
				Comparison{
					Title:   title + ", 99 of 100 within, by the connections in the database",
					Against: "the shipped binary over HTTP on " + name + ", one browser, " + fmt.Sprint(asked()) + " times in a round",
					Unit:    "ms",
					Same:    same,
					Sides: []Side{
						{Name: fmt.Sprint(2 + customers()[0]), Run: func() (float64, error) { return few.slowest(once) }},
						{Name: fmt.Sprint(2 + customers()[1]), Run: func() (float64, error) { return many.slowest(once) }, Expect: "at most 1.2 of it"},
					},
				}.Table(t)
			}
			compare("The sign-in page for an address", alike(few, many, (*crowd).signInPage), took((*crowd).signInPage))
			compare("The list of an organization's connections", alike(few, many, (*crowd).list), took((*crowd).list))
			compare("A login by SAML, from the POST to the ACS until the session is there", func() error {
				return errors.Join(spendTwice(few.gatehouse, few.begin, 0), spendTwice(many.gatehouse, many.begin, 0))
			}, (*crowd).signIn)
		})
	}
}

// crowd is an installation that serves, and a browser in which its owner is signed in.
type crowd struct {
	installation
	*gatehouse
	owner *login
}

func withCustomers(t *testing.T, install func(testing.TB, ...int) installation, others int) *crowd {
	c := &crowd{installation: install(t, others), owner: &login{person: ownersAddress}}
	c.gatehouse = c.serve(t)
	t.Cleanup(func() { c.stop(t) })
	answer, err := c.owner.ask(http.MethodPost, c.url+"/login/password", url.Values{"email": {ownersAddress}, "password": {ownersPassword}})
	check(t, err)
	if answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("the owner's password is answered %s", answer.Status)
	}
	return c
}

// signInPage is what somebody sees who has typed their address.
func (c *crowd) signInPage() (string, error) {
	answer, page, err := new(login).read(http.MethodPost, c.url+"/login", url.Values{"email": {"person-0@corp.test"}})
	if err == nil && (answer.StatusCode != http.StatusOK || !strings.Contains(string(page), "Corp")) {
		err = fmt.Errorf("the sign-in page is %s: %s", answer.Status, page)
	}
	return string(page), err
}

// list is the console's list of connections.
func (c *crowd) list() (string, error) {
	answer, page, err := c.owner.read(http.MethodGet, c.url+"/organizations/"+c.organization+"/connections", nil)
	if err == nil && (answer.StatusCode != http.StatusOK || !strings.Contains(string(page), c.connection)) {
		err = fmt.Errorf("the list of connections is %s", answer.Status)
	}
	return string(page), err
}

// signIn is how long a login takes of somebody who comes back from the identity provider.
func (c *crowd) signIn() (time.Duration, error) {
	l, err := c.begin(c.gatehouse, 0)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	err = l.finish()
	return time.Since(began), err
}

// alike says whether both show pages with as many rows and forms.
func alike(a, b *crowd, page func(*crowd) (string, error)) func() error {
	return func() error {
		of, err := page(a)
		if err != nil {
			return err
		}
		than, err := page(b)
		if err != nil {
			return err
		}
		for _, part := range []string{"<tr", "<li", "<form", "<button"} {
			if n, m := strings.Count(of, part), strings.Count(than, part); n != m {
				return fmt.Errorf("%d and %d of %s", n, m, part)
			}
		}
		return nil
	}
}

func took(page func(*crowd) (string, error)) func(*crowd) (time.Duration, error) {
	return func(c *crowd) (time.Duration, error) {
		began := time.Now()
		_, err := page(c)
		return time.Since(began), err
	}
}

func asked() int {
	if Measuring() {
		return 300
	}
	return 1
}

// slowest is how long the slowest took, but for one of a hundred, in milliseconds.
func (c *crowd) slowest(once func(*crowd) (time.Duration, error)) (float64, error) {
	var all []time.Duration
	for range asked() {
		took, err := once(c)
		if err != nil {
			return 0, err
		}
		all = append(all, took)
	}
	slices.Sort(all)
	return milliseconds(all[len(all)*99/100]), nil
}
