package handlers

import (
	"errors"
	"net/http"

	"github.com/gatehouse-sso/gatehouse/passkeys"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/web"
)

// passkeyPage is the way in for whoever keeps a passkey. It asks for no address: the device knows for whom it signs.
func (v *visit) passkeyPage() error {
	return v.showPasskeyPage(http.StatusOK, v.query("return_to"), "")
}

func (v *visit) showPasskeyPage(status int, back, refusal string) error {
	page := views.LoginPasskeyPage{Page: v.page("Sign in"), ReturnTo: v.returnTo(back)}
	if refusal != "" {
		page.Problem = fieldProblem("", refusal)
	}
	return v.render(status, views.LoginPasskey(page))
}

// askForPasskey hands a challenge to the browser, which answers it within five minutes: the flow cookie says that it is the same one. Whoever
// asks gets the same, known here or not (D-11).
func (v *visit) askForPasskey() error {
	if err := limitLogins(v.logins, v.r, "passkey"); err != nil {
		return err
	}
	flow, found := v.Cookies.Flow.Read(v.r)
	if !found {
		flow = secret.NewToken()
	}
	if err := v.Cookies.Flow.Write(v.w, flow); err != nil {
		return err
	}
	question, err := v.passkeys.AskToSignIn()
	if err != nil {
		return err
	}
	return v.ask(question, flow, "")
}

// ask keeps the challenge for its holder and answers with the options.
func (v *visit) ask(question passkeys.Question, holder secret.Token, userID string) error {
	if err := v.store.KeepChallenge(v.ctx(), question.Challenge, holder, userID); err != nil {
		return err
	}
	v.w.Header()["Content-Type"] = jsonContent
	_, err := v.w.Write(question.Options)
	return err
}

// loginByPasskey takes what a device has signed. Whoever's domain requires single sign-on goes there, as with a password (D-08).
func (v *visit) loginByPasskey() error {
	if err := limitLogins(v.logins, v.r, "passkey answered"); err != nil {
		return err
	}
	form := v.form()
	user, proof, err := v.checkPasskey(form.Raw("answer"))
	switch {
	case errors.Is(err, store.ErrCopied):
		return v.showPasskeyPage(http.StatusUnprocessableEntity, form.Text("return_to"), "This passkey was used somewhere else in the meantime, so there may be a copy of it. Sign in another way, remove it from your account and add a new one.")
	case errors.Is(err, passkeys.ErrUnbelievable), errors.Is(err, store.ErrNotFound):
		return v.refusePasskey(form.Text("return_to"))
	case err != nil:
		return err
	}
	address, err := trust.ParseAddress(user.Email)
	if err != nil {
		return err
	}
	methods, err := v.methods(address)
	if err != nil {
		return err
	}
	back := v.returnTo(form.Text("return_to"))
	if !methods.Password {
		return v.lead(methods, address, back)
	}
	err = v.startSession(user.ID, proof)
	if errors.Is(err, store.ErrNotFound) { // removed, or the person suspended, a moment ago
		return v.refusePasskey(back)
	}
	if err != nil {
		return err
	}
	return v.goTo(web.ReturnTo(back), "")
}

func (v *visit) refusePasskey(back string) error {
	return v.showPasskeyPage(http.StatusUnprocessableEntity, back, "This passkey does not open anything here, or it took longer than five minutes. Try again, or sign in with your email address.")
}

// checkPasskey says whose passkey has signed the challenge that this browser was given, and what that proves. It is
// [passkeys.ErrUnbelievable] or [store.ErrNotFound] where none has, and [store.ErrCopied].
func (v *visit) checkPasskey(answer string) (store.User, store.Proven, error) {
	read, err := passkeys.ReadAssertion(answer)
	if err != nil {
		return store.User{}, store.Proven{}, err
	}
	flow, found := v.Cookies.Flow.Read(v.r)
	if !found {
		return store.User{}, store.Proven{}, store.ErrNotFound
	}
	if err := v.store.SpendChallenge(v.ctx(), read.Challenge, flow, ""); err != nil {
		return store.User{}, store.Proven{}, err
	}
	kept, user, err := v.store.PasskeyByCredential(v.ctx(), read.CredentialID)
	if err != nil {
		return store.User{}, store.Proven{}, err
	}
	used, err := v.passkeys.Check(user.ID, passkeys.Credential{
		ID: kept.CredentialID, PublicKey: kept.PublicKey, SignCount: kept.SignCount, BackupEligible: kept.BackupEligible, BackedUp: kept.BackedUp,
	}, read)
	if err != nil {
		return store.User{}, store.Proven{}, err
	}
	proof, err := v.store.UsePasskey(v.ctx(), v.actor(), kept.ID, used.SignCount, used.BackedUp)
	return user, proof, err
}
