package e2e

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestWebhooks: a program that is not ours hears what happens to members,
// projects and keys, and verifies every message; where it fails it is told
// again; an owner sees each delivery, and replays one.
func TestWebhooks(t *testing.T) {
	c, post := postedCompany(t, newCompany)
	c.becomeOwner()
	receiver := NewReceiver(t)
	page, secret := c.registerWebhook(receiver)

	c.owner.Click("button", "Send test message")
	took := 1
	told := func(kind, about string) Message {
		t.Helper()
		took++
		message := receiver.Takes(took, kind)
		if got := strings.TrimSpace(message.Data.User.Name + message.Data.Project.Name); got != about || message.Data.Organization.Name != "Acme" {
			t.Errorf("%s is about %q of %q", kind, got, message.Data.Organization.Name)
		}
		return message
	}
	receiver.Takes(took, "webhook.test")
	c.delivery(page, "webhook.test", "Delivered")

	grace := Employee{Email: "grace@guest.example", GivenName: "Grace", FamilyName: "Hopper"}
	c.accept(NewPerson(t, "Grace"), c.invite(post, grace.Email, "Organization manager"), "Grace Hopper", "nine loud paper kettles")
	told("member.added", "Grace Hopper")
	c.showMember(grace)
	c.owner.Choose("Billing admin")
	c.owner.Click("button", "Save roles")
	changed := told("member.changed", "Grace Hopper")
	if len(changed.Data.Changes) != 1 || strings.Contains(changed.Data.Changes[0].Before, "Billing admin") || !strings.Contains(changed.Data.Changes[0].After, "Billing admin") || changed.Data.Actor.Name != "Alice Adams" {
		t.Errorf("what has changed: %+v", changed)
	}
	c.owner.Click("button", "Suspend member")
	told("member.suspended", "Grace Hopper")
	c.owner.Click("link", "Remove member")
	c.owner.Fill("Type “grace@guest.example” to confirm", grace.Email)
	c.owner.Click("button", "Remove member")
	told("member.removed", "Grace Hopper")
	c.makeProject("Search")
	told("project.created", "Search")
	key := c.mintAnyKey("ci")
	told("api_key.created", "Search")
	c.owner.Open(c.gatehouse.URL + c.project + "/api-keys")
	c.owner.Click("link", "ci")
	c.owner.Click("link", "Revoke ci")
	c.owner.Fill("Type “ci” to confirm", "ci")
	c.owner.Click("button", "Revoke API key")
	told("api_key.revoked", "Search")
	if strings.Contains(receiver.printed.String(), key) {
		t.Error("a message carries the key")
	}

	c.retried(page, receiver)
	took++
	receiver.Takes(took, "webhook.test")
	c.replayed(page, receiver)
	took++
	receiver.Takes(took, "webhook.test")
	took = c.wrongSecretVerifiesNothing(page, receiver, secret, took)
	c.rotated(page, receiver, secret, took)
}

// registerWebhook registers the receiver, which starts with the secret that is
// shown once, and returns the webhook's page and the secret.
func (c *company) registerWebhook(receiver *Receiver) (page, secret string) {
	c.t.Helper()
	c.goTo("Webhooks")
	c.owner.Screenshot("no webhook yet")
	c.owner.Click("link", "New webhook")
	c.owner.Fill("Address", receiver.URL)
	c.owner.Fill("Description", "Our own console")
	c.owner.Screenshot("new webhook")
	c.owner.Click("button", "Create webhook")
	secret = c.shownSecret(receiver)
	c.owner.Screenshot("secret shown once")
	receiver.Start(secret)
	c.owner.Click("link", "Show this webhook")
	c.owner.See("Nothing has been sent yet.")
	c.owner.DoNotSee(secret)
	return c.owner.Address().String(), secret
}

func (c *company) shownSecret(receiver *Receiver) string {
	c.t.Helper()
	c.owner.See("It is not shown again.")
	secret := c.owner.Copyable("Secret of “" + receiver.URL + "”")
	c.gatehouse.Secret(secret)
	return secret
}

