package e2e

import (
	"testing"

	"github.com/gatehouse-sso/gatehouse/mailtest"
)

// TestRolesFromTheIdentityProvider: an owner hands roles over to the identity
// provider, having seen of whom it would change what; from then on a sign-in
// says what its person may do, only the last owner excepted. Then the owner
// takes roles back.
func TestRolesFromTheIdentityProvider(t *testing.T) {
	c, post := postedCompany(t, signedUpCompany)
	c.makeProject("Search")
	bob := c.idp.Bob
	bob.Roles = []string{"gatehouse:OrgBillingAdmin"}
	c.signsInAnew(bob) // in whose groups is "sales"
	c.memberHas(bob, "Organization member", "Default role at the first sign-in")
	letter := c.invite(post, "grace@guest.example", "Organization manager")
	grace := NewPerson(t, "Grace")
	c.accept(grace, letter, "Grace Hopper", "nine loud paper kettles")

	c.draftRoles("The identity provider")
	c.addRule("sales", "Search", "Project editor")
	c.owner.Screenshot("draft of where roles come from")
	c.previewSaysWhoGetsWhat(bob)
	c.memberHas(bob, "Organization member", "Default role at the first sign-in") // it was a look
	c.putIntoForce()
	c.owner.See("Roles come from the identity provider, at every sign-in. Owners are made by owners.")
	c.memberHas(bob, "Billing admin", "Corp: it sent the value “gatehouse:OrgBillingAdmin”")
	c.memberHas(bob, "Project editor", "Corp: rule for the group “sales”")
	c.owner.Screenshot("why he has these roles")

	c.nextSignInFollows(bob)
	c.nobodyGivesRolesByHand(bob)
	c.lastOwnerStays(bob, post)
	c.rolesComeBack(bob)
}

// signsInAnew is a sign-in in a fresh browser as the person whom the identity
// provider knows from now on.
func (c *company) signsInAnew(as Employee) *Person {
	c.t.Helper()
	c.idp.Knows(c.t, as)
	person := NewPerson(c.t, as.GivenName+" anew")
	c.enterEmail(person, as.Email)
	person.Click("button", "Continue with Corp")
	c.atIdentityProvider(person, as)
	c.isIn(person, as)
	return person
}

// accept makes somebody a member by an invite, with a password of their own.
func (c *company) accept(person *Person, invite mailtest.Letter, name, password string) {
	c.t.Helper()
	c.gatehouse.Secret(password)
	person.Open(invite.Link())
	person.Click("button", "Continue")
	person.Fill("Your name", name)
	person.Fill("Password", password)
	person.Click("button", "Join Acme")
	person.See("Welcome to Acme.")
}

// draftRoles chooses a source of roles, which changes nothing yet.
func (c *company) draftRoles(source string) {
	c.t.Helper()
	c.goTo("Sign-in")
	c.owner.Click("link", "Change where roles come from")
	c.owner.Choose(source)
	c.owner.Click("button", "Save draft")
	c.owner.See("The draft is saved.")
	c.owner.See("This is a draft. It has no effect yet.")
}

func (c *company) addRule(group, project, role string) {
	c.t.Helper()
	c.owner.Fill("Group", group)
	c.owner.Select("In", project)
	c.owner.Select("Role", role)
	c.owner.Click("button", "Add rule")
	c.owner.See("The rule is in the draft.")
	c.owner.Within("row", group).Has("cell", role)
}

// memberHas finds on the member's page the role, and why they have it.
func (c *company) memberHas(member Employee, role, why string) {
	c.t.Helper()
	c.showMember(member)
	row := c.owner.Within("table", "Roles and where they come from").Within("row", why)
	row.Has("cell", role)
}

func (c *company) showMember(member Employee) {
	c.t.Helper()
	c.goTo("Members")
	c.owner.Click("link", member.GivenName+" "+member.FamilyName)
	c.owner.See("Why they have these roles")
}

// previewSaysWhoGetsWhat looks at what the draft would do, member by member.
func (c *company) previewSaysWhoGetsWhat(bob Employee) {
	c.t.Helper()
	c.owner.Click("button", "See what would change")
	c.owner.See("Nothing has changed yet.")
	c.owner.See("Ownership changes for 0 of 3 members.")
	c.owner.See("Other roles change for 2 members.")
	c.owner.See("1 owner would be left.")
	row := c.owner.Within("row", bob.Email)
	row.Has("cell", "Billing admin, Project editor in Search")
	row.Has("cell", "Organization member")
	c.owner.Within("row", c.idp.Alice.Email).Has("cell", "Organization member") // the default, beside her ownership, which is no matter of its own
	c.owner.Within("row", "grace@guest.example").Has("cell", "Keeps what they have until they sign in through a connection")
	c.owner.Screenshot("what would change")
	c.owner.Click("link", "Other roles (2)")
	c.owner.Within("row", bob.Email).Has("cell", "Organization member")
	c.owner.DoNotSee("grace@guest.example")
}

