package store

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

var (
	ourPublicAddress = &url.URL{Scheme: "https", Host: "sso.example.com"}
	ourTrialAddress  = &url.URL{Scheme: "http", Host: "localhost:8080"}
)

func TestHostNames(t *testing.T) {
	for _, row := range []struct {
		own         *url.URL
		typed, want string // "": refused
	}{
		{ourPublicAddress, "app.example.com", "app.example.com"},
		{ourPublicAddress, " https://App.Example.COM/ ", "app.example.com"},
		{ourPublicAddress, "app.example.com:443", "app.example.com"},
		{ourPublicAddress, "app.example.com:8443", "app.example.com:8443"},
		{ourPublicAddress, "bücher.example", "xn--bcher-kva.example"},
		{ourPublicAddress, "sso.example.com.evil.example", "sso.example.com.evil.example"},
		{ourPublicAddress, "sso.example.com", ""},
		{ourPublicAddress, "SSO.example.com:8443", ""},
		{ourPublicAddress, "http://app.example.com", ""},
		{ourPublicAddress, "app.localhost", ""},
		{ourPublicAddress, "localhost:3000", ""},
		{ourPublicAddress, "192.0.2.1", ""},
		{ourPublicAddress, "[2001:db8::1]:8443", ""},
		{ourPublicAddress, "app.example.com/path", ""},
		{ourPublicAddress, "ada@app.example.com", ""},
		{ourPublicAddress, "app.example.com:0", ""},
		{ourPublicAddress, "app.example.com:65536", ""},
		{ourPublicAddress, "app.example.com:0443", ""},
		{ourPublicAddress, "app.example.com\r\nx", ""},
		{ourPublicAddress, "*.example.com", ""},
		{ourPublicAddress, "", ""},
		{ourTrialAddress, "app.localhost:8088", "app.localhost:8088"},
		{ourTrialAddress, "http://app.localhost:80", "app.localhost"},
		{ourTrialAddress, "localhost:8088", ""},
		{ourTrialAddress, "app.example.com", ""},
	} {
		got, problem := hostName(row.typed, row.own)
		if got != row.want || (problem == "") != (row.want != "") {
			t.Errorf("%q under %s: %q %q, want %q", row.typed, row.own, got, problem, row.want)
		}
	}
}

func TestHosts(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		acme, ada := anOrganization(t, s, "acme")
		globex, eve := anOrganization(t, s, "globex")
		search, theirs := aProject(t, s, acme.ID, ada), aProject(t, s, globex.ID, eve)
		register := func(o Organization, by User, p Project, name string) (Host, error) {
			return s.In(o.ID).RegisterHost(t.Context(), actorOf(by), p.ID, name, ourPublicAddress)
		}
		last := must(s.LastChange(t.Context()))
		host := must(register(acme, ada, search, "app.example.com"))
		var invalid *Invalid
		if _, err := register(globex, eve, theirs, "APP.example.com"); !errors.As(err, &invalid) {
			t.Errorf("a host is registered twice: %v", err)
		}
		if _, err := register(globex, eve, search, "other.example.com"); !errors.Is(err, ErrNotFound) {
			t.Errorf("a host for another's project: %v", err)
		}
		for _, scope := range []string{globex.ID, ""} {
			if _, err := s.In(scope).Host(t.Context(), search.ID, host.ID); !errors.Is(err, ErrNotFound) {
				t.Errorf("%q sees a host of acme: %v", scope, err)
			}
			if err := s.In(scope).ReleaseHost(t.Context(), actorOf(eve), search.ID, host.ID); !errors.Is(err, ErrNotFound) {
				t.Errorf("%q releases a host of acme: %v", scope, err)
			}
		}
		if all := must(s.AllHosts(t.Context())); len(all) != 1 || all[0].ID != host.ID || all[0].ProjectID != search.ID || all[0].OrganizationID != acme.ID {
			t.Errorf("all hosts are %+v", all)
		}
		ok(t, s.In(acme.ID).ReleaseHost(t.Context(), actorOf(ada), search.ID, host.ID))
		must(register(globex, eve, theirs, "app.example.com"))
		kinds := 0
		for _, change := range must(s.ChangesAfter(t.Context(), last)) {
			if change.Kind == ChangedHost {
				kinds++
			}
		}
		if kinds != 3 {
			t.Errorf("%d changes of hosts were told, want 3", kinds)
		}
		if events := must(s.In(acme.ID).Events(t.Context(), EventFilter{Action: string(audit.HostReleased)})); len(events) != 1 {
			t.Errorf("%d events of the release", len(events))
		}
	})
}

