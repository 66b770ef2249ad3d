package handlers

import (
	"errors"
	"net/http"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// openInvite is an invite whose link was opened, and who may accept it how.
type openInvite struct {
	store.Invite
	token        secret.Token
	organization store.Organization
	address      trust.Address
	home         string         // the organization that has proved the address's domain, "" where none has
	methods      broker.Methods // in which the address may sign in
}

// openInvite reads the link; [store.ErrNotFound] where it opens nothing.
func (v *visit) openInvite() (openInvite, error) {
	a := openInvite{token: secret.TokenOf(v.id("token"))}
	var err error
	if a.Invite, a.organization, err = v.store.InviteOf(v.ctx(), a.token); err != nil {
		return a, err
	}
	if a.address, err = trust.ParseAddress(a.Email); err != nil {
		return a, err
	}
	a.home, err = v.store.DomainOwner(v.ctx(), a.address.Domain())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return a, err
	}
	a.methods, err = v.methods(a.address)
	return a, err
}

// here says whether whoever is signed in is the invited person, shown by their own credential, or by the identity provider of the organization
// that invites or of the one whose domain the address is on. Any other identity provider may speak of a shared user without being asked.
func (v *visit) here(a openInvite) bool {
	return v.signedIn() && v.user.CanonicalEmail == a.CanonicalEmail && access.MayAccept(v.session.Proofs, a.OrganizationID, a.home)
}

// invitePage shows a button. Looking spends nothing: mail scanners look at links.
func (v *visit) invitePage() error {
	a, err := v.openInvite()
	if err != nil {
		return v.welcomeError(err)
	}
	page := views.InvitePage{
		Page: v.card("Join " + a.organization.Name), Action: v.r.URL.Path, Organization: a.organization.Name, By: a.InviterName,
		Email: a.Email, Roles: roleTitles(a.Roles), Here: v.here(a),
	}
	if v.signedIn() && v.user.CanonicalEmail != a.CanonicalEmail {
		page.Other = v.user.Email
	}
	return v.render(http.StatusOK, views.Invite(page))
}

// acceptInvite answers the button: whoever is here joins at once, everybody else shows first who they are. Where single sign-on is required of
// the address, no password does that (D-08).
func (v *visit) acceptInvite() error {
	a, err := v.openInvite()
	if err != nil {
		return v.welcomeError(err)
	}
	if v.here(a) {
		_, _, err := v.store.SpendInvite(v.ctx(), v.actor(), a.token, store.Acceptance{UserID: v.user.ID})
		return v.joined(a, err)
	}
	if !a.methods.Password {
		return v.inviteElsewhere(a)
	}
	if v.SendsMail && !a.Mailed {
		return v.acceptUnmailed(a)
	}
	known, err := v.store.UserByAddress(v.ctx(), a.address)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return v.acceptAsNew(a)
	case err != nil:
		return err
	case !known.HasPassword:
		return v.inviteElsewhere(a)
	}
	return v.acceptAsKnown(a)
}

// acceptUnmailed answers whoever has the link that was shown to the inviter, who may be the inviter: it tells nothing of the address (D-11). One
// who is known signs in; one who is new goes on by mail, so that nobody makes a user of somebody else's address.
func (v *visit) acceptUnmailed(a openInvite) error {
	if v.form().Text("mail") != "yes" {
		return v.acceptAsKnown(a)
	}
	err := v.store.MailInvite(v.ctx(), a.token)
	if often := tooOften(err); often != "" {
		return v.showInviteForm(http.StatusTooManyRequests, a, true, fieldProblem("", often))
	}
	if err != nil {
		return v.welcomeError(err)
	}
	return v.render(http.StatusOK, views.InviteMailed(views.InviteMailedPage{Page: v.card("Look into your mail"), Email: a.Email}))
}

