package api

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/web"
)

// SettingsChange is what a program says about an identity provider.
type SettingsChange struct {
	EntityID     *string   `json:"entity_id,omitempty" maxLength:"1024" doc:"The identity provider's." example:"https://idp.example.com/metadata"`
	RedirectURL  *string   `json:"redirect_url,omitempty" maxLength:"2048" doc:"Where requests go by HTTP-Redirect." example:"https://idp.example.com/sso"`
	PostURL      *string   `json:"post_url,omitempty" maxLength:"2048" doc:"Where requests go by HTTP-POST."`
	Binding      *string   `json:"binding,omitempty" enum:"redirect,post"`
	Certificates *[]string `json:"certificates,omitempty" maxItems:"20" doc:"X.509 in PEM: all that are believed from now on."`
	NameIDFormat *string   `json:"name_id_format,omitempty" maxLength:"256"`
	ForceAuthn   *bool     `json:"force_authn,omitempty"`
	AuthnContext *[]string `json:"authn_context,omitempty" maxItems:"10"`
	IDPInitiated *string   `json:"idp_initiated,omitempty" enum:"off,handshake,accept"`
	LoginHintAs  *string   `json:"login_hint_as,omitempty" maxLength:"64" doc:"Empty (not at all), subject, or query: and a parameter's name."`

	InclusiveC14N                   *bool          `json:"inclusive_c14n,omitempty"`
	LogoutRedirectURL               *string        `json:"logout_redirect_url,omitempty" maxLength:"2048" doc:"Where people sign out there by HTTP-Redirect."`
	LogoutPostURL                   *string        `json:"logout_post_url,omitempty" maxLength:"2048" doc:"The same by HTTP-POST."`
	LogoutResponseURL               *string        `json:"logout_response_url,omitempty" maxLength:"2048" doc:"Where our answers to its own logout requests go, if elsewhere."`
	Logout                          *string        `json:"logout,omitempty" enum:",offered,always" doc:"What signing out here does about the identity provider: empty (nothing), offered or always."`
	UnsignedResponseAroundEncrypted *bool          `json:"unsigned_response_around_encrypted,omitempty"`
	Mapping                         *MappingChange `json:"mapping,omitempty"`
}

// into puts what was sent into the mapping.
func (c *MappingChange) into(m *store.Mapping) {
	if c != nil {
		*m = store.Mapping{Subject: given(c.Subject, m.Subject), Email: given(c.Email, m.Email), Name: given(c.Name, m.Name),
			GivenName: given(c.GivenName, m.GivenName), FamilyName: given(c.FamilyName, m.FamilyName), Groups: given(c.Groups, m.Groups), Roles: given(c.Roles, m.Roles),
			Own: given(c.Own, m.Own)}
	}
}

// MappingChange says which attribute carries what; an empty name: the usual ones.
type MappingChange struct {
	Subject    *string            `json:"subject,omitempty" maxLength:"256"`
	Email      *string            `json:"email,omitempty" maxLength:"256"`
	Name       *string            `json:"name,omitempty" maxLength:"256"`
	GivenName  *string            `json:"given_name,omitempty" maxLength:"256"`
	FamilyName *string            `json:"family_name,omitempty" maxLength:"256"`
	Groups     *string            `json:"groups,omitempty" maxLength:"256"`
	Roles      *string            `json:"roles,omitempty" maxLength:"256"`
	Own        *map[string]string `json:"own,omitempty" doc:"Names of your choice, in small letters, digits and underscores, and their attributes; at most 20."`
}

