package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func accountStories() []Story {
	one := AccountPage{
		Page: storyConsole("Your account", ""), Name: "Ada Lovelace", Email: "ada@acme.example",
		ID: "usr_01jd9k1b2c8y2v4q6w8r0t2b4k", HasPassword: true,
		Sessions: []AccountSession{{ID: "ses_1", Browser: "Firefox on macOS", Address: "203.0.113.7", Proofs: "Password", LastUsed: storyRecent, Current: true}},
	}
	many := one
	many.Flash = &Flash{Kind: ui.Working, Text: "Your name is saved."}
	many.MayEndPassword = true
	many.Passkeys = []PasskeyRow{
		{Name: "Work laptop", Href: "/account/passkeys/psk_1", Added: storyOlder, Used: storyRecent, Synced: true},
		{Name: storyLongName, Href: "/account/passkeys/psk_2", Added: storyOlder},
	}
	many.Sessions = append(many.Sessions[:1:1],
		AccountSession{ID: "ses_2", Browser: "Chrome on Windows", Address: "2001:db8:85a3:8d3:1319:8a2e:370:7348", Proofs: "Okta (Acme Corporation), password", LastUsed: storyOlder},
		AccountSession{ID: "ses_3", Browser: "Safari on iPhone", Address: "198.51.100.24", Proofs: "Okta (Acme Corporation)", LastUsed: storyOlder})
	managed := one
	managed.Page = Page{Title: "Your account", Person: storyLongName, AssetURL: nil}
	managed.Name, managed.Email = storyLongName, storyLongEmail
	managed.Address.Note = "To change your address, sign in with your own password or passkey."
	managed.NameNote = "To change your name, sign in with your own password."
	managed.PasskeyNote = "To see, add or remove passkeys, sign in with your own password or passkey."
	managed.PasswordNote = "You sign in through Okta (Acme Corporation), which requires it. You have no password here."
	wrong := one
	wrong.PasswordProblem = &ui.Problem{Fields: []ui.FieldError{
		{Field: "current_password", Message: "The present password is wrong."},
		{Field: "new_password", Message: "Choose a password that is not on the list of common ones."},
	}}
	asked := one
	asked.Flash = &Flash{Kind: ui.Working, Text: "Look into the mail of ada.lovelace@new.example. Your address changes when you follow the link there."}
	asked.Address = AccountAddress{Asked: "ada.lovelace@new.example", Until: "12:30 UTC"}
	askedLong := asked
	askedLong.Flash, askedLong.Email, askedLong.Address.Asked = nil, storyLongEmail, storyLongEmail
	wrongAddress := one
	wrongAddress.Address = AccountAddress{Typed: "ada@globex.example", Problem: &ui.Problem{Fields: []ui.FieldError{
		{Field: "email", Message: "An organization has shown that globex.example is its domain. Only its members can have an address there: become one first."}}}}
	noMail := one
	noMail.Address.Note = "Your address changes when you follow a link that is mailed to the new one. This installation sends no mail, so it cannot be changed here. Whoever runs it can set up a mail server."
	link := AddressLinkPage{Page: storyPage("Change your email address"), Action: "/account/address/x", From: "ada@acme.example", To: "ada.lovelace@new.example"}
	linkLong := link
	linkLong.From, linkLong.To = storyLongEmail, storyLongEmail
	linkLong.Problem = &ui.Problem{Fields: []ui.FieldError{{Message: "This address belongs to somebody else by now. Yours stays as it is."}}}
	account := ui.Link{Text: "Your account", Href: "/account"}
	adding := NewPasskeyPage{Page: storyConsole("Add a passkey", "", account), Name: "Firefox on macOS"}
	addingWrong := adding
	addingWrong.Problem = &ui.Problem{Fields: []ui.FieldError{{Message: "Your device did not make a passkey, or it took longer than five minutes. Try again."}}}
	laptop := PasskeyPage{Page: storyConsole("Work laptop", "", account), Row: many.Passkeys[0], Name: "Work laptop", Action: "/account/passkeys/psk_1", Version: "1"}
	last := laptop
	last.Row = PasskeyRow{Name: storyLongName, Added: storyOlder}
	last.Name = storyLongName
	last.Problem = &ui.Problem{Fields: []ui.FieldError{{Message: "This is your last way to sign in. Add another first."}}}
	withoutPassword := many
	withoutPassword.HasPassword, withoutPassword.MayEndPassword = false, false
	return []Story{
		{"account/passkey-new", "Account: a new passkey", NewPasskey(adding), http.StatusOK},
		{"account/passkey-new-wrong", "Account: the device made no passkey", NewPasskey(addingWrong), http.StatusUnprocessableEntity},
		{"account/passkey", "Account: one passkey", Passkey(laptop), http.StatusOK},
		{"account/passkey-last", "Account: the last way in stays", Passkey(last), http.StatusUnprocessableEntity},
		{"account/without-password", "Account: passkeys alone", Account(withoutPassword), http.StatusOK},
		{"account/one", "Account: one session", Account(one), http.StatusOK},
		{"account/many", "Account: several sessions, name saved", Account(many), http.StatusOK},
		{"account/managed", "Account: long names, no password, no organization", Account(managed), http.StatusOK},
		{"account/address-asked", "Account: a link to another address waits", Account(asked), http.StatusOK},
		{"account/address-asked-long", "Account: long addresses", Account(askedLong), http.StatusOK},
		{"account/address-wrong", "Account: the address was refused", Account(wrongAddress), http.StatusUnprocessableEntity},
		{"account/address-no-mail", "Account: no mail is sent here", Account(noMail), http.StatusOK},
		{"account/address-link", "The link to another address", AddressLink(link), http.StatusOK},
		{"account/address-link-refused", "The link to another address: refused", AddressLink(linkLong), http.StatusUnprocessableEntity},
		{"account/address-link-spent", "The link to another address no longer works", AddressLinkSpent(AddressLinkSpentPage{Page: storyPage("This link no longer works"), Email: storyLongEmail}), http.StatusNotFound},
		{"account/wrong", "Account: the password was refused", Account(wrong), http.StatusUnprocessableEntity},
	}
}
