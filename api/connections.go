package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) connectionOperations() {
	const list, single = "/connections", "/connections/{connection}"
	in := func(op operation) operation {
		op.noun, op.permission, op.entitlement = "Connections", access.ManageSSO, access.EntitledSSO
		return op
	}
	add(a, in(operation{id: "list-connections", method: http.MethodGet, path: list,
		summary: "List connections", about: "The oldest first."}), (*call).connections)
	add(a, in(operation{id: "create-connection", method: http.MethodPost, path: list, creates: true, large: true, status: http.StatusCreated,
		summary: "Create a connection", about: "As a draft, with what is known of the identity provider: its metadata, its values, or nothing yet. It is tested with a person's own sign-in, in the console, then activated."}), (*call).createConnection)
	add(a, in(operation{id: "get-connection", method: http.MethodGet, path: single,
		summary: "Get a connection", about: "With its live settings, and our values for the identity provider."}), (*call).connection)
	add(a, in(operation{id: "change-connection", method: http.MethodPatch, path: single, versioned: true,
		summary: "Rename a connection, or change its product", about: "Members that are left out stay as they are. With another kind the steps of setting it up begin anew. What concerns the identity provider are its settings."}), (*call).changeConnection)
	add(a, in(operation{id: "delete-connection", method: http.MethodDelete, path: single, versioned: true, conflicts: true, status: http.StatusNoContent,
		summary: "Delete a connection", about: "A draft or disabled one, with its settings, who was linked through it and the records of its logins."}), (*call).deleteConnection)
	add(a, in(operation{id: "change-connection-settings", method: http.MethodPatch, path: single + "/settings", versioned: true,
		summary: "Change a connection's settings", about: "Members that are left out stay as they are; lists and own are replaced whole. The settings become the next version. Of an active connection that is its draft: changes go on from the draft, and nobody signs in by it until it is published. Of another it is live at once, and the connection counts as untested from then on."}), (*call).changeConnectionSettings)
	add(a, in(operation{id: "change-connection-openid", method: http.MethodPatch, path: single + "/openid", versioned: true,
		summary: "Change an OpenID Connect connection's settings", about: "Members that are left out stay as they are; lists and own are replaced whole. With issuer, the issuer is asked again where everything is. The settings become the next version. Of an active connection that is its draft: changes go on from the draft, and nobody signs in by it until it is published. Of another it is live at once, and the connection counts as untested from then on."}), (*call).changeOpenID)
	add(a, in(operation{id: "import-connection-metadata", method: http.MethodPost, path: single + "/metadata", versioned: true, large: true,
		summary: "Import the identity provider's metadata", about: "From an address or as text. It replaces the entity ID, the addresses and the certificates. The answer says what to look at."}), (*call).importMetadata)
	add(a, in(operation{id: "add-connection-certificates", method: http.MethodPost, path: single + "/certificates", versioned: true,
		summary: "Add certificates of the identity provider", about: "Beside those that are there, so that it can change its key without anybody's sign-in failing."}), (*call).addCertificates)
	add(a, in(operation{id: "remove-connection-certificate", method: http.MethodDelete, path: single + "/certificates/{certificate}", versioned: true,
		summary: "Remove a certificate of the identity provider", about: "Whoever holds its key is no longer believed."}), (*call).removeCertificate)
	add(a, in(operation{id: "activate-connection", method: http.MethodPost, path: single + "/activate", versioned: true, conflicts: true,
		summary: "Activate a connection", about: "People can sign in through it from then on. It must have an entity ID, a sign-on address and a signing certificate that is valid today; with OpenID Connect an issuer, a client ID and, unless it uses private_key_jwt, a client secret."}), changingConnection(store.ConnectionActive, (*store.Scope).ActivateConnection))
	add(a, in(operation{id: "disable-connection", method: http.MethodPost, path: single + "/disable", versioned: true, conflicts: true,
		summary: "Disable a connection", about: "Signing in through it ends at once. It is refused while single sign-on is required and this is the last active one."}), changingConnection(store.ConnectionDisabled, (*store.Scope).DisableConnection))
	a.connectionVersionOperations(in)
	a.certificateOperations(in)
}

