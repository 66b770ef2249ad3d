package handlers

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
	"github.com/gatehouse-sso/gatehouse/web"
)

// The two ways to show who we are that a person chooses between; how a secret travels follows from what the other side takes.
const (
	bySecret    = "secret"
	byStatement = "statement"
)

func authMethods(chosen string) []ui.Option {
	options := []ui.Option{
		{Value: bySecret, Label: "By a client secret", Help: "One that the identity provider made. Many expire: note when."},
		{Value: byStatement, Label: "By our own key", Help: "private_key_jwt: nothing to renew. The identity provider reads our keys' address, on this connection's page."},
	}
	choose(options, cmp.Or(chosen, bySecret))
	return options
}

func (v *visit) clientSecret() secret.Token {
	return secret.TokenOf(strings.TrimSpace(v.form().Raw("client_secret")))
}

// readOpenID takes the values as typed, and asks the issuer where everything is.
func (v *visit) readOpenID(s *store.OIDCSettings) *ui.Problem {
	form := v.form()
	s.ClientID, s.HostedDomain = form.Text("client_id"), form.Text("hosted_domain")
	issuer := form.Text("issuer")
	if issuer != "" && !v.lookups.Allow(v.organization.ID) {
		return fieldProblem("issuer", "That is many addresses in a short time. Wait a minute, then try again.")
	}
	err, cause := connections.Discover(v.ctx(), v.Outbound, s, issuer)
	if cause != nil {
		v.Log.WarnContext(v.ctx(), "issuer not discovered", "request", web.RequestInfo(v.r).ID, "host", hostOf(issuer), "error", cause)
	}
	if err != nil {
		return problemOf(err)
	}
	if s.AuthMethod = store.AuthPrivateKeyJWT; form.Text("auth_method") != byStatement {
		s.AuthMethod = connections.SecretMethod(*s)
	}
	return problemOf(connections.CheckOpenID(*s))
}

func (v *visit) showOpenIDProvider(status int, c store.Connection, problem *ui.Problem) error {
	frame, err := v.connectionFrame(c, "Identity provider", problem)
	if err != nil {
		return err
	}
	s := c.OIDC
	page := views.OpenIDProviderPage{
		ConnectionFrame: frame, Save: v.path("connections/" + c.ID + "/identity-provider/openid"), Values: v.openIDValues(c, problem),
	}
	add := func(name, value string) {
		if value != "" && s.Issuer != "" {
			page.Found = append(page.Found, views.Found{Name: name, Value: value})
		}
	}
	add("Issuer", s.Issuer)
	add("Tenant", s.TenantID)
	add("Authorization endpoint", s.AuthorizationURL)
	add("Token endpoint", s.TokenURL)
	add("Key set", s.KeysURL)
	add("Userinfo", cmp.Or(s.UserinfoURL, "None: the ID token must say everything"))
	add("Signs by", strings.Join(s.Algorithms, ", "))
	add("We authenticate by", s.AuthMethod)
	return v.render(status, views.OpenIDProvider(page))
}

// openIDValues are the other side's values as they are, or as typed where there is a problem with them.
func (v *visit) openIDValues(c store.Connection, problem *ui.Problem) views.OpenIDValues {
	s, by := c.OIDC, bySecret
	if !s.NeedsSecret() {
		by = byStatement
	}
	values := views.OpenIDValues{Issuer: s.Issuer, ClientID: s.ClientID, HostedDomain: s.HostedDomain, Methods: authMethods(by), SecretKept: s.SecretID != "", Problem: problem}
	if form := v.form(); problem != nil {
		values.Issuer, values.ClientID, values.HostedDomain = form.Text("issuer"), form.Text("client_id"), form.Text("hosted_domain")
		values.Methods = authMethods(form.Text("auth_method"))
	}
	return values
}

func (v *visit) saveOpenIDProvider() error {
	return v.changeOpenID("/identity-provider", v.clientSecret(), v.readOpenID, "The values are saved, and the endpoints are found.", v.showOpenIDProvider)
}

// changeOpenID makes the next version of the settings from the present one and what the form changes in it.
func (v *visit) changeOpenID(page string, clientSecret secret.Token, change func(*store.OIDCSettings) *ui.Problem, done string,
	again func(status int, c store.Connection, problem *ui.Problem) error) error {
	c, err := v.openIDConnection()
	if err != nil {
		return err
	}
	changed := c
	problem := change(&changed.OIDC)
	if problem == nil {
		err = v.scope.ChangeOIDCSettings(v.ctx(), v.actor(), c.ID, v.version(), changed.OIDC, clientSecret)
		problem = editProblem(err, "")
	}
	if problem != nil {
		return again(http.StatusUnprocessableEntity, changed, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("connections/"+c.ID+page), inDraft(c, done))
}

// openIDConnection is the connection of the path, if it is one of OpenID Connect.
func (v *visit) openIDConnection() (store.Connection, error) {
	c, err := v.scope.EditedConnection(v.ctx(), v.id("connection"))
	if err == nil && c.Protocol != store.ProtocolOIDC {
		err = store.ErrNotFound
	}
	return c, err
}

func (v *visit) showOpenIDOptions(status int, c store.Connection, problem *ui.Problem) error {
	frame, err := v.connectionFrame(c, "Options", problem)
	if err != nil {
		return err
	}
	s := c.OIDC
	page := views.OpenIDOptionsPage{
		ConnectionFrame: frame, Action: v.path("connections/" + c.ID + "/options/openid"), Scopes: strings.Join(s.Scopes, " "),
		Prompts: []ui.Option{
			{Value: "", Label: "What the identity provider thinks right", Help: "Whoever is signed in there comes back without typing anything."},
			{Value: "select_account", Label: "A choice of accounts"},
			{Value: "login", Label: "A sign-in every time"},
		},
		AuthnContext: strings.Join(s.AuthnContext, "\n"), LoginHint: s.LoginHint, VerifiedEmailOnly: s.VerifiedEmailOnly,
	}
	if s.MaxAge > 0 {
		page.MaxAge = strconv.Itoa(s.MaxAge / 60)
	}
	if problem.For("max_age") != "" {
		page.MaxAge = v.form().Text("max_age")
	}
	choose(page.Prompts, s.Prompt)
	if page.Alternate, err = v.alternateOf(c, problem); err != nil {
		return err
	}
	return v.render(status, views.OpenIDOptions(page))
}

func (v *visit) saveOpenIDOptions() error {
	form := v.form()
	return v.changeOpenID("/options", secret.Token{}, func(s *store.OIDCSettings) *ui.Problem {
		s.Scopes, s.AuthnContext, s.Prompt = strings.Fields(form.Text("scopes")), strings.Fields(form.Text("authn_context")), form.Text("prompt")
		s.LoginHint, s.VerifiedEmailOnly, s.MaxAge = form.Checked("login_hint"), form.Checked("verified_email_only"), 0
		if s.Scopes == nil {
			s.Scopes = []string{}
		}
		if text := form.Text("max_age"); text != "" {
			minutes, err := strconv.Atoi(text)
			if err != nil || minutes < 1 || minutes > 365*24*60 {
				return fieldProblem("max_age", "Enter a number of minutes, at most a year.")
			}
			s.MaxAge = minutes * 60
		}
		return nil
	}, "The options are saved.", v.showOpenIDOptions)
}
