package handlers

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// account is what a person may see and change about themselves.
func (v *visit) account() error {
	return v.showAccount(http.StatusOK, views.AccountPage{Name: v.user.Name})
}

// showAccount completes a page that holds what was typed and what was wrong with it.
func (v *visit) showAccount(status int, page views.AccountPage) error {
	page.Page = v.page("Your account")
	page.Email, page.ID, page.HasPassword = v.user.Email, v.user.ID, v.user.HasPassword
	page.Version = formVersion(v.user.Version)
	if !access.MayChangeUser(v.session.Proofs) {
		page.NameNote = "To change your name, sign in with your own password or passkey."
		page.PasskeyNote = "To see, add or remove passkeys, sign in with your own password or passkey."
		page.PasswordNote = "You signed in through your company, which looks after your sign-in. You have no password here."
		if v.user.HasPassword {
			page.PasswordNote = "To change your password, sign in with it or with a passkey first: what your company's identity provider says is not enough."
		}
	} else if err := v.ownPasskeys(&page); err != nil {
		return err
	}
	if err := v.ownAddress(&page); err != nil {
		return err
	}
	sessions, err := v.ownSessions()
	if err != nil {
		return err
	}
	names := connectionNames{}
	for _, s := range sessions {
		proofs, err := v.proofWords(names, s.Proofs)
		if err != nil {
			return err
		}
		page.Sessions = append(page.Sessions, views.AccountSession{
			ID: s.ID, Browser: browserName(s.UserAgent), Address: s.Address, Proofs: proofs,
			Started: ui.MomentOf(s.CreatedAt, v.now()), LastUsed: ui.MomentOf(s.SeenAt, v.now()), Current: s.ID == v.session.ID,
		})
	}
	return v.render(status, views.Account(page))
}

// connectionNames remembers how connections are called while a page is built.
type connectionNames map[string]string

// proofWords says how a session's person showed who they are: "Password, Okta".
func (v *visit) proofWords(names connectionNames, proofs []access.Proof) (string, error) {
	var words []string
	for _, p := range proofs {
		switch p.Kind {
		case access.ByPassword:
			words = append(words, "Password")
		case access.ByPasskey:
			words = append(words, "Passkey")
		case access.ByRecovery:
			words = append(words, "Break-glass")
		case access.ByConnection:
			if _, known := names[p.ConnectionID]; !known {
				connection, err := v.store.In(p.OrganizationID).Connection(v.ctx(), p.ConnectionID)
				if err != nil && !errors.Is(err, store.ErrNotFound) {
					return "", err
				}
				names[p.ConnectionID] = connection.Name
			}
			words = append(words, names[p.ConnectionID])
		}
	}
	return strings.Join(words, ", "), nil
}

func (v *visit) renameUser() error {
	name := v.form().Text("name")
	err := v.store.RenameUser(v.ctx(), v.actor(), v.user.ID, v.version(), name)
	if problem := editProblem(err, "name"); problem != nil {
		return v.showAccount(http.StatusUnprocessableEntity, views.AccountPage{Name: name, NameProblem: problem})
	}
	if err != nil {
		return err
	}
	return v.goTo("/account", "Your name is saved.")
}

// changePassword asks for the present password, where there is one, which is limited like signing in, and ends the person's other sessions.
func (v *visit) changePassword() error {
	refuse := func(field, sentence string) error {
		return v.showAccount(http.StatusUnprocessableEntity, views.AccountPage{Name: v.user.Name, PasswordProblem: fieldProblem(field, sentence)})
	}
	present, matches, err := v.presentPassword()
	if err != nil {
		return err
	}
	if !matches {
		return refuse("current_password", "This is not your present password.")
	}
	hash, sentence, err := newPassword(v.ctx(), v.form().Raw("new_password"), v.user.Email, v.user.Name)
	if err != nil {
		return err
	}
	if sentence != "" {
		return refuse("new_password", sentence)
	}
	if err := v.store.SetPassword(v.ctx(), v.actor(), v.user.ID, present, hash); err != nil {
		return err
	}
	if err := v.rotate(); err != nil {
		return err
	}
	return v.goTo("/account", "Your password is changed. Your other sessions have ended.")
}