// delivery looks at the webhook's page again until its newest message is of
// this kind and this far.
func (c *company) delivery(page, kind, state string) {
	c.t.Helper()
	rows := `[...document.querySelectorAll("tbody tr")].map(row => row.innerText)[0] ?? ""`
	err := eventually(func() error {
		c.owner.Open(page)
		newest := ""
		c.owner.wait("read the newest delivery", func() (err error) {
			newest, err = run(c.owner, chromedp.Evaluate[string](rows))
			return err
		})
		if newest = collapse(newest); !strings.Contains(newest, kind) || !strings.Contains(newest, state) {
			return fmt.Errorf("the newest is %q", newest)
		}
		return nil
	})
	if err != nil {
		c.t.Fatalf("a delivery of %s as %q: %v", kind, state, err)
	}
}

// retried: what is answered with 500 comes again by itself, seconds later.
func (c *company) retried(page string, receiver *Receiver) {
	c.t.Helper()
	receiver.Fail(1)
	c.owner.Open(page)
	c.owner.Click("button", "Send test message")
	receiver.HasFailed(1)
	c.delivery(page, "webhook.test", "Delivered")
	c.owner.See("2 attempts")
}

// replayed: while the receiver is down the list says what it answered and when
// it is tried next; once it is up an owner need not wait for that.
func (c *company) replayed(page string, receiver *Receiver) {
	c.t.Helper()
	receiver.Fail(math.MaxInt64)
	c.owner.Open(page)
	c.owner.Click("button", "Send test message")
	receiver.HasFailed(3) // with the one before; the third try comes a minute later
	c.delivery(page, "webhook.test", "2 attempts, next in")
	c.owner.See("Status 500 Internal Server Error")
	c.owner.See("Failing")
	c.owner.Screenshot("a webhook that fails")
	receiver.Fail(0)
	c.newestDelivery()
	c.owner.See("Next attempt")
	c.owner.See("the database is away")
	c.owner.Screenshot("a delivery that waits")
	c.owner.Click("button", "Replay message")
	c.delivery(page, "webhook.test", "Delivered")
	c.owner.Open(page) // the one before may show the webhook as it was a moment earlier
	c.owner.See("Enabled")
	c.owner.Screenshot("a webhook that works")
}

// newestDelivery opens the first of the list.
func (c *company) newestDelivery() {
	c.t.Helper()
	address, err := run(c.owner, chromedp.Evaluate[string](`document.querySelector("tbody a").href`))
	if err != nil {
		c.t.Fatal(err)
	}
	c.owner.Open(address)
}

// wrongSecretVerifiesNothing: the same message, refused by the library under
// another secret and taken under the right one.
func (c *company) wrongSecretVerifiesNothing(page string, receiver *Receiver, secret string, took int) int {
	c.t.Helper()
	receiver.Start("whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldCwgbm90IG91cnM=")
	c.owner.Click("button", "Send test message")
	c.delivery(page, "webhook.test", "Status 400 Bad Request")
	c.newestDelivery()
	c.owner.See("No matching signature found")
	c.owner.Screenshot("a signature that does not match")
	if n := len(receiver.Took()); n != took {
		c.t.Errorf("%d messages are taken, want %d", n, took)
	}
	receiver.Start(secret)
	c.owner.Click("button", "Replay message")
	receiver.Takes(took+1, "webhook.test")
	c.delivery(page, "webhook.test", "Delivered")
	return took + 1
}

// rotated: for a day both secrets verify.
func (c *company) rotated(page string, receiver *Receiver, before string, took int) {
	c.t.Helper()
	c.owner.Click("button", "Rotate secret")
	c.owner.See("messages are signed with the secret before, too.")
	present := c.shownSecret(receiver)
	c.owner.Screenshot("secret rotated")
	for i, secret := range []string{before, present} {
		receiver.Start(secret)
		c.owner.Open(page)
		c.owner.Click("button", "Send test message")
		receiver.Takes(took+1+i, "webhook.test")
	}
}
