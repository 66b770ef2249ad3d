package handlers

import (
	"errors"
	"net/http"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// invitation is a welcome link that can be spent, and whom it is for.
type invitation struct {
	store.Welcome
	token        secret.Token
	organization store.Organization // of a setup link
	known        store.User         // whoever has the welcome's address already; zero for nobody
}

// welcomePage shows a button. Looking spends nothing: mail scanners look at links.
func (v *visit) welcomePage() error {
	i, err := v.invitation()
	if errors.Is(err, store.ErrNotFound) {
		return v.invitePage()
	}
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, views.Welcome(views.WelcomePage{
		Page: v.card("Welcome"), Action: v.r.URL.Path, Organization: i.organization.Name,
		Recovery: i.Kind.SetsPassword(), Known: i.known.ID != "",
	}))
}

// invitation reads the link; [store.ErrNotFound] where it opens nothing.
func (v *visit) invitation() (invitation, error) {
	i := invitation{token: secret.TokenOf(v.id("token"))}
	var err error
	if i.Welcome, err = v.store.Welcome(v.ctx(), i.token); err != nil || i.Kind != store.WelcomeSetup {
		return i, err
	}
	if i.organization, err = v.store.Organization(v.ctx(), i.OrganizationID); err != nil {
		return i, err
	}
	address, err := trust.ParseAddress(i.Email)
	if err != nil {
		return i, err
	}
	if i.known, err = v.store.UserByAddress(v.ctx(), address); errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return i, err
}

// welcomeError is one page for links that were used, are too old or never were.
func (v *visit) welcomeError(err error) error {
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return v.render(http.StatusGone, views.WelcomeSpent(views.WelcomeSpentPage{Page: v.card("This link no longer works")}))
}

// welcome answers the button with a form, and the form by spending the link. Whoever is known already has nothing to fill in.
func (v *visit) welcome() error {
	i, err := v.invitation()
	if errors.Is(err, store.ErrNotFound) {
		return v.acceptInvite()
	}
	if err != nil {
		return err
	}
	if i.known.ID != "" {
		return v.joinAsKnown(i)
	}
	if v.form().Count("password") == 0 {
		return v.showWelcomeForm(http.StatusOK, i, nil)
	}
	newcomer, problem, err := v.newcomer(i)
	if err != nil {
		return err
	}
	if problem != nil {
		return v.showWelcomeForm(http.StatusUnprocessableEntity, i, problem)
	}
	user, organization, err := v.store.SpendWelcome(v.ctx(), v.actor(), i.token, newcomer)
	if problem := problemOf(err); problem != nil {
		return v.showWelcomeForm(http.StatusUnprocessableEntity, i, problem)
	}
	if err != nil {
		return v.welcomeError(err)
	}
	recovery, err := v.byOperatorsLink(i, user, newcomer.PasswordHash)
	if err != nil {
		return err
	}
	if recovery.UserID != "" {
		return v.enterByBreakGlass(recovery)
	}
	if err := v.startSession(user.ID, store.ProvenByPassword(newcomer.PasswordHash)); err != nil {
		return err
	}
	if organization.ID == "" {
		return v.goTo("/", "Your new password is saved.")
	}
	return v.goTo("/organizations/"+organization.ID, "Welcome, "+user.Name+".")
}

// byOperatorsLink is the way in by break-glass that the operator's link to a new password is, for an owner whom the password alone does not let
// into the organization that the link speaks of; zero for everybody else.
func (v *visit) byOperatorsLink(i invitation, user store.User, hash string) (store.Recovery, error) {
	if i.Kind != store.WelcomePassword || i.OrganizationID == "" {
		return store.Recovery{}, nil
	}
	entry, member, err := v.store.Entry(v.ctx(), i.OrganizationID, store.Session{UserID: user.ID})
	if errors.Is(err, store.ErrNotFound) {
		return store.Recovery{}, nil
	}
	if err != nil {
		return store.Recovery{}, err
	}
	byPassword := access.MayEnter(entry, []access.Proof{{Kind: access.ByPassword, At: v.now()}})
	if byPassword.Why != access.WhySSORequired || !member.IsOwner() {
		return store.Recovery{}, nil
	}
	return store.Recovery{UserID: user.ID, OrganizationID: i.OrganizationID, Proof: store.ProvenByOperator(i.OrganizationID, hash)}, nil
}

// newcomer is what the form says, or everything that is wrong with it.
func (v *visit) newcomer(i invitation) (store.Newcomer, *ui.Problem, error) {
	form := v.form()
	n := store.Newcomer{Name: form.Text("name"), OrganizationName: form.Text("organization")}
	email := i.Email
	if i.Kind == store.WelcomeFirstOwner {
		email = form.Text("email")
	}
	var problem ui.Problem
	wrong := func(field, sentence string) {
		problem.Fields = append(problem.Fields, ui.FieldError{Field: field, Message: sentence})
	}
	if !i.Kind.SetsPassword() && n.Name == "" {
		wrong("name", "Enter your name.")
	}
	var err error
	if n.Address, err = typedAddress(email); err != nil {
		wrong("email", "Enter an email address such as name@example.com.")
	}
	if sentence := secret.PasswordProblem(form.Raw("password"), email, n.Name); sentence != "" {
		wrong("password", sentence)
	}
	if i.Kind == store.WelcomeFirstOwner && n.OrganizationName == "" {
		wrong("organization", "Enter the name of your company or team.")
	}
	if len(problem.Fields) > 0 {
		return n, &problem, nil
	}
	n.PasswordHash, err = secret.HashPassword(v.ctx(), form.Raw("password"))
	return n, nil, err
}

func (v *visit) showWelcomeForm(status int, i invitation, problem *ui.Problem) error {
	form := v.form()
	page := views.WelcomeFormPage{
		Page: v.card("Welcome"), Action: v.r.URL.Path, Name: form.Text("name"), Email: form.Text("email"), Organization: form.Text("organization"),
		NeedsOrganization: i.Kind == store.WelcomeFirstOwner, PasswordOnly: i.Kind.SetsPassword(), Problem: problem,
	}
	if i.Kind != store.WelcomeFirstOwner {
		page.Email, page.EmailFixed = i.Email, true
	}
	return v.render(status, views.WelcomeForm(page))
}

// joinAsKnown makes somebody who is known already the organization's owner. The link signs nobody in and gives nobody a password: they show
// who they are next, or read what to do if they have no password to show.
func (v *visit) joinAsKnown(i invitation) error {
	_, organization, err := v.store.SpendWelcome(v.ctx(), v.actor(), i.token, store.Newcomer{})
	if err != nil {
		return v.welcomeError(err)
	}
	if !i.known.HasPassword {
		return v.render(http.StatusOK, views.WelcomeJoined(views.WelcomeJoinedPage{Page: v.card("You own " + organization.Name), ID: organization.ID, Email: i.known.Email}))
	}
	return v.goTo("/organizations/"+organization.ID, "You own "+organization.Name+" now.")
}
