package e2e

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// TestJourney is the main job from end to end: an enterprise admin makes
// single sign-on required, an employee arrives, a program gets through.
func TestJourney(t *testing.T) { onBothDatabases(t, journey) }

func journey(t *testing.T, settings map[string]string) {
	c := newCompany(t, settings)
	c.owner.Open(c.gatehouse.URL)
	c.owner.Screenshot("first run")
	c.becomeOwner()
	c.owner.Screenshot("organization")
	c.makeProject("Search")
	c.owner.Screenshot("project")
	c.chooseDefaultRole()

	c.connect("Corp")
	c.owner.Screenshot("connection as a draft")
	c.claimDomain()
	c.owner.Click("button", "Verify now")
	c.owner.See("There is no TXT record at _gatehouse-challenge." + domain)
	c.owner.Screenshot("domain without its record")
	c.publishRecord()
	c.owner.Click("button", "Verify now")
	c.owner.See(domain + " is verified.")
	c.owner.Screenshot("domain verified")
	c.testConnection()
	c.owner.Screenshot("test login")
	c.activate()
	c.owner.Screenshot("connection active")
	c.breakGlassOwner()
	c.owner.Screenshot("owner named for break-glass")
	c.requireSingleSignOn()
	c.owner.Click("button", "Sign out")
	c.owner.See("You are signed out")
	c.owner.Screenshot("signed out")

	bob := c.employeeArrives()
	c.landedWithTheDefaultRole(bob)
	c.noOtherMethodWorks()
	c.employeeComesByTile()

	c.ownerReturns()
	key := c.mintKey()
	c.programGetsThrough(key)
	c.revoke(key)
	c.readTheStory()
}

// chooseDefaultRole gives newcomers a role that is not what they would get
// without a choice, and one in the project.
func (c *company) chooseDefaultRole() {
	c.t.Helper()
	c.goTo("Sign-in")
	c.owner.Choose("Organization manager")
	c.owner.Select("Project 1", "Search")
	c.owner.Select("Role in project 1", "Project viewer")
	c.owner.Click("button", "Save default role")
	c.owner.See("The default role is saved.")
	c.owner.Screenshot("default role")
}

// requireSingleSignOn looks at what it would do before doing it.
func (c *company) requireSingleSignOn() {
	c.t.Helper()
	c.goTo("Sign-in")
	c.owner.Click("link", "Require single sign-on")
	c.owner.See("1 member can enter through your identity provider alone")
	c.owner.See("Your own session is one of them")
	c.owner.See(c.idp.Alice.Email)
	c.owner.Screenshot("before requiring single sign-on")
	c.owner.Click("button", "Require single sign-on")
	c.owner.See("Single sign-on is required of members on a verified domain.")
	c.owner.Screenshot("required of the owner, too")
	c.owner.Click("link", "Continue with Corp") // where the test login has left them signed in
	c.owner.At(c.home + "/sign-in")
	c.owner.See("Single sign-on is required of members on a verified domain")
	c.owner.Screenshot("single sign-on required")
}

// employeeArrives is Bob's first sign-in ever, from our page.
func (c *company) employeeArrives() *Person {
	c.t.Helper()
	bob := NewPerson(c.t, "Bob")
	bob.Open(c.gatehouse.URL + "/login")
	bob.Screenshot("sign-in page")
	bob.Fill("Email address", c.idp.Bob.Email)
	bob.Click("button", "Continue") // straight to the identity provider
	c.atIdentityProvider(bob, c.idp.Bob)
	c.isIn(bob, c.idp.Bob)
	bob.Screenshot("signed in")
	return bob
}

func (c *company) landedWithTheDefaultRole(bob *Person) {
	c.t.Helper()
	bob.Open(c.gatehouse.URL + c.home)
	bob.See("Organization manager")
	bob.Screenshot("organization as a newcomer sees it")
	c.open(bob, "projects")
	bob.Within("row", "Search").Has("cell", "Project viewer")
	c.open(bob, "members")
	bob.Within("row", c.idp.Bob.Email).Has("cell", "Organization manager")
	bob.Screenshot("members")
	c.open(bob, "connections")
	bob.See("You may not do this")
	bob.Screenshot("what a newcomer may not do")
}

// noOtherMethodWorks: not for the employee, who has no password, and not for
// the owner, who has one and knows it.
func (c *company) noOtherMethodWorks() {
	c.t.Helper()
	for _, person := range []Employee{c.idp.Bob, c.idp.Alice} {
		visitor := c.gatehouse.Visitor(c.t)
		login := visitor.Get("/login").Want(c.t, http.StatusOK)

		// The sign-in page leads to the identity provider, whatever else is asked for.
		for _, method := range []string{"", "password"} {
			led := visitor.Submit(login, "email", person.Email, "method", method).Want(c.t, http.StatusOK)
			c.leadsToIdentityProvider(led)
		}
		// The page that takes a password, got with another address, takes none for this one.
		page := visitor.Submit(login, "email", "somebody@elsewhere.example").Want(c.t, http.StatusOK)
		led := visitor.Submit(page, "email", person.Email, "password", c.password).Want(c.t, http.StatusOK)
		c.leadsToIdentityProvider(led)
		if home := visitor.Get(c.home); home.Status != http.StatusSeeOther || !strings.HasPrefix(home.Location, "/login") {
			c.t.Errorf("with a password %s opens the organization: %s", person.Email, home)
		}
	}
	bob := NewPerson(c.t, "Bob recovering")
	bob.Open(c.gatehouse.URL + "/login/recovery")
	bob.Fill("Email address", c.idp.Bob.Email)
	bob.Fill("Recovery code", c.codes[0])
	bob.Click("button", "Recover access")
	bob.See("This is not the address of a break-glass owner with a recovery code that is still good.")
	bob.Screenshot("recovery refused")
}