func (v *visit) joined(a openInvite, err error) error {
	if err != nil {
		return v.welcomeError(err)
	}
	return v.goTo("/organizations/"+a.OrganizationID, "Welcome to "+a.organization.Name+".")
}

// inviteElsewhere says where the person signs in. At the inviting organization's own identity provider that accepts the invite.
func (v *visit) inviteElsewhere(a openInvite) error {
	page := views.InviteElsewherePage{Page: v.card("Join " + a.organization.Name), Organization: a.organization.Name, Email: a.Email, Accepts: a.home == a.OrganizationID}
	page.Connections = a.ways()
	if a.methods.Password {
		page.Passkey = "/login/passkey"
		if v.SendsMail {
			page.Forgotten = "/login/forgotten"
		}
	}
	return v.render(http.StatusOK, views.InviteElsewhere(page))
}

// ways are the identity providers that serve the address. They lead on to the organization only if it is theirs: the link of an invite is
// never kept with a login.
func (a openInvite) ways() (links []ui.Link) {
	back := "/"
	if a.home == a.OrganizationID {
		back = "/organizations/" + a.OrganizationID
	}
	for _, c := range a.methods.Connections() {
		links = append(links, ui.Link{Text: "Continue with " + c.Name, Href: loginPath(c.ID, back)})
	}
	return links
}

func (v *visit) showInviteForm(status int, a openInvite, known bool, problem *ui.Problem) error {
	page := views.InviteFormPage{
		Page: v.card("Join " + a.organization.Name), Action: v.r.URL.Path, Organization: a.organization.Name,
		Name: v.form().Text("name"), Email: a.Email, Known: known, Problem: problem,
		Mail: v.SendsMail && !a.Mailed,
	}
	if (!known || page.Mail) && a.home == a.OrganizationID {
		page.Connections = a.ways()
	}
	return v.render(status, views.InviteForm(page))
}

// acceptAsNew makes the person: name and password.
func (v *visit) acceptAsNew(a openInvite) error {
	if v.form().Count("password") == 0 {
		return v.showInviteForm(http.StatusOK, a, false, nil)
	}
	name := v.form().Text("name")
	problem := &ui.Problem{}
	if name == "" {
		problem.Fields = append(problem.Fields, ui.FieldError{Field: "name", Message: "Enter your name."})
	}
	hash, sentence, err := newPassword(v.ctx(), v.form().Raw("password"), a.Email, name)
	if err != nil {
		return err
	}
	if sentence != "" {
		problem.Fields = append(problem.Fields, ui.FieldError{Field: "password", Message: sentence})
	}
	if len(problem.Fields) > 0 {
		return v.showInviteForm(http.StatusUnprocessableEntity, a, false, problem)
	}
	user, _, err := v.store.SpendInvite(v.ctx(), v.actor(), a.token, store.Acceptance{Name: name, PasswordHash: hash})
	if problem := problemOf(err); problem != nil {
		return v.showInviteForm(http.StatusUnprocessableEntity, a, false, problem)
	}
	if err != nil {
		return v.welcomeError(err)
	}
	return v.joined(a, v.startSession(user.ID, store.ProvenByPassword(hash)))
}

// acceptAsKnown asks somebody who is known for their password, within the limits of signing in.
func (v *visit) acceptAsKnown(a openInvite) error {
	if v.form().Count("password") == 0 {
		return v.showInviteForm(http.StatusOK, a, true, nil)
	}
	user, hash, err := v.checkPassword(a.address, v.form().Raw("password"))
	if err != nil {
		return err
	}
	if user == "" {
		return v.showInviteForm(http.StatusUnprocessableEntity, a, true, fieldProblem("password", "This is not your password. Check it, then try again."))
	}
	if _, _, err := v.store.SpendInvite(v.ctx(), v.actor(), a.token, store.Acceptance{UserID: user}); err != nil {
		return v.welcomeError(err)
	}
	return v.joined(a, v.startSession(user, store.ProvenByPassword(hash)))
}
