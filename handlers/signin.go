package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/idna"

	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/web"
)

// loginPage asks for an address. Before there is an owner it is the first-run page instead, since nobody could sign in.
func (v *visit) loginPage() error {
	exists, err := v.store.OwnerExists(v.ctx())
	if err != nil {
		return err
	}
	if !exists {
		return v.firstRun()
	}
	page := views.LoginPage{Page: v.page("Sign in"), ReturnTo: v.returnTo(v.query("return_to")), Choose: v.query("choose") == "yes"}
	if !page.Choose && len(v.Cookies.Used(v.r)) > 0 {
		page.Chooser = chooserPath(page.ReturnTo)
	}
	return v.render(http.StatusOK, views.Login(page))
}

// chooserPath leads to a sign-in page that forgets which connection this browser used last, and offers all that serve the address.
func chooserPath(back string) string {
	query := url.Values{"choose": {"yes"}}
	if back != "" {
		query.Set("return_to", back)
	}
	return "/login?" + query.Encode()
}

// returnTo keeps the place to land after signing in; "/" is left out of pages and addresses.
func (v *visit) returnTo(given string) string {
	if path := web.ReturnTo(given); path != "/" {
		return path
	}
	return ""
}

// login leads on from the address: to the identity provider, to a choice, or to the password.
func (v *visit) login() error {
	form := v.form()
	address, err := typedAddress(form.Text("email"))
	if err != nil {
		return v.render(http.StatusUnprocessableEntity, views.Login(views.LoginPage{
			Page: v.page("Sign in"), Email: form.Text("email"), ReturnTo: v.returnTo(form.Text("return_to")), Choose: form.Text("choose") == "yes",
			Problem: fieldProblem("email", "Enter an email address such as name@example.com."),
		}))
	}
	methods, err := v.methods(address)
	if err != nil {
		return err
	}
	back := v.returnTo(form.Text("return_to"))
	if chosen, found := methods.Connection(form.Text("connection")); found {
		return v.leaveFor(chosen, address, back)
	}
	if len(methods.First) == 0 || methods.Password && form.Text("method") == "password" {
		return v.render(http.StatusOK, views.LoginPassword(views.LoginPasswordPage{Page: v.page("Sign in"), Email: address.Given(), ReturnTo: back}))
	}
	if form.Text("choose") == "yes" {
		methods.First, methods.Others = methods.Connections(), nil
	}
	return v.lead(methods, address, back)
}

// methods are the ways that an address has in this browser.
func (v *visit) methods(address trust.Address) (broker.Methods, error) {
	return v.broker.Methods(v.ctx(), address, v.Cookies.Used(v.r))
}

// lead leads on to the identity provider where there is nothing to choose, else to the choice.
func (v *visit) lead(methods broker.Methods, address trust.Address, back string) error {
	if only, found := methods.Only(); found {
		return v.leaveFor(only, address, back)
	}
	return v.render(http.StatusOK, views.LoginChoice(views.LoginChoicePage{
		Page: v.page("Sign in"), Email: address.Given(), ReturnTo: back, Password: methods.Password,
		Connections: choices(methods.First), Others: choices(methods.Others),
	}))
}

func choices(methods []broker.Method) []views.LoginConnection {
	all := make([]views.LoginConnection, len(methods))
	for i, m := range methods {
		all[i] = views.LoginConnection{ID: m.ID, Name: m.Name}
	}
	return all
}

// typedAddress reads an address as a person types it: a domain in its own script becomes its A-label, a closing dot goes.
func typedAddress(text string) (trust.Address, error) {
	local, domain, _ := strings.Cut(text, "@")
	ascii, err := typedDomain(domain)
	if err != nil {
		return trust.Address{}, trust.ErrAddress
	}
	return trust.ParseAddress(local + "@" + ascii)
}

// typedDomain is the A-label form of a domain as a person types it (RFC 5891 §5, as browsers look names up).
func typedDomain(text string) (string, error) {
	return idna.Lookup.ToASCII(strings.TrimSuffix(strings.TrimSpace(text), "."))
}

// loginByPassword takes the person's own credential, where the address's domain leaves that open.
func (v *visit) loginByPassword() error {
	form := v.form()
	address, err := typedAddress(form.Text("email"))
	if err != nil {
		return v.goTo("/login", "")
	}
	methods, err := v.methods(address)
	if err != nil {
		return err
	}
	back := v.returnTo(form.Text("return_to"))
	if !methods.Password {
		return v.lead(methods, address, back)
	}
	user, hash, err := v.checkPassword(address, form.Raw("password"))
	if err != nil {
		return err
	}
	if user != "" {
		err = v.startSession(user, store.ProvenByPassword(hash))
	}
	if user == "" || errors.Is(err, store.ErrNotFound) {
		return v.render(http.StatusUnprocessableEntity, views.LoginPassword(views.LoginPasswordPage{
			Page: v.page("Sign in"), Email: address.Given(), ReturnTo: back,
			Problem: fieldProblem("password", "This address and password do not match. Check both, then try again."),
		}))
	}
	if err != nil {
		return err
	}
	return v.goTo(web.ReturnTo(back), "")
}

// checkPassword returns whose password it is and the hash that it was checked against, both "" when it is nobody's. Known or not, the same work is done and the same limits count, by
// person and address prefix together: a stranger's guesses never lock the person out at home (D-11, D-12).
func (v *visit) checkPassword(address trust.Address, password string) (user, hash string, err error) {
	if err := v.limitTries(address); err != nil {
		return "", "", err
	}
	if user, hash, err = v.store.PasswordHash(v.ctx(), address); err != nil {
		return "", "", err
	}
	matches, err := secret.CheckPassword(v.ctx(), hash, password)
	if err != nil || !matches {
		return "", "", err
	}
	return user, hash, nil
}

