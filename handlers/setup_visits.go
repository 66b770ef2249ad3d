package handlers

import (
	"errors"
	"net/http"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
	"github.com/gatehouse-sso/gatehouse/web"
)

// setupVisit is the visit by a setup link that the browser holds; [store.ErrNotFound] where it holds none that opens anything.
func (v *visit) setupVisit() (store.SetupVisit, error) {
	token, found := v.Cookies.Setup.Read(v.r)
	if !found {
		return store.SetupVisit{}, store.ErrNotFound
	}
	return v.store.SetupVisit(v.ctx(), token)
}

// recognizeSetup lets the holder of a setup link in. Whoever is signed in in the same browser is not even looked for: what is done here is done by
// the link.
func (v *visit) recognizeSetup() error {
	visit, err := v.setupVisit()
	if errors.Is(err, store.ErrNotFound) {
		return errNoSetupLink
	}
	if err != nil {
		return err
	}
	v.setup, v.scope, v.organization = visit, v.store.During(visit), visit.Organization
	return nil
}

// visitOver tells a setup link that has ended while a form of its was on the way from what does not exist.
func visitOver(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return errNoSetupLink
	}
	return err
}

// setupLinkPage shows a button. Looking opens nothing: mail scanners look at links.
func (v *visit) setupLinkPage() error {
	if err := v.limitSetup(); err != nil {
		return err
	}
	link, organization, err := v.store.SetupLinkOf(v.ctx(), secret.TokenOf(v.id("token")))
	if err != nil {
		return v.setupLinkError(err)
	}
	connection, err := v.store.In(organization.ID).Connection(v.ctx(), link.ConnectionID)
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, views.SetupLink(views.SetupLinkPage{
		Page: v.card("Set up single sign-on"), Action: v.r.URL.Path, Organization: organization.Name, By: link.MakerName, Connection: connection.Name,
		Ends: link.ExpiresAt.Format("2 January 2006, 15:04 UTC"),
	}))
}

// limitSetup bounds how many setup links one network opens or guesses at.
func (v *visit) limitSetup() error {
	key := "setup " + web.ClientPrefix(v.r)
	if !v.crowd.Allow(key) {
		return &tooMany{v.crowd.RetryAfter(key)}
	}
	return nil
}

// setupLinkError is one page for links that were replaced, revoked, are too old or never were, and for those of what is gone.
func (v *visit) setupLinkError(err error) error {
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return v.render(http.StatusGone, views.SetupLinkDead(views.SetupLinkDeadPage{Page: v.card("This link no longer works")}))
}

// openSetupLink gives the browser a visit of its own kind, beside whatever session it holds.
func (v *visit) openSetupLink() error {
	if err := v.limitSetup(); err != nil {
		return err
	}
	held, err := v.store.OpenSetupLink(v.ctx(), requestOf(v.r), secret.TokenOf(v.id("token")))
	if err != nil {
		return v.setupLinkError(err)
	}
	if err := v.Cookies.Setup.Write(v.w, held); err != nil {
		return err
	}
	return v.goTo("/setup", "")
}

// leaveSetup ends the visit in this browser. The link goes on.
func (v *visit) leaveSetup() error {
	if token, found := v.Cookies.Setup.Read(v.r); found {
		if err := v.store.EndSetupVisit(v.ctx(), token); err != nil {
			return err
		}
	}
	v.Cookies.Setup.Clear(v.w)
	return v.render(http.StatusOK, views.SetupLeft(views.SetupLeftPage{Page: v.card("You have left")}))
}

// toSetUp is the link's connection, with the settings that a change starts from.
func (v *visit) toSetUp() (store.Connection, error) {
	return v.scope.EditedConnection(v.ctx(), v.setup.Link.ConnectionID)
}

// setupPage is what there is to do, and how far it is.
func (v *visit) setupPage() error {
	c, err := v.toSetUp()
	if err != nil {
		return err
	}
	contacts, err := v.scope.Contacts(v.ctx(), c.ID)
	if err != nil {
		return err
	}
	page := views.SetupPage{
		Page: v.page("Set up " + c.Name), Organization: v.organization.Name, Connection: c.Name, Ends: v.setup.Link.ExpiresAt.Format("2 January 2006, 15:04 UTC"),
		Active: c.State == store.ConnectionActive, Done: v.setup.Link.DoneAt != nil,
	}
	if page.Active {
		page.Tasks = append(page.Tasks, views.SetupTask{Title: "Connect your identity provider", Href: "/setup/connection", Detail: c.IdentityProvider(), State: "Active", Kind: ui.Working})
	} else {
		page.Values = "/setup/connection"
		page.Tasks = append(page.Tasks, v.valuesTask(c), v.testTask(c))
	}
	for _, d := range v.setup.Link.Domains {
		state := domainState(d, v.now())
		page.Tasks = append(page.Tasks, views.SetupTask{Title: "Prove " + d.Name, Href: "/setup/domains/" + d.ID, Detail: "One TXT record in its DNS.", State: state.Word, Kind: state.Kind})
	}
	who := views.SetupTask{Title: "Name who renews certificates", Href: "/setup/contacts", Detail: "They are mailed before a certificate expires.", State: "Optional", Kind: ui.Quiet}
	if len(contacts) > 0 {
		who.State, who.Kind = counted(int64(len(contacts)), "contact"), ui.Working
	}
	page.Tasks = append(page.Tasks, who)
	return v.render(http.StatusOK, views.Setup(page))
}

func (v *visit) valuesTask(c store.Connection) views.SetupTask {
	task := views.SetupTask{Title: "Connect your identity provider", Href: setupStepsPath, Detail: c.IdentityProvider(), State: "Done", Kind: ui.Working}
	if missing := v.missingHere(c); missing != "" {
		task.Detail, task.State, task.Kind = missing, "To do", ui.Accent
	}
	return task
}

func (v *visit) testTask(c store.Connection) views.SetupTask {
	task := views.SetupTask{Title: "Test it with your own sign-in", Detail: "It opens nothing and links nobody.", State: "To do", Kind: ui.Accent}
	if v.missing(c) == "" {
		task.Act, task.Button = "/setup/test", "Test sign-in"
	} else {
		task.Detail, task.State, task.Kind = "Once your identity provider is connected.", "Waits", ui.Quiet
	}
	if c.TestedAt != nil {
		task.State, task.Kind, task.Button = "Passed", ui.Working, "Test again"
	}
	return task
}

// finishSetup is the holder's word that they are done. The owners hear of it: activating is theirs.
func (v *visit) finishSetup() error {
	if err := v.scope.FinishSetup(v.ctx(), v.setup, requestOf(v.r)); err != nil {
		return visitOver(err)
	}
	return v.goTo("/setup", "") // which says so
}
