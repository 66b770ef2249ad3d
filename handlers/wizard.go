package handlers

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/setup"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// walk is somebody's way through the steps of setting up one connection. Who walks is what its fields say: an owner on a visit of theirs, or
// somebody else who was let in to this connection alone. What they may not do has no address or function here.
type walk struct {
	*visit       // with the organization's scope; its actor is who is recorded
	connectionID string
	domains      func() ([]store.Domain, error)      // those that are proved here
	claims       bool                                // whether others may be claimed
	base         string                              // the steps are below it
	leave        string                              // where one goes who has enough for today
	activate     string                              // where activating posts
	finish       string                              // where one says that everything is done, who may not activate
	test         func(store.Connection) error        // begins a test login
	tested       func(store.Login) bool              // whether a test is told of here
	login        func(id string) string              // the page of a login
	frame        func(c store.Connection) views.Page // what stands around the steps
}

// onWalk makes a handler of an owner's walk.
func onWalk(handle func(*walk) error) func(*visit) error {
	return func(v *visit) error {
		at := v.path("connections/" + v.id("connection"))
		return handle(&walk{
			visit: v, connectionID: v.id("connection"), base: at + "/setup", leave: at, activate: at + "/activate",
			domains: func() ([]store.Domain, error) { return v.scope.Domains(v.ctx()) }, claims: true,
			test: func(c store.Connection) error {
				return v.begin(broker.Start{ConnectionID: c.ID, ReturnTo: at + "/setup/test", TestOwnerID: v.user.ID, TestSessionID: v.session.ID})
			},
			tested: func(store.Login) bool { return true },
			login:  func(id string) string { return v.path("logins/" + id) },
			frame: func(c store.Connection) views.Page {
				return v.trail(v.page("Set up"), ui.Link{Text: "Connections", Href: v.path("connections")}, ui.Link{Text: c.Name, Href: at})
			},
		})
	}
}

// guide is the connection with the words in which it is set up.
func (w *walk) guide() (store.Connection, setup.Product, *setup.Guide, error) {
	c, err := w.scope.EditedConnection(w.ctx(), w.connectionID)
	if err != nil {
		return c, setup.Product{}, nil, err
	}
	product, guide := w.guideOf(c)
	return c, product, guide, nil
}

// guideOf are the words, without a step in which there is nothing to do for whoever walks.
func (w *walk) guideOf(c store.Connection) (setup.Product, *setup.Guide) {
	product, guide := guideOf(c)
	if w.claims || len(w.setup.Link.Domains) > 0 {
		return product, guide
	}
	return product, &setup.Guide{Steps: slices.DeleteFunc(slices.Clone(guide.Steps), func(s setup.Step) bool { return s.Take == setup.TakesDomains })}
}

// guideOf falls back to the words for anything that speaks the protocol.
func guideOf(c store.Connection) (setup.Product, *setup.Guide) {
	for _, kind := range []string{c.Kind, c.Protocol} {
		if product, found := setup.Find(kind); found && product.Guide(c.Protocol) != nil {
			return product, product.Guide(c.Protocol)
		}
	}
	return setup.Product{}, &setup.Guide{}
}

// done says whether a step is: what can be seen in the connection is believed more than what was clicked.
func (w *walk) done(c store.Connection, step setup.Step, verified bool) bool {
	switch step.Take {
	case setup.TakesMetadata, setup.TakesClient:
		return w.missing(c) == ""
	case setup.TakesTest:
		return editedTested(c)
	case setup.TakesDomains:
		return verified || slices.Contains(c.SetupDone, step.ID)
	}
	return slices.Contains(c.SetupDone, step.ID)
}

// editedTested says whether the settings that are changed here, those of the draft where there is one, have passed a test.
func editedTested(c store.Connection) bool {
	if c.DraftID != "" {
		return c.DraftTestedAt != nil
	}
	return c.TestedAt != nil
}

// resume leads to the first step that is not done, which is where one was.
func (w *walk) resume() error {
	c, _, guide, err := w.guide()
	if err != nil {
		return err
	}
	domains, err := w.domains()
	if err != nil {
		return err
	}
	at := len(guide.Steps) - 1
	for i, step := range guide.Steps {
		if !w.done(c, step, anyVerified(domains)) {
			at = i
			break
		}
	}
	return w.goTo(w.base+"/"+guide.Steps[at].ID, "")
}

