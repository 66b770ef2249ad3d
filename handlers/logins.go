package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// loginsShown is how many logins stand on a page.
const loginsShown = 50

// loginRecords lists the logins, or goes to the one whose reference was pasted. The address holds what is searched for (q: a reference or part of an address), connection, state, and the
// login to go on below (before).
func (v *visit) loginRecords() error {
	filter := store.LoginFilter{
		Search: v.query("q"), ConnectionID: v.query("connection"), State: store.LoginState(v.query("state")), Before: v.query("before"), Limit: loginsShown + 1,
	}
	logins, err := v.scope.Logins(v.ctx(), filter)
	if err != nil {
		return err
	}
	if len(logins) == 1 && logins[0].ID == store.ReferenceIn(filter.Search) {
		return v.goTo(v.path("logins/"+logins[0].ID), "")
	}
	connections, err := v.scope.Connections(v.ctx())
	if err != nil {
		return err
	}
	page := views.LoginsPage{Page: v.page("Logins"), Action: v.path("logins"), Search: filter.Search, AmongNewest: filter.AmongNewest()}
	if v.filtered("q", "connection", "state") {
		page.Clear = v.path("logins")
	}
	names := map[string]string{}
	var options []ui.Option
	for _, c := range connections {
		names[c.ID] = c.Name
		options = append(options, ui.Option{Value: c.ID, Label: c.Name})
	}
	page.Connections = v.choices("connection", ui.Option{Label: "Any"}, options)
	page.States = v.choices("state", ui.Option{Label: "Any"}, []ui.Option{
		{Value: string(store.LoginFinished), Label: "Signed in"}, {Value: string(store.LoginRefused), Label: "Refused"}, {Value: string(store.LoginPending), Label: "Not answered"},
	})
	if len(logins) > loginsShown {
		logins = logins[:loginsShown]
		page.Pager = ui.Pager{Next: v.loginsBefore(logins[loginsShown-1].ID), Summary: "Newest first"}
	}
	for _, l := range logins {
		page.Rows = append(page.Rows, v.loginRow(l, names[l.ConnectionID]))
	}
	return v.render(http.StatusOK, views.Logins(page))
}

func (v *visit) loginsBefore(id string) string {
	query := url.Values{"before": {id}}
	for _, name := range []string{"q", "connection", "state"} {
		if value := v.query(name); value != "" {
			query.Set(name, value)
		}
	}
	return v.path("logins") + "?" + query.Encode()
}

func (v *visit) loginRow(l store.Login, connection string) views.LoginRow {
	row := views.LoginRow{
		Reference: l.ID, Href: v.path("logins/" + l.ID), Who: whoArrived(l), Connection: connection, At: ui.MomentOf(l.CreatedAt, v.now()),
		Test: l.Kind == store.TestLogin,
	}
	row.State, row.Kind = v.loginState(l)
	if l.State == store.LoginRefused {
		row.Reason = l.Reason.Sentence()
	}
	if l.Count > 1 {
		row.Times = counted(int64(l.Count), "time")
	}
	return row
}

// whoArrived is the person as far as the identity provider named one.
func whoArrived(l store.Login) string {
	switch {
	case l.Email != "":
		return l.Email
	case l.Subject != "":
		return l.Subject
	}
	return "Not named yet"
}

func (v *visit) loginState(l store.Login) (string, ui.Kind) {
	switch {
	case l.State == store.LoginRefused:
		return "Refused", ui.Danger
	case l.State == store.LoginFinished && l.Kind == store.TestLogin:
		return "Test passed", ui.Working
	case l.State == store.LoginFinished:
		return "Signed in", ui.Working
	case v.now().Before(l.ExpiresAt):
		return "Under way", ui.Accent
	}
	return "Not finished", ui.Neutral
}

// mendedBy says who can do something about a refusal, to an admin.
var mendedBy = map[trust.Party]string{
	trust.PartyOurAdmin:   "You can mend this here.",
	trust.PartyTheirAdmin: "The administrator of the identity provider can mend this.",
	trust.PartyPerson:     "The person can mend this.",
	trust.PartyUs:         "Whoever runs this service can mend this.",
}

// loginRecord is one login: the verdict, who must mend it, want and got, the steps, and the message with what it says of the person left out.
func (v *visit) loginRecord() error { return v.showLoginRecord(http.StatusOK, nil, loginExtras{}) }

// loginExtras are what an act on a login's page has brought to light, to be shown this once.
type loginExtras struct {
	rerun *broker.Rerun
	whole string // the message with nothing left out
}

func (v *visit) showLoginRecord(status int, problem *ui.Problem, extras loginExtras) error {
	l, err := v.scope.Login(v.ctx(), v.id("login"))
	if err != nil {
		return err
	}
	page, connection, err := v.loginRecordPage(l)
	if err != nil {
		return err
	}
	page.Problem, page.Rerun, page.Whole = problem, v.rerunOf(extras.rerun, connection), extras.whole
	return v.render(status, views.LoginRecord(page))
}

