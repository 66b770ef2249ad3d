package handlers

import (
	"net/http"
	"slices"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func (v *visit) connections() error { return v.showConnections(http.StatusOK, nil) }

func (v *visit) showConnections(status int, problem *ui.Problem) error {
	connections, err := v.scope.Connections(v.ctx())
	if err != nil {
		return err
	}
	warnings, err := v.connectionWarnings(connections)
	if err != nil {
		return err
	}
	page := views.ConnectionsPage{Page: v.page("Connections"), Create: v.path("connections/new"), Problem: problem}
	for _, c := range connections {
		row := views.ConnectionRow{ID: c.ID, Name: c.Name, Href: v.path("connections/" + c.ID), IdentityProvider: c.IdentityProvider()}
		for _, warning := range warnings[c.ID] {
			row.Warnings = append(row.Warnings, warning.words)
		}
		if row.State, err = v.connectionState(c); err != nil {
			return err
		}
		if c.TestedAt != nil {
			row.Tested = ui.MomentOf(*c.TestedAt, v.now())
		}
		page.Rows = append(page.Rows, row)
	}
	ranks(&page, connections, v.path("connections/order"))
	return v.render(status, views.Connections(page))
}

// connectionState is how a connection stands; that an active one is failing is seen in its last logins and certificates.
func (v *visit) connectionState(c store.Connection) (views.ConnectionState, error) {
	switch c.State {
	case store.ConnectionDraft:
		return views.ConnectionState{Kind: ui.Accent, Text: "Draft"}, nil
	case store.ConnectionDisabled:
		return views.ConnectionState{Kind: ui.Neutral, Text: "Disabled"}, nil
	}
	failing, err := v.scope.Failing(v.ctx(), c.ID)
	if err != nil {
		return views.ConnectionState{}, err
	}
	if failing || v.certificateWarning(c) == warnNoCertificate {
		return views.ConnectionState{Kind: ui.Danger, Text: "Failing"}, nil
	}
	return views.ConnectionState{Kind: ui.Working, Text: "Active"}, nil
}

// readProvider takes what the form gives of the identity provider: its metadata, or its values by hand.
func (v *visit) readProvider(settings *store.SAMLSettings) (warnings string, problem *ui.Problem) {
	byHand := v.valuesGiven()
	switch {
	case v.metadataGiven() && byHand != "":
		problem = fieldProblem(byHand, "Give either metadata or the values by hand: leave one of them empty.")
	case v.metadataGiven():
		warnings, problem = v.importMetadata(settings)
	default:
		problem = v.readValues(settings)
		if text := v.form().Text("certificates"); problem == nil && text != "" {
			warnings, problem = v.addPasted(settings, text)
		}
	}
	return warnings, problem
}

// connectionFrame is what a connection's pages share. Its state is that of the live settings, whichever are shown.
func (v *visit) connectionFrame(c store.Connection, title string, problem *ui.Problem) (views.ConnectionFrame, error) {
	base, live := v.path("connections/"+c.ID), c
	var err error
	if c.IsDraft() {
		if live, err = v.scope.Connection(v.ctx(), c.ID); err != nil {
			return views.ConnectionFrame{}, err
		}
	}
	state, err := v.connectionState(live)
	if err != nil {
		return views.ConnectionFrame{}, err
	}
	frame := views.ConnectionFrame{Name: c.Name, State: state, Version: formVersion(c.Version), Problem: problem}
	up := []ui.Link{{Text: "Connections", Href: v.path("connections")}}
	if !slices.Contains([]string{"Overview", "Certificates", "Setup links", "Versions"}, title) {
		frame.Editing = v.editing(c)
	}
	if title != "Overview" {
		up = append(up, ui.Link{Text: c.Name, Href: base})
		frame.Page = v.trail(v.page(title), up...)
	} else {
		frame.Page = v.trail(v.page(c.Name), up...)
	}
	for _, tab := range []ui.Link{
		{Text: "Overview", Href: base}, {Text: "Identity provider", Href: base + "/identity-provider"}, {Text: "Certificates", Href: base + "/certificates"},
		{Text: "Attributes", Href: base + "/attributes"}, {Text: "Options", Href: base + "/options"}, {Text: "Setup links", Href: base + "/setup-links"},
		{Text: "Signing out", Href: base + "/sign-out"}, {Text: "Versions", Href: base + "/versions"},
	} {
		tab.Current = tab.Text == title
		frame.Tabs = append(frame.Tabs, tab)
	}
	return frame, nil
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
	frame, err := v.connectionFrame(c, "Overview", problem)
	if err != nil {
		return err
	}
	page := views.ConnectionPage{
		ConnectionFrame: frame, Progress: v.progress(c), ID: c.ID,
		SignOn: v.URL.JoinPath(loginPath(c.ID, "")).String(), Rename: base + "/name",
	}
	if c.Protocol == store.ProtocolOIDC {
		page.Callback, page.Initiation, page.KeysURL = v.broker.CallbackOf(c), v.broker.Initiation(c.ID), v.broker.KeysURL(c.ID)
		page.BackChannel, page.SignedOut = v.broker.BackChannel(c.ID), v.broker.SignedOut(c.ID)
	} else {
		page.EntityID, page.ACS, page.Metadata, page.SLO = v.broker.EntityIDOf(c), v.broker.ACSOf(c), v.broker.EntityID(c.ID), v.broker.SLO(c.ID)
	}
	page.Moved = c.Settings.AlternateEntityID+c.Settings.AlternateACS+c.OIDC.AlternateCallback != ""
	warnings, err := v.connectionWarnings([]store.Connection{c})
	if err != nil {
		return err
	}
	for _, warning := range warnings[c.ID] {
		if warning.words != warnNoCertificate || len(c.Settings.Certificates) > 0 {
			page.Warnings = append(page.Warnings, warning.words+". "+warning.advice)
		}
	}
	if frame.State.Text == "Failing" {
		page.Warnings = append(page.Warnings, "People cannot sign in through this connection: its last logins were refused, or no certificate is valid. The Logins page says why.")
	}
	ours, err := v.scope.Certificates(v.ctx(), c.ID)
	if err != nil {
		return err
	}
	page.Certificates = v.certificateRows(ours)
	if page.Draft, err = v.connectionDraft(c); err != nil {
		return err
	}
	complete := v.missing(c) == ""
	if complete && c.State != store.ConnectionDisabled && c.DraftID == "" {
		page.Test = base + "/test"
	}
	switch {
	case c.State == store.ConnectionActive:
		page.Disable = base + "/disable"
	default:
		page.Setup = base + "/setup"
		page.Activate, page.Delete, page.Tested = base+"/activate", base+"/delete", complete && c.TestedAt != nil
	}
	return v.render(status, views.Connection(page))
}

// missing says what the connection cannot be without, "" when it has it all.
func (v *visit) missing(c store.Connection) string {
	s := c.OIDC
	switch oidc := c.Protocol == store.ProtocolOIDC; {
	case oidc && s.Issuer == "":
		return "Enter its issuer, under Identity provider."
	case oidc && s.ClientID == "":
		return "Enter the client ID that it gave us, under Identity provider."
	case oidc && s.NeedsSecret() && s.SecretID == "":
		return "Enter the client secret that it gave us, under Identity provider."
	case oidc:
		return ""
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
		{State: ui.StepDone, Title: "Take your identity provider's values", Detail: c.IdentityProvider()},
		{State: ui.StepWaits, Title: "Test it with your own sign-in", Detail: "Shows what arrives, check by check. It counts, and links you, until the settings change again."},
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
		if c.TestedAt == nil {
			steps = append(steps[:2], steps[3]) // a test is no longer what it waits for
		}
	}
	return steps
}