// into puts what was sent into the settings.
func (c SettingsChange) into(call *call, s *store.SAMLSettings) error {
	s.EntityID, s.RedirectURL, s.PostURL = given(c.EntityID, s.EntityID), given(c.RedirectURL, s.RedirectURL), given(c.PostURL, s.PostURL)
	s.Binding, s.NameIDFormat = given(c.Binding, s.Binding), given(c.NameIDFormat, s.NameIDFormat)
	s.ForceAuthn, s.AuthnContext = given(c.ForceAuthn, s.ForceAuthn), given(c.AuthnContext, s.AuthnContext)
	s.IDPInitiated, s.LoginHintAs = given(c.IDPInitiated, s.IDPInitiated), given(c.LoginHintAs, s.LoginHintAs)
	s.InclusiveC14N = given(c.InclusiveC14N, s.InclusiveC14N)
	s.UnsignedResponseAroundEncrypted = given(c.UnsignedResponseAroundEncrypted, s.UnsignedResponseAroundEncrypted)
	s.LogoutRedirectURL, s.LogoutPostURL = given(c.LogoutRedirectURL, s.LogoutRedirectURL), given(c.LogoutPostURL, s.LogoutPostURL)
	s.LogoutResponseURL, s.Logout = given(c.LogoutResponseURL, s.LogoutResponseURL), given(c.Logout, s.Logout)
	c.Mapping.into(&s.Mapping)
	if c.Certificates != nil {
		s.Certificates = nil
		if text := strings.Join(*c.Certificates, "\n"); text != "" {
			if _, err := connections.AddCertificates(s, text, call.now()); err != nil {
				return err
			}
		}
	}
	return connections.CheckAddresses(*s, call.Outbound.CheckURL)
}

// inSettings gives the fields of the store the names that they have here; prefix is where in the body the settings stand.
func inSettings(prefix string, err error) error {
	return renamed(err, func(field string) string {
		name, mapped := strings.CutPrefix(field, "map_")
		switch {
		case mapped:
			return prefix + "mapping." + name
		case field == "login_hint":
			return prefix + "login_hint_as"
		case field == "name" || field == "kind":
			return field
		}
		return prefix + field
	})
}

// MetadataSource is where metadata comes from: one of the two.
type MetadataSource struct {
	URL string `json:"url,omitempty" maxLength:"2048" doc:"Where it is fetched, now." example:"https://idp.example.com/metadata"`
	XML string `json:"xml,omitempty" maxLength:"262144" doc:"The document itself."`

	EntityID string `json:"entity_id,omitempty" maxLength:"1024" doc:"Which identity provider is meant, where the document describes several. 422 names them."`
	Signer   string `json:"signer,omitempty" maxLength:"16384" doc:"X.509 in PEM: the certificate of whoever must have signed the document. With url every later reading asks for it too."`
}

// into reads the metadata into the settings; prefix is put before the name of a field that is wrong.
func (m MetadataSource) into(c *call, prefix string, s *store.SAMLSettings) (warnings []string, err error) {
	switch {
	case (m.URL == "") == (m.XML == ""):
		return nil, mistake(cmp.Or(strings.TrimSuffix(prefix, "."), "url"), "give either url or xml")
	case m.XML != "":
		warnings, err = connections.Import(s, prefix+"xml", connections.Metadata{Raw: []byte(m.XML), EntityID: m.EntityID, Signer: m.Signer}, c.now(), c.Outbound.CheckURL)
		return warnings, inMetadata(prefix, err)
	case !c.lookups.Allow(c.organization.ID):
		return nil, problem(http.StatusTooManyRequests, "", "Metadata was fetched often lately.").after(c.lookups.RetryAfter(c.organization.ID))
	}
	raw, refusal, cause := connections.Fetch(c.ctx, c.Outbound, m.URL)
	if cause != nil {
		c.Log.WarnContext(c.ctx, "metadata not fetched", "request", web.RequestInfo(c.r).ID, "error", cause)
	}
	if refusal != "" {
		return nil, mistake(prefix+"url", refusal)
	}
	warnings, err = connections.Import(s, prefix+"url", connections.Metadata{Raw: raw, From: m.URL, EntityID: m.EntityID, Signer: m.Signer}, c.now(), c.Outbound.CheckURL)
	return warnings, inMetadata(prefix, err)
}

// inMetadata gives what is wrong with metadata the names that it has here, and lists whom to choose from where nobody said which identity provider
// is meant.
func inMetadata(prefix string, err error) error {
	if all := connections.Choices(err); len(all) > 0 {
		return mistake(prefix+"entity_id", "The document describes several identity providers. Name one of: "+strings.Join(all, ", "))
	}
	return renamed(err, func(field string) string {
		if field == "metadata_signer" {
			return prefix + "signer"
		}
		return ""
	})
}

