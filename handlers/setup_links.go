package handlers

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// setupLinks are the links by which others set the connection up, and whom mails about its certificates go to.
func (v *visit) setupLinks() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	return v.showSetupLinks(http.StatusOK, c, newForm(), nil)
}

func (v *visit) showSetupLinks(status int, c store.Connection, once string, problem *ui.Problem) error {
	frame, err := v.connectionFrame(c, "Setup links", problem)
	if err != nil {
		return err
	}
	links, err := v.scope.SetupLinks(v.ctx(), c.ID)
	if err != nil {
		return err
	}
	base := v.path("connections/" + c.ID)
	page := views.SetupLinksPage{
		ConnectionFrame: frame, Action: base + "/setup-links", LinkName: v.form().Text("name"), Email: v.form().Text("email"), Mailed: v.SendsMail, Once: once,
	}
	for _, l := range links {
		page.Rows = append(page.Rows, v.setupLinkRow(l, base+"/setup-links/"+l.ID))
	}
	if page.Domains, err = v.setupDomainOptions(); err != nil {
		return err
	}
	page.Contacts, err = v.contactsForm(c, base+"/contacts", problem)
	if err != nil {
		return err
	}
	return v.render(status, views.SetupLinks(page))
}

// setupDomainOptions are the organization's domains: those that are still to be proved are chosen, unless the form says otherwise.
func (v *visit) setupDomainOptions() ([]ui.Option, error) {
	domains, err := v.scope.Domains(v.ctx())
	if err != nil {
		return nil, err
	}
	var options []ui.Option
	for _, d := range domains {
		chosen := d.VerifiedAt == nil
		if v.form().Count("once") > 0 {
			chosen = slices.Contains(v.form().All("domains"), d.ID)
		}
		options = append(options, ui.Option{Value: d.ID, Label: d.Name, Help: domainState(d, v.now()).Word, Chosen: chosen})
	}
	return options, nil
}

var setupLinkStates = map[store.SetupLinkState]views.ConnectionState{
	store.SetupLinkOpen: {Kind: ui.Accent, Text: "Open"}, store.SetupLinkDone: {Kind: ui.Working, Text: "Done"},
	store.SetupLinkExpired: {Kind: ui.Neutral, Text: "Expired"}, store.SetupLinkRevoked: {Kind: ui.Neutral, Text: "Revoked"},
}

func (v *visit) setupLinkRow(l store.SetupLink, path string) views.SetupLinkRow {
	state := l.State(v.now())
	row := views.SetupLinkRow{
		Name: l.Name, By: l.MakerName, Made: ui.MomentOf(l.UpdatedAt, v.now()), State: setupLinkStates[state], Version: formVersion(l.Version),
	}
	var domains []string
	for _, d := range l.Domains {
		domains = append(domains, d.Name)
	}
	row.Domains = strings.Join(domains, ", ")
	if l.UsedAt != nil {
		row.Used = ui.MomentOf(*l.UsedAt, v.now())
	}
	if state != store.SetupLinkRevoked {
		row.Ends, row.Reissue, row.Revoke = ui.MomentOf(l.ExpiresAt, v.now()), path+"/reissue", path+"/revoke"
	}
	return row
}

// createSetupLink makes a link and shows it, this once.
func (v *visit) createSetupLink() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	form := v.form()
	n := store.NewSetupLink{ConnectionID: c.ID, Name: form.Text("name"), Domains: form.All("domains")}
	if email := form.Text("email"); email != "" && v.SendsMail {
		if n.Email, err = typedAddress(email); err != nil {
			return v.showSetupLinks(http.StatusUnprocessableEntity, c, form.Text("once"), fieldProblem("email", "Enter an email address such as name@example.com."))
		}
	}
	return v.once(func() (func(*visit) error, error) {
		link, token, err := v.scope.CreateSetupLink(v.ctx(), v.actor(), n)
		if problem := inviteProblem(err); problem != nil {
			return nil, v.showSetupLinks(inviteStatus(err), c, form.Text("once"), problem)
		}
		if err != nil {
			return nil, err
		}
		return func(v *visit) error { return v.showSetupLink(c, link, token, n.Email) }, nil
	})
}

