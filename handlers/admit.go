package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/web"
)

// audience says who a console route is for.
type audience int

const (
	anyone         audience = iota // also people who are not signed in
	person                         // whoever is signed in
	byLink                         // whoever holds a setup link: a session counts for nothing there
	inOrganization                 // whoever may enter the {organization} of the path and holds the permission there
	inProject                      // the same, the permission being one in the {project} of the path
)

// errSignIn sends to the sign-in page, and back here afterwards.
var errSignIn = errors.New("nobody is signed in")

// errSignInAgain sends to the sign-in page although somebody is signed in: what they ask for is too dangerous for a sign-in of long ago.
var errSignInAgain = errors.New("the sign-in is not fresh")

// errNoSetupLink asks whoever comes without a setup link that opens anything to open theirs.
var errNoSetupLink = errors.New("no setup link is open in this browser")

// errRecovering refuses what a recovery session does not open.
var errRecovering = errors.New("a recovery session opens sign-in settings alone")

// errOwnCredential refuses to a session that an identity provider alone vouches for what belongs to the person.
var errOwnCredential = errors.New("the person's own credential is asked for")

// denied says which permission is missing, to a member of the organization.
type denied struct{ permission access.Permission }

func (d *denied) Error() string { return "missing permission " + string(d.permission) }

// barred says that the member's proofs do not open the organization.
type barred struct {
	organization string
	verdict      access.Verdict
	connections  []string // by which the member may enter
}

func (b *barred) Error() string { return "may not enter: " + b.verdict.Why }

// handler makes a route's HTTP handler: admit, then answer, and errors become pages in one place.
func (c *console) handler(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := &visit{console: c, w: w, r: r, route: rt}
		err := v.admit()
		if err == nil {
			err = rt.handle(v)
		}
		if err != nil {
			v.fail(err)
		}
	}
}

// admit finds out who asks and refuses who may not. Every request asks the database: what was ended a moment ago is ended.
func (v *visit) admit() error {
	rt := v.route
	if rt.audience == byLink {
		return v.recognizeSetup()
	}
	if err := v.recognize(); err != nil || rt.audience == anyone {
		return err
	}
	if !v.signedIn() {
		return errSignIn
	}
	if rt.audience != person {
		if err := v.enter(); err != nil {
			return err
		}
	}
	if v.recovering() && !rt.recovery {
		return errRecovering
	}
	if rt.ownCredential && !access.MayChangeUser(v.session.Proofs) {
		return errOwnCredential
	}
	if err := v.hold(rt); err != nil {
		return err
	}
	if rt.fresh && !v.fresh() {
		return errSignInAgain
	}
	return nil
}

// hold refuses whoever lacks the permission that the route asks for, where it asks for it.
func (v *visit) hold(rt route) error {
	holds := v.may
	switch rt.audience {
	case person:
		return nil
	case inProject:
		if err := v.enterProject(); err != nil {
			return err
		}
		holds = v.inProject
	}
	if !holds.Has(rt.permission) {
		return &denied{rt.permission}
	}
	return nil
}

// fresh reports whether the person has just shown who they are (W-07), in a way that lets them in here by itself: what an identity provider of
// another organization says does not make an old sign-in new.
func (v *visit) fresh() bool {
	recent := access.Fresh(v.session.Proofs, v.now())
	if v.scope == nil {
		return access.MayChangeUser(recent)
	}
	return access.MayEnter(v.entry, recent).Allowed
}

// recognize reads the session that the cookie names; a cookie that names none is no error.
func (v *visit) recognize() error {
	token, found := v.Cookies.Session.Read(v.r)
	if !found {
		return nil
	}
	session, user, err := v.store.Session(v.ctx(), token)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	v.token, v.session, v.user = token, session, user
	return nil
}

// enter asks whether the session's proofs open the organization of the path. Of an organization that the person is no member of, nothing
// is told, not even that it exists.
func (v *visit) enter() error {
	id := v.id("organization")
	entry, member, err := v.store.Entry(v.ctx(), id, v.session)
	if err != nil {
		return err
	}
	verdict := access.MayEnter(entry, v.session.Proofs)
	if !verdict.Allowed {
		return &barred{id, verdict, entry.ActiveConnections}
	}
	if err := v.store.NoteEntry(v.ctx(), id, v.session, requestOf(v.r)); err != nil {
		return err
	}
	v.entry, v.limited = entry, verdict.Limited
	if v.memberships, err = v.ownOrganizations(); err != nil {
		return err
	}
	for _, m := range v.memberships {
		if m.Organization.ID == id {
			v.organization = m.Organization
		}
	}
	v.scope, v.member, v.may = v.store.In(id), member, access.Organization(member.Roles)
	return nil
}

