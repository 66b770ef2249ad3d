package e2e

import (
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
)

// TestPasskeys: a person adds a passkey, signs out, and is in again without an address or a password; where the browser offers it by itself,
// without so much as a click. What asks for a fresh sign-in takes one by passkey. One that is removed opens nothing.
func TestPasskeys(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gatehouse.db")
	c := newCompany(t, map[string]string{"GATEHOUSE_DATABASE": "sqlite:" + file})
	c.becomeOwner()
	alice := c.owner
	device := alice.keepsPasskeys()
	alice.Open(c.gatehouse.URL + "/account")
	alice.See("You have none yet.")
	alice.Screenshot("no passkey yet")
	alice.Click("link", "Add a passkey")
	alice.Fill("Name", "Work laptop")
	alice.Screenshot("new passkey")
	alice.Click("button", "Add passkey")
	alice.See("Your passkey is added.")
	alice.Within("row", "Work laptop").Has("cell", "Never")
	alice.Screenshot("passkey added")
	alice.Click("button", "Sign out")

	// The browser offers it where the address is asked for, and the device says yes.
	alice.Open(c.gatehouse.URL + "/login?return_to=/account")
	alice.At("/account")
	alice.See("Passkey")
	alice.Screenshot("signed in by passkey")
	alice.Click("link", "Work laptop")
	alice.Screenshot("one passkey")
	alice.Fill("Name", "Old laptop")
	alice.Click("button", "Save name")
	alice.See("The name of your passkey is saved.")
	alice.Within("row", "Old laptop")

	// After a while the session is good for less, until the passkey is shown again.
	alice.touches(device, false)
	pass(t, file, "UPDATE session_proofs SET proved_at = datetime(proved_at, '-16 minutes')")
	alice.Click("link", "Add a passkey")
	alice.See("This asks for a sign-in within the last 15 minutes.")
	alice.Screenshot("fresh sign-in by passkey")
	alice.Open(c.gatehouse.URL + "/login/passkey?return_to=/account/passkeys/new")
	alice.touches(device, true)
	alice.Click("button", "Use a passkey")
	alice.At("/account/passkeys/new")
	alice.Open(c.gatehouse.URL + "/account")
	alice.Click("button", "Sign out")

	// Nobody touches the device: the page waits, and a password opens as ever.
	alice.touches(device, false)
	c.enterEmail(alice, c.idp.Alice.Email)
	alice.See("Enter your password")
	alice.Click("link", "Use a passkey")
	alice.At("/login/passkey")
	alice.Screenshot("sign in with a passkey")
	alice.touches(device, true)
	alice.Click("button", "Use a passkey")
	c.isIn(alice, c.idp.Alice)

	// A passkey that is removed opens nothing, though the device still has it.
	alice.Open(c.gatehouse.URL + "/account")
	alice.Click("link", "Old laptop")
	alice.Click("button", "Remove passkey")
	alice.See("Your passkey is removed.")
	alice.See("You have none yet.")
	alice.Click("button", "Sign out")
	alice.touches(device, false)
	alice.Open(c.gatehouse.URL + "/login/passkey")
	alice.touches(device, true)
	alice.Click("button", "Use a passkey")
	alice.At("/login/passkey")
	alice.DoNotSee("Signed in")
	alice.Screenshot("removed passkey")

	// A device that does not know who holds it opens nothing.
	alice.touches(device, false)
	alice.Open(c.gatehouse.URL + "/login/passkey")
	if _, err := call(alice, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: device, IsUserVerified: false}); err != nil {
		t.Fatal(err)
	}
	alice.touches(device, true)
	alice.Click("button", "Use a passkey")
	alice.See("Nothing was signed.")
	alice.Screenshot("nothing signed")

	// A device that has no passkey for this page opens nothing either.
	stranger := NewPerson(t, "A stranger")
	stranger.keepsPasskeys()
	stranger.Open(c.gatehouse.URL + "/login/passkey")
	stranger.Click("button", "Use a passkey")
	stranger.At("/login/passkey")
	stranger.See("Nothing was signed.")
}

// keepsPasskeys gives the person's browser a device of its own that keeps passkeys and says yes at once.
func (p *Person) keepsPasskeys() webauthn.AuthenticatorID {
	p.t.Helper()
	if _, err := call(p, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		p.t.Fatalf("give %s a device: %v", p.Name, err)
	}
	made, err := call(p, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	if err != nil {
		p.t.Fatalf("give %s a device: %v", p.Name, err)
	}
	return made.AuthenticatorID
}

// touches says whether the person touches the device when it asks.
func (p *Person) touches(device webauthn.AuthenticatorID, yes bool) {
	p.t.Helper()
	params := webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: device, Enabled: yes}
	if _, err := call(p, webauthn.SetAutomaticPresenceSimulation, params); err != nil {
		p.t.Fatalf("touch the device of %s: %v", p.Name, err)
	}
}
