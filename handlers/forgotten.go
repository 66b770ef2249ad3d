package handlers

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/web"
)

// forgottenPage asks for the address.
func (v *visit) forgottenPage() error {
	return v.render(http.StatusOK, views.Forgotten(views.ForgottenPage{Page: v.card("Forgotten password"), NoMail: !v.SendsMail}))
}

// forgotten notes that a password is forgotten, and answers the same to everybody: who it is, and whether they get a link, is found out when
// the outbox is emptied (D-11). The limits are those of signing in, by person and address prefix together (D-12).
func (v *visit) forgotten() error {
	page := views.ForgottenPage{Page: v.card("Forgotten password"), NoMail: !v.SendsMail, Email: v.form().Text("email")}
	if page.NoMail {
		return v.render(http.StatusOK, views.Forgotten(page))
	}
	address, err := typedAddress(page.Email)
	if err != nil {
		page.Problem = fieldProblem("email", "Enter an email address such as name@example.com.")
		return v.render(http.StatusUnprocessableEntity, views.Forgotten(page))
	}
	prefix := web.ClientPrefix(v.r)
	person := "forgotten " + address.Canonical() + " " + prefix
	if !v.crowd.Allow(prefix) {
		return &tooMany{v.crowd.RetryAfter(prefix)}
	}
	if !v.guesses.Allow(person) {
		return &tooMany{v.guesses.RetryAfter(person)}
	}
	if err := v.store.AskForPassword(v.ctx(), address, requestOf(v.r)); err != nil {
		return err
	}
	return v.render(http.StatusOK, views.ForgottenSent(views.ForgottenSentPage{Page: v.card("Look into your mail"), Email: address.Given()}))
}
