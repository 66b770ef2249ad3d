package api

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/web"
)

// OpenIDSettings are what we know of an OpenID provider and ask of it. They hold no secret.
type OpenIDSettings struct {
	Issuer            string   `json:"issuer"`
	AuthorizationURL  string   `json:"authorization_endpoint"`
	TokenURL          string   `json:"token_endpoint"`
	KeysURL           string   `json:"jwks_uri"`
	UserinfoURL       string   `json:"userinfo_endpoint"`
	EndSessionURL     string   `json:"end_session_endpoint" doc:"Where people sign out there; empty where it named none."`
	Logout            string   `json:"logout" doc:"What signing out here does about the identity provider: empty (nothing), offered or always."`
	Algorithms        []string `json:"id_token_algorithms" doc:"In which ID tokens may be signed."`
	ClientID          string   `json:"client_id"`
	AuthMethod        string   `json:"auth_method" doc:"client_secret_basic, client_secret_post or private_key_jwt."`
	HasSecret         bool     `json:"has_client_secret" doc:"One is kept, sealed. It is never shown."`
	Scopes            []string `json:"scopes" doc:"Beside openid."`
	Prompt            string   `json:"prompt"`
	AuthnContext      []string `json:"acr_values" doc:"Any of them must have been reached; empty asks for none."`
	MaxAge            int      `json:"max_age" doc:"Seconds that a sign-in there may be old; 0 does not ask."`
	HostedDomain      string   `json:"hosted_domain" doc:"Google's hd."`
	TenantID          string   `json:"tenant_id" doc:"Microsoft Entra ID's tid, from the issuer."`
	LoginHint         bool     `json:"login_hint" doc:"A typed address is passed on."`
	VerifiedEmailOnly bool     `json:"verified_email_only" doc:"An address counts only where email_verified is true."`
	Mapping           Mapping  `json:"mapping" doc:"Names of claims."`
	AlternateCallback string   `json:"alternate_callback_path" doc:"The path on our host that the identity provider sent browsers to before the connection moved here; empty where our own is used."`
	RedirectURI       string   `json:"our_redirect_uri,omitempty" doc:"Where the identity provider sends browsers back to."`
	InitiateLoginURI  string   `json:"our_initiate_login_uri,omitempty" doc:"Where it may begin a login."`
	OurKeysURL        string   `json:"our_jwks_uri,omitempty" doc:"Our public keys, for private_key_jwt."`
}

// showSettingsOf are the settings of a connection of that protocol.
func showSettingsOf(protocol string, saml store.SAMLSettings, s store.OIDCSettings) (*Settings, *OpenIDSettings) {
	if protocol != store.ProtocolOIDC {
		shown := showSettings(saml)
		return &shown, nil
	}
	list := func(words []string) []string { return append([]string{}, words...) }
	return nil, &OpenIDSettings{
		Issuer: s.Issuer, AuthorizationURL: s.AuthorizationURL, TokenURL: s.TokenURL, KeysURL: s.KeysURL, UserinfoURL: s.UserinfoURL,
		EndSessionURL: s.EndSessionURL, Logout: s.Logout, Algorithms: list(s.Algorithms), ClientID: s.ClientID, AuthMethod: s.AuthMethod, HasSecret: s.SecretID != "", Scopes: list(s.Scopes), Prompt: s.Prompt,
		AuthnContext: list(s.AuthnContext), MaxAge: s.MaxAge, HostedDomain: s.HostedDomain, TenantID: s.TenantID, LoginHint: s.LoginHint,
		VerifiedEmailOnly: s.VerifiedEmailOnly, Mapping: showMapping(s.Mapping), AlternateCallback: s.AlternateCallback,
	}
}

// OpenIDChange is what a program says about an OpenID provider.
type OpenIDChange struct {
	Issuer            *string        `json:"issuer,omitempty" maxLength:"2048" doc:"It is asked, now, where everything is." example:"https://acme.okta.com"`
	ClientID          *string        `json:"client_id,omitempty" maxLength:"512"`
	ClientSecret      string         `json:"client_secret,omitempty" maxLength:"2048" doc:"Kept sealed and never shown. Left out, the present one stays; send it again with an issuer that is another, or has another token endpoint."`
	AuthMethod        *string        `json:"auth_method,omitempty" enum:"client_secret_basic,client_secret_post,private_key_jwt"`
	Scopes            *[]string      `json:"scopes,omitempty" maxItems:"20"`
	Prompt            *string        `json:"prompt,omitempty" enum:",login,select_account"`
	AuthnContext      *[]string      `json:"acr_values,omitempty" maxItems:"20"`
	MaxAge            *int           `json:"max_age,omitempty" minimum:"0" maximum:"31536000"`
	HostedDomain      *string        `json:"hosted_domain,omitempty" maxLength:"253"`
	LoginHint         *bool          `json:"login_hint,omitempty"`
	Logout            *string        `json:"logout,omitempty" enum:",offered,always" doc:"What signing out here does about the identity provider: empty (nothing), offered or always."`
	VerifiedEmailOnly *bool          `json:"verified_email_only,omitempty"`
	Mapping           *MappingChange `json:"mapping,omitempty"`
}

