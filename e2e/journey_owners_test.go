package e2e

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// TestIdentityProviderDown: single sign-on is required and the identity
// provider is gone. An owner breaks the glass, mends the setting and nothing
// else, and is back.
func TestIdentityProviderDown(t *testing.T) {
	c := signedUpCompany(t, nil)
	c.makeProject("Search")
	c.enforce()
	c.idp.Stop()

	// The operator's link does it for any owner.
	carol := NewPerson(t, "Alice with the operator's link")
	carol.Open(welcomeLink.FindString(c.gatehouse.Run("break-glass", "--organization", "Acme", "--email", c.idp.Alice.Email)))
	carol.Click("button", "Continue")
	carol.Fill("Password", c.password)
	carol.Click("button", "Save password")
	carol.At(c.home + "/sign-in")
	carol.See("This is a recovery session.")

	alice := NewPerson(t, "Alice recovering")
	c.recover(alice, c.password)
	alice.See("This is not the address of a break-glass owner with a recovery code that is still good.")
	alice.Screenshot("recovery refused")
	c.recover(alice, c.codes[0])
	alice.At(c.home + "/sign-in")
	alice.See("This is a recovery session.")
	alice.See("9 recovery codes left")
	alice.Within("navigation", "Organization").Lacks("link", "Projects")
	alice.Screenshot("recovered")
	for _, page := range []string{c.home + "/members", c.project + "/api-keys", "/account"} {
		alice.Open(c.gatehouse.URL + page)
		alice.See("You may not do this")
	}
	alice.Screenshot("closed to a recovery session")
	again := NewPerson(t, "Somebody with the same code")
	c.recover(again, c.codes[0])
	again.See("This is not the address of a break-glass owner with a recovery code that is still good.")

	c.open(alice, "sign-in")
	alice.Click("link", "Stop requiring single sign-on")
	alice.Screenshot("before stopping")
	alice.Click("button", "Stop requiring single sign-on")
	alice.See("Single sign-on is no longer required.")
	c.open(alice, "connections")
	alice.Click("link", "Corp")
	alice.Click("button", "Disable connection")
	alice.See("The connection is disabled.")
	alice.See("This is a recovery session.")
	alice.Click("button", "Sign out")

	c.enterEmail(alice, c.idp.Alice.Email)
	alice.Fill("Password", c.password)
	alice.Click("button", "Sign in")
	c.isIn(alice, c.idp.Alice)
	c.open(alice, "members")
	alice.See(c.idp.Alice.Email)
	c.open(alice, "events")
	c.tells(alice, "Alice Adams signed in by break-glass with a recovery code; codes left: “9”. High severity", "Alice Adams stopped requiring single sign-on. High severity")
	alice.Screenshot("what the events tell")
}

// TestRecoveryByPasskey: the same with a passkey, which Chromium's virtual
// authenticator keeps.
func TestRecoveryByPasskey(t *testing.T) {
	c := newCompany(t, nil)
	c.becomeOwner()
	c.owner.keepsPasskeys()
	c.owner.Open(c.gatehouse.URL + "/account/passkeys/new")
	c.owner.Click("button", "Add passkey")
	c.owner.See("Your passkey is added.")
	c.open(c.owner, "sign-in")
	c.owner.Click("button", "Name for break-glass")
	c.owner.Click("link", "Cancel")
	c.owner.See("1 passkey")
	c.owner.See("Gets in")
	c.owner.Click("button", "Sign out")

	c.owner.Open(c.gatehouse.URL + "/login/recovery")
	c.owner.Click("button", "Recover with a passkey")
	c.owner.At(c.home + "/sign-in")
	c.owner.See("This is a recovery session.")
	c.owner.Screenshot("recovered by a passkey")
	c.owner.Open(c.gatehouse.URL + c.home + "/members")
	c.owner.See("You may not do this")
}

// recover tries to get in at /login/recovery.
func (c *company) recover(alice *Person, code string) {
	c.t.Helper()
	alice.Open(c.gatehouse.URL + "/login/recovery")
	alice.Fill("Email address", c.idp.Alice.Email)
	alice.Fill("Recovery code", code)
	alice.Click("button", "Recover access")
}

var welcomeLink = regexp.MustCompile(`http://localhost:\d+/welcome/\S+`)

// TestForgottenPassword: the operator prints a link in the shell, beside the
// running program, and the owner chooses another password with it.
func TestForgottenPassword(t *testing.T) {
	c := newCompany(t, nil)
	c.becomeOwner()
	const chosen = "nine loud paper kettles"
	c.gatehouse.Secret(chosen)

	printed := c.gatehouse.Run("break-glass", "--organization", "Acme", "--email", c.idp.Alice.Email)
	link := welcomeLink.FindString(printed)
	alice := NewPerson(t, "Alice elsewhere")
	alice.Open(link)
	alice.Screenshot("link")
	alice.Click("button", "Continue")
	alice.Fill("Password", c.password[:8])
	alice.Click("button", "Save password")
	alice.See("There is a problem")
	alice.Screenshot("too short")
	alice.Fill("Password", chosen)
	alice.Click("button", "Save password")
	alice.See("Your new password is saved.")
	c.isIn(alice, c.idp.Alice)
	c.open(alice, "events")
	c.tells(alice, "made a break-glass link for Alice Adams. High severity", "Alice Adams set a password for themselves.")

	// The old password, the link and the session from before are worth nothing now.
	c.owner.Open(c.gatehouse.URL + c.home)
	c.owner.At("/login")
	c.enterEmail(c.owner, c.idp.Alice.Email)
	c.owner.Fill("Password", c.password)
	c.owner.Click("button", "Sign in")
	c.owner.See("This address and password do not match.")
	c.owner.Screenshot("the old password")
	c.owner.Open(link)
	c.owner.See("This link no longer works")
}

// TestSecondOrganization: the operator makes one in the shell; its owner sees
// nothing of the first.
func TestSecondOrganization(t *testing.T) {
	c := newCompany(t, nil)
	c.becomeOwner()
	printed := c.gatehouse.Run("setup", "--organization", "Borealis", "--email", "olga@borealis.example", "--json")
	var made struct{ Organization, Link string }
	if err := json.Unmarshal([]byte(printed), &made); err != nil || !strings.HasPrefix(made.Organization, "org_") {
		t.Fatalf("setup printed %s (%v)", printed, err)
	}
	const password = "four green winter bells"
	c.gatehouse.Secret(password)
	olga := NewPerson(t, "Olga")
	olga.Open(made.Link)
	olga.See("Join Borealis")
	olga.Click("button", "Continue")
	olga.Fill("Your name", "Olga Orlova")
	if email := olga.Value("Email address"); email != "olga@borealis.example" {
		t.Errorf("the address is %q", email)
	}
	olga.Fill("Password", password)
	olga.Click("button", "Create account")
	olga.At("/organizations/" + made.Organization)
	olga.See("Welcome, Olga Orlova.")
	olga.Screenshot("second organization")
	for _, page := range []string{"", "/members", "/events", "/connections"} {
		olga.Open(c.gatehouse.URL + c.home + page)
		olga.See("There is nothing here")
	}
	olga.Open(c.gatehouse.URL)
	olga.DoNotSee("Acme")
}
