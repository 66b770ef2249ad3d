package handlers

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func (v *visit) connectionAttributes() error {
	c, err := v.scope.EditedConnection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	return v.showAttributes(http.StatusOK, c, nil)
}

func (v *visit) showAttributes(status int, c store.Connection, problem *ui.Problem) error {
	m := c.Settings.Mapping
	if c.Protocol == store.ProtocolOIDC {
		m = c.OIDC.Mapping
	}
	frame, err := v.connectionFrame(c, "Attributes", problem)
	if err != nil {
		return err
	}
	page := views.AttributesPage{
		ConnectionFrame: frame, Action: v.path("connections/" + c.ID + "/attributes"),
		Subject: m.Subject, Email: m.Email, FullName: m.Name, GivenName: m.GivenName, FamilyName: m.FamilyName, Groups: m.Groups, Roles: m.Roles,
		OpenID:           c.Protocol == store.ProtocolOIDC,
		SubjectIsAddress: m.Subject == "" && strings.HasSuffix(c.Settings.NameIDFormat, ":emailAddress"),
	}
	for _, name := range slices.Sorted(maps.Keys(m.Own)) {
		page.Own += name + " = " + m.Own[name] + "\n"
	}
	if problem.For("map_own") != "" {
		page.Own = v.form().Text("map_own")
	}
	return v.render(status, views.Attributes(page))
}

var ownName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

func (v *visit) saveAttributes() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	const done = "The attributes are saved."
	if c.Protocol == store.ProtocolOIDC {
		return v.changeOpenID("/attributes", secret.Token{}, func(s *store.OIDCSettings) *ui.Problem { return v.readMapping(&s.Mapping, "claim's name") }, done, v.showAttributes)
	}
	return v.changeSettings("/attributes", func(s *store.SAMLSettings) *ui.Problem { return v.readMapping(&s.Mapping, "attribute's Name") }, saved(done), v.showAttributes)
}

// readMapping reads the form; carrier is what a refusal calls that in which a value arrives.
func (v *visit) readMapping(m *store.Mapping, carrier string) (problem *ui.Problem) {
	form := v.form()
	*m = store.Mapping{
		Subject: form.Text("map_subject"), Email: form.Text("map_email"), Name: form.Text("map_name"),
		GivenName: form.Text("map_given_name"), FamilyName: form.Text("map_family_name"), Groups: form.Text("map_groups"), Roles: form.Text("map_roles"),
	}
	m.Own, problem = ownFields(form.Text("map_own"), carrier)
	return problem
}

// ownFields reads "name = attribute", one a line.
func ownFields(text, carrier string) (map[string]string, *ui.Problem) {
	own := map[string]string{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, attribute, _ := strings.Cut(line, "=")
		name, attribute = strings.TrimSpace(name), strings.TrimSpace(attribute)
		switch {
		case !ownName.MatchString(name):
			return nil, fieldProblem("map_own", "Begin each line with a name of small letters, digits and underscores: “"+shortened(line, 60)+"” does not.")
		case attribute == "" || len(attribute) > 256:
			return nil, fieldProblem("map_own", "After “"+name+" =” the "+carrier+" is missing, or has more than 256 characters.")
		case own[name] != "":
			return nil, fieldProblem("map_own", "There are two lines for “"+name+"”.")
		case len(own) == 20:
			return nil, fieldProblem("map_own", "Use at most 20 fields of your own.")
		}
		own[name] = attribute
	}
	return own, nil
}

func (v *visit) connectionOptions() error {
	c, err := v.scope.EditedConnection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	if c.Protocol == store.ProtocolOIDC {
		return v.showOpenIDOptions(http.StatusOK, c, nil)
	}
	return v.showOptions(http.StatusOK, c, nil)
}