// NewConnection is a connection as it is asked for.
type NewConnection struct {
	InOrganization
	Repeatable
	Body struct {
		Name     string          `json:"name" minLength:"1" maxLength:"80" example:"Okta"`
		Kind     string          `json:"kind,omitempty" enum:"adfs,auth0,entra,google,jumpcloud,keycloak,oidc,okta,onelogin,pingone,saml" doc:"The product that it is with. Left out: any that speaks the protocol."`
		Metadata *MetadataSource `json:"metadata,omitempty" doc:"Of the identity provider, in place of its values."`
		Settings *SettingsChange `json:"settings,omitempty" doc:"Beside metadata, the rest of the settings: what is sent counts."`
		OpenID   *OpenIDChange   `json:"openid,omitempty" doc:"Makes it a connection of OpenID Connect, in place of metadata and settings."`
	}
}

// ConnectionWarned is a connection, and what to look at.
type ConnectionWarned struct {
	Connection
	Warnings []string `json:"warnings,omitempty" doc:"What the metadata or the certificates have about them that you should know, in sentences."`
}

func (c *call) createConnection(in *NewConnection) (*Made[ConnectionWarned], error) {
	if in.Body.OpenID != nil {
		return c.createOpenID(in)
	}
	var settings store.SAMLSettings
	var warnings []string
	var err error
	if in.Body.Metadata != nil {
		if warnings, err = in.Body.Metadata.into(c, "metadata.", &settings); err != nil {
			return nil, err
		}
	}
	if in.Body.Settings != nil {
		if err := in.Body.Settings.into(c, &settings); err != nil {
			return nil, inSettings("settings.", err)
		}
	}
	key, err := connections.NewKey(c.URL.Hostname(), c.now())
	if err != nil {
		return nil, err
	}
	s, err := c.scope.CreateDraft(c.ctx, c.actor(), store.NewConnection{Name: in.Body.Name, Kind: in.Body.Kind, Protocol: store.ProtocolSAML, SAML: settings}, key)
	if err != nil {
		return nil, inSettings("settings.", err)
	}
	return made(c, "/connections/"+s.ID, s.Version, ConnectionWarned{c.showConnection(s), warnings}), nil
}

// connectionAt is a connection and the version to change.
func (c *call) connectionAt(at ConnectionAt) (store.Connection, int64, error) {
	s, err := c.scope.Connection(c.ctx, at.InConnection.Connection)
	if err != nil {
		return store.Connection{}, 0, err
	}
	version, err := at.of(s.Version)
	s.Settings.Certificates, s.Settings.Mapping.Own = slices.Clone(s.Settings.Certificates), maps.Clone(s.Settings.Mapping.Own)
	return s, version, err
}

// ConnectionChange is what may be changed about one beside its settings.
type ConnectionChange struct {
	ConnectionAt
	Body struct {
		Name string `json:"name,omitempty" minLength:"1" maxLength:"80" example:"Okta"`
		Kind string `json:"kind,omitempty" enum:"adfs,auth0,entra,google,jumpcloud,keycloak,oidc,okta,onelogin,pingone,saml" doc:"The product that it is with. It must speak the connection's protocol."`
	}
}

func (c *call) changeConnection(in *ConnectionChange) (*One[Connection], error) {
	s, version, err := c.connectionAt(in.ConnectionAt)
	switch name, kind := in.Body.Name, in.Body.Kind; {
	case err != nil:
	case name != "" && kind != "":
		err = mistake("kind", "change the name and the product one after the other")
	case name != "":
		err = c.scope.RenameConnection(c.ctx, c.actor(), s.ID, version, name)
	case kind != "":
		err = c.scope.ChangeConnectionKind(c.ctx, c.actor(), s.ID, version, kind)
	}
	if err != nil {
		return nil, err
	}
	return c.connection(&in.InConnection)
}

func (c *call) deleteConnection(in *ConnectionAt) (*Done, error) {
	s, version, err := c.connectionAt(*in)
	if err != nil {
		return nil, err
	}
	if s.State == store.ConnectionActive {
		return nil, problem(http.StatusConflict, "connection_active", "An active connection is not deleted. Disable it first.")
	}
	return &Done{}, c.scope.DeleteConnection(c.ctx, c.actor(), s.ID, version)
}

