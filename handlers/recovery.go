package handlers

import (
	"errors"
	"net/http"
	"slices"

	"github.com/gatehouse-sso/gatehouse/passkeys"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// recoveryPage is the way in for a break-glass owner whom the identity provider does not let in.
func (v *visit) recoveryPage() error { return v.showRecovery(http.StatusOK, views.RecoveryPage{}) }

func (v *visit) showRecovery(status int, page views.RecoveryPage) error {
	page.Page = v.card("Recovery")
	return v.render(status, views.Recovery(page))
}

// recover takes a recovery code or what a passkey has signed, and opens what mends sign-in, in one organization that has named this owner:
// connections, domains and enforcement. It is loud: an event of high severity, and a mail to every owner.
func (v *visit) recover() error {
	if v.form().Count("answer") > 0 {
		return v.recoverByPasskey()
	}
	return v.recoverByCode()
}

// recoverByCode answers in the same words whether nobody is known by the address, the person is not named, or the code is wrong or spent.
func (v *visit) recoverByCode() error {
	form := v.form()
	refuse := func() error {
		return v.showRecovery(http.StatusUnprocessableEntity, views.RecoveryPage{Email: form.Text("email"), Problem: fieldProblem("code",
			"This is not the address of a break-glass owner with a recovery code that is still good. Check both: each code works once, and new codes end the old ones.")})
	}
	address, err := typedAddress(form.Text("email"))
	if err != nil {
		return refuse()
	}
	if err := v.limitTries(address); err != nil {
		return err
	}
	code, is := secret.ReadRecoveryCode(form.Raw("code"))
	if !is {
		return refuse()
	}
	found, err := v.store.RecoveryByCode(v.ctx(), address, code)
	if err == nil {
		err = v.enterByBreakGlass(found)
	}
	if errors.Is(err, store.ErrNotFound) { // also: spent by somebody else a moment ago
		return refuse()
	}
	return err
}

// recoverByPasskey lets whoever has signed in, where one organization has named them; of several they choose one, and sign again.
func (v *visit) recoverByPasskey() error {
	if err := limitLogins(v.logins, v.r, "passkey answered"); err != nil {
		return err
	}
	refuse := func(sentence string, choice ...ui.Option) error {
		return v.showRecovery(http.StatusUnprocessableEntity, views.RecoveryPage{Organizations: choice, Problem: fieldProblem("", sentence)})
	}
	const no = "This passkey does not recover access to anything here, or it took longer than five minutes. It must be one of a break-glass owner. Try again, or use a recovery code."
	user, proof, err := v.checkPasskey(v.form().Raw("answer"))
	switch {
	case errors.Is(err, store.ErrCopied):
		return refuse("This passkey was used somewhere else in the meantime, so there may be a copy of it. Use a recovery code.")
	case errors.Is(err, passkeys.ErrUnbelievable), errors.Is(err, store.ErrNotFound):
		return refuse(no)
	case err != nil:
		return err
	}
	open, err := v.store.Recoverable(v.ctx(), user.ID)
	if err != nil {
		return err
	}
	if len(open) == 0 {
		return refuse(no)
	}
	chosen := open[0].ID
	if len(open) > 1 {
		chosen = v.form().Text("organization")
		if !slices.ContainsFunc(open, func(o store.Organization) bool { return o.ID == chosen }) {
			var choice []ui.Option
			for _, o := range open {
				choice = append(choice, ui.Option{Value: o.ID, Label: o.Name})
			}
			return refuse("Choose which organization to open, then use your passkey again.", choice...)
		}
	}
	err = v.enterByBreakGlass(store.Recovery{UserID: user.ID, OrganizationID: chosen, Proof: proof.Recovering(chosen)})
	if errors.Is(err, store.ErrNotFound) { // not named any more since a moment ago
		return refuse(no)
	}
	return err
}

// enterByBreakGlass gives the browser a session that holds this proof and no other.
func (v *visit) enterByBreakGlass(r store.Recovery) error {
	token, err := v.broker.SignInAnew(v.ctx(), requestOf(v.r), v.present(), r.UserID, r.Proof)
	if err != nil {
		return err
	}
	if err := v.Cookies.Session.Write(v.w, token); err != nil {
		return err
	}
	return v.goTo("/organizations/"+r.OrganizationID+"/sign-in", "")
}
