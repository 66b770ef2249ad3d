package handlers

import (
	"errors"
	"net/http"

	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/signing"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func (v *visit) connections() error {
	connections, err := v.scope.Connections(v.ctx())
	if err != nil {
		return err
	}
	page := views.ConnectionsPage{Page: v.page("Connections"), Create: v.path("connections/new")}
	for _, c := range connections {
		row := views.ConnectionRow{
			Name: c.Name, Href: v.path("connections/" + c.ID), IdentityProvider: c.Settings.EntityID, State: connectionState(c.State),
			Warning: v.certificateWarning(c),
		}
		if c.TestedAt != nil {
			row.Tested = ui.MomentOf(*c.TestedAt, v.now())
		}
		page.Rows = append(page.Rows, row)
	}
	return v.render(http.StatusOK, views.Connections(page))
}

func connectionState(state store.ConnectionState) views.ConnectionState {
	switch state {
	case store.ConnectionActive:
		return views.ConnectionState{Kind: ui.Working, Text: "Active"}
	case store.ConnectionDisabled:
		return views.ConnectionState{Kind: ui.Neutral, Text: "Disabled"}
	}
	return views.ConnectionState{Kind: ui.Accent, Text: "Draft"}
}

func (v *visit) newConnection() error {
	return v.render(http.StatusOK, views.NewConnection(v.newConnectionPage(nil)))
}

// newConnectionPage keeps what was typed.
func (v *visit) newConnectionPage(problem *ui.Problem) views.NewConnectionPage {
	form := v.form()
	return views.NewConnectionPage{
		Page:   v.trail(v.page("New connection"), ui.Link{Text: "Connections", Href: v.path("connections")}),
		Action: v.path("connections"), Cancel: v.path("connections"), Name: form.Text("name"), Problem: problem,
		Source: v.metadataSource(problem),
		Values: views.IdentityProviderValues{EntityID: form.Text("entity_id"), RedirectURL: form.Text("redirect_url"), PostURL: form.Text("post_url"),
			Certificates: form.Text("certificates"), Problem: problem},
	}
}

// createConnection makes a draft with what is known of the identity provider: its metadata, its values by hand, or nothing yet.
func (v *visit) createConnection() error {
	var settings store.SAMLSettings
	notice, problem := "The connection is created as a draft.", (*ui.Problem)(nil)
	if v.metadataGiven() {
		imported, found := v.importMetadata(&settings)
		if problem = found; problem == nil && imported != "" {
			notice += " " + imported
		}
	} else {
		problem = v.readValues(&settings)
		if text := v.form().Text("certificates"); problem == nil && text != "" {
			problem = v.addPasted(&settings, text)
		}
	}
	if problem != nil {
		return v.render(http.StatusUnprocessableEntity, views.NewConnection(v.newConnectionPage(problem)))
	}
	key, err := signing.New(v.URL.Hostname(), v.now())
	if err != nil {
		return err
	}
	made, err := v.scope.CreateConnection(v.ctx(), v.actor(), v.form().Text("name"), settings, store.NewKey{CertificatePEM: key.CertificatePEM, KeyPEM: key.KeyPEM})
	if problem := problemOf(err); problem != nil {
		return v.render(http.StatusUnprocessableEntity, views.NewConnection(v.newConnectionPage(problem)))
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("connections/"+made.ID), notice)
}

// connectionFrame is what a connection's pages share.
func (v *visit) connectionFrame(c store.Connection, title string, problem *ui.Problem) views.ConnectionFrame {
	base := v.path("connections/" + c.ID)
	frame := views.ConnectionFrame{Name: c.Name, State: connectionState(c.State), Version: formVersion(c.Version), Problem: problem}
	up := []ui.Link{{Text: "Connections", Href: v.path("connections")}}
	if title != "Overview" {
		up = append(up, ui.Link{Text: c.Name, Href: base})
		frame.Page = v.trail(v.page(title), up...)
	} else {
		frame.Page = v.trail(v.page(c.Name), up...)
	}
	for _, tab := range []ui.Link{
		{Text: "Overview", Href: base}, {Text: "Identity provider", Href: base + "/identity-provider"},
		{Text: "Attributes", Href: base + "/attributes"}, {Text: "Options", Href: base + "/options"},
	} {
		tab.Current = tab.Text == title
		frame.Tabs = append(frame.Tabs, tab)
	}
	return frame
}