func TestHostsPerProject(t *testing.T) { eachDatabase(t, hostsOfOneProject) }

func hostsOfOneProject(t *testing.T, s *Store) {
	acme, ada := anOrganization(t, s, "acme")
	search := aProject(t, s, acme.ID, ada)
	for i := range hostsPerProject {
		must(s.In(acme.ID).RegisterHost(t.Context(), actorOf(ada), search.ID, strings.Repeat("a", i+1)+".example.com", ourPublicAddress))
	}
	var invalid *Invalid
	if _, err := s.In(acme.ID).RegisterHost(t.Context(), actorOf(ada), search.ID, "more.example.com", ourPublicAddress); !errors.As(err, &invalid) {
		t.Errorf("one more: %v", err)
	}
}

// A verified domain is the organization's: nobody else has hosts on it, before or after.
func TestHostsOnVerifiedDomains(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		acme, ada := anOrganization(t, s, "acme")
		globex, eve := anOrganization(t, s, "globex")
		search, theirs := aProject(t, s, acme.ID, ada), aProject(t, s, globex.ID, eve)
		for _, name := range []string{"app.acme-corp.test", "acme-corp.test:8443", "notacme-corp.test"} {
			must(s.In(globex.ID).RegisterHost(t.Context(), actorOf(eve), theirs.ID, name, ourPublicAddress))
		}
		own := must(s.In(acme.ID).RegisterHost(t.Context(), actorOf(ada), search.ID, "own.acme-corp.test", ourPublicAddress))
		domain := must(s.In(acme.ID).ClaimDomain(t.Context(), actorOf(ada), "acme-corp.test", "sso.example.com"))
		must(s.In(acme.ID).RecordDomainCheck(t.Context(), actorOf(ada), domain.ID, Finding{Proved: true}))
		var names []string
		for _, host := range must(s.AllHosts(t.Context())) {
			names = append(names, host.Name)
		}
		if !slices.Equal(names, []string{"notacme-corp.test", own.Name}) {
			t.Errorf("left are %v", names)
		}
		told := must(s.In(globex.ID).Events(t.Context(), EventFilter{Action: string(audit.HostReleased)}))
		if len(told) != 2 || told[0].Actor.Kind == audit.User {
			t.Errorf("globex was told %+v", told)
		}
		var invalid *Invalid
		if _, err := s.In(globex.ID).RegisterHost(t.Context(), actorOf(eve), theirs.ID, "new.acme-corp.test", ourPublicAddress); !errors.As(err, &invalid) {
			t.Errorf("a host on another's domain: %v", err)
		}
		must(s.In(acme.ID).RegisterHost(t.Context(), actorOf(ada), search.ID, "new.acme-corp.test", ourPublicAddress)) // the honest twin
	})
}

