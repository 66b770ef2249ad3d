package e2e

import (
	"database/sql"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite" // days pass in the database, while nobody waits
)

// TestJourney_ADomainLapsesAndRecovers follows a company whose record goes
// missing: what its owner reads and when, who still comes in and who does
// not, and that the record put back makes everything as it was.
func TestJourney_ADomainLapsesAndRecovers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gatehouse.db")
	c := signedUpCompany(t, map[string]string{"GATEHOUSE_DATABASE": "sqlite:" + file})
	c.goTo("Domains")
	c.owner.Click("link", domain)
	page := c.owner.Address().String()
	record, value := c.owner.Copyable("Name"), c.owner.Copyable("Value")
	check := func(says string) {
		t.Helper()
		c.owner.Open(page)
		c.owner.Click("button", "Check now")
		c.owner.See(says)
	}
	check("The record is there.")

	c.dns.Break(record)
	check("Nobody answered the last check.")
	c.owner.See("The domain stays verified")

	c.dns.Set(record)
	check("The record is missing. Put it back before")
	c.owner.Screenshot("domain whose record is missing")
	c.dns.Set(record, value)
	check(domain + " is verified.")

	c.dns.Set(record)
	check("The record is missing. Put it back before")
	pass(t, file, "UPDATE domains SET failing_since = datetime(failing_since, '-8 days')")
	check("The domain lapsed on")
	c.owner.Screenshot("lapsed domain")
	bob := NewPerson(t, "Bob")
	c.enterEmail(bob, c.idp.Bob.Email)
	bob.Click("button", "Continue with Corp")
	c.atIdentityProvider(bob, c.idp.Bob)
	bob.See("Your email address is not on a domain that this organization has proved.")

	c.dns.Set(record, value)
	check(domain + " is verified.")
	c.enterEmail(bob, c.idp.Bob.Email)
	bob.Click("button", "Continue with Corp")
	c.isIn(bob, c.idp.Bob)

	c.goTo("Events")
	c.owner.Screenshot("story of a domain")
	c.tells(c.owner,
		"no longer found the TXT record of the domain "+domain,
		"let the domain "+domain+" lapse",
		"found the TXT record of the domain "+domain+" again")
}

// pass lets time pass that nobody waits for.
func pass(t *testing.T, file, statement string) {
	t.Helper()
	database, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer database.Close()
	if _, err := database.Exec(statement); err != nil {
		t.Fatal(err)
	}
}
