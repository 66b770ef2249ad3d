package handlers

import (
	"errors"
	"net/http"

	"github.com/gatehouse-sso/gatehouse/passkeys"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// newPasskey asks how the passkey is to be called; the browser then asks the device for one.
func (v *visit) newPasskey() error { return v.showNewPasskey(http.StatusOK, "", nil) }

func (v *visit) showNewPasskey(status int, name string, problem *ui.Problem) error {
	if name == "" && problem == nil {
		name = browserName(v.r.UserAgent())
	}
	return v.render(status, views.NewPasskey(views.NewPasskeyPage{Page: v.trail(v.page("Add a passkey"), toAccount), Name: name, Problem: problem}))
}

var toAccount = ui.Link{Text: "Your account", Href: "/account"}

// askForNewPasskey hands the browser what its device is to sign. The challenge is this session's.
func (v *visit) askForNewPasskey() error {
	person, err := v.passkeyPerson()
	if err != nil {
		return err
	}
	question, err := v.passkeys.AskToRegister(person)
	if err != nil {
		return err
	}
	return v.ask(question, secret.TokenOf(v.session.ID), v.user.ID)
}

// passkeyPerson is the visitor as their devices know them.
func (v *visit) passkeyPerson() (passkeys.Person, error) {
	person := passkeys.Person{Handle: v.user.ID, Address: v.user.Email, Name: v.user.Name}
	all, err := v.store.Passkeys(v.ctx(), v.user.ID)
	for _, p := range all {
		person.Has = append(person.Has, p.CredentialID)
	}
	return person, err
}

// addPasskey keeps the passkey that the device has made.
func (v *visit) addPasskey() error {
	name := v.form().Text("name")
	made, err := v.registeredPasskey(v.form().Raw("answer"))
	if errors.Is(err, passkeys.ErrUnbelievable) || errors.Is(err, store.ErrNotFound) {
		return v.showNewPasskey(http.StatusUnprocessableEntity, name, fieldProblem("", "Your device did not make a passkey, or it took longer than five minutes. Try again."))
	}
	if err != nil {
		return err
	}
	_, err = v.store.AddPasskey(v.ctx(), v.actor(), v.user.ID, name, store.Credential{
		CredentialID: made.ID, PublicKey: made.PublicKey, SignCount: made.SignCount, BackupEligible: made.BackupEligible, BackedUp: made.BackedUp,
	})
	if problem := problemOf(err); problem != nil {
		return v.showNewPasskey(http.StatusUnprocessableEntity, name, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo("/account", "Your passkey is added. You can sign in with it from now on.")
}

func (v *visit) registeredPasskey(answer string) (passkeys.Credential, error) {
	read, err := passkeys.ReadRegistration(answer)
	if err != nil {
		return passkeys.Credential{}, err
	}
	if err := v.store.SpendChallenge(v.ctx(), read.Challenge, secret.TokenOf(v.session.ID), v.user.ID); err != nil {
		return passkeys.Credential{}, err
	}
	person, err := v.passkeyPerson()
	if err != nil {
		return passkeys.Credential{}, err
	}
	return v.passkeys.Register(person, read)
}

// ownPasskeys shows a person's passkeys on the page about them.
func (v *visit) ownPasskeys(page *views.AccountPage) error {
	all, err := v.store.Passkeys(v.ctx(), v.user.ID)
	for _, p := range all {
		page.Passkeys = append(page.Passkeys, v.passkeyRow(p))
	}
	page.MayEndPassword = page.HasPassword && len(all) > 0
	return err
}

// passkeyOf is the passkey of the path: another person's is like none.
func (v *visit) passkeyOf() (store.Passkey, error) {
	return v.store.Passkey(v.ctx(), v.user.ID, v.id("passkey"))
}

// passkey is the page on which one is renamed or removed.
func (v *visit) passkey() error {
	kept, err := v.passkeyOf()
	if err != nil {
		return err
	}
	return v.showPasskey(http.StatusOK, kept, kept.Name, nil)
}

func (v *visit) showPasskey(status int, kept store.Passkey, name string, problem *ui.Problem) error {
	page := views.PasskeyPage{
		Page: v.trail(v.page(kept.Name), toAccount), Name: name, Action: "/account/passkeys/" + kept.ID, Version: formVersion(kept.Version), Problem: problem,
		Row: v.passkeyRow(kept),
	}
	return v.render(status, views.Passkey(page))
}

func (v *visit) passkeyRow(kept store.Passkey) views.PasskeyRow {
	row := views.PasskeyRow{
		Name: kept.Name, Href: "/account/passkeys/" + kept.ID, Added: ui.MomentOf(kept.CreatedAt, v.now()), Synced: kept.BackedUp,
	}
	if kept.UsedAt != nil {
		row.Used = ui.MomentOf(*kept.UsedAt, v.now())
	}
	return row
}

func (v *visit) renamePasskey() error {
	kept, err := v.passkeyOf()
	if err != nil {
		return err
	}
	name := v.form().Text("name")
	err = v.store.RenamePasskey(v.ctx(), v.actor(), v.user.ID, kept.ID, v.version(), name)
	if problem := editProblem(err, "name"); problem != nil {
		return v.showPasskey(http.StatusUnprocessableEntity, kept, name, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo("/account", "The name of your passkey is saved.")
}

func (v *visit) removePasskey() error {
	kept, err := v.passkeyOf()
	if err != nil {
		return err
	}
	err = v.store.RemovePasskey(v.ctx(), v.actor(), v.user.ID, kept.ID)
	if sentence := needed(err); sentence != "" {
		return v.showPasskey(http.StatusUnprocessableEntity, kept, kept.Name, fieldProblem("", sentence))
	}
	if err != nil {
		return err
	}
	return v.goTo("/account", "Your passkey is removed. Your device may still offer it: delete it there, too.")
}

// needed says why a person's own credential has to stay, "" where err is something else.
func needed(err error) string {
	switch {
	case errors.Is(err, store.ErrLastBreakGlass):
		return "An organization that requires single sign-on has no other way in for an emergency. Make recovery codes on its Sign-in page first, or let another break-glass owner make theirs."
	case errors.Is(err, store.ErrLastOwner):
		return "You are the last owner of an organization who can sign in. Add another way to sign in, or another owner, first."
	case errors.Is(err, store.ErrLastCredential):
		return "This is your last way to sign in. Add another first."
	}
	return ""
}