// Whichever is first, a host that another organization registers while a domain is verified does not stay on it.
func TestD02_HostsAndVerificationAtOnce(t *testing.T) {
	eachOrder(t, func(t *testing.T, nodes [2]*Store, both func(a, b func() error) (error, error)) {
		acme, ada := anOrganization(t, nodes[0], "acme")
		globex, eve := anOrganization(t, nodes[0], "globex")
		theirs := aProject(t, nodes[0], globex.ID, eve)
		domain := must(nodes[0].In(acme.ID).ClaimDomain(t.Context(), actorOf(ada), "acme-corp.test", "sso.example.com"))
		register := func(name string) error {
			_, err := nodes[1].In(globex.ID).RegisterHost(t.Context(), actorOf(eve), theirs.ID, name, ourPublicAddress)
			return err
		}
		registered, verified := both(func() error { return register("app.acme-corp.test") }, func() error {
			_, err := nodes[0].In(acme.ID).RecordDomainCheck(t.Context(), actorOf(ada), domain.ID, Finding{Proved: true})
			return err
		})
		ok(t, verified)
		if invalid := new(Invalid); registered != nil && !errors.As(registered, &invalid) {
			t.Errorf("registering failed with %v", registered)
		}
		ok(t, register("app.globex.test")) // the honest twin
		if all := must(nodes[0].AllHosts(t.Context())); len(all) != 1 || all[0].Name != "app.globex.test" {
			t.Errorf("there are %+v", all)
		}
	})
}

// arrival is a person with a session, a host, and what their browser was given there.
type arrival struct {
	*testing.T
	store   *Store
	org     Organization
	user    User
	session Session
	host    Host
	browser secret.Token
}

func anArrival(t *testing.T, s *Store) arrival {
	t.Helper()
	acme, ada := anOrganization(t, s, "acme")
	session, _ := aSession(t, s, ada, byPassword(t, s, ada))
	host := must(s.In(acme.ID).RegisterHost(t.Context(), actorOf(ada), aProject(t, s, acme.ID, ada).ID, "app.example.com", ourPublicAddress))
	return arrival{t, s, acme, ada, session, host, secret.NewToken()}
}

func (a arrival) ticket() secret.Token {
	a.Helper()
	return must(a.store.MakeTicket(a.Context(), Ticket{HostID: a.host.ID, SessionID: a.session.ID, ArrivalHash: a.browser.Hash(), ReturnTo: "/projects?x=1"}))
}

func (a arrival) spend(host Host, ticket, browser secret.Token) (secret.Token, error) {
	visit, returnTo, err := a.store.SpendTicket(a.Context(), operator, host, ticket, browser)
	if err == nil && returnTo != "/projects?x=1" {
		a.Errorf("leads to %q", returnTo)
	}
	return visit, err
}

func TestW32_ATicketIsSpentOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		a := anArrival(t, s)
		ticket, won := a.ticket(), 0
		for _, err := range atOnce(100, func(int) error { _, err := a.spend(a.host, ticket, a.browser); return err }) {
			if err == nil {
				won++
			} else if !errors.Is(err, ErrNotFound) {
				t.Error(err)
			}
		}
		if won != 1 || count(t, s, "host_visits") != 1 {
			t.Errorf("%d of 100 uses succeeded and left %d visits", won, count(t, s, "host_visits"))
		}
	})
}

func TestATicketIsForOneHostAndOneBrowser(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		a := anArrival(t, s)
		other := a.host
		other.ID = "hst_00000000000000000000000000"
		for name, shown := range map[string]struct {
			host    Host
			browser secret.Token
		}{"another browser": {a.host, secret.NewToken()}, "no browser": {a.host, secret.Token{}}, "another host": {other, a.browser}} {
			ticket := a.ticket()
			if _, err := a.spend(shown.host, ticket, shown.browser); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := a.spend(a.host, ticket, a.browser); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s left the ticket good: %v", name, err)
			}
		}
		isError(t, second(a.spend(a.host, secret.Token{}, a.browser)), ErrNotFound)
		if n := count(t, s, "host_visits") + count(t, s, "events WHERE action = ?", audit.HostEntered); n != 0 {
			t.Errorf("%d visits or events of visits", n)
		}
		must(a.spend(a.host, a.ticket(), a.browser)) // the honest twin
		late := a.ticket()
		later(s, ticketLife)
		if _, err := a.spend(a.host, late, a.browser); !errors.Is(err, ErrNotFound) {
			t.Errorf("too late: %v", err)
		}
	})
}

func second(_ secret.Token, err error) error { return err }