// into puts what was sent into the settings.
func (c OpenIDChange) into(call *call, s *store.OIDCSettings) error {
	if c.Issuer != nil {
		if !call.lookups.Allow(call.organization.ID) {
			return problem(http.StatusTooManyRequests, "", "Issuers were asked often lately.").after(call.lookups.RetryAfter(call.organization.ID))
		}
		err, cause := connections.Discover(call.ctx, call.Outbound, s, *c.Issuer)
		if cause != nil {
			call.Log.WarnContext(call.ctx, "issuer not discovered", "request", web.RequestInfo(call.r).ID, "error", cause)
		}
		if err != nil {
			return err
		}
	}
	if s.AuthMethod == "" {
		s.AuthMethod = connections.SecretMethod(*s)
	}
	s.ClientID, s.AuthMethod, s.HostedDomain = given(c.ClientID, s.ClientID), given(c.AuthMethod, s.AuthMethod), given(c.HostedDomain, s.HostedDomain)
	s.Scopes, s.Prompt, s.AuthnContext, s.MaxAge = given(c.Scopes, s.Scopes), given(c.Prompt, s.Prompt), given(c.AuthnContext, s.AuthnContext), given(c.MaxAge, s.MaxAge)
	s.LoginHint, s.VerifiedEmailOnly = given(c.LoginHint, s.LoginHint), given(c.VerifiedEmailOnly, s.VerifiedEmailOnly)
	s.Logout = given(c.Logout, s.Logout)
	c.Mapping.into(&s.Mapping)
	return connections.CheckOpenID(*s)
}

// inOpenID gives the fields of the store the names that they have here.
func inOpenID(prefix string, err error) error {
	return inSettings(prefix, renamed(err, func(field string) string {
		if field == "authn_context" {
			return "acr_values"
		}
		return field
	}))
}

func (c *call) createOpenID(in *NewConnection) (*Made[ConnectionWarned], error) {
	if in.Body.Metadata != nil || in.Body.Settings != nil {
		return nil, mistake("openid", "give either openid or metadata and settings")
	}
	settings := store.OIDCSettings{LoginHint: true}
	if err := in.Body.OpenID.into(c, &settings); err != nil {
		return nil, inOpenID("openid.", err)
	}
	key, err := connections.NewKey(c.URL.Hostname(), c.now())
	if err != nil {
		return nil, err
	}
	s, err := c.scope.CreateDraft(c.ctx, c.actor(), store.NewConnection{Name: in.Body.Name, Kind: in.Body.Kind, Protocol: store.ProtocolOIDC, OIDC: settings,
		ClientSecret: secret.TokenOf(in.Body.OpenID.ClientSecret)}, key)
	if err != nil {
		return nil, inOpenID("openid.", err)
	}
	return made(c, "/connections/"+s.ID, s.Version, ConnectionWarned{c.showConnection(s), nil}), nil
}

func (c *call) changeOpenID(in *struct {
	ConnectionAt
	Body struct {
		OpenIDChange
		AlternateChange
	}
},
) (*One[Connection], error) {
	s, version, err := c.editedAt(in.ConnectionAt)
	if err != nil {
		return nil, err
	}
	if s.Protocol != store.ProtocolOIDC {
		return nil, store.ErrNotFound
	}
	if err := in.Body.OpenIDChange.into(c, &s.OIDC); err != nil {
		return nil, inOpenID("", err)
	}
	if err := in.Body.AlternateChange.of(c, s.ID, func(a store.Alternate) { s.OIDC.AlternateCallback = a.Path }); err != nil {
		return nil, err
	}
	if err := c.scope.ChangeOIDCSettings(c.ctx, c.actor(), s.ID, version, s.OIDC, secret.TokenOf(in.Body.ClientSecret)); err != nil {
		return nil, inOpenID("", err)
	}
	return c.connection(&in.InConnection)
}
