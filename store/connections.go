package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// ConnectionState is where a connection stands in its life: draft → active → disabled → active.
type ConnectionState string

// The states of a connection. A draft answers test logins only; a disabled one answers nothing.
const (
	ConnectionDraft    ConnectionState = "draft"
	ConnectionActive   ConnectionState = "active"
	ConnectionDisabled ConnectionState = "disabled"
)

// Connection is an identity provider that an organization's people sign in through, with its live settings.
type Connection struct {
	ID, OrganizationID, Name string
	Protocol                 string   // ProtocolSAML or ProtocolOIDC
	Kind                     string   // the product that it is with, one of ConnectionKinds
	Source                   string   // what it was made from when it was imported, "" where it was not
	SetupDone                []string // the steps of setting it up that are done
	State                    ConnectionState
	Priority                 int    // the smallest number first, where several connections serve a domain
	VersionID                string // of the live settings
	VersionNumber            int
	Settings                 SAMLSettings // of a SAML connection
	OIDC                     OIDCSettings // of an OpenID Connect one
	TestedAt                 *time.Time   // when the live settings last carried a test login to its end
	DraftID                  string       // the version that waits to be published, "" where there is none
	DraftTestedAt            *time.Time   // when the draft last carried a test login to its end
	Version                  int64        // of the record, for updates
	CreatedAt, UpdatedAt     time.Time
}

// IdentityProvider is what the other side calls itself: its entity ID or issuer, "" while that is not known.
func (c Connection) IdentityProvider() string {
	if c.Protocol == ProtocolOIDC {
		return c.OIDC.Issuer
	}
	return c.Settings.EntityID
}

func (c Connection) settings() settings {
	if c.Protocol == ProtocolOIDC {
		return c.OIDC
	}
	return c.Settings
}

// ProtocolConnection is a connection as the protocol meets it, by the id in a URL: with its key pairs, the one that signs first, and what else decides
// whether it may be used.
type ProtocolConnection struct {
	Connection
	Keys                  []KeyPair
	ClientSecret          secret.Token // of an OpenID Connect connection that has one
	OrganizationSuspended bool
	VerifiedDomains       []string // that this connection serves
}

type connectionRow struct {
	ID, OrganizationID, Name, Protocol string
	Kind, SetupDone, Source            string
	State                              ConnectionState
	Priority                           int
	LiveVersion, DraftVersion          string
	TestedAt, DraftTestedAt            *time.Time
	Version                            int64
	CreatedAt, UpdatedAt               time.Time
}

func (connectionRow) TableName() string { return "connections" }

type versionRow struct {
	ID, ConnectionID, OrganizationID string
	Number                           int
	Settings, CreatedBy              string
	CreatedAt                        time.Time
	PublishedAt                      *time.Time
	PublishedBy                      string
	RestoredFrom                     int
}

func (versionRow) TableName() string { return "connection_versions" }

// decode reads what the version holds into the settings of its protocol.
func (r versionRow) decode(protocol string, saml *SAMLSettings, oidc *OIDCSettings) error {
	if protocol == ProtocolOIDC {
		return json.Unmarshal([]byte(r.Settings), oidc)
	}
	return json.Unmarshal([]byte(r.Settings), saml)
}

// MostConnections is how many connections an organization has at most: so many are listed, ordered and chosen from on one page.
const MostConnections = 200

// Connections are the organization's, the smallest priority first, then by name.
func (c *Scope) Connections(ctx context.Context) ([]Connection, error) {
	return c.connectionsWhere(ctx, c.read(ctx))
}

// ActiveConnections are those that people may sign in through, in the same order.
func (c *Scope) ActiveConnections(ctx context.Context) ([]Connection, error) {
	return c.connectionsWhere(ctx, c.read(ctx).Where("state = ?", ConnectionActive))
}

