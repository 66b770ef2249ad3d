package e2e

import "testing"

// TestSessionEndsUnderAForm: nothing is lost when the session ends while a
// form is being filled in.
func TestSessionEndsUnderAForm(t *testing.T) {
	c := newCompany(t, nil)
	c.becomeOwner()
	c.goTo("Projects")
	c.owner.Click("link", "New project")
	c.owner.Fill("Name", "Search & find")

	phone := NewPerson(t, "Alice at her phone")
	c.enterEmail(phone, c.idp.Alice.Email)
	phone.Fill("Password", c.password)
	phone.Click("button", "Sign in")
	phone.Click("link", "Account of Alice Adams")
	phone.Screenshot("account")
	phone.Click("button", "End all other sessions")
	phone.Lacks("button", "End all other sessions")

	c.owner.Click("button", "Create project")
	c.owner.See("You were signed out")
	c.owner.Screenshot("signed out meanwhile")
	tab := c.owner.NewTab("Alice in a new tab")
	c.enterEmail(tab, c.idp.Alice.Email)
	tab.Fill("Password", c.password)
	tab.Click("button", "Sign in")
	c.isIn(tab, c.idp.Alice)
	c.owner.Click("button", "Send again")
	c.owner.See("The project is created.")
	c.owner.See("Search & find")
}