// loginRecordPage is the page of a login as an owner sees it.
func (v *visit) loginRecordPage(l store.Login) (views.LoginRecordPage, store.Connection, error) {
	connection, err := v.scope.Connection(v.ctx(), l.ConnectionID)
	if err != nil {
		return views.LoginRecordPage{}, connection, err
	}
	title, here := "Login", v.path("logins/"+l.ID)
	if l.Kind == store.TestLogin {
		title = "Test sign-in"
	}
	page := views.LoginRecordPage{
		Page: v.trail(v.page(title), ui.Link{Text: "Logins", Href: v.path("logins")}), Reference: l.ID,
		Verdict: v.verdict(l), Steps: loginSteps(l.Steps, connection.Protocol == store.ProtocolOIDC), Facts: v.loginFacts(l, connection), Next: v.afterLogin(l),
	}
	_, page.Kind = v.loginState(l)
	unlinked, err := v.unlinkedSince(l)
	if err != nil {
		return page, connection, err
	}
	if unlinked {
		page.Verdict = "The test went well, and linked " + whoArrived(l) + ". That link has ended since: the settings have changed, or somebody removed it. Test again to be linked."
	}
	v.watchable(&page, l, here)
	if v.mayLinkSubject(l) {
		page.Link, page.Subject, page.Email = here+"/link", l.Subject, l.Email
	}
	if l.State == store.LoginRefused {
		page.Refused, page.Reason, page.Want, page.Got = true, string(l.Reason), l.Want, l.Got
		page.Who, page.Fix, page.Mend = mendedBy[l.Reason.Party()], l.Reason.Fix(), v.mendAt(l.Reason, connection)
	}
	raw, err := v.scope.LoginMessage(v.ctx(), l.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return page, connection, err
	}
	if len(raw) > 0 {
		page.Raw, page.RunAgain, page.ShowWhole = redactedMessage(connection, raw), here+"/run-again", here+"/message"
	}
	return page, connection, nil
}

// afterLogin is where one goes on from a login's page: where its test was begun, if that was in the wizard.
func (v *visit) afterLogin(l store.Login) []ui.Button {
	at := v.path("connections/" + l.ConnectionID)
	next := []ui.Button{{Text: "Show connection", Href: at}}
	if l.Kind == store.TestLogin && l.ReturnTo == at+"/setup/test" {
		next = append(next, ui.Button{Text: "Back to the setup", Href: l.ReturnTo, Kind: ui.Primary})
	}
	return next
}

// unlinkedSince reports whether what a test linked is linked no more.
func (v *visit) unlinkedSince(l store.Login) (bool, error) {
	if l.Outcome != store.OutcomeTested {
		return false, nil
	}
	links, err := v.scope.Identities(v.ctx(), l.OwnerID)
	linked := func(i store.Identity) bool { return i.ConnectionID == l.ConnectionID && i.Subject == l.Subject }
	return !slices.ContainsFunc(links, linked), err
}

// mayLinkSubject reports whether the visitor is asked if it was they who arrived in their test.
func (v *visit) mayLinkSubject(l store.Login) bool {
	return l.Outcome == store.OutcomeTestedUnlinked && l.OwnerID == v.user.ID && l.EndedAt != nil && v.now().Sub(*l.EndedAt) <= store.LinkWithin
}

// linkSubject is the owner's word that it was they who arrived in their test.
func (v *visit) linkSubject() error {
	err := v.scope.LinkSubject(v.ctx(), v.actor(), v.id("login"))
	if problem := problemOf(err); problem != nil {
		return v.showLoginRecord(http.StatusUnprocessableEntity, problem, loginExtras{})
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("logins/"+v.id("login")), "You are linked.")
}

func (v *visit) verdict(l store.Login) string {
	who := whoArrived(l)
	switch {
	case l.State == store.LoginRefused:
		return "Refused. " + l.Reason.Sentence()
	case l.Outcome == store.OutcomeTested && l.OwnerID != v.user.ID:
		return "The test went well. " + who + " arrived and is linked to the owner who ran it."
	case l.Outcome == store.OutcomeTested:
		return "The test went well. " + who + " arrived and is linked to you: you can now sign in this way."
	case l.Outcome == store.OutcomeTestedByLink:
		return "The test went well. " + who + " arrived. It was run by a setup link, which links nobody."
	case l.Outcome == store.OutcomeTestedDraft:
		return "The test of the draft went well: " + who + " arrived. Nobody is linked by a draft; publish it for people to sign in by it."
	case l.Outcome == store.OutcomeTestedUnlinked:
		return "The test went well. " + who + " arrived and is linked to nobody."
	case l.Outcome == store.OutcomeCreated:
		return who + " signed in for the first time and became a member."
	case l.Outcome == store.OutcomeLinked:
		return who + " signed in through this connection for the first time and was recognized by their address."
	case l.State == store.LoginFinished:
		return who + " signed in."
	case l.State == store.LoginArrived:
		return "The identity provider's answer was accepted, but the browser has not come back to finish."
	case v.now().Before(l.ExpiresAt):
		return "The browser was sent to the identity provider, which has not answered yet."
	}
	return "The browser was sent to the identity provider, and no answer came within 15 minutes."
}

var startedBy = map[store.LoginStart]string{
	store.StartedHere: "Our sign-in page", store.StartedByHandshake: "The identity provider's dashboard", store.StartedThere: "The identity provider's dashboard",
	store.StartedElsewhere: "A message without a login of ours",
}

func (v *visit) loginFacts(l store.Login, c store.Connection) []views.LoginFact {
	by := startedBy[l.StartedBy]
	if l.Kind == store.TestLogin {
		by = "A test from the connection's page"
	}
	if l.ByLink() {
		by = "A test by a setup link"
	}
	facts := []views.LoginFact{{Name: "Connection", Value: c.Name}, {Name: "Begun", Value: ui.ExactMoment(l.CreatedAt).Human}, {Name: "Begun by", Value: by}}
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, views.LoginFact{Name: name, Value: value})
		}
	}
	moment := func(at *time.Time) string {
		if at == nil {
			return ""
		}
		return ui.ExactMoment(*at).Human
	}
	add("Answered", moment(l.ArrivedAt))
	add("Ended", moment(l.EndedAt))
	add("Email address", l.Email)
	add("Subject", l.Subject)
	add("User", l.UserID)
	if l.Count > 1 {
		add("Alike", counted(int64(l.Count), "message")+" within a minute, counted here")
	}
	add("Network address", l.Address)
	add("Browser", l.UserAgent)
	return facts
}
