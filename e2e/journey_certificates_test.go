package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestANewKeyBesideTheOldIsTakenByItself: the identity provider signs with a
// new key and still publishes the old one. The first sign-in has the metadata
// read and waits for it; nobody notices, and nobody had to do anything.
func TestANewKeyBesideTheOldIsTakenByItself(t *testing.T) {
	c, post := postedCompany(t, signedUpCompany)
	c.signsInAnew(c.idp.Bob)
	c.idp.ChangesKey(t, true)
	c.signsInAnew(c.idp.Bob)

	hears(post, c.idp.Alice.Email, "a signing key that was known before stands beside it")
	c.certificatesSay("Nothing waits")
	c.owner.DoNotSee("The metadata has changed")
	if keys := strings.Count(c.owner.Text(), "Example identity provider"); keys != 2 {
		t.Errorf("%d keys of the identity provider are shown", keys)
	}
	c.owner.Screenshot("two keys of the identity provider")
	c.signsInAnew(c.idp.Bob)
	c.goTo("Events")
	c.tells(c.owner, "Gatehouse took a change in the metadata of the connection “Corp”: a signing key that was known before stands beside it.")
}

// TestEveryKeySwappedWaitsForAPerson: nothing that the identity provider
// publishes is known. Nobody comes in until an owner, who is told by mail, has
// looked at what was and what would be.
func TestEveryKeySwappedWaitsForAPerson(t *testing.T) {
	c, post := postedCompany(t, signedUpCompany)
	c.signsInAnew(c.idp.Bob)
	c.idp.ChangesKey(t, false)
	bob := NewPerson(t, "Bob after the swap")
	c.arrivesUnknown(bob, c.idp.Bob)
	c.isRefused(bob)
	bob.See("a new key that nobody has confirmed here yet")

	hears(post, c.idp.Alice.Email, "did not take a change in the metadata of the connection “Corp”: an owner must look at it")
	c.certificatesSay("The metadata has changed")
	c.owner.See("Every key is another one.")
	c.owner.Screenshot("every key swapped")
	c.owner.Open(c.gatehouse.URL + c.home)
	c.owner.See("Metadata has changed")
	c.owner.Screenshot("the organization says so")
	again := NewPerson(t, "Bob while it waits")
	c.arrivesUnknown(again, c.idp.Bob)
	c.isRefused(again)

	c.certificatesSay("The metadata has changed")
	c.owner.Click("button", "Apply the metadata")
	c.owner.See("The metadata is applied")
	c.owner.DoNotSee("The metadata has changed")
	c.owner.Screenshot("metadata applied")
	c.signsInAnew(c.idp.Bob)
	c.goTo("Events")
	c.tells(c.owner, "Gatehouse did not take a change in the metadata of the connection “Corp”: an owner must look at it.", "Alice Adams applied the changed metadata of the connection “Corp”.")
}

// isRefused sees that the person stands on our page that says so.
func (c *company) isRefused(person *Person) {
	c.t.Helper()
	if person.Copyable("Reference") == "" {
		c.t.Fatalf("%s is not refused:\n%s", person.Name, person.Text())
	}
}

// certificatesSay opens the page about the connection's certificates until
// what was found is there: the metadata is read after the refusal was shown.
func (c *company) certificatesSay(text string) {
	c.t.Helper()
	err := eventually(func() error {
		c.owner.Open(c.gatehouse.URL + c.connection + "/certificates")
		if shown := c.owner.Text(); !strings.Contains(shown, text) {
			return fmt.Errorf("the page does not say “%s”:\n%s", text, shown)
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
}
