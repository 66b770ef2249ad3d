package handlers

import (
	"net/http"
	"slices"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// recoveryPage is the way in for an owner whom the identity provider does not let in.
func (v *visit) recoveryPage() error {
	return v.render(http.StatusOK, views.Recovery(views.RecoveryPage{Page: v.card("Recovery")}))
}

// recover checks an owner's own password and opens what mends sign-in, in one organization that they own and that requires single sign-on:
// connections, domains and enforcement. It is loud: an event of high severity.
func (v *visit) recover() error {
	form := v.form()
	page := views.RecoveryPage{Page: v.card("Recovery"), Email: form.Text("email")}
	owned, err := v.recoverable()
	if err != nil {
		return err
	}
	if len(owned.organizations) == 0 {
		page.Problem = fieldProblem("password", "This is not the address and password of an owner whose organization requires single sign-on.")
		return v.render(http.StatusUnprocessableEntity, views.Recovery(page))
	}
	chosen := owned.organizations[0].ID
	if len(owned.organizations) > 1 {
		chosen = form.Text("organization")
		if !slices.ContainsFunc(owned.organizations, func(o store.Organization) bool { return o.ID == chosen }) {
			for _, o := range owned.organizations {
				page.Organizations = append(page.Organizations, ui.Option{Value: o.ID, Label: o.Name})
			}
			page.Problem = fieldProblem("organization", "Choose which organization to open, and enter your password again.")
			return v.render(http.StatusUnprocessableEntity, views.Recovery(page))
		}
	}
	token, err := v.broker.SignInAnew(v.ctx(), requestOf(v.r), v.present(), owned.user, store.ProvenByRecovery(chosen, owned.hash))
	if err != nil {
		return err
	}
	if err := v.Cookies.Session.Write(v.w, token); err != nil {
		return err
	}
	return v.goTo("/organizations/"+chosen+"/sign-in", "")
}

// owned are the organizations that a password opens by break-glass.
type owned struct {
	user, hash    string
	organizations []store.Organization
}

// recoverable checks the password that was sent; whoever has none, or owns no such organization, has nothing to recover.
func (v *visit) recoverable() (owned, error) {
	address, err := typedAddress(v.form().Text("email"))
	if err != nil {
		return owned{}, nil
	}
	user, hash, err := v.checkPassword(address, v.form().Raw("password"))
	if err != nil || user == "" {
		return owned{}, err
	}
	organizations, err := v.store.Recoverable(v.ctx(), user)
	return owned{user, hash, organizations}, err
}
