package handlers

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// setupTrail is the way back from a page of a setup link.
func (v *visit) setupTrail(title, connection string) views.Page {
	return v.trail(v.page(title), ui.Link{Text: "Set up " + connection, Href: "/setup"})
}

// setupConnectionPage shows our values and asks for the identity provider's.
func (v *visit) setupConnectionPage() error {
	c, err := v.toSetUp()
	if err != nil {
		return err
	}
	return v.showSetupConnection(http.StatusOK, c, nil)
}

func (v *visit) showSetupConnection(status int, c store.Connection, problem *ui.Problem) error {
	page := views.SetupConnectionPage{
		Page: v.setupTrail("Connect your identity provider", c.Name), Version: formVersion(c.Version), Active: c.State == store.ConnectionActive,
		SignOn: v.URL.JoinPath(loginPath(c.ID, "")).String(), Problem: problem,
	}
	if c.Protocol == store.ProtocolOIDC {
		page.Callback, page.Initiation, page.KeysURL = v.broker.CallbackOf(c), v.broker.Initiation(c.ID), v.broker.KeysURL(c.ID)
		page.OpenID = v.openIDValues(c, problem)
		return v.render(status, views.SetupConnection(page))
	}
	page.EntityID, page.ACS = v.broker.EntityIDOf(c), v.broker.ACSOf(c)
	page.Source = v.metadataSource(problem)
	page.Values = views.IdentityProviderValues{EntityID: c.Settings.EntityID, RedirectURL: c.Settings.RedirectURL, PostURL: c.Settings.PostURL,
		Certificates: v.form().Text("certificates"), Problem: problem}
	page.Certificates = v.certificateRows(c.Settings.Certificates)
	return v.render(status, views.SetupConnection(page))
}

// mayChange refuses what would change how people sign in: that is an owner's.
func mayChange(c store.Connection) *ui.Problem {
	if c.State != store.ConnectionDraft {
		return setupProblem(store.ErrOwnersOnly)
	}
	return nil
}

// setupProblem is what a form of a setup link is shown again for.
func setupProblem(err error) *ui.Problem {
	if errors.Is(err, store.ErrOwnersOnly) {
		return fieldProblem("", "People sign in through this connection, or have done so. Ask whoever sent you the link: only an owner changes it now.")
	}
	return editProblem(err, "")
}

// changeBySetup makes the next version of the SAML settings.
func (v *visit) changeBySetup(change func(*store.SAMLSettings) *ui.Problem, done func() string) error {
	c, err := v.toSetUp()
	if err == nil && c.Protocol != store.ProtocolSAML {
		err = store.ErrNotFound
	}
	if err != nil {
		return err
	}
	changed := c
	changed.Settings.Certificates = slices.Clone(c.Settings.Certificates)
	problem := mayChange(c)
	if problem == nil {
		problem = change(&changed.Settings)
	}
	if problem == nil {
		err = v.scope.ChangeConnectionSettings(v.ctx(), v.actor(), c.ID, v.version(), changed.Settings)
		problem = setupProblem(err)
	}
	if problem != nil {
		changed.Settings.Certificates = c.Settings.Certificates
		return v.showSetupConnection(http.StatusUnprocessableEntity, changed, problem)
	}
	if err != nil {
		return visitOver(err)
	}
	return v.goTo("/setup", done())
}

func (v *visit) importBySetup() error {
	warnings := ""
	return v.changeBySetup(func(s *store.SAMLSettings) (problem *ui.Problem) {
		warnings, problem = v.importMetadata(s)
		return problem
	}, func() string { return strings.TrimSpace("The metadata is imported. " + warnings) })
}

func (v *visit) saveSetupValues() error {
	warnings := ""
	return v.changeBySetup(func(s *store.SAMLSettings) *ui.Problem {
		problem := v.readValues(s)
		if text := v.form().Text("certificates"); problem == nil && text != "" {
			warnings, problem = v.addPasted(s, text)
		}
		return problem
	}, func() string { return strings.TrimSpace("The values are saved. " + warnings) })
}

func (v *visit) saveSetupOpenID() error {
	c, err := v.toSetUp()
	if err == nil && c.Protocol != store.ProtocolOIDC {
		err = store.ErrNotFound
	}
	if err != nil {
		return err
	}
	changed, problem := c, mayChange(c)
	if problem == nil {
		problem = v.readOpenID(&changed.OIDC)
	}
	if problem == nil {
		err = v.scope.ChangeOIDCSettings(v.ctx(), v.actor(), c.ID, v.version(), changed.OIDC, v.clientSecret())
		problem = setupProblem(err)
	}
	if problem != nil {
		return v.showSetupConnection(http.StatusUnprocessableEntity, changed, problem)
	}
	if err != nil {
		return visitOver(err)
	}
	return v.goTo("/setup", "The values are saved, and the endpoints are found.")
}