func (v *visit) connection() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	return v.showConnection(http.StatusOK, c, nil)
}

func (v *visit) showConnection(status int, c store.Connection, problem *ui.Problem) error {
	base := v.path("connections/" + c.ID)
	page := views.ConnectionPage{
		ConnectionFrame: v.connectionFrame(c, "Overview", problem), Progress: v.progress(c), ID: c.ID,
		EntityID: v.broker.EntityID(c.ID), ACS: v.broker.ACS(c.ID), Metadata: v.broker.EntityID(c.ID), SignOn: v.URL.JoinPath(loginPath(c.ID, "")).String(),
		Rename: base + "/name",
	}
	if warning := v.certificateWarning(c); warning != "" && len(c.Settings.Certificates) > 0 {
		page.Warnings = append(page.Warnings, warning+". Add the certificate that your identity provider signs with, under Identity provider.")
	}
	ours, err := v.scope.Certificates(v.ctx(), c.ID)
	if err != nil {
		return err
	}
	page.Certificates = v.certificateRows(ours)
	complete := v.missing(c) == ""
	if complete && c.State != store.ConnectionDisabled {
		page.Test = base + "/test"
	}
	switch {
	case c.State == store.ConnectionActive:
		page.Disable = base + "/disable"
	default:
		page.Activate, page.Delete, page.Tested = base+"/activate", base+"/delete", complete && c.TestedAt != nil
	}
	return v.render(status, views.Connection(page))
}

// missing says what the connection cannot be without, "" when it has it all.
func (v *visit) missing(c store.Connection) string {
	switch {
	case c.Settings.EntityID == "" || c.Settings.Location() == "":
		return "Import its metadata, or enter its entity ID and sign-on address."
	case v.certificateWarning(c) == warnNoCertificate:
		return "Add a signing certificate that is valid today."
	}
	return ""
}

// progress is how far a connection is on its way to be of use.
func (v *visit) progress(c store.Connection) ui.Timeline {
	steps := ui.Timeline{
		{State: ui.StepDone, Title: "Give our values to your identity provider", Detail: "They stand below."},
		{State: ui.StepDone, Title: "Take your identity provider's values", Detail: c.Settings.EntityID},
		{State: ui.StepWaits, Title: "Test it with your own sign-in", Detail: "Shows what arrives, check by check."},
		{State: ui.StepWaits, Title: "Activate it", Detail: "From then on your people can sign in with it."},
	}
	if missing := v.missing(c); missing != "" {
		steps[1].State, steps[1].Detail = ui.StepWaits, missing
		steps[0].State = ui.StepWaits
	}
	if c.TestedAt != nil {
		steps[2] = ui.Step{State: ui.StepDone, Title: "Tested with a real sign-in", At: ui.MomentOf(*c.TestedAt, v.now())}
	}
	if c.State == store.ConnectionActive {
		steps[3] = ui.Step{State: ui.StepDone, Title: "Active", Detail: "Your people can sign in with it."}
	}
	return steps
}

func (v *visit) renameConnection() error {
	name := v.form().Text("name")
	return v.changeConnection("name", "The name is saved.", func(c store.Connection) error {
		return v.scope.RenameConnection(v.ctx(), v.actor(), c.ID, v.version(), name)
	}, func(c store.Connection, problem *ui.Problem) error {
		c.Name = name
		return v.showConnection(http.StatusUnprocessableEntity, c, problem)
	})
}

