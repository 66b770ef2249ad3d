package handlers

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// valuesGiven is the first field that holds a value by hand, "" when none does.
func (v *visit) valuesGiven() string {
	for _, name := range []string{"entity_id", "redirect_url", "post_url", "certificates"} {
		if v.form().Checked(name) {
			return name
		}
	}
	return ""
}

// readValues takes the identity provider's values as typed by hand.
func (v *visit) readValues(settings *store.SAMLSettings) *ui.Problem {
	form := v.form()
	settings.EntityID, settings.RedirectURL, settings.PostURL = form.Text("entity_id"), form.Text("redirect_url"), form.Text("post_url")
	settings.Binding = store.BindingRedirect
	if settings.RedirectURL == "" && settings.PostURL != "" {
		settings.Binding = store.BindingPost
	}
	return problemOf(connections.CheckAddresses(*settings, v.Outbound.CheckURL))
}

// addPasted adds the certificates in a text and returns what was left out of it, as one text.
func (v *visit) addPasted(settings *store.SAMLSettings, text string) (warnings string, problem *ui.Problem) {
	left, err := connections.AddCertificates(settings, text, v.now())
	return inBrief(left), problemOf(err)
}

// identityProvider is the page about the other side.
func (v *visit) identityProvider() error {
	c, err := v.scope.EditedConnection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	if c.Protocol == store.ProtocolOIDC {
		return v.showOpenIDProvider(http.StatusOK, c, nil)
	}
	return v.showIdentityProvider(http.StatusOK, c, nil)
}

func (v *visit) showIdentityProvider(status int, c store.Connection, problem *ui.Problem) error {
	base := v.path("connections/" + c.ID + "/identity-provider")
	frame, err := v.connectionFrame(c, "Identity provider", problem)
	if err != nil {
		return err
	}
	page := views.IdentityProviderPage{
		ConnectionFrame: frame,
		Import:          base + "/metadata", Save: base, Add: base + "/certificates", Remove: base + "/certificates/remove",
		Source: v.metadataSource(problem), MetadataURL: c.Settings.MetadataURL, Certificates: v.certificateRows(c.Settings.Certificates), Pasted: v.form().Text("certificates"),
		Values: views.IdentityProviderValues{EntityID: c.Settings.EntityID, RedirectURL: c.Settings.RedirectURL, PostURL: c.Settings.PostURL, Problem: problem},
	}
	return v.render(status, views.IdentityProvider(page))
}

// importIntoConnection replaces the other side's values by those of its metadata.
func (v *visit) importIntoConnection() error {
	warnings := ""
	return v.changeSettings("/identity-provider", func(s *store.SAMLSettings) (problem *ui.Problem) {
		warnings, problem = v.importMetadata(s)
		return problem
	}, func() string { return strings.TrimSpace("The metadata is imported. " + warnings) }, v.showIdentityProvider)
}

func (v *visit) saveIdentityProvider() error {
	return v.changeSettings("/identity-provider", v.readValues, saved("The values are saved."), v.showIdentityProvider)
}

func (v *visit) addCertificates() error {
	warnings := ""
	return v.changeSettings("/identity-provider", func(s *store.SAMLSettings) (problem *ui.Problem) {
		warnings, problem = v.addPasted(s, v.form().Text("certificates"))
		return problem
	}, func() string { return strings.TrimSpace("The certificates are added. " + warnings) }, v.showIdentityProvider)
}

func (v *visit) removeCertificate() error {
	return v.changeSettings("/identity-provider", func(s *store.SAMLSettings) *ui.Problem {
		connections.RemoveCertificate(s, v.form().Text("certificate"))
		return nil
	}, saved("The certificate is removed."), v.showIdentityProvider)
}

func saved(notice string) func() string { return func() string { return notice } }

// changeSettings makes the next version of the settings from the present one and what the form changes in it.
func (v *visit) changeSettings(page string, change func(*store.SAMLSettings) *ui.Problem, done func() string,
	again func(status int, c store.Connection, problem *ui.Problem) error) error {
	c, err := v.scope.EditedConnection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	if c.Protocol != store.ProtocolSAML {
		return store.ErrNotFound
	}
	changed := c
	changed.Settings.Certificates = slices.Clone(c.Settings.Certificates)
	changed.Settings.Mapping.Own = maps.Clone(c.Settings.Mapping.Own)
	problem := change(&changed.Settings)
	if problem == nil {
		err = v.scope.ChangeConnectionSettings(v.ctx(), v.actor(), c.ID, v.version(), changed.Settings)
		problem = editProblem(err, "")
	}
	if problem != nil {
		changed.Settings.Certificates, changed.Settings.MetadataURL = c.Settings.Certificates, c.Settings.MetadataURL
		return again(http.StatusUnprocessableEntity, changed, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("connections/"+c.ID+page), inDraft(c, done()))
}