// putIntoForce confirms what the preview of the draft says.
func (c *company) putIntoForce() {
	c.t.Helper()
	c.goTo("Sign-in")
	c.owner.Click("link", "Change where roles come from")
	c.owner.Click("button", "See what would change")
	c.owner.Click("button", "Put into force")
	c.owner.See("It is in force.")
	c.owner.DoNotSee("It has no effect yet")
}

// nextSignInFollows: what the identity provider no longer says is gone.
func (c *company) nextSignInFollows(bob Employee) {
	c.t.Helper()
	before := NewPerson(c.t, "Bob before")
	c.enterEmail(before, bob.Email)
	before.Click("button", "Continue with Corp")
	c.atIdentityProvider(before, bob)
	c.isIn(before, bob)
	c.open(before, "projects")
	before.Within("row", "Search").Has("cell", "Project editor")

	bob.Roles, bob.Groups = []string{"gatehouse:OrgManager", "gatehouse:OrgOwner"}, []string{"support"}
	after := c.signsInAnew(bob)
	after.Open(c.gatehouse.URL + c.home)
	after.See("Organization manager")
	for _, browser := range []*Person{before, after} { // with the next click, whatever the browser
		c.open(browser, "projects")
		browser.See("There is no project yet.")
	}
	c.memberHas(bob, "Organization manager", "Corp: it sent the value “gatehouse:OrgManager”")
	c.owner.DoNotSee("Billing admin, ")
	c.owner.DoNotSee("rule for the group")
	c.open(c.owner, "logins")
	c.open(c.owner, "logins/"+reference.FindString(c.owner.Text())) // the newest
	c.owner.See("Organization manager, by the value gatehouse:OrgManager")
	c.owner.See("gatehouse:OrgOwner gives nothing: the identity provider may not make owners here")
	c.owner.Screenshot("what a login said of roles")
}

func (c *company) nobodyGivesRolesByHand(bob Employee) {
	c.t.Helper()
	c.showMember(bob)
	c.owner.See("Roles come from the identity provider here, at every sign-in: Organization manager.")
	c.owner.Lacks("checkbox", "Billing admin")
}

// lastOwnerStays: owners are the identity provider's to make, too, and then it
// says of the last one that she is none.
func (c *company) lastOwnerStays(bob Employee, post *mailtest.Server) {
	c.t.Helper()
	bob.Roles = []string{"gatehouse:OrgManager"}
	c.signsInAnew(bob)
	alice := c.idp.Alice
	c.draftRoles("The identity provider makes and unmakes owners")
	c.owner.Click("button", "See what would change")
	c.owner.See("No owner would be left, so this cannot be put into force.")
	c.owner.See("You yourself would no longer be an owner")
	c.owner.Screenshot("a draft that leaves no owner")
	c.owner.Click("button", "Put into force")
	c.owner.See("without an owner who can sign in")

	alice.Roles = []string{"gatehouse:OrgOwner"}
	c.signsInAnew(alice)
	c.putIntoForce()
	c.memberHas(alice, "Organization owner", "Corp: it sent the value “gatehouse:OrgOwner”")

	alice.Roles = nil
	same := c.signsInAnew(alice)
	c.open(same, "connections") // which owners alone may open
	same.See("Corp")
	c.memberHas(alice, "Organization owner", "Stays an owner whom the organization cannot be without, although Corp says otherwise")
	c.owner.Screenshot("the last owner")
	hears(post, alice.Email, "kept Alice Adams an owner although the identity provider “Corp” says otherwise")
}

// rolesComeBack: the console gives roles again, and no sign-in changes any.
func (c *company) rolesComeBack(bob Employee) {
	c.t.Helper()
	c.draftRoles("This console")
	c.owner.Click("button", "See what would change")
	c.owner.See("Nobody's roles change: all 3 members keep those that they have.")
	c.owner.Screenshot("back to the console")
	c.putIntoForce()
	c.owner.See("Roles are given here, in the console.")
	bob.Roles, bob.Groups = []string{"gatehouse:OrgBillingAdmin"}, []string{"sales"}
	c.signsInAnew(bob)
	c.memberHas(bob, "Organization manager", "Corp: it sent the value “gatehouse:OrgManager”")
	c.owner.Choose("Billing admin")
	c.owner.Click("button", "Save roles")
	c.owner.See("The roles are saved.")
	c.memberHas(bob, "Billing admin", "Given by Alice Adams")
	c.goTo("Events")
	c.tells(c.owner,
		"Alice Adams changed where the roles of members come from",
		"Gatehouse changed the roles of Bob Brown from “Billing admin” to “Organization manager”.",
		"Gatehouse kept Alice Adams an owner although the identity provider “Corp” says otherwise",
		"Alice Adams changed where the roles of members come from",
		"Alice Adams changed the roles of Bob Brown")
	c.owner.Screenshot("story of roles")
}