func (c *Scope) connectionsWhere(ctx context.Context, q *gorm.DB) ([]Connection, error) {
	var rows []connectionRow
	if err := q.Order("priority, lower(name), id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	live := make([]string, len(rows))
	for i, row := range rows {
		live[i] = row.LiveVersion
	}
	var versions []versionRow
	if err := c.store.read(ctx).Where("id IN ?", live).Find(&versions).Error; err != nil {
		return nil, fmt.Errorf("list connections' settings: %w", err)
	}
	settings := make(map[string]versionRow, len(versions)) // by the connection
	for _, version := range versions {
		settings[version.ConnectionID] = version
	}
	connections := make([]Connection, len(rows))
	for i, row := range rows {
		var err error
		if connections[i], err = row.with(c.store.read(ctx), settings[row.ID]); err != nil {
			return nil, err
		}
	}
	return connections, nil
}

// Connection is one of the organization's, or ErrNotFound.
func (c *Scope) Connection(ctx context.Context, id string) (Connection, error) {
	var row connectionRow
	row, err := one(row, c.read(ctx).Where("id = ?", id).Take(&row).Error)
	if err != nil {
		return Connection{}, fmt.Errorf("read connection %s: %w", id, err)
	}
	return row.withSettings(c.store.read(ctx))
}

// failingAfter is how many real logins in a row must have been refused for a connection to count as failing.
const failingAfter = 5

// Failing says whether an active connection keeps its people out: its last five real logins were all refused, for a reason that our or the
// identity provider's administrator must mend. Messages that belong to no login of ours do not count: anybody can send those.
func (c *Scope) Failing(ctx context.Context, id string) (bool, error) {
	var rows []loginRow
	err := c.read(ctx).Where("connection_id = ? AND kind = ? AND started_by <> ? AND state IN ?",
		id, RealLogin, StartedElsewhere, []LoginState{LoginFinished, LoginRefused}).
		Order("id DESC").Limit(failingAfter).Find(&rows).Error
	if err != nil {
		return false, fmt.Errorf("read the last logins of connection %s: %w", id, err)
	}
	for _, row := range rows {
		party := row.Reason.Party()
		if row.State != LoginRefused || party != trust.PartyOurAdmin && party != trust.PartyTheirAdmin {
			return false, nil
		}
	}
	return len(rows) == failingAfter, nil
}

// Certificates are the certificates of our own key pairs of a connection, PEM, the one that signs first. The keys themselves stay here.
func (c *Scope) Certificates(ctx context.Context, connectionID string) ([]string, error) {
	var certificates []string
	err := c.read(ctx).Model(&connectionKeyRow{}).Where("connection_id = ?", connectionID).Order(signingFirst).
		Pluck("certificate", &certificates).Error
	if err != nil {
		return nil, fmt.Errorf("read certificates of connection %s: %w", connectionID, err)
	}
	return certificates, nil
}

// ConnectionByID is any connection, for the routes that identity providers and browsers meet: the URL names it and nothing else. What it
// may be used for is the caller's to judge by State and OrganizationSuspended.
func (s *Store) ConnectionByID(ctx context.Context, id string) (ProtocolConnection, error) {
	if !IsID(idConnection, id) {
		return ProtocolConnection{}, ErrNotFound
	}
	var row connectionRow
	row, err := one(row, s.read(ctx).Where("id = ?", id).Take(&row).Error)
	if err != nil {
		return ProtocolConnection{}, fmt.Errorf("read connection %s: %w", id, err)
	}
	var live ProtocolConnection
	if live.Connection, err = row.withSettings(s.read(ctx)); err != nil {
		return ProtocolConnection{}, err
	}
	organization, err := s.Organization(ctx, row.OrganizationID)
	if err != nil {
		return ProtocolConnection{}, fmt.Errorf("read the organization of connection %s: %w", id, err)
	}
	live.OrganizationSuspended = organization.SuspendedAt != nil
	if live.VerifiedDomains, err = servedDomains(s.read(ctx), row.OrganizationID, row.ID); err != nil {
		return ProtocolConnection{}, err
	}
	if live.Keys, err = s.keyPairs(ctx, id); err != nil {
		return ProtocolConnection{}, err
	}
	live.ClientSecret, err = s.clientSecret(ctx, live.Connection)
	return live, err
}

// withSettings adds the live version.
func (r connectionRow) withSettings(db *gorm.DB) (Connection, error) {
	return r.withVersion(db, r.LiveVersion)
}

// withVersion adds one of its versions.
func (r connectionRow) withVersion(db *gorm.DB, id string) (Connection, error) {
	var version versionRow
	if err := db.Where("id = ? AND connection_id = ?", id, r.ID).Take(&version).Error; err != nil {
		return Connection{}, fmt.Errorf("read settings of connection %s: %w", r.ID, err)
	}
	return r.with(db, version)
}

// with adds a version that was read already. Alternate addresses that were taken away meanwhile are left out.
func (r connectionRow) with(db *gorm.DB, version versionRow) (Connection, error) {
	connection := Connection{
		ID: r.ID, OrganizationID: r.OrganizationID, Name: r.Name, Protocol: r.Protocol, Kind: r.Kind, Source: r.Source, SetupDone: strings.Fields(r.SetupDone),
		State: r.State, Priority: r.Priority,
		VersionID: version.ID, VersionNumber: version.Number, TestedAt: inUTC(r.TestedAt), Version: r.Version,
		DraftID: r.DraftVersion, DraftTestedAt: inUTC(r.DraftTestedAt),
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
	if err := version.decode(r.Protocol, &connection.Settings, &connection.OIDC); err != nil {
		return Connection{}, fmt.Errorf("read settings of connection %s: %w", r.ID, err)
	}
	return connection, connection.withoutStray(db)
}

// CreateConnection makes a draft with its first version of settings and our key pair for it. Settings may be incomplete: what is missing
// is asked for when it is activated. [NotEntitled] where the plan has no single sign-on.
func (c *Scope) CreateConnection(ctx context.Context, actor audit.Actor, name string, settings SAMLSettings, key NewKey) (Connection, error) {
	return c.CreateDraft(ctx, actor, NewConnection{Name: name, Protocol: ProtocolSAML, SAML: settings}, key)
}

// createConnection makes the draft; with adds what its protocol needs.
func (c *Scope) createConnection(ctx context.Context, actor audit.Actor, draft NewConnection, first settings, with func(*write, connectionRow) error) (Connection, error) {
	problems := &Invalid{}
	draft.Name = problems.named("name", draft.Name)
	checkKind(problems, draft.Kind, draft.Protocol)
	first.check(problems)
	if err := problems.Err(); err != nil {
		return Connection{}, err
	}
	var made Connection
	err := c.write(ctx, actor, func(w *write) error {
		if err := w.entitled(access.EntitledSSO); err != nil {
			return err
		}
		if err := w.lockOrganization(c.organization); err != nil {
			return err // or two at once would both find one place left
		}
		last, count, err := w.lastPriority()
		if err != nil {
			return err
		}
		if count >= MostConnections {
			return invalid("name", fmt.Sprintf("An organization has at most %d connections. Delete one that nobody signs in through any more.", MostConnections))
		}
		row := connectionRow{
			ID: newID(idConnection, w.now), OrganizationID: c.organization, Name: draft.Name, Protocol: draft.Protocol, Kind: draft.Kind, Source: draft.Source, State: ConnectionDraft, Priority: last,
			LiveVersion: newID(idVersion, w.now), Version: 1, CreatedAt: w.now, UpdatedAt: w.now,
		}
		if err := w.Create(&row).Error; err != nil {
			return err
		}
		if err := with(w, row); err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.ConnectionCreated, Targets: row.targets()})
		if given := first.alternate(); !given.none() {
			if err := w.giveAlternate(row, given); err != nil {
				return err
			}
		}
		w.tell(ChangedConnection, row.ID)
		if made, err = row.withSettings(w.DB); err == nil && draft.rehearsed {
			err = errRehearsed
		}
		return err
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) && draft.Source != "" {
		err = ErrConflict // it was imported just now
	}
	if err != nil {
		return Connection{}, fmt.Errorf("create connection: %w", err)
	}
	return made, nil
}

func (r connectionRow) targets() []audit.Target {
	return []audit.Target{{Kind: "connection", ID: r.ID, Name: r.Name}}
}

func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	utc := t.UTC()
	return &utc
}