func anyVerified(domains []store.Domain) bool {
	return slices.ContainsFunc(domains, func(d store.Domain) bool { return d.VerifiedAt != nil })
}

func (w *walk) show() error {
	c, _, _, err := w.guide()
	if err != nil {
		return err
	}
	return w.showStep(http.StatusOK, c, nil)
}

// showStep shows the step of the path.
func (w *walk) showStep(status int, c store.Connection, problem *ui.Problem) error {
	product, guide := w.guideOf(c)
	step, number := guide.Step(w.id("step"))
	if number < 0 {
		return store.ErrNotFound
	}
	domains, err := w.domains()
	if err != nil {
		return err
	}
	page := views.WizardPage{
		Page: w.frame(c), Connection: c.Name, Product: productWords(product, c.Protocol), Step: step, Number: number + 1, Version: formVersion(c.Version),
		Action: w.base + "/" + step.ID, Leave: w.leave, Claims: w.claims, Editing: w.editing(c), Problem: problem,
	}
	page.Page.Title = step.Title
	for i, one := range guide.Steps {
		page.Steps = append(page.Steps, views.WizardStep{
			Link: ui.Link{Text: one.Title, Href: w.base + "/" + one.ID, Current: i == number}, Done: w.done(c, one, anyVerified(domains)),
		})
	}
	if number > 0 {
		page.Back = w.base + "/" + guide.Steps[number-1].ID
	}
	ours := w.ours(c)
	for _, give := range step.Give {
		page.Give = append(page.Give, views.Found{Name: give.Field, Value: ours[give.Value]})
	}
	page.Code = strings.NewReplacer("{entity_id}", ours[setup.EntityID], "{acs}", ours[setup.ACS]).Replace(step.Code)
	if err := w.fill(&page, c, domains); err != nil {
		return err
	}
	return w.render(status, views.Wizard(page))
}

// productWords is the product's name, with the protocol where it has two.
func productWords(product setup.Product, protocol string) string {
	if len(product.Protocols()) < 2 {
		return product.Name
	}
	return product.Name + ", " + protocolWords[protocol]
}

var protocolWords = map[string]string{store.ProtocolSAML: "SAML", store.ProtocolOIDC: "OpenID Connect"}

// ours are our values for the other side.
func (w *walk) ours(c store.Connection) map[setup.Value]string {
	acs := w.broker.ACSOf(c)
	return map[setup.Value]string{
		setup.EntityID: w.broker.EntityIDOf(c), setup.Metadata: w.broker.EntityID(c.ID), setup.ACS: acs,
		setup.ACSPattern: "^" + strings.ReplaceAll(regexp.QuoteMeta(acs), "/", `\/`) + "$",
		setup.StartURL:   w.URL.JoinPath(loginPath(c.ID, "")).String(),
		setup.Callback:   w.broker.CallbackOf(c), setup.Initiate: w.broker.Initiation(c.ID), setup.OurKeys: w.broker.KeysURL(c.ID),
		setup.SLO: w.broker.SLO(c.ID), setup.BackChannel: w.broker.BackChannel(c.ID), setup.SignedOut: w.broker.SignedOut(c.ID),
	}
}

// fill adds what the step takes, as it stands now or as it was typed.
func (w *walk) fill(page *views.WizardPage, c store.Connection, domains []store.Domain) error {
	switch page.Step.Take {
	case setup.TakesMetadata:
		w.fillMetadata(page, c)
	case setup.TakesClient:
		w.fillClient(page, c)
	case setup.TakesMapping:
		m := c.Settings.Mapping
		if page.OpenIDClaims = c.Protocol == store.ProtocolOIDC; page.OpenIDClaims {
			m = c.OIDC.Mapping
		}
		page.Mapping = setup.Mapping{Subject: m.Subject, Email: m.Email, Name: m.Name, GivenName: m.GivenName, FamilyName: m.FamilyName, Groups: m.Groups}
	case setup.TakesDomains:
		page.Domain = w.form().Text("name")
		for _, d := range domains {
			page.Domains = append(page.Domains, views.WizardDomain{
				ID: d.ID, Name: d.Name, State: domainState(d, w.now()), Verified: d.VerifiedAt != nil,
				RecordName: strings.TrimSuffix(d.RecordName(), "."), RecordValue: d.RecordValue(), CheckProblem: d.CheckProblem,
			})
		}
	case setup.TakesTest:
		return w.fillTest(page, c)
	}
	return nil
}