// nameIDFormats are those that may be asked for; a transient one would name nobody twice alike.
var nameIDFormats = []ui.Option{
	{Value: "", Label: "None: the identity provider chooses"},
	{Value: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", Label: "Persistent"},
	{Value: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", Label: "Email address"},
	{Value: "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", Label: "Unspecified"},
}

func (v *visit) showOptions(status int, c store.Connection, problem *ui.Problem) error {
	s := c.Settings
	frame, err := v.connectionFrame(c, "Options", problem)
	if err != nil {
		return err
	}
	parameter, byQuery := strings.CutPrefix(s.LoginHintAs, "query:")
	page := views.OptionsPage{
		ConnectionFrame: frame, Action: v.path("connections/" + c.ID + "/options"),
		IDPInitiated: []ui.Option{
			{Value: store.IDPInitiatedHandshake, Label: "On, checked by a fresh sign-in", Help: "A tile there works: its message is used once, as a hint to ask the identity provider anew. People type nothing."},
			{Value: store.IDPInitiatedAccept, Label: "On, taken as it comes", Help: "For identity providers that answer every request with a message that nobody asked for. It gives up the protection against a planted sign-in: somebody can make another person's browser sign in as themselves, and see what that person then does or enters. What is left of it: a message works once, and a browser in which somebody else is signed in asks before it changes hands."},
			{Value: store.IDPInitiatedOff, Label: "Off", Help: "Messages that nobody asked for are refused."},
		},
		Bindings: []ui.Option{
			{Value: store.BindingRedirect, Label: "HTTP-Redirect", Help: "By the browser's address. Uses the sign-on address for HTTP-Redirect."},
			{Value: store.BindingPost, Label: "HTTP-POST", Help: "By a form. Uses the sign-on address for HTTP-POST."},
		},
		LoginHints: []ui.Option{
			{Value: "", Label: "No"},
			{Value: "subject", Label: "As the Subject of the request", Help: "Microsoft Entra ID, AD FS and Okta take it."},
			{Value: "query", Label: "As a query parameter", Help: "Such as login_hint or username. Needs a sign-on address for HTTP-Redirect."},
		},
		ForceAuthn: s.ForceAuthn, AuthnContext: strings.Join(s.AuthnContext, "\n"), InclusiveC14N: s.InclusiveC14N,
		UnsignedAround: s.UnsignedResponseAroundEncrypted, HintParameter: parameter,
	}
	if page.Alternate, err = v.alternateOf(c, problem); err != nil {
		return err
	}
	hint := s.LoginHintAs
	if byQuery {
		hint = "query"
	}
	choose(page.IDPInitiated, s.IDPInitiated)
	choose(page.Bindings, s.Binding)
	choose(page.LoginHints, hint)
	page.NameIDFormats = slices.Clone(nameIDFormats)
	if !slices.ContainsFunc(nameIDFormats, func(o ui.Option) bool { return o.Value == s.NameIDFormat }) {
		page.NameIDFormats = append(page.NameIDFormats, ui.Option{Value: s.NameIDFormat, Label: s.NameIDFormat})
	}
	choose(page.NameIDFormats, s.NameIDFormat)
	return v.render(status, views.Options(page))
}

func choose(options []ui.Option, value string) {
	for i := range options {
		options[i].Chosen = options[i].Value == value
	}
}

var parameterName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,39}$`)

func (v *visit) saveOptions() error {
	form := v.form()
	return v.changeSettings("/options", func(s *store.SAMLSettings) *ui.Problem {
		s.IDPInitiated, s.Binding, s.NameIDFormat = form.Text("idp_initiated"), form.Text("binding"), form.Text("name_id_format")
		s.ForceAuthn, s.InclusiveC14N, s.UnsignedResponseAroundEncrypted = form.Checked("force_authn"), form.Checked("inclusive_c14n"), form.Checked("unsigned_around")
		s.AuthnContext = strings.Fields(form.Text("authn_context"))
		switch hint := form.Text("login_hint"); hint {
		case "", "subject":
			s.LoginHintAs = hint
		case "query":
			s.LoginHintAs = "query:" + form.Text("hint_parameter")
			if !parameterName.MatchString(form.Text("hint_parameter")) {
				return fieldProblem("hint_parameter", "Enter the parameter's name, such as login_hint.")
			}
		default:
			return fieldProblem("login_hint", "Choose how the address is passed on.")
		}
		return checkOptions(*s)
	}, saved("The options are saved."), v.showOptions)
}

func checkOptions(s store.SAMLSettings) *ui.Problem {
	if s.Location() == "" && s.EntityID != "" {
		return fieldProblem("binding", "There is no sign-on address for this way. Add it under Identity provider first.")
	}
	return nil
}