// A ticket leads nowhere once its session is over, in whatever way.
func TestATicketIsWorthNothingOnceItsSessionIsOver(t *testing.T) {
	for name, row := range map[string]struct {
		statement string
		values    func(a arrival) []any
	}{
		"the user is suspended": {"UPDATE users SET suspended_at = ? WHERE id = ?", func(a arrival) []any { return []any{a.store.Now(), a.user.ID} }},
		"it has run out":        {"UPDATE sessions SET expires_at = ? WHERE id = ?", func(a arrival) []any { return []any{a.store.Now(), a.session.ID} }},
		"nobody used it": {"UPDATE sessions SET seen_at = ? WHERE id = ?", func(a arrival) []any {
			return []any{a.store.Now().Add(-sessionIdle), a.session.ID}
		}},
		"nothing": {"UPDATE sessions SET seen_at = ? WHERE id = ?", func(a arrival) []any {
			return []any{a.store.Now().Add(time.Second - sessionIdle), a.session.ID}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *Store) {
				a := anArrival(t, s)
				ticket := a.ticket()
				behind(t, s, row.statement, row.values(a)...)
				_, err := a.spend(a.host, ticket, a.browser)
				if name == "nothing" {
					ok(t, err)
				} else {
					isError(t, err, ErrNotFound)
				}
				if n := count(t, s, "host_visits"); (n == 1) != (name == "nothing") {
					t.Errorf("%d visits", n)
				}
			})
		})
	}
}

func TestVisitsHangOnTheSession(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		a := anArrival(t, s)
		first := must(a.spend(a.host, a.ticket(), a.browser))
		visit := must(a.spend(a.host, a.ticket(), a.browser))
		if _, _, err := s.Visit(t.Context(), a.host.ID, first); !errors.Is(err, ErrNotFound) {
			t.Errorf("a later visit leaves the earlier one open: %v", err)
		}
		if _, _, err := s.Visit(t.Context(), "hst_00000000000000000000000000", visit); !errors.Is(err, ErrNotFound) {
			t.Errorf("a visit opens another host: %v", err)
		}
		if _, _, err := s.Session(t.Context(), visit); !errors.Is(err, ErrNotFound) {
			t.Errorf("a visit opens our own site: %v", err)
		}
		session, user, err := s.Visit(t.Context(), a.host.ID, visit)
		ok(t, err)
		if session.ID != a.session.ID || user.ID != a.user.ID || len(session.Proofs) != 1 || !session.ProofsUntil.Equal(session.ExpiresAt) {
			t.Errorf("the visit is of %+v %+v", session, user)
		}
		for range 4 { // use of the host is use of the session
			later(s, 20*time.Minute)
			if _, _, err := s.Visit(t.Context(), a.host.ID, visit); err != nil {
				t.Fatalf("a visit in use ended: %v", err)
			}
		}
		ok(t, s.EndSession(t.Context(), actorOf(a.user), a.user.ID, a.session.ID))
		if _, _, err := s.Visit(t.Context(), a.host.ID, visit); !errors.Is(err, ErrNotFound) {
			t.Errorf("a visit outlives its session: %v", err)
		}
		if n := count(t, s, "host_visits"); n != 0 {
			t.Errorf("%d visits are left", n)
		}
		if _, err := s.MakeTicket(t.Context(), Ticket{HostID: a.host.ID, SessionID: a.session.ID, ArrivalHash: a.browser.Hash(), ReturnTo: "/"}); !errors.Is(err, ErrNotFound) {
			t.Errorf("a ticket for a session that is over: %v", err)
		}
	})
}

func TestTicketsAreSwept(t *testing.T) { eachDatabase(t, ticketsAreSwept) }

func ticketsAreSwept(t *testing.T, s *Store) {
	a := anArrival(t, s)
	a.ticket()
	ok(t, s.Sweep(t.Context()))
	if count(t, s, "host_tickets") != 1 {
		t.Error("a live ticket is gone")
	}
	later(s, ticketLife+time.Second)
	ok(t, s.Sweep(t.Context()))
	if count(t, s, "host_tickets") != 0 {
		t.Error("an old ticket is left")
	}
}
