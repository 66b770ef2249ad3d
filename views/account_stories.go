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
	many.Sessions = append(many.Sessions[:1:1],
		AccountSession{ID: "ses_2", Browser: "Chrome on Windows", Address: "2001:db8:85a3:8d3:1319:8a2e:370:7348", Proofs: "Okta (Acme Corporation), password", LastUsed: storyOlder},
		AccountSession{ID: "ses_3", Browser: "Safari on iPhone", Address: "198.51.100.24", Proofs: "Okta (Acme Corporation)", LastUsed: storyOlder})
	managed := one
	managed.Page = Page{Title: "Your account", Person: storyLongName, AssetURL: nil}
	managed.Name, managed.Email = storyLongName, storyLongEmail
	managed.NameNote = "To change your name, sign in with your own password."
	managed.PasswordNote = "You sign in through Okta (Acme Corporation), which requires it. You have no password here."
	wrong := one
	wrong.PasswordProblem = &ui.Problem{Fields: []ui.FieldError{
		{Field: "current_password", Message: "The present password is wrong."},
		{Field: "new_password", Message: "Choose a password that is not on the list of common ones."},
	}}
	return []Story{
		{"account/one", "Account: one session", Account(one), http.StatusOK},
		{"account/many", "Account: several sessions, name saved", Account(many), http.StatusOK},
		{"account/managed", "Account: long names, no password, no organization", Account(managed), http.StatusOK},
		{"account/wrong", "Account: the password was refused", Account(wrong), http.StatusUnprocessableEntity},
	}
}
