package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func welcomeStories() []Story {
	page := storyPage("Welcome")
	wrong := &ui.Problem{Fields: []ui.FieldError{
		{Field: "name", Message: "Enter your name."},
		{Field: "email", Message: "Enter an email address in full, like name@company.com."},
		{Field: "password", Message: "Choose a password with at least 12 characters."},
	}}
	const link = "http://localhost:8080/welcome/Zm9yIHN0b3JpZXMgb25seSwgbm90IGEgcmVhbCB0b2tlbiE"
	return []Story{
		{"first-run/link", "First run: nobody owns it yet", FirstRun(FirstRunPage{Page: storyPage(""), Link: link, Expires: "in 59 minutes"}), http.StatusOK},
		{"first-run/terminal", "First run: the link is in the terminal", FirstRun(FirstRunPage{Page: storyPage("")}), http.StatusOK},
		{"welcome/first-owner", "Welcome: the first owner", Welcome(WelcomePage{Page: page, Action: "/welcome/t"}), http.StatusOK},
		{"welcome/organization", "Welcome: an organization's owner", Welcome(WelcomePage{Page: page, Action: "/welcome/t", Organization: "Acme Corporation"}), http.StatusOK},
		{"welcome/known", "Welcome: an owner who is known already", Welcome(WelcomePage{Page: page, Action: "/welcome/t", Organization: "Acme Corporation", Known: true}), http.StatusOK},
		{"welcome/recovery", "Welcome: a new password", Welcome(WelcomePage{Page: page, Action: "/welcome/t", Recovery: true}), http.StatusOK},
		{"welcome/form", "Welcome: who are you", WelcomeForm(WelcomeFormPage{Page: page, Action: "/welcome/t", NeedsOrganization: true}), http.StatusOK},
		{"welcome/form-wrong", "Welcome: refused", WelcomeForm(WelcomeFormPage{Page: page, Action: "/welcome/t", Email: "ada", Problem: wrong}), http.StatusUnprocessableEntity},
		{"welcome/password", "Welcome: a new password, the form", WelcomeForm(WelcomeFormPage{Page: page, Action: "/welcome/t", Email: "ada@acme.example", PasswordOnly: true}), http.StatusOK},
		{"welcome/joined", "Welcome: an owner without a password", WelcomeJoined(WelcomeJoinedPage{Page: storyPage("You own Acme Corporation"), ID: "org_01jd2q7p3rfs6t8v9wxyzabcde", Email: "ada@acme.example"}), http.StatusOK},
		{"welcome/spent", "Welcome: a spent link", WelcomeSpent(WelcomeSpentPage{Page: page}), http.StatusGone},
	}
}