func (w *walk) fillMetadata(page *views.WizardPage, c store.Connection) {
	form, s := w.form(), c.Settings
	page.Source = w.metadataSource(page.Problem)
	page.Values = views.IdentityProviderValues{EntityID: form.Text("entity_id"), RedirectURL: form.Text("redirect_url"), PostURL: form.Text("post_url"),
		Certificates: form.Text("certificates"), Problem: page.Problem}
	if s.EntityID == "" {
		return
	}
	page.Known = []views.Found{{Name: "Entity ID", Value: s.EntityID}, {Name: "Sign-on address", Value: s.Location()}}
	if s.MetadataURL != "" {
		page.Known = append(page.Known, views.Found{Name: "Read from", Value: s.MetadataURL})
	}
	for _, row := range w.certificateRows(s.Certificates) {
		page.Known = append(page.Known, views.Found{Name: "Certificate", Value: row.Name + ", " + strings.ToLower(row.State.Text) + ", until " + row.Expires.Human})
	}
}

func (w *walk) fillClient(page *views.WizardPage, c store.Connection) {
	s, by := c.OIDC, bySecret
	if !s.NeedsSecret() {
		by = byStatement
	}
	if s.Issuer == "" && c.Kind == "google" {
		s.Issuer = "https://accounts.google.com"
	}
	page.OpenID = views.OpenIDValues{Issuer: s.Issuer, ClientID: s.ClientID, HostedDomain: s.HostedDomain, Methods: authMethods(by), SecretKept: s.SecretID != "",
		NotGoogle: c.Kind != "google", Problem: page.Problem}
	if page.Problem != nil {
		form := w.form()
		page.OpenID.Issuer, page.OpenID.ClientID, page.OpenID.HostedDomain = form.Text("issuer"), form.Text("client_id"), form.Text("hosted_domain")
		page.OpenID.Methods = authMethods(form.Text("auth_method"))
	}
	if c.OIDC.Issuer != "" && page.Problem == nil {
		page.Known = []views.Found{{Name: "Signs in at", Value: s.AuthorizationURL}, {Name: "Key set", Value: s.KeysURL}, {Name: "We authenticate by", Value: s.AuthMethod}}
	}
}

// fillTest tells the last test and what may follow.
func (w *walk) fillTest(page *views.WizardPage, c store.Connection) error {
	page.Test = views.WizardTest{Missing: w.missingHere(c), Active: c.State == store.ConnectionActive, Draft: c.DraftID != "", Tested: editedTested(c), Finish: w.finish}
	switch {
	case w.activate == "":
	case c.DraftID != "":
		page.Test.Publish = w.leave
	case c.State != store.ConnectionActive:
		page.Test.Activate = w.activate
	}
	last, running, err := w.lastTest(c)
	if err != nil {
		return err
	}
	if running.ID != "" {
		page.Test.Running = w.login(running.ID)
	}
	if last.ID == "" {
		return nil
	}
	page.Test.At, page.Test.Login = ui.MomentOf(last.CreatedAt, w.now()), w.login(last.ID)
	if last.State == store.LoginRefused {
		page.Test.Verdict, page.Test.Failed = "The last test was refused. "+last.Reason.Sentence(), true
		return nil
	}
	page.Test.Verdict = "The last test went well."
	if !page.Test.Tested {
		page.Test.Verdict = "The last test went well, before the settings were changed. Test again."
	}
	page.Test.Arrived = []views.Found{{Name: "Subject", Value: last.Subject}, {Name: "Email address", Value: cmp.Or(last.Email, "None")}}
	return nil
}

// missingHere is missing without the name of a page that the steps stand for.
func (v *visit) missingHere(c store.Connection) string {
	return strings.Replace(v.missing(c), ", under Identity provider", "", 1)
}

// lastTest is the newest test of the connection that has come to an end, and the newest that has not, of those that are looked through.
func (w *walk) lastTest(c store.Connection) (last, running store.Login, err error) {
	logins, err := w.scope.Logins(w.ctx(), store.LoginFilter{ConnectionID: c.ID, Limit: loginsShown})
	if err != nil {
		return last, running, err
	}
	for _, l := range logins {
		switch {
		case l.Kind != store.TestLogin || !w.tested(l):
		case l.State == store.LoginFinished || l.State == store.LoginRefused:
			return l, running, nil
		case running.ID == "" && w.underWay(l):
			running = l
		}
	}
	return last, running, nil
}