// enterProject adds what the member may do in the project of the path. A project in which they have no role looks like none.
func (v *visit) enterProject() error {
	project, err := v.scope.Project(v.ctx(), v.id("project"))
	if err != nil {
		return err
	}
	if v.member.ProjectRoles, err = v.scope.ProjectRolesOf(v.ctx(), v.user.ID, project.ID); err != nil {
		return err
	}
	v.project, v.inProject = project, access.Project(v.member.ProjectRoles[project.ID], v.isOwner())
	if !v.inProject.Has(access.ViewProject) {
		return store.ErrNotFound
	}
	return nil
}

// recovering reports whether the visitor is here by break-glass: it opens connections, domains and enforcement of one organization.
func (v *visit) recovering() bool { return v.session.LimitedTo != "" || v.limited }

// isOwner reports whether the visitor owns the present organization.
func (v *visit) isOwner() bool { return slices.Contains(v.member.Roles, access.OrgOwner) }

// actor is who is recorded for what this visit changes.
func (v *visit) actor() audit.Actor {
	request := requestOf(v.r)
	if v.setup.ID != "" {
		return v.setup.Actor(request)
	}
	request.SessionID = v.session.ID
	for _, proof := range v.session.Proofs {
		request.Proofs = append(request.Proofs, strings.TrimSpace(string(proof.Kind)+" "+proof.ConnectionID))
	}
	if !v.signedIn() {
		return audit.Gatehouse(request)
	}
	return audit.Actor{Kind: audit.User, ID: v.user.ID, Name: v.user.Name, Request: request}
}

func requestOf(r *http.Request) audit.Request {
	info := web.RequestInfo(r)
	return audit.Request{ID: info.ID, Address: info.Address.String(), UserAgent: info.UserAgent}
}

// back is where to return to after signing in: the page that was asked for. What was posted has no page of its own, and a link that was mailed to
// somebody is kept nowhere.
func (v *visit) back() string {
	switch {
	case !v.reads():
		return "/"
	case v.mailed():
		return "/account"
	}
	return web.ReturnTo(v.r.URL.RequestURI())
}

// mailed reports whether the visitor follows a link that was mailed to them.
func (v *visit) mailed() bool { return v.id("token") != "" }

// signInPath is the sign-in page that leads back here.
func (v *visit) signInPath() string {
	if back := v.back(); back != "/" {
		return "/login?return_to=" + url.QueryEscape(back)
	}
	return "/login"
}

// askToSignInAgain sends to the sign-in page, says why, and comes back. A form comes back as a page that can be sent again.
func (v *visit) askToSignInAgain() {
	if !v.reads() {
		v.resume(views.ResumePage{Page: v.card("Sign in again"), Stale: true, SignIn: v.ownSignIn()})
		return
	}
	notice := "This asks for a sign-in within the last 15 minutes. Sign in again to go on."
	if v.mailed() {
		notice = "This asks for a sign-in within the last 15 minutes. Sign in again, then follow the link in your mail once more."
	}
	if err := v.Cookies.Notice(v.w, notice); err != nil {
		v.fail(err)
		return
	}
	if v.recovering() {
		web.Redirect(v.w, v.r, v.ownSignIn())
		return
	}
	web.Redirect(v.w, v.r, v.signInPath())
}

// ownSignIn is where this kind of session begins.
func (v *visit) ownSignIn() string {
	if v.recovering() {
		return "/login/recovery"
	}
	return "/login"
}

// askToSignIn sends to the sign-in page. A form whose session ended while it was open loses nothing.
func (v *visit) askToSignIn() {
	if v.reads() {
		web.Redirect(v.w, v.r, v.signInPath())
		return
	}
	v.resume(views.ResumePage{Page: v.card("You were signed out"), SignIn: "/login"})
}

// reads reports whether the request only looks.
func (v *visit) reads() bool { return v.r.Method == http.MethodGet || v.r.Method == http.MethodHead }

// resume keeps a form that came without the sign-in that it needs, so that it can be sent again after signing in in another tab. Passwords
// are not repeated, and files cannot be: the page asks for them again.
func (v *visit) resume(page views.ResumePage) {
	page.Action, page.Files = v.r.URL.Path, v.form().Files()
	for _, field := range v.form().Sent() {
		if !strings.Contains(field.Name, "password") {
			page.Fields = append(page.Fields, views.ResumeField(field))
		}
	}
	web.Render(v.w, v.r, http.StatusUnauthorized, views.Resume(page))
}
