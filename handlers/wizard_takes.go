package handlers

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views/setup"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// take does what the form of the step says, remembers the step, and goes on to the next one.
func (w *walk) take() error {
	c, _, guide, err := w.guide()
	if err != nil {
		return err
	}
	step, number := guide.Step(w.id("step"))
	if number < 0 {
		return store.ErrNotFound
	}
	notice := ""
	switch step.Take {
	case setup.TakesMetadata:
		notice, err = w.takeMetadata(&c)
	case setup.TakesClient:
		notice, err = w.takeClient(&c)
	case setup.TakesMapping:
		notice, err = w.takeMapping(c)
	case setup.TakesDomains:
		if stay, err := w.takeDomain(c); stay || err != nil {
			return err
		}
	case setup.TakesTest:
		return w.takeTest(c)
	}
	var problem *stepProblem
	if errors.As(err, &problem) {
		return w.showStep(http.StatusUnprocessableEntity, c, problem.Problem)
	}
	if err == nil {
		err = w.scope.FinishSetupStep(w.ctx(), w.actor(), c.ID, step.ID)
	}
	if err != nil {
		return err
	}
	return w.goTo(w.base+"/"+guide.Steps[min(number+1, len(guide.Steps)-1)].ID, notice)
}

// stepProblem is what is wrong with the form of a step.
type stepProblem struct{ *ui.Problem }

func (*stepProblem) Error() string { return "a step's form is refused" }

// saving is the error of a save, as something to mend in the form where it is that.
func saving(err error) error {
	if problem := editProblem(err, ""); problem != nil {
		return &stepProblem{problem}
	}
	return err
}

// takeMetadata reads what is given. Nothing given is well where nothing is missing.
func (w *walk) takeMetadata(c *store.Connection) (notice string, err error) {
	if !w.metadataGiven() && w.valuesGiven() == "" {
		if w.missing(*c) == "" {
			return "", nil
		}
		return "", &stepProblem{fieldProblem("metadata_url", "Give the metadata's address, its file or its text, or the values by hand.")}
	}
	next := c.Settings
	next.Certificates, next.Mapping.Own = slices.Clone(next.Certificates), maps.Clone(next.Mapping.Own)
	warnings, problem := w.readProvider(&next)
	if problem == nil {
		changed := *c
		changed.Settings = next
		problem = w.lacking(changed)
	}
	if problem != nil {
		return "", &stepProblem{problem}
	}
	err = saving(w.scope.ChangeConnectionSettings(w.ctx(), w.actor(), c.ID, w.version(), next))
	return strings.TrimSpace(inDraft(*c, "The identity provider's values are saved.") + " " + warnings), err
}

// lacking says beside its field what values by hand cannot be without.
func (w *walk) lacking(c store.Connection) *ui.Problem {
	switch s := c.Settings; {
	case s.EntityID == "":
		return fieldProblem("entity_id", "Enter its entity ID.")
	case s.Location() == "":
		return fieldProblem("redirect_url", "Enter its sign-on address.")
	case w.certificateWarning(c) == warnNoCertificate:
		return fieldProblem("certificates", "Add a signing certificate that is valid today.")
	}
	return nil
}

// takeClient asks the issuer where everything is, and keeps what it says with our client there.
func (w *walk) takeClient(c *store.Connection) (notice string, err error) {
	form, next, given := w.form(), c.OIDC, w.clientSecret()
	problem := w.readOpenID(&next)
	if problem == nil {
		problem = &ui.Problem{}
		if !form.Checked("issuer") {
			problem.Fields = append(problem.Fields, ui.FieldError{Field: "issuer", Message: "Enter the issuer."})
		}
		if !form.Checked("client_id") {
			problem.Fields = append(problem.Fields, ui.FieldError{Field: "client_id", Message: "Enter the client ID that the identity provider gave us."})
		}
		if next.NeedsSecret() && next.SecretID == "" && given.Reveal() == "" {
			problem.Fields = append(problem.Fields, ui.FieldError{Field: "client_secret", Message: "Enter the client secret that the identity provider gave us, or choose our own key."})
		}
		if len(problem.Fields) == 0 {
			problem = nil
		}
	}
	if problem != nil {
		return "", &stepProblem{problem}
	}
	err = saving(w.scope.ChangeOIDCSettings(w.ctx(), w.actor(), c.ID, w.version(), next, given))
	return inDraft(*c, "The values are saved, and the endpoints are found."), err
}