// showSetupLink is the one page that shows the link.
func (v *visit) showSetupLink(c store.Connection, l store.SetupLink, token secret.Token, mailed trust.Address) error {
	base := v.path("connections/" + c.ID)
	return v.render(http.StatusCreated, views.SetupLinkMade(views.SetupLinkMadePage{
		Page: v.trail(v.page("Setup link"), ui.Link{Text: "Connections", Href: v.path("connections")}, ui.Link{Text: c.Name, Href: base}, ui.Link{Text: "Setup links", Href: base + "/setup-links"}),
		Name: l.Name, Connection: c.Name, Link: v.URL.JoinPath("setup", token.Reveal()).String(), Ends: l.ExpiresAt.Format("2 Jan 2006, 15:04 UTC"),
		Mailed: mailed.Given(), Done: base + "/setup-links",
	}))
}

// reissueSetupLink gives the link another secret; who holds the old one is out.
func (v *visit) reissueSetupLink() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	link, token, err := v.scope.ReissueSetupLink(v.ctx(), v.actor(), c.ID, v.id("setup"), v.version(), trust.Address{})
	back := v.path("connections/" + c.ID + "/setup-links")
	switch {
	case tooOften(err) != "":
		return v.goTo(back, tooOften(err))
	case isConflict(err):
		return v.goTo(back, "This link has changed in the meantime. See what has become of it.")
	case err != nil:
		return err
	}
	return v.showSetupLink(c, link, token, trust.Address{})
}

func (v *visit) revokeSetupLink() error {
	if err := v.scope.RevokeSetupLink(v.ctx(), v.actor(), v.id("connection"), v.id("setup")); err != nil {
		return err
	}
	return v.goTo(v.path("connections/"+v.id("connection")+"/setup-links"), "The link is revoked. Whoever had it open is out; what they set up stays.")
}

// contactsForm is the form for a connection's contacts, with what was typed if there was a problem with it.
func (v *visit) contactsForm(c store.Connection, action string, problem *ui.Problem) (views.ContactsForm, error) {
	contacts, err := v.scope.Contacts(v.ctx(), c.ID)
	if err != nil {
		return views.ContactsForm{}, err
	}
	told, err := v.scope.CountCertificateReaders(v.ctx(), c.ID)
	if err != nil {
		return views.ContactsForm{}, err
	}
	form := views.ContactsForm{Action: action, Addresses: strings.Join(contacts, "\n"), Told: counted(int64(told), "person"), Most: strconv.Itoa(store.MostContacts), Problem: problem}
	if told != 1 {
		form.Told = strconv.Itoa(told) + " people"
	}
	if problem.For("contacts") != "" {
		form.Addresses = v.form().Text("contacts")
	}
	return form, nil
}

func (v *visit) saveContacts() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	problem, err := v.setContacts(c)
	switch {
	case err != nil:
		return err
	case problem != nil:
		return v.showSetupLinks(http.StatusUnprocessableEntity, c, newForm(), problem)
	}
	return v.goTo(v.path("connections/"+c.ID+"/setup-links"), "The contacts are saved.")
}

// setContacts takes the addresses of the form, one a line or parted by commas.
func (v *visit) setContacts(c store.Connection) (*ui.Problem, error) {
	var addresses []trust.Address
	for _, text := range strings.FieldsFunc(v.form().Text("contacts"), func(r rune) bool { return strings.ContainsRune("\r\n\t ,;", r) }) {
		address, err := typedAddress(text)
		if err != nil {
			return fieldProblem("contacts", "“"+shortened(text, 60)+"” is no email address. Enter one on each line."), nil
		}
		addresses = append(addresses, address)
	}
	err := v.scope.SetContacts(v.ctx(), v.actor(), c.ID, addresses)
	if problem := problemOf(err); problem != nil {
		return problem, nil
	}
	return nil, err
}
