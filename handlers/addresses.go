package handlers

import (
	"errors"
	"net/http"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// ownAddress completes the part of the account page that is about the person's address.
func (v *visit) ownAddress(page *views.AccountPage) error {
	switch {
	case !access.MayChangeUser(v.session.Proofs):
		page.Address.Note = "To change your address, sign in with your own password or passkey."
		return nil
	case !v.SendsMail:
		page.Address.Note = "Your address changes when you follow a link that is mailed to the new one. This installation sends no mail, so it cannot be changed here. Whoever runs it can set up a mail server."
		return nil
	}
	asked, err := v.store.AskedAddress(v.ctx(), v.user.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	page.Address.Asked, page.Address.Until = asked.Email, asked.ExpiresAt.Format("15:04 UTC")
	return err
}

// askForAddress mails the link. Whether the address is somebody's is not answered here (D-11).
func (v *visit) askForAddress() error {
	typed := v.form().Text("email")
	refuse := func(status int, problem *ui.Problem) error {
		return v.showAccount(status, views.AccountPage{Name: v.user.Name, Address: views.AccountAddress{Typed: typed, Problem: problem}})
	}
	if !v.SendsMail {
		return refuse(http.StatusUnprocessableEntity, fieldProblem("", "This installation sends no mail, so no address can be changed."))
	}
	address, err := typedAddress(typed)
	if err != nil {
		return refuse(http.StatusUnprocessableEntity, fieldProblem("email", "Enter an email address such as name@example.com."))
	}
	err = v.store.AskForAddress(v.ctx(), v.actor(), v.user.ID, address)
	if often := tooOften(err); often != "" {
		return refuse(http.StatusTooManyRequests, fieldProblem("email", often))
	}
	if problem := problemOf(err); problem != nil {
		return refuse(http.StatusUnprocessableEntity, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo("/account", "Look into the mail of "+address.Given()+". Your address changes when you follow the link there.")
}

func (v *visit) withdrawAddress() error {
	if err := v.store.WithdrawAddress(v.ctx(), v.actor(), v.user.ID); err != nil {
		return err
	}
	return v.goTo("/account", "Your address stays as it is. The link that was mailed no longer works.")
}

// addressLink shows a button. Looking spends nothing: mail scanners look at links.
func (v *visit) addressLink() error { return v.showAddressLink(http.StatusOK, nil) }

func (v *visit) showAddressLink(status int, problem *ui.Problem) error {
	asked, err := v.store.AddressLink(v.ctx(), v.user.ID, secret.TokenOf(v.id("token")))
	if err != nil {
		return v.addressError(err)
	}
	return v.render(status, views.AddressLink(views.AddressLinkPage{Page: v.card("Change your email address"), Action: v.r.URL.Path, From: v.user.Email, To: asked.Email, Problem: problem}))
}

// addressError is one page for links that were used, are too old, are another person's or never were.
func (v *visit) addressError(err error) error {
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return v.render(http.StatusNotFound, views.AddressLinkSpent(views.AddressLinkSpentPage{Page: v.card("This link no longer works"), Email: v.user.Email}))
}

// changeAddress spends the link. The session goes on under another token (W-02).
func (v *visit) changeAddress() error {
	err := v.store.ChangeAddress(v.ctx(), v.actor(), v.user.ID, secret.TokenOf(v.id("token")))
	if problem := problemOf(err); problem != nil {
		return v.showAddressLink(http.StatusUnprocessableEntity, problem)
	}
	if err != nil {
		return v.addressError(err)
	}
	if err := v.rotate(); err != nil {
		return err
	}
	return v.goTo("/account", "Your email address is changed. Your other sessions have ended.")
}
