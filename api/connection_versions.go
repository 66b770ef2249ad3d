package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) connectionVersionOperations(in func(operation) operation) {
	const single = "/connections/{connection}"
	add(a, in(operation{id: "list-connection-versions", method: http.MethodGet, path: single + "/versions",
		summary: "List the versions of a connection's settings", about: "The newest first."}), (*call).connectionVersions)
	add(a, in(operation{id: "get-connection-version", method: http.MethodGet, path: single + "/versions/{version}",
		summary: "Get a version of a connection's settings", about: "With what differs from the version before it and from the live one."}), (*call).connectionVersion)
	add(a, in(operation{id: "restore-connection-version", method: http.MethodPost, path: single + "/versions/{version}/restore", versioned: true,
		summary: "Restore a version of a connection's settings", about: "Its settings, with the client secret that belongs to them, become the next version: the draft of an active connection, live at once of another."}), (*call).restoreVersion)
	add(a, in(operation{id: "get-connection-draft", method: http.MethodGet, path: single + "/draft",
		summary: "Get a connection's draft", about: "What was changed of an active connection and is not published. Test sign-ins run against it and nothing else does."}), (*call).connectionDraft)
	add(a, in(operation{id: "publish-connection", method: http.MethodPost, path: single + "/publish", versioned: true,
		summary: "Publish a connection's draft", about: "People sign in by it from then on. It must have what activating asks for, and have gone well in a test sign-in, unless untested says that it is meant."}), (*call).publishConnection)
	add(a, in(operation{id: "discard-connection-draft", method: http.MethodDelete, path: single + "/draft", versioned: true,
		summary: "Discard a connection's draft", about: "It stays among the versions, and can be restored."}), (*call).discardDraft)
}

// ConnectionVersion is what the settings were from one change to the next.
type ConnectionVersion struct {
	ID           string          `json:"id" example:"ver_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	Number       int             `json:"number"`
	Live         bool            `json:"live" doc:"People sign in by it."`
	Draft        bool            `json:"draft" doc:"It waits to be published."`
	Settings     *Settings       `json:"settings,omitempty" doc:"Of a SAML connection."`
	OpenID       *OpenIDSettings `json:"openid,omitempty" doc:"Of an OpenID Connect connection."`
	RestoredFrom int             `json:"restored_from,omitempty" doc:"The number of the version that it repeats."`
	CreatedBy    string          `json:"created_by"`
	CreatedAt    time.Time       `json:"created_at"`
	PublishedBy  string          `json:"published_by,omitempty"`
	PublishedAt  *time.Time      `json:"published_at,omitempty" doc:"When it went live. A version without was replaced or discarded as a draft, or is one."`
}

// ConnectionVersionCompared is a version beside two others.
type ConnectionVersionCompared struct {
	ConnectionVersion
	FromPrevious []EventChange `json:"changes_from_previous" doc:"Against the version before it."`
	FromLive     []EventChange `json:"changes_from_live" doc:"Against what people sign in by."`
}

// OneVersion is the answer with one version. What is changed is the connection, whose version the conditions name.
type OneVersion struct{ Body ConnectionVersionCompared }

func showVersion(v store.ConnectionVersion) ConnectionVersion {
	saml, openID := showSettingsOf(v.Protocol, v.Settings, v.OIDC)
	return ConnectionVersion{ID: v.ID, Number: v.Number, Live: v.Live, Draft: v.Draft, Settings: saml, OpenID: openID, RestoredFrom: v.RestoredFrom,
		CreatedBy: v.CreatedBy.ID, CreatedAt: v.CreatedAt, PublishedBy: v.PublishedBy.ID, PublishedAt: v.PublishedAt}
}

func (c *call) compared(connection string, v store.ConnectionVersion) (*OneVersion, error) {
	live, err := c.scope.LiveConnectionVersion(c.ctx, connection)
	if err != nil {
		return nil, err
	}
	out := ConnectionVersionCompared{ConnectionVersion: showVersion(v), FromPrevious: []EventChange{}, FromLive: differences(live, v)}
	if v.Number > 1 {
		before, err := c.scope.ConnectionVersions(c.ctx, connection, v.Number, 1)
		if err != nil {
			return nil, err
		}
		out.FromPrevious = differences(before[0], v)
	}
	return &OneVersion{out}, nil
}

func differences(before, after store.ConnectionVersion) []EventChange {
	all := []EventChange{}
	for _, change := range after.ChangesFrom(before) {
		all = append(all, EventChange(change))
	}
	return all
}

func (c *call) connectionVersions(in *struct {
	InConnection
	OnPage
},
) (*Many[ConnectionVersion], error) {
	below, err := in.number()
	if err != nil {
		return nil, err
	}
	rows, err := c.scope.ConnectionVersions(c.ctx, in.InConnection.Connection, int(below), in.Limit)
	if err != nil {
		return nil, err
	}
	return page(in.OnPage, rows, func(v store.ConnectionVersion) string { return strconv.Itoa(v.Number) }, showVersion), nil
}

// InVersion is the path of one version.
type InVersion struct {
	Version string `path:"version" doc:"The version's id."`
}

func (c *call) connectionVersion(in *struct {
	InConnection
	InVersion
},
) (*OneVersion, error) {
	v, err := c.scope.ConnectionVersion(c.ctx, in.InConnection.Connection, in.InVersion.Version)
	if err != nil {
		return nil, err
	}
	return c.compared(in.InConnection.Connection, v)
}

func (c *call) connectionDraft(in *InConnection) (*OneVersion, error) {
	draft, err := c.scope.ConnectionDraft(c.ctx, in.Connection)
	if err != nil {
		return nil, err
	}
	return c.compared(in.Connection, draft)
}

func (c *call) restoreVersion(in *struct {
	ConnectionAt
	InVersion
},
) (*One[Connection], error) {
	s, version, err := c.connectionAt(in.ConnectionAt)
	if err == nil {
		err = c.scope.RestoreConnectionVersion(c.ctx, c.actor(), s.ID, version, in.InVersion.Version)
	}
	if err != nil {
		return nil, inSettings("", err)
	}
	return c.connection(&in.InConnection)
}

func (c *call) publishConnection(in *struct {
	ConnectionAt
	Body struct {
		Untested bool `json:"untested,omitempty" doc:"Publish it although no test sign-in has gone well with it."`
	}
},
) (*One[Connection], error) {
	s, version, err := c.connectionAt(in.ConnectionAt)
	if err == nil {
		err = c.scope.PublishConnection(c.ctx, c.actor(), s.ID, version, in.Body.Untested)
	}
	if err != nil {
		return nil, inSettings("", err)
	}
	return c.connection(&in.InConnection)
}

func (c *call) discardDraft(in *ConnectionAt) (*One[Connection], error) {
	s, version, err := c.connectionAt(*in)
	if err == nil {
		err = c.scope.DiscardConnectionDraft(c.ctx, c.actor(), s.ID, version)
	}
	if err != nil {
		return nil, err
	}
	return c.connection(&in.InConnection)
}
