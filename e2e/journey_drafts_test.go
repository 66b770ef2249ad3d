package e2e

import ()

// testDraft begins a test sign-in by what is not published yet.
func (c *company) testDraft() {
	c.t.Helper()
	c.owner.Open(c.gatehouse.URL + c.connection)
	c.owner.Click("button", "Test draft")
}

// publish puts the draft live by the button of the page that asks once more.
func (c *company) publish(button string) {
	c.t.Helper()
	c.owner.Open(c.gatehouse.URL + c.connection)
	c.owner.Click("link", "Publish draft")
	c.owner.Screenshot("publish")
	c.owner.Click("button", button)
	c.owner.See("The draft is published")
}