func (c *company) leadsToIdentityProvider(a Answer) {
	c.t.Helper()
	if !strings.Contains(a.Page, "Taking you to Corp.") || !strings.Contains(a.Page, c.idp.Base) || strings.Contains(a.Page, `type="password"`) {
		c.t.Errorf("it does not lead to the identity provider: %s", a)
	}
}

// employeeComesByTile: the identity provider's unsolicited response makes us
// ask for a fresh one, which needs no typing.
func (c *company) employeeComesByTile() {
	c.t.Helper()
	bob := NewPerson(c.t, "Bob at another browser")
	bob.Open(c.idp.Tile(c.metadataURL(), c.home+"/members"))
	c.atIdentityProvider(bob, c.idp.Bob)
	c.isIn(bob, c.idp.Bob)
	bob.At(c.home + "/members")
	bob.Screenshot("arrived by the tile")
}

// ownerReturns signs in like everybody else. Their browser is still signed in
// at the identity provider, so the address is all that is typed.
func (c *company) ownerReturns() {
	c.t.Helper()
	c.owner.Click("link", "Sign in again")
	c.owner.Fill("Email address", c.idp.Alice.Email)
	c.owner.Click("button", "Continue")
	c.isIn(c.owner, c.idp.Alice)
}

// mintKey makes a key that may read data and nothing else.
func (c *company) mintKey() string {
	c.t.Helper()
	c.owner.Open(c.gatehouse.URL + c.project)
	c.owner.Click("link", "API keys")
	c.owner.Click("link", "New API key")
	c.owner.Fill("Name", "ci")
	c.owner.Choose("By plane")
	c.owner.Within("group", "Control plane").Choose("None")
	c.owner.Within("group", "Data plane").Choose("ReadOnly")
	c.owner.Screenshot("new key")
	c.owner.Click("button", "Create API key")
	c.owner.See("Copy it now.")
	key := c.owner.Copyable("API key “ci”")
	c.gatehouse.Secret(key)
	c.tryTheLine(c.owner.Copyable("Try it"))
	c.owner.Screenshot("key shown once")
	c.owner.Click("link", "Show API keys")
	c.owner.DoNotSee(key)
	c.owner.Screenshot("keys")
	return key
}

// tryTheLine runs the command that the page shows just as a shell would.
func (c *company) tryTheLine(line string) {
	c.t.Helper()
	requireProgram(c.t, "curl", "curl")
	output, err := exec.Command("sh", "-c", line).CombinedOutput()
	if err != nil || !strings.Contains(string(output), `"VALID"`) {
		c.t.Errorf("%s: %v, %s", line, err, output)
	}
}

func (c *company) programGetsThrough(key string) {
	c.t.Helper()
	for permission, want := range map[string]string{"indexes:query": "VALID", "indexes:create": "FORBIDDEN"} {
		if got := c.verdict(c.gatehouse, key, permission); got != want {
			c.t.Errorf("%s: %s, want %s", permission, got, want)
		}
	}
}

// revoke ends the key. A second after the page has said so, no check may say
// VALID.
func (c *company) revoke(key string) {
	c.t.Helper()
	c.owner.Click("link", "ci")
	c.owner.Click("link", "Revoke ci")
	c.owner.Screenshot("before revoking")
	c.owner.Fill("Type “ci” to confirm", "ci")
	c.owner.Click("button", "Revoke API key")
	withinASecond(c.t, func() error {
		if code := c.verdict(c.gatehouse, key, "indexes:query"); code != "REVOKED" {
			return fmt.Errorf("the key is %s", code)
		}
		return nil
	})
	c.owner.See("The API key “ci” is revoked.")
	c.owner.Screenshot("key revoked")
}

// readTheStory finds on the events page what this journey was.
func (c *company) readTheStory() {
	c.t.Helper()
	c.goTo("Events")
	c.owner.Screenshot("events")
	c.tells(c.owner,
		"Alice Adams created the user Alice Adams.",
		"Alice Adams created the organization “Acme”.",
		"Alice Adams added themselves to the members as “Organization owner”.",
		"Alice Adams spent a welcome link.",
		"Alice Adams created the project “Search”.",
		"Alice Adams changed the default role from “Organization member” to “Organization manager”.",
		"Alice Adams created the connection “Corp”.",
		"Alice Adams claimed the domain corp.example.",
		"Alice Adams looked for the TXT record of the domain corp.example and did not find it.",
		"Alice Adams verified the domain corp.example.",
		"Alice Adams linked themselves to their sign-in through the connection “Corp”.",
		"Alice Adams tested the connection “Corp” with a real login, which went well.",
		"Alice Adams activated the connection “Corp”.",
		"Alice Adams required single sign-on for “members on a verified domain”. High severity",
		"Alice Adams signed in through the connection “Corp”.",
		"Alice Adams ended a session.",
		"Bob Brown created the user Bob Brown.",
		"Bob Brown added themselves to the members as “Organization manager”.",
		"Bob Brown linked themselves to their sign-in through the connection “Corp”.",
		"Bob Brown signed in through the connection “Corp”.", // from our page
		"Bob Brown signed in through the connection “Corp”.", // from the tile
		"Alice Adams signed in through the connection “Corp”.",
		"Alice Adams created the API key “ci” in project “Search”.",
		"Alice Adams revoked the API key “ci” in project “Search”.",
	)
}