// takeMapping keeps what the form does not show: roles and fields of their own.
func (w *walk) takeMapping(c store.Connection) (notice string, err error) {
	form := w.form()
	into := func(m *store.Mapping) {
		m.Subject, m.Email, m.Name = form.Text("map_subject"), form.Text("map_email"), form.Text("map_name")
		m.GivenName, m.FamilyName, m.Groups = form.Text("map_given_name"), form.Text("map_family_name"), form.Text("map_groups")
	}
	if c.Protocol == store.ProtocolOIDC {
		before := c.OIDC.Mapping
		if into(&c.OIDC.Mapping); sameMapping(before, c.OIDC.Mapping) {
			return "", nil
		}
		return inDraft(c, "What we read is saved."), saving(w.scope.ChangeOIDCSettings(w.ctx(), w.actor(), c.ID, w.version(), c.OIDC, secret.Token{}))
	}
	before := c.Settings.Mapping
	if into(&c.Settings.Mapping); sameMapping(before, c.Settings.Mapping) {
		return "", nil // a connection that was tested stays so
	}
	return inDraft(c, "What we read is saved."), saving(w.scope.ChangeConnectionSettings(w.ctx(), w.actor(), c.ID, w.version(), c.Settings))
}

// sameMapping compares what the step shows.
func sameMapping(a, b store.Mapping) bool {
	return a.Subject == b.Subject && a.Email == b.Email && a.Name == b.Name && a.GivenName == b.GivenName && a.FamilyName == b.FamilyName && a.Groups == b.Groups
}

// takeDomain claims a domain or looks its record up, and stays; without either it goes on.
func (w *walk) takeDomain(c store.Connection) (stay bool, err error) {
	form, here := w.form(), w.base+"/"+w.id("step")
	switch id := form.Text("verify"); {
	case id != "":
		return true, w.verifyHere(id, here)
	case w.claims && (form.Checked("claim") || form.Checked("name")):
		claimed, err := w.scope.ClaimDomain(w.ctx(), w.actor(), form.Text("name"), w.URL.Hostname())
		if problem := problemOf(err); problem != nil {
			return true, w.showStep(http.StatusUnprocessableEntity, c, problem)
		}
		if err != nil {
			return true, err
		}
		return true, w.goTo(here, claimed.Name+" is claimed. Prove that it is yours with the record below.")
	}
	return false, nil
}

func (w *walk) verifyHere(id, here string) error {
	domains, err := w.domains()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(domains, func(d store.Domain) bool { return d.ID == id })
	if at < 0 {
		return store.ErrNotFound
	}
	d := domains[at]
	if !w.lookups.Allow(d.ID) {
		return &tooMany{w.lookups.RetryAfter(d.ID)}
	}
	d, err = w.scope.RecordDomainCheck(w.ctx(), w.actor(), d.ID, w.lookUp(d))
	if err != nil && !errors.Is(err, store.ErrDomainTaken) {
		return err
	}
	notice := ""
	if err == nil && d.VerifiedAt != nil {
		notice = d.Name + " is verified."
	}
	return w.goTo(here, notice)
}

// takeTest leaves for the identity provider.
func (w *walk) takeTest(c store.Connection) error {
	if missing := w.missingHere(c); missing != "" {
		return w.showStep(http.StatusUnprocessableEntity, c, fieldProblem("", "The connection cannot be tested yet. "+missing))
	}
	return w.test(c)
}
