package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func forgottenStories() []Story {
	page := storyPage("Forgotten password")
	return []Story{
		{"forgotten/ask", "Forgotten password", Forgotten(ForgottenPage{Page: page}), http.StatusOK},
		{"forgotten/wrong", "Forgotten password: refused", Forgotten(ForgottenPage{Page: page, Email: "ada", Problem: &ui.Problem{Fields: []ui.FieldError{{Field: "email", Message: "Enter an email address such as name@example.com."}}}}), http.StatusUnprocessableEntity},
		{"forgotten/no-mail", "Forgotten password: no mail is sent here", Forgotten(ForgottenPage{Page: page, NoMail: true}), http.StatusOK},
		{"forgotten/sent", "Forgotten password: look into your mail", ForgottenSent(ForgottenSentPage{Page: page, Email: storyLongEmail}), http.StatusOK},
	}
}