// presentPassword is the hash of the visitor's password, and whether they have just given it. Whoever has none, and signs in by a passkey, has
// just used that instead.
func (v *visit) presentPassword() (hash string, matches bool, err error) {
	if !v.user.HasPassword {
		if !v.fresh() {
			return "", false, errSignInAgain
		}
		return "", true, nil
	}
	address, err := trust.ParseAddress(v.user.Email)
	if err != nil {
		return "", false, err
	}
	owner, hash, err := v.checkPassword(address, v.form().Raw("current_password"))
	return hash, owner == v.user.ID, err
}

// removePassword leaves the person with their passkeys.
func (v *visit) removePassword() error {
	err := v.store.RemovePassword(v.ctx(), v.actor(), v.user.ID)
	if sentence := needed(err); sentence != "" {
		return v.showAccount(http.StatusUnprocessableEntity, views.AccountPage{Name: v.user.Name, PasswordProblem: fieldProblem("", sentence)})
	}
	if err != nil {
		return err
	}
	return v.goTo("/account", "Your password is removed. You sign in with a passkey from now on.")
}

// newPassword is the hash of a password that is good enough, or the sentence that says what is wrong with it. Own are the person's address
// and name, which it may not be.
func newPassword(ctx context.Context, password string, own ...string) (hash, sentence string, err error) {
	if sentence = secret.PasswordProblem(password, own...); sentence != "" {
		return "", sentence, nil
	}
	hash, err = secret.HashPassword(ctx, password)
	return hash, "", err
}

// rotate gives the browser another session token (W-02).
func (v *visit) rotate() error {
	_, token, err := v.store.RotateSession(v.ctx(), v.actor(), v.token, nil)
	if err != nil {
		return err
	}
	return v.Cookies.Session.Write(v.w, token)
}

// ownSessions are the person's sessions that this one may see and end.
func (v *visit) ownSessions() ([]store.Session, error) {
	sessions, err := v.store.SessionsOf(v.ctx(), v.user.ID)
	return slices.DeleteFunc(sessions, func(s store.Session) bool {
		return s.ID != v.session.ID && !access.MayEnd(v.session.Proofs, s.Proofs)
	}), err
}

// endSession ends one of them; any other is like none.
func (v *visit) endSession() error {
	own, err := v.ownSessions()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(own, func(s store.Session) bool { return s.ID == v.id("session") }) {
		return store.ErrNotFound
	}
	if err := v.store.EndSession(v.ctx(), v.actor(), v.user.ID, v.id("session")); err != nil {
		return err
	}
	return v.goTo("/account", "The session has ended.")
}

func (v *visit) endOtherSessions() error {
	if err := v.endOthers(); err != nil {
		return err
	}
	return v.goTo("/account", "Your other sessions have ended.")
}

func (v *visit) endOthers() error {
	if access.MayChangeUser(v.session.Proofs) {
		return v.store.EndSessionsOf(v.ctx(), v.actor(), v.user.ID, v.session.ID)
	}
	own, err := v.ownSessions()
	if err != nil {
		return err
	}
	for _, s := range own {
		if s.ID == v.session.ID {
			continue
		}
		if err := v.store.EndSession(v.ctx(), v.actor(), v.user.ID, s.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return nil
}

// browserName names a browser and its system as people know them; what it does not know it calls so.
func browserName(userAgent string) string {
	browser := firstIn(userAgent, [][2]string{
		{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
	})
	system := firstIn(userAgent, [][2]string{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	})
	switch {
	case browser == "" && system == "":
		return "Unknown browser"
	case browser == "":
		return "Browser on " + system
	case system == "":
		return browser
	}
	return browser + " on " + system
}

// firstIn is the name beside the first of the marks that the text holds.
func firstIn(text string, marks [][2]string) string {
	for _, mark := range marks {
		if strings.Contains(text, mark[0]) {
			return mark[1]
		}
	}
	return ""
}