// limitTries counts a try at somebody's password or recovery code.
func (v *visit) limitTries(address trust.Address) error {
	prefix := web.ClientPrefix(v.r)
	person := address.Canonical() + " " + prefix
	if !v.crowd.Allow(prefix) {
		return &tooMany{v.crowd.RetryAfter(prefix)}
	}
	if !v.guesses.Allow(person) {
		return &tooMany{v.guesses.RetryAfter(person)}
	}
	return nil
}

// startSession gives the browser a session of the user with the proof. If it is signed in as the same person, the proof joins theirs.
func (v *visit) startSession(userID string, proof store.Proven) error {
	token, err := v.broker.SignIn(v.ctx(), requestOf(v.r), v.present(), userID, proof)
	if err != nil {
		return err
	}
	return v.Cookies.Session.Write(v.w, token)
}

// present is what the browser holds already.
func (v *visit) present() broker.Present {
	return broker.Present{Token: v.token, Session: v.session, User: v.user}
}

// loginAtConnection starts a login at one connection; a link may lead here, and nothing that a page loads by itself: a hidden picture must
// not begin logins in its visitor's name.
func (v *visit) loginAtConnection() error {
	if dest := v.r.Header.Get("Sec-Fetch-Dest"); dest != "" && dest != "document" {
		v.failWith(views.ErrorPage{Status: http.StatusForbidden, Sentence: "Sign-in begins when you follow a link here, not from within another page."})
		return nil
	}
	return v.begin(broker.Start{ConnectionID: v.id("connection"), ReturnTo: web.ReturnTo(v.query("return_to"))})
}

// loginPath is where a link starts a login at a connection.
func loginPath(connection, back string) string {
	path := "/connections/" + connection + "/login"
	if back != "" && back != "/" {
		path += "?return_to=" + url.QueryEscape(back)
	}
	return path
}

// loginRecordPath is the page about one login.
func loginRecordPath(organization, login string) string {
	return "/organizations/" + organization + "/logins/" + login
}

// leaveFor starts a login for somebody who typed their address.
func (v *visit) leaveFor(c broker.Method, address trust.Address, back string) error {
	return v.begin(broker.Start{ConnectionID: c.ID, ReturnTo: web.ReturnTo(back), LoginHint: address.Given()})
}

// limitLogins bounds how many logins one address prefix begins, or answers, in a minute: an office does not notice. Loopback is this machine, or
// a proxy that we were not told to trust, behind which is everybody.
func limitLogins(logins *web.Limiter, r *http.Request, what string) error {
	address := web.ClientAddress(r)
	key := what + " " + web.AddressPrefix(address)
	if address.IsLoopback() || logins.Allow(key) {
		return nil
	}
	return &tooMany{logins.RetryAfter(key)}
}

// begin starts a login and sends the browser on its way.
func (v *visit) begin(start broker.Start) error {
	if err := limitLogins(v.logins, v.r, "begun"); err != nil {
		return err
	}
	flow, found := v.Cookies.Flow.Read(v.r)
	if !found {
		flow = secret.NewToken()
	}
	if err := v.Cookies.Flow.Write(v.w, flow); err != nil {
		return err
	}
	start.Browser = browserOf(v.r, flow)
	departure, err := v.broker.Begin(v.ctx(), start)
	if err != nil {
		return err
	}
	return v.depart(v.w, v.r, v.Outbound, departure)
}

func browserOf(r *http.Request, flow secret.Token) broker.Browser {
	return broker.Browser{Flow: flow, Request: requestOf(r)}
}

// finishLogin turns the one-time code of a believed login into a session.
func (v *visit) finishLogin() error {
	return v.complete(secret.TokenOf(v.query("code")), false)
}

// replacePerson goes on after the visitor was asked about the session of somebody else in this browser.
func (v *visit) replacePerson() error {
	if v.form().Text("replace") != "yes" {
		return v.goTo("/", "")
	}
	return v.complete(secret.TokenOf(v.form().Text("login")), true)
}

func (v *visit) complete(code secret.Token, replace bool) error {
	flow, _ := v.Cookies.Flow.Read(v.r)
	setup, err := v.setupVisit()
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	arrived, err := v.broker.Complete(v.ctx(), broker.Completion{
		Code: code, Browser: browserOf(v.r, flow), Present: v.present(), Setup: setup, Replace: replace,
	})
	var other *broker.OtherPerson
	switch {
	case errors.As(err, &other):
		return v.render(http.StatusOK, views.ReplacePerson(views.ReplacePersonPage{
			Page: v.card("Signed in as somebody else"), Present: v.user.Email, Arriving: other.Arriving, Handle: code.Reveal(),
		}))
	case errors.Is(err, store.ErrNotFound):
		return v.render(http.StatusForbidden, views.Problem(views.ProblemPage{
			Page: v.card("Sign-in has ended"), Sentence: "This sign-in was finished already, took longer than 15 minutes, or began in another browser.",
			Help: "Start again from the sign-in page.",
		}))
	case err != nil:
		return err
	case arrived.ByLink:
		return v.goTo(setupTestPath(arrived.LoginID), "")
	case arrived.Test:
		return v.goTo(loginRecordPath(arrived.OrganizationID, arrived.LoginID), "")
	}
	err = errors.Join(v.Cookies.Session.Write(v.w, arrived.Token), v.Cookies.Use(v.w, v.r, arrived.ConnectionID))
	if err != nil {
		return err
	}
	return v.goTo(web.ReturnTo(arrived.ReturnTo), "")
}