// testBySetup begins a login that opens nothing and links nobody.
func (v *visit) testBySetup() error {
	c, err := v.toSetUp()
	if err != nil {
		return err
	}
	if problem := mayChange(c); problem != nil {
		return v.showSetupConnection(http.StatusUnprocessableEntity, c, problem) // it would be an owner's draft that is tested
	}
	if missing := v.missingHere(c); missing != "" {
		return v.showSetupConnection(http.StatusUnprocessableEntity, c, fieldProblem("", "The connection cannot be tested yet. "+missing))
	}
	return v.begin(broker.Start{ConnectionID: c.ID, ReturnTo: "/setup", TestOwnerID: v.setup.Link.ID, TestSessionID: v.setup.ID})
}

// setupTestPath is the page about a test that a setup link has begun.
func setupTestPath(login string) string { return "/setup/tests/" + login }

// setupTest is what came of one of the link's own tests.
func (v *visit) setupTest() error {
	l, err := v.scope.LinkTest(v.ctx(), v.setup, v.id("login"))
	if err != nil {
		return err
	}
	page, err := v.setupTestPage(l)
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, views.LoginRecord(page))
}

// setupTestPage is the page of such a test, for whoever holds the link.
func (v *visit) setupTestPage(l store.Login) (views.LoginRecordPage, error) {
	c, err := v.toSetUp()
	if err != nil {
		return views.LoginRecordPage{}, err
	}
	page := views.LoginRecordPage{
		Page: v.setupTrail("Test sign-in", c.Name), Reference: l.ID, Verdict: v.verdict(l), Steps: loginSteps(l.Steps, c.Protocol == store.ProtocolOIDC), Facts: v.loginFacts(l, c),
		Next: []ui.Button{{Text: "Back to the setup", Href: l.ReturnTo}},
	}
	_, page.Kind = v.loginState(l)
	v.watchable(&page, l, setupTestPath(l.ID))
	if l.State == store.LoginRefused {
		page.Refused, page.Reason, page.Want, page.Got = true, string(l.Reason), l.Want, l.Got
		page.Who, page.Fix, page.Mend = mendedBy[l.Reason.Party()], l.Reason.Fix(), v.mendAt(l.Reason, c)
		page.Mend.Setting = ui.Link{} // a page of the console, which a link does not open
	}
	return page, nil
}

// setupDomain is the record that proves one of the link's domains.
func (v *visit) setupDomain() error {
	d, reaches := v.setup.Reaches(v.id("domain"))
	if !reaches {
		return store.ErrNotFound
	}
	c, err := v.toSetUp()
	if err != nil {
		return err
	}
	page := views.SetupDomainPage{
		Page: v.setupTrail("Prove "+d.Name, c.Name), Name: d.Name, State: domainState(d, v.now()), Standing: d.CheckedAt != nil && d.CheckProblem == "",
		CheckProblem: d.CheckProblem, RecordName: strings.TrimSuffix(d.RecordName(), "."), RecordValue: d.RecordValue(), Verify: "/setup/domains/" + d.ID + "/verify",
	}
	if d.CheckedAt != nil {
		page.CheckedAt = ui.MomentOf(*d.CheckedAt, v.now())
	}
	return v.render(http.StatusOK, views.SetupDomain(page))
}

// verifyBySetup looks the record up now.
func (v *visit) verifyBySetup() error {
	d, reaches := v.setup.Reaches(v.id("domain"))
	if !reaches {
		return store.ErrNotFound
	}
	if !v.lookups.Allow(d.ID) {
		return &tooMany{v.lookups.RetryAfter(d.ID)}
	}
	d, err := v.scope.RecordDomainCheck(v.ctx(), v.actor(), d.ID, v.lookUp(d))
	if err != nil && !errors.Is(err, store.ErrDomainTaken) {
		return visitOver(err)
	}
	notice := ""
	if err == nil && d.StateAt(v.now()) == store.DomainVerified && d.CheckProblem == "" {
		notice = d.Name + " is verified."
	}
	return v.goTo("/setup/domains/"+v.id("domain"), notice)
}

func (v *visit) setupContacts() error {
	c, err := v.toSetUp()
	if err != nil {
		return err
	}
	return v.showSetupContacts(http.StatusOK, c, nil)
}

func (v *visit) showSetupContacts(status int, c store.Connection, problem *ui.Problem) error {
	form, err := v.contactsForm(c, "/setup/contacts", problem)
	if err != nil {
		return err
	}
	return v.render(status, views.SetupContacts(views.SetupContactsPage{Page: v.setupTrail("Who renews certificates", c.Name), Contacts: form}))
}

func (v *visit) saveSetupContacts() error {
	c, err := v.toSetUp()
	if err != nil {
		return err
	}
	problem, err := v.setContacts(c)
	switch {
	case err != nil:
		return visitOver(err)
	case problem != nil:
		return v.showSetupContacts(http.StatusUnprocessableEntity, c, problem)
	}
	return v.goTo("/setup", "The contacts are saved.")
}