func (v *visit) activateConnection() error {
	return v.changeConnection("", "The connection is active.", func(c store.Connection) error {
		return v.scope.ActivateConnection(v.ctx(), v.actor(), c.ID, v.version())
	}, func(c store.Connection, problem *ui.Problem) error {
		for i := range problem.Fields {
			problem.Fields[i].Field = "" // their fields stand on another page
		}
		return v.showConnection(http.StatusUnprocessableEntity, c, problem)
	})
}

func (v *visit) disableConnection() error {
	return v.changeConnection("", "The connection is disabled.", func(c store.Connection) error {
		return v.scope.DisableConnection(v.ctx(), v.actor(), c.ID, v.version())
	}, func(c store.Connection, problem *ui.Problem) error {
		return v.showConnection(http.StatusUnprocessableEntity, c, problem)
	})
}

// changeConnection does it and goes back to the connection, or shows the page again with what was wrong beside the field.
func (v *visit) changeConnection(field, done string, change func(store.Connection) error, again func(store.Connection, *ui.Problem) error) error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	err = change(c)
	if problem := connectionProblem(err, field); problem != nil {
		return again(c, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("connections/"+c.ID), done)
}

// connectionProblem is editProblem, and what stands against disabling the last way in.
func connectionProblem(err error, field string) *ui.Problem {
	switch {
	case errors.Is(err, store.ErrEnforced):
		return fieldProblem("", "Single sign-on is required, and this is the last active connection. Activate another one, or stop requiring single sign-on on the Sign-in page first.")
	case errors.Is(err, store.ErrLastOwner):
		return fieldProblem("", "Then no owner could sign in any more. Let an owner set a password on their account page first.")
	}
	return editProblem(err, field)
}

func (v *visit) deleteConnectionPage() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	return v.showDeleteConnection(http.StatusOK, c, nil)
}

func (v *visit) showDeleteConnection(status int, c store.Connection, problem *ui.Problem) error {
	base := v.path("connections/" + c.ID)
	linked, err := v.scope.CountIdentities(v.ctx(), c.ID)
	if err != nil {
		return err
	}
	return v.render(status, views.DeleteConnection(views.DeleteConnectionPage{
		Page: v.trail(v.page("Delete"), ui.Link{Text: "Connections", Href: v.path("connections")}, ui.Link{Text: c.Name, Href: base}),
		Name: c.Name, Version: formVersion(c.Version), Action: base + "/delete", Typed: v.form().Text("confirm"), Cancel: base, Problem: problem,
		Consequences: []string{
			counted(int64(linked), "sign-in") + " linked through it will no longer be known.",
			"Its settings, our keys for it and the records of its logins are deleted. The events that tell of them stay.",
		},
	}))
}

func (v *visit) deleteConnection() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	if v.form().Text("confirm") != c.Name {
		return v.showDeleteConnection(http.StatusUnprocessableEntity, c, fieldProblem("confirm", "Type the connection's name as it is written above."))
	}
	err = v.scope.DeleteConnection(v.ctx(), v.actor(), c.ID, v.version())
	if isConflict(err) {
		return v.showDeleteConnection(http.StatusUnprocessableEntity, c, fieldProblem("", "Somebody changed this connection in the meantime, or it is active. Look at it again first."))
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("connections"), "The connection “"+c.Name+"” is deleted.")
}

// testConnection begins a login that opens nothing: it ends on the page that tells what arrived.
func (v *visit) testConnection() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	if missing := v.missing(c); missing != "" {
		return v.showConnection(http.StatusUnprocessableEntity, c, fieldProblem("", "The connection cannot be tested yet. "+missing))
	}
	return v.begin(broker.Start{ConnectionID: c.ID, ReturnTo: v.path("connections/" + c.ID), TestOwnerID: v.user.ID, TestSessionID: v.session.ID})
}
