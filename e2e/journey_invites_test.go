package e2e

import (
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/mailtest"
)

// postedCompany is a company whose Gatehouse sends mail, over TLS that it
// checks, and the post office that it goes to.
func postedCompany(t *testing.T, start func(*testing.T, map[string]string) *company) (*company, *mailtest.Server) {
	t.Helper()
	post := mailtest.Start(t, mailtest.Options{User: "gatehouse", Password: "the post office's own"})
	c := start(t, map[string]string{"GATEHOUSE_SMTP_URL": post.URL(""), "SSL_CERT_FILE": post.CertificateFile(), "GATEHOUSE_BRAND_NAME": "Acme Search"})
	c.gatehouse.Secret("the post office's own")
	return c, post
}

// invite fills in the form and returns the letter that arrives.
func (c *company) invite(post *mailtest.Server, email, role string) mailtest.Letter {
	c.t.Helper()
	c.goTo("Members")
	c.owner.Click("link", "Invite somebody")
	c.owner.Fill("Email address", email)
	c.owner.Choose(role)
	c.owner.Click("button", "Send invite")
	c.owner.See("A mail with the link is on its way to " + email)
	letter := post.Letter(email)
	c.gatehouse.Secret(tokenIn(letter))
	if strings.Contains(c.owner.Text(), letter.Link()) {
		c.t.Errorf("the page shows the link that goes by mail alone: %s", letter)
	}
	return letter
}

// tokenIn is what a letter's link spends.
func tokenIn(l mailtest.Letter) string { return l.Link()[strings.LastIndex(l.Link(), "/")+1:] }

// hears reads letters to the address until one has the words, which it returns.
func hears(post *mailtest.Server, email, words string) mailtest.Letter {
	for {
		if letter := post.Letter(email); strings.Contains(collapse(letter.Subject+" "+letter.Text), words) {
			return letter
		}
	}
}

// TestInvites: a mail, a link, a member; and when the member has forgotten the
// password, another mail and another link.
func TestInvites(t *testing.T) {
	c, post := postedCompany(t, newCompany)
	c.becomeOwner()
	const chosen, later = "nine loud paper kettles", "four green winter bells"
	c.gatehouse.Secret(chosen, later)

	letter := c.invite(post, "grace@guest.example", "Organization manager")
	c.owner.Screenshot("invite sent")
	if letter.Subject != "Join Acme on Acme Search" || !strings.Contains(letter.Text, "Alice Adams invites you") || !strings.HasPrefix(letter.Link(), c.gatehouse.URL+"/welcome/") {
		t.Errorf("the letter: %s", letter)
	}
	grace := NewPerson(t, "Grace")
	grace.Open(letter.Link())
	grace.See("Alice Adams invites grace@guest.example to Acme.")
	grace.Screenshot("invite")
	grace.Click("button", "Continue")
	grace.Fill("Your name", "Grace Hopper")
	grace.Fill("Password", chosen)
	grace.Screenshot("who are you")
	grace.Click("button", "Join Acme")
	grace.See("Welcome to Acme.")
	grace.See("Organization manager")
	grace.Open(letter.Link())
	grace.See("This link no longer works")

	c.goTo("Members")
	c.owner.Click("link", "Grace Hopper")
	c.owner.See("Invited by Alice Adams")
	c.owner.Screenshot("why she has this role")

	grace.Open(c.gatehouse.URL + "/account")
	grace.Click("button", "Sign out")
	c.enterEmail(grace, "grace@guest.example")
	grace.Click("link", "Forgotten your password?")
	grace.Fill("Email address", "grace@guest.example")
	grace.Click("button", "Send link")
	grace.See("Look into your mail")
	grace.Screenshot("forgotten")
	reset := post.Letter("grace@guest.example")
	c.gatehouse.Secret(tokenIn(reset))
	grace.Open(reset.Link())
	grace.Click("button", "Continue")
	grace.Fill("Password", later)
	grace.Click("button", "Save password")
	grace.See("Your new password is saved.")
	if told := post.Letter("grace@guest.example"); !strings.Contains(told.Subject, "set a password") {
		t.Errorf("she is told by %s", told)
	}
}

// TestInviteWhereSingleSignOnIsRequired: the invite is accepted at the
// identity provider, and owners hear of what was done on the way there.
func TestInviteWhereSingleSignOnIsRequired(t *testing.T) {
	c, post := postedCompany(t, signedUpCompany)
	c.enforce()
	c.owner.Click("link", "Continue with Corp") // where the test login has left them signed in
	c.owner.At(c.home + "/sign-in")
	hears(post, c.idp.Alice.Email, "required single sign-on")
	letter := c.invite(post, c.idp.Bob.Email, "Organization manager")
	bob := NewPerson(t, "Bob")
	bob.Open(letter.Link())
	bob.Click("button", "Continue")
	bob.See("Sign in there, and you are a member.")
	bob.Screenshot("invite through the company")
	bob.Click("link", "Continue with Corp")
	c.atIdentityProvider(bob, c.idp.Bob)
	bob.At(c.home)
	bob.See("Organization manager")
	bob.Open(letter.Link())
	bob.See("This link no longer works")
}