// Connection is an identity provider that the organization's people sign in through.
type Connection struct {
	ID        string                `json:"id" example:"con_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	Name      string                `json:"name"`
	Protocol  string                `json:"protocol" doc:"saml or oidc."`
	Kind      string                `json:"kind" doc:"The product that it is with, in whose words the console leads through setting it up: saml or oidc where it is any other."`
	SetupDone []string              `json:"setup_done" doc:"The steps of setting it up that are done, of those in docs/connections."`
	Priority  int                   `json:"priority" doc:"Of several active connections that serve a domain those with the smallest number are used."`
	State     store.ConnectionState `json:"state" doc:"draft, active or disabled. A draft answers test logins alone."`
	Settings  *Settings             `json:"settings,omitempty" doc:"The live ones, of a SAML connection."`
	OpenID    *OpenIDSettings       `json:"openid,omitempty" doc:"The live ones, of an OpenID Connect connection, and our values for its identity provider."`
	Number    int                   `json:"settings_number" doc:"Of the live version of the settings."`
	EntityID  string                `json:"our_entity_id,omitempty" doc:"Ours, for the identity provider (SAML)."`
	ACS       string                `json:"our_acs_url,omitempty" doc:"Where the identity provider sends its responses (SAML)."`
	TestedAt  *time.Time            `json:"tested_at,omitempty" doc:"When the live settings last carried a test login to its end."`
	Draft     string                `json:"draft_version,omitempty" doc:"The id of the version that waits to be published."`
	DraftTest *time.Time            `json:"draft_tested_at,omitempty" doc:"When the draft last carried a test login to its end."`
	CreatedAt time.Time             `json:"created_at"`
	UpdatedAt time.Time             `json:"updated_at"`
	Version   int64                 `json:"version" doc:"In quotes, the ETag."`
}

// Settings are what we know of an identity provider and ask of it. They hold no secret.
type Settings struct {
	EntityID       string   `json:"entity_id" doc:"The identity provider's."`
	RedirectURL    string   `json:"redirect_url" doc:"Where requests go by HTTP-Redirect."`
	PostURL        string   `json:"post_url" doc:"Where requests go by HTTP-POST."`
	Binding        string   `json:"binding" doc:"redirect or post."`
	Certificates   []string `json:"certificates" doc:"X.509 in PEM: whoever holds one of their keys is believed."`
	MetadataURL    string   `json:"metadata_url"`
	MetadataSigner string   `json:"metadata_signer" doc:"X.509 in PEM: who must have signed the metadata there; empty asks for no signature."`
	NameIDFormat   string   `json:"name_id_format"`
	ForceAuthn     bool     `json:"force_authn"`
	AuthnContext   []string `json:"authn_context"`
	IDPInitiated   string   `json:"idp_initiated" doc:"off, handshake (an unsolicited response only begins a fresh sign-in) or accept (it signs in by itself)."`
	LoginHintAs    string   `json:"login_hint_as" doc:"How a typed address is passed on: empty (not at all), subject, or query: and a parameter's name."`

	AlternateEntityID string `json:"alternate_entity_id" doc:"The entity ID of ours that the identity provider knew before the connection moved here; empty where our own is used."`
	AlternateACS      string `json:"alternate_acs_path" doc:"The path on our host that it posted to before; empty where our own is used."`

	InclusiveC14N                   bool    `json:"inclusive_c14n" doc:"Inclusive canonicalization is taken too."`
	LogoutRedirectURL               string  `json:"logout_redirect_url" doc:"Where people sign out there by HTTP-Redirect."`
	LogoutPostURL                   string  `json:"logout_post_url" doc:"The same by HTTP-POST."`
	LogoutResponseURL               string  `json:"logout_response_url" doc:"Where our answers to its own logout requests go, if elsewhere."`
	Logout                          string  `json:"logout" doc:"What signing out here does about the identity provider: empty (nothing), offered or always."`
	UnsignedResponseAroundEncrypted bool    `json:"unsigned_response_around_encrypted" doc:"A signed, encrypted assertion is taken in a response that is not signed."`
	Mapping                         Mapping `json:"mapping"`
}

// Mapping says which attribute carries what; empty: the usual ones.
type Mapping struct {
	Subject    string            `json:"subject"`
	Email      string            `json:"email"`
	Name       string            `json:"name"`
	GivenName  string            `json:"given_name"`
	FamilyName string            `json:"family_name"`
	Groups     string            `json:"groups"`
	Roles      string            `json:"roles"`
	Own        map[string]string `json:"own"`
}

func showSettings(s store.SAMLSettings) Settings {
	return Settings{EntityID: s.EntityID, RedirectURL: s.RedirectURL, PostURL: s.PostURL, Binding: s.Binding, Certificates: append([]string{}, s.Certificates...),
		MetadataURL: s.MetadataURL, MetadataSigner: s.MetadataSigner, NameIDFormat: s.NameIDFormat, ForceAuthn: s.ForceAuthn, AuthnContext: append([]string{}, s.AuthnContext...),
		IDPInitiated: s.IDPInitiated, LoginHintAs: s.LoginHintAs, InclusiveC14N: s.InclusiveC14N, UnsignedResponseAroundEncrypted: s.UnsignedResponseAroundEncrypted,
		LogoutRedirectURL: s.LogoutRedirectURL, LogoutPostURL: s.LogoutPostURL, LogoutResponseURL: s.LogoutResponseURL, Logout: s.Logout,
		AlternateEntityID: s.AlternateEntityID, AlternateACS: s.AlternateACS, Mapping: showMapping(s.Mapping)}
}

func showMapping(m store.Mapping) Mapping {
	shown := Mapping{m.Subject, m.Email, m.Name, m.GivenName, m.FamilyName, m.Groups, m.Roles, m.Own}
	if m.Own == nil {
		shown.Own = map[string]string{}
	}
	return shown
}

func (c *call) showConnection(s store.Connection) Connection {
	shown := Connection{ID: s.ID, Name: s.Name, Protocol: s.Protocol, Kind: s.Kind, SetupDone: append([]string{}, s.SetupDone...), Priority: s.Priority, State: s.State, Number: s.VersionNumber,
		TestedAt: s.TestedAt, Draft: s.DraftID, DraftTest: s.DraftTestedAt, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, Version: s.Version}
	if shown.Settings, shown.OpenID = showSettingsOf(s.Protocol, s.Settings, s.OIDC); shown.OpenID == nil {
		shown.EntityID, shown.ACS = c.EntityID(s), c.ACS(s)
		return shown
	}
	shown.OpenID.RedirectURI, shown.OpenID.InitiateLoginURI, shown.OpenID.OurKeysURL = c.Callback(s), c.Initiation(s.ID), c.KeysURL(s.ID)
	return shown
}

func (c *call) connections(in *struct {
	InOrganization
	OnPage
},
) (*Many[Connection], error) {
	all, err := c.scope.Connections(c.ctx)
	if err != nil {
		return nil, err
	}
	return pageOf(in.OnPage, "con", all, func(s store.Connection) string { return s.ID }, c.showConnection)
}

// InConnection is the path of one connection.
type InConnection struct {
	InOrganization
	Connection string `path:"connection" doc:"The connection's id."`
}

// ConnectionAt is a connection as it was when it was read.
type ConnectionAt struct {
	InConnection
	Versioned
}

func (c *call) connection(in *InConnection) (*One[Connection], error) {
	s, err := c.scope.Connection(c.ctx, in.Connection)
	if err != nil {
		return nil, err
	}
	return one(s.Version, c.showConnection(s))
}

// changingConnection is the handler of activating and disabling, which do nothing to a connection that is so already.
func changingConnection(to store.ConnectionState, change func(*store.Scope, context.Context, audit.Actor, string, int64) error) func(*call, *ConnectionAt) (*One[Connection], error) {
	return func(c *call, in *ConnectionAt) (*One[Connection], error) {
		s, err := c.scope.Connection(c.ctx, in.Connection)
		if err != nil {
			return nil, err
		}
		version, err := in.of(s.Version)
		switch {
		case err != nil || s.State == to:
		case to == store.ConnectionDisabled && s.State == store.ConnectionDraft:
			err = problem(http.StatusConflict, "connection_not_active", "A draft is not active: there is nothing to disable.")
		default:
			err = change(c.scope, c.ctx, c.actor(), s.ID, version)
		}
		if err != nil {
			return nil, err
		}
		return c.connection(&in.InConnection)
	}
}
