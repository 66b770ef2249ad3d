package e2e

import (
	"crypto/rand"
	"testing"

	"github.com/gatehouse-sso/gatehouse/mailtest"
)

// TestASecondSubjectWaitsForAnOwner: somebody arrives with Bob's address under
// another name at the identity provider. Nothing is open to them until an
// owner, who is told by mail, has said that it is he.
func TestASecondSubjectWaitsForAnOwner(t *testing.T) {
	c, post := postedCompany(t, signedUpCompany)
	bob := c.signsInAnew(c.idp.Bob)

	moved := c.namesake("bob.brown")
	again := NewPerson(t, "Bob under another name")
	c.arrivesUnknown(again, moved)
	again.See("This sign-in waits for approval")
	again.See("An owner of the organization has been told")
	again.Screenshot("a sign-in that waits")
	c.isShutTo(again)

	c.decides(post, moved.User, "Approve sign-in")
	c.owner.See("The sign-in is approved. It works from the next try on.")
	c.owner.See("No sign-in waits for you.")
	hears(post, moved.Email, "Alice Adams linked Bob Brown to their sign-in through the connection “Corp”")
	c.comesAgain(again, moved)
	c.isIn(again, c.idp.Bob)
	c.showMember(c.idp.Bob) // there is one of them, known by both
	c.owner.Within("table", "Linked identities").Within("row", "bob.brown").Has("cell", "Corp")
	c.owner.Screenshot("linked to both")

	// Somebody else, with the same address: an owner refuses, and asking again does not help.
	stranger := c.namesake("b.brown")
	third := NewPerson(t, "Somebody with the same address")
	c.arrivesUnknown(third, stranger)
	third.See("This sign-in waits for approval")
	c.decides(post, stranger.User, "Refuse sign-in")
	c.owner.See("The sign-in is refused.")
	c.owner.Screenshot("refused")
	c.comesAgain(third, stranger)
	third.See("This sign-in was not approved")
	third.Lacks("link", "Sign in as before")
	third.Screenshot("a sign-in that was refused")
	c.isShutTo(third)

	for _, browser := range []*Person{bob, again} { // whose owner they still are
		c.open(browser, "projects")
		browser.Has("link", "Account of Bob Brown")
	}
	c.goTo("Events")
	c.tells(c.owner,
		"Gatehouse saw an unknown sign-in with the address of Bob Brown through the connection “Corp”; it waits for an owner.",
		"Alice Adams linked Bob Brown to their sign-in through the connection “Corp”.",
		"Gatehouse saw an unknown sign-in with the address of Bob Brown through the connection “Corp”; it waits for an owner.",
		"Alice Adams refused to link an unknown sign-in to Bob Brown through the connection “Corp”.")
}

// TestAGuestLinksByTheirOwnPassword: what an identity provider says of a guest
// counts for nothing. The guest says so, by the password that is theirs alone.
func TestAGuestLinksByTheirOwnPassword(t *testing.T) {
	c, post := postedCompany(t, signedUpCompany)
	const own = "nine loud paper kettles"
	grace := NewPerson(t, "Grace")
	c.accept(grace, c.invite(post, "grace@guest.example", "Organization manager"), "Grace Hopper", own)
	known := Employee{User: "grace", Password: rand.Text(), Email: "grace@guest.example", GivenName: "Grace", FamilyName: "Hopper"}
	c.gatehouse.Secret(known.Password)
	c.idp.Knows(t, known)

	// Whoever administers the identity provider can say that they are Grace, and has no password of hers.
	impostor := NewPerson(t, "Somebody who says that she is Grace")
	c.comesByTile(impostor, known)
	impostor.See("Show that this is you")
	impostor.Screenshot("a guest who shows nothing yet")
	impostor.Click("link", "Sign in and link")
	impostor.At("/login")
	impostor.Fill("Email address", known.Email)
	impostor.Click("button", "Continue")
	impostor.Fill("Password", known.Password)
	impostor.Click("button", "Sign in")
	impostor.See("This address and password do not match.")
	c.isShutTo(impostor)

	c.comesByTile(grace, known)
	grace.Click("link", "Sign in and link")
	grace.See("Link your new sign-in?")
	grace.Screenshot("link your new sign-in")
	grace.Click("button", "Link this sign-in")
	grace.See("Your new sign-in is linked. Both work from now on.")

	elsewhere := NewPerson(t, "Grace at another browser")
	c.comesByTile(elsewhere, known)
	c.isIn(elsewhere, known)
	elsewhere.Open(c.gatehouse.URL + c.home)
	elsewhere.See("Organization manager")
	c.goTo("Members")
	c.owner.DoNotSee("waits for you")
}

// namesake is somebody with Bob's address whom the identity provider knows by another name.
func (c *company) namesake(user string) Employee {
	c.t.Helper()
	other := c.idp.Bob
	other.User, other.Password = user, rand.Text()
	c.gatehouse.Secret(other.Password)
	c.idp.Knows(c.t, other)
	return other
}

// arrivesUnknown signs in at the identity provider for the first time in this browser.
func (c *company) arrivesUnknown(person *Person, as Employee) {
	c.t.Helper()
	c.comesAgain(person, as)
	c.atIdentityProvider(person, as)
}

// comesAgain begins on our page; a browser that is still signed in at the identity provider types nothing there.
func (c *company) comesAgain(person *Person, as Employee) {
	c.t.Helper()
	c.enterEmail(person, as.Email)
	person.Click("button", "Continue with Corp")
}

func (c *company) comesByTile(person *Person, as Employee) {
	c.t.Helper()
	person.Open(c.idp.Tile(c.metadataURL(), ""))
	c.atIdentityProvider(person, as)
}

// isShutTo sees that the organization asks this browser to sign in.
func (c *company) isShutTo(person *Person) {
	c.t.Helper()
	c.open(person, "projects")
	person.At("/login")
}

// decides follows the letter that tells the owner of the sign-in that waits.
func (c *company) decides(post *mailtest.Server, subject, answer string) {
	c.t.Helper()
	letter := hears(post, c.idp.Alice.Email, "saw an unknown sign-in with the address of Bob Brown through the connection “Corp”; it waits for an owner")
	c.owner.Open(letter.Link())
	c.owner.Within("row", subject).Click("link", "Bob Brown")
	c.owner.See("Is this the same person?")
	c.owner.Screenshot("is this the same person")
	c.owner.Click("button", answer)
}