// editedAt is connectionAt with the settings that a change starts from: the draft's, where there is one.
func (c *call) editedAt(at ConnectionAt) (store.Connection, int64, error) {
	s, version, err := c.connectionAt(at)
	if err != nil {
		return store.Connection{}, 0, err
	}
	s, err = c.scope.EditedConnection(c.ctx, s.ID)
	return s, version, err
}

// changeSettings makes the next version of the settings from the present one, and shows the connection with what the change warned of.
func (c *call) changeSettings(at ConnectionAt, change func(*store.SAMLSettings) ([]string, error)) (*One[ConnectionWarned], error) {
	s, version, err := c.editedAt(at)
	if err != nil {
		return nil, err
	}
	warnings, err := change(&s.Settings)
	if err == nil {
		err = c.scope.ChangeConnectionSettings(c.ctx, c.actor(), s.ID, version, s.Settings)
	}
	if err != nil {
		return nil, inSettings("", err)
	}
	if s, err = c.scope.Connection(c.ctx, s.ID); err != nil {
		return nil, err
	}
	return one(s.Version, ConnectionWarned{c.showConnection(s), warnings})
}

func (c *call) changeConnectionSettings(in *struct {
	ConnectionAt
	Body struct {
		SettingsChange
		AlternateChange
	}
},
) (*One[ConnectionWarned], error) {
	return c.changeSettings(in.ConnectionAt, func(s *store.SAMLSettings) ([]string, error) {
		if err := in.Body.SettingsChange.into(c, s); err != nil {
			return nil, err
		}
		return nil, in.Body.AlternateChange.of(c, in.Connection, func(a store.Alternate) { s.AlternateEntityID, s.AlternateACS = a.EntityID, a.Path })
	})
}

// AlternateChange says whether a connection goes by the addresses that the operator gave it.
type AlternateChange struct {
	Alternate *bool `json:"alternate_addresses,omitempty" doc:"Whether the connection is known by the addresses that its identity provider knew before it moved here, and that the operator gave it, or by our own."`
}

// of hands the addresses to use to set, empty ones for our own.
func (a AlternateChange) of(c *call, connection string, set func(store.Alternate)) error {
	switch {
	case a.Alternate == nil:
		return nil
	case !*a.Alternate:
		set(store.Alternate{})
		return nil
	}
	given, err := c.scope.Alternate(c.ctx, connection)
	if errors.Is(err, store.ErrNotFound) {
		return mistake("alternate_addresses", "The operator has given this connection no alternate addresses.")
	}
	if err == nil {
		set(given)
	}
	return err
}

func (c *call) importMetadata(in *struct {
	ConnectionAt
	Body MetadataSource
},
) (*One[ConnectionWarned], error) {
	return c.changeSettings(in.ConnectionAt, func(s *store.SAMLSettings) ([]string, error) { return in.Body.into(c, "", s) })
}

// CertificatesToAdd are what an identity provider signs with.
type CertificatesToAdd struct {
	ConnectionAt
	Body struct {
		Certificates []string `json:"certificates" minItems:"1" maxItems:"20" doc:"X.509 in PEM."`
	}
}

func (c *call) addCertificates(in *CertificatesToAdd) (*One[ConnectionWarned], error) {
	return c.changeSettings(in.ConnectionAt, func(s *store.SAMLSettings) ([]string, error) {
		return connections.AddCertificates(s, strings.Join(in.Body.Certificates, "\n"), c.now())
	})
}

func (c *call) removeCertificate(in *struct {
	ConnectionAt
	Certificate string `path:"certificate" doc:"The SHA-256 fingerprint of the certificate, in hexadecimal."`
},
) (*One[ConnectionWarned], error) {
	return c.changeSettings(in.ConnectionAt, func(s *store.SAMLSettings) ([]string, error) {
		if !connections.RemoveCertificate(s, strings.ToLower(in.Certificate)) {
			return nil, store.ErrNotFound
		}
		return nil, nil
	})
}
